//! Text on a terminal: its width, where it breaks, and what of it must not reach the terminal.

/// Blocks whose characters take two columns (Unicode 16, East_Asian_Width W and F), coarsely.
const WIDE: [(u32, u32); 14] = [
    (0x1100, 0x115f),
    (0x231a, 0x231b),
    (0x23e9, 0x23ec),
    (0x2e80, 0x303e),
    (0x3041, 0x33ff),
    (0x3400, 0x4dbf),
    (0x4e00, 0xa4cf),
    (0xa960, 0xa97f),
    (0xac00, 0xd7a3),
    (0xf900, 0xfaff),
    (0xfe30, 0xfe6f),
    (0xff01, 0xff60),
    (0xffe0, 0xffe6),
    (0x1f300, 0x3fffd),
];

/// Combining marks and joiners, which take none (general categories Mn, Me, Cf), coarsely.
const NARROWER: [(u32, u32); 7] = [
    (0x0300, 0x036f),
    (0x0483, 0x0489),
    (0x1ab0, 0x1aff),
    (0x1dc0, 0x1dff),
    (0x20d0, 0x20ff),
    (0xfe00, 0xfe0f),
    (0xfe20, 0xfe2f),
];

/// No line begins with these (the commonest of JLREQ and CLREQ "line-start prohibition").
const NOT_FIRST: &str = "，。、；：！？）》」』】”’％,.;:!?)]}%…";
/// No line ends with these.
const NOT_LAST: &str = "（《「『【“‘([{";

/// Columns that a text takes.
pub fn width_of(text: &str) -> usize {
    text.chars().map(width).sum()
}

fn width(c: char) -> usize {
    let within = |ranges: &[(u32, u32)]| ranges.iter().any(|(low, high)| (*low..=*high).contains(&u32::from(c)));
    if c < '\u{300}' {
        usize::from(!c.is_control())
    } else if within(&NARROWER) {
        0
    } else {
        1 + usize::from(within(&WIDE))
    }
}

/// Text from the wire made harmless: what steers a terminal, or the order of characters on it, is written as `\u{1b}`.
pub fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let steers = c.is_control()
            || matches!(u32::from(c), 0xad | 0x61c | 0x180e | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f)
            || matches!(u32::from(c), 0xfeff | 0xfff9..=0xfffb | 0xe0000..=0xe0fff);
        if steers {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

/// A text as [`plain`], cut to so many columns with `…`.
pub fn clipped(text: &str, columns: usize) -> String {
    // What is cut need not be looked at: a name may be long.
    let most = columns.saturating_mul(4).max(16);
    let text =
        plain(&text.chars().take(most).collect::<String>()) + if text.chars().nth(most).is_some() { "…" } else { "" };
    if width_of(&text) <= columns {
        return text;
    }
    let mut room = columns.saturating_sub(1);
    let mut out = String::new();
    for c in text.chars() {
        match room.checked_sub(width(c)) {
            Some(rest) => room = rest,
            None => break,
        }
        out.push(c);
    }
    out + "…"
}

/// Lines of at most so many columns. Breaks stand at spaces and beside wide characters; a longer word is cut.
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(8);
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    for piece in pieces(text) {
        let word = piece.trim_end_matches(' ');
        if used > 0 && used + width_of(word) > columns {
            lines.push(std::mem::take(&mut line));
            used = 0;
        }
        for c in piece.chars() {
            if used + width(c) > columns {
                if c == ' ' {
                    continue;
                }
                lines.push(std::mem::take(&mut line));
                used = 0;
            }
            line.push(c);
            used += width(c);
        }
    }
    lines.push(line);
    for line in &mut lines {
        line.truncate(line.trim_end_matches(' ').len());
    }
    lines
}

/// Stretches between which a line may break; spaces stand at the end of one.
fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut before: Option<char> = None;
    for (at, c) in text.char_indices() {
        let breaks = before.is_some_and(|before| {
            let after_space = before == ' ' && c != ' ';
            let beside_wide = (width(before) == 2 || width(c) == 2) && c != ' ';
            after_space || beside_wide && !NOT_FIRST.contains(c) && !NOT_LAST.contains(before)
        });
        if breaks {
            pieces.push(&text[start..at]);
            start = at;
        }
        before = Some(c);
    }
    pieces.push(&text[start..]);
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_characters_take_two_columns() {
        assert_eq!(width_of("abc"), 3);
        assert_eq!(width_of("高频登录，"), 10);
        assert_eq!(width_of("e\u{301}"), 1);
        assert_eq!(width_of("—…é"), 3);
    }

    #[test]
    fn what_steers_a_terminal_is_escaped() {
        assert_eq!(plain("a\u{1b}[2Jb\u{202e}c\r\n\u{9b}"), "a\\u{1b}[2Jb\\u{202e}c\\u{d}\\u{a}\\u{9b}");
        assert_eq!(plain("zoë 张三"), "zoë 张三");
    }

    #[test]
    fn long_names_are_cut() {
        assert_eq!(clipped("abcdef", 6), "abcdef");
        assert_eq!(clipped("abcdefg", 6), "abcde…");
        assert_eq!(clipped("张三李四", 6), "张三…");
        assert!(width_of(&clipped(&"张".repeat(1_000_000), 20)) <= 20);
    }

    #[test]
    fn lines_break_at_spaces_and_between_wide_characters() {
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
        assert_eq!(wrap("eight888 x", 8), ["eight888", "x"]);
        assert_eq!(wrap("abcdefghijkl", 8), ["abcdefgh", "ijkl"]);
        assert_eq!(wrap("对登录接口限速，失败后", 10), ["对登录接口", "限速，失败", "后"]);
        assert_eq!(wrap("一二三四，五", 8), ["一二三", "四，五"], "no line begins with a comma");
        assert_eq!(wrap("", 8), [""]);
        for columns in 0..40 {
            for line in wrap("地址 10.0.0.8 在 POST shop.example/login 每分钟登录尝试最多 40 次（高频）。", columns)
            {
                assert!(width_of(&line) <= columns.max(8), "{columns}: {line}");
            }
        }
    }
}
