//! What each reason of loss means, and what it may have hidden.

use spyhop_model::Text;

/// A reason of loss, for people.
#[derive(Clone, Copy, Debug)]
pub struct Meaning {
    /// Of what it is a number.
    pub unit: Text,
    /// What it means and what to do.
    pub cause: Text,
    /// What may have gone unseen.
    pub hidden: Text,
}

const PACKETS: Text = Text { en: "packets", zh: "个数据包" };
const BYTES: Text = Text { en: "bytes", zh: "字节" };
const TIMES: Text = Text { en: "times", zh: "次" };
const RECORDS: Text = Text { en: "records", zh: "条记录" };

/// What a reason means.
pub fn meaning(reason: &str) -> Meaning {
    let (unit, cause, hidden) = match reason {
        "kernel_dropped" => (
            PACKETS,
            Text {
                en: "the kernel's buffer was full; raise buffer_mib, filter, or give the sensor more cores",
                zh: "内核缓冲区已满；增大 buffer_mib、使用过滤表达式或增加 CPU",
            },
            Text {
                en: "any connection may miss a part: exchanges cut off, answers without requests",
                zh: "任何连接都可能缺失片段：请求响应被截断或不成对",
            },
        ),
        "interface_dropped" => (
            PACKETS,
            Text {
                en: "the network card dropped them before the kernel saw them", zh: "网卡在内核接收之前丢弃"
            },
            Text {
                en: "any connection may miss a part: exchanges cut off, answers without requests",
                zh: "任何连接都可能缺失片段：请求响应被截断或不成对",
            },
        ),
        "interface_away" => (
            TIMES,
            Text {
                en: "an interface went down or away; the sensor reads it again as soon as it is back",
                zh: "接口关闭或消失；恢复后传感器会立即继续读取",
            },
            Text { en: "everything that passed meanwhile", zh: "其间经过的全部流量" },
        ),
        "bodies_shed" => (
            TIMES,
            Text {
                en: "bodies were not inspected since the machine could not keep up; give the sensor more cores, or filter",
                zh: "机器处理不及，部分正文未检查；请增加 CPU 或使用过滤表达式",
            },
            Text {
                en: "sensitive data in these bodies; heads and logins were read",
                zh: "这些正文中的敏感数据；头部与登录仍已读取",
            },
        ),
        "segments_shed" => (
            PACKETS,
            Text {
                en: "every second connection was not followed since the machine could not keep up; give the sensor more cores, or filter",
                zh: "机器处理不及，一半连接未跟踪；请增加 CPU 或使用过滤表达式",
            },
            Text { en: "all exchanges of these connections", zh: "这些连接中的全部请求与响应" },
        ),
        "payload_shed" => (
            BYTES,
            Text { en: "what these packets carried", zh: "上述数据包的载荷" },
            Text { en: "all exchanges of these connections", zh: "这些连接中的全部请求与响应" },
        ),
        "packets_unkept" => (
            PACKETS,
            Text {
                en: "the disk was too slow or too full to keep raw packets (--write); they were analysed all the same",
                zh: "磁盘过慢或已满，原始数据包未能留存（--write）；分析不受影响",
            },
            Text {
                en: "nothing in the findings; they are missing in the files", zh: "不影响发现；仅文件中缺失"
            },
        ),
        "packets_cut" => (
            PACKETS,
            Text {
                en: "the capture kept only their front; raise its snapshot length",
                zh: "抓包只保留了前部；增大快照长度",
            },
            Text { en: "values and credentials behind the cut", zh: "截断之后的敏感数据与凭据" },
        ),
        "dropped_by_writer" => (
            PACKETS,
            Text {
                en: "whoever wrote the capture says that they were dropped", zh: "抓包文件的写入者记录了丢包"
            },
            Text {
                en: "any connection may miss a part: exchanges cut off, answers without requests",
                zh: "任何连接都可能缺失片段：请求响应被截断或不成对",
            },
        ),
        "packets_late" => (
            PACKETS,
            Text {
                en: "older than one already handled; they took its time",
                zh: "早于已处理的数据包，按后者的时间处理",
            },
            Text {
                en: "nothing; times of some exchanges are later than they were", zh: "无；部分请求响应的时间偏晚"
            },
        ),
        "records_skipped" => (
            PACKETS,
            Text { en: "their record in the capture file cannot be used", zh: "抓包文件中的记录无法使用" },
            Text { en: "the exchanges those packets belonged to", zh: "这些数据包所属的请求响应" },
        ),
        "fragments_dropped" => (
            PACKETS,
            Text { en: "IP fragments of which no datagram could be made", zh: "无法重组的 IP 分片" },
            Text {
                en: "what the datagrams carried, a whole tunnel's packets where it fragments",
                zh: "这些数据报的内容；若隧道分片，则为隧道内的数据包",
            },
        ),
        "nested_too_deep" => (
            PACKETS,
            Text { en: "more layers of encapsulation than are followed", zh: "封装层数超过上限" },
            Text { en: "every connection inside those layers", zh: "这些封装内的所有连接" },
        ),
        "unknown_link_type" => (
            PACKETS,
            Text { en: "of a link type that is not read", zh: "链路类型不支持" },
            Text { en: "everything on those interfaces", zh: "这些接口上的全部流量" },
        ),
        "gap_bytes" => (
            BYTES,
            Text {
                en: "missing inside TCP streams: lost before the sensor saw them",
                zh: "TCP 流中缺失：在传感器看到之前已丢失",
            },
            Text {
                en: "values, credentials and whole exchanges inside the holes; counts are lower bounds",
                zh: "缺口内的敏感数据、凭据乃至整个请求响应；计数为下限",
            },
        ),
        "held_limit" => (
            TIMES,
            Text {
                en: "a hole was given up because too much waited behind it", zh: "等待数据过多而放弃缺口"
            },
            Text { en: "what stood in those holes, as with gap_bytes", zh: "缺口中的内容，同 gap_bytes" },
        ),
        "connections_evicted" => (
            TIMES,
            Text {
                en: "a connection gave way at the limit of [streams]", zh: "连接数达到 [streams] 上限而被清除"
            },
            Text {
                en: "the rest of those connections' current exchanges", zh: "这些连接当前请求响应的剩余部分"
            },
        ),
        "credentials_over_limit" => (
            TIMES,
            Text {
                en: "a request carried more credentials than are kept", zh: "请求携带的凭据数量超过上限"
            },
            Text { en: "further credentials of those requests", zh: "这些请求中的其余凭据" },
        ),
        "values_over_limit" => (
            TIMES,
            Text {
                en: "a value was counted but its fingerprint not kept: there were too many in one body",
                zh: "单个正文中的值过多，已计数但未保留其指纹",
            },
            Text {
                en: "which subjects those values belong to, when a leak is traced", zh: "溯源时这些值所属的主体"
            },
        ),
        "requests_passed_over" => (
            TIMES,
            Text {
                en: "a request of HTTP/2 was reset at once, one of very many (rapid reset); they are counted, not reported",
                zh: "HTTP/2 请求发出后立即被重置（rapid reset 攻击），数量极多，仅计数不上报",
            },
            Text { en: "nothing that was answered", zh: "无（这些请求均未获响应）" },
        ),
        "exchanges_over_limit" => (
            TIMES,
            Text {
                en: "an exchange was reported before its end: too many were open at the limit of [http]",
                zh: "同时进行的请求响应达到 [http] 上限，提前上报",
            },
            Text { en: "the rest of those exchanges", zh: "这些请求响应的剩余部分" },
        ),
        "chunk_extensions_over_limit" => (
            TIMES,
            Text {
                en: "a chunked body had more of chunk extensions and trailer fields than [http] allows: an attack on its receiver",
                zh: "分块正文的块扩展与尾部字段超过 [http] 上限：疑似对接收方的攻击",
            },
            Text { en: "nothing of the content", zh: "无（正文内容未受影响）" },
        ),
        "parts_over_limit" => (
            TIMES,
            Text {
                en: "a part beyond the first 1,000 of one multipart body: an attack on its receiver",
                zh: "单个 multipart 正文中第 1000 个之后的部分：疑似对接收方的攻击",
            },
            Text { en: "nothing: every part is read", zh: "无（所有部分均已检查）" },
        ),
        "parts_nested" => (
            TIMES,
            Text {
                en: "a part of a multipart body is multipart itself and was read as text",
                zh: "multipart 正文的某个部分本身又是 multipart，按文本检查",
            },
            Text {
                en: "the names of the fields within those parts, and what only a name gives away",
                zh: "这些部分内的字段名，以及仅凭字段名才能识别的内容",
            },
        ),
        "bombs_cut" => (
            TIMES,
            Text { en: "a body decompressed beyond the limits of [http]", zh: "正文解压超过 [http] 上限" },
            Text { en: "values behind the cut in those bodies", zh: "这些正文截断之后的敏感数据" },
        ),
        "panics" => (
            TIMES,
            Text {
                en: "a fault of this program cost a connection; please report it",
                zh: "程序缺陷导致连接丢失；请报告",
            },
            Text {
                en: "all of the connections concerned from there on", zh: "相关连接自该处起的全部内容"
            },
        ),
        "lost_to_panic" => (
            BYTES,
            Text {
                en: "belonged to connections that a fault of this program cost", zh: "属于因程序缺陷而丢失的连接"
            },
            Text {
                en: "all of the connections concerned from there on", zh: "相关连接自该处起的全部内容"
            },
        ),
        "order_forced" => (
            TIMES,
            Text {
                en: "a call was handled before its place in the order was certain", zh: "在顺序确定之前处理了调用"
            },
            Text {
                en: "patterns over time between calls at the same moment", zh: "同一时刻各调用之间的时序特征"
            },
        ),
        "cells_evicted" => (
            TIMES,
            Text {
                en: "a detector forgot an entity at the limit of [detect]",
                zh: "检测器因 [detect] 内存上限遗忘实体",
            },
            Text {
                en: "slow patterns of those entities: counting began anew",
                zh: "这些实体的缓慢行为特征：重新开始计数",
            },
        ),
        "past_findings_dropped" => (
            TIMES,
            Text {
                en: "a finding that was over found no room at the limit of [findings]",
                zh: "已结束的发现因 [findings] 上限未保留",
            },
            Text { en: "those findings themselves; their number is this", zh: "即这些发现本身，数量如此" },
        ),
        "findings_refused" => (
            TIMES,
            Text { en: "a finding was refused at the limit of [findings]", zh: "发现因 [findings] 上限被拒" },
            Text { en: "those findings themselves; their number is this", zh: "即这些发现本身，数量如此" },
        ),
        "endpoints_overflowed" => (
            TIMES,
            Text {
                en: "a call was counted under {overflow} at the limit of [endpoints]",
                zh: "调用因 [endpoints] 上限归入 {overflow}",
            },
            Text { en: "which endpoint such findings are about", zh: "此类发现所属的具体接口" },
        ),
        "accounts_forgotten" => (
            TIMES,
            Text {
                en: "an account was forgotten at the limit of [accounts]", zh: "账号因 [accounts] 上限被遗忘"
            },
            Text { en: "whom calls of that account's sessions belong to", zh: "该账号会话中调用的归属" },
        ),
        "sessions_forgotten" => (
            TIMES,
            Text {
                en: "a session was forgotten at the limit of [sessions]", zh: "会话因 [sessions] 上限被遗忘"
            },
            Text { en: "whom later calls of it belong to", zh: "其后续调用的归属" },
        ),
        "devices_forgotten" | "addresses_forgotten" | "habits_forgotten" => (
            TIMES,
            Text {
                en: "what was learnt of a device, an address or an account's habits was forgotten at its limit",
                zh: "设备、地址或账号习惯的学习结果因上限被遗忘",
            },
            Text {
                en: "that a device or place was known: findings about such callers are surer or less sure than they could be",
                zh: "设备或地点是否曾经出现：相关发现的可信度可能偏高或偏低",
            },
        ),
        "logins_cut_short" => (
            TIMES,
            Text {
                en: "a login was judged before its steps were over: too many waited",
                zh: "同时等待的登录过多，未等后续步骤即作判断",
            },
            Text { en: "second factors and outcomes that showed later", zh: "之后才出现的第二因素与结果" },
        ),
        "endpoints_forgotten" => (
            TIMES,
            Text {
                en: "an old name of an endpoint was forgotten at the limit of [endpoints]",
                zh: "接口旧名称因 [endpoints] 上限被遗忘",
            },
            Text {
                en: "that findings under the old name are about the same endpoint",
                zh: "旧名称下的发现与同一接口的关联",
            },
        ),
        "inventory_forgotten" => (
            TIMES,
            Text {
                en: "a host or endpoint left the inventory at the limit of [endpoints]",
                zh: "主机或接口因 [endpoints] 上限移出清单",
            },
            Text { en: "what `spyhop inventory` said of it", zh: "`spyhop inventory` 中的相应记录" },
        ),
        "tunnels_over_limit" => (
            TIMES,
            Text { en: "a tunnel within tunnels was not followed", zh: "多层嵌套的隧道未继续解析" },
            Text { en: "exchanges inside such tunnels", zh: "该隧道内的交互" },
        ),
        "entries_encrypted" | "entries_over_limit" | "entries_cut" => (
            TIMES,
            Text {
                en: "a file in an archive was not read: encrypted, beyond the limits, or broken",
                zh: "压缩包内的文件未读取：已加密、超出上限或损坏",
            },
            Text { en: "values in those files", zh: "这些文件中的敏感数据" },
        ),
        "cells_over_limit" => (
            TIMES,
            Text {
                en: "a cell of a workbook was read without its column's name", zh: "工作簿单元格未关联列名"
            },
            Text { en: "values that only the column's name would have told", zh: "仅凭列名才能识别的值" },
        ),
        "streams_unread" => (
            TIMES,
            Text { en: "a part of a PDF was not read", zh: "PDF 的部分内容未读取" },
            Text { en: "values in it", zh: "其中的敏感数据" },
        ),
        "documents_over_limit" => (
            TIMES,
            Text {
                en: "an archive, workbook or PDF was read as plain bytes: too many were open at once",
                zh: "同时打开的压缩包、工作簿或 PDF 过多，按普通字节读取",
            },
            Text { en: "values in it", zh: "其中的敏感数据" },
        ),
        "fields_forgotten" => (
            TIMES,
            Text {
                en: "a field of an endpoint was forgotten at the limit of [fields]",
                zh: "接口字段因 [fields] 上限被遗忘",
            },
            Text {
                en: "candidates that only their field's history would have confirmed",
                zh: "仅能由字段历史确认的候选值",
            },
        ),
        "exchanges_unpublished" | "findings_unpublished" => (
            RECORDS,
            Text { en: "were not written or published", zh: "未能写出或发布" },
            Text {
                en: "nothing here, but consumers do not have these records",
                zh: "本机无影响，但消费方缺少这些记录",
            },
        ),
        "exchanges_unrecorded" | "findings_unrecorded" => (
            RECORDS,
            Text {
                en: "were not recorded in the ledger: the disk took none", zh: "未能写入台账：磁盘无法写入"
            },
            Text {
                en: "nothing here, but a trace will not find these records",
                zh: "本机无影响，但溯源时查不到这些记录",
            },
        ),
        "header_bytes_over_limit" => (
            BYTES,
            Text { en: "of heads that are longer than [http] allows", zh: "消息头超过 [http] 允许的长度" },
            Text { en: "what such a head says at its end", zh: "此类消息头末尾的内容" },
        ),
        "header_bytes_unheld" => (
            BYTES,
            Text {
                en: "of heads for which no memory was left; raise `inspection` or `total` in [memory]",
                zh: "消息头无可用内存；增大 [memory] 的 inspection 或 total",
            },
            Text { en: "what these heads say at their end", zh: "这些消息头末尾的内容" },
        ),
        "continuation_floods" => (
            TIMES,
            Text {
                en: "a header block came in more CONTINUATION frames than [http] allows: an attack on its receiver",
                zh: "消息头的 CONTINUATION 帧数超过 [http] 上限：疑似对接收方的攻击",
            },
            Text { en: "what such a head says at its end", zh: "此类消息头末尾的内容" },
        ),
        _ => (
            TIMES,
            Text { en: "a limit of [http] was reached", zh: "达到 [http] 上限" },
            Text { en: "what was over the limit", zh: "超出上限的部分" },
        ),
    };
    Meaning { unit, cause, hidden }
}
