//! From bodies to observations.

use proptest::prelude::*;

use spyhop_model::{Grade, Personal};

use super::*;

const AT: Timestamp = Timestamp(1_795_400_000_000_000_000);

fn recogniser() -> Recogniser {
    Recogniser::new(Key::new([3; 32]))
}

/// The observations of a body, as `type place form points count distinct sample`.
fn run(content_type: &str, parts: &[&[u8]]) -> Vec<String> {
    lines(&observed(&mut recogniser(), content_type, parts))
}

fn observed(recogniser: &mut Recogniser, content_type: &str, parts: &[&[u8]]) -> Vec<Observation> {
    let mut content = Content::new(Half::Response, AT);
    let mut body = BodyScan::begin(Some(content_type));
    let mut sink = content.sink(recogniser, Source::Body);
    for part in parts {
        body.feed(part, &mut sink);
    }
    body.finish(&mut sink);
    content.finish(recogniser).observations
}

fn lines(observations: &[Observation]) -> Vec<String> {
    observations
        .iter()
        .map(|o| {
            let place = match &o.place {
                Place::Body(at) | Place::Query(at) | Place::Header(at) | Place::Cookie(at) => at.to_string(),
                Place::Path(index) => index.to_string(),
            };
            let form = if o.form == Form::Masked { "masked" } else { "full" };
            format!("{} {place} {form} {} {}/{} {}", o.what.id, o.confidence, o.count, o.values.len(), o.sample)
        })
        .collect()
}

fn check(content_type: &str, body: &str, expected: &[&str]) {
    assert_eq!(run(content_type, &[body.as_bytes()]), expected, "{body}");
}

/// What is reported of a JSON value under a key.
fn reported(key: &str, value: &str) -> Vec<String> {
    let all = run("application/json", &[format!("{{\"{key}\":{value}}}").as_bytes()]);
    all.into_iter()
        .filter(|line| line.split(' ').nth(3).unwrap().parse::<u8>().unwrap() >= 60)
        .map(|line| line.split(' ').next().unwrap().to_owned())
        .collect()
}

#[test]
fn a_list_of_people() {
    check(
        "application/json",
        r#"{"code":0,"data":{"list":[
            {"id":1,"realName":"张三","idCard":"110101199003074610","mobile":"13912345678","card":"6222021001116245702"},
            {"id":2,"realName":"李小四","idCard":"110101199003078013","mobile":"18612345679","card":""}]}}"#,
        &[
            "cn_name $.data.list[*].realName full 85 2/2 张*",
            "cn_resident_id $.data.list[*].idCard full 100 2/2 110**************0",
            "cn_mobile $.data.list[*].mobile full 100 2/2 139****5678",
            "bank_card $.data.list[*].card full 100 1/1 622202*********5702",
        ],
    );
}

#[test]
fn values_without_names_need_proof() {
    assert_eq!(reported("x", "\"11010519491231002X\""), Vec::<String>::new(), "a documented test value");
    assert_eq!(reported("x", "\"110101199003074610\""), ["cn_resident_id"]);
    assert_eq!(reported("x", "\"110101 19900307 4610\""), ["cn_resident_id"]);
    assert_eq!(reported("x", "\"１１０１０１１９９００３０７４６１０\""), ["cn_resident_id"]);
    assert_eq!(reported("x", "\"6222021001116245702\""), ["bank_card"]);
    assert_eq!(reported("x", "\"6222 0210 0111 6245 702\""), ["bank_card"]);
    assert_eq!(reported("x", "\"13912345678\""), Vec::<String>::new());
    assert_eq!(reported("x", "\"+86 139-1234-5678\""), ["cn_mobile"]);
    assert_eq!(reported("x", "\"139-1234-5678\""), ["cn_mobile"]);
    assert_eq!(reported("x", "\"a.b@qq.com\""), ["email"]);
    assert_eq!(reported("phone", "\"13912345678\""), ["cn_mobile"]);
    assert_eq!(reported("phone", "13912345678"), ["cn_mobile"]);
    assert_eq!(reported("手机号", "\"8613912345678\""), ["cn_mobile"]);
    assert_eq!(reported("realName", "\"欧阳修\""), ["cn_name"]);
    assert_eq!(reported("title", "\"欧阳修\""), Vec::<String>::new());
}

