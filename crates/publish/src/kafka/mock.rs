//! The sink against librdkafka's mock cluster: brokers in this process that fail as they are told.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Headers, Message};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use serde_json::Value;
use spyhop_model::{Entity, Finding, Key, Span};

use super::*;
use crate::journal::{Journal, Record, Tally};
use crate::memory::{Full, Limits, MemoryJournal};
use crate::sample;
use crate::sink::{Publisher, Sink, SinkError};

const FINDINGS: &str = "spyhop.findings";
const EXCHANGES: &str = "spyhop.exchanges";
const DEAD_LETTERS: &str = "spyhop.dead-letters";
const PARTITIONS: i32 = 3;
const LONG: Duration = Duration::from_secs(30);

type Cluster = MockCluster<'static, DefaultProducerContext>;

fn cluster() -> Cluster {
    let cluster = MockCluster::new(1).expect("a mock cluster");
    for topic in [FINDINGS, EXCHANGES, DEAD_LETTERS] {
        cluster.create_topic(topic, PARTITIONS, 1).expect("a topic");
    }
    cluster
}

fn settings(brokers: &str) -> KafkaSettings {
    KafkaSettings {
        brokers: brokers.split(',').map(str::to_owned).collect(),
        linger: Span::millis(5),
        ..KafkaSettings::default()
    }
}

fn sink(settings: KafkaSettings) -> KafkaSink {
    KafkaSink::new(settings, sample::names(), key(), None).expect("sound settings")
}

fn key() -> Key {
    Key::new([7; 32])
}

fn finding(id: u64) -> Finding {
    Finding { primary: Entity::Account(format!("account-{}", id % 10).into()), ..sample::finding(id) }
}

fn findings(numbers: std::ops::Range<u64>) -> Vec<Record> {
    numbers.map(|n| Record::Finding(Arc::new(finding(n)))).collect()
}

struct Consumed {
    partition: i32,
    key: String,
    headers: Vec<(String, String)>,
    value: Value,
}

/// Reads so many messages of a topic, from its beginning.
fn consume(cluster: &Cluster, topic: &str, count: usize) -> Vec<Consumed> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", cluster.bootstrap_servers())
        .set("group.id", "test")
        .create()
        .expect("a consumer");
    let mut partitions = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        partitions.add_partition_offset(topic, partition, Offset::Beginning).expect("an offset");
    }
    consumer.assign(&partitions).expect("assigned");
    let until = Instant::now() + LONG;
    let mut consumed = Vec::new();
    while consumed.len() < count {
        assert!(Instant::now() < until, "{} of {count} messages came", consumed.len());
        let Some(message) = consumer.poll(Duration::from_millis(100)) else { continue };
        let message = message.expect("a message");
        let text = |bytes: Option<&[u8]>| String::from_utf8(bytes.unwrap_or_default().to_vec()).expect("text");
        let headers = message.headers().expect("headers").iter();
        consumed.push(Consumed {
            partition: message.partition(),
            key: text(message.key()),
            headers: headers.map(|header| (header.key.to_owned(), text(header.value))).collect(),
            value: serde_json::from_slice(message.payload().unwrap_or_default()).expect("JSON"),
        });
    }
    consumed
}

/// The ids of findings consumed, sorted.
fn ids(consumed: &[Consumed]) -> Vec<u64> {
    let id = |one: &Consumed| u64::from_str_radix(one.value["id"].as_str().unwrap_or(""), 16).expect("an id");
    let mut ids: Vec<u64> = consumed.iter().map(id).collect();
    ids.sort_unstable();
    ids
}

