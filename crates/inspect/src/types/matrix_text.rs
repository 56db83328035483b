//! Names of the handbook's table with values of their types, in the shapes they come in, and texts that hold nothing:
//! labels of Chinese interfaces and prose.

use super::testing::{reported, reported_json, silent, silent_json, told, types_of};

/// A type, the names that tell it, and values.
type Row = (&'static str, &'static str, &'static [&'static str]);

const ROWS: &[Row] = &[
    (
        "cn_name",
        "name realName custName customerName contact linkman payeeName accName xm xingming khxm lxr REAL_NAME \
         cust_name contactName contact_name 姓名 真实姓名 户名 持卡人 联系人 收货人 患者 receiverName memberName",
        &["张伟", "王小明", "欧阳娜娜", "李娜", "阿卜杜拉·买买提", "陈建国", "赵六", "司马光"],
    ),
    (
        "cn_address",
        "address addr detailAddress homeAddr receiveAddr detail_address HOME_ADDR dz dizhi zhuzhi xxdz 地址 住址 详细地址 \
         收货地址 户籍地址",
        &[
            "广东省深圳市南山区科技园南路10号腾讯大厦A座1201室",
            "北京市海淀区中关村大街27号",
            "云南省大理市和平街12号2栋301室",
            "上海市浦东新区世纪大道100弄5号602室",
            "湖北省武汉市洪山区珞喻路1037号",
            "浙江省杭州市西湖区文三路 478 号",
        ],
    ),
    (
        "dob",
        "birthday birthDate birth_date dob BIRTHDAY csrq csny shengri 出生日期 生日",
        &["1990-01-31", "19851203", "1978/7/9", "2001年2月3日", "1990.01.31", "1990-01-31 00:00:00"],
    ),
    ("gender", "sex gender xb 性别 userSex SEX", &["男", "女", "male", "F", "男性"]),
    ("ethnicity", "nation mz 民族 ethnicity", &["汉族", "维吾尔族", "汉", "土家族"]),
    ("marital", "marriage hyzk maritalStatus marital_status 婚姻状况", &["已婚", "未婚", "离异", "married"]),
    ("education", "xueli education 学历 educationLevel", &["本科", "硕士", "大专", "博士研究生"]),
    ("religion", "zjxy religion 宗教信仰", &["佛教", "伊斯兰教", "基督教"]),
    ("political", "zzmm politicalStatus 政治面貌 political_status", &["中共党员", "共青团员", "群众"]),
    (
        "wechat_id",
        "wechat wx weixin wechatId wx_id 微信号 wechat_no",
        &["zhangsan_88", "wxid_8f3k2l1m9n0p22", "lisi1990", "hao-hao5", "lilyzhang"],
    ),
    ("openid", "openid openId open_id OPENID", &["oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"]),
    ("unionid", "unionid unionId union_id", &["o6_bmasdasdsad6_2sgVt7hMZOPL"]),
    ("qq", "qq qqNo QQ号 QQ qq_no", &["12345689", "83736253", "1016253748"]),
    ("alipay_id", "alipayUserId buyerId sellerId buyer_id 支付宝账号", &["2088102177846052"]),
    (
        "social_security",
        "sbh shbzh sbkh 社保号 社保卡号 socialSecurityNo",
        &["3101985736", "SB31010912345", "A98310573"],
    ),
    ("medical_insurance", "ybkh 医保号 医保卡号 medicalInsuranceNo", &["3101985736", "YB98310573"]),
    ("provident_fund", "gjjzh 公积金账号 providentFundNo", &["310198573642", "GJ98310573"]),
    (
        "medical",
        "diagnosis diag disease zd 诊断 病史 diseaseName",
        &["2型糖尿病", "急性上呼吸道感染", "I10", "E11.9", "主诉：咳嗽3天。现病史：患者3天前受凉。"],
    ),
    ("medical", "mrn patientId blh mzh zyh 住院号", &["ZY20230001", "00837465"]),
    (
        "finance_balance",
        "balance availableBalance available_balance ye zhye 余额 账户余额",
        &["12345.67", "1,234.50", "¥88.00"],
    ),
    ("finance_txn", "tradeAmt jyje 交易金额 trade_amt", &["500.00", "12000"]),
    ("income", "salary gz 工资 收入", &["8500", "12000.00"]),
    ("credit_report", "creditScore zx 征信 授信额度 credit_score", &["650", "50000"]),
    (
        "account_password",
        "password passwd pwd pass mm mima kl 密码 口令 payPwd pay_pwd 支付密码",
        &[
            "Abc@12345",
            "e10adc3949ba59abbe56e057f20f883e",
            "$2a$10$7JB720yubVSZvUI0rEqK/.VqGOZTH.ulu33dHOiBE8ByOhJIrdAu2",
        ],
    ),
    ("sms_code", "smsCode verifyCode captchaCode yzm 验证码 sms_code", &["384756", "8261"]),
];

