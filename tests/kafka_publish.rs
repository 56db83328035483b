//! Publishing to a real Apache Kafka, read by a client that is not ours: by the sink alone through faults of every kind, and by the
//! whole program.
//!
//! `SPYHOP_KAFKA` names the folder that `tests/kafka/broker fetch` filled; without it the tests skip and say so.
//! `SPYHOP_KAFKA_PYTHON` is a Python 3 with confluent-kafka (default: `python3`). `tests/run` makes both ready.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use spyhop_model::{
    Change, Class, Entity, Finding, FindingId, Involved, Key, Lang, Rule, Said, Severity, Status, Text, Timestamp,
};
use spyhop_publish::kafka::{KafkaSettings, KafkaSink, KafkaState, partition_key};
use spyhop_publish::record::{FindingRecord, Names};
use spyhop_publish::{Record, Sink};

use crate::cli::{DEMO, Place, json_lines, wait_until};

const FINDINGS: &str = "spyhop.findings";
const EXCHANGES: &str = "spyhop.exchanges";
const LONG: Duration = Duration::from_secs(90);

static RULE: Rule = Rule {
    kind: "auth.sample",
    class: Class::Incident,
    severity: Severity::High,
    title: Text { en: "a sample", zh: "样例" },
    about: Text { en: "A sample.", zh: "样例。" },
    advice: Text { en: "Do something.", zh: "做点什么。" },
    clause: "样例",
};

/// The folder with Kafka's jars; says loudly if there is none.
fn jars() -> Option<PathBuf> {
    let jars = std::env::var_os("SPYHOP_KAFKA").map(PathBuf::from);
    if jars.is_none() {
        eprintln!("SKIPPED: SPYHOP_KAFKA names no folder filled by `tests/kafka/broker fetch`; Kafka was not tested");
    }
    jars
}

/// One broker, stopped when it goes out of scope.
struct Broker {
    jars: PathBuf,
    work: PathBuf,
    port: u16,
}

impl Broker {
    fn run(&self, command: &str, arguments: &[&OsStr]) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kafka/broker");
        let status = Command::new(script).arg(command).args(arguments).status().expect("the broker script runs");
        assert!(status.success(), "broker {command}: {status}");
    }
    fn start(&self, options: &[&str]) {
        let port = self.port.to_string();
        let mut arguments = vec![self.jars.as_os_str(), self.work.as_os_str(), OsStr::new(&port)];
        arguments.extend(options.iter().map(OsStr::new));
        self.run("start", &arguments);
    }
    fn kill(&self) {
        self.run("kill", &[self.work.as_os_str()]);
    }
    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// All messages of a topic, as another client sees them.
    fn consume(&self, topic: &str) -> Vec<Value> {
        let python = std::env::var("SPYHOP_KAFKA_PYTHON").unwrap_or_else(|_| "python3".to_owned());
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kafka/consume.py");
        let output =
            Command::new(python).arg(script).args([&self.address(), topic]).output().expect("the consumer runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        json_lines(&String::from_utf8(output.stdout).expect("text"))
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kafka/broker");
        drop(Command::new(script).arg("stop").arg(&self.work).status());
    }
}

/// A port that is free together with the one above it.
fn free_port() -> u16 {
    for _ in 0..100 {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        if port < u16::MAX && TcpListener::bind(("127.0.0.1", port + 1)).is_ok() {
            return port;
        }
    }
    panic!("no two free ports");
}

fn finding(id: u64) -> Finding {
    Finding {
        id: FindingId(id),
        rule: &RULE,
        severity: Severity::High,
        confidence: 90,
        status: Status::Open,
        change: Change::Opened,
        revision: 1,
        parent: None,
        primary: Entity::Account(format!("account-{}", id % 7).into()),
        aspect: None,
        summary: Said { en: "someone did it".into(), zh: "有人做了".into() },
        first_seen: Timestamp(1_795_400_000_000_000_000),
        last_seen: Timestamp(1_795_400_000_000_000_000 + id),
        changed_at: Timestamp(1_795_400_000_000_000_000 + id),
        count: 1,
        involved: Involved::default(),
        measures: BTreeMap::new(),
        reasons: Vec::new(),
        samples: Vec::new(),
        exchanges: Vec::new(),
        coverage: BTreeMap::new(),
        respond: Vec::new(),
    }
}

