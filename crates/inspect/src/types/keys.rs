//! What the name of a value says about its type.
//!
//! A name is split into words (camelCase, snake, kebab, digits, Han runs) and lower-cased; a known name matches one
//! word or several neighbouring words together, never part of a word: `phone` is in `user_phone` and `userPhoneNo`,
//! not in `microphone`.

use std::cell::RefCell;
use std::sync::LazyLock;

use ahash::AHashMap;
use aho_corasick::{AhoCorasick, MatchKind};

use super::remembered::Names;
use super::scan::BY_NAME;
use super::{TYPES, TypeId};

/// A set of types, by index.
pub type TypeSet = u128;

/// Longest name that is looked at, in characters.
const LONGEST: usize = 64;
/// Most words of a name that are joined.
const JOINED: usize = 4;

/// What a name speaks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hints {
    /// Names these types.
    pub strong: TypeSet,
    /// Names their family.
    pub medium: TypeSet,
    /// Names something else that looks like a number of these types.
    pub negative: bool,
}

impl Hints {
    /// Whether it says anything.
    pub fn is_some(self) -> bool {
        self != Hints::default()
    }
}

/// Names of times, counters, amounts, hashes and order numbers (whole words, as above).
const NEGATIVE: &[&str] = &[
    "timestamp",
    "ts",
    "time",
    "gmt",
    "createtime",
    "updatetime",
    "orderno",
    "orderid",
    "ordersn",
    "ordernum",
    "ordernumber",
    "tradeno",
    "tradeid",
    "outtradeno",
    "transactionid",
    "serialno",
    "serialnumber",
    "flowno",
    "traceid",
    "spanid",
    "requestid",
    "msgid",
    "messageid",
    "seq",
    "sequence",
    "version",
    "build",
    "size",
    "length",
    "total",
    "count",
    "offset",
    "width",
    "height",
    "price",
    "amount",
    "hash",
    "sign",
    "signature",
    "nonce",
    "etag",
    "sku",
    "spu",
    "itemid",
    "goodsid",
    "productid",
    "skuid",
    "pid",
    "gid",
    "tid",
    "snowflake",
    "uuid",
    "guid",
    "token",
    "csrf",
    "crc",
    "checksum",
    "barcode",
    "ean",
    "isbn",
    "waybill",
    "waybillno",
    "productcode",
    "productno",
    "itemcode",
    "itemno",
    "partno",
    "partnumber",
    "modelno",
    "modelnumber",
    "batchno",
    "lotno",
    "流水号",
    "订单号",
    "订单编号",
    "交易号",
    "运单号",
    "快递单号",
    "时间",
    "金额",
    "数量",
    "编号",
    "单号",
];

/// Words that make any name with them a negative one: `dateOfX`, `expireAt`, `trackingNo`.
const NEGATIVE_WORDS: &[&str] = &["date", "expire", "expires", "expiry", "expiration", "tracking", "日期"];

/// Words that make of the name of a type whose values only their name tells something else about it: `balanceType`,
/// `passwordStrength`.
const ASIDE: &[&str] = &[
    "type",
    "status",
    "state",
    "flag",
    "code",
    "id",
    "key",
    "url",
    "uri",
    "link",
    "path",
    "src",
    "list",
    "enabled",
    "enable",
    "disabled",
    "required",
    "visible",
    "editable",
    "hint",
    "placeholder",
    "label",
    "title",
    "message",
    "msg",
    "tip",
    "tips",
    "rule",
    "rules",
    "regex",
    "pattern",
    "field",
    "column",
    "format",
    "config",
    "option",
    "options",
    "dict",
    "show",
    "error",
    "policy",
    "strength",
    "expired",
    "reset",
    "changed",
    "change",
    "salt",
    "question",
    "level",
    "rate",
    "ratio",
    "percent",
    "unit",
    "currency",
    "index",
    "icon",
    "color",
    "image",
    "img",
    "desc",
    "description",
    "remark",
    "grade",
    "mode",
    "method",
    "class",
    "style",
    "page",
    "min",
    "max",
    "avg",
    "sum",
    "loadbalance",
    "loadbalancer",
    "whitebalance",
    "appid",
    "switch",
    "range",
    "类型",
    "状态",
    "标志",
    "说明",
    "描述",
    "设置",
    "规则",
    "强度",
    "错误",
    "有效期",
    "有效",
    "提示",
    "是否",
];

/// Words that are written before a name without a border: `userphone`, `custmobile`.
const OWNERS: &[&str] = &[
    "user",
    "cust",
    "customer",
    "member",
    "client",
    "owner",
    "link",
    "login",
    "reg",
    "bind",
    "recv",
    "receiver",
    "receive",
    "consignee",
    "sender",
    "buyer",
    "seller",
    "apply",
    "applicant",
    "patient",
    "contact",
    "home",
    "work",
    "office",
    "company",
    "person",
    "my",
    "new",
    "old",
];

#[derive(Clone, Copy, Default)]
struct Entry {
    strong: TypeSet,
    whole: TypeSet,
    medium: TypeSet,
    negative: bool,
    aside: bool,
}

