//! The same labelled lines through Microsoft Presidio's pattern recognisers, on the types both know.
//!
//! `SPYHOP_PEERS_PYTHON` is a Python 3 with the packages of `tests/requirements.txt`; without it the test skips and says
//! so.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use spyhop_inspect::types::by_name;
use spyhop_model::Form;
use spyhop_testkit::evaluate::{Evaluation, Seen, Tally};
use spyhop_testkit::labelled::{Body, sentences};

use crate::judge::Judge;

/// Types that Presidio has recognisers for.
const SHARED: &[&str] = &[
    "bank_card",
    "iban",
    "us_ssn",
    "us_itin",
    "uk_nino",
    "in_aadhaar",
    "in_pan",
    "sg_nric",
    "es_nif",
    "it_cf",
    "pl_pesel",
    "au_tfn",
    "email",
    "ipv4",
    "ipv6",
    "kr_rrn",
    "ca_sin",
    "de_taxid",
    "mac",
    "th_id",
];

/// What Presidio finds in each text.
fn presidio(python: &std::ffi::OsStr, bodies: &[Body]) -> Vec<Vec<String>> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/peers/presidio_compare.py");
    let mut child = Command::new(python)
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the Python starts");
    let mut input = child.stdin.take().expect("a pipe");
    let lines: String = bodies
        .iter()
        .map(|body| serde_json::json!({"text": String::from_utf8_lossy(&body.bytes)}).to_string() + "\n")
        .collect();
    let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()));
    let output = child.wait_with_output().expect("it ends");
    writer.join().expect("the writer ends").expect("it reads all");
    assert!(output.status.success(), "presidio_compare.py failed");
    let text = String::from_utf8(output.stdout).expect("text");
    text.lines().map(|line| serde_json::from_str(line).expect("a list")).collect()
}

/// All types in one.
fn sum(evaluation: &Evaluation, ids: &[&str]) -> Tally {
    ids.iter().fold(Tally::default(), |sum, id| sum.plus(&evaluation.of(id)))
}

#[test]
fn compared_with_presidio() {
    let Some(python) = std::env::var_os("SPYHOP_PEERS_PYTHON") else {
        eprintln!("SKIPPED: SPYHOP_PEERS_PYTHON names no Python with Presidio; it was not compared with");
        return;
    };
    let shared: Vec<&str> = SHARED.iter().copied().filter(|id| by_name(id).is_some()).collect();
    if shared.len() < SHARED.len() {
        eprintln!(
            "SKIPPED: of {} shared types only {} are known yet: {}",
            SHARED.len(),
            shared.len(),
            shared.join(" ")
        );
    }
    let bodies: Vec<Body> = sentences(19, 6_000, &shared).collect();
    let theirs = presidio(&python, &bodies);
    assert_eq!(theirs.len(), bodies.len(), "one answer to each line");
    let mut judge = Judge::new();
    let is_shared = |id: &str| shared.contains(&id);
    let (mut own, mut peer) = (Evaluation::new(is_shared), Evaluation::new(is_shared));
    for (body, found) in bodies.iter().zip(theirs) {
        let seen: Vec<Seen> = judge.seen(body).into_iter().filter(|seen| is_shared(&seen.id)).collect();
        own.add(body, &seen);
        let seen: Vec<Seen> = found
            .into_iter()
            .filter(|id| is_shared(id))
            .map(|id| Seen { id, confidence: 100, form: Form::Full, count: 1, place: "$".into() })
            .collect();
        peer.add(body, &seen);
    }
    eprintln!("Spyhop\n{own}\n{}\nPresidio\n{peer}", own.examples());
    let (own, peer) = (sum(&own, &shared), sum(&peer, &shared));
    eprintln!(
        "shared types, {} lines: Spyhop precision {:.4} recall {:.4}, Presidio precision {:.4} recall {:.4}",
        bodies.len(),
        own.precision(),
        own.recall(),
        peer.precision(),
        peer.recall()
    );
    assert!(own.precision() >= peer.precision() && own.recall() >= peer.recall());
}
