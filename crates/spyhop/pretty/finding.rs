//! One finding in a few lines.

use std::fmt::Write as _;
use std::sync::Arc;

use spyhop_model::{Entity, Finding, Involved, Lang, Span, Timestamp};

use super::text::clipped;
use super::{Style, grouped, plain};

/// Names shown of one role, samples, exchanges.
const SHOWN: usize = 4;
/// Columns of one name.
const NAME: usize = 72;

/// A finding, in both languages and with or without colour the same lines; ends in a newline.
///
/// ```text
/// HIGH   auth.weak_password  an account logs in with a weak password
///   Account alice logged in at POST shop.example/login with a common password.
///   who    account alice; address 10.0.0.8
///   …
/// ```
pub fn finding(finding: &Finding, style: &Style) -> String {
    let style = *style;
    let mut out = String::new();
    let rule = finding.rule;
    let _ = writeln!(
        out,
        "{} {}  {}",
        style.badge(finding.severity),
        style.faint(rule.kind),
        style.bold(rule.title.lang(style.lang))
    );
    style.paragraph(&mut out, 2, &plain(finding.summary.lang(style.lang)));
    let who = join(style, &people(finding, style));
    if !who.is_empty() {
        style.row(&mut out, style.say("who", "主体"), &who);
    }
    let places = join(style, &roles(&finding.involved, &["endpoint", "server", "partner"], style));
    if !places.is_empty() {
        style.row(&mut out, style.say("where", "位置"), &places);
    }
    style.row(&mut out, style.say("when", "时间"), &when(finding, style));
    let why = why(finding, style);
    if !why.is_empty() {
        style.row(&mut out, style.say("why", "依据"), &why);
    }
    if !finding.coverage.is_empty() {
        let losses = finding.coverage.iter().map(|(reason, count)| format!("{} {}", plain(reason), grouped(*count)));
        let losses = losses.collect::<Vec<_>>().join(", ");
        let said = match style.lang {
            Lang::En => format!("losses touched its exchanges: {losses}"),
            Lang::Zh => format!("其证据受数据丢失影响：{losses}"),
        };
        style.row(&mut out, style.say("lost", "缺失"), &said);
    }
    let advice = rule.advice.lang(style.lang);
    let targets = targets(finding, style);
    let space = if advice.is_empty() || style.lang == Lang::Zh { "" } else { " " };
    if !(advice.is_empty() && targets.is_empty()) {
        style.row(&mut out, style.say("do", "处置"), &format!("{advice}{space}{targets}"));
    }
    style.row(&mut out, style.say("id", "编号"), &identity(finding, style));
    out
}

/// Its primary entity first, then who else had part in it.
fn people(finding: &Finding, style: Style) -> Vec<String> {
    let role = finding.primary.role();
    // Fingerprints of devices and sessions tell people nothing, unless the finding is about one.
    let wanted: Vec<&'static str> = ["account", "client_ip", "device", "session"]
        .into_iter()
        .filter(|known| matches!(*known, "account" | "client_ip") || *known == role)
        .collect();
    let mut parts = roles(&finding.involved, &wanted, style);
    if finding.involved.names(role).is_empty() && finding.primary != Entity::Sensor {
        let name = clipped(&finding.primary.to_string(), NAME);
        parts.insert(0, format!("{} {name}", role_name(role, style)));
    }
    parts
}

