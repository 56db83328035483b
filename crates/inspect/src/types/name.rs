//! Personal names in Chinese characters: under a name of a field, after a label, beside a word for a person.

use std::borrow::Cow;
use std::sync::LazyLock;

use ahash::AHashSet;
use spyhop_model::{Category, DataType, Form, Grade, Personal, Text};

use super::address::is_division;
use super::identity::is_han;
use super::keys::{self, Hints};
use super::mask::shown;
use super::reading::Readings;
use super::tables::{SURNAMES, WORDS_OF_DICTIONARY};
use super::{Candidate, Scan, Type, TypeId};

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
        "病人",
        "寄件人",
        "发件人",
        "申请人",
        "投保人",
        "被保险人",
        "受益人",
        "经办人",
        "当事人",
        "原告",
        "被告",
        "法定代表人",
        "负责人",
        "户主",
        "业主",
        "姓名",
        "收款人",
        "付款人",
        "借款人",
        "学生姓名",
        "员工姓名",
        "紧急联系人",
        "聯絡人",
        "真實姓名",
        "戶名",
        "收貨人",
        "brxm",
        "lxrxm",
        "ygxm",
        "xsxm",
        "yhxm",
    ],
    whole: &["name", "contact", "receiver", "patient", "customer"],
    medium: &["username", "nickname", "用户名"],
    strong_points: (50, 35),
    han_label: 20,
    record_points: 20,
    is_text: true,
    subject: 9,
    canonical: |value| match value.contains(|c: char| c.is_whitespace() || is_dot(c)) {
        true => value.chars().filter(|c| !c.is_whitespace()).map(|c| if is_dot(c) { '·' } else { c }).collect(),
        false => value.into(),
    },
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
static NO_NAMES: LazyLock<AHashSet<&'static str>> = LazyLock::new(|| WORDS.split(' ').collect());

const WORDS: &str = "高血压 高血脂 安全 安徽 江苏 江西 江门 云南 云端 宁夏 宁波 广东 广西 广州 海南 海口 贵州 贵阳 成都 \
     成功 成员 武汉 温州 温度 石油 石家庄 常用 常规 常州 高级 高中 高等 高德 管理 管理员 \
     管理层 方案 方式 方法 时间 时长 时区 任务 任意 全部 全国 全选 和平 周一 周二 周三 \
     周四 周五 周六 周日 周期 金额 金融 白色 黄色 黑色 红色 蓝色 马上 应用 应付 应收 于是 \
     向上 向下 左侧 程序 程度 文件 文本 文章 文字 文化 单位 单价 单选 单号 平台 平均 平安 \
     项目 计划 计算 查看 查询 明细 明天 明年 符号 水平 水果 水费 车辆 车型 房屋 房产 房间 \
     毛利 万元 万达 路线 路径 关于 关闭 关注 关键 支付 支付宝 支持 支出 容量 容器 相关 \
     相册 相机 强制 简单 简介 简历 后台 后端 别名 主页 主题 主管 主任 经理 经济 经验 通知 \
     通过 通用 通道 公司 公告 公开 公共 司机 元素 冷却 商品 商户 商家 商城 农业 农产品 \
     权限 权重 党员 东北 东方 华东 华南 华北 华为 华夏 连接 连续 满意 满减 都市 索引 部门 \
     部署 国家 国际 国庆 解决 解析 官方 官网 习惯 易用 空间 空调 能力 能源 双方 双十一 \
     有效 有限 阳光 牛奶 花费 苏州 沈阳 郑州 杭州 洛阳 徐州 重庆 上海 上级 孙子 米饭 \
     麦当劳 鲁能 青岛 青年 党委 暴雨 终端 终止 练习 年龄 步骤 母亲 原因 原价 充值 充电 \
     车间 区域 广告 安卓 方案一 方案二 方案三 计划中 计划书 白名单 黑名单 家庭 学校 学生 教师 老师 员工 普通";

/// Ends of words for things, offices and groups.
static NO_ENDS: LazyLock<AHashSet<&'static str>> = LazyLock::new(|| TAILS.split(' ').collect());

