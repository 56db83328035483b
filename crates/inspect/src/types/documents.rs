//! Identity documents besides the resident identity card: permits, passports, licences.

use spyhop_model::{Category, DataType, Form, Grade, Personal, Text};

use super::identity::{ID_NAMES, mask_id};
use super::mask::shown;
use super::reading::{Readings, Spot, Written};
use super::tables::{REGIONS, number as value_of};
use super::validators::{is_date, is_province, is_trivial, mod11_2, resident_id};
use super::{Candidate, Scan, Type, TypeId};

/// Points for a strong key and for a label of types whose form proves nothing by itself: a label weighs as much as a key.
pub(super) const NAMED: (i16, i16) = (35, 45);

/// Births beyond any card: where the day is not known, a number of the next years is no worse.
const ANY_DAY: u32 = 21_000_101;

const fn document(id: &'static str, en: &'static str, zh: &'static str) -> Type {
    Type {
        strong_points: NAMED,
        subject: 2,
        mask: |value| shown(&signs(value), 1, 2, 4),
        ..Type::new(DataType {
            sensitive_in_context: true,
            ..DataType::new(id, Text { en, zh }, Category::Identity, Grade::L4, Personal::Personal)
        })
    }
}

/// Letters and digits.
fn signs(value: &str) -> Vec<char> {
    value.chars().filter(|c| c.is_alphanumeric()).collect()
}

/// Resident identity number of the first generation, 15 digits (until 2013): no check digit, so never without a name.
pub(super) static RESIDENT_ID15: Type = Type {
    strong: ID_NAMES,
    medium: &["cardno", "cardnum", "证件"],
    strong_points: (40, 50),
    numeric: true,
    subject: 1,
    canonical: |value| {
        let digits: String = value.chars().filter(char::is_ascii_digit).collect();
        let Some((region, rest)) = digits.split_at_checked(6).filter(|_| digits.len() == 15) else {
            return digits.into();
        };
        let long = format!("{region}19{rest}");
        let check = mod11_2(long.as_bytes()).map(char::from);
        long.chars().chain(check).collect()
    },
    mask: mask_id,
    ..document("cn_resident_id15", "Chinese resident identity number (15 digits)", "居民身份证号（15位）")
};

/// Residence permit for residents of Hong Kong, Macau and Taiwan: a resident identity number of the regions 810000,
/// 820000 and 830000 (since 2018).
pub(super) static HKMOTW_RESIDENCE: Type = Type {
    strong: ID_NAMES,
    medium: &["cardno", "cardnum", "证件"],
    numeric: true,
    subject: 1,
    mask: mask_id,
    strong_points: (35, 25),
    ..document("hkmotw_residence", "residence permit for Hong Kong, Macau and Taiwan residents", "港澳台居民居住证")
};

/// Permanent residence card of a foreigner: since 2023 eighteen characters that begin with 9, before three letters of
/// the country and twelve digits.
pub(super) static FOREIGN_PR: Type = Type {
    strong: ID_NAMES,
    named: Some(|value, _| match value.as_bytes() {
        [country @ .., _, _, _, _, _, _, _, _, _, _, _, _] if country.len() == 3 => {
            let digits = value.as_bytes().get(3..).unwrap_or_default();
            (country.iter().all(u8::is_ascii_uppercase) && digits.iter().all(u8::is_ascii_digit)).then_some(25)
        }
        _ => None,
    }),
    subject: 1,
    mask: mask_id,
    ..document("cn_foreign_pr_id", "foreigner's permanent residence card number", "外国人永久居留身份证号")
};

/// Passport of the People's Republic and of its special administrative regions.
pub(super) static PASSPORT: Type = Type {
    strong: &[
        "passport",
        "passportno",
        "passportnum",
        "passportnumber",
        "passportid",
        "hzh",
        "hzhm",
        "huzhao",
        "huzhaohao",
        "护照",
        "护照号",
        "护照号码",
        "護照",
        "護照號碼",
    ],
    named: Some(|value, _| passport(value).then_some(25)),
    ..document("cn_passport", "Chinese passport number", "护照号")
};

/// Permit of mainland residents for travel to Hong Kong and Macau.
pub(super) static HKMO_PERMIT: Type = Type {
    strong: &[
        "txz",
        "txzh",
        "hkmopermit",
        "hkmacaupermit",
        "eephkm",
        "tongxingzheng",
        "港澳通行证",
        "往来港澳通行证",
        "来往港澳通行证",
        "港澳通行證",
        "往來港澳通行證",
    ],
    named: Some(|value, _| match value.as_bytes() {
        [b'C' | b'W', second, rest @ ..] if rest.len() == 7 => {
            let is_permit =
                (second.is_ascii_digit() || second.is_ascii_uppercase()) && rest.iter().all(u8::is_ascii_digit);
            is_permit.then_some(25)
        }
        _ => None,
    }),
    ..document("cn_hkmo_permit", "mainland resident's permit for Hong Kong and Macau", "往来港澳通行证号")
};

