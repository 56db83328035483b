//! What a replay or a run came to, in the end.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use spyhop_model::{Finding, Lang, Severity, Span, Text, Timestamp};

use super::finding::{lasting, spanning};
use super::text::{clipped, width_of};
use super::{Style, grouped};

/// Numbers of a replay or a run.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Files read; 0 when live.
    pub files: u64,
    /// Capture time of the first packet.
    pub began: Option<Timestamp>,
    /// Capture time of the last packet.
    pub ended: Option<Timestamp>,
    /// Packets read.
    pub packets: u64,
    /// Captured bytes of them.
    pub bytes: u64,
    /// TCP connections.
    pub connections: u64,
    /// HTTP exchanges.
    pub exchanges: u64,
    /// Login attempts.
    pub logins: u64,
    /// Sensitive values seen, masked ones included.
    pub observations: u64,
    /// Findings by kind, and by severity in the order of [`Severity::ALL`]. Filled by [`Summary::add`].
    pub findings: BTreeMap<&'static str, Counted>,
    /// What suppressions held back.
    pub suppressed: Vec<HeldBack>,
    /// What was not seen or not kept. Entries with a count of 0 are not printed.
    pub losses: Vec<Loss>,
    /// The accounts, if they were asked for.
    pub accounts: Vec<Account>,
    /// Wall time.
    pub elapsed: Duration,
    /// Processor time of all threads, user and system; zero where it is not known.
    pub cpu: Duration,
    /// Largest resident size in bytes; 0 where it is not known.
    pub peak_memory: u64,
}

/// Findings of one kind.
#[derive(Clone, Copy, Debug)]
pub struct Counted {
    /// Its title.
    pub title: Text,
    /// By severity, in the order of [`Severity::ALL`].
    pub by_severity: [u64; 5],
}

/// What one suppression of the configuration held back.
#[derive(Clone, Debug)]
pub struct HeldBack {
    /// Its kind, or all of a family.
    pub kind: String,
    /// Why it stands there.
    pub reason: String,
    /// Its last day.
    pub until: String,
    /// What would have supported a finding.
    pub hits: u64,
}

/// Something that was lost, for one reason.
#[derive(Clone, Debug)]
pub struct Loss {
    /// The reason, as in output.
    pub reason: &'static str,
    /// How many.
    pub count: u64,
    /// Of what: packets, bytes, …
    pub unit: Text,
    /// One sentence: what it means and what to do.
    pub sentence: Text,
    /// What may have gone unseen.
    pub hidden: Text,
}

/// One account: a total and the parts that it must equal.
#[derive(Clone, Debug)]
pub struct Account {
    /// What is shared out.
    pub total: (String, u64),
    /// Into what. Empty parts are not printed.
    pub parts: Vec<(String, u64)>,
}

impl Account {
    /// The parts make the total.
    pub fn adds_up(&self) -> bool {
        self.parts.iter().try_fold(0u64, |sum, (_, part)| sum.checked_add(*part)) == Some(self.total.1)
    }
}

impl Summary {
    /// Counts a finding in its final state.
    pub fn add(&mut self, finding: &Finding) {
        let empty = Counted { title: finding.rule.title, by_severity: [0; 5] };
        let counted = self.findings.entry(finding.rule.kind).or_insert(empty);
        if let Some(at) = Severity::ALL.iter().position(|severity| *severity == finding.severity) {
            counted.by_severity[at] += 1;
        }
    }

    /// Findings of all kinds.
    pub fn total(&self) -> u64 {
        self.findings.values().flat_map(|counted| counted.by_severity).sum()
    }

    /// The severest finding there is.
    pub fn severest(&self) -> Option<Severity> {
        let any = |at: usize| self.findings.values().any(|counted| counted.by_severity[at] > 0);
        Severity::ALL.into_iter().enumerate().rev().find(|(at, _)| any(*at)).map(|(_, severity)| severity)
    }
}

/// The summary; ends in a newline.
pub fn summary(summary: &Summary, style: &Style) -> String {
    let style = *style;
    let mut out = String::new();
    heading(&mut out, style, style.say("Summary", "汇总"));
    traffic(&mut out, style, summary);
    findings(&mut out, style, summary);
    suppressed(&mut out, style, &summary.suppressed);
    losses(&mut out, style, &summary.losses);
    accounts(&mut out, style, &summary.accounts);
    out
}

