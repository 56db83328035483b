//! What the mirror adds, loses and shows half of.

use super::*;
use crate::health::{Tap, TapHealth};
use crate::{Content, Health};

/// Numbers the packets as a sender does, with a checksum that stands for the content.
fn numbered(segments: Vec<Segment<'static>>) -> Vec<Segment<'static>> {
    let number = |(n, s): (usize, Segment<'static>)| {
        let sum = s.payload.iter().fold(0u16, |sum, octet| sum.rotate_left(3) ^ u16::from(*octet));
        Segment { ip_id: n as u16 + 1, checksum: sum, ..s }
    };
    segments.into_iter().enumerate().map(number).collect()
}

fn dialogue() -> Vec<Segment<'static>> {
    let data = vec![
        c(3, PSH, 0, 0, "GET"),
        s(4, ACK, 0, 3, ""),
        s(4, PSH, 0, 3, "OK"),
        c(5, ACK, 3, 2, ""),
        c(6, PSH, 3, 2, "P"),
        s(7, PSH, 2, 4, "Q"),
        c(8, FIN, 4, 3, ""),
        s(9, FIN, 3, 5, ""),
        c(10, ACK, 5, 4, ""),
    ];
    numbered([handshake(), data].concat())
}

const DIALOGUE: &str = "o:GET r:OK o:P r:Q o. r. Closed";

