//! A live run on the loopback interface, with a real server and a real client.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use super::{Place, Running, json_lines, wait_until};

/// Bit of CAP_NET_RAW in a set of capabilities (capability.h).
const NET_RAW: u64 = 1 << 13;

/// Whether this process may capture; says so loudly if not.
fn may_capture() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").expect("/proc");
    let set = status.lines().find_map(|line| line.strip_prefix("CapEff:")).map_or("0", str::trim);
    let may = u64::from_str_radix(set, 16).is_ok_and(|set| set & NET_RAW != 0);
    if !may {
        eprintln!("SKIPPED: no CAP_NET_RAW (run as root); live capture was not tested");
    }
    may
}

/// Answers one request on each of `connections` connections: a login that is accepted.
fn server(connections: usize) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming().take(connections) {
            let mut stream = stream.expect("a client");
            let mut request = [0; 4_096];
            let _ = stream.read(&mut request).expect("a request");
            let answer = "HTTP/1.1 302 Found\r\nLocation: /home\r\nSet-Cookie: session=8d1f4c7ab9e0\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            stream.write_all(answer.as_bytes()).expect("an answer");
        }
    });
    address
}

fn log_in(to: SocketAddr, password: &str) {
    let body = format!("user=wang&password={password}");
    let head = "POST /login HTTP/1.1\r\nHost: crm.example\r\nContent-Type: application/x-www-form-urlencoded\r\nConnection: close";
    let request = format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let mut stream = TcpStream::connect(to).expect("the server");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 302"), "{answer}");
}

/// Starts a run on `lo` that sees only this server, and waits until it watches.
fn watch(place: &Place, server: SocketAddr, more: &[&str]) -> Running {
    let filter = format!("tcp port {}", server.port());
    let child = place.start(&[&["run", "-i", "lo", "--filter", &filter], more].concat());
    wait_until("it watches", || place.read("err").contains("watching lo"));
    child
}

#[test]
fn a_login_on_the_wire_is_reported_while_it_runs() {
    if !may_capture() {
        return;
    }
    let place = Place::new();
    let server = server(2);
    let mut child = watch(&place, server, &["--format", "json", "--exchanges-out", "x.jsonl", "--state", "memory"]);
    log_in(server, "123456");
    // It is told while the run goes on, not at its end.
    wait_until("a weak password is reported", || place.read("out").contains("\"auth.weak_password\""));
    assert!(place.read("out").contains("\"auth.plaintext_password\""));
    assert!(!child.has_ended(), "it goes on");
    log_in(server, "123456");
    child.signal("TERM");
    let code = child.code();
    let (out, err) = (place.read("out"), place.read("err"));
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("Summary") && err.contains("2 exchanges"), "{err}");
    assert!(!out.contains("123456") && !place.read("x.jsonl").contains("123456"));
    let changes = json_lines(&out);
    let weak = changes.iter().rfind(|finding| finding["kind"] == "auth.weak_password").expect("the finding");
    assert_eq!((&weak["count"], &weak["sensor"]), (&2.into(), &"spyhop".into()), "{weak}");
    assert_eq!(place.lines("x.jsonl").len(), 2);
    assert!(place.path("memory/snapshot.json").exists());
}

#[test]
fn a_sensor_that_is_killed_goes_on_from_what_it_saved_while_it_ran() {
    if !may_capture() {
        return;
    }
    let place = Place::new();
    place.file("often.toml", "[general]\nsave_every = \"100ms\"\n");
    let server = server(2);
    let options = ["--format", "json", "--state", "memory", "--config", "often.toml"];
    let mut child = watch(&place, server, &options);
    log_in(server, "123456");
    let saved = place.path("memory/snapshot.json");
    let is_saved =
        || std::fs::read_to_string(&saved).is_ok_and(|text| text.contains("\"kind\":\"auth.weak_password\""));
    wait_until("the finding is saved", is_saved);
    child.signal("KILL");
    wait_until("it is gone", || child.has_ended());
    let mut child = watch(&place, server, &options);
    log_in(server, "123456");
    child.signal("TERM");
    assert_eq!(child.code(), 0, "{}", place.read("err"));
    let changes = json_lines(&place.read("out"));
    let weak = changes.iter().rfind(|finding| finding["kind"] == "auth.weak_password").expect("the finding");
    assert_eq!(weak["count"], 2, "{weak}");
}

#[test]
fn a_run_prints_for_people_as_it_goes() {
    if !may_capture() {
        return;
    }
    let place = Place::new();
    let server = server(1);
    let mut child = watch(&place, server, &[]);
    log_in(server, "123456");
    wait_until("a weak password is reported", || place.read("out").contains("auth.weak_password  "));
    child.signal("INT");
    assert_eq!(child.code(), 0, "{}", place.read("err"));
    assert!(place.read("err").contains("Summary"));
}