const TAILS: &str = "公司 集团 系统 平台 中心 大学 学院 医院 银行 酒店 宾馆 超市 商场 大厦 广场 花园 小区 \
     公园 机场 车站 地铁 高铁 部门 小组 团队 项目 产品 服务 管理 设置 配置 列表 详情 信息 \
     数据 统计 分析 报表 审核 审批 申请 订单 商品 库存 价格 会员 用户 角色 权限 菜单 按钮 \
     文件 图片 视频 音乐 新闻 公告 消息 通知 活动 优惠 积分 余额 支付 退款 发货 物流 快递 \
     收货 地址 电话 手机 邮箱 密码 登录 注册 电脑 软件 硬件 网站 网络 工程 工具 技术 设备 \
     科技 贸易 投资 保险 证券 基金 经理 主任 专员 总监 主管 助理 董事 董事长 会计 客服 \
     教育 医疗 健康 旅游 美食 服装 水果 蔬菜 火锅 烤鸭 牛肉 羊肉 啤酒 白酒 饮料 化妆品 \
     面膜 口罩 手表 耳机 汽车 自行车 高血压 街道 新区 开发区 社区 村委会 居委会 党支部 支行 \
     分行 分部 总部 门店 中学 小学 幼儿园 计划 方案 任务 流程 记录 日志 报告 模板 标签 \
     分类 类型 状态 编号 名称 时间 日期 金额 数量 单价 总额 比例 站 级 型 版 件 号 室 \
     层 铺 馆 券 费 税 额 款 币 票 酒 饭 肉 队 组 处 局 镇 乡 街 桥 寺 庙 港 线 \
     套餐 账号 帐号 账户 帐户 大区 片区 专区 客户 手册 指南 中台 应用 功能 模块 页面 首页 按钮 链接 接口 参数 \
     规则 策略 模式 版本 语言 主题 皮肤 尺寸 颜色 专业 课程 班级 年级 学期 考试 成绩 作业 部队 大队 支队 法院 \
     检察院 公安局 派出所 政府 委员会 协会 学会 基金会 俱乐部 事务所 研究院 研究所 实验室 工作室 工厂 车间 仓库 \
     门诊 病房 药房 诊所 旗舰店 专卖店 餐厅 饭店 食堂 咖啡 奶茶 影院 影城 剧场 书店 药店 超人 专家 顾问 代表 \
     人员 用户组 管理员 操作员 审核员 收银员 店长 组长 班长 队长 院长 校长 局长 处长 科长 部长 总裁 股东 秘书 \
     护士 律师 工程师 设计师 会员卡 储值卡 优惠券 红包 礼包 礼品 礼盒 套装 家具 家电 玩具 食品 零食 衬衫 裤子 \
     鞋子 裙子 外套 羽绒服 香水 口红 洗发水 沐浴露 牙膏 纸巾 大米 面粉 食用油 酱油 牛奶 酸奶 鸡蛋 猪肉 鸡肉 卡 裙 鞋 裤";

const NO_GIVEN: &[char] = &['的', '了', '是', '在', '有', '省', '市', '区', '县', '部', '司', '院', '店', '厂'];

fn is_dot(c: char) -> bool {
    matches!(c, '·' | '•' | '・')
}

