//! gRPC (PROTOCOL-HTTP2, "Length-Prefixed-Message") and gRPC-Web (PROTOCOL-WEB): messages with a prefix of five bytes,
//! each compressed by itself, out of the DATA of one direction.
//!
//! ```text
//! +------+----------------+---------+
//! | flag | length, 32 bit | message |   flag: 1 compressed, 0x80 trailers (gRPC-Web)
//! +------+----------------+---------+
//! ```

use super::{End, Kind, Piece, Taken};
use crate::coding::{Codings, Decoder, Decoders, Trouble};
use crate::limits::Limits;

/// A message's flag and length.
const PREFIX: usize = 5;
/// Bytes decoded from base64 at once.
const DECODED: usize = 3 << 10;

/// Reads the DATA of one direction.
pub(crate) struct Reader {
    codings: Codings,
    /// `application/grpc-web-text`: all is in base64.
    base64: Option<Base64>,
    state: State,
    prefix: [u8; PREFIX],
    have: usize,
    left: u64,
    message: Option<Message>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Prefix,
    Message,
    /// Where the next message begins is not known.
    Lost,
    /// These are no messages.
    GivenUp,
}

struct Message {
    kind: Kind,
    compressed: bool,
    decoder: Option<Box<Decoder>>,
    gap: bool,
}

impl Reader {
    /// `codings`: those of messages that say to be compressed. `text`: all is in base64, as in `application/grpc-web-text`.
    pub(crate) fn new(codings: Codings, text: bool) -> Reader {
        let state = State::Prefix;
        Reader {
            codings,
            base64: text.then(Base64::default),
            state,
            prefix: [0; PREFIX],
            have: 0,
            left: 0,
            message: None,
        }
    }

