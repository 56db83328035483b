//! The rows of the tables of types, one by one: each name in the ways that names are written, with values in the ways
//! that values are; values without a name; and values that only look so.

use super::testing::{reported, reported_json, silent, silent_json, told};

/// A type, its names, good values, good values that are reported without any name, and values that are none.
struct Row {
    what: &'static str,
    names: &'static [&'static str],
    good: &'static [&'static str],
    alone: &'static [&'static str],
    bad: &'static [&'static str],
}

const fn row(
    what: &'static str,
    names: &'static [&'static str],
    good: &'static [&'static str],
    alone: &'static [&'static str],
    bad: &'static [&'static str],
) -> Row {
    Row { what, names, good, alone, bad }
}

const RESIDENT: &[&str] = &[
    "idcard",
    "idCardNo",
    "id_no",
    "identityCard",
    "identityNo",
    "certNo",
    "certificateNo",
    "credentialNo",
    "cardNo",
    "sfz",
    "sfzh",
    "sfzhm",
    "shenfenzheng",
    "zjhm",
    "zjh",
    "身份证",
    "身份证号",
    "身份证号码",
    "公民身份号码",
    "证件号",
    "证件号码",
];
const MOBILE: &[&str] = &[
    "mobile",
    "mobilePhone",
    "phone",
    "phoneNo",
    "phoneNumber",
    "cell",
    "tel",
    "telephone",
    "contactPhone",
    "msisdn",
    "sjh",
    "sjhm",
    "shouji",
    "shoujihao",
    "lxdh",
    "lxfs",
    "dianhua",
    "手机",
    "手机号",
    "电话",
    "联系方式",
    "联系电话",
    "预留手机",
];
const CARD: &[&str] = &[
    "bankCard",
    "bankCardNo",
    "cardNo",
    "cardNumber",
    "accountNo",
    "acctNo",
    "payCard",
    "pan",
    "yhk",
    "yhkh",
    "yinhangka",
    "kahao",
    "银行卡",
    "银行卡号",
    "卡号",
    "借记卡",
    "信用卡号",
];

