//! `spyhop replay`: capture files in, findings out.

use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::ColorChoice;
use indicatif::{ProgressBar, ProgressStyle};
use spyhop_capture::{CaptureError, Defect, Fault, Replay, Source};
use spyhop_model::Finding;
use spyhop_publish::record::Names;
use spyhop_publish::{Output, SinkError, write_findings};

use crate::cli::{self, Format, exit};
use crate::pretty::{self, Style};
use crate::session::{self, Failure, Finished, Mode, Session};

/// Replays and returns the exit code.
///
/// # Errors
/// What kept the replay from beginning.
pub fn replay(command: &cli::Replay, color: ColorChoice, stop: &Arc<AtomicBool>) -> Result<u8, Failure> {
    let config = session::config(command.setup.config.as_deref())?;
    let replay = Replay::open(&command.inputs, session::replay_options(&config, &command.setup));
    let replay = replay.map_err(|wrong| match wrong {
        CaptureError::Filter { .. } => Failure::usage(wrong.to_string()),
        wrong => Failure::failed(wrong.to_string()),
    })?;
    let outputs = session::outputs(&command.outputs, &config)?;
    let stdout = session::style(&config, outputs.lang, color, std::io::stdout().is_terminal())?;
    let mode = Mode { live: false, raw_fields: command.raw_fields, publish: command.publish, updates: command.updates };
    let mut session = Session::prepare(&config, &command.setup, &outputs, mode, stdout)?;
    for notice in session.notices.drain(..) {
        eprintln!("spyhop: {notice}");
    }
    let names = session.names.clone();
    let kafka = session.kafka();
    let bar = progress(&replay, command.no_progress);
    let mut source = Source::Replay(Box::new(replay));
    let finished = session.run(&mut source, stop, &mut |source| {
        if let Source::Replay(replay) = source {
            bar.set_position(replay.read_bytes());
        }
    })?;
    bar.finish_and_clear();

    let defects = match &source {
        Source::Replay(replay) => replay.defects(),
        Source::Live(_) => &[],
    };
    let code = report(&finished, defects, stop);
    if !command.updates {
        write(&outputs, &finished.findings, &names, stdout).or_else(quiet_end)?;
    }
    if let Some(kafka) = kafka {
        eprintln!("spyhop: kafka: {kafka}");
    }
    let stderr = session::style(&config, outputs.lang, color, std::io::stderr().is_terminal())?;
    let _ = write!(std::io::stderr().lock(), "{}", pretty::summary(&finished.summary, &stderr));
    let reached =
        command.fail_on.is_some_and(|least| finished.findings.iter().any(|finding| finding.severity >= least));
    Ok(if code == exit::DONE && reached { exit::FOUND } else { code })
}

/// Tells what went wrong on the way. A file that ends within its last record gave all it holds; that alone is no failure.
fn report(finished: &Finished, defects: &[Defect], stop: &AtomicBool) -> u8 {
    let mut code = exit::DONE;
    for defect in defects {
        eprintln!("spyhop: {defect}");
        if !matches!(defect.fault, Fault::Truncated) {
            code = exit::FAILED;
        }
    }
    for failure in &finished.failures {
        eprintln!("spyhop: {failure}");
        code = exit::FAILED;
    }
    if stop.load(std::sync::atomic::Ordering::Relaxed) {
        eprintln!("spyhop: interrupted; what was read until then is reported");
        code = exit::FAILED;
    }
    code
}

/// Writes every finding once, in its final state.
fn write(outputs: &cli::Outputs, findings: &[Finding], names: &Names, style: Style) -> Result<(), SinkError> {
    if let Some(output) = &outputs.findings_out {
        let mut output = match output {
            cli::Output::Stdout => Output::stdout(),
            cli::Output::File(path) => Output::open(path)?,
        };
        write_findings(&mut output, findings, outputs.lang, names)?;
    }
    if !outputs.prints_findings() {
        return Ok(());
    }
    match outputs.format {
        Format::Json => write_findings(&mut Output::stdout(), findings, outputs.lang, names),
        Format::Pretty => {
            let mut text = String::new();
            for finding in findings {
                text.push_str(&pretty::finding(finding, &style));
                text.push('\n');
            }
            session::print(&text)
        }
    }
}

/// Whoever read the standard output has seen enough.
fn quiet_end(wrong: SinkError) -> Result<(), Failure> {
    match wrong {
        SinkError::Closed => Ok(()),
        wrong => Err(Failure::failed(wrong.to_string())),
    }
}

fn progress(replay: &Replay, off: bool) -> ProgressBar {
    if off || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(replay.total_bytes());
    let template = "{bar:30} {percent}%  {bytes} of {total_bytes}  {bytes_per_sec}  {eta} left";
    bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}
