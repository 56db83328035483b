//! Publishing to Apache Kafka.
//!
//! Findings go to one topic, exchanges to another; the value is the JSON of [`FindingRecord`] and [`FlatExchange`],
//! the key a keyed fingerprint of the primary entity ([`partition_key`]), so that all changes of a finding stand in
//! one partition in their order. Headers: `schema`, `sensor`, `key_id`, `id`; on findings `kind`, `change` and
//! `revision` too. Delivery is at least once: a repeated record has the same `id` (and `revision`). Either topic may
//! speak OCSF instead; what a topic does not take for what it is, a [`DeadLetter`] tells in a topic of its own.
//!
//! [`FindingRecord`]: crate::record::FindingRecord
//! [`FlatExchange`]: crate::record::FlatExchange
//! [`DeadLetter`]: crate::record::DeadLetter

mod health;
mod message;
#[cfg(test)]
mod mock;
mod outbox;
mod producer;
mod settings;
mod sink;

pub use health::{KafkaCounts, KafkaHealth, KafkaState};
pub use message::partition_key;
pub use settings::{Compression, KafkaSettings, Problem, SaslMechanism, SecurityProtocol};
pub use sink::KafkaSink;
