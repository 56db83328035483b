//! Whether a mirror that delivers badly is told from one that delivers well: `spyhop doctor`, and `sensor.mirror`.

use std::process::Command;

use serde_json::Value;
use spyhop_model::{Side, Span};
use spyhop_testkit::{Capture, Conversation, Precision};

use crate::support::Desk;

/// Connections on one VLAN, each with an exchange.
fn vlan(id: u16, count: u16, seen: Option<Side>) -> impl Iterator<Item = Conversation> {
    (0..count).map(move |n| {
        let conversation = Conversation::new(&format!("10.{id}.{}.{}:40000", n / 200, n % 200 + 1), "10.9.9.9:80")
            .at(spyhop_testkit::time(u64::from(n)))
            .vlan(id);
        let conversation = match seen {
            Some(side) => conversation.one_sided(side),
            None => conversation,
        };
        conversation
            .client("GET /report HTTP/1.1\r\nHost: mirror.example\r\n\r\n")
            .server(format!("HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{}", "x".repeat(900)))
            .close()
    })
}

fn capture() -> Capture {
    let mut all = Capture::of(vlan(10, 80, None));
    all.add(Capture::of(vlan(20, 80, Some(Side::Responder))).frames);
    let mut twice = Capture::of(vlan(30, 80, None));
    twice.duplicate(7, 100.0, Span(20_000));
    all.add(twice.frames);
    let mut cut = Capture::of(vlan(40, 80, None));
    cut.cut(200);
    all.add(cut.frames);
    all.sort();
    all
}

fn doctor(arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_spyhop"));
    let output = command.arg("doctor").args(arguments).args(["--color", "never"]).output().expect("the program starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn the_doctor_says_of_each_vlan_what_is_wrong() {
    let desk = Desk::new();
    let path = desk.write("mirror.pcap", &capture().pcap(Precision::Nano).expect("a capture"));
    let path = path.display().to_string();
    let (code, text, wrong) = doctor(&[&path, "--format", "json"]);
    assert_eq!(code, Some(3), "{wrong}");
    let told: Value = serde_json::from_str(&text).expect("JSON");
    let of = |vlan: u16| {
        let taps = told["taps"].as_array().expect("taps");
        let tap = taps.iter().find(|tap| tap["vlan"] == vlan).unwrap_or_else(|| panic!("VLAN {vlan} in {told:#}"));
        let faults =
            tap["faults"].as_array().expect("faults").iter().map(|fault| fault["fault"].as_str().unwrap_or(""));
        (tap["verdict"].as_str().unwrap_or(""), faults.collect::<Vec<_>>().join(" "), tap)
    };
    assert_eq!((of(10).0, of(10).1.as_str()), ("good", ""));
    assert_eq!(of(20).1, "one_way", "{:#}", of(20).2);
    assert_eq!(of(30).1, "twice");
    assert_eq!(of(40).1, "cut");
    assert_eq!(of(10).2["protocols"]["http1"], 80);
    for lang in ["en", "zh"] {
        let (code, text, _) = doctor(&[&path, "--lang", lang]);
        assert_eq!(code, Some(3));
        assert!(text.contains("VLAN 20") && text.contains("monitor session 1 source"), "{text}");
    }
}

#[test]
fn a_double_mirror_gives_each_exchange_once_and_one_finding() {
    let desk = Desk::new();
    let path = desk.write("mirror.pcap", &capture().pcap(Precision::Nano).expect("a capture"));
    let ran = desk.replay(&[path], &["--exchanges-out", "exchanges.jsonl", "--format", "json"]).good();
    let exchanges = String::from_utf8(desk.read("exchanges.jsonl")).expect("UTF-8");
    let on = |vlan: u16| exchanges.lines().filter(|line| line.contains(&format!("\"vlans\":[{vlan}]"))).count();
    assert_eq!([on(10), on(20), on(30), on(40)], [80, 80, 80, 80]);
    let findings = String::from_utf8(ran.stdout).expect("UTF-8");
    let mirror: Vec<&str> = findings.lines().filter(|line| line.contains("\"sensor.mirror\"")).collect();
    assert_eq!(mirror.len(), 3, "{findings}");
    assert!(mirror.iter().all(|finding| !finding.contains("VLAN 10")), "{mirror:?}");
}

#[test]
fn a_doctor_with_nothing_to_look_at_says_so() {
    let (code, _, wrong) = doctor(&[]);
    assert_eq!(code, Some(2));
    assert!(wrong.contains("-i NAME"), "{wrong}");
    let (code, _, wrong) = doctor(&["/nonexistent.pcap"]);
    assert_eq!(code, Some(1), "{wrong}");
    let (code, _, wrong) = doctor(&["-i", "nosuch0"]);
    assert_eq!(code, Some(1));
    assert!(wrong.contains("nosuch0"), "{wrong}");
}
