//! Which protocol a side speaks, by its first bytes and never by its port.

use memchr::memchr;

use crate::accounts::Other;
use crate::http1::head::{Role, is_token, request_line};
use crate::http2::{PREFACE, is_settings};

/// A longest start line that is waited for where the method is not one of HTTP's own.
const LONGEST_ODD: usize = 8 << 10;

/// What the first bytes of a side are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sniffed {
    /// Too few to tell.
    Wait,
    /// HTTP/1 as sent by a client or a server.
    Http1(Role),
    /// The beginning of HTTP/2, as sent by a client or a server.
    Http2(Role),
    /// Something else.
    Other(Other),
}

/// Judges the first bytes that a side sent, after any empty lines. The first `seen` of them were judged before, and
/// were too few. `limit`: of so many there is always a verdict.
pub(crate) fn sniff(text: &[u8], seen: usize, limit: usize) -> Sniffed {
    match judge(text, seen, limit) {
        Sniffed::Wait if text.len() >= limit => Sniffed::Other(recognise(text).unwrap_or(Other::Unknown)),
        verdict => verdict,
    }
}

fn judge(text: &[u8], seen: usize, limit: usize) -> Sniffed {
    match is_preface(text) {
        Some(true) => return Sniffed::Http2(Role::Client),
        Some(false) => {}
        None => return Sniffed::Wait,
    }
    match is_settings(text) {
        Some(true) => return Sniffed::Http2(Role::Server),
        Some(false) => {}
        None if !text.is_empty() => return Sniffed::Wait,
        None => {}
    }
    match starts_with_http(text) {
        Some(true) => return Sniffed::Http1(Role::Server),
        Some(false) => {}
        None => return Sniffed::Wait,
    }
    if text.starts_with(b"PRI * HTTP/2.0") {
        return Sniffed::Other(Other::Http2);
    }
    let method = text.iter().take(65).take_while(|byte| is_token(**byte)).count();
    let other = || Sniffed::Other(recognise(text).unwrap_or(Other::Unknown));
    match text.get(method) {
        None if method < 65 => return Sniffed::Wait,
        Some(b' ' | b'\t') if method > 0 => {}
        _ => return other(),
    }
    let known = is_known_method(text.get(..method).unwrap_or_default());
    // Had there been the end of a line, or a control character, in what was seen, it would have been judged.
    let new = text.get(seen..).unwrap_or_default();
    // Text protocols end their lines soon; a control character means that this is none.
    let control = |line: &[u8]| line.iter().any(|byte| *byte < b' ' && !matches!(byte, b'\t' | b'\r'));
    match memchr(b'\n', new) {
        Some(end) if !known && new.get(..end).is_some_and(control) => other(),
        Some(end) => match text.get(..seen + end).and_then(request_line) {
            Some(_) => Sniffed::Http1(Role::Client),
            None => other(),
        },
        None if known && text.len() >= limit => Sniffed::Http1(Role::Client),
        None if !known && text.len() > LONGEST_ODD => other(),
        None if !known && control(new) => other(),
        None => Sniffed::Wait,
    }
}

/// Whether this begins with the connection preface of HTTP/2 (RFC 9113, section 3.4); `None` if it is too short to
/// tell.
fn is_preface(text: &[u8]) -> Option<bool> {
    let same = PREFACE.iter().zip(text).all(|(want, have)| want == have);
    if same && text.len() < PREFACE.len() { None } else { Some(same) }
}

/// Whether this begins a status line, in any case; `None` if it is too short to tell.
pub(crate) fn starts_with_http(text: &[u8]) -> Option<bool> {
    let name = b"HTTP/";
    let same = name.iter().zip(text).all(|(want, have)| want.eq_ignore_ascii_case(have));
    if same && text.len() < name.len() { None } else { Some(same) }
}

fn is_known_method(method: &[u8]) -> bool {
    const METHODS: [&[u8]; 12] = [
        b"GET",
        b"POST",
        b"HEAD",
        b"PUT",
        b"DELETE",
        b"OPTIONS",
        b"PATCH",
        b"CONNECT",
        b"TRACE",
        b"PROPFIND",
        b"REPORT",
        b"QUERY",
    ];
    METHODS.contains(&method)
}

