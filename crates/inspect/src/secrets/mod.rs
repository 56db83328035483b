//! Keys, tokens, connection strings and private keys in text.
//!
//! Known formats come from `data/secrets.tsv` and `data/own/secrets.tsv`; what has no format of its own is told by the
//! name it is assigned to. Two passes look for places where something may stand, each close to a memory scan: one for
//! long [runs](runs) of characters as keys have them, one for a dozen fixed marks (`://`, `-----BEGIN`, `assw`, …). Only
//! there a rule's pattern runs, anchored, over a bounded window.
//!
//! A session token is no such secret: a JSON Web Token and a value named `token`, `accessToken` or `sessionId` give no
//! hit. What stands in pages by design (a key for maps, a publishable key) is marked `public`.
//!
//! # Cuts
//!
//! Text comes in pieces, cut at delimiters. A secret that a cut divides is missed, but for private keys, which are
//! found by their first line; an assignment needs its name and value in one piece, a password in a connection string
//! without a scheme up to 300 bytes before it. An overlap of 512 bytes loses nothing but keys of more than that (four of
//! the rules: they then are found in the next piece if their beginning is). Quoted values that the piece's end cuts are
//! left to the next piece; other values at the very end are taken as they are.

mod assignment;
pub mod examples;
mod mask;
mod name;
mod rules;
mod runs;
mod spoken;
mod url;
mod value;

use aho_corasick::AhoCorasick;

pub use mask::mask_secret;
use name::Name;
use rules::{Patterns, TABLE};
use spoken::Spoken;
use value::{Kinds, entropy, has_long_repetition, has_words, is_placeholder};

/// Points from which a secret is certain enough to be reported.
pub const REPORTED: u8 = 60;

/// What a secret opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SecretClass {
    /// Access keys of cloud providers.
    CloudKey,
    /// Keys of other services.
    ApiKey,
    /// Private keys.
    PrivateKey,
    /// Passwords of databases and queues, in their connection strings.
    ConnectionString,
    /// Personal access tokens, bot tokens, webhooks.
    Token,
    /// Other passwords.
    Password,
}

/// A secret in a text. Its value is where the span is; it must not leave but as [`mask_secret`] shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Secret {
    /// Which rule found it.
    pub rule: &'static str,
    /// What it opens.
    pub class: SecretClass,
    /// First byte; of connection strings the password alone.
    pub start: usize,
    /// Byte after the last.
    pub end: usize,
    /// Points, 0..=100; see [`REPORTED`].
    pub confidence: u8,
    /// Stands in pages by design: by default no finding.
    pub public: bool,
}

/// What is known of a text.
#[derive(Clone, Copy, Debug, Default)]
pub struct Context<'a> {
    /// The name of the value, if the text is the whole value of a leaf, else empty. Where leaves are wrapped as in
    /// `{"db.password": {"value": …}}`, the outer name.
    pub key: &'a str,
}

/// Whether a name is one of secrets, so that any value under it is worth a look.
pub fn names_secret(name: &str) -> bool {
    let name = Name::new(name.as_bytes());
    name.is_key() || name.is_secret() || name.is_password()
}

/// Whether a whole value may be a secret by itself or hold one: long, of letters and digits, or with a mark of a URL or
/// a key block. Cheap; what it passes is read.
pub fn is_secret_like(value: &[u8]) -> bool {
    /// Shortest key.
    const SHORTEST: usize = 16;
    if value.len() < SHORTEST {
        return false;
    }
    let (mut digits, mut letters, mut colons) = (false, false, false);
    for chunk in value.chunks(64) {
        for b in chunk {
            digits |= b.wrapping_sub(b'0') < 10;
            letters |= (b | 0x20).wrapping_sub(b'a') < 26;
            colons |= *b == b':' || *b == b'-';
        }
    }
    letters && (digits || colons)
}

/// Whether a whole value begins as a secret of a known format does.
pub(crate) fn begins_known(value: &[u8]) -> bool {
    let blanks = value.iter().take_while(|b| **b <= b' ').count();
    TABLE.begun(value.get(blanks..).unwrap_or_default()).next().is_some()
}

