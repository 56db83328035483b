//! A WebSocket after its handshake: both directions, and the exchange that opened it.

use spyhop_model::{MessageKind, Side};

use super::websocket::{DeflateParameters, Reader};
use crate::connection::Shared;
use crate::exchange::{Ordinals, Running, index};
use crate::http1::head::Role;
use crate::inspection::{Half, Inspection};

/// An open WebSocket.
pub(crate) struct Channel<I> {
    client: Side,
    readers: [Reader; 2],
    /// Stands for the exchange that opened it; messages are told to its inspection, which is never ended.
    running: Running<I>,
}

impl<I: Inspection> Channel<I> {
    /// `running` has the number of the exchange that opened it.
    pub(crate) fn new(client: Side, deflate: Option<DeflateParameters>, running: Running<I>) -> Self {
        let readers = [Reader::new(Role::Client, deflate), Reader::new(Role::Server, deflate)];
        Channel { client, readers, running }
    }

    fn half(&self, side: Side) -> Half {
        if side == self.client { Half::Request } else { Half::Response }
    }

    /// The next bytes of a side.
    pub(crate) fn data(&mut self, cx: &mut Shared<I>, ordinals: &mut Ordinals, side: Side, bytes: &[u8]) {
        let half = self.half(side);
        let Channel { readers, running, .. } = self;
        let mut decoders = std::mem::take(&mut cx.decoders);
        let limits = cx.limits;
        let taken = readers[index(half)].push(&mut decoders, &limits, bytes, &mut |piece| {
            running.piece(cx, ordinals, half, MessageKind::WebSocket, piece);
        });
        cx.decoders = decoders;
        taken.count(&mut cx.accounts);
    }

    /// `lost` bytes of a side were not seen.
    pub(crate) fn gap(&mut self, cx: &mut Shared<I>, ordinals: &mut Ordinals, side: Side, lost: u64) {
        let half = self.half(side);
        let Channel { readers, running, .. } = self;
        let mut decoders = std::mem::take(&mut cx.decoders);
        let limits = cx.limits;
        readers[index(half)].gap(&mut decoders, &limits, lost, &mut |piece| {
            running.piece(cx, ordinals, half, MessageKind::WebSocket, piece);
        });
        cx.decoders = decoders;
    }

    /// A side sends no more: the message at hand is over, and what its decoder took is given back.
    pub(crate) fn finished(&mut self, cx: &mut Shared<I>, ordinals: &mut Ordinals, side: Side) {
        let half = self.half(side);
        let Channel { readers, running, .. } = self;
        let mut decoders = std::mem::take(&mut cx.decoders);
        let limits = cx.limits;
        readers[index(half)].finish(&mut decoders, &limits, &mut |piece| {
            running.piece(cx, ordinals, half, MessageKind::WebSocket, piece);
        });
        cx.decoders = decoders;
    }
}
