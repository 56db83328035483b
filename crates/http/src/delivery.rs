//! One body on its way to the inspection: content codings undone, a small one in one slice, a large one in pieces.

use crate::coding::{Codings, Decoder, Decoders, Trouble};
use crate::connection::Shared;
use crate::exchange::Recipient;
use crate::inspection::{Defects, Half, Inspection, Truncation};
use crate::limits::Limits;
use crate::message::carried::{Cut, Cutter};

/// The body of the message that is being read.
#[derive(Default)]
pub(crate) struct Delivery {
    decoder: Option<Box<Decoder>>,
    gathered: Vec<u8>,
    streaming: bool,
    /// Of a body that is many messages.
    cutter: Option<Box<Cutter>>,
}

impl Delivery {
    pub(crate) fn begin<I: Inspection>(&mut self, cx: &mut Shared<I>, codings: &Codings) {
        self.cutter = Cutter::new(codings);
        if self.cutter.as_ref().is_some_and(|cutter| cutter.is_uncoded()) && !codings.is_plain() {
            // Messages that are coded as a whole are none of gRPC.
            self.cutter = None;
        }
        self.decoder = Decoder::new(codings, &cx.limits);
        self.streaming = false;
    }

    /// The next bytes after transfer codings. `last`: nothing of this body follows.
    pub(crate) fn data<I: Inspection, R: Recipient<I>>(
        &mut self,
        cx: &mut Shared<I>,
        to: &mut R,
        half: Half,
        bytes: &[u8],
        last: bool,
    ) {
        to.encoded(half, bytes.len() as u64);
        let Some(mut decoder) = self.decoder.take() else {
            return self.deliver(cx, to, half, bytes, last);
        };
        self.decode(cx, to, half, |decoders, limits, sink| decoder.push(decoders, limits, bytes, sink));
        self.decoder = Some(decoder);
        if last {
            self.finish(cx, to, half);
        }
    }

    /// Lets a decoder do something and delivers what comes out.
    fn decode<I: Inspection, R: Recipient<I>, T>(
        &mut self,
        cx: &mut Shared<I>,
        to: &mut R,
        half: Half,
        run: impl FnOnce(&mut Decoders, &Limits, &mut dyn FnMut(&[u8])) -> T,
    ) -> T {
        let mut decoders = std::mem::take(&mut cx.decoders);
        let limits = cx.limits;
        let result = run(&mut decoders, &limits, &mut |piece| self.deliver(cx, to, half, piece, false));
        cx.decoders = decoders;
        result
    }

    /// The body is over, whole or not.
    pub(crate) fn finish<I: Inspection, R: Recipient<I>>(&mut self, cx: &mut Shared<I>, to: &mut R, half: Half) {
        self.finish_decoder(cx, to, half);
        self.deliver(cx, to, half, &[], true);
    }

    /// Nothing more comes that is coded: what the decoder held back is delivered, and what troubled it is told.
    fn finish_decoder<I: Inspection, R: Recipient<I>>(&mut self, cx: &mut Shared<I>, to: &mut R, half: Half) {
        let Some(mut decoder) = self.decoder.take() else { return };
        let trouble = self.decode(cx, to, half, |decoders, limits, sink| decoder.finish(decoders, limits, sink));
        troubled(cx, to, half, trouble);
    }

    /// `lost` bytes of it were not seen.
    pub(crate) fn gap<I: Inspection, R: Recipient<I>>(
        &mut self,
        cx: &mut Shared<I>,
        to: &mut R,
        half: Half,
        lost: u64,
    ) {
        self.flush(cx, to, half);
        if let Some(decoder) = &mut self.decoder {
            // What comes after a hole in a compressed stream cannot be read.
            decoder.abandon(&mut cx.decoders);
        }
        to.encoded(half, lost);
        if let Some(mut cutter) = self.cutter.take_if(|_| lost > 0) {
            cutter.gap(cx, to, half, lost, &mut |cx, to, cut| self.part(cx, to, half, cut));
            self.cutter = Some(cutter);
        }
        to.gap(&mut cx.inspect, half, lost);
    }

    /// Some of it was not seen, and nobody knows how much.
    pub(crate) fn lost<I: Inspection, R: Recipient<I>>(&mut self, cx: &mut Shared<I>, to: &mut R, half: Half) {
        if let Some(mut cutter) = self.cutter.take() {
            // More than any message has left: the next one has to be found.
            cutter.gap(cx, to, half, u64::MAX, &mut |cx, to, cut| self.part(cx, to, half, cut));
            self.cutter = Some(cutter);
        }
        self.gap(cx, to, half, 0);
    }