/// Marks of the second pass; the first ones are URLs and private keys, then names, then tokens whose characters end runs.
const MARKS: &[&str] = &[
    "://",
    ":\\/\\/",
    "-----BEGIN ",
    "assw",
    "ASSW",
    "pwd",
    "Pwd",
    "PWD",
    "ecret",
    "ECRET",
    "assphrase",
    "ops_eyJ",
    "fm1r_",
    "fm1a_",
    "fm2_",
    "sntrys_",
    "glc_",
];
/// Characters of which every mark has one, and values rarely any.
const fn in_marks() -> [bool; 256] {
    let mut table = [false; 256];
    let mut n = 0;
    while n < 256 {
        table[n] = matches!(n as u8, b'/' | b'B' | b'w' | b'W' | b'c' | b'C' | b'h' | b'_');
        n += 1;
    }
    table
}
static IN_MARKS: [bool; 256] = in_marks();
/// Index of the first name.
const NAMES: usize = 3;
/// Index of the first token.
const TOKENS: usize = 11;
/// Lengths of passwords and keys of no known format.
const LENGTHS: std::ops::RangeInclusive<usize> = 6..=200;
/// Lengths of keys that only their disorder tells.
const RANDOM: std::ops::RangeInclusive<usize> = 16..=128;
/// Most looks back for the beginning of a connection string in one text.
const LOOKS_BACK: u32 = 64;

/// Recognises secrets. A clone shares the compiled patterns and has caches of its own: one for each worker.
#[derive(Clone, Debug)]
pub struct Secrets {
    patterns: Patterns,
    marks: Option<AhoCorasick>,
}

impl Default for Secrets {
    fn default() -> Self {
        Secrets::new()
    }
}

/// What a rule found, before its place is known to be free.
#[derive(Clone, Copy)]
struct Hit {
    rule: &'static str,
    class: SecretClass,
    start: usize,
    end: usize,
    confidence: u8,
    public: bool,
}

/// What stands so far.
struct Found<'a> {
    emit: &'a mut dyn FnMut(Secret),
    /// Spans of the second pass, in order.
    spans: Vec<(usize, usize)>,
    looks_back: u32,
    count: usize,
}

impl Found<'_> {
    fn add(&mut self, hit: Hit) {
        let Hit { rule, class, start, end, confidence, public } = hit;
        self.count += 1;
        (self.emit)(Secret { rule, class, start, end, confidence, public });
    }
}

impl Secrets {
    /// All rules. Patterns are compiled when they are first needed.
    pub fn new() -> Secrets {
        let marks = AhoCorasick::builder().match_kind(aho_corasick::MatchKind::LeftmostFirst).build(MARKS).ok();
        Secrets { patterns: Patterns::default(), marks }
    }

    /// Finds secrets; in no order, but none overlap.
    pub fn find(&self, text: &str, context: &Context<'_>, emit: &mut dyn FnMut(Secret)) {
        let bytes = text.as_bytes();
        let mut found = Found { emit, spans: Vec::new(), looks_back: 0, count: 0 };
        self.search(bytes, &mut found);
        if !context.key.is_empty() && found.count == 0 {
            let (start, end) = trimmed(text);
            if let Some(hit) = self.judge(bytes, context.key.as_bytes(), (start, end)) {
                found.add(hit);
            }
        }
    }

    /// As [`find`](Secrets::find) in the `whole` value, or in a piece, of a leaf whose name is
    /// [none of a secret](names_secret).
    pub fn find_unnamed(&self, text: &str, whole: bool, emit: &mut dyn FnMut(Secret)) {
        let bytes = text.as_bytes();
        let mut found = Found { emit, spans: Vec::new(), looks_back: 0, count: 0 };
        self.search(bytes, &mut found);
        if whole && found.count == 0 {
            let (start, end) = trimmed(text);
            if let Some(hit) = self.token(bytes, start).filter(|hit| hit.end == end) {
                found.add(hit);
            }
        }
    }

    fn search(&self, bytes: &[u8], found: &mut Found<'_>) {
        self.find_marks(bytes, found);
        self.find_runs(bytes, found);
    }

    /// Whether [`find`](Secrets::find) may find anything in a whole value whose name is none of a secret: what it would
    /// begin with, without judging it.
    pub fn may_find(&self, value: &[u8]) -> bool {
        is_secret_like(value)
            && (self.may_begin(value)
                // What is coded is read when it is decoded.
                || memchr::memchr(b'%', value).is_some())
    }

