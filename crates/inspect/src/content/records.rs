//! Records: values of one object, row or form speak for each other, and tell whose record it is.

use std::collections::VecDeque;

use spyhop_model::{Fingerprint, Holding, Personal};

use super::Source;
use super::place::without_values;
use super::values::{Held, Room, Values};
use crate::types::{TypeId, TypeSet};

/// Records whose values are still weighed together.
const RECORDS: usize = 32;
/// Records that were counted and are known again when they go on.
const COUNTED: usize = 256;
/// Values of a record that wait for others.
const WAITING: usize = 32;
/// Arrays that are told apart.
const ARRAYS: usize = 64;
/// Different subjects of one half that are told apart; beyond, every record with another one counts.
const MAX_SUBJECTS: usize = 65_536;

/// The records of one half.
pub(super) struct Records {
    open: VecDeque<Record>,
    /// Lowest and highest number of any so far: what is beyond them is new.
    numbers: (u32, u32),
    people: u32,
    /// Numbers of the records counted last; only bodies have such.
    counted: VecDeque<u32>,
    subjects: Values,
    room: Room,
    arrays: Vec<(Box<str>, u32)>,
    /// Their names as they are.
    names: Vec<Box<str>>,
    /// Types that stood where they are more than by themselves.
    pub together: Together,
}

/// Types whose values stood in a record that raises them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Together {
    /// Beside a name and a way to reach the person (GB/T 45574-2025, annex A).
    pub in_context: TypeSet,
    /// Name, identity number and mobile number, perhaps a card, in one: what proves an identity.
    pub proves: TypeSet,
    /// Of somebody under 14 (PIPL, article 28).
    pub of_minor: TypeSet,
}

/// One record.
#[derive(Debug)]
pub(super) struct Record {
    id: u32,
    source: Source,
    /// Types with a sure value in it.
    pub sure: TypeSet,
    pub waiting: Vec<Waiting>,
    /// Types with a reported full value in it.
    reported: TypeSet,
    subject: Option<(u8, Fingerprint)>,
    array: Option<u8>,
    of_minor: bool,
    /// It was pushed out by others and goes on.
    is_counted: bool,
}

/// A value that waits for others of its record.
#[derive(Debug)]
pub(super) struct Waiting {
    pub found: usize,
    pub what: TypeId,
    pub points: u8,
    pub distinct: Option<usize>,
    /// Of somebody under 14.
    pub minor: bool,
}

/// A value that is reported, with what it says of its record.
pub(super) struct Reported<'a> {
    pub what: TypeId,
    pub personal: Personal,
    pub print: Fingerprint,
    pub path: &'a str,
    /// Somebody under 14.
    pub minor: bool,
}

impl Default for Records {
    fn default() -> Records {
        Records {
            open: VecDeque::new(),
            numbers: (u32::MAX, 0),
            people: 0,
            counted: VecDeque::new(),
            subjects: Values::default(),
            room: Room::new(MAX_SUBJECTS),
            arrays: Vec::new(),
            names: Vec::new(),
            together: Together::default(),
        }
    }
}

impl Records {
    /// The record of that number; a new one takes the place of the oldest.
    pub fn at(&mut self, source: Source, id: u32, held: &Held) -> &mut Record {
        // All path segments are one record.
        let source = if matches!(source, Source::Path(_)) { Source::Path(0) } else { source };
        let (lowest, highest) = self.numbers;
        let may_be_open = (lowest..=highest).contains(&id);
        self.numbers = (lowest.min(id), highest.max(id));
        let is_it = |record: &Record| record.id == id && record.source == source;
        let at = if may_be_open { self.open.iter().rposition(is_it) } else { None };
        let at = at.unwrap_or_else(|| {
            let mut waiting = Vec::new();
            if self.open.len() >= RECORDS
                && let Some(oldest) = self.open.pop_front()
            {
                self.close(&oldest, held);
                waiting = oldest.waiting;
                waiting.clear();
            }
            let (sure, reported) = (0, 0);
            let (subject, array, of_minor) = (None, None, false);
            let is_counted = may_be_open && source == Source::Body && self.counted.contains(&id);
            self.open.push_back(Record { id, source, sure, waiting, reported, subject, array, of_minor, is_counted });
            self.open.len() - 1
        });
        &mut self.open[at]
    }

