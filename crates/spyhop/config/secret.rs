//! Which settings hold a secret, and how a line of the file is quoted without showing one.

/// Settings of this name hold a secret, unless they name a file.
pub fn is_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    (key.contains("password") || key.contains("secret")) && !key.ends_with("_file")
}

/// What may be meant as a secret, mistyped or in the wrong place. Only for quoting, where too much may be hidden.
fn resembles_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    let words = ["pass", "pwd", "secret", "token", "credential"];
    let parts = || key.split(|c: char| !c.is_ascii_alphanumeric());
    !key.ends_with("_file")
        && (words.iter().any(|word| key.contains(word))
            || parts().any(|part| part.len() > 4 && super::nearest(part, ["password", "secret"]).is_some()))
}

/// The lines of a text as they may be quoted: from the value of anything like a secret on, `…` stands instead.
pub fn quotable(text: &str) -> Vec<String> {
    let mut closing: Option<&str> = None;
    let line = |content: &str| match closing {
        // Within a secret that goes on over several lines.
        Some(close) => {
            if content.contains(close) {
                closing = None;
            }
            "…".to_owned()
        }
        None => match secret_value(content) {
            Some(at) => {
                let (before, value) = content.split_at(at);
                closing = left_open(value);
                format!("{before} …")
            }
            None => content.to_owned(),
        },
    };
    text.lines().map(line).collect()
}

/// Where the first value like a secret begins. A number or a truth value is none: `passwords = 3` is a count.
fn secret_value(line: &str) -> Option<usize> {
    line.match_indices('=').find_map(|(at, _)| {
        let key = line[..at].trim_end_matches([' ', '\t', '"', '\'']);
        let start = key.rfind(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-')).map_or(0, |i| i + 1);
        let key = key.get(start..).unwrap_or(key);
        let value = line[at + 1..].split(['#', ',', '}']).next().unwrap_or("").trim();
        let harmless = value.replace('_', "").parse::<f64>().is_ok() || matches!(value, "true" | "false");
        (resembles_secret(key) && !harmless).then_some(at + 1)
    })
}

/// What ends a value that begins here and goes on over the next lines.
fn left_open(value: &str) -> Option<&'static str> {
    let open = |quote: &str| value.matches(quote).count() % 2 == 1;
    if open("\"\"\"") {
        Some("\"\"\"")
    } else if open("'''") {
        Some("'''")
    } else if value.matches('[').count() > value.matches(']').count() {
        Some("]")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_known_by_name() {
        assert!(is_secret("sasl_password") && is_secret("client_secret") && is_secret("SASL_Password"));
        assert!(!is_secret("password_file") && !is_secret("brokers"));
    }

    #[test]
    fn a_quoted_line_shows_no_secret() {
        for line in [
            "password = \"hunter2\"",
            "pasword = \"hunter2\"",
            "password = hunter2",
            "kafka.sasl_password=\"hunter2\" # my own",
            "kafka = { user = \"a\", \"password\" = 'hunter2', port = 1 }",
            "api-token = \"hunter2\"",
            "sercet = \"hunter2\"",
        ] {
            let shown = quotable(line).concat();
            assert!(!shown.contains("hunter2") && shown.ends_with(" …"), "{shown}");
        }
        for line in ["passwords = 3", "secret_file = \"/etc/key\"", "interface = eth0", "passwords = ten", "a = 1"] {
            assert_eq!(quotable(line).concat() == line, line != "passwords = ten", "{line}");
        }
        let long = "password = \"\"\"\nhunter2\nhunter2\"\"\"\nport = 1\nsecrets = [\n'hunter2',\n]\nport = 2";
        assert_eq!(quotable(long), ["password = …", "…", "…", "port = 1", "secrets = …", "…", "…", "port = 2"]);
    }
}
