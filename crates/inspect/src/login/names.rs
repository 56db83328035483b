//! Names as words: of form fields, object keys, path segments and cookies; and what they mean at a login.
//!
//! A name is compared as a whole, squashed (`j_password` is `jpassword`), or word by word (`userLoginPwd` is `user`,
//! `login`, `pwd`); never by a part of a word, so that `bypass` is no password and `author` no authentication.

use std::collections::HashMap;
use std::sync::LazyLock;

/// Most bytes of a name that count; of a longer one the end, where the noun stands.
const LONGEST: usize = 48;

/// A name in lower case without its separators, and where its words begin. No allocation: every field passes by here.
pub(crate) struct Name {
    bytes: [u8; LONGEST],
    len: usize,
    /// Bit n: a word begins at byte n.
    starts: u64,
}

impl Name {
    /// A field's name: of `user[password]`, `ctl00$Main$txtPassword` or `LoginForm.pwd` the last part.
    pub fn of_field(name: &str) -> Name {
        let inner = name.trim_end_matches("[]").trim_end_matches([']', ')']);
        Name::new(inner.rsplit(['[', '$', '.', ':', '/']).next().unwrap_or_default().as_bytes())
    }

    /// Any name.
    pub fn new(name: &[u8]) -> Name {
        let name = name.get(name.len().saturating_sub(LONGEST)..).unwrap_or(name);
        let mut this = Name { bytes: [0; LONGEST], len: 0, starts: 0 };
        let mut before = Kind::Separator;
        for (at, byte) in name.iter().enumerate() {
            let kind = Kind::of(*byte);
            let lower_next = name.get(at + 1).is_some_and(u8::is_ascii_lowercase);
            let begins = match (before, kind) {
                (_, Kind::Separator) => {
                    before = kind;
                    continue;
                }
                (Kind::Upper, Kind::Upper) => lower_next,
                (Kind::Upper, Kind::Lower) => false,
                (before, kind) => before != kind,
            };
            if let Some(slot) = this.bytes.get_mut(this.len) {
                *slot = byte.to_ascii_lowercase();
                this.starts |= u64::from(begins) << this.len;
                this.len += 1;
            }
            before = kind;
        }
        this
    }

    /// All words in one, lower case.
    pub fn squashed(&self) -> &str {
        // A cut at the beginning may have split a character; such a name is in no table.
        std::str::from_utf8(self.bytes.get(..self.len).unwrap_or_default()).unwrap_or_default()
    }

    /// Its words, lower case.
    pub fn words(&self) -> impl Iterator<Item = &str> + Clone {
        let mut at = 0;
        std::iter::from_fn(move || {
            (at < self.len).then(|| {
                let next = (at + 1..self.len).find(|n| self.starts >> n & 1 == 1).unwrap_or(self.len);
                let word = self.bytes.get(at..next).unwrap_or_default();
                at = next;
                std::str::from_utf8(word).unwrap_or_default()
            })
        })
    }

    /// One of its words is in the table.
    pub fn has(&self, table: &[&str]) -> bool {
        self.words().any(|word| table.contains(&word))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Separator,
    Lower,
    Upper,
    Digit,
    Other,
}

impl Kind {
    fn of(byte: u8) -> Kind {
        match byte {
            b'a'..=b'z' => Kind::Lower,
            b'A'..=b'Z' => Kind::Upper,
            b'0'..=b'9' => Kind::Digit,
            0x80.. => Kind::Other,
            _ => Kind::Separator,
        }
    }
}

/// What a field of a request is at a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FieldClass {
    /// The password.
    Password,
    /// May be a password: `secret`, `pin`.
    Secret,
    /// A further password: new, old, repeated. Of a registration or a change.
    OtherPassword,
    /// The account; names before addresses and numbers (2), before words that may mean anything (1).
    User(u8),
    /// OAuth2's kind of grant (RFC 6749, section 4).
    Grant,
    /// Says what the request does, as a path does elsewhere: `action=login`.
    Route,
    /// Describes a person: of a registration or an administrator's form.
    Profile,
    /// Describes a connection to another system, whose password is not the caller's.
    Connection,
    /// Nothing of the kind.
    Other,
}

