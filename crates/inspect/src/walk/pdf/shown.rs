//! What pages show (ISO 32000-1, section 9.4): strings and the operators that place them.

use super::super::{LeafSink, Text};
use super::fonts::{Font, Fonts, is_regular};

/// Bytes of strings that wait for their fonts, and how many strings and breaks.
const BYTES: usize = 256 << 10;
const ITEMS: usize = 1 << 16;
/// Fonts in use that are told apart.
const NAMES: usize = 256;
/// A gap between the strings of an array from which it is a space, in thousandths of the font's size.
const SPACE: f32 = -180.0;

/// Strings that wait.
#[derive(Default)]
pub(super) struct Shown {
    names: Vec<Box<[u8]>>,
    bytes: Vec<u8>,
    items: Vec<Item>,
    /// The height of the line at hand.
    height: f32,
    /// The length of the last string.
    last: usize,
}

#[derive(Clone, Copy, Debug)]
enum Item {
    /// Up to here in a font.
    Text {
        end: u32,
        font: u16,
    },
    Break(u8),
}

/// Operands of the operator to come.
#[derive(Default)]
struct Operands {
    numbers: Vec<f32>,
    name: Option<Box<[u8]>>,
    /// Strings, and spaces between.
    strings: Vec<Option<Vec<u8>>>,
}

impl Shown {
    /// Bytes that are held.
    pub fn held(&self) -> usize {
        self.bytes.capacity() + self.items.capacity() * size_of::<Item>()
    }

    /// The strings of a stream; `full` is called for room.
    pub fn read(&mut self, stream: &[u8], full: &mut dyn FnMut(&mut Shown)) {
        let mut operands = Operands::default();
        let mut font = 0;
        let mut rest = stream;
        while let Some((&byte, after)) = rest.split_first() {
            rest = after;
            match byte {
                b'(' => rest = string(after, operands.next()),
                b'<' if after.first() != Some(&b'<') => rest = hexadecimal(after, operands.next()),
                b'/' => {
                    let end = after.iter().position(|byte| !is_regular(*byte)).unwrap_or(after.len());
                    operands.name = after.get(..end).map(Into::into);
                    rest = after.get(end..).unwrap_or_default();
                }
                b'%' => {
                    let end = memchr::memchr2(b'\n', b'\r', after).unwrap_or(after.len());
                    rest = after.get(end..).unwrap_or_default();
                }
                byte if is_regular(byte) => {
                    let end = after.iter().position(|byte| !is_regular(*byte)).unwrap_or(after.len());
                    let word = stream.get(stream.len() - after.len() - 1..stream.len() - after.len() + end);
                    rest = after.get(end..).unwrap_or_default();
                    let word = word.unwrap_or_default();
                    match std::str::from_utf8(word).ok().and_then(|word| word.parse::<f32>().ok()) {
                        Some(number) => operands.number(number),
                        None => {
                            self.operator(word, &mut operands, &mut font);
                            if self.bytes.len() > BYTES || self.items.len() > ITEMS {
                                full(self);
                            }
                        }
                    }
                }
                _ => {}
            }
        }
        self.end_line(b'\n');
    }

    fn operator(&mut self, word: &[u8], operands: &mut Operands, font: &mut u16) {
        let numbers = &operands.numbers;
        let from_end =
            |at: usize| numbers.len().checked_sub(at).and_then(|at| numbers.get(at)).copied().unwrap_or_default();
        match word {
            b"Tf" => {
                let name = operands.name.take().unwrap_or_default();
                let known = self.names.iter().position(|known| *known == name);
                *font = known.unwrap_or(self.names.len().min(NAMES - 1)) as u16;
                if known.is_none() && self.names.len() < NAMES {
                    self.names.push(name);
                }
            }
            b"Tj" | b"TJ" | b"'" | b"\"" => {
                if matches!(word, b"'" | b"\"") {
                    self.end_line(b'\n');
                }
                for string in operands.strings.drain(..) {
                    match string {
                        Some(string) => {
                            self.bytes.extend_from_slice(&string);
                            self.last = string.len();
                            self.items.push(Item::Text { end: self.bytes.len() as u32, font: *font });
                        }
                        None => self.end_line(b' '),
                    }
                }
            }
            b"Td" | b"TD" => {
                let moved = from_end(1);
                self.height += moved;
                self.end_line(if moved == 0.0 { b' ' } else { b'\n' });
            }
            b"Tm" => {
                let height = from_end(1);
                let is_same = (height - self.height).abs() < 0.5;
                self.height = height;
                self.end_line(if is_same { b' ' } else { b'\n' });
            }
            b"T*" => self.end_line(b'\n'),
            _ => {}
        }
        operands.numbers.clear();
        operands.strings.clear();
    }

