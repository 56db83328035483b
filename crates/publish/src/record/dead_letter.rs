//! What stands for a record that its topic did not take.

use schemars::JsonSchema;
use serde::Serialize;

use super::words::KeyName;

/// A record that Kafka refused for what it is, told by its name: it is too large, or invalid. The record itself stays in
/// the ledger.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "spyhop.dead-letter/1")]
pub struct DeadLetter<'a> {
    /// Format and its version: `spyhop.dead-letter/1`.
    pub schema: &'static str,
    /// The topic that did not take it.
    pub topic: &'a str,
    /// Why, as Kafka says.
    pub reason: &'a str,
    /// Bytes of its value.
    pub bytes: u64,
    /// Its id: of the finding, or of the exchange.
    pub id: &'a str,
    /// The revision of the finding.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<u32>,
    /// The kind of the finding.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<&'static str>,
    /// Name of the sensor.
    pub sensor: &'a str,
    /// Names the key of fingerprints.
    pub key_id: KeyName,
}

impl DeadLetter<'_> {
    /// Name and version of the format.
    pub const SCHEMA: &'static str = "spyhop.dead-letter/1";
}
