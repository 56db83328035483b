//! Everything that an operator can get wrong, and what the world can do to a run: the message says what is wrong and what to do,
//! and whatever was good before it counts.

use std::fs;
use std::net::TcpListener;

use spyhop_testkit::gz;

use super::{DEMO, Place, Ran, demo};

/// Octets of the records' headers in a classic pcap.
const RECORD: usize = 16;

/// Where each record of a little-endian pcap ends.
fn ends(pcap: &[u8]) -> Vec<usize> {
    let mut ends = Vec::new();
    let mut at = 24;
    while let Some(length) = pcap.get(at + 8..at + 12) {
        at += RECORD + u32::from_le_bytes(length.try_into().expect("four octets")) as usize;
        ends.push(at);
    }
    ends
}

#[test]
fn a_truncated_capture_counts_up_to_its_last_whole_packet() {
    let place = Place::new();
    place.key("key", 'a');
    let (pcap, replay) = (demo(), |input: &str| {
        place.run(&["replay", "-q", input, "--key-file", "key", "--exchanges-out", "x.jsonl", "--format", "json"])
    });
    let ends = ends(&pcap);
    let (kept, next) = (ends[1_200], ends[1_201]);
    place.file("whole.pcap", &pcap[..kept]);
    let whole = replay("whole.pcap").code(0);
    let exchanges = place.read("x.jsonl");
    assert!(!whole.err.contains("ends within") && exchanges.lines().count() > 100 && !whole.out.is_empty());
    // Within the next packet, and within the header of its record.
    for cut in [next - 1, kept + RECORD + 1, kept + RECORD - 1, kept + 1] {
        place.file("cut.pcap", &pcap[..cut]);
        let ran = replay("cut.pcap").code(0);
        let ran = ran.says(&["cut.pcap: at octet", "the file ends within a record; every packet before it was read"]);
        assert_eq!(ran.number("packets"), 1_201);
        assert_eq!(ran.out, whole.out, "findings of what was read");
        assert_eq!(place.read("x.jsonl"), exchanges, "exchanges of what was read");
    }
    // A gz that ends early, and one that is damaged.
    let packed = gz(&pcap);
    place.file("cut.pcap.gz", &packed[..packed.len() / 2]);
    assert!(replay("cut.pcap.gz").code(0).says(&["cut.pcap.gz: ", "every packet before it"]).number("exchanges") > 20);
    let mut damaged = packed.clone();
    let middle = damaged.len() / 2;
    damaged[middle..middle + 64].fill(0xff);
    place.file("damaged.pcap.gz", &damaged);
    let ran = replay("damaged.pcap.gz").code(1).says(&["damaged.pcap.gz: at octet "]);
    assert!(ran.number("exchanges") > 20 && !ran.out.is_empty());
}

#[test]
fn a_damaged_record_ends_its_file_and_no_other() {
    let place = Place::new();
    let mut pcap = demo();
    place.file("sound.pcap", &pcap);
    let at = ends(&pcap)[1_200];
    pcap[at + 8..at + RECORD].fill(0xff);
    place.file("damaged.pcap", &pcap);
    let ran = place.run(&["replay", "-q", "damaged.pcap"]).code(1);
    assert_eq!(ran.says(&["damaged.pcap: at octet ", "a record claims 4294967295 octets"]).number("packets"), 1_201);
    let ran = place.run(&["replay", "-q", "damaged.pcap", "sound.pcap"]).code(1);
    assert_eq!(ran.number("packets"), 1_201 + 1_769);
}

