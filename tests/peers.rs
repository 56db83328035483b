//! Servers and clients that are not ours talk on loopback. What was captured of it, replayed, and what a live run saw at the same time
//! have to say just what the peers said themselves: each scenario of `tests/peers` leaves the packets and its own account.
//!
//! `SPYHOP_PEERS_PYTHON` is a Python 3 with the packages of `tests/requirements.txt`; without it the tests skip and say so.
//! `tests/run` makes it ready, and tcpdump, curl and openssl.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::{Desk, json_lines, run};

/// How a scenario says that it may not capture.
const SKIPPED: i32 = 77;
/// The numbers that scenarios plant begin so; none of them may leave the sensor.
const PLANTED: [&str; 4] = ["13586024719", "18703951264", "15927480365", "42010619880917253"];

/// Whether a record says what is wanted of it; null wants the absence of a field.
fn fits(want: &Value, have: &Value) -> bool {
    match want.as_object() {
        Some(fields) => fields.iter().all(|(name, want)| fits(want, &have[name])),
        None => want == have,
    }
}

/// Asserts that each record is wanted, and each wanted one there.
#[track_caller]
fn compare(what: &str, wanted: &Value, mut records: Vec<Value>) {
    let wanted = wanted.as_array().expect("a list");
    let mut missing = Vec::new();
    for want in wanted {
        match records.iter().position(|have| fits(want, have)) {
            Some(at) => drop(records.remove(at)),
            None => missing.push(want),
        }
    }
    assert!(missing.is_empty() && records.is_empty(), "{what}:\nmissing {missing:#?}\ntoo many {records:#?}");
}

/// The reasons of losses that a summary tells.
fn lost(told: &str) -> Vec<&str> {
    let told = told.split_once("Not seen or not kept\n").map_or("", |(_, rest)| rest);
    let told = told.lines().take_while(|line| line.starts_with("  "));
    told.filter(|line| !line.starts_with("   ")).filter_map(|line| line.split_whitespace().next()).collect()
}

/// Runs a scenario, and compares what it said with what a live run and a replay of its capture say.
fn peers(scenario: &str) {
    let Some(python) = std::env::var_os("SPYHOP_PEERS_PYTHON") else {
        eprintln!(
            "SKIPPED: SPYHOP_PEERS_PYTHON names no Python with what tests/peers needs; {scenario} was not tested"
        );
        return;
    };
    let desk = Desk::new();
    desk.write("sensor.toml", b"");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers").join(scenario);
    let mut command = Command::new(python);
    command.env("PYTHONDONTWRITEBYTECODE", "1").arg(script).arg(desk.path(""));
    command
        .args([env!("CARGO_BIN_EXE_spyhop"), "run", "-i", "lo", "--color", "never", "--key-file"])
        .arg(desk.path("key"));
    command.args(["--exchanges-out", "live.exchanges", "--observations-out", "live.seen"]);
    let ran = run(&mut command);
    if ran.code == Some(SKIPPED) {
        eprintln!("{}", ran.stderr);
        return;
    }
    assert_eq!(ran.code, Some(0), "{scenario}: {}", ran.stderr);
    let replayed = desk
        .replay(&["wire.pcap"], &["--exchanges-out", "replay.exchanges", "--observations-out", "replay.seen"])
        .good();
    let live = String::from_utf8(desk.read("live.err")).expect("text");
    let said: Value = serde_json::from_slice(&desk.read("said.json")).expect("JSON");
    for (by, told) in [("replay", &replayed.stderr), ("live", &live)] {
        // A host that is busy with other tests hands packets over late; that loses nothing.
        let lost = lost(told);
        let is_late = by == "live" && lost == ["packets_late"];
        assert!(told.contains("Nothing was lost") || is_late, "{scenario}, {by}: {told}");
        for part in ["exchanges", "seen"] {
            let bytes = desk.read(&format!("{by}.{part}"));
            let text = String::from_utf8_lossy(&bytes);
            assert!(!PLANTED.iter().any(|value| text.contains(value)), "{scenario}, {by}: {text}");
            compare(&format!("{scenario}, {by}, {part}"), &said[part], json_lines(&bytes));
        }
    }
}

#[test]
fn http2_of_curl_hypercorn_and_h2() {
    peers("http2.py");
}

#[test]
fn grpc_of_grpcio() {
    peers("grpc_calls.py");
}

#[test]
fn websockets_and_event_streams() {
    peers("messages.py");
}

#[test]
fn tunnels_of_curl() {
    peers("tunnels.py");
}

#[test]
fn tls_of_openssl_and_quic_of_aioquic() {
    peers("handshakes.py");
}

#[test]
fn pages_in_chinese_charsets() {
    peers("pages.py");
}

#[test]
fn accounts_of_real_applications() {
    let Some(python) = std::env::var_os("SPYHOP_PEERS_PYTHON") else {
        eprintln!("SKIPPED: SPYHOP_PEERS_PYTHON names no Python with what tests/peers needs; accounts were not tested");
        return;
    };
    let desk = Desk::new();
    desk.write("sensor.toml", b"");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/accounts.py");
    let ran = run(Command::new(python).env("PYTHONDONTWRITEBYTECODE", "1").arg(script).arg(desk.path("")));
    if ran.code == Some(SKIPPED) {
        eprintln!("{}", ran.stderr);
        return;
    }
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    desk.replay(&["wire.pcap"], &["--exchanges-out", "exchanges"]).good();
    let said: Value = serde_json::from_slice(&desk.read("said.json")).expect("JSON");
    let records = json_lines(&desk.read("exchanges"));
    let (mut right, mut missed, mut wrong) = (0, Vec::new(), Vec::new());
    for call in said["calls"].as_array().expect("a list") {
        let number = format!("n={}", call["n"]);
        let of_call = |record: &&Value| {
            let target = record["request"]["target"].as_str().unwrap_or("");
            target.ends_with(&number) || target.contains(&format!("{number}&"))
        };
        let record = records.iter().find(of_call).unwrap_or_else(|| panic!("no record of {call}"));
        match (call["user"].as_str(), record["account"].as_str()) {
            (Some(user), Some(account)) if is_name_of(user, account) => right += 1,
            (Some(_), None) => missed.push(format!("{call} {}", record["endpoint"])),
            (None, None) => {}
            (_, Some(account)) => wrong.push(format!("{call} {} {account}", record["endpoint"])),
        }
    }
    eprintln!("accounts: {right} right, {} missed {missed:#?}, {} wrong", missed.len(), wrong.len());
    assert!(wrong.is_empty(), "attributed to somebody else: {wrong:#?}");
    assert!(right >= 60 && right * 100 >= 98 * (right + missed.len()), "{right} right, missed {missed:#?}");
}

/// Names that are personal values leave as a mask with a fingerprint.
fn is_name_of(user: &str, account: &str) -> bool {
    let digits = user.len() == 11 && user.bytes().all(|b| b.is_ascii_digit());
    match account.split_once("****") {
        Some((front, rest)) if digits => {
            let back = rest.split('~').next().unwrap_or("");
            front.len() >= 3 && user.starts_with(front) && user.ends_with(back)
        }
        _ => user == account,
    }
}
