//! What a replay writes where, and in which form.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use serde_json::Value;
use spyhop_testkit::http::Message;
use spyhop_testkit::{Capture, Conversation, Precision, gz, time};

use super::{DEMO, Place, Ran, demo, kinds};

/// At least one finding of each of these is in the demo.
const FAMILIES: [&str; 9] = [
    "access.crawler",
    "auth.high_frequency_login",
    "auth.plaintext_password",
    "auth.token_in_url",
    "auth.weak_password",
    "data.cleartext_transport",
    "data.unmasked",
    "flow.outbound_overseas",
    "flow.overseas_access",
];

/// A weak password on its way to a login that is accepted, over and over.
fn logins() -> Capture {
    Capture::of((0..20u16).map(|n| {
        let login = Message::post("/login").host("shop.example").form(&[("user", "wang"), ("password", "123456")]);
        let answer = Message::response(302).header("Location", "/home").header("Set-Cookie", "session=8d1f4c7ab9e0");
        Conversation::new(&format!("10.0.0.8:{}", 40_000 + n), "10.0.0.1:80")
            .at(time(u64::from(n) * 40))
            .client(login.bytes())
            .server(answer.bytes())
            .close()
    }))
}

#[test]
fn every_command_has_help() {
    let place = Place::new();
    let commands: [&[&str]; 13] = [
        &[],
        &["replay"],
        &["run"],
        &["config"],
        &["config", "check"],
        &["config", "show"],
        &["config", "default"],
        &["explain"],
        &["kinds"],
        &["interfaces"],
        &["schema"],
        &["completions"],
        &["man"],
    ];
    for command in commands {
        let whole = place.run(&[command, &["--help"]].concat()).code(0);
        assert!(whole.out.contains("Usage: spyhop") && whole.err.is_empty(), "{command:?}: {}", whole.out);
        place.run(&[command, &["-h"]].concat()).code(0);
    }
    assert!(place.run(&["--version"]).code(0).out.starts_with("spyhop "));
    place.run(&[]).code(2).says(&["Usage: spyhop"]);
    for record in ["finding", "exchange", "flat-exchange", "observation"] {
        let schema: Value = serde_json::from_str(&place.run(&["schema", record]).code(0).out).expect("JSON");
        assert!(schema["properties"].is_object(), "{record}: {schema}");
    }
    assert!(place.run(&["completions", "bash"]).code(0).out.contains("replay"));
    assert!(place.run(&["man"]).code(0).out.contains(".TH spyhop"));
    place.run(&["man", "--out", "pages"]).code(0);
    assert!(place.read("pages/spyhop-replay.1").contains("Examples"));
    assert!(place.run(&["interfaces"]).code(0).out.contains("lo "));
}

#[test]
fn findings_are_printed_for_people() {
    let place = Place::new();
    let ran = place.run(&["replay", DEMO]).code(0).says(&["Summary", "1,769 packets"]);
    for kind in FAMILIES {
        assert!(ran.out.contains(&format!(" {kind}  ")), "{kind} is not in:\n{}", ran.out);
    }
    assert!(!ran.out.contains('\u{1b}') && !ran.err.contains('\u{1b}'), "no colours into a pipe");
    assert!(place.run(&["replay", "-q", "--color", "always", DEMO]).code(0).out.contains('\u{1b}'));

    let ran = place.run(&["replay", "--lang", "zh", DEMO]).code(0);
    assert!(ran.out.contains("auth.weak_password  ") && ran.out.contains("弱密码"), "{}", ran.out);
    assert!(ran.err.contains("次请求"), "{}", ran.err);
}

