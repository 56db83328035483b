//! Where events stand in one order: identification, detection, and the journal.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;
use spyhop_detect::Engine;
use spyhop_identify::Identity;
use spyhop_model::{Call, Event, Handshake, Outcome, Sighting, Timestamp};
use spyhop_publish::{Journal, Record, Tally};

use super::accounts::{Losses, Seen};
use super::health::Collected;
use super::{Beat, BehaviourPulse, Keep, Pipeline, Yield};

/// Records appended to the journal at once.
const APPEND: usize = 256;

pub(super) struct Behaviour {
    identity: Identity,
    engine: Engine,
    journal: Arc<dyn Journal>,
    wants_events: bool,
    wants_changes: bool,
    unordered: usize,
    pending: Vec<Sighting>,
    /// Taken out while it is filled and read.
    events: Vec<Event>,
    marks: Vec<Timestamp>,
    /// Losses of each worker that wait for their mark to be the lowest.
    coming: Vec<VecDeque<(Timestamp, Losses)>>,
    losses: Vec<Losses>,
    health: Collected,
    /// As of the last look at the mirror.
    dropped: u64,
    low: Timestamp,
    /// The time of the last thing that happened, for the end of the run.
    reached: Timestamp,
    records: Vec<Record>,
    /// What publishers will never get, and what the disk did not take, as told last.
    missing: [Tally; 2],
    seen: Seen,
    beat: Beat,
    engines: Option<Receiver<Engine>>,
    keep: Option<(Duration, Keep)>,
    kept: Instant,
}

impl Behaviour {
    pub(super) fn new(
        workers: usize,
        pipeline: &Pipeline,
        identity: Identity,
        engine: Engine,
        journal: Arc<dyn Journal>,
    ) -> Self {
        Behaviour {
            identity,
            engine,
            journal,
            wants_events: false,
            wants_changes: false,
            unordered: pipeline.unordered.max(1_024),
            pending: Vec::new(),
            events: Vec::new(),
            marks: vec![Timestamp::default(); workers],
            coming: vec![VecDeque::new(); workers],
            losses: vec![Losses::default(); workers],
            health: Collected::new(workers),
            dropped: 0,
            low: Timestamp::default(),
            reached: Timestamp::default(),
            records: Vec::new(),
            missing: [Tally::default(); 2],
            seen: Seen::default(),
            beat: Beat::new(None),
            engines: None,
            keep: None,
            kept: Instant::now(),
        }
    }

    pub(super) fn wants(&mut self, events: bool, changes: bool) {
        self.wants_events = events;
        self.wants_changes = changes;
    }

    pub(super) fn tells(&mut self, beat: Beat) {
        self.beat = beat;
    }

    pub(super) fn serves(&mut self, engines: Option<Receiver<Engine>>, keep: Option<(Duration, Keep)>) {
        self.engines = engines;
        self.keep = keep;
    }

    /// Between two marks: takes new settings, and keeps what was learnt.
    pub(super) fn serve(&mut self) {
        if let Some(mut engine) = self.engines.as_ref().and_then(|engines| engines.try_recv().ok()) {
            match engine.inherit(&mut self.engine) {
                Ok(()) => self.engine = engine,
                Err(wrong) => eprintln!("spyhop: the detectors stay as they were: {wrong}; please report it"),
            }
        }
        if let Some((every, keep)) = &mut self.keep
            && self.kept.elapsed() >= *every
        {
            keep(&self.identity, &self.engine);
            self.kept = Instant::now();
        }
    }

    /// Tells whoever watches how it fares, now and then; `queue` results of workers wait.
    pub(super) fn tell(&mut self, queue: usize) {
        let Behaviour { beat, engine, seen, pending, low, losses, .. } = self;
        let tell = |part: &mut BehaviourPulse| {
            part.reached = *low;
            part.queue = queue;
            part.pending = pending.len();
            part.seen = seen.clone();
            part.losses = totals(losses);
        };
        beat.behaviour(tell, engine);
    }

    pub(super) fn take(&mut self, told: Yield) {
        self.pending.extend(told.sightings);
        let Some(mark) = told.mark else { return self.bound() };
        if let (Some(losses), Some(coming)) = (told.losses, self.coming.get_mut(told.worker)) {
            coming.push_back((mark, losses));
        }
        if let Some(health) = told.health {
            self.health.take(mark, health);
        }
        if let Some(own) = self.marks.get_mut(told.worker) {
            *own = mark;
        }
        let low = self.marks.iter().copied().min().unwrap_or_default();
        if low > self.low {
            self.low = low;
            self.release(low);
            self.tell_losses(low);
            self.tell_mirror(low);
        }
        self.bound();
    }

    /// Handles what is strictly before `low`, in order.
    fn release(&mut self, low: Timestamp) {
        let mut due: Vec<Sighting> = self.pending.extract_if(.., |seen| seen.moment().at < low).collect();
        // What stands at one place comes from one worker, in its order.
        due.sort_by_key(Sighting::moment);
        for seen in due {
            match seen {
                Sighting::Call(call) => self.call(*call),
                Sighting::Handshake(handshake) => self.handshake(*handshake),
                Sighting::Values(values) if self.wants_events => self.records.push(Record::Values(Arc::new(*values))),
                Sighting::Values(_) => {}
            }
        }
        if low < Timestamp::MAX {
            self.reached = self.reached.max(low);
            self.silence(low);
            self.engine.advance(low);
            self.collect();
        }
        self.append();
    }

    /// Handles what is known because nothing more came until `to`.
    fn silence(&mut self, to: Timestamp) {
        let mut events = std::mem::take(&mut self.events);
        self.identity.advance(to, &mut events);
        events.drain(..).for_each(|event| self.event(event));
        self.events = events;
    }

