//! Numbers of Europe.

use spyhop_model::Text;

use super::super::reading::{Readings, Spot, Written};
use super::super::{Type, TypeId};
use super::checks::{base36, digit, is_day, mod11_10, remainder, weighed};
use super::{BARE, document, has_shape, upper};

/// United Kingdom national insurance number.
pub(in crate::types) static UK_NINO: Type = Type {
    strong: &[
        "nino",
        "uknino",
        "ninumber",
        "nationalinsurance",
        "nationalinsurancenumber",
        "nationalinsuranceno",
        "natinsno",
        "国民保险号",
        "国民保险号码",
        "英国国民保险号",
    ],
    ..document("uk_nino", Text { en: "UK national insurance number", zh: "英国国民保险号" })
};

/// German tax identification number (Steuer-Identifikationsnummer).
pub(in crate::types) static DE_TAXID: Type = Type {
    strong: &[
        "steuerid",
        "steueridnr",
        "steueridentifikationsnummer",
        "steuerlicheidentifikationsnummer",
        "identifikationsnummer",
        "steueridentnummer",
        "steuernummer",
        "idnr",
        "detaxid",
        "germantaxid",
        "德国税号",
        "德国税务识别号",
    ],
    medium: &["taxid", "taxnumber", "taxno", "tin", "taxidentificationnumber", "税号"],
    numeric: true,
    ..document("de_taxid", Text { en: "German tax identification number", zh: "德国税务识别号" })
};

/// French social security number (numéro d'inscription au répertoire).
pub(in crate::types) static FR_NIR: Type = Type {
    strong: &[
        "numerosecu",
        "numsecu",
        "nosecu",
        "numerosecuritesociale",
        "securitesociale",
        "numerodesecuritesociale",
        "numeroinsee",
        "nir",
        "nirnumber",
        "frnir",
        "numss",
        "法国社保号",
        "法国社会保险号",
    ],
    medium: &["insee", "socialsecuritynumber", "ssn", "nationalid", "idnumber", "idno"],
    numeric: true,
    ..document("fr_nir", Text { en: "French social security number", zh: "法国社会保险号" })
};

/// Spanish identity number of citizens (DNI) and of foreigners (NIE).
pub(in crate::types) static ES_NIF: Type = Type {
    strong: &[
        "dni",
        "nif",
        "esnif",
        "dninie",
        "nifnie",
        "numerodni",
        "dninumber",
        "numeronie",
        "nienumber",
        "documentonacionaldeidentidad",
        "numerodeidentificacionfiscal",
        "西班牙身份证",
        "西班牙税号",
    ],
    whole: &["nie"],
    ..document("es_nif", Text { en: "Spanish DNI or NIE", zh: "西班牙身份号码" })
};

/// Italian fiscal code (codice fiscale).
pub(in crate::types) static IT_CF: Type = Type {
    strong: &["codicefiscale", "codfiscale", "codfisc", "itcf", "fiscalcode", "意大利税号", "意大利税务代码"],
    whole: &["cf"],
    ..document("it_cf", Text { en: "Italian fiscal code", zh: "意大利税号" })
};

/// Polish population register number (PESEL).
pub(in crate::types) static PL_PESEL: Type = Type {
    strong: &["pesel", "peselno", "nrpesel", "numerpesel", "peselnumber", "plpesel", "波兰身份号", "波兰身份证号"],
    numeric: true,
    ..document("pl_pesel", Text { en: "Polish PESEL number", zh: "波兰身份号码" })
};

/// Codes that begin with a letter.
pub(super) fn code(spot: &Spot<'_>, out: &mut Readings) {
    match spot.compact.len() {
        9 => {
            nino(spot, out);
            nie(spot, out);
        }
        16 if spot.written == Written::Plain => fiscal_code(spot, out),
        // Words follow.
        10.. if matches!((spot.written, spot.groups), (Written::Grouped, [2, 2, 2, 2, 1, ..])) => {
            if let Some(code) = spot.narrowed(9) {
                nino(&code, out);
            }
        }
        _ => {}
    }
}