fn heading(out: &mut String, style: Style, text: &str) {
    let _ = writeln!(out, "{}", style.bold(text));
}

fn traffic(out: &mut String, style: Style, s: &Summary) {
    let zh = style.lang == Lang::Zh;
    if let (Some(began), Some(ended)) = (s.began, s.ended) {
        style.row(out, style.say("time", "时间"), &spanning(began, ended, style));
    }
    let mut read = vec![
        counted(style, s.packets, ("packet", "packets", "个数据包")),
        data(s.bytes),
        counted(style, s.connections, ("connection", "connections", "个连接")),
    ];
    if s.files > 1 {
        read.insert(0, counted(style, s.files, ("file", "files", "个文件")));
    }
    style.row(out, style.say("read", "读取"), &read.join(style.say(", ", "，")));
    let found = [
        counted(style, s.exchanges, ("exchange", "exchanges", "次请求响应")),
        counted(style, s.logins, ("login attempt", "login attempts", "次登录尝试")),
        counted(style, s.observations, ("sensitive value", "sensitive values", "个敏感数据")),
    ];
    style.row(out, style.say("http", "内容"), &found.join(style.say(", ", "，")));
    let seconds = s.elapsed.as_secs_f64();
    let mut work = vec![format!("{} {}", style.say("took", "用时"), lasting(span(s.elapsed)))];
    if seconds > 0.0 && s.bytes > 0 {
        work.push(format!("{:.1} MB/s", s.bytes as f64 / 1e6 / seconds));
        let rate = grouped((s.exchanges as f64 / seconds) as u64);
        work.push(if zh { format!("每秒 {rate} 次请求") } else { format!("{rate} exchanges/s") });
    }
    if !s.cpu.is_zero() {
        work.push(format!("{} {}", style.say("processor", "CPU"), lasting(span(s.cpu))));
    }
    if s.peak_memory > 0 {
        work.push(format!("{} {}", style.say("peak memory", "内存峰值"), data(s.peak_memory)));
    }
    style.row(out, style.say("work", "性能"), &work.join(style.say(", ", "，")));
}

fn span(duration: Duration) -> Span {
    Span(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX))
}

fn counted(style: Style, count: u64, (one, many, zh): (&str, &str, &str)) -> String {
    match (style.lang, count) {
        (Lang::En, 1) => format!("1 {one}"),
        (Lang::En, _) => format!("{} {many}", grouped(count)),
        (Lang::Zh, _) => format!("{} {zh}", grouped(count)),
    }
}

