//! Landlines of mainland China: area code and subscriber number.

use spyhop_model::{Category, DataType, Form, Grade, Personal, Text};

use super::mask::shown;
use super::reading::{Readings, Spot, Written};
use super::tables::{AREAS, number as value_of};
use super::{Candidate, Type, TypeId};

/// Landline number, perhaps with an extension.
pub(super) static LANDLINE: Type = Type {
    strong: &[
        "tel",
        "telno",
        "telnum",
        "telephone",
        "telephoneno",
        "telephonenumber",
        "phone",
        "phoneno",
        "phonenum",
        "phonenumber",
        "fax",
        "faxno",
        "faxnumber",
        "landline",
        "fixedphone",
        "fixedline",
        "officephone",
        "officetel",
        "homephone",
        "hometel",
        "zuoji",
        "guhua",
        "lxdh",
        "lxfs",
        "dianhua",
        "chuanzhen",
        "座机",
        "座机号",
        "固话",
        "固定电话",
        "传真",
        "电话",
        "电话号码",
        "联系电话",
        "联系方式",
        "办公电话",
        "座機",
        "傳真",
        "電話",
        "電話號碼",
        "聯絡電話",
        "聯繫電話",
    ],
    medium: &["contact", "contacts", "mobile", "手机"],
    strong_points: (35, 45),
    named: Some(|value, _| named(value)),
    canonical: |value| {
        let digits: String = value.chars().filter(char::is_ascii_digit).collect();
        match digits.strip_prefix("0086").or_else(|| digits.strip_prefix("86")) {
            Some(rest) => format!("0{}", rest.trim_start_matches('0')).into(),
            None => digits.into(),
        }
    },
    mask: |value| {
        let (area, rest) = area(value.as_bytes()).map_or(("", value), |length| value.split_at(length));
        let digits: Vec<char> = rest.chars().filter(char::is_ascii_digit).collect();
        format!("{area}{}", shown(&digits, 0, 4, 3))
    },
    ..Type::new(DataType::new(
        "cn_landline",
        Text { en: "Chinese landline number", zh: "固定电话" },
        Category::Contact,
        Grade::L2,
        Personal::Personal,
    ))
};

/// Length of the area code, its 0 included, that digits begin with.
fn area(digits: &[u8]) -> Option<usize> {
    let length = match digits {
        [b'0', b'1' | b'2', ..] => 3,
        [b'0', b'3'..=b'9', ..] => 4,
        _ => return None,
    };
    let code = digits.get(..length).filter(|code| code.iter().all(u8::is_ascii_digit))?;
    AREAS.get(value_of(code) as usize).copied().unwrap_or_default().then_some(length)
}

/// Whether digits are an area code that exists and a subscriber number of its length: eight digits in the largest
/// cities, else seven or eight, the first of them from 2 on.
fn is_landline(digits: &[u8]) -> bool {
    let Some(length) = area(digits) else { return false };
    let subscriber = digits.get(length..).unwrap_or_default();
    let fits = subscriber.len() == 8 || length == 4 && subscriber.len() == 7;
    fits && matches!(subscriber.first(), Some(b'2'..=b'9'))
        && !subscriber.windows(2).all(|pair| pair.first() == pair.last())
}

/// Numbers of area code and subscriber.
pub(super) fn number(spot: &Spot<'_>, out: &mut Readings) {
    let with_zero = spot.compact.first() == Some(&b'0');
    let holds = match (spot.written, spot.groups) {
        (Written::Plain, _) => with_zero && (11..=12).contains(&spot.compact.len()) && is_landline(spot.compact),
        (_, [code @ (3 | 4), 7 | 8]) => with_zero && area(spot.compact) == Some(*code) && is_landline(spot.compact),
        (_, [code @ (3 | 4), subscriber @ (7 | 8), extension @ 1..=6]) => {
            let number = spot.compact.get(..code + subscriber).unwrap_or_default();
            with_zero
                && area(number) == Some(*code)
                && spot.raw().iter().nth_back(*extension) == Some(&b'-')
                && is_landline(number)
        }
        (_, [2, 2 | 3, 7 | 8] | [2, 2 | 3, 3 | 4, 4]) if spot.plus => {
            spot.compact.strip_prefix(b"86").is_some_and(|rest| {
                let national: Vec<u8> = b"0".iter().chain(rest).copied().collect();
                is_landline(&national)
            })
        }
        _ => false,
    };
    let points = if spot.written == Written::Plain { 25 } else { 50 };
    out.add(holds.then(|| spot.candidate(TypeId::LANDLINE, points)));
}

