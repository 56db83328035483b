//! What a replay and a live run have in common: keys, memory, detectors, journal and publishers, made ready and put away.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::ColorChoice;
use crossbeam_channel::Sender;
use spyhop_capture::{CaptureError, Live, Recording, Source};
use spyhop_detect::{Engine, Loss, Mirror, Sensor, Suppressed, Suppression};
use spyhop_identify::{Identity, Locations};
use spyhop_inspect::types::{CustomTypes, Grading};
use spyhop_inspect::{Inspector, Knowledge};
use spyhop_ledger::{Health as LedgerHealth, Ledger, LedgerJournal, LedgerSettings, Ready};
use spyhop_model::{Finding, Key, Lang, Timestamp};
use spyhop_publish::kafka::{KafkaCounts, KafkaHealth, KafkaSettings, KafkaSink};
use spyhop_publish::record::Names;
use spyhop_publish::{Ended, Full, Journal, JsonLines, MemoryJournal, Output, Publisher, Record, SinkError, Wants};
use spyhop_stream::DecodeLimits;

use crate::cli::{self, exit};
use crate::config::render;
use crate::metrics::Monitor;
use crate::pipeline::{self, Accounts, Keep, Outcome, Parts, Pipeline, Pulse, Watch};
use crate::pretty::{self, HeldBack, Style, Summary, Zone};
use crate::service::Service;
use crate::settings::{CaptureSettings, Config, General, JournalSettings, OutputSettings};
use crate::state::{self, StateDir};
use crate::{losses, process};

/// Why a command ends early: its exit code, and what to tell the operator.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub code: u8,
    /// Told on standard error.
    pub text: String,
}

impl Failure {
    /// An input, output or interface failed.
    pub fn failed(text: impl Into<String>) -> Failure {
        Failure { code: exit::FAILED, text: text.into() }
    }
    /// Wrong usage or configuration.
    pub fn usage(text: impl Into<String>) -> Failure {
        Failure { code: exit::USAGE, text: text.into() }
    }
}

impl From<CaptureError> for Failure {
    /// A filter that cannot be compiled is wrong usage; all else is the fault of files and interfaces.
    fn from(wrong: CaptureError) -> Failure {
        let is_usage = match &wrong {
            CaptureError::Several(several) => several.iter().all(|one| matches!(one, CaptureError::Filter { .. })),
            one => matches!(one, CaptureError::Filter { .. }),
        };
        if is_usage { Failure::usage(wrong.to_string()) } else { Failure::failed(wrong.to_string()) }
    }
}

/// Reads the configuration that a command asks for.
pub fn config(named: Option<&std::path::Path>) -> Result<Config, Failure> {
    Config::load(named).map_err(|mistakes| Failure::usage(render(&mistakes)))
}

/// How a session differs between a replay and a live run.
#[derive(Clone, Copy, Debug)]
pub struct Mode {
    /// Packets come as they happen: nothing may hold them up.
    pub live: bool,
    /// Text as on the wire in exchange records.
    pub raw_fields: bool,
    /// Publish to Kafka.
    pub publish: bool,
    /// Findings are written as they change.
    pub updates: bool,
}

/// A run made ready.
pub struct Session {
    /// Names in every record.
    pub names: Names,
    key: Key,
    state: Option<StateDir>,
    parts: Option<Parts>,
    journal: Arc<dyn Journal>,
    ledger: Option<Arc<LedgerHealth>>,
    publishers: Vec<Publisher>,
    recorder: Option<Publisher>,
    kafka: Option<Arc<KafkaHealth>>,
    pulse: Option<Arc<Pulse>>,
    engines: Option<Sender<Engine>>,
    flush_within: Duration,
    began: Instant,
    /// Things to tell the operator that are no failures.
    pub notices: Vec<String>,
}

/// A run that is over.
pub struct Finished {
    /// All findings in their final state.
    pub findings: Vec<Finding>,
    /// What became of everything.
    pub accounts: Accounts,
    /// Numbers for people.
    pub summary: Summary,
    /// What failed on the way.
    pub failures: Vec<String>,
}

