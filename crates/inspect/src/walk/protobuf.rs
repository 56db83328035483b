//! Protocol Buffers (the wire format of the "Encoding" guide) without a schema: names are field numbers.
//!
//! ```text
//!          varint               number
//! Tag ──────────────> Number ──────────> Tag      anything that no field is: ──> Rest, up to the end of the message
//!  │  length ┌─ whole, or WINDOW bytes ─┐
//!  └───────> Field ── a message: Tag of its own
//!              └───── text: Text ── its end ──> Tag
//! ```
//!
//! Whether bytes are text, a message, or neither can only be guessed: by all of them, of a long field by its beginning.

use super::decode::{Cut, PIECE, Pieces, text};
use super::field::begins_json;
use super::{Json, Leaf, LeafKind, LeafSink, Look, Piece};

/// Nesting that is followed; what is deeper is text, or nothing.
pub const MAX_DEPTH: usize = 32;

/// Bytes of a field by which is guessed what it is: all that is ever held of it.
const WINDOW: usize = 2 * PIECE;

/// Printable bytes in a row that make other bytes worth a look.
const RUN: usize = 5;

/// Numbers below this have fewer than five digits and are no values anybody looks for.
const LEAST: u64 = 10_000;

/// Fixed 64-bit fields beyond this are taken for floating point, whose bits begin higher, for all numbers from 1 on.
const MOST_FIXED: u64 = 1_000_000_000_000_000_000;

/// Walks one message after another, with `finish` between them.
pub struct Protobuf {
    /// The messages around, outermost first; not the document itself.
    frames: Vec<Frame>,
    /// Bytes of the document before those at hand.
    at: u64,
    state: State,
    /// The number at hand.
    varint: u64,
    shift: u32,
    /// The field at hand: its number, and where it ends.
    number: u32,
    end: u64,
    held: Vec<u8>,
    pieces: Pieces,
    /// To the message at hand.
    path: String,
    /// Whether the document began, and its record.
    record: Option<u32>,
    records: u32,
    json: Option<Box<Json>>,
    /// The field at hand is JSON, whose records are counted on from here.
    is_json: bool,
    json_from: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Tag,
    Varint,
    /// A fixed number with so many bytes to come, of so many.
    Fixed(u8, u8),
    Length,
    /// Its beginning is gathered.
    Field,
    /// The rest of a field that is text.
    Text,
    /// The rest of a message that is none.
    Rest,
}

#[derive(Clone, Copy, Debug)]
struct Frame {
    end: u64,
    record: u32,
    /// Length of the path around it.
    path: usize,
}

/// What a field is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Guess {
    Text,
    Message,
    Nothing,
}

impl Default for Protobuf {
    fn default() -> Protobuf {
        Protobuf {
            frames: Vec::new(),
            at: 0,
            state: State::Tag,
            varint: 0,
            shift: 0,
            number: 0,
            end: 0,
            held: Vec::new(),
            pieces: Pieces::default(),
            path: String::from("$"),
            record: None,
            records: 0,
            json: None,
            is_json: false,
            json_from: 0,
        }
    }
}

impl Protobuf {
    /// The next bytes.
    pub fn feed<S: LeafSink>(&mut self, bytes: &[u8], sink: &mut S) {
        if self.record.is_none() && !bytes.is_empty() {
            self.record = Some(self.new_record());
        }
        self.run(bytes, sink);
    }

    /// The end of the document: what is open is a leaf; ready for another one.
    pub fn finish<S: LeafSink>(&mut self, sink: &mut S) {
        self.end_field(sink);
        self.frames.clear();
        self.path.truncate(1);
        (self.at, self.state, self.record) = (0, State::Tag, None);
        (self.varint, self.shift) = (0, 0);
    }

    /// Bytes were lost, and with them where fields begin: what follows is text.
    pub fn gap<S: LeafSink>(&mut self, sink: &mut S) {
        self.end_field(sink);
        self.frames.clear();
        self.path.truncate(1);
        self.state = State::Rest;
        self.record.get_or_insert(self.records);
        self.records = self.records.max(1);
    }

    /// What is held of a field that is cut off: of a message, the fields that are there.
    fn end_field<S: LeafSink>(&mut self, sink: &mut S) {
        while self.state == State::Field && !self.held.is_empty() {
            self.settle(sink);
        }
        if matches!(self.state, State::Text | State::Rest) && !self.pieces.is_empty() {
            self.end_text(sink);
        }
    }

