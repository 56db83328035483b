//! Values by number, in blocks: no moving when it grows, and places of freed values are used again.

use std::ops::{Index, IndexMut};

/// Values a block.
const BLOCK: usize = 64;

/// Values by number.
pub(crate) struct Slab<T> {
    blocks: Vec<Vec<T>>,
    free: Vec<u32>,
    len: usize,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Slab { blocks: Vec::new(), free: Vec::new(), len: 0 }
    }
}

impl<T: Default> Slab<T> {
    /// Adds a value; returns its number.
    pub(crate) fn add(&mut self, value: T) -> u32 {
        self.len += 1;
        if let Some(at) = self.free.pop() {
            self[at] = value;
            return at;
        }
        if self.blocks.last().is_none_or(|block| block.len() == BLOCK) {
            self.blocks.push(Vec::with_capacity(BLOCK));
        }
        let before = (self.blocks.len() - 1) * BLOCK;
        let Some(block) = self.blocks.last_mut() else { return u32::MAX };
        block.push(value);
        u32::try_from(before + block.len() - 1).unwrap_or(u32::MAX)
    }
    /// Drops a value. Its number must not be used before [`Slab::add`] returns it again.
    pub(crate) fn free(&mut self, at: u32) {
        self[at] = T::default();
        self.len -= 1;
        if self.len == 0 {
            (self.blocks, self.free) = (Vec::new(), Vec::new());
        } else {
            self.free.push(at);
        }
    }
    /// Values held.
    pub(crate) fn len(&self) -> usize {
        self.len
    }
}

impl<T> Index<u32> for Slab<T> {
    type Output = T;
    fn index(&self, at: u32) -> &T {
        &self.blocks[at as usize / BLOCK][at as usize % BLOCK]
    }
}

impl<T> IndexMut<u32> for Slab<T> {
    fn index_mut(&mut self, at: u32) -> &mut T {
        &mut self.blocks[at as usize / BLOCK][at as usize % BLOCK]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_used_again_and_an_empty_slab_holds_nothing() {
        let mut slab = Slab::default();
        let numbers: Vec<u32> = (0..200).map(|n| slab.add(n)).collect();
        assert!((0..200).all(|n| slab[n] == n) && numbers.len() == slab.len());
        slab.free(77);
        assert_eq!((slab.add(1_000), slab[77], slab[78]), (77, 1_000, 78));
        numbers.iter().for_each(|at| slab.free(*at));
        assert_eq!((slab.len(), slab.blocks.len(), slab.add(5)), (0, 0, 0));
    }
}