static NAMES: LazyLock<AHashMap<&'static str, Entry>> = LazyLock::new(|| {
    let mut names: AHashMap<&'static str, Entry> = AHashMap::new();
    for (index, kind) in TYPES.iter().enumerate() {
        let bit = TypeId(index as u8).set();
        for name in kind.strong {
            names.entry(name).or_default().strong |= bit;
        }
        for name in kind.whole {
            names.entry(name).or_default().whole |= bit;
        }
        for name in kind.medium {
            names.entry(name).or_default().medium |= bit;
        }
    }
    // Their own identifiers, as whole names.
    for (index, kind) in TYPES.iter().enumerate().filter(|(index, _)| *index != usize::from(TypeId::SECRET.0)) {
        names.entry(squashed(kind.data.id).leak()).or_default().whole |= TypeId(index as u8).set();
    }
    for name in NEGATIVE.iter().chain(NEGATIVE_WORDS) {
        names.entry(name).or_default().negative = true;
    }
    for name in ASIDE {
        names.entry(name).or_default().aside = true;
    }
    names
});

/// Splits a name; gives the lower-cased words in one string, and where each ends.
fn words(name: &str) -> (String, Vec<usize>) {
    #[derive(PartialEq, Clone, Copy)]
    enum Class {
        Lower,
        Upper,
        Han,
        Other,
    }
    let mut squashed = String::with_capacity(name.len().min(LONGEST * 4));
    let mut ends: Vec<usize> = Vec::new();
    let mut last = Class::Other;
    // Where the run of capitals began, so that `IDCard` is `id`, `card`.
    let mut characters = name.chars().take(LONGEST).peekable();
    while let Some(c) = characters.next() {
        let class = match c {
            'a'..='z' => Class::Lower,
            'A'..='Z' => Class::Upper,
            _ if c.is_ascii() => Class::Other,
            _ => Class::Han,
        };
        let next_is_lower = characters.peek().is_some_and(char::is_ascii_lowercase);
        let border = match (last, class) {
            (Class::Other, _) | (_, Class::Other) => true,
            (Class::Lower, Class::Upper) => true,
            (Class::Upper, Class::Upper) => next_is_lower,
            (Class::Upper, Class::Lower) => false,
            (a, b) => a != b,
        };
        if border && ends.last().copied().unwrap_or(0) < squashed.len() {
            ends.push(squashed.len());
        }
        if class != Class::Other {
            squashed.push(c.to_ascii_lowercase());
        }
        last = class;
    }
    if ends.last().copied().unwrap_or(0) < squashed.len() {
        ends.push(squashed.len());
    }
    (squashed, ends)
}

/// The words of a name, lower-cased and joined, as names are known.
pub(super) fn squashed(name: &str) -> String {
    words(name).0
}

/// What a name says. The head of a name is its last part: `phoneCount` is a count, `orderPhone` a phone.
pub fn hints(name: &str) -> Hints {
    thread_local! {
        /// A pure function's answers: what is remembered changes nothing but the time it takes.
        static KNOWN: RefCell<Names> = RefCell::default();
    }
    KNOWN.with_borrow_mut(|known| known.say(name.as_bytes(), || read(name)))
}

fn read(name: &str) -> Hints {
    let mut found = Hints::default();
    // End and length of the last match of each kind.
    let (mut positive, mut negative, mut aside) = ((0, 0), (0, 0), (0, 0));
    // The same of names with and without payment cards: `idCardNo` and `社保卡号` are no `cardNo`.
    let (mut card, mut no_card) = ((0, 0), (0, 0));
    let mut add = |text: &str, end: usize, is_whole: bool| {
        let Some(entry) = NAMES.get(text) else { return };
        let strong = entry.strong | if is_whole { entry.whole } else { 0 };
        if strong != 0 {
            let last = if strong & TypeId::BANK_CARD.set() != 0 { &mut card } else { &mut no_card };
            *last = (*last).max((end, text.len()));
        }
        if strong | entry.medium != 0 {
            found.strong |= strong;
            found.medium |= entry.medium;
            positive = positive.max((end, text.len()));
        }
        if entry.negative {
            negative = negative.max((end, text.len()));
        }
        if entry.aside {
            aside = aside.max((end, text.len()));
        }
    };
    split(name, &mut add, known_han);
    if no_card.0 == card.0 && no_card.1 > card.1 {
        found.strong &= !TypeId::BANK_CARD.set();
    }
    if aside > positive {
        found.strong &= !*BY_NAME;
    }
    if negative > positive { Hints { negative: true, ..Hints::default() } } else { found }
}

/// Every word of a name and every few neighbouring words together, where each ends, and whether it is the whole name.
pub(super) fn each_word(name: &str, add: &mut impl FnMut(&str, usize, bool)) {
    split(name, add, han);
}

/// Whether a text by itself is a name of something: `余额` is no person.
pub(super) fn is_known(text: &str) -> bool {
    NAMES.contains_key(text)
}

/// Gives the words in a run of Han characters that ends at a place of its name.
type HanWords<F> = fn(&str, usize, &mut F);

