//! What somebody is: day of birth, sex, ethnic group, family, education, belief. Values that only their name tells.

use std::borrow::Cow;

use spyhop_model::{Category, DataType, Grade, Personal, Text};

use super::Type;
use super::validators::is_date;
use crate::walk::LeafKind;

/// Day of birth.
pub(super) static DOB: Type = Type {
    strong: &[
        "birthday",
        "birthdate",
        "dateofbirth",
        "birthofdate",
        "birthdt",
        "borndate",
        "dob",
        "csrq",
        "csny",
        "csnyr",
        "shengri",
        "chushengriqi",
        "出生日期",
        "出生年月",
        "出生年月日",
        "出生时间",
        "生日",
        "出生",
    ],
    whole: &["birth", "born"],
    strong_points: (60, 25),
    han_label: 35,
    named: Some(|value, kind| day_of_birth(value, kind).map(|_| 10)),
    canonical: |value| match day_of_birth(value, LeafKind::Number) {
        Some(day) => format!("{day:08}").into(),
        None => value.into(),
    },
    mask: |value| match day_of_birth(value, LeafKind::Number) {
        Some(day) => format!("{}-**-**", day / 10_000),
        None => "****-**-**".into(),
    },
    ..Type::new(DataType::new(
        "dob",
        Text { en: "day of birth", zh: "出生日期" },
        Category::Identity,
        Grade::L2,
        Personal::Personal,
    ))
};

/// A type whose values are words of a list.
const fn listed(id: &'static str, name: Text) -> Type {
    Type {
        strong_points: (40, 25),
        han_label: 25,
        canonical: |value| value.trim().to_lowercase().into(),
        mask: |_| "***".into(),
        ..Type::new(DataType::new(id, name, Category::Identity, Grade::L2, Personal::Personal))
    }
}

/// Sex.
pub(super) static GENDER: Type = Type {
    strong: &["gender", "sex", "usersex", "xingbie", "性别", "性別"],
    whole: &["xb"],
    named: Some(|value, kind| {
        // Codes of GB/T 2261.1 are numbers as any other.
        let is_code = matches!(value, "1" | "2") && kind != LeafKind::Word;
        let points = if is_code { Some(5) } else { None };
        word(value, kind, GENDERS).or(points)
    }),
    ..listed("gender", Text { en: "sex", zh: "性别" })
};
const GENDERS: &[&str] = &["男", "女", "男性", "女性", "male", "female", "m", "f", "man", "woman"];

/// Ethnic group.
pub(super) static ETHNICITY: Type = Type {
    strong: &["ethnicity", "ethnic", "ethnicgroup", "nationname", "minzu", "民族"],
    whole: &["nation", "mz", "folk"],
    named: Some(|value, kind| {
        let name = value.strip_suffix('族').unwrap_or(value);
        (kind == LeafKind::Text && ETHNIC_GROUPS.split(' ').any(|group| group == name)).then_some(20)
    }),
    canonical: |value| value.trim().trim_end_matches('族').into(),
    ..listed("ethnicity", Text { en: "ethnic group", zh: "民族" })
};
const ETHNIC_GROUPS: &str = "汉 蒙古 回 藏 维吾尔 苗 彝 壮 布依 朝鲜 满 侗 瑶 白 土家 哈尼 哈萨克 傣 黎 傈僳 佤 畲 高山 拉祜 水 东乡 \
     纳西 景颇 柯尔克孜 土 达斡尔 仫佬 羌 布朗 撒拉 毛南 仡佬 锡伯 阿昌 普米 塔吉克 怒 乌孜别克 俄罗斯 鄂温克 德昂 保安 裕固 京 塔塔尔 独龙 \
     鄂伦春 赫哲 门巴 珞巴 基诺 漢 滿 維吾爾 壯 藏族";

/// Marital status.
pub(super) static MARITAL: Type = Type {
    strong: &[
        "marital",
        "maritalstatus",
        "marriage",
        "marriagestatus",
        "marriagestate",
        "maritalstate",
        "ismarried",
        "hyzk",
        "hunyin",
        "婚姻",
        "婚姻状况",
        "婚姻状态",
        "婚否",
        "婚姻狀況",
    ],
    named: Some(|value, kind| word(value, kind, MARITAL_STATES)),
    ..listed("marital", Text { en: "marital status", zh: "婚姻状况" })
};
const MARITAL_STATES: &[&str] = &[
    "已婚",
    "未婚",
    "离异",
    "离婚",
    "丧偶",
    "再婚",
    "初婚",
    "复婚",
    "单身",
    "分居",
    "离异未再婚",
    "未婚未育",
    "已婚已育",
    "已婚未育",
    "離婚",
    "喪偶",
    "married",
    "single",
    "divorced",
    "widowed",
    "unmarried",
    "separated",
];

