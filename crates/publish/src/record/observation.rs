//! What inspection saw, for `--observations-out`.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::Serialize;
use spyhop_model::{Event, Lang, Observation, Place};

use super::Names;
use super::words::{ExchangeName, FormWord, GradeWord, HalfWord, KeyName, MessageKindWord, PersonalWord, Print, Time};

/// Sensitive values of one type, in one form, at one place of one exchange.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "spyhop.observation/1")]
pub struct ObservationRecord<'a> {
    /// The exchange.
    pub exchange: ExchangeName,
    /// The message, where the values stand in one of a WebSocket or of another channel that the exchange opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<MessageRecord>,
    /// Capture time of the first byte of the exchange, or of the message.
    pub ts: Time,
    /// `METHOD host/path/{id}`.
    pub endpoint: &'a str,
    /// Type, such as `cn_mobile`.
    #[serde(rename = "type")]
    pub what: &'static str,
    /// Name of the type.
    pub type_name: &'static str,
    /// Its grade.
    pub grade: GradeWord,
    /// Its class of personal information.
    pub personal: PersonalWord,
    /// In which half of the exchange.
    pub direction: HalfWord,
    /// Where in that half.
    pub place: PlaceRecord,
    /// Shown in full or masked.
    pub form: FormWord,
    /// One value, masked.
    pub sample: &'a str,
    /// How many values.
    pub count: u32,
    /// How many of them are masked so that they can be guessed cheaply.
    #[serde(skip_serializing_if = "is_zero")]
    pub weakly_masked: u32,
    /// What is known beyond the type: the rule that found a secret, the name of a canary, or the form of a mask (`d` shown,
    /// `*` hidden).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<&'a str>,
    /// Distinct values as keyed fingerprints, in order of appearance, at most 4,096; more stand in further records of the same
    /// place, and those beyond 65,536 in records of values.
    pub fingerprints: Vec<Print>,
    /// Of the best value, in percent.
    #[schemars(range(max = 100))]
    pub confidence: u8,
    /// Findings may rest on it; else it is a candidate only.
    pub reported: bool,
    /// Name of the sensor.
    pub sensor: &'a str,
    /// Names the key of all fingerprints in this record.
    pub key_id: KeyName,
}

/// A message on a channel that an exchange opened.
#[derive(Debug, Serialize, JsonSchema)]
pub struct MessageRecord {
    /// What carries it.
    pub kind: MessageKindWord,
    /// Its number among those of its direction that are not empty, from 0; of gRPC, number 0 is the exchange's own body.
    pub number: u64,
    /// Its length in bytes, decoded.
    pub length: u64,
}

/// Where something stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PlaceRecord {
    /// header, cookie, query, path or body.
    #[serde(rename = "in")]
    #[schemars(extend("enum" = ["header", "cookie", "query", "path", "body"]))]
    pub part: &'static str,
    /// Name of the header, cookie or parameter, number of the path segment from 0, JSON path or field of the body.
    pub at: Cow<'static, str>,
}

impl PlaceRecord {
    pub(super) fn new(place: &Place) -> PlaceRecord {
        let (part, at) = match place {
            Place::Header(name) => ("header", name.to_string()),
            Place::Cookie(name) => ("cookie", name.to_string()),
            Place::Query(name) => ("query", name.to_string()),
            Place::Path(segment) => ("path", segment.to_string()),
            Place::Body(path) => ("body", path.to_string()),
        };
        PlaceRecord { part, at: Cow::Owned(at) }
    }
}

/// Only what says something is written.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "as the serializer asks")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

impl<'a> ObservationRecord<'a> {
    /// All observations of an event, in order.
    pub fn all(event: &'a Event, lang: Lang, names: &'a Names) -> impl Iterator<Item = ObservationRecord<'a>> {
        event.call.observations.iter().map(move |observation| ObservationRecord::new(event, observation, lang, names))
    }

    fn new(event: &'a Event, observation: &'a Observation, lang: Lang, names: &'a Names) -> ObservationRecord<'a> {
        let what = observation.what;
        ObservationRecord {
            exchange: event.call.id().into(),
            message: event.call.message.as_ref().map(|message| MessageRecord {
                kind: message.kind.into(),
                number: message.number,
                length: message.body.decoded_len,
            }),
            ts: event.call.began_at.into(),
            endpoint: &event.endpoint,
            what: what.id,
            type_name: what.name.lang(lang),
            grade: observation.grade.into(),
            personal: observation.personal.into(),
            direction: observation.half.into(),
            place: PlaceRecord::new(&observation.place),
            form: observation.form.into(),
            sample: &observation.sample,
            count: observation.count,
            weakly_masked: observation.weak,
            detail: observation.detail.as_deref(),
            fingerprints: observation.values.iter().copied().map(Print).collect(),
            confidence: observation.confidence,
            reported: observation.is_reported(),
            sensor: &names.sensor,
            key_id: names.key_id.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn an_observation_is_this_object() {
        let event = sample::event(1);
        let names = sample::names();
        let records: Vec<_> = ObservationRecord::all(&event, Lang::En, &names).collect();
        assert_eq!(records.len(), 3);
        let json = serde_json::to_string(&records[0]).expect("json");
        let expected = concat!(
            r#"{"exchange":"00000000000000ab-1","ts":"2026-11-23T02:13:20.000000000Z","#,
            r#""endpoint":"POST shop.example/login","type":"cn_mobile","type_name":"mobile number","grade":"L3","#,
            r#""personal":"personal","direction":"response","place":{"in":"body","at":"$.list[*].phone"},"#,
            r#""form":"full","sample":"138****8000","count":2,"#,
            r#""fingerprints":["00000000000000aa","00000000000000bb"],"confidence":95,"reported":true,"#,
            r#""sensor":"spyhop","key_id":"0000002a"}"#,
        );
        assert_eq!(json, expected);
    }

    #[test]
    fn a_place_always_has_its_name_as_text() {
        assert_eq!(PlaceRecord::new(&Place::Path(3)), PlaceRecord { part: "path", at: "3".into() });
    }
}