    /// A reported value stands in the record that was asked for last.
    pub fn report(&mut self, source: Source, id: u32, value: &Reported<'_>, held: &Held) {
        let array = (source == Source::Body).then(|| self.array(value.path)).flatten();
        let record = self.at(source, id, held);
        record.array = record.array.or(array);
        record.of_minor |= value.minor;
        if value.personal == Personal::No {
            return;
        }
        record.reported |= value.what.set();
        let rank = value.what.get().subject;
        if rank > 0 && record.subject.is_none_or(|(best, _)| rank < best) {
            record.subject = Some((rank, value.print));
        }
    }

    /// The innermost array or table of a path.
    fn array(&mut self, path: &str) -> Option<u8> {
        const ANY: &[u8] = b"[*]";
        let end = path.as_bytes().windows(ANY.len()).rposition(|part| part == ANY)? + ANY.len();
        let array = path.get(..end)?;
        let at = self.names.iter().rposition(|known| **known == *array);
        let at = at.or_else(|| {
            (self.arrays.len() < ARRAYS).then(|| {
                self.names.push(array.into());
                self.arrays.push((without_values(array).as_ref().into(), 0));
                self.arrays.len() - 1
            })
        })?;
        u8::try_from(at).ok()
    }

    fn close(&mut self, record: &Record, held: &Held) {
        let has = |what: TypeId| record.reported & what.set() != 0;
        if record.reported == 0 {
            return;
        }
        let reaches = [TypeId::MOBILE, TypeId::BANK_CARD].into_iter().any(has);
        if has(TypeId::NAME) && reaches {
            self.together.in_context |= record.reported;
        }
        if has(TypeId::NAME) && has(TypeId::RESIDENT_ID) && reaches {
            let elements = [TypeId::NAME, TypeId::RESIDENT_ID, TypeId::MOBILE, TypeId::BANK_CARD];
            self.together.proves |= record.reported & elements.iter().fold(0, |set, what| set | what.set());
        }
        if record.of_minor {
            self.together.of_minor |= record.reported;
        }
        if record.source != Source::Body {
            return;
        }
        if !record.is_counted {
            self.people = self.people.saturating_add(1);
            if let Some((_, count)) = record.array.and_then(|at| self.arrays.get_mut(usize::from(at))) {
                *count += 1;
            }
            if self.counted.len() >= COUNTED {
                self.counted.pop_front();
            }
            self.counted.push_back(record.id);
        }
        if let Some((_, subject)) = record.subject {
            let room = self.room.within(held, super::MAX_VALUES_HELD);
            self.subjects.add(subject.0, 0, room, || subject);
            self.room.over += u64::from(self.room.spilled.take().is_some());
        }
    }

    /// What the half holds; all records are over.
    pub fn finish(&mut self, held: &Held) -> Option<Holding> {
        while let Some(record) = self.open.pop_front() {
            self.close(&record, held);
        }
        let most = self.arrays.iter().max_by_key(|(_, count)| *count).filter(|(_, count)| *count > 1);
        (self.people > 0).then(|| Holding {
            records: self.people,
            subjects: u32::try_from(self.subjects.len() as u64 + self.room.over).unwrap_or(u32::MAX),
            repeats_in: most.map(|(array, _)| array.clone()).unwrap_or_default(),
        })
    }
}

impl Record {
    /// Takes the values of other types that wait.
    pub fn others(&mut self, what: TypeId) -> Vec<Waiting> {
        self.waiting.extract_if(.., |waiting| waiting.what != what).collect()
    }

    /// Lets a value wait for others, if there is room.
    pub fn wait(&mut self, waiting: Waiting) {
        if self.waiting.len() < WAITING {
            self.waiting.push(waiting);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_that_others_push_out_count_once() {
        let (mut records, held) = (Records::default(), Held::default());
        for round in 0..3u64 {
            for id in 0..100u32 {
                let print = Fingerprint(u64::from(id));
                let personal = Personal::Personal;
                let what = if round == 0 { TypeId::MOBILE } else { TypeId::NAME };
                let value = Reported { what, personal, print, path: "$[*].x", minor: false };
                records.report(Source::Body, id, &value, &held);
            }
        }
        let holding = records.finish(&held).expect("people");
        assert_eq!((holding.records, holding.subjects, &*holding.repeats_in), (100, 100, "$[*]"));
    }
}
