//! One value of each type, valid or invalid, in full or masked.

pub(super) mod abroad;
pub(super) mod contact;
pub(super) mod device;
pub(super) mod finance;
pub(super) mod identity;
pub(super) mod person;

use crate::rng::Rng;

/// Upper-case letters.
pub(super) const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
/// Letters and digits as tokens have them.
pub(super) const TOKEN: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
/// Capitals and digits without those that are mistaken for each other.
pub(super) const PLAIN: &str = "ABCDEFGHJKLMNPQRSTUVWXYZ0123456789";

/// `count` digits of which the first is not zero.
pub(super) fn number(rng: &mut Rng, count: usize) -> String {
    let mut digits = rng.digits(count);
    if digits.starts_with('0') {
        digits.replace_range(..1, &(1 + rng.below(9)).to_string());
    }
    digits
}

/// A day of the calendar from 1930 to 2025: year, month, day.
pub(super) fn day(rng: &mut Rng) -> (u64, u64, u64) {
    let (year, month) = (rng.range(1930..2026), rng.range(1..13));
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u64::from(leap),
        _ => 31,
    };
    (year, month, rng.range(1..days + 1))
}

/// A character of the same class, but another one.
pub(super) fn other(c: char) -> char {
    match c {
        '9' => '0',
        '0'..='8' => char::from(c as u8 + 1),
        'Z' => 'A',
        'A'..='Y' => char::from(c as u8 + 1),
        _ => '3',
    }
}

/// The value with its last character changed.
pub(super) fn spoil_last(value: &str) -> String {
    let mut out = value.to_owned();
    let last = out.pop().unwrap_or('0');
    out.push(other(last));
    out
}

/// A value that keeps `head` and `tail` characters and hides the others.
pub(super) fn hide(value: &str, head: usize, tail: usize) -> String {
    let count = value.chars().count();
    value.chars().enumerate().map(|(at, c)| if at < head || at + tail >= count { c } else { '*' }).collect()
}
