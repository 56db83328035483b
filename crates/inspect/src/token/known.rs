//! Is a token signed with a secret that everybody knows? Whoever knows it writes tokens of any account.
//!
//! Secrets that frameworks, tutorials and the specification's playground ship with are tried on every token; passwords,
//! which people write in their place, on one token of [`SHARE`], chosen by its keyed fingerprint, so that nobody can
//! choose what is tried and every worker tries the same. A token signed with HMAC costs some 250 HMACs of its few
//! hundred bytes that way and some 2,000 at most, a tenth of a millisecond and one; any other costs none.

use std::collections::BTreeSet;
use std::sync::Arc;

use sha2::{Digest, Sha256, Sha384, Sha512};
use spyhop_model::Fingerprint;

use super::jwt::Jwt;

/// Of so many tokens one is tried with passwords, too.
const SHARE: u64 = 16;
/// Passwords tried.
const PASSWORDS: usize = 1_700;
/// Longest block of the hash functions, in bytes.
const BLOCK: usize = 128;

const OWN_PASSWORDS: &str = include_str!("../../data/own/passwords.txt");
/// User, password, products.
const DEFAULTS: [&str; 2] =
    [include_str!("../../data/own/default_credentials.tsv"), include_str!("../../data/default_credentials.tsv")];

/// Secrets of frameworks, products, tutorials and examples.
const SHIPPED: &[&str] = &[
    "secret",
    "Secret",
    "SECRET",
    "secretkey",
    "secretKey",
    "SecretKey",
    "secret_key",
    "secret-key",
    "SECRET_KEY",
    "mysecret",
    "my-secret",
    "my_secret",
    "my secret",
    "mySecret",
    "mySecretKey",
    "mysecretkey",
    "my_secret_key",
    "my-secret-key",
    "mysupersecret",
    "mysupersecretkey",
    "supersecret",
    "super-secret",
    "super_secret",
    "supersecretkey",
    "super_secret_key",
    "topsecret",
    "yoursecret",
    "your-secret",
    "your_secret",
    "your secret",
    "your-secret-key",
    "your_secret_key",
    "yourSecretKey",
    "your-256-bit-secret",
    "your-384-bit-secret",
    "your-512-bit-secret",
    "your_jwt_secret",
    "your-jwt-secret",
    "your_jwt_secret_key",
    "a-string-secret-at-least-256-bits-long",
    "a-valid-string-secret-that-is-at-least-384-bits-long",
    "a-valid-string-secret-that-is-at-least-512-bits-long-which-is-very-long",
    "jwt",
    "jwtsecret",
    "jwtSecret",
    "jwt_secret",
    "jwt-secret",
    "JWT_SECRET",
    "jwtSecretKey",
    "jwt_secret_key",
    "JwtSecretKey",
    "JWTSecretKey",
    "JWTSuperSecretKey",
    "SecretKeyToGenJWTs",
    "bezKoderSecretKey",
    "javainuse",
    "shhhhh",
    "shhhhhhared-secret",
    "keyboard cat",
    "some-secret",
    "some_secret",
    "somesecret",
    "thisisasecret",
    "this-is-a-secret",
    "this is a secret",
    "thisismysecret",
    "ThisIsMySecretKey",
    "thisisasecretkey",
    "this is my custom Secret key for authentication",
    "THIS IS USED TO SIGN AND VERIFY JWT TOKENS, REPLACE IT WITH YOUR OWN SECRET, IT CAN BE ANY STRING",
    "changeme",
    "change-me",
    "change_me",
    "changethis",
    "default",
    "defaultsecret",
    "example",
    "example_key",
    "example-secret",
    "test",
    "testing",
    "test-secret",
    "test_secret",
    "dev",
    "dev-secret",
    "develop",
    "development",
    "local",
    "demo",
    "key",
    "key123",
    "signingkey",
    "signing-key",
    "signkey",
    "private",
    "privatekey",
    "private_key",
    "token",
    "tokensecret",
    "token-secret",
    "access_token_secret",
    "refresh_token_secret",
    "auth",
    "authsecret",
    "api",
    "apisecret",
    "hmackey",
    "hs256-secret",
    "spring",
    "springboot",
    "spring-security",
    "laravel",
    "django",
    "flask",
    "express",
    "nodejs",
    "golang",
    "gin",
    "abcdefghijklmnopqrstuvwxyz",
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "abcdefg",
    "0123456789",
    "01234567890123456789012345678901",
    "12345678901234567890123456789012",
    "123456789012345678901234567890123",
    "SecretKey012345678901234567890123456789012345678901234567890123456789",
    "SecretKey01234567890123456789012345678901234567890123456789012345678901234567890123456789",
    "VGhpc0lzTXlDdXN0b21TZWNyZXRLZXkwMTIzNDU2Nzg=",
    "bladexisapowerfulmicroservicearchitectureupgradedandoptimizedfromacommercialproject",
    "mall-admin-secret",
    "mall-portal-secret",
    "f4e2e52034348f86b67cde581c0f9eb5",
    "qmPlus",
    "go-admin",
    "X-Litemall-Token",
    "thingsboardDefaultSigningKey",
    "super-secret-jwt-token-with-at-least-32-characters-long",
    "ruoyi",
    "jeecg",
    "jeecgboot",
    "renren",
    "eladmin",
    "pig",
    "guns",
    "yudao",
    "satoken",
    "sa-token",
];

