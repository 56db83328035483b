//! The sensor as one program: configuration, command line, and the pipeline that joins the crates.

pub mod cli;
pub mod config;
pub mod key;
pub mod memory;
pub mod metrics;
pub mod pipeline;
pub mod pretty;
pub mod session;
pub mod settings;
pub mod state;

mod doctor;
mod inventory;
mod ledger;
mod losses;
mod privileges;
mod process;
mod replay;
mod run;
mod service;
mod top;
mod trace;

pub use doctor::doctor;
pub use inventory::inventory;
pub use ledger::ledger;
pub use replay::replay;
pub use run::run;
pub use top::top;
pub use trace::trace;
