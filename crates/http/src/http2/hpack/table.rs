//! The dynamic table (RFC 7541, sections 2.3.2 and 4), also where its beginning was not seen.

use std::collections::VecDeque;

use super::tables::STATIC;

/// What an entry counts beside its bytes (RFC 7541, section 4.1).
const OVERHEAD: usize = 32;
/// The size of a table of which nothing was said (RFC 9113, section 6.5.2).
pub(super) const INITIAL: usize = 4096;

/// What stands at an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found<'a> {
    Entry(&'a [u8], &'a [u8]),
    /// The entry was inserted by what was not seen, or is no longer kept.
    Unknown,
    /// No encoder that is in its senses refers to it.
    Wrong,
}

/// The entries that one side's encoder has inserted, as far as they were seen.
///
/// If its beginning was not seen, or something was lost, older entries stand behind those that are here. They are the
/// first to be evicted, so the indices of those that are here are right all the same.
#[derive(Debug)]
pub(crate) struct Table {
    /// Newest last; `bytes` holds them one after the other.
    entries: VecDeque<Entry>,
    bytes: Vec<u8>,
    /// Where the bytes of the oldest entry begin.
    start: usize,
    /// Of all entries here, as the standard counts it.
    size: usize,
    max: usize,
    limit: usize,
    /// There are no older entries than those that are here.
    complete: bool,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    name: u32,
    value: u32,
    at: usize,
    /// Its name was not seen: it only holds its place.
    unknown: bool,
}

impl Entry {
    fn length(self) -> usize {
        self.name as usize + self.value as usize
    }
}

impl Table {
    /// `limit`: of what size it may grow at most. `complete`: it begins empty; else its content is not known.
    pub(super) fn new(limit: usize, complete: bool) -> Self {
        let mut table = Table {
            entries: VecDeque::new(),
            bytes: Vec::new(),
            start: 0,
            size: 0,
            max: INITIAL.min(limit),
            limit,
            complete: complete && limit >= INITIAL,
        };
        if !complete {
            table.forget();
        }
        table
    }

    /// Nothing is known of its content any more, nor of its size. An entry that is kept for too long does no harm.
    pub(super) fn forget(&mut self) {
        self.entries = VecDeque::new();
        self.bytes = Vec::new();
        (self.start, self.size) = (0, 0);
        (self.max, self.complete) = (self.limit, false);
    }