fn wait_for(sink: &mut KafkaSink, state: KafkaState) {
    let until = Instant::now() + LONG;
    while sink.health().state() != state {
        assert!(Instant::now() < until, "{state:?} expected: {} {:?}", sink.health(), sink.health().log());
        sink.write(&[]).expect("nothing to write");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn balanced(counts: KafkaCounts) {
    let parts = [counts.acknowledged, counts.too_large, counts.rejected, counts.timed_out, counts.waiting];
    let exchanges: u64 = parts.iter().map(|tally| tally.exchanges).sum();
    let findings: u64 = parts.iter().map(|tally| tally.findings).sum();
    assert_eq!(counts.accepted, Tally { exchanges, findings }, "{counts:?}");
}

#[test]
fn records_arrive_with_key_headers_and_value() {
    let cluster = cluster();
    let mut sink = sink(settings(&cluster.bootstrap_servers()));
    let later = Finding { revision: 2, ..finding(1) };
    let event = sample::event(1);
    let batch =
        [Record::Finding(Arc::new(finding(1))), Record::Event(Arc::new(event)), Record::Finding(Arc::new(later))];
    sink.write(&batch).expect("written");
    sink.flush(LONG).expect("delivered");
    assert_eq!(sink.health().to_string(), "connected");
    assert_eq!(sink.health().counts().acknowledged, Tally { exchanges: 1, findings: 2 });
    balanced(sink.health().counts());

    let consumed = consume(&cluster, FINDINGS, 2);
    let [first, second] = consumed.as_slice() else { panic!("two findings") };
    assert_eq!(first.key, partition_key(&key(), &finding(1).primary));
    assert_eq!((&first.key, first.partition), (&second.key, second.partition));
    assert_eq!((&first.value["revision"], &second.value["revision"]), (&1.into(), &2.into()));
    let headers: Vec<(&str, &str)> = first.headers.iter().map(|(key, value)| (&**key, &**value)).collect();
    let expected = [
        ("schema", "spyhop.finding/1"),
        ("sensor", "spyhop"),
        ("key_id", "0000002a"),
        ("id", "0000000000000001"),
        ("kind", "auth.sample"),
        ("change", "opened"),
        ("revision", "1"),
    ];
    assert_eq!(headers, expected);

    let exchange = consume(&cluster, EXCHANGES, 1).remove(0);
    assert_eq!(exchange.key, partition_key(&key(), &Entity::Account("alice".into())));
    assert_eq!(exchange.value["api_endpoint"], "POST shop.example/login");
    assert!(exchange.headers.contains(&("schema".into(), "spyhop.exchange.flat/1".into())));
}

#[test]
fn exchanges_stay_where_they_are_if_only_findings_are_asked_for() {
    let cluster = cluster();
    let mut sink = sink(KafkaSettings { publish_exchanges: false, ..settings(&cluster.bootstrap_servers()) });
    sink.write(&[Record::Event(Arc::new(sample::event(1)))]).expect("passed over");
    sink.flush(LONG).expect("nothing to deliver");
    assert_eq!(sink.health().counts().accepted.total(), 0);
}

#[test]
fn what_brokers_cannot_do_now_is_tried_again_by_itself() {
    let cluster = cluster();
    let failures = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS; 3];
    cluster.request_errors(RDKafkaApiKey::Produce, &failures);
    let mut sink = sink(settings(&cluster.bootstrap_servers()));
    sink.write(&findings(0..500)).expect("written");
    sink.flush(LONG).expect("delivered");
    assert_eq!(ids(&consume(&cluster, FINDINGS, 500)), (0..500).collect::<Vec<_>>());
}

#[test]
fn a_broker_that_goes_away_and_comes_back_loses_nothing() {
    let cluster = cluster();
    let mut sink = sink(settings(&cluster.bootstrap_servers()));
    sink.write(&findings(0..100)).expect("written");
    sink.flush(LONG).expect("delivered");
    cluster.broker_down(1).expect("down");
    sink.write(&findings(100..200)).expect("written");
    wait_for(&mut sink, KafkaState::Away);
    assert!(matches!(sink.flush(Duration::from_millis(50)), Err(SinkError::Undelivered { records: 100, .. })));
    balanced(sink.health().counts());
    cluster.broker_up(1).expect("up");
    sink.flush(LONG).expect("delivered");
    assert_eq!(sink.health().state(), KafkaState::Connected);
    assert_eq!(ids(&consume(&cluster, FINDINGS, 200)), (0..200).collect::<Vec<_>>());
}

#[test]
fn without_a_broker_a_replay_gives_up_and_a_run_goes_on() {
    // Nothing listens on port 1.
    let settings = KafkaSettings { queue_records: 100, ..settings("127.0.0.1:1") };
    let patience = Some(Duration::from_millis(300));
    let sink = KafkaSink::new(settings.clone(), sample::names(), key(), patience).expect("sound settings");
    let health = sink.health();
    let journal = MemoryJournal::new(Limits { records: 10, ..Limits::default() }, Full::Wait);
    let reader = journal.reader("kafka", settings.wants());
    let publisher = Publisher::start("kafka", reader, Box::new(sink), Duration::ZERO).expect("started");
    journal.append(&mut findings(0..500)).expect("the replay goes on");
    let error = publisher.join().expect_err("nothing was delivered").to_string();
    assert!(error.contains("127.0.0.1:1") && error.contains("100 records"), "{error}");
    let report = &journal.report()[0];
    assert_eq!(report.read.findings + report.missed.findings, 500);
    balanced(health.counts());

    let sink = KafkaSink::new(settings.clone(), sample::names(), key(), None).expect("sound settings");
    let health = sink.health();
    let journal = MemoryJournal::new(Limits { records: 10, ..Limits::default() }, Full::Drop);
    let reader = journal.reader("kafka", settings.wants());
    let publisher = Publisher::start("kafka", reader, Box::new(sink), Duration::ZERO).expect("started");
    for n in 0..50 {
        journal.append(&mut findings(n * 10..n * 10 + 10)).expect("the run goes on");
        std::thread::sleep(Duration::from_millis(2));
    }
    assert!(!publisher.is_finished());
    health.finish_within(Duration::ZERO);
    journal.close();
    assert!(matches!(publisher.join(), Err(SinkError::Undelivered { .. })));
    let report = &journal.report()[0];
    assert_eq!(report.read.findings + report.dropped.findings + report.missed.findings, 500);
}

#[test]
fn a_record_that_is_too_large_goes_alone() {
    let cluster = cluster();
    let mut sink = sink(KafkaSettings { record_bytes: 10_000, ..settings(&cluster.bootstrap_servers()) });
    let mut batch = findings(0..20);
    let mut large = finding(20);
    large.summary.en = "x".repeat(20_000);
    batch.insert(7, Record::Finding(Arc::new(large)));
    sink.write(&batch).expect("written");
    sink.flush(LONG).expect("done with");
    assert_eq!(sink.health().counts().too_large, Tally { exchanges: 0, findings: 1 });
    balanced(sink.health().counts());
    assert_eq!(ids(&consume(&cluster, FINDINGS, 20)), (0..20).collect::<Vec<_>>());

    // In its place goes what says so.
    let letters = consume(&cluster, DEAD_LETTERS, 1);
    let letter = &letters[0].value;
    assert_eq!((&letter["schema"], &letter["topic"]), (&"spyhop.dead-letter/1".into(), &FINDINGS.into()));
    assert_eq!(
        (&letter["id"], &letter["revision"], &letter["kind"]),
        (&"0000000000000014".into(), &1.into(), &"auth.sample".into())
    );
    assert!(
        letter["bytes"].as_u64() > Some(20_000) && !letter["reason"].as_str().expect("a reason").is_empty(),
        "{letter}"
    );
}

#[test]
fn letters_that_nobody_takes_hold_up_nothing() {
    let cluster = cluster();
    let settings = settings(&cluster.bootstrap_servers());
    cluster.topic_error(DEAD_LETTERS, RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED).expect("told");
    for dead_letter_topic in [String::new(), DEAD_LETTERS.to_owned()] {
        let mut sink = sink(KafkaSettings { record_bytes: 10_000, dead_letter_topic, ..settings.clone() });
        let mut large = finding(20);
        large.summary.en = "x".repeat(20_000);
        sink.write(&[Record::Finding(Arc::new(large)), Record::Finding(Arc::new(finding(1)))]).expect("written");
        sink.flush(LONG).expect("done with");
        let counts = sink.health().counts();
        assert_eq!((counts.too_large.findings, counts.acknowledged.findings, sink.unsettled()), (1, 1, 0));
        balanced(counts);
    }
}

#[test]
fn a_batch_that_a_broker_finds_too_large_is_taken_apart() {
    let cluster = cluster();
    cluster.request_errors(RDKafkaApiKey::Produce, &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE; 2]);
    let mut sink = sink(settings(&cluster.bootstrap_servers()));
    sink.write(&findings(0..300)).expect("written");
    sink.flush(LONG).expect("delivered");
    assert!(sink.health().counts().resent > 0);
    assert_eq!(sink.health().counts().acknowledged.findings, 300);
    assert_eq!(ids(&consume(&cluster, FINDINGS, 300)), (0..300).collect::<Vec<_>>());
}

