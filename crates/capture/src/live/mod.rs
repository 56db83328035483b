//! Packets from interfaces, in one order of time. Only ever read from.

mod clock;
mod interfaces;
mod recorder;
mod ring;

use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use spyhop_model::{Span, Timestamp};
use spyhop_stream::Packet;

use crate::error::CaptureError;
use crate::ports::Port;
use crate::replay::MAX_PACKET;
use crate::source::Accounts;
use clock::Clock;
pub use interfaces::{Interface, interfaces};
use recorder::Recorder;
pub use recorder::Recording;
use ring::{Opener, Raw, Ring};

/// How far event time stays behind the clock where nothing comes: the kernel hands packets over in blocks, so that older ones may
/// still be on their way. Where there are several interfaces, a packet waits for as long until it is certain to be the next.
pub const LAG: Span = Span::millis(20);
/// How often an interface that went away is looked for.
const RETRY: Duration = Duration::from_millis(500);
/// Packets between two looks at what is not packets.
const LOOK_EVERY: u32 = 4_096;

/// How interfaces are read.
#[derive(Clone, Debug)]
pub struct LiveOptions {
    /// Octets kept of each packet.
    pub snap_len: u32,
    /// Whether packets for others are taken, as a mirror port needs.
    pub promiscuous: bool,
    /// Octets of the kernel's ring buffer, for each interface.
    pub buffer: u32,
    /// A BPF expression (pcap-filter(7)), applied in the kernel.
    pub filter: Option<String>,
    /// How long the kernel gathers packets before it hands them over.
    pub gather: Duration,
    /// How long to sleep when there is no packet. Libpcap's own timeout does not wake on a quiet interface.
    pub nap: Duration,
    /// Each packet at once instead of in blocks: less delay, more work.
    pub immediate: bool,
}

impl Default for LiveOptions {
    fn default() -> Self {
        Self {
            snap_len: MAX_PACKET,
            promiscuous: true,
            buffer: 64 << 20,
            filter: None,
            gather: Duration::from_millis(10),
            nap: Duration::from_millis(1),
            immediate: false,
        }
    }
}

/// What the kernel counted since the interface was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KernelCounts {
    /// Packets that passed the filter, dropped ones included (as Linux counts).
    pub received: u64,
    /// Packets dropped because the ring was full.
    pub dropped: u64,
    /// Packets dropped by the interface or its driver.
    pub interface_dropped: u64,
}

/// Something an operator wants to know at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// An interface cannot be read any more; it is looked for.
    Away {
        /// Its name.
        interface: String,
        /// What libpcap said.
        reason: String,
    },
    /// An interface is read again.
    Back {
        /// Its name.
        interface: String,
    },
    /// The clock of this host was set back; event time goes on.
    ClockSetBack,
    /// Packets are longer than the interface allows: the card or the driver joined several into one.
    Joined {
        /// The interface's name.
        interface: String,
        /// Octets of such a packet.
        length: u32,
    },
    /// Raw packets cannot be kept; empty where they can again.
    NotKept {
        /// What is wrong.
        reason: String,
    },
}

/// Interfaces being read.
pub struct Live {
    ports: Vec<Port>,
    taps: Vec<Tap>,
    opener: Opener,
    clock: Clock,
    recorder: Option<Recorder>,
    notices: Vec<Notice>,
    accounts: Accounts,
    counts: Vec<KernelCounts>,
    /// An interface whose ring failed in the last call.
    failed: Option<(usize, CaptureError)>,
    /// Whether there was nothing in the last call.
    quiet: bool,
    /// Up to where, by the host's clock, nothing can come any more; only where there was nothing in the last call.
    frontier: Option<Timestamp>,
    nap: Duration,
    until_look: u32,
    steps: u64,
    trouble: String,
    /// How often an interface went away.
    away: u64,
}

/// One interface.
struct Tap {
    ring: Option<Ring>,
    /// The packet at the front, copied where there are several interfaces to choose from.
    head: Option<Head>,
    /// No packet stamped before this is still to come, by the host's clock.
    seen_until: Timestamp,
    /// When an interface that is away is asked for again; none while it is being opened.
    retry: Option<Instant>,
    /// The longest packet that the interface may carry; 0 where that is unknown or told already.
    longest: u32,
    spare: Vec<u8>,
}

struct Head {
    stamp: Timestamp,
    wire_len: u32,
    data: Vec<u8>,
}

