//! How soon a password would be guessed. Judged in memory where it passed by; only the verdict leaves.
//!
//! The rules stand in order, the first that hits names the reason. Lists first, since guessers try lists first; then
//! what is built from the user's own name; then what people's fingers and calendars make; then the patterns that pass
//! every complexity rule and stand in no list (`Admin@123`, `zhangwei123`, `Acme@2024`); an estimator at last.

mod pattern;
mod pinyin;
mod shape;

use std::cell::RefCell;
use std::collections::HashMap;

use spyhop_model::Weakness;

/// Sorted lower-case lines.
const COMMON: &str = include_str!("../data/passwords.txt");
/// User, password, products.
const DEFAULTS: &str = include_str!("../data/default_credentials.tsv");

/// Passwords with fewer characters are short.
const SHORTEST: usize = 8;
/// Of a longer password only so many characters are judged, as bcrypt does.
const LONGEST: usize = 72;
/// From this many characters on, text of [`RANDOM_BITS`] bits a character is never weak: a key, a digest, a token.
const RANDOM_FROM: usize = 32;
const RANDOM_BITS: f64 = 3.5;
/// A name within a password is what the password is made of if fewer characters than this are left without it.
const ENOUGH_LEFT: usize = 8;
/// Digits alone are guessed by counting unless there are at least this many.
const ENOUGH_DIGITS: usize = 12;
/// Up to so many guesses, as a power of ten, a password is guessable; zxcvbn's score 2 and below.
const GUESSABLE: f64 = 8.0;
/// The estimator looks at all parts of a text, so it is asked about so many characters at a time.
const ESTIMATED: usize = 20;
/// It also tries all combinations of what digits and signs may stand for. Nobody writes one letter in two ways: of two
/// signs in a group the later ones are but signs.
const SPELLINGS: &[&str] = &["4@", "({[<", "1!|", "5$", "7+", "17|"];

/// Judges passwords. Built once, shared by reading.
pub struct Strength {
    /// User and password in lower case, sorted.
    defaults: Vec<(String, String)>,
}

impl Default for Strength {
    fn default() -> Strength {
        Strength::new()
    }
}

impl std::fmt::Debug for Strength {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Strength").field("defaults", &self.defaults.len()).finish()
    }
}

impl Strength {
    /// Reads the lists.
    pub fn new() -> Strength {
        let rows = DEFAULTS.lines().filter_map(|line| {
            let mut columns = line.split('\t');
            Some((columns.next()?.to_lowercase(), columns.next()?.to_lowercase()))
        });
        let mut defaults: Vec<_> = rows.collect();
        defaults.sort_unstable();
        Strength { defaults }
    }

    /// Why `password` is weak for `user` on `host` (as in the Host field), or `None` if no reason is known.
    /// Costs up to some hundred microseconds when the estimator has to be asked.
    pub fn judge(&self, password: &str, user: Option<&str>, host: Option<&str>) -> Option<Weakness> {
        if password.is_empty() {
            return Some(Weakness::Empty);
        }
        if password.chars().nth(RANDOM_FROM - 1).is_some() && bits_per_char(password) >= RANDOM_BITS {
            return None;
        }
        let password: String = password.chars().take(LONGEST).collect();
        let lower = password.to_lowercase();
        let names = user.map(names_of).unwrap_or_default();
        let company = host.and_then(company_word);

        let rules: [(Weakness, &dyn Fn() -> bool); 9] = [
            (Weakness::Short, &|| password.chars().nth(SHORTEST - 1).is_none()),
            (Weakness::Common, &|| is_common(&lower)),
            (Weakness::DefaultCredential, &|| self.is_default(&lower, user)),
            (Weakness::SameAsUser, &|| is_built_from(&lower, &names)),
            (Weakness::KeyboardWalk, &|| shape::is_keyboard_walk(&lower)),
            (Weakness::Sequence, &|| shape::is_sequence(&lower)),
            (Weakness::Date, &|| pattern::is_dated(&lower)),
            (Weakness::Pattern, &|| pattern::is_pattern(&lower, company.as_deref())),
            (Weakness::Guessable, &|| is_guessable(&password, &names, company.as_deref())),
        ];
        rules.iter().find(|(_, holds)| holds()).map(|(weakness, _)| *weakness)
    }

    fn is_default(&self, lower: &str, user: Option<&str>) -> bool {
        // Rows without a user are of devices that ask for none.
        let user = user.unwrap_or_default().trim().to_lowercase();
        let at = self.defaults.binary_search_by(|(u, p)| (u.as_str(), p.as_str()).cmp(&(user.as_str(), lower)));
        at.is_ok()
    }
}

