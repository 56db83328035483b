//! Invented people: every number passes the checks of its kind, none is taken from anyone.

use crate::rng::Rng;

/// County codes that exist (GB/T 2260), spread over the country.
const REGIONS: [&str; 20] = [
    "110101", "110108", "120101", "210102", "230102", "310104", "310115", "320102", "330106", "340104", "350203",
    "370202", "410105", "420111", "430102", "440103", "440305", "500103", "510107", "610113",
];

/// Allotted mobile segments of the mainland's four carriers.
const SEGMENTS: [&str; 24] = [
    "130", "131", "132", "133", "135", "136", "137", "138", "139", "150", "152", "155", "158", "166", "173", "177",
    "181", "183", "186", "187", "188", "191", "198", "199",
];

/// Bank identification numbers with the length of their card numbers.
const BINS: [(&str, usize); 10] = [
    ("622202", 19),
    ("622848", 19),
    ("621700", 19),
    ("621661", 19),
    ("622588", 16),
    ("622575", 16),
    ("622155", 16),
    ("603601", 17),
    ("622909", 18),
    ("621050", 18),
];

/// Surnames with their reading.
const SURNAMES: [(&str, &str); 24] = [
    ("王", "wang"),
    ("李", "li"),
    ("张", "zhang"),
    ("刘", "liu"),
    ("陈", "chen"),
    ("杨", "yang"),
    ("黄", "huang"),
    ("吴", "wu"),
    ("赵", "zhao"),
    ("周", "zhou"),
    ("徐", "xu"),
    ("孙", "sun"),
    ("马", "ma"),
    ("朱", "zhu"),
    ("胡", "hu"),
    ("林", "lin"),
    ("郭", "guo"),
    ("何", "he"),
    ("高", "gao"),
    ("罗", "luo"),
    ("郑", "zheng"),
    ("梁", "liang"),
    ("欧阳", "ouyang"),
    ("诸葛", "zhuge"),
];

/// Characters of given names with their reading.
const GIVEN: [(&str, &str); 32] = [
    ("伟", "wei"),
    ("芳", "fang"),
    ("娜", "na"),
    ("敏", "min"),
    ("静", "jing"),
    ("丽", "li"),
    ("强", "qiang"),
    ("磊", "lei"),
    ("军", "jun"),
    ("洋", "yang"),
    ("勇", "yong"),
    ("艳", "yan"),
    ("杰", "jie"),
    ("娟", "juan"),
    ("涛", "tao"),
    ("明", "ming"),
    ("超", "chao"),
    ("霞", "xia"),
    ("平", "ping"),
    ("刚", "gang"),
    ("桂", "gui"),
    ("英", "ying"),
    ("华", "hua"),
    ("玉", "yu"),
    ("兰", "lan"),
    ("建", "jian"),
    ("文", "wen"),
    ("斌", "bin"),
    ("宇", "yu"),
    ("浩", "hao"),
    ("晨", "chen"),
    ("雪", "xue"),
];

const STREETS: [&str; 8] = ["中山路", "人民路", "解放大道", "建设路", "和平街", "文化路", "学院路", "长江路"];

/// Passwords that everyone tries first.
const WEAK: [&str; 12] = [
    "123456",
    "111111",
    "password",
    "abc123",
    "qwerty",
    "12345678",
    "woaini1314",
    "1qaz2wsx",
    "a123456",
    "iloveyou",
    "000000",
    "Admin@123",
];

const LOWER: &str = "abcdefghijkmnpqrstuvwxyz";
const UPPER: &str = "ABCDEFGHJKLMNPQRSTUVWXYZ";
const MARKS: &str = "!#*-_=+?";

/// A person and what services know of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Full name in Chinese characters.
    pub name: String,
    /// Login name: the name's reading and three digits.
    pub account: String,
    /// Resident identity number, 18 characters.
    pub resident_id: String,
    /// Mobile number, 11 digits.
    pub mobile: String,
    /// Bank card number, 16 to 19 digits.
    pub bank_card: String,
    /// E-mail address under a domain of the tests' own.
    pub email: String,
    /// Street address.
    pub address: String,
}

impl Person {
    /// Invents a person.
    pub fn new(rng: &mut Rng) -> Self {
        let (surname, reading) = rng.one_of(&SURNAMES);
        let mut name = String::from(surname);
        let mut account = String::from(reading);
        for _ in 0..1 + rng.below(2) {
            let (character, reading) = rng.one_of(&GIVEN);
            name.push_str(character);
            account.push_str(reading);
        }
        account.push_str(&rng.digits(3));
        Person {
            name,
            resident_id: resident_id(rng),
            mobile: mobile(rng),
            bank_card: bank_card(rng),
            email: format!("{account}@mail.spyhop-test.cn"),
            address: format!("上海市浦东新区{}{}号{}室", rng.one_of(&STREETS), rng.range(1..999), rng.range(101..2802)),
            account,
        }
    }

    /// `count` people.
    pub fn many(rng: &mut Rng, count: usize) -> Vec<Person> {
        (0..count).map(|_| Person::new(rng)).collect()
    }

