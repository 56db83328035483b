//! The program as its user meets it: arguments in, text, files and exit codes out.

mod errors;
mod live;
mod outputs;
mod signals;
mod state;

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
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

    /// Starts the program, with all three streams piped.
    pub fn start(&self, arguments: &[&str]) -> Child {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("the program starts")
    }

    /// Starts the program with both outputs in files, `out` and `err`.
    pub fn start_to_files(&self, arguments: &[&str]) -> Child {
        let file = |name| fs::File::create(self.path(name)).expect("a file");
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(file("out")).stderr(file("err"));
        command.spawn().expect("the program starts")
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

/// Waits for the end of a program, and ends it when that takes too long.
#[track_caller]
pub fn wait(child: &mut Child) -> ExitStatus {
    let until = Instant::now() + LONG;
    loop {
        match child.try_wait().expect("a child of ours") {
            Some(status) => return status,
            None if Instant::now() < until => std::thread::sleep(Duration::from_millis(20)),
            None => {
                let _ = child.kill();
                panic!("the program did not end");
            }
        }
    }
}

/// Sends a signal by its short name, as `INT`.
pub fn signal(child: &Child, name: &str) {
    let line = format!("kill -{name} {}", child.id());
    assert!(Command::new("sh").args(["-c", &line]).status().expect("a shell").success(), "{line}");
}

/// The demo's octets.
pub fn demo() -> Vec<u8> {
    fs::read(Path::new(DEMO)).expect("the demo capture")
}
