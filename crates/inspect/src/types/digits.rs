//! Runs of digits: one pass collects them, each is read once by every family, whole and in its usual groupings.

use arrayvec::ArrayVec;

use super::reading::{Readings, Spot, Written};
use super::{Scan, accounts, contact, device, documents, finance, identity, landline, organisation, world};

/// What reads numbers, by family; in the order of [`TYPES`](super::TYPES) where their readings can be equal.
const READERS: &[fn(&Spot<'_>, &mut Readings)] = &[
    identity::number,
    contact::number,
    finance::number,
    documents::number,
    organisation::number,
    device::number,
    landline::number,
    accounts::number,
    world::number,
];

/// Fewest digits of any number without a plus sign.
const SHORTEST: usize = 9;
/// Digits of a number in groups that other numbers may stand beside.
const LISTED: usize = 13;
/// Most groups of a run that are looked at together.
const GROUPS: usize = 16;

/// Digits, perhaps in groups with single spaces or hyphens between.
#[derive(Debug, Default)]
pub(super) struct Run {
    /// First byte, a plus sign included.
    pub start: usize,
    /// Byte after the last, an `X` included.
    pub end: usize,
    has_plus: bool,
    groups: ArrayVec<(usize, usize), GROUPS>,
}

impl Run {
    /// The run whose first digit is at `at`.
    pub fn collect(bytes: &[u8], at: usize) -> Run {
        let mut run = Run { start: at, ..Run::default() };
        if at.checked_sub(1).and_then(|p| bytes.get(p)) == Some(&b'+') {
            run.has_plus = true;
            run.start = at - 1;
        }
        let mut from = at;
        while !run.groups.is_full() {
            let mut end = from + digits_len(bytes.get(from..).unwrap_or_default());
            // The check character of an identity number, whole or in its last group.
            let length = end - from;
            let is_check = matches!(bytes.get(end), Some(b'x' | b'X')) && (length == 17 || length == 3);
            if is_check && !bytes.get(end + 1).is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_') {
                end += 1;
            }
            run.groups.push((from, end));
            run.end = end;
            let goes_on =
                matches!(bytes.get(end), Some(b' ' | b'-')) && bytes.get(end + 1).is_some_and(u8::is_ascii_digit);
            if !goes_on {
                break;
            }
            from = end + 1;
        }
        run
    }

    /// Hands on what the run holds. In `text` the surroundings must be a border; otherwise it must be all there is.
    pub fn read(&self, bytes: &[u8], text: bool, scan: &Scan, found: &mut dyn FnMut(&Readings)) {
        let groups = &self.groups;
        let mut index = 0;
        while let Some(rest) = groups.get(index..).filter(|rest| !rest.is_empty()) {
            let mut out = Readings::default();
            index += self.at(bytes, rest, index, text, scan, &mut out).max(1);
            if !out.is_empty() {
                found(&out);
            }
        }
    }

    /// Tries the groupings at one group; tells how many groups were used.
    fn at(
        &self,
        bytes: &[u8],
        rest: &[(usize, usize)],
        index: usize,
        text: bool,
        scan: &Scan,
        out: &mut Readings,
    ) -> usize {
        let lengths: [usize; GROUPS] = std::array::from_fn(|n| rest.get(n).map_or(0, |(from, to)| to - from));
        let plus = index == 0 && self.has_plus;
        let usual = match lengths {
            [2, 2, 2, 2, 2, 2, ..] => [6, 1],
            [2 | 4, 11, ..] => [2, 1],
            [2 | 4, 3, 4, 4, ..] => [4, 1],
            [4, 4, 4, 4, 1..=4, ..] => [5, 4],
            [2, 6, 6, 1, ..] => [4, 1],
            [4, 4, 4, 4, ..] => [4, 3],
            [1, 2, 2, 2, 3, 3, 2, ..] => [7, 1],
            [1, 4, 5, 2, 1, ..] => [5, 1],
            [3, 3, 3, 2, ..] => [4, 3],
            [2, 3, 3, 3, ..] if !plus => [4, 1],
            [13, 2, ..] => [2, 1],
            [3, 4, 4, ..] | [4, 6, 4 | 5, ..] | [6, 8, 4, ..] | [4, 4, 4, ..] | [3, 3, 3, ..] | [3, 2, 4, ..] => [3, 2],
            // With an extension.
            [3 | 4, 7 | 8, 1..=6, ..] => [3, 2],
            [6, 2, 4, ..] => [3, 1],
            [3 | 4, 7 | 8, ..] | [6, 13, ..] | [6, 7, ..] => [2, 1],
            _ => [1, 0],
        };
        // `+44 20 7946 0958`, `+1 212 555 0100`: as much of it as is a number.
        let most = if plus { self.groups.len().min(6) } else { 0 };
        for count in usual.into_iter().chain((2..=most).rev()).chain([1]) {
            let Some(&(_, end)) = count.checked_sub(1).and_then(|last| rest.get(last)) else { continue };
            let Some(&(first, _)) = rest.first() else { continue };
            let start = if plus { first - 1 } else { first };
            // A run that goes on with the same separator is something else (a UUID, a serial number).
            let joined = count > 1 && (hyphen(bytes, first.checked_sub(1)) && !plus || hyphen(bytes, Some(end)));
            let fits = if text { is_border(bytes, start, end) } else { (start, end) == (self.start, self.end) };
            // Numbers one after the other, as in the outlines of glyphs: three of them are no number in groups.
            let goes_on = index > 0 && bytes.get(first.wrapping_sub(1)) == Some(&b' ')
                || rest.get(count).is_some() && bytes.get(end) == Some(&b' ');
            let is_list = text && !plus && count > 1 && goes_on && lengths.iter().take(count).sum::<usize>() < LISTED;
            if joined || !fits || is_list {
                continue;
            }
            let mut compact = [0u8; 32];
            let mut length = 0;
            for byte in bytes.get(first..end).unwrap_or_default().iter().filter(|b| !matches!(b, b' ' | b'-')) {
                let Some(slot) = compact.get_mut(length) else { return 1 };
                *slot = *byte;
                length += 1;
            }
            if length < SHORTEST && !plus {
                continue;
            }
            let spot = Spot {
                around: bytes,
                span: (start, end),
                compact: compact.get(..length).unwrap_or_default(),
                written: if count > 1 { Written::Grouped } else { Written::Plain },
                groups: lengths.get(..count).unwrap_or_default(),
                plus,
                text,
                scan,
            };
            READERS.iter().for_each(|reader| reader(&spot, out));
            if !out.is_empty() {
                return count;
            }
        }
        1
    }
}

