//! JSON (RFC 8259) and what passes for it: several values in a row, JSONP, truncated and broken input.
//!
//! ```text
//!            "                    "
//! Between ────────> String ──────────────> Between      gap: any ──> Lost ── " ──> LostQuote
//!    │  ▲              │ \ ▲                            LostQuote: one of `,:}]` next, it closed a string;
//!    │  └── delimiter ─┤   │                                       else it opened one
//!    └─ other ─> Token ┘   Escape
//! ```
//!
//! Brackets that do not match, missing commas and words without quotes never stop it: whatever stands between
//! delimiters is a leaf, so nothing goes unseen.

mod keys;
mod members;
mod strings;

use std::borrow::Cow;

use self::keys::Keys;
use super::decode::{Cut, PIECE, Pieces, is_value_like, text};
use super::field::place;
use super::nested::{DEEPEST, Nested, may_nest};
use super::{Leaf, LeafKind, LeafSink, Look, Piece};
use crate::lanes::look_quoted;

/// Nesting that is followed; deeper values still are leaves, under the path of this depth.
pub const MAX_DEPTH: usize = 128;

/// Longest key that is kept.
const MAX_KEY: usize = 256;

/// Walks JSON.
pub struct Json {
    frames: Vec<Frame>,
    /// Open objects and arrays among the frames, so that a stray closing bracket costs nothing.
    open: [u32; 2],
    /// Brackets open beyond [`MAX_DEPTH`].
    excess: u64,
    state: State,
    escape: Escape,
    /// A high surrogate that waits for its other half.
    high: Option<u16>,
    /// The string or token under way is an object key.
    is_key: bool,
    pieces: Pieces,
    /// Keys that had to be copied; a stack in step with the frames.
    store: Vec<u8>,
    /// The path to the value at hand, built when a leaf is wanted; `built` frames of it are valid.
    path: String,
    built: usize,
    /// The path and name under which this document stands.
    root: String,
    root_name: String,
    records: u32,
    /// JSON in strings is walked this many levels down: 0 is the outermost.
    level: u8,
    nested: Option<Box<Nested>>,
    /// The value at hand holds a document.
    is_nested: bool,
    /// Objects that are items of an array, or stand by themselves.
    rows: u32,
    /// Keys that repeat, while a slice is walked.
    keys: Keys,
    /// The last of them.
    last_key: Option<u16>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Between,
    String,
    Token,
    Lost,
    LostQuote,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Escape {
    #[default]
    None,
    Slash,
    Hex {
        digits: u8,
        value: u16,
    },
}

#[derive(Clone, Copy, Debug)]
struct Frame {
    is_object: bool,
    /// After the colon: what follows is a value.
    colon: bool,
    key: Key,
    /// Whether a value under the key is wanted however it looks, once that was asked.
    wanted: Option<bool>,
    record: u32,
    /// Length of the path before and after this frame's part.
    path: (u32, u32),
}

/// Where the bytes of a key are.
#[derive(Clone, Copy, Debug, Default)]
enum Key {
    #[default]
    None,
    /// In the slice being fed.
    Fed(u32, u32),
    /// In the store.
    Stored(u32, u32),
}

impl Default for Json {
    fn default() -> Json {
        Json {
            frames: Vec::new(),
            open: [0; 2],
            excess: 0,
            state: State::default(),
            escape: Escape::None,
            high: None,
            is_key: false,
            pieces: Pieces::default(),
            store: Vec::new(),
            path: String::from("$"),
            built: 0,
            root: String::from("$"),
            root_name: String::new(),
            records: 0,
            level: 0,
            nested: None,
            is_nested: false,
            rows: 0,
            keys: Keys::default(),
            last_key: None,
        }
    }
}

impl Json {
    /// Starts anew below a path, `level` documents down, after so many records.
    pub(super) fn restart(&mut self, root: &str, name: &str, level: u8, records: u32) {
        self.reset();
        self.root.clear();
        self.root.push_str(if root.is_empty() { "$" } else { root });
        self.root_name.clear();
        self.root_name.push_str(name);
        self.level = level;
        self.records = records;
    }

