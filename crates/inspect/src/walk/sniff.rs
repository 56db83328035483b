//! What structure a body has, by its media type and its first bytes: many servers send JSON as `text/html`.

use super::protobuf::is_text;

/// How many first bytes [`sniff`] wants to see.
pub const SNIFFED: usize = 256;

/// The structure of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Structure {
    /// JSON, several JSON values, JSON wrapped in a call (JSONP).
    Json,
    /// `application/x-www-form-urlencoded`.
    Form,
    /// `multipart/form-data` with its boundary.
    Multipart(Box<str>),
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
    let first = first.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(first).trim_ascii_start();
    if looks_like_json(first) {
        return Structure::Json;
    }
    let is_json = media.ends_with("json") || media.ends_with("javascript");
    if is_json && looks_like_call(first) {
        return Structure::Json;
    }
    let is_form = media == "application/x-www-form-urlencoded";
    if is_form && !first.starts_with(b"<") || media.is_empty() && looks_like_form(first) {
        return Structure::Form;
    }
    if media.ends_with("json") && !first.starts_with(b"<") { Structure::Json } else { Structure::Text }
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
            ("application/json", "<html>", Structure::Text),
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
