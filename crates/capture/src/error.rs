//! What can go wrong: errors that stop a source before its first packet, and defects that end or dent one file.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use spyhop_stream::LinkType;

/// Why a source could not be opened, or a live one ended. Its text says what an operator can do.
#[derive(Debug)]
pub enum CaptureError {
    /// No file was named.
    NoInput,
    /// There is no such file or directory.
    NotFound {
        /// As it was named.
        path: PathBuf,
    },
    /// The operating system refuses it.
    Unreadable {
        /// The file or directory.
        path: PathBuf,
        /// Its reason.
        source: io::Error,
    },
    /// A directory into which packets cannot be written.
    Unwritable {
        /// The directory.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// A directory in which no file is named like a capture.
    NoCaptures {
        /// The directory.
        path: PathBuf,
        /// How many directories stand in it; they are not searched.
        subdirectories: usize,
    },
    /// A file of no bytes, or a gz file that holds none.
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// A file that does not begin like a capture.
    NotACapture {
        /// The file.
        path: PathBuf,
        /// What it begins like.
        begins: Content,
    },
    /// A capture whose header ends early or makes no sense.
    BadHeader {
        /// The file.
        path: PathBuf,
        /// Where in the (decompressed) file, in octets.
        offset: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// A filter expression that libpcap refuses.
    Filter {
        /// The expression.
        expression: String,
        /// The link type that it was compiled for.
        link: LinkType,
        /// What libpcap says.
        message: String,
    },
    /// There is no such interface.
    NoSuchInterface {
        /// As it was named.
        name: String,
        /// Those there are.
        known: Vec<String>,
    },
    /// The process may not capture.
    Permission {
        /// The interface.
        name: String,
    },
    /// The interface is down, or went down.
    Down {
        /// The interface.
        name: String,
    },
    /// Whatever else libpcap says of an interface.
    Interface {
        /// The interface; empty where none is meant.
        name: String,
        /// What libpcap says.
        message: String,
    },
    /// Several at once, so that all can be mended at once.
    Several(Vec<CaptureError>),
}

/// What a file that is no capture begins like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Readable text.
    Text,
    /// Compressed in a way that is not read here; the name of the program that decompresses it.
    Compressed(&'static str),
    /// A capture in a format that is not read here.
    OtherCapture(&'static str),
    /// Something else: its first four octets.
    Unknown([u8; 4]),
}

/// Something wrong with one file of a replay. The other files, and what came before it, are not touched by it.
#[derive(Clone, Debug)]
pub struct Defect {
    /// The file.
    pub path: Arc<Path>,
    /// Where it first occurred, in octets of the (decompressed) file.
    pub offset: u64,
    /// What it is.
    pub fault: Fault,
    /// How often it occurred in this file.
    pub count: u64,
}

/// Kinds of defect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The file ends within a record; the rest of the record is missing.
    Truncated,
    /// A record claims more than the limit on a packet. In a pcap nothing after it can be found; in a pcapng it is
    /// stepped over.
    TooLong {
        /// What it claims, in octets.
        claimed: u64,
        /// The limit in octets.
        limit: u32,
    },
    /// A pcapng block whose lengths contradict each other or its type; nothing after it can be found.
    BadBlock {
        /// What is wrong.
        what: &'static str,
    },
    /// A packet of an interface that the file does not describe; stepped over.
    UnknownInterface,
    /// Reading failed, or the compressed data is damaged.
    Unreadable {
        /// The reason.
        reason: String,
    },
    /// The file could not be read at all, and stood in a directory with others that could.
    NotOpened {
        /// The reason, in full.
        reason: String,
    },
    /// The filter expression cannot be compiled for a link type of the file; its packets are counted as filtered.
    FilterRefused {
        /// The link type.
        link: LinkType,
        /// What libpcap says.
        message: String,
    },
    /// More interfaces than the limit; the packets of those beyond it are read, but share one port.
    TooManyPorts,
}

impl fmt::Display for CaptureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoInput => f.write_str("no capture named: give pcap or pcapng files, or a directory of them"),
            Self::NotFound { path } => {
                write!(f, "{}: no such file or directory: check the name and the current directory", path.display())
            }
            Self::Unreadable { path, source } if source.kind() == io::ErrorKind::PermissionDenied => {
                write!(
                    f,
                    "{}: permission denied: run as a user who may read it, or change its permissions",
                    path.display()
                )
            }
            Self::Unreadable { path, source } => write!(f, "{}: cannot be read: {source}", path.display()),
            Self::Unwritable { path, source } => {
                write!(
                    f,
                    "{}: packets cannot be kept there: {source}: name a directory that can be written",
                    path.display()
                )
            }
            Self::NoCaptures { path, subdirectories: 0 } => {
                write!(f, "{}: no captures in this directory: ", path.display())?;
                f.write_str("files named *.pcap, *.pcapng, *.cap or *.dmp are read, also with .gz or a number behind")
            }
            Self::NoCaptures { path, subdirectories } => write!(
                f,
                "{}: no captures in this directory itself; its {subdirectories} subdirectories are not searched: \
                 name those that are meant",
                path.display()
            ),
            Self::Empty { path } => {
                write!(f, "{}: the file is empty: was the capture stopped before it was written?", path.display())
            }
            Self::NotACapture { path, begins } => {
                write!(f, "{}: not a pcap or pcapng file: ", path.display())?;
                match begins {
                    Content::Text => f.write_str("it is text"),
                    Content::Compressed(program) => write!(f, "it is compressed; unpack it first with `{program}`"),
                    Content::OtherCapture(format) => {
                        write!(f, "it is a {format} capture; convert it first with `editcap -F pcapng`")
                    }
                    Content::Unknown(octets) => {
                        let [a, b, c, d] = octets;
                        write!(f, "it begins with the octets {a:02x} {b:02x} {c:02x} {d:02x}")
                    }
                }
            }
            Self::BadHeader { path, offset, what } => {
                write!(
                    f,
                    "{}: damaged at octet {offset}: {what}: take the capture again or copy it anew",
                    path.display()
                )
            }
            Self::Filter { expression, link, message } => write!(
                f,
                "filter '{expression}' is refused for link type {}: {message}: see pcap-filter(7) for the syntax",
                link.0
            ),
            Self::NoSuchInterface { name, known } => {
                write!(f, "no interface named {name}: there are {}", known.join(", "))
            }
            Self::Permission { name } => write!(
                f,
                "no permission to capture on {name}: the program needs CAP_NET_RAW: \
                 `sudo setcap cap_net_raw+ep PROGRAM`, or run it as root"
            ),
            Self::Down { name } => {
                write!(f, "interface {name} is down: bring it up with `ip link set {name} up`")
            }
            Self::Interface { name, message } if name.is_empty() => write!(f, "libpcap: {message}"),
            Self::Interface { name, message } => write!(f, "interface {name}: {message}"),
            Self::Several(errors) => {
                for (n, error) in errors.iter().enumerate() {
                    let separator = if n == 0 { "" } else { "\n" };
                    write!(f, "{separator}{error}")?;
                }
                Ok(())
            }
        }
    }
}

