//! Dialogues drawn at random, mangled and wrapped at random: the exchanges are those that were said.

use std::collections::HashSet;

use spyhop_model::{Side, Span};
use spyhop_testkit::wrap::{Version, Wrapping};
use spyhop_testkit::{Capture, Rng};

use crate::dialogue::{Dialogue, truth};
use crate::sensor::read;

/// Cuts, repeats and delays what one connection sent.
fn mangle(capture: &mut Capture, rng: &mut Rng, done: &mut Vec<&'static str>) {
    let mut chance = |rng: &mut Rng, name| {
        let yes = rng.chance(40.0);
        if yes {
            done.push(name);
        }
        yes
    };
    if chance(rng, "split") {
        capture.split(rng.bits(), 40.0);
    }
    if chance(rng, "merge") {
        capture.merge(rng.bits(), 60.0);
    }
    if chance(rng, "overlap") {
        capture.overlap(rng.bits(), 30.0, 1 + rng.index(3_000));
    }
    if chance(rng, "retransmit") {
        capture.retransmit(rng.bits(), 20.0, 1 + rng.index(6_000), Span(rng.below(5_000_000)));
    }
    if chance(rng, "keep-alive") {
        capture.keep_alive(rng.bits(), 20.0, Span(rng.below(5_000_000)));
    }
    if chance(rng, "duplicate") {
        capture.duplicate(rng.bits(), 30.0, Span(rng.below(5_000_000)));
    }
    if chance(rng, "checksums") {
        capture.spoil_checksums(rng.bits(), 30.0);
    }
    // Skew and delays together stay below the 50 ms that a mirror's disorder is waited for.
    if chance(rng, "skew") {
        capture.skew(rng.one_of(&[Side::Originator, Side::Responder]), Span(rng.below(20_000_000)));
    }
    if chance(rng, "delay") {
        capture.delay(rng.bits(), 20.0, Span(rng.below(10_000_000)));
    }
}

/// One capture of some dialogues; an error says what was read wrong.
fn case(seed: u64, depth: usize) -> Result<(), String> {
    let mut rng = Rng::new(seed);
    let dialogues: Vec<Dialogue> =
        (0..1 + rng.index(3)).map(|number| Dialogue::random(&mut rng, number as u16)).collect();
    let mut whole = Capture::new();
    let mut what = format!("seed {seed}");
    for dialogue in &dialogues {
        let mut capture = dialogue.packets(&mut rng);
        let mut done = Vec::new();
        mangle(&mut capture, &mut rng, &mut done);
        let clients = Wrapping::random(&mut rng, dialogue.version, depth);
        let servers =
            if rng.chance(20.0) { Wrapping::random(&mut rng, dialogue.version, depth) } else { clients.clone() };
        what += &format!("\n{} {done:?} in {clients:?}", dialogue.client);
        if servers != clients {
            what += &format!(", answers in {servers:?}");
        }
        capture.wrap_sides(&clients, &servers, rng.bits());
        whole.add(capture.frames);
    }
    whole.sort();
    if rng.chance(30.0) {
        what += "\npadded";
        whole.pad(rng.index(8));
    }
    if rng.chance(30.0) {
        // A few packets' time, so that fragments of several datagrams mix.
        what += "\ndelayed";
        whole.delay(rng.bits(), 20.0, Span(40_000));
    }
    read(&whole).compare(&truth(&dialogues)).map_err(|difference| format!("{what}\n{difference}"))
}

/// How many captures a run reads; `SPYHOP_CASES` asks for more, `SPYHOP_SEED` for others.
fn cases(usual: u64) -> std::ops::Range<u64> {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let first = number("SPYHOP_SEED").unwrap_or(1);
    first..first + number("SPYHOP_CASES").unwrap_or(usual)
}

#[test]
fn whatever_loses_nothing_changes_no_exchange() {
    let seeds = cases(300);
    let failed: Vec<String> = seeds.clone().filter_map(|seed| case(seed, 5).err()).collect();
    // Some are enough to begin with.
    let shown = failed.iter().take(5).map(String::as_str).collect::<Vec<_>>().join("\n\n");
    assert!(failed.is_empty(), "{} of {seeds:?} differ\n{shown}", failed.len());
}

/// A dialogue of which packets are lost; an error says what was read wrong without a word about it.
fn lossy(seed: u64) -> Result<(), String> {
    let mut rng = Rng::new(seed);
    let dialogue = Dialogue::random(&mut rng, 0);
    let mut capture = dialogue.packets(&mut rng);
    let wrapping = Wrapping::random(&mut rng, dialogue.version, 3);
    if rng.chance(50.0) {
        capture.delay(rng.bits(), 10.0, Span(rng.below(5_000_000)));
    }
    capture.wrap(&wrapping, rng.bits());
    let percent = rng.one_of(&[1.0, 5.0, 20.0]);
    capture.lose(rng.bits(), percent);
    let read = read(&capture);
    // Which answer belongs to which request is a guess where some are lost, but each is one that was given, or has a mark.
    // Of the answer to a HEAD nobody can tell, without the request, that it has no body.
    // An interim answer may be lost in one hole with the end of the answer before it, which alone tells of the hole.
    let halves_of = |line: &String| line.replace(" interim 1", "").split(" -> ").map(str::to_owned).collect::<Vec<_>>();
    let halves = |lines: &[String]| -> HashSet<String> { lines.iter().flat_map(halves_of).collect() };
    let (said, told) = (&dialogue.truth, &read.exchanges);
    let headless = said.iter().any(|line| line.contains(" HEAD "));
    let given = halves(said);
    let unmarked = told.iter().filter(|line| !MARKS.iter().any(|mark| line.contains(mark)));
    let invented: Vec<String> =
        unmarked.flat_map(halves_of).filter(|half| !headless && !given.contains(half)).collect();
    // The end of a capture that nobody acknowledged leaves nothing behind, not even a gap.
    let marked = told.iter().any(|line| MARKS.iter().any(|mark| line.contains(mark)));
    if invented.is_empty() && (said == told || told.len() < said.len() || marked || read.streams.gaps > 0) {
        return Ok(());
    }
    let streams = read.streams;
    Err(format!(
        "seed {seed}, {percent} % lost, {wrapping:?}\nsaid {said:#?}\nread {told:#?}\ninvented {invented:#?}\n{streams:?}"
    ))
}

/// What marks an exchange of which something may be missing.
const MARKS: [&str; 6] = [" no request", " no response", " gap", " pairing_guessed", " midstream", " Some("];

#[test]
fn what_is_lost_is_told() {
    let seeds = cases(300);
    let silent: Vec<String> = seeds.clone().filter_map(|seed| lossy(seed).err()).collect();
    let shown = silent.iter().take(5).map(String::as_str).collect::<Vec<_>>().join("\n\n");
    assert!(silent.is_empty(), "{} of {seeds:?} lose silently\n{shown}", silent.len());
}

#[test]
fn every_encapsulation_alone_changes_no_exchange() {
    for version in [Version::V4, Version::V6] {
        for (number, (name, wrapping)) in Wrapping::all(version).into_iter().enumerate() {
            let mut rng = Rng::new(number as u64);
            let dialogue = loop {
                let dialogue = Dialogue::random(&mut rng, 0);
                if dialogue.version == version {
                    break dialogue;
                }
            };
            let mut capture = dialogue.packets(&mut rng);
            capture.wrap(&wrapping, rng.bits());
            let read = read(&capture);
            read.check(&dialogue.truth, &format!("{name} around {version:?}"));
            assert_eq!(read.decode.bad_checksums, 0, "{name}");
        }
    }
}
