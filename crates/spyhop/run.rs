//! `spyhop run`: a mirror port in, findings out, until it is stopped.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::ColorChoice;
use spyhop_capture::{Notice, Source};
use spyhop_publish::kafka::KafkaSettings;

use crate::cli::{self, exit};
use crate::metrics::{Listener, MetricsSettings};
use crate::pretty;
use crate::privileges;
use crate::session::{self, Failure, Mode, Session};
use crate::settings::{CaptureSettings, Config, General};

/// Watches an interface until `stop` is set, and returns the exit code.
///
/// # Errors
/// What kept it from beginning.
pub fn run(command: &cli::Run, color: ColorChoice, stop: &Arc<AtomicBool>) -> Result<u8, Failure> {
    let config = session::config(command.setup.config.as_deref())?;
    let general: General = config.section("general");
    let mut in_force = privileges::become_user(&general.user).map_err(Failure::failed)?;
    let mut live = session::open_live(&config, &command.setup, &command.interfaces)?;
    let watched = live.ports().iter().map(|port| &*port.name).collect::<Vec<_>>().join(", ");
    in_force.extend(privileges::forsake_capture().map_err(Failure::failed)?);
    let kept = session::record(&mut live, &config, command.write.as_deref())?;
    let kafka: KafkaSettings = config.section("kafka");
    // Findings are told as they change: there is no end to wait for.
    let mode = Mode { live: true, raw_fields: false, publish: kafka.is_on(), updates: true };
    let outputs = session::outputs(&command.outputs, &config)?;
    in_force.extend(fence(&config, command, &outputs)?);
    let stdout = session::style(&config, outputs.lang, color, std::io::stdout().is_terminal())?;
    let mut session = Session::prepare(&config, &command.setup, &outputs, mode, stdout)?;
    for notice in session.notices.drain(..) {
        eprintln!("spyhop: {notice}");
    }
    let kafka = session.kafka();
    let listener = Listener::bind(&config.section("metrics"), session.state()).map_err(Failure::failed)?;
    if let Some(address) = listener.address() {
        eprintln!("spyhop: metrics at http://{address}/metrics");
    }
    let monitor = session.monitor();
    let _served = monitor.as_ref().map(|monitor| listener.serve(monitor));
    let mut service = session.service(&config, command.setup.config.as_deref(), reload_on_signal()?, monitor);
    if let Some(kept) = kept {
        eprintln!(
            "spyhop: keeping raw packets in {}: passwords and personal data in them are readable",
            kept.display()
        );
    }
    eprintln!("spyhop: watching {watched}; Ctrl-C ends with a report");
    let mut source = Source::Live(Box::new(live));
    for sentence in &in_force {
        eprintln!("spyhop: {sentence}");
    }
    let finished = session.run(&mut source, stop, &mut |source| {
        tell_notices(source);
        if let Some(service) = &mut service {
            service.look();
        }
    })?;

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

/// From here on only the places that are named can be written.
fn fence(config: &Config, command: &cli::Run, outputs: &cli::Outputs) -> Result<privileges::InForce, Failure> {
    let (general, capture): (General, CaptureSettings) = (config.section("general"), config.section("capture"));
    let (metrics, kafka): (MetricsSettings, KafkaSettings) = (config.section("metrics"), config.section("kafka"));
    let state = session::state_folder(&command.setup, &general);
    let folders = [state.clone(), session::ledger_folder(&config.section("ledger"), state.as_deref())];
    // What does not exist yet cannot be let through.
    for folder in folders.iter().flatten() {
        std::fs::create_dir_all(folder).map_err(|wrong| Failure::failed(format!("{}: {wrong}", folder.display())))?;
    }
    let files = [&outputs.findings_out, &outputs.exchanges_out, &outputs.observations_out];
    let files = files.into_iter().flatten().filter_map(|output| match output {
        cli::Output::File(path) => Some(path.clone()),
        cli::Output::Stdout => None,
    });
    let key = session::key_file(command.setup.key_file.as_deref(), &general, None);
    let socket = crate::metrics::local_socket(&metrics, state.as_deref());
    let parent = |path: PathBuf| match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    let written = command.write.clone().or_else(|| (!capture.write.is_empty()).then(|| PathBuf::from(&capture.write)));
    let mut writable: Vec<PathBuf> = folders.into_iter().flatten().chain(written).collect();
    writable.extend(files.chain(key).chain(socket).map(parent));
    writable.push(PathBuf::from("/dev"));
    writable.sort();
    writable.dedup();
    let port = crate::metrics::address(&metrics).map_err(Failure::usage)?.map(|address| address.port());
    Ok(privileges::fence(&writable, port, kafka.is_on()))
}

/// SIGHUP asks for the configuration to be read again.
fn reload_on_signal() -> Result<Arc<AtomicBool>, Failure> {
    let reload = Arc::new(AtomicBool::new(false));
    match signal_hook::flag::register(signal_hook::consts::SIGHUP, reload.clone()) {
        Ok(_) => Ok(reload),
        Err(wrong) => Err(Failure::failed(format!("signals: {wrong}"))),
    }
}

/// Tells what happens to the interfaces as it happens.
fn tell_notices(source: &mut Source) {
    let Source::Live(live) = source else { return };
    for notice in live.notices() {
        match notice {
            Notice::Away { interface, reason } => {
                eprintln!("spyhop: {interface} cannot be read: {reason}; it is read again as soon as it is back");
            }
            Notice::Back { interface } => eprintln!("spyhop: {interface} is read again"),
            Notice::ClockSetBack => {
                eprintln!(
                    "spyhop: the clock of this host was set back; event time goes on, more slowly, until the clock meets it"
                );
            }
            Notice::Joined { interface, length } => eprintln!(
                "spyhop: {interface} delivers packets of {length} octets: it joins several into one, which blurs their times and \
                 sizes; `ethtool -K {interface} gro off lro off` stops it"
            ),
            Notice::NotKept { reason } if reason.is_empty() => eprintln!("spyhop: raw packets are kept again"),
            Notice::NotKept { reason } => eprintln!("spyhop: {reason}"),
        }
    }
}
