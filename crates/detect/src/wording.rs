//! Pieces of sentences that several findings share.

use spyhop_model::{Entity, Finding, Involved, Observation, Place, Said, Span, Text};

/// ` (accounts alice, bob and others)`, or nothing.
pub(crate) fn accounts(involved: &Involved) -> Said {
    const SHOWN: usize = 3;
    let names = involved.names("account");
    if names.is_empty() {
        return Said::default();
    }
    let shown = names.iter().take(SHOWN).map(|name| &**name).collect::<Vec<_>>().join(", ");
    let more = names.len() > SHOWN || involved.has_more("account");
    let noun = if names.len() == 1 { "account" } else { "accounts" };
    Said {
        en: format!(" ({noun} {shown}{})", if more { " and others" } else { "" }),
        zh: format!("（账号 {shown}{}）", if more { " 等" } else { "" }),
    }
}

/// `from address`, `from device`, …
pub(crate) fn role(entity: &Entity) -> Text {
    match entity {
        Entity::ClientIp(_) => Text { en: "from address", zh: "地址" },
        Entity::Device(_) => Text { en: "from device", zh: "设备" },
        Entity::Account(_) => Text { en: "by account", zh: "账号" },
        Entity::Session(_) => Text { en: "in session", zh: "会话" },
        Entity::Endpoint(_) => Text { en: "at", zh: "接口" },
        Entity::Server(_) => Text { en: "at", zh: "服务" },
        Entity::Partner(_) => Text { en: "by partner", zh: "合作方" },
        Entity::Sensor => Text { en: "by", zh: "传感器" },
    }
}

/// `1 login`, `2 logins`.
pub(crate) fn counted(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// A masked sample with its place: `$.data.list[*].mobile: 138****8000`.
pub(crate) fn sample(seen: &Observation) -> String {
    match &seen.place {
        Place::Header(name) => format!("header {name}: {}", seen.sample),
        Place::Cookie(name) => format!("cookie {name}: {}", seen.sample),
        Place::Query(name) => format!("?{name}={}", seen.sample),
        Place::Path(segment) => format!("path segment {segment}: {}", seen.sample),
        Place::Body(path) => format!("{path}: {}", seen.sample),
    }
}

/// ` (between 02:00 and 02:17 UTC on 2026-11-20)`: from the first to the last supporting event.
pub(crate) fn when(finding: &Finding) -> Said {
    let (from, to) = (finding.first_seen.civil(), finding.last_seen.civil());
    let day = format!("{:04}-{:02}-{:02}", from.year, from.month, from.day);
    let time = |at: spyhop_model::Civil| format!("{:02}:{:02}", at.hour, at.minute);
    let (start, end) = (time(from), time(to));
    let is_long = finding.last_seen.since(finding.first_seen) >= Span::days(1);
    match is_long {
        true => Said { en: format!(" (since {start} UTC on {day})"), zh: format!("（自 {day} {start} UTC 起）") },
        false if start == end => {
            Said { en: format!(" (at {start} UTC on {day})"), zh: format!("（{day} {start} UTC）") }
        }
        false => Said {
            en: format!(" (between {start} and {end} UTC on {day})"),
            zh: format!("（{day} {start} 至 {end} UTC）"),
        },
    }
}

/// Where clients are, from the samples that `whereabouts` made: ` [US (overseas)]`.
pub(crate) fn whence(finding: &Finding) -> Said {
    let places: Vec<&str> = finding.samples.iter().filter_map(|sample| sample.strip_prefix("from ")).take(3).collect();
    if places.is_empty() {
        return Said::default();
    }
    let put = |text: String, words: [(&str, &str); 4]| {
        words.into_iter().fold(text, |text, (word, instead)| text.replace(word, instead))
    };
    let zh = [("overseas", "境外"), ("home", "境内"), ("inside", "内网"), ("unknown place", "位置未知")];
    Said { en: format!(" [{}]", places.join(", ")), zh: format!("【{}】", put(places.join("、"), zh)) }
}

/// The first endpoint, and whether there are more: `POST a.example/login`.
pub(crate) fn endpoints(finding: &Finding) -> String {
    let names = finding.involved.names("endpoint");
    let first = names.first().map_or("", |name| name);
    if names.len() > 1 { format!("{first} and others") } else { first.to_owned() }
}
