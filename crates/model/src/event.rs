//! A call whose account, endpoint, device and place are known: what detectors see.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::call::{Call, Moment};
use crate::login::{Factors, Login, Outcome, Purpose};
use crate::secret::Fingerprint;
use crate::time::Timestamp;

/// A call with what identification added; or, of a login that the call before held, what became known of it later.
#[derive(Clone, Debug)]
pub struct Event {
    /// The call.
    pub call: Call,
    /// Set where this is no call of its own, but tells how the login in `call` ended. It has a moment of its own in `at`.
    pub concluded: Option<Box<Conclusion>>,
    /// `METHOD host/path/{id}`.
    pub endpoint: Arc<str>,
    /// What the endpoint is.
    pub nature: Nature,
    /// The account that called, if it is known; of a login, the one that was tried.
    pub account: Option<Arc<str>>,
    /// Where account names hold: one name on two systems of one realm is one account.
    pub realm: Arc<str>,
    /// How the account is known.
    pub attribution: Option<Attribution>,
    /// The true client.
    pub client: Party,
    /// The gateway that told of the client, where it did.
    pub via: Option<IpAddr>,
    /// What the request says of hops before it cannot be: a client that speaks to us itself claims to be another.
    pub spoofed: bool,
    /// The server.
    pub server: Party,
    /// The device: what it calls itself, or else its software at one address.
    pub device: Option<Fingerprint>,
    /// The session that the request carries, if it is known.
    pub session: Option<Box<Session>>,
    /// The partner, if it is one.
    pub partner: Option<Arc<str>>,
    /// The call repeats credentials that this client has used and that were not refused since.
    pub repeated_login: bool,
    /// The same call was seen on the other side of a gateway, and has been judged there.
    pub echo: bool,
    /// Who else uses the client's address.
    pub crowd: Crowd,
    /// How logins on this endpoint usually look; only for login attempts.
    pub habits: Option<Box<LoginHabits>>,
}

/// How a login ended, known after its exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conclusion {
    /// When it became known.
    pub at: Moment,
    /// What came of it, with what followed.
    pub outcome: Outcome,
    /// The outcome was unknown before.
    pub late: bool,
    /// Proofs given in the exchange and in the steps after it.
    pub factors: Factors,
}

/// How the account of a call is known (handbook §4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Attribution {
    /// From what.
    pub source: Source,
    /// How sure, 0..=100.
    pub confidence: u8,
}

/// What tells the account of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// It is a login, which names the account.
    Login,
    /// The session was handed out at a login of the account.
    Session,
    /// The token says so.
    Claims,
    /// The call carries user and password (Basic, Digest, NTLM).
    Credentials,
    /// A client's certificate.
    Certificate,
    /// A trusted gateway names it in a header.
    Header,
    /// The application named the caller in an answer to this session.
    Named,
    /// An API key stands for it.
    ApiKey,
}

impl Source {
    /// The word in output.
    pub fn name(self) -> &'static str {
        match self {
            Source::Login => "login",
            Source::Session => "session",
            Source::Claims => "claims",
            Source::Credentials => "credentials",
            Source::Certificate => "certificate",
            Source::Header => "header",
            Source::Named => "named",
            Source::ApiKey => "api_key",
        }
    }
}

/// A session as the call shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its name: the fingerprint of the first token that carried it.
    pub id: Fingerprint,
    /// Its first call, or the login that began it.
    pub began_at: Timestamp,
    /// The login that began it was seen.
    pub by_login: bool,
    /// When its logout was seen, if it was.
    pub ended_at: Option<Timestamp>,
    /// The same token was carried before the login, and was not renewed by it (session fixation).
    pub kept_over_login: bool,
}

/// What an endpoint is, as bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Nature(pub u16);

