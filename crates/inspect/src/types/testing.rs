//! What the tests of types ask: whole values under a name as the fields of a record hold them, and text.

use super::{Candidate, Scan, best_of, find, hints, is_interesting, is_named};
use crate::walk::LeafKind;

fn readings(key: &str, value: &str, kind: LeafKind, whole: bool) -> Vec<(u8, Candidate)> {
    let key = hints(key);
    if whole && !is_interesting(value.as_bytes(), kind) && !is_named(key) {
        return Vec::new();
    }
    let scan = Scan { kind, whole, today: 20_261_123, named: key.strong };
    let mut found = Vec::new();
    find(value, &scan, &mut |readings| {
        let best = best_of(readings, key, Default::default()).filter(|(points, _)| *points >= 60);
        found.extend(best.map(|(points, candidate)| (points, *candidate)));
    });
    found
}

fn ids(found: &[(u8, Candidate)]) -> Vec<&'static str> {
    found.iter().map(|(_, candidate)| candidate.what.get().data.id).collect()
}

/// A value under a key is reported as one value of that type, by its form and name alone.
#[track_caller]
pub(super) fn reported(key: &str, value: &str, what: &str) {
    assert_eq!(ids(&readings(key, value, LeafKind::Text, true)), [what], "{key}: {value}");
}

/// A number token under a key is reported so.
#[track_caller]
pub(super) fn reported_json(key: &str, value: &str, what: &str) {
    assert_eq!(ids(&readings(key, value, LeafKind::Number, true)), [what], "{key}: {value}");
}

/// Types reported of a value under a key.
pub(super) fn types(key: &str, value: &str) -> Vec<&'static str> {
    ids(&readings(key, value, LeafKind::Text, true))
}

/// Nothing is reported of a value under a key.
#[track_caller]
pub(super) fn silent(key: &str, value: &str) {
    assert_eq!(ids(&readings(key, value, LeafKind::Text, true)), [""; 0], "{key}: {value}");
}

/// Nothing is reported of a number token under a key.
#[track_caller]
pub(super) fn silent_json(key: &str, value: &str) {
    assert_eq!(ids(&readings(key, value, LeafKind::Number, true)), [""; 0], "{key}: {value}");
}

/// Types reported of a value under a key.
pub(super) fn types_of(key: &str, value: &str) -> Vec<&'static str> {
    ids(&readings(key, value, LeafKind::Text, true))
}

/// Types reported of a text.
pub(super) fn told(text: &str) -> Vec<&'static str> {
    ids(&readings("", text, LeafKind::Text, false))
}

/// Type, whether weakly masked, and form of a masked value.
pub(super) fn masked(key: &str, value: &str) -> Vec<(&'static str, spyhop_model::Form, bool)> {
    let found = readings(key, value, LeafKind::Text, true);
    found.iter().map(|(_, one)| (one.what.get().data.id, one.form, one.weak)).collect()
}
