//! Separated values (RFC 4180 and its kin): commas, semicolons, tabs or bars, cells in quotes with doubled quotes.
//!
//! One of the first [`HEADER_ROWS`] rows is the header if all its cells look like names; of several, the widest, so
//! that a title above it is passed over. A row in which somebody's name, an address or a plate stands is none, unless one
//! of its cells is a known name. Cells of the header are leaves too, since nobody knows whether they are names.

use super::decode::text;
use super::field::place;
use super::nested::{Names, Value, may_nest};
use super::{LeafKind, LeafSink};
use crate::types::{Scan, TypeId, find, hints};

/// Rows in which a header is looked for.
const HEADER_ROWS: u32 = 3;
/// Columns that have a name; those beyond have a number.
const COLUMNS: usize = 256;
/// Longest name of a column, in bytes.
const NAME: usize = 96;
/// The separators that are known.
pub(super) const SEPARATORS: [u8; 4] = [b',', b'\t', b';', b'|'];

/// Walks rows.
pub struct Csv {
    separator: u8,
    state: State,
    columns: Columns,
    /// Of the row at hand.
    column: usize,
    row: Row,
    /// Rows so far but for the header, and what documents in cells add to them.
    records: u32,
    rows: u32,
    value: Value,
    /// The beginning of a cell of a row that may be the header.
    name: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before a cell.
    Start,
    Plain,
    Quoted,
    /// After a quote in a quoted cell: its end, or the first of two.
    Quote,
    /// Bytes were lost: up to the end of the line nothing is known of columns.
    Lost,
}

/// The row at hand.
#[derive(Debug, Default)]
struct Row {
    /// Its cells, while it may be a header.
    names: Vec<Box<str>>,
    /// Cells that are not empty.
    filled: usize,
    not_names: bool,
    any: bool,
    /// Its record, from its first cell on: documents in cells have others.
    record: Option<u32>,
}

/// The names of columns, for anything that has rows.
#[derive(Debug, Default)]
pub(super) struct Columns {
    names: Vec<Box<str>>,
    filled: usize,
    rows: u32,
    path: String,
}

impl Columns {
    /// Whether the row at hand may still be the header.
    pub fn is_open(&self) -> bool {
        self.rows < HEADER_ROWS
    }

    /// A row that may be the header is over, with so many cells that are not empty; whether it was.
    pub fn row(&mut self, cells: &mut Vec<Box<str>>, filled: usize, is_header: bool) -> bool {
        let is_header = is_header && self.is_open() && filled > self.filled && are_names(cells);
        self.rows = self.rows.saturating_add(1);
        if is_header {
            self.names = std::mem::take(cells);
            self.filled = filled;
        }
        cells.clear();
        // Below the header stand values.
        if self.filled > 1 {
            self.rows = HEADER_ROWS;
        }
        is_header
    }

    /// The name of a column; empty where it has none.
    pub fn name(&self, column: usize) -> &str {
        self.names.get(column).map(|name| &**name).unwrap_or_default()
    }

    /// The name of a column and the path to it below `root`.
    pub fn at(&mut self, root: &str, column: usize) -> (&str, &str) {
        let Columns { names, path, .. } = self;
        path.clear();
        path.push_str(root);
        let name = names.get(column).map(|name| &**name).unwrap_or_default();
        if name.is_empty() {
            number(path, column);
        } else {
            path.push_str("[*].");
            path.push_str(place(name));
        }
        (name, path)
    }
}

fn number(path: &mut String, column: usize) {
    use std::fmt::Write;
    let _ = write!(path, "[*][{column}]");
}

/// A cell as the name of a column: without the sign of what is mandatory and a remark in brackets. `None` if it is no
/// name.
pub(super) fn column_name(cell: &str) -> Option<&str> {
    let cell = cell.trim().trim_start_matches(['*', '＊']).trim_end_matches(['*', '＊', ':', '：']);
    let cell = match cell.find(['(', '（', '[', '【', '\n']) {
        Some(at) if at > 0 => cell.get(..at).unwrap_or(cell),
        _ => cell,
    };
    let cell = cell.trim();
    let digits = cell.bytes().filter(u8::is_ascii_digit).count();
    let is_name = cell.len() <= NAME && digits < 6 && digits < cell.len() && !cell.contains(['@', '*', '%', '$']);
    (cell.is_empty() || is_name && cell.contains(|c: char| c.is_alphabetic())).then_some(cell)
}

