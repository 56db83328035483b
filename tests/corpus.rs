//! Conformance captures that others wrote for their own HTTP and TCP code, scored by the script that stands beside them.
//!
//! `SPYHOP_CORPUS` names their folder; unset, the test skips and says so.

use std::path::Path;
use std::process::Command;

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
