//! One order: the same packets give the same findings, byte for byte, for any number of workers and any cutting into
//! files. Findings about the sensor itself are exempt from that promise, and are compared by themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::{Desk, Ran, json_lines, kinds, text};

/// Exchanges of the capture: sessions over several connections, loss, reordering, and times that tie.
const EXCHANGES: u64 = 100_000;

/// A replay of the capture, which is `cut` into that many files.
#[derive(Clone, Copy, Debug)]
struct Way {
    workers: usize,
    cut: usize,
    updates: bool,
    exchanges: bool,
}

const WAYS: [Way; 8] = [
    Way { workers: 1, cut: 1, updates: false, exchanges: true },
    Way { workers: 8, cut: 1, updates: false, exchanges: true },
    Way { workers: 2, cut: 3, updates: false, exchanges: false },
    Way { workers: 4, cut: 7, updates: false, exchanges: false },
    Way { workers: 8, cut: 7, updates: false, exchanges: false },
    Way { workers: 1, cut: 1, updates: true, exchanges: false },
    Way { workers: 4, cut: 3, updates: true, exchanges: false },
    Way { workers: 8, cut: 7, updates: true, exchanges: false },
];

/// What a way gave.
struct Given {
    way: Way,
    ran: Ran,
    findings: Vec<u8>,
}

#[test]
fn findings_are_the_same_for_any_number_of_workers_and_files() {
    let mut fired = minutes();
    fired.extend(weeks());
    assert_eq!(fired, kinds().into_iter().collect(), "every kind of finding takes part");
}

/// The kinds that ten weeks of habits show.
fn weeks() -> BTreeSet<String> {
    let desk = Desk::new();
    let made = spyhop_testkit::weeks(20_261_120).expect("memory takes every write");
    let cuts = [1, 3, 7].map(|files| (files, cut(&desk, &made.pcap, files)));
    desk.write("sensor.toml", b"");
    let given = travel(&desk, &cuts);
    assert_alike(&given);
    assert_eq!(desk.read("exchanges-0.jsonl"), desk.read("exchanges-1.jsonl"), "exchanges of one worker and of eight");
    for given in &given {
        let said = String::from_utf8_lossy(&given.findings);
        let told = made.secrets.iter().find(|secret| said.contains(secret.as_str()));
        assert_eq!((told, losses(&given.ran.stderr)), (None, Vec::new()), "{:?}", given.way);
    }
    fired(&given[0])
}

/// The kinds that a working day of a few minutes shows, with loss, reordering, and a mirror that doubles.
fn minutes() -> BTreeSet<String> {
    let desk = Desk::new();
    let mut capture = Vec::new();
    let planted = spyhop_testkit::scenario(20_261_120, EXCHANGES, &mut capture).expect("memory takes every write");
    assert!(planted.carried_sessions > EXCHANGES / 10, "sessions go over connections");
    assert!(planted.totals.late > 1_000 && planted.totals.lost > 10, "{:?}", planted.totals);
    let capture = partly_double(&capture);
    let cuts = [1, 3, 7].map(|files| (files, cut(&desk, &capture, files)));
    drop(capture);
    let canary = spyhop_testkit::CANARY;
    desk.write("sensor.toml", format!("[[types.canary]]\nname = \"nobody\"\nvalue = \"{canary}\"\n").as_bytes());

    let given = travel(&desk, &cuts);
    let (finals, updates) = assert_alike(&given);
    assert_eq!(desk.read("exchanges-0.jsonl"), desk.read("exchanges-1.jsonl"), "exchanges of one worker and of eight");

    for given in &given {
        assert_eq!(
            losses(&given.ran.stderr),
            ["gap_bytes"],
            "{:?}: a limit bit, which excuses from everything",
            given.way
        );
    }
    let lines = |given: &Given| given.findings.iter().filter(|byte| **byte == b'\n').count();
    assert!(lines(updates[0]) > lines(finals[0]), "changes are more than findings");
    fired(finals[0])
}

