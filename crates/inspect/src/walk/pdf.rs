//! PDF (ISO 32000-1) as it passes by: the texts that its pages show.
//!
//! Objects are read in the order of the file, streams of pages as a rule before the fonts they use. So what is shown
//! waits, within a limit, for the tables that say which characters it is. Texts without such a table are read as bytes
//! of ASCII, UTF-16 or a Chinese set. Pictures, fonts and form fields are passed over.

mod fonts;
mod shown;

use flate2::{Decompress, FlushDecompress, Status};
use memchr::memmem;

use self::fonts::Fonts;
use self::shown::Shown;
use super::budget::Share;
use super::{Around, LeafSink, Text, WalkAccounts};

/// Bytes of an object that are kept.
const OBJECT: usize = 8 << 10;
/// Bytes of a file that are looked at at once.
const STEP: usize = 256;
/// Bytes of a stream, inflated.
const STREAM: usize = 512 << 10;
/// Bytes of all streams, inflated.
const TOTAL: u64 = 32 << 20;
/// What an inflater holds, in bytes: its window and tables.
const INFLATER: usize = 48 << 10;

/// Walks a PDF.
#[derive(Default)]
pub struct Pdf {
    around: Around,
    share: Share,
    state: State,
    /// Bytes so far.
    at: u64,
    /// The object at hand, up to its stream.
    object: Vec<u8>,
    /// How much of it was searched.
    searched: usize,
    stream: Stream,
    inflater: Option<Box<Decompress>>,
    out: Vec<u8>,
    total: u64,
    fonts: Fonts,
    shown: Shown,
    text: Text,
    accounts: WalkAccounts,
    /// The worker has no memory left for streams.
    is_full: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Objects,
    Stream,
}

/// The stream at hand.
#[derive(Clone, Copy, Debug, Default)]
struct Stream {
    object: u32,
    /// Bytes to come, if the object says.
    left: Option<u64>,
    taken: u64,
    is_deflated: bool,
    is_skipped: bool,
    is_objects: bool,
}

impl Pdf {
    /// At that place.
    pub(super) fn within(mut around: Around) -> Pdf {
        Pdf { share: around.share(), around, ..Pdf::default() }
    }

    /// What was passed over so far.
    pub fn accounts(&self) -> WalkAccounts {
        self.accounts
    }

    /// The next bytes.
    pub fn feed<S: LeafSink>(&mut self, bytes: &[u8], sink: &mut S) {
        self.walk(bytes, sink);
        let inflater = if self.inflater.is_some() { INFLATER } else { 0 };
        let own = self.object.capacity() + self.out.capacity() + inflater;
        self.is_full = !self.share.set(own + self.fonts.held() + self.shown.held());
    }

    fn walk<S: LeafSink>(&mut self, bytes: &[u8], sink: &mut S) {
        let mut rest = bytes;
        while !rest.is_empty() {
            rest = match self.state {
                State::Objects => {
                    // In steps that lie at the same places of the file however it comes, so that what is given up does.
                    let step = STEP as u64 - self.at % STEP as u64;
                    let (now, later) = rest.split_at(rest.len().min(step as usize));
                    self.at += now.len() as u64;
                    self.object.extend_from_slice(now);
                    self.objects(sink);
                    later
                }
                State::Stream => {
                    let later = self.stream(rest, sink);
                    self.at += (rest.len() - later.len()) as u64;
                    later
                }
            };
        }
    }

    /// The end.
    pub fn finish<S: LeafSink>(&mut self, sink: &mut S) {
        if self.state == State::Stream {
            self.accounts.streams_unread += u64::from(!self.stream.is_skipped);
            self.end_stream(sink);
        }
        self.fonts.object(&self.object);
        self.shown.tell(&self.fonts, &mut self.text, sink);
        self.text.finish(sink);
        *self = Pdf { accounts: self.accounts, ..Pdf::default() };
    }

    /// Bytes were lost: the stream at hand ends.
    pub fn gap<S: LeafSink>(&mut self, sink: &mut S) {
        if self.state == State::Stream {
            self.accounts.streams_unread += 1;
            self.end_stream(sink);
        }
        self.object.clear();
        self.searched = 0;
    }

