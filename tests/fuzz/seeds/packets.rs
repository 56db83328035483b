//! For `decode`: one packet in every wrapping, and a few in a row.

use std::net::SocketAddr;

use spyhop_fuzz::record;
use spyhop_model::Timestamp;
use spyhop_testkit::{ACK, Link, PSH, SYN, TcpPacket};

use crate::Seed;

/// Places in the target's table of link types.
const ETHERNET: u8 = 0;
const RAW: u8 = 1;
const NULL: u8 = 2;
const COOKED: u8 = 3;
const COOKED2: u8 = 4;
const PPP: u8 = 5;
const SERIAL: u8 = 6;
const PPPOE: u8 = 7;
const HDLC: u8 = 8;
const WIRELESS: u8 = 9;
const RADIOTAP: u8 = 12;
const NFLOG: u8 = 20;

pub fn seeds() -> Vec<Seed> {
    let (v4, v6) = (packet("10.0.0.8:40000", "10.0.0.1:80"), packet("[fd00::8]:40000", "[fd00::1]:80"));
    let frame = ethernet(0x0800, &v4);
    let tagged = |tag: &[u8], inner: &[u8]| [tag, inner].concat();
    let mut all: Vec<(&str, u8, Vec<u8>)> = vec![
        ("ethernet", ETHERNET, frame.clone()),
        ("ethernet-v6", ETHERNET, ethernet(0x86dd, &v6)),
        ("raw", RAW, v4.clone()),
        ("null", NULL, tagged(&[2, 0, 0, 0], &v4)),
        ("cooked", COOKED, tagged(&[0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 8, 0], &v4)),
        ("cooked2", COOKED2, tagged(&[8, 0, 0, 0, 0, 0, 0, 2, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0], &v4)),
        ("ppp", PPP, tagged(&[0xff, 3, 0, 0x21], &v4)),
        ("serial", SERIAL, tagged(&[0xff, 3, 0, 0x57], &v6)),
        ("pppoe-link", PPPOE, pppoe(&v4)),
        ("hdlc", HDLC, tagged(&[0x0f, 0, 8, 0], &v4)),
        ("wireless", WIRELESS, wireless(&v4)),
        ("radiotap", RADIOTAP, tagged(&[0, 0, 8, 0, 0, 0, 0, 0], &wireless(&v4))),
        ("nflog", NFLOG, [&[2, 0, 0, 1][..], &(v4.len() as u16 + 4).to_le_bytes(), &[9, 0], &v4].concat()),
        ("vlan", ETHERNET, ethernet(0x8100, &tagged(&[0, 42, 8, 0], &v4))),
        ("qinq", ETHERNET, ethernet(0x88a8, &tagged(&[0, 7, 0x81, 0, 0, 42, 0x86, 0xdd], &v6))),
        ("backbone", ETHERNET, ethernet(0x88e7, &tagged(&[0, 0, 0, 1], &frame))),
        ("mpls", ETHERNET, ethernet(0x8847, &tagged(&[0, 1, 0, 64, 0, 2, 1, 64], &v4))),
        ("mpls-control-word", ETHERNET, ethernet(0x8847, &tagged(&[0, 1, 1, 64, 0, 0, 0, 0], &frame))),
        ("pppoe", ETHERNET, ethernet(0x8864, &pppoe(&v4))),
        (
            "nsh",
            ETHERNET,
            ethernet(
                0x894f,
                &tagged(&[0x0f, 0xc2, 1, 3, 0, 0, 1, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], &frame),
            ),
        ),
        ("gre", RAW, ip(47, &tagged(&[0, 0, 8, 0], &v4))),
        ("gre-key", RAW, ip(47, &tagged(&[0x30, 0, 0x65, 0x58, 0, 0, 0, 1, 0, 0, 0, 2], &frame))),
        ("erspan1", RAW, ip(47, &tagged(&[0, 0, 0x88, 0xbe], &frame))),
        ("erspan2", RAW, ip(47, &tagged(&[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 0, 0, 1, 0, 0, 0, 0], &frame))),
        (
            "erspan3",
            RAW,
            ip(47, &tagged(&[0x10, 0, 0x22, 0xeb, 0, 0, 0, 1, 0x20, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0], &frame)),
        ),
        (
            "pptp",
            RAW,
            ip(
                47,
                &[
                    &[0x30, 1, 0x88, 0x0b][..],
                    &(v4.len() as u16 + 4).to_be_bytes(),
                    &[0, 1, 0, 0, 0, 1, 0xff, 3, 0, 0x21],
                    &v4,
                ]
                .concat(),
            ),
        ),
        ("wccp", RAW, ip(47, &tagged(&[0, 0, 0x88, 0x3e, 0, 1, 2, 3], &v4))),
        ("ip-in-ip", RAW, ip(4, &v4)),
        ("6in4", RAW, ip(41, &v6)),
        ("4in6", RAW, ip6(4, &v4)),
        ("6in6", RAW, ip6(41, &ip6(41, &v6))),
        ("ether-ip", RAW, ip(97, &tagged(&[0x30, 0], &frame))),
        ("ah", RAW, ip(51, &[&[6, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1][..], &[7; 12], &v4[20..]].concat())),
        (
            "extensions",
            RAW,
            ip6(
                0,
                &[&[60, 0, 1, 4, 0, 0, 0, 0, 44, 0, 1, 4, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 9][..], &v6[40..]].concat(),
            ),
        ),
        ("vxlan", RAW, udp(4789, &tagged(&[8, 0, 0, 0, 0, 0, 1, 0], &frame))),
        ("vxlan-gpe", RAW, udp(4790, &tagged(&[12, 0, 0, 1, 0, 0, 1, 0], &v4))),
        ("geneve", RAW, udp(6081, &tagged(&[1, 0, 0x65, 0x58, 0, 0, 1, 0, 1, 2, 3, 0], &frame))),
        ("gtp", RAW, udp(2152, &gtp(&v4))),
        ("gtp-any-port", RAW, udp(9999, &gtp(&v6))),
        ("gre-in-udp", RAW, udp(4754, &tagged(&[0, 0, 8, 0], &v4))),
        ("mpls-in-udp", RAW, udp(6635, &tagged(&[0, 1, 1, 64], &v4))),
        ("teredo", RAW, udp(3544, &tagged(&[0, 0, 1, 2, 3, 4, 5, 6], &v6))),
        ("ayiya", RAW, udp(5072, &[&[0x44, 0x52, 0x11, 41, 0, 0, 0, 0][..], &[0; 36], &v6].concat())),
    ];
    all.push(("padded", ETHERNET, [frame.as_slice(), &[0; 6]].concat()));
    let mut seeds: Vec<Seed> = all
        .iter()
        .map(|(name, link, bytes)| {
            let mut out = vec![7 << 1 | 1];
            put(&mut out, *link, 0, bytes);
            put(&mut out, *link, 9, &bytes[..bytes.len() - 3]);
            ((*name).to_owned(), out)
        })
        .collect();
    for (name, whole, v6) in [("fragments", &v4, false), ("fragments-v6", &v6, true)] {
        let mut out = vec![7 << 1];
        for piece in fragments(whole, v6) {
            put(&mut out, RAW, 0, &piece);
        }
        seeds.push((name.to_owned(), out));
    }
    seeds
}

