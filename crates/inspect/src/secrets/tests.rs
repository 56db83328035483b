use std::time::{Duration, Instant};

use super::examples::{Example, examples};
use super::*;

fn found(text: &str, key: &str) -> Vec<Secret> {
    let mut all = Vec::new();
    Secrets::new().find(text, &Context { key }, &mut |secret| all.push(secret));
    all
}

fn reported(text: &str, key: &str) -> Vec<(&'static str, String)> {
    let all = found(text, key).into_iter().filter(|s| !s.public && s.confidence >= REPORTED);
    all.map(|s| (s.rule, text[s.start..s.end].to_string())).collect()
}

#[test]
fn seeded_examples_are_found_and_nothing_else() {
    let secrets = Secrets::new();
    let (mut missed, mut wrong, mut positives) = (Vec::new(), Vec::new(), 0);
    for seed in 0..20 {
        for Example { rule, key, text, value, public } in examples(seed) {
            let mut all: Vec<Secret> = Vec::new();
            secrets.find(&text, &Context { key: &key }, &mut |secret| all.push(secret));
            if value.is_empty() {
                if all.iter().any(|s| !s.public && s.confidence >= REPORTED) {
                    wrong.push((rule, text, all));
                }
                continue;
            }
            positives += 1;
            let hit = all.iter().find(|s| text.get(s.start..s.end) == Some(&value));
            let is_right = hit.is_some_and(|s| s.public == public || rule == "sumologic-access-token");
            if !is_right {
                missed.push((rule, key.clone(), text.clone(), all));
            }
            if key.is_empty() && !secrets.may_hold(text.as_bytes()) {
                missed.push((rule, "may_hold".into(), text, Vec::new()));
            }
        }
    }
    assert!(wrong.is_empty(), "{} false: {:#?}", wrong.len(), wrong.iter().take(5).collect::<Vec<_>>());
    // Base64 may have a sign wherever its run is looked for.
    assert!(
        missed.len() * 200 <= positives,
        "{} of {positives} missed: {:#?}",
        missed.len(),
        missed.iter().take(12).collect::<Vec<_>>()
    );
}

#[test]
fn examples_depend_on_the_seed_alone() {
    let texts = |seed| examples(seed).into_iter().map(|e| e.text).collect::<Vec<_>>();
    assert_eq!(texts(7), texts(7));
    assert_ne!(texts(7), texts(8));
}

