//! sensor.mirror, and what `spyhop doctor` says: whether the mirror delivers what passes.

use std::collections::BTreeMap;
use std::sync::Arc;

use spyhop_model::{Class, Entity, Finding, Moment, Rule, Said, Severity, Span, Text, Timestamp, settings};

use crate::detector::{CellKey, Evidence};
use crate::findings::{Findings, Support};

settings! {
    /// The mirror itself is wrong.
    pub struct MirrorSettings {
        /// The finding closes after this long without the fault.
        quiet: Span = Span::hours(1),
        /// Connections with data that a port's VLAN must carry before it is judged.
        connections: u64 = 50,
        /// Percent of connections seen in one direction only.
        one_way: u64 = 20,
        /// Percent of packets that come twice.
        twice: u64 = 5,
        /// Percent of packets that are cut short.
        cut: u64 = 1,
        /// Percent of connections that are joined midway.
        midstream: u64 = 50,
        /// How long after the start connections joined midway are normal: they are older than the sensor's look.
        midstream_after: Span = Span::minutes(2),
        /// Percent of payload that was acknowledged by its receiver and never came.
        lost: u64 = 1,
        /// A VLAN that carried connections before is missed after so long without any, while others go on.
        silent: Span = Span::hours(6),
        /// Faults that are as you want them, such as ["one_way"] on a port that carries one direction.
        accepted: Vec<String> = Vec::new(),
    }
}

/// Packets that tell as much as one connection.
const PACKETS: u64 = 20;

/// What one port delivered of one VLAN: counts of some stretch of time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TapReport {
    /// Name of the port.
    pub port: Arc<str>,
    /// The outermost VLAN, if there is one.
    pub vlan: Option<u16>,
    /// Packets with TCP, copies included.
    pub packets: u64,
    /// Their payload in octets.
    pub payload: u64,
    /// Connections with data.
    pub connections: u64,
    /// Of these, those of which one direction only was seen.
    pub one_way: u64,
    /// Of these, those whose opening was not seen.
    pub midstream: u64,
    /// Packets that came a second time.
    pub twice: u64,
    /// Packets that the capture cut.
    pub cut: u64,
    /// Octets that were acknowledged and never came.
    pub lost: u64,
}

impl TapReport {
    fn add(&mut self, more: &TapReport) {
        self.packets += more.packets;
        self.payload += more.payload;
        self.connections += more.connections;
        self.one_way += more.one_way;
        self.midstream += more.midstream;
        self.twice += more.twice;
        self.cut += more.cut;
        self.lost += more.lost;
    }

    /// Whether there is enough to judge: connections, or so many packets that copies and cuts show without. A second session of
    /// a double mirror may bring copies only, which are no connections of their own.
    pub fn can_be_judged(&self, settings: &MirrorSettings) -> bool {
        // What ends with the capture was delivered before: without packets there is nothing to compare with.
        let least = settings.connections.max(1);
        (self.connections >= least && self.packets >= self.connections) || self.packets >= least.saturating_mul(PACKETS)
    }

    /// `eth1` or `eth1 VLAN 30`.
    pub fn name(&self) -> String {
        match self.vlan {
            Some(vlan) => format!("{} VLAN {vlan}", self.port),
            None => self.port.to_string(),
        }
    }
}

/// What can be wrong with a mirror.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// One direction only.
    OneWay,
    /// Packets twice.
    Twice,
    /// Packets cut short.
    Cut,
    /// Lost before the sensor.
    Lost,
    /// Most connections joined midway.
    Midstream,
    /// A VLAN that is there no more.
    Silent,
}

