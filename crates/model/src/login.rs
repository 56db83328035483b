//! Logins: who wants in, by what proof, and what came of it.

use serde::{Deserialize, Serialize};

use crate::data::Place;
use crate::secret::Fingerprint;

/// A login attempt.
#[derive(Clone, Debug)]
pub struct Login {
    /// Whose, if a name was given; redacted where it is a personal value.
    pub account: Option<Account>,
    /// What the attempt is for.
    pub purpose: Purpose,
    /// How it was made.
    pub method: LoginMethod,
    /// Where the password stood.
    pub place: Option<Place>,
    /// How the password was protected; `None` without a password.
    pub secret_form: Option<SecretForm>,
    /// The password as a fingerprint: equal passwords compare equal.
    pub secret: Option<Fingerprint>,
    /// Why the password is weak, if it is readable and weak.
    pub weakness: Option<Weakness>,
    /// A one-time code in it, as a fingerprint: equal codes compare equal.
    pub code: Option<Fingerprint>,
    /// What besides the password, or instead of it, proves who it is.
    pub factors: Factors,
    /// What came of it.
    pub outcome: Outcome,
    /// Why it was refused, where the answer says so.
    pub refusal: Option<Refusal>,
    /// How sure it is that this is a login, 0..=100.
    pub confidence: u8,
}

/// What an attempt to prove one's identity is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// To be let in: a login. The others are none, and no detector of logins sees them.
    #[default]
    Login,
    /// A further step of a login that has begun: the second factor.
    SecondFactor,
    /// To have a one-time code sent.
    CodeRequest,
    /// To create an account.
    Registration,
    /// To change or reset a password.
    PasswordChange,
    /// To ask whether an account exists.
    AccountLookup,
    /// A program exchanges one token for another (OAuth 2.0 refresh, client credentials).
    TokenExchange,
}

/// Proofs of identity, as bits (handbook §4.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Factors(pub u16);

impl Factors {
    /// A password.
    pub const PASSWORD: u16 = 1 << 0;
    /// A one-time code: SMS, e-mail, TOTP, a token's digits.
    pub const CODE: u16 = 1 << 1;
    /// WebAuthn, a USB key's signature.
    pub const KEY: u16 = 1 << 2;
    /// A client's certificate.
    pub const CERTIFICATE: u16 = 1 << 3;
    /// A face, a fingerprint.
    pub const BIOMETRIC: u16 = 1 << 4;
    /// A captcha was solved: no factor, but no robot either.
    pub const CAPTCHA: u16 = 1 << 5;
    /// The answer asks for a further factor.
    pub const ASKED: u16 = 1 << 6;
    /// Another system vouches (CAS, SAML, OpenID Connect, WeChat, DingTalk).
    pub const VOUCHED: u16 = 1 << 7;

    /// Whether all of `bits` are in it.
    pub fn has(self, bits: u16) -> bool {
        self.0 & bits == bits
    }
    /// With `bits`.
    pub fn with(self, bits: u16) -> Factors {
        Factors(self.0 | bits)
    }
    /// By name.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        const NAMES: [&str; 8] = ["password", "code", "key", "certificate", "biometric", "captcha", "asked", "vouched"];
        NAMES.into_iter().enumerate().filter(move |(bit, _)| self.0 >> bit & 1 == 1).map(|(_, name)| name)
    }
    /// Whether something beyond the password proves it, or is asked for.
    pub fn has_second(self) -> bool {
        let possession = Self::CODE | Self::KEY | Self::CERTIFICATE | Self::BIOMETRIC;
        self.0 & Self::ASKED != 0 || self.has(Self::PASSWORD) && self.0 & possession != 0
    }
}

/// Why a login was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// The password is wrong, and the answer says that it is the password.
    BadPassword,
    /// Name or password is wrong; the answer does not say which.
    BadCredentials,
    /// No such account.
    NoSuchUser,
    /// The account is locked.
    Locked,
    /// The account is disabled.
    Disabled,
    /// The password has expired.
    PasswordExpired,
    /// The captcha is wrong.
    CaptchaWrong,
    /// The one-time code is wrong or has expired.
    CodeWrong,
    /// Too many attempts.
    Throttled,
    /// The address may not.
    AddressDenied,
    /// The request was not understood.
    Malformed,
    /// The server failed.
    ServerError,
}

