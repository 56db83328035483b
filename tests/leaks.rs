//! No output of the sensor holds a secret: passwords, tokens, sessions, keys and personal values are planted in every
//! place and encoding that is read, and every octet of every output is searched for pieces of them.

mod places;
mod secrets;

use std::path::Path;

use serde_json::Value;

use crate::support::{Desk, Ran, json_lines, text};
use places::Garden;
use secrets::Search;

/// Replays with every output there is, in both languages, and returns the outputs with their names.
fn outputs(desk: &Desk, capture: &Path) -> Vec<(String, Vec<u8>)> {
    let mut outputs = Vec::new();
    let mut keep = |run: &str, ran: Ran| {
        outputs.push((format!("{run}: standard output"), ran.stdout));
        outputs.push((format!("{run}: standard error"), ran.stderr.into_bytes()));
    };
    let files = ["--findings-out", "findings", "--exchanges-out", "exchanges", "--observations-out", "observations"];
    keep("pretty, English", desk.replay(&[capture], &[&files[..], &["--state", "state"]].concat()).good());
    let updates = ["--findings-out", "updates", "--updates", "--lang", "zh"];
    keep("pretty, Chinese", desk.replay(&[capture], &updates).good());
    keep("JSON, Chinese", desk.replay(&[capture], &["--format", "json", "--lang", "zh"]).good());
    for name in ["findings", "exchanges", "observations", "updates"] {
        outputs.push((name.to_owned(), desk.read(name)));
    }
    // Parquet is compressed: what stands in it shows when it is printed.
    for rows in ["calls", "findings"] {
        let printed = desk.spyhop(&["ledger", "rows", rows, "--state", "state"]).good().stdout;
        assert!(!printed.is_empty() || rows == "findings", "the ledger holds {rows}");
        outputs.push((format!("ledger: {rows}"), printed));
    }
    files_in(desk, "state", &mut outputs);
    outputs
}

/// Every file in a folder of the desk, however deep.
fn files_in(desk: &Desk, folder: &str, outputs: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(desk.path(folder)).expect("a folder") {
        let entry = entry.expect("an entry");
        let name = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if entry.file_type().expect("a type").is_dir() {
            files_in(desk, &name, outputs);
        } else {
            let bytes = desk.read(&name);
            outputs.push((name, bytes));
        }
    }
}

/// Plants, replays, searches.
fn assert_no_leak(seed: u64, plant: fn(&mut Garden)) -> Vec<(String, Vec<u8>)> {
    let mut garden = Garden::new(seed);
    plant(&mut garden);
    assert_not_found(&Search::new(&garden.secrets), &garden.pcap())
}

fn assert_not_found(search: &Search, capture: &[u8]) -> Vec<(String, Vec<u8>)> {
    let desk = Desk::new();
    let capture = desk.write("planted.pcap", capture);
    let outputs = outputs(&desk, &capture);
    let mut leaks = Vec::new();
    for (name, bytes) in &outputs {
        leaks.extend(search.find(bytes).into_iter().map(|leak| format!("{name}: {leak}")));
    }
    assert!(leaks.is_empty(), "{} leaks\n{}", leaks.len(), leaks.join("\n"));
    outputs
}

fn records(outputs: &[(String, Vec<u8>)], name: &str) -> Vec<Value> {
    let found = outputs.iter().find(|(known, _)| known == name);
    json_lines(&found.expect("an output of that name").1)
}

#[test]
fn bodies_do_not_leak() {
    let outputs = assert_no_leak(1, Garden::bodies);
    // The values were read, else their absence would say nothing.
    let observations = records(&outputs, "observations");
    for what in ["cn_mobile", "cn_resident_id", "bank_card", "email"] {
        let seen = observations.iter().filter(|seen| text(seen, "type") == what && text(seen, "form") == "full");
        let seen = seen.count();
        assert!(seen > 130, "{what}: {seen} of 190 bodies");
    }
}

#[test]
fn targets_do_not_leak() {
    let outputs = assert_no_leak(2, Garden::targets);
    let redacted = records(&outputs, "exchanges");
    assert!(redacted.len() > 200 && redacted.iter().all(|exchange| exchange["redacted"] == true));
}

#[test]
fn headers_do_not_leak() {
    let outputs = assert_no_leak(3, Garden::headers);
    let exchanges = records(&outputs, "exchanges");
    let carried = |exchange: &&Value| exchange["credentials"].as_array().is_some_and(|all| !all.is_empty());
    assert!(exchanges.iter().filter(carried).count() > 30);
}

#[test]
fn names_do_not_leak() {
    let outputs = assert_no_leak(4, Garden::names);
    assert!(records(&outputs, "observations").len() > 60);
}

#[test]
fn logins_do_not_leak() {
    let outputs = assert_no_leak(5, Garden::logins);
    let logins = records(&outputs, "exchanges").iter().filter(|exchange| exchange["login"].is_object()).count();
    assert!(logins > 40, "{logins}");
}

#[test]
fn malformed_messages_do_not_leak() {
    let outputs = assert_no_leak(6, Garden::malformed);
    let odd = |exchange: &&Value| exchange["defects"].as_array().is_some_and(|all| !all.is_empty());
    assert!(records(&outputs, "exchanges").iter().filter(odd).count() > 40);
}

#[test]
fn values_cut_off_do_not_leak() {
    let outputs = assert_no_leak(7, Garden::cut_off);
    let cut = |exchange: &&Value| exchange["defects"].as_array().is_some_and(|all| !all.is_empty());
    assert!(records(&outputs, "exchanges").iter().filter(cut).count() > 40);
}

#[test]
fn a_working_day_does_not_leak() {
    let mut capture = Vec::new();
    let planted = spyhop_testkit::scenario(8, 3_000, &mut capture).expect("memory takes every write");
    assert!(planted.secrets.len() > 2_000);
    assert_not_found(&Search::whole(&planted.secrets), &capture);
}

/// The same search finds what is there: raw fields hold what stood in targets.
#[test]
fn raw_fields_show_what_was_planted() {
    let mut garden = Garden::new(2);
    garden.targets();
    let desk = Desk::new();
    let capture = desk.write("planted.pcap", &garden.pcap());
    desk.replay(&[capture], &["--exchanges-out", "raw", "--raw-fields"]).good();
    let found = Search::new(&garden.secrets).find(&desk.read("raw"));
    let plain = found.iter().filter(|leak| leak.contains("(plain)")).count();
    assert_eq!(plain, garden.secrets.len(), "all that were planted");
}
