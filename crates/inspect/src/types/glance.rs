//! Cheap looks at a value by the classes of its bytes, before it is read: most values hold nothing.

use super::scan::LABELLED;
use super::{accounts, world};
use crate::lanes::{LANES, has_run, signs};
use crate::secrets;
use crate::walk::{LeafKind, Look};

/// Whether a value can hold anything: a cheap look before its name and path are put together.
pub fn is_interesting(value: &[u8], kind: LeafKind) -> bool {
    match kind {
        LeafKind::Word => false,
        LeafKind::Number => value.len() >= 11,
        // Two Han characters, `a@b.cn`, or eleven digits; seven characters are the shortest masked number.
        LeafKind::Text => {
            let (digits, seen) = classes(value);
            let has = |class: u8| seen & class != 0;
            has(class::MARK)
                || accounts::is_in(value)
                || digits > 0
                    && (has(class::PERCENT)
                        || digits >= 11 && has_long_run(value)
                        || digits >= 4 && has(class::HIDES) && value.len() >= 7 && has_masking_run(value)
                        || is_code(value)
                        || digits >= 4 && has_label(value)
                        // Nine digits, or fewer with a capital or a bracket.
                        || (digits >= 9 || digits >= 4 && has(class::JOINS)) && world::may_hold(value))
        }
    }
}

/// Whether a value holds nothing at first sight, neither for [`is_interesting`] nor a secret.
#[inline]
pub fn is_plain(look: &Look, value: &[u8], kind: LeafKind) -> bool {
    match kind {
        LeafKind::Word => true,
        LeafKind::Number => look.len < 11,
        LeafKind::Text if look.marks || look.underscores && accounts::is_in(value) => false,
        // Neither long enough for a key, nor of digits enough for a number.
        LeafKind::Text if look.len < 16 && look.has_few_digits() => true,
        LeafKind::Text if look.digits == 0 && !look.more_digits && !look.joints => true,
        LeafKind::Text => {
            look.len == 10 && is_day(look, value) || is_time(look, value) || look.len <= LANES && is_wordy(look, value)
        }
    }
}

/// Whether a value of at most [`LANES`] bytes without [marks](Look::marks) is of names and small numbers: too few
/// digits together for any type, no sign of a label, no run as keys have them and no word that speaks of secrets.
fn is_wordy(look: &Look, value: &[u8]) -> bool {
    /// Characters of the shortest code of capitals and digits, and of the shortest key.
    const CODE: u32 = 7;
    const KEY: u32 = 16;
    let signs = signs(value);
    let digits = look.digits.count_ones();
    let has_code = signs.code != signs.digits && (digits > 5 || has_run(signs.code, CODE));
    let is_number = digits >= 4 && (digits > 8 || signs.hides != 0 || signs.points.count_ones() > 2 || has_code);
    if is_number || signs.labels != 0 || matches!(look.len, 17 | 18) && is_code(value) {
        return false;
    }
    let speaks = signs.w | signs.underscores | signs.c << 1 & signs.r | signs.s << 1 & signs.p;
    (look.len as u32) < KEY
        || speaks == 0
            && !has_run(signs.word, KEY)
            && signs.hyphens << 1 & signs.hyphens == 0
            && !secrets::begins_known(value)
}

/// Whether it begins with a day as ISO 8601 writes it.
fn is_day(look: &Look, value: &[u8]) -> bool {
    look.digits & 0x3FF == 0b11_0110_1111 && matches!(value, [b'1' | b'2', _, _, _, b'-', _, _, b'-', ..])
}

/// Whether it is a day and a time of the day: `2026-01-31 12:00:00`, `2026-01-31T12:00:00Z`.
fn is_time(look: &Look, value: &[u8]) -> bool {
    const DIGITS: u32 = 0b110_1101_1011_0110_1111;
    is_day(look, value)
        && look.digits == DIGITS
        && matches!(
            value.get(10..),
            Some([b' ' | b'T', _, _, b':', _, _, b':', _, _] | [b' ' | b'T', _, _, b':', _, _, b':', _, _, b'Z'])
        )
}

/// Classes of bytes in a value.
mod class {
    pub const DIGIT: u8 = 1;
    /// Beyond ASCII, `@`, `*`.
    pub const MARK: u8 = 2;
    pub const PERCENT: u8 = 4;
    /// A letter that may mask.
    pub const HIDES: u8 = 8;
    /// A capital, or an opening bracket.
    pub const JOINS: u8 = 16;
}

