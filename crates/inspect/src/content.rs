//! Sensitive values of one half of an exchange, from leaves to observations.
//!
//! A leaf's candidates are weighed with its names, then gathered by type, place and form. What other values of the
//! same record or column say is added at the end, so every value is kept as its points until then. Nothing of a value
//! is kept but its fingerprint, a mask, and for numbers the range they span.

mod body;
mod found;
mod passing;
mod place;
mod prints;
mod records;
mod values;
mod veil;

use std::cell::RefCell;
use std::sync::Arc;

use spyhop_model::{ExchangeId, Fingerprint, Form, Half, Holding, Key, Observation, Place, Timestamp, Unveiled};

pub use body::BodyScan;
use found::{Found, shape};
pub use found::{fingerprint, fingerprints, masked_fingerprints};
use passing::{Passing, Weigh};
use place::{place, without_values};
use prints::Prints;
pub(crate) use records::Together;
use records::{Records, Reported, Waiting};
use values::{Held, Room};
use veil::Veil;

use crate::lanes::look;
use crate::secrets::{self, Secrets};
use crate::types::custom::Match;
use crate::types::{
    Candidate, CustomTypes, Grading, Hints, Names, Scan, TypeId, TypeSet, best_of, find, hints, is_interesting,
    is_named, is_plain, label_word, mask,
};
use crate::walk::{Form as Pairs, Leaf, LeafKind, LeafSink, Look, Piece, percent};

/// Most combinations of type, place and form that are told apart; what is beyond is counted under the place `*`.
pub const MAX_PLACES: usize = 256;
/// Different values of one half whose fingerprints stand in its observations; those beyond are told while it passes.
pub const MAX_VALUES: usize = 65_536;
/// Different values whose fingerprints a worker keeps in all exchanges together: some 35 MB.
pub const MAX_VALUES_HELD: usize = 1 << 21;
/// Points below which a value is nothing, whatever its record and column say.
const LEAST: u8 = 25;
/// Points of a candidate.
const CANDIDATE: u8 = 40;
/// Points with which a value speaks for others of its record.
const SURE: u8 = 70;
/// Bytes of text between two values beyond which they are not of one record.
const NEARBY: usize = 256;

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
    custom: CustomTypes,
    secrets: Secrets,
    grading: Arc<Grading>,
    /// Different values held in all exchanges.
    held: Held,
    /// Capture time of what is being read.
    pub(crate) now: Timestamp,
    /// Values told while their exchanges go on.
    pub(crate) values: RefCell<Vec<spyhop_model::Values>>,
    matches: Vec<Match>,
    names: RefCell<Names>,
    prints: Prints,
    hasher: ahash::RandomState,
}

impl Recogniser {
    /// With the sensor's key.
    pub fn new(key: Key) -> Recogniser {
        let hasher = ahash::RandomState::new();
        Recogniser {
            key,
            held: Held::default(),
            now: Timestamp::default(),
            values: RefCell::default(),
            custom: CustomTypes::default(),
            secrets: Secrets::new(),
            grading: Arc::default(),
            matches: Vec::new(),
            names: RefCell::default(),
            prints: Prints::default(),
            hasher,
        }
    }

    /// With types of the operator's own, and a way of grading.
    pub fn with_types(key: Key, custom: CustomTypes, grading: Arc<Grading>, secrets: Secrets) -> Recogniser {
        Recogniser { custom, grading, secrets, ..Recogniser::new(key) }
    }

    /// The sensor's key.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// Takes values of custom types out of a place: names are shown as they are.
    pub(crate) fn hide(&self, place: &mut Place) {
        if self.custom.is_empty() {
            return;
        }
        if let Place::Header(name) | Place::Cookie(name) | Place::Query(name) | Place::Body(name) = place {
            *name = self.custom.hidden(name).into();
        }
    }

    /// What a name says.
    pub fn hints(&self, name: &str) -> Hints {
        if name.is_empty() {
            return Hints::default();
        }
        let hints = |name: &str| {
            let mut hints = hints(name);
            hints.strong |= self.custom.named(name);
            hints.strong |= if secrets::names_secret(name) { TypeId::SECRET.set() } else { 0 };
            hints
        };
        self.names.borrow_mut().say(name.as_bytes(), || hints(name))
    }

