//! HTTP/2 as octets (RFC 9113): frames, and header blocks without Huffman coding (RFC 7541), well formed or not as the
//! caller likes. Nothing here keeps state: what stands in the dynamic table is up to the caller.
//!
//! ```
//! use spyhop_testkit::{Conversation, http2};
//! let fields = [("content-type", "application/json")];
//! let frames = Conversation::new("10.0.0.8:40000", "10.0.0.1:80")
//!     .client([http2::PREFACE, &http2::settings(&[]), &http2::request(1, "GET", "a.example", "/x", &[], b"")].concat())
//!     .server([http2::settings(&[]), http2::settings_ack(), http2::response(1, 200, &fields, b"{}")].concat())
//!     .frames();
//! assert_eq!(frames.len(), 5);
//! ```

/// What a client begins with (RFC 9113, section 3.4); SETTINGS follow.
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The largest frame payload unless SETTINGS say otherwise (RFC 9113, section 4.2).
pub const LARGEST: usize = 16_384;

/// Frame types (RFC 9113, section 6).
pub mod kind {
    /// A body's octets.
    pub const DATA: u8 = 0;
    /// A header block begins.
    pub const HEADERS: u8 = 1;
    /// Advice that has been withdrawn.
    pub const PRIORITY: u8 = 2;
    /// A stream is given up.
    pub const RST_STREAM: u8 = 3;
    /// What the sender can take.
    pub const SETTINGS: u8 = 4;
    /// A request that the server makes on the client's behalf.
    pub const PUSH_PROMISE: u8 = 5;
    /// A sign of life.
    pub const PING: u8 = 6;
    /// No further streams.
    pub const GOAWAY: u8 = 7;
    /// More may be sent.
    pub const WINDOW_UPDATE: u8 = 8;
    /// A header block goes on.
    pub const CONTINUATION: u8 = 9;
}

/// Flag of DATA and HEADERS: the last frame of its side on the stream.
pub const END_STREAM: u8 = 1;
/// Flag of SETTINGS and PING: it answers one.
pub const ACKNOWLEDGED: u8 = 1;
/// Flag of HEADERS, PUSH_PROMISE and CONTINUATION: the header block ends here.
pub const END_HEADERS: u8 = 4;
/// Flag of DATA and HEADERS: padding follows.
pub const PADDED: u8 = 8;
/// Flag of HEADERS: it begins with a priority.
pub const PRIORITIZED: u8 = 32;

/// A frame. `payload` may be of any length that 24 bits can say; what is longer is cut.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let payload = &payload[..payload.len().min(0xff_ffff)];
    let mut out = Vec::with_capacity(9 + payload.len());
    out.extend_from_slice(&(payload.len() as u32).to_be_bytes()[1..]);
    out.extend_from_slice(&[kind, flags]);
    out.extend_from_slice(&stream.to_be_bytes());
    out.extend_from_slice(payload);
    out
}

/// SETTINGS with these identifiers and values.
pub fn settings(values: &[(u16, u32)]) -> Vec<u8> {
    let mut payload = Vec::new();
    for (identifier, value) in values {
        payload.extend_from_slice(&identifier.to_be_bytes());
        payload.extend_from_slice(&value.to_be_bytes());
    }
    frame(kind::SETTINGS, 0, 0, &payload)
}

/// Takes the other side's SETTINGS.
pub fn settings_ack() -> Vec<u8> {
    frame(kind::SETTINGS, ACKNOWLEDGED, 0, &[])
}

/// A whole header block, in CONTINUATION frames where it is too long for one; `flags` are those of HEADERS besides
/// END_HEADERS.
pub fn headers(stream: u32, flags: u8, block: &[u8]) -> Vec<u8> {
    let mut pieces = block.chunks(LARGEST).peekable();
    let first = pieces.next().unwrap_or_default();
    let ends = |more: bool| if more { 0 } else { END_HEADERS };
    let mut out = frame(kind::HEADERS, flags | ends(pieces.peek().is_some()), stream, first);
    while let Some(piece) = pieces.next() {
        out.extend(frame(kind::CONTINUATION, ends(pieces.peek().is_some()), stream, piece));
    }
    out
}

/// A body in DATA frames, the last of which ends the stream if `end`.
pub fn data(stream: u32, body: &[u8], end: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len() + 32);
    let mut pieces = body.chunks(LARGEST).peekable();
    if pieces.peek().is_none() && end {
        return frame(kind::DATA, END_STREAM, stream, &[]);
    }
    while let Some(piece) = pieces.next() {
        let last = end && pieces.peek().is_none();
        out.extend(frame(kind::DATA, if last { END_STREAM } else { 0 }, stream, piece));
    }
    out
}

/// Gives a stream up; `code` as in RFC 9113, section 7 (8 is CANCEL).
pub fn rst_stream(stream: u32, code: u32) -> Vec<u8> {
    frame(kind::RST_STREAM, 0, stream, &code.to_be_bytes())
}

