//! A worker: its own flow table, parser and inspection; nothing shared.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crossbeam_channel::{Receiver, Sender};
use spyhop_http::{Carries, Shared};
use spyhop_inspect::{ExchangeInspection, Inspector, Met};
use spyhop_model::{Connection, Moment, Side, Timestamp};
use spyhop_stream::{Batch, Content, End, Oddity, StreamReader, Streams, TapCounts, UdpDatagram};
use spyhop_tls::{Begun, Flows};

use super::accounts::{Losses, WorkerAccounts, worker_losses};
use super::health::WorkerHealth;
use super::{Beat, Load, WorkerPulse, Yield};

/// Reads a connection as HTTP.
struct HttpReader(spyhop_http::Connection<ExchangeInspection>);

impl StreamReader for HttpReader {
    type Context = Shared<ExchangeInspection>;

    fn open(cx: &mut Self::Context, connection: &Connection) -> Self {
        HttpReader(spyhop_http::Connection::open(cx, connection))
    }
    fn data(&mut self, cx: &mut Self::Context, at: Timestamp, side: Side, bytes: &[u8]) {
        cx.inspect.at(at);
        self.0.data(cx, at, side, bytes);
    }
    fn gap(&mut self, cx: &mut Self::Context, at: Timestamp, side: Side, lost: u64) {
        self.0.gap(cx, at, side, lost);
    }
    fn oddity(&mut self, _cx: &mut Self::Context, _at: Timestamp, _side: Side, what: Oddity) {
        match what {
            Oddity::Conflict => self.0.conflict(),
            Oddity::Urgent => {}
        }
    }
    fn finished(&mut self, cx: &mut Self::Context, at: Timestamp, side: Side) {
        self.0.finished(cx, at, side);
    }
    fn content(&self) -> Content {
        match self.0.carries() {
            Carries::Http1 => Content::Http1,
            Carries::Http2 => Content::Http2,
            Carries::WebSocket => Content::WebSocket,
            Carries::Tls => Content::Tls,
            Carries::Other => Content::Other,
            Carries::Unknown => Content::Unknown,
        }
    }
    fn end(self, cx: &mut Self::Context, at: Timestamp, _why: End) {
        self.0.end(cx, at);
    }
}

/// One worker's share of limits that are given for all.
pub(super) fn share(limits: &spyhop_stream::Limits, workers: usize) -> spyhop_stream::Limits {
    spyhop_stream::Limits {
        connections: (limits.connections / workers).max(1),
        held_total: (limits.held_total / workers).max(limits.held_per_direction),
        ..*limits
    }
}

/// Memory for content decoders that a worker needs to decode at all.
const DECODERS: usize = 16 << 20;

/// One worker's share of limits that are given for all.
pub(super) fn share_http(limits: &spyhop_http::Limits, workers: usize) -> spyhop_http::Limits {
    spyhop_http::Limits {
        decoder_memory: (limits.decoder_memory / workers).max(DECODERS),
        held_memory: (limits.held_memory / workers).max(limits.head + limits.small_body),
        header_tables: (limits.header_tables / workers).max(limits.header_table),
        ..*limits
    }
}

