//! The ClientHello in the first datagrams of QUIC (RFC 9000, RFC 9369, and draft 29).
//!
//! Initial packets are encrypted with keys that follow from their own destination connection identifier (RFC 9001,
//! section 5.2), so everyone on the path can read them.
//!
//! ```text
//! | 1 form, 1 fixed, 2 type, 4 protected | version 4 | DCID 1+n | SCID 1+n | token v+n | length v | number 1-4 | … |
//! ```

use aes_gcm::aes::cipher::BlockCipherEncrypt;
use aes_gcm::aes::{Aes128, Block};
use aes_gcm::{AeadInOut, Aes128Gcm, KeyInit};
use hkdf::Hkdf;
use sha2::Sha256;
use spyhop_model::Side;

use crate::cursor::Cursor;
use crate::hello::{ClientHello, Transport};
use crate::limits;
use crate::records::message;
use crate::{State, Why};

/// A version whose Initial packets can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// RFC 9000.
    V1,
    /// RFC 9369.
    V2,
    /// Draft 29, which was in wide use.
    Draft29,
}

impl Version {
    fn of(number: u32) -> Option<Version> {
        match number {
            0x0000_0001 => Some(Version::V1),
            0x6b33_43cf => Some(Version::V2),
            0xff00_001d => Some(Version::Draft29),
            _ => None,
        }
    }

    /// RFC 9001, section 5.2; RFC 9369, section 3.3.1; the same section of the draft.
    fn salt(self) -> [u8; 20] {
        match self {
            Version::V1 => [
                0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc,
                0xbb, 0x7f, 0x0a,
            ],
            Version::V2 => [
                0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93, 0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9,
                0xbd, 0x2e, 0xd9,
            ],
            Version::Draft29 => [
                0xaf, 0xbf, 0xec, 0x28, 0x99, 0x93, 0xd2, 0x4c, 0x9e, 0x97, 0x86, 0xf1, 0x9c, 0x61, 0x11, 0xe0, 0x43,
                0x90, 0xa8, 0x99,
            ],
        }
    }

    /// The labels of key, initialisation vector, and header protection.
    fn labels(self) -> [&'static str; 3] {
        match self {
            Version::V1 | Version::Draft29 => ["quic key", "quic iv", "quic hp"],
            Version::V2 => ["quicv2 key", "quicv2 iv", "quicv2 hp"],
        }
    }

    /// What the two bits of type mean.
    fn kind(self, first: u8) -> Kind {
        let bits = first >> 4 & 3;
        match (self, bits) {
            (Version::V1 | Version::Draft29, 0) | (Version::V2, 1) => Kind::Initial,
            (Version::V1 | Version::Draft29, 3) | (Version::V2, 0) => Kind::Retry,
            _ => Kind::Other,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Initial,
    Retry,
    /// 0-RTT and Handshake, which have the same header.
    Other,
}

/// A packet with a long header (RFC 9000, section 17.2).
struct Packet<'a> {
    version: Version,
    kind: Kind,
    destination: &'a [u8],
    /// From its first byte up to the end that its length says.
    bytes: &'a [u8],
    /// Where the packet number begins.
    number: usize,
}

/// Servers discard an Initial in a smaller datagram (RFC 9000, section 14.1).
const SMALLEST_DATAGRAM: usize = 1200;

/// The destination that a client chooses (RFC 9000, section 7.2), and the longest that any version has.
const DESTINATION: std::ops::RangeInclusive<usize> = 8..=20;

impl<'a> Packet<'a> {
    /// The first packet of these bytes, and what follows it in the same datagram.
    fn first(bytes: &'a [u8]) -> Option<(Packet<'a>, &'a [u8])> {
        let mut cursor = Cursor(bytes);
        let first = cursor.u8().filter(|first| first & 0x80 != 0)?;
        let version = Version::of(cursor.u32()?)?;
        let destination = cursor.vec8()?;
        cursor.vec8()?;
        let kind = version.kind(first);
        match kind {
            Kind::Initial => {
                let token = usize::try_from(cursor.varint()?).ok()?;
                cursor.take(token)?;
            }
            Kind::Retry => return None,
            Kind::Other => {}
        }
        let length = usize::try_from(cursor.varint()?).ok()?;
        let number = bytes.len() - cursor.0.len();
        cursor.take(length)?;
        let (bytes, rest) = bytes.split_at_checked(number + length)?;
        Some((Packet { version, kind, destination, bytes, number }, rest))
    }
}

/// Whether this datagram can be the first of a client: cheap, without deriving keys.
pub fn is_client_initial(payload: &[u8]) -> bool {
    payload.len() >= SMALLEST_DATAGRAM
        && Packet::first(payload)
            .is_some_and(|(packet, _)| packet.kind == Kind::Initial && DESTINATION.contains(&packet.destination.len()))
}

/// Reads the ClientHello of one UDP flow.
#[derive(Debug, Default)]
pub struct Reader {
    /// The keys that opened a packet last; they stay when the server has chosen another identifier.
    keys: Option<Keys>,
    client: Option<Side>,
    crypto: Crypto,
    datagrams: u32,
    hello: Option<ClientHello>,
    over: Option<Result<(), Why>>,
}

impl Reader {
    /// For a flow of which nothing was seen; the roles are found by content.
    pub fn new() -> Reader {
        Reader::default()
    }

