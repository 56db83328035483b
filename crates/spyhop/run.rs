//! `spyhop run`: a mirror port in, findings out, until it is stopped.

use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::ColorChoice;
use spyhop_capture::{Live, Source};
use spyhop_publish::kafka::KafkaSettings;

use crate::cli::{self, exit};
use crate::pretty;
use crate::session::{self, Failure, Mode, Session};
use crate::settings::CaptureSettings;

/// Watches an interface until `stop` is set, and returns the exit code.
///
/// # Errors
/// What kept it from beginning.
pub fn run(command: &cli::Run, color: ColorChoice, stop: &Arc<AtomicBool>) -> Result<u8, Failure> {
    let config = session::config(command.setup.config.as_deref())?;
    let capture: CaptureSettings = config.section("capture");
    let interface = command.interface.clone().or_else(|| (!capture.interface.is_empty()).then_some(capture.interface));
    let Some(interface) = interface else {
        return Err(Failure::usage(
            "no interface is named: give -i NAME, or set `interface` in [capture] of sensor.toml; `spyhop interfaces` lists them",
        ));
    };
    let live = Live::open(&interface, &session::live_options(&config, &command.setup))?;
    let kafka: KafkaSettings = config.section("kafka");
    // Findings are told as they change: there is no end to wait for.
    let mode = Mode { live: true, raw_fields: false, publish: kafka.is_on(), updates: true };
    let outputs = session::outputs(&command.outputs, &config)?;
    let stdout = session::style(&config, outputs.lang, color, std::io::stdout().is_terminal())?;
    let mut session = Session::prepare(&config, &command.setup, &outputs, mode, stdout)?;
    for notice in session.notices.drain(..) {
        eprintln!("spyhop: {notice}");
    }
    let kafka = session.kafka();
    eprintln!("spyhop: watching {interface}; Ctrl-C ends with a report");
    let mut source = Source::Live(Box::new(live));
    let finished = session.run(&mut source, stop, &mut |_| {})?;

    let mut code = exit::DONE;
    for failure in &finished.failures {
        eprintln!("spyhop: {failure}");
        code = exit::FAILED;
    }
    if let Some(kafka) = kafka {
        eprintln!("spyhop: kafka: {kafka}");
    }
    let stderr = session::style(&config, outputs.lang, color, std::io::stderr().is_terminal())?;
    let _ = write!(std::io::stderr().lock(), "{}", pretty::summary(&finished.summary, &stderr));
    Ok(code)
}
