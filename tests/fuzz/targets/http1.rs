//! A connection's octets, gaps and ends, for the HTTP parser.
//!
//! Holds: every octet is in one account at any time, and none is held at the end; each exchange is told by the rules of
//! `Inspection`; cutting the segments anywhere gives the same exchanges and accounts, except where a stream is picked up
//! at the start of a segment; memory stays bounded.

#![no_main]

use libfuzzer_sys::fuzz_target;
use spyhop_fuzz::exchanges::{Cut, Log, Op, play, read};
use spyhop_fuzz::{Input, memory};
use spyhop_http::{Defects, HttpAccounts, Limits};

/// Limits that bite soon.
fn narrow() -> Limits {
    Limits {
        head: 200,
        fields: 8,
        small_body: 16,
        outstanding: 4,
        codings: 2,
        decoded: 64 << 10,
        ratio: 20,
        ratio_from: 1 << 10,
        decoder_memory: 1 << 20,
        held_memory: 1 << 10,
        ..Limits::default()
    }
}

fuzz_target!(|data: &[u8]| {
    let ((), peak) = memory::peak(|| check(data));
    // Operations and exchanges are kept here; the parser's own share is the decoders' memory and their pieces.
    assert!(peak <= (6 << 20) + 600 * data.len(), "{peak} octets allocated");
});

fn check(data: &[u8]) {
    let mut input = Input::new(data);
    let options = input.byte();
    let is_narrow = options & 1 != 0;
    let limits = if is_narrow { narrow() } else { Limits::default() };
    let ops = read(&mut input);
    let whole = play(limits, &ops, Cut::Whole);
    let cut = Cut::of(options >> 1);
    let pieces = play(limits, &ops, cut);
    if !is_narrow && steady(&ops, &whole) {
        assert_eq!(whole, pieces, "{cut:?}");
    }
}

/// Nothing here was decided by where a segment begins: the stream was HTTP/1 from its first octet to its last, without a
/// gap or broken framing, and each answer has its request (without one, nobody knows whether it has a body).
fn steady(ops: &[Op], (log, accounts): &(Log, HttpAccounts)) -> bool {
    !ops.iter().any(|op| matches!(op, Op::Gap(..)))
        && accounts.other_total() == 0
        && accounts.unparsed_total() == 0
        && accounts.response_only == 0
        && accounts.http2_connections == 0
        && accounts.tunnels == 0
        && !log.seen.iter().any(|seen| seen.defects.has(Defects::BAD_CHUNK))
}
