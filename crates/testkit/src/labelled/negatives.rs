//! What looks like a sensitive value and is none.

use super::checks::{is_luhn, mod_11_2};
use super::sources::REGIONS;
use super::values::{TOKEN, contact, day, finance, identity, number};
use crate::rng::Rng;

/// A value under names that real interfaces give it; some of them say nothing.
pub(super) struct Negative {
    /// What it is.
    pub what: &'static str,
    pub names: &'static [&'static str],
    pub make: fn(&mut Rng) -> String,
    /// Written without quotation marks, too.
    pub number: bool,
}

const fn negative(what: &'static str, names: &'static [&'static str], make: fn(&mut Rng) -> String) -> Negative {
    Negative { what, names, make, number: false }
}

const fn numeric(what: &'static str, names: &'static [&'static str], make: fn(&mut Rng) -> String) -> Negative {
    Negative { what, names, make, number: true }
}

/// All of them.
pub(super) static NEGATIVES: &[Negative] = &[
    numeric("snowflake of 18", &["id", "orderId", "v", "userId"], |rng| snowflake(rng, 18)),
    numeric("snowflake of 19", &["id", "msgId", "v", "skuId"], |rng| snowflake(rng, 19)),
    numeric("milliseconds", &["ts", "createTime", "v", "gmtModified", "t"], |rng| {
        rng.range(1_400_000_000_000..1_900_000_000_000).to_string()
    }),
    numeric("microseconds", &["timestamp", "v", "startUs"], |rng| {
        rng.range(1_400_000_000_000_000..1_900_000_000_000_000).to_string()
    }),
    numeric("nanoseconds", &["timeUnixNano", "v", "ts"], |rng| {
        rng.range(1_400_000_000_000_000_000..1_900_000_000_000_000_000).to_string()
    }),
    numeric("seconds", &["time", "v", "expires"], |rng| rng.range(1_400_000_000..1_900_000_000).to_string()),
    negative("order of the second", &["orderNo", "outTradeNo", "v", "订单号"], |rng| {
        let length = rng.one_of(&[4, 4, 6]);
        format!("{}{}", second(rng), rng.digits(length))
    }),
    negative("order like a mobile", &["orderNo", "tradeNo", "运单号", "serialNo"], contact::mobile),
    negative("shop, date, sequence", &["orderNo", "flowNo", "流水号", "billNo"], shop_order),
    negative("hash", &["md5", "sha1", "hash", "v", "etag"], |rng| {
        let length = rng.one_of(&[32, 40, 64]);
        rng.hex(length)
    }),
    negative("uuid", &["uuid", "id", "requestId", "v"], uuid),
    numeric("float", &["rate", "score", "v", "progress"], |rng| format!("{}.{}", rng.below(1000), number(rng, 15))),
    negative("version", &["version", "build", "v"], |rng| {
        format!("{}.{}.{}", rng.below(20), rng.below(40), rng.range(1000..20_000_000))
    }),
    negative("version of four", &["version", "clientVersion", "osVersion"], |rng| {
        format!("{}.{}.{}.{}", rng.below(20), rng.below(40), rng.below(200), rng.below(99))
    }),
    negative("card of no Luhn", &["cardNo", "v", "bankCardNo"], finance::no_card),
    negative("id of no check", &["idCard", "v", "证件号码"], identity::no_resident_id),
    negative("phone in a longer number", &["v", "remark", "code"], |rng| {
        format!("{}{}{}", number(rng, 3), contact::mobile(rng), rng.digits(9))
    }),
    negative("phone in a word", &["v", "file", "code"], |rng| {
        let mobile = contact::mobile(rng);
        match rng.below(3) {
            0 => format!("IMG_{mobile}.jpg"),
            1 => format!("A{mobile}"),
            _ => format!("0.{mobile}"),
        }
    }),
    negative("base64", &["sign", "token", "v", "data"], |rng| {
        let length = rng.range(24..160) as usize;
        format!("{}/{}==", rng.text(TOKEN, length / 2), rng.text(TOKEN, length / 2))
    }),
    negative("minified script", &["v", "tpl", "code"], script),
    negative("drawing", &["path", "d", "svg"], drawing),
    negative("coarse position", &["pos", "range", "v"], |rng| {
        format!("{}.{:02},{}.{:02}", rng.range(73..136), rng.below(100), rng.range(3..54), rng.below(100))
    }),
    negative("book number", &["isbn", "v", "barcode"], |rng| ean(rng, "978")),
    negative("article number", &["ean", "barcode", "v", "gtin"], |rng| ean(rng, "69")),
    negative("tracking number", &["trackingNo", "运单号", "快递单号", "waybillNo"], |rng| {
        let prefix = rng.one_of(&["SF", "YT", "JD", "ZTO", "7", "43", "77"]);
        let length = rng.range(10..14) as usize;
        format!("{prefix}{}", rng.digits(length))
    }),
    numeric("price", &["price", "totalPrice", "v"], |rng| format!("{}.{:02}", rng.below(100_000), rng.below(100))),
    numeric("count", &["total", "count", "size", "v"], |rng| rng.below(10_000_000).to_string()),
    negative("label in Chinese", &["title", "status", "deptName", "label", "productName"], |rng| {
        rng.one_of(&[
            "高级会员",
            "安全设置",
            "周边服务",
            "金额明细",
            "黄金首饰",
            "方便食品",
            "白色款",
            "马拉松",
            "文件管理",
            "于今日送达",
            "常用工具",
            "水果拼盘",
            "华为手机",
            "江南小镇",
            "温泉度假村",
            "成功",
            "时间安排",
            "任务中心",
            "云服务器",
            "单据管理",
        ])
        .to_owned()
    }),
    negative("coarse place", &["province", "city", "region", "area"], |rng| {
        rng.one_of(&["广东省", "广东省深圳市", "杭州市", "华东", "江苏省南京市鼓楼区", "浦东新区", "成都市"]).to_owned()
    }),
    negative("date", &["createDate", "date", "updateTime", "v", "tradeDate"], |rng| {
        let (_, month, day) = day(rng);
        format!("{}-{month:02}-{:02}", rng.range(2015..2027), day.min(28))
    }),
    negative("private or reserved address", &["host", "node", "v"], |rng| {
        rng.one_of(&["127.0.0.1", "0.0.0.0", "255.255.255.0", "169.254.1.1"]).to_owned()
    }),
    negative("colour and size", &["color", "style", "v"], |rng| format!("#{} {}px", rng.hex(6), rng.below(2000))),
    negative("address of a page", &["url", "link", "src"], |rng| {
        format!(
            "https://cdn.shop-{}.cn/p/{}/{}.jpg?v={}&s={}",
            rng.hex(4),
            snowflake(rng, 18),
            rng.hex(32),
            rng.range(1_400_000_000_000..1_900_000_000_000),
            rng.digits(8)
        )
    }),
];

fn snowflake(rng: &mut Rng, length: u32) -> String {
    loop {
        let (from, to) = (10u64.pow(length - 1), 10u64.pow(length - 1) * 2);
        let id = rng.range(from + from / 8..to).to_string();
        // What a snowflake generator gives is no card number but by chance; nobody could tell those.
        if !is_luhn(&id) {
            return id;
        }
    }
}

fn second(rng: &mut Rng) -> String {
    let (_, month, day) = day(rng);
    format!(
        "{}{month:02}{:02}{:02}{:02}{:02}",
        rng.range(2015..2027),
        day.min(28),
        rng.below(24),
        rng.below(60),
        rng.below(60)
    )
}

/// A number of a shop that is like a county's, a day, a sequence: all but the check character of an identity number.
fn shop_order(rng: &mut Rng) -> String {
    loop {
        let (_, month, day) = day(rng);
        let region = rng.one_of(&REGIONS);
        let order = format!("{region}{}{month:02}{:02}{}", rng.range(2015..2027), day.min(28), rng.digits(4));
        let check = mod_11_2(&order[..17]);
        if !order.ends_with(check) && !is_luhn(&order) {
            return order;
        }
    }
}

fn uuid(rng: &mut Rng) -> String {
    // One in three is of digits alone, where a recogniser is most easily led astray.
    let digits = |rng: &mut Rng, count, plain| if plain { rng.digits(count) } else { rng.hex(count) };
    let plain = rng.chance(33.0);
    let parts: Vec<String> = [8, 4, 4, 4, 12].map(|count| digits(rng, count, plain)).into();
    parts.join("-")
}

fn ean(rng: &mut Rng, prefix: &str) -> String {
    let body = format!("{prefix}{}", rng.digits(12 - prefix.len()));
    let sum: u32 = body.bytes().zip([1, 3].into_iter().cycle()).map(|(b, weight)| u32::from(b - b'0') * weight).sum();
    format!("{body}{}", (10 - sum % 10) % 10)
}

fn script(rng: &mut Rng) -> String {
    let mut out = String::from("!function(e,t){");
    for _ in 0..rng.range(3..12) {
        let (a, b) = (rng.text("abcdefghijklmnop", 1), rng.text("abcdefghijklmnop", 1));
        match rng.below(6) {
            0 => out.push_str(&format!("var {a}=0x{},{b}=[{}];", rng.hex(8), rng.below(99))),
            1 => out.push_str(&format!("{a}.{b}=function(){{return {}*{a}}};", rng.below(1_000_000))),
            2 => out.push_str(&format!("t({},\"{}\");", rng.below(9999), rng.hex(20))),
            3 => out.push_str(&format!("{a}&&{b}({}.{},1e{});", rng.below(10), rng.digits(12), rng.below(9))),
            4 => out.push_str(&format!("{a}<{b}?{}:{};", number(rng, 10), rng.below(64))),
            _ => out.push_str(&format!("e[{}]={a}>>>{}|{b}<<{};", rng.below(999), rng.below(32), rng.below(32))),
        }
    }
    out.push_str("}(this);");
    out
}

fn drawing(rng: &mut Rng) -> String {
    let mut out = format!("M{}.{} {}.{}", rng.below(999), rng.digits(3), rng.below(999), rng.digits(4));
    for _ in 0..rng.range(3..15) {
        let sign = rng.one_of(&["c", "l", "C", "a", "h"]);
        out.push_str(&format!(
            "{sign}{}.{}-{}.{},{}.{}",
            rng.below(200),
            rng.digits(5),
            rng.below(99),
            rng.digits(4),
            rng.below(300),
            rng.digits(6)
        ));
    }
    out + "z"
}
