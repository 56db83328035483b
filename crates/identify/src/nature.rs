//! What an endpoint is: by the words of its name at once, and by what it does after some calls.

use serde::{Deserialize, Serialize};
use spyhop_model::{Call, Nature, Purpose, Segment};

use crate::shape::{Shape, shape, words};

/// Calls after which a share of them means something, and attempts after which an endpoint takes logins.
const CALLS: u32 = 5;
/// The share of calls, in percent.
const SHARE: u32 = 60;

const LOGIN: &[&str] = &["login", "signin", "logon", "signon", "denglu", "authenticate"];
/// What is about logins, and takes none: `loginLog`, `login/history`.
const ABOUT: &[&str] =
    &["log", "logs", "record", "records", "history", "list", "statistics", "page", "infor", "info", "check"];
const LOGOUT: &[&str] = &["logout", "signout", "logoff", "tuichu", "dengchu", "zhuxiao"];
const EXPORT: &[&str] =
    &["export", "exports", "download", "downloads", "dump", "daochu", "xiazai", "excel", "csv", "xls", "xlsx"];
const QUERY: &[&str] = &[
    "list", "query", "search", "find", "page", "select", "lookup", "chaxun", "cha", "liebiao", "sousuo", "huoqu",
    "get", "fetch",
];
const UPLOAD: &[&str] = &["upload", "uploads", "import", "daoru", "shangchuan", "attach"];
const ADMIN: &[&str] = &[
    "admin",
    "administrator",
    "manage",
    "manager",
    "management",
    "mgmt",
    "mgr",
    "role",
    "roles",
    "permission",
    "permissions",
    "perms",
    "config",
    "configuration",
    "settings",
    "actuator",
    "console",
    "houtai",
    "guanli",
    "sys",
    "backend",
    "privilege",
];
const RISK: &[&str] = &[
    "delete",
    "del",
    "remove",
    "drop",
    "truncate",
    "purge",
    "export",
    "download",
    "batch",
    "import",
    "grant",
    "revoke",
    "reset",
    "disable",
    "backup",
    "restore",
    "exec",
    "execute",
    "sql",
    "shell",
    "authorize",
    "resetpwd",
    "shanchu",
    "daochu",
    "daoru",
    "shouquan",
    "chongzhi",
    "piliang",
    "beifen",
    "huifu",
    "tingyong",
    "xiazai",
];
/// These are risky only where something is changed.
const RISK_CHANGED: &[&str] =
    &["role", "roles", "permission", "permissions", "auth", "config", "juese", "quanxian", "privilege"];
const REGISTER: &[&str] = &["register", "registration", "signup", "zhuce", "enroll"];
const PASSWORD: &[&str] = &["password", "passwd", "pwd", "mima"];
const CHANGE: &[&str] =
    &["change", "reset", "update", "modify", "forgot", "forget", "set", "xiugai", "chongzhi", "edit", "retrieve"];
const SEND: &[&str] = &["send", "request", "fasong", "get"];
const CODE: &[&str] = &["code", "sms", "otp", "yanzhengma", "vcode", "captcha"];
const CODES: &[&str] = &["smscode", "sendsms", "sendcode", "verifycode", "yanzhengma", "otp"];
const HEALTH: &[&str] = &[
    "health",
    "healthz",
    "healthcheck",
    "ping",
    "ready",
    "readyz",
    "live",
    "livez",
    "heartbeat",
    "keepalive",
    "liveness",
    "readiness",
    "xintiao",
];
const STATIC: &[&str] = &[
    "js", "mjs", "css", "map", "png", "jpg", "jpeg", "gif", "svg", "ico", "webp", "bmp", "woff", "woff2", "ttf", "eot",
    "otf", "wasm", "mp3", "mp4", "webm",
];
const FILES: &[&str] = &["csv", "xls", "xlsx", "sql", "bak"];

