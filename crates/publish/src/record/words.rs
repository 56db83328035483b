//! The model's enums as words of the output. The schema lists every word, and the compiler sees to it that none is
//! missing here.

use std::borrow::Cow;
use std::fmt::Display;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};
use spyhop_model::{
    AgentFamily, Change, Class, CredentialKind, ExchangeId, Fingerprint, Form, Grade, Half, LoginMethod, MessageKind,
    Outcome, Personal, Protocol, Purpose, Refusal, SecretForm, Severity, Source, Status, Timestamp, Transport,
    Truncation, Weakness, Zone,
};

macro_rules! words {
    ($( $(#[doc = $about:literal])+ $name:ident of $ty:ident { $( $variant:ident = $word:literal ),+ $(,)? } )+) => {$(
        $(#[doc = $about])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name(pub $ty);

        impl $name {
            /// The word in output.
            pub fn word(self) -> &'static str {
                match self.0 { $( $ty::$variant => $word ),+ }
            }
        }

        impl From<$ty> for $name {
            fn from(value: $ty) -> Self {
                $name(value)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.serialize_str(self.word())
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "enum": [$( $word ),+] })
            }
        }
    )+

        #[cfg(test)]
        fn pairs() -> Vec<(&'static str, serde_json::Value)> {
            vec![$( $( ($word, serde_json::to_value($ty::$variant).expect("a word")) ),+ ),+]
        }
    };
}

words! {
    /// How a finding lives.
    ClassWord of Class {
        Weakness = "weakness", Incident = "incident", Lifecycle = "lifecycle", Flow = "flow", Sensor = "sensor",
    }
    /// A severity.
    SeverityWord of Severity {
        Info = "info", Low = "low", Medium = "medium", High = "high", Critical = "critical",
    }
    /// Where a finding stands in its life.
    StatusWord of Status { Open = "open", Stale = "stale", Folded = "folded", Closed = "closed" }
    /// What happened to a finding last.
    ChangeWord of Change { Opened = "opened", Updated = "updated", Closed = "closed", Reopened = "reopened" }
    /// How an exchange crossed the wire.
    TransportWord of Transport {
        Cleartext = "cleartext", Decrypted = "decrypted", BehindTerminator = "behind_terminator",
    }
    /// A protocol.
    ProtocolWord of Protocol { Http1 = "http/1.1", Http2 = "h2" }
    /// What carries a message.
    MessageKindWord of MessageKind { WebSocket = "websocket", ServerSent = "sse", Grpc = "grpc" }
    /// Where an address is, seen from the operator.
    ZoneWord of Zone { Inside = "inside", Home = "home", Overseas = "overseas", Unknown = "unknown" }
    /// A family of user agents.
    AgentWord of AgentFamily {
        None = "none", Browser = "browser", Bot = "bot", Monitor = "monitor", Library = "library",
        Headless = "headless", Other = "other",
    }
    /// How a login was made.
    LoginMethodWord of LoginMethod {
        Form = "form", Json = "json", Basic = "basic", Query = "query", Multipart = "multipart", Xml = "xml",
        Graphql = "graphql", Digest = "digest", Ntlm = "ntlm", OauthPassword = "oauth_password",
        OauthCode = "oauth_code", Code = "code", Sso = "sso", Saml = "saml", Cas = "cas", Webauthn = "webauthn",
    }
    /// What an attempt to prove one's identity is for.
    PurposeWord of Purpose {
        Login = "login", SecondFactor = "second_factor", CodeRequest = "code_request", Registration = "registration",
        PasswordChange = "password_change", AccountLookup = "account_lookup", TokenExchange = "token_exchange",
    }
    /// Why a login was refused.
    RefusalWord of Refusal {
        BadPassword = "bad_password", BadCredentials = "bad_credentials", NoSuchUser = "no_such_user",
        Locked = "locked", Disabled = "disabled", PasswordExpired = "password_expired",
        CaptchaWrong = "captcha_wrong", CodeWrong = "code_wrong", Throttled = "throttled",
        AddressDenied = "address_denied", Malformed = "malformed", ServerError = "server_error",
    }
    /// What tells the account of a call.
    SourceWord of Source {
        Login = "login", Session = "session", Claims = "claims", Credentials = "credentials",
        Certificate = "certificate", Header = "header", Named = "named", ApiKey = "api_key",
    }
    /// How a password was protected on its way.
    SecretFormWord of SecretForm { Plain = "plain", Hashed = "hashed", Encrypted = "encrypted" }
    /// Why a password is weak.
    WeaknessWord of Weakness {
        Empty = "empty", Short = "short", Common = "common", DefaultCredential = "default_credential",
        SameAsUser = "same_as_user", KeyboardWalk = "keyboard_walk", Sequence = "sequence", Date = "date",
        Pattern = "pattern", Guessable = "guessable",
    }
    /// What came of a login.
    OutcomeWord of Outcome { Success = "success", Failure = "failure", Unknown = "unknown" }
    /// A kind of credential.
    CredentialWord of CredentialKind {
        Basic = "basic", Bearer = "bearer", Session = "session", ApiKey = "api_key", Password = "password",
        OneTime = "one_time", Cookie = "cookie",
    }
    /// Why a body or head is not whole.
    TruncationWord of Truncation {
        Gap = "gap", Incomplete = "incomplete", BadChunk = "bad_chunk", BadCoding = "bad_coding", Bomb = "bomb",
    }
    /// Which half of an exchange.
    HalfWord of Half { Request = "request", Response = "response" }
    /// Whether a value was shown in full.
    FormWord of Form { Full = "full", Masked = "masked" }
    /// A grade of sensitive data (JR/T 0197-2020).
    GradeWord of Grade { L1 = "L1", L2 = "L2", L3 = "L3", L4 = "L4", L5 = "L5" }
    /// A class of personal information (PIPL, article 28).
    PersonalWord of Personal { No = "no", Personal = "personal", Sensitive = "sensitive" }
}

