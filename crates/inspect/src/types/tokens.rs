//! Codes of letters and digits, and numbers with dots or colons: found around their first digit, each read once by
//! every family.

use super::reading::{Readings, Spot, Written};
use super::scan::Scan;
use super::{device, organisation, vehicle, world};

/// Longest code, separators not counted.
const LONGEST: usize = 40;
/// Shortest code but for addresses of the network.
const SHORTEST: usize = 8;
/// Most groups of a code.
const GROUPS: usize = 10;

/// What reads codes, by family; in the order of [`TYPES`](super::TYPES) where their readings can be equal.
const READERS: &[fn(&Spot<'_>, &mut Readings)] = &[organisation::code, vehicle::code, device::code, world::code];

/// Reads the code around the digit at `at`: tells where to go on, beyond the letters and digits that stand together
/// here. In `text` both sides must be borders; otherwise the code must be all there is.
pub(super) fn read(bytes: &[u8], at: usize, text: bool, scan: &Scan, out: &mut Readings) -> usize {
    let end = at + after(bytes, at);
    let start = at - before(bytes, at);
    let start = start - prefix(bytes, start, end);
    let first = match bytes.get(end) {
        _ if bracketed(bytes, end).is_some() => [Some(Written::Bracketed), None],
        Some(b':') => [Some(Written::Colons), None],
        Some(b'-') if end - start == 2 => [Some(Written::Colons), Some(Written::Grouped)],
        Some(b'.' | b'/') => [Some(Written::Dotted), None],
        Some(b'-') => [Some(Written::Grouped), may_be_dotted(bytes, start, end).then_some(Written::Dotted)],
        Some(b' ') => [Some(Written::Grouped), None],
        _ => [None, None],
    };
    for written in first.into_iter().flatten().chain([Written::Plain]) {
        if !may_be_read(written, end - start) {
            continue;
        }
        let mut lengths = [0usize; GROUPS];
        let Some((stop, length, count)) = measure(bytes, start, written, &mut lengths) else { continue };
        // Of fewer characters only addresses of the network are read.
        if length < SHORTEST && (written, count) != (Written::Dotted, 4) {
            continue;
        }
        let mut compact = [0u8; LONGEST];
        let characters = bytes.get(start..stop).unwrap_or_default().iter().filter(|b| b.is_ascii_alphanumeric());
        compact.iter_mut().zip(characters).for_each(|(slot, b)| *slot = *b);
        let spot = Spot {
            around: bytes,
            span: (start, stop),
            compact: compact.get(..length).unwrap_or_default(),
            written,
            groups: lengths.get(..count).unwrap_or_default(),
            plus: false,
            text,
            scan,
        };
        let is_all = text || (start, stop) == (0, bytes.len());
        if !is_all || !spot.is_bound() {
            continue;
        }
        READERS.iter().for_each(|reader| reader(&spot, out));
        if !out.is_empty() {
            return stop.max(end);
        }
    }
    end
}

/// Whether points or slashes may follow the hyphen at `end`, or it is a number, where hyphens alone are enough.
fn may_be_dotted(bytes: &[u8], start: usize, end: usize) -> bool {
    let rest = bytes.get(end..bytes.len().min(end + 2 * LONGEST)).unwrap_or_default();
    bytes.get(start).is_some_and(u8::is_ascii_digit) || memchr::memchr2(b'.', b'/', rest).is_some()
}

/// Whether any family reads what is written so and begins with that many letters and digits.
fn may_be_read(written: Written, first: usize) -> bool {
    match written {
        Written::Plain => first >= SHORTEST,
        // Hardware addresses.
        Written::Colons => first == 2,
        _ => true,
    }
}

/// Letters and digits that stand before `at`.
fn before(bytes: &[u8], at: usize) -> usize {
    let head = bytes.get(at.saturating_sub(LONGEST)..at).unwrap_or_default();
    head.iter().rev().take_while(|b| b.is_ascii_alphanumeric()).count()
}

/// Length of a prefix and its separator before the code that begins at `start`: `AB 12 34 56 C`, `X-1234567-L`.
pub(super) fn prefix(bytes: &[u8], start: usize, end: usize) -> usize {
    let head = bytes.get(start.saturating_sub(4)..start).unwrap_or_default();
    let digits = bytes.get(start..end).unwrap_or_default().iter().take_while(|b| b.is_ascii_digit()).count();
    let is_free = |head: &[u8]| !head.last().is_some_and(u8::is_ascii_alphanumeric);
    match head {
        [before @ .., a, b, b' ']
            if a.is_ascii_uppercase() && b.is_ascii_uppercase() && matches!(digits, 2 | 6) && is_free(before) =>
        {
            3
        }
        [before @ .., b'X'..=b'Z', b'-'] if digits == 7 && is_free(before) => 2,
        _ => 0,
    }
}

/// A character in brackets at `at`, as in `A123456(3)`, narrow or full-width: it, and the byte after them.
fn bracketed(bytes: &[u8], at: usize) -> Option<(u8, usize)> {
    let (check, length) = match bytes.get(at..)? {
        [b'(', check, b')', ..] => (check, 3),
        [0xEF, 0xBC, 0x88, check, 0xEF, 0xBC, 0x89, ..] => (check, 7),
        _ => return None,
    };
    check.is_ascii_alphanumeric().then_some((*check, at + length))
}

/// Letters and digits from `at` on.
fn after(bytes: &[u8], at: usize) -> usize {
    // No code is longer; what is, is passed over piece by piece.
    let rest = bytes.get(at..(at + LONGEST + 1).min(bytes.len())).unwrap_or_default();
    rest.iter().position(|b| !b.is_ascii_alphanumeric()).unwrap_or(rest.len())
}

/// Groups of letters and digits from `start` on with separators of that kind between: where they end, how many
/// characters and how many groups; groups beyond the longest code are left out. `None` where the first is too long, or
/// the only one though separators are asked for.
fn measure(
    bytes: &[u8],
    start: usize,
    written: Written,
    lengths: &mut [usize; GROUPS],
) -> Option<(usize, usize, usize)> {
    let (mut at, mut length, mut count) = (start, 0, 0);
    loop {
        let size = after(bytes, at);
        let Some(group) = lengths.get_mut(count).filter(|_| length + size <= LONGEST) else {
            // The words after it.
            at = at.checked_sub(1).filter(|_| count > 0)?;
            break;
        };
        *group = size;
        (at, length, count) = (at + size, length + size, count + 1);
        if written == Written::Bracketed {
            let (_, stop) = bracketed(bytes, at)?;
            *lengths.get_mut(count)? = 1;
            return (length < LONGEST).then_some((stop, length + 1, count + 1));
        }
        let separates = match (written, bytes.get(at)) {
            (Written::Plain, _) => false,
            (Written::Grouped, Some(b' ' | b'-')) => true,
            (Written::Dotted, Some(b'.' | b'-' | b'/')) => true,
            (Written::Colons, Some(b':')) => true,
            (Written::Colons, Some(b'-')) => size == 2,
            _ => false,
        };
        if !separates || !bytes.get(at + 1).is_some_and(u8::is_ascii_alphanumeric) {
            break;
        }
        at += 1;
    }
    (count > 1 || written == Written::Plain).then_some((at, length, count))
}