#[test]
fn json_lines_hold_each_finding_once_in_order() {
    let place = Place::new();
    let ran = place.run(&["replay", "--format", "json", DEMO]).code(0);
    let findings = ran.lines();
    assert!(FAMILIES.iter().all(|kind| kinds(&findings).contains(kind)), "{:?}", kinds(&findings));
    assert!(ran.err.contains(&format!("Findings ({})", findings.len())), "{}", ran.err);
    let order: Vec<[&str; 3]> =
        findings.iter().map(|f| ["first_seen", "kind", "id"].map(|field| f[field].as_str().expect(field))).collect();
    assert!(order.is_sorted(), "{order:?}");
    assert!(order.windows(2).all(|pair| pair[0][2] != pair[1][2]), "{order:?}");
    assert!(findings.iter().all(|f| f["revision"].as_u64() >= Some(1) && f["sensor"] == "spyhop"));
}

#[test]
fn each_output_has_a_file_of_its_own() {
    let place = Place::new();
    let ran = place.run(&[
        "replay",
        DEMO,
        "--findings-out",
        "f.jsonl",
        "--exchanges-out",
        "x.jsonl",
        "--observations-out",
        "o.jsonl",
    ]);
    let ran = ran.code(0);
    assert!(ran.out.contains("auth.weak_password"), "findings are printed besides");
    assert!(ran.err.contains(&format!("Findings ({})", place.lines("f.jsonl").len())), "{}", ran.err);
    let exchanges = place.lines("x.jsonl");
    assert_eq!(exchanges.len() as u64, ran.number("exchanges"));
    for exchange in &exchanges {
        assert_eq!(exchange["redacted"], true);
        for field in ["ts", "client", "server", "protocol", "request"] {
            assert!(!exchange[field].is_null(), "{field} is missing in {exchange}");
        }
    }
    let observations = place.lines("o.jsonl");
    assert!(!observations.is_empty());
    for observation in &observations {
        for field in ["type", "grade", "direction", "place", "count"] {
            assert!(!observation[field].is_null(), "{field} is missing in {observation}");
        }
    }
}

#[test]
fn a_dash_takes_standard_output() {
    let place = Place::new();
    place.key("key", 'a');
    let replay = |option: &str, name: &str| place.run(&["replay", DEMO, "--key-file", "key", option, name]).code(0);
    for option in ["--findings-out", "--exchanges-out", "--observations-out"] {
        let to_stdout = replay(option, "-");
        let to_file = replay(option, "file");
        assert!(!to_stdout.lines().is_empty());
        assert_eq!(to_stdout.out, place.read("file"), "{option}");
        assert!(to_file.out.contains("auth.weak_password  "), "{}", to_file.out);
    }
}

#[test]
fn updates_end_in_the_final_state() {
    let place = Place::new();
    place.key("key", 'a');
    let replay = |more: &[&str]| {
        place.run(&[&["replay", DEMO, "--key-file", "key", "--format", "json"], more].concat()).code(0).lines()
    };
    let (whole, updates) = (replay(&[]), replay(&["--updates"]));
    assert!(updates.len() > whole.len());
    let mut last: BTreeMap<&str, &Value> = BTreeMap::new();
    let mut at = "";
    for update in &updates {
        let id = update["id"].as_str().expect("an id");
        let before = last.insert(id, update).map_or(0, |before| before["revision"].as_u64().expect("a number"));
        assert!(update["revision"].as_u64() > Some(before), "{update}");
        assert!(before > 0 || update["change"] == "opened", "{update}");
        let changed = update["changed_at"].as_str().expect("a time");
        assert!(changed >= at, "{update}");
        at = changed;
    }
    for finding in &whole {
        assert_eq!(last.get(finding["id"].as_str().expect("an id")), Some(&finding));
    }
    assert_eq!(last.len(), whole.len());
}

#[test]
fn severe_findings_make_the_exit_code() {
    let place = Place::new();
    place.run(&["replay", "-q", "--fail-on", "high", DEMO]).code(3).says(&["Summary"]);
    place.run(&["replay", "-q", "--fail-on", "high", "--filter", "port 1", DEMO]).code(0).says(&["No findings"]);
    place.file("logins.pcap", logins().pcap(Precision::Nano).expect("a capture"));
    place.run(&["replay", "-q", "--fail-on", "critical", "logins.pcap"]).code(0).says(&["auth.weak_password"]);
}

