//! HPACK (RFC 7541): header blocks as lists of fields, each side with its own dynamic table.
//!
//! All strings of a block are decoded into one buffer. What exceeds the limits is decoded for the table's sake and
//! not kept. What refers to entries that were never seen is counted as unknown, never guessed.

mod huffman;
mod table;
mod tables;

use self::table::{Found, Table};
use crate::head::Field;

/// The largest number that is read: lengths and indices are far below it.
const LARGEST: usize = 1 << 28;

/// What a block said.
#[derive(Debug, Default)]
pub(crate) struct List {
    bytes: Vec<u8>,
    spans: Vec<Span>,
    /// Bytes of names and values, and fields, that may be kept.
    room: usize,
    fields: usize,
    /// Fields that refer to entries that were not seen.
    pub(crate) unknown: u32,
    /// Fields past a limit.
    pub(crate) dropped: u64,
    /// Something in it is not as the standard has it.
    pub(crate) bad: bool,
}

#[derive(Clone, Copy, Debug)]
struct Span {
    at: usize,
    name: usize,
    value: usize,
}

impl List {
    /// Makes it empty, for a block of which at most so many bytes and fields are kept.
    pub(crate) fn clear(&mut self, room: usize, fields: usize) {
        self.bytes.clear();
        self.bytes.shrink_to(64 << 10);
        self.spans.clear();
        (self.room, self.fields) = (room, fields);
        (self.unknown, self.dropped, self.bad) = (0, 0, false);
    }

    /// The fields in their order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Field<'_>> {
        self.spans.iter().map(|span| {
            let text = self.bytes.get(span.at..span.at + span.name + span.value).unwrap_or_default();
            let (name, value) = text.split_at_checked(span.name).unwrap_or_default();
            Field { name, value }
        })
    }

    /// How many fields there are.
    pub(crate) fn count(&self) -> usize {
        self.spans.len()
    }

    /// Bytes of names and values.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Joins the values of all fields of that name into that of the first, and drops the others (RFC 9113, section
    /// 8.2.3, for cookies).
    pub(crate) fn join(&mut self, name: &[u8], between: &[u8]) {
        let is = |bytes: &[u8], span: &Span| bytes.get(span.at..span.at + span.name) == Some(name);
        if self.spans.iter().filter(|span| is(&self.bytes, span)).count() < 2 {
            return;
        }
        let at = self.bytes.len();
        self.bytes.extend_from_slice(name);
        let mut first = None;
        for (place, span) in self.spans.iter().enumerate() {
            if is(&self.bytes, span) {
                if first.is_some() {
                    self.bytes.extend_from_slice(between);
                }
                first.get_or_insert(place);
                let value = span.at + span.name;
                self.bytes.extend_from_within(value..value + span.value);
            }
        }
        let joined = Span { at, name: name.len(), value: self.bytes.len() - at - name.len() };
        let (bytes, mut place) = (&self.bytes, 0);
        self.spans.retain_mut(|span| {
            let here = place;
            place += 1;
            if Some(here) == first {
                *span = joined;
                return true;
            }
            !is(bytes, span)
        });
    }

    fn keep(&mut self, at: usize, name: usize) {
        let value = self.bytes.len() - at - name;
        if self.bytes.len() > self.room || self.spans.len() >= self.fields {
            self.bytes.truncate(at);
            self.dropped += 1;
            // A shorter field that follows might still fit; one hole in the list is enough.
            self.room = self.room.min(at);
        } else {
            self.spans.push(Span { at, name, value });
        }
    }
}

/// Why a block was not read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    /// A field is not whole.
    Short,
    Broken,
}

/// Decodes the header blocks of one side.
#[derive(Debug)]
pub(crate) struct Decoder {
    table: Table,
}

impl Decoder {
    /// `limit`: bytes that its table may have, as RFC 7541 (section 4.1) counts them. `complete`: from the beginning
    /// of the connection; else the table's content is not known.
    pub(crate) fn new(limit: usize, complete: bool) -> Self {
        Decoder { table: Table::new(limit, complete) }
    }

    /// Blocks were lost: the table's content is not known.
    pub(crate) fn forget(&mut self) {
        self.table.forget();
    }

    /// Bytes of allocation.
    pub(crate) fn memory(&self) -> usize {
        self.table.memory()
    }

    /// Reads whole fields from `block` into `list`; how many bytes they were. `last`: nothing of the block follows.
    /// A block that is broken is read as far as it goes; then the table is no longer known.
    pub(crate) fn decode(&mut self, block: &[u8], last: bool, list: &mut List) -> usize {
        let mut rest = block;
        while !rest.is_empty() {
            let before = (rest, list.bytes.len());
            match self.field(&mut rest, list) {
                Ok(()) => {}
                Err(Stop::Short) if !last => {
                    rest = before.0;
                    list.bytes.truncate(before.1);
                    break;
                }
                Err(_) => {
                    list.bytes.truncate(before.1);
                    list.bad = true;
                    self.forget();
                    return block.len();
                }
            }
        }
        block.len() - rest.len()
    }

