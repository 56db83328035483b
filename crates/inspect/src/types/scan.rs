//! One pass over a value: is the whole of it a value of a type, else where in it do such values stand.

use std::cell::{Cell, RefCell};
use std::sync::LazyLock;

use ahash::RandomState;

use super::contact::email;
use super::digits::{Run, is_border};
use super::glance::has_masking_run;
use super::identity::is_han;
use super::keys::{Hints, TypeSet, hints};
use super::reading::Readings;
use super::{
    Candidate, TYPES, TypeId, accounts, biometric, device, finance, han, landline, masked, phrases, tokens, world,
};
use crate::lanes::{LANES, Starts, base64_blocks};
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
    /// Types that the value's name speaks for strongly.
    pub named: TypeSet,
}

/// Longest leaf that is asked whether it is one value.
const LEAF: usize = 256;
/// Longest value after a label in text.
pub(super) const LABELLED: usize = 96;

/// Types whose values only their name tells.
pub(super) static BY_NAME: LazyLock<TypeSet> = LazyLock::new(|| {
    let with_form = TYPES.iter().zip(0u8..).filter(|(kind, _)| kind.named.is_some());
    with_form.fold(TypeId::SECRET.set(), |set, (_, index)| set | TypeId(index).set())
});

/// What a name says of what follows it loosely, as one segment of a path does of the next: types whose values only their
/// name tells are not meant (`/password/reset`).
pub fn loosely(hints: Hints) -> Hints {
    Hints { strong: hints.strong & !*BY_NAME, ..hints }
}

/// Whether a name makes any value under it worth a look, whatever it looks like.
pub fn is_named(hints: Hints) -> bool {
    hints.strong & *BY_NAME != 0
}

/// Finds candidates in a value, in order; each call of `emit` gives the readings of one span, likeliest first.
pub fn find(value: &str, scan: &Scan, emit: &mut dyn FnMut(&[Candidate])) {
    if has_full_width(value) {
        let (narrow, origin) = half_width(value);
        let at = |n: usize| origin.get(n).copied().unwrap_or(value.len());
        return find_narrow(&narrow, scan, &mut |found| {
            let mut out = Readings::default();
            for candidate in found {
                out.push(Candidate { start: at(candidate.start), end: at(candidate.end), ..*candidate });
            }
            emit(out.as_slice());
        });
    }
    find_narrow(value, scan, emit);
}

fn find_narrow(value: &str, scan: &Scan, emit: &mut dyn FnMut(&[Candidate])) {
    let trimmed = value.trim();
    if let Some(found) = biometric::long(trimmed, scan) {
        return emit(&[found]);
    }
    if scan.whole && trimmed.len() <= LEAF {
        let mut out = Readings::default();
        leaf(trimmed, scan, &mut out);
        let offset = value.len() - value.trim_start().len();
        for candidate in out.as_mut_slice() {
            candidate.start += offset;
            candidate.end += offset;
        }
        if !out.is_empty() {
            return emit(out.as_slice());
        }
        let is_mixed = trimmed.len() > 32
            || trimmed.bytes().any(|b| b.is_ascii_alphabetic() || b >= 0x80 || b.is_ascii_punctuation() || b == b' ');
        if !is_mixed {
            return;
        }
    }
    if scan.kind != LeafKind::Number {
        text(value, scan, emit);
        accounts::in_text(value, &mut |found| labelled(value, found, emit));
        phrases::find(value, &mut |found| labelled(value, found, emit));
    }
}