    /// Takes the payload of the next datagram.
    pub fn data(&mut self, side: Side, payload: &[u8]) -> State {
        if self.over.is_some() || self.client == Some(side.other()) {
            return self.state();
        }
        self.datagrams += 1;
        if let Err(why) = self.datagram(side, payload) {
            self.end(Err(why));
        } else if self.datagrams >= limits::DATAGRAMS {
            self.end(Err(if self.client.is_some() { Why::NoHello } else { Why::NotTls }));
        }
        self.state()
    }

    /// How far the reader has come.
    pub fn state(&self) -> State {
        match self.over {
            None => State::Reading,
            Some(Ok(())) => State::Complete,
            Some(Err(why)) => State::Abandoned(why),
        }
    }

    /// Who is the client, once one of its packets could be opened.
    pub fn client(&self) -> Option<Side> {
        self.client
    }

    /// The ClientHello, once it is complete.
    pub fn hello(&self) -> Option<&ClientHello> {
        self.hello.as_ref()
    }

    /// The ClientHello, for good.
    pub fn into_hello(self) -> Option<ClientHello> {
        self.hello
    }

    /// Bytes held of an unfinished hello.
    pub fn held(&self) -> usize {
        self.crypto.bytes.capacity()
    }

    fn end(&mut self, how: Result<(), Why>) {
        if self.over.is_none() {
            self.over = Some(how);
            self.crypto = Crypto::default();
            self.keys = None;
        }
    }

    fn datagram(&mut self, side: Side, payload: &[u8]) -> Result<(), Why> {
        if payload.len() < SMALLEST_DATAGRAM {
            return Ok(());
        }
        let mut rest = payload;
        let mut destination = None;
        while let Some((packet, after)) = Packet::first(rest) {
            rest = after;
            // All packets of a datagram are for the same connection (RFC 9000, section 12.2).
            if *destination.get_or_insert(packet.destination) != packet.destination {
                break;
            }
            if packet.kind != Kind::Initial {
                continue;
            }
            let Some(frames) = self.open(&packet) else { break };
            self.client = Some(side);
            self.frames(&frames)?;
            if self.over.is_some() {
                break;
            }
        }
        Ok(())
    }

    fn open(&mut self, packet: &Packet<'_>) -> Option<Vec<u8>> {
        if let Some(frames) = self.keys.as_ref().and_then(|keys| keys.open(packet)) {
            return Some(frames);
        }
        if !DESTINATION.contains(&packet.destination.len()) {
            return None;
        }
        let keys = Keys::of_client(packet.version, packet.destination)?;
        let frames = keys.open(packet)?;
        self.keys = Some(keys);
        Some(frames)
    }

    /// The frames that an Initial may hold (RFC 9000, section 12.4).
    fn frames(&mut self, frames: &[u8]) -> Result<(), Why> {
        let mut cursor = Cursor(frames);
        while let Some(kind) = cursor.varint() {
            match kind {
                // PADDING, PING.
                0 | 1 => {}
                2 | 3 if acknowledgement(&mut cursor, kind == 3).is_some() => {}
                6 => {
                    let Some((offset, data)) = crypto(&mut cursor) else { break };
                    self.crypto.insert(offset, data)?;
                }
                // CONNECTION_CLOSE, or what has no place here.
                _ => break,
            }
        }
        let Some(body) = self.crypto.hello()? else { return Ok(()) };
        self.hello = Some(ClientHello::read(body, Transport::Quic).ok_or(Why::Malformed)?);
        self.end(Ok(()));
        Ok(())
    }
}

/// Offset and data of a CRYPTO frame (RFC 9000, section 19.6).
fn crypto<'a>(cursor: &mut Cursor<'a>) -> Option<(u64, &'a [u8])> {
    let offset = cursor.varint()?;
    let length = usize::try_from(cursor.varint()?).ok()?;
    Some((offset, cursor.take(length)?))
}

