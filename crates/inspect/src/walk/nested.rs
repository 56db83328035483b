//! A document within a value: JSON as it is, or in Base64 (RFC 4648, sections 4 and 5), as the parts of a token are
//! (RFC 7519).
//!
//! JSON takes the value's place and stands under its path. What is coded stands under the path with a mark
//! (`$.token<jwt>.phone`, `$.data<base64>.phone`), and the value itself is a leaf as well.

use super::decode::{Cut, Pieces, text};
use super::field::begins_json;
use super::protobuf::is_text;
use super::{Json, Leaf, LeafKind, LeafSink, Piece};

/// Documents within documents that are walked: this many below the outermost.
pub(super) const DEEPEST: u8 = 2;
/// Characters from which a value may be Base64 of something worth a look.
const SHORTEST: usize = 16;
/// Characters by which is told what they are Base64 of; a multiple of four.
const LOOK: usize = 48;

/// What one value after another holds.
#[derive(Default)]
pub(super) struct Nested {
    json: Option<Box<Json>>,
    within: Within,
    part: Part,
    /// Bits that do not make a byte yet, and how many.
    bits: (u32, u8),
    decoded: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Within {
    #[default]
    Nothing,
    Json,
    /// Parts of Base64 with points between.
    Base64,
}

/// A part of a token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Part {
    #[default]
    Unknown,
    Json,
    /// A signature, or no Base64.
    Other,
}

impl Nested {
    /// Looks at the first piece of a value; whether there is a document in it, which has to be begun.
    pub fn look(&mut self, cut: &Cut<'_>) -> bool {
        self.within = if begins_json(cut.bytes, cut.last) {
            Within::Json
        } else if begins_base64(cut.bytes) {
            Within::Base64
        } else {
            Within::Nothing
        };
        self.within != Within::Nothing
    }

    /// Begins the document of a value with that path and name, `level` documents down, after so many records.
    pub fn begin(&mut self, first: &Cut<'_>, path: &str, key: &str, level: u8, records: u32) {
        let json = self.json.get_or_insert_default();
        match self.within {
            Within::Base64 => {
                let mark = if memchr::memchr(b'.', first.bytes).is_some() { "<jwt>" } else { "<base64>" };
                json.restart(&format!("{path}{mark}"), key, level, records);
                (self.part, self.bits) = (Part::Unknown, (0, 0));
            }
            _ => json.restart(path, key, level, records),
        }
    }

    /// Whether the document takes the value's place.
    pub fn replaces(&self) -> bool {
        self.within == Within::Json
    }

    /// The next piece; after the last, how many records there are now.
    pub fn push<S: LeafSink>(&mut self, cut: &Cut<'_>, sink: &mut S) -> Option<u32> {
        match self.within {
            Within::Nothing => return None,
            Within::Json => self.json.get_or_insert_default().feed(cut.bytes, sink),
            Within::Base64 => self.decode(cut.bytes, sink),
        }
        if !cut.last {
            return None;
        }
        self.within = Within::Nothing;
        let json = self.json.get_or_insert_default();
        json.finish(sink);
        Some(json.records())
    }

    fn decode<S: LeafSink>(&mut self, bytes: &[u8], sink: &mut S) {
        for (at, part) in bytes.split(|byte| *byte == b'.').enumerate() {
            if at > 0 {
                self.json.get_or_insert_default().finish(sink);
                (self.part, self.bits) = (Part::Unknown, (0, 0));
            }
            if self.part == Part::Other {
                continue;
            }
            let mut decoded = std::mem::take(&mut self.decoded);
            decoded.clear();
            let whole = sextets(part, &mut self.bits, &mut decoded);
            if self.part == Part::Unknown && !decoded.is_empty() {
                self.part = if begins_json(&decoded, false) { Part::Json } else { Part::Other };
            }
            if self.part == Part::Json {
                self.json.get_or_insert_default().feed(&decoded, sink);
            }
            self.decoded = decoded;
            if !whole {
                self.part = Part::Other;
            }
        }
    }
}

/// Decodes either alphabet up to padding or what is none of it; whether all was taken. Line breaks are passed over. A
/// space is what becomes of a plus in a form.
fn sextets(coded: &[u8], bits: &mut (u32, u8), out: &mut Vec<u8>) -> bool {
    for byte in coded {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' | b' ' => 62,
            b'/' | b'_' => 63,
            b'\r' | b'\n' => continue,
            _ => return false,
        };
        *bits = (bits.0 << 6 | u32::from(value), bits.1 + 6);
        if bits.1 >= 8 {
            bits.1 -= 8;
            out.push((bits.0 >> bits.1) as u8);
            bits.0 &= (1 << bits.1) - 1;
        }
    }
    true
}

/// Whether a value may hold a document, by its first bytes: a quick look before names are put together.
#[inline]
pub(super) fn may_nest(value: &[u8]) -> bool {
    match value {
        [b'{' | b'[' | b' ' | b'\t' | b'\r' | b'\n', ..] => true,
        [b'e' | b'W', ..] => is_likely_base64(value),
        _ => false,
    }
}

/// Whether the first two characters of a value are those of Base64 of `{` or `[` and what may follow: a quote, a
/// bracket, white space, a digit.
fn is_likely_base64(value: &[u8]) -> bool {
    value.len() >= SHORTEST
        && matches!(value, [b'e', b'w' | b'y' | b'3', ..] | [b'W', b'1' | b'3' | b'w' | b'y' | b'z', ..])
}

