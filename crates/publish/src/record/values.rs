//! Values of a body that is too rich for its observations, among the observations of `--observations-out`.

use schemars::JsonSchema;
use serde::Serialize;
use spyhop_model::{ExchangeId, Values};

use super::words::{ExchangeName, FormWord, HalfWord, KeyName, Print, Time};
use super::{Names, PlaceRecord};

/// Fingerprints of values beyond those that stand in the observations of their exchange, told while its body passed. They are
/// counted there; a value that comes again may stand here again.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "spyhop.values/1")]
pub struct ValuesRecord<'a> {
    /// The exchange.
    pub exchange: ExchangeName,
    /// Capture time when they were told.
    pub ts: Time,
    /// Type, such as `cn_mobile`.
    #[serde(rename = "type")]
    pub what: &'static str,
    /// In which half of the exchange.
    pub direction: HalfWord,
    /// Where in that half.
    pub place: PlaceRecord,
    /// Shown in full or masked.
    pub form: FormWord,
    /// The values as keyed fingerprints, in order of appearance; at most 4,096.
    pub values: Vec<Print>,
    /// Name of the sensor.
    pub sensor: &'a str,
    /// Names the key of all fingerprints in this record.
    pub key_id: KeyName,
}

impl<'a> ValuesRecord<'a> {
    /// The name of this format.
    pub const SCHEMA: &'static str = "spyhop.values/1";

    /// Values as they leave.
    pub fn new(values: &Values, names: &'a Names) -> ValuesRecord<'a> {
        ValuesRecord {
            exchange: ExchangeId { flow: values.moment.flow, ordinal: values.moment.ordinal }.into(),
            ts: values.moment.at.into(),
            what: values.what.id,
            direction: values.half.into(),
            place: PlaceRecord::new(&values.place),
            form: values.form.into(),
            values: values.fingerprints.iter().map(|print| (*print).into()).collect(),
            sensor: &names.sensor,
            key_id: names.key_id.into(),
        }
    }
}
