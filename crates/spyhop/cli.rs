//! The command line: commands, options and their help. What they do stands elsewhere.

use std::convert::Infallible;
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Args, ColorChoice, CommandFactory, Parser, Subcommand, ValueEnum, ValueHint};
use spyhop_model::{Lang, Severity};

use crate::config::{nearest, quoted};
use crate::inventory::ListInventory;
use crate::ledger::LedgerCommand;
use crate::top::Top;
use crate::trace::Trace;

/// Exit codes.
pub mod exit {
    /// Done.
    pub const DONE: u8 = 0;
    /// Something failed on the way.
    pub const FAILED: u8 = 1;
    /// Wrong usage or configuration; nothing was begun. The code that clap uses too.
    pub const USAGE: u8 = 2;
    /// A finding is at least as severe as `--fail-on` says.
    pub const FOUND: u8 = 3;
}

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  failed: an input, output or interface could not be used to its end
  2  wrong usage or configuration; nothing was begun
  3  done, and a finding is at least as severe as --fail-on, or the doctor found a fault";

const AFTER: &str = "\
Examples:
  spyhop replay capture.pcap                      read findings on the terminal
  spyhop replay day1.pcap.gz day2.pcapng --findings-out findings.jsonl
  sudo spyhop run -i eth1                         watch a mirror port
  sudo spyhop doctor -i eth1                      is the mirror as it should be?
  spyhop explain auth.weak_password               what a finding means";

/// Reads mirrored API traffic and reports weak, leaking and abused endpoints.
///
/// Spyhop is a passive sensor: packets from a mirror port or capture files go in, findings come out, on the terminal, as JSON lines
/// or to Kafka. It sends nothing into the network that it watches. It needs no configuration file to begin with.
#[derive(Clone, Debug, Parser)]
#[command(name = "spyhop", version, max_term_width = 100, after_help = AFTER, after_long_help = format!("{AFTER}\n\n{EXIT_CODES}"))]
#[command(propagate_version = true, subcommand_required = true, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,

    /// When to use colours; `auto` is on a terminal, unless NO_COLOR is set.
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t = ColorChoice::Auto)]
    pub color: ColorChoice,
}

/// A command.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Read capture files and report what they hold.
    ///
    /// Files are read as one stream in the order of capture time, whatever their order here: rotated captures join, captures of
    /// several ports merge. A replay begins with an empty memory unless --state is given, and goes to Kafka only with --publish.
    Replay(Box<Replay>),
    /// Watch an interface until it is stopped.
    ///
    /// Findings are printed as they change, and go to Kafka if [kafka] in the configuration names brokers.
    Run(Box<Run>),
    /// Say what is wrong with a mirror port, and what to change on the switch.
    ///
    /// Looks at captures, or at an interface for a while: connections seen one way, packets that come twice, are cut short or were lost
    /// before the sensor, for each port and VLAN. Nothing is kept. Exits with 3 if a mirror needs to be changed.
    Doctor(Box<Doctor>),
    /// List hosts and endpoints: activity, callers, authentication, and the data that they return and take.
    ///
    /// From captures, or from what a sensor has learnt (--state), which may be running meanwhile.
    Inventory(Box<ListInventory>),
    /// Say who obtained values, or what an account, a client, a session or an endpoint had to do with.
    ///
    /// Asks the ledger, to which a sensor may be writing meanwhile. Values come from a file or from standard input, never from the
    /// command line; they are hashed at once, and neither kept nor shown.
    Trace(Box<Trace>),
    /// Show a running sensor: rates, endpoints, findings, losses.
    Top(Top),
    /// Show, verify, copy or tidy the durable record of calls and findings.
    #[command(subcommand)]
    Ledger(LedgerCommand),
    /// Check, show or write the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Show, export or import the key of fingerprints.
    ///
    /// Sensors with one key give equal values equal fingerprints, so that a value is known again wherever it passes. A key leaves
    /// its host encrypted only, as a file that age (age-encryption.org) reads, too.
    #[command(subcommand)]
    Key(KeyCommand),
    /// Say what a kind of finding means, what to do and what can be set.
    Explain(Explain),
    /// List all kinds of findings.
    Kinds(Kinds),
    /// List the interfaces that packets can be captured from.
    Interfaces,
    /// Print the JSON Schema of what is written out.
    Schema(Schema),
    /// Print a completion script for a shell.
    #[command(after_help = "Example:\n  spyhop completions bash > /etc/bash_completion.d/spyhop")]
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print the manual page, or write one for each command.
    #[command(after_help = "Examples:\n  spyhop man | man -l -\n  spyhop man --out /usr/local/share/man/man1")]
    Man {
        /// Write the pages of all commands into this directory.
        #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
        out: Option<PathBuf>,
    },
}