    /// The entry at an index of the address space that it shares with the static table.
    pub(super) fn get(&self, index: usize) -> Found<'_> {
        let Some(place) = index.checked_sub(1) else { return Found::Wrong };
        if let Some((name, value)) = STATIC.get(place) {
            return Found::Entry(name.as_bytes(), value.as_bytes());
        }
        let back = place - STATIC.len();
        let entry = self.entries.len().checked_sub(back + 1).and_then(|at| self.entries.get(at));
        match entry {
            Some(entry) if entry.unknown => Found::Unknown,
            Some(entry) => {
                let at = self.start.saturating_add(entry.at.wrapping_sub(self.first_at()));
                let (name, value) = (entry.name as usize, entry.value as usize);
                let text = self.bytes.get(at..at + name + value).unwrap_or_default();
                text.split_at_checked(name).map_or(Found::Unknown, |(name, value)| Found::Entry(name, value))
            }
            None if self.complete => Found::Wrong,
            None => Found::Unknown,
        }
    }

    fn first_at(&self) -> usize {
        self.entries.front().map_or(0, |entry| entry.at)
    }

    /// A size that the encoder has set.
    pub(super) fn resize(&mut self, size: usize) {
        self.max = size.min(self.limit);
        // A larger table than is kept has entries that are not here. One without room has none: all is known again.
        self.complete = size == 0 || (self.complete && size <= self.limit);
        self.evict(self.max);
    }

    fn evict(&mut self, room: usize) {
        while self.size > room
            && let Some(entry) = self.entries.pop_front()
        {
            self.size -= (entry.length() + OVERHEAD).min(self.size);
            self.start += entry.length();
        }
        if self.entries.is_empty() {
            self.bytes.clear();
            (self.start, self.size) = (0, 0);
        }
    }

    /// Inserts an entry; one that is larger than the table empties it (RFC 7541, section 4.4).
    pub(super) fn insert(&mut self, name: &[u8], value: &[u8]) {
        let length = name.len() + value.len();
        let size = length + OVERHEAD;
        if size > self.max {
            self.evict(0);
            return;
        }
        self.evict(self.max - size);
        if self.start > self.bytes.len() / 2 {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
        let at = self.entries.back().map_or(0, |last| last.at.wrapping_add(last.length()));
        self.bytes.extend_from_slice(name);
        self.bytes.extend_from_slice(value);
        self.size += size;
        self.entries.push_back(Entry { name: name.len() as u32, value: value.len() as u32, at, unknown: false });
    }

    /// Inserts an entry whose name refers to what was not seen. Its true size is larger than what it counts here.
    pub(super) fn insert_unknown(&mut self) {
        self.evict(self.max.saturating_sub(OVERHEAD));
        self.complete = false;
        let at = self.entries.back().map_or(0, |last| last.at.wrapping_add(last.length()));
        self.size += OVERHEAD;
        self.entries.push_back(Entry { name: 0, value: 0, at, unknown: true });
    }

    /// Bytes of allocation.
    pub(crate) fn memory(&self) -> usize {
        self.bytes.capacity() + self.entries.capacity() * size_of::<Entry>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(table: &Table, index: usize) -> String {
        match table.get(index) {
            Found::Entry(name, value) => format!("{}={}", name.escape_ascii(), value.escape_ascii()),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn the_newest_entry_stands_behind_the_static_ones() {
        let mut table = Table::new(INITIAL, true);
        table.insert(b"a", b"1");
        table.insert(b"b", b"2");
        assert_eq!(
            [0, 1, 61, 62, 63, 64].map(|index| entry(&table, index)),
            ["Wrong", ":authority=", "www-authenticate=", "b=2", "a=1", "Wrong"]
        );
    }

    #[test]
    fn the_oldest_entries_make_room() {
        let mut table = Table::new(INITIAL, true);
        table.resize(3 * 34);
        for n in b'0'..=b'9' {
            table.insert(b"n", &[n]);
        }
        assert_eq!([62, 63, 64, 65].map(|index| entry(&table, index)), ["n=9", "n=8", "n=7", "Wrong"]);
        table.resize(34);
        assert_eq!([62, 63].map(|index| entry(&table, index)), ["n=9", "Wrong"]);
        table.insert(b"name", b"larger than the table");
        assert_eq!(entry(&table, 62), "Wrong");
        table.insert(b"n", b"x");
        assert_eq!(entry(&table, 62), "n=x");
    }

    #[test]
    fn what_was_not_seen_is_unknown_and_relearned_at_its_index() {
        let mut table = Table::new(INITIAL, false);
        assert_eq!(entry(&table, 62), "Unknown");
        table.insert(b"a", b"1");
        table.insert(b"b", b"2");
        assert_eq!([62, 63, 64].map(|index| entry(&table, index)), ["b=2", "a=1", "Unknown"]);
        table.insert_unknown();
        table.insert(b"c", b"3");
        assert_eq!([62, 63, 64, 65].map(|index| entry(&table, index)), ["c=3", "Unknown", "b=2", "a=1"]);
        table.forget();
        assert_eq!(entry(&table, 62), "Unknown");
        // An encoder that empties its table leaves nothing unknown.
        table.resize(0);
        table.resize(100);
        assert_eq!(entry(&table, 62), "Wrong");
    }

    #[test]
    fn a_table_larger_than_the_limit_is_known_in_part() {
        let mut table = Table::new(INITIAL, true);
        table.resize(1 << 20);
        for n in 0..1000 {
            table.insert(b"n", format!("{n:03}").as_bytes());
        }
        assert_eq!(entry(&table, 62), "n=999");
        assert_eq!(entry(&table, 62 + 113 - 1), "n=887");
        assert_eq!(entry(&table, 62 + 114 - 1), "Unknown");
        assert!(table.memory() < 16 << 10, "{}", table.memory());
    }
}
