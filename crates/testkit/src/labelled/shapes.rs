//! A table of values as the bytes of JSON, forms, XML, CSV, HTML and logs.

mod escape;
mod json;
mod markup;
mod text;

use super::negatives::{NEGATIVES, Negative};
use super::table::{Column, Naming, Reading, Table};
use super::{Body, Carrier};
use crate::rng::Rng;

use super::kinds::Kind;
use spyhop_model::Form;

/// Bytes, media type, name of the shape, how it presents values, and places where it gives them in one way only.
pub(super) struct Shaped {
    pub text: String,
    pub content_type: &'static str,
    pub shape: &'static str,
    pub reading: Reading,
    pub place: Option<fn(&Column, usize) -> String>,
}

/// Some number of rows, mostly few.
fn rows(rng: &mut Rng) -> usize {
    match rng.below(10) {
        0..=4 => rng.range(1..4) as usize,
        5..=8 => rng.range(5..12) as usize,
        _ => rng.range(12..40) as usize,
    }
}

/// A body with values.
pub(super) fn positive(rng: &mut Rng) -> Body {
    let (family, rows) = (rng.below(20), rows(rng));
    match family {
        0..=8 => {
            let table = Table::new(rng, rows, true, true);
            body(json::list(rng, &table), &table, Carrier::Response)
        }
        9..=10 => {
            let table = Table::new(rng, 1, true, true);
            body(json::object(rng, &table), &table, Carrier::Response)
        }
        11..=12 => {
            let table = Table::new(rng, 1, false, false);
            let carrier = if rng.chance(50.0) { Carrier::Query } else { Carrier::Request };
            body(text::pairs(&table, carrier), &table, carrier)
        }
        13 => {
            let table = Table::new(rng, rows, true, false);
            body(markup::xml(rng, &table), &table, Carrier::Response)
        }
        14 => {
            let table = Table::new(rng, rows, false, false);
            body(text::csv(rng, &table), &table, Carrier::Response)
        }
        15..=16 => {
            let table = Table::new(rng, rows, false, false);
            body(markup::html(rng, &table), &table, Carrier::Response)
        }
        _ => {
            let table = Table::new(rng, rows, false, false);
            body(text::log(rng, &table), &table, Carrier::Response)
        }
    }
}

/// A line of text with one value of these types, or with a negative.
pub(super) fn sentence(rng: &mut Rng, ids: &[&str]) -> Body {
    let is_negative = rng.chance(30.0);
    let (table, name, value) = if is_negative {
        let negative = rng.pick(NEGATIVES);
        let table = Table { columns: Vec::new(), rows: 1, naming: Naming::English };
        (table, rng.one_of(negative.names).to_owned(), (negative.make)(rng))
    } else {
        let table = loop {
            let table = Table::single(rng, ids);
            if !table.columns.is_empty() {
                break table;
            }
        };
        let (name, value) = (table.columns[0].name.clone(), table.columns[0].values[0].clone());
        (table, name, value)
    };
    let text = match (table.is_named(), rng.below(3)) {
        (true, 0) => format!("{name}: {value}"),
        (true, 1) => format!("Please update the record, {name}: {value}, and confirm."),
        (true, _) => format!("user 17 saved the form with {name}={value} today"),
        (false, 0) => value,
        (false, 1) => format!("He wrote {value} on the paper."),
        (false, _) => format!("received {value} from the desk"),
    };
    let shaped =
        Shaped { text, content_type: "text/plain; charset=utf-8", shape: "line", reading: Reading::Text, place: None };
    Body { negatives: usize::from(is_negative), ..body(shaped, &table, Carrier::Response) }
}

fn body(shaped: Shaped, table: &Table, carrier: Carrier) -> Body {
    let mut labels = table.labels(shaped.reading, |column, index| shaped.place.map(|place| place(column, index)));
    // Whoever logs in sends a password or a code: only answers that carry one are of interest.
    let is_sent = |label: &&mut super::Label| ["account_password", "sms_code"].contains(&label.id);
    if carrier != Carrier::Response {
        labels.iter_mut().filter(is_sent).for_each(|label| label.expect = super::Expect::Either);
    }
    Body {
        carrier,
        content_type: shaped.content_type,
        labels,
        bytes: shaped.text.into_bytes(),
        shape: shaped.shape,
        negatives: 0,
    }
}

/// A body of negatives alone.
pub(super) fn negative(rng: &mut Rng) -> Body {
    if rng.chance(4.0) {
        let (text, content_type, shape) = text::benign(rng);
        return Body {
            carrier: Carrier::Response,
            content_type,
            bytes: text.into_bytes(),
            labels: Vec::new(),
            shape,
            negatives: 10,
        };
    }
    let rows = rows(rng);
    let first = rng.index(NEGATIVES.len());
    let count = rng.range(1..5) as usize;
    let mut table = Table { columns: Vec::new(), rows, naming: Naming::English };
    // Without white space values are one token in logs.
    let mut add = |negative: &Negative, rng: &mut Rng| {
        let name = rng.one_of(negative.names).to_owned();
        if table.columns.iter().any(|column| column.name == name) {
            return;
        }
        let values: Vec<String> = match rng.below(12) {
            // Numbers that count up from one of them: nothing but numbers.
            0 if negative.what == "order like a mobile" => {
                let first: u64 = (negative.make)(rng).parse().unwrap_or(13_000_000_000);
                (0..rows as u64).map(|n| (first + n * 7).to_string()).collect()
            }
            _ => (0..rows).map(|_| (negative.make)(rng)).collect(),
        };
        let unquoted = negative.number && rng.chance(50.0);
        let (kind, form): (Option<&'static Kind>, Form) = (None, Form::Full);
        table.columns.push(Column { name, kind, form, spoilt: false, unquoted, values });
    };
    for n in 0..count {
        add(&NEGATIVES[(first + n * 7) % NEGATIVES.len()], rng);
    }
    let shaped = match rng.below(10) {
        0..=4 => json::list(rng, &table),
        5 => markup::xml(rng, &table),
        6 => text::csv(rng, &table),
        7..=8 => markup::html(rng, &table),
        _ => text::log(rng, &table),
    };
    let negatives = table.columns.len() * rows;
    let mut body = body(shaped, &table, Carrier::Response);
    body.shape = NEGATIVES[first].what;
    body.negatives = negatives;
    body
}
