//! The cells of all detectors: created when an event belongs in one, forgotten after silence, bounded, saved.
//!
//! ```text
//! event ── keys ──> Subjects: key ──> subject ──┬─> cell of detector 3     each detector keeps its own cells in a slab;
//!                   hashed once an event        ├─> cell of detector 7     a subject knows where each of its cells is
//!                                               └─> cell of detector 12
//! ```
//!
//! An event belongs in cells of the same few subjects (its account, endpoint, address, ..) for most detectors. Each is hashed and
//! looked up once an event, whoever asks; its names are kept once, however many detectors remember it.

use std::borrow::Cow;
use std::io::{self, Write};

use hashbrown::HashTable;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use spyhop_model::{Entity, Event, Finding, Rule, Said, Span, Timestamp};

use crate::detector::{CellKey, Context, Detector, Verdict, Verdicts, Views};
use crate::findings::{Findings, Support};
use crate::population::Population;
use crate::slab::Slab;

/// A detector with its cells, as the engine sees it.
pub trait Table: Send {
    /// Its rule.
    fn rule(&self) -> &'static Rule;
    /// Which events it wants to see.
    fn views(&self) -> Views;
    /// Takes its place among the tables of an engine, below [`Subjects::TABLES`]. False: it remembers nothing, and needs none.
    fn seat(&mut self, place: u8) -> bool;
    /// Shows it an event.
    fn event(&mut self, event: &Event, scene: &mut Scene<'_>);
    /// Frees cells that have been silent for longer than they are remembered, sooner or later.
    fn forget(&mut self, now: Timestamp, subjects: &mut Subjects);
    /// Forgets a cell that has been silent for about as long as any. False if there is none.
    fn evict(&mut self, now: Timestamp, subjects: &mut Subjects) -> bool;
    /// Cells held.
    fn cells(&self) -> usize;
    /// Memory of its cells, in bytes, without what the subjects share; rather too much than too little.
    fn bytes(&self) -> usize;
    /// One sentence about a finding of its kind.
    fn summary(&self, finding: &Finding) -> Said;
    /// Writes its cells as one line of JSON, sorted.
    fn save(&self, subjects: &Subjects, out: &mut dyn Write) -> io::Result<()>;
    /// Its cells from a snapshot.
    fn load(&mut self, cells: &RawValue, subjects: &mut Subjects) -> io::Result<()>;
}

/// What detectors meet at an event.
pub struct Scene<'a> {
    pub(crate) population: &'a Population,
    pub(crate) findings: &'a mut Findings,
    pub(crate) subjects: &'a mut Subjects,
}

/// Everybody and everything of which any detector remembers something.
#[derive(Default)]
pub struct Subjects {
    by_key: HashTable<u32>,
    seed: ahash::RandomState,
    subjects: Slab<Subject>,
    /// Those that the event at hand belongs to, as far as a detector asked.
    asked: Vec<Asked>,
    /// Memory of subjects and of all cells, in bytes.
    bytes: usize,
}

struct Subject {
    key: CellKey,
    hash: u64,
    /// The tables that have a cell of it, as bits, and where, in their order.
    tables: u64,
    cells: Vec<u32>,
}

impl Default for Subject {
    fn default() -> Self {
        Subject { key: CellKey::of(Entity::Sensor), hash: 0, tables: 0, cells: Vec::new() }
    }
}

impl Subject {
    fn rank(&self, table: u8) -> usize {
        (self.tables & ((1 << table) - 1)).count_ones() as usize
    }
    fn cell(&self, table: u8) -> Option<u32> {
        if self.tables >> table & 1 == 0 { None } else { self.cells.get(self.rank(table)).copied() }
    }
}

struct Asked {
    key: CellKey,
    hash: u64,
    subject: Option<u32>,
}

impl Subjects {
    /// Tables that can remember something.
    pub const TABLES: u8 = 64;
    /// Bytes of a subject: itself, its entry by key (the map doubles when it grows), and its list of cells with what the allocator adds.
    const ENTRY: usize = size_of::<Subject>() + 2 * (size_of::<u32>() + 1) + 16;

    /// Memory of all subjects and cells, in bytes; rather too much than too little.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// An event begins.
    pub(crate) fn begin(&mut self) {
        self.asked.clear();
    }

    /// The place among the event's subjects of the one with this key.
    fn ask(&mut self, key: CellKey) -> usize {
        if let Some(at) = self.asked.iter().position(|asked| asked.key == key) {
            return at;
        }
        let hash = self.seed.hash_one(&key);
        let subject = self.find(hash, &key);
        self.asked.push(Asked { key, hash, subject });
        self.asked.len() - 1
    }

    fn find(&self, hash: u64, key: &CellKey) -> Option<u32> {
        self.by_key.find(hash, |at| self.subjects[*at].hash == hash && self.subjects[*at].key == *key).copied()
    }

    /// Where a table's cell of an asked subject is.
    fn cell(&self, asked: usize, table: u8) -> Option<u32> {
        self.asked.get(asked)?.subject.and_then(|subject| self.subjects[subject].cell(table))
    }

