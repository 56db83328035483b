//! `spyhop ledger`: the durable record, shown, verified, copied and tidied.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum, ValueHint};
use spyhop_ledger::chain::Link;
use spyhop_ledger::{Kept, Ledger, LedgerError, LedgerSettings, Library, views};
use spyhop_model::Key;

use crate::cli::exit;
use crate::pretty::{Zone, grouped};
use crate::session::{self, Failure};
use crate::settings::{Config, General};

/// `spyhop ledger`.
#[derive(Clone, Debug, Subcommand)]
pub enum LedgerCommand {
    /// Say how much is recorded, of which time, and where publishers are.
    Status(LedgerPlace),
    /// Prove that nothing was altered or removed; exits with 3 if something was.
    ///
    /// Every file is read and compared with the chain, which is sealed with the sensor's key. Note the last seal elsewhere, and give
    /// it later with --seal: then a ledger that was cut off at its end is found out, too.
    #[command(after_help = "Example:\n  spyhop ledger verify --state /var/lib/spyhop --seal 9d1c…")]
    Verify {
        /// A seal noted before, which must be in the chain.
        #[arg(long, value_name = "HEX")]
        seal: Option<String>,
        /// The ledger.
        #[command(flatten)]
        place: LedgerPlace,
    },
    /// Print calls, or changes of findings, as JSON lines.
    #[command(
        after_help = "Example:\n  spyhop ledger rows --from 2026-11-20 --state /var/lib/spyhop | jq .account_name"
    )]
    Rows {
        /// Which.
        #[arg(value_enum, default_value_t = Rows::Calls)]
        what: Rows,
        /// When.
        #[command(flatten)]
        when: When,
        /// The ledger.
        #[command(flatten)]
        place: LedgerPlace,
    },
    /// Copy the files that touch a time into a directory, with the chain that proves them.
    Export {
        /// The directory; it is made.
        #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
        folder: PathBuf,
        /// When.
        #[command(flatten)]
        when: When,
        /// The ledger.
        #[command(flatten)]
        place: LedgerPlace,
    },
    /// Close what a killed sensor left, merge keys, remove what is older than is kept. A running sensor does so itself.
    Compact(LedgerPlace),
    /// Print views for DuckDB, by which SQL asks for calls, findings and keys.
    #[command(
        after_help = "Example:\n  spyhop ledger views --state /var/lib/spyhop > views.sql && duckdb -init views.sql"
    )]
    Views(LedgerPlace),
}

/// What is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Rows {
    /// Calls.
    #[default]
    Calls,
    /// Changes of findings.
    Findings,
}

/// Which ledger.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Set-up")]
pub struct LedgerPlace {
    /// The configuration. Default: ./sensor.toml, else /etc/spyhop/sensor.toml, else built-in defaults.
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,

    /// The sensor's state directory, in which the ledger is unless [ledger] names another.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub state: Option<PathBuf>,

    /// The sensor's key, where it is not in the state directory.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub key_file: Option<PathBuf>,
}

/// A time.
#[derive(Args, Clone, Debug, Default)]
pub struct When {
    /// From here: a date, a date with a time, or RFC 3339.
    #[arg(long, value_name = "TIME")]
    pub from: Option<String>,
    /// Up to here; of a date, to its end.
    #[arg(long, value_name = "TIME")]
    pub to: Option<String>,
}

impl When {
    /// As a window.
    ///
    /// # Errors
    /// One is no time.
    pub fn window(&self, zone: Zone) -> Result<spyhop_ledger::Window, Failure> {
        let mut window = spyhop_ledger::Window::default();
        if let Some(from) = &self.from {
            window.from = zone.instant(from, false).map_err(|wrong| Failure::usage(format!("--from: {wrong}")))?;
        }
        if let Some(to) = &self.to {
            window.to = zone.instant(to, true).map_err(|wrong| Failure::usage(format!("--to: {wrong}")))?;
        }
        Ok(window)
    }
}

/// A ledger that a command looks at.
pub struct Desk {
    /// The configuration.
    pub config: Config,
    /// Its directory.
    pub folder: PathBuf,
    /// The key it was written with.
    pub key: Key,
    /// The zone of times without one.
    pub zone: Zone,
    settings: LedgerSettings,
    sensor: String,
}

