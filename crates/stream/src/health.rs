//! How well the mirror delivers, told apart by where packets come from.
//!
//! A [`Tap`] is a capture interface with the outermost VLAN. The decoder numbers the taps in the order in which they
//! appear, before segments are shared out to workers, so that neither the number of workers nor the limit on taps changes
//! what is counted where. It counts packets; each worker counts what only its connections show; the two are added.

use std::collections::BTreeMap;
use std::ops::AddAssign;

use spyhop_model::{Span, Vlans};

use crate::decode::Encapsulation;
use crate::reader::Content;

/// Capture interfaces that are told apart; all further ones count as the last.
pub const INTERFACES: u16 = 256;
/// Taps that are told apart; all further ones are counted together.
pub const TAPS: u16 = 1024;
/// Age at which a connection that goes on is judged (whether both directions are seen, what it carries), so that
/// connections that are kept open for days are counted too.
pub(crate) const JUDGED_AFTER: Span = Span::seconds(60);

/// Where packets come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tap {
    /// Index of the capture interface, below [`INTERFACES`].
    pub interface: u16,
    /// The outermost VLAN, if there is one.
    pub vlan: Option<u16>,
}

macro_rules! health {
    ($($(#[$doc:meta])* $name:ident,)+) => {
        /// What one tap delivered.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct TapHealth {
            $($(#[$doc])* pub $name: u64,)+
            /// Judged connections by what they carry, in the order of [`Content::ALL`].
            pub contents: [u64; Content::ALL.len()],
            /// Encapsulations taken off packets with TCP, each kind once a packet, in the order of [`Encapsulation::ALL`].
            pub encapsulations: [u64; Encapsulation::ALL.len()],
        }

        impl TapHealth {
            /// The plain numbers with their names.
            pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((stringify!($name), self.$name),)+].into_iter()
            }

            /// What was counted after `earlier`.
            #[must_use]
            pub fn since(&self, earlier: &TapHealth) -> TapHealth {
                let mut after = *self;
                $(after.$name = after.$name.saturating_sub(earlier.$name);)+
                subtract(&mut after.contents, &earlier.contents);
                subtract(&mut after.encapsulations, &earlier.encapsulations);
                after
            }
        }

        impl AddAssign<&TapHealth> for TapHealth {
            fn add_assign(&mut self, other: &TapHealth) {
                $(self.$name += other.$name;)+
                add(&mut self.contents, &other.contents);
                add(&mut self.encapsulations, &other.encapsulations);
            }
        }
    };
}

health! {
    /// Packets with a TCP segment, those put together from fragments once.
    packets,
    /// Their captured payload in octets.
    payload,
    /// Of these packets, those that the capture cut within the payload.
    cut_packets,
    /// Octets of payload that it cut off.
    cut_bytes,
    /// Packets without a segment because the capture cut them within their headers.
    headers_cut,
    /// Packets that the mirror delivered a second (third, ...) time.
    mirrored_twice,
    /// Captured payload of these copies in octets.
    mirrored_twice_bytes,
    /// Connections with data that were judged: when they ended, were evicted, the capture ended, or after a minute.
    connections,
    /// Of these, connections of which packets of one direction only were ever seen.
    one_way,
    /// Of these, connections whose opening (SYN) was not seen.
    midstream,
    /// Connections whose directions came on different VLANs and were joined.
    split_vlans,
    /// Holes in streams that were given up.
    gaps,
    /// Octets in them.
    gap_bytes,
    /// Of these, octets that the receiver acknowledged and that the capture did not cut: lost on the way to the sensor.
    /// Of a connection that is seen one way, the direction that is not seen does not count.
    acked_unseen,
    /// Octets of these that came after all, in time to be read.
    refilled,
}

fn add(to: &mut [u64], more: &[u64]) {
    to.iter_mut().zip(more).for_each(|(to, more)| *to += more);
}

fn subtract(from: &mut [u64], less: &[u64]) {
    from.iter_mut().zip(less).for_each(|(from, less)| *from = from.saturating_sub(*less));
}

impl TapHealth {
    /// Judged connections that carry `content`.
    pub fn of(&self, content: Content) -> u64 {
        self.contents.get(content as usize).copied().unwrap_or_default()
    }

    /// Octets that were acknowledged and never came.
    pub fn lost_before_us(&self) -> u64 {
        self.acked_unseen.saturating_sub(self.refilled)
    }

    pub(crate) fn judged(&mut self, content: Content, one_way: bool, midstream: bool) {
        self.connections += 1;
        self.one_way += u64::from(one_way);
        self.midstream += u64::from(midstream);
        if let Some(count) = self.contents.get_mut(content as usize) {
            *count += 1;
        }
    }

    /// `kinds`: bits in the order of [`Encapsulation::ALL`].
    pub(crate) fn encapsulated(&mut self, kinds: u32) {
        let mut rest = kinds;
        while rest != 0 {
            if let Some(count) = self.encapsulations.get_mut(rest.trailing_zeros() as usize) {
                *count += 1;
            }
            rest &= rest - 1;
        }
    }
}

/// Counts by the number of their tap, as one decoder or one worker has them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TapCounts {
    taps: Vec<TapHealth>,
    /// Of taps beyond the limit.
    rest: TapHealth,
}

