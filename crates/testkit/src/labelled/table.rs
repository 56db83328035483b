//! What one body says, before it is given a shape: columns of values, and what is expected of them.

use spyhop_model::Form;

use super::kinds::{KINDS, Kind};
use super::{Expect, Label};
use crate::rng::Rng;

/// How values are named in a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Naming {
    English,
    Pinyin,
    Chinese,
    None,
}

/// How a shape presents a value to its reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// A leaf whose record and column stand in the same list.
    List,
    /// A leaf.
    Leaf,
    /// A cell under a header of the table, or a row's nth value, which a reader may take for text.
    Cell,
    /// Text after a label, or after nothing.
    Text,
}

/// A column.
pub(super) struct Column {
    /// As written; never empty.
    pub name: String,
    /// What it holds; none for what is of no interest.
    pub kind: Option<&'static Kind>,
    pub form: Form,
    /// Its values are no good.
    pub spoilt: bool,
    /// Its values are written as numbers.
    pub unquoted: bool,
    /// One for each row.
    pub values: Vec<String>,
}

/// The columns of a body.
pub(super) struct Table {
    pub columns: Vec<Column>,
    pub rows: usize,
    pub naming: Naming,
}

/// Names that say nothing of what they name.
const NOTHING: &[&str] =
    &["v", "f1", "f2", "f3", "col5", "val", "x1", "k7", "p9", "item", "data1", "fld_8", "c12", "q3"];

/// A name in one of the ways that names are written.
fn styled(rng: &mut Rng, name: &str) -> String {
    let words = |sign: &str| {
        let mut out = String::new();
        for c in name.chars() {
            if c.is_ascii_uppercase() && !out.is_empty() && !out.ends_with(|last: char| last.is_ascii_uppercase()) {
                out.push_str(sign);
            }
            out.push(c.to_ascii_lowercase());
        }
        out
    };
    if !name.is_ascii() || name.contains([' ', '-']) || name.chars().all(|c| c.is_ascii_uppercase()) {
        return name.to_owned();
    }
    match rng.below(10) {
        0..=4 => name.to_owned(),
        5..=7 => words("_"),
        8 => words("_").to_uppercase(),
        _ => format!("{}{}", name[..1].to_uppercase(), &name[1..]),
    }
}

/// A kind by weight.
fn pick(rng: &mut Rng, long: bool) -> &'static Kind {
    let fits = |kind: &&Kind| long || !kind.long;
    let total: u32 = KINDS.iter().filter(fits).map(|kind| kind.weight).sum();
    let mut at = rng.below(u64::from(total)) as u32;
    for kind in KINDS.iter().filter(fits) {
        match at.checked_sub(kind.weight) {
            Some(rest) => at = rest,
            None => return kind,
        }
    }
    &KINDS[0]
}

impl Table {
    /// Some columns of `rows` rows. `long` values fit; `typed` shapes have numbers without quotation marks.
    pub fn new(rng: &mut Rng, rows: usize, long: bool, typed: bool) -> Table {
        let naming = match rng.below(8) {
            0..=1 => Naming::Pinyin,
            2..=3 => Naming::Chinese,
            4 => Naming::None,
            _ => Naming::English,
        };
        let mut table = Table { columns: Vec::new(), rows, naming };
        for _ in 0..rng.range(1..5) {
            let kind = pick(rng, long);
            if let Some(needs) = kind.needs {
                let whole = KINDS.iter().find(|kind| kind.id == needs).unwrap_or(&KINDS[0]);
                table.add(rng, whole, true, typed);
            }
            table.add(rng, kind, kind.needs.is_some(), typed);
        }
        table.fillers(rng);
        table
    }

    /// One value of one of these types, in English or without a name.
    pub fn single(rng: &mut Rng, ids: &[&str]) -> Table {
        let naming = if rng.chance(75.0) { Naming::English } else { Naming::None };
        let mut table = Table { columns: Vec::new(), rows: 1, naming };
        let kinds: Vec<&'static Kind> = KINDS.iter().filter(|kind| ids.contains(&kind.id)).collect();
        let kind = rng.one_of(&kinds);
        table.add(rng, kind, false, false);
        // Masks are no common ground.
        table.columns.retain(|column| column.form == Form::Full);
        table
    }

