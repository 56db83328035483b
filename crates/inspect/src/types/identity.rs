//! Identity: resident identity number, personal name.

use std::borrow::Cow;
use std::sync::LazyLock;

use ahash::AHashSet;
use spyhop_model::{Category, DataType, Form, Grade, Personal, Text};

use super::mask::shown;
use super::reading::{Readings, Spot};
use super::tables::SURNAMES;
use super::validators::{Region, resident_id};
use super::{Candidate, Scan, Type, TypeId};

/// Names of identity numbers, of all cards that residents hold.
pub(super) const ID_NAMES: &[&str] = &[
    "idcard",
    "idcardno",
    "idcardnum",
    "idcardnumber",
    "idno",
    "idnum",
    "idnumber",
    "identitycard",
    "identityno",
    "identitynumber",
    "identitynum",
    "certno",
    "certnum",
    "certnumber",
    "certificateno",
    "credentialno",
    "credentialsno",
    "citizenid",
    "residentid",
    "sfz",
    "sfzh",
    "sfzhm",
    "shenfenzheng",
    "shenfenzhenghao",
    "zjhm",
    "zjh",
    "身份证",
    "身份证号",
    "身份证号码",
    "公民身份号码",
    "证件号",
    "证件号码",
    "prcno",
    "居住证",
    "居住证号",
    "永居证",
    "永久居留证",
    "身份證",
    "身份證號",
    "身份證號碼",
    "身分證",
    "身分證號",
    "身分證字號",
    "證件號",
    "證件號碼",
];

/// Three digits of the region and the check character are shown.
pub(super) fn mask_id(value: &str) -> String {
    let compact: Vec<char> = value.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
    shown(&compact, 3, usize::from(compact.len() == 18), 8)
}

/// Resident identity number, 18 characters.
pub(super) static RESIDENT_ID: Type = Type {
    strong: ID_NAMES,
    medium: &["cardno", "cardnum", "cardid", "证件"],
    numeric: true,
    subject: 1,
    mask: mask_id,
    ..Type::new(DataType {
        sensitive_in_context: true,
        ..DataType::new(
            "cn_resident_id",
            Text { en: "Chinese resident identity number", zh: "居民身份证号" },
            Category::Identity,
            Grade::L4,
            Personal::Personal,
        )
    })
};

/// Personal name in Chinese characters.
pub(super) static NAME: Type = Type {
    strong: &[
        "realname",
        "custname",
        "customername",
        "clientname",
        "contactname",
        "linkman",
        "linkmanname",
        "payeename",
        "payername",
        "accname",
        "acctname",
        "accountname",
        "holdername",
        "cardholder",
        "cardholdername",
        "truename",
        "fullname",
        "patientname",
        "receivername",
        "consignee",
        "consigneename",
        "studentname",
        "employeename",
        "staffname",
        "membername",
        "xm",
        "xingming",
        "khxm",
        "lxr",
        "姓名",
        "真实姓名",
        "户名",
        "持卡人",
        "联系人",
        "收货人",
        "患者",
        "收件人",
        "客户姓名",
        "真實姓名",
        "客戶姓名",
        "戶名",
        "聯絡人",
        "聯繫人",
        "收貨人",
    ],
    whole: &["name", "contact", "receiver", "patient", "customer"],
    medium: &["username", "nickname", "用户名"],
    strong_points: (50, 35),
    record_points: 20,
    is_text: true,
    subject: 9,
    canonical: |value| value.chars().filter(|c| !c.is_whitespace()).map(|c| if is_dot(c) { '·' } else { c }).collect(),
    mask: |value| {
        let characters: Vec<char> = value.chars().collect();
        let two: String = characters.iter().take(2).collect();
        let is_compound = characters.len() > 2 && SURNAMES.1.contains(two.as_str());
        shown(&characters, if is_compound { 2 } else { 1 }, 0, 1)
    },
    ..Type::new(DataType::new(
        "cn_name",
        Text { en: "personal name", zh: "姓名" },
        Category::Identity,
        Grade::L2,
        Personal::Personal,
    ))
};

