//! What of a secret may be shown.

use super::rules::{Kind, TABLE};

/// Shortest secret whose last characters are shown.
const SHORTEST: usize = 16;
/// Characters of its end that are shown.
const SHOWN: usize = 2;

/// A secret as it may leave the worker: the beginning that all values of the rule share, asterisks, and the last two
/// characters of a long one. Of passwords nothing is shown, of private keys the label of the block.
pub fn mask_secret(rule: &str, raw: &str) -> String {
    const STARS: &str = "****";
    if rule == "private-key" {
        let label = raw.strip_prefix("-----BEGIN ").and_then(|rest| rest.split_once("-----"));
        let label = label.map_or("PRIVATE KEY", |(label, _)| label);
        let is_label =
            label.len() <= 64 && label.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b' ');
        return format!("-----BEGIN {}-----{STARS}", if is_label { label } else { "PRIVATE KEY" });
    }
    let known = TABLE.identified(rule);
    let marks =
        known.clone().filter(|known| matches!(known.kind, Kind::Prefix | Kind::Url)).flat_map(|known| &known.marks);
    let prefix = marks.filter(|mark| raw.starts_with(**mark)).max_by_key(|mark| mark.len()).copied().unwrap_or("");
    let is_key = known.clone().next().is_some() || rule == "secret-by-name";
    let shown = if is_key && raw.len() >= SHORTEST + prefix.len() { SHOWN } else { 0 };
    let mut end: Vec<char> = raw.chars().rev().take(shown).collect();
    end.reverse();
    format!("{prefix}{STARS}{}", end.into_iter().collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks() {
        assert_eq!(mask_secret("github-pat", "ghp_0123456789abcdefghijklmnopqrstuvwxyz"), "ghp_****yz");
        assert_eq!(mask_secret("connection-string", "k3Jd82hXz0QpLm5v9876"), "****");
        assert_eq!(mask_secret("secret-by-name", "k3Jd82hXz0QpLm5v"), "****5v");
        assert_eq!(mask_secret("password-by-name", "P@ss1"), "****");
        assert_eq!(
            mask_secret("private-key", "-----BEGIN RSA PRIVATE KEY-----\nMII"),
            "-----BEGIN RSA PRIVATE KEY-----****"
        );
        assert_eq!(mask_secret("private-key", "MII"), "-----BEGIN PRIVATE KEY-----****");
        assert_eq!(mask_secret("no such rule", "密码密码密码密码密码"), "****");
    }
}