    /// A column of a kind, unless there is one of its type or name; `sound` ones are neither spoilt nor masked.
    fn add(&mut self, rng: &mut Rng, kind: &'static Kind, sound: bool, typed: bool) {
        let is_there = |id: &str| self.columns.iter().filter_map(|column| column.kind).any(|other| other.id == id);
        if is_there(kind.id) || kind.also.iter().any(|id| is_there(id)) {
            return;
        }
        let names = match self.naming {
            Naming::English => kind.names.en,
            Naming::Pinyin => kind.names.pinyin,
            Naming::Chinese => kind.names.zh,
            Naming::None => NOTHING,
        };
        let name = rng.one_of(names);
        let name = if self.naming == Naming::English { styled(rng, name) } else { name.to_owned() };
        if self.columns.iter().any(|column| column.name == name) {
            return;
        }
        let spoilt = !sound && kind.spoil.is_some() && rng.chance(15.0);
        let masked = !sound && !spoilt && kind.mask.is_some() && rng.chance(20.0);
        let make = if spoilt { kind.spoil.unwrap_or(kind.make) } else { kind.make };
        let values: Vec<String> = (0..self.rows)
            .map(|_| {
                let value = make(rng);
                if masked { kind.mask.map_or(value.clone(), |mask| mask(&value, rng)) } else { value }
            })
            .collect();
        let plain = |value: &String| {
            let (whole, part) = value.split_once('.').unwrap_or((value, "0"));
            !value.starts_with('0')
                && [whole, part].iter().all(|t| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit()))
        };
        let unquoted = typed && !masked && kind.unquoted.is_some() && values.iter().all(plain) && rng.chance(40.0);
        let form = if masked { Form::Masked } else { Form::Full };
        self.columns.push(Column { name, kind: Some(kind), form, spoilt, unquoted, values });
    }

    /// Columns that every table has, of no interest.
    fn fillers(&mut self, rng: &mut Rng) {
        let count = rng.below(4);
        for _ in 0..count {
            let (name, unquoted) = rng.one_of(&[
                ("id", true),
                ("status", true),
                ("createTime", false),
                ("remark", false),
                ("level", false),
            ]);
            if self.columns.iter().any(|column| column.name == name) {
                continue;
            }
            let first = rng.below(5000);
            let values = (0..self.rows as u64)
                .map(|row| match name {
                    "id" => (first + row).to_string(),
                    "status" => rng.below(4).to_string(),
                    "createTime" => {
                        format!("2026-{:02}-{:02} 10:{:02}:07", 1 + row % 11, 1 + rng.below(28), rng.below(60))
                    }
                    "remark" => rng.one_of(&["", "ok", "已处理", "none"]).to_owned(),
                    _ => rng.one_of(&["A", "B", "C"]).to_owned(),
                })
                .collect();
            let column =
                Column { name: name.to_owned(), kind: None, form: Form::Full, spoilt: false, unquoted, values };
            let at = rng.index(self.columns.len() + 1);
            self.columns.insert(at, column);
        }
    }

    /// Whether values of a column have names that tell their type.
    pub fn is_named(&self) -> bool {
        self.naming != Naming::None
    }

    /// What is expected of a column's values.
    fn expect(&self, column: &Column, kind: &Kind, reading: Reading, named: bool) -> Expect {
        if column.spoilt {
            return Expect::Hidden;
        }
        if column.form == Form::Masked {
            // A masked address still says the district, and a name in text is two characters or three.
            let vague = kind.id == "cn_address" || kind.id == "cn_name" && reading != Reading::List;
            let sure = named && matches!(reading, Reading::List | Reading::Leaf) && !vague;
            return if sure { Expect::Reported } else { Expect::Either };
        }
        let loss = if column.unquoted { kind.unquoted.unwrap_or(0) } else { 0 };
        let points = |reading: Reading, named: bool| match (reading, named) {
            (Reading::Text, true) => kind.labelled,
            (Reading::Text, false) => kind.alone - 10,
            (_, true) => kind.named,
            (_, false) => kind.alone,
        } - loss;
        let others = |least: i16| {
            self.columns.iter().any(|other| {
                let full = !other.spoilt && other.form == Form::Full && other.name != column.name;
                full && other.kind.is_some_and(|other| {
                    let points = if named { other.named } else { other.alone };
                    let tells = !["uscc", "org_code", "biz_licence15"].contains(&other.id);
                    let by_it =
                        kind.id != "cn_name" || ["cn_resident_id", "cn_mobile", "bank_card"].contains(&other.id);
                    tells && by_it && points >= least
                })
            })
        };
        let column_points = if self.rows >= 5 { 15 } else { 0 };
        let record = |least| if others(least) { kind.record } else { 0 };
        let (least, most) = match reading {
            Reading::List => {
                let points = points(reading, named) + column_points;
                (points + record(85), points + record(60))
            }
            Reading::Leaf => (points(reading, named), points(reading, named) + column_points + record(60)),
            // The header may be known to be the name, or not.
            Reading::Cell => (points(Reading::Text, false), points(reading, named) + column_points + record(60)),
            Reading::Text => (points(reading, named), points(Reading::Leaf, named) + column_points + record(60)),
        };
        match (least, most) {
            (60.., _) => Expect::Reported,
            (_, ..=25) => Expect::Hidden,
            _ => Expect::Either,
        }
    }

    /// The labels of all values, given how the shape presents them and where.
    pub fn labels(&self, reading: Reading, place: impl Fn(&Column, usize) -> Option<String>) -> Vec<Label> {
        let mut labels = Vec::new();
        for (index, column) in self.columns.iter().enumerate() {
            let Some(kind) = column.kind else { continue };
            let expect = self.expect(column, kind, reading, self.is_named());
            for raw in &column.values {
                let label = |id: &'static str, expect| Label {
                    id,
                    also: match (id == kind.id, column.form, self.is_named()) {
                        // Without a name nobody can tell which long number was masked.
                        (true, Form::Masked, false) => &["cn_resident_id", "bank_card", "bank_account", "cn_mobile"],
                        (true, ..) => kind.also,
                        _ => &[],
                    },
                    place: place(column, index),
                    form: column.form,
                    raw: raw.clone(),
                    expect,
                };
                labels.push(label(kind.id, expect));
                if !column.spoilt {
                    labels.extend(kind.holds.iter().map(|id| label(id, Expect::Either)));
                }
            }
        }
        labels
    }
}
