//! GRE (RFC 2784, 2890, 1701; version 1: RFC 2637) with what mirrors put into it, and NSH (RFC 8300).

use super::shape::ethernet_at;
use super::{Cursor, DecodeAccounts, Encapsulation, Layer, Skip, Step, link};

const CHECKSUM: u16 = 0x8000;
const ROUTING: u16 = 0x4000;
const KEY: u16 = 0x2000;
const SEQUENCE: u16 = 0x1000;
const ACKNOWLEDGEMENT: u16 = 0x0080;

const ERSPAN: u16 = 0x88be;
const ERSPAN_III: u16 = 0x22eb;
const WCCP: u16 = 0x883e;

/// GRE.
pub(super) fn gre<'a>(cursor: &mut Cursor<'a>, accounts: &mut DecodeAccounts) -> Result<Step<'a>, Skip> {
    let (flags, protocol) = (cursor.peek16(0)?, cursor.peek16(2)?);
    let field = |bits: u16| if flags & bits != 0 { 4 } else { 0 };
    match flags & 7 {
        0 => {
            cursor.take(4 + field(CHECKSUM | ROUTING) + field(KEY) + field(SEQUENCE))?;
            if flags & ROUTING != 0 {
                routing(cursor)?;
            }
        }
        // PPTP: the key's first half is the length; without a sequence number there is no payload.
        1 if flags & KEY != 0 && protocol == link::PPP => {
            let len = cursor.peek16(4)?;
            cursor.take(8 + field(SEQUENCE) + field(ACKNOWLEDGEMENT))?;
            cursor.limit(usize::from(len))?;
        }
        _ => return Err(Skip::BadHeader),
    }
    accounts.encapsulated(Encapsulation::Gre);
    match protocol {
        ERSPAN | ERSPAN_III => erspan(protocol, flags & SEQUENCE != 0, cursor, accounts),
        WCCP => {
            // Version 2 has a redirect header of four octets in front of IP.
            if cursor.peek(0)? >> 4 != 4 {
                cursor.take(4)?;
            }
            Ok(Step::Layer(Layer::Ipv4))
        }
        0..0x0600 => Err(Skip::NotIp),
        // Aruba's access points: 802.11 frames, the number names a queue.
        0x8200..=0x8370 | 0x9000 if protocol & 0xf == 0 => Ok(Step::Layer(Layer::Wireless)),
        protocol => Ok(Step::Layer(Layer::EtherType(protocol))),
    }
}

/// Source route entries (RFC 1701): family, offset, length; an empty one ends them.
fn routing(cursor: &mut Cursor<'_>) -> Result<(), Skip> {
    loop {
        let (family, len) = (cursor.peek16(0)?, cursor.peek(3)?);
        cursor.take(4 + usize::from(len))?;
        if family == 0 && len == 0 {
            return Ok(());
        }
    }
}

/// ERSPAN (draft-foschiano-erspan): type I has no header, type II one of 8 octets, type III one of 12 and perhaps 8 more.
/// The VLAN in it is not taken: it stands for received frames only and would tear the two directions apart.
fn erspan<'a>(
    protocol: u16,
    numbered: bool,
    cursor: &mut Cursor<'a>,
    accounts: &mut DecodeAccounts,
) -> Result<Step<'a>, Skip> {
    accounts.encapsulated(Encapsulation::Erspan);
    let version = cursor.peek(0)? >> 4;
    if protocol == ERSPAN {
        // Type II is numbered by GRE. Whoever leaves the number out is told by what follows.
        if version == 1 && (numbered || !ethernet_at(cursor.bytes)) {
            cursor.take(8)?;
        }
        return Ok(Step::Layer(Layer::Ethernet));
    }
    if version != 2 {
        return Err(Skip::BadHeader);
    }
    let (frame_type, more) = (cursor.peek(10)? >> 2 & 0x1f, cursor.peek(11)? & 1 != 0);
    cursor.take(if more { 20 } else { 12 })?;
    match frame_type {
        0 => Ok(Step::Layer(Layer::Ethernet)),
        2 => {
            // As with a frame: the mirror may have cut it.
            cursor.bounded = false;
            Ok(Step::Layer(Layer::Ip))
        }
        _ => Err(Skip::NotIp),
    }
}

/// NSH: version, flags, time to live and length (in words of four octets), type of metadata, next protocol.
pub(super) fn nsh<'a>(cursor: &mut Cursor<'a>, accounts: &mut DecodeAccounts) -> Result<Step<'a>, Skip> {
    let (first, next) = (cursor.peek16(0)?, cursor.peek(3)?);
    let len = usize::from(first & 0x3f) * 4;
    if first >> 14 != 0 || len < 8 {
        return Err(Skip::BadHeader);
    }
    cursor.take(len)?;
    accounts.encapsulated(Encapsulation::Nsh);
    next_protocol(next).map(Step::Layer)
}

/// The next protocol of NSH (RFC 8300, section 2.2) and VXLAN-GPE (draft-ietf-nvo3-vxlan-gpe, section 3.1), which agree.
pub(super) fn next_protocol(number: u8) -> Result<Layer, Skip> {
    match number {
        1 => Ok(Layer::Ipv4),
        2 => Ok(Layer::Ipv6),
        3 => Ok(Layer::Ethernet),
        4 => Ok(Layer::Nsh),
        5 => Ok(Layer::Mpls),
        _ => Err(Skip::NotIp),
    }
}

/// EtherIP (RFC 3378): version 3 and twelve zero bits, then an Ethernet frame.
pub(super) fn ether_ip<'a>(cursor: &mut Cursor<'a>, accounts: &mut DecodeAccounts) -> Result<Step<'a>, Skip> {
    if cursor.peek(0)? >> 4 != 3 {
        return Err(Skip::BadHeader);
    }
    cursor.take(2)?;
    accounts.encapsulated(Encapsulation::EtherIp);
    Ok(Step::Layer(Layer::Ethernet))
}
