//! Capture files as one stream in order of capture time.
//!
//! Each file is read ahead of what is delivered by a window of capture time, in which its packets are sorted; the
//! files are then merged by (time, file, place in the file). So rotated files are one capture however it was cut, and
//! the files of several ports interleave. A file is opened when the merge comes near its first packet.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::path::PathBuf;

use spyhop_model::{Span, Timestamp};
use spyhop_stream::Packet;

use crate::error::{CaptureError, Defect, Fault};
use crate::filter::Filter;
use crate::format::{CaptureFile, FileName, Record, Shared, Step};
use crate::hold::Held;
use crate::intake::{Active, Defects, Intake};
use crate::paths::{Candidate, expand};
use crate::ports::{Port, Ports};
use crate::slab::{Range, SLAB, Slabs};
use crate::source::Accounts;

/// The largest packet that libpcap captures, in octets, and the default limit.
pub const MAX_PACKET: u32 = 256 << 10;
/// Octets of a file looked at to find its first packet.
const PEEK: usize = 64 << 10;
/// Octets that open files read at a time, together; a single one reads less.
const READ_AHEAD: usize = 16 << 20;
/// The window is moved in steps of this part of itself.
const STEPS: u64 = 8;

/// How files are replayed.
#[derive(Clone, Debug)]
pub struct ReplayOptions {
    /// Packets that are out of order by less than this are put in order.
    pub window: Span,
    /// Octets of packets held for sorting, at most; where more come within the window, less than the window is
    /// sorted. The default, 60 ms of a full gigabit link, still fits a processor's cache: with 32 MiB reading takes
    /// twice as long.
    pub hold: usize,
    /// Largest packet accepted, in octets.
    pub max_packet: u32,
    /// A BPF expression (pcap-filter(7)); packets that it refuses are counted and not delivered.
    pub filter: Option<String>,
}

impl Default for ReplayOptions {
    fn default() -> Self {
        Self { window: Span::seconds(1), hold: 8 << 20, max_packet: MAX_PACKET, filter: None }
    }
}

/// A replay of capture files. What is wrong with one of them once it is open does not stop it: see
/// [`Replay::defects`].
pub struct Replay {
    window: Span,
    hold: usize,
    intake: Intake,
    /// Files not yet open, the next one last.
    waiting: Vec<Waiting>,
    active: Vec<Active>,
    /// The earliest packet of each active file.
    heads: BinaryHeap<Reverse<Head>>,
    /// Everything up to here has been read, and can be delivered.
    ready: Timestamp,
    /// The slab of the packet that the caller has.
    lent: Option<u32>,
    files: u64,
    total_bytes: u64,
    done_bytes: u64,
}

struct Waiting {
    file: FileName,
    first: Timestamp,
    len: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Head {
    at: Timestamp,
    file: u32,
    /// Index into `active`.
    slot: usize,
}

impl Replay {
    /// Opens files, and the captures in directories (not in directories within them); a file named twice is read once.
    /// Looks at the first packet of each.
    ///
    /// # Errors
    /// A file or directory that is missing, empty, unreadable or no capture; a filter expression that libpcap refuses
    /// for a link type the files begin with; all of them together. A bad file in a directory that holds good ones is
    /// a defect instead.
    pub fn open(paths: &[PathBuf], options: ReplayOptions) -> Result<Self, CaptureError> {
        let (candidates, mut errors) = expand(paths);
        if candidates.is_empty() && errors.is_empty() {
            return Err(CaptureError::NoInput);
        }
        let shared = Shared { slabs: Slabs::default(), ports: Ports::default(), max_packet: options.max_packet };
        let intake = Intake {
            shared,
            filter: Filter::new(options.filter),
            accounts: Accounts::default(),
            defects: Defects::default(),
            released: Timestamp(0),
        };
        let mut replay = Self {
            window: options.window,
            hold: options.hold,
            intake,
            waiting: Vec::new(),
            active: Vec::new(),
            heads: BinaryHeap::new(),
            ready: Timestamp(0),
            lent: None,
            files: 0,
            total_bytes: candidates.iter().map(|file| file.len).sum(),
            done_bytes: 0,
        };
        let (mut refused, mut good) = (Vec::new(), 0);
        for (index, candidate) in candidates.into_iter().enumerate() {
            let name = FileName { index: index as u32, path: candidate.path.as_path().into() };
            match replay.peek(&name, &candidate) {
                Ok(()) => good += 1,
                Err(error) if candidate.named => errors.push(error),
                Err(error) => refused.push((name, candidate.len, error)),
            }
        }
        replay.files = good;
        if good == 0 {
            errors.extend(refused.drain(..).map(|(_, _, error)| error));
        }
        for (name, len, error) in refused {
            replay.done_bytes += len;
            replay.intake.defects.add(&name, 0, Fault::NotOpened { reason: error.to_string() });
        }
        for &link in &replay.intake.shared.ports.links {
            if let Err(message) = replay.intake.filter.prepare(link) {
                let expression = replay.intake.filter.expression().to_owned();
                errors.push(CaptureError::Filter { expression, link, message });
            }
        }
        replay.waiting.sort_by_key(|file| Reverse((file.first, file.file.index)));
        match (errors.pop(), errors.is_empty()) {
            (None, _) => Ok(replay),
            (Some(error), true) => Err(error),
            (Some(error), false) => {
                errors.push(error);
                Err(CaptureError::Several(errors))
            }
        }
    }

