//! Bodies under any content codings, by way of HTTP/1.
//!
//! Holds: what was compressed comes out as it went in, whatever the cuts, framing and layers; what comes out of anything
//! else is bounded by size and ratio, and is the same however it is cut, unless it is broken or a bomb; memory stays
//! within the limit of decoders.

#![no_main]

use std::io::Write;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use libfuzzer_sys::fuzz_target;
use spyhop_fuzz::exchanges::{Content, Cut, Op, Seen, play};
use spyhop_fuzz::{Input, memory};
use spyhop_http::{Defects, HttpAccounts, Limits};
use spyhop_model::Side;

fn limits() -> Limits {
    Limits {
        small_body: 512,
        decoded: 256 << 10,
        ratio: 50,
        ratio_from: 16 << 10,
        decoder_memory: DECODERS,
        held_memory: 1 << 20,
        ..Limits::default()
    }
}

/// Memory of decoders.
const DECODERS: usize = 4 << 20;
/// What a layer gives out at once, so that a limit is noticed late by so much.
const PIECE: u64 = 32 << 10;

fuzz_target!(|data: &[u8]| {
    let ((), peak) = memory::peak(|| check(data));
    assert!(peak <= 2 * DECODERS + (2 << 20), "{peak} octets allocated");
});

fn check(data: &[u8]) {
    let mut input = Input::new(data);
    let (options, names, cut) = (input.byte(), input.short(), input.byte());
    let body = input.rest();
    let cut = Cut::of(cut);
    if options & 0x80 != 0 {
        return round(options, names, body, cut);
    }
    let message = message(options, &labels(names), body);
    let (whole, pieces) = (answer(&message, Cut::Whole), answer(&message, cut));
    let has = |defects: u32| [&whole, &pieces].map(|(seen, _)| seen.defects.has(defects));
    // The ratio is that of what has come so far, so where a bomb is noticed depends on the cuts; so does how much is shown
    // raw of what is broken.
    let comparable = has(Defects::BOMB) == [false; 2] && has(Defects::BAD_CODING) != [true; 2];
    if comparable {
        assert_eq!(whole, pieces, "{cut:?}");
    }
}

/// Four names, three bits each.
fn labels(names: u16) -> String {
    const NAMES: [&str; 8] = ["", "gzip", "deflate", "br", "zstd", "X-GZIP", "identity", "foo"];
    let labels: Vec<&str> =
        (0..4).map(|at| NAMES[usize::from(names >> (3 * at) & 7)]).filter(|name| !name.is_empty()).collect();
    labels.join(", ")
}

fn message(options: u8, coding: &str, body: &[u8]) -> Vec<u8> {
    let mut out = b"HTTP/1.1 200 OK\r\n".to_vec();
    if !coding.is_empty() {
        out.extend_from_slice(format!("Content-Encoding: {coding}\r\n").as_bytes());
    }
    match options & 3 {
        0 => out.extend_from_slice(b"\r\n"),
        1 => {
            out.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
            for piece in body.chunks(1 + usize::from(options >> 2 & 15) * 7) {
                out.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
                out.extend_from_slice(piece);
                out.extend_from_slice(b"\r\n");
            }
            out.extend_from_slice(b"0\r\n\r\n");
            return out;
        }
        _ => out.extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes()),
    }
    out.extend_from_slice(body);
    out
}

fn answer(message: &[u8], cut: Cut) -> (Seen, HttpAccounts) {
    let ops = [
        Op::Data(Side::Originator, b"GET / HTTP/1.1\r\n\r\n".to_vec()),
        Op::Data(Side::Responder, message.to_vec()),
        Op::Finished(Side::Responder),
    ];
    let limits = limits();
    let (mut log, accounts) = play(limits, &ops, cut);
    assert_eq!(log.seen.len(), 1, "{log:?}");
    let seen = log.seen.remove(0);
    let body = seen.facts[1].unwrap_or_default();
    assert!(body.decoded_len <= limits.decoded + PIECE, "{body:?}");
    let most = limits.ratio_from.max(limits.ratio * body.encoded_len) + PIECE;
    assert!(body.decoded_len <= most, "{body:?}");
    (seen, accounts)
}

/// What is compressed here has to come out as it went in.
fn round(options: u8, names: u16, text: &[u8], cut: Cut) {
    let mut body = text.to_vec();
    let mut labels = Vec::new();
    for at in 0..1 + (names >> 12 & 3) {
        let (coded, label) = match names >> (3 * at) & 7 {
            0..=2 => (written(GzEncoder::new(Vec::new(), Compression::fast()), &body, GzEncoder::finish), "gzip"),
            3 => (written(ZlibEncoder::new(Vec::new(), Compression::fast()), &body, ZlibEncoder::finish), "deflate"),
            // Without zlib's header, as some servers send it; and zlib under the name of gzip.
            4 => (
                written(DeflateEncoder::new(Vec::new(), Compression::fast()), &body, DeflateEncoder::finish),
                "deflate",
            ),
            5 => (written(ZlibEncoder::new(Vec::new(), Compression::fast()), &body, ZlibEncoder::finish), "gzip"),
            _ => (zstd::bulk::compress(&body, 1).expect("it compresses"), "zstd"),
        };
        body = coded;
        labels.push(label);
    }
    let (seen, _) = answer(&message(options, &labels.join(", "), &body), cut);
    if !seen.defects.has(Defects::BOMB) {
        assert!(!seen.defects.has(Defects::BAD_CODING), "{labels:?}: {seen:?}");
        assert_eq!(seen.bodies[1], Content::of(text), "{labels:?}: {seen:?}");
    }
}

fn written<W: Write>(mut encoder: W, bytes: &[u8], finish: impl FnOnce(W) -> std::io::Result<Vec<u8>>) -> Vec<u8> {
    encoder.write_all(bytes).and_then(|()| finish(encoder)).expect("memory takes every write")
}
