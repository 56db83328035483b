//! Names as words: of form fields, object keys, path segments and cookies; and what they mean at a login.
//!
//! A name is compared as a whole, squashed (`j_password` is `jpassword`), or word by word (`userLoginPwd` is `user`,
//! `login`, `pwd`); never by a part of a word, so that `bypass` is no password and `author` no authentication.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::tables::*;

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
    /// A further password. Of a registration or a change.
    OtherPassword(Which),
    /// The account; names before addresses and numbers (2), before words that may mean anything (1).
    User(u8),
    /// A code: one-time for sure (3); that or a captcha or OAuth's (2); another system's (1).
    Code(u8),
    /// The answer to a captcha.
    Captcha,
    /// Names the captcha that is answered.
    CaptchaKey,
    /// Carries a login from one step to the next.
    Step,
    /// OAuth2's `state` and its kin.
    State,
    /// OAuth2's `redirect_uri`.
    Redirect,
    /// A ticket, of CAS perhaps.
    Ticket,
    /// SAML's response.
    Saml,
    /// An ID token of OpenID Connect.
    IdToken,
    /// WebAuthn's client data.
    ClientData,
    /// WebAuthn's authenticator data, in an assertion.
    Authenticator,
    /// WebAuthn's attestation: a key is registered.
    Attestation,
    /// A signature of a USB key, a certificate.
    KeyProof,
    /// A face.
    Face,
    /// The secret of an application.
    ClientSecret,
    /// A document of GraphQL, or whatever is searched for.
    GraphQl,
    /// OAuth2's kind of grant (RFC 6749, section 4).
    Grant,
    /// Says what the request does, as a path does elsewhere: `action=login`.
    Route,
    /// Describes a person: of a registration or an administrator's form.
    Profile,
    /// Text for people.
    Message,
    /// Describes a connection to another system, whose password is not the caller's.
    Connection,
    /// Nothing of the kind.
    Other,
}

/// Which password besides the one that is shown at a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    /// The one that is set.
    New,
    /// The one that was set before.
    Old,
    /// The one that is set, repeated.
    Again,
    /// No password but a word about it.
    Flag,
}

/// By the whole name. Every field of every request passes by here, so there is one look-up, not a dozen tables.
static WHOLE: LazyLock<HashMap<&str, FieldClass, ahash::RandomState>> = LazyLock::new(|| {
    FIELDS.iter().flat_map(|(class, names)| names.split_whitespace().map(|name| (name, *class))).collect()
});

