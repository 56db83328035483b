//! Tokens: what leaves of one, what one says, and what is wrong with it by itself.

mod jwt;
mod known;

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use base64::engine::{DecodePaddingMode, general_purpose};
use spyhop_model::{Account, Claims, CredentialKind, Fingerprint, Key, Timestamp, TokenFlaws};

use crate::login::canonical_account;
use crate::redact::Redactor;
use jwt::Jwt;
pub(crate) use jwt::account_rank;
pub(crate) use known::KnownSecrets;

/// JSON Web Tokens whose reading is remembered; reading is pure, so forgetting all of them changes nothing.
const REMEMBERED: usize = 1_024;
/// Samples of secrets with at least this many characters show the first four.
const SHOWN_FROM: usize = 12;
/// Bytes of entropy below which a token is short. 16 are asked for; ASP.NET's sessions have 15 and are not guessed.
const ENTROPY: f64 = 15.0;
/// Longest name of an account, in bytes.
const ACCOUNT: usize = 256;

/// Base64 in either alphabet, padded or not, whatever its last bits.
const LENIENT: GeneralPurposeConfig = general_purpose::GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const BASE64: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::STANDARD, LENIENT);
const BASE64_URL: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::URL_SAFE, LENIENT);

/// Reads a worker's tokens.
pub(crate) struct Tokens {
    key: Key,
    redactor: Redactor,
    known: KnownSecrets,
    /// By the token's fingerprint.
    remembered: HashMap<Fingerprint, Option<Remembered>>,
}

#[derive(Clone)]
struct Remembered {
    flaws: u16,
    claims: Claims,
}

/// What may leave of a secret.
pub(crate) struct Judged {
    pub fingerprint: Fingerprint,
    pub sample: Box<str>,
    pub flaws: TokenFlaws,
    pub claims: Option<Box<Claims>>,
}

impl Tokens {
    pub fn new(key: Key, redactor: Redactor, known: KnownSecrets) -> Tokens {
        Tokens { key, redactor, known, remembered: HashMap::new() }
    }

    /// The sensor's key.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// An account as it may leave.
    pub fn account(&self, name: &str) -> Option<Account> {
        let canonical = canonical_account(name);
        (!canonical.is_empty() && name.len() <= ACCOUNT).then(|| Account {
            name: self.redactor.value("account", name.trim()).into(),
            fingerprint: self.key.fingerprint("account", canonical.as_bytes()),
        })
    }

    /// A name of an operation as it may leave; `None` where it holds a value.
    pub fn operation(&self, name: &str) -> Option<Box<str>> {
        let shown = crate::redact::is_name(name) && self.redactor.text(name) == name;
        shown.then(|| name.into())
    }

    /// Judges a secret of a `kind` in an exchange that began at `at`; `refresh`: it is good only for getting another token.
    pub fn judge(&mut self, kind: CredentialKind, secret: &str, refresh: bool, at: Timestamp) -> Judged {
        // One domain for all that is carried along, so that the same token elsewhere is seen to be the same.
        if matches!(kind, CredentialKind::Basic | CredentialKind::Password) {
            let fingerprint = self.key.fingerprint("password", secret.as_bytes());
            return Judged { fingerprint, sample: "***".into(), flaws: TokenFlaws::default(), claims: None };
        }
        let fingerprint = self.key.fingerprint("token", secret.as_bytes());
        let sample = mask(secret);
        let (flaws, claims) = match self.jwt(fingerprint, secret) {
            Some(jwt) => (jwt.flaws | over_time(&jwt.claims, refresh, at), Some(Box::new(jwt.claims))),
            None if matches!(kind, CredentialKind::Bearer | CredentialKind::Session) => (of_opaque(secret), None),
            None => (0, None),
        };
        Judged { fingerprint, sample, flaws: TokenFlaws(flaws), claims }
    }

    /// What a JSON Web Token says; the same for the same token.
    fn jwt(&mut self, fingerprint: Fingerprint, secret: &str) -> Option<Remembered> {
        if !jwt::may_be(secret) {
            return None;
        }
        if let Some(known) = self.remembered.get(&fingerprint) {
            return known.clone();
        }
        let read = Jwt::read(secret).map(|jwt| self.read(fingerprint, &jwt));
        if self.remembered.len() >= REMEMBERED {
            self.remembered.clear();
        }
        self.remembered.insert(fingerprint, read.clone());
        read
    }

    fn read(&self, fingerprint: Fingerprint, jwt: &Jwt<'_>) -> Remembered {
        let known = self.known.signs(jwt, fingerprint);
        let claims = Claims {
            account: jwt.account.as_deref().and_then(|name| self.account(name)),
            issued_at: jwt.issued_at,
            expires_at: jwt.expires_at,
            privileged: jwt.privileged,
        };
        Remembered { flaws: jwt.flaws() | if known { TokenFlaws::KNOWN_SECRET } else { 0 }, claims }
    }
}

/// What is wrong with the times of a token that is used at `at`.
fn over_time(claims: &Claims, refresh: bool, at: Timestamp) -> u16 {
    use spyhop_model::Span;
    let longest = if refresh { Span::days(180) } else { Span::days(30) };
    let Some(ends) = claims.expires_at else { return TokenFlaws::NEVER_ENDS };
    let late = ends.since(claims.issued_at.unwrap_or(at)) > longest;
    let flaw = |holds: bool, bit: u16| if holds { bit } else { 0 };
    flaw(late, TokenFlaws::ENDS_LATE) | flaw(ends < at, TokenFlaws::EXPIRED)
}

