//! The sink that publishes to Kafka.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::error::RDKafkaErrorCode as Code;
use spyhop_model::Key;

use super::health::{KafkaCounts, KafkaHealth, KafkaState};
use super::message::{Encoder, Topic};
use super::outbox::Outbox;
use super::producer::{Producer, Report};
use super::settings::KafkaSettings;
use crate::journal::{Record, Tally};
use crate::record::Names;
use crate::sink::{Sink, SinkError};

/// Publishes findings and exchanges to Kafka. Every record is kept until it is acknowledged; when brokers are away,
/// [`write`](Sink::write) blocks its own thread once `queue_records` are kept, and the journal does what it does.
pub struct KafkaSink {
    settings: KafkaSettings,
    encoder: Encoder,
    /// Without an acknowledgement for so long, publishing fails; `None` waits for ever.
    patience: Option<Duration>,
    health: Arc<KafkaHealth>,
    producer: Option<Producer>,
    built_at: Instant,
    outbox: Outbox,
    value: Vec<u8>,
    pause: Pause,
    care: Care,
    last_progress: Instant,
}

/// Sending rests after a failure that only a person can mend, each time longer, until something is delivered.
#[derive(Default)]
struct Pause {
    until: Option<Instant>,
    next: Option<Duration>,
}

/// One record that is too large fails all that stand in its batch. After such a failure records go in bursts, each
/// sent when the one before it is settled: smaller after a burst with failures, larger after one without.
#[derive(Default)]
struct Care {
    /// Records in a burst; `None` without bursts.
    burst: Option<usize>,
    has_failed: bool,
}

/// What to do about a record that was not delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Failure {
    /// The producer lost its session: send again.
    Session,
    /// A person has to act; send again after a pause.
    Obstacle(KafkaState),
    /// It, or another in its batch, is what the broker does not take.
    TooLarge,
    Rejected,
    /// It took longer than `delivery_timeout`.
    TimedOut,
    /// Anything else: send again after a pause, so many times.
    Other,
}

const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// While sending is blocked, librdkafka is served for so long at a time.
const SERVE: Duration = Duration::from_millis(20);
/// A producer that was refused is made anew after this time, so that a corrected password file is read.
const REFUSED: Duration = Duration::from_secs(30);
/// How often a record is sent for reasons not understood.
const ATTEMPTS: u8 = 10;
/// After larger bursts than this without a failure there are none any more.
const CAREFREE: usize = 1_000;

impl KafkaSink {
    /// A sink for these settings. It does not wait for a broker; it fails on settings that cannot work. Without
    /// acknowledgement for as long as `patience`, publishing fails; `None` (for live runs) waits for ever.
    pub fn new(
        settings: KafkaSettings,
        names: Names,
        key: Key,
        patience: Option<Duration>,
    ) -> Result<KafkaSink, SinkError> {
        if let Some(problem) = settings.problems().first() {
            return Err(SinkError::Settings(format!("kafka.{}: {}", problem.key, problem.text)));
        }
        if !settings.is_on() {
            return Err(SinkError::Settings("kafka.brokers: name a broker to publish to".to_owned()));
        }
        let health = Arc::new(KafkaHealth::new(&settings.brokers));
        let encoder = Encoder {
            names,
            key,
            lang: settings.lang,
            findings: settings.findings_schema,
            exchanges: settings.exchanges_schema,
        };
        let producer = build(&settings, &encoder.names, &health)?;
        Ok(KafkaSink {
            settings,
            encoder,
            patience,
            health,
            producer: Some(producer),
            built_at: Instant::now(),
            outbox: Outbox::default(),
            value: Vec::new(),
            pause: Pause::default(),
            care: Care::default(),
            last_progress: Instant::now(),
        })
    }

    /// How it fares; for the report.
    pub fn health(&self) -> Arc<KafkaHealth> {
        Arc::clone(&self.health)
    }

