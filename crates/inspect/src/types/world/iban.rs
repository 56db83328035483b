//! International bank account number (ISO 13616).

use spyhop_model::{Category, DataType, Grade, Personal, Text};

use super::super::reading::{Readings, Spot, Written};
use super::super::{Type, TypeId};
use super::checks::base36;

/// International bank account number.
pub(in crate::types) static IBAN: Type = Type {
    strong: &[
        "iban",
        "ibanno",
        "ibannumber",
        "ibancode",
        "bankiban",
        "ibanaccount",
        "internationalbankaccountnumber",
        "国际银行账号",
        "国际银行账户号码",
        "国际银行帐号",
    ],
    medium: &["account", "accountno", "accountnumber", "acctno", "bankaccount", "bankaccountno", "账号", "银行账号"],
    subject: 4,
    ..Type::new(DataType::new(
        "iban",
        Text { en: "international bank account number", zh: "国际银行账号" },
        Category::Financial,
        Grade::L4,
        Personal::Sensitive,
    ))
};

/// Lengths by country: those of the registry of ISO 13616, and of countries whose banks use the form without being in it.
const LENGTHS: &[(&[u8; 2], usize)] = &[
    (b"AD", 24),
    (b"AE", 23),
    (b"AL", 28),
    (b"AO", 25),
    (b"AT", 20),
    (b"AZ", 28),
    (b"BA", 20),
    (b"BE", 16),
    (b"BF", 28),
    (b"BG", 22),
    (b"BH", 22),
    (b"BI", 27),
    (b"BJ", 28),
    (b"BR", 29),
    (b"BY", 28),
    (b"CF", 27),
    (b"CG", 27),
    (b"CH", 21),
    (b"CI", 28),
    (b"CM", 27),
    (b"CR", 22),
    (b"CV", 25),
    (b"CY", 28),
    (b"CZ", 24),
    (b"DE", 22),
    (b"DJ", 27),
    (b"DK", 18),
    (b"DO", 28),
    (b"DZ", 26),
    (b"EE", 20),
    (b"EG", 29),
    (b"ES", 24),
    (b"FI", 18),
    (b"FK", 18),
    (b"FO", 18),
    (b"FR", 27),
    (b"GA", 27),
    (b"GB", 22),
    (b"GE", 22),
    (b"GI", 23),
    (b"GL", 18),
    (b"GQ", 27),
    (b"GR", 27),
    (b"GT", 28),
    (b"GW", 25),
    (b"HN", 28),
    (b"HR", 21),
    (b"HU", 28),
    (b"IE", 22),
    (b"IL", 23),
    (b"IQ", 23),
    (b"IR", 26),
    (b"IS", 26),
    (b"IT", 27),
    (b"JO", 30),
    (b"KM", 27),
    (b"KW", 30),
    (b"KZ", 20),
    (b"LB", 28),
    (b"LC", 32),
    (b"LI", 21),
    (b"LT", 20),
    (b"LU", 20),
    (b"LV", 21),
    (b"LY", 25),
    (b"MA", 28),
    (b"MC", 27),
    (b"MD", 24),
    (b"ME", 22),
    (b"MG", 27),
    (b"MK", 19),
    (b"ML", 28),
    (b"MN", 20),
    (b"MR", 27),
    (b"MT", 31),
    (b"MU", 30),
    (b"MZ", 25),
    (b"NE", 28),
    (b"NI", 28),
    (b"NL", 18),
    (b"NO", 15),
    (b"OM", 23),
    (b"PK", 24),
    (b"PL", 28),
    (b"PS", 29),
    (b"PT", 25),
    (b"QA", 29),
    (b"RO", 24),
    (b"RS", 22),
    (b"RU", 33),
    (b"SA", 24),
    (b"SC", 31),
    (b"SD", 18),
    (b"SE", 24),
    (b"SI", 19),
    (b"SK", 24),
    (b"SM", 27),
    (b"SN", 28),
    (b"SO", 23),
    (b"ST", 25),
    (b"SV", 28),
    (b"TD", 27),
    (b"TG", 28),
    (b"TL", 23),
    (b"TN", 24),
    (b"TR", 26),
    (b"UA", 29),
    (b"VA", 22),
    (b"VG", 24),
    (b"XK", 20),
    (b"YE", 30),
];

/// A country's code, two check digits, and as many characters as that country has; groups that follow are not looked at.
pub(super) fn code(spot: &Spot<'_>, out: &mut Readings) {
    let [a, b, c, d, ..] = *spot.compact else { return };
    let is_written = matches!(spot.written, Written::Plain | Written::Grouped);
    if !(c.is_ascii_digit() && d.is_ascii_digit() && is_written) {
        return;
    }
    let country = [a.to_ascii_uppercase(), b.to_ascii_uppercase()];
    let Ok(at) = LENGTHS.binary_search_by(|(known, _)| (*known).cmp(&country)) else { return };
    let Some(spot) = LENGTHS.get(at).and_then(|(_, length)| spot.narrowed(*length)) else { return };
    // In text, a word in small letters is none.
    if spot.text && spot.compact.iter().any(u8::is_ascii_lowercase) {
        return;
    }
    let turned = spot.compact.iter().skip(4).chain(spot.compact.iter().take(4));
    let rest = turned.fold(0, |rest, b| match base36(b.to_ascii_uppercase()) {
        n @ 0..=9 => (rest * 10 + n) % 97,
        n => (rest * 100 + n) % 97,
    });
    if rest == 1 {
        let mut candidate = spot.candidate(TypeId::IBAN, 80);
        candidate.checked = true;
        out.push(candidate);
    }
}