/// The whole value.
fn leaf(value: &str, scan: &Scan, out: &mut Readings) {
    let bytes = value.as_bytes();
    // The mask characters beyond ASCII begin with 0xC3 and 0xE2.
    let is_masked = bytes.iter().any(|b| matches!(b, b'*' | 0xC3 | 0xE2))
        || (scan.named != 0 || bytes.first().is_some_and(u8::is_ascii_digit)) && has_masking_run(bytes);
    if is_masked && scan.kind == LeafKind::Text {
        masked::leaf(value, scan, out);
        if !out.is_empty() {
            return;
        }
    }
    let is_number = scan.kind == LeafKind::Number;
    // `(+86)138…` and `(86) 138…` are written too.
    let digits_at = usize::from(value.starts_with('+'));
    match bytes.first() {
        // A number token with a point or an exponent is no number of anything.
        Some(b'0'..=b'9') if is_number && bytes.iter().any(|b| !b.is_ascii_digit()) => {}
        Some(b'0'..=b'9' | b'+') if bytes.get(digits_at).is_some_and(u8::is_ascii_digit) => {
            let run = Run::collect(bytes, digits_at);
            if run.end == bytes.len() {
                run.read(bytes, false, scan, &mut |found| found.as_slice().iter().for_each(|one| out.push(*one)));
            } else {
                tokens::read(bytes, 0, false, scan, out);
            }
            if out.is_empty() {
                let all = (0, bytes.len());
                out.add(world::phone::bracketed(bytes, digits_at, scan, false).filter(|c| (c.start, c.end) == all));
            }
        }
        Some(b'%' | b';') => finance::whole_track(value, out),
        Some(b'(') => out.add(landline::bracketed(bytes, 1).filter(|c| (c.start, c.end) == (0, bytes.len()))),
        Some(0x80..) => han::leaf(value, scan, out),
        Some(b) if b.is_ascii_alphabetic() && !is_number && bytes.iter().any(u8::is_ascii_digit) => {
            tokens::read(bytes, 0, false, scan, out);
        }
        _ => {}
    }
    if let Some(at) = memchr::memchr(b'@', bytes)
        && let Some(found) = email(bytes, at, false).filter(|c| (c.start, c.end) == (0, bytes.len()))
    {
        out.push(found);
    }
    if out.is_empty() && device::is_v6(value) {
        out.push(Candidate::new(TypeId::IPV6, spyhop_model::Form::Full, (0, value.len()), 50));
    }
    if value.starts_with("wxid_") && out.is_empty() {
        accounts::whole(value, out);
    }
    named(value, scan, out);
}

/// What the name of a whole value alone says.
fn named(value: &str, scan: &Scan, out: &mut Readings) {
    let mut left = scan.named & *BY_NAME;
    while left != 0 {
        let what = TypeId(left.trailing_zeros() as u8);
        left &= left - 1;
        let points = what.get().named.and_then(|form| form(value, scan.kind));
        if let Some(points) = points.filter(|_| !out.as_slice().iter().any(|one| one.what == what)) {
            out.push(Candidate::new(what, spyhop_model::Form::Full, (0, value.len()), points));
        }
    }
}

/// Values inside a text.
fn text(value: &str, scan: &Scan, emit: &mut dyn FnMut(&[Candidate])) {
    let bytes = value.as_bytes();
    // In text, the name of the whole says nothing of its parts by itself.
    let scan = &Scan { named: 0, ..*scan };
    let mut at = 0;
    // End of what was found or passed: an address's digits are not looked at again.
    let mut done = 0;
    // End of what was found: an address's own digits were passed.
    let last = Cell::new(0);
    let emit = &mut |found: &[Candidate]| {
        last.set(found.iter().fold(last.get(), |end, one| one.end.max(end)));
        emit(found);
    };
    let mut starts = Starts::new(bytes);
    let mut random = Random::default();
    while let Some(start) = starts.next(at) {
        at = start;
        let next = match bytes.get(at) {
            Some(b'0'..=b'9') => {
                if let Some(next) = short_word(bytes, at).or_else(|| random.skips(bytes, at)) {
                    at = next;
                    continue;
                }
                number_or_code(value, at, done, scan, emit)
            }
            Some(b'@') => match email(bytes, at, true).filter(|c| c.start >= last.get()) {
                Some(found) => {
                    labelled(value, &[found], emit);
                    found.end
                }
                None => at + 1,
            },
            Some(b'*') => {
                if bytes.get(at + 1) == Some(&b'*')
                    || bytes.get(at.wrapping_sub(1)).is_some_and(u8::is_ascii_alphanumeric)
                {
                    masked::in_text(value, at, &mut |found| labelled(value, found, emit))
                } else {
                    at + 1
                }
            }
            Some(b':' | b'=') => match after_label(value, at, at + 1, scan, emit) {
                // A sign that nothing followed passes nothing: it may stand in a code.
                next if next == at + 1 => {
                    at = next;
                    continue;
                }
                next => next,
            },
            // The border of two cells.
            Some(b'\t') => match bytes.get(at.wrapping_sub(1)).filter(|b| !b.is_ascii_whitespace()) {
                Some(_) => after_label(value, at, at + 1, scan, emit),
                None => at + 1,
            },
            Some(0xEF) if value.get(at..).is_some_and(|rest| rest.starts_with('：')) => {
                after_label(value, at, at + '：'.len_utf8(), scan, emit)
            }
            Some(0xEF) => at + 1,
            _ => han::in_text(value, at, scan, &mut |found| labelled(value, found, emit)),
        };
        done = done.max(next);
        at = next.max(at + 1);
    }
}

