//! librdkafka's producer: what it tells is collected, and told on to the health state instead of a log.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext};
use rdkafka::{ClientConfig, ClientContext};
use serde::Deserialize;

use super::health::KafkaHealth;
use super::message::Envelope;

/// What became of the record with that number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Report {
    pub number: usize,
    pub failed: Option<Code>,
}

/// A producer with what it has told.
pub(super) struct Producer {
    inner: BaseProducer<Told>,
}

/// Collects what librdkafka tells while it is polled.
struct Told {
    health: Arc<KafkaHealth>,
    reports: Mutex<Vec<Report>>,
    calls: AtomicU64,
}

impl Producer {
    /// Fails on settings that librdkafka refuses: an unreadable certificate, say.
    pub(super) fn new(config: &ClientConfig, health: Arc<KafkaHealth>) -> Result<Producer, String> {
        let told = Told { health, reports: Mutex::default(), calls: AtomicU64::new(0) };
        match BaseProducer::from_config_and_context(config, told) {
            Ok(inner) => Ok(Producer { inner }),
            // The value is left out: it may be a password.
            Err(KafkaError::ClientConfig(_, text, key, _)) => Err(format!("{key}: {text}")),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Hands a message to librdkafka's queue.
    pub(super) fn send(&self, number: usize, topic: &str, envelope: Envelope, value: &[u8]) -> Result<(), Code> {
        let record = BaseRecord::with_opaque_to(topic, number).key(&envelope.key).payload(value);
        self.inner
            .send(record.headers(envelope.headers))
            .map_err(|(error, _)| error.rdkafka_error_code().unwrap_or(Code::InvalidArgument))
    }

    /// Serves librdkafka for `wait` (for what is there already, where that is zero) and says what became of records.
    pub(super) fn reports(&self, wait: Duration) -> Vec<Report> {
        let told = self.inner.context();
        self.inner.poll(wait);
        // One poll serves one event; go on while there are some.
        loop {
            let before = told.calls.load(Ordering::Relaxed);
            self.inner.poll(Duration::ZERO);
            if told.calls.load(Ordering::Relaxed) == before {
                return told.take();
            }
        }
    }

    /// The error after which this producer takes nothing more.
    pub(super) fn fatal(&self) -> Option<(Code, String)> {
        self.inner.client().fatal_error()
    }

    /// Ends this producer; what it has not reported as delivered by then may have arrived all the same.
    pub(super) fn end(self) -> Vec<Report> {
        let mut reports = self.reports(Duration::ZERO);
        let told = Arc::clone(self.inner.context());
        drop(self.inner);
        reports.extend(told.take());
        reports
    }
}

impl Told {
    fn take(&self) -> Vec<Report> {
        std::mem::take(&mut self.reports.lock().unwrap_or_else(PoisonError::into_inner))
    }
    fn called(&self) {
        self.calls.fetch_add(1, Ordering::Relaxed);
    }
}

impl ClientContext for Told {
    fn log(&self, _level: RDKafkaLogLevel, facility: &str, line: &str) {
        self.called();
        self.health.log_line(facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.called();
        self.health.error(error.rdkafka_error_code(), reason);
    }

    fn stats_raw(&self, statistics: &[u8]) {
        self.called();
        if is_up(statistics) {
            self.health.connected();
        }
    }
}

impl ProducerContext for Told {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, number: usize) {
        self.called();
        let failed = match result {
            Ok(_) => None,
            Err((error, _)) => Some(error.rdkafka_error_code().unwrap_or(Code::Fail)),
        };
        self.reports.lock().unwrap_or_else(PoisonError::into_inner).push(Report { number, failed });
    }
}

/// librdkafka's statistics say that a broker is up (STATISTICS.md: `brokers.*.state`).
fn is_up(statistics: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Statistics {
        brokers: HashMap<String, Broker>,
    }
    #[derive(Deserialize)]
    struct Broker {
        state: String,
    }
    let statistics: Option<Statistics> = serde_json::from_slice(statistics).ok();
    statistics.is_some_and(|statistics| statistics.brokers.values().any(|broker| broker.state == "UP"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_broker_that_is_up_is_enough() {
        let statistics = |state: &str| {
            format!(
                r#"{{"name":"x","brokers":{{"a:1/0":{{"state":"DOWN","nodeid":0}},"b:1/1":{{"state":"{state}"}}}}}}"#
            )
        };
        assert!(is_up(statistics("UP").as_bytes()));
        assert!(!is_up(statistics("CONNECT").as_bytes()));
        assert!(!is_up(b"no json"));
    }

    #[test]
    fn a_refused_setting_is_named_without_its_value() {
        let mut config = ClientConfig::new();
        config.set("security.protocol", "s3cret");
        let error = Producer::new(&config, Arc::new(KafkaHealth::new(&[]))).err().expect("refused");
        assert!(error.contains("security.protocol") && !error.ends_with("s3cret"), "{error}");
    }
}
