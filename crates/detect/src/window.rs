//! Sliding windows. All are bounded, exact up to their bound, and take the time as an argument.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use spyhop_model::{Span, Timestamp};

/// Makes room for one more in a list that stays short: a third more, and not four at first as [`Vec::push`] does. Most cells hold one or
/// two of what they could hold many of, and there are hundreds of thousands of them.
pub fn make_room<T>(list: &mut Vec<T>) {
    if list.len() == list.capacity() {
        list.reserve_exact(1 + list.len() / 3);
    }
}

/// Times of recent events: how many fall within a sliding span. Counts exactly up to a cap, and says the cap beyond it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Rate {
    times: VecDeque<Timestamp>,
}

impl Rate {
    /// Events that are counted at most.
    pub const MOST: u64 = 4_096;

    /// Whether a limit of so many events can be reached.
    ///
    /// # Errors
    /// A sentence about the setting `name`.
    pub fn reaches(name: &str, limit: u64) -> Result<(), String> {
        if limit > Rate::MOST {
            return Err(format!("{name}: at most {} can be counted; {limit} is never reached", Rate::MOST));
        }
        Ok(())
    }
    /// Times to keep for a limit: some more than it needs, so that a finding can say by how much it was exceeded.
    pub fn cap(limit: u64) -> usize {
        limit.saturating_mul(4).clamp(16, Rate::MOST) as usize
    }
    /// Bytes on the heap.
    pub fn heap(&self) -> usize {
        self.times.capacity() * size_of::<Timestamp>()
    }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }
    /// Adds an event at `at` and keeps the last `cap` times within `keep`.
    pub fn add(&mut self, at: Timestamp, keep: Span, cap: usize) {
        self.times.push_back(at);
        while self.times.len() > cap.max(1) || self.times.front().is_some_and(|first| at.since(*first) >= keep) {
            self.times.pop_front();
        }
    }
    /// Events within `span` before `at`.
    pub fn within(&self, at: Timestamp, span: Span) -> u64 {
        self.times.iter().rev().take_while(|time| at.since(**time) < span).count() as u64
    }
}

/// Distinct items seen within a sliding span, at most `cap` of them: the oldest goes first.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Distinct<T> {
    items: VecDeque<(T, Timestamp)>,
}

impl<T> Default for Distinct<T> {
    fn default() -> Self {
        Distinct { items: VecDeque::new() }
    }
}

impl<T: PartialEq> Distinct<T> {
    /// Adds an item and says how many distinct ones are within `span`.
    pub fn add(&mut self, at: Timestamp, item: T, span: Span, cap: usize) -> usize {
        self.items.retain(|(known, seen)| *known != item && at.since(*seen) < span);
        self.items.push_back((item, at));
        while self.items.len() > cap.max(1) {
            self.items.pop_front();
        }
        self.items.len()
    }
    /// As [`Distinct::add`], in place of the item that `is_it` finds.
    pub fn replace(&mut self, at: Timestamp, is_it: impl Fn(&T) -> bool, item: T, span: Span, cap: usize) -> usize {
        self.items.retain(|(known, _)| !is_it(known));
        self.add(at, item, span, cap)
    }
    /// Bytes on the heap, with those that each item has of its own.
    pub fn heap(&self, own: impl Fn(&T) -> usize) -> usize {
        self.items.capacity() * size_of::<(T, Timestamp)>() + self.iter().map(own).sum::<usize>()
    }
    /// The items, least recently seen first.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.items.iter().map(|(item, _)| item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_parts(seconds, 0)
    }

    #[test]
    fn a_rate_slides() {
        let mut rate = Rate::default();
        for second in 0..10 {
            rate.add(at(second), Span::minutes(1), 100);
        }
        assert_eq!(rate.within(at(9), Span::minutes(1)), 10);
        assert_eq!(rate.within(at(9), Span::seconds(5)), 5);
        rate.add(at(65), Span::minutes(1), 100);
        assert_eq!(rate.within(at(65), Span::minutes(1)), 5);
    }

    #[test]
    fn a_rate_is_bounded() {
        let mut rate = Rate::default();
        for second in 0..1000 {
            rate.add(at(second), Span::days(1), 16);
        }
        assert_eq!(rate.within(at(1000), Span::days(1)), 16);
    }

    #[test]
    fn every_limit_that_is_not_refused_is_reached() {
        assert!(Rate::reaches("attempts", Rate::MOST + 1).is_err_and(|sentence| sentence.contains("attempts")));
        for limit in [1, 16, Rate::MOST] {
            assert!(Rate::reaches("attempts", limit).is_ok());
            let mut rate = Rate::default();
            (0..limit).for_each(|_| rate.add(at(0), Span::minutes(1), Rate::cap(limit)));
            assert_eq!(rate.within(at(0), Span::minutes(1)), limit);
        }
    }

    #[test]
    fn distinct_forgets_and_is_bounded() {
        let mut distinct = Distinct::default();
        assert_eq!(distinct.add(at(0), 'a', Span::minutes(1), 3), 1);
        assert_eq!(distinct.add(at(1), 'b', Span::minutes(1), 3), 2);
        assert_eq!(distinct.add(at(2), 'a', Span::minutes(1), 3), 2);
        assert_eq!(distinct.add(at(61), 'c', Span::minutes(1), 3), 2);
        for item in ['d', 'e', 'f'] {
            distinct.add(at(61), item, Span::minutes(1), 3);
        }
        assert_eq!(distinct.iter().collect::<String>(), "def");
    }
}
