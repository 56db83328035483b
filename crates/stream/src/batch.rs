//! Segments on their way from the source to a worker.

use spyhop_model::{Socket, Timestamp, Vlans};

use crate::packet::{Flags, Segment};

/// Segments copied once into a memory of their own. Batches go back to the source and are filled again, so that after
/// warming up nothing is allocated.
#[derive(Debug, Default)]
pub struct Batch {
    /// Options and payload of all segments, one after the other.
    arena: Vec<u8>,
    records: Vec<Record>,
    /// Capture time has reached this: no later batch holds an earlier segment.
    pub mark: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug)]
struct Record {
    at: Timestamp,
    src: Socket,
    dst: Socket,
    vlans: Vlans,
    seq: u32,
    ack: u32,
    payload: u32,
    cut: u32,
    window: u16,
    urgent: u16,
    options: u8,
    flags: Flags,
    ttl: u8,
}

impl Batch {
    /// Adds a segment: copies its options and payload.
    pub fn push(&mut self, segment: &Segment<'_>) {
        // A TCP header has 60 octets at most and a packet's length fits 32 bits, so nothing is lost here.
        let options = segment.options.get(..segment.options.len().min(40)).unwrap_or_default();
        self.arena.extend_from_slice(options);
        self.arena.extend_from_slice(segment.payload);
        self.records.push(Record {
            at: segment.at,
            src: segment.src,
            dst: segment.dst,
            vlans: segment.vlans,
            seq: segment.seq,
            ack: segment.ack,
            payload: segment.payload.len() as u32,
            cut: segment.cut,
            window: segment.window,
            urgent: segment.urgent,
            options: options.len() as u8,
            flags: segment.flags,
            ttl: segment.ttl,
        });
    }

    /// The segments in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = Segment<'_>> {
        let mut rest = self.arena.as_slice();
        self.records.iter().map(move |record| {
            let (options, behind) = rest.split_at_checked(usize::from(record.options)).unwrap_or_default();
            let (payload, behind) = behind.split_at_checked(record.payload as usize).unwrap_or_default();
            rest = behind;
            Segment {
                at: record.at,
                src: record.src,
                dst: record.dst,
                vlans: record.vlans,
                seq: record.seq,
                ack: record.ack,
                flags: record.flags,
                window: record.window,
                urgent: record.urgent,
                ttl: record.ttl,
                options,
                payload,
                cut: record.cut,
            }
        })
    }

    /// Forgets the segments and the mark, and keeps the memory.
    pub fn clear(&mut self) {
        self.arena.clear();
        self.records.clear();
        self.mark = None;
    }

    /// Octets that the segments take.
    pub fn bytes(&self) -> usize {
        self.arena.len() + self.records.len() * size_of::<Record>()
    }

    /// Segments.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Without segments; it may carry a mark.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn segments_come_out_as_they_went_in_and_memory_is_kept() {
        let mut batch = Batch::default();
        for round in 0..3u8 {
            let syn = Segment { options: &[2, 4, 5, 0xb4], flags: Flags(Flags::SYN), ..testing::segment() };
            let data = [round; 1400];
            let push = Segment { payload: &data, cut: 60, urgent: 3, ..testing::segment() };
            batch.push(&syn);
            batch.push(&push);
            batch.mark = Some(Timestamp(u64::from(round)));
            let out: Vec<_> = batch.iter().collect();
            assert_eq!(format!("{out:?}"), format!("{:?}", [syn, push]));
            assert!(batch.bytes() > 1404 && batch.len() == 2);
            let kept = batch.arena.capacity();
            batch.clear();
            assert!(batch.is_empty() && batch.mark.is_none() && batch.arena.capacity() == kept);
        }
    }
}
