//! The road from packets to findings: one source, some workers, one behaviour thread, and a journal that publishers read.
//!
//! ```text
//!            batches, marks                calls, marks                     records
//! source ─────────────────────> workers ─────────────────────> behaviour ──────────────> journal ──> publishers
//!   │ read, decode, shard         │ streams, http, inspect       │ one order, identify, detect
//!   └─< empty batches ────────────┘
//! ```
//!
//! All channels are bounded. A mark says that capture time has reached t; behaviour handles what is strictly before the
//! lowest mark of all workers, in order of (time, flow, number), so that the number of workers changes nothing.

mod accounts;
mod behaviour;
mod health;
mod pressure;
mod pulse;
mod source;
mod worker;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread::{Builder, Scope, ScopedJoinHandle};
use std::time::Duration;

use crossbeam_channel::Receiver;
use spyhop_capture::Source;
use spyhop_detect::Engine;
use spyhop_identify::Identity;
use spyhop_inspect::{Inspector, Shed};
use spyhop_model::{Span, Timestamp, settings};
use spyhop_publish::Journal;
use spyhop_stream::{Batch, DecodeLimits, Health};

pub use accounts::{Accounts, Losses, Seen};
use behaviour::Behaviour;
pub(crate) use behaviour::unpublished;
pub use health::reports;
use health::{SourceHealth, WorkerHealth};
use pulse::Beat;
pub use pulse::{BehaviourPulse, DELAYS, Glimpse, Pulse, SourcePulse, WorkerPulse};
use source::Intake;
pub(crate) use source::wall_clock;

settings! {
    /// Threads and queues between packets and findings.
    pub struct Pipeline {
        /// Worker threads; 0 takes as many as the machine has cores, less one, at most 8.
        workers: usize = 0,
        /// Batches of packets that may wait before each worker.
        queue: usize = 8,
        /// Capture time between marks when files are replayed.
        mark_every: Span = Span::millis(100),
        /// Capture time between marks on a live interface.
        mark_every_live: Span = Span::millis(10),
        /// Leave work out, step by step, while a live sensor falls behind, rather than let the kernel drop packets at random.
        shed: bool = true,
        /// Calls that may wait for their place in the order; beyond it (a capture whose packets all bear one time) they are handled before it is certain, and counted.
        unordered: usize = 262_144,
    }
}

impl Pipeline {
    /// The number of workers to start.
    pub fn workers(&self) -> usize {
        if self.workers > 0 {
            return self.workers.min(256);
        }
        std::thread::available_parallelism().map_or(1, |cores| cores.get().saturating_sub(1).clamp(1, 8))
    }
}

/// Everything that one run needs besides its source.
pub struct Parts {
    /// Threads and queues.
    pub pipeline: Pipeline,
    /// Limits of the decoder.
    pub decode: DecodeLimits,
    /// Limits of reassembly, of all workers together.
    pub streams: spyhop_stream::Limits,
    /// Limits of HTTP parsing, of all workers together.
    pub http: spyhop_http::Limits,
    /// Makes each worker's inspector.
    pub inspector: Arc<dyn Fn() -> Inspector + Send + Sync>,
    /// Who is who.
    pub identity: Identity,
    /// The detectors.
    pub engine: Engine,
    /// Where events and findings go.
    pub journal: Arc<dyn Journal>,
    /// Whether any publisher wants events.
    pub wants_events: bool,
    /// Whether any publisher wants findings as they change.
    pub wants_changes: bool,
    /// Where threads tell how they fare, if anybody may ask.
    pub pulse: Option<Arc<Pulse>>,
    /// Engines with other settings, which go on from where the last one stands.
    pub engines: Option<Receiver<Engine>>,
    /// What was learnt is kept so often, by the clock, and so.
    pub keep: Option<(Duration, Keep)>,
}

/// Keeps what was learnt, beside the run.
pub type Keep = Box<dyn FnMut(&Identity, &Engine) + Send>;

