//! Text of a peer, made printable and bounded.

use std::fmt::Write;

/// Printable ASCII as it is, everything else (and the backslash itself) as `\xHH`; at most `limit` bytes of it.
pub(crate) fn escaped(bytes: &[u8], limit: usize) -> String {
    let mut text = String::with_capacity(bytes.len().min(limit));
    for byte in bytes.iter().take(limit) {
        push(&mut text, *byte);
    }
    text
}

fn push(text: &mut String, byte: u8) {
    match byte {
        b'\\' => text.push_str("\\x5c"),
        b' '..=b'~' => text.push(byte.into()),
        _ => _ = write!(text, "\\x{byte:02x}"),
    }
}

/// Characters without those that steer a terminal, at most `limit` of them.
pub(crate) fn printable(characters: impl Iterator<Item = char>, limit: usize) -> String {
    let mut text = String::new();
    for character in characters.take(limit) {
        match character {
            '\\' => text.push_str("\\x5c"),
            _ if character.is_control() => _ = write!(text, "\\x{:02x}", u32::from(character)),
            _ => text.push(character),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_unambiguous_and_bounded() {
        assert_eq!(escaped(b"a.example", 255), "a.example");
        assert_eq!(escaped(b"a\xff\n\\", 255), "a\\xff\\x0a\\x5c");
        assert_eq!(escaped(b"abcdef", 3), "abc");
        assert_eq!(printable("工\u{1b}[2J".chars(), 3), "工\\x1b[");
    }
}
