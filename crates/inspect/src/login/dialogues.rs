//! Dialogues as applications have them, from raw bytes to the verdict.

use spyhop_http::{Field, RequestHead, ResponseHead};
use spyhop_model::{Key, Login, LoginMethod, Outcome, Place, SecretForm, Weakness};

use super::{LoginContext, LoginScan};
use crate::password::Strength;
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
        host: Some("oa.acme.com"),
        redact: &redact,
    })
}

const FORM: &str = "Content-Type: application/x-www-form-urlencoded";
const JSON: &str = "Content-Type: application/json;charset=UTF-8";
const HTML: &str = "Content-Type: text/html; charset=utf-8";

#[test]
fn logins_are_recognised_with_their_outcome() {
    use LoginMethod::*;
    use Outcome::*;
    let form_again = format!("200\n{HTML}\n\n<html>{}<input name=p type=\"password\"></html>", " ".repeat(2000));
    let table: &[(&str, String, String, LoginMethod, &str, Outcome)] = &[
        (
            "RuoYi",
            format!("POST /prod-api/login\n{JSON}\n\n{{\"username\":\"admin\",\"password\":\"admin123\",\"code\":\"7\",\"uuid\":\"ab12\"}}"),
            format!("200\n{JSON}\n\n{{\"msg\":\"操作成功\",\"code\":200,\"token\":\"eyJhbGciOiJIUzUxMiJ9.eyJsIjoiMSJ9.c2ln\"}}"),
            Json,
            "admin",
            Success,
        ),
        (
            "RuoYi, wrong password under 200",
            format!("POST /prod-api/login\n{JSON}\n\n{{\"username\":\"admin\",\"password\":\"x\",\"code\":\"7\",\"uuid\":\"ab12\"}}"),
            format!("200\n{JSON}\n\n{{\"msg\":\"用户不存在/密码错误\",\"code\":500}}"),
            Json,
            "admin",
            Failure,
        ),
        (
            "Jeecg",
            format!("POST /jeecg-boot/sys/login\n{JSON}\n\n{{\"username\":\"jeecg\",\"password\":\"123456\",\"captcha\":\"ab3d\",\"checkKey\":1}}"),
            format!("200\n{JSON}\n\n{{\"success\":true,\"message\":\"登录成功\",\"code\":200,\"result\":{{\"token\":\"eyJ0eXAiOiJKV1QifQ.e30.abc\"}},\"timestamp\":1}}"),
            Json,
            "jeecg",
            Success,
        ),
        (
            "Jeecg, locked",
            format!("POST /jeecg-boot/sys/login\n{JSON}\n\n{{\"username\":\"jeecg\",\"password\":\"123456\"}}"),
            format!("200\n{JSON}\n\n{{\"success\":false,\"message\":\"该用户登录失败次数过多，请于10分钟后再次登录！\",\"code\":500,\"result\":null}}"),
            Json,
            "jeecg",
            Failure,
        ),
        (
            "a gateway's own code",
            format!("POST /api/auth/signIn\n{JSON}\n\n{{\"data\":{{\"loginName\":\"li.si\",\"loginPwd\":\"Qwe!2345x\"}}}}"),
            format!("200\n{JSON}\n\n{{\"code\":40101,\"msg\":\"密码错误\"}}"),
            Json,
            "li.si",
            Failure,
        ),
        (
            "Spring Security's form",
            format!("POST /j_spring_security_check\n{FORM}\nCookie: JSESSIONID=AAAABBBBCCCCDDDD\n\nj_username=tom&j_password=cat%21dog"),
            "302\nLocation: /home\nSet-Cookie: JSESSIONID=EEEEFFFF00001111; Path=/; HttpOnly".into(),
            Form,
            "tom",
            Success,
        ),
        (
            "Spring Security, refused",
            format!("POST /login\n{FORM}\nCookie: JSESSIONID=AAAABBBBCCCCDDDD\n\nusername=tom&password=x&_csrf=1"),
            "302\nLocation: http://oa.acme.com/login?error".into(),
            Form,
            "tom",
            Failure,
        ),
        (
            "Django",
            format!("POST /accounts/login/?next=/admin/\n{FORM}\nCookie: csrftoken=abcdefgh12345678\n\ncsrfmiddlewaretoken=q&username=amy&password=river-Otter9"),
            "302\nLocation: /admin/\nSet-Cookie: sessionid=k3jf83hf93hf93hf; HttpOnly".into(),
            Form,
            "amy",
            Success,
        ),
        (
            "Django, refused",
            format!("POST /admin/login/\n{FORM}\n\ncsrfmiddlewaretoken=q&username=amy&password=x"),
            form_again.replace("200\n", "200\nSet-Cookie: csrftoken=abcdefgh12345679\n"),
            Form,
            "amy",
            Failure,
        ),
        (
            "Laravel, refused: its cookie always changes",
            format!("POST /login\n{FORM}\nReferer: http://oa.acme.com/login\nCookie: laravel_session=eyJpdiI6IjEifQ\n\n_token=abc&email=amy%40acme.com&password=x"),
            "302\nLocation: http://oa.acme.com/login\nSet-Cookie: laravel_session=eyJpdiI6IjIifQ".into(),
            Form,
            "amy@acme.com",
            Failure,
        ),
        (
            "Laravel",
            format!("POST /login\n{FORM}\nReferer: http://oa.acme.com/login\nCookie: laravel_session=eyJpdiI6IjEifQ\n\n_token=abc&email=amy%40acme.com&password=x"),
            "302\nLocation: http://oa.acme.com/dashboard\nSet-Cookie: laravel_session=eyJpdiI6IjIifQ".into(),
            Form,
            "amy@acme.com",
            Success,
        ),
        (
            "WordPress",
            format!("POST /wp-login.php\n{FORM}\n\nlog=editor&pwd=kX9%23mQ2v&wp-submit=Log+In&redirect_to=%2Fwp-admin%2F&testcookie=1"),
            "302\nLocation: http://blog.acme.com/wp-admin/\nSet-Cookie: wordpress_logged_in_ab12=editor%7C1700000000%7Cabc; path=/".into(),
            Form,
            "editor",
            Success,
        ),
        (
            "ThinkPHP, routed by the query",
            format!("POST /index.php?m=Admin&c=Login&a=dologin\n{FORM}\n\nuser=root&pass=toor1234"),
            format!("200\n{JSON}\n\n{{\"status\":1,\"info\":\"登录成功！\",\"url\":\"/Admin/Index\"}}"),
            Form,
            "root",
            Success,
        ),
        (
            "an old page that alerts",
            format!("POST /checkLogin.asp\n{FORM}\n\nyhm=zhangsan&mm=abc123"),
            format!("200\n{HTML}\n\n<script>alert('用户名或密码错误');history.back();</script>"),
            Form,
            "zhangsan",
            Failure,
        ),
        (
            "Chinese field names",
            format!("POST /denglu\n{FORM}\n\n%E5%B7%A5%E5%8F%B7=E1001&%E5%AF%86%E7%A0%81=abc12345"),
            "200\nContent-Type: text/plain\n\nsuccess".into(),
            Form,
            "E1001",
            Success,
        ),
        (
            "OAuth2, password grant, with the client's Basic",
            format!("POST /oauth/token\n{FORM}\nAuthorization: Basic Y2xpZW50OnNlY3JldDEyMw==\n\ngrant_type=password&username=bob&password=Blue%2Bhorse77"),
            format!("200\n{JSON}\n\n{{\"access_token\":\"a1b2c3d4e5f6\",\"token_type\":\"bearer\",\"expires_in\":3600}}"),
            Form,
            "bob",
            Success,
        ),
        (
            "OAuth2, refused",
            format!("POST /oauth/token\n{FORM}\n\ngrant_type=password&username=bob&password=x"),
            format!("400\n{JSON}\n\n{{\"error\":\"invalid_grant\",\"error_description\":\"Bad credentials\"}}"),
            Form,
            "bob",
            Failure,
        ),
        (
            "BladeX, all in the query",
            "POST /blade-auth/oauth/token?tenantId=000000&grant_type=captcha&username=admin&password=21232f297a57a5a743894a0e4a801fc3".into(),
            format!("200\n{JSON}\n\n{{\"access_token\":\"a1b2c3d4e5f6\"}}"),
            Query,
            "admin",
            Success,
        ),
        (
            "GET query",
            "GET /api/login?user=alice&pwd=secret77".into(),
            format!("200\n{JSON}\n\n{{\"ret\":0,\"data\":{{\"sid\":\"0a1b2c3d4e5f\"}}}}"),
            Query,
            "alice",
            Success,
        ),
        ("Basic", "GET /manager\nAuthorization: Basic dG9tY2F0OnMzY3JldDpw".into(), "200\n".into(), Basic, "tomcat", Success),
        ("Basic, refused", "GET /manager\nAuthorization: basic dG9tY2F0OnMzY3JldDpw".into(), "401\nWWW-Authenticate: Basic realm=x".into(), Basic, "tomcat", Failure),
        ("Basic, unanswered", "GET /manager\nAuthorization: Basic dG9tY2F0OnMzY3JldDpw".into(), String::new(), Basic, "tomcat", Unknown),
        (
            "multipart",
            "POST /user/login\nContent-Type: multipart/form-data; boundary=XX\n\n--XX\r\nContent-Disposition: form-data; name=\"username\"\r\n\r\nkim\r\n--XX\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\nGreen77tree\r\n--XX--\r\n".into(),
            "429\n".into(),
            Form,
            "kim",
            Failure,
        ),
        (
            "Conduit's login",
            format!("POST /api/users/login\n{JSON}\n\n{{\"user\":{{\"email\":\"j@acme.com\",\"password\":\"jakejake77\"}}}}"),
            format!("422\n{JSON}\n\n{{\"errors\":{{\"body\":[\"email or password is invalid\"]}}}}"),
            Json,
            "j@acme.com",
            Failure,
        ),
        (
            "GraphQL",
            format!("POST /graphql\n{JSON}\n\n{{\"operationName\":\"Login\",\"variables\":{{\"email\":\"j@acme.com\",\"password\":\"jakejake77\"}},\"query\":\"mutation Login\"}}"),
            format!("200\n{JSON}\n\n{{\"data\":{{\"login\":{{\"accessToken\":\"a1b2c3d4e5f6\"}}}}}}"),
            Json,
            "j@acme.com",
            Success,
        ),
        (
            "ASP.NET WebForms",
            format!("POST /Login.aspx\n{FORM}\n\n__VIEWSTATE=abc&ctl00%24Main%24txtUserName=wang&ctl00%24Main%24txtPassword=Summer88x"),
            "302\nLocation: /Default.aspx\nSet-Cookie: .ASPXAUTH=0A1B2C3D4E5F60718293; path=/".into(),
            Form,
            "wang",
            Success,
        ),
        (
            "Shiro: deleteMe says nothing",
            format!("POST /a/login\n{FORM}\nCookie: JSESSIONID=AAAABBBBCCCCDDDD\n\nusername=thinkgem&password=x"),
            format!("200\n{HTML}\nSet-Cookie: rememberMe=deleteMe; Path=/; Max-Age=0\n\n{}", " ".repeat(2000)),
            Form,
            "thinkgem",
            Unknown,
        ),
        ("a server's error", format!("POST /login\n{FORM}\n\nusername=amy&password=abc"), "502\n".into(), Form, "amy", Unknown),
        (
            "a second factor is asked for",
            format!("POST /login\n{JSON}\n\n{{\"username\":\"amy\",\"password\":\"abc\"}}"),
            format!("200\n{JSON}\n\n{{\"code\":1,\"msg\":\"请输入短信验证码\"}}"),
            Json,
            "amy",
            Unknown,
        ),
    ];
    let mut wrong = Vec::new();
    for (name, request, response, method, account, outcome) in table {
        let found =
            login(request, response).map(|l| (l.method, l.account.map_or(String::new(), |a| a.name.into()), l.outcome));
        let expected = Some((*method, (*account).to_owned(), *outcome));
        if found != expected {
            wrong.push(format!("{name}: {found:?}, {:?}", scan(request, response)));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_only_looks_like_a_login_is_none() {
    let ok = format!("200\n{JSON}\n\n{{\"code\":0}}");
    let created = format!("201\n{JSON}\n\n{{\"user\":{{\"token\":\"a1b2c3d4e5f6a1b2\"}}}}");
    let table: &[(&str, String, &str)] = &[
        ("search", "GET /search?q=password&user=amy".into(), &ok),
        ("a list of logins", "GET /monitor/loginLog/list?userName=amy&pageNum=1&pageToken=abcd".into(), &ok),
        (
            "registration",
            format!("POST /register\n{FORM}\n\nusername=amy&email=a%40b.c&password=abc&password2=abc"),
            "302\nLocation: /home",
        ),
        (
            "registration with a token",
            format!(
                "POST /api/users\n{JSON}\n\n{{\"user\":{{\"username\":\"amy\",\"email\":\"a@b.c\",\"password\":\"abcdefgh\"}}}}"
            ),
            &created,
        ),
        (
            "password change",
            format!(
                "POST /user/password\n{JSON}\n\n{{\"username\":\"amy\",\"oldPassword\":\"a\",\"newPassword\":\"b\"}}"
            ),
            &ok,
        ),
        (
            "password change with its old name",
            format!("POST /user/updatePwd\n{JSON}\n\n{{\"userName\":\"amy\",\"password\":\"b\"}}"),
            &ok,
        ),
        ("password reset", format!("PUT /system/user/resetPwd\n{JSON}\n\n{{\"userId\":5,\"password\":\"b\"}}"), &ok),
        (
            "an administrator adds somebody",
            format!(
                "POST /system/user\n{JSON}\n\n{{\"userName\":\"amy\",\"nickName\":\"A\",\"password\":\"abc\",\"roleIds\":[2],\"deptId\":1}}"
            ),
            &ok,
        ),
        (
            "an import",
            format!(
                "POST /staff/batch\n{JSON}\n\n[{{\"username\":\"a\",\"password\":\"x\"}},{{\"username\":\"b\",\"password\":\"y\"}}]"
            ),
            &ok,
        ),
        ("a comment", format!("POST /comments\n{FORM}\n\nuser=amy&email=a%40b.c&comment=my+password+is+lost"), &ok),
        (
            "client credentials",
            format!(
                "POST /oauth/token\n{FORM}\nAuthorization: Basic Y2xpZW50OnNlY3JldDEyMw==\n\ngrant_type=client_credentials"
            ),
            &created,
        ),
        (
            "a refreshed token",
            format!(
                "POST /oauth/token\n{FORM}\n\ngrant_type=refresh_token&refresh_token=abc&client_id=a&client_secret=b"
            ),
            &created,
        ),
        ("pages", "GET /api/orders?page=2&pageSize=20&next_token=abc".into(), &ok),
        (
            "a data source",
            format!(
                "POST /datasource/test\n{JSON}\n\n{{\"host\":\"db\",\"port\":3306,\"username\":\"root\",\"password\":\"abc\"}}"
            ),
            &ok,
        ),
        (
            "a mail server",
            format!("PUT /settings\n{JSON}\n\n{{\"smtp\":{{\"username\":\"noreply\",\"password\":\"abc\"}}}}"),
            &ok,
        ),
        ("a flag", format!("POST /login/options\n{JSON}\n\n{{\"username\":\"amy\",\"password\":true}}"), &ok),
        (
            "a message's state",
            format!("POST /messages\n{JSON}\n\n{{\"account\":\"amy\",\"isPass\":\"1\",\"passwordType\":\"md5\"}}"),
            &ok,
        ),
        ("a key as Basic", "GET /v1/charges\nAuthorization: Basic c2tfbGl2ZV9hMWIyYzNkNGU1ZjY6".into(), &ok),
        ("nobody as Basic", "GET /\nAuthorization: Basic Og==".into(), &ok),
        ("bearer", "GET /api/me\nAuthorization: Bearer abcdefgh12345678".into(), &ok),
        (
            "an application's secret",
            format!("POST /auth/token\n{JSON}\n\n{{\"name\":\"billing\",\"secret\":\"abcdefgh12345678\"}}"),
            &created,
        ),
    ];
    let found: Vec<_> =
        table.iter().filter_map(|(name, request, response)| Some((name, login(request, response)?))).collect();
    assert!(found.is_empty(), "{found:#?}");
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
