//! What an answer says for people: why somebody was refused, or that a further factor is wanted.

use spyhop_model::Refusal;

/// Longest sentence that is read, in bytes.
const LONGEST: usize = 512;

/// A factor other than password and captcha.
const FACTORS: &[&str] = &[
    "短信",
    "手机验证码",
    "邮箱验证码",
    "动态",
    "二次验证",
    "二次认证",
    "二步验证",
    "两步验证",
    "双因素",
    "双因子",
    "双重验证",
    "多因素",
    "人脸",
    "一次性密码",
    "otp",
    "one time",
    "one-time",
    "two factor",
    "second factor",
    "multi factor",
    "multifactor",
    "two step",
    "2fa",
    "2 step",
    "mfa",
    "authenticator",
    "authentication code",
    "sms code",
    "security code",
    "need verify",
    "verification required",
    "step up",
];
/// Words of a wish, by which a sentence that names a factor asks for it.
const WISHES: &[&str] = &[
    "请",
    "需",
    "要求",
    "进行",
    "须",
    "完成",
    "required",
    "require",
    "needed",
    "need",
    "enter",
    "please",
    "must",
    "challenge",
    "setup",
    "sent",
    "已发送",
    "totp",
    "mfa",
];
const CAPTCHA: &[&str] =
    &["验证码", "校验码", "滑块", "拼图", "人机", "captcha", "verification code", "verify code", "robot"];
const WRONG: &[&str] = &[
    "错误",
    "不正确",
    "有误",
    "不匹配",
    "不一致",
    "不对",
    "不符",
    "无效",
    "失效",
    "过期",
    "失败",
    "超时",
    "不存在",
    "incorrect",
    "wrong",
    "invalid",
    "mismatch",
    "expired",
    "not match",
    "not valid",
    "bad ",
    "failed",
    "fail",
    "doesn't match",
    "unable to",
    "please enter the correct",
    "not correct",
];
const PASSWORD: &[&str] = &["密码", "口令", "password", "passwd", "pwd"];
const USER: &[&str] = &[
    "用户名",
    "用户",
    "账号",
    "帐号",
    "账户",
    "帐户",
    "工号",
    "学号",
    "手机号",
    "邮箱",
    "登录名",
    "user",
    "account",
    "email",
    "e-mail",
    "login name",
    "member",
];
/// Of these it is not said which of two is wrong.
const EITHER: &[&str] = &[
    "bad credentials",
    "invalid credentials",
    "invalid login",
    "invalid grant",
    "invalid user credentials",
    "credentials do not match",
    "enter valid credentials",
    "wrong credentials",
    "incorrect credentials",
    "authentication failed",
    "bad auth",
    "login failed",
    "认证失败",
    "鉴权失败",
];
const ABSENT: &[&str] = &[
    "不存在",
    "未注册",
    "没有找到",
    "找不到",
    "未找到",
    "没有该",
    "无此",
    "查无",
    "尚未注册",
    "还未注册",
    "未开通",
    "not found",
    "no such",
    "not exist",
    "doesn't exist",
    "unknown user",
    "unknown account",
    "unknown email",
    "unknown username",
    "not registered",
    "couldn't find",
    "could not find",
    "no user",
    "no account",
    "unregistered",
    "is not recogni",
];
const LOCKED: &[&str] = &[
    "锁定",
    "冻结",
    "被锁",
    "次数过多",
    "次数超",
    "超过最大",
    "locked",
    "lockout",
    "lock out",
    "frozen",
    "too many failed",
    "too many login",
    "too many attempts",
    "too many incorrect",
    "too many invalid",
    "too many unsuccessful",
    "maximum number of",
];
/// What only threatens with it.
const THREATS: &[&str] = &[
    "将被锁定",
    "将锁定",
    "将会锁定",
    "将会被锁定",
    "会被锁定",
    "将被冻结",
    "将冻结",
    "后锁定",
    "次后将",
    "will be locked",
    "before lock",
    "before your account",
];
const DISABLED: &[&str] = &[
    "禁用",
    "停用",
    "注销",
    "封禁",
    "封号",
    "未激活",
    "未启用",
    "已离职",
    "失效账",
    "未审核",
    "待审核",
    "disabled",
    "deactivated",
    "inactive",
    "not active",
    "not activated",
    "suspended",
    "blocked",
    "banned",
    "is closed",
    "not enabled",
];
const THROTTLED: &[&str] = &[
    "频繁",
    "稍后再试",
    "稍后重试",
    "限流",
    "请求过多",
    "too many requests",
    "rate limit",
    "too frequent",
    "throttl",
    "slow down",
    "try again later",
    "try again in",
    "too quickly",
];
const EXPIRED: &[&str] = &[
    "密码已过期",
    "密码过期",
    "口令过期",
    "口令已过期",
    "密码已失效",
    "修改初始密码",
    "请修改密码",
    "须修改密码",
    "需修改密码",
    "重新设置密码",
    "password has expired",
    "password expired",
    "expired password",
    "credentials have expired",
    "credentials expired",
    "must change your password",
    "must be changed",
    "password is expired",
];
const ADDRESS: &[&str] = &["ip", "地址", "address", "location", "network"];
const NOT_ALLOWED: &[&str] = &[
    "不允许",
    "白名单",
    "黑名单",
    "受限",
    "限制",
    "禁止",
    "not allowed",
    "whitelist",
    "allowlist",
    "denied",
    "blocked",
    "forbidden",
    "not permitted",
    "restricted",
    "unauthorized",
];
const MALFORMED: &[&str] = &[
    "不能为空",
    "为空",
    "参数",
    "缺少",
    "格式",
    "missing",
    "malformed",
    "bad request",
    "invalid request",
    "is required",
    "can't be blank",
    "cannot be empty",
    "must not be",
    "parse error",
];
const SERVER: &[&str] = &[
    "系统异常",
    "服务异常",
    "系统错误",
    "系统繁忙",
    "服务器错误",
    "内部错误",
    "internal server error",
    "internal error",
];