const REPLAY_AFTER: &str = "\
Examples:
  spyhop replay capture.pcap
  spyhop replay /var/captures --lang zh
  spyhop replay a.pcap b.pcap.gz --format json | jq .kind
  spyhop replay a.pcap --findings-out findings.jsonl --exchanges-out exchanges.jsonl
  spyhop replay a.pcap --filter 'port 8080' --fail-on high -q";

/// `spyhop replay`.
#[derive(Args, Clone, Debug)]
#[command(after_help = REPLAY_AFTER, after_long_help = format!("{REPLAY_AFTER}\n\n{EXIT_CODES}"))]
pub struct Replay {
    /// Captures (pcap, pcapng, either with gzip), or directories of them.
    #[arg(required = true, value_name = "FILE|DIR", value_hint = ValueHint::AnyPath)]
    pub inputs: Vec<PathBuf>,

    /// What is written where.
    #[command(flatten)]
    pub outputs: Outputs,

    /// What to work with.
    #[command(flatten)]
    pub setup: Setup,

    /// Publish to Kafka, as [kafka] in the configuration says.
    #[arg(long, help_heading = "Output")]
    pub publish: bool,

    /// Write every change of a finding, not only its final state.
    #[arg(long, help_heading = "Output")]
    pub updates: bool,

    /// Exit with 3 if a finding is at least this severe.
    #[arg(long, value_name = "SEVERITY", value_parser = severity(), help_heading = "Output")]
    pub fail_on: Option<Severity>,

    /// Write targets, hosts, user agents and account names into --exchanges-out as on the wire, with personal values, tokens and
    /// passwords in them. Only for measuring the sensor on captures that hold nothing real.
    #[arg(long, requires = "exchanges_out", help_heading = "Output")]
    pub raw_fields: bool,

    /// Show no progress bar.
    #[arg(short = 'q', long, visible_alias = "quiet", help_heading = "Output")]
    pub no_progress: bool,
}

const RUN_AFTER: &str = "\
Examples:
  sudo spyhop run -i eth1
  sudo spyhop run --config /etc/spyhop/sensor.toml --findings-out /var/log/spyhop/findings.jsonl
  sudo spyhop run -i tap-tx -i tap-rx             a tap with one direction on each port
  sudo spyhop run -i eth1 --filter 'tcp port 80 or tcp port 8080' --format json

Ctrl-C or SIGTERM ends it: what is on its way is finished, then the summary is printed.";

/// `spyhop run`.
#[derive(Args, Clone, Debug)]
#[command(after_help = RUN_AFTER, after_long_help = format!("{RUN_AFTER}\n\n{EXIT_CODES}"))]
pub struct Run {
    /// The interface at the mirror port; `spyhop interfaces` lists them. Once for each where there are several. It comes before those
    /// of the configuration.
    #[arg(short, long = "interface", value_name = "NAME")]
    pub interfaces: Vec<String>,

    /// Keep the raw packets in this directory, in rotating pcapng files: with all passwords and personal data in them.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub write: Option<PathBuf>,

    /// What is written where.
    #[command(flatten)]
    pub outputs: Outputs,

    /// What to work with.
    #[command(flatten)]
    pub setup: Setup,
}

const DOCTOR_AFTER: &str = "\
Examples:
  sudo spyhop doctor -i eth1
  sudo spyhop doctor -i eth1 --seconds 300 --lang zh
  spyhop doctor capture.pcap --format json";

