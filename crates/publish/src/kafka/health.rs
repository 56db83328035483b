//! How publishing to Kafka fares: seen by the report, written by the publisher's thread.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rdkafka::error::RDKafkaErrorCode as Code;
use spyhop_model::Timestamp;

use crate::journal::Tally;

/// Where publishing stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KafkaState {
    /// No broker has answered yet.
    Starting,
    /// Records are taken.
    Connected,
    /// No broker can be reached; records wait.
    Away,
    /// A broker refuses us: certificates, user or password.
    Refused,
    /// A topic does not exist.
    TopicMissing,
    /// We may not write to a topic.
    NotAllowed,
    /// Something else keeps records from being taken.
    Failing,
}

/// What became of records. `accepted` = `acknowledged` + `too_large` + `rejected` + `timed_out` + `waiting`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KafkaCounts {
    /// Taken from the journal.
    pub accepted: Tally,
    /// Acknowledged by the brokers.
    pub acknowledged: Tally,
    /// Given up: larger than Kafka takes.
    pub too_large: Tally,
    /// Given up: refused by a broker for what they are.
    pub rejected: Tally,
    /// Given up: not acknowledged within `delivery_timeout`.
    pub timed_out: Tally,
    /// Not acknowledged yet.
    pub waiting: Tally,
    /// Times that records were sent anew after a failure.
    pub resent: u64,
    /// Times that the producer was made anew.
    pub rebuilt: u64,
    /// Lines that librdkafka logged, of which the last few are kept.
    pub log_lines: u64,
}

/// How publishing to Kafka fares; shared between the publisher's thread and whoever asks.
#[derive(Debug)]
pub struct KafkaHealth {
    brokers: String,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// The connection: Starting, Connected, Away or Refused.
    link: Standing,
    /// What keeps records back although the connection stands.
    obstacle: Option<Standing>,
    /// The last trouble of a single connection: what it means if no other stands.
    trouble: Option<(KafkaState, String)>,
    counts: KafkaCounts,
    log: VecDeque<String>,
    give_up_at: Option<Instant>,
}

#[derive(Clone, Debug)]
struct Standing {
    state: KafkaState,
    since: Timestamp,
    reason: String,
}

impl Standing {
    fn new(state: KafkaState, reason: &str) -> Standing {
        Standing { state, since: now(), reason: reason.to_owned() }
    }
    /// The same state keeps the time since when it holds.
    fn renew(&mut self, state: KafkaState, reason: &str) {
        if self.state == state {
            reason.clone_into(&mut self.reason);
        } else {
            *self = Standing::new(state, reason);
        }
    }
}

/// Lines of librdkafka's log that are kept, and bytes of each.
const LOG_LINES: usize = 16;
const LOG_LINE_BYTES: usize = 400;

impl KafkaHealth {
    pub(super) fn new(brokers: &[String]) -> KafkaHealth {
        KafkaHealth {
            brokers: brokers.join(", "),
            inner: Mutex::new(Inner {
                link: Standing::new(KafkaState::Starting, ""),
                obstacle: None,
                trouble: None,
                counts: KafkaCounts::default(),
                log: VecDeque::new(),
                give_up_at: None,
            }),
        }
    }

    /// Where publishing stands.
    pub fn state(&self) -> KafkaState {
        self.lock().standing().state
    }

    /// Since when it stands there, by the wall clock.
    pub fn since(&self) -> Timestamp {
        self.lock().standing().since
    }

    /// What became of records so far.
    pub fn counts(&self) -> KafkaCounts {
        self.lock().counts
    }

    /// The last lines that librdkafka logged, warnings and worse.
    pub fn log(&self) -> Vec<String> {
        self.lock().log.iter().cloned().collect()
    }

    /// From now on the publisher may block only so long: at the end of a run, when brokers may be away for good.
    pub fn finish_within(&self, within: Duration) {
        self.lock().give_up_at = Some(Instant::now() + within);
    }

    pub(super) fn must_give_up(&self) -> bool {
        self.lock().give_up_at.is_some_and(|at| Instant::now() >= at)
    }

    pub(super) fn count(&self, add: impl FnOnce(&mut KafkaCounts)) {
        add(&mut self.lock().counts);
    }

    /// A broker answered, or took a record.
    pub(super) fn connected(&self) {
        self.lock().link.renew(KafkaState::Connected, "");
    }

    /// A record was taken: nothing is in the way.
    pub(super) fn delivered(&self) {
        let mut inner = self.lock();
        inner.link.renew(KafkaState::Connected, "");
        inner.obstacle = None;
    }

    /// Something keeps records back.
    pub(super) fn obstacle(&self, state: KafkaState, reason: &str) {
        let mut inner = self.lock();
        match &mut inner.obstacle {
            Some(obstacle) => obstacle.renew(state, reason),
            none => *none = Some(Standing::new(state, reason)),
        }
    }