#[test]
fn hard_negatives_are_not_reported() {
    for (key, value) in [
        ("id", "\"1594023394283749376\""),
        ("id", "1594023394283749376"),
        ("ts", "1732060800000"),
        ("createTime", "\"20241120123456\""),
        ("orderNo", "\"13912345678\""),
        ("orderNo", "\"202411201234567890\""),
        ("traceId", "\"5f4dcc3b5aa765d61d8327deb882cf99\""),
        ("uuid", "\"13912345-6781-1391-2345-678139123456\""),
        ("v", "13912345678.55"),
        ("v", "0.13912345678"),
        ("v", "1.3912345678e10"),
        ("microphone", "\"13912345678\""),
        ("discard", "\"4111111111111112\""),
        ("cardNo", "\"4111111111111112\""),
        ("text", "\"x13912345678\""),
        ("text", "\"phone13912345678901\""),
        ("text", "\"version 1.2.13912345678 built\""),
        ("src", "\"data:image/png;base64,iVBORw0KGgo/13912345678/AAAAB3NzaC1yc2EAAAA\""),
        ("icon", "\"logo@2x.png\""),
        ("name", "\"管理员\""),
        ("name", "\"江苏省\""),
        ("idCard", "\"110101199003074611\""),
        ("idCard", "\"999999199003074610\""),
    ] {
        assert_eq!(reported(key, value), Vec::<String>::new(), "{key}: {value}");
    }
}

#[test]
fn codes_of_a_card_are_told_beside_it() {
    check(
        "application/json",
        r#"{"cardNo":"6222021001116245702","cvv":"123","expDate":"12/27"}"#,
        &[
            "bank_card $.cardNo full 100 1/1 622202*********5702",
            "card_cvv $.cvv full 65 1/1 ***",
            "card_expiry $.expDate full 65 1/1 ***",
        ],
    );
}

#[test]
fn labels_in_text() {
    check(
        "text/html",
        "<html><table><tr><td>手机</td><td>13912345678</td></tr></table><p>订单号：13912345670</p><p>联系人：张三</p>\
         <a href=\"mailto:li.si@corp.cn\">x</a> ID: 110101199003074610, http://a.cn/?phone=18612345679&x=1</html>",
        &[
            "email $.@href full 100 1/1 l***@corp.cn",
            "cn_mobile $ full 70 2/2 139****5678",
            "cn_name $ full 80 1/1 张*",
            "cn_resident_id $ full 75 1/1 110**************0",
        ],
    );
    // What stands far apart is no record.
    let far = format!("联系人：张三{}身份证：110101199003074610", ", ".repeat(200));
    check("text/plain", &far, &["cn_name $ full 60 1/1 张*", "cn_resident_id $ full 90 1/1 110**************0"]);
}

#[test]
fn masked_forms() {
    let masked = |key: &str, value: &str| run("application/json", &[format!("{{\"{key}\":\"{value}\"}}").as_bytes()]);
    assert_eq!(masked("x", "138****8000"), ["cn_mobile $.x masked 70 1/1 138****8000"]);
    assert_eq!(masked("x", "138 **** 8000"), ["cn_mobile $.x masked 70 1/1 138****8000"]);
    assert_eq!(masked("x", "138xxxx8000"), ["cn_mobile $.x masked 70 1/1 138****8000"]);
    assert_eq!(masked("x", "1****************X"), ["cn_resident_id $.x masked 70 1/1 1****************X"]);
    assert_eq!(masked("x", "110***********1234"), ["cn_resident_id $.x masked 70 1/1 110**************4"]);
    assert_eq!(masked("cardNo", "6222 **** **** 5702"), ["bank_card $.cardNo masked 100 1/1 6222********5702"]);
    assert_eq!(masked("realName", "张*"), ["cn_name $.realName masked 75 1/1 张*"]);
    assert_eq!(masked("x", "a***@corp.cn"), ["email $.x masked 75 1/1 a***@corp.cn"]);
    assert_eq!(masked("mobile", "13912345**8"), ["cn_mobile $.mobile full 100 1/1 139****5**8"]);
    assert_eq!(masked("remark", "**重要** 提示"), Vec::<String>::new());
}

