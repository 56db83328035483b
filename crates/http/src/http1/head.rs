//! Heads of HTTP/1 messages: where they end, what they say, and what a lenient recipient makes of a bad one.
//!
//! A whole head is given to `httparse`; what that refuses, our own reader takes apart as recipients in the field do,
//! and says what was wrong.

use std::mem::MaybeUninit;

use memchr::{memchr, memchr2};

use crate::coding::Codings;
use crate::head::{Field, RequestHead, ResponseHead};
use crate::inspection::Defects;

/// Who sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Client,
    Server,
}

/// Fields that are read without an allocation.
const FEW: usize = 64;
/// Fields that are read at all.
pub(crate) const MANY: usize = 256;

/// Looks for the end of a head as its bytes arrive; no byte is looked at twice (but for a CR at the end).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Scan {
    at: usize,
    line: usize,
    /// Length of the start line with its end, once that was seen.
    pub(crate) first: usize,
    /// Length of all whole lines seen.
    pub(crate) lines: usize,
    /// A line was ended by a bare LF or CR.
    pub(crate) bare: bool,
}

impl Scan {
    /// Goes on over `head` (which has only grown since the last call); its length, once the empty line was seen.
    pub(crate) fn advance(&mut self, head: &[u8]) -> Option<usize> {
        while let Some(found) = memchr2(b'\n', b'\r', head.get(self.at..)?) {
            let at = self.at + found;
            let (end, bare) = match (head.get(at), head.get(at + 1), head.get(at + 2)) {
                (Some(b'\n'), ..) => (at + 1, true),
                (_, Some(b'\n'), _) => (at + 2, false),
                (_, Some(b'\r'), Some(b'\n')) => (at + 3, true),
                // Two CRs and something else: an empty line, but only where all lines end by CR alone. Elsewhere a bare
                // CR ends nothing (RFC 9112, section 2.2).
                (_, Some(b'\r'), Some(_)) if at > 0 && self.first == 0 => {
                    self.bare = true;
                    (self.first, self.lines) = (at + 1, at + 2);
                    return Some(at + 2);
                }
                (_, None, _) | (_, Some(b'\r'), None) => {
                    self.at = at;
                    return None;
                }
                // A bare CR within a line; the lenient reader looks whether a field begins after it.
                _ => {
                    self.bare = true;
                    // A line of CRs alone is an empty one.
                    self.line = if self.line == at { at + 1 } else { self.line };
                    self.at = at + 1;
                    continue;
                }
            };
            let empty = at == self.line;
            self.bare |= bare;
            (self.at, self.line, self.lines) = (end, end, end);
            if self.first == 0 {
                self.first = end;
            } else if empty {
                return Some(end);
            }
        }
        self.at = head.len();
        None
    }
}

/// A start line of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RequestLine<'a> {
    pub(crate) method: &'a [u8],
    pub(crate) target: &'a [u8],
    /// (0, 9) where there was none, as in a simple request.
    pub(crate) version: (u8, u8),
    odd: bool,
}

/// Reads a request line: a token, a target (everything between the first and the last space), a version. Without a
/// version only `GET` and a target that looks like one make a simple request (RFC 1945, section 5).
pub(crate) fn request_line(line: &[u8]) -> Option<RequestLine<'_>> {
    let line = line.trim_ascii_end();
    let space = line.iter().position(|byte| matches!(byte, b' ' | b'\t'))?;
    let (method, rest) = line.split_at_checked(space)?;
    if method.is_empty() || method.len() > 64 || !method.iter().copied().all(is_token) {
        return None;
    }
    let odd_method = !method.iter().all(|byte| byte.is_ascii_uppercase() || matches!(byte, b'-' | b'_'));
    let rest_trimmed = rest.trim_ascii();
    let last = rest_trimmed.iter().rposition(|byte| matches!(byte, b' ' | b'\t'));
    let (target, tail) = match last {
        Some(last) => (rest_trimmed.get(..last)?.trim_ascii_end(), rest_trimmed.get(last + 1..)?),
        None => (&b""[..], rest_trimmed),
    };
    match version(tail) {
        Some((number, plain)) => {
            let single = rest.len() == target.len() + tail.len() + 2 && !target.is_empty();
            let clean = !target.iter().any(|byte| matches!(byte, b' ' | b'\t')) && line.get(space) == Some(&b' ');
            Some(RequestLine { method, target, version: number, odd: odd_method || !(plain && single && clean) })
        }
        None => {
            let simple = method == b"GET" && (rest_trimmed.starts_with(b"/") || rest_trimmed.starts_with(b"http://"));
            simple.then_some(RequestLine { method, target: rest_trimmed, version: (0, 9), odd: true })
        }
    }
}

