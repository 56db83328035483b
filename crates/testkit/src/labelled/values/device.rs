//! Devices and lines: identifiers of equipment, of subscribers, of networks.

use super::super::checks::luhn_digit;
use super::spoil_last;
use crate::rng::Rng;

pub(in super::super) fn imei(rng: &mut Rng) -> String {
    let body = format!("{}{}", rng.one_of(&["35", "86", "86", "01", "99"]), rng.digits(12));
    format!("{body}{}", luhn_digit(&body))
}

pub(in super::super) fn no_imei(rng: &mut Rng) -> String {
    spoil_last(&imei(rng))
}

pub(in super::super) fn imsi(rng: &mut Rng) -> String {
    let network = rng.one_of(&["00", "01", "02", "03", "06", "07", "09", "11", "15"]);
    format!("460{network}{}", rng.digits(10))
}

pub(in super::super) fn iccid(rng: &mut Rng) -> String {
    let body = format!("8986{:02}{}", rng.below(12), rng.digits(13));
    format!("{body}{}", luhn_digit(&body))
}

pub(in super::super) fn mac(rng: &mut Rng) -> String {
    // A globally unique address of one station: two low bits of the first octet are zero.
    let first = (rng.below(63) + 1) * 4;
    let rest: Vec<String> = (0..5).map(|_| format!("{:02x}", rng.below(256))).collect();
    let sign = rng.one_of(&[":", ":", "-"]);
    let mac = format!("{first:02x}{sign}{}", rest.join(sign));
    if rng.chance(50.0) { mac.to_uppercase() } else { mac }
}

pub(in super::super) fn no_mac(rng: &mut Rng) -> String {
    rng.one_of(&["00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "FF-FF-FF-FF-FF-FF", "01:00:5e:00:00:fb"]).to_owned()
}

pub(in super::super) fn ipv4(rng: &mut Rng) -> String {
    let first =
        rng.one_of(&[1, 14, 27, 36, 42, 58, 61, 101, 106, 111, 113, 116, 119, 121, 123, 180, 183, 202, 218, 222]);
    format!("{first}.{}.{}.{}", rng.range(3..250), rng.range(3..250), rng.range(1..255))
}

pub(in super::super) fn no_ipv4(rng: &mut Rng) -> String {
    format!("{}.{}.{}.{}", rng.range(256..999), rng.below(256), rng.below(256), rng.below(256))
}

pub(in super::super) fn ipv6(rng: &mut Rng) -> String {
    let net = rng.one_of(&["2408:84", "2409:89", "240e:3"]);
    let rest: Vec<String> = (0..4).map(|_| format!("{:x}", rng.range(0x1000..0x1_0000))).collect();
    let compact = rng.chance(30.0);
    match compact {
        true => format!("{net}1:{}::{}", rest[0], rest[1]),
        false => format!(
            "{net}1:{}:{}:1:{}:{:x}:{:x}",
            rest[0],
            rest[1],
            rest[2],
            rng.range(1..0xffff),
            rng.range(1..0xffff)
        ),
    }
}
