//! The Kafka sink against a real Apache Kafka, read by a client that is not ours.
//!
//! `SPYHOP_KAFKA` names the folder that `tests/kafka/broker fetch` filled; without it the test skips and says so.
//! `SPYHOP_KAFKA_PYTHON` is a Python 3 with confluent-kafka (default: `python3`).

use std::collections::BTreeMap;
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

const TOPIC: &str = "spyhop.findings";
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

    /// All messages of the topic, as another client sees them.
    fn consume(&self) -> Vec<Value> {
        let python = std::env::var("SPYHOP_KAFKA_PYTHON").unwrap_or_else(|_| "python3".to_owned());
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kafka/consume.py");
        let output =
            Command::new(python).arg(script).args([&self.address(), TOPIC]).output().expect("the consumer runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).expect("text");
        text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
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
    let Some(jars) = std::env::var_os("SPYHOP_KAFKA") else {
        eprintln!("SKIPPED: SPYHOP_KAFKA names no folder filled by `tests/kafka/broker fetch`; Kafka was not tested");
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let broker = Broker { jars: jars.into(), work: folder.path().join("broker"), port: free_port() };
    let (key, names) = (Key::new([7; 32]), Names { sensor: "spyhop".into(), key_id: Key::new([7; 32]).id() });
    let settings = KafkaSettings { brokers: vec![broker.address()], ..KafkaSettings::default() };
    let mut sink = KafkaSink::new(settings, names.clone(), key.clone(), None).expect("sound settings");

    // The broker is away at the start.
    sink.write(&findings(0..100)).expect("kept");
    wait_for(&mut sink, KafkaState::Away);

    // It comes, but nobody has made the topic.
    broker.start(&["--set", "num.partitions=3"]);
    wait_for(&mut sink, KafkaState::TopicMissing);
    assert!(sink.health().to_string().contains(TOPIC), "{}", sink.health());

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

    let consumed = broker.consume();
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
    let headers: Vec<(&str, &str)> = message["headers"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|header| Some((header.get(0)?.as_str()?, header.get(1)?.as_str()?)))
        .collect();
    assert_eq!(headers[0], ("schema", "spyhop.finding/1"));
    assert!(headers.contains(&("kind", "auth.sample")) && headers.contains(&("id", &*last.id.to_string())));
    // One account, one partition.
    let mut partitions: BTreeMap<&str, &Value> = BTreeMap::new();
    for message in &consumed {
        let key = message["key"].as_str().expect("a key");
        assert_eq!(*partitions.entry(key).or_insert(&message["partition"]), &message["partition"], "{key}");
    }
    assert_eq!(partitions.len(), 7);
}
