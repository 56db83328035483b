//! IP headers around and inside: tunnels' own, extension headers, fragments.

use std::net::IpAddr;

use super::{Shape, Version};
use crate::frame::{fold, sum};
use crate::rng::Rng;

/// An IPv6 extension header (RFC 8200, section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extension {
    /// Hop-by-hop options; to be the first.
    HopByHop,
    /// Routing, with all segments visited.
    Routing,
    /// Destination options, of 8 octets or, as `true`, of 24.
    Destination(bool),
    /// A fragment header on a packet that is whole (RFC 6946).
    AtomicFragment,
}

/// How an IP packet is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pieces {
    /// Octets of payload in a fragment; rounded down to a multiple of eight, at least eight.
    pub size: usize,
    /// Fragments reach into the next ones, with the same content. IPv4 only: in IPv6 it ends the datagram (RFC 5722).
    pub overlapping: bool,
    /// They arrive in any order.
    pub shuffled: bool,
    /// Some arrive twice.
    pub doubled: bool,
}

/// The protocol number of an IP packet in another (IANA, "Assigned Internet Protocol Numbers").
pub(super) fn protocol_of(shape: Shape) -> u8 {
    if shape.version() == Some(Version::V4) { 4 } else { 41 }
}

/// An IP packet between the ends of a tunnel, sender first.
pub(super) fn packet(ends: (IpAddr, IpAddr), protocol: u8, ident: u16, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(40 + payload.len());
    match ends {
        (IpAddr::V4(src), IpAddr::V4(dst)) => {
            out.extend_from_slice(&[0x45, 0, 0, 0]);
            out.extend_from_slice(&ident.to_be_bytes());
            out.extend_from_slice(&[0, 0, 250, protocol, 0, 0]);
            out.extend_from_slice(&src.octets());
            out.extend_from_slice(&dst.octets());
        }
        (IpAddr::V6(src), IpAddr::V6(dst)) => {
            out.extend_from_slice(&[0x60, 0, 0, 0, 0, 0, protocol, 250]);
            out.extend_from_slice(&src.octets());
            out.extend_from_slice(&dst.octets());
        }
        _ => unreachable!("both ends are of one version"),
    }
    out.extend_from_slice(payload);
    set_length(&mut out);
    out
}

/// A UDP datagram. Its checksum is left out, as tunnels do (RFC 6935 for IPv6).
pub(super) fn udp(src: u16, dst: u16, payload: &[u8]) -> Vec<u8> {
    let len = u16::try_from(payload.len() + 8).expect("a datagram that UDP can carry");
    let fields = [src, dst, len, 0];
    let mut out: Vec<u8> = fields.into_iter().flat_map(u16::to_be_bytes).collect();
    out.extend_from_slice(payload);
    out
}

/// Writes the length of an IP packet into it and, in IPv4, the checksum of its header.
fn set_length(packet: &mut [u8]) {
    let (at, len) = if packet[0] >> 4 == 4 { (2, packet.len()) } else { (4, packet.len() - 40) };
    packet[at..at + 2].copy_from_slice(&u16::try_from(len).expect("a packet that IP can carry").to_be_bytes());
    if packet[0] >> 4 == 4 {
        let header = usize::from(packet[0] & 0xf) * 4;
        packet[10..12].fill(0);
        let checksum = fold(sum(&packet[..header]));
        packet[10..12].copy_from_slice(&checksum.to_be_bytes());
    }
}

/// Length of the IP header alone, and where it names what follows.
fn header(packet: &[u8]) -> (usize, usize) {
    if packet[0] >> 4 == 4 { (usize::from(packet[0] & 0xf) * 4, 9) } else { (40, 6) }
}

/// `packet` with a header behind IP's, which begins with the number of what follows it.
fn inserted(packet: &[u8], number: u8, rest: &[u8]) -> Vec<u8> {
    let (len, names) = header(packet);
    let (head, behind) = packet.split_at(len);
    let mut out = [head, &[head[names]], rest, behind].concat();
    out[names] = number;
    set_length(&mut out);
    out
}

/// `packet` with an authentication header of 24 octets. The value in it authenticates nothing.
pub(super) fn authenticated(packet: &[u8], number: u32) -> Vec<u8> {
    let mut rest = vec![4, 0, 0, 0, 0, 1, 0];
    rest.extend_from_slice(&number.to_be_bytes());
    rest.extend_from_slice(&[0xa5; 12]);
    inserted(packet, 51, &rest)
}

/// `packet`, of IPv6, with these extension headers in this order.
pub(super) fn extended(extensions: &[Extension], packet: &[u8], ident: u32) -> Vec<u8> {
    extensions.iter().rev().fold(packet.to_vec(), |packet, extension| {
        // Length in units of eight octets behind the first; then options, padded.
        let (number, rest): (u8, &[u8]) = match extension {
            Extension::HopByHop => (0, &[0, 5, 2, 0, 0, 1, 0]),
            Extension::Routing => (43, &[2, 2, 0, 0, 0, 0, 0, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7]),
            Extension::Destination(false) => (60, &[0, 1, 4, 0, 0, 0, 0]),
            Extension::Destination(true) => {
                (60, &[2, 1, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
            }
            Extension::AtomicFragment => (44, &[0, 0, 0]),
        };
        let mut rest = rest.to_vec();
        if *extension == Extension::AtomicFragment {
            rest.extend_from_slice(&ident.to_be_bytes());
        }
        inserted(&packet, number, &rest)
    })
}

/// The fragments of an IP packet, which gets this identification; itself, if it fits into one.
pub(super) fn fragments(pieces: &Pieces, whole: &[u8], ident: u32, rng: &mut Rng) -> Vec<Vec<u8>> {
    let (len, names) = header(whole);
    let (head, payload) = whole.split_at(len);
    let size = (pieces.size / 8).max(1) * 8;
    let mut out = Vec::new();
    let mut from = 0;
    while from < payload.len() {
        let to = (from + size).min(payload.len());
        let more = to < payload.len();
        let reach = if pieces.overlapping && names == 9 && more && rng.chance(50.0) {
            (to + 8 * (1 + rng.index(size / 8))).min(payload.len())
        } else {
            to
        };
        out.push(fragment(head, names, ident, from, &payload[from..reach], reach < payload.len()));
        from = to;
    }
    if pieces.doubled {
        let again: Vec<Vec<u8>> = out.iter().filter(|_| rng.chance(30.0)).cloned().collect();
        out.extend(again);
    }
    if pieces.shuffled {
        rng.shuffle(&mut out);
    }
    out
}

/// One fragment: `payload` belongs at `offset`.
fn fragment(head: &[u8], names: usize, ident: u32, offset: usize, payload: &[u8], more: bool) -> Vec<u8> {
    let units = u16::try_from(offset / 8).expect("within an IP packet");
    let mut out = head.to_vec();
    if names == 9 {
        out[4..6].copy_from_slice(&(ident as u16).to_be_bytes());
        let place = units | if more { 0x2000 } else { 0 };
        out[6..8].copy_from_slice(&place.to_be_bytes());
    } else {
        out[names] = 44;
        out.extend_from_slice(&[head[names], 0]);
        out.extend_from_slice(&(units << 3 | u16::from(more)).to_be_bytes());
        out.extend_from_slice(&ident.to_be_bytes());
    }
    out.extend_from_slice(payload);
    set_length(&mut out);
    out
}