fn later(us: u64, segment: Segment<'static>) -> Segment<'static> {
    Segment { at: segment.at + Span(us * 1000), ..segment }
}

fn on(ids: &[u16], segment: Segment<'static>) -> Segment<'static> {
    let mut vlans = Vlans::default();
    ids.iter().for_each(|id| vlans.push(*id));
    Segment { vlans, tap: ids.first().copied().unwrap_or_default(), ..segment }
}

/// Each segment, and what `copy` makes of it so many microseconds later.
fn doubled(
    segments: &[Segment<'static>],
    copies: &[(u64, &dyn Fn(Segment<'static>) -> Segment<'static>)],
) -> Vec<Segment<'static>> {
    let mut all: Vec<_> = segments.to_vec();
    for (us, copy) in copies {
        all.extend(segments.iter().map(|segment| later(*us, copy(*segment))));
    }
    all.sort_by_key(|segment| segment.at);
    all
}

/// The log and the health by tap number.
fn healths(segments: &[Segment<'_>]) -> (Log, StreamAccounts, Vec<TapHealth>) {
    let mut log = Log::default();
    let mut streams = Streams::<Recorder>::new(Limits::default());
    segments.iter().for_each(|segment| streams.segment(&mut log, segment));
    streams.finish(&mut log, segments.last().map_or(Timestamp(0), |segment| segment.at));
    let taps: Vec<_> = (0..100).map(|interface| Tap { interface, vlan: None }).collect();
    let health = Health::new(&taps, streams.health());
    (log, streams.accounts(), health.taps.into_values().collect())
}

#[test]
fn copies_of_a_double_span_are_counted_and_read_once() {
    let once = dialogue();
    let (_, plain, _) = healths(&once);
    assert_eq!((plain.mirrored_twice, plain.keep_alive), (0, 0));
    // At once; after those that follow; behind a router.
    for us in [1, 400, 1_500, 9_000] {
        let twice = doubled(&once, &[(us, &|copy| Segment { ttl: copy.ttl - 1, ..copy })]);
        let (log, accounts, health) = healths(&twice);
        assert_eq!(log.text(), DIALOGUE, "{us}");
        assert_eq!((accounts.mirrored_twice, accounts.mirrored_twice_bytes), (once.len() as u64, 7), "{us}");
        assert_eq!((accounts.conflicting, accounts.duplicate, accounts.keep_alive), (0, 7, 0));
        assert_eq!((health[0].mirrored_twice, health[0].mirrored_twice_bytes), (once.len() as u64, 7));
        assert_eq!((health[0].connections, accounts.syn_repeated), (1, 0));
        assert!(accounts.balance());
    }
    // Three times.
    let same = |copy| copy;
    let (log, accounts, _) = healths(&doubled(&once, &[(10, &same), (2_000, &same)]));
    assert_eq!((log.text().as_str(), accounts.mirrored_twice), (DIALOGUE, 2 * once.len() as u64));
}

#[test]
fn retransmissions_and_repeated_acknowledgements_are_no_copies() {
    let segments = numbered(vec![
        c(3, PSH, 0, 0, "GET"),
        c(4, PSH, 0, 0, "GET"),
        s(5, ACK, 0, 3, ""),
        s(5, ACK, 0, 3, ""),
        s(5, ACK, 0, 3, ""),
    ]);
    let accounts = check_open(&segments, "o:GET CaptureEnd");
    assert_eq!((accounts.mirrored_twice, accounts.duplicate), (0, 3));
    // The same number, as where a sender numbers nothing, but after its timeout.
    let slow = [segments[0], Segment { at: Timestamp(203_000_000), ..segments[0] }];
    assert_eq!(check_open(&slow, "o:GET CaptureEnd").mirrored_twice, 0);
    let v6 = [c(3, PSH, 0, 0, "GET"), c(5, PSH, 0, 0, "GET"), s(6, ACK, 0, 3, ""), s(6, ACK, 0, 3, "")];
    assert_eq!(check_open(&v6, "o:GET CaptureEnd").mirrored_twice, 0);
}

#[test]
fn a_forgery_that_looks_like_a_copy_is_still_told() {
    let get = Segment { ip_id: 7, checksum: 9, ..c(3, PSH, 0, 0, "GET") };
    let accounts = check_open(&[get, Segment { payload: b"PUT", ..get }], "o:GET o!Conflict CaptureEnd");
    assert_eq!((accounts.mirrored_twice, accounts.conflicting), (1, 3));
}

#[test]
fn copies_do_not_keep_a_stream_from_being_found_again() {
    let far = 1 << 28;
    let strays = numbered(vec![
        c(4, PSH, far, 0, "junk"),
        c(5, PSH, far + 4, 0, "more"),
        s(5, ACK, 0, far + 8, ""),
        c(6, PSH, far + 8, 0, "again"),
    ]);
    let twice = doubled(&strays, &[(300, &|copy| copy)]);
    let segments = [vec![c(3, PSH, 0, 0, "abc")], twice].concat();
    let accounts = check_open(&segments, "o:abc o-268435461 o:again CaptureEnd");
    assert_eq!((accounts.resynchronised, accounts.mirrored_twice), (1, 4));
}

#[test]
fn a_connection_copied_to_other_vlans_is_read_once() {
    let once: Vec<_> = dialogue().into_iter().map(|segment| on(&[10], segment)).collect();
    let twenty = |copy: Segment<'static>| Segment { ttl: copy.ttl - 1, ..on(&[20], copy) };
    let inner = |copy| on(&[30, 10], copy);
    let plain = |copy| on(&[], copy);
    for us in [0, 300, 2_500] {
        let (log, accounts, health) = healths(&doubled(&once, &[(us, &twenty)]));
        assert_eq!(log.text(), DIALOGUE, "{us}");
        assert_eq!((accounts.connections, accounts.mirrored_vlans, accounts.joined), (1, 1, 0));
        assert_eq!((health[10].connections, health[20].connections), (1, 0));
        assert_eq!((health[10].mirrored_twice, health[20].mirrored_twice), (0, once.len() as u64));
    }
    let (log, accounts, _) = healths(&doubled(&once, &[(1, &twenty), (2, &inner), (3, &plain)]));
    assert_eq!((log.text().as_str(), accounts.connections, accounts.mirrored_vlans), (DIALOGUE, 1, 3));
    // The first copies were lost, and so were some first arrivals: what one lacks the other brings.
    let mut holed = doubled(&once, &[(100, &twenty)]);
    let mut n = 0;
    holed.retain(|_| {
        n += 1;
        ![2, 7, 10, 11].contains(&n)
    });
    let (log, accounts, _) = healths(&holed);
    assert_eq!((log.text().as_str(), accounts.connections), (DIALOGUE, 1));
    // Joined midstream.
    let (log, accounts, _) = healths(&doubled(&once[3..], &[(100, &twenty)]));
    assert_eq!((log.text().as_str(), accounts.connections), (DIALOGUE, 1));
    // The next connection on the same ports, within the tail of the first.
    let next = |segment: Segment<'static>| {
        let seq = segment.seq.wrapping_add(90_000);
        let ack = if segment.flags.has(ACK) { segment.ack.wrapping_add(90_000) } else { 0 };
        Segment { at: segment.at + Span::millis(30), seq, ack, ip_id: segment.ip_id + 100, ..segment }
    };
    let both: Vec<_> = once.iter().copied().chain(once.iter().map(|segment| next(*segment))).collect();
    let (log, accounts, _) = healths(&doubled(&both, &[(100, &twenty)]));
    assert_eq!(log.text(), format!("{DIALOGUE} {DIALOGUE}"));
    assert_eq!((accounts.connections, accounts.mirrored_twice), (2, both.len() as u64));
}

#[test]
fn a_dialogue_of_its_own_on_another_vlan_is_read() {
    // The same numbers in the same instant, but not the same packets.
    let once: Vec<_> = dialogue().into_iter().map(|segment| on(&[10], segment)).collect();
    let other = |copy: Segment<'static>| Segment { ip_id: copy.ip_id + 1000, ..on(&[20], copy) };
    let (log, accounts, health) = healths(&doubled(&once, &[(10, &other)]));
    assert_eq!((accounts.connections, accounts.mirrored_twice, log.opened.len()), (2, 0, 2));
    assert_eq!((health[10].connections, health[20].connections), (1, 1));
}

#[test]
fn directions_on_two_taps_are_one_connection_with_two_places() {
    let halves: Vec<_> = dialogue()
        .into_iter()
        .map(|segment| if segment.src.port == 80 { on(&[20], segment) } else { on(&[10], segment) })
        .filter(|segment| segment.payload != b"Q")
        .collect();
    let (_, accounts, health) = healths(&halves);
    assert_eq!((accounts.joined, health[10].split_vlans, health[20].split_vlans), (1, 1, 0));
    assert_eq!((health[10].connections, health[10].one_way), (1, 0));
    // The answer that was lost counts where answers come from.
    assert_eq!((health[10].acked_unseen, health[20].acked_unseen, health[20].gaps), (0, 1, 1));
}

#[test]
fn what_was_acknowledged_and_never_came_is_lost_before_us() {
    // At the end of the capture, behind the last octet seen.
    let tail = [handshake(), vec![s(3, PSH, 0, 0, "abc"), c(4, ACK, 0, 103, "")]].concat();
    let (log, accounts, health) = healths(&tail);
    assert_eq!(log.text(), "r:abc r-100 CaptureEnd");
    assert_eq!((accounts.acked_unseen, health[0].lost_before_us(), health[0].gap_bytes), (100, 100, 100));
    // The end of a connection that lost its last data, and what comes after all.
    let end = [handshake(), vec![s(3, PSH, 0, 0, "abc"), s(4, FIN, 53, 0, ""), c(5, FIN, 0, 54, "")]].concat();
    assert_eq!(healths(&end).2[0].lost_before_us(), 50);
    let late = [handshake(), vec![c(4, ACK, 0, 5, ""), s(100, PSH, 0, 0, "hello")]].concat();
    let (_, _, health) = healths(&late);
    assert_eq!((health[0].acked_unseen, health[0].refilled, health[0].lost_before_us()), (5, 5, 0));
    // What nobody acknowledged, and what the capture itself cut, is no loss of the mirror's.
    let open = [handshake(), vec![s(3, ACK, 0, 0, "abc"), s(4, ACK, 6, 0, "ghi")]].concat();
    assert_eq!((healths(&open).2[0].gap_bytes, healths(&open).2[0].acked_unseen), (3, 0));
    let cut = |segment| Segment { cut: 90, ..segment };
    let cuts = [
        handshake(),
        vec![cut(s(3, ACK, 100, 0, "0123456789")), c(4, ACK, 0, 200, ""), cut(s(5, ACK, 0, 0, "9876543210"))],
    ];
    let (_, accounts, health) = healths(&cuts.concat());
    assert_eq!((accounts.gap_bytes, accounts.acked_unseen, health[0].acked_unseen), (180, 0, 0));
}

#[test]
fn what_is_seen_one_way_is_judged_when_it_is_over() {
    let requests: Vec<_> = dialogue().into_iter().filter(|segment| segment.dst.port == 80).collect();
    let (log, accounts, health) = healths(&requests);
    assert_eq!(log.text(), "o:GETP o. CaptureEnd");
    // Nothing says how much the unseen side lost.
    assert_eq!((health[0].connections, health[0].one_way, health[0].midstream), (1, 1, 0));
    assert_eq!((accounts.acked_unseen, health[0].acked_unseen), (0, 0));
    // Without data there is nothing to judge.
    assert_eq!(healths(&handshake()).2[0].connections, 0);
    let (_, _, health) = healths(&dialogue()[4..]);
    assert_eq!((health[0].connections, health[0].one_way, health[0].midstream), (1, 0, 1));
}

#[test]
fn a_connection_that_goes_on_is_judged_after_a_minute() {
    let mut log = Log::default();
    let mut streams = Streams::<Recorder>::new(Limits::default());
    let taps = [Tap { interface: 0, vlan: None }];
    let mut judged = Vec::new();
    for n in 0..10u64 {
        streams.segment(&mut log, &c(n * 10_000, PSH, n as i64, 0, "x"));
        judged.push(Health::new(&taps, streams.health()).total().connections);
    }
    assert_eq!(judged, [0, 0, 0, 0, 0, 0, 1, 1, 1, 1]);
    streams.finish(&mut log, Timestamp(100_000_000_000));
    let total = Health::new(&taps, streams.health()).total();
    assert_eq!((total.connections, total.one_way, total.of(Content::Unknown)), (1, 1, 1));
}

/// The log without conflicts: the copy of a segment that differs from what came before it differs again.
fn but_conflicts(log: Log) -> String {
    let mut out = Log::default();
    for (at, name, what) in log.entries.into_iter().filter(|entry| !entry.2.ends_with("!Conflict")) {
        match what.split_at_checked(2) {
            Some((side @ ("o:" | "r:"), data)) => {
                out.data(Timestamp(at), &name, if side == "o:" { 'o' } else { 'r' }, data.as_bytes());
            }
            _ => out.add(Timestamp(at), &name, what),
        }
    }
    out.text()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever comes, copies change nothing of what readers are told.
    #[test]
    fn copies_change_nothing(segments in any_segments()) {
        let segments = numbered(segments);
        let once = but_conflicts(run(&segments, Limits::default()).0);
        for vlan in [&[][..], &[20]] {
            let twice: Vec<_> = segments.iter().flat_map(|segment| [*segment, on(vlan, *segment)]).collect();
            prop_assert_eq!(but_conflicts(run(&twice, Limits::default()).0), once.as_str());
        }
    }
}