/// No stream after `last` will be handled.
pub fn goaway(last: u32, code: u32) -> Vec<u8> {
    frame(kind::GOAWAY, 0, 0, &[last.to_be_bytes(), code.to_be_bytes()].concat())
}

/// A request with its body, without use of the dynamic table.
pub fn request(
    stream: u32,
    method: &str,
    authority: &str,
    path: &str,
    fields: &[(&str, &str)],
    body: &[u8],
) -> Vec<u8> {
    let pseudo = [(":method", method), (":scheme", "http"), (":authority", authority), (":path", path)];
    message(stream, pseudo.iter().chain(fields), body)
}

/// A response with its body, without use of the dynamic table.
pub fn response(stream: u32, status: u16, fields: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let status = status.to_string();
    message(stream, [(":status", status.as_str())].iter().chain(fields), body)
}

fn message<'a>(stream: u32, fields: impl Iterator<Item = &'a (&'a str, &'a str)>, body: &[u8]) -> Vec<u8> {
    let block = fields.fold(Block::new(), |block, (name, value)| block.literal(name, value)).bytes();
    let mut out = headers(stream, if body.is_empty() { END_STREAM } else { 0 }, &block);
    if !body.is_empty() {
        out.extend(data(stream, body, true));
    }
    out
}

/// A header block in the making (RFC 7541, section 6). Index 1 to 61 is the static table, 62 the newest entry of the
/// dynamic one.
#[derive(Clone, Debug, Default)]
pub struct Block(Vec<u8>);

impl Block {
    /// No field yet.
    pub fn new() -> Block {
        Block::default()
    }

    /// A field that stands in a table (section 6.1).
    pub fn indexed(mut self, index: usize) -> Block {
        integer(&mut self.0, 0x80, 7, index);
        self
    }

    /// A field with a name of its own, not to be remembered (section 6.2.2).
    pub fn literal(mut self, name: &str, value: &str) -> Block {
        self.0.push(0);
        text(&mut self.0, name.as_bytes());
        text(&mut self.0, value.as_bytes());
        self
    }

    /// A field whose name stands in a table, not to be remembered.
    pub fn named(mut self, index: usize, value: &str) -> Block {
        integer(&mut self.0, 0, 4, index);
        text(&mut self.0, value.as_bytes());
        self
    }

    /// A field that is added to the dynamic table (section 6.2.1).
    pub fn remembered(mut self, name: &str, value: &str) -> Block {
        self.0.push(0x40);
        text(&mut self.0, name.as_bytes());
        text(&mut self.0, value.as_bytes());
        self
    }

    /// A new size for the dynamic table (section 6.3).
    pub fn table_size(mut self, size: usize) -> Block {
        integer(&mut self.0, 0x20, 5, size);
        self
    }

    /// The block's octets.
    pub fn bytes(self) -> Vec<u8> {
        self.0
    }
}

/// An integer whose first octet has `prefix` bits for it (section 5.1).
fn integer(out: &mut Vec<u8>, first: u8, prefix: u8, value: usize) {
    let most = (1usize << prefix) - 1;
    if value < most {
        out.push(first | value as u8);
        return;
    }
    out.push(first | most as u8);
    let mut rest = value - most;
    while rest >= 128 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

/// A text as it is (section 5.2).
fn text(out: &mut Vec<u8>, text: &[u8]) {
    integer(out, 0, 7, text.len());
    out.extend_from_slice(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_blocks_are_those_of_the_rfc() {
        // RFC 7541, sections C.1 and C.2.
        let of = |value| {
            let mut out = Vec::new();
            integer(&mut out, 0, 5, value);
            out
        };
        assert_eq!((of(10), of(1337)), (vec![10], vec![31, 154, 10]));
        let remembered = Block::new().remembered("custom-key", "custom-header").bytes();
        assert_eq!(remembered, b"\x40\x0acustom-key\x0dcustom-header");
        assert_eq!(Block::new().named(4, "/sample/path").bytes(), b"\x04\x0c/sample/path");
        assert_eq!(Block::new().indexed(2).table_size(0).bytes(), [0x82, 0x20]);
    }

    #[test]
    fn frames_say_their_length_and_blocks_go_on() {
        assert_eq!(rst_stream(5, 8), [0, 0, 4, 3, 0, 0, 0, 0, 5, 0, 0, 0, 8]);
        assert_eq!(settings(&[(3, 100)]), [0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 100]);
        let long = headers(1, END_STREAM, &vec![0x82; LARGEST + 1]);
        assert_eq!(long[..9], [0, 0x40, 0, 1, 1, 0, 0, 0, 1]);
        assert_eq!(long[9 + LARGEST..], [0, 0, 1, 9, 4, 0, 0, 0, 1, 0x82]);
        assert_eq!(data(1, b"", true).len() + data(3, b"x", false).len(), 9 + 10);
        let answer = response(1, 204, &[], b"");
        assert_eq!(answer[..9], [0, 0, 13, 1, 5, 0, 0, 0, 1]);
    }
}
