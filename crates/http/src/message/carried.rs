//! Bodies that are many messages: told by the head, cut as the bytes pass by.

use spyhop_model::MessageKind;

use super::{Kind, Piece, grpc, sse};
use crate::coding::{Codings, Trouble};
use crate::connection::Shared;
use crate::exchange::Recipient;
use crate::head::Field;
use crate::inspection::{Half, Inspection};

/// Bytes of trailers within a body that are kept; there are a status and a sentence in them.
const TRAILERS: usize = 4 << 10;

/// What a body carries many of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Carried {
    /// It is one piece.
    #[default]
    One,
    /// `text/event-stream`.
    Events,
    /// `application/grpc`, `application/grpc-web` and their kin.
    Grpc,
    /// `application/grpc-web-text`: the same in base64.
    GrpcText,
}

impl Carried {
    /// What a Content-Type says.
    pub(crate) fn of(content_type: &[u8]) -> Carried {
        let is =
            |prefix: &[u8]| content_type.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
        if is(b"text/event-stream") {
            Carried::Events
        } else if is(b"application/grpc-web-text") {
            Carried::GrpcText
        } else if is(b"application/grpc") {
            Carried::Grpc
        } else {
            Carried::One
        }
    }
}

/// Cuts one body into its messages. The first message of gRPC is the body itself, since most calls have no other.
pub(crate) struct Cutter {
    reader: Reader,
    /// Messages of gRPC begun.
    begun: u64,
    trailers: Option<Vec<u8>>,
    /// The beginning of an event stream, as long as it may be something else.
    start: Option<Vec<u8>>,
}

/// Bytes in which it shows whether an event stream begins.
const LONGEST_START: usize = 64;

/// What the beginning of a body says, with what was held of it.
enum Begins {
    So(Vec<u8>),
    Unclear,
    Otherwise(Vec<u8>),
}

enum Reader {
    Events(sse::Reader),
    Grpc(grpc::Reader),
}

/// What becomes of bytes that a cutter was given.
pub(crate) enum Cut<'a> {
    /// Bytes of the body itself.
    Body(&'a [u8]),
    /// Some of the body itself was not seen.
    Gap,
    /// The message that is the body is over, with what troubled its decoding.
    End(Trouble),
}

impl Cutter {
    pub(crate) fn new(codings: &Codings) -> Option<Box<Cutter>> {
        let reader = match codings.carried() {
            Carried::One => return None,
            Carried::Events => Reader::Events(sse::Reader::new()),
            Carried::Grpc => Reader::Grpc(grpc::Reader::new(codings.of_messages(), false)),
            Carried::GrpcText => Reader::Grpc(grpc::Reader::new(codings.of_messages(), true)),
        };
        let start = matches!(reader, Reader::Events(_)).then(Vec::new);
        Some(Box::new(Cutter { reader, begun: 0, trailers: None, start }))
    }

    /// Whether what it cuts has no content coding around it.
    pub(crate) fn is_uncoded(&self) -> bool {
        matches!(self.reader, Reader::Grpc(_))
    }

    /// The next bytes. Says how many of the last of them are no messages: what follows is to be shown as it is.
    pub(crate) fn push<I: Inspection, R: Recipient<I>>(
        &mut self,
        cx: &mut Shared<I>,
        to: &mut R,
        half: Half,
        bytes: &[u8],
        body: &mut dyn FnMut(&mut Shared<I>, &mut R, Cut<'_>),
    ) -> usize {
        let held = match self.begins(bytes) {
            Begins::So(held) => held,
            Begins::Unclear => return 0,
            Begins::Otherwise(held) => {
                body(cx, to, Cut::Body(&held));
                return bytes.len();
            }
        };
        let Cutter { reader, begun, trailers, .. } = self;
        let mut bad = false;
        let garbage = match reader {
            Reader::Events(events) => {
                if let Some(running) = to.running(half) {
                    running.decoded(half, (held.len() + bytes.len()) as u64);
                }
                for some in [held.as_slice(), bytes] {
                    events.push(some, &mut |piece| bad |= event(cx, to, half, piece));
                }
                0
            }
            Reader::Grpc(messages) => {
                let mut decoders = std::mem::take(&mut cx.decoders);
                let limits = cx.limits;
                let mut sink = |piece: Piece<'_>| bad |= message(cx, to, half, begun, trailers, piece, body);
                let taken = messages.push(&mut decoders, &limits, bytes, &mut sink);
                cx.decoders = decoders;
                taken.garbage
            }
        };
        if bad { garbage } else { 0 }
    }

    /// Whether this is what its label says. An event stream begins with a field's name or a comment: with anything else it is
    /// no event stream, whatever its label, and must not escape inspection behind that.
    fn begins(&mut self, bytes: &[u8]) -> Begins {
        const NAMES: [&[u8]; 5] = [b":", b"data", b"event", b"id", b"retry"];
        let Some(mut held) = self.start.take() else { return Begins::So(Vec::new()) };
        let first: Vec<u8> = held.iter().chain(bytes).copied().take(LONGEST_START).collect();
        let text = first.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&first);
        let text = text.trim_ascii_start();
        if NAMES.iter().any(|name| text.starts_with(name)) {
            return Begins::So(held);
        }
        let may_be =
            text.is_empty() || NAMES.iter().any(|name| name.starts_with(text)) || b"\xEF\xBB\xBF".starts_with(text);
        if may_be && first.len() < LONGEST_START {
            held.extend_from_slice(bytes);
            self.start = Some(held);
            return Begins::Unclear;
        }
        Begins::Otherwise(held)
    }

