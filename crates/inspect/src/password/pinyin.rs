//! Chinese names in Latin letters, without tones.

/// Surnames as they are spelt; the compound ones last.
const SURNAMES: &[&str] = &[
    "ai",
    "an",
    "bai",
    "bao",
    "bi",
    "bian",
    "cai",
    "cao",
    "cen",
    "chai",
    "chang",
    "che",
    "chen",
    "cheng",
    "chi",
    "chu",
    "cui",
    "dai",
    "deng",
    "di",
    "diao",
    "ding",
    "dong",
    "dou",
    "du",
    "duan",
    "fan",
    "fang",
    "fei",
    "feng",
    "fu",
    "gan",
    "gao",
    "ge",
    "geng",
    "gong",
    "gou",
    "gu",
    "guan",
    "gui",
    "guo",
    "hai",
    "han",
    "hang",
    "hao",
    "he",
    "hong",
    "hou",
    "hu",
    "hua",
    "huang",
    "huo",
    "ji",
    "jia",
    "jian",
    "jiang",
    "jiao",
    "jin",
    "jing",
    "ju",
    "kang",
    "ke",
    "kong",
    "kuang",
    "lai",
    "lan",
    "lang",
    "lei",
    "leng",
    "li",
    "lian",
    "liang",
    "liao",
    "lin",
    "ling",
    "liu",
    "long",
    "lou",
    "lu",
    "luan",
    "luo",
    "lv",
    "ma",
    "man",
    "mao",
    "mei",
    "meng",
    "mi",
    "miao",
    "min",
    "mo",
    "mou",
    "mu",
    "ni",
    "nie",
    "ning",
    "niu",
    "ou",
    "pan",
    "pang",
    "pei",
    "peng",
    "pi",
    "ping",
    "pu",
    "qi",
    "qian",
    "qiang",
    "qiao",
    "qin",
    "qiu",
    "qu",
    "quan",
    "ran",
    "rao",
    "ren",
    "rong",
    "ruan",
    "rui",
    "sang",
    "sha",
    "shan",
    "shang",
    "shao",
    "she",
    "shen",
    "sheng",
    "shi",
    "shu",
    "si",
    "song",
    "su",
    "sui",
    "sun",
    "tai",
    "tan",
    "tang",
    "tao",
    "teng",
    "tian",
    "tong",
    "tu",
    "wan",
    "wang",
    "wei",
    "wen",
    "weng",
    "wu",
    "xi",
    "xia",
    "xiang",
    "xiao",
    "xie",
    "xin",
    "xing",
    "xiong",
    "xu",
    "xuan",
    "xue",
    "yan",
    "yang",
    "yao",
    "ye",
    "yi",
    "yin",
    "ying",
    "you",
    "yu",
    "yuan",
    "yue",
    "yun",
    "zang",
    "zeng",
    "zha",
    "zhai",
    "zhan",
    "zhang",
    "zhao",
    "zhen",
    "zheng",
    "zhong",
    "zhou",
    "zhu",
    "zhuang",
    "zhuo",
    "zong",
    "zou",
    "zuo",
    "dongfang",
    "duanmu",
    "huangfu",
    "linghu",
    "nangong",
    "ouyang",
    "shangguan",
    "sima",
    "situ",
    "xiahou",
    "zhuge",
];

const INITIALS: &[&str] = &[
    "", "b", "p", "m", "f", "d", "t", "n", "l", "g", "k", "h", "j", "q", "x", "zh", "ch", "sh", "r", "z", "c", "s",
    "y", "w",
];

const FINALS: &[&str] = &[
    "a", "o", "e", "i", "u", "v", "ai", "ei", "ui", "ao", "ou", "iu", "ie", "ue", "ve", "er", "an", "en", "in", "un",
    "ang", "eng", "ing", "ong", "ia", "iao", "ian", "iang", "iong", "ua", "uo", "uai", "uan", "uang",
];

/// Most letters of a name; the longest real ones have fewer.
const LONGEST: usize = 24;

/// A surname, alone or with up to two syllables or initials of a given name: `zhang`, `zhangwei`, `chenxiaoming`, `liuxm`.
pub fn is_name(lower: &str) -> bool {
    if lower.len() > LONGEST || !lower.bytes().all(|b| b.is_ascii_lowercase()) {
        return false;
    }
    SURNAMES
        .iter()
        .filter_map(|surname| lower.strip_prefix(surname))
        .any(|given| given.len() <= 2 && given.bytes().all(|b| !b"aeiouv".contains(&b)) || are_syllables(given, 2))
}

/// At most `most` syllables and nothing else.
pub fn are_syllables(lower: &str, most: u8) -> bool {
    if lower.is_empty() {
        return true;
    }
    // A syllable has at most six letters (`zhuang`).
    most > 0
        && (1..=lower.len().min(6)).any(|len| match lower.split_at_checked(len) {
            Some((head, rest)) => is_syllable(head) && are_syllables(rest, most - 1),
            None => false,
        })
}

fn is_syllable(text: &str) -> bool {
    INITIALS.iter().filter_map(|initial| text.strip_prefix(initial)).any(|rest| FINALS.contains(&rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_a_surname_and_little_more() {
        for name in ["zhang", "zhangwei", "chenxiaoming", "liuxm", "ouyangfeng", "lihaoran", "lvbu"] {
            assert!(is_name(name), "{name}");
        }
        for other in ["", "kxqz", "password", "lixiaomingdehaizi", "zhang1", "strength"] {
            assert!(!is_name(other), "{other}");
        }
    }
}
