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
#[derive(Default)]
pub(super) struct Collected {
    /// By mark and look.
    coming: BTreeMap<(Timestamp, u64), (Arc<SourceHealth>, TapCounts)>,
    last: Health,
}

impl Default for SourceHealth {
    fn default() -> Self {
        SourceHealth { look: 0, interfaces: Vec::new(), taps: Vec::new(), counts: TapCounts::default() }
    }
}

impl Collected {
    pub(super) fn take(&mut self, mark: Timestamp, health: WorkerHealth) {
        let WorkerHealth { source, counts } = health;
        let (_, sum) = self.coming.entry((mark, source.look)).or_insert_with(|| {
            let counts = source.counts.clone();
            (source, counts)
        });
        *sum += &counts;
    }

    /// What came in between two looks, for each look up to `low`, which all workers have passed.
    pub(super) fn due(&mut self, low: Timestamp) -> Vec<(Timestamp, Vec<TapReport>)> {
        let mut due = Vec::new();
        while let Some(entry) = self.coming.first_entry().filter(|entry| entry.key().0 <= low) {
            let ((at, _), (source, counts)) = entry.remove_entry();
            let now = Health::new(&source.taps, &counts);
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
