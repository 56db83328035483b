//! Text in any character set, made UTF-8 on its way to the walkers.
//!
//! A set is chosen by the byte order mark, else the `charset` of the media type, else a declaration in the first
//! [`DECLARED`] bytes (XML 1.0, 4.3.3; HTML, "prescan a byte stream"), else by the bytes themselves. Labels are often
//! wrong, so bytes that can only be UTF-8 are UTF-8 whatever was declared.
//!
//! ```text
//! Beginning ──> UTF-16 ──────────────────────> Decoding
//!     └───────> Open (ASCII passes) ── bytes beyond ASCII ──> Plain | Decoding | Open again
//! ```
//!
//! ASCII is the same in all sets but UTF-16 and passes borrowed. What decides are always the same bytes: the first
//! ones, then windows of [`WINDOW`] bytes from the first that is not ASCII. So the cutting of the input changes nothing.

use std::borrow::Cow;

use encoding_rs::{BIG5, CoderResult, Decoder, Encoding, GB18030, GBK, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// Bytes in which a markup declares its set.
pub const DECLARED: usize = 1024;
/// Bytes from which UTF-16 is told, and whether this is markup at all.
const FIRST: usize = 256;
/// Bytes by which a set is told, from the first byte beyond ASCII.
const WINDOW: usize = 1024;
/// Bytes of UTF-8 that a decoder makes at once.
const OUT: usize = 4096;

/// One body or part on its way to UTF-8. Holds [`DECLARED`] bytes at most.
#[derive(Default)]
pub struct Charset {
    state: State,
    /// What was declared; windows-1252 is what many servers say of anything, so it counts as nothing.
    label: Option<&'static Encoding>,
    held: Vec<u8>,
    out: Vec<u8>,
}

#[derive(Default)]
enum State {
    /// The first bytes are awaited.
    #[default]
    Beginning,
    /// ASCII so far, or too little beyond it to tell.
    Open,
    /// UTF-8, or no text: nothing to do.
    Plain,
    /// Another set.
    Decoding(Box<Decoder>),
    /// UTF-16 after a gap: which byte is the first of a character has to be found again.
    Realign(&'static Encoding),
}

/// What a window of bytes is.
enum Verdict {
    /// UTF-8 for good, or no text.
    Plain,
    /// UTF-8 up to here, but so little of it that nothing follows for the rest.
    PlainUpTo(usize),
    /// Another set for good.
    Set(&'static Encoding),
    /// Single bytes of Western Europe; says nothing of the rest.
    Western,
}

impl Charset {
    /// For a body of that media type, as on the wire.
    pub fn new(content_type: Option<&str>) -> Charset {
        let content_type = content_type.unwrap_or_default();
        let (media, parameters) = content_type.split_once(';').unwrap_or((content_type, ""));
        let media = media.trim().to_ascii_lowercase();
        // Parts have a set each, and messages of bytes none.
        if media.starts_with("multipart/") || media.starts_with("application/grpc") || media.contains("protobuf") {
            return Charset { state: State::Plain, ..Charset::default() };
        }
        Charset { label: parameter(parameters).and_then(believed), ..Charset::default() }
    }

    /// The next bytes.
    pub fn feed(&mut self, bytes: &[u8], emit: &mut impl FnMut(&[u8])) {
        self.step(bytes, false, emit);
    }

    /// Bytes were lost here: what is held goes out; the set stays as it was chosen.
    pub fn gap(&mut self, emit: &mut impl FnMut(&[u8])) {
        self.step(&[], true, emit);
        match &self.state {
            State::Decoding(decoder) => {
                let set = decoder.encoding();
                let is_wide = set == UTF_16LE || set == UTF_16BE;
                self.state = if is_wide { State::Realign(set) } else { decoding(set) };
            }
            State::Beginning | State::Open | State::Plain | State::Realign(_) => {}
        }
    }

    /// The end.
    pub fn finish(&mut self, emit: &mut impl FnMut(&[u8])) {
        self.step(&[], true, emit);
    }

    /// Goes on until all bytes are taken; `last` decides on what there is.
    fn step(&mut self, mut bytes: &[u8], last: bool, emit: &mut impl FnMut(&[u8])) {
        loop {
            match &mut self.state {
                State::Plain => {
                    if !bytes.is_empty() {
                        emit(bytes);
                    }
                    return;
                }
                State::Decoding(decoder) => return decode(decoder, &mut self.out, bytes, last, emit),
                State::Open if self.held.is_empty() => {
                    let (ascii, rest) = bytes.split_at(Encoding::ascii_valid_up_to(bytes));
                    if !ascii.is_empty() {
                        emit(ascii);
                    }
                    bytes = match rest.get(..WINDOW) {
                        Some(window) => {
                            let taken = self.window(window, emit);
                            rest.get(taken..).unwrap_or_default()
                        }
                        None => self.hold(rest, WINDOW),
                    };
                    if bytes.is_empty() && (self.held.is_empty() || !last) {
                        return;
                    }
                }
                State::Open => {
                    bytes = self.hold(bytes, WINDOW);
                    if self.held.len() < WINDOW && !last {
                        return;
                    }
                    let window = std::mem::take(&mut self.held);
                    let taken = self.window(&window, emit);
                    self.step(window.get(taken..).unwrap_or_default(), false, emit);
                }
                State::Beginning => {
                    // Without a copy where the first piece is long enough.
                    if self.held.is_empty() && bytes.len() >= wanted(&[], bytes) {
                        let taken = self.begin(bytes);
                        bytes = bytes.get(taken..).unwrap_or_default();
                        continue;
                    }
                    bytes = self.hold(bytes, wanted(&self.held, bytes));
                    if self.held.len() < wanted(&self.held, &[]) && !last {
                        return;
                    }
                    let first = std::mem::take(&mut self.held);
                    let taken = self.begin(&first);
                    self.step(first.get(taken..).unwrap_or_default(), false, emit);
                }
                State::Realign(set) => {
                    let set = *set;
                    bytes = self.hold(bytes, FIRST);
                    if self.held.len() < FIRST && !last {
                        return;
                    }
                    let first = std::mem::take(&mut self.held);
                    let is_off = utf16(&first).is_some_and(|seen| seen != set);
                    self.state = decoding(set);
                    self.step(first.get(usize::from(is_off)..).unwrap_or_default(), false, emit);
                }
            }
        }
    }

    /// Holds bytes up to `limit` and gives those beyond.
    fn hold<'a>(&mut self, bytes: &'a [u8], limit: usize) -> &'a [u8] {
        let (now, rest) = bytes.split_at(limit.saturating_sub(self.held.len()).min(bytes.len()));
        self.held.extend_from_slice(now);
        rest
    }

    /// Looks at the first bytes; gives how many of them are a byte order mark.
    fn begin(&mut self, bytes: &[u8]) -> usize {
        if let Some((set, length)) = Encoding::for_bom(bytes) {
            self.state = if set == UTF_8 { State::Plain } else { decoding(set) };
            return length;
        }
        let first = bytes.get(..FIRST).unwrap_or(bytes);
        let label = self.label.take();
        let is_wide = label.is_some_and(|label| label == UTF_16LE || label == UTF_16BE);
        if let Some(set) = utf16(first).or(label.filter(|_| is_wide && Utf8::of(first).wrong > 0)) {
            self.state = decoding(set);
            return 0;
        }
        self.label = label.filter(|_| !is_wide).or_else(|| {
            let markup = is_markup(first).then(|| bytes.get(..DECLARED).unwrap_or(bytes))?;
            declared(markup).and_then(believed)
        });
        self.state = match self.label {
            // Sets in which bytes of ASCII are something else (ISO 2022).
            Some(set) if !set.is_ascii_compatible() => decoding(set),
            _ => State::Open,
        };
        0
    }

    /// Looks at a window that begins beyond ASCII; gives how many of its bytes went out.
    fn window(&mut self, window: &[u8], emit: &mut impl FnMut(&[u8])) -> usize {
        match verdict(self.label, window) {
            Verdict::Plain => self.state = State::Plain,
            Verdict::Set(set) => self.state = decoding(set),
            Verdict::PlainUpTo(end) => {
                let good = window.get(..end).unwrap_or(window);
                if !good.is_empty() {
                    emit(good);
                }
                return good.len();
            }
            Verdict::Western => {
                decode(&mut WINDOWS_1252.new_decoder_without_bom_handling(), &mut self.out, window, true, emit);
                return window.len();
            }
        }
        0
    }
}

fn decoding(set: &'static Encoding) -> State {
    State::Decoding(Box::new(set.new_decoder_without_bom_handling()))
}

fn decode(decoder: &mut Decoder, out: &mut Vec<u8>, bytes: &[u8], last: bool, emit: &mut impl FnMut(&[u8])) {
    out.resize(OUT, 0);
    let mut rest = bytes;
    loop {
        let (result, read, written, _) = decoder.decode_to_utf8(rest, out, last);
        if let Some(text) = out.get(..written).filter(|text| !text.is_empty()) {
            emit(text);
        }
        rest = rest.get(read..).unwrap_or_default();
        if result == CoderResult::InputEmpty {
            if last {
                // A decoder that was told of the end takes nothing more.
                *decoder = decoder.encoding().new_decoder_without_bom_handling();
            }
            return;
        }
    }
}

/// How many first bytes are wanted: markup may declare its set further on.
fn wanted(held: &[u8], more: &[u8]) -> usize {
    let mut first = held.iter().chain(more).take(FIRST);
    let sign = first.by_ref().find(|byte| !byte.is_ascii_whitespace());
    let is_enough = held.len() + more.len() >= FIRST;
    if is_enough && sign != Some(&b'<') { FIRST } else { DECLARED }
}

fn is_markup(first: &[u8]) -> bool {
    first.trim_ascii_start().first() == Some(&b'<')
}

/// A declared set that may decide: `ISO-8859-1` and its kin are defaults of servers that know nothing.
fn believed(label: &str) -> Option<&'static Encoding> {
    let set = Encoding::for_label_no_replacement(label.as_bytes())?;
    // What is called GBK holds characters of GB 18030.
    Some(if set == GBK { GB18030 } else { set }).filter(|set| *set != WINDOWS_1252)
}

