//! What proves that somebody is who they say: passwords and one-time codes. Requests carry them as a matter of course;
//! what they mean in which half of an exchange is for the reader of the observation to say.

use spyhop_model::{Category, DataType, Form, Grade, Personal, Text};

use super::identity::is_han;
use super::{Candidate, Type, TypeId};
use crate::walk::LeafKind;

/// Password of an account, plain or hashed.
pub(super) static ACCOUNT_PASSWORD: Type = Type {
    strong: &[
        "password",
        "passwd",
        "pwd",
        "userpassword",
        "userpwd",
        "loginpassword",
        "loginpwd",
        "loginpass",
        "paypwd",
        "paypassword",
        "paymentpassword",
        "tradepwd",
        "tradepassword",
        "transpwd",
        "transpassword",
        "passwordhash",
        "pwdhash",
        "hashedpassword",
        "encryptedpassword",
        "initpassword",
        "initialpassword",
        "defaultpassword",
        "plainpassword",
        "secondpassword",
        "mima",
        "denglumima",
        "zhifumima",
        "密码",
        "口令",
        "登录密码",
        "支付密码",
        "交易密码",
        "初始密码",
        "密碼",
        "登入密碼",
    ],
    whole: &["pass", "mm", "kl", "userpass"],
    strong_points: (35, 0),
    han_label: 25,
    named: Some(password),
    canonical: super::as_written,
    mask: |_| "***".into(),
    ..Type::new(DataType {
        never_return: true,
        ..DataType::new(
            "account_password",
            Text { en: "password of an account", zh: "账号密码" },
            Category::Authentication,
            Grade::L4,
            Personal::Sensitive,
        )
    })
};

/// One-time code sent to a person.
pub(super) static SMS_CODE: Type = Type {
    strong: &[
        "smscode",
        "smsverifycode",
        "smsvalidatecode",
        "smscaptcha",
        "smsauthcode",
        "verifycode",
        "verifycationcode",
        "verificationcode",
        "captchacode",
        "validatecode",
        "validcode",
        "dynamiccode",
        "dynamicpassword",
        "otp",
        "otpcode",
        "onetimecode",
        "onetimepassword",
        "yzm",
        "dxyzm",
        "yanzhengma",
        "验证码",
        "短信验证码",
        "手机验证码",
        "动态码",
        "动态密码",
        "校验码",
        "驗證碼",
    ],
    strong_points: (35, 5),
    han_label: 30,
    named: Some(code),
    mask: |_| "***".into(),
    ..Type::new(DataType {
        never_return: true,
        ..DataType::new(
            "sms_code",
            Text { en: "one-time code", zh: "短信验证码" },
            Category::Authentication,
            Grade::L4,
            Personal::Sensitive,
        )
    })
};

/// Values under the name of a password that are none: words of programs, and the name itself.
const NO_PASSWORDS: &[&str] = &[
    "true",
    "false",
    "null",
    "none",
    "nil",
    "undefined",
    "required",
    "optional",
    "string",
    "text",
    "object",
    "hidden",
    "password",
    "passwd",
    "pwd",
    "placeholder",
    "disabled",
    "enabled",
    "encrypted",
    "protected",
    "invalid",
    "redacted",
    "masked",
    "filtered",
    "secret",
    "success",
    "error",
    "login",
    "number",
    "default",
    "empty",
    "unknown",
];

/// A whole value that may be a password.
fn password(value: &str, kind: LeafKind) -> Option<i16> {
    const SHORTEST: usize = 4;
    const LONGEST: usize = 128;
    // They are letters all of them.
    let is_word = |value: &str| {
        value.bytes().all(|b| b.is_ascii_alphabetic())
            && NO_PASSWORDS.iter().any(|word| value.eq_ignore_ascii_case(word))
    };
    let is_code = value.starts_with(['/', '<', '$', '{', '[', '(', '#']) && !is_crypt(value);
    let fits = kind != LeafKind::Word
        && (SHORTEST..=LONGEST).contains(&value.len())
        && value.bytes().all(|b| b.is_ascii_graphic())
        && !is_code
        && !value.as_bytes().windows(3).any(|signs| signs == b"://")
        && !is_word(value)
        && !value.bytes().all(|b| matches!(b, b'*' | b'.' | b'-' | b'x' | b'X' | b'0'));
    fits.then_some(40)
}