#[test]
fn record_and_column() {
    // A bare mobile beside a sure identity number counts; alone it is a candidate.
    check(
        "application/json",
        r#"[{"a":"13912345678","b":"110101199003074610"}]"#,
        &["cn_mobile $[*].a full 65 1/1 139****5678", "cn_resident_id $[*].b full 75 1/1 110**************0"],
    );
    let column = |values: &[u64]| {
        let rows: Vec<String> = values.iter().map(|v| format!("{{\"a\":\"{v}\"}}")).collect();
        run("application/json", &[format!("[{}]", rows.join(",")).as_bytes()])
    };
    assert_eq!(
        column(&[13912345678, 18612349999, 15012341234, 13098761234, 17766661234]),
        ["cn_mobile $[*].a full 70 5/5 139****5678"]
    );
    assert_eq!(column(&[13912345678, 13912345679, 13912345680, 13912345681, 13912345682]), Vec::<String>::new());
}

#[test]
fn other_places() {
    let mut recogniser = recogniser();
    let mut content = Content::new(Half::Request, AT);
    content.query(&mut recogniser, "phone=139%31234567%38&q=%25E5%25BC%25A0&name=%E5%BC%A0%E4%B8%89");
    content.path(&mut recogniser, "/user/mobile/13912345678/110101199003074610");
    content.named(&mut recogniser, Source::Cookie, "userPhone", "13912345678");
    content.named(&mut recogniser, Source::Header, "X-Id-Card", "110101199003074610");
    assert_eq!(
        lines(&content.finish(&recogniser).observations),
        [
            "cn_mobile phone full 90 1/1 139****5678",
            "cn_name name full 85 1/1 张*",
            "cn_mobile 2 full 75 1/1 139****5678",
            "cn_resident_id 3 full 75 1/1 110**************0",
            "cn_mobile userPhone full 90 1/1 139****5678",
            "cn_resident_id x-id-card full 100 1/1 110**************0",
        ]
    );
}