    fn may_begin(&self, value: &[u8]) -> bool {
        // White space of any kind stands before a whole value at times.
        let blanks = value.iter().take_while(|b| **b <= b' ').count();
        let whole = value.get(blanks..).unwrap_or_default();
        if !whole.first().is_some_and(u8::is_ascii) || TABLE.begun(whole).next().is_some() || self.may_find_runs(value)
        {
            return true;
        }
        // A date has none of these.
        if !value.iter().any(|b| IN_MARKS[usize::from(*b)]) {
            return false;
        }
        let mut from = 0;
        while let Some((mark, start, end)) = self.next_mark(value, from) {
            from = end;
            let rest = value.get(end..).unwrap_or_default();
            let is_found = match mark {
                0 | 1 => url::password(value, start, end - start).is_some() || TABLE.hosts(rest).next().is_some(),
                2 => url::private_key(value, start).is_some(),
                _ => true,
            };
            if is_found {
                return true;
            }
        }
        false
    }

    fn may_find_runs(&self, value: &[u8]) -> bool {
        let mut from = 0;
        while let Some((start, end)) = runs::next(value, from) {
            from = end;
            let begin = unescaped(value, start, end);
            let extended = extended(value, begin);
            let is_begun = |at: usize| TABLE.begun(value.get(at..).unwrap_or_default()).next().is_some();
            if is_begun(begin)
                || extended.is_some_and(is_begun)
                || infix(value, extended.unwrap_or(begin), end, extended.is_some()).is_some()
                || assignment::around_run(value, (start, end)).is_some()
            {
                return true;
            }
        }
        false
    }

    /// Whether a body may hold a secret: a look at its raw bytes, before they are taken apart. Escapes of JSON other than
    /// `\/`, `\"` and `\n` are not undone, nor are entities.
    pub fn may_hold(&self, bytes: &[u8]) -> bool {
        self.may_hold_marks(bytes) || self.may_hold_runs(bytes)
    }

    fn may_hold_marks(&self, bytes: &[u8]) -> bool {
        let mut from = 0;
        while let Some((mark, start, end)) = self.next_mark(bytes, from) {
            from = end;
            match mark {
                0 | 1 => {
                    let rest = bytes.get(end..).unwrap_or_default();
                    if url::password(bytes, start, end - start).is_some() || TABLE.hosts(rest).next().is_some() {
                        return true;
                    }
                }
                2 => {
                    if url::private_key(bytes, start).is_some() {
                        return true;
                    }
                }
                NAMES..TOKENS => {
                    let name = assignment::name_around(bytes, start, end);
                    from = name.1.max(end);
                    let value = assignment::value_after(bytes, name).and_then(|v| bytes.get(v.start..v.end));
                    if value.is_some_and(may_be_password) {
                        return true;
                    }
                }
                _ => return true,
            }
        }
        false
    }

    fn may_hold_runs(&self, bytes: &[u8]) -> bool {
        let mut from = 0;
        while let Some((start, end)) = runs::next(bytes, from) {
            from = end;
            let begin = unescaped(bytes, start, end);
            let rest = |at: usize| bytes.get(at..).unwrap_or_default();
            let extended = extended(bytes, begin);
            let is_begun = |at: usize| TABLE.begun(rest(at)).next().is_some();
            if is_begun(begin)
                || extended.is_some_and(is_begun)
                || infix(bytes, extended.unwrap_or(begin), end, extended.is_some()).is_some()
            {
                return true;
            }
            let has_digit = bytes.get(start..end).is_some_and(|run| run.iter().any(u8::is_ascii_digit));
            if has_digit && let Some((name, _)) = assignment::around_run(bytes, (start, end)) {
                let name = Name::new(bytes.get(name.0..name.1).unwrap_or_default());
                if name.is_key() || name.is_secret() {
                    return true;
                }
            }
        }
        false
    }

    fn next_mark(&self, bytes: &[u8], from: usize) -> Option<(usize, usize, usize)> {
        let input = aho_corasick::Input::new(bytes).span(from.min(bytes.len())..bytes.len());
        let found = self.marks.as_ref()?.find(input)?;
        Some((found.pattern().as_usize(), found.start(), found.end()))
    }

