//! Which worker a segment belongs to.

use std::net::IpAddr;

use spyhop_model::Socket;

use crate::packet::Segment;

/// A hash of the innermost addresses and ports that is the same in both directions. VLANs do not count, so that halves of
/// one connection that are seen on different VLANs meet. Take it modulo the number of workers, or its upper bits.
pub fn shard(segment: &Segment<'_>) -> u64 {
    shard_of(segment.src, segment.dst)
}

/// As [`shard`], for any two ends.
pub fn shard_of(src: Socket, dst: Socket) -> u64 {
    // Addition makes it symmetric; each end is mixed before, so that only equal ends cancel nothing.
    mix(end(src).wrapping_add(end(dst)))
}

fn end(socket: Socket) -> u64 {
    let port = u64::from(socket.port);
    match socket.ip {
        IpAddr::V4(ip) => mix(u64::from(ip.to_bits()) << 16 | port),
        IpAddr::V6(ip) => {
            let bits = ip.to_bits();
            mix(mix((bits >> 64) as u64 ^ port) ^ bits as u64)
        }
    }
}

/// Multiplies to 128 bits and folds; the constants are the fractions of the golden ratio and of √3.
fn mix(value: u64) -> u64 {
    let product = u128::from(value ^ 0x9e37_79b9_7f4a_7c15) * 0xbb67_ae85_84ca_a73b_u128;
    (product >> 64) as u64 ^ product as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn both_directions_go_to_one_worker_and_clients_spread() {
        let mut workers = [0u32; 8];
        for client in 0..8000u32 {
            let src = Socket {
                ip: std::net::Ipv4Addr::from(0x0a00_0000 + client / 16).into(),
                port: 40_000 + client as u16 % 16,
            };
            let there = Segment { src, ..testing::segment() };
            let back = Segment { src: there.dst, dst: there.src, ..there };
            assert_eq!(shard(&there), shard(&back));
            workers[(shard(&there) % 8) as usize] += 1;
        }
        assert!(workers.iter().all(|share| (800..1200).contains(share)), "{workers:?}");
    }
}
