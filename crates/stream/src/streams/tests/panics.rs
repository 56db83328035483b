//! A reader that panics costs its own connection, and every octet is still in an account.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use super::*;

/// Panics where it is told to, without the message that the panic hook would print.
struct Fragile {
    port: u16,
    fails_at_end: bool,
}

/// What the readers were given, by the client's port.
#[derive(Default)]
struct Told(Vec<(u16, String)>);

impl Fragile {
    fn tell(&self, cx: &mut Told, what: &str) {
        cx.0.push((self.port, what.to_owned()));
    }
}

fn fail() -> ! {
    resume_unwind(Box::new("as told"))
}

impl StreamReader for Fragile {
    type Context = Told;
    fn open(_: &mut Told, connection: &Connection) -> Fragile {
        Fragile { port: connection.originator.port, fails_at_end: false }
    }
    fn data(&mut self, cx: &mut Told, _: Timestamp, _: Side, bytes: &[u8]) {
        match bytes {
            b"panic" => fail(),
            b"panic at end" => self.fails_at_end = true,
            _ if bytes.contains(&b'j') => fail(),
            _ => self.tell(cx, &String::from_utf8_lossy(bytes)),
        }
    }
    fn gap(&mut self, _: &mut Told, _: Timestamp, _: Side, lost: u64) {
        if lost == 13 {
            fail();
        }
    }
    fn oddity(&mut self, _: &mut Told, _: Timestamp, _: Side, _: Oddity) {}
    fn finished(&mut self, _: &mut Told, _: Timestamp, _: Side) {}
    fn end(self, cx: &mut Told, _: Timestamp, _: End) {
        if self.fails_at_end {
            fail();
        }
        self.tell(cx, "end");
    }
}

/// A worker that goes on after panics, as the pipeline's does. Returns what was told, the panics, and the accounts.
fn run(segments: &[Segment<'_>], limits: Limits, end: u64) -> (String, u32, StreamAccounts) {
    let mut told = Told::default();
    let mut streams = Streams::<Fragile>::new(limits);
    let mut panics = 0;
    let mut guarded = |streams: &mut Streams<Fragile>, step: &mut dyn FnMut(&mut Streams<Fragile>)| {
        while catch_unwind(AssertUnwindSafe(|| step(streams))).is_err() {
            panics += 1;
            assert!(streams.discard());
            assert!(streams.accounts().balance(), "{:?}", streams.accounts());
        }
    };
    guarded(&mut streams, &mut |streams| {
        let done = streams.accounts().segments as usize;
        for segment in &segments[done..] {
            streams.segment(&mut told, segment);
        }
    });
    guarded(&mut streams, &mut |streams| streams.finish(&mut told, Timestamp(end * 1_000_000)));
    let accounts = streams.accounts();
    assert!(accounts.balance(), "{accounts:?}");
    assert_eq!(accounts.segments, segments.len() as u64);
    assert_eq!(accounts.payload, segments.iter().map(|segment| segment.payload.len() as u64).sum::<u64>());
    assert_eq!((streams.held_bytes(), accounts.held, streams.open_connections()), (0, 0, 0));
    let told: Vec<_> = told.0.iter().map(|(port, what)| format!("{port}:{what}")).collect();
    (told.join(" "), panics, accounts)
}

/// The same segment of the client at another port.
fn from(port: u16, segment: Segment<'_>) -> Segment<'_> {
    Segment { src: Socket { port, ..segment.src }, ..segment }
}

fn open(port: u16) -> Segment<'static> {
    from(port, c(0, SYN, -1, 0, ""))
}

#[test]
fn a_panic_in_data_loses_what_waits_and_the_rest_of_the_segment() {
    let segments = [
        open(1),
        open(2),
        from(1, c(1, PSH, 20, 0, "held")),
        from(1, c(1, PSH, 5, 0, "middle")),
        from(2, c(2, PSH, 0, 0, "abc")),
        // Delivered up to what is held, and then the reader fails.
        from(1, c(3, PSH, 0, 0, "panic")),
        from(1, c(4, PSH, 24, 0, "anew")),
        from(2, c(4, PSH, 3, 0, "def")),
    ];
    let (told, panics, accounts) = run(&segments, Limits::default(), 10);
    assert_eq!((told.as_str(), panics), ("2:abc 1:anew 2:def 2:end 1:end", 1));
    assert_eq!((accounts.lost_to_panic, accounts.delivered), (10, 15));
    // Octets of the segment behind the ones that failed.
    let segments = [open(1), from(1, c(1, PSH, 5, 0, "x")), from(1, c(2, PSH, 0, 0, "panicxyz"))];
    let (_, panics, accounts) = run(&segments, Limits::default(), 10);
    assert_eq!((panics, accounts.delivered, accounts.lost_to_panic), (1, 5, 4));
}

#[test]
fn a_panic_in_a_timer_costs_neither_the_segment_nor_its_connection() {
    let segments = [
        open(1),
        open(2),
        from(2, c(1, PSH, 0, 0, "abc")),
        from(1, c(1, PSH, 13, 0, "behind a hole")),
        // By now the hole is given up.
        from(2, c(5000, PSH, 3, 0, "def")),
    ];
    let (told, panics, accounts) = run(&segments, Limits::default(), 6000);
    assert_eq!((told.as_str(), panics), ("2:abc 2:def 2:end", 1));
    assert_eq!((accounts.lost_to_panic, accounts.delivered), (13, 6));
}

#[test]
fn a_panic_while_making_room_costs_only_who_gives_way() {
    let limits = Limits { connections: 1, ..Limits::default() };
    let segments = [open(1), from(1, c(1, PSH, 0, 0, "panic at end")), open(2), from(2, c(3, PSH, 0, 0, "abc"))];
    let (told, panics, accounts) = run(&segments, limits, 10);
    assert_eq!((told.as_str(), panics), ("2:abc 2:end", 1));
    assert_eq!((accounts.lost_to_panic, accounts.delivered), (0, 15));
}

#[test]
fn panics_at_the_end_of_the_capture_cost_one_connection_each() {
    let segments: Vec<_> = (1..=6)
        .flat_map(|port| {
            let text = if port % 2 == 0 { "panic at end" } else { "abc" };
            [open(port), from(port, c(1, PSH, 0, 0, text)), from(port, c(1, PSH, 100, 0, "held"))]
        })
        .map(|segment| Segment { at: Timestamp(1_000_000), ..segment })
        .collect();
    let (told, panics, _) = run(&segments, Limits::default(), 10);
    assert_eq!(panics, 3);
    assert_eq!(told.matches("end").count(), 3, "{told}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Wherever a reader panics, the accounts balance after it, and nothing is left behind (see `run`).
    #[test]
    fn any_segments_balance_with_panics(segments in any_segments()) {
        let last = segments.last().map_or(0, |segment| segment.at.0 / 1_000_000);
        run(&segments, narrow(), last + 10);
    }
}
