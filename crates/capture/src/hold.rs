//! The packets of one file that wait to be sorted.

use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, VecDeque};

use spyhop_model::Timestamp;

use crate::format::Record;
use crate::slab::Range;

/// A packet that waits. The order is by time, then by place in the file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    pub(crate) record: Record,
    pub(crate) position: u64,
}

impl Held {
    fn key(&self) -> (Timestamp, u64) {
        (self.record.at, self.position)
    }
    /// What it costs to hold it, in octets.
    fn cost(&self) -> usize {
        self.record.range.len as usize + size_of::<Held>()
    }
}

impl Ord for Held {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}
impl PartialOrd for Held {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl PartialEq for Held {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}
impl Eq for Held {}

/// Sorts a file's packets. One that comes in order, as nearly all do, costs a push and a pop; the others go to a heap.
#[derive(Default)]
pub(crate) struct Hold {
    in_order: VecDeque<Held>,
    disordered: BinaryHeap<Reverse<Held>>,
    cost: usize,
}

impl Hold {
    pub(crate) fn push(&mut self, held: Held) {
        self.cost += held.cost();
        match self.in_order.back() {
            Some(last) if held < *last => self.disordered.push(Reverse(held)),
            _ => self.in_order.push_back(held),
        }
    }

    /// The earliest packet's time.
    pub(crate) fn earliest(&self) -> Option<Timestamp> {
        let first = self.in_order.front().map(|held| held.record.at);
        match self.disordered.peek() {
            Some(Reverse(held)) => Some(first.map_or(held.record.at, |first| first.min(held.record.at))),
            None => first,
        }
    }

    /// Takes the earliest packet.
    pub(crate) fn pop(&mut self) -> Option<Held> {
        let disordered = match (self.in_order.front(), self.disordered.peek()) {
            (Some(first), Some(Reverse(held))) => held < first,
            (None, Some(_)) => true,
            _ => false,
        };
        let held =
            if disordered { self.disordered.pop().map(|Reverse(held)| held) } else { self.in_order.pop_front() }?;
        self.cost -= held.cost();
        Some(held)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.in_order.is_empty() && self.disordered.is_empty()
    }

    /// What the packets cost to hold, in octets: their own and those of their entries.
    pub(crate) fn cost(&self) -> usize {
        self.cost
    }

    /// Lets `to` move each packet's octets.
    pub(crate) fn relocate(&mut self, mut to: impl FnMut(Range) -> Range) {
        for held in &mut self.in_order {
            held.record.range = to(held.record.range);
        }
        let mut entries = std::mem::take(&mut self.disordered).into_vec();
        for Reverse(held) in &mut entries {
            held.record.range = to(held.record.range);
        }
        self.disordered = entries.into();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use spyhop_stream::LinkType;

    fn held(at: u64, position: u64) -> Held {
        let range = Range { slab: 0, start: position as u32, len: 1 };
        let record =
            Record { at: Timestamp(at), range, wire_len: 1, link: LinkType(1), port: 0, untimed: false, dropped: 0 };
        Held { record, position }
    }

    #[test]
    fn sorted_by_time_then_place() {
        let times = [5, 5, 3, 9, 4, 9, 3, 10, 1];
        let mut hold = Hold::default();
        for (position, at) in times.into_iter().enumerate() {
            hold.push(held(at, position as u64));
        }
        hold.relocate(|range| Range { slab: 7, ..range });
        let mut expected: Vec<_> = times.into_iter().zip(0u64..).collect();
        expected.sort();
        let mut seen = Vec::new();
        while let Some(earliest) = hold.earliest() {
            let held = hold.pop().unwrap();
            assert_eq!((earliest, held.record.range.slab), (held.record.at, 7));
            seen.push((held.record.at.0, held.position));
        }
        assert_eq!(seen, expected);
        assert!(hold.is_empty() && hold.cost() == 0);
    }
}
