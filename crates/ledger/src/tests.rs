//! A ledger as a whole: written, killed, opened again, searched, verified.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use spyhop_model::{
    Change, Class, Entity, Event, Finding, FindingId, Involved, Key, Rule, Said, Severity, Span, Status, Text,
};
use spyhop_publish::{Full, Journal, Limits, Read, Reader, Record, Wants};
use spyhop_testkit::{event, time, types};

use crate::settings::{LedgerSettings, Ordinary};
use crate::{Answer, Ledger, LedgerJournal, Library, Question, Sought, Verdict, Window, publishers, trace, verify};

static RULE: Rule = Rule {
    kind: "auth.sample",
    class: Class::Incident,
    severity: Severity::High,
    title: Text { en: "a sample", zh: "样例" },
    about: Text { en: "", zh: "" },
    advice: Text { en: "", zh: "" },
    clause: "",
};

fn rules(kind: &str) -> Option<&'static Rule> {
    (kind == RULE.kind).then_some(&RULE)
}

fn key() -> Key {
    Key::new([7; 32])
}

fn settings() -> LedgerSettings {
    LedgerSettings { free_mib: 0, ..LedgerSettings::default() }
}

fn open(folder: &Path) -> Ledger {
    Ledger::open(folder, settings(), &key(), "test").expect("a ledger")
}

fn finding(id: u64, revision: u32) -> Record {
    Record::Finding(Arc::new(Finding {
        id: FindingId(id),
        rule: &RULE,
        severity: Severity::High,
        confidence: 90,
        status: Status::Open,
        change: Change::Opened,
        revision,
        parent: None,
        primary: Entity::Account("alice".into()),
        aspect: None,
        summary: Said { en: "alice did it".into(), zh: "alice 做了".into() },
        first_seen: time(0),
        last_seen: time(1),
        changed_at: time(1),
        count: 1,
        involved: Involved::default(),
        measures: BTreeMap::new(),
        reasons: Vec::new(),
        samples: Vec::new(),
        exchanges: Vec::new(),
        coverage: BTreeMap::new(),
        respond: Vec::new(),
    }))
}

fn record(event: Event) -> Record {
    Record::Event(Arc::new(event))
}

/// A morning: alice reads three numbers twice, bob the first two once, and carol two of them masked; a quarter of an hour
/// each, so that hours turn.
fn morning() -> Vec<Record> {
    let of = |who: &str, n: u32, ip: &str| {
        event().get("shop.example/customers").from(ip).account(who).at(u64::from(n) * 900).build(n)
    };
    let event_with = |count| event().get("x").returns(&types::MOBILE, count).build(0);
    let read = |who: &str, n: u32, ip: &str, count: u32| {
        let mut seen = of(who, n, ip);
        seen.call.observations = event_with(count).call.observations;
        record(seen)
    };
    let mut masked = of("carol", 3, "10.0.0.3");
    masked.call.observations = event().get("x").returns_masked(&types::MOBILE, 2).build(0).call.observations;
    vec![
        read("alice", 0, "10.0.0.1", 3),
        record(of("alice", 1, "10.0.0.1")),
        read("bob", 2, "10.0.0.2", 2),
        record(masked),
        read("alice", 4, "10.0.0.1", 3),
        record(of("dave", 5, "10.0.0.1")),
    ]
}

/// The numbers that the morning is about, and one that nobody saw.
fn sample() -> Vec<Sought> {
    let values = |count| event().get("x").returns(&types::MOBILE, count).build(0).call.observations[0].values.clone();
    values(4).into_iter().map(|print| Sought { full: vec![print], masked: vec![print] }).collect()
}

fn ask(folder: &Path, question: Question) -> Answer {
    let mut library = Library::open(folder, &key()).expect("a library");
    trace(&mut library, &key(), &question).expect("an answer")
}

fn check(folder: &Path) -> Verdict {
    verify(folder, &key(), None).expect("a verdict")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("made");
    for entry in fs::read_dir(from).expect("read") {
        let entry = entry.expect("an entry");
        let to = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            copy(&entry.path(), &to)
        } else {
            assert!(fs::copy(entry.path(), to).is_ok())
        }
    }
}