/// `HTTP/1.1` as a pair of numbers, and whether it is exactly 1.0 or 1.1 as written in the standard.
fn version(token: &[u8]) -> Option<((u8, u8), bool)> {
    let number = token.get(..5).filter(|name| name.eq_ignore_ascii_case(b"HTTP/")).and(token.get(5..))?;
    if !number.first()?.is_ascii_digit() {
        return None;
    }
    let digits = |text: &[u8]| {
        text.iter()
            .take_while(|byte| byte.is_ascii_digit())
            .fold(0u8, |n, byte| n.saturating_mul(10).saturating_add(byte - b'0'))
    };
    let mut parts = number.splitn(2, |byte| *byte == b'.');
    let major = digits(parts.next().unwrap_or_default());
    let minor = digits(parts.next().unwrap_or_default());
    Some(((major, minor), matches!(token, b"HTTP/1.1" | b"HTTP/1.0")))
}

/// The digits and dots of a version that its two numbers do not say: `HTTP/1.01`.
fn odd_version(token: Option<&[u8]>) -> Option<&[u8]> {
    const LONGEST: usize = 12;
    let token = token?;
    let ((major, minor), _) = version(token)?;
    let number = token.get(5..).filter(|number| number.len() <= LONGEST)?;
    let digits = number.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.');
    (digits && number != format!("{major}.{minor}").as_bytes()).then_some(number)
}

/// Reads a status line: version, status, and whether it is not what the grammar says. NULs are passed over.
fn status_line(line: &[u8]) -> Option<((u8, u8), u16, bool)> {
    let mut start = [0; 48];
    let mut length = 0;
    for byte in line.iter().copied().filter(|byte| *byte != 0) {
        let Some(place) = start.get_mut(length) else { break };
        (*place, length) = (byte, length + 1);
    }
    let line_start = start.get(..length)?.trim_ascii();
    let end = line_start.iter().position(|byte| matches!(byte, b' ' | b'\t')).unwrap_or(line_start.len());
    let (token, rest) = line_start.split_at_checked(end)?;
    let (number, plain) = version(token)?;
    let text = rest.trim_ascii_start();
    let status = match text {
        [a @ b'0'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', ..] => {
            u16::from(a - b'0') * 100 + u16::from(b - b'0') * 10 + u16::from(c - b'0')
        }
        _ => 0,
    };
    let grammar = plain && rest.len() == text.len() + 1 && status >= 100 && text.get(3) == Some(&b' ');
    Some((number, status, !grammar || line.contains(&0)))
}

/// Whether bytes are, or may yet become, a start line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    No,
    Maybe,
    Yes,
}

/// Start lines longer than this are not looked for when a lost stream is picked up again.
pub(crate) const LONGEST_RESUMED: usize = 8 << 10;

