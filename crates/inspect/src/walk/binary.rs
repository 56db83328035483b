//! Bytes that are hardly text: only where some stands in them are they read.

use std::borrow::Cow;

use super::decode::text;
use crate::charset;

/// Characters of ASCII that make a stretch of text: the shortest value is an address (`a@b.cn`).
const RUN: u32 = 6;
/// Bytes around a stretch that are read with it.
const AROUND: usize = 8;
/// Bytes between two values beyond which it does not matter how many they are.
const APART: usize = 264;
/// What stands for bytes that are no text.
const NOTHING: &str = "\u{FFFD}";

/// Text of bytes, as [`text`] has it; where less than a quarter of them can be any, what stands between is left out, but
/// for its length.
pub(super) fn text_within(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) if charset::chinese(bytes).is_some() => text(bytes),
        Err(_) => sparse(bytes).map_or_else(|| text(bytes), Cow::Owned),
    }
}

fn sparse(bytes: &[u8]) -> Option<String> {
    let mut shown = String::new();
    let mut kept = 0;
    let mut from = 0;
    let mut read = |(start, end): (usize, usize)| {
        let gap = bytes.get(from..start).unwrap_or_default();
        // Each byte of ASCII is one of text, each other one is shown as three.
        let width = gap.iter().take(APART).map(|byte| if byte.is_ascii() { 1 } else { NOTHING.len() }).sum::<usize>();
        (0..width.min(APART).div_ceil(NOTHING.len())).for_each(|_| shown.push_str(NOTHING));
        shown.push_str(&String::from_utf8_lossy(bytes.get(start..end).unwrap_or_default()));
        kept += end - start;
        from = end;
        kept * 4 < bytes.len()
    };
    let mut window: Option<(usize, usize)> = None;
    for (start, end) in Stretches::of(bytes) {
        let (start, end) = (start.saturating_sub(AROUND), (end + AROUND).min(bytes.len()));
        match &mut window {
            Some((_, last)) if start <= *last => *last = end,
            _ => {
                if !window.replace((start, end)).is_none_or(&mut read) {
                    return None;
                }
            }
        }
    }
    let is_sparse = window.is_none_or(&mut read);
    read((bytes.len(), bytes.len()));
    is_sparse.then_some(shown)
}

/// Stretches of text: runs of ASCII as it is written, and characters of three bytes, as Han are.
struct Stretches<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Stretches<'a> {
    fn of(bytes: &'a [u8]) -> Stretches<'a> {
        Stretches { bytes, at: 0 }
    }
}

impl Iterator for Stretches<'_> {
    type Item = (usize, usize);

    fn next(&mut self) -> Option<(usize, usize)> {
        /// The last three classes of [`CLASSES`], two bits each.
        const LAST: u32 = 0b11_1111;
        let rest = self.bytes.get(self.at..)?;
        let (mut run, mut last) = (0, 0);
        for (byte, at) in rest.iter().zip(self.at..) {
            let class = CLASSES[usize::from(*byte)];
            last = (last << 2 | class) & LAST;
            run = if class == WRITTEN { run + 1 } else { 0 };
            if run == RUN {
                let start = at + 1 - RUN as usize;
                let more = self.bytes.get(at + 1..).unwrap_or_default();
                let length = more.iter().take_while(|byte| CLASSES[usize::from(**byte)] == WRITTEN).count();
                self.at = at + 1 + length;
                return Some((start, self.at));
            }
            if last == LEADS << 4 | FOLLOWS << 2 | FOLLOWS {
                self.at = at + 1;
                return Some((at - 2, self.at));
            }
        }
        self.at = self.bytes.len();
        None
    }
}

/// Begins a character of three bytes.
const LEADS: u32 = 1;
/// Goes on with a character.
const FOLLOWS: u32 = 2;
/// Of ASCII, and no control.
const WRITTEN: u32 = 3;

const fn classes() -> [u32; 256] {
    let mut table = [0; 256];
    let mut n = 0;
    while n < 256 {
        table[n] = match n as u8 {
            0xE2..=0xEF => LEADS,
            0x80..=0xBF => FOLLOWS,
            b'\t' | b'\n' | b'\r' | b' '..=b'~' => WRITTEN,
            _ => 0,
        };
        n += 1;
    }
    table
}
static CLASSES: [u32; 256] = classes();

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_in_bytes_is_kept_with_its_distance() {
        let mut bytes = vec![0xFF; 1000];
        bytes.extend(b"phone=13912345678");
        bytes.extend([0x01; 400]);
        bytes.extend("张伟".as_bytes());
        bytes.extend([0x90; 100]);
        let shown = text_within(&bytes);
        let (phone, name) = (shown.find("phone=13912345678"), shown.find("张伟"));
        let apart = name.zip(phone).map(|(name, phone)| name - phone);
        assert!(apart.is_some_and(|apart| apart > 256), "{shown}");
        assert!(shown.len() < bytes.len());
    }

    #[test]
    fn text_with_a_wrong_byte_is_as_it_was() {
        for bytes in [&b"a text of words, and \xFF a byte"[..], b"\xFF", b"", "多少".as_bytes(), b"13912345678\xFE"] {
            assert_eq!(text_within(bytes), text(bytes));
        }
    }

    #[test]
    fn nothing_is_left_of_bytes_without_text() {
        let bytes: Vec<u8> = (0..8192).map(|n| if n % 3 == 0 { b'a' } else { 0xFF }).collect();
        let shown = text_within(&bytes);
        assert!(shown.len() <= APART + 3 && shown.chars().all(|c| c == '\u{FFFD}'));
    }
}
