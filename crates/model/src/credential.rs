//! Credentials that requests carry and responses hand out. Of the secret there is a keyed fingerprint and a mask.

use serde::{Deserialize, Serialize};

use crate::data::Place;
use crate::login::Account;
use crate::secret::Fingerprint;
use crate::time::{Span, Timestamp};

/// A credential that a request carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// Which kind.
    pub kind: CredentialKind,
    /// Where.
    pub place: Place,
    /// Keyed fingerprint of the secret part.
    pub fingerprint: Fingerprint,
    /// Masked.
    pub sample: Box<str>,
    /// What is wrong with it by itself.
    pub flaws: TokenFlaws,
    /// What it says, if it is a JSON Web Token (RFC 7519).
    pub claims: Option<Box<Claims>>,
}

/// A credential that a response hands out or takes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued {
    /// Which kind.
    pub kind: CredentialKind,
    /// Where: a cookie, a header, a leaf of the body, or the redirect's target.
    pub place: Place,
    /// Keyed fingerprint of the secret part, comparable with [`Credential::fingerprint`].
    pub fingerprint: Fingerprint,
    /// Masked.
    pub sample: Box<str>,
    /// What is wrong with it by itself.
    pub flaws: TokenFlaws,
    /// What it says, if it is a JSON Web Token (RFC 7519).
    pub claims: Option<Box<Claims>>,
    /// How the cookie is set, if it is one.
    pub cookie: Option<CookieFlags>,
    /// It is good only for getting another token.
    pub refresh: bool,
    /// It is taken back: a cookie that is deleted.
    pub revoked: bool,
    /// How long it is good, where the answer says so (`expires_in`, `Max-Age`).
    pub lasts: Option<Span>,
}

/// What a JSON Web Token says of itself (payload decoded, signature not verified).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claims {
    /// Whose it is: `sub`, `preferred_username`, `username` … (handbook §4.3).
    pub account: Option<Account>,
    /// `iat`.
    pub issued_at: Option<Timestamp>,
    /// `exp`.
    pub expires_at: Option<Timestamp>,
    /// It claims a privileged role.
    pub privileged: bool,
}

/// What is wrong with a token by itself, as bits (handbook §5.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TokenFlaws(pub u16);

impl TokenFlaws {
    /// `alg: none`.
    pub const ALGORITHM_NONE: u16 = 1 << 0;
    /// No signature.
    pub const UNSIGNED: u16 = 1 << 1;
    /// Signed with a secret from the list of known ones.
    pub const KNOWN_SECRET: u16 = 1 << 2;
    /// No `exp`.
    pub const NEVER_ENDS: u16 = 1 << 3;
    /// `exp` far beyond `iat`.
    pub const ENDS_LATE: u16 = 1 << 4;
    /// `jku`, `x5u`, an embedded `jwk`, or a `kid` that is a path or a query.
    pub const KEY_FROM_HEADER: u16 = 1 << 5;
    /// Too short to be unguessable.
    pub const SHORT: u16 = 1 << 6;
    /// Digits only, or a number or time in disguise.
    pub const GUESSABLE: u16 = 1 << 7;
    /// The account's name and a time or password in Base64.
    pub const NAMES_ACCOUNT: u16 = 1 << 8;
    /// The value has already expired when it is used.
    pub const EXPIRED: u16 = 1 << 9;

    const NAMES: [&'static str; 10] = [
        "algorithm_none",
        "unsigned",
        "known_secret",
        "never_ends",
        "ends_late",
        "key_from_header",
        "short",
        "guessable",
        "names_account",
        "expired",
    ];

    /// The flaws by name.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES.into_iter().enumerate().filter(move |(bit, _)| self.0 >> bit & 1 == 1).map(|(_, name)| name)
    }
    /// None.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
    /// Whether all of `bits` are in it.
    pub fn has(self, bits: u16) -> bool {
        self.0 & bits == bits
    }
}

/// How a cookie is set (RFC 6265, section 4.1.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CookieFlags {
    /// `Secure`.
    pub secure: bool,
    /// `HttpOnly`.
    pub http_only: bool,
    /// `SameSite=None`.
    pub same_site_none: bool,
    /// Its `Domain` is wider than the host that sets it.
    pub wide_domain: bool,
}

/// Kinds of credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CredentialKind {
    /// User and password by Basic.
    Basic,
    /// A bearer token.
    Bearer,
    /// A session identifier.
    Session,
    /// An API key.
    ApiKey,
    /// A password outside a login.
    Password,
    /// Good for one use: an authorization code (RFC 6749, section 4.1), a service ticket of CAS.
    OneTime,
    /// A cookie that looks like a secret, though its name does not say so. It proves somebody only if it was handed out at
    /// a login.
    Cookie,
}

impl CredentialKind {
    /// Whether who shows it is known by it to somebody, by its kind alone.
    pub fn is_proof(self) -> bool {
        !matches!(self, CredentialKind::OneTime | CredentialKind::Cookie)
    }
}