fn hyphen(bytes: &[u8], at: Option<usize>) -> bool {
    at.and_then(|at| bytes.get(at)) == Some(&b'-')
}

fn digits_len(bytes: &[u8]) -> usize {
    bytes.iter().position(|b| !b.is_ascii_digit()).unwrap_or(bytes.len())
}

/// Whether a number in text stands by itself.
pub(super) fn is_border(bytes: &[u8], start: usize, end: usize) -> bool {
    let at = |at: Option<usize>| at.and_then(|at| bytes.get(at)).copied();
    let digit = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_digit());
    let (before, after) = (at(start.checked_sub(1)), at(Some(end)));
    let word = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_');
    // `\n13800138000`: an escape that was not undone, in scripts and logs.
    let escaped = matches!(before, Some(b'n' | b't' | b'r')) && at(start.checked_sub(2)) == Some(b'\\');
    if word(before) && !escaped || word(after) {
        return false;
    }
    if before == Some(b'.') && digit(at(start.checked_sub(2))) || after == Some(b'.') && digit(at(Some(end + 1))) {
        return false;
    }
    if after == Some(b'@') && at(Some(end + 1)).is_some_and(|b| b.is_ascii_alphanumeric()) {
        return false;
    }
    if before == Some(b'%') || after == Some(b'=') && word(at(start.checked_sub(1))) {
        return false;
    }
    // Between hyphens a UUID's group or part of a serial number: hexadecimal groups on the side.
    let hex_group = |group: &[u8]| group.len() == 4 && group.iter().all(u8::is_ascii_hexdigit);
    if before == Some(b'-')
        && start >= 6
        && bytes.get(start - 5..start - 1).is_some_and(hex_group)
        && hyphen(bytes, Some(start - 6))
    {
        return false;
    }
    let joins = |b: Option<u8>| matches!(b, Some(b'+' | b'/' | b'='));
    !(joins(before) || joins(after)) || !in_base64(bytes, start, end)
}

/// Whether digits stand inside a run of base64: 20 characters or more, with letters of both cases around.
fn in_base64(bytes: &[u8], start: usize, end: usize) -> bool {
    const AROUND: usize = 64;
    let sign = |b: &&u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/');
    let before = bytes.get(start.saturating_sub(AROUND)..start).unwrap_or_default();
    let after = bytes.get(end..(end + AROUND).min(bytes.len())).unwrap_or_default();
    let (mut length, mut seen) = (end - start, [false; 3]);
    for b in before.iter().rev().take_while(sign).chain(after.iter().take_while(sign)) {
        length += 1;
        let [upper, lower, digit] = &mut seen;
        *upper |= b.is_ascii_uppercase();
        *lower |= b.is_ascii_lowercase();
        *digit |= b.is_ascii_digit();
    }
    length >= 20 && seen == [true; 3]
}