impl Error for CaptureError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Unreadable { source, .. } | Self::Unwritable { source, .. } => Some(source),
            _ => None,
        }
    }
}

impl CaptureError {
    /// What opening or reading `path` came to.
    pub(crate) fn from_io(path: &Path, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::NotFound => Self::NotFound { path: path.into() },
            _ => Self::Unreadable { path: path.into(), source },
        }
    }
}

impl Fault {
    /// A short name of the kind, fixed, for counters.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Truncated => "truncated",
            Self::TooLong { .. } => "too_long",
            Self::BadBlock { .. } => "bad_block",
            Self::UnknownInterface => "unknown_interface",
            Self::Unreadable { .. } => "unreadable",
            Self::NotOpened { .. } => "not_opened",
            Self::FilterRefused { .. } => "filter_refused",
            Self::TooManyPorts => "too_many_ports",
        }
    }
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Fault::NotOpened { reason } = &self.fault {
            return f.write_str(reason);
        }
        match self.fault {
            Fault::FilterRefused { .. } => write!(f, "{}: ", self.path.display()),
            _ => write!(f, "{}: at octet {}: ", self.path.display(), self.offset),
        }?;
        match &self.fault {
            Fault::Truncated => f.write_str("the file ends within a record; every packet before it was read"),
            Fault::TooLong { claimed, limit } => {
                write!(f, "a record claims {claimed} octets, the limit is {limit}: the file is damaged there")
            }
            Fault::BadBlock { what } => write!(f, "{what}; every packet before it was read"),
            Fault::UnknownInterface => f.write_str("a packet of an interface that the file does not describe"),
            Fault::Unreadable { reason } => write!(f, "{reason}; every packet before it was read"),
            Fault::NotOpened { .. } => Ok(()),
            Fault::FilterRefused { link, message } => {
                write!(f, "the filter cannot be applied to link type {}: {message}", link.0)
            }
            Fault::TooManyPorts => f.write_str("more interfaces than can be told apart"),
        }?;
        if self.count > 1 { write!(f, " ({} times)", self.count) } else { Ok(()) }
    }
}
