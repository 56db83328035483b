//! Handshakes built by hand, and what must hold for any bytes.

use proptest::prelude::*;
use spyhop_model::Side;

use crate::quic;
use crate::{Handshake, Reader, State, Version, Why, limits};

/// What a built ClientHello offers.
pub(crate) struct Hello<'a> {
    pub(crate) sni: &'a [u8],
    pub(crate) versions: &'a [u16],
}

impl Default for Hello<'_> {
    fn default() -> Self {
        Hello { sni: b"shop.example", versions: &[0x3a3a, 0x0304, 0x0303] }
    }
}

fn vec8(body: &[u8]) -> Vec<u8> {
    [&[body.len() as u8], body].concat()
}

fn vec16(body: &[u8]) -> Vec<u8> {
    [&(body.len() as u16).to_be_bytes(), body].concat()
}

fn extension(kind: u16, body: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &vec16(body)].concat()
}

fn numbers(values: &[u16]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_be_bytes()).collect()
}

/// The body of a ClientHello.
pub(crate) fn client_hello(hello: &Hello<'_>) -> Vec<u8> {
    let name = [&[0][..], &vec16(hello.sni)].concat();
    let extensions = [
        extension(0x5a5a, &[]),
        extension(0, &vec16(&name)),
        extension(10, &vec16(&numbers(&[29]))),
        extension(13, &vec16(&numbers(&[0x0403, 0x0804]))),
        extension(16, &vec16(&[vec8(b"h2"), vec8(b"http/1.1")].concat())),
        extension(43, &vec8(&numbers(hello.versions))),
    ];
    [
        &[3, 3][..],
        &[7; 32],
        &vec8(&[8; 32]),
        &vec16(&numbers(&[0x2a2a, 0x1301, 0xc02f])),
        &vec8(&[0]),
        &vec16(&extensions.concat()),
    ]
    .concat()
}

/// The body of a ServerHello.
pub(crate) fn server_hello(written: u16, selected: Option<u16>, alpn: Option<&[u8]>) -> Vec<u8> {
    answer(written, selected, alpn, &[6; 32])
}

fn answer(written: u16, selected: Option<u16>, alpn: Option<&[u8]>, random: &[u8]) -> Vec<u8> {
    let draft = written >> 8 == 0x7f;
    let mut body = [&written.to_be_bytes()[..], random].concat();
    if !draft {
        body.extend(vec8(&[8; 32]));
    }
    body.extend([0x13, 0x01]);
    if !draft {
        body.push(0);
    }
    let mut extensions = Vec::new();
    extensions.extend(selected.map(|version| extension(43, &version.to_be_bytes())).unwrap_or_default());
    extensions.extend(alpn.map(|name| extension(16, &vec16(&vec8(name)))).unwrap_or_default());
    body.extend(vec16(&extensions));
    body
}

pub(crate) fn der(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = match body.len() {
        short @ 0..=0x7f => vec![short as u8],
        middle @ 0x80..=0xff => vec![0x81, middle as u8],
        long => vec![0x82, (long >> 8) as u8, long as u8],
    };
    [&[tag][..], &length, body].concat()
}

