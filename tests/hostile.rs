//! Attacks on the sensor, scaled down: memory stays within the budget, the counters tell what was given up, the accounts
//! add up, and the exchanges of bystanders are those that they are without the attack.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::OnceLock;

use spyhop_testkit::hostile::{Attack, is_bystander};

use crate::support::{Desk, json_lines};

const SEED: u64 = 20_261_123;
/// The least budget that the sensor takes, so that its limits are reached soon: some 12,500 connections.
const BUDGET: u64 = 134_217_728;

/// What a run told.
struct Told {
    /// The bystanders' exchanges, as written.
    bystanders: Vec<String>,
    /// How many others there are.
    others: usize,
    /// Reasons of loss with their counts, from the summary.
    losses: BTreeMap<String, u64>,
    /// The largest resident size in bytes.
    peak: u64,
    stderr: String,
}

/// Replays an attack; of `count` zero, the bystanders alone.
fn replay(attack: Attack, count: u64) -> Told {
    let desk = Desk::new();
    desk.write("sensor.toml", format!("[memory]\ntotal = {BUDGET}\n").as_bytes());
    let mut capture = Vec::new();
    attack.write(SEED, count, &mut capture).expect("memory takes every write");
    let input = desk.write("input.pcap", &capture);
    drop(capture);
    let options = ["--workers", "2", "--exchanges-out", "exchanges.jsonl", "--findings-out", "findings.jsonl"];
    let stderr = desk.replay(&[input], &options).good().stderr;
    for wrong in ["do not add up", "panic"] {
        assert!(!stderr.contains(wrong), "{}: {stderr}", attack.name());
    }
    let exchanges = desk.read("exchanges.jsonl");
    let records = json_lines(&exchanges);
    let lines = std::str::from_utf8(&exchanges).expect("JSON lines are UTF-8").lines();
    let client = |record: &serde_json::Value| record["client"]["ip"].as_str().and_then(|ip| ip.parse::<IpAddr>().ok());
    let ours = lines.zip(&records).filter(|(_, record)| client(record).is_some_and(is_bystander));
    let bystanders: Vec<String> = ours.map(|(line, _)| line.to_owned()).collect();
    let others = records.len() - bystanders.len();
    Told { bystanders, others, losses: losses(&stderr), peak: peak(&stderr), stderr }
}

/// The reasons of loss that a summary lists.
fn losses(summary: &str) -> BTreeMap<String, u64> {
    let listed = summary.lines().skip_while(|line| !line.starts_with("Not seen or not kept")).skip(1);
    let reasons = listed.filter_map(|line| line.strip_prefix("  ").filter(|rest| !rest.starts_with(' ')));
    let counted = reasons.filter_map(|line| {
        let mut words = line.split_whitespace();
        Some((words.next()?.to_owned(), words.next()?.replace(',', "").parse().ok()?))
    });
    counted.collect()
}

/// `peak memory 32.2 MB` in bytes.
fn peak(summary: &str) -> u64 {
    let said = summary.split("peak memory ").nth(1).unwrap_or_else(|| panic!("no peak memory in: {summary}"));
    let mut words = said.split_whitespace();
    let number: f64 = words.next().and_then(|number| number.parse().ok()).expect("a number");
    let unit = match words.next() {
        Some("GB") => 1e9,
        Some("MB") => 1e6,
        other => panic!("{other:?} is no unit of peak memory"),
    };
    (number * unit) as u64
}

/// The bystanders' exchanges when nobody attacks.
fn in_peace() -> &'static [String] {
    static ALONE: OnceLock<Vec<String>> = OnceLock::new();
    ALONE.get_or_init(|| {
        let told = replay(Attack::SynFlood, 0);
        assert_eq!((told.others, told.losses), (0, BTreeMap::new()));
        assert!(told.bystanders.len() >= 360, "{} exchanges", told.bystanders.len());
        told.bystanders
    })
}

/// Attacks, and checks what is true of every attack. Returns what was told, for what is true of this one.
#[track_caller]
fn attacked(attack: Attack, count: u64) -> Told {
    let told = replay(attack, count);
    let expected = in_peace();
    let differs = expected.iter().zip(&told.bystanders).find(|(peace, war)| peace != war);
    assert!(differs.is_none(), "{}: a bystander's exchange differs: {differs:#?}", attack.name());
    assert_eq!(told.bystanders.len(), expected.len(), "{}: bystanders' exchanges", attack.name());
    assert!(told.peak < BUDGET, "{}: {} bytes at the peak", attack.name(), told.peak);
    told
}

/// Asserts that the summary counts each of these losses.
#[track_caller]
fn counts(told: &Told, reasons: &[&str]) {
    for reason in reasons {
        assert!(told.losses.get(*reason).is_some_and(|count| *count > 0), "no {reason} in:\n{}", told.stderr);
    }
}

#[test]
fn syn_flood() {
    let told = attacked(Attack::SynFlood, 40_000);
    counts(&told, &["connections_evicted"]);
    assert_eq!(told.others, 0);
}

#[test]
fn slow_requests() {
    let told = attacked(Attack::SlowRequests, 14_000);
    counts(&told, &["connections_evicted"]);
    assert!(told.others >= 14_000, "what was read of {} requests is reported", told.others);
}

#[test]
fn segments_out_of_order() {
    let told = attacked(Attack::OutOfOrder, 60_000);
    counts(&told, &["held_limit", "gap_bytes"]);
}

#[test]
fn endless_headers() {
    let told = attacked(Attack::EndlessHeaders, 16_000);
    counts(&told, &["header_bytes_over_limit"]);
    assert_eq!(told.others, 32);
}

#[test]
fn endless_chunk_extensions() {
    let told = attacked(Attack::EndlessChunkExtensions, 16_000);
    assert_eq!(told.losses.get("chunk_extensions_over_limit"), Some(&32));
    assert_eq!(told.others, 32);
}

#[test]
fn hpack_bomb() {
    let told = attacked(Attack::HpackBomb, 16_000);
    counts(&told, &["header_lists_over_limit"]);
}

#[test]
fn continuation_flood() {
    let told = attacked(Attack::ContinuationFlood, 16_000);
    counts(&told, &["continuation_floods"]);
}

#[test]
fn rapid_reset() {
    let told = attacked(Attack::RapidReset, 1_600);
    counts(&told, &["requests_passed_over"]);
    assert!(told.others > 200, "the first of them are exchanges: {}", told.others);
}

#[test]
fn zip_bombs_of_every_coding() {
    let told = attacked(Attack::ZipBombs, 640);
    counts(&told, &["bombs_cut"]);
    assert_eq!(told.losses.get("bombs_cut"), Some(&(told.others as u64)), "every bomb is one");
}

#[test]
fn deep_multipart() {
    let told = attacked(Attack::DeepMultipart, 8_000);
    counts(&told, &["parts_over_limit"]);
    assert_eq!(told.losses.get("parts_nested"), Some(&16));
    assert_eq!(told.others, 32);
}