/// What a run leaves behind.
pub struct Outcome {
    /// What became of every packet and byte.
    pub accounts: Accounts,
    /// With what was learnt.
    pub identity: Identity,
    /// With its findings.
    pub engine: Engine,
}

/// What the caller may look at while a run goes on: called by the source between packets, now and then.
pub type Watch<'w> = dyn FnMut(&mut Source) + 'w;

/// From a source to a worker.
struct Load {
    batch: Batch,
    /// What the worker leaves out from here on.
    shed: Shed,
    /// The source's losses so far; on marks for the first worker only.
    losses: Option<Losses>,
    /// The decoder's part of the mirror's health, on marks where it is looked at.
    health: Option<Arc<SourceHealth>>,
}

/// From a worker to behaviour.
struct Yield {
    worker: usize,
    sightings: Vec<spyhop_model::Sighting>,
    mark: Option<Timestamp>,
    /// Losses so far of the worker and of the source as far as they came with the mark; if they changed.
    losses: Option<Losses>,
    /// The mirror's health up to the mark, where it is looked at.
    health: Option<WorkerHealth>,
}

/// Runs until the source ends or `stop` is set.
pub fn run(source: &mut Source, parts: Parts, stop: &AtomicBool, watch: &mut Watch<'_>) -> Outcome {
    let count = parts.pipeline.workers();
    let queue = parts.pipeline.queue.max(1);
    let live = matches!(source, Source::Live(_));
    let (recycle, recycled) = crossbeam_channel::bounded(count * (queue + 2));
    let (yields, yielded) = crossbeam_channel::bounded(count * 4);
    std::thread::scope(|scope| {
        let mut senders = Vec::new();
        let mut workers = Vec::new();
        for index in 0..count {
            let (sender, receiver) = crossbeam_channel::bounded(queue);
            senders.push(sender);
            let (yields, recycle) = (yields.clone(), recycle.clone());
            let (streams, http) = (worker::share(&parts.streams, count), worker::share_http(&parts.http, count));
            let inspector = parts.inspector.clone();
            let beat = Beat::new(parts.pulse.clone());
            let body = move || worker::work(index, &receiver, &recycle, &yields, streams, http, inspector(), beat);
            workers.push(start(scope, &format!("spyhop-work-{index}"), body));
        }
        drop((yields, recycle));
        let mut behaviour = Behaviour::new(count, &parts.pipeline, parts.identity, parts.engine, parts.journal);
        behaviour.wants(parts.wants_events, parts.wants_changes);
        behaviour.tells(Beat::new(parts.pulse.clone()));
        behaviour.serves(parts.engines, parts.keep);
        let behaviour = start(scope, "spyhop-behave", move || {
            for told in &yielded {
                behaviour.take(told);
                behaviour.tell(yielded.len());
                behaviour.serve();
            }
            behaviour
        });
        let every = if live { parts.pipeline.mark_every_live } else { parts.pipeline.mark_every };
        let mut intake = Intake::new(parts.decode, senders, recycled, every, Beat::new(parts.pulse));
        intake.sheds(live && parts.pipeline.shed);
        intake.run(source, stop, watch);
        let mut accounts = Accounts { capture: source.accounts(), ..Accounts::default() };
        let taps = intake.finish(source, &mut accounts);
        for worker in workers {
            match worker.join() {
                Ok(own) => accounts.add(&own),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        accounts.health = Health::new(&taps, &accounts.taps);
        match behaviour.join() {
            Ok(behaviour) => {
                let (seen, identity, engine) = behaviour.finish(accounts.ended);
                accounts.seen = seen;
                Outcome { accounts, identity, engine }
            }
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// Starts a thread whose name tells whoever looks at the threads of the process what it does.
fn start<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    name: &str,
    body: impl FnOnce() -> T + Send + 'scope,
) -> ScopedJoinHandle<'scope, T> {
    match Builder::new().name(name.to_owned()).spawn_scoped(scope, body) {
        Ok(thread) => thread,
        // As `Scope::spawn` does: nothing has begun yet that could be lost.
        Err(wrong) => panic!("cannot start the thread {name}: {wrong}"),
    }
}
