//! Types of sensitive data: a table, one file per family, and how sure it is that a value is one.
//!
//! `points = base + validator + key or label − penalties`; each type says its own base. All points are multiples of
//! five. From 60 on a value is reported, from 40 on it is a candidate.

mod accounts;
mod address;
mod authentication;
mod biometric;
pub mod canary;
mod contact;
pub mod custom;
mod device;
mod digits;
mod documents;
mod finance;
pub mod glance;
mod grading;
mod han;
mod health;
mod identity;
mod keys;
mod landline;
mod mask;
mod masked;
#[cfg(test)]
mod matrix_text;
mod money;
mod name;
mod organisation;
mod phrases;
mod reading;
mod remembered;
mod scan;
mod secret;
mod tables;
#[cfg(test)]
mod testing;
mod tokens;
mod traits;
pub mod validators;
mod vehicle;
mod world;

use std::borrow::Cow;

use spyhop_model::{DataType, Form};

pub use custom::{CustomTypes, TypeSettings};
pub use glance::{is_interesting, is_plain};
pub use grading::{Grading, GradingSettings};
pub use keys::{Hints, TypeSet, hints};
pub use mask::{generic_mask, mask};
pub(crate) use masked::hides;
pub(crate) use name::is_name;
pub(crate) use remembered::Names;
pub(crate) use scan::label_word;
pub use scan::{Scan, find, is_named, loosely};

use crate::walk::LeafKind;

/// A type: what it is, which names speak for it, and how its values are written.
#[derive(Debug)]
pub struct Type {
    /// Identifier, names, grade, class.
    pub data: DataType,
    /// Normalised names that tell the type wherever they stand in a key.
    pub strong: &'static [&'static str],
    /// Names that tell it only as the whole key.
    pub whole: &'static [&'static str],
    /// Names that tell its family.
    pub medium: &'static [&'static str],
    /// Points for a strong key, and for a label before the value in text.
    pub strong_points: (i16, i16),
    /// Points on top for such a label in Chinese characters: scripts and logs have few of those.
    pub han_label: i16,
    /// Points for another personal value of 70 or more in the same record.
    pub record_points: i16,
    /// What a whole value under a strong name, or after a label that is one, must look like; its points without the name.
    /// For types whose values only their name tells apart from others.
    pub named: Option<fn(&str, LeafKind) -> Option<i16>>,
    /// How well a value tells whose record it stands in: 1 the best, 0 not at all.
    pub subject: u8,
    /// Values are numbers: those that count up are none.
    pub numeric: bool,
    /// Values are Chinese text, which has no borders: what reads them finds their ends.
    pub is_text: bool,
    /// The one way of writing a value that all others become before they are compared.
    pub canonical: fn(&str) -> Cow<'_, str>,
    /// How a value is shown.
    pub mask: fn(&str) -> String,
}

impl Type {
    /// What is usual: points for names and records, values compared without spaces and hyphens and in upper case, nothing
    /// but two characters at each end shown.
    pub(crate) const fn new(data: DataType) -> Type {
        Type {
            data,
            strong: &[],
            whole: &[],
            medium: &[],
            strong_points: (35, 25),
            han_label: 0,
            record_points: 10,
            named: None,
            subject: 0,
            numeric: false,
            is_text: false,
            canonical: compact,
            mask: generic_mask,
        }
    }
}

/// Letters and digits alone, in upper case.
fn compact(value: &str) -> Cow<'_, str> {
    if value.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase()) {
        return value.into();
    }
    value.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect()
}

/// As it is.
fn as_written(value: &str) -> Cow<'_, str> {
    value.into()
}

/// Without blanks.
fn without_blanks(value: &str) -> Cow<'_, str> {
    match value.contains(char::is_whitespace) {
        true => value.chars().filter(|c| !c.is_whitespace()).collect(),
        false => value.into(),
    }
}

/// In small letters, of ASCII.
fn in_lower_case(value: &str) -> Cow<'_, str> {
    match value.bytes().any(|b| b.is_ascii_uppercase()) {
        true => value.to_ascii_lowercase().into(),
        false => value.into(),
    }
}

/// Index of a type in [`TYPES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TypeId(pub u8);

impl TypeId {
    /// The custom type of that index.
    pub(crate) fn custom(index: usize) -> TypeId {
        TypeId(FIRST_CUSTOM.saturating_add(index.min(custom::MAX_TYPES - 1) as u8))
    }