/// Chinese words, each with what it makes of an endpoint.
const HAN: &[(&str, u16)] = &[
    ("登录", Nature::LOGIN),
    ("登陆", Nature::LOGIN),
    ("退出", Nature::LOGOUT),
    ("登出", Nature::LOGOUT),
    ("注销", Nature::LOGOUT),
    ("导出", Nature::EXPORT | Nature::HIGH_RISK),
    ("下载", Nature::EXPORT | Nature::HIGH_RISK),
    ("查询", Nature::QUERY),
    ("列表", Nature::QUERY),
    ("搜索", Nature::QUERY),
    ("上传", Nature::UPLOAD),
    ("导入", Nature::UPLOAD | Nature::HIGH_RISK),
    ("管理", Nature::ADMIN),
    ("后台", Nature::ADMIN),
    ("权限", Nature::ADMIN),
    ("角色", Nature::ADMIN),
    ("配置", Nature::ADMIN),
    ("删除", Nature::HIGH_RISK),
    ("授权", Nature::HIGH_RISK),
    ("重置", Nature::HIGH_RISK),
    ("批量", Nature::HIGH_RISK),
    ("备份", Nature::HIGH_RISK),
    ("注册", Nature::REGISTER),
    ("修改密码", Nature::REGISTER),
    ("重置密码", Nature::REGISTER),
    ("验证码", Nature::CODE),
    ("短信", Nature::CODE),
    ("心跳", Nature::HEALTH),
];

/// What the calls of an endpoint showed of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Learnt {
    /// Calls, answered ones with 2xx, and such that send something.
    pub calls: u32,
    answered: u32,
    sent: u32,
    /// Login attempts, logouts, registrations and changed passwords, one-time codes.
    logins: u32,
    logouts: u32,
    registrations: u32,
    codes: u32,
    /// Delivered files, files taken, the page's own files, pages, answers with several records.
    delivered: u32,
    taken: u32,
    own: u32,
    pages: u32,
    records: u32,
}

impl Learnt {
    /// Learns from a call.
    pub fn learn(&mut self, call: &Call) {
        let one = |count: &mut u32, is: bool| *count = count.saturating_add(u32::from(is));
        one(&mut self.calls, true);
        one(&mut self.logouts, call.logout);
        if let Some(request) = &call.request {
            let sends = !matches!(&*request.method, "GET" | "HEAD" | "OPTIONS");
            one(&mut self.sent, sends);
            let form = request.content_type.as_deref().is_some_and(|media| media == "multipart/form-data");
            one(&mut self.taken, sends && form);
        }
        if let Some(login) = call.login.as_deref() {
            one(&mut self.logins, login.purpose == Purpose::Login && !login.method.repeats());
            one(&mut self.registrations, matches!(login.purpose, Purpose::Registration | Purpose::PasswordChange));
            one(&mut self.codes, login.purpose == Purpose::CodeRequest);
        }
        if call.succeeded() {
            one(&mut self.answered, true);
            one(&mut self.delivered, call.delivered.as_ref().is_some_and(|file| file.attachment));
            one(&mut self.records, call.holding.response.as_ref().is_some_and(|holding| holding.records >= 2));
            let media = call.response.as_ref().and_then(|response| response.content_type.as_deref()).unwrap_or("");
            one(&mut self.pages, media == "text/html");
            let own = media.starts_with("image/") || media.starts_with("font/");
            one(
                &mut self.own,
                own || matches!(media, "text/css" | "text/javascript" | "application/javascript" | "application/wasm"),
            );
        }
    }

    /// Adds what another endpoint showed, which turned out to be the same.
    pub fn add(&mut self, other: &Learnt) {
        let sum = |count: &mut u32, more: u32| *count = count.saturating_add(more);
        sum(&mut self.calls, other.calls);
        sum(&mut self.answered, other.answered);
        sum(&mut self.sent, other.sent);
        sum(&mut self.logins, other.logins);
        sum(&mut self.logouts, other.logouts);
        sum(&mut self.registrations, other.registrations);
        sum(&mut self.codes, other.codes);
        sum(&mut self.delivered, other.delivered);
        sum(&mut self.taken, other.taken);
        sum(&mut self.own, other.own);
        sum(&mut self.pages, other.pages);
        sum(&mut self.records, other.records);
    }

