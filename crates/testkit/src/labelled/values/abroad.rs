//! Identifiers of other countries.

use super::super::checks::{
    codice_check, cpf_check, hkid_check, iban_check, is_luhn, is_tfn, luhn_digit, mod_11_10, mod_97, nif_letter,
    nric_check, pesel_check, rrn_check, thai_check, tw_id_check, verhoeff_digit,
};
use super::{UPPER, day, number, other, spoil_last};
use crate::rng::Rng;

fn ssn_parts(rng: &mut Rng) -> (u64, u64, u64) {
    let mut area = rng.range(1..900);
    if area == 666 {
        area = 665;
    }
    (area, rng.range(1..100), rng.range(1..10_000))
}

pub(in super::super) fn ssn(rng: &mut Rng) -> String {
    let (area, group, serial) = ssn_parts(rng);
    format!("{area:03}-{group:02}-{serial:04}")
}

pub(in super::super) fn plain_ssn(rng: &mut Rng) -> String {
    ssn(rng).replace('-', "")
}

pub(in super::super) fn no_ssn(rng: &mut Rng) -> String {
    let (area, group, serial) = ssn_parts(rng);
    match rng.below(3) {
        0 => format!("{}-{group:02}-{serial:04}", rng.one_of(&["000", "666"])),
        1 => format!("{area:03}-00-{serial:04}"),
        _ => format!("{area:03}-{group:02}-0000"),
    }
}

pub(in super::super) fn itin(rng: &mut Rng) -> String {
    let group = rng.one_of(&[50, 55, 62, 65, 70, 74, 78, 79, 81, 85, 88, 90, 92, 94, 97, 99]);
    format!("9{}-{group}-{}", rng.digits(2), rng.digits(4))
}

/// Countries with the length of their accounts (the national part) and how these are written: letters or digits.
const IBANS: &[(&str, usize, usize)] = &[
    ("DE", 0, 18),
    ("FR", 0, 23),
    ("GB", 4, 14),
    ("NL", 4, 10),
    ("ES", 0, 20),
    ("CH", 0, 17),
    ("AT", 0, 16),
    ("BE", 0, 12),
    ("PL", 0, 24),
    ("IE", 4, 14),
    ("SE", 0, 20),
    ("PT", 0, 21),
];

pub(in super::super) fn iban(rng: &mut Rng) -> String {
    let (country, letters, digits) = rng.one_of(IBANS);
    let account = format!("{}{}", rng.text(UPPER, letters), rng.digits(digits));
    let iban = format!("{country}{}{account}", iban_check(country, &account));
    if rng.chance(20.0) {
        let groups: Vec<&str> =
            (0..iban.len()).step_by(4).filter_map(|at| iban.get(at..(at + 4).min(iban.len()))).collect();
        return groups.join(" ");
    }
    iban
}

pub(in super::super) fn no_iban(rng: &mut Rng) -> String {
    loop {
        let iban = iban(rng).replace(' ', "");
        let bad = spoil_last(&iban);
        if !is_luhn(&bad) {
            return bad;
        }
    }
}

pub(in super::super) fn nino(rng: &mut Rng) -> String {
    loop {
        let prefix = format!("{}{}", rng.text("ABCEGHJKLMNOPRSTWXYZ", 1), rng.text("ABCEGHJKLMNPRSTWXYZ", 1));
        if ["BG", "GB", "KN", "NK", "NT", "TN", "ZZ"].contains(&prefix.as_str()) {
            continue;
        }
        let (digits, suffix) = (rng.digits(6), rng.text("ABCD", 1));
        return match rng.below(3) {
            0 => format!("{prefix} {} {} {} {suffix}", &digits[..2], &digits[2..4], &digits[4..]),
            _ => format!("{prefix}{digits}{suffix}"),
        };
    }
}

pub(in super::super) fn no_nino(rng: &mut Rng) -> String {
    let prefix = rng.one_of(&["BG", "GB", "KN", "NK", "NT", "TN", "ZZ", "DQ", "FA"]);
    format!("{prefix}{}{}", rng.digits(6), rng.text("ABCD", 1))
}

fn aadhaar_body(rng: &mut Rng) -> String {
    format!("{}{}", rng.range(2..10), rng.digits(10))
}

pub(in super::super) fn aadhaar(rng: &mut Rng) -> String {
    let body = aadhaar_body(rng);
    let number = format!("{body}{}", verhoeff_digit(&body));
    if number.bytes().eq(number.bytes().rev()) { aadhaar(rng) } else { number }
}

pub(in super::super) fn grouped_aadhaar(rng: &mut Rng) -> String {
    let (number, sign) = (aadhaar(rng), rng.one_of(&[" ", " ", "-"]));
    [&number[..4], &number[4..8], &number[8..]].join(sign)
}

pub(in super::super) fn no_aadhaar(rng: &mut Rng) -> String {
    spoil_last(&aadhaar(rng))
}