/// Permit of residents of Hong Kong and Macau for travel to the mainland (回乡证).
pub(super) static HOME_PERMIT: Type = Type {
    strong: &[
        "hxz",
        "hxzh",
        "huixiangzheng",
        "homepermit",
        "homereturnpermit",
        "hkmohomepermit",
        "回乡证",
        "回乡证号",
        "来往内地通行证",
        "港澳居民来往内地通行证",
        "港澳居民通行证",
        "回鄉證",
        "來往內地通行證",
        "港澳居民來往內地通行證",
    ],
    named: Some(|value, _| match value.as_bytes() {
        [b'H' | b'M', rest @ ..] if matches!(rest.len(), 8 | 10) && rest.iter().all(u8::is_ascii_digit) => Some(25),
        _ => None,
    }),
    ..document("hkmo_home_permit", "Hong Kong and Macau resident's mainland travel permit", "港澳居民来往内地通行证号")
};

/// Permit of residents of Taiwan for travel to the mainland (台胞证).
pub(super) static TW_PERMIT: Type = Type {
    strong: &[
        "tbz",
        "tbzh",
        "taibaozheng",
        "taiwanpermit",
        "twpermit",
        "mtp",
        "台胞证",
        "台胞证号",
        "来往大陆通行证",
        "台湾居民来往大陆通行证",
        "台胞證",
        "台胞證號",
        "臺胞證",
        "來往大陸通行證",
        "台灣居民來往大陸通行證",
    ],
    named: Some(|value, _| {
        let bytes = value.as_bytes();
        let digits = bytes.iter().take_while(|b| b.is_ascii_digit()).count();
        let rest = bytes.get(digits..).unwrap_or_default();
        match (digits, rest) {
            (8, []) | (10, [] | [b'A'..=b'Z']) => Some(25),
            _ => None,
        }
    }),
    ..document("tw_permit", "Taiwan resident's mainland travel permit", "台湾居民来往大陆通行证号")
};

/// Identity card of officers, soldiers and civil cadres: `军字第1234567号`.
pub(super) static MILITARY_ID: Type = Type {
    strong: &[
        "junguanzheng",
        "jgz",
        "jgzh",
        "shibingzheng",
        "officerid",
        "officercard",
        "militaryid",
        "militarycard",
        "soldierid",
        "军官证",
        "军官证号",
        "士兵证",
        "士兵证号",
        "文职证",
        "警官证",
        "军人证",
        "軍官證",
        "士兵證",
        "警官證",
    ],
    named: Some(|value, _| {
        let all_digits = value.bytes().all(|b| b.is_ascii_digit());
        (all_digits && matches!(value.len(), 7 | 8)).then_some(25)
    }),
    canonical: |value| value.chars().filter(|c| !c.is_whitespace() && !matches!(c, '第' | '号')).collect(),
    mask: |value| shown(&value.chars().filter(|c| !matches!(c, '第' | '号' | ' ')).collect::<Vec<_>>(), 1, 2, 4),
    ..Type {
        data: DataType::new(
            "cn_military_id",
            Text { en: "Chinese military identity card", zh: "军人证件号" },
            Category::Identity,
            Grade::L4,
            Personal::Sensitive,
        ),
        ..document("", "", "")
    }
};

/// Driving licence: its number is the resident identity number; its file has twelve digits.
pub(super) static DRIVER_LICENCE: Type = Type {
    strong: &[
        "driverlicense",
        "driverlicence",
        "driverlicenseno",
        "driverlicenceno",
        "driverlicensenumber",
        "driverslicense",
        "drivinglicense",
        "drivinglicence",
        "drivinglicenseno",
        "drivinglicenceno",
        "drivinglicensenumber",
        "licensefileno",
        "jsz",
        "jszh",
        "jszhm",
        "jiashizheng",
        "dabh",
        "驾驶证",
        "驾驶证号",
        "驾驶证号码",
        "驾照",
        "驾照号",
        "驾驶证档案编号",
        "档案编号",
        "駕駛證",
        "駕駛證號",
        "駕照",
        "駕駛執照",
    ],
    named: Some(|value, _| match value.len() {
        18 => resident_id(value.as_bytes(), ANY_DAY).map(|_| 60),
        12 => (value.bytes().all(|b| b.is_ascii_digit()) && !is_trivial(value.as_bytes())).then_some(30),
        _ => None,
    }),
    mask: |value| match signs(value) {
        long if long.len() >= 15 => mask_id(value),
        short => shown(&short, 2, 2, 4),
    },
    ..document("cn_driver_licence", "Chinese driving licence number", "驾驶证号")
};

