//! A call whose account, endpoint, device and place are known: what detectors see.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::call::{Call, Login, Moment, Outcome};
use crate::secret::Fingerprint;

/// A call with what identification added.
#[derive(Clone, Debug)]
pub struct Event {
    /// The call.
    pub call: Call,
    /// `METHOD host/path/{id}`.
    pub endpoint: Arc<str>,
    /// The account that called, if it is known.
    pub account: Option<Arc<str>>,
    /// The true client.
    pub client: Party,
    /// The server.
    pub server: Party,
    /// The device, by what it shows of itself.
    pub device: Option<Fingerprint>,
    /// The session, if one is known.
    pub session: Option<Fingerprint>,
    /// The partner, if it is one.
    pub partner: Option<Arc<str>>,
    /// The call repeats credentials that this client has used and that were not refused since.
    pub repeated_login: bool,
}

impl Event {
    /// Its place in the order.
    pub fn moment(&self) -> Moment {
        self.call.moment
    }
    /// The login attempt in it. Credentials that a client repeats with every call (Basic) are an attempt only once.
    pub fn login(&self) -> Option<&Login> {
        self.call.login.as_deref().filter(|_| !self.repeated_login)
    }
    /// The login attempt in it, unless it is known to have failed.
    pub fn login_not_failed(&self) -> Option<&Login> {
        self.login().filter(|login| login.outcome != Outcome::Failure)
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
