//! The pcapng format (draft-ietf-opsawg-pcapng): sections of either byte order, interfaces with their own link types
//! and clocks.
//!
//! ```text
//! any block:       type 4 | length 4 | body, padded to 4 | length 4
//! enhanced packet: interface 4     | time 4+4 | captured length 4 | length on the wire 4 | packet, padded | options
//! old packet:      interface 2+2   | the same
//! simple packet:   length on the wire 4 | packet, padded
//! ```
//!
//! Blocks that only describe are parsed by `pcap-parser`. Packets are cut out here: the crate's parser collects a
//! packet's options in a vector, and reads no old packet blocks.

use pcap_parser::pcapng::{
    InterfaceDescriptionBlock, parse_interfacedescriptionblock_be, parse_interfacedescriptionblock_le,
    parse_sectionheaderblock,
};
use spyhop_model::Timestamp;
use spyhop_stream::LinkType;

use crate::error::{CaptureError, Fault};
use crate::format::{FileName, Record, Shared, Step, cut_off, finish, u32_at};
use crate::input::Input;
use crate::ports::Losses;

/// The type of a section header block; the same in both byte orders.
pub(crate) const SECTION_HEADER: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];
const INTERFACE_DESCRIPTION: u32 = 1;
const OLD_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const STATISTICS: u32 = 5;
const ENHANCED_PACKET: u32 = 6;

/// Octets of a block beyond the packet in it that are accepted.
const OPTIONS: u32 = 64 << 10;
/// Interfaces that one section may describe.
const INTERFACES: usize = 1 << 16;
/// Octets of an interface's name that are kept.
const NAME: usize = 128;
/// Octets before the packet in an enhanced or old packet block, and after it.
const PACKET_HEAD: u32 = 28;
const TRAILER: u32 = 4;

const IF_NAME: u16 = 2;
const IF_TSRESOL: u16 = 9;
const IF_TSOFFSET: u16 = 14;
const EPB_DROPCOUNT: u16 = 4;
const ISB_STARTTIME: u16 = 2;
const ISB_IFDROP: u16 = 5;
const ISB_OSDROP: u16 = 7;

/// A pcapng file after its first section header.
pub(crate) struct PcapngFile {
    big_endian: bool,
    interfaces: Vec<Interface>,
    /// Time of the last packet, for those without.
    last: Timestamp,
}

#[derive(Clone, Copy)]
struct Interface {
    link: LinkType,
    port: u16,
    snap_len: u32,
    clock: Clock,
}

/// How an interface counts time.
#[derive(Clone, Copy)]
struct Clock {
    scale: Scale,
    /// Seconds to add.
    offset: i64,
}

/// From units to nanoseconds.
#[derive(Clone, Copy)]
enum Scale {
    Times(u64),
    Over(u64),
    /// Units of 2^-n seconds.
    Binary(u32),
}

impl Clock {
    /// From the options if_tsresol and if_tsoffset (section 4.2).
    fn new(resolution: u8, offset: i64) -> Self {
        let exponent = u32::from(resolution & 0x7f);
        let scale = match (resolution & 0x80 != 0, exponent) {
            (true, _) => Scale::Binary(exponent),
            (false, 0..=9) => Scale::Times(10u64.pow(9 - exponent)),
            (false, _) => Scale::Over(10u64.checked_pow(exponent - 9).unwrap_or(u64::MAX)),
        };
        Self { scale, offset }
    }

    fn time(self, units: u64) -> Timestamp {
        let nanos = match self.scale {
            Scale::Times(factor) => units.saturating_mul(factor),
            Scale::Over(divisor) => units / divisor.max(1),
            Scale::Binary(exponent) => {
                let nanos = (u128::from(units) * 1_000_000_000).checked_shr(exponent).unwrap_or(0);
                u64::try_from(nanos).unwrap_or(u64::MAX)
            }
        };
        let offset = self.offset.unsigned_abs().saturating_mul(1_000_000_000);
        Timestamp(if self.offset < 0 { nanos.saturating_sub(offset) } else { nanos.saturating_add(offset) })
    }
}

