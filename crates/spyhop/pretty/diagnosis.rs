//! What `spyhop doctor` says.

use serde_json::{Value, json};
use spyhop_detect::{Fault, TapReport};
use spyhop_model::Lang;
use spyhop_stream::{Content, Encapsulation, TapHealth};

use super::{Style, grouped};

/// What a look at the mirror showed.
#[derive(Clone, Debug)]
pub struct Diagnosis {
    /// Looked at an interface.
    pub live: bool,
    /// Packets of all kinds.
    pub packets: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Packets that the kernel and the network card dropped; live only.
    pub kernel: Option<(u64, u64)>,
    /// By port and VLAN.
    pub taps: Vec<TapPicture>,
}

/// What one port delivered of one VLAN.
#[derive(Clone, Debug)]
pub struct TapPicture {
    /// All counts.
    pub health: TapHealth,
    /// Those that are judged.
    pub report: TapReport,
    /// What is wrong, and its share in percent.
    pub faults: Vec<(Fault, u64)>,
    /// There were enough connections to judge.
    pub judged: bool,
}

impl Diagnosis {
    /// For programs.
    pub fn json(&self) -> Value {
        let taps: Vec<Value> = self.taps.iter().map(TapPicture::json).collect();
        let kernel =
            self.kernel.map(|(kernel, interface)| json!({ "kernel_dropped": kernel, "interface_dropped": interface }));
        let mut all = json!({ "packets": self.packets, "bytes": self.bytes, "taps": taps });
        if let (Some(kernel), Some(fields)) = (kernel, all.as_object_mut()) {
            fields.insert("losses".to_owned(), kernel);
        }
        all
    }
}

impl TapPicture {
    fn json(&self) -> Value {
        let counts: serde_json::Map<String, Value> =
            self.health.iter().map(|(name, count)| (name.to_owned(), count.into())).collect();
        let contents: serde_json::Map<String, Value> =
            Content::ALL.iter().map(|content| (content.name().to_owned(), self.health.of(*content).into())).collect();
        let wrapped: serde_json::Map<String, Value> =
            self.encapsulations().map(|(name, count)| (name.to_owned(), count.into())).collect();
        let faults: Vec<Value> = self
            .faults
            .iter()
            .map(|(fault, share)| {
                json!({ "fault": fault.name(), "percent": share, "meaning": fault.meaning().en, "advice": fault.advice().en })
            })
            .collect();
        let mut one = json!({
            "port": &*self.report.port, "verdict": self.verdict(), "faults": faults, "counts": counts,
            "protocols": contents, "encapsulations": wrapped,
        });
        if let (Some(vlan), Some(fields)) = (self.report.vlan, one.as_object_mut()) {
            fields.insert("vlan".to_owned(), vlan.into());
        }
        one
    }

    fn verdict(&self) -> &'static str {
        match (self.judged, self.faults.is_empty()) {
            (false, _) => "too_few_connections",
            (true, true) => "good",
            (true, false) => "faulty",
        }
    }

    fn encapsulations(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let kinds = Encapsulation::ALL.iter().zip(self.health.encapsulations);
        kinds.filter(|(_, count)| *count > 0).map(|(kind, count)| (kind.name(), count))
    }
}

/// The diagnosis; ends in a newline.
pub fn diagnosis(all: &Diagnosis, style: &Style) -> String {
    let style = *style;
    let zh = style.lang == Lang::Zh;
    let mut out = String::new();
    if all.taps.is_empty() {
        let seen = grouped(all.packets);
        let text = if zh {
            format!("读取了 {seen} 个数据包，其中没有 TCP 流量。请检查镜像会话是否已启用、源端口是否正确。")
        } else {
            format!(
                "Of {seen} packets none carried TCP. Check that the mirror session is on, and that it mirrors the right ports."
            )
        };
        style.paragraph(&mut out, 0, &text);
    }
    for tap in &all.taps {
        one(&mut out, tap, style);
    }
    if let Some((kernel, card)) = all.kernel.filter(|(kernel, card)| kernel + card > 0) {
        let (kernel, card) = (grouped(kernel), grouped(card));
        let text = if zh {
            format!(
                "内核丢弃 {kernel} 个、网卡丢弃 {card} 个数据包：增大 [capture] 的 buffer_mib 或网卡接收环（ethtool -G）。"
            )
        } else {
            format!(
                "The kernel dropped {kernel} packets and the network card {card}: raise buffer_mib in [capture], or the card's receive ring (ethtool -G)."
            )
        };
        style.paragraph(&mut out, 0, &text);
    }
    out
}