/// Whether cells that look like names are some: one of them is known, or none is a value of a person.
fn are_names(cells: &[Box<str>]) -> bool {
    let is_known = |cell: &str| {
        let hints = hints(cell);
        hints.strong | hints.medium != 0
    };
    cells.iter().any(|cell| is_known(cell)) || !cells.iter().any(|cell| is_personal(cell))
}

/// Whether a cell is somebody's name, an address or the plate of a car. Names that are ordinary words are none.
fn is_personal(cell: &str) -> bool {
    const CERTAIN: i16 = 15;
    let scan = Scan { kind: LeafKind::Text, whole: true, today: 0, named: 0 };
    let mut found = false;
    find(cell, &scan, &mut |candidates| {
        let is_one = |what: TypeId, points: i16| match what {
            TypeId::NAME => points >= CERTAIN,
            TypeId::ADDRESS | TypeId::PLATE => true,
            _ => false,
        };
        found |= candidates.first().is_some_and(|candidate| is_one(candidate.what, candidate.points));
    });
    found
}

impl Csv {
    /// With that separator.
    pub fn new(separator: u8) -> Csv {
        Csv {
            separator,
            state: State::Start,
            columns: Columns::default(),
            column: 0,
            row: Row::default(),
            records: 0,
            rows: 0,
            value: Value::default(),
            name: Vec::new(),
        }
    }

    /// Rows so far but for the header.
    pub fn rows(&self) -> u32 {
        self.rows
    }

    /// The next bytes.
    pub fn feed<S: LeafSink>(&mut self, bytes: &[u8], sink: &mut S) {
        let mut rest = bytes;
        while let Some(&byte) = rest.first() {
            match self.state {
                State::Start => match byte {
                    b'"' => {
                        self.state = State::Quoted;
                        rest = rest.get(1..).unwrap_or_default();
                    }
                    // Before a quote there may be blanks, and a sign that keeps numbers text (`="139…"`).
                    b' ' | b'=' => rest = rest.get(1..).unwrap_or_default(),
                    _ => self.state = State::Plain,
                },
                State::Plain => rest = self.plain(rest, sink),
                State::Quoted => {
                    let at = memchr::memchr(b'"', rest).unwrap_or(rest.len());
                    self.push(rest.get(..at).unwrap_or_default(), sink);
                    if at < rest.len() {
                        self.state = State::Quote;
                    }
                    rest = rest.get(at + 1..).unwrap_or_default();
                }
                State::Quote if byte == b'"' => {
                    self.push(b"\"", sink);
                    self.state = State::Quoted;
                    rest = rest.get(1..).unwrap_or_default();
                }
                State::Quote => self.state = State::Plain,
                State::Lost => {
                    let at = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
                    self.push(rest.get(..at).unwrap_or_default(), sink);
                    rest = rest.get(at..).unwrap_or_default();
                    if !rest.is_empty() {
                        self.state = State::Plain;
                    }
                }
            }
        }
    }