/// The `charset` of a media type (RFC 9110, 8.3.2).
fn parameter(parameters: &str) -> Option<&str> {
    parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches(['"', '\'']))
    })
}

/// What an XML declaration or a `<meta>` element says.
fn declared(markup: &[u8]) -> Option<&str> {
    let markup = markup.trim_ascii_start();
    if markup.get(..5).is_some_and(|start| start.eq_ignore_ascii_case(b"<?xml")) {
        let end = memchr::memchr(b'>', markup)?;
        return after(markup.get(..end)?, b"encoding");
    }
    let mut rest = markup;
    while let Some(at) = memchr::memchr(b'<', rest) {
        rest = rest.get(at + 1..)?;
        if rest.get(..4).is_some_and(|name| name.eq_ignore_ascii_case(b"meta")) {
            let end = memchr::memchr(b'>', rest).unwrap_or(rest.len());
            // A page that declares UTF-16 in ASCII is in UTF-8.
            let set = after(rest.get(..end)?, b"charset");
            if let Some(set) = set {
                return Some(if set.to_ascii_lowercase().starts_with("utf-16") { "utf-8" } else { set });
            }
        }
    }
    None
}

/// The word after `name=`, with or without quotes.
fn after<'a>(text: &'a [u8], name: &[u8]) -> Option<&'a str> {
    let at = text.windows(name.len()).position(|word| word.eq_ignore_ascii_case(name))?;
    let value = text.get(at + name.len()..)?.trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
    let value = value.strip_prefix(b"\"").or_else(|| value.strip_prefix(b"'")).unwrap_or(value);
    let end = value.iter().position(|b| b.is_ascii_whitespace() || matches!(b, b'"' | b'\'' | b';' | b'/' | b'?'));
    std::str::from_utf8(value.get(..end.unwrap_or(value.len()))?).ok().filter(|word| !word.is_empty())
}

