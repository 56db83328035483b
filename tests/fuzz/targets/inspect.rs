//! Contents: the walkers alone, and whole inspections of answers of any type and charset.
//!
//! Holds: cutting the input anywhere gives the same leaves and the same text; an answer that is inspected as it passes in
//! small pieces, cut anywhere, says the same as one that comes at once; memory stays bounded.

#![no_main]

use std::sync::{Arc, OnceLock};

use libfuzzer_sys::fuzz_target;
use spyhop_fuzz::exchanges::{Cut, Op, play_to, read};
use spyhop_fuzz::{Input, memory};
use spyhop_http::Limits;
use spyhop_inspect::walk::{Leaf, LeafSink, SNIFFED, Structure, Walker, sniff};
use spyhop_inspect::{ExchangeInspection, Inspector, Knowledge};
use spyhop_model::{Key, Side};

const TYPES: [&str; 20] = [
    "application/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=b",
    "application/protobuf",
    "text/plain",
    "text/html; charset=gbk",
    "application/json; charset=utf-16le",
    "text/plain; charset=big5",
    "text/csv; charset=iso-8859-1",
    "application/javascript",
    "application/grpc",
    "text/event-stream",
    "application/xml",
    "text/html",
    "",
    "image/png",
    "text/tab-separated-values",
    "application/zip",
    "application/pdf",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
];

fuzz_target!(|data: &[u8]| {
    // Compiled once.
    knowledge();
    let ((), peak) = memory::peak(|| {
        let mut input = Input::new(data);
        let options = input.byte();
        match options & 1 {
            0 => walk(options >> 1, &mut input),
            _ => answer(&mut input),
        }
    });
    assert!(peak <= (24 << 20) + 2000 * data.len(), "{peak} octets allocated");
});

fn knowledge() -> &'static Arc<Knowledge> {
    static KNOWLEDGE: OnceLock<Arc<Knowledge>> = OnceLock::new();
    KNOWLEDGE.get_or_init(|| Arc::new(Knowledge::new(Key::new([7; 32]), false)))
}

/// Leaves as text, and the text that passes.
#[derive(Debug, Default, PartialEq, Eq)]
struct Lines {
    leaves: Vec<String>,
    passed: Vec<u8>,
}

impl LeafSink for Lines {
    fn leaf(&mut self, leaf: &Leaf<'_>) {
        self.leaves.push(format!("{leaf:?}"));
    }
    fn bytes(&mut self, bytes: &[u8]) {
        self.passed.extend_from_slice(bytes);
    }
    fn bytes_end(&mut self) {
        self.passed.extend_from_slice(b"\0end\0");
    }
}

fn walk(options: u8, input: &mut Input<'_>) {
    let cut = Cut::of(input.byte());
    let kind = options & 15;
    let media = if kind > 10 { usize::from(input.byte()) % TYPES.len() } else { 0 };
    let ops = read(input);
    let first = ops.iter().find_map(|op| if let Op::Data(_, bytes) = op { Some(bytes.as_slice()) } else { None });
    let structure = match kind {
        0 => Structure::Json,
        1 => Structure::Form,
        2 => Structure::Multipart("b".into()),
        3 => Structure::Protobuf,
        4 => Structure::Text,
        5 => Structure::Xml,
        6 => Structure::Csv(b','),
        7 => Structure::Html,
        8 => Structure::Zip,
        9 => Structure::Pdf,
        10 => Structure::Csv(b'\t'),
        _ => sniff(Some(TYPES[media]), first.unwrap_or_default()),
    };
    assert_eq!(leaves(&structure, &ops, Cut::Whole), leaves(&structure, &ops, cut), "{structure:?} {cut:?}");
}

fn leaves(structure: &Structure, ops: &[Op], mut cut: Cut) -> Lines {
    let mut walker = Walker::new(structure.clone());
    let mut lines = Lines::default();
    for op in ops {
        match op {
            Op::Data(_, bytes) => {
                let mut rest = bytes.as_slice();
                while !rest.is_empty() {
                    let (some, behind) = rest.split_at(cut.next(rest.len()));
                    walker.feed(some, &mut lines);
                    rest = behind;
                }
            }
            Op::Gap(..) => walker.gap(&mut lines),
            Op::Finished(_) | Op::Conflict => {}
        }
    }
    walker.finish(&mut lines);
    lines
}

fn answer(input: &mut Input<'_>) {
    let (kind, cut) = (input.byte(), Cut::of(input.byte()));
    let content_type = TYPES[usize::from(kind) % TYPES.len()];
    let body = input.rest();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\r\n", body.len());
    let ask = "POST /login?user=alice&phone=13812345678 HTTP/1.1\r\nHost: a.example\r\nContent-Length: 0\r\n\r\n";
    let ops = [
        Op::Data(Side::Originator, ask.into()),
        Op::Data(Side::Responder, [head.as_bytes(), body].concat()),
        Op::Finished(Side::Responder),
    ];
    let told = |limits, cut| {
        let inspector = Inspector::new(Arc::clone(knowledge()));
        let (inspector, _) = play_to::<ExchangeInspection>(limits, inspector, &ops, cut);
        format!("{:?}", inspector.sightings)
    };
    let whole = told(Limits::default(), Cut::Whole);
    // The first piece is as long as what the structure is told by.
    let passing = Limits { small_body: SNIFFED, ..Limits::default() };
    assert_eq!(whole, told(passing, cut), "{content_type} {cut:?}");
}