/// A certificate that says who it is, with an empty key and signature.
pub(crate) fn certificate(name: &str, dns: &[&str]) -> Vec<u8> {
    let pair = |oid: &[u8], tag: u8, text: &[u8]| der(0x31, &der(0x30, &[der(6, oid), der(tag, text)].concat()));
    let subject = [
        pair(&[0x55, 4, 6], 0x13, b"DE"),
        pair(&[0x55, 4, 10], 0x14, b"Ex\xe4mple"),
        pair(&[0x55, 4, 3], 0x0c, name.as_bytes()),
    ];
    let names: Vec<u8> = dns.iter().flat_map(|name| der(0x82, name.as_bytes())).collect();
    let alternatives = [der(6, &[0x55, 0x1d, 0x11]), der(4, &der(0x30, &names))].concat();
    let key_usage = [der(6, &[0x55, 0x1d, 0x0f]), der(1, &[0xff]), der(4, &[3, 2, 5, 0xa0])].concat();
    let fields = [
        der(0xa0, &der(2, &[2])),
        der(2, &[1, 2, 3]),
        der(0x30, &der(6, &[0x2a])),
        der(0x30, &pair(&[0x55, 4, 3], 0x1e, &[0x5d, 0xe5])),
        der(0x30, &[]),
        der(0x30, &subject.concat()),
        der(0x30, &[]),
        der(0xa3, &der(0x30, &[der(0x30, &key_usage), der(0x30, &alternatives)].concat())),
    ];
    der(0x30, &[der(0x30, &fields.concat()), der(0x30, &[]), der(3, &[0])].concat())
}

/// A handshake message.
pub(crate) fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    [&(u32::from(kind) << 24 | body.len() as u32).to_be_bytes(), body].concat()
}

/// Records of at most `size` bytes.
fn records(kind: u8, bytes: &[u8], size: usize) -> Vec<u8> {
    bytes.chunks(size).flat_map(|part| [&[kind, 3, 3][..], &vec16(part)].concat()).collect()
}

fn chain(certificates: &[Vec<u8>]) -> Vec<u8> {
    let list: Vec<u8> = certificates.iter().flat_map(|one| message(0, one)[1..].to_vec()).collect();
    message(11, &message(0, &list)[1..])
}

type Flight = (Side, Vec<u8>);

const CLIENT: Side = Side::Originator;
const SERVER: Side = Side::Responder;

/// A full handshake of TLS 1.2 with a client certificate, several messages in a record and several records a message.
fn tls12(size: usize) -> Vec<Flight> {
    let hello = message(1, &client_hello(&Hello { versions: &[0x0303], ..Hello::default() }));
    let answer = [
        message(2, &server_hello(0x0303, None, Some(b"h2"))),
        chain(&[certificate("shop.example", &["shop.example"]), vec![0x30; 3000]]),
        message(12, &[0; 300]),
        message(13, &[0; 30]),
        message(14, &[]),
    ];
    let keys = [chain(&[certificate("till 7", &[])]), message(16, &[0; 33])].concat();
    vec![
        (CLIENT, records(22, &hello, size)),
        (SERVER, records(22, &answer.concat(), size)),
        (CLIENT, [records(22, &keys, size), records(20, &[1], 1), records(22, &[9; 40], 40)].concat()),
        (SERVER, [records(20, &[1], 1), records(22, &[9; 40], 40), records(23, &[1; 900], 300)].concat()),
    ]
}

fn tls13() -> Vec<Flight> {
    let hello = message(1, &client_hello(&Hello::default()));
    let answer = message(2, &server_hello(0x0303, Some(0x0304), None));
    vec![
        (CLIENT, records(22, &hello, 1000)),
        (SERVER, [records(22, &answer, 1000), records(20, &[1], 1), records(23, &[1; 2000], 900)].concat()),
        (CLIENT, [records(20, &[1], 1), records(23, &[1; 90], 900)].concat()),
    ]
}

fn read(mut reader: Reader, flights: &[Flight], size: usize) -> (State, Handshake) {
    for (side, bytes) in flights {
        for part in bytes.chunks(size) {
            reader.data(*side, part);
        }
    }
    (reader.state(), reader.into_handshake())
}

#[test]
fn a_handshake_of_tls_1_2() {
    let (state, handshake) = read(Reader::new(), &tls12(16384), 1460);
    assert_eq!(state, State::Complete);
    assert_eq!(handshake.client, Some(CLIENT));
    assert_eq!(handshake.sni(), Some("shop.example"));
    assert!(handshake.ja4().is_some_and(|ja4| ja4.starts_with("t12d0205h2_")));
    assert_eq!(handshake.version(), Some(Version(0x0303)));
    assert_eq!(handshake.server_hello.and_then(|hello| hello.alpn).as_deref(), Some("h2"));
    assert_eq!(handshake.certificate.map(|owner| owner.dns_names), Some(vec!["shop.example".to_string()]));
    let till = handshake.client_certificate.and_then(|owner| owner.subject.common_name);
    assert_eq!(till.as_deref(), Some("till 7"));
}

