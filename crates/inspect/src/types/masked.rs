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
    let (length, hidden) = (value.chars().count(), hidden(value));
    // Codes hold `XXX` as they hold other letters.
    let letters = value.bytes().filter(|b| b.is_ascii_alphabetic() && !matches!(b, b'x' | b'X')).count();
    let is_code = !value.chars().any(is_mask) && letters > 2;
    let mut left = scan.named & BUILT_IN;
    while left != 0 && hidden >= 2 {
        let what = TypeId(left.trailing_zeros() as u8);
        left &= left - 1;
        if out.as_slice().iter().any(|one| one.what == what) || length > LONGEST || !fits(what, value) || is_code {
            continue;
        }
        // A plate has seven characters: three hidden are a thousand vehicles.
        let least = if what == TypeId::PLATE { 3 } else { (length / 3).max(4) };
        let weak = hidden < least;
        out.push(Candidate { weak, ..Candidate::new(what, Form::Masked, (0, value.len()), POINTS) });
    }
}

/// Characters that hide others: an ellipsis stands for four, letters and `#` hide from three on.
fn hidden(value: &str) -> usize {
    let one = |(at, c): (usize, char)| match c {
        '…' => 4,
        _ if is_mask(c) => 1,
        'x' | 'X' | '#' if in_run(value, at, c) => 1,
        _ => 0,
    };
    value.char_indices().map(one).sum()
}

