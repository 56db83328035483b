//! `spyhop inventory`.

use serde_json::Value;

use super::{DEMO, Place};

/// Without samples of paths, whose fingerprints depend on the key.
fn json(text: &str) -> Value {
    let mut all: Value = serde_json::from_str(text).expect("JSON");
    for host in all["hosts"].as_array_mut().into_iter().flatten() {
        for endpoint in host["endpoints"].as_array_mut().into_iter().flatten() {
            endpoint["samples"].take();
        }
    }
    all
}

#[test]
fn captures_and_memory_give_the_same_inventory() {
    let place = Place::new();
    let captured = place.run(&["inventory", DEMO, "--format", "json"]).code(0);
    place.run(&["replay", "-q", DEMO, "--state", "memory"]).code(0);
    let kept = place.run(&["inventory", "--state", "memory", "--format", "json"]).code(0);
    let (captured, kept) = (json(&captured.out), json(&kept.out));
    assert_eq!(captured["hosts"], kept["hosts"]);
    let hosts = kept["hosts"].as_array().expect("hosts");
    assert!(!hosts.is_empty());
    let endpoints = || hosts.iter().flat_map(|host| host["endpoints"].as_array().expect("endpoints"));
    assert!(endpoints().all(|endpoint| endpoint["calls"].as_u64() > Some(0)));
    assert!(endpoints().any(|endpoint| endpoint["nature"].as_array().is_some_and(|all| all.contains(&"login".into()))));
    assert!(endpoints().any(|endpoint| endpoint["returned"]["cn_mobile"]["full"].as_u64() > Some(0)));

    let host = hosts[0]["host"].as_str().expect("a name");
    let one = json(&place.run(&["inventory", "--state", "memory", "--format", "json", "--host", host]).code(0).out);
    assert_eq!(one["hosts"].as_array().map(Vec::len), Some(1));
}

#[test]
fn it_is_printed_for_people_and_for_spreadsheets() {
    let place = Place::new();
    let table = place.run(&["inventory", DEMO, "--lang", "zh"]).code(0).out;
    assert!(table.contains("方法") && table.contains("个接口") && table.contains("POST"), "{table}");
    let csv = place.run(&["inventory", DEMO, "--format", "csv"]).code(0).out;
    assert!(csv.starts_with("host,method,path,operation,nature,grade,") && csv.ends_with("\r\n"), "{csv}");
    let rows = csv.split("\r\n").filter(|row| !row.is_empty()).count();
    assert!(rows > 2, "{csv}");
}

#[test]
fn it_says_what_it_needs() {
    let place = Place::new();
    place.run(&["inventory"]).code(2).says(&["give captures, or --state DIR"]);
    place.run(&["inventory", DEMO, "--state", "memory"]).code(2).says(&["cannot be used with"]);
    place.run(&["inventory", "--state", "nothing"]).code(1).says(&["nothing/snapshot.json"]);
}
