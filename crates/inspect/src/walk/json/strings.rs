//! Strings of JSON with escapes (RFC 8259, section 7), long ones, and those that a border of what is fed cuts.

use super::{Escape, Json, string_len};
use crate::walk::{LeafKind, LeafSink};

impl Json {
    /// Inside a string that has escapes, is long, or is cut.
    pub(super) fn string<S: LeafSink>(&mut self, fed: &[u8], at: usize, sink: &mut S) -> usize {
        let rest = fed.get(at..).unwrap_or_default();
        if self.escape != Escape::None {
            return at + self.unescape(rest.first().copied().unwrap_or_default(), fed, sink);
        }
        let len = string_len(rest);
        if len > 0 {
            self.lone_surrogate(fed, sink);
            self.hold(rest.get(..len).unwrap_or_default(), fed, sink);
        }
        match rest.get(len) {
            Some(b'"') => {
                self.lone_surrogate(fed, sink);
                self.end_held(LeafKind::Text, fed, sink);
            }
            Some(_) => self.escape = Escape::Slash,
            None => return fed.len(),
        }
        at + len + 1
    }

    /// One byte of an escape; tells whether it was taken.
    fn unescape<S: LeafSink>(&mut self, byte: u8, fed: &[u8], sink: &mut S) -> usize {
        match self.escape {
            Escape::Hex { digits, value } => match crate::walk::decode::hex(&byte) {
                Some(digit) => {
                    let value = value << 4 | u16::from(digit);
                    self.escape = Escape::Hex { digits: digits + 1, value };
                    if digits == 3 {
                        self.escape = Escape::None;
                        self.code_unit(value, fed, sink);
                    }
                    1
                }
                None => {
                    self.escape = Escape::None;
                    self.lone_surrogate(fed, sink);
                    self.hold("\u{FFFD}".as_bytes(), fed, sink);
                    0
                }
            },
            _ if byte == b'u' => {
                self.escape = Escape::Hex { digits: 0, value: 0 };
                1
            }
            _ => {
                self.escape = Escape::None;
                self.lone_surrogate(fed, sink);
                let plain = match byte {
                    b'n' => b'\n',
                    b't' => b'\t',
                    b'r' => b'\r',
                    b'b' => 8,
                    b'f' => 12,
                    other => other,
                };
                self.hold(&[plain], fed, sink);
                1
            }
        }
    }

    /// A UTF-16 code unit; pairs of surrogates are one character.
    fn code_unit<S: LeafSink>(&mut self, unit: u16, fed: &[u8], sink: &mut S) {
        let pair = self.high.map(|high| [high, unit]);
        let character = match pair {
            Some(pair) if (0xDC00..0xE000).contains(&unit) => {
                self.high = None;
                char::decode_utf16(pair).next().and_then(Result::ok)
            }
            _ => {
                self.lone_surrogate(fed, sink);
                if (0xD800..0xDC00).contains(&unit) {
                    self.high = Some(unit);
                    return;
                }
                char::from_u32(u32::from(unit))
            }
        };
        let character = character.unwrap_or(char::REPLACEMENT_CHARACTER);
        self.hold(character.encode_utf8(&mut [0; 4]).as_bytes(), fed, sink);
    }

    fn lone_surrogate<S: LeafSink>(&mut self, fed: &[u8], sink: &mut S) {
        if self.high.take().is_some() {
            self.hold("\u{FFFD}".as_bytes(), fed, sink);
        }
    }
}
