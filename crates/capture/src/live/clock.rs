//! Event time of a live run: never backwards, whatever is done to the clock of the host.

use spyhop_model::{Span, Timestamp};

/// Stamps may be out of order by this much (several queues of a card, several interfaces) without the clock having been set back.
const JITTER: Span = Span::seconds(1);

/// Cores that stamp packets of one card side by side hand them over out of order by some microseconds. What is moved by less than this
/// is not worth an operator's while.
const BLUR: Span = Span::millis(1);

/// Turns stamps of the host's clock into event time.
///
/// Where the clock is set back, event time goes on from where it was, and at half the clock's pace until the clock has come up with
/// it: a sensor that waited for the clock would be blind until then, and one that followed it would let time run backwards.
#[derive(Debug, Default)]
pub(super) struct Clock {
    /// How far event time is ahead of the host's clock.
    ahead: Span,
    /// The latest stamp, as the host's clock had it.
    stamped: Timestamp,
    /// The latest event time.
    last: Timestamp,
    /// How often the clock was set back.
    pub(super) steps: u64,
}

impl Clock {
    /// The event time of a stamp, and whether that is noticeably later than the stamp says.
    pub(super) fn read(&mut self, stamp: Timestamp) -> (Timestamp, bool) {
        let mut at = stamp + self.ahead;
        if at + JITTER < self.last {
            self.ahead = Span(self.ahead.0.saturating_add(self.last.since(at).0));
            self.steps += 1;
            self.stamped = stamp;
            at = self.last;
        } else if stamp > self.stamped {
            if self.ahead > Span(0) {
                let slower = Span(stamp.since(self.stamped).0 / 2);
                self.ahead = Span(self.ahead.0.saturating_sub(slower.0));
                at = stamp + self.ahead;
            }
            self.stamped = stamp;
        }
        let late = at + BLUR < self.last;
        self.last = self.last.max(at);
        (self.last, late)
    }

    /// Nothing comes before `at` any more.
    pub(super) fn promise(&mut self, at: Timestamp) {
        self.last = self.last.max(at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn s(seconds: u64) -> Timestamp {
        Timestamp(seconds * 1_000_000_000)
    }

    #[test]
    fn event_time_goes_on_while_the_clock_is_behind_and_meets_it_again() {
        let mut clock = Clock::default();
        assert_eq!(clock.read(s(10_000)), (s(10_000), false));
        assert_eq!(clock.read(s(10_010)), (s(10_010), false));
        // Back by an hour.
        assert_eq!(clock.read(s(6_410)), (s(10_010), false));
        assert_eq!(clock.read(s(6_420)), (s(10_015), false));
        assert_eq!((clock.steps, clock.read(s(13_610))), (1, (s(13_610), false)));
        assert_eq!(clock.read(s(13_700)), (s(13_700), false));
        assert_eq!(clock.steps, 1);
    }

    #[test]
    fn a_stamp_slightly_out_of_order_is_late_and_no_step() {
        let mut clock = Clock::default();
        clock.read(Timestamp(5_000_000_000));
        assert_eq!(clock.read(Timestamp(4_999_990_000)), (Timestamp(5_000_000_000), false));
        assert_eq!(clock.read(Timestamp(4_990_000_000)), (Timestamp(5_000_000_000), true));
        clock.promise(Timestamp(6_000_000_000));
        assert_eq!(clock.read(Timestamp(5_500_000_000)), (Timestamp(6_000_000_000), true));
        assert_eq!(clock.steps, 0);
    }
}