    /// Serves librdkafka, settles what it reports, and sends what is to be sent.
    fn serve(&mut self, wait: Duration) {
        match &self.producer {
            Some(producer) => {
                let reports = producer.reports(wait);
                let fatal = producer.fatal();
                self.settle(&reports, fatal.is_some());
                if let Some((code, reason)) = fatal {
                    self.rebuild(code, &reason);
                } else if self.health.state() == KafkaState::Refused && self.built_at.elapsed() > REFUSED {
                    self.rebuild(Code::Authentication, "");
                }
            }
            // Nothing but a new producer would help, and that comes after the pause.
            None => std::thread::sleep(wait),
        }
        self.send();
        let waiting = self.outbox.waiting();
        self.health.count(|counts| counts.waiting = waiting);
    }

    /// Sends pending records in order, as many as may be sent now.
    fn send(&mut self) {
        if self.pause.is_on() || (self.care.burst.is_some() && self.outbox.sent() > 0) {
            return;
        }
        if self.producer.is_none() && !self.revive() {
            return;
        }
        while let Some((number, record)) = self.outbox.next() {
            if self.care.burst.is_some_and(|most| self.outbox.sent() >= most) {
                return;
            }
            let Some(producer) = &self.producer else { return };
            let encoded = match self.outbox.letter(number) {
                None => self.encoder.encode(record, &mut self.value),
                Some(reason) => {
                    let topic = topic_of(&self.settings, record);
                    self.encoder.dead_letter(record, topic, reason, &mut self.value)
                }
            };
            let sent = match encoded {
                Ok(envelope) => {
                    let topic = match envelope.topic {
                        Topic::Findings => &self.settings.findings_topic,
                        Topic::Exchanges => &self.settings.exchanges_topic,
                        Topic::DeadLetters => &self.settings.dead_letter_topic,
                    };
                    producer.send(number, topic, envelope, &self.value)
                }
                Err(_) => Err(Code::InvalidRecord),
            };
            match sent {
                Ok(()) => self.outbox.mark_sent(number),
                Err(Code::QueueFull) => return,
                // Told at once, it is about this record and no other.
                Err(code @ (Code::MessageSizeTooLarge | Code::InvalidRecord)) => self.refuse(number, code),
                Err(code) => {
                    self.failed(number, code);
                    return;
                }
            }
        }
    }

    fn settle(&mut self, reports: &[Report], is_fatal: bool) {
        let (mut delivered, mut refused) = (Tally::default(), Vec::new());
        for Report { number, failed } in reports {
            match failed {
                None => {
                    let was_letter = self.outbox.letter(*number).is_some();
                    if let Some(record) = self.outbox.settle(*number)
                        && !was_letter
                    {
                        delivered.add(&record);
                    }
                }
                Some(_) if is_fatal => self.outbox.again(*number),
                Some(code) => match Failure::of(*code) {
                    Failure::TooLarge | Failure::Rejected => refused.push((*number, *code)),
                    _ => self.failed(*number, *code),
                },
            }
        }
        if delivered.total() > 0 {
            self.last_progress = Instant::now();
            self.pause = Pause::default();
            self.health.delivered();
            self.health.count(|counts| {
                counts.acknowledged.exchanges += delivered.exchanges;
                counts.acknowledged.findings += delivered.findings;
            });
        }
        self.refused(&refused);
        if self.outbox.sent() == 0 && delivered.total() > 0 {
            self.care.relax();
        }
    }

    /// Records that a broker refused for what they are, or for what stood with them in a batch.
    fn refused(&mut self, refused: &[(usize, Code)]) {
        match refused {
            [] => {}
            [(number, code)] if self.care.burst == Some(1) => self.refuse(*number, *code),
            several => {
                for (number, _) in several {
                    self.outbox.again(*number);
                }
                self.health.count(|counts| counts.resent += several.len() as u64);
                self.care.tighten(several.len());
            }
        }
    }

