//! Captures larger than memory: actors say their parts in order of time, frames leave as soon as no earlier one can come.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, Write};

use spyhop_model::{Span, Timestamp};

use crate::capture::{PcapWriter, Precision};
use crate::frame::{Frame, Link};
use crate::mangle::coarse;
use crate::rng::Rng;

/// What a generated capture holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Connections begun.
    pub connections: u64,
    /// Requests sent with their responses; some frames of them may be lost.
    pub exchanges: u64,
    /// Packets in the file.
    pub packets: u64,
    /// Captured octets in the file, without its own headers.
    pub octets: u64,
    /// Packets that were sent and are not in the file.
    pub lost: u64,
    /// Packets captured later than they were sent.
    pub late: u64,
}

/// What happens to packets on their way into the file.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Faults {
    /// Packets lost, in a hundred.
    pub loss: f64,
    /// Packets captured late, in a hundred.
    pub late: f64,
    /// How late at most.
    pub by: Span,
    /// Capture times are multiples of this.
    pub grain: Span,
}

impl Faults {
    /// A perfect mirror with a clock of nanoseconds.
    pub const NONE: Faults = Faults { loss: 0.0, late: 0.0, by: Span(0), grain: Span(1) };
}

/// What is played: who enters, and what each says next.
pub(crate) trait Play {
    type Actor;

    /// The next to enter, at `at` or later, with the time of its first part; none when nobody is left.
    fn enter(&mut self, at: Timestamp, totals: &mut Totals) -> Option<(Timestamp, Self::Actor)>;

    /// The actor's next part: writes frames of `now` and later, returns the time of its next part, none if it leaves.
    fn act(
        &mut self,
        actor: &mut Self::Actor,
        now: Timestamp,
        out: &mut Vec<Frame>,
        totals: &mut Totals,
    ) -> Option<Timestamp>;
}

/// A frame on its way, ordered by time, then by when it was made.
struct Held {
    key: (Timestamp, u64),
    frame: Frame,
}

impl PartialEq for Held {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}
impl Eq for Held {}
impl PartialOrd for Held {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Held {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key.cmp(&other.key)
    }
}

/// Plays with `seats` actors at a time, the first entering `apart` from each other, into a classic nanosecond pcap.
///
/// # Errors
/// Those of `out`.
pub(crate) fn perform<P: Play, W: Write>(
    play: &mut P,
    seats: usize,
    begin: Timestamp,
    apart: Span,
    faults: Faults,
    seed: u64,
    out: W,
) -> io::Result<Totals> {
    let mut totals = Totals::default();
    let mut writer = PcapWriter::new(out, Link::Ethernet, Precision::Nano)?;
    let mut rng = Rng::new(seed ^ 0x6661_756c_7473);
    let mut held: BinaryHeap<Reverse<Held>> = BinaryHeap::new();
    let mut cues: BinaryHeap<Reverse<(Timestamp, usize)>> = BinaryHeap::new();
    let mut actors: Vec<Option<P::Actor>> = Vec::new();
    for seat in 0..seats {
        let Some((cue, actor)) = play.enter(begin + Span(apart.0 * seat as u64), &mut totals) else { break };
        cues.push(Reverse((cue, seat)));
        actors.push(Some(actor));
    }
    let mut made = Vec::new();
    let mut serial = 0;
    while let Some(Reverse((now, seat))) = cues.pop() {
        while held.peek().is_some_and(|Reverse(first)| first.key.0 < now) {
            release(&mut held, &mut writer, faults.grain, &mut totals)?;
        }
        let Some(actor) = actors.get_mut(seat) else { continue };
        let cue = actor.as_mut().and_then(|actor| play.act(actor, now, &mut made, &mut totals));
        for frame in made.drain(..) {
            debug_assert!(frame.at >= now, "a frame of a time gone by");
            if faults.loss > 0.0 && rng.chance(faults.loss) {
                totals.lost += 1;
                continue;
            }
            let mut at = frame.at;
            if faults.late > 0.0 && rng.chance(faults.late) {
                totals.late += 1;
                at = at + Span(rng.below(faults.by.0));
            }
            held.push(Reverse(Held { key: (at, serial), frame }));
            serial += 1;
        }
        if let Some(cue) = cue {
            cues.push(Reverse((cue.max(now), seat)));
        } else if let Some((cue, next)) = play.enter(now, &mut totals) {
            *actor = Some(next);
            cues.push(Reverse((cue.max(now), seat)));
        } else {
            *actor = None;
        }
    }
    while !held.is_empty() {
        release(&mut held, &mut writer, faults.grain, &mut totals)?;
    }
    writer.finish()?;
    Ok(totals)
}

fn release<W: Write>(
    held: &mut BinaryHeap<Reverse<Held>>,
    writer: &mut PcapWriter<W>,
    grain: Span,
    totals: &mut Totals,
) -> io::Result<()> {
    if let Some(Reverse(Held { key: (at, _), mut frame })) = held.pop() {
        frame.at = coarse(at, grain);
        totals.packets += 1;
        totals.octets += frame.bytes.len() as u64;
        writer.write(&frame)?;
    }
    Ok(())
}
