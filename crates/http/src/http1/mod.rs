//! HTTP/1: one reader for each direction, and the exchanges they fill.

pub(crate) mod chunked;
pub(crate) mod head;
pub(crate) mod pairing;
mod reader;
mod resync;

use spyhop_model::{Side, Timestamp};

use self::head::Role;
use self::pairing::Exchanges;
pub(crate) use self::reader::Early;
use self::reader::Reader;
use crate::accounts::Other;
use crate::connection::Shared;
use crate::inspection::Inspection;
use crate::message::websocket::DeflateParameters;

/// HTTP/1 in both directions.
pub(crate) struct Http1 {
    client: Side,
    request: Reader,
    response: Reader,
}

/// The connection changes its protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Switch {
    /// A CONNECT was granted.
    Tunnel,
    /// A CONNECT was not granted: what the client sent since is HTTP after all.
    Refused,
    /// `101 Switching Protocols`.
    Upgrade(Upgrade),
}

/// What a connection is upgraded to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Upgrade {
    /// `h2c` (RFC 7540, section 3.2).
    Http2,
    /// `websocket` (RFC 6455), with what was agreed to about its compression.
    WebSocket(Option<DeflateParameters>),
    Other,
}

impl Http1 {
    pub(crate) fn new(client: Side) -> Self {
        Http1 { client, request: Reader::new(Role::Client), response: Reader::new(Role::Server) }
    }

    fn reader(&mut self, side: Side) -> &mut Reader {
        if side == self.client { &mut self.request } else { &mut self.response }
    }

    /// That side is in the middle of something; it is read from the next start line on.
    pub(crate) fn resume(&mut self, side: Side) {
        self.reader(side).resume();
    }

    /// That side speaks something else.
    pub(crate) fn set_other(&mut self, side: Side, name: Other) {
        self.reader(side).set_other(name);
    }

    /// The next bytes of a side. If the protocol changes: how, and how many bytes were used.
    pub(crate) fn data<I: Inspection>(
        &mut self,
        cx: &mut Shared<I>,
        exchanges: &mut Exchanges<I>,
        at: Timestamp,
        side: Side,
        bytes: &[u8],
    ) -> Option<(Switch, usize)> {
        if side == self.client {
            self.request.data(cx, exchanges, at, bytes, None);
            exchanges.release(cx, at);
            return None;
        }
        let arriving = self.request.arriving();
        let switch = self.response.data(cx, exchanges, at, bytes, arriving);
        exchanges.release(cx, at);
        switch
    }

    /// Whether what the client sends waits for the answer to its CONNECT.
    pub(crate) fn waits(&self) -> bool {
        self.request.waits()
    }

    /// What the client sent after a CONNECT, before it was granted.
    pub(crate) fn take_waiting<I: Inspection>(&mut self, cx: &mut Shared<I>) -> Early {
        self.request.take_waiting(cx)
    }

    /// Bytes of a side were lost.
    pub(crate) fn gap<I: Inspection>(
        &mut self,
        cx: &mut Shared<I>,
        exchanges: &mut Exchanges<I>,
        at: Timestamp,
        side: Side,
        lost: u64,
    ) {
        self.reader(side).gap(cx, exchanges, lost);
        exchanges.release(cx, at);
    }

    /// A side sends no more.
    pub(crate) fn finished<I: Inspection>(
        &mut self,
        cx: &mut Shared<I>,
        exchanges: &mut Exchanges<I>,
        at: Timestamp,
        side: Side,
    ) {
        self.reader(side).finished(cx, exchanges);
        if side != self.client {
            exchanges.server_done();
        }
        exchanges.release(cx, at);
    }

    /// Both directions speak another protocol from here on.
    pub(crate) fn close<I: Inspection>(&mut self, cx: &mut Shared<I>, exchanges: &mut Exchanges<I>) {
        self.request.finished(cx, exchanges);
    }
}
