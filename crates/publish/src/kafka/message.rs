//! A record as a Kafka message.

use rdkafka::message::{Header, OwnedHeaders};
use spyhop_model::{Entity, Event, ExchangeId, Finding, Key, Lang};

use super::settings::{ExchangeSchema, FindingSchema};
use crate::journal::Record;
use crate::record::{DeadLetter, FindingRecord, FlatExchange, HandshakeRecord, Names, ValuesRecord, ocsf};

/// The header `schema` of messages in OCSF.
const OCSF: &str = "ocsf/1.8.0";

/// The key of messages about an entity: the keyed fingerprint of its role and name, in hexadecimal digits. A
/// finding's primary entity never changes, so neither does its key.
pub fn partition_key(key: &Key, entity: &Entity) -> String {
    let named = format!("{}\0{entity}", entity.role());
    key.fingerprint("kafka_key", named.as_bytes()).to_string()
}

/// Which topic a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Topic {
    Findings,
    Exchanges,
    DeadLetters,
}

/// What stands around a message's value.
pub(super) struct Envelope {
    pub topic: Topic,
    pub key: String,
    pub headers: OwnedHeaders,
}

/// Makes messages of records.
pub(super) struct Encoder {
    pub names: Names,
    pub key: Key,
    pub lang: Lang,
    pub findings: FindingSchema,
    pub exchanges: ExchangeSchema,
}

impl Encoder {
    /// Writes the value into `value`, which is emptied first.
    pub(super) fn encode(&self, record: &Record, value: &mut Vec<u8>) -> serde_json::Result<Envelope> {
        value.clear();
        match record {
            Record::Finding(finding) => {
                match self.findings {
                    FindingSchema::Native => {
                        serde_json::to_writer(value, &FindingRecord::new(finding, self.lang, &self.names))?;
                    }
                    FindingSchema::Ocsf => {
                        serde_json::to_writer(value, &ocsf::finding(finding, self.lang, &self.names))?;
                    }
                }
                Ok(self.finding(finding))
            }
            Record::Greeting(greeting) => {
                serde_json::to_writer(value, &HandshakeRecord::new(greeting, &self.names))?;
                let client = Entity::ClientIp(greeting.client.ip);
                let id =
                    ExchangeId { flow: greeting.handshake.moment.flow, ordinal: greeting.handshake.moment.ordinal };
                let headers = self.headers(HandshakeRecord::SCHEMA, &id.to_string());
                Ok(Envelope { topic: Topic::Exchanges, key: partition_key(&self.key, &client), headers })
            }
            Record::Values(values) => {
                serde_json::to_writer(value, &ValuesRecord::new(values, &self.names))?;
                let id = ExchangeId { flow: values.moment.flow, ordinal: values.moment.ordinal }.to_string();
                let headers = self.headers(ValuesRecord::SCHEMA, &id);
                Ok(Envelope { topic: Topic::Exchanges, key: id, headers })
            }
            Record::Event(event) => {
                match self.exchanges {
                    ExchangeSchema::Native => serde_json::to_writer(value, &FlatExchange::new(event, &self.names))?,
                    ExchangeSchema::Ocsf | ExchangeSchema::OcsfApi => {
                        let api = self.exchanges == ExchangeSchema::OcsfApi;
                        serde_json::to_writer(value, &ocsf::exchange(event, api, &self.names))?;
                    }
                }
                Ok(self.exchange(event))
            }
        }
    }

    /// Writes what stands for a record that was not taken.
    pub(super) fn dead_letter(
        &self,
        record: &Record,
        topic: &str,
        reason: &str,
        value: &mut Vec<u8>,
    ) -> serde_json::Result<Envelope> {
        let whole = self.encode(record, value)?;
        let bytes = value.len() as u64;
        let (id, revision, kind) = match record {
            Record::Finding(finding) => (finding.id.to_string(), Some(finding.revision), Some(finding.rule.kind)),
            Record::Event(event) => (event.call.id().to_string(), None, None),
            Record::Greeting(_) | Record::Values(_) => (whole.key.clone(), None, None),
        };
        let letter = DeadLetter {
            schema: DeadLetter::SCHEMA,
            topic,
            reason,
            bytes,
            id: &id,
            revision,
            kind,
            sensor: &self.names.sensor,
            key_id: self.names.key_id.into(),
        };
        value.clear();
        serde_json::to_writer(&mut *value, &letter)?;
        Ok(Envelope { topic: Topic::DeadLetters, key: whole.key, headers: self.headers(DeadLetter::SCHEMA, &id) })
    }

    fn finding(&self, finding: &Finding) -> Envelope {
        let rule = finding.rule;
        let schema = match self.findings {
            FindingSchema::Native => FindingRecord::SCHEMA,
            FindingSchema::Ocsf => OCSF,
        };
        let headers = self
            .headers(schema, &finding.id.to_string())
            .insert(header("kind", rule.kind))
            .insert(header("change", crate::record::words::ChangeWord(finding.change).word()))
            .insert(header("revision", &finding.revision.to_string()));
        Envelope { topic: Topic::Findings, key: partition_key(&self.key, &finding.primary), headers }
    }

    /// Exchanges of one account, or without one of one client, stand in one partition, where the findings about
    /// that account or client stand in their topic.
    fn exchange(&self, event: &Event) -> Envelope {
        let entity = match &event.account {
            Some(account) => Entity::Account(account.clone()),
            None => Entity::ClientIp(event.client.ip),
        };
        let schema = match self.exchanges {
            ExchangeSchema::Native => FlatExchange::SCHEMA,
            ExchangeSchema::Ocsf | ExchangeSchema::OcsfApi => OCSF,
        };
        let headers = self.headers(schema, &event.call.id().to_string());
        Envelope { topic: Topic::Exchanges, key: partition_key(&self.key, &entity), headers }
    }

    fn headers(&self, schema: &str, id: &str) -> OwnedHeaders {
        OwnedHeaders::new_with_capacity(7)
            .insert(header("schema", schema))
            .insert(header("sensor", &self.names.sensor))
            .insert(header("key_id", &self.names.key_id.to_string()))
            .insert(header("id", id))
    }
}

fn header<'a>(key: &'a str, value: &'a str) -> Header<'a, &'a str> {
    Header { key, value: Some(value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_tells_role_and_name_apart_and_neither_to_a_reader() {
        let key = Key::new([7; 32]);
        let alice = partition_key(&key, &Entity::Account("alice".into()));
        assert_eq!(alice, partition_key(&key, &Entity::Account("alice".into())));
        assert_ne!(alice, partition_key(&key, &Entity::Partner("alice".into())));
        assert_ne!(alice, partition_key(&Key::new([8; 32]), &Entity::Account("alice".into())));
        assert!(alice.len() == 16 && alice.bytes().all(|byte| byte.is_ascii_hexdigit()));
    }
}