    /// A break, unless one character was shown alone: some programs place each by itself.
    fn end_line(&mut self, sign: u8) {
        let is_alone = match self.items.last() {
            None => return,
            Some(Item::Break(before)) if *before == b'\n' || sign == b' ' => return,
            Some(Item::Break(_)) => false,
            Some(Item::Text { .. }) => self.last <= 2,
        };
        if sign == b'\n' || !is_alone {
            self.items.push(Item::Break(sign));
        }
    }

    /// Tells what waits.
    pub fn tell<S: LeafSink>(&mut self, fonts: &Fonts, text: &mut Text, sink: &mut S) {
        let mut out = String::new();
        let mut from = 0;
        let mut used: Vec<Option<Font<'_>>> = self.names.iter().map(|_| None).collect();
        for item in self.items.drain(..) {
            match item {
                Item::Text { end, font } => {
                    let codes = self.bytes.get(from..end as usize).unwrap_or_default();
                    from = end as usize;
                    let name = self.names.get(usize::from(font)).map(|name| &**name).unwrap_or_default();
                    match used.get_mut(usize::from(font)) {
                        Some(used) => used.get_or_insert_with(|| fonts.font(name)).text(codes, &mut out),
                        None => fonts.font(name).text(codes, &mut out),
                    }
                }
                Item::Break(sign) => out.push(char::from(sign)),
            }
            if out.len() > 4096 {
                text.feed(out.as_bytes(), sink);
                out.clear();
            }
        }
        text.feed(out.as_bytes(), sink);
        self.bytes.clear();
    }
}

impl Operands {
    fn number(&mut self, number: f32) {
        const MOST: usize = 8;
        if !self.strings.is_empty() {
            if number < SPACE {
                self.strings.push(None);
            }
            return;
        }
        if self.numbers.len() >= MOST {
            self.numbers.remove(0);
        }
        self.numbers.push(number);
    }

    fn next(&mut self) -> &mut Vec<u8> {
        self.strings.push(None);
        let index = self.strings.len().saturating_sub(1);
        self.strings[index].insert(Vec::new())
    }
}

/// A string in parentheses (section 7.3.4.2), after the first; what follows it.
fn string<'a>(bytes: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    let mut open = 1u32;
    let mut rest = bytes;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'\\' => {
                let Some((&escaped, after)) = rest.split_first() else { break };
                rest = after;
                match escaped {
                    b'n' => out.push(b'\n'),
                    b'r' => out.push(b'\r'),
                    b't' => out.push(b'\t'),
                    b'b' | b'f' => out.push(b' '),
                    b'\n' => {}
                    b'\r' => rest = rest.strip_prefix(b"\n").unwrap_or(rest),
                    b'0'..=b'7' => {
                        let more = rest.iter().take(2).take_while(|byte| matches!(byte, b'0'..=b'7')).count();
                        let digits = rest.get(..more).unwrap_or_default();
                        let first = u32::from(escaped - b'0');
                        out.push(digits.iter().fold(first, |code, digit| code << 3 | u32::from(digit - b'0')) as u8);
                        rest = rest.get(more..).unwrap_or_default();
                    }
                    other => out.push(other),
                }
                continue;
            }
            b'(' => open += 1,
            b')' => {
                open -= 1;
                if open == 0 {
                    break;
                }
            }
            _ => {}
        }
        out.push(byte);
    }
    rest
}

/// A string of hexadecimal digits (section 7.3.4.3), after its bracket; what follows it.
fn hexadecimal<'a>(bytes: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    let end = memchr::memchr(b'>', bytes).unwrap_or(bytes.len());
    let (digits, rest) = bytes.split_at(end);
    let mut half = None;
    for digit in digits.iter().filter_map(super::super::decode::hex) {
        half = match half {
            Some(high) => {
                out.push(high << 4 | digit);
                None
            }
            None => Some(digit),
        };
    }
    out.extend(half.map(|high| high << 4));
    rest.get(1..).unwrap_or_default()
}
