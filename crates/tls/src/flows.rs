//! The UDP flows of one worker on which QUIC connections begin.

use std::collections::{HashMap, VecDeque};

use spyhop_model::{FlowId, FlowKey, Side, Socket, Timestamp, Vlans};

use crate::hello::ClientHello;
use crate::{State, quic};

/// Flows that are remembered; beyond it the oldest is forgotten, so that a late Initial of it would be told again.
pub const FLOWS: usize = 1_024;

/// Reads the hellos of QUIC connections.
#[derive(Default)]
pub struct Flows {
    known: HashMap<FlowKey, Flow>,
    /// In the order in which they began.
    order: VecDeque<FlowKey>,
}

struct Flow {
    started: Timestamp,
    /// Whether the sender of the first datagram is the low end of the key.
    low_first: bool,
    /// `None` once there is nothing more to be read.
    reader: Option<Box<quic::Reader>>,
}

/// A QUIC connection whose hello was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begun {
    /// The connection.
    pub id: FlowId,
    /// Its first datagram.
    pub started: Timestamp,
    /// The client's end.
    pub client: Socket,
    /// The server's end.
    pub server: Socket,
    /// What the client said.
    pub hello: ClientHello,
}

impl Flows {
    /// The next datagram. Tells a connection when its hello is whole.
    pub fn datagram(&mut self, at: Timestamp, src: Socket, dst: Socket, vlans: Vlans, payload: &[u8]) -> Option<Begun> {
        let (key, from_low) = FlowKey::of(src, dst, vlans);
        if !self.known.contains_key(&key) {
            if !quic::is_client_initial(payload) {
                return None;
            }
            if self.order.len() >= FLOWS
                && let Some(oldest) = self.order.pop_front()
            {
                self.known.remove(&oldest);
            }
            self.order.push_back(key);
            let reader = Some(Box::new(quic::Reader::new()));
            self.known.insert(key, Flow { started: at, low_first: from_low, reader });
        }
        let flow = self.known.get_mut(&key)?;
        let side = if from_low == flow.low_first { Side::Originator } else { Side::Responder };
        let state = flow.reader.as_mut()?.data(side, payload);
        if state == State::Reading {
            return None;
        }
        let reader = flow.reader.take()?;
        let client = reader.client()?;
        let (first, second) = if flow.low_first { (key.low, key.high) } else { (key.high, key.low) };
        let (client, server) = if client == Side::Originator { (first, second) } else { (second, first) };
        let started = flow.started;
        Some(Begun { id: FlowId::new(&key, started, 0), started, client, server, hello: reader.into_hello()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn socket(text: &str) -> Socket {
        let address: std::net::SocketAddr = text.parse().expect("an address");
        Socket { ip: address.ip(), port: address.port() }
    }

    #[test]
    fn flows_are_bounded_and_begin_with_an_initial() {
        let mut flows = Flows::default();
        let server = socket("192.0.2.1:443");
        let mut initial = vec![0; 1200];
        // A long header of version 1 with identifiers of eight octets and none, no token, and a length.
        initial[..16].copy_from_slice(&[0xc3, 0, 0, 0, 1, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0]);
        initial[16..18].copy_from_slice(&[0x44, 0x9e]);
        assert!(quic::is_client_initial(&initial));
        for n in 0..FLOWS as u32 + 10 {
            let client = Socket { ip: std::net::Ipv4Addr::from_bits(0x0a00_0000 + n).into(), port: 5_000 };
            let begun = flows.datagram(Timestamp(u64::from(n)), client, server, Vlans::default(), &initial);
            assert_eq!(begun, None, "it decrypts to nothing");
        }
        assert_eq!((flows.known.len(), flows.order.len()), (FLOWS, FLOWS));
        let other = flows.datagram(Timestamp(1), socket("10.9.9.9:1"), server, Vlans::default(), &[0x40; 1200]);
        assert!(other.is_none() && flows.order.len() == FLOWS);
    }
}
