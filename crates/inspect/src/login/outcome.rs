//! What came of a login: evidence votes, the heavier side wins, a draw or little evidence is unknown.

use spyhop_model::{Outcome, Refusal};

use super::names::{Name, PathSigns};
use super::refusal;
use crate::walk::{Leaf, LeafKind, Piece};

/// One side must have so many points.
const ENOUGH: u16 = 30;

/// Leaves of an answer that are read; what tells the outcome stands at its top.
const LEAVES: u16 = 256;

/// Longer values say nothing about the outcome, but for tokens.
const LONGEST: usize = 400;

/// Each kind of evidence counts once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Evidence {
    /// 401, 403, 423, 429.
    Refused,
    /// 400, 422: whatever the reason, nobody was let in.
    Unprocessed,
    /// 204: nothing more to say.
    NoContent,
    /// A token was handed out, or the session's identifier changed.
    Issued,
    /// A session began for a client that had none; anonymous visitors get one too.
    SessionBegun,
    /// Redirected to where logins do not happen.
    SentOn,
    /// The same with a session cookie.
    SentOnWithSession,
    /// Redirected to the login page or an error.
    SentBack,
    /// `success: true`.
    True,
    /// `success: false`.
    False,
    /// `code: 0`.
    GoodCode,
    /// `code: 40101`.
    BadCode,
    /// A code that may mean anything.
    OddCode,
    /// 登录成功.
    GoodWords,
    /// 密码错误.
    BadWords,
    /// The page asks for the password again.
    FormAgain,
}

impl Evidence {
    /// Points for success (positive) or failure (negative).
    fn points(self) -> i16 {
        match self {
            Evidence::Refused => -60,
            Evidence::Unprocessed => -40,
            Evidence::NoContent => 30,
            Evidence::Issued => 60,
            Evidence::SessionBegun => 20,
            Evidence::SentOn => 30,
            Evidence::SentOnWithSession => 40,
            Evidence::SentBack => -50,
            Evidence::True => 40,
            Evidence::False => -50,
            Evidence::GoodCode => 35,
            Evidence::BadCode => -40,
            Evidence::OddCode => -20,
            Evidence::GoodWords => 30,
            Evidence::BadWords => -40,
            Evidence::FormAgain => -35,
        }
    }
}

/// The votes of one answer.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Votes {
    cast: u32,
    success: u16,
    failure: u16,
    leaves: u16,
    status: u16,
    refusal: Option<Refusal>,
    /// What a page says somewhere: believed if nobody was let in.
    on_page: Option<Refusal>,
    asked: bool,
    token: bool,
}

impl Votes {
    /// Counts a piece of evidence, once.
    pub fn cast(&mut self, evidence: Evidence) {
        let bit = 1 << evidence as u32;
        if self.cast & bit == 0 {
            self.cast |= bit;
            let points = evidence.points();
            let side = if points > 0 { &mut self.success } else { &mut self.failure };
            *side += points.unsigned_abs();
        }
    }

    /// A token was handed out: nothing more is wanted.
    pub fn hand_out(&mut self) {
        self.token = true;
        self.cast(Evidence::Issued);
    }

    /// A further factor is wanted, and nothing was handed out before.
    pub fn asks(&self) -> bool {
        self.asked && !self.token && self.refusal.is_none()
    }

    /// Why it was refused; of an answer that let somebody in, nothing.
    pub fn refusal(&self) -> Option<Refusal> {
        let by_status = match self.status {
            429 => Some(Refusal::Throttled),
            423 => Some(Refusal::Locked),
            500..=599 => Some(Refusal::ServerError),
            _ => None,
        };
        let general = match self.status {
            401 => Some(Refusal::BadCredentials),
            400 | 422 => Some(Refusal::Malformed),
            _ => None,
        };
        match self.outcome() {
            Outcome::Success => None,
            // A server that fails refuses nobody, but says why nobody was let in.
            Outcome::Unknown => by_status.filter(|why| *why == Refusal::ServerError),
            Outcome::Failure => {
                let said = self.refusal.filter(|why| !matches!(why, Refusal::Malformed | Refusal::ServerError));
                said.or(by_status).or(self.refusal).or(self.on_page).or(general)
            }
        }
    }

