//! All sections of `sensor.toml`, and what can be used of a configuration once it is read.

use std::path::Path;

use spyhop_detect::{DETECTORS, LossSettings, MirrorSettings, Table};
use spyhop_identify::{AccountLimits, EndpointLimits, FieldLimits, Networks, SessionLimits};
use spyhop_inspect::types::{GradingSettings, TypeSettings};
use spyhop_ledger::LedgerSettings;
use spyhop_model::{Settings, Span, settings};
use spyhop_publish::kafka::KafkaSettings;

use crate::config::{Document, Mistake, Section, locate};
use crate::memory::{self, Memory};
use crate::metrics::MetricsSettings;
use crate::pipeline::Pipeline;
use crate::pretty::Zone;

settings! {
    /// The sensor itself.
    pub struct General {
        /// The name under which the sensor reports.
        id: String = "spyhop".to_owned(),
        /// File with the secret key of fingerprints; empty: the state directory's, else one that lives for one run.
        key_file: String = String::new(),
        /// Directory where what was learnt is kept from one start to the next; empty: an empty memory at each start.
        state: String = String::new(),
        /// What was learnt is saved so often while a sensor runs, besides at its end; 0 saves at the end only. Detection pauses while it is gathered.
        save_every: Span = Span::minutes(10),
        /// The user that a live sensor becomes when root starts it; empty: it stays root, without root's capabilities.
        user: String = String::new(),
        /// The time zone in which people read times and work, as in the IANA database. JSON and Kafka hold UTC.
        timezone: String = "Asia/Shanghai".to_owned(),
    }
}

settings! {
    /// Where findings and records are written, besides Kafka. Options of the command line come first.
    pub struct OutputSettings {
        /// File of findings as JSON lines; "-" is the standard output, empty none.
        findings: String = String::new(),
        /// File of exchanges as JSON lines.
        exchanges: String = String::new(),
        /// File of observations as JSON lines.
        observations: String = String::new(),
    }
}

settings! {
    /// Where packets come from.
    pub struct CaptureSettings {
        /// The interfaces at the mirror ports. Two that carry one direction each, as a tap has them, are read as one.
        interfaces: Vec<String> = Vec::new(),
        /// Only packets that this expression takes, in the language of tcpdump; empty takes all.
        filter: String = String::new(),
        /// Take packets that are addressed to others, as a mirror port needs.
        promiscuous: bool = true,
        /// Bytes kept of each packet.
        snap_len: u32 = 262_144,
        /// Kernel buffer in MiB, for each interface.
        buffer_mib: u32 = 64,
        /// Directory in which a live run keeps the raw packets, with all passwords and personal data in them; empty keeps none.
        write: String = String::new(),
        /// MiB after which the next file of raw packets begins.
        write_mib: u64 = 256,
        /// Files of raw packets that are kept; the oldest goes first.
        write_files: usize = 40,
        /// Packets in files that are out of order by less than this are put in order.
        sort_window: Span = Span::seconds(1),
        /// MiB of packets held for sorting; where more come within the window, less than the window is sorted.
        sort_mib: usize = 8,
    }
}

settings! {
    /// The journal in memory from which publishers read.
    pub struct JournalSettings {
        /// Records it holds. A replay waits when it is full; a live sensor drops exchanges, then findings, and counts them.
        records: usize = 20_000,
        /// MiB it holds.
        mib: usize = 32,
    }
}

/// A configuration that can be used.
#[derive(Clone, Debug)]
pub struct Config {
    document: Document,
}

impl Config {
    /// Reads the file that was named, else the first that is there, else takes the defaults.
    ///
    /// # Errors
    /// All mistakes in it.
    pub fn load(named: Option<&Path>) -> Result<Config, Vec<Mistake>> {
        let sections = sections();
        let mut document = match locate(named) {
            Some(path) => Document::load(&path, &sections)?,
            None => Document::defaults(&sections),
        };
        match memory::apply(&mut document) {
            Ok(()) => Ok(Config { document }),
            Err(wrong) => {
                let source = document.source().unwrap_or_default();
                Err(wrong.into_iter().map(|what| Mistake::of_file(source, what)).collect())
            }
        }
    }

