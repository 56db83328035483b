//! The pcap format (draft-ietf-opsawg-pcap): both byte orders, micro- and nanoseconds, and Kuznetzov's variant with
//! longer record headers.
//!
//! ```text
//! file header:   magic 4 | version 2+2 | zone 4 | accuracy 4 | snap length 4 | FCS length and link type 4
//! record header: seconds 4 | micro- or nanoseconds 4 | captured length 4 | length on the wire 4 | (variant: 8 more)
//! ```

use spyhop_model::Timestamp;
use spyhop_stream::LinkType;

use crate::error::{CaptureError, Fault};
use crate::format::{FileName, Record, Shared, Step, cut_off, finish, u32_at};
use crate::input::Input;

const FILE_HEADER: usize = 24;

/// A pcap file after its header.
pub(crate) struct PcapFile {
    big_endian: bool,
    /// Nanoseconds in a unit of the second half of a time stamp.
    unit: u64,
    record_header: usize,
    link: LinkType,
    port: u16,
}

/// Byte order, nanoseconds a unit, octets in a record header.
fn variant(magic: u32) -> Option<(bool, u64, usize)> {
    Some(match magic {
        0xa1b2_c3d4 => (false, 1000, 16),
        0xa1b2_3c4d => (false, 1, 16),
        0xa1b2_cd34 => (false, 1000, 24),
        0xd4c3_b2a1 => (true, 1000, 16),
        0x4d3c_b2a1 => (true, 1, 16),
        0x34cd_b2a1 => (true, 1000, 24),
        _ => return None,
    })
}

impl PcapFile {
    /// Whether a file that begins so is a pcap.
    pub(crate) fn begins(bytes: &[u8]) -> bool {
        variant(u32_at(bytes, 0, false)).is_some()
    }

    /// Reads the file header.
    pub(crate) fn open(file: &FileName, input: &mut Input, shared: &mut Shared) -> Result<Self, CaptureError> {
        let bad = |what| CaptureError::BadHeader { path: file.path.to_path_buf(), offset: 0, what };
        if !input.need(&mut shared.slabs, FILE_HEADER) {
            return Err(bad("it ends within the file header"));
        }
        let bytes = input.available(&shared.slabs);
        let header = bytes.first_chunk::<FILE_HEADER>().ok_or(bad("it ends within the file header"))?;
        let (big_endian, unit, record_header) = variant(u32_at(header, 0, false)).ok_or(bad("unknown magic number"))?;
        // The crate does not know the big-endian variant; its file header is that of a plain file.
        let mut plain = *header;
        plain[..4].copy_from_slice(&if big_endian { 0xd4c3_b2a1u32 } else { 0xa1b2_c3d4 }.to_le_bytes());
        let (_, header) = pcap_parser::pcap::parse_pcap_header(&plain).map_err(|_| bad("unknown file header"))?;
        if header.version_major != 2 {
            return Err(bad("a version other than 2"));
        }
        // The upper half tells whether frames end in a check sequence.
        let link = LinkType(header.network.0 as u16);
        input.advance(FILE_HEADER);
        let (port, _) = shared.ports.add(None, 0, link);
        Ok(Self { big_endian, unit, record_header, link, port })
    }

    /// Reads one record.
    #[inline]
    pub(crate) fn next(&mut self, input: &mut Input, shared: &mut Shared) -> Step {
        let offset = input.offset();
        if !input.need(&mut shared.slabs, self.record_header) {
            return if input.at_end(&mut shared.slabs) { finish(input, offset) } else { cut_off(input, offset) };
        }
        let header = input.available(&shared.slabs);
        let [seconds, fraction, captured, wire_len] = [0, 4, 8, 12].map(|at| u32_at(header, at, self.big_endian));
        if captured > shared.max_packet {
            return Step::Stop(offset, Fault::TooLong { claimed: captured.into(), limit: shared.max_packet });
        }
        let len = captured as usize;
        if !input.need(&mut shared.slabs, self.record_header + len) {
            return cut_off(input, offset);
        }
        let range = input.range(self.record_header, len);
        input.advance(self.record_header + len);
        Step::Packet(Record {
            at: Timestamp::from_parts(seconds.into(), u64::from(fraction) * self.unit),
            range,
            wire_len: wire_len.max(captured),
            link: self.link,
            port: self.port,
            untimed: false,
            dropped: 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::sample::{Pcap, Read, read};

    const MAGICS: [(bool, u32, u64, bool); 6] = [
        (false, 0xa1b2_c3d4, 1000, false),
        (false, 0xa1b2_3c4d, 1, false),
        (false, 0xa1b2_cd34, 1000, true),
        (true, 0xa1b2_c3d4, 1000, false),
        (true, 0xa1b2_3c4d, 1, false),
        (true, 0xa1b2_cd34, 1000, true),
    ];

    #[test]
    fn every_variant_reads_the_same() {
        for (big_endian, magic, unit, long) in MAGICS {
            let mut pcap = Pcap::with(big_endian, magic, long, 113);
            pcap.packet(5, 7, b"one", 3).packet(6, 999_999, b"", 0).packet(7, 0, b"cut", 90);
            let Read { packets, defects, .. } = read(&pcap.bytes);
            assert!(defects.is_empty(), "{defects:?}");
            let seen: Vec<_> = packets.iter().map(|p| (p.at, &p.data[..], p.wire_len, p.link)).collect();
            assert_eq!(
                seen,
                [
                    (5_000_000_000 + 7 * unit, &b"one"[..], 3, 113),
                    (6_000_000_000 + 999_999 * unit, b"", 0, 113),
                    (7_000_000_000, b"cut", 90, 113),
                ]
            );
        }
    }

    #[test]
    fn a_frame_check_sequence_in_the_link_type_field_is_not_part_of_it() {
        let mut pcap = Pcap::with(false, 0xa1b2_c3d4, false, 0x5000_0001);
        assert_eq!(read(&pcap.packet(1, 0, b"x", 1).bytes).packets[0].link, 1);
    }

    #[test]
    fn a_wire_length_below_the_captured_one_is_not_believed() {
        assert_eq!(read(&Pcap::new().packet(1, 0, b"four", 0).bytes).packets[0].wire_len, 4);
    }

    #[test]
    fn cut_anywhere_the_good_packets_come_and_the_offset_is_told() {
        let mut pcap = Pcap::new();
        pcap.packet(1, 0, b"first", 5);
        let second = pcap.bytes.len();
        pcap.packet(2, 0, b"second", 6);
        for cut in second + 1..pcap.bytes.len() {
            let Read { packets, defects, .. } = read(&pcap.bytes[..cut]);
            assert_eq!(packets.len(), 1);
            assert_eq!(defects, [("truncated", second as u64, 1)]);
        }
        assert!(read(&pcap.bytes[..second]).defects.is_empty());
    }

    #[test]
    fn an_impossible_length_stops_without_being_allocated() {
        let mut pcap = Pcap::new();
        pcap.packet(1, 0, b"first", 5);
        let at = pcap.bytes.len();
        pcap.packet(2, 0, b"second", 6);
        pcap.bytes[at + 8..at + 12].copy_from_slice(&u32::MAX.to_le_bytes());
        let Read { packets, defects, peak, .. } = read(&pcap.bytes);
        assert_eq!((packets.len(), &defects[..]), (1, &[("too_long", at as u64, 1)][..]));
        assert!(peak < 4 << 20, "{peak}");
    }
}
