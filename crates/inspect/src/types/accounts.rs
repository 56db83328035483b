//! Accounts of a person at services and insurances.

use std::sync::LazyLock;

use memchr::memmem::Finder;
use spyhop_model::{Category, DataType, Form, Grade, Personal, Text};

use super::mask::shown;
use super::reading::{Readings, Spot};
use super::validators::{is_trivial, mobile};
use super::{Candidate, Type, TypeId};
use crate::walk::LeafKind;

/// An account at a service.
const fn service(id: &'static str, name: Text) -> Type {
    Type {
        canonical: super::as_written,
        mask: |value| shown(&value.chars().collect::<Vec<_>>(), 1, 1, 3),
        ..Type::new(DataType::new(id, name, Category::Contact, Grade::L2, Personal::Personal))
    }
}

/// Account name at WeChat.
pub(super) static WECHAT_ID: Type = Type {
    strong: &[
        "wechat",
        "wechatid",
        "wechatno",
        "wechatnum",
        "wechatnumber",
        "wechataccount",
        "weixin",
        "weixinid",
        "weixinno",
        "weixinhao",
        "wxid",
        "wxno",
        "wxh",
        "wxhao",
        "微信号",
        "微信账号",
        "微信號",
        "微信",
    ],
    whole: &["wx"],
    strong_points: (35, 5),
    han_label: 35,
    named: Some(wechat),
    canonical: super::in_lower_case,
    subject: 8,
    ..service("wechat_id", Text { en: "WeChat account", zh: "微信号" })
};

/// A user's identifier towards one application of WeChat.
pub(super) static OPENID: Type = Type {
    strong: &["openid", "wxopenid", "wechatopenid", "weixinopenid", "mpopenid", "maopenid", "touser"],
    strong_points: (35, 25),
    named: Some(open_id),
    subject: 6,
    ..service("openid", Text { en: "open identifier", zh: "OpenID" })
};

/// A user's identifier towards all applications of one company at WeChat.
pub(super) static UNIONID: Type = Type {
    strong: &["unionid", "wxunionid", "wechatunionid", "weixinunionid"],
    strong_points: (35, 25),
    named: Some(open_id),
    subject: 6,
    ..service("unionid", Text { en: "union identifier", zh: "UnionID" })
};

/// Number of a QQ account.
pub(super) static QQ: Type = Type {
    strong: &["qq", "qqno", "qqnum", "qqnumber", "qqid", "qqhao", "qqhaoma", "qq号", "qq号码", "qq號", "扣扣号"],
    strong_points: (35, 5),
    han_label: 35,
    named: Some(qq),
    subject: 8,
    mask: |value| shown(&value.chars().collect::<Vec<_>>(), 2, 2, 1),
    ..service("qq", Text { en: "QQ number", zh: "QQ号" })
};

/// User number at Alipay.
pub(super) static ALIPAY_ID: Type = Type {
    strong: &[
        "alipayid",
        "alipayuserid",
        "alipayuid",
        "alipayaccount",
        "alipay",
        "buyerid",
        "buyeruserid",
        "sellerid",
        "zfbzh",
        "zhifubao",
        "支付宝",
        "支付宝账号",
        "支付宝用户号",
        "支付寶賬號",
    ],
    medium: &["userid", "uid", "payer", "payee"],
    numeric: true,
    subject: 8,
    mask: |value| shown(&value.chars().collect::<Vec<_>>(), 4, 2, 4),
    ..service("alipay_id", Text { en: "Alipay user number", zh: "支付宝账号" })
};

/// An account at an insurance or fund of the state.
const fn insurance(id: &'static str, name: Text) -> Type {
    Type {
        strong_points: (35, 40),
        named: Some(insurance_number),
        subject: 8,
        mask: |value| shown(&value.chars().collect::<Vec<_>>(), 0, 4, 4),
        ..Type::new(DataType::new(id, name, Category::Financial, Grade::L4, Personal::Sensitive))
    }
}

/// Social security number.
pub(super) static SOCIAL_SECURITY: Type = Type {
    strong: &[
        "socialsecurityno",
        "socialsecuritynum",
        "socialsecuritycard",
        "socialsecuritycardno",
        "socialsecurityaccount",
        "socialinsuranceno",
        "socialinsurancenum",
        "sbh",
        "sbkh",
        "sbzh",
        "sbbh",
        "shbzh",
        "shbzhm",
        "shebaohao",
        "shebaokahao",
        "社保号",
        "社保卡号",
        "社保编号",
        "社保账号",
        "社会保障号",
        "社会保障号码",
        "社会保障卡号",
        "社会保险号",
        "社保電腦號",
        "社保卡",
    ],
    ..insurance("social_security", Text { en: "social security number", zh: "社保号" })
};

