//! Every packet and byte of every capture ends in exactly one account, and the accounts add up.
//!
//! `SPYHOP_CORPUS` names a folder with more captures, such as the conformance captures; without it they are skipped.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::{Desk, Ran, cases};

/// What a run says whose accounts do not add up.
const IMBALANCE: &str = "do not add up";

#[test]
fn the_accounts_of_our_captures_add_up() {
    let inputs: Vec<PathBuf> = cases().into_iter().map(|case| case.join("input.pcap")).collect();
    assert_eq!(imbalances(&inputs), [""; 0]);
}

#[test]
fn the_accounts_of_the_corpus_add_up() {
    let Some(corpus) = std::env::var_os("SPYHOP_CORPUS") else {
        eprintln!("SKIPPED: the accounts of the corpus: SPYHOP_CORPUS names no folder of captures");
        return;
    };
    let mut inputs = Vec::new();
    captures(Path::new(&corpus), &mut inputs);
    assert!(!inputs.is_empty(), "SPYHOP_CORPUS: no capture in {}", Path::new(&corpus).display());
    assert_eq!(imbalances(&inputs), [""; 0]);
}

/// All captures below a folder.
fn captures(folder: &Path, found: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|wrong| panic!("{}: {wrong}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() {
            captures(&path, found);
        } else if [".pcap", ".pcapng", ".pcap.gz", ".pcapng.gz"].iter().any(|end| name.ends_with(end)) {
            found.push(path);
        }
    }
}

/// The captures with what is wrong about their accounts. Each is replayed by itself, with two workers so that sums
/// over workers are in it.
fn imbalances(inputs: &[PathBuf]) -> Vec<String> {
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let desk = Desk::new();
                while let Some(input) = inputs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let ran = desk.replay(&[input], &["--workers", "2", "--findings-out", "findings.jsonl"]);
                    if let Some(what) = imbalance(&ran) {
                        wrong.lock().expect("no panic holds it").push(format!("{}: {what}", input.display()));
                    }
                }
            });
        }
    });
    let mut wrong = wrong.into_inner().expect("no panic holds it");
    wrong.sort();
    wrong
}

/// What is wrong; a capture that is damaged ends with 1 as well, but says so, and its accounts add up all the same.
fn imbalance(ran: &Ran) -> Option<String> {
    let unbalanced = ran.stderr.contains(IMBALANCE) || !matches!(ran.code, Some(0 | 1)) || ran.stderr.contains("panic");
    unbalanced.then(|| format!("exit code {:?}\n{}", ran.code, ran.stderr))
}
