//! From a body, a query or a header to leaves: named values with their place. One walker per structure; all of them
//! stream: they are fed pieces, keep what straddles a border, and hold a bounded amount. How the input was cut never
//! changes the leaves. What holds bytes of the wire cannot be printed.

mod below;
mod binary;
mod budget;
mod csv;
mod decode;
mod document;
mod field;
mod form;
mod html;
mod json;
mod markup;
mod multipart;
mod nested;
mod office;
mod pdf;
mod protobuf;
mod script;
mod sheet;
mod sniff;
mod text;
mod xml;
mod zip;

pub(crate) use budget::Around;
pub use budget::WalkMemory;
pub use csv::Csv;
pub(crate) use decode::is_value_like;
pub use decode::{Decoded, PIECE, percent};
pub(crate) use document::{Document, file_type};
pub use form::Form;
pub use html::Html;
pub use json::Json;
pub use multipart::Multipart;
pub use pdf::Pdf;
pub use protobuf::Protobuf;
pub use sniff::{SNIFFED, Structure, sniff};
pub use text::Text;
pub use xml::Xml;
pub use zip::Zip;

pub use crate::lanes::Look;

/// A named value.
#[derive(Clone, Copy, Debug)]
pub struct Leaf<'a> {
    /// The name next to the value: object key, form field, parameter, column; empty where there is none.
    pub key: &'a str,
    /// The name one level up (arrays do not count); empty where there is none.
    pub parent: &'a str,
    /// The path to it, such as `$.data.list[*].idCard`; for forms and queries the field's name.
    pub path: &'a str,
    /// The value, unescaped and decoded.
    pub value: &'a str,
    /// What it was written as.
    pub kind: LeafKind,
    /// Which record (the smallest object, row or form around it) it stands in, counted from 0 within its body.
    pub record: u32,
    /// Which part of the value this is.
    pub piece: Piece,
}

/// What a value was written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeafKind {
    /// A string, or text without types.
    Text,
    /// A number token.
    Number,
    /// `true`, `false` or `null`.
    Word,
}

/// Values beyond the walker's buffer come in pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    /// The whole value.
    Whole,
    /// Its beginning or a middle part; more follows.
    More,
    /// Its last part.
    Last,
}

impl Piece {
    fn of(cut: &decode::Cut<'_>) -> Piece {
        match (cut.first, cut.last) {
            (true, true) => Piece::Whole,
            (_, true) => Piece::Last,
            (_, false) => Piece::More,
        }
    }
}

/// Takes leaves.
pub trait LeafSink {
    /// One leaf, or one piece of a long one.
    fn leaf(&mut self, leaf: &Leaf<'_>);

    /// A look at a whole value and the name next to it as written, before name and path are put together; `false` skips
    /// the leaf.
    fn wants(&self, key: &[u8], value: &[u8], kind: LeafKind) -> bool {
        let _ = (key, value, kind);
        true
    }

    /// Whether any value under a name is wanted, however it looks.
    fn wants_under(&self, key: &[u8]) -> bool {
        let _ = key;
        true
    }

    /// Whether a whole value is passed over at first sight, unless its name makes it [wanted](Self::wants_under):
    /// `wants` would say no.
    fn passes(&self, look: &Look, value: &[u8], kind: LeafKind) -> bool {
        let _ = (look, value, kind);
        false
    }

    /// Bytes of a body as text, before they are walked.
    fn bytes(&mut self, bytes: &[u8]) {
        let _ = bytes;
    }

    /// Those bytes end here, or some were lost.
    fn bytes_end(&mut self) {}
}

/// Two sinks see the same leaves.
impl<A: LeafSink, B: LeafSink> LeafSink for (&mut A, &mut B) {
    fn leaf(&mut self, leaf: &Leaf<'_>) {
        if leaf.piece != Piece::Whole || self.0.wants(leaf.key.as_bytes(), leaf.value.as_bytes(), leaf.kind) {
            self.0.leaf(leaf);
        }
        if leaf.piece != Piece::Whole || self.1.wants(leaf.key.as_bytes(), leaf.value.as_bytes(), leaf.kind) {
            self.1.leaf(leaf);
        }
    }

    fn wants(&self, key: &[u8], value: &[u8], kind: LeafKind) -> bool {
        self.0.wants(key, value, kind) || self.1.wants(key, value, kind)
    }

    fn wants_under(&self, key: &[u8]) -> bool {
        self.0.wants_under(key) || self.1.wants_under(key)
    }

    fn passes(&self, look: &Look, value: &[u8], kind: LeafKind) -> bool {
        self.0.passes(look, value, kind) && self.1.passes(look, value, kind)
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.0.bytes(bytes);
        self.1.bytes(bytes);
    }

