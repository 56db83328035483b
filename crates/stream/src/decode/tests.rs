//! Packets in, segments and accounts out.

use etherparse::PacketBuilder;
use proptest::prelude::*;
use spyhop_model::Span;

use super::*;

mod tunnels;

const HELLO: &[u8] = b"GET / HTTP/1.1\r\n\r\n";

/// A TCP segment in IPv4, from the IP header on.
fn ipv4(payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    PacketBuilder::ipv4([10, 0, 0, 1], [10, 0, 0, 2], 63)
        .tcp(40_000, 80, 7, 1024)
        .ack(9)
        .psh()
        .write(&mut out, payload)
        .unwrap();
    out
}

/// The same in IPv6, with `extensions` between, the first of type `next`.
fn ipv6(next: u8, extensions: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    PacketBuilder::ipv6([1; 16], [2; 16], 63).tcp(40_000, 80, 7, 1024).write(&mut plain, payload).unwrap();
    let mut out = plain[..40].to_vec();
    let len = (plain.len() - 40 + extensions.len()) as u16;
    out[4..6].copy_from_slice(&len.to_be_bytes());
    out[6] = next;
    out.extend_from_slice(extensions);
    out.extend_from_slice(&plain[40..]);
    out
}

fn ethernet(ether_type: u16, payload: &[u8]) -> Vec<u8> {
    [&[2; 12], &ether_type.to_be_bytes()[..], payload].concat()
}

fn tag(id: u16, ether_type: u16) -> Vec<u8> {
    [(0x2000 | id).to_be_bytes(), ether_type.to_be_bytes()].concat()
}

fn packet(link: u16, data: &[u8]) -> Packet<'_> {
    Packet { at: Timestamp(1), link: LinkType(link), data, wire_len: data.len() as u32, interface: 0 }
}

/// What a packet becomes: `src>dst vlans "payload"+cut`, or the reason. The accounts must add up.
fn shown(decoder: &mut Decoder, packet: &Packet<'_>) -> String {
    let shown = match decoder.decode(packet) {
        Ok(decoded) => {
            let s = decoded.segment();
            let vlans: Vec<_> = s.vlans.iter().collect();
            format!("{}>{} {vlans:?} {}+{}", s.src, s.dst, String::from_utf8_lossy(s.payload).trim(), s.cut)
        }
        Err(skip) => skip.name().to_owned(),
    };
    assert!(decoder.accounts().balance(), "{:?}", decoder.accounts());
    shown
}

fn check(link: u16, data: &[u8], expected: &str) -> DecodeAccounts {
    let mut decoder = Decoder::new(DecodeLimits { verify_checksums: true, ..DecodeLimits::default() });
    assert_eq!(shown(&mut decoder, &packet(link, data)), expected);
    decoder.accounts()
}

const PLAIN: &str = "10.0.0.1:40000>10.0.0.2:80 [] GET / HTTP/1.1+0";
const PLAIN6: &str = "[101:101:101:101:101:101:101:101]:40000>[202:202:202:202:202:202:202:202]:80 [] GET / HTTP/1.1+0";

#[test]
fn every_link_type_leads_to_the_segment() {
    let ip = ipv4(HELLO);
    check(1, &ethernet(0x0800, &ip), PLAIN);
    for raw in [12, 14, 101, 228] {
        check(raw, &ip, PLAIN);
    }
    check(229, &ipv6(6, &[], HELLO), PLAIN6);
    check(0, &[&[2, 0, 0, 0], &ip[..]].concat(), PLAIN);
    check(108, &[&[0, 0, 0, 30], &ipv6(6, &[], HELLO)[..]].concat(), PLAIN6);
    // A tunnel's ARPHRD type, which etherparse does not know.
    check(113, &[&[0, 0, 0xff, 0xfe, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0], &ip[..]].concat(), PLAIN);
    check(276, &[&[8, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0], &ip[..]].concat(), PLAIN);
    let snap = [&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &ip[..]].concat();
    check(1, &ethernet(snap.len() as u16, &snap), PLAIN);
    check(147, &ip, "unknown_link");
}