/// Names a protocol by the first bytes of one side.
pub(crate) fn recognise(start: &[u8]) -> Option<Other> {
    let lower = |n: usize| start.get(..n).unwrap_or_default().to_ascii_lowercase();
    Some(match start {
        [0x14..=0x17, 3, 0..=4, ..] => Other::Tls,
        [0x80..=0xff, _, 1, 3, 0..=3, ..] => Other::Tls,
        [b'S', b'S', b'H', b'-', ..] => Other::Ssh,
        [b'2', b'2', b'0', b' ' | b'-', ..] => Other::SmtpFtp,
        [b'+', b'O', b'K', b' ' | b'\r' | b'\n', ..] => Other::Pop3,
        [b'*', b' ', b'O', b'K', ..] => Other::Imap,
        [b'*', b'0'..=b'9', ..] | [b'+', b'P', b'O', b'N', b'G', ..] => Other::Redis,
        [_, _, 0, 0, 10, b'3'..=b'9', b'.', ..] | [_, _, 0, 0, 10, b'1', b'0'..=b'9', b'.', ..] => Other::Mysql,
        [0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f] | [0, 0, _, _, 0, 3, 0, 0, ..] => Other::Postgres,
        [0, _, _, _, 0xff | 0xfe, b'S', b'M', b'B', ..] => Other::Smb,
        [3, 0, 0, _, _, 0xe0 | 0xd0, ..] => Other::Rdp,
        [0x30, _, 2, 1, ..] | [0x30, 0x84, _, _, _, _, 2, 1, ..] => Other::Ldap,
        [0x10, _, 0, 4, b'M', b'Q', b'T', b'T', ..] | [0x10, _, 0, 6, b'M', b'Q', b'I', b's', ..] => Other::Mqtt,
        [19, b'B', b'i', b't', b'T', b'o', b'r', ..] => Other::BitTorrent,
        _ if matches!(lower(5).as_slice(), b"ehlo " | b"helo " | b"mail " | b"user ") => Other::SmtpFtp,
        _ => {
            let line = start.get(..memchr(b'\n', start)?)?;
            let (sip, rtsp) = (memchr::memmem::find(line, b"SIP/2.0"), memchr::memmem::find(line, b"RTSP/1.0"));
            return (sip.is_some() || rtsp.is_some()).then_some(Other::SipRtsp);
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(start: &[u8], expected: Sniffed) {
        assert_eq!(sniff(start, 0, 65536), expected, "{:?}", String::from_utf8_lossy(start));
    }

    #[test]
    fn http_is_found_by_its_start_lines() {
        for start in ["GET / HTTP/1.1\r\n", "QUERY /a HTTP/1.1\n", "GET /a b c http/1.0\r\n", "GET /old\r\n"] {
            check(start.as_bytes(), Sniffed::Http1(Role::Client));
        }
        for start in ["HTTP/1.1 200 OK", "http/1.0 404", "HTTP/"] {
            check(start.as_bytes(), Sniffed::Http1(Role::Server));
        }
        check(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Sniffed::Http2(Role::Client));
        check(b"\0\0\x06\x04\0\0\0\0\0\0\x03\0\0\0\x64", Sniffed::Http2(Role::Server));
        for start in ["", "G", "GET", "GET /a", "HTT", "hTTp", "PRI * HTTP/2.0\r\n\r\nSM\r\n", "\0\0\x06\x04"] {
            check(start.as_bytes(), Sniffed::Wait);
        }
    }

    #[test]
    fn other_protocols_are_named_and_never_taken_for_http() {
        for (start, name) in [
            (&b"\x16\x03\x01\x02\x00\x01"[..], Other::Tls),
            (b"SSH-2.0-OpenSSH_9.6\r\n", Other::Ssh),
            (b"220 mail.example ESMTP\r\n", Other::SmtpFtp),
            (b"EHLO example\r\n", Other::SmtpFtp),
            (b"PRI * HTTP/2.0\r\nHost: a\r\n", Other::Http2),
            (b"INVITE sip:a@b SIP/2.0\r\n", Other::SipRtsp),
            (b"*1\r\n$4\r\nPING\r\n", Other::Redis),
            (b"* OK IMAP4rev1\r\n", Other::Imap),
            (b"GET key\r\n", Other::Unknown),
            (b"\xdd\0\0\0 GET /txt HTTP/1.1\r\n", Other::Unknown),
            (b"1026\x108 !34.\x11\"3DUf.21", Other::Unknown),
        ] {
            check(start, Sniffed::Other(name));
        }
    }

    #[test]
    fn nothing_is_waited_for_without_end() {
        check(&[b'A'; 100], Sniffed::Other(Other::Unknown));
        check(&[b"FOO ", vec![b'a'; 9000].as_slice()].concat(), Sniffed::Other(Other::Unknown));
        assert_eq!(sniff(&[b"GET /", vec![b'a'; 100].as_slice()].concat(), 0, 100), Sniffed::Http1(Role::Client));
        // Whatever it is: at the limit there is a verdict.
        for start in ["HTT", "GET", "FOO /", "GET /a"] {
            assert_ne!(sniff(start.as_bytes(), 0, start.len()), Sniffed::Wait, "{start}");
        }
    }

    #[test]
    fn what_was_seen_is_not_looked_at_again() {
        for text in ["GET /a b HTTP/1.1\n", "FOO /a\x01", "FOO a HTTP/1.1\r\n", "HTTP/1.1", "GET key\n"] {
            let whole = sniff(text.as_bytes(), 0, 65536);
            let mut seen = 0;
            let piecewise = (1..=text.len()).map(|end| {
                let verdict = sniff(&text.as_bytes()[..end], seen, 65536);
                seen = end;
                verdict
            });
            assert_eq!(piecewise.into_iter().find(|verdict| *verdict != Sniffed::Wait), Some(whole), "{text:?}");
        }
    }
}