const PASSWORDS: &[&str] = &[
    "authpassword",
    "inputpassword",
    "jpassword",
    "kl",
    "kouling",
    "loginpass",
    "loginpassword",
    "loginpwd",
    "logpwd",
    "mima",
    "mm",
    "pass",
    "passphrase",
    "passwd",
    "passwod",
    "password",
    "passwrd",
    "psd",
    "psw",
    "pswd",
    "pw",
    "pwd",
    "pword",
    "txtpassword",
    "txtpwd",
    "upass",
    "upwd",
    "userpass",
    "userpassword",
    "userpsw",
    "userpwd",
    "usrpwd",
    "登录密码",
    "登陆密码",
    "密码",
    "口令",
    "用户密码",
];
/// Words that mean a password wherever they end a name. `pass` is not among them: `isPass`, `boardingPass`.
const PASSWORD_WORDS: &[&str] =
    &["password", "passwd", "pwd", "passwrd", "psw", "pswd", "passphrase", "mima", "密码", "口令"];
/// Words behind it that say only how it is written.
const CODINGS: &[&str] = &[
    "md",
    "sha",
    "rsa",
    "sm",
    "aes",
    "enc",
    "encode",
    "encoded",
    "encrypt",
    "encrypted",
    "cipher",
    "5",
    "1",
    "256",
    "2",
    "str",
    "text",
];
/// Words beside it that make it another password.
const OTHER_PASSWORD: &[&str] = &[
    "new",
    "old",
    "confirm",
    "confirmed",
    "confirmation",
    "re",
    "repeat",
    "repeated",
    "again",
    "retype",
    "verify",
    "check",
    "second",
    "original",
    "origin",
    "current",
    "reset",
    "forgot",
    "change",
    "is",
    "has",
    "need",
    "show",
    "remember",
];
const OTHER_PASSWORDS: &[&str] = &[
    "repassword",
    "repasswd",
    "repwd",
    "repass",
    "newpassword",
    "newpasswd",
    "newpwd",
    "newpass",
    "oldpassword",
    "oldpasswd",
    "oldpwd",
    "oldpass",
    "confirmpassword",
    "confirmpwd",
    "confirmpass",
    "cpassword",
    "rpassword",
    "rpwd",
    "password1",
    "password2",
    "pwd1",
    "pwd2",
    "passwordagain",
    "xinmima",
    "jiumima",
    "querenmima",
    "surepassword",
    "passwordconfirm",
    "新密码",
    "旧密码",
    "原密码",
    "确认密码",
    "重复密码",
];
const SECRETS: &[&str] = &["secret", "credential", "credentials", "passcode", "pin"];

