//! The words of the sensor: what everyone reads. No input or output, no threads, no configuration.

mod call;
mod client;
mod credential;
mod data;
mod event;
mod exchange;
mod finding;
mod handshake;
mod login;
mod net;
mod secret;
mod settings;
mod time;

pub use call::{
    Agent, AgentFamily, Call, ExchangeId, Halves, Message, MessageKind, Moment, Protocol, Raw, Request, Response,
    Segment, Transport,
};
pub use client::{Forwarded, Traits};
pub use credential::{Claims, CookieFlags, Credential, CredentialKind, Issued, TokenFlaws};
pub use data::{
    Category, DataType, Delivered, FileKind, Form, Grade, Holding, Lang, Observation, Personal, Place, Text, Unveiled,
};
pub use event::{
    Attribution, Conclusion, Country, Crowd, Entity, Event, LoginHabits, Nature, Party, Position, Session, Source, Zone,
};
pub use exchange::{Body, Defects, Half, Truncation};
pub use finding::{Change, Class, Finding, FindingId, Involved, Respond, Rule, Said, Severity, Status};
pub use handshake::{Greeting, Handshake, Sighting, Values};
pub use login::{Account, Factors, Login, LoginMethod, Outcome, Purpose, Refusal, SecretForm, Weakness};
pub use net::{Connection, FlowId, FlowKey, Side, Socket, Vlans};
pub use secret::{Fingerprint, Key, KeyId};
pub use settings::{Setting, Settings};
pub use time::{Civil, Span, Timestamp};

/// For the [`settings!`] macro.
#[doc(hidden)]
pub use serde;