#[test]
fn inputs_that_are_no_captures_are_named() {
    let place = Place::new();
    place.file("empty.pcap", "");
    place.file("text.pcap", "this is no capture\n");
    place.file("header.pcap", &demo()[..20]);
    place.file("other.pcap", b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
    fs::create_dir(place.path("folder")).expect("a folder");
    let cases: [(&str, &[&str]); 6] = [
        ("empty.pcap", &["empty.pcap: the file is empty", "was the capture stopped before it was written?"]),
        ("text.pcap", &["text.pcap: not a pcap or pcapng file: it is text"]),
        ("header.pcap", &["header.pcap: "]),
        ("other.pcap", &["other.pcap: not a pcap or pcapng file: it begins with the octets 7f 45 4c 46"]),
        ("folder", &["folder: no captures in this directory", "*.pcap", "*.pcapng"]),
        ("missing.pcap", &["missing.pcap: no such file or directory: check the name and the current directory"]),
    ];
    for (input, says) in cases {
        let ran = place.run(&["replay", input]).code(1).says(says);
        assert!(ran.err.starts_with("spyhop: ") && ran.out.is_empty() && !ran.err.contains("panicked"), "{}", ran.err);
    }
    // All at once, before anything begins.
    place.run(&["replay", DEMO, "missing.pcap", "empty.pcap"]).code(1).says(&["missing.pcap: ", "empty.pcap: "]);
}

#[test]
fn a_bad_file_among_good_ones_in_a_folder_costs_only_itself() {
    let place = Place::new();
    fs::create_dir(place.path("folder")).expect("a folder");
    place.file("folder/a.pcap", demo());
    place.file("folder/b.pcap", "this is no capture\n");
    let ran = place.run(&["replay", "-q", "folder"]).code(1).says(&["b.pcap: ", "it is text"]);
    assert_eq!(ran.number("packets"), 1_769);
    assert!(ran.out.contains("auth.weak_password"));
}

#[test]
fn mistakes_in_the_configuration_are_all_told_with_their_place() {
    let place = Place::new();
    let text = "[kafka]\nbrokrs = [\"a:9092\"]\nlinger = \"soon\"\n\n[nothing]\nx = 1\n\n[journal]\nrecords = -1\n";
    place.file("wrong.toml", text);
    let says = [
        "wrong.toml:2:1: unknown key `brokrs` in [kafka]; did you mean `brokers`?",
        "2 | brokrs = [\"a:9092\"]",
        "wrong.toml:3:10: kafka.linger: `soon` is no length of time",
        "wrong.toml:5:2: unknown section `[nothing]`; known are",
        "wrong.toml:9:11: journal.records",
    ];
    for command in [
        &["config", "check", "wrong.toml"][..],
        &["config", "show", "wrong.toml"],
        &["replay", "--config", "wrong.toml", DEMO],
        &["run", "-i", "lo", "--config", "wrong.toml"],
    ] {
        let ran = place.run(command).code(2).says(&says);
        assert!(ran.out.is_empty(), "{}", ran.out);
    }
    // The one in the current folder is found without a word.
    place.file("sensor.toml", "[general]\nidd = \"x\"\n");
    place.run(&["replay", DEMO]).code(2).says(&["sensor.toml:2:1: unknown key `idd` in [general]; did you mean `id`?"]);
    place.file("sensor.toml", "[general\n");
    place.run(&["config", "check"]).code(2).says(&["sensor.toml:1:"]);
    place.run(&["config", "check", "missing.toml"]).code(2).says(&["missing.toml: "]);
    place.file("good.toml", "[general]\nid = \"north\"\n");
    assert!(place.run(&["config", "check", "good.toml"]).code(0).out.contains("good.toml: no mistakes"));
    assert!(place.run(&["config", "show", "good.toml"]).code(0).out.contains("id = \"north\""));
    let named = place.run(&["replay", "-q", "--config", "good.toml", "--format", "json", DEMO]).code(0).lines();
    assert!(named.iter().all(|finding| finding["sensor"] == "north"));
}

#[test]
fn a_country_database_that_cannot_be_read_is_named() {
    let place = Place::new();
    place.file("text.mmdb", "this is no database\n");
    for (database, says) in [("text.mmdb", "text.mmdb"), ("missing.mmdb", "missing.mmdb")] {
        place.file("geo.toml", format!("[networks]\ncountry_database = \"{database}\"\n"));
        place.run(&["replay", "--config", "geo.toml", DEMO]).code(2).says(&["country_database", says]);
    }
}

#[test]
fn wrong_usage_begins_nothing() {
    let place = Place::new();
    place.run(&["replay", DEMO, "--workers", "0"]).code(2).says(&["--workers"]);
    place.run(&["replay"]).code(2).says(&["<FILE|DIR>"]);
    place.run(&["explain", "auth.weak_pasword"]).code(2).says(&["did you mean `auth.weak_password`?"]);
    place.run(&["replay", DEMO, "--exchanges-out", "-", "--findings-out", "-"]).code(2).says(&["only one output"]);
    place.run(&["replay", DEMO, "--exchanges-out", "a", "--findings-out", "a"]).code(2).says(&["two outputs name a"]);
    place.run(&["run"]).code(2).says(&["no interface is named", "-i NAME", "[capture]", "spyhop interfaces"]);
    place.run(&["run", "-i", "no-such-one"]).code(1).says(&["no-such-one"]);
    let refused = place.run(&["replay", DEMO, "--filter", "tcp prt 80", "--findings-out", "f"]);
    refused.code(2).says(&["'tcp prt 80'", "syntax error", "pcap-filter(7)"]);
    assert!(!place.path("f").exists(), "nothing was begun");
}

#[test]
fn publishing_needs_a_broker_that_is_named_and_there() {
    let place = Place::new();
    place.run(&["replay", DEMO, "--publish"]).code(2).says(&["no broker is named", "`brokers` in [kafka]"]);

    // A port that was free a moment ago: nobody answers.
    let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port").port();
    let config =
        format!("[kafka]\nbrokers = [\"127.0.0.1:{port}\"]\nreplay_patience = \"1s\"\nflush_within = \"1s\"\n");
    place.file("kafka.toml", config);
    let ran = place.run(&["replay", DEMO, "--config", "kafka.toml", "--publish", "--findings-out", "f.jsonl"]);
    let port = format!("127.0.0.1:{port}");
    let ran =
        ran.code(1).says(&["records were not delivered", "no broker reachable", &port, "kafka.brokers", "Summary"]);
    assert!(ran.out.contains("auth.weak_password"), "findings are printed all the same");
    assert!(place.lines("f.jsonl").len() > 20, "and written");
}

#[test]
fn a_full_disk_is_told_and_the_rest_goes_on() {
    let place = Place::new();
    for option in ["--findings-out", "--exchanges-out", "--observations-out"] {
        let ran = place.run(&["replay", DEMO, option, "/dev/full", "-q"]).code(1);
        let ran = ran.says(&["cannot write /dev/full: No space left on device", "free space", "Summary"]);
        assert!(ran.out.contains("auth.weak_password"), "{option}: findings are printed all the same");
    }
    for arguments in [&["replay", "-q", DEMO][..], &["replay", "-q", "--format", "json", DEMO], &["kinds"]] {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").expect("the device");
        let output = place.command(arguments).stdout(full).output().expect("the program starts");
        Ran::of(output).code(1).says(&["cannot write standard output: No space left on device"]);
    }
}

#[test]
fn an_output_that_cannot_be_made_is_told_before_the_work() {
    let place = Place::new();
    for option in ["--findings-out", "--exchanges-out", "--observations-out"] {
        let ran = place.run(&["replay", DEMO, option, "no/such/folder/x.jsonl"]).code(1);
        let ran = ran.says(&["cannot write no/such/folder/x.jsonl: No such file or directory"]);
        assert!(ran.out.is_empty() && !ran.err.contains("Summary"), "{option}: {}", ran.err);
    }
}
