//! What a running pipeline tells of itself: each thread notes its part now and then, whoever watches reads all of them.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use spyhop_capture::{KernelCounts, Live};
use spyhop_detect::{Engine, TableAccount};
use spyhop_model::{Change, Event, Finding, Lang, Severity, Timestamp};

use super::accounts::{Losses, Seen};
use super::source::wall_clock;

/// How often a thread notes its part.
const EVERY: Duration = Duration::from_millis(500);
/// Upper bounds of the histogram of delays, in milliseconds.
pub const DELAYS: [u64; 12] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000];
/// Findings that are remembered for whoever looks.
const LATEST: usize = 50;
/// Endpoints that are counted between two looks; those beyond it are counted together.
const ENDPOINTS: usize = 2_000;
/// Endpoints are counted only while somebody looked this lately.
const WATCHED: Duration = Duration::from_secs(10);

/// The parts of a running sensor.
pub struct Pulse {
    began: Instant,
    source: Mutex<SourcePulse>,
    workers: Vec<Mutex<WorkerPulse>>,
    behaviour: Mutex<BehaviourPulse>,
    /// Milliseconds after `began` at which somebody asked for endpoints last, plus one.
    watched: AtomicU64,
}

/// What the capture thread tells.
#[derive(Clone, Debug, Default)]
pub struct SourcePulse {
    /// When it told, in time since the start.
    pub told: Duration,
    /// Packets given on.
    pub packets: u64,
    /// Their captured octets.
    pub bytes: u64,
    /// Each interface: its name, whether it is read just now, and what the kernel counted.
    pub interfaces: Vec<(Arc<str>, bool, KernelCounts)>,
    /// Batches that wait before each worker.
    pub queues: Vec<usize>,
}

/// What a worker tells.
#[derive(Clone, Copy, Debug, Default)]
pub struct WorkerPulse {
    /// Connections seen.
    pub connections: u64,
    /// Connections open.
    pub open: usize,
    /// Octets held for reassembly.
    pub held: usize,
}

/// What the behaviour thread tells.
#[derive(Clone, Debug, Default)]
pub struct BehaviourPulse {
    /// When it told, in time since the start.
    pub told: Duration,
    /// Up to which event time everything is handled.
    pub reached: Timestamp,
    /// Calls that wait for their place in the order.
    pub pending: usize,
    /// Results of workers that wait.
    pub queue: usize,
    /// Totals.
    pub seen: Seen,
    /// Losses by reason, in totals.
    pub losses: Losses,
    /// Each detector's memory and time.
    pub tables: Vec<TableAccount>,
    /// Findings opened, by kind and severity.
    pub opened: HashMap<(&'static str, Severity), u64>,
    /// Delays from the packet that completed something to the change of a finding: how many up to each bound, and beyond.
    pub delays: [u64; DELAYS.len() + 1],
    /// The sum of the delays.
    pub delay_sum: Duration,
    /// The latest changes of findings, the newest last.
    pub latest: VecDeque<Glimpse>,
    /// Calls by endpoint since the last look.
    pub endpoints: HashMap<Arc<str>, u64>,
}

/// A change of a finding, as a list shows it.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct Glimpse {
    /// When.
    pub at: String,
    /// Its kind.
    pub kind: String,
    /// Its severity.
    pub severity: String,
    /// What changed.
    pub change: String,
    /// Its sentence, in English.
    pub summary: String,
}

fn locked<T>(part: &Mutex<T>) -> MutexGuard<'_, T> {
    part.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pulse {
    /// Of a sensor that begins now.
    pub fn new(workers: usize) -> Pulse {
        Pulse {
            began: Instant::now(),
            source: Mutex::default(),
            workers: (0..workers).map(|_| Mutex::default()).collect(),
            behaviour: Mutex::default(),
            watched: AtomicU64::new(0),
        }
    }

    /// Time since the start.
    pub fn age(&self) -> Duration {
        self.began.elapsed()
    }

    /// The capture thread's part.
    pub fn source(&self) -> SourcePulse {
        locked(&self.source).clone()
    }

    /// The workers' parts.
    pub fn workers(&self) -> Vec<WorkerPulse> {
        self.workers.iter().map(|part| *locked(part)).collect()
    }

    /// The behaviour thread's part; the counts by endpoint begin anew, and go on for as long as somebody asks.
    pub fn behaviour(&self, endpoints: bool) -> BehaviourPulse {
        let mut part = locked(&self.behaviour);
        if !endpoints {
            let counted = std::mem::take(&mut part.endpoints);
            let told = part.clone();
            part.endpoints = counted;
            return told;
        }
        self.watched.store(self.age().as_millis() as u64 + 1, Ordering::Relaxed);
        let told = part.clone();
        part.endpoints.clear();
        told
    }

    fn is_watched(&self) -> bool {
        let asked = self.watched.load(Ordering::Relaxed);
        asked > 0 && self.age().saturating_sub(Duration::from_millis(asked)) < WATCHED
    }
}

