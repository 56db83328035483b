//! Tunnels over IP, with or without UDP.

use std::net::IpAddr;

use super::ip::{packet, protocol_of, udp};
use super::link::{MPLS, NSH};
use super::{Erspan, Layer, Parcel, Shape, Version};
use crate::frame::{fold, sum};

/// A tunnel's packet. `number` counts its packets; `ends` are its addresses, sender first.
///
/// # Panics
/// If the layer is no tunnel.
pub(super) fn around(
    layer: &Layer,
    inside: &Parcel,
    number: u32,
    forth: bool,
    ends: impl Fn(Version) -> (IpAddr, IpAddr),
) -> Vec<u8> {
    let content = inside.bytes.as_slice();
    let (outer, protocol, carried) = match *layer {
        Layer::Gre { outer, checksum, key, sequence } => {
            let fields = Fields { checksum, key, sequence };
            (outer, GRE, gre(inside.shape.ether_type(), fields, number, content))
        }
        Layer::GreInUdp(outer) => {
            let fields = Fields { key: true, ..Fields::default() };
            let gre = gre(inside.shape.ether_type(), fields, number, content);
            (outer, UDP, udp(49_152 + number as u16 % 16_384, 4754, &gre))
        }
        Layer::Erspan { outer, kind } => (outer, GRE, erspan(kind, number, content)),
        Layer::Vxlan { outer, port } => {
            (outer, UDP, udp(49_152, port, &[&[0x08, 0, 0, 0, 0, 0, 99, 0], content].concat()))
        }
        Layer::VxlanGpe(outer) => {
            let next = next_protocol(inside.shape).expect("checked before");
            (outer, UDP, udp(49_152, 4790, &[&[0x0c, 0, 0, next, 0, 0, 99, 0], content].concat()))
        }
        Layer::Geneve { outer, options } => (outer, UDP, udp(49_152, 6081, &geneve(options, inside))),
        Layer::Gtp { outer, sequence, extensions } => {
            (outer, UDP, udp(2152, 2152, &gtp(sequence.then_some(number), extensions, content)))
        }
        Layer::IpInIp(outer) => (outer, protocol_of(inside.shape), content.to_vec()),
        Layer::Teredo { authentication, origin } => {
            let mut message = Vec::new();
            if authentication {
                // Lengths of identifier and value, both empty; nonce; confirmation.
                message.extend_from_slice(&[0, 1, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0]);
            }
            if origin {
                message.extend_from_slice(&[0, 0, 0x9c, 0x40, 10, 0, 0, 8]);
            }
            message.extend_from_slice(content);
            let (src, dst) = if forth { (50_000, 3544) } else { (3544, 50_000) };
            (Version::V4, UDP, udp(src, dst, &message))
        }
        Layer::Ayiya(outer) => {
            // Identity of 16 octets, signature of five words (SHA-1), forwarding.
            let header = [0x41, 0x52, 0x11, protocol_of(inside.shape)];
            let message = [&header[..], &number.to_be_bytes(), &[6; 16], &[0x5e; 20], content].concat();
            let (src, dst) = if forth { (50_000, 5072) } else { (5072, 50_000) };
            (outer, UDP, udp(src, dst, &message))
        }
        Layer::MplsInIp(outer) => (outer, 137, content.to_vec()),
        Layer::MplsInUdp(outer) => (outer, UDP, udp(49_152, 6635, content)),
        Layer::EtherIp(outer) => (outer, 97, [&[0x30, 0], content].concat()),
        ref other => panic!("{other:?} is no tunnel"),
    };
    packet(ends(outer), protocol, number as u16, &carried)
}

const UDP: u8 = 17;
const GRE: u8 = 47;

/// Fields of a GRE header that need not be there.
#[derive(Clone, Copy, Default)]
struct Fields {
    checksum: bool,
    key: bool,
    sequence: bool,
}

