//! What structure a body has, by its media type and its first bytes: many servers send JSON as `text/html`.

use super::csv::SEPARATORS;
use super::protobuf::is_text;

/// How many first bytes [`sniff`] wants to see.
pub const SNIFFED: usize = 1024;

/// The structure of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Structure {
    /// JSON, several JSON values, JSON wrapped in a call (JSONP).
    Json,
    /// `application/x-www-form-urlencoded`.
    Form,
    /// `multipart/form-data` with its boundary.
    Multipart(Box<str>),
    /// XML, SOAP among it.
    Xml,
    /// Separated values, with what separates them.
    Csv(u8),
    /// HTML.
    Html,
    /// A ZIP archive.
    Zip,
    /// PDF.
    Pdf,
    /// One Protocol Buffers message (of a gRPC body, one without its prefix).
    Protobuf,
    /// Anything else.
    Text,
}

/// Decides by the `Content-Type` field's value as on the wire and the first bytes (up to [`SNIFFED`]; the more the
/// better). What the bytes say goes before what the media type says.
pub fn sniff(content_type: Option<&str>, first: &[u8]) -> Structure {
    let declared = content_type.unwrap_or_default();
    let (media, parameters) = declared.split_once(';').unwrap_or((declared, ""));
    let media = media.trim().to_ascii_lowercase();
    if media.starts_with("multipart/")
        && let Some(boundary) = boundary(parameters)
    {
        return Structure::Multipart(boundary.into());
    }
    // A line feed is also the tag of a message's first field.
    if is_protobuf(&media) && (first.first() == Some(&b'\n') || !is_text(first, false)) {
        return Structure::Protobuf;
    }
    if first.starts_with(b"PK\x03\x04") {
        return Structure::Zip;
    }
    if first.starts_with(b"%PDF-") {
        return Structure::Pdf;
    }
    let first = first.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(first).trim_ascii_start();
    if looks_like_json(first) {
        return Structure::Json;
    }
    let is_json = media.ends_with("json") || media.ends_with("javascript");
    if is_json && looks_like_call(first) {
        return Structure::Json;
    }
    let is_code = media.ends_with("javascript") || media.ends_with("/css") || media.starts_with("image/");
    match markup_kind(first).filter(|_| !is_code) {
        Some(MarkupKind::Html) => return Structure::Html,
        // Text may quote a tag: XML has another, or says so.
        Some(MarkupKind::Xml) if media.contains("xml") || first.starts_with(b"<?xml") || has_end_tag(first) => {
            return Structure::Xml;
        }
        _ => {}
    }
    if media.ends_with("/html") || media.ends_with("xhtml+xml") {
        return Structure::Html;
    }
    let is_form = media == "application/x-www-form-urlencoded";
    if is_form && !first.starts_with(b"<") || media.is_empty() && looks_like_form(first) {
        return Structure::Form;
    }
    if media.ends_with("json") && !first.starts_with(b"<") {
        return Structure::Json;
    }
    match separator(&media, first).filter(|_| !is_code && !first.starts_with(b"<")) {
        Some(separator) => Structure::Csv(separator),
        None => Structure::Text,
    }
}

/// What markup is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MarkupKind {
    Xml,
    Html,
}

/// What markup a text begins as; `None` if it begins with no tag. Pictures (SVG) are none.
pub(super) fn markup_kind(first: &[u8]) -> Option<MarkupKind> {
    let mut rest = first.trim_ascii_start();
    let mut is_xml = false;
    loop {
        rest = rest.strip_prefix(b"<")?;
        let starts = |prefix: &[u8]| rest.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
        if starts(b"!doctype html") {
            return Some(MarkupKind::Html);
        }
        let end: &[u8] = match rest.first()? {
            b'?' => b"?>",
            b'!' if rest.starts_with(b"!--") => b"-->",
            b'!' => b">",
            byte if byte.is_ascii_alphabetic() || *byte == b'_' => break,
            _ => return None,
        };
        is_xml |= starts(b"?xml");
        // A long comment hides what follows.
        let Some(at) = memchr::memmem::find(rest, end) else {
            return Some(if is_xml { MarkupKind::Xml } else { MarkupKind::Html });
        };
        rest = rest.get(at + end.len()..).unwrap_or_default().trim_ascii_start();
        if rest.is_empty() {
            return is_xml.then_some(MarkupKind::Xml);
        }
    }
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':' | 0x80..);
    let end = rest.iter().position(|byte| !is_name(byte)).unwrap_or(rest.len());
    let (name, after) = rest.split_at(end);
    let name = name.to_ascii_lowercase();
    match after.first() {
        Some(b'>' | b'/' | b' ' | b'\t' | b'\r' | b'\n') => match &*name {
            b"svg" => None,
            b"html" => Some(MarkupKind::Html),
            name if !is_xml && HTML.iter().any(|known| known.as_bytes() == name) => Some(MarkupKind::Html),
            _ => Some(MarkupKind::Xml),
        },
        _ => None,
    }
}