/// One packet as the target reads it.
fn put(out: &mut Vec<u8>, link: u8, missing: u8, bytes: &[u8]) {
    out.extend_from_slice(&[link, missing, 1]);
    record(out, bytes);
}

/// A SYN's options and some payload, as an IP packet.
fn packet(src: &str, dst: &str) -> Vec<u8> {
    let address = |text: &str| text.parse::<SocketAddr>().expect("an address");
    let (src, dst) = (address(src), address(dst));
    let options = &[2, 4, 5, 0xb4, 1, 3, 3, 7];
    let flags = SYN | ACK | PSH;
    let (window, ttl) = (501, 64);
    let payload = b"GET / HTTP/1.1\r\n\r\n";
    TcpPacket { src, dst, seq: 1, ack: 2, flags, window, urgent: 0, ttl, ident: 3, options, payload }
        .frame(Timestamp(0), Link::Raw, &[])
        .bytes
}

fn ethernet(ether_type: u16, inner: &[u8]) -> Vec<u8> {
    [&[2, 0, 10, 0, 0, 1, 2, 0, 10, 0, 0, 8][..], &ether_type.to_be_bytes(), inner].concat()
}

fn ip(protocol: u8, inner: &[u8]) -> Vec<u8> {
    let len = (20 + inner.len() as u16).to_be_bytes();
    let header = [0x45, 0, len[0], len[1], 0, 1, 0, 0, 64, protocol, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2];
    [&header[..], inner].concat()
}

fn ip6(next: u8, inner: &[u8]) -> Vec<u8> {
    let len = (inner.len() as u16).to_be_bytes();
    let mut header = vec![0x60, 0, 0, 0, len[0], len[1], next, 64];
    header.extend_from_slice(&[0xfd, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    header.extend_from_slice(&[0xfd, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
    [&header[..], inner].concat()
}

fn udp(port: u16, inner: &[u8]) -> Vec<u8> {
    let header = [&50_000u16.to_be_bytes()[..], &port.to_be_bytes(), &(8 + inner.len() as u16).to_be_bytes(), &[0, 0]];
    ip(17, &[&header.concat()[..], inner].concat())
}

fn gtp(inner: &[u8]) -> Vec<u8> {
    let len = (inner.len() as u16 + 8).to_be_bytes();
    [&[0x34, 0xff, len[0], len[1], 0, 0, 0, 1, 0, 0, 0, 0x85, 1, 0, 0, 0][..], inner].concat()
}

fn pppoe(inner: &[u8]) -> Vec<u8> {
    let len = (inner.len() as u16 + 2).to_be_bytes();
    [&[0x11, 0, 0, 1, len[0], len[1], 0, 0x21][..], inner].concat()
}

/// A data frame with quality of service, from a station.
fn wireless(inner: &[u8]) -> Vec<u8> {
    [&[0x88, 1, 0, 0][..], &[2; 18], &[0, 0, 0, 0], &[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], inner].concat()
}

/// An IP packet in two fragments, the second first.
fn fragments(whole: &[u8], v6: bool) -> [Vec<u8>; 2] {
    let header = if v6 { 40 } else { 20 };
    let payload = &whole[header..];
    [(24, &payload[24..], 0u16), (0, &payload[..24], 1)].map(|(offset, bytes, more)| {
        if v6 {
            let place = (offset as u16 | more).to_be_bytes();
            ip6(44, &[&[6, 0, place[0], place[1], 0, 0, 0, 5][..], bytes].concat())
        } else {
            let mut packet = ip(6, bytes);
            packet[6..8].copy_from_slice(&((offset as u16 / 8) | (more << 13)).to_be_bytes());
            packet
        }
    })
}
