//! The program as its user meets it: arguments in, text, files and exit codes out.

mod errors;
mod inventory;
mod live;
mod outputs;
mod signals;
mod state;

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// A capture that ships with the program, with findings of every family.
pub const DEMO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/pcaps/demo/input.pcap");

/// Longer than anything here takes on a machine that is busy with other things.
pub const LONG: Duration = Duration::from_secs(60);

/// What a run gave.
pub struct Ran {
    /// The exit code; -1 if a signal ended it.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Ran {
    fn of(output: Output) -> Ran {
        let text = |bytes| String::from_utf8(bytes).expect("the program writes UTF-8");
        Ran { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Asserts the exit code.
    #[track_caller]
    pub fn code(self, code: i32) -> Ran {
        assert_eq!(self.code, code, "standard error:\n{}", self.err);
        self
    }

    /// Asserts that standard error says each of these.
    #[track_caller]
    pub fn says(self, what: &[&str]) -> Ran {
        for what in what {
            assert!(self.err.contains(what), "`{what}` is not in:\n{}", self.err);
        }
        self
    }

    /// Standard output as JSON lines.
    #[track_caller]
    pub fn lines(&self) -> Vec<Value> {
        json_lines(&self.out)
    }

    /// The number before a word in the summary, as in `241 exchanges`.
    #[track_caller]
    pub fn number(&self, of: &str) -> u64 {
        let words: Vec<&str> = self.err.split_whitespace().collect();
        let at = words.iter().position(|word| word.trim_end_matches(',') == of);
        let number = at.and_then(|at| at.checked_sub(1)).and_then(|at| words[at].replace(',', "").parse().ok());
        number.unwrap_or_else(|| panic!("no number of {of} in:\n{}", self.err))
    }
}

/// A folder to work in. The empty `sensor.toml` in it keeps away what a machine may have in `/etc/spyhop`.
pub struct Place(TempDir);

impl Place {
    /// A fresh one.
    pub fn new() -> Place {
        let place = Place(tempfile::tempdir().expect("a folder"));
        place.file("sensor.toml", "");
        place
    }

    /// Where a file of this name stands.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).expect("a file");
    }

    /// A file's content.
    #[track_caller]
    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).expect(name)
    }

    /// A file of JSON lines.
    #[track_caller]
    pub fn lines(&self, name: &str) -> Vec<Value> {
        json_lines(&self.read(name))
    }

    /// A file with a key, the same one for the same digit; for findings that are to be equal.
    pub fn key(&self, name: &str, digit: char) {
        let file = fs::OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(self.path(name));
        writeln!(file.expect("a key file"), "{}", digit.to_string().repeat(64)).expect("a key");
    }

    /// The program, in this folder.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_spyhop"));
        command.current_dir(self.0.path()).args(arguments).stdin(Stdio::null());
        command
    }

    /// Runs the program to its end.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.command(arguments).output().expect("the program starts"))
    }

    /// Starts the program with a pipe to it, and both outputs in files, `out` and `err`.
    pub fn start(&self, arguments: &[&str]) -> Running {
        let file = |name| fs::File::create(self.path(name)).expect("a file");
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(file("out")).stderr(file("err"));
        Running(command.spawn().expect("the program starts"))
    }
}

/// A program that runs; it does not outlive its test.
pub struct Running(Child);

impl Running {
    /// Its standard input.
    pub fn pipe(&mut self) -> ChildStdin {
        self.0.stdin.take().expect("a pipe, taken once")
    }

    /// Sends a signal by its short name, as `INT`.
    pub fn signal(&self, name: &str) {
        let line = format!("kill -{name} {}", self.0.id());
        assert!(Command::new("sh").args(["-c", &line]).status().expect("a shell").success(), "{line}");
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.0.try_wait().expect("a child of ours").is_some()
    }

    /// Waits for its end; the exit code, -1 if a signal ended it.
    #[track_caller]
    pub fn code(&mut self) -> i32 {
        wait_until("the program ends", || self.has_ended());
        self.0.wait().expect("a child of ours").code().unwrap_or(-1)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Every line as JSON.
#[track_caller]
pub fn json_lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|wrong| panic!("{wrong}: {line}"))).collect()
}

/// The kinds of findings.
pub fn kinds(findings: &[Value]) -> BTreeSet<&str> {
    findings.iter().filter_map(|finding| finding["kind"].as_str()).collect()
}

/// Waits until something is so; `what` says what for.
#[track_caller]
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + LONG;
    while !is_so() {
        assert!(Instant::now() < until, "waited too long: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The demo's octets.
pub fn demo() -> Vec<u8> {
    fs::read(Path::new(DEMO)).expect("the demo capture")
}
