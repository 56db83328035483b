//! Segments on their way from the source to a worker.

use spyhop_model::{Socket, Timestamp, Vlans};

use crate::packet::{Flags, Segment, UdpDatagram};

/// Segments copied once into a memory of their own. Batches go back to the source and are filled again, so that after
/// warming up nothing is allocated.
#[derive(Debug, Default)]
pub struct Batch {
    /// Options and payload of all segments, one after the other.
    arena: Vec<u8>,
    records: Vec<Record>,
    /// Datagrams, each with the end of its payload in `payloads`.
    datagrams: Vec<(UdpDatagram<'static>, usize)>,
    payloads: Vec<u8>,
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
    tap: u16,
    ip_id: u16,
    checksum: u16,
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
            tap: segment.tap,
            ip_id: segment.ip_id,
            checksum: segment.checksum,
            options: options.len() as u8,
            flags: segment.flags,
            ttl: segment.ttl,
        });
    }

    /// Adds a datagram: copies its payload.
    pub fn push_datagram(&mut self, datagram: &UdpDatagram<'_>) {
        self.payloads.extend_from_slice(datagram.payload);
        let UdpDatagram { at, src, dst, vlans, .. } = *datagram;
        self.datagrams.push((UdpDatagram { at, src, dst, vlans, payload: &[] }, self.payloads.len()));
    }

    /// The datagrams in the order in which they were added.
    pub fn datagrams(&self) -> impl Iterator<Item = UdpDatagram<'_>> {
        let mut from = 0;
        self.datagrams.iter().map(move |(datagram, to)| {
            let payload = self.payloads.get(from..*to).unwrap_or_default();
            from = *to;
            UdpDatagram { payload, ..*datagram }
        })
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
                tap: record.tap,
                seq: record.seq,
                ack: record.ack,
                flags: record.flags,
                window: record.window,
                urgent: record.urgent,
                ttl: record.ttl,
                ip_id: record.ip_id,
                checksum: record.checksum,
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
        self.datagrams.clear();
        self.payloads.clear();
        self.mark = None;
    }

    /// Octets that the segments take.
    pub fn bytes(&self) -> usize {
        self.arena.len() + self.payloads.len() + self.records.len() * size_of::<Record>()
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
            let push =
                Segment { payload: &data, cut: 60, urgent: 3, tap: 5, ip_id: 6, checksum: 7, ..testing::segment() };
            batch.push(&syn);
            batch.push(&push);
            let syn_at = testing::segment();
            let (at, src, dst, vlans) = (syn_at.at, syn_at.src, syn_at.dst, syn_at.vlans);
            batch.push_datagram(&UdpDatagram { at, src, dst, vlans, payload: &[round; 3] });
            batch.push_datagram(&UdpDatagram { at, src, dst, vlans, payload: &[9; 4] });
            let payloads: Vec<_> = batch.datagrams().map(|datagram| datagram.payload.to_vec()).collect();
            assert_eq!(payloads, [vec![round; 3], vec![9; 4]]);
            batch.mark = Some(Timestamp(u64::from(round)));
            let out: Vec<_> = batch.iter().collect();
            assert_eq!(format!("{out:?}"), format!("{:?}", [syn, push]));
            assert!(batch.bytes() > 1404 && batch.len() == 2);
            let kept = batch.arena.capacity();
            batch.clear();
            assert!(
                batch.is_empty()
                    && batch.datagrams().next().is_none()
                    && batch.mark.is_none()
                    && batch.arena.capacity() == kept
            );
        }
    }
}