/// `spyhop doctor`.
#[derive(Args, Clone, Debug)]
#[command(after_help = DOCTOR_AFTER, after_long_help = format!("{DOCTOR_AFTER}\n\n{EXIT_CODES}"))]
pub struct Doctor {
    /// Captures (pcap, pcapng, either with gzip), or directories of them.
    #[arg(value_name = "FILE|DIR", value_hint = ValueHint::AnyPath, conflicts_with = "interfaces")]
    pub inputs: Vec<PathBuf>,

    /// The interface at the mirror port; `spyhop interfaces` lists them. Once for each where there are several. It comes before those
    /// of the configuration.
    #[arg(short, long = "interface", value_name = "NAME")]
    pub interfaces: Vec<String>,

    /// How long to look at the interface.
    #[arg(long, value_name = "SECONDS", default_value = "30")]
    pub seconds: NonZeroU32,

    /// How it is told.
    #[arg(long, value_enum, default_value_t = Format::Pretty)]
    pub format: Format,

    /// The language.
    #[arg(long, value_parser = lang(), default_value = "en")]
    pub lang: Lang,

    /// What to work with.
    #[command(flatten)]
    pub setup: Setup,
}

/// What is written where.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Output")]
pub struct Outputs {
    /// Write findings as JSON lines; `-` is standard output.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub findings_out: Option<Output>,

    /// Write every HTTP exchange as JSON lines; `-` is standard output. Personal values, tokens and passwords stand there as masks.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub exchanges_out: Option<Output>,

    /// Write every sensitive value seen, masked, as JSON lines; `-` is standard output.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub observations_out: Option<Output>,

    /// How findings are printed on standard output.
    #[arg(long, value_enum, default_value_t = Format::Pretty)]
    pub format: Format,

    /// The language of findings, on the terminal and in JSON, and of the summary.
    #[arg(long, value_parser = lang(), default_value = "en")]
    pub lang: Lang,
}

impl Outputs {
    /// The options that send something else than what `--format` prints to standard output.
    pub fn on_stdout(&self) -> Vec<&'static str> {
        let all = [
            ("--findings-out", &self.findings_out),
            ("--exchanges-out", &self.exchanges_out),
            ("--observations-out", &self.observations_out),
        ];
        all.into_iter().filter(|(_, output)| **output == Some(Output::Stdout)).map(|(name, _)| name).collect()
    }

    /// Standard output belongs to whoever wrote `-`; without one, findings are printed there as `--format` says.
    pub fn prints_findings(&self) -> bool {
        self.on_stdout().is_empty()
    }

    /// Whether each output has its own place.
    ///
    /// # Errors
    /// A sentence about two that have the same.
    pub fn check(&self) -> Result<(), String> {
        let on_stdout = self.on_stdout();
        if on_stdout.len() > 1 {
            return Err(format!("only one output can be `-`, not both {}", on_stdout.join(" and ")));
        }
        let files: Vec<&Path> = [&self.findings_out, &self.exchanges_out, &self.observations_out]
            .into_iter()
            .filter_map(|output| match output {
                // Devices such as /dev/null may be named more than once.
                Some(Output::File(path)) if !path.starts_with("/dev") => Some(path.as_path()),
                _ => None,
            })
            .collect();
        match files.iter().enumerate().find(|(at, path)| files[..*at].contains(path)) {
            Some((_, path)) => Err(format!("two outputs name {}; give each its own file", path.display())),
            None => Ok(()),
        }
    }
}

/// What to work with.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Set-up")]
pub struct Setup {
    /// The configuration. Default: ./sensor.toml, else /etc/spyhop/sensor.toml, else built-in defaults.
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,

    /// Where what was learnt is kept from one start to the next.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub state: Option<PathBuf>,

    /// The secret key of fingerprints: equal values get equal fingerprints only under the same key.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub key_file: Option<PathBuf>,

    /// Worker threads. Findings are the same for any number.
    #[arg(short, long, value_name = "N")]
    pub workers: Option<NonZeroUsize>,

    /// Only packets that this expression takes, in the language of tcpdump (pcap-filter(7)).
    #[arg(long, value_name = "EXPRESSION")]
    pub filter: Option<String>,
}

