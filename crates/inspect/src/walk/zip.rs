//! ZIP archives (APPNOTE.TXT, section 4.3) as they pass by, and what is one: workbooks, documents, slides.
//!
//! ```text
//!         signature          name           its end, or its size
//! Search ──────────> Header ──────> Entry ─────────────────────> Search
//! ```
//!
//! Entries are read by their local headers. Of an entry whose size is not said, deflate says where it ends; of others
//! the next signature is searched. Names of entries are leaves, but no part of paths: they often are names of people.

use flate2::{Decompress, FlushDecompress, Status};

use super::below::Below;
use super::budget::Share;
use super::decode::text;
use super::document::{Document, file_type};
use super::office::Office;
use super::sheet::Book;
use super::{Around, Kind, Leaf, LeafKind, LeafSink, Piece, WalkAccounts};

/// Entries that are looked into.
const ENTRIES: u32 = 4096;
/// Bytes that come out of one archive.
const TOTAL: u64 = 64 << 20;
/// How many times its size an entry may become, beyond [`FREE`] bytes.
const RATIO: u64 = 300;
const FREE: u64 = 1 << 20;
/// Longest name and extra fields that are kept.
const NAMES: usize = 4 << 10;
/// Compressed bytes that are taken at once.
const STEP: u64 = 1024;
/// Bytes that come out at once.
const PIECE: usize = 16 << 10;
/// Length of a local header before the name.
const HEADER: usize = 30;
/// What an inflater holds, in bytes: its window and tables.
const INFLATER: usize = 48 << 10;
/// Archives around an archive that is read.
const DEPTH: u8 = 1;

/// Walks an archive.
pub struct Zip {
    state: State,
    around: Around,
    share: Share,
    /// A header, or the beginning of a signature.
    held: Vec<u8>,
    /// Bytes of a name and extra fields that are not kept.
    skip: usize,
    entry: Entry,
    inflater: Option<Box<Decompress>>,
    piece: Vec<u8>,
    content: Content,
    book: Option<Box<Book>>,
    office: Option<Box<Office>>,
    kind: Kind,
    /// The first number that no record has yet.
    records: u32,
    /// The same, with those of the entry at hand.
    next: u32,
    rows: u32,
    total: u64,
    accounts: WalkAccounts,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Search,
    Header,
    Names,
    Entry,
    Over,
}

/// The entry at hand.
#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    is_deflated: bool,
    /// Bytes to come; `None` if its header does not say.
    left: Option<u64>,
    taken: u64,
    out: u64,
    /// Its header is of that length, with the name's.
    lengths: (usize, usize),
}

/// What the entry at hand is.
enum Content {
    /// Nothing to read.
    Skipped,
    Book,
    Office,
    Document(Box<Document>),
}

impl Default for Zip {
    fn default() -> Zip {
        Zip::new(Around::default())
    }
}

impl Zip {
    /// At that place.
    pub(super) fn new(mut around: Around) -> Zip {
        Zip {
            state: State::Search,
            share: around.share(),
            around,
            held: Vec::new(),
            skip: 0,
            entry: Entry::default(),
            inflater: None,
            piece: Vec::new(),
            content: Content::Skipped,
            book: None,
            office: None,
            kind: Kind::Archive,
            records: 0,
            next: 0,
            rows: 0,
            total: 0,
            accounts: WalkAccounts::default(),
        }
    }

    /// A plain archive, or what it is by its entries so far.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Rows of sheets and records of entries so far.
    pub fn rows(&self) -> u32 {
        self.rows.saturating_add(self.book.as_ref().map_or(0, |book| book.rows()))
    }

    /// What was passed over so far.
    pub fn accounts(&self) -> WalkAccounts {
        let over_limit = self.book.as_ref().map_or(0, |book| book.over_limit());
        WalkAccounts { cells_over_limit: self.accounts.cells_over_limit + over_limit, ..self.accounts }
    }