impl Session {
    /// Makes everything ready that does not depend on where packets come from.
    pub fn prepare(
        config: &Config,
        setup: &cli::Setup,
        outputs: &cli::Outputs,
        mode: Mode,
        style: Style,
    ) -> Result<Session, Failure> {
        let began = Instant::now();
        let general: General = config.section("general");
        let mut notices = Vec::new();
        let state =
            state_folder(setup, &general).map(|path| StateDir::open(&path)).transpose().map_err(Failure::failed)?;
        let key_path = key_file(setup.key_file.as_deref(), &general, state.as_ref().map(StateDir::path));
        let key = find_key(key_path.as_deref(), &mut notices)?;
        let names = Names { sensor: general.id.as_str().into(), key_id: key.id() };

        let locations = Locations::open(&config.section("networks")).map_err(Failure::usage)?;
        let mut identity = Identity::new(locations, config.identity(), key.clone());
        let mut engine = engine(config, &key, mode.live)?;
        if let Some(state) = &state {
            state.load(&key, &mut identity, &mut engine).map_err(Failure::failed)?;
        }

        let settings: JournalSettings = config.section("journal");
        let limits = spyhop_publish::Limits { records: settings.records.max(1_024), bytes: settings.mib.max(1) << 20 };
        let full = if mode.live { Full::Drop } else { Full::Wait };
        let (journal, ledger) = match open_ledger(config, state.as_ref(), key_path.is_some(), &key, &names)? {
            Some(ledger) => {
                let (journal, ready) = LedgerJournal::new(ledger, limits, full);
                (Arc::new(journal) as Arc<dyn Journal>, Some(ready))
            }
            None => (Arc::new(MemoryJournal::new(limits, full)) as Arc<dyn Journal>, None),
        };
        let mut pipeline: Pipeline = config.section("pipeline");
        if let Some(workers) = setup.workers {
            pipeline.workers = workers.get();
        }
        let kafka: KafkaSettings = config.section("kafka");
        let mut session = Session {
            names,
            key: key.clone(),
            state,
            parts: None,
            journal,
            ledger: ledger.as_ref().map(Ready::health),
            publishers: Vec::new(),
            recorder: None,
            kafka: None,
            engines: None,
            pulse: mode.live.then(|| Arc::new(Pulse::new(pipeline.workers()))),
            flush_within: Duration::from_nanos(kafka.flush_within.0),
            began,
            notices,
        };
        let wants = session.start_publishers(outputs, mode, &kafka, ledger, style)?;

        let engines = crossbeam_channel::unbounded();
        session.engines = Some(engines.0);
        let (types, grading) = types(config)?;
        let knowledge = Knowledge::new(key, mode.raw_fields).with_types(types).with_grading(grading);
        let knowledge = Arc::new(if mode.live { knowledge.with_shedding() } else { knowledge });
        session.parts =
            Some(Parts {
                pipeline,
                decode: DecodeLimits {
                    fragments: config.section("fragments"),
                    tunnels: config.section("tunnels"),
                    ..DecodeLimits::default()
                },
                streams: config.section("streams"),
                http: config.section("http"),
                inspector: Arc::new(move || Inspector::new(knowledge.clone())),
                identity,
                engine,
                journal: session.journal.clone(),
                wants_events: wants.0,
                wants_changes: wants.1,
                pulse: session.pulse.clone(),
                engines: mode.live.then_some(engines.1),
                keep: session.state.as_ref().filter(|_| mode.live && general.save_every.0 > 0).map(|state| {
                    (Duration::from_nanos(general.save_every.0), Box::new(state.saver(&session.key)) as Keep)
                }),
            });
        Ok(session)
    }

