//! Organisations: unified social credit code and its predecessors.

use spyhop_model::{Category, DataType, Grade, Personal, Text};

use super::documents::NAMED;
use super::mask::{generic_mask, shown};
use super::reading::{Readings, Spot, Written};
use super::validators::{is_province, is_trivial};
use super::{Candidate, Type, TypeId};

const fn organisation(id: &'static str, en: &'static str, zh: &'static str) -> Type {
    Type {
        strong_points: NAMED,
        ..Type::new(DataType::new(id, Text { en, zh }, Category::Organisation, Grade::L1, Personal::No))
    }
}

/// Unified social credit code (GB 32100-2015).
pub(super) static USCC: Type = Type {
    strong: &[
        "uscc",
        "creditcode",
        "socialcreditcode",
        "socialcreditno",
        "unifiedcode",
        "unifiedcreditcode",
        "unifiedsocialcreditcode",
        "tyshxydm",
        "shxydm",
        "xydm",
        "nsrsbh",
        "taxno",
        "taxnumber",
        "taxpayerno",
        "taxpayerid",
        "统一社会信用代码",
        "社会信用代码",
        "信用代码",
        "纳税人识别号",
        "税号",
        "統一社會信用代碼",
        "納稅人識別號",
        "稅號",
    ],
    medium: &["taxid", "yyzz", "businesslicense", "businesslicence", "营业执照", "营业执照号", "注册号"],
    mask: |value| shown(&value.chars().filter(char::is_ascii_alphanumeric).collect::<Vec<_>>(), 8, 2, 4),
    strong_points: (35, 35),
    ..organisation("uscc", "unified social credit code", "统一社会信用代码")
};

/// Organisation code (GB 11714-1997), which the unified code holds.
pub(super) static ORG_CODE: Type = Type {
    strong: &[
        "zzjgdm",
        "zzjgdmz",
        "orgcode",
        "orgcodeno",
        "orgno",
        "organizationcode",
        "organisationcode",
        "orgcertcode",
        "orginstcode",
        "组织机构代码",
        "组织机构代码证",
        "機構代碼",
        "組織機構代碼",
    ],
    named: Some(|value, _| {
        let compact: Vec<u8> = match value.as_bytes() {
            [body @ .., b'-', check] => body.iter().chain([check]).copied().collect(),
            plain => plain.to_vec(),
        };
        // The code of a department has a form of its own, and passes one time in eleven.
        (compact.len() == 9 && org_check(&compact.to_ascii_uppercase())).then_some(30)
    }),
    mask: generic_mask,
    ..organisation("org_code", "organisation code", "组织机构代码")
};

/// Number of a business licence before the unified code: fifteen digits (GS 15-2006).
pub(super) static BIZ_LICENCE: Type = Type {
    strong: &[
        "yyzz",
        "yyzzh",
        "yyzzzch",
        "businesslicense",
        "businesslicence",
        "businesslicenseno",
        "businesslicenceno",
        "businesslicensenumber",
        "bizlicense",
        "bizlicence",
        "bizlicenseno",
        "bizlicenceno",
        "营业执照",
        "营业执照号",
        "营业执照号码",
        "营业执照注册号",
        "工商注册号",
        "營業執照",
        "營業執照號",
    ],
    named: Some(|value, _| {
        (value.len() == 15 && mod11_10(value.as_bytes()) && !is_trivial(value.as_bytes())).then_some(25)
    }),
    ..organisation("biz_licence15", "business licence number (15 digits)", "营业执照注册号")
};

const ALPHABET: &[u8] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";

/// Codes of letters and digits.
pub(super) fn code(spot: &Spot<'_>, out: &mut Readings) {
    if spot.compact.len() == 18 && spot.written == Written::Plain {
        out.add(uscc(spot));
    }
}

/// Codes of digits alone.
pub(super) fn number(spot: &Spot<'_>, out: &mut Readings) {
    if spot.compact.len() == 18 && !spot.plus {
        out.add(uscc(spot));
    }
}

