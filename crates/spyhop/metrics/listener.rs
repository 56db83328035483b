//! A listener for HTTP on a loopback address and on a Unix socket: one question a connection, one connection at a time.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::{MetricsSettings, Monitor};

/// Octets of a question that are read.
const QUESTION: usize = 4_096;
/// How long whoever asks may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where a running sensor is asked.
pub struct Listener {
    http: Option<(SocketAddr, TcpListener)>,
    local: Option<(PathBuf, UnixListener)>,
}

impl Listener {
    /// Binds what the settings name.
    ///
    /// # Errors
    /// A sentence: an address that is in use, a socket that cannot be made.
    pub fn bind(settings: &MetricsSettings, state: Option<&Path>) -> Result<Listener, String> {
        let http = match address(settings)? {
            None => None,
            Some(address) => {
                let failed = |wrong| format!("[metrics] listen = \"{address}\": {wrong}; name another port");
                let listener = TcpListener::bind(address).map_err(failed)?;
                Some((listener.local_addr().map_err(failed)?, listener))
            }
        };
        let local = match local_socket(settings, state) {
            None => None,
            Some(path) => {
                let failed = |wrong: io::Error| {
                    format!("{}: {wrong}; name another place with `socket` in [metrics]", path.display())
                };
                // Left behind by a sensor that was killed: the state directory's lock says that it does not run any more.
                if fs::symlink_metadata(&path).is_ok_and(|about| about.file_type().is_socket()) {
                    if UnixStream::connect(&path).is_ok() {
                        return Err(failed(io::ErrorKind::AddrInUse.into()));
                    }
                    fs::remove_file(&path).map_err(failed)?;
                }
                let listener = UnixListener::bind(&path).map_err(failed)?;
                fs::set_permissions(&path, fs::Permissions::from_mode(0o660)).map_err(failed)?;
                Some((path, listener))
            }
        };
        Ok(Listener { http, local })
    }

    /// The address of the HTTP listener.
    pub fn address(&self) -> Option<SocketAddr> {
        self.http.as_ref().map(|(address, _)| *address)
    }

    /// Answers from threads of its own, until the process ends. The socket goes away with what is returned.
    pub fn serve(self, monitor: &Arc<Monitor>) -> Served {
        if let Some((_, listener)) = self.http {
            let patient = |stream: &TcpStream| {
                stream.set_read_timeout(Some(PATIENCE)).and_then(|()| stream.set_write_timeout(Some(PATIENCE)))
            };
            let monitor = Arc::clone(monitor);
            let body = move || answer_all(listener.incoming(), patient, &monitor);
            let _ = thread::Builder::new().name("spyhop-http".into()).spawn(body);
        }
        let mut socket = None;
        if let Some((path, listener)) = self.local {
            socket = Some(path);
            let patient = |stream: &UnixStream| {
                stream.set_read_timeout(Some(PATIENCE)).and_then(|()| stream.set_write_timeout(Some(PATIENCE)))
            };
            let monitor = Arc::clone(monitor);
            let body = move || answer_all(listener.incoming(), patient, &monitor);
            let _ = thread::Builder::new().name("spyhop-socket".into()).spawn(body);
        }
        Served { socket }
    }
}

/// Removes the socket when the sensor ends.
pub struct Served {
    socket: Option<PathBuf>,
}

impl Drop for Served {
    fn drop(&mut self) {
        if let Some(path) = &self.socket {
            let _ = fs::remove_file(path);
        }
    }
}

/// Whether the settings can be used.
///
/// # Errors
/// A sentence.
pub fn usable(settings: &MetricsSettings) -> Result<(), String> {
    address(settings).map(|_| ())
}

