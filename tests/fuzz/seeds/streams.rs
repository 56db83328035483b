//! For `http2` and `websocket`: frames of every kind, requests and messages to be written.

use spyhop_fuzz::exchanges::{Op, write};
use spyhop_fuzz::record;
use spyhop_model::Side::{Originator, Responder};

use crate::Seed;

/// Side, kind, flags, stream, payload.
type Frame<'a> = (u8, u8, u8, u8, &'a [u8]);

/// How `http2` begins: with the preface, upgraded, joined midway; and with narrow limits.
const BEGINNINGS: [(&str, u8); 4] = [("", 2 << 2), ("-upgraded", 1 << 2), ("-midway", 0), ("-narrow", 2 << 2 | 2)];

pub fn http2() -> Vec<Seed> {
    // GET / on a.example, remembered; a field of the dynamic table; 200 with a type; trailers.
    let get = [0x82, 0x84, 0x87, 0x41, 9, b'a', b'.', b'e', b'x', b'a', b'm', b'p', b'l', b'e'];
    let again = [0x82, 0x84, 0x87, 0xbe];
    let huffman =
        [0x82, 0x86, 0x84, 0x41, 0x8c, 0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff];
    let yes = [0x88, 0x5f, 10, b't', b'e', b'x', b't', b'/', b'p', b'l', b'a', b'i', b'n'];
    let grpc = [&[0x83, 0x84, 0x86, 0x5f, 16][..], b"application/grpc"].concat();
    let trailers = [&[0x40, 11][..], b"grpc-status", &[1, b'0']].concat();
    let message = [&[0, 0, 0, 0, 5][..], b"\x0a\x03abc"].concat();
    let many: Vec<(&str, Vec<Frame<'_>>)> = vec![
        ("get", vec![(0, 1, 5, 1, &get), (1, 4, 0, 0, &[]), (1, 1, 4, 1, &yes), (1, 0, 1, 1, b"hello")]),
        (
            "two",
            vec![
                (0, 1, 5, 1, &get),
                (0, 1, 4, 3, &again),
                (0, 0, 1, 3, b"body"),
                (1, 1, 5, 3, &yes),
                (1, 1, 5, 1, &yes),
            ],
        ),
        ("huffman", vec![(0, 1, 5, 1, &huffman), (1, 3, 0, 1, &[0, 0, 0, 8]), (1, 7, 0, 0, &[0, 0, 0, 1, 0, 0, 0, 0])]),
        (
            "continued",
            vec![(0, 1, 1, 1, &get[..5]), (0, 9, 4, 1, &get[5..]), (1, 1, 4, 1, &yes), (1, 0, 9, 1, b"\x02hi\0\0")],
        ),
        (
            "pushed",
            vec![
                (0, 1, 5, 1, &get),
                (1, 5, 4, 1, &[0, 0, 0, 2, 0x82, 0x84, 0x87]),
                (1, 1, 5, 2, &yes),
                (1, 1, 5, 1, &yes),
            ],
        ),
        (
            "grpc",
            vec![
                (0, 1, 4, 1, &grpc),
                (0, 0, 1, 1, &message),
                (1, 1, 4, 1, &yes),
                (1, 0, 0, 1, &message),
                (1, 0, 0, 1, &message),
                (1, 1, 5, 1, &trailers),
            ],
        ),
        (
            "control",
            vec![
                (0, 4, 0, 0, &[0, 1, 0, 0, 0, 0, 0, 5, 0, 0, 0x40, 0]),
                (1, 4, 1, 0, &[]),
                (0, 6, 0, 0, &[0; 8]),
                (0, 8, 0, 0, &[0, 0, 1, 0]),
                (0, 2, 0, 1, &[0, 0, 0, 0, 9]),
                (0, 1, 0x2d, 1, &[0, 0, 0, 0, 0, 9, 0x82, 0x84]),
            ],
        ),
    ];
    let mut seeds = Vec::new();
    for (name, frames) in &many {
        for (more, options) in BEGINNINGS {
            let mut out = vec![options | 16];
            for (side, kind, flags, stream, payload) in frames {
                out.extend_from_slice(&[side | kind << 1, *flags, *stream]);
                record(&mut out, payload);
            }
            seeds.push((format!("{name}{more}"), out));
        }
    }
    // Requests: what, the size of the table, path, fields; then a piece of a body.
    let mut written = vec![1];
    for what in [0x80, 0x08, 0xdc, 0x10] {
        written
            .extend_from_slice(&[what, 0, 3, 1, 2, 3, 5, 6, 2, 1, 2, 4, 1, 2, 3, 4, 0, 2, 3, 9, 9, 9, 3, 4, 1, 7, 0]);
        written.extend_from_slice(&[3, 0]);
        record(&mut written, b"piece");
    }
    seeds.push(("requests".to_owned(), written));
    seeds
}

pub fn websocket() -> Vec<Seed> {
    let masked = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
    let squeezed = b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00";
    let again = b"\xc1\x05\xf2\x00\x11\x00\x00";
    let parts = b"\x01\x03Hel\x89\x00\x80\x02lo";
    let close = b"\x88\x82\0\0\0\0\x03\xe8";
    let long = [&b"\x82\x7e\x01\x00"[..], &[7; 256]].concat();
    let all: Vec<(&str, Vec<Op>)> = vec![
        ("hello", vec![Op::Data(Originator, masked.to_vec()), Op::Data(Responder, b"\x81\x05Hello".to_vec())]),
        ("squeezed", vec![Op::Data(Responder, [&squeezed[..], again].concat())]),
        ("parts", vec![Op::Data(Responder, parts.to_vec()), Op::Data(Originator, close.to_vec())]),
        ("long", vec![Op::Data(Responder, long), Op::Gap(Responder, 4), Op::Data(Responder, b"\x81\x02hi".to_vec())]),
        ("none", vec![Op::Data(Responder, b"\xff\xffno frames".to_vec())]),
    ];
    let mut seeds: Vec<Seed> =
        all.iter().map(|(name, ops)| ((*name).to_owned(), [&[2 | 4 << 2][..], &write(ops)].concat())).collect();
    for (name, options) in [("messages", 1 | 3 << 2), ("messages-squeezed", 3 | 5 << 2)] {
        let mut out = vec![options];
        for what in [0u8, 1, 0x1a, 0x3b, 0x6f, 2, 3] {
            out.push(what);
            record(&mut out, b"some text, some text and more text");
        }
        seeds.push((name.to_owned(), out));
    }
    seeds
}
