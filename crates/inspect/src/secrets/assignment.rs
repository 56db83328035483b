//! Names and values in text: `"apiKey": "…"`, `DB_PASSWORD=…`, `password: …`, `<password>…</password>`,
//! `"spring.datasource.password":{"value":"…"}`.

use super::name::{self, LONGEST};

/// Longest value, in bytes.
const LONGEST_VALUE: usize = 256;
/// Most bytes of a value before its first run.
const BEFORE_RUN: usize = 48;
/// Most blanks around an operator.
const BLANKS: usize = 8;

/// Where a value stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value {
    /// First byte.
    pub start: usize,
    /// Byte after the last.
    pub end: usize,
}

fn is_in_name(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'$')
}

fn at(bytes: &[u8], at: usize) -> u8 {
    bytes.get(at).copied().unwrap_or(0)
}

/// The byte before, 0 at the beginning.
fn before(bytes: &[u8], at: usize) -> u8 {
    at.checked_sub(1).map_or(0, |p| self::at(bytes, p))
}

/// The name that covers `start..end`, at most [`LONGEST`] bytes to each side.
pub fn name_around(bytes: &[u8], start: usize, end: usize) -> (usize, usize) {
    let head = bytes.get(start.saturating_sub(LONGEST)..start).unwrap_or_default();
    let more_before = head.iter().rev().take_while(|b| is_in_name(**b)).count();
    let tail = bytes.get(end..).unwrap_or_default();
    let more_after = tail.iter().take(LONGEST).take_while(|b| is_in_name(**b)).count();
    (start - more_before, end + more_after)
}

/// Steps over at most [`BLANKS`] blanks.
fn blanks(bytes: &[u8], from: usize) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    from + rest.iter().take(BLANKS).take_while(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r')).count()
}

/// A quotation mark, maybe escaped: the byte after it, and the mark.
fn quote(bytes: &[u8], from: usize) -> Option<(usize, u8)> {
    let mark = if at(bytes, from) == b'\\' { from + 1 } else { from };
    matches!(at(bytes, mark), b'"' | b'\'' | b'`').then(|| (mark + 1, at(bytes, mark)))
}

/// The value that the name ending at `end` is given.
pub fn value_after(bytes: &[u8], (start, end): (usize, usize)) -> Option<Value> {
    if at(bytes, end) == b'>' && before(bytes, start) == b'<' {
        return until(bytes, end + 1, |b| b == b'<', b'<');
    }
    let closed = quote(bytes, end);
    let mut from = blanks(bytes, closed.map_or(end, |(after, _)| after));
    match (at(bytes, from), at(bytes, from + 1)) {
        (b':', b'=') | (b'=', b'>') => from += 2,
        (b'=', b'=') | (b':', b':') => return None,
        (b':' | b'=', _) => from += 1,
        // `<property name="password" value="…">`
        (b'v', _) if closed.is_some() && bytes.get(from..).is_some_and(|rest| rest.starts_with(b"value=")) => from += 6,
        _ => return None,
    }
    from = blanks(bytes, from);
    if at(bytes, from) == b'{' {
        // `{"value": …}`: what Spring's actuator says of a property.
        let (key, _) = quote(bytes, blanks(bytes, from + 1))?;
        let (colon, _) = bytes.get(key..)?.starts_with(b"value").then(|| quote(bytes, key + 5))??;
        let colon = blanks(bytes, colon);
        from = (at(bytes, colon) == b':').then(|| blanks(bytes, colon + 1))?;
    }
    match quote(bytes, from) {
        Some((value, mark)) => until(bytes, value, |b| b == mark || matches!(b, b'\\' | b'\n' | b'\r'), mark),
        None if closed.is_none() && stands_alone(bytes, start) => bare(bytes, from),
        None => None,
    }
}

/// A value up to its end mark; one cut by the end of the piece is none, since its length is unknown.
fn until(bytes: &[u8], start: usize, ends: impl Fn(u8) -> bool, mark: u8) -> Option<Value> {
    let rest = bytes.get(start..)?;
    let length = rest.iter().take(LONGEST_VALUE + 1).position(|b| ends(*b))?;
    let end = at(rest, length);
    let is_closed = end == mark || end == b'\\' && matches!(at(rest, length + 1), b'"' | b'\'' | b'n' | b'r');
    (length > 0 && is_closed).then_some(Value { start, end: start + length })
}