impl PcapngFile {
    /// Reads the first section header.
    pub(crate) fn open(file: &FileName, input: &mut Input, shared: &mut Shared) -> Result<Self, CaptureError> {
        let mut pcapng = Self { big_endian: false, interfaces: Vec::new(), last: Timestamp(0) };
        let path = || file.path.to_path_buf();
        match pcapng.section(input, shared) {
            Ok(()) => Ok(pcapng),
            Err(Step::Stop(_, Fault::Unreadable { reason })) => {
                Err(CaptureError::Unreadable { path: path(), source: std::io::Error::other(reason) })
            }
            Err(Step::Stop(offset, Fault::BadBlock { what })) => {
                Err(CaptureError::BadHeader { path: path(), offset, what })
            }
            Err(_) => {
                Err(CaptureError::BadHeader { path: path(), offset: 0, what: "it ends within the section header" })
            }
        }
    }

    /// Reads on to the next packet.
    pub(crate) fn next(&mut self, input: &mut Input, shared: &mut Shared) -> Step {
        loop {
            let offset = input.offset();
            if !input.need(&mut shared.slabs, 8) {
                return if input.at_end(&mut shared.slabs) { finish(input, offset) } else { cut_off(input, offset) };
            }
            let head = input.available(&shared.slabs);
            if head.starts_with(&SECTION_HEADER) {
                match self.section(input, shared) {
                    Ok(()) => continue,
                    Err(step) => return step,
                }
            }
            let kind = u32_at(head, 0, self.big_endian);
            let len = u32_at(head, 4, self.big_endian);
            if len < 12 || !len.is_multiple_of(4) {
                return Step::Stop(offset, Fault::BadBlock { what: "a block's length is impossible" });
            }
            let read =
                matches!(kind, INTERFACE_DESCRIPTION | OLD_PACKET | SIMPLE_PACKET | STATISTICS | ENHANCED_PACKET);
            let limit = shared.max_packet.saturating_add(OPTIONS);
            if !read || len > limit {
                if !input.skip(&mut shared.slabs, len.into()) {
                    return cut_off(input, offset);
                }
                if read && kind != STATISTICS {
                    return Step::Skipped(offset, Fault::TooLong { claimed: len.into(), limit });
                }
                continue;
            }
            if !input.need(&mut shared.slabs, len as usize) {
                return cut_off(input, offset);
            }
            let block = input.available(&shared.slabs).get(..len as usize).unwrap_or_default();
            if u32_at(block, block.len().saturating_sub(4), self.big_endian) != len {
                return Step::Stop(offset, Fault::BadBlock { what: "a block's two lengths differ" });
            }
            let step = match kind {
                INTERFACE_DESCRIPTION => match interface(block, self.big_endian) {
                    Some((name, interface)) => self.describe(offset, name, interface, shared),
                    None => Some(Step::Stop(offset, Fault::BadBlock { what: "an interface description is malformed" })),
                },
                STATISTICS => {
                    self.statistics(block, &mut shared.ports.losses);
                    None
                }
                _ => Some(self.packet(kind, block, offset, input, shared.max_packet)),
            };
            input.advance(len as usize);
            if let Some(step) = step {
                return step;
            }
        }
    }

    /// Reads a section header, which says the byte order and forgets the interfaces.
    fn section(&mut self, input: &mut Input, shared: &mut Shared) -> Result<(), Step> {
        let offset = input.offset();
        let bad = |what| Step::Stop(offset, Fault::BadBlock { what });
        if !input.need(&mut shared.slabs, 12) {
            return Err(cut_off(input, offset));
        }
        let head = input.available(&shared.slabs);
        let big_endian = match u32_at(head, 8, true) {
            0x1a2b_3c4d => true,
            0x4d3c_2b1a => false,
            _ => return Err(bad("a section's byte-order magic is unknown")),
        };
        let len = u32_at(head, 4, big_endian);
        if !len.is_multiple_of(4) || !(28..=OPTIONS).contains(&len) {
            return Err(bad("a section header's length is impossible"));
        }
        if !input.need(&mut shared.slabs, len as usize) {
            return Err(cut_off(input, offset));
        }
        let block = input.available(&shared.slabs).get(..len as usize).unwrap_or_default();
        let (_, header) = parse_sectionheaderblock(block).map_err(|_| bad("a section header is malformed"))?;
        if header.block_len2 != len {
            return Err(bad("a block's two lengths differ"));
        }
        if header.major_version != 1 {
            return Err(bad("a section of a version other than 1"));
        }
        self.big_endian = big_endian;
        self.interfaces.clear();
        input.advance(len as usize);
        Ok(())
    }