    /// Who wins.
    pub fn outcome(&self) -> Outcome {
        if self.asks() {
            return Outcome::Unknown;
        }
        match self.success.cmp(&self.failure) {
            std::cmp::Ordering::Greater if self.success >= ENOUGH => Outcome::Success,
            std::cmp::Ordering::Less if self.failure >= ENOUGH => Outcome::Failure,
            _ => Outcome::Unknown,
        }
    }

    /// What a status says by itself.
    pub fn status(&mut self, status: u16) {
        self.status = status;
        match status {
            401 | 403 | 423 | 429 => self.cast(Evidence::Refused),
            400 | 422 => self.cast(Evidence::Unprocessed),
            204 => self.cast(Evidence::NoContent),
            _ => {}
        }
    }

    /// Where a redirect leads: `location` of an answer to `path`, from a page at `referer`.
    pub fn redirect(&mut self, location: &[u8], path: &[u8], referer: &[u8], session: bool) {
        let target = local(location).to_ascii_lowercase();
        let (target_path, query) = split_at_query(&target);
        let words = Name::new(query);
        // `/login?ticket=…` of CAS and `?code=…` of OpenID Connect hand the proof on.
        if has_parameter(query, &["ticket", "code", "access_token", "id_token", "token"]) && !words.has(ERROR_WORDS) {
            return self.cast(Evidence::Issued);
        }
        let signs = PathSigns::of(target_path);
        self.sentence(&String::from_utf8_lossy(query).replace("%20", " ").replace(['=', '&', '?'], " "));
        let fragment = PathSigns::of(query.split(|b| *b == b'#').nth(1).unwrap_or_default());
        let last = Name::new(target_path.rsplit(|b| *b == b'/').next().unwrap_or_default());
        let passed = last.has(&["success", "ok", "callback", "after", "post", "done", "complete", "succeed"]);
        let ends_in_login = signs.any(PathSigns::ENDS_IN_LOGIN) || fragment.any(PathSigns::ENDS_IN_LOGIN);
        let error = query_says_error(query) || last.has(ERROR_WORDS);
        let second = signs.any(PathSigns::SECOND) || fragment.any(PathSigns::SECOND);
        if second && !error && !PathSigns::of(path).any(PathSigns::SECOND) {
            self.asked = true;
        } else if error || ends_in_login && !passed {
            self.cast(Evidence::SentBack);
        } else if session {
            self.cast(Evidence::SentOnWithSession);
        } else if target_path != split_at_query(local(path)).0 && target_path != split_at_query(local(referer)).0 {
            self.cast(Evidence::SentOn);
        }
    }

    /// A leaf of the body of an answer that is `accepted` (no error by its status). `true`: it hands out a token.
    pub fn leaf(&mut self, leaf: &Leaf<'_>, accepted: bool) -> bool {
        self.leaves = self.leaves.saturating_add(1);
        if self.leaves > LEAVES {
            return false;
        }
        let name = Name::of_field(leaf.key);
        if accepted && is_token(&name, leaf) {
            self.hand_out();
            return true;
        }
        if ASKS.contains(&name.squashed()) && !matches!(leaf.value, "" | "false" | "null" | "0" | "none") {
            self.asked = true;
        }
        if leaf.value.len() > LONGEST || leaf.piece != Piece::Whole {
            return false;
        }
        // An answer's own words stand at its top or in its envelope; below, `status` is some record's.
        let parent = Name::of_field(leaf.parent);
        if leaf.parent.is_empty() || ENVELOPES.contains(&parent.squashed()) {
            self.word(&name, leaf);
        }
        // `errors: [{message: …}]` of GraphQL, `errors: {email: […]}` of many.
        let fault = FAULTS.contains(&parent.squashed()) || leaf.parent.is_empty() && FAULTS.contains(&name.squashed());
        let says = leaf.kind == LeafKind::Text && !leaf.value.is_empty() && plain_answer(leaf.value) != Some(true);
        if fault && says {
            self.cast(Evidence::BadCode);
            self.sentence(&format!("{} {}", name.squashed(), leaf.value));
        }
        false
    }

