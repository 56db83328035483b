//! Ways to reach a person: mobile number, e-mail address.

use spyhop_model::{Category, DataType, Form, Grade, Personal, Text};

use super::mask::{generic_mask, shown};
use super::reading::{Readings, Spot, Written};
use super::tables::TLDS;
use super::validators::{is_trivial, mobile as check};
use super::{Candidate, Type, TypeId, in_lower_case};
use crate::walk::LeafKind;

/// Mobile number of mainland China.
pub(super) static MOBILE: Type = Type {
    strong: &[
        "mobile",
        "mobilephone",
        "mobileno",
        "mobilenumber",
        "phone",
        "phoneno",
        "phonenum",
        "phonenumber",
        "cellphone",
        "cell",
        "tel",
        "telno",
        "telephone",
        "telephonenumber",
        "contactphone",
        "msisdn",
        "sjh",
        "sjhm",
        "shouji",
        "shoujihao",
        "lxdh",
        "lxfs",
        "dianhua",
        "手机",
        "手机号",
        "手机号码",
        "电话",
        "电话号码",
        "联系方式",
        "联系电话",
        "预留手机",
        "移动电话",
        "手機",
        "手機號",
        "手機號碼",
        "電話",
        "電話號碼",
        "聯絡電話",
        "聯繫電話",
        "聯絡方式",
        "聯繫方式",
        "行動電話",
        "流動電話",
    ],
    medium: &["contact", "contacts", "linkman", "receiver", "联系人"],
    numeric: true,
    subject: 3,
    canonical: |value| {
        if value.len() == 11 && value.bytes().all(|b| b.is_ascii_digit()) {
            return value.into();
        }
        let digits: String = value.chars().filter(char::is_ascii_digit).collect();
        digits.get(digits.len().saturating_sub(11)..).unwrap_or(&digits).to_owned().into()
    },
    mask: |value| {
        let compact: Vec<char> = value.chars().filter(|c| !matches!(c, ' ' | '-' | '+' | '(' | ')')).collect();
        let number = compact.get(compact.len().saturating_sub(11)..).unwrap_or_default();
        shown(number, 3, 4, 4)
    },
    ..Type::new(DataType::new(
        "cn_mobile",
        Text { en: "Chinese mobile number", zh: "手机号" },
        Category::Contact,
        Grade::L3,
        Personal::Personal,
    ))
};

/// E-mail address.
pub(super) static EMAIL: Type = Type {
    strong: &[
        "email",
        "mail",
        "emailaddress",
        "mailaddress",
        "yx",
        "youxiang",
        "邮箱",
        "电子邮件",
        "电子邮箱",
        "郵箱",
        "電郵",
        "電子郵件",
        "電子郵箱",
    ],
    medium: &["account", "username", "loginname", "contact"],
    subject: 5,
    canonical: |value| in_lower_case(value.trim()),
    mask: |value| match value.trim().rsplit_once('@') {
        Some((local, domain)) => {
            let first = local.chars().next().filter(|_| local.chars().count() > 1);
            format!("{}***@{domain}", first.map(String::from).unwrap_or_default())
        }
        None => generic_mask(value),
    },
    ..Type::new(DataType::new(
        "email",
        Text { en: "e-mail address", zh: "电子邮箱" },
        Category::Contact,
        Grade::L2,
        Personal::Personal,
    ))
};

/// Telephone numbers.
pub(super) fn number(spot: &Spot<'_>, out: &mut Readings) {
    let digits = spot.compact;
    match digits.len() {
        // Eleven digits in other groups are numbers one after the other.
        11 if spot.written == Written::Grouped && spot.groups != [3, 4, 4] => {}
        11 if !spot.plus || spot.written == Written::Grouped => out.add(mobile(spot, digits, spot.written)),
        13 | 15
            if digits.strip_prefix(b"00").unwrap_or(digits).starts_with(b"86")
                && (digits.len() == 15) == digits.starts_with(b"00") =>
        {
            out.add(mobile(spot, digits.get(digits.len() - 11..).unwrap_or_default(), Written::Grouped));
        }
        _ => {}
    }
}

