//! What `spyhop trace` says.

use std::collections::BTreeMap;
use std::fmt::Write;

use spyhop_ledger::{Answer, Route};
use spyhop_model::{Lang, Timestamp};

use super::text::{clipped, plain, width_of};
use super::{Style, grouped};

/// Suspects and branches told; the rest is counted.
const MOST: usize = 20;

/// Who obtained what, and the ways it took.
pub fn trace(answer: &Answer, style: &Style) -> String {
    let style = *style;
    let mut out = String::new();
    if answer.asked > 0 {
        let line = match style.lang {
            Lang::En => format!(
                "{} of {} values were obtained in full, {} masked only, {} by nobody; {}",
                grouped(answer.found_full as u64),
                grouped(answer.asked as u64),
                grouped(answer.found_masked as u64),
                grouped((answer.asked - answer.found_full - answer.found_masked) as u64),
                calls(answer.calls)
            ),
            Lang::Zh => format!(
                "{} 个值中，{} 个被完整获取，{} 个仅以脱敏形式被获取，{} 个无人获取；共 {} 次调用",
                grouped(answer.asked as u64),
                grouped(answer.found_full as u64),
                grouped(answer.found_masked as u64),
                grouped((answer.asked - answer.found_full - answer.found_masked) as u64),
                grouped(answer.calls)
            ),
        };
        let _ = writeln!(out, "{}", style.bold(&line));
        suspects(&mut out, answer, style);
    } else {
        let line = match style.lang {
            Lang::En => calls(answer.calls),
            Lang::Zh => format!("{} 次调用", grouped(answer.calls)),
        };
        let _ = writeln!(out, "{}", style.bold(&line));
    }
    paths(&mut out, answer, style);
    out
}

fn calls(count: u64) -> String {
    format!("{} call{}", grouped(count), if count == 1 { "" } else { "s" })
}

fn time(style: Style, from: Timestamp, to: Timestamp) -> String {
    let (day, clock, offset) = style.zone.parts(from);
    let (last_day, last_clock, _) = style.zone.parts(to);
    match (day == last_day, clock == last_clock) {
        (true, true) => format!("{day} {clock} {offset}"),
        (true, false) => format!("{day} {clock}–{last_clock} {offset}"),
        _ => format!("{day} {clock} – {last_day} {last_clock} {offset}"),
    }
}

fn suspects(out: &mut String, answer: &Answer, style: Style) {
    if answer.suspects.is_empty() {
        return;
    }
    let heads = [
        style.say("WHO", "主体"),
        style.say("OF THE SAMPLE", "占样本"),
        style.say("FULL", "完整"),
        style.say("MASKED", "脱敏"),
        style.say("ALONE", "独有"),
        style.say("CALLS", "调用"),
        style.say("WHEN", "时间"),
    ];
    let share = |part: usize| (part as u64 * 1_000 / answer.asked.max(1) as u64) as f64 / 10.0;
    let rows: Vec<[String; 7]> = answer
        .suspects
        .iter()
        .take(MOST)
        .map(|one| {
            [
                clipped(&plain(&one.who), 40),
                format!("{:.1} %", share(one.full)),
                grouped(one.full as u64),
                grouped(one.masked as u64),
                grouped(one.alone as u64),
                grouped(one.calls),
                time(style, one.first, one.last),
            ]
        })
        .collect();
    let mut widths = heads.map(width_of);
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(width_of(cell));
        }
    }
    let line = |cells: &[String; 7]| {
        let mut text = String::new();
        for (at, (cell, width)) in cells.iter().zip(widths).enumerate() {
            let pad = " ".repeat(width - width_of(cell));
            match at {
                0 => text.extend([cell.as_str(), &pad]),
                6 => text.extend(["  ", cell]),
                _ => text.extend(["  ", &pad, cell]),
            }
        }
        text.trim_end().to_owned()
    };
    let _ = writeln!(out, "\n{}", style.faint(&line(&heads.map(str::to_owned))));
    for row in &rows {
        let _ = writeln!(out, "{}", line(row));
    }
    more(out, answer.suspects.len(), style);
}

