//! `multipart/form-data` (RFC 7578) and its kin (RFC 2046, section 5.1).
//!
//! ```text
//! Preamble ── delimiter ──> Line ── CRLF ──> Headers ── blank line ──> Body ── delimiter ──> Line …
//!                            └───── `--` ──> Epilogue
//! ```

use memchr::memmem::Finder;

use super::below::Below;
use super::decode::text;
use super::document::{Document, file_type};
use super::field::{Field, place};
use super::{Around, Leaf, LeafKind, LeafSink, Piece, WalkAccounts};
use crate::charset::Charset;

/// Longest block of a part's headers; what is beyond is dropped.
const HEADERS: usize = 4 << 10;
/// Parts of one body beyond which they are counted.
const PARTS: u64 = 1_000;

/// Walks the parts: fields are leaves, files are documents under the names of their fields.
pub struct Multipart {
    state: State,
    /// `CRLF--boundary`.
    delimiter: Finder<'static>,
    /// Bytes that may be the beginning of a delimiter, or a line or headers that are not whole.
    held: Vec<u8>,
    field: Field,
    /// Of the part at hand: each has its own.
    charset: Charset,
    /// The part at hand is a file, under that path.
    file: Option<Box<Document>>,
    path: String,
    around: Around,
    /// The first record of the file at hand, and the first number that no record has yet.
    first: u32,
    next: u32,
    rows: u32,
    accounts: WalkAccounts,
    /// Parts so far.
    count: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Preamble,
    Line,
    Headers,
    Body,
    Epilogue,
}

impl Multipart {
    /// With the boundary from the media type.
    pub fn new(boundary: &str) -> Multipart {
        Multipart::within(boundary, Around::default())
    }

    /// At that place.
    pub(super) fn within(boundary: &str, around: Around) -> Multipart {
        let delimiter = Finder::new(format!("\r\n--{boundary}").as_bytes()).into_owned();
        // The first delimiter has no line before it.
        Multipart {
            state: State::Preamble,
            delimiter,
            held: b"\r\n".to_vec(),
            field: Field::default(),
            charset: Charset::default(),
            file: None,
            path: String::new(),
            around,
            // The fields are one.
            first: 1,
            next: 1,
            rows: 0,
            accounts: WalkAccounts::default(),
            count: 0,
        }
    }

    /// Records of files so far.
    pub fn rows(&self) -> u32 {
        self.rows
    }

    /// What was passed over in files so far.
    pub fn accounts(&self) -> WalkAccounts {
        self.accounts
    }

    /// The next bytes.
    pub fn feed<S: LeafSink>(&mut self, bytes: &[u8], sink: &mut S) {
        let mut rest = bytes;
        loop {
            rest = match self.state {
                State::Preamble | State::Body => self.content(rest, sink),
                State::Line | State::Headers => self.headers(rest, sink),
                State::Epilogue => return,
            };
            if rest.is_empty() {
                return;
            }
        }
    }

    /// The end: a part that is not closed is a leaf too.
    pub fn finish<S: LeafSink>(&mut self, sink: &mut S) {
        let held = std::mem::take(&mut self.held);
        if self.state == State::Body {
            self.bytes(&held, sink);
            self.end(sink);
        }
        self.state = State::Epilogue;
    }

    /// Bytes were lost: the part at hand ends, the next delimiter is awaited.
    pub fn gap<S: LeafSink>(&mut self, sink: &mut S) {
        if self.state != State::Epilogue {
            self.finish(sink);
            // What follows may belong to the same part: it is read as a nameless one.
            self.field.begin("");
            self.charset = Charset::default();
            self.state = State::Body;
        }
    }

