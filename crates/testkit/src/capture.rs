//! Frames to files: classic pcap in micro- or nanoseconds, pcapng with several interfaces, and gz of both.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::frame::{Frame, Link};
use crate::wire::Conversation;

/// Octets kept of a packet, as the file headers state them.
const SNAPLEN: u32 = 262_144;

/// Units of a capture file's clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// Microseconds; finer time is cut off.
    Micro,
    /// Nanoseconds.
    #[default]
    Nano,
}

impl Precision {
    /// Nanoseconds in a unit.
    fn unit(self) -> u64 {
        match self {
            Precision::Micro => 1_000,
            Precision::Nano => 1,
        }
    }
}

/// Writes a classic pcap frame by frame, little-endian.
#[derive(Debug)]
pub struct PcapWriter<W> {
    out: W,
    link: Link,
    precision: Precision,
}

impl<W: Write> PcapWriter<W> {
    /// Writes the file header.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn new(mut out: W, link: Link, precision: Precision) -> io::Result<Self> {
        let magic: u32 = match precision {
            Precision::Micro => 0xa1b2_c3d4,
            Precision::Nano => 0xa1b2_3c4d,
        };
        out.write_all(&magic.to_le_bytes())?;
        // Version 2.4, no zone offset, no accuracy.
        out.write_all(&[2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0])?;
        out.write_all(&SNAPLEN.to_le_bytes())?;
        out.write_all(&u32::from(link.number()).to_le_bytes())?;
        Ok(PcapWriter { out, link, precision })
    }

    /// Writes one packet.
    ///
    /// # Errors
    /// Those of the output, and a frame of another link type than the file's.
    pub fn write(&mut self, frame: &Frame) -> io::Result<()> {
        if frame.link != self.link {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a classic pcap has one link type; use pcapng"));
        }
        let mut header = [0; 16];
        header[..4].copy_from_slice(&(frame.at.seconds() as u32).to_le_bytes());
        let fraction = frame.at.0 % 1_000_000_000 / self.precision.unit();
        header[4..8].copy_from_slice(&(fraction as u32).to_le_bytes());
        header[8..12].copy_from_slice(&(frame.bytes.len() as u32).to_le_bytes());
        header[12..].copy_from_slice(&frame.wire_len.to_le_bytes());
        self.out.write_all(&header)?;
        self.out.write_all(&frame.bytes)
    }

    /// Flushes and returns the output.
    ///
    /// # Errors
    /// Those of the output.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }
}

/// The frames of many conversations, in file order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capture {
    /// The frames as the file will hold them.
    pub frames: Vec<Frame>,
}

impl Capture {
    /// No frames yet.
    pub fn new() -> Self {
        Capture::default()
    }

    /// The frames of `conversations`, in order of time; ties stay in the order given.
    pub fn of(conversations: impl IntoIterator<Item = Conversation>) -> Self {
        let mut capture = Capture { frames: conversations.into_iter().flat_map(Conversation::frames).collect() };
        capture.sort();
        capture
    }

    /// Adds frames at the end; [`Capture::sort`] puts them in their places.
    pub fn add(&mut self, frames: impl IntoIterator<Item = Frame>) {
        self.frames.extend(frames);
    }

    /// Orders the frames by time; ties keep their order.
    pub fn sort(&mut self) {
        self.frames.sort_by_key(|frame| frame.at);
    }

    /// The payload octets of all frames that can be read.
    pub fn payload(&self) -> u64 {
        self.frames.iter().filter_map(Frame::dissect).map(|(packet, _)| packet.payload.len() as u64).sum()
    }

    /// Cuts the capture into `files` of about the same number of frames, as a rotating writer does.
    pub fn rotate(&self, files: usize) -> Vec<Capture> {
        let each = self.frames.len().div_ceil(files.max(1)).max(1);
        self.frames.chunks(each).map(|frames| Capture { frames: frames.to_vec() }).collect()
    }

