//! How a password is written on its way: readable, as a digest, encrypted; and what Basic carries.

use std::borrow::Cow;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use spyhop_model::SecretForm;

/// Padded or not, with stray bits at the end or not: senders differ.
const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_allow_trailing_bits(true)
    .with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// Hexadecimal digits of MD5's middle half, MD5, SHA-1, SHA-224, SHA-256 and SM3, SHA-384, SHA-512.
const DIGESTS: &[usize] = &[32, 40, 56, 64, 96, 128];
/// Bytes of an RSA block of 512 to 4096 bits.
const RSA: &[usize] = &[64, 128, 256, 384, 512];
/// An SM2 ciphertext is a point, a digest and at least one byte: so many hexadecimal digits.
const SM2_DIGITS: usize = 2 * 97;

/// User and password of a Basic field's credentials (RFC 7617), UTF-8 or else Latin-1. The user ends at the first colon.
pub(crate) fn basic(field: &[u8]) -> Option<(String, String)> {
    let text = std::str::from_utf8(field).ok()?.trim();
    let (scheme, encoded) = text.split_once([' ', '\t'])?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let bytes = decode(encoded.trim())?;
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => error.as_bytes().iter().map(|byte| char::from(*byte)).collect(),
    };
    let (user, password) = text.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

/// How `secret` is written, and the password itself where it is readable.
pub(crate) fn form(secret: &str) -> (SecretForm, Cow<'_, str>) {
    let plain = (SecretForm::Plain, Cow::Borrowed(secret));
    if is_digest(secret) {
        return (SecretForm::Hashed, Cow::Borrowed(""));
    }
    let hex = secret.len() >= 2 && secret.bytes().all(|b| b.is_ascii_hexdigit());
    if hex && (RSA.contains(&(secret.len() / 2)) || secret.len() >= SM2_DIGITS) || is_jwe(secret) {
        return (SecretForm::Encrypted, Cow::Borrowed(""));
    }
    if secret.len() < 4 {
        return plain;
    }
    let Some(bytes) = decode(secret) else { return plain };
    let padded = secret.ends_with('=') && secret.len().is_multiple_of(4);
    if let Some(text) = printable(&bytes)
        && (padded || secret.len() >= 12)
    {
        return (SecretForm::Plain, Cow::Owned(text.to_owned()));
    }
    let block = RSA.contains(&bytes.len())
        || bytes.len() >= 16 && bytes.len().is_multiple_of(16)
        || padded && bytes.len().is_multiple_of(8);
    if block && (padded || is_mixed(secret)) { (SecretForm::Encrypted, Cow::Borrowed("")) } else { plain }
}

fn is_digest(secret: &str) -> bool {
    let digits = secret.bytes().filter(u8::is_ascii_digit).count();
    let hex = secret.bytes().all(|b| b.is_ascii_hexdigit());
    // Digits alone may be a number, letters alone a word. Sixteen is the half of MD5 that old sites send.
    let mixed = digits >= 4 && secret.len() - digits >= 4;
    let crypt = secret.starts_with("$2")
        || secret.starts_with("$5$")
        || secret.starts_with("$6$")
        || secret.starts_with("$argon2");
    hex && (DIGESTS.contains(&secret.len()) && (mixed || secret.len() > 32) || secret.len() == 16 && mixed)
        || crypt && secret.len() >= 32
}

/// Five parts, the first a JSON object: encrypted (RFC 7516, section 3.1).
fn is_jwe(secret: &str) -> bool {
    secret.starts_with("eyJ") && secret.split('.').count() == 5
}

/// Base64 of many bytes has letters of both cases and digits; words and passphrases rarely have all.
fn is_mixed(secret: &str) -> bool {
    let has = |is: fn(&u8) -> bool| secret.as_bytes().iter().any(is);
    secret.len() >= 22 && has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase) && has(u8::is_ascii_digit)
}

pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text)).ok()
}

/// Text of four characters or more without control characters.
fn printable(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    (text.chars().nth(3).is_some() && !text.chars().any(char::is_control)).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_is_read_in_all_its_spellings() {
        let pair = |user: &str, password: &str| Some((user.to_owned(), password.to_owned()));
        for (field, expected) in [
            ("Basic YWxpY2U6czNjcmV0", pair("alice", "s3cret")),
            ("basic  YWxpY2U6YTpiOmM=", pair("alice", "a:b:c")),
            ("BASIC YWxpY2U6YTpiOmM", pair("alice", "a:b:c")),
            ("Basic dXNlcjrCozEyMw==", pair("user", "£123")),
            ("Basic dXNlcjqjMTIz", pair("user", "£123")),
            ("Basic dXNlcjp-fn5-", pair("user", "~~~~")),
            ("Basic Og==", pair("", "")),
            ("Basic YWxpY2U=", None),
            ("Basic", None),
            ("Basic !!!", None),
            ("Bearer YWxpY2U6czNjcmV0", None),
        ] {
            assert_eq!(basic(field.as_bytes()), expected, "{field}");
        }
        assert_eq!(basic(b"Basic \xff\xfe"), None);
    }

    #[test]
    fn forms_of_passwords_are_told() {
        use SecretForm::*;
        let rsa = STANDARD.encode((0..128_u8).map(|n| n.wrapping_mul(37).wrapping_add(129)).collect::<Vec<u8>>());
        let aes = STANDARD.encode([0x9d, 1, 0xc2, 3, 0xe4, 5, 0xf6, 7, 0x98, 9, 0xba, 11, 0xdc, 13, 0xfe, 15]);
        for (secret, form_is, plain) in [
            ("password", Plain, "password"),
            ("Admin@123", Plain, "Admin@123"),
            ("13800138000", Plain, "13800138000"),
            ("correcthorsebatterystaple", Plain, "correcthorsebatterystaple"),
            ("YWRtaW4xMjM=", Plain, "admin123"),
            ("QWRtaW5AMTIz", Plain, "Admin@123"),
            ("密码一二三四五六", Plain, "密码一二三四五六"),
            ("", Plain, ""),
            ("e10adc3949ba59abbe56e057f20f883e", Hashed, ""),
            ("49BA59ABBE56E057", Hashed, ""),
            ("7c4a8d09ca3762af61e59520943dc26494f8941b", Hashed, ""),
            ("8d969eef6ecad3c29a3a629280e686cf0c3f5d5a86aff3ca12020c923adc6c92", Hashed, ""),
            ("$2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy", Hashed, ""),
            ("1234567890123456", Plain, "1234567890123456"),
            (rsa.as_str(), Encrypted, ""),
            (aes.as_str(), Encrypted, ""),
            (&"04a1b2c3".repeat(26), Encrypted, ""),
            ("U2FsdGVkX1+JzH2x0Yk8mQv3nB7sRt5wdkP0fM2xGhA=", Encrypted, ""),
        ] {
            assert_eq!(form(secret), (form_is, Cow::Borrowed(plain)), "{secret}");
        }
    }
}