fn one(out: &mut String, tap: &TapPicture, style: Style) {
    let zh = style.lang == Lang::Zh;
    let health = &tap.health;
    let share = |part: u64, whole: u64| {
        let tenths = part.saturating_mul(1000) / whole.max(1);
        format!("{} ({}.{}%)", grouped(part), tenths / 10, tenths % 10)
    };
    out.push_str(&style.bold(&tap.report.name()));
    out.push('\n');
    let packets = health.packets + health.headers_cut;
    let (copies, cut) = (share(health.mirrored_twice, packets), share(tap.report.cut, packets));
    let text = if zh {
        format!("{} 个 TCP 数据包，重复 {copies}，截短 {cut}", grouped(packets))
    } else {
        format!("{} with TCP, {copies} came twice, {cut} cut short", grouped(packets))
    };
    style.row(out, style.say("packets", "数据包"), &text);
    let (one_way, midstream) = (share(health.one_way, health.connections), share(health.midstream, health.connections));
    let split = grouped(health.split_vlans);
    let text = if zh {
        format!(
            "{} 个有数据的连接，单向 {one_way}，中途加入 {midstream}，双向分属两个 VLAN {split}",
            grouped(health.connections)
        )
    } else {
        format!(
            "{} with data, {one_way} seen one way, {midstream} joined midway, {split} with a VLAN for each direction",
            grouped(health.connections)
        )
    };
    style.row(out, style.say("conns", "连接"), &text);
    let lost = share(health.lost_before_us(), health.payload + health.lost_before_us());
    let text = if zh {
        format!(
            "缺口 {} 处共 {} 字节；对端已确认但未到达本机 {lost} 字节",
            grouped(health.gaps),
            grouped(health.gap_bytes)
        )
    } else {
        format!(
            "{} holes of {} bytes; {lost} bytes acknowledged by their receiver never came here",
            grouped(health.gaps),
            grouped(health.gap_bytes)
        )
    };
    style.row(out, style.say("losses", "丢失"), &text);
    let carried: Vec<String> = Content::ALL
        .iter()
        .filter(|content| health.of(**content) > 0)
        .map(|content| format!("{} {}", content.name(), grouped(health.of(*content))))
        .collect();
    if !carried.is_empty() {
        style.row(out, style.say("carries", "内容"), &carried.join(", "));
    }
    let wrapped: Vec<String> = tap.encapsulations().map(|(name, count)| format!("{name} {}", grouped(count))).collect();
    if !wrapped.is_empty() {
        style.row(out, style.say("wrapped", "封装"), &wrapped.join(", "));
    }
    let verdict = match (tap.judged, tap.faults.is_empty()) {
        (false, _) => style.faint(style.say("too few connections to judge", "连接太少，无法判断")),
        (true, true) => style.paint("32", style.say("the mirror delivers what passes", "镜像正常")),
        (true, false) => style.paint("1;31", style.say("the mirror needs to be changed", "镜像需要调整")),
    };
    style.row(out, style.say("verdict", "结论"), &verdict);
    for (fault, share) in &tap.faults {
        style.paragraph(out, 9, &format!("{share}%: {}", fault.meaning().lang(style.lang)));
        style.paragraph(out, 11, &format!("→ {}", fault.advice().lang(style.lang)));
    }
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pretty::Zone;

    fn picture() -> TapPicture {
        let health =
            TapHealth { packets: 1_000, connections: 60, one_way: 33, mirrored_twice: 7, ..TapHealth::default() };
        let report = TapReport { port: "eth1".into(), vlan: Some(30), connections: 60, ..TapReport::default() };
        TapPicture { health, report, faults: vec![(Fault::OneWay, 55)], judged: true }
    }

    #[test]
    fn a_fault_is_told_with_what_to_change_in_both_languages() {
        let all = Diagnosis { live: false, packets: 1_000, bytes: 1, kernel: Some((3, 0)), taps: vec![picture()] };
        for (lang, verdict, advice) in [
            (Lang::En, "the mirror needs to be changed", "mirror both directions"),
            (Lang::Zh, "镜像需要调整", "镜像双向流量"),
        ] {
            let style = Style { lang, width: 100, color: false, zone: Zone::utc() };
            let text = diagnosis(&all, &style);
            assert!(text.contains("eth1 VLAN 30") && text.contains(verdict) && text.contains(advice), "{text}");
            assert!(text.contains("33 (55.0%)") && text.contains("7 (0.7%)"), "{text}");
        }
        let json = all.json();
        assert_eq!(json["taps"][0]["verdict"], "faulty");
        assert_eq!((&json["taps"][0]["vlan"], &json["losses"]["kernel_dropped"]), (&json!(30), &json!(3)));
    }
}
