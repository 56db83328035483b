//! On a mirror port: a real server, real clients, and a switch that mirrors, each in a network namespace.
//!
//! What the sensor reports is compared with what the server logged, request for request, and with what its own captures, and those of
//! tcpdump, replay to. Needs root, ip, tc, nginx, curl and tcpdump, and says so where they are missing.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::Desk;

/// Namespaces of one test, which go away with it.
struct Net {
    name: String,
    /// Two of them at once would take each other's processor time.
    _alone: MutexGuard<'static, ()>,
}

impl Net {
    /// None where namespaces cannot be made, which is said aloud.
    fn up(kind: &str) -> Option<Net> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        static ONE: Mutex<()> = Mutex::new(());
        let name = format!("spy{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        for program in ["ip", "tc", "ethtool", "nginx", "curl", "tcpdump"] {
            if Command::new(program).arg("-V").output().is_err() {
                eprintln!("SKIPPED: there is no {program}; a mirror port was not tested");
                return None;
            }
        }
        let net = Net { name, _alone: ONE.lock().unwrap_or_else(PoisonError::into_inner) };
        let made = net.ports("up", kind);
        if !made.is_empty() {
            eprintln!("SKIPPED: no network namespaces here, a mirror port was not tested: {made}");
            return None;
        }
        Some(net)
    }

    /// What went wrong; empty if nothing did.
    fn ports(&self, action: &str, kind: &str) -> String {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/live/ports");
        let ran = Command::new(script).args([action, &self.name, kind]).output().expect("a shell");
        if ran.status.success() { String::new() } else { String::from_utf8_lossy(&ran.stderr).into_owned() + "failed" }
    }

    fn command(&self, host: &str, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &format!("{}-{host}", self.name), program]);
        command
    }

    /// Starts nginx, which logs method, target and status of each request.
    fn server(&self, desk: &Desk) -> Running {
        let folder = desk.path("nginx");
        std::fs::create_dir_all(&folder).expect("a folder");
        let (log, root) = (folder.join("access.log"), folder.display());
        let answer = |value: &str| format!("default_type application/json; return 200 '{value}';");
        let config = format!(
            "daemon off; master_process off; pid {root}/pid; error_log {root}/error.log;
             events {{ worker_connections 1024; }}
             http {{
               log_format plain '$request_method $request_uri $status'; access_log {} plain;
               client_body_temp_path {root}/b; proxy_temp_path {root}/p; fastcgi_temp_path {root}/f; uwsgi_temp_path {root}/u; scgi_temp_path {root}/s;
               keepalive_requests 1000000;
               server {{ listen 10.9.0.2:80;
                 location /items {{ {} }}
                 location /people {{ {} }}
                 location /login {{ {} }}
               }}
             }}",
            log.display(),
            answer(r#"{"items":[1,2,3],"next":null}"#),
            answer(r#"{"name":"张伟","mobile":"13812345678","id_card":"110101199003074477"}"#),
            answer(r#"{"ok":true,"token":"secret-token-0123456789abcdef"}"#),
        );
        let path = desk.write("nginx.conf", config.as_bytes());
        let mut command = self.command("server", "nginx");
        let child = command.arg("-c").arg(path).arg("-p").arg(&folder).stderr(Stdio::null()).spawn().expect("nginx");
        let server = Running { child, said: None };
        let since = Instant::now();
        while self.curl(&["-o", "/dev/null", "http://10.9.0.2/items"]) != 0 {
            assert!(since.elapsed() < Duration::from_secs(10), "nginx does not answer");
            thread::sleep(Duration::from_millis(50));
        }
        server
    }

    /// The exit code of a curl at the client's.
    fn curl(&self, arguments: &[&str]) -> i32 {
        let mut command = self.command("client", "curl");
        command.args(["-s", "--max-time", "120"]).args(arguments).stdout(Stdio::null());
        command.status().expect("curl").code().unwrap_or(-1)
    }

    /// Starts `spyhop run`, and waits until it watches.
    fn sensor(&self, desk: &Desk, arguments: &[&str]) -> Running {
        let mut command = self.command("sensor", env!("CARGO_BIN_EXE_spyhop"));
        command.args(["run", "--color", "never", "--key-file"]).arg(desk.path("key")).args(arguments);
        command.current_dir(desk.path("")).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let mut lines = BufReader::new(child.stderr.take().expect("standard error"));
        let mut said = String::new();
        while !said.contains("watching") {
            let began = said.len();
            assert!(lines.read_line(&mut said).expect("text") > 0, "{said}");
            eprint!("{}", &said[began..]);
        }
        let rest = thread::spawn(move || {
            let mut text = String::new();
            let _ = lines.read_to_string(&mut text);
            text
        });
        let mut stdout = child.stdout.take().expect("standard output");
        thread::spawn(move || std::io::copy(&mut stdout, &mut std::io::sink()));
        Running { child, said: Some(rest) }
    }

    fn tcpdump(&self, desk: &Desk, interface: &str, file: &str) -> Running {
        let mut command = self.command("sensor", "tcpdump");
        command.args(["-i", interface, "--time-stamp-precision=nano", "-B", "65536", "-U", "-Z", "root", "-w"]);
        let mut child = command.arg(desk.path(file)).stderr(Stdio::piped()).spawn().expect("tcpdump");
        let mut lines = BufReader::new(child.stderr.take().expect("standard error"));
        let mut said = String::new();
        while !said.contains("listening") {
            assert!(lines.read_line(&mut said).expect("text") > 0, "{said}");
        }
        let rest = thread::spawn(move || {
            let mut text = String::new();
            let _ = lines.read_to_string(&mut text);
            text
        });
        Running { child, said: Some(rest) }
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        self.ports("down", "");
    }
}

/// A program that runs in the background.
struct Running {
    child: Child,
    said: Option<thread::JoinHandle<String>>,
}

impl Running {
    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(sent.expect("kill").success());
    }

    /// Ends it as an operator would; its exit code and what it said.
    fn end(mut self) -> (Option<i32>, String) {
        self.signal("TERM");
        let code = self.child.wait().expect("its end").code();
        (code, self.said.take().map(|said| said.join().expect("its text")).unwrap_or_default())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Everything is to be reported, also on a machine that is busy with other tests.
const WHOLE: &[u8] = b"[capture]\nbuffer_mib = 256\n[pipeline]\nshed = false\n[memory]\ntotal = 8000000000\n[journal]\nrecords = 200000\nmib = 256\n";

/// Requests as `METHOD TARGET STATUS`, and how often.
type Requests = BTreeMap<String, u64>;

fn logged(desk: &Desk) -> Requests {
    let mut requests = Requests::new();
    for line in String::from_utf8(desk.read("nginx/access.log")).expect("text").lines() {
        *requests.entry(line.to_owned()).or_default() += 1;
    }
    requests
}

fn reported(lines: &[u8]) -> Requests {
    let mut requests = Requests::new();
    for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let record: Value = serde_json::from_slice(line).expect("JSON");
        let Some(method) = record["request"]["method"].as_str() else { continue };
        let target = record["request"]["target"].as_str().unwrap_or("?");
        let status = record["response"]["status"].as_u64().unwrap_or(0);
        *requests.entry(format!("{method} {target} {status}")).or_default() += 1;
    }
    requests
}

/// `clients` curls at once, each with one connection and `count` requests of its own names, and a few that find something.
fn traffic(net: &Net, clients: u32, count: u32) {
    thread::scope(|scope| {
        for client in 0..clients {
            scope.spawn(move || {
                let many = format!("http://10.9.0.2/items/{}[1-{count}]", char::from(b'a' + client as u8));
                assert_eq!(net.curl(&["-o", "/dev/null", &many]), 0);
            });
        }
        scope.spawn(|| {
            assert_eq!(net.curl(&["-o", "/dev/null", "http://10.9.0.2/people/page[1-40]"]), 0);
            let login = r#"{"username":"zhangwei","password":"123456"}"#;
            let arguments =
                ["-o", "/dev/null", "-H", "Content-Type: application/json", "-d", login, "http://10.9.0.2/login"];
            assert_eq!(net.curl(&arguments), 0);
        });
    });
}

fn captures(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> =
        std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("a file").path()).collect();
    found.sort();
    found
}

/// The findings of a replay with every change, but for what the summary of a live run alone can hold.
fn replayed(desk: &Desk, inputs: &[PathBuf]) -> String {
    let out = desk.path("replayed.jsonl");
    let ran = desk.replay(inputs, &["--updates", "--findings-out", &out.display().to_string()]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    String::from_utf8(desk.read("replayed.jsonl")).expect("text")
}

fn same_as_the_server(kind: &str, interfaces: &[&str], clients: u32, count: u32) {
    let Some(net) = Net::up(kind) else { return };
    let desk = Desk::new();
    let server = net.server(&desk);
    std::fs::write(desk.path("nginx/access.log"), "").expect("an empty log");
    desk.write("sensor.toml", WHOLE);
    let mut arguments = vec![
        "--config",
        "sensor.toml",
        "--exchanges-out",
        "exchanges.jsonl",
        "--findings-out",
        "findings.jsonl",
        "--write",
        "kept",
    ];
    interfaces.iter().for_each(|interface| arguments.extend(["-i", interface]));
    let sensor = net.sensor(&desk, &arguments);
    let dump = (interfaces.len() == 1).then(|| net.tcpdump(&desk, interfaces[0], "tcpdump.pcap"));
    traffic(&net, clients, count);
    let (code, said) = sensor.end();
    assert_eq!(code, Some(0), "{said}");
    drop(server);
    assert!(
        !said.contains("kernel_dropped"),
        "the kernel dropped packets; the machine is too slow for this test: {said}"
    );
    assert!(!said.contains("do not add up") && !said.contains("unpublished"), "{said}");

    let (logged, reported) = (logged(&desk), reported(&desk.read("exchanges.jsonl")));
    assert!(logged.values().sum::<u64>() > u64::from(clients * count), "{}", logged.len());
    let differ =
        logged.iter().filter(|(request, count)| reported.get(*request) != Some(count)).take(5).collect::<Vec<_>>();
    assert!(differ.is_empty() && logged.len() == reported.len(), "{} {} {differ:?}", logged.len(), reported.len());

    let live = String::from_utf8(desk.read("findings.jsonl")).expect("text");
    for kind in ["data.cleartext_transport", "auth.weak_password", "auth.plaintext_password"] {
        assert!(live.contains(kind), "no {kind} in {live}");
    }
    let kept = captures(&desk.path("kept"));
    let again = replayed(&desk, &kept);
    for (n, (left, right)) in again.lines().zip(live.lines()).enumerate() {
        assert_eq!(left, right, "change {n} of what was kept replays to something else");
    }
    assert_eq!(again.lines().count(), live.lines().count());
    if let Some(dump) = dump {
        let (_, said) = dump.end();
        assert!(said.contains("\n0 packets dropped by kernel"), "{said}");
        let of = |text: &str| {
            let kinds = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
            kinds.map(|found| found["kind"].as_str().unwrap_or("").to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(of(&replayed(&desk, &[desk.path("tcpdump.pcap")])), of(&live));
    }
}

#[test]
fn a_mirror_is_reported_request_for_request() {
    same_as_the_server("mirror", &["mon0"], 4, 25_000);
}

#[test]
fn a_mirror_in_vxlan_is_reported_request_for_request() {
    same_as_the_server("vxlan", &["mon0"], 2, 2_000);
}

#[test]
fn two_one_way_taps_are_one_conversation() {
    same_as_the_server("taps", &["mon0", "mon1"], 2, 2_000);
}

#[test]
fn an_interface_that_goes_away_is_read_again() {
    let Some(net) = Net::up("mirror") else { return };
    let desk = Desk::new();
    let server = net.server(&desk);
    std::fs::write(desk.path("nginx/access.log"), "").expect("an empty log");
    let sensor =
        net.sensor(&desk, &["-i", "mon0", "--exchanges-out", "exchanges.jsonl", "--findings-out", "findings.jsonl"]);
    traffic(&net, 1, 50);
    thread::sleep(Duration::from_millis(200));
    assert_eq!(net.ports("again", ""), "");
    // It is looked for twice a second.
    thread::sleep(Duration::from_secs(3));
    traffic(&net, 1, 50);
    let (code, said) = sensor.end();
    drop(server);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("mon0 cannot be read") && said.contains("mon0 is read again"), "{said}");
    assert!(said.contains("interface_away"), "{said}");
    assert_eq!(reported(&desk.read("exchanges.jsonl")), logged(&desk));
}

#[test]
fn a_sensor_that_slept_reports_what_the_ring_kept() {
    let Some(net) = Net::up("mirror") else { return };
    let desk = Desk::new();
    let server = net.server(&desk);
    std::fs::write(desk.path("nginx/access.log"), "").expect("an empty log");
    // What waited is to be reported whole.
    desk.write("sensor.toml", WHOLE);
    let sensor = net.sensor(&desk, &["-i", "mon0", "--config", "sensor.toml", "--exchanges-out", "exchanges.jsonl"]);
    traffic(&net, 1, 50);
    sensor.signal("STOP");
    traffic(&net, 1, 500);
    thread::sleep(Duration::from_secs(3));
    sensor.signal("CONT");
    traffic(&net, 1, 50);
    let (code, said) = sensor.end();
    drop(server);
    assert_eq!(code, Some(0), "{said}");
    assert!(!said.contains("kernel_dropped"), "{said}");
    assert_eq!(reported(&desk.read("exchanges.jsonl")), logged(&desk));
}

#[test]
fn a_sensor_that_falls_behind_leaves_work_out_and_takes_it_up_again() {
    let Some(net) = Net::up("mirror") else { return };
    let desk = Desk::new();
    let server = net.server(&desk);
    let sensor = net.sensor(&desk, &["-i", "mon0", "--state", "state", "--exchanges-out", "exchanges.jsonl"]);
    traffic(&net, 1, 50);
    // What waited for longer than a moment shows a machine that falls behind, whatever the reason.
    sensor.signal("STOP");
    traffic(&net, 3, 12_000);
    sensor.signal("CONT");
    // Each step back takes three quiet seconds.
    let since = Instant::now();
    while asked(&desk, "/metrics").contains("spyhop_lost_total{reason=\"bodies_shed\"} 0.0") {
        assert!(since.elapsed() < Duration::from_secs(20), "nothing was left out");
        thread::sleep(Duration::from_millis(200));
    }
    thread::sleep(Duration::from_secs(11));
    std::fs::write(desk.path("nginx/access.log"), "").expect("an empty log");
    let before = reported(&desk.read("exchanges.jsonl"));
    traffic(&net, 2, 200);
    let (code, said) = sensor.end();
    drop(server);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("the machine falls behind") && said.contains("everything is inspected again"), "{said}");
    assert!(!said.contains("do not add up") && said.contains("bodies_shed"), "{said}");
    let after = reported(&desk.read("exchanges.jsonl"));
    for (request, count) in logged(&desk) {
        let before = before.get(&request).copied().unwrap_or(0);
        assert_eq!(after.get(&request).copied().unwrap_or(0) - before, count, "{request}");
    }
}

#[test]
fn what_was_captured_before_the_end_is_reported_and_recorded() {
    let Some(net) = Net::up("mirror") else { return };
    let desk = Desk::new();
    let server = net.server(&desk);
    desk.write("sensor.toml", WHOLE);
    let arguments = [
        "-i",
        "mon0",
        "--config",
        "sensor.toml",
        "--write",
        "kept",
        "--state",
        "state",
        "--exchanges-out",
        "exchanges.jsonl",
    ];
    let sensor = net.sensor(&desk, &arguments);
    let (code, said) = thread::scope(|scope| {
        let load = scope.spawn(|| traffic(&net, 2, 8_000));
        thread::sleep(Duration::from_millis(800));
        let ended = sensor.end();
        load.join().expect("the load");
        ended
    });
    drop(server);
    assert_eq!(code, Some(0), "{said}");
    let live = reported(&desk.read("exchanges.jsonl"));
    let count = live.values().sum::<u64>();
    assert!(count > 100, "{count}");
    let out = desk.path("replayed.jsonl").display().to_string();
    assert_eq!(desk.replay(&captures(&desk.path("kept")), &["--exchanges-out", &out]).code, Some(0));
    assert_eq!(reported(&desk.read("replayed.jsonl")), live);
    let rows = desk.spyhop(&["ledger", "rows", "--state", "state"]);
    assert_eq!(rows.stdout.iter().filter(|byte| **byte == b'\n').count() as u64, count, "{}", rows.stderr);
}

/// What the kernel says of each thread of a process.
fn threads(process: u32) -> Vec<(String, String)> {
    let folder = std::fs::read_dir(format!("/proc/{process}/task")).expect("a process");
    let status = |path: PathBuf| std::fs::read_to_string(path.join("status")).unwrap_or_default();
    let of = |text: &str, field: &str| {
        text.lines().find_map(|line| line.strip_prefix(field)).unwrap_or_default().trim().to_owned()
    };
    let statuses = folder.map(|entry| status(entry.expect("a thread").path()));
    statuses
        .map(|text| {
            let fields = ["Uid:", "CapEff:", "CapPrm:", "NoNewPrivs:", "Seccomp:"].map(|field| of(&text, field));
            (of(&text, "Name:"), fields.join(" "))
        })
        .collect()
}

/// What a sensor answers by its local socket.
fn asked(desk: &Desk, path: &str) -> String {
    let ran = Command::new("curl")
        .args(["-s", "--unix-socket"])
        .arg(desk.path("state/socket"))
        .arg(format!("http://sensor{path}"))
        .output()
        .expect("curl");
    String::from_utf8(ran.stdout).expect("text")
}

#[test]
fn one_thread_alone_may_open_interfaces_and_all_run_as_the_user() {
    let Some(net) = Net::up("mirror") else { return };
    let desk = Desk::new();
    let server = net.server(&desk);
    let config = "[general]\nuser = \"nobody\"\nkey_file = \"key\"\n";
    desk.write("sensor.toml", config.as_bytes());
    // Everything that it writes has to be its own.
    let owned = Command::new("chown").args(["-R", "nobody"]).arg(desk.path("")).status();
    assert!(owned.expect("chown").success());
    let arguments = ["-i", "mon0", "--config", "sensor.toml", "--state", "state", "--exchanges-out", "exchanges.jsonl"];
    let sensor = net.sensor(&desk, &arguments);
    traffic(&net, 1, 20);
    let nobody = "65534\t65534\t65534\t65534";
    for (name, status) in threads(sensor.child.id()) {
        let capabilities = if name == "spyhop-open" { "0000000000002000" } else { "0000000000000000" };
        let seccomp = if name == "spyhop-open" { "0" } else { "2" };
        assert_eq!(status, format!("{nobody} {capabilities} {capabilities} 1 {seccomp}"), "{name}");
    }
    // The one thread is enough for an interface to come back.
    assert_eq!(net.ports("again", ""), "");
    thread::sleep(Duration::from_secs(3));
    traffic(&net, 1, 20);
    thread::sleep(Duration::from_millis(700));
    let metrics = asked(&desk, "/metrics");
    assert!(metrics.contains("spyhop_interface_up{interface=\"mon0\"} 1.0"), "{metrics}");
    let (code, said) = sensor.end();
    assert_eq!(code, Some(0), "{said}");
    drop(server);
    // Twice the same: 20 items, 40 pages, a login.
    assert_eq!(reported(&desk.read("exchanges.jsonl")).len(), 20 + 40 + 1);
}

#[test]
fn settings_of_detectors_change_under_load_and_nothing_is_lost() {
    let Some(net) = Net::up("mirror") else { return };
    let desk = Desk::new();
    let server = net.server(&desk);
    std::fs::write(desk.path("nginx/access.log"), "").expect("an empty log");
    desk.write("sensor.toml", b"[detect]\noff = [\"auth.weak_password\"]\n");
    let arguments = ["-i", "mon0", "--config", "sensor.toml", "--state", "state", "--exchanges-out", "exchanges.jsonl"];
    let sensor = net.sensor(&desk, &[&arguments[..], &["--findings-out", "findings.jsonl"]].concat());
    let second = net
        .command("sensor", env!("CARGO_BIN_EXE_spyhop"))
        .args(["run", "-i", "mon0", "--state", "state"])
        .current_dir(desk.path(""))
        .output()
        .expect("the program starts");
    assert_eq!(second.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&second.stderr).contains("in use by another spyhop"));
    thread::scope(|scope| {
        let load = scope.spawn(|| traffic(&net, 3, 6_000));
        thread::sleep(Duration::from_millis(300));
        for text in ["[detect]\noff = 3\n", "[pipeline]\nworkers = 2\n", "[detect]\noff = [\"access.crawler\"]\n"] {
            desk.write("sensor.toml", text.as_bytes());
            sensor.signal("HUP");
            thread::sleep(Duration::from_millis(700));
        }
        load.join().expect("the load");
    });
    traffic(&net, 1, 10);
    thread::sleep(Duration::from_millis(700));
    let metrics = asked(&desk, "/metrics");
    let logged = logged(&desk);
    let exchanges = format!("spyhop_exchanges_total {}.0", logged.values().sum::<u64>());
    assert!(metrics.contains(&exchanges), "no {exchanges} in {metrics}");
    assert_eq!(asked(&desk, "/healthz"), "alive\n");
    let (code, said) = sensor.end();
    drop(server);
    assert_eq!(code, Some(0), "{said}");
    for part in ["stays as it was", "[pipeline] was changed", "in force as changed: [detect]"] {
        assert!(said.contains(part), "no '{part}' in {said}");
    }
    assert_eq!(reported(&desk.read("exchanges.jsonl")), logged);
    let findings = String::from_utf8(desk.read("findings.jsonl")).expect("text");
    // Both logins were weak: the first was not looked at, the second was.
    let weak = findings.lines().filter(|line| line.contains("auth.weak_password")).count();
    assert!(weak >= 1 && findings.contains("data.unmasked"), "{findings}");
    assert!(!desk.path("state/socket").exists());
}

#[test]
fn findings_come_soon_after_their_packets() {
    let Some(net) = Net::up("mirror") else { return };
    let desk = Desk::new();
    let server = net.server(&desk);
    let sensor = net.sensor(&desk, &["-i", "mon0", "--state", "state", "--findings-out", "findings.jsonl"]);
    // Each account's first weak password is a finding.
    let logins = (0..300).map(|n| {
        let body = format!(r#"{{\"username\":\"user{n}\",\"password\":\"123456\"}}"#);
        format!("url = http://10.9.0.2/login\noutput = /dev/null\nheader = \"Content-Type: application/json\"\ndata = \"{body}\"\n")
    });
    let script = desk.write("logins", logins.collect::<Vec<_>>().join("next\n").as_bytes());
    thread::scope(|scope| {
        scope.spawn(|| traffic(&net, 2, 3_000));
        assert_eq!(net.curl(&["-K", &script.display().to_string()]), 0);
    });
    thread::sleep(Duration::from_millis(800));
    let metrics = asked(&desk, "/metrics");
    let (code, said) = sensor.end();
    drop(server);
    assert_eq!(code, Some(0), "{said}");
    let up_to = |bound: &str| {
        let line = format!("spyhop_finding_delay_seconds_bucket{{le=\"{bound}\"}} ");
        let count = metrics.lines().find_map(|text| text.strip_prefix(line.as_str()));
        count.unwrap_or_else(|| panic!("no {line} in {metrics}")).parse::<u64>().expect("a number")
    };
    let all = up_to("+Inf");
    assert!(all >= 100, "{all} findings");
    eprintln!(
        "delays of {all} changes: {} within 20 ms, {} within 50 ms, {} within 100 ms, {} within 500 ms",
        up_to("0.02"),
        up_to("0.05"),
        up_to("0.1"),
        up_to("0.5")
    );
    assert!(up_to("0.1") * 2 > all && up_to("0.5") * 100 >= all * 99, "{metrics}");
}
