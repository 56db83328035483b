//! Handshakes of TLS over TCP, and datagrams of QUIC with Initial packets that can be opened.
//!
//! Holds: cutting the two streams anywhere gives the same handshake; once a reader is done, nothing that comes changes
//! what it read, and nothing is held; what is held before is bounded. Of QUIC, the hello is the one that the CRYPTO frames
//! carry, first arrival first, as a model puts them together.

#![no_main]

use libfuzzer_sys::fuzz_target;
use spyhop_fuzz::exchanges::{Cut, Op, read};
use spyhop_fuzz::quic::Sealer;
use spyhop_fuzz::{Input, memory};
use spyhop_model::Side;
use spyhop_tls::{ClientHello, Handshake, Reader, State, Transport, limits, quic};

fuzz_target!(|data: &[u8]| {
    let ((), peak) = memory::peak(|| {
        let mut input = Input::new(data);
        let options = input.byte();
        match options & 3 {
            0 => datagrams(&mut input),
            1 => sealed(&mut input),
            _ => streams(options, &mut input),
        }
    });
    // Two readers' messages, growing by doubling, what hellos keep, and the operations.
    assert!(peak <= 6 * limits::MESSAGE + 40 * data.len() + (64 << 10), "{peak} octets allocated");
});

fn streams(options: u8, input: &mut Input<'_>) {
    let reader = if options & 4 != 0 { Reader::searching } else { Reader::new };
    let cut = Cut::of(options >> 3);
    let ops = read(input);
    assert_eq!(play(reader(), &ops, Cut::Whole), play(reader(), &ops, cut), "{cut:?}");
}

fn play(mut reader: Reader, ops: &[Op], mut cut: Cut) -> (State, Handshake) {
    let mut done: Option<(State, Handshake)> = None;
    for op in ops {
        match op {
            Op::Data(side, bytes) => {
                let mut rest = bytes.as_slice();
                while !rest.is_empty() {
                    let (some, behind) = rest.split_at(cut.next(rest.len()));
                    rest = behind;
                    let state = reader.data(*side, some);
                    assert_eq!(state, reader.state());
                }
            }
            Op::Gap(side, _) => {
                reader.gap(*side);
            }
            Op::Finished(_) | Op::Conflict => {}
        }
        assert!(reader.held() <= 2 * (limits::MESSAGE + 64), "{} octets held", reader.held());
        if let Some(done) = &done {
            assert_eq!((done.0, &done.1), (reader.state(), reader.handshake()));
        } else if reader.state() != State::Reading {
            assert_eq!(reader.held(), 0);
            done = Some((reader.state(), reader.handshake().clone()));
        }
    }
    (reader.state(), reader.into_handshake())
}

/// Anything as datagrams.
fn datagrams(input: &mut Input<'_>) {
    let mut reader = quic::Reader::new();
    while !input.is_empty() {
        let side = if input.byte() & 1 == 0 { Side::Originator } else { Side::Responder };
        // Smaller ones are not looked at.
        let mut datagram = input.record().to_vec();
        datagram.resize(datagram.len().max(1200), 0);
        quic::is_client_initial(&datagram);
        give(&mut reader, side, &datagram);
    }
}

/// Anything as frames.
fn sealed(input: &mut Input<'_>) {
    let mut reader = quic::Reader::new();
    let mut sealer = Sealer::default();
    let mut model = Crypto::default();
    for _ in 0..limits::DATAGRAMS {
        if input.is_empty() {
            break;
        }
        let structured = input.byte() & 3 != 0;
        let mut frames = Vec::new();
        if structured {
            // Pieces of a hello, which every other record goes on with.
            for _ in 0..1 + input.byte() % 4 {
                let offset = u32::from(input.short() % 2048);
                let data = input.record();
                frames.push(6);
                frames.extend_from_slice(&(0x8000_0000 | offset).to_be_bytes());
                frames.extend_from_slice(&(0x4000 | data.len() as u16 & 0x3fff).to_be_bytes());
                frames.extend_from_slice(&data[..data.len().min(0x3fff)]);
                if frames.len() <= 1100 {
                    model.insert(offset as usize, data);
                } else {
                    model.torn = true;
                }
            }
        } else {
            frames.extend_from_slice(input.record());
            model.torn = true;
        }
        let datagram = sealer.seal(&frames);
        assert!(quic::is_client_initial(&datagram));
        give(&mut reader, Side::Responder, &datagram);
        assert!(model.torn || reader.client() == Some(Side::Responder));
        if !model.torn && reader.state() == State::Complete {
            let body = model.hello().expect("the model has what the reader has");
            assert_eq!(reader.hello(), ClientHello::read(&body, Transport::Quic).as_ref());
            break;
        }
        assert!(model.torn || reader.state() != State::Reading || model.hello().is_none());
    }
}

fn give(reader: &mut quic::Reader, side: Side, datagram: &[u8]) {
    let before = (reader.state(), reader.hello().cloned());
    let state = reader.data(side, datagram);
    assert_eq!(state, reader.state());
    // Growing by doubling.
    assert!(reader.held() <= 2 * limits::CRYPTO, "{} octets held", reader.held());
    if before.0 != State::Reading {
        assert_eq!(before, (reader.state(), reader.hello().cloned()));
    }
    if state != State::Reading {
        assert_eq!(reader.held(), 0);
    }
    assert_eq!(state == State::Complete, reader.hello().is_some());
}

/// CRYPTO data, octet by octet.
#[derive(Default)]
struct Crypto {
    octets: Vec<Option<u8>>,
    /// Frames were given that are not followed here.
    torn: bool,
}

impl Crypto {
    fn insert(&mut self, offset: usize, data: &[u8]) {
        let len = self.octets.len().max(offset + data.len());
        self.octets.resize(len, None);
        for (octet, new) in self.octets[offset..].iter_mut().zip(data) {
            octet.get_or_insert(*new);
        }
    }

    /// The body of the message, if it is whole.
    fn hello(&self) -> Option<Vec<u8>> {
        let whole: Vec<u8> = self.octets.iter().map_while(|octet| *octet).collect();
        let [1, a, b, c, body @ ..] = whole.as_slice() else { return None };
        let length = usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c);
        body.get(..length).map(<[u8]>::to_vec)
    }
}
