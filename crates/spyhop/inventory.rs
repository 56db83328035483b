//! `spyhop inventory`: hosts and endpoints, with what is known of them, from captures or from what a sensor has learnt.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::{Args, ColorChoice, ValueEnum, ValueHint};
use spyhop_capture::{Replay, Source};
use spyhop_identify::{EndpointEntry, Inventory, TypeSeen};
use spyhop_inspect::Knowledge;
use spyhop_model::Lang;

use crate::cli::{self, Setup, exit};
use crate::doctor::parts;
use crate::pipeline;
use crate::pretty;
use crate::session::{self, Failure};
use crate::settings::{Config, General};
use crate::state;

const INVENTORY_AFTER: &str = "\
Examples:
  spyhop inventory capture.pcap
  spyhop inventory --state /var/lib/spyhop --host shop.example --lang zh
  spyhop inventory --state /var/lib/spyhop --format csv > endpoints.csv";

/// `spyhop inventory`.
#[derive(Args, Clone, Debug)]
#[command(after_help = INVENTORY_AFTER)]
pub struct ListInventory {
    /// Captures (pcap, pcapng, either with gzip), or directories of them.
    #[arg(value_name = "FILE|DIR", value_hint = ValueHint::AnyPath, conflicts_with = "state")]
    pub inputs: Vec<PathBuf>,

    /// Only this host, with or without its port.
    #[arg(long, value_name = "HOST")]
    pub host: Option<String>,

    /// How it is told.
    #[arg(long, value_enum, default_value_t = InventoryFormat::Table)]
    pub format: InventoryFormat,

    /// The language.
    #[arg(long, value_parser = cli::lang(), default_value = "en")]
    pub lang: Lang,

    /// What to work with.
    #[command(flatten)]
    pub setup: Setup,
}

/// How an inventory is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum InventoryFormat {
    /// For people.
    #[default]
    Table,
    /// One JSON object.
    Json,
    /// Comma-separated values (RFC 4180), with a head.
    Csv,
}

/// Prints the inventory, and returns the exit code.
///
/// # Errors
/// What kept it from beginning, or from reading to the end.
pub fn inventory(command: &ListInventory, color: ColorChoice, stop: &Arc<AtomicBool>) -> Result<u8, Failure> {
    let config = session::config(command.setup.config.as_deref())?;
    let (mut inventory, code) = if command.inputs.is_empty() {
        (of_state(command, &config)?, exit::DONE)
    } else {
        of_captures(command, &config, stop)?
    };
    if let Some(host) = &command.host {
        inventory.hosts.retain(|known| is_host(&known.host, host));
    }
    let text = match command.format {
        InventoryFormat::Table => {
            let style = session::style(&config, command.lang, color, std::io::stdout().is_terminal())?;
            pretty::inventory(&inventory, &style)
        }
        InventoryFormat::Json => {
            serde_json::to_string_pretty(&inventory).map_err(|wrong| Failure::failed(wrong.to_string()))? + "\n"
        }
        InventoryFormat::Csv => csv(&inventory),
    };
    match session::print(&text) {
        Ok(()) | Err(spyhop_publish::SinkError::Closed) => Ok(code),
        Err(wrong) => Err(Failure::failed(wrong.to_string())),
    }
}

/// With or without its port, in any case.
fn is_host(known: &str, asked: &str) -> bool {
    let without_port = known.rsplit_once(':').map_or(known, |(host, _)| host);
    known.eq_ignore_ascii_case(asked) || without_port.eq_ignore_ascii_case(asked)
}

fn of_state(command: &ListInventory, config: &Config) -> Result<Inventory, Failure> {
    let general: General = config.section("general");
    let named = || (!general.state.is_empty()).then(|| PathBuf::from(&general.state));
    let Some(path) = command.setup.state.clone().or_else(named) else {
        return Err(Failure::usage(
            "nothing to list: give captures, or --state DIR, where a sensor keeps what it learnt",
        ));
    };
    state::inventory(&path).map_err(Failure::failed)
}