/// A value without quotation marks: in a line of settings or in a query.
fn bare(bytes: &[u8], start: usize) -> Option<Value> {
    let rest = bytes.get(start..)?;
    let ends = |b: &u8| {
        b.is_ascii_whitespace()
            || matches!(
                b,
                b'&' | b';' | b',' | b'"' | b'\'' | b'<' | b'>' | b'(' | b')' | b'\\' | b'`' | b'{' | b'}' | b'|'
            )
    };
    let length = rest.iter().take(LONGEST_VALUE + 1).position(ends).unwrap_or(rest.len().min(LONGEST_VALUE + 1));
    let value = rest.get(..length)?;
    let is_call = matches!(at(rest, length), b'(' | b'{' | b'`' | b'|');
    (length <= LONGEST_VALUE && length > 0 && !is_call && !is_path(value))
        .then_some(Value { start, end: start + length })
}

/// `config.db.password`, `this.$refs`: names joined with dots, without a digit in the last.
fn is_path(value: &[u8]) -> bool {
    let last = value.rsplit(|b| *b == b'.').next().unwrap_or_default();
    value.len() > last.len()
        && last.iter().all(|b| b.is_ascii_alphabetic() || matches!(b, b'_' | b'$'))
        && value
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'$' | b'?' | b'!' | b'[' | b']'))
}

/// The name begins a line, a parameter of a query or of a connection string.
fn stands_alone(bytes: &[u8], start: usize) -> bool {
    let head = bytes.get(..start).unwrap_or_default();
    let line = head.strip_suffix(b"export ").unwrap_or(head);
    let indented = line.iter().rev().take(4 * BLANKS).take_while(|b| matches!(b, b' ' | b'\t' | b'-')).count();
    let line = line.get(..line.len() - indented).unwrap_or(line);
    matches!(line.last(), None | Some(b'\n' | b'\r'))
        || line.ends_with(b"\\n")
        || matches!(head.last(), Some(b'?' | b'&' | b';'))
        || head.ends_with(b"&amp;")
}

/// The value around a run that is part of it, and the name it is given to.
pub fn around_run(bytes: &[u8], (start, end): (usize, usize)) -> Option<((usize, usize), Value)> {
    // Base64 has signs that end a run.
    let head = bytes.get(start.saturating_sub(BEFORE_RUN)..start).unwrap_or_default();
    let start = start
        - head
            .iter()
            .rev()
            .take_while(|b| matches!(b, b'+' | b'/' | b'.' | b'~' | b':') || b.is_ascii_alphanumeric())
            .count();
    let mut from = start;
    // Back over the quotation mark, the operator, and the quotation mark of the name.
    for step in 0..2 {
        if matches!(before(bytes, from), b'"' | b'\'' | b'`') {
            from -= 1;
            from -= usize::from(before(bytes, from) == b'\\');
        }
        if step == 0 {
            let operator = back_over_blanks(bytes, from);
            let operator = match before(bytes, operator) {
                b'>' if before(bytes, operator - 1) == b'=' => operator - 2,
                b'=' if before(bytes, operator - 1) == b':' => operator - 2,
                b':' | b'=' => operator - 1,
                // `<secret>…`
                b'>' => operator - 1,
                _ => return None,
            };
            from = back_over_blanks(bytes, operator);
        }
    }
    let name = name_around(bytes, from, from);
    let name = if bytes.get(name.0..from) == Some(b"value") { outer_name(bytes, name.0)? } else { (name.0, from) };
    if !name::may_speak(bytes.get(name.0..name.1)?) {
        return None;
    }
    let value = value_after(bytes, name)?;
    (name.0 < name.1 && value.start <= start && end <= value.end).then_some((name, value))
}

