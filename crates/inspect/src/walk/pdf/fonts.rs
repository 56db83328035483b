//! Fonts: which characters the codes of a text are (ISO 32000-1, section 9.10).

use memchr::memmem;

use crate::charset;

/// Names and tables of fonts that are kept.
const FONTS: usize = 1024;
/// Objects of one stream that are looked at.
const OBJECTS: usize = 1024;
/// Entries of all tables.
const ENTRIES: usize = 1 << 16;

/// What is known of fonts.
#[derive(Default)]
pub(super) struct Fonts {
    /// Names in resources and the objects they name; the same name may be another font on another page.
    names: Vec<(Box<[u8]>, u32)>,
    /// Fonts and their tables.
    tables_of: Vec<(u32, u32)>,
    /// Fonts whose codes are UTF-16.
    wide: Vec<u32>,
    tables: Vec<(u32, Table)>,
    entries: usize,
}

/// A table from codes to characters.
#[derive(Default)]
pub(super) struct Table {
    is_wide: bool,
    /// From, to, and the character of the first.
    ranges: Vec<(u32, u32, u32)>,
}

impl Fonts {
    /// Bytes that are held, about.
    pub fn held(&self) -> usize {
        const NAME: usize = 48;
        self.names.capacity() * NAME + (self.tables_of.capacity() + self.tables.capacity() * 4) * 8 + self.entries * 12
    }

    /// An object without its stream: names of fonts, or a font.
    pub fn object(&mut self, object: &[u8]) {
        let start = memmem::rfind(object, b" obj").map_or(0, |at| at.saturating_sub(12));
        let object = object.get(start..).unwrap_or_default();
        let number = number_of(object);
        if memmem::find(object, b"UCS2-H").is_some() || memmem::find(object, b"UTF16-H").is_some() {
            self.wide.push(number);
            self.wide.truncate(FONTS);
        }
        let body = memmem::find(object, b" obj").map_or(object, |at| object.get(at..).unwrap_or_default());
        self.references(number, body);
    }

    /// Each `/Name 12 0 R`: nearly any may name a font.
    fn references(&mut self, number: u32, body: &[u8]) {
        for at in memchr::memchr_iter(b'/', body) {
            let rest = body.get(at + 1..).unwrap_or_default();
            let end = rest.iter().take(64).position(|byte| !is_regular(*byte)).unwrap_or(0);
            let (name, rest) = rest.split_at(end);
            let mut words =
                rest.get(..rest.len().min(24)).unwrap_or_default().trim_ascii_start().splitn(3, |b| *b == b' ');
            let (Some(target), Some(_), Some(last)) =
                (words.next().and_then(parsed), words.next().and_then(parsed), words.next())
            else {
                continue;
            };
            if last.first() != Some(&b'R') {
                continue;
            }
            if name == b"ToUnicode" {
                if self.tables_of.len() < FONTS {
                    self.tables_of.push((number, target));
                }
            } else if name.len() <= 32 && self.names.len() < FONTS * 4 {
                self.names.push((name.into(), target));
            }
        }
    }

    /// Objects in a stream (section 7.5.7): pairs of numbers and offsets, then the objects. Each byte is read once,
    /// whatever the offsets say. Whether all objects were looked at.
    pub fn objects(&mut self, stream: &[u8]) -> bool {
        let first = memchr::memchr2(b'<', b'[', stream).unwrap_or(stream.len());
        let (index, _) = stream.split_at(first);
        let mut numbers = index.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).map_while(parsed);
        let mut pairs = Vec::new();
        while let (Some(number), Some(offset)) = (numbers.next(), numbers.next()) {
            if pairs.len() >= OBJECTS {
                break;
            }
            pairs.push((number, offset as usize));
        }
        let is_all = pairs.len() < OBJECTS;
        pairs.sort_by_key(|(_, offset)| *offset);
        pairs.dedup_by_key(|(_, offset)| *offset);
        for (at, (number, offset)) in pairs.iter().enumerate() {
            let end = pairs.get(at + 1).map_or(stream.len(), |(_, next)| first.saturating_add(*next));
            let object = stream.get(first.saturating_add(*offset)..end.min(stream.len())).unwrap_or_default();
            if memmem::find(object, b"UCS2-H").is_some() && self.wide.len() < FONTS {
                self.wide.push(*number);
            }
            self.references(*number, object);
        }
        is_all
    }

    /// A table from codes to characters, which is a program of a kind (section 9.10.3).
    pub fn table(&mut self, object: u32, program: &[u8]) {
        if self.tables.len() >= FONTS {
            return;
        }
        let mut table = Table::default();
        let mut rest = program;
        while let Some(at) = memmem::find(rest, b"beginbf") {
            let after = rest.get(at + 7..).unwrap_or_default();
            let end = memmem::find(after, b"endbf").unwrap_or(after.len());
            let (section, later) = after.split_at(end);
            let is_range = section.starts_with(b"range");
            let mut words = Hexes { rest: section };
            while let Some((low, digits)) = words.next_code() {
                let high = if is_range { words.next_code().map_or(low, |(high, _)| high) } else { low };
                table.is_wide |= digits > 2;
                if self.entries >= ENTRIES {
                    break;
                }
                if is_range && words.at_array() {
                    for code in low..=high.min(low.saturating_add(255)) {
                        if words.at_end_of_array() {
                            break;
                        }
                        let Some(character) = words.next_character() else { break };
                        table.ranges.push((code, code, character));
                        self.entries += 1;
                    }
                    words.skip_array();
                } else if let Some(character) = words.next_character() {
                    table.ranges.push((low, high, character));
                    self.entries += 1;
                }
            }
            rest = later;
        }
        table.ranges.sort_unstable();
        self.tables.push((object, table));
    }

    /// The fonts of a name, as one.
    pub fn font(&self, name: &[u8]) -> Font<'_> {
        const TABLES: usize = 8;
        let mut font = Font { tables: Vec::new(), is_wide: false };
        for (_, object) in self.names.iter().rev().filter(|(known, _)| **known == *name) {
            font.is_wide |= self.wide.contains(object);
            let table = self.tables_of.iter().rev().find(|(of, _)| of == object);
            let table = table.and_then(|(_, table)| self.tables.iter().find(|(object, _)| object == table));
            if font.tables.len() < TABLES {
                font.tables.extend(table.map(|(_, table)| table));
            }
        }
        // One table of all is the table of all fonts that say none.
        if let ([], [(_, table)]) = (&*font.tables, &*self.tables)
            && table.is_wide
        {
            font.tables.push(table);
        }
        font
    }
}

