//! Passwords in URLs (RFC 3986 §3.2.1 `userinfo`) and in connection strings.

use super::value::{Kinds, is_placeholder};

/// Longest `userinfo`, in bytes.
const LONGEST: usize = 256;

/// A password in a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Password {
    /// First byte.
    pub start: usize,
    /// Byte after the last.
    pub end: usize,
    /// A database, a queue: else a web page, a repository, a file server.
    pub is_connection: bool,
    /// Points, 0..=100.
    pub confidence: u8,
}

/// Words that stand for a password in documentation.
const TEXTBOOK: &[&str] = &[
    "password", "passwd", "pass", "pwd", "secret", "token", "user", "username", "admin", "root", "guest", "test",
    "p4ssw0rd",
];

/// The password in the URL whose `://` begins at `mark`; `length` is that of the mark, which may be written `:\/\/`.
pub fn password(bytes: &[u8], mark: usize, length: usize) -> Option<Password> {
    let head = bytes.get(mark.saturating_sub(24)..mark)?;
    if !head.last().is_some_and(u8::is_ascii_alphanumeric) {
        return None;
    }
    let scheme_length = head.iter().rev().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-')).count();
    let scheme = head.get(head.len() - scheme_length..)?;
    if scheme.len() < 2 || !scheme.first()?.is_ascii_alphabetic() {
        return None;
    }
    let start = mark + length;
    let rest = bytes.get(start..)?;
    let ends = |b: &u8| {
        !b.is_ascii_graphic()
            || matches!(
                b,
                b'/' | b'?' | b'#' | b'"' | b'\'' | b'<' | b'>' | b'\\' | b'`' | b'{' | b'}' | b'(' | b')' | b'|'
            )
    };
    let authority = rest.get(..rest.iter().take(LONGEST).position(ends).unwrap_or(rest.len().min(LONGEST)))?;
    let sign = memchr::memrchr(b'@', authority)?;
    let colon = memchr::memchr(b':', authority.get(..sign)?)?;
    let (user, secret, host) = (authority.get(..colon)?, authority.get(colon + 1..sign)?, authority.get(sign + 1..)?);
    let is_web = matches!(
        scheme,
        b"http" | b"https" | b"ftp" | b"ftps" | b"sftp" | b"ssh" | b"git" | b"svn" | b"ws" | b"wss" | b"socks5"
    );
    if secret.len() < if is_web { 4 } else { 2 }
        || !host.first()?.is_ascii_alphanumeric() && host.first() != Some(&b'[')
    {
        return None;
    }
    // A host of the web has a dot or a port; `user:name@2x` is a file.
    if is_web && !host.iter().any(|b| matches!(b, b'.' | b':')) {
        return None;
    }
    let is_textbook = std::str::from_utf8(secret).is_ok_and(|s| TEXTBOOK.contains(&s.to_ascii_lowercase().as_str()));
    let is_variable = secret.first() == Some(&b'$') || secret.starts_with(b"%7B") || secret.starts_with(b"%24");
    if is_variable || is_placeholder(secret) || is_placeholder(user) && !user.is_empty() && user.len() > 3 {
        return None;
    }
    let is_example = host.starts_with(b"example.") || host.windows(9).any(|w| w == b".example." || w == b"host.name");
    let here = [b"localhost".as_slice(), b"127.0.0.1", b"host", b"hostname", b"server"];
    let is_local =
        here.iter().any(|name| host.strip_prefix(*name).is_some_and(|rest| rest.is_empty() || rest.starts_with(b":")));
    let confidence = match (is_example, is_textbook, is_local, is_web) {
        (true, ..) => return None,
        (_, true, true, _) => 20,
        (_, true, ..) => 50,
        (_, _, true, _) => 60,
        (.., true) => 75,
        (.., false) => 90,
    };
    Some(Password { start: start + colon + 1, end: start + sign, is_connection: !is_web, confidence })
}

/// What stands in connection strings of ODBC, ADO.NET and JDBC, lower case.
const CONNECTION: &[&[u8]] = &[
    b"jdbc:",
    b"server=",
    b"data source=",
    b"datasource=",
    b"host=",
    b"uid=",
    b"user id=",
    b"initial catalog=",
    b"dsn=",
];

/// Whether the name at `name` is a parameter of a connection string: looks back at most 300 bytes of its line.
pub fn is_in_connection_string(bytes: &[u8], name: usize) -> bool {
    const BACK: usize = 300;
    let head = bytes.get(name.saturating_sub(BACK)..name).unwrap_or_default();
    let from = head.iter().rposition(|b| matches!(b, b'"' | b'\'' | b'\n' | b'\r' | b'<' | b'>')).map_or(0, |p| p + 1);
    let head = head.get(from..).unwrap_or_default();
    CONNECTION.iter().any(|mark| head.windows(mark.len()).any(|w| w.eq_ignore_ascii_case(mark)))
}

