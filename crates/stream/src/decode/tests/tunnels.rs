//! Encapsulations, one packet each, and what only looks like one.

use std::net::Ipv6Addr;

use super::*;
use crate::decode::Encapsulation as E;

/// `payload` in IPv4, from hosts of a network in between.
fn in_ipv4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    PacketBuilder::ipv4([172, 16, 0, 1], [172, 16, 0, 2], 9)
        .write(&mut out, etherparse::IpNumber(protocol), payload)
        .unwrap();
    out
}

fn in_ipv6(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    PacketBuilder::ipv6([9; 16], [8; 16], 9).write(&mut out, etherparse::IpNumber(protocol), payload).unwrap();
    out
}

fn in_udp(src: u16, dst: u16, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    PacketBuilder::ipv4([172, 16, 0, 1], [172, 16, 0, 2], 9).udp(src, dst).write(&mut out, payload).unwrap();
    out
}

fn joined(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

fn frame() -> Vec<u8> {
    ethernet(0x0800, &ipv4(HELLO))
}

/// A GTP-U message of user data, with its optional fields and extensions in `between`.
fn gtp(flags: u8, between: &[u8], inner: &[u8]) -> Vec<u8> {
    let len = ((between.len() + inner.len()) as u16).to_be_bytes();
    joined(&[&[flags, 0xff, len[0], len[1], 0, 0, 0, 9], between, inner])
}

/// An IPv6 packet from a Teredo client.
fn teredo() -> Vec<u8> {
    let mut out = ipv6(6, &[], HELLO);
    out[8..24].copy_from_slice(&Ipv6Addr::new(0x2001, 0, 1, 2, 3, 4, 5, 6).octets());
    // The checksum counts the address.
    let sum = etherparse::TcpHeaderSlice::from_slice(&out[40..]).unwrap();
    let sum = sum.calc_checksum_ipv6_raw(out[8..24].try_into().unwrap(), [2; 16], HELLO).unwrap();
    out[56..58].copy_from_slice(&sum.to_be_bytes());
    out
}

const TEREDO: &str = "[2001:0:1:2:3:4:5:6]:40000>[202:202:202:202:202:202:202:202]:80 [] GET / HTTP/1.1+0";

fn pppoe(protocol: &[u8], inner: &[u8]) -> Vec<u8> {
    let len = ((protocol.len() + inner.len()) as u16).to_be_bytes();
    ethernet(0x8864, &joined(&[&[0x11, 0, 0, 7, len[0], len[1]], protocol, inner]))
}

struct Case {
    name: &'static str,
    link: u16,
    data: Vec<u8>,
    layers: Vec<E>,
    expected: &'static str,
}

/// Every encapsulation, around the same request.
fn cases() -> Vec<Case> {
    let (ip, ip6, frame, teredo) = (ipv4(HELLO), ipv6(6, &[], HELLO), frame(), teredo());
    let label = [0, 1, 0x20, 64];
    let bottom = [0, 2, 0x21, 64];
    let vxlan = [8, 0, 0, 0, 0, 0, 7, 0];
    let nsh = [0x0f, 0xc2, 2, 1, 0, 0, 7, 255];
    let mut cases = Vec::new();
    let mut add = |name, link, data, layers: &[E], expected| {
        cases.push(Case { name, link, data, layers: layers.to_vec(), expected });
    };

    add("MPLS", 1, ethernet(0x8847, &joined(&[&label, &bottom, &ip])), &[E::Mpls], PLAIN);
    add("MPLS, IPv6", 1, ethernet(0x8848, &joined(&[&bottom, &ip6])), &[E::Mpls], PLAIN6);
    add("pseudowire", 1, ethernet(0x8847, &joined(&[&bottom, &frame])), &[E::Mpls], PLAIN);
    let word = [0, 0, 0, 5];
    add("pseudowire with control word", 1, ethernet(0x8847, &joined(&[&bottom, &word, &frame])), &[E::Mpls], PLAIN);
    for first in [0x00, 0x45, 0x60] {
        let mut frame = frame.clone();
        frame[0] = first;
        let data = ethernet(0x8847, &joined(&[&bottom, &frame]));
        add("pseudowire to an address like IP or a control word", 1, data, &[E::Mpls], PLAIN);
    }
    add("MPLS in IP", 101, in_ipv4(137, &joined(&[&bottom, &ip])), &[E::Mpls], PLAIN);
    add("MPLS in UDP", 101, in_udp(50_000, 6635, &joined(&[&bottom, &ip])), &[E::MplsInUdp, E::Mpls], PLAIN);

    add("PPPoE", 1, pppoe(&[0, 0x21], &ip), &[E::Pppoe, E::Ppp], PLAIN);
    add("PPPoE, IPv6", 1, pppoe(&[0, 0x57], &ip6), &[E::Pppoe, E::Ppp], PLAIN6);
    add("PPPoE, short protocol", 1, pppoe(&[0x21], &ip), &[E::Pppoe, E::Ppp], PLAIN);
    add("PPPoE link", 51, pppoe(&[0, 0x21], &ip)[14..].to_vec(), &[E::Pppoe, E::Ppp], PLAIN);
    add("PPP", 9, joined(&[&[0xff, 3, 0, 0x21], &ip]), &[E::Ppp], PLAIN);
    add("PPP without framing", 9, joined(&[&[0, 0x21], &ip]), &[E::Ppp], PLAIN);
    add("PPP, MPLS", 50, joined(&[&[0xff, 3, 2, 0x81], &bottom, &ip]), &[E::Ppp, E::Mpls], PLAIN);
    add("PPP with direction", 204, joined(&[&[1, 0xff, 3, 0, 0x21], &ip]), &[E::Ppp], PLAIN);
    add("PPP of pppd", 166, joined(&[&[1, 3, 0, 0x21], &ip]), &[E::Ppp], PLAIN);
    add("HDLC", 104, joined(&[&[0x0f, 0, 8, 0], &ip]), &[], PLAIN);
    add("HDLC on a serial link", 50, joined(&[&[0x8f, 0, 0x86, 0xdd], &ip6]), &[], PLAIN6);

    let hook = [8, 0, 1, 0, 8, 0, 3, 0];
    let mark = [5, 0, 2, 0, 7, 0, 0, 0];
    let len = (4 + ip.len() as u16).to_le_bytes();
    let padding = [0; 3];
    let nflog = joined(&[&[2, 0, 0, 5], &hook, &mark, &[len[0], len[1], 9, 0], &ip, &padding]);
    add("NFLOG", 239, nflog, &[], PLAIN);
    let len = (4 + ip6.len() as u16).to_be_bytes();
    let nflog = joined(&[&[10, 0, 0, 5], &[0, 8, 0, 1, 8, 0, 3, 0], &[len[0], len[1], 0, 9], &ip6]);
    add("NFLOG, big-endian", 239, nflog, &[], PLAIN6);

    let wireless = joined(&[&[0x08, 0x01], &[1; 20], &[0x10, 0], &[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &ip]);
    add("802.11", 105, wireless.clone(), &[], PLAIN);
    add("radiotap", 127, joined(&[&[0, 0, 9, 0, 0, 0, 0, 0, 9], &wireless]), &[], PLAIN);
    add("AVS", 163, joined(&[&[0x80, 0x21, 0x10, 1, 0, 0, 0, 64], &[0; 56], &wireless]), &[], PLAIN);
    add("Prism", 119, joined(&[&[0x44; 144], &wireless]), &[], PLAIN);
    let quality =
        joined(&[&[0x88, 0x02], &[1; 20], &[0x10, 0, 0, 0, 0, 0], &[0xaa, 0xaa, 3, 0, 0, 0, 0x86, 0xdd], &ip6]);
    add("802.11 of quality, padded", 105, quality, &[], PLAIN6);
    let snap = [0xaa, 0xaa, 3, 0, 0, 0, 8, 0];
    let decrypted = joined(&[&[0x08, 0x41], &[1; 20], &[0x10, 0], &[5; 8], &snap, &ip]);
    add("802.11, decrypted", 105, decrypted.clone(), &[], PLAIN);
    add("802.11 in GRE", 101, in_ipv4(47, &joined(&[&[0, 0, 0x82, 0x10], &decrypted])), &[E::Gre], PLAIN);
    let len = (8 + ip.len() as u16).to_be_bytes();
    let aggregate = joined(&[&[0x88, 0x01], &[1; 20], &[0x10, 0, 0x80, 0], &[2; 12], &len, &snap, &ip, &[0xcc; 4]]);
    add("802.11, one in an aggregate", 105, aggregate, &[], PLAIN);

    let inner = joined(&[&[0, 0, 0, 9], &frame]);
    add("802.1ah", 1, ethernet(0x88e7, &inner), &[E::Backbone], PLAIN);
    add("VN-Tag", 1, ethernet(0x8926, &joined(&[&[0, 1, 0, 2, 8, 0], &ip])), &[E::Fabric], PLAIN);
    add("E-Tag", 1, ethernet(0x893f, &joined(&[&[0, 1, 0, 2, 0, 0, 8, 0], &ip])), &[E::Fabric], PLAIN);
    add("FabricPath", 1, ethernet(0x8903, &joined(&[&[0, 1], &frame])), &[E::Fabric], PLAIN);
    add("MACsec without encryption", 1, ethernet(0x88e5, &joined(&[&[0, 0, 0, 0, 0, 1, 8, 0], &ip])), &[], PLAIN);

    add("GRE", 101, in_ipv4(47, &joined(&[&[0, 0, 8, 0], &ip])), &[E::Gre], PLAIN);
    let all = [0xb0, 0, 0x86, 0xdd, 1, 2, 0, 0, 0, 0, 0, 7, 0, 0, 0, 8];
    add("GRE with checksum, key and number", 101, in_ipv4(47, &joined(&[&all, &ip6])), &[E::Gre], PLAIN6);
    let routed = [0x40, 0, 8, 0, 0, 0, 0, 0, 8, 0, 0, 4, 1, 1, 1, 1, 0, 0, 0, 0];
    add("GRE with routing", 101, in_ipv4(47, &joined(&[&routed, &ip])), &[E::Gre], PLAIN);
    add("NVGRE", 101, in_ipv4(47, &joined(&[&[0x20, 0, 0x65, 0x58, 0, 0, 7, 1], &frame])), &[E::Gre], PLAIN);
    let len = (4 + ip.len() as u16).to_be_bytes();
    let pptp = [0x30, 0x81, 0x88, 0x0b, len[0], len[1], 0, 9, 0, 0, 0, 1, 0, 0, 0, 2, 0xff, 3, 0, 0x21];
    add("PPTP", 101, in_ipv4(47, &joined(&[&pptp, &ip])), &[E::Gre, E::Ppp], PLAIN);
    add("WCCP", 101, in_ipv4(47, &joined(&[&[0, 0, 0x88, 0x3e, 0, 1, 2, 3], &ip])), &[E::Gre], PLAIN);
    add("GRE in UDP", 101, in_udp(50_000, 4754, &joined(&[&[0, 0, 8, 0], &ip])), &[E::GreInUdp, E::Gre], PLAIN);
    add("MPLS in GRE", 101, in_ipv4(47, &joined(&[&[0, 0, 0x88, 0x47], &bottom, &ip])), &[E::Gre, E::Mpls], PLAIN);

    let erspan = [E::Gre, E::Erspan];
    add("ERSPAN I", 101, in_ipv4(47, &joined(&[&[0, 0, 0x88, 0xbe], &frame])), &erspan, PLAIN);
    let number = [0x10, 0, 0x88, 0xbe, 0, 0, 0, 1];
    let second = [0x10, 5, 0, 1, 0, 0, 0, 9];
    add("ERSPAN II", 101, in_ipv4(47, &joined(&[&number, &second, &frame])), &erspan, PLAIN);
    let unnumbered = in_ipv4(47, &joined(&[&[0, 0, 0x88, 0xbe], &second, &frame]));
    add("ERSPAN II without a number", 101, unnumbered, &erspan, PLAIN);
    let number = [0x10, 0, 0x22, 0xeb, 0, 0, 0, 1];
    let third = |low: [u8; 2]| [0x20, 5, 0, 1, 0, 0, 0, 9, 0, 0, low[0], low[1]];
    add("ERSPAN III", 101, in_ipv4(47, &joined(&[&number, &third([0, 0]), &frame])), &erspan, PLAIN);
    let platform = joined(&[&number, &third([0, 1]), &[7; 8], &frame]);
    add("ERSPAN III with subheader", 101, in_ipv4(47, &platform), &erspan, PLAIN);
    add("ERSPAN III, IP", 101, in_ipv4(47, &joined(&[&number, &third([8, 0]), &ip])), &erspan, PLAIN);

    add("EtherIP", 101, in_ipv4(97, &joined(&[&[0x30, 0], &frame])), &[E::EtherIp], PLAIN);
    add("Ethernet in IP", 101, in_ipv4(143, &frame), &[E::EtherIp], PLAIN);
    add("4 in 4", 101, in_ipv4(4, &ip), &[E::IpInIp], PLAIN);
    add("6 in 4", 101, in_ipv4(41, &ip6), &[E::IpInIp], PLAIN6);
    add("4 in 6", 101, in_ipv6(4, &ip), &[E::IpInIp], PLAIN);
    add("6 in 6", 101, in_ipv6(41, &ip6), &[E::IpInIp], PLAIN6);
    add("GRE in IPv6", 101, in_ipv6(47, &joined(&[&[0, 0, 8, 0], &ip])), &[E::Gre], PLAIN);
    let auth = [4, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9];
    let authenticated = in_ipv4(51, &joined(&[&auth, &ip]));
    add("AH, 4 in 4", 101, authenticated, &[E::Authentication, E::IpInIp], PLAIN);
    add("NSH", 1, ethernet(0x894f, &joined(&[&nsh, &ip])), &[E::Nsh], PLAIN);
    let metadata = [0x0f, 0xc6, 1, 3, 0, 0, 7, 255];
    add("NSH with metadata", 1, ethernet(0x894f, &joined(&[&metadata, &[3; 16], &frame])), &[E::Nsh], PLAIN);

    for port in [4789, 8472, 4790] {
        add("VXLAN", 101, in_udp(50_000, port, &joined(&[&vxlan, &frame])), &[E::Vxlan], PLAIN);
    }
    add("VXLAN, back", 101, in_udp(4789, 50_000, &joined(&[&vxlan, &frame])), &[E::Vxlan], PLAIN);
    let policy = [0x88, 0, 1, 5, 0, 0, 7, 0];
    add("VXLAN with group policy", 101, in_udp(50_000, 4789, &joined(&[&policy, &frame])), &[E::Vxlan], PLAIN);
    let gpe = |next| [0x0c, 0, 0, next, 0, 0, 7, 0];
    add("VXLAN-GPE, IPv4", 101, in_udp(50_000, 4790, &joined(&[&gpe(1), &ip])), &[E::Vxlan], PLAIN);
    add("VXLAN-GPE, IPv6", 101, in_udp(50_000, 4790, &joined(&[&gpe(2), &ip6])), &[E::Vxlan], PLAIN6);
    add("VXLAN-GPE, frame", 101, in_udp(50_000, 4789, &joined(&[&gpe(3), &frame])), &[E::Vxlan], PLAIN);
    add("VXLAN-GPE, NSH", 101, in_udp(50_000, 4790, &joined(&[&gpe(4), &nsh, &ip])), &[E::Vxlan, E::Nsh], PLAIN);
    add("VXLAN-GPE, MPLS", 101, in_udp(50_000, 4790, &joined(&[&gpe(5), &bottom, &ip])), &[E::Vxlan, E::Mpls], PLAIN);
    let geneve = [2, 0, 0x65, 0x58, 0, 0, 7, 0, 1, 2, 3, 1, 9, 9, 9, 9];
    add("Geneve", 101, in_udp(50_000, 6081, &joined(&[&geneve, &frame])), &[E::Geneve], PLAIN);
    add("Geneve, IP", 101, in_udp(50_000, 6081, &joined(&[&[0, 0, 8, 0, 0, 0, 7, 0], &ip])), &[E::Geneve], PLAIN);

    for port in [2152, 7777] {
        add("GTP", 101, in_udp(50_000, port, &gtp(0x30, &[], &ip)), &[E::Gtp], PLAIN);
        let numbered = gtp(0x32, &[0, 5, 0, 0], &ip6);
        add("GTP with a number", 101, in_udp(50_000, port, &numbered), &[E::Gtp], PLAIN6);
        let extended = gtp(0x34, &[0, 0, 0, 0x85, 1, 0, 1, 0x40, 2, 0, 0, 0, 0, 0, 0, 0], &ip);
        add("GTP with extension headers", 101, in_udp(50_000, port, &extended), &[E::Gtp], PLAIN);
    }
    add("GTP, frame", 101, in_udp(2152, 2152, &gtp(0x30, &[], &frame)), &[E::Gtp], PLAIN);
    for port in [3544, 7777] {
        add("Teredo", 101, in_udp(50_000, port, &teredo), &[E::Teredo], TEREDO);
        let origin = joined(&[&[0, 0, 1, 2, 3, 4, 5, 6], &teredo]);
        add("Teredo with origin", 101, in_udp(50_000, port, &origin), &[E::Teredo], TEREDO);
        let authentic = joined(&[&[0, 1, 1, 2, 9, 8, 7], &[0; 9], &[0, 0, 1, 2, 3, 4, 5, 6], &teredo]);
        add("Teredo with authentication", 101, in_udp(50_000, port, &authentic), &[E::Teredo], TEREDO);
    }
    let ayiya = joined(&[&[0x42, 0x52, 0x11, 41, 0, 0, 0, 1], &[7; 16], &[8; 20], &ip6]);
    add("AYIYA", 101, in_udp(50_000, 5072, &ayiya), &[E::Ayiya, E::IpInIp], PLAIN6);

    let inner = in_udp(50_000, 4789, &joined(&[&vxlan, &frame]));
    let outer = in_udp(2152, 2152, &gtp(0x30, &[], &inner));
    add("VXLAN in GTP", 101, outer, &[E::Gtp, E::Vxlan], PLAIN);
    let inner = ethernet(0x8847, &joined(&[&bottom, &pppoe(&[0, 0x21], &ip)]));
    add("PPPoE in a pseudowire", 1, inner, &[E::Mpls, E::Pppoe, E::Ppp], PLAIN);
    cases
}

#[test]
fn every_encapsulation_leads_to_the_segment() {
    for case in cases() {
        let mut decoder = Decoder::new(DecodeLimits { verify_checksums: true, ..DecodeLimits::default() });
        assert_eq!(shown(&mut decoder, &packet(case.link, &case.data)), case.expected, "{}", case.name);
        let accounts = decoder.accounts();
        let seen = E::ALL.into_iter().zip(accounts.encapsulations);
        for (layer, count) in seen {
            assert_eq!(count, u64::from(case.layers.contains(&layer)), "{}: {}", case.name, layer.name());
        }
        assert_eq!((accounts.bad_checksums, accounts.payload), (0, HELLO.len() as u64), "{}", case.name);
    }
}

#[test]
fn a_packet_may_end_anywhere() {
    for case in cases() {
        let ends = case.expected.split_once(" [").unwrap().0;
        for len in 0..case.data.len() {
            let data = &case.data[..len];
            for wire_len in [len, case.data.len()] {
                let mut decoder = Decoder::new(DecodeLimits::default());
                let shown = shown(&mut decoder, &Packet { wire_len: wire_len as u32, ..packet(case.link, data) });
                let skipped = Skip::ALL.iter().any(|skip| skip.name() == shown);
                assert!(skipped || shown.starts_with(ends), "{} cut to {len}: {shown}", case.name);
            }
        }
    }
}

#[test]
fn outer_and_inner_fragments_meet() {
    let mut decoder = Decoder::new(DecodeLimits::default());
    let mut last = String::new();
    for (n, piece) in fragments4(&ipv4(HELLO), 24).iter().enumerate() {
        let tunnel = in_udp(50_000, 4789, &joined(&[&[8, 0, 0, 0, 0, 0, 7, 0], &ethernet(0x0800, piece)]));
        for mut piece in fragments4(&tunnel, 16) {
            piece[5] = n as u8;
            last = shown(&mut decoder, &packet(101, &piece));
        }
    }
    assert_eq!(last, PLAIN);
    assert_eq!(decoder.accounts().of(Skip::NotTcp).packets, 0);
}

#[test]
fn ports_of_tunnels_are_settings() {
    let data = in_udp(50_000, 10_000, &joined(&[&[8, 0, 0, 0, 0, 0, 7, 0], &frame()]));
    check(101, &data, "not_tcp");
    let tunnels = TunnelPorts { vxlan: vec![10_000], ..TunnelPorts::default() };
    let mut decoder = Decoder::new(DecodeLimits { tunnels, ..DecodeLimits::default() });
    assert_eq!(shown(&mut decoder, &packet(101, &data)), PLAIN);
}

#[test]
fn nothing_is_invented() {
    let ip = ipv4(HELLO);
    // A client that got a tunnel's port by chance asks for a name.
    let dns = b"\x0c\x5d\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03www\x07example\x03com\x00\x00\x01\x00\x01";
    for port in [4789, 6081, 4754, 6635, 2152, 3544, 5072] {
        check(101, &in_udp(port, 53, dns), "not_tcp");
    }
    check(101, &in_udp(53, 2152, dns), "not_tcp");
    // Not version 1, GTP', no user data, a length that does not fit on another port, an inner one that does not.
    for (at, value) in [(0, 0x50), (0, 0x20), (1, 0xfe), (3, 0), (3, 0xff), (8 + 3, 1), (8, 0x55)] {
        let mut wrong = gtp(0x30, &[], &ip);
        wrong[at] = value;
        check(101, &in_udp(50_000, 7777, &wrong), "not_tcp");
    }
    // An extension of no length.
    check(101, &in_udp(50_000, 2152, &gtp(0x34, &[0, 0, 0, 1, 0, 0, 0, 0], &ip)), "not_tcp");
    // IPv6 in UDP without a Teredo address, or not to the end.
    check(101, &in_udp(50_000, 7777, &ipv6(6, &[], HELLO)), "not_tcp");
    check(101, &in_udp(50_000, 7777, &joined(&[&teredo(), &[0]])), "not_tcp");
    check(101, &in_udp(50_000, 3544, &[0, 1, 255, 255, 0, 0]), "not_tcp");
    // No network identifier; a Geneve of the future; AYIYA that does not forward.
    check(101, &in_udp(50_000, 4789, &joined(&[&[0; 8], &frame()])), "not_tcp");
    check(101, &in_udp(50_000, 6081, &joined(&[&[0x40, 0, 8, 0, 0, 0, 7, 0], &ip])), "not_tcp");
    check(101, &in_udp(50_000, 5072, &joined(&[&[0, 0, 0, 4, 0, 0, 0, 0, 0], &ip])), "not_tcp");
    // Behind a label neither IP nor a frame: an associated channel, noise.
    check(1, &ethernet(0x8847, &[0, 0, 1, 1, 0x10, 0, 0, 7, 1, 2, 3, 4]), "not_ip");
    check(1, &ethernet(0x8847, &[&[0, 0, 1, 1][..], &[0x33; 40]].concat()), "not_ip");
    check(1, &ethernet(0x8847, &[0; 400]), "too_deep");
    // PPPoE that is no session; PPP of other protocols, encrypted.
    check(1, &ethernet(0x8864, &[0x11, 9, 0, 0, 0, 0]), "bad_header");
    check(9, &[0xc0, 0x21, 1, 1], "not_ip");
    check(9, &[0, 0xfd, 1, 1], "encrypted");
    check(104, &[0x8f, 0, 0x80, 0x35, 0], "not_ip");
    // GRE of another version, PPTP without payload, keep-alive.
    check(101, &in_ipv4(47, &[0, 2, 8, 0]), "bad_header");
    check(101, &in_ipv4(47, &[0x20, 0x81, 0x88, 0x0b, 0, 0, 0, 9, 0, 0, 0, 1]), "bad_header");
    check(101, &in_ipv4(47, &[0, 0, 0, 0]), "not_ip");
    check(101, &in_ipv4(47, &joined(&[&[0, 0, 0x22, 0xeb], &[0x10; 40]])), "bad_header");
    // Metadata of no length, an unknown protocol.
    check(1, &ethernet(0x894f, &[0, 1, 1, 1, 0, 0, 0, 0]), "bad_header");
    check(1, &ethernet(0x894f, &[0, 2, 1, 9, 0, 0, 0, 0]), "not_ip");
    // 802.11: a beacon, protected, a fragment, several in one.
    let mut wireless = joined(&[&[0x88, 0], &[0; 24], &[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &ip]);
    check(105, &wireless, PLAIN);
    for (at, value, expected) in
        [(0, 0x80, "not_ip"), (1, 0x40, "encrypted"), (22, 1, "fragment_dropped"), (24, 0x80, "aggregated")]
    {
        let before = std::mem::replace(&mut wireless[at], value);
        check(105, &wireless, expected);
        wireless[at] = before;
    }
    check(1, &ethernet(0x88e5, &[0x0c, 0, 0, 0, 0, 1, 8, 0]), "encrypted");
    check(239, &[2, 0, 0, 0, 3, 0, 9, 0], "bad_header");
}

#[test]
fn an_inner_length_beyond_the_outer_one_is_dropped_unless_a_mirror_cut_the_frame() {
    let mut short = pppoe(&[0, 0x21], &ipv4(HELLO));
    short[19] -= 6;
    assert_eq!(check(1, &short, "bad_header").padding, 6);
    let ip = ipv4(HELLO);
    check(101, &in_ipv4(4, &ip[..ip.len() - 6]), "bad_header");

    let whole = frame();
    let cut = joined(&[&[8, 0, 0, 0, 0, 0, 7, 0], &whole[..whole.len() - 6]]);
    check(101, &in_udp(50_000, 4789, &cut), "10.0.0.1:40000>10.0.0.2:80 [] GET / HTTP/1+6");
    let cut = joined(&[&[0, 0, 0x88, 0xbe], &whole[..60]]);
    check(101, &in_ipv4(47, &cut), "10.0.0.1:40000>10.0.0.2:80 [] GET /+12");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is changed in a tunnel, nothing panics and the accounts add up.
    #[test]
    fn any_changes_balance(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        end in any::<prop::sample::Index>(),
        more in 0..50u32,
    ) {
        let mut decoder = Decoder::new(DecodeLimits { verify_checksums: true, ..DecodeLimits::default() });
        for case in cases() {
            let mut data = case.data;
            for (at, value) in &changes {
                let at = at.index(data.len());
                data[at] = *value;
            }
            data.truncate(end.index(data.len() + 1).max(data.len() / 2));
            let wire_len = data.len() as u32 + more;
            shown(&mut decoder, &Packet { wire_len, ..packet(case.link, &data) });
        }
    }
}
