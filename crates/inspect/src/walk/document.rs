//! A document from bytes to leaves: made UTF-8 unless it is no text, its structure told from its first bytes, walked.

use super::{Around, Kind, LeafSink, SNIFFED, Structure, WalkAccounts, Walker, sniff};
use crate::charset::Charset;

/// Bytes by which a format is told that is no text.
const MAGIC: usize = 4;

/// One document.
#[derive(Default)]
pub(crate) struct Document {
    charset: Charset,
    /// The first bytes, until there are enough to tell whether this is text.
    magic: Vec<u8>,
    form: Form,
    walk: Walk,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Form {
    #[default]
    Unknown,
    Text,
    Binary,
}

/// The text of a document on its way to its leaves.
#[derive(Default)]
struct Walk {
    content_type: Option<Box<str>>,
    around: Around,
    /// What of it was not walked as what it is.
    accounts: WalkAccounts,
    head: Vec<u8>,
    walker: Option<Walker>,
    /// What is known of it when it is over.
    done: Option<Summary>,
}

/// What is known of a document.
#[derive(Clone, Copy, Debug)]
struct Summary {
    kind: Kind,
    rows: u32,
    accounts: WalkAccounts,
}

impl Document {
    /// A document begins; its media type as on the wire, and where it stands.
    pub fn begin(content_type: Option<&str>, around: Around) -> Document {
        let walk = Walk { content_type: content_type.map(Into::into), around, ..Walk::default() };
        Document { charset: Charset::new(content_type), walk, ..Document::default() }
    }

    /// The next bytes.
    pub fn feed<S: LeafSink>(&mut self, bytes: &[u8], sink: &mut S) {
        if self.form == Form::Unknown {
            if self.magic.is_empty() && bytes.len() >= MAGIC {
                self.tell(bytes);
            } else {
                self.magic.extend_from_slice(bytes);
                if self.magic.len() < MAGIC {
                    return;
                }
                let first = std::mem::take(&mut self.magic);
                self.tell(&first);
                return self.text(&first, sink);
            }
        }
        self.text(bytes, sink);
    }

    fn tell(&mut self, first: &[u8]) {
        self.form = if is_binary(first) { Form::Binary } else { Form::Text };
    }

    fn text<S: LeafSink>(&mut self, bytes: &[u8], sink: &mut S) {
        let Document { charset, walk, form, .. } = self;
        match form {
            Form::Binary => walk.feed(bytes, sink),
            _ => charset.feed(bytes, &mut |text| walk.feed(text, sink)),
        }
    }

    fn early<S: LeafSink>(&mut self, sink: &mut S) {
        if self.form == Form::Unknown {
            let first = std::mem::take(&mut self.magic);
            self.form = Form::Text;
            self.text(&first, sink);
        }
    }

    /// Bytes were lost here.
    pub fn gap<S: LeafSink>(&mut self, sink: &mut S) {
        self.early(sink);
        let Document { charset, walk, .. } = self;
        charset.gap(&mut |text| walk.feed(text, sink));
        sink.bytes_end();
        walk.gap(sink);
    }

    /// The end.
    pub fn finish<S: LeafSink>(&mut self, sink: &mut S) {
        self.early(sink);
        let Document { charset, walk, .. } = self;
        charset.finish(&mut |text| walk.feed(text, sink));
        sink.bytes_end();
        walk.finish(sink);
    }

    /// What it is, once its first bytes were seen.
    pub fn kind(&self) -> Option<Kind> {
        self.walk.summary().map(|summary| summary.kind)
    }

    /// Rows, or objects of lists, so far.
    pub fn rows(&self) -> u32 {
        self.walk.summary().map_or(0, |summary| summary.rows)
    }

    /// What was passed over so far.
    pub fn accounts(&self) -> WalkAccounts {
        self.walk.summary().map(|summary| summary.accounts).unwrap_or_default()
    }
}

impl Walk {
    fn summary(&self) -> Option<Summary> {
        let of = |walker: &Walker| {
            let mut accounts = walker.accounts();
            accounts.add(&self.accounts);
            Summary { kind: walker.kind(), rows: walker.rows(), accounts }
        };
        self.walker.as_ref().map(of).or(self.done)
    }

    fn feed<S: LeafSink>(&mut self, bytes: &[u8], sink: &mut S) {
        sink.bytes(bytes);
        if let Some(walker) = &mut self.walker {
            return walker.feed(bytes, sink);
        }
        if self.head.is_empty() && bytes.len() >= SNIFFED {
            return self.start(bytes, sink);
        }
        self.head.extend_from_slice(bytes);
        if self.head.len() >= SNIFFED {
            let head = std::mem::take(&mut self.head);
            self.start(&head, sink);
        }
    }

    fn gap<S: LeafSink>(&mut self, sink: &mut S) {
        let head = std::mem::take(&mut self.head);
        if self.walker.is_none() {
            self.start(&head, sink);
        }
        if let Some(walker) = &mut self.walker {
            walker.gap(sink);
        }
    }

    fn finish<S: LeafSink>(&mut self, sink: &mut S) {
        let head = std::mem::take(&mut self.head);
        if self.walker.is_none() && !head.is_empty() {
            self.start(&head, sink);
        }
        if let Some(walker) = &mut self.walker {
            walker.finish(sink);
        }
        self.done = self.summary();
        self.walker = None;
    }

    fn start<S: LeafSink>(&mut self, bytes: &[u8], sink: &mut S) {
        let first = bytes.get(..SNIFFED).unwrap_or(bytes);
        let mut structure = sniff(self.content_type.as_deref(), first);
        if matches!(structure, Structure::Zip | Structure::Pdf) && self.around.is_full() {
            self.accounts.documents_over_limit += 1;
            structure = Structure::Text;
        }
        // Deeper than anybody nests them.
        if structure == Structure::Zip && self.around.depth > 1 {
            self.accounts.entries_unread += 1;
            structure = Structure::Text;
        }
        let walker = self.walker.insert(Walker::within(structure, self.around.clone()));
        walker.feed(bytes, sink);
    }
}

/// Whether these first bytes are of a format that is walked and no text.
pub(super) fn is_binary(first: &[u8]) -> bool {
    first.starts_with(b"PK\x03\x04") || first.starts_with(b"%PDF")
}

/// The media type of a file's name, of formats that are told by it.
pub(crate) fn file_type(name: &str) -> Option<&'static str> {
    let (_, extension) = name.rsplit_once('.')?;
    match &*extension.to_ascii_lowercase() {
        "csv" => Some("text/csv"),
        "tsv" => Some("text/tab-separated-values"),
        "json" | "ndjson" | "jsonl" => Some("application/json"),
        "xml" => Some("application/xml"),
        "htm" | "html" => Some("text/html"),
        "js" => Some("text/javascript"),
        "css" => Some("text/css"),
        _ => None,
    }
}
