//! Each stage by itself, and the whole, over fixed traffic: `cargo bench`. Figures and method stand in `README.md` beside this file.

use std::hint::black_box;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use spyhop::cli::{Cli, Command};
use spyhop::session::{self, Mode, Session};
use spyhop::settings::Config;
use spyhop_capture::{Next, Replay, ReplayOptions, Source};
use spyhop_http::{Exchange, Half, Inspection, RequestHead, ResponseHead, Shared};
use spyhop_inspect::{ExchangeInspection, Inspector, Knowledge};
use spyhop_model::{Connection, Key, Lang, Side, Timestamp};
use spyhop_stream::{Batch, DecodeLimits, Decoder, End, LinkType, Oddity, Packet, StreamReader, Streams};
use spyhop_testkit::load::Profile;

/// Octets of a capture: large against caches, small against patience.
const OCTETS: u64 = 16_000_000;

struct Traffic {
    name: &'static str,
    file: tempfile::NamedTempFile,
    packets: Vec<(Timestamp, LinkType, Vec<u8>)>,
    bytes: u64,
}

fn traffic() -> Vec<Traffic> {
    let profiles = [("api-mix", Profile::ApiMix), ("small", Profile::Small), ("download", Profile::Download)];
    profiles.into_iter().map(|(name, profile)| capture(name, profile)).collect()
}

fn capture(name: &'static str, profile: Profile) -> Traffic {
    let mut file = tempfile::NamedTempFile::with_suffix(".pcap").expect("a file");
    let mut out = std::io::BufWriter::new(&mut file);
    profile.write(1, OCTETS, &mut out).expect("a capture");
    out.flush().expect("written");
    drop(out);
    let mut source = open(&file);
    let mut packets = Vec::new();
    while let Next::Packet(packet) = source.next() {
        packets.push((packet.at, packet.link, packet.data.to_vec()));
    }
    let bytes = packets.iter().map(|(_, _, data)| data.len() as u64).sum();
    Traffic { name, file, packets, bytes }
}

fn open(file: &tempfile::NamedTempFile) -> Source {
    let replay = Replay::open(&[file.path().to_owned()], ReplayOptions::default()).expect("a capture");
    Source::Replay(Box::new(replay))
}

impl Traffic {
    fn packets(&self) -> impl Iterator<Item = Packet<'_>> {
        self.packets.iter().map(|(at, link, data)| Packet {
            at: *at,
            link: *link,
            data,
            wire_len: data.len() as u32,
            interface: 0,
        })
    }

    fn batch(&self) -> Batch {
        let mut decoder = Decoder::new(DecodeLimits::default());
        let mut batch = Batch::default();
        for packet in self.packets() {
            if let Ok(decoded) = decoder.decode(&packet) {
                batch.push(&decoded.segment());
            }
        }
        batch
    }
}

/// Takes bytes and does nothing with them.
struct Nothing;

impl StreamReader for Nothing {
    type Context = u64;
    fn open(_cx: &mut u64, _connection: &Connection) -> Self {
        Nothing
    }
    fn data(&mut self, cx: &mut u64, _at: Timestamp, _side: Side, bytes: &[u8]) {
        *cx += bytes.len() as u64;
    }
    fn gap(&mut self, _cx: &mut u64, _at: Timestamp, _side: Side, _lost: u64) {}
    fn oddity(&mut self, _cx: &mut u64, _at: Timestamp, _side: Side, _what: Oddity) {}
    fn finished(&mut self, _cx: &mut u64, _at: Timestamp, _side: Side) {}
    fn end(self, _cx: &mut u64, _at: Timestamp, _why: End) {}
}