const ROWS: &[Row] = &[
    row(
        "cn_resident_id",
        RESIDENT,
        &["110101199003074610", "44052419890101102X", "44052419890101102x", "１１０１０１１９９００３０７４６１０"],
        &["110101199003074610", "44052419890101102X", " 110101199003074610 "],
        &["110101199003074611", "110101199013074610", "990101199003074610", "110101203003074613"],
    ),
    row(
        "cn_resident_id15",
        &["idcard", "idCardNo", "sfzh", "身份证号", "证件号码"],
        &["110105491231002"],
        &[],
        &["110105491331002", "990105491231002"],
    ),
    row(
        "hkmotw_residence",
        &["idCardNo", "居住证"],
        &["810000199003074614"],
        &["810000199003074614"],
        &["810000199003074615"],
    ),
    row(
        "cn_mobile",
        MOBILE,
        &[
            "13912345678",
            "+8613912345678",
            "+86 139 1234 5678",
            "139-1234-5678",
            "86-13912345678",
            "１３９１２３４５６７８",
        ],
        &["+8613912345678", "139-1234-5678", "139 1234 5678"],
        &["12912345678", "139123456789", "1391234567"],
    ),
    row(
        "cn_landline",
        &["tel", "fax", "officePhone", "zuoji", "座机", "固话", "传真"],
        &["010-62781234", "0571-88881234", "(0571)88881234", "010-62781234-801", "010-62781234转801", "01062781234"],
        &[],
        &["099-62781234", "010-12"],
    ),
    row(
        "bank_card",
        CARD,
        &["6222021001116245702", "6222 0210 0111 6245 702", "6222-0210-0111-6245-702", "4539578763621486"],
        &["6222021001116245702", "6222 0210 0111 6245 702"],
        &["6222021001116245703", "4539578763621487", "6222 0210 0111 6245 703"],
    ),
    row(
        "bank_account",
        &["bankAccount", "accNo", "zh", "zhanghao", "账号", "帐号", "对公账户", "开户账号"],
        &["3301040160000", "110060149012345678"],
        &[],
        &["12345678", "abc-123456789"],
    ),
    row(
        "card_track",
        &["track1", "track2", "磁道"],
        &["%B4539578763621486^DOE/JOHN^25121011000012345678?", ";4539578763621486=25121011000012345678?"],
        &["%B4539578763621486^DOE/JOHN^25121011000012345678?", ";4539578763621486=25121011000012345678?"],
        &["%B4539578763621487^DOE/JOHN^25121011000012345678?", ";4539578763621486=2513"],
    ),
    row(
        "cn_passport",
        &["passport", "passportNo", "hzh", "huzhao", "护照", "护照号"],
        &["E12345678", "EA1234567", "G12345678", "DE1234567", "H12345678", "MA1234567", "EN5134565", "EW8662242"],
        &[],
        &["EI1234567", "E1234567", "Z12345678"],
    ),
    row(
        "cn_hkmo_permit",
        &["txz", "港澳通行证", "hkMoPermit"],
        &["C12345678", "W12345678", "CA1234567", "WM1591248", "CU1804541"],
        &[],
        &["C1234567", "B12345678"],
    ),
    row("hkmo_home_permit", &["hxz", "回乡证"], &["H12345678", "M1234567801"], &[], &["H1234567", "K12345678"]),
    row(
        "tw_permit",
        &["tbz", "taibaozheng", "台胞证", "台湾居民来往大陆通行证"],
        &["12345678", "0123456789", "0123456789A"],
        &[],
        &["1234567", "012345678"],
    ),
    row(
        "cn_military_id",
        &["junguanzheng", "军官证", "士兵证", "文职证", "警官证"],
        &["军字第1234567号", "南字第123456号", "广字12345678"],
        &["军字第1234567号"],
        &["军字第12号", "国字第1234567号"],
    ),
    row(
        "uscc",
        &[
            "uscc",
            "creditCode",
            "socialCreditCode",
            "unifiedCode",
            "tyshxydm",
            "xydm",
            "nsrsbh",
            "taxNo",
            "统一社会信用代码",
            "纳税人识别号",
            "税号",
        ],
        &["91110000600037341L", "91330100799655058B", "914403001922038216"],
        &["91110000600037341L", "91330100799655058B"],
        &["91110000600037342L", "81110000600037341L", "914403001922038217"],
    ),
    row(
        "org_code",
        &["zzjgdm", "orgCode", "组织机构代码"],
        &["60003734-1", "799655058", "192203821"],
        &[],
        &["60003734-2", "799655059"],
    ),
    row("cn_driver_licence", &["driverLicense", "jszh", "jsz", "驾驶证号"], &["330100384218"], &[], &["33010038421"]),
    row(
        "cn_driver_licence",
        &["driverLicense", "jszh", "驾驶证号"],
        &["110101199003074610"],
        &[],
        &["110101199003074611"],
    ),
    row(
        "cn_plate",
        &["plate", "plateNo", "carNo", "cph", "chepai", "hphm", "车牌", "车牌号", "号牌号码"],
        &["京A12345", "沪B·A1234", "粤BD12345", "粤B12345F", "粤Z1234港"],
        &["京A12345", "粤BD12345"],
        &["京AABCDE", "京I12345", "京A1234"],
    ),
    row(
        "vin",
        &["vin", "frameNo", "cjh", "clsbdh", "车架号", "车辆识别代号"],
        &["1HGCM82633A004352", "LSVAU033872087432", "1M8GDM9AXKP042788"],
        &["1HGCM82633A004352", "LSVAU033872087432"],
        &["1HGCM82643A004352", "LSVAU03387208743I", "LSVAU033872087433"],
    ),
    row(
        "email",
        &["email", "mail", "userEmail", "yx", "youxiang", "邮箱", "电子邮件"],
        &["li.wei@corp.cn", "zhang_san88@163.com", "A-B@sub.qq.com"],
        &["li.wei@corp.cn", "zhang_san88@163.com"],
        &["a@example.com", "b@mail.example.org", "logo@2x.png", "npm@1.2", "@hao/core"],
    ),
    row(
        "imei",
        &["imei", "deviceImei"],
        &["356938035643809", "35693803564380"],
        &[],
        &["356938035643808", "111111111111111"],
    ),
    row("imsi", &["imsi"], &["460001234567890"], &[], &["461001234567890"]),
    row(
        "iccid",
        &["iccid", "simNo"],
        &["89860012345678901234", "898600A2345678901234"],
        &["89860012345678901234"],
        &["89870012345678901234"],
    ),
    row(
        "mac",
        &["mac", "macAddr", "bssid"],
        &["00:1B:44:11:3A:B7", "ac-de-48-00-11-22"],
        &["00:1B:44:11:3A:B7", "ac-de-48-00-11-22"],
        &["01:1B:44:11:3A:B7", "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff"],
    ),
    row(
        "ipv4",
        &["ip", "clientIp", "lastLoginIp"],
        &["8.8.4.4", "106.108.130.30"],
        &[],
        &["10.0.0.1", "192.168.1.1", "256.1.1.1", "1.2.3"],
    ),
    row(
        "ipv6",
        &["ip", "clientIp"],
        &["2408:8000:1010:1::8", "240e:31:c24a::fde4"],
        &[],
        &["fe80::1", "::1", "2001:db8::1"],
    ),
    row(
        "geo",
        &["lat", "lng", "longitude", "latitude", "jd", "wd", "jingdu", "weidu", "经度", "纬度", "location"],
        &["39.904210", "116.407396"],
        &[],
        &["39.9", "1.5", "12345"],
    ),
    row(
        "us_ssn",
        &["ssn", "socialSecurityNumber"],
        &["536-22-1234", "536221234"],
        &[],
        &["666-22-1234", "000-22-1234", "078-05-1120"],
    ),
    row("us_itin", &["itin"], &["912-70-1234"], &[], &["912-10-1234"]),
    row(
        "iban",
        &["iban"],
        &["GB82WEST12345698765432", "GB82 WEST 1234 5698 7654 32"],
        &["GB82WEST12345698765432"],
        &["GB82WEST12345698765433"],
    ),
    row(
        "uk_nino",
        &["nino"],
        &["AB123456C", "AB 12 34 56 C"],
        &["AB123456C", "AB 12 34 56 C"],
        &["BG123456C", "AB123456E"],
    ),
    row("in_aadhaar", &["aadhaar"], &["234123412346", "2341 2341 2346"], &[], &["234123412347", "2341 2341 2347"]),
    row(
        "in_pan",
        &["panCard", "pan"],
        &["ABCPE1234F", "ABCLE1234F"],
        &["ABCPE1234F", "ABCLE1234F"],
        &["ABCXE1234F", "ABCPE12345"],
    ),
    row(
        "hk_id",
        &["hkid", "香港身份证"],
        &["A123456(3)", "G123456(A)", "A1234563"],
        &["A123456(3)", "A1234563"],
        &["A123456(4)", "A1234564"],
    ),
    row("mo_id", &["moId", "澳门身份证"], &["1234567(8)", "5215299(8)"], &[], &["2234567(8)"]),
    row("tw_id", &["twId", "台湾身份证"], &["A123456789"], &["A123456789"], &["A123456788", "A323456789"]),
    row(
        "kr_rrn",
        &["rrn"],
        &["900101-1234568", "201010-3234567"],
        &["900101-1234568"],
        &["900101-1234567", "901301-1234568"],
    ),
    row("sg_nric", &["nric"], &["S1234567D"], &["S1234567D"], &["S1234567E"]),
    row(
        "br_cpf",
        &["cpf"],
        &["529.982.247-25", "52998224725"],
        &["529.982.247-25"],
        &["529.982.247-26", "52998224726"],
    ),
    row(
        "phone_intl",
        &["phone", "mobile", "tel"],
        &["+14155552671", "+442079460958"],
        &["+14155552671"],
        &["+1415555"],
    ),
];

