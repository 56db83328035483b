//! HTTP/1 messages as octets: what a client or a server would write.

use std::io::Write;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};

use crate::rng::Rng;

/// A content coding (RFC 9110, section 8.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// gzip, RFC 1952.
    Gzip,
    /// zlib around deflate, RFC 1950.
    Deflate,
}

impl Coding {
    /// The name in `Content-Encoding`.
    pub fn name(self) -> &'static str {
        match self {
            Coding::Gzip => "gzip",
            Coding::Deflate => "deflate",
        }
    }

    /// `bytes` in this coding.
    pub fn encode(self, bytes: &[u8]) -> Vec<u8> {
        let level = Compression::fast();
        match self {
            Coding::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), level);
                encoder.write_all(bytes).and_then(|()| encoder.finish())
            }
            Coding::Deflate => {
                let mut encoder = ZlibEncoder::new(Vec::new(), level);
                encoder.write_all(bytes).and_then(|()| encoder.finish())
            }
        }
        .expect("memory takes every write")
    }
}

/// A request or a response in the making: see [`Message::request`] and [`Message::response`].
///
/// ```
/// use spyhop_testkit::http::{Coding, Message};
/// let login = Message::post("/login").host("a.example").form(&[("user", "alice"), ("password", "ä b")]);
/// assert!(login.bytes().ends_with(b"user=alice&password=%C3%A4+b"));
/// let answer = Message::response(200).json(r#"{"ok":true}"#).coded(Coding::Gzip);
/// assert!(answer.bytes().starts_with(b"HTTP/1.1 200 OK\r\n"));
/// ```
#[derive(Clone, Debug)]
pub struct Message {
    head: String,
    body: Option<Vec<u8>>,
    /// Sizes of chunks are drawn from here.
    chunks: Option<Rng>,
    until_close: bool,
}

impl Message {
    /// A request with this method and target.
    pub fn request(method: &str, target: &str) -> Self {
        Message::begun(format!("{method} {target} HTTP/1.1\r\n"))
    }
    /// A GET.
    pub fn get(target: &str) -> Self {
        Message::request("GET", target)
    }
    /// A POST.
    pub fn post(target: &str) -> Self {
        Message::request("POST", target)
    }
    /// A response with this status.
    pub fn response(status: u16) -> Self {
        Message::begun(format!("HTTP/1.1 {status} {}\r\n", reason(status)))
    }
    fn begun(head: String) -> Self {
        Message { head, body: None, chunks: None, until_close: false }
    }

    /// A header field, as it is.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.head.push_str(name);
        self.head.push_str(": ");
        self.head.push_str(value);
        self.head.push_str("\r\n");
        self
    }
    /// The `Host` field.
    pub fn host(self, host: &str) -> Self {
        self.header("Host", host)
    }
    /// The `User-Agent` field.
    pub fn agent(self, agent: &str) -> Self {
        self.header("User-Agent", agent)
    }
    /// The `Cookie` field.
    pub fn cookie(self, pairs: &str) -> Self {
        self.header("Cookie", pairs)
    }
    /// `Authorization: Bearer`.
    pub fn bearer(self, token: &str) -> Self {
        self.header("Authorization", &format!("Bearer {token}"))
    }
    /// `Authorization: Basic` (RFC 7617).
    pub fn basic(self, user: &str, password: &str) -> Self {
        self.header("Authorization", &format!("Basic {}", base64(format!("{user}:{password}").as_bytes())))
    }
    /// `Connection: keep-alive` or `close`.
    pub fn keep_alive(self, keep: bool) -> Self {
        self.header("Connection", if keep { "keep-alive" } else { "close" })
    }
    /// A JSON body.
    pub fn json(self, body: impl Into<Vec<u8>>) -> Self {
        self.header("Content-Type", "application/json;charset=UTF-8").body(body)
    }
    /// A form body (application/x-www-form-urlencoded).
    pub fn form(self, fields: &[(&str, &str)]) -> Self {
        self.header("Content-Type", "application/x-www-form-urlencoded").body(query(fields))
    }
    /// A body; its media type is up to the caller.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }
    /// Codes the body given before, and says so.
    pub fn coded(self, coding: Coding) -> Self {
        let coded = self.body.as_deref().map(|body| coding.encode(body));
        let mut message = self.header("Content-Encoding", coding.name());
        message.body = coded;
        message
    }
    /// Sends the body in chunks of sizes drawn from `rng` instead of with a length.
    pub fn chunked(mut self, rng: &mut Rng) -> Self {
        self.chunks = Some(rng.fork());
        self
    }
    /// Sends the body without a length: it ends with the connection.
    pub fn until_close(mut self) -> Self {
        self.until_close = true;
        self
    }

    /// The head alone, ended; how the body is framed is up to the header fields given.
    pub fn head(self) -> Vec<u8> {
        [self.head.as_bytes(), b"\r\n"].concat()
    }

    /// The message. A request without a body has no length; a response without one has length zero,
    /// but for 1xx, 204 and 304, which have none (RFC 9110, section 8.6).
    pub fn bytes(self) -> Vec<u8> {
        let Message { head, body, chunks, until_close } = self;
        let mut out = Vec::with_capacity(head.len() + 64 + body.as_ref().map_or(0, |body| body.len() + 64));
        out.extend_from_slice(head.as_bytes());
        let bodiless = ["HTTP/1.1 1", "HTTP/1.1 204", "HTTP/1.1 304"].iter().any(|start| head.starts_with(start));
        match (&body, chunks) {
            (Some(body), Some(mut rng)) => {
                out.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
                chunk(body, &mut rng, &mut out);
                return out;
            }
            (Some(body), None) if !until_close => {
                out.extend_from_slice(format!("Content-Length: {}\r\n", body.len()).as_bytes());
            }
            (None, _) if head.starts_with("HTTP/") && !bodiless && !until_close => {
                out.extend_from_slice(b"Content-Length: 0\r\n");
            }
            _ => {}
        }
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(body.as_deref().unwrap_or_default());
        out
    }
}

