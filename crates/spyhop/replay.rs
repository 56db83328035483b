//! `spyhop replay`: capture files in, findings out.

use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::ColorChoice;
use indicatif::{ProgressBar, ProgressStyle};
use spyhop_capture::{Defect, Fault, Replay, Source};
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
    let replay = Replay::open(&command.inputs, session::replay_options(&config, &command.setup))?;
    let outputs = session::outputs(&command.outputs, &config)?;
    let stdout = session::style(&config, outputs.lang, color, std::io::stdout().is_terminal())?;
    let mode = Mode { live: false, raw_fields: command.raw_fields, publish: command.publish, updates: command.updates };
    let mut session = Session::prepare(&config, &command.setup, &outputs, mode, stdout)?;
    // Opened before the work, so that a file that cannot be made does not cost it.
    let findings_out = outputs.findings_out.as_ref().filter(|_| !command.updates).map(session::open).transpose()?;
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
    let mut code = report(&finished, defects, stop);
    let findings = &finished.findings;
    let written = findings_out.map(|mut output| write_findings(&mut output, findings, outputs.lang, &names));
    let printed = (!command.updates && outputs.prints_findings()).then(|| print(&outputs, findings, &names, stdout));
    for outcome in [written, printed].into_iter().flatten() {
        match outcome {
            // Whoever read the standard output may have seen enough.
            Ok(()) | Err(SinkError::Closed) => {}
            Err(wrong) => {
                eprintln!("spyhop: {wrong}");
                code = exit::FAILED;
            }
        }
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

/// Prints every finding once, in its final state.
fn print(outputs: &cli::Outputs, findings: &[Finding], names: &Names, style: Style) -> Result<(), SinkError> {
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

fn progress(replay: &Replay, off: bool) -> ProgressBar {
    if off || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(replay.total_bytes());
    let template = "{bar:30} {percent}%  {bytes} of {total_bytes}  {bytes_per_sec}  {eta} left";
    bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}