    fn word(&mut self, name: &Name, leaf: &Leaf<'_>) {
        let (key, value) = (name.squashed(), leaf.value.trim());
        let answer = if key.is_empty() { plain_answer(value) } else { None };
        let boolean = if leaf.kind == LeafKind::Word { value.parse().ok() } else { answer };
        match boolean {
            Some(said) if key.is_empty() || BOOLEANS.contains(&key) || CODES.contains(&key) => {
                return self.cast(if said { Evidence::True } else { Evidence::False });
            }
            // `error: true`.
            Some(true) if ERRORS.contains(&key) => return self.cast(Evidence::False),
            _ => {}
        }
        if leaf.kind != LeafKind::Word && (CODES.contains(&key) || BOOLEANS.contains(&key)) {
            if let Some(evidence) = code(value) {
                self.cast(evidence);
            }
            if leaf.kind == LeafKind::Text {
                self.sentence(value);
            }
        } else if ERRORS.contains(&key)
            && leaf.kind == LeafKind::Text
            && !value.is_empty()
            && plain_answer(value).is_none()
        {
            self.cast(Evidence::BadCode);
            self.sentence(value);
        }
        if key.is_empty() || MESSAGES.contains(&key) {
            self.words(value);
        }
    }

    /// Why, or what more is wanted.
    fn sentence(&mut self, text: &str) {
        let said = refusal::read(text);
        self.asked |= said.asks;
        if self.refusal.is_none_or(|before| matches!(before, Refusal::Malformed | Refusal::ServerError)) {
            self.refusal = said.refusal.or(self.refusal);
        }
    }

    /// A sentence that stands somewhere on a page.
    pub fn on_page(&mut self, text: &str) {
        self.on_page = self.on_page.or_else(|| refusal::read(text).refusal);
    }

    /// The page asks for a one-time code.
    pub fn asks_on_page(&mut self) {
        self.asked = true;
    }

    /// A sentence for people.
    pub fn words(&mut self, text: &str) {
        self.sentence(text);
        // To be asked for a second factor is no refusal, nor is to be sent one.
        let apart = SENT.iter().chain(SECOND_FACTORS);
        let text = apart.fold(text.to_lowercase(), |text, phrase| text.replace(phrase, ""));
        let mut words = text.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| !word.is_empty());
        if BAD_PHRASES.iter().any(|phrase| text.contains(phrase)) || words.clone().any(|word| BAD_WORDS.contains(&word))
        {
            self.cast(Evidence::BadWords);
        } else if GOOD_PHRASES.iter().any(|phrase| text.contains(phrase))
            || words.any(|word| GOOD_WORDS.contains(&word))
        {
            self.cast(Evidence::GoodWords);
        }
    }
}

/// Objects whose words are the answer's own.
const ENVELOPES: &[&str] = &[
    "result",
    "head",
    "header",
    "meta",
    "status",
    "response",
    "ret",
    "error",
    "errors",
    "resp",
    "state",
    "usererrors",
    "fault",
    "loginresult",
    "loginresponse",
    "loginreturn",
];
const BOOLEANS: &[&str] =
    &["success", "ok", "issuccess", "flag", "succeed", "successful", "authenticated", "valid", "loginsuccess"];
