//! HTTP/2 with HPACK: frames of any kind in any order, and header blocks whose fields are known.
//!
//! In one half of the inputs, frames are made of a fuzzer's bytes, with gaps and other octets between. Holds: every octet
//! is in one account at any time; each exchange is told by the rules of `Inspection`; cutting the segments anywhere gives
//! the same exchanges and accounts, unless bytes were lost or are none of HTTP/2's; memory stays bounded.
//!
//! In the other half, requests are written with an encoder of its own: literals, entries of both tables, updates of the
//! table's size, CONTINUATION, padding, priorities, bodies in pieces, streams interleaved. Holds: each request has exactly
//! the fields and the body that were written.

#![no_main]

use std::collections::VecDeque;

use libfuzzer_sys::fuzz_target;
use spyhop_fuzz::exchanges::{Content, Cut, Log, Op, play, request};
use spyhop_fuzz::{Input, memory};
use spyhop_http::{Defects, Field, HttpAccounts, Limits, RequestHead, Truncation};
use spyhop_model::Side::{Originator, Responder};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;
const PRIORITY: u8 = 0x20;

fuzz_target!(|data: &[u8]| {
    let ((), peak) = memory::peak(|| {
        let mut input = Input::new(data);
        let options = input.byte();
        match options & 1 {
            0 => frames(options >> 1, &mut input),
            _ => requests(options >> 1, &mut input),
        }
    });
    assert!(peak <= (8 << 20) + 600 * data.len(), "{peak} octets allocated");
});

fn frame(out: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    out.extend_from_slice(&(payload.len() as u32).to_be_bytes()[1..]);
    out.extend_from_slice(&[kind, flags]);
    out.extend_from_slice(&stream.to_be_bytes());
    out.extend_from_slice(payload);
}

/// How the connection begins, and its limits.
fn beginning(options: u8) -> (Limits, Vec<Op>) {
    let limits = if options & 1 == 0 {
        Limits::default()
    } else {
        Limits {
            head: 300,
            fields: 8,
            small_body: 16,
            decoder_memory: 1 << 20,
            held_memory: 1 << 10,
            ..Limits::default()
        }
    };
    let client = match options >> 1 & 3 {
        // Joined midway.
        0 => Vec::new(),
        1 => return (limits, upgraded()),
        _ => PREFACE.to_vec(),
    };
    let mut settings = Vec::new();
    frame(&mut settings, 4, 0, 0, &[]);
    (limits, vec![Op::Data(Originator, [client, settings.clone()].concat()), Op::Data(Responder, settings)])
}

/// RFC 7540, section 3.2.
fn upgraded() -> Vec<Op> {
    let ask = "GET /up HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: \r\n\r\n";
    let yes = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
    let mut settings = PREFACE.to_vec();
    frame(&mut settings, 4, 0, 0, &[]);
    let yes = [yes.as_bytes(), &settings[PREFACE.len()..]].concat();
    vec![Op::Data(Originator, ask.into()), Op::Data(Responder, yes), Op::Data(Originator, settings)]
}

fn frames(options: u8, input: &mut Input<'_>) {
    let (limits, mut ops) = beginning(options);
    let begun = options >> 1 & 3 != 0;
    let cut = Cut::of(options >> 3);
    let mut whole = Vec::new();
    while !input.is_empty() {
        let what = input.byte();
        let side = if what & 1 == 0 { Originator } else { Responder };
        match what >> 1 & 15 {
            kind @ 0..=11 => {
                let (flags, stream, payload) = (input.byte(), u32::from(input.byte() % 16), input.record());
                whole.clear();
                frame(&mut whole, kind, flags, stream, payload);
                // Several in one segment, or one.
                match ops.last_mut() {
                    Some(Op::Data(last, bytes)) if *last == side && what & 0x20 != 0 => bytes.extend_from_slice(&whole),
                    _ => ops.push(Op::Data(side, whole.clone())),
                }
            }
            12 => ops.push(Op::Gap(side, 1 + u64::from(input.byte()))),
            13 => ops.push(Op::Finished(side)),
            _ => ops.push(Op::Data(side, input.record().to_vec())),
        }
    }
    let one = play(limits, &ops, Cut::Whole);
    let other = play(limits, &ops, cut);
    if begun && options & 1 == 0 && steady(&ops, &one) {
        assert_eq!(one, other, "{cut:?}");
    }
}