/// Where a block of a private key begins: its marker `-----BEGIN … PRIVATE KEY-----` (RFC 7468 §10, §11; RFC 1421;
/// OpenSSH; OpenPGP) at `mark`. Gives the end of the block, or of the piece if that comes first, and whether the
/// key is encrypted.
pub fn private_key(bytes: &[u8], mark: usize) -> Option<(usize, bool)> {
    const MARK: &[u8] = b"-----BEGIN ";
    const LABEL: usize = 64;
    const DASHES: &[u8] = b"-----";
    const LONGEST_BLOCK: usize = 16 << 10;
    /// Bytes of the block that are looked at.
    const HEAD: usize = 400;
    const LEAST: usize = 24;
    let rest = bytes.get(mark..)?.strip_prefix(MARK)?;
    let window = rest.get(..LABEL).unwrap_or(rest);
    let length = memchr::memmem::find(window, DASHES)?;
    let label = window.get(..length)?;
    let is_key = label.ends_with(b"PRIVATE KEY") || label.ends_with(b"PRIVATE KEY BLOCK");
    if !is_key || label.iter().any(|b| !(b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b' ')) {
        return None;
    }
    let body = rest.get(length + DASHES.len()..)?;
    let block = body.get(..LONGEST_BLOCK).unwrap_or(body);
    // The first dashes end the block, be it here or because another begins.
    let end = memchr::memmem::find(block, DASHES);
    let inside = block.get(..end.unwrap_or(block.len()))?;
    let head = inside.get(..HEAD).unwrap_or(inside);
    // Code that writes such blocks has the marker and then no key: a line of Base64 must follow, unless the piece ends.
    let is_body = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=');
    let is_line = |line: &[u8]| {
        let line = line.strip_prefix(b"n").or(line.strip_prefix(b"r")).unwrap_or(line);
        let kinds = Kinds::of(line.get(..LEAST).unwrap_or(line));
        line.iter().take_while(|b| is_body(b)).count() >= LEAST && kinds.lower && kinds.upper
    };
    let ends_line = |b: &u8| matches!(b, b'\n' | b'\r' | b'\\' | b' ' | b'"' | b'\'');
    let is_cut =
        end.is_none() && body.len() < LEAST && body.iter().all(|b| is_body(b) || matches!(b, b'\\' | b'\r' | b'\n'));
    if !is_cut && !head.split(ends_line).any(is_line) {
        return None;
    }
    let after = end.and_then(|end| {
        let tail = block.get(end..)?.strip_prefix(b"-----END ")?;
        let tail = tail.get(..LABEL + DASHES.len()).unwrap_or(tail);
        Some(end + 9 + memchr::memmem::find(tail, DASHES)? + DASHES.len())
    });
    let is_encrypted = label.starts_with(b"ENCRYPTED") || memchr::memmem::find(head, b"ENCRYPTED").is_some();
    let start = mark + MARK.len() + length + DASHES.len();
    Some((start + after.unwrap_or(inside.len()), is_encrypted))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_url(text: &str) -> Option<(&str, bool, u8)> {
        let found = password(text.as_bytes(), text.find("://")?, 3)?;
        Some((&text[found.start..found.end], found.is_connection, found.confidence))
    }

    #[test]
    fn passwords_of_urls() {
        assert_eq!(in_url("postgres://app:k3Jd82hX@db1:5432/x"), Some(("k3Jd82hX", true, 90)));
        assert_eq!(in_url("redis://:k3Jd82hX@10.0.0.1:6379"), Some(("k3Jd82hX", true, 90)));
        assert_eq!(in_url("mongodb+srv://u:p%40w9@c.mongodb.net/"), Some(("p%40w9", true, 90)));
        assert_eq!(in_url("\turl = https://me:k3Jd82hX@git.firm.cn/a.git"), Some(("k3Jd82hX", false, 75)));
        assert_eq!(in_url("amqp://guest:guest@localhost:5672").map(|f| f.2), Some(20));
    }

    #[test]
    fn other_urls() {
        for text in [
            "https://unpkg.com:443/a@1.2.3",
            "https://a.cn/@user:name",
            "http://localhost:8080",
            "redis://user:${PASS}@h",
            "https://user:<password>@h.cn",
            "mysql://user:xxxxxx@h/db",
            "https://user:pass1@example.com",
            "://a:bcdef@c.d",
            "https://a:bcdef@2x",
            "smb://a:b@\u{4e2d}",
            "https://a:b",
        ] {
            assert_eq!(in_url(text), None, "{text}");
        }
    }

    #[test]
    fn blocks_of_private_keys() {
        let line = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7";
        let whole = format!("-----BEGIN PRIVATE KEY-----\n{line}\n{line}\n-----END PRIVATE KEY-----\nafter");
        assert_eq!(private_key(whole.as_bytes(), 0), Some((whole.len() - 6, false)));
        let cut = format!("-----BEGIN RSA PRIVATE KEY-----\\n{line}");
        assert_eq!(private_key(cut.as_bytes(), 0), Some((cut.len(), false)));
        let shorter = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl";
        assert_eq!(private_key(shorter.as_bytes(), 0), Some((shorter.len(), false)));
        let locked = format!("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\n{line}\n");
        assert_eq!(private_key(locked.as_bytes(), 0).map(|f| f.1), Some(true));
        for none in [
            "-----BEGIN PUBLIC KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEA",
            "-----BEGIN PRIVATE KEY-----\"+e+\"-----END PRIVATE KEY-----",
            "-----BEGIN PRIVATE KEY-----\nyour key goes here\n-----END PRIVATE KEY-----",
            "-----BEGIN PRIVATE KEY",
        ] {
            assert_eq!(private_key(none.as_bytes(), 0), None, "{none}");
        }
    }

    #[test]
    fn connection_strings() {
        let at = |text: &str| is_in_connection_string(text.as_bytes(), text.find("assword").unwrap_or(0));
        assert!(at("jdbc:mysql://db/x?user=a&password=b"));
        assert!(at("Server=tcp:a;User Id=sa;Password=b"));
        assert!(!at("https://a.cn/login?user=a&password=b"));
        assert!(!at("\"jdbc:x\",\"password"));
    }
}