fn of_captures(command: &ListInventory, config: &Config, stop: &AtomicBool) -> Result<(Inventory, u8), Failure> {
    let replay = Replay::open(&command.inputs, session::replay_options(config, &command.setup))?;
    let mut source = Source::Replay(Box::new(replay));
    let key = crate::key::passing_key().map_err(Failure::failed)?;
    let (types, grading) = session::types(config)?;
    let knowledge = Knowledge::new(key.clone(), false).with_types(types).with_grading(grading);
    let parts = parts(config, &command.setup, key, knowledge)?;
    let outcome = pipeline::run(&mut source, parts, stop, &mut |_| {});
    let mut code = exit::DONE;
    if let Source::Replay(replay) = &source {
        for defect in replay.defects() {
            eprintln!("spyhop: {defect}");
            if !matches!(defect.fault, spyhop_capture::Fault::Truncated) {
                code = exit::FAILED;
            }
        }
    }
    Ok((outcome.identity.inventory(), code))
}

/// Columns of the CSV.
const COLUMNS: [&str; 25] = [
    "host",
    "method",
    "path",
    "operation",
    "nature",
    "grade",
    "confirmed",
    "first_seen",
    "last_seen",
    "calls",
    "statuses",
    "refused",
    "accounts",
    "addresses",
    "zones",
    "authenticated_percent",
    "credentials",
    "transports",
    "returned",
    "accepted",
    "max_records",
    "request_types",
    "response_types",
    "samples",
    "endpoint",
];

/// Comma-separated values (RFC 4180), in UTF-8, one line an endpoint.
fn csv(inventory: &Inventory) -> String {
    let mut out = COLUMNS.join(",") + "\r\n";
    for host in &inventory.hosts {
        for entry in &host.endpoints {
            let fields = fields(&host.host, entry);
            let fields: Vec<String> = fields.iter().map(|field| csv_field(field)).collect();
            out.push_str(&fields.join(","));
            out.push_str("\r\n");
        }
    }
    out
}

fn fields(host: &str, entry: &EndpointEntry) -> [String; COLUMNS.len()] {
    let set = |texts: &std::collections::BTreeSet<String>| texts.iter().cloned().collect::<Vec<_>>().join(" ");
    [
        host.to_owned(),
        entry.method.clone(),
        entry.path.clone(),
        entry.operation.clone().unwrap_or_default(),
        entry.nature.join(" "),
        entry.grade.map(|grade| format!("{grade:?}")).unwrap_or_default(),
        entry.confirmed.to_string(),
        entry.first_seen.to_string(),
        entry.last_seen.to_string(),
        entry.calls.to_string(),
        counts(&entry.statuses),
        entry.refused.to_string(),
        entry.accounts.to_string(),
        entry.addresses.to_string(),
        counts(&entry.zones),
        entry.authenticated_percent.to_string(),
        counts(&entry.credentials),
        counts(&entry.transports),
        types(&entry.returned),
        types(&entry.accepted),
        entry.max_records.to_string(),
        set(&entry.request_types),
        set(&entry.response_types),
        set(&entry.samples),
        entry.endpoint.clone(),
    ]
}

fn counts<K: AsRef<str>>(counts: &BTreeMap<K, u64>) -> String {
    counts.iter().map(|(name, count)| format!("{}:{count}", name.as_ref())).collect::<Vec<_>>().join(" ")
}

fn types(types: &BTreeMap<String, TypeSeen>) -> String {
    let one = |(id, seen): (&String, &TypeSeen)| format!("{id}:{:?}:{}:{}", seen.grade, seen.full, seen.masked);
    types.iter().map(one).collect::<Vec<_>>().join(" ")
}

/// A field, quoted where it must be. What a spreadsheet would take for a formula begins with an apostrophe: paths come
/// from whoever calls.
fn csv_field(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠']);
    let text = if formula { format!("'{text}") } else { text.to_owned() };
    if text.contains(['"', ',', '\r', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_and_no_formulas() {
        let cases = [
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("say \"x\"", "\"say \"\"x\"\"\""),
            ("=1+1", "'=1+1"),
            ("@x,y", "\"'@x,y\""),
            ("\r\nx", "\"'\r\nx\""),
            ("/用户/列表", "/用户/列表"),
        ];
        for (text, expected) in cases {
            assert_eq!(csv_field(text), expected);
        }
    }

    #[test]
    fn a_host_is_named_with_or_without_its_port() {
        assert!(is_host("a.example:8080", "A.example") && is_host("a.example:8080", "a.example:8080"));
        assert!(is_host("a.example", "a.example") && !is_host("b.a.example", "a.example"));
    }
}