    /// Opens every output and starts its publisher. Says whether events and changes of findings are wanted.
    fn start_publishers(
        &mut self,
        outputs: &cli::Outputs,
        mode: Mode,
        kafka: &KafkaSettings,
        ledger: Option<Ready>,
        style: Style,
    ) -> Result<(bool, bool), Failure> {
        let (mut events, mut changes) = (false, false);
        let at_once = Duration::from_secs(5);
        let mut started: Vec<(&str, Wants, Box<dyn spyhop_publish::Sink>, Duration)> = Vec::new();
        if let Some(output) = &outputs.exchanges_out {
            let sink = JsonLines::exchanges(open(output)?, self.names.clone());
            started.push(("exchanges", Wants::Exchanges, Box::new(sink), at_once));
            events = true;
        }
        if let Some(output) = &outputs.observations_out {
            let sink = JsonLines::observations(open(output)?, outputs.lang, self.names.clone());
            started.push(("observations", Wants::Exchanges, Box::new(sink), at_once));
            events = true;
        }
        if mode.updates {
            if let Some(output) = &outputs.findings_out {
                let sink = JsonLines::changes(open(output)?, outputs.lang, self.names.clone());
                started.push(("findings", Wants::Findings, Box::new(sink), at_once));
                changes = true;
            }
            if outputs.prints_findings() {
                let sink: Box<dyn spyhop_publish::Sink> = match outputs.format {
                    cli::Format::Json => {
                        Box::new(JsonLines::changes(Output::stdout(), outputs.lang, self.names.clone()))
                    }
                    cli::Format::Pretty => Box::new(Printer { style }),
                };
                started.push(("terminal", Wants::Findings, sink, at_once));
                changes = true;
            }
        }
        if mode.publish {
            if !kafka.is_on() {
                return Err(Failure::usage("--publish: no broker is named; set `brokers` in [kafka] of sensor.toml"));
            }
            let patience = (!mode.live).then(|| Duration::from_nanos(kafka.replay_patience.0));
            let sink = KafkaSink::new(kafka.clone(), self.names.clone(), self.key.clone(), patience)
                .map_err(|wrong| Failure::usage(wrong.to_string()))?;
            self.kafka = Some(sink.health());
            started.push((KAFKA, kafka.wants(), Box::new(sink), self.flush_within));
            events |= kafka.publish_exchanges;
            changes = true;
        }
        // Readers made before the first record see everything.
        for (name, wants, sink, within) in started {
            // Findings go to Kafka from the disk, so that none is lost when the sensor ends before they arrived.
            let reader = match &ledger {
                Some(ledger) if name == KAFKA => ledger
                    .reader(name, spyhop_detect::rule, wants != Wants::Findings)
                    .map_err(|wrong| Failure::failed(wrong.to_string()))?,
                _ => self.journal.reader(name, wants),
            };
            let publisher =
                Publisher::start(name, reader, sink, within).map_err(|wrong| Failure::failed(wrong.to_string()))?;
            self.publishers.push(publisher);
        }
        if let Some(ledger) = ledger {
            self.recorder = Some(ledger.start().map_err(|wrong| Failure::failed(wrong.to_string()))?);
            (events, changes) = (true, true);
        }
        Ok((events, changes))
    }

    /// Runs the pipeline over a source, waits for publishers, saves what was learnt, and sums up.
    pub fn run(mut self, source: &mut Source, stop: &AtomicBool, watch: &mut Watch<'_>) -> Result<Finished, Failure> {
        let Some(parts) = self.parts.take() else { return Err(Failure::failed("the session has run already")) };
        let live = matches!(source, Source::Live(_));
        let mut publishers = std::mem::take(&mut self.publishers);
        let mut failures = Vec::new();
        let ledger = self.ledger.clone();
        let mut trouble = (String::new(), 0);
        let outcome = pipeline::run(source, parts, stop, &mut |source| {
            if let (true, Some(ledger)) = (live, &ledger) {
                tell_trouble(ledger, &mut trouble);
            }
            // A sink that fails ends its publisher; whoever watches a live sensor must not learn of it at the end only.
            while let Some(ended) = publishers.iter().position(Publisher::is_finished) {
                let failure = joined(publishers.swap_remove(ended));
                if let (true, Some(failure)) = (live, &failure) {
                    eprintln!("spyhop: {failure}");
                }
                failures.extend(failure);
                if live && publishers.is_empty() {
                    stop.store(true, Ordering::Relaxed);
                }
            }
            watch(source);
        });
        if let Some(kafka) = &self.kafka {
            // From here on a broker that is away holds up nothing any more.
            kafka.finish_within(self.flush_within);
        }
        failures.extend(publishers.into_iter().filter_map(joined));
        failures.extend(self.recorder.take().and_then(joined));
        failures.extend(self.kafka.as_ref().and_then(|kafka| given_up(&kafka.counts())));
        let Outcome { accounts, identity, engine, .. } = outcome;
        if let Some(state) = &self.state
            && let Err(wrong) = state.save(&self.key, &identity, &engine)
        {
            failures.push(wrong);
        }
        failures.extend(
            accounts
                .imbalances()
                .into_iter()
                .map(|wrong| format!("the accounts do not add up: {wrong}; please report it")),
        );
        let findings = engine.all();
        let mut summary = self.summary(&accounts, source);
        summary.suppressed = engine.suppressed().map(held_back).collect();
        for finding in &findings {
            summary.add(finding);
        }
        Ok(Finished { findings, accounts, summary, failures })
    }

