//! Telephone numbers in international form (ITU-T E.164).
//!
//! The length of a national number and its first digit, by country code, tell enough beside the plus sign; a library of
//! numbering plans would need a fifth of a second at its first number.

use std::sync::LazyLock;

use spyhop_model::{Category, DataType, Grade, Personal, Text};

use super::super::contact::MOBILE;
use super::super::reading::{Readings, Spot};
use super::super::tables::lines;
use super::super::validators::is_trivial;
use super::super::{Candidate, Scan, Type, TypeId};
use super::checks::digit;
use spyhop_model::Form;

/// Telephone number with a plus sign and country code.
pub(in crate::types) static PHONE_INTL: Type = Type {
    strong: MOBILE.strong,
    medium: &["contact", "contacts", "fax", "whatsapp", "wa", "传真", "联系人"],
    numeric: true,
    subject: 3,
    canonical: |value| value.chars().filter(char::is_ascii_digit).collect(),
    ..Type::new(DataType::new(
        "phone_intl",
        Text { en: "international telephone number", zh: "国际电话号码" },
        Category::Contact,
        Grade::L3,
        Personal::Personal,
    ))
};

/// By country code: lengths of national numbers and first digits of them, as bits.
static CODES: LazyLock<Vec<(u16, u16)>> = LazyLock::new(|| {
    let mut codes = vec![(0, 0); 1000];
    for line in lines(include_str!("../../../data/phone_codes.tsv")) {
        let mut columns = line.split('\t');
        let code = columns.next().and_then(|code| code.parse::<usize>().ok());
        let numbers = columns.next().unwrap_or_default().split(',').filter_map(|n| n.parse::<u32>().ok());
        let lengths = numbers.filter(|n| *n < 16).fold(0, |bits, n| bits | 1u16 << n);
        let digits = columns.next().unwrap_or_default().bytes().filter(u8::is_ascii_digit);
        let firsts = digits.fold(0, |bits, b| bits | 1u16 << digit(b));
        if let Some(slot) = code.and_then(|code| codes.get_mut(code)) {
            *slot = (lengths, firsts);
        }
    }
    codes
});

/// Whether digits begin with a country code and go on as long as that country's numbers are.
fn is_number(digits: &[u8]) -> bool {
    if !(7..=15).contains(&digits.len()) {
        return false;
    }
    let mut code = 0;
    digits.iter().take(3).enumerate().any(|(at, b)| {
        code = code * 10 + digit(*b) as usize;
        let (lengths, firsts) = CODES.get(code).copied().unwrap_or_default();
        let first = digits.get(at + 1).map_or(0, |b| digit(*b));
        lengths >> (digits.len() - at - 1) & 1 == 1 && firsts >> first & 1 == 1
    })
}

/// Points of digits after a plus sign. Numbers of China are types of their own.
fn points(digits: &[u8]) -> Option<i16> {
    (!digits.starts_with(b"86") && is_number(digits)).then_some(70)
}

/// `+442079460958`, `+44 20 7946 0958`.
pub(super) fn number(spot: &Spot<'_>, out: &mut Readings) {
    if let Some(points) = points(spot.compact).filter(|_| spot.is_number()) {
        let mut candidate = spot.candidate(TypeId::PHONE_INTL, points);
        candidate.test_value = is_trivial(spot.compact);
        out.push(candidate);
    }
}

/// `+1 (212) 555-0100`, `+49 (0)30 901820`, `+49/30/901820`, `+33.1.23.45.67.89`: the number whose plus sign is before
/// the digit at `at`, if it has brackets, slashes or points in it.
pub(in crate::types) fn bracketed(bytes: &[u8], at: usize, scan: &Scan, text: bool) -> Option<Candidate> {
    const LONGEST: usize = 28;
    let start = at.checked_sub(1).filter(|start| bytes.get(*start) == Some(&b'+'))?;
    let is_part = |b: &u8| b.is_ascii_digit() || b" -().".contains(b) || *b == b'/';
    let rest = bytes.get(at..)?;
    let mut length = rest.iter().take(LONGEST).take_while(|b| is_part(b)).count();
    let is_bound = !start.checked_sub(1).and_then(|p| bytes.get(p)).is_some_and(u8::is_ascii_alphanumeric);
    if !is_bound
        || !rest.get(..length)?.iter().any(|b| b"()./".contains(b))
        || scan.kind == crate::walk::LeafKind::Number
    {
        return None;
    }
    // Words of digits that follow are left out, one after the other.
    loop {
        while length > 0 && !rest.get(length - 1)?.is_ascii_digit() {
            length -= 1;
        }
        let written = rest.get(..length).filter(|written| written.len() > 6)?;
        let mut digits = [0u8; LONGEST];
        let mut count = 0;
        let mut left = written;
        while let Some((b, after)) = left.split_first() {
            left = after;
            match b {
                // The zero before the area, which is not dialled from abroad.
                b'(' if after.starts_with(b"0)") => left = after.get(2..)?,
                b'0'..=b'9' => {
                    *digits.get_mut(count)? = *b;
                    count += 1;
                }
                _ => {}
            }
        }
        if bytes.get(at + length).is_some_and(u8::is_ascii_alphanumeric) {
            return None;
        }
        if let Some(points) = points(digits.get(..count)?) {
            let points = points - if text { 10 } else { 0 };
            return Some(Candidate::new(TypeId::PHONE_INTL, Form::Full, (start, at + length), points));
        }
        length = written.iter().rposition(|b| *b == b' ')?;
    }
}
