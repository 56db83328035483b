//! Decoding of bytes into text, and where long text may be cut.

use std::borrow::Cow;

use crate::charset;

/// Values longer than this come in pieces of at most this many bytes.
pub const PIECE: usize = 8 << 10;

/// How far back from the end of a piece a good place to cut is looked for.
const BACK: usize = 1 << 10;

/// Text of bytes: UTF-8, else a Chinese set (percent-coded names and values are in any); the rest becomes U+FFFD.
pub(super) fn text(bytes: &[u8]) -> Cow<'_, str> {
    charset::text(bytes)
}

/// Collects the bytes of one value and hands them on in pieces, cut where no value is likely to straddle. The cuts
/// depend on the bytes alone, not on how they arrive.
#[derive(Default)]
pub(super) struct Pieces {
    held: Vec<u8>,
    began: bool,
}

/// What [`Pieces`] hands on: a piece's bytes, whether it is the first, and whether it is the last.
pub(super) struct Cut<'a> {
    pub bytes: &'a [u8],
    pub first: bool,
    pub last: bool,
}

impl Pieces {
    pub fn is_empty(&self) -> bool {
        self.held.is_empty() && !self.began
    }

    pub fn push(&mut self, mut bytes: &[u8], emit: &mut dyn FnMut(Cut<'_>)) {
        loop {
            if self.held.is_empty() {
                while let Some(window) = bytes.get(..PIECE).filter(|_| bytes.len() > PIECE) {
                    let (piece, rest) = bytes.split_at(cut_point(window));
                    emit(Cut { bytes: piece, first: !self.began, last: false });
                    self.began = true;
                    bytes = rest;
                }
                self.held.extend_from_slice(bytes);
                return;
            }
            let room = (PIECE + 1).saturating_sub(self.held.len());
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.held.extend_from_slice(now);
            bytes = later;
            if self.held.len() <= PIECE {
                return;
            }
            let cut = cut_point(self.held.get(..PIECE).unwrap_or_default());
            emit(Cut { bytes: self.held.get(..cut).unwrap_or_default(), first: !self.began, last: false });
            self.began = true;
            self.held.drain(..cut);
        }
    }

    pub fn finish(&mut self, emit: &mut dyn FnMut(Cut<'_>)) {
        emit(Cut { bytes: &self.held, first: !self.began, last: true });
        self.held.clear();
        self.began = false;
    }
}

/// Where to cut a full window: after a line, else after a delimiter, else after white space, else between characters
/// that no value joins, else at its end on a character border. Never 0.
fn cut_point(window: &[u8]) -> usize {
    let from = window.len().saturating_sub(BACK);
    let tail = window.get(from..).unwrap_or_default();
    let after = |wanted: fn(u8) -> bool| tail.iter().rposition(|b| wanted(*b)).map(|at| from + at + 1);
    let border = || {
        let start = window.iter().rposition(|b| *b & 0xC0 != 0x80)?;
        // An incomplete character at the end goes to the next piece.
        (window.len() - start <= 4 && start > 0 && window.last().is_some_and(|b| *b >= 0x80)).then_some(start)
    };
    after(|b| b == b'\n')
        .or_else(|| after(|b| matches!(b, b'<' | b'>' | b'"' | b',' | b';' | b'{' | b'}' | b'\r' | b'\t' | b'|')))
        .or_else(|| after(|b| b == b' '))
        .or_else(|| after(|b| b.is_ascii() && !b.is_ascii_alphanumeric() && !b"@._+-%*".contains(&b)))
        .or_else(border)
        .unwrap_or(window.len())
}

/// A percent-decoded text that remembers where each byte came from.
pub struct Decoded<'a> {
    /// The text.
    pub text: Cow<'a, str>,
    /// For each byte of the text, and for its end, the offset in the original; `None` where nothing changed.
    origin: Option<Vec<u32>>,
}

impl<'a> Decoded<'a> {
    /// Text that needs no decoding.
    pub fn plain(text: &'a str) -> Decoded<'a> {
        Decoded { text: Cow::Borrowed(text), origin: None }
    }

    /// The original's offset of a byte of the text.
    pub fn origin(&self, at: usize) -> usize {
        match &self.origin {
            None => at,
            Some(map) => map.get(at).or(map.last()).map_or(at, |n| *n as usize),
        }
    }
}

/// Percent-decodes (RFC 3986, section 2.1) at most `rounds` times; `+` is a space in the first round if `plus`. Bytes
/// that are no UTF-8 are read in a Chinese set if they look like one; else they become `?`, each by itself.
pub fn percent(text: &str, plus: bool, rounds: u8) -> Decoded<'_> {
    let mut bytes: Option<(Vec<u8>, Vec<u32>)> = None;
    for round in 0..rounds {
        let plus = plus && round == 0;
        let (from, map): (&[u8], Option<&[u32]>) = match &bytes {
            None => (text.as_bytes(), None),
            Some((bytes, map)) => (bytes, Some(map)),
        };
        if memchr::memchr(b'%', from).is_none() && !(plus && memchr::memchr(b'+', from).is_some()) {
            break;
        }
        let origin = |at: usize| map.map_or(at as u32, |map| map.get(at).copied().unwrap_or(u32::MAX));
        let (mut out, mut out_map) = (Vec::with_capacity(from.len()), Vec::with_capacity(from.len() + 1));
        let (mut at, mut changed) = (0, false);
        while let Some(&byte) = from.get(at) {
            out_map.push(origin(at));
            let (decoded, taken) = match byte {
                b'%' if is_track(from.get(at + 1..)) => (byte, 1),
                b'%' => match (from.get(at + 1).and_then(hex), from.get(at + 2).and_then(hex)) {
                    (Some(high), Some(low)) => (high << 4 | low, 3),
                    _ => (byte, 1),
                },
                b'+' if plus => (b' ', 1),
                _ => (byte, 1),
            };
            changed |= taken == 3 || decoded != byte;
            out.push(decoded);
            at += taken;
        }
        out_map.push(origin(at));
        if !changed {
            break;
        }
        bytes = Some((out, out_map));
    }
    match bytes {
        None => Decoded::plain(text),
        Some((bytes, map)) => readable(bytes, map),
    }
}

/// Whether a percent sign begins the track of a card (ISO/IEC 7813), before these bytes: `%B`, the number, `^`.
fn is_track(after: Option<&[u8]>) -> bool {
    let Some(number) = after.and_then(|after| after.strip_prefix(b"B")) else { return false };
    let length = number.iter().take(20).take_while(|b| b.is_ascii_digit()).count();
    (13..=19).contains(&length) && matches!(number.get(length..), Some([b'^', ..] | [b'%', b'5', b'E' | b'e', ..]))
}

/// Decoded bytes as text with the origin of each byte.
fn readable(bytes: Vec<u8>, map: Vec<u32>) -> Decoded<'static> {
    let bytes = match String::from_utf8(bytes) {
        Ok(text) => return Decoded { text: Cow::Owned(text), origin: Some(map) },
        Err(bad) => bad.into_bytes(),
    };
    let Some(set) = charset::chinese(&bytes) else {
        return Decoded { text: Cow::Owned(same_length(bytes)), origin: Some(map) };
    };
    let origin = |at: usize| map.get(at).or(map.last()).copied().unwrap_or_default();
    let (mut text, mut origins) = (String::with_capacity(bytes.len() * 3 / 2), Vec::with_capacity(bytes.len() * 3 / 2));
    for (at, character) in charset::characters(set, &bytes) {
        text.push_str(&character);
        origins.resize(text.len(), origin(at));
    }
    origins.push(origin(bytes.len()));
    Decoded { text: Cow::Owned(text), origin: Some(origins) }
}