const CODES: &[&str] = &[
    "code",
    "errcode",
    "errorcode",
    "resultcode",
    "retcode",
    "ret",
    "status",
    "statuscode",
    "state",
    "rtncode",
    "respcode",
    "returncode",
    "bizcode",
    "result",
    "errno",
    "rescode",
    "subcode",
];
const MESSAGES: &[&str] = &[
    "msg",
    "message",
    "errmsg",
    "errormsg",
    "errormessage",
    "errordescription",
    "resultmsg",
    "retmsg",
    "respmsg",
    "returnmsg",
    "info",
    "detail",
    "desc",
    "description",
    "tip",
    "tips",
    "reason",
    "error",
    "faultstring",
    "root",
    "提示",
    "信息",
];
/// Objects that stand in an answer only if something is wrong.
const FAULTS: &[&str] = &["errors", "usererrors", "accounterrors", "nonfielderrors"];
/// Fields by which a further factor is asked for.
const ASKS: &[&str] = &[
    "mfarequired",
    "requiresmfa",
    "requiremfa",
    "needmfa",
    "mfatoken",
    "mfarequiredtoken",
    "twofactorrequired",
    "twofactor",
    "requires2fa",
    "require2fa",
    "need2fa",
    "twofarequired",
    "requirestwofactor",
    "needtwofactor",
    "needverify",
    "needotp",
    "otprequired",
    "needsecondauth",
    "needsecondverify",
    "secondauth",
    "needsmscode",
    "needsms",
    "challengename",
    "statetoken",
    "stepuprequired",
];
const ERRORS: &[&str] = &["error", "err", "errors"];
const ERROR_WORDS: &[&str] = &["error", "err", "fail", "failed", "failure", "invalid", "denied", "loginerror"];

const SECOND_FACTORS: &[&str] =
    &["短信验证码", "手机验证码", "动态验证码", "邮箱验证码", "二次验证", "双因素", "动态口令"];
const GOOD_PHRASES: &[&str] = &["成功", "欢迎", "logged in", "signed in"];
/// That a code is on its way.
const SENT: &[&str] = &[
    "验证码已发送",
    "验证码已下发",
    "验证码发送成功",
    "校验码已发送",
    "校验码发送成功",
    "已发送验证码",
    "发送验证码成功",
];
const GOOD_WORDS: &[&str] = &["success", "successful", "successfully", "succeeded", "welcome", "ok"];
const BAD_PHRASES: &[&str] = &[
    "失败",
    "不成功",
    "未成功",
    "错误",
    "有误",
    "不正确",
    "不存在",
    "不匹配",
    "不能为空",
    "无效",
    "锁定",
    "冻结",
    "禁用",
    "停用",
    "过期",
    "失效",
    "次数",
    "验证码",
    "重试",
    "未登录",
    "未注册",
    "未授权",
    "拒绝",
    "异常",
    "过于频繁",
    "bad credentials",
    "valid credentials",
    "credentials do not",
    "please enter the correct",
    "not recognized",
    "not registered",
    "is blocked",
    "unknown user",
    "try again",
    "not found",
    "not exist",
    "too many",
    "no such",
];
const BAD_WORDS: &[&str] = &[
    "invalid",
    "incorrect",
    "fail",
    "failed",
    "failure",
    "denied",
    "locked",
    "disabled",
    "expired",
    "wrong",
    "error",
    "unauthorized",
    "forbidden",
    "mismatch",
    "unsuccessful",
    "captcha",
];

/// Fields that hand out a token or a session.
const TOKENS: &[&str] = &[
    "token",
    "accesstoken",
    "jwt",
    "jwttoken",
    "idtoken",
    "authtoken",
    "sessiontoken",
    "usertoken",
    "tokenvalue",
    "ticket",
    "tgt",
    "sessionkey",
    "sessionid",
    "sid",
    "satoken",
    "xtoken",
    "logintoken",
    "bearer",
    "authorization",
    "refreshtoken",
];

/// Shortest token.
const TOKEN: usize = 8;

