//! Codes of letters and digits, and numbers with dots or colons: found around their first digit, each read once by
//! every family.

use super::reading::{Readings, Spot, Written};
use super::scan::Scan;
use super::{device, organisation, vehicle};

/// Longest code, separators not counted.
const LONGEST: usize = 40;
/// Most groups of a code.
const GROUPS: usize = 10;

/// What reads codes, by family; in the order of [`TYPES`](super::TYPES) where their readings can be equal.
const READERS: &[fn(&Spot<'_>, &mut Readings)] = &[organisation::code, vehicle::code, device::code];

/// Reads the code around the digit at `at`: tells where to go on, beyond the letters and digits that stand together
/// here. In `text` both sides must be borders; otherwise the code must be all there is.
pub(super) fn read(bytes: &[u8], at: usize, text: bool, scan: &Scan, out: &mut Readings) -> usize {
    let start = at - before(bytes, at);
    let end = at + after(bytes, at);
    let first = match bytes.get(end) {
        Some(b':') => [Some(Written::Colons), None],
        Some(b'-') if end - start == 2 => [Some(Written::Colons), Some(Written::Grouped)],
        Some(b'.' | b'/') => [Some(Written::Dotted), None],
        Some(b'-') => [Some(Written::Grouped), Some(Written::Dotted)],
        Some(b' ') => [Some(Written::Grouped), None],
        _ => [None, None],
    };
    for written in first.into_iter().flatten().chain([Written::Plain]) {
        let mut compact = [0u8; LONGEST];
        let mut lengths = [0usize; GROUPS];
        let Some((stop, length, count)) = collect(bytes, start, written, &mut compact, &mut lengths) else { continue };
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

/// Letters and digits that stand before `at`.
fn before(bytes: &[u8], at: usize) -> usize {
    let head = bytes.get(at.saturating_sub(LONGEST)..at).unwrap_or_default();
    head.iter().rev().take_while(|b| b.is_ascii_alphanumeric()).count()
}

/// Letters and digits from `at` on.
fn after(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    rest.iter().position(|b| !b.is_ascii_alphanumeric()).unwrap_or(rest.len())
}

/// Groups of letters and digits from `start` on with separators of that kind between: where they end, how many
/// characters and how many groups. `None` where there are too many, or only one though separators are asked for.
fn collect(
    bytes: &[u8],
    start: usize,
    written: Written,
    compact: &mut [u8; LONGEST],
    lengths: &mut [usize; GROUPS],
) -> Option<(usize, usize, usize)> {
    let (mut at, mut length, mut count) = (start, 0, 0);
    loop {
        let size = after(bytes, at).min(LONGEST + 1);
        let slots = compact.get_mut(length..length + size)?;
        slots.copy_from_slice(bytes.get(at..at + size)?);
        *lengths.get_mut(count)? = size;
        (at, length, count) = (at + size, length + size, count + 1);
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