    /// Content up to the next delimiter; what may be the beginning of one is held back.
    fn content<'a, S: LeafSink>(&mut self, bytes: &'a [u8], sink: &mut S) -> &'a [u8] {
        let length = self.delimiter.needle().len();
        let is_body = self.state == State::Body;
        if !self.held.is_empty() {
            // Enough of the new bytes to tell whether a delimiter straddles the border.
            let old = self.held.len();
            let more = bytes.get(..(length - 1).min(bytes.len())).unwrap_or_default();
            self.held.extend_from_slice(more);
            if let Some(at) = self.delimiter.find(&self.held) {
                let taken = (at + length).saturating_sub(old);
                self.push(at, is_body, sink);
                return self.delimited(bytes.get(taken..).unwrap_or_default(), is_body, sink);
            }
            if more.len() == bytes.len() {
                // Still too little to decide about the last bytes.
                self.push(self.held.len().saturating_sub(length - 1), is_body, sink);
                return &[];
            }
            self.held.truncate(old);
            self.push(old, is_body, sink);
        }
        if let Some(at) = self.delimiter.find(bytes) {
            if is_body {
                self.bytes(bytes.get(..at).unwrap_or_default(), sink);
            }
            return self.delimited(bytes.get(at + length..).unwrap_or_default(), is_body, sink);
        }
        let keep = bytes.len().saturating_sub(length - 1);
        let (now, later) = bytes.split_at(keep);
        if is_body {
            self.bytes(now, sink);
        }
        self.held.extend_from_slice(later);
        &[]
    }

    /// Hands on the first `count` held bytes.
    fn push<S: LeafSink>(&mut self, count: usize, is_body: bool, sink: &mut S) {
        let mut held = std::mem::take(&mut self.held);
        if is_body {
            self.bytes(held.get(..count).unwrap_or_default(), sink);
        }
        held.drain(..count.min(held.len()));
        self.held = held;
    }

    /// The next bytes of a part's content.
    fn bytes<S: LeafSink>(&mut self, bytes: &[u8], sink: &mut S) {
        let Multipart { field, charset, file, path, first, next, .. } = self;
        if let Some(file) = file {
            let mut below = Below::new(sink, path, *first, *next);
            file.feed(bytes, &mut below);
            *next = below.next();
            return;
        }
        charset.feed(bytes, &mut |text| field.push(text, sink));
    }

    /// A part's content ends.
    fn end<S: LeafSink>(&mut self, sink: &mut S) {
        if let Some(mut file) = self.file.take() {
            let mut below = Below::new(sink, &self.path, self.first, self.next);
            file.finish(&mut below);
            self.next = below.next();
            self.rows = self.rows.saturating_add(file.rows());
            self.accounts.add(&file.accounts());
            return;
        }
        let Multipart { field, charset, .. } = self;
        charset.finish(&mut |text| field.push(text, sink));
        field.end(sink);
    }

    fn delimited<'a, S: LeafSink>(&mut self, rest: &'a [u8], is_body: bool, sink: &mut S) -> &'a [u8] {
        if is_body {
            self.end(sink);
        }
        self.held.clear();
        self.state = State::Line;
        rest
    }

    /// A part begins.
    fn begin<S: LeafSink>(&mut self, headers: &str, sink: &mut S) {
        let (name, file) = names(headers);
        let name = name.unwrap_or_default();
        let media = content_type(headers);
        self.count += 1;
        self.accounts.parts_over_limit += u64::from(self.count > PARTS);
        let nests = |kind: &str| kind.get(..10).is_some_and(|kind| kind.eq_ignore_ascii_case("multipart/"));
        self.accounts.parts_nested += u64::from(media.is_some_and(nests));
        self.file = None;
        let Some(file) = file else {
            self.field.begin(&name);
            self.charset = Charset::new(media);
            return;
        };
        self.path.clear();
        self.path.push_str(place(&name));
        let (value, kind) = (&*file, LeafKind::Text);
        if sink.wants(b"filename", value.as_bytes(), kind) {
            let path = &format!("{}.filename", self.path);
            sink.leaf(&Leaf { key: "filename", parent: &name, path, value, kind, record: 0, piece: Piece::Whole });
        }
        self.first = self.next;
        let media = file_type(&file).or(media);
        self.file = Some(Box::new(Document::begin(media, self.around.within())));
    }

    /// The rest of a delimiter's line, then headers up to the blank line.
    fn headers<'a, S: LeafSink>(&mut self, bytes: &'a [u8], sink: &mut S) -> &'a [u8] {
        for (at, byte) in bytes.iter().enumerate() {
            if self.held.len() < HEADERS || *byte == b'\n' {
                self.held.push(*byte);
            }
            let rest = bytes.get(at + 1..).unwrap_or_default();
            match self.state {
                State::Line if self.held.starts_with(b"--") => {
                    self.state = State::Epilogue;
                    return &[];
                }
                State::Line if *byte == b'\n' => {
                    self.state = State::Headers;
                    // A part without headers begins with the blank line.
                    self.held.clear();
                    self.held.push(b'\n');
                }
                State::Headers if self.held.ends_with(b"\n\r\n") || self.held.ends_with(b"\n\n") => {
                    let headers = std::mem::take(&mut self.held);
                    self.begin(&text(&headers), sink);
                    self.state = State::Body;
                    return rest;
                }
                _ => {}
            }
        }
        &[]
    }
}