/// What a sentence says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sentence {
    /// Why somebody is refused.
    pub refusal: Option<Refusal>,
    /// A further factor is wanted.
    pub asks: bool,
}

/// Reads a sentence, an error's name (`INVALID_PASSWORD`) or the like.
pub(super) fn read(text: &str) -> Sentence {
    let text = text.get(..text.floor_char_boundary(LONGEST)).unwrap_or_default();
    if text.trim().is_empty() {
        return Sentence::default();
    }
    let text = text.to_lowercase().replace(['_', '+'], " ").replace("&#39;", "'").replace('’', "'");
    let text = THREATS.iter().fold(text, |text, threat| match text.contains(threat) {
        true => text.replace(threat, ""),
        false => text,
    });
    let spaced = text.replace('-', " ");
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word) || spaced.contains(word));
    let word = |words: &[&str]| {
        let mut parts = text.split(|c: char| !c.is_ascii_alphanumeric());
        words.iter().any(|word| if word.is_ascii() { parts.any(|part| part == *word) } else { text.contains(word) })
    };
    let (wrong, factor) = (says(WRONG), says(FACTORS));
    let (password, user) = (says(PASSWORD), says(USER));
    // A captcha that is missing is as good as a wrong one.
    let captcha = says(CAPTCHA) && (wrong || says(&["不能为空", "请输入", "required", "为空", "输入"]));
    let refusal = if word(ADDRESS) && says(NOT_ALLOWED) {
        Refusal::AddressDenied
    } else if factor && wrong && !says(&["发送失败"]) {
        Refusal::CodeWrong
    } else if captcha && !factor && !password {
        Refusal::CaptchaWrong
    } else if says(LOCKED) {
        Refusal::Locked
    } else if says(DISABLED) {
        Refusal::Disabled
    } else if says(EXPIRED) {
        Refusal::PasswordExpired
    } else if says(THROTTLED) && !password {
        Refusal::Throttled
    } else if user && says(ABSENT) {
        // `用户不存在/密码错误`: either.
        if password && wrong { Refusal::BadCredentials } else { Refusal::NoSuchUser }
    } else if password && says(MALFORMED) && !says(&["错误", "incorrect", "wrong"]) {
        Refusal::Malformed
    } else if says(EITHER) {
        Refusal::BadCredentials
    } else if password && wrong || says(&["invalid password", "wrong password"]) {
        if user && !is_password_alone(&text) { Refusal::BadCredentials } else { Refusal::BadPassword }
    } else if captcha && !factor {
        Refusal::CaptchaWrong
    } else if says(&["credential"]) && wrong {
        Refusal::BadCredentials
    } else if user && wrong && says(&["unknown", "email not found"]) {
        Refusal::NoSuchUser
    } else if says(SERVER) {
        Refusal::ServerError
    } else if says(MALFORMED) {
        Refusal::Malformed
    } else {
        return Sentence { refusal: None, asks: factor && !wrong && says(WISHES) };
    };
    let asks = refusal == Refusal::Malformed && factor && !wrong && says(WISHES);
    Sentence { refusal: Some(refusal).filter(|_| !asks), asks }
}

