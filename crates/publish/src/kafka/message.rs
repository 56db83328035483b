//! A record as a Kafka message.

use rdkafka::message::{Header, OwnedHeaders};
use spyhop_model::{Entity, Event, ExchangeId, Finding, Key, Lang};

use crate::journal::Record;
use crate::record::{FindingRecord, FlatExchange, HandshakeRecord, Names, ValuesRecord};

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
}

impl Encoder {
    /// Writes the value into `value`, which is emptied first.
    pub(super) fn encode(&self, record: &Record, value: &mut Vec<u8>) -> serde_json::Result<Envelope> {
        value.clear();
        match record {
            Record::Finding(finding) => {
                serde_json::to_writer(value, &FindingRecord::new(finding, self.lang, &self.names))?;
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
                serde_json::to_writer(value, &FlatExchange::new(event, &self.names))?;
                Ok(self.exchange(event))
            }
        }
    }

    fn finding(&self, finding: &Finding) -> Envelope {
        let rule = finding.rule;
        let headers = self
            .headers(FindingRecord::SCHEMA, &finding.id.to_string())
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
        let headers = self.headers(FlatExchange::SCHEMA, &event.call.id().to_string());
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
