//! IEEE 802.11 data frames, with the headers that capturing puts before them.

use super::{Cursor, Layer, Skip, Step};

/// Radiotap: version, padding, length (little-endian).
pub(super) fn radiotap<'a>(cursor: &mut Cursor<'a>) -> Result<Step<'a>, Skip> {
    let len = usize::from(cursor.peek16(2)?.swap_bytes());
    if cursor.peek(0)? != 0 || len < 8 {
        return Err(Skip::BadHeader);
    }
    cursor.take(len)?;
    Ok(Step::Layer(Layer::Wireless))
}

/// AVS, or the older Prism header of 144 octets, of the same link type.
pub(super) fn prism<'a>(cursor: &mut Cursor<'a>) -> Result<Step<'a>, Skip> {
    let avs = cursor.peek16(0)? == 0x8021 && cursor.peek(2)? >> 4 == 1;
    let len = if avs { usize::from(cursor.peek16(6)?) } else { 144 };
    cursor.take(len)?;
    Ok(Step::Layer(Layer::Wireless))
}

/// What LLC begins with where SNAP and an EtherType of RFC 1042 follow.
const LLC_SNAP: &[u8] = &[0xaa, 0xaa, 0x03, 0, 0, 0];

/// The header in front of an encrypted payload (CCMP, GCMP), and the check sequence behind a frame.
const SECURITY: usize = 8;
const CHECK: usize = 4;

/// A frame (IEEE 802.11, section 9.2): only data leads to IP.
pub(super) fn frame<'a>(cursor: &mut Cursor<'a>) -> Result<Step<'a>, Skip> {
    let (kind, flags) = (cursor.peek(0)?, cursor.peek(1)?);
    let subtype = kind >> 4;
    // Version 0, type 2; bit 2 of the subtype: no data.
    if kind & 0x0f != 0x08 || subtype & 4 != 0 {
        return Err(Skip::NotIp);
    }
    // More fragments, or not the first one.
    if flags & 0x04 != 0 || cursor.peek(22)? & 0x0f != 0 {
        return Err(Skip::FragmentDropped);
    }
    let mut len = if flags & 0x03 == 0x03 { 30 } else { 24 };
    let mut aggregate = false;
    if subtype & 8 != 0 {
        aggregate = cursor.peek(len)? & 0x80 != 0;
        len += if flags & 0x80 != 0 { 6 } else { 2 };
    }
    let is_llc = |at: usize| cursor.bytes.get(at..).is_some_and(|rest| rest.starts_with(LLC_SNAP));
    if flags & 0x40 != 0 {
        // Cards and controllers that decrypt leave the header and the flag.
        let subframe = if aggregate { SUBFRAME } else { 0 };
        if !is_llc(len + SECURITY + subframe) {
            return Err(Skip::Encrypted);
        }
        len += SECURITY;
    } else if len % 4 != 0 && !is_llc(len) && is_llc(len + 2) {
        // Some cards pad the header to a multiple of four octets.
        len += 2;
    }
    cursor.take(len)?;
    if aggregate {
        subframe(cursor)?;
    }
    super::link::llc(cursor)
}

/// Addresses and a length in front of each of the frames that share one (A-MSDU).
const SUBFRAME: usize = 14;

/// Goes on with the only frame of an aggregate; of several, none is taken.
fn subframe(cursor: &mut Cursor<'_>) -> Result<(), Skip> {
    let len = SUBFRAME + usize::from(cursor.peek16(12)?);
    if cursor.bytes.len() + cursor.cut >= len.next_multiple_of(4) + CHECK + SUBFRAME {
        return Err(Skip::Aggregated);
    }
    cursor.limit(len)?;
    cursor.take(SUBFRAME)?;
    Ok(())
}