impl Live {
    /// Opens interfaces for reading.
    ///
    /// # Errors
    /// Of the first that cannot be read: no such interface, no permission, down, a refused filter, whatever else libpcap says.
    pub fn open(interfaces: &[&str], options: &LiveOptions) -> Result<Self, CaptureError> {
        let opener = Opener::start(options.clone())?;
        let (mut ports, mut taps) = (Vec::new(), Vec::new());
        for (index, interface) in interfaces.iter().enumerate() {
            opener.ask(index, interface);
            let Some((_, opened)) = opener.wait() else { return Err(CaptureError::NoInput) };
            let ring = opened?;
            ports.push(Port { name: (*interface).into(), link: ring.link });
            taps.push(Tap {
                ring: Some(ring),
                head: None,
                seen_until: Timestamp(0),
                retry: None,
                longest: longest(interface),
                spare: Vec::new(),
            });
        }
        if taps.is_empty() {
            return Err(CaptureError::NoInput);
        }
        Ok(Self {
            counts: vec![KernelCounts::default(); taps.len()],
            ports,
            taps,
            opener,
            clock: Clock::default(),
            recorder: None,
            notices: Vec::new(),
            accounts: Accounts::default(),
            failed: None,
            quiet: false,
            frontier: None,
            nap: options.nap,
            until_look: LOOK_EVERY,
            steps: 0,
            trouble: String::new(),
            away: 0,
        })
    }

