//! For the tests of detectors: an engine with one of them.

use spyhop_model::{Event, Finding, Key, Timestamp};
use spyhop_testkit::EventBuilder;

use crate::cells::{Cells, Table};
use crate::detector::Detector;
use crate::engine::{Engine, Limits};
use crate::findings::Life;
use crate::sensor::Sensor;
use crate::suppression::{Suppressed, Suppression};

pub(crate) struct Harness {
    engine: Engine,
    seen: u32,
}

impl Harness {
    pub fn of<D: Detector>() -> Harness {
        Harness::with(D::default())
    }

    pub fn with<D: Detector>(detector: D) -> Harness {
        Harness::new(vec![Box::new(Cells::new(detector))])
    }

    pub fn empty() -> Harness {
        Harness::new(Vec::new())
    }

    fn new(tables: Vec<Box<dyn Table>>) -> Harness {
        Harness::limited(tables, &Limits::default())
    }

    pub fn limited(tables: Vec<Box<dyn Table>>, limits: &Limits) -> Harness {
        Harness::built(tables, limits, Life::default())
    }

    fn built(tables: Vec<Box<dyn Table>>, limits: &Limits, life: Life) -> Harness {
        let engine = Engine::new(tables, Sensor::default(), limits, life, Key::new([1; 32]), true);
        Harness { engine, seen: 0 }
    }

    /// With other settings of the life of findings.
    pub fn living<D: Detector>(detector: D, life: Life) -> Harness {
        let tables: Vec<Box<dyn Table>> = vec![Box::new(Cells::new(detector))];
        Harness::built(tables, &Limits::default(), life)
    }

    /// All detectors of logins and attacks on them, as the registry orders them.
    pub fn of_family(family: &str) -> Harness {
        let entries = crate::registry::DETECTORS.iter().filter(|entry| entry.rule.kind.starts_with(family));
        Harness::new(entries.map(|entry| (entry.build)((entry.defaults)()).expect("defaults")).collect())
    }

    pub fn see(&mut self, event: EventBuilder) {
        self.see_with(event, |_| {});
    }

    /// An event with something that the builder has no word for.
    pub fn see_with(&mut self, event: EventBuilder, change: impl FnOnce(&mut Event)) {
        self.seen += 1;
        let mut event = event.build(self.seen);
        change(&mut event);
        self.engine.event(&event);
    }

    /// Stops, and starts again from what it saved.
    pub fn restarted<D: Detector>(self) -> Harness {
        let next = Harness::of::<D>();
        self.hand_over(next)
    }

    /// As [`Harness::restarted`], with other settings of the life of findings.
    pub fn restarted_living<D: Detector>(self, life: Life) -> Harness {
        let next = Harness::living(D::default(), life);
        self.hand_over(next)
    }

    fn hand_over(self, mut next: Harness) -> Harness {
        let mut saved = Vec::new();
        self.engine.save(&mut saved).expect("saved");
        next.engine.load(&mut &saved[..]).expect("loaded");
        next.seen = self.seen;
        next
    }

    /// Suppressions with what they held back.
    pub fn suppressed(&self) -> Vec<(Suppression, Suppressed)> {
        self.engine.suppressed().map(|(one, counts)| (one.clone(), counts.clone())).collect()
    }

    /// Cells held, and their memory in bytes.
    pub fn held(&self) -> (usize, usize) {
        self.engine.accounts().fold((0, 0), |sum, table| (sum.0 + table.cells, sum.1 + table.bytes))
    }

    /// Event time reaches that second.
    pub fn advance(&mut self, second: u64) {
        self.engine.advance(spyhop_testkit::time(second));
    }

    pub fn losses(&mut self, second: u64, totals: &[(&'static str, u64)]) {
        let at: Timestamp = spyhop_testkit::time(second);
        self.engine.losses(at, &totals.iter().copied().collect());
    }

    pub fn mirror(&mut self, second: u64, taps: &[crate::TapReport]) {
        self.engine.mirror(spyhop_testkit::time(second), taps);
    }

    pub fn findings(&self) -> Vec<Finding> {
        self.engine.all()
    }

    /// What was told since it was asked last.
    pub fn changes(&mut self) -> Vec<std::sync::Arc<Finding>> {
        self.engine.take_changes().collect()
    }

    pub fn only(&self) -> Finding {
        let mut findings = self.findings();
        assert_eq!(findings.len(), 1, "{:?}", findings.iter().map(|f| f.summary.en.clone()).collect::<Vec<_>>());
        findings.remove(0)
    }

    pub fn silent(&self) {
        let findings = self.findings();
        assert!(findings.is_empty(), "{:?}", findings.iter().map(|f| f.summary.en.clone()).collect::<Vec<_>>());
    }
}
