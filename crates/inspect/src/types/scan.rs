//! One pass over a value: is the whole of it a value of a type, else where in it do such values stand.

use std::borrow::Cow;

use super::contact::email;
use super::digits::{Run, is_border};
use super::identity::{is_han, name};
use super::keys::{Hints, hints};
use super::{Candidate, TypeId, masked};
use crate::walk::LeafKind;

/// What a scan has to know besides the text.
#[derive(Clone, Copy, Debug)]
pub struct Scan {
    /// What the value was written as.
    pub kind: LeafKind,
    /// The value is whole: it may be one value of a type. Else only text is searched.
    pub whole: bool,
    /// The day of capture as `yyyymmdd`: identity numbers of later births do not exist.
    pub today: u32,
}

/// Longest name in bytes.
const LONGEST_NAME: usize = 66;

/// Longest leaf that is asked whether it is one value.
const LEAF: usize = 96;

/// Whether a value can hold anything: a cheap look before its name and path are put together.
pub fn is_interesting(value: &[u8], kind: LeafKind) -> bool {
    match kind {
        LeafKind::Word => false,
        LeafKind::Number => value.len() >= 11,
        // Two Han characters, `a@b.cn`, or eleven digits; seven characters are the shortest masked number.
        LeafKind::Text => {
            let (mut digits, mut marks) = (0u32, 0u8);
            // Sums of bytes, so that the compiler counts many at a time.
            for chunk in value.chunks(128) {
                let mut count = 0u8;
                for b in chunk {
                    count += u8::from(b.wrapping_sub(b'0') < 10);
                    marks |= (b & 0x80) | u8::from(*b == b'@') | u8::from(*b == b'*');
                }
                digits += u32::from(count);
            }
            marks != 0
                || digits >= 11 && has_long_run(value)
                || digits >= 4 && value.len() >= 7 && has_masking_run(value)
                || digits > 0 && value.contains(&b'%')
        }
    }
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
fn has_masking_run(value: &[u8]) -> bool {
    value.windows(3).any(|w| matches!(w, b"xxx" | b"XXX" | b"###"))
}

/// Finds candidates in a value, in order; each call of `emit` gives the readings of one span, likeliest first.
pub fn find(value: &str, scan: &Scan, emit: &mut dyn FnMut(&[Candidate])) {
    if has_full_width(value) {
        let (narrow, origin) = half_width(value);
        let at = |n: usize| origin.get(n).copied().unwrap_or(value.len());
        return find_narrow(&narrow, scan, &mut |found| {
            for candidate in found {
                emit(&[Candidate { start: at(candidate.start), end: at(candidate.end), ..*candidate }]);
            }
        });
    }
    find_narrow(value, scan, emit);
}

fn find_narrow(value: &str, scan: &Scan, emit: &mut dyn FnMut(&[Candidate])) {
    let trimmed = value.trim();
    if scan.kind == LeafKind::Number && trimmed.bytes().any(|b| !b.is_ascii_digit()) {
        return;
    }
    if scan.whole && trimmed.len() <= LEAF {
        let offset = value.len() - value.trim_start().len();
        let mut found = false;
        leaf(trimmed, scan, &mut |candidates| {
            found = true;
            let shifted = |c: &Candidate| Candidate { start: c.start + offset, end: c.end + offset, ..*c };
            match candidates {
                [one] => emit(&[shifted(one)]),
                [a, b] => emit(&[shifted(a), shifted(b)]),
                [a, b, c, ..] => emit(&[shifted(a), shifted(b), shifted(c)]),
                [] => {}
            }
        });
        let mixed = || {
            trimmed.len() > 32
                || trimmed
                    .bytes()
                    .any(|b| b.is_ascii_alphabetic() || b >= 0x80 || b.is_ascii_punctuation() || b == b' ')
        };
        if found || !mixed() {
            return;
        }
    }
    text(value, scan, emit);
}

/// The whole value.
fn leaf(value: &str, scan: &Scan, emit: &mut dyn FnMut(&[Candidate])) {
    let bytes = value.as_bytes();
    // `(+86)138…` and `(86) 138…` are written too.
    let digits_at = usize::from(value.starts_with('+'));
    // The mask characters beyond ASCII begin with 0xC3 and 0xE2.
    let is_masked = bytes.iter().any(|b| matches!(b, b'*' | 0xC3 | 0xE2))
        || bytes.first().is_some_and(u8::is_ascii_digit) && has_masking_run(bytes);
    if is_masked {
        let mut found = false;
        masked::leaf(value, &mut |candidates| {
            found = true;
            emit(candidates);
        });
        if found {
            return;
        }
    }
    match bytes.first() {
        Some(b'0'..=b'9' | b'+') if bytes.get(digits_at).is_some_and(u8::is_ascii_digit) => {
            let run = Run::collect(bytes, digits_at);
            if run.end == bytes.len() {
                return run.dispatch(bytes, false, scan, emit);
            }
        }
        None => return,
        Some(0x80..) => {
            // `张 三` is written to align with longer names.
            let compact: Cow<'_, str> = if value.len() <= LONGEST_NAME && value.contains(' ') {
                value.replace(' ', "").into()
            } else {
                value.into()
            };
            if value.len() <= LONGEST_NAME
                && let Some(found) = name(&compact, (0, value.len()), false)
            {
                return emit(&[found]);
            }
        }
        _ => {}
    }
    if let Some(at) = value.find('@')
        && let Some(found) = email(bytes, at, false).filter(|c| (c.start, c.end) == (0, bytes.len()))
    {
        emit(&[found]);
    }
}