    fn summary(&self, accounts: &Accounts, source: &Source) -> Summary {
        let mut lost = accounts.losses();
        let unpublished = pipeline::unpublished(&*self.journal);
        lost.insert("exchanges_unpublished", unpublished.exchanges);
        lost.insert("findings_unpublished", unpublished.findings);
        let unrecorded = self.journal.unrecorded();
        lost.insert("exchanges_unrecorded", unrecorded.exchanges);
        lost.insert("findings_unrecorded", unrecorded.findings);
        Summary {
            files: source.files(),
            began: accounts.began.filter(|at| *at != Timestamp::MAX),
            ended: accounts.ended,
            packets: accounts.capture.packets,
            bytes: accounts.capture.bytes,
            connections: accounts.stream.connections,
            exchanges: accounts.seen.exchanges,
            logins: accounts.seen.logins,
            observations: accounts.seen.values,
            losses: losses::told(&lost),
            elapsed: self.began.elapsed(),
            cpu: process::cpu_time(),
            peak_memory: process::peak_memory(),
            ..Summary::default()
        }
    }

    /// Where a live sensor can be asked how it fares.
    pub fn monitor(&self) -> Option<Arc<Monitor>> {
        let pulse = self.pulse.clone()?;
        let (journal, kafka, ledger) = (self.journal.clone(), self.kafka.clone(), self.ledger.clone());
        Some(Arc::new(Monitor { sensor: self.names.sensor.to_string(), pulse, journal, kafka, ledger }))
    }

    /// Takes new settings for detection while the sensor runs, and speaks with the service manager.
    pub fn service(
        &mut self,
        config: &Config,
        named: Option<&Path>,
        reload: Arc<AtomicBool>,
        monitor: Option<Arc<Monitor>>,
    ) -> Option<Service> {
        let engines = self.engines.take()?;
        Some(Service::new(named.map(Path::to_owned), config.clone(), self.key.clone(), engines, reload, monitor))
    }

    /// The state directory.
    pub fn state(&self) -> Option<&Path> {
        self.state.as_ref().map(StateDir::path)
    }

    /// One line about Kafka, if it is published to.
    pub fn kafka(&self) -> Option<Arc<KafkaHealth>> {
        self.kafka.clone()
    }
}

/// All detectors, as they are configured.
///
/// # Errors
/// One of them cannot be built.
pub fn engine(config: &Config, key: &Key, live: bool) -> Result<Engine, Failure> {
    let sensor = Sensor {
        loss: Loss::new(config.section(Loss::RULE.kind)),
        mirror: Mirror::new(config.section(Mirror::RULE.kind)),
    };
    let detectors = config.detectors().map_err(Failure::usage)?;
    Ok(Engine::new(detectors, sensor, &config.section("detect"), config.section("findings"), key.clone(), !live))
}

/// The name of the publisher to Kafka, by which its place in the ledger is kept.
const KAFKA: &str = "kafka";

/// Opens the ledger, where it is on and has a place.
fn open_ledger(
    config: &Config,
    state: Option<&StateDir>,
    has_key: bool,
    key: &Key,
    names: &Names,
) -> Result<Option<Ledger>, Failure> {
    let settings: LedgerSettings = config.section("ledger");
    let Some(folder) = ledger_folder(&settings, state.map(StateDir::path)).filter(|_| settings.enabled) else {
        return Ok(None);
    };
    if !has_key {
        return Err(Failure::usage(
            "the ledger needs a key that outlives this run: give --state DIR or --key-file FILE, or set `state` or `key_file` in [general] of sensor.toml",
        ));
    }
    Ledger::open(&folder, settings, key, &names.sensor).map(Some).map_err(|wrong| Failure::failed(wrong.to_string()))
}

/// The state directory that is named.
pub fn state_folder(setup: &cli::Setup, general: &General) -> Option<PathBuf> {
    setup.state.clone().or_else(|| (!general.state.is_empty()).then(|| PathBuf::from(&general.state)))
}