fn is_token(name: &Name, leaf: &Leaf<'_>) -> bool {
    let value = leaf.value.trim();
    let jwt = || value.starts_with("eyJ") && value.bytes().filter(|b| *b == b'.').count() == 2;
    // Some answer with nothing but the token.
    let opaque = || {
        let mixed = value.bytes().any(|b| b.is_ascii_digit()) && value.bytes().any(|b| b.is_ascii_alphabetic());
        leaf.kind == LeafKind::Text
            && leaf.parent.is_empty()
            && ["result", "data", "loginreturn"].contains(&name.squashed())
            && (24..=512).contains(&value.len())
            && mixed
            && value.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'='))
    };
    leaf.kind != LeafKind::Word
        && value.len() >= TOKEN
        && (TOKENS.contains(&name.squashed()) || jwt() || opaque())
        && (!value.contains([' ', '\n']) || value.starts_with("Bearer "))
        && value.is_ascii()
}

/// What a value means that is all of an answer or stands for a truth.
fn plain_answer(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "true" | "ok" | "success" | "yes" => Some(true),
        "false" | "fail" | "failed" | "failure" | "error" | "no" => Some(false),
        _ => None,
    }
}

/// What a code means. `1`, `100` or `10000` are success here and failure there: they have to be learnt.
fn code(value: &str) -> Option<Evidence> {
    if let Some(said) = plain_answer(value) {
        return Some(if said { Evidence::GoodCode } else { Evidence::BadCode });
    }
    let number: Option<i64> = value.parse().ok().filter(|_| value.len() <= 12);
    match number {
        Some(0 | 200 | 20000) => Some(Evidence::GoodCode),
        Some(1 | 100 | 10000 | 201..=204) => None,
        // Those of HTTP, and numbers that begin with them.
        Some(400..=599 | 4000..=5999 | 40000..=59999 | 400000..=599999 | ..=-1) => Some(Evidence::BadCode),
        Some(_) => Some(Evidence::OddCode),
        None => None,
    }
}

/// Path, query and fragment of a reference, without scheme and host.
fn local(reference: &[u8]) -> &[u8] {
    let behind = memchr::memmem::find(reference, b"//").filter(|at| {
        // `//host/…` or `scheme://host/…`, not `/a//b`.
        reference.get(..*at).is_some_and(|scheme| scheme.is_empty() || scheme.ends_with(b":"))
    });
    let Some(host) = behind.and_then(|at| reference.get(at + 2..)) else { return reference };
    host.iter().position(|b| matches!(b, b'/' | b'?' | b'#')).and_then(|at| host.get(at..)).unwrap_or(b"/")
}

/// At `?`, `#` or `;`.
fn split_at_query(reference: &[u8]) -> (&[u8], &[u8]) {
    let at = reference.iter().position(|b| matches!(b, b'?' | b'#' | b';')).unwrap_or(reference.len());
    reference.split_at_checked(at).unwrap_or((reference, b""))
}

fn has_parameter(query: &[u8], names: &[&str]) -> bool {
    let mut pairs = query.split(|b| matches!(b, b'?' | b'&' | b'#'));
    pairs.any(|pair| {
        let mut halves = pair.splitn(2, |b| *b == b'=');
        let name = halves.next().unwrap_or_default();
        let value = halves.next().unwrap_or_default();
        value.len() >= TOKEN && names.iter().any(|known| known.as_bytes() == name)
    })
}