/// `spyhop config`.
#[derive(Clone, Debug, Subcommand)]
pub enum ConfigCommand {
    /// Tell all mistakes of a configuration at once; exits with 2 if there are any.
    Check(ConfigFile),
    /// Print the configuration in effect, with a mark where it differs from the default. Secrets are not shown.
    Show(ConfigFile),
    /// Print a sensor.toml with every setting, its default and a sentence.
    #[command(after_help = "Example:\n  spyhop config default > sensor.toml")]
    Default,
}

/// `spyhop key`.
#[derive(Clone, Debug, Subcommand)]
pub enum KeyCommand {
    /// Print the identifier of a key, which stands beside every fingerprint made with it.
    Show {
        /// The key.
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        key_file: PathBuf,
    },
    /// Write the key, encrypted.
    #[command(
        after_help = "Example:\n  spyhop key export --key-file /var/lib/spyhop/key --passphrase-file phrase --out key.age"
    )]
    Export {
        /// The key.
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        key_file: PathBuf,
        /// Where to write it; a file that is there stays.
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        out: PathBuf,
        /// For whoever has the identity of this recipient (`age1…`).
        #[arg(
            long,
            value_name = "RECIPIENT",
            conflicts_with = "passphrase_file",
            required_unless_present = "passphrase_file"
        )]
        to: Option<String>,
        /// Under the passphrase in the first line of this file, 12 characters at least; `-` is standard input.
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        passphrase_file: Option<PathBuf>,
    },
    /// Read an exported key, and write it as a key file.
    #[command(
        after_help = "Example:\n  spyhop key import key.age --passphrase-file phrase --key-file /var/lib/spyhop/key"
    )]
    Import {
        /// What was exported.
        #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: PathBuf,
        /// Where the key is to be; a file that is there stays.
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        key_file: PathBuf,
        /// The identity of the recipient it was exported to (`AGE-SECRET-KEY-…`).
        #[arg(long, value_name = "FILE", conflicts_with = "passphrase_file", required_unless_present = "passphrase_file", value_hint = ValueHint::FilePath)]
        identity: Option<PathBuf>,
        /// Its passphrase, in the first line of this file; `-` is standard input.
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        passphrase_file: Option<PathBuf>,
    },
}

/// A configuration file.
#[derive(Args, Clone, Debug)]
pub struct ConfigFile {
    /// The file. Default: ./sensor.toml, else /etc/spyhop/sensor.toml, else built-in defaults.
    #[arg(value_hint = ValueHint::FilePath)]
    pub file: Option<PathBuf>,
}

/// `spyhop explain`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Example:\n  spyhop explain data.unmasked --lang zh")]
pub struct Explain {
    /// A kind of finding; `spyhop kinds` lists them.
    pub kind: String,

    /// The language.
    #[arg(long, value_parser = lang(), default_value = "en")]
    pub lang: Lang,
}

/// `spyhop kinds`.
#[derive(Args, Clone, Debug)]
pub struct Kinds {
    /// The language.
    #[arg(long, value_parser = lang(), default_value = "en")]
    pub lang: Lang,
}

/// `spyhop schema`.
#[derive(Args, Clone, Debug)]
pub struct Schema {
    /// Of what.
    #[arg(value_enum, default_value_t = Record::Finding)]
    pub of: Record,
}

/// What is written out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Record {
    /// A finding.
    Finding,
    /// An HTTP exchange, as in files.
    Exchange,
    /// A TLS handshake, as in files of exchanges.
    Handshake,
    /// An HTTP exchange with flat names, as in Kafka.
    FlatExchange,
    /// A sensitive value that was seen.
    Observation,
    /// Further values of a body that is rich in them, among the observations.
    Values,
}

/// How findings are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Pretty,
    /// One JSON object a line.
    Json,
}

/// Where something is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Standard output, written `-`.
    Stdout,
    /// A file.
    File(PathBuf),
}

impl FromStr for Output {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Output, Infallible> {
        Ok(if text == "-" { Output::Stdout } else { Output::File(text.into()) })
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Output::Stdout => f.write_str("standard output"),
            Output::File(path) => path.display().fmt(f),
        }
    }
}

