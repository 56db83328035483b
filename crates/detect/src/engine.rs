//! Runs all detectors over events in their one order, and owns every cell: creation, forgetting, memory, snapshots.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use spyhop_model::{Event, Finding, Key, Moment, Rule, Timestamp, settings};

use crate::detector::{CellKey, Context, Detector, Verdict, Verdicts};
use crate::findings::{Findings, Life, SavedFindings, Support};
use crate::sensor::Loss;

settings! {
    /// What detection may use.
    pub struct Limits {
        /// Memory for the cells of all detectors together, in MiB. Beyond it the cells that have been silent for longest are forgotten, and counted.
        memory_mib: usize = 256,
        /// Kinds of findings that are switched off, such as ["access.crawler"].
        off: Vec<String> = Vec::new(),
    }
}

/// All detectors with their cells and findings.
pub struct Engine {
    tables: Vec<Box<dyn Table>>,
    loss: Loss,
    findings: Findings,
    memory: usize,
    evicted: u64,
    now: Timestamp,
    out: Vec<Arc<Finding>>,
}

/// A detector's counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TableAccount {
    /// Its kind.
    pub kind: &'static str,
    /// Cells held.
    pub cells: usize,
    /// Estimated memory of its cells, in bytes.
    pub bytes: usize,
}

impl Engine {
    /// `tables` as the registry builds them. `keep_past` keeps forgotten findings for the end of a replay.
    pub fn new(
        tables: Vec<Box<dyn Table>>,
        loss: Loss,
        limits: &Limits,
        life: Life,
        key: Key,
        keep_past: bool,
    ) -> Engine {
        let tables =
            tables.into_iter().filter(|table| !limits.off.iter().any(|off| off == table.rule().kind)).collect();
        Engine {
            tables,
            loss,
            findings: Findings::new(life, key, keep_past),
            memory: limits.memory_mib << 20,
            evicted: 0,
            now: Timestamp::default(),
            out: Vec::new(),
        }
    }

    /// An event, not earlier than the last.
    pub fn event(&mut self, event: &Event) {
        self.advance(event.moment().at);
        for table in &mut self.tables {
            table.event(event, &mut self.findings);
        }
        self.bound();
        self.collect();
    }

    /// Event time has reached `to`: what silence tells is told.
    pub fn advance(&mut self, to: Timestamp) {
        if to <= self.now {
            return;
        }
        self.now = to;
        self.findings.advance(to);
        self.collect();
        for table in &mut self.tables {
            table.forget(to);
        }
    }

    /// The losses so far, by reason, as the accounts have them at `at`.
    pub fn losses(&mut self, at: Timestamp, totals: &BTreeMap<&'static str, u64>) {
        self.advance(at);
        let own = [("cells_evicted", self.evicted), ("findings_refused", self.findings.refused())];
        self.loss.observe(at, totals.iter().map(|(reason, total)| (*reason, *total)).chain(own), &mut self.findings);
        self.collect();
    }

    /// The end of a run: findings that have grown since they were told last are told. Nothing is closed.
    pub fn flush(&mut self) {
        self.findings.flush(self.now);
        self.collect();
    }

    /// Changes since they were taken last, in order.
    pub fn take_changes(&mut self) -> std::vec::Drain<'_, Arc<Finding>> {
        self.out.drain(..)
    }

    /// All findings as they stand, with their sentences, sorted by first_seen, kind and id.
    pub fn all(&self) -> Vec<Finding> {
        let mut all = self.findings.all();
        for finding in &mut all {
            self.put_summary(finding);
        }
        all
    }

    /// Counters of each detector.
    pub fn accounts(&self) -> impl Iterator<Item = TableAccount> {
        self.tables.iter().map(|table| TableAccount {
            kind: table.rule().kind,
            cells: table.cells(),
            bytes: table.bytes(),
        })
    }

    /// Cells forgotten at the memory limit.
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    /// What the next run can start from.
    pub fn save(&self) -> Result<Value, serde_json::Error> {
        let mut tables = BTreeMap::new();
        for table in &self.tables {
            tables.insert(table.rule().kind.to_owned(), table.save()?);
        }
        serde_json::to_value(Saved { now: self.now, tables, findings: self.findings.save() })
    }

    /// Starts from what an earlier run saved. Tables of detectors that are no longer there are dropped.
    pub fn load(&mut self, saved: Value) -> Result<(), serde_json::Error> {
        let mut saved: Saved = serde_json::from_value(saved)?;
        self.now = saved.now;
        let mut rules: HashMap<&str, &'static Rule> = HashMap::new();
        for table in &mut self.tables {
            rules.insert(table.rule().kind, table.rule());
            if let Some(cells) = saved.tables.remove(table.rule().kind) {
                table.load(cells)?;
            }
        }
        rules.insert(Loss::RULE.kind, Loss::RULE);
        self.findings.load(saved.findings, |kind| rules.get(kind).copied());
        Ok(())
    }

    fn bound(&mut self) {
        while self.tables.iter().map(|table| table.bytes()).sum::<usize>() > self.memory {
            let largest = self.tables.iter_mut().max_by_key(|table| table.bytes());
            if !largest.is_some_and(|table| table.evict()) {
                return;
            }
            self.evicted += 1;
        }
    }

    fn collect(&mut self) {
        if self.findings.changed.is_empty() {
            return;
        }
        for mut finding in std::mem::take(&mut self.findings.changed) {
            self.put_summary(&mut finding);
            self.out.push(Arc::new(finding));
        }
    }

    fn put_summary(&self, finding: &mut Finding) {
        let table = self.tables.iter().find(|table| table.rule().kind == finding.rule.kind);
        finding.summary = table.map_or_else(|| self.loss.summary(finding), |table| table.summary(finding));
    }
}

