//! Types of sensitive data that an operator adds: a pattern, a check, and names that speak for it.
//!
//! Patterns are searched in time linear in the text, in leaves and in the whole body as it passes, so that a value is
//! found in a body of any type and wherever its pieces were cut. A value has [`LONGEST`] bytes at most; a pattern that
//! could match more, or nothing at all, is refused.

use std::borrow::Cow;

use ahash::AHashMap;
use regex_automata::meta::Regex;
use regex_automata::util::syntax;
use spyhop_model::serde::{Deserialize, Serialize};
use spyhop_model::{Category, DataType, Grade, Personal, Text, settings};

use super::canary::{self, Canary, MAX_CANARIES};
use super::{TYPES, Type, TypeId, TypeSet, keys, validators};

/// Custom types at most, all canaries counted as one: a set of types is 128 bits, of which these are the last.
pub const MAX_TYPES: usize = 32;
/// Longest value in bytes.
pub const LONGEST: usize = 1024;
/// Longest pattern in bytes.
const PATTERN: usize = 2048;
/// Bytes a pattern may take compiled, and as many again for the states it was seen in.
const COMPILED: usize = 2 << 20;
/// The same for all canaries.
const CANARIES: usize = 16 << 20;
/// Values of one type that are taken of one leaf or block; more in so few bytes are no values.
const MATCHES: usize = 1024;
/// Names that may speak for a type.
const NAMES: usize = 64;
/// Points that a name or a label adds.
const NAMED: u8 = 30;

settings! {
    /// Types of sensitive data of your own, besides those that the sensor knows.
    pub struct TypeSettings {
        /// Each is a table `[[types.custom]]` with `id` and `pattern` (a regular expression without look-around and back references, whose matches have 1,024 bytes at most), and, if wanted, `title_en` and `title_zh`; `grade` (L1 to L5, else L3); `personal` (no, personal or sensitive, else no); `validator` (none, luhn, resident_id, mobile, bank_card or date); `keys`, names of fields and labels in text that add 30 points; and `confidence`, the points without such a name (0 to 100, else 90; 60 and more are reported).
        custom: Vec<CustomType> = Vec::new(),
        /// Values that you have planted and that nobody has a reason to see, each a table `[[types.canary]]` with a `name` and the `value` (6 to 200 characters); `data.canary` tells whoever sends or receives one, in letters of either case and with or without spaces and hyphens.
        canary: Vec<Canary> = Vec::new(),
    }
}

/// A type as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(crate = "spyhop_model::serde", deny_unknown_fields)]
pub struct CustomType {
    /// Identifier in records: lower-case letters, digits and `_`.
    pub id: TypeName,
    /// Name in English; the identifier where it is empty.
    #[serde(default)]
    pub title_en: Title,
    /// Name in Chinese; the English one where it is empty.
    #[serde(default)]
    pub title_zh: Title,
    /// How much harm a value can do.
    #[serde(default = "default_grade")]
    pub grade: Grade,
    /// Class of personal information.
    #[serde(default = "default_personal")]
    pub personal: Personal,
    /// What values look like.
    pub pattern: Pattern,
    /// What else must hold of a value.
    #[serde(default)]
    pub validator: Validator,
    /// Names of fields, and labels in text, that speak for the type.
    #[serde(default)]
    pub keys: Names,
    /// Points of a value without such a name, in percent.
    #[serde(default)]
    pub confidence: Confidence,
}

fn default_grade() -> Grade {
    Grade::L3
}

fn default_personal() -> Personal {
    Personal::No
}

/// What must hold of a value besides the pattern.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(crate = "spyhop_model::serde", rename_all = "snake_case")]
pub enum Validator {
    /// Nothing.
    #[default]
    None,
    /// Its digits have a Luhn check digit (ISO/IEC 7812-1).
    Luhn,
    /// It is a resident identity number (GB 11643).
    ResidentId,
    /// Its last eleven digits are an allotted mobile number.
    Mobile,
    /// Its digits are a payment card number of a known issuer, with check digit.
    BankCard,
    /// Its first eight digits are a day, as `yyyymmdd`.
    Date,
}