#[test]
fn equal_values_written_differently_are_one() {
    let got =
        run("application/json", &[br#"{"phone":["13912345678","+86 139-1234-5678","139 1234 5678","13912345678"]}"#]);
    assert_eq!(got, ["cn_mobile $.phone[*] full 100 4/1 139****5678"]);
}

#[test]
fn places_and_fingerprints_are_bounded() {
    let body: Vec<String> = (0..2000).map(|n| format!("{{\"k{n}\":{{\"phone\":\"139{:08}\"}}}}", n * 49_999)).collect();
    let got = run("application/json", &[format!("[{}]", body.join(",")).as_bytes()]);
    assert_eq!(got.len(), MAX_PLACES + 1);
    assert!(got.last().unwrap().starts_with("cn_mobile * full 90 1744/1744 "), "{:?}", got.last());
}

#[test]
fn all_fingerprints_of_an_export_travel_and_counts_add_up() {
    // Numbers far apart, so that they do not look counted up; every tenth comes twice.
    let number = |n: u64| format!("{{\"phone\":\"13{:09}\"}}", 400_000_000 + n * 7919);
    let rows = |count: u64| {
        let all: Vec<String> =
            (0..count).flat_map(|n| std::iter::repeat_n(number(n), 1 + usize::from(n % 10 == 0))).collect();
        format!("[{}]", all.join(","))
    };
    let seen = observed(&mut recogniser(), "application/json", &[rows(10_000).as_bytes()]);
    let sizes: Vec<(u32, usize)> = seen.iter().map(|o| (o.count, o.values.len())).collect();
    assert_eq!(sizes, [(11_000 - 4096 - 1808, 4096), (4096, 4096), (1808, 1808)]);
    assert!(seen.iter().all(|o| o.place == Place::Body("$[*].phone".into()) && o.sample == seen[0].sample));
    let all: std::collections::BTreeSet<Fingerprint> = seen.iter().flat_map(|o| o.values.clone()).collect();
    assert_eq!(all.len(), 10_000);

    let mut recogniser = recogniser();
    let mut content = Content::new(Half::Response, AT);
    content.of(ExchangeId { flow: spyhop_model::FlowId(7), ordinal: 3 });
    let mut body = BodyScan::begin(None);
    let mut sink = content.sink(&mut recogniser, Source::Body);
    let many = MAX_VALUES as u64 + 2_500;
    body.feed(rows(many).as_bytes(), &mut sink);
    body.finish(&mut sink);
    assert_eq!(content.values_over_limit(), 0);
    let seen = content.finish(&recogniser).observations;
    let told = recogniser.values.take();
    assert!(!told.is_empty() && told.iter().all(|values| values.fingerprints.len() <= Observation::FINGERPRINTS));
    assert!(told.iter().all(|values| values.moment.flow == spyhop_model::FlowId(7) && values.moment.ordinal == 3));
    let all: std::collections::BTreeSet<Fingerprint> = seen
        .iter()
        .flat_map(|o| o.values.clone())
        .chain(told.into_iter().flat_map(|values| values.fingerprints))
        .collect();
    assert_eq!(all.len() as u64, many, "every different value's fingerprint travels");
    let count: u64 = seen.iter().map(|o| u64::from(o.count)).sum();
    assert_eq!(count, many + many.div_ceil(10));
}

const PEOPLE: &str = r#"{"data":[{"姓名":"张三","手机号":"13912345678","身份证号":"110101199003074610"},{"姓名":"李小四","手机号":"18612345679","身份证号":"110101199003078013"}]}"#;

#[test]
fn every_charset_gives_the_same_observations() {
    use encoding_rs::{BIG5, GB18030};
    let expected = run("application/json", &[PEOPLE.as_bytes()]);
    assert_eq!(expected.len(), 3);
    assert!(expected[0].starts_with("cn_name $.data[*].姓名 full 85 2/2 张*"), "{expected:?}");
    let utf16 = |bytes: fn(u16) -> [u8; 2]| PEOPLE.encode_utf16().flat_map(bytes).collect::<Vec<u8>>();
    let gb = GB18030.encode(PEOPLE).0.into_owned();
    for (label, body) in [
        ("application/json", gb.clone()),
        ("application/json;charset=GBK", gb),
        ("application/json", utf16(u16::to_le_bytes)),
        ("application/json; charset=utf-16be", utf16(u16::to_be_bytes)),
        ("application/octet-stream", [&b"\xFF\xFE"[..], &utf16(u16::to_le_bytes)].concat()),
        ("text/html; charset=iso-8859-1", PEOPLE.as_bytes().to_vec()),
    ] {
        assert_eq!(run(label, &[&body]), expected, "{label}");
        for size in [1, 2, 7, 61] {
            assert_eq!(run(label, &body.chunks(size).collect::<Vec<_>>()), expected, "{label} in pieces of {size}");
        }
    }
    let text = r#"{"姓名":"張三豐","手機":"13912345678"}"#;
    assert_eq!(run("application/json", &[&BIG5.encode(text).0]), run("application/json", &[text.as_bytes()]));
    let latin = run("text/plain", &[b"T\xE9l\xE9phone de M. Andr\xE9: phone: 13912345678"]);
    assert_eq!(latin, ["cn_mobile $ full 70 1/1 139****5678"]);
    let page = "<html><meta charset=gbk><td>手机</td><td>13912345678</td><p>联系人：张三</p></html>";
    let utf8 = run("text/html; charset=utf-8", &[page.as_bytes()]);
    assert_eq!(run("text/html", &[&GB18030.encode(page).0]), utf8);
    assert_eq!(utf8.len(), 2);
}

#[test]
fn percent_coded_gbk_is_read() {
    let mut recogniser = recogniser();
    let mut content = Content::new(Half::Request, AT);
    content.query(&mut recogniser, "%D0%D5%C3%FB=%D5%C5%C8%FD");
    assert_eq!(lines(&content.finish(&recogniser).observations), ["cn_name 姓名 full 65 1/1 张*"]);
    let form = run("application/x-www-form-urlencoded", &[b"%CA%D6%BB%FA%BA%C5=13912345678&name=%C0%EE%D0%A1%CB%C4"]);
    assert_eq!(form, ["cn_mobile 手机号 full 90 1/1 139****5678", "cn_name name full 85 1/1 李**"]);
}

const EICAR: &str = r"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*";

/// Types: the EICAR string, an employee's number, and a contract's that only counts under its name.
fn custom() -> Recogniser {
    let text = r#"{"custom":[
        {"id":"eicar","pattern":"X5O!P%@AP\\[4\\\\PZX54\\(P\\^\\)7CC\\)7\\}\\$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!\\$H\\+H\\*","grade":"L4"},
        {"id":"employee","pattern":"EMP-\\d{6}","title_zh":"工号"},
        {"id":"contract","pattern":"\\b\\d{8}\\b","keys":["contractNo","合同编号"],"confidence":30}]}"#;
    let settings: crate::types::TypeSettings = settings(text);
    Recogniser::with_types(
        Key::new([3; 32]),
        CustomTypes::new(&settings).expect("types"),
        Default::default(),
        Default::default(),
    )
}