impl Nature {
    /// Takes logins.
    pub const LOGIN: u16 = 1 << 0;
    /// Ends sessions.
    pub const LOGOUT: u16 = 1 << 1;
    /// Delivers files of records.
    pub const EXPORT: u16 = 1 << 2;
    /// Answers queries for records.
    pub const QUERY: u16 = 1 << 3;
    /// Takes files.
    pub const UPLOAD: u16 = 1 << 4;
    /// Administers: users, roles, configuration.
    pub const ADMIN: u16 = 1 << 5;
    /// Serves the page's own files: scripts, pictures, fonts.
    pub const STATIC: u16 = 1 << 6;
    /// A call can do much harm: delete, grant, reset, export (handbook §6.5).
    pub const HIGH_RISK: u16 = 1 << 7;
    /// Creates accounts, or sets passwords.
    pub const REGISTER: u16 = 1 << 8;
    /// Sends one-time codes.
    pub const CODE: u16 = 1 << 9;
    /// Asked by monitors: health, status.
    pub const HEALTH: u16 = 1 << 10;
    /// A page for people, not data.
    pub const PAGE: u16 = 1 << 11;

    const NAMES: [&'static str; 12] = [
        "login",
        "logout",
        "export",
        "query",
        "upload",
        "admin",
        "static",
        "high_risk",
        "register",
        "code",
        "health",
        "page",
    ];

    /// Whether all of `bits` are in it.
    pub fn has(self, bits: u16) -> bool {
        self.0 & bits == bits
    }
    /// By name.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES.into_iter().enumerate().filter(move |(bit, _)| self.0 >> bit & 1 == 1).map(|(_, name)| name)
    }
}

/// Who uses an address (handbook §6.0, the population guard).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Crowd {
    /// Accounts that succeeded from there within 30 days, as far as they are counted.
    pub accounts: u16,
    /// Days on which they did.
    pub days: u16,
    /// It is a gateway, office or carrier behind which many people work.
    pub shared: bool,
    /// Login attempts a minute that are usual there (99 of 100 minutes have no more).
    pub logins_a_minute: u16,
}

/// How logins on an endpoint usually look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LoginHabits {
    /// Attempts that were accepted.
    pub accepted: u32,
    /// Attempts that were refused.
    pub refused: u32,
    /// Accepted ones by a browser.
    pub by_browser: u32,
    /// Of these, with Referer or Origin.
    pub with_referer: u32,
    /// Accepted ones with this request's user agent family and name (an app's library, say).
    pub by_same_agent: u32,
    /// Accepted ones before which the session had asked for a page, a script or a captcha.
    pub after_page: u32,
    /// This attempt's session or client asked for one before.
    pub had_page: bool,
    /// Time since the login page was asked for, if it was: how long filling it in took, in milliseconds.
    pub filled_in: Option<u32>,
    /// The answers here tell an unknown account from a wrong password.
    pub tells_existence: bool,
}

impl Event {
    /// Its place in the order.
    pub fn moment(&self) -> Moment {
        self.concluded.as_ref().map_or(self.call.moment, |concluded| concluded.at)
    }
    /// The login attempt in it. Credentials that a client repeats with every call (Basic) are an attempt only once; steps of a
    /// login, registrations and the like are none; nor is what tells how an earlier attempt ended.
    pub fn login(&self) -> Option<&Login> {
        self.attempt().filter(|_| self.concluded.is_none())
    }
    /// The login attempt in it, unless it is known to have failed.
    pub fn login_not_failed(&self) -> Option<&Login> {
        self.login().filter(|login| login.outcome != Outcome::Failure)
    }
    /// The login attempt that was refused.
    pub fn refused_login(&self) -> Option<&Login> {
        self.login().filter(|login| login.outcome == Outcome::Failure)
    }
    /// The login that is now known to be accepted: at once, or as it turned out later. Each is told once.
    pub fn accepted_login(&self) -> Option<&Login> {
        match &self.concluded {
            None => self.login().filter(|login| login.outcome == Outcome::Success),
            Some(concluded) => self.attempt().filter(|_| concluded.late && concluded.outcome == Outcome::Success),
        }
    }
    fn attempt(&self) -> Option<&Login> {
        self.call.login.as_deref().filter(|login| login.purpose == Purpose::Login && !self.repeated_login)
    }
    /// Whether the caller showed any credential, or is known.
    pub fn is_authenticated(&self) -> bool {
        self.account.is_some() && self.call.login.is_none()
            || self.session.as_ref().is_some_and(|session| session.by_login)
            || self.call.credentials.iter().any(|one| one.kind.is_proof())
    }
    /// Whose behaviour it is: the account where it is known well enough, else the session, the device, the address.
    pub fn principal(&self) -> Entity {
        /// Below it an account is a guess.
        const SURE: u8 = 70;
        match (&self.account, self.attribution) {
            (Some(account), Some(how)) if how.confidence >= SURE => Entity::Account(account.clone()),
            _ => match (&self.session, self.device) {
                (Some(session), _) => Entity::Session(session.id),
                (None, Some(device)) => Entity::Device(device),
                (None, None) => Entity::ClientIp(self.client.ip),
            },
        }
    }
    /// The host that was asked for, or the server's address where the request names none.
    pub fn host(&self) -> &str {
        let without_method = self.endpoint.split_once(' ').map_or(&*self.endpoint, |(_, rest)| rest);
        without_method.split('/').next().unwrap_or(without_method)
    }
}