/// Eleven digits, together or with a country code or in groups of 3, 4, 4.
fn mobile(spot: &Spot<'_>, digits: &[u8], written: Written) -> Option<Candidate> {
    let allotted = check(digits)?;
    let base = match (written, spot.scan.kind) {
        (Written::Grouped, _) => 60,
        (_, LeafKind::Number) => 25,
        _ => 40,
    };
    let mut candidate = spot.candidate(TypeId::MOBILE, base + if allotted { 15 } else { -30 });
    candidate.test_value = digits == b"13800138000" || is_trivial(digits.get(1..).unwrap_or_default());
    Some(candidate)
}

/// Endings of file names, which turn `logo@2x.png` into something like an address.
fn is_file_ending(top: &[u8]) -> bool {
    matches!(
        top,
        b"png"
            | b"jpg"
            | b"jpeg"
            | b"gif"
            | b"svg"
            | b"webp"
            | b"ico"
            | b"bmp"
            | b"js"
            | b"mjs"
            | b"css"
            | b"scss"
            | b"less"
            | b"html"
            | b"htm"
            | b"json"
            | b"xml"
            | b"txt"
            | b"pdf"
            | b"gz"
            | b"woff"
            | b"ttf"
            | b"eot"
            | b"mp"
            | b"avif"
            | b"jsx"
            | b"tsx"
            | b"vue"
            | b"ts"
    )
}

/// Endings of file names that are also top-level domains: `backup@site.zip`, `icons@v2.sh`. Addresses there are believed
/// where the name before has more than a few characters and no digit.
fn is_file_ending_and_domain(top: &[u8]) -> bool {
    matches!(
        top,
        b"zip"
            | b"mov"
            | b"map"
            | b"py"
            | b"sh"
            | b"rs"
            | b"pl"
            | b"md"
            | b"app"
            | b"cab"
            | b"bin"
            | b"so"
            | b"ps"
            | b"cc"
            | b"java"
            | b"swift"
    )
}

/// Addresses for documentation (RFC 2606).
const EXAMPLES: &[&str] = &["example.com", "example.org", "example.net"];

/// Longest name before the sign of an address (RFC 5321, section 4.5.3.1.1), and longest domain after it.
const LONGEST_LOCAL: usize = 64;
const LONGEST_DOMAIN: usize = 254;

/// Bytes of the names in addresses.
const fn local_table() -> [bool; 256] {
    let mut table = [false; 256];
    let mut n = 0;
    while n < 256 {
        let b = n as u8;
        table[n] = b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'%' | b'+' | b'-');
        n += 1;
    }
    table
}
static IS_LOCAL: [bool; 256] = local_table();

/// The address around the `@` at `at`: its span.
fn address(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let after = bytes.get(at + 1..)?;
    // No domain begins otherwise.
    if !after.first().is_some_and(u8::is_ascii_alphanumeric) {
        return None;
    }
    let before = bytes.get(at.saturating_sub(LONGEST_LOCAL + 1)..at)?;
    let length = before.iter().rev().take_while(|b| IS_LOCAL[usize::from(**b)]).count();
    // Leading dots and hyphens are not its own.
    let mut start = at - length;
    while bytes.get(start).is_some_and(|b| matches!(b, b'.' | b'_' | b'%' | b'+' | b'-')) {
        start += 1;
    }
    if length > LONGEST_LOCAL || start >= at || bytes.get(at - 1) == Some(&b'.') {
        return None;
    }
    let previous = start.checked_sub(1).and_then(|p| bytes.get(p)).copied();
    // `https://user@host` and `//user:word@host` are no addresses.
    let is_userinfo = matches!(previous, Some(b'/' | b':')) && {
        let from = start.saturating_sub(64);
        let word = bytes.get(from..start).unwrap_or_default();
        let word = word.rsplit(|b| b.is_ascii_whitespace() || *b == b'"').next().unwrap_or_default();
        word.windows(2).any(|pair| pair == b"//")
    };
    if is_userinfo || matches!(previous, Some(b'*' | b'@' | b'/')) {
        return None;
    }
    let mut length = domain_length(after);
    while length > 0 && matches!(after.get(length - 1), Some(b'.' | b'-')) {
        length -= 1;
    }
    let end = at + 1 + length;
    (!matches!(bytes.get(end), Some(b'_' | b'@' | b'*'))).then_some((start, end))
}