/// Education.
pub(super) static EDUCATION: Type = Type {
    strong: &[
        "xueli",
        "education",
        "educationlevel",
        "educationname",
        "educationdegree",
        "highesteducation",
        "edulevel",
        "academicdegree",
        "学历",
        "最高学历",
        "文化程度",
        "学位",
        "教育程度",
        "學歷",
        "whcd",
    ],
    whole: &["edu", "xl", "degree", "diploma"],
    named: Some(|value, kind| word(value, kind, DEGREES)),
    ..listed("education", Text { en: "education", zh: "学历" })
};
const DEGREES: &[&str] = &[
    "文盲",
    "小学",
    "初中",
    "高中",
    "中专",
    "中技",
    "职高",
    "技校",
    "大专",
    "专科",
    "本科",
    "大学",
    "大学本科",
    "大学专科",
    "学士",
    "硕士",
    "硕士研究生",
    "研究生",
    "博士",
    "博士研究生",
    "博士后",
    "初中及以下",
    "高中/中专",
    "大专及以下",
    "本科及以上",
    "硕士及以上",
    "全日制本科",
    "學士",
    "碩士",
    "博士後",
    "bachelor",
    "bachelors",
    "bachelor's degree",
    "master",
    "masters",
    "master's degree",
    "phd",
    "doctor",
    "doctorate",
    "associate degree",
    "high school",
    "junior college",
    "college",
    "undergraduate",
    "postgraduate",
];

/// Religion.
pub(super) static RELIGION: Type = Type {
    strong: &["religion", "religious", "religiousbelief", "religionname", "zjxy", "zongjiao", "宗教", "宗教信仰"],
    whole: &["faith", "belief"],
    named: Some(|value, kind| word(value, kind, RELIGIONS)),
    strong_points: (40, 25),
    han_label: 25,
    canonical: |value| value.trim().to_lowercase().into(),
    mask: |_| "***".into(),
    ..Type::new(DataType::new(
        "religion",
        Text { en: "religion", zh: "宗教信仰" },
        Category::Identity,
        Grade::L4,
        Personal::Sensitive,
    ))
};
const RELIGIONS: &[&str] = &[
    "佛教",
    "道教",
    "伊斯兰教",
    "回教",
    "基督教",
    "基督新教",
    "天主教",
    "东正教",
    "犹太教",
    "印度教",
    "藏传佛教",
    "锡克教",
    "神道教",
    "伊斯蘭教",
    "buddhism",
    "buddhist",
    "taoism",
    "taoist",
    "islam",
    "muslim",
    "christianity",
    "christian",
    "catholic",
    "catholicism",
    "protestant",
    "orthodox",
    "judaism",
    "jewish",
    "hindu",
    "hinduism",
    "sikh",
];

/// Political affiliation.
pub(super) static POLITICAL: Type = Type {
    strong: &[
        "political",
        "politicalstatus",
        "politicaloutlook",
        "politicalaffiliation",
        "politicallandscape",
        "politicalface",
        "politicsstatus",
        "politics",
        "zzmm",
        "zhengzhimianmao",
        "政治面貌",
        "政治狀況",
        "政治身份",
    ],
    named: Some(|value, kind| word(value, kind, AFFILIATIONS)),
    ..listed("political", Text { en: "political affiliation", zh: "政治面貌" })
};
const AFFILIATIONS: &[&str] = &[
    "中共党员",
    "中国共产党党员",
    "中共预备党员",
    "预备党员",
    "党员",
    "共青团员",
    "中国共青团员",
    "团员",
    "群众",
    "少先队员",
    "民革党员",
    "民革会员",
    "民盟盟员",
    "民建会员",
    "民进会员",
    "农工党党员",
    "致公党党员",
    "九三学社社员",
    "台盟盟员",
    "无党派人士",
    "无党派民主人士",
    "中国共产党预备党员",
    "入党积极分子",
    "普通公民",
    "共产党员",
];

/// A word of a list, in any case.
fn word(value: &str, kind: LeafKind, list: &[&str]) -> Option<i16> {
    (kind == LeafKind::Text && list.iter().any(|word| value.eq_ignore_ascii_case(word))).then_some(20)
}

/// Years in which people who live now were born; the last one leaves room for clocks and certificates that are ahead.
const YEARS: std::ops::RangeInclusive<u32> = 1906..=2029;

/// A day of birth as `yyyymmdd`.
fn day_of_birth(value: &str, kind: LeafKind) -> Option<u32> {
    const LONGEST: usize = 40;
    if kind == LeafKind::Word || value.len() > LONGEST {
        return None;
    }
    let value: Cow<'_, str> = match value.contains(['年', '月']) {
        true => value.replace(['年', '月'], "-").replace(['日', '号', ' '], "").into(),
        false => value.into(),
    };
    let (date, time) = match value.find(['T', ' ']) {
        Some(at) => (value.get(..at)?, value.get(at + 1..)?.trim()),
        None => (&*value, ""),
    };
    if !is_midnight(time) {
        return None;
    }
    let day = written(date).or_else(|| if time.is_empty() { milliseconds(date) } else { None })?;
    (is_date(day) && YEARS.contains(&(day / 10_000))).then_some(day)
}