/// Words that begin like a name and are none: places, statuses, days, colours, ordinary words.
static NO_NAMES: LazyLock<AHashSet<&'static str>> = LazyLock::new(|| AHashSet::from_iter(WORDS.iter().copied()));

const WORDS: &[&str] = &[
    "安全",
    "安徽",
    "江苏",
    "江西",
    "江门",
    "云南",
    "云端",
    "宁夏",
    "宁波",
    "广东",
    "广西",
    "广州",
    "海南",
    "海口",
    "贵州",
    "贵阳",
    "成都",
    "成功",
    "成员",
    "武汉",
    "温州",
    "温度",
    "石油",
    "石家庄",
    "常用",
    "常规",
    "常州",
    "高级",
    "高中",
    "高等",
    "高德",
    "管理",
    "管理员",
    "管理层",
    "方案",
    "方式",
    "方法",
    "时间",
    "时长",
    "时区",
    "任务",
    "任意",
    "全部",
    "全国",
    "全选",
    "和平",
    "周一",
    "周二",
    "周三",
    "周四",
    "周五",
    "周六",
    "周日",
    "周期",
    "金额",
    "金融",
    "白色",
    "黄色",
    "黑色",
    "红色",
    "蓝色",
    "马上",
    "应用",
    "应付",
    "应收",
    "于是",
    "向上",
    "向下",
    "左侧",
    "程序",
    "程度",
    "文件",
    "文本",
    "文章",
    "文字",
    "文化",
    "单位",
    "单价",
    "单选",
    "单号",
    "平台",
    "平均",
    "平安",
    "项目",
    "计划",
    "计算",
    "查看",
    "查询",
    "明细",
    "明天",
    "明年",
    "符号",
    "水平",
    "水果",
    "水费",
    "车辆",
    "车型",
    "房屋",
    "房产",
    "房间",
    "毛利",
    "万元",
    "万达",
    "路线",
    "路径",
    "关于",
    "关闭",
    "关注",
    "关键",
    "支付",
    "支付宝",
    "支持",
    "支出",
    "容量",
    "容器",
    "相关",
    "相册",
    "相机",
    "强制",
    "简单",
    "简介",
    "简历",
    "后台",
    "后端",
    "别名",
    "主页",
    "主题",
    "主管",
    "主任",
    "经理",
    "经济",
    "经验",
    "通知",
    "通过",
    "通用",
    "通道",
    "公司",
    "公告",
    "公开",
    "公共",
    "司机",
    "元素",
    "冷却",
    "商品",
    "商户",
    "商家",
    "商城",
    "农业",
    "农产品",
    "权限",
    "权重",
    "党员",
    "东北",
    "东方",
    "华东",
    "华南",
    "华北",
    "华为",
    "华夏",
    "连接",
    "连续",
    "满意",
    "满减",
    "都市",
    "索引",
    "部门",
    "部署",
    "国家",
    "国际",
    "国庆",
    "解决",
    "解析",
    "官方",
    "官网",
    "习惯",
    "易用",
    "空间",
    "空调",
    "能力",
    "能源",
    "双方",
    "双十一",
    "有效",
    "有限",
    "阳光",
    "牛奶",
    "花费",
    "苏州",
    "沈阳",
    "郑州",
    "杭州",
    "洛阳",
    "徐州",
    "重庆",
    "上海",
    "上级",
    "孙子",
    "米饭",
    "麦当劳",
    "鲁能",
    "青岛",
    "青年",
    "党委",
    "暴雨",
    "终端",
    "终止",
    "练习",
    "年龄",
    "步骤",
    "母亲",
    "原因",
    "原价",
    "充值",
    "充电",
    "车间",
    "区域",
    "广告",
    "家庭",
    "学校",
    "学生",
    "教师",
    "老师",
    "员工",
    "普通",
];