    /// The next packet in order of time; none at the end of all files.
    #[allow(clippy::should_implement_trait, reason = "what is returned borrows from the replay")]
    pub fn next(&mut self) -> Option<Packet<'_>> {
        if let Some(slab) = self.lent.take() {
            self.intake.shared.slabs.release(slab);
        }
        let Record { at, range, wire_len, link, port, .. } = self.pop()?.record;
        self.lent = Some(range.slab);
        self.intake.released = at;
        let packet = Packet { at, link, data: self.intake.shared.slabs.bytes(range), wire_len, interface: port };
        self.intake.accounts.deliver(&packet);
        Some(packet)
    }

    /// Where packets come from, by [`Packet::interface`]. Grows as files describe further interfaces.
    pub fn ports(&self) -> &[Port] {
        &self.intake.shared.ports.list
    }

    /// What became of the packets read so far.
    pub fn accounts(&self) -> Accounts {
        Accounts { dropped_by_writer: self.intake.shared.ports.losses.total(), ..self.intake.accounts }
    }

    /// Files that could be opened.
    pub fn files(&self) -> u64 {
        self.files
    }

    /// What was wrong with files so far; complete once `next` has returned `None`.
    pub fn defects(&self) -> &[Defect] {
        &self.intake.defects.list
    }

    /// Size of all files in octets, as on disk.
    pub fn total_bytes(&self) -> u64 {
        self.total_bytes
    }

    /// How much of it has been read.
    pub fn read_bytes(&self) -> u64 {
        self.done_bytes + self.active.iter().map(|file| file.file.read_bytes()).sum::<u64>()
    }

    /// Finds the time of a file's first packet. A pipe cannot be opened again and stays open.
    fn peek(&mut self, name: &FileName, candidate: &Candidate) -> Result<(), CaptureError> {
        let slab_len = if candidate.regular { PEEK } else { SLAB };
        let mut file = CaptureFile::open(name, slab_len, &mut self.intake.shared)?;
        if !candidate.regular {
            self.active.push(Active::new(name.clone(), file));
            return Ok(());
        }
        let mut seen = Vec::new();
        let first = loop {
            match file.next(&mut self.intake.shared) {
                Step::Packet(record) => break Some(record.at),
                Step::Skipped(offset, fault) => seen.push((offset, fault)),
                Step::Stop(offset, fault) => {
                    seen.push((offset, fault));
                    break None;
                }
                Step::End => break None,
            }
        };
        file.close(&mut self.intake.shared.slabs);
        match first {
            Some(first) => self.waiting.push(Waiting { file: name.clone(), first, len: candidate.len }),
            None => {
                self.done_bytes += candidate.len;
                for (offset, fault) in seen {
                    self.intake.skipped(name, offset, fault);
                }
            }
        }
        Ok(())
    }

    fn pop(&mut self) -> Option<Held> {
        loop {
            if let Some(mut top) = self.heads.peek_mut()
                && top.0.at <= self.ready
            {
                let hold = self.active.get_mut(top.0.slot).map(|file| &mut file.hold)?;
                let held = hold.pop()?;
                match hold.earliest() {
                    Some(at) => top.0.at = at,
                    None => {
                        PeekMut::pop(top);
                    }
                }
                return Some(held);
            }
            if !self.fill() {
                return None;
            }
        }
    }