impl Refusal {
    /// The word in output.
    pub fn name(self) -> &'static str {
        match self {
            Refusal::BadPassword => "bad_password",
            Refusal::BadCredentials => "bad_credentials",
            Refusal::NoSuchUser => "no_such_user",
            Refusal::Locked => "locked",
            Refusal::Disabled => "disabled",
            Refusal::PasswordExpired => "password_expired",
            Refusal::CaptchaWrong => "captcha_wrong",
            Refusal::CodeWrong => "code_wrong",
            Refusal::Throttled => "throttled",
            Refusal::AddressDenied => "address_denied",
            Refusal::Malformed => "malformed",
            Refusal::ServerError => "server_error",
        }
    }
}

/// An account as it may be shown.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Account {
    /// The name, or `mask~fingerprint` where the name is a personal value.
    pub name: Box<str>,
    /// Its fingerprint, over the canonical name.
    pub fingerprint: Fingerprint,
}

/// How a login was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoginMethod {
    /// A form.
    Form,
    /// A JSON object.
    Json,
    /// `Authorization: Basic` (RFC 7617).
    Basic,
    /// Parameters of the query.
    Query,
    /// Parts of multipart/form-data.
    Multipart,
    /// Elements of XML, SOAP included; WS-Security's UsernameToken.
    Xml,
    /// Arguments or variables of a GraphQL mutation.
    Graphql,
    /// `Authorization: Digest` (RFC 7616).
    Digest,
    /// NTLM or Negotiate (MS-NLMP).
    Ntlm,
    /// OAuth 2.0 with a password (RFC 6749, section 4.3).
    OauthPassword,
    /// OAuth 2.0 or OpenID Connect with a code (RFC 6749, section 4.1).
    OauthCode,
    /// A one-time code by SMS or e-mail in place of a password.
    Code,
    /// Another system's single sign-on: WeChat, WeCom, DingTalk, Feishu.
    Sso,
    /// SAML 2.0.
    Saml,
    /// CAS.
    Cas,
    /// WebAuthn.
    Webauthn,
}

impl LoginMethod {
    /// The word in output.
    pub fn name(self) -> &'static str {
        match self {
            LoginMethod::Form => "form",
            LoginMethod::Json => "json",
            LoginMethod::Basic => "basic",
            LoginMethod::Query => "query",
            LoginMethod::Multipart => "multipart",
            LoginMethod::Xml => "xml",
            LoginMethod::Graphql => "graphql",
            LoginMethod::Digest => "digest",
            LoginMethod::Ntlm => "ntlm",
            LoginMethod::OauthPassword => "oauth_password",
            LoginMethod::OauthCode => "oauth_code",
            LoginMethod::Code => "code",
            LoginMethod::Sso => "sso",
            LoginMethod::Saml => "saml",
            LoginMethod::Cas => "cas",
            LoginMethod::Webauthn => "webauthn",
        }
    }
    /// The credentials come with every request, and are an attempt only the first time.
    pub fn repeats(self) -> bool {
        matches!(self, LoginMethod::Basic | LoginMethod::Digest | LoginMethod::Ntlm)
    }
}

/// How a password was protected on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretForm {
    /// Readable, base64 included.
    Plain,
    /// A hexadecimal digest.
    Hashed,
    /// Looks encrypted.
    Encrypted,
}

/// Why a password is weak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weakness {
    /// Empty.
    Empty,
    /// Fewer than eight characters.
    Short,
    /// In a list of common ones.
    Common,
    /// A vendor's default for that user.
    DefaultCredential,
    /// Equal to, reverse of, or built from the user name.
    SameAsUser,
    /// Neighbouring keys.
    KeyboardWalk,
    /// A sequence or repetition.
    Sequence,
    /// A date.
    Date,
    /// A well-known pattern: name and digits, company and year, love numbers.
    Pattern,
    /// An estimator says it is guessed quickly.
    Guessable,
}

impl Weakness {
    /// The word in output.
    pub fn name(self) -> &'static str {
        match self {
            Weakness::Empty => "empty",
            Weakness::Short => "short",
            Weakness::Common => "common",
            Weakness::DefaultCredential => "default_credential",
            Weakness::SameAsUser => "same_as_user",
            Weakness::KeyboardWalk => "keyboard_walk",
            Weakness::Sequence => "sequence",
            Weakness::Date => "date",
            Weakness::Pattern => "pattern",
            Weakness::Guessable => "guessable",
        }
    }
}

/// What came of a login attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was accepted.
    Success,
    /// It was refused.
    Failure,
    /// It cannot be told.
    Unknown,
}
