//! IPv4, IPv6 with its extension headers, and TCP.

use etherparse::{
    IpAuthHeaderSlice, Ipv4HeaderSlice, Ipv6FragmentHeaderSlice, Ipv6HeaderSlice, Ipv6RawExtHeaderSlice, TcpHeaderSlice,
};
use spyhop_model::{Socket, Timestamp};
use std::net::IpAddr;

use super::fragments::{Fragment, FragmentKey};
use super::{Cursor, DecodeAccounts, Encapsulation, Layer, Path, Skip, Step};
use crate::packet::{Flags, Segment};

/// RFC 791.
pub(super) fn ipv4<'a>(
    path: &mut Path,
    cursor: &mut Cursor<'a>,
    verify: bool,
    accounts: &mut DecodeAccounts,
) -> Result<Step<'a>, Skip> {
    let header = Ipv4HeaderSlice::from_slice(cursor.bytes).map_err(|error| wrong(error.is_content(), cursor))?;
    let len = header.slice().len();
    match usize::from(header.total_len()) {
        // The network card was to fill it in (segmentation offload): the frame's length is all there is.
        0 => {}
        total if total < len => return Err(Skip::BadHeader),
        total => cursor.limit(total)?,
    }
    cursor.take(len)?;
    if verify && header.to_header().calc_header_checksum() != header.header_checksum() {
        accounts.bad_checksums += 1;
    }
    path.src = IpAddr::V4(header.source_addr());
    path.dst = IpAddr::V4(header.destination_addr());
    path.ttl = header.ttl();
    path.id = header.identification();
    path.nested += 1;
    let protocol = header.protocol().0;
    if header.is_fragmenting_payload() {
        path.layer = Layer::Protocol(protocol);
        let key = FragmentKey {
            src: path.src,
            dst: path.dst,
            vlans: path.vlans,
            id: u32::from(header.identification()),
            protocol,
        };
        return fragment(key, header.fragments_offset().value(), header.more_fragments(), path, cursor);
    }
    Ok(Step::Layer(Layer::Protocol(protocol)))
}

/// RFC 8200.
pub(super) fn ipv6<'a>(path: &mut Path, cursor: &mut Cursor<'a>) -> Result<Step<'a>, Skip> {
    let header = Ipv6HeaderSlice::from_slice(cursor.bytes).map_err(|error| wrong(error.is_content(), cursor))?;
    // Zero: a jumbogram (RFC 2675) or segmentation offload.
    if header.payload_length() > 0 {
        cursor.limit(header.slice().len() + usize::from(header.payload_length()))?;
    }
    cursor.take(header.slice().len())?;
    path.src = IpAddr::V6(header.source_addr());
    path.dst = IpAddr::V6(header.destination_addr());
    path.ttl = header.hop_limit();
    path.id = 0;
    path.nested += 1;
    Ok(Step::Layer(Layer::Protocol(header.next_header().0)))
}

/// What an IP protocol number names (IANA, "Assigned Internet Protocol Numbers").
pub(super) fn protocol<'a>(
    number: u8,
    path: &mut Path,
    cursor: &mut Cursor<'a>,
    at: Timestamp,
    verify: bool,
    accounts: &mut DecodeAccounts,
) -> Result<Step<'a>, Skip> {
    match number {
        // IP in IP: RFC 2003 (4 in 4), RFC 2473 (in 6), RFC 4213 (6 in 4).
        4 | 41 => {
            accounts.encapsulated(Encapsulation::IpInIp);
            Ok(Step::Layer(if number == 4 { Layer::Ipv4 } else { Layer::Ipv6 }))
        }
        17 => Ok(Step::Layer(Layer::Udp)),
        47 => Ok(Step::Layer(Layer::Gre)),
        97 => Ok(Step::Layer(Layer::EtherIp)),
        // RFC 4023.
        137 => Ok(Step::Layer(Layer::Mpls)),
        // RFC 8986, section 10.1.
        143 => {
            accounts.encapsulated(Encapsulation::EtherIp);
            Ok(Step::Layer(Layer::Ethernet))
        }
        145 => Ok(Step::Layer(Layer::Nsh)),
        6 => tcp(path, cursor, at, verify, accounts),
        // Hop-by-hop, routing, destination options, mobility, HIP, Shim6.
        0 | 43 | 60 | 135 | 139 | 140 => {
            let header = Ipv6RawExtHeaderSlice::from_slice(cursor.bytes).map_err(|_| cursor.short())?;
            cursor.take(header.slice().len())?;
            Ok(Step::Layer(Layer::Protocol(header.next_header().0)))
        }
        44 => ipv6_fragment(path, cursor),
        // AH (RFC 4302) authenticates, it does not hide.
        51 => {
            let header =
                IpAuthHeaderSlice::from_slice(cursor.bytes).map_err(|error| wrong(error.is_content(), cursor))?;
            cursor.take(header.slice().len())?;
            accounts.encapsulated(Encapsulation::Authentication);
            Ok(Step::Layer(Layer::Protocol(header.next_header().0)))
        }
        50 => Err(Skip::Encrypted),
        _ => Err(Skip::NotTcp),
    }
}

