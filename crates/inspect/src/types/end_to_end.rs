//! Types that text and names tell, from bodies to what is reported.

use spyhop_model::{Half, Key, Timestamp};

use crate::content::{BodyScan, Content, Recogniser, Source};

const AT: Timestamp = Timestamp(1_795_400_000_000_000_000);

/// What is reported of a body, as `type points`.
fn reported(content_type: &str, body: &str) -> Vec<String> {
    let mut recogniser = Recogniser::new(Key::new([3; 32]));
    let mut content = Content::new(Half::Response, AT);
    let mut scan = BodyScan::begin(Some(content_type));
    let mut sink = content.sink(&mut recogniser, Source::Body);
    scan.feed(body.as_bytes(), &mut sink);
    scan.finish(&mut sink);
    let all = content.finish(&recogniser).observations;
    all.iter().filter(|o| o.confidence >= 60).map(|o| format!("{} {}", o.what.id, o.confidence)).collect()
}

/// What is reported of a JSON value under a key.
fn json(key: &str, value: &str) -> Vec<String> {
    reported("application/json", &format!("{{\"{key}\":{value}}}"))
}

fn text(text: &str) -> Vec<String> {
    reported("text/plain", &format!("{text}\n{}", "。".repeat(40)))
}

#[test]
fn values_under_their_names() {
    for (key, value, expected) in [
        ("address", "\"广东省深圳市南山区科技园南路10号\"", "cn_address 100"),
        ("收货地址", "\"建国路93号院3号楼2单元\"", "cn_address 95"),
        ("addr", "\"3号楼2单元501室\"", "cn_address 75"),
        ("x", "\"广东省深圳市南山区科技园南路10号\"", "cn_address 70"),
        ("birthday", "\"1990-01-31\"", "dob 70"),
        ("csrq", "19900131", "dob 70"),
        ("birthDate", "633744000000", "dob 70"),
        ("gender", "\"男\"", "gender 60"),
        ("mz", "\"汉族\"", "ethnicity 60"),
        ("maritalStatus", "\"已婚\"", "marital 60"),
        ("xueli", "\"本科\"", "education 60"),
        ("religion", "\"佛教\"", "religion 60"),
        ("zzmm", "\"中共党员\"", "political 60"),
        ("wechat", "\"zhangsan1990\"", "wechat_id 65"),
        ("openid", "\"oUpF8uMuAJO_M2pxb1Q9zNjWeS6o\"", "openid 75"),
        ("unionId", "\"oUpF8uMuAJO_M2pxb1Q9zNjWeS6o\"", "unionid 75"),
        ("qq", "\"384756129\"", "qq 65"),
        ("QQ号", "384756129", "qq 65"),
        ("buyerId", "\"2088102175953034\"", "alipay_id 80"),
        ("sbkh", "\"SB31010912345\"", "social_security 65"),
        ("公积金账号", "\"201003948571\"", "provident_fund 65"),
        ("ybkh", "\"A3101099123\"", "medical_insurance 65"),
        ("diagnosis", "\"2型糖尿病伴高血压\"", "medical 70"),
        ("icdCode", "\"E11.9\"", "medical 75"),
        ("balance", "\"12345.67\"", "finance_balance 60"),
        ("tradeAmt", "88.5", "finance_txn 60"),
        ("salary", "15000", "income 60"),
        ("creditScore", "712", "credit_report 60"),
        ("password", "\"Abc@12345\"", "account_password 75"),
        ("smsCode", "\"384756\"", "sms_code 75"),
        ("yzm", "384756", "sms_code 75"),
    ] {
        assert_eq!(json(key, value), [expected], "{key}: {value}");
    }
}

