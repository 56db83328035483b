//! Numbers of Asia.

use spyhop_model::{Grade, Personal, Text};

use super::super::reading::{Readings, Spot, Written};
use super::super::validators::{is_time, is_trivial};
use super::super::{Candidate, Type, TypeId};
use super::checks::{base36, digit, is_day, remainder, verhoeff, weighed};
use super::{BARE, document, document_in_context, has_shape, upper};

/// Indian Aadhaar number.
pub(in crate::types) static IN_AADHAAR: Type = Type {
    strong: &[
        "aadhaar",
        "aadhar",
        "adhaar",
        "adhar",
        "aadhaarno",
        "aadhaarnum",
        "aadhaarnumber",
        "aadharno",
        "aadharnumber",
        "aadhaarcard",
        "aadharcard",
        "inaadhaar",
        "uidai",
        "uidno",
        "印度身份证",
        "印度身份证号",
    ],
    numeric: true,
    ..document("in_aadhaar", Text { en: "Indian Aadhaar number", zh: "印度 Aadhaar 号码" })
};

/// Indian permanent account number.
pub(in crate::types) static IN_PAN: Type = {
    let mut kind = document("in_pan", Text { en: "Indian permanent account number", zh: "印度永久账号" });
    kind.data.grade = Grade::L3;
    kind.data.personal = Personal::Personal;
    kind.strong = &[
        "pan",
        "panno",
        "pannum",
        "pannumber",
        "pancard",
        "pancardno",
        "pancardnumber",
        "inpan",
        "permanentaccountnumber",
        "印度永久账号",
        "印度税号",
    ];
    kind
};

/// Hong Kong identity card number.
pub(in crate::types) static HK_ID: Type = Type {
    strong: &[
        "hkid",
        "hkidno",
        "hkidnumber",
        "hkidcard",
        "hkic",
        "hkicno",
        "hongkongid",
        "hongkongidcard",
        "hongkongidentitycard",
        "xianggangshenfenzheng",
        "香港身份证",
        "香港身份证号",
        "香港身份证号码",
        "香港身份證",
        "香港身份證號碼",
        "香港居民身份证",
    ],
    ..document_in_context("hk_id", Text { en: "Hong Kong identity card number", zh: "香港身份证号" })
};

/// Macao identity card number.
pub(in crate::types) static MO_ID: Type = Type {
    strong: &[
        "moid",
        "macauid",
        "macaoid",
        "macauidno",
        "macaoidno",
        "macauidcard",
        "macaoidcard",
        "bir",
        "birno",
        "aomenshenfenzheng",
        "澳门身份证",
        "澳门身份证号",
        "澳门身份证号码",
        "澳門身份證",
        "澳门居民身份证",
    ],
    numeric: true,
    named: Some(|value, _| {
        let digits: Vec<u8> = value.bytes().filter(|b| !matches!(b, b'(' | b')' | b'/' | b'-' | b' ')).collect();
        let is_one = digits.len() == 8 && digits.iter().all(u8::is_ascii_digit);
        (is_one && matches!(digits.first(), Some(b'1' | b'5' | b'7' | b'8'))).then_some(35)
    }),
    ..document_in_context("mo_id", Text { en: "Macao identity card number", zh: "澳门身份证号" })
};

/// Identity number of Taiwan.
pub(in crate::types) static TW_ID: Type = Type {
    strong: &[
        "twid",
        "twidno",
        "twidnumber",
        "taiwanid",
        "taiwanidcard",
        "rocid",
        "taiwanshenfenzheng",
        "台湾身份证",
        "台湾身份证号",
        "台湾身份证号码",
        "臺灣身分證",
        "台灣身分證",
        "身分證字號",
        "身分证字号",
        "身分證",
        "国民身份证",
        "國民身分證",
    ],
    ..document_in_context("tw_id", Text { en: "Taiwan identity number", zh: "台湾身份证号" })
};

/// Resident registration number of Korea.
pub(in crate::types) static KR_RRN: Type = Type {
    strong: &[
        "rrn",
        "krrrn",
        "rrnno",
        "jumin",
        "juminno",
        "juminnumber",
        "jumindeungnokbeonho",
        "residentregistrationnumber",
        "residentregistrationno",
        "alienregistrationnumber",
        "주민등록번호",
        "주민번호",
        "외국인등록번호",
        "韩国身份证",
        "韩国身份证号",
        "韩国居民登记号",
    ],
    numeric: true,
    ..document("kr_rrn", Text { en: "Korean resident registration number", zh: "韩国居民登记号" })
};

/// Identity number of Singapore (NRIC) and of foreigners there (FIN).
pub(in crate::types) static SG_NRIC: Type = Type {
    strong: &[
        "nric",
        "nricno",
        "nricnumber",
        "sgnric",
        "nricfin",
        "finno",
        "finnumber",
        "singaporeid",
        "新加坡身份证",
        "新加坡身份证号",
    ],
    ..document("sg_nric", Text { en: "Singapore NRIC or FIN", zh: "新加坡身份证号" })
};

