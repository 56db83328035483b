//! What goes on along a stream whose exchange is over: a WebSocket (RFC 8441), or a tunnel (RFC 9113, section 8.5), in which
//! the protocol is detected anew as behind a CONNECT of HTTP/1.

use spyhop_model::Side;

use crate::connection::{Connection, Shared};
use crate::exchange::Ticket;
use crate::http1::pairing::Exchanges;
use crate::inspection::Inspection;
use crate::message::channel::Channel;

/// Tunnels within tunnels that are followed; each is a layer of framing more, and no proxy chains that many.
const NESTED: u8 = 4;

pub(super) enum Passage<I> {
    WebSocket(Box<Channel<I>>),
    Tunnel(Box<Tunnel<I>>),
}

/// A connection within a stream. It shares the numbers of the one around it.
pub(super) struct Tunnel<I> {
    connection: Connection<I>,
    /// Whatever a tunnel carries, it takes as much memory as an exchange, and counts as one.
    _ticket: Ticket,
}

impl<I: Inspection> Passage<I> {
    /// A tunnel on a stream of the connection of `exchanges`; `None` within too many others.
    pub(super) fn tunnel(cx: &mut Shared<I>, exchanges: &Exchanges<I>) -> Option<Self> {
        if exchanges.nested >= NESTED {
            cx.accounts.tunnels_over_limit += 1;
            return None;
        }
        cx.accounts.tunnels += 1;
        let tunnel = Tunnel { connection: Connection::within(exchanges), _ticket: cx.open.ticket() };
        Some(Passage::Tunnel(Box::new(tunnel)))
    }

    /// The next bytes of a side; they are counted here.
    pub(super) fn data(&mut self, cx: &mut Shared<I>, exchanges: &mut Exchanges<I>, side: Side, bytes: &[u8]) {
        match self {
            Passage::WebSocket(channel) => channel.data(cx, &mut exchanges.ordinals, side, bytes),
            Passage::Tunnel(tunnel) => tunnel.lend(exchanges, |inner| inner.passed(cx, side, bytes)),
        }
    }

    /// `lost` bytes of a side were not seen.
    pub(super) fn gap(&mut self, cx: &mut Shared<I>, exchanges: &mut Exchanges<I>, side: Side, lost: u64) {
        match self {
            Passage::WebSocket(channel) => channel.gap(cx, &mut exchanges.ordinals, side, lost),
            Passage::Tunnel(tunnel) => {
                let now = cx.now;
                tunnel.lend(exchanges, |inner| inner.lost(cx, now, side, lost));
            }
        }
    }

    /// Bytes of a side may have been lost, and nobody knows how many.
    pub(super) fn lost(&mut self, cx: &mut Shared<I>, exchanges: &mut Exchanges<I>, side: Side) {
        match self {
            // More than any frame has left: the channel has to find its next one.
            Passage::WebSocket(channel) => channel.gap(cx, &mut exchanges.ordinals, side, u64::MAX),
            Passage::Tunnel(tunnel) => tunnel.lend(exchanges, |inner| inner.lose_track(cx)),
        }
    }

    /// A side sends no more.
    pub(super) fn finished(&mut self, cx: &mut Shared<I>, exchanges: &mut Exchanges<I>, side: Side) {
        match self {
            Passage::WebSocket(channel) => channel.finished(cx, &mut exchanges.ordinals, side),
            Passage::Tunnel(tunnel) => {
                let now = cx.now;
                tunnel.lend(exchanges, |inner| inner.finished(cx, now, side));
            }
        }
    }

    /// It is over.
    pub(super) fn close(mut self, cx: &mut Shared<I>, exchanges: &mut Exchanges<I>) {
        let client = exchanges.client;
        match &mut self {
            Passage::WebSocket(_) => {
                self.finished(cx, exchanges, client);
                self.finished(cx, exchanges, client.other());
            }
            Passage::Tunnel(tunnel) => tunnel.lend(exchanges, |inner| inner.finish(cx)),
        }
    }
}

impl<I: Inspection> Tunnel<I> {
    /// Lets the connection within do something with the numbers of the one around it.
    fn lend(&mut self, outer: &mut Exchanges<I>, act: impl FnOnce(&mut Connection<I>)) {
        self.connection.borrow_numbers(outer);
        act(&mut self.connection);
        self.connection.return_numbers(outer);
    }
}