fn findings(ids: std::ops::Range<u64>) -> Vec<Record> {
    ids.map(|id| Record::Finding(Arc::new(finding(id)))).collect()
}

/// A message's header; none is there twice.
#[track_caller]
fn header<'a>(message: &'a Value, name: &str) -> &'a str {
    let pairs = message["headers"].as_array().expect("headers");
    let mut values = pairs.iter().filter(|pair| pair[0] == name).filter_map(|pair| pair[1].as_str());
    let value = values.next().unwrap_or_else(|| panic!("no header {name}: {message}"));
    assert_eq!(values.next(), None, "{name}: {message}");
    value
}

/// A message's value.
fn value(message: &Value) -> Value {
    serde_json::from_str(message["value"].as_str().expect("a value")).expect("JSON")
}

fn wait_for(sink: &mut KafkaSink, state: KafkaState) {
    let until = Instant::now() + LONG;
    while sink.health().state() != state {
        assert!(Instant::now() < until, "{state:?} expected: {} {:?}", sink.health(), sink.health().log());
        sink.write(&[]).expect("nothing to write");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn findings_survive_a_missing_broker_a_missing_topic_and_a_crash_of_the_broker() {
    let Some(jars) = jars() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let broker = Broker { jars, work: folder.path().join("broker"), port: free_port() };
    let (key, names) = (Key::new([7; 32]), Names { sensor: "spyhop".into(), key_id: Key::new([7; 32]).id() });
    let settings = KafkaSettings { brokers: vec![broker.address()], ..KafkaSettings::default() };
    let mut sink = KafkaSink::new(settings, names.clone(), key.clone(), None).expect("sound settings");

    // The broker is away at the start.
    sink.write(&findings(0..100)).expect("kept");
    wait_for(&mut sink, KafkaState::Away);

    // It comes, but nobody has made the topic.
    broker.start(&["--set", "num.partitions=3"]);
    wait_for(&mut sink, KafkaState::TopicMissing);
    assert!(sink.health().to_string().contains(FINDINGS), "{}", sink.health());

    // It crashes, and when it is back topics make themselves.
    broker.kill();
    sink.write(&findings(100..200)).expect("kept");
    broker.start(&["--set", "num.partitions=3", "--auto-create"]);
    sink.flush(LONG).expect("delivered");
    assert_eq!(sink.health().state(), KafkaState::Connected);

    // It crashes while records are on their way.
    for n in 2..20 {
        sink.write(&findings(n * 100..(n + 1) * 100)).expect("kept");
        if n == 10 {
            broker.kill();
        }
    }
    broker.start(&["--set", "num.partitions=3"]);
    sink.flush(LONG).expect("delivered");
    let counts = sink.health().counts();
    assert_eq!((counts.accepted.findings, counts.acknowledged.findings), (2_000, 2_000));

    let consumed = broker.consume(FINDINGS);
    let mut seen: BTreeMap<String, &Value> = BTreeMap::new();
    for message in &consumed {
        let value = message["value"].as_str().expect("a value");
        let id = serde_json::from_str::<Value>(value).expect("JSON")["id"].as_str().expect("an id").to_owned();
        seen.insert(id, message);
    }
    assert_eq!(seen.len(), 2_000);
    let last = finding(1_999);
    let message = seen.get(&last.id.to_string()).expect("the last finding");
    let expected = serde_json::to_string(&FindingRecord::new(&last, Lang::En, &names)).expect("json");
    assert_eq!(message["value"].as_str(), Some(&*expected));
    assert_eq!(message["key"].as_str(), Some(&*partition_key(&key, &last.primary)));
    assert_eq!(header(message, "schema"), "spyhop.finding/1");
    assert_eq!((header(message, "kind"), header(message, "id")), ("auth.sample", &*last.id.to_string()));
    // One account, one partition.
    let mut partitions: BTreeMap<&str, &Value> = BTreeMap::new();
    for message in &consumed {
        let key = message["key"].as_str().expect("a key");
        assert_eq!(*partitions.entry(key).or_insert(&message["partition"]), &message["partition"], "{key}");
    }
    assert_eq!(partitions.len(), 7);
}

#[test]
fn a_replay_publishes_what_it_writes_to_a_broker_that_comes_late() {
    let Some(jars) = jars() else { return };
    let place = Place::new();
    place.key("key", '7');
    let broker = Broker { jars, work: place.path("broker"), port: free_port() };
    let patience = "flush_within = \"90s\"\nreplay_patience = \"90s\"";
    place.file("kafka.toml", format!("[kafka]\nbrokers = [\"{}\"]\n{patience}\n", broker.address()));
    let written = ["replay", DEMO, "-q", "--key-file", "key", "--updates"];
    let files = ["--findings-out", "f.jsonl", "--exchanges-out", "x.jsonl"];
    place.run(&[&written[..], &files].concat()).code(0);
    let (findings, exchanges) = (place.read("f.jsonl"), place.lines("x.jsonl"));

    // The broker is away at the start, and what is written elsewhere does not wait for it.
    let started = Instant::now();
    let mut replay = place.start(&[&written[..], &files, &["--config", "kafka.toml", "--publish"]].concat());
    wait_until("the files are written", || place.read("f.jsonl") == findings);
    assert!(!replay.has_ended(), "{}", place.read("err"));
    broker.start(&["--set", "num.partitions=3", "--auto-create"]);
    assert_eq!(replay.code(), 0, "{}", place.read("err"));
    let (took, told) = (started.elapsed(), place.read("err"));
    assert!(told.contains("kafka: ") && !told.contains("not delivered"), "{told}");
    assert!(took < LONG, "{took:?}");

    // Findings: every change, as `--updates` writes it, those of one finding in order and in one partition.
    let consumed = broker.consume(FINDINGS);
    let mut lines: Vec<&str> = consumed.iter().filter_map(|message| message["value"].as_str()).collect();
    let mut expected: Vec<&str> = findings.lines().collect();
    lines.sort_unstable();
    expected.sort_unstable();
    assert_eq!(lines, expected);
    let mut last: BTreeMap<String, (u64, &Value, &Value)> = BTreeMap::new();
    for message in &consumed {
        let finding = value(message);
        let id = finding["id"].as_str().expect("an id");
        let revision = finding["revision"].as_u64().expect("a number");
        assert_eq!(header(message, "schema"), finding["schema"]);
        assert_eq!(header(message, "schema"), "spyhop.finding/1");
        assert_eq!(header(message, "revision"), revision.to_string());
        for field in ["id", "kind", "change", "sensor", "key_id"] {
            assert_eq!(header(message, field), finding[field], "{field}");
        }
        is_fingerprint(&message["key"]);
        let (key, partition) = (&message["key"], &message["partition"]);
        if let Some(before) = last.insert(id.to_owned(), (revision, key, partition)) {
            assert!(before.0 < revision && (before.1, before.2) == (key, partition), "{message}");
        }
    }
    assert_eq!(last.len(), spyhop_findings(&place, &written[..5]));

    // Exchanges: the same ones as in the file, under flat names.
    let consumed = broker.consume(EXCHANGES);
    assert_eq!(consumed.len(), exchanges.len());
    let ids: BTreeSet<&str> = exchanges.iter().filter_map(|exchange| exchange["id"].as_str()).collect();
    let mut seen = BTreeSet::new();
    for message in &consumed {
        let exchange = value(message);
        assert!(exchange.as_object().expect("an object").values().all(|field| !field.is_object()), "{exchange}");
        assert_eq!(header(message, "schema"), exchange["record_schema"]);
        assert_eq!(header(message, "sensor"), exchange["sensor_id"]);
        assert_eq!(header(message, "id"), exchange["exchange_id"]);
        is_fingerprint(&message["key"]);
        seen.insert(header(message, "id"));
    }
    assert_eq!(seen, ids);
}

/// Findings of a replay, each once.
fn spyhop_findings(place: &Place, replay: &[&str]) -> usize {
    place.run(&[replay, &["--format", "json"]].concat()).code(0).lines().len()
}

/// A key tells nothing of the entity.
#[track_caller]
fn is_fingerprint(key: &Value) {
    let key = key.as_str().expect("a key");
    assert!(key.len() == 16 && key.bytes().all(|byte| byte.is_ascii_hexdigit()), "{key}");
}