impl Fault {
    /// The word in output.
    pub fn name(self) -> &'static str {
        match self {
            Fault::OneWay => "one_way",
            Fault::Twice => "twice",
            Fault::Cut => "cut",
            Fault::Lost => "lost",
            Fault::Midstream => "midstream",
            Fault::Silent => "silent",
        }
    }

    /// What it means.
    pub fn meaning(self) -> Text {
        match self {
            Fault::OneWay => Text {
                en: "connections are seen in one direction only: answers without requests, or requests without answers",
                zh: "连接只看到一个方向：有请求无响应，或有响应无请求",
            },
            Fault::Twice => Text { en: "packets arrive twice", zh: "数据包重复到达" },
            Fault::Cut => Text {
                en: "packets are cut short: what stands behind the cut is not inspected",
                zh: "数据包被截短：截断之后的内容无法检测",
            },
            Fault::Lost => Text {
                en: "receivers acknowledged data that never came here: it was lost on the way to the sensor",
                zh: "接收方已确认的数据未到达本机：在送达传感器的途中丢失",
            },
            Fault::Midstream => Text {
                en: "most connections are joined midway: their openings are not mirrored, or filtered out",
                zh: "多数连接从中途开始：其建立过程未被镜像或被过滤",
            },
            Fault::Silent => Text {
                en: "a VLAN that carried connections carries none any more",
                zh: "曾有流量的 VLAN 不再有连接",
            },
        }
    }

    /// What to change on the switch.
    pub fn advice(self) -> Text {
        match self {
            Fault::OneWay => Text {
                en: "mirror both directions (Cisco: `monitor session 1 source … both`; Huawei: `port-mirroring to observe-port 1 both`), or give the sensor both ports of the tap; with asymmetric routing, mirror both paths",
                zh: "镜像双向流量（Cisco：`monitor session 1 source … both`；华为：`port-mirroring to observe-port 1 both`），或将 TAP 的两个口都接入；非对称路由需镜像两条路径",
            },
            Fault::Twice => Text {
                en: "a frame is mirrored where it comes in and where it goes out: mirror one of the two (`rx` on all ports, or `both` on the uplink alone), and each VLAN in one session only",
                zh: "同一帧在入口和出口各被镜像一次：只保留其一（所有端口 `rx`，或仅上联口 `both`），每个 VLAN 只属于一个镜像会话",
            },
            Fault::Cut => Text {
                en: "raise the snapshot length of the capture (`snap_len` in [capture]; tcpdump -s 0), and take `truncate` or packet slicing out of the mirror session or packet broker",
                zh: "增大抓包长度（[capture] 的 `snap_len`；tcpdump -s 0），并取消镜像会话或分流器上的截断（truncate / slicing）",
            },
            Fault::Lost => Text {
                en: "the mirror port is oversubscribed: mirror fewer ports to it, filter on the switch, or use a faster port; look at its output drops",
                zh: "镜像口过载：减少镜像源端口、在交换机上过滤或使用更高速端口；查看其输出丢包计数",
            },
            Fault::Midstream => Text {
                en: "look for filters that let only part of a connection through (SYN, ports, sampling), and for load balancing over several mirror ports of which not all come here",
                zh: "检查是否有只放行部分报文的过滤（SYN、端口、采样），以及多镜像口负载分担时是否有端口未接入",
            },
            Fault::Silent => Text {
                en: "look whether the VLAN is still in the mirror session's source",
                zh: "检查该 VLAN 是否仍在镜像会话的源中",
            },
        }
    }
}

/// What is wrong with what one port delivered of one VLAN, and its share in percent. Nothing is said of too few connections.
pub fn faults(tap: &TapReport, settings: &MirrorSettings, midstream: bool) -> Vec<(Fault, u64)> {
    if !tap.can_be_judged(settings) {
        return Vec::new();
    }
    let enough = tap.connections >= settings.connections.max(1);
    let percent = |part: u64, whole: u64| part.saturating_mul(100) / whole.max(1);
    let carried = tap.payload.saturating_add(tap.lost);
    [
        (Fault::OneWay, percent(tap.one_way, tap.connections), settings.one_way),
        (Fault::Twice, percent(tap.twice, tap.packets), settings.twice),
        (Fault::Cut, percent(tap.cut, tap.packets), settings.cut),
        (Fault::Lost, percent(tap.lost, carried), settings.lost),
        (
            Fault::Midstream,
            percent(tap.midstream, tap.connections),
            if midstream { settings.midstream } else { u64::MAX },
        ),
    ]
    .into_iter()
    .filter(|(fault, share, limit)| {
        (enough || matches!(fault, Fault::Twice | Fault::Cut))
            && *share >= (*limit).max(1)
            && !settings.accepted.iter().any(|accepted| accepted == fault.name())
    })
    .map(|(fault, share, _)| (fault, share))
    .collect()
}

