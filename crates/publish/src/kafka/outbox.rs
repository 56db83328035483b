//! Records between the journal and their acknowledgement, in order.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use crate::journal::{Record, Tally};

/// Records between the journal and their acknowledgement: numbered in order, each pending (to be sent, for the
/// first time or again), sent, or settled. Settled ones leave when all before them have.
#[derive(Default)]
pub(super) struct Outbox {
    slots: VecDeque<Slot>,
    /// Number of the front slot.
    first: usize,
    pending: BTreeSet<usize>,
    sent: usize,
    waiting: Tally,
}

struct Slot {
    /// `None` once settled.
    record: Option<Record>,
    /// Times that sending failed for reasons not understood.
    failures: u8,
    is_sent: bool,
    /// Why it was not taken: what is to be sent is a letter that says so.
    letter: Option<Arc<str>>,
}

impl Outbox {
    /// Adds a record to be sent.
    pub(super) fn push(&mut self, record: Record) {
        self.waiting.add(&record);
        self.pending.insert(self.first + self.slots.len());
        self.slots.push_back(Slot { record: Some(record), failures: 0, is_sent: false, letter: None });
    }

    /// A record that is not to be sent: settled as soon as those before it are.
    pub(super) fn pass(&mut self) {
        if !self.slots.is_empty() {
            self.slots.push_back(Slot { record: None, failures: 0, is_sent: false, letter: None });
        }
    }

    /// Places taken: records that are not settled, and settled ones behind them.
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Everything is settled.
    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Records that librdkafka has.
    pub(super) fn sent(&self) -> usize {
        self.sent
    }

    /// Records not settled, by kind.
    pub(super) fn waiting(&self) -> Tally {
        self.waiting
    }

    /// The first record to be sent.
    pub(super) fn next(&self) -> Option<(usize, &Record)> {
        let number = *self.pending.first()?;
        Some((number, self.record(number)?))
    }

    /// A record that is not settled.
    pub(super) fn record(&self, number: usize) -> Option<&Record> {
        self.slots.get(number.checked_sub(self.first)?)?.record.as_ref()
    }

    /// librdkafka has it now.
    pub(super) fn mark_sent(&mut self, number: usize) {
        self.pending.remove(&number);
        if let Some(slot) = self.slot(number).filter(|slot| !slot.is_sent) {
            slot.is_sent = true;
            self.sent += 1;
        }
    }

    /// It is done with, delivered or given up. `None` if it was before.
    pub(super) fn settle(&mut self, number: usize) -> Option<Record> {
        let slot = self.slot(number)?;
        let was_sent = std::mem::take(&mut slot.is_sent);
        let was_letter = slot.letter.is_some();
        let record = slot.record.take()?;
        self.pending.remove(&number);
        self.sent -= usize::from(was_sent);
        // Of a letter's record account has been given.
        match record {
            _ if was_letter => {}
            Record::Event(_) | Record::Greeting(_) | Record::Values(_) => self.waiting.exchanges -= 1,
            Record::Finding(_) => self.waiting.findings -= 1,
        }
        while self.slots.front().is_some_and(|slot| slot.record.is_none()) {
            self.slots.pop_front();
            self.first += 1;
        }
        Some(record)
    }

    /// A letter that says why is to be sent in its place. Says whether it was not one already.
    pub(super) fn give_up(&mut self, number: usize, reason: Arc<str>) -> bool {
        let Some(slot) = self.slot(number).filter(|slot| slot.record.is_some() && slot.letter.is_none()) else {
            return false;
        };
        slot.letter = Some(reason);
        if let Some(Record::Finding(_)) = slot.record {
            self.waiting.findings -= 1;
        } else {
            self.waiting.exchanges -= 1;
        }
        self.again(number);
        true
    }

    /// Why a record is given up, if it is.
    pub(super) fn letter(&self, number: usize) -> Option<&Arc<str>> {
        self.slots.get(number.checked_sub(self.first)?)?.letter.as_ref()
    }

    /// It is to be sent again.
    pub(super) fn again(&mut self, number: usize) {
        let Some(slot) = self.slot(number).filter(|slot| slot.record.is_some()) else { return };
        let was_sent = std::mem::take(&mut slot.is_sent);
        self.sent -= usize::from(was_sent);
        self.pending.insert(number);
    }

    /// Sending it failed for a reason not understood. Says how often that was.
    pub(super) fn failed(&mut self, number: usize) -> u8 {
        let Some(slot) = self.slot(number) else { return 0 };
        slot.failures = slot.failures.saturating_add(1);
        slot.failures
    }

    /// librdkafka has none of them any more: all are to be sent again. Says how many that were.
    pub(super) fn all_again(&mut self) -> usize {
        let first = self.first;
        for (number, slot) in self.slots.iter_mut().enumerate() {
            if std::mem::take(&mut slot.is_sent) && slot.record.is_some() {
                self.pending.insert(first + number);
            }
        }
        std::mem::take(&mut self.sent)
    }

    fn slot(&mut self, number: usize) -> Option<&mut Slot> {
        self.slots.get_mut(number.checked_sub(self.first)?)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::sample;

    fn outbox(count: u64) -> Outbox {
        let mut outbox = Outbox::default();
        for n in 0..count {
            outbox.push(Record::Finding(Arc::new(sample::finding(n))));
        }
        outbox
    }
    fn send_all(outbox: &mut Outbox) -> Vec<usize> {
        let mut numbers = Vec::new();
        while let Some((number, _)) = outbox.next() {
            outbox.mark_sent(number);
            numbers.push(number);
        }
        numbers
    }

    #[test]
    fn records_leave_in_order_when_settled_and_the_rest_is_sent_again_in_order() {
        let mut outbox = outbox(4);
        assert_eq!(send_all(&mut outbox), [0, 1, 2, 3]);
        assert!(outbox.settle(1).is_some());
        assert!(outbox.settle(1).is_none());
        assert_eq!((outbox.len(), outbox.sent(), outbox.waiting().findings), (4, 3, 3));
        assert!(outbox.settle(0).is_some());
        assert_eq!(outbox.len(), 2);
        outbox.again(3);
        assert_eq!((outbox.failed(3), outbox.failed(3)), (1, 2));
        assert_eq!(outbox.all_again(), 1);
        outbox.push(Record::Finding(Arc::new(sample::finding(9))));
        assert_eq!(send_all(&mut outbox), [2, 3, 4]);
        for number in 2..5 {
            assert!(outbox.settle(number).is_some());
        }
        assert!(outbox.is_empty());
        assert_eq!((outbox.sent(), outbox.waiting()), (0, Tally::default()));
    }

    #[test]
    fn a_report_about_a_record_that_is_gone_changes_nothing() {
        let mut outbox = outbox(1);
        send_all(&mut outbox);
        outbox.settle(0);
        outbox.again(0);
        outbox.again(7);
        assert_eq!(outbox.failed(7), 0);
        assert!(outbox.is_empty() && outbox.next().is_none());
    }
}