const fn class_table() -> [u8; 256] {
    let mut table = [0; 256];
    let mut n = 0;
    while n < 256 {
        table[n] = match n as u8 {
            b'0'..=b'9' => class::DIGIT,
            b'%' => class::PERCENT,
            b'@' | b'*' | 0x80.. => class::MARK,
            b'X' => class::HIDES | class::JOINS,
            b'x' | b'#' => class::HIDES,
            b'A'..=b'Z' | b'(' => class::JOINS,
            _ => 0,
        };
        n += 1;
    }
    table
}
static CLASSES: [u8; 256] = class_table();

/// How many digits a value has, and the classes of all its bytes.
fn classes(value: &[u8]) -> (u32, u8) {
    /// Up to here a table is quicker than setting up sums.
    const SHORT: usize = 32;
    let (mut digits, mut seen) = (0u32, 0u8);
    if value.len() <= SHORT {
        for b in value {
            let class = CLASSES[usize::from(*b)];
            digits += u32::from(class & class::DIGIT);
            seen |= class;
        }
        return (digits, seen);
    }
    // Sums of bytes, so that the compiler counts many at a time.
    for chunk in value.chunks(128) {
        let (mut count, mut marks) = (0u8, 0u8);
        for b in chunk {
            count += u8::from(b.wrapping_sub(b'0') < 10);
            marks |= (b & 0x80) | u8::from(*b == b'@') | u8::from(*b == b'*');
        }
        digits += u32::from(count);
        if marks != 0 {
            return (digits, class::MARK);
        }
    }
    // Only where digits are does the rest matter.
    if digits > 0 {
        seen |= value.iter().fold(0, |seen, b| seen | CLASSES[usize::from(*b)]);
    }
    (digits, seen)
}

/// Whether it is as long as a code of letters and digits (vehicle, organisation), or a hardware address.
fn is_code(value: &[u8]) -> bool {
    let is_plain = || value.iter().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
    match value.len() {
        17 => matches!(value.get(2), Some(b':' | b'-')) || is_plain(),
        18 => is_plain(),
        _ => false,
    }
}

/// Whether a short text may be a name and its value (`ip=8.8.4.4`), an address of the network, or a number whose area
/// code stands in brackets.
fn has_label(value: &[u8]) -> bool {
    let is_address = matches!(value, [b'2' | b'3', _, _, _, b':', ..])
        || value.len() <= 15 && value.iter().filter(|b| **b == b'.').count() == 3;
    let is_label = |pair: &[u8]| matches!(pair, [b'=', _] | b": ");
    is_address || value.first() == Some(&b'(') || value.len() <= LABELLED && value.windows(2).any(is_label)
}

/// Whether eleven digits stand together, with single spaces or hyphens between at most: dates and hashes have fewer.
fn has_long_run(value: &[u8]) -> bool {
    let (mut run, mut before) = (0, b' ');
    value.iter().any(|b| {
        match b {
            b'0'..=b'9' => run += 1,
            b' ' | b'-' if before.is_ascii_digit() => {}
            _ => run = 0,
        }
        before = *b;
        run >= 11
    })
}

/// Whether a letter that may mask stands three times in a row.
pub(super) fn has_masking_run(value: &[u8]) -> bool {
    value.windows(3).any(|w| matches!(w, b"xxx" | b"XXX" | b"###"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lanes::look;
    use crate::secrets::Secrets;

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(4_000))]
        #[test]
        fn what_is_plain_holds_nothing(
            parts in proptest::collection::vec(
                "[0-9]{1,9}|[A-Z]{1,4}|[a-z]{1,6}|[-_.:=(/ #x@%+~]|xxx|wxid_|pass|word|pwd|secret|phrase|://|--|AKIA|ghp_|[\\\\]n|\t|20[0-9]{2}-[0-9]{2}-[0-9]{2}|T?[0-9]{2}:[0-9]{2}:[0-9]{2}Z?|张",
                0..7,
            )
        ) {
            let value = parts.concat();
            let value = value.as_bytes();
            for kind in [LeafKind::Text, LeafKind::Number, LeafKind::Word] {
                if is_plain(&look(value), value, kind) {
                    let may_be_secret = kind == LeafKind::Text && Secrets::new().may_find(value);
                    proptest::prop_assert!(!is_interesting(value, kind) && !may_be_secret, "{:?}", parts);
                }
            }
        }
    }

    #[test]
    fn most_values_of_records_are_plain() {
        for value in [
            "ON_SALE",
            "SKU-1234",
            "2026-03-04",
            "2026-03-04T10:15:00Z",
            "/static/img/87/1234.png",
            "folding chair steel garden lamp and more of them",
            "req-000123",
        ] {
            assert!(is_plain(&look(value.as_bytes()), value.as_bytes(), LeafKind::Text), "{value}");
        }
    }
}
