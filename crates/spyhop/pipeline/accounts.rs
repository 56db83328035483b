//! What became of every packet and byte, over all stages, and whether it adds up.

use std::collections::BTreeMap;
use std::sync::Arc;

use spyhop_capture::{KernelCounts, Live};
use spyhop_http::{HttpAccounts, Unparsed};
use spyhop_inspect::InspectAccounts;
use spyhop_model::Timestamp;
use spyhop_stream::{DecodeAccounts, Health, Skip, StreamAccounts, TapCounts};

/// Losses by reason, in totals so far.
pub type Losses = BTreeMap<&'static str, u64>;

/// The accounts of one run.
#[derive(Clone, Debug, Default)]
pub struct Accounts {
    /// Of the source.
    pub capture: spyhop_capture::Accounts,
    /// Of the kernel and the interfaces; live only.
    pub live: Losses,
    /// Of decoding.
    pub decode: DecodeAccounts,
    /// Of reassembly.
    pub stream: StreamAccounts,
    /// Of HTTP parsing.
    pub http: HttpAccounts,
    /// Of inspection.
    pub inspect: InspectAccounts,
    /// Panics that cost a flow.
    pub panics: u64,
    /// Of behaviour.
    pub seen: Seen,
    /// How well the mirror delivers, by tap.
    pub health: Health,
    /// Names of the interfaces that taps refer to.
    pub interfaces: Vec<Arc<str>>,
    /// The sum of what decoder and workers counted, by number of tap.
    pub(super) taps: TapCounts,
    /// Capture time of the first packet.
    pub began: Option<Timestamp>,
    /// Capture time of the last packet.
    pub ended: Option<Timestamp>,
}

/// What behaviour saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Exchanges.
    pub exchanges: u64,
    /// Messages of WebSockets and of other channels.
    pub messages: u64,
    /// TLS handshakes.
    pub handshakes: u64,
    /// Sensitive values in them, candidates and masked ones included.
    pub values: u64,
    /// Login attempts.
    pub logins: u64,
    /// Of these, refused.
    pub logins_refused: u64,
    /// Changes of findings.
    pub changes: u64,
    /// Calls handled before their place in the order was certain.
    pub order_forced: u64,
    /// Detector cells forgotten at the memory limit.
    pub cells_evicted: u64,
    /// Findings refused at their limit.
    pub findings_refused: u64,
    /// Findings that were over and found no room for the end of a replay.
    pub past_findings_dropped: u64,
    /// What identification forgot or cut short at its limits, by reason.
    pub forgotten: Losses,
}

/// The accounts of one worker.
#[derive(Clone, Debug, Default)]
pub(super) struct WorkerAccounts {
    pub stream: StreamAccounts,
    pub http: HttpAccounts,
    pub inspect: InspectAccounts,
    pub panics: u64,
    pub health: TapCounts,
}

impl Accounts {
    pub(super) fn add(&mut self, worker: &WorkerAccounts) {
        self.stream += worker.stream;
        self.http += &worker.http;
        self.inspect += worker.inspect;
        self.panics += worker.panics;
        self.taps += &worker.health;
    }

    /// What does not add up, as sentences; none if all does. A panic loses the bytes of its flow, so nothing is said then.
    pub fn imbalances(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut same = |what: &str, left: u64, right: u64| {
            if left != right {
                wrong.push(format!("{what}: {left} is not {right}"));
            }
        };
        let skipped: u64 = self.decode.skipped.iter().map(|tally| tally.bytes).sum();
        same("captured bytes and packets decoded", self.capture.bytes, self.decode.captured);
        same(
            "captured = headers + padding + skipped + payload",
            self.decode.captured + self.decode.reassembled,
            self.decode.headers + self.decode.padding + skipped + self.decode.payload,
        );
        let shed = self.live.get(super::source::PAYLOAD_SHED).copied().unwrap_or(0);
        same("payload decoded = reassembled + shed", self.decode.payload, self.stream.payload + shed);
        if !self.stream.balance() {
            wrong.push(format!("payload = delivered + duplicate + …: {:?}", self.stream));
        }
        if self.panics == 0 {
            let mut same = |what: &str, left: u64, right: u64| {
                if left != right {
                    wrong.push(format!("{what}: {left} is not {right}"));
                }
            };
            same("bytes delivered and bytes parsed", self.stream.delivered, self.http.delivered);
            let parsed = self.http.http + self.http.other_total() + self.http.unparsed_total() + self.http.held;
            same("delivered = HTTP + other + unparsed", self.http.delivered, parsed);
            same("exchanges parsed and events", self.http.exchanges, self.seen.exchanges);
            same("messages parsed and events", self.http.messages, self.seen.messages + self.inspect.plain_messages);
            same("handshakes parsed and events", self.http.handshakes, self.seen.handshakes);
        }
        wrong
    }

