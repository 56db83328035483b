//! The health of the mirror on its way from the decoder and the workers to whoever judges it.

use std::collections::BTreeMap;
use std::sync::Arc;

use spyhop_detect::TapReport;
use spyhop_model::{Span, Timestamp};
use spyhop_stream::{Health, Tap, TapCounts};

/// How much event time passes between two looks.
const EVERY: Span = Span::minutes(1);

/// The interval of time in which `at` lies.
pub(super) fn interval(at: Timestamp) -> u64 {
    at.0 / EVERY.0.max(1)
}

/// What the decoder counted up to a mark.
pub(super) struct SourceHealth {
    /// Which look this is: two may fall on one time.
    pub(super) look: u64,
    pub(super) interfaces: Vec<Arc<str>>,
    pub(super) taps: Vec<Tap>,
    pub(super) counts: TapCounts,
}

/// What a worker counted up to a mark; one of them brings what the decoder counted.
pub(super) struct WorkerHealth {
    pub(super) source: Arc<SourceHealth>,
    pub(super) counts: TapCounts,
}

/// Adds up what comes from all workers for one mark.
pub(super) struct Collected {
    workers: usize,
    /// By mark and look.
    coming: BTreeMap<(Timestamp, u64), Look>,
    last: Health,
}

/// What came of one look so far.
struct Look {
    source: Arc<SourceHealth>,
    sum: TapCounts,
    /// Workers that told. Two marks may bear one time, so that the time alone does not say that all have.
    told: usize,
}

impl Collected {
    pub(super) fn new(workers: usize) -> Collected {
        Collected { workers, coming: BTreeMap::new(), last: Health::default() }
    }

    pub(super) fn take(&mut self, mark: Timestamp, health: WorkerHealth) {
        let WorkerHealth { source, counts } = health;
        let look = self.coming.entry((mark, source.look)).or_insert_with(|| {
            let sum = source.counts.clone();
            Look { source, sum, told: 0 }
        });
        look.sum += &counts;
        look.told += 1;
    }

    /// What came in between two looks, for each look up to `low`, which all workers have passed.
    pub(super) fn due(&mut self, low: Timestamp) -> Vec<(Timestamp, Vec<TapReport>)> {
        let mut due = Vec::new();
        let is_due = |key: &(Timestamp, u64), look: &Look| key.0 <= low && look.told >= self.workers;
        while let Some(entry) = self.coming.first_entry().filter(|entry| is_due(entry.key(), entry.get())) {
            let ((at, _), Look { source, sum, .. }) = entry.remove_entry();
            let now = Health::new(&source.taps, &sum);
            due.push((at, reports(&now.since(&self.last), &source.interfaces)));
            self.last = now;
        }
        due
    }
}

/// Health by the names of interfaces.
pub fn reports(health: &Health, interfaces: &[Arc<str>]) -> Vec<TapReport> {
    let unnamed: Arc<str> = "mirror".into();
    health
        .taps
        .iter()
        .map(|(tap, health)| TapReport {
            port: interfaces.get(usize::from(tap.interface)).unwrap_or(&unnamed).clone(),
            vlan: tap.vlan,
            packets: health.packets + health.headers_cut,
            payload: health.payload,
            connections: health.connections,
            one_way: health.one_way,
            midstream: health.midstream,
            twice: health.mirrored_twice,
            cut: health.cut_packets + health.headers_cut,
            lost: health.lost_before_us(),
        })
        .collect()
}