#[allow(clippy::too_many_arguments, reason = "the ends of its channels, its limits, and where it tells")]
pub(super) fn work(
    index: usize,
    loads: &Receiver<Load>,
    recycle: &Sender<Batch>,
    yields: &Sender<Yield>,
    streams: spyhop_stream::Limits,
    http: spyhop_http::Limits,
    inspector: Inspector,
    mut beat: Beat,
) -> WorkerAccounts {
    let mut worker = Worker {
        streams: Streams::new(streams),
        shared: Shared::new(http, inspector),
        quic: Flows::default(),
        panics: 0,
        source: Losses::default(),
        told: Losses::default(),
    };
    let mut last = Timestamp::default();
    // What the decoder counted, as told last: the end of the run is another look.
    let mut known = None;
    for load in loads {
        let Load { mut batch, shed, losses, health } = load;
        worker.shared.inspect.shed = shed;
        if let Some(losses) = losses {
            worker.source = losses;
        }
        worker.segments(&batch);
        worker.datagrams(&batch);
        if let Some(mark) = batch.mark {
            worker.guarded(|worker| worker.streams.advance(&mut worker.shared, mark));
            last = mark;
            beat.worker(index, || WorkerPulse {
                connections: worker.streams.accounts().connections,
                open: worker.streams.open_connections(),
                held: worker.streams.held_bytes(),
            });
        }
        if health.is_some() {
            known.clone_from(&health);
        }
        let health = health.map(|source| WorkerHealth { source, counts: worker.streams.health().clone() });
        let told =
            Yield { worker: index, sightings: worker.sightings(), mark: batch.mark, losses: worker.losses(), health };
        if !told.sightings.is_empty() || told.mark.is_some() {
            // Behaviour is only gone if it panicked: there is nobody to work for, and joining it tells.
            if yields.send(told).is_err() {
                break;
            }
        }
        batch.clear();
        // No room means that enough empty batches are on their way already.
        let _ = recycle.try_send(batch);
    }
    worker.guarded(|worker| worker.streams.finish(&mut worker.shared, last));
    let _ = yields.send(Yield {
        worker: index,
        sightings: worker.sightings(),
        mark: Some(Timestamp::MAX),
        losses: worker.losses(),
        health: known.map(|source| WorkerHealth { source, counts: worker.streams.health().clone() }),
    });
    let health = worker.streams.health().clone();
    worker.accounts(health)
}

struct Worker {
    streams: Streams<HttpReader>,
    shared: Shared<ExchangeInspection>,
    quic: Flows,
    panics: u64,
    source: Losses,
    told: Losses,
}

impl Worker {
    fn segments(&mut self, batch: &Batch) {
        let before = self.streams.accounts().segments;
        self.guarded(|worker| {
            // After a panic, from the first segment on that was not given in.
            let done = worker.streams.accounts().segments - before;
            for segment in batch.iter().skip(done as usize) {
                worker.streams.segment(&mut worker.shared, &segment);
            }
        });
    }

    /// Hellos of QUIC. A panic costs the flows that are being read.
    fn datagrams(&mut self, batch: &Batch) {
        let read = catch_unwind(AssertUnwindSafe(|| {
            for datagram in batch.datagrams() {
                let UdpDatagram { at, src, dst, vlans, payload } = datagram;
                let Some(begun) = self.quic.datagram(at, src, dst, vlans, payload) else { continue };
                self.shared.accounts.handshakes += 1;
                let moment = Moment { at, flow: begun.id, ordinal: 0 };
                let Begun { started, client, server, hello, .. } = begun;
                self.shared.inspect.quic(Met { moment, began_at: started, client, server, vlans }, &hello);
            }
        }));
        if read.is_err() {
            self.panics += 1;
            self.quic = Flows::default();
        }
    }

    /// Does `step`, which costs the connection it panics in, is counted, and is repeated for the others. Each repetition
    /// has one connection less to panic in. A panic outside of any connection would come again: the rest is left, and the
    /// accounts do not add up.
    fn guarded(&mut self, step: impl Fn(&mut Worker)) {
        while catch_unwind(AssertUnwindSafe(|| step(self))).is_err() {
            self.panics += 1;
            if !self.streams.discard() {
                return;
            }
        }
    }

    fn sightings(&mut self) -> Vec<spyhop_model::Sighting> {
        self.shared.inspect.take()
    }

    /// Losses so far, if they have changed since they were told.
    fn losses(&mut self) -> Option<Losses> {
        let now = worker_losses(&self.accounts(TapCounts::default()), &self.source);
        (now != self.told).then(|| {
            self.told = now.clone();
            now
        })
    }

    fn accounts(&self, health: TapCounts) -> WorkerAccounts {
        WorkerAccounts {
            stream: self.streams.accounts(),
            http: self.shared.accounts.clone(),
            inspect: self.shared.inspect.accounts,
            panics: self.panics,
            health,
        }
    }
}
