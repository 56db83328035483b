//! What the name of a value says: which service it belongs to, and whether it is a key, a secret or a password.

/// Longest name that is looked at, in bytes; of a longer one its end is.
pub const LONGEST: usize = 80;
/// Most words of a name that are joined.
const JOINED: usize = 4;
/// Most words of a name.
const MOST_WORDS: usize = 16;

/// Joined words that name a secret.
const SECRETS: &[&str] = &[
    "secret",
    "secrets",
    "apikey",
    "accesskey",
    "privatekey",
    "authkey",
    "signkey",
    "signingkey",
    "encryptkey",
    "encryptionkey",
    "aeskey",
    "deskey",
    "masterkey",
    "rootkey",
    "accountkey",
    "credential",
    "credentials",
    "apitoken",
    "servicetoken",
    "personalaccesstoken",
    "deploytoken",
    "bottoken",
];
/// Words that end the name of any key, for values of a known service.
const KEYS: &[&str] = &[
    "key",
    "secret",
    "token",
    "password",
    "passwd",
    "pwd",
    "pass",
    "auth",
    "credential",
    "credentials",
    "pat",
    "license",
];
/// Joined words that name a password.
const PASSWORDS: &[&str] = &["password", "passwd", "pwd", "passphrase", "userpass", "dbpass", "passcode"];
/// Words after which the value is something else: public keys, identifiers, texts, states, sums.
const OTHERS: &[&str] = &[
    "public",
    "publishable",
    "pub",
    "id",
    "ids",
    "name",
    "names",
    "url",
    "uri",
    "path",
    "type",
    "types",
    "label",
    "hint",
    "version",
    "csrf",
    "xsrf",
    "nonce",
    "site",
    "state",
    "hash",
    "md5",
    "sha",
    "sha1",
    "sha256",
    "file",
    "filename",
    "expires",
    "expire",
    "expiration",
    "expiry",
    "length",
    "size",
    "len",
    "title",
    "text",
    "tip",
    "tips",
    "message",
    "msg",
    "placeholder",
    "error",
    "errors",
    "regex",
    "pattern",
    "rule",
    "rules",
    "enabled",
    "required",
    "visible",
    "captcha",
    "status",
    "strength",
    "policy",
    "time",
    "date",
    "count",
    "field",
    "class",
    "icon",
    "input",
    "form",
    "page",
    "question",
    "answer",
    "email",
    "internals",
    "map",
    "index",
    "ref",
    "fingerprint",
    "thumbprint",
    "checksum",
    "integrity",
    "event",
];
/// Words that speak of a configuration rather than of a form.
const SETTINGS: &[&str] = &[
    "db",
    "database",
    "datasource",
    "redis",
    "mysql",
    "postgres",
    "mongo",
    "mongodb",
    "rabbit",
    "rabbitmq",
    "smtp",
    "mail",
    "jdbc",
    "ldap",
    "spring",
    "druid",
    "kafka",
    "nacos",
    "minio",
    "ftp",
    "sftp",
    "keystore",
    "truststore",
    "oracle",
];

/// Whether a name may speak of a key at all: a cheap look before it is split.
pub fn may_speak(name: &[u8]) -> bool {
    const PARTS: [&[u8]; 9] =
        [b"key", b"secret", b"token", b"pass", b"pwd", b"auth", b"credential", b"pat", b"license"];
    let begins =
        |at: usize, part: &[u8]| name.get(at..at + part.len()).is_some_and(|here| here.eq_ignore_ascii_case(part));
    name.eq_ignore_ascii_case(b"sk")
        || name.iter().enumerate().any(|(at, b)| match b.to_ascii_lowercase() {
            b'k' | b's' | b't' | b'p' | b'a' | b'c' | b'l' => PARTS.iter().any(|part| begins(at, part)),
            _ => false,
        })
}

/// A name as lower-case words.
#[derive(Debug, Default)]
pub struct Name {
    squashed: String,
    /// Where each word begins.
    starts: Vec<usize>,
    /// Written as settings are: `DB_PASSWORD`, `spring.datasource.password`.
    is_setting: bool,
}