/// Identity card number of Malaysia.
pub(in crate::types) static MY_NRIC: Type = Type {
    strong: &[
        "mykad",
        "mykadno",
        "mykadnumber",
        "mynric",
        "nokp",
        "nokadpengenalan",
        "kadpengenalan",
        "icno",
        "icnumber",
        "nric",
        "nricno",
        "nricnumber",
        "马来西亚身份证",
        "马来西亚身份证号",
        "大马卡",
    ],
    strong_points: (45, 50),
    numeric: true,
    ..document("my_nric", Text { en: "Malaysian identity card number", zh: "马来西亚身份证号" })
};

/// Identity number of Thailand.
pub(in crate::types) static TH_ID: Type = Type {
    strong: &[
        "thid",
        "thaiid",
        "thaiidno",
        "thaiidnumber",
        "thainationalid",
        "thaicitizenid",
        "thaiidcard",
        "citizenid",
        "citizenidno",
        "เลขประจำตัวประชาชน",
        "บัตรประชาชน",
        "เลขบัตรประชาชน",
        "泰国身份证",
        "泰国身份证号",
    ],
    numeric: true,
    ..document("th_id", Text { en: "Thai identity number", zh: "泰国身份证号" })
};

/// A candidate whose check digit agrees.
fn checked(spot: &Spot<'_>, what: TypeId, points: i16) -> Candidate {
    Candidate { checked: true, test_value: is_trivial(spot.compact), ..spot.candidate(what, points) }
}

/// Twelve digits.
pub(super) fn twelve(spot: &Spot<'_>, out: &mut Readings) {
    let digits = spot.compact;
    let is_plain = spot.written == Written::Plain;
    if (is_plain || spot.groups == [4, 4, 4])
        && matches!(digits.first(), Some(b'2'..=b'9'))
        && !digits.iter().eq(digits.iter().rev())
        && verhoeff(digits)
    {
        out.push(checked(spot, TypeId::IN_AADHAAR, if is_plain { 40 } else { 55 }));
    }
    if (is_plain || spot.groups == [6, 2, 4]) && is_my_nric(digits) {
        // No check digit: together they are also a day and a number of an order.
        out.push(spot.candidate(TypeId::MY_NRIC, if is_plain { 20 } else { 65 }));
    }
}

/// A day of birth and a place that exists (National Registration Department's codes).
fn is_my_nric(digits: &[u8]) -> bool {
    let place = digits.get(6..8).map_or(0, |place| remainder(place, 100));
    let is_place = matches!(place, 1..=16 | 21..=68 | 71 | 72 | 74..=79 | 82..=93 | 98 | 99);
    is_place && digits.get(..6).is_some_and(|day| is_day(day, 1900) || is_day(day, 2000))
}

/// Thirteen digits.
pub(super) fn thirteen(spot: &Spot<'_>, out: &mut Readings) {
    let is_plain = spot.written == Written::Plain;
    if (is_plain || spot.groups == [6, 7])
        && let Some(is_checked) = rrn(spot.compact, spot.scan.today)
    {
        let points = match (is_plain, is_checked) {
            (false, true) => 75,
            (false, false) => 50,
            (true, true) => 55,
            (true, false) => 20,
        };
        let mut candidate = spot.candidate(TypeId::KR_RRN, points);
        candidate.checked = is_checked;
        candidate.time_like = is_plain && is_time(spot.compact);
        out.push(candidate);
    }
    if (is_plain || spot.groups == [1, 4, 5, 2, 1]) && is_th_id(spot.compact) {
        let mut candidate = checked(spot, TypeId::TH_ID, if is_plain { BARE } else { 75 });
        candidate.time_like = is_plain && is_time(spot.compact);
        out.push(candidate);
    }
}

/// Date of birth, whose century and sex the seventh digit tells; whether the check digit agrees. Numbers given since
/// October 2020 have none: of those born before that day, one that does not agree is no number.
fn rrn(digits: &[u8], today: u32) -> Option<bool> {
    let seventh = digits.get(6)?;
    let century = match seventh {
        b'1' | b'2' | b'5' | b'6' => 1900,
        b'3' | b'4' | b'7' | b'8' => 2000,
        _ => 1800,
    };
    let day = digits.get(..6)?;
    let born = century * 10_000 + remainder(day, 1_000_000);
    if !is_day(day, century) || born > today {
        return None;
    }
    let is_foreign = matches!(seventh, b'5'..=b'8');
    let sum = weighed(digits.get(..12)?, &[2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5]);
    // Foreigners' numbers count two more, or are numbered like citizens'.
    let check = |from: u32| (from - sum % 11) % 10;
    let last = digit(*digits.get(12)?);
    const UNCHECKED: u32 = 20_201_005;
    let is_checked = last == check(11) || is_foreign && last == check(13);
    (is_checked || born >= UNCHECKED).then_some(is_checked)
}

fn is_th_id(digits: &[u8]) -> bool {
    let sum = weighed(digits.get(..12).unwrap_or_default(), &[13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2]);
    matches!(digits.first(), Some(b'1'..=b'8')) && digits.get(12).is_some_and(|b| digit(*b) == (11 - sum % 11) % 10)
}

