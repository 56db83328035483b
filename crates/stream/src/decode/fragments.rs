//! Putting IP fragments together (RFC 791, RFC 8200 section 4.5), bounded in number, octets and capture time.
//!
//! A mirror that delivers packets twice brings fragments again whose datagram is whole already. They would wait for
//! others that never come, and could meet those of a later datagram with the same identification; so the last fragments
//! are known by their content for a moment.
//!
//! Where fragments overlap, IPv4 keeps what arrived first and IPv6 drops the datagram (RFC 5722). A datagram that was
//! dropped is remembered until it would have expired, so that its remaining fragments are not taken for a new one.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::ops::AddAssign;

use ahash::RandomState;
use spyhop_model::{Span, Timestamp, Vlans, settings};

use super::Path;

settings! {
    /// Limits of fragment reassembly.
    #[derive(Copy)]
    pub struct FragmentLimits {
        /// Datagrams waited for at the same time; the oldest gives way.
        datagrams: usize = 1024,
        /// Octets allocated for them; the oldest gives way.
        bytes: usize = 8 << 20,
        /// Holes in one datagram, so that crafted fragments do not make it slow.
        holes: usize = 256,
        /// Capture time from the first fragment on. RFC 791 and Linux say 30 s (RFC 8200: 60 s).
        within: Span = Span::seconds(30),
        /// How soon after a fragment the mirror delivers its copy, where it delivers packets twice.
        copies: Span = Span::millis(10),
    }
}

/// What fragment reassembly saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FragmentAccounts {
    /// Fragments.
    pub fragments: u64,
    /// Datagrams made whole.
    pub reassembled: u64,
    /// Datagrams given up because fragments were missing for too long.
    pub expired: u64,
    /// Datagrams given up to make room.
    pub evicted: u64,
    /// Datagrams dropped for what their fragments said.
    pub dropped: u64,
    /// Fragments overlapping others with the same content.
    pub overlaps: u64,
    /// Fragments overlapping others with different content.
    pub conflicts: u64,
    /// Fragments that the mirror delivered again when their datagram was whole.
    pub copies: u64,
}

impl AddAssign for FragmentAccounts {
    fn add_assign(&mut self, other: FragmentAccounts) {
        self.fragments += other.fragments;
        self.reassembled += other.reassembled;
        self.expired += other.expired;
        self.evicted += other.evicted;
        self.dropped += other.dropped;
        self.overlaps += other.overlaps;
        self.conflicts += other.conflicts;
        self.copies += other.copies;
    }
}

/// Which fragments belong together. VLANs count, since private address ranges collide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct FragmentKey {
    pub(super) src: IpAddr,
    pub(super) dst: IpAddr,
    pub(super) vlans: Vlans,
    pub(super) id: u32,
    /// IPv4's protocol; zero for IPv6, where fragments need not agree on it.
    pub(super) protocol: u8,
}

pub(super) struct Fragment<'a> {
    pub(super) key: FragmentKey,
    /// In octets.
    pub(super) offset: usize,
    /// Not the last one.
    pub(super) more: bool,
    pub(super) bytes: &'a [u8],
    /// Where decoding goes on when the datagram is whole.
    pub(super) path: Path,
}

pub(super) enum Held {
    Whole { bytes: Vec<u8>, path: Path },
    Waiting,
    Refused,
}

struct Partial {
    serial: u64,
    data: Vec<u8>,
    /// Ranges of `data` that have arrived: sorted, apart from each other.
    have: Vec<(usize, usize)>,
    total: Option<usize>,
    /// Of the first fragment, once it came.
    path: Option<Path>,
    /// Not to be completed any more.
    dropped: bool,
}

pub(super) struct Fragments {
    limits: FragmentLimits,
    partial: HashMap<FragmentKey, Partial, RandomState>,
    /// By arrival of the first fragment.
    order: VecDeque<(Timestamp, u64, FragmentKey)>,
    /// The last fragments, by a hash of all that they are.
    recent: [(Timestamp, u64); RECENT],
    hasher: RandomState,
    bytes: usize,
    serial: u64,
    accounts: FragmentAccounts,
}

/// Fragments remembered to know copies by: those of one datagram of the largest usual size, twice.
const RECENT: usize = 96;

/// The longest payload that an IP header's lengths can describe.
const MAX_DATAGRAM: usize = 65_535;

impl Fragments {
    pub(super) fn new(limits: FragmentLimits) -> Fragments {
        Fragments {
            limits,
            partial: HashMap::default(),
            order: VecDeque::new(),
            recent: [(Timestamp(0), 0); RECENT],
            hasher: RandomState::new(),
            bytes: 0,
            serial: 0,
            accounts: FragmentAccounts::default(),
        }
    }

    pub(super) fn accounts(&self) -> FragmentAccounts {
        self.accounts
    }

    pub(super) fn add(&mut self, fragment: Fragment<'_>, at: Timestamp) -> Held {
        self.accounts.fragments += 1;
        self.expire(at);
        let end = fragment.offset + fragment.bytes.len();
        // All but the last are multiples of eight octets (RFC 791, section 3.2; RFC 8200, section 4.5).
        if end > MAX_DATAGRAM || fragment.bytes.is_empty() || (fragment.more && !fragment.bytes.len().is_multiple_of(8))
        {
            return Held::Refused;
        }
        let copy = self.copy(&fragment, at);
        if !self.partial.contains_key(&fragment.key) {
            if copy {
                self.accounts.copies += 1;
                return Held::Waiting;
            }
            self.begin(fragment.key, at);
        }
        let Some(partial) = self.partial.get_mut(&fragment.key) else { return Held::Refused };
        if partial.dropped {
            return Held::Refused;
        }
        let before = partial.data.capacity();
        let placed = partial.place(&fragment, end, self.limits.holes, &mut self.accounts);
        self.bytes = self.bytes - before + partial.data.capacity();
        if !placed {
            self.accounts.dropped += 1;
            partial.dropped = true;
            self.bytes -= partial.data.capacity();
            (partial.data, partial.have) = (Vec::new(), Vec::new());
            return Held::Refused;
        }
        if let (Some(path), true) = (partial.path, partial.is_whole()) {
            let mut bytes = self.remove(&fragment.key).map(|partial| partial.data).unwrap_or_default();
            bytes.shrink_to_fit();
            self.accounts.reassembled += 1;
            return Held::Whole { bytes, path };
        }
        while self.bytes > self.limits.bytes && self.evict() {}
        Held::Waiting
    }

