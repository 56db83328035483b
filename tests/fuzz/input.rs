//! A fuzzer's bytes as numbers and records. Whatever comes can be read, and what [`record`] wrote reads back the same,
//! so that seeds are written by a program.

/// The bytes not read yet. Past their end, numbers are zero and slices are empty.
pub struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    /// All bytes of one run.
    pub fn new(bytes: &'a [u8]) -> Self {
        Input(bytes)
    }

    /// Nothing is left.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next octet.
    pub fn byte(&mut self) -> u8 {
        self.bytes(1).first().copied().unwrap_or_default()
    }

    /// The next two octets, little-endian.
    pub fn short(&mut self) -> u16 {
        u16::from_le_bytes([self.byte(), self.byte()])
    }

    /// The next four octets, little-endian.
    pub fn long(&mut self) -> u32 {
        u32::from(self.short()) | u32::from(self.short()) << 16
    }

    /// The next `len` octets, or fewer at the end.
    pub fn bytes(&mut self, len: usize) -> &'a [u8] {
        let (some, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        some
    }

    /// Octets behind their length (two octets).
    pub fn record(&mut self) -> &'a [u8] {
        let len = usize::from(self.short());
        self.bytes(len)
    }

    /// All that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }
}

/// Appends what [`Input::record`] reads; of more octets than a length can say, the first.
pub fn record(out: &mut Vec<u8>, bytes: &[u8]) {
    let len = bytes.len().min(usize::from(u16::MAX));
    out.extend_from_slice(&(len as u16).to_le_bytes());
    out.extend_from_slice(&bytes[..len]);
}
