//! The ledger of the whole program: killed a hundred times, on a full disk, asked by another program.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::mocking::MockCluster;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use serde_json::Value;
use spyhop_inspect::content;
use spyhop_inspect::types::CustomTypes;
use spyhop_model::Key;
use spyhop_testkit::load;

use crate::cli::{DEMO, Place, demo, json_lines};
use crate::support::Desk;

const FINDINGS: &str = "spyhop.findings";
const EXCHANGES: &str = "spyhop.exchanges";
const KILLS: u32 = 100;

/// A change of a finding: its id and its revision.
type Named = (String, u64);

fn named(record: &Value) -> Named {
    (record["id"].as_str().expect("an id").to_owned(), record["revision"].as_u64().expect("a revision"))
}

fn counted(all: impl IntoIterator<Item = Named>) -> BTreeMap<Named, u64> {
    let mut counts = BTreeMap::new();
    all.into_iter().for_each(|one| *counts.entry(one).or_default() += 1);
    counts
}

/// Reads a topic until it is told to stop, and then until nothing more comes.
fn consume(brokers: &str, topic: &str, stop: &AtomicBool) -> Vec<Value> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", "test")
        .set("enable.auto.commit", "false")
        .set("reconnect.backoff.max.ms", "200")
        .create()
        .expect("a consumer");
    let mut places = TopicPartitionList::new();
    places.add_partition_offset(topic, 0, Offset::Beginning).expect("a partition");
    consumer.assign(&places).expect("assigned");
    let (mut seen, mut last) = (Vec::new(), Instant::now());
    loop {
        match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(message)) => {
                seen.push(serde_json::from_slice(message.payload().expect("a value")).expect("JSON"));
                last = Instant::now();
            }
            // The broker is away now and then.
            Some(Err(_)) => {}
            None if stop.load(Ordering::Relaxed) && last.elapsed() > Duration::from_secs(3) => return seen,
            None => {}
        }
    }
}