/// Tells what is wrong with the mirror from the accounts.
#[derive(Default)]
pub struct Mirror {
    settings: MirrorSettings,
    began: Option<Timestamp>,
    /// What was delivered since it was judged last.
    open: BTreeMap<(Arc<str>, Option<u16>), TapReport>,
    /// When a VLAN carried connections last, once it was judged; and whether it is missed.
    carried: BTreeMap<(Arc<str>, Option<u16>), (Timestamp, bool)>,
}

impl Mirror {
    /// The kind of finding.
    pub const RULE: &'static Rule = &Rule {
        kind: "sensor.mirror",
        class: Class::Sensor,
        severity: Severity::Medium,
        title: Text { en: "the mirror port does not deliver what passes", zh: "镜像口未完整交付流量" },
        about: Text {
            en: "What the switch mirrors is not what the network carries: one direction only, packets twice or cut short, losses before the \
                 sensor, a VLAN missing. Until it is mended the sensor is partly blind, and findings are lower bounds.",
            zh: "交换机镜像的内容与网络实际流量不一致：只有单向、数据包重复或截短、到达传感器前丢失、缺少某个 VLAN。\
                 修复之前传感器部分失明，发现数量仅为下限。",
        },
        advice: Text {
            en: "Run `spyhop doctor` and change the mirror session as it says.",
            zh: "运行 `spyhop doctor`，按其提示调整镜像会话。",
        },
        clause: "审计完整性",
    };

    /// Goes on with what another has seen.
    pub(crate) fn inherit(&mut self, other: &mut Mirror) {
        self.began = other.began;
        self.open = std::mem::take(&mut other.open);
        self.carried = std::mem::take(&mut other.carried);
    }

    /// With its settings.
    pub fn new(settings: MirrorSettings) -> Mirror {
        Mirror { settings, ..Mirror::default() }
    }

    /// What was delivered since the last call, up to `at`.
    pub(crate) fn observe(&mut self, at: Timestamp, taps: &[TapReport], findings: &mut Findings) {
        let began = *self.began.get_or_insert(at);
        let settled = at.since(began) >= self.settings.midstream_after;
        for tap in taps {
            let key = (tap.port.clone(), tap.vlan);
            let open = self.open.entry(key.clone()).or_insert_with(|| TapReport {
                port: tap.port.clone(),
                vlan: tap.vlan,
                ..TapReport::default()
            });
            open.add(tap);
            if tap.packets > 0
                && let Some(carried) = self.carried.get_mut(&key)
            {
                *carried = (at, false);
            }
            if !settled {
                // Those that were there before the sensor looked say nothing of the mirror.
                open.midstream = 0;
            }
            if !open.can_be_judged(&self.settings) {
                continue;
            }
            let judged = std::mem::take(open);
            self.open.remove(&key);
            self.carried.insert(key, (at, false));
            let wrong = faults(&judged, &self.settings, settled);
            if wrong.is_empty() {
                continue;
            }
            let mut evidence = Evidence::new().confidence(100).sample(judged.name());
            for (fault, share) in wrong {
                evidence = evidence.reason(fault.name()).most(fault.name(), share);
            }
            hit(&judged.name(), evidence, at, self.settings.quiet, findings);
        }
        self.missed(at, findings);
    }

    fn missed(&mut self, at: Timestamp, findings: &mut Findings) {
        let others = |silent: Span| self.carried.values().any(|(last, _)| at.since(*last) < silent);
        let off = self.settings.accepted.iter().any(|accepted| accepted == Fault::Silent.name());
        if off || !others(self.settings.silent) {
            return;
        }
        for ((port, vlan), (last, missed)) in &mut self.carried {
            if vlan.is_none() || *missed || at.since(*last) < self.settings.silent {
                continue;
            }
            *missed = true;
            let name = TapReport { port: port.clone(), vlan: *vlan, ..TapReport::default() }.name();
            let hours = at.since(*last).0 / Span::hours(1).0.max(1);
            let silent = Fault::Silent.name();
            let evidence = Evidence::new().confidence(60).sample(name.clone()).reason(silent).most(silent, hours);
            hit(&name, evidence, at, self.settings.quiet, findings);
        }
    }

    pub(crate) fn summary(&self, finding: &Finding) -> Said {
        const ALL: [Fault; 6] = [Fault::OneWay, Fault::Twice, Fault::Cut, Fault::Lost, Fault::Midstream, Fault::Silent];
        let tap = finding.samples.first().map_or("", |sample| sample.as_ref());
        let (mut en, mut zh) = (format!("On {tap}"), format!("在 {tap} 上"));
        for (at, fault) in ALL.into_iter().filter(|fault| finding.measures.contains_key(fault.name())).enumerate() {
            let share = finding.measures.get(fault.name()).copied().unwrap_or_default();
            let unit = if fault == Fault::Silent { (" hours", " 小时") } else { ("%", "%") };
            let (next_en, next_zh) = if at == 0 { (" ", "") } else { ("; ", "；") };
            en.push_str(&format!("{next_en}{} ({share}{})", fault.meaning().en, unit.0));
            zh.push_str(&format!("{next_zh}{}（{share}{}）", fault.meaning().zh, unit.1));
        }
        Said { en: en + ".", zh: zh + "。" }
    }
}

