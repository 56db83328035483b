//! What stands between a link header and IP: tags, labels, sessions, service headers.

use std::net::IpAddr;

use super::{Layer, Parcel, Shape, Version};
use crate::frame::{ETHERTYPE_MPLS, ETHERTYPE_QINQ, ETHERTYPE_VLAN, Link, link_header};

pub(super) const MPLS: u16 = ETHERTYPE_MPLS;
pub(super) const PPPOE: u16 = 0x8864;
pub(super) const NSH: u16 = 0x894f;

/// Octets of an Ethernet frame at least, without its check sequence (IEEE 802.3, clause 3.2.8).
const SHORTEST_FRAME: usize = 60;

/// Whether a capture of this link type can begin with this.
pub(super) fn carries(link: Link, shape: Shape) -> bool {
    match shape {
        Shape::Ip(_) | Shape::Fragment(_) => true,
        Shape::Frame => link == Link::Ethernet,
        Shape::Typed(MPLS) if link == Link::Ppp => true,
        Shape::Typed(_) => {
            matches!(link, Link::Ethernet | Link::LinuxCooked | Link::LinuxCooked2 | Link::Radiotap)
        }
    }
}

/// The EtherType of the outermost tag.
pub(super) fn outer_tag(ids: &[u16]) -> u16 {
    if ids.len() > 1 { ETHERTYPE_QINQ } else { ETHERTYPE_VLAN }
}

/// The layers of this file; none for others.
pub(super) fn around(layer: &Layer, inside: &Parcel, ends: (IpAddr, IpAddr)) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(inside.bytes.len() + 64);
    match layer {
        Layer::Vlans(ids) => {
            for (depth, id) in ids.iter().enumerate() {
                let next = match ids.len() - depth - 1 {
                    0 => inside.shape.ether_type(),
                    left => outer_tag(&ids[ids.len() - left..]),
                };
                out.extend_from_slice(&(id & 0xfff).to_be_bytes());
                out.extend_from_slice(&next.to_be_bytes());
            }
        }
        Layer::Mpls(labels) => stack(*labels, &mut out),
        Layer::Pseudowire { labels, control_word } => {
            stack(*labels, &mut out);
            if *control_word {
                out.extend_from_slice(&[0, 0, 0, 9]);
            }
        }
        Layer::Pppoe => {
            let protocol: u16 = if inside.shape.version() == Some(Version::V4) { 0x0021 } else { 0x0057 };
            // Version and type, session data, session 7.
            out.extend_from_slice(&[0x11, 0, 0, 7]);
            out.extend_from_slice(&(inside.bytes.len() as u16 + 2).to_be_bytes());
            out.extend_from_slice(&protocol.to_be_bytes());
        }
        Layer::Nsh { metadata } => {
            // Version 0, time to live 63, length in words; metadata's type; next protocol; path 5, index 255.
            let next = super::tunnel::next_protocol(inside.shape)?;
            let (words, kind) = if *metadata { (6, 1) } else { (2, 2) };
            out.extend_from_slice(&[0x0f, 0xc0 | words, kind, next, 0, 0, 5, 255]);
            out.resize(usize::from(words) * 4, 0x4d);
        }
        Layer::Ethernet => link_header(Link::Ethernet, inside.shape.ether_type(), ends, &[], 0, &mut out),
        _ => return None,
    }
    out.extend_from_slice(&inside.bytes);
    if *layer == Layer::Ethernet && out.len() < SHORTEST_FRAME {
        out.resize(SHORTEST_FRAME, 0);
    }
    Some(out)
}

/// A label stack: label, traffic class, bottom of stack, time to live.
fn stack(labels: u8, out: &mut Vec<u8>) {
    for depth in (0..labels.max(1)).rev() {
        let entry = (100 + u32::from(depth)) << 12 | u32::from(depth == 0) << 8 | 64;
        out.extend_from_slice(&entry.to_be_bytes());
    }
}