impl Desk {
    /// Finds it.
    ///
    /// # Errors
    /// None is named, or its key is not there.
    pub fn open(place: &LedgerPlace) -> Result<Desk, Failure> {
        let config = session::config(place.config.as_deref())?;
        let general: General = config.section("general");
        let settings: LedgerSettings = config.section("ledger");
        let configured = || (!general.state.is_empty()).then(|| PathBuf::from(&general.state));
        let state = place.state.clone().or_else(configured);
        let Some(folder) = session::ledger_folder(&settings, state.as_deref()) else {
            return Err(Failure::usage(
                "no ledger is named: give --state DIR, or set `state` in [general] or `directory` in [ledger] of sensor.toml",
            ));
        };
        let Some(key_file) = session::key_file(place.key_file.as_deref(), &general, state.as_deref()) else {
            return Err(Failure::usage("the ledger's key is not named: give --key-file FILE"));
        };
        if !key_file.exists() {
            return Err(Failure::failed(format!(
                "{}: there is no key; give the one that the sensor uses",
                key_file.display()
            )));
        }
        let (key, _) = crate::key::key(&key_file).map_err(Failure::failed)?;
        let zone = Zone::named(&general.timezone).map_err(Failure::usage)?;
        Ok(Desk { config, folder, key, zone, settings, sensor: general.id })
    }

    /// For reading.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn library(&self) -> Result<Library, Failure> {
        Library::open(&self.folder, &self.key).map_err(failed)
    }
}

/// As a failure of the command.
pub fn failed(wrong: LedgerError) -> Failure {
    Failure::failed(wrong.to_string())
}

/// Runs the command, and returns the exit code.
///
/// # Errors
/// What kept it from being done.
pub fn ledger(command: &LedgerCommand) -> Result<u8, Failure> {
    let (text, code) = match command {
        LedgerCommand::Status(place) => (status(&Desk::open(place)?)?, exit::DONE),
        LedgerCommand::Verify { seal, place } => verify(&Desk::open(place)?, seal.as_deref())?,
        LedgerCommand::Rows { what, when, place } => return rows(&Desk::open(place)?, *what, when),
        LedgerCommand::Export { folder, when, place } => (export(&Desk::open(place)?, folder, when)?, exit::DONE),
        LedgerCommand::Compact(place) => (compact(&Desk::open(place)?)?, exit::DONE),
        LedgerCommand::Views(place) => (views(&Desk::open(place)?.folder), exit::DONE),
    };
    match session::print(&text) {
        Ok(()) | Err(spyhop_publish::SinkError::Closed) => Ok(code),
        Err(wrong) => Err(Failure::failed(wrong.to_string())),
    }
}

fn status(desk: &Desk) -> Result<String, Failure> {
    let library = desk.library()?;
    let verdict = |part: &str| {
        let files = library.pieces().iter().filter(|piece| piece.file.starts_with(part));
        files.fold((0u64, 0u64, 0u64), |(n, rows, bytes), piece| (n + 1, rows + piece.rows, bytes + piece.bytes))
    };
    let mut out = String::new();
    let _ = writeln!(out, "{}", desk.folder.display());
    let _ = writeln!(out, "{:<10} {:>9} {:>16} {:>12}", "", "files", "rows", "bytes");
    for part in ["events", "findings", "keys"] {
        let (files, rows, bytes) = verdict(&format!("{part}/"));
        let _ = writeln!(out, "{part:<10} {:>9} {:>16} {:>12}", grouped(files), grouped(rows), grouped(bytes));
    }
    let (_, open) = library.rows();
    let _ = writeln!(out, "{:<10} {:>9} {:>16}", "open", "", grouped(open));
    let calls = || library.pieces().iter().filter(|piece| piece.file.starts_with("events/"));
    if let (Some(from), Some(to)) = (calls().map(|piece| piece.from).min(), calls().map(|piece| piece.to).max()) {
        let _ = writeln!(out, "from {} to {}", desk.zone.told(from), desk.zone.told(to));
    }
    for (name, place) in spyhop_ledger::publishers(&desk.folder) {
        let _ = writeln!(out, "publisher {name}: findings up to log {}, frame {}", place.log, place.frames);
    }
    let _ = writeln!(out, "key {}", desk.key.id());
    Ok(out)
}

