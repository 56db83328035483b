//! How values are shown: masked so that they cannot be guessed cheaply.

use super::TypeId;

/// A value of a type, masked.
pub fn mask(what: TypeId, value: &str) -> String {
    match what.index_of_custom() {
        Some(_) => generic_mask(value.trim()),
        None => (what.get().mask)(value.trim()),
    }
}

/// Any value, masked: of long ones two characters at each end may stand.
pub fn generic_mask(value: &str) -> String {
    let characters: Vec<char> = value.chars().take(512).collect();
    match characters.len() {
        0 => String::new(),
        1..=7 => "***".into(),
        8..=15 => shown_ends(&characters, 1, 1),
        _ => shown_ends(&characters, 2, 2),
    }
}

/// The first and last characters, and a star for each between; too short for `least` stars, nothing is shown.
pub(super) fn shown(characters: &[char], first: usize, last: usize, least: usize) -> String {
    if characters.len() < first + last + least {
        return "***".into();
    }
    let from = characters.len() - last;
    characters.iter().enumerate().map(|(at, c)| if at < first || at >= from { *c } else { '*' }).collect()
}

/// The first and last characters and three stars, whatever the length.
fn shown_ends(characters: &[char], first: usize, last: usize) -> String {
    let from = characters.len().saturating_sub(last);
    let (head, tail) = (characters.iter().take(first), characters.iter().skip(from));
    head.chain("***".chars().collect::<Vec<_>>().iter()).chain(tail).filter(|c| !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proper_forms() {
        let cases = [
            (TypeId::MOBILE, "+86 138-0013-8000", "138****8000"),
            (TypeId::RESIDENT_ID, "11010519491231002X", "110**************X"),
            (TypeId::BANK_CARD, "6222 0210 0111 6245 702", "622202*********5702"),
            (TypeId::EMAIL, "alice@corp.cn", "a***@corp.cn"),
            (TypeId::EMAIL, "a@corp.cn", "***@corp.cn"),
            (TypeId::NAME, "张三", "张*"),
            (TypeId::NAME, "欧阳修", "欧阳*"),
            (TypeId::NAME, "张三丰", "张**"),
        ];
        for (what, value, expected) in cases {
            assert_eq!(mask(what, value), expected);
        }
        assert_eq!(generic_mask("short"), "***");
        assert_eq!(generic_mask("eyJhbGciOiJIUzI1NiJ9"), "ey***J9");
    }
}