/// Bytes read as UTF-8.
#[derive(Debug, Default)]
struct Utf8 {
    /// Characters of three and four bytes: by accident there are none.
    long: usize,
    /// Bytes or beginnings of characters that are no UTF-8.
    wrong: usize,
    /// End of what is good before a character that is cut off at the end.
    whole: usize,
}

impl Utf8 {
    fn of(bytes: &[u8]) -> Utf8 {
        let (mut seen, mut at) = (Utf8::default(), 0);
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            let (good, skip) = match std::str::from_utf8(rest) {
                Ok(text) => (text.len(), 0),
                Err(wrong) => (wrong.valid_up_to(), wrong.error_len().unwrap_or(0)),
            };
            seen.long += rest.iter().take(good).filter(|byte| **byte >= 0xE0).count();
            seen.wrong += usize::from(skip > 0);
            at += good + skip;
            if skip == 0 {
                break;
            }
        }
        seen.whole = at;
        seen
    }
}

/// What a window is that begins beyond ASCII.
fn verdict(label: Option<&'static Encoding>, window: &[u8]) -> Verdict {
    let utf8 = Utf8::of(window);
    let other = label.filter(|label| *label != UTF_8);
    if utf8.wrong == 0 && utf8.whole > 0 {
        return match other {
            _ if utf8.long > 0 => Verdict::Plain,
            // Pairs of bytes that are UTF-8 by accident are frequent in Chinese sets.
            Some(set) if !set.is_single_byte() => Verdict::Set(set),
            _ => Verdict::PlainUpTo(utf8.whole),
        };
    }
    // Some broken bytes make no other set; in a short Chinese text a long character may be an accident.
    if utf8.long > utf8.wrong * 2 || is_binary(window) {
        return Verdict::Plain;
    }
    match other.or_else(|| guess(window)) {
        Some(set) => Verdict::Set(set),
        None if label == Some(UTF_8) => Verdict::Plain,
        None => Verdict::Western,
    }
}

