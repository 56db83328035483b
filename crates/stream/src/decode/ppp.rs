//! PPP (RFC 1661) on its own links, in PPPoE (RFC 2516) and in GRE (RFC 2637), and Cisco's HDLC.

use super::{Cursor, DecodeAccounts, Encapsulation, Layer, Skip, Step};

/// A PPPoE session: version and type, code, session identifier, length.
pub(super) fn pppoe<'a>(cursor: &mut Cursor<'a>, accounts: &mut DecodeAccounts) -> Result<Step<'a>, Skip> {
    let (version, code, len) = (cursor.peek(0)?, cursor.peek(1)?, cursor.peek16(4)?);
    if version != 0x11 || code != 0 {
        return Err(Skip::BadHeader);
    }
    cursor.limit(6 + usize::from(len))?;
    cursor.take(6)?;
    accounts.encapsulated(Encapsulation::Pppoe);
    Ok(Step::Layer(Layer::Ppp))
}

/// PPP, with or without the address and control octets of its HDLC framing (RFC 1662), both fields of which may have been
/// negotiated away or shortened (RFC 1661, section 6.5 and 6.6).
pub(super) fn ppp<'a>(cursor: &mut Cursor<'a>, accounts: &mut DecodeAccounts) -> Result<Step<'a>, Skip> {
    if cursor.bytes.starts_with(&[0xff, 0x03]) {
        cursor.take(2)?;
    }
    let short = cursor.peek(0)?;
    let protocol = if short & 1 != 0 {
        cursor.take(1)?;
        u16::from(short)
    } else {
        let protocol = cursor.peek16(0)?;
        cursor.take(2)?;
        protocol
    };
    accounts.encapsulated(Encapsulation::Ppp);
    match protocol {
        0x0021 => Ok(Step::Layer(Layer::Ipv4)),
        0x0057 => Ok(Step::Layer(Layer::Ipv6)),
        0x0281 | 0x0283 => Ok(Step::Layer(Layer::Mpls)),
        // Encrypted by ECP (RFC 1968), or compressed, which is where MPPE encrypts (RFC 3078).
        0x0053 | 0x0055 | 0x00fb | 0x00fd => Err(Skip::Encrypted),
        _ => Err(Skip::NotIp),
    }
}

/// LINKTYPE_PPP_HDLC: either PPP or Cisco's HDLC, told apart by the address octet (RFC 1547, section 4.3.1).
pub(super) fn serial<'a>(cursor: &mut Cursor<'a>) -> Result<Step<'a>, Skip> {
    match cursor.peek(0)? {
        0x0f | 0x8f => hdlc(cursor),
        _ => Ok(Step::Layer(Layer::Ppp)),
    }
}

/// A direction (LINKTYPE_PPP_WITH_DIR), or a direction in place of the address octet (LINKTYPE_PPP_PPPD).
pub(super) fn directed<'a>(cursor: &mut Cursor<'a>) -> Result<Step<'a>, Skip> {
    // 0x03 is the control octet, and as a protocol's first octet it would be a shortened one that does not exist.
    let len = if cursor.peek(1)? == 0x03 { 2 } else { 1 };
    cursor.take(len)?;
    Ok(Step::Layer(Layer::Ppp))
}

/// Cisco's HDLC: address, control, EtherType.
pub(super) fn hdlc<'a>(cursor: &mut Cursor<'a>) -> Result<Step<'a>, Skip> {
    let protocol = cursor.peek16(2)?;
    cursor.take(4)?;
    // Its own protocols (keep-alives, CDP) and ISO's; a length is no EtherType here.
    if protocol < 0x0600 { Err(Skip::NotIp) } else { Ok(Step::Layer(Layer::EtherType(protocol))) }
}
