//! Each coding, alone and layered; what is not what it says; bombs.

use std::io::Write;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

use super::*;

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn zlib(text: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn deflate(text: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn zstd(text: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(text, 3).unwrap()
}

/// `brotli -q 11` of "hello hello hello hello\n", by the reference encoder's stored form: an uncompressed metablock.
fn brotli_stored(text: &[u8]) -> Vec<u8> {
    // WBITS 16 (one bit 0), ISLAST 0, MNIBBLES 4 (00), MLEN-1 (16 bits), ISUNCOMPRESSED 1, then the last empty one.
    let length = (text.len() - 1) as u32;
    let bits = length << 4 | 1 << 20;
    let mut out = bits.to_le_bytes()[..3].to_vec();
    out.extend_from_slice(text);
    out.push(3);
    out
}

fn decode_with(codings: &str, body: &[u8], size: usize, limits: &Limits) -> (Vec<u8>, Trouble) {
    let mut list = Codings::default();
    list.push(codings.as_bytes());
    let mut decoders = Decoders::default();
    let mut out = Vec::new();
    let Some(mut decoder) = Decoder::new(&list, limits) else { return (body.to_vec(), Trouble::default()) };
    for part in body.chunks(size.max(1)) {
        decoder.push(&mut decoders, limits, part, &mut |bytes| out.extend_from_slice(bytes));
    }
    let trouble = decoder.finish(&mut decoders, limits, &mut |bytes| out.extend_from_slice(bytes));
    assert_eq!(decoders.memory, 0, "all memory is given back");
    (out, trouble)
}

#[track_caller]
fn check(codings: &str, body: &[u8], expected: &[u8], bad: bool) {
    for size in [body.len(), 7, 1] {
        let (out, trouble) = decode_with(codings, body, size, &Limits::default());
        let (out, expected) = (String::from_utf8_lossy(&out), String::from_utf8_lossy(expected));
        assert_eq!(out, expected, "{codings} in pieces of {size}");
        assert_eq!(trouble.bad, bad, "{codings} in pieces of {size}");
    }
}

const TEXT: &[u8] = b"hello hello hello hello, and goodbye goodbye";

#[test]
fn each_coding_is_undone() {
    check("gzip", &gzip(TEXT), TEXT, false);
    check("X-GZip", &gzip(TEXT), TEXT, false);
    check("deflate", &zlib(TEXT), TEXT, false);
    check("deflate", &deflate(TEXT), TEXT, false);
    check("br", &brotli_stored(TEXT), TEXT, false);
    check("zstd", &zstd(TEXT), TEXT, false);
    check("identity", TEXT, TEXT, false);
}

#[test]
fn layers_are_undone_in_reverse_order() {
    check("gzip, deflate", &zlib(&gzip(TEXT)), TEXT, false);
    check("gzip,,zstd,identity", &zstd(&gzip(TEXT)), TEXT, false);
    let five = (0..5).fold(TEXT.to_vec(), |body, _| gzip(&body));
    let four = gzip(TEXT);
    check("gzip,gzip,gzip,gzip,gzip", &five, &four, true);
}

#[test]
fn members_and_frames_follow_one_another_and_padding_is_passed_over() {
    let both = [gzip(b"one "), gzip(b"two")].concat();
    check("gzip", &both, b"one two", false);
    check("gzip", &[both, vec![0; 20]].concat(), b"one two", false);
    check("zstd", &[zstd(b"one "), zstd(b"two")].concat(), b"one two", false);
}

#[test]
fn a_gzip_header_with_all_its_parts_is_read() {
    let body = gzip(TEXT);
    let mut full = vec![0x1f, 0x8b, 8, 0x1f, 0, 0, 0, 0, 0, 3];
    full.extend_from_slice(b"\x03\0abcname\0comment\0\x12\x34");
    full.extend_from_slice(&body[10..body.len() - 4]);
    check("gzip", &full, TEXT, false);
}

#[test]
fn what_is_not_what_its_label_says_is_shown_raw() {
    check("gzip", TEXT, TEXT, true);
    check("br", b"\x11rest", b"\x11rest", true);
    check("zstd", TEXT, TEXT, true);
    check("unheard-of", TEXT, TEXT, true);
    check("\u{a0}gzip", &gzip(TEXT), TEXT, true);
    check("gzip, unheard-of", &gzip(TEXT), TEXT, true);
    check("gzip, deflate", &gzip(TEXT), TEXT, true);
    check("gzip", &zlib(TEXT), TEXT, false);
    // The first byte of a text may be what raw deflate calls an invalid block type.
    check("deflate", b"gggg no deflate at all", b"gggg no deflate at all", true);
}

#[test]
fn a_stream_that_breaks_off_gives_what_it_has() {
    let mut cut = gzip(TEXT);
    cut.truncate(cut.len() - 8);
    check("gzip", &cut, TEXT, false);
    let random: Vec<u8> = (0..20_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let whole = gzip(&random);
    let (out, trouble) = decode_with("gzip", &whole[..whole.len() / 2], 1000, &Limits::default());
    assert!(trouble.bad && !out.is_empty() && random.starts_with(&out));
}

#[test]
fn a_bomb_is_cut_at_the_ratio_and_at_the_size() {
    let zeros = vec![0; 5 << 20];
    let small = Limits { decoded: 300 << 10, ratio: u64::MAX, ..Limits::default() };
    for (coding, body) in [("gzip", gzip(&zeros)), ("zstd", zstd(&zeros)), ("deflate", zlib(&zeros))] {
        let (out, trouble) = decode_with(coding, &body, body.len(), &Limits::default());
        assert!(trouble.bomb && out.len() <= 2 << 20, "{coding}: {} bytes", out.len());
        let (out, trouble) = decode_with(coding, &body, 1400, &small);
        assert!(trouble.bomb && out.len() <= 300 << 10, "{coding}: {} bytes", out.len());
    }
}

#[test]
fn decoders_do_not_take_more_memory_than_they_may() {
    let limits = Limits { decoder_memory: 1 << 20, ..Limits::default() };
    // A frame that declares a window of 4 MiB.
    let body = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x60, 0x29, 0, 0, b'h', b'e', b'l', b'l', b'o', 0, 0, 0, 0];
    let (out, trouble) = decode_with("zstd", &body, 18, &limits);
    assert!(trouble.over_limit && out == body);
    let (_, trouble) = decode_with("br", &[0x0f; 40], 40, &limits);
    assert!(trouble.over_limit, "a brotli window of 16 MiB");
}

#[test]
fn each_frame_is_charged_for_its_own_window() {
    // A frame of 5 bytes, then one that declares a window of 4 MiB.
    let small = zstd(b"small");
    let large = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x60, 0x29, 0, 0, b'l', b'a', b'r', b'g', b'e'];
    let body = [&small[..], &large].concat();
    check("zstd", &body, b"smalllarge", false);
    let limits = Limits { decoder_memory: 1 << 20, ..Limits::default() };
    for size in [body.len(), 7, 1] {
        let (out, trouble) = decode_with("zstd", &body, size, &limits);
        assert!(trouble.over_limit && out.starts_with(b"small") && out.ends_with(b"large"), "in pieces of {size}");
    }
    // A skippable frame declares no window; the one after it does.
    let skipped = [&[0x50, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 9, 9][..], &large].concat();
    check("zstd", &skipped, b"large", false);
    assert!(decode_with("zstd", &skipped, 3, &limits).1.over_limit);
    // 16 MiB, which HTTP does not allow, is not passed over as if it were padding.
    let huge = [&small[..], &[0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x70, 0x29, 0, 0, b'h', b'u', b'g', b'e', b'!']].concat();
    let (out, trouble) = decode_with("zstd", &huge, huge.len(), &Limits::default());
    assert!(trouble.bad && out.starts_with(b"small"));
    check("zstd", &[&small[..], b"junk"].concat(), b"small", false);
}

#[test]
fn what_brotli_allocates_beyond_its_window_is_charged() {
    // Two stored metablocks that fill a window of 64 KiB; the ring buffer and the prefix codes are larger than that.
    let text = vec![b'x'; 60_000];
    let mut body = brotli_stored(&text);
    body.pop();
    let more = ((text.len() - 1) as u32) << 3 | 1 << 19;
    body.extend_from_slice(&more.to_le_bytes()[..3]);
    body.extend_from_slice(&text);
    body.push(3);
    check("br", &body, &[text.clone(), text].concat(), false);
    let declared = Brotli::memory(&body).unwrap();
    let limits = |decoder_memory| Limits { decoder_memory, ..Limits::default() };
    assert!(decode_with("br", &body, 5, &limits(declared - 1)).1.over_limit);
    assert!(decode_with("br", &body, 1000, &limits(declared)).1.over_limit);
    assert!(!decode_with("br", &body, 1000, &limits(declared + (32 << 10))).1.over_limit);
}

#[test]
fn where_a_bomb_is_cut_does_not_depend_on_how_its_bytes_come() {
    // The first MiB is denser than 200 to 1, the whole is not.
    let noise: Vec<u8> = (0..40_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let uneven = [vec![0; 1_500 << 10], noise].concat();
    let even = vec![0; 3 << 20];
    for limits in [Limits::default(), Limits { decoded: 100_001, ..Limits::default() }] {
        for (coding, encode) in [("gzip", gzip as fn(&[u8]) -> Vec<u8>), ("deflate", zlib), ("zstd", zstd)] {
            for text in [&uneven, &even] {
                let body = encode(text);
                let whole = decode_with(coding, &body, body.len(), &limits);
                assert!(whole.1.bomb, "{coding}");
                for size in [1, 7, 100, 1460] {
                    let (out, trouble) = decode_with(coding, &body, size, &limits);
                    assert_eq!((out.len(), trouble), (whole.0.len(), whole.1), "{coding} in pieces of {size}");
                }
            }
        }
    }
}