/// Whether a value is written as a passport number: ordinary (E, once G), diplomatic and service (D, S, P), of Hong Kong
/// (H, K) and Macau (MA).
fn passport(value: &str) -> bool {
    let letter = |b: &u8| matches!(b, b'A'..=b'H' | b'J'..=b'N' | b'P'..=b'Z');
    let upper = value.to_ascii_uppercase();
    let digits =
        |rest: &[u8], from: usize, to: usize| (from..=to).contains(&rest.len()) && rest.iter().all(u8::is_ascii_digit);
    match upper.as_bytes() {
        [b'E' | b'G' | b'H' | b'K', rest @ ..] if digits(rest, 8, 8) => true,
        [b'E', second, rest @ ..] if letter(second) && digits(rest, 7, 7) => true,
        [b'M', b'A', rest @ ..] if digits(rest, 7, 7) => true,
        [b'D' | b'S' | b'P', b'E', rest @ ..] if digits(rest, 7, 7) => true,
        [b'D' | b'S' | b'P', rest @ ..] => digits(rest, 7, 8),
        _ => false,
    }
}

/// Numbers of documents other than the resident identity card.
pub(super) fn number(spot: &Spot<'_>, out: &mut Readings) {
    match spot.compact.len() {
        15 => out.add(resident15(spot)),
        18 if spot.compact.first() == Some(&b'9') => out.add(foreigner(spot)),
        _ => {}
    }
}

/// Fifteen digits: a county that has been, and a birthday of the last century.
fn resident15(spot: &Spot<'_>) -> Option<Candidate> {
    let digits = spot.compact;
    let date = 19_000_000 + value_of(digits.get(6..12)?) as u32;
    let holds = spot.is_number()
        && !spot.plus
        && is_province(digits)
        && is_date(date)
        && REGIONS.has(value_of(digits.get(..6)?) as u32);
    holds.then(|| spot.candidate(TypeId::RESIDENT_ID15, 20))
}

/// `9`, province, country, birthday, sequence, check character. Order numbers are written with the day they were made, so
/// a birthday of the last years proves nothing.
fn foreigner(spot: &Spot<'_>) -> Option<Candidate> {
    const YEARS: u32 = 30_000;
    let id = spot.compact;
    let date = value_of(id.get(6..14)?) as u32;
    let digits = id.get(..17)?;
    let holds = spot.written == Written::Plain
        && digits.iter().all(u8::is_ascii_digit)
        && is_province(id.get(1..)?)
        && (19_000_101..=spot.scan.today).contains(&date)
        && is_date(date)
        && mod11_2(id)? == id.get(17)?.to_ascii_uppercase();
    let validated = if date > spot.scan.today.saturating_sub(YEARS) { 20 } else { 50 };
    holds.then(|| spot.candidate(TypeId::FOREIGN_PR, 10 + validated - spot.unquoted()))
}

/// Branches and regions in military numbers.
const BRANCHES: &str = "军兵士文武警南北沈兰成济广海空参政后装东西中";

/// A whole value that is a military number.
pub(super) fn whole_military(value: &str, _scan: &Scan, out: &mut Readings) {
    let Some((before, _)) = value.split_once('字') else { return };
    let points = military(value, 0, before.len() + '字'.len_utf8());
    out.add(
        points
            .filter(|end| *end == value.len())
            .map(|end| Candidate::new(TypeId::MILITARY_ID, Form::Full, (0, end), 60)),
    );
}

/// A military number in text, whose Chinese characters end at `end` where its digits begin.
pub(super) fn military_in_text(value: &str, at: usize, end: usize) -> Option<Candidate> {
    const LONGEST: usize = 18;
    value.as_bytes().get(end).filter(|b| b.is_ascii_digit())?;
    let run = value.get(at..end)?;
    let run = run.strip_suffix('第').unwrap_or(run).strip_suffix('字')?;
    let branches = run.chars().rev().take(4).take_while(|c| BRANCHES.contains(*c));
    let start = at + run.len() - branches.map(char::len_utf8).sum::<usize>().min(LONGEST);
    let stop = military(value, start, at + run.len() + '字'.len_utf8())?;
    Some(Candidate::new(TypeId::MILITARY_ID, Form::Full, (start, stop), 60))
}

