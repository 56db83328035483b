//! Canaries: values that an operator has planted and that nobody has a reason to see.
//!
//! All of them are one custom type, whose pattern is their values: letters of either case, and numbers written with or
//! without spaces and hyphens.

use std::borrow::Cow;
use std::sync::LazyLock;

use ahash::AHashMap;
use spyhop_model::serde::{Deserialize, Serialize};
use spyhop_model::{Category, DataType, Grade, Personal, Text};

use super::Type;
use super::custom::TypeName;

/// Canaries at most.
pub const MAX_CANARIES: usize = 500;
/// Shortest value in characters: shorter ones stand everywhere.
const SHORTEST: usize = 6;
/// Longest value in bytes.
const LONGEST: usize = 200;

/// The type of all canaries.
pub(super) static CANARY: LazyLock<Type> = LazyLock::new(|| Type {
    strong_points: (0, 0),
    record_points: 0,
    canonical,
    ..Type::new(DataType {
        never_return: true,
        ..DataType::new(
            "canary",
            Text { en: "planted value", zh: "蜜标数据" },
            Category::Other,
            Grade::L4,
            Personal::No,
        )
    })
});

/// A planted value as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(crate = "spyhop_model::serde", deny_unknown_fields)]
pub struct Canary {
    /// Its name in findings: lower-case letters, digits and `_`.
    pub name: TypeName,
    /// The value.
    pub value: Planted,
}

/// A value that may be planted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(crate = "spyhop_model::serde", try_from = "String", into = "String")]
pub struct Planted(String);

impl TryFrom<String> for Planted {
    type Error = String;
    fn try_from(value: String) -> Result<Planted, String> {
        let value = value.trim();
        if value.chars().count() < SHORTEST || canonical(value).is_empty() {
            return Err(format!("a canary has {SHORTEST} characters at least: shorter values stand everywhere"));
        }
        if value.len() > LONGEST || value.chars().any(char::is_control) {
            return Err(format!("a canary has {LONGEST} bytes at most, and no control characters"));
        }
        Ok(Planted(value.to_owned()))
    }
}

impl From<Planted> for String {
    fn from(value: Planted) -> String {
        value.0
    }
}

/// A value without spaces and hyphens, in lower case: what is compared.
pub(super) fn canonical(value: &str) -> Cow<'_, str> {
    value.chars().filter(|c| !matches!(c, ' ' | '-')).flat_map(char::to_lowercase).collect()
}

/// The names of canaries by their values.
pub(super) fn names(canaries: &[Canary]) -> AHashMap<String, Box<str>> {
    canaries.iter().map(|one| (canonical(&one.value.0).into_owned(), one.name.as_str().into())).collect()
}

/// A pattern that all of them match, and nothing else does.
pub(super) fn pattern(canaries: &[Canary]) -> String {
    let one = |canary: &Canary| {
        let mut pattern = String::new();
        let mut after_digit = false;
        for c in canary.value.0.chars() {
            let separates = matches!(c, ' ' | '-');
            if separates || after_digit && c.is_ascii_digit() {
                pattern.push_str("[ -]?");
            }
            if separates {
                after_digit = false;
                continue;
            }
            after_digit = c.is_ascii_digit();
            if c.is_ascii_alphanumeric() || !c.is_ascii() {
                pattern.push(c);
            } else {
                pattern.push_str(&format!("\\x{:02x}", c as u32));
            }
        }
        pattern
    };
    format!("(?i)(?:{})", canaries.iter().map(one).collect::<Vec<_>>().join("|"))
}