/// Built once, shared by reading.
#[derive(Clone)]
pub(crate) struct KnownSecrets {
    shipped: Arc<[Box<[u8]>]>,
    passwords: Arc<[&'static str]>,
}

impl KnownSecrets {
    pub fn new() -> KnownSecrets {
        // Some libraries take the secret for Base64, and read of it what they can.
        let mut shipped: Vec<Box<[u8]>> = Vec::new();
        for secret in SHIPPED {
            shipped.push(secret.as_bytes().into());
            shipped.extend(loosely_decoded(secret).filter(|bytes| bytes.len() >= 3).map(Vec::into_boxed_slice));
        }
        let own = OWN_PASSWORDS.lines().filter(|line| !line.starts_with('#'));
        let defaults = DEFAULTS.iter().flat_map(|table| table.lines()).filter_map(|line| line.split('\t').nth(1));
        let passwords: BTreeSet<&str> = own.chain(defaults).filter(|one| one.len() >= 3).collect();
        KnownSecrets { shipped: shipped.into(), passwords: passwords.into_iter().take(PASSWORDS).collect() }
    }

    /// Whether one of them signs `token`, whose keyed fingerprint is given.
    pub(super) fn signs(&self, token: &Jwt<'_>, fingerprint: Fingerprint) -> bool {
        match token.algorithm.as_str() {
            "HS256" => self.any(fingerprint, |secret| is_signed::<Sha256>(64, secret, token)),
            "HS384" => self.any(fingerprint, |secret| is_signed::<Sha384>(128, secret, token)),
            "HS512" => self.any(fingerprint, |secret| is_signed::<Sha512>(128, secret, token)),
            _ => false,
        }
    }

    fn any(&self, fingerprint: Fingerprint, signs: impl Fn(&[u8]) -> bool) -> bool {
        self.shipped.iter().any(|secret| signs(secret))
            || fingerprint.0.is_multiple_of(SHARE) && self.passwords.iter().any(|secret| signs(secret.as_bytes()))
    }
}

/// Base64 as lenient decoders read it: up to the last whole byte.
fn loosely_decoded(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_end_matches('=');
    let whole = if text.len() % 4 == 1 { text.len() - 1 } else { text.len() };
    super::decode(text.get(..whole)?)
}

fn is_signed<D: Digest>(block: usize, secret: &[u8], token: &Jwt<'_>) -> bool {
    !token.signature.is_empty() && hmac::<D>(block, secret, token.signed.as_bytes()).as_slice() == token.signature
}

/// HMAC (RFC 2104) with a hash function of that block size, in bytes.
fn hmac<D: Digest>(block: usize, key: &[u8], message: &[u8]) -> sha2::digest::Output<D> {
    let mut padded = [0; BLOCK];
    let short;
    let key = if key.len() > block {
        short = D::digest(key);
        short.as_slice()
    } else {
        key
    };
    padded.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    let pad = |with: u8| padded.map(|byte| byte ^ with);
    let block = block.min(BLOCK);
    let inner = D::new().chain_update(pad(0x36).get(..block).unwrap_or_default()).chain_update(message).finalize();
    D::new().chain_update(pad(0x5c).get(..block).unwrap_or_default()).chain_update(inner).finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn hmac_is_that_of_the_standard() {
        // RFC 4231, test cases 2 and 6.
        let (key, text) = (b"Jefe", b"what do ya want for nothing?");
        assert!(hex(&hmac::<Sha256>(64, key, text)).starts_with("5bdcc146bf60754e6a042426089575c7"));
        assert!(hex(&hmac::<Sha384>(128, key, text)).starts_with("af45d2e376484031617f78d2b58a6b1b"));
        assert!(hex(&hmac::<Sha512>(128, key, text)).starts_with("164b7a7bfcf819e2e395fbe73b56e0a3"));
        let text = b"Test Using Larger Than Block-Size Key - Hash Key First";
        assert!(hex(&hmac::<Sha256>(64, &[0xaa; 131], text)).starts_with("60e431591ee0b67f0d8a26aacbf5b77f"));
        assert!(hex(&hmac::<Sha512>(128, &[0xaa; 131], text)).starts_with("80b24263c7c1a3ebb71493c1dd7be8b4"));
    }

    fn signed(secret: &[u8]) -> String {
        use base64::Engine as _;
        let part = |bytes: &[u8]| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes);
        let head = format!("{}.{}", part(br#"{"alg":"HS512"}"#), part(br#"{"sub":"admin","exp":1700000000}"#));
        let signature = hmac::<Sha512>(128, secret, head.as_bytes());
        format!("{head}.{}", part(&signature))
    }

    #[test]
    fn known_secrets_are_found_and_others_are_not() {
        let known = KnownSecrets::new();
        let signs =
            |token: &str, fingerprint| known.signs(&Jwt::read(token).expect("a token"), Fingerprint(fingerprint));
        let example = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0Ijox\
                       NTE2MjM5MDIyfQ.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c";
        assert!(signs(example, 1));
        assert!(signs(&signed(b"secret"), 1));
        // As libraries that decode it write it.
        let decoded = loosely_decoded("abcdefghijklmnopqrstuvwxyz").expect("Base64");
        assert_eq!(decoded.len(), 19);
        assert!(signs(&signed(&decoded), 1));
        // Passwords are tried on a share of all tokens.
        assert!(signs(&signed(b"123456@abc"), SHARE) && !signs(&signed(b"123456@abc"), 1));
        assert!(!signs(&signed(b"kf83hHd82jskKd92mNb47sPq"), SHARE));
    }

    #[test]
    fn the_cost_of_a_token_is_bounded() {
        let known = KnownSecrets::new();
        assert!(known.shipped.len() <= 300, "{}", known.shipped.len());
        assert!((1_000..=PASSWORDS).contains(&known.passwords.len()), "{}", known.passwords.len());
    }
}