    /// librdkafka tells of an error that is not about one record.
    pub(super) fn error(&self, code: Option<Code>, reason: &str) {
        let mut inner = self.lock();
        match code {
            Some(Code::AllBrokersDown) => {
                let (state, reason) =
                    inner.trouble.clone().unwrap_or_else(|| (KafkaState::Away, reason.trim().to_owned()));
                inner.link.renew(state, &reason);
            }
            Some(
                Code::Authentication | Code::SaslAuthenticationFailed | Code::SSL | Code::UnsupportedSASLMechanism,
            ) => {
                inner.trouble = Some((KafkaState::Refused, reason.to_owned()));
                inner.link.renew(KafkaState::Refused, reason);
            }
            Some(Code::BrokerTransportFailure | Code::Resolve | Code::OperationTimedOut) => {
                inner.trouble = Some((KafkaState::Away, reason.to_owned()));
            }
            _ => inner.keep_line("ERROR", reason),
        }
    }

    pub(super) fn log_line(&self, facility: &str, line: &str) {
        self.lock().keep_line(facility, line);
    }

    /// No panic happens while the lock is held, and the worst of it would be a stale text.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// An obstacle matters while the connection stands.
    fn standing(&self) -> &Standing {
        match &self.obstacle {
            Some(obstacle) if matches!(self.link.state, KafkaState::Connected | KafkaState::Starting) => obstacle,
            _ => &self.link,
        }
    }

    fn keep_line(&mut self, facility: &str, line: &str) {
        self.counts.log_lines += 1;
        while self.log.len() >= LOG_LINES {
            self.log.pop_front();
        }
        let mut text = format!("{} {facility}: {line}", now());
        if text.len() > LOG_LINE_BYTES {
            text.truncate(text.floor_char_boundary(LOG_LINE_BYTES));
        }
        self.log.push_back(text);
    }
}

/// One line for a report: where publishing stands, why, and what to do.
impl fmt::Display for KafkaHealth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Standing { state, since, reason } = self.lock().standing().clone();
        match state {
            KafkaState::Starting => write!(f, "no answer yet from {}", self.brokers),
            KafkaState::Connected => f.write_str("connected"),
            KafkaState::Away => write!(
                f,
                "no broker reachable since {since} ({reason}): check that {} is right in `kafka.brokers` and is up",
                self.brokers
            ),
            KafkaState::Refused => write!(
                f,
                "refused since {since} ({reason}): check protocol, certificates, user and password under `[kafka]`"
            ),
            KafkaState::TopicMissing => {
                write!(f, "a topic is missing since {since} ({reason}): create it, or name another under `[kafka]`")
            }
            KafkaState::NotAllowed => {
                write!(f, "not allowed to write since {since} ({reason}): let the sensor's user write to its topics")
            }
            KafkaState::Failing => write!(f, "records are not taken since {since} ({reason})"),
        }
    }
}

/// The wall clock.
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn health() -> KafkaHealth {
        KafkaHealth::new(&["kafka-1:9092".into()])
    }

    #[test]
    fn an_outage_is_told_with_the_reason_of_the_last_connection_and_ends_with_an_answer() {
        let health = health();
        assert_eq!(health.state(), KafkaState::Starting);
        health.error(Some(Code::BrokerTransportFailure), "Connection refused");
        assert_eq!(health.state(), KafkaState::Starting);
        health.error(Some(Code::AllBrokersDown), "1/1 brokers are down");
        assert_eq!(health.state(), KafkaState::Away);
        let text = health.to_string();
        assert!(text.contains("Connection refused") && text.contains("kafka-1:9092"), "{text}");
        health.connected();
        assert_eq!(health.to_string(), "connected");
    }

    #[test]
    fn a_refusal_is_no_outage() {
        let health = health();
        health.error(Some(Code::Authentication), "wrong password");
        health.error(Some(Code::AllBrokersDown), "1/1 brokers are down");
        assert_eq!(health.state(), KafkaState::Refused);
    }

    #[test]
    fn an_obstacle_stays_until_a_record_is_taken() {
        let health = health();
        health.connected();
        health.obstacle(KafkaState::TopicMissing, "spyhop.findings");
        health.connected();
        assert_eq!(health.state(), KafkaState::TopicMissing);
        health.delivered();
        assert_eq!(health.state(), KafkaState::Connected);
    }

    #[test]
    fn the_log_is_bounded() {
        let health = health();
        for n in 0..100 {
            health.log_line("FAIL", &format!("{n} {}", "é".repeat(1_000)));
        }
        let log = health.log();
        assert_eq!((log.len(), health.counts().log_lines), (LOG_LINES, 100));
        assert!(log.iter().all(|line| line.len() <= LOG_LINE_BYTES));
    }
}