fn steady(ops: &[Op], (log, accounts): &(Log, HttpAccounts)) -> bool {
    !ops.iter().any(|op| matches!(op, Op::Gap(..)))
        && accounts.other_total() == 0
        && accounts.unparsed_total() == 0
        && accounts.bombs == 0
        && !log.seen.iter().any(|seen| seen.defects.has(Defects::BAD_CODING))
        && !log.messages.iter().any(|message| message.end.body.truncated == Some(Truncation::BadCoding))
}

/// A request that was written.
struct Written {
    stream: u32,
    path: Vec<u8>,
    fields: Vec<(Vec<u8>, Vec<u8>)>,
    body: Vec<u8>,
    done: bool,
}

fn requests(options: u8, input: &mut Input<'_>) {
    let mut table = Table::default();
    let mut ops = vec![Op::Data(Originator, PREFACE.to_vec())];
    let mut written: Vec<Written> = Vec::new();
    let mut out = Vec::new();
    // Fewer than are read at the same time.
    while !input.is_empty() && written.len() < 60 {
        let what = input.byte();
        let stream = written.len() as u32 * 2 + 1;
        if what & 3 == 3 && !written.is_empty() {
            // A piece of a body, of any request that is not over.
            let at = usize::from(input.byte()) % written.len();
            let of = &mut written[at];
            let bytes = input.record();
            if !of.done {
                of.done = what & 4 != 0;
                of.body.extend_from_slice(bytes);
                let (flags, payload) = padded(if of.done { END_STREAM } else { 0 }, what >> 4, &[], bytes);
                frame(&mut out, DATA, flags, of.stream, &payload);
            }
        } else {
            let mut block = Vec::new();
            let (path, fields) = head(input, &mut table, &mut block);
            let done = what & 4 != 0;
            let first = usize::from(what >> 3 & 1) * block.len() / 2;
            let (first, rest) = block.split_at(if first > 0 { first } else { block.len() });
            let priority: &[u8] = if what & 0x40 != 0 { &[0, 0, 0, 0, 15] } else { &[] };
            let flags = if done { END_STREAM } else { 0 } | if priority.is_empty() { 0 } else { PRIORITY };
            let flags = flags | if rest.is_empty() { END_HEADERS } else { 0 };
            let (flags, payload) = padded(flags, what >> 4 & 3, priority, first);
            frame(&mut out, HEADERS, flags, stream, &payload);
            if !rest.is_empty() {
                frame(&mut out, CONTINUATION, END_HEADERS, stream, rest);
            }
            written.push(Written { stream, path, fields, body: Vec::new(), done });
        }
        if what & 0x80 != 0 {
            ops.push(Op::Data(Originator, std::mem::take(&mut out)));
        }
    }
    for of in written.iter().filter(|of| !of.done) {
        frame(&mut out, DATA, END_STREAM, of.stream, &[]);
    }
    ops.push(Op::Data(Originator, out));
    let (log, accounts) = play(Limits::default(), &ops, Cut::of(options));
    assert_eq!((accounts.other_total(), accounts.unparsed_total()), (0, 0), "{accounts:?}");
    assert_eq!(log.seen.len(), written.len());
    for of in &written {
        let mut fields = vec![Field { name: b"host", value: b"a.example" }];
        fields.extend(of.fields.iter().map(|(name, value)| Field { name, value }));
        let head = request(&RequestHead { method: b"POST", target: &of.path, version: (2, 0), fields: &fields });
        let place = log
            .seen
            .iter()
            .position(|seen| seen.request.as_ref() == Some(&head) && seen.bodies[0] == Content::of(&of.body));
        let seen = place.map(|at| &log.seen[at]);
        assert!(
            seen.is_some_and(|seen| seen.defects.0 == 0),
            "{}: {:?}\n{log:?}",
            of.stream,
            head.escape_ascii().to_string()
        );
    }
}

