//! Each case of `pcaps` gives the findings written beside it. `UPDATE=1` writes them anew.

use std::collections::BTreeSet;

use crate::support::{Desk, cases, json_lines, text};

const EXPECTED: &str = "findings.jsonl";

#[test]
fn each_case_gives_the_findings_beside_it() {
    let update = std::env::var_os("UPDATE").is_some_and(|value| value == "1");
    let mut wrong = Vec::new();
    for case in cases() {
        let desk = Desk::new();
        desk.replay(&[case.join("input.pcap")], &["--findings-out", EXPECTED]).good();
        let found = String::from_utf8(desk.read(EXPECTED)).expect("text");
        let path = case.join(EXPECTED);
        if update {
            std::fs::write(&path, &found).expect("the repository can be written");
            continue;
        }
        let expected = std::fs::read_to_string(&path).unwrap_or_default();
        if let Some(difference) = difference(&expected, &found) {
            wrong.push(format!("{}:{difference}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "UPDATE=1 writes them anew\n{}", wrong.join("\n"));
}

/// The first line that differs, as text.
fn difference(expected: &str, found: &str) -> Option<String> {
    if expected == found {
        return None;
    }
    let (mut expected, mut found) = (expected.lines(), found.lines());
    (1..).find_map(|line| match (expected.next(), found.next()) {
        (left, right) if left == right && left.is_some() => None,
        (left, right) => Some(format!("{line}:\n  expected {}\n  found    {}", shown(left), shown(right))),
    })
}

fn shown(line: Option<&str>) -> &str {
    line.unwrap_or("(the end)")
}

#[test]
fn the_demonstration_shows_every_family() {
    let demo = cases().into_iter().find(|case| case.ends_with("demo")).expect("the demonstration");
    let desk = Desk::new();
    desk.replay(&[demo.join("input.pcap")], &["--findings-out", EXPECTED]).good();
    let findings = json_lines(&desk.read(EXPECTED));
    let families: BTreeSet<&str> =
        findings.iter().filter_map(|finding| text(finding, "kind").split_once('.')).map(|(family, _)| family).collect();
    assert_eq!(families, BTreeSet::from(["access", "auth", "data", "flow", "sensor"]));
}
