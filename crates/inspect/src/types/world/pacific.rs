//! Numbers of Australia.

use spyhop_model::Text;

use super::super::reading::{Readings, Spot, Written};
use super::super::validators::is_trivial;
use super::super::{Type, TypeId};
use super::checks::weighed;
use super::document;
use crate::walk::LeafKind;

/// Australian tax file number.
pub(in crate::types) static AU_TFN: Type = Type {
    strong: &[
        "tfn",
        "tfnnumber",
        "tfnno",
        "autfn",
        "taxfilenumber",
        "taxfileno",
        "澳洲税号",
        "澳大利亚税号",
        "税务档案号",
    ],
    numeric: true,
    named: Some(|value, kind| {
        let is_plain = matches!(kind, LeafKind::Text | LeafKind::Number) && value.len() == 9;
        (is_plain && value.bytes().all(|b| b.is_ascii_digit()) && tfn(value.as_bytes())).then_some(25)
    }),
    ..document("au_tfn", Text { en: "Australian tax file number", zh: "澳大利亚税务档案号" })
};

fn tfn(digits: &[u8]) -> bool {
    weighed(digits, &[1, 4, 3, 7, 5, 8, 6, 9, 10]).is_multiple_of(11)
}

/// Nine digits, together or in threes.
pub(super) fn nine(spot: &Spot<'_>, out: &mut Readings) {
    let is_plain = spot.written == Written::Plain;
    if (is_plain || spot.groups == [3, 3, 3]) && tfn(spot.compact) {
        let mut candidate = spot.candidate(TypeId::AU_TFN, if is_plain { 25 } else { 55 });
        candidate.checked = true;
        candidate.test_value = is_trivial(spot.compact);
        out.push(candidate);
    }
}
