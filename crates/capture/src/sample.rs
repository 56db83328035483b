//! For tests: capture files made octet by octet, and what a replay makes of them.

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::replay::{Replay, ReplayOptions};
use crate::source::Accounts;

/// A packet as delivered, copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) at: u64,
    pub(crate) data: Vec<u8>,
    pub(crate) wire_len: u32,
    pub(crate) link: u16,
    pub(crate) port: u16,
}

/// All that a replay gave.
pub(crate) struct Read {
    pub(crate) packets: Vec<Seen>,
    /// Kind, offset, count.
    pub(crate) defects: Vec<(&'static str, u64, u64)>,
    pub(crate) ports: Vec<(String, u16)>,
    pub(crate) accounts: Accounts,
    /// Octets of slabs in use, at most.
    pub(crate) peak: usize,
}

/// Replays to the end.
pub(crate) fn drain(replay: &mut Replay) -> Read {
    let (mut packets, mut peak) = (Vec::new(), 0);
    while let Some(packet) = replay.next() {
        packets.push(Seen {
            at: packet.at.0,
            data: packet.data.to_vec(),
            wire_len: packet.wire_len,
            link: packet.link.0,
            port: packet.interface,
        });
        peak = peak.max(replay.slabs_in_use());
    }
    let defects = replay.defects().iter().map(|defect| (defect.fault.name(), defect.offset, defect.count)).collect();
    let ports = replay.ports().iter().map(|port| (port.name.to_string(), port.link.0)).collect();
    let accounts = replay.accounts();
    assert_eq!(accounts.packets, packets.len() as u64);
    assert_eq!(replay.read_bytes(), replay.total_bytes());
    Read { packets, defects, ports, accounts, peak }
}

/// Replays one file of these octets.
pub(crate) fn read(bytes: &[u8]) -> Read {
    let dir = tempfile::tempdir().unwrap();
    let path = write(dir.path(), "x", bytes);
    drain(&mut Replay::open(&[path], ReplayOptions::default()).unwrap())
}

/// Writes a file.
pub(crate) fn write(dir: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = dir.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

/// Compresses.
pub(crate) fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn octets(big_endian: bool, value: u32) -> [u8; 4] {
    if big_endian { value.to_be_bytes() } else { value.to_le_bytes() }
}

fn octets2(big_endian: bool, value: u16) -> [u8; 2] {
    if big_endian { value.to_be_bytes() } else { value.to_le_bytes() }
}

/// A pcap file.
pub(crate) struct Pcap {
    pub(crate) bytes: Vec<u8>,
    big_endian: bool,
    long: bool,
}

impl Pcap {
    /// Little-endian, microseconds, Ethernet.
    pub(crate) fn new() -> Self {
        Self::with(false, 0xa1b2_c3d4, false, 1)
    }

    /// `long` record headers are those of Kuznetzov's variant.
    pub(crate) fn with(big_endian: bool, magic: u32, long: bool, network: u32) -> Self {
        let mut bytes = octets(big_endian, magic).to_vec();
        bytes.extend(octets2(big_endian, 2));
        bytes.extend(octets2(big_endian, 4));
        for value in [0, 0, 262_144, network] {
            bytes.extend(octets(big_endian, value));
        }
        Self { bytes, big_endian, long }
    }

    pub(crate) fn packet(&mut self, seconds: u32, fraction: u32, data: &[u8], wire_len: u32) -> &mut Self {
        for value in [seconds, fraction, data.len() as u32, wire_len] {
            self.bytes.extend(octets(self.big_endian, value));
        }
        if self.long {
            self.bytes.extend([0xee; 8]);
        }
        self.bytes.extend(data);
        self
    }
}

/// A pcapng section.
pub(crate) struct Pcapng {
    pub(crate) bytes: Vec<u8>,
    /// Snap length of the interfaces described next.
    pub(crate) snap_len: u32,
    big_endian: bool,
}

impl Pcapng {
    pub(crate) fn new(big_endian: bool) -> Self {
        let mut section = Self { bytes: Vec::new(), snap_len: 0, big_endian };
        let mut body = octets(big_endian, 0x1a2b_3c4d).to_vec();
        body.extend(octets2(big_endian, 1));
        body.extend(octets2(big_endian, 0));
        body.extend([0xff; 8]);
        section.block(0x0a0d_0d0a, &body);
        section
    }

    pub(crate) fn block(&mut self, kind: u32, body: &[u8]) -> &mut Self {
        let padded = body.len().next_multiple_of(4);
        let len = octets(self.big_endian, padded as u32 + 12);
        self.bytes.extend(octets(self.big_endian, kind));
        self.bytes.extend(len);
        self.bytes.extend(body);
        self.bytes.resize(self.bytes.len() + padded - body.len(), 0);
        self.bytes.extend(len);
        self
    }

    pub(crate) fn interface(
        &mut self,
        link: u16,
        name: Option<&str>,
        resolution: Option<u8>,
        offset: Option<i64>,
    ) -> &mut Self {
        let big_endian = self.big_endian;
        let mut body = octets2(big_endian, link).to_vec();
        body.extend([0; 2]);
        body.extend(octets(big_endian, self.snap_len));
        let offset = offset.map(|offset| if big_endian { offset.to_be_bytes() } else { offset.to_le_bytes() });
        let options = [
            (2, name.map(|name| name.as_bytes().to_vec())),
            (9, resolution.map(|resolution| vec![resolution])),
            (14, offset.map(|offset| offset.to_vec())),
            (0, Some(Vec::new())),
        ];
        for (code, value) in options {
            let Some(value) = value else { continue };
            body.extend(octets2(big_endian, code));
            body.extend(octets2(big_endian, value.len() as u16));
            body.extend(&value);
            body.resize(body.len().next_multiple_of(4), 0);
        }
        self.block(1, &body)
    }

    pub(crate) fn packet(&mut self, interface: u32, units: u64, data: &[u8], wire_len: u32) -> &mut Self {
        let fields = [interface, (units >> 32) as u32, units as u32, data.len() as u32, wire_len];
        let mut body: Vec<u8> = fields.into_iter().flat_map(|value| octets(self.big_endian, value)).collect();
        body.extend(data);
        self.block(6, &body)
    }

    pub(crate) fn old_packet(&mut self, interface: u16, units: u64, data: &[u8], wire_len: u32) -> &mut Self {
        let mut body = octets2(self.big_endian, interface).to_vec();
        body.extend([0xff; 2]);
        for value in [(units >> 32) as u32, units as u32, data.len() as u32, wire_len] {
            body.extend(octets(self.big_endian, value));
        }
        body.extend(data);
        self.block(2, &body)
    }

    pub(crate) fn simple_packet(&mut self, data: &[u8], wire_len: u32) -> &mut Self {
        let mut body = octets(self.big_endian, wire_len).to_vec();
        body.extend(data);
        self.block(3, &body)
    }
}