#[test]
fn vlan_tags_are_read_from_the_outside_in() {
    let tagged = [tag(100, 0x8100), tag(200, 0x0800), ipv4(HELLO)].concat();
    let accounts = check(1, &ethernet(0x88a8, &tagged), "10.0.0.1:40000>10.0.0.2:80 [100, 200] GET / HTTP/1.1+0");
    assert_eq!(accounts.headers, 14 + 8 + 20 + 20);
}

#[test]
fn lengths_come_from_the_ip_header() {
    let accounts = check(1, &[ethernet(0x0800, &ipv4(b"x")), vec![0; 5]].concat(), "10.0.0.1:40000>10.0.0.2:80 [] x+0");
    assert_eq!((accounts.padding, accounts.payload), (5, 1));
    // Cut by the capture.
    let full = ethernet(0x0800, &ipv4(HELLO));
    let mut decoder = Decoder::new(DecodeLimits::default());
    let cut = Packet { wire_len: full.len() as u32, ..packet(1, &full[..14 + 40 + 5]) };
    assert_eq!(shown(&mut decoder, &cut), "10.0.0.1:40000>10.0.0.2:80 [] GET /+13");
    assert_eq!(decoder.accounts().cut, 13);
    let cut = Packet { wire_len: full.len() as u32, ..packet(1, &full[..50]) };
    assert_eq!(shown(&mut decoder, &cut), "truncated");
    // Segmentation offload left the length open.
    let mut open = ipv4(HELLO);
    open[2..4].fill(0);
    check(101, &open, PLAIN);
    let mut open = ipv6(6, &[], HELLO);
    open[4..6].fill(0);
    check(101, &open, PLAIN6);
}

#[test]
fn what_is_no_tcp_is_skipped_with_a_reason() {
    check(1, &ethernet(0x0806, &[0; 28]), "not_ip");
    check(101, &[0x55; 40], "not_ip");
    let mut udp = ipv4(HELLO);
    udp[9] = 17;
    check(101, &udp, "not_tcp");
    udp[9] = 1;
    check(101, &udp, "not_tcp");
    udp[9] = 50;
    check(101, &udp, "encrypted");
    let mut wrong = ipv4(HELLO);
    wrong[0] = 0x44;
    check(101, &wrong, "bad_header");
    let mut wrong = ipv4(HELLO);
    wrong[32] = 0x10;
    check(101, &wrong, "bad_header");
    check(1, &[0; 9], "bad_header");
    check(1, &[], "bad_header");
    let mut deep = ipv4(HELLO);
    for _ in 0..9 {
        let mut outer = ipv4(&[])[..20].to_vec();
        outer[2..4].copy_from_slice(&(20 + deep.len() as u16).to_be_bytes());
        outer[9] = 4;
        outer.extend_from_slice(&deep);
        deep = outer;
    }
    check(101, &deep, "too_deep");
    let tags = tag(1, 0x8100).repeat(100);
    check(1, &ethernet(0x8100, &tags), "too_deep");
}

#[test]
fn ip_in_ip_shows_the_inner_addresses() {
    for (protocol, inner, expected) in [(4, ipv4(HELLO), PLAIN), (41, ipv6(6, &[], HELLO), PLAIN6)] {
        let mut outer = Vec::new();
        PacketBuilder::ipv4([1, 1, 1, 1], [2, 2, 2, 2], 9)
            .write(&mut outer, etherparse::IpNumber(protocol), &inner)
            .unwrap();
        check(101, &outer, expected);
    }
}