    /// URLs, private keys, names of passwords and secrets, tokens with signs that end a run.
    fn find_marks(&self, bytes: &[u8], found: &mut Found<'_>) {
        let mut from = 0;
        while let Some((mark, start, end)) = self.next_mark(bytes, from) {
            from = end;
            let hit = match mark {
                0 | 1 => self.url(bytes, start, end),
                2 => private_key(bytes, start),
                NAMES..TOKENS => {
                    let name = assignment::name_around(bytes, start, end);
                    from = name.1.max(end);
                    self.assigned(bytes, name, found)
                }
                _ => self.token(bytes, start),
            };
            if let Some(hit) = hit {
                from = from.max(hit.end);
                found.spans.push((hit.start, hit.end));
                found.add(hit);
            }
        }
    }

    fn find_runs(&self, bytes: &[u8], found: &mut Found<'_>) {
        let (mut from, mut passed) = (0, 0);
        while let Some((start, end)) = runs::next(bytes, from) {
            from = end;
            while found.spans.get(passed).is_some_and(|span| span.1 <= start) {
                passed += 1;
            }
            if found.spans.get(passed).is_some_and(|span| span.0 < end) {
                continue;
            }
            if let Some(hit) = self.run(bytes, start, end) {
                // What the other pass found stays, if this reaches into it.
                if found.spans.get(passed).is_some_and(|span| span.0 < hit.end) {
                    continue;
                }
                // Whatever of the value comes after its first run has been seen.
                from = hit.end.max(end);
                found.add(hit);
            }
        }
    }

    fn run(&self, bytes: &[u8], start: usize, end: usize) -> Option<Hit> {
        let begin = unescaped(bytes, start, end);
        if let Some(hit) = self.token(bytes, begin) {
            return Some(hit);
        }
        let extended = extended(bytes, begin);
        if let Some(at) = extended
            && let Some(hit) = self.token(bytes, at)
        {
            return Some(hit);
        }
        let begin = extended.unwrap_or(begin);
        if let Some(rule) = infix(bytes, begin, end, extended.is_some())
            && let Some(hit) = self.known(rule, bytes, begin)
        {
            return Some(hit);
        }
        if !bytes.get(start..end)?.iter().any(u8::is_ascii_digit) {
            return None;
        }
        let (name, value) = assignment::around_run(bytes, (start, end))?;
        self.judge(bytes, bytes.get(name.0..name.1)?, (value.start, value.end))
    }

    /// A value of a known format that begins at `start`.
    fn token(&self, bytes: &[u8], start: usize) -> Option<Hit> {
        let rest = bytes.get(start..)?;
        TABLE.begun(rest).find_map(|rule| self.known(rule, bytes, start))
    }

    fn known(&self, index: u16, bytes: &[u8], start: usize) -> Option<Hit> {
        if !is_begin(bytes, start) {
            return None;
        }
        let rest = bytes.get(start..)?;
        let value = rest.get(..self.patterns.matched(index, rest)?)?;
        let end = start + value.len();
        if bytes.get(end).is_some_and(|b| runs::is_in_run(*b)) {
            return None;
        }
        let rule = TABLE.rules.get(usize::from(index))?;
        if entropy(value) < rule.entropy || is_placeholder(value) {
            return None;
        }
        let is_test = value.windows(6).any(|w| w.eq_ignore_ascii_case(b"_test_"));
        let confidence = match (rule.public, is_test) {
            (true, _) => 30,
            (_, true) => 50,
            _ => 90,
        };
        Some(Hit { rule: rule.id, class: rule.class, start, end, confidence, public: rule.public })
    }

    fn url(&self, bytes: &[u8], start: usize, end: usize) -> Option<Hit> {
        if let Some(found) = url::password(bytes, start, end - start) {
            let (rule, class) = if found.is_connection {
                ("connection-string", SecretClass::ConnectionString)
            } else {
                ("url-password", SecretClass::Password)
            };
            let (start, end, confidence) = (found.start, found.end, found.confidence);
            return Some(Hit { rule, class, start, end, confidence, public: false });
        }
        let rest = bytes.get(end..)?;
        TABLE.hosts(rest).find_map(|index| {
            let rule = TABLE.rules.get(usize::from(index))?;
            let length = self.patterns.matched(index, rest)?;
            let value = rest.get(..length)?;
            let (id, class, public) = (rule.id, rule.class, rule.public);
            (!is_placeholder(value)).then_some(Hit {
                rule: id,
                class,
                start: end,
                end: end + length,
                confidence: 85,
                public,
            })
        })
    }

