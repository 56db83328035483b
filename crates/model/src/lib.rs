//! The words of the sensor: what everyone reads. No input or output, no threads, no configuration.

mod call;
mod data;
mod event;
mod exchange;
mod finding;
mod handshake;
mod net;
mod secret;
mod settings;
mod time;

pub use call::{
    Account, Agent, AgentFamily, Call, Credential, CredentialKind, ExchangeId, Halves, Login, LoginMethod, Message,
    MessageKind, Moment, Outcome, Protocol, Raw, Request, Response, SecretForm, Segment, Transport, Weakness,
};
pub use data::{
    Category, DataType, Delivered, FileKind, Form, Grade, Holding, Lang, Observation, Personal, Place, Text, Unveiled,
};
pub use event::{Country, Entity, Event, Party, Zone};
pub use exchange::{Body, Defects, Half, Truncation};
pub use finding::{Change, Class, Finding, FindingId, Involved, Respond, Rule, Said, Severity, Status};
pub use handshake::{Greeting, Handshake, Sighting, Values};
pub use net::{Connection, FlowId, FlowKey, Side, Socket, Vlans};
pub use secret::{Fingerprint, Key, KeyId};
pub use settings::{Setting, Settings};
pub use time::{Civil, Span, Timestamp};

/// For the [`settings!`] macro.
#[doc(hidden)]
pub use serde;