/// One end of a call and where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Party {
    /// Its address.
    pub ip: IpAddr,
    /// Where it is.
    pub zone: Zone,
    /// Its country.
    pub country: Option<Country>,
    /// Where it is on the globe, where a city database was given.
    pub position: Option<Position>,
}

/// A position on the globe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Position {
    /// Hundredths of a degree to the north.
    pub latitude: i16,
    /// Hundredths of a degree to the east.
    pub longitude: i16,
    /// Within how many kilometres it is true.
    pub radius: u16,
}

/// Where an address is, seen from the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Zone {
    /// In the operator's networks.
    Inside,
    /// Public, in a home jurisdiction.
    Home,
    /// Outside the home jurisdictions (境外).
    Overseas,
    /// Not known; never counted as overseas.
    Unknown,
}

/// An ISO 3166-1 alpha-2 code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Country([u8; 2]);

impl Country {
    /// From two ASCII letters.
    pub fn new(code: &str) -> Option<Country> {
        match code.as_bytes() {
            [a, b] if a.is_ascii_alphabetic() && b.is_ascii_alphabetic() => {
                Some(Country([a.to_ascii_uppercase(), b.to_ascii_uppercase()]))
            }
            _ => None,
        }
    }
    /// Its two letters.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("??")
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// What behaviour belongs to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "type", content = "name", rename_all = "snake_case")]
pub enum Entity {
    /// An account.
    Account(Arc<str>),
    /// A client's address.
    ClientIp(IpAddr),
    /// A device.
    Device(Fingerprint),
    /// A session.
    Session(Fingerprint),
    /// An endpoint, `METHOD host/path/{id}`.
    Endpoint(Arc<str>),
    /// A server: its host name, or its address and port.
    Server(Arc<str>),
    /// A partner.
    Partner(Arc<str>),
    /// The sensor itself.
    Sensor,
}

impl Entity {
    /// The name of its kind in output.
    pub fn role(&self) -> &'static str {
        match self {
            Entity::Account(_) => "account",
            Entity::ClientIp(_) => "client_ip",
            Entity::Device(_) => "device",
            Entity::Session(_) => "session",
            Entity::Endpoint(_) => "endpoint",
            Entity::Server(_) => "server",
            Entity::Partner(_) => "partner",
            Entity::Sensor => "sensor",
        }
    }
}

impl fmt::Display for Entity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Entity::Account(name) | Entity::Endpoint(name) | Entity::Server(name) | Entity::Partner(name) => {
                f.write_str(name)
            }
            Entity::ClientIp(ip) => ip.fmt(f),
            Entity::Device(fingerprint) | Entity::Session(fingerprint) => fingerprint.fmt(f),
            Entity::Sensor => f.write_str("sensor"),
        }
    }
}