    /// A table has a new cell of an asked subject. Returns the subject.
    fn attach(&mut self, asked: usize, table: u8, cell: u32) -> u32 {
        let Some(Asked { key, hash, subject }) = self.asked.get_mut(asked) else { return u32::MAX };
        let at = match *subject {
            Some(at) => at,
            None => {
                self.bytes += Subjects::ENTRY + key.heap();
                let at = self.subjects.add(Subject { key: key.clone(), hash: *hash, tables: 0, cells: Vec::new() });
                self.by_key.insert_unique(*hash, at, |at| self.subjects[*at].hash);
                *subject = Some(at);
                at
            }
        };
        let subject = &mut self.subjects[at];
        let rank = subject.rank(table);
        subject.tables |= 1 << table;
        subject.cells.reserve_exact(1);
        subject.cells.insert(rank, cell);
        self.bytes += size_of::<u32>();
        at
    }

    /// A table has forgotten its cell of a subject.
    fn detach(&mut self, at: u32, table: u8) {
        let subject = &mut self.subjects[at];
        let rank = subject.rank(table);
        subject.tables &= !(1 << table);
        subject.cells.remove(rank);
        self.bytes -= size_of::<u32>();
        if subject.tables == 0 {
            self.bytes -= Subjects::ENTRY + subject.key.heap();
            if let Ok(entry) = self.by_key.find_entry(subject.hash, |known| *known == at) {
                entry.remove();
            }
            self.subjects.free(at);
        }
    }
}

/// The cells of one detector.
pub(crate) struct Cells<D: Detector> {
    detector: D,
    place: u8,
    cells: Slab<Cell<D::State>>,
    /// Its cells in a queue, each looked at again after a while: the silent ones go, the others to its end (second chance).
    first: u32,
    last: u32,
    /// Sum of [`Cells::size`].
    bytes: usize,
    keys: Vec<CellKey>,
    verdicts: Verdicts,
}

#[derive(Default)]
struct Cell<S> {
    touched: Timestamp,
    /// When it came to the end of the queue.
    queued: Timestamp,
    next: u32,
    subject: u32,
    /// What the state is counted as beyond its own size, in bytes.
    heap: u32,
    state: S,
}

/// A table as a snapshot holds it.
#[derive(Serialize, Deserialize)]
pub(crate) struct SavedTable<'a, C> {
    #[serde(borrow)]
    pub(crate) table: Cow<'a, str>,
    pub(crate) cells: C,
}

/// A cell as a snapshot holds it.
#[derive(Serialize, Deserialize)]
struct Saved<S> {
    touched: Timestamp,
    state: S,
}

/// No cell.
const NONE: u32 = u32::MAX;

impl<D: Detector> Cells<D> {
    pub(crate) fn new(detector: D) -> Self {
        Cells {
            detector,
            place: 0,
            cells: Slab::default(),
            first: NONE,
            last: NONE,
            bytes: 0,
            keys: Vec::new(),
            verdicts: Verdicts::default(),
        }
    }

    fn size(heap: u32) -> usize {
        size_of::<Cell<D::State>>() + heap as usize
    }

    fn enqueue(&mut self, at: u32, now: Timestamp) {
        let cell = &mut self.cells[at];
        (cell.queued, cell.next) = (now, NONE);
        match self.last {
            NONE => self.first = at,
            last => self.cells[last].next = at,
        }
        self.last = at;
    }

    fn dequeue(&mut self) -> Option<u32> {
        let at = self.first;
        if at == NONE {
            return None;
        }
        self.first = self.cells[at].next;
        if self.first == NONE {
            self.last = NONE;
        }
        Some(at)
    }

    fn add(&mut self, asked: usize, cell: Cell<D::State>, subjects: &mut Subjects) {
        let (size, touched) = (Self::size(cell.heap), cell.touched);
        let at = self.cells.add(cell);
        self.cells[at].subject = subjects.attach(asked, self.place, at);
        self.enqueue(at, touched);
        self.bytes += size;
        subjects.bytes += size;
    }

    /// Frees a cell that has left the queue.
    fn remove(&mut self, at: u32, subjects: &mut Subjects) {
        let cell = &self.cells[at];
        let size = Self::size(cell.heap);
        self.bytes -= size;
        subjects.bytes -= size;
        subjects.detach(cell.subject, self.place);
        self.cells.free(at);
    }

    /// Shows an event to one of its cells.
    fn observe(
        detector: &D,
        event: &Event,
        key: &CellKey,
        cell: &mut Cell<D::State>,
        verdicts: &mut Verdicts,
        (population, findings): (&Population, &mut Findings),
    ) {
        let moment = event.moment();
        let now = moment.at;
        cell.touched = now;
        detector.observe(event, key, &Context { now, findings, population }, &mut cell.state, verdicts);
        cell.heap = u32::try_from(detector.heap(&cell.state)).unwrap_or(u32::MAX);
        for verdict in verdicts.list.drain(..) {
            match verdict {
                Verdict::Hit { on, aspect, evidence } => {
                    if findings.hold_back(D::RULE.kind, on.as_ref().unwrap_or(key), event, now) {
                        continue;
                    }
                    let by = Support { at: moment, event: Some(event), quiet: detector.quiet() };
                    findings.hit(D::RULE, on.as_ref().unwrap_or(key), aspect.as_deref(), evidence, &by);
                }
                Verdict::Mended { on, aspect } => {
                    findings.mended(D::RULE, on.as_ref().unwrap_or(key), aspect.as_deref(), now);
                }
                Verdict::Fold { into, kind, child } => {
                    findings.fold(D::RULE, into.as_ref().unwrap_or(key), kind, &child, now);
                }
            }
        }
    }
}

