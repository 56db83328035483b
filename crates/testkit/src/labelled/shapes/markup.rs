//! XML, SOAP and HTML.

use super::super::table::{Column, Naming, Reading, Table};
use super::{Shaped, escape};
use crate::rng::Rng;

fn attributes(table: &Table, row: usize) -> String {
    let pair = |column: &Column| format!(" {}=\"{}\"", column.name, escape::markup(&column.values[row]));
    table.columns.iter().map(pair).collect()
}

/// Elements, attributes, SOAP.
pub(super) fn xml(rng: &mut Rng, table: &Table) -> Shaped {
    let named = |column: &Column| column.name.replace(' ', "");
    let elements = |row: usize| -> String {
        let element = |column: &Column| {
            let name = named(column);
            format!("<{name}>{}</{name}>", escape::markup(&column.values[row]))
        };
        table.columns.iter().map(element).collect()
    };
    let has_space = table.columns.iter().any(|column| column.name.contains(' '));
    let (text, shape) = match rng.below(3) {
        0 if !has_space => {
            let rows: String = (0..table.rows).map(|row| format!("  <row{}/>\n", attributes(table, row))).collect();
            (format!("<?xml version=\"1.0\"?>\n<rows>\n{rows}</rows>\n"), "xml attributes")
        }
        1 => {
            let rows: String = (0..table.rows).map(|row| format!("<item>{}</item>", elements(row))).collect();
            let text = format!(
                "<soapenv:Envelope xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\"><soapenv:Body>\
                 <ns1:queryResponse xmlns:ns1=\"urn:crm\"><return>{rows}</return></ns1:queryResponse></soapenv:Body></soapenv:Envelope>"
            );
            (text, "soap")
        }
        _ => {
            let rows: String = (0..table.rows).map(|row| format!("  <user>{}</user>\n", elements(row))).collect();
            (format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<users>\n{rows}</users>\n"), "xml elements")
        }
    };
    let content_type = rng.one_of(&["application/xml", "text/xml; charset=utf-8"]);
    Shaped { text, content_type, shape, reading: Reading::Leaf, place: None }
}

/// Tables with a header, pairs of label and value, definition lists, forms, state in a script.
pub(super) fn html(rng: &mut Rng, table: &Table) -> Shaped {
    let value = |column: &Column, row: usize| escape::markup(&column.values[row]);
    let each = |pair: &dyn Fn(&Column, usize) -> String| -> String {
        (0..table.rows)
            .map(|row| table.columns.iter().map(|column| pair(column, row)).collect::<String>() + "\n")
            .collect()
    };
    let (inner, shape, reading) = match rng.below(6) {
        0..=1 => {
            let head: String = table.columns.iter().map(|column| format!("<th>{}</th>", column.name)).collect();
            let rows: String = (0..table.rows)
                .map(|row| {
                    let cells: String =
                        table.columns.iter().map(|column| format!("<td>{}</td>", value(column, row))).collect();
                    format!("<tr>{cells}</tr>\n")
                })
                .collect();
            (
                format!("<table class=\"grid\"><thead><tr>{head}</tr></thead><tbody>\n{rows}</tbody></table>"),
                "html table",
                Reading::Cell,
            )
        }
        2 if table.naming != Naming::None => {
            let pairs =
                each(&|column, row| format!("<tr><td>{}</td><td>{}</td></tr>", column.name, value(column, row)));
            (format!("<table>{pairs}</table>"), "html pairs", Reading::Text)
        }
        3 if table.naming != Naming::None => (
            each(&|column, row| format!("<p>{}：{}</p>", column.name, value(column, row))),
            "html labels",
            Reading::Text,
        ),
        4 => {
            let inputs = each(&|column, row| {
                format!("<input type=\"text\" name=\"{}\" value=\"{}\">", column.name, value(column, row))
            });
            (format!("<form method=\"post\">{inputs}</form>"), "html inputs", Reading::Text)
        }
        _ => {
            let cell = |column: &Column, row: usize| {
                format!("\"{}\":\"{}\"", column.name, escape::json(&column.values[row], false))
            };
            let rows: Vec<String> = (0..table.rows)
                .map(|row| {
                    let cells: Vec<String> = table.columns.iter().map(|column| cell(column, row)).collect();
                    format!("{{{}}}", cells.join(","))
                })
                .collect();
            let text = format!(
                "<div id=\"app\"></div><script>window.__INITIAL_STATE__={{\"list\":[{}]}};</script>",
                rows.join(",")
            );
            (text, "html state", Reading::Text)
        }
    };
    let text = format!(
        "<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"><title>list</title><link rel=\"stylesheet\" href=\"/static/app.{}.css\"></head>\
         <body>\n{inner}\n</body></html>",
        rng.hex(8)
    );
    Shaped { text, content_type: "text/html; charset=utf-8", shape, reading, place: None }
}