    /// Reads on, so that at least one packet can be delivered; false if there is none.
    #[cold]
    fn fill(&mut self) -> bool {
        let Some(first) = self.open_due() else { return false };
        let step = Span(self.window.0 / STEPS);
        let until = first + self.window + step;
        let share = (self.hold / self.active.len().max(1)).max(1);
        let mut limited = None;
        for file in &mut self.active {
            while !file.ended && file.newest < until && file.hold.cost() < share {
                self.intake.read(file);
            }
            if !file.ended && file.newest < until {
                limited = Some(limited.map_or(file.newest, |least: Timestamp| least.min(file.newest)));
            }
        }
        self.compact();
        // A packet far in the future makes its file's earliest one older than what was the first before reading on.
        let first = self.active.iter().filter_map(|file| file.hold.earliest()).min().unwrap_or(first);
        self.ready = match limited {
            None => first.max(until - self.window),
            // Less than the window fits: a part of what is held goes, so that the rest is sorted with what comes.
            Some(newest) => first + Span(newest.since(first).0 / STEPS),
        };
        self.heads.clear();
        let heads = self.active.iter().enumerate().filter_map(|(slot, file)| {
            let at = file.hold.earliest()?;
            Some(Reverse(Head { at, file: file.name.index, slot }))
        });
        self.heads.extend(heads);
        true
    }

    /// Opens the files whose first packets are near, closes those that are finished, and makes sure that every open
    /// one shows its earliest packet; the earliest of all.
    fn open_due(&mut self) -> Option<Timestamp> {
        loop {
            for file in &mut self.active {
                while file.hold.is_empty() && !file.ended {
                    self.intake.read(file);
                }
            }
            for at in (0..self.active.len()).rev() {
                if self.active.get(at).is_some_and(|file| file.ended && file.hold.is_empty()) {
                    let file = self.active.swap_remove(at).file;
                    self.done_bytes += file.read_bytes();
                    file.close(&mut self.intake.shared.slabs);
                }
            }
            let first = self.active.iter().filter_map(|file| file.hold.earliest()).min();
            let next = self.waiting.last().map(|file| file.first);
            // Its first packet may not be its earliest, by the window.
            let near = first.or(next)? + self.window + self.window;
            if next.is_none_or(|next| next > near) {
                return first;
            }
            while let Some(waiting) = self.waiting.pop_if(|waiting| waiting.first <= near) {
                let slab_len = (READ_AHEAD / (self.active.len() + 1)).clamp(PEEK, SLAB);
                match CaptureFile::open(&waiting.file, slab_len, &mut self.intake.shared) {
                    Ok(file) => self.active.push(Active::new(waiting.file, file)),
                    Err(error) => {
                        // It could be opened before.
                        self.done_bytes += waiting.len;
                        let reason = error.to_string();
                        self.intake.defects.add(&waiting.file, 0, Fault::NotOpened { reason });
                    }
                }
            }
        }
    }

    /// Moves held packets together where few of them keep many slabs, as packets far in the future do.
    fn compact(&mut self) {
        let held: usize = self.active.iter().map(|file| file.hold.cost()).sum();
        if self.intake.shared.slabs.in_use() <= 2 * held + (self.active.len() + 8) * SLAB {
            return;
        }
        let slabs = &mut self.intake.shared.slabs;
        let (mut slab, mut end) = (slabs.take(SLAB), 0);
        for file in &mut self.active {
            file.hold.relocate(|from| {
                let len = from.len as usize;
                if end + len > slabs.capacity(slab) {
                    slabs.release(slab);
                    (slab, end) = (slabs.take(len.max(SLAB)), 0);
                }
                if !slabs.copy(from, slab, end) {
                    return from;
                }
                slabs.retain(slab);
                slabs.release(from.slab);
                let to = Range { slab, start: end as u32, len: from.len };
                end += len;
                to
            });
        }
        slabs.release(slab);
    }
}