fn hit(name: &str, evidence: Evidence, at: Timestamp, quiet: Span, findings: &mut Findings) {
    let by = Support { at: Moment { at, ..Moment::default() }, event: None, quiet };
    let evidence = evidence.respond("check_mirror", Entity::Sensor);
    findings.hit(Mirror::RULE, &CellKey::of(Entity::Sensor), Some(name), evidence, &by);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::Harness;

    fn tap(vlan: u16) -> TapReport {
        TapReport {
            port: "eth1".into(),
            vlan: Some(vlan),
            packets: 1_000,
            payload: 900_000,
            connections: 60,
            ..TapReport::default()
        }
    }

    #[test]
    fn each_fault_is_told_once_a_port_and_closes() {
        let mut sensor = Harness::empty();
        sensor.mirror(1, &[tap(1)]);
        assert!(sensor.findings().is_empty(), "a mirror as it should be");
        sensor.mirror(2, &[TapReport { one_way: 30, twice: 500, ..tap(2) }]);
        sensor.mirror(3, &[TapReport { one_way: 20, twice: 100, ..tap(2) }]);
        let finding = sensor.only();
        assert_eq!((finding.measures["one_way"], finding.measures["twice"], finding.count), (50, 50, 2));
        assert!(
            finding.summary.en.starts_with("On eth1 VLAN 2 connections are seen in one direction"),
            "{}",
            finding.summary.en
        );
        sensor.advance(3 + 3600);
        assert_eq!(sensor.only().status, spyhop_model::Status::Closed);
    }

    #[test]
    fn few_connections_say_nothing_until_they_are_many() {
        let mut sensor = Harness::empty();
        let few = TapReport { connections: 20, one_way: 20, packets: 100, ..tap(1) };
        sensor.mirror(1, std::slice::from_ref(&few));
        sensor.mirror(2, std::slice::from_ref(&few));
        assert!(sensor.findings().is_empty());
        sensor.mirror(3, &[few]);
        assert_eq!(sensor.only().measures["one_way"], 100);
    }

    #[test]
    fn connections_joined_midway_are_normal_at_first() {
        let mut sensor = Harness::empty();
        let joined = TapReport { midstream: 60, ..tap(1) };
        sensor.mirror(1, std::slice::from_ref(&joined));
        assert!(sensor.findings().is_empty());
        sensor.mirror(130, &[joined]);
        assert_eq!(sensor.only().measures["midstream"], 100);
    }

    #[test]
    fn a_vlan_that_goes_silent_is_missed_once_while_others_go_on() {
        let mut sensor = Harness::empty();
        sensor.mirror(1, &[tap(1), tap(2)]);
        for hour in 1..10 {
            sensor.mirror(hour * 3600, &[tap(1)]);
        }
        let missed: Vec<_> = sensor.findings().into_iter().filter(|f| f.rule.kind == "sensor.mirror").collect();
        assert_eq!(missed.len(), 1);
        assert!(missed[0].summary.en.contains("eth1 VLAN 2"), "{}", missed[0].summary.en);
    }
}
