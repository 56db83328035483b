//! Check characters, computed the generator's own way: what is evaluated must not be what evaluates.

/// The value of an ASCII digit; of an upper-case letter, 10 to 35 (ISO 7064, ISO 13616).
fn value(c: u8) -> u64 {
    match c {
        b'0'..=b'9' => u64::from(c - b'0'),
        b'A'..=b'Z' => u64::from(c - b'A') + 10,
        _ => 0,
    }
}

/// The digits of a number, others left out.
fn digits(text: &str) -> Vec<u64> {
    text.bytes().filter(u8::is_ascii_digit).map(|b| u64::from(b - b'0')).collect()
}

/// The sum of digits by weights.
fn weighted(text: &str, weights: &[u64]) -> u64 {
    digits(text).iter().zip(weights).map(|(digit, weight)| digit * weight).sum()
}

/// ISO 7064 MOD 11-2, the pure recursive way: for the first 17 characters of GB 11643 numbers.
pub(super) fn mod_11_2(body: &str) -> char {
    let rest = digits(body).iter().fold(0, |product, digit| (product + digit) * 2 % 11);
    match (12 - rest) % 11 {
        10 => 'X',
        n => char::from(b'0' + n as u8),
    }
}

/// The Luhn digit that completes a number (ISO/IEC 7812-1, annex B).
pub(super) fn luhn_digit(body: &str) -> char {
    let sum: u64 = digits(body)
        .iter()
        .rev()
        .enumerate()
        .map(|(at, digit)| if at % 2 == 0 { digit * 2 / 10 + digit * 2 % 10 } else { *digit })
        .sum();
    char::from(b'0' + ((10 - sum % 10) % 10) as u8)
}

/// Whether a number is complete after Luhn.
pub(super) fn is_luhn(number: &str) -> bool {
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    let Some(at) = digits.len().checked_sub(1) else { return false };
    luhn_digit(&digits[..at]) == char::from(digits.as_bytes()[at])
}

/// The characters of social credit codes, by value (GB 32100-2015, table 2).
pub(super) const USCC: &str = "0123456789ABCDEFGHJKLMNPQRTUWXY";

/// The 18th character of a social credit code.
pub(super) fn uscc_check(body: &str) -> char {
    let mut weight = 1;
    let mut sum = 0;
    for c in body.chars() {
        sum += USCC.find(c).unwrap_or(0) * weight;
        weight = weight * 3 % 31;
    }
    char::from(USCC.as_bytes()[(31 - sum % 31) % 31])
}

/// The ninth character of an organisation code (GB 11714-1997).
pub(super) fn org_code_check(body: &str) -> char {
    let sum: u64 = body.bytes().zip([3, 7, 9, 10, 5, 8, 4, 2]).map(|(c, weight)| value(c) * weight).sum();
    match 11 - sum % 11 {
        10 => 'X',
        11 => '0',
        n => char::from(b'0' + n as u8),
    }
}

/// ISO 7064 MOD 11,10: business licence numbers of 15 digits, German tax identifiers.
pub(super) fn mod_11_10(body: &str) -> char {
    let mut product = 10;
    for digit in digits(body) {
        let sum = (digit + product) % 10;
        product = if sum == 0 { 10 } else { sum } * 2 % 11;
    }
    char::from(b'0' + ((11 - product) % 10) as u8)
}

/// The check character of a vehicle identification number, at its ninth place (ISO 3779, 49 CFR 565.15).
pub(super) fn vin_check(vin: &str) -> char {
    let worth = |c: u8| match c {
        b'0'..=b'9' => u64::from(c - b'0'),
        b'A'..=b'H' => u64::from(c - b'A') + 1,
        b'J'..=b'N' => u64::from(c - b'J') + 1,
        b'P' => 7,
        b'R' => 9,
        b'S'..=b'Z' => u64::from(c - b'S') + 2,
        _ => 0,
    };
    let weights = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];
    let sum: u64 = vin.bytes().zip(weights).map(|(c, weight)| worth(c) * weight).sum();
    match sum % 11 {
        10 => 'X',
        n => char::from(b'0' + n as u8),
    }
}