/// Passes over an ACK frame (RFC 9000, section 19.3).
fn acknowledgement(cursor: &mut Cursor<'_>, ecn: bool) -> Option<()> {
    let [_largest, _delay, ranges, _first] = [cursor.varint()?, cursor.varint()?, cursor.varint()?, cursor.varint()?];
    for _ in 0..ranges {
        cursor.varint()?;
        cursor.varint()?;
    }
    for _ in 0..if ecn { 3 } else { 0 } {
        cursor.varint()?;
    }
    Some(())
}

/// The keys of what a client sends in Initial packets.
struct Keys {
    sealed: Aes128Gcm,
    vector: [u8; 12],
    header: Aes128,
}

/// Without the keys.
impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys")
    }
}

impl Keys {
    fn of_client(version: Version, destination: &[u8]) -> Option<Keys> {
        let [key, vector, header] = secrets(version, destination)?;
        let mut short = [0; 12];
        short.copy_from_slice(vector.first_chunk::<12>()?);
        Some(Keys { sealed: Aes128Gcm::new(&key.into()), vector: short, header: Aes128::new(&header.into()) })
    }

    /// Removes header protection and encryption (RFC 9001, sections 5.3 and 5.4); `None` if the packet was not sealed
    /// with these keys.
    fn open(&self, packet: &Packet<'_>) -> Option<Vec<u8>> {
        let (head, protected) = packet.bytes.split_at_checked(packet.number)?;
        let mask = self.mask(protected.get(4..20)?)?;
        let mut header = head.to_vec();
        *header.first_mut()? ^= mask.first()? & 0x0f;
        let length = usize::from(header.first()? & 3) + 1;
        let (number, sealed) = protected.split_at_checked(length)?;
        header.extend(number.iter().zip(mask.iter().skip(1)).map(|(byte, mask)| byte ^ mask));

        let mut nonce = self.vector;
        for (byte, number) in nonce.iter_mut().rev().zip(header.iter().rev().take(length)) {
            *byte ^= number;
        }
        let (data, tag) = sealed.split_last_chunk::<16>()?;
        let mut data = data.to_vec();
        self.sealed
            .decrypt_inout_detached(&nonce.into(), &header, data.as_mut_slice().into(), &(*tag).into())
            .ok()
            .map(|()| data)
    }

    fn mask(&self, sample: &[u8]) -> Option<[u8; 16]> {
        let mut block = Block::from(*sample.first_chunk::<16>()?);
        self.header.encrypt_block(&mut block);
        Some(block.into())
    }
}

/// Key, initialisation vector (its first 12 bytes) and header protection key of a client.
fn secrets(version: Version, destination: &[u8]) -> Option<[[u8; 16]; 3]> {
    let (_, initial) = Hkdf::<Sha256>::extract(Some(&version.salt()), destination);
    let mut client = [0; 32];
    expand(&initial, "client in", &mut client)?;
    let client = Hkdf::<Sha256>::from_prk(&client).ok()?;
    let mut secrets = [[0; 16]; 3];
    for ((label, length), secret) in version.labels().into_iter().zip([16, 12, 16]).zip(&mut secrets) {
        expand(&client, label, secret.get_mut(..length)?)?;
    }
    Some(secrets)
}

/// HKDF-Expand-Label with no context (RFC 8446, section 7.1).
fn expand(secret: &Hkdf<Sha256>, label: &str, out: &mut [u8]) -> Option<()> {
    let length = u16::try_from(out.len()).ok()?.to_be_bytes();
    let name = u8::try_from(6 + label.len()).ok()?;
    secret.expand_multi_info(&[&length, &[name], b"tls13 ", label.as_bytes(), &[0]], out).ok()
}

/// CRYPTO data put together (RFC 9000, section 7.5): what arrives first counts.
#[derive(Debug, Default)]
struct Crypto {
    bytes: Vec<u8>,
    /// What is there, from and to; sorted, and never touching each other.
    pieces: Vec<(usize, usize)>,
}

