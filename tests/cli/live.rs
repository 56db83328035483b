//! A live run on the loopback interface, with a real server and a real client.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Child;

use super::{Place, json_lines, signal, wait, wait_until};

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
    let mut stream = TcpStream::connect(to).expect("the server");
    let head = "POST /login HTTP/1.1\r\nHost: crm.example\r\nContent-Type: application/x-www-form-urlencoded\r\nConnection: close";
    write!(stream, "{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 302"), "{answer}");
}

/// Starts a run on `lo` that sees only this server, and waits until it watches.
fn watch(place: &Place, server: SocketAddr, more: &[&str]) -> Child {
    let filter = format!("tcp port {}", server.port());
    let child = place.start_to_files(&[&["run", "-i", "lo", "--filter", &filter], more].concat());
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
    assert!(child.try_wait().expect("a child of ours").is_none(), "it goes on");
    log_in(server, "123456");
    signal(&child, "TERM");
    let status = wait(&mut child);
    let (out, err) = (place.read("out"), place.read("err"));
    assert_eq!(status.code(), Some(0), "{err}");
    assert!(err.contains("Summary") && err.contains("2 exchanges"), "{err}");
    assert!(!out.contains("123456") && !place.read("x.jsonl").contains("123456"));
    let changes = json_lines(&out);
    let weak = changes.iter().rfind(|finding| finding["kind"] == "auth.weak_password").expect("the finding");
    assert_eq!((&weak["count"], &weak["sensor"]), (&2.into(), &"spyhop".into()), "{weak}");
    assert_eq!(place.lines("x.jsonl").len(), 2);
    assert!(place.path("memory/snapshot.json").exists());
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
    signal(&child, "INT");
    assert_eq!(wait(&mut child).code(), Some(0), "{}", place.read("err"));
    assert!(place.read("err").contains("Summary"));
}
