//! The section `[kafka]` of `sensor.toml`, and the client configuration made from it.

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use serde::{Deserialize, Serialize};
use spyhop_model::{Lang, Span};

use crate::journal::Wants;
use crate::sink::SinkError;

spyhop_model::settings! {
    /// Publishing to Apache Kafka.
    pub struct KafkaSettings {
        /// Brokers to ask first, as "host:port"; with none, nothing is published.
        brokers: Vec<String> = Vec::new(),
        /// Topic of findings.
        findings_topic: String = "spyhop.findings".to_owned(),
        /// Topic of exchange records.
        exchanges_topic: String = "spyhop.exchanges".to_owned(),
        /// Publish exchange records besides findings.
        publish_exchanges: bool = true,
        /// Format of findings: "native" (see `spyhop schema finding`) or "ocsf" (OCSF 1.8: Data Security Finding and Detection Finding).
        findings_schema: FindingSchema = FindingSchema::Native,
        /// Format of exchange records: "native" (see `spyhop schema exchange-flat`), "ocsf" (OCSF 1.8: HTTP Activity, logins as Authentication) or "ocsf_api" (API Activity where the account is known).
        exchanges_schema: ExchangeSchema = ExchangeSchema::Native,
        /// Topic of what is too large for its topic, or not taken for what it is: its name, size and the reason; "" for none. The whole record stays in the ledger.
        dead_letter_topic: String = "spyhop.dead-letters".to_owned(),
        /// Language of titles and texts in findings: "en" or "zh".
        lang: Lang = Lang::En,
        /// How to speak to brokers: "plaintext", "ssl", "sasl_plaintext" or "sasl_ssl".
        security_protocol: SecurityProtocol = SecurityProtocol::Plaintext,
        /// PEM file of the authorities that sign brokers' certificates; "" for those of the system.
        tls_ca_file: String = String::new(),
        /// PEM file of our own certificate; "" for none.
        tls_certificate_file: String = String::new(),
        /// PEM file of our own certificate's private key; "" for none.
        tls_key_file: String = String::new(),
        /// File that holds the passphrase of that private key; "" where it has none.
        tls_key_password_file: String = String::new(),
        /// How to authenticate: "PLAIN", "SCRAM-SHA-256" or "SCRAM-SHA-512".
        sasl_mechanism: SaslMechanism = SaslMechanism::ScramSha512,
        /// User to authenticate as.
        sasl_username: String = String::new(),
        /// File that holds the password; read again whenever the connection is made anew.
        sasl_password_file: String = String::new(),
        /// Environment variable that holds the password, where there is no file.
        sasl_password_env: String = String::new(),
        /// Compression of batches: "none", "gzip", "snappy", "lz4" or "zstd".
        compression: Compression = Compression::Zstd,
        /// How long a batch waits for more records.
        linger: Span = Span::millis(50),
        /// Records that may wait for acknowledgement in memory.
        queue_records: usize = 20_000,
        /// Mebibytes that records waiting to be sent may occupy in memory.
        queue_mib: usize = 32,
        /// The largest record in bytes; keep it at or below the topics' `max.message.bytes`.
        record_bytes: usize = 1_000_000,
        /// Records that are not acknowledged after this time are given up and counted; "0ms" keeps trying.
        delivery_timeout: Span = Span::millis(0),
        /// How long the end waits for acknowledgements.
        flush_within: Span = Span::seconds(10),
        /// A replay stops publishing when nothing was acknowledged for this long.
        replay_patience: Span = Span::seconds(30),
    }
}

/// How to speak to brokers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecurityProtocol {
    /// Neither encrypted nor authenticated.
    Plaintext,
    /// TLS.
    Ssl,
    /// SASL without TLS.
    SaslPlaintext,
    /// SASL within TLS.
    SaslSsl,
}

impl SecurityProtocol {
    fn is_sasl(self) -> bool {
        matches!(self, SecurityProtocol::SaslPlaintext | SecurityProtocol::SaslSsl)
    }
    fn is_tls(self) -> bool {
        matches!(self, SecurityProtocol::Ssl | SecurityProtocol::SaslSsl)
    }
    fn word(self) -> &'static str {
        match self {
            SecurityProtocol::Plaintext => "plaintext",
            SecurityProtocol::Ssl => "ssl",
            SecurityProtocol::SaslPlaintext => "sasl_plaintext",
            SecurityProtocol::SaslSsl => "sasl_ssl",
        }
    }
}

/// The format of findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingSchema {
    /// Our own.
    Native,
    /// OCSF.
    Ocsf,
}

/// The format of exchange records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExchangeSchema {
    /// Our own.
    Native,
    /// OCSF's HTTP Activity and Authentication.
    Ocsf,
    /// OCSF's API Activity where the account is known.
    OcsfApi,
}

/// How to authenticate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SaslMechanism {
    /// The password itself (RFC 4616).
    #[serde(rename = "PLAIN")]
    Plain,
    /// RFC 7677.
    #[serde(rename = "SCRAM-SHA-256")]
    ScramSha256,
    /// As RFC 7677, with SHA-512.
    #[serde(rename = "SCRAM-SHA-512")]
    ScramSha512,
}

