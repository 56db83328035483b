//! Reassembly as a reader sees it.

use proptest::prelude::*;
use spyhop_model::{Connection, Side, Socket, Span, Timestamp, Vlans};

use super::*;
use crate::reader::Oddity;
use crate::testing;

mod forged;
mod mirror;
mod panics;
mod skewed;

/// Writes down what it is told.
struct Recorder {
    name: String,
}

#[derive(Default)]
struct Log {
    /// Time in ms, connection, what happened. Data of one side in a row is one entry.
    entries: Vec<(u64, String, String)>,
    opened: Vec<Connection>,
}

impl Log {
    fn add(&mut self, at: Timestamp, name: &str, what: String) {
        self.entries.push((at.0 / 1_000_000, name.to_owned(), what));
    }
    fn data(&mut self, at: Timestamp, name: &str, side: char, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes).into_owned();
        match self.entries.last_mut() {
            Some((_, last, what)) if last == name && what.starts_with(&format!("{side}:")) => what.push_str(&text),
            _ => self.add(at, name, format!("{side}:{text}")),
        }
    }
    fn text(&self) -> String {
        self.entries.iter().map(|(_, _, what)| what.as_str()).collect::<Vec<_>>().join(" ")
    }
    fn timed(&self) -> String {
        self.entries.iter().map(|(at, _, what)| format!("{at} {what}")).collect::<Vec<_>>().join(", ")
    }
}

fn letter(side: Side) -> char {
    if side == Side::Originator { 'o' } else { 'r' }
}

impl StreamReader for Recorder {
    type Context = Log;
    fn open(cx: &mut Log, connection: &Connection) -> Recorder {
        cx.opened.push(*connection);
        Recorder { name: connection.id.to_string() }
    }
    fn data(&mut self, cx: &mut Log, at: Timestamp, side: Side, bytes: &[u8]) {
        cx.data(at, &self.name, letter(side), bytes);
    }
    fn gap(&mut self, cx: &mut Log, at: Timestamp, side: Side, lost: u64) {
        cx.add(at, &self.name, format!("{}-{lost}", letter(side)));
    }
    fn oddity(&mut self, cx: &mut Log, at: Timestamp, side: Side, what: Oddity) {
        cx.add(at, &self.name, format!("{}!{what:?}", letter(side)));
    }
    fn finished(&mut self, cx: &mut Log, at: Timestamp, side: Side) {
        cx.add(at, &self.name, format!("{}.", letter(side)));
    }
    fn end(self, cx: &mut Log, at: Timestamp, why: End) {
        cx.add(at, &self.name, format!("{why:?}"));
    }
}

const CLIENT: u32 = 1000;
const SERVER: u32 = 5000;
const SYN: u8 = Flags::SYN;
const ACK: u8 = Flags::ACK;
const FIN: u8 = Flags::FIN | Flags::ACK;
const RST: u8 = Flags::RST;
const PSH: u8 = Flags::PSH | Flags::ACK;

/// From the client; `seq` and `ack` count from the first octet of the stream (the SYN is -1).
fn c(ms: u64, flags: u8, seq: i64, ack: i64, payload: &str) -> Segment<'_> {
    Segment {
        at: Timestamp(ms * 1_000_000),
        flags: Flags(flags),
        seq: (i64::from(CLIENT) + 1 + seq) as u32,
        ack: if flags & ACK != 0 { (i64::from(SERVER) + 1 + ack) as u32 } else { 0 },
        payload: payload.as_bytes(),
        ..testing::segment()
    }
}

/// From the server.
fn s(ms: u64, flags: u8, seq: i64, ack: i64, payload: &str) -> Segment<'_> {
    let c = c(ms, flags, ack, seq, payload);
    Segment {
        src: c.dst,
        dst: c.src,
        seq: (i64::from(SERVER) + 1 + seq) as u32,
        ack: if flags & ACK != 0 { (i64::from(CLIENT) + 1 + ack) as u32 } else { 0 },
        ..c
    }
}

fn handshake() -> Vec<Segment<'static>> {
    vec![c(0, SYN, -1, 0, ""), s(1, SYN | ACK, -1, 0, ""), c(2, ACK, 0, 0, "")]
}

