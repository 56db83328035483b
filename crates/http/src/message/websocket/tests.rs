use std::io::Write;

use flate2::{Compress, Compression, FlushCompress};
use proptest::prelude::*;

use super::super::testing::{Said, in_order, say, sum, texts};
use super::*;

// Both directions of a dialogue between the client and the server of Python's `websockets` 17.4, recorded by ourselves:
// two texts, one in two frames, a binary message, an empty text, a ping or pong, a close frame.
const TAKEOVER_CLIENT: &str = "c1a8f9ad830853fb49c5b6674f41ac1fd13acd1bb338f9be8542c3e7fa81408d42a075693f7c7c4d47345cf78308c18c07a3e3fa\
    ad85432e20f0c2c2540af5fa418ef0ef8002bac4ca4ea7afd169f9ef80020f100093aa693f9fa8c08a9b03c46a57e7a414d6e768\
    3f9faa96c080813daceed13dc28ab809cefbda6982317442e251bc09c181b777c61ab78984c3a0749daf267d6b88829add8b8099\
    35";
const TAKEOVER_SERVER: &str = "c128aa56cacd4fcacc4955b2523234b630300013064a3a4a7989b920c1a88cc4bc7485e0c43ca55a0000c10caa26a0d427532138\
    53a91600c1174a2b4a4c5740516b09526b09525bab909b9a57929a0200c20a62604ccacc4b2caa0400c101008a046c8609f68802\
    03e8";
const FRESH_CLIENT: &str = "c1a82bece82381ba22ee6426246a7e5eba111f5ad8132bffee6911a691aa92cc298ba7285457ae0c2c1f8eb6e823c1a4ccd7e73a\
    66812df7831d2b739965b508f861d70accc4e170f69d9eb375f7a6a580520776698de73a4199fecc14dab4e75e96a96442103383\
    de16b799a688ccf8a2defecc14250100949b3df0baa90df0a99d7745b02294899f3214f0ba9b3d0f45808187da836687c28ab8d6\
    beb8dab6f272749d9212bcd6c1810ebe83e90e89849f92cab4adb6a2d3888204c4aad4072c";
const FRESH_SERVER: &str = "c128aa56cacd4fcacc4955b2523234b630300013064a3a4a7989b920c1a88cc4bc7485e0c43ca55a0000c124aa56cacd4fcacc49\
    55b2523234b630300013064a3a4a7989b920419f4c85e04ca55a0000c1234a2b4a4c57a856cacd4fcacc4955b2523234b6343000\
    13064ab50ab9a97925a9290000c20a62604ccacc4b2caa0400c101008a0432246867880203e8";
const PLAIN_CLIENT: &str = "81ab83c77331f8e51e5ee1ae1f54a1fd5100b0ff4301b2f44b01b3f7511da1a9125ce6e54913d9af125fe4e72050ede50e81a724\
    6217ed5f407a82460b7b88065835dc175a27dd15512fdd145235c1060c768041402dcf680b37be4d406a019373d0a79415a2c6f3\
    53ab85f91cb2cef816f29db642e39e0091350cf05b053cc1680c3cc06b1771d0365062843e5180804fba79778288e80204e6e803\
    668f8663769f8180dbfbfff689846ce6d126f68d7e7a888221f7c1e8221f";
const PLAIN_SERVER: &str = "812b7b226d6f62696c65223a223133383030313338303030222c226e616d65223a225a68616e672053616e227d81277b226d6f62\
    696c65223a223133383030313338303030222c226e616d65223a224c69205369227d812466726167207b226d6f62696c65223a22\
    3133393030313339303030227d206d656e7465648208000162696e61727981008a049a6baf5c880203e8";

const SAID: [&str; 6] = [
    "{\"mobile\":\"13800138000\",\"name\":\"Zhang San\"}",
    "{\"mobile\":\"13800138000\",\"name\":\"Li Si\"}",
    "frag {\"mobile\":\"13900139000\"} mented",
    "\0\u{1}binary",
    "",
    "(closed)",
];

