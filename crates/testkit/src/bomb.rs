//! Bodies that are small on the wire and huge once decoded.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

/// A content coding, or several, that a bomb is packed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// RFC 1952; about 1:1000.
    Gzip,
    /// RFC 1950; about 1:1000.
    Zlib,
    /// RFC 1951 without a wrapper, under the name `deflate`; about 1:1000.
    Deflate,
    /// RFC 7932; 16 MiB in some 20 octets.
    Brotli,
    /// RFC 8878; 128 KiB in four octets.
    Zstd,
    /// gzip within gzip.
    GzipTwice,
}

impl Packing {
    /// All of them.
    pub const ALL: [Packing; 6] =
        [Packing::Gzip, Packing::Zlib, Packing::Deflate, Packing::Brotli, Packing::Zstd, Packing::GzipTwice];

    /// The value of `Content-Encoding`.
    pub fn name(self) -> &'static str {
        match self {
            Packing::Gzip => "gzip",
            Packing::Zlib | Packing::Deflate => "deflate",
            Packing::Brotli => "br",
            Packing::Zstd => "zstd",
            Packing::GzipTwice => "gzip, gzip",
        }
    }

    /// `octets` times the letter `a` (for brotli, rounded up to 16 MiB) in this coding.
    pub fn bomb(self, octets: usize) -> Vec<u8> {
        match self {
            Packing::Gzip => fed(GzEncoder::new(Vec::new(), Compression::best()), octets, GzEncoder::finish),
            Packing::Zlib => fed(ZlibEncoder::new(Vec::new(), Compression::best()), octets, ZlibEncoder::finish),
            Packing::Deflate => {
                fed(DeflateEncoder::new(Vec::new(), Compression::best()), octets, DeflateEncoder::finish)
            }
            Packing::Brotli => brotli(octets),
            Packing::Zstd => zstd(octets),
            Packing::GzipTwice => {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
                encoder
                    .write_all(&Packing::Gzip.bomb(octets))
                    .and_then(|()| encoder.finish())
                    .expect("memory takes every write")
            }
        }
    }
}

fn fed<E: Write>(mut encoder: E, octets: usize, finish: fn(E) -> io::Result<Vec<u8>>) -> Vec<u8> {
    let piece = [b'a'; 1 << 16];
    let mut left = octets;
    while left > 0 {
        let now = left.min(piece.len());
        encoder.write_all(&piece[..now]).expect("memory takes every write");
        left -= now;
    }
    finish(encoder).expect("memory takes every write")
}

/// Run-length blocks in a frame with a window of 8 MiB (RFC 8878, section 3.1.1).
fn zstd(octets: usize) -> Vec<u8> {
    const BLOCK: usize = 128 << 10;
    let mut out = vec![0x28, 0xb5, 0x2f, 0xfd, 0, 13 << 3];
    let blocks = octets.div_ceil(BLOCK).max(1);
    for block in 0..blocks {
        let last = block + 1 == blocks;
        let size = if last { octets - block * BLOCK } else { BLOCK };
        let header = (size as u32) << 3 | 1 << 1 | u32::from(last);
        out.extend_from_slice(&header.to_le_bytes()[..3]);
        out.push(b'a');
    }
    out
}

/// Meta-blocks that consist of one copy of 16 MiB from four octets back (RFC 7932, section 9).
fn brotli(octets: usize) -> Vec<u8> {
    const COPY: u64 = 1 << 24;
    let mut bits = Bits::default();
    // A window of 4 MiB, then 16 octets as they are: last or not, nibbles of the length, length, uncompressed.
    bits.put(0b1011, 4);
    bits.put(0, 1);
    bits.put(0, 2);
    bits.put(15, 16);
    bits.put(1, 1);
    bits.align();
    bits.out.extend_from_slice(&[b'a'; 16]);
    for _ in 0..octets.div_ceil(COPY as usize) {
        // Not the last; six nibbles of length; compressed.
        bits.put(0, 1);
        bits.put(2, 2);
        bits.put(COPY - 1, 24);
        bits.put(0, 1);
        // One block type each of literals, commands and distances; no postfix, no direct distances; one context mode;
        // one tree each of literals and distances.
        bits.put(0, 3);
        bits.put(0, 6);
        bits.put(0, 2);
        bits.put(0, 2);
        // Codes of one symbol: any literal; command 391, no literal and a copy of 2118 and 24 bits more; the last
        // distance, which is four at first.
        for (symbol, width) in [(0, 8), (391, 10), (0, 6)] {
            bits.put(1, 2);
            bits.put(0, 2);
            bits.put(symbol, width);
        }
        bits.put(COPY - 2118, 24);
    }
    // The last one, empty.
    bits.put(3, 2);
    bits.align();
    bits.out
}

/// Bits, the lowest first.
#[derive(Default)]
struct Bits {
    out: Vec<u8>,
    held: u64,
    width: u32,
}

impl Bits {
    fn put(&mut self, value: u64, width: u32) {
        self.held |= value << self.width;
        self.width += width;
        while self.width >= 8 {
            self.out.push(self.held as u8);
            self.held >>= 8;
            self.width -= 8;
        }
    }

    fn align(&mut self) {
        if self.width > 0 {
            self.put(0, 8 - self.width);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    /// Octets that come out of `coded`; all must be the letter.
    fn unpacked(packing: Packing, coded: &[u8]) -> u64 {
        let mut reader: Box<dyn Read> = match packing {
            Packing::Gzip => Box::new(flate2::read::GzDecoder::new(coded)),
            Packing::Zlib => Box::new(flate2::read::ZlibDecoder::new(coded)),
            Packing::Deflate => Box::new(flate2::read::DeflateDecoder::new(coded)),
            Packing::Brotli => Box::new(brotli_decompressor::Decompressor::new(coded, 4096)),
            Packing::Zstd => Box::new(zstd::Decoder::new(coded).expect("a decoder")),
            Packing::GzipTwice => {
                Box::new(flate2::read::GzDecoder::new(io::BufReader::new(flate2::read::GzDecoder::new(coded))))
            }
        };
        let (mut octets, mut piece) = (0, vec![0; 1 << 16]);
        loop {
            let got = reader.read(&mut piece).unwrap_or_else(|wrong| panic!("{packing:?}: {wrong}"));
            assert!(piece[..got].iter().all(|octet| *octet == b'a'), "{packing:?}");
            if got == 0 {
                return octets;
            }
            octets += got as u64;
        }
    }

    #[test]
    fn bombs_are_small_and_unpack_to_what_was_asked() {
        for packing in Packing::ALL {
            let octets = 17 << 20;
            let coded = packing.bomb(octets);
            let most = match packing {
                Packing::Brotli => 100,
                Packing::Zstd | Packing::GzipTwice => 600,
                _ => octets / 900,
            };
            assert!(coded.len() < most, "{packing:?}: {}", coded.len());
            let expected = if packing == Packing::Brotli { (32 << 20) + 16 } else { octets as u64 };
            assert_eq!(unpacked(packing, &coded), expected, "{packing:?}");
        }
    }
}
