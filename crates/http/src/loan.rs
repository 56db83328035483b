//! What a connection has taken of what all connections of a worker share. A connection that a panic takes away cannot give
//! it back itself; whoever comes next does.

use std::cell::Cell;
use std::rc::Rc;

use crate::connection::Shared;
use crate::inspection::Inspection;

/// How much is lent, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lent {
    pub(crate) buffers: usize,
    pub(crate) decoders: usize,
    pub(crate) channels: usize,
    pub(crate) tables: usize,
    pub(crate) hellos: usize,
}

impl Lent {
    /// Field by field.
    fn zip(self, other: Lent, with: impl Fn(usize, usize) -> usize) -> Lent {
        Lent {
            buffers: with(self.buffers, other.buffers),
            decoders: with(self.decoders, other.decoders),
            channels: with(self.channels, other.channels),
            tables: with(self.tables, other.tables),
            hellos: with(self.hellos, other.hellos),
        }
    }
}

/// What a connection that is gone has left behind.
struct Debt {
    /// What was lent in all when its last call began, if that did not return.
    before: Option<Lent>,
    taken: Lent,
}

/// Where it is noted.
#[derive(Clone, Default)]
pub(crate) struct Debts(Rc<Cell<Option<Box<Debt>>>>);

/// What one connection has taken.
pub(crate) struct Loan {
    taken: Lent,
    /// What was lent in all when the call at hand began.
    before: Option<Lent>,
    debts: Debts,
}

impl Loan {
    pub(crate) fn new(debts: &Debts) -> Loan {
        Loan { taken: Lent::default(), before: None, debts: debts.clone() }
    }

    /// A call of the connection begins.
    pub(crate) fn enter<I: Inspection>(&mut self, cx: &mut Shared<I>) {
        if let Some(debt) = self.debts.0.take() {
            // Nobody else has been at work since.
            let lent = debt.before.unwrap_or_else(|| cx.lent());
            cx.set_lent(lent.zip(debt.taken, usize::saturating_sub));
        }
        self.before = Some(cx.lent());
    }

    /// The call returns.
    pub(crate) fn leave<I: Inspection>(&mut self, cx: &Shared<I>) {
        if let Some(before) = self.before.take() {
            self.taken = self.taken.zip(cx.lent(), usize::wrapping_add).zip(before, usize::wrapping_sub);
        }
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        if self.before.is_some() || self.taken != Lent::default() {
            // One that was not settled yet is a part of it.
            let (before, taken) = self.debts.0.take().map_or((None, Lent::default()), |debt| (debt.before, debt.taken));
            let taken = taken.zip(self.taken, usize::wrapping_add);
            self.debts.0.set(Some(Box::new(Debt { before: before.or(self.before), taken })));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debts_of_several_add_up() {
        let debts = Debts::default();
        let lent = |buffers| Lent { buffers, ..Lent::default() };
        for (before, taken) in [(None, 5), (Some(90), 7), (Some(80), 0), (None, 2)] {
            let mut loan = Loan::new(&debts);
            (loan.before, loan.taken) = (before.map(lent), lent(taken));
        }
        let debt = debts.0.take().expect("a debt");
        assert_eq!((debt.before, debt.taken), (Some(lent(90)), lent(14)));
    }
}
