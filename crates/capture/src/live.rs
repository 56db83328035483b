//! Packets from an interface, through libpcap (on Linux a memory-mapped packet socket). Only ever read from.

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use pcap::{Active, Capture, ConnectionStatus, Device, Precision};
use spyhop_model::Timestamp;
use spyhop_stream::Packet;

use crate::error::CaptureError;
use crate::filter::{link_type, message};
use crate::ports::Port;
use crate::replay::MAX_PACKET;
use crate::source::Accounts;

/// libpcap's name for all interfaces together; it cannot be promiscuous.
const ANY: &str = "any";

/// How an interface is read.
#[derive(Clone, Debug)]
pub struct LiveOptions {
    /// Octets kept of each packet.
    pub snap_len: u32,
    /// Whether packets for others are taken, as a mirror port needs.
    pub promiscuous: bool,
    /// Octets of the kernel's ring buffer.
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

/// An open interface.
pub struct Live {
    name: String,
    capture: Capture<Active>,
    port: [Port; 1],
    /// Nanoseconds in a unit of the second half of a time stamp.
    unit: u64,
    nap: Duration,
    quiet: bool,
    last: Timestamp,
    accounts: Accounts,
    counts: KernelCounts,
    /// What libpcap said last; its numbers wrap at 32 bits.
    raw: [u32; 3],
}

impl Live {
    /// Opens an interface for reading.
    ///
    /// # Errors
    /// No such interface, no permission, an interface that is down, a refused filter, whatever else libpcap says.
    pub fn open(interface: &str, options: &LiveOptions) -> Result<Self, CaptureError> {
        let failed = |error| explain(interface, message(error));
        // Packet sockets stamp in nanoseconds; libpcap's other sources may not, and cannot be asked.
        let nano = interface == ANY || Path::new("/sys/class/net").join(interface).exists();
        let mut inactive = Capture::from_device(interface)
            .map_err(failed)?
            .snaplen(clamp(options.snap_len.into()))
            .promisc(options.promiscuous && interface != ANY)
            .buffer_size(clamp(options.buffer.into()))
            .timeout(clamp(options.gather.as_millis()).max(1))
            .immediate_mode(options.immediate);
        if nano {
            inactive = inactive.precision(Precision::Nano);
        }
        let mut capture = inactive.open().map_err(failed)?.setnonblock().map_err(failed)?;
        let link = link_type(capture.get_datalink());
        if let Some(expression) = &options.filter {
            capture.filter(expression, true).map_err(|error| CaptureError::Filter {
                expression: expression.clone(),
                link,
                message: message(error),
            })?;
        }
        Ok(Self {
            name: interface.to_owned(),
            capture,
            port: [Port { name: interface.into(), link }],
            unit: if nano { 1 } else { 1000 },
            nap: options.nap,
            quiet: false,
            last: Timestamp(0),
            accounts: Accounts::default(),
            counts: KernelCounts::default(),
            raw: [0; 3],
        })
    }

    /// The next packet, or none if there is none now; asked again, it sleeps for a nap first. So a caller sees its
    /// clock and its stop flag at least that often.
    ///
    /// # Errors
    /// The interface went down or away.
    #[allow(clippy::should_implement_trait, reason = "what is returned borrows from the capture")]
    pub fn next(&mut self) -> Result<Option<Packet<'_>>, CaptureError> {
        if std::mem::take(&mut self.quiet) {
            std::thread::sleep(self.nap);
        }
        match self.capture.next_packet() {
            Ok(packet) => {
                let stamp = packet.header.ts;
                let nanos = u64::try_from(stamp.tv_usec).unwrap_or(0) * self.unit;
                let stamped = Timestamp::from_parts(u64::try_from(stamp.tv_sec).unwrap_or(0), nanos);
                self.accounts.late += u64::from(stamped < self.last);
                self.last = self.last.max(stamped);
                let wire_len = packet.header.len.max(packet.data.len() as u32);
                let [port] = &self.port;
                let packet = Packet { at: self.last, link: port.link, data: packet.data, wire_len, interface: 0 };
                self.accounts.deliver(&packet);
                Ok(Some(packet))
            }
            Err(pcap::Error::TimeoutExpired) => {
                self.quiet = true;
                Ok(None)
            }
            Err(error) => Err(explain(&self.name, message(error))),
        }
    }

    /// The interface as the only port.
    pub fn ports(&self) -> &[Port] {
        &self.port
    }

    /// What became of the packets so far; what the kernel dropped or filtered is not in it.
    pub fn accounts(&self) -> Accounts {
        self.accounts
    }

    /// What the kernel counted so far. To be asked now and then, since its own counters wrap.
    ///
    /// # Errors
    /// libpcap cannot tell, as after the interface went away.
    pub fn stats(&mut self) -> Result<KernelCounts, CaptureError> {
        let stats = self.capture.stats().map_err(|error| explain(&self.name, message(error)))?;
        let counts = &mut self.counts;
        let now = [stats.received, stats.dropped, stats.if_dropped];
        let totals = [&mut counts.received, &mut counts.dropped, &mut counts.interface_dropped];
        for ((total, now), before) in totals.into_iter().zip(now).zip(&mut self.raw) {
            *total += u64::from(now.wrapping_sub(*before));
            *before = now;
        }
        Ok(*counts)
    }
}

