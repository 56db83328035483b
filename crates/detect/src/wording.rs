//! Pieces of sentences that several findings share.

use spyhop_model::{Entity, Involved, Observation, Place, Said, Text};

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