    /// Records so far.
    pub(super) fn records(&self) -> u32 {
        self.records
    }

    /// Objects so far that are items of an array, or stand by themselves.
    pub fn rows(&self) -> u32 {
        self.rows
    }

    fn reset(&mut self) {
        self.frames.clear();
        self.open = [0; 2];
        self.excess = 0;
        self.state = State::Between;
        self.escape = Escape::None;
        self.high = None;
        self.is_nested = false;
        self.store.clear();
        self.built = 0;
    }

    /// The next bytes.
    pub fn feed<S: LeafSink>(&mut self, bytes: &[u8], sink: &mut S) {
        // Offsets into the slice are 32 bits.
        for slice in bytes.chunks(1 << 30) {
            self.slice(slice, sink);
        }
    }

    /// The end of the input: what is open is a leaf; ready for another document.
    pub fn finish<S: LeafSink>(&mut self, sink: &mut S) {
        self.end_token(&[], sink);
        self.reset();
    }

    /// Bytes were lost.
    pub fn gap<S: LeafSink>(&mut self, sink: &mut S) {
        self.end_token(&[], sink);
        self.state = State::Lost;
        self.escape = Escape::None;
    }

    fn end_token<S: LeafSink>(&mut self, fed: &[u8], sink: &mut S) {
        match self.state {
            State::String => self.end_held(LeafKind::Text, fed, sink),
            State::Token => self.end_held(LeafKind::Word, fed, sink),
            _ => {}
        }
    }

    fn slice<S: LeafSink>(&mut self, fed: &[u8], sink: &mut S) {
        self.keys = Keys::take(self.last_key);
        self.frames.iter_mut().for_each(|frame| frame.wanted = None);
        let mut at = 0;
        while let Some(&byte) = fed.get(at) {
            at = match self.state {
                State::Between => self.run(fed, at, sink),
                State::String => self.string(fed, at, sink),
                State::Token => self.token(fed, at, sink),
                State::Lost => {
                    let quote = memchr::memchr(b'"', fed.get(at..).unwrap_or_default());
                    if quote.is_some() {
                        self.state = State::LostQuote;
                    }
                    quote.map_or(fed.len(), |n| at + n + 1)
                }
                State::LostQuote if byte.is_ascii_whitespace() => at + 1,
                State::LostQuote => {
                    let closed = matches!(byte, b',' | b':' | b'}' | b']');
                    self.state = if closed { State::Between } else { State::String };
                    self.is_key = false;
                    at
                }
            };
        }
        self.last_key = std::mem::take(&mut self.keys).keep();
        self.keep_keys(fed);
    }

    /// Copies the keys that point into `fed` before it goes.
    fn keep_keys(&mut self, fed: &[u8]) {
        if !self.frames.iter().any(|frame| matches!(frame.key, Key::Fed(..))) {
            return;
        }
        let mut store = Vec::with_capacity(self.store.len() + 64);
        for frame in &mut self.frames {
            let key = bytes_of(frame.key, &self.store, fed);
            if !matches!(frame.key, Key::None) {
                let start = store.len() as u32;
                store.extend_from_slice(key.get(..MAX_KEY).unwrap_or(key));
                frame.key = Key::Stored(start, store.len() as u32);
            }
        }
        self.store = store;
    }

    /// Goes on from one sign to the next while they stand between values.
    fn run<S: LeafSink>(&mut self, fed: &[u8], mut at: usize, sink: &mut S) -> usize {
        while let Some(&byte) = fed.get(at) {
            at = self.between(byte, fed, at, sink);
            if self.state != State::Between {
                break;
            }
        }
        at
    }

