//! HTTP/2 (RFC 9113) without TLS: with prior knowledge, after `Upgrade: h2c`, in a tunnel, or joined midway.
//!
//! ```text
//! bytes ──> Cutter ──> frames ──> header blocks ──HPACK──> heads ─┐
//!                         └─────> DATA ───────────────────────────┴──> Streams ──> exchanges
//! ```
//!
//! Each direction has its own cutter and its own HPACK table; the streams are shared. A frame's bytes are used as they
//! come; only a header block that comes in pieces is gathered.

mod direction;
pub(crate) mod frame;
mod head;
pub(crate) mod hpack;
mod passage;
mod resync;
mod streams;

use spyhop_model::{Side, Timestamp};

use self::direction::Direction;
pub(crate) use self::resync::{could_start, is_settings};
use self::streams::Streams;
use crate::connection::Shared;
use crate::http1::head::Role;
use crate::http1::pairing::Exchanges;
use crate::inspection::{Half, Inspection};

/// What a client sends first (RFC 9113, section 3.4).
pub(crate) const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// How much of a connection was seen before it was known to be HTTP/2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Begins {
    /// It begins here: with a preface of both sides.
    Here,
    /// It begins here, but something that the server sent was not recognised.
    WithoutServer,
    /// It begins here, but what the client sent first was not seen.
    WithoutClient,
    /// It was joined midway; that side is known to be where a frame begins.
    Midway(Role),
}

/// HTTP/2 in both directions.
pub(crate) struct Http2<I> {
    client: Side,
    request: Direction,
    response: Direction,
    streams: Streams<I>,
}

impl<I: Inspection> Http2<I> {
    pub(crate) fn new(cx: &mut Shared<I>, client: Side, begins: Begins) -> Self {
        cx.accounts.http2_connections += 1;
        let limit = cx.limits.header_table;
        let (request, response) = match begins {
            Begins::Here => (Direction::client(limit), Direction::server(limit)),
            Begins::WithoutServer => (Direction::client(limit), Direction::midway(Half::Response, limit, false)),
            Begins::WithoutClient => (Direction::midway(Half::Request, limit, false), Direction::server(limit)),
            Begins::Midway(role) => (
                Direction::midway(Half::Request, limit, role == Role::Client),
                Direction::midway(Half::Response, limit, role == Role::Server),
            ),
        };
        Http2 {
            client,
            request,
            response,
            streams: Streams::new(matches!(begins, Begins::WithoutClient | Begins::Midway(_))),
        }
    }

    /// After a 101: stream 1 answers the request before it.
    pub(crate) fn upgraded(cx: &mut Shared<I>, exchanges: &mut Exchanges<I>, inspection: Option<I>) -> Self {
        let mut http = Http2::new(cx, exchanges.client, Begins::Here);
        if let Some(inspection) = inspection {
            http.streams.open_upgraded(cx, exchanges, inspection);
        }
        http
    }

    /// Exchanges that are not over yet.
    #[cfg(test)]
    pub(crate) fn outstanding(&self) -> usize {
        self.streams.len()
    }

    /// Whether all that is known is that the server speaks HTTP/2: the client has said nothing yet.
    pub(crate) fn awaits_client(&self) -> bool {
        self.request.is_untouched() && self.streams.highest == 0 && self.streams.len() == 0
    }

    fn direction(&mut self, side: Side) -> (&mut Direction, &mut Streams<I>) {
        let Http2 { client, request, response, streams } = self;
        (if side == *client { request } else { response }, streams)
    }

    /// The next bytes of a side.
    pub(crate) fn data(
        &mut self,
        cx: &mut Shared<I>,
        exchanges: &mut Exchanges<I>,
        at: Timestamp,
        side: Side,
        bytes: &[u8],
    ) {
        self.streams.client_seen |= side == self.client;
        let (direction, streams) = self.direction(side);
        direction.data(cx, exchanges, streams, at, bytes);
    }

    /// Bytes of a side were lost.
    pub(crate) fn gap(&mut self, cx: &mut Shared<I>, exchanges: &mut Exchanges<I>, side: Side, lost: u64) {
        let (direction, streams) = self.direction(side);
        direction.gap(cx, exchanges, streams, lost);
    }

    /// A side sends no more.
    pub(crate) fn finished(&mut self, cx: &mut Shared<I>, exchanges: &mut Exchanges<I>, side: Side) {
        let (direction, streams) = self.direction(side);
        direction.finished(cx, exchanges, streams);
    }

    /// The connection is over: every exchange on it is ended.
    pub(crate) fn finish(&mut self, cx: &mut Shared<I>, exchanges: &mut Exchanges<I>) {
        self.streams.finish(cx, exchanges);
        for direction in [&mut self.request, &mut self.response] {
            direction.release(cx);
        }
    }
}