/// The end of the letters and digits around the digit at `at`, if they are too few for anything and nothing that may
/// belong to them stands beside them.
fn short_word(bytes: &[u8], at: usize) -> Option<usize> {
    /// Characters of the shortest code.
    const CODE: usize = 8;
    let is_word = |b: &&u8| b.is_ascii_alphanumeric();
    let head = bytes.get(at.saturating_sub(CODE)..at).unwrap_or_default();
    let tail = bytes.get(at..(at + CODE).min(bytes.len())).unwrap_or_default();
    let before = head.iter().rev().take_while(is_word).count();
    let end = at + tail.iter().take_while(is_word).count();
    if before + end - at >= CODE || matches!(bytes.get(at.wrapping_sub(before + 1)), Some(b'+' | b'(')) {
        return None;
    }
    let is_alone = match bytes.get(end) {
        Some(b' ' | b'-' | b'.' | b'/' | b':') => !bytes.get(end + 1).is_some_and(u8::is_ascii_alphanumeric),
        Some(b'(' | b')' | 0xEF) => false,
        _ => true,
    };
    is_alone.then_some(end)
}

/// Stretches of Base64 in a text, in which no number stands: on its borders there are letters, or signs of Base64.
#[derive(Default)]
struct Random {
    /// Where nothing begins.
    from: usize,
    to: usize,
    /// Up to here is known what it is.
    seen: usize,
}

impl Random {
    /// Where to go on, if the digit at `at` is within one.
    fn skips(&mut self, bytes: &[u8], at: usize) -> Option<usize> {
        /// What is looked at around a number.
        const AROUND: usize = 64;
        if at >= self.seen {
            let rest = bytes.get(at..).unwrap_or_default();
            let length = base64_blocks(rest) * LANES;
            self.seen = at + length + LANES;
            (self.from, self.to) = (at + AROUND, (at + length).saturating_sub(AROUND));
            // Not within a number.
            let is_digit = |to: usize| bytes.get(to.wrapping_sub(1)).is_some_and(u8::is_ascii_digit);
            while self.to > self.from && is_digit(self.to) {
                self.to -= 1;
            }
        }
        (self.from..self.to).contains(&at).then_some(self.to)
    }
}