/// A unified code: department and category, region of the registrar, check character. The nine characters before the last
/// are an organisation code with a check of its own, which decides where there is little else: random digits pass the
/// rest in one of a hundred.
fn uscc(spot: &Spot<'_>) -> Option<Candidate> {
    let code = spot.compact;
    let (first, second) = (code.first()?, code.get(1)?);
    let is_known = matches!(first, b'1'..=b'9' | b'A' | b'N' | b'Y') && matches!(second, b'1'..=b'3' | b'9');
    let region = code.get(2..8)?;
    if !is_known || !region.iter().all(u8::is_ascii_digit) || !(is_province(region) || region == b"100000") {
        return None;
    }
    if !mod31(code) {
        return None;
    }
    let letters = code.iter().filter(|b| b.is_ascii_alphabetic()).count();
    let is_org = org_check(code.get(8..17)?);
    let last_only = letters == 1 && code.last().is_some_and(u8::is_ascii_alphabetic);
    let points = match letters {
        0 if is_org => 50,
        0 => 40,
        1 if last_only && !is_org => 45,
        _ => 70,
    };
    let mut candidate = spot.candidate(TypeId::USCC, points - spot.unquoted());
    candidate.checked = is_org && letters > 0;
    Some(candidate)
}

/// The check character of a unified code: weights are powers of 3 modulo 31.
fn mod31(code: &[u8]) -> bool {
    let value = |b: &u8| ALPHABET.iter().position(|one| one == b);
    let (mut sum, mut weight) = (0, 1);
    for b in code.iter().take(17) {
        let Some(value) = value(b) else { return false };
        sum += value * weight;
        weight = weight * 3 % 31;
    }
    code.get(17).and_then(value) == Some((31 - sum % 31) % 31)
}

/// The check character of an organisation code of nine characters.
fn org_check(code: &[u8]) -> bool {
    const WEIGHTS: [u32; 8] = [3, 7, 9, 10, 5, 8, 4, 2];
    let mut sum = 0;
    for (b, weight) in code.iter().zip(WEIGHTS) {
        let value = match b {
            b'0'..=b'9' => b - b'0',
            b'A'..=b'Z' => b - b'A' + 10,
            _ => return false,
        };
        sum += u32::from(value) * weight;
    }
    code.get(8) == b"0X987654321".get((sum % 11) as usize)
}

/// ISO 7064 MOD 11,10 over digits, the last of which checks.
fn mod11_10(digits: &[u8]) -> bool {
    let mut product = 10u32;
    let Some((check, body)) = digits.split_last() else { return false };
    for b in body {
        let sum = (product + u32::from(b.wrapping_sub(b'0'))) % 10;
        product = if sum == 0 { 10 } else { sum } * 2 % 11;
    }
    digits.iter().all(u8::is_ascii_digit) && (product + u32::from(check.wrapping_sub(b'0'))) % 10 == 1
}

#[cfg(test)]
mod tests {
    use super::super::testing::{reported, silent, told};
    use super::*;

    #[test]
    fn unified_codes() {
        for code in ["91110000600037341L", "91330100799655058B"] {
            reported("x", code, "uscc");
            reported("creditCode", code, "uscc");
            assert_eq!(told(&format!("<td>税号</td><td>{code}</td>")), ["uscc"]);
            assert_eq!(told(&format!("纳税人识别号：{code}")), ["uscc"]);
        }
        reported("统一社会信用代码", "914403001922038216", "uscc");
        silent("x", "914403001922038216");
        for bad in ["91110000600037342L", "9111000060003734IL", "81110000600037341L", "914403001922038217"] {
            silent("creditCode", bad);
        }
        // An identity number is not one, though its last letter may pass.
        reported("x", "11010119900307109X", "cn_resident_id");
        assert_eq!((USCC.mask)("91110000600037341L"), "91110000********1L");
    }

    #[test]
    fn older_codes_need_a_name_and_their_check() {
        for code in ["60003734-1", "799655058", "192203821"] {
            reported("组织机构代码", code, "org_code");
            reported("zzjgdm", code, "org_code");
            assert_eq!(told(&format!("组织机构代码：{code}")), ["org_code"]);
            reported("orgCode", code, "org_code");
            silent("x", code);
            silent("deptCode", code);
        }
        silent("zzjgdm", "799655059");
        let body = b"11010800123456";
        let licence = (0..10).map(|check| format!("{}{check}", String::from_utf8_lossy(body)));
        let licences: Vec<String> = licence.filter(|licence| mod11_10(licence.as_bytes())).collect();
        let [licence] = &licences[..] else { panic!("one check digit") };
        reported("营业执照注册号", licence, "biz_licence15");
        silent("x", licence);
        silent("yyzz", "110108001234560".replace(licence, "110108001234561").as_str());
        // The example of the standard ISO 7064.
        assert!(mod11_10(b"07945"));
    }
}