/// A time of day at which a date without one is stored: midnight, there or in UTC.
fn is_midnight(time: &str) -> bool {
    let clock = time.split(['.', '+', 'Z']).next().unwrap_or_default();
    matches!(clock, "" | "00:00:00" | "00:00" | "0:00:00" | "16:00:00" | "15:00:00")
}

/// `1990-01-31`, `1990/1/31`, `1990.01.31`, `19900131`, `31/01/1990`.
fn written(date: &str) -> Option<u32> {
    let number = |part: &str| {
        let fits = (1..=4).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        if fits { part.parse::<u32>().ok() } else { None }
    };
    if date.len() == 8 && date.bytes().all(|b| b.is_ascii_digit()) {
        return date.parse().ok();
    }
    let separator = ['-', '/', '.'].into_iter().find(|c| date.contains(*c))?;
    let mut parts = date.split(separator);
    let (first, second, third) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let (a, b, c) = (number(first)?, number(second)?, number(third)?);
    match (first.len(), second.len(), third.len()) {
        (4, 1..=2, 1..=2) => Some(a * 10_000 + b * 100 + c),
        // Day first or month first, whichever is a day.
        (1..=2, 1..=2, 4) if b <= 12 => Some(c * 10_000 + b * 100 + a),
        (1..=2, 1..=2, 4) => Some(c * 10_000 + a * 100 + b),
        _ => None,
    }
}

/// Milliseconds since 1970 at midnight in UTC, or in China (also in its summer time of 1986 to 1991).
fn milliseconds(number: &str) -> Option<u32> {
    const DAY: i64 = 86_400_000;
    const HOUR: i64 = 3_600_000;
    if !(9..=14).contains(&number.len()) {
        return None;
    }
    let time: i64 = number.parse().ok()?;
    let ahead = [0, 8, 9].into_iter().find(|hours| (time + hours * HOUR).rem_euclid(DAY) == 0)?;
    let days = (time + ahead * HOUR).div_euclid(DAY) + 719_468;
    // Civil date from days since 0000-03-01, in eras of 400 years.
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let (day, month) = (of_year - (153 * shifted + 2) / 5 + 1, if shifted < 10 { shifted + 3 } else { shifted - 9 });
    let year = year + era * 400 + i64::from(month <= 2);
    u32::try_from(year * 10_000 + month * 100 + day).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_of_birth() {
        for value in [
            "1990-01-31",
            "1990/1/31",
            "1990.01.31",
            "19900131",
            "1990年1月31日",
            "1990年01月31日",
            "1990-01-31 00:00:00",
            "1990-01-31T00:00:00",
            "1990-01-31T00:00:00.000+0800",
            "31/01/1990",
            "01/31/1990",
            "633744000000",
            "633715200000",
        ] {
            assert_eq!(day_of_birth(value, LeafKind::Text), Some(19_900_131), "{value}");
        }
        for value in [
            "",
            "0",
            "-",
            "1990-02-30",
            "1890-01-01",
            "2090-01-01",
            "1990-01-31 12:34:56",
            "1732060812345",
            "19901331",
            "1990",
            "01-31",
            "abc",
            "1990-01",
            "0000-00-00",
            "1990-1-1-1",
        ] {
            assert_eq!(day_of_birth(value, LeafKind::Text), None, "{value}");
        }
        assert_eq!(day_of_birth("-315619200000", LeafKind::Number), Some(19_600_101));
        assert_eq!((DOB.canonical)("1990年1月31日"), (DOB.canonical)("19900131"));
        assert_eq!((DOB.mask)("1990/1/31"), "1990-**-**");
    }

    #[test]
    fn words_of_lists() {
        let points = |kind: &Type, value: &str| kind.named.and_then(|form| form(value, LeafKind::Text));
        for (kind, value) in [
            (&GENDER, "男"),
            (&GENDER, "Female"),
            (&ETHNICITY, "维吾尔族"),
            (&ETHNICITY, "汉"),
            (&MARITAL, "已婚"),
            (&EDUCATION, "大学本科"),
            (&RELIGION, "佛教"),
            (&POLITICAL, "中共党员"),
        ] {
            assert_eq!(points(kind, value), Some(20), "{value}");
        }
        assert_eq!(points(&GENDER, "1"), Some(5));
        for (kind, value) in [
            (&GENDER, "0"),
            (&ETHNICITY, "族"),
            (&MARITAL, "无"),
            (&EDUCATION, "在线教育"),
            (&RELIGION, "无"),
            (&POLITICAL, "-"),
        ] {
            assert_eq!(points(kind, value), None, "{value}");
        }
    }
}
