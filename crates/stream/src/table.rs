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
use spyhop_model::{FlowKey, Socket, Timestamp};

use crate::flow::Flow;
use crate::limits::Limits;
use crate::reader::StreamReader;

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
    /// Connections with data, by when they were last looked at.
    busy: VecDeque<(Slot, Timestamp)>,
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
    pub(crate) fn mark_busy(&mut self, slot: Slot, at: Timestamp) {
        self.busy.push_back((slot, at));
        if self.busy.len() > 1024 + 4 * self.len() {
            let places = &self.places;
            let mut kept = std::collections::HashSet::with_hasher(self.hasher.clone());
            self.busy.retain(|(slot, _)| tenant(places, *slot).is_some_and(|f| !is_spare(f)) && kept.insert(*slot));
        }
    }

    /// Whom to give up for a new connection: the oldest without data, else one that was silent for long.
    pub(crate) fn victim(&mut self) -> Option<Slot> {
        while let Some(slot) = self.spare.pop_front() {
            if tenant(&self.places, slot).is_some_and(is_spare) {
                return Some(slot);
            }
        }
        // Those heard of since they were looked at go to the back. A few looks must do; then the longest silent of
        // those looked at goes.
        let mut longest: Option<(Timestamp, Slot)> = None;
        for _ in 0..64 {
            let Some((slot, looked)) = self.busy.pop_front() else { break };
            let Some(flow) = tenant(&self.places, slot).filter(|flow| !is_spare(flow)) else { continue };
            let seen = flow.last_seen;
            self.busy.push_back((slot, seen));
            if longest.is_none_or(|(at, _)| seen < at) {
                longest = Some((seen, slot));
            }
            if seen <= looked {
                break;
            }
        }
        longest.map(|(_, slot)| slot).or_else(|| self.any())
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