/// An interface that can be captured from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// As `Live::open` wants it.
    pub name: String,
    /// libpcap's description, if it has one.
    pub description: Option<String>,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// Brought up by the administrator.
    pub up: bool,
    /// Up and working.
    pub running: bool,
    /// A loopback.
    pub loopback: bool,
    /// Wireless.
    pub wireless: bool,
    /// Whether there is a carrier; none where that is unknown or means nothing.
    pub connected: Option<bool>,
}

/// The interfaces there are, as libpcap sorts them. Needs no permission.
///
/// # Errors
/// libpcap cannot list them.
pub fn interfaces() -> Result<Vec<Interface>, CaptureError> {
    let failed = |error| CaptureError::Interface { name: String::new(), message: message(error) };
    let describe = |device: Device| Interface {
        addresses: device.addresses.iter().map(|address| address.addr).collect(),
        up: device.flags.is_up(),
        running: device.flags.is_running(),
        loopback: device.flags.is_loopback(),
        wireless: device.flags.is_wireless(),
        connected: match device.flags.connection_status {
            ConnectionStatus::Connected => Some(true),
            ConnectionStatus::Disconnected => Some(false),
            ConnectionStatus::Unknown | ConnectionStatus::NotApplicable => None,
        },
        name: device.name,
        description: device.desc,
    };
    Ok(Device::list().map_err(failed)?.into_iter().map(describe).collect())
}

/// libpcap knows its errors by words only.
fn explain(name: &str, message: String) -> CaptureError {
    let name = name.to_owned();
    let known: Vec<String> = interfaces().unwrap_or_default().into_iter().map(|interface| interface.name).collect();
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    if says(&["permission", "Operation not permitted"]) {
        CaptureError::Permission { name }
    } else if says(&["No such device", "disappeared"]) || !known.contains(&name) {
        CaptureError::NoSuchInterface { name, known }
    } else if says(&["not up", "went down", "Network is down"]) {
        CaptureError::Down { name }
    } else {
        CaptureError::Interface { name, message }
    }
}

fn clamp(value: u128) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::time::Instant;

    use super::*;

    /// A capture on the loopback, or none where that is not permitted, which is said aloud.
    fn loopback(options: &LiveOptions) -> Option<Live> {
        match Live::open("lo", options) {
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
        assert!(matches!(live.next(), Ok(None)));
        for n in 0..50u8 {
            UdpSocket::bind("127.0.0.1:0").unwrap().send_to(&[n; 100], ("127.0.0.1", port)).unwrap();
        }
        let (began, mut seen) = (Instant::now(), Vec::new());
        while seen.len() < 50 && began.elapsed() < Duration::from_secs(5) {
            if let Some(packet) = live.next().unwrap() {
                assert_eq!((packet.link.0, packet.data.len(), packet.wire_len), (1, 142, 142));
                seen.push((packet.at, packet.data[141]));
            }
        }
        assert_eq!(seen.iter().map(|(_, n)| *n).collect::<Vec<_>>(), (0..50).collect::<Vec<_>>());
        assert!(seen.is_sorted());
        assert!(seen.iter().any(|(at, _)| at.0 % 1000 != 0), "nanoseconds");
        let stats = live.stats().unwrap();
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
            live.next().unwrap();
        }
        let Accounts { bytes, cut, cut_bytes, wire_bytes, .. } = live.accounts();
        assert!(bytes <= 60 && cut == 1 && bytes + cut_bytes == wire_bytes && wire_bytes == 142, "{bytes} {cut_bytes}");
    }

    #[test]
    fn mistakes_are_explained() {
        match Live::open("no-such-if0", &LiveOptions::default()).err().unwrap() {
            // Without permission libpcap does not get as far as the name.
            CaptureError::Permission { .. } => eprintln!("SKIPPED: no permission to capture here"),
            CaptureError::NoSuchInterface { known, .. } => assert!(known.iter().any(|name| name == "lo"), "{known:?}"),
            other => panic!("{other}"),
        }
        let options = LiveOptions { filter: Some("tcp prt 80".into()), ..LiveOptions::default() };
        match Live::open("lo", &options).err().unwrap() {
            CaptureError::Permission { .. } => eprintln!("SKIPPED: no permission to capture here"),
            error => assert!(matches!(error, CaptureError::Filter { .. }), "{error}"),
        }
        let lo = "lo: You don't have permission to perform this capture on that device";
        assert!(explain("lo", lo.into()).to_string().contains("setcap cap_net_raw+ep"));
        assert!(explain("lo", "lo: That device is not up".into()).to_string().contains("ip link set lo up"));
        assert!(explain("lo", "something else".into()).to_string().contains("something else"));
    }

    #[test]
    fn the_loopback_is_listed() {
        let lo = interfaces().unwrap().into_iter().find(|interface| interface.name == "lo").unwrap();
        assert!(lo.loopback && lo.up);
    }
}