    #[inline]
    fn between<S: LeafSink>(&mut self, byte: u8, fed: &[u8], at: usize, sink: &mut S) -> usize {
        match byte {
            b'"' => {
                self.is_key = self.excess == 0 && self.frames.last().is_some_and(|f| f.is_object && !f.colon);
                return self.begin_string(fed, at + 1, sink);
            }
            0..=b' ' | b'(' | b')' | b';' => {}
            b':' | b',' if self.excess > 0 => {}
            b':' => self.set_colon(true),
            b',' => self.set_colon(false),
            b'{' | b'[' => self.enter(byte == b'{'),
            b'}' | b']' => self.leave(byte == b'}'),
            _ => {
                self.is_key = self.excess == 0 && self.frames.last().is_some_and(|f| f.is_object && !f.colon);
                return self.begin_token(fed, at, sink);
            }
        }
        at + 1
    }

    #[inline]
    fn set_colon(&mut self, colon: bool) {
        if let Some(frame) = self.frames.last_mut() {
            frame.colon = colon;
        }
    }

    fn enter(&mut self, is_object: bool) {
        if self.frames.len() >= MAX_DEPTH {
            self.excess += 1;
            return;
        }
        // An object, a row (an array in an array) and the outermost array are records.
        let parent = self.frames.last();
        let record = match parent {
            Some(parent) if !is_object && parent.is_object => parent.record,
            _ => {
                self.records = self.records.wrapping_add(1);
                self.records.wrapping_sub(1)
            }
        };
        if let Some(count) = self.open.get_mut(usize::from(is_object)) {
            *count += 1;
        }
        self.rows = self.rows.wrapping_add(u32::from(is_object && parent.is_none_or(|parent| !parent.is_object)));
        let wanted = parent.filter(|_| !is_object).and_then(|parent| parent.wanted);
        self.frames.push(Frame { is_object, colon: false, key: Key::None, wanted, record, path: (0, 0) });
    }

    fn leave(&mut self, is_object: bool) {
        if self.excess > 0 {
            self.excess -= 1;
            return;
        }
        if self.open.get(usize::from(is_object)).is_none_or(|count| *count == 0) {
            return;
        }
        while let Some(frame) = self.frames.pop() {
            if let Some(count) = self.open.get_mut(usize::from(frame.is_object)) {
                *count = count.saturating_sub(1);
            }
            if let Key::Stored(start, _) = frame.key {
                self.store.truncate(start as usize);
            }
            if frame.is_object == is_object {
                break;
            }
        }
        self.built = self.built.min(self.frames.len());
        self.set_colon(false);
    }

    /// After the opening quote. The whole string in this slice and without escapes is the fast path: borrowed.
    #[inline]
    fn begin_string<S: LeafSink>(&mut self, fed: &[u8], at: usize, sink: &mut S) -> usize {
        let rest = fed.get(at..).unwrap_or_default();
        if self.is_key {
            if let Some(len) = self.keys.follows(rest) {
                return self.members(fed, at, len, sink);
            }
            let len = string_len(rest);
            if rest.get(len) == Some(&b'"') && len <= PIECE {
                self.set_key(Key::Fed(at as u32, (at + len) as u32), fed, sink);
                return at + len + 1;
            }
            self.state = State::String;
            return at;
        }
        let look = look_quoted(rest);
        if rest.get(look.len) == Some(&b'"') && look.len <= PIECE {
            let value = rest.get(..look.len).unwrap_or_default();
            if !self.passes(&look, value, LeafKind::Text, fed, sink) {
                self.value(&Cut { bytes: value, first: true, last: true }, LeafKind::Text, fed, sink);
            }
            self.set_colon(false);
            return at + look.len + 1;
        }
        self.state = State::String;
        at
    }