/// A font, or several of one name.
pub(super) struct Font<'a> {
    tables: Vec<&'a Table>,
    is_wide: bool,
}

impl Font<'_> {
    /// The characters of some codes.
    pub fn text(&self, codes: &[u8], out: &mut String) {
        if self.tables.iter().any(|table| table.text(codes, out)) {
            return;
        }
        let marked = codes.strip_prefix(b"\xFE\xFF");
        if self.is_wide || marked.is_some() {
            let units = marked.unwrap_or(codes).chunks_exact(2).map(|pair| match pair {
                [high, low] => u16::from_be_bytes([*high, *low]),
                _ => 0,
            });
            out.extend(char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)));
        } else if !codes.contains(&0) {
            out.push_str(&charset::text(codes));
        }
    }
}

impl Table {
    /// Whether all codes are known; then their characters were added.
    fn text(&self, codes: &[u8], out: &mut String) -> bool {
        let start = out.len();
        for code in codes.chunks(if self.is_wide { 2 } else { 1 }) {
            let code = code.iter().fold(0u32, |code, byte| code << 8 | u32::from(*byte));
            let at = self.ranges.partition_point(|(low, ..)| *low <= code);
            let range = at.checked_sub(1).and_then(|at| self.ranges.get(at)).filter(|(_, high, _)| code <= *high);
            let Some(character) = range.and_then(|(low, _, first)| char::from_u32(first.saturating_add(code - low)))
            else {
                out.truncate(start);
                return false;
            };
            out.push(character);
        }
        true
    }
}

/// Words in angle brackets.
struct Hexes<'a> {
    rest: &'a [u8],
}

impl<'a> Hexes<'a> {
    fn next(&mut self) -> Option<&'a [u8]> {
        let start = memchr::memchr(b'<', self.rest)? + 1;
        let rest = self.rest.get(start..)?;
        let end = memchr::memchr(b'>', rest)?;
        self.rest = rest.get(end + 1..).unwrap_or_default();
        rest.get(..end)
    }

    /// A code and its number of digits.
    fn next_code(&mut self) -> Option<(u32, usize)> {
        let digits = std::str::from_utf8(self.next()?).ok()?.trim();
        Some((u32::from_str_radix(digits, 16).ok()?, digits.len()))
    }

    /// The first character of some UTF-16.
    fn next_character(&mut self) -> Option<u32> {
        let digits = std::str::from_utf8(self.next()?).ok()?.trim();
        let unit = |at: usize| u16::from_str_radix(digits.get(at..at + 4)?, 16).ok();
        if digits.len() < 4 {
            return u32::from_str_radix(digits, 16).ok();
        }
        let units = [unit(0)?, unit(4).unwrap_or_default()];
        Some(char::decode_utf16(units).next()?.map_or(u32::from(units[0]), u32::from))
    }

    fn at_array(&self) -> bool {
        self.rest.trim_ascii_start().first() == Some(&b'[')
    }

    fn at_end_of_array(&self) -> bool {
        self.rest.trim_ascii_start().first() == Some(&b']')
    }

    fn skip_array(&mut self) {
        let end = memchr::memchr(b']', self.rest).map_or(self.rest.len(), |at| at + 1);
        self.rest = self.rest.get(end..).unwrap_or_default();
    }
}

/// The number of an object that begins here (`12 0 obj`), with something before it, maybe.
pub(super) fn number_of(object: &[u8]) -> u32 {
    let Some(at) = memmem::rfind(object, b" obj") else { return 0 };
    let mut words = object.get(..at).unwrap_or_default().rsplit(u8::is_ascii_whitespace);
    words.nth(1).and_then(parsed).unwrap_or(0)
}

/// The length of an object's stream, if it says so itself and not another object.
pub(super) fn length(object: &[u8]) -> Option<u64> {
    let at = memmem::find(object, b"/Length ").or_else(|| memmem::find(object, b"/Length\n"))?;
    let mut words = object.get(at + 8..)?.trim_ascii_start().splitn(4, |byte| !is_regular(*byte));
    let length = words.next().and_then(parsed)?;
    let (second, third) = (words.next().and_then(parsed), words.next());
    (!(second.is_some() && third == Some(b"R"))).then_some(u64::from(length))
}

/// Whether a byte may stand in a name or a number (section 7.2.2).
pub(super) fn is_regular(byte: u8) -> bool {
    !byte.is_ascii_whitespace() && byte != 0 && !b"()<>[]{}/%".contains(&byte)
}

fn parsed(word: &[u8]) -> Option<u32> {
    std::str::from_utf8(word).ok()?.parse().ok()
}
