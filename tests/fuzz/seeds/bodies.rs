//! For `codings`: a text in each coding and in several, plain texts to be compressed, and small bombs.

use std::io::Write;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

use crate::Seed;

/// Places in the target's table of names.
const GZIP: u16 = 1;
const DEFLATE: u16 = 2;
const BROTLI: u16 = 3;
const ZSTD: u16 = 4;

pub fn seeds() -> Vec<Seed> {
    let text = "some text, some text and some more text, 13812345678 and alice@example.com\n".repeat(4).into_bytes();
    let bomb = vec![b' '; 200_000];
    let mut seeds: Vec<Seed> = Vec::new();
    for (name, bytes) in [("text", &text), ("bomb", &bomb)] {
        let zlib = encode(ZlibEncoder::new(Vec::new(), Compression::fast()), bytes, ZlibEncoder::finish);
        let raw = encode(DeflateEncoder::new(Vec::new(), Compression::fast()), bytes, DeflateEncoder::finish);
        let two = gzip(&zstd(bytes));
        let members = [gzip(bytes), gzip(bytes)].concat();
        for (coding, label, body) in [
            ("gzip", GZIP, gzip(bytes)),
            ("members", GZIP, members),
            ("zlib", DEFLATE, zlib),
            ("raw", DEFLATE, raw),
            ("brotli", BROTLI, brotli(bytes)),
            ("zstd", ZSTD, zstd(bytes)),
            ("zstd-gzip", ZSTD | GZIP << 3, two),
            ("unknown", 7, gzip(bytes)),
        ] {
            for options in [0, 1 | 3 << 2, 2] {
                seeds.push((format!("{name}-{coding}-{options}"), input(options, label, &body)));
            }
        }
    }
    for names in [0, 3, 4, 5, 6, 6 | 3 << 3 | 1 << 12, 1 | 4 << 3 | 6 << 6 | 2 << 12] {
        seeds.push((format!("compress-{names:x}"), input(0x81 | 5 << 2, names, &text)));
    }
    seeds
}

fn input(options: u8, names: u16, body: &[u8]) -> Vec<u8> {
    [&[options][..], &names.to_le_bytes(), &[4], body].concat()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    encode(GzEncoder::new(Vec::new(), Compression::fast()), bytes, GzEncoder::finish)
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(bytes, 1).expect("it compresses")
}

fn brotli(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = brotli::CompressorWriter::new(&mut out, 4096, 9, 18);
    encoder.write_all(bytes).and_then(|()| encoder.flush()).expect("memory takes every write");
    drop(encoder);
    out
}

fn encode<W: Write>(mut encoder: W, bytes: &[u8], finish: impl FnOnce(W) -> std::io::Result<Vec<u8>>) -> Vec<u8> {
    encoder.write_all(bytes).and_then(|()| finish(encoder)).expect("memory takes every write")
}