/// Verdicts that are remembered; judging is pure, so forgetting all of them changes nothing.
const JUDGED: usize = 16_384;

/// A worker's memory of verdicts, so that a password that every request repeats is judged once. Of passwords it holds hashes
/// that mean nothing outside this run.
#[derive(Default)]
pub struct Judged {
    known: RefCell<HashMap<u64, Option<Weakness>, ahash::RandomState>>,
}

impl Judged {
    /// As [`Strength::judge`].
    pub fn weakness(
        &self,
        strength: &Strength,
        password: &str,
        user: Option<&str>,
        host: Option<&str>,
    ) -> Option<Weakness> {
        let mut known = self.known.borrow_mut();
        let asked = known.hasher().hash_one((password, user, host));
        if let Some(weakness) = known.get(&asked) {
            return *weakness;
        }
        let weakness = strength.judge(password, user, host);
        if known.len() >= JUDGED {
            known.clear();
        }
        known.insert(asked, weakness);
        weakness
    }
}

/// Shannon's entropy of the characters.
fn bits_per_char(text: &str) -> f64 {
    let mut chars: Vec<char> = text.chars().collect();
    chars.sort_unstable();
    let total = chars.len() as f64;
    let shares = chars.chunk_by(|a, b| a == b).map(|same| same.len() as f64 / total);
    shares.map(|share| -share * share.log2()).sum()
}

fn is_common(lower: &str) -> bool {
    is_listed(lower) || ['l', 'i'].into_iter().any(|one| is_listed(&plain_letters(lower, one)))
}

/// Letters for the digits and signs that stand for them.
fn plain_letters(lower: &str, one: char) -> String {
    let letter = |c: char| match c {
        '@' => 'a',
        '0' => 'o',
        '1' => one,
        '3' => 'e',
        '$' => 's',
        '!' => 'i',
        other => other,
    };
    lower.chars().map(letter).collect()
}

/// Looks for a line by bisection, in place: an index would cost twice the memory of the list.
fn is_listed(word: &str) -> bool {
    let list = COMMON.as_bytes();
    let (mut low, mut high) = (0, list.len());
    // Both stand at the beginning of a line or at the end.
    while low < high {
        let middle = low + (high - low) / 2;
        let before = list.get(low..middle).unwrap_or_default();
        let start = memchr::memrchr(b'\n', before).map_or(low, |at| low + at + 1);
        let rest = list.get(start..high).unwrap_or_default();
        let line = rest.get(..memchr::memchr(b'\n', rest).unwrap_or(rest.len())).unwrap_or_default();
        match line.cmp(word.as_bytes()) {
            std::cmp::Ordering::Equal => return true,
            std::cmp::Ordering::Less => low = start + line.len() + 1,
            std::cmp::Ordering::Greater => high = start,
        }
    }
    false
}

/// What of a user's name may stand in a password: the name, the local part of an address, a number and its tails.
fn names_of(user: &str) -> Vec<String> {
    let user = user.trim().to_lowercase();
    let local = user.split('@').next().unwrap_or_default().to_owned();
    let local = local.rsplit('\\').next().unwrap_or_default().to_owned();
    let digits: String = local.chars().filter(char::is_ascii_digit).collect();
    let tails = [8, 6, 4].iter().filter_map(|tail| digits.len().checked_sub(*tail).and_then(|at| digits.get(at..)));
    let mut names: Vec<String> = tails.map(str::to_owned).collect();
    names.extend([user, local, digits]);
    names.retain(|name| name.chars().count() >= 4);
    names.sort_unstable_by_key(|name| std::cmp::Reverse(name.len()));
    names.dedup();
    names
}

fn is_built_from(lower: &str, names: &[String]) -> bool {
    let left = |name: &String| lower.chars().count().saturating_sub(name.chars().count());
    names.iter().any(|name| {
        let reversed: String = name.chars().rev().collect();
        left(name) < ENOUGH_LEFT && (lower.contains(name.as_str()) || lower.contains(&reversed))
    })
}

/// The word by which the organisation is known: `acme` of `oa.acme.com.cn:8080`; none of an address.
fn company_word(host: &str) -> Option<String> {
    const SECOND_LEVEL: &[&str] = &["com", "net", "org", "gov", "edu", "ac", "co", "mil", "or", "ne", "go"];
    let host = host.trim().split(':').next()?.trim_end_matches('.').to_lowercase();
    let mut labels = host.rsplit('.');
    let top = labels.next()?;
    let second = labels.next();
    let word = match second {
        None => top,
        Some(second) if top.len() == 2 && SECOND_LEVEL.contains(&second) => labels.next()?,
        Some(second) => second,
    };
    let is_word = word.len() >= 3 && word.chars().any(|c| c.is_ascii_alphabetic());
    is_word.then(|| word.to_owned())
}