/// `?error`, `?login=failed`, `&err=1`; not inside a `service` or `redirect` that stands there as a value.
fn query_says_error(query: &[u8]) -> bool {
    let mut pairs = query.split(|b| matches!(b, b'?' | b'&' | b'#'));
    pairs.any(|pair| {
        let mut halves = pair.splitn(2, |b| *b == b'=');
        let name = Name::new(halves.next().unwrap_or_default());
        let value = halves.next().unwrap_or_default();
        name.has(ERROR_WORDS) && value != b"0" && value != b"false"
            || value.len() <= 16 && Name::new(value).has(ERROR_WORDS)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(leaves: &[(&str, &str, &str, LeafKind)]) -> Outcome {
        let mut votes = Votes::default();
        for (parent, key, value, kind) in leaves {
            let path = format!("$.{key}");
            votes.leaf(&Leaf { key, parent, path: &path, value, kind: *kind, record: 0, piece: Piece::Whole }, true);
        }
        votes.outcome()
    }

    #[test]
    fn bodies_say_it_in_many_ways() {
        use LeafKind::*;
        use Outcome::*;
        type Row<'a> = (&'a [(&'a str, &'a str, &'a str, LeafKind)], Outcome);
        let table: &[Row<'_>] = &[
            (&[("", "code", "200", Number), ("", "msg", "操作成功", Text)], Success),
            (&[("", "code", "40101", Number), ("", "msg", "密码错误", Text)], Failure),
            (&[("", "code", "500", Number), ("", "msg", "用户不存在/密码错误", Text)], Failure),
            (&[("", "code", "0", Number)], Success),
            (&[("", "code", "00000", Text)], Success),
            (&[("", "code", "1", Number)], Unknown),
            (&[("", "code", "1", Number), ("", "msg", "登录成功", Text)], Success),
            (&[("", "code", "7", Number), ("", "msg", "用户名不存在或者密码错误", Text)], Failure),
            (&[("", "success", "true", Word)], Success),
            (&[("", "success", "false", Word), ("", "code", "0", Number)], Failure),
            (&[("", "error", "invalid_grant", Text)], Failure),
            (&[("", "error", "null", Word), ("data", "token", "abcdefgh12345678", Text)], Success),
            (&[("", "errno", "0", Number), ("data", "status", "5", Number)], Success),
            (&[("data", "status", "401", Number)], Unknown),
            (&[("", "token", "null", Word), ("", "msg", "bad credentials", Text)], Failure),
            (&[("", "", "success", Text)], Success),
            (&[("", "", "false", Text)], Failure),
            (&[("head", "retCode", "-1", Number)], Failure),
            (&[("", "message", "Unsuccessful", Text)], Failure),
            (&[("", "state", "xK93jf02", Text)], Unknown),
            (&[], Unknown),
        ];
        for (leaves, expected) in table {
            assert_eq!(body(leaves), *expected, "{leaves:?}");
        }
    }

    #[test]
    fn redirects_lead_on_or_back() {
        use Outcome::*;
        let table: &[(&str, bool, Outcome)] = &[
            ("/login?error", false, Failure),
            ("http://oa.acme.com/app/login", true, Failure),
            ("/#/login", false, Failure),
            ("/index?login=failed", false, Failure),
            ("/home", true, Success),
            ("/home", false, Success),
            ("https://app.acme.com/?ticket=ST-1-abcdefgh", false, Success),
            ("/login/success", false, Success),
            ("/shop", false, Unknown),
            ("/shop", true, Success),
            ("/home?errorCode=0", true, Success),
        ];
        for (location, session, expected) in table {
            let mut votes = Votes::default();
            votes.redirect(location.as_bytes(), b"/login", b"http://oa.acme.com/shop?x=1", *session);
            assert_eq!(votes.outcome(), *expected, "{location} {session}");
        }
    }

    #[test]
    fn evidence_counts_once_and_a_draw_is_unknown() {
        let mut votes = Votes::default();
        votes.cast(Evidence::True);
        votes.cast(Evidence::True);
        votes.cast(Evidence::BadCode);
        assert_eq!(votes.outcome(), Outcome::Unknown);
        votes.cast(Evidence::BadWords);
        assert_eq!(votes.outcome(), Outcome::Failure);
    }

    #[test]
    fn a_code_that_was_sent_is_no_refusal() {
        for (words, refused) in [("验证码已发送", false), ("短信验证码发送成功", false), ("验证码错误", true)]
        {
            let mut votes = Votes::default();
            votes.cast(Evidence::GoodCode);
            votes.words(words);
            assert_eq!(votes.outcome() == Outcome::Success, !refused, "{words}");
        }
    }
}