#[test]
fn a_record_that_a_broker_never_takes_is_given_up_and_counted() {
    let cluster = cluster();
    let mut sink = sink(settings(&cluster.bootstrap_servers()));
    // Alone at first, and alone when tried again.
    cluster.request_errors(RDKafkaApiKey::Produce, &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE; 2]);
    sink.write(&findings(0..1)).expect("written");
    sink.flush(LONG).expect("done with");
    sink.write(&findings(1..100)).expect("written");
    sink.flush(LONG).expect("delivered");
    let counts = sink.health().counts();
    assert_eq!((counts.too_large.findings, counts.acknowledged.findings), (1, 99));
    balanced(counts);
}

#[test]
fn a_topic_that_may_not_be_written_is_a_state_and_its_records_wait() {
    let cluster = cluster();
    let denied = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED];
    cluster.request_errors(RDKafkaApiKey::Produce, &denied);
    let mut sink = sink(settings(&cluster.bootstrap_servers()));
    sink.write(&findings(0..1)).expect("written");
    wait_for(&mut sink, KafkaState::NotAllowed);
    assert!(sink.health().to_string().contains(FINDINGS), "{}", sink.health());
    sink.write(&findings(1..100)).expect("written");
    sink.flush(LONG).expect("delivered");
    assert_eq!(sink.health().state(), KafkaState::Connected);
    assert_eq!(ids(&consume(&cluster, FINDINGS, 100)), (0..100).collect::<Vec<_>>());
}