impl Name {
    /// Splits a name at signs and at changes of case.
    pub fn new(name: &[u8]) -> Name {
        let name = name.get(name.len().saturating_sub(LONGEST)..).unwrap_or(name);
        let mut words = Name { squashed: String::with_capacity(name.len()), ..Name::default() };
        let mut before = b'_';
        for (at, b) in name.iter().enumerate() {
            if !b.is_ascii_alphanumeric() {
                before = b'_';
                continue;
            }
            let next_is_lower = name.get(at + 1).is_some_and(u8::is_ascii_lowercase);
            let begins = !before.is_ascii_alphanumeric()
                || b.is_ascii_uppercase() && (!before.is_ascii_uppercase() || next_is_lower);
            if begins && words.starts.len() < MOST_WORDS {
                words.starts.push(words.squashed.len());
            }
            words.squashed.push(char::from(b.to_ascii_lowercase()));
            before = *b;
        }
        let is_upper = name.iter().all(|b| !b.is_ascii_lowercase()) && name.contains(&b'_');
        words.is_setting = is_upper || name.contains(&b'.') || words.has_word(SETTINGS);
        words
    }

    fn words(&self) -> impl Iterator<Item = &str> {
        self.starts.iter().enumerate().map(|(n, start)| {
            let end = self.starts.get(n + 1).copied().unwrap_or(self.squashed.len());
            self.squashed.get(*start..end).unwrap_or_default()
        })
    }

    fn has_word(&self, list: &[&str]) -> bool {
        self.words().any(|word| {
            let first = word.as_bytes().first();
            // Hardly any begins with the same letter.
            list.iter().any(|known| known.as_bytes().first() == first && *known == word)
        })
    }

    /// Neighbouring words together, longest first.
    pub fn joined(&self) -> impl Iterator<Item = &str> {
        (1..=JOINED).rev().flat_map(move |count| {
            self.starts.iter().enumerate().filter_map(move |(n, start)| {
                let end = match self.starts.get(n + count) {
                    Some(end) => *end,
                    None if n + count == self.starts.len() => self.squashed.len(),
                    None => return None,
                };
                self.squashed.get(*start..end)
            })
        })
    }

    /// Speaks of a key of some kind, so that a service's key may follow.
    pub fn is_key(&self) -> bool {
        !self.is_other() && self.words().any(|word| KEYS.iter().any(|key| word.ends_with(key)))
    }

    /// Speaks of a secret by itself.
    pub fn is_secret(&self) -> bool {
        !self.is_other()
            && (self.squashed == "sk"
                || self.joined().any(|words| SECRETS.iter().any(|secret| words.ends_with(secret))))
    }

    /// Speaks of a password.
    pub fn is_password(&self) -> bool {
        !self.is_other() && self.joined().any(|words| PASSWORDS.iter().any(|word| words.ends_with(word)))
    }

    /// Written as settings are, or of something that is set up.
    pub fn is_setting(&self) -> bool {
        self.is_setting
    }

    fn is_other(&self) -> bool {
        self.has_word(OTHERS)
    }

    /// The whole name without signs, lower case.
    pub fn squashed(&self) -> &str {
        &self.squashed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_names() {
        let words = |name: &str| Name::new(name.as_bytes()).words().map(String::from).collect::<Vec<_>>();
        assert_eq!(words("twitterApiKey"), ["twitter", "api", "key"]);
        assert_eq!(words("AWS_SECRET_ACCESS_KEY"), ["aws", "secret", "access", "key"]);
        assert_eq!(words("spring.datasource.password"), ["spring", "datasource", "password"]);
        assert_eq!(words("APIKey"), ["api", "key"]);
        assert!(words("").is_empty());
    }

    #[test]
    fn names_that_may_speak() {
        for name in ["apiKey", "X_SECRET", "sk", "githubPAT", "license"] {
            assert!(may_speak(name.as_bytes()), "{name}");
        }
        for name in ["traceId", "orderNo", "", "risk"] {
            assert!(!may_speak(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn what_names_say() {
        let name = |name: &str| Name::new(name.as_bytes());
        for secret in
            ["secret", "appSecret", "api_key", "client-secret", "SECRET_KEY", "accessKeySecret", "sk", "x.apikey"]
        {
            assert!(name(secret).is_secret(), "{secret}");
        }
        for none in
            ["secretId", "token", "accessToken", "public_key", "apiKeyName", "key", "keyboard", "sessionKey", "risk"]
        {
            assert!(!name(none).is_secret(), "{none}");
        }
        assert!(name("DB_PASSWORD").is_password() && name("DB_PASSWORD").is_setting());
        assert!(name("redisPwd").is_password() && name("redisPwd").is_setting());
        assert!(name("password").is_password() && !name("password").is_setting());
        assert!(!name("passwordHint").is_password() && !name("compass").is_password());
        assert!(name("twitterToken").is_key() && !name("twitterName").is_key());
    }
}