#[cfg(test)]
impl Replay {
    /// Octets of all slabs in use.
    pub(crate) fn slabs_in_use(&self) -> usize {
        self.intake.shared.slabs.in_use()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::error::Content;
    use crate::sample::{Pcap, Pcapng, Read, Seen, drain, gz, write};

    /// Packets `(milliseconds, data)` as a pcap.
    fn pcap(packets: &[(u64, u32)]) -> Vec<u8> {
        let mut pcap = Pcap::new();
        for (at, data) in packets {
            pcap.packet((at / 1000) as u32, (at % 1000 * 1000) as u32, &data.to_le_bytes(), 4);
        }
        pcap.bytes
    }

    fn replay(paths: &[PathBuf], options: ReplayOptions) -> Read {
        drain(&mut Replay::open(paths, options).unwrap())
    }

    fn numbers(packets: &[Seen]) -> Vec<(u64, u32)> {
        packets
            .iter()
            .map(|packet| (packet.at / 1_000_000, u32::from_le_bytes(packet.data[..4].try_into().unwrap())))
            .collect()
    }

    /// Times in order but for a shuffle by less than `disorder`, with ties.
    fn shuffled(count: u64, disorder: u64) -> Vec<(u64, u32)> {
        let mut noise = 88_172_645_463_325_252u64;
        (0..count)
            .map(|n| {
                noise ^= noise << 13;
                noise ^= noise >> 7;
                noise ^= noise << 17;
                (1_700_000_000_000 + n * 7 + noise % disorder, n as u32)
            })
            .collect()
    }

    fn cut_into(dir: &Path, packets: &[(u64, u32)], pieces: usize) -> Vec<PathBuf> {
        let size = packets.len().div_ceil(pieces);
        let names = (0..).map(|n| format!("c{pieces}.pcap{n}"));
        packets.chunks(size).zip(names).map(|(piece, name)| write(dir, &name, &pcap(piece))).collect()
    }

    #[test]
    fn one_stream_however_it_is_cut() {
        let dir = tempfile::tempdir().unwrap();
        let packets = shuffled(5000, 990);
        let mut expected = packets.clone();
        expected.sort_by_key(|(at, _)| *at);
        for pieces in [1, 2, 7, 500] {
            let Read { packets: seen, accounts, defects, ports, .. } =
                replay(&cut_into(dir.path(), &packets, pieces), ReplayOptions::default());
            assert_eq!(ports, [("interface 0".into(), 1)]);
            assert!(numbers(&seen) == expected, "{pieces} pieces");
            assert_eq!((accounts.late, defects.len()), (0, 0));
        }
    }

    #[test]
    fn ports_interleave_and_ties_keep_the_order_of_files() {
        let dir = tempfile::tempdir().unwrap();
        let a = write(dir.path(), "a", &pcap(&[(1000, 1), (2000, 2), (2000, 3), (9000, 4)]));
        let mut b = Pcapng::new(true);
        b.interface(101, Some("tap1"), Some(3), None).packet(0, 1500, &[5, 0, 0, 0], 4).packet(
            0,
            2000,
            &[6, 0, 0, 0],
            4,
        );
        let b = write(dir.path(), "b", &gz(&b.bytes));
        let read = replay(&[a.clone(), b.clone()], ReplayOptions::default());
        assert_eq!(numbers(&read.packets), [(1000, 1), (1500, 5), (2000, 2), (2000, 3), (2000, 6), (9000, 4)]);
        assert_eq!(read.packets.iter().map(|packet| packet.link).collect::<Vec<_>>(), [1, 101, 1, 1, 101, 1]);
        assert_eq!(read.ports, [("interface 0".into(), 1), ("tap1".into(), 101)]);
        let read = replay(&[b, a], ReplayOptions::default());
        assert_eq!(numbers(&read.packets)[2..5], [(2000, 6), (2000, 2), (2000, 3)]);
    }

    #[test]
    fn beyond_the_window_a_packet_takes_the_last_time() {
        let dir = tempfile::tempdir().unwrap();
        let path = write(dir.path(), "a", &pcap(&[(10_000, 1), (12_000, 2), (14_000, 3), (9_000, 4), (15_000, 5)]));
        let Read { packets, accounts, .. } = replay(&[path], ReplayOptions::default());
        assert_eq!(accounts.late, 1);
        assert!(packets.is_sorted_by_key(|packet| packet.at));
        let late = numbers(&packets).into_iter().find(|(_, number)| *number == 4).unwrap();
        assert_eq!(late, (12_000, 4));
    }

    #[test]
    fn no_window_means_no_sorting() {
        let dir = tempfile::tempdir().unwrap();
        let path = write(dir.path(), "a", &pcap(&[(10, 1), (12, 2), (11, 3), (12, 4)]));
        let options = ReplayOptions { window: Span(0), ..ReplayOptions::default() };
        let Read { packets, accounts, .. } = replay(&[path], options);
        assert_eq!(numbers(&packets), [(10, 1), (12, 2), (12, 3), (12, 4)]);
        assert_eq!(accounts.late, 1);
    }

    #[test]
    fn times_at_the_end_of_time_come_to_an_end() {
        let dir = tempfile::tempdir().unwrap();
        let mut file = Pcapng::new(false);
        file.interface(1, None, Some(0), None);
        for _ in 0..3 {
            file.packet(0, u64::MAX, b"late", 4).packet(0, 5, b"soon", 4);
        }
        let path = write(dir.path(), "a", &file.bytes);
        for hold in [100, 8 << 20] {
            let seen = replay(std::slice::from_ref(&path), ReplayOptions { hold, ..ReplayOptions::default() }).packets;
            assert!(seen.len() == 6 && seen.iter().all(|packet| packet.at == u64::MAX));
        }
    }

    #[test]
    fn held_packets_are_bounded_and_still_nearly_sorted() {
        let dir = tempfile::tempdir().unwrap();
        let mut file = Pcap::new();
        let data = vec![0; 1400];
        for n in 0..40_000u32 {
            let at = n * 10 + [0, 25, 7][n as usize % 3];
            file.packet(1, at, &data, 1400);
        }
        let path = write(dir.path(), "a", &file.bytes);
        let options = ReplayOptions { hold: 1 << 20, ..ReplayOptions::default() };
        let Read { packets, accounts, peak, .. } = replay(&[path], options);
        assert_eq!((packets.len(), accounts.late), (40_000, 0));
        assert!(packets.is_sorted_by_key(|packet| packet.at));
        assert!(peak <= 4 << 20, "{peak}");
    }

    #[test]
    fn packets_far_in_the_future_neither_keep_memory_nor_spoil_the_rest() {
        let dir = tempfile::tempdir().unwrap();
        let mut file = Pcap::new();
        let data = vec![0; 1 << 16];
        for n in 0..640u32 {
            let seconds = if n % 16 == 7 { 4_000_000_000 } else { 1000 + n };
            file.packet(seconds, 0, if n % 16 == 7 { b"far " } else { &data }, 1 << 16);
        }
        let path = write(dir.path(), "a", &file.bytes);
        let options = ReplayOptions { hold: 2 << 20, ..ReplayOptions::default() };
        let Read { packets, accounts, peak, .. } = replay(&[path], options);
        assert_eq!((packets.len(), accounts.late), (640, 0));
        assert!(packets[..600].iter().zip(&packets[1..600]).all(|(a, b)| a.at < b.at));
        assert!(packets[600..].iter().all(|packet| packet.data == b"far "));
        assert!(peak <= 15 << 20, "{peak}");
    }

    #[test]
    fn a_thousand_rotated_files_are_open_one_after_the_other() {
        let dir = tempfile::tempdir().unwrap();
        for n in 0..1000u64 {
            let at = 1_700_000_000_000 + n * 60_000;
            write(dir.path(), &format!("r.pcap{n}"), &pcap(&[(at, n as u32), (at + 59_000, n as u32)]));
        }
        let mut replay = Replay::open(&[dir.path().into()], ReplayOptions::default()).unwrap();
        let (mut seen, mut open) = (0, 0);
        while replay.next().is_some() {
            seen += 1;
            open = open.max(replay.active.len());
        }
        assert_eq!(seen, 2000);
        assert!(open <= 3, "{open}");
        assert_eq!(replay.accounts().late, 0);
    }

    #[test]
    fn a_damaged_file_does_not_stop_the_others() {
        let dir = tempfile::tempdir().unwrap();
        let whole = pcap(&[(1000, 1), (2000, 2), (3000, 3)]);
        let a = write(dir.path(), "a.pcap", &whole[..whole.len() - 1]);
        let b = write(dir.path(), "b.pcap", &pcap(&[(1500, 4), (3500, 5)]));
        let Read { packets, defects, .. } = replay(&[a, b], ReplayOptions::default());
        assert_eq!(numbers(&packets), [(1000, 1), (1500, 4), (2000, 2), (3500, 5)]);
        assert_eq!(defects, [("truncated", 64, 1)]);
        write(dir.path(), "c.pcap", b"");
        write(dir.path(), "d.pcap", b"notes\n");
        let mut replay = Replay::open(&[dir.path().into()], ReplayOptions::default()).unwrap();
        assert_eq!(drain(&mut replay).packets.len(), 4);
        let told: Vec<String> = replay.defects().iter().map(|defect| defect.to_string()).collect();
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told[0].contains("c.pcap: the file is empty") && told[1].contains("it is text"), "{told:?}");
        assert!(told[2].contains("a.pcap: at octet 64: the file ends within a record"), "{told:?}");
    }