#[test]
fn what_is_recorded_is_found_again_closed_or_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut settings = settings();
    settings.sync_within = Span::millis(0);
    let mut ledger = Ledger::open(folder.path(), settings, &key(), "test").expect("a ledger");
    ledger.append(&morning());
    let question = || Question { values: sample(), ..Question::default() };
    let before = ask(folder.path(), question());
    ledger.finish().expect("finished");
    drop(ledger);
    assert_eq!(ask(folder.path(), question()), before, "open and closed give one answer");

    assert_eq!((before.asked, before.found_full, before.found_masked, before.calls), (4, 3, 0, 4));
    let suspects: Vec<_> =
        before.suspects.iter().map(|one| (&*one.who, one.full, one.masked, one.alone, one.calls, one.weight)).collect();
    assert_eq!(suspects, [("alice", 3, 0, 1, 2, 500), ("bob", 2, 0, 0, 1, 250), ("carol", 0, 2, 0, 1, 0)]);
    assert_eq!((before.suspects[0].first, before.suspects[0].last), (time(0), time(4 * 900)));

    let of = |account: Option<&str>, client: Option<&str>, window: Window| {
        let question = Question {
            account: account.map(str::to_owned),
            client: client.map(str::to_owned),
            window,
            ..Question::default()
        };
        ask(folder.path(), question).calls
    };
    assert_eq!(of(Some("alice"), None, Window::default()), 3);
    assert_eq!(of(None, Some("10.0.0.1"), Window::default()), 4);
    assert_eq!(of(Some("dave"), Some("10.0.0.1"), Window::default()), 1);
    assert_eq!(of(Some("alice"), None, Window { from: time(1), to: time(4 * 900) }), 2);
    assert_eq!(of(Some("mallory"), None, Window::default()), 0);
    let verdict = check(folder.path());
    assert!(verdict.wrong.is_empty() && verdict.rows == 6, "{verdict:?}");
    assert!(
        folder.path().join("events/dt=2026-11-20/hr=02").is_dir()
            && folder.path().join("events/dt=2026-11-20/hr=03").is_dir()
    );
}

#[test]
fn a_writer_killed_at_any_octet_leaves_whole_frames_and_a_chain_that_holds() {
    let folder = tempfile::tempdir().expect("a folder");
    let live = folder.path().join("live");
    let mut settings = settings();
    settings.sync_within = Span::millis(0);
    let mut ledger = Ledger::open(&live, settings, &key(), "test").expect("a ledger");
    for n in 0..6 {
        ledger.append(&[record(event().get("shop.example/a").account("alice").build(n)), finding(u64::from(n), 1)]);
    }
    // What a killed sensor leaves is what is there now, or less of the last frames of its logs.
    for cut in [0, 1, 40, 700, 5_000, 20_000] {
        let dead = folder.path().join(format!("dead-{cut}"));
        copy(&live, &dead);
        let log = dead.join("open/events-0000000000.log");
        let len = fs::metadata(&log).expect("a log").len();
        fs::OpenOptions::new().write(true).open(&log).expect("opened").set_len(len - cut).expect("cut");
        let rows = Library::open(&dead, &key()).expect("a library").rows().1;
        assert!(if cut == 0 { rows == 6 } else { rows < 6 }, "{cut}: {rows}");
        let mut again = open(&dead);
        again.append(&[record(event().get("shop.example/b").build(9))]);
        again.finish().expect("finished");
        let torn = again.health().counts().torn;
        drop(again);
        assert_eq!(torn > 0, cut > 0, "{cut}");
        let verdict = check(&dead);
        assert!(verdict.wrong.is_empty(), "{cut}: {verdict:?}");
        assert_eq!(verdict.rows, rows + 1 + 6, "{cut}: rows, the new one, and six findings");
    }
}

#[test]
fn a_log_that_was_hardly_begun_is_no_fault() {
    let folder = tempfile::tempdir().expect("a folder");
    open(folder.path()).finish().expect("finished");
    for (number, begun) in [("events-0000000000", ""), ("findings-0000000007", "spyhoplg")] {
        fs::write(folder.path().join(format!("open/{number}.log")), begun).expect("written");
    }
    assert!(check(folder.path()).wrong.is_empty(), "{:?}", check(folder.path()).wrong);
    let mut ledger = open(folder.path());
    ledger.append(&[record(event().get("shop.example/a").build(1)), finding(1, 1)]);
    ledger.finish().expect("finished");
    drop(ledger);
    let verdict = check(folder.path());
    assert!(verdict.wrong.is_empty() && verdict.rows == 2, "{verdict:?}");
}

