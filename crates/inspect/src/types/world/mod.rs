//! International types: national identity and tax numbers, IBAN, telephone numbers.
//!
//! A checksum that one number in ten passes proves little: where the way of writing says nothing more, the points
//! without a name stay below a candidate's, and the name reports the value.

pub(super) mod america;
pub(super) mod asia;
mod checks;
pub(super) mod europe;
pub(super) mod iban;
pub(super) mod pacific;
pub(super) mod phone;
#[cfg(test)]
mod tests;

use spyhop_model::{Category, DataType, Grade, Personal, Text};

use super::Type;
use super::reading::{Readings, Spot, Written};

/// Names of any identity document, whatever the country.
const DOCUMENT: &[&str] = &[
    "idcard",
    "idcardno",
    "idcardnumber",
    "idno",
    "idnum",
    "idnumber",
    "identitycard",
    "identityno",
    "identitynumber",
    "identificationnumber",
    "nationalid",
    "nationalidnumber",
    "nationalnumber",
    "govid",
    "governmentid",
    "taxid",
    "taxnumber",
    "taxno",
    "tin",
    "personalid",
    "documentno",
    "documentnumber",
    "certno",
    "certnumber",
    "证件号",
    "证件号码",
    "身份证",
    "身份证号",
    "身份证号码",
    "税号",
];

/// A national identity or tax number.
const fn document(id: &'static str, name: Text) -> Type {
    Type {
        medium: DOCUMENT,
        strong_points: (40, 45),
        subject: 2,
        ..Type::new(DataType::new(id, name, Category::Identity, Grade::L4, Personal::Sensitive))
    }
}

/// The same, where the number alone is not sensitive (GB/T 45574-2025).
const fn document_in_context(id: &'static str, name: Text) -> Type {
    let mut kind = document(id, name);
    kind.data.personal = Personal::Personal;
    kind.data.sensitive_in_context = true;
    kind
}

/// Points of digits together that a checksum of one digit passes: less than a candidate without any name.
const BARE: i16 = 35;

/// Runs of digits.
pub(super) fn number(spot: &Spot<'_>, out: &mut Readings) {
    if spot.plus {
        return phone::number(spot, out);
    }
    if !(9..=15).contains(&spot.compact.len()) || !spot.is_number() {
        return;
    }
    match spot.compact.len() {
        9 => {
            america::nine(spot, out);
            pacific::nine(spot, out);
        }
        11 => {
            america::cpf(spot, out);
            europe::eleven(spot, out);
        }
        12 => asia::twelve(spot, out),
        13 => asia::thirteen(spot, out),
        15 => europe::nir(spot, out),
        _ => {}
    }
}

/// Codes of letters and digits, and numbers with dots or brackets.
pub(super) fn code(spot: &Spot<'_>, out: &mut Readings) {
    let Some(first) = spot.compact.first() else { return };
    if spot.written == Written::Colons || spot.compact.len() < 8 {
        return;
    }
    // In text, small letters before digits are words of a program.
    if spot.text && spot.compact.iter().any(u8::is_ascii_lowercase) && spot.written != Written::Grouped {
        return;
    }
    if first.is_ascii_digit() {
        match (spot.compact.len(), spot.written) {
            (8, Written::Bracketed) => asia::macao(spot, out),
            (11, Written::Dotted) if spot.is_number() => america::cpf(spot, out),
            (9, Written::Plain | Written::Grouped) => europe::dni(spot, out),
            (15.., _) => europe::nir(spot, out),
            _ => {}
        }
        return;
    }
    iban::code(spot, out);
    europe::code(spot, out);
    asia::code(spot, out);
}

/// The spot's characters in upper case, if it has exactly `N`.
fn upper<const N: usize>(compact: &[u8]) -> Option<[u8; N]> {
    <[u8; N]>::try_from(compact).ok().map(|code| code.map(|b| b.to_ascii_uppercase()))
}

/// Whether a shape fits: `A` is a capital letter, `9` a digit.
fn has_shape(code: &[u8], shape: &[u8]) -> bool {
    code.len() == shape.len()
        && code
            .iter()
            .zip(shape)
            .all(|(b, sign)| if *sign == b'A' { b.is_ascii_uppercase() } else { b.is_ascii_digit() })
}

/// Whether a text may hold a number of nine digits or more in groups, or a code of these types: a cheap look.
pub(super) fn may_hold(value: &[u8]) -> bool {
    if is_date_time(value) {
        return false;
    }
    // Digits with single separators between; length, digits and capitals of the word, whether others are in it.
    let (mut run, mut length, mut digits, mut capitals, mut is_other) = (0, 0, 0, 0, false);
    let mut before = b' ';
    for b in value.iter().copied().chain([b' ']) {
        match b {
            b'0'..=b'9' => {
                run += 1;
                digits += 1;
                length += 1;
            }
            b'A'..=b'Z' => {
                // `12 34 56 C`, `12345678Z`.
                if run >= 6 && (before.is_ascii_digit() || matches!(before, b' ' | b'-')) {
                    return true;
                }
                run = 0;
                capitals += 1;
                length += 1;
            }
            _ => {
                let is_separator = matches!(b, b' ' | b'-' | b'.' | b'(' | b')')
                    && (before.is_ascii_digit() || matches!(before, b' ' | b'(' | b')'));
                if run >= 9 || !is_other && capitals > 0 && digits >= 4 && length >= 7 || run >= 7 && b == b'(' {
                    return true;
                }
                if !is_separator {
                    run = 0;
                }
                is_other = b.is_ascii_lowercase() || is_other && b == b'_';
                (length, digits, capitals) = (0, 0, 0);
            }
        }
        before = b;
    }
    false
}

/// A date and a time of the day, as ISO 8601 and programs write it: they are in most records.
fn is_date_time(value: &[u8]) -> bool {
    const LONGEST: usize = 35;
    matches!(value, [b'1' | b'2', _, _, _, b'-' | b'/', _, _, b'-' | b'/', _, _, ..])
        && value.len() <= LONGEST
        && value
            .iter()
            .all(|b| b.is_ascii_digit() || matches!(b, b'-' | b'/' | b':' | b'.' | b'+' | b' ' | b'T' | b'Z'))
}
