//! Sheets of a workbook (ECMA-376, part 1, clause 18): cells under the names of their columns.
//!
//! Texts of cells stand in a list of their own (`sharedStrings.xml`), which comes before or after the sheets. So cells
//! wait for it, within limits; what does not fit is told without the name of its column, and so are texts that no cell
//! was seen to have. The first of three rows that has names only is the header, as in [`super::Csv`].

use super::csv::{Columns, column_name};
use super::decode::text;
use super::markup::{Markup, Tag, Token, local};
use super::nested::{Names, Value};
use super::{Leaf, LeafKind, LeafSink, Look, Piece};

/// Bytes of texts that are kept, and how many texts.
const TEXT: usize = 1 << 20;
const TEXTS: usize = 1 << 16;
/// Cells that wait for texts.
const CELLS: usize = 1 << 16;
/// Longest text of a cell, in bytes: of 32,767 characters.
const CELL: usize = 3 * 32_767;
/// Bytes of texts of the list that are told again, for cells that repeat them, and those of long texts among them: each
/// cell is a few bytes and may name a long one.
const REPEATED: u64 = 64 << 20;
const REPEATED_LONG: u64 = 4 << 20;
/// What is a long text, in bytes.
const LONG: usize = 256;
/// Sheets that have columns of their own.
const SHEETS: usize = 64;
/// Columns that have names.
const COLUMNS: u16 = 256;

/// Walks the parts of a workbook, one after another.
#[derive(Default)]
pub(super) struct Book {
    markup: Markup,
    rows: Rows,
}

