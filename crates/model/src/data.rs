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

/// What a type of data tells about somebody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// Who it is: names, documents.
    Identity,
    /// How to reach them.
    Contact,
    /// The body.
    Biometric,
    /// Money.
    Financial,
    /// Health.
    Health,
    /// Where they are.
    Location,
    /// Names in networks and services.
    Network,
    /// Their devices.
    Device,
    /// What proves that it is they: passwords, codes, keys.
    Authentication,
    /// An organisation.
    Organisation,
    /// Anything else.
    #[default]
    Other,
}

/// A type of sensitive data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataType {
    /// Its stable identifier, such as `cn_mobile`.
    pub id: &'static str,
    /// Its name.
    pub name: Text,
    /// What it tells.
    pub category: Category,
    /// Its default grade.
    pub grade: Grade,
    /// Its class by itself.
    pub personal: Personal,
    /// Sensitive personal information beside a name and a way to reach the person, or a photo (GB/T 45574-2025,
    /// annex A: an identity number alone is not).
    pub sensitive_in_context: bool,
    /// Must not be returned at all, masked or not.
    pub never_return: bool,
}

impl DataType {
    /// A type of which only identifier, name, grade and class are told.
    pub const fn new(id: &'static str, name: Text, category: Category, grade: Grade, personal: Personal) -> DataType {
        DataType { id, name, category, grade, personal, sensitive_in_context: false, never_return: false }
    }
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
    /// The grade, by the scheme in force and what stands beside it.
    pub grade: Grade,
    /// The class of personal information, likewise.
    pub personal: Personal,
    /// How many values.
    pub count: u32,
    /// How many of them are masked so that they can be guessed cheaply.
    pub weak: u32,
    /// What is known beyond the type: the rule that found a secret, or the form of a mask (`ddd****dddd`).
    pub detail: Option<Box<str>>,
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

/// What the body of one half holds of people and things: counted where it is walked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holding {
    /// Records (the smallest objects or rows) with at least one reported personal value.
    pub records: u32,
    /// Different people, by the value that identifies each best.
    pub subjects: u32,
    /// The array or table that repeats them, such as `$.data.list[*]`; empty where none does.
    pub repeats_in: Box<str>,
}

/// Full values beside their masked forms in one response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unveiled {
    /// Which type.
    pub what: &'static DataType,
    /// Where the masked form stands.
    pub masked: Place,
    /// Where the full value stands.
    pub full: Place,
    /// How many.
    pub count: u32,
    /// One of them, masked.
    pub sample: Box<str>,
}

/// A file that a response delivers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// Its name, redacted; empty where none was given.
    pub name: Box<str>,
    /// What it is.
    pub kind: FileKind,
    /// The response says that it is to be saved (`Content-Disposition: attachment`).
    pub attachment: bool,
}

/// Files that hold records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    /// Delimited text.
    Csv,
    /// A spreadsheet (Office Open XML or older).
    Sheet,
    /// A packed archive.
    Archive,
    /// A PDF.
    Pdf,
    /// A text document (Office Open XML or older).
    Document,
    /// Anything else.
    #[default]
    Other,
}

impl FileKind {
    /// As written in output.
    pub fn name(self) -> &'static str {
        match self {
            FileKind::Csv => "csv",
            FileKind::Sheet => "sheet",
            FileKind::Archive => "archive",
            FileKind::Pdf => "pdf",
            FileKind::Document => "document",
            FileKind::Other => "other",
        }
    }
}