/// Whether control characters stand in it as no text has them.
fn is_binary(window: &[u8]) -> bool {
    let controls = window.iter().filter(|b| **b < 0x20 && !matches!(b, b'\t' | b'\n' | b'\r' | 0x0C | 0x1B)).count();
    window.contains(&0) || controls * 64 > window.len()
}

/// UTF-16 without a mark: letters and signs of ASCII have a byte 0 each, always on the same side.
fn utf16(first: &[u8]) -> Option<&'static Encoding> {
    memchr::memchr(0, first)?;
    let reads = |unit: fn([u8; 2]) -> u16| {
        let (mut all, mut ascii, mut likely) = (0usize, 0usize, 0usize);
        for pair in first.chunks_exact(2) {
            let unit = unit([pair.first().copied().unwrap_or(0), pair.get(1).copied().unwrap_or(0)]);
            let is_ascii = matches!(unit, 0x20..=0x7E | 0x09 | 0x0A | 0x0D);
            let is_text = matches!(unit, 0xA0..=0x5FF | 0x2000..=0x20FF | 0x3000..=0x30FF | 0x4E00..=0x9FFF | 0xAC00..=0xDFFF | 0xFF00..=0xFFEF);
            all += 1;
            ascii += usize::from(is_ascii);
            likely += usize::from(is_ascii || is_text);
        }
        all >= 2 && likely * 20 >= all * 19 && ascii * 10 >= all
    };
    if reads(u16::from_le_bytes) { Some(UTF_16LE) } else { reads(u16::from_be_bytes).then_some(UTF_16BE) }
}