/// Where the ledger is: in its own directory, else in the state directory.
pub fn ledger_folder(settings: &LedgerSettings, state: Option<&Path>) -> Option<PathBuf> {
    match settings.directory.as_str() {
        "" => state.map(|state| state.join("ledger")),
        named => Some(PathBuf::from(named)),
    }
}

/// Tells what is wrong with the ledger once, that it is over, and what gave way.
fn tell_trouble(ledger: &LedgerHealth, (told, gone): &mut (String, u64)) {
    let counts = ledger.counts();
    if counts.gave_way > *gone {
        *gone = counts.gave_way;
        eprintln!(
            "spyhop: the disk of the ledger is nearly full: its oldest calls give way ({gone} segments so far); see `free_mib` in [ledger]"
        );
    }
    let now = counts.trouble;
    if now != *told {
        match now.as_str() {
            "" => eprintln!("spyhop: the ledger records again"),
            trouble => eprintln!("spyhop: {trouble}"),
        }
        *told = now;
    }
}

fn held_back((what, counted): (&Suppression, &Suppressed)) -> HeldBack {
    HeldBack {
        kind: what.kind.clone(),
        reason: what.reason.clone(),
        until: what.until.clone().into(),
        hits: counted.hits,
    }
}

/// Opens an output; a file is emptied.
///
/// # Errors
/// It cannot be written.
pub fn open(output: &cli::Output) -> Result<Output, Failure> {
    let opened = match output {
        cli::Output::Stdout => Ok(Output::stdout()),
        cli::Output::File(path) => Output::open(path),
    };
    opened.map_err(|wrong| Failure::failed(wrong.to_string()))
}

/// Waits for a publisher's end, and says what went wrong.
fn joined(publisher: Publisher) -> Option<String> {
    let name = publisher.name().to_owned();
    match publisher.join() {
        Ok(Ended::Drained | Ended::Closed) => None,
        Err(wrong) => Some(format!("{name}: {wrong}")),
    }
}

/// Records that Kafka refused for good.
fn given_up(counts: &KafkaCounts) -> Option<String> {
    let total = counts.too_large.total() + counts.rejected.total() + counts.timed_out.total();
    (total > 0).then(|| {
        format!(
            "kafka: {total} records were given up: {} too large, {} rejected, {} not acknowledged in time",
            counts.too_large.total(),
            counts.rejected.total(),
            counts.timed_out.total()
        )
    })
}

/// Prints findings for people as they change.
struct Printer {
    style: Style,
}

impl spyhop_publish::Sink for Printer {
    fn write(&mut self, batch: &[Record]) -> Result<(), SinkError> {
        let mut text = String::new();
        for record in batch {
            if let Record::Finding(finding) = record {
                text.push_str(&pretty::finding(finding, &self.style));
                text.push('\n');
            }
        }
        print(&text)
    }

    fn flush(&mut self, _within: Duration) -> Result<(), SinkError> {
        Ok(())
    }
}

/// Writes to the standard output at once.
///
/// # Errors
/// The output's reader has gone, or it cannot be written.
pub fn print(text: &str) -> Result<(), SinkError> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(|error| match error.kind() {
        std::io::ErrorKind::BrokenPipe => SinkError::Closed,
        _ => SinkError::File { path: "standard output".into(), error },
    })
}

/// How to print on an output, in the configured time zone.
///
/// # Errors
/// The time zone is none.
pub fn style(config: &Config, lang: Lang, color: ColorChoice, is_terminal: bool) -> Result<Style, Failure> {
    let general: General = config.section("general");
    let zone = Zone::named(&general.timezone).map_err(Failure::usage)?;
    Ok(Style::of(lang, color, is_terminal, None).in_zone(zone))
}

/// The outputs asked for on the command line, and where that is silent those of the configuration.
///
/// # Errors
/// Two of them are the same.
pub fn outputs(asked: &cli::Outputs, config: &Config) -> Result<cli::Outputs, Failure> {
    let settings: OutputSettings = config.section("output");
    let or = |asked: &Option<cli::Output>, path: String| {
        asked.clone().or_else(|| (!path.is_empty()).then(|| path.parse().unwrap_or(cli::Output::Stdout)))
    };
    let outputs = cli::Outputs {
        findings_out: or(&asked.findings_out, settings.findings),
        exchanges_out: or(&asked.exchanges_out, settings.exchanges),
        observations_out: or(&asked.observations_out, settings.observations),
        ..asked.clone()
    };
    outputs.check().map_err(|wrong| Failure::usage(format!("[output]: {wrong}")))?;
    Ok(outputs)
}

