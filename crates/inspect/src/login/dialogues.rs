//! Dialogues as applications have them, from raw bytes to the verdict.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use spyhop_http::{Field, RequestHead, ResponseHead};
use spyhop_model::{Factors, Key, Login, Outcome, Place, Purpose, SecretForm, Weakness};

use super::{LoginContext, LoginScan};
use crate::password::{Judged, Strength};
use crate::walk::{Leaf, LeafSink, Walker, sniff};

/// Hands leaves to one of the scan's methods.
struct To<'a>(&'a mut LoginScan, fn(&mut LoginScan, &Leaf<'_>));

impl LeafSink for To<'_> {
    fn leaf(&mut self, leaf: &Leaf<'_>) {
        (self.1)(self.0, leaf);
    }
}

fn walk(scan: &mut LoginScan, to: fn(&mut LoginScan, &Leaf<'_>), media: Option<&str>, body: &[u8]) {
    if !body.is_empty() {
        let mut walker = Walker::new(sniff(media, body));
        let mut sink = To(scan, to);
        walker.feed(body, &mut sink);
        walker.finish(&mut sink);
    }
}

/// Start line, fields, empty line, body.
fn message(text: &str) -> (&str, Vec<Field<'_>>, &str) {
    let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
    let mut lines = head.lines();
    let start = lines.next().unwrap();
    let fields = lines.map(|line| line.split_once(": ").unwrap());
    let fields = fields.map(|(name, value)| Field { name: name.as_bytes(), value: value.as_bytes() }).collect();
    (start, fields, body)
}

fn media<'a>(fields: &[Field<'a>]) -> Option<&'a str> {
    spyhop_http::field(fields, "content-type").and_then(|value| std::str::from_utf8(value).ok())
}

fn scan(request: &str, response: &str) -> LoginScan {
    let mut scan = LoginScan::default();
    let (start, fields, body) = message(request);
    let (method, target) = start.split_once(' ').unwrap();
    scan.request(&RequestHead {
        method: method.as_bytes(),
        target: target.as_bytes(),
        version: (1, 1),
        fields: &fields,
    });
    let query = target.split_once('?').map_or("", |(_, query)| query);
    walk(&mut scan, LoginScan::query, Some("application/x-www-form-urlencoded"), query.as_bytes());
    walk(&mut scan, LoginScan::request_leaf, media(&fields), body.as_bytes());
    if !response.is_empty() {
        let (start, fields, body) = message(response);
        scan.response(&ResponseHead { status: start.parse().unwrap(), version: (1, 1), fields: &fields });
        if media(&fields).is_some_and(|media| media.contains("html")) {
            scan.response_page(body.as_bytes());
        }
        walk(&mut scan, LoginScan::response_leaf, media(&fields), body.as_bytes());
    }
    scan
}

fn login(request: &str, response: &str) -> Option<Login> {
    let (key, strength) = (Key::new([5; 32]), Strength::new());
    let redact = |name: &str| name.into();
    scan(request, response).finish(&LoginContext {
        key: &key,
        strength: &strength,
        judged: &Judged::default(),
        host: Some("oa.acme.com"),
        redact: &redact,
    })
}

const FORM: &str = "Content-Type: application/x-www-form-urlencoded";
const JSON: &str = "Content-Type: application/json;charset=UTF-8";

/// Recorded dialogues: `##` a name, `>` the request and `<` the answer (start line with the body's kind, `:` fields, body),
/// `=` what they are: purpose, method, account, outcome, refusal, factors.
const RECORDED: &[(&str, &str)] = &[
    ("passwords", include_str!("dialogues/passwords.txt")),
    ("others", include_str!("dialogues/others.txt")),
    ("steps", include_str!("dialogues/steps.txt")),
    ("none", include_str!("dialogues/none.txt")),
];

/// The lines of one side as a message.
fn side(dialogue: &str, mark: char) -> String {
    let (mut head, mut body) = (String::new(), Vec::new());
    for line in dialogue.lines().filter_map(|line| line.strip_prefix(mark)) {
        if head.is_empty() {
            let line = line.trim();
            let kinds = [
                ("json", "application/json;charset=UTF-8"),
                ("form", "application/x-www-form-urlencoded"),
                ("html", "text/html; charset=utf-8"),
                ("xml", "text/xml"),
                ("text", "text/plain"),
            ];
            let kind =
                kinds.iter().find_map(|(kind, media)| Some((line.strip_suffix(kind)?.strip_suffix(' ')?, *media)));
            match kind {
                Some((start, media)) => head = format!("{start}\nContent-Type: {media}"),
                None => head = line.to_owned(),
            }
        } else if let Some(field) = line.strip_prefix(": ") {
            head = format!("{head}\n{field}");
        } else {
            body.push(line.strip_prefix(' ').unwrap_or(line));
        }
    }
    if head.is_empty() { head } else { format!("{head}\n\n{}", body.join("\r\n")) }
}

