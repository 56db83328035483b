//! How reassembled data leaves.

use spyhop_model::{Connection, Side, Timestamp};

/// Reads one connection. Dispatch is static; bytes that arrive in order are never copied on their way here.
///
/// `Context` is what all readers of one worker share (limits, buffers, counters, output); it is lent for each call.
pub trait StreamReader: Sized {
    /// Shared by all readers of a worker.
    type Context;

    /// A connection has begun. Called with the first data, gap or oddity, so that connections without any cost nothing;
    /// `connection.started` is still the time of its first packet.
    fn open(cx: &mut Self::Context, connection: &Connection) -> Self;
    /// The next bytes that `side` sent, in order, each once.
    fn data(&mut self, cx: &mut Self::Context, at: Timestamp, side: Side, bytes: &[u8]);
    /// `lost` bytes that `side` sent were not seen and are no longer waited for. Should they come after all with nothing
    /// told behind them, where only an acknowledgement said that they existed, they follow as data.
    fn gap(&mut self, cx: &mut Self::Context, at: Timestamp, side: Side, lost: u64);
    /// Something odd about what `side` sent. The data is delivered apart from this.
    fn oddity(&mut self, cx: &mut Self::Context, at: Timestamp, side: Side, what: Oddity);
    /// `side` sends no more: its FIN was reached in order, or its RST counts, which is told right before `end` when what
    /// was on its way has come.
    fn finished(&mut self, cx: &mut Self::Context, at: Timestamp, side: Side);
    /// What the connection carries, as far as its content told so far. Asked when the connection ends, or once before
    /// that if it goes on for long.
    fn content(&self) -> Content {
        Content::Unknown
    }
    /// The connection is over; nothing follows.
    fn end(self, cx: &mut Self::Context, at: Timestamp, why: End);
}

/// What a connection carries, told by its content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Content {
    /// HTTP/0.9 to 1.1.
    Http1,
    /// HTTP/2.
    Http2,
    /// WebSocket.
    WebSocket,
    /// TLS.
    Tls,
    /// None of these.
    Other,
    /// Too little was seen to tell.
    #[default]
    Unknown,
}

impl Content {
    /// All of them, in the order of [`crate::TapHealth::contents`].
    pub const ALL: [Content; 6] =
        [Content::Http1, Content::Http2, Content::WebSocket, Content::Tls, Content::Other, Content::Unknown];

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Content::Http1 => "http1",
            Content::Http2 => "http2",
            Content::WebSocket => "websocket",
            Content::Tls => "tls",
            Content::Other => "other",
            Content::Unknown => "unknown",
        }
    }
}

/// Why a connection is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Both sides sent FIN.
    Closed,
    /// A RST that counts.
    Reset,
    /// No packet for the configured time.
    Idle,
    /// A new SYN with another sequence number on the same addresses and ports.
    Reused,
    /// A limit on the number of connections or their memory made room.
    Evicted,
    /// The capture ended with the connection open.
    CaptureEnd,
}

/// What is odd about a stream. Evidence, not errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Oddity {
    /// A retransmission carried other bytes than those seen first, which were kept (as in a Quantum Insert).
    Conflict,
    /// Urgent data: one byte was read out of band and is not in the stream.
    Urgent,
}
