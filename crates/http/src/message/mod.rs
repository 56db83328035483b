//! Messages that one exchange carries many of: WebSocket frames, server-sent events, gRPC.
//!
//! Each reader is fed one direction, in order, with losses told by `gap`, and hands on messages as they pass by:
//!
//! ```text
//! (Begin (Data | Gap)* End | Closed)* Bad?
//! ```
//!
//! Nothing is gathered: a message of many gigabytes takes no more memory than one of a byte. How the input is cut
//! changes the pieces of `Data`, never their concatenation nor what stands around them.

pub(crate) mod carried;
pub(crate) mod channel;
mod deflate;
pub(crate) mod grpc;
pub(crate) mod sse;
pub(crate) mod websocket;

use crate::accounts::{Class, HttpAccounts, Unparsed};
use crate::coding::Trouble;

/// What a reader finds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// A message begins.
    Begin(Kind),
    /// The next bytes of the message at hand, unmasked and decoded.
    Data(&'a [u8]),
    /// Some bytes of the message at hand were not seen or could not be decoded: what follows does not adjoin what
    /// came before.
    Gap,
    /// The message at hand is over.
    End(End),
    /// A WebSocket close frame began.
    Closed,
    /// These are no such messages: what follows is not looked at.
    Bad,
}

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A WebSocket text message.
    Text,
    /// A WebSocket binary message.
    Binary,
    /// The data of a server-sent event.
    Event,
    /// A gRPC message: protobuf unless the media type says otherwise.
    Message,
    /// gRPC-Web trailers: lines of a head.
    Trailers,
}

/// How a message ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct End {
    /// As told by `Begin`.
    pub(crate) kind: Kind,
    /// It was compressed.
    pub(crate) compressed: bool,
    /// Some of it was not seen.
    pub(crate) gap: bool,
    /// Its last byte was not seen.
    pub(crate) cut: bool,
    /// It may refer back to bytes that were not seen; blanks stand for them.
    pub(crate) blank: bool,
    /// What went wrong with its coding or framing.
    pub(crate) trouble: Trouble,
}

/// What became of the bytes of one `push`: their sum is its length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    /// Framing and payload.
    pub(crate) parsed: usize,
    /// After a gap: where the next message begins, or how it was compressed, is not known.
    pub(crate) after_gap: usize,
    /// No message where one should be.
    pub(crate) garbage: usize,
}

impl Taken {
    /// Adds these to the accounts.
    pub(crate) fn count(&self, accounts: &mut HttpAccounts) {
        accounts.count(Class::Http, self.parsed);
        accounts.count(Class::Unparsed(Unparsed::AfterGap), self.after_gap);
        accounts.count(Class::Unparsed(Unparsed::Garbage), self.garbage);
    }
}

#[cfg(test)]
mod testing {
    use super::{End, Kind, Piece, Taken};

    /// What a reader said, with adjoining data joined.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(super) enum Said {
        Begin(Kind),
        Data(Vec<u8>),
        Gap,
        End(End),
        Closed,
        Bad,
    }

    pub(super) fn say(said: &mut Vec<Said>, piece: Piece<'_>) {
        let new = match piece {
            Piece::Begin(kind) => Said::Begin(kind),
            Piece::Data(bytes) => match said.last_mut() {
                Some(Said::Data(before)) => return before.extend_from_slice(bytes),
                _ => Said::Data(bytes.to_vec()),
            },
            Piece::Gap => Said::Gap,
            Piece::End(end) => Said::End(end),
            Piece::Closed => Said::Closed,
            Piece::Bad => Said::Bad,
        };
        said.push(new);
    }

    /// The order that [`super`] promises.
    pub(super) fn in_order(said: &[Said]) -> bool {
        let mut open = None;
        said.iter().enumerate().all(|(at, said_now)| match said_now {
            Said::Begin(kind) => open.replace(*kind).is_none(),
            Said::Data(bytes) => open.is_some() && !bytes.is_empty(),
            Said::Gap => open.is_some(),
            Said::End(end) => open.take() == Some(end.kind),
            Said::Closed => true,
            Said::Bad => open.is_none() && at + 1 == said.len(),
        })
    }

    /// Whole messages as text, in order.
    pub(super) fn texts(said: &[Said]) -> Vec<String> {
        let mut texts: Vec<String> = Vec::new();
        for said in said {
            match said {
                Said::Begin(_) => texts.push(String::new()),
                Said::Data(bytes) => {
                    texts.last_mut().unwrap().push_str(&String::from_utf8_lossy(bytes));
                }
                Said::Gap => texts.last_mut().unwrap().push('~'),
                Said::End(end) => {
                    let text = texts.last_mut().unwrap();
                    for (is, sign) in [(end.cut, "|cut"), (end.blank, "|blank"), (end.trouble.bad, "|bad")] {
                        text.push_str(if is { sign } else { "" });
                    }
                }
                Said::Closed => texts.push("(closed)".into()),
                Said::Bad => texts.push("(bad)".into()),
            }
        }
        texts
    }

    pub(super) fn sum(taken: Taken) -> usize {
        taken.parsed + taken.after_gap + taken.garbage
    }
}
