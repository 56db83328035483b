//! Segments for this crate's tests.

use spyhop_model::{Socket, Timestamp, Vlans};

use crate::packet::{Flags, Segment};

pub(crate) fn segment() -> Segment<'static> {
    Segment {
        at: Timestamp(1_000_000_000),
        src: Socket { ip: "10.0.0.1".parse().unwrap(), port: 40_000 },
        dst: Socket { ip: "10.0.0.2".parse().unwrap(), port: 80 },
        vlans: Vlans::default(),
        tap: 0,
        seq: 0,
        ack: 0,
        flags: Flags(Flags::ACK),
        window: 65_535,
        urgent: 0,
        ttl: 64,
        ip_id: 0,
        checksum: 0,
        options: &[],
        payload: &[],
        cut: 0,
    }
}
