//! `spyhop doctor`: looks at what a mirror delivers and says what is wrong with it. Tells no content and keeps nothing.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::ColorChoice;
use spyhop_capture::{Replay, Source};
use spyhop_detect::{Engine, Fault, Mirror, MirrorSettings, Sensor, TapReport, faults};
use spyhop_identify::{Identity, Locations};
use spyhop_inspect::{Inspector, Knowledge};
use spyhop_model::Key;
use spyhop_publish::{Full, MemoryJournal};
use spyhop_stream::{DecodeLimits, TapHealth};

use crate::cli::{self, Format, exit};
use crate::pipeline::{self, Accounts, Parts, Pipeline};
use crate::pretty::{self, Diagnosis, TapPicture};
use crate::privileges;
use crate::session::{self, Failure};
use crate::settings::{Config, General};

/// Examines captures or an interface, prints what it found, and returns the exit code.
///
/// # Errors
/// What kept it from beginning, or from reading to the end.
pub fn doctor(command: &cli::Doctor, color: ColorChoice, stop: &Arc<AtomicBool>) -> Result<u8, Failure> {
    let config = session::config(command.setup.config.as_deref())?;
    let mut source = source(command, &config)?;
    let live = matches!(source, Source::Live(_));
    if live {
        let (stop, time) = (stop.clone(), Duration::from_secs(command.seconds.get().into()));
        eprintln!("spyhop: watching for {} s; Ctrl-C ends it earlier", time.as_secs());
        // Ends with the process: whoever presses Ctrl-C does not wait for it.
        std::thread::spawn(move || {
            std::thread::sleep(time);
            stop.store(true, Ordering::Relaxed);
        });
    }
    let key = crate::key::passing_key().map_err(Failure::failed)?;
    let parts = parts(&config, &command.setup, key.clone(), Knowledge::new(key, false))?;
    let outcome = pipeline::run(&mut source, parts, stop, &mut |_| {});
    if let Source::Replay(replay) = &source {
        for defect in replay.defects() {
            eprintln!("spyhop: {defect}");
        }
    }
    let diagnosis = diagnose(&outcome.accounts, &config.section(Mirror::RULE.kind), live);
    let text = match command.format {
        Format::Pretty => {
            let style = session::style(&config, command.lang, color, std::io::stdout().is_terminal())?;
            pretty::diagnosis(&diagnosis, &style)
        }
        Format::Json => diagnosis.json().to_string() + "\n",
    };
    match session::print(&text) {
        Ok(()) | Err(spyhop_publish::SinkError::Closed) => {}
        Err(wrong) => return Err(Failure::failed(wrong.to_string())),
    }
    Ok(if diagnosis.taps.iter().any(|tap| !tap.faults.is_empty()) { exit::FOUND } else { exit::DONE })
}

fn source(command: &cli::Doctor, config: &Config) -> Result<Source, Failure> {
    if !command.inputs.is_empty() {
        let replay = Replay::open(&command.inputs, session::replay_options(config, &command.setup))?;
        return Ok(Source::Replay(Box::new(replay)));
    }
    let general: General = config.section("general");
    let mut in_force = privileges::become_user(&general.user).map_err(Failure::failed)?;
    let live = session::open_live(config, &command.setup, &command.interfaces)?;
    in_force.extend(privileges::forsake_capture().map_err(Failure::failed)?);
    // It writes nothing.
    in_force.extend(privileges::fence(&["/dev".into()], None, false));
    for sentence in in_force {
        eprintln!("spyhop: {sentence}");
    }
    Ok(Source::Live(Box::new(live)))
}

/// A pipeline without detectors and publishers.
pub(crate) fn parts(config: &Config, setup: &cli::Setup, key: Key, knowledge: Knowledge) -> Result<Parts, Failure> {
    let mut settings: Pipeline = config.section("pipeline");
    if let Some(workers) = setup.workers {
        settings.workers = workers.get();
    }
    let locations = Locations::open(&config.section("networks")).map_err(Failure::usage)?;
    let off = spyhop_detect::rules().map(|rule| rule.kind.to_owned()).collect();
    let limits = spyhop_detect::Limits { off, ..config.section("detect") };
    let engine = Engine::new(Vec::new(), Sensor::default(), &limits, config.section("findings"), key.clone(), false);
    let knowledge = Arc::new(knowledge);
    let journal = MemoryJournal::new(spyhop_publish::Limits { records: 1_024, bytes: 1 << 20 }, Full::Drop);
    Ok(Parts {
        pipeline: settings,
        decode: DecodeLimits {
            fragments: config.section("fragments"),
            tunnels: config.section("tunnels"),
            ..DecodeLimits::default()
        },
        streams: config.section("streams"),
        http: config.section("http"),
        inspector: Arc::new(move || Inspector::new(knowledge.clone())),
        identity: Identity::new(locations, config.identity(), key),
        engine,
        journal: Arc::new(journal),
        wants_events: false,
        wants_changes: false,
        pulse: None,
        engines: None,
        keep: None,
    })
}

fn diagnose(accounts: &Accounts, settings: &MirrorSettings, live: bool) -> Diagnosis {
    let mut reports = pipeline::reports(&accounts.health, &accounts.interfaces);
    let losses = accounts.losses();
    if ["kernel_dropped", "interface_dropped", "dropped_by_writer"].iter().any(|reason| losses.contains_key(reason)) {
        // What our own host dropped is no fault of the mirror.
        reports.iter_mut().for_each(|report| report.lost = 0);
    }
    let pictures =
        accounts.health.taps.values().zip(reports).map(|(health, report)| picture(*health, report, settings));
    let of = |reason| accounts.live.get(reason).copied().unwrap_or(0);
    let kernel = live.then(|| (of("kernel_dropped"), of("interface_dropped")));
    let mut taps: Vec<TapPicture> = pictures.collect();
    taps.sort_by(|a, b| (&a.report.port, a.report.vlan).cmp(&(&b.report.port, b.report.vlan)));
    Diagnosis { live, packets: accounts.capture.packets, bytes: accounts.capture.bytes, kernel, taps }
}

/// What one look shows. Connections joined midway are no fault here: a look begins in the middle of things.
fn picture(health: TapHealth, report: TapReport, settings: &MirrorSettings) -> TapPicture {
    let faults: Vec<(Fault, u64)> = faults(&report, settings, false);
    let judged = report.can_be_judged(settings);
    TapPicture { health, report, faults, judged }
}