/// The Verhoeff digit that completes a number: the dihedral group D5, computed rather than tabled.
pub(super) fn verhoeff_digit(body: &str) -> char {
    let multiply = |a: u64, b: u64| match (a < 5, b < 5) {
        (true, true) => (a + b) % 5,
        (true, false) => (a + b - 5) % 5 + 5,
        (false, true) => (a + 5 - b) % 5 + 5,
        (false, false) => (a + 5 - b) % 5,
    };
    let permute = |times: usize, digit: u64| {
        const ONCE: [u64; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
        (0..times % 8).fold(digit, |digit, _| ONCE[digit as usize])
    };
    let sum = digits(body).iter().rev().enumerate().fold(0, |sum, (at, digit)| multiply(sum, permute(at + 1, *digit)));
    let inverse = (0..10).find(|other| multiply(sum, *other) == 0).unwrap_or(0);
    char::from(b'0' + inverse as u8)
}

/// The remainder of a text of digits and letters by 97.
pub(super) fn mod_97(text: &str) -> u64 {
    text.bytes().filter(u8::is_ascii_alphanumeric).fold(0, |rest, c| {
        let value = value(c);
        (rest * if value > 9 { 100 } else { 10 } + value) % 97
    })
}

/// The two check digits of an IBAN (ISO 13616) of that country and account.
pub(super) fn iban_check(country: &str, account: &str) -> String {
    format!("{:02}", 98 - mod_97(&format!("{account}{country}00")))
}

/// The check character of a Hong Kong identity card: one or two letters and six digits before it.
pub(super) fn hkid_check(body: &str) -> char {
    let padded = format!("{body:>8}");
    let sum: u64 = padded.bytes().zip((2..=9).rev()).map(|(c, w)| if c == b' ' { 36 } else { value(c) } * w).sum();
    match (11 - sum % 11) % 11 {
        10 => 'A',
        n => char::from(b'0' + n as u8),
    }
}

/// The check digit of a Taiwanese identity number: a letter and eight digits before it.
pub(super) fn tw_id_check(body: &str) -> char {
    // The letters in the order of their numbers 10 to 35.
    let order = "ABCDEFGHJKLMNPQRSTUVXYWZIO";
    let letter = body.chars().next().and_then(|c| order.find(c)).unwrap_or(0) as u64 + 10;
    let sum = letter / 10 + letter % 10 * 9 + weighted(&body[1..], &[8, 7, 6, 5, 4, 3, 2, 1]);
    char::from(b'0' + ((10 - sum % 10) % 10) as u8)
}

/// The last digit of a Korean resident registration number.
pub(super) fn rrn_check(body: &str) -> char {
    let sum = weighted(body, &[2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5]);
    char::from(b'0' + ((11 - sum % 11) % 10) as u8)
}

/// The last letter of a Singaporean NRIC or FIN: a letter and seven digits before it.
pub(super) fn nric_check(body: &str) -> char {
    let sum = weighted(&body[1..], &[2, 7, 6, 5, 4, 3, 2]);
    let (sum, letters) = match body.as_bytes()[0] {
        b'S' => (sum, b"JZIHGFEDCBA"),
        b'T' => (sum + 4, b"JZIHGFEDCBA"),
        b'F' => (sum, b"XWUTRQPNMLK"),
        _ => (sum + 4, b"XWUTRQPNMLK"),
    };
    char::from(letters[(sum % 11) as usize])
}

/// The last digit of a Thai identity number.
pub(super) fn thai_check(body: &str) -> char {
    let sum = weighted(body, &[13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2]);
    char::from(b'0' + ((11 - sum % 11) % 10) as u8)
}

/// The two last digits of a Brazilian CPF.
pub(super) fn cpf_check(body: &str) -> String {
    let mut all = body.to_owned();
    for _ in 0..2 {
        let sum: u64 = digits(&all).iter().rev().zip(2..).map(|(digit, weight)| digit * weight).sum();
        let rest = sum % 11;
        all.push(char::from(b'0' + if rest < 2 { 0 } else { 11 - rest as u8 }));
    }
    all.split_off(body.len())
}

/// The letter of a Spanish DNI or NIE, by its number.
pub(super) fn nif_letter(number: u64) -> char {
    char::from(b"TRWAGMYFPDXBNJZSQVHLCKE"[(number % 23) as usize])
}

/// The 16th character of an Italian codice fiscale.
pub(super) fn codice_check(body: &str) -> char {
    const ODD: [u64; 26] =
        [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];
    let sum: u64 = body
        .bytes()
        .enumerate()
        .map(|(at, c)| {
            let even = if c.is_ascii_digit() { value(c) } else { value(c) - 10 };
            if at % 2 == 0 { ODD[even as usize] } else { even }
        })
        .sum();
    char::from(b'A' + (sum % 26) as u8)
}

/// The last digit of a Polish PESEL.
pub(super) fn pesel_check(body: &str) -> char {
    let sum = weighted(body, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3]);
    char::from(b'0' + ((10 - sum % 10) % 10) as u8)
}

/// Whether nine digits are an Australian tax file number.
pub(super) fn is_tfn(number: &str) -> bool {
    weighted(number, &[1, 4, 3, 7, 5, 8, 6, 9, 10]).is_multiple_of(11)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Splits off the last character.
    fn last(text: &str) -> (&str, char) {
        (&text[..text.len() - 1], text.chars().next_back().expect("a character"))
    }

    #[test]
    fn the_vectors_of_the_standards_and_of_known_numbers() {
        type Check = fn(&str) -> char;
        let vectors: &[(&str, Check)] = &[
            ("11010519491231002X", mod_11_2),
            ("440524188001010014", mod_11_2),
            ("91110000600037341L", uscc_check),
            ("91330100799655058B", uscc_check),
            ("914403001922038216", uscc_check),
            ("4111111111111111", luhn_digit),
            ("378282246310005", luhn_digit),
            ("046454286", luhn_digit),
            ("490154203237518", luhn_digit),
            ("234123412346", verhoeff_digit),
            ("A1234563", hkid_check),
            ("G123456A", hkid_check),
            ("A123456789", tw_id_check),
            ("S1234567D", nric_check),
            ("RSSMRA85T10A562S", codice_check),
            ("44051401359", pesel_check),
            ("86095742719", mod_11_10),
            ("110108000000016", mod_11_10),
            ("D2143569X", org_code_check),
            ("9710139019902", rrn_check),
            ("1234545678781", thai_check),
        ];
        for (vector, check) in vectors {
            let (body, expected) = last(vector);
            assert_eq!(check(body), expected, "{vector}");
        }
        for vin in ["1HGCM82633A004352", "LSVAU033872087432"] {
            assert_eq!(vin_check(vin), char::from(vin.as_bytes()[8]), "{vin}");
        }
        assert_eq!(iban_check("GB", "WEST12345698765432"), "82");
        assert_eq!(iban_check("DE", "370400440532013000"), "89");
        assert_eq!(cpf_check("123456789"), "09");
        assert_eq!(cpf_check("529982247"), "25");
        assert_eq!(nif_letter(12_345_678), 'Z');
        assert_eq!(97 - mod_97("2550814168025"), 38);
        assert!(is_tfn("123456782") && !is_tfn("123456789"));
        assert!(is_luhn("6222 0210 0111 6245 702") && !is_luhn("4111111111111112") && !is_luhn(""));
    }
}