/// Checks a military number from `start` whose 字 ends at `sign`: where it ends.
fn military(value: &str, start: usize, sign: usize) -> Option<usize> {
    let branches = value.get(start..sign)?.strip_suffix('字')?;
    let count = branches.chars().take(5).count();
    if !(1..=4).contains(&count) || !branches.chars().all(|c| BRANCHES.contains(c)) {
        return None;
    }
    let rest = value.get(sign..)?;
    let rest = rest.strip_prefix('第').unwrap_or(rest);
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let after = rest.get(digits..)?;
    let end = after.strip_prefix('号').unwrap_or(after);
    let is_word = end.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
    ((6..=8).contains(&digits) && !is_word).then_some(value.len() - end.len())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{reported, silent, told};
    use super::*;

    #[test]
    fn first_generation_numbers_need_a_name() {
        reported("idCard", "110105491231002", "cn_resident_id15");
        reported("身份证号", "440524800101001", "cn_resident_id15");
        silent("x", "110105491231002");
        silent("idCard", "110105491331002");
        silent("idCard", "999999491231002");
        assert_eq!(told("身份证：110105491231002。"), ["cn_resident_id15"]);
        assert!(told("单 110105491231002。").is_empty());
        assert_eq!((RESIDENT_ID15.canonical)("110105491231002"), "11010519491231002X");
    }

    #[test]
    fn residence_permits_win_over_identity_numbers() {
        let id = with_check("81000019900307461");
        reported("idCard", &id, "hkmotw_residence");
        reported("x", &id, "hkmotw_residence");
        reported("居住证号", &with_check("83000019900307461"), "hkmotw_residence");
        reported("idCard", &with_check("11010119900307461"), "cn_resident_id");
    }

    #[test]
    fn foreigners() {
        let id = with_check("93184019850412003");
        reported("idCard", &id, "cn_foreign_pr_id");
        reported("x", &id, "cn_foreign_pr_id");
        reported("永居证", "USA110181010102", "cn_foreign_pr_id");
        silent("x", "USA110181010102");
        silent("x", &with_check("93184020260412003"));
        silent("idCard", &id.replace("9318", "9319"));
    }

    #[test]
    fn passports_and_permits_need_a_name() {
        for (key, value, what) in [
            ("passportNo", "E12345678", "cn_passport"),
            ("passport", "EA1234567", "cn_passport"),
            ("护照号码", "G12345678", "cn_passport"),
            ("hzh", "SE1234567", "cn_passport"),
            ("passport_no", "MA1234567", "cn_passport"),
            ("港澳通行证", "C12345678", "cn_hkmo_permit"),
            ("txz", "CA1234567", "cn_hkmo_permit"),
            ("回乡证号", "H12345678", "hkmo_home_permit"),
            ("港澳居民来往内地通行证", "M1234567890", "hkmo_home_permit"),
            ("台胞证", "12345670", "tw_permit"),
            ("tbz", "1234567801B", "tw_permit"),
        ] {
            reported(key, value, what);
            silent("x", value);
            assert_eq!(told(&format!("资料，{key}：{value}，")), [what], "{key}");
        }
        for (key, value) in [
            ("passport", "EO1234567"),
            ("passport", "E1234567"),
            ("passport", "true"),
            ("passport", "A12345678"),
            ("txz", "H12345678"),
            ("回乡证", "H1234567"),
            ("台胞证", "1234567"),
        ] {
            silent(key, value);
        }
        assert_eq!((PASSPORT.mask)("E12345678"), "E******78");
    }

    #[test]
    fn military_numbers() {
        reported("x", "军字第1234567号", "cn_military_id");
        reported("军官证", "南字第12345678号", "cn_military_id");
        reported("士兵证", "1234567", "cn_military_id");
        assert_eq!(told("军官证：军字第1234567号"), ["cn_military_id"]);
        assert_eq!(told("<td>军官证</td><td>空字第1234567号</td>"), ["cn_military_id"]);
        silent("x", "京字第1234567号");
        silent("x", "军字第12345号");
        silent("x", "(2020)京民终字第1234567号");
        assert_eq!((MILITARY_ID.mask)("军字第1234567号"), "军******67");
    }

    #[test]
    fn the_driver_type_wins_under_its_name() {
        reported("driverLicense", "110101199003074610", "cn_driver_licence");
        reported("jszh", "110101199003074610", "cn_driver_licence");
        reported("档案编号", "110108351274", "cn_driver_licence");
        assert_eq!(told("驾驶证号：110101199003074610"), ["cn_driver_licence"]);
        silent("driverLicense", "110101199003074611");
        silent("x", "110108351274");
    }

    #[test]
    fn numbers_without_a_name_prove_nothing() {
        let mut state = 7u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state >> 20
        };
        for length in [9, 10, 11, 12, 15] {
            for _ in 0..2_000 {
                let number = format!("{:015}{:05}", next(), next() % 100_000);
                let number = &number[number.len() - length..];
                // Of 15 digits 2 in 10,000 are right as a French number.
                if !(length == 15 && matches!(number.as_bytes()[0], b'1' | b'2')) {
                    silent("id", number);
                    assert!(told(&format!("no {number}, ")).is_empty(), "{number}");
                }
            }
        }
    }

    fn with_check(digits: &str) -> String {
        format!("{digits}{}", char::from(mod11_2(digits.as_bytes()).unwrap()))
    }
}
