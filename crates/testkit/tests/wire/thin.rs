//! What public captures do not show: each spot on its own, with the smallest capture that shows it.

use spyhop_model::Side;
use spyhop_stream::Encapsulation;
use spyhop_testkit::http::Message;
use spyhop_testkit::wrap::{Erspan, Extension, Layer, Pieces, Version, Wrapper, Wrapping};
use spyhop_testkit::{ACK, Capture, Conversation, Frame, Link, PSH};

use crate::sensor::{Digest, Read, ends, read, text};

const BODY: usize = 5_000;

fn body(number: u8) -> Vec<u8> {
    (0..BODY).map(|at| b'a' + ((at / 7 + usize::from(number)) % 26) as u8).collect()
}

fn addresses(version: Version) -> (&'static str, &'static str) {
    match version {
        Version::V4 => ("10.0.0.8:40000", "10.0.0.1:80"),
        Version::V6 => ("[fd00::8]:40000", "[fd00::1]:80"),
    }
}

/// Two exchanges on one connection.
fn begun(version: Version) -> Conversation {
    let (client, server) = addresses(version);
    Conversation::new(client, server)
}

fn said(mut talk: Conversation) -> Capture {
    for number in 0..2 {
        talk.send(Side::Originator, &Message::get(&format!("/{number}")).host("a.example").bytes());
        talk.send(Side::Responder, &Message::response(200).body(body(number)).bytes());
    }
    Capture::of([talk.close()])
}

/// What [`said`] says; `besides` is added to each exchange.
fn truth(version: Version, besides: &str) -> Vec<String> {
    let (client, server) = addresses(version);
    let who = ends(client.parse().expect("an address"), server.parse().expect("an address"));
    let exchange = |n| text(&who, &format!("GET /{n}"), &Digest::default(), "200", &Digest::of(&body(n)), besides);
    vec![exchange(0), exchange(1)]
}

/// Reads the two exchanges in these layers, and asserts that all packets had these encapsulations.
fn check(version: Version, layers: &[Layer], expected: &[Encapsulation]) -> Read {
    let mut capture = said(begun(version));
    let packets = capture.frames.len() as u64;
    capture.wrap(&Wrapping::ethernet(layers.iter().cloned()), 1);
    let read = read(&capture);
    read.check(&truth(version, ""), &format!("{layers:?}"));
    for encapsulation in expected {
        let count = read.decode.encapsulations[*encapsulation as usize];
        assert!(count >= packets, "{layers:?}: {count} times {}", encapsulation.name());
    }
    read
}

#[test]
fn ip_in_ip_in_all_four_mixes() {
    for inner in [Version::V4, Version::V6] {
        for outer in [Version::V4, Version::V6] {
            check(inner, &[Layer::IpInIp(outer)], &[Encapsulation::IpInIp]);
            // And in one another.
            check(inner, &[Layer::IpInIp(outer), Layer::IpInIp(inner), Layer::IpInIp(outer)], &[Encapsulation::IpInIp]);
        }
    }
}

#[test]
fn erspan_of_all_types() {
    for kind in [Erspan::I, Erspan::II, Erspan::III, Erspan::IIIPlatform] {
        for outer in [Version::V4, Version::V6] {
            let expected = [Encapsulation::Erspan, Encapsulation::Vlan];
            let layers = [Layer::Vlans(vec![7]), Layer::Ethernet, Layer::Erspan { outer, kind }];
            check(Version::V4, &layers, &expected);
        }
    }
}

#[test]
fn mpls_with_and_without_control_word() {
    for control_word in [false, true] {
        for labels in 1..4 {
            let layers = [Layer::Ethernet, Layer::Pseudowire { labels, control_word }];
            check(Version::V4, &layers, &[Encapsulation::Mpls]);
            let layers =
                [Layer::Pppoe, Layer::Vlans(vec![7, 8]), Layer::Ethernet, Layer::Pseudowire { labels, control_word }];
            check(Version::V6, &layers, &[Encapsulation::Mpls, Encapsulation::Pppoe]);
        }
    }
}