/// Digits in text, alone or in a code: where to go on.
fn number_or_code(value: &str, at: usize, done: usize, scan: &Scan, emit: &mut dyn FnMut(&[Candidate])) -> usize {
    /// Fewer digits are no number of anything, unless letters or points join them.
    const SHORTEST: usize = 9;
    let bytes = value.as_bytes();
    let run = Run::collect(bytes, at);
    let joins = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_alphabetic() || matches!(b, b'.' | b':' | b'/' | b'('));
    let before = at.checked_sub(1).and_then(|p| bytes.get(p));
    let starts_code = before.is_some_and(u8::is_ascii_alphabetic) || tokens::prefix(bytes, at, run.end) > 0;
    // `12345678-Z`.
    let ends_code = matches!(bytes.get(run.end..), Some([b'-', b'A'..=b'Z', ..]));
    // `（` in Chinese text.
    let is_bracketed = bytes.get(run.end) == Some(&0xEF);
    let is_joined = starts_code || joins(before) || joins(bytes.get(run.end)) || ends_code || is_bracketed;
    if before == Some(&b'+')
        && let Some(found) = world::phone::bracketed(bytes, at, scan, true).filter(|found| found.start >= done)
    {
        labelled(value, &[found], emit);
        return found.end;
    }
    if before == Some(&b'(')
        && let Some(found) = landline::bracketed(bytes, at).filter(|found| found.start >= done)
    {
        labelled(value, &[Candidate { points: found.points - 10, ..found }], emit);
        return found.end;
    }
    if matches!(bytes.get(run.end), Some(b'^' | b'='))
        && let Some(found) = finance::track_in_text(bytes, at).filter(|found| found.start >= done)
    {
        labelled(value, &[found], emit);
        return found.end;
    }
    // A code's digits may be a number's too: `DE89 3704 0044 0532 0130 00`.
    if starts_code {
        let mut out = Readings::default();
        let end = tokens::read(bytes, at, true, scan, &mut out);
        if out.as_slice().first().is_some_and(|first| first.start >= done) {
            labelled(value, out.as_slice(), emit);
            return out.as_slice().first().map_or(end, |first| first.end).max(at + 1);
        }
    }
    if run.end - run.start >= SHORTEST && run.start >= done {
        let mut any = false;
        run.read(bytes, true, scan, &mut |found| {
            any = true;
            labelled(value, found.as_slice(), emit);
        });
        if any || !is_joined {
            return run.end;
        }
    }
    if !is_joined {
        return run.end;
    }
    let mut out = Readings::default();
    let end = if starts_code { at + 1 } else { tokens::read(bytes, at, true, scan, &mut out) };
    if out.as_slice().first().is_some_and(|first| first.start >= done) {
        labelled(value, out.as_slice(), emit);
    }
    end.max(at + 1)
}

/// The sign after a label at `at`, which ends at `from`: what follows is read as a whole value, if the label names a
/// type. Where to go on.
fn after_label(value: &str, at: usize, from: usize, scan: &Scan, emit: &mut dyn FnMut(&[Candidate])) -> usize {
    const SHORTEST: usize = 2;
    let Some(word) = label_word(value, at).filter(|word| word.len() >= SHORTEST) else { return from };
    let mut label = label_hints(word);
    // What stands after a head of a record in Chinese is read with the record.
    if !word.is_ascii() {
        label.strong &= !TypeId::MEDICAL.set();
    }
    if label.strong == 0 {
        return from;
    }
    let rest = value.get(from..).unwrap_or_default();
    let start = from + (rest.len() - rest.trim_start_matches([' ', '\t', '"', '\'', '\\']).len());
    let rest = value.get(start..).unwrap_or_default();
    let is_end = |c: char| match c {
        '0'..='9' | 'A'..='Z' | 'a'..='z' | '\u{3400}'..='\u{9FFF}' => false,
        ',' | ';' | '&' | '"' | '\'' | '<' | '>' | '|' | ')' | ']' | '}' | '\\' => true,
        '，' | '。' | '；' | '、' | '）' | '】' | '”' => true,
        _ => c.is_whitespace() || c.is_control(),
    };
    let length = rest.char_indices().take(LABELLED).find(|(_, c)| is_end(*c)).map(|(at, _)| at);
    let length = length.or((rest.len() <= LABELLED).then_some(rest.len()));
    let Some(token) = length.and_then(|length| rest.get(..length)).filter(|token| !token.is_empty()) else {
        return from;
    };
    // These are found wherever they stand.
    if token.as_bytes().starts_with(accounts::WXID) {
        return from;
    }
    let mut out = Readings::default();
    leaf(token, &Scan { named: label.strong, ..*scan }, &mut out);
    let mut readings = Readings::default();
    // Another type may be told by a check digit.
    const SURE: i16 = 70;
    let is_fit = |one: &&Candidate| label.strong & one.what.set() != 0 || one.checked && one.points >= SURE;
    let is_field = out.as_slice().iter().any(|one| is_fit(&one)) && is_field(value, word, start + token.len());
    for candidate in out.as_slice().iter().filter(is_fit) {
        let more = match candidate.what.get() {
            kind if is_field && *BY_NAME & candidate.what.set() != 0 => {
                let (key, text) = kind.strong_points;
                10.max(10 + key - text)
            }
            _ => in_chinese(Some(word), candidate.what),
        };
        readings.push(Candidate {
            start: candidate.start + start,
            end: candidate.end + start,
            points: candidate.points - 10 + more,
            label: Some(label),
            ..*candidate
        });
    }
    if readings.is_empty() {
        return from;
    }
    emit(readings.as_slice());
    start + token.len()
}

