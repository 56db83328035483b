//! Places as they may be told: names of fields, but no values that stand where names do.

use std::borrow::Cow;

use spyhop_model::Place;

use super::Source;
use crate::types::{Hints, Scan, best_of, find, hints};
use crate::walk::LeafKind;

/// Points from which a part of a path is a value.
const VALUE: u8 = 40;

/// The place of a leaf.
pub(super) fn place(source: Source, path: &str) -> Place {
    match source {
        Source::Body => Place::Body(path.into()),
        Source::Query => Place::Query(path.into()),
        Source::Header => Place::Header(path.to_ascii_lowercase().into()),
        Source::Cookie => Place::Cookie(path.into()),
        Source::Path(index) => Place::Path(index),
    }
}

/// A path in which values stand as `*`: people are keys of objects, and heads of columns where a table has none.
pub(super) fn without_values(path: &str) -> Cow<'_, str> {
    if path.is_ascii() && !path.bytes().any(|b| b.is_ascii_digit()) {
        return path.into();
    }
    let is_border = |c: char| matches!(c, '.' | '[' | ']' | '@' | '<' | '>');
    if !path.split(is_border).any(is_value) {
        return path.into();
    }
    let mut shown = String::with_capacity(path.len());
    let mut rest = path;
    loop {
        let end = rest.find(is_border).unwrap_or(rest.len());
        let (part, behind) = rest.split_at(end);
        shown.push_str(if is_value(part) { "*" } else { part });
        let Some(border) = behind.chars().next() else { return shown.into() };
        shown.push(border);
        rest = behind.get(border.len_utf8()..).unwrap_or_default();
    }
}

/// Whether a part of a path is a personal value, and no name of a field.
fn is_value(part: &str) -> bool {
    if part.chars().nth(1).is_none() || hints(part).is_some() {
        return false;
    }
    let mut found = crate::types::is_name(part);
    let scan = Scan { kind: LeafKind::Text, whole: true, today: 99_991_231, named: 0 };
    find(part, &scan, &mut |readings| {
        found |= best_of(readings, Hints::default(), Hints::default()).is_some_and(|(points, _)| points >= VALUE);
    });
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_no_names_of_fields() {
        assert_eq!(without_values("$.张三.phone"), "$.*.phone");
        assert_eq!(without_values("$[*].北京市朝阳区建国路88号"), "$[*].*");
        assert_eq!(without_values("$.data.list[*].手机号"), "$.data.list[*].手机号");
        assert_eq!(without_values("$.sheet1[*].客户姓名"), "$.sheet1[*].客户姓名");
        assert_eq!(without_values("$.13912345678.name"), "$.*.name");
        assert_eq!(without_values("$.data2.address1"), "$.data2.address1");
    }
}