impl TapCounts {
    /// The counts of a tap.
    #[inline]
    pub(crate) fn at(&mut self, tap: u16) -> &mut TapHealth {
        let at = usize::from(tap);
        if at >= self.taps.len() {
            self.grow(tap);
        }
        self.taps.get_mut(at).unwrap_or(&mut self.rest)
    }

    #[cold]
    fn grow(&mut self, tap: u16) {
        if tap < TAPS {
            self.taps.resize(usize::from(tap) + 1, TapHealth::default());
        }
    }
}

impl AddAssign<&TapCounts> for TapCounts {
    fn add_assign(&mut self, other: &TapCounts) {
        if self.taps.len() < other.taps.len() {
            self.taps.resize(other.taps.len(), TapHealth::default());
        }
        self.taps.iter_mut().zip(&other.taps).for_each(|(to, more)| *to += more);
        self.rest += &other.rest;
    }
}

/// What all taps delivered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// By tap.
    pub taps: BTreeMap<Tap, TapHealth>,
    /// Of all taps beyond the limit on their number.
    pub rest: TapHealth,
}

impl Health {
    /// `taps` as [`crate::Decoder::taps`] gives them; `counts` of the decoder and all workers, added.
    pub fn new(taps: &[Tap], counts: &TapCounts) -> Health {
        let taps = taps.iter().zip(0..).map(|(tap, at)| (*tap, counts.taps.get(at).copied().unwrap_or_default()));
        Health { taps: taps.collect(), rest: counts.rest }
    }

    /// All taps together.
    pub fn total(&self) -> TapHealth {
        let mut total = self.rest;
        self.taps.values().for_each(|tap| total += tap);
        total
    }

    /// What was counted after `earlier`, without taps where nothing was.
    #[must_use]
    pub fn since(&self, earlier: &Health) -> Health {
        let after = |(tap, now): (&Tap, &TapHealth)| match earlier.taps.get(tap) {
            Some(before) => (*tap, now.since(before)),
            None => (*tap, *now),
        };
        let changed = self.taps.iter().map(after).filter(|(_, health)| *health != TapHealth::default());
        Health { taps: changed.collect(), rest: self.rest.since(&earlier.rest) }
    }
}

/// Numbers taps in the order in which they appear.
#[derive(Default)]
pub(crate) struct Taps {
    known: Vec<Tap>,
    /// By interface, then by VLAN identifier (0: none): the number, or `UNKNOWN`. Two loads a packet.
    numbers: Vec<Vec<u16>>,
}

/// VLAN identifiers have 12 bits.
const VLANS: usize = 1 << 12;
const UNKNOWN: u16 = u16::MAX;