/// Account of the housing provident fund.
pub(super) static PROVIDENT_FUND: Type = Type {
    strong: &[
        "providentfundno",
        "providentfundaccount",
        "providentfundnum",
        "providentfundid",
        "housingfundaccount",
        "housingfundno",
        "accumulationfundno",
        "accumulationfundaccount",
        "gjjzh",
        "gjjh",
        "gongjijinzhanghao",
        "公积金账号",
        "公积金帐号",
        "公积金号",
        "公积金个人账号",
        "公積金賬號",
    ],
    ..insurance("provident_fund", Text { en: "housing provident fund account", zh: "公积金账号" })
};

/// Medical insurance number.
pub(super) static MEDICAL_INSURANCE: Type = Type {
    strong: &[
        "medicalinsuranceno",
        "medicalinsurancenum",
        "medicalinsurancecard",
        "medicalinsurancecardno",
        "medinsno",
        "healthinsuranceno",
        "healthcardno",
        "insuredno",
        "ybkh",
        "ybh",
        "ybzh",
        "ybbh",
        "yibaohao",
        "yibaokahao",
        "医保号",
        "医保卡号",
        "医保编号",
        "医保账号",
        "医疗保险号",
        "医保卡",
        "醫保卡號",
    ],
    ..insurance("medical_insurance", Text { en: "medical insurance number", zh: "医保号" })
};

/// Words under the name of a WeChat account that are none.
const NO_ACCOUNTS: &[&str] = &[
    "wechat",
    "weixin",
    "enabled",
    "disabled",
    "default",
    "success",
    "unknown",
    "string",
    "public",
    "normal",
    "account",
    "wechat_pay",
    "wechatpay",
    "enable",
    "disable",
    "wxpay",
    "online",
    "offline",
    "mini_program",
    "miniprogram",
    "native",
    "qrcode",
    "unbind",
    "binded",
    "official",
    "oauth2",
];

/// A letter, then 5 to 19 letters, digits, hyphens or underscores; no application's identifier.
fn wechat(value: &str, kind: LeafKind) -> Option<i16> {
    let bytes = value.as_bytes();
    let fits = kind == LeafKind::Text
        && (6..=20).contains(&bytes.len())
        && bytes.first().is_some_and(u8::is_ascii_alphabetic)
        && bytes.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    let is_hex = |rest: Option<&str>, length: usize| {
        rest.is_some_and(|rest| rest.len() == length && rest.bytes().all(|b| b.is_ascii_hexdigit()))
    };
    let is_application = is_hex(value.strip_prefix("wx"), 16) || is_hex(value.strip_prefix("gh_"), 12);
    if !fits || is_application || NO_ACCOUNTS.iter().any(|word| value.eq_ignore_ascii_case(word)) {
        return None;
    }
    // Letters alone may be a word, and `lineCap` is a name in a program.
    let is_plain = bytes.iter().all(u8::is_ascii_alphabetic);
    let is_mixed = is_plain && bytes.iter().skip(1).any(u8::is_ascii_uppercase);
    Some(match (is_wxid(bytes), is_mixed, is_plain) {
        (true, ..) => 70,
        (_, true, _) => 10,
        (.., true) => 25,
        _ => 30,
    })
}

/// The prefix of account names that WeChat gives itself.
pub(super) const WXID: &[u8] = b"wxid_";