/// Whether a message begins here, judged strictly: used where the place is a guess.
pub(crate) fn could_start(bytes: &[u8], role: Role) -> Answer {
    match role {
        Role::Server => {
            let pattern = b"HTTP/1.d ddd";
            for (want, have) in pattern.iter().zip(bytes) {
                if !(if *want == b'd' { have.is_ascii_digit() } else { want == have }) {
                    return Answer::No;
                }
            }
            if bytes.len() < pattern.len() { Answer::Maybe } else { Answer::Yes }
        }
        Role::Client => {
            let upper = |byte: &u8| byte.is_ascii_uppercase() || matches!(byte, b'-' | b'_');
            let method = bytes.iter().take(24).take_while(|byte| upper(byte)).count();
            match bytes.get(method) {
                None if method < 24 => return Answer::Maybe,
                Some(b' ') if method >= 3 => {}
                _ => return Answer::No,
            }
            let line_limit = bytes.get(..LONGEST_RESUMED).unwrap_or(bytes);
            let Some(end) = memchr(b'\n', line_limit) else {
                let odd = line_limit.iter().any(|byte| *byte < b' ' && *byte != b'\r');
                return if odd || bytes.len() >= LONGEST_RESUMED { Answer::No } else { Answer::Maybe };
            };
            match bytes.get(..end).and_then(request_line) {
                Some(line) if !line.odd => Answer::Yes,
                _ => Answer::No,
            }
        }
    }
}

/// A character of a token (RFC 9110, section 5.6.2).
pub(crate) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// What the fields say of the body that follows.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Framing {
    /// `chunked` is among the transfer codings.
    pub(crate) chunked: bool,
    /// A valid Content-Length. It is believed beside a transfer coding that is not `chunked`, where RFC 9112 (section
    /// 6.3) has a response end with its connection: browsers go by the length, and so must who would see the answers
    /// after it. On a connection that is closed after the body, both come to the same.
    pub(crate) length: Option<u64>,
    /// Content codings, in the order in which they were applied.
    pub(crate) codings: Codings,
}

/// A request head and what follows from it.
pub(crate) struct Request<'a> {
    pub(crate) head: RequestHead<'a>,
    pub(crate) framing: Framing,
    pub(crate) defects: Defects,
    /// Fields that were not read.
    pub(crate) dropped: u64,
    /// The version's digits and dots as written, where its two numbers do not say them.
    pub(crate) odd_version: Option<&'a [u8]>,
}

/// A response head and what follows from it.
pub(crate) struct Response<'a> {
    pub(crate) head: ResponseHead<'a>,
    pub(crate) framing: Framing,
    pub(crate) defects: Defects,
    /// Fields that were not read.
    pub(crate) dropped: u64,
    /// The version's digits and dots as written, where its two numbers do not say them.
    pub(crate) odd_version: Option<&'a [u8]>,
}

impl Response<'static> {
    /// What stands for a head before an answer in the manner of HTTP/0.9.
    pub(crate) fn simple() -> Self {
        let head = ResponseHead { status: 0, version: (0, 9), fields: &[] };
        Response {
            head,
            framing: Framing::default(),
            defects: Defects(Defects::ODD_START_LINE),
            dropped: 0,
            odd_version: None,
        }
    }
}