    /// What a name that speaks of a password or secret is assigned.
    fn assigned(&self, bytes: &[u8], name: (usize, usize), found: &mut Found<'_>) -> Option<Hit> {
        let value = assignment::value_after(bytes, name)?;
        let hit = self.judge(bytes, bytes.get(name.0..name.1)?, (value.start, value.end))?;
        if hit.class == SecretClass::Password && found.looks_back < LOOKS_BACK {
            found.looks_back += 1;
            if url::is_in_connection_string(bytes, name.0) {
                let (rule, class) = ("connection-string", SecretClass::ConnectionString);
                return Some(Hit { rule, class, confidence: 85, ..hit });
            }
        }
        Some(hit)
    }

    /// Whether a value under a name is a secret.
    fn judge(&self, bytes: &[u8], name: &[u8], (start, end): (usize, usize)) -> Option<Hit> {
        let value = bytes.get(start..end)?;
        if let Some(hit) = self.token(bytes, start).filter(|hit| hit.end == end) {
            return Some(hit);
        }
        if !LENGTHS.contains(&value.len()) {
            return None;
        }
        let spoken = &*Spoken::of(name);
        if !spoken.may_be_of(value.len()) || !may_be_password(value) || is_jwt(value) {
            return None;
        }
        if let Some(hit) = self.of_service(spoken, value, start) {
            return Some(hit);
        }
        let name = &spoken.name;
        let hit = |rule, class, confidence| Some(Hit { rule, class, start, end, confidence, public: false });
        if spoken.is_password {
            if is_hash(value) {
                return hit("password-hash", SecretClass::Password, 70);
            }
            return is_password(value, name)
                .then(|| if name.is_setting() { 75 } else { 45 })
                .and_then(|confidence| hit("password-by-name", SecretClass::Password, confidence));
        }
        if spoken.is_secret && is_random(value) && (name.squashed() != "sk" || matches!(value.len(), 30 | 32 | 40)) {
            return hit("secret-by-name", SecretClass::ApiKey, 65);
        }
        None
    }

    /// A key of a service that the name tells.
    fn of_service(&self, spoken: &Spoken, value: &[u8], start: usize) -> Option<Hit> {
        let whole = |index: &u16| self.patterns.matched(*index, value) == Some(value.len());
        let rule = spoken.rules.iter().find(|index| whole(index))?;
        let rule = TABLE.rules.get(usize::from(*rule))?;
        let is_random = Kinds::of(value).is_mixed() && entropy(value) >= rule.entropy;
        let confidence = if rule.public { 30 } else { 75 };
        let (id, class, public) = (rule.id, rule.class, rule.public);
        is_random.then_some(Hit { rule: id, class, start, end: start + value.len(), confidence, public })
    }
}

/// Where a text begins and ends without the white space around it.
fn trimmed(text: &str) -> (usize, usize) {
    let start = text.len() - text.trim_start().len();
    (start, start + text.trim().len())
}

fn private_key(bytes: &[u8], start: usize) -> Option<Hit> {
    let (end, is_encrypted) = url::private_key(bytes, start)?;
    let (rule, class) = ("private-key", SecretClass::PrivateKey);
    Some(Hit { rule, class, start, end, confidence: if is_encrypted { 80 } else { 95 }, public: false })
}

/// Where a run begins, after an escape of JSON (`\n`) or of a URL (`%3D`).
fn unescaped(bytes: &[u8], start: usize, end: usize) -> usize {
    let before = start.checked_sub(1).and_then(|p| bytes.get(p));
    match (before, bytes.get(start..end)) {
        (Some(b'%'), Some([a, b, ..])) if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => start + 2,
        (Some(b'\\'), Some([b'n' | b'r' | b't' | b'b' | b'f', ..])) => start + 1,
        (Some(b'\\'), Some([b'u', ..])) => end.min(start + 5),
        _ => start,
    }
}