fn gre(ether_type: u16, fields: Fields, number: u32, content: &[u8]) -> Vec<u8> {
    let flag = |set: bool, bit: u8| if set { bit } else { 0 };
    let flags = flag(fields.checksum, 0x80) | flag(fields.key, 0x20) | flag(fields.sequence, 0x10);
    let mut out = vec![flags, 0];
    out.extend_from_slice(&ether_type.to_be_bytes());
    if fields.checksum {
        out.extend_from_slice(&[0; 4]);
    }
    if fields.key {
        out.extend_from_slice(&[0, 0, 0, 77]);
    }
    if fields.sequence {
        out.extend_from_slice(&number.to_be_bytes());
    }
    out.extend_from_slice(content);
    if fields.checksum {
        let checksum = fold(sum(&out));
        out[4..6].copy_from_slice(&checksum.to_be_bytes());
    }
    out
}

fn erspan(kind: Erspan, number: u32, content: &[u8]) -> Vec<u8> {
    // VLAN 5 of the mirrored frame, session 100; type III has a timestamp, no security group, granularity of 100 µs.
    let (protocol, header): (u16, &[u8]) = match kind {
        Erspan::I => (0x88be, &[]),
        Erspan::II => (0x88be, &[0x10, 5, 0x18, 100, 0, 0, 0, 9]),
        Erspan::III => (0x22eb, &[0x20, 5, 0, 100, 1, 2, 3, 4, 0, 0, 0, 0]),
        Erspan::IIIPlatform => (0x22eb, &[0x20, 5, 0, 100, 1, 2, 3, 4, 0, 0, 0, 1, 0x0c, 0, 0, 0, 0, 0, 0, 7]),
        Erspan::IIIIp => (0x22eb, &[0x20, 5, 0, 100, 1, 2, 3, 4, 0, 0, 2 << 2, 0]),
    };
    let fields = Fields { sequence: kind != Erspan::I, ..Fields::default() };
    gre(protocol, fields, number, &[header, content].concat())
}

fn geneve(options: u8, inside: &Parcel) -> Vec<u8> {
    let mut list = Vec::new();
    for number in 0..options {
        // Class of experiments, type, words of data; option `number` has as many.
        let words = number % 4;
        list.extend_from_slice(&[0xff, 0xf0, number, words]);
        list.resize(list.len() + usize::from(words) * 4, 0x6e);
    }
    let [high, low] = inside.shape.ether_type().to_be_bytes();
    let words = (list.len() / 4) as u8;
    [&[words & 0x3f, 0, high, low, 0, 0, 99, 0], list.as_slice(), &inside.bytes].concat()
}

fn gtp(sequence: Option<u32>, extensions: u8, content: &[u8]) -> Vec<u8> {
    // A PDU session container (3GPP TS 38.415), then extensions of growing length.
    const CONTAINER: u8 = 0x85;
    let mut optional = Vec::new();
    if sequence.is_some() || extensions > 0 {
        optional.extend_from_slice(&(sequence.unwrap_or(0) as u16).to_be_bytes());
        optional.extend_from_slice(&[0, if extensions > 0 { CONTAINER } else { 0 }]);
    }
    for left in (0..extensions).rev() {
        let words = extensions - left;
        optional.push(words);
        optional.resize(optional.len() + usize::from(words) * 4 - 2, 0);
        optional.push(if left > 0 { CONTAINER } else { 0 });
    }
    let flags = 0x30 | if extensions > 0 { 4 } else { 0 } | if sequence.is_some() { 2 } else { 0 };
    let [high, low] = ((optional.len() + content.len()) as u16).to_be_bytes();
    [&[flags, 0xff, high, low, 0, 0, 0, 9], optional.as_slice(), content].concat()
}

/// The next protocol of NSH (RFC 8300, section 2.2) and VXLAN-GPE; none for what they do not carry.
pub(super) fn next_protocol(inside: Shape) -> Option<u8> {
    match inside {
        Shape::Ip(Version::V4) | Shape::Fragment(Version::V4) => Some(1),
        Shape::Ip(Version::V6) | Shape::Fragment(Version::V6) => Some(2),
        Shape::Frame => Some(3),
        Shape::Typed(NSH) => Some(4),
        Shape::Typed(MPLS) => Some(5),
        Shape::Typed(_) => None,
    }
}