/// Reads a request head and shows it to `then`; `None` if the start line is none. `cut`: it is not whole.
pub(crate) fn with_request<R>(
    block: &[u8],
    cut: bool,
    limit: usize,
    scratch: &mut Vec<u8>,
    then: impl FnOnce(Request<'_>) -> R,
) -> Option<R> {
    let block = after_empty_lines(block);
    if !cut {
        let mut slots = [const { MaybeUninit::uninit() }; FEW];
        let mut parsed = httparse::Request::new(&mut []);
        if let Ok(httparse::Status::Complete(_)) = parsed.parse_with_uninit_headers(block, &mut slots)
            && let (Some(method), Some(target), Some(minor)) = (parsed.method, parsed.path, parsed.version)
            && parsed.headers.len() <= limit
        {
            let mut defects = Defects::default();
            let mut array = [EMPTY; FEW];
            let fields = copy_fields(parsed.headers, &mut array);
            let framing = framing(fields, &mut defects);
            let head =
                RequestHead { method: method.as_bytes(), target: target.as_bytes(), version: (1, minor), fields };
            return Some(then(Request { head, framing, defects, dropped: 0, odd_version: None }));
        }
    }
    let mut lines = Lines::read(block, limit, scratch);
    // What looks like a field after a bare CR may be the end of a target; the line that was taken for a start line counts.
    let whole = || block.split(|byte| *byte == b'\n').next().and_then(request_line);
    let line = request_line(lines.start).or_else(whole)?;
    if line.odd {
        lines.defects.add(Defects::ODD_START_LINE);
    }
    let framing = framing(&lines.fields, &mut lines.defects);
    let head = RequestHead { method: line.method, target: line.target, version: line.version, fields: &lines.fields };
    let odd_version = odd_version(lines.start.rsplit(|byte| byte.is_ascii_whitespace()).next());
    Some(then(Request { head, framing, defects: lines.defects, dropped: lines.dropped, odd_version }))
}

/// Reads a response head and shows it to `then`; `None` if the start line is none. `cut`: it is not whole.
pub(crate) fn with_response<R>(
    block: &[u8],
    cut: bool,
    limit: usize,
    scratch: &mut Vec<u8>,
    then: impl FnOnce(Response<'_>) -> R,
) -> Option<R> {
    let block = after_empty_lines(block);
    if !cut {
        let mut slots = [const { MaybeUninit::uninit() }; FEW];
        let mut parsed = httparse::Response::new(&mut []);
        let config = httparse::ParserConfig::default();
        if let Ok(httparse::Status::Complete(_)) =
            config.parse_response_with_uninit_headers(&mut parsed, block, &mut slots)
            && let (Some(status), Some(minor)) = (parsed.code, parsed.version)
            && parsed.headers.len() <= limit
        {
            let mut defects = Defects::default();
            if block.get(12) != Some(&b' ') {
                defects.add(Defects::ODD_START_LINE);
            }
            let mut array = [EMPTY; FEW];
            let fields = copy_fields(parsed.headers, &mut array);
            let framing = framing(fields, &mut defects);
            let head = ResponseHead { status, version: (1, minor), fields };
            return Some(then(Response { head, framing, defects, dropped: 0, odd_version: None }));
        }
    }
    let mut lines = Lines::read(block, limit, scratch);
    let (version, status, odd) = status_line(lines.start)?;
    if odd {
        lines.defects.add(Defects::ODD_START_LINE);
    }
    let framing = framing(&lines.fields, &mut lines.defects);
    let head = ResponseHead { status, version, fields: &lines.fields };
    let odd_version = odd_version(lines.start.split(|byte| byte.is_ascii_whitespace()).next());
    Some(then(Response { head, framing, defects: lines.defects, dropped: lines.dropped, odd_version }))
}

const EMPTY: Field<'static> = Field { name: b"", value: b"" };

fn after_empty_lines(block: &[u8]) -> &[u8] {
    let skip = block.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    block.get(skip..).unwrap_or_default()
}

fn copy_fields<'b, 'a>(headers: &[httparse::Header<'b>], array: &'a mut [Field<'b>; FEW]) -> &'a [Field<'b>] {
    for (field, header) in array.iter_mut().zip(headers) {
        *field = Field { name: header.name.as_bytes(), value: header.value };
    }
    array.get(..headers.len()).unwrap_or_default()
}

/// A head taken apart leniently.
struct Lines<'a> {
    start: &'a [u8],
    fields: Vec<Field<'a>>,
    defects: Defects,
    dropped: u64,
}

impl<'a> Lines<'a> {
    /// `scratch` takes a copy of the head in which the line breaks of folded fields are spaces.
    fn read(block: &[u8], limit: usize, scratch: &'a mut Vec<u8>) -> Lines<'a> {
        scratch.clear();
        scratch.extend_from_slice(block);
        let mut defects = Defects::default();
        let mut dropped = 0;
        // Start and end of each line; a continuation lengthens the line before it.
        let mut spans: Vec<(usize, usize)> = Vec::new();
        let mut at = 0;
        while let Some(rest) = scratch.get(at..).filter(|rest| !rest.is_empty()) {
            let (length, next) = line(rest);
            let (from, to) = (at, at + length);
            let whole = rest.get(..next).is_some_and(|line| line.ends_with(b"\n"));
            at += next;
            let folds = rest.first().is_some_and(|byte| matches!(byte, b' ' | b'\t'));
            let full = spans.len() > limit.min(MANY);
            match spans.last_mut() {
                Some(last) if folds && last.0 > 0 => {
                    if let Some(between) = scratch.get_mut(last.1..from) {
                        between.fill(b' ');
                    }
                    last.1 = to;
                    defects.add(Defects::FOLDED_HEADER);
                }
                _ if length == 0 && whole => break,
                // CRs before a field: no empty line, as in `Scan`.
                _ if length == 0 => {}
                _ if full => {
                    dropped += 1;
                    defects.add(Defects::HEAD_TOO_LONG);
                }
                _ => spans.push((from, to)),
            }
        }
        let block: &'a [u8] = scratch;
        let text = |(from, to): (usize, usize)| block.get(from..to).unwrap_or_default();
        let mut lines = spans.into_iter();
        let start = lines.next().map(text).unwrap_or_default();
        let fields = lines.map(|span| field(text(span), &mut defects)).collect();
        Lines { start, fields, defects, dropped }
    }
}

/// Length of the first line without and with its end. Bare CRs end it where a field follows.
fn line(text: &[u8]) -> (usize, usize) {
    let mut from = 0;
    while let Some(found) = text.get(from..).and_then(|rest| memchr2(b'\r', b'\n', rest)) {
        let at = from + found;
        let rest = text.get(at..).unwrap_or_default();
        let crs = rest.iter().take_while(|byte| **byte == b'\r').count();
        if rest.get(crs) == Some(&b'\n') {
            return (at, at + crs + 1);
        }
        let after = rest.get(crs..).unwrap_or_default();
        let token = after.iter().take_while(|byte| is_token(**byte)).count();
        if after.is_empty() || (token > 0 && after.get(token) == Some(&b':')) {
            return (at, at + crs);
        }
        from = at + crs;
    }
    (text.len(), text.len())
}

/// A field; a line without a colon is a name without a value.
fn field<'a>(line: &'a [u8], defects: &mut Defects) -> Field<'a> {
    let blank = |byte: u8| byte <= b' ' || byte == 0x7f;
    let (name, value) = match memchr(b':', line) {
        Some(colon) => (line.get(..colon).unwrap_or_default(), line.get(colon + 1..).unwrap_or_default()),
        None => (line, &b""[..]),
    };
    let from = name.iter().take_while(|byte| blank(**byte)).count();
    let mut trimmed = name.get(from..).unwrap_or_default();
    while let [rest @ .., last] = trimmed
        && blank(*last)
    {
        trimmed = rest;
    }
    if trimmed.len() != name.len() || name.len() == line.len() || name.is_empty() || !name.iter().all(|b| is_token(*b))
    {
        defects.add(Defects::BAD_HEADER);
    }
    let value = value.trim_ascii();
    if value.contains(&0) {
        defects.add(Defects::BAD_HEADER);
    }
    Field { name: trimmed, value }
}

/// What the fields say of the body (RFC 9112, section 6.3).
fn framing(fields: &[Field<'_>], defects: &mut Defects) -> Framing {
    let mut framing = Framing::default();
    let (mut transfer, mut lengths) = (false, 0u32);
    let mut last_is_chunked = false;
    for field in fields {
        match field.name.len() {
            14 if field.name.eq_ignore_ascii_case(b"content-length") => {
                for part in field.value.split(|byte| *byte == b',') {
                    lengths += 1;
                    match content_length(part.trim_ascii()) {
                        Some(length) if lengths == 1 => framing.length = Some(length),
                        Some(length) if framing.length == Some(length) => {}
                        // Another value, or none: the first valid one is believed.
                        Some(_) => defects.add(Defects::BAD_LENGTH),
                        None => defects.add(Defects::BAD_LENGTH),
                    }
                }
            }
            17 if field.name.eq_ignore_ascii_case(b"transfer-encoding") => {
                for coding in field.value.split(|byte| *byte == b',') {
                    let coding = coding.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
                    if coding.is_empty() {
                        continue;
                    }
                    let chunked = coding.eq_ignore_ascii_case(b"chunked");
                    if (chunked && framing.chunked) || (!chunked && !is_known_transfer(coding)) {
                        defects.add(Defects::ODD_TRANSFER_CODING);
                    }
                    transfer = true;
                    last_is_chunked = chunked;
                    framing.chunked |= chunked;
                    if !chunked {
                        framing.codings.push_transfer(coding);
                    }
                }
                if field.value.iter().any(|byte| *byte < b' ') || defects.has(Defects::FOLDED_HEADER) {
                    defects.add(Defects::ODD_TRANSFER_CODING);
                }
            }
            _ => framing.codings.field(field),
        }
    }
    if transfer && !last_is_chunked {
        defects.add(Defects::ODD_TRANSFER_CODING);
    }
    if transfer && lengths > 0 {
        defects.add(Defects::LENGTH_CONFLICT);
    }
    framing
}

fn is_known_transfer(coding: &[u8]) -> bool {
    [&b"gzip"[..], b"x-gzip", b"deflate"].iter().any(|known| known.eq_ignore_ascii_case(coding))
}

/// A length in decimal digits; leading zeros are valid, more than 2^63-1 is not.
pub(crate) fn content_length(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0u64, |sum, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        sum.checked_mul(10)?.checked_add(digit).filter(|sum| *sum <= i64::MAX as u64)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn request(block: &str) -> String {
        let mut scratch = Vec::new();
        with_request(block.as_bytes(), false, 256, &mut scratch, |request| {
            let mut text = format!(
                "{} {} {:?}",
                String::from_utf8_lossy(request.head.method),
                String::from_utf8_lossy(request.head.target),
                request.head.version
            );
            for field in request.head.fields {
                text += &format!(" [{}={}]", String::from_utf8_lossy(field.name), String::from_utf8_lossy(field.value));
            }
            for name in request.defects.names() {
                text = text + " " + name;
            }
            text
        })
        .unwrap_or_else(|| "none".into())
    }

    #[track_caller]
    fn response(block: &str) -> String {
        let mut scratch = Vec::new();
        with_response(block.as_bytes(), false, 256, &mut scratch, |response| {
            let framing = &response.framing;
            let mut text = format!("{} {:?}", response.head.status, response.head.version);
            text += &framing.length.map(|length| format!(" length {length}")).unwrap_or_default();
            text += if framing.chunked { " chunked" } else { "" };
            for name in response.defects.names() {
                text = text + " " + name;
            }
            text
        })
        .unwrap_or_else(|| "none".into())
    }

    #[test]
    fn ordinary_heads_have_no_defects() {
        assert_eq!(request("GET /a?b HTTP/1.1\r\nHost: x \r\nA:\r\n\r\n"), "GET /a?b (1, 1) [Host=x] [A=]");
        assert_eq!(response("HTTP/1.0 200 OK\r\nContent-Length: 007\r\n\r\n"), "200 (1, 0) length 7");
        assert_eq!(response("HTTP/1.1 204 \r\n\r\n"), "204 (1, 1)");
    }

    #[test]
    fn odd_request_lines_are_read_and_flagged() {
        assert_eq!(request("GET /a b c HTTP/1.1\r\n\r\n"), "GET /a b c (1, 1) odd_start_line");
        assert_eq!(request("GET  /a   HTTP/1.0\r\n\r\n"), "GET /a (1, 0) odd_start_line");
        assert_eq!(request("get / http/1.1\r\n\r\n"), "get / (1, 1) odd_start_line");
        assert_eq!(request("GET / HTTP/1.01\r\n\r\n"), "GET / (1, 1) odd_start_line");
        assert_eq!(request("QUERY / HTTP/1.1\r\n\r\n"), "QUERY / (1, 1)");
        assert_eq!(request("GET /\r\n\r\n"), "GET / (0, 9) odd_start_line");
        assert_eq!(request("\u{ff}\0 GET / HTTP/1.1\r\n\r\n"), "none");
        assert_eq!(request("EHLO example.org\r\n\r\n"), "none");
    }

    #[test]
    fn odd_status_lines_are_read_and_flagged() {
        assert_eq!(response("HTTP/1.1 200\r\n\r\n"), "200 (1, 1) odd_start_line");
        assert_eq!(response("HTTP/1.1 2000 ok\r\n\r\n"), "200 (1, 1) odd_start_line");
        assert_eq!(response("HTTP/1\0.1 200 ok\r\n\r\n"), "200 (1, 1) odd_start_line");
        assert_eq!(response("http/1.1 302 Found\r\n\r\n"), "302 (1, 1) odd_start_line");
        assert_eq!(response("HTTP/1.1 abc\r\n\r\n"), "0 (1, 1) odd_start_line");
        assert_eq!(response("ICY 200 OK\r\n\r\n"), "none");
    }

    #[test]
    fn bad_fields_are_read_and_flagged() {
        assert_eq!(
            request("GET / HTTP/1.1\r\nno colon\r\nName : v\r\nA: b\r\n\tc\r\n\r\n"),
            "GET / (1, 1) [no colon=] [Name=v] [A=b  \tc] bad_header folded_header"
        );
        assert_eq!(
            request("GET / HTTP/1.1\nA: b\rTransfer-Encoding: chunked\r\n\r\n"),
            "GET / (1, 1) [A=b] [Transfer-Encoding=chunked]"
        );
    }

    #[test]
    fn the_smuggling_set_is_read_as_by_a_lenient_server() {
        let head = |fields: &str| response(&format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n"));
        assert_eq!(head("Content-Length: -1"), "200 (1, 1) bad_length");
        assert_eq!(head("Content-Length: 18446744073709551615"), "200 (1, 1) bad_length");
        assert_eq!(head("Content-Length: 5, 5"), "200 (1, 1) length 5");
        assert_eq!(head("Content-Length: 5\r\nContent-Length: 6"), "200 (1, 1) length 5 bad_length");
        let both = "Content-Length: 5\r\nTransfer-Encoding: chunked";
        assert_eq!(head(both), "200 (1, 1) length 5 chunked length_conflict");
        assert_eq!(head("Transfer-Encoding: chunked, identity"), "200 (1, 1) chunked odd_transfer_coding");
        let folded = "Transfer-Encoding:\r\n chunked";
        assert_eq!(head(folded), "200 (1, 1) chunked odd_transfer_coding folded_header");
        assert_eq!(head("Transfer-Encoding: xchunked"), "200 (1, 1) odd_transfer_coding");
    }

    #[test]
    fn the_end_of_a_head_is_found_however_it_is_cut() {
        for (head, length) in [
            ("GET / HTTP/1.1\r\nA: b\r\n\r\nrest", 24),
            ("GET / HTTP/1.1\nA: b\n\nrest", 21),
            ("HTTP/1.1 200 ok\r\rrest", 17),
            ("GET / HTTP/1.1\r\r\nA: b\r\n\r\nrest", 25),
            ("GET / HTTP/1.1\nA: b\n\t\n\nrest", 23),
        ] {
            let mut whole = Scan::default();
            assert_eq!(whole.advance(head.as_bytes()), Some(length), "{head:?}");
            let mut scan = Scan::default();
            let found = (1..=head.len()).find_map(|end| scan.advance(&head.as_bytes()[..end]));
            assert_eq!(found, Some(length), "{head:?} byte by byte");
            assert_eq!(scan.first, whole.first);
        }
    }

    #[test]
    fn a_start_line_is_looked_for_strictly_where_the_place_is_a_guess() {
        let client = |text: &str| could_start(text.as_bytes(), Role::Client);
        assert_eq!(client("GET /a HTTP/1.1\r\n"), Answer::Yes);
        assert_eq!(client("GET /a HT"), Answer::Maybe);
        assert_eq!(client("GET /a b HTTP/1.1\r\n"), Answer::No);
        assert_eq!(client("Host: x\r\n"), Answer::No);
        assert_eq!(client("GET /a\r\n"), Answer::No);
        let server = |text: &str| could_start(text.as_bytes(), Role::Server);
        assert_eq!(server("HTTP/1.1 200 OK"), Answer::Yes);
        assert_eq!(server("HTTP/1."), Answer::Maybe);
        assert_eq!(server("HTTP is"), Answer::No);
    }
}