    fn describe(
        &mut self,
        offset: u64,
        name: Option<String>,
        mut interface: Interface,
        shared: &mut Shared,
    ) -> Option<Step> {
        if self.interfaces.len() >= INTERFACES {
            return Some(Step::Skipped(offset, Fault::TooManyPorts));
        }
        let (port, full) = shared.ports.add(name, self.interfaces.len() as u32, interface.link);
        interface.port = port;
        self.interfaces.push(interface);
        full.then_some(Step::Skipped(offset, Fault::TooManyPorts))
    }

    #[inline]
    fn packet(&mut self, kind: u32, block: &[u8], offset: u64, input: &Input, max_packet: u32) -> Step {
        let field = |at| u32_at(block, at, self.big_endian);
        let len = block.len() as u32;
        let id = match (kind, self.big_endian) {
            (ENHANCED_PACKET, _) => field(8),
            (OLD_PACKET, true) => field(8) >> 16,
            (OLD_PACKET, false) => field(8) & 0xffff,
            _ => 0,
        };
        let Some(interface) = self.interfaces.get(id as usize) else {
            return Step::Skipped(offset, Fault::UnknownInterface);
        };
        let (head, captured, wire_len, units) = if kind == SIMPLE_PACKET {
            let wire_len = field(8);
            let snap_len = if interface.snap_len == 0 { u32::MAX } else { interface.snap_len };
            (12, wire_len.min(snap_len).min(len.saturating_sub(12 + TRAILER)), wire_len, None)
        } else {
            let units = u64::from(field(12)) << 32 | u64::from(field(16));
            (PACKET_HEAD, field(20), field(24), Some(units))
        };
        if captured > len.saturating_sub(head + TRAILER) {
            return Step::Stop(offset, Fault::BadBlock { what: "a packet is longer than its block" });
        }
        if captured > max_packet {
            return Step::Skipped(offset, Fault::TooLong { claimed: captured.into(), limit: max_packet });
        }
        // An option takes eight octets at least, and few writers give any.
        let behind = captured.next_multiple_of(4).saturating_add(head);
        let mut dropped = 0;
        if kind == ENHANCED_PACKET && len.saturating_sub(behind) > TRAILER + 8 {
            let end = (len - TRAILER) as usize;
            let written = options(block.get(behind as usize..end).unwrap_or_default(), self.big_endian);
            let told =
                written.filter(|(code, _)| *code == EPB_DROPCOUNT).map(|(_, value)| u64_at(value, self.big_endian));
            dropped = u32::try_from(told.max().unwrap_or_default()).unwrap_or(u32::MAX);
        }
        let at = units.map_or(self.last, |units| interface.clock.time(units));
        self.last = at;
        Step::Packet(Record {
            at,
            range: input.range(head as usize, captured as usize),
            wire_len: wire_len.max(captured),
            link: interface.link,
            port: interface.port,
            untimed: units.is_none(),
            dropped,
        })
    }

    /// Notes what the writer says it lost.
    fn statistics(&self, block: &[u8], losses: &mut Losses) {
        let id = u32_at(block, 8, self.big_endian);
        let Some(interface) = self.interfaces.get(id as usize) else { return };
        let (mut start, mut dropped) = (0, 0u64);
        let body = block.len().saturating_sub(TRAILER as usize);
        for (code, value) in options(block.get(20..body).unwrap_or_default(), self.big_endian) {
            match code {
                // Two halves, the upper one first, in both byte orders.
                ISB_STARTTIME => {
                    let half = |at| u64::from(u32_at(value, at, self.big_endian));
                    start = half(0) << 32 | half(4);
                }
                ISB_IFDROP | ISB_OSDROP => dropped = dropped.saturating_add(u64_at(value, self.big_endian)),
                _ => {}
            }
        }
        if dropped > 0 {
            losses.statistics(interface.port, start, dropped);
        }
    }
}

