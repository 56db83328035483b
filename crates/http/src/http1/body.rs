//! One body on its way to the inspection: content codings undone, a small one in one slice, a large one in pieces.

use crate::coding::{Codings, Decoder, Decoders};
use crate::connection::Shared;
use crate::http1::pairing::Exchanges;
use crate::inspection::{Defects, Half, Inspection, Truncation};
use crate::limits::Limits;

/// The body of the message that is being read.
#[derive(Default)]
pub(crate) struct Delivery {
    decoder: Option<Box<Decoder>>,
    gathered: Vec<u8>,
    streaming: bool,
}

impl Delivery {
    pub(crate) fn begin<I: Inspection>(&mut self, cx: &mut Shared<I>, codings: &Codings) {
        self.decoder = Decoder::new(codings, &cx.limits);
        self.streaming = false;
    }

    /// The next bytes after transfer codings. `last`: nothing of this body follows.
    pub(crate) fn data<I: Inspection>(
        &mut self,
        cx: &mut Shared<I>,
        exchanges: &mut Exchanges<I>,
        half: Half,
        bytes: &[u8],
        last: bool,
    ) {
        exchanges.encoded(half, bytes.len() as u64);
        let Some(mut decoder) = self.decoder.take() else {
            return self.deliver(cx, exchanges, half, bytes, last);
        };
        self.decode(cx, exchanges, half, |decoders, limits, sink| decoder.push(decoders, limits, bytes, sink));
        self.decoder = Some(decoder);
        if last {
            self.finish(cx, exchanges, half);
        }
    }

    /// Lets a decoder do something and delivers what comes out.
    fn decode<I: Inspection, R>(
        &mut self,
        cx: &mut Shared<I>,
        exchanges: &mut Exchanges<I>,
        half: Half,
        run: impl FnOnce(&mut Decoders, &Limits, &mut dyn FnMut(&[u8])) -> R,
    ) -> R {
        let mut decoders = std::mem::take(&mut cx.decoders);
        let limits = cx.limits;
        let result = run(&mut decoders, &limits, &mut |piece| self.deliver(cx, exchanges, half, piece, false));
        cx.decoders = decoders;
        result
    }

    /// The body is over, whole or not.
    pub(crate) fn finish<I: Inspection>(&mut self, cx: &mut Shared<I>, exchanges: &mut Exchanges<I>, half: Half) {
        self.finish_decoder(cx, exchanges, half);
        self.deliver(cx, exchanges, half, &[], true);
    }

    /// Nothing more comes that is coded: what the decoder held back is delivered, and what troubled it is told.
    fn finish_decoder<I: Inspection>(&mut self, cx: &mut Shared<I>, exchanges: &mut Exchanges<I>, half: Half) {
        let Some(mut decoder) = self.decoder.take() else { return };
        let trouble = self.decode(cx, exchanges, half, |decoders, limits, sink| decoder.finish(decoders, limits, sink));
        if trouble.bad {
            exchanges.flag(half, Defects::BAD_CODING);
            exchanges.truncate(half, Truncation::BadCoding);
        }
        if trouble.bomb {
            cx.accounts.bombs += 1;
            exchanges.flag(half, Defects::BOMB);
            exchanges.truncate(half, Truncation::Bomb);
        }
        if trouble.over_limit {
            cx.accounts.decoders_over_limit += 1;
            exchanges.flag(half, Defects::BAD_CODING);
            exchanges.truncate(half, Truncation::BadCoding);
        }
    }

    /// `lost` bytes of it were not seen.
    pub(crate) fn gap<I: Inspection>(
        &mut self,
        cx: &mut Shared<I>,
        exchanges: &mut Exchanges<I>,
        half: Half,
        lost: u64,
    ) {
        self.flush(cx, exchanges, half);
        if let Some(decoder) = &mut self.decoder {
            // What comes after a hole in a compressed stream cannot be read.
            decoder.abandon(&mut cx.decoders);
        }
        exchanges.encoded(half, lost);
        exchanges.gap(&mut cx.inspect, half, lost);
    }

    /// Hands over what is gathered, as a piece of a longer body.
    fn flush<I: Inspection>(&mut self, cx: &mut Shared<I>, exchanges: &mut Exchanges<I>, half: Half) {
        if !self.gathered.is_empty() {
            let gathered = std::mem::take(&mut self.gathered);
            exchanges.body(&mut cx.inspect, half, &gathered, false);
            cx.pool.give(gathered);
            self.streaming = true;
        }
    }

    fn deliver<I: Inspection>(
        &mut self,
        cx: &mut Shared<I>,
        exchanges: &mut Exchanges<I>,
        half: Half,
        bytes: &[u8],
        last: bool,
    ) {
        if self.streaming {
            if last || !bytes.is_empty() {
                exchanges.body(&mut cx.inspect, half, bytes, last);
            }
            return;
        }
        if self.gathered.is_empty() && (last || bytes.len() > cx.limits.small_body) {
            if !bytes.is_empty() {
                exchanges.body(&mut cx.inspect, half, bytes, last);
                self.streaming = !last;
            }
            return;
        }
        if self.gathered.len() + bytes.len() <= cx.limits.small_body {
            if cx.pool.append(&mut self.gathered, bytes, cx.limits.held_memory) {
                if last {
                    let gathered = std::mem::take(&mut self.gathered);
                    exchanges.body(&mut cx.inspect, half, &gathered, true);
                    cx.pool.give(gathered);
                }
                return;
            }
            cx.accounts.bodies_over_limit += 1;
        }
        self.flush(cx, exchanges, half);
        self.streaming = true;
        if last || !bytes.is_empty() {
            exchanges.body(&mut cx.inspect, half, bytes, last);
        }
    }

    /// Bytes that are shown as they are, since the framing around them is broken; they do not count as length.
    pub(crate) fn raw<I: Inspection>(
        &mut self,
        cx: &mut Shared<I>,
        exchanges: &mut Exchanges<I>,
        half: Half,
        bytes: &[u8],
    ) {
        self.finish_decoder(cx, exchanges, half);
        self.deliver(cx, exchanges, half, bytes, false);
    }
}