const USERS: &[&str] = &[
    "account",
    "accountid",
    "accountname",
    "accountno",
    "acct",
    "admin",
    "adminname",
    "adminuser",
    "empid",
    "empno",
    "employeeid",
    "employeeno",
    "gh",
    "gonghao",
    "identifier",
    "jobno",
    "jobnumber",
    "jusername",
    "log",
    "login",
    "loginaccount",
    "loginid",
    "loginname",
    "loginuser",
    "logonid",
    "logonname",
    "membername",
    "opercode",
    "operatorid",
    "operator",
    "principal",
    "signinname",
    "staffid",
    "staffno",
    "txtuser",
    "txtusername",
    "uid",
    "uname",
    "user",
    "useraccount",
    "usercode",
    "userid",
    "userlogin",
    "username",
    "usernameoremail",
    "userno",
    "usr",
    "usrname",
    "xuehao",
    "yhm",
    "yonghu",
    "yonghuming",
    "zh",
    "zhanghao",
    "zhanghu",
    "用户名",
    "账号",
    "帐号",
    "账户",
    "工号",
    "学号",
    "用户",
    "登录名",
    "登录账号",
    "用户账号",
];
const ADDRESSES: &[&str] = &[
    "cellphone",
    "email",
    "emailaddress",
    "mail",
    "mobile",
    "mobileno",
    "mobilephone",
    "phone",
    "phoneno",
    "phonenumber",
    "shouji",
    "shoujihao",
    "tel",
    "telephone",
    "useremail",
    "usermobile",
    "userphone",
    "youxiang",
    "手机",
    "手机号",
    "邮箱",
];
const ANYTHING: &[&str] = &["name", "id", "nick"];
const ROUTES: &[&str] = &[
    "action",
    "act",
    "do",
    "op",
    "opt",
    "method",
    "m",
    "c",
    "a",
    "s",
    "r",
    "mod",
    "route",
    "cmd",
    "func",
    "service",
    "task",
    "operationname",
];
const PROFILES: &[&str] = &[
    "address", "avatar", "birthday", "dept", "deptid", "gender", "nickname", "postids", "realname", "remark", "role",
    "roleid", "roleids", "roles", "rolename", "sex", "truename", "xingming", "姓名", "性别",
];
const CONNECTIONS: &[&str] = &[
    "host",
    "hostname",
    "port",
    "jdbcurl",
    "driver",
    "driverclassname",
    "dbname",
    "dburl",
    "schema",
    "datasource",
    "smtphost",
    "smtpserver",
    "smtpport",
    "sshhost",
    "endpoint",
    "proxyhost",
];
/// Objects that hold such a connection.
const CONNECTION_WORDS: &[&str] =
    &["datasource", "db", "database", "jdbc", "smtp", "ldap", "proxy", "redis", "mysql", "ftp", "ssh", "mqtt"];

/// By the whole name. Every field of every request passes by here, so there is one look-up, not a dozen tables.
static WHOLE: LazyLock<HashMap<&str, FieldClass>> = LazyLock::new(|| {
    let tables = [
        (CONNECTIONS, FieldClass::Connection),
        (PROFILES, FieldClass::Profile),
        (ROUTES, FieldClass::Route),
        (SECRETS, FieldClass::Secret),
        (&["granttype"], FieldClass::Grant),
        (ANYTHING, FieldClass::User(1)),
        (ADDRESSES, FieldClass::User(2)),
        (USERS, FieldClass::User(3)),
        (OTHER_PASSWORDS, FieldClass::OtherPassword),
        (PASSWORDS, FieldClass::Password),
    ];
    tables.iter().flat_map(|(names, class)| names.iter().map(|name| (*name, *class))).collect()
});

/// What a field's name means.
pub(crate) fn classify(name: &Name) -> FieldClass {
    let squashed = name.squashed();
    if let Some(class) = WHOLE.get(squashed) {
        return *class;
    }
    if name.has(PASSWORD_WORDS) || squashed.ends_with("密码") || squashed.ends_with("口令") {
        return if name.has(OTHER_PASSWORD) || ["新", "旧", "原", "确认"].iter().any(|word| squashed.contains(word))
        {
            FieldClass::OtherPassword
        } else if ends_as_password(name) {
            FieldClass::Password
        } else {
            FieldClass::Other
        };
    }
    if !squashed.ends_with("name") && !squashed.ends_with("id") {
        return FieldClass::Other;
    }
    // `admin_username`, `userLoginName`, `txtUserName`.
    match two_last(name) {
        Some((_, "username" | "loginname") | ("user" | "login" | "account", "name") | ("user" | "login", "id")) => {
            FieldClass::User(3)
        }
        _ => FieldClass::Other,
    }
}

/// The name of an object that describes another system.
pub(crate) fn is_connection(parent: &str) -> bool {
    !parent.is_empty() && Name::of_field(parent).has(CONNECTION_WORDS)
}

/// The last word is a password, but for words on its coding.
fn ends_as_password(name: &Name) -> bool {
    let behind = name.words().skip_while(|word| !PASSWORD_WORDS.contains(word)).skip(1);
    let mut behind = behind.filter(|word| !PASSWORD_WORDS.contains(word));
    behind.all(|word| CODINGS.contains(&word))
}