/// Whether a value begins like Base64 of a JSON object or array.
fn begins_base64(value: &[u8]) -> bool {
    if !is_likely_base64(value) {
        return false;
    }
    let first = value.split(|byte| *byte == b'.').next().unwrap_or_default();
    let mut decoded = Vec::with_capacity(LOOK);
    sextets(first.get(..LOOK).unwrap_or(first), &mut (0, 0), &mut decoded);
    begins_json(&decoded, false) && is_text(&decoded, false)
}

/// A value with its names: gathered in pieces, handed on as a leaf or as the document in it.
#[derive(Default)]
pub(super) struct Value {
    pieces: Pieces,
    nested: Nested,
}

/// The names of a value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Names<'a> {
    pub key: &'a str,
    pub parent: &'a str,
    pub path: &'a str,
    pub record: u32,
}

impl Value {
    /// Nothing was pushed since the last end.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// The next bytes. `records` counts on through documents in values.
    pub fn push<S: LeafSink>(&mut self, bytes: &[u8], names: &Names<'_>, records: &mut u32, sink: &mut S) {
        let Value { pieces, nested } = self;
        pieces.push(bytes, &mut |cut| piece(nested, names, &cut, records, sink));
    }

    /// The end.
    pub fn end<S: LeafSink>(&mut self, names: &Names<'_>, records: &mut u32, sink: &mut S) {
        let Value { pieces, nested } = self;
        pieces.finish(&mut |cut| piece(nested, names, &cut, records, sink));
    }

    /// A whole value at once.
    pub fn whole<S: LeafSink>(&mut self, value: &[u8], names: &Names<'_>, records: &mut u32, sink: &mut S) {
        if value.len() > super::PIECE {
            self.push(value, names, records, sink);
            return self.end(names, records, sink);
        }
        piece(&mut self.nested, names, &Cut { bytes: value, first: true, last: true }, records, sink);
    }
}

fn piece<S: LeafSink>(nested: &mut Nested, names: &Names<'_>, cut: &Cut<'_>, records: &mut u32, sink: &mut S) {
    if cut.first && nested.look(cut) {
        nested.begin(cut, names.path, names.key, 1, *records);
    }
    if !nested.replaces() {
        let piece = Piece::of(cut);
        if piece != Piece::Whole || sink.wants(names.key.as_bytes(), cut.bytes, LeafKind::Text) {
            let Names { key, parent, path, record } = *names;
            let value = &text(cut.bytes);
            sink.leaf(&Leaf { key, parent, path, value, kind: LeafKind::Text, record, piece });
        }
    }
    if let Some(now) = nested.push(cut, sink) {
        *records = now;
    }
}

#[cfg(test)]
mod tests {
    use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD, Engine};

    use super::super::{Structure, testing::lines};

    #[test]
    fn base64_of_json_is_walked_beside_the_value() {
        let coded = BASE64_STANDARD.encode(r#"{"phone":"13912345678","list":[{"name":"张三"}]}"#);
        let body = format!(r#"{{"data":"{coded}","n":1}}"#);
        let got = lines(&Structure::Json, body.as_bytes());
        let leaf = format!("$.data|data||{coded}|0");
        assert_eq!(
            got,
            [
                &*leaf,
                "$.data<base64>.phone|phone|data|13912345678|1",
                "$.data<base64>.list[*].name|name|list|张三|2",
                "$.n|n||1|0",
            ]
        );
    }

    #[test]
    fn the_parts_of_a_token_are_walked_but_for_its_signature() {
        let part = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
        let token = format!("{}.{}.c2lnbmF0dXJl", part(r#"{"alg":"HS256"}"#), part(r#"{"phone":"13912345678"}"#));
        let got = lines(&Structure::Json, format!(r#"{{"token":"{token}"}}"#).as_bytes());
        assert_eq!(got[1..], ["$.token<jwt>.alg|alg|token|HS256|1", "$.token<jwt>.phone|phone|token|13912345678|2"]);
        let got = lines(&Structure::Form, format!("id_token={token}&x=1").as_bytes());
        assert_eq!(got[2], "id_token<jwt>.phone|phone|id_token|13912345678|1");
        assert_eq!(got.len(), 4);
    }

    #[test]
    fn long_and_broken_base64() {
        let inner: String = (0..2000).map(|n| format!(r#"{{"n":"value {n}"}},"#)).collect();
        let coded = BASE64_STANDARD.encode(format!("[{inner}0]"));
        let got = lines(&Structure::Json, format!(r#"["{coded}"]"#).as_bytes());
        assert_eq!(got.iter().filter(|line| line.starts_with("$[*]<base64>[*].n|")).count(), 2000);
        // What only looks like it is a value as before.
        for value in ["eyJhbGciOi", "eyJ!!!!!!!!!!!!!!!!!!!", "Wz0000000000000000000000", "ewAAAAAAAAAAAAAAAAAAAA=="] {
            let got = lines(&Structure::Json, format!(r#"["{value}"]"#).as_bytes());
            assert_eq!(got, [format!("$[*]|||{value}|0")]);
        }
        let cut = &coded[..44];
        let got = lines(&Structure::Json, format!(r#"["{cut}*"]"#).as_bytes());
        assert_eq!(got[1..], ["$[*]<base64>[*].n|n||value 0|2", "$[*]<base64>[*].n|n||value 1|3"]);
    }

    #[test]
    fn documents_are_walked_two_levels_down() {
        let json = |value: &str| format!(r#"{{"in":{}}}"#, serde_json::to_string(value).expect("text"));
        let body = json(&json(&json(&json("x"))));
        assert_eq!(lines(&Structure::Json, body.as_bytes()), [r#"$.in.in.in|in|in|{"in":"x"}|2"#]);
    }
}
