//! Sensitive data as facts: types, grades, and what was observed of them.

use serde::{Deserialize, Serialize, Serializer};

use crate::exchange::Half;
use crate::secret::Fingerprint;

/// A text in the two languages the sensor speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Text {
    /// English.
    pub en: &'static str,
    /// Chinese.
    pub zh: &'static str,
}

/// A language of output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lang {
    /// English.
    #[default]
    En,
    /// Chinese.
    Zh,
}

impl Text {
    /// The text in one language.
    pub fn lang(self, lang: Lang) -> &'static str {
        match lang {
            Lang::En => self.en,
            Lang::Zh => self.zh,
        }
    }
}

/// How much harm a value can do: five grades as in JR/T 0197-2020.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Grade {
    /// May be public.
    L1,
    /// Internal: quasi-identifiers.
    L2,
    /// Sensitive: identifies or reaches a person.
    L3,
    /// Highly sensitive: harm to person or property.
    L4,
    /// Important or core data, by declaration only.
    L5,
}

/// Personal-information class (PIPL, article 28).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Personal {
    /// Not personal information.
    No,
    /// Personal information.
    Personal,
    /// Sensitive personal information.
    Sensitive,
}

/// A type of sensitive data.
#[derive(Debug, PartialEq, Eq)]
pub struct DataType {
    /// Its stable identifier, such as `cn_mobile`.
    pub id: &'static str,
    /// Its name.
    pub name: Text,
    /// Its default grade.
    pub grade: Grade,
    /// Its class.
    pub personal: Personal,
}

impl Serialize for DataType {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.id)
    }
}

/// Where in an exchange something stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "in", content = "at", rename_all = "snake_case")]
pub enum Place {
    /// A header field, by lower-case name.
    Header(Box<str>),
    /// A cookie, by name.
    Cookie(Box<str>),
    /// A parameter of the query, by name.
    Query(Box<str>),
    /// A segment of the path, counted from 0.
    Path(u16),
    /// The body: a path such as `$.data.list[*].idCard`, a form field, or `$` for text.
    Body(Box<str>),
}

/// Whether a value was shown in full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// In full.
    Full,
    /// Masked.
    Masked,
}

/// One fact about an exchange: values of one type, in one form, at one place. Never a value itself.
#[derive(Clone, Debug, Serialize)]
pub struct Observation {
    /// What.
    pub what: &'static DataType,
    /// In which half.
    pub half: Half,
    /// Where.
    pub place: Place,
    /// Shown in full or masked.
    pub form: Form,
    /// 0..=100, of the best value.
    pub confidence: u8,
    /// How many values.
    pub count: u32,
    /// Distinct values as keyed fingerprints, in order of appearance, at most [`Observation::FINGERPRINTS`].
    pub values: Vec<Fingerprint>,
    /// One value, masked.
    pub sample: Box<str>,
}

impl Observation {
    /// Fingerprints that travel with one observation; a larger set goes on in further observations of the same type,
    /// place and form, whose counts add up.
    pub const FINGERPRINTS: usize = 4096;
    /// From this confidence on a value is reported; below, it is a candidate that findings do not see.
    pub const REPORTED: u8 = 60;

    /// A value that findings may rest on.
    pub fn is_reported(&self) -> bool {
        self.confidence >= Observation::REPORTED
    }
}