/// Points of a text from which a Chinese set is believed.
const LIKELY: usize = 60;

/// A Chinese set in which the bytes are frequent characters.
fn guess(window: &[u8]) -> Option<&'static Encoding> {
    // Rows of frequent characters, of rarer ones; GB 2312 orders the former by sound, Big5 by strokes.
    let gb = pairs(window, |lead, trail| match (lead, trail) {
        (0xA1..=0xA3 | 0xB0..=0xD7, 0xA1..=0xFE) => Some(100),
        (0xD8..=0xF7, 0xA1..=0xFE) => Some(50),
        (_, 0x40..=0x7E | 0x80..=0xFE) => Some(0),
        _ => None,
    });
    let big5 = pairs(window, |lead, trail| match (lead, trail) {
        (0xA1..=0xC6, 0x40..=0x7E | 0xA1..=0xFE) => Some(100),
        (0xC9..=0xF9, 0x40..=0x7E | 0xA1..=0xFE) => Some(40),
        (_, 0x40..=0x7E | 0xA1..=0xFE) => Some(0),
        _ => None,
    });
    match (gb, big5) {
        (gb, big5) if gb >= LIKELY && gb >= big5 => Some(GB18030),
        (_, big5) if big5 >= LIKELY => Some(BIG5),
        _ => None,
    }
}

/// The mean of the points of all pairs; 0 where more than a few bytes are no pair.
fn pairs(window: &[u8], points: impl Fn(u8, u8) -> Option<usize>) -> usize {
    let (mut count, mut sum, mut wrong, mut at) = (0usize, 0usize, 0usize, 0usize);
    while let Some(lead) = window.get(at).copied() {
        let Some(trail) = window.get(at + 1).copied() else {
            // Half a character at the end of the window, or a stray byte at the end of a short text.
            wrong += usize::from(lead >= 0x80 && count == 0);
            break;
        };
        at += match (lead, points(lead, trail)) {
            (..=0x80, _) => 1,
            (0x81..=0xFE, Some(points)) => {
                count += 1;
                sum += points;
                2
            }
            _ => {
                wrong += 1;
                1
            }
        };
    }
    if wrong * 32 > count || count == 0 { 0 } else { sum / count }
}

/// Text of bytes that stand alone: a header field, a percent-decoded name, a value that no body declares. What is
/// neither UTF-8 nor a Chinese set becomes U+FFFD.
pub fn text(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => match chinese(bytes) {
            Some(set) => set.decode_without_bom_handling(bytes).0,
            None => String::from_utf8_lossy(bytes),
        },
    }
}

/// The Chinese set of bytes that are no UTF-8.
pub(crate) fn chinese(bytes: &[u8]) -> Option<&'static Encoding> {
    let first = bytes.get(..WINDOW).unwrap_or(bytes);
    match verdict(None, first) {
        Verdict::Set(set) => Some(set),
        _ => None,
    }
}

/// The characters of bytes in a Chinese set, each with its offset.
pub(crate) fn characters<'a>(
    set: &'static Encoding,
    bytes: &'a [u8],
) -> impl Iterator<Item = (usize, Cow<'a, str>)> + 'a {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at;
        let lead = *bytes.get(start)?;
        let length = match (lead, bytes.get(start + 1)) {
            (0x81..=0xFE, Some(b'0'..=b'9')) if set == GB18030 => 4,
            (0x81..=0xFE, Some(0x40..)) => 2,
            _ => 1,
        };
        at = (start + length).min(bytes.len());
        let one = bytes.get(start..at)?;
        Some((start, set.decode_without_bom_handling(one).0))
    })
}

#[cfg(test)]
mod tests;
