//! Sensitive values of one half of an exchange, from leaves to observations.
//!
//! A leaf's candidates are weighed with its names, then gathered by type, place and form. What other values of the
//! same record or column say is added at the end, so every value is kept as its points until then. Nothing of a value
//! is kept but its fingerprint, a mask, and for numbers the range they span.

use std::collections::VecDeque;

use spyhop_model::{Fingerprint, Form, Half, Key, Observation, Place, Timestamp};

use crate::types::{Candidate, Hints, Scan, TypeId, TypeSet, find, hints, is_interesting, mask};
use crate::walk::{Form as Pairs, Leaf, LeafKind, LeafSink, Piece, SNIFFED, Walker, percent, sniff};

/// Most combinations of type, place and form that are told apart; what is beyond is counted under the place `*`.
pub const MAX_PLACES: usize = 256;
/// Records whose values are still weighed together.
const RECORDS: usize = 32;
/// Values of a record that wait for others.
const WAITING: usize = 32;
/// Points below which a value is nothing, whatever its record and column say.
const LEAST: u8 = 25;
/// Points of a candidate.
const CANDIDATE: u8 = 40;
/// Points with which a value speaks for others of its record.
const SURE: u8 = 70;
/// Bytes of text between two values beyond which they are not of one record.
const NEARBY: usize = 256;
/// Steps of five points.
const STEPS: usize = 21;

/// Where leaves come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// A body; the leaf's path is the place.
    Body,
    /// The query; the leaf's path is the parameter.
    Query,
    /// A header field; the leaf's path is its name.
    Header,
    /// A cookie; the leaf's path is its name.
    Cookie,
    /// A segment of the path.
    Path(u16),
}

/// What a worker keeps for recognition: the key, and a cache of what names say (a pure function).
pub struct Recogniser {
    key: Key,
    names: Vec<Option<(Box<str>, Hints)>>,
    hasher: ahash::RandomState,
}

impl Recogniser {
    /// With the sensor's key.
    pub fn new(key: Key) -> Recogniser {
        const SLOTS: usize = 1024;
        Recogniser { key, names: vec![None; SLOTS], hasher: ahash::RandomState::new() }
    }

    /// The sensor's key.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// What a name says.
    pub fn hints(&mut self, name: &str) -> Hints {
        const LONGEST_CACHED: usize = 64;
        if name.is_empty() || name.len() > LONGEST_CACHED {
            return hints(name);
        }
        let slot = self.hasher.hash_one(name) as usize % self.names.len().max(1);
        match self.names.get_mut(slot) {
            Some(Some((cached, hints))) if **cached == *name => *hints,
            Some(slot) => {
                let hints = hints(name);
                *slot = Some((name.into(), hints));
                hints
            }
            None => hints(name),
        }
    }
}

/// The values of one half.
pub struct Content {
    half: Half,
    today: u32,
    found: Vec<Found>,
    /// Hashes of the entries of `found`, in their order.
    index: Vec<u64>,
    columns: Vec<(u64, u32)>,
    records: VecDeque<Record>,
    /// Stretches of text with values near each other, counted from the top: no walker counts that far.
    stretch: u32,
}

/// Values of one type in one form at one place.
struct Found {
    what: TypeId,
    form: Form,
    place: Place,
    column: u64,
    /// Counts by points in steps of five.
    counts: [u32; STEPS],
    distinct: Vec<Distinct>,
    sample: (u8, Box<str>),
    in_text: bool,
    range: (u64, u64),
}

#[derive(Debug)]
struct Distinct {
    written: u64,
    fingerprint: Fingerprint,
    points: u8,
}

#[derive(Debug)]
struct Record {
    id: u32,
    source: Source,
    /// Types with a sure value in it.
    sure: TypeSet,
    waiting: Vec<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    found: usize,
    what: TypeId,
    points: u8,
    distinct: Option<usize>,
}

impl Content {
    /// For one half of an exchange that began at `at`.
    pub fn new(half: Half, at: Timestamp) -> Content {
        let day = at.civil();
        let today = day.year.clamp(0, 9999) as u32 * 10_000 + day.month * 100 + day.day;
        Content {
            half,
            today,
            found: Vec::new(),
            index: Vec::new(),
            columns: Vec::new(),
            records: VecDeque::new(),
            stretch: u32::MAX,
        }
    }

    /// A sink for walkers.
    pub fn sink<'a>(&'a mut self, recogniser: &'a mut Recogniser, source: Source) -> ContentSink<'a> {
        ContentSink { content: self, recogniser, source }
    }

    /// A query, without its question mark.
    pub fn query(&mut self, recogniser: &mut Recogniser, query: &str) {
        let mut pairs = Pairs::default();
        let mut sink = self.sink(recogniser, Source::Query);
        pairs.feed(query.as_bytes(), &mut sink);
        pairs.finish(&mut sink);
    }