/// The name of the object whose first name is at `from`: `"…": {"value"`.
fn outer_name(bytes: &[u8], from: usize) -> Option<(usize, usize)> {
    let unquote = |at: usize| {
        let quoted = matches!(before(bytes, at), b'"' | b'\'');
        let at = at - usize::from(quoted);
        if quoted && before(bytes, at) == b'\\' { at - 1 } else { at }
    };
    let brace = back_over_blanks(bytes, unquote(from));
    let colon = back_over_blanks(bytes, (before(bytes, brace) == b'{').then(|| brace - 1)?);
    let end = unquote(back_over_blanks(bytes, (before(bytes, colon) == b':').then(|| colon - 1)?));
    Some((name_around(bytes, end, end).0, end))
}

fn back_over_blanks(bytes: &[u8], from: usize) -> usize {
    let head = bytes.get(..from).unwrap_or_default();
    from - head.iter().rev().take(BLANKS).take_while(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r')).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after<'a>(text: &'a str, name: &str) -> Option<&'a str> {
        let start = text.find(name)?;
        let value = value_after(text.as_bytes(), (start, start + name.len()))?;
        text.get(value.start..value.end)
    }

    fn round<'a>(text: &'a str, run: &str) -> Option<(&'a str, &'a str)> {
        let start = text.find(run)?;
        let (name, value) = around_run(text.as_bytes(), (start, start + run.len()))?;
        Some((text.get(name.0..name.1)?, text.get(value.start..value.end)?))
    }

    #[test]
    fn values_after_names() {
        assert_eq!(after(r#"{"password": "abc"}"#, "password"), Some("abc"));
        assert_eq!(after(r#"{\"password\":\"abc\"}"#, "password"), Some("abc"));
        assert_eq!(after("password='abc'", "password"), Some("abc"));
        assert_eq!(after("A=1\nDB_PASSWORD=abc\n", "DB_PASSWORD"), Some("abc"));
        assert_eq!(after("a:\n  password: abc\n", "password"), Some("abc"));
        assert_eq!(after("export TOKEN=abc", "TOKEN"), Some("abc"));
        assert_eq!(after("jdbc:mysql://h/d?user=a&password=abc&x=y", "password"), Some("abc"));
        assert_eq!(after("<password>abc</password>", "password"), Some("abc"));
        assert_eq!(after(r#"<property name="password" value="abc"/>"#, "password"), Some("abc"));
        assert_eq!(after(r#"{"db.password": {"value": "abc", "origin": 1}}"#, "db.password"), Some("abc"));
    }

    #[test]
    fn code_is_no_value() {
        assert_eq!(after("{password:e.password}", "password"), None);
        assert_eq!(after("\n  password: state.user.password,\n", "password"), None);
        assert_eq!(after("\npassword = getPassword()\n", "password"), None);
        assert_eq!(after("if(password==='abc')", "password"), None);
        assert_eq!(after("{password:\"abc", "password"), None);
        assert_eq!(after("the password is", "password"), None);
    }

    #[test]
    fn names_of_runs() {
        assert_eq!(
            round(r#"{"apiKey": "0123456789abcdef"}"#, "0123456789abcdef"),
            Some(("apiKey", "0123456789abcdef"))
        );
        assert_eq!(
            round("x={apiKey:'ab+0123456789abcdef/c='}", "0123456789abcdef"),
            Some(("apiKey", "ab+0123456789abcdef/c="))
        );
        assert_eq!(round("API_KEY=0123456789abcdef\n", "0123456789abcdef"), Some(("API_KEY", "0123456789abcdef")));
        let env = r#""a.api-key": { "value": "0123456789abcdef" }"#;
        assert_eq!(round(env, "0123456789abcdef"), Some(("a.api-key", "0123456789abcdef")));
        assert_eq!(round(r#"["0123456789abcdef"]"#, "0123456789abcdef"), None);
        assert_eq!(round("0123456789abcdef", "0123456789abcdef"), None);
    }

    proptest::proptest! {
        #[test]
        fn no_panic(text in "[a-c:=>{}\"'\\\\ \n<&value0-9.+/-]{0,120}", a in 0usize..130, b in 0usize..20) {
            let bytes = text.as_bytes();
            let (start, end) = (a.min(bytes.len()), (a + b).min(bytes.len()));
            value_after(bytes, name_around(bytes, start, end));
            around_run(bytes, (start, end));
        }
    }
}