    fn bytes_end(&mut self) {
        self.0.bytes_end();
        self.1.bytes_end();
    }
}

/// The walker for a structure.
pub enum Walker {
    /// JSON and its kin.
    Json(Box<Json>),
    /// `application/x-www-form-urlencoded`.
    Form(Box<Form>),
    /// `multipart/form-data`.
    Multipart(Box<Multipart>),
    /// XML.
    Xml(Box<Xml>),
    /// Separated values.
    Csv(Box<Csv>),
    /// HTML.
    Html(Box<Html>),
    /// ZIP archives, workbooks and documents among them.
    Zip(Box<Zip>),
    /// PDF.
    Pdf(Box<Pdf>),
    /// Protocol Buffers.
    Protobuf(Box<Protobuf>),
    /// Anything else.
    Text(Text),
}

impl Walker {
    /// The walker for `structure`.
    pub fn new(structure: Structure) -> Walker {
        Walker::within(structure, Around::default())
    }

    /// The walker for `structure` at that place.
    pub(crate) fn within(structure: Structure, around: Around) -> Walker {
        match structure {
            // Deeper than anybody nests them.
            Structure::Zip | Structure::Multipart(_) if around.depth > 1 => Walker::Text(Text::default()),
            Structure::Zip => Walker::Zip(Box::new(Zip::new(around))),
            Structure::Pdf => Walker::Pdf(Box::new(Pdf::within(around))),
            Structure::Json => Walker::Json(Box::default()),
            Structure::Form => Walker::Form(Box::default()),
            Structure::Multipart(boundary) => Walker::Multipart(Box::new(Multipart::within(&boundary, around))),
            Structure::Xml => Walker::Xml(Box::default()),
            Structure::Csv(separator) => Walker::Csv(Box::new(Csv::new(separator))),
            Structure::Html => Walker::Html(Box::default()),
            Structure::Protobuf => Walker::Protobuf(Box::default()),
            Structure::Text => Walker::Text(Text::default()),
        }
    }

    /// The next bytes.
    pub fn feed<S: LeafSink>(&mut self, bytes: &[u8], sink: &mut S) {
        match self {
            Walker::Json(walker) => walker.feed(bytes, sink),
            Walker::Form(walker) => walker.feed(bytes, sink),
            Walker::Multipart(walker) => walker.feed(bytes, sink),
            Walker::Xml(walker) => walker.feed(bytes, sink),
            Walker::Csv(walker) => walker.feed(bytes, sink),
            Walker::Html(walker) => walker.feed(bytes, sink),
            Walker::Zip(walker) => walker.feed(bytes, sink),
            Walker::Pdf(walker) => walker.feed(bytes, sink),
            Walker::Protobuf(walker) => walker.feed(bytes, sink),
            Walker::Text(walker) => walker.feed(bytes, sink),
        }
    }

    /// Bytes were lost here: what stood before is ended, what follows is found again.
    pub fn gap<S: LeafSink>(&mut self, sink: &mut S) {
        match self {
            Walker::Json(walker) => walker.gap(sink),
            Walker::Form(walker) => walker.finish(sink),
            Walker::Multipart(walker) => walker.gap(sink),
            Walker::Xml(walker) => walker.gap(sink),
            Walker::Csv(walker) => walker.gap(sink),
            Walker::Html(walker) => walker.gap(sink),
            Walker::Zip(walker) => walker.gap(sink),
            Walker::Pdf(walker) => walker.gap(sink),
            Walker::Protobuf(walker) => walker.gap(sink),
            Walker::Text(walker) => walker.finish(sink),
        }
    }

    /// The end: what is still held is a leaf.
    pub fn finish<S: LeafSink>(&mut self, sink: &mut S) {
        match self {
            Walker::Json(walker) => walker.finish(sink),
            Walker::Form(walker) => walker.finish(sink),
            Walker::Multipart(walker) => walker.finish(sink),
            Walker::Xml(walker) => walker.finish(sink),
            Walker::Csv(walker) => walker.finish(sink),
            Walker::Html(walker) => walker.finish(sink),
            Walker::Zip(walker) => walker.finish(sink),
            Walker::Pdf(walker) => walker.finish(sink),
            Walker::Protobuf(walker) => walker.finish(sink),
            Walker::Text(walker) => walker.finish(sink),
        }
    }

    /// What is walked.
    pub fn kind(&self) -> Kind {
        match self {
            Walker::Json(_) => Kind::Json,
            Walker::Form(_) => Kind::Form,
            Walker::Multipart(_) => Kind::Multipart,
            Walker::Xml(_) => Kind::Xml,
            Walker::Csv(_) => Kind::Csv,
            Walker::Html(_) => Kind::Html,
            Walker::Zip(walker) => walker.kind(),
            Walker::Pdf(_) => Kind::Pdf,
            Walker::Protobuf(_) => Kind::Protobuf,
            Walker::Text(_) => Kind::Text,
        }
    }