    /// A cell without quotes, or what follows the closing one, up to its end.
    fn plain<'a, S: LeafSink>(&mut self, bytes: &'a [u8], sink: &mut S) -> &'a [u8] {
        let Some(at) = memchr::memchr3(self.separator, b'\n', b'\r', bytes) else {
            self.push(bytes, sink);
            return &[];
        };
        let (cell, rest) = bytes.split_at(at);
        let (byte, rest) = rest.split_first().unwrap_or((&b'\n', &[]));
        // The whole cell is in this slice unless something of it was pushed before.
        if !cell.is_empty() || !self.value.is_empty() {
            self.cell(cell, sink);
        }
        if *byte == self.separator {
            self.column += 1;
            if self.columns.is_open() && self.row.names.len() < self.column.min(COLUMNS) {
                self.row.names.resize_with(self.column.min(COLUMNS), Box::default);
            }
        } else {
            self.end_row();
        }
        self.state = State::Start;
        rest
    }

    /// Some of a cell.
    fn push<S: LeafSink>(&mut self, bytes: &[u8], sink: &mut S) {
        if bytes.is_empty() {
            return;
        }
        if self.columns.is_open() {
            // One byte more than a name has tells that it is none.
            let room = (NAME + 1).saturating_sub(self.name.len());
            self.name.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
        }
        let Csv { columns, value, records, column, row, .. } = self;
        let record = *row.record.get_or_insert(*records);
        let (key, path) = columns.at("$", *column);
        value.push(bytes, &Names { key, parent: "", path, record }, records, sink);
    }

    /// The rest of a cell.
    fn cell<S: LeafSink>(&mut self, rest: &[u8], sink: &mut S) {
        self.row.any = true;
        if self.columns.is_open() {
            self.push(rest, sink);
            self.may_be_name();
        }
        let is_open = self.columns.is_open();
        let is_whole = !is_open && self.value.is_empty() && rest.len() <= super::PIECE;
        let name = self.columns.name(self.column).as_bytes();
        if is_whole && !may_nest(rest) && !sink.wants(name, rest, LeafKind::Text) {
            return;
        }
        let Csv { columns, value, records, column, row, .. } = self;
        let record = *row.record.get_or_insert(*records);
        let (key, path) = columns.at("$", *column);
        let names = Names { key, parent: "", path, record };
        if is_open {
            value.end(&names, records, sink);
        } else if value.is_empty() {
            value.whole(rest, &names, records, sink);
        } else {
            value.push(rest, &names, records, sink);
            value.end(&names, records, sink);
        }
    }

    /// The cell at hand as a part of a header.
    fn may_be_name(&mut self) {
        let name = std::mem::take(&mut self.name);
        let name = text(&name);
        match column_name(&name) {
            Some(name) if self.column < COLUMNS => {
                self.row.names.resize_with(self.column, Box::default);
                self.row.names.push(name.into());
                self.row.filled += usize::from(!name.is_empty());
            }
            Some(_) => {}
            None => self.row.not_names = true,
        }
    }

    fn end_row(&mut self) {
        if self.row.any {
            let Row { names, filled, not_names, .. } = &mut self.row;
            let is_header = self.columns.is_open() && self.columns.row(names, *filled, !*not_names);
            if !is_header {
                self.rows = self.rows.saturating_add(1);
                self.records = self.records.wrapping_add(1);
            }
        }
        let names = std::mem::take(&mut self.row.names);
        self.row = Row { names, ..Row::default() };
        self.column = 0;
    }

    /// The end of the input: what is open is a cell.
    pub fn finish<S: LeafSink>(&mut self, sink: &mut S) {
        if !self.value.is_empty() {
            self.cell(&[], sink);
        }
        self.end_row();
        self.state = State::Start;
    }

    /// Bytes were lost: what follows up to the end of the line is a cell without a column.
    pub fn gap<S: LeafSink>(&mut self, sink: &mut S) {
        self.finish(sink);
        self.column = usize::from(u16::MAX);
        self.state = State::Lost;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Structure, testing::lines};
    use super::*;

    fn check(separator: u8, input: &str, expected: &[&str]) {
        assert_eq!(lines(&Structure::Csv(separator), input.as_bytes()), expected, "{input}");
    }

    #[test]
    fn cells_have_the_names_of_their_columns() {
        check(
            b',',
            "姓名,手机号（必填）,\"备注, 其他\"\r\n张三,13912345678,\"say \"\"hi\"\"\nthere\"\r\n\r\n李四,,x",
            &[
                "$[*][0]|||姓名|0",
                "$[*][1]|||手机号（必填）|0",
                "$[*][2]|||备注, 其他|0",
                "$[*].姓名|姓名||张三|0",
                "$[*].手机号|手机号||13912345678|0",
                "$[*].备注, 其他|备注, 其他||say \"hi\"\nthere|0",
                "$[*].姓名|姓名||李四|1",
                "$[*].备注, 其他|备注, 其他||x|1",
            ],
        );
    }

    #[test]
    fn rows_without_a_header_have_numbers() {
        check(
            b'\t',
            "张三\t13912345678\n李四\t18612345678\n",
            &["$[*][0]|||张三|0", "$[*][1]|||13912345678|0", "$[*][0]|||李四|1", "$[*][1]|||18612345678|1"],
        );
    }

    #[test]
    fn a_title_above_the_header_is_passed_over() {
        let got = lines(&Structure::Csv(b';'), "客户明细;;\n姓名;手机\n张三;13912345678\n".as_bytes());
        assert_eq!(got[3..], ["$[*].姓名|姓名||张三|0", "$[*].手机|手机||13912345678|0"]);
    }

    #[test]
    fn numbers_kept_as_text_and_documents_in_cells() {
        check(
            b',',
            "phone,extra\n=\"13912345678\",\"{\"\"tel\"\":\"\"1\"\"}\"\n \t18612345678,x\n",
            &[
                "$[*][0]|||phone|0",
                "$[*][1]|||extra|0",
                "$[*].phone|phone||13912345678|0",
                "$[*].extra.tel|tel|extra|1|0",
                "$[*].phone|phone||\t18612345678|2",
                "$[*].extra|extra||x|2",
            ],
        );
    }

    #[test]
    fn a_row_is_one_record_whatever_is_in_its_cells() {
        let got = lines(
            &Structure::Csv(b','),
            b"phone,extra,mail\n1,\"[{\"\"a\"\":\"\"2\"\"},{\"\"a\"\":\"\"3\"\"}]\",4\n5,6,7\n",
        );
        let records: Vec<&str> = got[3..].iter().filter_map(|line| line.rsplit('|').next()).collect();
        assert_eq!((records[0], records[3]), ("0", "0"), "{got:?}");
        assert!(records[4] == records[6] && records[4] > records[2], "{got:?}");
    }

    #[test]
    fn a_row_of_somebody_is_no_header() {
        for (row, is_header) in [("张伟强;京A12345", false), ("姓名;张伟强", true), ("甲项;乙项", true)] {
            let got = lines(&Structure::Csv(b';'), format!("{row}\nx;y\n").as_bytes());
            assert_eq!(!got[2].starts_with("$[*][0]"), is_header, "{got:?}");
        }
    }

    #[test]
    fn after_a_gap_columns_are_found_with_the_next_line() {
        let mut csv = Csv::new(b',');
        let mut leaves = crate::walk::testing::Lines::default();
        csv.feed(b"name,phone\na,1\nb,", &mut leaves);
        csv.gap(&mut leaves);
        csv.feed(b"12,x\nc,3", &mut leaves);
        csv.finish(&mut leaves);
        assert_eq!(leaves.0[5..], ["$[*][65535]|||12,x|2", "$[*].name|name||c|3", "$[*].phone|phone||3|3"]);
        assert_eq!(csv.rows(), 4);
    }

    #[test]
    fn a_long_cell_is_cut_at_the_same_place() {
        lines(&Structure::Csv(b','), format!("\u{b}{}x\n1\n", "L".repeat(150)).as_bytes());
        lines(&Structure::Csv(b','), format!("\u{b}{}x,y\n1,2\n", "L".repeat(95)).as_bytes());
    }

    #[test]
    fn what_is_a_name() {
        for (cell, name) in
            [("*手机号", "手机号"), ("金额(元)", "金额"), ("", ""), ("addr2", "addr2"), ("姓名：", "姓名")]
        {
            assert_eq!(column_name(cell), Some(name));
        }
        for cell in ["13912345678", "12", "a@b.cn", "2024-01-01", "138****8000", "12.5"] {
            assert_eq!(column_name(cell), None, "{cell}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

        #[test]
        fn any_bytes_are_walked(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            lines(&Structure::Csv(b','), &bytes);
        }

        #[test]
        fn any_cells_are_walked(text in "[a1\",\r\n ={中]{0,200}") {
            lines(&Structure::Csv(b','), text.as_bytes());
        }
    }
}