impl Cli {
    /// From the arguments of the process. Prints help or what is wrong and exits (0 or 2) where there is nothing to do.
    pub fn from_process() -> Cli {
        Cli::read(std::env::args_os()).unwrap_or_else(|error| error.exit())
    }

    /// From arguments, the program's name first.
    ///
    /// # Errors
    /// Wrong usage, or that help was asked for.
    pub fn read<I>(arguments: I) -> Result<Cli, clap::Error>
    where
        I: IntoIterator,
        I::Item: Into<OsString> + Clone,
    {
        let cli = Cli::try_parse_from(arguments)?;
        let (name, outputs) = match &cli.command {
            Command::Replay(replay) => ("replay", &replay.outputs),
            Command::Run(run) => ("run", &run.outputs),
            _ => return Ok(cli),
        };
        match outputs.check() {
            Ok(()) => Ok(cli),
            Err(what) => {
                let mut whole = Cli::command();
                whole.build();
                let command = whole.find_subcommand_mut(name);
                Err(match command {
                    Some(command) => command.error(ErrorKind::ArgumentConflict, what),
                    None => whole.error(ErrorKind::ArgumentConflict, what),
                })
            }
        }
    }
}

fn severity() -> impl TypedValueParser<Value = Severity> {
    PossibleValuesParser::new(Severity::ALL.map(Severity::name)).map(|name| {
        let known = Severity::ALL.into_iter().find(|severity| severity.name() == name);
        known.unwrap_or(Severity::Critical)
    })
}

pub(crate) fn lang() -> impl TypedValueParser<Value = Lang> {
    PossibleValuesParser::new(["en", "zh"]).map(|name| if name == "zh" { Lang::Zh } else { Lang::En })
}

/// What to say of a kind that is not there.
pub fn unknown_kind<'a>(kind: &str, known: impl Iterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.collect();
    let kind = crate::pretty::plain(kind);
    match nearest(&kind, known.iter().copied()) {
        Some(near) => format!("there is no kind `{kind}`; did you mean `{near}`?"),
        None => format!("there is no kind `{kind}`; there are {}", quoted(&known, "and")),
    }
}

/// Writes a completion script.
///
/// # Errors
/// What the output says.
pub fn completions(shell: clap_complete::Shell, out: &mut impl io::Write) -> io::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "spyhop", &mut script);
    out.write_all(&script)
}

/// Writes the manual page of the program, without its commands' pages.
///
/// # Errors
/// What the output says.
pub fn manual(out: &mut impl io::Write) -> io::Result<()> {
    clap_mangen::Man::new(Cli::command()).render(out)
}