/// The ways a name is written.
fn styles(name: &str) -> Vec<String> {
    if !name.is_ascii() {
        // An account of somebody may be one of a service.
        let is_account = ["账号", "帐号"].contains(&name);
        return [name.to_owned(), format!("客户{name}")].into_iter().take(if is_account { 1 } else { 2 }).collect();
    }
    let mut snake = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    let pascal = format!("{}{}", name[..1].to_uppercase(), &name[1..]);
    vec![name.to_owned(), pascal, snake.replace('_', "-"), snake.to_uppercase(), snake]
}

#[test]
fn every_name_tells_its_values() {
    for row in ROWS {
        for name in row.names {
            for value in row.good {
                styles(name).iter().for_each(|name| reported(name, value, row.what));
            }
        }
    }
}

#[test]
fn values_without_a_name() {
    for row in ROWS {
        if row.what == "cn_driver_licence" {
            continue;
        }
        row.alone.iter().for_each(|value| reported("x", value, row.what));
        // Where no value is, none of the good ones is.
        if row.alone.is_empty() {
            row.good.iter().for_each(|value| silent("x", value));
        }
    }
}

#[test]
fn what_fails_is_nothing_under_any_name() {
    for row in ROWS {
        for value in row.bad {
            silent("x", value);
            // A card's number that is none may be an account's.
            let names = row.names.iter().filter(|name| row.what != "bank_card" || **name != "acctNo");
            names.for_each(|name| silent(name, value));
        }
    }
}