impl Crypto {
    fn insert(&mut self, offset: u64, data: &[u8]) -> Result<(), Why> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let end = start.saturating_add(data.len());
        if end > limits::CRYPTO {
            return Err(Why::TooLong);
        }
        if data.is_empty() {
            return Ok(());
        }
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        let mut at = start;
        for (from, to) in
            self.pieces.iter().copied().filter(|(from, to)| *from < end && start < *to).chain([(end, end)])
        {
            if at < from
                && let (Some(free), Some(new)) = (self.bytes.get_mut(at..from), data.get(at - start..from - start))
            {
                free.copy_from_slice(new);
            }
            at = at.max(to);
        }
        self.join(start, end)
    }

    /// Notes a piece, joined with those that it touches.
    fn join(&mut self, start: usize, end: usize) -> Result<(), Why> {
        let (mut start, mut end) = (start, end);
        self.pieces.retain(|(from, to)| {
            let apart = *to < start || end < *from;
            if !apart {
                (start, end) = (start.min(*from), end.max(*to));
            }
            apart
        });
        if self.pieces.len() >= limits::CRYPTO_PIECES {
            return Err(Why::TooLong);
        }
        let at = self.pieces.partition_point(|(from, _)| *from < start);
        self.pieces.insert(at, (start, end));
        Ok(())
    }

    /// The body of the ClientHello, if it is complete.
    fn hello(&self) -> Result<Option<&[u8]>, Why> {
        let there = match self.pieces.first() {
            Some((0, end)) => self.bytes.get(..*end).unwrap_or_default(),
            _ => return Ok(None),
        };
        let mut cursor = Cursor(there);
        if cursor.u8().is_some_and(|kind| kind != message::CLIENT_HELLO) {
            return Err(Why::NotTls);
        }
        match cursor.u24() {
            Some(length) if length + 4 > limits::CRYPTO => Err(Why::TooLong),
            Some(length) => Ok(cursor.take(length)),
            None => Ok(None),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::tests::{Hello, client_hello, message as framed};

    const DESTINATION: [u8; 8] = [0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08];

    /// The client's first Initial of RFC 9001, appendix A.2: the frame, without its padding.
    const FRAME: &str = "060040f1010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e86804fe3a47f06a2b69484c0000041301\
        1302010000c000000010000e00000b6578616d706c652e636f6dff01000100000a00080006001d0017001800100007000504616c706e00050\
        0050100000000003300260024001d00209370b2c9caa47fbabaf4559fedba753de171fa71f50f1ce15d43e994ec74d748002b000302030400\
        0d0010000e0403050306030203080408050806002d00020101001c00024001003900320408ffffffffffffffff05048000ffff07048000fff\
        f0801100104800075300901100f088394c8f03e51570806048000ffff";

    fn unhex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.chars().filter_map(|c| c.to_digit(16)).map(|d| d as u8).collect();
        digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// A client's Initial with these frames, padded to 1200 bytes as a datagram of its own.
    pub(crate) fn initial(version: Version, destination: &[u8], number: u32, frames: &[u8]) -> Vec<u8> {
        let (wire, bits) = match version {
            Version::V1 => (1_u32, 0xc3),
            Version::V2 => (0x6b33_43cf, 0xd3),
            Version::Draft29 => (0xff00_001d, 0xc3),
        };
        seal(&Keys::of_client(version, &DESTINATION).expect("keys"), wire, bits, destination, number, frames)
    }

    fn seal(keys: &Keys, version: u32, first: u8, destination: &[u8], number: u32, frames: &[u8]) -> Vec<u8> {
        let mut header = vec![first];
        header.extend(version.to_be_bytes());
        header.push(destination.len() as u8);
        header.extend(destination);
        header.extend([0, 0]);
        let room = 1200 - header.len() - 2;
        header.extend((0x4000 | room as u16).to_be_bytes());
        let at = header.len();
        header.extend(number.to_be_bytes());
        let mut data = frames.to_vec();
        data.resize(room - 4 - 16, 0);
        let mut nonce = keys.vector;
        nonce.iter_mut().rev().zip(number.to_le_bytes()).for_each(|(byte, number)| *byte ^= number);
        let tag =
            keys.sealed.encrypt_inout_detached(&nonce.into(), &header, data.as_mut_slice().into()).expect("sealed");
        let mask = keys.mask(&data[..16]).expect("a sample");
        header[0] ^= mask[0] & 0x0f;
        header[at..].iter_mut().zip(&mask[1..]).for_each(|(byte, mask)| *byte ^= mask);
        [&header[..], &data, &tag].concat()
    }

    pub(crate) fn crypto_frame(offset: usize, data: &[u8]) -> Vec<u8> {
        let mut frame = vec![6];
        frame.extend((0x8000_0000 | offset as u32).to_be_bytes());
        frame.extend((0x4000 | data.len() as u16).to_be_bytes());
        frame.extend(data);
        frame
    }

    #[test]
    fn secrets_of_the_appendices() {
        for (version, expected) in [
            (
                Version::V1,
                ["1f369613dd76d5467730efcbe3b1a22d", "fa044b2f42a3fd3b46fb255c", "9f50449e04a0e810283a1e9933adedd2"],
            ),
            (
                Version::V2,
                ["8b1a0bc121284290a29e0971b5cd045d", "91f73e2351d8fa91660e909f", "45b95e15235d6f45a6b19cbcb0294ba9"],
            ),
            (
                Version::Draft29,
                ["175257a31eb09dea9366d8bb79ad80ba", "6b26114b9cba2b63a9e8dd4f", "9ddd12c994c0698b89374a9c077a3077"],
            ),
        ] {
            let [key, vector, header] = secrets(version, &DESTINATION).expect("secrets");
            assert_eq!([hex(&key), hex(&vector[..12]), hex(&header)], expected, "{version:?}");
        }
    }

    #[test]
    fn the_packet_of_rfc_9001_appendix_a_2() {
        let packet = initial(Version::V1, &DESTINATION, 2, &unhex(FRAME));
        assert!(
            hex(&packet).starts_with("c000000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11d242b123dc9b")
        );
        assert!(hex(&packet).ends_with("e221af44860018ab0856972e194cd934"));
        assert!(is_client_initial(&packet));

        let mut reader = Reader::new();
        assert_eq!(reader.data(Side::Responder, &packet), State::Complete);
        assert_eq!(reader.client(), Some(Side::Responder));
        let hello = reader.hello().expect("a hello");
        assert_eq!((hello.sni.as_deref(), &hello.alpn[..]), (Some("example.com"), &["alpn".to_string()][..]));
        assert!(hello.ja4.as_deref().is_some_and(|ja4| ja4.starts_with("q13d0211an_")));
    }

    #[test]
    fn a_hello_over_several_datagrams_in_any_order() {
        let hello = framed(1, &client_hello(&Hello::default()));
        let (first, second) = hello.split_at(hello.len() / 2);
        let (middle, end) = second.split_at(7);
        for version in [Version::V1, Version::V2, Version::Draft29] {
            let mut reader = Reader::new();
            let late =
                [&crypto_frame(first.len() + 7, end)[..], &[1, 0, 0], &crypto_frame(first.len(), middle)].concat();
            assert_eq!(reader.data(Side::Originator, &initial(version, &DESTINATION, 0, &late)), State::Reading);
            // What another connection sends with its own keys changes nothing.
            assert_eq!(reader.data(Side::Responder, &[0xc3; 1300]), State::Reading);
            // The client has learnt the server's identifier; the keys stay.
            let early = crypto_frame(0, first);
            assert_eq!(reader.data(Side::Originator, &initial(version, &[5; 4], 1, &early)), State::Complete);
            assert_eq!(reader.hello().and_then(|hello| hello.sni.as_deref()), Some("shop.example"), "{version:?}");
            assert_eq!(reader.held(), 0);
        }
    }

    #[test]
    fn what_is_no_initial_of_a_client_is_let_go() {
        let mut packet = initial(Version::V1, &DESTINATION, 2, &unhex(FRAME));
        packet[600] ^= 1;
        let mut reader = Reader::new();
        for _ in 1..limits::DATAGRAMS {
            assert_eq!(reader.data(Side::Originator, &packet), State::Reading);
        }
        assert_eq!(reader.data(Side::Originator, &packet), State::Abandoned(Why::NotTls));
        assert!(!is_client_initial(&packet[..1199]) && !is_client_initial(&[0; 1200]));
    }

    #[test]
    fn crypto_data_is_bounded() {
        let mut crypto = Crypto::default();
        assert_eq!(crypto.insert(limits::CRYPTO as u64, &[1]), Err(Why::TooLong));
        assert_eq!(crypto.insert(u64::MAX, &[1]), Err(Why::TooLong));
        for piece in 0..limits::CRYPTO_PIECES as u64 {
            assert_eq!(crypto.insert(piece * 2, &[1]), Ok(()));
        }
        assert_eq!(crypto.insert(limits::CRYPTO_PIECES as u64 * 2, &[1]), Err(Why::TooLong));
        assert!(crypto.bytes.len() <= limits::CRYPTO);
    }

    #[test]
    fn the_first_of_two_readings_counts() {
        let mut crypto = Crypto::default();
        for (offset, data) in [(4, &b"ef"[..]), (0, b"abcdXX"), (8, b"ij"), (2, b"----ghXXkl")] {
            crypto.insert(offset, data).expect("room");
        }
        assert_eq!(crypto.bytes, b"abcdefghijkl");
        assert_eq!(crypto.pieces, [(0, 12)]);
    }
}
