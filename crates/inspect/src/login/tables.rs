//! The words of logins: names of fields by what they are, and words of paths. A dialect is a row here, where it can be.

use super::names::FieldClass::{self, *};
use super::names::PathSigns;
use super::names::Which::*;

/// Names of fields, lower case and squashed, by class. A name in two rows is what the later says.
pub(super) const FIELDS: &[(FieldClass, &str)] = &[
    (
        Connection,
        "host hostname port ip ipaddr ipaddress deviceip serverip url uri server serverurl jdbc jdbcurl jdbcdriver driver \
         driverclassname dbname dburl dbtype dbhost database schema datasource smtphost smtpserver smtpport sshhost sshport \
         endpoint proxyhost proxyport ldapurl ldapserver brokers bucket ssid basedn",
    ),
    (
        Profile,
        "address avatar birthday dept deptid gender nickname postids realname remark role roleid roleids roles rolename sex \
         truename xingming firstname lastname fullname age idcard company 姓名 性别",
    ),
    (Message, "content message text body sms smscontent msgcontent comment subject"),
    (Route, "action act do op opt method m c a s r mod route cmd func service task operationname"),
    (Secret, "secret credential credentials pin"),
    (Grant, "granttype"),
    (User(1), "name id nick sub"),
    (
        User(2),
        "cellphone email emailaddress mail mobile mobileno mobilephone phone phoneno phonenumber shouji shoujihao tel \
         telephone useremail usermobile userphone youxiang loginphone loginmobile loginemail phonenum mobilenum tel_no \
         recipient 手机 手机号 手机号码 邮箱 电子邮箱",
    ),
    (
        User(3),
        "account accountid accountname accountno acct admin adminname adminuser empid empno employeeid employeeno gh \
         gonghao identifier jobno jobnumber jusername log login loginaccount loginid loginname loginuser logonid logonname \
         membername opercode operatorid operator principal signinname staffid staffno txtuser txtusername uid uname user \
         useraccount usercode userid userlogin username usernameoremail userno usr usrname xuehao yhm yonghu yonghuming zh \
         zhanghao zhanghu sapuser binddn userdn samaccountname userprincipalname upn jobnum studentno cardno \
         loginkey emailorusername usernameoremailaddress usernameorphone httpdusername luciusername \
         用户名 账号 帐号 账户 工号 学号 用户 登录名 登录账号 用户账号 用户编号",
    ),
    (
        OtherPassword(New),
        "newpassword newpasswd newpwd newpass xinmima password1 pwd1 newpassword1 npassword xinkouling 新密码",
    ),
    (OtherPassword(Old), "oldpassword oldpasswd oldpwd oldpass jiumima yuanmima opassword originpwd 旧密码 原密码"),
    (
        OtherPassword(Again),
        "repassword repasswd repwd repass confirmpassword confirmpwd confirmpass cpassword rpassword rpwd password2 pwd2 \
         newpassword2 passwordagain querenmima surepassword passwordconfirm 确认密码 重复密码",
    ),
    (
        Password,
        "authpassword inputpassword jpassword kl kouling loginpass loginpassword loginpwd logpwd mima mm pass passphrase \
         passwd passwod password passwrd psd psw pswd pw pwd pword txtpassword txtpwd upass upwd userpass userpassword \
         userpsw userpwd usrpwd httpdpassword lucipassword 登录密码 登陆密码 密码 口令 用户密码",
    ),
    // A one-time code for sure; what may be one, or a captcha, or a code of OAuth 2.0; a code of another system.
    (
        Code(3),
        "otp totp mfa mfacode otpcode otpattempt otptoken tfa tfacode twofa twofacode twofactorcode 2fa 2facode smscode smsvcode \
         smscaptcha phonecode mobilecode emailcode mailcode dynamiccode dynamicpassword dynamicpwd dynamickey dtm \
         dongtaima dongtaimima googlecode googleauthcode securid tokencode onetimecode onetimepassword onetimepass \
         onetimepin passcode mfatokencode backupcode recoverycode authenticatorcode sjyzm dxyzm phoneyzm smsyzm \
         短信验证码 手机验证码 动态码 动态口令 动态密码 邮箱验证码 短信码",
    ),
    (
        Code(2),
        "code captcha captchacode verifycode verificationcode vcode yzm yanzhengma checkcode validcode validatecode \
         authcode securitycode vericode verify vercode verifycation identifyingcode 验证码 校验码",
    ),
    (Code(1), "jscode wxcode tmpcode tempcode tmpauthcode requestauthcode wechatcode dingcode logintmpcode"),
    (
        Captcha,
        "captchavalue kaptcha kaptchacode randcode imgcode imagecode picturecode graphcode piccode seccodeverify captchaanswer \
         captcharesponse geetestchallenge geetestvalidate geetestseccode lotnumber captchaoutput passtoken \
         grecaptcharesponse hcaptcharesponse cfturnstileresponse recaptcha recaptchatoken randstr captchaverification \
         slidertoken sliderticket nvctoken pointjson captchaparam captchaverifyparam 图形验证码 图片验证码",
    ),
    (
        CaptchaKey,
        "uuid captchakey captchaid captchatoken checkkey codekey verifykey captchauuid randomkey codeuuid imgid verifyid \
         captchacodeid verifycodeid seccodehash codeid captchasign timestampcode",
    ),
    (
        Step,
        "mfatoken mfasession mfaid mfastate mfakey twofactortoken challengeid challengename statetoken factorid transactionid flowid \
         interimtoken pretoken preauthtoken pendingtoken temptoken tmptoken challengetoken logintoken \
         twofactorid transientid verifytoken ephemeraltoken interactionid",
    ),
    (State, "state sessionstate codeverifier"),
    (Redirect, "redirecturi"),
    (Ticket, "ticket"),
    (Saml, "samlresponse"),
    (IdToken, "idtoken"),
    (ClientData, "clientdatajson"),
    (Authenticator, "authenticatordata"),
    (Attestation, "attestationobject"),
    (
        KeyProof,
        "ukey ukeysn ukeyid usbkey certsn certdn signeddata signdata signvalue pkcs7 clientcert usercert certb64 keysn \
         casign",
    ),
    (Face, "facetoken faceimage facedata faceid livenessdata faceimg facebase64 fingerprintdata voiceprint"),
    (ClientSecret, "clientsecret appsecret corpsecret suitesecret clientassertion"),
    (GraphQl, "query"),
];