    #[test]
    fn mistakes_are_told_all_together_before_any_packet() {
        let dir = tempfile::tempdir().unwrap();
        let paths = [
            write(dir.path(), "good.pcap", &pcap(&[(1, 1)])),
            write(dir.path(), "empty.pcap", b""),
            write(dir.path(), "empty.pcap.gz", &gz(b"")),
            write(dir.path(), "text.pcap", b"these are notes, not packets\n"),
            write(dir.path(), "odd.pcap", &[1; 100]),
            write(dir.path(), "stub.pcap", &pcap(&[])[..20]),
            write(dir.path(), "stub.pcapng", &Pcapng::new(false).bytes[..20]),
            write(dir.path(), "bad.gz", &[0x1f, 0x8b, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9]),
            dir.path().join("missing.pcap"),
        ];
        let Err(CaptureError::Several(errors)) = Replay::open(&paths, ReplayOptions::default()) else { panic!() };
        use CaptureError::*;
        assert!(
            matches!(
                &errors[..],
                [
                    NotFound { .. },
                    Empty { .. },
                    Empty { .. },
                    NotACapture { begins: Content::Text, .. },
                    NotACapture { begins: Content::Unknown([1, 1, 1, 1]), .. },
                    BadHeader { .. },
                    BadHeader { .. },
                    Unreadable { .. },
                ]
            ),
            "{errors:?}"
        );
        for error in errors {
            let text = error.to_string();
            assert!(text.contains(&*dir.path().to_string_lossy()) && text.len() < 300, "{text}");
        }
        assert!(matches!(Replay::open(&[], ReplayOptions::default()), Err(NoInput)));
        let only_bad = tempfile::tempdir().unwrap();
        write(only_bad.path(), "a.pcap", b"");
        assert!(matches!(Replay::open(&[only_bad.path().into()], ReplayOptions::default()), Err(Empty { .. })));
    }