    /// Whether a name makes any value under it worth a look.
    fn is_named(&self, name: &[u8]) -> bool {
        if name.is_empty() {
            return false;
        }
        if let Some(named) = self.names.borrow().is_named(name) {
            return named;
        }
        std::str::from_utf8(name).map_or(true, |name| is_named(self.hints(name)))
    }
}

/// The values of one half.
pub struct Content {
    half: Half,
    today: u32,
    /// Whose values these are.
    exchange: ExchangeId,
    found: Vec<Found>,
    /// Hashes of the entries of `found`, in their order.
    index: Vec<u64>,
    columns: Vec<(u64, u32)>,
    /// From the first value on: a hundred thousand connections may wait without one.
    records: Option<Box<Records>>,
    veil: Veil,
    /// The host of the page that a Referer field names, while it is read.
    page: Option<Box<str>>,
    /// Stretches of text with values near each other, counted from the top: no walker counts that far.
    stretch: u32,
    room: Room,
    /// Custom types in the bytes of bodies.
    passing: Option<Box<Passing>>,
}

impl Content {
    /// For one half of an exchange that began at `at`.
    pub fn new(half: Half, at: Timestamp) -> Content {
        let day = at.civil();
        let today = day.year.clamp(0, 9999) as u32 * 10_000 + day.month * 100 + day.day;
        Content {
            half,
            today,
            exchange: ExchangeId::default(),
            found: Vec::new(),
            index: Vec::new(),
            columns: Vec::new(),
            records: None,
            veil: Veil::default(),
            page: None,
            stretch: u32::MAX,
            room: Room::new(MAX_VALUES),
            passing: None,
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

    /// A Referer field: what it holds stood on a page of that host.
    pub fn referer(&mut self, recogniser: &mut Recogniser, value: &str) {
        let rest = value.split_once("://").map_or(value, |(_, rest)| rest);
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let host = host.rsplit('@').next().unwrap_or_default().to_ascii_lowercase();
        self.page = Some(host.into());
        self.named(recogniser, Source::Header, "referer", value);
        self.page = None;
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
        let key = recogniser.hints(leaf.key);
        let is_interesting = !whole || is_named(key) || is_interesting(leaf.value.as_bytes(), leaf.kind);
        let may_be_secret = self.shows_secrets(source)
            && (!whole || key.strong & TypeId::SECRET.set() != 0 || recogniser.secrets.may_find(leaf.value.as_bytes()));
        if !is_interesting && !may_be_secret && recogniser.custom.is_empty() {
            return;
        }
        let decoded = percent(leaf.value, false, if leaf.value.len() <= crate::walk::PIECE { 2 } else { 0 });
        let value = &*decoded.text;
        let place = recogniser.hasher.hash_one((source, leaf.path));
        if !recogniser.custom.is_empty()
            && !self.custom(recogniser, source, leaf, place, leaf.value)
            && value != leaf.value
        {
            self.custom(recogniser, source, leaf, place, value);
        }
        // A password of an account is told as that.
        let is_password = key.strong & TypeId::ACCOUNT_PASSWORD.set() != 0;
        if may_be_secret && !(whole && is_password) && leaf.kind == LeafKind::Text {
            let is_named = key.strong & TypeId::SECRET.set() != 0;
            self.secrets(recogniser, source, leaf, place, value, is_named);
        }
        if !is_interesting {
            return;
        }
        let scan = Scan { kind: leaf.kind, whole, today: self.today, named: key.strong };
        if whole {
            self.count_column(place);
        }
        let mut parent: Option<Hints> = None;
        let mut last_end: Option<usize> = None;
        find(value, &scan, &mut |readings| {
            let parent = *parent.get_or_insert_with(|| recogniser.hints(leaf.parent));
            let best = best_of(readings, key, parent);
            let best = best.filter(|(points, one)| *points >= LEAST && self.may_hold(one.what));
            if let Some((points, candidate)) = best {
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

    /// Whether a type can be in this half: who logs in sends a password or a code, and nobody is to get one back.
    fn may_hold(&self, what: TypeId) -> bool {
        self.half == Half::Response || !matches!(what, TypeId::ACCOUNT_PASSWORD | TypeId::SMS_CODE)
    }

    /// Whether a secret has no business there: in an answer's body, or in a URL.
    fn shows_secrets(&self, source: Source) -> bool {
        match source {
            Source::Body => self.half == Half::Response,
            Source::Query | Source::Path(_) => true,
            Source::Header | Source::Cookie => false,
        }
    }

    /// Secrets in a leaf's value.
    fn secrets(
        &mut self,
        recogniser: &Recogniser,
        source: Source,
        leaf: &Leaf<'_>,
        column: u64,
        value: &str,
        is_named: bool,
    ) {
        let key = if leaf.piece == Piece::Whole { leaf.key } else { "" };
        let mut add = |secret: secrets::Secret| {
            let Some(raw) = value.get(secret.start..secret.end) else { return };
            let what = TypeId::SECRET;
            // What stands in pages by design is a candidate at most.
            let points = secret.confidence.min(if secret.public { Observation::REPORTED - 5 } else { 100 });
            let at = self.find_or_add(recogniser, source, leaf.path, column, what, Form::Full, Some(secret.rule));
            let Content { found, room, half, exchange, .. } = self;
            if let Some(found) = found.get_mut(at) {
                found.in_text = true;
                found.add(recogniser, raw, points, room);
                found.sample.1 = secrets::mask_secret(secret.rule, raw).into();
                found.spill(recogniser, room, *half, *exchange, points);
            }
        };
        if is_named {
            recogniser.secrets.find(value, &secrets::Context { key }, &mut add);
        } else {
            recogniser.secrets.find_unnamed(value, !key.is_empty(), &mut add);
        }
    }

    /// Custom types in a leaf's value; whether there were any.
    fn custom(
        &mut self,
        recogniser: &mut Recogniser,
        source: Source,
        leaf: &Leaf<'_>,
        column: u64,
        value: &str,
    ) -> bool {
        if leaf.kind == LeafKind::Word || !recogniser.custom.is_in(value.as_bytes()) {
            return false;
        }
        let mut matches = std::mem::take(&mut recogniser.matches);
        self.room.over += recogniser.custom.find(value.as_bytes(), &|_| 0, &mut matches);
        let names = recogniser.hints(leaf.key).strong | recogniser.hints(leaf.parent).strong;
        let mut any = false;
        for Match { what, start, end } in matches.drain(..) {
            let Some(points) = points_of(recogniser, what, value, start..end, names, self.today) else { continue };
            any = true;
            let raw = value.get(start..end).unwrap_or_default();
            let detail = recogniser.custom.detail(what, raw);
            let at = self.find_or_add(recogniser, source, leaf.path, column, what, Form::Full, detail);
            let Content { found, room, half, exchange, .. } = self;
            if let Some(found) = found.get_mut(at) {
                // Rows and records say nothing of a type that only its pattern knows.
                found.in_text = true;
                found.add(recogniser, raw, points, room);
                found.spill(recogniser, room, *half, *exchange, points);
            }
        }
        recogniser.matches = matches;
        any
    }

    /// Bytes of a body, or its end, for custom types.
    fn pass(&mut self, recogniser: &Recogniser, bytes: Option<&[u8]>) {
        let Recogniser { key, custom, hasher, .. } = recogniser;
        if custom.is_empty() {
            return;
        }
        let Content { passing, room, today, .. } = self;
        let passing = passing.get_or_insert_default();
        let mut weigh = Weigh {
            custom,
            points: &mut |what, text, start, end| {
                let label = label_word(text, start).map_or(0, |word| custom.named(word));
                custom.points(what, text.get(start..end)?, label, *today).filter(|points| *points >= LEAST)
            },
            hash: &|raw| hasher.hash_one(raw),
            print: &|what, raw| fingerprint(key, custom.kind(what), Form::Full, raw),
            room,
        };
        match bytes {
            Some(bytes) => passing.feed(bytes, &mut weigh),
            None => passing.finish(&mut weigh),
        }
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
        let page = if source == Source::Header { self.page.clone() } else { None };
        let at = self.find_or_add(recogniser, source, leaf.path, column, what, form, page.as_deref());
        let Content { found: all, room, records, veil, half, exchange, today, .. } = self;
        let Some(found) = all.get_mut(at) else { return };
        found.in_text |= candidate.label.is_some();
        found.see_number(raw);
        if form == Form::Masked && found.detail.is_none() {
            found.detail = shape(raw);
        }
        if *half == Half::Response && points >= CANDIDATE {
            veil.add(what, form == Form::Masked, at, leaf.record, raw);
        }
        let held = &recogniser.held;
        let records = records.get_or_insert_default();
        let record = records.at(source, leaf.record, held);
        let bit = what.set();
        let raised = if record.sure & !bit != 0 { what.get().record_points as u8 } else { 0 };
        let sum = (points + raised).min(100);
        if candidate.weak
            && let Some(weak) = found.weak.get_mut(usize::from(sum / 5))
        {
            *weak = weak.saturating_add(1);
        }
        let value = found.add(recogniser, raw, sum, room);
        found.spill(recogniser, room, *half, *exchange, sum);
        if raised == 0 {
            let minor = is_minor(what, raw, *today);
            record.wait(Waiting { found: at, what, points, distinct: value, minor });
        }
        let mut others = Vec::new();
        if points >= SURE && record.sure & bit == 0 {
            record.sure |= bit;
            // The others of this record were not alone after all.
            others = record.others(what);
        }
        if sum >= Observation::REPORTED && form == Form::Full {
            let print = value.and_then(|at| found.distinct.print(at));
            let print = print.unwrap_or_else(|| fingerprint(&recogniser.key, found.kind, form, raw));
            let minor = is_minor(what, raw, *today);
            let personal = found.kind.data.personal;
            let reported = Reported { what, personal, print, path: leaf.path, minor };
            records.report(source, leaf.record, &reported, held);
        }
        for waiting in others {
            let Some(found) = all.get_mut(waiting.found) else { continue };
            let points = found.raise(&waiting);
            let print = waiting.distinct.and_then(|at| found.distinct.print(at));
            let is_new = waiting.points < Observation::REPORTED && points >= Observation::REPORTED;
            if let Some(print) = print.filter(|_| is_new && found.form == Form::Full) {
                let (what, personal) = (waiting.what, found.kind.data.personal);
                let reported = Reported { what, personal, print, path: leaf.path, minor: waiting.minor };
                records.report(source, leaf.record, &reported, held);
            }
        }
    }

    /// The index of what was found of a type in a form at a place, with that detail.
    #[expect(clippy::too_many_arguments, reason = "all that tells what is one from what is another")]
    fn find_or_add(
        &mut self,
        recogniser: &Recogniser,
        source: Source,
        mut path: &str,
        column: u64,
        what: TypeId,
        form: Form,
        detail: Option<&str>,
    ) -> usize {
        let mut hash = recogniser.hasher.hash_one((column, what.0, form, detail));
        let mut at = self.index.iter().position(|h| *h == hash);
        if at.is_none() && self.found.len() >= MAX_PLACES {
            path = "*";
            let source = if matches!(source, Source::Path(_)) { Source::Path(u16::MAX) } else { source };
            hash = recogniser.hasher.hash_one((source, path, what.0, form, detail));
            at = self.index.iter().position(|h| *h == hash);
        }
        at.unwrap_or_else(|| {
            self.index.push(hash);
            let path = recogniser.custom.hidden(path);
            let path = without_values(&path);
            let kind = recogniser.custom.kind(what);
            let found = Found::new(what, kind, form, place(source, &path), column);
            self.found.push(Found { detail: detail.map(Into::into), ..found });
            self.found.len() - 1
        })
    }

    /// The number of its exchange is known.
    pub(crate) fn of(&mut self, exchange: ExchangeId) {
        self.exchange = exchange;
    }

    /// Values that were counted, but whose fingerprints are beyond [`MAX_VALUES`].
    pub fn values_over_limit(&self) -> u64 {
        self.room.over
    }

    /// Custom values that no leaf had: of a body that is no text, or cut in two by a walker.
    fn passed(&mut self) {
        let Some(passing) = self.passing.take() else { return };
        for passed in passing.found {
            let is_of = |found: &&Found| {
                found.what == passed.what && found.detail == passed.detail && matches!(found.place, Place::Body(_))
            };
            let leaves = || self.found.iter().filter(is_of);
            let counted = leaves().fold(0u32, |sum, found| sum.saturating_add(found.count()));
            let more = passed.count.saturating_sub(counted);
            if more == 0 {
                continue;
            }
            let mut found = Found::new(passed.what, passed.kind, Form::Full, Place::Body("$".into()), 0);
            let mut best = if passed.values.len() == 0 { Some(passed.points) } else { None };
            let is_new = |(print, _): &(Fingerprint, u8)| !leaves().any(|one| one.distinct.has(*print));
            for (print, points) in passed.values.iter().filter(is_new) {
                found.distinct.add(print.0, points, &mut Room::new(1), || print);
                found.count_more(points, 1);
                best = best.max(Some(points));
            }
            // The same values once more.
            let Some(best) = best else { continue };
            found.count_more(best, more.saturating_sub(found.count()));
            found.in_text = true;
            found.sample = (passed.points, passed.sample);
            found.detail = passed.detail.clone();
            self.found.push(found);
        }
    }

    /// What was seen, in order of first appearance: of each type, place and form the reported values, and the
    /// candidates apart.
    pub fn finish(mut self, recogniser: &Recogniser) -> Seen {
        self.passed();
        let mut records = self.records.take().unwrap_or_default();
        let holding = records.finish(&recogniser.held);
        let subjects = holding.as_ref().map_or(0, |holding| holding.subjects);
        let mut observations = Vec::new();
        for found in &self.found {
            let leaves = self.columns.iter().find(|(column, _)| *column == found.column).map_or(0, |(_, n)| *n);
            let shift = found.column_points(leaves);
            let grading = recogniser.grading.of(found.what, &found.kind.data, &records.together, subjects);
            for (from, to) in [(Observation::REPORTED, 101), (CANDIDATE, Observation::REPORTED)] {
                observations.extend(found.observations(self.half, shift, from, to, grading));
            }
        }
        let of = |at: usize| self.found.get(at).map(|found| (&found.kind.data, &found.place));
        let unveiled = self.veil.pairs(of, mask);
        Seen { observations, holding: holding.map(Box::new), unveiled }
    }
}

/// What one half shows.
#[derive(Debug, Default)]
pub struct Seen {
    /// Values.
    pub observations: Vec<Observation>,
    /// Records and people.
    pub holding: Option<Box<Holding>>,
    /// Masked values beside the full ones.
    pub unveiled: Vec<Unveiled>,
}

/// Whether a value says that its record is of somebody under 14 on the day of capture.
fn is_minor(what: TypeId, raw: &str, today: u32) -> bool {
    const AGE: u32 = 14;
    if what != TypeId::RESIDENT_ID {
        return false;
    }
    let digits: String = raw.chars().filter(char::is_ascii_digit).collect();
    let born = digits.get(6..14);
    born.and_then(|born| born.parse::<u32>().ok()).is_some_and(|born| born + AGE * 10_000 > today)
}

/// Points of a custom value that may count, with its names and, in text, its label.
fn points_of(
    recogniser: &mut Recogniser,
    what: TypeId,
    value: &str,
    at: std::ops::Range<usize>,
    names: TypeSet,
    today: u32,
) -> Option<u8> {
    let label = label_word(value, at.start).map_or(0, |word| recogniser.hints(word).strong);
    recogniser.custom.points(what, value.get(at)?, names | label, today).filter(|points| *points >= LEAST)
}

/// Feeds leaves of one source to a [`Content`].
pub struct ContentSink<'a> {
    content: &'a mut Content,
    recogniser: &'a mut Recogniser,
    source: Source,
}

impl ContentSink<'_> {
    /// Whether a value may be a secret, or one of a custom type that is coded.
    fn may_be_secret(&self, value: &[u8]) -> bool {
        let Recogniser { secrets, custom, .. } = &*self.recogniser;
        (!custom.is_empty() || self.content.shows_secrets(self.source)) && secrets.may_find(value)
    }
}

impl LeafSink for ContentSink<'_> {
    fn leaf(&mut self, leaf: &Leaf<'_>) {
        self.content.leaf(self.recogniser, self.source, leaf);
    }

    fn wants(&self, key: &[u8], value: &[u8], kind: LeafKind) -> bool {
        if self.passes(&look(value), value, kind) {
            return self.recogniser.is_named(key);
        }
        is_interesting(value, kind)
            || self.recogniser.is_named(key)
            || kind == LeafKind::Text && self.may_be_secret(value)
            || self.recogniser.custom.is_in(value)
    }

    fn wants_under(&self, key: &[u8]) -> bool {
        self.recogniser.is_named(key)
    }

    #[inline]
    fn passes(&self, look: &Look, value: &[u8], kind: LeafKind) -> bool {
        is_plain(look, value, kind) && self.recogniser.custom.is_empty()
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.content.pass(self.recogniser, Some(bytes));
    }

    fn bytes_end(&mut self) {
        self.content.pass(self.recogniser, None);
    }
}

#[cfg(test)]
mod tests;
