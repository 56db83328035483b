use etherparse::{LaxNetSlice, LaxSlicedPacket};

use super::*;
use crate::wire::Conversation;

fn talk(version: Version) -> Capture {
    let (client, server) = match version {
        Version::V4 => ("10.0.0.8:40000", "10.0.0.1:80"),
        Version::V6 => ("[fd00::8]:40000", "[fd00::1]:80"),
    };
    Capture::of([Conversation::new(client, server).vlan(9).client("hello").server([7; 1000]).close()])
}

#[test]
fn an_independent_reader_finds_the_tunnels_header() {
    for version in [Version::V4, Version::V6] {
        for outer in [Version::V4, Version::V6] {
            let mut capture = talk(version);
            let plain = capture.clone();
            capture.wrap(&Wrapping::ethernet([Layer::IpInIp(outer)]), 1);
            for (frame, before) in capture.frames.iter().zip(&plain.frames) {
                let sliced = LaxSlicedPacket::from_ethernet(&frame.bytes).expect("a frame");
                let payload = match &sliced.net {
                    Some(LaxNetSlice::Ipv4(ip)) => {
                        let header = ip.header().to_header();
                        assert_eq!(header.calc_header_checksum(), header.header_checksum);
                        ip.payload().payload
                    }
                    Some(LaxNetSlice::Ipv6(ip)) => ip.payload().payload,
                    other => panic!("{other:?}"),
                };
                assert_eq!(payload, before.ip_packet().expect("our frame"));
                assert!(sliced.stop_err.is_none(), "{:?}", sliced.stop_err);
            }
        }
    }
}

#[test]
fn fragments_cover_their_packet() {
    for version in [Version::V4, Version::V6] {
        for (overlapping, doubled) in [(false, false), (true, true)] {
            let pieces = Pieces { size: 333, overlapping, shuffled: true, doubled };
            let mut capture = talk(version);
            let largest = capture.frames.iter().filter_map(Frame::ip_packet).max_by_key(|ip| ip.len());
            let whole = largest.expect("a packet").to_vec();
            let (len, _) = if version == Version::V4 { (20, 9) } else { (40, 6) };
            capture.wrap(&Wrapping::on(Link::Raw, [Layer::Fragments(pieces)]), 5);
            let mut read = vec![None; whole.len() - len];
            for frame in &capture.frames {
                let sliced = LaxSlicedPacket::from_ip(&frame.bytes).expect("a packet");
                let (offset, payload, fragmented) = match &sliced.net {
                    Some(LaxNetSlice::Ipv4(ip)) => {
                        let header = ip.header().to_header();
                        assert_eq!(header.calc_header_checksum(), header.header_checksum);
                        let offset = usize::from(header.fragment_offset.value()) * 8;
                        (offset, ip.payload().payload, header.is_fragmenting_payload())
                    }
                    Some(LaxNetSlice::Ipv6(ip)) => {
                        let units = u16::from_be_bytes([frame.bytes[42], frame.bytes[43]]) & !7;
                        let fragmented = frame.bytes[6] == 44 && (units > 0 || frame.bytes[43] & 1 != 0);
                        (usize::from(units), ip.payload().payload, fragmented)
                    }
                    other => panic!("{other:?}"),
                };
                if fragmented {
                    for (at, octet) in payload.iter().enumerate() {
                        let old = read[offset + at].replace(*octet);
                        assert!(old.is_none_or(|old| old == *octet));
                    }
                }
            }
            let read: Option<Vec<u8>> = read.into_iter().collect();
            assert_eq!(read.expect("no hole"), whole[len..], "{version:?}");
        }
    }
}

#[test]
fn random_wrappings_are_the_same_for_the_same_seed_and_differ_between_seeds() {
    let wrap = |seed: u64| {
        let mut capture = talk(Version::V6);
        capture.wrap(&Wrapping::random(&mut Rng::new(seed), Version::V6, 6), seed);
        capture
    };
    assert_eq!(wrap(1), wrap(1));
    let different: std::collections::HashSet<Vec<u8>> =
        (0..50).map(|seed| wrap(seed).frames[0].bytes.clone()).collect();
    assert!(different.len() > 40);
}