/// Letters, digits, points and hyphens at the beginning.
fn domain_length(bytes: &[u8]) -> usize {
    let is_sign = |b: &&u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-');
    bytes.iter().take(LONGEST_DOMAIN).take_while(is_sign).count()
}

/// Points for the domain of an address; `None` where it is none.
fn domain(domain: &[u8]) -> Option<i16> {
    let mut lower = [0; LONGEST_DOMAIN];
    let lower = lower.get_mut(..domain.len())?;
    lower.copy_from_slice(domain);
    lower.make_ascii_lowercase();
    let point = memchr::memrchr(b'.', lower)?;
    let (before, top) = (lower.get(..point)?, lower.get(point + 1..)?);
    let is_label =
        |label: &[u8]| (1..=63).contains(&label.len()) && label.first() != Some(&b'-') && label.last() != Some(&b'-');
    if !(2..=24).contains(&top.len())
        || !top.iter().all(u8::is_ascii_lowercase)
        || !before.split(|b| *b == b'.').all(is_label)
    {
        return None;
    }
    if is_file_ending(top) {
        return None;
    }
    let last = before.rsplit(|b| *b == b'.').next().unwrap_or_default();
    let is_file = is_file_ending_and_domain(top) && (last.len() < 4 || last.iter().any(u8::is_ascii_digit));
    Some(match top.len() == 2 || TLDS.binary_search_by(|known| known.as_bytes().cmp(top)).is_ok() {
        true if is_file => 50,
        true => 75,
        false => 50,
    })
}

/// The e-mail address around the `@` at `at`.
pub(super) fn email(bytes: &[u8], at: usize, text: bool) -> Option<Candidate> {
    let (start, end) = address(bytes, at)?;
    let name = bytes.get(at + 1..end)?;
    let points = domain(name)?;
    let is_example = EXAMPLES.iter().any(|example| {
        let at = name.len().checked_sub(example.len());
        at.is_some_and(|at| {
            name.get(at..).is_some_and(|tail| tail.eq_ignore_ascii_case(example.as_bytes()))
                && (at == 0 || name.get(at - 1) == Some(&b'.'))
        })
    });
    let points = points - if text { 10 } else { 0 };
    (!is_example).then(|| Candidate::new(TypeId::EMAIL, Form::Full, (start, end), points))
}

/// Whether what follows the `@` at `at` is a domain.
pub(super) fn is_domain(bytes: &[u8], at: usize) -> Option<usize> {
    let after = bytes.get(at + 1..)?;
    let length = domain_length(after);
    domain(after.get(..length)?).map(|_| at + 1 + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let found = |text: &str| {
            let at = text.find('@').unwrap();
            email(text.as_bytes(), at, false)
                .map(|c| (text[c.start..c.end].to_owned(), c.confidence(Default::default(), Default::default())))
        };
        assert_eq!(found("<a.b@qq.com>."), Some(("a.b@qq.com".into(), 75)));
        assert_eq!(found("ann@museum.photography"), Some(("ann@museum.photography".into(), 75)));
        assert_eq!(found("ann@company.sh"), Some(("ann@company.sh".into(), 75)));
        assert_eq!(found("icons@v2.sh"), Some(("icons@v2.sh".into(), 50)));
        assert_eq!(found("a@x.unknownzone"), Some(("a@x.unknownzone".into(), 50)));
        for none in [
            "a@mail.example.com",
            "a@example.org",
            "logo@2x.png",
            "npm@1.2",
            "https://user@host.com/",
            "ftp://u:p@host.com",
            "@a.com",
            "a@b",
            "a@-b.com",
        ] {
            assert_eq!(found(none), None, "{none}");
        }
        assert_eq!((MOBILE.canonical)("+86 138-0013-8000"), "13800138000");
    }
}