#[test]
fn whatever_was_altered_or_removed_is_found_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let good = folder.path().join("good");
    let mut ledger = open(&good);
    ledger.append(&morning());
    ledger.append(&[finding(1, 1)]);
    ledger.finish().expect("finished");
    drop(ledger);
    let seal = check(&good).seal;
    let wrong = |name: &str, how: &dyn Fn(&Path)| {
        let bad = folder.path().join(name);
        copy(&good, &bad);
        how(&bad);
        verify(&bad, &key(), seal.parse().ok()).expect("a verdict").wrong.join("; ")
    };
    assert_eq!(wrong("same", &|_| {}), "");
    let first = "events/dt=2026-11-20/hr=02/0000000000.parquet";
    let altered = wrong("altered", &|bad| {
        let mut bytes = fs::read(bad.join(first)).expect("read");
        bytes[100] ^= 1;
        fs::write(bad.join(first), bytes).expect("written");
    });
    assert_eq!(altered, format!("{first} was altered"));
    assert!(wrong("removed", &|bad| fs::remove_file(bad.join(first)).expect("removed")).contains("was removed"));
    assert!(
        wrong("added", &|bad| drop(fs::copy(bad.join(first), bad.join("events/x.parquet")))).contains("none of the")
    );
    let shorter = wrong("shorter", &|bad| {
        let text = fs::read_to_string(bad.join("chain.jsonl")).expect("read");
        let lines: Vec<&str> = text.lines().collect();
        fs::write(bad.join("chain.jsonl"), lines[..lines.len() - 1].join("\n") + "\n").expect("written");
        fs::remove_dir_all(bad.join("findings")).expect("removed");
    });
    assert!(shorter.contains("no line bears the seal"), "{shorter}");
    assert!(verify(&good, &Key::new([8; 32]), None).expect("a verdict").wrong[0].contains("another key"));
    assert!(
        Ledger::open(&good, settings(), &Key::new([8; 32]), "test")
            .err()
            .expect("refused")
            .to_string()
            .contains("another key")
    );
}

#[test]
fn keys_are_merged_and_lookups_stay_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut ledger = open(folder.path());
    // An hour a segment: forty become two merged files and eight of their own.
    for hour in 0..40 {
        let who = if hour % 10 == 0 { "alice" } else { "bob" };
        let called =
            event().get("shop.example/a").account(who).returns(&types::MOBILE, 2).at(hour * 3_600).build(hour as u32);
        ledger.append(&[record(called)]);
    }
    ledger.finish().expect("finished");
    drop(ledger);
    let files = |level: &str| fs::read_dir(folder.path().join("keys").join(level)).map_or(0, Iterator::count);
    assert_eq!((files("0"), files("1"), files("2")), (8, 2, 0));
    let calls =
        |account: &str| ask(folder.path(), Question { account: Some(account.to_owned()), ..Question::default() }).calls;
    assert_eq!((calls("alice"), calls("bob")), (4, 36));
    let answer = ask(folder.path(), Question { values: sample(), ..Question::default() });
    assert_eq!((answer.found_full, answer.calls), (2, 40));
    assert!(check(folder.path()).wrong.is_empty());
}

#[test]
fn what_is_too_old_or_too_much_goes_and_the_chain_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let hours = |ledger: &mut Ledger| {
        for hour in 0..30 {
            ledger.append(&[
                record(event().get("shop.example/a").account("alice").at(hour * 3_600).build(hour as u32)),
                finding(hour, 1),
            ]);
        }
        ledger.finish().expect("finished");
    };
    let old = folder.path().join("old");
    let mut ledger =
        Ledger::open(&old, LedgerSettings { keep: Span::hours(10), ..settings() }, &key(), "test").expect("a ledger");
    hours(&mut ledger);
    drop(ledger);
    let library = Library::open(&old, &key()).expect("a library");
    assert_eq!(library.rows().0, 11, "the last ten hours and the one before their end");
    assert!(check(&old).wrong.is_empty(), "{:?}", check(&old).wrong);
    let chain = fs::read_to_string(old.join("chain.jsonl")).expect("read");
    assert!(chain.contains(r#""what":"removed""#) && chain.contains(r#""why":"age""#));
    assert!(!old.join("events/dt=2026-11-20/hr=02").exists(), "the folder of an hour goes with its last file");

    let full = folder.path().join("full");
    let mut ledger =
        Ledger::open(&full, LedgerSettings { keep_mib: 1, ..settings() }, &key(), "test").expect("a ledger");
    hours(&mut ledger);
    drop(ledger);
    let bytes: u64 = check(&full).bytes;
    assert!(bytes <= 1 << 20 && check(&full).wrong.is_empty(), "{bytes}");
    let findings = Library::open(&full, &key())
        .expect("a library")
        .pieces()
        .iter()
        .filter(|piece| piece.file.starts_with("findings/"))
        .map(|piece| piece.rows)
        .sum::<u64>();
    assert_eq!(findings, 30, "findings never go for their size");
}

#[test]
fn what_cannot_be_closed_waits_and_nothing_is_removed_for_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut ledger = open(folder.path());
    // In the way of the fourth hour's folder.
    fs::create_dir_all(folder.path().join("events/dt=2026-11-20")).expect("made");
    let in_the_way = folder.path().join("events/dt=2026-11-20/hr=05");
    fs::write(&in_the_way, "").expect("written");
    for hour in 0..4 {
        ledger.append(&[record(event().get("shop.example/a").at(hour * 3_600).build(hour as u32))]);
    }
    let told = ledger.finish().expect_err("the last segment cannot be closed").to_string();
    assert!(told.contains("see to the disk"), "{told}");
    drop(ledger);
    assert_eq!(Library::open(folder.path(), &key()).expect("a library").rows(), (3, 1), "the log stays, and is read");
    fs::remove_file(in_the_way).expect("removed");
    open(folder.path()).finish().expect("finished");
    assert_eq!(Library::open(folder.path(), &key()).expect("a library").rows(), (4, 0));
    assert!(check(folder.path()).wrong.is_empty());
}