fn fired(given: &Given) -> BTreeSet<String> {
    json_lines(&given.findings).iter().map(|finding| text(finding, "kind").to_owned()).collect()
}

/// Compares all that give findings at the end, and all that give updates.
fn assert_alike(given: &[Given]) -> (Vec<&Given>, Vec<&Given>) {
    let (finals, updates): (Vec<&Given>, Vec<&Given>) = given.iter().partition(|given| !given.way.updates);
    for same in [&finals, &updates] {
        for pair in same.windows(2) {
            let [left, right] = pair else { continue };
            assert_same(left, right, false);
            assert_same(left, right, true);
            assert!(left.findings == right.findings, "{:?} and {:?}: in another order", left.way, right.way);
        }
    }
    (finals, updates)
}

/// A restart between two nights costs nothing that was learnt: the same incidents and weaknesses, with the same counts.
#[test]
fn what_was_learnt_survives_a_restart() {
    let desk = Desk::new();
    let pcap = spyhop_testkit::weeks(7).expect("memory takes every write").pcap;
    // In the sixth week, before the incidents that its habits show, and long after the last call of the day.
    let night = spyhop_testkit::time(44 * 86_400 - 7_200).seconds();
    let second = |packet: &Range<usize>| u32::from_le_bytes(pcap[packet.start..][..4].try_into().expect("four octets"));
    let found = packets(&pcap).into_iter().find(|packet| u64::from(second(packet)) > night);
    let middle = found.expect("packets after that").start;
    let whole = desk.write("whole.pcap", &pcap);
    let before = desk.write("before.pcap", &pcap[..middle]);
    let after = desk.write("after.pcap", &[&pcap[..FILE_HEADER], &pcap[middle..]].concat());

    desk.replay(&[whole], &["--state", "one", "--findings-out", "one.jsonl"]).good();
    for (file, out) in [(before, "before.jsonl"), (after, "after.jsonl")] {
        desk.replay(&[file], &["--state", "two", "--findings-out", out]).good();
    }
    let told = |names: &[&str]| -> BTreeMap<String, (String, u64)> {
        let lines = names.iter().flat_map(|name| json_lines(&desk.read(name)));
        let told = |finding: serde_json::Value| {
            (
                text(&finding, "id").to_owned(),
                (text(&finding, "kind").to_owned(), finding["count"].as_u64().unwrap_or(0)),
            )
        };
        lines.map(told).collect()
    };
    // What the operator knows of stays away, and is counted.
    let known = "[[findings.suppress]]\nkind = \"auth.machine_login\"\naddress = \"10.20.9.0/24\"\nreason = \"a nightly job\"\n\
                 until = \"2027-01-31\"\n";
    let config = desk.write("sensor.toml", known.as_bytes());
    let options = ["--config".as_ref(), config.as_os_str(), "--findings-out".as_ref(), "less.jsonl".as_ref()];
    let ran = desk.replay(&[desk.path("whole.pcap")], &options).good();
    let without = |id: &String| told(&["less.jsonl"]).contains_key(id);
    let (one, two) = (told(&["one.jsonl"]), told(&["before.jsonl", "after.jsonl"]));
    assert!(one.len() > 25, "{one:?}");
    assert_eq!(one, two);
    let gone: Vec<&str> = one.iter().filter(|(id, _)| !without(id)).map(|(_, (kind, _))| &**kind).collect();
    assert_eq!(gone, ["auth.machine_login"]);
    assert!(ran.stderr.contains("auth.machine_login  3 hits, until 2027-01-31: a nightly job"), "{}", ran.stderr);
}

/// A nanosecond pcap as a mirror gives it that delivers every eighth packet twice.
fn partly_double(capture: &[u8]) -> Vec<u8> {
    const FILE: usize = 24;
    const RECORD: usize = 16;
    let (header, mut rest) = capture.split_at(FILE);
    let mut out = header.to_vec();
    for number in 0.. {
        let Some(length) = rest.get(8..12) else { break };
        let length = RECORD + u32::from_le_bytes(length.try_into().expect("four octets")) as usize;
        let (record, behind) = rest.split_at(length);
        (0..if number % 8 == 0 { 2 } else { 1 }).for_each(|_| out.extend(record));
        rest = behind;
    }
    out
}