    /// A path, as on the wire, without query. The segment before names the next (`/phone/13800138000`).
    pub fn path(&mut self, recogniser: &mut Recogniser, path: &str) {
        let mut before = String::new();
        for (index, segment) in path.split('/').skip(usize::from(path.starts_with('/'))).enumerate() {
            let value = &percent(segment, false, 2).text;
            let index = index.min(usize::from(u16::MAX)) as u16;
            let leaf = Leaf {
                key: "",
                parent: &before,
                path: "",
                value,
                kind: LeafKind::Text,
                record: 0,
                piece: Piece::Whole,
            };
            self.leaf(recogniser, Source::Path(index), &leaf);
            before.clear();
            before.push_str(value);
        }
    }

    /// A header field or a cookie.
    pub fn named(&mut self, recogniser: &mut Recogniser, source: Source, name: &str, value: &str) {
        let path = if crate::redact::is_name(name) { name } else { "*" };
        let kind = LeafKind::Text;
        self.leaf(
            recogniser,
            source,
            &Leaf { key: name, parent: "", path, value, kind, record: 0, piece: Piece::Whole },
        );
    }

    /// One leaf.
    pub fn leaf(&mut self, recogniser: &mut Recogniser, source: Source, leaf: &Leaf<'_>) {
        let whole = leaf.piece == Piece::Whole;
        if whole && !is_interesting(leaf.value.as_bytes(), leaf.kind) {
            return;
        }
        let decoded = percent(leaf.value, false, if leaf.value.len() <= crate::walk::PIECE { 2 } else { 0 });
        let value = &*decoded.text;
        let scan = Scan { kind: leaf.kind, whole, today: self.today };
        let place = recogniser.hasher.hash_one((source, leaf.path));
        if whole {
            self.count_column(place);
        }
        let mut names: Option<(Hints, Hints)> = None;
        let mut last_end: Option<usize> = None;
        find(value, &scan, &mut |readings| {
            let (key, parent) =
                *names.get_or_insert_with(|| (recogniser.hints(leaf.key), recogniser.hints(leaf.parent)));
            let best = readings
                .iter()
                .map(|reading| (reading.confidence(key, parent), reading))
                .reduce(|best, next| if next.0 > best.0 { next } else { best });
            if let Some((points, candidate)) = best.filter(|(points, _)| *points >= LEAST) {
                let raw = value.get(candidate.start..candidate.end).unwrap_or_default();
                let mut leaf = *leaf;
                if !whole {
                    if last_end.is_none_or(|end| candidate.start.saturating_sub(end) > NEARBY) {
                        self.stretch = self.stretch.wrapping_sub(1);
                    }
                    last_end = Some(candidate.end);
                    leaf.record = self.stretch;
                }
                self.add(recogniser, source, &leaf, place, candidate, points, raw);
            }
        });
    }

    fn count_column(&mut self, place: u64) {
        if let Some((_, leaves)) = self.columns.iter_mut().rev().find(|(column, _)| *column == place) {
            *leaves = leaves.saturating_add(1);
        } else if self.columns.len() < MAX_PLACES {
            self.columns.push((place, 1));
        }
    }

    #[expect(clippy::too_many_arguments, reason = "one value with all that is known of it")]
    fn add(
        &mut self,
        recogniser: &Recogniser,
        source: Source,
        leaf: &Leaf<'_>,
        column: u64,
        candidate: &Candidate,
        points: u8,
        raw: &str,
    ) {
        let (what, form) = (candidate.what, candidate.form);
        let mut hash = recogniser.hasher.hash_one((column, what.0, form));
        let mut at = self.index.iter().position(|h| *h == hash);
        let mut path = leaf.path;
        if at.is_none() && self.found.len() >= MAX_PLACES {
            path = "*";
            let source = if matches!(source, Source::Path(_)) { Source::Path(u16::MAX) } else { source };
            hash = recogniser.hasher.hash_one((source, path, what.0, form));
            at = self.index.iter().position(|h| *h == hash);
        }
        let at = at.unwrap_or_else(|| {
            self.index.push(hash);
            self.found.push(Found {
                what,
                form,
                place: place(source, path),
                column,
                counts: [0; STEPS],
                distinct: Vec::new(),
                sample: (0, "".into()),
                in_text: false,
                range: (u64::MAX, 0),
            });
            self.found.len() - 1
        });
        let Some(found) = self.found.get_mut(at) else { return };
        found.in_text |= candidate.label.is_some();
        found.see_number(raw);
        let record = record(&mut self.records, source, leaf.record);
        let bit = what.set();
        let raised = if record.sure & !bit != 0 { what.get().record_points as u8 } else { 0 };
        let value = found.add(recogniser, raw, (points + raised).min(100));
        if raised == 0 && record.waiting.len() < WAITING {
            record.waiting.push(Waiting { found: at, what, points, distinct: value });
        }
        if points >= SURE && record.sure & bit == 0 {
            record.sure |= bit;
            // The others of this record were not alone after all.
            let (mine, others): (Vec<_>, Vec<_>) =
                std::mem::take(&mut record.waiting).into_iter().partition(|waiting| waiting.what == what);
            record.waiting = mine;
            for waiting in others {
                if let Some(found) = self.found.get_mut(waiting.found) {
                    found.raise(&waiting);
                }
            }
        }
    }