/// What a field's name means.
pub(crate) fn classify(name: &Name) -> FieldClass {
    let squashed = name.squashed();
    if let Some(class) = WHOLE.get(squashed) {
        return *class;
    }
    if name.has(PASSWORD_WORDS) || squashed.ends_with("密码") || squashed.ends_with("口令") {
        return other_password(name, squashed);
    }
    let code = ["code", "otp", "yzm", "captcha", "验证码"].iter().any(|end| squashed.ends_with(end));
    if code {
        return code_of(name, squashed);
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

/// A name with a word for password in it, which is in no table.
fn other_password(name: &Name, squashed: &str) -> FieldClass {
    let says = |words: &[&str]| words.iter().any(|word| squashed.contains(word));
    if name.has(&["dynamic", "onetime", "otp", "sms"]) || says(&["动态", "一次性", "短信"]) {
        FieldClass::Code(3)
    } else if name.has(FLAGS) {
        FieldClass::OtherPassword(Which::Flag)
    } else if name.has(AGAIN) || says(&["确认", "重复"]) {
        FieldClass::OtherPassword(Which::Again)
    } else if name.has(OLD) || says(&["旧", "原"]) {
        FieldClass::OtherPassword(Which::Old)
    } else if name.has(NEW) || says(&["新"]) {
        FieldClass::OtherPassword(Which::New)
    } else if ends_as_password(name) {
        FieldClass::Password
    } else {
        FieldClass::Other
    }
}

/// A name that ends in a word for code, which is in no table.
fn code_of(name: &Name, squashed: &str) -> FieldClass {
    let says = |words: &[&str]| words.iter().any(|word| squashed.contains(word));
    match name.words().last() {
        Some("otp") => FieldClass::Code(3),
        _ if name.has(ONE_TIME) || says(&["短信", "手机", "邮箱", "动态"]) => FieldClass::Code(3),
        _ if name.has(PICTURE) || says(&["图形", "图片"]) => FieldClass::Captcha,
        Some("yzm" | "captcha") => FieldClass::Code(2),
        _ if name.has(TYPED) || says(&["验证码"]) => FieldClass::Code(2),
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
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct PathSigns(u16);

/// Segments of a path that are read, from its end.
const SEGMENTS: usize = 8;

impl PathSigns {
    /// It is about logging in.
    pub const LOGIN: u16 = 1 << 0;
    /// Its last segment says so in plain words.
    pub const ENDS_IN_LOGIN: u16 = 1 << 1;
    /// It registers somebody.
    pub const REGISTERS: u16 = 1 << 2;
    /// It changes something, a password perhaps.
    pub const CHANGES: u16 = 1 << 3;
    /// It ends in a collection of people: creating one looks like a login.
    pub const PEOPLE: u16 = 1 << 4;
    /// It has a one-time code sent.
    pub const SENDS_CODE: u16 = 1 << 5;
    /// It asks whether somebody exists.
    pub const LOOKS_UP: u16 = 1 << 6;
    /// It is the step of a second factor.
    pub const SECOND: u16 = 1 << 7;
    /// It verifies something.
    pub const VERIFIES: u16 = 1 << 8;
    /// It sets a factor up.
    pub const SETS_UP: u16 = 1 << 9;
    /// Another system sends browsers back here.
    pub const CALLBACK: u16 = 1 << 10;
    /// It is about another system that vouches.
    pub const SSO: u16 = 1 << 11;
    /// It is such a system's own endpoint.
    pub const SSO_ENDPOINT: u16 = 1 << 12;
    /// It is about what has passwords and codes of its own: a device, a setting, a payment.
    pub const FOREIGN: u16 = 1 << 13;
    /// An application redeems a ticket.
    pub const VALIDATES: u16 = 1 << 14;
    /// Nothing but `/`.
    pub const ROOT: u16 = 1 << 15;

    /// Whether one of `signs` is there.
    pub fn any(self, signs: u16) -> bool {
        self.0 & signs != 0
    }

    /// Reads a path or the like, up to `?`.
    pub fn of(path: &[u8]) -> PathSigns {
        let path = path.split(|b| matches!(b, b'?' | b'#')).next().unwrap_or_default();
        let segments =
            path.rsplit(|b| *b == b'/').map(|segment| segment.split(|b| *b == b';').next().unwrap_or_default());
        let mut signs = 0;
        // What is told of the last two segments together.
        let (mut sends, mut codes, mut channels, mut looks, mut identity) = (false, 0, 0, false, false);
        let (mut only_code, mut creates) = (false, false);
        let mut at = 0;
        for segment in segments.filter(|segment| !segment.is_empty()).take(SEGMENTS) {
            let name = Name::new(segment);
            let mut set = |holds: bool, sign: u16| signs |= if holds { sign } else { 0 };
            let login = says_login(&name);
            let changes = says(&name, CHANGE_WORDS);
            let registers = says(&name, REGISTER_WORDS) || name.has(CREATE_WORDS) && name.has(PEOPLE_WORDS);
            if at == 0 {
                // `loginOrRegister` logs in; `resetLoginPassword` does not.
                let ends = login && !changes;
                set(ends, Self::ENDS_IN_LOGIN);
                let first = name.words().next().is_some_and(|word| PEOPLE_WORDS.contains(&word));
                set(first && !login, Self::PEOPLE);
                creates = name.has(CREATE_WORDS) && !ends;
                only_code = name.words().all(|word| CODE_WORDS.contains(&word));
                set(name.has(VALIDATE_WORDS) || VALIDATE_WORDS.contains(&name.squashed()), Self::VALIDATES);
            }
            // `/user/save`.
            let person = name.words().next().is_some_and(|word| PEOPLE_WORDS.contains(&word));
            set(at == 1 && creates && person, Self::REGISTERS);
            if at < 2 {
                sends |= name.has(SEND_WORDS);
                codes += name.words().filter(|word| CODE_WORDS.contains(word)).count();
                channels += name.words().filter(|word| CHANNEL_WORDS.contains(word) && *word != "sms").count();
                looks |= name.has(LOOKUP_WORDS);
                identity |= name.has(IDENTITY_WORDS);
            }
            set(login || name.has(AUTH_WORDS), Self::LOGIN);
            set(says_second(&name), Self::SECOND);
            set(name.has(VERIFY_WORDS), Self::VERIFIES);
            set(name.has(SETUP_WORDS), Self::SETS_UP);
            set(name.has(CALLBACK_WORDS), Self::CALLBACK);
            set(name.has(SSO_WORDS), Self::SSO);
            set(name.has(FOREIGN_WORDS), Self::FOREIGN);
            if !segment.is_ascii() {
                let squashed = name.squashed();
                let said = HAN.iter().filter(|(phrases, _)| phrases.iter().any(|phrase| squashed.contains(phrase)));
                said.for_each(|(_, sign)| set(true, *sign));
            }
            if signs & Self::ENDS_IN_LOGIN == 0 {
                signs |= if changes { Self::CHANGES } else { 0 };
                signs |= if registers { Self::REGISTERS } else { 0 };
            }
            at += 1;
        }
        if sends && codes > 0 || codes > 1 || codes > 0 && channels > 0 || only_code {
            signs |= Self::SENDS_CODE;
        }
        if looks && identity {
            signs |= Self::LOOKS_UP;
        }
        if at == 0 {
            signs |= Self::ROOT;
        }
        let tail = path.get(path.len().saturating_sub(LONGEST)..).unwrap_or(path);
        if signs & (Self::SSO | Self::LOGIN) != 0 || tail.contains(&b'2') || tail.ends_with(b"getuserinfo") {
            let tail = String::from_utf8_lossy(tail).to_ascii_lowercase();
            if SSO_ENDPOINTS.iter().any(|end| tail.ends_with(end)) {
                signs |= Self::SSO_ENDPOINT;
            }
        }
        PathSigns(signs)
    }

    /// Reads the name of an operation, which stands alone: `tokenAuth` logs in.
    pub fn of_operation(name: &str) -> PathSigns {
        let signs = PathSigns::of(name.as_bytes());
        let sets = Self::REGISTERS | Self::CHANGES | Self::SENDS_CODE | Self::LOOKS_UP;
        PathSigns(signs.0 | if signs.any(Self::LOGIN) && !signs.any(sets) { Self::ENDS_IN_LOGIN } else { 0 })
    }

    /// Both together: a path, and a parameter that goes on with it.
    pub fn and(self, other: PathSigns) -> PathSigns {
        let mut both = self.0 | other.0 & !Self::ROOT;
        if other.any(Self::ENDS_IN_LOGIN) {
            both &= !(Self::REGISTERS | Self::CHANGES) | other.0;
        }
        if other.any(Self::LOGIN) {
            both &= !Self::PEOPLE;
        }
        PathSigns(both)
    }
}

impl std::fmt::Debug for PathSigns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const NAMES: [&str; 16] = [
            "login",
            "ends",
            "registers",
            "changes",
            "people",
            "sends",
            "looks",
            "second",
            "verifies",
            "setup",
            "callback",
            "sso",
            "provider",
            "foreign",
            "validates",
            "root",
        ];
        let said = NAMES.iter().enumerate().filter(|(bit, _)| self.0 >> bit & 1 == 1).map(|(_, name)| *name);
        f.write_str(&said.collect::<Vec<_>>().join(" "))
    }
}

fn says_login(name: &Name) -> bool {
    let squashed = name.squashed();
    let spelt = |word: &str| LOGIN_WORDS.contains(&word) || word.starts_with("login") || word.ends_with("login");
    // Lists of logins are not logins.
    !squashed.contains("loginlog")
        && !squashed.contains("logininfo")
        && (matches!(squashed, "jspringsecuritycheck" | "jsecuritycheck" | "jacegisecuritycheck")
            || name.words().any(spelt)
            || name.words().zip(name.words().skip(1)).any(|pair| matches!(pair, ("sign" | "log", "in" | "on"))))
}

fn says_second(name: &Name) -> bool {
    let squashed = name.squashed();
    name.has(SECOND_WORDS) || SECOND_PARTS.iter().any(|part| squashed.contains(part))
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
    use Which::*;

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
            ("newPassword", OtherPassword(New)),
            ("password_confirmation", OtherPassword(Again)),
            ("password2", OtherPassword(Again)),
            ("确认密码", OtherPassword(Again)),
            ("isPassword", OtherPassword(Flag)),
            ("bypass", Other),
            ("isPass", Other),
            ("passwordType", Other),
            ("comment", Message),
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
            ("client_secret", ClientSecret),
            ("smsVerifyCode", Code(3)),
            ("twoFactorCode", Code(3)),
            ("user[otp_attempt]", Code(3)),
            ("loginDynamicPwd", Code(3)),
            ("短信验证码", Code(3)),
            ("verify_code", Code(2)),
            ("loginCode", Code(2)),
            ("imgVerifyCode", Captcha),
            ("g-recaptcha-response", Captcha),
            ("zipCode", Other),
            ("jsCode", Code(1)),
            ("SAMLResponse", Saml),
            ("mfaToken", Step),
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
        let table: &[(&str, &str)] = &[
            ("/login", "login ends"),
            ("/api/v1/userLogin.do;jsessionid=1?x=/register", "login ends"),
            ("/wp-login.php", "login ends"),
            ("/users/sign_in", "login ends"),
            ("/j_spring_security_check", "login ends"),
            ("/oauth/token", "login callback"),
            ("/user/loginOrRegister", "login ends"),
            ("/register", "registers"),
            ("/user/resetLoginPassword", "login changes"),
            ("/account/changepwd", "changes"),
            ("/system/user/addUser", "registers"),
            ("/api/users", "people"),
            ("/monitor/loginLog/list", ""),
            ("/author/exchange", ""),
            ("", "root"),
            ("/", "root"),
            ("/api/sms/sendCode", "sends"),
            ("/captcha/sms", "sends"),
            ("/user/getVerifyCode", "sends verifies"),
            ("/auth/v1/otp", "login sends second"),
            ("/admin/user/save", "registers"),
            ("/auth/sendSms", "login sends"),
            ("/goods/getByCode", "sends"),
            ("/user/checkUsername", "looks"),
            ("/api/account/exists", "looks"),
            ("/isRegistered", "registers looks"),
            ("/auth/mfa/verify", "login second verifies"),
            ("/Account/LoginWith2fa", "login ends second"),
            ("/user/2fa/enable", "second setup"),
            ("/wecom/callback", "callback sso"),
            ("/sns/jscode2session", "login provider"),
            ("/cas/serviceValidate", "login validates"),
            ("用户登录", "login ends"),
            ("发送验证码", "sends"),
            ("/system/config/mail", "foreign"),
            ("/pay/callback", "callback foreign"),
        ];
        for (path, expected) in table {
            assert_eq!(format!("{:?}", PathSigns::of(path.as_bytes())), *expected, "{path}");
        }
    }
}
