//! What values are drawn from: lists of facts, and small tables of the generator's own.

use std::sync::LazyLock;

use crate::rng::Rng;

/// Counties that begin identity numbers.
pub(super) static REGIONS: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| rows(include_str!("../../../inspect/data/regions.txt")).collect());

/// Issuer prefixes of Chinese banks with the length of their card numbers.
pub(super) static BINS: LazyLock<Vec<(&'static str, usize)>> = LazyLock::new(|| {
    let columns = |row: &'static str| {
        let mut columns = row.split('\t');
        Some((columns.next()?, columns.next()?.parse().ok()?))
    };
    rows(include_str!("../../../inspect/data/bins.tsv")).filter_map(columns).collect()
});

/// Allotted mobile segments, three or four digits.
pub(super) static SEGMENTS: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    rows(include_str!("../../../inspect/data/mobile_segments.txt")).filter_map(|row| row.split('\t').next()).collect()
});

/// Surnames, the frequent ones first; then the compound ones.
pub(super) static SURNAMES: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| rows(include_str!("../../../inspect/data/surnames.txt")).collect());

fn rows(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.lines().map(str::trim).filter(|row| !row.is_empty() && !row.starts_with('#'))
}

/// Shares of the hundred most frequent surnames, in parts of a thousand, rounded (2020 census, Ministry of Public
/// Security): the first ten, then falling.
const SHARES: [u64; 10] = [71, 70, 66, 52, 46, 30, 22, 21, 20, 19];

/// A surname by frequency.
pub(super) fn surname(rng: &mut Rng) -> &'static str {
    let names = &*SURNAMES;
    let compound = names.iter().position(|name| name.chars().count() > 1).unwrap_or(names.len());
    let mut at = rng.below(1000);
    for (name, share) in names.iter().zip(SHARES) {
        if at < share {
            return name;
        }
        at -= share;
    }
    // Nine in ten of the others are among the first hundred; one in a hundred has two characters.
    match rng.below(100) {
        0 if compound < names.len() => rng.one_of(&names[compound..]),
        1..=9 => rng.one_of(&names[100.min(compound - 1)..compound]),
        _ => rng.one_of(&names[10..100.min(compound)]),
    }
}

/// Characters of given names.
pub(super) const GIVEN: &str = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超霞平刚桂英华玉兰建文斌宇浩晨雪梅鑫淑珍凤琴玲萍红\
志峰辉健波鹏飞龙旭阳慧颖婷倩雯佳怡欣妍琳璐瑶悦雅诗涵梓轩子豪俊泽睿博思远嘉铭天佑皓然奕辰一诺语桐若曦沐宸";

