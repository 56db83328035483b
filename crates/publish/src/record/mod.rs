//! The formats of what leaves the sensor. The structs here *are* the formats: their fields in their order are the
//! fields of the JSON objects, and the JSON Schemas in `crates/publish/schema` are generated from them.
//!
//! Rules that hold for all of them:
//! - A field that has nothing to say is left out (absent, empty list, empty map); it is never `null`.
//! - Times are RFC 3339 in UTC with nine decimals; all other numbers are integers.
//! - Fingerprints and finding ids are hexadecimal strings, since JSON readers lose digits of 64-bit numbers.
//! - Text is redacted; only an [`ExchangeRecord`] of a call that carries raw fields shows them, and says so.

mod dead_letter;
mod exchange;
mod finding;
mod flat;
mod handshake;
mod observation;
pub mod ocsf;
mod respond;
mod schema;
mod values;
pub mod words;

use std::sync::Arc;

use spyhop_model::KeyId;

pub use dead_letter::DeadLetter;
pub use exchange::{AgentRecord, EndRecord, ExchangeRecord, LoginRecord, RequestRecord, ResponseRecord, SeenRecord};
pub use finding::{Entities, Evidence, FindingRecord, InvolvedRecord, Named, RespondRecord};
pub use flat::FlatExchange;
pub use handshake::{HandshakeRecord, TlsRecord};
pub use observation::{ObservationRecord, PlaceRecord};
pub use respond::respond_text;
pub use schema::{SchemaFile, schemas};
pub use values::ValuesRecord;

/// Names that stand in every record of one sensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// The sensor's configured name.
    pub sensor: Arc<str>,
    /// The key behind the fingerprints.
    pub key_id: KeyId,
}