/// Bytes at which something may begin.
const fn table() -> [bool; 256] {
    let mut table = [false; 256];
    let mut n = 0;
    while n < 256 {
        // 0xE2 begins the bullets that mask; Han characters begin with 0xE3 to 0xE9, and only labels are of interest.
        table[n] = matches!(n as u8, b'0'..=b'9' | b'@' | b'*' | 0xE2..=0xE9);
        n += 1;
    }
    table
}
static STARTS: [bool; 256] = table();

/// Values inside a text.
fn text(value: &str, scan: &Scan, emit: &mut dyn FnMut(&[Candidate])) {
    let bytes = value.as_bytes();
    let mut at = 0;
    // End of what was found or passed: an address's digits are not looked at again.
    let mut done = 0;
    while let Some(skip) = bytes.get(at..).and_then(|rest| rest.iter().position(|b| STARTS[usize::from(*b)])) {
        at += skip;
        match bytes.get(at) {
            Some(b'0'..=b'9') => {
                let run = Run::collect(bytes, at);
                let next = run.end.max(at + 1);
                if run.end - run.start >= 11 && run.start >= done {
                    run.dispatch(bytes, true, scan, &mut |found| labelled(value, found, emit));
                }
                at = next;
            }
            Some(b'@') => {
                if let Some(found) = email(bytes, at, true).filter(|c| c.start >= done) {
                    done = found.end;
                    at = found.end;
                    labelled(value, &[found], emit);
                } else {
                    at += 1;
                }
            }
            Some(b'*') => {
                let next = if bytes.get(at + 1) == Some(&b'*')
                    || bytes.get(at.wrapping_sub(1)).is_some_and(u8::is_ascii_alphanumeric)
                {
                    masked::in_text(value, at, &mut |found| labelled(value, found, emit))
                } else {
                    at + 1
                };
                done = done.max(next);
                at = next;
            }
            _ => {
                let (end, span) = han_run(value, at);
                let found = span.and_then(|span| name(value.get(span.0..span.1).unwrap_or_default(), span, true));
                if let Some(found) = found {
                    labelled(value, &[found], emit);
                }
                at = end.max(at + 1);
            }
        }
    }
}