    /// A record that Kafka does not take for what it is: a letter says so in its place.
    fn refuse(&mut self, number: usize, code: Code) {
        if self.settings.dead_letter_topic.is_empty() || self.outbox.letter(number).is_some() {
            return match Failure::of(code) {
                _ if self.outbox.letter(number).is_some() => drop(self.outbox.settle(number)),
                Failure::TooLarge => self.give_up(number, |counts| &mut counts.too_large),
                _ => self.give_up(number, |counts| &mut counts.rejected),
            };
        }
        let Some(record) = self.outbox.record(number).cloned() else { return };
        if self.outbox.give_up(number, code.to_string().into()) {
            self.last_progress = Instant::now();
            self.health.count(|counts| match Failure::of(code) {
                Failure::TooLarge => counts.too_large.add(&record),
                _ => counts.rejected.add(&record),
            });
        }
    }

    fn failed(&mut self, number: usize, code: Code) {
        // Where letters are not taken they are not insisted on: the record is counted and in the ledger.
        if self.outbox.letter(number).is_some() && !matches!(Failure::of(code), Failure::Session | Failure::Other) {
            self.outbox.settle(number);
            return;
        }
        match Failure::of(code) {
            Failure::TimedOut => return self.give_up(number, |counts| &mut counts.timed_out),
            Failure::Obstacle(state) => {
                let reason = self.reason(number, code);
                self.health.obstacle(state, &reason);
                self.pause.start();
            }
            Failure::Session => {}
            Failure::TooLarge | Failure::Rejected | Failure::Other => {
                let reason = self.reason(number, code);
                self.health.obstacle(KafkaState::Failing, &reason);
                self.pause.start();
                if self.outbox.failed(number) >= ATTEMPTS {
                    return self.give_up(number, |counts| &mut counts.rejected);
                }
            }
        }
        self.outbox.again(number);
        self.health.count(|counts| counts.resent += 1);
    }

    /// A record's topic and what Kafka says.
    fn reason(&self, number: usize, code: Code) -> String {
        let topic = match (self.outbox.letter(number), self.outbox.record(number)) {
            (Some(_), _) => &self.settings.dead_letter_topic,
            (None, Some(record)) => topic_of(&self.settings, record),
            (None, None) => &self.settings.findings_topic,
        };
        format!("{topic}: {code}")
    }

    fn give_up(&mut self, number: usize, count: impl FnOnce(&mut KafkaCounts) -> &mut Tally) {
        if let Some(record) = self.outbox.settle(number) {
            self.last_progress = Instant::now();
            self.health.count(|counts| count(counts).add(&record));
        }
    }

    /// Ends a producer that takes nothing more; a new one sends again what was not acknowledged.
    fn rebuild(&mut self, code: Code, reason: &str) {
        if let Some(producer) = self.producer.take() {
            self.settle(&producer.end(), true);
        }
        let again = self.outbox.all_again() as u64;
        self.health.count(|counts| {
            counts.rebuilt += 1;
            counts.resent += again;
        });
        if code != Code::Authentication {
            let state = match Failure::of(code) {
                Failure::Obstacle(state) => state,
                _ => KafkaState::Failing,
            };
            self.health.obstacle(state, reason);
            self.pause.start();
        }
    }

    /// Makes a new producer; says whether there is one.
    fn revive(&mut self) -> bool {
        self.built_at = Instant::now();
        match build(&self.settings, &self.encoder.names, &self.health) {
            Ok(producer) => {
                self.producer = Some(producer);
                true
            }
            Err(error) => {
                self.health.obstacle(KafkaState::Failing, &error.to_string());
                self.pause.start();
                false
            }
        }
    }

    /// Waiting has lasted too long, or the run is over.
    fn check_patience(&self) -> Result<(), SinkError> {
        let is_patient = self.patience.is_none_or(|patience| self.last_progress.elapsed() < patience);
        if is_patient && !self.health.must_give_up() { Ok(()) } else { Err(self.undelivered()) }
    }

    fn undelivered(&self) -> SinkError {
        SinkError::Undelivered { records: self.outbox.waiting().total(), reason: format!("Kafka: {}", self.health) }
    }
}