#[derive(Default)]
struct Rows {
    part: Part,
    sheets: Vec<Sheet>,
    sheet: usize,
    row: u32,
    /// One more than the column of the last cell.
    column: u16,
    cell: Cell,
    in_text: bool,
    is_reading: bool,
    text: Vec<u8>,
    /// Texts one after another, and where each ends; which of them a cell has.
    texts: Vec<u8>,
    ends: Vec<u32>,
    used: Vec<bool>,
    are_known: bool,
    waiting: Vec<Waiting>,
    /// Texts of cells that wait.
    held: Vec<u8>,
    value: Value,
    /// The text of the cell at hand.
    copy: Vec<u8>,
    records: u32,
    counted: u32,
    over_limit: u64,
    /// Bytes of texts that were told again, all and long ones.
    repeated: (u64, u64),
    /// The worker has no memory left for what waits.
    is_full: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Part {
    #[default]
    None,
    Sheet,
    Texts,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Cell {
    #[default]
    Number,
    Text,
    Shared,
}

#[derive(Default)]
struct Sheet {
    path: String,
    columns: Columns,
    /// The row at hand, its record, and its cells while it may be the header.
    row: Option<u32>,
    record: u32,
    names: Vec<Box<str>>,
    filled: usize,
    not_names: bool,
    /// A cell waits, so those after it do.
    is_waiting: bool,
}

/// A cell that waits.
struct Waiting {
    sheet: u32,
    row: u32,
    column: u16,
    cell: Cell,
    /// The number of its text, or where it ends in `held`.
    at: u32,
}

impl Book {
    /// A sheet begins, by its number.
    pub fn sheet(&mut self, number: u32) {
        self.markup = Markup::default();
        self.rows.part = Part::Sheet;
        if self.rows.sheets.len() < SHEETS {
            self.rows.sheets.push(Sheet { path: format!("$.sheet{number}"), ..Sheet::default() });
        }
        self.rows.sheet = self.rows.sheets.len().saturating_sub(1);
        (self.rows.row, self.rows.column) = (0, 0);
    }

    /// The list of texts begins.
    pub fn texts(&mut self) {
        self.markup = Markup::default();
        self.rows.part = Part::Texts;
    }

    /// The next bytes of the part at hand.
    pub fn feed(&mut self, bytes: &[u8], sink: &mut dyn LeafSink) {
        let Book { markup, rows } = self;
        markup.feed(bytes, &mut |token| rows.token(&token, sink));
    }

    /// The part at hand is over.
    pub fn end(&mut self, sink: &mut dyn LeafSink) {
        let Book { markup, rows } = self;
        markup.finish(&mut |token| rows.token(&token, sink));
        if rows.part == Part::Texts {
            rows.are_known = true;
            rows.tell_waiting(sink);
        } else if rows.part == Part::Sheet {
            rows.end_sheet();
        }
        rows.part = Part::None;
        (rows.in_text, rows.is_reading) = (false, false);
        rows.text.clear();
    }

    /// The workbook is over.
    pub fn finish(&mut self, sink: &mut dyn LeafSink) {
        self.end(sink);
        self.rows.tell_waiting(sink);
        self.rows.tell_unused(sink);
        self.rows = Rows { counted: self.rows.counted, over_limit: self.rows.over_limit, ..Rows::default() };
    }

    /// Bytes that are held.
    pub fn held(&self) -> usize {
        let rows = &self.rows;
        let waiting = rows.waiting.capacity() * size_of::<Waiting>();
        let texts = rows.texts.capacity() + rows.ends.capacity() * size_of::<u32>() + rows.used.capacity();
        waiting + texts + rows.held.capacity() + rows.text.capacity() + rows.copy.capacity()
    }

    /// Whether cells and texts may be kept.
    pub fn may_hold(&mut self, may: bool) {
        self.rows.is_full = !may;
    }

    /// Rows so far but for headers.
    pub fn rows(&self) -> u32 {
        self.rows.counted
    }

    /// Cells and texts that found no room to wait, or repeat too much.
    pub fn over_limit(&self) -> u64 {
        self.rows.over_limit
    }
}

impl Rows {
    fn token(&mut self, token: &Token<'_>, sink: &mut dyn LeafSink) {
        match token {
            Token::Open(tag) => {
                self.open(tag);
                if tag.is_empty {
                    self.close(local(tag.name), sink);
                }
            }
            Token::Close(name) => self.close(local(name), sink),
            Token::Text(bytes) if self.in_text => {
                let room = CELL - self.text.len().min(CELL);
                self.text.extend_from_slice(bytes.get(..room.min(bytes.len())).unwrap_or_default());
            }
            _ => {}
        }
    }

    fn open(&mut self, tag: &Tag<'_>) {
        match local(tag.name) {
            b"row" => {
                let number = tag.attribute("r").and_then(|number| std::str::from_utf8(number).ok()?.parse().ok());
                self.row = number.unwrap_or(self.row.saturating_add(1));
                self.column = 0;
            }
            b"c" => {
                self.column = tag.attribute("r").and_then(column).unwrap_or(self.column).saturating_add(1);
                self.cell = match tag.attribute("t") {
                    Some(b"s") => Cell::Shared,
                    Some(b"inlineStr" | b"str") => Cell::Text,
                    _ => Cell::Number,
                };
                self.text.clear();
            }
            b"si" => self.text.clear(),
            // Readings of Chinese and Japanese texts are none of them.
            b"rPh" => self.is_reading = !tag.is_empty,
            b"v" | b"t" => self.in_text = !tag.is_empty && !self.is_reading,
            _ => {}
        }
    }

    fn close(&mut self, name: &[u8], sink: &mut dyn LeafSink) {
        match name {
            b"v" | b"t" => self.in_text = false,
            b"rPh" => self.is_reading = false,
            b"c" if self.part == Part::Sheet && !self.text.is_empty() => {
                let text = std::mem::take(&mut self.text);
                self.end_cell(&text, sink);
                self.text = text;
                self.text.clear();
            }
            b"si" if self.part == Part::Texts => {
                let text = std::mem::take(&mut self.text);
                self.end_text(&text, sink);
                self.text = text;
                self.text.clear();
            }
            _ => {}
        }
    }

    /// A text of the list.
    fn end_text(&mut self, text: &[u8], sink: &mut dyn LeafSink) {
        if self.ends.len() >= TEXTS {
            self.over_limit += 1;
            return self.tell_text(text, sink);
        }
        let is_over = self.is_full || self.texts.len() + text.len() > TEXT;
        if is_over {
            self.over_limit += 1;
            self.tell_text(text, sink);
        } else {
            self.texts.extend_from_slice(text);
        }
        self.ends.push(self.texts.len() as u32);
        self.used.push(is_over);
    }

    /// A text without a cell.
    fn tell_text(&mut self, text: &[u8], sink: &mut dyn LeafSink) {
        let names = Names { key: "", parent: "", path: "$.strings[*]", record: self.records };
        self.records = self.records.wrapping_add(1);
        self.value.whole(text, &names, &mut self.records, &mut Only(sink));
    }

    fn end_cell(&mut self, text: &[u8], sink: &mut dyn LeafSink) {
        let column = self.column.saturating_sub(1);
        let shared = (self.cell == Cell::Shared).then(|| number(text));
        let Some(sheet) = self.sheets.get_mut(self.sheet) else { return };
        sheet.is_waiting |= shared.is_some() && !self.are_known;
        if !sheet.is_waiting {
            return self.tell(self.sheet, self.row, column, self.cell, text, shared.flatten(), sink);
        }
        let room =
            !self.is_full && self.waiting.len() < CELLS && (shared.is_some() || self.held.len() + text.len() <= TEXT);
        if !room {
            self.over_limit += 1;
            // A text of the list is told with it.
            if shared.is_none() {
                self.tell_text(text, sink);
            }
            return;
        }
        let at = match shared {
            Some(number) => number.unwrap_or(u32::MAX),
            None => {
                self.held.extend_from_slice(text);
                self.held.len() as u32
            }
        };
        self.waiting.push(Waiting { sheet: self.sheet as u32, row: self.row, column, cell: self.cell, at });
    }

    fn tell_waiting(&mut self, sink: &mut dyn LeafSink) {
        let (waiting, held) = (std::mem::take(&mut self.waiting), std::mem::take(&mut self.held));
        let mut from = 0;
        for Waiting { sheet, row, column, cell, at } in waiting {
            let sheet = sheet as usize;
            if cell == Cell::Shared {
                self.tell(sheet, row, column, cell, &[], Some(at), sink);
            } else {
                let text = held.get(from..at as usize).unwrap_or_default();
                from = at as usize;
                self.tell(sheet, row, column, cell, text, None, sink);
            }
        }
        for sheet in &mut self.sheets {
            sheet.is_waiting = false;
        }
        (0..self.sheets.len()).for_each(|sheet| self.end_row(sheet));
    }

    fn tell_unused(&mut self, sink: &mut dyn LeafSink) {
        let (texts, ends) = (std::mem::take(&mut self.texts), std::mem::take(&mut self.ends));
        let mut from = 0;
        for (at, end) in ends.iter().enumerate() {
            let text = texts.get(from as usize..*end as usize).unwrap_or_default();
            from = *end;
            if !text.is_empty() && self.used.get(at) == Some(&false) {
                self.tell_text(text, sink);
            }
        }
    }

    /// A cell of which all is known.
    #[expect(clippy::too_many_arguments, reason = "a cell with its place")]
    fn tell(
        &mut self,
        sheet: usize,
        row: u32,
        column: u16,
        cell: Cell,
        own: &[u8],
        shared: Option<u32>,
        sink: &mut dyn LeafSink,
    ) {
        let mut own = own;
        let mut is_again = false;
        if let Some(at) = shared.map(|at| at as usize) {
            let from = at.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or_default();
            let end = self.ends.get(at).copied().unwrap_or(from);
            own = self.texts.get(from as usize..end as usize).unwrap_or_default();
            if let Some(used) = self.used.get_mut(at) {
                is_again = std::mem::replace(used, true);
            }
        } else if cell == Cell::Shared {
            return;
        }
        let own = own.trim_ascii();
        if own.is_empty() {
            return;
        }
        let mut copy = std::mem::take(&mut self.copy);
        copy.clear();
        copy.extend_from_slice(own);
        let is_over = is_again && self.is_repeated(copy.len());
        if self.sheets.get(sheet).is_some_and(|sheet| sheet.row != Some(row)) {
            self.end_row(sheet);
            if let Some(sheet) = self.sheets.get_mut(sheet) {
                sheet.row = Some(row);
                sheet.record = self.records;
                self.records = self.records.wrapping_add(1);
            }
        }
        if is_over {
            self.over_limit += 1;
        } else {
            self.tell_in_row(sheet, column, cell, &copy, sink);
        }
        self.copy = copy;
    }

    /// A text of the list is told again; whether that is too much.
    fn is_repeated(&mut self, length: usize) -> bool {
        let (all, long) = &mut self.repeated;
        let bytes = length as u64;
        let is_over = *all + bytes > REPEATED || length > LONG && *long + bytes > REPEATED_LONG;
        if !is_over {
            *all += bytes;
            *long += if length > LONG { bytes } else { 0 };
        }
        is_over
    }

    fn tell_in_row(&mut self, sheet: usize, column: u16, cell: Cell, own: &[u8], sink: &mut dyn LeafSink) {
        let Some(sheet) = self.sheets.get_mut(sheet) else { return };
        if sheet.columns.is_open() {
            match column_name(&text(own)) {
                Some(name) if cell != Cell::Number => {
                    if column < COLUMNS {
                        sheet.names.resize_with(usize::from(column), Box::default);
                        sheet.names.push(name.into());
                        sheet.filled += usize::from(!name.is_empty());
                    }
                }
                _ => sheet.not_names = true,
            }
        }
        let (key, path) = sheet.columns.at(&sheet.path, usize::from(column));
        let record = sheet.record;
        if cell != Cell::Number {
            let names = Names { key, parent: "", path, record };
            return self.value.whole(own, &names, &mut self.records, &mut Only(sink));
        }
        let whole = whole_number(own);
        let value = whole.as_deref().map_or_else(|| text(own), Into::into);
        if sink.wants(key.as_bytes(), value.as_bytes(), LeafKind::Number) {
            let value = &value;
            let kind = LeafKind::Number;
            sink.leaf(&Leaf { key, parent: "", path, value, kind, record, piece: Piece::Whole });
        }
    }

    fn end_row(&mut self, sheet: usize) {
        let Some(sheet) = self.sheets.get_mut(sheet) else { return };
        if sheet.row.take().is_none() {
            return;
        }
        let Sheet { columns, names, filled, not_names, .. } = sheet;
        let is_header = columns.is_open() && columns.row(names, *filled, !*not_names);
        self.counted = self.counted.saturating_add(u32::from(!is_header));
        names.clear();
        (*filled, *not_names) = (0, false);
    }

    fn end_sheet(&mut self) {
        if self.sheets.get(self.sheet).is_some_and(|sheet| !sheet.is_waiting) {
            self.end_row(self.sheet);
        }
    }
}

/// A sink by reference, for what takes any.
struct Only<'a>(&'a mut dyn LeafSink);

impl LeafSink for Only<'_> {
    fn leaf(&mut self, leaf: &Leaf<'_>) {
        self.0.leaf(leaf);
    }

    fn wants(&self, key: &[u8], value: &[u8], kind: LeafKind) -> bool {
        self.0.wants(key, value, kind)
    }

    fn wants_under(&self, key: &[u8]) -> bool {
        self.0.wants_under(key)
    }

    fn passes(&self, look: &Look, value: &[u8], kind: LeafKind) -> bool {
        self.0.passes(look, value, kind)
    }
}

/// The column of a reference: of `B2` it is 1.
fn column(reference: &[u8]) -> Option<u16> {
    let letters = reference.iter().take_while(|byte| byte.is_ascii_uppercase()).take(3);
    let number =
        letters.fold(0u16, |number, letter| number.wrapping_mul(26).wrapping_add(u16::from(letter - b'A') + 1));
    number.checked_sub(1)
}

fn number(text: &[u8]) -> Option<u32> {
    std::str::from_utf8(text).ok()?.trim().parse().ok()
}

/// A whole number that is written as a power of ten (`1.3912345678E10`), as some libraries do.
fn whole_number(text: &[u8]) -> Option<String> {
    if !text.contains(&b'E') && !text.contains(&b'e') {
        return None;
    }
    let number: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    (number.fract() == 0.0 && number.abs() < 9e15).then(|| format!("{number:.0}"))
}
