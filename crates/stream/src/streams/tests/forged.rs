//! Segments that a receiver would not act on, and the true ones that look like them.

use super::*;

/// A later connection on the same addresses and ports, whose numbers are so much further on.
const LATER: u32 = 77_000;

fn later(segment: Segment<'_>) -> Segment<'_> {
    Segment { seq: segment.seq.wrapping_add(LATER), ..segment }
}

/// The server's answer to the client's later SYN, whose data it took up to `ack`.
fn later_syn_ack(ms: u64, ack: u32) -> Segment<'static> {
    Segment { ack: CLIENT + 1 + LATER + ack, ..s(ms, SYN | ACK, 70_000, 0, "") }
}

#[test]
fn a_syn_with_data_on_a_live_connection_does_not_blind() {
    let accounts = check_open(
        &[c(3, PSH, 0, 0, "GET"), later(c(4, SYN, -1, 0, "x")), s(5, PSH, 0, 3, "OK"), c(6, PSH, 3, 2, "PUT")],
        "o:GET r:OK o:PUT CaptureEnd",
    );
    assert_eq!((accounts.out_of_window, accounts.syn_ignored, accounts.connections), (1, 1, 1));
}

#[test]
fn a_syn_after_one_sides_end_does_not_blind() {
    let segments = [
        c(3, FIN, 0, 0, "GET"),
        s(4, ACK, 0, 4, "first"),
        later(c(5, SYN, -1, 0, "")),
        s(6, ACK, 5, 4, "second"),
        s(7, FIN, 11, 4, ""),
    ];
    let accounts = check_open(&segments, "o:GET o. r:firstsecond r. Closed");
    assert_eq!((accounts.connections, accounts.reused), (1, 0));
}

#[test]
fn a_syn_between_handshake_and_data_does_not_blind() {
    let accounts = check_open(
        &[later(c(3, SYN, -1, 0, "")), c(4, PSH, 0, 0, "GET"), s(5, PSH, 0, 3, "OK")],
        "o:GET r:OK CaptureEnd",
    );
    assert_eq!((accounts.connections, accounts.out_of_window), (1, 0));
}

#[test]
fn a_syn_inside_the_window_is_not_confirmed_by_the_data_around_it() {
    // The client sends it itself, so that data and acknowledgement of the old connection seem to follow it.
    let segments = [
        c(3, PSH, 0, 0, "GET /"),
        c(4, SYN, 9, 0, ""),
        c(5, PSH, 10, 0, "HTTP"),
        c(6, PSH, 5, 0, "path "),
        s(7, ACK, 0, 10, ""),
        s(8, PSH, 0, 14, "OK"),
    ];
    let accounts = check_open(&segments, "o:GET /path HTTP r:OK CaptureEnd");
    assert_eq!(accounts.connections, 1);
}

#[test]
fn reuse_with_data_in_the_syn_is_confirmed_by_the_answer() {
    // Of the data in the SYN only its loss is told: it could not be known whether it counts.
    let segments = [
        c(3, PSH, 0, 0, "abc"),
        later(c(5, SYN, -1, 0, "GET /")),
        later_syn_ack(6, 5),
        later(c(7, PSH, 5, 70_001, "path")),
        c(100, ACK, 0, 0, ""),
    ];
    let accounts = check_open(&segments, "o:abc Reused o-5 o:path CaptureEnd");
    assert_eq!((accounts.reused, accounts.connections, accounts.out_of_window), (1, 2, 5));
}

#[test]
fn reuse_is_found_where_the_last_packets_of_the_old_connection_are_late() {
    // The mirror reorders: the server's FIN comes behind the new SYN.
    let segments = [
        c(3, FIN, 0, 0, "abc"),
        later(c(5, SYN, -1, 0, "")),
        s(5, FIN, 0, 4, ""),
        later_syn_ack(6, 0),
        later(c(7, PSH, 0, 70_001, "def")),
    ];
    let accounts = check_open(&segments, "o:abc o. r. Closed o:def CaptureEnd");
    assert_eq!((accounts.connections, accounts.after_end), (2, 0));
}