/// Exchanges that nobody looks into.
impl Inspection for Nothing {
    type Context = u64;
    fn begin(_cx: &mut u64, _connection: &Connection, _at: Timestamp) -> Self {
        Nothing
    }
    fn request(&mut self, _cx: &mut u64, _head: &RequestHead<'_>) {}
    fn response(&mut self, _cx: &mut u64, _head: &ResponseHead<'_>) {}
    fn body(&mut self, cx: &mut u64, _half: Half, bytes: &[u8], _last: bool) {
        *cx += bytes.len() as u64;
    }
    fn end(self, _cx: &mut u64, _exchange: &Exchange) {}
}

struct Http<I: Inspection>(spyhop_http::Connection<I>);

impl<I: Inspection> StreamReader for Http<I> {
    type Context = Shared<I>;
    fn open(cx: &mut Shared<I>, connection: &Connection) -> Self {
        Http(spyhop_http::Connection::open(cx, connection))
    }
    fn data(&mut self, cx: &mut Shared<I>, at: Timestamp, side: Side, bytes: &[u8]) {
        self.0.data(cx, at, side, bytes);
    }
    fn gap(&mut self, cx: &mut Shared<I>, at: Timestamp, side: Side, lost: u64) {
        self.0.gap(cx, at, side, lost);
    }
    fn oddity(&mut self, _cx: &mut Shared<I>, _at: Timestamp, _side: Side, _what: Oddity) {}
    fn finished(&mut self, cx: &mut Shared<I>, at: Timestamp, side: Side) {
        self.0.finished(cx, at, side);
    }
    fn end(self, cx: &mut Shared<I>, at: Timestamp, _why: End) {
        self.0.end(cx, at);
    }
}

fn read<R: StreamReader>(batch: &Batch, cx: &mut R::Context) {
    let mut streams = Streams::<R>::new(spyhop_stream::Limits::default());
    let mut last = Timestamp::default();
    for segment in batch.iter() {
        last = segment.at;
        streams.segment(cx, &segment);
    }
    streams.finish(cx, last);
}

fn whole(file: &tempfile::NamedTempFile) {
    let cli = Cli::read(["spyhop", "replay", "-q", "--workers", "1", "-"]).expect("a command line");
    let Command::Replay(command) = cli.command else { return };
    let config = Config::load(None).expect("defaults");
    let mode = Mode { live: false, raw_fields: false, publish: false, updates: false };
    let style = session::style(&config, Lang::En, clap::ColorChoice::Never, false).expect("a style");
    let session = Session::prepare(&config, &command.setup, &command.outputs, mode, style).expect("a session");
    let finished = session.run(&mut open(file), &AtomicBool::new(false), &mut |_| {}).expect("a run");
    assert!(finished.failures.is_empty(), "{:?}", finished.failures);
    black_box(finished.findings);
}

fn stages(c: &mut Criterion) {
    let knowledge = Arc::new(Knowledge::new(Key::new([1; 32]), false));
    for traffic in traffic() {
        let mut group = c.benchmark_group(traffic.name);
        group.sample_size(10).throughput(Throughput::Bytes(traffic.bytes));
        group.bench_function("read", |b| {
            b.iter(|| {
                let mut source = open(&traffic.file);
                while let Next::Packet(packet) = source.next() {
                    black_box(packet);
                }
            });
        });
        group.bench_function("decode", |b| {
            b.iter(|| {
                let mut decoder = Decoder::new(DecodeLimits::default());
                for packet in traffic.packets() {
                    let _ = black_box(decoder.decode(&packet).is_ok());
                }
            });
        });
        let batch = traffic.batch();
        group.bench_function("reassembly", |b| b.iter(|| read::<Nothing>(&batch, &mut 0)));
        group.bench_function("http", |b| {
            b.iter(|| read::<Http<Nothing>>(&batch, &mut Shared::new(spyhop_http::Limits::default(), 0)));
        });
        group.bench_function("inspect", |b| {
            b.iter(|| {
                let inspector = Inspector::new(knowledge.clone());
                let mut shared = Shared::new(spyhop_http::Limits::default(), inspector);
                read::<Http<ExchangeInspection>>(&batch, &mut shared);
                black_box(shared.inspect.sightings.len())
            });
        });
        group.bench_function("whole", |b| b.iter(|| whole(&traffic.file)));
        group.finish();
    }
}

criterion_group!(benches, stages);
criterion_main!(benches);
