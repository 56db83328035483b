//! Reads and decodes packets, picks each segment's worker by the innermost addresses and ports, and copies it once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crossbeam_channel::{Receiver, Sender};
use spyhop_capture::{Next, Source};
use spyhop_model::{Span, Timestamp};
use spyhop_stream::{Batch, DecodeLimits, Decoder, Tap, shard, shard_of};

use super::accounts::{Accounts, Losses, capture_losses, decode_losses, live_losses};
use super::health::{SourceHealth, interval};
use super::pressure::{Pressure, Step};
use super::{Beat, Load, Watch};

/// Bytes and segments in a batch. A batch should fit a core's cache and outweigh the cost of handing it over.
const BATCH_BYTES: usize = 256 << 10;
const BATCH_SEGMENTS: usize = 1_024;
/// Payload after which a mark is due even if little capture time has passed, so that what waits for its order stays small.
const MARK_BYTES: u64 = 4 << 20;
/// How long a live run that is told to stop goes on at least, since the kernel hands packets over in blocks, and at most, if it has
/// not read by then what had come before it was told.
const DRAIN: Duration = Duration::from_millis(60);
const DRAIN_AT_MOST: Duration = Duration::from_secs(10);
/// What is left out at the last step: segments, and the payload in them.
pub(super) const SEGMENTS_SHED: &str = "segments_shed";
pub(super) const PAYLOAD_SHED: &str = "payload_shed";
/// Packets between two looks at the world outside.
const LOOK_EVERY: u32 = 4_096;

pub(super) struct Intake {
    decoder: Decoder,
    batches: Vec<Batch>,
    senders: Vec<Sender<Load>>,
    recycled: Receiver<Batch>,
    every: Span,
    next_mark: Timestamp,
    marked: Timestamp,
    bytes_since_mark: u64,
    /// Nobody takes what is sent any more.
    gone: bool,
    first: Option<Timestamp>,
    last: Timestamp,
    told: Losses,
    /// The mirror's health, noted for the next mark.
    health: Option<Arc<SourceHealth>>,
    looked: u64,
    looks: u64,
    beat: Beat,
    /// Only where work may be left out.
    pressure: Option<Pressure>,
    step: Step,
    left_out: Losses,
}

impl Intake {
    pub(super) fn new(
        limits: DecodeLimits,
        senders: Vec<Sender<Load>>,
        recycled: Receiver<Batch>,
        every: Span,
        beat: Beat,
    ) -> Intake {
        let batches = senders.iter().map(|_| Batch::default()).collect();
        Intake {
            decoder: Decoder::new(limits),
            batches,
            senders,
            recycled,
            every,
            next_mark: Timestamp::default(),
            marked: Timestamp::default(),
            bytes_since_mark: 0,
            gone: false,
            first: None,
            last: Timestamp::default(),
            told: Losses::default(),
            health: None,
            looked: 0,
            looks: 0,
            beat,
            pressure: None,
            step: Pressure::default().step(),
            left_out: Losses::new(),
        }
    }

    pub(super) fn sheds(&mut self, sheds: bool) {
        self.pressure = sheds.then(Pressure::default);
    }

    pub(super) fn run(&mut self, source: &mut Source, stop: &AtomicBool, watch: &mut Watch<'_>) {
        let mut until_look = LOOK_EVERY;
        let mut stopped: Option<(Instant, Timestamp)> = None;
        loop {
            if self.gone {
                return;
            }
            until_look -= 1;
            if until_look == 0 {
                until_look = LOOK_EVERY;
                watch(source);
                if stop.load(Ordering::Relaxed) && over(source, &mut stopped, self.last, false) {
                    return;
                }
            }
            match source.next() {
                Next::Packet(packet) => {
                    self.last = packet.at;
                    self.first.get_or_insert(packet.at);
                    let at = packet.at;
                    let due = at >= self.next_mark || self.bytes_since_mark >= MARK_BYTES;
                    // The packet is decoded after its mark: a mark at t stands before everything of t.
                    self.packet(&packet, due.then_some(packet.at));
                    if due {
                        self.losses(source, at);
                        self.keep_up(wall_clock(), at);
                    }
                }
                Next::Quiet(reached) => {
                    watch(source);
                    if stop.load(Ordering::Relaxed) && over(source, &mut stopped, self.last, true) {
                        return;
                    }
                    if let Some(reached) = reached.filter(|at| *at >= self.next_mark && *at > self.marked) {
                        source.promise(reached);
                        self.losses(source, reached);
                        // Nothing waits.
                        self.keep_up(reached, reached);
                        self.mark(reached);
                    }
                }
                Next::End => return,
            }
        }
    }

