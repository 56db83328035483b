//! What serde says of a value, in an operator's words.

/// A sentence about a value of the wrong type, or of one that is not accepted. Nothing of a secret is quoted.
pub fn readable(said: &str, secret: bool) -> String {
    if let Some((found, expected)) = mismatch(said) {
        let wanted = wanted(expected);
        if secret {
            return format!("expected {wanted}, found something else (not shown)");
        }
        let remedy = match found.strip_prefix("string \"").and_then(|text| text.strip_suffix('"')) {
            Some(text) if text.parse::<f64>().is_ok() && wanted.contains("number") => "; remove the quotes",
            Some("true" | "false") if wanted.contains("true") => "; remove the quotes",
            None if wanted.starts_with("a text") && !found.starts_with("sequence") && !found.starts_with("map") => {
                "; put it in quotes"
            }
            None if wanted.starts_with("a list") => "; put it in brackets",
            Some(_) if wanted.starts_with("a list") => "; put it in brackets",
            _ => "",
        };
        return format!("expected {wanted}, found {}{remedy}", described(found));
    }
    if secret {
        return "this value is not accepted (not shown)".to_owned();
    }
    if let Some((written, known)) = unknown(said, "unknown variant") {
        let choice = quoted(&known, "or");
        return match super::nearest(written, known.iter().copied()) {
            Some(near) => format!("`{written}` is not one of {choice}; did you mean `{near}`?"),
            None => format!("`{written}` is not one of {choice}"),
        };
    }
    if let Some((written, known)) = unknown(said, "unknown field") {
        return unknown_key(written, "here", &known);
    }
    match said.strip_prefix("missing field `").and_then(|rest| rest.split('`').next()) {
        Some(field) => format!("the key `{field}` is missing here"),
        None => said.to_owned(),
    }
}

/// An unknown key, with the nearest known one or all of them.
pub fn unknown_key(written: &str, place: &str, known: &[&str]) -> String {
    match super::nearest(written, known.iter().copied()) {
        Some(near) => format!("unknown key `{written}` {place}; did you mean `{near}`?"),
        None if known.is_empty() => format!("unknown key `{written}` {place}; there are no keys {place}"),
        None => format!("unknown key `{written}` {place}; known are {}", quoted(known, "and")),
    }
}

/// `a`, `b` and `c`.
pub fn quoted(names: &[&str], last: &str) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match names.split_last() {
        Some((end, rest)) if !rest.is_empty() => format!("{} {last} {end}", rest.join(", ")),
        Some((end, _)) => end.clone(),
        None => String::new(),
    }
}

/// The key that serde does not know.
pub fn unknown_field(said: &str) -> Option<&str> {
    unknown(said, "unknown field").map(|(written, _)| written)
}

/// Something is missing, so that a part of the value says nothing about the whole.
pub fn is_missing(said: &str) -> bool {
    said.starts_with("missing field")
}

fn mismatch(said: &str) -> Option<(&str, &str)> {
    let rest = ["invalid type: ", "invalid value: ", "invalid length "].iter().find_map(|p| said.strip_prefix(p))?;
    rest.rsplit_once(", expected ")
}

fn unknown<'a>(said: &'a str, what: &str) -> Option<(&'a str, Vec<&'a str>)> {
    let rest = said.strip_prefix(what)?.strip_prefix(" `")?;
    // A name may hold a backtick itself; the list of what is expected is ours.
    let (written, known) = rest.rsplit_once("`, expected ").or_else(|| rest.rsplit_once("`, there are no "))?;
    Some((written, known.split('`').skip(1).step_by(2).collect()))
}

fn wanted(expected: &str) -> String {
    let text = match expected {
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" | "usize" | "u128" => "a whole number, 0 or more",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" => "true or false",
        "a string" | "string" | "str" | "a borrowed string" => "a text in quotes",
        "a character" => "one character in quotes",
        "a sequence" => "a list in brackets",
        "a map" => "a table",
        "string or map" => "one of the known words in quotes",
        _ if expected.starts_with("a nonzero u") => "a whole number, 1 or more",
        _ if expected.starts_with("struct ") => "a table",
        _ if expected.starts_with("variant identifier") => "one of the known words in quotes",
        _ => expected,
    };
    text.to_owned()
}

fn described(found: &str) -> String {
    let inner = |prefix: &str, end: char| found.strip_prefix(prefix).and_then(|rest| rest.strip_suffix(end));
    if let Some(text) = inner("string \"", '"') {
        format!("the text \"{text}\"")
    } else if let Some(number) = inner("integer `", '`').or_else(|| inner("floating point `", '`')) {
        format!("the number {number}")
    } else if let Some(truth) = inner("boolean `", '`') {
        truth.to_owned()
    } else {
        match found {
            "sequence" => "a list".to_owned(),
            "map" => "a table".to_owned(),
            "null" => "nothing".to_owned(),
            _ => found.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use serde::de::DeserializeOwned;
    use serde_json::{Value, json};

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Choice {
        Plain,
        Scram,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Inner {
        network: String,
    }

    fn said<T: DeserializeOwned + std::fmt::Debug>(value: Value) -> String {
        readable(&serde_json::from_value::<T>(value).expect_err("a mistake").to_string(), false)
    }

    #[test]
    fn what_serde_says_becomes_a_sentence() {
        assert_eq!(said::<u64>(json!("ten")), "expected a whole number, 0 or more, found the text \"ten\"");
        assert_eq!(
            said::<u64>(json!("10")),
            "expected a whole number, 0 or more, found the text \"10\"; remove the quotes"
        );
        assert_eq!(said::<u16>(json!(-1)), "expected a whole number from 0 to 65535, found the number -1");
        assert_eq!(said::<u16>(json!(70_000)), "expected a whole number from 0 to 65535, found the number 70000");
        assert_eq!(said::<u64>(json!(2.5)), "expected a whole number, 0 or more, found the number 2.5");
        assert_eq!(said::<std::num::NonZeroUsize>(json!(0)), "expected a whole number, 1 or more, found the number 0");
        assert_eq!(said::<bool>(json!("true")), "expected true or false, found the text \"true\"; remove the quotes");
        assert_eq!(said::<String>(json!(5)), "expected a text in quotes, found the number 5; put it in quotes");
        assert_eq!(said::<String>(json!([])), "expected a text in quotes, found a list");
        assert_eq!(
            said::<Vec<String>>(json!("a")),
            "expected a list in brackets, found the text \"a\"; put it in brackets"
        );
        assert_eq!(said::<Choice>(json!("scarm")), "`scarm` is not one of `plain` or `scram`; did you mean `scram`?");
        assert_eq!(said::<Choice>(json!("gssapi")), "`gssapi` is not one of `plain` or `scram`");
        assert_eq!(said::<Inner>(json!({})), "the key `network` is missing here");
        assert_eq!(said::<Inner>(json!({"netwrok": 1})), "unknown key `netwrok` here; did you mean `network`?");
        assert_eq!(said::<Inner>(json!({"x": 1})), "unknown key `x` here; known are `network`");
        assert_eq!(
            said::<spyhop_model::Span>(json!("ten")),
            "`ten` is no length of time; write a number and ms, s, m, h or d, as in \"10m\""
        );
        assert_eq!(readable("limit must be 3 or more", false), "limit must be 3 or more");
    }

    #[test]
    fn a_secret_is_not_quoted() {
        let wrong = serde_json::from_value::<u64>(json!("hunter2")).expect_err("a mistake").to_string();
        assert!(!readable(&wrong, true).contains("hunter2"));
        assert!(!readable("`hunter2` is too short", true).contains("hunter2"));
    }
}