    /// The same person as a careful service shows them: `王*`, `110101********123X`, `138****8000`,
    /// `622202*********1234`, `w***@…`. The account stays.
    pub fn masked(&self) -> Person {
        let (user, domain) = self.email.split_once('@').unwrap_or((&self.email, ""));
        Person {
            name: mask(&self.name, 1, 0),
            account: self.account.clone(),
            resident_id: mask(&self.resident_id, 6, 4),
            mobile: mask(&self.mobile, 3, 4),
            bank_card: mask(&self.bank_card, 6, 4),
            email: format!("{}***@{domain}", user.chars().take(1).collect::<String>()),
            address: mask(&self.address, 6, 0),
        }
    }
}

/// `text` with all but the first `head` and last `tail` characters as asterisks.
pub fn mask(text: &str, head: usize, tail: usize) -> String {
    let len = text.chars().count();
    let shown = |at: usize| at < head || at + tail >= len;
    text.chars().enumerate().map(|(at, c)| if shown(at) { c } else { '*' }).collect()
}

/// The check character of the first 17 digits (GB 11643-1999, ISO 7064 mod 11-2).
pub fn resident_id_check(digits: &str) -> char {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let sum: u32 =
        digits.chars().filter_map(|c| c.to_digit(10)).zip(WEIGHTS).map(|(digit, weight)| digit * weight).sum();
    char::from(b"10X98765432"[(sum % 11) as usize])
}

/// A resident identity number: county, birthday 1950 to 2005, sequence, check character.
pub fn resident_id(rng: &mut Rng) -> String {
    let mut out = format!(
        "{}{}{:02}{:02}{:03}",
        rng.one_of(&REGIONS),
        rng.range(1950..2006),
        rng.range(1..13),
        // Every month has 28 days.
        rng.range(1..29),
        rng.range(1..1000),
    );
    out.push(resident_id_check(&out));
    out
}

/// A mobile number in an allotted segment.
pub fn mobile(rng: &mut Rng) -> String {
    format!("{}{}", rng.one_of(&SEGMENTS), rng.digits(8))
}

/// The digit that makes `digits` and itself pass Luhn's check (ISO/IEC 7812-1, annex B).
pub fn luhn_check(digits: &str) -> char {
    let sum: u32 = digits
        .chars()
        .rev()
        .filter_map(|c| c.to_digit(10))
        .enumerate()
        .map(|(at, digit)| if at % 2 == 0 { digit * 2 / 10 + digit * 2 % 10 } else { digit })
        .sum();
    char::from_digit((10 - sum % 10) % 10, 10).unwrap_or('0')
}

/// A bank card number with a bank's prefix.
pub fn bank_card(rng: &mut Rng) -> String {
    let (prefix, len) = rng.one_of(&BINS);
    let mut out = format!("{prefix}{}", rng.digits(len - prefix.len() - 1));
    out.push(luhn_check(&out));
    out
}

/// A password of 16 characters that no rule calls weak.
pub fn strong_password(rng: &mut Rng) -> String {
    let mut out: Vec<char> = [(LOWER, 6), (UPPER, 4), ("23456789", 4), (MARKS, 2)]
        .iter()
        .flat_map(|(alphabet, len)| rng.text(alphabet, *len).chars().collect::<Vec<_>>())
        .collect();
    rng.shuffle(&mut out);
    out.into_iter().collect()
}

/// A password from everybody's list.
pub fn weak_password(rng: &mut Rng) -> &'static str {
    rng.one_of(&WEAK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_pass_the_checks_of_their_kinds() {
        // The example of the standard, and the well-known example of Luhn's check.
        assert_eq!(resident_id_check("11010519491231002"), 'X');
        assert_eq!(luhn_check("7992739871"), '3');
        let mut rng = Rng::new(11);
        let mut lengths = std::collections::BTreeSet::new();
        for person in Person::many(&mut rng, 500) {
            assert_eq!(person.resident_id.len(), 18);
            assert!(person.resident_id.ends_with(resident_id_check(&person.resident_id[..17])));
            assert_eq!(person.mobile.len(), 11);
            let (digits, check) = person.bank_card.split_at(person.bank_card.len() - 1);
            assert!(check.starts_with(luhn_check(digits)));
            lengths.insert(person.bank_card.len());
            assert!((2..=4).contains(&person.name.chars().count()));
        }
        assert_eq!(lengths.into_iter().collect::<Vec<_>>(), [16, 17, 18, 19]);
    }

    #[test]
    fn masks_hide_the_middle() {
        let person = Person { mobile: "13812348000".into(), name: "王小明".into(), ..Person::new(&mut Rng::new(1)) };
        let masked = person.masked();
        assert_eq!((&*masked.mobile, &*masked.name), ("138****8000", "王**"));
        assert!(masked.email.contains("***@") && masked.resident_id[6..14].chars().all(|c| c == '*'));
    }

    #[test]
    fn people_and_passwords_follow_from_the_seed() {
        assert_eq!(Person::many(&mut Rng::new(2), 9), Person::many(&mut Rng::new(2), 9));
        assert_ne!(Person::new(&mut Rng::new(2)), Person::new(&mut Rng::new(3)));
        let strong = strong_password(&mut Rng::new(4));
        assert_eq!(strong.len(), 16);
        assert!(WEAK.contains(&weak_password(&mut Rng::new(4))));
    }
}
