//! Values that are masked already: `138****8000`, `110***********1234`, `张*`, `a***@corp.cn`.

use spyhop_model::Form;

use super::identity::is_han;
use super::reading::Readings;
use super::tables::SURNAMES;
use super::validators::{is_province, issuer};
use super::{Candidate, FIRST_CUSTOM, Scan, TypeId, TypeSet, contact};

/// The types that are no custom ones.
const BUILT_IN: TypeSet = (1 << FIRST_CUSTOM) - 1;

/// Longest masked number, with separators.
const LONGEST: usize = 40;

/// A character that hides another. Letters and `#` hide only in a run (see [`number`]).
pub(crate) fn is_mask(c: char) -> bool {
    matches!(c, '*' | '＊' | '•' | '●' | '×' | '…')
}

/// A masked value that is a whole leaf: of the types that its form tells, and of those that its name does.
pub(super) fn leaf(value: &str, scan: &Scan, out: &mut Readings) {
    if value.len() > 4 * LONGEST {
        return;
    }
    let span = (0, value.len());
    let emit = &mut |found: &[Candidate]| found.iter().for_each(|one| out.push(*one));
    if let Some((local, _)) = value.rsplit_once('@') {
        emit_email(value.as_bytes(), local.len(), emit);
    } else if value.chars().all(|c| is_mask(c) || is_han(c) || c == '·') {
        emit_name(value, span, emit);
    } else {
        number(value, span, false, emit);
    }
    named(value, scan, out);
}

/// A masked value of a type that only its name tells: a third of it and four characters hidden at least; half of that
/// is a weak mask, less is none.
fn named(value: &str, scan: &Scan, out: &mut Readings) {
    const POINTS: i16 = 40;
    let (length, hidden) = (value.chars().count(), value.chars().filter(|c| is_mask(*c)).count());
    let mut left = scan.named & BUILT_IN;
    while left != 0 && hidden >= 2 {
        let what = TypeId(left.trailing_zeros() as u8);
        left &= left - 1;
        if out.as_slice().iter().any(|one| one.what == what) || length > LONGEST {
            continue;
        }
        let weak = hidden < (length / 3).max(4);
        out.push(Candidate { weak, ..Candidate::new(what, Form::Masked, (0, value.len()), POINTS) });
    }
}

/// A masked number or address in text, around the mask character at `at`; tells where to go on.
pub(super) fn in_text(text: &str, at: usize, emit: &mut dyn FnMut(&[Candidate])) -> usize {
    let bytes = text.as_bytes();
    let sign = |b: u8| b.is_ascii_alphanumeric() || b == b'*';
    let mut start = at;
    while start > 0 && at - start < LONGEST {
        let b = bytes.get(start - 1).copied().unwrap_or_default();
        let joins = matches!(b, b' ' | b'-')
            && bytes.get(start).is_some_and(|n| n.is_ascii_digit() || *n == b'*')
            && start > 1
            && bytes.get(start - 2).is_some_and(u8::is_ascii_digit);
        if !(sign(b) || joins || matches!(b, b'.' | b'_')) {
            break;
        }
        start -= 1;
    }
    let mut end = at + 1;
    while end - at < LONGEST {
        let b = bytes.get(end).copied().unwrap_or_default();
        let joins = matches!(b, b' ' | b'-') && bytes.get(end + 1).is_some_and(|n| n.is_ascii_digit() || *n == b'*');
        if !(sign(b) || joins) {
            break;
        }
        end += 1;
    }
    if bytes.get(end) == Some(&b'@') {
        emit_email(bytes, end, emit);
    } else if let Some(token) = text.get(start..end).filter(|token| token.contains("**")) {
        number(token, (start, end), true, emit);
    }
    end
}

fn emit_email(bytes: &[u8], at: usize, emit: &mut dyn FnMut(&[Candidate])) {
    let from = at.saturating_sub(LONGEST);
    let local = bytes.get(from..at).unwrap_or_default();
    let length = local.iter().rev().take_while(|b| b.is_ascii_alphanumeric() || b"._%+-*".contains(b)).count();
    let start = at - length;
    let local = bytes.get(start..at).unwrap_or_default();
    let hidden = local.iter().filter(|b| **b == b'*').count();
    if let Some(end) = contact::is_domain(bytes, at).filter(|_| hidden > 0) {
        let form = if hidden <= 1 && local.len() > 2 { Form::Full } else { Form::Masked };
        emit(&[Candidate::new(TypeId::EMAIL, form, (start, end), 75)]);
    }
}

