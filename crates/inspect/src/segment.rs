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

/// The form of a decoded segment; `None` for what is a name of its own, such as `users` or `v1`.
pub fn form(text: &str) -> Option<&'static str> {
    let bytes = text.as_bytes();
    if bytes.is_empty() || bytes.iter().all(|b| b.is_ascii_alphabetic()) {
        return None;
    }
    if let Some(locale) = locale(text) {
        return Some(locale);
    }
    if let Some(personal) = personal(text) {
        return Some(personal);
    }
    if is_list_of_numbers(bytes) {
        return Some("int");
    }
    if bytes.iter().all(u8::is_ascii_digit) {
        return match (bytes.len(), text.parse::<u32>()) {
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
    if is_digest(text) {
        return Some("hash");
    }
    if both && bytes.len() >= 16 && bytes.iter().all(u8::is_ascii_hexdigit) {
        return Some("hex");
    }
    if let Some((stem, end)) = text.rsplit_once('.')
        && (2..=5).contains(&end.len())
        && end.bytes().all(|b| b.is_ascii_alphanumeric())
        && form(stem).is_some()
    {
        let known = FILES.iter().find(|name| name.strip_prefix("file.").is_some_and(|known| known == end));
        return Some(known.copied().unwrap_or("file"));
    }
    if is_slug(text) || !is_random(bytes) {
        return None;
    }
    let upper = bytes.iter().any(u8::is_ascii_uppercase);
    let lower = bytes.iter().any(u8::is_ascii_lowercase);
    let one_case = bytes.iter().all(u8::is_ascii_alphanumeric) && !(upper && lower);
    Some(if one_case { "b36" } else { "base64" })
}

/// Files whose name says nothing, by their extension; further extensions are `file`.
const FILES: &[&str] = &[
    "file.avi",
    "file.bmp",
    "file.css",
    "file.csv",
    "file.doc",
    "file.docx",
    "file.gif",
    "file.gz",
    "file.htm",
    "file.html",
    "file.ico",
    "file.jpeg",
    "file.jpg",
    "file.js",
    "file.json",
    "file.map",
    "file.mp3",
    "file.mp4",
    "file.pdf",
    "file.png",
    "file.ppt",
    "file.pptx",
    "file.rar",
    "file.svg",
    "file.tar",
    "file.ttf",
    "file.txt",
    "file.wasm",
    "file.webp",
    "file.woff",
    "file.woff2",
    "file.xls",
    "file.xlsx",
    "file.xml",
    "file.zip",
];

/// Languages (ISO 639-1) and regions (ISO 3166-1) that locales in lower case are read by: `zh-cn`, but not `go-to`.
const LANGUAGES: &[&str] = &[
    "ar", "cs", "da", "de", "el", "en", "es", "fi", "fr", "he", "hi", "hu", "id", "it", "ja", "ko", "ms", "nb", "nl",
    "pl", "pt", "ru", "sv", "th", "tr", "ug", "uk", "vi", "zh",
];
const REGIONS: &[&str] = &[
    "ae", "ar", "at", "au", "be", "br", "ca", "ch", "cl", "cn", "cz", "de", "dk", "es", "fi", "fr", "gb", "hk", "hu",
    "id", "ie", "il", "in", "it", "jp", "kr", "mo", "mx", "my", "nl", "no", "nz", "ph", "pl", "pt", "ru", "sa", "se",
    "sg", "th", "tr", "tw", "ua", "us", "vn", "za",
];

/// A language with a region, with or without a script between (RFC 5646; with `_` as in POSIX): `zh-CN`, `zh_Hans_CN`.
/// A language alone is a name like any other.
fn locale(text: &str) -> Option<&'static str> {
    let mut parts = text.split(['-', '_']);
    let (language, mut region) = (parts.next()?, parts.next()?);
    let scripts = ["hans", "hant", "latn", "cyrl"];
    if scripts.iter().any(|script| script.eq_ignore_ascii_case(region)) {
        match parts.next() {
            Some(next) => region = next,
            None => return LANGUAGES.contains(&language).then_some("locale"),
        }
    }
    let is_region = REGIONS.iter().any(|known| known.eq_ignore_ascii_case(region));
    (parts.next().is_none() && LANGUAGES.contains(&language) && is_region).then_some("locale")
}

/// `1,2,3`: several numbers in the place of one, as in `DELETE /user/1,2,3`; or a negative one.
fn is_list_of_numbers(bytes: &[u8]) -> bool {
    let digits = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
    match bytes {
        [b'-', rest @ ..] => digits(rest),
        _ => bytes.contains(&b',') && bytes.split(|b| *b == b',').all(digits),
    }
}

/// A digest in hexadecimal by its length (SHA-1, SHA-224 to SHA-512; MD5 looks like any other hexadecimal identifier), or
/// one that names its algorithm: `sha256:…`.
fn is_digest(text: &str) -> bool {
    let (named, digits) = match text.split_once([':', '-']) {
        Some((name, rest)) if ["md5", "sha1", "sha224", "sha256", "sha384", "sha512", "sm3"].contains(&name) => {
            (true, rest)
        }
        _ => (false, text),
    };
    let lengths: &[usize] = if named { &[32, 40, 56, 64, 96, 128] } else { &[40, 56, 64, 96, 128] };
    lengths.contains(&digits.len())
        && digits.bytes().all(|b| b.is_ascii_hexdigit())
        && digits.bytes().any(|b| b.is_ascii_digit())
        && digits.bytes().any(|b| b.is_ascii_alphabetic())
}

/// Words with marks between them, as somebody wrote them: `ten-ways-to-use-http2-in-2026`. A random text that has marks
/// has pieces in which letters and digits alternate.
fn is_slug(text: &str) -> bool {
    const WORD: usize = 16;
    let mut words = 0;
    for word in text.split(['-', '_', '.']) {
        let digits_behind = word.trim_start_matches(|c: char| c.is_ascii_alphabetic());
        let upper = word.bytes().skip(1).filter(u8::is_ascii_uppercase).count();
        let written = word.len() <= WORD && digits_behind.bytes().all(|b| b.is_ascii_digit()) && upper <= 1;
        if word.is_empty() || !written {
            return false;
        }
        words += 1;
    }
    words >= 3
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
            ("2026", Some("int")),
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
            ("5f4dcc3b5aa765d61d8327deb882cf99.png", Some("file.png")),
            ("5f4dcc3b5aa765d61d8327deb882cf99.xyz", Some("file")),
            ("da39a3ee5e6b4b0d3255bfef95601890afd80709", Some("hash")),
            ("sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", Some("hash")),
            ("k3j9x2m4q8w1z7v5t6y0b", Some("b36")),
            ("1,2,3", Some("int")),
            ("-1", Some("int")),
            ("zh-CN", Some("locale")),
            ("en_US", Some("locale")),
            ("zh-Hans-CN", Some("locale")),
            ("zh-cn", Some("locale")),
            ("zh", None),
            ("go-to", None),
            ("add-on", None),
            ("chaxun-dingdan", None),
            ("daochuYonghu", None),
            ("用户导出", None),
            ("%E7%94%A8%E6%88%B7%E5%AF%BC%E5%87%BA", None),
            ("10-ways-to-use-http2-in-2026-part3", None),
            ("v1.2", None),
            ("api-v2-users", None),
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