    /// A capture whose packets all bear one time would otherwise be held as a whole.
    fn bound(&mut self) {
        if self.pending.len() > self.unordered {
            self.seen.order_forced += self.pending.len() as u64;
            self.release(Timestamp::MAX);
        }
    }

    fn call(&mut self, call: Call) {
        // Only an order that was forced can come late; event time does not run backwards for it.
        self.reached = self.reached.max(call.moment.at);
        let mut events = std::mem::take(&mut self.events);
        self.identity.advance(call.moment.at, &mut events);
        self.identity.resolve(call, &mut events);
        events.drain(..).for_each(|event| self.event(event));
        self.events = events;
    }

    fn event(&mut self, event: Event) {
        if event.concluded.is_some() {
            self.engine.event(&event);
            return self.collect();
        }
        let message = event.call.message.is_some();
        self.seen.exchanges += u64::from(!message);
        self.seen.messages += u64::from(message);
        self.seen.values += event.call.observations.iter().map(|seen| u64::from(seen.count)).sum::<u64>();
        if let Some(login) = event.login() {
            self.seen.logins += 1;
            self.seen.logins_refused += u64::from(login.outcome == Outcome::Failure);
        }
        self.engine.event(&event);
        self.beat.event(&event);
        if self.wants_events {
            self.records.push(Record::Event(Arc::new(event)));
        }
        self.collect();
        if self.records.len() >= APPEND {
            self.append();
        }
    }

    fn handshake(&mut self, handshake: Handshake) {
        self.reached = self.reached.max(handshake.moment.at);
        self.seen.handshakes += 1;
        let greeting = self.identity.greet(handshake);
        if self.wants_events {
            self.records.push(Record::Greeting(Arc::new(greeting)));
        }
    }

    fn collect(&mut self) {
        for finding in self.engine.take_changes() {
            self.seen.changes += 1;
            self.beat.finding(&finding);
            if self.wants_changes {
                self.records.push(Record::Finding(finding));
            }
        }
    }

    /// The journal is closed only by the end of this thread, so that appending does not fail before.
    fn append(&mut self) {
        if !self.records.is_empty() && self.journal.append(&mut self.records).is_err() {
            self.records.clear();
        }
    }

    fn tell_losses(&mut self, low: Timestamp) {
        let mut changed = false;
        for (coming, now) in self.coming.iter_mut().zip(&mut self.losses) {
            while coming.front().is_some_and(|(mark, _)| *mark <= low) {
                if let Some((_, losses)) = coming.pop_front() {
                    *now = losses;
                    changed = true;
                }
            }
        }
        let missing = [unpublished(&*self.journal), self.journal.unrecorded()];
        if !changed && missing == self.missing {
            return;
        }
        self.missing = missing;
        let [unpublished, unrecorded] = missing;
        let mut totals = totals(&self.losses);
        totals.insert("exchanges_unpublished", unpublished.exchanges);
        totals.insert("findings_unpublished", unpublished.findings);
        totals.insert("exchanges_unrecorded", unrecorded.exchanges);
        totals.insert("findings_unrecorded", unrecorded.findings);
        totals.insert("order_forced", self.seen.order_forced);
        totals.extend(self.identity.forgotten());
        let at = if low == Timestamp::MAX { self.reached } else { low };
        self.engine.losses(at, &totals);
        self.collect();
        self.append();
    }

    /// Packets that were lost behind the mirror: in the kernel, the network card, or by who wrote the capture.
    fn dropped_here(&self) -> u64 {
        let reasons = ["kernel_dropped", "interface_dropped", "dropped_by_writer"];
        let of = |losses: &Losses| reasons.iter().filter_map(|reason| losses.get(reason)).sum::<u64>();
        self.losses.iter().map(of).sum()
    }

    fn tell_mirror(&mut self, low: Timestamp) {
        for (at, mut taps) in self.health.due(low) {
            // What our own host dropped is no fault of the mirror.
            let dropped = self.dropped_here();
            if dropped > self.dropped {
                self.dropped = dropped;
                taps.iter_mut().for_each(|tap| tap.lost = 0);
            }
            let at = if at == Timestamp::MAX { self.reached } else { at };
            self.engine.mirror(at, &taps);
        }
        self.collect();
        self.append();
    }

    /// All workers are done: tells what has grown, and hands over what was learnt.
    /// `ended` is when the last packet came.
    pub(super) fn finish(mut self, ended: Option<Timestamp>) -> (Seen, Identity, Engine) {
        self.release(Timestamp::MAX);
        self.silence(self.reached.max(ended.unwrap_or_default()));
        self.engine.flush();
        self.collect();
        self.append();
        self.journal.close();
        self.seen.cells_evicted = self.engine.evicted();
        self.seen.findings_refused = self.engine.refused();
        self.seen.past_findings_dropped = self.engine.past_dropped();
        self.seen.forgotten = self.identity.forgotten();
        (self.seen, self.identity, self.engine)
    }
}

/// The losses of all workers together.
fn totals(losses: &[Losses]) -> Losses {
    let mut totals = Losses::new();
    for (reason, count) in losses.iter().flatten() {
        *totals.entry(*reason).or_insert(0) += count;
    }
    totals
}

/// Records that some publisher did not get: dropped because the journal was full, or missed because its sink failed.
pub(crate) fn unpublished(journal: &dyn Journal) -> Tally {
    let mut lost = Tally::default();
    for report in journal.report() {
        lost.exchanges += report.dropped.exchanges + report.missed.exchanges;
        lost.findings += report.dropped.findings + report.missed.findings;
    }
    lost
}