#[test]
fn families() {
    let p = "k3Jd82hXz0QpLm5v";
    for (text, key, rule, value) in [
        ("LTAI5tK3Jd82hXz0QpLm5vQ9", "", "alibaba-access-key-id", "LTAI5tK3Jd82hXz0QpLm5vQ9"),
        (
            r#"{"secretId":"AKIDk3Jd82hXz0QpLm5vW7Yt4Rb6Nc1Ge9s2"}"#,
            "",
            "tencent-secret-id",
            "AKIDk3Jd82hXz0QpLm5vW7Yt4Rb6Nc1Ge9s2",
        ),
        (
            "k3Jd82hXz0QpLm5vW7Yt4Rb6Nc1Ge9",
            "accessKeySecret",
            "alibaba-access-key-secret",
            "k3Jd82hXz0QpLm5vW7Yt4Rb6Nc1Ge9",
        ),
        ("mysql://root:k3Jd82hXz0QpLm5v@10.1.1.1/a", "", "connection-string", p),
        ("?a=1&next=redis%3A//x&k=1 redis://:k3Jd82hXz0QpLm5v@c", "", "connection-string", p),
        ("\"jdbc:mysql://h:3306/x?user=a&password=k3Jd82hXz0QpLm5v\"", "", "connection-string", p),
        (r#"{"u":"postgres:\/\/a:k3Jd82hXz0QpLm5v@h.cn"}"#, "", "connection-string", p),
        (r#"{"spring.redis.password":{"value":"k3Jd82hXz0QpLm5v"}}"#, "", "password-by-name", p),
        ("k3Jd82hXz0QpLm5v", "app.client-secret", "secret-by-name", p),
        (
            "$2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy",
            "password",
            "password-hash",
            "$2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy",
        ),
        (
            "/x?appid=wx0a1b2c3d4e5f6a7b&secret=9f86d081884c7d659a2feaa0c55ad015",
            "",
            "secret-by-name",
            "9f86d081884c7d659a2feaa0c55ad015",
        ),
    ] {
        assert_eq!(reported(text, key), [(rule, value.to_string())], "{text}");
    }
}

#[test]
fn borders() {
    let key = "ghp_k3Jd82hXz0QpLm5vW7Yt4Rb6Nc1Ge9s2aXy0";
    for (before, after) in [
        ("", ""),
        ("\"", "\""),
        ("=", "&a=1"),
        ("\\n", "\\n"),
        ("%3D", "%26"),
        ("：", "。"),
        ("/", "/"),
        (">", "<"),
        (" ", "."),
        ("\\u003d", ","),
    ] {
        assert_eq!(reported(&format!("{before}{key}{after}"), ""), [("github-pat", key.to_string())], "{before}");
    }
    for (before, after) in
        [("a", ""), ("_", ""), ("", "a"), ("", "_"), ("+", ""), ("0123456789012345678901234567890123456789/", "")]
    {
        assert_eq!(reported(&format!("{before}{key}{after}"), ""), [], "{before} {after}");
    }
}

#[test]
fn public_keys_are_no_findings() {
    for (rule, text) in [
        ("gcp-api-key", "src=\"https://maps.googleapis.com/maps/api/js?key=AIzaSyBk3Jd82hXz0QpLm5vW7Yt4Rb6Nc1Ge9s0\""),
        ("stripe-publishable-key", "Stripe('pk_live_k3Jd82hXz0QpLm5vW7Yt4Rb6')"),
        ("wechat-app-id", "{\"appId\":\"wx0a1b2c3d4e5f6a7b\"}"),
    ] {
        let all = found(text, "");
        assert_eq!(all.iter().map(|s| (s.rule, s.public)).collect::<Vec<_>>(), [(rule, true)]);
        assert!(all.iter().all(|s| s.confidence < REPORTED));
    }
}

#[test]
fn textbook_passwords_stay_below_the_mark() {
    let all = found("amqp://guest:guest@localhost:5672", "");
    assert_eq!(all.iter().map(|s| s.confidence).collect::<Vec<_>>(), [20]);
    assert_eq!(reported("{\"password\":\"Winter2024!\"}", ""), []);
    assert_eq!(found("{\"password\":\"Winter2024!\"}", "").len(), 1);
}

/// In the style of what bundlers, editors of forms and style sheets write.
const PAGES: &[&str] = &[
    r#"!function(e,t){"object"==typeof exports&&"undefined"!=typeof module?t(exports):t((e=e||self).Lib={})}(this,(function(e){"use strict";var t="__SECRET_INTERNALS_DO_NOT_TOUCH_2",n=Symbol.for("lib.element"),r={password:!0,token:"csrf-token-header-name",secret:void 0};e[t]=r}));"#,
    r#"const i={type:"password",autocomplete:"new-password",name:"login[password1]",placeholder:"At least 8 characters!"};a.setAttribute("data-secret-field","input-secret-field-v2")"#,
    r#"e.exports={apiKeyName:"X-Api-Key-Header-V2",authKey:"vuex:auth/key-storage-v1",storageKey:"persist:root-state-2024"}"#,
    r#".btn-password-toggle-v2{background:url(data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAoAAAAKCAYAAACNMs+9AAAAGXRFWHRTb2Z0d2FyZQBBZG9iZSBJbWFnZVJlYWR5ccllPAAA/AKIAIOSFODNN7EXAMPL2)}"#,
    r#"<label for="pwd">Password</label><input id="pwd" type="password" value="" minlength="8"><input type="hidden" name="csrf_token" value="9f86d081884c7d659a2feaa0c55ad015">"#,
    r#"{"login.password":"Password","login.password.placeholder":"8-20 letters & digits","secretQuestion":"Mother's name?","key":"9f86d081884c7d659a2feaa0c55ad015"}"#,
    r##"new URL("https://тест").href;new URL("https://a:b@c/d").username;f("http://user:pass@example.com/");"ftp://"+u+":"+p+"@"+h"##,
    r#"case"PRIVATE KEY":return"-----BEGIN PRIVATE KEY-----\r\n"+s+"-----END PRIVATE KEY-----\r\n""#,
    r#"var keywords="abort access add password identified by secret token";tokenizer.secret=function(secret){return secret.replace(/(\w{16})/g,"$1")}"#,
    r#"{"integrity":"sha512-k3Jd82hXz0QpLm5vW7Yt4Rb6Nc1Ge9s2aXy0k3Jd82hXz0QpLm5vW7Yt4Rb6Nc1Ge9s2aXy0==","resolved":"https://host.cn/a-b/-/a-b-1.2.3.tgz#9f86d081884c7d659a2feaa0c55ad015"}"#,
];

#[test]
fn scripts_styles_and_pages_hold_none() {
    for text in PAGES {
        assert_eq!(reported(text, ""), [], "{text}");
    }
}

#[test]
fn a_cut_private_key_is_found_by_its_first_line() {
    let text = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEAx9k3Jd82hXz0QpLm5vW7Yt4Rb6Nc1Ge9s2aXy0";
    let all = found(text, "");
    assert_eq!(all.iter().map(|s| (s.rule, s.end)).collect::<Vec<_>>(), [("private-key", text.len())]);
}

#[test]
fn clones_find_the_same() {
    let first = Secrets::new();
    let text = "ghp_k3Jd82hXz0QpLm5vW7Yt4Rb6Nc1Ge9s2aXy0";
    for secrets in [&first.clone(), &first] {
        let mut count = 0;
        secrets.find(text, &Context::default(), &mut |_| count += 1);
        assert_eq!(count, 1);
    }
}

/// Pieces made to cost much; in a debug build a piece takes some milliseconds.
pub fn hostile() -> Vec<String> {
    let keys = [
        "ghp_",
        "AKIA",
        "password",
        "pwd=",
        ";pwd=Ab1!xy",
        "secret:'",
        "://",
        "a://b:c@",
        "-----BEGIN ",
        "-----BEGIN PRIVATE KEY-----",
        "ops_eyJ",
        "ops_eyJaaaaaaaaaaaa/",
        "sk-",
        "eyJrIjoi",
        "Q~",
        "a1.",
        "aaaaaaaaaaaaaaa1.",
        "\"key\":\"a1b2c3d4e5f6g7h8\",",
        "hooks.slack.com/services/",
        "://hooks.slack.com/services/",
        "{\"value\":\"",
        "password:{\"value\":\"A1b2c3d4!\"},",
        "\\n",
        "%3D",
        "sc_aaaaa.bbbb.",
        "xoxb-1-",
        "pscale_tkn_.",
        "glc_aaaaaaaaaaaa/",
    ];
    keys.iter().map(|key| key.repeat((64 << 10) / key.len())).collect()
}

#[test]
fn hostile_pieces_take_no_longer() {
    let secrets = Secrets::new();
    for text in hostile() {
        let started = Instant::now();
        secrets.find(&text, &Context { key: "secret" }, &mut |_| {});
        secrets.may_hold(text.as_bytes());
        let taken = started.elapsed();
        assert!(taken < Duration::from_millis(1500), "{} took {taken:?}", &text[..24]);
    }
}

proptest::proptest! {
    #[test]
    fn no_panic_and_spans_are_right(
        parts in proptest::collection::vec(
            proptest::prop_oneof![
                proptest::sample::select(MARKS).prop_map(String::from),
                proptest::sample::select(vec!["ghp_", "SG.", "Q~", "AKIA", "apiKey", "\"", ":", "=", "\\", "%", "{\"value\":", "\n", "@", "/", "PRIVATE KEY-----", "密"]).prop_map(String::from),
                "[a-zA-Z0-9]{1,40}",
                ".{0,6}",
            ],
            0..14,
        ),
        key in "[a-zA-Z._]{0,12}",
    ) {
        let text = parts.concat();
        for secret in found(&text, &key) {
            let raw = text.get(secret.start..secret.end);
            proptest::prop_assert!(raw.is_some_and(|raw| !raw.is_empty()), "{:?}", secret);
            mask_secret(secret.rule, raw.unwrap_or_default());
        }
        Secrets::new().may_hold(text.as_bytes());
    }
}

use proptest::strategy::Strategy as _;
