//! How fast a ledger takes rows, how large they become, and how long it takes to find them again.
//!
//! `cargo bench -p spyhop-ledger --bench ledger` writes a million ordinary and a million full rows; SPYHOP_ROWS says
//! another number. Rates are rows a second of processor time, all threads together.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use spyhop_ledger::{Ledger, LedgerSettings, Library, Question, Sought, trace};
use spyhop_model::{Event, Fingerprint, FlowId, Key, Observation};
use spyhop_publish::Record;
use spyhop_testkit::{event, time, types};

const ACCOUNTS: u64 = 300_000;
const ENDPOINTS: u64 = 500;
/// Different values.
const VALUES: u64 = 20_000_000;
/// Rows a second of event time.
const RATE: u64 = 10_000;

/// splitmix64 (Steele, Lea, Flood 2014).
fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Processor time of this process, in seconds.
fn cpu() -> f64 {
    let text = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = text.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|ticks| ticks.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

fn resident() -> u64 {
    let text = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("VmRSS")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) >> 10
}

fn value(n: u64) -> Fingerprint {
    Fingerprint(mix((n % VALUES) ^ 0x5eed))
}

/// The events are made before the clock starts; each batch differs in what a row differs in.
fn batch(from: u64, count: u64, full: bool) -> Vec<Record> {
    (from..from + count)
        .map(|n| {
            let random = mix(n);
            let account = random % ACCOUNTS;
            let mut event: Event = event()
                .get(&format!("api{}.example/v1/things/{}?id={random:x}", random % 25, random % ENDPOINTS))
                .from(&format!("10.{}.{}.{}", account >> 16, account >> 8 & 255, account & 255))
                .account(&format!("user{account:06}"))
                .device(&format!("device {account}"))
                .build(n as u32);
            event.endpoint = format!("GET api{}.example/v1/things/{}", random % 25, random % ENDPOINTS).into();
            let at = time(0) + spyhop_model::Span(n * 1_000_000_000 / RATE);
            (event.call.moment.at, event.call.began_at) = (at, at);
            event.call.ended_at = at + spyhop_model::Span(random % 50_000_000);
            event.call.moment.flow = FlowId(mix(n / 20));
            event.call.moment.ordinal = (n % 20) as u32;
            if full {
                let mut seen: Observation = sample();
                seen.count = (random % 3 + 1) as u32;
                seen.values = (0..u64::from(seen.count)).map(|k| value(mix(n * 3 + k))).collect();
                event.call.observations = vec![seen];
            }
            Record::Event(Arc::new(event))
        })
        .collect()
}

fn sample() -> Observation {
    event().get("x").returns(&types::MOBILE, 1).build(0).call.observations.remove(0)
}

fn size(folder: &Path) -> u64 {
    fs::read_dir(folder).map_or(0, |entries| {
        entries
            .flatten()
            .map(|entry| match entry.metadata() {
                Ok(data) if data.is_dir() => size(&entry.path()),
                Ok(data) => data.len(),
                Err(_) => 0,
            })
            .sum()
    })
}

fn write(folder: &Path, rows: u64, full: bool) {
    let key = Key::new([7; 32]);
    let settings = LedgerSettings { free_mib: 0, ..LedgerSettings::default() };
    let mut ledger = Ledger::open(folder, settings, &key, "bench").expect("a ledger");
    let (mut writing, mut making, mut peak) = (0.0, 0.0, 0);
    let base = resident();
    let whole = cpu();
    const BATCH: u64 = 4_096;
    for from in (0..rows).step_by(BATCH as usize) {
        let began = Instant::now();
        let records = batch(from, BATCH.min(rows - from), full);
        making += began.elapsed().as_secs_f64();
        let began = Instant::now();
        ledger.append(&records);
        writing += began.elapsed().as_secs_f64();
        let began = Instant::now();
        drop(records);
        making += began.elapsed().as_secs_f64();
        peak = peak.max(resident());
    }
    let began = Instant::now();
    ledger.finish().expect("finished");
    let closing = began.elapsed().as_secs_f64();
    let used = cpu() - whole - making;
    let (events, keys) = (size(&folder.join("events")), size(&folder.join("keys")));
    println!(
        "{} {rows} rows: {:.0} rows/s of processor time ({:.0} while appending), closing the rest {closing:.1} s, \
         {:.1} bytes a row, {:.1} of keys, resident {} MiB more than before",
        if full { "full" } else { "ordinary" },
        rows as f64 / used,
        rows as f64 / writing,
        events as f64 / rows as f64,
        keys as f64 / rows as f64,
        peak.saturating_sub(base),
    );
}

fn look(folder: &Path, rows: u64) {
    let key = Key::new([7; 32]);
    let ask = |name: &str, question: Question| {
        let began = Instant::now();
        let mut library = Library::open(folder, &key).expect("a library");
        let opened = began.elapsed();
        let answer = trace(&mut library, &key, &question).expect("an answer");
        println!(
            "{name}: {:.1} ms ({:.1} of it to open), {} calls, {} suspects",
            began.elapsed().as_secs_f64() * 1e3,
            opened.as_secs_f64() * 1e3,
            answer.calls,
            answer.suspects.len()
        );
    };
    let sought = |n: u64| Sought { full: vec![value(n)], masked: Vec::new() };
    let last = mix((rows / 2) * 3);
    for _ in 0..2 {
        ask("one value", Question { values: vec![sought(last)], ..Question::default() });
        ask(
            "no such value",
            Question { values: vec![Sought { full: vec![Fingerprint(5)], masked: Vec::new() }], ..Question::default() },
        );
        ask("an account", Question { account: Some("user000123".to_owned()), ..Question::default() });
        ask("a client", Question { client: Some("10.0.0.77".to_owned()), ..Question::default() });
        ask(
            "10,000 values",
            Question { values: (0..10_000).map(|n| sought(mix(n * 3))).collect(), ..Question::default() },
        );
    }
}

fn main() {
    let rows = std::env::var("SPYHOP_ROWS").ok().and_then(|rows| rows.parse().ok()).unwrap_or(1_000_000);
    let folder =
        std::env::var("SPYHOP_LEDGER").map_or_else(|_| std::env::temp_dir(), Into::into).join("spyhop-ledger-bench");
    // Both by default; SPYHOP_KINDS=full leaves out the ordinary ones, which the questions are not asked of.
    let only_full = std::env::var("SPYHOP_KINDS").is_ok_and(|kinds| kinds == "full");
    for full in [false, true].into_iter().filter(|full| *full || !only_full) {
        let _ = fs::remove_dir_all(&folder);
        write(&folder, rows, full);
    }
    look(&folder, rows);
    let _ = fs::remove_dir_all(&folder);
}