    /// The next bytes.
    pub fn feed(&mut self, bytes: &[u8], sink: &mut dyn LeafSink) {
        let mut rest = bytes;
        while !rest.is_empty() {
            rest = match self.state {
                State::Search => self.search(rest),
                State::Header => {
                    rest = self.hold(rest, HEADER);
                    if self.held.len() == HEADER {
                        self.header();
                    }
                    rest
                }
                State::Names => self.names(rest, sink),
                State::Entry if self.entry.is_deflated => self.inflate(rest, sink),
                State::Entry => self.stored(rest, sink),
                State::Over => return,
            };
        }
        self.account();
    }

    /// The end.
    pub fn finish(&mut self, sink: &mut dyn LeafSink) {
        // An entry that is passed over is counted elsewhere.
        let is_cut = self.state == State::Entry && !matches!(self.content, Content::Skipped);
        self.accounts.entries_cut += u64::from(is_cut || self.state == State::Names);
        if self.state == State::Entry {
            self.end_entry(sink);
        }
        if let Some(book) = &mut self.book {
            book.finish(&mut Below::new(sink, "$", self.records, self.records));
        }
        self.state = State::Over;
        (self.held, self.piece, self.inflater) = (Vec::new(), Vec::new(), None);
        self.account();
    }

    /// Tells what is held.
    fn account(&mut self) {
        let inflater = if self.inflater.is_some() { INFLATER } else { 0 };
        let book = self.book.as_ref().map_or(0, |book| book.held());
        let has_room = self.share.set(self.held.capacity() + self.piece.capacity() + inflater + book);
        if let Some(book) = &mut self.book {
            book.may_hold(has_room);
        }
    }

    /// Bytes were lost: the entry at hand ends, the next is searched.
    pub fn gap(&mut self, sink: &mut dyn LeafSink) {
        if self.state == State::Entry {
            self.accounts.entries_cut += 1;
            self.end_entry(sink);
        }
        if self.state != State::Over {
            self.held.clear();
            self.state = State::Search;
        }
    }