    /// Rows of tables, objects of lists, elements that hold others, so far; 0 where nobody can tell.
    pub fn rows(&self) -> u32 {
        match self {
            Walker::Json(walker) => walker.rows(),
            Walker::Xml(walker) => walker.records(),
            Walker::Csv(walker) => walker.rows(),
            Walker::Html(walker) => walker.rows(),
            Walker::Multipart(walker) => walker.rows(),
            Walker::Zip(walker) => walker.rows(),
            Walker::Form(_) | Walker::Pdf(_) | Walker::Protobuf(_) | Walker::Text(_) => 0,
        }
    }

    /// What was passed over so far.
    pub fn accounts(&self) -> WalkAccounts {
        match self {
            Walker::Multipart(walker) => walker.accounts(),
            Walker::Zip(walker) => walker.accounts(),
            Walker::Pdf(walker) => walker.accounts(),
            _ => WalkAccounts::default(),
        }
    }
}

/// What a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Text, or bytes of no known format.
    Text,
    /// JSON and its kin.
    Json,
    /// `application/x-www-form-urlencoded`.
    Form,
    /// `multipart/form-data`.
    Multipart,
    /// Protocol Buffers.
    Protobuf,
    /// XML.
    Xml,
    /// Separated values.
    Csv,
    /// HTML.
    Html,
    /// A workbook.
    Sheet,
    /// A document or slides.
    Document,
    /// PDF.
    Pdf,
    /// Any other archive.
    Archive,
}

/// What walkers passed over. An old workbook (`.xls`, a compound file) is searched as text and counted nowhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WalkAccounts {
    /// Entries of archives.
    pub entries: u64,
    /// Those that are encrypted.
    pub entries_encrypted: u64,
    /// Those that hold nothing to read: pictures, programs, methods of compression that are not known. Archives within two
    /// others, which are read as text.
    pub entries_unread: u64,
    /// Those beyond a limit on their number, size or ratio, at least from there on.
    pub entries_over_limit: u64,
    /// Those that are broken, or of which bytes were lost.
    pub entries_cut: u64,
    /// Cells of sheets that were told without the names of their columns, or only count where they repeat a text too often.
    pub cells_over_limit: u64,
    /// Streams of PDF that were not read: encrypted, coded otherwise than by deflate, broken, or over a limit.
    pub streams_unread: u64,
    /// Archives and PDF that were read as text, since walkers of the worker held as much as they may.
    pub documents_over_limit: u64,
    /// Parts of a multipart body beyond the first 1,000: servers take 10 to 1,000. They are read.
    pub parts_over_limit: u64,
    /// Parts that are multipart themselves (RFC 2046, section 5.1.3; deprecated in forms by RFC 7578, section 4.3), read
    /// as text.
    pub parts_nested: u64,
}

impl WalkAccounts {
    /// Adds what another walker passed over.
    pub fn add(&mut self, more: &WalkAccounts) {
        self.entries += more.entries;
        self.entries_encrypted += more.entries_encrypted;
        self.entries_unread += more.entries_unread;
        self.entries_over_limit += more.entries_over_limit;
        self.entries_cut += more.entries_cut;
        self.cells_over_limit += more.cells_over_limit;
        self.streams_unread += more.streams_unread;
        self.documents_over_limit += more.documents_over_limit;
        self.parts_over_limit += more.parts_over_limit;
        self.parts_nested += more.parts_nested;
    }
}

#[cfg(test)]
pub(crate) mod testing {
    use super::*;

    /// Leaves as lines: `path|key|parent|value|record`, pieces marked with `…`.
    #[derive(Default)]
    pub struct Lines(pub Vec<String>);

    impl LeafSink for Lines {
        fn leaf(&mut self, leaf: &Leaf<'_>) {
            let more = if leaf.piece == Piece::More { "…" } else { "" };
            self.0.push(format!("{}|{}|{}|{}{more}|{}", leaf.path, leaf.key, leaf.parent, leaf.value, leaf.record));
        }
    }

    /// The leaves of `input`, checked to be the same for every cut in two and for single bytes.
    pub fn lines(structure: &Structure, input: &[u8]) -> Vec<String> {
        let run = |parts: &[&[u8]]| {
            let mut walker = Walker::new(structure.clone());
            let mut lines = Lines::default();
            for part in parts {
                walker.feed(part, &mut lines);
            }
            walker.finish(&mut lines);
            lines.0
        };
        let whole = run(&[input]);
        let single: Vec<&[u8]> = input.chunks(1).collect();
        assert_eq!(run(&single), whole, "single bytes");
        let step = (input.len() / 400).max(1);
        for at in (0..input.len()).step_by(step) {
            let (a, b) = input.split_at(at);
            assert_eq!(run(&[a, b]), whole, "cut at {at}");
        }
        whole
    }
}