#[test]
fn every_name_of_the_table_tells_its_type() {
    for (what, names, values) in ROWS {
        for name in names.split_whitespace() {
            values.iter().for_each(|value| reported(name, value, what));
        }
    }
    reported("v", "wxid_8f3k2l1m9n0p22", "wechat_id");
    for (name, value, what) in
        [("balance", "12345.67", "finance_balance"), ("qq", "83736253", "qq"), ("salary", "8500", "income")]
    {
        reported_json(name, value, what);
    }
}

#[test]
fn labels_in_text_tell_their_types() {
    let mut missed = Vec::new();
    for (text, what) in [
        ("姓名：张伟，", "cn_name"),
        ("患者李娜，女，", "cn_name"),
        ("请联系张三先生，", "cn_name"),
        ("收货地址：浙江省杭州市西湖区文三路478号2幢301室；", "cn_address"),
        ("出生日期：1990-01-31，", "dob"),
        ("性别：男，", "gender"),
        ("民族：汉族，", "ethnicity"),
        ("微信号：zhangsan_88，", "wechat_id"),
        ("QQ号：83736253，", "qq"),
        ("医保卡号：YB98310573，", "medical_insurance"),
        ("社保号：3101985736，", "social_security"),
        ("公积金账号：310198573642，", "provident_fund"),
        ("诊断：2型糖尿病，", "medical"),
        ("主诉：咳嗽3天。现病史：患者3天前受凉。诊断：急性支气管炎。", "medical"),
        ("您的验证码是384756，5分钟内有效", "sms_code"),
        ("余额：1234.56元，", "finance_balance"),
        ("2026-11-23 10:15:31.652 INFO c.e.UserService - gender=男, level=B", "gender"),
        ("[2026-11-23T10:15:14+08:00] [info] wechat: fang_maria2, level: A", "wechat_id"),
        ("Nov 23 10:15:41 app-2 crm[31593]: birthday: 1990-01-31, id: 4793", "dob"),
        ("2026-11-23 10:15:31 socialSecurityNo: 3101985736, status: 1", "social_security"),
        ("gjjzh: 310198573642", "provident_fund"),
        (" weixin: wxid_8f3k2l1m9n0p22", "wechat_id"),
        ("<td>账号</td><td>wxid_8f3k2l1m9n0p22</td>", "wechat_id"),
    ] {
        if told(text) != [what] {
            missed.push((text, what, told(text)));
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
}

#[test]
fn words_under_names_of_types_are_none() {
    let names = "智能手机 测试账号 高级套餐 系统管理员 华东大区 财务部 深圳分公司 未知 无 客服中心 研发部 默认分组 \
        普通会员 黄金会员 管理员 江苏省 广州市 在线客服 余额 车牌号 安全码 时间 金额 成功 华为手机 苹果手机 高级工程师 \
        江南小镇 温泉度假村 云服务器 单据管理 周边服务 方便食品 任务中心 白色款 常用工具 马上发货 石油公司 全部订单 \
        应收账款 项目经理 产品经理 人事专员 安全部 平台管理员 公司账户 基金会 牛肉面 黄焖鸡米饭 水煮鱼 花园小区 \
        金牌会员 银卡会员 白金卡 高级版 专业版 企业版 基础套餐 成都市 武汉大学 贵州茅台 平安银行 万达广场 安卓 苹果 \
        张江高科 于都县 全职 高中 经销商 供应商 程序员 支付成功 任意用户 常见问题 文章列表 方案一 计划中 马铃薯 花生油 \
        时尚女装 连衣裙 牛仔裤 温馨提示 房产证 水电费 车位费 应急预案 高血压 糖尿病 安装说明";
    let is_told =
        |value: &&str| ["name", "customerName", "联系人"].iter().any(|name| !types_of(name, value).is_empty());
    let none: [&str; 0] = [];
    assert_eq!(names.split_whitespace().filter(is_told).collect::<Vec<_>>(), none);
    for (name, value) in [
        ("password", "******"),
        ("password", "••••••"),
        ("pwd", "null"),
        ("smsCode", "******"),
        ("gender", "0"),
        ("gender", "未知"),
        ("balance", "0"),
        ("balance", "0.00"),
        ("wechat", "enabled"),
        ("wx", "wx1a2b3c4d5e6f7a8b"),
        ("wechatPay", "true"),
        ("qq", "0"),
        ("qq", "3"),
        ("createTime", "1990-01-31"),
        ("birthday", "1990-02-30"),
        ("birthdayTip", "1990-01-01"),
        ("passwordTip", "Abc@12345"),
        ("diagnosis", "无"),
        ("diagnosis", "网络诊断"),
        ("address", "广东省深圳市南山区"),
        ("address", "0x52908400098527886E0F7030069857D2E4169EE7"),
        ("address", "192.168.1.1"),
        ("addr", "未填写"),
        ("education", "在线教育"),
        ("nation", "中国"),
        ("religion", "暂无"),
        ("political", "-"),
        ("marriage", "0"),
        ("salary", "面议"),
        ("creditScore", "-"),
    ] {
        silent(name, value);
    }
    silent_json("balance", "0");
    silent_json("sex", "0");
    silent_json("qq", "12");
}

/// Labels, buttons, messages and headings of web applications.
const INTERFACE: &str = "确定|取消|保存|删除|编辑|新增|查询|重置|导出|导入|返回|提交|登录|注册|退出登录|忘记密码|记住密码|请输入用户名|请输入密码|请输入验证码|获取验证码|验证码错误|验证码已发送|\
验证码不能为空|密码不能为空|密码长度为6-20位|两次输入的密码不一致|修改密码|重置密码|原密码|新密码|确认密码|用户名或密码错误|账号已被锁定|手机号|请输入手机号|请输入正确的手机号|请输入正确的身份证号|身份证号码格式不正确|\
姓名|请输入姓名|姓名不能为空|联系人|联系人电话|请选择联系人|收货人|收货地址|请选择收货地址|新增收货地址|默认地址|设为默认地址|详细地址|请输入详细地址，如街道、小区、楼栋号、单元室等|所在地区|省/市/区|请选择省市区|\
性别|男|女|保密|未知|民族|请选择民族|婚姻状况|请选择婚姻状况|学历|请选择学历|政治面貌|出生日期|请选择出生日期|年龄|籍贯|户籍所在地|国籍|职业|单位名称|部门|职位|工号|入职时间|离职时间|在职|离职|试用期|\
用户管理|角色管理|菜单管理|部门管理|岗位管理|字典管理|参数设置|通知公告|日志管理|操作日志|登录日志|在线用户|定时任务|数据监控|服务监控|缓存监控|系统工具|表单构建|代码生成|系统接口|系统管理|系统设置|\
全部|待付款|待发货|待收货|待评价|已完成|已取消|已关闭|退款中|退款成功|交易成功|交易关闭|交易金额|订单金额|实付金额|优惠金额|运费|合计|小计|数量|单价|商品名称|商品编号|商品分类|库存|销量|价格|评价|\
余额|账户余额|可用余额|余额不足|余额提现|充值金额|充值成功|提现成功|我的钱包|银行卡管理|添加银行卡|请输入银行卡号|持卡人姓名|开户银行|支付方式|微信支付|支付宝支付|银联支付|余额支付|支付成功|支付失败|\
首页|个人中心|我的订单|我的收藏|我的优惠券|我的积分|会员中心|会员等级|普通会员|黄金会员|钻石会员|积分商城|签到|签到成功|邀请好友|分享|客服|在线客服|联系客服|意见反馈|关于我们|隐私政策|用户协议|\
加载中|加载更多|没有更多了|暂无数据|网络异常，请稍后重试|请求超时|服务器错误|操作成功|操作失败|删除成功|确定要删除吗？|是否继续？|提示|警告|错误|成功|失败|开始时间|结束时间|创建时间|更新时间|创建人|更新人|备注|状态|启用|禁用|\
正常|停用|操作|序号|编号|名称|类型|描述|排序|图标|路径|链接|上级菜单|菜单名称|权限标识|组件路径|显示状态|是否外链|是否缓存|目录|菜单|按钮|展开|折叠|全选|反选|刷新|列设置|搜索|高级搜索|筛选|清空|\
上传|上传图片|上传文件|点击上传|拖拽文件到此处|文件大小不能超过5MB|只能上传jpg/png文件|下载|下载模板|批量导入|批量删除|批量导出|打印|预览|复制|复制成功|粘贴|剪切|撤销|恢复|全屏|退出全屏|放大|缩小|\
挂号|预约挂号|门诊缴费|住院缴费|检查报告|检验结果|电子病历|就诊人管理|添加就诊人|科室列表|医生列表|医生简介|内科|外科|儿科|妇产科|处方|诊断|病史|过敏史|医嘱|住院号|门诊号|病历号|药品名称|用法用量|\
贷款金额|还款金额|还款计划|逾期金额|逾期天数|授信额度|可用额度|信用评分|征信授权书|年收入|月收入|工资|薪资范围|工作年限|项目经验|期望薪资|简历|投递简历|面试邀请|在线招聘|招聘中|\
张家界|黄山|华山论剑|马尔代夫|万里长城|金山办公|高德地图|石家庄|江西|宁夏|云南|安徽|平安保险|华夏银行|方正证券|中国移动|中国联通|中国电信|京东商城|美团外卖|饿了么|百度地图|腾讯会议|钉钉|企业微信|\
左侧菜单|右侧菜单|顶部导航|底部导航|向上滚动|向下滚动|单选框|多选框|下拉框|日期选择器|时间选择器|开关|滑块|评分|颜色选择器|穿梭框|树形控件|分页|标签页|步骤条|对话框|抽屉|气泡确认框|骨架屏|\
当前密码|管理员|超级管理员|普通用户|访客|游客|匿名用户|系统通知|站内信|短信通知|邮件通知|消息推送|未读消息|已读|全部已读|查看详情|立即购买|加入购物车|去结算|提交订单|选择优惠券|使用积分|发票信息|开具发票|\
微信登录|QQ登录|微博登录|扫码登录|短信登录|密码登录|绑定微信|解绑微信|微信号已绑定|复制微信号|添加微信好友|关注公众号|微信公众号|小程序|绑定手机|更换手机号|实名认证|人脸识别|上传身份证正面|上传身份证反面";

#[test]
fn labels_of_interfaces_hold_nothing() {
    let all: Vec<&str> = INTERFACE.split('|').map(str::trim).collect();
    assert!(all.len() >= 300, "{}", all.len());
    for text in &all {
        assert_eq!(told(text), [""; 0], "{text}");
        silent("label", text);
        silent("title", text);
    }
    // As they stand in the code of a page.
    let code: String = all.iter().zip(0..).map(|(text, n)| format!("m{n}:\"{text}\",")).collect();
    assert_eq!(told(&code), [""; 0]);
}

const PROSE: &[&str] = &[
    "国务院总理主持召开会议，研究部署进一步扩大内需的政策措施。",
    "据新华社北京电，全国铁路今日预计发送旅客1200万人次。",
    "北京市第一中级人民法院公开开庭审理此案，当事人均未到庭。",
    "上海市地铁2号线因设备故障延误，预计10分钟后恢复运营。",
    "广东省气象台发布暴雨橙色预警，深圳市多个区域有雷阵雨。",
    "该公司负责人表示，明年将继续加大研发投入。",
    "患者应当在医生指导下用药，不可自行停药。",
    "医院提供诊断、手术等服务，欢迎预约。",
    "高血压是常见的慢性病，需要长期管理。",
    "申请人应当在收到通知之日起十五日内提出书面意见。",
    "被保险人在保险期间内发生事故的，保险人按照约定赔付。",
    "收货人信息填写错误的，请及时联系客服修改。",
    "本协议一式两份，双方各执一份，具有同等法律效力。",
    "老师们正在认真备课，同学们积极参加活动。",
    "各位老师、各位同学，大家好！",
    "感谢女士们、先生们的光临。",
    "请持卡人妥善保管密码，切勿向任何人透露验证码。",
    "交易金额超过五万元的，需要进行人脸识别。",
    "年收入在十二万元以上的纳税人应当自行申报。",
    "他们沿着人民路走到了火车站。",
    "从杭州出发，经过南京、合肥，最后到达武汉。",
    "全国道路交通安全工作会议在京召开。",
    "杭州市5号发布公告，调整公积金缴存比例。",
    "2026年11月23日，本报记者从教育部获悉。",
    "华为手机销量同比增长百分之二十。",
    "这款产品支持微信和支付宝付款。",
    "请扫描二维码添加微信，备注来意。",
    "加入QQ群获取更多资料。",
    "密码必须包含大小写字母和数字，长度为8到16位。",
    "如需帮助，请拨打客服热线或访问官网。",
    "应聘者须具有本科及以上学历，男女不限。",
    "少数民族考生加分政策有所调整。",
    "佛教、道教、伊斯兰教、天主教和基督教是我国的主要宗教。",
    "中共党员应当发挥先锋模范作用。",
    "已婚职工享受探亲假。",
    "江苏省苏州市工业园区举行招商推介会。",
    "位于成都市天府新区的项目正式开工。",
    "市民可以前往各区政务服务中心办理。",
    "小区业主对物业公司的服务不满意。",
    "经办人须携带本人有效证件。",
    "会员等级分为普通、黄金和钻石三种。",
    "系统将于今晚维护，届时无法登录。",
    "检验结果为阴性的人员可以正常出行。",
    "主办方表示，活动的最终解释权归本公司所有。",
    "孩子出生后应当及时办理户口登记。",
    "王府井大街是北京著名的商业街。",
    "我们的目标是让每一个家庭都能用上清洁能源。",
    "文化和旅游部公布第五批国家级名录。",
    "法定代表人变更的，应当办理变更登记。",
    "黄河流域生态保护取得新进展，沿线城市共同参与。",
    "学生家长可通过平台查询成绩和考勤。",
    "项目总投资约3.5亿元，建设工期24个月。",
];

#[test]
fn prose_holds_nothing() {
    assert!(PROSE.len() >= 50);
    let is_told = |text: &&&str| !told(text).is_empty() || !types_of("content", text).is_empty();
    assert_eq!(PROSE.iter().filter(is_told).collect::<Vec<_>>(), Vec::<&&str>::new());
    assert_eq!(told(&PROSE.concat()), [""; 0]);
}
