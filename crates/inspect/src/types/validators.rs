//! Check digits, dates and prefixes.

use super::tables::{BINS, REGIONS, SEGMENTS, number};

/// The check character of the first 17 digits of a resident identity number (GB 11643-1999: ISO 7064 MOD 11-2).
pub fn mod11_2(digits: &[u8]) -> Option<u8> {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let digits = digits.get(..17)?;
    let sum: u32 = digits.iter().zip(WEIGHTS).map(|(d, w)| u32::from(d.wrapping_sub(b'0')) * w).sum();
    b"10X98765432".get(sum as usize % 11).copied()
}

/// How much of a resident identity number is known to be right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Region {
    /// The county has existed.
    County,
    /// Only the province exists.
    Province,
}

/// Checks a resident identity number of 18 characters: region, a real date from 1900 to `today` (`yyyymmdd`), and the
/// check character.
pub fn resident_id(id: &[u8], today: u32) -> Option<Region> {
    if id.len() != 18 || !id.iter().take(17).all(u8::is_ascii_digit) {
        return None;
    }
    if mod11_2(id)? != id.get(17)?.to_ascii_uppercase() {
        return None;
    }
    let date = number(id.get(6..14)?) as u32;
    if date < 19_000_101 || date > today || !is_date(date) {
        return None;
    }
    if REGIONS.has(number(id.get(..6)?) as u32) {
        Some(Region::County)
    } else {
        is_province(id).then_some(Region::Province)
    }
}

/// Whether the first two digits are a province that issues identity numbers.
pub fn is_province(id: &[u8]) -> bool {
    let code = id.get(..2).map_or(0, number);
    matches!(code, 11..=15 | 21..=23 | 31..=37 | 41..=46 | 50..=54 | 61..=65 | 81..=83)
}

/// Whether `yyyymmdd` is a day of the calendar.
pub fn is_date(date: u32) -> bool {
    let (year, month, day) = (date / 10_000, date / 100 % 100, date % 100);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u32::from(leap),
        _ => 0,
    };
    (1..=days).contains(&day)
}

/// The Luhn check digit (ISO/IEC 7812-1, annex B).
pub fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(at, d)| {
            let d = u32::from(d.wrapping_sub(b'0'));
            match at % 2 {
                0 => d,
                _ if d > 4 => d * 2 - 9,
                _ => d * 2,
            }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// Who issued a card number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Issuer {
    /// A Chinese bank, by issuer number and length.
    ChineseBank,
    /// A card scheme, by prefix and length.
    Scheme,
}

/// The issuer of a card number of that prefix and length.
pub fn issuer(digits: &[u8]) -> Option<Issuer> {
    let length = digits.len();
    if length < 32 && BINS.lengths(digits) & 1 << length != 0 {
        return Some(Issuer::ChineseBank);
    }
    let six = digits.get(..6).map_or(0, number);
    let (two, three, four) = (six / 10_000, six / 1000, six / 100);
    // Prefixes and lengths as ISO/IEC 7812 assigns them to Visa, Mastercard, American Express, JCB, Diners Club,
    // Discover, UnionPay, Mir, RuPay and Maestro.
    let scheme = match two {
        40..=49 => matches!(length, 13 | 16 | 19),
        51..=55 => length == 16,
        34 | 37 => length == 15,
        _ => false,
    };
    let long = matches!(length, 14..=19) && (matches!(two, 36 | 38 | 39) || matches!(three, 300..=305) || four == 3095);
    let usual = matches!(length, 16..=19)
        && (matches!(two, 62 | 65 | 81)
            || matches!(three, 644..=649)
            || matches!(four, 3528..=3589 | 6011 | 2200..=2204));
    let mastercard = length == 16 && matches!(six, 222_100..=272_099);
    let rupay = length == 16 && (matches!(two, 60 | 65 | 81 | 82) || three == 508);
    let maestro = matches!(length, 12..=19) && matches!(two, 50 | 56..=69);
    let scheme = scheme || long || usual || mastercard || rupay || maestro;
    scheme.then_some(Issuer::Scheme)
}

