//! Conformance captures that others wrote for their own HTTP and TCP code, scored by the script that stands beside them.
//!
//! `SPYHOP_CORPUS` names their folder; unset, the test skips and says so.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::Desk;

/// Captures whose exchanges all have to be right in order, ends, method, target and status: as many as today.
const CORE: u32 = 190;
/// Captures that have to be right in hosts, versions and lengths too: as many as today. Raise both when more are reached.
const FULL: u32 = 190;

#[test]
fn conformance_captures_read_as_well_as_ever() {
    let Some(corpus) = std::env::var_os("SPYHOP_CORPUS") else {
        eprintln!("SKIPPED: SPYHOP_CORPUS names no folder of conformance captures; they were not scored");
        return;
    };
    let script = Path::new(&corpus).join("score.py");
    assert!(script.is_file(), "SPYHOP_CORPUS is set, but there is no {}", script.display());
    let replay = format!("'{}' replay -q --raw-fields --exchanges-out {{out}} {{pcap}}", env!("CARGO_BIN_EXE_spyhop"));
    // The script demands besides that nothing crashes and that captures without HTTP give nothing.
    let output = Command::new("python3")
        .arg(&script)
        .arg("--corpus")
        .arg(&corpus)
        .args(["--cmd", &replay, "--jobs", "2", "--fail-under", &format!("{CORE},{FULL}")])
        .output()
        .expect("python3 runs");
    let told = String::from_utf8_lossy(&output.stdout);
    let wrong = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "fewer than {CORE} core and {FULL} full, a crash, or noise:\n{told}{wrong}");
    assert!(told.contains("TOTAL"), "{told}{wrong}");
}

/// The string of EICAR's test file, as a pattern.
const EICAR: &str = r"X5O!P%@AP\[4\\PZX54\(P\^\)7CC\)7\}\$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!\$H\+H\*";

#[test]
fn a_custom_type_is_found_behind_every_evasive_response() {
    let Some(corpus) = std::env::var_os("SPYHOP_CORPUS") else {
        eprintln!("SKIPPED: SPYHOP_CORPUS names no folder of conformance captures; evasive responses were not read");
        return;
    };
    let desk = Desk::new();
    desk.write(
        "sensor.toml",
        format!("[[types.custom]]\nid = \"eicar\"\npattern = '{EICAR}'\ngrade = \"L4\"\n").as_bytes(),
    );
    let folder = std::fs::read_dir(&corpus).expect("the folder of captures");
    let mut read = 0;
    for path in folder.map(|entry| entry.expect("an entry").path()) {
        let Some(name) = path.to_str().and_then(|path| path.strip_suffix(".expected.json")) else { continue };
        let text = std::fs::read_to_string(&path).expect("an expectation");
        let expected: Value = serde_json::from_str(&text).expect("JSON");
        let exchanges = expected["exchanges"].as_array().map_or(&[][..], Vec::as_slice);
        if !exchanges.iter().any(|one| one["body_contains"].as_str().is_some_and(|text| text.contains("EICAR"))) {
            continue;
        }
        read += 1;
        let capture = format!("{name}{}", expected["ext"].as_str().unwrap_or(".pcap"));
        desk.replay(&[&capture], &["--observations-out", "seen.jsonl", "--format", "json"]).good();
        let seen = String::from_utf8(desk.read("seen.jsonl")).expect("UTF-8");
        assert!(seen.contains("\"type\":\"eicar\""), "not found in {capture}: {seen}");
        assert!(!seen.contains("ANTIVIRUS-TEST"), "shown as it is: {seen}");
    }
    assert!(read >= 30, "only {read} evasive responses in {}", Path::new(&corpus).display());
}
