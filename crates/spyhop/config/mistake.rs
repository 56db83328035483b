//! A mistake in `sensor.toml`, with its place and what to do, for the operator.

use std::fmt;
use std::fmt::Write as _;
use std::ops::Range;

use super::secret::quotable;
use crate::pretty::{plain, width_of};

/// Mistakes that are printed; of more, only the number is told.
const PRINTED: usize = 50;
/// Columns of a source line that are quoted.
const QUOTED: usize = 160;

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The file, as it was named.
    pub source: String,
    /// Counted from 1; 0 where the whole file is meant.
    pub line: usize,
    /// In characters, counted from 1; 0 where the whole file is meant.
    pub column: usize,
    /// The key it is about, `section.key`; empty where there is none.
    pub path: String,
    /// What is wrong and what to do.
    pub what: String,
    excerpt: Option<Excerpt>,
}

/// The line it stands on, fit to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Excerpt {
    line: String,
    /// In terminal columns.
    indent: usize,
    /// In terminal columns, at least 1.
    carets: usize,
}

/// A text in which mistakes are found: where its lines begin, and how each may be quoted.
pub(super) struct Page<'a> {
    source: &'a str,
    text: &'a str,
    starts: Vec<usize>,
    lines: Vec<String>,
}

impl<'a> Page<'a> {
    /// Of a text; `source` is its name.
    pub(super) fn new(source: &'a str, text: &'a str) -> Page<'a> {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Page { source, text, starts, lines: quotable(text) }
    }

    /// A mistake at a stretch of the text, in bytes.
    pub(super) fn mistake(&self, span: Range<usize>, path: &str, what: String) -> Mistake {
        let text = self.text;
        let mut start = span.start.min(text.len());
        if start == text.len() {
            // The end of the file: the last line that holds something is meant.
            start = text.trim_end_matches(['\n', '\r']).len();
        }
        while !text.is_char_boundary(start) {
            start -= 1;
        }
        let line = self.starts.partition_point(|begin| *begin <= start).saturating_sub(1);
        let line_start = self.starts.get(line).copied().unwrap_or(0);
        let line_end = self.starts.get(line + 1).map_or(text.len(), |next| next - 1);
        let mut end = span.end.clamp(start, line_end.max(start));
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let quoted = self.lines.get(line).map_or("", String::as_str);
        let shown = clipped(&plain(&quoted.chars().take(QUOTED * 4).collect::<String>().replace('\t', " ")));
        let room = width_of(&shown);
        let indent = width_of(&text[line_start..start].replace('\t', " ")).min(room.saturating_sub(1));
        let carets = width_of(&text[start..end]).min(room.saturating_sub(indent)).max(1);
        Mistake {
            source: self.source.to_owned(),
            line: line + 1,
            column: text[line_start..start].chars().count() + 1,
            path: path.to_owned(),
            what,
            excerpt: Some(Excerpt { line: shown, indent, carets }),
        }
    }
}

impl Mistake {
    /// About the file as a whole.
    pub(crate) fn of_file(source: &str, what: String) -> Mistake {
        Mistake { source: source.to_owned(), line: 0, column: 0, path: String::new(), what, excerpt: None }
    }
}

fn clipped(line: &str) -> String {
    let mut room = QUOTED;
    let end = line.char_indices().find(|(_, c)| {
        let wide = width_of(c.encode_utf8(&mut [0; 4]));
        let over = wide > room;
        room = room.saturating_sub(wide);
        over
    });
    end.map_or_else(|| line.to_owned(), |(at, _)| format!("{}…", &line[..at]))
}

/// `sensor.toml:12:3: what is wrong`, in one line.
impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        f.write_str(": ")?;
        f.write_str(&plain(&self.what))
    }
}

/// All mistakes for standard error: each with its line and a caret under the place.
pub fn render(mistakes: &[Mistake]) -> String {
    let mut out = String::new();
    for mistake in mistakes.iter().take(PRINTED) {
        let _ = writeln!(out, "{mistake}");
        if let Some(Excerpt { line, indent, carets }) = &mistake.excerpt {
            let number = mistake.line.to_string();
            let gutter = " ".repeat(number.len());
            let _ = writeln!(out, "  {number} | {line}");
            let _ = writeln!(out, "  {gutter} | {}{}", " ".repeat(*indent), "^".repeat(*carets));
        }
    }
    if mistakes.len() > PRINTED {
        let _ = writeln!(out, "and {} more mistakes", mistakes.len() - PRINTED);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str, span: Range<usize>) -> Mistake {
        Page::new("sensor.toml", text).mistake(span, "", "wrong".to_owned())
    }

    #[test]
    fn a_place_is_told_by_line_and_column_in_characters() {
        let text = "a = 1\n名 = \"值\" # é\r\nlast";
        let second = at(text, 12..17);
        assert_eq!((second.line, second.column), (2, 5));
        assert_eq!(render(&[second]), "sensor.toml:2:5: wrong\n  2 | 名 = \"值\" # é\n    |      ^^^^\n",);
        let end = at(text, text.len()..text.len());
        assert_eq!((end.line, end.column), (3, 5));
        assert_eq!((at("a = [\n\n", 7..7).line, at("", 0..0).line), (1, 1));
    }

    #[test]
    fn control_characters_and_long_lines_are_tamed() {
        let shown = render(&[at("\u{1b}[31m = 1", 0..2)]);
        assert!(!shown.contains('\u{1b}'), "{shown}");
        let long = "x".repeat(100_000);
        assert!(render(&[at(&long, 90_000..90_001)]).len() < 600);
        let many = vec![at("a", 0..1); 200];
        assert!(render(&many).ends_with("and 150 more mistakes\n"));
    }
}