#[test]
fn ipv6_extension_headers_are_passed() {
    let hop = [60, 0, 1, 4, 0, 0, 0, 0];
    let options = [51, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let auth = [44, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9];
    // Of one fragment only (RFC 6946).
    let atomic = [6, 0, 0, 0, 0, 0, 0, 7];
    let all = [&hop[..], &options, &auth, &atomic].concat();
    check(101, &ipv6(0, &all, HELLO), PLAIN6);
}

#[test]
fn wrong_checksums_are_counted_and_not_dropped() {
    assert_eq!(check(101, &ipv4(HELLO), PLAIN).bad_checksums, 0);
    let mut wrong = ipv4(HELLO);
    wrong[36] ^= 1;
    assert_eq!(check(101, &wrong, PLAIN).bad_checksums, 1);
    wrong[10] ^= 1;
    assert_eq!(check(101, &wrong, PLAIN).bad_checksums, 2);
}

/// Cuts the payload of an IPv4 packet into fragments of `size` octets.
fn fragments4(ip: &[u8], size: usize) -> Vec<Vec<u8>> {
    let body = &ip[20..];
    let piece = |(n, bytes): (usize, &[u8])| {
        let mut header = ip[..20].to_vec();
        header[2..4].copy_from_slice(&(20 + bytes.len() as u16).to_be_bytes());
        let more = if (n + 1) * size < body.len() { 0x2000 } else { 0 };
        header[4..6].copy_from_slice(&99u16.to_be_bytes());
        header[6..8].copy_from_slice(&(more | (n * size / 8) as u16).to_be_bytes());
        [header, bytes.to_vec()].concat()
    };
    body.chunks(size).enumerate().map(piece).collect()
}

fn fragments6(payload: &[u8], size: usize) -> Vec<Vec<u8>> {
    let whole = ipv6(6, &[], payload);
    let body = &whole[40..];
    let piece = |(n, bytes): (usize, &[u8])| {
        let more = u16::from((n + 1) * size < body.len());
        let place = ((n * size) as u16 | more).to_be_bytes();
        let mut out = whole[..40].to_vec();
        out[4..6].copy_from_slice(&(8 + bytes.len() as u16).to_be_bytes());
        out[6] = 44;
        out.extend_from_slice(&[6, 0, place[0], place[1], 0, 0, 0, 77]);
        out.extend_from_slice(bytes);
        out
    };
    body.chunks(size).enumerate().map(piece).collect()
}

#[test]
fn fragments_are_put_together_in_any_order() {
    for (pieces, expected) in [(fragments4(&ipv4(HELLO), 8), PLAIN), (fragments6(HELLO, 8), PLAIN6)] {
        for turn in 0..pieces.len() {
            let mut decoder = Decoder::new(DecodeLimits::default());
            let mut order: Vec<_> = pieces.iter().collect();
            order.rotate_left(turn);
            // Doubled, as by a mirror of two ports.
            let last = order.pop().unwrap();
            for piece in order {
                assert_eq!(shown(&mut decoder, &packet(101, piece)), "fragment");
                assert_eq!(shown(&mut decoder, &packet(101, piece)), "fragment");
            }
            assert_eq!(shown(&mut decoder, &packet(101, last)), expected);
            let accounts = decoder.accounts();
            assert_eq!((accounts.fragments.reassembled, accounts.segments), (1, 1));
            assert_eq!(accounts.reassembled, 38);
            assert_eq!(accounts.of(Skip::Fragment).packets, pieces.len() as u64 * 2 - 1);
        }
    }
}

#[test]
fn overlapping_fragments_keep_the_first_or_drop() {
    let forged = |pieces: &[Vec<u8>]| {
        let mut other = pieces[3].clone();
        let end = other.len();
        other[end - 1] ^= 0xff;
        other
    };
    let four = fragments4(&ipv4(HELLO), 8);
    let mut decoder = Decoder::new(DecodeLimits::default());
    let mut order = four.clone();
    order.insert(4, forged(&four));
    let shown_last = order.iter().map(|piece| shown(&mut decoder, &packet(101, piece))).last();
    assert_eq!(shown_last.as_deref(), Some(PLAIN));
    assert_eq!(decoder.accounts().fragments.conflicts, 1);
    // RFC 5722: all of it is dropped, what is still to come too.
    let six = fragments6(HELLO, 8);
    let mut decoder = Decoder::new(DecodeLimits::default());
    let mut order = six.clone();
    order.insert(4, forged(&six));
    let all: Vec<_> = order.iter().map(|piece| shown(&mut decoder, &packet(101, piece))).collect();
    assert_eq!(all[4..], ["fragment_dropped", "fragment_dropped"]);
    assert_eq!(decoder.accounts().fragments.dropped, 1);
}

#[test]
fn fragments_that_the_mirror_delivers_twice_are_one_datagram() {
    let pieces = fragments4(&ipv4(HELLO), 8);
    let mut decoder = Decoder::new(DecodeLimits::default());
    let twice: Vec<_> = pieces.iter().flat_map(|piece| [piece, piece]).collect();
    let whole = twice.iter().filter(|piece| shown(&mut decoder, &packet(101, piece)) == PLAIN).count();
    let accounts = decoder.accounts();
    assert_eq!((whole, accounts.fragments.copies, accounts.fragments.overlaps), (1, 1, pieces.len() as u64 - 1));
    // All of them again, and then, later, what the sender numbers the same.
    pieces.iter().for_each(|piece| assert_eq!(shown(&mut decoder, &packet(101, piece)), "fragment"));
    assert_eq!(decoder.accounts().fragments.copies, pieces.len() as u64 + 1);
    let later = |piece| Packet { at: Timestamp(1) + Span::millis(11), ..packet(101, piece) };
    let last = pieces.iter().map(|piece| shown(&mut decoder, &later(piece))).last();
    assert_eq!(last.as_deref(), Some(PLAIN));
    assert_eq!(decoder.accounts().fragments.reassembled, 2);
}

#[test]
fn each_tap_has_its_own_health() {
    let mut decoder = Decoder::new(DecodeLimits::default());
    let plain = ethernet(0x0800, &ipv4(HELLO));
    let tagged = [&[2; 12], &0x8100u16.to_be_bytes()[..], &tag(7, 0x8100), &tag(9, 0x0800), &ipv4(HELLO)].concat();
    let (whole, len) = (tagged.len() as u32, tagged.len());
    let segment_of = |decoder: &mut Decoder, packet: Packet<'_>| {
        decoder.decode(&packet).map(|decoded| (decoded.segment().tap, decoded.segment().checksum != 0))
    };
    assert_eq!(segment_of(&mut decoder, packet(1, &plain)), Ok((0, true)));
    assert_eq!(segment_of(&mut decoder, packet(1, &tagged)), Ok((1, true)));
    assert_eq!(segment_of(&mut decoder, Packet { interface: 5, ..packet(1, &plain) }), Ok((2, true)));
    let cut = Packet { wire_len: whole, ..packet(1, &tagged[..len - 3]) };
    assert_eq!(segment_of(&mut decoder, cut), Ok((1, true)));
    let cut = Packet { wire_len: whole, ..packet(1, &tagged[..30]) };
    assert_eq!(segment_of(&mut decoder, cut), Err(Skip::Truncated));
    let health = crate::Health::new(decoder.taps(), decoder.health());
    let shown: Vec<_> = health
        .taps
        .iter()
        .map(|(tap, of)| {
            (tap.interface, tap.vlan, of.packets, of.payload, of.cut_packets, of.cut_bytes, of.headers_cut)
        })
        .collect();
    assert_eq!(shown, [(0, None, 1, 18, 0, 0, 0), (0, Some(7), 2, 33, 1, 3, 1), (5, None, 1, 18, 0, 0, 0)]);
    let tags = Encapsulation::Vlan as usize;
    assert_eq!(health.taps.values().map(|of| of.encapsulations[tags]).collect::<Vec<_>>(), [0, 2, 0]);
}

