//! `spyhop run`: a mirror port in, findings out, until it is stopped.

use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::ColorChoice;
use spyhop_capture::{Notice, Source};
use spyhop_publish::kafka::KafkaSettings;

use crate::cli::{self, exit};
use crate::metrics::Listener;
use crate::pretty;
use crate::session::{self, Failure, Mode, Session};

/// Watches an interface until `stop` is set, and returns the exit code.
///
/// # Errors
/// What kept it from beginning.
pub fn run(command: &cli::Run, color: ColorChoice, stop: &Arc<AtomicBool>) -> Result<u8, Failure> {
    let config = session::config(command.setup.config.as_deref())?;
    let mut live = session::open_live(&config, &command.setup, &command.interfaces)?;
    let watched = live.ports().iter().map(|port| &*port.name).collect::<Vec<_>>().join(", ");
    let kept = session::record(&mut live, &config, command.write.as_deref())?;
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
    let listener = Listener::bind(&config.section("metrics"), session.state()).map_err(Failure::failed)?;
    if let Some(address) = listener.address() {
        eprintln!("spyhop: metrics at http://{address}/metrics");
    }
    let _served = session.monitor().map(|monitor| listener.serve(&monitor));
    if let Some(kept) = kept {
        eprintln!(
            "spyhop: keeping raw packets in {}: passwords and personal data in them are readable",
            kept.display()
        );
    }
    eprintln!("spyhop: watching {watched}; Ctrl-C ends with a report");
    let mut source = Source::Live(Box::new(live));
    let finished = session.run(&mut source, stop, &mut tell_notices)?;

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
