//! MPLS label stacks (RFC 3032) and what may stand behind them. Nothing names it: labels mean what two routers agreed on.

use super::shape::{ethernet_at, ip_at};
use super::{Cursor, DecodeAccounts, Encapsulation, Layer, Skip, Step};

/// One label; behind the last one IP, or an Ethernet pseudowire with or without a control word (RFC 4448, RFC 4385).
///
/// The first half octet tells IP (4, 6) from a control word (0), but an Ethernet frame without one may begin with the
/// same digits (RFC 4928): what fits as a whole is taken.
pub(super) fn label<'a>(cursor: &mut Cursor<'a>, accounts: &mut DecodeAccounts) -> Result<Step<'a>, Skip> {
    let bottom = cursor.peek(2)? & 1 != 0;
    cursor.take(4)?;
    if !bottom {
        return Ok(Step::Layer(Layer::Mpls));
    }
    accounts.encapsulated(Encapsulation::Mpls);
    let version = cursor.peek(0)? >> 4;
    if ip_at(cursor.bytes, cursor.cut).is_some_and(|ip| ip.fits) {
        return Ok(Step::Layer(Layer::Ip));
    }
    if version == 0 && cursor.bytes.get(4..).is_some_and(ethernet_at) {
        cursor.take(4)?;
        return Ok(Step::Layer(Layer::Ethernet));
    }
    if ethernet_at(cursor.bytes) {
        return Ok(Step::Layer(Layer::Ethernet));
    }
    // IP with a wrong or cut header, whose reason is then told there.
    if matches!(version, 4 | 6) { Ok(Step::Layer(Layer::Ip)) } else { Err(Skip::NotIp) }
}