#[test]
fn what_is_no_value_or_under_another_name() {
    for (key, value) in [
        ("sex", "1"),
        ("sex", "null"),
        ("gender", "\"-\""),
        ("balance", "\"0.00\""),
        ("balance", "0"),
        ("balance", "\"-\""),
        ("balance", "null"),
        ("balanceType", "12"),
        ("status", "\"已婚\""),
        ("title", "\"本科\""),
        ("type", "\"汉族\""),
        ("birthday", "\"\""),
        ("birthday", "\"0000-00-00\""),
        ("createDate", "\"1990-01-31\""),
        ("qq", "\"无\""),
        ("qq", "\"0\""),
        ("wechat", "\"enabled\""),
        ("wxAppId", "\"wx1a2b3c4d5e6f7a8b\""),
        ("address", "\"广东省\""),
        ("address", "\"0x00000000ffff\""),
        ("ipAddress", "\"10.0.0.1\""),
        ("address", "\"http://a.cn/x\""),
        ("name", "\"华为手机\""),
        ("name", "\"温州\""),
        ("password", "\"******\""),
        ("password", "\"请输入密码\""),
        ("passwordStrength", "\"strong\""),
        ("needPassword", "true"),
        ("code", "\"384756\""),
        ("faceImg", "\"https://a.cn/face.jpg\""),
        ("diagnosis", "\"无\""),
        ("salary", "\"10k-15k\""),
        ("education", "\"在线教育\""),
    ] {
        let found: Vec<_> =
            json(key, value).into_iter().filter(|one| !one.starts_with("account_password 40")).collect();
        let masked = key == "password" && value.contains('*');
        assert!(found.is_empty() || masked, "{key}: {value}: {found:?}");
    }
}

#[test]
fn values_in_chinese_text() {
    for (body, expected) in [
        ("客户说请寄到浙江省杭州市西湖区文三路478号华星时代广场A座1201室，谢谢", "cn_address 80"),
        ("地址：朝阳区建国路93号", "cn_address 70"),
        ("请联系张三先生确认", "cn_name 60"),
        ("患者李小四，男，35岁", "cn_name 60"),
        ("姓名：王小明", "cn_name 60"),
        ("【某某】您的验证码是384756，5分钟内有效", "sms_code 100"),
        ("验证码：384756，5分钟内有效", "sms_code 65"),
        ("性别：女", "gender 60"),
        ("出生日期：1990年1月31日", "dob 60"),
        ("主诉：咳嗽3天。现病史：患者3天前受凉。", "medical 65"),
    ] {
        let found = text(body);
        assert!(found.iter().any(|one| one.split(' ').next() == expected.split(' ').next()), "{body}: {found:?}");
    }
    for body in [
        "var a={sex:\"male\",balance:100.5,password:\"required1\",education:\"bachelor\",birthday:\"1990-01-01\"};",
        "password: string; qq: 384756129, salary=12000, verifyCode:\"384756\"",
        "北京市召开会议，广东省深圳市今天有雨，上海市地铁2号线延误。",
        "本院提供诊断、手术等服务，请输入4位验证码。",
        "系统管理员请联系客服经理，高级工程师，任务列表",
    ] {
        assert_eq!(text(body), Vec::<String>::new(), "{body}");
    }
}

#[test]
fn images_beyond_one_piece() {
    let image = format!("/9j/4AAQSkZJRgABAQ{}", "Ab9+".repeat(6000));
    for (key, what) in [("faceImg", "biometric"), ("idCardFront", "id_photo"), ("人脸照片", "biometric")] {
        for length in [2400, 20_000] {
            let body = format!("{{\"a\":1,\"{key}\":\"data:image/jpeg;base64,{}\"}}", &image[..length]);
            assert_eq!(reported("application/json", &body), [format!("{what} 75")], "{key} {length}");
        }
    }
    assert_eq!(json("avatar", &format!("\"{image}\"")), Vec::<String>::new());
    let vector: Vec<String> = (0..128).map(|n| format!("0.{:07}", n * 7_919)).collect();
    assert_eq!(json("faceFeature", &format!("[{}]", vector.join(","))), ["biometric 60"]);
    assert_eq!(json("prices", &format!("[{}]", vector.join(","))), Vec::<String>::new());
}

#[test]
fn addresses_with_a_name_and_a_number() {
    let found = json("receiveInfo", "\"广东省深圳市南山区科技园路10号3栋501室 张三 13912345678\"");
    assert_eq!(found, ["cn_address 80"]);
    let found = json("address", "\"广东省深圳市南山区科技园路10号，张三，13912345678\"");
    assert!(found.contains(&"cn_address 95".to_owned()), "{found:?}");
}
