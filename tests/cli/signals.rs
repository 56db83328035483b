//! Ctrl-C in the middle.

use std::io::Write;
use std::process::ChildStdin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use spyhop_testkit::scenario;

use super::{Place, json_lines, wait_until};

/// A capture that goes on and on, as `tcpdump -w -` gives it: the same traffic again and again, piece by piece.
fn endless(mut pipe: ChildStdin, stop: Arc<AtomicBool>) -> JoinHandle<()> {
    let mut capture = Vec::new();
    scenario(7, 2_000, &mut capture).expect("a capture in memory");
    std::thread::spawn(move || {
        let (header, packets) = capture.split_at(24);
        if pipe.write_all(header).is_err() {
            return;
        }
        while !stop.load(Ordering::Relaxed) {
            for piece in packets.chunks(16 * 1_024) {
                if pipe.write_all(piece).is_err() {
                    return;
                }
                std::thread::sleep(Duration::from_millis(2));
            }
        }
    })
}

#[test]
fn an_interrupted_replay_reports_what_it_read() {
    for (name, code) in [("INT", 1), ("TERM", 1)] {
        let place = Place::new();
        let arguments = ["replay", "/dev/stdin", "--format", "json", "--exchanges-out", "x.jsonl", "--state", "memory"];
        let mut child = place.start(&arguments);
        let stop = Arc::new(AtomicBool::new(false));
        let feeder = endless(child.pipe(), stop.clone());
        wait_until("exchanges are written", || {
            std::fs::metadata(place.path("x.jsonl")).is_ok_and(|file| file.len() > 0)
        });
        child.signal(name);
        let ended = child.code();
        stop.store(true, Ordering::Relaxed);
        feeder.join().expect("no panic");
        let err = place.read("err");
        assert_eq!(ended, code, "SIG{name}: {err}");
        assert!(err.contains("interrupted; what was read until then is reported"), "{err}");
        assert!(err.contains("Summary") && !err.contains("ends within"), "{err}");
        let exchanges = place.lines("x.jsonl").len();
        assert!(
            err.contains(&format!("{} exchanges,", grouped(exchanges))),
            "{exchanges} exchanges in the file: {err}"
        );
        assert!(!json_lines(&place.read("out")).is_empty(), "findings so far");
        assert!(place.path("memory/snapshot.json").exists(), "what was learnt is kept");
    }
}

/// A number as the summary writes it.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> = digits.as_bytes().rchunks(3).rev().filter_map(|group| str::from_utf8(group).ok()).collect();
    groups.join(",")
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let place = Place::new();
    let mut child = place.start(&["replay", "/dev/stdin", "--exchanges-out", "x.jsonl"]);
    let mut stdin = child.pipe();
    stdin.write_all(&super::demo()[..200_000]).expect("it is read");
    wait_until("it has begun", || place.path("x.jsonl").exists());
    // Whoever feeds it has stalled: the first signal waits for a packet that never comes.
    child.signal("INT");
    std::thread::sleep(Duration::from_millis(200));
    child.signal("INT");
    assert_eq!(child.code(), 1, "{}", place.read("err"));
    drop(stdin);
}