    /// What was seen, in order of first appearance: of each type, place and form the reported values, and the
    /// candidates apart.
    pub fn finish(self) -> Vec<Observation> {
        let mut observations = Vec::new();
        for found in &self.found {
            let leaves = self.columns.iter().find(|(column, _)| *column == found.column).map_or(0, |(_, n)| *n);
            let shift = found.column_points(leaves);
            for (from, to) in [(Observation::REPORTED, 101), (CANDIDATE, Observation::REPORTED)] {
                observations.extend(found.observation(self.half, shift, from, to));
            }
        }
        observations
    }
}

/// The record of that number; a new one takes the place of the oldest.
fn record(records: &mut VecDeque<Record>, source: Source, id: u32) -> &mut Record {
    // All path segments are one record.
    let source = if matches!(source, Source::Path(_)) { Source::Path(0) } else { source };
    let at = records.iter().rposition(|record| record.id == id && record.source == source);
    let at = at.unwrap_or_else(|| {
        let mut waiting = match records.len() {
            RECORDS.. => records.pop_front().map(|record| record.waiting).unwrap_or_default(),
            _ => Vec::new(),
        };
        waiting.clear();
        records.push_back(Record { id, source, sure: 0, waiting });
        records.len() - 1
    });
    &mut records[at]
}

fn place(source: Source, path: &str) -> Place {
    match source {
        Source::Body => Place::Body(path.into()),
        Source::Query => Place::Query(path.into()),
        Source::Header => Place::Header(path.to_ascii_lowercase().into()),
        Source::Cookie => Place::Cookie(path.into()),
        Source::Path(index) => Place::Path(index),
    }
}

impl Found {
    fn add(&mut self, recogniser: &Recogniser, raw: &str, points: u8) -> Option<usize> {
        if let Some(count) = self.counts.get_mut(usize::from(points / 5)) {
            *count = count.saturating_add(1);
        }
        if points > self.sample.0 {
            self.sample = (points, mask(self.what, raw).into());
        }
        let written = recogniser.hasher.hash_one(raw);
        let mut known = self.distinct.iter().position(|d| d.written == written);
        if known.is_none() && self.distinct.len() < Observation::FINGERPRINTS {
            let fingerprint = fingerprint(&recogniser.key, self.what, self.form, raw);
            known = self.distinct.iter().position(|d| d.fingerprint == fingerprint);
            if known.is_none() {
                self.distinct.push(Distinct { written, fingerprint, points });
                return Some(self.distinct.len() - 1);
            }
        }
        if let Some(distinct) = known.and_then(|at| self.distinct.get_mut(at)) {
            distinct.points = distinct.points.max(points);
        }
        known
    }

    /// Another value of its record is sure.
    fn raise(&mut self, waiting: &Waiting) {
        let points = (waiting.points + waiting.what.get().record_points as u8).min(100);
        if let Some(count) = self.counts.get_mut(usize::from(waiting.points / 5)) {
            *count = count.saturating_sub(1);
        }
        if let Some(count) = self.counts.get_mut(usize::from(points / 5)) {
            *count = count.saturating_add(1);
        }
        if let Some(distinct) = waiting.distinct.and_then(|at| self.distinct.get_mut(at)) {
            distinct.points = distinct.points.max(points);
        }
    }

    fn see_number(&mut self, raw: &str) {
        let digits = raw.bytes().filter(u8::is_ascii_digit).take(18);
        let number = digits.fold(0u64, |n, b| n * 10 + u64::from(b - b'0'));
        self.range = (self.range.0.min(number), self.range.1.max(number));
    }