    fn hold<'a>(&mut self, bytes: &'a [u8], limit: usize) -> &'a [u8] {
        let (now, rest) = bytes.split_at(limit.saturating_sub(self.held.len()).min(bytes.len()));
        self.held.extend_from_slice(now);
        rest
    }

    /// Up to the signature of an entry. Entries may follow even on what looks like the directory after the last.
    fn search<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let mut rest = bytes;
        while let Some((&byte, after)) = rest.split_first() {
            match (&*self.held, byte) {
                ([], _) => {
                    let Some(at) = memchr::memchr(b'P', rest) else { return &[] };
                    self.held.push(b'P');
                    rest = rest.get(at + 1..).unwrap_or_default();
                    continue;
                }
                ([b'P'], b'K') | ([b'P', b'K'], 3) => self.held.push(byte),
                ([b'P', b'K', 3], 4) => {
                    self.held.push(byte);
                    self.state = State::Header;
                    return after;
                }
                _ => {
                    self.held.clear();
                    continue;
                }
            }
            rest = after;
        }
        &[]
    }

    /// A local header without its names.
    fn header(&mut self) {
        let field = |at: usize| {
            let bytes = self.held.get(at..at + 2).and_then(|bytes| bytes.try_into().ok());
            bytes.map_or(0, u16::from_le_bytes)
        };
        let lengths = (usize::from(field(26)), usize::from(field(28)));
        self.skip = (lengths.0 + lengths.1).saturating_sub(NAMES);
        self.entry = Entry { lengths, ..Entry::default() };
        self.state = State::Names;
    }

    fn names<'a>(&mut self, bytes: &'a [u8], sink: &mut dyn LeafSink) -> &'a [u8] {
        let kept = (self.entry.lengths.0 + self.entry.lengths.1).min(NAMES);
        let rest = self.hold(bytes, HEADER + kept);
        let skipped = self.skip.min(rest.len());
        self.skip -= skipped;
        if self.held.len() >= HEADER + kept && self.skip == 0 {
            let held = std::mem::take(&mut self.held);
            self.begin_entry(&held, sink);
            self.held = held;
            self.held.clear();
        }
        rest.get(skipped..).unwrap_or_default()
    }

    fn begin_entry(&mut self, header: &[u8], sink: &mut dyn LeafSink) {
        let word = |at: usize| header.get(at..at + 2).and_then(|b| b.try_into().ok()).map_or(0, u16::from_le_bytes);
        let size = header.get(18..22).and_then(|b| b.try_into().ok()).map_or(0, u32::from_le_bytes);
        let (flags, method) = (word(6), word(8));
        let name_end = (HEADER + self.entry.lengths.0).min(header.len());
        let name = text(header.get(HEADER..name_end).unwrap_or_default()).into_owned();
        let extra = header.get(name_end..).unwrap_or_default();
        let is_open = flags & 8 != 0 && size == 0;
        self.entry.left =
            if is_open { None } else { Some(if size == u32::MAX { zip64(extra) } else { u64::from(size) }) };
        self.entry.is_deflated = method == 8 && flags & 1 == 0;
        self.accounts.entries += 1;
        self.state = State::Entry;
        self.content = if flags & 1 != 0 {
            self.accounts.entries_encrypted += 1;
            Content::Skipped
        } else if !matches!(method, 0 | 8) || self.entry.left.is_none() && method == 0 {
            self.accounts.entries_unread += 1;
            Content::Skipped
        } else if self.accounts.entries > u64::from(ENTRIES) || self.total >= TOTAL || self.around.left() == 0 {
            self.accounts.entries_over_limit += 1;
            Content::Skipped
        } else {
            self.content_of(&name, sink)
        };
        if self.entry.is_deflated {
            match &mut self.inflater {
                Some(inflater) => inflater.reset(false),
                None => self.inflater = Some(Box::new(Decompress::new(false))),
            }
        }
        if self.entry.left == Some(0) {
            self.end_entry(sink);
        } else if self.entry.left.is_none() && matches!(self.content, Content::Skipped) {
            self.state = State::Search;
        }
    }

    fn content_of(&mut self, name: &str, sink: &mut dyn LeafSink) -> Content {
        if name.ends_with('/') {
            return Content::Skipped;
        }
        if let Some(part) = name.strip_prefix("xl/") {
            self.kind = Kind::Sheet;
            let book = self.book.get_or_insert_default();
            if part.eq_ignore_ascii_case("sharedStrings.xml") {
                book.texts();
                return Content::Book;
            }
            if let Some(sheet) = part.strip_prefix("worksheets/sheet").and_then(|rest| rest.strip_suffix(".xml")) {
                book.sheet(sheet.parse().unwrap_or_default());
                return Content::Book;
            }
            if part.starts_with("comments") || part.starts_with("threadedComments/") {
                let mut around = self.around.within();
                around.depth = DEPTH + 1;
                return Content::Document(Box::new(Document::begin(Some("application/xml"), around)));
            }
        }
        let is_word = name.strip_prefix("word/").is_some_and(|part| {
            ["document", "header", "footer", "comments", "footnotes", "endnotes"].iter().any(|is| part.starts_with(is))
        });
        let is_slide = name.starts_with("ppt/slides/slide") || name.starts_with("ppt/notesSlides/notes");
        if (is_word || is_slide) && name.ends_with(".xml") {
            self.kind = Kind::Document;
            self.office.get_or_insert_default();
            return Content::Office;
        }
        let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase()).unwrap_or_default();
        let is_media = MEDIA.contains(&&*extension);
        // Where programs put their own, whatever has another ending is somebody's file.
        let technical = ["xl/", "word/", "ppt/", "_rels/", "docProps/", "customXml/", "[Content_Types].xml"];
        let is_known = is_media || TECHNICAL.contains(&&*extension);
        if is_known && technical.iter().any(|prefix| name.starts_with(prefix)) {
            return Content::Skipped;
        }
        let path = "$.name";
        let kind = LeafKind::Text;
        let record = self.records;
        self.records = self.records.wrapping_add(1);
        self.next = self.records;
        if sink.wants(b"", name.as_bytes(), kind) {
            sink.leaf(&Leaf { key: "", parent: "", path, value: name, kind, record, piece: Piece::Whole });
        }
        if is_media || self.around.depth >= DEPTH && ARCHIVES.contains(&&*extension) {
            self.accounts.entries_unread += 1;
            return Content::Skipped;
        }
        Content::Document(Box::new(Document::begin(file_type(name), self.around.within())))
    }

    fn stored<'a>(&mut self, bytes: &'a [u8], sink: &mut dyn LeafSink) -> &'a [u8] {
        let left = self.entry.left.unwrap_or_default();
        let (now, rest) = bytes.split_at(usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len()));
        self.entry.left = Some(left - now.len() as u64);
        self.push(now, sink);
        if self.entry.left == Some(0) {
            self.end_entry(sink);
        }
        rest
    }

    fn inflate<'a>(&mut self, bytes: &'a [u8], sink: &mut dyn LeafSink) -> &'a [u8] {
        let limit = self.entry.left.map_or(usize::MAX, |left| usize::try_from(left).unwrap_or(usize::MAX));
        let (now, rest) = bytes.split_at(limit.min(bytes.len()));
        // What is passed over need not be inflated if its size is known.
        if let (Some(left), Content::Skipped) = (self.entry.left, &self.content) {
            self.entry.left = Some(left - now.len() as u64);
            if self.entry.left == Some(0) {
                self.end_entry(sink);
            }
            return rest;
        }
        // In steps that lie at the same places of the entry however its bytes come, so that limits do.
        let step = STEP - self.entry.taken % STEP;
        let (now, rest) = bytes.split_at(now.len().min(step as usize));
        self.entry.taken += now.len() as u64;
        self.entry.left = self.entry.left.map(|left| left - now.len() as u64);
        let (Some(mut inflater), mut piece) = (self.inflater.take(), std::mem::take(&mut self.piece)) else {
            return &[];
        };
        piece.resize(PIECE, 0);
        let mut input = now;
        let result = loop {
            let (before_in, before_out) = (inflater.total_in(), inflater.total_out());
            let result = inflater.decompress(input, &mut piece, FlushDecompress::None);
            let used = (inflater.total_in() - before_in) as usize;
            let made = (inflater.total_out() - before_out) as usize;
            input = input.get(used..).unwrap_or_default();
            self.push(piece.get(..made).unwrap_or_default(), sink);
            let is_over = !matches!(result, Ok(Status::Ok | Status::BufError));
            if is_over || used == 0 && made == 0 || input.is_empty() && made < PIECE {
                break result;
            }
        };
        (self.inflater, self.piece) = (Some(inflater), piece);
        match (result, self.entry.left) {
            (Ok(Status::StreamEnd), None) => {
                self.end_entry(sink);
                return bytes.get(now.len() - input.len()..).unwrap_or_default();
            }
            // Whatever stands between here and the end it was said to have is none of it.
            (Ok(Status::StreamEnd), Some(_)) => self.end_content(sink),
            (Err(_), _) => {
                self.accounts.entries_cut += 1;
                self.end_content(sink);
            }
            (Ok(_), Some(0)) if !matches!(self.content, Content::Skipped) => self.accounts.entries_cut += 1,
            (Ok(_), _) => {
                let is_bomb = self.entry.out > FREE + self.entry.taken.saturating_mul(RATIO);
                if is_bomb && self.entry.taken.is_multiple_of(STEP) {
                    self.over_limit(sink);
                }
            }
        }
        if self.entry.left.is_none() && matches!(self.content, Content::Skipped) {
            self.entry.left = Some(step - now.len() as u64);
        }
        if self.entry.left == Some(0) {
            self.end_entry(sink);
        }
        rest
    }

    fn over_limit(&mut self, sink: &mut dyn LeafSink) {
        if !matches!(self.content, Content::Skipped) {
            self.accounts.entries_over_limit += 1;
            self.end_content(sink);
        }
    }

    /// Bytes of the entry at hand, within limits.
    fn push(&mut self, bytes: &[u8], sink: &mut dyn LeafSink) {
        if bytes.is_empty() || matches!(self.content, Content::Skipped) {
            return;
        }
        let room = (TOTAL - self.total.min(TOTAL)).min(self.around.left());
        let room = usize::try_from(room).unwrap_or(usize::MAX);
        let is_over = bytes.len() > room;
        let bytes = bytes.get(..room).unwrap_or(bytes);
        self.entry.out += bytes.len() as u64;
        self.total += bytes.len() as u64;
        self.around.take(bytes.len() as u64);
        let first = self.records;
        match (&mut self.content, &mut self.book, &mut self.office) {
            (Content::Book, Some(book), _) => book.feed(bytes, &mut Below::new(sink, "$", first, first)),
            (Content::Office, _, Some(office)) => office.feed(bytes, &mut Below::new(sink, "$", first, first)),
            (Content::Document(document), ..) => {
                let mut below = Below::new(sink, "$.file", first, self.next);
                document.feed(bytes, &mut below);
                self.next = below.next();
            }
            _ => {}
        }
        if is_over {
            self.over_limit(sink);
        }
    }

    fn end_entry(&mut self, sink: &mut dyn LeafSink) {
        self.end_content(sink);
        self.state = State::Search;
        self.held.clear();
    }

    fn end_content(&mut self, sink: &mut dyn LeafSink) {
        let first = self.records;
        match (std::mem::replace(&mut self.content, Content::Skipped), &mut self.book, &mut self.office) {
            (Content::Book, Some(book), _) => book.end(&mut Below::new(sink, "$", first, first)),
            (Content::Office, _, Some(office)) => office.finish(&mut Below::new(sink, "$", first, first)),
            (Content::Document(mut document), ..) => {
                let mut below = Below::new(sink, "$.file", first, self.next);
                document.finish(&mut below);
                self.records = below.next();
                self.rows = self.rows.saturating_add(document.rows());
                self.accounts.add(&document.accounts());
            }
            _ => {}
        }
    }
}

