//! The command line.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::ColorChoice;
use spyhop::cli::{self, Cli, Command, ConfigCommand, exit};
use spyhop::config::{generate, render, show};
use spyhop::pretty::{self, Style};
use spyhop::session::{self, Failure};
use spyhop::settings::{Config, sections};
use spyhop_model::Lang;
use spyhop_publish::SinkError;

fn main() -> ExitCode {
    // The message of a panic may quote what came off the wire; where it happened is enough.
    std::panic::set_hook(Box::new(|panic| {
        let at = panic.location().map(ToString::to_string).unwrap_or_default();
        let _ = writeln!(std::io::stderr(), "spyhop: a fault of this program at {at}; please report it");
    }));
    let cli = Cli::from_process();
    match dispatch(&cli) {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            let _ = writeln!(std::io::stderr(), "spyhop: {}", failure.text.trim_end());
            ExitCode::from(failure.code)
        }
    }
}

fn dispatch(cli: &Cli) -> Result<u8, Failure> {
    match &cli.command {
        Command::Replay(command) => spyhop::replay(command, cli.color, &stop_on_signals()?),
        Command::Run(command) => spyhop::run(command, cli.color, &stop_on_signals()?),
        Command::Doctor(command) => spyhop::doctor(command, cli.color, &stop_on_signals()?),
        Command::Inventory(command) => spyhop::inventory(command, cli.color, &stop_on_signals()?),
        Command::Trace(command) => spyhop::trace(command, cli.color),
        Command::Top(command) => spyhop::top(command),
        Command::Ledger(command) => spyhop::ledger(command),
        Command::Config(command) => config(command),
        Command::Key(command) => print(&spyhop::key::command(command)?),
        Command::Explain(command) => explain(command, cli.color),
        Command::Kinds(command) => print(&pretty::kinds(spyhop_detect::rules(), &style(command.lang, cli.color))),
        Command::Interfaces => interfaces(),
        Command::Schema(command) => schema(command),
        Command::Completions { shell } => print_bytes(|out| cli::completions(*shell, out)),
        Command::Man { out: None } => print_bytes(cli::manual),
        Command::Man { out: Some(folder) } => match cli::manuals(folder) {
            Ok(()) => Ok(exit::DONE),
            Err(wrong) => Err(Failure::failed(format!("{}: {wrong}", folder.display()))),
        },
    }
}

/// The first Ctrl-C or SIGTERM ends the run with its report; a second one ends the program at once.
fn stop_on_signals() -> Result<Arc<AtomicBool>, Failure> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register_conditional_shutdown(signal, i32::from(exit::FAILED), stop.clone())
            .and_then(|_| signal_hook::flag::register(signal, stop.clone()))
            .map_err(|wrong| Failure::failed(format!("signals: {wrong}")))?;
    }
    Ok(stop)
}

fn config(command: &ConfigCommand) -> Result<u8, Failure> {
    let load = |file: &cli::ConfigFile| {
        Config::load(file.file.as_deref()).map_err(|mistakes| Failure::usage(render(&mistakes)))
    };
    match command {
        ConfigCommand::Check(file) => {
            let config = load(file)?;
            session::types(&config)?;
            let source = config.document().source().unwrap_or("no file, so the built-in defaults").to_owned();
            print(&format!("{source}: no mistakes\n"))
        }
        ConfigCommand::Show(file) => print(&show(load(file)?.document())),
        ConfigCommand::Default => print(&generate(&sections())),
    }
}

fn explain(command: &cli::Explain, color: ColorChoice) -> Result<u8, Failure> {
    let kinds = || spyhop_detect::rules().map(|rule| rule.kind);
    let Some(rule) = spyhop_detect::rule(&command.kind) else {
        return Err(Failure::usage(cli::unknown_kind(&command.kind, kinds())));
    };
    let sections = sections();
    let section = sections.iter().find(|section| section.name == rule.kind);
    let settings = section.map_or(&[][..], |section| section.settings);
    let defaults = section.map(|section| (section.defaults)()).unwrap_or_default();
    print(&pretty::explain(rule, settings, &defaults, &style(command.lang, color)))
}

fn interfaces() -> Result<u8, Failure> {
    let interfaces = spyhop_capture::interfaces().map_err(|wrong| Failure::failed(wrong.to_string()))?;
    let mut text = String::new();
    for interface in interfaces {
        let state = match (interface.up, interface.running) {
            (true, true) => "up",
            (true, false) => "up, no carrier",
            _ => "down",
        };
        let addresses = interface.addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        let about = interface.description.unwrap_or_default();
        text.push_str(format!("{:<16} {state:<15} {addresses} {about}", interface.name).trim_end());
        text.push('\n');
    }
    print(&text)
}

fn schema(command: &cli::Schema) -> Result<u8, Failure> {
    let name = match command.of {
        cli::Record::Finding => "finding.schema.json",
        cli::Record::Exchange => "exchange.schema.json",
        cli::Record::Handshake => "handshake.schema.json",
        cli::Record::FlatExchange => "exchange-flat.schema.json",
        cli::Record::Observation => "observation.schema.json",
        cli::Record::Values => "values.schema.json",
    };
    let schemas = spyhop_publish::record::schemas();
    match schemas.iter().find(|schema| schema.name == name) {
        Some(schema) => print(&schema.text),
        None => Err(Failure::failed(format!("there is no {name}"))),
    }
}

fn style(lang: Lang, color: ColorChoice) -> Style {
    Style::of(lang, color, std::io::stdout().is_terminal(), None)
}

fn print(text: &str) -> Result<u8, Failure> {
    match session::print(text) {
        // Whoever reads the standard output may stop at any time.
        Ok(()) | Err(SinkError::Closed) => Ok(exit::DONE),
        Err(wrong) => Err(Failure::failed(wrong.to_string())),
    }
}

fn print_bytes(write: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>) -> Result<u8, Failure> {
    let mut bytes = Vec::new();
    write(&mut bytes).map_err(|wrong| Failure::failed(wrong.to_string()))?;
    print(&String::from_utf8_lossy(&bytes))
}
