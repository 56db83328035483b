//! Masked values beside the full ones that they hide, in one response: masked on the page, full in the data under it.

use spyhop_model::{DataType, Place, Unveiled};

use crate::types::{TypeId, hides};

/// Values of each form that are compared; those beyond are not.
const VALUES: usize = 256;
/// Characters that a mask must show for its value to be known in another record.
const TELLING: usize = 7;

/// What hides.
const HIDDEN: char = '*';

/// The values of one response, in full and masked. The full ones never leave: they are compared and forgotten.
#[derive(Default)]
pub(super) struct Veil {
    full: Vec<Value>,
    masked: Vec<Value>,
    /// All of them, one after the other.
    text: String,
}

/// A value, as it was written.
struct Value {
    what: TypeId,
    found: usize,
    record: u32,
    /// First byte, and the byte after the last.
    span: (usize, usize),
}

/// A value made ready to be compared.
struct Comparable<'a> {
    of: &'a Value,
    characters: Vec<char>,
}

impl Veil {
    /// A value found as number `found`.
    pub fn add(&mut self, what: TypeId, is_masked: bool, found: usize, record: u32, raw: &str) {
        let values = if is_masked { &mut self.masked } else { &mut self.full };
        if values.len() < VALUES {
            let start = self.text.len();
            self.text.push_str(raw);
            values.push(Value { what, found, record, span: (start, self.text.len()) });
        }
    }

    /// Pairs, by the places of both; `place` and `what` tell of a number what was found.
    pub fn pairs<'a>(
        &self,
        of: impl Fn(usize) -> Option<(&'static DataType, &'a Place)>,
        shown: impl Fn(TypeId, &str) -> String,
    ) -> Vec<Unveiled> {
        let mut pairs: Vec<Unveiled> = Vec::new();
        // Most responses mask nothing.
        if self.masked.is_empty() {
            return pairs;
        }
        let full: Vec<Comparable<'_>> = self.full.iter().map(|value| self.comparable(value, false)).collect();
        for masked in &self.masked {
            let masked = self.comparable(masked, true);
            let Some(full) = full.iter().find(|full| masked.hides(full)) else { continue };
            let (Some((what, at)), Some((_, full_at))) = (of(masked.of.found), of(full.of.found)) else { continue };
            let known = pairs.iter_mut().find(|pair| pair.what == what && pair.masked == *at && pair.full == *full_at);
            match known {
                Some(pair) => pair.count = pair.count.saturating_add(1),
                None => pairs.push(Unveiled {
                    what,
                    masked: at.clone(),
                    full: full_at.clone(),
                    count: 1,
                    sample: shown(full.of.what, &full.characters.iter().collect::<String>()).into(),
                }),
            }
        }
        pairs
    }

    /// A value without separators; what a masked one hides is one sign.
    fn comparable<'a>(&self, of: &'a Value, is_masked: bool) -> Comparable<'a> {
        let raw = self.text.get(of.span.0..of.span.1).unwrap_or_default();
        let shown = |(at, c): (usize, char)| if is_masked && hides(raw, at, c) { HIDDEN } else { c };
        let signs = raw.char_indices().filter(|(_, c)| !matches!(c, ' ' | '-' | '+'));
        Comparable { of, characters: signs.map(shown).collect() }
    }
}

impl Comparable<'_> {
    /// Whether this masked value is that full one: all that it shows agrees. A mask that shows little hides many; then
    /// both must stand in one record.
    fn hides(&self, full: &Comparable<'_>) -> bool {
        let is_hidden = |c: &char| *c == HIDDEN;
        // The domain of an address is of many.
        let own = self.characters.iter().position(|c| *c == '@').unwrap_or(self.characters.len());
        let shown = self.characters.iter().take(own).filter(|c| !is_hidden(c)).count();
        if self.of.what != full.of.what || shown == 0 || (shown < TELLING && self.of.record != full.of.record) {
            return false;
        }
        if self.characters.len() == full.characters.len() {
            let mut pairs = self.characters.iter().zip(&full.characters);
            return pairs.all(|(masked, full)| is_hidden(masked) || masked == full);
        }
        // Stars are often as many whatever they hide: what stands before and after them must agree.
        let first = self.characters.iter().position(is_hidden).unwrap_or(0);
        let last = self.characters.iter().rposition(is_hidden).map_or(0, |at| at + 1);
        let (head, tail) = (self.characters.get(..first), self.characters.get(last..));
        let (head, tail) = (head.unwrap_or_default(), tail.unwrap_or_default());
        self.characters.contains(&'@')
            && head.len() + tail.len() < full.characters.len()
            && full.characters.starts_with(head)
            && full.characters.ends_with(tail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(masked: &[(u32, &str)], full: &[(u32, &str)], what: TypeId) -> u32 {
        let mut veil = Veil::default();
        masked.iter().for_each(|(record, raw)| veil.add(what, true, 0, *record, raw));
        full.iter().for_each(|(record, raw)| veil.add(what, false, 1, *record, raw));
        let place = Place::Body("$".into());
        let found = veil.pairs(|_| Some((&what.get().data, &place)), |_, _| String::new());
        found.iter().map(|pair| pair.count).sum()
    }

    #[test]
    fn a_mask_meets_its_value_and_no_other() {
        assert_eq!(pairs(&[(0, "138****8000")], &[(9, "138 1234 8000")], TypeId::MOBILE), 1);
        assert_eq!(pairs(&[(0, "138****8000")], &[(0, "13812348001")], TypeId::MOBILE), 0);
        assert_eq!(pairs(&[(0, "张*")], &[(0, "张三")], TypeId::NAME), 1);
        assert_eq!(pairs(&[(0, "张*")], &[(1, "张三")], TypeId::NAME), 0, "there are many of that name");
        assert_eq!(pairs(&[(0, "a***@corp.cn")], &[(0, "alice@corp.cn")], TypeId::EMAIL), 1);
        assert_eq!(pairs(&[(0, "***@qq.com")], &[(3, "service@qq.com")], TypeId::EMAIL), 0);
        assert_eq!(pairs(&[(0, "138xxxx8000")], &[(9, "13812348000")], TypeId::MOBILE), 1);
        assert_eq!(pairs(&[(0, "****")], &[(0, "1234")], TypeId::MOBILE), 0);
    }
}