/// Provinces, cities and districts that belong together.
pub(super) const DIVISIONS: &[(&str, &str, &[&str])] = &[
    ("北京市", "", &["东城区", "西城区", "朝阳区", "海淀区", "丰台区", "通州区", "昌平区"]),
    ("上海市", "", &["黄浦区", "徐汇区", "长宁区", "静安区", "浦东新区", "闵行区", "嘉定区"]),
    ("天津市", "", &["和平区", "河西区", "南开区", "滨海新区"]),
    ("重庆市", "", &["渝中区", "江北区", "沙坪坝区", "九龙坡区", "渝北区"]),
    ("广东省", "广州市", &["越秀区", "天河区", "海珠区", "白云区", "番禺区"]),
    ("广东省", "深圳市", &["福田区", "罗湖区", "南山区", "宝安区", "龙岗区"]),
    ("广东省", "佛山市", &["禅城区", "南海区", "顺德区"]),
    ("浙江省", "杭州市", &["上城区", "西湖区", "余杭区", "滨江区", "萧山区"]),
    ("浙江省", "宁波市", &["海曙区", "江北区", "鄞州区"]),
    ("江苏省", "南京市", &["玄武区", "秦淮区", "鼓楼区", "江宁区"]),
    ("江苏省", "苏州市", &["姑苏区", "虎丘区", "吴中区", "昆山市"]),
    ("四川省", "成都市", &["锦江区", "青羊区", "武侯区", "成华区", "双流区"]),
    ("湖北省", "武汉市", &["江岸区", "武昌区", "洪山区", "汉阳区"]),
    ("湖南省", "长沙市", &["芙蓉区", "天心区", "岳麓区", "雨花区"]),
    ("陕西省", "西安市", &["新城区", "碑林区", "雁塔区", "未央区"]),
    ("山东省", "济南市", &["历下区", "市中区", "槐荫区"]),
    ("山东省", "青岛市", &["市南区", "市北区", "崂山区"]),
    ("河南省", "郑州市", &["中原区", "二七区", "金水区"]),
    ("河北省", "石家庄市", &["长安区", "桥西区", "裕华区"]),
    ("辽宁省", "沈阳市", &["和平区", "沈河区", "铁西区"]),
    ("辽宁省", "大连市", &["中山区", "西岗区", "沙河口区"]),
    ("吉林省", "长春市", &["南关区", "朝阳区", "宽城区"]),
    ("黑龙江省", "哈尔滨市", &["道里区", "南岗区", "香坊区"]),
    ("安徽省", "合肥市", &["瑶海区", "庐阳区", "蜀山区"]),
    ("福建省", "福州市", &["鼓楼区", "台江区", "仓山区"]),
    ("福建省", "厦门市", &["思明区", "湖里区", "集美区"]),
    ("江西省", "南昌市", &["东湖区", "西湖区", "青山湖区"]),
    ("云南省", "昆明市", &["五华区", "盘龙区", "官渡区"]),
    ("贵州省", "贵阳市", &["南明区", "云岩区", "花溪区"]),
    ("山西省", "太原市", &["小店区", "迎泽区", "杏花岭区"]),
    ("甘肃省", "兰州市", &["城关区", "七里河区", "安宁区"]),
    ("广西壮族自治区", "南宁市", &["兴宁区", "青秀区", "西乡塘区"]),
    ("新疆维吾尔自治区", "乌鲁木齐市", &["天山区", "沙依巴克区", "新市区"]),
    ("内蒙古自治区", "呼和浩特市", &["新城区", "回民区", "赛罕区"]),
    ("海南省", "海口市", &["秀英区", "龙华区", "美兰区"]),
];

/// Names of streets.
pub(super) const STREETS: &[&str] = &[
    "中山路",
    "人民路",
    "解放大道",
    "建设路",
    "和平街",
    "文化路",
    "学院路",
    "长江路",
    "中关村大街",
    "南京东路",
    "环城北路",
    "新华街",
    "朝阳路",
    "滨河大道",
    "科技园路",
    "迎宾大道",
    "青年路",
    "胜利街",
    "东风西路",
    "幸福里巷",
    "花园路",
    "健康弄",
];

/// Names of housing estates and buildings.
pub(super) const ESTATES: &[&str] = &[
    "阳光花园",
    "锦绣小区",
    "金茂大厦",
    "翠湖苑",
    "幸福家园小区",
    "国际公寓",
    "万科城市花园",
    "恒大名都小区",
    "绿地大厦",
    "碧桂园小区",
    "龙湖公寓",
    "保利花园",
    "东方广场大厦",
    "紫荆苑",
];

/// Area codes of cities.
pub(super) const AREA_CODES: &[&str] = &[
    "010", "020", "021", "022", "023", "024", "025", "027", "028", "029", "0311", "0351", "0371", "0411", "0431",
    "0451", "0512", "0531", "0532", "0551", "0571", "0574", "0591", "0592", "0731", "0755", "0757", "0771", "0791",
    "0851", "0871", "0898", "0931", "0991",
];

/// The first digits of Visa, Mastercard, American Express, JCB, Diners and Discover cards with their lengths.
pub(super) const SCHEMES: &[(&str, usize)] = &[
    ("4", 16),
    ("4", 16),
    ("51", 16),
    ("53", 16),
    ("55", 16),
    ("2300", 16),
    ("34", 15),
    ("37", 15),
    ("3530", 16),
    ("36", 14),
    ("6011", 16),
    ("65", 16),
];

/// Domains of mailboxes.
pub(super) const MAIL_DOMAINS: &[&str] = &[
    "qq.com",
    "163.com",
    "126.com",
    "gmail.com",
    "outlook.com",
    "hotmail.com",
    "sina.com",
    "sina.cn",
    "foxmail.com",
    "yeah.net",
    "139.com",
    "icloud.com",
    "aliyun.com",
    "sohu.com",
    "yahoo.co.jp",
    "web.de",
    "mail.ru",
    "orange.fr",
];
