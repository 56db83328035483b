//! What `spyhop inventory` says.

use std::fmt::Write;

use spyhop_identify::{EndpointEntry, Inventory};
use spyhop_model::{Grade, Lang};

use super::text::clipped;
use super::{Style, grouped, width_of};

/// Columns of the narrowest path.
const NARROWEST: usize = 20;

/// Hosts with their endpoints, as tables.
pub fn inventory(inventory: &Inventory, style: &Style) -> String {
    let style = *style;
    let mut out = String::new();
    if inventory.hosts.is_empty() {
        return style.say("No endpoints.\n", "没有接口。\n").to_owned();
    }
    let heads = [
        style.say("METHOD", "方法"),
        style.say("PATH", "路径"),
        style.say("CALLS", "调用"),
        style.say("DENIED", "拒绝"),
        style.say("USERS", "账号"),
        style.say("ADDRS", "地址"),
        style.say("AUTH", "认证"),
        style.say("GRADE", "级别"),
        style.say("WHAT", "用途"),
        style.say("DATA", "数据"),
    ];
    for host in &inventory.hosts {
        let rows: Vec<[String; 10]> = host.endpoints.iter().map(|entry| cells(entry, style)).collect();
        let mut widths = heads.map(width_of);
        for row in &rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(width_of(cell));
            }
        }
        fit(&mut widths, style.width.max(Style::NARROWEST));
        let count = rows.len() as u64;
        let title = match style.lang {
            Lang::En => format!("{} endpoint{}", grouped(count), if count == 1 { "" } else { "s" }),
            Lang::Zh => format!("{} 个接口", grouped(count)),
        };
        let _ = writeln!(out, "{}  {}", style.bold(&clipped(&host.host, 80)), style.faint(&title));
        let _ = writeln!(out, "{}", style.faint(&line(&heads.map(str::to_owned), &widths, |_, text| text)));
        for (row, entry) in rows.iter().zip(&host.endpoints) {
            let sgr = match entry.grade {
                Some(Grade::L4 | Grade::L5) => "1;31",
                Some(Grade::L3) => "1;33",
                _ => "",
            };
            let paint = |column: usize, text: String| match column {
                7 if !sgr.is_empty() => style.paint(sgr, &text),
                _ => text,
            };
            let _ = writeln!(out, "{}", line(row, &widths, paint));
        }
        out.push('\n');
    }
    out
}

/// Makes the last two columns and the path narrower until all fit.
fn fit(widths: &mut [usize; 10], columns: usize) {
    let total = |widths: &[usize; 10]| 2 + widths.iter().sum::<usize>() + 2 * (widths.len() - 1);
    for (column, least) in [(9, 10), (1, NARROWEST), (8, 8)] {
        let over = total(widths).saturating_sub(columns);
        if let Some(width) = widths.get_mut(column) {
            *width = width.saturating_sub(over).max(least.min(*width));
        }
    }
}

fn line(cells: &[String; 10], widths: &[usize; 10], paint: impl Fn(usize, String) -> String) -> String {
    let mut out = String::from("  ");
    for (column, (cell, width)) in cells.iter().zip(widths).enumerate() {
        let cell = clipped(cell, *width);
        let gap = " ".repeat(width.saturating_sub(width_of(&cell)));
        // Numbers end in one column.
        if (2..=6).contains(&column) {
            out.push_str(&gap);
            out.push_str(&paint(column, cell));
        } else {
            out.push_str(&paint(column, cell));
            out.push_str(&gap);
        }
        out.push_str("  ");
    }
    out.truncate(out.trim_end_matches(' ').len());
    out
}

fn cells(entry: &EndpointEntry, style: Style) -> [String; 10] {
    let path = match &entry.operation {
        Some(operation) => format!("{}#{operation}", entry.path),
        None => entry.path.clone(),
    };
    let mut types: Vec<&String> = entry.returned.keys().collect();
    types.extend(entry.accepted.keys().filter(|id| !entry.returned.contains_key(*id)));
    let names = types.into_iter().map(|id| match spyhop_inspect::types::by_name(id) {
        Some(known) => known.name.lang(style.lang),
        None => id.as_str(),
    });
    let between = style.say(", ", "、");
    let nature: Vec<&str> = entry.nature.iter().copied().map(|name| nature(name, style)).collect();
    [
        entry.method.clone(),
        path,
        grouped(entry.calls),
        grouped(entry.refused),
        grouped(entry.accounts),
        grouped(entry.addresses),
        format!("{}%", entry.authenticated_percent),
        entry.grade.map(|grade| format!("{grade:?}")).unwrap_or_default(),
        nature.join(between),
        names.collect::<Vec<_>>().join(between),
    ]
}

fn nature(name: &'static str, style: Style) -> &'static str {
    match name {
        "login" => style.say("login", "登录"),
        "logout" => style.say("logout", "退出"),
        "export" => style.say("export", "导出"),
        "query" => style.say("query", "查询"),
        "upload" => style.say("upload", "上传"),
        "admin" => style.say("admin", "管理"),
        "static" => style.say("static", "静态"),
        "high_risk" => style.say("high risk", "高危"),
        "register" => style.say("register", "注册"),
        "code" => style.say("code", "验证码"),
        "health" => style.say("health", "探活"),
        "page" => style.say("page", "页面"),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::super::Zone;
    use super::*;
    use serde_json::json;

    fn known() -> Inventory {
        let one = json!({
            "first": 1_795_140_000_000_000_000u64, "last": 1_795_140_000_000_000_000u64, "calls": 12345, "statuses": [0, 0, 12345, 0, 0, 0],
            "authenticated": 6000, "nature": 132,
            "returned": { "cn_mobile": { "grade": "L3", "full": 9, "masked": 0, "calls": 3 } }
        });
        let saved = json!({ "inventory": { "endpoints": {
            "GET a.example/用户/导出": one,
            "POST a.example/graphql#GetUser": one,
            "GET b.example/a/very/long/path/that/does/not/fit/into/any/terminal/of/these/days/{int}/{int}/{int}": one,
        } } });
        Inventory::read(saved.to_string().as_bytes()).expect("an inventory")
    }

    #[test]
    fn tables_fit_and_align_in_both_languages() {
        for lang in [Lang::En, Lang::Zh] {
            for width in [80, 100, 120] {
                let text = inventory(&known(), &Style { lang, width, color: false, zone: Zone::utc() });
                assert!(text.lines().all(|line| width_of(line) <= width.max(100)), "{width}:\n{text}");
                assert!(text.contains("/用户/导出") && text.contains("12,345") && text.contains("48%"), "{text}");
                let at = |line: &str| line.find("12,345").map(|at| width_of(&line[..at]));
                let columns: Vec<_> = text.lines().take(4).filter_map(at).collect();
                assert!(columns.len() == 2 && columns[0] == columns[1], "{text}");
            }
        }
        let zh = Style { lang: Lang::Zh, width: 120, color: false, zone: Zone::utc() };
        assert!(inventory(&known(), &zh).contains("导出、高危"));
        assert_eq!(inventory(&Inventory::default(), &zh), "没有接口。\n");
    }
}