#[test]
fn labels_in_text() {
    for row in ROWS {
        for name in row.names.iter().filter(|name| !name.is_ascii()) {
            for value in row.good {
                for text in [
                    format!("{name}：{value}，"),
                    format!("2026-01-02 10:11:12 INFO [main] {name}={value}, ok=1"),
                    format!("status\t1\t{name}\t{value}\tid\t7"),
                ] {
                    assert_eq!(told(&text), [row.what], "{text}");
                }
            }
        }
    }
}

#[test]
fn test_values_lose_thirty() {
    // 10 + 45 + 35 - 30, and without a name less than a candidate.
    reported("cardNo", "4111111111111111", "bank_card");
    reported("mobile", "13800138000", "cn_mobile");
    reported("idCard", "11010519491231002X", "cn_resident_id");
    for value in ["4111111111111111", "13800138000", "11010519491231002X", "6666666666666666"] {
        silent("x", value);
    }
}

#[test]
fn names_of_other_things() {
    for (name, value) in [
        ("orderNo", "13912345678"),
        ("createTime", "1732060800000"),
        ("timestamp", "1732060800"),
        ("traceId", "1329384756102938475"),
        ("流水号", "13912345678"),
        ("运单号", "13912345678"),
        ("version", "1.2.3.4"),
        ("tracking_no", "6222021001116245703"),
        ("社保卡号", "540629194811216682"),
        ("社保卡号", "4539578763621486"),
    ] {
        let told = super::testing::types(name, value);
        assert!(
            told.iter().all(|what| !["cn_mobile", "bank_card", "cn_resident_id", "ipv4"].contains(what)),
            "{name} {told:?}"
        );
    }
}

#[test]
fn further_ways_of_writing() {
    for (name, value, what) in [
        ("x", "0086-13912345678", "cn_mobile"),
        ("phone", "008613912345678", "cn_mobile"),
        ("phone", "(+86)13912345678", "cn_mobile"),
        ("phone", "+86-139-1234-5678", "cn_mobile"),
        ("x", "110101 19900307 4610", "cn_resident_id"),
        ("hkid", "A123456（3）", "hk_id"),
        ("iban", "gb82west12345698765432", "iban"),
        ("cardNo", "3782 822463 10005", "bank_card"),
        ("location", "116.407396,39.904210", "geo"),
        ("经纬度", "116.407396，39.904210", "geo"),
        ("location", "[116.407396, 39.904210]", "geo"),
        ("tel", "86-010-62781234", "cn_landline"),
        ("tel", "010－62781234", "cn_landline"),
    ] {
        reported(name, value, what);
    }
    for (name, value, what) in [
        ("idCard", "110101199003074610", "cn_resident_id"),
        ("phone", "13912345678", "cn_mobile"),
        ("cardNo", "6222021001116245702", "bank_card"),
        ("x", "6222021001116245702", "bank_card"),
        ("imei", "356938035643809", "imei"),
        ("lat", "39.904210", "geo"),
        ("zzjgdm", "799655058", "org_code"),
        ("creditCode", "914403001922038216", "uscc"),
        ("rrn", "9001011234568", "kr_rrn"),
    ] {
        reported_json(name, value, what);
    }
    for value in ["13912345678", "139123456780", "13912345678.5", "1.3912345678e10", "6222021001116245703"] {
        silent_json("x", value);
    }
}

#[test]
fn identifiers_of_types_are_names() {
    for (kind, index) in super::TYPES.iter().zip(0u8..).filter(|(kind, _)| kind.data.id != "secret") {
        assert!(super::hints(kind.data.id).strong & super::TypeId(index).set() != 0, "{}", kind.data.id);
    }
}
