//! The connections of one worker: found by key, by age, and by what is due.
//!
//! Timers are lazy: each connection has one valid entry, at or before the time at which something is due. When it
//! comes up, what is really due is computed anew; a packet only moves `last_seen`. Stale entries are swept out when they
//! outnumber the connections, so the memory is bounded by the number of connections.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::hash::{BuildHasher, Hash, Hasher};
use std::net::IpAddr;

use ahash::RandomState;
use spyhop_model::{FlowKey, Socket, Span, Timestamp};

use crate::flow::Flow;
use crate::limits::Limits;
use crate::reader::StreamReader;

/// A connection younger than this may yet bring its first data: a handshake takes a round trip.
const OPENING: Span = Span::seconds(1);

/// Connections with data among which one is chosen to give way. One that speaks now and then stands among that many slow
/// ones, and stays.
const LOOKS: usize = 16;

/// A place in the table, and which of its tenants is meant.
pub(crate) type Slot = (u32, u32);

pub(crate) struct Table<R> {
    places: Vec<Place<R>>,
    free: Vec<u32>,
    index: HashMap<Key, u32, RandomState>,
    /// By the hash of both sockets without VLANs, the latest; to find the other half on another VLAN. Kept from the first
    /// VLAN tag on, since without tags there is nothing to join.
    pairs: Option<HashMap<u64, u32, RandomState>>,
    timers: BinaryHeap<Reverse<(Timestamp, Slot)>>,
    /// Connections without data, or ended: first to give way, oldest first.
    spare: VecDeque<Slot>,
    /// Connections with data, about by age.
    busy: VecDeque<Slot>,
    /// How often a victim was looked for among them.
    looked: usize,
    hasher: RandomState,
}

struct Place<R> {
    tenant: u32,
    flow: Option<Flow<R>>,
}

/// A flow key that hashes in few steps.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Key(FlowKey);

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash_socket(self.0.low, state);
        hash_socket(self.0.high, state);
        self.0.vlans.hash(state);
    }
}

fn hash_socket<H: Hasher>(socket: Socket, state: &mut H) {
    match socket.ip {
        IpAddr::V4(ip) => state.write_u64(u64::from(ip.to_bits()) << 16 | u64::from(socket.port)),
        IpAddr::V6(ip) => {
            state.write_u128(ip.to_bits());
            state.write_u16(socket.port);
        }
    }
}