    /// Itself where `taken` says so of a section, and another's else.
    pub fn with_others_of(mut self, other: &Config, taken: impl Fn(&str) -> bool) -> Config {
        self.document.take_others(&other.document, taken);
        self
    }

    /// What was read.
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// A section's settings.
    pub fn section<S: Settings>(&self, name: &str) -> S {
        self.document.section(name)
    }

    /// How much is held of what is learnt of callers.
    pub fn identity(&self) -> spyhop_identify::Limits {
        spyhop_identify::Limits {
            endpoints: self.section("endpoints"),
            fields: self.section("fields"),
            accounts: self.section("accounts"),
            sessions: self.section("sessions"),
        }
    }

    /// All detectors with their settings.
    ///
    /// # Errors
    /// A sentence about a detector that cannot be built; reading has checked each of them.
    pub fn detectors(&self) -> Result<Vec<Box<dyn Table>>, String> {
        DETECTORS
            .iter()
            .map(|entry| {
                (entry.build)(self.document.object(entry.rule.kind))
                    .map_err(|wrong| format!("[{}]: {wrong}", entry.rule.kind))
            })
            .collect()
    }
}

/// Every section, in the order of the file.
pub fn sections() -> Vec<Section> {
    let mut sections = vec![
        Section::checked::<General>("general", usable_general),
        Section::of::<OutputSettings>("output"),
        Section::of::<CaptureSettings>("capture"),
        Section::checked::<Networks>("networks", usable_networks),
        Section::checked::<Memory>("memory", memory::usable),
        Section::of::<Pipeline>("pipeline"),
        Section::of::<spyhop_stream::TunnelPorts>("tunnels"),
        Section::of::<spyhop_stream::FragmentLimits>("fragments"),
        Section::of::<spyhop_stream::Limits>("streams"),
        Section::of::<spyhop_http::Limits>("http"),
        Section::checked::<TypeSettings>("types", TypeSettings::usable),
        Section::of::<GradingSettings>("grading"),
        Section::of::<EndpointLimits>("endpoints"),
        Section::of::<FieldLimits>("fields"),
        Section::of::<AccountLimits>("accounts"),
        Section::of::<SessionLimits>("sessions"),
        Section::of::<JournalSettings>("journal"),
        Section::of::<LedgerSettings>("ledger"),
        Section::checked::<MetricsSettings>("metrics", crate::metrics::usable),
        Section::checked::<KafkaSettings>("kafka", |kafka| match kafka.problems().into_iter().next() {
            Some(problem) => Err(problem.text),
            None => Ok(()),
        }),
        Section::checked::<spyhop_detect::Limits>("detect", usable_kinds),
        Section::checked::<spyhop_detect::Life>("findings", usable_findings),
    ];
    for entry in DETECTORS {
        let build = |value| (entry.build)(value).map(|_| ());
        sections.push(Section::new(entry.rule.kind, entry.about, entry.settings, entry.defaults, build));
    }
    sections.push(Section::of::<LossSettings>(spyhop_detect::Loss::RULE.kind));
    sections.push(Section::of::<MirrorSettings>(spyhop_detect::Mirror::RULE.kind));
    sections
}

fn usable_general(general: &General) -> Result<(), String> {
    Zone::named(&general.timezone).map(|_| ())
}

fn usable_networks(networks: &Networks) -> Result<(), String> {
    spyhop_identify::Locations::open(networks).map(|_| ())
}

fn usable_findings(life: &spyhop_detect::Life) -> Result<(), String> {
    let today = crate::pipeline::wall_clock();
    life.suppress.iter().try_for_each(|one| one.check(today))
}

fn usable_kinds(limits: &spyhop_detect::Limits) -> Result<(), String> {
    match limits.off.iter().find(|kind| spyhop_detect::rule(kind).is_none()) {
        Some(unknown) => Err(crate::cli::unknown_kind(unknown, spyhop_detect::rules().map(|rule| rule.kind))),
        None => Ok(()),
    }
}