#[test]
fn ports_are_used_again_at_once_after_a_reset() {
    // The reset may be forged and still waits, so the answer to the SYN decides.
    let segments = [
        c(3, PSH, 0, 0, "abc"),
        c(4, RST, 3, 0, ""),
        later(c(5, SYN, -1, 0, "")),
        later_syn_ack(6, 0),
        later(c(7, PSH, 0, 70_001, "def")),
    ];
    check_open(&segments, "o:abc o. Reset o:def CaptureEnd");
    // A refusal before any data costs nothing to believe.
    let segments = [later(c(3, SYN, -1, 0, "")), later_syn_ack(4, 0), later(c(5, PSH, 0, 70_001, "def"))];
    let refused = [c(0, SYN, -1, 0, ""), s(1, RST | ACK, -5001, 0, "")];
    check(&[&refused, &segments[..]].concat(), "o:def CaptureEnd");
}

#[test]
fn reuse_seen_one_way_is_confirmed_by_its_data() {
    let segments =
        [c(0, SYN, -1, 0, ""), c(1, PSH, 0, 0, "abc"), later(c(5, SYN, -1, 0, "")), later(c(6, PSH, 0, 70_000, "def"))];
    check(&segments, "o:abc Reused o:def CaptureEnd");
}

#[test]
fn a_forged_end_ahead_does_not_displace_the_true_one() {
    let segments = [
        c(3, FIN, 5_000_000, 0, ""),
        c(4, FIN, 6, 0, ""),
        c(5, PSH, 0, 0, "abc"),
        c(6, PSH, 3, 0, "def"),
        s(7, FIN, 0, 7, ""),
    ];
    let accounts = check_open(&segments, "o:abcdef o. r. Closed");
    assert_eq!((accounts.closed, accounts.fin_ignored), (1, 1));
}

#[test]
fn a_stream_found_again_further_back_is_not_spliced() {
    let far = 1 << 28;
    let segments = [
        c(3, PSH, 0, 0, "abc"),
        c(4, PSH, -far, 0, "junk"),
        c(5, PSH, 4 - far, 0, "more"),
        c(6, PSH, 8 - far, 0, "def"),
        s(7, ACK, 0, 11 - far, ""),
        c(8, PSH, 11 - far, 0, "ghi"),
    ];
    let one_way: Vec<_> = segments.into_iter().filter(|segment| segment.src.port == 40_000).collect();
    let accounts = check(&one_way, "o:abc o-1 o:defghi CaptureEnd");
    assert_eq!(accounts.resynchronised, 1);
}

#[test]
fn a_refused_connection_is_forgotten_soon() {
    let mut log = Log::default();
    let mut streams = Streams::<Recorder>::new(Limits::default());
    for segment in [c(0, SYN, -1, 0, ""), s(1, RST | ACK, -5001, 0, "")] {
        streams.segment(&mut log, &segment);
    }
    streams.advance(&mut log, Timestamp(0) + Span::millis(5002));
    assert_eq!((streams.open_connections(), streams.accounts().reset), (0, 1));
}

#[test]
fn an_end_that_the_receiver_never_reaches_does_not_blind() {
    let segments = [
        c(3, PSH, 0, 0, "GET"),
        s(4, PSH, 0, 3, "one"),
        s(5, FIN, 5_000_000, 3, ""),
        c(6, ACK, 3, 3, ""),
        s(70_000, PSH, 3, 3, "two"),
    ];
    let accounts = check_open(&segments, "o:GET r:onetwo CaptureEnd");
    assert_eq!((accounts.fin_ignored, accounts.gap_bytes), (1, 0));
    // It is believed where the receiver has acknowledged it.
    let segments = [&segments[..3], &[c(6, ACK, 3, 5_000_001, ""), c(70_000, PSH, 3, 5_000_001, "PUT")]].concat();
    check_open(&segments, "o:GET r:one r-4999997 r. o:PUT CaptureEnd");
}