    #[inline]
    fn begin_token<S: LeafSink>(&mut self, fed: &[u8], at: usize, sink: &mut S) -> usize {
        let rest = fed.get(at..).unwrap_or_default();
        let len = token_len(rest);
        if len == rest.len() || len > PIECE {
            self.state = State::Token;
            return self.token(fed, at, sink);
        }
        if self.is_key {
            self.set_key(Key::Fed(at as u32, (at + len) as u32), fed, sink);
        } else {
            let token = rest.get(..len).unwrap_or_default();
            let kind = kind_of(token);
            let look = Look { len, ..Look::default() };
            if kind == LeafKind::Text || !self.passes(&look, token, kind, fed, sink) {
                self.value(&Cut { bytes: token, first: true, last: true }, kind, fed, sink);
            }
            self.set_colon(false);
        }
        at + len
    }

    fn token<S: LeafSink>(&mut self, fed: &[u8], at: usize, sink: &mut S) -> usize {
        let rest = fed.get(at..).unwrap_or_default();
        let len = token_len(rest);
        self.hold(rest.get(..len).unwrap_or_default(), fed, sink);
        if len < rest.len() {
            self.end_held(LeafKind::Word, fed, sink);
        }
        at + len
    }

    /// Bytes of a string or token that could not be borrowed.
    fn hold<S: LeafSink>(&mut self, bytes: &[u8], fed: &[u8], sink: &mut S) {
        let mut pieces = std::mem::take(&mut self.pieces);
        // A key beyond the buffer is taken for a value.
        pieces.push(bytes, &mut |cut| self.value(&cut, LeafKind::Text, fed, sink));
        self.pieces = pieces;
    }

    fn end_held<S: LeafSink>(&mut self, kind: LeafKind, fed: &[u8], sink: &mut S) {
        self.state = State::Between;
        self.escape = Escape::None;
        let mut pieces = std::mem::take(&mut self.pieces);
        let is_key = std::mem::take(&mut self.is_key);
        pieces.finish(&mut |cut| {
            if is_key && cut.first {
                // A replaced key's bytes stand at the end of the store: the stack stays in step.
                if let Some(Frame { key: Key::Stored(start, _), .. }) = self.frames.last() {
                    self.store.truncate(*start as usize);
                }
                let start = self.store.len() as u32;
                self.store.extend_from_slice(cut.bytes.get(..MAX_KEY).unwrap_or(cut.bytes));
                let key = Key::Stored(start, self.store.len() as u32);
                self.set_key_only(key);
                self.keys.forget_place();
                if is_value_like(cut.bytes) {
                    self.key_leaf(cut.bytes, fed, sink);
                }
            } else {
                let kind = if kind == LeafKind::Text || !cut.first { LeafKind::Text } else { kind_of(cut.bytes) };
                self.value(&cut, kind, fed, sink);
                self.set_colon(false);
            }
        });
        self.pieces = pieces;
    }

    /// Whether a value is passed over at first sight; what a document may hold never is.
    #[inline]
    fn passes<S: LeafSink>(&mut self, look: &Look, value: &[u8], kind: LeafKind, fed: &[u8], sink: &S) -> bool {
        let wanted = match self.frames.last() {
            None => return false,
            Some(Frame { wanted: Some(wanted), .. }) => *wanted,
            Some(_) => {
                let wanted = sink.wants_under(self.key(fed));
                if let Some(frame) = self.frames.last_mut() {
                    frame.wanted = Some(wanted);
                }
                wanted
            }
        };
        let passes = !wanted && !may_nest(value) && sink.passes(look, value, kind);
        self.is_nested &= !passes;
        passes
    }

    /// A key in the slice being fed that was not foreseen.
    #[inline]
    fn set_key<S: LeafSink>(&mut self, key: Key, fed: &[u8], sink: &mut S) {
        let Key::Fed(start, end) = key else { return };
        self.move_key(Key::Fed(start, end.min(start.saturating_add(MAX_KEY as u32))));
        let bytes = fed.get(start as usize..end as usize).unwrap_or_default();
        if is_value_like(bytes) {
            self.keys.forget_place();
            self.key_leaf(bytes, fed, sink);
        } else {
            self.keys.learn(bytes);
            self.ask(fed, sink);
        }
    }