/// splitmix64, so that each run of the test kills at the same moments.
fn random(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *seed;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Every finding that the ledger took before a kill arrives at Kafka, what arrives more than once is known by its id and
/// revision, and the ledger stays whole.
#[test]
fn killed_a_hundred_times_no_finding_is_lost() {
    let cluster = MockCluster::new(1).expect("a mock cluster");
    cluster.create_topic(FINDINGS, 1, 1).expect("a topic");
    let brokers = cluster.bootstrap_servers();
    let place = Place::new();
    place.file(
        "sensor.toml",
        format!(
            "[kafka]\nbrokers = [{brokers:?}]\npublish_exchanges = false\nlinger = \"5ms\"\n[ledger]\nfree_mib = 0\n"
        ),
    );
    let stop = Arc::new(AtomicBool::new(false));
    let consumer = std::thread::spawn({
        let (brokers, stop) = (brokers.clone(), Arc::clone(&stop));
        move || consume(&brokers, FINDINGS, &stop)
    });
    let replay = ["replay", DEMO, "-q", "--state", "state", "--publish"];
    let (mut seed, mut killed, mut down) = (1, 0, false);
    for run in 0..KILLS {
        if random(&mut seed).is_multiple_of(8) {
            down = !down;
            let told = if down { cluster.broker_down(1) } else { cluster.broker_up(1) };
            told.expect("the broker does as it is told");
        }
        let mut sensor = place.command(&replay).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("started");
        let until = Instant::now() + Duration::from_micros(5_000 + random(&mut seed) % 250_000);
        while Instant::now() < until && sensor.try_wait().expect("waited").is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        killed += u32::from(sensor.try_wait().expect("waited").is_none());
        sensor.kill().expect("killed");
        sensor.wait().expect("waited");
        if run % 10 == 9 {
            let verified = place.run(&["ledger", "verify", "--state", "state"]);
            assert!(verified.out.contains("as they were written"), "after {run}: {}", verified.out);
        }
    }
    cluster.broker_up(1).expect("the broker is there");
    assert!(killed > KILLS / 2, "only {killed} runs were killed before their end");
    place.run(&replay).code(0);
    stop.store(true, Ordering::Relaxed);
    let consumed = consumer.join().expect("consumed");

    place.run(&["ledger", "compact", "--state", "state"]).code(0);
    let verified = place.run(&["ledger", "verify", "--state", "state"]).code(0).out;
    assert!(verified.contains("as they were written"), "{verified}");
    let kept = place.run(&["ledger", "rows", "findings", "--state", "state"]).code(0).out;
    let kept = counted(json_lines(&kept).iter().map(|row| {
        (row["finding_id"].as_str().expect("an id").to_owned(), row["finding_revision"].as_u64().expect("a revision"))
    }));
    let total = |counts: &BTreeMap<Named, u64>| counts.values().sum::<u64>();
    let consumed = counted(consumed.iter().map(named));
    eprintln!("killed {killed} of {KILLS}; {} changes recorded, {} consumed", total(&kept), total(&consumed));
    assert!(total(&kept) > u64::from(killed), "{}", total(&kept));
    for (one, count) in &kept {
        let arrived = consumed.get(one).copied().unwrap_or(0);
        assert!(arrived >= *count, "{one:?} was recorded {count} times and consumed {arrived} times");
    }
    assert!(consumed.keys().all(|one| kept.contains_key(one)), "nothing is told that is not recorded");
}

/// What goes out in OCSF is what its schema asks for.
#[test]
fn ocsf_is_valid_by_the_schema_and_by_others_models() {
    let Ok(python) = std::env::var("SPYHOP_PEERS_PYTHON") else {
        return eprintln!("SKIPPED: SPYHOP_PEERS_PYTHON names no Python with the OCSF schema; OCSF was not validated");
    };
    let cluster = MockCluster::new(1).expect("a mock cluster");
    for topic in [FINDINGS, EXCHANGES] {
        cluster.create_topic(topic, 1, 1).expect("a topic");
    }
    let brokers = cluster.bootstrap_servers();
    let place = Place::new();
    let mut events = Vec::new();
    for (exchanges, state) in [("ocsf", "one"), ("ocsf_api", "two")] {
        place.file(
            "sensor.toml",
            format!("[kafka]\nbrokers = [{brokers:?}]\nfindings_schema = \"ocsf\"\nexchanges_schema = {exchanges:?}\n"),
        );
        place.run(&["replay", DEMO, "-q", "--publish", "--state", state]).code(0);
    }
    let done = AtomicBool::new(true);
    for topic in [FINDINGS, EXCHANGES] {
        for event in consume(&brokers, topic, &done) {
            writeln!(events, "{event}").expect("written");
        }
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/kafka/ocsf.py");
    std::fs::write(place.path("events"), &events).expect("written");
    let input = std::fs::File::open(place.path("events")).expect("opened");
    let ran = Command::new(python).arg(script).stdin(input).output().expect("ran");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let counts: BTreeMap<String, u64> = serde_json::from_slice(&ran.stdout).expect("JSON");
    eprintln!("{counts:?}");
    for class in ["detection_finding", "data_security_finding", "http_activity", "api_activity", "authentication"] {
        assert!(counts.get(class) > Some(&5), "{class}: {counts:?}");
    }
}

/// The calls that do not fit are counted, the findings are kept, and the ledger is whole; with room it records again.
#[test]
fn a_full_disk_costs_calls_but_no_finding() {
    let place = Place::new();
    place.file("sensor.toml", "[ledger]\nfree_mib = 1\n");
    let mut capture = Vec::new();
    load::small(1, 24 << 20, &mut capture).expect("a capture");
    std::fs::write(place.path("small.pcap"), &capture).expect("written");
    std::fs::create_dir(place.path("disk")).expect("made");
    let spyhop = env!("CARGO_BIN_EXE_spyhop");
    let script = format!(
        "mount -t tmpfs -o size=2600k tmpfs disk || exit 99
        {spyhop} replay {DEMO} -q --state disk/state >/dev/null 2>&1 || exit 98
        echo before: $({spyhop} ledger rows findings --state disk/state | wc -l)
        {spyhop} replay small.pcap -q --state disk/state; echo full: $?
        {spyhop} ledger verify --state disk/state; echo verified: $?
        mount -o remount,size=64m disk
        {spyhop} replay {DEMO} -q --state disk/state >/dev/null; echo room: $?
        {spyhop} ledger verify --state disk/state; echo verified: $?
        echo after: $({spyhop} ledger rows findings --state disk/state | wc -l)"
    );
    let mut command = Command::new("unshare");
    let ran = command.args(["--mount", "--propagation", "private", "sh", "-c", &script]).current_dir(place.path(""));
    let Ok(ran) = ran.output() else { return eprintln!("SKIPPED: there is no unshare; a full disk was not tested") };
    let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    if !ran.status.success() && (err.contains("Operation not permitted") || ran.status.code() == Some(99)) {
        return eprintln!("SKIPPED: no file system can be mounted here; a full disk was not tested");
    }
    assert!(out.contains("full: 1"), "{out}{err}");
    assert!(
        err.contains("calls and 0 changes of findings were not recorded") && err.contains("free space there"),
        "{out}{err}"
    );
    assert_eq!(out.matches("verified: 0").count(), 2, "{out}{err}");
    assert!(
        out.contains("calls were not recorded, because the disk was full") && out.contains("room: 0"),
        "{out}{err}"
    );
    let number = |name: &str| -> u64 {
        let line = out.lines().find_map(|line| line.strip_prefix(name)).expect("a line");
        line.trim().parse().expect("a number")
    };
    assert!(number("before: ") > 0 && number("after: ") > number("before: "), "{out}{err}");
}

/// DuckDB reads the files as they are, and comes to the same answers.
#[test]
fn duckdb_gives_the_same_answer_as_trace() {
    let Ok(python) = std::env::var("SPYHOP_PEERS_PYTHON") else {
        return eprintln!(
            "SKIPPED: SPYHOP_PEERS_PYTHON names no Python with duckdb; the ledger was not read by another program"
        );
    };
    let desk = Desk::new();
    desk.replay(&[DEMO], &["--state", "state"]).good();
    let views = desk.spyhop(&["ledger", "views", "--state", "state"]).good();
    desk.write("views.sql", &views.stdout);
    let ask = |what: &str, argument: &str| -> Value {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/ledger/same_answer.py");
        let mut command = Command::new(&python);
        let ran = command.args([script, "views.sql", what, argument]).current_dir(desk.path("")).output().expect("ran");
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        serde_json::from_slice(&ran.stdout).expect("JSON")
    };
    let trace = |arguments: &[&str]| -> Value {
        let ran = desk.spyhop(&[&["trace", "--state", "state", "--format", "json"], arguments].concat()).good();
        serde_json::from_slice(&ran.stdout).expect("JSON")
    };

    let traced = trace(&["--account", "zhangwei"]);
    let mut paths: BTreeMap<(String, String), (u64, u64)> = BTreeMap::new();
    for path in traced["paths"].as_array().expect("paths") {
        let text = |name: &str| path[name].as_str().expect("a text").to_owned();
        let (calls, values) = paths.entry((text("endpoint"), text("client"))).or_default();
        *calls += path["calls"].as_u64().expect("a number");
        *values += path["obtained"].as_u64().expect("a number");
    }
    let paths: Vec<Value> = paths
        .into_iter()
        .map(|((endpoint, client), (calls, values))| serde_json::json!([endpoint, client, calls, values]))
        .collect();
    assert!(paths.len() > 3);
    assert_eq!(ask("account", "zhangwei"), Value::Array(paths));

    // Mobile numbers as they stand in the capture in clear, and what they become under the desk's key.
    let text = String::from_utf8_lossy(&demo()).into_owned();
    let digits = text.split(|c: char| !c.is_ascii_digit()).filter(|run| run.len() == 11 && run.starts_with('1'));
    let values: std::collections::BTreeSet<&str> = digits.collect();
    let key = Key::new([1; 32]);
    let mut hashes = Vec::new();
    for value in &values {
        let prints = content::fingerprints(&key, &CustomTypes::default(), value);
        let line: Vec<String> = prints.iter().map(ToString::to_string).collect();
        writeln!(hashes, "{}", line.join(" ")).expect("written");
    }
    desk.write("hashes", &hashes);
    desk.write("values", values.iter().copied().collect::<Vec<_>>().join("\n").as_bytes());
    let traced = trace(&["--values", "values"]);
    let mut suspects: Vec<(String, u64, u64)> = Vec::new();
    for one in traced["suspects"].as_array().expect("suspects") {
        let number = |name: &str| one[name].as_u64().expect("a number");
        if number("full") > 0 {
            suspects.push((one["who"].as_str().expect("a name").to_owned(), number("full"), number("alone")));
        }
    }
    suspects.sort_by(|a, b| (b.1, &a.0).cmp(&(a.1, &b.0)));
    assert!(suspects.len() > 2 && suspects[0].1 > 100, "{suspects:?}");
    assert_eq!(ask("values", "hashes"), serde_json::json!(suspects));
    let told = desk.spyhop(&["trace", "--state", "state", "--values", "values", "--lang", "zh"]).good();
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(told.contains("被完整获取") && told.contains("主体"), "{told}");
    assert!(values.iter().all(|value| !told.contains(value)), "a value is not shown");
}