/// Elements with which a piece of HTML may begin (HTML, section 4), but for those that XML often has, too.
const HTML: [&str; 56] = [
    "a",
    "article",
    "aside",
    "b",
    "base",
    "blockquote",
    "body",
    "br",
    "button",
    "center",
    "code",
    "dd",
    "div",
    "dl",
    "dt",
    "em",
    "fieldset",
    "figure",
    "font",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "head",
    "hr",
    "i",
    "iframe",
    "img",
    "input",
    "label",
    "legend",
    "li",
    "main",
    "meta",
    "nav",
    "ol",
    "option",
    "p",
    "pre",
    "script",
    "section",
    "select",
    "span",
    "strong",
    "style",
    "table",
    "tbody",
    "td",
    "template",
    "tr",
    "u",
    "ul",
];

fn has_end_tag(first: &[u8]) -> bool {
    memchr::memmem::find(first, b"</").is_some() || first.ends_with(b"/>")
}

/// What separates values: that of the media type's format, or of text whose first lines have the same number of them.
fn separator(media: &str, first: &[u8]) -> Option<u8> {
    const LINES: usize = 3;
    let is_declared = ["csv", "tab-separated-values", "comma-separated-values"].iter().any(|end| media.ends_with(end));
    let may_be = is_declared
        || media.is_empty()
        || media.starts_with("text/")
        || ["octet-stream", "ms-excel", "download", "plain", "unknown", "binary"]
            .iter()
            .any(|end| media.ends_with(end));
    if !may_be || !is_text(first, false) {
        return None;
    }
    let mut lines = Rows { rest: first };
    let counts = |line: &[u8]| SEPARATORS.map(|separator| count(line, separator));
    let first_line = lines.next()?;
    let header = counts(first_line);
    let mut equal = [true; SEPARATORS.len()];
    let mut seen = 1;
    // The last line may be cut.
    while let Some(line) = lines.next().filter(|_| !lines.rest.is_empty() || first.len() < SNIFFED) {
        seen += 1;
        for ((equal, header), count) in equal.iter_mut().zip(header).zip(counts(line)) {
            *equal &= header == count;
        }
    }
    let most = |least: usize, all: bool| {
        let known = SEPARATORS.into_iter().zip(header).zip(equal);
        let fit = known.filter(|((_, count), equal)| *count >= least && (all || *equal));
        fit.max_by_key(|((_, count), equal)| (*equal, *count)).map(|((separator, _), _)| separator)
    };
    if is_declared {
        return most(1, true).or(Some(if media.starts_with("text/tab") { b'\t' } else { b',' }));
    }
    if seen < LINES { None } else { most(2, false).filter(|separator| !is_log(first_line, *separator)) }
}

/// Whether half of what stands between separators is a name with its value: a line of a log (`id: 7, ip: 8.8.4.4`).
fn is_log(line: &[u8], separator: u8) -> bool {
    let parts = || line.split(|b| *b == separator);
    let is_named = |part: &&[u8]| {
        part.contains(&b'=') || part.windows(2).any(|w| w == b": ") || part.windows(3).any(|w| w == "：".as_bytes())
    };
    parts().filter(is_named).count() * 2 >= parts().count()
}

/// Lines that are not empty, with those in quotes as parts of theirs.
struct Rows<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Rows<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        loop {
            let mut quoted = false;
            let end = self.rest.iter().position(|byte| {
                quoted ^= *byte == b'"';
                !quoted && *byte == b'\n'
            });
            let (line, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
            self.rest = rest.get(1..).unwrap_or_default();
            if !line.trim_ascii().is_empty() {
                return Some(line);
            }
            if self.rest.is_empty() {
                return None;
            }
        }
    }
}

/// Separators that stand in no quotes.
fn count(line: &[u8], separator: u8) -> usize {
    let mut quoted = false;
    let is_one = |byte: &&u8| {
        quoted ^= **byte == b'"';
        !quoted && **byte == separator
    };
    line.iter().filter(is_one).count()
}

/// The boundary parameter (RFC 2046, section 5.1.1).
fn boundary(parameters: &str) -> Option<&str> {
    parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let value = value.trim().trim_matches('"');
        (name.trim().eq_ignore_ascii_case("boundary") && !value.is_empty() && value.len() <= 200).then_some(value)
    })
}

/// gRPC's media types but those that name another format, and the several of the format itself.
fn is_protobuf(media: &str) -> bool {
    let grpc =
        media.strip_prefix("application/grpc").map(|rest| rest.split_once('+').map_or("proto", |(_, format)| format));
    grpc == Some("proto") || media.ends_with("protobuf") || media.ends_with("+proto")
}

