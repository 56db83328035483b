//! Shapes that fingers make: neighbouring keys, runs, repetitions.

/// Keys of a US keyboard, unshifted; each row begins under the first key of the row above.
const ROWS: [&str; 4] = ["`1234567890-=", "\0qwertyuiop[]\\", "\0asdfghjkl;'", "\0zxcvbnm,./"];
const SHIFTED: &str = "~!@#$%^&*()_+{}|:\"<>?";
/// The same keys unshifted, in that order.
const UNSHIFTED: &str = "`1234567890-=[]\\;',./";

/// Columns and diagonals of a number pad, either way.
const PAD_LINES: &[&str] = &["147", "258", "369", "741", "852", "963", "159", "951", "357", "753"];
/// Its rows, which are sequences too.
const PAD_ROWS: &[&str] = &["123", "456", "789", "321", "654", "987"];

/// Mostly neighbouring keys: at least five, and two thirds of it. `lower` is in lower case.
pub fn is_keyboard_walk(lower: &str) -> bool {
    let keys: Vec<char> = lower.chars().map(unshifted).collect();
    let (mut walked, mut counted) = (0, 0);
    let mut rest = keys.as_slice();
    while !rest.is_empty() {
        let steps = rest.windows(2).take_while(|pair| matches!(pair, [a, b] if are_neighbours(*a, *b))).count();
        let (run, behind) = rest.split_at((steps + 1).min(rest.len()));
        if run.len() >= 4 {
            // `1234` is a sequence first; it counts beside a walk, but makes none.
            if step(run).is_none() {
                walked += run.len();
            } else {
                counted += run.len();
            }
        }
        rest = behind;
    }
    let covered = walked + counted;
    walked >= 4 && covered >= 5 && covered * 3 >= keys.len() * 2 || is_pad_walk(&keys)
}

fn is_pad_walk(keys: &[char]) -> bool {
    let lines: Vec<String> = keys.chunks(3).map(|line| line.iter().collect()).collect();
    lines.iter().any(|line| PAD_LINES.contains(&line.as_str()))
        && lines.iter().all(|line| PAD_LINES.contains(&line.as_str()) || PAD_ROWS.contains(&line.as_str()))
}

/// Runs of equal or successive characters make up three quarters of it, or a short block is repeated.
pub fn is_sequence(lower: &str) -> bool {
    let chars: Vec<char> = lower.chars().collect();
    let repeats = |block: usize| {
        chars.len().is_multiple_of(block) && {
            let first = chars.get(..block);
            chars.chunks(block).all(|chunk| Some(chunk) == first)
        }
    };
    if chars.len() >= 2 && (1..=chars.len().min(12) / 2).any(repeats) {
        return true;
    }
    let mut covered = 0;
    let mut rest = chars.as_slice();
    while !rest.is_empty() {
        let longest = (2..=rest.len()).take_while(|len| rest.get(..*len).and_then(step).is_some()).last().unwrap_or(1);
        let (run, behind) = rest.split_at(longest);
        if longest >= 3 || matches!(run, [a, b] if a == b) {
            covered += longest;
        }
        rest = behind;
    }
    covered * 4 >= chars.len() * 3
}

/// The one step between all neighbours of a run: -1, 0 or 1.
fn step(run: &[char]) -> Option<i64> {
    let mut steps = run.windows(2).map(|pair| match pair {
        [a, b] if a == b => 0,
        [a, b] if a.is_ascii_alphanumeric() && b.is_ascii_alphanumeric() => i64::from(*b as u32) - i64::from(*a as u32),
        // The keyboard's order of digits: 0 follows 9.
        _ => i64::MAX,
    });
    let first = wrapped(run).unwrap_or(steps.next()?);
    let same = wrapped(run).is_some() || steps.all(|next| next == first);
    (same && (-1..=1).contains(&first)).then_some(first)
}

/// `…7890` and `0987…` are runs as well.
fn wrapped(run: &[char]) -> Option<i64> {
    let text: String = run.iter().collect();
    match run {
        [.., '9', '0'] if "1234567890".ends_with(&text) => Some(1),
        ['0', '9', ..] if "0987654321".starts_with(&text) => Some(-1),
        _ => None,
    }
}

fn unshifted(c: char) -> char {
    SHIFTED.chars().zip(UNSHIFTED.chars()).find(|(shifted, _)| *shifted == c).map_or(c, |(_, key)| key)
}

fn are_neighbours(a: char, b: char) -> bool {
    let (Some((ax, ay)), Some((bx, by))) = (place(a), place(b)) else { return false };
    // Rows are shifted by half a key, so a key has two neighbours above and two below.
    matches!((bx - ax, by - ay), (-1 | 1, 0) | (0 | 1, -1) | (-1 | 0, 1))
}

fn place(key: char) -> Option<(i32, i32)> {
    ROWS.iter().zip(0..).find_map(|(row, y)| {
        let x = row.chars().zip(0..).find(|(other, _)| *other == key).map(|(_, x)| x);
        x.filter(|_| key != '\0').map(|x| (x, y))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn walks_follow_neighbouring_keys() {
        for walk in ["qwert", "1q2w3e4r", "!qaz@wsx", "zxcvbnm,", "qwer1234", "poiuytrewq", "159357159"] {
            assert!(is_keyboard_walk(walk), "{walk}");
        }
        for other in ["12345678", "abcdefgh", "kx9#mq2v", "qwer-kx9mv2", "19900307", "842846284", ""] {
            assert!(!is_keyboard_walk(other), "{other}");
        }
    }

    #[test]
    fn sequences_run_or_repeat() {
        for sequence in ["aaa111", "112233", "abcdef12", "7890", "098765", "xyxyxyxy", "abc@1234", "11"] {
            assert!(is_sequence(sequence), "{sequence}");
        }
        for other in ["kx9#mq2v", "abckx9mq", "19900307", "a1b2c3d4", "1"] {
            assert!(!is_sequence(other), "{other}");
        }
    }
}