/// Settings as they are read from text; the format does not matter to a deserialiser of owned values.
fn settings<T: spyhop_model::serde::de::DeserializeOwned>(text: &str) -> T {
    serde_json::from_str(text).expect("settings")
}

fn seen(content_type: &str, parts: &[&[u8]]) -> Vec<String> {
    lines(&observed(&mut custom(), content_type, parts))
}

#[test]
fn a_custom_type_is_found_in_every_body() {
    let at_root = ["eicar $ full 90 1/1 X5***H*"];
    for media in ["application/octet-stream", "text/plain", "text/html", "", "application/json", "image/png"] {
        assert_eq!(seen(media, &[EICAR.as_bytes()]), at_root, "{media}");
        let around = format!("{}{EICAR}{}", "\0\u{1}".repeat(3000), "\0".repeat(9000));
        assert_eq!(seen(media, &[around.as_bytes()]), at_root, "{media}");
    }
    let json = format!(r#"{{"a":{{"file":"{}"}}}}"#, EICAR.replace('\\', r"\\"));
    assert_eq!(seen("application/json", &[json.as_bytes()]), ["eicar $.a.file full 90 1/1 X5***H*"]);
    let form =
        "file=X5O%21P%25%40AP%5B4%5CPZX54%28P%5E%297CC%297%7D%24EICAR-STANDARD-ANTIVIRUS-TEST-FILE%21%24H%2BH%2A";
    assert_eq!(seen("application/x-www-form-urlencoded", &[form.as_bytes()]), ["eicar file full 90 1/1 X5***H*"]);
    let wide: Vec<u8> = EICAR.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(seen("text/plain", &[&wide]), at_root);
}

#[test]
fn a_custom_type_is_found_once_wherever_it_stands_and_however_it_is_cut() {
    for filler in ["lorem ipsum, ", "x", "\0"] {
        for at in [0usize, 3000, 3060, 3070, 4090, 6130, 8150, 8190, 12_270, 40_000] {
            let mut text = filler.repeat(60_000 / filler.len());
            text.insert_str(at, EICAR);
            let whole = seen("text/plain", &[text.as_bytes()]);
            assert!(whole.len() == 1 && whole[0].starts_with("eicar $ full 90 1/1"), "{at}: {whole:?}");
            for size in [1usize, 1000, 4096, 5000] {
                let parts: Vec<&[u8]> = text.as_bytes().chunks(size).collect();
                assert_eq!(seen("text/plain", &parts), whole, "{at} in pieces of {size}");
            }
        }
    }
    let twice = format!("{EICAR}{EICAR} and EMP-123456, EMP-123457, EMP-123456");
    assert_eq!(
        seen("text/plain", &[twice.as_bytes()]),
        ["eicar $ full 90 2/1 X5***H*", "employee $ full 90 3/2 E***6"]
    );
    let mut recogniser = custom();
    let mut content = Content::new(Half::Response, AT);
    let mut body = BodyScan::begin(None);
    let mut sink = content.sink(&mut recogniser, Source::Body);
    body.feed(EICAR.get(..30).expect("half").as_bytes(), &mut sink);
    body.gap(&mut sink);
    body.feed(EICAR.get(30..).expect("half").as_bytes(), &mut sink);
    body.finish(&mut sink);
    assert_eq!(lines(&content.finish(&recogniser).observations), Vec::<String>::new(), "halves on both sides of a gap");
}

#[test]
fn names_labels_and_places_of_custom_types() {
    let json =
        br#"{"list":[{"contractNo":"20240117","other":"20240118"}],"by":"EMP-000001","n":{"contract_no":20240119}}"#;
    assert_eq!(
        seen("application/json", &[json]),
        [
            "contract $.list[*].contractNo full 60 1/1 2***7",
            "employee $.by full 90 1/1 E***1",
            "contract $.n.contract_no full 60 1/1 2***9",
        ]
    );
    assert_eq!(seen("text/plain", &["合同编号：20240117 ok, 20240118".as_bytes()]), ["contract $ full 60 1/1 2***7"]);
    let mut recogniser = custom();
    let mut content = Content::new(Half::Request, AT);
    content.query(&mut recogniser, "q=EMP%2D123456");
    content.named(&mut recogniser, Source::Header, "x-user", "EMP-123457");
    assert_eq!(
        lines(&content.finish(&recogniser).observations),
        ["employee q full 90 1/1 E***6", "employee x-user full 90 1/1 E***7"]
    );
}

#[test]
fn values_in_documents_within_values() {
    // A literal of GraphQL, and its variables.
    check(
        "application/json",
        r#"{"query":"mutation { save(phone: \"13912345678\", note: \"x\") { id } }","variables":{"idCard":"110101199003074610"}}"#,
        &[
            "cn_mobile $.query full 70 1/1 139****5678",
            "cn_resident_id $.variables.idCard full 100 1/1 110**************0",
        ],
    );
    // A token's payload.
    check(
        "application/json",
        r#"{"t":"eyJhbGciOiJIUzI1NiJ9.eyJwaG9uZSI6IjEzOTEyMzQ1Njc4In0.c2lnbmF0dXJl"}"#,
        &["cn_mobile $.t<jwt>.phone full 90 1/1 139****5678"],
    );
    // One after another, wrapped in a call, cut.
    check(
        "application/x-ndjson",
        "{\"phone\":\"13912345678\"}\n{\"phone\":\"18612345679\"}\n",
        &["cn_mobile $.phone full 90 2/2 139****5678"],
    );
    check("text/javascript", "cb({\"phone\":\"13912345678\"});", &["cn_mobile $.phone full 90 1/1 139****5678"]);
    check("application/json", "{\"a\":[{\"phone\":\"13912345678", &["cn_mobile $.a[*].phone full 90 1/1 139****5678"]);
}

#[test]
fn values_in_markup_and_tables() {
    let soap = "<s:Envelope xmlns:s=\"x\"><s:Body><user><phone>13912345678</phone><name>张三</name></user></s:Body></s:Envelope>";
    check(
        "text/html",
        soap,
        &[
            "cn_mobile $.Envelope.Body.user.phone full 90 1/1 139****5678",
            "cn_name $.Envelope.Body.user.name full 85 1/1 张*",
        ],
    );
    check(
        "application/octet-stream",
        "姓名,手机号,备注\n张三,13912345678,\n李四,18612345679,\n",
        &["cn_name $[*].姓名 full 85 2/2 张*", "cn_mobile $[*].手机号 full 90 2/2 139****5678"],
    );
    // What is shown is masked, what is hidden is not.
    check(
        "text/html",
        "<table><tr><th>姓名</th><th>手机</th></tr><tr data-phone=\"13912345678\"><td>张三</td><td>139****5678</td></tr></table>\
         <script>window.__STATE__={\"idCard\":\"110101199003074610\"}</script>",
        &[
            "cn_mobile $.@phone full 90 1/1 139****5678",
            "cn_name $.table[*].姓名 full 85 1/1 张*",
            "cn_mobile $.table[*].手机 masked 100 1/1 139****5678",
            "cn_resident_id $.script.__STATE__.idCard full 100 1/1 110**************0",
        ],
    );
}

#[test]
fn a_body_tells_what_it_is() {
    let told = |content_type: &str, body: &[u8]| {
        let mut recogniser = recogniser();
        let mut content = Content::new(Half::Response, AT);
        let mut scan = BodyScan::begin(Some(content_type));
        let mut sink = content.sink(&mut recogniser, Source::Body);
        body.chunks(3).for_each(|part| scan.feed(part, &mut sink));
        scan.finish(&mut sink);
        (scan.kind(), scan.records())
    };
    use crate::walk::Kind;
    assert_eq!(told("text/html", br#"{"a":[{"b":1},{"b":2}]}"#), (Some(Kind::Json), 3));
    assert_eq!(told("text/csv", b"a,b\n1,2\n3,4\n"), (Some(Kind::Csv), 2));
    assert_eq!(told("application/pdf", b"%PDF-1.4\nBT (x) Tj"), (Some(Kind::Pdf), 0));
    assert_eq!(told("application/zip", b"PK\x03\x04\x14\0\0\0\0\0"), (Some(Kind::Archive), 0));
    assert_eq!(told("text/plain", b"PK"), (Some(Kind::Text), 0));
    assert_eq!(told("text/plain", b""), (None, 0));
}

#[test]
fn nothing_of_a_value_is_printed() {
    let mut recogniser = recogniser();
    let mut content = Content::new(Half::Response, AT);
    let mut body = BodyScan::begin(None);
    let text =
        r#"{"13912345678":{"idCard":"110101199003074610","name":"张三丰","x@corp.cn":1,"mail":"li.si@corp.cn"}}"#;
    let mut sink = content.sink(&mut recogniser, Source::Body);
    body.feed(text.as_bytes(), &mut sink);
    body.finish(&mut sink);
    let observations = content.finish(&recogniser).observations;
    assert!(observations.len() >= 4);
    let shown = format!("{observations:?}");
    for value in ["13912345678", "110101199003074610", "张三丰", "li.si", "x@corp"] {
        assert!(!shown.contains(value), "{value} in {shown}");
    }
}

#[test]
fn a_value_at_any_place_of_a_long_text_is_found_once() {
    for at in [8000, 8170, 8180, 8190, 8192, 8200, 16380] {
        let mut text = "lorem ipsum, ".repeat(3000);
        text.insert_str(at, " 手机:13912345678 ");
        let got = run("text/plain", &[text.as_bytes()]);
        assert!(got.len() == 1 && got[0].contains(" 1/1 "), "{at}: {got:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn cuts_never_change_what_is_seen(cuts in prop::collection::vec(0usize..600, 0..6), media in 0usize..4) {
        let (media, body) = [
            ("application/json", r#"{"data":[{"phone":"139\u0031234\u0035678","name":"张三","m":"138****8000"},{"phone":18612345679,"e":"li@corp.cn"}],"s":"{\"idCard\":\"110101199003074610\"}"}"#),
            ("application/x-www-form-urlencoded", "phone=139%31234567%38&name=%E5%BC%A0%E4%B8%89&e=li%40corp.cn&j=%7B%22tel%22%3A%2213912345678%22%7D"),
            ("text/html", "<p>手机：13912345678</p> <p>身份证 110101199003074610</p> li@corp.cn"),
            ("multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"phone\"\r\n\r\n13912345678\r\n--b--"),
        ][media];
        let whole = run(media, &[body.as_bytes()]);
        prop_assert!(!whole.is_empty());
        let mut cuts: Vec<usize> = cuts.into_iter().map(|at| at.min(body.len())).chain([0, body.len()]).collect();
        cuts.sort_unstable();
        let parts: Vec<&[u8]> = cuts.windows(2).map(|w| &body.as_bytes()[w[0]..w[1]]).collect();
        prop_assert_eq!(run(media, &parts), whole);
    }

    #[test]
    fn any_bytes_are_walked(bytes in prop::collection::vec(any::<u8>(), 0..2000), media in 0usize..4) {
        let media = ["application/json", "application/x-www-form-urlencoded", "text/html", "multipart/form-data; boundary=b"][media];
        let whole = run(media, &[&bytes]);
        let single: Vec<&[u8]> = bytes.chunks(3).collect();
        prop_assert_eq!(run(media, &single), whole);
    }
}

/// What a JSON answer shows.
fn shown(body: &str) -> Seen {
    let mut recogniser = recogniser();
    let mut content = Content::new(Half::Response, AT);
    let mut scan = BodyScan::begin(Some("application/json"));
    let mut sink = content.sink(&mut recogniser, Source::Body);
    scan.feed(body.as_bytes(), &mut sink);
    scan.finish(&mut sink);
    content.finish(&recogniser)
}

#[test]
fn records_and_people_are_counted() {
    let row = |n: u64| format!(r#"{{"realName":"张三","mobile":"13{}","note":"x"}}"#, 400_000_000 + n * 7919);
    let rows: Vec<String> = (0..300).map(|n| row(n % 200)).collect();
    let body = format!(r#"{{"total":300,"data":{{"list":[{}]}},"owner":{{"email":"a.b@qq.com"}}}}"#, rows.join(","));
    let holding = *shown(&body).holding.expect("people");
    assert_eq!((holding.records, holding.subjects), (301, 201));
    assert_eq!(&*holding.repeats_in, "$.data.list[*]");
    assert_eq!(shown(r#"{"id":1594023394283749376,"title":"x"}"#).holding, None);
}

#[test]
fn a_number_is_sensitive_beside_a_name_and_a_way_to_reach_the_person() {
    let of = |body: &str| {
        let seen = shown(body);
        seen.observations.iter().map(|o| (o.what.id, o.grade, o.personal)).collect::<Vec<_>>()
    };
    assert_eq!(of(r#"{"idCard":"110101199003074610"}"#), [("cn_resident_id", Grade::L4, Personal::Personal)]);
    assert_eq!(
        of(r#"{"realName":"张三","idCard":"110101199003074610","mobile":"13912345678"}"#),
        [
            ("cn_name", Grade::L4, Personal::Personal),
            ("cn_resident_id", Grade::L4, Personal::Sensitive),
            ("cn_mobile", Grade::L4, Personal::Personal),
        ]
    );
    let child = of(r#"{"realName":"张三","idCard":"11010120180307001X"}"#);
    assert!(child.iter().all(|(.., personal)| *personal == Personal::Sensitive), "{child:?}");
}

#[test]
fn the_full_value_beside_its_mask_is_told() {
    let seen = shown(r#"{"show":{"phone":"139****5678"},"raw":{"phone":"13912345678","other":"13912345670"}}"#);
    assert_eq!(seen.unveiled.len(), 1);
    let pair = &seen.unveiled[0];
    assert_eq!((pair.what.id, pair.count, &*pair.sample), ("cn_mobile", 1, "139****5678"));
    assert_eq!(pair.masked, Place::Body("$.show.phone".into()));
    assert_eq!(pair.full, Place::Body("$.raw.phone".into()));
    let masked = seen.observations.iter().find(|o| o.form == Form::Masked).expect("a masked one");
    assert_eq!(masked.detail.as_deref(), Some("ddd****dddd"));
}

#[test]
fn canaries_are_named_however_they_are_written() {
    let settings: crate::types::TypeSettings = serde_json::from_str(
        r#"{"canary":[{"name":"vip_phone","value":"19912340000"},{"name":"ghost","value":"Qin Xiaotan 9"}]}"#,
    )
    .expect("settings");
    let types = CustomTypes::new(&settings).expect("types");
    let mut recogniser = Recogniser::with_types(Key::new([3; 32]), types, Default::default(), Default::default());
    let seen = observed(&mut recogniser, "application/json", &[br#"{"a":"199-1234-0000","b":"see qin xiaotan 9."}"#]);
    let canaries: Vec<_> = seen.iter().filter(|o| o.what.id == "canary").collect();
    assert_eq!(canaries.iter().map(|o| o.detail.as_deref()).collect::<Vec<_>>(), [Some("vip_phone"), Some("ghost")]);
    assert!(canaries.iter().all(|o| o.confidence == 100 && o.grade == Grade::L4 && !o.sample.contains("1234")));
}
