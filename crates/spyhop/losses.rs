//! What each reason of loss means, for people.

use spyhop_model::Text;

use crate::pipeline::Losses;
use crate::pretty::Loss;

/// The losses that occurred, with their sentences.
pub fn told(losses: &Losses) -> Vec<Loss> {
    losses
        .iter()
        .filter(|(_, count)| **count > 0)
        .map(|(reason, count)| {
            let (unit, sentence) = meaning(reason);
            Loss { reason, count: *count, unit, sentence }
        })
        .collect()
}

const PACKETS: Text = Text { en: "packets", zh: "个数据包" };
const BYTES: Text = Text { en: "bytes", zh: "字节" };
const TIMES: Text = Text { en: "times", zh: "次" };

fn meaning(reason: &str) -> (Text, Text) {
    match reason {
        "kernel_dropped" => (
            PACKETS,
            Text {
                en: "the kernel's buffer was full; raise buffer_mib, filter, or give the sensor more cores",
                zh: "内核缓冲区已满；增大 buffer_mib、使用过滤表达式或增加 CPU",
            },
        ),
        "interface_dropped" => (
            PACKETS,
            Text {
                en: "the network card dropped them before the kernel saw them", zh: "网卡在内核接收之前丢弃"
            },
        ),
        "packets_cut" => (
            PACKETS,
            Text {
                en: "the capture kept only their front; raise its snapshot length",
                zh: "抓包只保留了前部；增大快照长度",
            },
        ),
        "packets_late" => (
            PACKETS,
            Text {
                en: "older than one already handled; they took its time",
                zh: "早于已处理的数据包，按后者的时间处理",
            },
        ),
        "records_skipped" => (
            PACKETS,
            Text { en: "their record in the capture file cannot be used", zh: "抓包文件中的记录无法使用" },
        ),
        "fragments_dropped" => {
            (PACKETS, Text { en: "IP fragments of which no datagram could be made", zh: "无法重组的 IP 分片" })
        }
        "nested_too_deep" => {
            (PACKETS, Text { en: "more layers of encapsulation than are followed", zh: "封装层数超过上限" })
        }
        "unknown_link_type" => (PACKETS, Text { en: "of a link type that is not read", zh: "链路类型不支持" }),
        "gap_bytes" => (
            BYTES,
            Text {
                en: "missing inside TCP streams: lost before the sensor saw them",
                zh: "TCP 流中缺失：在传感器看到之前已丢失",
            },
        ),
        "held_limit" => (
            TIMES,
            Text {
                en: "a hole was given up because too much waited behind it", zh: "等待数据过多而放弃缺口"
            },
        ),
        "connections_evicted" => (
            TIMES,
            Text {
                en: "a connection gave way at the limit of [streams]", zh: "连接数达到 [streams] 上限而被清除"
            },
        ),
        "credentials_over_limit" => (
            TIMES,
            Text {
                en: "a request carried more credentials than are kept", zh: "请求携带的凭据数量超过上限"
            },
        ),
        "bombs_cut" => {
            (TIMES, Text { en: "a body decompressed beyond the limits of [http]", zh: "正文解压超过 [http] 上限" })
        }
        "panics" => (
            TIMES,
            Text {
                en: "a fault of this program cost a connection; please report it",
                zh: "程序缺陷导致连接丢失；请报告",
            },
        ),
        "lost_to_panic" => (
            BYTES,
            Text {
                en: "belonged to connections that a fault of this program cost", zh: "属于因程序缺陷而丢失的连接"
            },
        ),
        "order_forced" => (
            TIMES,
            Text {
                en: "a call was handled before its place in the order was certain", zh: "在顺序确定之前处理了调用"
            },
        ),
        "cells_evicted" => (
            TIMES,
            Text {
                en: "a detector forgot an entity at the limit of [detect]",
                zh: "检测器因 [detect] 内存上限遗忘实体",
            },
        ),
        "past_findings_dropped" => (
            TIMES,
            Text {
                en: "a finding that was over found no room at the limit of [findings]",
                zh: "已结束的发现因 [findings] 上限未保留",
            },
        ),
        "findings_refused" => (
            TIMES,
            Text { en: "a finding was refused at the limit of [findings]", zh: "发现因 [findings] 上限被拒" },
        ),
        "endpoints_overflowed" => (
            TIMES,
            Text {
                en: "a call was counted under {overflow} at the limit of [endpoints]",
                zh: "调用因 [endpoints] 上限归入 {overflow}",
            },
        ),
        "exchanges_unpublished" | "findings_unpublished" => {
            (Text { en: "records", zh: "条记录" }, Text { en: "were not written or published", zh: "未能写出或发布" })
        }
        _ => (TIMES, Text { en: "a limit of [http] was reached", zh: "达到 [http] 上限" }),
    }
}