    /// Keeps every packet that is given on, from here.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub fn record(&mut self, recording: Recording, snap_len: u32) -> Result<(), CaptureError> {
        self.recorder = Some(Recorder::start(recording, &self.ports, snap_len)?);
        Ok(())
    }

    /// The next packet, or none if there is none now; asked again, it sleeps for a nap first. So a caller sees its
    /// clock and its stop flag at least that often. An interface that goes down or away is looked for until it is back.
    #[allow(clippy::should_implement_trait, reason = "what is returned borrows from the capture")]
    pub fn next(&mut self) -> Option<Packet<'_>> {
        let was_quiet = std::mem::take(&mut self.quiet);
        if was_quiet {
            std::thread::sleep(self.nap);
        }
        self.until_look -= 1;
        if was_quiet || self.until_look == 0 || self.failed.is_some() {
            self.until_look = LOOK_EVERY;
            self.look();
        }
        // Read before the ring is: what comes in between is stamped later.
        let now = was_quiet.then(wall_clock);
        let single = self.taps.len() == 1;
        let index = if single { Some(0) } else { self.earliest() };
        let Some(index) = index else {
            self.quiet = true;
            return None;
        };
        let Live { taps, ports, clock, recorder, accounts, failed, notices, quiet, frontier, .. } = self;
        let tap = taps.get_mut(index)?;
        let raw = if single {
            match tap.ring.as_mut().map(Ring::next) {
                Some(Ok(Some(raw))) => raw,
                Some(Ok(None)) | None => {
                    *quiet = true;
                    *frontier = now.map(|now| now - LAG);
                    return None;
                }
                Some(Err(wrong)) => {
                    *quiet = true;
                    *failed = Some((index, wrong));
                    return None;
                }
            }
        } else {
            let Head { stamp, wire_len, data } = tap.head.take()?;
            tap.spare = data;
            Raw { stamp, wire_len, data: &tap.spare }
        };
        if raw.wire_len > tap.longest && tap.longest > 0 {
            tap.longest = 0;
            let interface = ports[index].name.to_string();
            notices.push(Notice::Joined { interface, length: raw.wire_len });
        }
        let (at, late) = clock.read(raw.stamp);
        accounts.late += u64::from(late);
        let packet =
            Packet { at, link: ports[index].link, data: raw.data, wire_len: raw.wire_len, interface: index as u16 };
        accounts.deliver(&packet);
        if let Some(recorder) = recorder {
            recorder.keep(&packet);
        }
        Some(packet)
    }

    /// The interface with the earliest packet, if no other can have an earlier one any more.
    fn earliest(&mut self) -> Option<usize> {
        let Live { taps, failed, frontier, .. } = self;
        let mut best = taps.iter().enumerate().filter_map(|(n, tap)| Some((tap.head.as_ref()?.stamp, n))).min();
        let mut clock = None;
        for (index, tap) in taps.iter_mut().enumerate() {
            let Some(ring) = &mut tap.ring else { continue };
            if tap.head.is_some() || best.is_some_and(|(at, _)| at < tap.seen_until) {
                continue;
            }
            // Read before the ring is: what comes in between is stamped later.
            let now = *clock.get_or_insert_with(wall_clock);
            match ring.next() {
                Ok(Some(Raw { stamp, wire_len, data })) => {
                    let mut kept = std::mem::take(&mut tap.spare);
                    kept.clear();
                    kept.extend_from_slice(data);
                    tap.head = Some(Head { stamp, wire_len, data: kept });
                    best = Some(best.map_or((stamp, index), |best| best.min((stamp, index))));
                }
                Ok(None) => tap.seen_until = now - LAG,
                Err(wrong) => {
                    *failed = Some((index, wrong));
                    return None;
                }
            }
        }
        let waits = |tap: &&Tap| tap.ring.is_some() && tap.head.is_none();
        let until = taps.iter().filter(waits).map(|tap| tap.seen_until).min();
        match (best, until) {
            (Some((at, index)), until) if until.is_none_or(|until| at < until) => Some(index),
            (best, until) => {
                let best = best.map(|(at, _)| at);
                *frontier = best.into_iter().chain(until).min().or_else(|| Some(wall_clock() - LAG));
                None
            }
        }
    }

    /// Looks after interfaces that are away, the clock, and the disk.
    fn look(&mut self) {
        if let Some((index, wrong)) = self.failed.take() {
            let tap = &mut self.taps[index];
            tap.ring = None;
            tap.retry = Some(Instant::now() + RETRY);
            self.away += 1;
            let interface = self.ports[index].name.to_string();
            self.notices.push(Notice::Away { interface, reason: wrong.to_string() });
        }
        while let Some((index, opened)) = self.opener.answer() {
            let (tap, port) = (&mut self.taps[index], &mut self.ports[index]);
            match opened {
                // What is kept, and every tap of it, is described with the link type of the beginning.
                Ok(ring) if ring.link == port.link => {
                    tap.ring = Some(ring);
                    tap.seen_until = Timestamp(0);
                    self.notices.push(Notice::Back { interface: port.name.to_string() });
                }
                Ok(_) | Err(_) => tap.retry = Some(Instant::now() + RETRY),
            }
        }
        for (index, tap) in self.taps.iter_mut().enumerate() {
            if tap.retry.is_some_and(|at| at <= Instant::now()) {
                tap.retry = None;
                self.opener.ask(index, &self.ports[index].name);
            }
        }
        if self.clock.steps > self.steps {
            self.steps = self.clock.steps;
            self.notices.push(Notice::ClockSetBack);
        }
        if let Some(recorder) = &mut self.recorder {
            recorder.flush();
            let trouble = recorder.trouble();
            if trouble != self.trouble {
                self.trouble.clone_from(&trouble);
                self.notices.push(Notice::NotKept { reason: trouble });
            }
        }
    }

    /// Where the interfaces had nothing in the last call: the event time before which nothing can come any more.
    pub fn reached(&mut self) -> Option<Timestamp> {
        self.frontier.take().map(|until| self.clock.read(until).0)
    }

    /// No packet will be given on with an earlier time.
    pub fn promise(&mut self, at: Timestamp) {
        self.clock.promise(at);
    }

    /// What happened since this was asked last.
    pub fn notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    /// The interfaces, by [`Packet::interface`].
    pub fn ports(&self) -> &[Port] {
        &self.ports
    }

    /// Whether each interface is being read just now.
    pub fn are_up(&self) -> impl Iterator<Item = bool> {
        self.taps.iter().map(|tap| tap.ring.is_some())
    }

    /// How often an interface went away.
    pub fn away(&self) -> u64 {
        self.away
    }

    /// Packets that were to be kept and could not be.
    pub fn unkept(&self) -> u64 {
        self.recorder.as_ref().map_or(0, Recorder::lost)
    }

    /// What became of the packets so far; what the kernel dropped or filtered is not in it.
    pub fn accounts(&self) -> Accounts {
        self.accounts
    }

    /// What the kernel counted so far, by interface. To be asked now and then, since its own counters wrap.
    pub fn stats(&mut self) -> &[KernelCounts] {
        for (tap, counts) in self.taps.iter_mut().zip(&mut self.counts) {
            if let Some(ring) = &mut tap.ring {
                // An interface that is gone is noticed where it is read.
                let _ = ring.count(counts);
            }
        }
        &self.counts
    }
}