/// A number whose area code stands in brackets and begins at `at`: `(0571)88881234`, `(010) 6278-1234`.
pub(super) fn bracketed(bytes: &[u8], at: usize) -> Option<Candidate> {
    let rest = bytes.get(at..)?;
    let close = rest.iter().take(5).position(|b| *b == b')')?;
    let (code, rest) = (rest.get(..close)?, rest.get(close + 1..)?);
    let sign = |b: &&u8| b.is_ascii_digit() || matches!(b, b' ' | b'-');
    let length = rest.iter().take(12).take_while(sign).count();
    let subscriber = rest.get(..length)?.trim_ascii_end();
    let digits: Vec<u8> = code.iter().chain(subscriber).filter(|b| b.is_ascii_digit()).copied().collect();
    let end = at + close + 1 + (subscriber.len());
    let is_whole = subscriber.last()?.is_ascii_digit() && !bytes.get(end).is_some_and(u8::is_ascii_alphanumeric);
    let is_area = area(code) == Some(code.len());
    (is_area && is_whole && is_landline(&digits))
        .then(|| Candidate::new(TypeId::LANDLINE, Form::Full, (at.checked_sub(1).unwrap_or(at), end), 50))
}

/// Points of a whole value under its name, which may hold an extension: `(0571) 8888-1234`, `010-62781234转801`.
fn named(value: &str) -> Option<i16> {
    const LONGEST: usize = 32;
    let value = value.strip_prefix("+86").or_else(|| value.strip_prefix("86-")).unwrap_or(value);
    let is_sign =
        |c: char| c.is_ascii_digit() || matches!(c, ' ' | '-' | '(' | ')' | '（' | '）' | '转' | '轉' | 'x' | '#');
    if value.len() > LONGEST || !value.chars().all(is_sign) {
        return None;
    }
    let groups: Vec<&str> = value.split(|c: char| !c.is_ascii_digit()).filter(|group| !group.is_empty()).collect();
    let (extension, number) = groups.split_last()?;
    let whole = groups.concat();
    if number
        .first()
        .is_some_and(|code| code.starts_with('0') && code.len() < 5 && area(whole.as_bytes()) != Some(code.len()))
    {
        return None;
    }
    let holds = is_landline(whole.as_bytes())
        || extension.len() <= 6 && !number.is_empty() && is_landline(number.concat().as_bytes());
    holds.then_some(if groups.len() > 1 { 50 } else { 25 })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{reported, silent, told};
    use super::*;

    #[test]
    fn landlines() {
        for number in [
            "010-62781234",
            "0571-88881234",
            "(0571)88881234",
            "010 62781234",
            "010-62781234-801",
            "01062781234",
            "03107654321",
            "0310-7654321转12",
            "+86-10-62781234",
        ] {
            for key in ["tel", "phone", "联系电话", "fax", "officePhone", "傳真"] {
                reported(key, number, "cn_landline");
            }
            silent("x", number);
        }
        assert_eq!(told("电话：010-62781234。"), ["cn_landline"]);
        assert_eq!(told("<td>座机</td><td>0571-88881234</td>"), ["cn_landline"]);
        for bad in
            ["011-62781234", "010-1278123", "010-12781234", "0000-62781234", "01062781", "0100-2024112", "010-66666666"]
        {
            silent("tel", bad);
        }
        reported("tel", "13912345678", "cn_mobile");
        reported("phone", "139-1234-5678", "cn_mobile");
    }

    #[test]
    fn one_way_of_writing() {
        for written in ["+86 10 6278 1234", "+86-10-6278-1234", "+86 571 8888 1234", "+86 10 62781234"] {
            reported("tel", written, "cn_landline");
            assert_eq!(told(&format!("电话：{written}。")), ["cn_landline"], "{written}");
        }
        assert_eq!((LANDLINE.canonical)("+86 10 6278 1234"), "01062781234");
        assert_eq!((LANDLINE.canonical)("+86-10-62781234"), (LANDLINE.canonical)("(010) 62781234"));
        assert_eq!((LANDLINE.mask)("010-62781234"), "010****1234");
        assert_eq!((LANDLINE.mask)("0571-88881234"), "0571****1234");
    }
}
