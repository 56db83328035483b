//! Numbers of the Americas: social security, taxpayer and social insurance numbers.

use spyhop_model::Text;

use super::super::reading::{Readings, Spot, Written};
use super::super::validators::{is_trivial, luhn};
use super::super::{Type, TypeId};
use super::checks::cpf as cpf_digits;
use super::{BARE, document};
use crate::walk::LeafKind;

/// United States social security number.
pub(in crate::types) static US_SSN: Type = Type {
    strong: &[
        "ssn",
        "usssn",
        "ssnnumber",
        "ssnno",
        "ssno",
        "socialsecurity",
        "socialsecuritynumber",
        "socialsecurityno",
        "socsec",
        "社会安全号",
        "社会安全号码",
        "社安号",
        "社安号码",
        "美国社保号",
    ],
    strong_points: (50, 50),
    numeric: true,
    named: Some(|value, kind| bare(value, kind, ssn)),
    ..document("us_ssn", Text { en: "US social security number", zh: "美国社会安全号码" })
};

/// United States individual taxpayer identification number.
pub(in crate::types) static US_ITIN: Type = Type {
    strong: &[
        "itin",
        "usitin",
        "itinnumber",
        "individualtaxpayerid",
        "individualtaxpayernumber",
        "taxpayeridentificationnumber",
        "individualtaxpayeridentificationnumber",
        "个人纳税识别号",
        "美国纳税人识别号",
    ],
    strong_points: (50, 50),
    numeric: true,
    named: Some(|value, kind| bare(value, kind, itin)),
    ..document("us_itin", Text { en: "US individual taxpayer number", zh: "美国个人纳税识别号" })
};

/// Canadian social insurance number.
pub(in crate::types) static CA_SIN: Type = Type {
    strong: &[
        "socialinsurancenumber",
        "socialinsuranceno",
        "socialinsurance",
        "sinnumber",
        "sinno",
        "casin",
        "cansin",
        "numeroassurancesociale",
        "assurancesociale",
        "加拿大社会保险号",
        "社会保险号码",
        "工卡号",
    ],
    whole: &["sin", "nas"],
    numeric: true,
    named: Some(|value, kind| bare(value, kind, sin)),
    ..document("ca_sin", Text { en: "Canadian social insurance number", zh: "加拿大社会保险号" })
};

/// Brazilian taxpayer number of persons (Cadastro de Pessoas Físicas).
pub(in crate::types) static BR_CPF: Type = Type {
    strong: &[
        "cpf",
        "cpfno",
        "cpfnumber",
        "cpfnumero",
        "numerocpf",
        "numerodocpf",
        "nrcpf",
        "cpfcliente",
        "cpftitular",
        "brcpf",
        "cadastrodepessoasfisicas",
        "巴西税号",
        "巴西个人税号",
    ],
    numeric: true,
    ..document("br_cpf", Text { en: "Brazilian CPF number", zh: "巴西个人税号" })
};

/// Points of nine digits that only a name tells apart from others.
const NINE: i16 = 25;

/// Nine digits together under the type's name.
fn bare(value: &str, kind: LeafKind, is_one: fn(&[u8]) -> bool) -> Option<i16> {
    let is_plain = matches!(kind, LeafKind::Text | LeafKind::Number) && value.len() == 9;
    (is_plain && value.bytes().all(|b| b.is_ascii_digit()) && is_one(value.as_bytes())).then_some(NINE)
}

/// Area, group and serial number as the Social Security Administration issues them.
fn ssn(digits: &[u8]) -> bool {
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    // Numbers printed in advertisements.
    let is_known = matches!(digits, b"078051120" | b"219099999");
    !matches!(part(0, 3), b"000" | b"666" | [b'9', ..]) && part(3, 5) != b"00" && part(5, 9) != b"0000" && !is_known
}

/// The fourth and fifth digit in the ranges of the Internal Revenue Service.
fn itin(digits: &[u8]) -> bool {
    let group = digits.get(3..5).map_or(0, |group| super::checks::remainder(group, 100));
    digits.first() == Some(&b'9') && matches!(group, 50..=65 | 70..=88 | 90..=92 | 94..=99)
}

fn sin(digits: &[u8]) -> bool {
    matches!(digits.first(), Some(b'1'..=b'7' | b'9')) && luhn(digits)
}

/// Nine digits.
pub(super) fn nine(spot: &Spot<'_>, out: &mut Readings) {
    let digits = spot.compact;
    let is_plain = spot.written == Written::Plain;
    let mut push = |what, points: i16, checked| {
        let mut candidate = spot.candidate(what, points);
        candidate.checked = checked;
        candidate.test_value = is_trivial(digits);
        out.push(candidate);
    };
    if is_plain || spot.groups == [3, 2, 4] {
        let points = if is_plain { NINE } else { 55 };
        if ssn(digits) {
            push(TypeId::US_SSN, points, false);
        }
        if itin(digits) {
            push(TypeId::US_ITIN, points, false);
        }
    }
    if (is_plain || spot.groups == [3, 3, 3]) && sin(digits) {
        push(TypeId::CA_SIN, if is_plain { NINE } else { 60 }, true);
    }
}

/// Eleven digits, together or as `123.456.789-09`.
pub(super) fn cpf(spot: &Spot<'_>, out: &mut Readings) {
    let is_grouped = spot.groups == [3, 3, 3, 2];
    if !(is_grouped || spot.written == Written::Plain) || !cpf_digits(spot.compact) {
        return;
    }
    // With dots alone it is an address of the network.
    if spot.written == Written::Dotted && !spot.raw().iter().any(|b| matches!(b, b'-' | b'/')) {
        return;
    }
    // Two check digits and the usual dots leave no doubt.
    let points = match spot.written {
        Written::Dotted => 80,
        Written::Grouped => 65,
        _ => BARE,
    };
    let mut candidate = spot.candidate(TypeId::BR_CPF, points);
    candidate.checked = true;
    out.push(candidate);
}
