//! Check digits of the world's numbers.

/// The value of an ASCII digit; of anything else a number beyond nine.
pub(super) fn digit(b: u8) -> u32 {
    u32::from(b.wrapping_sub(b'0'))
}

/// Sum of digits times weights.
pub(super) fn weighed(digits: &[u8], weights: &[u32]) -> u32 {
    digits.iter().zip(weights).map(|(b, weight)| digit(*b) * weight).sum()
}

/// The remainder of a decimal number, however long.
pub(super) fn remainder(digits: &[u8], modulus: u32) -> u32 {
    digits.iter().fold(0, |rest, b| (rest * 10 + digit(*b)) % modulus)
}

/// Verhoeff's check digit: multiplication in the dihedral group of order ten, positions permuted.
pub(super) fn verhoeff(digits: &[u8]) -> bool {
    // The group D5: rotations 0 to 4, reflections 5 to 9.
    let product = |a: u32, b: u32| match (a < 5, b < 5) {
        (true, true) => (a + b) % 5,
        (true, false) => 5 + (a + b) % 5,
        (false, true) => 5 + (a - b) % 5,
        (false, false) => (5 + a - b) % 5,
    };
    const PERMUTATION: [u32; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
    let mut check = 0;
    for (at, b) in digits.iter().rev().enumerate() {
        let mut d = digit(*b);
        for _ in 0..at % 8 {
            d = PERMUTATION.get(d as usize).copied().unwrap_or(0);
        }
        check = product(check, d);
    }
    check == 0
}

/// ISO/IEC 7064, MOD 11,10: the last digit is the check digit.
pub(super) fn mod11_10(digits: &[u8]) -> bool {
    let Some((check, body)) = digits.split_last() else { return false };
    let rest = body.iter().fold(10, |rest, b| {
        let sum = (rest + digit(*b)) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    (11 - rest) % 10 == digit(*check)
}

/// Both check digits of a Brazilian CPF.
pub(super) fn cpf(digits: &[u8]) -> bool {
    let check = |body: &[u8]| {
        let top = body.len() as u32 + 1;
        let sum: u32 = body.iter().zip(0..).map(|(b, at)| digit(*b) * (top - at)).sum();
        match sum % 11 {
            0 | 1 => 0,
            rest => 11 - rest,
        }
    };
    let (Some(nine), Some(ten)) = (digits.get(..9), digits.get(..10)) else { return false };
    digits.len() == 11
        && digits.windows(2).any(|pair| matches!(pair, [a, b] if a != b))
        && digits.get(9).is_some_and(|b| digit(*b) == check(nine))
        && digits.get(10).is_some_and(|b| digit(*b) == check(ten))
}

/// Whether six digits `yymmdd` are a day, in the century that begins with that year.
pub(super) fn is_day(digits: &[u8], century: u32) -> bool {
    let two = |at: usize| digits.get(at..at + 2).map_or(99, |pair| remainder(pair, 100));
    super::super::validators::is_date((century + two(0)) * 10_000 + two(2) * 100 + two(4))
}

/// Value of a letter or digit in base 36, in upper case.
pub(super) fn base36(b: u8) -> u32 {
    match b {
        b'A'..=b'Z' => u32::from(b - b'A') + 10,
        _ => digit(b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verhoeff_and_mod11_10() {
        // 2363 is the usual example for Verhoeff's method; 234123412346 is UIDAI's sample.
        assert!(verhoeff(b"2363") && verhoeff(b"234123412346") && !verhoeff(b"2364") && !verhoeff(b"234123412347"));
        // The Federal Central Tax Office's samples; 07945 is the example of ISO/IEC 7064.
        assert!(mod11_10(b"86095742719") && mod11_10(b"47036892816") && mod11_10(b"07945") && !mod11_10(b"07946"));
        assert_eq!((remainder(b"3214282912345698765432161182", 97), weighed(b"123", &[3, 2, 1])), (1, 10));
        assert!(is_day(b"000229", 2000) && !is_day(b"000229", 1900) && !is_day(b"851301", 1900));
    }
}