#[test]
fn a_handshake_of_tls_1_3_is_read_after_the_hellos() {
    let flights = tls13();
    let mut reader = Reader::new();
    assert_eq!(reader.data(flights[0].0, &flights[0].1), State::Reading);
    assert_eq!(reader.data(flights[1].0, &flights[1].1), State::Complete);
    assert_eq!(reader.held(), 0);
    assert_eq!(reader.handshake().version(), Some(Version::TLS13));
    assert_eq!(reader.handshake().certificate, None);
}

#[test]
fn records_and_segments_may_be_cut_anywhere() {
    for flights in [tls12(16384), tls13()] {
        let whole = read(Reader::new(), &flights, usize::MAX);
        for size in 1..200 {
            assert_eq!(read(Reader::new(), &flights, size), whole);
        }
    }
    let whole = read(Reader::new(), &tls12(16384), usize::MAX);
    for size in [1, 2, 3, 5, 100, 1000] {
        assert_eq!(read(Reader::new(), &tls12(size), 7).1, whole.1);
    }
}

#[test]
fn roles_are_found_by_content_in_either_order() {
    let swapped: Vec<Flight> = tls13().into_iter().map(|(side, bytes)| (side.other(), bytes)).rev().collect();
    let mut reader = Reader::new();
    for (side, bytes) in swapped.iter().filter(|(_, bytes)| bytes[0] == 22) {
        reader.data(*side, bytes);
    }
    assert_eq!((reader.state(), reader.handshake().client), (State::Complete, Some(SERVER)));
}

#[test]
fn a_retry_leaves_the_first_hello_and_waits_for_the_last() {
    let random = [
        0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2,
        0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
    ];
    let second = client_hello(&Hello { sni: b"other.example", ..Hello::default() });
    let flights = [
        tls13()[0].clone(),
        (SERVER, records(22, &message(2, &answer(0x0303, Some(0x0304), None, &random)), 999)),
        (SERVER, records(20, &[1], 1)),
        (CLIENT, [records(20, &[1], 1), records(22, &message(1, &second), 999)].concat()),
        tls13()[1].clone(),
    ];
    let (state, handshake) = read(Reader::new(), &flights, 50);
    assert_eq!((state, handshake.retried), (State::Complete, true));
    assert_eq!((handshake.sni(), handshake.version()), (Some("shop.example"), Some(Version::TLS13)));
}

#[test]
fn a_resumed_session_shows_no_certificate() {
    let finish = || [records(20, &[1], 1), records(22, &[9; 40], 40)].concat();
    let hello = message(2, &server_hello(0x0303, None, None));
    let flights = [
        tls12(1000)[0].clone(),
        (SERVER, [records(22, &[hello, message(4, &[5; 100])].concat(), 500), finish()].concat()),
        (CLIENT, finish()),
    ];
    let (state, handshake) = read(Reader::new(), &flights, 11);
    assert_eq!((state, handshake.certificate), (State::Complete, None));
}

#[test]
fn a_hello_of_ssl_2_is_answered_in_tls() {
    let mut body = vec![1, 3, 1, 0, 6, 0, 0, 0, 16, 0, 0, 5, 0, 0, 10];
    body.extend([9; 16]);
    let hello = [&[0x80, body.len() as u8][..], &body].concat();
    let mut flights = tls12(700);
    flights[0].1 = hello;
    let (state, handshake) = read(Reader::new(), &flights, 4);
    assert_eq!((state, handshake.ja4()), (State::Complete, None));
    assert!(handshake.client_hello.as_ref().is_some_and(|hello| hello.ssl2));
    assert!(handshake.certificate.is_some());
}