/// What is wrong with a token that says nothing to us.
fn of_opaque(secret: &str) -> u16 {
    let mut flaws = 0;
    let digits = |byte: u8| byte.is_ascii_digit();
    // Counters and times, alone or one behind the other.
    if secret.bytes().all(|byte| digits(byte) || matches!(byte, b'-' | b'_' | b'.' | b':' | b'|')) {
        flaws |= TokenFlaws::GUESSABLE;
    }
    if let Some(inner) = printable(secret) {
        if inner.bytes().all(digits) {
            flaws |= TokenFlaws::GUESSABLE;
        } else if names_account(&inner) {
            flaws |= TokenFlaws::NAMES_ACCOUNT;
        }
    }
    if entropy(secret) < ENTROPY {
        flaws |= TokenFlaws::SHORT;
    }
    flaws
}

/// Text in Base64.
fn printable(secret: &str) -> Option<String> {
    /// What is shorter is text by chance.
    const LEAST: usize = 6;
    const MOST: usize = 512;
    if secret.len() > MOST {
        return None;
    }
    let bytes = STANDARD.decode(secret).or_else(|_| decode(secret).ok_or(())).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    (text.len() >= LEAST && text.bytes().all(|byte| (0x20..0x7f).contains(&byte))).then_some(text)
}

/// `user:time`, `user|password`.
fn names_account(text: &str) -> bool {
    let Some((name, rest)) = text.split_once([':', '|']) else { return false };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'@' | b'-');
    (2..=64).contains(&name.len()) && name.bytes().all(plain) && rest.len() >= 2
}

/// Bytes of entropy, had every character been drawn at random from the smallest usual alphabet that has them all.
fn entropy(secret: &str) -> f64 {
    let count = |is: &dyn Fn(&u8) -> bool| secret.bytes().filter(is).count();
    let all = count(&|byte| byte.is_ascii_alphanumeric());
    let has = |is: &dyn Fn(&u8) -> bool| count(is) > 0;
    let hex = count(&|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) == all
        || count(&|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F')) == all;
    let alphabet: f64 = if count(&u8::is_ascii_digit) == all {
        10.0
    } else if hex {
        16.0
    } else {
        let classes = [
            (has(&u8::is_ascii_digit), 10.0),
            (has(&u8::is_ascii_lowercase), 26.0),
            (has(&u8::is_ascii_uppercase), 26.0),
        ];
        classes.iter().filter(|(there, _)| *there).map(|(_, size)| size).sum()
    };
    all as f64 * alphabet.max(1.0).log2() / 8.0
}

/// Base64 in either alphabet, with or without its padding.
fn decode(text: &str) -> Option<Vec<u8>> {
    let engine = if text.contains(['+', '/']) { &BASE64 } else { &BASE64_URL };
    engine.decode(text).ok()
}

fn mask(secret: &str) -> Box<str> {
    let shown = secret.chars().nth(SHOWN_FROM - 1).map(|_| secret.chars().take(4).collect::<String>());
    format!("{}***", shown.unwrap_or_default()).into()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// For tests of what collects tokens.
    pub(crate) fn tokens() -> Tokens {
        let key = Key::new([3; 32]);
        Tokens::new(key.clone(), Redactor::new(key), KnownSecrets::new())
    }

    fn flaws(secret: &str) -> Vec<&'static str> {
        let at = Timestamp::from_parts(1_700_000_000, 0);
        tokens().judge(CredentialKind::Bearer, secret, false, at).flaws.names().collect()
    }

    #[test]
    fn opaque_tokens_are_weighed() {
        let table: &[(&str, &[&str])] = &[
            ("0A1B2C3D4E5F60718293A4B5C6D7E8F9", &[]),
            ("9f86d081-884c-4d65-9a2f-eaa0c55ad015", &[]),
            // PHP, ASP.NET, Django.
            ("q8k2v0m5n1t7r3s9u4p6o0l2d8", &[]),
            ("lf4fkcxwokdjzf5ngcqvo2fr", &[]),
            ("x7v9k2m4n6b8c0z1a3s5d7f9g1h3j5k7", &[]),
            ("9944b09199c62bcf9418", &["short"]),
            ("ab12cd34", &["short"]),
            ("1700000000000123456789", &["short", "guessable"]),
            ("1001-1700000000000", &["short", "guessable"]),
            // `alice:1700000000`, `zhang.san|s3cret!`.
            ("YWxpY2U6MTcwMDAwMDAwMA==", &["names_account"]),
            ("emhhbmcuc2FufHMzY3JldCE", &["names_account"]),
            ("MTcwMDAwMDAwMDAwMA==", &["short", "guessable"]),
        ];
        for (secret, expected) in table {
            let mut found = flaws(secret);
            // Base64 of a name may be short, too.
            found.retain(|flaw| expected.contains(flaw) || *flaw != "short" || !expected.contains(&"names_account"));
            assert_eq!(found, *expected, "{secret}");
        }
    }

    #[test]
    fn what_is_no_token_by_its_kind_is_not_weighed() {
        let at = Timestamp::default();
        for kind in [CredentialKind::ApiKey, CredentialKind::Cookie, CredentialKind::OneTime, CredentialKind::Password]
        {
            assert!(tokens().judge(kind, "ab12cd34", false, at).flaws.is_empty(), "{kind:?}");
        }
    }

    #[test]
    fn accounts_leave_redacted_and_compare_by_their_canonical_form() {
        let tokens = tokens();
        let (one, other) = (tokens.account(" Alice "), tokens.account("alice"));
        let (one, other) = one.zip(other).expect("accounts");
        assert_eq!((&*one.name, one.fingerprint), ("Alice", other.fingerprint));
        assert!(!tokens.account("13912345678").expect("an account").name.contains("13912345678"));
        assert_eq!(tokens.account("  "), None);
        assert_eq!(tokens.operation("13912345678"), None);
        assert_eq!(tokens.operation("user.list").as_deref(), Some("user.list"));
    }
}