impl std::iter::Sum for KernelCounts {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| Self {
            received: sum.received + one.received,
            dropped: sum.dropped + one.dropped,
            interface_dropped: sum.interface_dropped + one.interface_dropped,
        })
    }
}

/// The longest frame that an interface may carry: its MTU, an Ethernet header and two VLAN tags.
fn longest(interface: &str) -> u32 {
    let mtu = std::fs::read_to_string(Path::new("/sys/class/net").join(interface).join("mtu")).unwrap_or_default();
    mtu.trim().parse::<u32>().map_or(0, |mtu| mtu.saturating_add(14 + 8))
}

fn wall_clock() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::time::Instant;

    use super::*;

    /// A capture on the loopback, or none where that is not permitted, which is said aloud.
    fn loopback(options: &LiveOptions) -> Option<Live> {
        match Live::open(&["lo"], options) {
            Ok(live) => Some(live),
            Err(error) => {
                eprintln!("SKIPPED: no live capture here: {error}");
                None
            }
        }
    }

    #[test]
    fn what_is_sent_is_captured_and_counted() {
        let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = receiver.local_addr().unwrap().port();
        let filter = Some(format!("udp dst port {port}"));
        let Some(mut live) = loopback(&LiveOptions { filter, promiscuous: false, ..LiveOptions::default() }) else {
            return;
        };
        assert!(live.next().is_none());
        for n in 0..50u8 {
            UdpSocket::bind("127.0.0.1:0").unwrap().send_to(&[n; 100], ("127.0.0.1", port)).unwrap();
        }
        let (began, mut seen) = (Instant::now(), Vec::new());
        while seen.len() < 50 && began.elapsed() < Duration::from_secs(5) {
            if let Some(packet) = live.next() {
                assert_eq!((packet.link.0, packet.data.len(), packet.wire_len), (1, 142, 142));
                seen.push((packet.at, packet.data[141]));
            }
        }
        assert_eq!(seen.iter().map(|(_, n)| *n).collect::<Vec<_>>(), (0..50).collect::<Vec<_>>());
        assert!(seen.is_sorted());
        assert!(seen.iter().any(|(at, _)| at.0 % 1000 != 0), "nanoseconds");
        let stats = live.stats()[0];
        assert!(stats.received >= 50 && stats.dropped == 0, "{stats:?}");
        assert_eq!(live.accounts().packets, 50);
        assert_eq!(&*live.ports()[0].name, "lo");
    }

    #[test]
    fn what_the_snap_length_cuts_is_counted() {
        let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
        let to = receiver.local_addr().unwrap();
        let options = LiveOptions {
            snap_len: 60,
            filter: Some(format!("udp dst port {}", to.port())),
            immediate: true,
            ..LiveOptions::default()
        };
        let Some(mut live) = loopback(&options) else { return };
        UdpSocket::bind("127.0.0.1:0").unwrap().send_to(&[1; 100], to).unwrap();
        let began = Instant::now();
        while live.accounts().packets == 0 && began.elapsed() < Duration::from_secs(5) {
            let _ = live.next();
        }
        let Accounts { bytes, cut, cut_bytes, wire_bytes, .. } = live.accounts();
        assert!(bytes <= 60 && cut == 1 && bytes + cut_bytes == wire_bytes && wire_bytes == 142, "{bytes} {cut_bytes}");
    }

    #[test]
    fn mistakes_are_explained() {
        match Live::open(&["no-such-if0"], &LiveOptions::default()).err().unwrap() {
            // Without permission libpcap does not get as far as the name.
            CaptureError::Permission { .. } => eprintln!("SKIPPED: no permission to capture here"),
            CaptureError::NoSuchInterface { known, .. } => assert!(known.iter().any(|name| name == "lo"), "{known:?}"),
            other => panic!("{other}"),
        }
        let options = LiveOptions { filter: Some("tcp prt 80".into()), ..LiveOptions::default() };
        match Live::open(&["lo"], &options).err().unwrap() {
            CaptureError::Permission { .. } => eprintln!("SKIPPED: no permission to capture here"),
            error => assert!(matches!(error, CaptureError::Filter { .. }), "{error}"),
        }
    }
}