#[test]
fn other_protocols_are_refused_at_their_first_bytes() {
    for start in [
        &b"SSH-2.0-x\r\n"[..],
        b"GET / HTTP/1.1\r\n",
        &[0x16, 9, 9, 0, 1],
        &[0x80, 50, 9, 9, 9],
        &[0x80, 8, 1, 3, 1],
        b"+",
    ] {
        assert_eq!(Reader::new().data(CLIENT, start), State::Abandoned(Why::NotTls), "{start:?}");
    }
}

#[test]
fn a_connection_joined_after_its_handshake() {
    let mut reader = Reader::new();
    reader.data(SERVER, &records(23, &[1; 5000], 900));
    assert_eq!(reader.data(CLIENT, &records(23, &[1; 5000], 900)), State::Abandoned(Why::NoHello));
}

#[test]
fn alerts_are_told() {
    let mut reader = Reader::new();
    reader.data(CLIENT, &tls12(900)[0].1);
    assert_eq!(reader.data(SERVER, &records(21, &[1, 112], 2)), State::Reading);
    assert_eq!(reader.data(SERVER, &records(21, &[2, 40], 2)), State::Abandoned(Why::Refused));
    assert_eq!(reader.handshake().alert.map(|alert| (alert.from, alert.code)), Some((SERVER, 112)));
    assert_eq!(reader.handshake().sni(), Some("shop.example"));
}

/// Found by fuzzing: where two bytes of it were left, it was read as one in clear.
#[test]
fn an_encrypted_alert_is_none_however_it_is_cut() {
    let hello = &tls12(900)[0].1;
    let sealed = records(21, &[2; 26], 26);
    for size in 1..=sealed.len() {
        let (state, handshake) = read(Reader::new(), &[(CLIENT, hello.clone()), (SERVER, sealed.clone())], size);
        assert_eq!((state, handshake.alert), (State::Reading, None), "{size}");
    }
}

#[test]
fn after_a_gap_a_hello_can_still_begin() {
    let flights = tls12(900);
    let mut reader = Reader::new();
    reader.gap(CLIENT);
    reader.data(CLIENT, &[&[0x99; 77][..], &flights[0].1].concat());
    reader.data(SERVER, &flights[1].1[..100]);
    assert_eq!(reader.gap(SERVER), State::Reading);
    assert_eq!(reader.data(CLIENT, &flights[2].1), State::Abandoned(Why::Gap));
    assert_eq!(reader.handshake().version(), Some(Version(0x0303)));
    assert!(reader.handshake().client_certificate.is_some());
}

#[test]
fn a_hello_is_found_behind_another_protocol() {
    let mut flights = tls12(16384);
    flights.insert(0, (SERVER, b"* OK IMAP4rev1 ready \x16\x03\x01\r\n".to_vec()));
    flights.insert(1, (CLIENT, b"a1 STARTTLS\r\n".to_vec()));
    flights.insert(2, (SERVER, b"a1 OK\r\n".to_vec()));
    for size in 1..50 {
        let (state, handshake) = read(Reader::searching(), &flights, size);
        assert_eq!((state, handshake.sni()), (State::Complete, Some("shop.example")), "{size}");
    }
}

#[test]
fn the_search_ends() {
    let hello = tls13()[0].1.clone();
    for size in [1, 7, 4096, usize::MAX] {
        for (before, found) in [(limits::SEARCHED - 1, true), (limits::SEARCHED, false)] {
            let bytes = [vec![0x16; before], hello.clone()].concat();
            let mut reader = Reader::searching();
            bytes.chunks(size).for_each(|part| _ = reader.data(CLIENT, part));
            assert_eq!(reader.handshake().is_found(), found, "{size} {before}");
        }
    }
}

