//! What a running sensor tells of itself: metrics for Prometheus, health for whoever restarts it, and a picture for `spyhop top`.

mod listener;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;
use serde::{Deserialize, Serialize};
use spyhop_ledger::Health as LedgerHealth;
use spyhop_model::settings;
use spyhop_publish::Journal;
use spyhop_publish::kafka::{KafkaHealth, KafkaState};

use crate::pipeline::{BehaviourPulse, DELAYS, Glimpse, Pulse, SourcePulse, WorkerPulse};
use crate::process;

pub use listener::{Listener, address, ask, local_socket, usable};

settings! {
    /// What a running sensor tells of itself: metrics, health, and `spyhop top`.
    pub struct MetricsSettings {
        /// Loopback address and port of a listener for HTTP with /metrics (Prometheus), /healthz and /readyz, such as "127.0.0.1:9464"; empty: none.
        listen: String = String::new(),
        /// Unix socket that answers the same, for `spyhop top`; empty: `socket` in the state directory.
        socket: String = String::new(),
    }
}

/// The capture thread tells at least this often, or it hangs.
const CAPTURE_WITHIN: Duration = Duration::from_secs(10);
/// So does the behaviour thread, which may be busy with what came before.
const BEHAVIOUR_WITHIN: Duration = Duration::from_secs(60);
/// Endpoints in a picture.
const SHOWN: usize = 40;

/// Reads what all parts of a sensor tell.
pub struct Monitor {
    /// Its name.
    pub sensor: String,
    /// The pipeline.
    pub pulse: Arc<Pulse>,
    /// Events and findings on their way to publishers.
    pub journal: Arc<dyn Journal>,
    /// Kafka, if it is published to.
    pub kafka: Option<Arc<KafkaHealth>>,
    /// The ledger, if there is one.
    pub ledger: Option<Arc<LedgerHealth>>,
}

impl fmt::Debug for Monitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Monitor").field("sensor", &self.sensor).finish_non_exhaustive()
    }
}

/// A running sensor at one moment, as `spyhop top` shows it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Picture {
    /// Its name.
    pub sensor: String,
    /// Its version.
    pub version: String,
    /// Seconds since it began.
    pub uptime: f64,
    /// Seconds of processor time.
    pub cpu: f64,
    /// Resident octets.
    pub memory: u64,
    /// Interfaces.
    pub interfaces: Vec<InterfacePicture>,
    /// Totals by name: packets, bytes, connections, exchanges, …
    pub totals: BTreeMap<String, u64>,
    /// Levels by name: connections open, octets held, queues, …
    pub levels: BTreeMap<String, u64>,
    /// Losses by reason, in totals; those that occurred.
    pub losses: BTreeMap<String, u64>,
    /// Delays from packet to finding: how many up to each bound of [`DELAYS`], and beyond.
    pub delays: Vec<u64>,
    /// Endpoints with the calls since the last look, the busiest first.
    pub endpoints: Vec<(String, u64)>,
    /// The latest changes of findings, the newest first.
    pub findings: Vec<Glimpse>,
    /// What is wrong; empty if nothing is.
    pub troubles: Vec<String>,
}

/// An interface in a picture.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct InterfacePicture {
    /// Its name.
    pub name: String,
    /// Whether it is read just now.
    pub up: bool,
    /// Packets that the kernel received for the sensor.
    pub received: u64,
    /// Of these, dropped because the ring was full.
    pub dropped: u64,
    /// Dropped by the interface or its driver.
    pub interface_dropped: u64,
}