/// A payload with padding of some length, and its flags.
fn padded(flags: u8, padding: u8, before: &[u8], bytes: &[u8]) -> (u8, Vec<u8>) {
    if padding == 0 {
        return (flags, [before, bytes].concat());
    }
    let zeros = vec![0; usize::from(padding)];
    (flags | PADDED, [&[padding][..], before, bytes, &zeros].concat())
}

/// Writes a header block; the path and the fields in it.
#[allow(clippy::type_complexity)]
fn head(input: &mut Input<'_>, table: &mut Table, block: &mut Vec<u8>) -> (Vec<u8>, Vec<(Vec<u8>, Vec<u8>)>) {
    let what = input.byte();
    if what & 1 != 0 {
        let size = usize::from(what >> 1) * 32;
        integer(block, 0x20, 5, size);
        table.resize(size);
    }
    // POST, https; the authority with its name from the static table.
    block.extend_from_slice(&[0x83, 0x87]);
    integer(block, 0, 4, 1);
    string(block, b"a.example");
    let path = [b"/", text(input, 20).as_slice()].concat();
    integer(block, 0, 4, 4);
    string(block, &path);
    let mut fields = Vec::new();
    for _ in 0..input.byte() % 8 {
        let how = input.byte();
        let known = table.entries.len();
        let place = usize::from(how >> 3) % known.max(1);
        match how & 7 {
            0 | 1 if known > 0 => {
                integer(block, 0x80, 7, 62 + place);
                fields.push(table.entries[place].clone());
            }
            2 if known > 0 => {
                let (name, value) = (table.entries[place].0.clone(), text(input, 200));
                integer(block, 0x40, 6, 62 + place);
                string(block, &value);
                table.add(&name, &value);
                fields.push((name, value));
            }
            // An entry of the static table: accept-encoding.
            3 => {
                block.push(0x80 | 16);
                fields.push((b"accept-encoding".to_vec(), b"gzip, deflate".to_vec()));
            }
            how => {
                let name = [b"x-", text(input, 10).as_slice()].concat();
                let value = text(input, 200);
                // Not remembered, never to be, or remembered.
                block.push([0, 0x10, 0x40, 0x40][usize::from(how & 3)]);
                string(block, &name);
                string(block, &value);
                if how & 3 >= 2 {
                    table.add(&name, &value);
                }
                fields.push((name, value));
            }
        }
    }
    (path, fields)
}

/// Letters, up to so many.
fn text(input: &mut Input<'_>, most: u8) -> Vec<u8> {
    let len = input.byte() % most;
    input.bytes(usize::from(len)).iter().map(|byte| b'a' + byte % 26).collect()
}

/// An integer (RFC 7541, section 5.1) behind bits that say what it is.
fn integer(out: &mut Vec<u8>, kind: u8, bits: u8, value: usize) {
    let most = (1 << bits) - 1;
    if value < most {
        out.push(kind | value as u8);
        return;
    }
    out.push(kind | most as u8);
    let mut rest = value - most;
    while rest >= 128 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

/// A string as it is (section 5.2).
fn string(out: &mut Vec<u8>, text: &[u8]) {
    integer(out, 0, 7, text.len());
    out.extend_from_slice(text);
}

/// The dynamic table (section 4).
struct Table {
    entries: VecDeque<(Vec<u8>, Vec<u8>)>,
    size: usize,
    limit: usize,
}

impl Default for Table {
    fn default() -> Self {
        Table { entries: VecDeque::new(), size: 0, limit: 4096 }
    }
}

impl Table {
    fn add(&mut self, name: &[u8], value: &[u8]) {
        self.entries.push_front((name.to_vec(), value.to_vec()));
        self.size += name.len() + value.len() + 32;
        self.evict();
    }

    fn resize(&mut self, limit: usize) {
        self.limit = limit;
        self.evict();
    }

    fn evict(&mut self) {
        while self.size > self.limit
            && let Some((name, value)) = self.entries.pop_back()
        {
            self.size -= name.len() + value.len() + 32;
        }
    }
}
