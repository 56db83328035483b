//! Runs of digits: one pass collects them, each is checked once by its length and grouping.

use super::contact::{Written, mobile};
use super::finance::card;
use super::identity::id;
use super::validators::mobile as is_mobile;
use super::{Candidate, scan::Scan};

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
    groups: [(usize, usize); GROUPS],
    count: usize,
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
        for group in &mut run.groups {
            let mut end = from + digits_len(bytes.get(from..).unwrap_or_default());
            // The check character of an identity number, whole or in its last group.
            let length = end - from;
            let is_check = matches!(bytes.get(end), Some(b'x' | b'X')) && (length == 17 || length == 3);
            if is_check && !bytes.get(end + 1).is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_') {
                end += 1;
            }
            *group = (from, end);
            run.count += 1;
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

    fn groups(&self) -> &[(usize, usize)] {
        self.groups.get(..self.count).unwrap_or_default()
    }

    /// Hands on what the run holds. In `text` the surroundings must be a border; otherwise it must be all there is.
    pub fn dispatch(&self, bytes: &[u8], text: bool, scan: &Scan, emit: &mut dyn FnMut(&[Candidate])) {
        let groups = self.groups();
        let mut index = 0;
        while let Some(rest) = groups.get(index..).filter(|rest| !rest.is_empty()) {
            index += self.at(bytes, rest, index, text, scan, emit).max(1);
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
        emit: &mut dyn FnMut(&[Candidate]),
    ) -> usize {
        let lengths: [usize; 6] = std::array::from_fn(|n| rest.get(n).map_or(0, |(from, to)| to - from));
        let plus = index == 0 && self.has_plus;
        let used = match lengths {
            [2, 11, ..] => 2,
            [2, 3, 4, 4, ..] => 4,
            [3, 4, 4, ..] => 3,
            [4, 4, 4, 4, 1..=3, 0] | [4, 4, 4, 4, 1..=3, _] => 5,
            [4, 4, 4, 4, ..] => 4,
            [4, 6, 4 | 5, ..] => 3,
            [6, 8, 4, ..] => 3,
            [6, 13, ..] => 2,
            _ => 1,
        };
        for count in [used, 1] {
            let Some(&(_, end)) = rest.get(count - 1) else { continue };
            let Some(&(first, _)) = rest.first() else { continue };
            let start = if plus { first - 1 } else { first };
            // A run that goes on with the same separator is something else (a UUID, a serial number).
            let joined = count > 1 && (hyphen(bytes, first.checked_sub(1)) && !plus || hyphen(bytes, Some(end)));
            let fits = if text { is_border(bytes, start, end) } else { (start, end) == (self.start, self.end) };
            if joined || !fits {
                continue;
            }
            let mut compact = [0u8; 24];
            let mut length = 0;
            for byte in bytes.get(first..end).unwrap_or_default().iter().filter(|b| !matches!(b, b' ' | b'-')) {
                let Some(slot) = compact.get_mut(length) else { return 1 };
                *slot = *byte;
                length += 1;
            }
            let digits = compact.get(..length).unwrap_or_default();
            if let Some(candidate) = judge(digits, (start, end), count > 1, plus, text, scan) {
                emit(&[candidate]);
                return count;
            }
        }
        1
    }
}

/// What compact digits are, by their number.
fn judge(digits: &[u8], span: (usize, usize), grouped: bool, plus: bool, text: bool, scan: &Scan) -> Option<Candidate> {
    let large = |mut candidate: Candidate| {
        if scan.kind == crate::walk::LeafKind::Number {
            candidate.points -= 10;
        }
        candidate
    };
    match digits.len() {
        11 if grouped => mobile(digits, Written::Formatted, span, text, scan.kind),
        11 => mobile(digits, Written::Plain, span, text, scan.kind).filter(|_| !plus),
        13 | 15 if digits.starts_with(b"86") || digits.starts_with(b"0086") => {
            let number = digits.get(digits.len() - 11..).unwrap_or_default();
            is_mobile(number)?;
            mobile(number, Written::Formatted, span, text, scan.kind)
        }
        18 => id(digits, span, text, scan.today).or_else(|| card(digits, span, text, grouped)).map(large),
        13..=15 => card(digits, span, text, grouped),
        16 | 17 | 19 if digits.iter().all(u8::is_ascii_digit) => card(digits, span, text, grouped).map(large),
        _ => None,
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
    let around: Vec<u8> = before.iter().rev().take_while(sign).chain(after.iter().take_while(sign)).copied().collect();
    around.len() + (end - start) >= 20
        && around.iter().any(u8::is_ascii_uppercase)
        && around.iter().any(u8::is_ascii_lowercase)
        && around.iter().any(u8::is_ascii_digit)
}
