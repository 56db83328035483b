//! Is a token signed with a secret that everybody knows? Whoever knows it writes tokens of any account.
//!
//! The commonest secrets of frameworks, tutorials and the specification's playground are tried on every token, rarer ones
//! on one of [`SHIPPED_SHARE`], passwords, which people write in their place, on one of [`PASSWORD_SHARE`]. Which ones is
//! told by the token's keyed fingerprint, so that nobody can choose it and every worker tries the same. A distinct token
//! signed with HMAC costs about 90 HMACs of its few hundred bytes that way on average and [`MOST`] at most; any other costs
//! none. A system that signs all tokens with a rare secret shows it after a few of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use sha2::{Digest, Sha256, Sha384, Sha512};
use spyhop_model::Fingerprint;

use super::jwt::Jwt;

/// Of so many tokens one is tried with all secrets that are shipped with something.
const SHIPPED_SHARE: u64 = 8;
/// Of so many one is tried with passwords, too.
const PASSWORD_SHARE: u64 = 64;
/// HMACs that a token costs at most.
#[cfg(test)]
const MOST: usize = 2_000;
/// Passwords tried.
const PASSWORDS: usize = 1_700;
/// Longest block of the hash functions, in bytes.
const BLOCK: usize = 128;

const OWN_PASSWORDS: &str = include_str!("../../data/own/passwords.txt");
/// User, password, products.
const DEFAULTS: [&str; 2] =
    [include_str!("../../data/own/default_credentials.tsv"), include_str!("../../data/default_credentials.tsv")];

/// The commonest of them.
const FIRST: &[&str] = &[
    "secret",
    "your-256-bit-secret",
    "your-512-bit-secret",
    "a-string-secret-at-least-256-bits-long",
    "abcdefghijklmnopqrstuvwxyz",
    "SecretKey012345678901234567890123456789012345678901234567890123456789",
    "bladexisapowerfulmicroservicearchitectureupgradedandoptimizedfromacommercialproject",
    "mySecret",
    "my-secret-key",
    "secretKey",
    "secret_key",
    "your-secret-key",
    "your_jwt_secret",
    "jwt_secret",
    "shhhhh",
    "changeme",
    "key",
    "test",
];

/// Secrets of frameworks, products, tutorials and examples.
const SHIPPED: &[&str] = &[
    "Secret",
    "SECRET",
    "secretkey",
    "SecretKey",
    "secret-key",
    "SECRET_KEY",
    "mysecret",
    "my-secret",
    "my_secret",
    "my secret",
    "mySecretKey",
    "mysecretkey",
    "my_secret_key",
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
    "your_secret_key",
    "yourSecretKey",
    "your-384-bit-secret",
    "your-jwt-secret",
    "your_jwt_secret_key",
    "a-valid-string-secret-that-is-at-least-384-bits-long",
    "a-valid-string-secret-that-is-at-least-512-bits-long-which-is-very-long",
    "jwt",
    "jwtsecret",
    "jwtSecret",
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
    "change-me",
    "change_me",
    "changethis",
    "default",
    "defaultsecret",
    "example",
    "example_key",
    "example-secret",
    "testing",
    "test-secret",
    "test_secret",
    "dev",
    "dev-secret",
    "develop",
    "development",
    "local",
    "demo",
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
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "abcdefg",
    "0123456789",
    "01234567890123456789012345678901",
    "12345678901234567890123456789012",
    "123456789012345678901234567890123",
    "SecretKey01234567890123456789012345678901234567890123456789012345678901234567890123456789",
    "VGhpc0lzTXlDdXN0b21TZWNyZXRLZXkwMTIzNDU2Nzg=",
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
    first: Arc<[Box<[u8]>]>,
    shipped: Arc<[Box<[u8]>]>,
    passwords: Arc<[&'static str]>,
}

impl KnownSecrets {
    pub fn new() -> KnownSecrets {
        let own = OWN_PASSWORDS.lines().filter(|line| !line.starts_with('#'));
        let defaults = DEFAULTS.iter().flat_map(|table| table.lines()).filter_map(|line| line.split('\t').nth(1));
        let passwords: BTreeSet<&str> = own.chain(defaults).filter(|one| one.len() >= 3).collect();
        KnownSecrets {
            first: keys(FIRST),
            shipped: keys(SHIPPED),
            passwords: passwords.into_iter().take(PASSWORDS).collect(),
        }
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
        let is_one_of = |share| fingerprint.0.is_multiple_of(share);
        self.first.iter().any(|secret| signs(secret))
            || is_one_of(SHIPPED_SHARE) && self.shipped.iter().any(|secret| signs(secret))
            || is_one_of(PASSWORD_SHARE) && self.passwords.iter().any(|secret| signs(secret.as_bytes()))
    }
}

/// Secrets as they are, and, since some libraries take them for Base64, what can be read of them as that.
fn keys(secrets: &[&str]) -> Arc<[Box<[u8]>]> {
    let mut keys: Vec<Box<[u8]>> = Vec::new();
    for secret in secrets {
        keys.push(secret.as_bytes().into());
        keys.extend(loosely_decoded(secret).filter(|bytes| bytes.len() >= 3).map(Vec::into_boxed_slice));
    }
    keys.into()
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
        assert!(signs(&signed(b"mall-portal-secret"), SHIPPED_SHARE) && !signs(&signed(b"mall-portal-secret"), 1));
        assert!(signs(&signed(b"123456@abc"), PASSWORD_SHARE) && !signs(&signed(b"123456@abc"), SHIPPED_SHARE));
        assert!(!signs(&signed(b"kf83hHd82jskKd92mNb47sPq"), PASSWORD_SHARE));
    }

    #[test]
    fn the_cost_of_a_token_is_bounded() {
        let known = KnownSecrets::new();
        let (first, shipped, passwords) = (known.first.len(), known.shipped.len(), known.passwords.len());
        assert!(first <= 40 && passwords >= 1_000 && first + shipped + passwords <= MOST);
        let average = first + shipped / SHIPPED_SHARE as usize + passwords / PASSWORD_SHARE as usize;
        assert!(average <= 100, "{average}");
    }
}