    /// Looks for the ends of objects and the beginnings of streams in what is held.
    fn objects<S: LeafSink>(&mut self, sink: &mut S) {
        while self.state == State::Objects {
            let from = self.searched.min(self.object.len());
            let rest = self.object.get(from..).unwrap_or_default();
            let word =
                [&b"endobj"[..], b"stream"].into_iter().filter_map(|word| Some((memmem::find(rest, word)?, word)));
            let Some((at, word)) = word.min_by_key(|(at, _)| *at) else {
                self.searched = self.object.len().saturating_sub(8).max(from);
                break;
            };
            let at = from + at;
            let after = self.object.get(at + word.len()..).unwrap_or_default();
            if word == b"stream" && !self.object.get(..at).is_some_and(|before| before.ends_with(b"end")) {
                let line = match after {
                    [b'\r', b'\n', ..] => 2,
                    [b'\n', ..] => 1,
                    // Too little to tell.
                    [] | [b'\r'] => {
                        self.searched = at;
                        break;
                    }
                    // A mere word.
                    _ => {
                        self.searched = at + word.len();
                        continue;
                    }
                };
                let mut object = std::mem::take(&mut self.object);
                let data = object.split_off((at + word.len() + line).min(object.len()));
                self.begin_stream(object.get(..at).unwrap_or_default());
                self.searched = 0;
                self.at -= data.len() as u64;
                self.walk(&data, sink);
                return;
            }
            if word == b"endobj" {
                self.fonts.object(self.object.get(..at).unwrap_or_default());
            }
            self.object.drain(..at + word.len());
            self.searched = 0;
        }
        if self.object.len() >= OBJECT && self.at.is_multiple_of(STEP as u64) {
            self.fonts.object(&self.object);
            self.object.drain(..OBJECT / 2);
            self.searched = self.searched.saturating_sub(OBJECT / 2);
        }
    }

    fn begin_stream(&mut self, object: &[u8]) {
        let start = memmem::rfind(object, b" obj").map_or(0, |at| at.saturating_sub(12));
        let object = object.get(start..).unwrap_or_default();
        self.fonts.object(object);
        let has = |name: &str| memmem::find(object, name.as_bytes()).is_some();
        let other_filter = ["LZW", "ASCII", "RunLength", "CCITT", "DCT", "JPX", "JBIG", "/Crypt", "/Predictor"]
            .iter()
            .any(|name| has(name));
        let is_media =
            ["/Image", "/Length1", "/XRef", "/Metadata", "/FontFile", "Type1C", "CIDFontType0C", "/OpenType"];
        let is_media = is_media.iter().any(|name| has(name));
        let is_over = self.total >= TOTAL || self.around.left() == 0 || self.is_full;
        self.accounts.streams_unread += u64::from(!is_media && (other_filter || is_over));
        self.stream = Stream {
            object: fonts::number_of(object),
            left: fonts::length(object),
            taken: 0,
            is_deflated: has("/FlateDecode") || has("/Fl ") || has("/Fl]"),
            is_skipped: is_media || other_filter || is_over,
            is_objects: has("/ObjStm"),
        };
        self.out.clear();
        self.state = State::Stream;
        match &mut self.inflater {
            _ if self.stream.is_skipped || !self.stream.is_deflated => {}
            Some(inflater) => inflater.reset(true),
            None => self.inflater = Some(Box::new(Decompress::new(true))),
        }
        if self.stream.left == Some(0) || self.stream.is_skipped && self.stream.left.is_none() {
            self.state = State::Objects;
        }
    }