/// Writes `body` in chunks of 1 to 8,192 octets, and the last chunk (RFC 9112, section 7.1).
fn chunk(body: &[u8], rng: &mut Rng, out: &mut Vec<u8>) {
    let mut rest = body;
    while !rest.is_empty() {
        // Sizes spread over the powers of two; small bodies still get several chunks.
        let largest = 1u64 << rng.range(4..14);
        let (piece, after) = rest.split_at(rest.len().min(rng.range(largest / 2..largest + 1) as usize));
        rest = after;
        out.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
        out.extend_from_slice(piece);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"0\r\n\r\n");
}

/// The reason phrase of a status (RFC 9110, section 15).
fn reason(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        101 => "Switching Protocols",
        200 => "OK",
        201 => "Created",
        204 => "No Content",
        206 => "Partial Content",
        301 => "Moved Permanently",
        302 => "Found",
        304 => "Not Modified",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        _ => "Unnamed",
    }
}

/// `fields` as `a=1&b=2`, percent-encoded as a form is (URL Standard, section 5.2).
pub fn query(fields: &[(&str, &str)]) -> String {
    let mut out = String::new();
    for (name, value) in fields {
        if !out.is_empty() {
            out.push('&');
        }
        percent_encode(name, &mut out);
        out.push('=');
        percent_encode(value, &mut out);
    }
    out
}

fn percent_encode(text: &str, out: &mut String) {
    for octet in text.bytes() {
        match octet {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'*' => out.push(char::from(octet)),
            b' ' => out.push('+'),
            _ => out.push_str(&format!("%{octet:02X}")),
        }
    }
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Base64 with padding (RFC 4648, section 4).
pub fn base64(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let word = group.iter().fold(0u32, |word, octet| word << 8 | u32::from(*octet)) << (8 * (3 - group.len()));
        for digit in 0..4 {
            let index = word >> (18 - 6 * digit) & 63;
            out.push(if digit > group.len() { '=' } else { char::from(BASE64[index as usize]) });
        }
    }
    out
}

/// Base64 for URLs without padding (RFC 4648, section 5), as in tokens.
pub fn base64url(bytes: &[u8]) -> String {
    base64(bytes).trim_end_matches('=').replace('+', "-").replace('/', "_")
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn text(message: Message) -> String {
        String::from_utf8(message.bytes()).expect("text")
    }

    #[test]
    fn messages_are_framed_as_their_kind_asks() {
        assert_eq!(text(Message::get("/x").host("a.example")), "GET /x HTTP/1.1\r\nHost: a.example\r\n\r\n");
        assert_eq!(text(Message::response(204)), "HTTP/1.1 204 No Content\r\n\r\n");
        assert_eq!(text(Message::response(404)), "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(text(Message::response(200).body("ab")), "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab");
        assert_eq!(text(Message::response(200).body("ab").until_close()), "HTTP/1.1 200 OK\r\n\r\nab");
        assert!(
            text(Message::get("/").basic("Aladdin", "open sesame")).contains("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r")
        );
    }

    #[test]
    fn base64_is_that_of_the_rfc() {
        let vectors = [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")];
        for (plain, coded) in vectors {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
        assert_eq!(base64url(&[0xfb, 0xff]), "-_8");
    }

    #[test]
    fn chunks_hold_the_body() {
        let body: Vec<u8> = (0..30_000).map(|n| n as u8).collect();
        let bytes = Message::response(200).body(body.clone()).chunked(&mut Rng::new(3)).bytes();
        let start = bytes.windows(4).position(|end| end == b"\r\n\r\n").expect("a head") + 4;
        let (mut rest, mut read, mut chunks) = (&bytes[start..], Vec::new(), 0);
        loop {
            let line = rest.iter().position(|octet| *octet == b'\r').expect("a line");
            let size = usize::from_str_radix(std::str::from_utf8(&rest[..line]).expect("text"), 16).expect("a size");
            read.extend_from_slice(&rest[line + 2..line + 2 + size]);
            assert_eq!(&rest[line + 2 + size..line + 4 + size], b"\r\n");
            rest = &rest[line + 4 + size..];
            if size == 0 {
                break;
            }
            chunks += 1;
        }
        assert!(rest.is_empty() && chunks > 3);
        assert_eq!(read, body);
    }

    #[test]
    fn coded_bodies_decode() {
        let body = "spyhop ".repeat(500);
        let mut out = String::new();
        flate2::read::GzDecoder::new(&Coding::Gzip.encode(body.as_bytes())[..]).read_to_string(&mut out).expect("gzip");
        assert_eq!(out, body);
        out.clear();
        flate2::read::ZlibDecoder::new(&Coding::Deflate.encode(body.as_bytes())[..])
            .read_to_string(&mut out)
            .expect("zlib");
        assert_eq!(out, body);
        let message = text_head(Message::response(200).json(body).coded(Coding::Gzip).bytes());
        assert!(message.contains("Content-Encoding: gzip\r\nContent-Length: "));
    }

    fn text_head(bytes: Vec<u8>) -> String {
        let end = bytes.windows(4).position(|end| end == b"\r\n\r\n").expect("a head");
        String::from_utf8(bytes[..end].to_vec()).expect("text")
    }
}