fn two_last(name: &Name) -> Option<(&str, &str)> {
    let last = name.words().last()?;
    let before = name.words().zip(name.words().skip(1)).last().map(|(before, _)| before)?;
    Some((before, last))
}

/// What a path, or a value that stands for one, says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PathSigns {
    /// It is about logging in.
    pub login: bool,
    /// Its last segment says so in plain words.
    pub ends_in_login: bool,
    /// It registers somebody, or changes a password.
    pub sets_password: bool,
    /// It ends in a collection of people: creating one looks like a login.
    pub people: bool,
}

const LOGIN_WORDS: &[&str] = &["login", "signin", "logon", "signon", "denglu", "dl", "dologin"];
const AUTH_WORDS: &[&str] = &[
    "auth",
    "authenticate",
    "authentication",
    "session",
    "sessions",
    "token",
    "oauth",
    "sso",
    "cas",
    "passport",
    "jaccount",
];
const REGISTER_WORDS: &[&str] =
    &["register", "registration", "regist", "signup", "zhuce", "adduser", "createuser", "import"];
const CHANGE_WORDS: &[&str] = &[
    "reset",
    "forgot",
    "forget",
    "change",
    "modify",
    "update",
    "edit",
    "lostpassword",
    "findpassword",
    "xiugai",
    "chongzhi",
    "zhaohui",
];
const CREATE_WORDS: &[&str] = &["add", "create", "save", "insert", "new", "batch"];
const PEOPLE_WORDS: &[&str] =
    &["user", "users", "account", "accounts", "member", "members", "admins", "employee", "employees", "staff"];

/// Segments of a path that are read, from its end.
const SEGMENTS: usize = 8;

impl PathSigns {
    /// Reads a path or the like, up to `?`.
    pub fn of(path: &[u8]) -> PathSigns {
        let path = path.split(|b| matches!(b, b'?' | b'#')).next().unwrap_or_default();
        let segments =
            path.rsplit(|b| *b == b'/').map(|segment| segment.split(|b| *b == b';').next().unwrap_or_default());
        let mut signs = PathSigns::default();
        let mut last = true;
        for segment in segments.filter(|segment| !segment.is_empty()).take(SEGMENTS) {
            let name = Name::new(segment);
            let login = says_login(&name);
            let changes = says(&name, CHANGE_WORDS);
            let registers = says(&name, REGISTER_WORDS) || name.has(CREATE_WORDS) && name.has(PEOPLE_WORDS);
            signs.login |= login || name.has(AUTH_WORDS);
            if last {
                // `loginOrRegister` logs in; `resetLoginPassword` does not.
                signs.ends_in_login = login && !changes;
                signs.people = name.words().next().is_some_and(|word| PEOPLE_WORDS.contains(&word)) && !login;
            }
            signs.sets_password |= (changes || registers) && !signs.ends_in_login;
            last = false;
        }
        signs
    }

    /// Both together: a path, and a parameter that goes on with it.
    pub fn and(self, other: PathSigns) -> PathSigns {
        PathSigns {
            login: self.login || other.login,
            ends_in_login: self.ends_in_login || other.ends_in_login,
            sets_password: (self.sets_password && !other.ends_in_login) || other.sets_password,
            people: self.people && !other.login,
        }
    }
}

fn says_login(name: &Name) -> bool {
    let squashed = name.squashed();
    let spelt = |word: &str| LOGIN_WORDS.contains(&word) || word.starts_with("login") || word.ends_with("login");
    // Lists of logins are not logins.
    !squashed.contains("loginlog")
        && !squashed.contains("logininfo")
        && (matches!(squashed, "jspringsecuritycheck" | "jsecuritycheck")
            || name.words().any(spelt)
            || name.words().zip(name.words().skip(1)).any(|pair| matches!(pair, ("sign" | "log", "in" | "on"))))
}

