//! The tests of the whole program, in one binary: linking is what small machines wait for.

mod balance;
mod cli;
mod corpus;
mod generated;
mod golden;
mod hostile;
mod kafka_publish;
mod leaks;
mod ledger;
mod live;
mod mirror;
mod peers;
mod support;
mod workers;
