//! Files of packages that people really serve: scripts, styles, pictures, fonts, data. Each is served as what it is, as
//! a JSON string and in a page; nothing may be told of it but what a list of reviewed, true hits names. The same bytes
//! with values planted in them must give those.
//!
//! `SPYHOP_CORPORA` names the folder that `tests/corpora` fills; without it the test skips and says so. With `UPDATE=1`
//! reports that nobody reviewed are added to the list with the verdict `?`, which fails until somebody has looked.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use spyhop_testkit::Rng;
use spyhop_testkit::labelled::plant;

use crate::judge::Judge;

/// What is told of the packages, with what was found when it was looked at: `type fingerprint verdict sample package`.
/// The verdict is `true`, or `false` for a false alarm that is known. Fingerprints are those of the test's key.
const REVIEWED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/recognition/reviewed.tsv");

fn files(folder: &Path, into: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            files(&path, into);
        } else {
            into.push(path);
        }
    }
}

fn media_type(path: &Path) -> &'static str {
    match path.extension().and_then(|extension| extension.to_str()).unwrap_or_default() {
        "js" | "mjs" | "cjs" => "application/javascript",
        "css" | "less" | "scss" => "text/css",
        "html" => "text/html; charset=utf-8",
        "json" | "map" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "woff2" => "font/woff2",
        "woff" => "font/woff",
        "ttf" => "font/ttf",
        "wasm" => "application/wasm",
        "md" | "txt" | "log" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// The text as a JSON string.
fn json_string(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out
}

/// The ways a file is served.
fn served(path: &Path, bytes: &[u8]) -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let mut ways = vec![("itself", media_type(path), bytes.to_vec())];
    if let Ok(text) = std::str::from_utf8(bytes) {
        let json = format!("{{\"code\":0,\"data\":{{\"name\":\"asset\",\"content\":\"{}\"}}}}", json_string(text));
        ways.push(("JSON", "application/json", json.into_bytes()));
        let tag = if media_type(path) == "text/css" { "style" } else { "script" };
        let page =
            format!("<!DOCTYPE html><html><head><{tag}>{text}</{tag}></head><body><div id=app></div></body></html>");
        ways.push(("page", "text/html; charset=utf-8", page.into_bytes()));
    }
    ways
}

/// Values as a leaf at the end of an array of the same bytes, and as a field after them.
fn planted(text: &str, rng: &mut Rng) -> (String, &'static str) {
    let (id, value) = plant(rng);
    let key = match id {
        "cn_resident_id" => "idCard",
        "bank_card" => "cardNo",
        "cn_mobile" => "mobile",
        _ => "email",
    };
    // Between two lines of the text, or behind it where it has only one.
    let middle = text.len() / 2;
    let at = (middle..text.len()).find(|at| text.as_bytes()[*at] == b'\n').map_or(text.len(), |at| at + 1);
    let (before, after) = text.split_at(at);
    (format!("{before}\n{{\"{key}\":\"{value}\"}}\n{after}"), id)
}

#[test]
fn packages_hold_nothing_and_show_what_is_planted() {
    let Some(folder) = std::env::var_os("SPYHOP_CORPORA").map(PathBuf::from) else {
        eprintln!("SKIPPED: SPYHOP_CORPORA names no folder of packages (tests/corpora FOLDER fetches them)");
        return;
    };
    let mut paths = Vec::new();
    files(&folder, &mut paths);
    let list = std::fs::read_to_string(REVIEWED).expect("the list of reviewed reports");
    let rows = list.lines().filter(|row| !row.starts_with('#') && !row.is_empty());
    let mut reviewed: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    for row in rows {
        let columns: Vec<&str> = row.split('\t').collect();
        let [id, print, verdict, ..] = columns[..] else { panic!("{row}") };
        reviewed.insert((id, print), verdict);
    }
    let (mut judge, mut rng) = (Judge::new(), Rng::new(11));
    let (mut own, mut bytes_in, mut plants, mut found) = (0u64, 0u64, 0u64, 0u64);
    let mut verdicts: BTreeMap<&str, u64> = BTreeMap::new();
    let mut unknown: BTreeMap<(&str, String), String> = BTreeMap::new();
    let mut unfound = Vec::new();
    for path in &paths {
        let bytes = std::fs::read(path).expect("a file");
        let name = path.strip_prefix(&folder).expect("within").to_string_lossy().into_owned();
        own += bytes.len() as u64;
        let mut before: BTreeMap<(&str, &str), u32> = BTreeMap::new();
        for (way, content_type, body) in served(path, &bytes) {
            bytes_in += body.len() as u64;
            for seen in judge.observations(content_type, &body).iter().filter(|seen| seen.is_reported()) {
                *before.entry((way, seen.what.id)).or_default() += seen.count;
                for print in seen.values.iter().map(ToString::to_string) {
                    match reviewed.get(&(seen.what.id, print.as_str())) {
                        Some(verdict) => *verdicts.entry(verdict).or_default() += 1,
                        None => {
                            let row = format!("{}\t{print}\t?\t{}\t{name} as {way}", seen.what.id, seen.sample);
                            unknown.entry((seen.what.id, print)).or_insert(row);
                        }
                    }
                }
            }
        }
        let Ok(text) = std::str::from_utf8(&bytes) else { continue };
        if text.len() > 1 << 20 {
            continue;
        }
        let (with, id) = planted(text, &mut rng);
        for (way, content_type, body) in served(path, with.as_bytes()) {
            let observations = judge.observations(content_type, &body);
            let told: u32 = observations.iter().filter(|o| o.what.id == id && o.is_reported()).map(|o| o.count).sum();
            plants += 1;
            if told > before.get(&(way, id)).copied().unwrap_or(0) {
                found += 1;
            } else if unfound.len() < 40 {
                unfound.push(format!("{name} as {way}: {id}"));
            }
        }
    }
    eprintln!(
        "{} files of {} MB, served as what they are, as JSON and in pages: {} MB; values told {verdicts:?}, not reviewed {}; planted {plants}, found {found}",
        paths.len(),
        own / 1_000_000,
        bytes_in / 1_000_000,
        unknown.len()
    );
    eprintln!("not found: {unfound:#?}");
    let rows: String = unknown.values().map(|row| format!("{row}\n")).collect();
    eprint!("{rows}");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(REVIEWED, list.clone() + &rows).expect("the list is written");
    }
    assert!(own >= 100_000_000, "the packages are too few: {own} bytes");
    assert!(found as f64 >= 0.98 * plants as f64, "planted {plants}, found {found}");
    assert!(unknown.is_empty() && !verdicts.contains_key("?"), "{} reports that nobody reviewed", unknown.len());
}