/// A thread's way to its part: says when it is time to tell.
pub(super) struct Beat {
    pulse: Option<Arc<Pulse>>,
    due: Instant,
}

impl Beat {
    pub(super) fn new(pulse: Option<Arc<Pulse>>) -> Beat {
        Beat { pulse, due: Instant::now() }
    }

    fn due(&mut self) -> Option<&Pulse> {
        let pulse = self.pulse.as_deref()?;
        let now = Instant::now();
        if now < self.due {
            return None;
        }
        self.due = now + EVERY;
        Some(pulse)
    }

    pub(super) fn source(&mut self, live: &mut Live, queues: impl Iterator<Item = usize>) {
        let Some(pulse) = self.due() else { return };
        let accounts = live.accounts();
        let kernel = live.stats().to_vec();
        let ports = live.ports().iter().zip(live.are_up()).zip(kernel);
        let interfaces = ports.map(|((port, up), counts)| (port.name.clone(), up, counts)).collect();
        let (packets, bytes, told) = (accounts.packets, accounts.bytes, pulse.age());
        *locked(&pulse.source) = SourcePulse { told, packets, bytes, interfaces, queues: queues.collect() };
    }

    pub(super) fn worker(&mut self, index: usize, told: impl FnOnce() -> WorkerPulse) {
        let Some(pulse) = self.due() else { return };
        if let Some(part) = pulse.workers.get(index) {
            *locked(part) = told();
        }
    }

    pub(super) fn behaviour(&mut self, tell: impl FnOnce(&mut BehaviourPulse), engine: &Engine) {
        let Some(pulse) = self.due() else { return };
        let mut part = locked(&pulse.behaviour);
        part.told = pulse.age();
        part.tables = engine.accounts().collect();
        tell(&mut part);
    }

    /// Counts a call for whoever watches.
    pub(super) fn event(&self, event: &Event) {
        let Some(pulse) = self.pulse.as_deref().filter(|pulse| pulse.is_watched()) else { return };
        let endpoints = &mut locked(&pulse.behaviour).endpoints;
        let is_full = endpoints.len() >= ENDPOINTS && !endpoints.contains_key(&event.endpoint);
        let name = if is_full { "(others)".into() } else { event.endpoint.clone() };
        *endpoints.entry(name).or_default() += 1;
    }

    /// Notes a change of a finding, and how long after its cause it comes.
    pub(super) fn finding(&self, finding: &Finding) {
        let Some(pulse) = self.pulse.as_deref() else { return };
        let delay = wall_clock().since(finding.changed_at);
        let mut part = locked(&pulse.behaviour);
        let bucket = DELAYS.iter().position(|bound| delay.0 <= bound * 1_000_000).unwrap_or(DELAYS.len());
        if let Some(count) = part.delays.get_mut(bucket) {
            *count += 1;
        }
        part.delay_sum += Duration::from_nanos(delay.0);
        if finding.change == Change::Opened {
            *part.opened.entry((finding.rule.kind, finding.severity)).or_default() += 1;
        }
        if part.latest.len() >= LATEST {
            part.latest.pop_front();
        }
        part.latest.push_back(Glimpse {
            at: finding.changed_at.to_string(),
            kind: finding.rule.kind.to_owned(),
            severity: finding.severity.name().to_owned(),
            change: change(finding.change).to_owned(),
            summary: finding.summary.lang(Lang::En).to_owned(),
        });
    }
}

fn change(what: Change) -> &'static str {
    match what {
        Change::Opened => "opened",
        Change::Updated => "updated",
        Change::Closed => "closed",
        Change::Reopened => "reopened",
    }
}