    fn stream<'a, S: LeafSink>(&mut self, bytes: &'a [u8], sink: &mut S) -> &'a [u8] {
        let limit = self.stream.left.map_or(usize::MAX, |left| usize::try_from(left).unwrap_or(usize::MAX));
        let (now, mut rest) = bytes.split_at(limit.min(bytes.len()));
        let mut is_over = false;
        if self.stream.is_skipped {
        } else if self.stream.is_deflated && self.stream.left.is_none() {
            // In steps that lie at the same places of the stream however its bytes come, so that what follows a broken
            // one does.
            let step = STEP as u64 - self.stream.taken % STEP as u64;
            let (now, later) = bytes.split_at(bytes.len().min(step as usize));
            self.stream.taken += now.len() as u64;
            match self.inflate(now) {
                Some(used) => {
                    self.end_stream(sink);
                    return bytes.get(used..).unwrap_or_default();
                }
                None if self.stream.is_skipped => self.stream.left = Some(step - now.len() as u64),
                None => {}
            }
            if self.stream.left == Some(0) {
                self.end_stream(sink);
            }
            return later;
        } else if self.stream.is_deflated {
            self.inflate(now);
        } else {
            let room = STREAM - self.out.len().min(STREAM);
            let from = self.out.len().saturating_sub(b"endstream".len());
            let before = self.out.len();
            self.push(now);
            if self.stream.left.is_none()
                && let Some(at) = memmem::find(self.out.get(from..).unwrap_or_default(), b"endstream")
            {
                let end = from + at;
                self.out.truncate(end);
                is_over = true;
                rest = bytes.get((end + b"endstream".len()).saturating_sub(before)..).unwrap_or_default();
            }
            if !is_over && self.stream.is_skipped && self.stream.left.is_none() {
                is_over = true;
                rest = bytes.get(room..).unwrap_or_default();
            }
        }
        self.stream.left = self.stream.left.map(|left| left - now.len() as u64);
        if is_over || self.stream.left == Some(0) {
            self.end_stream(sink);
        }
        rest
    }

    /// Inflates; at the stream's end, how many bytes were used.
    fn inflate(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut inflater = self.inflater.take()?;
        let mut piece = [0; 4 << 10];
        let mut used = 0;
        let end = loop {
            let (before_in, before_out) = (inflater.total_in(), inflater.total_out());
            let result = inflater.decompress(bytes.get(used..).unwrap_or_default(), &mut piece, FlushDecompress::None);
            let taken = (inflater.total_in() - before_in) as usize;
            let made = (inflater.total_out() - before_out) as usize;
            used += taken;
            self.push(piece.get(..made).unwrap_or_default());
            match result {
                Ok(Status::StreamEnd) => {
                    self.stream.is_skipped = true;
                    break Some(used);
                }
                Err(_) => {
                    self.accounts.streams_unread += u64::from(!self.stream.is_skipped);
                    self.stream.is_skipped = true;
                    break None;
                }
                Ok(_) if self.stream.is_skipped => break None,
                Ok(_) if taken == 0 && made == 0 || used == bytes.len() && made < piece.len() => break None,
                Ok(_) => {}
            }
        };
        self.inflater = Some(inflater);
        end
    }

    /// Bytes of the stream, within limits.
    fn push(&mut self, bytes: &[u8]) {
        let room = STREAM - self.out.len().min(STREAM);
        let room = room.min(usize::try_from(self.around.left()).unwrap_or(room));
        self.total += bytes.len().min(room) as u64;
        self.around.take(bytes.len().min(room) as u64);
        self.out.extend_from_slice(bytes.get(..room.min(bytes.len())).unwrap_or_default());
        if bytes.len() > room && !self.stream.is_skipped {
            self.accounts.streams_unread += 1;
            self.stream.is_skipped = true;
        }
    }

    fn end_stream<S: LeafSink>(&mut self, sink: &mut S) {
        self.state = State::Objects;
        let out = std::mem::take(&mut self.out);
        if memmem::find(&out, b"begincmap").is_some() {
            self.fonts.table(self.stream.object, &out);
        } else if self.stream.is_objects {
            let is_all = self.fonts.objects(&out);
            self.accounts.streams_unread += u64::from(!is_all);
        } else if memmem::find(&out, b"BT").is_some() {
            self.shown.read(&out, &mut |shown| shown.tell(&self.fonts, &mut self.text, sink));
        }
        self.out = out;
        self.out.clear();
    }
}

#[cfg(test)]
mod tests;