/// An account name that WeChat gave: the prefix and 10 to 17 small letters and digits.
fn is_wxid(value: &[u8]) -> bool {
    let rest = value.strip_prefix(WXID).unwrap_or_default();
    (10..=17).contains(&rest.len()) && rest.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

/// Whether a value may hold one: of its signs `_` is the rarest.
pub(super) fn is_in(value: &[u8]) -> bool {
    memchr::memchr(b'_', value).is_some_and(|at| value.get(..=at).is_some_and(|head| head.ends_with(WXID)))
}

/// A whole value that WeChat gave as an account's name.
pub(super) fn whole(value: &str, out: &mut Readings) {
    if is_wxid(value.as_bytes()) {
        out.push(Candidate::new(TypeId::WECHAT_ID, Form::Full, (0, value.len()), 70));
    }
}

/// Such names in a text.
pub(super) fn in_text(value: &str, emit: &mut dyn FnMut(&[Candidate])) {
    static PREFIX: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(WXID));
    let bytes = value.as_bytes();
    for at in PREFIX.find_iter(bytes) {
        let rest = bytes.get(at..).unwrap_or_default();
        let length = rest.iter().take(24).take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
        let before = at.checked_sub(1).and_then(|before| bytes.get(before));
        let is_bound = before.is_none_or(|b| !b.is_ascii_alphanumeric() && !matches!(b, b'_' | b'-'));
        if is_bound && is_wxid(rest.get(..length).unwrap_or_default()) {
            emit(&[Candidate::new(TypeId::WECHAT_ID, Form::Full, (at, at + length), 70)]);
        }
    }
}

/// 28 characters that begin with `o`, of WeChat; 32 hexadecimal digits, of QQ.
fn open_id(value: &str, kind: LeafKind) -> Option<i16> {
    let bytes = value.as_bytes();
    let sign = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    match bytes.len() {
        28 if kind == LeafKind::Text && bytes.first() == Some(&b'o') && bytes.iter().all(sign) => Some(40),
        32 if kind == LeafKind::Text && bytes.iter().all(u8::is_ascii_hexdigit) => Some(30),
        _ => None,
    }
}

/// 5 to 11 digits; no mobile number.
fn qq(value: &str, kind: LeafKind) -> Option<i16> {
    let bytes = value.as_bytes();
    let fits = kind != LeafKind::Word
        && (5..=11).contains(&bytes.len())
        && bytes.iter().all(u8::is_ascii_digit)
        && bytes.first() != Some(&b'0');
    (fits && mobile(bytes).is_none() && !is_trivial(bytes)).then_some(30)
}

/// 8 to 20 letters and digits, most of them digits.
fn insurance_number(value: &str, kind: LeafKind) -> Option<i16> {
    let bytes = value.as_bytes();
    let digits = bytes.iter().filter(|b| b.is_ascii_digit()).count();
    let fits = kind != LeafKind::Word
        && (8..=20).contains(&bytes.len())
        && bytes.iter().all(u8::is_ascii_alphanumeric)
        && digits >= 6
        && digits * 2 > bytes.len();
    (fits && !is_trivial(bytes)).then_some(30)
}

/// Numbers of accounts at services.
pub(super) fn number(spot: &Spot<'_>, out: &mut Readings) {
    if spot.compact.len() == 16 && spot.is_number() && !spot.plus && spot.compact.starts_with(b"2088") {
        let mut found = spot.candidate(TypeId::ALIPAY_ID, 45 - spot.unquoted());
        found.form = Form::Full;
        out.push(Candidate { test_value: is_trivial(spot.compact), ..found });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_under_their_names() {
        let text = LeafKind::Text;
        assert_eq!(wechat("zhangsan_1990", text), Some(30));
        assert_eq!(wechat("wxid_8f3k2l1m9n0p22", text), Some(70));
        assert_eq!((wechat("lilyzhang", text), wechat("lineCap", text)), (Some(25), Some(10)));
        for none in [
            "wx1a2b3c4d5e6f7a8b",
            "gh_0123456789ab",
            "enabled",
            "WeChat",
            "a1",
            "微信",
            "https://u.wechat.com/x",
            "1abcdef",
        ] {
            assert_eq!(wechat(none, text), None, "{none}");
        }
        assert_eq!(open_id("oUpF8uMuAJO_M2pxb1Q9zNjWeS6o", text), Some(40));
        assert_eq!(open_id("xUpF8uMuAJO_M2pxb1Q9zNjWeS6o", text), None);
        assert_eq!(qq("10086123", LeafKind::Number), Some(30));
        for none in ["1234", "13912345678", "012345", "11111", "123456", "true", "-"] {
            assert_eq!(qq(none, text), None, "{none}");
        }
        assert_eq!(insurance_number("SB31010912345", text), Some(30));
        for none in ["abcdefghij", "1", "1200.50", "00000000", "2023-01-01"] {
            assert_eq!(insurance_number(none, text), None, "{none}");
        }
        assert_eq!((QQ.mask)("12345689"), "12****89");
    }
}