/// Decimal units, as in rates.
fn data(bytes: u64) -> String {
    let units = [(1_000_000_000_000, "TB"), (1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    let unit = units.iter().find(|(size, _)| bytes >= *size);
    unit.map_or_else(|| format!("{bytes} B"), |(size, name)| format!("{:.1} {name}", bytes as f64 / *size as f64))
}

fn findings(out: &mut String, style: Style, s: &Summary) {
    out.push('\n');
    if s.findings.is_empty() {
        heading(out, style, style.say("No findings", "没有发现"));
        return;
    }
    let total = grouped(s.total());
    heading(out, style, &format!("{} ({total})", style.say("Findings", "发现")));
    // Only severities that occur have a column, the severest first.
    let columns: Vec<(usize, Severity)> = Severity::ALL
        .into_iter()
        .enumerate()
        .rev()
        .filter(|(at, _)| s.findings.values().any(|counted| counted.by_severity[*at] > 0))
        .collect();
    let kind_width = s.findings.keys().map(|kind| width_of(kind)).max().unwrap_or(0);
    let cell = |text: &str, wide: usize| format!("{}{text}", " ".repeat(wide.saturating_sub(width_of(text))));
    let widths: Vec<usize> = columns
        .iter()
        .map(|(at, severity)| {
            let numbers = s.findings.values().map(|counted| grouped(counted.by_severity[*at]).len());
            numbers.max().unwrap_or(0).max(width_of(style.severity(*severity)))
        })
        .collect();
    let mut head = " ".repeat(2 + kind_width);
    for ((_, severity), wide) in columns.iter().zip(&widths) {
        head += "  ";
        head += &cell(style.severity(*severity), *wide);
    }
    let _ = writeln!(out, "{}", style.faint(&head));
    let used = width_of(&head) + 2;
    for (kind, counted) in &s.findings {
        let mut line = format!("  {kind}{}", " ".repeat(kind_width - width_of(kind)));
        for ((at, severity), wide) in columns.iter().zip(&widths) {
            let number = counted.by_severity[*at];
            line += "  ";
            line += &match number {
                0 => cell("·", *wide),
                _ if *severity >= Severity::High => style.paint("1;31", &cell(&grouped(number), *wide)),
                _ => cell(&grouped(number), *wide),
            };
        }
        let room = style.columns().saturating_sub(used);
        let title = clipped(counted.title.lang(style.lang), room.max(8));
        let _ = if room >= 8 { writeln!(out, "{line}  {title}") } else { writeln!(out, "{line}") };
    }
}

fn suppressed(out: &mut String, style: Style, suppressed: &[HeldBack]) {
    if suppressed.is_empty() {
        return;
    }
    out.push('\n');
    heading(out, style, style.say("Suppressed by the configuration", "按配置抑制"));
    for HeldBack { kind, reason, until, hits } in suppressed {
        let hits = counted(style, *hits, ("hit", "hits", "次命中"));
        let text = match style.lang {
            Lang::En => format!("{kind}  {hits}, until {until}: {reason}"),
            Lang::Zh => format!("{kind}  {hits}，至 {until}：{reason}"),
        };
        style.paragraph(out, 2, &text);
    }
}

fn losses(out: &mut String, style: Style, losses: &[Loss]) {
    out.push('\n');
    let mut real = losses.iter().filter(|loss| loss.count > 0).peekable();
    if real.peek().is_none() {
        heading(out, style, style.say("Nothing was lost", "没有数据丢失"));
        return;
    }
    heading(out, style, style.say("Not seen or not kept", "未看到或未保留"));
    for loss in real {
        let _ = writeln!(out, "  {}  {} {}", loss.reason, style.bold(&grouped(loss.count)), loss.unit.lang(style.lang));
        let hidden = loss.hidden.lang(style.lang);
        let sentence = loss.sentence.lang(style.lang);
        let text = match style.lang {
            Lang::En => format!("{sentence}. May have hidden: {hidden}."),
            Lang::Zh => format!("{sentence}。可能遗漏：{hidden}。"),
        };
        style.paragraph(out, 6, &text);
    }
}

fn accounts(out: &mut String, style: Style, accounts: &[Account]) {
    if accounts.is_empty() {
        return;
    }
    out.push('\n');
    heading(out, style, style.say("Accounts", "账目"));
    let rows = || accounts.iter().flat_map(|account| account.parts.iter().chain([&account.total]));
    let name_width = rows().map(|(name, _)| width_of(name)).max().unwrap_or(0) + 2;
    let number_width = rows().map(|(_, number)| grouped(*number).len()).max().unwrap_or(0);
    for account in accounts {
        let mut line = |sign: &str, name: &str, number: u64, end: &str| {
            let gap = " ".repeat(name_width.saturating_sub(width_of(sign) + width_of(name)));
            let _ = writeln!(out, "  {sign}{name}{gap}  {:>number_width$}{end}", grouped(number));
        };
        let end = if account.adds_up() { "" } else { style.say("  does not add up", "  账目不平") };
        line("", &account.total.0, account.total.1, end);
        for (at, (name, number)) in account.parts.iter().filter(|(_, number)| *number > 0).enumerate() {
            line(if at == 0 { "= " } else { "+ " }, name, *number, "");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pretty::Zone;
    use crate::pretty::finding::tests::sample;

    fn filled() -> Summary {
        let mut s = Summary {
            files: 2,
            began: Some(Timestamp::from_parts(1_795_399_999, 0)),
            ended: Some(Timestamp::from_parts(1_795_499_999, 0)),
            packets: 1_234_567,
            bytes: 312_400_000,
            connections: 1,
            exchanges: 100_000,
            logins: 240,
            observations: 5_000,
            suppressed: vec![HeldBack {
                kind: "auth.machine_login".into(),
                reason: "nightly job".into(),
                until: "2027-01-31".into(),
                hits: 12,
            }],
            losses: vec![
                Loss {
                    reason: "gap_bytes",
                    count: 14_600,
                    unit: Text { en: "bytes", zh: "字节" },
                    sentence: Text {
                        en: "missing inside connections: look at the mirror port and the capture buffer",
                        zh: "连接中缺失：请检查镜像口与抓包缓冲区",
                    },
                    hidden: Text { en: "whole exchanges", zh: "整个请求响应" },
                },
                Loss {
                    reason: "held_memory",
                    count: 0,
                    unit: Text { en: "bytes", zh: "字节" },
                    sentence: Text { en: "-", zh: "-" },
                    hidden: Text { en: "-", zh: "-" },
                },
            ],
            accounts: vec![
                Account {
                    total: ("captured bytes".into(), 1_000),
                    parts: vec![("headers".into(), 400), ("padding".into(), 0), ("TCP payload".into(), 600)],
                },
                Account { total: ("TCP payload".into(), 600), parts: vec![("delivered".into(), 599)] },
            ],
            elapsed: Duration::from_millis(2_500),
            cpu: Duration::from_millis(4_100),
            peak_memory: 150_000_000,
            ..Summary::default()
        };
        for severity in [Severity::High, Severity::High, Severity::Low] {
            let mut finding = sample();
            finding.severity = severity;
            s.add(&finding);
        }
        s
    }

    fn shown(s: &Summary, lang: Lang) -> String {
        summary(s, &Style { lang, width: 90, color: false, zone: Zone::utc() })
    }

    #[test]
    fn a_summary_in_english() {
        assert_eq!(
            shown(&filled(), Lang::En),
            "\
Summary
  time   2026-11-23 02:13:19 to 2026-11-24 05:59:59 UTC (1d 3h)
  read   2 files, 1,234,567 packets, 312.4 MB, 1 connection
  http   100,000 exchanges, 240 login attempts, 5,000 sensitive values
  work   took 2.50s, 125.0 MB/s, 40,000 exchanges/s, processor 4.10s, peak memory 150.0 MB

Findings (3)
                             high  low
  auth.high_frequency_login     2    1  login attempts at high frequency

Suppressed by the configuration
  auth.machine_login  12 hits, until 2027-01-31: nightly job

Not seen or not kept
  gap_bytes  14,600 bytes
      missing inside connections: look at the mirror port and the capture buffer. May have
      hidden: whole exchanges.

Accounts
  captured bytes    1,000
  = headers           400
  + TCP payload       600
  TCP payload         600  does not add up
  = delivered         599
"
        );
    }

    #[test]
    fn a_summary_in_chinese() {
        assert_eq!(
            shown(&filled(), Lang::Zh),
            "\
汇总
  时间   2026-11-23 02:13:19 至 2026-11-24 05:59:59 UTC（1d 3h）
  读取   2 个文件，1,234,567 个数据包，312.4 MB，1 个连接
  内容   100,000 次请求响应，240 次登录尝试，5,000 个敏感数据
  性能   用时 2.50s，125.0 MB/s，每秒 40,000 次请求，CPU 4.10s，内存峰值 150.0 MB

发现 (3)
                             高  低
  auth.high_frequency_login   2   1  高频登录尝试

按配置抑制
  auth.machine_login  12 次命中，至 2027-01-31：nightly job

未看到或未保留
  gap_bytes  14,600 字节
      连接中缺失：请检查镜像口与抓包缓冲区。可能遗漏：整个请求响应。

账目
  captured bytes    1,000
  = headers           400
  + TCP payload       600
  TCP payload         600  账目不平
  = delivered         599
"
        );
    }

    #[test]
    fn a_summary_of_nothing() {
        assert_eq!(
            shown(&Summary::default(), Lang::En),
            "\
Summary
  read   0 packets, 0 B, 0 connections
  http   0 exchanges, 0 login attempts, 0 sensitive values
  work   took 0.00s

No findings

Nothing was lost
"
        );
    }

    #[test]
    fn findings_are_counted() {
        let s = filled();
        assert_eq!((s.total(), s.severest()), (3, Some(Severity::High)));
        assert_eq!(Summary::default().severest(), None);
        assert!(s.accounts[0].adds_up() && !s.accounts[1].adds_up());
        let overflow = Account { total: ("a".into(), 0), parts: vec![("b".into(), u64::MAX), ("c".into(), 1)] };
        assert!(!overflow.adds_up());
    }

    #[test]
    fn sizes_have_decimal_units() {
        assert_eq!(
            [0, 999, 1_000, 312_400_000, 2_500_000_000].map(data),
            ["0 B", "999 B", "1.0 kB", "312.4 MB", "2.5 GB"]
        );
    }
}
