//! Scripts that mask values in the browser: what they mask has come in full.

use memchr::memmem;
use spyhop_model::DataType;

use crate::types::TypeId;

/// Bytes that are kept from one piece to the next: a routine is found wherever the pieces were cut.
const HELD: usize = 256;
/// Bytes before stars in which the call that puts them there stands.
const BEFORE: usize = 120;
/// Places of one script that are looked at closely.
const LOOKS: u32 = 20_000;
/// Types that are told apart.
const TYPES: usize = 3;
/// Bytes around a routine whose words say what it masks.
const AROUND: usize = 80;

/// A script on its way.
#[derive(Default)]
pub(crate) struct Script {
    held: Vec<u8>,
    looked: u32,
    found: Vec<&'static DataType>,
}

/// Names of routines that mask, lower case.
const NAMES: &[&str] = &[
    "desensiti",
    "maskphone",
    "maskmobile",
    "hidephone",
    "hidemobile",
    "maskidcard",
    "hideidcard",
    "maskcard",
    "脱敏",
];
/// Calls that take a text apart.
const CALLS: &[&str] = &["replace(", "substr(", "substring(", "slice("];

impl Script {
    /// The next bytes.
    pub fn feed(&mut self, bytes: &[u8]) {
        if self.found.len() >= TYPES {
            return;
        }
        // Most pieces of most scripts hold neither stars in quotes nor such names.
        self.held.extend_from_slice(bytes);
        let mut held = std::mem::take(&mut self.held);
        self.search(&held);
        held.drain(..held.len().saturating_sub(HELD));
        self.held = held;
    }

    fn search(&mut self, text: &[u8]) {
        let around = |from: usize, to: usize| lower(text.get(from..to.min(text.len())).unwrap_or_default());
        let mut from = 0;
        while let Some(found) = text.get(from..).and_then(|rest| memmem::find(rest, b"**")) {
            let at = from + found;
            let stars = text.get(at..).unwrap_or_default();
            from = at + stars.iter().position(|b| *b != b'*').unwrap_or(stars.len());
            // `"****"`, `$1****$2`: comments and powers are no masks.
            let before = text.get(at.saturating_sub(2)..at).unwrap_or_default();
            let is_put = matches!(before, [.., b'"' | b'\'' | b'`'] | [b'$', b'1'..=b'9']);
            if is_put && self.looked < LOOKS {
                self.looked += 1;
                let words = around(at.saturating_sub(BEFORE), at);
                if CALLS.iter().any(|call| words.contains(call)) {
                    self.routine(&around(at.saturating_sub(BEFORE), at + AROUND));
                }
            }
            if self.found.len() >= TYPES {
                return;
            }
        }
        for first in
            [b"ensiti".as_slice(), b"askP", b"askM", b"askI", b"askC", b"ideP", b"ideM", b"ideI", "脱敏".as_bytes()]
        {
            for at in memmem::find_iter(text, first) {
                if self.looked >= LOOKS {
                    return;
                }
                self.looked += 1;
                let word = around(at.saturating_sub(8), at + 24);
                if NAMES.iter().any(|name| word.contains(name)) {
                    self.routine(&around(at.saturating_sub(AROUND), at + BEFORE));
                }
            }
        }
    }

    /// A routine: what the words and numbers around it say it masks.
    fn routine(&mut self, around: &str) {
        let says = |words: &[&str]| words.iter().any(|word| around.contains(word));
        let of: &[(TypeId, bool)] = &[
            (
                TypeId::MOBILE,
                says(&[
                    "phone",
                    "mobile",
                    "tel",
                    "手机",
                    "{3})\\d{4}",
                    "{3})(\\d{4})",
                    "slice(0,3)",
                    "substr(0,3)",
                    "substring(0,3)",
                ]),
            ),
            (
                TypeId::RESIDENT_ID,
                says(&["idcard", "id_card", "idno", "certno", "sfz", "身份证", "{6})\\d{8}", "\\d{10}", "{4})\\d{10}"]),
            ),
            (TypeId::BANK_CARD, says(&["bankcard", "bank_card", "cardno", "银行卡", "卡号"])),
        ];
        for (what, _) in of.iter().filter(|(_, says)| *says) {
            let data = &what.get().data;
            if !self.found.contains(&data) {
                self.found.push(data);
            }
        }
    }

    /// What is masked, by type.
    pub fn finish(mut self) -> Vec<&'static DataType> {
        self.found.sort_by_key(|data| data.id);
        self.found
    }
}

fn lower(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masks(text: &str) -> Vec<&'static str> {
        let whole = {
            let mut script = Script::default();
            script.feed(text.as_bytes());
            script.finish()
        };
        let mut pieces = Script::default();
        text.as_bytes().chunks(7).for_each(|piece| pieces.feed(piece));
        assert_eq!(pieces.finish(), whole, "in pieces");
        whole.iter().map(|data| data.id).collect()
    }

    #[test]
    fn routines() {
        assert_eq!(masks(r#"e.replace(/(\d{3})\d{4}(\d{4})/,"$1****$2")"#), ["cn_mobile"]);
        assert_eq!(masks(r#"const t=phone.substr(0,3)+"****"+phone.substr(7)"#), ["cn_mobile"]);
        assert_eq!(masks("function maskIdCard(v){return f(v)}"), ["cn_resident_id"]);
        assert_eq!(masks(r#"row.idCard.slice(0,6)+"********"+x"#), ["cn_resident_id"]);
        assert!(masks("/*** a comment ***/ function f(a,b){return a**b}").is_empty());
        assert!(masks("Math.mask=1;hide(phone)").is_empty());
        assert!(masks(r#"s.replace(/x/,"y");/** intelligent phones */"#).is_empty());
    }
}
