//! What one exchange says by itself.

use serde::{Deserialize, Serialize};

use crate::client::{Forwarded, Traits};
use crate::credential::{Credential, Issued};
use crate::data::{DataType, Delivered, Holding, Observation, Unveiled};
use crate::exchange::{Body, Defects, Half};
use crate::login::{Account, Login};
use crate::net::{FlowId, Socket, Vlans};
use crate::secret::Fingerprint;
use crate::time::Timestamp;

/// An event's place in the one order of all events: capture time, then flow, then the number on its flow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Moment {
    /// The packet or timer that completed it.
    pub at: Timestamp,
    /// Its connection.
    pub flow: FlowId,
    /// Its number on the connection.
    pub ordinal: u32,
}

/// Names an exchange: `<flow>-<number>`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ExchangeId {
    /// Its connection.
    pub flow: FlowId,
    /// Its number on the connection.
    pub ordinal: u32,
}

impl std::fmt::Display for ExchangeId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.flow, self.ordinal)
    }
}

/// How the exchange crossed the wire at our point of observation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// Readable by anyone on the path.
    #[default]
    Cleartext,
    /// TLS, decrypted by us.
    Decrypted,
    /// Readable here, because a terminator of TLS stands before us.
    BehindTerminator,
}

/// A protocol that carries exchanges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Protocol {
    /// HTTP/0.9 to 1.1.
    #[default]
    #[serde(rename = "http/1.1")]
    Http1,
    /// HTTP/2.
    #[serde(rename = "h2")]
    Http2,
}

impl Protocol {
    /// As written in output.
    pub fn name(self) -> &'static str {
        match self {
            Protocol::Http1 => "http/1.1",
            Protocol::Http2 => "h2",
        }
    }
}

/// What carries messages that are no exchanges of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageKind {
    /// A WebSocket (RFC 6455).
    #[serde(rename = "websocket")]
    WebSocket,
    /// Server-sent events (WHATWG HTML, section 9.2).
    #[serde(rename = "sse")]
    ServerSent,
    /// A stream of gRPC.
    #[serde(rename = "grpc")]
    Grpc,
}

impl MessageKind {
    /// As written in output.
    pub fn name(self) -> &'static str {
        match self {
            MessageKind::WebSocket => "websocket",
            MessageKind::ServerSent => "sse",
            MessageKind::Grpc => "grpc",
        }
    }
}

/// A message on a channel that an exchange opened. The call that holds it repeats that exchange's request, so that it is
/// known who speaks where; it has no response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// The number of the exchange that opened the channel.
    pub opened_by: u32,
    /// What carries it.
    pub kind: MessageKind,
    /// Who sent it: the client or the server.
    pub half: Half,
    /// Its number among those of its half, from 0.
    pub number: u64,
    /// How it passed.
    pub body: Body,
}

/// Everything one exchange says by itself; small, owned, sent on by its worker. All text is redacted:
/// personal values, tokens and passwords stand as `mask~fingerprint`.
#[derive(Clone, Debug)]
pub struct Call {
    /// Its place in the order of events.
    pub moment: Moment,
    /// First byte of its first head.
    pub began_at: Timestamp,
    /// First byte of the response head.
    pub answered_at: Option<Timestamp>,
    /// Last byte.
    pub ended_at: Timestamp,
    /// The client's end of the connection.
    pub client: Socket,
    /// The server's end.
    pub server: Socket,
    /// VLANs around it.
    pub vlans: Vlans,
    /// How it crossed the wire here.
    pub transport: Transport,
    /// A hop before us says that it ended TLS. Whether it is one that may say so is for identification to know.
    pub forwarded_https: bool,
    /// Protocol.
    pub protocol: Protocol,
    /// Its stream, in HTTP/2.
    pub stream: Option<u32>,
    /// The message, if this is none of the exchange itself but of the channel that it opened.
    pub message: Option<Box<Message>>,
    /// The status of a gRPC call (grpc-status), which tells more than HTTP's.
    pub grpc_status: Option<u32>,
    /// The request; `None` where only the answer was seen.
    pub request: Option<Request>,
    /// The response.
    pub response: Option<Response>,
    /// What was wrong or odd, and what was not seen.
    pub defects: Defects,
    /// What the caller says it is, by its user agent.
    pub agent: Agent,
    /// The picture of the client's software: user agent, order of header fields, accepted languages and codings.
    pub picture: Option<Fingerprint>,
    /// A login attempt, if it is one.
    pub login: Option<Box<Login>>,
    /// Credentials the request carries, in order.
    pub credentials: Vec<Credential>,
    /// Sensitive values.
    pub observations: Vec<Observation>,
    /// What the bodies hold; `None` where nothing personal was found.
    pub holding: Halves<Option<Box<Holding>>>,
    /// Masked values beside which the full ones stand.
    pub unveiled: Vec<Unveiled>,
    /// The file that the response delivers, if it is one.
    pub delivered: Option<Box<Delivered>>,
    /// How many records the request asks for, by a parameter such as `pageSize`.
    pub page_size: Option<u32>,
    /// The response is a script that masks values of these types in the browser.
    pub masks_in_browser: Vec<&'static DataType>,
    /// Credentials that the response hands out or takes back.
    pub issued: Vec<Issued>,
    /// The answer refuses the caller: 401 or 403, or a body that says so under another status.
    pub refused: bool,
    /// The request ends the caller's session.
    pub logout: bool,
    /// The account that the answer names as the caller's own (`/me`, `/userInfo`).
    pub names_caller: Option<Box<Account>>,
    /// The account that a gateway before us names in a header (`X-Forwarded-User`). Whether it may is for identification to know.
    pub header_account: Option<Box<Account>>,
    /// What gateways say of the hops before them.
    pub forwarded: Option<Box<Forwarded>>,
    /// What the request carries of what browsers send.
    pub traits: Traits,
    /// The device's own name for itself (`deviceId`, `X-Device-Id`), as a fingerprint.
    pub device_id: Option<Fingerprint>,
    /// What is called where one path serves many operations: a GraphQL operation, a SOAP action, a JSON-RPC method, an `action` parameter.
    pub operation: Option<Box<str>>,
    /// Text as on the wire; only where a replay asked for raw fields.
    pub raw: Option<Box<Raw>>,
}