fn is_guessable(password: &str, names: &[String], company: Option<&str>) -> bool {
    if password.len() < ENOUGH_DIGITS && password.chars().all(|c| c.is_ascii_digit()) {
        return true;
    }
    let known: Vec<&str> = names.iter().map(String::as_str).chain(company).collect();
    let chars: Vec<char> = without_odd_spelling(password);
    // Parts are guessed one after the other: their guesses multiply. Enough is enough.
    let mut guesses = 0.0;
    chars.chunks(ESTIMATED).all(|part| {
        let part: String = part.iter().collect();
        guesses += zxcvbn::zxcvbn(&part, &known).guesses_log10();
        guesses < GUESSABLE
    })
}

/// The characters, with signs that stand for a letter in a second way replaced by one that stands for none.
fn without_odd_spelling(password: &str) -> Vec<char> {
    let second = |c: char| {
        let group = |group: &&&str| {
            let before = group.split(c).next().unwrap_or_default();
            group.contains(c) && before.chars().any(|first| password.contains(first))
        };
        c.is_ascii_punctuation() && SPELLINGS.iter().any(|spelling| group(&spelling))
    };
    password.chars().map(|c| if second(c) { '~' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use Weakness::*;

    #[test]
    fn passwords_are_judged_by_the_first_rule_that_hits() {
        let table: &[(&str, Option<Weakness>)] = &[
            ("", Some(Empty)),
            ("a", Some(Short)),
            ("123456", Some(Short)),
            ("K9#x!q2", Some(Short)),
            ("密码一二三四五", Some(Short)),
            ("password", Some(Common)),
            ("12345678", Some(Common)),
            ("Password", Some(Common)),
            ("PASSWORD1", Some(Common)),
            ("P@ssw0rd", Some(Common)),
            ("p@$$w0rd", Some(Common)),
            ("iloveyou", Some(Common)),
            ("1qaz2wsx", Some(Common)),
            ("!QAZ2wsx", Some(Common)),
            ("qwertyuiop", Some(Common)),
            ("zaq12wsx", Some(Common)),
            ("147258369", Some(Common)),
            ("woaini1314", Some(Common)),
            ("5201314520", Some(Common)),
            ("!QAZ@WSX", Some(Common)),
            ("asdfghjkl;'#", Some(KeyboardWalk)),
            ("3edc4rfv%TGB", Some(KeyboardWalk)),
            ("147258369258", Some(KeyboardWalk)),
            ("Qwertyuio9", Some(KeyboardWalk)),
            ("aaaabbbbcccc", Some(Sequence)),
            ("112233445577", Some(Sequence)),
            ("Abcdef@12345", Some(Sequence)),
            ("0987654321ab", Some(Sequence)),
            ("Tk9#Tk9#Tk9#", Some(Sequence)),
            ("19870615", Some(Date)),
            ("1987-06-15", Some(Date)),
            ("zhang19900307", Some(Date)),
            ("wangwei1990", Some(Date)),
            ("WangWei@1990", Some(Date)),
            ("lxm19881203", Some(Date)),
            ("19900307liu", Some(Date)),
            ("zx900307", Some(Date)),
            ("zhangwei123", Some(Pattern)),
            ("Zhangwei123!", Some(Pattern)),
            ("liuxm@8888", Some(Pattern)),
            ("chenxiaoming520", Some(Pattern)),
            ("ouyangfeng88", Some(Pattern)),
            ("123zhangwei", Some(Pattern)),
            ("woaini5211314", Some(Pattern)),
            ("woainibaobei", Some(Pattern)),
            ("qq20481763", Some(Pattern)),
            ("QQ984651274", Some(Pattern)),
            ("a1234567890", Some(Common)),
            ("Aa123456", Some(Common)),
            ("Aa1314520.", Some(Pattern)),
            ("xyx112233!", Some(Pattern)),
            ("Admin@123", Some(Common)),
            ("Admin@2019!", Some(Pattern)),
            ("admin_888", Some(Pattern)),
            ("Adm1n#1234", Some(Pattern)),
            ("Test#7788", Some(Pattern)),
            ("Root#2580", Some(Pattern)),
            ("Huawei_123!", Some(Pattern)),
            ("Huawei12#$", Some(Common)),
            ("P@ssw0rd2024!", Some(Pattern)),
            ("Passw0rd#321", Some(Pattern)),
            ("Acme@2024", Some(Pattern)),
            ("acme#666!", Some(Pattern)),
            ("13812345678", Some(Pattern)),
            ("zw13812345678", Some(Pattern)),
            ("84629173", Some(Guessable)),
            ("8462917305", Some(Guessable)),
            ("dragonball7", Some(Guessable)),
            ("monkey900307", Some(Guessable)),
            ("butterfly!!", Some(Guessable)),
            ("kX9#mQ2v!Lp3", None),
            ("xJ4&bT8zWq", None),
            ("v7Qm2Zt9Kd4s", None),
            ("aG7$kP2!xR9@", None),
            ("correct horse battery staple", None),
            ("purple-otter-violin-canyon", None),
            ("床前明月光疑是地上霜!42", None),
            ("9f86d081884c7d659a2feaa0c55ad015", None),
            ("e10adc3949ba59abbe56e057f20f883e", None),
            ("U2FsdGVkX1+JzH2x0Yk8mQv3nB7sRt5w", None),
            ("Bk3-tiger!Lantern+08", None),
            ("hG5tYd9sKqWz", None),
            ("jT#94kd!mZ", None),
            ("Wq7!Vx2@Nb5%", None),
        ];
        let strength = Strength::new();
        let judged = |password: &str| strength.judge(password, Some("somebody"), Some("oa.acme.com.cn:8080"));
        let wrong: Vec<_> =
            table.iter().map(|(p, expected)| (p, judged(p), *expected)).filter(|row| row.1 != row.2).collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    #[test]
    fn what_is_built_from_the_users_name_is_told() {
        let table: &[(&str, &str, Option<Weakness>)] = &[
            ("lihaoran", "lihaoran", Some(SameAsUser)),
            ("LiHaoran@1", "lihaoran", Some(SameAsUser)),
            ("naroahil", "lihaoran", Some(SameAsUser)),
            ("j.miller#7", "j.miller@acme.com", Some(SameAsUser)),
            ("zhk45678901", "13945678901", Some(SameAsUser)),
            ("zk678901!", "13945678901", Some(SameAsUser)),
            ("ACME\\E100482", "E100482", Some(SameAsUser)),
            ("Pw-100482", "E100482", Some(SameAsUser)),
            ("lihaoran kX9#mQ2v", "lihaoran", None),
            ("kX9#mQ2v!Lp3", "li", None),
            ("weblogic1", "weblogic", Some(DefaultCredential)),
            ("kX9#mQ2v!Lp3", "", None),
        ];
        let strength = Strength::new();
        let judged = table
            .iter()
            .map(|(password, user, expected)| (password, strength.judge(password, Some(user), None), *expected));
        let wrong: Vec<_> = judged.filter(|row| row.1 != row.2).collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    #[test]
    fn a_vendors_pair_is_weak_only_together() {
        let strength = Strength::new();
        let pair = strength.defaults.iter().find(|(user, password)| {
            user.len() > 3 && strength.judge(password, Some(user), None) == Some(DefaultCredential)
        });
        let (user, password) = pair.expect("some default is not common");
        assert_ne!(strength.judge(password, Some("zzyzx"), None), Some(DefaultCredential), "{user}");
    }

    #[test]
    fn every_line_of_the_list_is_found_and_nothing_else() {
        for line in COMMON.lines().step_by(97).chain(COMMON.lines().last()) {
            assert!(is_listed(line), "{line}");
        }
        for other in ["", "!", "zzzzzzzzzzzzzzzzzz", "passwordd0", "\u{7f}"] {
            assert!(!is_listed(other), "{other}");
        }
    }

    #[test]
    fn the_company_word_is_the_label_people_know() {
        for (host, word) in [
            ("oa.acme.com.cn:8080", Some("acme")),
            ("www.acme.com", Some("acme")),
            ("acme.cn", Some("acme")),
            ("intranet", Some("intranet")),
            ("10.0.0.8:80", None),
            ("[::1]:80", None),
            ("com.cn", None),
            ("", None),
        ] {
            assert_eq!(company_word(host).as_deref(), word, "{host}");
        }
    }

    #[test]
    fn any_text_is_judged() {
        let strength = Strength::new();
        for text in
            ["\u{0}\u{1}\u{2}\u{3}\u{4}\u{5}\u{6}\u{7}", "İİİİİİİİİİ", "🙂🙂🙃🙃🙂🙂🙃🙃", "ǅǅǅǅǅǅǅǅǅ", "ﬀﬀﬀﬀﬀﬀﬀﬀ1"]
        {
            for size in [1, 3, 100] {
                strength.judge(&text.repeat(size), Some(text), Some(text));
            }
        }
    }
}