enum Op {
    Bytes(Vec<u8>),
    Gap(u64),
}

fn play_with(limits: &Limits, mut reader: Reader, ops: &[Op]) -> (Vec<Said>, Taken) {
    let mut decoders = Decoders::default();
    let (mut said, mut all) = (Vec::new(), Taken::default());
    for op in ops {
        match op {
            Op::Bytes(bytes) => {
                let taken = reader.push(&mut decoders, limits, bytes, &mut |piece| say(&mut said, piece));
                assert_eq!(sum(taken), bytes.len(), "every byte in one account");
                all.parsed += taken.parsed;
                all.after_gap += taken.after_gap;
                all.garbage += taken.garbage;
            }
            Op::Gap(lost) => reader.gap(&mut decoders, limits, *lost, &mut |piece| say(&mut said, piece)),
        }
    }
    reader.finish(&mut decoders, limits, &mut |piece| say(&mut said, piece));
    assert_eq!(decoders.memory(), 0, "all memory is given back");
    assert!(in_order(&said), "{said:?}");
    (said, all)
}

fn play(reader: Reader, ops: &[Op]) -> (Vec<Said>, Taken) {
    play_with(&Limits::default(), reader, ops)
}

/// The messages, checked to be the same for every cut.
fn messages(reader: impl Fn() -> Reader, stream: &[u8]) -> Vec<String> {
    let whole = play(reader(), &[Op::Bytes(stream.to_vec())]).0;
    for at in (0..stream.len()).step_by((stream.len() / 400).max(1)) {
        let (a, b) = stream.split_at(at);
        assert_eq!(play(reader(), &[Op::Bytes(a.to_vec()), Op::Bytes(b.to_vec())]).0, whole, "cut at {at}");
    }
    let single: Vec<Op> = stream.chunks(1).map(|byte| Op::Bytes(byte.to_vec())).collect();
    assert_eq!(play(reader(), &single).0, whole, "single bytes");
    texts(&whole)
}