    /// Deals the frames out to the files of `ports` sensor ports by connection and direction, as mirror ports would
    /// see them: of two ports each sees one direction of a connection. Each file stays in its order.
    pub fn spread(&self, ports: usize) -> Vec<Capture> {
        let mut out = vec![Capture::new(); ports.max(1)];
        for frame in &self.frames {
            let key = frame.dissect().map_or(0, |(packet, _)| {
                let connection = usize::from(packet.src.port()) + usize::from(packet.dst.port());
                2 * connection + usize::from(packet.src < packet.dst)
            });
            let port = key % out.len();
            out[port].frames.push(frame.clone());
        }
        out
    }

    /// A classic pcap of the frames, which must all have the first one's link type.
    ///
    /// # Errors
    /// Frames of several link types.
    pub fn pcap(&self, precision: Precision) -> io::Result<Vec<u8>> {
        let link = self.frames.first().map_or(Link::Ethernet, |frame| frame.link);
        let octets: usize = self.frames.iter().map(|frame| 16 + frame.bytes.len()).sum();
        let mut writer = PcapWriter::new(Vec::with_capacity(24 + octets), link, precision)?;
        for frame in &self.frames {
            writer.write(frame)?;
        }
        writer.finish()
    }

    /// A pcapng of the frames: an interface for each pair of port and link type, in order of appearance.
    /// Interface 0 counts in `precision`, the others in nanoseconds.
    pub fn pcapng(&self, precision: Precision) -> Vec<u8> {
        let mut out = Vec::new();
        // Section header: byte order, version 1.0, length unknown (draft-ietf-opsawg-pcapng, 4.1).
        let mut section = 0x1a2b_3c4du32.to_le_bytes().to_vec();
        section.extend_from_slice(&[1, 0, 0, 0]);
        section.extend_from_slice(&u64::MAX.to_le_bytes());
        block(&mut out, 0x0a0d_0d0a, &section);
        let mut interfaces: Vec<(u16, Link)> = Vec::new();
        for frame in &self.frames {
            let key = (frame.port, frame.link);
            let number = interfaces.iter().position(|known| *known == key).unwrap_or_else(|| {
                let clock = if interfaces.is_empty() { precision } else { Precision::Nano };
                interface(&mut out, key, clock);
                interfaces.push(key);
                interfaces.len() - 1
            });
            let ticks = frame.at.0 / if number == 0 { precision.unit() } else { 1 };
            let mut body = (number as u32).to_le_bytes().to_vec();
            body.extend_from_slice(&((ticks >> 32) as u32).to_le_bytes());
            body.extend_from_slice(&(ticks as u32).to_le_bytes());
            body.extend_from_slice(&(frame.bytes.len() as u32).to_le_bytes());
            body.extend_from_slice(&frame.wire_len.to_le_bytes());
            body.extend_from_slice(&frame.bytes);
            block(&mut out, 6, &body);
        }
        out
    }
}

/// An interface description block with name and clock (draft-ietf-opsawg-pcapng, 4.2).
fn interface(out: &mut Vec<u8>, (port, link): (u16, Link), precision: Precision) {
    let mut body = link.number().to_le_bytes().to_vec();
    body.extend_from_slice(&[0, 0]);
    body.extend_from_slice(&SNAPLEN.to_le_bytes());
    let name = format!("port{port}");
    let mut option = |code: u16, value: &[u8]| {
        body.extend_from_slice(&code.to_le_bytes());
        body.extend_from_slice(&(value.len() as u16).to_le_bytes());
        body.extend_from_slice(value);
        body.resize(body.len().next_multiple_of(4), 0);
    };
    option(2, name.as_bytes());
    option(9, &[if precision == Precision::Micro { 6 } else { 9 }]);
    option(0, &[]);
    block(out, 1, &body);
}

/// A pcapng block: type, length, body padded to 32 bits, length.
fn block(out: &mut Vec<u8>, kind: u32, body: &[u8]) {
    let padded = body.len().next_multiple_of(4);
    let len = (padded as u32 + 12).to_le_bytes();
    out.extend_from_slice(&kind.to_le_bytes());
    out.extend_from_slice(&len);
    out.extend_from_slice(body);
    out.resize(out.len() + padded - body.len(), 0);
    out.extend_from_slice(&len);
}

