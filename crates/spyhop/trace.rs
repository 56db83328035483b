//! `spyhop trace`: who obtained values; what somebody had to do with.

use std::collections::BTreeSet;
use std::io::{IsTerminal, Read};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use clap::{Args, ColorChoice, ValueEnum, ValueHint};
use spyhop_inspect::content;
use spyhop_inspect::types::CustomTypes;
use spyhop_ledger::{Question, Sought};
use spyhop_model::{Key, Lang};

use crate::cli::{self, exit};
use crate::ledger::{Desk, LedgerPlace, When, failed};
use crate::pretty;
use crate::session::{self, Failure};

const TRACE_AFTER: &str = "\
Examples:
  spyhop trace --values leaked.txt --state /var/lib/spyhop
  spyhop trace --values - --from 2026-11-01 --format json < leaked.txt
  spyhop trace --account alice --from 2026-11-20 --to 2026-11-20 --lang zh";

/// `spyhop trace`.
#[derive(Args, Clone, Debug)]
#[command(after_help = TRACE_AFTER)]
pub struct Trace {
    /// A file with a value on each line; `-` is standard input.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub values: Option<PathBuf>,

    /// An account, as findings and records show it.
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,

    /// A client's address.
    #[arg(long, value_name = "IP")]
    pub client: Option<IpAddr>,

    /// An endpoint, as in "GET shop.example/orders/{id}".
    #[arg(long, value_name = "ENDPOINT")]
    pub endpoint: Option<String>,

    /// A session, by the 16 hexadecimal digits that records show.
    #[arg(long, value_name = "SESSION")]
    pub session: Option<String>,

    /// When.
    #[command(flatten)]
    pub when: When,

    /// How it is told.
    #[arg(long, value_enum, default_value_t = TraceFormat::Tree)]
    pub format: TraceFormat,

    /// The language.
    #[arg(long, value_parser = cli::lang(), default_value = "en")]
    pub lang: Lang,

    /// The ledger.
    #[command(flatten)]
    pub place: LedgerPlace,
}

/// How a trace is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum TraceFormat {
    /// For people.
    #[default]
    Tree,
    /// One JSON object.
    Json,
}

/// Octets of values that are read.
const LARGEST: u64 = 256 << 20;

/// Traces, and returns the exit code.
///
/// # Errors
/// What kept it from being done.
pub fn trace(command: &Trace, color: ColorChoice) -> Result<u8, Failure> {
    if command.values.is_none()
        && command.account.is_none()
        && command.client.is_none()
        && command.endpoint.is_none()
        && command.session.is_none()
    {
        return Err(Failure::usage(
            "nothing to trace: give --values FILE, --account, --client, --endpoint or --session",
        ));
    }
    let desk = Desk::open(&command.place)?;
    let session = command.session.as_deref().map(|text| {
        u64::from_str_radix(text, 16)
            .ok()
            .filter(|_| text.len() == 16)
            .ok_or_else(|| Failure::usage("--session: write the 16 hexadecimal digits that records show"))
    });
    let (custom, _) = session::types(&desk.config)?;
    let values = command.values.as_deref().map(|path| sought(path, &desk.key, &custom)).transpose()?;
    let question = Question {
        values: values.unwrap_or_default(),
        account: command.account.clone(),
        client: command.client.map(|ip| ip.to_string()),
        endpoint: command.endpoint.clone(),
        session: session.transpose()?,
        window: command.when.window(desk.zone)?,
    };
    let mut library = desk.library()?;
    let answer = spyhop_ledger::trace(&mut library, &desk.key, &question).map_err(failed)?;
    let text = match command.format {
        TraceFormat::Tree => {
            let style = session::style(&desk.config, command.lang, color, std::io::stdout().is_terminal())?;
            pretty::trace(&answer, &style)
        }
        TraceFormat::Json => {
            serde_json::to_string_pretty(&answer).map_err(|wrong| Failure::failed(wrong.to_string()))? + "\n"
        }
    };
    match session::print(&text) {
        Ok(()) | Err(spyhop_publish::SinkError::Closed) => Ok(exit::DONE),
        Err(wrong) => Err(Failure::failed(wrong.to_string())),
    }
}

/// The fingerprints of the values in a file; the values themselves are forgotten here.
fn sought(path: &Path, key: &Key, custom: &CustomTypes) -> Result<Vec<Sought>, Failure> {
    let name = if path == Path::new("-") { "standard input".to_owned() } else { path.display().to_string() };
    let told = |wrong: &dyn std::fmt::Display| Failure::failed(format!("{name}: {wrong}"));
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        std::io::stdin().lock().take(LARGEST + 1).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes))
    };
    read.map_err(|wrong| told(&wrong))?;
    if bytes.len() as u64 > LARGEST {
        return Err(told(&format_args!("more than {} MiB of values; trace them in parts", LARGEST >> 20)));
    }
    let text = String::from_utf8(bytes).map_err(|_| told(&"this is no UTF-8; write one value a line in UTF-8"))?;
    // A byte-order mark stands before the first value where a spreadsheet wrote the file.
    let lines = text.trim_start_matches('\u{feff}').lines().map(str::trim).filter(|line| !line.is_empty());
    let values: BTreeSet<&str> = lines.collect();
    if values.is_empty() {
        return Err(told(&"there is no value in it; write one a line"));
    }
    Ok(values
        .into_iter()
        .map(|value| Sought {
            full: content::fingerprints(key, custom, value),
            masked: content::masked_fingerprints(key, value),
        })
        .collect())
}
