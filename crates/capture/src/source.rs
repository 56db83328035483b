//! What every source gives, file or interface.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use spyhop_stream::{LinkType, Packet};

use crate::error::CaptureError;
use crate::format::FileName;
use crate::live::Live;
use crate::replay::Replay;

/// A packet and where it was captured.
#[derive(Clone, Copy, Debug)]
pub struct Captured<'a> {
    /// The packet. Its time is never before that of the packet delivered before.
    pub packet: Packet<'a>,
    /// Index into the source's table of ports.
    pub port: u16,
}

/// Where packets were captured: an interface, or one described in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// The file; none for a live interface, nor for the last port there can be, which all further ones share.
    pub path: Option<Arc<Path>>,
    /// The interface's name, where it is known.
    pub interface: Option<String>,
    /// How its packets begin; those of a port shared by several say it themselves.
    pub link: LinkType,
}

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
    /// A packet.
    Packet(Captured<'a>),
    /// Nothing now; ask again. Only a live source says so.
    Quiet,
    /// Nothing more. Only files say so.
    End,
}

/// Where packets come from.
pub enum Source {
    /// Capture files.
    Replay(Box<Replay>),
    /// An interface.
    Live(Box<Live>),
}

impl Source {
    /// The next packet. An interface that is quiet says so within its `nap`.
    ///
    /// # Errors
    /// Only a live source fails, when its interface goes away; see [`Live::next`].
    #[allow(clippy::should_implement_trait, reason = "what is returned borrows from the source")]
    pub fn next(&mut self) -> Result<Next<'_>, CaptureError> {
        match self {
            Self::Replay(replay) => Ok(replay.next().map_or(Next::End, Next::Packet)),
            Self::Live(live) => Ok(live.next()?.map_or(Next::Quiet, Next::Packet)),
        }
    }

    /// Where its packets come from, by `Captured::port`.
    pub fn ports(&self) -> &[Port] {
        match self {
            Self::Replay(replay) => replay.ports(),
            Self::Live(live) => live.ports(),
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

/// The ports of a replay, each interface of each file once.
#[derive(Default)]
pub(crate) struct Ports {
    pub(crate) list: Vec<Port>,
    known: HashMap<(u32, Option<String>, LinkType), u16>,
}

impl Ports {
    /// The port of an interface of a file, and whether it has to share the last one.
    pub(crate) fn add(&mut self, file: &FileName, interface: Option<String>, link: LinkType) -> (u16, bool) {
        let key = (file.index, interface, link);
        if let Some(&port) = self.known.get(&key) {
            return (port, false);
        }
        let shared = usize::from(u16::MAX);
        let port = self.list.len().min(shared);
        if port == shared {
            self.list.truncate(shared);
            self.list.push(Port { path: None, interface: None, link });
            return (u16::MAX, true);
        }
        self.list.push(Port { path: Some(file.path.clone()), interface: key.1.clone(), link });
        self.known.insert(key, port as u16);
        (port as u16, false)
    }
}
