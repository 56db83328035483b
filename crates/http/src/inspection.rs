//! What the parser drives: one `Inspection` per exchange, fed as the bytes pass by.

pub use spyhop_model::{Body, Defects, Half, Truncation};
use spyhop_model::{Connection, MessageKind, Protocol, Timestamp};

use crate::head::{Field, RequestHead, ResponseHead};

/// Inspects one exchange while it passes: heads, then decoded body bytes, then the end. Of a body that fits
/// the parser's small-body limit the whole comes as one slice (`last` set); a longer one comes in many, in order,
/// from the first byte to the last.
///
/// Calls come in the order in which things complete: `request`, request body, `response`, response body, `end`;
/// with pipelining the halves of several exchanges interleave. A one-sided exchange has only one of the heads. If a
/// server answers before the request's head is complete, `response` comes before `request`.
///
/// An answer in the manner of HTTP/0.9 has a head of status 0 and version (0, 9) without fields.
pub trait Inspection: Sized {
    /// Shared by all inspections of a worker.
    type Context;

    /// An exchange has begun at `at` (capture time of the first byte of its first head).
    fn begin(cx: &mut Self::Context, connection: &Connection, at: Timestamp) -> Self;
    /// Its number on its connection; told right after it has begun.
    fn numbered(&mut self, _ordinal: u32) {}
    /// A load balancer says that it passes on a connection of that address (PROXY protocol); told right after that.
    fn passed_on(&mut self, _source: std::net::IpAddr) {}
    /// The request head.
    fn request(&mut self, cx: &mut Self::Context, head: &RequestHead<'_>);
    /// The final response head (interim answers are counted, not shown).
    fn response(&mut self, cx: &mut Self::Context, head: &ResponseHead<'_>);
    /// The next decoded bytes of a body, after transfer and content codings. `last`: nothing of this body follows.
    /// A body with no bytes gives no call; one in many pieces may end with a call of no bytes that sets `last`.
    fn body(&mut self, cx: &mut Self::Context, half: Half, bytes: &[u8], last: bool);
    /// `lost` bytes of a body were not seen: what comes next does not adjoin what came before.
    fn gap(&mut self, _cx: &mut Self::Context, _half: Half, _lost: u64) {}
    /// Fields that came behind a body: of a chunked one, or of a stream of HTTP/2.
    fn trailers(&mut self, _cx: &mut Self::Context, _half: Half, _fields: &[Field<'_>]) {}

    /// The next decoded bytes of a message that the exchange carries beside its bodies: of a WebSocket that it opened, a
    /// server-sent event, a later message of a gRPC stream. Messages of one half come one after the other.
    fn message(&mut self, _cx: &mut Self::Context, _half: Half, _bytes: &[u8]) {}
    /// Some bytes of a message were not seen or could not be decoded.
    fn message_gap(&mut self, _cx: &mut Self::Context, _half: Half) {}
    /// The message is over. A message in one half may end while one in the other is passing.
    fn message_end(&mut self, _cx: &mut Self::Context, _message: &MessageEnd) {}
    /// An inspection for what follows an upgrade, with this one's request: the answer on stream 1 of HTTP/2
    /// (RFC 7540, section 3.2), or messages of a WebSocket, after which there is no `end`.
    fn again(&self, cx: &mut Self::Context, connection: &Connection, at: Timestamp) -> Self {
        Self::begin(cx, connection, at)
    }

    /// A TLS handshake was read on a connection.
    fn greeting(_cx: &mut Self::Context, _connection: &Connection, _greeting: &Greeting<'_>) {}

    /// The exchange is complete, or will never be.
    fn end(self, cx: &mut Self::Context, exchange: &Exchange);
}

/// A TLS handshake on a connection.
#[derive(Debug)]
pub struct Greeting<'a> {
    /// Its number on its connection, from the same sequence as those of exchanges.
    pub ordinal: u32,
    /// When its first hello was read.
    pub began_at: Timestamp,
    /// The packet that completed it, or showed that no more of it will come.
    pub completed_at: Timestamp,
    /// What it says.
    pub handshake: &'a spyhop_tls::Handshake,
}

/// What stands about a message at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageEnd {
    /// Its number on its connection, from the same sequence as those of exchanges.
    pub ordinal: u32,
    /// The number of the exchange that opened its channel.
    pub opened_by: u32,
    /// What carries it.
    pub kind: MessageKind,
    /// What carries its channel.
    pub protocol: Protocol,
    /// The channel's stream, in HTTP/2.
    pub stream: Option<u32>,
    /// Which stream-level side the client is.
    pub client: spyhop_model::Side,
    /// Who sent it: the client or the server.
    pub half: Half,
    /// Its number among those of its half, from 0.
    pub number: u64,
    /// Its first byte.
    pub began_at: Timestamp,
    /// The packet that completed it.
    pub completed_at: Timestamp,
    /// How it passed.
    pub body: Body,
    /// What was wrong or odd.
    pub defects: Defects,
}

/// What stands about an exchange at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// Its number on its connection, from 0, in the order in which exchanges begin and messages end.
    pub ordinal: u32,
    /// What carries it.
    pub protocol: Protocol,
    /// Its stream, in HTTP/2.
    pub stream: Option<u32>,
    /// Which stream-level side the client is.
    pub client: spyhop_model::Side,
    /// First byte of the first head.
    pub began_at: Timestamp,
    /// First byte of the response head, if any.
    pub answered_at: Option<Timestamp>,
    /// The last byte of the later half (capture time of its packet).
    pub ended_at: Timestamp,
    /// The packet or timer that completed the exchange: its place in the order of events. Never earlier than `ended_at`.
    pub completed_at: Timestamp,
    /// The request's body; `None` if there was no request.
    pub request: Option<Body>,
    /// The response's body; `None` if there was no response.
    pub response: Option<Body>,
    /// Interim answers (1xx other than 101) before the final one.
    pub interim: u32,
    /// What was wrong or odd.
    pub defects: Defects,
    /// The versions of request and response as written, where their two numbers do not say it (`1.01`): digits and dots.
    pub odd_versions: [Option<Box<str>>; 2],
}