/// A gzip file of `bytes`.
pub fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory takes every write")
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use spyhop_model::{Span, Timestamp};

    use super::*;

    fn talk(client: &str, at: u64) -> Conversation {
        Conversation::new(client, "10.0.0.1:80").at(Timestamp(at)).client("hello").server("world").close()
    }

    #[test]
    fn a_pcap_begins_as_its_format_says() {
        let capture = Capture::of([talk("10.0.0.8:1", 5_000_001_234)]);
        let nano = capture.pcap(Precision::Nano).expect("one link type");
        assert_eq!(nano[..8], [0x4d, 0x3c, 0xb2, 0xa1, 2, 0, 4, 0]);
        assert_eq!(nano[16..24], [0, 0, 4, 0, 1, 0, 0, 0]);
        assert_eq!(nano[24..32], [5, 0, 0, 0, 0xd2, 4, 0, 0], "5 s and 1,234 ns");
        let first = capture.frames[0].bytes.len();
        assert_eq!(nano[32..40], [first as u8, 0, 0, 0, first as u8, 0, 0, 0]);
        assert_eq!(nano[40..40 + first], capture.frames[0].bytes);
        let micro = capture.pcap(Precision::Micro).expect("one link type");
        assert_eq!((&micro[..4], &micro[28..32]), (&[0xd4, 0xc3, 0xb2, 0xa1][..], &[1, 0, 0, 0][..]));
    }

    #[test]
    fn conversations_interleave_by_time_and_ties_keep_their_order() {
        let capture = Capture::of([talk("10.0.0.8:1", 1_000), talk("10.0.0.9:2", 1_000)]);
        assert!(capture.frames.is_sorted_by_key(|frame| frame.at));
        let ports: Vec<u16> = capture.frames.iter().filter_map(Frame::dissect).map(|(p, _)| p.src.port()).collect();
        assert_eq!(ports[..6], [1, 2, 80, 80, 1, 2]);
        assert_eq!(capture.payload(), 20);
        let files = capture.rotate(3);
        assert_eq!(files.iter().flat_map(|file| file.frames.clone()).collect::<Vec<_>>(), capture.frames);
        let (mut merged, ports) = (Capture::new(), capture.spread(2));
        let senders = |file: &Capture| -> std::collections::BTreeSet<bool> {
            file.frames.iter().filter_map(Frame::dissect).map(|(packet, _)| packet.src.port() == 80).collect()
        };
        assert!(ports.iter().all(|file| senders(file).len() == 1), "one direction each");
        ports.into_iter().for_each(|file| merged.add(file.frames));
        merged.sort();
        assert_eq!((merged.frames.len(), merged.payload()), (capture.frames.len(), 20));
    }

    #[test]
    fn pcapng_describes_each_interface_before_its_first_packet() {
        let capture = Capture::of([
            talk("10.0.0.8:1", 1_000),
            talk("10.0.0.9:2", 2_000).link(Link::Raw).port(1).pause(Span::millis(1)),
        ]);
        assert!(capture.pcap(Precision::Nano).is_ok(), "options after the first packet do not change the link");
        let raw = Conversation::new("10.0.0.9:2", "10.0.0.1:80").link(Link::Raw).port(1).client("x");
        let capture = Capture::of([talk("10.0.0.8:1", 1_000), raw]);
        assert!(capture.pcap(Precision::Nano).is_err());
        let file = capture.pcapng(Precision::Micro);
        let (mut at, mut kinds) = (0, Vec::new());
        while at < file.len() {
            let word = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().expect("four octets"));
            kinds.push(word(at));
            let len = word(at + 4) as usize;
            assert_eq!(word(at + len - 4) as usize, len);
            at += len;
        }
        assert_eq!(kinds.iter().filter(|kind| **kind == 1).count(), 2);
        assert_eq!(kinds.iter().filter(|kind| **kind == 6).count(), capture.frames.len());
        assert_eq!(kinds[..3], [0x0a0d_0d0a, 1, 6]);
        let mut unpacked = Vec::new();
        flate2::read::GzDecoder::new(&gz(&file)[..]).read_to_end(&mut unpacked).expect("a gzip file");
        assert_eq!(unpacked, file);
    }
}