/// Whether a label and its value, which ends at `end`, are a field of a record: all of a short text (`gender: 男`), or in
/// a line that begins with the time of day, as lines of logs do. In scripts, a name and a value are often neither.
fn is_field(value: &str, label: &str, end: usize) -> bool {
    const SHORT: usize = 160;
    const LINE: usize = 1024;
    const HEAD: usize = 32;
    let bytes = value.as_bytes();
    if value.len() <= SHORT && value.trim_start().starts_with(label) && value.trim_end().len() <= end + 1 {
        return true;
    }
    let from = end.saturating_sub(LINE);
    let line = match memchr::memrchr(b'\n', bytes.get(from..end).unwrap_or_default()) {
        Some(at) => from + at + 1,
        None => from,
    };
    let head = bytes.get(line..bytes.len().min(line + HEAD)).unwrap_or_default();
    head.windows(8)
        .any(|w| w.iter().zip(b"00:00:00").all(|(b, form)| if *form == b':' { b == form } else { b.is_ascii_digit() }))
}

/// Candidates in text with the label before them.
fn labelled(value: &str, found: &[Candidate], emit: &mut dyn FnMut(&[Candidate])) {
    // What reads Chinese text knows what stands right before it; a label is set off.
    let is_known = |first: &Candidate| {
        let before = first.start.checked_sub(1).and_then(|before| value.as_bytes().get(before));
        first.label.is_some()
            || first.what.get().is_text
                && before.is_some_and(|b| *b >= 0x80)
                && !value.get(..first.start).is_some_and(|before| before.ends_with(['：', '（', '为', '是']))
    };
    if found.first().is_some_and(is_known) {
        return emit(found);
    }
    let is_bound = |candidate: &Candidate| {
        candidate.what.get().is_text || is_border(value.as_bytes(), candidate.start, candidate.end)
    };
    let Some(first) = found.iter().find(|candidate| is_bound(candidate)) else { return };
    // The label of all of them stands before the likeliest.
    let start = found.first().map_or(first.start, |likeliest| likeliest.start);
    let word = label_word(value, start);
    let label = label(value, start, word);
    let weighed = |candidate: &Candidate| {
        let names = label.strong & candidate.what.set() != 0;
        let more = if names { in_chinese(word, candidate.what) } else { 0 };
        Candidate { label: Some(label), points: candidate.points + more, ..*candidate }
    };
    // Hardly anything reads in two ways.
    if let [_] = found {
        return emit(&[weighed(first)]);
    }
    let mut out = Readings::default();
    found.iter().filter(|candidate| is_bound(candidate)).for_each(|candidate| out.push(weighed(candidate)));
    emit(out.as_slice());
}

/// What the word before a value says, or the few words: `social security number 536-22-1234`, `SSN is 536-22-1234`.
fn label(value: &str, start: usize, word: Option<&str>) -> Hints {
    let word = word.map(label_hints).unwrap_or_default();
    if word.is_some() { word } else { phrase(value, start).unwrap_or_default() }
}

/// What the few words before a value say, if they name a type.
fn phrase(value: &str, start: usize) -> Option<Hints> {
    const BACK: usize = 48;
    const WORDS: usize = 4;
    let before = value.as_bytes().get(start.saturating_sub(BACK)..start)?;
    let is_word = |b: &u8| b.is_ascii_alphabetic();
    let end = before.iter().rposition(is_word)? + 1;
    let ends_label = |b: &u8| matches!(b, b' ' | b':' | b'=' | b'#' | b'.' | b'"' | b'\'' | b'(');
    if !before.get(end..)?.iter().all(ends_label) {
        return None;
    }
    let words =
        before.get(..end)?.rsplit(|b| *b == b' ').take_while(|word| !word.is_empty() && word.iter().all(is_word));
    let mut names = [String::new(), String::new()];
    for (at, word) in words.take(WORDS + 1).enumerate() {
        let word = String::from_utf8_lossy(word);
        // The word itself, and what stands before `number` or `is`.
        let is_filler = at == 0 && matches!(&*word, "is" | "was" | "no" | "No" | "number" | "Number" | "num" | "code");
        for (name, skip) in names.iter_mut().zip([false, is_filler]) {
            if !skip {
                name.insert_str(0, &word.to_ascii_lowercase());
                let found = hints(name);
                if found.strong != 0 {
                    return Some(found);
                }
            }
        }
    }
    None
}

