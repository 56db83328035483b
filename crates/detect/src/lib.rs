//! Judges events: a registry of detectors, keyed state, and the life of findings. One file per kind of finding.

mod access;
mod auth;
mod baseline;
mod campaign;
mod cells;
mod counts;
mod data;
mod detector;
mod engine;
mod findings;
mod flow;
mod geography;
mod logins;
mod names;
mod population;
mod quantile;
mod registry;
mod sensor;
mod slab;
mod suppression;
mod window;
mod wording;

#[cfg(test)]
mod harness;

pub use cells::{Scene, Subjects, Table};
pub use detector::{CellKey, Context, Detector, Evidence, Verdicts, Views};
pub use engine::{Engine, Limits, TableAccount};
pub use findings::{Findings, Life};
pub use population::Population;
pub use registry::{DETECTORS, Entry, rule, rules};
pub use sensor::{Fault, Loss, LossSettings, Meaning, Mirror, MirrorSettings, Sensor, TapReport, faults, meaning};
pub use suppression::{Day, Prefix, Suppressed, Suppression};
