//! Tunnels in UDP. The port decides where it can; GTP-U and Teredo are found on any port, by a header whose lengths
//! fit exactly and a fitting IP header in it. What is no tunnel is skipped as [`Skip::NotTcp`], as all of UDP is.

use spyhop_model::settings;

use super::shape::{ethernet_at, ip_at};
use super::{Cursor, DecodeAccounts, Encapsulation, Layer, Skip, Step, gre, link};

settings! {
    /// UDP ports of tunnels. GTP-U and Teredo are recognised on other ports too, by strictly valid headers.
    pub struct TunnelPorts {
        /// VXLAN, also with GPE: as mirrors of AWS, Azure and Alibaba Cloud send it (4789), as Linux did at first (8472), and VXLAN-GPE's own (4790).
        vxlan: Vec<u16> = vec![4789, 8472, 4790],
        /// Geneve, also of AWS gateway load balancers.
        geneve: Vec<u16> = vec![6081],
        /// GRE in UDP (RFC 8086).
        gre: Vec<u16> = vec![4754],
        /// MPLS in UDP (RFC 7510).
        mpls: Vec<u16> = vec![6635],
        /// GTP-U.
        gtp: Vec<u16> = vec![2152],
        /// Teredo.
        teredo: Vec<u16> = vec![3544],
        /// AYIYA.
        ayiya: Vec<u16> = vec![5072],
    }
}

impl TunnelPorts {
    /// What `port` stands for.
    fn of(&self, port: u16) -> Option<Encapsulation> {
        [
            (&self.vxlan, Encapsulation::Vxlan),
            (&self.geneve, Encapsulation::Geneve),
            (&self.gtp, Encapsulation::Gtp),
            (&self.gre, Encapsulation::GreInUdp),
            (&self.mpls, Encapsulation::MplsInUdp),
            (&self.teredo, Encapsulation::Teredo),
            (&self.ayiya, Encapsulation::Ayiya),
        ]
        .into_iter()
        .find(|(ports, _)| ports.contains(&port))
        .map(|(_, tunnel)| tunnel)
    }
}

/// What must be known of a tunnel's content before it is believed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Proof {
    /// Its destination port is the tunnel's.
    Port,
    /// Its source port is, which a client may have got by chance: the content has to fit.
    Fits,
    /// Nothing but the octets: the content has to end where the datagram ends.
    Exact,
}

/// RFC 768.
pub(super) fn udp<'a>(
    cursor: &mut Cursor<'a>,
    ports: &TunnelPorts,
    accounts: &mut DecodeAccounts,
) -> Result<Step<'a>, Skip> {
    let (src, dst, len) = (cursor.peek16(0)?, cursor.peek16(2)?, usize::from(cursor.peek16(4)?));
    let mut inside = *cursor;
    // Zero: a jumbogram (RFC 2675) or segmentation offload.
    if len != 0 {
        inside.limit(len)?;
    }
    inside.take(8)?;

    let (by_dst, by_src) = (ports.of(dst), ports.of(src));
    let guesses = [
        (by_dst, Proof::Port),
        (by_src, Proof::Fits),
        (Some(Encapsulation::Gtp), Proof::Exact),
        (Some(Encapsulation::Teredo), Proof::Exact),
    ];
    for (tunnel, proof) in guesses {
        let Some(tunnel) = tunnel else { continue };
        let mut attempt = inside;
        match open(tunnel, proof, &mut attempt) {
            Ok(layer) => {
                *cursor = attempt;
                accounts.encapsulated(tunnel);
                return Ok(Step::Layer(layer));
            }
            // The port says what it is, and the capture hides the rest.
            Err(Skip::Truncated) if proof == Proof::Port => return Err(Skip::Truncated),
            Err(_) => {}
        }
    }
    Err(Skip::NotTcp)
}

/// Takes the tunnel's header; an error if this is not such a tunnel.
fn open(tunnel: Encapsulation, proof: Proof, cursor: &mut Cursor<'_>) -> Result<Layer, Skip> {
    let layer = match tunnel {
        Encapsulation::Vxlan => vxlan(cursor),
        Encapsulation::Geneve => geneve(cursor),
        Encapsulation::GreInUdp => match cursor.peek(1)? & 7 {
            0 => Ok(Layer::Gre),
            _ => Err(Skip::BadHeader),
        },
        Encapsulation::MplsInUdp => Ok(Layer::Mpls),
        Encapsulation::Gtp => return gtp(proof, cursor),
        Encapsulation::Teredo => return teredo(proof, cursor),
        Encapsulation::Ayiya => return ayiya(cursor),
        _ => Err(Skip::NotTcp),
    }?;
    let fits = proof == Proof::Port
        || match layer {
            Layer::Ethernet => ethernet_at(cursor.bytes),
            Layer::Ip | Layer::Ipv4 | Layer::Ipv6 | Layer::EtherType(link::IPV4 | link::IPV6) => {
                ip_at(cursor.bytes, cursor.cut).is_some_and(|ip| ip.fits)
            }
            _ => false,
        };
    if fits { Ok(layer) } else { Err(Skip::NotTcp) }
}