impl Call {
    /// The name of its exchange; of a message, of the exchange that opened its channel.
    pub fn id(&self) -> ExchangeId {
        let ordinal = self.message.as_ref().map_or(self.moment.ordinal, |message| message.opened_by);
        ExchangeId { flow: self.moment.flow, ordinal }
    }
    /// The response's status; `None` where no answer was seen or it bore no number.
    pub fn status(&self) -> Option<u16> {
        self.response.as_ref().map(|r| r.status).filter(|status| *status != 0)
    }
    /// What of the exchange was not seen, as names.
    pub fn losses(&self) -> impl Iterator<Item = &'static str> {
        let unseen = Defects::GAP | Defects::MIDSTREAM | Defects::BOMB | Defects::HEAD_TOO_LONG | Defects::BAD_CODING;
        let one_sided = match (&self.request, &self.response) {
            (Some(_), Some(_)) => None,
            _ if self.message.is_some() => None,
            (Some(_), None) => Some("no_response_seen"),
            _ => Some("no_request_seen"),
        };
        Defects(self.defects.0 & unseen).names().chain(one_sided)
    }
    /// Answered with 2xx.
    pub fn succeeded(&self) -> bool {
        self.status().is_some_and(|status| (200..300).contains(&status))
    }
}

/// Something of each half.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Halves<T> {
    /// The request's.
    pub request: T,
    /// The response's.
    pub response: T,
}

/// The request's part of a call.
#[derive(Clone, Debug)]
pub struct Request {
    /// Method.
    pub method: Box<str>,
    /// Request target, redacted.
    pub target: Box<str>,
    /// Host, lower case, with its port where one was written; redacted. Empty where none was given.
    pub host: Box<str>,
    /// The decoded path, one entry a segment, each redacted; what endpoints are made of.
    pub path: Vec<Segment>,
    /// Major and minor version.
    pub version: (u8, u8),
    /// The version as written, where its two numbers do not say it (`1.01`).
    pub odd_version: Option<Box<str>>,
    /// User agent, redacted.
    pub user_agent: Option<Box<str>>,
    /// Media type of the body, lower case, without parameters.
    pub content_type: Option<Box<str>>,
    /// Its body.
    pub body: Body,
}

/// The response's part of a call.
#[derive(Clone, Debug)]
pub struct Response {
    /// Status code; 0 where it was no number.
    pub status: u16,
    /// Major and minor version.
    pub version: (u8, u8),
    /// The version as written, where its two numbers do not say it (`1.01`).
    pub odd_version: Option<Box<str>>,
    /// Media type of the body, lower case, without parameters.
    pub content_type: Option<Box<str>>,
    /// Its body.
    pub body: Body,
}

/// A path segment: kept, or typed at once because of its form.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Segment {
    /// As it stands (percent-decoded).
    Literal(Box<str>),
    /// A variable part by its form: `int`, `uuid`, `date`, `hex`, `cn_mobile`, …
    Typed(&'static str),
}

/// Text as on the wire.
#[derive(Clone, Debug, Default)]
pub struct Raw {
    /// Method.
    pub method: Option<Box<str>>,
    /// Request target.
    pub target: Option<Box<str>>,
    /// Host.
    pub host: Option<Box<str>>,
    /// User agent.
    pub user_agent: Option<Box<str>>,
    /// Account name.
    pub account: Option<Box<str>>,
}

/// What a user agent says of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agent {
    /// Family.
    pub family: AgentFamily,
    /// Name of the bot or library, from the data set.
    #[serde(skip)]
    pub name: Option<&'static str>,
}

/// Families of user agents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentFamily {
    /// No user agent at all.
    #[default]
    None,
    /// Looks like a browser.
    Browser,
    /// A declared crawler.
    Bot,
    /// A monitoring probe.
    Monitor,
    /// An HTTP library or command-line client.
    Library,
    /// A browser driven by a program.
    Headless,
    /// Something else.
    Other,
}