impl SaslMechanism {
    fn word(self) -> &'static str {
        match self {
            SaslMechanism::Plain => "PLAIN",
            SaslMechanism::ScramSha256 => "SCRAM-SHA-256",
            SaslMechanism::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

/// Compression of batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    /// None.
    None,
    /// gzip.
    Gzip,
    /// Snappy.
    Snappy,
    /// LZ4.
    Lz4,
    /// Zstandard.
    Zstd,
}

impl Compression {
    fn word(self) -> &'static str {
        match self {
            Compression::None => "none",
            Compression::Gzip => "gzip",
            Compression::Snappy => "snappy",
            Compression::Lz4 => "lz4",
            Compression::Zstd => "zstd",
        }
    }
}

/// A mistake in the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The key it is about.
    pub key: &'static str,
    /// What is wrong, and what to do.
    pub text: String,
}

impl KafkaSettings {
    /// Publishing is asked for.
    pub fn is_on(&self) -> bool {
        !self.brokers.is_empty()
    }

    /// What the publisher has to read from the journal.
    pub fn wants(&self) -> Wants {
        if self.publish_exchanges { Wants::All } else { Wants::Findings }
    }

    /// All mistakes that show without opening a file or a connection.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut say = |key, text: &str| problems.push(Problem { key, text: text.to_owned() });
        for broker in &self.brokers {
            let port = broker.rsplit_once(':').filter(|(host, _)| !host.is_empty());
            if port.is_none_or(|(_, port)| port.parse::<u16>().is_err()) {
                say("brokers", &format!("`{broker}` is no broker; write \"host:port\", as in \"kafka-1:9092\""));
            }
        }
        for (key, topic) in [("findings_topic", &self.findings_topic), ("exchanges_topic", &self.exchanges_topic)] {
            if !is_topic(topic) {
                say(key, "a topic has 1 to 249 letters, digits, `.`, `_` and `-`");
            }
        }
        if self.publish_exchanges && self.findings_topic == self.exchanges_topic {
            say("exchanges_topic", "findings and exchanges have different formats; give them different topics");
        }
        if self.security_protocol.is_sasl() {
            if self.sasl_username.is_empty() {
                say("sasl_username", "SASL needs a user");
            }
            if self.sasl_password_file.is_empty() && self.sasl_password_env.is_empty() {
                say("sasl_password_file", "SASL needs a password: name a file, or a variable in `sasl_password_env`");
            }
            if !self.sasl_password_file.is_empty() && !self.sasl_password_env.is_empty() {
                say("sasl_password_env", "the password comes from a file already; leave one of the two out");
            }
        } else if !self.sasl_username.is_empty() {
            say("security_protocol", "a user is given, but SASL is off; write \"sasl_ssl\" or \"sasl_plaintext\"");
        }
        if self.tls_certificate_file.is_empty() != self.tls_key_file.is_empty() {
            say("tls_key_file", "our certificate and its key go together; give both or neither");
        }
        let tls_files = [&self.tls_ca_file, &self.tls_certificate_file, &self.tls_key_file];
        if !self.security_protocol.is_tls() && tls_files.iter().any(|file| !file.is_empty()) {
            say("security_protocol", "TLS files are given, but TLS is off; write \"ssl\" or \"sasl_ssl\"");
        }
        for (key, number, least, most) in [
            ("queue_records", self.queue_records, 100, 10_000_000),
            ("queue_mib", self.queue_mib, 1, 65_536),
            ("record_bytes", self.record_bytes, 10_000, 100_000_000),
        ] {
            if !(least..=most).contains(&number) {
                say(key, &format!("it must be from {least} to {most}"));
            }
        }
        problems
    }

    /// The configuration of a producer; reads the password files.
    pub(super) fn client_config(&self, sensor: &str) -> Result<ClientConfig, SinkError> {
        let mut config = ClientConfig::new();
        config.log_level = RDKafkaLogLevel::Warning;
        let mut set = |key: &str, value: &str| {
            config.set(key, value);
        };
        set("bootstrap.servers", &self.brokers.join(","));
        set("client.id", &format!("spyhop-{sensor}"));
        set("security.protocol", self.security_protocol.word());
        // Nothing twice and nothing reordered within a partition by retries.
        set("enable.idempotence", "true");
        set("acks", "all");
        set("max.in.flight.requests.per.connection", "5");
        // As Java clients do: equal keys go to equal partitions, whoever produces them.
        set("partitioner", "murmur2_random");
        set("compression.type", self.compression.word());
        set("linger.ms", &millis(self.linger).to_string());
        set("queue.buffering.max.messages", &self.queue_records.to_string());
        set("queue.buffering.max.kbytes", &self.queue_mib.saturating_mul(1_024).to_string());
        set("message.max.bytes", &self.record_bytes.to_string());
        set("batch.size", &self.record_bytes.min(1_000_000).to_string());
        set("message.timeout.ms", &millis(self.delivery_timeout).to_string());
        set("reconnect.backoff.max.ms", "10000");
        set("socket.keepalive.enable", "true");
        set("socket.connection.setup.timeout.ms", "10000");
        // A missing topic is told after this time.
        set("topic.metadata.propagation.max.ms", "2000");
        // Tells whether an idle connection is up.
        set("statistics.interval.ms", "5000");
        for (key, value) in [
            ("ssl.ca.location", &self.tls_ca_file),
            ("ssl.certificate.location", &self.tls_certificate_file),
            ("ssl.key.location", &self.tls_key_file),
        ] {
            if self.security_protocol.is_tls() && !value.is_empty() {
                set(key, value);
            }
        }
        if self.security_protocol.is_tls() && !self.tls_key_password_file.is_empty() {
            set("ssl.key.password", &secret_file(&self.tls_key_password_file, "tls_key_password_file")?);
        }
        if self.security_protocol.is_sasl() {
            set("sasl.mechanisms", self.sasl_mechanism.word());
            set("sasl.username", &self.sasl_username);
            set("sasl.password", &self.password()?);
        }
        Ok(config)
    }

    fn password(&self) -> Result<String, SinkError> {
        if !self.sasl_password_file.is_empty() {
            return secret_file(&self.sasl_password_file, "sasl_password_file");
        }
        let name = &self.sasl_password_env;
        std::env::var(name).map_err(|_| {
            SinkError::Settings(format!("kafka.sasl_password_env: the environment variable {name} is not set to text"))
        })
    }
}