/// The media type of a part, as on the wire.
fn content_type(headers: &str) -> Option<&str> {
    headers.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim().eq_ignore_ascii_case("content-type").then(|| value.trim())
    })
}

/// The field's name, and the file's.
fn names(headers: &str) -> (Option<String>, Option<String>) {
    let disposition = headers
        .lines()
        .find(|line| line.get(..20).is_some_and(|start| start.eq_ignore_ascii_case("content-disposition:")));
    let Some(disposition) = disposition else { return (None, None) };
    let parameter = |wanted: &str| {
        disposition.split(';').find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            let name = name.trim();
            name.eq_ignore_ascii_case(wanted).then(|| value.trim().trim_matches('"').to_owned())
        })
    };
    (parameter("name"), parameter("filename").or_else(|| parameter("filename*")))
}

#[cfg(test)]
mod tests {
    use super::super::{Structure, testing::lines};

    #[test]
    fn fields_and_files_wherever_they_are_cut() {
        let body = "preamble\r\n--XX\r\nContent-Disposition: form-data; name=\"mobile\"\r\n\r\n13800138000\r\n--XX\r\n\
                    content-disposition: form-data; name=\"f\"; filename=\"a.csv\"\r\nContent-Type: text/csv\r\n\r\n\
                    a,b\r\n--X no\r\n1,2\r\n--XX\r\nContent-Disposition: form-data; name=\"e\"\r\n\r\n\r\n--XX--\r\nepilogue";
        assert_eq!(
            lines(&Structure::Multipart("XX".into()), body.as_bytes()),
            [
                "mobile|mobile||13800138000|0",
                "f.filename|filename|f|a.csv|0",
                "f[*][0]|||a|1",
                "f[*][1]|||b|1",
                "f[*].a|a||--X no|1",
                "f[*].a|a||1|2",
                "f[*].b|b||2|2",
                "e|e|||0",
            ]
        );
    }

    #[test]
    fn each_part_has_its_charset() {
        let body = [
            &b"--b\r\nContent-Disposition: form-data; name=\"\xD0\xD5\xC3\xFB\"\r\n\r\n\xD5\xC5\xC8\xFD\r\n"[..],
            b"--b\r\nContent-Disposition: form-data; name=\"j\"\r\nContent-Type: application/json; charset=utf-16le\r\n\r\n",
            b"{\0\"\0a\0\"\0:\0\"\0\x20\x5f\x09\x4e\"\0}\0\r\n",
            "--b\r\nContent-Disposition: form-data; name=\"u\"\r\n\r\n李四\r\n--b--".as_bytes(),
        ]
        .concat();
        let got = lines(&Structure::Multipart("b".into()), &body);
        assert_eq!(got, ["姓名|姓名||张三|0", "j.a|a|j|张三|0", "u|u||李四|0"]);
    }

    #[test]
    fn a_cut_body_and_a_json_part() {
        let body = "--b\r\nContent-Disposition: form-data; name=\"j\"\r\n\r\n{\"tel\":\"138\"}\r\n--b\r\n\
                    Content-Disposition: form-data; name=\"k\"\r\n\r\nopen";
        assert_eq!(lines(&Structure::Multipart("b".into()), body.as_bytes()), ["j.tel|tel|j|138|0", "k|k||open|0"]);
    }
}
