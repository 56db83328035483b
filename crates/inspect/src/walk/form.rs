//! `application/x-www-form-urlencoded` bodies and queries (WHATWG URL, section 5).

use memchr::memchr;

use super::LeafSink;
use super::decode::{PIECE, hex, percent, text};
use super::field::Field;

/// Longest name; a pair with a longer one counts as a value without a name.
const NAME: usize = 256;

/// Walks `name=value` pairs.
#[derive(Default)]
pub struct Form {
    /// Inside a pair that began in earlier bytes.
    state: State,
    name: Vec<u8>,
    field: Field,
    /// A percent sign and a digit at the end of the last bytes.
    escape: Vec<u8>,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Between,
    Name,
    Value,
}

impl Form {
    /// The next bytes.
    pub fn feed<S: LeafSink>(&mut self, mut bytes: &[u8], sink: &mut S) {
        while !bytes.is_empty() {
            let end = memchr(b'&', bytes);
            let (pair, rest) = match end {
                Some(at) => (bytes.get(..at).unwrap_or_default(), bytes.get(at + 1..).unwrap_or_default()),
                None => (bytes, &[][..]),
            };
            match (&self.state, end) {
                (State::Between, Some(_)) if pair.len() <= PIECE => self.pair(pair, sink),
                _ => {
                    self.part(pair, sink);
                    if end.is_some() {
                        self.finish(sink);
                    }
                }
            }
            bytes = rest;
        }
    }

    /// The end of the input or of a pair.
    pub fn finish<S: LeafSink>(&mut self, sink: &mut S) {
        match std::mem::take(&mut self.state) {
            State::Between => {}
            State::Name => {
                // `13800138000` alone, or a body that is no form at all: a value without a name.
                let name = std::mem::take(&mut self.name);
                self.nameless(&name, sink);
            }
            State::Value => self.end_value(sink),
        }
        self.name.clear();
    }

    fn end_value<S: LeafSink>(&mut self, sink: &mut S) {
        let escape = std::mem::take(&mut self.escape);
        self.field.push(&escape, sink);
        self.field.end(sink);
    }

    /// A pair that is there as a whole.
    fn pair<S: LeafSink>(&mut self, pair: &[u8], sink: &mut S) {
        let Some(at) = memchr(b'=', pair).filter(|at| *at <= NAME) else {
            if !pair.is_empty() {
                self.nameless(pair, sink);
            }
            return;
        };
        let (name, value) = (pair.get(..at).unwrap_or_default(), pair.get(at + 1..).unwrap_or_default());
        self.name(name, sink);
        if memchr::memchr2(b'%', b'+', value).is_none() {
            return self.field.whole(value, sink);
        }
        self.decode(value, sink);
        self.end_value(sink);
    }

    fn nameless<S: LeafSink>(&mut self, raw: &[u8], sink: &mut S) {
        self.field.begin("");
        self.decode(raw, sink);
        self.end_value(sink);
    }

    fn name<S: LeafSink>(&mut self, raw: &[u8], sink: &mut S) {
        let raw = text(raw);
        let name = percent(&raw, true, 2);
        if super::field::place(&name.text) == "*" {
            // The name may be a value itself.
            self.field.begin("");
            self.field.whole(name.text.as_bytes(), sink);
        }
        self.field.begin(&name.text);
    }

    /// A part of a pair.
    fn part<S: LeafSink>(&mut self, mut part: &[u8], sink: &mut S) {
        if self.state != State::Value && !part.is_empty() {
            let room = NAME.saturating_sub(self.name.len());
            let at = memchr(b'=', part).filter(|at| *at <= room);
            if at.is_none() && part.len() <= room {
                self.name.extend_from_slice(part);
                self.state = State::Name;
                return;
            }
            self.state = State::Value;
            let mut name = std::mem::take(&mut self.name);
            if let Some(at) = at {
                name.extend_from_slice(part.get(..at).unwrap_or_default());
                self.name(&name, sink);
                part = part.get(at + 1..).unwrap_or_default();
            } else {
                self.field.begin("");
                self.decode(&name, sink);
            }
        }
        self.decode(part, sink);
    }

    /// Decodes a part of a value once; escapes may straddle parts.
    fn decode<S: LeafSink>(&mut self, part: &[u8], sink: &mut S) {
        let mut rest = part;
        while let Some(&byte) = rest.first() {
            if !self.escape.is_empty() {
                self.escape.push(byte);
                rest = rest.get(1..).unwrap_or_default();
                match (self.escape.get(1).map(hex), self.escape.get(2).map(hex)) {
                    (Some(Some(high)), Some(Some(low))) => {
                        self.escape.clear();
                        self.field.push(&[high << 4 | low], sink);
                    }
                    (Some(None), _) | (_, Some(None)) => {
                        let escape = std::mem::take(&mut self.escape);
                        let (last, before) = escape.split_last().unwrap_or((&0, &[]));
                        self.field.push(before, sink);
                        if *last == b'%' {
                            self.escape.push(b'%');
                        } else {
                            self.field.push(if *last == b'+' { b" " } else { std::slice::from_ref(last) }, sink);
                        }
                    }
                    _ => {}
                }
                continue;
            }
            let at = memchr::memchr2(b'%', b'+', rest).unwrap_or(rest.len());
            self.field.push(rest.get(..at).unwrap_or_default(), sink);
            match rest.get(at) {
                Some(b'%') => self.escape.push(b'%'),
                Some(_) => self.field.push(b" ", sink),
                None => {}
            }
            rest = rest.get(at + 1..).unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Structure, testing::lines};
    use super::*;

    #[test]
    fn pairs_are_decoded_wherever_they_are_cut() {
        let got = lines(&Structure::Form, b"user=a%40b.com&n=%E5%BC%A0+%zz%&&alone&x=&q=1=2");
        assert_eq!(got, ["user|user||a@b.com|0", "n|n||张 %zz%|0", "|||alone|0", "x|x|||0", "q|q||1=2|0"]);
    }

    #[test]
    fn json_in_a_field_is_walked_and_long_values_come_in_pieces() {
        let got = lines(&Structure::Form, b"d=%7B%22phone%22%3A%2213800138000%22%7D&e=1");
        assert_eq!(got, ["d.phone|phone|d|13800138000|0", "e|e||1|0"]);
        let long = format!("t={}", "word+".repeat(5000));
        let got = lines(&Structure::Form, long.as_bytes());
        assert!(got.len() > 2 && got.iter().all(|line| line.len() <= PIECE + 32));
    }

    #[test]
    fn names_and_values_in_gbk() {
        let got = lines(&Structure::Form, b"%D0%D5%C3%FB=%D5%C5%C8%FD&a=%B5%E7%BB%B0&q=%C0%EE+\xCB\xC4");
        assert_eq!(got, ["姓名|姓名||张三|0", "a|a||电话|0", "q|q||李 四|0"]);
    }

    #[test]
    fn names_that_are_values_do_not_become_paths() {
        let got = lines(&Structure::Form, b"13800138000=1&a=2");
        assert_eq!(got, ["|||13800138000|0", "*|13800138000||1|0", "a|a||2|0"]);
    }
}