#[test]
fn a_flood_of_values_closes_segments_early() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut ledger = open(folder.path());
    // 600 exports of 4,096 values: more than the keys of one segment may be.
    let export = record(event().get("shop.example/export").account("alice").returns(&types::MOBILE, 4_096).build(1));
    let exports = vec![export; 600];
    exports.chunks(50).for_each(|exports| ledger.append(exports));
    ledger.finish().expect("finished");
    drop(ledger);
    let pieces = Library::open(folder.path(), &key()).expect("a library").pieces().to_vec();
    let keys: Vec<u64> =
        pieces.iter().filter(|piece| piece.file.starts_with("keys/")).map(|piece| piece.rows).collect();
    assert_eq!(keys.len(), 2, "{keys:?}");
    assert!(keys.iter().sum::<u64>() > 600 * 4_096 && keys.iter().all(|keys| *keys < 3 << 20), "{keys:?}");
}

fn drain(reader: &mut dyn Reader) -> Vec<u64> {
    let mut records = Vec::new();
    while reader.read(&mut records, 100, Duration::ZERO) == Read::Some {}
    records
        .iter()
        .map(|record| match record {
            Record::Finding(finding) => {
                assert_eq!(finding.rule.kind, RULE.kind);
                finding.id.0
            }
            _ => panic!("not asked for"),
        })
        .collect()
}

#[test]
fn a_publisher_goes_on_behind_what_was_acknowledged() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = |new: std::ops::Range<u64>, settled: u64| {
        let mut ledger = open(folder.path());
        let mut reader = crate::reader::LedgerReader::new(&ledger, "kafka", rules, None).expect("a reader");
        new.for_each(|id| ledger.append(&[finding(id, 1)]));
        let seen = drain(&mut reader);
        reader.settled(settled);
        drop(reader);
        ledger.finish().expect("finished");
        seen
    };
    assert_eq!(run(0..5, 3), [0, 1, 2, 3, 4]);
    assert_eq!(run(5..7, 0), [3, 4, 5, 6], "what was not acknowledged comes again");
    assert_eq!(run(7..7, 4), [3, 4, 5, 6]);
    assert_eq!(run(7..9, 2), [7, 8]);
    let logs = crate::log::numbers(&folder.path().join("open"), crate::log::Stream::Findings).expect("read");
    assert!(logs.len() <= 2, "acknowledged logs are gone: {logs:?}");
    assert!(publishers(folder.path()).contains_key("kafka"));
    assert!(check(folder.path()).wrong.is_empty());
}

#[test]
fn findings_beyond_the_backlog_are_kept_but_told_as_unpublished() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = LedgerSettings { backlog_mib: 0, ..settings() };
    let mut ledger = Ledger::open(folder.path(), settings, &key(), "test").expect("a ledger");
    let reader = crate::reader::LedgerReader::new(&ledger, "kafka", rules, None).expect("a reader");
    ledger.append(&[finding(1, 1)]);
    let told = ledger.finish().expect_err("nobody has read it").to_string();
    assert!(told.contains("raise `backlog_mib`"), "{told}");
    drop((reader, ledger));
    let verdict = check(folder.path());
    assert!(verdict.wrong.is_empty() && verdict.rows == 1, "{verdict:?}");
}

