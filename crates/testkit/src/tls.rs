//! TLS 1.3 as a tap sees it: a ClientHello and a ServerHello that can be read, then records that cannot.

use crate::rng::Rng;

/// A record (RFC 8446, section 5.1) of this content type.
fn record(kind: u8, version: [u8; 2], body: &[u8]) -> Vec<u8> {
    let mut out = vec![kind, version[0], version[1]];
    out.extend_from_slice(&(body.len() as u16).to_be_bytes());
    out.extend_from_slice(body);
    out
}

/// A handshake message (RFC 8446, section 4).
fn handshake(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![kind];
    out.extend_from_slice(&(body.len() as u32).to_be_bytes()[1..]);
    out.extend_from_slice(body);
    out
}

fn extension(out: &mut Vec<u8>, kind: u16, body: &[u8]) {
    out.extend_from_slice(&kind.to_be_bytes());
    out.extend_from_slice(&(body.len() as u16).to_be_bytes());
    out.extend_from_slice(body);
}

/// A list with its length in two octets before it.
fn counted(body: &[u8]) -> Vec<u8> {
    let mut out = (body.len() as u16).to_be_bytes().to_vec();
    out.extend_from_slice(body);
    out
}

const HANDSHAKE: u8 = 22;
const LEGACY: [u8; 2] = [3, 3];

/// A ClientHello for `name` that offers h2 and http/1.1, TLS 1.3 and 1.2.
pub(crate) fn client_hello(rng: &mut Rng, name: &str) -> Vec<u8> {
    let mut extensions = Vec::new();
    let host = [&[0][..], &counted(name.as_bytes())].concat();
    extension(&mut extensions, 0, &counted(&host));
    extension(&mut extensions, 10, &counted(&[0, 0x1d, 0, 0x17, 0, 0x18]));
    extension(&mut extensions, 13, &counted(&[4, 3, 8, 4, 4, 1, 5, 3, 8, 5, 5, 1]));
    extension(&mut extensions, 16, &counted(b"\x02h2\x08http/1.1"));
    extension(&mut extensions, 43, &[4, 3, 4, 3, 3]);
    extension(&mut extensions, 45, &[1, 1]);
    let share = [&[0, 0x1d][..], &counted(&rng.bytes(32))].concat();
    extension(&mut extensions, 51, &counted(&share));
    let mut body = LEGACY.to_vec();
    body.extend_from_slice(&rng.bytes(32));
    body.push(32);
    body.extend_from_slice(&rng.bytes(32));
    body.extend_from_slice(&counted(&[0x13, 1, 0x13, 2, 0x13, 3, 0xc0, 0x2b, 0xc0, 0x2f]));
    body.extend_from_slice(&[1, 0]);
    body.extend_from_slice(&counted(&extensions));
    record(HANDSHAKE, [3, 1], &handshake(1, &body))
}

/// The server's first flight: ServerHello, change of cipher, and a certificate nobody can read.
pub(crate) fn server_flight(rng: &mut Rng) -> Vec<u8> {
    let mut extensions = Vec::new();
    extension(&mut extensions, 43, &[3, 4]);
    let share = [&[0, 0x1d][..], &counted(&rng.bytes(32))].concat();
    extension(&mut extensions, 51, &share);
    let mut body = LEGACY.to_vec();
    body.extend_from_slice(&rng.bytes(32));
    body.push(32);
    body.extend_from_slice(&rng.bytes(32));
    body.extend_from_slice(&[0x13, 1, 0]);
    body.extend_from_slice(&counted(&extensions));
    let certificate = rng.bytes(3100);
    [record(HANDSHAKE, LEGACY, &handshake(2, &body)), change_cipher(), application_data(&certificate)].concat()
}

/// The client's last flight: change of cipher and Finished.
pub(crate) fn client_finished(rng: &mut Rng) -> Vec<u8> {
    [change_cipher(), application_data(&rng.bytes(53))].concat()
}

fn change_cipher() -> Vec<u8> {
    record(20, LEGACY, &[1])
}

/// A record of application data; `sealed` is at most 16,640 octets.
pub(crate) fn application_data(sealed: &[u8]) -> Vec<u8> {
    record(23, LEGACY, sealed)
}