    fn new_record(&mut self) -> u32 {
        self.records = self.records.wrapping_add(1);
        self.records.wrapping_sub(1)
    }

    /// Where the message at hand ends.
    fn message_end(&self) -> u64 {
        self.frames.last().map_or(u64::MAX, |frame| frame.end)
    }

    fn run<S: LeafSink>(&mut self, bytes: &[u8], sink: &mut S) {
        let mut rest = bytes;
        loop {
            while !matches!(self.state, State::Field | State::Text) && self.at >= self.message_end() {
                if self.state == State::Rest {
                    self.end_text(sink);
                }
                self.leave();
            }
            let Some(&byte) = rest.first() else { return };
            let used = match self.state {
                State::Tag | State::Varint | State::Length => {
                    self.digit(byte, sink);
                    1
                }
                State::Fixed(left, width) => {
                    self.varint |= u64::from(byte) << (8 * u32::from(width - left));
                    self.state = State::Fixed(left - 1, width);
                    if left == 1 {
                        self.fixed(width, sink);
                    }
                    1
                }
                State::Field => self.field(rest, sink),
                State::Text | State::Rest => {
                    let end = if self.state == State::Text { self.end } else { self.message_end() };
                    let now = within(rest, end - self.at);
                    self.push_text(now, sink);
                    if self.state == State::Text && self.at + now.len() as u64 == end {
                        self.end_text(sink);
                        self.state = State::Tag;
                    }
                    now.len()
                }
            };
            self.at = self.at.saturating_add(used as u64);
            rest = rest.get(used..).unwrap_or_default();
        }
    }

    /// Seven bits of a tag, a number or a length; the byte itself is counted afterwards.
    fn digit<S: LeafSink>(&mut self, byte: u8, sink: &mut S) {
        let bits = u64::from(byte & 0x7f);
        if self.shift > 63 || self.shift == 63 && bits > 1 {
            return self.broken();
        }
        self.varint |= bits << self.shift;
        self.shift += 7;
        if byte & 0x80 != 0 {
            return;
        }
        let value = std::mem::take(&mut self.varint);
        self.shift = 0;
        match self.state {
            State::Tag => {
                let Some(number) = number(value) else { return self.broken() };
                self.number = number;
                self.state = match value & 7 {
                    0 => State::Varint,
                    1 => State::Fixed(8, 8),
                    2 => State::Length,
                    5 => State::Fixed(4, 4),
                    // Groups: their fields stand among those around them.
                    3 | 4 => State::Tag,
                    _ => return self.broken(),
                };
            }
            State::Varint => {
                self.state = State::Tag;
                // Negative numbers take the upper half.
                if (LEAST..1 << 63).contains(&value) {
                    self.number_leaf(value, sink);
                }
            }
            _ => {
                let start = self.at.saturating_add(1);
                if value > self.message_end().saturating_sub(start) {
                    return self.broken();
                }
                self.end = start.saturating_add(value);
                self.state = if value == 0 { State::Tag } else { State::Field };
            }
        }
    }

    /// A fixed number is whole.
    fn fixed<S: LeafSink>(&mut self, width: u8, sink: &mut S) {
        self.state = State::Tag;
        let bits = std::mem::take(&mut self.varint);
        if width < 8 {
            return;
        }
        let float = f64::from_bits(bits);
        if (LEAST..MOST_FIXED).contains(&bits) {
            self.number_leaf(bits, sink);
        } else if float.fract() == 0.0 && (LEAST as f64..9e15).contains(&float) {
            self.number_leaf(float as u64, sink);
        }
    }

    /// What no field is: the rest of this message is shown as it is.
    fn broken(&mut self) {
        (self.varint, self.shift) = (0, 0);
        self.state = State::Rest;
    }