pub(in super::super) fn pan(rng: &mut Rng) -> String {
    let holder = rng.text("ABCFGHLJPT", 1);
    format!("{}{holder}{}{}{}", rng.text(UPPER, 3), rng.text(UPPER, 1), rng.digits(4), rng.text(UPPER, 1))
}

pub(in super::super) fn hkid(rng: &mut Rng) -> String {
    let letters = if rng.chance(15.0) { 2 } else { 1 };
    let body = format!("{}{}", rng.text(UPPER, letters), rng.digits(6));
    let check = hkid_check(&body);
    if rng.chance(60.0) { format!("{body}({check})") } else { format!("{body}{check}") }
}

pub(in super::super) fn no_hkid(rng: &mut Rng) -> String {
    let body = format!("{}{}", rng.text(UPPER, 1), rng.digits(6));
    let check = hkid_check(&body);
    format!("{body}({})", if check == 'A' { '4' } else { other(check) })
}

pub(in super::super) fn macau_id(rng: &mut Rng) -> String {
    format!("{}{}({})", rng.one_of(&["1", "5", "7"]), rng.digits(6), rng.below(10))
}

pub(in super::super) fn tw_id(rng: &mut Rng) -> String {
    let body = format!("{}{}{}", rng.text(UPPER, 1), rng.one_of(&["1", "2", "1", "2", "8", "9"]), rng.digits(7));
    format!("{body}{}", tw_id_check(&body))
}

pub(in super::super) fn no_tw_id(rng: &mut Rng) -> String {
    spoil_last(&tw_id(rng))
}

/// Numbers of before October 2020: later ones have no check digit.
pub(in super::super) fn rrn(rng: &mut Rng) -> String {
    let (year, month, day) = day(rng);
    let year = if year > 2019 { 1985 } else { year };
    let century = if year < 2000 { 1 } else { 3 } + rng.below(2);
    let body = format!("{:02}{month:02}{:02}{century}{}", year % 100, day.min(28), rng.digits(5));
    format!("{}-{}{}", &body[..6], &body[6..], rrn_check(&body))
}

pub(in super::super) fn no_rrn(rng: &mut Rng) -> String {
    // A wrong digit at the end is no proof: numbers given since October 2020 have no check.
    format!("{}{}", rng.one_of(&["991332", "800231", "750044", "000100", "920431"]), &rrn(rng)[6..])
}

pub(in super::super) fn nric(rng: &mut Rng) -> String {
    let body = format!("{}{}", rng.one_of(&["S", "S", "T", "F", "G"]), rng.digits(7));
    format!("{body}{}", nric_check(&body))
}

pub(in super::super) fn no_nric(rng: &mut Rng) -> String {
    let good = nric(rng);
    // Neither letter is a check letter of its series.
    format!("{}{}", &good[..8], if good.starts_with(['S', 'T']) { 'Q' } else { 'Y' })
}

pub(in super::super) fn my_nric(rng: &mut Rng) -> String {
    let (year, month, day) = day(rng);
    let place = rng.one_of(&["01", "05", "08", "10", "14", "21", "35", "50", "59"]);
    format!("{:02}{month:02}{day:02}-{place}-{}", year % 100, rng.digits(4))
}

pub(in super::super) fn thai(rng: &mut Rng) -> String {
    loop {
        let body = format!("{}{}", rng.range(1..9), rng.digits(11));
        let id = format!("{body}{}", thai_check(&body));
        if is_luhn(&id) {
            continue;
        }
        return match rng.below(3) {
            0 => format!("{}-{}-{}-{}-{}", &id[..1], &id[1..5], &id[5..10], &id[10..12], &id[12..]),
            _ => id,
        };
    }
}

pub(in super::super) fn no_thai(rng: &mut Rng) -> String {
    loop {
        let bad = spoil_last(&thai(rng).replace('-', ""));
        if !is_luhn(&bad) {
            return bad;
        }
    }
}

pub(in super::super) fn cpf(rng: &mut Rng) -> String {
    let body = rng.digits(9);
    let check = cpf_check(&body);
    match rng.below(3) {
        0 if !body.starts_with('1') => format!("{body}{check}"),
        _ => format!("{}.{}.{}-{check}", &body[..3], &body[3..6], &body[6..]),
    }
}

pub(in super::super) fn no_cpf(rng: &mut Rng) -> String {
    spoil_last(&cpf(rng))
}

/// Ten digits of which one stands twice and all others at most once, and a check digit.
pub(in super::super) fn german_tax(rng: &mut Rng) -> String {
    loop {
        let mut digits: Vec<char> = "0123456789".chars().collect();
        rng.shuffle(&mut digits);
        let (from, to) = (rng.index(10), rng.index(10));
        digits[to] = digits[from];
        let body: String = digits.iter().collect();
        // Eleven digits that begin with 1 are a mobile number of China as well.
        if from != to && !body.starts_with(['0', '1']) {
            return format!("{body}{}", mod_11_10(&body));
        }
    }
}

