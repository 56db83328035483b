//! WebSockets behind an upgrade.
//!
//! In one half of the inputs, frames are a fuzzer's bytes. Holds: every octet is in one account at any time; messages are
//! told by the rules of `Inspection`; cutting the segments anywhere gives the same messages and accounts, as long as all
//! are frames; memory stays bounded.
//!
//! In the other half, messages are written: in fragments with control frames between them, masked, compressed with one
//! window (permessage-deflate). Holds: they are read as they were written, in order.

#![no_main]

use flate2::{Compress, Compression, FlushCompress};
use libfuzzer_sys::fuzz_target;
use spyhop_fuzz::exchanges::{Content, Cut, Log, Op, play, read};
use spyhop_fuzz::{Input, memory};
use spyhop_http::{Half, HttpAccounts, Limits, Truncation};
use spyhop_model::Side::{Originator, Responder};

fuzz_target!(|data: &[u8]| {
    let ((), peak) = memory::peak(|| {
        let mut input = Input::new(data);
        let options = input.byte();
        match options & 1 {
            0 => frames(options, &mut input),
            _ => messages(options, &mut input),
        }
    });
    assert!(peak <= (4 << 20) + 600 * data.len(), "{peak} octets allocated");
});

/// The handshake (RFC 6455, section 4); `deflate`: both sides agree to compress (RFC 7692).
fn upgraded(deflate: bool) -> Vec<Op> {
    let extension = if deflate { "Sec-WebSocket-Extensions: permessage-deflate\r\n" } else { "" };
    let ask = format!(
        "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{extension}\r\n"
    );
    let yes = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n{extension}\r\n"
    );
    vec![Op::Data(Originator, ask.into_bytes()), Op::Data(Responder, yes.into_bytes())]
}

fn frames(options: u8, input: &mut Input<'_>) {
    let mut ops = upgraded(options & 2 != 0);
    ops.extend(read(input));
    let limits = Limits { ratio: 20, ratio_from: 4 << 10, decoder_memory: 1 << 20, ..Limits::default() };
    let cut = Cut::of(options >> 2);
    let whole = play(limits, &ops, Cut::Whole);
    let pieces = play(limits, &ops, cut);
    if steady(&ops, &whole) {
        assert_eq!(whole, pieces, "{cut:?}");
    }
}

fn steady(ops: &[Op], (log, accounts): &(Log, HttpAccounts)) -> bool {
    !ops.iter().any(|op| matches!(op, Op::Gap(..)))
        && accounts.other_total() == 0
        && accounts.unparsed_total() == 0
        && accounts.bombs == 0
        && !log.messages.iter().any(|message| message.end.body.truncated == Some(Truncation::BadCoding))
}

fn messages(options: u8, input: &mut Input<'_>) {
    let deflate = options & 2 != 0;
    let mut ops = upgraded(deflate);
    let mut windows = [(); 2].map(|()| Compress::new(Compression::fast(), false));
    let mut written = Vec::new();
    while !input.is_empty() {
        let what = input.byte();
        let half = if what & 1 == 0 { Half::Request } else { Half::Response };
        let side = if what & 1 == 0 { Originator } else { Responder };
        let (pieces, text) = (1 + usize::from(what >> 3 & 3), input.record());
        let compressed = deflate && what & 2 != 0;
        let payload = if compressed { squeeze(&mut windows[half as usize], text) } else { text.to_vec() };
        let mut out = Vec::new();
        let size = payload.len() / pieces + 1;
        let mut rest = payload.as_slice();
        for at in 0..pieces {
            let (some, behind) = rest.split_at(size.min(rest.len()));
            rest = behind;
            let opcode = if at > 0 { 0 } else { 1 + (what >> 2 & 1) };
            let last = at + 1 == pieces;
            let first = opcode | if last { 0x80 } else { 0 } | if compressed && at == 0 { 0x40 } else { 0 };
            frame(&mut out, first, half, what, some);
            if !last && what & 0x20 != 0 {
                frame(&mut out, 0x89, half, what, b"ping");
            }
        }
        if what & 0x40 != 0 {
            frame(&mut out, 0x8a, half, what, b"");
        }
        ops.push(Op::Data(side, out));
        // One that says nothing is not told.
        if !text.is_empty() {
            written.push((half, Content::of(text)));
        }
    }
    let (log, accounts) = play(Limits::default(), &ops, Cut::of(options >> 2));
    let read: Vec<(Half, Content)> = log.messages.iter().map(|message| (message.end.half, message.content)).collect();
    assert_eq!((accounts.other_total(), accounts.unparsed_total()), (0, 0), "{accounts:?}");
    assert!(log.messages.iter().all(|message| message.end.defects.0 == 0), "{log:?}");
    assert_eq!(read, written);
}

/// A frame (section 5.2). What the client sends is masked.
fn frame(out: &mut Vec<u8>, first: u8, half: Half, key: u8, payload: &[u8]) {
    out.push(first);
    let mask = if half == Half::Request { 0x80 } else { 0 };
    match payload.len() {
        len @ ..126 => out.push(mask | len as u8),
        len => {
            out.push(mask | 126);
            out.extend_from_slice(&(len as u16).to_be_bytes());
        }
    }
    if mask == 0 {
        out.extend_from_slice(payload);
    } else {
        let key = [key, 1, key ^ 0xff, 0];
        out.extend_from_slice(&key);
        out.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
    }
}

/// Compresses a message (RFC 7692, section 7.2.1): flushed, without the four octets that every flush ends with.
fn squeeze(window: &mut Compress, text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() * 2 + 64);
    window.compress_vec(text, &mut out, FlushCompress::Sync).expect("it compresses");
    if out.is_empty() {
        // Nothing to flush: a block without content (section 7.2.3.6).
        return vec![0];
    }
    assert!(out.ends_with(&[0, 0, 0xff, 0xff]) && out.len() < out.capacity());
    out.truncate(out.len() - 4);
    out
}
