//! What reassembly may take, and how long it waits.

use spyhop_model::{Span, settings};

settings! {
    /// Limits and waiting times of one worker's [`crate::Streams`]. All times are capture time.
    #[derive(Copy)]
    pub struct Limits {
        /// Connections remembered at the same time. Above it, first the oldest that carried no data gives way, then one that was silent for long.
        connections: usize = 100_000,
        /// Octets allocated for data of one direction that waits for what is missing before it. Above it, the oldest hole is given up.
        held_per_direction: usize = 1 << 20,
        /// Octets allocated for such data in all connections together. Above it, the connection that wants more gives up its holes.
        held_total: usize = 64 << 20,
        /// Pieces that wait in one direction, so that crafted single octets do not make it slow.
        held_pieces: usize = 2048,
        /// Octets that a segment may be ahead of what is expected. What is further away counts as out of window until three segments in a row fit each other there; the largest window of RFC 7323 is 1 GiB, real ones rarely exceed 16 MiB.
        ahead: u64 = 16 << 20,
        /// How long a hole is waited for once the receiver has acknowledged it: then nobody sends it again, and only a mirror that reorders (micro- to milliseconds) can still bring it. Also how long data that answers what was not seen yet is kept back, and how long two retransmissions that answer each other wait for a copy that tells which was first.
        acked_wait: Span = Span::millis(50),
        /// How long a hole is waited for where the receiver's direction is not seen, so that only time can tell. A first retransmission comes after 200 ms to 1 s, a second one within 3 s (RFC 6298, section 5).
        hole_wait: Span = Span::seconds(3),
        /// How long a hole is waited for where the receiver's direction is seen and has not acknowledged it: the receiver waits as well.
        unacked_wait: Span = Span::seconds(60),
        /// How long a RST is followed by what was on its way when it was sent: a round trip at most. Data from its own sender in this time shows that it was forged.
        reset_wait: Span = Span::seconds(1),
        /// How soon after a packet the mirror delivers its copy, where it delivers packets twice (ingress and egress, or two monitor sessions): microseconds in a switch, a millisecond across a router. A retransmission comes after 200 ms and more.
        copies: Span = Span::millis(10),
        /// Silence after which a connection that carried data is over.
        idle: Span = Span::minutes(5),
        /// Silence after which a connection that carried no data is forgotten.
        half_open: Span = Span::seconds(60),
        /// Silence after which a connection that ended is forgotten. Until then late copies of its segments are known.
        closed: Span = Span::seconds(5),
    }
}
