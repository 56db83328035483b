//! Ways to reach a person, and where: numbers, addresses, accounts of messengers, places.

use super::super::sources::{AREA_CODES, DIVISIONS, ESTATES, MAIL_DOMAINS, SEGMENTS, STREETS};
use super::{TOKEN, hide, number};
use crate::rng::Rng;

pub(in super::super) fn mobile(rng: &mut Rng) -> String {
    loop {
        let segment = rng.one_of(&SEGMENTS);
        let number = format!("{segment}{}", rng.digits(11 - segment.len()));
        if number != "13800138000" {
            return number;
        }
    }
}

/// With the country code, or in groups.
pub(in super::super) fn formatted_mobile(rng: &mut Rng) -> String {
    let number = mobile(rng);
    let (a, b, c) = (&number[..3], &number[3..7], &number[7..]);
    match rng.below(5) {
        0 => format!("+86{number}"),
        1 => format!("+86 {number}"),
        2 => format!("+86-{number}"),
        3 => format!("{a} {b} {c}"),
        _ => format!("{a}-{b}-{c}"),
    }
}

/// Eleven digits of a segment that is not allotted, or no segment at all.
pub(in super::super) fn no_mobile(rng: &mut Rng) -> String {
    format!("{}{}", rng.one_of(&["110", "120", "125", "101", "105", "118"]), rng.digits(8))
}

pub(in super::super) fn mask_mobile(value: &str, rng: &mut Rng) -> String {
    match rng.below(4) {
        0 => hide(value, 3, 2),
        _ => hide(value, 3, 4),
    }
}

pub(in super::super) fn landline(rng: &mut Rng) -> String {
    let code = rng.one_of(AREA_CODES);
    let length = if code.len() == 3 { 8 } else { rng.one_of(&[7, 8]) };
    let local = format!("{}{}", rng.range(2..9), rng.digits(length - 1));
    match rng.below(6) {
        0 => format!("({code}){local}"),
        1 => format!("{code}-{local}-{}", number(rng, 4)),
        2 => format!("{code} {local}"),
        _ => format!("{code}-{local}"),
    }
}

pub(in super::super) fn plain_landline(rng: &mut Rng) -> String {
    let code = rng.one_of(AREA_CODES);
    let length = if code.len() == 3 { 8 } else { 7 };
    format!("{code}{}{}", rng.range(2..9), rng.digits(length - 1))
}

pub(in super::super) fn mask_landline(value: &str, _: &mut Rng) -> String {
    let local = value.find(['-', ' ', ')']).map_or(4, |at| at + 1);
    let digits = value[local..].bytes().take_while(u8::is_ascii_digit).count();
    format!("{}****{}", &value[..local], &value[local + digits.min(value.len()) - 4..local + digits])
}

const PINYIN: &[&str] = &[
    "zhang", "wang", "li", "liu", "chen", "wei", "fang", "min", "jing", "lei", "tao", "ming", "xia", "jun", "hao",
    "yu", "anna", "peter", "maria", "john", "tom", "lucas", "sato", "kim",
];

/// The local part of an address.
pub(in super::super) fn login(rng: &mut Rng) -> String {
    let first = rng.one_of(PINYIN);
    let second = rng.one_of(PINYIN);
    let length = rng.range(1..5) as usize;
    let digits = rng.digits(length);
    match rng.below(4) {
        0 => format!("{first}.{second}"),
        1 => format!("{first}_{second}{digits}"),
        2 => format!("{first}{digits}"),
        _ => format!("{first}{second}{digits}"),
    }
}

pub(in super::super) fn email(rng: &mut Rng) -> String {
    let domain = match rng.below(3) {
        0 => format!(
            "{}{}.{}",
            rng.one_of(PINYIN),
            rng.one_of(&["soft", "bank", "tech", "-group", "mail"]),
            rng.one_of(&["com", "cn", "com.cn", "net", "org", "co.uk", "de"])
        ),
        _ => rng.one_of(MAIL_DOMAINS).to_owned(),
    };
    let local = login(rng);
    if domain == "qq.com" && rng.chance(60.0) {
        return format!("{}@{domain}", qq(rng));
    }
    format!("{local}@{domain}")
}

/// What resembles an address and is none.
pub(in super::super) fn no_email(rng: &mut Rng) -> String {
    let word = rng.one_of(PINYIN);
    match rng.below(5) {
        0 => format!("{word}@2x.png"),
        1 => format!("@{word}/core"),
        2 => format!("{word}@{}.{}.{}", rng.below(20), rng.below(30), rng.below(10)),
        3 => format!("{word}@localhost"),
        _ => format!("{word}@example.com"),
    }
}

pub(in super::super) fn mask_email(value: &str, _: &mut Rng) -> String {
    let (local, domain) = value.split_once('@').unwrap_or((value, "qq.com"));
    format!("{}****@{domain}", &local[..local.len().min(2)])
}

pub(in super::super) fn qq(rng: &mut Rng) -> String {
    let length = rng.range(6..11) as usize;
    number(rng, length)
}

pub(in super::super) fn mask_qq(value: &str, _: &mut Rng) -> String {
    hide(value, 2, 2)
}

pub(in super::super) fn wechat(rng: &mut Rng) -> String {
    loop {
        let id = login(rng).replace('.', "_");
        if (6..=20).contains(&id.len()) {
            return id;
        }
    }
}

pub(in super::super) fn wxid(rng: &mut Rng) -> String {
    format!("wxid_{}", rng.text("abcdefghijklmnopqrstuvwxyz0123456789", 14))
}

/// Open and union identifiers of WeChat: 28 characters, the first of which is `o`.
pub(in super::super) fn openid(rng: &mut Rng) -> String {
    let head = rng.text(TOKEN, 5);
    format!("o{head}{}", rng.text("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", 22))
}

/// An address down to the room.
pub(in super::super) fn address(rng: &mut Rng) -> String {
    let (province, city, districts) = rng.one_of(DIVISIONS);
    let district = rng.one_of(districts);
    let (street, estate, house) = (rng.one_of(STREETS), rng.one_of(ESTATES), rng.range(1..2000));
    let (building, unit, room) = (rng.range(1..40), rng.range(1..6), rng.range(101..3205));
    match rng.below(4) {
        0 => format!("{province}{city}{district}{street}{house}号"),
        1 => format!("{province}{city}{district}{street}{house}号{estate}{building}栋{unit}单元{room}室"),
        2 => format!("{city}{district}{street}{house}号{estate}{building}号楼{room}室"),
        _ => format!("{province}{city}{district}{street}{house}号{building}幢{room}室"),
    }
}

pub(in super::super) fn mask_address(value: &str, _: &mut Rng) -> String {
    let at = value.find('区').or_else(|| value.find('市')).map_or(9, |at| at + 3);
    format!("{}****", &value[..at])
}

/// Longitude and latitude of a place in China.
pub(in super::super) fn position(rng: &mut Rng) -> String {
    format!("{},{}", longitude(rng), latitude(rng))
}

pub(in super::super) fn longitude(rng: &mut Rng) -> String {
    format!("{}.{}{}", rng.range(100..122), rng.digits(5), rng.range(1..10))
}

pub(in super::super) fn latitude(rng: &mut Rng) -> String {
    format!("{}.{}{}", rng.range(22..45), rng.digits(5), rng.range(1..10))
}