/// UTF-8 of the same length: each byte that fits into no character becomes `?`.
fn same_length(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|bad| {
        let mut out = String::with_capacity(bad.as_bytes().len());
        for chunk in bad.as_bytes().utf8_chunks() {
            out.push_str(chunk.valid());
            chunk.invalid().iter().for_each(|_| out.push('?'));
        }
        out
    })
}

/// The value of a hexadecimal digit.
pub(super) fn hex(byte: &u8) -> Option<u8> {
    (*byte as char).to_digit(16).map(|n| n as u8)
}

/// Whether a name is better not shown: it holds a value itself, or is too long to be a name. Objects keyed by phone
/// number or token are common. 0xEF begins full-width digits.
pub(crate) fn is_value_like(name: &[u8]) -> bool {
    const LONGEST_NAME: usize = 48;
    if name.len() > LONGEST_NAME {
        return true;
    }
    let (mut digits, mut signs) = (0u8, 0u8);
    if name.len() < SHORTEST_TOKEN {
        for b in name {
            let sign = SIGNS[usize::from(*b)];
            signs |= sign;
            digits += u8::from(sign == DIGIT);
        }
        return digits >= 6 || signs & SIGN != 0;
    }
    let (mut changes, mut before) = (0usize, 0u8);
    for b in name {
        let sign = SIGNS[usize::from(*b)];
        signs |= sign;
        let class = sign & CLASS;
        digits += u8::from(class == DIGIT);
        changes += usize::from(class != before && class != 0 && before != 0);
        before = class;
    }
    signs &= SIGN;
    // Random text goes over between lower case, upper case and digits at about two of three characters, names in
    // camel case at one of four.
    let random = changes * 5 >= name.len() * 2;
    digits >= 6 || signs != 0 || random
}