#[test]
fn a_missing_topic_is_a_state_and_its_records_wait() {
    let cluster = cluster();
    cluster.topic_error(FINDINGS, RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART).expect("set");
    let mut sink = sink(settings(&cluster.bootstrap_servers()));
    sink.write(&findings(0..10)).expect("written");
    wait_for(&mut sink, KafkaState::TopicMissing);
    cluster.topic_error(FINDINGS, RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR).expect("set");
    sink.flush(LONG).expect("delivered");
    assert_eq!(ids(&consume(&cluster, FINDINGS, 10)), (0..10).collect::<Vec<_>>());
}

#[test]
fn after_a_fatal_error_a_new_producer_sends_what_was_not_acknowledged() {
    let cluster = cluster();
    let mut sink = sink(settings(&cluster.bootstrap_servers()));
    sink.write(&findings(0..10)).expect("written");
    sink.flush(LONG).expect("delivered");
    cluster.request_errors(RDKafkaApiKey::Produce, &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER]);
    sink.write(&findings(10..200)).expect("written");
    sink.flush(LONG).expect("delivered");
    let counts = sink.health().counts();
    assert_eq!(counts.rebuilt, 1, "{:?}", sink.health().log());
    assert_eq!(counts.acknowledged.findings, 200);
    balanced(counts);
    let mut ids = ids(&consume(&cluster, FINDINGS, 200));
    ids.dedup();
    assert_eq!(ids, (0..200).collect::<Vec<_>>());
}

#[test]
fn what_takes_too_long_is_given_up_where_that_is_asked_for() {
    let settings = KafkaSettings { delivery_timeout: Span::millis(500), ..settings("127.0.0.1:1") };
    let mut sink = sink(settings);
    sink.write(&findings(0..5)).expect("written");
    sink.flush(LONG).expect("done with");
    assert_eq!(sink.health().counts().timed_out.findings, 5);
    balanced(sink.health().counts());
}

#[test]
fn settings_that_cannot_work_are_told_before_anything_is_sent() {
    let no_ca = KafkaSettings {
        security_protocol: SecurityProtocol::Ssl,
        tls_ca_file: "/no/such/ca.pem".into(),
        ..settings("127.0.0.1:1")
    };
    for settings in [KafkaSettings::default(), settings("nowhere"), no_ca] {
        let error = KafkaSink::new(settings, sample::names(), key(), None).err().expect("refused");
        assert!(matches!(error, SinkError::Settings(_)), "{error}");
    }
}