/// Entries that hold nothing to read, by their extensions.
const MEDIA: [&str; 26] = [
    "png", "jpg", "jpeg", "gif", "webp", "bmp", "ico", "tif", "tiff", "mp3", "mp4", "avi", "mov", "wav", "woff",
    "woff2", "ttf", "otf", "class", "so", "dll", "exe", "dex", "o", "pyc", "wasm",
];
/// Endings of parts of a workbook or document that say how it looks.
const TECHNICAL: [&str; 7] = ["xml", "rels", "bin", "vml", "emf", "wmf", "odttf"];
const ARCHIVES: [&str; 7] = ["zip", "jar", "war", "xlsx", "docx", "pptx", "apk"];

/// The size in a field of the 64-bit format (section 4.5.3), after the original one.
fn zip64(extra: &[u8]) -> u64 {
    let mut rest = extra;
    while let Some((&[a, b, c, d], after)) = rest.split_first_chunk::<4>() {
        let length = usize::from(u16::from_le_bytes([c, d]));
        if u16::from_le_bytes([a, b]) == 1 {
            return after.get(8..16).and_then(|b| b.try_into().ok()).map_or(u64::MAX, u64::from_le_bytes);
        }
        rest = after.get(length..).unwrap_or_default();
    }
    u64::MAX
}

#[cfg(test)]
mod tests;