/// Options of a replay's source.
pub fn replay_options(config: &Config, setup: &cli::Setup) -> spyhop_capture::ReplayOptions {
    let capture: CaptureSettings = config.section("capture");
    spyhop_capture::ReplayOptions {
        window: capture.sort_window,
        hold: capture.sort_mib.max(1) << 20,
        filter: filter(&capture, setup),
        ..spyhop_capture::ReplayOptions::default()
    }
}

/// Opens the interfaces that are named, else those of the configuration.
///
/// # Errors
/// None is named, or one cannot be read.
pub fn open_live(config: &Config, setup: &cli::Setup, named: &[String]) -> Result<Live, Failure> {
    let capture: CaptureSettings = config.section("capture");
    let interfaces = if named.is_empty() { &capture.interfaces } else { named };
    if interfaces.is_empty() {
        return Err(Failure::usage(
            "no interface is named: give -i NAME, or set `interfaces` in [capture] of sensor.toml; `spyhop interfaces` lists them",
        ));
    }
    if let Some((_, twice)) = interfaces.iter().enumerate().find(|(at, name)| interfaces[..*at].contains(name)) {
        return Err(Failure::usage(format!("interface {twice} is named twice")));
    }
    let options = spyhop_capture::LiveOptions {
        snap_len: capture.snap_len,
        promiscuous: capture.promiscuous,
        buffer: capture.buffer_mib.clamp(1, 2_047) << 20,
        filter: filter(&capture, setup),
        ..spyhop_capture::LiveOptions::default()
    };
    let names: Vec<&str> = interfaces.iter().map(String::as_str).collect();
    Ok(Live::open(&names, &options)?)
}

/// Keeps the raw packets of a live source, where that is asked for; returns the directory.
///
/// # Errors
/// It cannot be written.
pub fn record(live: &mut Live, config: &Config, named: Option<&Path>) -> Result<Option<PathBuf>, Failure> {
    let capture: CaptureSettings = config.section("capture");
    let configured = || (!capture.write.is_empty()).then(|| PathBuf::from(&capture.write));
    let Some(directory) = named.map(Path::to_owned).or_else(configured) else { return Ok(None) };
    let (file, files) = (capture.write_mib.max(1) << 20, capture.write_files.max(1));
    live.record(Recording { directory: directory.clone(), file, files }, capture.snap_len)?;
    Ok(Some(directory))
}

fn filter(capture: &CaptureSettings, setup: &cli::Setup) -> Option<String> {
    setup.filter.clone().or_else(|| (!capture.filter.is_empty()).then(|| capture.filter.clone()))
}

/// Types of the operator's own, and grades. Those types can be graded anew, too, so that only here it is known whether
/// every type that is named is there.
///
/// # Errors
/// A type that is not usable, or not known.
pub fn types(config: &Config) -> Result<(CustomTypes, Grading), Failure> {
    let types = CustomTypes::new(&config.section("types")).map_err(Failure::usage)?;
    let grading = Grading::new(&config.section("grading"), &types)
        .map_err(|wrong| Failure::usage(format!("[grading]: {wrong}")))?;
    Ok((types, grading))
}

/// The file of the key: the one that was named, else the state directory's.
pub fn key_file(named: Option<&Path>, general: &General, state: Option<&Path>) -> Option<PathBuf> {
    let configured = || (!general.key_file.is_empty()).then(|| PathBuf::from(&general.key_file));
    named.map(Path::to_owned).or_else(configured).or_else(|| state.map(state::key_file))
}

fn find_key(path: Option<&Path>, notices: &mut Vec<String>) -> Result<Key, Failure> {
    let Some(path) = path else { return crate::key::passing_key().map_err(Failure::failed) };
    let (key, made) = crate::key::key(path).map_err(Failure::failed)?;
    if made {
        notices.push(format!(
            "made the key {} in {}; keep it: only the same key gives the same fingerprints",
            key.id(),
            path.display()
        ));
    }
    Ok(key)
}
