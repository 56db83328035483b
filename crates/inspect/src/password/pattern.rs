//! What people build when a rule asks for letters, digits and a sign: a word, a number, a sign between.

use super::{pinyin, plain_letters, shape};

/// Years that occur in passwords: of birth, and of the last change. The clock is not asked, so that equal captures
/// are judged alike.
const YEARS: std::ops::RangeInclusive<u32> = 1940..=2035;

/// Words that administrators and vendors put first.
const WORDS: &[&str] = &[
    "abc",
    "abcd",
    "account",
    "admin",
    "administrator",
    "aini",
    "alibaba",
    "aliyun",
    "asd",
    "baidu",
    "beijing",
    "centos",
    "changeme",
    "changme",
    "china",
    "chongqing",
    "cisco",
    "cloud",
    "company",
    "dahua",
    "default",
    "demo",
    "dell",
    "develop",
    "dianxin",
    "docker",
    "ftp",
    "guanli",
    "guangzhou",
    "guest",
    "h3c",
    "hangzhou",
    "hello",
    "hikvision",
    "huawei",
    "iloveyou",
    "inspur",
    "jenkins",
    "lenovo",
    "letmein",
    "linux",
    "loveyou",
    "login",
    "manager",
    "master",
    "mima",
    "mysql",
    "nacos",
    "nanjing",
    "nginx",
    "office",
    "operator",
    "oracle",
    "pass",
    "passw",
    "passwd",
    "password",
    "postgres",
    "pwd",
    "qaz",
    "qwe",
    "qwer",
    "qwerty",
    "redis",
    "root",
    "ruijie",
    "sangfor",
    "school",
    "secret",
    "security",
    "server",
    "service",
    "shanghai",
    "shenzhen",
    "summer",
    "superadmin",
    "super",
    "support",
    "sys",
    "sysadmin",
    "system",
    "temp",
    "tencent",
    "test",
    "tester",
    "tianjin",
    "tomcat",
    "topsec",
    "ubuntu",
    "user",
    "venustech",
    "vmware",
    "weblogic",
    "welcome",
    "wifi",
    "windows",
    "winter",
    "woaini",
    "wuhan",
    "xian",
    "yidong",
    "youke",
    "zabbix",
    "zxc",
    "zte",
];

/// Digits that sound like words, mostly of love; alone, repeated or put together.
const SOUNDS: &[&str] =
    &["5201314", "5211314", "7758521", "1314520", "1314521", "1314", "7758", "9420", "520", "521", "3344"];

/// Numbers everyone has at hand.
const NUMBERS: &[&str] =
    &["10010", "10086", "123123", "147258", "147258369", "159357", "321321", "112233", "110119", "95588"];

/// Longest row of signs between word and number, or behind them.
const SIGNS: usize = 3;

/// A date, whole or beside a name or initials. `lower` is in lower case.
pub fn is_dated(lower: &str) -> bool {
    let digits: String = lower.chars().filter(char::is_ascii_digit).collect();
    let letters: String = lower.chars().filter(|c| c.is_alphabetic()).collect();
    let signs = lower.chars().count() - digits.len() - letters.chars().count();
    // One run of each, either way round; within a date alone the signs may stand anywhere.
    let apart = lower.contains(&digits) && lower.contains(&letters);
    if signs > SIGNS || !(apart || letters.is_empty()) {
        return false;
    }
    match (letters.chars().count(), digits.len()) {
        (0..=3, 6 | 8) => is_date(&digits),
        (4..=8, 8) if is_full_date(&digits) => true,
        (_, 4 | 6 | 8) => (is_year(&digits) || is_date(&digits)) && pinyin::is_name(&letters),
        _ => false,
    }
}

/// A word, a name or initials with a number that everyone tries; a number of that sort alone. `company` is a further word.
pub fn is_pattern(lower: &str, company: Option<&str>) -> bool {
    let is_outer = |c: char| c.is_ascii_digit() || c.is_ascii_punctuation();
    let core_then_tail = lower.trim_end_matches(is_outer);
    let tail = lower.get(core_then_tail.len()..).unwrap_or_default();
    let head_then_core = lower.trim_start_matches(is_outer);
    let head = lower.get(..lower.len() - head_then_core.len()).unwrap_or_default();
    follows(core_then_tail, tail, company) || !head.is_empty() && follows(head_then_core, head, company)
}