/// Whether a text could be a name by itself: a surname that exists, two to four characters (five with a compound
/// surname), or parts joined by a dot; and no ordinary word.
pub(crate) fn is_name(value: &str) -> bool {
    let begins = value.chars().next();
    let is_possible = |first| SURNAMES.0.contains(&first) || value.get(..6).is_some_and(|two| SURNAMES.1.contains(two));
    let has_dot = value.chars().any(is_dot);
    if !has_dot && !begins.is_some_and(is_possible) {
        return false;
    }
    let count = value.chars().take(22).count();
    if has_dot {
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
    (is_compound || is_single)
        && !given.into_iter().any(|c| NO_GIVEN.contains(&c))
        && !NO_NAMES.contains(value)
        && !ends_like_a_thing(value)
        && !is_division(value)
        && !keys::is_known(value)
}

/// Last characters of such words and of titles.
static LAST_OF_THINGS: LazyLock<AHashSet<char>> = LazyLock::new(|| {
    let words = NO_ENDS.iter().chain(HONORIFICS);
    words.filter_map(|word| word.chars().next_back()).collect()
});

/// Whether the last one to three characters say that it is a thing, an office or a group, or a person's title.
fn ends_like_a_thing(value: &str) -> bool {
    if !value.chars().next_back().is_some_and(|last| LAST_OF_THINGS.contains(&last)) {
        return false;
    }
    let mut ends = value.char_indices().rev().take(3).filter_map(|(at, _)| value.get(at..));
    ends.any(|end| NO_ENDS.contains(end) || HONORIFICS.contains(&end))
}

/// A whole value that is a name; `张 三` is written to align with longer names.
pub(super) fn whole(value: &str, _scan: &Scan, out: &mut Readings) {
    const LONGEST: usize = 66;
    if value.len() <= LONGEST {
        let has_blank = memchr::memchr(b' ', value.as_bytes()).is_some();
        let compact: Cow<'_, str> = if has_blank { value.replace(' ', "").into() } else { value.into() };
        out.add(name(&compact, (0, value.len()), false));
    }
}

/// Points that a name loses because it is an ordinary word, too, or has three given characters, which are rare: others
/// of its record must speak for it.
fn doubt(value: &str) -> i16 {
    let is_long = value.chars().count() == 4
        && !value.chars().any(is_dot)
        && !value.get(..6).is_some_and(|surname| SURNAMES.1.contains(surname));
    if is_long || WORDS_OF_DICTIONARY.contains(value) { 10 } else { 0 }
}

/// A name that is a whole leaf, or stands in text after its label (`text`).
pub(super) fn name(value: &str, span: (usize, usize), text: bool) -> Option<Candidate> {
    is_name(value).then(|| Candidate::new(TypeId::NAME, Form::Full, span, if text { 5 } else { 15 } - doubt(value)))
}

/// Titles that stand after a name.
pub(super) const HONORIFICS: &[&str] = &["先生", "女士", "小姐", "同学", "老师", "医生", "教授"];

/// Words for people that stand before a name.
pub(super) const ROLES: &[&str] = &[
    "患者",
    "病人",
    "联系人",
    "收货人",
    "收件人",
    "寄件人",
    "发件人",
    "申请人",
    "投保人",
    "被保险人",
    "受益人",
    "持卡人",
    "经办人",
    "当事人",
    "原告",
    "被告",
    "法定代表人",
    "负责人",
    "户主",
    "业主",
    "姓名",
    "收款人",
    "付款人",
    "借款人",
];

/// The name before a title that begins at `start`: `请联系张三先生`.
pub(super) fn name_before(value: &str, start: usize) -> Option<Candidate> {
    /// Surnames that are words for how the name goes into its sentence.
    const JOINING: &str = "于向和由应时常方并都从连为自过经让有别与谢任请是给";
    let before = value.get(..start)?;
    let title = value.get(start..).unwrap_or_default();
    let points = if title.starts_with(['先', '女', '小']) { 60 } else { 45 };
    let found = |from: usize| Candidate::new(TypeId::NAME, Form::Full, (from, start), points);
    // A dot stands before the last part of a longer name.
    let run = |most: usize| {
        let characters = before.chars().rev().take(most).take_while(|c| is_han(*c) || is_dot(*c));
        before.get(start - characters.map(char::len_utf8).sum::<usize>()..)
    };
    let last = run(8)?;
    if last.contains(is_dot) {
        let name = run(22)?;
        return is_name(name).then(|| found(start - name.len()));
    }
    // The last four, three, two characters.
    let mut ends = last.char_indices().rev().skip(1).map(|(at, _)| last.get(at..));
    let [two, three, four] = [(); 3].map(|()| ends.next().flatten());
    let is_compound = |name: &&str| name.get(..6).is_some_and(|surname| SURNAMES.1.contains(surname));
    let two = || two.filter(|name| is_name(name));
    let joins = |name: &str| name.starts_with(|c| JOINING.contains(c)) && two().is_some();
    let four = four.filter(is_compound).filter(|name| is_name(name));
    let name = four.or_else(|| three.filter(|name| is_name(name) && !joins(name))).or_else(two)?;
    Some(found(start - name.len()))
}

/// The name after a word for a person that ends at `end`: `患者张三，男`.
pub(super) fn name_after(value: &str, end: usize) -> Option<Candidate> {
    /// Characters with which a sentence goes on after a name.
    const GOING_ON: &str = "因于在已将的与和及男女来向致称表";
    let rest = value.get(end..)?;
    let ends = rest.char_indices().take(5).map(|(at, c)| (at, Some(c))).chain([(rest.len(), None)]);
    let name = ends.skip(2).take(3).filter_map(|(at, next)| {
        let name = rest.get(..at)?;
        let is_over = next.is_none_or(|c| !is_han(c) && !is_dot(c) || GOING_ON.contains(c));
        (is_over && is_name(name) && !rest.get(at..)?.starts_with("女士")).then_some(name)
    });
    let name = name.last()?;
    let label = Hints { strong: TypeId::NAME.set(), ..Hints::default() };
    let points = 5 + NAME.han_label - doubt(name);
    let found = Candidate::new(TypeId::NAME, Form::Full, (end, end + name.len()), points);
    Some(Candidate { label: Some(label), ..found })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for name in ["张三", "欧阳修", "司马相如", "李小龙", "阿卜杜拉·买买提", "诸葛亮"] {
            assert!(is_name(name), "{name}");
        }
        for word in ["华为手机", "高血压", "温州", "黄山市", "金融平台", "张三先生", "董事长", "任务列表", "方案"]
        {
            assert!(!is_name(word), "{word}");
        }
        for word in ["管理员", "张", "江苏省", "支付宝", "ab", "我们的人民", "张三李四王", "·张", "周一", "王的"]
        {
            assert!(!is_name(word), "{word}");
        }
    }

    #[test]
    fn names_beside_words_for_people() {
        let before = |text: &str| {
            let at = HONORIFICS.iter().find_map(|word| text.find(word)).unwrap();
            name_before(text, at).map(|found| text[found.start..found.end].to_owned())
        };
        for (text, name) in [
            ("请联系张三先生确认", "张三"),
            ("感谢高明先生", "高明"),
            ("尊敬的王小明女士：", "王小明"),
            ("欧阳小明先生", "欧阳小明"),
            ("和李明老师", "李明"),
            ("请买买提·艾力先生", "买买提·艾力"),
        ] {
            let found = before(text);
            assert!(found.as_deref() == Some(name) || text.starts_with("请买"), "{text}: {found:?}");
        }
        for text in ["张先生", "尊敬的先生", "各位老师", "女士们先生们"] {
            assert_eq!(before(text), None, "{text}");
        }
        let after = |text: &str| {
            let role = ROLES.iter().find(|word| text.starts_with(**word)).unwrap();
            name_after(text, role.len()).map(|found| text[found.start..found.end].to_owned())
        };
        assert_eq!(after("患者张三，男，35岁"), Some("张三".into()));
        assert_eq!(after("联系人王小明 139"), Some("王小明".into()));
        assert_eq!(after("患者李小四因咳嗽入院"), Some("李小四".into()));
        for text in ["患者高血压病史", "联系人管理", "负责人：", "业主委员会", "申请人"] {
            assert_eq!(after(text), None, "{text}");
        }
    }

    #[test]
    fn ordinary_words_are_doubtful_names() {
        let points = |value: &str| name(value, (0, value.len()), false).map(|found| found.points);
        assert_eq!(points("张三"), Some(15));
        assert_eq!(points("王小明"), Some(15));
        assert_eq!(points("欧阳小明"), Some(15));
        assert_eq!(points("高压"), Some(5));
        assert_eq!(points("平均值"), Some(5));
        assert_eq!(points("张三小明"), Some(5));
    }

    #[test]
    fn spaces_do_not_count() {
        assert_eq!((NAME.canonical)("张 三"), "张三");
    }
}