    /// What the endpoint is, by its words and by what it showed.
    pub fn nature(&self, by_words: Nature) -> Nature {
        let most = |part: u32, of: u32| part >= CALLS && u64::from(part) * 100 >= u64::from(of) * u64::from(SHARE);
        let mut bits = by_words.0;
        let mut set = |is: bool, bit: u16| bits |= if is { bit } else { 0 };
        set(most(self.logins, self.sent.max(self.logins)), Nature::LOGIN);
        set(most(self.logouts, self.calls), Nature::LOGOUT);
        set(most(self.registrations, self.sent.max(self.registrations)), Nature::REGISTER);
        set(most(self.codes, self.calls), Nature::CODE);
        set(most(self.delivered, self.answered), Nature::EXPORT | Nature::HIGH_RISK);
        set(most(self.taken, self.sent), Nature::UPLOAD);
        set(most(self.own, self.answered), Nature::STATIC);
        set(most(self.pages, self.answered) && self.sent == 0, Nature::PAGE);
        set(most(self.records, self.answered), Nature::QUERY);
        if bits & Nature::STATIC != 0 {
            // `download.png` and `css/admin.css` are pictures and styles.
            bits = Nature::STATIC;
        }
        Nature(bits)
    }
}

/// What a call's endpoint is by the words of its path, its operation and its method.
pub fn by_words(call: &Call) -> Nature {
    let Some(request) = &call.request else { return Nature::default() };
    let literals = request.path.iter().filter_map(|segment| match segment {
        Segment::Literal(text) => Some(&**text),
        Segment::Typed(_) => None,
    });
    let mut seen = Words::default();
    for text in literals.chain(call.operation.as_deref()).take(40) {
        // The title of an article may be about anything.
        if !text.is_ascii() || shape(text) != Shape::Value {
            seen.read(text);
        }
    }
    let last = match request.path.last() {
        Some(Segment::Literal(text)) => &**text,
        Some(Segment::Typed(kind)) => kind,
        None => "",
    };
    let reads = matches!(&*request.method, "GET" | "HEAD" | "OPTIONS");
    let extension = last.rsplit_once('.').map_or("", |(_, extension)| extension);
    let is = |words: &[&str]| words.iter().any(|word| word.eq_ignore_ascii_case(extension));
    if is(STATIC) {
        return Nature(Nature::STATIC);
    }
    let mut bits = seen.bits;
    if reads {
        // The page of a login takes none.
        bits &= !(Nature::LOGIN | Nature::UPLOAD | Nature::REGISTER);
    }
    if seen.about {
        bits &= !Nature::LOGIN;
    }
    if is(FILES) {
        bits |= Nature::EXPORT | Nature::HIGH_RISK;
    }
    if reads && is(&["html", "htm", "xhtml"]) {
        bits |= Nature::PAGE;
    }
    if &*request.method == "DELETE" || seen.risky_if_changed && !reads && bits & Nature::LOGIN == 0 {
        bits |= Nature::HIGH_RISK;
    }
    if !HEALTH.iter().any(|word| word.eq_ignore_ascii_case(last)) && !last.contains("心跳") && last != "status" {
        bits &= !Nature::HEALTH;
    }
    Nature(bits)
}

/// What words are in a path.
#[derive(Default)]
struct Words {
    bits: u16,
    about: bool,
    risky_if_changed: bool,
    sends: bool,
    code: bool,
    changes: bool,
    password: bool,
    oauth: bool,
}

impl Words {
    fn read(&mut self, text: &str) {
        if !text.is_ascii() {
            self.bits |= HAN.iter().filter(|(word, _)| text.contains(word)).fold(0, |bits, (_, bit)| bits | bit);
        }
        let mut before = String::new();
        for word in words(text).take(24) {
            let word = word.to_ascii_lowercase();
            self.word(&word);
            // `sign-in`, `logOut`, `send_sms`.
            if matches!((&*before, &*word), ("sign" | "log", "in" | "on")) {
                self.bits |= Nature::LOGIN;
            } else if matches!((&*before, &*word), ("sign" | "log", "out" | "off")) {
                self.bits |= Nature::LOGOUT;
            } else if (&*before, &*word) == ("sign", "up") {
                self.bits |= Nature::REGISTER;
            }
            before = word;
        }
    }