/// One metric with all its series.
struct Family {
    name: &'static str,
    help: &'static str,
    kind: MetricType,
    series: Vec<(Vec<(&'static str, String)>, f64)>,
}

impl Monitor {
    /// What is wrong, each in a sentence; none if nothing is.
    pub fn troubles(&self) -> Vec<String> {
        let (source, behaviour) = (self.pulse.source(), self.pulse.behaviour(false));
        let mut wrong = hangs(self.pulse.age(), &source, &behaviour);
        wrong.extend(source.interfaces.iter().filter(|(_, up, _)| !up).map(|(name, ..)| format!("{name} is not read")));
        if let Some(kafka) = &self.kafka
            && !matches!(kafka.state(), KafkaState::Connected | KafkaState::Starting)
        {
            wrong.push(format!("kafka: {kafka}"));
        }
        wrong.extend(self.ledger.iter().map(|ledger| ledger.counts().trouble).filter(|trouble| !trouble.is_empty()));
        wrong
    }

    /// Whether all threads go on.
    pub fn is_alive(&self) -> bool {
        hangs(self.pulse.age(), &self.pulse.source(), &self.pulse.behaviour(false)).is_empty()
    }

    /// Everything at this moment.
    pub fn picture(&self) -> Picture {
        let (source, behaviour) = (self.pulse.source(), self.pulse.behaviour(true));
        let mut endpoints: Vec<_> =
            behaviour.endpoints.iter().map(|(name, count)| (name.to_string(), *count)).collect();
        endpoints.sort_by(|a, b| (b.1, &a.0).cmp(&(a.1, &b.0)));
        endpoints.truncate(SHOWN);
        let interfaces = source.interfaces.iter().map(|(name, up, kernel)| InterfacePicture {
            name: name.to_string(),
            up: *up,
            received: kernel.received,
            dropped: kernel.dropped,
            interface_dropped: kernel.interface_dropped,
        });
        let losses = behaviour.losses.iter().filter(|(_, count)| **count > 0);
        Picture {
            sensor: self.sensor.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            uptime: self.pulse.age().as_secs_f64(),
            cpu: process::cpu_time().as_secs_f64(),
            memory: process::memory(),
            interfaces: interfaces.collect(),
            totals: totals(&source, &self.pulse.workers(), &behaviour),
            levels: self.levels(&source, &behaviour),
            losses: losses.map(|(reason, count)| ((*reason).to_owned(), *count)).collect(),
            delays: behaviour.delays.to_vec(),
            endpoints,
            findings: behaviour.latest.iter().rev().cloned().collect(),
            troubles: self.troubles(),
        }
    }

    fn levels(&self, source: &SourcePulse, behaviour: &BehaviourPulse) -> BTreeMap<String, u64> {
        let workers = self.pulse.workers();
        let waiting: u64 = self.journal.report().iter().map(|report| report.waiting.total()).sum();
        let levels = [
            ("connections_open", workers.iter().map(|worker| worker.open as u64).sum()),
            ("reassembly_bytes", workers.iter().map(|worker| worker.held as u64).sum()),
            ("batches_waiting", source.queues.iter().map(|queue| *queue as u64).sum()),
            ("results_waiting", behaviour.queue as u64),
            ("calls_unordered", behaviour.pending as u64),
            ("records_unpublished", waiting),
            ("detector_cells", behaviour.tables.iter().map(|table| table.cells as u64).sum()),
            ("detector_bytes", behaviour.tables.iter().map(|table| table.bytes as u64).sum()),
        ];
        levels.into_iter().map(|(name, level)| (name.to_owned(), level)).collect()
    }

    /// The metrics in the format of OpenMetrics 1.0, which Prometheus reads.
    pub fn text(self: &Arc<Self>) -> String {
        let mut registry = Registry::with_prefix("spyhop");
        registry.register_collector(Box::new(Arc::clone(self)));
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = prometheus_client::encoding::text::encode(&mut text, &registry);
        text
    }

    fn families(&self) -> Vec<Family> {
        let (source, behaviour) = (self.pulse.source(), self.pulse.behaviour(false));
        let mut all = Vec::new();
        let mut add = |name, help, kind, series: Vec<(Vec<(&'static str, String)>, f64)>| {
            all.push(Family { name, help, kind, series });
        };
        let one = |value: f64| vec![(Vec::new(), value)];
        let by = |label: &'static str, values: Vec<(String, u64)>| -> Vec<(Vec<(&'static str, String)>, f64)> {
            values.into_iter().map(|(of, value)| (vec![(label, of)], value as f64)).collect()
        };
        let totals = totals(&source, &self.pulse.workers(), &behaviour);
        for (name, help) in TOTALS {
            add(name, help, MetricType::Counter, one(totals.get(name).copied().unwrap_or(0) as f64));
        }
        let levels = self.levels(&source, &behaviour);
        for (name, help) in LEVELS {
            add(name, help, MetricType::Gauge, one(levels.get(name).copied().unwrap_or(0) as f64));
        }
        let interfaces = |of: fn(&(Arc<str>, bool, spyhop_capture::KernelCounts)) -> u64| {
            by("interface", source.interfaces.iter().map(|port| (port.0.to_string(), of(port))).collect())
        };
        use MetricType::{Counter, Gauge};
        add("interface_up", "Whether the interface is read (1) or away (0)", Gauge, interfaces(|port| port.1.into()));
        add(
            "interface_received",
            "Packets that the kernel received for the sensor, dropped ones included",
            Counter,
            interfaces(|port| port.2.received),
        );
        add(
            "interface_kernel_dropped",
            "Packets dropped since the ring was full",
            Counter,
            interfaces(|port| port.2.dropped),
        );
        add(
            "interface_card_dropped",
            "Packets dropped by the network card or its driver",
            Counter,
            interfaces(|port| port.2.interface_dropped),
        );
        let losses = behaviour.losses.iter().map(|(reason, count)| ((*reason).to_owned(), *count)).collect();
        add(
            "lost",
            "What was lost, cut or skipped, by reason, each in its own unit (see sensor.loss)",
            Counter,
            by("reason", losses),
        );
        let mut opened: Vec<_> = behaviour.opened.iter().collect();
        opened.sort();
        let opened = opened.into_iter().map(|((kind, severity), count)| {
            (vec![("kind", (*kind).to_owned()), ("severity", severity.name().to_owned())], *count as f64)
        });
        add("findings_opened", "Findings opened, by kind and severity", Counter, opened.collect());
        let tables = |of: fn(&spyhop_detect::TableAccount) -> f64| {
            behaviour.tables.iter().map(|table| (vec![("kind", table.kind.to_owned())], of(table))).collect::<Vec<_>>()
        };
        add("detector_cells_held", "Cells of each detector", Gauge, tables(|table| table.cells as f64));
        add("detector_memory_bytes", "Memory of the cells of each detector", Gauge, tables(|table| table.bytes as f64));
        add(
            "detector_seconds",
            "Time that each detector spent on events, estimated from each 256th",
            Counter,
            tables(|table| table.spent.as_secs_f64()),
        );
        let publishers = self.journal.report();
        let of = |of: fn(&spyhop_publish::ReaderReport) -> u64| {
            by("publisher", publishers.iter().map(|report| (report.name.to_string(), of(report))).collect())
        };
        add("publisher_read", "Records handed to each publisher", Counter, of(|report| report.read.total()));
        add("publisher_waiting", "Records that wait for each publisher", Gauge, of(|report| report.waiting.total()));
        add(
            "publisher_dropped",
            "Records that each publisher will never get",
            Counter,
            of(|report| report.dropped.total() + report.missed.total()),
        );
        if let Some(kafka) = &self.kafka {
            let counts = kafka.counts();
            let up = matches!(kafka.state(), KafkaState::Connected);
            add("kafka_connected", "Whether records are taken by the brokers", Gauge, one(f64::from(u8::from(up))));
            add(
                "kafka_acknowledged",
                "Records acknowledged by the brokers",
                Counter,
                one(counts.acknowledged.total() as f64),
            );
            add("kafka_lag", "Records not acknowledged yet", Gauge, one(counts.waiting.total() as f64));
            let given_up = counts.too_large.total() + counts.rejected.total() + counts.timed_out.total();
            add("kafka_given_up", "Records that the brokers refused for good", Counter, one(given_up as f64));
            add("kafka_resent", "Times that records were sent anew", Counter, one(counts.resent as f64));
        }
        if let Some(ledger) = &self.ledger {
            let counts = ledger.counts();
            add("ledger_rows", "Calls recorded", Counter, one(counts.rows as f64));
            add("ledger_rows_lost", "Calls that the disk did not take", Counter, one(counts.rows_lost as f64));
            add("ledger_findings", "Changes of findings recorded", Counter, one(counts.findings as f64));
            add(
                "ledger_findings_lost",
                "Changes of findings that the disk did not take",
                Counter,
                one(counts.findings_lost as f64),
            );
            add(
                "ledger_gave_way",
                "Segments of calls that went because the disk was nearly full",
                Counter,
                one(counts.gave_way as f64),
            );
            add("ledger_stored_bytes", "Octets of closed segments", Gauge, one(counts.bytes as f64));
            add("ledger_free_bytes", "Octets that the file system has left", Gauge, one(counts.free as f64));
            add(
                "ledger_healthy",
                "Whether nothing is wrong with the ledger",
                Gauge,
                one(f64::from(u8::from(counts.trouble.is_empty()))),
            );
        }
        add("cpu_seconds", "Processor time of all threads", Counter, one(process::cpu_time().as_secs_f64()));
        add("resident_memory_bytes", "Resident memory", Gauge, one(process::memory() as f64));
        add("uptime_seconds", "Time since the start", Gauge, one(self.pulse.age().as_secs_f64()));
        let version = vec![(vec![("version", env!("CARGO_PKG_VERSION").to_owned())], 1.0)];
        add("build", "The version that runs", Gauge, version);
        all
    }
}

/// Threads that tell nothing any more, `age` after the start: only a restart mends that.
fn hangs(age: Duration, source: &SourcePulse, behaviour: &BehaviourPulse) -> Vec<String> {
    let silent = |told: Duration, within: Duration| age.saturating_sub(told) > within;
    let mut wrong = Vec::new();
    if silent(source.told, CAPTURE_WITHIN) {
        wrong.push("the capture thread does not answer".to_owned());
    }
    if silent(behaviour.told, BEHAVIOUR_WITHIN) {
        wrong.push("the behaviour thread does not answer".to_owned());
    }
    wrong
}

/// Totals, with what they mean.
const TOTALS: [(&str, &str); 10] = [
    ("packets", "Packets read"),
    ("captured_bytes", "Captured octets of these packets"),
    ("connections", "Connections seen"),
    ("exchanges", "HTTP exchanges handled"),
    ("messages", "Messages of WebSockets, event streams and gRPC handled"),
    ("handshakes", "TLS handshakes handled"),
    ("sensitive_values", "Sensitive values found in exchanges"),
    ("logins", "Login attempts"),
    ("logins_refused", "Login attempts that were refused"),
    ("finding_changes", "Changes of findings"),
];

/// Levels, with what they mean.
const LEVELS: [(&str, &str); 8] = [
    ("connections_open", "Connections being followed"),
    ("reassembly_bytes", "Octets held until what is missing before them has come"),
    ("batches_waiting", "Batches of packets that wait before workers"),
    ("results_waiting", "Results of workers that wait"),
    ("calls_unordered", "Calls that wait for their place in the order"),
    ("records_unpublished", "Records that wait for publishers"),
    ("detector_cells", "Cells of all detectors"),
    ("detector_bytes", "Memory of the cells of all detectors"),
];

fn totals(source: &SourcePulse, workers: &[WorkerPulse], behaviour: &BehaviourPulse) -> BTreeMap<String, u64> {
    let seen = &behaviour.seen;
    let values = [
        source.packets,
        source.bytes,
        workers.iter().map(|worker| worker.connections).sum(),
        seen.exchanges,
        seen.messages,
        seen.handshakes,
        seen.values,
        seen.logins,
        seen.logins_refused,
        seen.changes,
    ];
    TOTALS.iter().zip(values).map(|((name, _), value)| ((*name).to_owned(), value)).collect()
}

impl Collector for Monitor {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        for family in self.families() {
            let mut metric = encoder.encode_descriptor(family.name, family.help, None, family.kind)?;
            for (labels, value) in &family.series {
                let labels: Vec<(&str, &str)> = labels.iter().map(|(name, of)| (*name, of.as_str())).collect();
                let value = Value { kind: family.kind, value: *value };
                value.encode(metric.encode_family(&labels)?)?;
            }
        }
        let behaviour = self.pulse.behaviour(false);
        let bounds = DELAYS.iter().map(|bound| *bound as f64 / 1_000.0).chain([f64::INFINITY]);
        let buckets: Vec<(f64, u64)> = bounds.zip(behaviour.delays).collect();
        let count = behaviour.delays.iter().sum();
        let help = "Time from the packet that completed something to the change of the finding";
        let mut metric = encoder.encode_descriptor("finding_delay_seconds", help, None, MetricType::Histogram)?;
        metric.encode_histogram::<NoLabelSet>(behaviour.delay_sum.as_secs_f64(), count, &buckets, None)
    }
}