/// RFC 8200, section 4.5; a fragment that is all of its datagram passes on its own (RFC 6946).
fn ipv6_fragment<'a>(path: &mut Path, cursor: &mut Cursor<'a>) -> Result<Step<'a>, Skip> {
    let header = Ipv6FragmentHeaderSlice::from_slice(cursor.bytes).map_err(|_| cursor.short())?;
    cursor.take(header.slice().len())?;
    let next = Layer::Protocol(header.next_header().0);
    if !header.is_fragmenting_payload() {
        return Ok(Step::Layer(next));
    }
    path.layer = next;
    let key = FragmentKey { src: path.src, dst: path.dst, vlans: path.vlans, id: header.identification(), protocol: 0 };
    fragment(key, header.fragment_offset().value(), header.more_fragments(), path, cursor)
}

/// `offset` is in units of eight octets.
fn fragment<'a>(key: FragmentKey, offset: u16, more: bool, path: &Path, cursor: &Cursor<'a>) -> Result<Step<'a>, Skip> {
    if cursor.cut > 0 {
        return Err(Skip::Truncated);
    }
    Ok(Step::Fragment(Fragment { key, offset: usize::from(offset) * 8, more, bytes: cursor.bytes, path: *path }))
}

/// RFC 9293, section 3.1.
fn tcp<'a>(
    path: &Path,
    cursor: &mut Cursor<'a>,
    at: Timestamp,
    verify: bool,
    accounts: &mut DecodeAccounts,
) -> Result<Step<'a>, Skip> {
    let header = TcpHeaderSlice::from_slice(cursor.bytes).map_err(|error| wrong(error.is_content(), cursor))?;
    let octets = cursor.take(header.slice().len())?;
    let payload = cursor.bytes;
    if verify && cursor.cut == 0 && !checksum_fits(&header, path, payload) {
        accounts.bad_checksums += 1;
    }
    let flags = Flags(octets.get(13).copied().unwrap_or_default());
    Ok(Step::Segment(Segment {
        at,
        src: Socket { ip: path.src, port: header.source_port() },
        dst: Socket { ip: path.dst, port: header.destination_port() },
        vlans: path.vlans,
        // The decoder numbers it.
        tap: 0,
        seq: header.sequence_number(),
        ack: header.acknowledgment_number(),
        flags,
        window: header.window_size(),
        urgent: header.urgent_pointer(),
        ttl: path.ttl,
        ip_id: path.id,
        checksum: header.checksum(),
        options: if flags.has(Flags::SYN) { octets.get(20..).unwrap_or_default() } else { &[] },
        payload,
        cut: u32::try_from(cursor.cut).unwrap_or(u32::MAX),
    }))
}

fn checksum_fits(header: &TcpHeaderSlice<'_>, path: &Path, payload: &[u8]) -> bool {
    let computed = match (path.src, path.dst) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => header.calc_checksum_ipv4_raw(src.octets(), dst.octets(), payload),
        (IpAddr::V6(src), IpAddr::V6(dst)) => header.calc_checksum_ipv6_raw(src.octets(), dst.octets(), payload),
        _ => return true,
    };
    computed.is_ok_and(|checksum| checksum == header.checksum())
}

/// etherparse tells apart what is wrong and what is missing; what is missing may have been cut by the capture.
fn wrong(content: bool, cursor: &Cursor<'_>) -> Skip {
    if content { Skip::BadHeader } else { cursor.short() }
}

/// Whether an etherparse error is about what a header says rather than about its length.
trait IsContent {
    fn is_content(&self) -> bool;
}

impl IsContent for etherparse::err::ipv4::HeaderSliceError {
    fn is_content(&self) -> bool {
        matches!(self, Self::Content(_))
    }
}

impl IsContent for etherparse::err::ipv6::HeaderSliceError {
    fn is_content(&self) -> bool {
        matches!(self, Self::Content(_))
    }
}

impl IsContent for etherparse::err::ip_auth::HeaderSliceError {
    fn is_content(&self) -> bool {
        matches!(self, Self::Content(_))
    }
}

impl IsContent for etherparse::err::tcp::HeaderSliceError {
    fn is_content(&self) -> bool {
        matches!(self, Self::Content(_))
    }
}