fn verify(desk: &Desk, seal: Option<&str>) -> Result<(String, u8), Failure> {
    let noted = seal.map(|text| {
        text.trim()
            .parse::<Link>()
            .map_err(|()| Failure::usage("--seal: write the 64 hexadecimal digits that `verify` printed"))
    });
    let verdict = spyhop_ledger::verify(&desk.folder, &desk.key, noted.transpose()?).map_err(failed)?;
    let mut out = String::new();
    for wrong in &verdict.wrong {
        let _ = writeln!(out, "WRONG  {wrong}");
    }
    let _ = writeln!(
        out,
        "{} lines, {} files with {} rows and {} bytes, {} frames in open logs: {}",
        grouped(verdict.lines),
        grouped(verdict.files),
        grouped(verdict.rows),
        grouped(verdict.bytes),
        grouped(verdict.frames),
        if verdict.wrong.is_empty() { "as they were written" } else { "what else there is, is as it was written" }
    );
    if verdict.lost > 0 {
        let _ = writeln!(out, "{} calls were not recorded, because the disk was full", grouped(verdict.lost));
    }
    let _ = writeln!(out, "seal {}", verdict.seal);
    Ok((out, if verdict.wrong.is_empty() { exit::DONE } else { exit::FOUND }))
}

fn rows(desk: &Desk, what: Rows, when: &When) -> Result<u8, Failure> {
    let what = match what {
        Rows::Calls => Kept::Calls,
        Rows::Findings => Kept::Findings,
    };
    let library = desk.library()?;
    let mut out = BufWriter::new(std::io::stdout().lock());
    let told = library.lines(what, when.window(desk.zone)?, &mut out).and_then(|_| out.flush());
    match told {
        Ok(()) => Ok(exit::DONE),
        Err(closed) if closed.kind() == std::io::ErrorKind::BrokenPipe => Ok(exit::DONE),
        Err(wrong) => Err(Failure::failed(format!("{}: {wrong}", desk.folder.display()))),
    }
}

fn export(desk: &Desk, to: &Path, when: &When) -> Result<String, Failure> {
    let window = when.window(desk.zone)?;
    let library = desk.library()?;
    let failed = |path: &Path, wrong: &std::io::Error| Failure::failed(format!("{}: {wrong}", path.display()));
    let (mut files, mut bytes) = (0, 0);
    for piece in library.pieces().iter().filter(|piece| piece.to >= window.from && piece.from <= window.to) {
        let (from, to) = (desk.folder.join(&piece.file), to.join(&piece.file));
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent).map_err(|wrong| failed(parent, &wrong))?;
        }
        fs::copy(&from, &to).map_err(|wrong| failed(&to, &wrong))?;
        (files, bytes) = (files + 1, bytes + piece.bytes);
    }
    fs::create_dir_all(to).map_err(|wrong| failed(to, &wrong))?;
    let chain = desk.folder.join(spyhop_ledger::chain::FILE);
    if chain.exists() {
        fs::copy(&chain, to.join(spyhop_ledger::chain::FILE)).map_err(|wrong| failed(to, &wrong))?;
    }
    fs::write(to.join("views.sql"), views(Path::new("."))).map_err(|wrong| failed(to, &wrong))?;
    Ok(format!("{} files with {} bytes copied to {}\n", grouped(files), grouped(bytes), to.display()))
}

fn compact(desk: &Desk) -> Result<String, Failure> {
    let mut ledger = Ledger::open(&desk.folder, desk.settings.clone(), &desk.key, &desk.sensor).map_err(failed)?;
    ledger.finish().map_err(failed)?;
    let counts = ledger.health().counts();
    drop(ledger);
    let mut out = status(desk)?;
    if counts.torn > 0 {
        let _ =
            writeln!(out, "{} bytes of frames that were not written to their end were left out", grouped(counts.torn));
    }
    for log in &counts.altered {
        let _ = writeln!(out, "{log} was altered while no sensor wrote to it");
    }
    Ok(out)
}