    /// The next bytes of DATA. Where bytes were lost before, `bytes` should be what one frame or segment carried: that is
    /// where a message may begin.
    pub(crate) fn push(
        &mut self,
        decoders: &mut Decoders,
        limits: &Limits,
        bytes: &[u8],
        sink: &mut dyn FnMut(Piece<'_>),
    ) -> Taken {
        let Some(mut base64) = self.base64 else { return self.binary(decoders, limits, bytes, sink) };
        let mut taken = Taken::default();
        let mut room = [0; DECODED];
        for encoded in bytes.chunks(DECODED) {
            let made = base64.decode(encoded, &mut room);
            let of = self.binary(decoders, limits, room.get(..made).unwrap_or_default(), sink);
            // Accounts are of the bytes that came.
            let garbage = of.garbage.min(encoded.len());
            let after_gap = of.after_gap.min(encoded.len() - garbage);
            taken.garbage += if self.state == State::GivenUp && made == 0 { encoded.len() } else { garbage };
            taken.after_gap += after_gap;
        }
        self.base64 = Some(base64);
        taken.parsed = bytes.len() - taken.garbage - taken.after_gap;
        taken
    }

    /// `lost` bytes of DATA were not seen. Within a message they are passed over by the length it declared.
    pub(crate) fn gap(&mut self, decoders: &mut Decoders, limits: &Limits, lost: u64, sink: &mut dyn FnMut(Piece<'_>)) {
        let lost = self.base64.as_mut().map_or(lost, |base64| base64.gap(lost));
        if lost == 0 {
            return;
        }
        match self.state {
            State::Lost | State::GivenUp => {}
            State::Message if lost <= self.left => {
                self.left -= lost;
                self.message_gap(decoders, sink);
                self.end_if_whole(decoders, limits, sink);
            }
            State::Prefix | State::Message => {
                self.message_gap(decoders, sink);
                self.end(decoders, limits, true, sink);
                (self.state, self.have) = (State::Lost, 0);
            }
        }
    }

    /// Nothing follows: ends the message at hand and gives back what was taken.
    pub(crate) fn finish(&mut self, decoders: &mut Decoders, limits: &Limits, sink: &mut dyn FnMut(Piece<'_>)) {
        self.end(decoders, limits, true, sink);
    }

    fn binary(
        &mut self,
        decoders: &mut Decoders,
        limits: &Limits,
        mut bytes: &[u8],
        sink: &mut dyn FnMut(Piece<'_>),
    ) -> Taken {
        let mut taken = Taken::default();
        if self.state == State::Lost && messages_fill(bytes) {
            self.state = State::Prefix;
        }
        while let Some((&byte, rest)) = bytes.split_first() {
            match self.state {
                State::Lost => {
                    taken.after_gap += bytes.len();
                    break;
                }
                State::GivenUp => {
                    taken.garbage += bytes.len();
                    break;
                }
                State::Prefix if self.have == 0 && kind(byte).is_none() => {
                    self.state = State::GivenUp;
                    sink(Piece::Bad);
                }
                State::Prefix => {
                    taken.parsed += 1;
                    bytes = rest;
                    if let Some(place) = self.prefix.get_mut(self.have) {
                        (*place, self.have) = (byte, self.have + 1);
                    }
                    if self.have == PREFIX {
                        self.begin(decoders, limits, sink);
                    }
                }
                State::Message => {
                    let length = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
                    let (payload, rest) = bytes.split_at(length);
                    bytes = rest;
                    self.left -= length as u64;
                    match &mut self.message {
                        Some(Message { decoder: Some(decoder), gap: false, .. }) => {
                            decoder.push(decoders, limits, payload, &mut |bytes| sink(Piece::Data(bytes)));
                            taken.parsed += length;
                        }
                        // Compressed, and what came before was lost.
                        Some(Message { compressed: true, .. }) => taken.after_gap += length,
                        _ => {
                            sink(Piece::Data(payload));
                            taken.parsed += length;
                        }
                    }
                    self.end_if_whole(decoders, limits, sink);
                }
            }
        }
        taken
    }

    /// The prefix is whole.
    fn begin(&mut self, decoders: &mut Decoders, limits: &Limits, sink: &mut dyn FnMut(Piece<'_>)) {
        let [flag, length @ ..] = self.prefix;
        (self.have, self.left, self.state) = (0, u64::from(u32::from_be_bytes(length)), State::Message);
        let (kind, compressed) = kind(flag).unwrap_or((Kind::Message, false));
        sink(Piece::Begin(kind));
        let decoder = if compressed { Decoder::new(&self.codings, limits) } else { None };
        self.message = Some(Message { kind, compressed, decoder, gap: false });
        self.end_if_whole(decoders, limits, sink);
    }

    fn message_gap(&mut self, decoders: &mut Decoders, sink: &mut dyn FnMut(Piece<'_>)) {
        if let Some(message) = &mut self.message {
            message.gap = true;
            if let Some(decoder) = &mut message.decoder {
                decoder.abandon(decoders);
            }
            sink(Piece::Gap);
        }
    }

    fn end_if_whole(&mut self, decoders: &mut Decoders, limits: &Limits, sink: &mut dyn FnMut(Piece<'_>)) {
        if self.left == 0 {
            self.state = State::Prefix;
            self.end(decoders, limits, false, sink);
        }
    }

    fn end(&mut self, decoders: &mut Decoders, limits: &Limits, cut: bool, sink: &mut dyn FnMut(Piece<'_>)) {
        let Some(Message { kind, compressed, decoder, gap }) = self.message.take() else { return };
        let trouble = match decoder {
            Some(decoder) if gap => decoder.trouble,
            Some(mut decoder) => decoder.finish(decoders, limits, &mut |bytes| sink(Piece::Data(bytes))),
            None => Trouble::default(),
        };
        sink(Piece::End(End { kind, compressed, gap, cut, blank: false, trouble }));
    }
}

/// What a flag says of its message, and whether that is compressed; `None` if it is no flag.
fn kind(flag: u8) -> Option<(Kind, bool)> {
    match flag {
        0 | 1 => Some((Kind::Message, flag == 1)),
        0x80 | 0x81 => Some((Kind::Trailers, flag == 0x81)),
        _ => None,
    }
}

/// Whether these bytes are messages from the first to the last, not all of them empty.
fn messages_fill(bytes: &[u8]) -> bool {
    let (mut rest, mut filled) = (bytes, false);
    while let [flag, a, b, c, d, after @ ..] = rest {
        let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
        let (Some(_), Some(after)) = (kind(*flag), after.get(length..)) else { return false };
        (rest, filled) = (after, filled || length > 0);
    }
    rest.is_empty() && filled
}

/// Base64 (RFC 4648, section 4) in pieces, several padded stretches in a row.
#[derive(Clone, Copy, Default)]
struct Base64 {
    bits: u32,
    /// Characters of the group of four at hand.
    have: u8,
    /// Characters up to the next group, of one that was lost in part.
    skip: u8,
}

impl Base64 {
    /// Decodes into `room`, which must not be shorter than `encoded`; how many bytes came out. What is no base64 is
    /// passed over.
    fn decode(&mut self, encoded: &[u8], room: &mut [u8]) -> usize {
        let mut places = room.iter_mut();
        let mut made = 0;
        for byte in encoded {
            let digit = match byte {
                b'A'..=b'Z' => byte - b'A',
                b'a'..=b'z' => byte - b'a' + 26,
                b'0'..=b'9' => byte - b'0' + 52,
                b'+' | b'-' => 62,
                b'/' | b'_' => 63,
                b'=' => {
                    (self.have, self.bits, self.skip) = (0, 0, 0);
                    continue;
                }
                _ => continue,
            };
            if self.skip > 0 {
                self.skip -= 1;
                continue;
            }
            self.bits = self.bits << 6 | u32::from(digit);
            self.have = (self.have + 1) & 3;
            let byte = match self.have {
                1 => continue,
                2 => self.bits >> 4,
                3 => self.bits >> 2,
                _ => self.bits,
            };
            if let Some(place) = places.next() {
                *place = byte as u8;
                made += 1;
            }
        }
        made
    }

    /// How many decoded bytes are lost with `lost` characters, if there was no padding among them: what follows up to the
    /// next group is not decoded.
    fn gap(&mut self, lost: u64) -> u64 {
        // Characters of this group that came, and what of its bytes is shown or counted as lost already.
        let (came, counted) = match (self.skip, self.have) {
            (0, have) => (have, have.saturating_sub(1)),
            (skip, _) => (4 - skip.min(4), 3),
        };
        let characters = lost.saturating_add(u64::from(came));
        self.skip = ((4 - characters % 4) % 4) as u8;
        (self.have, self.bits) = (0, 0);
        characters.div_ceil(4).saturating_mul(3).saturating_sub(u64::from(counted))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::super::testing::{Said, in_order, say, sum, texts};
    use super::*;

    fn coded(encoding: Option<&[u8]>, text: bool) -> Reader {
        let mut codings = Codings::default();
        codings.field(&crate::head::Field { name: b"grpc-encoding", value: encoding.unwrap_or_default() });
        Reader::new(codings.of_messages(), text)
    }

    enum Op<'a> {
        Bytes(&'a [u8]),
        Gap(u64),
    }

    fn play(mut reader: Reader, ops: &[Op<'_>]) -> (Vec<Said>, Taken) {
        let (mut decoders, limits) = (Decoders::default(), Limits::default());
        let (mut said, mut all) = (Vec::new(), Taken::default());
        for op in ops {
            match op {
                Op::Bytes(bytes) => {
                    let taken = reader.push(&mut decoders, &limits, bytes, &mut |piece| say(&mut said, piece));
                    assert_eq!(sum(taken), bytes.len(), "every byte in one account");
                    all.parsed += taken.parsed;
                    all.after_gap += taken.after_gap;
                    all.garbage += taken.garbage;
                }
                Op::Gap(lost) => reader.gap(&mut decoders, &limits, *lost, &mut |piece| say(&mut said, piece)),
            }
        }
        reader.finish(&mut decoders, &limits, &mut |piece| say(&mut said, piece));
        assert_eq!(decoders.memory(), 0, "all memory is given back");
        assert!(in_order(&said), "{said:?}");
        (said, all)
    }

    /// The messages, checked to be the same for every cut.
    fn messages(reader: fn() -> Reader, body: &[u8]) -> Vec<String> {
        let whole = play(reader(), &[Op::Bytes(body)]).0;
        for at in 0..body.len() {
            let (a, b) = body.split_at(at);
            assert_eq!(play(reader(), &[Op::Bytes(a), Op::Bytes(b)]).0, whole, "cut at {at}");
        }
        let single: Vec<Op<'_>> = body.chunks(1).map(Op::Bytes).collect();
        assert_eq!(play(reader(), &single).0, whole, "single bytes");
        texts(&whole)
    }

    fn message(flag: u8, payload: &[u8]) -> Vec<u8> {
        [&[flag], (payload.len() as u32).to_be_bytes().as_slice(), payload].concat()
    }

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn encode(bytes: &[u8]) -> Vec<u8> {
        const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        bytes
            .chunks(3)
            .flat_map(|group| {
                let bits = group.iter().fold(0, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
                (0..4).map(
                    move |at| {
                        if at > group.len() { b'=' } else { DIGITS[(bits >> (18 - 6 * at) & 63) as usize] }
                    },
                )
            })
            .collect()
    }

    #[test]
    fn messages_are_cut_and_each_is_decompressed() {
        let body =
            [message(0, b"plain"), message(1, &gzip(b"packed")), message(0, b""), message(1, &gzip(b"again"))].concat();
        assert_eq!(messages(|| coded(Some(b"gzip"), false), &body), ["plain", "packed", "", "again"]);
        assert_eq!(messages(|| coded(None, false), &body), ["plain", "packed", "", "again"], "gzip is guessed");
        let zlib = |text: &[u8]| {
            let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(text).unwrap();
            encoder.finish().unwrap()
        };
        assert_eq!(messages(|| coded(Some(b"deflate"), false), &message(1, &zlib(b"zipped"))), ["zipped"]);
        assert_eq!(messages(|| coded(Some(b"identity"), false), &message(1, b"not packed")), ["not packed|bad"]);
    }

    #[test]
    fn trailers_are_told_and_base64_is_undone() {
        let parts = [message(0, b"one"), message(1, &gzip(b"two")), message(0x80, b"grpc-status: 0\r\n")];
        let expected = ["one", "two", "grpc-status: 0\r\n"];
        assert_eq!(messages(|| coded(Some(b"gzip"), false), &parts.concat()), expected);
        let (said, _) = play(coded(None, false), &[Op::Bytes(&parts[2])]);
        assert_eq!(said[0], Said::Begin(Kind::Trailers));
        assert_eq!(messages(|| coded(Some(b"gzip"), true), &encode(&parts.concat())), expected);
        let padded: Vec<u8> = parts.iter().flat_map(|part| encode(part)).collect();
        assert_eq!(messages(|| coded(Some(b"gzip"), true), &padded), expected, "padding between");
    }

    #[test]
    fn what_was_lost_within_a_message_costs_that_message_alone() {
        let body = [message(0, b"first {138}"), message(1, &gzip(&[b'x'; 300])), message(0, b"last")].concat();
        let lose = |from: usize, count: usize| {
            let ops = [Op::Bytes(&body[..from]), Op::Gap(count as u64), Op::Bytes(&body[from + count..])];
            let (said, taken) = play(coded(Some(b"gzip"), false), &ops);
            (texts(&said), taken)
        };
        assert_eq!(lose(8, 3).0, ["fir~{138}".to_owned(), "x".repeat(300), "last".into()]);
        let (said, taken) = lose(16 + 5 + 4, 6);
        assert_eq!(said, ["first {138}", "~", "last"]);
        assert!(taken.after_gap > 0 && taken.garbage == 0);
    }

    #[test]
    fn a_lost_prefix_is_found_again_where_messages_fill_what_comes() {
        let (next, last) = (message(0, b"next"), message(0, b"last"));
        let ops = [
            Op::Bytes(&message(0, b"first")[..7]),
            Op::Gap(100),
            Op::Bytes(b"tail of one"),
            Op::Bytes(&next),
            Op::Bytes(&last),
        ];
        let (said, taken) = play(coded(None, false), &ops);
        assert_eq!(texts(&said), ["fi~|cut", "next", "last"]);
        assert_eq!(taken, Taken { parsed: 7 + 9 + 9, after_gap: 11, garbage: 0 });
    }

    #[test]
    fn base64_stays_in_step_across_a_gap() {
        let body = encode(&[message(0, b"0123456789abcdef"), message(0, b"last")].concat());
        for from in 8..20 {
            for count in 1..8 {
                let ops = [Op::Bytes(&body[..from]), Op::Gap(count as u64), Op::Bytes(&body[from + count..])];
                let texts = texts(&play(coded(None, true), &ops).0);
                assert_eq!(texts.len(), 2, "{from} {count} {texts:?}");
                assert_eq!(texts[1], "last", "{from} {count}");
            }
        }
    }

    #[test]
    fn what_is_no_grpc_is_given_up_and_what_ends_early_is_said() {
        let (said, taken) = play(coded(None, false), &[Op::Bytes(b"{\"json\":1}"), Op::Bytes(b"more")]);
        assert_eq!((said, taken.garbage), (vec![Said::Bad], 14));
        let long = [&[0], u32::MAX.to_be_bytes().as_slice(), b"begins"].concat();
        assert_eq!(messages(|| coded(None, false), &long), ["begins|cut"]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_accounted_for(
            parts in proptest::collection::vec((proptest::collection::vec(0..3u8, 0..20), 0..40u64), 0..8),
            text: bool,
        ) {
            let reader = || if text { coded(None, true) } else { coded(None, false) };
            let ops: Vec<Op<'_>> =
                parts.iter().flat_map(|(bytes, lost)| [Op::Bytes(bytes), Op::Gap(*lost)]).collect();
            play(reader(), &ops);
            let whole: Vec<u8> = parts.iter().flat_map(|(bytes, _)| bytes.clone()).collect();
            let cut: Vec<Op<'_>> = parts.iter().map(|(bytes, _)| Op::Bytes(bytes)).collect();
            prop_assert_eq!(play(reader(), &cut).0, play(reader(), &[Op::Bytes(&whole)]).0);
        }
    }
}