#[test]
fn ipv6_extension_chains() {
    use Extension::{AtomicFragment, Destination, HopByHop, Routing};
    let chains = [
        vec![AtomicFragment],
        vec![HopByHop, Routing, Destination(true)],
        vec![HopByHop, Destination(false), Routing, AtomicFragment, Destination(true)],
        vec![Destination(true); 12],
    ];
    for chain in chains {
        check(Version::V6, &[Layer::Extensions(chain.clone())], &[]);
        check(Version::V6, &[Layer::Extensions(chain.clone()), Layer::Authentication], &[]);
        // Around a tunnel's packet, and fragments of all of it.
        let cut = Layer::Fragments(Pieces { size: 400, overlapping: false, shuffled: true, doubled: true });
        check(Version::V4, &[Layer::IpInIp(Version::V6), Layer::Extensions(chain), cut], &[]);
    }
}

const OVERLAPPING: Pieces = Pieces { size: 400, overlapping: true, shuffled: false, doubled: false };

#[test]
fn of_overlapping_ipv4_fragments_the_first_counts_and_the_difference_is_flagged() {
    let mut capture = said(begun(Version::V4));
    capture.wrap(&Wrapping::on(Link::Raw, [Layer::Fragments(OVERLAPPING)]), 1);
    let whole = read(&capture);
    whole.check(&truth(Version::V4, ""), "the same content");
    let overlaps = whole.decode.fragments.overlaps;
    assert!(overlaps > 3 && whole.decode.fragments.conflicts == 0, "{:?}", whole.decode.fragments);
    // Where the one before reaches into a fragment, that begins with something else.
    let (mut reached, mut forged) = (0, 0);
    for frame in &mut capture.frames {
        let place = u16::from_be_bytes([frame.bytes[6], frame.bytes[7]]);
        let offset = usize::from(place & 0x1fff) * 8;
        if offset > 0 && offset < reached {
            frame.bytes[20] ^= 0x20;
            forged += 1;
        }
        reached = if place == 0 { 0 } else { offset + frame.bytes.len() - 20 };
    }
    assert_eq!(forged, overlaps);
    let read = read(&capture);
    read.check(&truth(Version::V4, ""), "other content");
    assert_eq!(read.decode.fragments.conflicts, forged);
}

#[test]
fn overlapping_ipv6_fragments_end_their_datagram_and_nothing_else() {
    let mut capture = said(begun(Version::V6));
    let cut = Layer::Fragments(Pieces { overlapping: false, ..OVERLAPPING });
    capture.wrap(&Wrapping::on(Link::Raw, [cut]), 1);
    // The second fragment of the answer's second packet comes again eight octets earlier (RFC 5722).
    let mut seconds = (0..capture.frames.len()).filter(|at| {
        let bytes = &capture.frames[*at].bytes;
        bytes[6] == 44 && u16::from_be_bytes([bytes[42], bytes[43]]) & !7 == 400
    });
    let second = seconds.nth(1).expect("a second fragment");
    let mut early: Frame = capture.frames[second].clone();
    let place = u16::from_be_bytes([early.bytes[42], early.bytes[43]]) - 8;
    early.bytes[42..44].copy_from_slice(&place.to_be_bytes());
    capture.frames.insert(second, early);
    let read = read(&capture);
    assert_eq!(read.decode.fragments.dropped, 1, "{:?}", read.decode);
    let truth = truth(Version::V6, "");
    let [first, second] = read.exchanges.as_slice() else { panic!("{:#?}", read.exchanges) };
    assert!(first.contains("response Some(Gap) gap") && read.streams.gaps > 0, "{first}");
    assert!(second.starts_with(&truth[1]), "{second}");
}

#[test]
fn sequence_numbers_wrap_anywhere() {
    // The client's within its handshake, heads and the end; the server's in steps over both bodies.
    for before in 0..120 {
        let talk = begun(Version::V4).mss(50).sequence(u32::MAX - before, u32::MAX - 90 * before);
        read(&said(talk)).check(&truth(Version::V4, ""), &format!("{before} octets before the wrap"));
    }
    for before in [0, 1, 2, 5_000, 5_074, 5_075] {
        let mut capture = said(begun(Version::V4).sequence(u32::MAX - before, u32::MAX - before));
        capture.split(1, 80.0);
        capture.overlap(2, 50.0, 2_000);
        capture.delay(3, 30.0, spyhop_model::Span::millis(5));
        read(&capture).check(&truth(Version::V4, ""), &format!("{before} octets before the wrap, mangled"));
    }
}

