//! Bodies to observations, as an exchange's inspection reads them: `cargo bench -p spyhop-inspect`. Throughput is of
//! the body's bytes in a second of processor time where Linux tells it, so that what else runs on the machine says little.
//! Bodies are made from a seed.

use std::fmt::Write;
use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use spyhop_inspect::content::{BodyScan, Content, Recogniser, Seen, Source};
use spyhop_model::{Half, Key, Timestamp};
use spyhop_testkit::Rng;

const AT: Timestamp = Timestamp(1_795_400_000_000_000_000);
/// Octets that arrive at once: what a reassembled segment run or an inflated block is.
const ARRIVES: usize = 16 << 10;

/// Bodies of one kind.
struct Case {
    name: &'static str,
    content_type: &'static str,
    bodies: Vec<Vec<u8>>,
}

impl Case {
    fn new(name: &'static str, content_type: &'static str, bodies: Vec<String>) -> Case {
        Case { name, content_type, bodies: bodies.into_iter().map(String::into_bytes).collect() }
    }
}

fn read(recogniser: &mut Recogniser, content_type: &str, body: &[u8]) -> Seen {
    let mut content = Content::new(Half::Response, AT);
    let mut scan = BodyScan::begin(Some(content_type));
    let mut sink = content.sink(recogniser, Source::Body);
    for part in body.chunks(ARRIVES) {
        scan.feed(part, &mut sink);
    }
    scan.finish(&mut sink);
    content.finish(recogniser)
}

const WORDS: [&str; 24] = [
    "steel",
    "garden",
    "lamp",
    "folding",
    "chair",
    "cotton",
    "shirt",
    "wireless",
    "mouse",
    "ceramic",
    "mug",
    "travel",
    "backpack",
    "running",
    "shoes",
    "desk",
    "organizer",
    "kitchen",
    "knife",
    "set",
    "LED",
    "strip",
    "yoga",
    "mat",
];

fn words(rng: &mut Rng, count: u64) -> String {
    (0..count).map(|_| *rng.pick(&WORDS)).collect::<Vec<_>>().join(" ")
}

/// A list of products and orders of some 7 kB: identifiers, names, times, links, states, numbers.
fn api(rng: &mut Rng) -> String {
    let mut out = String::from("{\"code\":0,\"message\":\"success\",\"requestId\":\"req-");
    let _ = write!(
        out,
        "{:06}\",\"data\":{{\"total\":{},\"pageNum\":1,\"pageSize\":20,\"list\":[",
        rng.below(999_999),
        rng.below(9_999)
    );
    for n in 0..20 {
        let name = words(rng, 3);
        let _ = write!(
            out,
            "{}{{\"id\":{},\"productName\":\"{name}\",\"sku\":\"SKU-{}\",\"category\":\"{}\",\"price\":{}.{:02},\"stock\":{},\
             \"status\":\"{}\",\"isActive\":{},\"createdAt\":\"2026-{:02}-{:02}T{:02}:15:00Z\",\"imageUrl\":\"/static/img/{}/{}.png\",\
             \"tags\":[\"{}\",\"{}\"],\"rating\":{}.{},\"description\":\"{}\",\"dimensions\":{{\"width\":{},\"height\":{},\"unit\":\"cm\"}},\"parentId\":null}}",
            if n > 0 { "," } else { "" },
            rng.below(1_000_000),
            rng.below(9_999),
            rng.pick(&WORDS),
            rng.below(999),
            rng.below(100),
            rng.below(1000),
            rng.pick(&["ON_SALE", "OFFLINE", "PENDING"]),
            rng.below(2) == 0,
            1 + rng.below(12),
            1 + rng.below(28),
            rng.below(24),
            rng.below(99),
            rng.below(9_999),
            rng.pick(&WORDS),
            rng.pick(&WORDS),
            rng.below(5),
            rng.below(10),
            words(rng, 9),
            rng.below(200),
            rng.below(200),
        );
    }
    out.push_str("]}}");
    out
}

