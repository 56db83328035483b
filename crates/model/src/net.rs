//! Who talks to whom: addresses, ports, VLANs, and the two sides of a connection.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// One end of a connection: an address and a TCP port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Socket {
    /// The innermost address.
    pub ip: IpAddr,
    /// The TCP port.
    pub port: u16,
}

impl fmt::Display for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ip {
            IpAddr::V4(ip) => write!(f, "{ip}:{}", self.port),
            IpAddr::V6(ip) => write!(f, "[{ip}]:{}", self.port),
        }
    }
}

/// The VLAN identifiers around a packet, outermost first, up to four, 12 bits each; zero is none.
/// Collisions of private address ranges on different VLANs are real, hence VLANs are part of the flow key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Vlans(u64);

impl Vlans {
    /// Adds an inner tag. Tags past the fourth do not count.
    pub fn push(&mut self, id: u16) {
        let id = u64::from(id & 0xfff);
        // VLAN 0 is a priority tag, no VLAN (IEEE 802.1Q, 9.6).
        if id != 0 && self.0 >> 48 == 0 {
            self.0 = self.0 << 16 | id;
        }
    }
    /// The identifiers, outermost first.
    pub fn iter(self) -> impl Iterator<Item = u16> {
        [48, 32, 16, 0].into_iter().map(move |at| (self.0 >> at) as u16).filter(|id| *id != 0)
    }
    /// No tag at all.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// What makes packets one flow: both ends (in a canonical order, `low` ≤ `high`) and the VLANs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FlowKey {
    /// The smaller end.
    pub low: Socket,
    /// The larger end.
    pub high: Socket,
    /// VLANs around the packets.
    pub vlans: Vlans,
}

impl FlowKey {
    /// The key of a packet from `src` to `dst`, and whether `src` is the `low` end.
    pub fn of(src: Socket, dst: Socket, vlans: Vlans) -> (FlowKey, bool) {
        if src <= dst {
            (FlowKey { low: src, high: dst, vlans }, true)
        } else {
            (FlowKey { low: dst, high: src, vlans }, false)
        }
    }
}

/// One connection among all: 64 bits of BLAKE3 over key, start and generation. Equal for the same packets
/// however many workers there are and however the capture is cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FlowId(pub u64);

impl FlowId {
    /// `generation` tells connections apart that use the same key from the same instant on (captures with coarse clocks).
    pub fn new(key: &FlowKey, started: Timestamp, generation: u32) -> FlowId {
        let mut hasher = blake3::Hasher::new();
        for end in [&key.low, &key.high] {
            match end.ip {
                IpAddr::V4(ip) => hasher.update(&ip.octets()),
                IpAddr::V6(ip) => hasher.update(&ip.octets()),
            };
            hasher.update(&end.port.to_be_bytes());
        }
        hasher.update(&key.vlans.0.to_be_bytes()).update(&started.0.to_be_bytes()).update(&generation.to_be_bytes());
        let hash = hasher.finalize();
        FlowId(hash.as_bytes().iter().take(8).fold(0, |n, byte| n << 8 | u64::from(*byte)))
    }
}

impl fmt::Display for FlowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Who sent bytes on a connection, before it is known who asks and who answers. As in Zeek: the originator is the side
/// whose SYN opened it, or, where the opening was not seen, the side whose packet was seen first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// Opened the connection.
    Originator,
    /// Answered the opening.
    Responder,
}

impl Side {
    /// The other side.
    pub fn other(self) -> Side {
        match self {
            Side::Originator => Side::Responder,
            Side::Responder => Side::Originator,
        }
    }
    /// 0 for the originator, 1 for the responder.
    pub fn index(self) -> usize {
        self as usize
    }
}

/// What stands about a connection from its first packet on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connection {
    /// Its identity.
    pub id: FlowId,
    /// Its key.
    pub key: FlowKey,
    /// The side that opened it.
    pub originator: Socket,
    /// The other side.
    pub responder: Socket,
    /// Capture time of its first packet.
    pub started: Timestamp,
    /// Its opening (SYN) was not seen.
    pub midstream: bool,
}

impl Connection {
    /// The address and port of a side.
    pub fn socket(&self, side: Side) -> Socket {
        match side {
            Side::Originator => self.originator,
            Side::Responder => self.responder,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_directions_have_one_key() {
        let a = Socket { ip: "10.0.0.1".parse().unwrap(), port: 40000 };
        let b = Socket { ip: "10.0.0.2".parse().unwrap(), port: 80 };
        let (there, forward) = FlowKey::of(a, b, Vlans::default());
        let (back, backward) = FlowKey::of(b, a, Vlans::default());
        assert_eq!(there, back);
        assert!(forward && !backward);
        assert_ne!(FlowId::new(&there, Timestamp(1), 0), FlowId::new(&there, Timestamp(1), 1));
    }

    #[test]
    fn vlans_keep_their_order_up_to_four() {
        let mut vlans = Vlans::default();
        for id in [100, 0, 200, 300, 400, 500] {
            vlans.push(id);
        }
        assert_eq!(vlans.iter().collect::<Vec<_>>(), [100, 200, 300, 400]);
    }
}