/// Words that mean a password wherever they end a name. `pass` is not among them: `isPass`, `boardingPass`.
pub(super) const PASSWORD_WORDS: &[&str] =
    &["password", "passwd", "pwd", "passwrd", "psw", "pswd", "passphrase", "mima", "密码", "口令"];
/// Words behind it that say only how it is written.
pub(super) const CODINGS: &[&str] = &[
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
/// Words beside it that make it another password: the new one, the old one, the new one again, or a flag about it.
pub(super) const NEW: &[&str] = &["new", "reset", "change"];
pub(super) const OLD: &[&str] = &["old", "original", "origin", "current"];
pub(super) const AGAIN: &[&str] = &[
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
];
pub(super) const FLAGS: &[&str] = &["is", "has", "need", "show", "remember", "forgot"];
/// Words beside it that make it a one-time code.
pub(super) const ONE_TIME: &[&str] = &[
    "sms",
    "otp",
    "totp",
    "mfa",
    "fa",
    "tfa",
    "dynamic",
    "factor",
    "google",
    "authenticator",
    "onetime",
    "time",
    "msg",
    "phone",
    "mobile",
    "email",
    "mail",
    "token",
    "recovery",
    "backup",
];
/// Words that make a code one for the eyes.
pub(super) const PICTURE: &[&str] = &["image", "img", "pic", "picture", "rand", "graph", "graphic", "captcha"];
/// Words that make a code one that is to be typed.
pub(super) const TYPED: &[&str] = &["verify", "verification", "check", "valid", "validate", "vali", "auth", "login"];
/// Objects that hold a connection to another system.
pub(super) const CONNECTION_WORDS: &[&str] = &[
    "datasource",
    "db",
    "database",
    "jdbc",
    "smtp",
    "ldap",
    "proxy",
    "redis",
    "mysql",
    "ftp",
    "ssh",
    "mqtt",
    "kafka",
    "snmp",
    "mail",
    "mongo",
    "mongodb",
    "es",
    "elasticsearch",
    "oracle",
    "postgres",
];
/// Beginnings of values that are addresses of other systems.
pub(super) const CONNECTION_VALUES: &[&str] =
    &["jdbc:", "ldap://", "ldaps://", "redis://", "mysql://", "mongodb://", "smtp://", "rtsp://", "ftp://", "amqp://"];

pub(super) const LOGIN_WORDS: &[&str] = &["login", "signin", "logon", "signon", "denglu", "dl", "dologin"];
pub(super) const AUTH_WORDS: &[&str] = &[
    "auth",
    "authenticate",
    "authentication",
    "session",
    "sessions",
    "token",
    "tokens",
    "oauth",
    "oauth2",
    "oidc",
    "saml",
    "acs",
    "sso",
    "cas",
    "passport",
    "jaccount",
    "uaa",
    "idp",
    "adfs",
    "openid",
    "authn",
];
pub(super) const REGISTER_WORDS: &[&str] =
    &["register", "registration", "regist", "signup", "zhuce", "adduser", "createuser", "import"];
pub(super) const CHANGE_WORDS: &[&str] = &[
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
    "retrieve",
];
pub(super) const CREATE_WORDS: &[&str] = &["add", "create", "save", "insert", "new", "batch"];
pub(super) const PEOPLE_WORDS: &[&str] = &[
    "user",
    "users",
    "account",
    "accounts",
    "member",
    "members",
    "admins",
    "employee",
    "employees",
    "staff",
    "person",
    "customer",
    "customers",
    "customeraccount",
];
/// What has passwords and codes of its own: what is configured, and what is paid.
pub(super) const FOREIGN_WORDS: &[&str] = &[
    "config",
    "configs",
    "configuration",
    "setting",
    "settings",
    "datasource",
    "datasources",
    "device",
    "devices",
    "server",
    "servers",
    "connection",
    "connections",
    "camera",
    "asset",
    "assets",
    "database",
    "smtp",
    "ldap",
    "proxy",
    "wifi",
    "pay",
    "payment",
    "payments",
    "order",
    "orders",
    "refund",
    "notify",
    "coupon",
    "checkout",
    "transfer",
    "invoice",
];
/// A code is sent: one of each, in the last two segments.
pub(super) const SEND_WORDS: &[&str] = &[
    "send", "resend", "get", "request", "apply", "obtain", "fetch", "issue", "fasong", "huoqu", "create", "generate",
    "start", "push", "acquire",
];
pub(super) const CODE_WORDS: &[&str] = &[
    "code",
    "codes",
    "sms",
    "smscode",
    "captcha",
    "otp",
    "vcode",
    "yzm",
    "yanzhengma",
    "verifycode",
    "verificationcode",
    "verification",
    "authcode",
    "msgcode",
    "passcode",
    "passwordless",
];
pub(super) const CHANNEL_WORDS: &[&str] =
    &["sms", "mobile", "phone", "email", "mail", "msg", "message", "verification", "verify", "login"];
/// It is asked whether an account exists: one of each, in the last two segments.
pub(super) const LOOKUP_WORDS: &[&str] = &[
    "check",
    "exist",
    "exists",
    "existence",
    "availability",
    "available",
    "unique",
    "registered",
    "validate",
    "lookup",
    "taken",
    "jiaoyan",
    "used",
];
pub(super) const IDENTITY_WORDS: &[&str] = &[
    "user",
    "users",
    "username",
    "name",
    "account",
    "accounts",
    "phone",
    "mobile",
    "email",
    "mail",
    "loginname",
    "member",
    "registered",
    "credential",
    "zhanghao",
    "register",
    "signup",
];
/// A further step.
pub(super) const SECOND_WORDS: &[&str] =
    &["mfa", "otp", "totp", "twofactor", "secondfactor", "tfa", "twostep", "twofa", "stepup"];
pub(super) const SECOND_PARTS: &[&str] = &["2fa", "twofactor", "twostep", "secondfactor", "secondauth", "secondverify"];
pub(super) const VERIFY_WORDS: &[&str] = &["verify", "verification", "challenge", "checkpoint", "confirm"];
/// A factor is set up, not used.
pub(super) const SETUP_WORDS: &[&str] =
    &["enable", "disable", "setup", "enroll", "enrol", "bind", "unbind", "activate", "activation"];
pub(super) const CALLBACK_WORDS: &[&str] = &[
    "callback",
    "cb",
    "redirect",
    "oauth",
    "oauth2",
    "oidc",
    "sso",
    "signin",
    "authorize",
    "authorized",
    "return",
    "acs",
];
/// Other systems that vouch, and their endpoints where a code becomes a person (WeChat, WeCom, DingTalk, Feishu).
pub(super) const SSO_WORDS: &[&str] = &[
    "wechat",
    "weixin",
    "wx",
    "wxa",
    "wxwork",
    "workwx",
    "wecom",
    "qywx",
    "qywechat",
    "dingtalk",
    "dingding",
    "ding",
    "feishu",
    "lark",
    "miniapp",
    "miniprogram",
    "mp",
    "alipay",
    "maapp",
    "wxapp",
    "wxlogin",
    "welink",
];
pub(super) const SSO_ENDPOINTS: &[&str] = &[
    "jscode2session",
    "sns/oauth2/access_token",
    "auth/getuserinfo",
    "user/getuserinfo",
    "v2/user/getuserinfo",
    "getuserinfo_bycode",
    "oauth2/useraccesstoken",
    "authen/v1/access_token",
    "oidc/access_token",
    "authen/v2/oauth/token",
    "sns/getuserinfo",
];
/// Where a ticket of CAS is redeemed by an application (CAS protocol, sections 2.4 to 2.8).
pub(super) const VALIDATE_WORDS: &[&str] = &["servicevalidate", "proxyvalidate", "samlvalidate", "validate"];

/// What is written on a button, and sent along with it under a name that elsewhere is the account's.
pub(super) const BUTTONS: &[&str] = &["login", "log in", "sign in", "signin", "submit", "登录", "登 录", "登陆"];

/// Phrases in names that no separator cuts into words, and what they say.
pub(super) const HAN: &[(&[&str], u16)] = &[
    (&["登录", "登陆"], PathSigns::LOGIN | PathSigns::ENDS_IN_LOGIN),
    (&["注册"], PathSigns::REGISTERS),
    (&["修改密码", "重置密码", "找回密码", "忘记密码"], PathSigns::CHANGES),
    (&["发送验证码", "获取验证码", "发送短信", "获取短信"], PathSigns::SENDS_CODE),
];