impl Validator {
    /// Whether a value passes; `today` is the day of capture as `yyyymmdd`.
    fn passes(self, value: &str, today: u32) -> bool {
        let sign: Vec<u8> = value.bytes().filter(u8::is_ascii_alphanumeric).take(64).collect();
        let digits: Vec<u8> = sign.iter().copied().filter(u8::is_ascii_digit).collect();
        match self {
            Validator::None => true,
            Validator::Luhn => digits.len() >= 2 && validators::luhn(&digits),
            Validator::ResidentId => validators::resident_id(&sign, today).is_some(),
            Validator::Mobile => {
                let number = digits.get(digits.len().saturating_sub(11)..).unwrap_or_default();
                validators::mobile(number) == Some(true)
            }
            Validator::BankCard => validators::luhn(&digits) && validators::issuer(&digits).is_some(),
            Validator::Date => {
                let day = digits.get(..8).map(|day| day.iter().fold(0, |n, b| n * 10 + u32::from(b - b'0')));
                day.is_some_and(validators::is_date)
            }
        }
    }
}

/// A piece of text that was checked when it was read.
macro_rules! checked_text {
    ($(#[doc = $about:literal])+ $name:ident, $check:expr) => {
        $(#[doc = $about])+
        #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(crate = "spyhop_model::serde", try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = String;
            fn try_from(text: String) -> Result<$name, String> {
                let check: fn(&str) -> Result<(), String> = $check;
                check(&text).map(|()| $name(text))
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> String {
                text.0
            }
        }
    };
}

checked_text!(
    /// The identifier of a type.
    TypeName,
    |id| {
        let fits = id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        match id.len() {
            1..=48 if fits && id.starts_with(|first: char| first.is_ascii_lowercase()) => Ok(()),
            _ => Err(format!("`{id}` cannot be an identifier: write a lower-case letter, then letters, digits and `_`, 48 at most")),
        }
    }
);

checked_text!(
    /// The name of a type for people.
    Title,
    |title| match title.chars().count() {
        0..=80 if !title.chars().any(char::is_control) => Ok(()),
        _ => Err("a title has 80 characters at most, and no control characters".to_owned()),
    }
);

checked_text!(
    /// A regular expression that can be used.
    Pattern,
    |pattern| compile(pattern).map(|_| ())
);

/// Names that speak for a type.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(crate = "spyhop_model::serde", try_from = "Vec<String>", into = "Vec<String>")]
pub struct Names(Vec<String>);

impl TryFrom<Vec<String>> for Names {
    type Error = String;
    fn try_from(names: Vec<String>) -> Result<Names, String> {
        if names.len() > NAMES {
            return Err(format!("{} names are more than the {NAMES} that a type may have", names.len()));
        }
        match names.iter().find(|name| keys::squashed(name).is_empty() || name.chars().count() > 64) {
            Some(name) => Err(format!("`{name}` is no name of a field: write letters, 64 characters at most")),
            None => Ok(Names(names)),
        }
    }
}

impl From<Names> for Vec<String> {
    fn from(names: Names) -> Vec<String> {
        names.0
    }
}

/// Points in percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(crate = "spyhop_model::serde", try_from = "u8", into = "u8")]
pub struct Confidence(u8);

impl Default for Confidence {
    fn default() -> Confidence {
        Confidence(90)
    }
}

impl TryFrom<u8> for Confidence {
    type Error = String;
    fn try_from(points: u8) -> Result<Confidence, String> {
        if points <= 100 { Ok(Confidence(points)) } else { Err(format!("{points} is more than 100")) }
    }
}

impl From<Confidence> for u8 {
    fn from(points: Confidence) -> u8 {
        points.0
    }
}

impl TypeSettings {
    /// Whether the types can be used together.
    ///
    /// # Errors
    /// A sentence that names the first type that is wrong.
    pub fn usable(&self) -> Result<(), String> {
        const MOST: usize = MAX_TYPES - 1;
        if self.custom.len() > MOST {
            return Err(format!("{} custom types are more than the {MOST} there may be", self.custom.len()));
        }
        if self.canary.len() > MAX_CANARIES {
            return Err(format!("{} canaries are more than the {MAX_CANARIES} there may be", self.canary.len()));
        }
        for (index, one) in self.canary.iter().enumerate() {
            if self.canary.iter().take(index).any(|earlier| earlier.name == one.name) {
                return Err(format!("two canaries have the `name` \"{}\"", one.name.as_str()));
            }
        }
        for (index, one) in self.custom.iter().enumerate() {
            let id = one.id.as_str();
            if TYPES.iter().any(|known| known.data.id == id) {
                return Err(format!("the sensor has a type `{id}` of its own; choose another `id`"));
            }
            if self.custom.iter().take(index).any(|earlier| earlier.id == one.id) {
                return Err(format!("two custom types have the `id` \"{id}\""));
            }
        }
        Ok(())
    }
}

/// A pattern takes so many bytes compiled, and as many for the states it was seen in.
fn limits(bytes: usize) -> regex_automata::meta::Config {
    Regex::config().nfa_size_limit(Some(bytes)).hybrid_cache_capacity(bytes).onepass(false)
}

/// What a pattern is compiled to, or what is wrong with it.
fn compile(pattern: &str) -> Result<Regex, String> {
    if pattern.len() > PATTERN {
        return Err(format!("the pattern has {} bytes, {PATTERN} at most are allowed", pattern.len()));
    }
    let parsed = syntax::parse(pattern).map_err(|wrong| {
        // The last line of a drawing of where it stands.
        let text = wrong.to_string();
        let said = text.lines().last().unwrap_or_default();
        format!("the pattern is no regular expression: {}", said.strip_prefix("error: ").unwrap_or(said))
    })?;
    let properties = parsed.properties();
    match (properties.minimum_len(), properties.maximum_len()) {
        (None, _) => return Err("the pattern matches nothing".to_owned()),
        (Some(0), _) => return Err("the pattern matches the empty text".to_owned()),
        (_, Some(..=LONGEST)) => {}
        _ => {
            return Err(format!(
                "the pattern may match more than {LONGEST} bytes; bound what repeats, as in `{{1,40}}` instead of `+`"
            ));
        }
    }
    Regex::builder()
        .configure(limits(COMPILED))
        .build_from_hir(&parsed)
        .map_err(|_| "the pattern is too large when it is compiled; bound its repetitions more narrowly".to_owned())
}

/// Custom types made ready. Cloning gives scratch memory of its own, so that threads do not compete for it.
#[derive(Clone, Debug, Default)]
pub struct CustomTypes {
    types: Vec<Compiled>,
    /// All patterns at once: mostly none is there.
    any: Option<Regex>,
    names: AHashMap<String, TypeSet>,
    /// Names of canaries by value.
    canaries: AHashMap<String, Box<str>>,
}

#[derive(Clone, Debug)]
struct Compiled {
    kind: &'static Type,
    regex: Regex,
    validator: Validator,
    points: u8,
}

/// Where a custom type was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Match {
    pub what: TypeId,
    pub start: usize,
    pub end: usize,
}

impl CustomTypes {
    /// Makes types ready. What describes them stays for the life of the process ([`MAX_TYPES`] of some hundred bytes
    /// each time), since observations refer to it wherever they go: to be called once, at start.
    ///
    /// # Errors
    /// A sentence that names the type and what is wrong.
    pub fn new(settings: &TypeSettings) -> Result<CustomTypes, String> {
        settings.usable()?;
        let mut custom = CustomTypes::default();
        for (index, one) in settings.custom.iter().enumerate() {
            let wrong = |what: String| format!("type `{}`: {what}", one.id.as_str());
            let regex = compile(one.pattern.as_str()).map_err(wrong)?;
            let what = TypeId::custom(index);
            for name in &one.keys.0 {
                *custom.names.entry(keys::squashed(name)).or_default() |= what.set();
            }
            custom.types.push(Compiled {
                kind: Box::leak(Box::new(described(one))),
                regex,
                validator: one.validator,
                points: one.confidence.0,
            });
        }
        let mut patterns: Vec<&str> = settings.custom.iter().map(|one| one.pattern.as_str()).collect();
        let planted = canary::pattern(&settings.canary);
        if !settings.canary.is_empty() {
            let regex = Regex::builder().configure(limits(CANARIES)).build(&planted);
            let regex = regex.map_err(|_| "the canaries are too many and too long together".to_owned())?;
            custom.types.push(Compiled { kind: &canary::CANARY, regex, validator: Validator::None, points: 100 });
            custom.canaries = canary::names(&settings.canary);
            patterns.push(&planted);
        }
        let limits = Regex::config().nfa_size_limit(Some(COMPILED * 4)).hybrid_cache_capacity(COMPILED * 2);
        // Too large together they are asked one by one.
        custom.any = Regex::builder().configure(limits.onepass(false)).build_many(&patterns).ok();
        Ok(custom)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.types.is_empty()
    }

    /// What is known of a value beyond its type: which canary it is.
    pub(crate) fn detail(&self, what: TypeId, raw: &str) -> Option<&str> {
        let one = self.types.get(what.index_of_custom()?)?;
        let is_canary = one.kind.data.id == canary::CANARY.data.id;
        is_canary.then(|| self.canaries.get(&*canary::canonical(raw)).map(|name| &**name)).flatten()
    }

    /// The type of that identifier.
    pub fn by_name(&self, id: &str) -> Option<&'static DataType> {
        self.types.iter().map(|one| &one.kind.data).find(|data| data.id == id)
    }

    /// The type, custom or not.
    /// All of them.
    pub(crate) fn kinds(&self) -> impl Iterator<Item = &'static Type> {
        self.types.iter().map(|one| one.kind)
    }

    pub(crate) fn kind(&self, what: TypeId) -> &'static Type {
        what.index_of_custom().and_then(|index| self.types.get(index)).map_or_else(|| what.get(), |one| one.kind)
    }

    /// Which custom types a name speaks for.
    pub(crate) fn named(&self, name: &str) -> TypeSet {
        let mut found = 0;
        if !self.names.is_empty() {
            keys::each_word(name, &mut |word, _, _| found |= self.names.get(word).copied().unwrap_or_default());
        }
        found
    }

    /// Whether any stands in a text.
    pub(crate) fn is_in(&self, text: &[u8]) -> bool {
        !self.is_empty() && self.any.as_ref().is_none_or(|any| any.is_match(text))
    }

    /// A name or path with what is of a custom type taken out: names are shown as they are.
    pub(crate) fn hidden<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut found = Vec::new();
        self.find(text.as_bytes(), &|_| 0, &mut found);
        if found.is_empty() {
            return Cow::Borrowed(text);
        }
        found.sort_unstable_by_key(|at| at.start);
        let (mut shown, mut from) = (String::new(), 0);
        for at in found.into_iter().filter(|at| at.end > at.start) {
            if at.start >= from {
                shown.push_str(text.get(from..at.start).unwrap_or_default());
                shown.push('*');
            }
            from = from.max(at.end);
        }
        shown.push_str(text.get(from..).unwrap_or_default());
        Cow::Owned(shown)
    }

    /// All places, type by type; `from` gives for each type where to begin. Gives how many types had more places than
    /// are taken of one text.
    pub(crate) fn find(&self, text: &[u8], from: &dyn Fn(TypeId) -> usize, found: &mut Vec<Match>) -> u64 {
        let mut over = 0;
        if !self.is_in(text) {
            return over;
        }
        for (index, one) in self.types.iter().enumerate() {
            let what = TypeId::custom(index);
            let Some(begin) = Some(from(what)).filter(|begin| *begin < text.len()) else { continue };
            let input = regex_automata::Input::new(text).range(begin..);
            let mut places = one.regex.find_iter(input);
            found.extend(places.by_ref().take(MATCHES).map(|at| Match { what, start: at.start(), end: at.end() }));
            over += u64::from(places.next().is_some());
        }
        over
    }

    /// Points of a value, 0..=100, with what names around it say; `None` where the check fails.
    pub(crate) fn points(&self, what: TypeId, value: &str, names: TypeSet, today: u32) -> Option<u8> {
        let one = self.types.get(what.index_of_custom()?)?;
        let named = if names & what.set() != 0 { NAMED } else { 0 };
        one.validator.passes(value, today).then(|| (one.points + named).min(100))
    }
}

/// The description of a type; its texts stay.
fn described(one: &CustomType) -> Type {
    let keep = |text: &str| -> &'static str { Box::leak(text.to_owned().into_boxed_str()) };
    let first = |texts: [&str; 3]| keep(texts.into_iter().find(|text| !text.is_empty()).unwrap_or_default());
    let (id, en, zh) = (one.id.as_str(), one.title_en.as_str(), one.title_zh.as_str());
    let name = Text { en: first([en, id, ""]), zh: first([zh, en, id]) };
    Type {
        strong_points: (0, 0),
        record_points: 0,
        canonical: super::as_written,
        ..Type::new(DataType::new(keep(id), name, Category::Other, one.grade, one.personal))
    }
}

#[cfg(test)]
mod tests;
