//! From bodies to observations.

use proptest::prelude::*;

use super::*;

const AT: Timestamp = Timestamp(1_795_400_000_000_000_000);

fn recogniser() -> Recogniser {
    Recogniser::new(Key::new([3; 32]))
}

/// The observations of a body, as `type place form points count distinct sample`.
fn run(content_type: &str, parts: &[&[u8]]) -> Vec<String> {
    let mut recogniser = recogniser();
    let mut content = Content::new(Half::Response, AT);
    let mut body = BodyScan::begin(Some(content_type));
    let mut sink = content.sink(&mut recogniser, Source::Body);
    for part in parts {
        body.feed(part, &mut sink);
    }
    body.finish(&mut sink);
    lines(&content.finish())
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
fn labels_in_text() {
    check(
        "text/html",
        "<html><table><tr><td>手机</td><td>13912345678</td></tr></table><p>订单号：13912345670</p><p>联系人：张三</p>\
         <a href=\"mailto:li.si@corp.cn\">x</a> ID: 110101199003074610, http://a.cn/?phone=18612345679&x=1</html>",
        &[
            "cn_mobile $ full 70 2/2 139****5678",
            "cn_name $ full 60 1/1 张*",
            "email $ full 75 1/1 l***@corp.cn",
            "cn_resident_id $ full 75 1/1 110**************0",
        ],
    );
    // What stands far apart is no record.
    let far = format!("联系人：张三{}身份证：110101199003074610", ", ".repeat(200));
    check("text/plain", &far, &["cn_name $ full 40 1/1 张*", "cn_resident_id $ full 90 1/1 110**************0"]);
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
        lines(&content.finish()),
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
    assert!(got.last().unwrap().starts_with("cn_mobile * full 90 1744/64 "), "{:?}", got.last());
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
    let observations = content.finish();
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