/// Whether a masked value may be of a type that its name tells.
fn fits(what: TypeId, value: &str) -> bool {
    // `cx*cy*fz` is a product, `/***/` a comment.
    let hidden: Vec<bool> = value.char_indices().map(|(at, c)| hides(value, at, c)).collect();
    let together = hidden.windows(2).any(|pair| pair == [true, true]) || value.contains('…');
    let shows = value.char_indices().any(|(at, c)| c.is_alphanumeric() && !hides(value, at, c));
    if !together || !shows {
        return false;
    }
    let hides = |at: usize, c: char| is_mask(c) || matches!(c, 'x' | 'X' | '#') && in_run(value, at, c);
    let is_number = || {
        value
            .char_indices()
            .all(|(at, c)| c.is_ascii_digit() || hides(at, c) || matches!(c, ' ' | '-' | '+' | '(' | ')' | '（' | '）'))
    };
    let is_id = || {
        let sign = |at: usize, c: char| c.is_ascii_digit() || hides(at, c) || matches!(c, 'x' | 'X' | ' ' | '-');
        value.char_indices().all(|(at, c)| sign(at, c))
    };
    let first = value.chars().find(|c| !matches!(c, '(' | '（'));
    let length = value.chars().filter(|c| c.is_ascii_digit() || is_mask(*c)).count();
    match what {
        // `******` under a password's name shows nothing of one.
        TypeId::ACCOUNT_PASSWORD | TypeId::SMS_CODE => false,
        // Their form is known, and was looked for.
        TypeId::NAME | TypeId::CARD_CVV | TypeId::CARD_EXPIRY | TypeId::CARD_TRACK => false,
        TypeId::EMAIL => value.contains('@'),
        TypeId::MOBILE => is_number() && first.is_some_and(|c| matches!(c, '1' | '+' | '8') || is_mask(c)),
        TypeId::LANDLINE => is_number() && first.is_some_and(|c| c == '0' || is_mask(c)),
        TypeId::BANK_CARD => is_number() && length >= 8,
        TypeId::BANK_ACCOUNT | TypeId::IMSI | TypeId::TW_PERMIT => is_number(),
        TypeId::RESIDENT_ID | TypeId::DRIVER_LICENCE => is_id(),
        TypeId::RESIDENT_ID15 => length == 15 && is_number(),
        TypeId::HKMOTW_RESIDENCE => first == Some('8') && is_id(),
        TypeId::FOREIGN_PR => first == Some('9') || first.is_some_and(|c| c.is_ascii_uppercase()),
        TypeId::GEO => value.contains('.'),
        TypeId::IPV4 => value.split('.').count() == 4,
        TypeId::IPV6 => value.contains(':'),
        TypeId::PHONE_INTL => is_number() && first == Some('+'),
        _ => true,
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
        let weak = form == Form::Masked && (local.len() - hidden > 3 || hidden * 2 < local.len());
        emit(&[Candidate { weak, ..Candidate::new(TypeId::EMAIL, form, (start, end), 75) }]);
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
        let weak = count > 3 && hidden < 2;
        emit(&[Candidate { weak, ..Candidate::new(TypeId::NAME, Form::Masked, span, 25) }]);
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
        let times = if c == '…' { 4 } else { 1 };
        let Some(slots) = shape.get_mut(length..length + times) else { return };
        slots.fill(sign);
        length += times;
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
    let candidate = |what, points: i16, least: usize, weak: bool| {
        let form = if hidden < least { Form::Full } else { Form::Masked };
        Candidate { weak: weak && form == Form::Masked, ..Candidate::new(what, form, span, points - less) }
    };
    let mobile_start = matches!(shape, [b'1', b'3'..=b'9', ..]);
    let mobile = match shape.len() {
        11 if mobile_start && lead >= 3 => 70,
        7..=11 if mobile_start || shape.starts_with(b"1*") || shape.starts_with(b"*") => 30,
        _ => 0,
    };
    let starts_like_id = match lead {
        0 => tail >= 4,
        1 => matches!(shape.first(), Some(b'1'..=b'9')) && tail <= 4,
        _ if shape.first() == Some(&b'9') => shape.len() == 18,
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
    let resident = match shape {
        [b'8', b'1'..=b'3', ..] => TypeId::HKMOTW_RESIDENCE,
        [b'9', ..] => TypeId::FOREIGN_PR,
        _ => TypeId::RESIDENT_ID,
    };
    // More than the issuer and the last four of a card.
    let weak_card = lead > 8 || tail > 4 || shown > 12;
    let mut found = [
        (resident, id, 4, is_weak_id(shape)),
        (TypeId::MOBILE, mobile, 3, hidden < 4),
        (TypeId::BANK_CARD, card, 4, weak_card),
    ]
    .map(|(what, points, least, weak)| candidate(what, points, least, weak));
    found.sort_by_key(|candidate| -candidate.points);
    let count = found.iter().filter(|candidate| candidate.points + less > 0).count();
    emit(found.get(..count).unwrap_or_default());
}

/// Whether an identity number is masked so that few are left: fewer than eight places hidden, or birthday and sequence
/// both mostly shown.
fn is_weak_id(shape: &[u8]) -> bool {
    let hidden =
        |range: std::ops::Range<usize>| shape.get(range).unwrap_or_default().iter().filter(|b| **b == b'*').count();
    match shape.len() {
        18 => hidden(0..18) < 8 || hidden(10..18) < 4 && hidden(6..14) < 4,
        15 => hidden(0..15) < 6 || hidden(8..15) < 3 && hidden(6..12) < 3,
        // Shortened: how many are hidden is not told.
        _ => false,
    }
}

/// Whether the character at `at` hides another one.
pub(crate) fn hides(value: &str, at: usize, c: char) -> bool {
    is_mask(c) || matches!(c, 'x' | 'X' | '#') && in_run(value, at, c)
}

/// Whether the letter at `at` is one of at least three in a row between digits.
fn in_run(value: &str, at: usize, c: char) -> bool {
    let bytes = value.as_bytes();
    let same = |b: &&u8| **b == c as u8;
    let before = bytes.get(..at).unwrap_or_default().iter().rev().take_while(same).count();
    let after = bytes.get(at..).unwrap_or_default().iter().take_while(same).count();
    before + after >= 3 && before < at
}

#[cfg(test)]
mod tests {
    use super::super::testing::{masked, silent};
    use super::*;

    #[test]
    fn how_well_known_forms_are_masked() {
        use Form::{Full, Masked};
        for (key, value, what, form, weak) in [
            ("mobile", "138****8000", "cn_mobile", Masked, false),
            ("mobile", "138******00", "cn_mobile", Masked, false),
            ("mobile", "1381***8000", "cn_mobile", Masked, true),
            ("mobile", "13812**8000", "cn_mobile", Full, false),
            ("手機號碼", "138••••8000", "cn_mobile", Masked, false),
            ("phone", "138xxxx8000", "cn_mobile", Masked, false),
            ("phone", "138…8000", "cn_mobile", Masked, false),
            ("idCard", "110***********1234", "cn_resident_id", Masked, false),
            ("idCard", "1****************X", "cn_resident_id", Masked, false),
            ("idCard", "110101********1234", "cn_resident_id", Masked, false),
            ("idCard", "11010119900307****", "cn_resident_id", Masked, true),
            ("idCard", "110101199003******", "cn_resident_id", Masked, true),
            ("idCard", "11010119900307***4", "cn_resident_id", Full, false),
            ("idCard", "810***********1234", "hkmotw_residence", Masked, false),
            ("idCard", "110101******123", "cn_resident_id15", Masked, false),
            ("bankCard", "622202*********5702", "bank_card", Masked, false),
            ("bankCard", "622202*****16245702", "bank_card", Masked, true),
            ("email", "a***@corp.cn", "email", Masked, false),
            ("email", "alice.sm***@corp.cn", "email", Masked, true),
            ("realName", "张*", "cn_name", Masked, false),
            ("realName", "欧阳**", "cn_name", Masked, false),
            ("realName", "欧阳小*", "cn_name", Masked, true),
        ] {
            assert_eq!(masked(key, value), [(what, form, weak)], "{key}: {value}");
        }
    }

    #[test]
    fn masked_values_that_their_name_tells() {
        for (key, value, what, weak) in [
            ("passport", "E1****678", "cn_passport", false),
            ("passport", "E1234**78", "cn_passport", true),
            ("护照号", "E1●●●●678", "cn_passport", false),
            ("passport", "E1xxxx678", "cn_passport", false),
            ("回乡证", "H1*****78", "hkmo_home_permit", false),
            ("车牌号", "京A***45", "cn_plate", false),
            ("plateNo", "京A12**5", "cn_plate", true),
            ("tel", "010-****1234", "cn_landline", false),
            ("vin", "1HG**********4352", "vin", false),
            ("mac", "00:1B:44:**:**:**", "mac", false),
            ("imei", "35693803*******", "imei", false),
            ("bankAccount", "*********0000", "bank_account", false),
            ("creditCode", "91110000********1L", "uscc", false),
            ("驾驶证号", "110***********1234", "cn_driver_licence", false),
            ("军官证", "军******67", "cn_military_id", false),
        ] {
            assert_eq!(masked(key, value), [(what, Form::Masked, weak)], "{key}: {value}");
        }
        for (key, value) in
            [("name", "size ** 2"), ("email", "a**b"), ("tel", "** none **"), ("cvv", "***"), ("x", "E1****678")]
        {
            silent(key, value);
        }
    }
}