    /// Asks whether the key at hand makes any value wanted.
    #[inline]
    fn ask<S: LeafSink>(&mut self, fed: &[u8], sink: &S) {
        let Json { frames, keys, store, .. } = self;
        if let Some(frame) = frames.last_mut() {
            frame.wanted = Some(keys.is_wanted(|| sink.wants_under(bytes_of(frame.key, store, fed))));
        }
    }

    /// Another key takes the place of the one before.
    #[inline]
    fn move_key(&mut self, key: Key) {
        if let Some(Frame { key: Key::Stored(start, _), .. }) = self.frames.last() {
            self.store.truncate(*start as usize);
        }
        self.set_key_only(key);
    }

    #[inline]
    fn set_key_only(&mut self, key: Key) {
        if let Some(frame) = self.frames.last_mut() {
            frame.key = key;
            frame.wanted = None;
        }
        self.built = self.built.min(self.frames.len().saturating_sub(1));
    }

    /// A key that looks like a value is a leaf too.
    fn key_leaf<S: LeafSink>(&mut self, key: &[u8], fed: &[u8], sink: &mut S) {
        let frame = self.frames.last_mut().map(|frame| std::mem::take(&mut frame.key));
        self.leaf(&Cut { bytes: key, first: true, last: true }, LeafKind::Text, fed, sink);
        if let (Some(frame), Some(key)) = (self.frames.last_mut(), frame) {
            frame.key = key;
        }
        self.built = self.built.min(self.frames.len().saturating_sub(1));
    }

    #[inline]
    fn value<S: LeafSink>(&mut self, cut: &Cut<'_>, kind: LeafKind, fed: &[u8], sink: &mut S) {
        if cut.first && cut.last && !self.frames.is_empty() && !may_nest(cut.bytes) {
            // The commonest: a short value that is no document.
            self.is_nested = false;
            if sink.wants(self.key(fed), cut.bytes, kind) {
                self.tell(cut, kind, fed, sink);
            }
            return;
        }
        if cut.first {
            if self.frames.is_empty() {
                self.records = self.records.wrapping_add(1);
            }
            self.is_nested = kind == LeafKind::Text
                && self.level < DEEPEST
                && may_nest(cut.bytes)
                && self.nested.get_or_insert_default().look(cut);
            if self.is_nested {
                self.build_path(fed);
                let mut nested = self.nested.take().unwrap_or_default();
                let (key, _) = self.names(fed);
                nested.begin(cut, &self.path, &key, self.level + 1, self.records);
                self.nested = Some(nested);
            }
        }
        if self.is_nested {
            // Out of its place while the leaf is told.
            let mut nested = self.nested.take().unwrap_or_default();
            if !nested.replaces() {
                self.leaf(cut, kind, fed, sink);
            }
            if let Some(records) = nested.push(cut, sink) {
                self.records = records;
                self.is_nested = false;
            }
            self.nested = Some(nested);
            return;
        }
        self.leaf(cut, kind, fed, sink);
    }

    fn leaf<S: LeafSink>(&mut self, cut: &Cut<'_>, kind: LeafKind, fed: &[u8], sink: &mut S) {
        let piece = Piece::of(cut);
        if piece == Piece::Whole && !sink.wants(self.key(fed), cut.bytes, kind) {
            return;
        }
        self.tell(cut, kind, fed, sink);
    }

    /// A leaf that is wanted.
    fn tell<S: LeafSink>(&mut self, cut: &Cut<'_>, kind: LeafKind, fed: &[u8], sink: &mut S) {
        let piece = Piece::of(cut);
        self.build_path(fed);
        let (key, parent) = self.names(fed);
        let record = match self.frames.last() {
            Some(frame) => frame.record,
            None => self.records.wrapping_sub(1),
        };
        let value = &text(cut.bytes);
        sink.leaf(&Leaf { key: &key, parent: &parent, path: &self.path, value, kind, record, piece });
    }

