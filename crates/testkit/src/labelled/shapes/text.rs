//! Forms and queries, CSV, logs, and whole answers that hold nothing.

use super::super::Carrier;
use super::super::table::{Column, Naming, Reading, Table};
use super::{Shaped, escape};
use crate::rng::Rng;

/// `name=value&…`.
pub(super) fn pairs(table: &Table, carrier: Carrier) -> Shaped {
    let pair = |column: &Column| format!("{}={}", escape::form(&column.name), escape::form(&column.values[0]));
    Shaped {
        text: table.columns.iter().map(pair).collect::<Vec<_>>().join("&"),
        content_type: "application/x-www-form-urlencoded",
        shape: if carrier == Carrier::Query { "query" } else { "form" },
        reading: Reading::Leaf,
        place: Some(|column, _| column.name.clone()),
    }
}

/// A header and rows.
pub(super) fn csv(rng: &mut Rng, table: &Table) -> Shaped {
    let always = rng.chance(30.0);
    let head: Vec<String> = table.columns.iter().map(|column| escape::csv(&column.name, always)).collect();
    let mut text = head.join(",") + "\r\n";
    for row in 0..table.rows {
        let cells: Vec<String> = table.columns.iter().map(|column| escape::csv(&column.values[row], always)).collect();
        text.push_str(&cells.join(","));
        text.push_str("\r\n");
    }
    // A file of one column is no table to anyone.
    let reading = if table.columns.len() < 2 { Reading::Cell } else { Reading::Leaf };
    Shaped { text, content_type: "text/csv; charset=utf-8", shape: "csv", reading, place: None }
}

/// Lines of a log: `name=value`, and labelled Chinese.
pub(super) fn log(rng: &mut Rng, table: &Table) -> Shaped {
    let is_chinese = table.naming == Naming::Chinese;
    let style = rng.below(3);
    let mut text = String::new();
    for row in 0..table.rows {
        let second = rng.below(60);
        let head = match style {
            0 => format!(
                "2026-11-23 10:15:{second:02}.{:03} INFO [http-nio-8080-exec-{}] c.e.s.UserService - ",
                rng.below(1000),
                rng.below(20)
            ),
            1 => format!("[2026-11-23T10:15:{second:02}+08:00] [info] [trace:{}] ", rng.hex(32)),
            _ => format!("Nov 23 10:15:{second:02} app-{} crm[{}]: ", rng.below(9), rng.below(32_000)),
        };
        text.push_str(&head);
        let parts: Vec<String> = table
            .columns
            .iter()
            .map(|column| match (is_chinese, style) {
                (true, _) => format!("{}：{}", column.name, column.values[row]),
                (_, 0) => format!("{}={}", column.name, column.values[row]),
                _ => format!("{}: {}", column.name, column.values[row]),
            })
            .collect();
        text.push_str(&parts.join(if is_chinese { "，" } else { ", " }));
        text.push('\n');
    }
    let shape = if is_chinese { "log in Chinese" } else { "log" };
    Shaped { text, content_type: "text/plain; charset=utf-8", shape, reading: Reading::Text, place: None }
}

/// Answers of interfaces that hold nothing of a person: text, media type, name.
pub(super) fn benign(rng: &mut Rng) -> (String, &'static str, &'static str) {
    let (id, time) = (rng.range(1..90_000_000), rng.range(1_500_000_000..1_800_000_000));
    match rng.below(4) {
        0 => (
            format!(
                "[{{\"id\":{id},\"category\":{{\"id\":{},\"name\":\"dogs\"}},\"name\":\"doggie\",\"photoUrls\":[\"https://img.pets.io/{}/1.png\"],\
                 \"tags\":[{{\"id\":0,\"name\":\"small\"}}],\"status\":\"available\"}}]",
                rng.below(20),
                rng.hex(24)
            ),
            "application/json",
            "pets",
        ),
        1 => (
            format!(
                "{{\"sha\":\"{}\",\"node_id\":\"MDY6Q29tbWl0{}\",\"commit\":{{\"tree\":{{\"sha\":\"{}\"}},\"comment_count\":{},\"verification\":{{\"verified\":false,\
                 \"reason\":\"unsigned\"}}}},\"stats\":{{\"total\":{},\"additions\":{},\"deletions\":3}},\"files\":[{{\"filename\":\"src/a.rs\",\"blob\":\"{}\"}}]}}",
                rng.hex(40),
                rng.digits(18),
                rng.hex(40),
                rng.below(9),
                rng.below(5000),
                rng.below(5000),
                rng.hex(40)
            ),
            "application/json; charset=utf-8",
            "commits",
        ),
        2 => (
            format!(
                "{{\"posts\":[{{\"ID\":{id},\"post_date_gmt\":\"2025-03-0{} 08:00:00\",\"post_title\":\"关于系统升级的通知\",\"post_content\":\
                 \"<p>本周六凌晨二点至六点系统升级，共涉及{}台服务器，版本号{}.{}.{}。</p>\",\"comment_count\":\"{}\",\"modified\":{time}}}],\"total\":{}}}",
                rng.range(1..9),
                rng.below(500),
                rng.below(9),
                rng.below(30),
                rng.range(1000..9_000_000),
                rng.below(99),
                rng.below(4000)
            ),
            "application/json",
            "articles",
        ),
        _ => (
            format!(
                "# HELP http_requests_total Requests.\n# TYPE http_requests_total counter\nhttp_requests_total{{code=\"200\",path=\"/api/v1/items/:id\"}} {}\n\
                 process_start_time_seconds {time}.{}\ngo_memstats_alloc_bytes_total {}e+{}\nprocess_virtual_memory_bytes {}\n",
                rng.range(1..20_000_000_000),
                rng.digits(3),
                rng.unit(),
                rng.below(12),
                rng.range(1_000_000_000..90_000_000_000)
            ),
            "text/plain; version=0.0.4",
            "metrics",
        ),
    }
}