impl<D: Detector> Table for Cells<D> {
    fn rule(&self) -> &'static Rule {
        D::RULE
    }

    fn views(&self) -> Views {
        D::VIEWS
    }

    fn seat(&mut self, place: u8) -> bool {
        self.place = place;
        size_of::<D::State>() > 0
    }

    fn event(&mut self, event: &Event, scene: &mut Scene<'_>) {
        let mut keys = std::mem::take(&mut self.keys);
        self.detector.entities(event, &mut keys);
        let now = event.moment().at;
        for key in keys.drain(..) {
            let Scene { population, findings, subjects } = scene;
            let asked = subjects.ask(key);
            // Who remembers nothing has no place among the tables.
            let known = if size_of::<D::State>() > 0 { subjects.cell(asked, self.place) } else { None };
            let Some(at) = known else {
                let mut cell = Cell::<D::State>::default();
                let Some(Asked { key, .. }) = subjects.asked.get(asked) else { continue };
                Self::observe(&self.detector, event, key, &mut cell, &mut self.verdicts, (population, findings));
                if !self.detector.is_idle(&cell.state) {
                    self.add(asked, cell, subjects);
                }
                continue;
            };
            let cell = &mut self.cells[at];
            // Forgetting is exact, whenever the memory is freed.
            if now.since(cell.touched) >= self.detector.memory() {
                cell.state = D::State::default();
            }
            let before = Self::size(cell.heap);
            let Some(Asked { key, .. }) = subjects.asked.get(asked) else { continue };
            Self::observe(&self.detector, event, key, cell, &mut self.verdicts, (population, findings));
            let size = Self::size(cell.heap);
            self.bytes = self.bytes + size - before;
            subjects.bytes = subjects.bytes + size - before;
        }
        self.keys = keys;
    }

    fn forget(&mut self, now: Timestamp, subjects: &mut Subjects) {
        let memory = self.detector.memory();
        let apart = Span(memory.0 / LOOKS);
        while self.first != NONE && self.cells[self.first].queued + apart <= now {
            let Some(at) = self.dequeue() else { return };
            if self.cells[at].touched + memory > now {
                self.enqueue(at, now);
            } else {
                self.remove(at, subjects);
            }
        }
    }

    fn evict(&mut self, now: Timestamp, subjects: &mut Subjects) -> bool {
        // Each is passed over at most once: then it was not touched since it was queued.
        for _ in 0..=self.cells.len() {
            let Some(at) = self.dequeue() else { return false };
            let cell = &self.cells[at];
            if cell.touched > cell.queued {
                self.enqueue(at, now);
            } else {
                self.remove(at, subjects);
                return true;
            }
        }
        false
    }

    fn cells(&self) -> usize {
        self.cells.len()
    }

    fn bytes(&self) -> usize {
        self.bytes
    }

    fn summary(&self, finding: &Finding) -> Said {
        self.detector.summary(finding)
    }

    fn save(&self, subjects: &Subjects, out: &mut dyn Write) -> io::Result<()> {
        let mut cells = Vec::with_capacity(self.cells.len());
        let mut at = self.first;
        while at != NONE {
            let cell = &self.cells[at];
            cells.push((&subjects.subjects[cell.subject].key, Saved { touched: cell.touched, state: &cell.state }));
            at = cell.next;
        }
        cells.sort_unstable_by(|a, b| a.0.cmp(b.0));
        serde_json::to_writer(&mut *out, &SavedTable { table: D::RULE.kind.into(), cells })?;
        out.write_all(b"\n")
    }

    fn load(&mut self, cells: &RawValue, subjects: &mut Subjects) -> io::Result<()> {
        let mut cells: Vec<(CellKey, Saved<D::State>)> = serde_json::from_str(cells.get())?;
        cells.sort_by_key(|(_, saved)| saved.touched);
        for (key, Saved { touched, state }) in cells {
            if self.detector.is_idle(&state) {
                continue;
            }
            let heap = u32::try_from(self.detector.heap(&state)).unwrap_or(u32::MAX);
            subjects.begin();
            let asked = subjects.ask(key);
            if subjects.cell(asked, self.place).is_none() {
                self.add(asked, Cell { touched, state, heap, ..Cell::default() }, subjects);
            }
        }
        Ok(())
    }
}

/// A cell is looked at so many times while it is remembered; it may stay that part of the time longer.
const LOOKS: u64 = 4;