/// Replays in all ways, two at a time.
fn travel(desk: &Desk, cuts: &[(usize, Vec<PathBuf>)]) -> Vec<Given> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut given = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(way) = WAYS.get(number) else { return given };
            let files = cuts.iter().find(|(files, _)| *files == way.cut).map(|(_, paths)| paths.as_slice());
            let (findings, exchanges) = (format!("findings-{number}.jsonl"), format!("exchanges-{number}.jsonl"));
            let workers = way.workers.to_string();
            let mut options = vec!["--workers", &workers, "--findings-out", &findings];
            if way.updates {
                options.push("--updates");
            }
            if way.exchanges {
                options.extend(["--exchanges-out", &exchanges]);
            }
            let ran = desk.replay(files.expect("a cut for each way"), &options).good();
            given.push((number, Given { way: *way, ran, findings: desk.read(&findings) }));
        }
    };
    let mut given = std::thread::scope(|scope| {
        let other = scope.spawn(work);
        let mut given = work();
        given.extend(other.join().expect("the other half went well"));
        given
    });
    given.sort_by_key(|(number, _)| *number);
    given.into_iter().map(|(_, given)| given).collect()
}

/// Compares the findings about the sensor, or all others.
#[track_caller]
fn assert_same(left: &Given, right: &Given, sensor: bool) {
    let of = |given: &Given| -> Vec<String> {
        let lines = String::from_utf8_lossy(&given.findings).into_owned();
        lines.lines().filter(|line| line.contains("\"kind\":\"sensor.") == sensor).map(str::to_owned).collect()
    };
    let (ours, theirs) = (of(left), of(right));
    let at = ours.iter().zip(&theirs).position(|(a, b)| a != b).unwrap_or(ours.len().min(theirs.len()));
    let line = |lines: &[String]| lines.get(at).cloned().unwrap_or_else(|| "(the end)".to_owned());
    assert!(ours == theirs, "line {at} of {:?}\n{}\nand of {:?}\n{}", left.way, line(&ours), right.way, line(&theirs));
}

/// Reasons of loss that the summary lists.
fn losses(summary: &str) -> Vec<&str> {
    let listed = summary.lines().skip_while(|line| !line.starts_with("Not seen or not kept")).skip(1);
    listed.filter_map(|line| line.strip_prefix("  ").filter(|rest| !rest.starts_with(' '))?.split(' ').next()).collect()
}

/// Cuts a pcap file into `files` of about the same number of packets, the last of them first.
fn cut(desk: &Desk, capture: &[u8], files: usize) -> Vec<PathBuf> {
    let packets = packets(capture);
    let each = packets.len().div_ceil(files);
    let header = &capture[..FILE_HEADER];
    let parts = packets.chunks(each).enumerate().map(|(part, packets)| {
        let range = packets[0].start..packets[packets.len() - 1].end;
        desk.write(&format!("cut-{files}-{part}.pcap"), &[header, &capture[range]].concat())
    });
    let mut paths: Vec<PathBuf> = parts.collect();
    paths.reverse();
    assert_eq!(paths.len(), files);
    paths
}

/// Octets before the first packet of a classic pcap file, and before the data of each.
const FILE_HEADER: usize = 24;
const PACKET_HEADER: usize = 16;

/// Where each packet stands with its header.
fn packets(capture: &[u8]) -> Vec<Range<usize>> {
    let (mut at, mut packets) = (FILE_HEADER, Vec::new());
    while let Some(header) = capture.get(at..at + PACKET_HEADER) {
        let len = u32::from_le_bytes(header[8..12].try_into().expect("four octets")) as usize;
        packets.push(at..at + PACKET_HEADER + len);
        at += PACKET_HEADER + len;
    }
    assert_eq!(at, capture.len(), "whole packets to the end");
    packets
}