    fn packet(&mut self, packet: &spyhop_stream::Packet<'_>, mark: Option<Timestamp>) {
        if let Some(at) = mark {
            self.mark(at);
        }
        let Ok(decoded) = self.decoder.decode(packet) else { return self.datagram(packet) };
        let segment = decoded.segment();
        self.bytes_since_mark += segment.payload.len() as u64;
        let shard = shard(&segment);
        if self.step.halves && shard >> 63 == 1 {
            *self.left_out.entry(SEGMENTS_SHED).or_default() += 1;
            *self.left_out.entry(PAYLOAD_SHED).or_default() += segment.payload.len() as u64;
            return;
        }
        let index = (shard % self.batches.len().max(1) as u64) as usize;
        let Some(batch) = self.batches.get_mut(index) else { return };
        batch.push(&segment);
        if batch.bytes() >= BATCH_BYTES || batch.len() >= BATCH_SEGMENTS {
            self.send(index, None, None);
        }
    }

    /// A packet without TCP may begin a QUIC connection.
    fn datagram(&mut self, packet: &spyhop_stream::Packet<'_>) {
        let Some(datagram) = self.decoder.datagram(packet) else { return };
        self.bytes_since_mark += datagram.payload.len() as u64;
        let index = (shard_of(datagram.src, datagram.dst) % self.batches.len().max(1) as u64) as usize;
        let Some(batch) = self.batches.get_mut(index) else { return };
        batch.push_datagram(&datagram);
        if batch.bytes() >= BATCH_BYTES {
            self.send(index, None, None);
        }
    }

    /// Tells every worker, idle ones too, that capture time has reached `at`.
    fn mark(&mut self, at: Timestamp) {
        for index in 0..self.batches.len() {
            if let Some(batch) = self.batches.get_mut(index) {
                batch.mark = Some(at);
            }
            let losses = (index == 0).then(|| self.told.clone());
            self.send(index, losses, self.health.clone());
        }
        self.health = None;
        self.marked = at;
        self.next_mark = at + self.every;
        self.bytes_since_mark = 0;
    }

    /// Notes the source's losses, for the next mark.
    fn losses(&mut self, source: &mut Source, at: Timestamp) {
        if interval(at) != self.looked {
            self.looked = interval(at);
            self.look(source);
        }
        self.told = decode_losses(&self.decoder.accounts());
        self.told.extend(self.left_out.iter());
        capture_losses(&source.accounts(), &mut self.told);
        if let Source::Live(live) = source {
            live_losses(live, &mut self.told);
            self.beat.source(live, self.senders.iter().map(Sender::len));
        }
    }

    /// Leaves more or less out, as the packets that are read now, at `now`, have waited since `at`.
    fn keep_up(&mut self, now: Timestamp, at: Timestamp) {
        let Some(pressure) = &mut self.pressure else { return };
        if pressure.observe(now, now.since(at)) {
            self.step = pressure.step();
            eprintln!("spyhop: {}", self.step.says);
        }
    }

    /// Notes the mirror's health, for the next mark.
    fn look(&mut self, source: &Source) {
        self.looks += 1;
        self.health = Some(Arc::new(SourceHealth {
            look: self.looks,
            interfaces: source.interfaces(),
            taps: self.decoder.taps().to_vec(),
            counts: self.decoder.health().clone(),
        }));
    }

    fn send(&mut self, index: usize, losses: Option<Losses>, health: Option<Arc<SourceHealth>>) {
        let (Some(batch), Some(sender)) = (self.batches.get_mut(index), self.senders.get(index)) else { return };
        let fresh = self.recycled.try_recv().unwrap_or_default();
        // A worker that is gone has panicked, or behaviour has; the run ends, and joining them tells.
        self.gone |=
            sender.send(Load { batch: std::mem::replace(batch, fresh), shed: self.step.shed, losses, health }).is_err();
    }

    /// Sends what is left and lets the workers finish at the time of the last packet. Returns the taps that were seen.
    pub(super) fn finish(mut self, source: &mut Source, accounts: &mut Accounts) -> Vec<Tap> {
        let last = self.last;
        self.look(source);
        accounts.taps += self.decoder.health();
        accounts.interfaces = source.interfaces();
        let taps = self.decoder.taps().to_vec();
        self.told = decode_losses(&self.decoder.accounts());
        capture_losses(&accounts.capture, &mut self.told);
        if let Source::Live(live) = source {
            live_losses(live, &mut accounts.live);
            accounts.live.extend(self.left_out.iter());
            self.told.extend(accounts.live.iter());
        }
        self.mark(last);
        accounts.decode = self.decoder.accounts();
        accounts.began = self.first;
        accounts.ended = self.first.map(|_| last);
        taps
    }
}

/// Whether a run that was told to stop has read enough. A replay stops at once; a live run first takes what had come before.
fn over(source: &Source, stopped: &mut Option<(Instant, Timestamp)>, reached: Timestamp, quiet: bool) -> bool {
    let (asked, at) = *stopped.get_or_insert_with(|| (Instant::now(), wall_clock()));
    let since = asked.elapsed();
    let is_read = since >= DRAIN && (quiet || reached > at);
    matches!(source, Source::Replay(_)) || is_read || since >= DRAIN_AT_MOST
}

pub(crate) fn wall_clock() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}