fn split<F: FnMut(&str, usize, bool)>(name: &str, add: &mut F, han: HanWords<F>) {
    let (squashed, ends) = words(name);
    let mut start = 0;
    for (index, _) in ends.iter().enumerate() {
        for end in ends.iter().skip(index).take(JOINED).copied() {
            let text = squashed.get(start..end).unwrap_or_default();
            let is_whole = start == 0 && end == squashed.len();
            add(text, end, is_whole);
            if end == ends.get(index).copied().unwrap_or_default() {
                for owner in OWNERS.iter().filter(|_| text.is_ascii()) {
                    if let Some(rest) = text.strip_prefix(owner).filter(|rest| rest.len() > 1) {
                        add(rest, end, false);
                    }
                }
                if !text.is_ascii() {
                    han(text, end, add);
                }
            }
        }
        start = ends.get(index).copied().unwrap_or(start);
    }
}

/// The longest Han word that is looked for in a longer one, in characters.
const LONGEST_WORD: usize = 8;

/// All known names in Chinese.
static HAN_NAMES: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let is_word = |name: &&str| (2..=LONGEST_WORD).contains(&name.chars().count()) && !name.is_ascii();
    let names: Vec<&str> = NAMES.keys().copied().filter(is_word).collect();
    AhoCorasick::builder().match_kind(MatchKind::Standard).build(names).ok()
});

/// Every known word inside, in one pass.
fn known_han(text: &str, end: usize, add: &mut impl FnMut(&str, usize, bool)) {
    let Some(search) = &*HAN_NAMES else { return };
    for word in search.find_overlapping_iter(text).filter(|word| word.len() < text.len()) {
        add(text.get(word.range()).unwrap_or_default(), end - (text.len() - word.end()), false);
    }
}

/// Chinese has no borders between words: every known word inside counts.
fn han(text: &str, end: usize, add: &mut impl FnMut(&str, usize, bool)) {
    let starts: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    for (index, start) in starts.iter().enumerate() {
        for stop in starts.iter().skip(index + 2).take(LONGEST_WORD - 1) {
            if (*start, *stop) != (0, text.len()) {
                add(text.get(*start..*stop).unwrap_or_default(), end - (text.len() - stop), false);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_words_and_joined_words_match_and_parts_do_not() {
        let strong = |name: &str, of: TypeId| hints(name).strong & of.set() != 0;
        for name in
            ["phone", "userPhone", "user_phone_no", "PHONE", "contact-mobile", "mobile2", "客户手机号", "custmobile"]
        {
            assert!(strong(name, TypeId::MOBILE), "{name}");
        }
        for name in ["microphone", "phonetic", "discard", "valid", "xphone", "mobileCount", "phone_time"] {
            assert!(!strong(name, TypeId::MOBILE), "{name}");
        }
        for name in ["idCard", "IDCard", "userIDCardNo", "id_no", "身份证号码", "cert_no", "sfzh"] {
            assert!(strong(name, TypeId::RESIDENT_ID), "{name}");
        }
        assert!(strong("name", TypeId::NAME) && strong("realName", TypeId::NAME) && strong("客户姓名", TypeId::NAME));
        assert!(!strong("productName", TypeId::NAME) && !strong("file_name", TypeId::NAME));
        assert!(
            hints("cardNo").strong & TypeId::BANK_CARD.set() != 0
                && hints("cardNo").medium & TypeId::RESIDENT_ID.set() != 0
        );
    }

    #[test]
    fn names_of_something_about_a_value() {
        let strong = |name: &str, of: TypeId| hints(name).strong & of.set() != 0;
        for (name, of) in [
            ("birthDate", TypeId::DOB),
            ("user_birthday", TypeId::DOB),
            ("maritalStatus", TypeId::MARITAL),
            ("accountBalance", TypeId::BALANCE),
            ("wechatId", TypeId::WECHAT_ID),
            ("QQ号", TypeId::QQ),
            ("smsCode", TypeId::SMS_CODE),
            ("收货地址", TypeId::ADDRESS),
            ("xb", TypeId::GENDER),
        ] {
            assert!(strong(name, of), "{name}");
        }
        for (name, of) in [
            ("balanceType", TypeId::BALANCE),
            ("loadBalance", TypeId::BALANCE),
            ("passwordStrength", TypeId::ACCOUNT_PASSWORD),
            ("wxAppId", TypeId::WECHAT_ID),
            ("educationId", TypeId::EDUCATION),
            ("balanceTime", TypeId::BALANCE),
            ("gzh", TypeId::INCOME),
        ] {
            assert!(!strong(name, of), "{name}");
        }
    }

    #[test]
    fn negative_names() {
        for name in ["createTime", "order_no", "outTradeNo", "payDate", "订单号", "trackingNumber", "ts", "phoneHash"]
        {
            assert!(hints(name).negative, "{name}");
        }
        for name in ["orderPhone", "sometimes", "id", "订单手机号"] {
            assert!(!hints(name).negative, "{name}");
        }
    }
}