    /// Points for the column: most of its values are of the type, hardly any is, or they count up.
    fn column_points(&self, leaves: u32) -> i16 {
        const FEW: u32 = 5;
        const DENSE: u64 = 2000;
        let values: u32 = self.counts.iter().fold(0, |sum, n| sum.saturating_add(*n));
        if self.in_text || leaves < FEW {
            return 0;
        }
        let share = u64::from(values) * 100 / u64::from(leaves);
        let column = match share {
            80.. => 15,
            0..20 => -25,
            _ => 0,
        };
        let numeric = matches!(self.what, TypeId::RESIDENT_ID | TypeId::MOBILE | TypeId::BANK_CARD);
        let distinct = self.distinct.len() as u64;
        let (low, high) = self.range;
        let dense = numeric
            && self.form == Form::Full
            && distinct >= u64::from(FEW)
            && high.saturating_sub(low) / (distinct - 1) < DENSE;
        column - if dense { 40 } else { 0 }
    }

    /// The values whose points, shifted, are from `from` up to below `to`.
    fn observation(&self, half: Half, shift: i16, from: u8, to: u8) -> Option<Observation> {
        let shifted = |points: u8| (i16::from(points) + shift).clamp(0, 100) as u8;
        let within = |points: u8| (from..to).contains(&shifted(points));
        let steps = || self.counts.iter().zip(0u8..).filter(|(count, step)| **count > 0 && within(step * 5));
        let count = steps().fold(0u32, |sum, (count, _)| sum.saturating_add(*count));
        let confidence = steps().map(|(_, step)| shifted(step * 5)).max()?;
        Some(Observation {
            what: &self.what.get().data,
            half,
            place: self.place.clone(),
            form: self.form,
            confidence,
            count,
            values: self.distinct.iter().filter(|d| within(d.points)).map(|d| d.fingerprint).collect(),
            sample: self.sample.1.clone(),
        })
    }
}

/// The fingerprint of a value in its canonical form; of a masked one, of what it shows.
pub fn fingerprint(key: &Key, what: TypeId, form: Form, raw: &str) -> Fingerprint {
    let kind = what.get();
    match form {
        Form::Full => key.fingerprint(kind.data.id, (kind.canonical)(raw).as_bytes()),
        Form::Masked => {
            let shape: String = raw.chars().filter(|c| !matches!(c, ' ' | '-' | '+')).collect();
            key.fingerprint(kind.data.id, format!("masked:{shape}").as_bytes())
        }
    }
}

/// Feeds leaves of one source to a [`Content`].
pub struct ContentSink<'a> {
    content: &'a mut Content,
    recogniser: &'a mut Recogniser,
    source: Source,
}

impl LeafSink for ContentSink<'_> {
    fn leaf(&mut self, leaf: &Leaf<'_>) {
        self.content.leaf(self.recogniser, self.source, leaf);
    }

    fn wants(&self, value: &[u8], kind: LeafKind) -> bool {
        is_interesting(value, kind)
    }
}

/// One body on its way: its structure is told from its first bytes, then it is walked. Any [`LeafSink`] may look on;
/// two can with `&mut (&mut one, &mut other)`.
#[derive(Default)]
pub struct BodyScan {
    content_type: Option<Box<str>>,
    head: Vec<u8>,
    walker: Option<Walker>,
}

impl BodyScan {
    /// A body begins; `content_type` as on the wire.
    pub fn begin(content_type: Option<&str>) -> BodyScan {
        BodyScan { content_type: content_type.map(Into::into), ..BodyScan::default() }
    }

    /// The next bytes, decoded.
    pub fn feed<S: LeafSink>(&mut self, bytes: &[u8], sink: &mut S) {
        if let Some(walker) = &mut self.walker {
            return walker.feed(bytes, sink);
        }
        if self.head.is_empty() && bytes.len() >= SNIFFED {
            return self.start(bytes, sink);
        }
        self.head.extend_from_slice(bytes);
        if self.head.len() >= SNIFFED {
            let head = std::mem::take(&mut self.head);
            self.start(&head, sink);
        }
    }

    /// Bytes were lost here.
    pub fn gap<S: LeafSink>(&mut self, sink: &mut S) {
        let head = std::mem::take(&mut self.head);
        if self.walker.is_none() {
            self.start(&head, sink);
        }
        if let Some(walker) = &mut self.walker {
            walker.gap(sink);
        }
    }

    /// The end.
    pub fn finish<S: LeafSink>(&mut self, sink: &mut S) {
        let head = std::mem::take(&mut self.head);
        if self.walker.is_none() && !head.is_empty() {
            self.start(&head, sink);
        }
        if let Some(mut walker) = self.walker.take() {
            walker.finish(sink);
        }
    }

    fn start<S: LeafSink>(&mut self, bytes: &[u8], sink: &mut S) {
        let first = bytes.get(..SNIFFED).unwrap_or(bytes);
        let walker = self.walker.insert(Walker::new(sniff(self.content_type.as_deref(), first)));
        walker.feed(bytes, sink);
    }
}

#[cfg(test)]
mod tests;
