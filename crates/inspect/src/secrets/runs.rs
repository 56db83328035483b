//! Runs of characters as keys are written with: letters, digits, `_` and `-`.
//!
//! Instead of searching for some two hundred beginnings at every byte, the search looks at every sixteenth byte only: a
//! run of sixteen covers one of them. Where that byte is no such character, no run of sixteen holds it.

/// Shortest run in bytes: no rule has a shorter one.
pub const SHORTEST: usize = 16;

/// Characters of a run.
const fn table() -> [bool; 256] {
    let mut table = [false; 256];
    let mut n = 0;
    while n < 256 {
        table[n] = matches!(n as u8, b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'_' | b'-');
        n += 1;
    }
    table
}
static IN_RUN: [bool; 256] = table();

/// Whether the byte may stand in a run.
pub fn is_in_run(byte: u8) -> bool {
    IN_RUN[usize::from(byte)]
}

/// The first run that begins at `from` or later; `from` must not stand inside a run.
#[inline]
pub fn next(bytes: &[u8], from: usize) -> Option<(usize, usize)> {
    let mut at = from;
    while let Some(window) = bytes.get(at..at + SHORTEST) {
        match window.iter().rposition(|b| !is_in_run(*b)) {
            Some(border) => at += border + 1,
            None => {
                let rest = bytes.get(at + SHORTEST..).unwrap_or_default();
                let more = rest.iter().position(|b| !is_in_run(*b)).unwrap_or(rest.len());
                return Some((at, at + SHORTEST + more));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<&str> {
        let (mut at, mut found) = (0, Vec::new());
        while let Some((start, end)) = next(text.as_bytes(), at) {
            found.push(&text[start..end]);
            at = end + 1;
        }
        found
    }

    #[test]
    fn runs_of_sixteen_and_more() {
        assert_eq!(all("a 0123456789abcdef b 0123456789abcde c"), ["0123456789abcdef"]);
        assert_eq!(all("0123456789abcdef0123456789abcdef"), ["0123456789abcdef0123456789abcdef"]);
        assert_eq!(all(".a-b_c-d_e-f_g-h_i.0123456789abcdeF"), ["a-b_c-d_e-f_g-h_i", "0123456789abcdeF"]);
        assert_eq!(all("手机号码手机号码手机号码"), [""; 0]);
        assert_eq!(all(""), [""; 0]);
    }

    proptest::proptest! {
        #[test]
        fn as_a_plain_split_finds_them(text in "[a-z0-9_. \u{4e00}-]{0,200}") {
            let plain: Vec<&str> = text
                .split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-'))
                .filter(|run| run.len() >= SHORTEST)
                .collect();
            proptest::prop_assert_eq!(all(&text), plain);
        }
    }
}