/// The same kind of list, of people.
fn people(rng: &mut Rng) -> String {
    let mut out = String::from("{\"code\":0,\"message\":\"success\",\"data\":{\"total\":20,\"list\":[");
    for n in 0..20 {
        let _ = write!(
            out,
            "{}{{\"id\":{},\"userName\":\"{}\",\"mobile\":\"139{:08}\",\"email\":\"user{}@example.cn\",\"status\":\"ACTIVE\",\
             \"level\":{},\"createdAt\":\"2026-03-{:02}T10:15:00Z\",\"avatar\":\"/static/avatar/{}.png\",\"remark\":\"{}\",\
             \"orders\":{},\"points\":{},\"balance\":{}.5,\"lastLogin\":\"2026-04-{:02} 11:00:00\",\"channel\":\"app\"}}",
            if n > 0 { "," } else { "" },
            rng.below(1_000_000),
            rng.pick(&["张伟", "王小明", "李娜", "赵敏"]),
            rng.below(99_999_999),
            rng.below(99_999),
            rng.below(9),
            1 + rng.below(28),
            rng.below(9_999),
            words(rng, 9),
            rng.below(90),
            rng.below(9_000),
            rng.below(9_000),
            1 + rng.below(28),
        );
    }
    out.push_str("]}}");
    out
}

fn page(rng: &mut Rng) -> String {
    let mut out = String::from("<!DOCTYPE html><html><head><meta charset=\"utf-8\"><title>Shop</title></head><body>");
    for n in 0..120 {
        let _ = writeln!(
            out,
            "<div class=\"card item-{n}\" data-id=\"{n}\"><a href=\"/products/{}\" title=\"{}\"><img src=\"/i/{n}.png\" alt=\"\"></a>\
             <p class=\"text\">{}</p><span>{}.{:02}</span></div>",
            rng.below(9_999),
            words(rng, 2),
            words(rng, 14),
            rng.below(999),
            rng.below(100),
        );
    }
    out.push_str("</body></html>");
    out
}

fn script(rng: &mut Rng) -> String {
    let mut out = String::new();
    for n in 0..1500 {
        let (a, b, c) = (rng.below(26) as u8 + b'a', rng.below(26) as u8 + b'a', rng.pick(&WORDS));
        let (a, b) = (a as char, b as char);
        let _ = write!(
            out,
            "function {a}{n}(e,t){{var n=e.{c},r=t[{n}]||{{}};return n&&r.{b}!==void 0?{a}(n,{{key:\"{c}\",x:{n}}}):!1}}",
        );
    }
    out
}