/// The user is only mentioned: `The password you entered for the username amy is incorrect`.
fn is_password_alone(text: &str) -> bool {
    let for_user = [
        "for the user",
        "for user",
        "for the email",
        "for the account",
        "for this account",
        "your password",
        "user's password",
    ];
    text.starts_with("用户密码")
        || text.starts_with("密码")
        || text.starts_with("账户密码错误，")
        || for_user.iter().any(|phrase| text.contains(phrase)) && !text.contains(" or ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_read() {
        use Refusal::*;
        for (text, expected) in [
            ("密码错误", Some(BadPassword)),
            ("密码错误，再输错3次账号将被锁定", Some(BadPassword)),
            ("用户名或密码错误", Some(BadCredentials)),
            ("账号密码不正确，您还有4次机会", Some(BadCredentials)),
            ("用户不存在/密码错误", Some(BadCredentials)),
            ("用户不存在", Some(NoSuchUser)),
            ("登录用户：zhangsan 不存在", Some(NoSuchUser)),
            ("该手机号未注册", Some(NoSuchUser)),
            ("账号已被锁定，请联系管理员", Some(Locked)),
            ("该用户登录失败次数过多，请于10分钟后再次登录！", Some(Locked)),
            ("账户已冻结", Some(Locked)),
            ("对不起，您的账号：zhangsan 已停用", Some(Disabled)),
            ("密码已过期，请修改密码", Some(PasswordExpired)),
            ("验证码错误", Some(CaptchaWrong)),
            ("验证码已失效", Some(CaptchaWrong)),
            ("请输入验证码", Some(CaptchaWrong)),
            ("短信验证码错误", Some(CodeWrong)),
            ("动态口令不正确", Some(CodeWrong)),
            ("操作过于频繁，请稍后再试", Some(Throttled)),
            ("您的IP不在白名单内", Some(AddressDenied)),
            ("密码不能为空", Some(Malformed)),
            ("系统异常", Some(ServerError)),
            ("登录成功", None),
            ("操作成功", None),
            ("Bad credentials", Some(BadCredentials)),
            ("Invalid username or password", Some(BadCredentials)),
            ("Please enter the correct username and password for a staff account.", Some(BadCredentials)),
            ("The password you entered for the username editor is incorrect.", Some(BadPassword)),
            ("These credentials do not match our records.", Some(BadCredentials)),
            ("Unknown username. Check again or try your email address.", Some(NoSuchUser)),
            ("INVALID_PASSWORD", Some(BadPassword)),
            ("EMAIL_NOT_FOUND", Some(NoSuchUser)),
            ("USER_DISABLED", Some(Disabled)),
            ("invalid_grant", Some(BadCredentials)),
            ("Too many failed login attempts", Some(Locked)),
            ("Too many requests", Some(Throttled)),
            ("Your account has been locked.", Some(Locked)),
            ("Incorrect authenticator code", Some(CodeWrong)),
            ("Invalid two-factor code.", Some(CodeWrong)),
            ("invalid captcha", Some(CaptchaWrong)),
            ("Login not allowed from this IP", Some(AddressDenied)),
            ("Password is required", Some(Malformed)),
            ("Your password has expired", Some(PasswordExpired)),
            ("", None),
        ] {
            assert_eq!(read(text).refusal, expected, "{text}");
        }
    }

    #[test]
    fn a_further_factor_is_asked_for() {
        for text in [
            "请输入短信验证码",
            "需要二次验证",
            "mfa_required",
            "Two-factor authentication required",
            "SMS_MFA",
            "请完成动态口令验证",
        ] {
            assert_eq!(read(text), Sentence { refusal: None, asks: true }, "{text}");
        }
        for text in ["短信验证码错误", "登录成功", "Invalid OTP", "请输入密码"] {
            assert!(!read(text).asks, "{text}");
        }
    }
}
