//! Blocks of memory that capture files are read into, each with a count of those who still need it.
//!
//! A packet that waits to be delivered is a range in a slab. The count is a plain number and the slabs belong to one
//! owner, so that a packet costs no allocation and no atomic operation; and since ranges are not references, the free
//! end of a slab can be filled while packets at its front wait.

/// Octets in a slab unless a file or a record wants another size.
pub(crate) const SLAB: usize = 1 << 20;
/// Slabs kept for reuse; further ones give their memory back.
const SPARE: usize = 8;

/// A range of octets in a slab.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) slab: u32,
    pub(crate) start: u32,
    pub(crate) len: u32,
}

#[derive(Default)]
struct Slab {
    bytes: Vec<u8>,
    users: u32,
}

/// All slabs of one replay.
#[derive(Default)]
pub(crate) struct Slabs {
    slabs: Vec<Slab>,
    /// Without users, with memory.
    spare: Vec<u32>,
    /// Without users, without memory.
    bare: Vec<u32>,
    in_use: usize,
}

impl Slabs {
    /// A slab of at least `len` octets with one user. What stands in it is undefined.
    pub(crate) fn take(&mut self, len: usize) -> u32 {
        let fitting = self.spare.iter().rposition(|&id| self.capacity(id) >= len);
        let id = match fitting {
            Some(at) => self.spare.swap_remove(at),
            None => self.bare.pop().or_else(|| self.spare.pop()).unwrap_or_else(|| {
                self.slabs.push(Slab::default());
                self.slabs.len() as u32 - 1
            }),
        };
        if let Some(slab) = self.slabs.get_mut(id as usize) {
            if slab.bytes.len() < len {
                slab.bytes = vec![0; len];
            }
            slab.users = 1;
            self.in_use += slab.bytes.len();
        }
        id
    }

    /// One more user.
    pub(crate) fn retain(&mut self, id: u32) {
        if let Some(slab) = self.slabs.get_mut(id as usize) {
            slab.users += 1;
        }
    }

    /// One user less; the last one frees the slab.
    pub(crate) fn release(&mut self, id: u32) {
        let Some(slab) = self.slabs.get_mut(id as usize) else { return };
        slab.users = slab.users.saturating_sub(1);
        if slab.users == 0 {
            self.in_use = self.in_use.saturating_sub(slab.bytes.len());
            if self.spare.len() < SPARE && slab.bytes.len() <= SLAB {
                self.spare.push(id);
            } else {
                slab.bytes = Vec::new();
                self.bare.push(id);
            }
        }
    }

    /// Octets of all slabs that have users.
    pub(crate) fn in_use(&self) -> usize {
        self.in_use
    }

    /// Octets in a slab.
    pub(crate) fn capacity(&self, id: u32) -> usize {
        self.slabs.get(id as usize).map_or(0, |slab| slab.bytes.len())
    }

    /// The octets of a range; empty if there is no such range.
    pub(crate) fn bytes(&self, range: Range) -> &[u8] {
        let start = range.start as usize;
        self.slabs
            .get(range.slab as usize)
            .and_then(|slab| slab.bytes.get(start..start + range.len as usize))
            .unwrap_or_default()
    }

    /// A slab's octets from `start` on, to be filled.
    pub(crate) fn rest_mut(&mut self, id: u32, start: usize) -> &mut [u8] {
        self.slabs.get_mut(id as usize).and_then(|slab| slab.bytes.get_mut(start..)).unwrap_or_default()
    }

    /// Copies a range to `start` of another slab; whether it fitted.
    pub(crate) fn copy(&mut self, from: Range, to: u32, start: usize) -> bool {
        let Ok([source, target]) = self.slabs.get_disjoint_mut([from.slab as usize, to as usize]) else { return false };
        let (first, len) = (from.start as usize, from.len as usize);
        match (source.bytes.get(first..first + len), target.bytes.get_mut(start..start + len)) {
            (Some(source), Some(target)) => {
                target.copy_from_slice(source);
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slab_is_reused_once_nobody_needs_it() {
        let mut slabs = Slabs::default();
        let first = slabs.take(100);
        slabs.rest_mut(first, 0)[..3].copy_from_slice(b"abc");
        slabs.retain(first);
        slabs.release(first);
        assert_ne!(slabs.take(100), first);
        assert_eq!(slabs.bytes(Range { slab: first, start: 1, len: 2 }), b"bc");
        slabs.release(first);
        assert_eq!(slabs.take(50), first);
        assert_eq!(slabs.in_use(), 200);
    }

    #[test]
    fn ranges_outside_are_empty_and_copies_that_do_not_fit_are_refused() {
        let mut slabs = Slabs::default();
        let (a, b) = (slabs.take(10), slabs.take(4));
        assert_eq!(slabs.bytes(Range { slab: a, start: 8, len: 3 }), b"");
        assert_eq!(slabs.bytes(Range { slab: 77, start: 0, len: 1 }), b"");
        assert!(slabs.copy(Range { slab: a, start: 0, len: 4 }, b, 0));
        assert!(!slabs.copy(Range { slab: a, start: 0, len: 5 }, b, 0));
        assert!(!slabs.copy(Range { slab: a, start: 0, len: 1 }, a, 5));
    }

    #[test]
    fn the_memory_of_many_freed_slabs_goes_back() {
        let mut slabs = Slabs::default();
        let ids: Vec<u32> = (0..40).map(|_| slabs.take(1000)).collect();
        assert_eq!(slabs.in_use(), 40_000);
        ids.into_iter().for_each(|id| slabs.release(id));
        assert_eq!(slabs.in_use(), 0);
        assert_eq!(slabs.slabs.iter().map(|slab| slab.bytes.len()).sum::<usize>(), SPARE * 1000);
    }
}