pub(in super::super) fn no_german_tax(rng: &mut Rng) -> String {
    spoil_last(&german_tax(rng))
}

pub(in super::super) fn nir(rng: &mut Rng) -> String {
    loop {
        let (year, month, _) = day(rng);
        let body = format!(
            "{}{:02}{month:02}{:02}{:03}{:03}",
            rng.range(1..3),
            year % 100,
            rng.range(1..96),
            rng.range(1..600),
            rng.range(1..999)
        );
        if body[5..7] == *"20" {
            continue;
        }
        let id = format!("{body}{:02}", 97 - mod_97(&body));
        if !is_luhn(&id) {
            return id;
        }
    }
}

pub(in super::super) fn no_nir(rng: &mut Rng) -> String {
    loop {
        let bad = spoil_last(&nir(rng));
        if !is_luhn(&bad) {
            return bad;
        }
    }
}

pub(in super::super) fn nif(rng: &mut Rng) -> String {
    if rng.chance(25.0) {
        let (kind, digits) = (rng.below(3), rng.digits(7));
        let letter = nif_letter(format!("{kind}{digits}").parse().unwrap_or(0));
        return format!("{}{digits}{letter}", char::from(b'X' + kind as u8));
    }
    let digits = rng.digits(8);
    format!("{digits}{}", nif_letter(digits.parse().unwrap_or(0)))
}

pub(in super::super) fn no_nif(rng: &mut Rng) -> String {
    let digits = rng.digits(8);
    format!("{digits}{}", nif_letter(digits.parse().unwrap_or(0) + 1))
}

pub(in super::super) fn codice(rng: &mut Rng) -> String {
    let letters = "BCDFGLMNPRSTVZ";
    let (year, _, day) = day(rng);
    let day = if rng.chance(50.0) { day.min(28) } else { day.min(28) + 40 };
    let body = format!(
        "{}{}{:02}{}{day:02}{}{}",
        rng.text(letters, 3),
        rng.text(letters, 3),
        year % 100,
        rng.text("ABCDEHLMPRST", 1),
        rng.text("ABCDEFGHILZ", 1),
        rng.digits(3)
    );
    format!("{body}{}", codice_check(&body))
}

pub(in super::super) fn no_codice(rng: &mut Rng) -> String {
    spoil_last(&codice(rng))
}

pub(in super::super) fn pesel(rng: &mut Rng) -> String {
    let (year, month, day) = day(rng);
    // Those of the tens begin as mobile numbers of China do.
    let year = if year % 100 / 10 == 1 { year - 30 } else { year };
    let month = if year < 2000 { month } else { month + 20 };
    let body = format!("{:02}{month:02}{:02}{}", year % 100, day.min(28), rng.digits(4));
    format!("{body}{}", pesel_check(&body))
}

pub(in super::super) fn no_pesel(rng: &mut Rng) -> String {
    spoil_last(&pesel(rng))
}

pub(in super::super) fn tfn(rng: &mut Rng) -> String {
    loop {
        let number = number(rng, 9);
        // One that is a Canadian number too is nobody's to tell.
        if is_tfn(&number) && !is_luhn(&number) {
            return match rng.below(2) {
                0 => format!("{} {} {}", &number[..3], &number[3..6], &number[6..]),
                _ => number,
            };
        }
    }
}

pub(in super::super) fn no_tfn(rng: &mut Rng) -> String {
    loop {
        let spoilt = spoil_last(&tfn(rng).replace(' ', ""));
        if !is_luhn(&spoilt) {
            return spoilt;
        }
    }
}

pub(in super::super) fn sin(rng: &mut Rng) -> String {
    let body = format!("{}{}", rng.one_of(&["1", "2", "4", "5", "7"]), rng.digits(7));
    let sin = format!("{body}{}", luhn_digit(&body));
    match rng.below(3) {
        0 => sin,
        1 => format!("{}-{}-{}", &sin[..3], &sin[3..6], &sin[6..]),
        _ => format!("{} {} {}", &sin[..3], &sin[3..6], &sin[6..]),
    }
}

pub(in super::super) fn no_sin(rng: &mut Rng) -> String {
    spoil_last(&sin(rng).replace([' ', '-'], ""))
}

/// Numbers in E.164 of several plans.
pub(in super::super) fn phone(rng: &mut Rng) -> String {
    match rng.below(8) {
        0 => format!("+1{}{}{}", rng.one_of(&["212", "415", "312", "646", "206"]), rng.range(200..999), rng.digits(4)),
        1 => format!("+447{}{}", rng.range(4..10), rng.digits(8)),
        2 => format!("+4915{}{}", rng.one_of(&["1", "2", "7"]), number(rng, 8)),
        3 => format!("+336{}", number(rng, 8)),
        4 => format!("+8190{}", number(rng, 8)),
        5 => format!("+659{}", number(rng, 7)),
        6 => format!("+852{}{}", rng.one_of(&["5", "6", "9"]), number(rng, 7)),
        _ => format!("+9198{}", number(rng, 8)),
    }
}