    /// Hands over what is gathered, as a piece of a longer body.
    fn flush<I: Inspection, R: Recipient<I>>(&mut self, cx: &mut Shared<I>, to: &mut R, half: Half) {
        if !self.gathered.is_empty() {
            let gathered = std::mem::take(&mut self.gathered);
            to.body(&mut cx.inspect, half, &gathered, false);
            cx.pool.give(gathered);
            self.streaming = true;
        }
    }

    /// Decoded bytes: a body's, or those of many messages.
    fn deliver<I: Inspection, R: Recipient<I>>(
        &mut self,
        cx: &mut Shared<I>,
        to: &mut R,
        half: Half,
        bytes: &[u8],
        last: bool,
    ) {
        let Some(mut cutter) = self.cutter.take() else { return self.gather(cx, to, half, bytes, last) };
        let mut part = |cx: &mut Shared<I>, to: &mut R, cut: Cut<'_>| self.part(cx, to, half, cut);
        let strange = cutter.push(cx, to, half, bytes, &mut part);
        if last || strange > 0 {
            cutter.finish(cx, to, half, &mut part);
            // What is not what its label says is shown as it is.
            let rest = bytes.get(bytes.len() - strange..).unwrap_or_default();
            return self.gather(cx, to, half, rest, last);
        }
        self.cutter = Some(cutter);
    }

    /// Of the message that is the body itself.
    fn part<I: Inspection, R: Recipient<I>>(&mut self, cx: &mut Shared<I>, to: &mut R, half: Half, cut: Cut<'_>) {
        match cut {
            Cut::Body(bytes) => self.gather(cx, to, half, bytes, false),
            Cut::Gap => {
                self.flush(cx, to, half);
                to.gap(&mut cx.inspect, half, 0);
            }
            Cut::End(trouble) => troubled(cx, to, half, trouble),
        }
    }

    fn gather<I: Inspection, R: Recipient<I>>(
        &mut self,
        cx: &mut Shared<I>,
        to: &mut R,
        half: Half,
        bytes: &[u8],
        last: bool,
    ) {
        if self.streaming {
            if last || !bytes.is_empty() {
                to.body(&mut cx.inspect, half, bytes, last);
            }
            return;
        }
        if self.gathered.is_empty() && (last || bytes.len() > cx.limits.small_body) {
            if !bytes.is_empty() {
                to.body(&mut cx.inspect, half, bytes, last);
                self.streaming = !last;
            }
            return;
        }
        if self.gathered.len() + bytes.len() <= cx.limits.small_body {
            if cx.pool.append(&mut self.gathered, bytes, cx.limits.held_memory) {
                if last {
                    let gathered = std::mem::take(&mut self.gathered);
                    to.body(&mut cx.inspect, half, &gathered, true);
                    cx.pool.give(gathered);
                }
                return;
            }
            cx.accounts.bodies_over_limit += 1;
        }
        self.flush(cx, to, half);
        self.streaming = true;
        if last || !bytes.is_empty() {
            to.body(&mut cx.inspect, half, bytes, last);
        }
    }

    /// Bytes that are shown as they are, since the framing around them is broken; they do not count as length.
    pub(crate) fn raw<I: Inspection, R: Recipient<I>>(
        &mut self,
        cx: &mut Shared<I>,
        to: &mut R,
        half: Half,
        bytes: &[u8],
    ) {
        self.finish_decoder(cx, to, half);
        self.deliver(cx, to, half, bytes, false);
    }
}

/// Tells what troubled the decoding of a body.
fn troubled<I: Inspection, R: Recipient<I>>(cx: &mut Shared<I>, to: &mut R, half: Half, trouble: Trouble) {
    if trouble.bad {
        to.flag(half, Defects::BAD_CODING);
        to.truncate(half, Truncation::BadCoding);
    }
    if trouble.bomb {
        cx.accounts.bombs += 1;
        to.flag(half, Defects::BOMB);
        to.truncate(half, Truncation::Bomb);
    }
    if trouble.over_limit {
        cx.accounts.decoders_over_limit += 1;
        to.flag(half, Defects::BAD_CODING);
        to.truncate(half, Truncation::BadCoding);
    }
}