#[test]
fn fragments_are_bounded_in_number_octets_and_time() {
    let pieces = fragments4(&ipv4(HELLO), 8);
    let mut decoder = Decoder::new(DecodeLimits::default());
    shown(&mut decoder, &packet(101, &pieces[0]));
    let late = Packet { at: Timestamp(2) + Span::seconds(30), ..packet(101, &pieces[1]) };
    assert_eq!(shown(&mut decoder, &late), "fragment");
    assert_eq!(decoder.accounts().fragments.expired, 1);

    let numbered = |id: u16| {
        let mut piece = pieces[0].clone();
        piece[4..6].copy_from_slice(&id.to_be_bytes());
        piece
    };
    for fragments in [
        FragmentLimits { datagrams: 10, ..FragmentLimits::default() },
        FragmentLimits { bytes: 80, ..FragmentLimits::default() },
    ] {
        let mut decoder = Decoder::new(DecodeLimits { fragments, ..DecodeLimits::default() });
        for id in 0..1000 {
            shown(&mut decoder, &packet(101, &numbered(id)));
        }
        assert_eq!(decoder.accounts().fragments.evicted, 990);
    }
    // Every second piece only: too many holes.
    let many = fragments4(&ipv4(&[0; 2000]), 8);
    let fragments = FragmentLimits { holes: 64, ..FragmentLimits::default() };
    let mut decoder = Decoder::new(DecodeLimits { fragments, ..DecodeLimits::default() });
    let all: Vec<_> = many.iter().step_by(2).map(|piece| shown(&mut decoder, &packet(101, piece))).collect();
    assert_eq!(all.iter().filter(|skip| *skip == "fragment_dropped").count(), all.len() - 65);
}