    fn word(&mut self, word: &str) {
        let is = |words: &[&str]| words.contains(&word);
        let ended = word.len() <= 16 && (word.ends_with("login") || word.starts_with("loginby"));
        let tables: [(bool, u16); 10] = [
            (is(LOGIN) || ended || self.oauth && word == "token", Nature::LOGIN),
            (is(LOGOUT), Nature::LOGOUT),
            (is(EXPORT), Nature::EXPORT),
            (is(QUERY), Nature::QUERY),
            (is(UPLOAD), Nature::UPLOAD),
            (is(ADMIN), Nature::ADMIN),
            (is(RISK), Nature::HIGH_RISK),
            (is(REGISTER), Nature::REGISTER),
            (is(CODES), Nature::CODE),
            (is(HEALTH) || word == "status", Nature::HEALTH),
        ];
        self.bits |= tables.iter().filter(|(is, _)| *is).fold(0, |bits, (_, bit)| bits | bit);
        self.oauth |= word == "oauth" || word == "oauth2";
        self.about |= is(ABOUT);
        self.risky_if_changed |= is(RISK_CHANGED);
        self.sends |= is(SEND);
        self.code |= is(CODE);
        self.changes |= is(CHANGE);
        self.password |= is(PASSWORD);
        if self.sends && self.code {
            self.bits |= Nature::CODE;
        }
        if self.changes && self.password {
            self.bits |= Nature::REGISTER;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use spyhop_model::{FileKind, Outcome};
    use spyhop_testkit::event;

    fn named(method: &str, path: &str) -> Vec<&'static str> {
        let mut call = event().get("a.example/").build(1).call;
        let request = call.request.as_mut().expect("a request");
        request.method = method.into();
        request.path = path.split('/').map(|text| Segment::Literal(text.into())).collect();
        by_words(&call).names().collect()
    }

    #[test]
    fn words_in_three_scripts() {
        let cases: &[(&str, &str, &[&str])] = &[
            ("POST", "api/login", &["login"]),
            ("POST", "user/signIn", &["login"]),
            ("POST", "yonghu/denglu", &["login"]),
            ("POST", "用户/登录", &["login"]),
            ("POST", "oauth/token", &["login"]),
            ("GET", "login", &[]),
            ("GET", "monitor/loginLog/list", &["query"]),
            ("GET", "catalogindex", &[]),
            ("POST", "logout", &["logout"]),
            ("GET", "order/export", &["export", "high_risk"]),
            ("GET", "dingdan/daochu", &["export", "high_risk"]),
            ("GET", "客户导出", &["export", "high_risk"]),
            ("POST", "user/shanchu", &["high_risk"]),
            ("DELETE", "user", &["high_risk"]),
            ("POST", "role/grant", &["admin", "high_risk"]),
            ("GET", "system/role", &["admin"]),
            ("POST", "用户/授权", &["high_risk"]),
            ("POST", "user/resetPwd", &["high_risk", "register"]),
            ("POST", "sms/send", &["code"]),
            ("POST", "daoru", &["upload", "high_risk"]),
            ("GET", "actuator/health", &["admin", "health"]),
            ("GET", "static/download.png", &["static"]),
            ("GET", "js/app.js", &["static"]),
            ("POST", "users/register", &["register"]),
            ("GET", "help/index.html", &["page"]),
            ("GET", "articles/how-to-delete-and-export-all", &[]),
        ];
        for (method, path, expected) in cases {
            assert_eq!(named(method, path), *expected, "{method} {path}");
        }
    }

    #[test]
    fn an_endpoint_shows_what_it_is() {
        let mut learnt = Learnt::default();
        for n in 0..4 {
            learnt.learn(&event().post("a.example/x").login("alice", Outcome::Failure).build(n).call);
        }
        assert_eq!(learnt.nature(Nature::default()), Nature::default());
        learnt.learn(&event().post("a.example/x").login("alice", Outcome::Success).build(9).call);
        assert!(learnt.nature(Nature::default()).has(Nature::LOGIN));
        let mut other = Learnt::default();
        (0..9).for_each(|n| other.learn(&event().post("a.example/x").build(n).call));
        other.add(&learnt);
        assert!(!other.nature(Nature::default()).has(Nature::LOGIN), "5 of 14");
        let mut files = Learnt::default();
        (0..5).for_each(|n| {
            files.learn(&event().get("a.example/x").delivers("a.csv", FileKind::Csv, true).build(n).call)
        });
        assert!(files.nature(Nature::default()).has(Nature::EXPORT | Nature::HIGH_RISK));
    }
}