#[derive(Serialize, Deserialize)]
struct Saved {
    now: Timestamp,
    tables: BTreeMap<String, Value>,
    findings: SavedFindings,
}

/// A detector with its cells, as the engine sees it.
pub trait Table: Send {
    /// Its rule.
    fn rule(&self) -> &'static Rule;
    /// Shows it an event.
    fn event(&mut self, event: &Event, findings: &mut Findings);
    /// Frees cells that have been silent for longer than they are remembered.
    fn forget(&mut self, now: Timestamp);
    /// Forgets the cell that has been silent for longest. False if there is none.
    fn evict(&mut self) -> bool;
    /// Cells held.
    fn cells(&self) -> usize;
    /// Estimated memory, in bytes.
    fn bytes(&self) -> usize;
    /// One sentence about a finding of its kind.
    fn summary(&self, finding: &Finding) -> spyhop_model::Said;
    /// Its cells, sorted.
    fn save(&self) -> Result<Value, serde_json::Error>;
    /// Its cells from a snapshot.
    fn load(&mut self, cells: Value) -> Result<(), serde_json::Error>;
}

/// The cells of one detector.
pub(crate) struct Cells<D: Detector> {
    detector: D,
    cells: HashMap<CellKey, Cell<D::State>, ahash::RandomState>,
    /// One entry a cell, at or before its time to be forgotten.
    silent: BinaryHeap<Reverse<(Timestamp, CellKey)>>,
    keys: Vec<CellKey>,
    verdicts: Verdicts,
}

#[derive(Serialize, Deserialize)]
struct Cell<S> {
    touched: Timestamp,
    state: S,
}

impl<D: Detector> Cells<D> {
    pub(crate) fn new(detector: D) -> Self {
        Cells {
            detector,
            cells: HashMap::default(),
            silent: BinaryHeap::new(),
            keys: Vec::new(),
            verdicts: Verdicts::default(),
        }
    }

    /// Bytes that a cell is counted as: state and key with their usual heap parts, map and queue entries.
    const CELL: usize = size_of::<Cell<D::State>>() + 2 * size_of::<CellKey>() + 160;
}

impl<D: Detector> Table for Cells<D> {
    fn rule(&self) -> &'static Rule {
        D::RULE
    }

    fn event(&mut self, event: &Event, findings: &mut Findings) {
        self.keys.clear();
        self.detector.entities(event, &mut self.keys);
        let moment: Moment = event.moment();
        let now = moment.at;
        for key in self.keys.drain(..) {
            let memory = self.detector.memory();
            if !self.cells.contains_key(&key) {
                self.cells.insert(key.clone(), Cell { touched: now, state: D::State::default() });
                self.silent.push(Reverse((now + memory, key.clone())));
            }
            let Some(cell) = self.cells.get_mut(&key) else { continue };
            // Forgetting is exact, whenever the memory is freed.
            if now.since(cell.touched) >= memory {
                cell.state = D::State::default();
            }
            cell.touched = now;
            let cx = Context { now, findings };
            self.detector.observe(event, &key, &cx, &mut cell.state, &mut self.verdicts);
            for verdict in self.verdicts.list.drain(..) {
                match verdict {
                    Verdict::Hit { aspect, evidence } => {
                        let by = Support { at: moment, event: Some(event), quiet: self.detector.quiet() };
                        findings.hit(D::RULE, &key, aspect.as_deref(), evidence, &by);
                    }
                    Verdict::Mended { aspect } => findings.mended(D::RULE, &key, aspect.as_deref(), now),
                    Verdict::Fold { kind, child } => findings.fold(D::RULE, &key, kind, &child, now),
                }
            }
        }
    }

    fn forget(&mut self, now: Timestamp) {
        while self.silent.peek().is_some_and(|Reverse((due, _))| *due <= now) {
            let Some(Reverse((_, key))) = self.silent.pop() else { return };
            let Some(cell) = self.cells.get(&key) else { continue };
            let due = cell.touched + self.detector.memory();
            if due > now {
                self.silent.push(Reverse((due, key)));
            } else {
                self.cells.remove(&key);
            }
        }
    }

    fn evict(&mut self) -> bool {
        while let Some(Reverse((armed, key))) = self.silent.pop() {
            let Some(cell) = self.cells.get(&key) else { continue };
            let due = cell.touched + self.detector.memory();
            if due > armed {
                self.silent.push(Reverse((due, key)));
            } else {
                self.cells.remove(&key);
                return true;
            }
        }
        false
    }

    fn cells(&self) -> usize {
        self.cells.len()
    }

    fn bytes(&self) -> usize {
        self.cells.len() * Self::CELL
    }

    fn summary(&self, finding: &Finding) -> spyhop_model::Said {
        self.detector.summary(finding)
    }

    fn save(&self) -> Result<Value, serde_json::Error> {
        let mut cells: Vec<(&CellKey, &Cell<D::State>)> = self.cells.iter().collect();
        cells.sort_unstable_by(|a, b| a.0.cmp(b.0));
        serde_json::to_value(cells)
    }

    fn load(&mut self, cells: Value) -> Result<(), serde_json::Error> {
        let cells: Vec<(CellKey, Cell<D::State>)> = serde_json::from_value(cells)?;
        for (key, cell) in cells {
            self.silent.push(Reverse((cell.touched + self.detector.memory(), key.clone())));
            self.cells.insert(key, cell);
        }
        Ok(())
    }
}