    /// All losses by reason.
    pub fn losses(&self) -> Losses {
        let mut losses = decode_losses(&self.decode);
        capture_losses(&self.capture, &mut losses);
        losses.extend(self.live.iter());
        let workers = WorkerAccounts {
            stream: self.stream,
            http: self.http.clone(),
            inspect: self.inspect,
            panics: self.panics,
            health: TapCounts::default(),
        };
        let mut all = worker_losses(&workers, &losses);
        all.insert("order_forced", self.seen.order_forced);
        all.insert("cells_evicted", self.seen.cells_evicted);
        all.insert("findings_refused", self.seen.findings_refused);
        all.insert("past_findings_dropped", self.seen.past_findings_dropped);
        all.extend(self.seen.forgotten.iter());
        all.retain(|_, count| *count > 0);
        all
    }
}

pub(super) fn capture_losses(capture: &spyhop_capture::Accounts, losses: &mut Losses) {
    losses.insert("packets_cut", capture.cut);
    losses.insert("packets_late", capture.late);
    losses.insert("dropped_by_writer", capture.dropped_by_writer);
    losses.insert("records_skipped", capture.skipped);
}

pub(super) fn live_losses(live: &mut Live, losses: &mut Losses) {
    let KernelCounts { dropped, interface_dropped, .. } = live.stats().iter().copied().sum();
    losses.insert("kernel_dropped", dropped);
    losses.insert("interface_dropped", interface_dropped);
    losses.insert("interface_away", live.away());
    losses.insert("packets_unkept", live.unkept());
}

pub(super) fn decode_losses(decode: &DecodeAccounts) -> Losses {
    let mut losses = Losses::new();
    losses.insert("fragments_dropped", decode.of(Skip::FragmentDropped).packets);
    losses.insert("nested_too_deep", decode.of(Skip::TooDeep).packets);
    losses.insert("unknown_link_type", decode.of(Skip::UnknownLink).packets);
    losses
}

pub(super) fn worker_losses(worker: &WorkerAccounts, source: &Losses) -> Losses {
    let WorkerAccounts { stream, http, inspect, panics, health: _ } = worker;
    let mut losses = source.clone();
    for (reason, count) in [
        ("gap_bytes", stream.gap_bytes),
        ("held_limit", stream.held_limit),
        ("connections_evicted", stream.evicted),
        ("header_bytes_over_limit", http.unparsed[Unparsed::HeadLimit as usize]),
        ("header_bytes_unheld", http.unparsed[Unparsed::HeldMemory as usize]),
        ("header_fields_over_limit", http.fields_over_limit),
        ("header_blocks_over_limit", http.header_blocks_over_limit),
        ("header_lists_over_limit", http.header_lists_over_limit),
        ("header_tables_over_limit", http.header_tables_over_limit),
        ("continuation_floods", http.continuation_floods),
        ("streams_over_limit", http.streams_over_limit),
        ("exchanges_over_limit", http.exchanges_over_limit),
        ("hellos_over_limit", http.hellos_over_limit),
        ("requests_passed_over", http.requests_passed_over),
        ("requests_over_limit", http.outstanding_over_limit),
        ("replays_over_limit", http.replays_over_limit),
        ("bodies_over_limit", http.bodies_over_limit),
        ("decoders_over_limit", http.decoders_over_limit),
        ("chunk_extensions_over_limit", http.chunk_extensions_over_limit),
        ("tunnels_over_limit", http.tunnels_over_limit),
        ("bombs_cut", http.bombs),
        ("bodies_shed", inspect.bodies_shed),
        ("credentials_over_limit", inspect.credentials_over_limit),
        ("values_over_limit", inspect.values_over_limit),
        ("parts_over_limit", inspect.walk.parts_over_limit),
        ("parts_nested", inspect.walk.parts_nested),
        ("entries_encrypted", inspect.walk.entries_encrypted),
        ("entries_over_limit", inspect.walk.entries_over_limit),
        ("entries_cut", inspect.walk.entries_cut),
        ("cells_over_limit", inspect.walk.cells_over_limit),
        ("streams_unread", inspect.walk.streams_unread),
        ("documents_over_limit", inspect.walk.documents_over_limit),
        ("panics", *panics),
        ("lost_to_panic", stream.lost_to_panic),
    ] {
        losses.insert(reason, count);
    }
    losses
}