    /// Which custom type it is.
    pub(crate) fn index_of_custom(self) -> Option<usize> {
        self.0.checked_sub(FIRST_CUSTOM).map(usize::from)
    }

    /// The type. An index beyond the table is the first one; there is none such, but for custom types, which
    /// [`CustomTypes`] knows.
    pub fn get(self) -> &'static Type {
        TYPES.get(usize::from(self.0)).copied().unwrap_or(&identity::RESIDENT_ID)
    }

    /// This type alone.
    pub fn set(self) -> TypeSet {
        1 << self.0
    }
}

/// Index of the first custom type: a [`TypeSet`] has 128 places.
const FIRST_CUSTOM: u8 = 96;

/// The types in their order of precedence: constants of [`TypeId`], and the table.
macro_rules! types {
    ($($name:ident = $kind:path;)*) => {
        #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
        #[repr(u8)]
        enum Order { $($name),* }

        impl TypeId {
            $(#[doc = concat!("[`", stringify!($kind), "`].")] pub const $name: TypeId = TypeId(Order::$name as u8);)*
        }

        /// All types, in order of precedence.
        pub static TYPES: &[&Type] = &[$(&$kind),*];
    };
}

types! {
    RESIDENT_ID = identity::RESIDENT_ID;
    MOBILE = contact::MOBILE;
    BANK_CARD = finance::BANK_CARD;
    EMAIL = contact::EMAIL;
    NAME = name::NAME;
    SECRET = secret::SECRET;
    HKMOTW_RESIDENCE = documents::HKMOTW_RESIDENCE;
    FOREIGN_PR = documents::FOREIGN_PR;
    RESIDENT_ID15 = documents::RESIDENT_ID15;
    DRIVER_LICENCE = documents::DRIVER_LICENCE;
    PASSPORT = documents::PASSPORT;
    HKMO_PERMIT = documents::HKMO_PERMIT;
    HOME_PERMIT = documents::HOME_PERMIT;
    TW_PERMIT = documents::TW_PERMIT;
    MILITARY_ID = documents::MILITARY_ID;
    USCC = organisation::USCC;
    ORG_CODE = organisation::ORG_CODE;
    BIZ_LICENCE = organisation::BIZ_LICENCE;
    PLATE = vehicle::PLATE;
    VIN = vehicle::VIN;
    IMEI = device::IMEI;
    IMSI = device::IMSI;
    ICCID = device::ICCID;
    MAC = device::MAC;
    IPV4 = device::IPV4;
    IPV6 = device::IPV6;
    GEO = device::GEO;
    BANK_ACCOUNT = finance::BANK_ACCOUNT;
    CARD_CVV = finance::CARD_CVV;
    CARD_EXPIRY = finance::CARD_EXPIRY;
    CARD_TRACK = finance::CARD_TRACK;
    LANDLINE = landline::LANDLINE;
    ADDRESS = address::ADDRESS;
    OPENID = accounts::OPENID;
    UNIONID = accounts::UNIONID;
    ALIPAY_ID = accounts::ALIPAY_ID;
    SOCIAL_SECURITY = accounts::SOCIAL_SECURITY;
    PROVIDENT_FUND = accounts::PROVIDENT_FUND;
    MEDICAL_INSURANCE = accounts::MEDICAL_INSURANCE;
    WECHAT_ID = accounts::WECHAT_ID;
    QQ = accounts::QQ;
    DOB = traits::DOB;
    GENDER = traits::GENDER;
    ETHNICITY = traits::ETHNICITY;
    MARITAL = traits::MARITAL;
    EDUCATION = traits::EDUCATION;
    RELIGION = traits::RELIGION;
    POLITICAL = traits::POLITICAL;
    MEDICAL = health::MEDICAL;
    CREDIT_REPORT = money::CREDIT_REPORT;
    INCOME = money::INCOME;
    BALANCE = money::BALANCE;
    TRANSACTION = money::TRANSACTION;
    BIOMETRIC = biometric::BIOMETRIC;
    ID_PHOTO = biometric::ID_PHOTO;
    SMS_CODE = authentication::SMS_CODE;
    ACCOUNT_PASSWORD = authentication::ACCOUNT_PASSWORD;
    IBAN = world::iban::IBAN;
    HK_ID = world::asia::HK_ID;
    MO_ID = world::asia::MO_ID;
    TW_ID = world::asia::TW_ID;
    KR_RRN = world::asia::KR_RRN;
    SG_NRIC = world::asia::SG_NRIC;
    MY_NRIC = world::asia::MY_NRIC;
    TH_ID = world::asia::TH_ID;
    IN_AADHAAR = world::asia::IN_AADHAAR;
    IN_PAN = world::asia::IN_PAN;
    US_SSN = world::america::US_SSN;
    US_ITIN = world::america::US_ITIN;
    CA_SIN = world::america::CA_SIN;
    BR_CPF = world::america::BR_CPF;
    UK_NINO = world::europe::UK_NINO;
    IT_CF = world::europe::IT_CF;
    FR_NIR = world::europe::FR_NIR;
    ES_NIF = world::europe::ES_NIF;
    DE_TAXID = world::europe::DE_TAXID;
    PL_PESEL = world::europe::PL_PESEL;
    AU_TFN = world::pacific::AU_TFN;
    PHONE_INTL = world::phone::PHONE_INTL;
}

/// The type of that identifier.
pub fn by_name(id: &str) -> Option<&'static DataType> {
    TYPES.iter().map(|t| &t.data).find(|data| data.id == id)
}

