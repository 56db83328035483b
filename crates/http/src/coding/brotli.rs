//! Brotli (RFC 7932), with its allocations counted: besides the window, a stream can ask for megabytes of prefix codes.

use brotli_decompressor::{Allocator, BrotliDecompressStream, BrotliResult, BrotliState, SliceWrapper, StandardAlloc};

/// Decodes one stream.
pub(super) struct Brotli(Box<BrotliState<Metered, Metered, Metered>>);

/// Allocates from the heap and counts.
#[derive(Default)]
struct Metered {
    heap: StandardAlloc,
    used: usize,
}

impl<T: Clone + Default> Allocator<T> for Metered
where
    StandardAlloc: Allocator<T>,
{
    type AllocatedMemory = <StandardAlloc as Allocator<T>>::AllocatedMemory;

    fn alloc_cell(&mut self, length: usize) -> Self::AllocatedMemory {
        self.used += length * size_of::<T>();
        self.heap.alloc_cell(length)
    }

    fn free_cell(&mut self, data: Self::AllocatedMemory) {
        self.used = self.used.saturating_sub(size_of_val(data.slice()));
        self.heap.free_cell(data);
    }
}

impl Brotli {
    pub(super) fn new() -> Self {
        let heap = Metered::default;
        Brotli(Box::new(BrotliState::new_strict(heap(), heap(), heap())))
    }

    /// What a stream that begins like this will take at least: the window that its first byte declares (section 9.1);
    /// `None` if that is invalid.
    pub(super) fn memory(start: &[u8]) -> Option<usize> {
        let byte = u32::from(*start.first()?);
        let bits = match (byte & 1, byte >> 1 & 7, byte >> 4 & 7) {
            (0, ..) => 16,
            (_, 0, 0) => 17,
            (_, 0, 1) => return None,
            (_, 0, n) => 8 + n,
            (_, n, _) => 17 + n,
        };
        Some((1 << bits) + size_of::<BrotliState<Metered, Metered, Metered>>())
    }

    /// Bytes allocated now.
    pub(super) fn allocated(&self) -> usize {
        let state = size_of::<BrotliState<Metered, Metered, Metered>>();
        state + self.0.alloc_u8.used + self.0.alloc_u32.used + self.0.alloc_hc.used
    }

    /// Decodes some of `input` into `piece`: bytes used, bytes made, and how that went.
    pub(super) fn step(&mut self, input: &[u8], piece: &mut [u8]) -> (usize, usize, BrotliResult) {
        let (mut available, mut used) = (input.len(), 0);
        let (mut room, mut made, mut total) = (piece.len(), 0, 0);
        let result = BrotliDecompressStream(
            &mut available,
            &mut used,
            input,
            &mut room,
            &mut made,
            piece,
            &mut total,
            &mut self.0,
        );
        (used, made, result)
    }
}