/// Bits of a byte's class: a small letter, a capital, a digit.
const CLASS: u8 = 3;
const DIGIT: u8 = 3;
/// No name has it.
const SIGN: u8 = 4;

const fn signs() -> [u8; 256] {
    let mut table = [0; 256];
    let mut n = 0;
    while n < 256 {
        table[n] = match n as u8 {
            b'a'..=b'z' => 1,
            b'A'..=b'Z' => 2,
            b'0'..=b'9' => DIGIT,
            b'@' | b'%' | b'*' | 0xEF => SIGN,
            _ => 0,
        };
        n += 1;
    }
    table
}
static SIGNS: [u8; 256] = signs();

/// Octets from which a name may be a token.
const SHORTEST_TOKEN: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_from_values() {
        for name in [
            "customerPhoneNumberList",
            "X-Forwarded-For",
            "user_name",
            "idCardNo2",
            "ASP.NET_SessionId",
            "客户手机号码列表",
            "data.items[0].orderLines",
            "X-B3-ParentSpanId",
            "isVIPUserIDCardNo",
            "ctl00$Main$txtPwd$A",
        ] {
            assert!(!is_value_like(name.as_bytes()), "{name}");
        }
        for value in ["13800138000", "a@b.cn", "xK9fQ2mZr7LpT4wB", "qTbVxRkNzPwLmYcD", "ghp_aB3dE5fG7hJ9kL1m"] {
            assert!(is_value_like(value.as_bytes()), "{value}");
        }
    }

    #[test]
    fn percent_decoding_keeps_offsets() {
        let decoded = percent("a%31%2532%zz+%", true, 2);
        assert_eq!(decoded.text, "a12%zz %");
        assert_eq!((decoded.origin(1), decoded.origin(2), decoded.origin(3)), (1, 4, 9));
        assert_eq!(decoded.origin(8), 14);
        assert_eq!(percent("%FF%E5%BC%A0", false, 1).text, "?张");
        // GBK, as older browsers and servers code it.
        let decoded = percent("a%D5%C5%C8%FD=1", false, 2);
        assert_eq!(decoded.text, "a张三=1");
        assert_eq!((decoded.origin(1), decoded.origin(4), decoded.origin(7), decoded.origin(9)), (1, 7, 13, 15));
        assert_eq!(percent("plain+", false, 2).origin(3), 3);
    }

    #[test]
    fn pieces_are_cut_after_lines_and_the_same_however_bytes_arrive() {
        let input: Vec<u8> = (0..3000).flat_map(|n| format!("line {n}\n").into_bytes()).collect();
        let run = |size: usize| {
            let (mut pieces, mut out) = (Pieces::default(), Vec::new());
            for chunk in input.chunks(size) {
                pieces.push(chunk, &mut |cut| out.push((cut.bytes.to_vec(), cut.first, cut.last)));
            }
            pieces.finish(&mut |cut| out.push((cut.bytes.to_vec(), cut.first, cut.last)));
            out
        };
        let whole = run(input.len());
        assert!(whole.len() > 3 && whole.iter().all(|(bytes, ..)| bytes.ends_with(b"\n") && bytes.len() <= PIECE));
        assert_eq!(whole.iter().flat_map(|(bytes, ..)| bytes.clone()).collect::<Vec<_>>(), input);
        for size in [1, 7, 4096, PIECE, PIECE + 1] {
            assert_eq!(run(size), whole, "{size}");
        }
    }

    #[test]
    fn characters_are_not_cut() {
        let input = "汉".repeat(PIECE);
        let mut out = Vec::new();
        let mut pieces = Pieces::default();
        pieces.push(input.as_bytes(), &mut |cut| out.push(cut.bytes.to_vec()));
        assert!(!out.is_empty() && out.iter().all(|piece| std::str::from_utf8(piece).is_ok()));
    }
}
