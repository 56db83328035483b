//! Packets of any link type, one after the other through one decoder.
//!
//! Holds: every octet is in one account after every packet, and the answer is what the accounts say; what is taken from a
//! packet lies within it; a packet cut by the capture gives the same segment with less payload, or none; a batch gives
//! back what was put in; both directions go to one worker; memory stays within the limits of fragments.

#![no_main]

use libfuzzer_sys::fuzz_target;
use spyhop_fuzz::{Input, memory};
use spyhop_model::{Span, Timestamp};
use spyhop_stream::{
    Batch, DecodeLimits, Decoded, Decoder, Flags, FragmentLimits, LinkType, Packet, Segment, Skip, shard,
};

/// The link types that are read, and one that is not.
const LINKS: [u16; 24] =
    [1, 101, 0, 113, 276, 9, 50, 51, 104, 105, 108, 119, 127, 163, 166, 204, 12, 14, 228, 229, 239, 147, 192, 1];

fn fragments() -> FragmentLimits {
    FragmentLimits { datagrams: 16, bytes: FRAGMENTS, holes: 8, ..FragmentLimits::default() }
}

/// Memory of fragments.
const FRAGMENTS: usize = 64 << 10;
/// Beside the fragments: a datagram made whole, a batch of copies, and tables.
const BESIDE: usize = 640 << 10;

fuzz_target!(|data: &[u8]| {
    let ((), peak) = memory::peak(|| check(data));
    assert!(peak <= FRAGMENTS + BESIDE, "{peak} octets allocated");
});

fn check(data: &[u8]) {
    let mut input = Input::new(data);
    let options = input.byte();
    let limits = DecodeLimits {
        nesting: 1 + (options >> 1 & 7),
        verify_checksums: options & 1 != 0,
        fragments: fragments(),
        ..DecodeLimits::default()
    };
    let mut decoder = Decoder::new(limits.clone());
    let mut batch = Batch::default();
    let mut expected: Vec<Decoded<'_>> = Vec::new();
    let mut at = Timestamp(1_000_000_000);
    while !input.is_empty() {
        let link = LinkType(LINKS[usize::from(input.byte()) % LINKS.len()]);
        let (missing, pause) = (input.byte(), input.byte());
        let data = input.record();
        at = at + Span::millis(u64::from(pause) * 16);
        let packet = Packet { at, link, data, wire_len: data.len() as u32 + u32::from(missing), interface: 0 };

        let before = decoder.accounts();
        let decoded = decoder.decode(&packet);
        let after = decoder.accounts();
        assert!(after.balance(), "{after:?}");
        assert_eq!((after.packets, after.captured), (before.packets + 1, before.captured + data.len() as u64));
        match decoded {
            Ok(decoded) => {
                let segment = decoded.segment();
                assert_eq!(after.segments, before.segments + 1);
                assert_eq!(after.payload, before.payload + segment.payload.len() as u64);
                assert_eq!(after.cut, before.cut + u64::from(segment.cut));
                assert_eq!(segment.at, at);
                assert!(segment.options.is_empty() || segment.flags.has(Flags::SYN) && segment.options.len() <= 40);
                let back = Segment { src: segment.dst, dst: segment.src, ..segment };
                assert_eq!(shard(&segment), shard(&back));
                if after.reassembled == before.reassembled {
                    assert!(segment.payload.is_empty() || within(segment.payload, data));
                    shorter(&limits, &packet, &segment);
                }
                batch.push(&segment);
                expected.push(decoded);
            }
            Err(skip) => {
                assert_eq!(after.segments, before.segments);
                assert!(after.of(skip).packets > before.of(skip).packets, "{skip:?}");
            }
        }
    }
    assert_eq!(batch.len(), expected.len());
    for (passed, decoded) in batch.iter().zip(&expected) {
        let given = decoded.segment();
        assert!(same(&passed, &given), "{passed:?} for {given:?}");
    }
}

fn same(a: &Segment<'_>, b: &Segment<'_>) -> bool {
    (a.at, a.src, a.dst, a.vlans, a.seq, a.ack, a.flags) == (b.at, b.src, b.dst, b.vlans, b.seq, b.ack, b.flags)
        && (a.window, a.urgent, a.ttl, a.options, a.payload, a.cut)
            == (b.window, b.urgent, b.ttl, b.options, b.payload, b.cut)
}

fn within(part: &[u8], whole: &[u8]) -> bool {
    let (part, whole) = (part.as_ptr_range(), whole.as_ptr_range());
    whole.start <= part.start && part.end <= whole.end
}

/// The packet as a capture with a shorter snaplen would have it.
fn shorter(limits: &DecodeLimits, packet: &Packet<'_>, segment: &Segment<'_>) {
    for len in [packet.data.len() - 1, packet.data.len() / 2] {
        let mut decoder = Decoder::new(limits.clone());
        let cut = Packet { data: &packet.data[..len], ..*packet };
        match decoder.decode(&cut) {
            Ok(decoded) => {
                let short = decoded.segment();
                assert_eq!(
                    (short.src, short.dst, short.seq, short.ack),
                    (segment.src, segment.dst, segment.seq, segment.ack)
                );
                assert!(segment.payload.starts_with(short.payload));
                assert_eq!(
                    short.payload.len() + short.cut as usize,
                    segment.payload.len() + segment.cut as usize,
                    "{len} of {}: {short:?} of {segment:?}",
                    packet.data.len()
                );
            }
            Err(skip) => assert_ne!(skip, Skip::UnknownLink),
        }
        assert!(decoder.accounts().balance());
    }
}