fn more(out: &mut String, all: usize, style: Style) {
    if let Some(rest) = all.checked_sub(MOST).filter(|rest| *rest > 0) {
        let text = match style.lang {
            Lang::En => format!("… and {} more", grouped(rest as u64)),
            Lang::Zh => format!("……另有 {} 个", grouped(rest as u64)),
        };
        let _ = writeln!(out, "{}", style.faint(&text));
    }
}

/// Interface → account → device → place.
fn paths(out: &mut String, answer: &Answer, style: Style) {
    if answer.paths.is_empty() {
        return;
    }
    out.push('\n');
    let mut order: Vec<&str> = Vec::new();
    let mut by_endpoint: BTreeMap<&str, Vec<&Route>> = BTreeMap::new();
    for route in &answer.paths {
        let routes = by_endpoint.entry(&route.endpoint).or_default();
        if routes.is_empty() {
            order.push(&route.endpoint);
        }
        routes.push(route);
    }
    for endpoint in order.iter().take(MOST) {
        let routes = by_endpoint.remove(endpoint).unwrap_or_default();
        let _ = writeln!(out, "{}", style.bold(&plain(endpoint)));
        let mut accounts: Vec<(Option<&str>, Vec<&Route>)> = Vec::new();
        for route in routes {
            match accounts.iter_mut().find(|(account, _)| *account == route.account.as_deref()) {
                Some((_, routes)) => routes.push(route),
                None => accounts.push((route.account.as_deref(), vec![route])),
            }
        }
        let last_account = accounts.len().min(MOST);
        for (at, (account, routes)) in accounts.iter().take(MOST).enumerate() {
            let (branch, under) = if at + 1 == last_account { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            let name = account.map_or(style.say("no account known", "账号未知").to_owned(), plain);
            let _ = writeln!(out, "{branch}{name}");
            let last = routes.len().min(MOST);
            for (at, route) in routes.iter().take(MOST).enumerate() {
                let branch = if at + 1 == last { "└─ " } else { "├─ " };
                let _ = writeln!(out, "{under}{branch}{}", leaf(route, answer.asked > 0, style));
            }
            more(out, routes.len(), style);
        }
        more(out, accounts.len(), style);
    }
    more(out, order.len(), style);
}

fn leaf(route: &Route, sample: bool, style: Style) -> String {
    let zone = match route.zone.as_str() {
        "inside" => style.say("inside", "内网"),
        "home" => style.say("home", "境内"),
        "overseas" => style.say("overseas", "境外"),
        _ => style.say("place unknown", "位置未知"),
    };
    let place = match &route.country {
        Some(country) => format!("{zone} {country}"),
        None => zone.to_owned(),
    };
    let device = match (&route.device, style.lang) {
        (Some(device), Lang::En) => format!("device {device}, "),
        (Some(device), Lang::Zh) => format!("设备 {device}，"),
        (None, _) => String::new(),
    };
    let (count, obtained) = (grouped(route.calls), grouped(route.obtained));
    let what = match (style.lang, sample) {
        (Lang::En, true) => format!(
            "{} in full, {} masked of the sample in {}",
            grouped(route.full as u64),
            grouped(route.masked as u64),
            calls(route.calls)
        ),
        (Lang::En, false) => format!("{}, {obtained} sensitive values in the answers", calls(route.calls)),
        (Lang::Zh, true) => format!(
            "{count} 次调用，样本中完整 {} 个、脱敏 {} 个",
            grouped(route.full as u64),
            grouped(route.masked as u64)
        ),
        (Lang::Zh, false) => format!("{count} 次调用，响应中敏感值 {obtained} 个"),
    };
    let when = time(style, route.first, route.last);
    format!("{device}{} ({place}): {what}  {}", plain(&route.client), style.faint(&when))
}
