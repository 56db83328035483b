//! Path segments that are variable by their form alone.

use std::net::IpAddr;

use spyhop_model::{Form, Observation, Segment};

use crate::redact::Redactor;
use crate::types::validators::is_date;
use crate::types::{Hints, Scan, find};
use crate::walk::{LeafKind, percent};

/// Points from which a segment counts as a personal value.
const PERSONAL: u8 = 50;

/// Types a path segment (percent-encoded) by its form; a literal is percent-decoded and redacted.
pub fn segment(redactor: &Redactor, raw: &str) -> Segment {
    // Parameters of a segment (RFC 3986, section 3.3) are values, not part of the name.
    let decoded = percent(raw.split(';').next().unwrap_or(raw), false, 3).text;
    match form(&decoded) {
        Some(form) => Segment::Typed(form),
        None => Segment::Literal(redactor.segment(&decoded).into()),
    }
}

/// The form of a decoded segment; `None` for what is a name of its own, such as `users`, `v1` or `2026`.
pub fn form(text: &str) -> Option<&'static str> {
    let bytes = text.as_bytes();
    if bytes.is_empty() || bytes.iter().all(|b| b.is_ascii_alphabetic()) {
        return None;
    }
    if let Some(personal) = personal(text) {
        return Some(personal);
    }
    if bytes.iter().all(u8::is_ascii_digit) {
        return match (bytes.len(), text.parse::<u32>()) {
            (4, Ok(1900..=2100)) => None,
            (8, Ok(date @ 19_000_101..=21_001_231)) if is_date(date) => Some("date"),
            (17..=19, _) => Some("snowflake"),
            _ => Some("int"),
        };
    }
    if is_uuid(bytes) {
        return Some("uuid");
    }
    if is_written_date(text) {
        return Some("date");
    }
    if text.parse::<IpAddr>().is_ok() {
        return Some("ip");
    }
    let both = bytes.iter().any(u8::is_ascii_digit) && bytes.iter().any(u8::is_ascii_alphabetic);
    if both && bytes.len() >= 16 && bytes.iter().all(u8::is_ascii_hexdigit) {
        return Some("hex");
    }
    if let Some((stem, end)) = text.rsplit_once('.')
        && (2..=5).contains(&end.len())
        && end.bytes().all(|b| b.is_ascii_alphanumeric())
        && form(stem).is_some()
    {
        return Some("file");
    }
    is_random(bytes).then_some("base64")
}

/// The type of personal value that the whole segment is.
fn personal(text: &str) -> Option<&'static str> {
    let mut whole = None;
    let scan = Scan { kind: LeafKind::Text, whole: true, today: 99_991_231, named: 0 };
    find(text, &scan, &mut |readings| {
        for reading in readings {
            let points = reading.confidence(Hints::default(), Hints::default());
            let all = (reading.start, reading.end) == (0, text.len());
            if all
                && reading.form == Form::Full
                && (points >= PERSONAL || points >= Observation::REPORTED)
                && whole.is_none()
            {
                whole = Some(reading.what.get().data.id);
            }
        }
    });
    whole
}

fn is_uuid(bytes: &[u8]) -> bool {
    bytes.len() == 36
        && bytes.iter().enumerate().all(|(at, b)| match at {
            8 | 13 | 18 | 23 => *b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}

/// `2026-11-23`, `2026-11`, `2026.11.23`.
fn is_written_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split(['-', '.', '_']).collect();
    let number = |at: usize, lengths: std::ops::RangeInclusive<usize>| {
        parts.get(at).filter(|p| lengths.contains(&p.len())).and_then(|p| p.parse::<u32>().ok())
    };
    match (parts.len(), number(0, 4..=4), number(1, 1..=2)) {
        (3, Some(year @ 1900..=2100), Some(month)) => {
            number(2, 1..=2).is_some_and(|day| is_date(year * 10_000 + month * 100 + day))
        }
        (2, Some(1900..=2100), Some(1..=12)) => true,
        _ => false,
    }
}

/// Long, of the base64 alphabets, letters and digits well mixed: an identifier that nobody typed.
fn is_random(bytes: &[u8]) -> bool {
    const SHORTEST: usize = 20;
    const BITS: f64 = 3.5;
    if bytes.len() < SHORTEST || !bytes.iter().all(|b| b.is_ascii_alphanumeric() || b"-_+/=.".contains(b)) {
        return false;
    }
    let turns = bytes.windows(2).filter(|w| matches!(w, [a, b] if a.is_ascii_digit() != b.is_ascii_digit())).count();
    let mut counts = [0u32; 256];
    for b in bytes {
        if let Some(count) = counts.get_mut(usize::from(*b)) {
            *count += 1;
        }
    }
    let length = bytes.len() as f64;
    let entropy: f64 = counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| {
            let share = f64::from(*count) / length;
            -share * share.log2()
        })
        .sum();
    turns >= 4 && entropy >= BITS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        let cases = [
            ("users", None),
            ("v1", None),
            ("2026", None),
            ("getUserInfoByIdCard2List", None),
            ("my-long-article-title-about-http2", None),
            ("张三", None),
            ("12345", Some("int")),
            ("20261123", Some("date")),
            ("2026-11-23", Some("date")),
            ("13912345678", Some("cn_mobile")),
            ("110101199003074610", Some("cn_resident_id")),
            ("6222021001116245702", Some("bank_card")),
            ("a%40corp.cn", Some("email")),
            ("1594023394283749376", Some("snowflake")),
            ("550e8400-e29b-41d4-a716-446655440000", Some("uuid")),
            ("5f4dcc3b5aa765d61d8327deb882cf99", Some("hex")),
            ("5f4dcc3b5aa765d61d8327deb882cf99.png", Some("file")),
            ("app.js", None),
            ("192.168.0.1", Some("ip")),
            ("eyJhbGciOiJIUzI1NiJ9x7Qp2", Some("base64")),
        ];
        for (text, expected) in cases {
            assert_eq!(form(&percent(text, false, 1).text), expected, "{text}");
        }
    }

    #[test]
    fn literals_are_redacted() {
        let redactor = Redactor::new(spyhop_model::Key::new([1; 32]));
        let Segment::Literal(text) = segment(&redactor, "tel:13912345678,x%40corp.cn") else { panic!("typed") };
        assert!(!text.contains("13912345678") && !text.contains("x@corp"), "{text}");
    }
}
