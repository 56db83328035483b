//! What every source gives, file or interface.

use std::sync::Arc;

use spyhop_model::Timestamp;
use spyhop_stream::Packet;

use crate::live::Live;
use crate::ports::Port;
use crate::replay::Replay;

/// What became of the packets of a source. Each packet read is delivered, filtered or skipped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Accounts {
    /// Packets delivered.
    pub packets: u64,
    /// Their captured octets.
    pub bytes: u64,
    /// Their octets on the wire.
    pub wire_bytes: u64,
    /// Delivered packets of which the capture kept only the front.
    pub cut: u64,
    /// Octets that were on the wire and are missing in them.
    pub cut_bytes: u64,
    /// Packets older than one already delivered, which took the time of the last.
    pub late: u64,
    /// Packets whose record holds no time, which took that of the one before in their file.
    pub untimed: u64,
    /// Packets that the filter refused.
    pub filtered: u64,
    /// Their captured octets.
    pub filtered_bytes: u64,
    /// Packets stepped over because they are over the limit or of an interface that is not described.
    pub skipped: u64,
    /// Packets that never reached a file: the programs that wrote the files say that they, or the interfaces, lost them.
    /// Only pcapng can tell.
    pub dropped_by_writer: u64,
}

impl Accounts {
    pub(crate) fn deliver(&mut self, packet: &Packet<'_>) {
        let (captured, wire) = (packet.data.len() as u64, u64::from(packet.wire_len));
        self.packets += 1;
        self.bytes += captured;
        self.wire_bytes += wire;
        if wire > captured {
            self.cut += 1;
            self.cut_bytes += wire - captured;
        }
    }
}

/// What a source has next.
#[derive(Clone, Copy, Debug)]
pub enum Next<'a> {
    /// A packet. Its time is never before that of the packet delivered before; its interface is an index into
    /// [`Source::ports`].
    Packet(Packet<'a>),
    /// Nothing now; ask again. Only a live source says so, with the time before which nothing can come any more, if it is known.
    Quiet(Option<Timestamp>),
    /// Nothing more. Only files say so.
    End,
}

/// Where packets come from.
pub enum Source {
    /// Capture files.
    Replay(Box<Replay>),
    /// Interfaces.
    Live(Box<Live>),
}

impl Source {
    /// The next packet. Interfaces that are quiet say so within their `nap`.
    #[allow(clippy::should_implement_trait, reason = "what is returned borrows from the source")]
    pub fn next(&mut self) -> Next<'_> {
        match self {
            Self::Replay(replay) => replay.next().map_or(Next::End, Next::Packet),
            Self::Live(live) => {
                // What is known about a quiet wire is of the call before.
                if let Some(reached) = live.reached() {
                    return Next::Quiet(Some(reached));
                }
                live.next().map_or(Next::Quiet(None), Next::Packet)
            }
        }
    }

    /// No packet will be given on with an earlier time: a mark that stands there holds.
    pub fn promise(&mut self, at: Timestamp) {
        if let Self::Live(live) = self {
            live.promise(at);
        }
    }

    /// Where its packets come from, by [`Packet::interface`].
    pub fn ports(&self) -> &[Port] {
        match self {
            Self::Replay(replay) => replay.ports(),
            Self::Live(live) => live.ports(),
        }
    }

    /// The ports' names, by [`Packet::interface`].
    pub fn interfaces(&self) -> Vec<Arc<str>> {
        self.ports().iter().map(|port| port.name.clone()).collect()
    }

    /// Capture files that could be opened; none for an interface.
    pub fn files(&self) -> u64 {
        match self {
            Self::Replay(replay) => replay.files(),
            Self::Live(_) => 0,
        }
    }

    /// What became of the packets so far.
    pub fn accounts(&self) -> Accounts {
        match self {
            Self::Replay(replay) => replay.accounts(),
            Self::Live(live) => live.accounts(),
        }
    }
}
