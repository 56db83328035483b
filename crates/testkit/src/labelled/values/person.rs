//! Who a person is: name, birth, terms from closed lists, health, pictures, secrets.

use super::super::sources::{GIVEN, surname};
use super::{TOKEN, UPPER, contact, day, number};
use crate::rng::Rng;

pub(in super::super) fn name(rng: &mut Rng) -> String {
    let given: Vec<char> = GIVEN.chars().collect();
    let mut name = surname(rng).to_owned();
    for _ in 0..1 + rng.below(2) {
        name.push(rng.one_of(&given));
    }
    name
}

/// What stands under a name's key and is none.
pub(in super::super) fn no_name(rng: &mut Rng) -> String {
    rng.one_of(&[
        "系统管理员",
        "测试账号",
        "华东大区",
        "智能手机",
        "财务部",
        "深圳分公司",
        "未知",
        "无",
        "客服中心",
        "研发部",
        "产品一组",
        "默认分组",
        "普通会员",
        "黄金会员",
        "高级套餐",
        "管理员",
        "超级管理员",
        "江苏省",
        "广州市",
        "在线客服",
    ])
    .to_owned()
}

pub(in super::super) fn mask_name(value: &str, rng: &mut Rng) -> String {
    let characters: Vec<char> = value.chars().collect();
    let last = characters.len() - 1;
    match rng.below(3) {
        0 if last >= 2 => format!("{}*{}", characters[0], characters[last]),
        1 if last >= 2 => format!("{}{}", "*".repeat(last), characters[last]),
        _ => format!("{}{}", characters[0], "*".repeat(last)),
    }
}

pub(in super::super) fn birth(rng: &mut Rng) -> String {
    let (year, month, day) = day(rng);
    match rng.below(5) {
        0 => format!("{year}/{month:02}/{day:02}"),
        1 => format!("{year}年{month}月{day}日"),
        2 => format!("{year}{month:02}{day:02}"),
        _ => format!("{year}-{month:02}-{day:02}"),
    }
}

pub(in super::super) fn no_birth(rng: &mut Rng) -> String {
    rng.one_of(&["1987-13-05", "1990-02-30", "0000-00-00", "1790-01-01", "2035-04-31", "20019931"]).to_owned()
}

pub(in super::super) fn gender(rng: &mut Rng) -> String {
    rng.one_of(&["男", "女", "男", "女", "male", "female", "M", "F"]).to_owned()
}

pub(in super::super) fn ethnicity(rng: &mut Rng) -> String {
    rng.one_of(&[
        "汉族",
        "汉族",
        "汉",
        "回族",
        "满族",
        "维吾尔族",
        "苗族",
        "彝族",
        "土家族",
        "藏族",
        "蒙古族",
        "壮族",
        "布依族",
        "朝鲜族",
    ])
    .to_owned()
}

pub(in super::super) fn marital(rng: &mut Rng) -> String {
    rng.one_of(&["已婚", "未婚", "离异", "丧偶", "离婚"]).to_owned()
}

pub(in super::super) fn education(rng: &mut Rng) -> String {
    rng.one_of(&[
        "博士",
        "硕士",
        "本科",
        "大专",
        "高中",
        "中专",
        "初中",
        "小学",
        "硕士研究生",
        "大学本科",
        "博士研究生",
    ])
    .to_owned()
}

pub(in super::super) fn religion(rng: &mut Rng) -> String {
    rng.one_of(&["佛教", "道教", "伊斯兰教", "天主教", "基督教"]).to_owned()
}

pub(in super::super) fn political(rng: &mut Rng) -> String {
    rng.one_of(&["中共党员", "共青团员", "群众", "中共预备党员", "民盟盟员", "无党派人士"]).to_owned()
}

/// A word of no closed list.
pub(in super::super) fn no_term(rng: &mut Rng) -> String {
    rng.one_of(&["暂无", "待补充", "N/A", "ok", "default", "-", "unknown", "类型二"]).to_owned()
}

pub(in super::super) fn disease(rng: &mut Rng) -> String {
    rng.one_of(&[
        "2型糖尿病",
        "原发性高血压",
        "急性上呼吸道感染",
        "慢性胃炎",
        "乙型病毒性肝炎",
        "冠状动脉粥样硬化性心脏病",
        "腰椎间盘突出症",
        "抑郁状态",
        "右肺上叶结节",
        "甲状腺功能减退症",
    ])
    .to_owned()
}