    /// The name next to the value, as written.
    #[inline]
    fn key<'a>(&'a self, fed: &'a [u8]) -> &'a [u8] {
        let frame = self.frames.iter().rev().find(|frame| frame.is_object);
        frame.map_or(self.root_name.as_bytes(), |frame| bytes_of(frame.key, &self.store, fed))
    }

    /// The names next to the value and one level up; arrays have none.
    fn names<'a>(&'a self, fed: &'a [u8]) -> (Cow<'a, str>, Cow<'a, str>) {
        let mut names = self
            .frames
            .iter()
            .rev()
            .filter(|frame| frame.is_object)
            .map(|frame| text(bytes_of(frame.key, &self.store, fed)))
            .chain(std::iter::once(Cow::Borrowed(self.root_name.as_str())));
        (names.next().unwrap_or_default(), names.next().unwrap_or_default())
    }

    fn build_path(&mut self, fed: &[u8]) {
        let keep = match self.built.checked_sub(1).and_then(|last| self.frames.get(last)) {
            Some(frame) => frame.path.1 as usize,
            None => {
                self.path.clear();
                self.path.push_str(&self.root);
                self.root.len()
            }
        };
        self.path.truncate(keep);
        for frame in self.frames.iter_mut().skip(self.built) {
            frame.path.0 = self.path.len() as u32;
            if frame.is_object {
                self.path.push('.');
                match frame.key {
                    Key::None => self.path.push('*'),
                    key => self.path.push_str(place(&text(bytes_of(key, &self.store, fed)))),
                }
            } else {
                self.path.push_str("[*]");
            }
            frame.path.1 = self.path.len() as u32;
        }
        self.built = self.frames.len();
    }
}

fn bytes_of<'a>(key: Key, store: &'a [u8], fed: &'a [u8]) -> &'a [u8] {
    match key {
        Key::None => &[],
        Key::Fed(start, end) => fed.get(start as usize..end as usize).unwrap_or_default(),
        Key::Stored(start, end) => store.get(start as usize..end as usize).unwrap_or_default(),
    }
}

fn kind_of(token: &[u8]) -> LeafKind {
    match token {
        b"true" | b"false" | b"null" => LeafKind::Word,
        [b'-' | b'0'..=b'9', rest @ ..]
            if rest.iter().all(|b| matches!(b, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-')) =>
        {
            LeafKind::Number
        }
        _ => LeafKind::Text,
    }
}

/// Bytes before the next quote or backslash; eight at a time.
#[inline]
fn string_len(bytes: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = ONES << 7;
    let zero = |word: u64| word.wrapping_sub(ONES) & !word & HIGHS;
    let mut len = 0;
    for chunk in bytes.chunks_exact(8) {
        let word = chunk.try_into().map_or(0, u64::from_le_bytes);
        let found = zero(word ^ (ONES * b'"' as u64)) | zero(word ^ (ONES * b'\\' as u64));
        if found != 0 {
            return len + (found.trailing_zeros() / 8) as usize;
        }
        len += 8;
    }
    let tail = bytes.get(len..).unwrap_or_default();
    len + tail.iter().position(|b| matches!(b, b'"' | b'\\')).unwrap_or(tail.len())
}

/// Bytes of a word without quotes.
#[inline]
fn token_len(bytes: &[u8]) -> usize {
    bytes.iter().position(|b| ENDS[usize::from(*b)]).unwrap_or(bytes.len())
}

/// Bytes at which a word without quotes ends.
const fn ends() -> [bool; 256] {
    let mut table = [false; 256];
    let mut n = 0;
    while n < 256 {
        table[n] = matches!(n as u8, b'"' | b',' | b':' | b'{' | b'}' | b'[' | b']' | b'(' | b')' | b';' | 0..=b' ');
        n += 1;
    }
    table
}
static ENDS: [bool; 256] = ends();

#[cfg(test)]
mod tests;