impl<R: StreamReader> Table<R> {
    pub(crate) fn new() -> Table<R> {
        Table {
            places: Vec::new(),
            free: Vec::new(),
            index: HashMap::default(),
            pairs: None,
            timers: BinaryHeap::new(),
            spare: VecDeque::new(),
            busy: VecDeque::new(),
            looked: 0,
            hasher: RandomState::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    pub(crate) fn find(&self, key: &FlowKey) -> Option<Slot> {
        let place = *self.index.get(&Key(*key))?;
        Some((place, self.places.get(place as usize)?.tenant))
    }

    /// A connection between the same sockets on other VLANs.
    pub(crate) fn find_pair(&mut self, key: &FlowKey) -> Option<Slot> {
        if self.pairs.is_none() {
            if key.vlans.is_empty() {
                return None;
            }
            let known = self.places.iter().zip(0u32..);
            self.pairs = Some(known.filter_map(|(p, at)| Some((self.pair(&p.flow.as_ref()?.key), at))).collect());
        }
        let place = *self.pairs.as_ref()?.get(&self.pair(key))?;
        let found = self.places.get(place as usize)?;
        let flow = found.flow.as_ref()?;
        (flow.key.low == key.low && flow.key.high == key.high).then_some((place, found.tenant))
    }

    fn pair(&self, key: &FlowKey) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        hash_socket(key.low, &mut hasher);
        hash_socket(key.high, &mut hasher);
        hasher.finish()
    }

    pub(crate) fn get_mut(&mut self, (place, tenant): Slot) -> Option<&mut Flow<R>> {
        let place = self.places.get_mut(place as usize)?;
        if place.tenant == tenant { place.flow.as_mut() } else { None }
    }

    pub(crate) fn insert(&mut self, flow: Flow<R>) -> Slot {
        let key = flow.key;
        let place = self.free.pop().unwrap_or_else(|| {
            self.places.push(Place { tenant: 0, flow: None });
            self.places.len() as u32 - 1
        });
        let mut slot = (place, 0);
        if let Some(place) = self.places.get_mut(place as usize) {
            place.tenant = place.tenant.wrapping_add(1);
            place.flow = Some(flow);
            slot.1 = place.tenant;
        }
        self.index.insert(Key(key), place);
        let pair = self.pair(&key);
        if let Some(pairs) = &mut self.pairs {
            pairs.insert(pair, place);
        }
        slot
    }

    /// Finds the connection by a second key as well.
    pub(crate) fn join(&mut self, slot: Slot, key: FlowKey) {
        if let Some(flow) = self.get_mut(slot) {
            flow.aliases.push(key);
            self.index.insert(Key(key), slot.0);
        }
    }

    pub(crate) fn remove(&mut self, slot: Slot) -> Option<Flow<R>> {
        let place = self.places.get_mut(slot.0 as usize).filter(|place| place.tenant == slot.1)?;
        let flow = place.flow.take()?;
        place.tenant = place.tenant.wrapping_add(1);
        self.free.push(slot.0);
        self.index.remove(&Key(flow.key));
        for alias in &flow.aliases {
            self.index.remove(&Key(*alias));
        }
        let pair = self.pair(&flow.key);
        if let Some(pairs) = &mut self.pairs
            && pairs.get(&pair) == Some(&slot.0)
        {
            pairs.remove(&pair);
        }
        Some(flow)
    }

    /// Makes sure that the connection's timer comes up when something is due.
    pub(crate) fn arm(&mut self, slot: Slot, limits: &Limits) {
        let Some(flow) = self.get_mut(slot) else { return };
        let due = flow.due(limits);
        if due < flow.armed {
            flow.armed = due;
            self.timers.push(Reverse((due, slot)));
            if self.timers.len() > 1024 + 4 * self.len() {
                let places = &self.places;
                self.timers.retain(|Reverse((at, slot))| is_armed(places, *slot, *at));
            }
        }
    }

    /// Takes the connection whose timer comes up next, by `to` at the latest. Its deadline may have moved.
    pub(crate) fn due(&mut self, to: Timestamp) -> Option<(Timestamp, Slot)> {
        while let Some(Reverse((at, slot))) = self.timers.peek().copied() {
            if at > to {
                return None;
            }
            self.timers.pop();
            if is_armed(&self.places, slot, at) {
                if let Some(flow) = self.get_mut(slot) {
                    flow.armed = Timestamp::MAX;
                }
                return Some((at, slot));
            }
        }
        None
    }

    /// The connection has no data (yet, or any more): it gives way first.
    pub(crate) fn mark_spare(&mut self, slot: Slot) {
        self.spare.push_back(slot);
        if self.spare.len() > 1024 + 4 * self.len() {
            let places = &self.places;
            let mut kept = std::collections::HashSet::with_hasher(self.hasher.clone());
            self.spare.retain(|slot| tenant(places, *slot).is_some_and(is_spare) && kept.insert(*slot));
        }
    }

    /// The connection has data.
    pub(crate) fn mark_busy(&mut self, slot: Slot) {
        self.busy.push_back(slot);
        if self.busy.len() > 1024 + 4 * self.len() {
            let places = &self.places;
            let mut kept = std::collections::HashSet::with_hasher(self.hasher.clone());
            self.busy.retain(|slot| tenant(places, *slot).is_some_and(|f| !is_spare(f)) && kept.insert(*slot));
        }
    }

    /// Whom to give up for a new connection at `now`: the oldest without data, else one that was silent for long.
    ///
    /// Where nearly all have data, those without are the few that are just opening: they do not give way to a table full
    /// of slow ones. A flood of openings shows in their number.
    pub(crate) fn victim(&mut self, now: Timestamp) -> Option<Slot> {
        while let Some(slot) = self.spare.front().copied() {
            if let Some(flow) = tenant(&self.places, slot).filter(|flow| is_spare(flow)) {
                // What follows in the queue came later, so this is all of them.
                let few = self.spare.len() < self.len() / 8;
                if few && flow.ended.is_none() && flow.started + OPENING > now {
                    break;
                }
                self.spare.pop_front();
                return Some(slot);
            }
            self.spare.pop_front();
        }
        // A few looks must do, spread over the queue, which stands by age; the longest silent of them goes.
        let mut longest: Option<(Timestamp, Slot)> = None;
        self.looked = self.looked.wrapping_add(1);
        let len = self.busy.len();
        let mut at = self.looked.wrapping_mul(0x9e37_79b9) % len.max(1);
        for _ in 0..LOOKS.min(len) {
            at = (at + len.div_ceil(LOOKS)) % self.busy.len().max(1);
            let Some(slot) = self.busy.get(at).copied() else { break };
            match tenant(&self.places, slot).filter(|flow| !is_spare(flow)) {
                None => drop(self.busy.swap_remove_back(at)),
                Some(flow) if longest.is_none_or(|(seen, _)| flow.last_seen < seen) => {
                    longest = Some((flow.last_seen, slot));
                }
                Some(_) => {}
            }
        }
        let silent = longest.filter(|(seen, _)| *seen + OPENING <= now).map(|(_, slot)| slot);
        silent.or_else(|| self.spare.pop_front()).or_else(|| longest.map(|(_, slot)| slot)).or_else(|| self.any())
    }

    /// Any connection at all, for when the queues know none.
    fn any(&self) -> Option<Slot> {
        let place = self.places.iter().position(|place| place.flow.is_some())?;
        Some((place as u32, self.places.get(place)?.tenant))
    }

    /// All connections, by start and key.
    pub(crate) fn in_order(&self) -> Vec<Slot> {
        let mut all: Vec<_> = self
            .places
            .iter()
            .zip(0u32..)
            .filter_map(|(place, at)| place.flow.as_ref().map(|f| (f.started, f.key, (at, place.tenant))))
            .collect();
        all.sort_unstable();
        all.into_iter().map(|(_, _, slot)| slot).collect()
    }
}

fn tenant<R>(places: &[Place<R>], (place, tenant): Slot) -> Option<&Flow<R>> {
    places.get(place as usize).filter(|place| place.tenant == tenant)?.flow.as_ref()
}

fn is_armed<R>(places: &[Place<R>], slot: Slot, at: Timestamp) -> bool {
    tenant(places, slot).is_some_and(|flow| flow.armed == at)
}

fn is_spare<R: StreamReader>(flow: &Flow<R>) -> bool {
    flow.ended.is_some() || flow.quiet()
}