/// A place in a text that may be a value of a type, before its surroundings are weighed.
#[derive(Clone, Copy, Debug)]
pub struct Candidate {
    /// Which type.
    pub what: TypeId,
    /// In full or masked.
    pub form: Form,
    /// Masked so that the value can be guessed cheaply.
    pub weak: bool,
    /// First byte.
    pub start: usize,
    /// Byte after the last.
    pub end: usize,
    /// Base and validator.
    pub points: i16,
    /// A checksum and all else that can be checked agree.
    pub checked: bool,
    /// A documented test value, a run or a repetition.
    pub test_value: bool,
    /// Its digits are also a time.
    pub time_like: bool,
    /// Never more than this.
    pub cap: i16,
    /// What the label before it in the text says.
    pub label: Option<Hints>,
}

impl Candidate {
    /// A candidate with nothing special about it.
    pub(crate) fn new(what: TypeId, form: Form, (start, end): (usize, usize), points: i16) -> Candidate {
        Candidate {
            what,
            form,
            weak: false,
            start,
            end,
            points,
            checked: false,
            test_value: false,
            time_like: false,
            cap: 100,
            label: None,
        }
    }

    /// Points, 0..=100, given the names around: key and parent key of the leaf.
    pub fn confidence(&self, key: Hints, parent: Hints) -> u8 {
        let kind = self.what.get();
        let bit = self.what.set();
        let context = match self.label.filter(|label| label.is_some()) {
            Some(label) if label.strong & bit != 0 => kind.strong_points.1,
            Some(label) if label.medium & bit != 0 => 15,
            Some(label) if label.negative => self.negative(),
            _ if key.strong & bit != 0 => kind.strong_points.0,
            _ if key.medium & bit != 0 => 20,
            _ if key.negative => self.negative(),
            _ if (parent.strong | parent.medium) & bit != 0 => 10,
            _ => 0,
        };
        let test = if self.test_value { 30 } else { 0 };
        let time = if self.time_like && context < 25 { 30 } else { 0 };
        (self.points + context - test - time).clamp(0, self.cap) as u8
    }

    fn negative(&self) -> i16 {
        if self.checked { -20 } else { -40 }
    }
}

/// The surest reading of one place, with what the names around say: of equal ones that which is named, then that whose
/// check digits agree, else the first.
pub fn best_of(readings: &[Candidate], key: Hints, parent: Hints) -> Option<(u8, &Candidate)> {
    let weighed = readings.iter().map(|reading| (reading.confidence(key, parent), reading));
    let rank = |(points, one): &(u8, &Candidate)| {
        let names = one.label.filter(|label| label.is_some()).unwrap_or(key);
        (*points, names.strong & one.what.set() != 0, one.checked)
    };
    weighed.reduce(|best, next| if rank(&next) > rank(&best) { next } else { best })
}

#[cfg(test)]
mod end_to_end;
#[cfg(test)]
mod matrix;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_unique_and_the_table_fits() {
        let ids: std::collections::BTreeSet<_> = TYPES.iter().map(|t| t.data.id).collect();
        assert_eq!(ids.len(), TYPES.len());
        assert!(TYPES.len() <= usize::from(FIRST_CUSTOM));
        assert_eq!(TypeId::EMAIL.get().data.id, "email");
        assert_eq!(by_name("cn_name"), Some(&TypeId::NAME.get().data));
    }
}
