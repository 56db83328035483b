//! JSON as interfaces answer it.

use super::super::table::{Column, Naming, Reading, Table};
use super::{Shaped, escape};
use crate::rng::Rng;

fn cell(column: &Column, row: usize, ascii: bool) -> String {
    let value = &column.values[row];
    match column.unquoted {
        true => value.clone(),
        false => format!("\"{}\"", escape::json(value, ascii)),
    }
}

fn row(table: &Table, row: usize, ascii: bool, space: &str) -> String {
    let fields: Vec<String> = table
        .columns
        .iter()
        .map(|column| format!("\"{}\":{space}{}", escape::json(&column.name, ascii), cell(column, row, ascii)))
        .collect();
    format!("{{{}}}", fields.join(","))
}

/// A list of rows: in an envelope with paging, at the root, nested, as lines, as arrays, as JSON in a string.
pub(super) fn list(rng: &mut Rng, table: &Table) -> Shaped {
    let ascii = rng.chance(10.0);
    let space = rng.one_of(&["", "", " "]);
    let objects: Vec<String> = (0..table.rows).map(|at| row(table, at, ascii, space)).collect();
    let rows = objects.join(if space.is_empty() { "," } else { ",\n  " });
    let content_type =
        rng.one_of(&["application/json", "application/json;charset=UTF-8", "text/html; charset=utf-8", "text/plain"]);
    let shaped = |text, shape, place: Option<fn(&Column, usize) -> String>| Shaped {
        text,
        content_type,
        shape,
        reading: Reading::List,
        place,
    };
    let (page, size) = (rng.range(1..20), table.rows);
    match rng.below(12) {
        0..=3 => shaped(
            format!(
                "{{\"code\":200,\"msg\":\"success\",\"data\":{{\"total\":{},\"pageNum\":{page},\"pageSize\":{size},\"list\":[{rows}]}}}}",
                size * 9
            ),
            "json envelope",
            Some(|column, _| format!("$.data.list[*].{}", column.name)),
        ),
        4..=5 => shaped(
            format!("{{\"code\":0,\"rows\":[{rows}],\"total\":{size}}}"),
            "json rows",
            Some(|column, _| format!("$.rows[*].{}", column.name)),
        ),
        6 => shaped(format!("[{rows}]"), "json list", Some(|column, _| format!("$[*].{}", column.name))),
        7 => {
            let nested: Vec<String> = objects
                .iter()
                .map(|object| format!("{{\"index\":1,\"detail\":{{\"info\":{object},\"tags\":[\"a\",\"b\"]}}}}"))
                .collect();
            let text = format!("{{\"success\":true,\"result\":{{\"records\":[{}]}}}}", nested.join(","));
            shaped(text, "json nested", Some(|column, _| format!("$.result.records[*].detail.info.{}", column.name)))
        }
        8 => Shaped {
            text: objects.join("\n"),
            content_type: "application/x-ndjson",
            shape: "json lines",
            reading: Reading::Leaf,
            place: None,
        },
        9 => Shaped {
            text: format!("jQuery1720_{page}({{\"data\":[{rows}]}});"),
            content_type: "application/javascript",
            shape: "json in a call",
            reading: Reading::Leaf,
            place: None,
        },
        10 => Shaped {
            text: format!("{{\"code\":0,\"data\":\"{}\"}}", escape::json(&format!("[{rows}]"), false)),
            content_type,
            shape: "json in a string",
            reading: Reading::Leaf,
            place: None,
        },
        _ if table.naming == Naming::None => {
            let arrays: Vec<String> = (0..table.rows)
                .map(|at| {
                    let cells: Vec<String> = table.columns.iter().map(|column| cell(column, at, ascii)).collect();
                    format!("[{}]", cells.join(","))
                })
                .collect();
            Shaped {
                text: format!("{{\"aaData\":[{}]}}", arrays.join(",")),
                content_type,
                shape: "json arrays",
                // Columns without names are one.
                reading: Reading::Cell,
                place: None,
            }
        }
        _ => shaped(
            format!("{{\"data\":{{\"content\":[{rows}],\"pageable\":{{\"page\":{page}}}}}}}"),
            "json page",
            Some(|column, _| format!("$.data.content[*].{}", column.name)),
        ),
    }
}

/// One object: bare, in an envelope, under a parent.
pub(super) fn object(rng: &mut Rng, table: &Table) -> Shaped {
    let object = row(table, 0, rng.chance(10.0), "");
    let (text, shape, place): (_, _, fn(&Column, usize) -> String) = match rng.below(3) {
        0 => (object, "json object", |column, _| format!("$.{}", column.name)),
        1 => (format!("{{\"code\":\"0000\",\"data\":{object}}}"), "json data", |column, _| {
            format!("$.data.{}", column.name)
        }),
        _ => (format!("{{\"errno\":0,\"result\":{{\"profile\":{object}}}}}"), "json profile", |column, _| {
            format!("$.result.profile.{}", column.name)
        }),
    };
    Shaped { text, content_type: "application/json", shape, reading: Reading::Leaf, place: Some(place) }
}
