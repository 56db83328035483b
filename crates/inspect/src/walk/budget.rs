//! What walkers of archives, workbooks and PDF share: the bytes that come out of one body, and the memory of a worker.

use std::cell::Cell;
use std::rc::Rc;

/// Bytes that come out of all archives and PDF of one body, within one another or side by side.
pub(super) const OUT: u64 = 128 << 20;
/// Bytes that walkers of archives, workbooks and PDF hold together in a worker, but for what the last one added.
const HELD: usize = 32 << 20;

/// What all walkers of archives, workbooks and PDF of a worker hold, in bytes. Clones count together.
#[derive(Clone, Debug, Default)]
pub struct WalkMemory(Rc<Cell<usize>>);

impl WalkMemory {
    /// In all, in bytes.
    pub fn held(&self) -> usize {
        self.0.get()
    }

    fn is_full(&self) -> bool {
        self.held() >= HELD
    }
}

/// Where a document stands: within how many others, of which body, at which worker.
#[derive(Clone, Debug, Default)]
pub(crate) struct Around {
    /// Documents around it.
    pub depth: u8,
    /// Bytes that came out of archives of the body.
    out: Option<Rc<Cell<u64>>>,
    memory: Option<WalkMemory>,
}

impl Around {
    /// For a body of that worker.
    pub fn of(memory: &WalkMemory) -> Around {
        Around { memory: Some(memory.clone()), ..Around::default() }
    }

    /// For a document in this one.
    pub fn within(&mut self) -> Around {
        self.out.get_or_insert_default();
        self.memory.get_or_insert_default();
        Around { depth: self.depth.saturating_add(1), ..self.clone() }
    }

    /// Bytes that may still come out.
    pub fn left(&self) -> u64 {
        OUT.saturating_sub(self.out.as_ref().map_or(0, |out| out.get()))
    }

    /// So many came out.
    pub fn take(&mut self, bytes: u64) {
        let out = self.out.get_or_insert_default();
        out.set(out.get().saturating_add(bytes));
    }

    /// Walkers hold as much as they may.
    pub fn is_full(&self) -> bool {
        self.memory.as_ref().is_some_and(WalkMemory::is_full)
    }

    /// The part of one walker.
    pub(super) fn share(&mut self) -> Share {
        Share { memory: self.memory.get_or_insert_default().clone(), mine: 0 }
    }
}

/// What one walker holds of what all may; it is given back when the walker goes.
#[derive(Debug, Default)]
pub(super) struct Share {
    memory: WalkMemory,
    mine: usize,
}

impl Share {
    /// It holds so many bytes now; whether all together may hold more.
    pub fn set(&mut self, bytes: usize) -> bool {
        let others = self.memory.held().saturating_sub(self.mine);
        self.memory.0.set(others.saturating_add(bytes));
        self.mine = bytes;
        !self.memory.is_full()
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn walkers_count_together_and_give_back() {
        let memory = WalkMemory::default();
        let (mut one, mut other) = (Around::of(&memory), Around::of(&memory).within());
        let (mut first, mut second) = (one.share(), other.share());
        assert!(first.set(HELD - 1) && !second.set(10) && one.is_full() && other.is_full());
        assert!(second.set(0) && !one.is_full());
        drop((first, second));
        assert_eq!(memory.held(), 0);
        let mut inner = one.within();
        inner.take(OUT - 5);
        assert_eq!((one.left(), one.within().left(), other.left()), (5, 5, OUT));
    }
}