/// `AB123456C`, `AB 12 34 56 C`. The form has no check digit: in text, together, it is a candidate at most.
fn nino(spot: &Spot<'_>, out: &mut Readings) {
    let Some(code) = upper::<9>(spot.compact).filter(|code| has_shape(code, b"AA999999A")) else { return };
    let [first, second, .., suffix] = code;
    let is_prefix = !b"DFIQUV".contains(&first)
        && !b"DFIQUVO".contains(&second)
        && !matches!(&[first, second], b"BG" | b"GB" | b"KN" | b"NK" | b"NT" | b"TN" | b"ZZ");
    let points = match (spot.written, spot.groups) {
        (Written::Plain, _) => 60,
        (Written::Grouped, [2, 2, 2, 2, 1]) => 75,
        (Written::Grouped, [2, 6, 1] | [8, 1]) => 60,
        _ => return,
    };
    if is_prefix && suffix <= b'D' {
        out.push(spot.candidate(TypeId::UK_NINO, points));
    }
}

const CONTROL: &[u8; 23] = b"TRWAGMYFPDXBNJZSQVHLCKE";

fn nif(spot: &Spot<'_>, out: &mut Readings, digits: &[u8], letter: u8) {
    if CONTROL.get(remainder(digits, 23) as usize) == Some(&letter) {
        let mut candidate = spot.candidate(TypeId::ES_NIF, 60);
        candidate.checked = true;
        candidate.test_value = digits == b"00000000";
        out.push(candidate);
    }
}

/// `12345678Z`.
pub(super) fn dni(spot: &Spot<'_>, out: &mut Readings) {
    let is_grouped = matches!(spot.groups, [9] | [8, 1]);
    if let Some(code) = upper::<9>(spot.compact).filter(|code| is_grouped && has_shape(code, b"99999999A")) {
        let [digits @ .., letter] = code;
        nif(spot, out, &digits, letter);
    }
}

/// `X1234567L`: the first letter counts as 0, 1, 2.
fn nie(spot: &Spot<'_>, out: &mut Readings) {
    let is_grouped = matches!(spot.groups, [9] | [8, 1] | [1, 7, 1]);
    if let Some(code) = upper::<9>(spot.compact).filter(|code| is_grouped && has_shape(code, b"A9999999A")) {
        let [mut digits @ .., letter] = code;
        if let [first @ b'X'..=b'Z', ..] = &mut digits {
            *first -= b'X' - b'0';
            nif(spot, out, &digits, letter);
        }
    }
}

/// Six letters, year, month letter, day (40 more for women), place, check letter; digits may be written as letters
/// where two persons would have the same code.
fn fiscal_code(spot: &Spot<'_>, out: &mut Readings) {
    const ODD: [u32; 26] =
        [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];
    let Some(code) = upper::<16>(spot.compact) else { return };
    let mut plain = code;
    for at in [6, 7, 9, 10, 12, 13, 14] {
        if let Some(b) = plain.get_mut(at)
            && let Some(n) = b"LMNPQRSTUV".iter().zip(b'0'..).find(|(letter, _)| *letter == b).map(|(_, n)| n)
        {
            *b = n;
        }
    }
    let [.., check] = code;
    let month = plain.get(8).is_some_and(|b| b"ABCDEHLMPRST".contains(b));
    let day = plain.get(9..11).map_or(0, |day| remainder(day, 100));
    // In scripts and codings such letters come by chance, small and large.
    let is_chance = spot.text && spot.compact.iter().any(u8::is_ascii_lowercase);
    if is_chance || !has_shape(&plain, b"AAAAAA99A99A999A") || !month || !matches!(day, 1..=31 | 41..=71) {
        return;
    }
    // A letter counts as the digit of the same place in the alphabet.
    let place = |b: u8| base36(b) - if b.is_ascii_uppercase() { 10 } else { 0 };
    let sum: u32 = code.iter().take(15).enumerate().fold(0, |sum, (at, b)| {
        sum + if at % 2 == 0 { ODD.get(place(*b) as usize).copied().unwrap_or(0) } else { place(*b) }
    });
    if sum % 26 == u32::from(check.wrapping_sub(b'A')) {
        let mut candidate = spot.candidate(TypeId::IT_CF, 90);
        candidate.checked = true;
        out.push(candidate);
    }
}

