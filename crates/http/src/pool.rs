//! Buffers for what comes in pieces and must be seen together, bounded by their allocation.

/// The smallest buffer, as a power of two.
const SMALLEST: u32 = 9;
/// Sizes of buffers that are kept for reuse: 512 bytes to 128 KiB.
const CLASSES: usize = 9;
/// Free buffers kept for each size.
const KEPT: usize = 16;

/// Free buffers by size, and how much is lent out.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    free: [Vec<Vec<u8>>; CLASSES],
    lent: usize,
}

impl Pool {
    /// Appends `bytes` to a lent (or empty, unallocated) buffer; `false`, and nothing done, where that would need more
    /// than `limit` bytes of allocation in all.
    pub(crate) fn append(&mut self, buffer: &mut Vec<u8>, bytes: &[u8], limit: usize) -> bool {
        let need = buffer.len() + bytes.len();
        if need > buffer.capacity() {
            let size = need.next_power_of_two().max(1 << SMALLEST);
            if self.lent + size > limit {
                return false;
            }
            let class = (size.trailing_zeros() - SMALLEST) as usize;
            let mut larger = self.free.get_mut(class).and_then(Vec::pop).unwrap_or_else(|| Vec::with_capacity(size));
            self.lent += larger.capacity();
            larger.extend_from_slice(buffer);
            self.give(std::mem::replace(buffer, larger));
        }
        buffer.extend_from_slice(bytes);
        true
    }

    /// Takes a lent buffer back.
    pub(crate) fn give(&mut self, mut buffer: Vec<u8>) {
        let size = buffer.capacity();
        if size == 0 {
            return;
        }
        self.lent = self.lent.saturating_sub(size);
        if size.is_power_of_two()
            && let Some(free) = size.trailing_zeros().checked_sub(SMALLEST).and_then(|c| self.free.get_mut(c as usize))
            && free.len() < KEPT
        {
            buffer.clear();
            free.push(buffer);
        }
    }

    /// Bytes of allocation lent out.
    pub(crate) fn lent(&self) -> usize {
        self.lent
    }

    /// Corrects that: some will not come back.
    pub(crate) fn set_lent(&mut self, lent: usize) {
        self.lent = lent;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_grows_within_the_limit_and_comes_back() {
        let mut pool = Pool::default();
        let mut buffer = Vec::new();
        assert!(pool.append(&mut buffer, &[1; 500], 4096));
        assert_eq!(pool.lent(), 512);
        assert!(pool.append(&mut buffer, &[2; 500], 4096));
        assert_eq!((buffer.len(), pool.lent()), (1000, 1024));
        assert!(!pool.append(&mut buffer, &[3; 5000], 4096), "beyond the limit");
        assert_eq!(buffer.len(), 1000, "and nothing is done");
        pool.give(buffer);
        assert_eq!(pool.lent(), 0);
        let mut again = Vec::new();
        assert!(pool.append(&mut again, b"x", 4096) && again == b"x", "a reused buffer is empty");
    }
}