fn bytes(hex: &str) -> Vec<u8> {
    hex.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// A frame; the length in the shortest form.
fn frame(first: u8, key: Option<[u8; 4]>, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![first];
    let mask = if key.is_some() { 0x80 } else { 0 };
    match payload.len() {
        length @ 0..126 => out.push(mask | length as u8),
        length @ 126..0x10000 => {
            out.push(mask | 126);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            out.push(mask | 127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(&key.unwrap_or_default()[..if key.is_some() { 4 } else { 0 }]);
    out.extend(payload.iter().zip(key.unwrap_or_default().iter().cycle()).map(|(byte, key)| byte ^ key));
    out
}

/// Compresses messages as a sender does that keeps its window.
struct Sender(Compress);

impl Sender {
    fn new() -> Sender {
        Sender(Compress::new(Compression::default(), false))
    }

    fn deflate(&mut self, text: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(text.len() + 1000);
        self.0.compress_vec(text, &mut out, FlushCompress::Sync).unwrap();
        assert!(out.ends_with(&[0, 0, 0xff, 0xff]));
        out.truncate(out.len() - 4);
        out
    }
}

const TAKEOVER: Option<DeflateParameters> = Some(DeflateParameters {
    server_no_context_takeover: false,
    client_no_context_takeover: false,
    server_max_window_bits: None,
    client_max_window_bits: None,
});

fn server(deflate: Option<DeflateParameters>) -> Reader {
    Reader::new(Role::Server, deflate)
}

#[test]
fn a_real_dialogue_is_read_in_both_directions() {
    let fresh = DeflateParameters::parse(
        b"permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=10",
    );
    for (deflate, client, server) in [
        (TAKEOVER, TAKEOVER_CLIENT, TAKEOVER_SERVER),
        (fresh, FRESH_CLIENT, FRESH_SERVER),
        (None, PLAIN_CLIENT, PLAIN_SERVER),
    ] {
        for (sender, stream) in [(Role::Client, client), (Role::Server, server)] {
            assert_eq!(messages(|| Reader::new(sender, deflate), &bytes(stream)), SAID);
            let (_, taken) = play(Reader::new(sender, deflate), &[Op::Bytes(bytes(stream))]);
            assert_eq!(taken, Taken { parsed: stream.len() / 2, ..Taken::default() });
        }
    }
    assert_eq!(messages(|| Reader::new(Role::Client, None), &bytes(TAKEOVER_CLIENT)), SAID, "nobody saw the answer");
}

#[test]
fn parameters_are_read() {
    assert_eq!(DeflateParameters::parse(b"x-webkit-deflate-frame, foo; bar=1"), None);
    assert_eq!(DeflateParameters::parse(b"permessage-deflate"), TAKEOVER);
    let parameters = DeflateParameters::parse(
        b"foo, PerMessage-Deflate ;server_max_window_bits=\"10\" ; client_max_window_bits=99; client_no_context_takeover, bar",
    )
    .unwrap();
    assert_eq!((parameters.server_max_window_bits, parameters.client_max_window_bits), (Some(10), None));
    assert!(parameters.client_no_context_takeover && !parameters.server_no_context_takeover);
}

#[test]
fn frames_of_all_lengths_and_control_frames_between_fragments() {
    let key = Some([1, 2, 3, 4]);
    let (medium, long) = ("m".repeat(5000), "l".repeat(70_000));
    let stream = [
        frame(0x01, key, b"frag"),
        frame(0x89, key, b"ping"),
        frame(0x00, key, b""),
        frame(0x80, key, b"ment"),
        frame(0x82, None, medium.as_bytes()),
        frame(0x81, key, long.as_bytes()),
    ]
    .concat();
    assert_eq!(messages(|| Reader::new(Role::Client, None), &stream), ["fragment", &medium, &long]);
}

#[test]
fn long_control_frames_and_long_forms_of_short_lengths_are_passed_over() {
    let stream = [&[0x88, 127, 0, 0, 0, 0, 0, 0, 1, 2], [7; 258].as_slice(), &frame(0x81, None, b"after")].concat();
    assert_eq!(messages(|| server(None), &stream), ["(closed)", "after"]);
}

#[test]
fn what_is_no_frame_is_given_up_without_an_allocation() {
    let bad: [(&[u8], usize); 3] =
        [(&[0x83, 1, b'x'], 2), (&[0xa1, 1, b'x'], 2), (&[0x82, 127, 255, 255, 255, 255, 255, 255, 255, 255], 10)];
    for (bad, header) in bad {
        let stream = [&frame(0x81, None, b"ok"), bad, b"rest"].concat();
        assert_eq!(messages(|| server(None), &stream), ["ok", "(bad)"]);
        let (_, taken) = play(server(None), &[Op::Bytes(stream.clone())]);
        assert_eq!((taken.parsed, taken.garbage), (4 + header, stream.len() - 4 - header));
    }
    let huge = [&[0x82, 127, 127, 255, 255, 255, 255, 255, 255, 255], b"begins".as_slice()].concat();
    assert_eq!(messages(|| server(None), &huge), ["begins|cut"]);
}

#[test]
fn fragments_out_of_order_are_shown_and_flagged() {
    let stream = [frame(0x80, None, b"lone"), frame(0x01, None, b"open"), frame(0x81, None, b"new")].concat();
    assert_eq!(messages(|| server(None), &stream), ["~lone|bad", "open|cut", "new"]);
}

#[test]
fn a_final_block_within_a_message_is_read_past() {
    // The example of RFC 7692, section 7.2.3.4, and one without its padding.
    let padded = [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00];
    let stream = [frame(0xc1, None, &padded), frame(0xc1, None, &padded[..7]), frame(0x81, None, b"x")].concat();
    let said = messages(|| server(TAKEOVER), &stream);
    assert_eq!(said[0], "Hello");
    assert!(said[1].starts_with("Hello") && said[2] == "x", "{said:?}");
}

#[test]
fn a_bomb_is_cut_and_the_next_message_is_read() {
    let limits = Limits { ratio_from: 10_000, ratio: 20, ..Limits::default() };
    let mut sender = Sender::new();
    let bomb = frame(0xc1, None, &sender.deflate(&[b'b'; 200_000]));
    let next = frame(0xc1, None, &sender.deflate(b"a plain text"));
    let (said, _) = play_with(&limits, server(TAKEOVER), &[Op::Bytes([bomb, next].concat())]);
    let ends: Vec<_> =
        said.iter().filter_map(|said| if let Said::End(end) = said { Some(end) } else { None }).collect();
    assert!(ends[0].trouble.bomb && !ends[1].trouble.bomb && ends[1].blank);
    assert_eq!(texts(&said)[1], "a plain text|blank");
}

#[test]
fn without_memory_messages_pass_as_they_are_and_say_so() {
    let limits = Limits { decoder_memory: 1000, ..Limits::default() };
    let stream = frame(0xc1, None, &Sender::new().deflate(b"text"));
    let (said, _) = play_with(&limits, server(TAKEOVER), &[Op::Bytes(stream)]);
    assert!(matches!(said.last(), Some(Said::End(end)) if end.trouble.over_limit));
}

#[test]
fn a_broken_message_costs_itself_and_what_refers_to_it() {
    let mut sender = Sender::new();
    let stream = [
        frame(0xc1, None, &sender.deflate(b"{\"mobile\":\"13800138000\"}")),
        frame(0xc1, None, b"\x07 no deflate"),
        frame(0xc1, None, &sender.deflate(b"{\"mobile\":\"13800138000\"} and more")),
    ]
    .concat();
    let said = messages(|| server(TAKEOVER), &stream);
    assert_eq!(said[1], "|bad");
    assert!(said[2].ends_with("and more|blank") && !said[2].contains("1380"), "blanks, never a guess: {said:?}");
}

#[test]
fn blanks_are_not_laid_for_every_message_of_a_hostile_stream() {
    let stream: Vec<u8> = (0..2000).flat_map(|_| frame(0xc1, None, b"\x07")).collect();
    let (said, _) = play(server(TAKEOVER), &[Op::Bytes(stream)]);
    let blank = said.iter().filter(|said| matches!(said, Said::End(end) if end.blank)).count();
    assert!(blank <= 2, "{blank}");
}

/// Loses a stretch of a stream.
fn lose(reader: Reader, stream: &[u8], from: usize, count: usize) -> (Vec<String>, Taken) {
    let ops = [Op::Bytes(stream[..from].to_vec()), Op::Gap(count as u64), Op::Bytes(stream[from + count..].to_vec())];
    let (said, taken) = play(reader, &ops);
    (texts(&said), taken)
}

#[test]
fn within_a_payload_a_gap_is_passed_over_and_the_mask_stays_in_step() {
    let stream = [frame(0x81, Some([9, 8, 7, 6]), b"0123456789"), frame(0x81, Some([1, 2, 3, 4]), b"after")].concat();
    for from in 6..16 {
        for count in 1..=(16 - from) {
            let text = format!("{}~{}", &"0123456789"[..from - 6], &"0123456789"[from - 6 + count..]);
            let (said, taken) = lose(Reader::new(Role::Client, None), &stream, from, count);
            assert_eq!(said, [text, "after".into()]);
            assert_eq!(taken.parsed, stream.len() - count);
        }
    }
}

#[test]
fn a_gap_in_a_compressed_message_costs_that_message_and_blanks_in_the_next() {
    let mut sender = Sender::new();
    let noise: Vec<u8> = (0..300u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let first = frame(0xc2, None, &sender.deflate(&noise));
    let second = frame(0xc1, None, &sender.deflate(b"told anew"));
    let stream = [first.clone(), second].concat();
    let (said, taken) = lose(server(TAKEOVER), &stream, 100, 50);
    assert!(said[0].ends_with('~') && said[1] == "told anew|blank", "{said:?}");
    assert_eq!(taken.after_gap, first.len() - 150);
    let fresh = DeflateParameters { server_no_context_takeover: true, ..DeflateParameters::default() };
    let (said, _) = lose(server(Some(fresh)), &stream, 100, 50);
    assert_eq!(said[1], "told anew", "each message stands by itself");
}

#[test]
fn after_a_lost_header_frames_are_found_where_a_segment_fits_them() {
    let (a, b) = (frame(0x81, Some([1, 2, 3, 4]), b"first"), frame(0x81, Some([5, 6, 7, 8]), b"second"));
    let ops = [
        Op::Bytes(a[..8].to_vec()),
        Op::Gap(30),
        Op::Bytes(b"the rest of some payload".to_vec()),
        Op::Bytes(b.clone()),
        Op::Bytes(a.clone()),
    ];
    let (said, taken) = play(Reader::new(Role::Client, None), &ops);
    assert_eq!(texts(&said), ["fi~|cut", "second", "first"]);
    assert_eq!(taken, Taken { parsed: 8 + b.len() + a.len(), after_gap: 24, garbage: 0 });
    let (said, _) = play(Reader::midway(Role::Client, None), &[Op::Bytes([b, a.clone(), a[..3].to_vec()].concat())]);
    assert_eq!(texts(&said), ["second", "first"], "joined midway, the last frame not whole");
    let (said, taken) = play(Reader::midway(Role::Server, None), &[Op::Bytes(a.clone())]);
    assert_eq!((said.len(), taken.after_gap), (0, a.len()), "servers do not mask");
}

#[test]
fn a_message_whose_first_frame_was_lost_is_obscure_only_if_it_may_be_compressed() {
    let rest = frame(0x80, None, b"the end of it");
    let ops = [Op::Gap(10), Op::Bytes(rest.clone())];
    assert_eq!(texts(&play(server(None), &ops).0), ["~the end of it|bad"]);
    let (said, taken) = play(server(TAKEOVER), &ops);
    assert_eq!((texts(&said), taken.after_gap), (vec!["~|bad".to_owned()], 13));
}

fn any_frame() -> impl Strategy<Value = Vec<u8>> {
    let payload = proptest::collection::vec(any::<u8>(), 0..40);
    (0..8u8, any::<bool>(), payload, any::<[u8; 4]>(), any::<bool>()).prop_map(|(what, last, payload, key, masked)| {
        let key = masked.then_some(key);
        let last = if last { 0x80 } else { 0 };
        match what {
            0 => frame(last | 1, key, &payload),
            1 => frame(last | 2, key, &payload),
            2 | 3 => frame(last, key, &payload),
            4 => frame(0x89, key, &payload),
            5 => frame(0xc1, key, &Sender::new().deflate(&payload)),
            6 => frame(last | 0x41, key, &payload),
            _ => {
                let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), Compression::default());
                encoder.write_all(&payload).unwrap();
                frame(0xc2, key, &encoder.finish().unwrap())
            }
        }
    })
}

proptest! {
    #[test]
    fn the_cutting_changes_nothing(
        frames in proptest::collection::vec(any_frame(), 0..12),
        tail in proptest::collection::vec(any::<u8>(), 0..30),
        size in 1..60usize,
        takeover: bool,
    ) {
        let stream = [frames.concat(), tail].concat();
        let reader = || server(if takeover { TAKEOVER } else { DeflateParameters::parse(b"permessage-deflate; server_no_context_takeover") });
        let cut: Vec<Op> = stream.chunks(size).map(|part| Op::Bytes(part.to_vec())).collect();
        prop_assert_eq!(play(reader(), &cut), play(reader(), &[Op::Bytes(stream)]));
    }

    #[test]
    fn any_bytes_and_losses_are_accounted_for(
        parts in proptest::collection::vec((prop_oneof![any_frame(), proptest::collection::vec(any::<u8>(), 0..40)], 0..60u64), 0..12),
        midway: bool,
    ) {
        let ops: Vec<Op> = parts.into_iter().flat_map(|(bytes, lost)| [Op::Bytes(bytes), Op::Gap(lost)]).collect();
        play(if midway { Reader::midway(Role::Server, None) } else { server(TAKEOVER) }, &ops);
    }
}