pub(in super::super) fn icd(rng: &mut Rng) -> String {
    rng.one_of(&["E11.9", "I10", "J06.9", "K29.5", "B18.1", "I25.1", "M51.2", "F32.9", "E03.9", "C34.1"]).to_owned()
}

/// A record of a visit with several terms of the field.
pub(in super::super) fn visit(rng: &mut Rng) -> String {
    let disease = disease(rng);
    match rng.below(3) {
        0 => format!(
            "主诉：反复头晕{}天。现病史：患者{}天前无明显诱因出现头晕。诊断：{disease}。处方：对症治疗。",
            rng.range(2..30),
            rng.range(2..30)
        ),
        1 => format!("住院号{}，既往史：{disease}；过敏史：青霉素；医嘱：卧床休息，复查血常规。", number(rng, 7)),
        _ => format!("门诊号：{} 检验结果：乙肝表面抗原阳性，诊断为{disease}，建议手术治疗。", number(rng, 8)),
    }
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Base64 after RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().fold(0u32, |word, b| word << 8 | u32::from(*b)) << (8 * (3 - chunk.len()));
        for at in 0..4 {
            let six = word >> (18 - 6 * at) & 63;
            out.push(if at <= chunk.len() { char::from(BASE64[six as usize]) } else { '=' });
        }
    }
    out
}

/// A picture of a portrait's shape in base64, sometimes as a data URI: true heads, noise in place of the pixels.
pub(in super::super) fn picture(rng: &mut Rng) -> String {
    let (width, height) = (rng.range(240..640) as u16, rng.range(320..640) as u16);
    let noise = rng.range(1800..4000) as usize;
    let (kind, mut bytes) = match rng.below(3) {
        0 => {
            let mut png = vec![0x89, b'P', b'N', b'G', 13, 10, 26, 10, 0, 0, 0, 13, b'I', b'H', b'D', b'R'];
            png.extend(u32::from(width).to_be_bytes());
            png.extend(u32::from(height).to_be_bytes());
            png.extend([8, 2, 0, 0, 0]);
            ("png", png)
        }
        _ => {
            let mut jpeg = vec![0xff, 0xd8, 0xff, 0xe0, 0, 16];
            jpeg.extend(b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0");
            jpeg.extend([0xff, 0xc0, 0, 17, 8]);
            jpeg.extend(height.to_be_bytes());
            jpeg.extend(width.to_be_bytes());
            jpeg.extend([
                3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1, 0xff, 0xda, 0, 12, 3, 1, 0, 2, 0x11, 3, 0x11, 0, 0x3f, 0,
            ]);
            ("jpeg", jpeg)
        }
    };
    bytes.extend(rng.bytes(noise));
    let text = base64(&bytes);
    if rng.chance(30.0) { format!("data:image/{kind};base64,{text}") } else { text }
}

pub(in super::super) fn password(rng: &mut Rng) -> String {
    match rng.below(5) {
        0 => rng.hex(32),
        1 => format!("$2a$10${}", rng.text(TOKEN, 53)),
        2 => {
            format!("{}{}", contact::login(rng).replace(['.', '_'], ""), rng.one_of(&["@123", "!2026", "#88", "2024"]))
        }
        3 => rng.hex(64),
        _ => format!("{}{}{}", rng.text(UPPER, 1), rng.text("abcdefghijkmnpqrstuvwxyz", 5), rng.digits(4)),
    }
}

pub(in super::super) fn no_password(rng: &mut Rng) -> String {
    rng.one_of(&["", "******", "********", "true", "false", "null"]).to_owned()
}

pub(in super::super) fn code(rng: &mut Rng) -> String {
    let length = rng.one_of(&[4, 6, 6, 6, 8]);
    rng.digits(length)
}

/// A text message with a code.
pub(in super::super) fn message(rng: &mut Rng) -> String {
    let code = rng.digits(6);
    match rng.below(3) {
        0 => format!("【云商城】您的验证码是{code}，5分钟内有效，请勿泄露给他人。"),
        1 => format!("【某银行】验证码：{code}，您正在登录手机银行，如非本人操作请忽略。"),
        _ => format!("【出行】验证码为{code}，请勿转发。"),
    }
}