    #[test]
    fn a_capture_without_packets_is_no_mistake() {
        let dir = tempfile::tempdir().unwrap();
        let paths = [write(dir.path(), "a", &pcap(&[])), write(dir.path(), "b", &Pcapng::new(true).bytes)];
        let Read { packets, defects, .. } = replay(&paths, ReplayOptions::default());
        assert_eq!((packets.len(), defects.len()), (0, 0));
    }

    #[test]
    fn a_filter_is_applied_and_counted() {
        let dir = tempfile::tempdir().unwrap();
        let path = write(dir.path(), "a", &pcap(&[(1, 0), (2, 1), (3, 0), (4, 2)]));
        let filter = |expression: &str| ReplayOptions { filter: Some(expression.into()), ..ReplayOptions::default() };
        let Read { packets, accounts, .. } = replay(std::slice::from_ref(&path), filter("link[0] = 0"));
        assert_eq!(numbers(&packets), [(1, 0), (3, 0)]);
        assert_eq!((accounts.filtered, accounts.filtered_bytes, accounts.bytes), (2, 8, 8));
        let error = Replay::open(&[path], filter("tcp prt 80")).err().unwrap();
        assert!(error.to_string().contains("filter 'tcp prt 80' is refused for link type 1"), "{error}");
        assert!(error.to_string().contains("syntax error"), "{error}");
    }

    #[test]
    fn a_filter_without_meaning_for_a_later_interface_is_a_defect() {
        let dir = tempfile::tempdir().unwrap();
        let mut file = Pcapng::new(false);
        file.interface(1, None, None, None).packet(0, 1, &[0; 20], 20);
        file.interface(101, None, None, None).packet(1, 2, &[0; 20], 20);
        let path = write(dir.path(), "a", &file.bytes);
        let options = ReplayOptions { filter: Some("ether proto 0".into()), ..ReplayOptions::default() };
        let Read { packets, defects, accounts, .. } = replay(&[path], options);
        assert_eq!((packets.len(), accounts.filtered), (1, 1));
        assert_eq!(defects, [("filter_refused", 0, 1)]);
    }

    #[test]
    fn a_file_named_twice_is_read_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = write(dir.path(), "a.pcap", &pcap(&[(1, 1)]));
        assert_eq!(replay(&[path.clone(), path, dir.path().into()], ReplayOptions::default()).packets.len(), 1);
    }

    #[test]
    fn a_pipe_can_be_replayed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        let to = path.clone();
        let writer = std::thread::spawn(move || std::fs::write(to, pcap(&[(1, 1), (2, 2)])).unwrap());
        let mut replay = Replay::open(&[path], ReplayOptions::default()).unwrap();
        let mut seen = 0;
        while replay.next().is_some() {
            seen += 1;
        }
        writer.join().unwrap();
        assert_eq!(seen, 2);
    }
}