/// Severity as OCSF numbers it: 1 (info) to 5 (critical).
pub fn severity_id(severity: Severity) -> u8 {
    match severity {
        Severity::Info => 1,
        Severity::Low => 2,
        Severity::Medium => 3,
        Severity::High => 4,
        Severity::Critical => 5,
    }
}

/// A value that leaves as its `Display` text.
macro_rules! shown {
    ($( $(#[doc = $about:literal])+ $name:ident of $ty:ty, $schema:tt )+) => {$(
        $(#[doc = $about])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name(pub $ty);

        impl From<$ty> for $name {
            fn from(value: $ty) -> Self {
                $name(value)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(&self.0 as &dyn Display)
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    )+};
}

shown! {
    /// RFC 3339 in UTC with nine decimals.
    Time of Timestamp, { "type": "string", "format": "date-time" }
    /// An address; the innermost one, where there were tunnels.
    Address of std::net::IpAddr, { "type": "string", "anyOf": [{ "format": "ipv4" }, { "format": "ipv6" }] }
    /// `<flow>-<number>`: names an exchange.
    ExchangeName of ExchangeId, { "type": "string", "pattern": "^[0-9a-f]{16}-[0-9]+$" }
    /// A keyed fingerprint, 16 hexadecimal digits; comparable where `key_id` is equal.
    Print of Fingerprint, { "type": "string", "pattern": "^[0-9a-f]{16}$" }
    /// The identity of a finding, 16 hexadecimal digits.
    FindingName of spyhop_model::FindingId, { "type": "string", "pattern": "^[0-9a-f]{16}$" }
    /// Names the key of all fingerprints in a record, 8 hexadecimal digits.
    KeyName of spyhop_model::KeyId, { "type": "string", "pattern": "^[0-9a-f]{8}$" }
}

/// A protocol version: `1.1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version<'a>(pub (u8, u8), pub Option<&'a str>);

impl Serialize for Version<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self.1 {
            Some(written) => s.serialize_str(written),
            None => s.collect_str(&format_args!("{}.{}", self.0.0, self.0.1)),
        }
    }
}

impl JsonSchema for Version<'_> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Version".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[0-9]+\\.[0-9]+$" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_the_model() {
        for (word, written) in pairs() {
            // Kinds that the model writes by their own names are spelled in lower case here.
            assert_eq!(written.as_str(), Some(word));
        }
    }

    #[test]
    fn severities_are_numbered_as_in_ocsf() {
        assert_eq!(Severity::ALL.map(severity_id), [1, 2, 3, 4, 5]);
    }
}