/// Codes that begin with a letter.
pub(super) fn code(spot: &Spot<'_>, out: &mut Readings) {
    match (spot.compact.len(), spot.written) {
        (8 | 9, Written::Plain | Written::Bracketed) => {
            hong_kong(spot, out);
            singapore(spot, out);
        }
        (10, Written::Plain) => {
            taiwan(spot, out);
            pan(spot, out);
        }
        _ => {}
    }
}

/// One or two letters, six digits, check character: `A123456(3)`.
fn hong_kong(spot: &Spot<'_>, out: &mut Readings) {
    let mut code = [0; 9];
    let Some(code) = code.get_mut(..spot.compact.len()) else { return };
    code.copy_from_slice(spot.compact);
    code.make_ascii_uppercase();
    let Some((check, body)) = code.split_last() else { return };
    let letters = body.len().saturating_sub(6);
    let (Some(prefix), Some(digits)) = (body.get(..letters), body.get(letters..)) else { return };
    let is_formed = prefix.iter().all(u8::is_ascii_uppercase)
        && digits.iter().all(u8::is_ascii_digit)
        && (check.is_ascii_digit() || *check == b'A');
    // A missing first letter counts as a blank, 36.
    let letters = match prefix {
        [one] => 36 * 9 + base36(*one) * 8,
        [one, two] => base36(*one) * 9 + base36(*two) * 8,
        _ => return,
    };
    if is_formed && (letters + weighed(digits, &[7, 6, 5, 4, 3, 2]) + base36(*check)).is_multiple_of(11) {
        let points = match (spot.written, prefix) {
            (Written::Bracketed, _) => 85,
            (_, [_] | [b'X', _]) => 65,
            // Few pairs of letters are issued; passports, permits and parts have others.
            _ => 45,
        };
        let mut candidate = spot.candidate(TypeId::HK_ID, points);
        candidate.checked = true;
        out.push(candidate);
    }
}

/// `1234567(8)`: the check character's method is not published.
pub(super) fn macao(spot: &Spot<'_>, out: &mut Readings) {
    if spot.is_number() && matches!(spot.compact.first(), Some(b'1' | b'5' | b'7' | b'8')) {
        out.push(spot.candidate(TypeId::MO_ID, 50));
    }
}

/// A letter, which stands for two digits, sex or kind of resident, seven digits, check digit.
fn taiwan(spot: &Spot<'_>, out: &mut Readings) {
    /// The numbers of the letters from A on.
    const LETTERS: [u32; 26] =
        [10, 11, 12, 13, 14, 15, 16, 17, 34, 18, 19, 20, 21, 22, 35, 23, 24, 25, 26, 27, 28, 29, 32, 30, 31, 33];
    let Some(code) = upper::<10>(spot.compact).filter(|code| has_shape(code, b"A999999999")) else { return };
    let [letter, digits @ ..] = code;
    let Some(letter) = LETTERS.get(usize::from(letter - b'A')) else { return };
    let sum = letter / 10 + letter % 10 * 9 + weighed(&digits, &[8, 7, 6, 5, 4, 3, 2, 1, 1]);
    if matches!(digits.first(), Some(b'1' | b'2' | b'8' | b'9')) && sum.is_multiple_of(10) {
        let mut candidate = spot.candidate(TypeId::TW_ID, 65);
        candidate.checked = true;
        out.push(candidate);
    }
}

/// `ABCPE1234F`: the fourth letter tells whose it is, P a person's.
fn pan(spot: &Spot<'_>, out: &mut Readings) {
    if let Some(code) = upper::<10>(spot.compact).filter(|code| has_shape(code, b"AAAAA9999A")) {
        let points = match code {
            [_, _, _, b'P' | b'A' | b'B' | b'C' | b'F' | b'G' | b'H' | b'J' | b'L' | b'T', ..] => 60,
            _ => return,
        };
        out.push(spot.candidate(TypeId::IN_PAN, points));
    }
}

/// Series letter, seven digits, check letter of that series.
fn singapore(spot: &Spot<'_>, out: &mut Readings) {
    let Some(code) = upper::<9>(spot.compact).filter(|code| has_shape(code, b"A9999999A")) else { return };
    let [series, digits @ .., check] = code;
    let (offset, letters) = match series {
        b'S' => (0, b"JZIHGFEDCBA"),
        b'T' => (4, b"JZIHGFEDCBA"),
        b'F' => (0, b"XWUTRQPNMLK"),
        b'G' => (4, b"XWUTRQPNMLK"),
        b'M' => (3, b"XWUTRQPNJLK"),
        _ => return,
    };
    let rest = (weighed(&digits, &[2, 7, 6, 5, 4, 3, 2]) + offset) % 11;
    if letters.get(rest as usize) == Some(&check) {
        let mut candidate = spot.candidate(TypeId::SG_NRIC, 65);
        candidate.checked = true;
        out.push(candidate);
    }
}