/// Points on top for a type's label in Chinese characters.
fn in_chinese(label: Option<&str>, what: TypeId) -> i16 {
    label.filter(|word| !word.is_ascii()).map_or(0, |_| what.get().han_label)
}

/// What a label says. Texts repeat their labels: the last ones are remembered.
fn label_hints(word: &str) -> Hints {
    const REMEMBERED: usize = 128;
    type Label = Option<(String, Hints)>;
    // Numbers beside each other are no names.
    if word.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'_' | b'-')) {
        return Hints::default();
    }
    thread_local! {
        static LABELS: RefCell<(RandomState, Vec<Label>)> = RefCell::new((RandomState::new(), vec![None; REMEMBERED]));
    }
    LABELS.with_borrow_mut(|(hasher, labels)| {
        let Some(slot) = labels.get_mut(hasher.hash_one(word) as usize % REMEMBERED) else { return hints(word) };
        match slot {
            Some((known, hints)) if known == word => *hints,
            _ => slot.insert((word.to_owned(), hints(word))).1,
        }
    })
}

/// The word before a value: `手机：138…`, `"mobile":"138…`, `<td>手机</td><td>138…`.
pub(crate) fn label_word(value: &str, start: usize) -> Option<&str> {
    const BACK: usize = 80;
    const LONGEST_LABEL: usize = 36;
    // Most are of ASCII, and right before it.
    let head = value.as_bytes().get(start.saturating_sub(LONGEST_LABEL + 1)..start).unwrap_or_default();
    let is_word = |b: &&u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    match head.iter().rev().take_while(is_word).count() {
        0 => {}
        length @ 1..=LONGEST_LABEL => return value.get(start - length..start),
        _ => return None,
    }
    let mut from = start.saturating_sub(BACK);
    while !value.is_char_boundary(from) {
        from += 1;
    }
    let mut before = value.get(from..start).unwrap_or_default();
    loop {
        let trimmed = before.get(..before.len() - label_signs(before.as_bytes())).unwrap_or_default();
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
    let mut length: usize = if last.is_ascii() {
        before.bytes().rev().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')).count()
    } else {
        before.chars().rev().take_while(|c| is_han(*c)).map(char::len_utf8).sum()
    };
    // `QQ号`.
    if last == '号' {
        let rest = before.get(..before.len() - length).unwrap_or_default();
        length += rest.bytes().rev().take_while(u8::is_ascii_alphabetic).count();
    }
    let word = before.get(before.len() - length..).unwrap_or_default();
    (1..=LONGEST_LABEL).contains(&word.len()).then_some(word)
}

/// How many bytes of signs that set off a label stand at the end: ASCII ones, `：`, `（`, `为`, `是`.
fn label_signs(bytes: &[u8]) -> usize {
    let mut rest = bytes;
    while let [before @ .., b' ' | b'\t' | b':' | b'=' | b'"' | b'\'' | b'\\' | b'(']
    | [before @ .., 0xEF, 0xBC, 0x9A | 0x88]
    | [before @ .., 0xE4, 0xB8, 0xBA]
    | [before @ .., 0xE6, 0x98, 0xAF] = rest
    {
        rest = before;
    }
    bytes.len() - rest.len()
}

/// Whether a full-width digit, letter or sign of a number or address is there: they begin with 0xEF 0xBC or 0xEF 0xBD.
/// The signs of sentences are full-width in all Chinese text.
fn has_full_width(value: &str) -> bool {
    memchr::memchr_iter(0xEF, value.as_bytes()).any(|at| {
        let next = value.as_bytes().get(at + 1..at + 3);
        matches!(next, Some([0xBC, 0x85 | 0x8A | 0x8B | 0x8D..=0x99 | 0x9D | 0xA0..=0xBF] | [0xBD, 0x81..=0x9A]))
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