    /// `lost` bytes of the body were not seen.
    pub(crate) fn gap<I: Inspection, R: Recipient<I>>(
        &mut self,
        cx: &mut Shared<I>,
        to: &mut R,
        half: Half,
        lost: u64,
        body: &mut dyn FnMut(&mut Shared<I>, &mut R, Cut<'_>),
    ) {
        self.start = None;
        let Cutter { reader, begun, trailers, .. } = self;
        match reader {
            Reader::Events(events) => events.gap(&mut |piece| {
                event(cx, to, half, piece);
            }),
            Reader::Grpc(messages) => {
                let mut decoders = std::mem::take(&mut cx.decoders);
                let limits = cx.limits;
                let mut sink = |piece: Piece<'_>| {
                    message(cx, to, half, begun, trailers, piece, body);
                };
                messages.gap(&mut decoders, &limits, lost, &mut sink);
                cx.decoders = decoders;
            }
        }
    }

    /// The body is over.
    pub(crate) fn finish<I: Inspection, R: Recipient<I>>(
        &mut self,
        cx: &mut Shared<I>,
        to: &mut R,
        half: Half,
        body: &mut dyn FnMut(&mut Shared<I>, &mut R, Cut<'_>),
    ) {
        if let Some(held) = self.start.take() {
            body(cx, to, Cut::Body(&held));
        }
        let Cutter { reader, begun, trailers, .. } = self;
        match reader {
            Reader::Events(events) => events.finish(&mut |piece| {
                event(cx, to, half, piece);
            }),
            Reader::Grpc(messages) => {
                let mut decoders = std::mem::take(&mut cx.decoders);
                let limits = cx.limits;
                let mut sink = |piece: Piece<'_>| {
                    message(cx, to, half, begun, trailers, piece, body);
                };
                messages.finish(&mut decoders, &limits, &mut sink);
                cx.decoders = decoders;
            }
        }
    }
}

/// A piece of an event stream. Says whether it is none.
fn event<I: Inspection, R: Recipient<I>>(cx: &mut Shared<I>, to: &mut R, half: Half, piece: Piece<'_>) -> bool {
    if let Some((running, ordinals)) = to.numbered(half) {
        return running.piece(cx, ordinals, half, MessageKind::ServerSent, piece);
    }
    false
}

/// A piece of gRPC. Says whether it is none.
fn message<I: Inspection, R: Recipient<I>>(
    cx: &mut Shared<I>,
    to: &mut R,
    half: Half,
    begun: &mut u64,
    trailers: &mut Option<Vec<u8>>,
    piece: Piece<'_>,
    body: &mut dyn FnMut(&mut Shared<I>, &mut R, Cut<'_>),
) -> bool {
    if let Piece::Begin(kind) = piece {
        if kind == Kind::Trailers {
            *trailers = Some(Vec::new());
        } else {
            *begun += 1;
        }
        return false;
    }
    if let Some(kept) = trailers {
        match piece {
            Piece::Data(bytes) => {
                let room = TRAILERS.saturating_sub(kept.len());
                kept.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
            }
            Piece::End(_) => {
                let block = trailers.take().unwrap_or_default();
                let fields: Vec<Field<'_>> = block.split(|byte| *byte == b'\n').filter_map(field).collect();
                if let Some(running) = to.running(half) {
                    running.inspection.trailers(&mut cx.inspect, half, &fields);
                }
            }
            _ => {}
        }
        return matches!(piece, Piece::Bad);
    }
    if *begun <= 1 {
        match piece {
            Piece::Data(bytes) => body(cx, to, Cut::Body(bytes)),
            Piece::Gap => body(cx, to, Cut::Gap),
            Piece::End(end) => body(cx, to, Cut::End(end.trouble)),
            _ => {}
        }
        return matches!(piece, Piece::Bad);
    }
    match to.numbered(half) {
        Some((running, ordinals)) => running.piece(cx, ordinals, half, MessageKind::Grpc, piece),
        None => false,
    }
}

/// A line of trailers.
fn field(line: &[u8]) -> Option<Field<'_>> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let (name, value) = line.split_at(colon);
    Some(Field { name: name.trim_ascii(), value: value.get(1..)?.trim_ascii() })
}