fn cases() -> Vec<Case> {
    let mut rng = Rng::new(7);
    let rng = &mut rng;
    let many = |count: usize, make: &mut dyn FnMut() -> String| (0..count).map(|_| make()).collect::<Vec<_>>();
    let clean = many(40, &mut || api(rng));
    let mut mixed = many(36, &mut || api(rng));
    for n in 0..4 {
        mixed.insert(n * 9, people(rng));
    }
    let sensitive = many(10, &mut || people(rng));
    let binary: Vec<u8> = (0..256 << 10).map(|_| rng.below(256) as u8).collect();
    let hanzi = "本次会议讨论了系统升级方案并明确各部门职责分工，后续将按照既定计划推进实施工作。";
    let alphabet: Vec<char> = ('a'..='z').chain('A'..='Z').chain('0'..='9').chain(['+', '/']).collect();
    let base64: String = (0..128 << 10).map(|_| *rng.pick(&alphabet)).collect();
    let digits: String = (0..128 << 10).map(|_| char::from(b'0' + rng.below(10) as u8)).collect();
    let numbers: String = (0..8 << 10).map(|_| format!("{},", 13_000_000_000 + rng.below(6_999_999_999))).collect();
    let dense: String =
        (0..2_000).map(|_| format!("139{:08} a{}@b.cn ", rng.below(99_999_999), rng.below(999))).collect();
    let secrets: String = (0..4_000).map(|n| format!("{{\"secret\":\"s3cr-{n}\"}},")).collect();
    let passwords: String = (0..4_000).map(|n| format!("\"password\":\"Pa5s{n}\",")).collect();
    let chinese: String = (0..1_500)
        .map(|_| {
            let (name, mobile, house) =
                (rng.pick(&["张伟", "李娜", "欧阳明月"]), rng.below(99_999_999), rng.below(999));
            format!("姓名：{name}，手机：139{mobile:08}，地址：浙江省杭州市西湖区文三路{house}号；")
        })
        .collect();
    let stars = "1** ".repeat(32 << 10);
    let signs = "a:1@=".repeat(26 << 10);
    let mut csv = String::from("id,name,mobile,city,amount\n");
    for n in 0..3_000 {
        let _ = writeln!(
            csv,
            "{n},{},139{:08},Hangzhou,{}.5",
            rng.pick(&["张伟", "李娜"]),
            rng.below(99_999_999),
            rng.below(9_999)
        );
    }
    let mut table = String::from("id,sku,state,city,amount\n");
    for n in 0..4_000 {
        let _ = writeln!(table, "{n},{},open,Hangzhou,{}.5", rng.pick(&WORDS), rng.below(9_999));
    }
    let json = "application/json";
    vec![
        Case::new("api_clean", json, clean),
        Case::new("api_tenth_sensitive", json, mixed),
        Case::new("api_sensitive", json, sensitive),
        Case::new("html", "text/html", vec![page(rng)]),
        Case::new("javascript", "application/javascript", vec![script(rng)]),
        Case { name: "binary", content_type: "application/octet-stream", bodies: vec![binary] },
        Case::new("chinese_text", "text/plain; charset=utf-8", vec![hanzi.repeat(1_500)]),
        Case::new("chinese_json", json, vec![format!("[{}0]", format!("{{\"title\":\"{hanzi}\"}},").repeat(1_000))]),
        Case::new("csv_clean", "text/csv", vec![table]),
        Case::new("worst_csv", "text/csv", vec![csv]),
        Case::new("worst_digits", "text/plain", vec![digits]),
        Case::new("worst_numbers_json", json, vec![format!("[{numbers}0]")]),
        Case::new("worst_dense", "text/plain", vec![dense]),
        Case::new("worst_secret", json, vec![format!("[{secrets}0]")]),
        Case::new("worst_password", json, vec![format!("{{{passwords}\"x\":0}}")]),
        Case::new("worst_base64", json, vec![format!("{{\"data\":\"{base64}\"}}")]),
        Case::new("worst_stars", "text/plain", vec![stars]),
        Case::new("worst_signs", "text/plain", vec![signs]),
        Case::new("worst_chinese", "text/plain; charset=utf-8", vec![chinese]),
    ]
}

/// Time of the processor that this thread had.
struct Processor;

/// Nanoseconds since the thread began to run (`proc_pid_schedstat(5)`), else of the clock.
fn now() -> Duration {
    static BEGAN: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let ran = stat.as_deref().and_then(|stat| stat.split(' ').next()?.parse().ok()).map(Duration::from_nanos);
    ran.unwrap_or_else(|| BEGAN.get_or_init(Instant::now).elapsed())
}

impl Measurement for Processor {
    type Intermediate = Duration;
    type Value = Duration;

    fn start(&self) -> Duration {
        now()
    }
    fn end(&self, began: Duration) -> Duration {
        now().saturating_sub(began)
    }
    fn add(&self, a: &Duration, b: &Duration) -> Duration {
        *a + *b
    }
    fn zero(&self) -> Duration {
        Duration::ZERO
    }
    fn to_f64(&self, value: &Duration) -> f64 {
        WallTime.to_f64(value)
    }
    fn formatter(&self) -> &dyn ValueFormatter {
        WallTime.formatter()
    }
}

fn inspect(c: &mut Criterion<Processor>) {
    let mut group = c.benchmark_group("inspect");
    group.sample_size(20).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_millis(1500));
    for case in cases() {
        let mut recogniser = Recogniser::new(Key::new([3; 32]));
        group.throughput(Throughput::Bytes(case.bodies.iter().map(|body| body.len() as u64).sum()));
        group.bench_function(case.name, |b| {
            b.iter(|| {
                for body in &case.bodies {
                    black_box(read(&mut recogniser, case.content_type, black_box(body)));
                }
            })
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().with_measurement(Processor);
    targets = inspect
}
criterion_main!(benches);