struct Value {
    kind: MetricType,
    value: f64,
}

impl EncodeMetric for Value {
    fn encode(&self, mut encoder: MetricEncoder) -> fmt::Result {
        match self.kind {
            MetricType::Counter => encoder.encode_counter::<NoLabelSet, f64, u64>(&self.value, None),
            _ => encoder.encode_gauge(&self.value),
        }
    }
    fn metric_type(&self) -> MetricType {
        self.kind
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use spyhop_publish::{Full, Limits, MemoryJournal};

    use super::*;

    const HEAD: &str = "# Metrics

`listen` in `[metrics]` of `sensor.toml` gives them at `/metrics`, in the format of OpenMetrics 1.0; counters end in `_total`. `/healthz` answers 503 when a thread hangs, `/readyz`
also when an interface is away, Kafka takes nothing, or the ledger cannot write; both say why. [`grafana.json`](grafana.json) is a dashboard to import.

This table is generated: `UPDATE=1 cargo test --lib metrics`.

| metric | labels | kind | what it is |
| --- | --- | --- | --- |
";

    fn monitor() -> Arc<Monitor> {
        let journal = MemoryJournal::new(Limits { records: 1_024, bytes: 1 << 20 }, Full::Drop);
        Arc::new(Monitor {
            sensor: "test".to_owned(),
            pulse: Arc::new(Pulse::new(1)),
            journal: Arc::new(journal),
            kafka: None,
            ledger: Some(Arc::default()),
        })
    }

    fn table() -> String {
        let mut table = HEAD.to_owned();
        let mut help = "";
        let text = monitor().text();
        for line in text.lines() {
            match line.strip_prefix("# ").and_then(|line| line.split_once(' ')) {
                Some(("HELP", rest)) => help = rest.split_once(' ').map_or("", |(_, help)| help),
                Some(("TYPE", rest)) => {
                    let (name, kind) = rest.split_once(' ').expect("a kind");
                    let name = if kind == "counter" { format!("{name}_total") } else { name.to_owned() };
                    let labels = match name.trim_start_matches("spyhop_") {
                        "findings_opened_total" => "kind, severity",
                        "lost_total" => "reason",
                        "build" => "version",
                        other if other.starts_with("interface_") => "interface",
                        other if other.starts_with("publisher_") => "publisher",
                        "detector_cells" | "detector_bytes" => "",
                        other if other.starts_with("detector_") => "kind",
                        _ => "",
                    };
                    table.push_str(&format!("| `{name}` | {labels} | {kind} | {help} |\n"));
                }
                _ => {}
            }
        }
        table.push_str("\nWith Kafka also `spyhop_kafka_connected`, `_acknowledged_total`, `_lag`, `_given_up_total` and `_resent_total`.\n");
        table
    }

    #[test]
    fn the_page_of_metrics_is_up_to_date_and_the_dashboard_asks_for_what_there_is() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/crates/spyhop/metrics");
        let (page, table) = (format!("{folder}/README.md"), table());
        if std::env::var_os("UPDATE").is_some_and(|update| update == "1") {
            std::fs::write(&page, &table).expect("written");
        }
        assert!(
            std::fs::read_to_string(&page).is_ok_and(|found| found == table),
            "`UPDATE=1 cargo test --lib metrics` rewrites {page}"
        );
        let dashboard = std::fs::read_to_string(format!("{folder}/grafana.json")).expect("a dashboard");
        serde_json::from_str::<serde_json::Value>(&dashboard).expect("JSON");
        let asked: BTreeSet<&str> = dashboard
            .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .filter_map(|word| word.strip_prefix("spyhop_"))
            .map(|word| word.trim_end_matches("_bucket"))
            .collect();
        let unknown = |name: &&&str| !table.contains(&format!("`spyhop_{name}`")) && !name.starts_with("kafka_");
        assert!(asked.len() > 15);
        assert_eq!(asked.iter().filter(unknown).collect::<Vec<_>>(), Vec::<&&str>::new());
    }

    #[test]
    fn a_sensor_whose_threads_are_silent_is_not_alive() {
        let monitor = monitor();
        assert!(monitor.is_alive() && monitor.troubles().is_empty());
        let age = Duration::from_secs(100);
        let silent = hangs(age, &SourcePulse::default(), &BehaviourPulse { told: age, ..BehaviourPulse::default() });
        assert_eq!(silent, ["the capture thread does not answer"]);
        let silent = hangs(age, &SourcePulse { told: age, ..SourcePulse::default() }, &BehaviourPulse::default());
        assert_eq!(silent, ["the behaviour thread does not answer"]);
    }
}