/// Writes `spyhop.1`, `spyhop-replay.1`, … into a directory, which is made if it is not there.
///
/// # Errors
/// What the file system says.
pub fn manuals(directory: &Path) -> io::Result<()> {
    std::fs::create_dir_all(directory)?;
    clap_mangen::generate_to(Cli::command(), directory)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Cli, clap::Error> {
        Cli::read(line.split_whitespace())
    }

    fn refused(line: &str) -> String {
        let error = read(line).expect_err(line);
        assert_eq!(error.exit_code(), i32::from(exit::USAGE), "{line}");
        error.render().to_string()
    }

    fn help(line: &str) -> String {
        let error = read(line).expect_err(line);
        assert_eq!(error.exit_code(), i32::from(exit::DONE), "{line}");
        error.render().to_string()
    }

    #[test]
    fn the_definitions_hold() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_replay_with_everything() {
        let cli = read(
            "spyhop replay a.pcap dir --findings-out - --exchanges-out x.jsonl --observations-out o.jsonl --workers 4 --config c.toml \
             --state s --key-file k --publish --fail-on high --filter tcp --format json --lang zh --updates --raw-fields -q --color never",
        )
        .expect("good arguments");
        assert_eq!(cli.color, ColorChoice::Never);
        let Command::Replay(replay) = cli.command else { panic!("a replay") };
        assert_eq!(replay.inputs, [PathBuf::from("a.pcap"), PathBuf::from("dir")]);
        assert_eq!(replay.outputs.findings_out, Some(Output::Stdout));
        assert_eq!(replay.outputs.exchanges_out, Some(Output::File("x.jsonl".into())));
        assert_eq!((replay.outputs.format, replay.outputs.lang), (Format::Json, Lang::Zh));
        assert_eq!(replay.setup.workers, NonZeroUsize::new(4));
        assert_eq!(replay.fail_on, Some(Severity::High));
        assert!(replay.publish && replay.updates && replay.raw_fields && replay.no_progress);
        assert!(!replay.outputs.prints_findings());
    }

    #[test]
    fn defaults_are_for_people() {
        let Command::Replay(replay) = read("spyhop replay a.pcap").expect("good").command else { panic!("a replay") };
        assert_eq!((replay.outputs.format, replay.outputs.lang), (Format::Pretty, Lang::En));
        assert!(replay.outputs.prints_findings() && !replay.publish && replay.fail_on.is_none());
        let Command::Run(run) = read("spyhop run -i eth1 --lang zh").expect("good").command else { panic!("a run") };
        assert_eq!(run.interfaces, ["eth1"]);
        let Command::Schema(schema) = read("spyhop schema").expect("good").command else { panic!("a schema") };
        assert_eq!(schema.of, Record::Finding);
    }

    #[test]
    fn wrong_usage_says_what_is_wrong() {
        assert!(refused("spyhop replay").contains("<FILE|DIR>..."));
        assert!(refused("spyhop replay a --workers 0").contains("--workers"));
        assert!(refused("spyhop replay a --fail-on hihg").contains("'high'"));
        assert!(refused("spyhop replay a --lang fr").contains("[possible values: en, zh]"));
        assert!(refused("spyhop replay a --raw-fields").contains("--exchanges-out"));
        assert!(refused("spyhop run --raw-fields").contains("--raw-fields"));
        assert!(refused("spyhop relay a").contains("'replay'"));
        let both = refused("spyhop replay a --findings-out - --exchanges-out -");
        assert!(both.contains("only one output can be `-`, not both --findings-out and --exchanges-out"), "{both}");
        let same = refused("spyhop run --findings-out a --observations-out a");
        assert!(same.contains("two outputs name a; give each its own file") && same.contains("spyhop run"), "{same}");
        assert!(read("spyhop run --findings-out /dev/null --observations-out /dev/null").is_ok());
    }

    #[test]
    fn help_has_examples_and_exit_codes() {
        for command in ["replay", "run"] {
            let text = help(&format!("spyhop {command} --help"));
            assert!(
                text.contains("Kafka") && text.contains("Examples:") && text.contains("3  done, and a finding"),
                "{text}"
            );
            assert!(!help(&format!("spyhop {command} -h")).contains("Exit codes"));
        }
        assert!(help("spyhop --help").contains("Exit codes:"));
        for command in ["config check", "config show", "config default", "explain", "kinds", "interfaces", "schema"] {
            help(&format!("spyhop {command} --help"));
        }
    }

    #[test]
    fn a_wrong_kind_is_told_the_nearest() {
        let kinds = ["auth.weak_password", "data.unmasked"];
        assert_eq!(
            unknown_kind("weak_pasword", kinds.into_iter()),
            "there is no kind `weak_pasword`; did you mean `auth.weak_password`?"
        );
        assert_eq!(
            unknown_kind("x\u{1b}", kinds.into_iter()),
            "there is no kind `x\\u{1b}`; there are `auth.weak_password` and `data.unmasked`"
        );
    }

    #[test]
    fn completions_and_manual_pages_are_written() {
        for shell in clap_complete::Shell::value_variants() {
            let mut script = Vec::new();
            completions(*shell, &mut script).expect("memory");
            assert!(String::from_utf8_lossy(&script).contains("replay"), "{shell}");
        }
        let mut page = Vec::new();
        manual(&mut page).expect("memory");
        assert!(String::from_utf8_lossy(&page).contains("spyhop"));
        let directory = tempfile::tempdir().expect("a directory");
        manuals(directory.path()).expect("written");
        assert!(directory.path().join("spyhop-replay.1").exists());
    }
}