/// The beginning of a value that has dots or a tilde before the run at `start`.
fn extended(bytes: &[u8], start: usize) -> Option<usize> {
    const BACK: usize = 40;
    let head = bytes.get(start.saturating_sub(BACK)..start)?;
    if !matches!(head.last(), Some(b'.' | b'~')) {
        return None;
    }
    let length = head.iter().rev().take_while(|b| runs::is_in_run(**b) || matches!(b, b'.' | b'~')).count();
    Some(start - length)
}

/// The rule whose mark stands in the dotted beginning of a value, or at the end of its run.
fn infix(bytes: &[u8], begin: usize, end: usize, is_dotted: bool) -> Option<u16> {
    const HEAD: usize = 40;
    let value = bytes.get(begin..end)?;
    if !is_dotted && !value.ends_with(b"k") {
        return None;
    }
    let head = value.get(..HEAD).unwrap_or(value);
    let stands = |mark: &[u8]| value.ends_with(mark) || is_dotted && memchr::memmem::find(head, mark).is_some();
    TABLE.infixes().iter().find(|(mark, _)| stands(mark)).map(|(_, rule)| *rule)
}

/// Whether a value may begin here: in the middle of Base64 any few letters stand by chance.
fn is_begin(bytes: &[u8], start: usize) -> bool {
    const BACK: usize = 64;
    const CHAIN: usize = 40;
    let head = bytes.get(start.saturating_sub(BACK)..start).unwrap_or_default();
    match head.last() {
        Some(b'+') => false,
        Some(b'/') => {
            let is_base64 = |b: &&u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/');
            head.iter().rev().take_while(is_base64).count() < CHAIN
        }
        // Within a path or a version.
        Some(b) => !runs::is_in_run(*b) || is_escape(head),
        None => true,
    }
}

/// The bytes before end with an escape.
fn is_escape(head: &[u8]) -> bool {
    match head {
        [.., b'%', a, b] => a.is_ascii_hexdigit() && b.is_ascii_hexdigit(),
        [.., b'\\', b'n' | b'r' | b't' | b'b' | b'f'] => true,
        [.., b'\\', b'u', _, _, _, _] => true,
        _ => false,
    }
}

fn is_jwt(value: &[u8]) -> bool {
    value.starts_with(b"eyJ") && value.contains(&b'.')
}

/// Lengths and characters of any password or key: a digit or a sign, two kinds of characters; no placeholder.
fn may_be_password(value: &[u8]) -> bool {
    if !LENGTHS.contains(&value.len()) {
        return false;
    }
    let kinds = Kinds::of(value);
    let count = [kinds.lower, kinds.upper, kinds.digit, kinds.sign].iter().filter(|k| **k).count();
    (kinds.digit || kinds.sign) && count >= 2 && !kinds.other && !is_placeholder(value)
}

/// A crypt(3) hash: `$2b$…`, `$6$…`, `$argon2id$…`, `{bcrypt}$2a$…`.
fn is_hash(value: &[u8]) -> bool {
    let value = value.strip_prefix(b"{bcrypt}").unwrap_or(value);
    let marks: [&[u8]; 8] = [b"$2a$", b"$2b$", b"$2y$", b"$1$", b"$5$", b"$6$", b"$argon2", b"$pbkdf2"];
    value.len() >= 24 && marks.iter().any(|mark| value.starts_with(mark))
}

/// A password rather than the text of a form.
fn is_password(value: &[u8], name: &Name) -> bool {
    let lower = String::from_utf8_lossy(value).to_ascii_lowercase();
    let speaks = ["passw", "pwd", "://", "()", "=>"].iter().any(|word| lower.contains(word)) && !name.is_setting();
    let is_path = value.first().is_some_and(|b| matches!(b, b'/' | b'.' | b'#'));
    !speaks && !is_path && !has_long_repetition(value)
}

/// Random enough to be a key whose format nobody knows.
fn is_random(value: &[u8]) -> bool {
    let kinds = Kinds::of(value);
    let least = if kinds.hexadecimal { 3.0 } else { 3.5 };
    let is_written = |b: &u8| {
        b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'+' | b'/' | b'=' | b'.' | b'~' | b'!' | b'@' | b'#')
    };
    RANDOM.contains(&value.len())
        && kinds.is_mixed()
        && value.iter().all(is_written)
        && value.first().is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'+')
        && !has_long_repetition(value)
        && entropy(value) >= least
        && (kinds.hexadecimal || !has_words(value))
}

#[cfg(test)]
mod tests;