/// The characters beyond ASCII at `at`: where to go on, and the span of what may be a name, since a sign sets it off
/// (`姓名：张三`). Its label is weighed by others.
fn han_run(value: &str, at: usize) -> (usize, Option<(usize, usize)>) {
    const LONGEST_NAME: usize = 5;
    let bytes = value.as_bytes();
    let before = at.checked_sub(1).and_then(|p| bytes.get(p));
    let is_set_off = matches!(before, Some(b':' | b'=' | b'"' | b'\'' | b'>' | b' ' | b'\t'))
        || bytes.get(..at).is_some_and(|before| before.ends_with("：".as_bytes()));
    if !is_set_off {
        // A full-width colon begins with 0xEF.
        let rest = bytes.get(at..).unwrap_or_default();
        let length = rest.iter().position(|b| *b < 0x80 || *b == 0xEF).unwrap_or(rest.len());
        return (at + length.max(1) + if rest.get(length) == Some(&0xEF) { 3 } else { 0 }, None);
    }
    let (mut end, mut count) = (at, 0);
    for c in value.get(at..).unwrap_or_default().chars().take_while(|c| is_han(*c) || *c == '·') {
        end += c.len_utf8();
        count += 1;
    }
    (end, (2..=LONGEST_NAME).contains(&count).then_some((at, end)))
}

/// Candidates in text with the label before them.
fn labelled(value: &str, found: &[Candidate], emit: &mut dyn FnMut(&[Candidate])) {
    let mut out = [Candidate::new(TypeId::NAME, spyhop_model::Form::Full, (0, 0), 0); 3];
    let mut count = 0;
    let label = found.first().map(|candidate| label(value, candidate.start));
    for (slot, candidate) in out.iter_mut().zip(found) {
        let is_bound = candidate.what == TypeId::NAME || is_border(value.as_bytes(), candidate.start, candidate.end);
        if is_bound {
            *slot = Candidate { label, ..*candidate };
            count += 1;
        }
    }
    if let Some(found) = out.get(..count).filter(|found| !found.is_empty()) {
        emit(found);
    }
}

/// What the word before a value says.
fn label(value: &str, start: usize) -> Hints {
    label_word(value, start).map(hints).unwrap_or_default()
}

/// The word before a value: `手机：138…`, `"mobile":"138…`, `<td>手机</td><td>138…`.
pub(crate) fn label_word(value: &str, start: usize) -> Option<&str> {
    const BACK: usize = 80;
    const LONGEST_LABEL: usize = 36;
    let mut from = start.saturating_sub(BACK);
    while !value.is_char_boundary(from) {
        from += 1;
    }
    let mut before = value.get(from..start).unwrap_or_default();
    loop {
        let trimmed = before.trim_end_matches([' ', '\t', ':', '：', '=', '"', '\'', '\\', '为', '是', '(', '（']);
        // Tags between.
        let untagged = match trimmed.strip_suffix('>').map(|tag| tag.rfind('<')) {
            Some(Some(at)) => trimmed.get(..at).unwrap_or_default(),
            _ => trimmed,
        };
        if untagged.len() == before.len() {
            break;
        }
        before = untagged;
    }
    let last = before.chars().next_back()?;
    let same =
        |c: &char| if last.is_ascii() { c.is_ascii_alphanumeric() || matches!(c, '_' | '-') } else { is_han(*c) };
    let length: usize = before.chars().rev().take_while(same).map(char::len_utf8).sum();
    let word = before.get(before.len() - length..).unwrap_or_default();
    (1..=LONGEST_LABEL).contains(&word.len()).then_some(word)
}

/// Full-width digits, letters and signs (U+FF01 to U+FF5E) begin with 0xEF 0xBC or 0xEF 0xBD.
fn has_full_width(value: &str) -> bool {
    memchr::memchr_iter(0xEF, value.as_bytes()).any(|at| {
        let next = value.as_bytes().get(at + 1..at + 3);
        matches!(next, Some([0xBC, 0x81..=0xBF] | [0xBD, 0x80..=0x9E]))
    })
}

/// The text with full-width characters made narrow, and where each byte came from.
fn half_width(value: &str) -> (String, Vec<usize>) {
    let (mut narrow, mut origin) = (String::with_capacity(value.len()), Vec::with_capacity(value.len() + 1));
    for (at, c) in value.char_indices() {
        let c = match c {
            // The colon and the comma stay: they are signs of their own in Chinese text.
            '：' | '，' | '；' | '（' | '）' => c,
            '\u{FF01}'..='\u{FF5E}' => char::from_u32(c as u32 - 0xFEE0).unwrap_or(c),
            _ => c,
        };
        for _ in 0..c.len_utf8() {
            origin.push(at);
        }
        narrow.push(c);
    }
    origin.push(value.len());
    (narrow, origin)
}