/// What stands for what cannot be written in a line.
fn filled(dialogue: &str) -> String {
    let ntlm = STANDARD.encode(super::header::tests::authenticate("CORP", "amy"));
    let saml = format!(
        r#"<samlp:Response><ds:Signature>{}</ds:Signature><Status><StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></Status><saml:Subject><saml:NameID Format="e">amy@acme.com</saml:NameID></saml:Subject></samlp:Response>"#,
        "s".repeat(7000)
    );
    let saml = STANDARD.encode(saml).replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    dialogue.replace("{pad}", &" ".repeat(2000)).replace("{ntlm}", &ntlm).replace("{saml}", &saml)
}

/// A login in the words of the recordings.
fn told(login: &Login) -> String {
    let word = |value: serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    const FACTORS: [(u16, &str); 8] = [
        (Factors::PASSWORD, "password"),
        (Factors::CODE, "code"),
        (Factors::KEY, "key"),
        (Factors::CERTIFICATE, "certificate"),
        (Factors::BIOMETRIC, "biometric"),
        (Factors::CAPTCHA, "captcha"),
        (Factors::ASKED, "asked"),
        (Factors::VOUCHED, "vouched"),
    ];
    let factors: Vec<_> = FACTORS.iter().filter(|(bit, _)| login.factors.has(*bit)).map(|(_, name)| *name).collect();
    let factors = if factors.is_empty() { "-".to_owned() } else { factors.join(",") };
    format!(
        "{} {} {} {} {} {factors}",
        word(serde_json::to_value(login.purpose).unwrap()),
        login.method.name(),
        login.account.as_ref().map_or("-".into(), |account| account.name.replace(' ', "~")),
        word(serde_json::to_value(login.outcome).unwrap()),
        login.refusal.map_or("-", |refusal| refusal.name()),
    )
}