    /// Reads a field (RFC 7541, section 6).
    fn field(&mut self, rest: &mut &[u8], list: &mut List) -> Result<(), Stop> {
        let first = *rest.first().ok_or(Stop::Short)?;
        let at = list.bytes.len();
        let (bits, index) = match first {
            0x80.. => {
                let index = integer(rest, 7)?;
                match self.table.get(index) {
                    Found::Entry(name, value) => {
                        let fits = at + name.len() + value.len() <= list.room;
                        if fits {
                            list.bytes.extend_from_slice(name);
                            list.bytes.extend_from_slice(value);
                            list.keep(at, name.len());
                        } else {
                            list.dropped += 1;
                            list.room = list.room.min(at);
                        }
                    }
                    Found::Unknown => list.unknown += 1,
                    Found::Wrong => {
                        list.bad = true;
                        list.unknown += 1;
                    }
                }
                return Ok(());
            }
            0x40.. => (6, true),
            0x20.. => {
                let size = integer(rest, 5)?;
                // A size is set before the first field only (section 4.2); what is set later is believed.
                self.table.resize(size);
                return Ok(());
            }
            _ => (4, false),
        };
        let known = match integer(rest, bits)? {
            0 => {
                list.bad |= !string(rest, &mut list.bytes)?;
                true
            }
            name => match self.table.get(name) {
                Found::Entry(name, _) => {
                    list.bytes.extend_from_slice(name);
                    true
                }
                found => {
                    list.bad |= found == Found::Wrong;
                    false
                }
            },
        };
        let name = list.bytes.len() - at;
        list.bad |= !string(rest, &mut list.bytes)?;
        if index {
            let text = list.bytes.get(at..).unwrap_or_default();
            match text.split_at_checked(name) {
                Some((name, value)) if known => self.table.insert(name, value),
                _ => self.table.insert_unknown(),
            }
        }
        if known {
            list.keep(at, name);
        } else {
            list.bytes.truncate(at);
            list.unknown += 1;
        }
        Ok(())
    }
}

/// An integer whose first `bits` bits stand at the end of the first byte (RFC 7541, section 5.1).
fn integer(rest: &mut &[u8], bits: u32) -> Result<usize, Stop> {
    let (first, mut more) = rest.split_first().ok_or(Stop::Short)?;
    let mask = (1usize << bits) - 1;
    let mut value = usize::from(*first) & mask;
    if value == mask {
        let mut shift = 0;
        loop {
            let (byte, after) = more.split_first().ok_or(Stop::Short)?;
            more = after;
            value += usize::from(byte & 0x7f) << shift;
            if value > LARGEST {
                return Err(Stop::Broken);
            }
            if byte & 0x80 == 0 {
                break;
            }
            shift += 7;
            if shift > 28 {
                return Err(Stop::Broken);
            }
        }
    }
    *rest = more;
    Ok(value)
}

/// Appends a string (RFC 7541, section 5.2); whether its coding is sound.
fn string(rest: &mut &[u8], out: &mut Vec<u8>) -> Result<bool, Stop> {
    let coded = rest.first().ok_or(Stop::Short)? & 0x80 != 0;
    let length = integer(rest, 7)?;
    let (text, more) = rest.split_at_checked(length).ok_or(Stop::Short)?;
    *rest = more;
    if coded {
        return Ok(huffman::decode(text, out));
    }
    out.extend_from_slice(text);
    Ok(true)
}

/// An encoder for tests: every field a literal, indexed or not, or a reference.
#[cfg(test)]
pub(crate) mod encode {
    fn integer(out: &mut Vec<u8>, first: u8, bits: u32, value: usize) {
        let mask = (1usize << bits) - 1;
        if value < mask {
            out.push(first | value as u8);
            return;
        }
        out.push(first | mask as u8);
        let mut rest = value - mask;
        while rest >= 0x80 {
            out.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        out.push(rest as u8);
    }

    fn string(out: &mut Vec<u8>, text: &str, coded: bool) {
        if coded {
            let text = super::huffman::encode(text.as_bytes());
            integer(out, 0x80, 7, text.len());
            out.extend(text);
        } else {
            integer(out, 0, 7, text.len());
            out.extend(text.as_bytes());
        }
    }

    /// A reference to an entry.
    pub(crate) fn indexed(out: &mut Vec<u8>, index: usize) {
        integer(out, 0x80, 7, index);
    }

    /// A literal with its name; `index`: to be inserted.
    pub(crate) fn literal(out: &mut Vec<u8>, name: &str, value: &str, index: bool, coded: bool) {
        out.push(if index { 0x40 } else { 0 });
        string(out, name, coded);
        string(out, value, coded);
    }

    /// A literal whose name stands at an index.
    pub(crate) fn named(out: &mut Vec<u8>, name: usize, value: &str, index: bool) {
        let (first, bits) = if index { (0x40, 6) } else { (0x10, 4) };
        integer(out, first, bits, name);
        string(out, value, true);
    }
}

#[cfg(test)]
mod tests;