/// Eleven digits.
pub(super) fn eleven(spot: &Spot<'_>, out: &mut Readings) {
    let digits = spot.compact;
    let is_plain = spot.written == Written::Plain;
    // A mobile number of China is likelier.
    let is_mobile = matches!(digits, [b'1', b'3'..=b'9', ..]);
    if (is_plain || spot.groups == [2, 3, 3, 3]) && is_tax_id(digits) {
        let points = match (is_plain, is_mobile) {
            (false, _) => 65,
            (true, false) => 50,
            (true, true) => BARE,
        };
        let mut candidate = spot.candidate(TypeId::DE_TAXID, points);
        candidate.checked = true;
        out.push(candidate);
    }
    if is_plain && is_pesel(digits) {
        let mut candidate = spot.candidate(TypeId::PL_PESEL, BARE);
        candidate.checked = true;
        out.push(candidate);
    }
}

/// Of the first ten digits exactly one stands twice or three times, the others once at most.
fn is_tax_id(digits: &[u8]) -> bool {
    // Digits that were seen that often, as bits.
    let (mut twice, mut thrice, mut more) = (0u16, 0u16, 0u16);
    let mut once = digits.iter().take(10).fold(0u16, |seen, b| seen | 1 << (digit(*b) & 15));
    // Most numbers stop here.
    if !matches!(once.count_ones(), 8 | 9) {
        return false;
    }
    once = 0;
    for b in digits.iter().take(10) {
        let bit = 1 << (digit(*b) & 15);
        more |= thrice & bit;
        thrice |= twice & bit;
        twice |= once & bit;
        once |= bit;
    }
    digits.first() != Some(&b'0') && twice.count_ones() == 1 && more == 0 && mod11_10(digits)
}

/// Date of birth, in whose month the century is hidden, number, check digit.
fn is_pesel(digits: &[u8]) -> bool {
    let Some(mut day) = digits.get(..6).and_then(|day| <[u8; 6]>::try_from(day).ok()) else { return false };
    let [_, _, tens, ..] = &mut day;
    let century = match *tens - b'0' {
        0 | 1 => 1900,
        2 | 3 => 2000,
        4 | 5 => 2100,
        6 | 7 => 2200,
        _ => 1800,
    };
    *tens = b'0' + (*tens - b'0') % 2;
    century < 2100 && is_day(&day, century) && weighed(digits, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]).is_multiple_of(10)
}

/// Sex, year, month, department (Corsica's are 2A and 2B), commune, order, key of two digits. What follows in other
/// groups is not looked at.
pub(super) fn nir(spot: &Spot<'_>, out: &mut Readings) {
    let Some(spot) = spot.narrowed(15) else { return };
    if !matches!(spot.groups, [15] | [13, 2] | [1, 2, 2, 2, 3, 3, 2]) {
        return;
    }
    let Some(mut digits) = upper::<15>(spot.compact) else { return };
    if let Some(pair @ [b'2', _]) = digits.get_mut(5..7) {
        match pair {
            [_, b'A'] => pair.copy_from_slice(b"19"),
            [_, b'B'] => pair.copy_from_slice(b"18"),
            _ => {}
        }
    }
    let two = |at: usize| digits.get(at..at + 2).map_or(0, |pair| remainder(pair, 100));
    // Months beyond twelve stand for an unknown one, first digits but 1 and 2 for a number that is not final: both are
    // rare, and other numbers have them.
    let is_final = matches!(digits.first(), Some(b'1' | b'2'));
    let rare = match two(3) {
        1..=12 if is_final => 0,
        1..=12 | 20 | 30..=42 | 50..=99 => 25,
        _ => return,
    };
    let is_valid = digits.iter().all(u8::is_ascii_digit)
        && matches!(digits.first(), Some(b'1'..=b'4' | b'7' | b'8'))
        && matches!(two(5), 1..=95 | 97..=99)
        && digits.get(..13).is_some_and(|body| 97 - remainder(body, 97) == two(13));
    if is_valid {
        let grouped = if spot.groups.len() > 2 { 15 } else { 0 };
        let mut candidate = spot.candidate(TypeId::FR_NIR, 60 - rare + grouped);
        candidate.checked = true;
        out.push(candidate);
    }
}