/// `core` with `outer` behind or before it.
fn follows(core: &str, outer: &str, company: Option<&str>) -> bool {
    let number = outer.trim_matches(|c: char| c.is_ascii_punctuation());
    if outer.len() - number.len() > 2 * SIGNS || !number.bytes().all(|b| b.is_ascii_digit()) {
        return false;
    }
    if core.is_empty() {
        return is_mobile(number) || number.len() >= 3 && sounds(number);
    }
    let letters = core.chars().all(|c| c.is_ascii_lowercase());
    if core == "qq" {
        return number.len() >= 5;
    }
    if letters && core.len() <= 3 && (number.len() >= 3 && is_known_number(number) || is_mobile(number)) {
        return true;
    }
    let loving = core.strip_prefix("woai").or_else(|| core.strip_prefix("iloveyou"));
    let is_word =
        is_word(core, company) || pinyin::is_name(core) || loving.is_some_and(|rest| pinyin::are_syllables(rest, 4));
    is_word && (number.len() <= 4 || is_known_number(number))
}

fn is_word(core: &str, company: Option<&str>) -> bool {
    let listed = |word: &str| WORDS.contains(&word) || company == Some(word);
    listed(core) || ['l', 'i'].into_iter().any(|one| listed(&plain_letters(core, one)))
}

fn is_known_number(digits: &str) -> bool {
    shape::is_sequence(digits)
        || shape::is_keyboard_walk(digits)
        || NUMBERS.contains(&digits)
        || is_date(digits)
        || is_mobile(digits)
        || sounds(digits)
}

/// Nothing but numbers that sound like words.
fn sounds(digits: &str) -> bool {
    let mut rest = digits;
    while let Some(behind) = SOUNDS.iter().find_map(|sound| rest.strip_prefix(sound)) {
        rest = behind;
    }
    rest.is_empty()
}

/// A mobile number of mainland China.
fn is_mobile(digits: &str) -> bool {
    matches!(digits.as_bytes(), [b'1', b'3'..=b'9', ..]) && digits.len() == 11
}

fn is_year(digits: &str) -> bool {
    digits.len() == 4 && number(digits, 0, 4).is_some_and(|year| YEARS.contains(&year))
}

/// `yyyymmdd`, `ddmmyyyy`, `mmddyyyy`.
fn is_full_date(digits: &str) -> bool {
    let year = |at| number(digits, at, 4).is_some_and(|year| YEARS.contains(&year));
    digits.len() == 8 && (year(0) && is_day(digits, 4, 6) || year(4) && (is_day(digits, 2, 0) || is_day(digits, 0, 2)))
}

/// A full date, or `yymmdd`, `ddmmyy`, `yyyymm`.
fn is_date(digits: &str) -> bool {
    let year_and_month = || {
        number(digits, 0, 4).is_some_and(|year| YEARS.contains(&year))
            && number(digits, 4, 2).is_some_and(|month| (1..=12).contains(&month))
    };
    is_full_date(digits) || digits.len() == 6 && (is_day(digits, 2, 4) || is_day(digits, 2, 0) || year_and_month())
}

fn is_day(digits: &str, month: usize, day: usize) -> bool {
    number(digits, month, 2).is_some_and(|month| (1..=12).contains(&month))
        && number(digits, day, 2).is_some_and(|day| (1..=31).contains(&day))
}

fn number(digits: &str, at: usize, len: usize) -> Option<u32> {
    digits.get(at..at + len)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_look_like_dates() {
        for date in ["19900307", "07031990", "900307", "199003"] {
            assert!(is_date(date), "{date}");
        }
        for other in ["19901307", "18900307", "123", "99999999", ""] {
            assert!(!is_date(other), "{other}");
        }
        assert!(is_dated("1990.03.07") && is_dated("zhang1990"));
        assert!(!is_dated("kqzv1990") && !is_dated("k1990q03z07"));
    }

    #[test]
    fn words_and_numbers() {
        for pattern in
            ["admin@123", "a123456", "qq12345", "5201314", "13812345678", "li520", "520li", "woainima", "acme_2024!"]
        {
            assert!(is_pattern(pattern, Some("acme")), "{pattern}");
        }
        for other in ["kxq@8461", "acme_84617", "qq1", "xyzzy12", "admin84617", "admin~!@#$%^&1", ""] {
            assert!(!is_pattern(other, Some("acme")), "{other}");
        }
    }
}
