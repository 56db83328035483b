//! Mirrors whose ports deliver the two directions at different paces: what is said stays in the order in which it was.

use super::*;

fn on_vlan(segment: Segment<'_>, id: u16) -> Segment<'_> {
    let mut vlans = Vlans::default();
    vlans.push(id);
    Segment { vlans, ..segment }
}

#[test]
fn a_direction_that_shows_up_late_is_waited_for() {
    let server = [s(0, SYN | ACK, -1, 0, ""), s(1, PSH, 0, 3, "OK")];
    let client = [c(20, SYN, -1, 0, ""), c(20, ACK, 0, 0, ""), c(21, PSH, 0, 0, "GET"), c(22, PSH, 3, 2, "PUT")];
    check(&[&server[..], &client[..], &[s(23, PSH, 2, 6, "no")]].concat(), "o:GET r:OK o:PUT r:no CaptureEnd");
    // The handshake's last packet tells where the server's stream starts.
    let client = [c(0, SYN, -1, 0, ""), c(1, ACK, 0, 0, ""), c(2, PSH, 0, 0, "GET"), c(3, PSH, 3, 2, "PUT")];
    let server = [s(20, SYN | ACK, -1, 0, ""), s(21, PSH, 0, 3, "OK"), s(22, PSH, 2, 6, "no")];
    let accounts = check(&[&client[..], &server[..]].concat(), "o:GET r:OK o:PUT r:no CaptureEnd");
    assert_eq!((accounts.gaps, accounts.midstream), (0, 0));
}

#[test]
fn a_direction_that_never_shows_up_is_waited_for_once() {
    let server = [s(0, SYN | ACK, -1, 0, ""), s(1, PSH, 0, 3, "OK"), s(2, PSH, 2, 6, "no"), s(300, PSH, 4, 9, "so")];
    let (log, accounts) = run(&server, Limits::default());
    assert_eq!(log.timed(), "51 r:OKnoso, 310 CaptureEnd");
    assert_eq!(accounts.gaps, 0);
}

#[test]
fn halves_on_different_vlans_are_joined_though_the_answer_overtakes_the_syn() {
    let segments = [
        s(0, SYN | ACK, -1, 0, ""),
        s(1, PSH, 0, 3, "OK"),
        on_vlan(c(5, SYN, -1, 0, ""), 7),
        on_vlan(c(6, ACK, 0, 0, ""), 7),
        on_vlan(c(6, PSH, 0, 0, "GET"), 7),
    ];
    let accounts = check(&segments, "o:GET r:OK CaptureEnd");
    assert_eq!((accounts.connections, accounts.joined), (1, 1));
    // Another connection's SYN.
    let other = Segment { seq: 99, ..on_vlan(c(5, SYN, -1, 0, ""), 7) };
    assert_eq!(run(&[s(0, SYN | ACK, -1, 0, ""), other], Limits::default()).1.connections, 2);
}

#[test]
fn an_answer_waits_for_the_last_octet_of_its_request() {
    check_open(&[c(3, ACK, 0, 0, "GE"), s(4, PSH, 0, 3, "OK"), c(5, PSH, 2, 0, "T")], "o:GET r:OK CaptureEnd");
}

#[test]
fn a_retransmission_that_goes_on_with_new_data_is_told_in_parts() {
    // "OK" comes only with the answer to what acknowledges it.
    let segments = [c(3, PSH, 0, 0, "GET"), s(4, PSH, 0, 6, "OKyes"), c(5, PSH, 3, 2, "PUT")];
    let (log, accounts) = run(&[handshake(), segments.to_vec()].concat(), Limits::default());
    assert_eq!(log.timed(), "3 o:GET, 15 r:OK, 15 o:PUT, 15 r:yes, 15 CaptureEnd");
    assert_eq!((accounts.held, accounts.gaps), (0, 0));
    // Both whole, each acknowledging the other: the request first, when no copy can come any more that says better.
    let segments = [c(3, PSH, 0, 0, "GET"), s(4, PSH, 0, 6, "OK"), c(5, PSH, 3, 2, "PUT"), c(200, ACK, 6, 2, "")];
    let (log, _) = run(&[handshake(), segments.to_vec()].concat(), Limits::default());
    assert_eq!(log.timed(), "3 o:GETPUT, 55 r:OK, 210 CaptureEnd");
}

#[test]
fn at_the_end_a_gap_does_not_let_the_next_request_overtake_an_answer() {
    check_open(&[s(3, PSH, 0, 3, "OK"), c(4, PSH, 3, 2, "PUT")], "o-3 r:OK o:PUT CaptureEnd");
}

#[test]
fn a_copy_tells_better_when_octets_were_sent_than_a_retransmission_that_came_first() {
    // "T" and "go" first come with what was sent a round trip later.
    let segments = [c(3, PSH, 2, 2, "TBODY"), s(4, PSH, 0, 7, "goOK"), s(5, PSH, 0, 3, "go"), c(6, PSH, 0, 0, "GET")];
    check_open(&segments, "o:GET r:go o:BODY r:OK CaptureEnd");
    // Each waits for the other already when the first copy comes.
    let segments =
        [c(3, PSH, 0, 4, "GETPUT"), s(4, PSH, 0, 6, "OKNOyes"), c(14, PSH, 0, 0, "GET"), s(15, PSH, 0, 3, "OKNO")];
    check_open(&segments, "o:GET r:OKNO o:PUT r:yes CaptureEnd");
}