#[test]
fn a_filter_applies_to_files() {
    let place = Place::new();
    let ran = place.run(&["replay", DEMO, "--exchanges-out", "-", "--filter", "host 10.20.30.11"]).code(0);
    let exchanges = ran.lines();
    assert!(!exchanges.is_empty());
    assert!(exchanges.iter().all(|exchange| exchange["client"]["ip"] == "10.20.30.11"));
    assert!(ran.number("packets") < 1_769);
    assert_eq!(place.run(&["replay", DEMO, "--filter", "port 1"]).code(0).number("exchanges"), 0);
}

#[test]
fn a_capture_is_the_same_in_every_container_and_any_cutting() {
    let place = Place::new();
    place.key("key", 'a');
    let capture = logins();
    let (pcap, pcapng) = (capture.pcap(Precision::Nano).expect("a capture"), capture.pcapng(Precision::Nano));
    place.file("one.pcap", &pcap);
    place.file("one.pcapng", &pcapng);
    place.file("one.pcap.gz", gz(&pcap));
    place.file("one.pcapng.gz", gz(&pcapng));
    std::fs::create_dir(place.path("rotated")).expect("a folder");
    for (n, piece) in capture.rotate(5).iter().enumerate() {
        place.file(&format!("rotated/piece.pcap{n}"), piece.pcap(Precision::Nano).expect("a capture"));
    }
    let replay = |input: &str, workers: &str| {
        let common = ["-q", "--key-file", "key", "--format", "json", "--workers", workers];
        place.run(&[&["replay", input], &common[..]].concat()).code(0).out
    };
    let expected = replay("one.pcap", "1");
    assert!(expected.contains("auth.weak_password"));
    for input in ["one.pcapng", "one.pcap.gz", "one.pcapng.gz", "rotated", "one.pcap"] {
        assert_eq!(replay(input, "2"), expected, "{input}");
    }
}

#[test]
fn a_capture_may_come_through_a_pipe() {
    let place = Place::new();
    let mut replay = place.start(&["replay", "-q", "/dev/stdin", "--exchanges-out", "-"]);
    replay.pipe().write_all(&demo()).expect("all is read");
    assert_eq!(replay.code(), 0);
    assert_eq!(place.lines("out").len(), 241);
    assert!(place.read("err").contains("1,769 packets"), "{}", place.read("err"));
}

#[test]
fn whoever_reads_may_stop_at_any_time() {
    let place = Place::new();
    let inputs = [DEMO; 3];
    for output in [&["--format", "pretty"][..], &["--format", "json"], &["--exchanges-out", "-"]] {
        let mut command = place.command(&[&["replay", "-q"], output, &inputs].concat());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
        let mut first = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut first).expect("a line");
        assert!(!first.is_empty());
        // The pipe is closed now.
        let ran = Ran::of(child.wait_with_output().expect("it ends")).code(0);
        assert!(!ran.err.contains("roken pipe") && ran.err.contains("Summary"), "{}", ran.err);
    }
}

#[test]
fn fields_stand_as_on_the_wire_only_where_asked_for() {
    let place = Place::new();
    let target = "/pay?access_token=5f1c9a77e0b34d2288cc";
    let capture = Capture::of([Conversation::new("10.0.0.8:40000", "10.0.0.1:80")
        .at(time(0))
        .client(Message::get(target).host("shop.example").bytes())
        .server(Message::response(200).json("{}").bytes())
        .close()]);
    place.file("one.pcap", capture.pcap(Precision::Nano).expect("a capture"));
    let masked = place.run(&["replay", "one.pcap", "--exchanges-out", "-"]).code(0).lines();
    assert_eq!(masked[0]["redacted"], true);
    assert!(!masked[0].to_string().contains("5f1c9a77e0b34d2288cc"), "{}", masked[0]);
    let raw = place.run(&["replay", "one.pcap", "--exchanges-out", "-", "--raw-fields"]).code(0).lines();
    assert_eq!(raw[0]["request"]["target"], target);
    assert_ne!(raw[0]["redacted"], true);
}