/// One of the words, whole or as the beginning of a word (`resetpwd`, `changepassword`).
fn says(name: &Name, table: &[&str]) -> bool {
    let joined = |pair: (&str, &str)| matches!(pair, ("sign", "up"));
    name.words().any(|word| table.iter().any(|begin| word.starts_with(begin)))
        || table == REGISTER_WORDS && name.words().zip(name.words().skip(1)).any(joined)
}

#[cfg(test)]
mod tests {
    use super::*;
    use FieldClass::*;

    #[test]
    fn names_fall_into_words() {
        for (name, words) in [
            ("userLoginPwd", "user login pwd"),
            ("j_password", "j password"),
            ("X-Access-Token", "x access token"),
            ("XMLHttpID", "xml http id"),
            ("password2", "password 2"),
            ("用户名", "用户名"),
            ("__", ""),
        ] {
            let name = Name::new(name.as_bytes());
            assert_eq!(name.words().collect::<Vec<_>>().join(" "), words);
            assert_eq!(name.squashed(), words.replace(' ', ""));
        }
        let long = format!("{}密password", "x".repeat(100));
        assert_eq!(Name::new(long.as_bytes()).words().last(), Some("password"));
        assert_eq!(Name::new("密".repeat(40).as_bytes()).words().count(), 1);
    }

    #[test]
    fn fields_are_told_by_whole_words() {
        let table: &[(&str, FieldClass)] = &[
            ("password", Password),
            ("passWord", Password),
            ("user[password]", Password),
            ("ctl00$MainContent$txtPassword", Password),
            ("LoginForm[password]", Password),
            ("loginPwd", Password),
            ("passwordMd5", Password),
            ("encrypted_password", Password),
            ("mm", Password),
            ("登录密码", Password),
            ("newPassword", OtherPassword),
            ("password_confirmation", OtherPassword),
            ("password2", OtherPassword),
            ("确认密码", OtherPassword),
            ("isPassword", OtherPassword),
            ("bypass", Other),
            ("isPass", Other),
            ("passwordType", Other),
            ("comment", Other),
            ("username", User(3)),
            ("user_name", User(3)),
            ("j_username", User(3)),
            ("data[User][username]", User(3)),
            ("admin_username", User(3)),
            ("log", User(3)),
            ("工号", User(3)),
            ("mobile", User(2)),
            ("name", User(1)),
            ("catalog", Other),
            ("client_secret", Other),
            ("secret", Secret),
            ("grant_type", Grant),
            ("action", Route),
            ("roleIds", Profile),
            ("jdbcUrl", Connection),
        ];
        for (name, class) in table {
            assert_eq!(classify(&Name::of_field(name)), *class, "{name}");
        }
    }

    #[test]
    fn paths_say_what_they_do() {
        let signs =
            |login, ends_in_login, sets_password, people| PathSigns { login, ends_in_login, sets_password, people };
        let table: &[(&str, PathSigns)] = &[
            ("/login", signs(true, true, false, false)),
            ("/api/v1/userLogin.do;jsessionid=1?x=/register", signs(true, true, false, false)),
            ("/wp-login.php", signs(true, true, false, false)),
            ("/users/sign_in", signs(true, true, false, false)),
            ("/j_spring_security_check", signs(true, true, false, false)),
            ("/oauth/token", signs(true, false, false, false)),
            ("/user/loginOrRegister", signs(true, true, false, false)),
            ("/register", signs(false, false, true, false)),
            ("/user/resetLoginPassword", signs(true, false, true, false)),
            ("/account/changepwd", signs(false, false, true, false)),
            ("/system/user/addUser", signs(false, false, true, false)),
            ("/api/users", signs(false, false, false, true)),
            ("/monitor/loginLog/list", signs(false, false, false, false)),
            ("/author/exchange", signs(false, false, false, false)),
            ("", signs(false, false, false, false)),
        ];
        for (path, expected) in table {
            assert_eq!(PathSigns::of(path.as_bytes()), *expected, "{path}");
        }
    }
}