const NO_GIVEN: &[char] = &['的', '了', '是', '在', '有', '省', '市', '区', '县', '部', '司', '院', '店', '厂'];

fn is_dot(c: char) -> bool {
    matches!(c, '·' | '•' | '・')
}

/// A Han character of the blocks that names are written in.
pub(super) fn is_han(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{9FFF}' | '\u{20000}'..='\u{3FFFF}' | '〇')
}

/// Whether a text could be a name by itself: a surname that exists, two to four characters (five with a compound
/// surname), or parts joined by a dot; and no ordinary word.
pub(super) fn is_name(value: &str) -> bool {
    let count = value.chars().take(22).count();
    if value.chars().any(is_dot) {
        let parts = || value.split(is_dot);
        return (4..=21).contains(&count)
            && parts().count() <= 4
            && parts().all(|part| part.chars().count() >= 2 && part.chars().all(is_han));
    }
    if !(2..=5).contains(&count) || !value.chars().all(is_han) {
        return false;
    }
    let mut characters = value.char_indices();
    let (Some((_, first)), Some(_)) = (characters.next(), characters.next()) else { return false };
    let third = characters.next().map_or(value.len(), |(at, _)| at);
    let is_compound = count > 2 && value.get(..third).is_some_and(|two| SURNAMES.1.contains(two));
    let is_single = count <= 4 && SURNAMES.0.contains(&first);
    let given = value.chars().skip(1);
    (is_compound || is_single) && !given.into_iter().any(|c| NO_GIVEN.contains(&c)) && !NO_NAMES.contains(value)
}

/// A whole value that is a name; `张 三` is written to align with longer names.
pub(super) fn whole_name(value: &str, _scan: &Scan, out: &mut Readings) {
    const LONGEST: usize = 66;
    if value.len() <= LONGEST {
        let compact: Cow<'_, str> = if value.contains(' ') { value.replace(' ', "").into() } else { value.into() };
        out.add(name(&compact, (0, value.len()), false));
    }
}

/// A name that is a whole leaf, or stands in text after its label (`text`).
pub(super) fn name(value: &str, span: (usize, usize), text: bool) -> Option<Candidate> {
    is_name(value).then(|| Candidate::new(TypeId::NAME, Form::Full, span, if text { 5 } else { 15 }))
}

/// Numbers of identity documents.
pub(super) fn number(spot: &Spot<'_>, out: &mut Readings) {
    if spot.compact.len() == 18 {
        out.add(resident(spot));
    }
}

/// A resident identity number of 18 characters.
fn resident(spot: &Spot<'_>) -> Option<Candidate> {
    let region = resident_id(spot.compact, spot.scan.today)?;
    let validated = match region {
        Region::County => 65,
        Region::Province => 40,
    };
    let is_permit = matches!(spot.compact.get(..6), Some(b"810000" | b"820000" | b"830000"));
    let what = if is_permit { TypeId::HKMOTW_RESIDENCE } else { TypeId::RESIDENT_ID };
    let mut candidate = spot.candidate(what, 10 + validated - spot.unquoted());
    candidate.checked = region == Region::County;
    candidate.test_value = spot.compact.eq_ignore_ascii_case(b"11010519491231002X");
    Some(candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for name in ["张三", "欧阳修", "司马相如", "李小龙", "阿卜杜拉·买买提", "诸葛亮"] {
            assert!(is_name(name), "{name}");
        }
        for word in ["管理员", "张", "江苏省", "支付宝", "ab", "我们的人民", "张三李四王", "·张", "周一", "王的"]
        {
            assert!(!is_name(word), "{word}");
        }
    }

    #[test]
    fn canonical_forms() {
        assert_eq!((RESIDENT_ID.canonical)("110105 19491231 002x"), "11010519491231002X");
        assert_eq!((NAME.canonical)("张 三"), "张三");
    }
}
