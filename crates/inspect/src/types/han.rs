//! Chinese text: names and whatever else begins with a Han character.

use super::identity::is_han;
use super::reading::Readings;
use super::scan::Scan;
use super::{Candidate, address, documents, health, name, vehicle};

/// What reads a whole value that begins with a Han character, by family.
const READERS: &[fn(&str, &Scan, &mut Readings)] = &[name::whole, address::whole, health::whole];
/// The same of values with digits.
const CODE_READERS: &[fn(&str, &Scan, &mut Readings)] = &[documents::whole_military, vehicle::whole_plate];

/// Reads a code whose Han characters stand between two places of a text.
type CodeReader = fn(&str, usize, usize) -> Option<Candidate>;

/// What reads codes in text that begin with the last of the Han characters between two places.
const CODES: &[CodeReader] = &[vehicle::plate_in_text, documents::military_in_text];

/// Longest run of Han characters that is read whole, in bytes.
const LONGEST: usize = 600;

/// A whole value.
pub(super) fn leaf(value: &str, scan: &Scan, out: &mut Readings) {
    if value.len() <= LONGEST {
        READERS.iter().for_each(|reader| reader(value, scan, out));
        if value.bytes().any(|b| b.is_ascii_digit()) {
            CODE_READERS.iter().for_each(|reader| reader(value, scan, out));
        }
    }
}

/// The characters beyond ASCII at `at`: where to go on. An address may begin anywhere among them. What may be a name is
/// one only where a sign sets it off (`姓名：张三`); its label is weighed by others.
pub(super) fn in_text(value: &str, at: usize, _scan: &Scan, emit: &mut dyn FnMut(&[Candidate])) -> usize {
    const LONGEST_NAME: usize = 5;
    let bytes = value.as_bytes();
    let before = at.checked_sub(1).and_then(|p| bytes.get(p));
    let is_set_off = matches!(before, Some(b':' | b'=' | b'"' | b'\'' | b'>' | b' ' | b'\t'))
        || bytes.get(..at).is_some_and(|before| before.ends_with("：".as_bytes()));
    // A full-width sign begins with 0xEF.
    let rest = bytes.get(at..).unwrap_or_default();
    let length = rest.iter().position(|b| *b < 0x80 || *b == 0xEF).unwrap_or(rest.len());
    let last = at + length.max(1);
    if let Some(found) = address::in_text(value, (at, at + length), is_set_off) {
        emit(&[found]);
        return found.end;
    }
    if is_set_off {
        let (mut end, mut count) = (at, 0);
        for c in value.get(at..).unwrap_or_default().chars().take_while(|c| is_han(*c) || *c == '·') {
            end += c.len_utf8();
            count += 1;
        }
        if (2..=LONGEST_NAME).contains(&count)
            && let Some(found) = name::name(value.get(at..end).unwrap_or_default(), (at, end), true)
        {
            emit(&[found]);
            return end;
        }
    }
    if bytes.get(last).is_some_and(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
        && let Some(found) = CODES.iter().find_map(|read| read(value, at, last))
    {
        emit(&[found]);
        return found.end;
    }
    last
}