#[test]
fn halves_on_different_vlans_are_joined() {
    let on = |ids: &[u16]| Wrapping::ethernet(if ids.is_empty() { vec![] } else { vec![Layer::Vlans(ids.to_vec())] });
    for (clients, servers) in [(&[3136][..], &[][..]), (&[], &[3136]), (&[1], &[2]), (&[1, 2], &[2])] {
        for late in [None, Some(Side::Originator), Some(Side::Responder)] {
            let mut capture = said(begun(Version::V4));
            if let Some(side) = late {
                capture.skew(side, spyhop_model::Span::millis(10));
            }
            capture.wrap_sides(&on(clients), &on(servers), 1);
            let read = read(&capture);
            read.check(&truth(Version::V4, ""), &format!("{clients:?} and {servers:?}, {late:?} late"));
            assert_eq!((read.streams.connections, read.streams.joined), (1, 1));
        }
    }
}

#[test]
fn the_same_addresses_on_three_vlans_are_three_connections() {
    let mut whole = Capture::new();
    for vlan in [10, 20, 30] {
        let mut capture = said(begun(Version::V4));
        capture.wrap(&Wrapping::ethernet([Layer::Vlans(vec![vlan])]), 1);
        // A moment apart, as different hosts are.
        capture
            .frames
            .iter_mut()
            .for_each(|frame| frame.at = frame.at + spyhop_model::Span(u64::from(vlan) * 17_000_000));
        whole.add(capture.frames);
    }
    whole.sort();
    let read = read(&whole);
    let truth = truth(Version::V4, "");
    let three: Vec<String> = truth.iter().flat_map(|line| vec![line.clone(); 3]).collect();
    read.check(&three, "three VLANs");
    assert_eq!(read.streams.connections, 3);
}

#[test]
fn the_octet_of_a_keep_alive_is_none_of_the_stream() {
    let mut capture = said(begun(Version::V4));
    // Behind everything that the client had sent by then, with an octet that it never sent.
    let last = capture.frames.iter().rposition(|frame| {
        frame.dissect().is_some_and(|(packet, _)| packet.dst.port() == 80 && packet.flags == PSH | ACK)
    });
    let last = last.expect("a request");
    let probe = {
        let (mut packet, vlans) = capture.frames[last].dissect().expect("our frame");
        packet.seq = packet.seq.wrapping_add(packet.payload.len() as u32 - 1);
        (packet.payload, packet.flags) = (&[0], ACK);
        packet.frame(capture.frames[last].at, Link::Ethernet, &vlans)
    };
    capture.frames.insert(last + 1, probe);
    let read = read(&capture);
    read.check(&truth(Version::V4, ""), "with a probe");
    assert_eq!(read.streams.keep_alive, 1);
}

#[test]
fn a_capture_that_begins_midway_tells_all_that_follows() {
    for version in [Version::V4, Version::V6] {
        let mut capture = said(begun(version).midstream());
        capture.wrap(&Wrapping::ethernet([Layer::Ethernet, Layer::Vxlan { outer: Version::V4, port: 4789 }]), 1);
        read(&capture).check(&truth(version, " midstream"), "midstream");
    }
}

#[test]
fn wrong_checksums_and_padding_change_nothing() {
    let mut capture = said(begun(Version::V4).padded());
    let spoilt = capture.spoil_checksums(1, 50.0);
    capture.pad(4);
    let read = read(&capture);
    read.check(&truth(Version::V4, ""), "padded");
    assert_eq!(read.decode.bad_checksums, spoilt);
    assert!(read.decode.padding >= 4 * capture.frames.len() as u64);
}

#[test]
fn packets_cut_by_the_capture_leave_gaps_and_the_next_exchange() {
    let mut wrapper =
        Wrapper::new(Wrapping::ethernet([Layer::Gtp { outer: Version::V4, sequence: true, extensions: 2 }]), 1);
    let mut capture = said(begun(Version::V4));
    capture.frames = capture.frames.iter().flat_map(|frame| wrapper.wrap(frame)).collect();
    capture.cut(300);
    let read = read(&capture);
    assert_eq!(read.exchanges.len(), 2, "{:#?}", read.exchanges);
    for (number, line) in read.exchanges.iter().enumerate() {
        assert!(
            line.contains(&format!("GET /{number} ")) && line.contains("-> 200") && line.contains("Some(Gap)"),
            "{line}"
        );
    }
}