/// Whether a value begins like a stored hash: `$2b$10$…`, `{SSHA}…`.
fn is_crypt(value: &str) -> bool {
    let begins = |with: &str, end: char| {
        value.strip_prefix(with).and_then(|rest| rest.find(end)).is_some_and(|at| (1..=16).contains(&at))
    };
    value.len() >= 16 && (begins("$", '$') || begins("{", '}'))
}

/// A whole value that may be a one-time code.
fn code(value: &str, kind: LeafKind) -> Option<i16> {
    let fits = kind != LeafKind::Word && (4..=8).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_digit());
    (fits && value.bytes().any(|b| b != b'0')).then_some(40)
}

/// Words after which a one-time code stands.
pub(super) const CODE_WORDS: &[&str] = &["验证码", "校验码", "动态码", "动态密码", "驗證碼"];

/// The code in `验证码是123456`: its word ends at `end`. One after a colon is read as that label's value.
pub(super) fn code_after(value: &str, end: usize) -> Option<Candidate> {
    let rest = value.get(end..)?;
    let trimmed = rest.trim_start_matches(['是', '为', '為', ' ', '【', '[', '「', '“', '"']);
    let start = end + rest.len() - trimmed.len();
    let length = trimmed.bytes().take_while(u8::is_ascii_digit).count();
    let after = trimmed.get(length..)?.chars().next();
    let is_border = after.is_none_or(|c| is_han(c) || c != '_' && !c.is_ascii_alphanumeric() && c != '.');
    let code = trimmed.get(..length)?;
    (is_border && start - end <= 12).then_some(())?;
    self::code(code, LeafKind::Text).map(|_| Candidate::new(TypeId::SMS_CODE, Form::Full, (start, start + length), 75))
}

#[cfg(test)]
mod tests {
    use super::super::phrases;
    use super::*;

    #[test]
    fn passwords_plain_and_hashed() {
        for value in [
            "Abc@12345",
            "123456",
            "e10adc3949ba59abbe56e057f20f883e",
            "$2a$10$7JB720yubVSZvUI0rEqK/.VqGOZTH.ulu33dHOiBE8ByOhJIrdAu2",
            "{SSHA}nU3hVGc3VnRhc2RmYXNkZmFzZGY=",
        ] {
            assert_eq!(password(value, LeafKind::Text), Some(40), "{value}");
        }
        for value in [
            "",
            "null",
            "******",
            "true",
            "1",
            "/reset",
            "${pwd}",
            "请输入密码",
            "Password",
            "https://a.cn/p",
            "a b c d",
        ] {
            assert_eq!(password(value, LeafKind::Text), None, "{value}");
        }
        assert_eq!(password("true", LeafKind::Word), None);
    }

    fn codes(text: &str) -> Vec<&str> {
        let mut found = Vec::new();
        phrases::find(text, &mut |all| found.extend(all.iter().map(|one| &text[one.start..one.end])));
        found
    }

    #[test]
    fn codes_in_messages() {
        assert_eq!(codes("【某某】您的验证码是 384756，5分钟内有效"), ["384756"]);
        assert_eq!(codes("验证码为8261，请勿泄露"), ["8261"]);
        assert_eq!(codes("登录验证码384756（10分钟有效）"), ["384756"]);
        for none in ["请输入4位验证码", "验证码错误", "验证码12位", "验证码20231231123456", "验证码2023-12"]
        {
            assert!(codes(none).len() <= usize::from(none.contains("2023-")), "{none}");
        }
        assert_eq!(code("38475", LeafKind::Number), Some(40));
        assert_eq!(code("0000", LeafKind::Text), None);
        assert_eq!(code("a384756", LeafKind::Text), None);
    }
}