fn looks_like_json(first: &[u8]) -> bool {
    let mut signs = first.iter().copied().filter(|b| !b.is_ascii_whitespace());
    match (signs.next(), signs.next()) {
        (Some(b'{'), Some(b'"' | b'}') | None) => true,
        (Some(b'['), Some(b'{' | b'[' | b'"' | b']') | None) => true,
        (Some(b'['), Some(b)) if b.is_ascii_digit() || b == b'-' => {
            // `[12, 13]` is JSON, `[2026-11-23 10:00:00] text` is a line of a log.
            let number = first.get(1..).unwrap_or_default().trim_ascii_start();
            let rest = number.iter().position(|b| !matches!(b, b'0'..=b'9' | b'.' | b'-' | b'e' | b'E' | b'+'));
            let token = number.get(..rest.unwrap_or(number.len())).unwrap_or_default();
            let next = rest.and_then(|at| number.get(at));
            !token.iter().skip(1).any(|b| *b == b'-') && matches!(next, None | Some(b',' | b']' | b'\n' | b'\r'))
        }
        _ => false,
    }
}

/// `callback({`, `/**/cb([`, `)]}',` and `while(1);{`: wrappers around JSON.
fn looks_like_call(first: &[u8]) -> bool {
    const LONGEST_WRAPPER: usize = 100;
    let head = first.get(..LONGEST_WRAPPER.min(first.len())).unwrap_or_default();
    let opened = head.iter().enumerate().find(|(_, b)| matches!(b, b'(' | b'\n' | b','));
    opened.is_some_and(|(at, _)| {
        let inner = first.get(at + 1..).unwrap_or_default().trim_ascii_start();
        looks_like_json(inner)
    })
}

/// `name=value&…` without white space before the first `=`.
fn looks_like_form(first: &[u8]) -> bool {
    let name = first.iter().position(|b| !(b.is_ascii_alphanumeric() || b"_.-[]%".contains(b)));
    name.is_some_and(|at| at > 0 && first.get(at) == Some(&b'=')) && !first.iter().any(|b| *b == b'\n' || *b == b'<')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_go_before_the_media_type() {
        let cases: &[(&str, &str, Structure)] = &[
            ("text/html;charset=utf-8", " {\"a\":1}", Structure::Json),
            ("text/plain", "[\n {\"a\":1}]", Structure::Json),
            ("text/plain", "[1,2]", Structure::Json),
            ("text/plain", "[2026-11-23 10:00:00] x", Structure::Text),
            ("application/json", "<html>", Structure::Html),
            ("text/html", "<!-- x --><table><tr>", Structure::Html),
            ("text/html", "plain answer", Structure::Html),
            ("text/html", "<?xml version=\"1.0\"?>\n<root>", Structure::Xml),
            ("text/html", "<?xml version=\"1.0\"?><!DOCTYPE html><html>", Structure::Html),
            ("text/plain", "<xml><appid>1</appid></xml>", Structure::Xml),
            ("text/plain", "<soap:Envelope xmlns:soap=\"x\"><soap:Body></soap:Body>", Structure::Xml),
            ("application/soap+xml", "<e>", Structure::Xml),
            ("text/plain", "<13>Nov 23 10:00:00 host", Structure::Text),
            ("text/plain", "<user> wrote:", Structure::Text),
            ("image/svg+xml", "<svg><path/></svg>", Structure::Text),
            ("text/csv", "a,b\n", Structure::Csv(b',')),
            ("text/csv; charset=gbk", "a;b;c\n1;2,5;3\n", Structure::Csv(b';')),
            ("application/vnd.ms-excel", "a\tb\tc\n1\t2\t3\n4\t5\t6\n", Structure::Csv(b'\t')),
            ("application/vnd.ms-excel", "<html><table>", Structure::Html),
            ("application/octet-stream", "a,\"b,\n\",c\r\n1,2,3\r\n4,5,6", Structure::Csv(b',')),
            ("application/octet-stream", "a,b,c\n1,2\n4,5,6\n", Structure::Text),
            ("application/octet-stream", "\u{1}a,b,c\n1,2,3\n4,5,6\n", Structure::Text),
            ("text/plain", "Dear a, b, c\nfoo\n", Structure::Text),
            ("application/javascript", "a,b,c\n1,2,3\n4,5,6\n", Structure::Text),
            ("application/json", "13800138000", Structure::Json),
            ("application/javascript", "cb_1({\"a\":1});", Structure::Json),
            ("application/javascript", "function(a){return a}", Structure::Text),
            ("application/x-www-form-urlencoded", "a=b", Structure::Form),
            ("application/x-www-form-urlencoded", "{\"a\":1}", Structure::Json),
            ("", "user=a&pw=b", Structure::Form),
            ("", "hello world", Structure::Text),
            ("application/grpc", "\x12\x03abc", Structure::Protobuf),
            ("application/grpc-web+proto", "\n\x03abc", Structure::Protobuf),
            ("application/grpc+json", "{\"a\":1}", Structure::Json),
            ("application/x-protobuf; messageType=\"a.B\"", "\x08\x01", Structure::Protobuf),
            ("application/vnd.google.protobuf", "{\"a\":1}", Structure::Json),
            ("application/protobuf", "a mere text", Structure::Text),
            ("multipart/form-data; boundary=\"xY\"", "--xY", Structure::Multipart("xY".into())),
        ];
        for (media, first, expected) in cases {
            assert_eq!(&sniff(Some(media), first.as_bytes()), expected, "{media} {first}");
        }
    }
}