#[test]
fn what_is_held_is_bounded() {
    let endless = [&[1, 0, 0xff, 0xfc][..], &[3; 70_000]].concat();
    let mut reader = Reader::new();
    for part in records(22, &endless, 16384).chunks(1000) {
        reader.data(CLIENT, part);
        assert!(reader.held() <= limits::MESSAGE);
    }
    let mut reader = Reader::new();
    reader.data(CLIENT, &records(22, &message(1, &[3; 70_000]), 16384));
    reader.data(SERVER, &records(22, &message(1, &[3; 70_000]), 16384));
    assert_eq!((reader.state(), reader.held()), (State::Abandoned(Why::TooLong), 0));
}

#[test]
fn a_certificate_that_is_too_long_costs_only_itself() {
    let mut flights = tls12(16384);
    let answer = [message(2, &server_hello(0x0303, None, None)), chain(&[vec![0; 80_000]])].concat();
    flights[1].1 = records(22, &answer, 16384);
    let (state, handshake) = read(Reader::new(), &flights, 999);
    assert_eq!((state, handshake.certificate), (State::Abandoned(Why::TooLong), None));
    assert!(handshake.server_hello.is_some() && handshake.client_certificate.is_some());
}

/// Something that looks like TLS, more or less.
fn flights() -> impl Strategy<Value = Vec<Flight>> {
    let whole = prop_oneof![(1..3000_usize).prop_map(tls12), Just(tls13())];
    (whole, prop::collection::vec((0..4_usize, any::<prop::sample::Index>(), any::<u8>()), 0..6)).prop_map(
        |(mut flights, changes)| {
            for (flight, at, byte) in changes {
                let bytes = match flights.get_mut(flight) {
                    Some((_, bytes)) if !bytes.is_empty() => bytes,
                    _ => continue,
                };
                let at = at.index(bytes.len());
                match byte & 3 {
                    0 => bytes.truncate(at),
                    1 => bytes.insert(at, byte),
                    _ => bytes[at] = byte,
                }
            }
            flights
        },
    )
}

proptest! {
    #[test]
    fn cutting_changes_nothing(flights in flights(), size in 1..80_usize, searching in any::<bool>()) {
        let reader = || if searching { Reader::searching() } else { Reader::new() };
        prop_assert_eq!(read(reader(), &flights, size), read(reader(), &flights, usize::MAX));
    }

    #[test]
    fn any_bytes_are_survived(
        parts in prop::collection::vec((any::<bool>(), any::<bool>(), prop::collection::vec(any::<u8>(), 0..300)), 0..20),
    ) {
        let (mut plain, mut searching, mut quic) = (Reader::new(), Reader::searching(), quic::Reader::new());
        for (client, gap, bytes) in parts {
            let side = if client { CLIENT } else { SERVER };
            let framed = [&records(22, &bytes, 100)[..], &bytes].concat();
            for reader in [&mut plain, &mut searching] {
                if gap {
                    reader.gap(side);
                }
                reader.data(side, &framed);
                prop_assert!(reader.held() <= 2 * limits::MESSAGE);
            }
            quic.data(side, &bytes);
        }
    }

    #[test]
    fn any_frames_of_an_initial_are_survived(
        frames in prop::collection::vec((0..20_000_usize, prop::collection::vec(any::<u8>(), 0..60)), 0..20),
        junk in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let mut bytes: Vec<u8> = frames.iter().flat_map(|(at, data)| quic::tests::crypto_frame(*at, data)).collect();
        bytes.extend(junk);
        bytes.truncate(1100);
        let packet = quic::tests::initial(quic::Version::V1, &[0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08], 0, &bytes);
        let mut reader = quic::Reader::new();
        reader.data(CLIENT, &packet);
        prop_assert!(reader.held() <= 2 * limits::CRYPTO);
    }

    #[test]
    fn any_certificate_is_survived(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = certificate("shop.example", &["a", "b"]);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        _ = crate::Certificate::read(&bytes);
    }
}
