//! Packets that the mirror delivers twice: ingress and egress of one switch, or two monitor sessions.
//!
//! A copy is the very same TCP segment a moment later. VLANs, addresses of the link and the time to live may differ, where
//! a router stands between; everything from the IP identification on does not. A retransmission is another packet: most
//! senders number it anew, its timestamp option moves on, and it comes after a timeout. The TCP checksum stands for what
//! is not compared itself, options and payload; payload of a copy is compared with the first arrival all the same.

use spyhop_model::{Span, Timestamp};

use crate::packet::{Flags, Segment};

/// Segments remembered per direction. Copies come next or after a few others.
const RECENT: usize = 8;
/// Where the sender does not number its packets (IPv6, and IPv4 with an identification of zero), a retransmission can look
/// like a copy, and only time tells: this part of the usual one.
const UNNUMBERED: u64 = 10;

/// The last segments of one direction, for 64 octets. Without pointers, so that a connection without data costs no
/// allocation.
#[derive(Default)]
pub(crate) struct Recent {
    marks: [u32; RECENT],
    /// In units of [`UNIT`]; wraps after days, when the marks are long forgotten.
    times: [u32; RECENT],
    at: u8,
}

/// 2^UNIT nanoseconds, about 65 microseconds.
const UNIT: u32 = 16;

impl Recent {
    /// Notes a segment; true if it is a copy of one that came `within` before.
    #[inline]
    pub(crate) fn note(&mut self, s: &Segment<'_>, within: Span) -> bool {
        let mark = mark(s);
        // All at once rather than up to the first, which nearly always is none: that is a few vector instructions.
        if self.marks.iter().fold(false, |known, other| known | (*other == mark)) {
            return self.again(mark, s, within);
        }
        let at = usize::from(self.at) % RECENT;
        if let (Some(place), Some(time)) = (self.marks.get_mut(at), self.times.get_mut(at)) {
            (*place, *time) = (mark, unit(s.at));
        }
        self.at = self.at.wrapping_add(1);
        false
    }

    /// A mark that is known: of a copy, unless it is too old.
    #[cold]
    fn again(&mut self, mark: u32, s: &Segment<'_>, within: Span) -> bool {
        let Some(at) = self.marks.iter().position(|known| *known == mark) else { return false };
        let near = self.near(at, s, within);
        if !near && let Some(time) = self.times.get_mut(at) {
            *time = unit(s.at);
        }
        near
    }

    /// Whether a segment is a copy of one that was noted `within` before.
    pub(crate) fn holds(&self, s: &Segment<'_>, within: Span) -> bool {
        let mark = mark(s);
        // A retransmission does not change its VLAN, so that one that does may come as late as a router takes.
        let within = if s.ip_id == 0 { Span(within.0.saturating_mul(UNNUMBERED)) } else { within };
        self.marks.iter().position(|known| *known == mark).is_some_and(|at| self.near(at, s, within))
    }

    fn near(&self, at: usize, s: &Segment<'_>, within: Span) -> bool {
        // Acknowledgements that repeat each other are how receivers tell a loss (RFC 5681, section 3.2), and each segment
        // that comes too late is answered by a RST like the one before.
        let bare = s.payload.is_empty() && s.cut == 0 && !s.flags.has(Flags::SYN | Flags::FIN);
        let within = match s.ip_id {
            0 if bare => return false,
            0 => within.0 / UNNUMBERED,
            _ => within.0,
        };
        let age = self.times.get(at).map_or(u32::MAX, |time| unit(s.at).wrapping_sub(*time));
        u64::from(age) <= within >> UNIT
    }
}

fn unit(at: Timestamp) -> u32 {
    (at.0 >> UNIT) as u32
}

/// What copies have in common and other segments do not, as far as 32 bits can tell. The same in every run. Never zero,
/// which is no segment.
#[inline]
fn mark(s: &Segment<'_>) -> u32 {
    let len = s.payload.len() as u64 + u64::from(s.cut);
    let numbers = u64::from(s.seq) << 32 | u64::from(s.ack);
    let rest =
        u64::from(s.checksum) << 48 | u64::from(s.ip_id) << 32 | u64::from(s.window) << 16 | u64::from(s.flags.0);
    let product = u128::from(numbers ^ 0x9e37_79b9_7f4a_7c15) * u128::from(rest ^ len << 8 ^ 0xbb67_ae85_84ca_a73b);
    let folded = (product >> 64) as u64 ^ product as u64;
    ((folded >> 32) as u32 ^ folded as u32).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    const WITHIN: Span = Span::millis(10);

    fn at(us: u64, segment: Segment<'static>) -> Segment<'static> {
        Segment { at: Timestamp(us * 1000), ..segment }
    }

    #[test]
    fn the_same_segment_a_moment_later_is_a_copy() {
        let data = Segment { ip_id: 7, payload: b"GET", checksum: 99, ..testing::segment() };
        let routed = Segment { ttl: 63, ..data };
        let mut recent = Recent::default();
        assert!(!recent.note(&at(0, data), WITHIN));
        assert!(recent.holds(&at(9_900, routed), WITHIN) && recent.note(&at(9_900, routed), WITHIN));
        // A third one counts from the first.
        assert!(!recent.note(&at(10_100, data), WITHIN));
        // Each of these tells that it is another packet.
        for other in [
            Segment { ip_id: 8, ..data },
            Segment { checksum: 100, ..data },
            Segment { seq: 1, ..data },
            Segment { ack: 1448, window: data.window.wrapping_sub(1448), ..data },
            Segment { payload: b"GE", ..data },
            Segment { flags: Flags(Flags::ACK | Flags::PSH), ..data },
        ] {
            assert!(!recent.note(&at(10_200, other), WITHIN), "{other:?}");
        }
        // Forgotten after so many others.
        assert!(recent.holds(&at(10_300, data), WITHIN));
        for n in 0..RECENT as u32 {
            recent.note(&at(10_300, Segment { seq: 100 + n, ..data }), WITHIN);
        }
        assert!(!recent.holds(&at(10_300, data), WITHIN));
    }

    #[test]
    fn without_a_number_only_what_comes_at_once_is_a_copy() {
        let data = Segment { payload: b"GET", ..testing::segment() };
        let mut recent = Recent::default();
        assert!(!recent.note(&at(0, data), WITHIN));
        assert!(recent.note(&at(900, data), WITHIN));
        assert!(!recent.note(&at(1_200, data), WITHIN));
        // Acknowledgements that repeat each other are not copies, unless they are one numbered packet.
        let ack = testing::segment();
        assert!(!recent.note(&at(2_000, ack), WITHIN) && !recent.note(&at(2_000, ack), WITHIN));
        let ack = Segment { ip_id: 5, ..ack };
        assert!(!recent.note(&at(2_000, ack), WITHIN) && recent.note(&at(2_000, ack), WITHIN));
        assert!(!recent.note(&at(2_000, Segment { ip_id: 6, ..ack }), WITHIN));
        let rst = Segment { flags: Flags(Flags::RST), ..testing::segment() };
        assert!(!recent.note(&at(2_000, rst), WITHIN) && !recent.note(&at(2_000, rst), WITHIN));
        let syn = Segment { flags: Flags(Flags::SYN), ..testing::segment() };
        assert!(!recent.note(&at(2_000, syn), WITHIN) && recent.note(&at(2_000, syn), WITHIN));
    }
}