/// VXLAN (RFC 7348): flags, reserved, network identifier, reserved; VXLAN-GPE sets a flag and names the next protocol in
/// the fourth octet, where the group policy extension has the end of a group's number.
fn vxlan(cursor: &mut Cursor<'_>) -> Result<Layer, Skip> {
    const VNI: u8 = 0x08;
    const NEXT_PROTOCOL: u8 = 0x04;
    let (flags, next) = (cursor.peek(0)?, cursor.peek(3)?);
    if flags & VNI == 0 {
        return Err(Skip::BadHeader);
    }
    cursor.take(8)?;
    if flags & NEXT_PROTOCOL != 0 { gre::next_protocol(next) } else { Ok(Layer::Ethernet) }
}

/// Geneve (RFC 8926): version and length of options (in words of four octets), flags, EtherType, network identifier.
fn geneve(cursor: &mut Cursor<'_>) -> Result<Layer, Skip> {
    let (first, ether_type) = (cursor.peek(0)?, cursor.peek16(2)?);
    if first >> 6 != 0 || ether_type < 0x0600 {
        return Err(Skip::BadHeader);
    }
    cursor.take(8 + usize::from(first & 0x3f) * 4)?;
    Ok(Layer::EtherType(ether_type))
}

/// GTP-U version 1 (3GPP TS 29.281, section 5): flags, message type, length behind the first 8 octets, tunnel identifier;
/// then, with any of three flags, a sequence number, an N-PDU number and the first extension header's type.
fn gtp(proof: Proof, cursor: &mut Cursor<'_>) -> Result<Layer, Skip> {
    const USER_DATA: u8 = 0xff;
    let (flags, message, len) = (cursor.peek(0)?, cursor.peek(1)?, usize::from(cursor.peek16(2)?));
    // Version 1, GTP (not GTP'), a spare bit.
    if flags & 0xf8 != 0x30 || message != USER_DATA {
        return Err(Skip::NotTcp);
    }
    let exact = 8 + len == cursor.bytes.len() + cursor.cut;
    cursor.limit(8 + len)?;
    cursor.take(8)?;
    if flags & 0x07 != 0 {
        let mut next = cursor.peek(3)?;
        cursor.take(4)?;
        if flags & 0x04 == 0 {
            next = 0;
        }
        while next != 0 {
            // Length in words of four octets; the last octet is the next one's type.
            let words = usize::from(cursor.peek(0)?);
            let extension = cursor.take(words * 4)?;
            next = *extension.last().ok_or(Skip::BadHeader)?;
        }
    }
    match ip_at(cursor.bytes, cursor.cut) {
        Some(ip) if ip.fits && (proof != Proof::Exact || (exact && ip.exact)) => Ok(Layer::Ip),
        // An Ethernet PDU session (3GPP TS 23.501, section 5.6.10.2).
        None if proof != Proof::Exact && ethernet_at(cursor.bytes) => Ok(Layer::Ethernet),
        _ if cursor.cut > 0 => Err(Skip::Truncated),
        _ => Err(Skip::NotTcp),
    }
}

/// Teredo (RFC 4380, section 5.1.1): perhaps an authentication, perhaps an origin indication, then IPv6.
fn teredo(proof: Proof, cursor: &mut Cursor<'_>) -> Result<Layer, Skip> {
    if cursor.bytes.starts_with(&[0, 1]) {
        let (id, value) = (cursor.peek(2)?, cursor.peek(3)?);
        cursor.take(4 + usize::from(id) + usize::from(value) + 8 + 1)?;
    }
    if cursor.bytes.starts_with(&[0, 0]) {
        cursor.take(8)?;
    }
    if cursor.peek(0)? >> 4 != 6 {
        return Err(Skip::NotTcp);
    }
    match ip_at(cursor.bytes, cursor.cut) {
        Some(ip) if ip.fits && (proof != Proof::Exact || (ip.exact && ip.teredo)) => Ok(Layer::Ipv6),
        _ if cursor.cut > 0 => Err(Skip::Truncated),
        _ => Err(Skip::NotTcp),
    }
}

/// AYIYA (draft-massar-v6ops-ayiya, section 3): lengths and types of identity and signature, operation, next header, time.
fn ayiya(cursor: &mut Cursor<'_>) -> Result<Layer, Skip> {
    const FORWARD: u8 = 1;
    let (identity, signature) = (cursor.peek(0)? >> 4, cursor.peek(1)? >> 4);
    let (operation, next) = (cursor.peek(2)? & 0x0f, cursor.peek(3)?);
    if operation != FORWARD || !matches!(next, 4 | 41) {
        return Err(Skip::NotTcp);
    }
    cursor.take(8 + (1 << identity) + usize::from(signature) * 4)?;
    match ip_at(cursor.bytes, cursor.cut) {
        Some(ip) if ip.fits => Ok(Layer::Protocol(next)),
        _ if cursor.cut > 0 => Err(Skip::Truncated),
        _ => Err(Skip::NotTcp),
    }
}
