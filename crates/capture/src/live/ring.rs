//! One interface being read: a ring of packets that the kernel fills (on Linux a memory-mapped packet socket, by libpcap).

use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use pcap::{Active, Capture, Precision};
use spyhop_model::Timestamp;
use spyhop_stream::LinkType;

use super::interfaces::explain;
use super::{KernelCounts, LiveOptions};
use crate::error::CaptureError;
use crate::filter::{link_type, message};

/// libpcap's name for all interfaces together; it cannot be promiscuous.
const ANY: &str = "any";

/// A packet as it lies in the ring.
pub(super) struct Raw<'a> {
    pub(super) stamp: Timestamp,
    pub(super) wire_len: u32,
    pub(super) data: &'a [u8],
}

pub(super) struct Ring {
    name: String,
    capture: Capture<Active>,
    pub(super) link: LinkType,
    /// Nanoseconds in a unit of the second half of a time stamp.
    unit: u64,
    /// What libpcap counted last; its numbers wrap at 32 bits.
    raw: [u32; 3],
}

impl Ring {
    pub(super) fn open(interface: &str, options: &LiveOptions) -> Result<Ring, CaptureError> {
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
        Ok(Ring { name: interface.to_owned(), capture, link, unit: if nano { 1 } else { 1000 }, raw: [0; 3] })
    }

    /// The next packet, if there is one now.
    pub(super) fn next(&mut self) -> Result<Option<Raw<'_>>, CaptureError> {
        match self.capture.next_packet() {
            Ok(packet) => {
                let stamp = packet.header.ts;
                let nanos = u64::try_from(stamp.tv_usec).unwrap_or(0) * self.unit;
                Ok(Some(Raw {
                    stamp: Timestamp::from_parts(u64::try_from(stamp.tv_sec).unwrap_or(0), nanos),
                    wire_len: packet.header.len.max(packet.data.len() as u32),
                    data: packet.data,
                }))
            }
            Err(pcap::Error::TimeoutExpired) => Ok(None),
            Err(error) => Err(explain(&self.name, message(error))),
        }
    }

    /// Adds what the kernel counted since it was asked last.
    pub(super) fn count(&mut self, counts: &mut KernelCounts) -> Result<(), CaptureError> {
        let stats = self.capture.stats().map_err(|error| explain(&self.name, message(error)))?;
        let now = [stats.received, stats.dropped, stats.if_dropped];
        let totals = [&mut counts.received, &mut counts.dropped, &mut counts.interface_dropped];
        for ((total, now), before) in totals.into_iter().zip(now).zip(&mut self.raw) {
            *total += u64::from(now.wrapping_sub(*before));
            *before = now;
        }
        Ok(())
    }
}

/// Opens rings in a thread of its own: opening takes time that the other interfaces do not have, and needs a capability that no other
/// thread has to keep.
pub(super) struct Opener {
    ask: Sender<(usize, String)>,
    answers: Receiver<(usize, Result<Ring, CaptureError>)>,
}

impl Opener {
    pub(super) fn start(options: LiveOptions) -> Result<Opener, CaptureError> {
        let (ask, asked) = channel::<(usize, String)>();
        let (answer, answers) = channel();
        let body = move || {
            for (index, name) in asked {
                if answer.send((index, Ring::open(&name, &options))).is_err() {
                    return;
                }
            }
        };
        match thread::Builder::new().name("spyhop-open".into()).spawn(body) {
            Ok(_) => Ok(Opener { ask, answers }),
            Err(wrong) => Err(CaptureError::Interface { name: String::new(), message: wrong.to_string() }),
        }
    }

    /// Asks for an interface; what comes of it is answered later.
    pub(super) fn ask(&self, index: usize, name: &str) {
        // The thread ends with this value only.
        let _ = self.ask.send((index, name.to_owned()));
    }

    pub(super) fn answer(&self) -> Option<(usize, Result<Ring, CaptureError>)> {
        self.answers.try_recv().ok()
    }

    pub(super) fn wait(&self) -> Option<(usize, Result<Ring, CaptureError>)> {
        self.answers.recv().ok()
    }
}

fn clamp(value: u128) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}
