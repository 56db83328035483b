//! TCP sequence numbers (RFC 9293, section 3.4): 32 bits that wrap.

/// A sequence number. Differences are taken modulo 2³²; what is less than 2³¹ ahead is later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seq(pub u32);

impl Seq {
    /// The number `octets` further on.
    pub fn advance(self, octets: u64) -> Seq {
        Seq(self.0.wrapping_add(octets as u32))
    }

    /// Octets from `earlier` to this; negative if `earlier` is the later one.
    pub fn since(self, earlier: Seq) -> i64 {
        i64::from(self.0.wrapping_sub(earlier.0) as i32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_wrap() {
        assert_eq!(Seq(3).since(Seq(u32::MAX)), 4);
        assert_eq!(Seq(u32::MAX).since(Seq(3)), -4);
        assert_eq!(Seq(u32::MAX).advance(1), Seq(0));
        assert_eq!(Seq(7).advance(1 << 32), Seq(7));
    }
}
