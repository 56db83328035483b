//! Findings, summaries and explanations for people at a terminal, in English and Chinese.

mod diagnosis;
mod explain;
mod finding;
mod inventory;
mod summary;
mod text;
mod trace;
mod zone;

use clap::ColorChoice;
use spyhop_model::{Class, Lang, Severity, Status, Text};

pub use diagnosis::{Diagnosis, TapPicture, diagnosis};
pub use explain::{explain, kinds};
pub use finding::finding;
pub use inventory::inventory;
pub use summary::{Account, Counted, HeldBack, Loss, Summary, summary};
pub use text::{plain, width_of, wrap};
pub use trace::trace;
pub use zone::Zone;

/// How to print.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Language.
    pub lang: Lang,
    /// Columns of the terminal.
    pub width: usize,
    /// With ANSI colours.
    pub color: bool,
    /// The time zone of times.
    pub zone: Zone,
}

impl Style {
    /// For an output: its width is `columns` if that is known, else the variable COLUMNS, else 100. Colours come as `choice` says;
    /// left to us, on a terminal unless NO_COLOR is set (no-color.org) or the terminal is dumb.
    pub fn of(lang: Lang, choice: ColorChoice, is_terminal: bool, columns: Option<usize>) -> Style {
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let told = || variable("COLUMNS")?.to_str()?.parse().ok();
        let color = match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => {
                is_terminal && variable("NO_COLOR").is_none() && variable("TERM").is_none_or(|term| term != "dumb")
            }
        };
        Style { lang, width: columns.or_else(told).unwrap_or(100), color, zone: Zone::utc() }
    }

    /// With times in that zone.
    pub fn in_zone(self, zone: Zone) -> Style {
        Style { zone, ..self }
    }

    /// Narrower lines help nobody.
    const NARROWEST: usize = 40;
    /// Longer lines are hard to read.
    const WIDEST: usize = 120;

    /// The width to print in.
    fn columns(self) -> usize {
        self.width.clamp(Style::NARROWEST, Style::WIDEST)
    }

    fn say(self, en: &'static str, zh: &'static str) -> &'static str {
        Text { en, zh }.lang(self.lang)
    }

    /// With a colour or weight (ECMA-48, SGR), if colours are on.
    fn paint(self, sgr: &str, text: &str) -> String {
        if self.color { format!("\x1b[{sgr}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }

    fn faint(self, text: &str) -> String {
        self.paint("2", text)
    }

    /// The severity as a badge, six columns wide in both languages.
    fn badge(self, severity: Severity) -> String {
        let (en, zh, sgr) = match severity {
            Severity::Critical => ("CRIT  ", "危急  ", "1;97;41"),
            Severity::High => ("HIGH  ", "高    ", "1;31"),
            Severity::Medium => ("MEDIUM", "中    ", "1;33"),
            Severity::Low => ("LOW   ", "低    ", "36"),
            Severity::Info => ("INFO  ", "提示  ", "2"),
        };
        self.paint(sgr, self.say(en, zh))
    }

    fn severity(self, severity: Severity) -> &'static str {
        let zh = match severity {
            Severity::Critical => "危急",
            Severity::High => "高",
            Severity::Medium => "中",
            Severity::Low => "低",
            Severity::Info => "提示",
        };
        self.say(severity.name(), zh)
    }

    fn class(self, class: Class) -> &'static str {
        match class {
            Class::Weakness => self.say("weakness", "脆弱性"),
            Class::Incident => self.say("incident", "事件"),
            Class::Lifecycle => self.say("lifecycle", "生命周期"),
            Class::Flow => self.say("flow", "数据流向"),
            Class::Sensor => self.say("sensor", "传感器"),
        }
    }

    fn status(self, status: Status) -> &'static str {
        match status {
            Status::Open => self.say("open", "未关闭"),
            Status::Stale => self.say("stale", "久未出现"),
            Status::Folded => self.say("folded", "已并入"),
            Status::Closed => self.say("closed", "已关闭"),
        }
    }

    /// A labelled value, wrapped and hanging under itself.
    fn row(self, out: &mut String, label: &str, value: &str) {
        const LABEL: usize = 7;
        let indent = 2 + LABEL;
        let lines = wrap(value, self.columns().saturating_sub(indent));
        for (index, line) in lines.iter().enumerate() {
            out.push_str("  ");
            if index == 0 {
                let gap = " ".repeat(LABEL.saturating_sub(width_of(label)).max(1));
                out.push_str(&self.faint(label));
                out.push_str(&gap);
            } else {
                out.push_str(&" ".repeat(LABEL));
            }
            out.push_str(line);
            out.push('\n');
        }
    }

    /// Wrapped, with an indent.
    fn paragraph(self, out: &mut String, indent: usize, text: &str) {
        for line in wrap(text, self.columns().saturating_sub(indent)) {
            out.push_str(&" ".repeat(indent));
            out.push_str(&line);
            out.push('\n');
        }
    }
}

/// `1,234,567`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn badges_are_equally_wide_in_both_languages() {
        for lang in [Lang::En, Lang::Zh] {
            let style = Style { lang, width: 80, color: false, zone: Zone::utc() };
            for severity in Severity::ALL {
                assert_eq!(width_of(&style.badge(severity)), 6);
            }
        }
    }

    #[test]
    fn colours_can_be_chosen() {
        let style = |choice, is_terminal| Style::of(Lang::En, choice, is_terminal, Some(80));
        assert_eq!(
            style(ColorChoice::Always, false),
            Style { lang: Lang::En, width: 80, color: true, zone: Zone::utc() }
        );
        assert!(!style(ColorChoice::Never, true).color && !style(ColorChoice::Auto, false).color);
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