#[test]
fn what_publishers_read_was_written_before() {
    let folder = tempfile::tempdir().expect("a folder");
    let (journal, ready) = LedgerJournal::new(open(folder.path()), Limits::default(), Full::Wait);
    let mut findings = ready.reader("kafka", rules, false).expect("a reader");
    let mut all = journal.reader("all", Wants::All);
    let recorder = ready.start().expect("started");
    let mut batch = morning();
    batch.push(finding(1, 1));
    journal.append(&mut batch).expect("open");
    let mut read = Vec::new();
    while read.len() < 7 {
        assert_ne!(all.read(&mut read, 100, Duration::from_secs(5)), Read::End);
    }
    assert_eq!(drain(&mut *findings), [1], "on the disk as soon as anybody is told");
    journal.close();
    assert_eq!(all.read(&mut read, 1, Duration::from_secs(5)), Read::End);
    recorder.join().expect("recorded");
    assert_eq!(findings.read(&mut read, 1, Duration::from_secs(5)), Read::End);
    assert_eq!(Library::open(folder.path(), &key()).expect("a library").rows(), (6, 0));
}

#[test]
fn ordinary_calls_leave_less_than_those_with_values_logins_or_failures() {
    let folder = tempfile::tempdir().expect("a folder");
    let events = || {
        vec![
            record(event().get("shop.example/a?x=1").build(0)),
            record(event().get("shop.example/a?x=1").status(500).build(1)),
            record(event().get("shop.example/a?x=1").returns(&types::EMAIL, 1).build(2)),
        ]
    };
    let targets = |name: &str, ordinary_calls| {
        let folder = folder.path().join(name);
        let mut ledger =
            Ledger::open(&folder, LedgerSettings { ordinary_calls, ..settings() }, &key(), "test").expect("a ledger");
        ledger.append(&events());
        ledger.finish().expect("finished");
        let file = fs::File::open(folder.join("events/dt=2026-11-20/hr=02/0000000000.parquet")).expect("a file");
        let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file).expect("Parquet");
        let batch = reader.build().expect("built").next().expect("a batch").expect("rows");
        let targets = batch.column_by_name("http_target").expect("a column");
        (0..3).map(|row| arrow_array::Array::is_valid(targets, row)).collect::<Vec<_>>()
    };
    assert_eq!(targets("slim", Ordinary::Slim), [false, true, true]);
    assert_eq!(targets("full", Ordinary::Full), [true, true, true]);
}

/// The documentation's tables are those of the schemas.
#[test]
fn the_readme_has_every_column() {
    use arrow_schema::DataType;
    use std::fmt::Write;

    let kind = |kind: &DataType| match kind {
        DataType::List(item) => format!("list of {}", item.data_type().to_string().to_lowercase()),
        DataType::Timestamp(..) => "time, nanoseconds, UTC".to_owned(),
        other => other.to_string().to_lowercase(),
    };
    let mut text = String::new();
    let mut table = |title: &str, columns: Vec<(String, DataType, String)>| {
        let _ = write!(text, "\n### {title}\n\n| column | type | is |\n| --- | --- | --- |\n");
        for (name, of, about) in columns {
            let _ = writeln!(text, "| `{name}` | {} | {} |", kind(&of), about.trim_end_matches('.'));
        }
    };
    let owned = |(name, kind, about): (&str, DataType, &str)| (name.to_owned(), kind, about.to_owned());
    table("Calls", crate::columns::described().into_iter().map(owned).collect());
    table("Changes of findings", crate::findings::described());
    let keys = crate::keys::KEYS.fields().iter().map(|field| {
        (
            field.name().clone(),
            field.data_type().clone(),
            field.metadata().get("description").cloned().unwrap_or_default(),
        )
    });
    table("Keys", keys.collect());

    const MARK: &str = "<!-- Generated from the schemas by `UPDATE=1 cargo test -p spyhop-ledger`. -->\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(&path).expect("a README");
    let (before, after) = readme.split_once(MARK).expect("the mark");
    if after != text {
        assert!(std::env::var_os("UPDATE").is_some(), "{} is out of date; run the tests with UPDATE=1", path.display());
        fs::write(&path, format!("{before}{MARK}{text}")).expect("written");
    }
}