#[test]
fn recorded_dialogues_are_what_they_are() {
    let (mut wrong, mut count) = (Vec::new(), 0);
    for (file, text) in RECORDED {
        for dialogue in text.split("## ").filter(|dialogue| !dialogue.trim().is_empty()) {
            let name = dialogue.lines().next().unwrap();
            let dialogue = filled(dialogue);
            let expected = dialogue.lines().find_map(|line| line.strip_prefix("= ")).expect(name);
            let (request, response) = (side(&dialogue, '>'), side(&dialogue, '<'));
            let found = login(&request, &response).map_or("none".to_owned(), |login| told(&login));
            count += 1;
            if found != expected {
                wrong.push(format!("{file}: {name}: {found} instead of {expected}; {:?}", scan(&request, &response)));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {count}: {wrong:#?}", wrong.len());
}

#[test]
fn one_time_codes_leave_as_fingerprints() {
    let code = |value: &str| {
        let request = format!("POST /login\n{JSON}\n\n{{\"mobile\":\"13800138000\",\"smsCode\":\"{value}\"}}");
        login(&request, "204\n").unwrap()
    };
    assert_eq!(code("482913").code, code(" 482913").code);
    assert_ne!(code("482913").code, code("482914").code);
    assert_eq!(code("482913").place, Some(Place::Body("$.smsCode".into())));
    assert_eq!((code("482913").secret, code("482913").secret_form), (None, None));
}

#[test]
fn a_password_that_is_set_is_judged() {
    let set = |body: &str| login(&format!("POST /user/changePwd\n{JSON}\n\n{body}"), "204\n").unwrap();
    let changed = set(r#"{"oldPassword":"Blue+horse77x","newPassword":"Admin@123"}"#);
    assert_eq!((changed.purpose, changed.weakness), (Purpose::PasswordChange, Some(Weakness::Common)));
    assert_eq!(changed.place, Some(Place::Body("$.newPassword".into())));
    let plain = login(&format!("POST /login\n{JSON}\n\n{{\"username\":\"a\",\"password\":\"Admin@123\"}}"), "204\n");
    assert_eq!(changed.secret, plain.unwrap().secret, "the one that is set, and is used later");
}

#[test]
fn accounts_are_known_however_they_are_written() {
    for (written, known) in [
        (" Amy ", "amy"),
        ("ＡＭＹ１", "amy1"),
        ("13800138000", "13800138000"),
        ("+86 138-0013-8000", "13800138000"),
        ("86 13800138000", "13800138000"),
        ("008613800138000", "13800138000"),
        ("+1 (415) 555-0100", "14155550100"),
        ("20210001", "20210001"),
        ("10-20", "10-20"),
        ("张三\u{3000}", "张三"),
        ("a\u{200b}my", "amy"),
        ("", ""),
    ] {
        assert_eq!(super::canonical_account(written), known, "{written:?}");
    }
}

#[test]
fn a_password_leaves_as_a_fingerprint_with_form_place_and_weakness() {
    let ok = "204\n";
    let json = |password: &str| {
        format!("POST /login\n{JSON}\n\n{{\"u\":{{\"username\":\" Amy \",\"password\":\"{password}\"}}}}")
    };
    let weak = login(&json("Admin@123"), ok).unwrap();
    assert_eq!(weak.weakness, Some(Weakness::Common));
    assert_eq!(weak.place, Some(Place::Body("$.u.password".into())));
    assert_eq!(weak.secret_form, Some(SecretForm::Plain));
    assert_eq!(weak.account.as_ref().unwrap().name.as_ref(), "Amy");

    let basic = login("GET /\nAuthorization: Basic YU1ZOkFkbWluQDEyMw==", "200\n").unwrap();
    assert_eq!(basic.secret, weak.secret, "one password, one fingerprint");
    assert_eq!(basic.account.unwrap().fingerprint, weak.account.unwrap().fingerprint, "one account, one fingerprint");
    assert_eq!(basic.place, Some(Place::Header("authorization".into())));

    let coded = login(&json("QWRtaW5AMTIz"), ok).unwrap();
    assert_eq!((coded.secret_form, coded.weakness), (Some(SecretForm::Plain), Some(Weakness::Common)));
    assert_ne!(coded.secret, weak.secret, "the fingerprint is over what was sent");

    let hashed = login(&json("e10adc3949ba59abbe56e057f20f883e"), ok).unwrap();
    assert_eq!((hashed.secret_form, hashed.weakness), (Some(SecretForm::Hashed), None));

    let refused = login(&json("123456"), "401\n").unwrap();
    assert_eq!((refused.outcome, refused.weakness), (Outcome::Failure, None));
    let empty = login(&json(""), ok).unwrap();
    assert_eq!(empty.weakness, Some(Weakness::Empty));
}

#[test]
fn no_secret_is_printed() {
    let scan = scan(
        &format!("POST /login\n{FORM}\nCookie: sid=cookie5ecret77\n\nusername=amy5&password=hunter5ecret"),
        "200\n",
    );
    let text = format!("{scan:?}");
    assert!(!text.contains("hunter") && !text.contains("amy5") && !text.contains("5ecret"), "{text}");
}

#[test]
fn only_the_beginning_of_a_large_body_is_read() {
    let filler: String = (0..300).map(|n| format!("f{n}=1&")).collect();
    assert!(login(&format!("POST /login\n{FORM}\n\n{filler}username=amy&password=abc"), "200\n").is_none());
    let long = "x".repeat(5000);
    assert!(login(&format!("POST /login\n{FORM}\n\nusername=amy&password={long}"), "200\n").is_none());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever is sent, something is said of it or nothing, and no more is held than may be.
    #[test]
    fn any_dialogue_is_read(
        authorization in "(Basic|Digest|NTLM|Negotiate|.{0,4}) ?[ -~]{0,80}",
        target in "/[a-z0-9/?&=;%_-]{0,60}",
        key in "(password|code|query|SAMLResponse|grant_type|ticket|mobile|.{0,8})",
        value in "(mutation *)?[\\PC\"{}():#]{0,80}",
        status in 100_u16..600,
        sentence in "\\PC{0,60}",
    ) {
        let (key, value, sentence) = (serde_json::json!(key), serde_json::json!(value), serde_json::json!(sentence));
        let request = format!("POST {target}\n{JSON}\nAuthorization: {authorization}\n\n{{{key}:{value},\"username\":{value}}}");
        let response = format!("{status}\n{JSON}\nLocation: {target}\n\n{{\"msg\":{sentence},\"code\":{sentence}}}");
        let _ = login(&request, &response);
    }
}