fn run(segments: &[Segment<'_>], limits: Limits) -> (Log, StreamAccounts) {
    let mut log = Log::default();
    let mut streams = Streams::<Recorder>::new(limits);
    for segment in segments {
        streams.segment(&mut log, segment);
        assert!(streams.accounts().balance(), "{:?}", streams.accounts());
    }
    let last = segments.last().map_or(Timestamp(0), |segment| segment.at);
    streams.finish(&mut log, last + Span::millis(10));
    let accounts = streams.accounts();
    assert!(accounts.balance(), "{accounts:?}");
    assert_eq!((streams.held_bytes(), accounts.held, streams.open_connections()), (0, 0, 0));
    (log, accounts)
}

/// What a reader is told for these segments, and then the accounts.
fn check(segments: &[Segment<'_>], expected: &str) -> StreamAccounts {
    let (log, accounts) = run(segments, Limits::default());
    assert_eq!(log.text(), expected);
    accounts
}

/// The same after a handshake.
fn check_open(segments: &[Segment<'_>], expected: &str) -> StreamAccounts {
    check(&[handshake(), segments.to_vec()].concat(), expected)
}

#[test]
fn a_dialogue_from_syn_to_fin() {
    let segments =
        [c(3, PSH, 0, 0, "GET"), s(4, ACK, 0, 3, "OK"), c(5, FIN, 3, 2, ""), s(6, FIN, 2, 4, ""), c(7, ACK, 4, 3, "")];
    let accounts = check_open(&segments, "o:GET r:OK o. r. Closed");
    assert_eq!((accounts.connections, accounts.closed, accounts.midstream, accounts.unrelated), (1, 1, 0, 0));
    let (log, _) = run(&[handshake(), segments.to_vec()].concat(), Limits::default());
    assert_eq!(log.opened[0].started, Timestamp(0));
    assert_eq!(log.opened[0].originator.port, 40_000);
}

#[test]
fn reordered_segments_are_put_in_order() {
    let accounts = check_open(
        &[c(3, ACK, 6, 0, "ghi"), c(3, ACK, 3, 0, "def"), c(3, ACK, 0, 0, "abc"), c(4, FIN, 9, 0, "")],
        "o:abcdefghi o. CaptureEnd",
    );
    assert_eq!((accounts.delivered, accounts.gaps), (9, 0));
}

#[test]
fn the_end_may_come_before_the_data() {
    check_open(&[c(3, FIN, 6, 0, ""), c(3, ACK, 3, 0, "def"), c(4, ACK, 0, 0, "abc")], "o:abcdef o. CaptureEnd");
}

#[test]
fn an_end_without_data_is_told_when_there_is_somebody_to_tell() {
    check_open(&[s(3, FIN, 0, 0, ""), c(4, PSH, 0, 1, "abc"), c(5, FIN, 3, 1, "")], "r. o:abc o. Closed");
}

#[test]
fn retransmissions_are_counted_and_not_repeated() {
    let accounts = check_open(
        &[c(3, ACK, 0, 0, "abc"), c(4, ACK, 0, 0, "abcdef"), c(5, ACK, 0, 0, "abc"), c(5, ACK, 2, 0, "cde")],
        "o:abcdef CaptureEnd",
    );
    assert_eq!((accounts.duplicate, accounts.conflicting), (9, 0));
}

#[test]
fn what_arrives_first_wins_and_a_difference_is_told() {
    // Delivered before (as in a Quantum Insert), and held.
    let accounts = check_open(
        &[s(3, ACK, 0, 0, "BANG!"), s(4, ACK, 0, 0, "HTTP/1.1 200")],
        "r:BANG! r!Conflict r:1.1 200 CaptureEnd",
    );
    assert_eq!((accounts.conflicting, accounts.duplicate, accounts.delivered), (5, 0, 12));
    let accounts =
        check_open(&[c(3, ACK, 3, 0, "XYZ"), c(4, ACK, 0, 0, "abcdefghi")], "o:abc o!Conflict o:XYZghi CaptureEnd");
    assert_eq!((accounts.conflicting, accounts.delivered), (3, 9));
}

#[test]
fn a_hole_that_is_acknowledged_is_waited_for_shortly() {
    let segments = [s(10, ACK, 0, 0, "abc"), s(11, ACK, 6, 0, "ghi"), c(12, ACK, 0, 9, ""), c(200, PSH, 0, 9, "GET")];
    let (log, accounts) = run(&[handshake(), segments.to_vec()].concat(), Limits::default());
    assert_eq!(log.timed(), "10 r:abc, 62 r-3, 62 r:ghi, 200 o:GET, 210 CaptureEnd");
    assert_eq!((accounts.gap_bytes, accounts.acked_unseen), (3, 3));
    // It comes in time.
    let late = [&segments[..3], &[s(50, ACK, 3, 0, "def")]].concat();
    check_open(&late, "r:abcdefghi CaptureEnd");
}

#[test]
fn a_hole_that_is_not_acknowledged_is_waited_for_as_the_receiver_does() {
    let segments = [s(10, ACK, 0, 0, "abc"), s(11, ACK, 6, 0, "ghi"), c(12, ACK, 0, 3, ""), s(3000, ACK, 3, 0, "def")];
    check_open(&segments, "r:abcdefghi CaptureEnd");
    // Seen one way only, time decides.
    let one_way = [c(0, SYN, -1, 0, ""), c(1, ACK, 0, 0, "abc"), c(2, ACK, 6, 9, "ghi"), c(4000, ACK, 9, 30, "jkl")];
    let (log, _) = run(&one_way, Limits::default());
    assert_eq!(log.timed(), "1 o:abc, 3002 o-3, 3002 o:ghijkl, 4010 CaptureEnd");
}

#[test]
fn an_answer_does_not_overtake_its_request() {
    check_open(&[s(3, PSH, 0, 3, "OK"), c(4, PSH, 0, 0, "GET")], "o:GET r:OK CaptureEnd");
    // The request was lost: the gap comes first.
    let segments = [s(3, PSH, 0, 3, "OK"), c(100, PSH, 3, 2, "PUT")];
    let (log, _) = run(&[handshake(), segments.to_vec()].concat(), Limits::default());
    assert_eq!(log.timed(), "53 o-3, 53 r:OK, 100 o:PUT, 110 CaptureEnd");
}

#[test]
fn a_lost_answer_is_a_gap_before_the_next_request() {
    let segments = [c(3, PSH, 0, 0, "GET"), c(10, PSH, 3, 500, "PUT"), s(80, PSH, 500, 6, "OK")];
    let accounts = check_open(&segments, "o:GET r-500 o:PUT r:OK CaptureEnd");
    assert_eq!(accounts.acked_unseen, 500);
}

#[test]
fn forged_acknowledgements_do_not_blind() {
    // The client acknowledges what the server has not sent yet; what then comes is read all the same.
    let segments =
        [c(3, PSH, 0, 0, "GET"), c(4, ACK, 3, 1000, ""), s(100, PSH, 0, 3, "HTTP/1.1 200"), s(101, FIN, 12, 3, "")];
    let accounts = check_open(&segments, "o:GET r-1000 r:HTTP/1.1 200 r. CaptureEnd");
    assert_eq!((accounts.refilled, accounts.delivered), (1000, 15));
}

#[test]
fn both_directions_waiting_for_each_other_go_on() {
    let segments = [c(3, PSH, 0, 100, "abc"), s(3, PSH, 0, 100, "xyz")];
    let (log, _) = run(&[handshake(), segments.to_vec(), vec![c(500, ACK, 3, 3, "")]].concat(), Limits::default());
    let text = log.text();
    assert!(text.contains("o:abc") && text.contains("r:xyz"), "{text}");
}

#[test]
fn midstream_begins_with_the_first_segment() {
    let (log, accounts) = run(&[s(1, PSH, 500, 700, "OK"), c(2, PSH, 700, 502, "GET")], Limits::default());
    assert_eq!(log.text(), "o:OK r:GET CaptureEnd");
    assert!(log.opened[0].midstream && accounts.midstream == 1);
    assert_eq!(log.opened[0].originator.port, 80);
}

#[test]
fn a_bare_ack_gives_the_base_of_the_other_side() {
    // The keep-alive probe (one back) does not set the client's own base; the server's is 500.
    let segments =
        [c(1, ACK, 699, 500, ""), s(2, PSH, 503, 700, "lo"), s(3, PSH, 500, 700, "hel"), c(4, PSH, 700, 505, "GET")];
    check(&segments, "r:hello o:GET CaptureEnd");
    let accounts = check(&[c(1, ACK, 699, 500, "\0"), c(2, PSH, 700, 500, "GET")], "o:GET CaptureEnd");
    assert_eq!((accounts.keep_alive, accounts.out_of_window), (1, 1));
}

#[test]
fn data_may_overtake_the_handshake() {
    let segments = [c(3, PSH, 0, 0, "GET"), s(3, SYN | ACK, -1, 0, ""), c(3, SYN, -1, 0, ""), s(4, PSH, 0, 3, "OK")];
    check(&segments, "o:GET r:OK CaptureEnd");
    // The answer to the SYN is seen before the SYN: roles are right.
    let segments = [s(0, SYN | ACK, -1, 0, ""), c(1, SYN, -1, 0, ""), s(4, PSH, 0, 0, "220"), c(5, PSH, 0, 3, "EHLO")];
    let (log, accounts) = run(&segments, Limits::default());
    assert_eq!(log.text(), "r:220 o:EHLO CaptureEnd");
    assert_eq!((accounts.midstream, accounts.connections), (0, 1));
}

#[test]
fn data_with_the_syn_counts_once() {
    // Fast Open: not accepted, and sent again (RFC 7413).
    let segments =
        [c(0, SYN, -1, 0, "GET /"), s(1, SYN | ACK, -1, 0, "hi"), c(2, ACK, 0, 2, "GET /a"), c(3, SYN, -1, 0, "GET /")];
    let accounts = check(&segments, "o:GET / r:hi o:a CaptureEnd");
    assert_eq!((accounts.duplicate, accounts.syn_repeated), (10, 1));
}

#[test]
fn split_handshakes_are_one_connection() {
    let segments = [
        c(0, SYN, -1, 0, ""),
        s(1, ACK, -1, 0, ""),
        s(2, SYN, -1, 0, ""),
        c(3, SYN | ACK, -1, 0, ""),
        s(4, ACK, 0, 0, ""),
        c(5, ACK, 0, 0, "GET"),
        s(6, ACK, 0, 3, "OK"),
    ];
    let accounts = check(&segments, "o:GET r:OK CaptureEnd");
    assert_eq!(accounts.connections, 1);
}

#[test]
fn forged_ends_before_the_handshake_do_nothing() {
    // As in suricata-verify bug-3286: RST and FIN answer the SYN before the true answer does.
    let forged = [s(1, RST | ACK, -5001, 0, ""), s(1, FIN, -5001, 0, ""), c(1, RST, 0, 0, "")];
    let segments = [
        &[c(0, SYN, -1, 0, "")],
        &forged[..],
        &[s(2, SYN | ACK, -1, 0, ""), c(3, PSH, 0, 0, "GET"), s(4, PSH, 0, 3, "OK")],
    ]
    .concat();
    let accounts = check(&segments, "o:GET r:OK CaptureEnd");
    assert_eq!((accounts.connections, accounts.fin_ignored), (1, 1));
}

#[test]
fn forged_ends_out_of_window_do_nothing() {
    let segments = [
        c(3, PSH, 0, 0, "GET"),
        s(4, RST, 900_000_000, 0, ""),
        s(4, FIN, -70_000, 3, ""),
        s(5, PSH, 0, 3, "OK"),
        c(6, RST, -80_000, 0, ""),
        c(7, PSH, 3, 2, "PUT"),
    ];
    let accounts = check_open(&segments, "o:GET r:OK o:PUT CaptureEnd");
    assert_eq!((accounts.rst_ignored, accounts.fin_ignored), (2, 1));
}

#[test]
fn a_reset_delivers_what_came_and_not_its_own_octets() {
    let segments =
        [c(3, PSH, 0, 0, "GET"), s(4, ACK, 3, 3, "held"), s(5, RST | ACK, 0, 3, "why not"), c(6, PSH, 3, 0, "late")];
    let accounts = check_open(&segments, "o:GETlate r-3 r:held r. Reset");
    assert_eq!((accounts.reset_payload, accounts.after_end), (7, 0));
}

#[test]
fn data_behind_a_reset_in_order_waits_for_what_is_before_it() {
    // The mirror reorders the last data and the RST.
    let segments = [c(3, PSH, 0, 0, "GET"), c(4, RST | ACK, 6, 0, ""), c(4, PSH, 3, 0, "PUT"), c(400, ACK, 6, 0, "")];
    check_open(&segments, "o:GETPUT o. Reset");
    // It never comes.
    let (log, _) = run(
        &[handshake(), vec![c(3, PSH, 0, 0, "GET"), c(4, RST, 9, 0, ""), s(2000, ACK, 0, 3, "")]].concat(),
        Limits::default(),
    );
    assert_eq!(log.timed(), "3 o:GET, 1004 o-6, 1004 o., 1004 Reset");
}

#[test]
fn who_was_said_to_reset_and_goes_on_is_read_on() {
    let segments = [c(3, PSH, 0, 0, "GET"), c(4, RST, 3, 0, ""), c(5, PSH, 3, 0, "PUT"), s(6, PSH, 0, 6, "OK")];
    let (log, accounts) = run(&[handshake(), segments.to_vec()].concat(), Limits::default());
    assert_eq!(log.text(), "o:GETPUT r:OK CaptureEnd");
    assert_eq!((accounts.connections, accounts.rst_ignored), (1, 1));
    // Even after it was believed.
    let segments = [c(3, PSH, 0, 0, "GET"), c(4, RST, 3, 0, ""), c(2000, PSH, 3, 0, "PUT"), s(2001, PSH, 0, 6, "OK")];
    let (log, accounts) = run(&[handshake(), segments.to_vec()].concat(), Limits::default());
    assert_eq!(log.text(), "o:GET o. Reset o:PUT r:OK CaptureEnd");
    assert_ne!(log.opened[0].id, log.opened[1].id);
    assert_eq!(accounts.connections, 2);
}

#[test]
fn what_was_on_its_way_when_the_other_side_reset_is_read() {
    let segments = [
        c(3, PSH, 0, 0, "GET"),
        s(4, ACK, 0, 3, "abc"),
        c(5, RST | ACK, 3, 3, ""),
        s(6, ACK, 3, 3, "def"),
        c(7, RST, 3, 0, ""),
        s(8, FIN, 6, 3, "ghi"),
    ];
    check_open(&segments, "o:GET r:abcdefghi r. o. Reset");
}

#[test]
fn ports_are_used_again() {
    let again = |ms: u64, segment: Segment<'static>| Segment {
        at: Timestamp(ms * 1_000_000),
        seq: segment.seq + 77_000,
        ..segment
    };
    // After the end, within its tail.
    let segments =
        [c(3, FIN, 0, 0, "abc"), s(4, FIN, 0, 4, ""), again(5, c(0, SYN, -1, 0, "")), again(6, c(0, PSH, 0, 0, "def"))];
    let accounts = check_open(&segments, "o:abc o. r. Closed o:def CaptureEnd");
    assert_eq!((accounts.connections, accounts.closed), (2, 1));
    // Without an end: the server's answer shows that it is true.
    let syn_ack = Segment { ack: CLIENT + 77_001, ..s(6, SYN | ACK, 70_000, 0, "") };
    let segments =
        [c(3, PSH, 0, 0, "abc"), again(5, c(0, SYN, -1, 0, "")), syn_ack, again(7, c(0, PSH, 0, 70_001, "def"))];
    let (log, accounts) = run(&[handshake(), segments.to_vec()].concat(), Limits::default());
    assert_eq!(log.text(), "o:abc Reused o:def CaptureEnd");
    assert_eq!(accounts.reused, 1);
    assert_eq!(log.opened[1].started, Timestamp(5_000_000));
    // Forged: the old connection goes on.
    let segments = [c(3, PSH, 0, 0, "abc"), again(5, c(0, SYN, -1, 0, "")), c(6, PSH, 3, 0, "def")];
    let accounts = check_open(&segments, "o:abcdef CaptureEnd");
    assert_eq!(accounts.syn_ignored, 1);
}

#[test]
fn connections_that_begin_at_one_instant_have_different_ids() {
    let at = |segment: Segment<'static>| Segment { at: Timestamp(0), ..segment };
    let mut segments: Vec<_> = handshake().into_iter().map(at).collect();
    segments.extend([
        at(c(0, FIN, 0, 0, "abc")),
        at(s(0, FIN, 0, 4, "")),
        at(c(0, SYN, 7777, 0, "")),
        at(c(0, PSH, 7778, 0, "def")),
    ]);
    let (log, _) = run(&segments, Limits::default());
    assert_eq!(log.text(), "o:abc o. r. Closed o:def CaptureEnd");
    assert_ne!(log.opened[0].id, log.opened[1].id);
}

#[test]
fn late_copies_do_not_begin_a_connection() {
    let segments = [
        c(3, FIN, 0, 0, "abc"),
        s(4, FIN, 0, 4, ""),
        c(5, FIN, 0, 1, "abc"),
        c(3000, PSH, 0, 1, "abc"),
        s(3001, RST, 1, 0, ""),
    ];
    let accounts = check_open(&segments, "o:abc o. r. Closed");
    assert_eq!((accounts.duplicate, accounts.connections), (6, 1));
}

#[test]
fn the_urgent_octet_is_out_of_band() {
    let urgent = |segment, urgent| Segment { flags: Flags(ACK | Flags::URG), urgent, ..segment };
    let accounts = check_open(
        &[c(3, ACK, 0, 0, "/malic"), urgent(c(4, ACK, 6, 0, "X"), 1), c(5, ACK, 7, 0, "ious")],
        "o:/malic o!Urgent o:ious CaptureEnd",
    );
    assert_eq!(accounts.urgent, 1);
    // Of two octets, the last one; and out of order too.
    let xy = urgent(c(3, ACK, 6, 0, "XY"), 2);
    check_open(&[c(3, ACK, 0, 0, "/malic"), xy, c(5, ACK, 8, 0, "ious")], "o:/malicX o!Urgent o:ious CaptureEnd");
    check_open(&[xy, c(4, ACK, 8, 0, "ious"), c(5, ACK, 0, 0, "/malic")], "o:/malicX o!Urgent o:ious CaptureEnd");
}

#[test]
fn keep_alive_probes_are_no_conflict() {
    let accounts = check_open(
        &[c(3, PSH, 0, 0, "abc"), c(4, ACK, 2, 0, "\0"), c(5, PSH, 3, 0, "d"), c(6, ACK, 3, 0, "\0")],
        "o:abcd CaptureEnd",
    );
    assert_eq!((accounts.keep_alive, accounts.duplicate), (2, 2));
}

#[test]
fn octets_cut_by_the_capture_are_a_gap_in_place() {
    let cut = |segment, cut| Segment { cut, ..segment };
    let accounts = check_open(
        &[
            cut(c(3, PSH, 0, 0, "GET"), 97),
            cut(c(4, PSH, 200, 0, "PUT"), 7),
            cut(c(5, PSH, 100, 0, "POST"), 96),
            c(6, FIN, 210, 0, ""),
        ],
        "o:GET o-97 o:POST o-96 o:PUT o-7 o. CaptureEnd",
    );
    assert_eq!((accounts.cut, accounts.gap_bytes), (200, 200));
}

#[test]
fn far_away_data_is_ignored_until_it_fits_itself() {
    let far = 1 << 28;
    let stray = c(4, PSH, far, 0, "junk");
    let accounts = check_open(&[c(3, PSH, 0, 0, "abc"), stray, c(5, PSH, 3, 0, "def")], "o:abcdef CaptureEnd");
    assert_eq!(accounts.out_of_window, 4);
    // The receiver is there too.
    let on = [stray, c(5, PSH, far + 4, 0, "more"), s(5, ACK, 0, far + 8, ""), c(6, PSH, far + 8, 0, "again")];
    let accounts = check_open(&[&[c(3, PSH, 0, 0, "abc")], &on[..]].concat(), "o:abc o-268435461 o:again CaptureEnd");
    assert_eq!(accounts.resynchronised, 1);
    // It is not, or is no longer seen.
    let on = [stray, c(5, PSH, far + 4, 0, "more"), c(6, PSH, far + 8, 0, "again"), c(7, PSH, 3, 0, "def")];
    let accounts = check_open(&[&[c(3, PSH, 0, 0, "abc")], &on[..]].concat(), "o:abcdef CaptureEnd");
    assert_eq!((accounts.resynchronised, accounts.out_of_window), (0, 13));
    let later: Vec<_> = on[..3].iter().map(|s| Segment { at: s.at + Span::seconds(60), ..*s }).collect();
    let accounts =
        check_open(&[&[c(3, PSH, 0, 0, "abc")], &later[..]].concat(), "o:abc o-268435461 o:again CaptureEnd");
    assert_eq!(accounts.resynchronised, 1);
}

#[test]
fn silence_ends_a_connection() {
    let limits = Limits::default();
    let (log, accounts) =
        run(&[handshake(), vec![c(3, PSH, 0, 0, "abc"), c(400_000, PSH, 3, 0, "def")]].concat(), limits);
    assert_eq!(log.timed(), "3 o:abc, 300003 Idle, 400000 o:def, 400010 CaptureEnd");
    assert_eq!((accounts.idle, accounts.capture_end), (1, 1));
}

#[test]
fn held_data_is_bounded_per_direction_and_in_total() {
    let limits = Limits { held_per_direction: 400, ..Limits::default() };
    let block = "x".repeat(100);
    let segments: Vec<_> = (1..=3).map(|n| c(3 + n, ACK, n as i64 * 100, 0, &block)).collect();
    let (log, accounts) = run(&[handshake(), segments.clone()].concat(), limits);
    assert_eq!(log.text(), format!("o-100 o:{} CaptureEnd", "x".repeat(300)));
    assert_eq!(accounts.held_limit, 1);
    let (_, accounts) = run(&[handshake(), segments].concat(), Limits { held_total: 250, ..Limits::default() });
    assert_eq!(accounts.held_limit, 1);
    let ones: Vec<_> = (0..100).map(|n| c(3, ACK, 2 + 2 * n, 0, "x")).collect();
    let (_, accounts) = run(&[handshake(), ones].concat(), Limits { held_pieces: 10, ..Limits::default() });
    assert_eq!(accounts.held_limit, 90);
}

#[test]
fn a_flood_of_syn_does_not_push_out_those_with_data() {
    let limits = Limits { connections: 100, ..Limits::default() };
    let flood = |n: u32| Segment {
        src: Socket { ip: std::net::Ipv4Addr::from(0x0b00_0000 + n).into(), port: 1 },
        ..c(4, SYN, -1, 0, "")
    };
    let mut segments = handshake();
    segments.push(c(3, PSH, 0, 0, "abc"));
    segments.extend((0..1000).map(flood));
    segments.push(c(5, PSH, 3, 0, "def"));
    let (log, accounts) = run(&segments, limits);
    assert_eq!(log.text(), "o:abcdef CaptureEnd");
    assert_eq!(accounts.evicted, 901);
    // Where all have data, one that was silent for long goes.
    let busy = |n: u32| Segment { flags: Flags(PSH), payload: b"hi", ..flood(n) };
    let mut segments: Vec<_> = (0..100).map(busy).collect();
    segments.push(Segment { at: Timestamp(5_000_000), payload: b"", ..busy(0) });
    segments.push(Segment { at: Timestamp(6_000_000), ..busy(100) });
    let (log, _) = run(&segments, limits);
    let gone = log.entries.iter().find(|entry| entry.2 == "Evicted").expect("one was evicted");
    assert_ne!(gone.1, log.opened[0].id.to_string());
    // Those that are just opening do not give way where nearly all have data and are slow.
    let opening = |n: u32, us: u64| Segment { at: Timestamp(5_000_000_000 + us * 1_000), ..flood(n) };
    let mut segments: Vec<_> = (0..100).map(busy).collect();
    segments.extend((200..205).map(|n| opening(n, u64::from(n))));
    let Segment { src, at, .. } = opening(200, 900);
    segments.push(Segment { src, at, ..c(0, PSH, 0, 0, "abc") });
    let (log, accounts) = run(&segments, limits);
    let last = log.opened.last().expect("one with data");
    assert!((last.originator, last.midstream) == (src, false), "{last:?}");
    assert_eq!(accounts.evicted, 5);
}

#[test]
fn vlans_tell_connections_apart_and_halves_are_joined() {
    let vlan = |segment, id| {
        let mut vlans = Vlans::default();
        vlans.push(id);
        Segment { vlans, ..segment }
    };
    let dialogue = [handshake(), vec![c(3, PSH, 0, 0, "GET"), s(4, PSH, 0, 3, "OK")]].concat();
    // As in Zeek's vlan-collisions: separate networks with the same traffic, but not at the same time.
    let later = |segment: &Segment<'static>| Segment { at: segment.at + Span::millis(50), ..vlan(*segment, 42) };
    let mut twice: Vec<_> = dialogue.iter().copied().chain(dialogue.iter().map(later)).collect();
    twice.sort_by_key(|segment| segment.at);
    let (log, accounts) = run(&twice, Limits::default());
    assert_eq!(log.text(), "o:GET r:OK o:GET r:OK CaptureEnd CaptureEnd");
    assert_eq!((accounts.connections, accounts.joined), (2, 0));
    // The client's packets carry a tag, the server's none.
    let halves: Vec<_> =
        dialogue.iter().map(|segment| if segment.src.port == 80 { *segment } else { vlan(*segment, 3136) }).collect();
    let (log, accounts) = run(&halves, Limits::default());
    assert_eq!(log.text(), "o:GET r:OK CaptureEnd");
    assert_eq!((accounts.connections, accounts.joined), (1, 1));
}

#[test]
fn timers_of_other_connections_change_nothing() {
    // A second connection's packets and timers between those of the first.
    let other = |segment: Segment<'static>, ms| Segment {
        at: Timestamp(ms * 1_000_000),
        src: Socket { port: segment.src.port.wrapping_add(1), ..segment.src },
        dst: Socket { port: segment.dst.port.wrapping_add(1), ..segment.dst },
        ..segment
    };
    let alone = [
        handshake(),
        vec![s(10, ACK, 0, 0, "abc"), s(11, ACK, 6, 0, "ghi"), c(12, ACK, 0, 9, ""), s(70, ACK, 3, 0, "def")],
    ]
    .concat();
    let mut mixed = Vec::new();
    for segment in &alone {
        let ms = segment.at.0 / 1_000_000;
        mixed.push(other(*segment, ms));
        mixed.push(*segment);
        mixed.push(other(c(0, ACK, 500 + ms as i64, 0, "x"), ms));
    }
    let (one, _) = run(&alone, Limits::default());
    let (two, _) = run(&mixed, Limits::default());
    let id = one.opened[0].id.to_string();
    let own: Vec<_> = two.entries.into_iter().filter(|entry| entry.1 == id).collect();
    assert_eq!(own, one.entries);
}

/// One side's stream, cut into segments that may be doubled and overlap; (offset, length).
fn cuts(len: usize) -> impl Strategy<Value = Vec<(usize, usize)>> {
    prop::collection::vec((0..len, 1..60usize), 0..30).prop_map(move |extra| {
        let whole = (0..len).step_by(37).map(|at| (at, 37.min(len - at)));
        whole.chain(extra.into_iter().map(|(at, n)| (at, n.min(len - at)))).collect()
    })
}

/// Limits that bite soon.
fn narrow() -> Limits {
    Limits { connections: 2, held_per_direction: 1500, held_total: 2000, held_pieces: 12, ..Limits::default() }
}

/// Segments of a few connections without sense.
fn any_segments() -> impl Strategy<Value = Vec<Segment<'static>>> {
    let number = || prop_oneof![-40..200i64, any::<u32>().prop_map(i64::from)];
    let one = (0..3u64, any::<bool>(), 0..64u8, number(), number(), 0..60usize, 0..3u32, any::<u16>(), 0..3u16);
    prop::collection::vec(one, 1..200).prop_map(|all| {
        let stream = "the quick brown fox jumps over the lazy dog, and again and again and again";
        let mut ms = 0;
        let place = |(wait, client, flags, seq, ack, len, cut, urgent, port)| {
            ms += [0, 7, 900][wait as usize];
            let payload = &stream[..len];
            let segment = if client { c(ms, flags, seq, ack, payload) } else { s(ms, flags, seq, ack, payload) };
            let mut segment = Segment { urgent: urgent % 70, cut: if cut == 2 { 50 } else { 0 }, ..segment };
            if client {
                segment.src.port += port
            } else {
                segment.dst.port += port
            }
            segment
        };
        all.into_iter().map(place).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// However a stream is cut, shuffled and doubled, the same octets come out, across a wrap of sequence numbers too.
    #[test]
    fn the_same_octets_however_they_come(
        isn in prop_oneof![any::<u32>(), (u32::MAX - 600)..u32::MAX],
        order in cuts(600).prop_shuffle(),
        syn in any::<bool>(),
    ) {
        let stream: String = (0..600u32).map(|n| char::from(b'a' + (n * n % 26) as u8)).collect();
        let place = |segment: Segment<'static>| Segment { seq: segment.seq.wrapping_add(isn), ..segment };
        let mut segments = Vec::new();
        if syn {
            segments.push(place(c(0, SYN, -1, 0, "")));
        } else {
            segments.push(place(c(0, PSH, -1, 0, "a")));
        }
        for (n, (at, len)) in order.iter().enumerate() {
            let segment = place(c(n as u64 / 4, ACK, *at as i64, 0, ""));
            segments.push(Segment { payload: &stream.as_bytes()[*at..at + len], ..segment });
        }
        segments.push(place(c(100, FIN, 600, 0, "")));
        let (log, accounts) = run(&segments, Limits::default());
        let first = if syn { "" } else { "a" };
        prop_assert_eq!(log.text(), format!("o:{first}{stream} o. CaptureEnd"));
        prop_assert_eq!(accounts.conflicting, 0);
    }

    /// Whatever comes, nothing panics, the accounts balance after every segment (see `run`), and each side's `data` and
    /// `gap` only ever come between `open` and `end`.
    #[test]
    fn any_segments_balance(segments in any_segments()) {
        let (log, accounts) = run(&segments, narrow());
        let ended = log.entries.iter().filter(|entry| entry.2.chars().next().is_some_and(char::is_uppercase)).count();
        prop_assert_eq!(log.opened.len(), ended);
        prop_assert_eq!(accounts.payload, segments.iter().map(|s| s.payload.len() as u64).sum::<u64>());
    }
}
