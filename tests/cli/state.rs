//! What one run leaves for the next.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use super::{DEMO, Place, demo, wait_until};

/// Moves a little-endian pcap by whole seconds.
fn later(mut pcap: Vec<u8>, seconds: u32) -> Vec<u8> {
    let mut at = 24;
    while let Some(header) = pcap.get_mut(at..at + 16) {
        let field =
            |from: usize| u32::from_le_bytes([header[from], header[from + 1], header[from + 2], header[from + 3]]);
        let (time, length) = (field(0), field(8));
        header[..4].copy_from_slice(&(time + seconds).to_le_bytes());
        at += 16 + length as usize;
    }
    pcap
}

fn weak_passwords(lines: &[Value]) -> Vec<&Value> {
    lines.iter().filter(|finding| finding["kind"] == "auth.weak_password").collect()
}

#[test]
fn a_second_run_remembers_the_first() {
    let place = Place::new();
    place.file("tomorrow.pcap", later(demo(), 86_400));
    let replay = |input: &str, more: &[&str]| {
        place.run(&[&["replay", "-q", input, "--format", "json", "--state", "memory"], more].concat()).code(0)
    };
    let first = replay(DEMO, &[]).says(&["made the key ", "memory/key"]);
    let before = first.lines();
    let second = replay("tomorrow.pcap", &[]);
    assert!(!second.err.contains("made the key"), "{}", second.err);
    let after = second.lines();
    let (before, after) = (weak_passwords(&before), weak_passwords(&after));
    assert!(!before.is_empty());
    assert_eq!(before.len(), after.len(), "the same weaknesses, not new ones");
    for (before, after) in before.iter().zip(&after) {
        assert_eq!((&before["id"], &before["first_seen"]), (&after["id"], &after["first_seen"]));
        assert_eq!(after["count"].as_u64(), before["count"].as_u64().map(|count| count * 2), "{after}");
        assert!(after["revision"].as_u64() > before["revision"].as_u64(), "{after}");
        assert!(after["last_seen"].as_str() > before["last_seen"].as_str(), "{after}");
    }
    // Without the state it begins anew, under another id: the key is another one.
    let alone = place.run(&["replay", "-q", "tomorrow.pcap", "--format", "json"]).code(0).lines();
    let ids: Vec<&Value> = before.iter().map(|finding| &finding["id"]).collect();
    assert!(weak_passwords(&alone).iter().all(|finding| !ids.contains(&&finding["id"])));
}

#[test]
fn what_a_run_leaves_is_for_its_owner_only() {
    let place = Place::new();
    place.run(&["replay", "-q", DEMO, "--state", "memory"]).code(0);
    let mut files = 0;
    for entry in fs::read_dir(place.path("memory")).expect("the directory") {
        let entry = entry.expect("an entry");
        let mode = entry.metadata().expect("the file").permissions().mode();
        assert_eq!(mode & 0o077, 0, "{:?} {mode:o}", entry.file_name());
        files += 1;
    }
    assert!(files >= 3, "key, lock and snapshot");
}

#[test]
fn keys_are_guarded() {
    let place = Place::new();
    let replay = |more: &[&str]| place.run(&[&["replay", "-q", DEMO], more].concat());
    place.key("open", 'a');
    fs::set_permissions(place.path("open"), fs::Permissions::from_mode(0o644)).expect("chmod");
    replay(&["--key-file", "open"]).code(1).says(&["key file open: others may read it (mode 644)", "chmod 600"]);
    place.file("short", "abc\n");
    fs::set_permissions(place.path("short"), fs::Permissions::from_mode(0o600)).expect("chmod");
    replay(&["--key-file", "short"]).code(1).says(&["key file short: no key in it", "64 hexadecimal digits"]);

    place.key("one", '1');
    place.key("two", '2');
    replay(&["--state", "memory", "--key-file", "one"]).code(0);
    let other = replay(&["--state", "memory", "--key-file", "two"]).code(1);
    other.says(&["memory/snapshot.json: made with key ", "but the key in use is ", "move the file away"]);
    replay(&["--state", "memory", "--key-file", "one"]).code(0);
    place.file("memory/snapshot.json", "{");
    let torn = replay(&["--state", "memory", "--key-file", "one"]).code(1);
    torn.says(&["memory/snapshot.json: ", "move the file away to start with an empty memory"]);
}

#[test]
fn a_state_directory_serves_one_at_a_time() {
    let place = Place::new();
    // The first waits for the rest of its capture, and so holds the directory.
    let mut first = place.start(&["replay", "-q", "/dev/stdin", "--state", "memory", "--exchanges-out", "x"]);
    let mut stdin = first.pipe();
    stdin.write_all(&demo()[..100_000]).expect("it is read");
    wait_until("the first has begun", || place.path("x").exists());
    let second = place.run(&["replay", "-q", DEMO, "--state", "memory"]).code(1);
    second.says(&["state directory memory is in use by another spyhop", "stop it or name another directory"]);
    drop(stdin);
    assert_eq!(first.code(), 0, "{}", place.read("err"));
    place.run(&["replay", "-q", DEMO, "--state", "memory"]).code(0);
    // Killed, it leaves no lock behind.
    let mut third = place.start(&["replay", "-q", "/dev/stdin", "--state", "memory", "--exchanges-out", "y"]);
    let mut stdin = third.pipe();
    stdin.write_all(&demo()[..100_000]).expect("it is read");
    wait_until("the third has begun", || place.path("y").exists());
    third.signal("KILL");
    assert_eq!(third.code(), -1);
    place.run(&["replay", "-q", DEMO, "--state", "memory"]).code(0);
}