/// Reads a secret; a line end after it is not part of it.
fn secret_file(path: &str, key: &str) -> Result<String, SinkError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(text.trim_end_matches(['\r', '\n']).to_owned()),
        // The error of a file that is no UTF-8 says nothing of its content.
        Err(error) => Err(SinkError::Settings(format!("kafka.{key}: cannot read {path}: {error}"))),
    }
}

/// What Kafka takes as the name of a topic.
fn is_topic(name: &str) -> bool {
    (1..=249).contains(&name.len())
        && name != "."
        && name != ".."
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

/// Whole milliseconds, within what librdkafka takes.
fn millis(span: Span) -> u64 {
    (span.0 / 1_000_000).min(900_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_sound_and_publish_nothing() {
        let settings = KafkaSettings::default();
        assert_eq!(settings.problems(), []);
        assert!(!settings.is_on());
        settings.client_config("spyhop").expect("a configuration").create_native_config().expect("known keys");
    }

    #[test]
    fn all_mistakes_are_told_at_once_with_their_keys() {
        let settings = KafkaSettings {
            brokers: vec!["kafka-1".into(), "kafka-2:9092".into()],
            findings_topic: "a topic".into(),
            security_protocol: SecurityProtocol::SaslPlaintext,
            tls_certificate_file: "cert.pem".into(),
            queue_records: 0,
            ..KafkaSettings::default()
        };
        let keys: Vec<&str> = settings.problems().iter().map(|problem| problem.key).collect();
        assert_eq!(
            keys,
            [
                "brokers",
                "findings_topic",
                "sasl_username",
                "sasl_password_file",
                "tls_key_file",
                "security_protocol",
                "queue_records"
            ]
        );
    }

    #[test]
    fn every_security_setting_is_one_that_the_client_knows() {
        let folder = tempfile::tempdir().expect("a folder");
        let password = folder.path().join("password");
        std::fs::write(&password, "s3cret pass\n").expect("written");
        let settings = KafkaSettings {
            brokers: vec!["127.0.0.1:9092".into()],
            security_protocol: SecurityProtocol::SaslSsl,
            tls_ca_file: "ca.pem".into(),
            tls_certificate_file: "cert.pem".into(),
            tls_key_file: "key.pem".into(),
            tls_key_password_file: password.display().to_string(),
            sasl_username: "sensor".into(),
            sasl_password_file: password.display().to_string(),
            ..KafkaSettings::default()
        };
        assert_eq!(settings.problems(), []);
        let config = settings.client_config("spyhop").expect("a configuration");
        assert_eq!(config.get("sasl.password"), Some("s3cret pass"));
        config.create_native_config().expect("known keys");
        assert!(!format!("{settings:?}").contains("s3cret"));
    }

    #[test]
    fn a_password_that_cannot_be_had_is_told_by_its_key() {
        let mut settings = KafkaSettings {
            security_protocol: SecurityProtocol::SaslPlaintext,
            sasl_username: "sensor".into(),
            sasl_password_file: "/no/such/password".into(),
            ..KafkaSettings::default()
        };
        let error = settings.client_config("spyhop").expect_err("no file").to_string();
        assert!(error.contains("sasl_password_file") && error.contains("/no/such/password"), "{error}");
        settings.sasl_password_file.clear();
        settings.sasl_password_env = "SPYHOP_TEST_NO_SUCH_VARIABLE".into();
        let error = settings.client_config("spyhop").expect_err("no variable").to_string();
        assert!(error.contains("SPYHOP_TEST_NO_SUCH_VARIABLE"), "{error}");
    }
}
