//! What the tests of the binary share.

use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// A folder of its own for a test, with a fixed key in it; it goes away with the test.
pub struct Desk {
    folder: tempfile::TempDir,
}

/// How a run of the binary ended.
#[derive(Clone, Debug, Default)]
pub struct Ran {
    /// Exit code; none after a signal.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: String,
}

impl Desk {
    /// A folder with a key of 32 octets of one.
    pub fn new() -> Desk {
        let desk = Desk { folder: tempfile::tempdir().expect("a temporary folder") };
        let key = OpenOptions::new().create_new(true).write(true).mode(0o600).open(desk.key());
        let written = key.and_then(|mut file| writeln!(file, "{}", "01".repeat(32)));
        written.expect("a key file");
        desk
    }

    /// Of a file in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn key(&self) -> PathBuf {
        self.path("key")
    }

    /// Writes a file and returns its path.
    pub fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, bytes).expect("a file in the temporary folder");
        path
    }

    /// What a run left in a file.
    pub fn read(&self, name: &str) -> Vec<u8> {
        let path = self.path(name);
        std::fs::read(&path).unwrap_or_else(|wrong| panic!("{}: {wrong}", path.display()))
    }

    /// Replays captures with the fixed key and no other configuration than what stands in the folder.
    pub fn replay<P, A>(&self, inputs: &[P], options: &[A]) -> Ran
    where
        P: AsRef<OsStr>,
        A: AsRef<OsStr>,
    {
        let mut command = Command::new(env!("CARGO_BIN_EXE_spyhop"));
        command.arg("replay").args(inputs).arg("--key-file").arg(self.key()).args(["--color", "never", "-q"]);
        run(command.args(options).current_dir(self.folder.path()))
    }
}

impl Desk {
    /// Any command, with the fixed key.
    pub fn spyhop(&self, arguments: &[&str]) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_spyhop"));
        run(command.args(arguments).arg("--key-file").arg(self.key()).current_dir(self.folder.path()))
    }
}

impl Ran {
    /// Asserts exit code 0.
    #[track_caller]
    pub fn good(self) -> Ran {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        self
    }
}

/// Runs a command to its end.
pub fn run(command: &mut Command) -> Ran {
    let output = command.output().expect("the binary starts");
    Ran {
        code: output.status.code(),
        stdout: output.stdout,
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Every line as JSON.
#[track_caller]
pub fn json_lines(bytes: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(bytes).expect("JSON lines are UTF-8");
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|wrong| panic!("{wrong}: {line}"))).collect()
}

/// The text of a field, empty where there is none.
pub fn text<'a>(record: &'a Value, field: &str) -> &'a str {
    record.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// The kinds of finding that the binary knows.
pub fn kinds() -> Vec<String> {
    let ran = run(Command::new(env!("CARGO_BIN_EXE_spyhop")).args(["kinds", "--color", "never"])).good();
    let listed = String::from_utf8_lossy(&ran.stdout).into_owned();
    let kinds: Vec<String> =
        listed.lines().filter_map(|line| line.split_whitespace().nth(1)).map(str::to_owned).collect();
    assert!(kinds.iter().all(|kind| kind.contains('.')) && kinds.len() > 5, "{listed}");
    kinds
}

/// The captures of this repository: each folder of `pcaps` with an `input.pcap`.
pub fn cases() -> Vec<PathBuf> {
    let pcaps = Path::new(env!("CARGO_MANIFEST_DIR")).join("pcaps");
    let folders = std::fs::read_dir(&pcaps).unwrap_or_else(|wrong| panic!("{}: {wrong}", pcaps.display()));
    let mut cases: Vec<PathBuf> = folders
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|folder| folder.join("input.pcap").is_file())
        .collect();
    cases.sort();
    assert!(!cases.is_empty(), "no case in {}", pcaps.display());
    cases
}