/// The address of the HTTP listener; none where it is off.
///
/// # Errors
/// A sentence: it is no address of this host alone.
pub fn address(settings: &MetricsSettings) -> Result<Option<SocketAddr>, String> {
    if settings.listen.is_empty() {
        return Ok(None);
    }
    match settings.listen.parse::<SocketAddr>() {
        Ok(address) if address.ip().is_loopback() => Ok(Some(address)),
        Ok(address) => Err(format!(
            "`listen`: {} is not a loopback address, and nobody is asked for a password here; use 127.0.0.1 and a proxy in front of it",
            address.ip()
        )),
        Err(_) => {
            Err(format!("`listen`: \"{}\" is not an address and a port, such as \"127.0.0.1:9464\"", settings.listen))
        }
    }
}

/// Where the local socket is; none without a state directory.
pub fn local_socket(settings: &MetricsSettings, state: Option<&Path>) -> Option<PathBuf> {
    match settings.socket.as_str() {
        "" => state.map(|state| state.join("socket")),
        named => Some(PathBuf::from(named)),
    }
}

fn answer_all<S: Read + Write>(
    asked: impl Iterator<Item = io::Result<S>>,
    patient: impl Fn(&S) -> io::Result<()>,
    monitor: &Arc<Monitor>,
) {
    for stream in asked {
        match stream {
            Ok(stream) => {
                if patient(&stream).is_ok() {
                    answer(stream, monitor);
                }
            }
            // Out of descriptors, mostly: trying again at once would take a whole core.
            Err(_) => thread::sleep(PATIENCE),
        }
    }
}

fn answer(mut stream: impl Read + Write, monitor: &Arc<Monitor>) {
    let mut question = [0; QUESTION];
    let mut length = 0;
    let began = Instant::now();
    let path = loop {
        // One octet every second would otherwise keep everybody else waiting.
        if began.elapsed() > PATIENCE {
            return;
        }
        match stream.read(question.get_mut(length..).unwrap_or_default()) {
            Ok(0) | Err(_) => return,
            Ok(more) => length += more,
        }
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut request = httparse::Request::new(&mut headers);
        match request.parse(question.get(..length).unwrap_or_default()) {
            Ok(httparse::Status::Complete(_)) if request.method == Some("GET") => {
                break request.path.unwrap_or_default().split('?').next().unwrap_or_default().to_owned();
            }
            Ok(httparse::Status::Partial) if length < QUESTION => {}
            _ => return respond(&mut stream, "400 Bad Request", "text/plain", "only GET is answered\n"),
        }
    };
    match path.as_str() {
        "/metrics" => {
            respond(
                &mut stream,
                "200 OK",
                "application/openmetrics-text; version=1.0.0; charset=utf-8",
                &monitor.text(),
            );
        }
        "/healthz" if monitor.is_alive() => respond(&mut stream, "200 OK", "text/plain; charset=utf-8", "alive\n"),
        "/readyz" | "/healthz" => {
            let wrong = monitor.troubles();
            let status = if wrong.is_empty() { "200 OK" } else { "503 Service Unavailable" };
            let text = if wrong.is_empty() { "ready\n".to_owned() } else { wrong.join("\n") + "\n" };
            respond(&mut stream, status, "text/plain; charset=utf-8", &text);
        }
        "/picture" => {
            let text = serde_json::to_string(&monitor.picture()).unwrap_or_default();
            respond(&mut stream, "200 OK", "application/json", &text);
        }
        _ => respond(&mut stream, "404 Not Found", "text/plain", "/metrics, /healthz, /readyz and /picture are here\n"),
    }
}

fn respond(stream: &mut impl Write, status: &str, kind: &str, body: &str) {
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    // Whoever asked may have gone.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
}

/// Asks a running sensor by its local socket.
///
/// # Errors
/// Nobody listens there, or what is answered is no answer.
pub fn ask(socket: &Path, path: &str) -> io::Result<String> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: spyhop\r\n\r\n").as_bytes())?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    match text.split_once("\r\n\r\n") {
        Some((head, body)) if head.starts_with("HTTP/1.1 200 ") => Ok(body.to_owned()),
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "no answer of a sensor")),
    }
}