/// Options as they stand in a block: code 2 | length 2 | value, padded to 4.
fn options(mut bytes: &[u8], big_endian: bool) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let ([a, b, c, d], rest) = bytes.split_first_chunk::<4>()?;
        let number = |octets| if big_endian { u16::from_be_bytes(octets) } else { u16::from_le_bytes(octets) };
        let (code, len) = (number([*a, *b]), usize::from(number([*c, *d])));
        let value = rest.get(..len)?;
        bytes = rest.get(len.next_multiple_of(4)..).unwrap_or_default();
        (code != 0).then_some((code, value))
    })
}

/// The 64 bits that a value begins with, zero if it is shorter.
fn u64_at(value: &[u8], big_endian: bool) -> u64 {
    let octets = value.first_chunk::<8>().copied().unwrap_or_default();
    if big_endian { u64::from_be_bytes(octets) } else { u64::from_le_bytes(octets) }
}

/// Reads an interface description; its port is not yet known.
fn interface(block: &[u8], big_endian: bool) -> Option<(Option<String>, Interface)> {
    let parse = if big_endian { parse_interfacedescriptionblock_be } else { parse_interfacedescriptionblock_le };
    let (_, description): (_, InterfaceDescriptionBlock<'_>) = parse(block).ok()?;
    let (mut resolution, mut offset, mut name) = (6, 0, None);
    // The crate's own accessors read the offset as little-endian always.
    for option in description.options.iter().take_while(|option| option.code.0 != 0) {
        let value = option.as_bytes().unwrap_or_default();
        match (option.code.0, value) {
            (IF_NAME, value) => {
                let text = String::from_utf8_lossy(value.get(..NAME).unwrap_or(value));
                name = Some(text.trim_end_matches('\0').to_owned()).filter(|name| !name.is_empty());
            }
            (IF_TSRESOL, [value, ..]) => resolution = *value,
            (IF_TSOFFSET, value) => {
                if let Some(octets) = value.first_chunk::<8>() {
                    offset = if big_endian { i64::from_be_bytes(*octets) } else { i64::from_le_bytes(*octets) };
                }
            }
            _ => {}
        }
    }
    let clock = Clock::new(resolution, offset);
    let link = LinkType(description.linktype.0 as u16);
    Some((name, Interface { link, port: 0, snap_len: description.snaplen, clock }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{Pcap, Pcapng, Read, read};

    #[test]
    fn interfaces_with_their_own_links_names_and_clocks_in_both_orders() {
        for big_endian in [false, true] {
            let mut file = Pcapng::new(big_endian);
            file.interface(1, Some("tap0"), None, None)
                .interface(276, Some("any"), Some(9), None)
                .interface(101, None, Some(0x80 | 10), Some(-100))
                .interface(113, None, Some(3), Some(1000));
            file.packet(0, 5_000_001, b"micro", 5)
                .packet(1, 6_000_000_007, b"nano!!", 60)
                .packet(2, (107 << 10) + 512, b"binary", 6)
                .packet(3, 8_250, b"milli", 5);
            let Read { packets, defects, ports, .. } = read(&file.bytes);
            assert!(defects.is_empty(), "{defects:?}");
            let seen: Vec<_> = packets.iter().map(|p| (p.at, &p.data[..], p.wire_len, p.link, p.port)).collect();
            assert_eq!(
                seen,
                [
                    (5_000_001_000, &b"micro"[..], 5, 1, 0),
                    (6_000_000_007, b"nano!!", 60, 276, 1),
                    (7_500_000_000, b"binary", 6, 101, 2),
                    (1_008_250_000_000, b"milli", 5, 113, 3),
                ]
            );
            assert_eq!(
                ports,
                [("tap0".into(), 1), ("any".into(), 276), ("interface 2".into(), 101), ("interface 3".into(), 113)]
            );
        }
    }

    #[test]
    fn clocks_at_their_bounds() {
        assert_eq!(Clock::new(6, 0).time(1), Timestamp(1000));
        assert_eq!(Clock::new(0, 0).time(u64::MAX), Timestamp::MAX);
        assert_eq!(Clock::new(12, 0).time(5_000), Timestamp(5));
        assert!(Clock::new(127, 0).time(u64::MAX) <= Timestamp(1));
        assert_eq!(Clock::new(0xff, 0).time(u64::MAX), Timestamp(0));
        assert_eq!(Clock::new(0x80, 0).time(u64::MAX), Timestamp::MAX);
        assert_eq!(Clock::new(9, i64::MIN).time(5), Timestamp(0));
        assert_eq!(Clock::new(9, i64::MAX).time(5), Timestamp::MAX);
    }

    #[test]
    fn sections_of_either_order_follow_each_other_and_forget_interfaces() {
        let mut first = Pcapng::new(false);
        first.interface(1, None, None, None).interface(1, None, None, None).packet(1, 1_000_000, b"a", 1);
        let mut second = Pcapng::new(true);
        second.interface(101, None, None, None).packet(0, 2_000_000, b"b", 1).packet(1, 3_000_000, b"lost", 4);
        let at = first.bytes.len() + second.bytes.len() - 36;
        let Read { packets, defects, accounts, .. } = read(&[first.bytes, second.bytes].concat());
        assert_eq!(packets.iter().map(|p| (p.link, &p.data[..])).collect::<Vec<_>>(), [(1, &b"a"[..]), (101, b"b")]);
        assert_eq!(defects, [("unknown_interface", at as u64, 1)]);
        assert_eq!(accounts.skipped, 1);
    }

    #[test]
    fn simple_and_old_packets() {
        for big_endian in [false, true] {
            let mut file = Pcapng::new(big_endian);
            file.snap_len = 4;
            file.interface(1, None, None, None).interface(12, None, None, None);
            file.old_packet(1, 9_000_000, b"old", 3).simple_packet(b"simp", 40);
            let Read { packets, defects, accounts, .. } = read(&file.bytes);
            assert!(defects.is_empty(), "{defects:?}");
            let seen: Vec<_> = packets.iter().map(|p| (p.at, &p.data[..], p.wire_len, p.link)).collect();
            assert_eq!(seen, [(9_000_000_000, &b"old"[..], 3, 12), (9_000_000_000, b"simp", 40, 1)]);
            assert_eq!((accounts.untimed, accounts.cut, accounts.cut_bytes), (1, 1, 36));
        }
    }

    #[test]
    fn other_blocks_are_stepped_over_whatever_their_size() {
        let mut file = Pcapng::new(false);
        file.block(0x0bad, &vec![0; 3 << 20]).interface(1, None, None, None).packet(0, 1, b"x", 1);
        file.block(5, &[0; 12]);
        let Read { packets, defects, peak, .. } = read(&file.bytes);
        assert_eq!((packets.len(), defects.len()), (1, 0));
        assert!(peak <= 3 << 20, "{peak}");
    }

    #[test]
    fn a_packet_over_the_limit_is_stepped_over() {
        let mut file = Pcapng::new(false);
        file.interface(1, None, None, None).packet(0, 1, &vec![0; 300_000], 300_000).packet(0, 2, b"x", 1);
        file.packet(0, 3, &vec![0; 600_000], 600_000).packet(0, 4, b"y", 1);
        let Read { packets, defects, .. } = read(&file.bytes);
        assert_eq!(packets.len(), 2);
        assert_eq!(defects.iter().map(|d| (d.0, d.2)).collect::<Vec<_>>(), [("too_long", 2)]);
    }

    #[test]
    fn cut_or_damaged_anywhere_it_never_panics_and_tells() {
        let mut file = Pcapng::new(false);
        file.interface(1, Some("eth0"), Some(9), Some(3)).packet(0, 1, b"first", 5);
        let second = file.bytes.len();
        file.packet(0, 2, b"second", 6);
        for cut in second + 1..file.bytes.len() {
            let Read { packets, defects, .. } = read(&file.bytes[..cut]);
            assert_eq!((packets.len(), &defects[..]), (1, &[("truncated", second as u64, 1)][..]));
        }
        for at in 28..file.bytes.len() {
            for value in [0, 0x0a, 0x7f, 0xff] {
                let mut damaged = file.bytes.clone();
                damaged[at] = value;
                let Read { packets, .. } = read(&damaged);
                assert!(packets.len() <= 2);
            }
        }
    }

    /// Blocks with options: (code, value).
    fn with_options(big_endian: bool, mut body: Vec<u8>, options: &[(u16, u64)]) -> Vec<u8> {
        let two = |n: u16| if big_endian { n.to_be_bytes() } else { n.to_le_bytes() };
        body.resize(body.len().next_multiple_of(4), 0);
        for (code, value) in options {
            body.extend([two(*code), two(8)].concat());
            // A time's halves are the upper one first.
            let value = if *code == ISB_STARTTIME && !big_endian { value.rotate_left(32) } else { *value };
            body.extend(if big_endian { value.to_be_bytes() } else { value.to_le_bytes() });
        }
        body.extend([0; 4]);
        body
    }

    #[test]
    fn what_the_writer_lost_is_told() {
        for big_endian in [false, true] {
            let four = |n: u32| if big_endian { n.to_be_bytes() } else { n.to_le_bytes() };
            let packet = |interface, dropped| {
                let body = [four(interface), four(0), four(5), four(3), four(3), *b"abc\0"].concat();
                with_options(big_endian, body, &[(2, 9), (EPB_DROPCOUNT, dropped)])
            };
            let lost = |interface, start, dropped| {
                let body = [four(interface), four(0), four(5)].concat();
                with_options(
                    big_endian,
                    body,
                    &[(ISB_STARTTIME, start), (4, 1000), (ISB_IFDROP, dropped), (ISB_OSDROP, 1)],
                )
            };
            let mut file = Pcapng::new(big_endian);
            file.interface(1, Some("a"), None, None).interface(1, Some("b"), None, None);
            file.block(ENHANCED_PACKET, &packet(0, 4)).block(ENHANCED_PACKET, &packet(0, 3));
            file.block(STATISTICS, &lost(1, 77 << 32, 10)).block(STATISTICS, &lost(1, 77 << 32, 12));
            file.block(STATISTICS, &lost(1, 78 << 32, 5)).block(STATISTICS, &lost(9, 0, 100));
            let Read { packets, accounts, defects, .. } = read(&file.bytes);
            assert_eq!((packets.len(), defects.len(), &packets[1].data[..]), (2, 0, &b"abc"[..]));
            assert_eq!(accounts.dropped_by_writer, 7 + 13 + 6);
        }
    }

    #[test]
    fn two_lengths_that_differ_stop_the_file() {
        let mut file = Pcapng::new(false);
        file.interface(1, None, None, None);
        let at = file.bytes.len();
        file.packet(0, 1, b"x", 1);
        let last = file.bytes.len() - 4;
        file.bytes[last] ^= 4;
        file.packet(0, 2, b"y", 1);
        assert_eq!(read(&file.bytes).defects, [("bad_block", at as u64, 1)]);
    }

    #[test]
    fn thousands_of_interfaces_stay_bounded() {
        let mut file = Pcapng::new(false);
        for n in 0..70_000 {
            file.interface(1, Some(&format!("i{n}")), None, None);
        }
        file.packet(65_535, 1, b"x", 1);
        let Read { packets, ports, defects, .. } = read(&file.bytes);
        assert_eq!((packets.len(), ports.len()), (1, 256));
        assert_eq!(defects.iter().map(|d| (d.0, d.2)).collect::<Vec<_>>(), [("too_many_ports", 70_000 - 255)]);
        assert!(read(&Pcap::new().bytes).packets.is_empty());
    }
}
