//! Identity: resident identity number.

use spyhop_model::{Category, DataType, Grade, Personal, Text};

use super::mask::shown;
use super::reading::{Readings, Spot};
use super::validators::{Region, resident_id};
use super::{Candidate, Type, TypeId};

/// Names of identity numbers, of all cards that residents hold.
pub(super) const ID_NAMES: &[&str] = &[
    "idcard",
    "idcardno",
    "idcardnum",
    "idcardnumber",
    "idno",
    "idnum",
    "idnumber",
    "identitycard",
    "identityno",
    "identitynumber",
    "identitynum",
    "certno",
    "certnum",
    "certnumber",
    "certificateno",
    "credentialno",
    "credentialsno",
    "citizenid",
    "residentid",
    "sfz",
    "sfzh",
    "sfzhm",
    "shenfenzheng",
    "shenfenzhenghao",
    "zjhm",
    "zjh",
    "身份证",
    "身份证号",
    "身份证号码",
    "公民身份号码",
    "证件号",
    "证件号码",
    "prcno",
    "居住证",
    "居住证号",
    "永居证",
    "永久居留证",
    "身份證",
    "身份證號",
    "身份證號碼",
    "身分證",
    "身分證號",
    "身分證字號",
    "證件號",
    "證件號碼",
];

/// Three digits of the region and the check character are shown.
pub(super) fn mask_id(value: &str) -> String {
    let compact: Vec<char> = value.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
    shown(&compact, 3, usize::from(compact.len() == 18), 8)
}

/// Resident identity number, 18 characters.
pub(super) static RESIDENT_ID: Type = Type {
    strong: ID_NAMES,
    medium: &["cardno", "cardnum", "cardid", "证件"],
    numeric: true,
    subject: 1,
    mask: mask_id,
    ..Type::new(DataType {
        sensitive_in_context: true,
        ..DataType::new(
            "cn_resident_id",
            Text { en: "Chinese resident identity number", zh: "居民身份证号" },
            Category::Identity,
            Grade::L4,
            Personal::Personal,
        )
    })
};

/// A Han character of the blocks that names are written in.
pub(super) fn is_han(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{9FFF}' | '\u{20000}'..='\u{3FFFF}' | '〇')
}

/// Numbers of identity documents.
pub(super) fn number(spot: &Spot<'_>, out: &mut Readings) {
    if spot.compact.len() == 18 {
        out.add(resident(spot));
    }
}

/// A resident identity number of 18 characters.
fn resident(spot: &Spot<'_>) -> Option<Candidate> {
    let region = resident_id(spot.compact, spot.scan.today)?;
    let validated = match region {
        Region::County => 65,
        Region::Province => 40,
    };
    let is_permit = matches!(spot.compact.get(..6), Some(b"810000" | b"820000" | b"830000"));
    let what = if is_permit { TypeId::HKMOTW_RESIDENCE } else { TypeId::RESIDENT_ID };
    let mut candidate = spot.candidate(what, 10 + validated - spot.unquoted());
    candidate.checked = region == Region::County;
    candidate.test_value = spot.compact.eq_ignore_ascii_case(b"11010519491231002X");
    Some(candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_forms() {
        assert_eq!((RESIDENT_ID.canonical)("110105 19491231 002x"), "11010519491231002X");
    }
}
