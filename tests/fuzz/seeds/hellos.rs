//! For `tls`: handshakes of TLS 1.2 and 1.3 in streams, and a hello in the datagrams of QUIC.

use spyhop_fuzz::exchanges::{Op, write};
use spyhop_fuzz::record;
use spyhop_model::Side::{Originator, Responder};

use crate::Seed;

pub fn seeds() -> Vec<Seed> {
    let hello = message(1, &client_hello());
    let (tls13, tls12) = (message(2, &server_hello(true)), message(2, &server_hello(false)));
    let chain = message(11, &list24(&list24(&certificate())));
    let done = message(14, &[]);
    let alert = [21, 3, 3, 0, 2, 2, 40];
    let change = [20, 3, 3, 0, 1, 1];
    let data = records(23, &[0xff; 40]);
    let c = |bytes: &[u8]| Op::Data(Originator, bytes.to_vec());
    let s = |bytes: &[u8]| Op::Data(Responder, bytes.to_vec());
    let full = records(22, &[tls12, chain, done].concat());
    let dialogues = [
        (
            "tls13",
            vec![
                c(&records(22, &hello)),
                s(&[records(22, &tls13), change.to_vec(), data.clone()].concat()),
                c(&change),
            ],
        ),
        ("tls12", vec![c(&records(22, &hello)), s(&full), c(&change)]),
        ("refused", vec![c(&records(22, &hello)), s(&alert)]),
        ("starttls", vec![s(b"220 hi\r\n"), c(b"STARTTLS\r\n"), s(b"220 go\r\n"), c(&records(22, &hello)), s(&full)]),
        ("gap", vec![c(&records(22, &hello)[..60]), Op::Gap(Originator, 30), c(&hello[80..]), s(&full)]),
        ("ssl2", vec![c(&[&[0x80, 31, 1, 3, 1, 0, 6, 0, 0, 0, 16, 0, 0, 5, 0, 0, 4][..], &[7; 16]].concat())]),
        ("late", vec![c(&data), s(&data)]),
        ("other", vec![c(b"GET / HTTP/1.1\r\n\r\n"), s(b"HTTP/1.1 200 OK\r\n\r\n")]),
    ];
    let mut seeds: Vec<Seed> = dialogues
        .into_iter()
        .flat_map(|(name, ops)| {
            let ops = write(&ops);
            [(2u8, ""), (2 | 4 | 7 << 3, "-searching")]
                .map(|(options, more)| (format!("{name}{more}"), [&[options][..], &ops].concat()))
        })
        .collect();
    let mut pieces = vec![1, 1, 1];
    for (offset, bytes) in [(100u16, &hello[100..]), (0, &hello[..120])] {
        pieces.extend_from_slice(&offset.to_le_bytes());
        record(&mut pieces, bytes);
    }
    seeds.push(("quic-pieces".to_owned(), pieces));
    let mut frames = vec![1, 0];
    let frame = [&[2, 0, 0, 0, 0, 6, 0, 0x40, hello.len() as u8][..], &hello].concat();
    record(&mut frames, &frame);
    seeds.push(("quic-frames".to_owned(), frames));
    let mut raw = vec![0, 0];
    record(&mut raw, &[0xc3, 0, 0, 0, 1, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0x44, 0x9e, 0, 0, 0, 0]);
    seeds.push(("quic-raw".to_owned(), raw));
    seeds
}

fn records(kind: u8, bytes: &[u8]) -> Vec<u8> {
    bytes.chunks(150).flat_map(|part| [&[kind, 3, 3][..], &list16(part)].concat()).collect()
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind][..], &list24(body)].concat()
}

fn list8(body: &[u8]) -> Vec<u8> {
    [&[body.len() as u8], body].concat()
}

fn list16(body: &[u8]) -> Vec<u8> {
    [&(body.len() as u16).to_be_bytes(), body].concat()
}

fn list24(body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32).to_be_bytes()[1..], body].concat()
}

fn extension(kind: u16, body: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &list16(body)].concat()
}

fn client_hello() -> Vec<u8> {
    let name = [&[0][..], &list16(b"a.example")].concat();
    let extensions = [
        extension(0x5a5a, &[]),
        extension(0, &list16(&name)),
        extension(10, &list16(&[0, 29])),
        extension(13, &list16(&[4, 3, 8, 4])),
        extension(16, &list16(&[list8(b"h2"), list8(b"http/1.1")].concat())),
        extension(43, &list8(&[3, 4, 3, 3])),
        extension(0xfe0d, &[0, 0, 1]),
    ];
    let ciphers = list16(&[0x2a, 0x2a, 0x13, 1, 0xc0, 0x2f]);
    [&[3, 3][..], &[7; 32], &list8(&[8; 32]), &ciphers, &[1, 0], &list16(&extensions.concat())].concat()
}

fn server_hello(new: bool) -> Vec<u8> {
    let extensions = if new { extension(43, &[3, 4]) } else { extension(16, &list16(&list8(b"h2"))) };
    [&[3, 3][..], &[6; 32], &list8(&[8; 32]), &[0x13, 1, 0], &list16(&extensions)].concat()
}

fn der(tag: u8, body: &[u8]) -> Vec<u8> {
    match body.len() {
        ..=0x7f => [&[tag, body.len() as u8], body].concat(),
        0x80..=0xff => [&[tag, 0x81, body.len() as u8], body].concat(),
        _ => [&[tag, 0x82][..], &(body.len() as u16).to_be_bytes(), body].concat(),
    }
}

fn certificate() -> Vec<u8> {
    let pair = |oid: &[u8], tag: u8, text: &[u8]| der(0x31, &der(0x30, &[der(6, oid), der(tag, text)].concat()));
    let subject =
        [pair(&[0x55, 4, 6], 0x13, b"DE"), pair(&[0x55, 4, 10], 0x14, b"\xe4"), pair(&[0x55, 4, 3], 0x0c, b"a")];
    let names = [der(0x82, b"a.example"), der(0x82, b"b.example")].concat();
    let alternatives = [der(6, &[0x55, 0x1d, 0x11]), der(4, &der(0x30, &names))].concat();
    let fields = [
        der(0xa0, &der(2, &[2])),
        der(2, &[1, 2, 3]),
        der(0x30, &der(6, &[0x2a])),
        der(0x30, &pair(&[0x55, 4, 3], 0x1e, &[0x5d, 0xe5])),
        der(0x30, &[]),
        der(0x30, &subject.concat()),
        der(0x30, &[]),
        der(0xa3, &der(0x30, &der(0x30, &alternatives))),
    ];
    der(0x30, &[der(0x30, &fields.concat()), der(0x30, &[]), der(3, &[0])].concat())
}
