//! Whether a value can be a secret at all: disorder, kinds of characters, placeholders.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

/// Longest value that is weighed, in bytes; of a longer one its beginning is.
const LONGEST: usize = 512;

/// Shannon entropy in bits for a character.
pub fn entropy(value: &[u8]) -> f32 {
    let value = value.get(..LONGEST).unwrap_or(value);
    let mut counts = [0u16; 256];
    for b in value {
        counts[usize::from(*b)] += 1;
    }
    let length = value.len().max(1) as f32;
    counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| f32::from(*count) / length)
        .map(|share| -share * share.log2())
        .sum()
}

/// Kinds of characters in a value.
#[derive(Clone, Copy, Debug, Default)]
pub struct Kinds {
    /// Letters a to z.
    pub lower: bool,
    /// Letters A to Z.
    pub upper: bool,
    /// Digits.
    pub digit: bool,
    /// Signs that no path, name or version has.
    pub sign: bool,
    /// Blanks, control characters, anything beyond ASCII.
    pub other: bool,
    /// Digits and a to f in one case only.
    pub hexadecimal: bool,
}

/// Kinds of bytes, as bits.
mod kind {
    pub const LOWER: u8 = 1;
    pub const UPPER: u8 = 2;
    pub const DIGIT: u8 = 4;
    pub const SIGN: u8 = 8;
    pub const OTHER: u8 = 16;
    /// No hexadecimal digit.
    pub const BEYOND_F: u8 = 32;
}

const fn kinds_table() -> [u8; 256] {
    let mut table = [0; 256];
    let mut n = 0;
    while n < 256 {
        let b = n as u8;
        let what = match b {
            b'a'..=b'z' => kind::LOWER,
            b'A'..=b'Z' => kind::UPPER,
            b'0'..=b'9' => kind::DIGIT,
            b'!' | b'@' | b'#' | b'$' | b'%' | b'^' | b'&' | b'*' | b'+' | b'=' | b'?' | b'~' => kind::SIGN,
            _ if b.is_ascii_graphic() => 0,
            _ => kind::OTHER,
        };
        table[n] = what | if b.is_ascii_hexdigit() { 0 } else { kind::BEYOND_F };
        n += 1;
    }
    table
}
static KINDS: [u8; 256] = kinds_table();

impl Kinds {
    /// Of those bytes.
    pub fn of(value: &[u8]) -> Kinds {
        let seen = value.iter().fold(0, |seen, b| seen | KINDS[usize::from(*b)]);
        let has = |kind: u8| seen & kind != 0;
        let (lower, upper) = (has(kind::LOWER), has(kind::UPPER));
        Kinds {
            lower,
            upper,
            digit: has(kind::DIGIT),
            sign: has(kind::SIGN),
            other: has(kind::OTHER),
            hexadecimal: !(has(kind::BEYOND_F) || lower && upper),
        }
    }

    /// Letters and digits.
    pub fn is_mixed(self) -> bool {
        self.digit && (self.lower || self.upper)
    }
}

/// Parts of values that stand in examples, templates and masks, lower case.
const PLACEHOLDERS: &[&str] = &[
    "example",
    "xxxx",
    "your",
    "changeme",
    "change_me",
    "change-me",
    "changeit",
    "placeholder",
    "dummy",
    "sample",
    "***",
    "....",
    "____",
    "${",
    "#{",
    "{{",
    "<%",
    "%s",
    "%(",
    "$(",
    "insert",
    "redacted",
    "replace",
    "todo",
    "hidden",
    "masked",
    "removed",
    "undefined",
    "null",
    "process.env",
    "os.environ",
    "getenv",
    "123456789012",
    "abcdefghij",
    "0123456789abcdef",
    "deadbeef",
    "•••",
    "fake",
    "foobar",
    "notset",
    "not_set",
    "secret_key",
    "api_key",
    "access_key",
];

static PLACEHOLDER: LazyLock<Option<AhoCorasick>> =
    LazyLock::new(|| AhoCorasick::builder().ascii_case_insensitive(true).build(PLACEHOLDERS).ok());

static STOPWORDS: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let words = include_str!("../../data/secret_stopwords.txt").lines().filter(|word| word.len() >= 5);
    AhoCorasick::builder().ascii_case_insensitive(true).build(words).ok()
});

/// Whether a value stands for another one: a template, a mask, an example, a reference, one character repeated.
pub fn is_placeholder(value: &[u8]) -> bool {
    let value = value.get(..LONGEST).unwrap_or(value);
    let delimited = match (value.first(), value.last()) {
        (Some(b'<'), Some(b'>')) | (Some(b'['), Some(b']')) | (Some(b'{'), Some(b'}')) => true,
        (Some(b'%'), Some(b'%')) | (Some(b'@'), Some(b'@')) | (Some(b'('), Some(b')')) => true,
        // `$HOME` and `$1` name a variable.
        (Some(b'$'), _) => value.iter().skip(1).all(|b| b.is_ascii_alphanumeric() || *b == b'_'),
        _ => false,
    };
    let mut seen = [false; 256];
    let mut different = 0;
    for b in value {
        different += usize::from(!std::mem::replace(&mut seen[usize::from(*b)], true));
    }
    delimited
        || different <= (value.len() / 3).min(4)
        || PLACEHOLDER.as_ref().is_some_and(|words| words.is_match(value))
}

/// Six equal characters in a row: no random value of these lengths has them, though some formats do.
pub fn has_long_repetition(value: &[u8]) -> bool {
    value.windows(6).any(|w| w.iter().all(|b| Some(b) == w.first()))
}

/// Whether words stand in a value, which then is a name or a sentence, not random.
pub fn has_words(value: &[u8]) -> bool {
    let value = value.get(..LONGEST).unwrap_or(value);
    STOPWORDS.as_ref().is_some_and(|words| words.is_match(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disorder() {
        assert_eq!(entropy(b""), 0.0);
        assert_eq!(entropy(b"aaaaaaaa"), 0.0);
        assert!((entropy(b"abcdabcd") - 2.0).abs() < 1e-6);
        assert!(entropy(b"k3Jd82hXz0QpLm5v") > 3.9);
    }

    #[test]
    fn placeholders() {
        for value in [
            "xxxxxxxxxxxx",
            "${DB_PASSWORD}",
            "<your-key>",
            "AKIAIOSFODNN7EXAMPLE",
            "changeme",
            "******",
            "{{ secret }}",
            "$PASSWORD",
            "%PASSWORD%",
            "YOUR_API_KEY_HERE",
            "000000000000",
            "@db.password@",
            "abcabcabcabcabcabc",
        ] {
            assert!(is_placeholder(value.as_bytes()), "{value}");
        }
        for value in ["k3Jd82hXz0QpLm5v", "P@ssw0rd!2024", "9f86d081884c7d659a2feaa0c55ad015", "$tr0ngPa$$"] {
            assert!(!is_placeholder(value.as_bytes()), "{value}");
        }
    }

    #[test]
    fn kinds() {
        assert!(Kinds::of(b"a1").is_mixed());
        assert!(!Kinds::of(b"ab").is_mixed());
        assert!(Kinds::of("密码1".as_bytes()).other);
        assert!(Kinds::of(b"0fe9").hexadecimal && !Kinds::of(b"0fE9").hexadecimal);
    }
}