fn roles(involved: &Involved, wanted: &[&'static str], style: Style) -> Vec<String> {
    let known = wanted.iter().filter(|role| !involved.names(role).is_empty());
    known
        .map(|role| {
            let list = names(involved.names(role), involved.has_more(role), style);
            match *role {
                // What an endpoint is can be seen.
                "endpoint" => list,
                _ => format!("{} {list}", role_name(role, style)),
            }
        })
        .collect()
}

fn role_name(role: &'static str, style: Style) -> &'static str {
    match role {
        "account" => style.say("account", "账号"),
        "client_ip" => style.say("address", "地址"),
        "device" => style.say("device", "设备"),
        "session" => style.say("session", "会话"),
        "endpoint" => style.say("endpoint", "接口"),
        "server" => style.say("server", "服务"),
        "partner" => style.say("partner", "合作方"),
        _ => role,
    }
}

fn names(names: &[Arc<str>], more: bool, style: Style) -> String {
    let shown = names.iter().take(SHOWN).map(|name| clipped(name, NAME)).collect::<Vec<_>>().join(", ");
    let hidden = names.len().saturating_sub(SHOWN);
    match (hidden, more, style.lang) {
        (0, false, _) => shown,
        (0, true, Lang::En) => format!("{shown} and others"),
        (_, false, Lang::En) => format!("{shown} and {hidden} more"),
        (_, true, Lang::En) => format!("{shown} and more than {hidden} others"),
        (0, true, Lang::Zh) => format!("{shown} 等"),
        (_, false, Lang::Zh) => format!("{shown} 等 {} 个", names.len()),
        (_, true, Lang::Zh) => format!("{shown} 等 {} 个以上", names.len()),
    }
}

fn join(style: Style, parts: &[String]) -> String {
    parts.join(style.say("; ", "；"))
}

fn when(finding: &Finding, style: Style) -> String {
    let (first, last) = (finding.first_seen, finding.last_seen);
    let count = grouped(finding.count);
    let times = match (style.lang, finding.count) {
        (Lang::En, 1) => "once".to_owned(),
        (Lang::En, _) => format!("{count} times"),
        (Lang::Zh, _) => format!("{count} 次"),
    };
    let status = style.status(finding.status);
    let span = spanning(first, last, style);
    match style.lang {
        Lang::En => format!("{span}, {times}, {status}"),
        Lang::Zh => format!("{span}，{times}，{status}"),
    }
}

/// From when to when, to the second; the exact times stand in the JSON.
pub(super) fn spanning(first: Timestamp, last: Timestamp, style: Style) -> String {
    let (date, time, offset) = style.zone.parts(first);
    if first.seconds() == last.seconds() {
        return format!("{date} {time} {offset}");
    }
    let (last_date, last_time, last_offset) = style.zone.parts(last);
    let end = if last_date == date { last_time } else { format!("{last_date} {last_time}") };
    let long = lasting(last.since(first));
    match style.lang {
        Lang::En => format!("{date} {time} to {end} {last_offset} ({long})"),
        Lang::Zh => format!("{date} {time} 至 {end} {last_offset}（{long}）"),
    }
}

/// `3d 4h`, `2m 10s`, `0.25s`: the two largest units.
pub(super) fn lasting(span: Span) -> String {
    let seconds = span.0 / 1_000_000_000;
    if seconds < 60 {
        return format!("{:.2}s", span.as_secs_f64());
    }
    let units = [(86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")];
    let mut rest = seconds;
    let parts = units.iter().filter_map(|(size, name)| {
        let count = rest / size;
        rest %= size;
        (count > 0).then(|| format!("{count}{name}"))
    });
    parts.take(2).collect::<Vec<_>>().join(" ")
}

fn why(finding: &Finding, style: Style) -> String {
    let reasons = finding.reasons.iter().map(|reason| plain(reason));
    let measures = finding.measures.iter().map(|(name, value)| format!("{} {}", plain(name), grouped(*value)));
    let mut parts: Vec<String> = reasons.chain(measures).collect();
    if let Some(aspect) = &finding.aspect {
        parts.insert(0, clipped(aspect, NAME));
    }
    if !finding.samples.is_empty() {
        parts.push(format!("{}{}", style.say("seen ", "样例："), names(&finding.samples, false, style)));
    }
    parts.join(style.say(", ", "，"))
}

/// `Possible: block address 10.0.0.8.`
fn targets(finding: &Finding, style: Style) -> String {
    let shown = finding.respond.iter().take(SHOWN).map(|respond| {
        let action = match &*respond.action {
            "block_address" => style.say("block address", "封禁地址"),
            "limit_rate" => style.say("limit the rate of", "限速"),
            "lock_account" => style.say("lock account", "锁定账号"),
            "reset_password" => style.say("reset the password of", "重置密码"),
            "revoke_token" => style.say("revoke the token of", "吊销令牌"),
            "fix_endpoint" => style.say("mend", "修复接口"),
            "review" => style.say("review", "人工核查"),
            "check_mirror" => style.say("check the mirror", "检查镜像"),
            other => other,
        };
        match respond.target {
            Entity::Sensor => plain(action),
            _ => format!("{} {}", plain(action), clipped(&respond.target.to_string(), NAME)),
        }
    });
    let list = shown.collect::<Vec<_>>().join(style.say("; ", "；"));
    let hidden = finding.respond.len().saturating_sub(SHOWN);
    let more = match (hidden, style.lang) {
        (0, _) => String::new(),
        (_, Lang::En) => format!(" and {hidden} more"),
        (_, Lang::Zh) => format!(" 等 {} 项", finding.respond.len()),
    };
    match (list.is_empty(), style.lang) {
        (true, _) => String::new(),
        (false, Lang::En) => format!("Possible: {list}{more}."),
        (false, Lang::Zh) => format!("可采取：{list}{more}。"),
    }
}

fn identity(finding: &Finding, style: Style) -> String {
    let mut parts = vec![finding.id.to_string()];
    parts.push(format!("{} {}", style.say("confidence", "置信度"), finding.confidence));
    if let Some(parent) = finding.parent {
        parts.push(format!("{} {parent}", style.say("part of", "属于")));
    }
    if let Some(exchange) = finding.exchanges.first() {
        let more = finding.exchanges.len() - 1;
        let more = if more > 0 { format!(" +{more}") } else { String::new() };
        parts.push(format!("{} {exchange}{more}", style.say("exchange", "请求")));
    }
    if !finding.rule.clause.is_empty() {
        parts.push(format!("{}{}", style.say("clause ", "条款："), finding.rule.clause));
    }
    parts.join(style.say(", ", "，"))
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeMap;

    use spyhop_model::{
        Change, Class, ExchangeId, FindingId, FlowId, Lang, Respond, Rule, Said, Severity, Status, Text,
    };

    use super::super::width_of;
    use super::*;
    use crate::pretty::Zone;

    pub(in crate::pretty) static RULE: Rule = Rule {
        kind: "auth.high_frequency_login",
        class: Class::Incident,
        severity: Severity::Medium,
        title: Text { en: "login attempts at high frequency", zh: "高频登录尝试" },
        about: Text {
            en: "More login attempts a minute than people make. A gateway behind which many people work looks alike.",
            zh: "每分钟的登录尝试超出人工操作的频率。众人共用的网关可能类似。",
        },
        advice: Text {
            en: "Limit attempts on the login endpoint and ask for a captcha after failures.",
            zh: "对登录接口限速，失败后启用验证码。",
        },
        clause: "高频登录尝试",
    };

    pub(in crate::pretty) fn sample() -> Finding {
        let mut involved = Involved::default();
        for name in ["alice", "bob", "carol", "dave", "eve", "frank"] {
            involved.add("account", name);
        }
        involved.add("client_ip", "10.0.0.8");
        involved.add("endpoint", "POST shop.example/login");
        involved.add("server", "shop.example");
        let address = Entity::ClientIp([10, 0, 0, 8].into());
        Finding {
            id: FindingId(0x1234_5678_9abc_def0),
            rule: &RULE,
            severity: Severity::High,
            confidence: 90,
            status: Status::Open,
            change: Change::Opened,
            revision: 1,
            parent: None,
            primary: address.clone(),
            aspect: None,
            summary: Said {
                en: "Up to 40 login attempts a minute from address 10.0.0.8 at POST shop.example/login, up to 39 of them refused \
                     (accounts alice, bob, carol and others)."
                    .into(),
                zh: "地址 10.0.0.8 在 POST shop.example/login 每分钟登录尝试最多 40 次，其中最多 39 次被拒（账号 alice, bob, carol 等）。"
                    .into(),
            },
            first_seen: Timestamp::from_parts(1_795_399_999, 5),
            last_seen: Timestamp::from_parts(1_795_400_129, 0),
            changed_at: Timestamp::from_parts(1_795_400_129, 0),
            count: 1_240,
            involved,
            measures: BTreeMap::from([("attempts_a_minute".into(), 40), ("refused".into(), 1_039)]),
            reasons: vec!["accepted_among_refused".into()],
            samples: vec!["138****8000".into()],
            exchanges: vec![ExchangeId { flow: FlowId(0xab), ordinal: 1 }, ExchangeId { flow: FlowId(0xac), ordinal: 0 }],
            coverage: BTreeMap::from([("gap".into(), 3)]),
            respond: vec![
                Respond { action: "limit_rate".into(), target: address },
                Respond { action: "lock_account".into(), target: Entity::Account("alice".into()) },
            ],
        }
    }

    fn shown(lang: Lang, width: usize) -> String {
        finding(&sample(), &Style { lang, width, color: false, zone: Zone::utc() })
    }

    #[test]
    fn a_finding_in_english() {
        assert_eq!(
            shown(Lang::En, 100),
            "\
HIGH   auth.high_frequency_login  login attempts at high frequency
  Up to 40 login attempts a minute from address 10.0.0.8 at POST shop.example/login, up to 39 of
  them refused (accounts alice, bob, carol and others).
  who    account alice, bob, carol, dave and 2 more; address 10.0.0.8
  where  POST shop.example/login; server shop.example
  when   2026-11-23 02:13:19 to 02:15:29 UTC (2m 9s), 1,240 times, open
  why    accepted_among_refused, attempts_a_minute 40, refused 1,039, seen 138****8000
  lost   losses touched its exchanges: gap 3
  do     Limit attempts on the login endpoint and ask for a captcha after failures. Possible: limit
         the rate of 10.0.0.8; lock account alice.
  id     123456789abcdef0, confidence 90, exchange 00000000000000ab-1 +1, clause 高频登录尝试
"
        );
    }

    #[test]
    fn a_finding_in_chinese() {
        assert_eq!(
            shown(Lang::Zh, 100),
            "\
高     auth.high_frequency_login  高频登录尝试
  地址 10.0.0.8 在 POST shop.example/login 每分钟登录尝试最多 40 次，其中最多 39 次被拒（账号 alice,
  bob, carol 等）。
  主体   账号 alice, bob, carol, dave 等 6 个；地址 10.0.0.8
  位置   POST shop.example/login；服务 shop.example
  时间   2026-11-23 02:13:19 至 02:15:29 UTC（2m 9s），1,240 次，未关闭
  依据   accepted_among_refused，attempts_a_minute 40，refused 1,039，样例：138****8000
  缺失   其证据受数据丢失影响：gap 3
  处置   对登录接口限速，失败后启用验证码。可采取：限速 10.0.0.8；锁定账号 alice。
  编号   123456789abcdef0，置信度 90，请求 00000000000000ab-1 +1，条款：高频登录尝试
"
        );
    }

    #[test]
    fn lines_keep_to_the_width_and_colour_changes_no_word() {
        for lang in [Lang::En, Lang::Zh] {
            for width in [40, 60, 80, 200] {
                for line in shown(lang, width).lines().skip(1) {
                    assert!(width_of(line) <= width.min(120), "{line}");
                }
                let coloured = finding(&sample(), &Style { lang, width, color: true, zone: Zone::utc() });
                let mut bare = String::new();
                for (at, part) in coloured.split("\x1b[").enumerate() {
                    bare += if at == 0 { part } else { part.split_once('m').expect("SGR").1 };
                }
                assert_eq!(bare, shown(lang, width));
            }
        }
    }

    #[test]
    fn the_smallest_finding_has_no_empty_rows() {
        let mut small = sample();
        small.primary = Entity::Sensor;
        small.involved = Involved::default();
        (small.reasons, small.samples, small.exchanges, small.respond) = Default::default();
        (small.measures, small.coverage, small.last_seen) = (BTreeMap::new(), BTreeMap::new(), small.first_seen);
        (small.count, small.parent, small.aspect) = (1, Some(FindingId(1)), Some("cn_mobile".into()));
        assert_eq!(
            finding(&small, &Style { lang: Lang::En, width: 120, color: false, zone: Zone::utc() }),
            "\
HIGH   auth.high_frequency_login  login attempts at high frequency
  Up to 40 login attempts a minute from address 10.0.0.8 at POST shop.example/login, up to 39 of them refused (accounts
  alice, bob, carol and others).
  when   2026-11-23 02:13:19 UTC, once, open
  why    cn_mobile
  do     Limit attempts on the login endpoint and ask for a captcha after failures.
  id     123456789abcdef0, confidence 90, part of 0000000000000001, clause 高频登录尝试
"
        );
    }

    #[test]
    fn names_from_the_wire_cannot_steer_the_terminal() {
        let mut hostile = sample();
        hostile.involved.add("device", "\x1b]0;owned\x07\u{202e}");
        hostile.involved.add("partner", &"长".repeat(10_000));
        hostile.summary.en = "account \x1b[2J logged in".into();
        hostile.aspect = Some("\r\n".into());
        hostile.respond.push(Respond { action: "\x1b[1m".into(), target: Entity::Account("\x1b".into()) });
        let shown = finding(&hostile, &Style { lang: Lang::En, width: 80, color: false, zone: Zone::utc() });
        assert!(!shown.contains(['\x1b', '\x07', '\r', '\u{202e}']), "{shown}");
        assert!(shown.lines().count() < 24, "{shown}");
    }

    #[test]
    fn lengths_of_time_show_their_two_largest_units() {
        let spans =
            [Span::millis(250), Span::seconds(130), Span::hours(49), Span(Span::days(400).0 + Span::seconds(61).0)];
        assert_eq!(spans.map(lasting), ["0.25s", "2m 10s", "2d 1h", "400d 1m"]);
    }
}