/// Whether eleven digits are a mainland mobile number by form, and whether its segment is allotted.
pub fn mobile(digits: &[u8]) -> Option<bool> {
    if digits.len() != 11 || digits.first() != Some(&b'1') || !matches!(digits.get(1), Some(b'3'..=b'9')) {
        return None;
    }
    let segment = digits.get(..4).map_or(0, number) as usize;
    Some(SEGMENTS.get(segment).copied().unwrap_or_default())
}

/// Whether digits are one digit repeated, or count up or down all the way.
pub fn is_trivial(digits: &[u8]) -> bool {
    let step = |by: i16| {
        digits.windows(2).all(|pair| matches!(pair, [a, b] if (i16::from(*b) - i16::from(*a) - by).rem_euclid(10) == 0))
    };
    digits.len() > 3 && (step(0) || step(1) || step(-1))
}

/// Whether digits are a time of 2005 to 2040: seconds, milli-, micro-, nanoseconds since 1970, or written out.
pub fn is_time(digits: &[u8]) -> bool {
    const FROM: u64 = 1_104_537_600;
    const TO: u64 = 2_240_524_800;
    let n = number(digits);
    let written = || {
        let date = digits.get(..8).map_or(0, number) as u32;
        let clock = digits.get(8..14).map_or(u64::MAX, number);
        (20_050_101..20_410_101).contains(&date)
            && is_date(date)
            && clock / 10_000 < 24
            && clock / 100 % 100 < 60
            && clock % 100 < 60
    };
    match digits.len() {
        10 => (FROM..TO).contains(&n),
        13 => (FROM..TO).contains(&(n / 1000)),
        16 => (FROM..TO).contains(&(n / 1_000_000)) || written(),
        19 => (FROM..TO).contains(&(n / 1_000_000_000)) || written(),
        14 | 17 | 18 => written(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TODAY: u32 = 20_261_123;

    #[test]
    fn resident_ids() {
        assert_eq!(resident_id(b"11010519491231002X", TODAY), Some(Region::County));
        assert_eq!(resident_id(b"11010519491231002x", TODAY), Some(Region::County));
        assert_eq!(resident_id(b"440524188001010014", TODAY), None, "born 1880");
        assert_eq!(resident_id(b"110105194912310021", TODAY), None, "check character");
        assert_eq!(resident_id(b"11010519491231002X", 19_491_230), None, "born tomorrow");
        assert_eq!(mod11_2(b"11010519490231002"), Some(b'6'));
        assert_eq!(resident_id(b"110105194902310026", TODAY), None, "31 February");
        // A region that never was, in a province that is.
        assert_eq!(resident_id(b"119999199003074618", TODAY), Some(Region::Province));
    }

    #[test]
    fn cards() {
        assert!(luhn(b"4111111111111111") && luhn(b"378282246310005") && !luhn(b"4111111111111112"));
        assert_eq!(issuer(b"4111111111111111"), Some(Issuer::Scheme));
        assert_eq!(issuer(b"6222021001116245702"), Some(Issuer::ChineseBank));
        assert_eq!(issuer(b"1234567890123456"), None);
        assert_eq!(issuer(b"1732060800000000"), None);
    }

    #[test]
    fn mobiles_dates_times_and_runs() {
        assert_eq!(mobile(b"13800138000"), Some(true));
        assert_eq!(mobile(b"14000138000"), Some(false));
        assert_eq!(mobile(b"12800138000"), None);
        assert!(is_date(20_240_229) && !is_date(20_230_229) && !is_date(20_231_301));
        assert!(is_time(b"1732060800000") && is_time(b"20241120123456") && !is_time(b"13800138000"));
        assert!(
            is_trivial(b"11111111") && is_trivial(b"1234567890123") && is_trivial(b"987654") && !is_trivial(b"1121")
        );
    }
}