fn emit_name(value: &str, span: (usize, usize), emit: &mut dyn FnMut(&[Candidate])) {
    let count = value.chars().count();
    let hidden = value.chars().filter(|c| is_mask(*c)).count();
    let shown = count - hidden;
    let first = value.chars().next();
    let plausible = (2..=5).contains(&count)
        && (1..=3).contains(&hidden)
        && shown > 0
        && first.is_some_and(|c| is_mask(c) || SURNAMES.0.contains(&c) || shown > 1);
    if plausible {
        emit(&[Candidate::new(TypeId::NAME, Form::Masked, span, 25)]);
    }
}

/// A masked number: digits and mask characters, single spaces or hyphens between.
fn number(value: &str, span: (usize, usize), text: bool, emit: &mut dyn FnMut(&[Candidate])) {
    let mut shape = [0u8; LONGEST];
    let mut length = 0;
    let characters = value.char_indices();
    for (at, c) in characters {
        let sign = match c {
            '0'..='9' => c as u8,
            _ if is_mask(c) => b'*',
            'x' | 'X' | '#' if in_run(value, at, c) => b'*',
            'x' | 'X' if at + 1 == value.len() => b'X',
            ' ' | '-' | '+' => continue,
            _ => return,
        };
        let Some(slot) = shape.get_mut(length) else { return };
        *slot = sign;
        length += 1;
    }
    let mut shape = shape.get(..length).unwrap_or_default();
    if shape.len() == 13 && shape.starts_with(b"86") {
        shape = shape.get(2..).unwrap_or_default();
    }
    let hidden = shape.iter().filter(|b| **b == b'*').count();
    let shown = shape.len() - hidden;
    let lead = shape.iter().take_while(|b| b.is_ascii_digit()).count();
    let tail = shape.iter().rev().take_while(|b| **b != b'*').count();
    if hidden < 2 || shown < 2 || hidden == shape.len() {
        return;
    }
    let less = if text { 10 } else { 0 };
    let candidate = |what, points: i16, least: usize| {
        let form = if hidden < least { Form::Full } else { Form::Masked };
        Candidate::new(what, form, span, points - less)
    };
    let mobile_start = matches!(shape, [b'1', b'3'..=b'9', ..]);
    let mobile = match shape.len() {
        11 if mobile_start && lead >= 3 => 70,
        7..=11 if mobile_start || shape.starts_with(b"1*") || shape.starts_with(b"*") => 30,
        _ => 0,
    };
    let starts_like_id = match lead {
        0 => tail >= 4,
        1 => matches!(shape.first(), Some(b'1'..=b'8')) && tail <= 4,
        _ => is_province(shape),
    };
    let id = match shape.len() {
        18 if starts_like_id && lead >= 1 => 70,
        15 | 18 if starts_like_id => 30,
        8..=17 if starts_like_id && lead >= 1 => 25,
        _ => 0,
    };
    let digits = shape.get(..lead).unwrap_or_default();
    let known_issuer = || {
        // Any number of that length and prefix would do.
        let mut whole = [b'0'; LONGEST];
        whole.iter_mut().zip(digits).for_each(|(slot, digit)| *slot = *digit);
        whole.get(..shape.len()).is_some_and(|whole| issuer(whole).is_some())
    };
    let card = match shape.len() {
        13..=19 if lead >= 4 && tail == 4 => 65 + if known_issuer() { 10 } else { -10 },
        12..=19 if tail >= 3 => 30,
        8..=11 if tail == 4 && (lead == 0 || lead == 4 || lead == 6) => 30,
        _ => 0,
    };
    let mut found = [(TypeId::RESIDENT_ID, id, 4), (TypeId::MOBILE, mobile, 3), (TypeId::BANK_CARD, card, 4)]
        .map(|(what, points, least)| candidate(what, points, least));
    found.sort_by_key(|candidate| -candidate.points);
    let count = found.iter().filter(|candidate| candidate.points + less > 0).count();
    emit(found.get(..count).unwrap_or_default());
}

/// Whether the letter at `at` is one of at least three in a row between digits.
fn in_run(value: &str, at: usize, c: char) -> bool {
    let bytes = value.as_bytes();
    let same = |b: &&u8| **b == c as u8;
    let before = bytes.get(..at).unwrap_or_default().iter().rev().take_while(same).count();
    let after = bytes.get(at..).unwrap_or_default().iter().take_while(same).count();
    before + after >= 3 && before < at
}
