//! What of a message's head is kept: host, target, media type, the values of fields, and what hops say of their client.

use spyhop_http::{Field, RequestHead, field};

use crate::charset;
use crate::content::{Content, Recogniser, Source};
use crate::credential::cookies;
use crate::redact::is_name;

/// Bytes of a header field that are read for values and for the client's picture.
pub(crate) const FIELD: usize = 8 << 10;

/// Whether a hop says that its client used TLS: RFC 7239 (`Forwarded: proto=https`), and what was common before it.
pub(crate) fn is_forwarded_https(fields: &[Field<'_>]) -> bool {
    const SCHEMES: [&str; 5] =
        ["x-forwarded-proto", "x-forwarded-scheme", "x-scheme", "x-url-scheme", "cloudfront-forwarded-proto"];
    const SWITCHES: [&str; 3] = ["x-forwarded-ssl", "front-end-https", "x-https"];
    fields.iter().any(|field| {
        let named = |names: &[&str]| names.iter().any(|name| field.name.eq_ignore_ascii_case(name.as_bytes()));
        // Hops append: the first entry is of the outermost hop, the one that talked to the client.
        let first = || field.value.split(|byte| *byte == b',').next().unwrap_or_default().trim_ascii();
        let is = |value: &[u8], known: &[&str]| known.iter().any(|one| value.eq_ignore_ascii_case(one.as_bytes()));
        if named(&SCHEMES) {
            is(first(), &["https", "wss"])
        } else if named(&SWITCHES) {
            is(first(), &["on", "1"])
        } else if named(&["forwarded"]) {
            let mut pairs = first().split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
            pairs.any(|pair| is(pair, &["proto=https", "proto=\"https\""]))
        } else {
            false
        }
    })
}

/// The host asked for: of an absolute target (RFC 9112, 3.2.2), else of the Host field.
pub(crate) fn host_of(head: &RequestHead<'_>, target: &str) -> Option<String> {
    let absolute = target.split_once("://").filter(|(scheme, _)| scheme.bytes().all(|byte| byte.is_ascii_alphabetic()));
    let authority = absolute.map(|(_, rest)| rest.split(['/', '?', '#']).next().unwrap_or(rest));
    let authority = authority.map(|authority| authority.rsplit_once('@').map_or(authority, |(_, host)| host));
    match field(head.fields, "host") {
        Some(host) => Some(String::from_utf8_lossy(host).into_owned()),
        None => authority.map(str::to_owned),
    }
}

/// A host without its port.
pub(crate) fn without_port(host: &str) -> &str {
    let port = host.rsplit_once(':').filter(|(host, port)| {
        // An IPv6 address stands in brackets.
        port.bytes().all(|byte| byte.is_ascii_digit()) && (host.ends_with(']') || !host.contains(':'))
    });
    port.map_or(host, |(host, _)| host)
}

/// Path and query of a target in any form.
pub(crate) fn split_target(target: &str) -> (&str, Option<&str>) {
    let path = match target.split_once("://") {
        Some((scheme, rest)) if scheme.bytes().all(|byte| byte.is_ascii_alphabetic()) => {
            rest.find(['/', '?']).and_then(|at| rest.get(at..)).unwrap_or("/")
        }
        _ => target,
    };
    let path = path.split('#').next().unwrap_or(path);
    match path.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (path, None),
    }
}

/// Fields that hold no values: numbers of the protocol, dates, and what is read elsewhere.
const NO_VALUES: [&str; 30] = [
    "accept",
    "accept-encoding",
    "accept-language",
    "accept-ranges",
    "age",
    "allow",
    "authorization",
    "cache-control",
    "connection",
    "content-encoding",
    "content-length",
    "content-range",
    "content-security-policy",
    "content-type",
    "date",
    "etag",
    "expires",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "keep-alive",
    "last-modified",
    "range",
    "server",
    "transfer-encoding",
    "user-agent",
    "vary",
    "via",
];

pub(crate) fn read_field(content: &mut Content, recogniser: &mut Recogniser, field: &Field<'_>) {
    if field.name.eq_ignore_ascii_case(b"cookie") {
        for (name, value) in cookies(field.value) {
            content.named(recogniser, Source::Cookie, name, value);
        }
        return;
    }
    if NO_VALUES.iter().any(|name| field.name.eq_ignore_ascii_case(name.as_bytes())) {
        return;
    }
    let value = charset::text(field.value.get(..FIELD).unwrap_or(field.value));
    let name = String::from_utf8_lossy(field.name);
    // Whether it is a name is told by its case, too.
    let name = if is_name(&name) { name.to_ascii_lowercase() } else { "*".to_owned() };
    if name == "referer" {
        return content.referer(recogniser, &value);
    }
    content.named(recogniser, Source::Header, &name, &value);
}

/// The media type without parameters, lower case, if it looks like one and holds no value.
pub(crate) fn media_type(field: &[u8]) -> Option<Box<str>> {
    // Numbers of people are longer than any in a registered type.
    const DIGITS: usize = 6;
    let text = std::str::from_utf8(field).ok()?.split(';').next()?.trim();
    // A token is told by its case, so before that is lost.
    let holds_value = text.bytes().filter(u8::is_ascii_digit).count() >= DIGITS
        || text.contains("eyJ")
        || text.split(['/', '.', '+', '-']).any(|part| !is_name(part));
    let plain =
        text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'+' | b'-' | b'*'));
    let starred = text.split('/').all(|part| part == "*");
    let shown = plain && (starred || !holds_value) && text.len() <= 80 && !text.is_empty();
    shown.then(|| text.to_ascii_lowercase().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types_are_shown_and_values_in_their_place_are_not() {
        let office = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
        for known in ["application/json", office, "text/html", "image/svg+xml", "application/vnd.api+json", "*/*"] {
            assert_eq!(media_type(known.as_bytes()).as_deref(), Some(known));
        }
        assert_eq!(media_type(b"Application/JSON; charset=utf-8").as_deref(), Some("application/json"));
        for value in ["application/13912345678", "text/xK9fQ2mZrTLpTwBn", "xK9fQ2mZrTLpTwBn"] {
            assert_eq!(media_type(value.as_bytes()), None, "{value}");
        }
    }
}