    /// The beginning of a field: how many bytes were used.
    fn field<S: LeafSink>(&mut self, rest: &[u8], sink: &mut S) -> usize {
        let total = self.end - self.at + self.held.len() as u64;
        let wanted = usize::try_from(total).unwrap_or(usize::MAX).min(WINDOW);
        // The fast path: nothing is copied.
        if self.held.is_empty()
            && let Some(seen) = rest.get(..wanted)
        {
            let whole = wanted as u64 == total;
            return match guess(seen, total, self.frames.len()) {
                Guess::Message => {
                    self.enter();
                    0
                }
                Guess::Text if whole && wanted <= PIECE => {
                    self.value(&Cut { bytes: seen, first: true, last: true }, LeafKind::Text, sink);
                    self.state = State::Tag;
                    wanted
                }
                Guess::Nothing if whole => {
                    self.state = State::Tag;
                    wanted
                }
                Guess::Text | Guess::Nothing => {
                    self.state = State::Text;
                    0
                }
            };
        }
        let now = rest.get(..wanted - self.held.len()).unwrap_or(rest);
        self.held.extend_from_slice(now);
        if self.held.len() == wanted {
            // As of the end of what is held.
            self.at += now.len() as u64;
            self.settle(sink);
            self.at -= now.len() as u64;
        }
        now.len()
    }

    /// What is held, all of the field or its beginning, is told apart; `at` is behind it.
    fn settle<S: LeafSink>(&mut self, sink: &mut S) {
        let mut held = std::mem::take(&mut self.held);
        let total = self.end - self.at + held.len() as u64;
        let whole = self.at == self.end;
        match guess(&held, total, self.frames.len()) {
            Guess::Message => {
                self.at -= held.len() as u64;
                self.enter();
                self.run(&held, sink);
            }
            Guess::Nothing if whole => self.state = State::Tag,
            Guess::Text | Guess::Nothing => {
                self.push_text(&held, sink);
                self.state = State::Text;
                if whole {
                    self.end_text(sink);
                    self.state = State::Tag;
                }
            }
        }
        if self.held.is_empty() {
            held.clear();
            self.held = held;
        }
    }

    /// The field at hand is a message.
    fn enter(&mut self) {
        let record = self.new_record();
        self.frames.push(Frame { end: self.end, record, path: self.path.len() });
        push_number(&mut self.path, self.number);
        self.state = State::Tag;
    }

    fn leave(&mut self) {
        if let Some(frame) = self.frames.pop() {
            self.path.truncate(frame.path);
        }
        (self.varint, self.shift) = (0, 0);
        self.state = State::Tag;
    }

    fn push_text<S: LeafSink>(&mut self, bytes: &[u8], sink: &mut S) {
        let mut pieces = std::mem::take(&mut self.pieces);
        pieces.push(bytes, &mut |cut| self.value(&cut, LeafKind::Text, sink));
        self.pieces = pieces;
    }

    fn end_text<S: LeafSink>(&mut self, sink: &mut S) {
        if !self.pieces.is_empty() {
            let mut pieces = std::mem::take(&mut self.pieces);
            pieces.finish(&mut |cut| self.value(&cut, LeafKind::Text, sink));
            self.pieces = pieces;
        }
    }

    fn number_leaf<S: LeafSink>(&mut self, value: u64, sink: &mut S) {
        let digits = value.to_string();
        self.value(&Cut { bytes: digits.as_bytes(), first: true, last: true }, LeafKind::Number, sink);
    }

    /// A value of the field at hand, or of a message that is none; JSON in it is walked.
    fn value<S: LeafSink>(&mut self, cut: &Cut<'_>, kind: LeafKind, sink: &mut S) {
        if cut.first {
            self.is_json = kind == LeafKind::Text && begins_json(cut.bytes, cut.last);
        }
        let piece = match (cut.first, cut.last) {
            (true, true) => Piece::Whole,
            (_, true) => Piece::Last,
            (_, false) => Piece::More,
        };
        if piece == Piece::Whole && !self.is_json && !sink.wants(b"", cut.bytes, kind) {
            return;
        }
        let around = self.path.len();
        if self.state != State::Rest {
            push_number(&mut self.path, self.number);
        }
        let mut names = self.path.rsplit('.').map(|name| if name == "$" { "" } else { name });
        let (key, parent) = (names.next().unwrap_or_default(), names.next().unwrap_or_default());
        if self.is_json {
            let json = self.json.get_or_insert_default();
            if cut.first {
                json.restart(&self.path, key, 1, 0);
                self.json_from = self.records;
            }
            let mut sink = Numbered { sink, from: self.json_from, next: self.records };
            json.feed(cut.bytes, &mut sink);
            if cut.last {
                json.finish(&mut sink);
            }
            self.records = sink.next;
        } else {
            let record = self.frames.last().map(|frame| frame.record).or(self.record).unwrap_or_default();
            let value = &text(cut.bytes);
            sink.leaf(&Leaf { key, parent, path: &self.path, value, kind, record, piece });
        }
        self.path.truncate(around);
    }
}