#[test]
fn a_fragmented_tunnel_is_followed() {
    let mut outer = Vec::new();
    let inner = fragments4(&ipv4(HELLO), 24);
    let mut decoder = Decoder::new(DecodeLimits::default());
    let mut last = String::new();
    for (n, piece) in inner.iter().enumerate() {
        outer.clear();
        PacketBuilder::ipv4([1, 1, 1, 1], [2, 2, 2, 2], 9).write(&mut outer, etherparse::IpNumber(4), piece).unwrap();
        outer[4..6].copy_from_slice(&(n as u16).to_be_bytes());
        for piece in fragments4(&outer, 16) {
            let mut piece = piece;
            piece[4..6].copy_from_slice(&(n as u16).to_be_bytes());
            last = shown(&mut decoder, &packet(101, &piece));
        }
    }
    assert_eq!(last, PLAIN);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever comes, nothing panics and the accounts add up.
    #[test]
    fn any_octets_balance(
        link in prop::sample::select(vec![0u16, 1, 12, 101, 108, 113, 228, 229, 276, 999]),
        packets in prop::collection::vec(
            (0..6usize, prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6), any::<prop::sample::Index>(), 0..50u32),
            1..12,
        ),
        noise in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let seeds = [
            ethernet(0x0800, &ipv4(HELLO)),
            ethernet(0x86dd, &ipv6(0, &[60, 0, 1, 4, 0, 0, 0, 0, 6, 0, 1, 4, 0, 0, 0, 0], HELLO)),
            ethernet(0x8100, &[tag(5, 0x0800), fragments4(&ipv4(HELLO), 16)[0].clone()].concat()),
            ethernet(0x0800, &fragments4(&ipv4(HELLO), 16)[1]),
            ethernet(0x86dd, &fragments6(HELLO, 16)[1]),
            noise,
        ];
        let mut decoder = Decoder::new(DecodeLimits { verify_checksums: true, ..DecodeLimits::default() });
        for (seed, changes, end, more) in packets {
            let mut data = seeds[seed].clone();
            if link != 1 && data.len() > 14 {
                data.drain(..14);
            }
            for (at, value) in changes {
                if !data.is_empty() {
                    let at = at.index(data.len());
                    data[at] = value;
                }
            }
            data.truncate(end.index(data.len() + 1).max(data.len() / 2));
            let wire_len = data.len() as u32 + more;
            shown(&mut decoder, &Packet { wire_len, ..packet(link, &data) });
        }
    }
}