    /// Whether the very same fragment came a moment ago; notes it otherwise.
    fn copy(&mut self, fragment: &Fragment<'_>, at: Timestamp) -> bool {
        let mark = self.hasher.hash_one((&fragment.key, fragment.offset, fragment.more, fragment.bytes));
        if self.recent.iter().any(|(since, known)| *known == mark && at <= *since + self.limits.copies) {
            return true;
        }
        let next = self.accounts.fragments as usize % RECENT;
        if let Some(place) = self.recent.get_mut(next) {
            *place = (at, mark);
        }
        false
    }

    fn begin(&mut self, key: FragmentKey, at: Timestamp) {
        while self.partial.len() >= self.limits.datagrams.max(1) && self.evict() {}
        self.serial += 1;
        let serial = self.serial;
        let partial = Partial { serial, data: Vec::new(), have: Vec::new(), total: None, path: None, dropped: false };
        self.partial.insert(key, partial);
        self.order.push_back((at, serial, key));
        // Places of datagrams that were completed stay in the order until they come to its front.
        if self.order.len() > 2 * self.limits.datagrams + 64 {
            let partial = &self.partial;
            self.order.retain(|(_, serial, key)| partial.get(key).is_some_and(|p| p.serial == *serial));
        }
    }

    fn remove(&mut self, key: &FragmentKey) -> Option<Partial> {
        let partial = self.partial.remove(key)?;
        self.bytes -= partial.data.capacity();
        Some(partial)
    }

    fn expire(&mut self, now: Timestamp) {
        while let Some(&(at, serial, key)) = self.order.front() {
            let stale = self.partial.get(&key).is_none_or(|partial| partial.serial != serial);
            if !stale && now < at + self.limits.within {
                return;
            }
            self.order.pop_front();
            if !stale && self.remove(&key).is_some_and(|partial| !partial.dropped) {
                self.accounts.expired += 1;
            }
        }
    }

    /// Gives up the oldest; false if there is none.
    fn evict(&mut self) -> bool {
        while let Some((_, serial, key)) = self.order.pop_front() {
            if self.partial.get(&key).is_some_and(|partial| partial.serial == serial) {
                if self.remove(&key).is_some_and(|partial| !partial.dropped) {
                    self.accounts.evicted += 1;
                }
                return true;
            }
        }
        false
    }
}

impl Partial {
    /// Copies what is new; false if the datagram is to be dropped.
    fn place(&mut self, fragment: &Fragment<'_>, end: usize, holes: usize, accounts: &mut FragmentAccounts) -> bool {
        let start = fragment.offset;
        let known = self.have.last().map_or(0, |(_, end)| *end);
        if !fragment.more {
            // Two last fragments that do not agree, or one before the end of others.
            if self.total.is_some_and(|total| total != end) || known > end {
                return false;
            }
            self.total = Some(end);
        } else if self.total.is_some_and(|total| end > total) {
            return false;
        }
        if start == 0 && self.path.is_none() {
            self.path = Some(fragment.path);
        }
        if self.data.len() < end {
            self.data.resize(end, 0);
        }
        // Overlaps: compare, then fill the holes between.
        let first = self.have.partition_point(|range| range.1 < start);
        let behind = self.have.partition_point(|range| range.0 <= end);
        let touching = self.have.get(first..behind).unwrap_or_default();
        let (mut overlaps, mut conflicts, mut at) = (false, false, start);
        let mut fresh: Vec<(usize, usize)> = Vec::new();
        for &(from, to) in touching {
            let (shared_from, shared_to) = (from.max(start), to.min(end));
            if shared_from < shared_to {
                overlaps = true;
                conflicts |=
                    self.data.get(shared_from..shared_to) != fragment.bytes.get(shared_from - start..shared_to - start);
            }
            if at < shared_from {
                fresh.push((at, shared_from));
            }
            at = at.max(to);
        }
        if at < end {
            fresh.push((at, end));
        }
        accounts.overlaps += u64::from(overlaps && !conflicts);
        accounts.conflicts += u64::from(conflicts);
        // RFC 5722; a mere duplicate is none (RFC 8200, section 4.5).
        if overlaps && matches!(fragment.key.src, IpAddr::V6(_)) && (conflicts || !fresh.is_empty()) {
            return false;
        }
        for (from, to) in fresh {
            if let (Some(into), Some(bytes)) =
                (self.data.get_mut(from..to), fragment.bytes.get(from - start..to - start))
            {
                into.copy_from_slice(bytes);
            }
        }
        let from = touching.first().map_or(start, |range| range.0.min(start));
        let to = touching.last().map_or(end, |range| range.1.max(end));
        self.have.splice(first..behind, [(from, to)]);
        self.have.len() <= holes + 1
    }

    fn is_whole(&self) -> bool {
        self.total.is_some_and(|total| self.have == [(0, total)])
    }
}
