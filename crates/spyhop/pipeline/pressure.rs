//! Whether a live sensor keeps up, and how much work it has to leave out so that it does.

use spyhop_inspect::Shed;
use spyhop_model::{Span, Timestamp};

/// Packets that wait in the ring for longer than this show that the machine falls behind.
const BEHIND: Span = Span::millis(300);
/// Packets that wait for less than this show that it keeps up.
const ABREAST: Span = Span::millis(100);
/// It has to be behind, or abreast, for so long before one more, or one less, is left out.
const UP_AFTER: Span = Span::millis(200);
const DOWN_AFTER: Span = Span::seconds(3);

/// Steps, the least missed first.
const STEPS: [Step; 4] = [
    Step { shed: Shed::Nothing, halves: false, says: "everything is inspected again" },
    Step {
        shed: Shed::LowGrade,
        halves: false,
        says: "the machine falls behind: bodies of endpoints that returned nothing sensitive so far are not inspected",
    },
    Step {
        shed: Shed::Bodies,
        halves: false,
        says: "the machine falls further behind: no bodies but those of logins are inspected",
    },
    Step {
        shed: Shed::Bodies,
        halves: true,
        says: "the machine falls further behind: every second connection is not followed",
    },
];

/// What is left out at one step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    /// By workers.
    pub(super) shed: Shed,
    /// Every second connection is not followed.
    pub(super) halves: bool,
    /// For the operator.
    pub(super) says: &'static str,
}

/// Goes up and down the steps.
#[derive(Debug, Default)]
pub(super) struct Pressure {
    step: usize,
    /// Since when it has been behind, or abreast, without a break.
    since: Option<(bool, Timestamp)>,
}

impl Pressure {
    /// `lag`: how long the packet that was just read had waited, by the clock, at `now`. Says when the step has changed.
    pub(super) fn observe(&mut self, now: Timestamp, lag: Span) -> bool {
        let is_behind = match lag {
            lag if lag > BEHIND => true,
            lag if lag < ABREAST => false,
            _ => {
                self.since = None;
                return false;
            }
        };
        let since = match self.since {
            Some((was, since)) if was == is_behind => since,
            _ => {
                self.since = Some((is_behind, now));
                now
            }
        };
        let next = match is_behind {
            true if now.since(since) >= UP_AFTER => (self.step + 1).min(STEPS.len() - 1),
            false if now.since(since) >= DOWN_AFTER => self.step.saturating_sub(1),
            _ => return false,
        };
        self.since = None;
        std::mem::replace(&mut self.step, next) != next
    }

    pub(super) fn step(&self) -> Step {
        STEPS.get(self.step).copied().unwrap_or(STEPS[0])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_left_out_step_by_step_and_taken_up_again() {
        let mut pressure = Pressure::default();
        let mut now = Timestamp(1_000_000_000_000);
        let mut told = Vec::new();
        for lag in [vec![Span::millis(400); 100], vec![Span::millis(200); 100], vec![Span::millis(5); 1_000]].concat() {
            now = now + Span::millis(10);
            if pressure.observe(now, lag) {
                told.push((pressure.step().shed, pressure.step().halves));
            }
        }
        use Shed::{Bodies, LowGrade, Nothing};
        let down = [(Bodies, false), (LowGrade, false), (Nothing, false)];
        assert_eq!(told, [[(LowGrade, false), (Bodies, false), (Bodies, true)], down].concat());
    }
}