/// Gives the records of a document in a field numbers behind those before.
struct Numbered<'a, S> {
    sink: &'a mut S,
    from: u32,
    next: u32,
}

impl<S: LeafSink> LeafSink for Numbered<'_, S> {
    fn leaf(&mut self, leaf: &Leaf<'_>) {
        let record = self.from.wrapping_add(leaf.record);
        self.next = self.next.max(record.wrapping_add(1));
        self.sink.leaf(&Leaf { record, ..*leaf });
    }

    fn wants(&self, key: &[u8], value: &[u8], kind: LeafKind) -> bool {
        self.sink.wants(key, value, kind)
    }

    fn wants_under(&self, key: &[u8]) -> bool {
        self.sink.wants_under(key)
    }

    fn passes(&self, look: &Look, value: &[u8], kind: LeafKind) -> bool {
        self.sink.passes(look, value, kind)
    }
}

fn push_number(path: &mut String, number: u32) {
    path.push('.');
    path.push_str(&number.to_string());
}

/// The first of `bytes`, no more than `most`.
fn within(bytes: &[u8], most: u64) -> &[u8] {
    usize::try_from(most).ok().and_then(|most| bytes.get(..most)).unwrap_or(bytes)
}

/// The field number of a tag: 1 to 2^29 - 1.
fn number(tag: u64) -> Option<u32> {
    u32::try_from(tag).ok().map(|tag| tag >> 3).filter(|number| *number > 0)
}

/// What a field of `total` bytes is that begins with (or is) `seen`.
fn guess(seen: &[u8], total: u64, depth: usize) -> Guess {
    let whole = seen.len() as u64 == total;
    let is_text = is_text(seen, whole);
    // A line feed is also the most common tag there is, and text hardly begins with it.
    if is_text && seen.first() != Some(&b'\n') {
        Guess::Text
    } else if depth < MAX_DEPTH && is_message(seen, total) {
        Guess::Message
    } else if is_text || seen.split(|byte| !matches!(byte, b' '..=b'~')).any(|run| run.len() >= RUN) {
        Guess::Text
    } else {
        Guess::Nothing
    }
}

/// UTF-8 without control characters but tabs and line ends; the beginning of text may end within a character.
pub(super) fn is_text(seen: &[u8], whole: bool) -> bool {
    let valid = match std::str::from_utf8(seen) {
        Ok(_) => seen,
        Err(bad) if !whole && bad.error_len().is_none() => seen.get(..bad.valid_up_to()).unwrap_or_default(),
        Err(_) => return false,
    };
    !valid.iter().any(|byte| matches!(byte, 0..=8 | 11 | 12 | 14..=31 | 127))
}

/// Whether fields follow one another from the first byte to the last; of a beginning, up to where it ends. Groups do
/// not count: hardly anybody uses them, and random bytes often look like them.
fn is_message(seen: &[u8], total: u64) -> bool {
    let whole = seen.len() as u64 == total;
    let (mut rest, mut left) = (seen, total);
    while !rest.is_empty() {
        let Some((tag, size)) = varint(rest) else { return !whole && rest.len() < 10 };
        if number(tag).is_none() {
            return false;
        }
        rest = rest.get(size..).unwrap_or_default();
        left -= size as u64;
        let skip = match tag & 7 {
            0 => match varint(rest) {
                Some((_, size)) => size as u64,
                None => return !whole && rest.len() < 10,
            },
            1 => 8,
            2 => match varint(rest) {
                Some((length, size)) => length.saturating_add(size as u64),
                None => return !whole && rest.len() < 10,
            },
            5 => 4,
            _ => return false,
        };
        if skip > left {
            return false;
        }
        left -= skip;
        rest = usize::try_from(skip).ok().and_then(|skip| rest.get(skip..)).unwrap_or_default();
    }
    left == 0 || !whole
}

/// A number of up to ten bytes and how many they are; `None` if it is cut off or too long.
fn varint(bytes: &[u8]) -> Option<(u64, usize)> {
    let last = bytes.iter().take(10).position(|byte| byte & 0x80 == 0)?;
    let digits = bytes.get(..=last)?;
    let value = digits.iter().rev().fold(0u128, |value, byte| value << 7 | u128::from(byte & 0x7f));
    Some((u64::try_from(value).ok()?, last + 1))
}

#[cfg(test)]
mod tests;