impl Sink for KafkaSink {
    fn write(&mut self, batch: &[Record]) -> Result<(), SinkError> {
        for record in batch {
            // Of handshakes, messages and values, Kafka's consumers see what findings rest on.
            let is_wanted = match record {
                Record::Event(event) => self.settings.publish_exchanges && event.call.message.is_none(),
                Record::Greeting(_) | Record::Values(_) => false,
                Record::Finding(_) => true,
            };
            if !is_wanted {
                self.outbox.pass();
                continue;
            }
            if self.outbox.is_empty() {
                self.last_progress = Instant::now();
            }
            while self.outbox.len() >= self.settings.queue_records {
                self.check_patience()?;
                self.serve(SERVE);
            }
            self.outbox.push(record.clone());
            self.health.count(|counts| {
                counts.accepted.add(record);
                counts.waiting.add(record);
            });
        }
        self.serve(Duration::ZERO);
        Ok(())
    }

    fn unsettled(&self) -> u64 {
        self.outbox.len() as u64
    }

    fn flush(&mut self, within: Duration) -> Result<(), SinkError> {
        let until = Instant::now() + within;
        loop {
            self.serve(if self.outbox.is_empty() { Duration::ZERO } else { SERVE });
            if self.outbox.is_empty() {
                return Ok(());
            }
            if Instant::now() >= until || self.health.must_give_up() {
                return Err(self.undelivered());
            }
        }
    }
}

/// The topic of a record.
fn topic_of<'a>(settings: &'a KafkaSettings, record: &Record) -> &'a String {
    match record {
        Record::Event(_) | Record::Greeting(_) | Record::Values(_) => &settings.exchanges_topic,
        Record::Finding(_) => &settings.findings_topic,
    }
}

fn build(settings: &KafkaSettings, names: &Names, health: &Arc<KafkaHealth>) -> Result<Producer, SinkError> {
    let config = settings.client_config(&names.sensor)?;
    Producer::new(&config, Arc::clone(health))
        .map_err(|error| SinkError::Settings(format!("the settings under [kafka] do not work: {error}")))
}

impl Pause {
    fn is_on(&self) -> bool {
        self.until.is_some_and(|until| Instant::now() < until)
    }
    /// Starts one, if none is on.
    fn start(&mut self) {
        if !self.is_on() {
            let length = self.next.unwrap_or(FIRST_PAUSE);
            self.until = Some(Instant::now() + length);
            self.next = Some(LONGEST_PAUSE.min(length * 2));
        }
    }
}

impl Care {
    fn tighten(&mut self, failed: usize) {
        let burst = self.burst.map_or(failed, |burst| failed.min(burst));
        *self = Care { burst: Some((burst / 2).max(1)), has_failed: true };
    }
    /// A burst is over.
    fn relax(&mut self) {
        if !std::mem::take(&mut self.has_failed) {
            self.burst = self.burst.map(|burst| burst * 2).filter(|burst| *burst <= CAREFREE);
        }
    }
}

impl Failure {
    fn of(code: Code) -> Failure {
        match code {
            Code::PurgeQueue
            | Code::PurgeInflight
            | Code::Fatal
            | Code::Fenced
            | Code::ProducerFenced
            | Code::InvalidProducerEpoch
            | Code::UnknownProducerId
            | Code::OutOfOrderSequenceNumber
            | Code::InvalidProducerIdMapping => Failure::Session,
            Code::UnknownTopic | Code::UnknownTopicOrPartition | Code::UnknownPartition | Code::InvalidTopic => {
                Failure::Obstacle(KafkaState::TopicMissing)
            }
            Code::TopicAuthorizationFailed
            | Code::ClusterAuthorizationFailed
            | Code::TransactionalIdAuthorizationFailed => Failure::Obstacle(KafkaState::NotAllowed),
            Code::Authentication | Code::SaslAuthenticationFailed | Code::SSL => Failure::Obstacle(KafkaState::Refused),
            Code::MessageSizeTooLarge | Code::InvalidMessageSize | Code::MessageBatchTooLarge => Failure::TooLarge,
            Code::InvalidRecord
            | Code::InvalidMessage
            | Code::InvalidTimestamp
            | Code::PolicyViolation
            | Code::UnsupportedForMessageFormat => Failure::Rejected,
            Code::MessageTimedOut | Code::TimedOutQueue => Failure::TimedOut,
            _ => Failure::Other,
        }
    }
}