impl Taps {
    /// The tap's number; [`TAPS`] for those beyond the limit.
    #[inline]
    pub(crate) fn number(&mut self, interface: u16, vlans: Vlans) -> u16 {
        let interface = interface.min(INTERFACES - 1);
        let vlan = if vlans.is_empty() { 0 } else { vlans.iter().next().unwrap_or_default() };
        let known = self.numbers.get(usize::from(interface)).and_then(|vlans| vlans.get(usize::from(vlan)));
        match known {
            Some(&number) if number != UNKNOWN => number,
            _ => self.add(interface, vlan),
        }
    }

    #[cold]
    fn add(&mut self, interface: u16, vlan: u16) -> u16 {
        if self.known.len() >= usize::from(TAPS) {
            return TAPS;
        }
        let at = usize::from(interface);
        if self.numbers.len() <= at {
            self.numbers.resize(at + 1, Vec::new());
        }
        let number = self.known.len() as u16;
        if let Some(numbers) = self.numbers.get_mut(at) {
            numbers.resize(VLANS, UNKNOWN);
            if let Some(place) = numbers.get_mut(usize::from(vlan)) {
                *place = number;
            }
        }
        self.known.push(Tap { interface, vlan: (vlan != 0).then_some(vlan) });
        number
    }

    pub(crate) fn known(&self) -> &[Tap] {
        &self.known
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vlans(ids: &[u16]) -> Vlans {
        let mut vlans = Vlans::default();
        ids.iter().for_each(|id| vlans.push(*id));
        vlans
    }

    #[test]
    fn taps_are_numbered_as_they_appear_and_bounded() {
        let mut taps = Taps::default();
        assert_eq!(taps.number(3, vlans(&[])), 0);
        assert_eq!(taps.number(0, vlans(&[7, 9])), 1);
        assert_eq!(taps.number(3, vlans(&[])), 0);
        assert_eq!(taps.number(0, vlans(&[7])), 1);
        assert_eq!(taps.number(60_000, vlans(&[])), 2);
        assert_eq!(
            taps.known(),
            [
                Tap { interface: 3, vlan: None },
                Tap { interface: 0, vlan: Some(7) },
                Tap { interface: INTERFACES - 1, vlan: None }
            ]
        );
        let numbers: Vec<u16> = (1..=4095).map(|id| taps.number(9, vlans(&[id]))).collect();
        assert_eq!((numbers[0], numbers[1020], numbers[1021], numbers[4094]), (3, TAPS - 1, TAPS, TAPS));
        assert_eq!(taps.known().len(), usize::from(TAPS));
    }

    #[test]
    fn counts_of_decoder_and_workers_add_up_in_any_order() {
        let (mut a, mut b) = (TapCounts::default(), TapCounts::default());
        a.at(0).packets = 5;
        a.at(2).gaps = 1;
        b.at(1).judged(Content::Tls, true, false);
        b.at(TAPS).packets = 7;
        let (mut ab, mut ba) = (a.clone(), b.clone());
        ab += &b;
        ba += &a;
        assert_eq!(ab, ba);
        let taps = [3, 1, 2].map(|interface| Tap { interface, vlan: None });
        let health = Health::new(&taps, &ab);
        let order: Vec<_> =
            health.taps.iter().map(|(tap, of)| (tap.interface, of.packets, of.gaps, of.one_way)).collect();
        assert_eq!(order, [(1, 0, 0, 1), (2, 0, 1, 0), (3, 5, 0, 0)]);
        assert_eq!((health.total().packets, health.rest.packets, health.total().of(Content::Tls)), (12, 7, 1));
        a.at(2).gaps = 4;
        let later = Health::new(&taps, &a).since(&health);
        assert_eq!(later.taps.iter().map(|(tap, of)| (tap.interface, of.gaps)).collect::<Vec<_>>(), [(2, 3)]);
        assert_eq!(health.since(&health), Health::default());
    }

    #[test]
    fn each_kind_of_encapsulation_counts() {
        let mut health = TapHealth::default();
        health.encapsulated(1 << (Encapsulation::Vxlan as u32) | 1 << (Encapsulation::Vlan as u32));
        assert_eq!(health.encapsulations.iter().sum::<u64>(), 2);
        assert_eq!(health.encapsulations[Encapsulation::Vxlan as usize], 1);
    }
}
