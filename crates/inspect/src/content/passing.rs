//! Custom types in the bytes of a body as it passes, whatever its structure and wherever a walker cuts it.

use spyhop_model::Fingerprint;

use super::values::{Room, Values};
use crate::types::custom::{CustomTypes, LONGEST, Match};
use crate::types::{Type, TypeId, generic_mask};

/// Bytes that are searched at once. They always lie at the same places of the body, so cutting changes nothing.
const BLOCK: usize = 4 << 10;
/// Bytes before a block's own that a pattern may look at (`\b`, `^`).
const CONTEXT: usize = 4;
/// From one block to the next: whatever begins in a block's own bytes ends in it.
const STRIDE: usize = BLOCK - LONGEST - CONTEXT;

/// A body on its way. Holds [`BLOCK`] bytes.
#[derive(Default)]
pub(super) struct Passing {
    held: Vec<u8>,
    /// Offset in the body of what is held.
    at: u64,
    /// Bytes at the beginning of what is held that were searched before.
    context: usize,
    /// Where the last value of each type ended.
    ends: Vec<u64>,
    /// What was found.
    pub found: Vec<Passed>,
    matches: Vec<Match>,
}

/// Values of one type.
pub(super) struct Passed {
    pub what: TypeId,
    pub detail: Option<Box<str>>,
    pub kind: &'static Type,
    pub count: u32,
    pub values: Values,
    pub points: u8,
    pub sample: Box<str>,
}

/// What it takes to weigh a value.
pub(super) struct Weigh<'a> {
    pub custom: &'a CustomTypes,
    /// Points of a value with the text before it, unless the check fails.
    pub points: &'a mut dyn FnMut(TypeId, &str, usize, usize) -> Option<u8>,
    pub hash: &'a dyn Fn(&str) -> u64,
    pub print: &'a dyn Fn(TypeId, &str) -> Fingerprint,
    pub room: &'a mut Room,
}

impl Passing {
    /// The next bytes.
    pub fn feed(&mut self, mut bytes: &[u8], weigh: &mut Weigh<'_>) {
        while !bytes.is_empty() {
            if self.held.is_empty()
                && let Some(block) = bytes.get(..BLOCK)
            {
                self.search(block, false, weigh);
                bytes = bytes.get(STRIDE..).unwrap_or_default();
                continue;
            }
            let (now, rest) = bytes.split_at((BLOCK - self.held.len().min(BLOCK)).min(bytes.len()));
            self.held.extend_from_slice(now);
            bytes = rest;
            if self.held.len() == BLOCK {
                let mut held = std::mem::take(&mut self.held);
                self.search(&held, false, weigh);
                held.drain(..STRIDE);
                self.held = held;
            }
        }
    }

    /// The end, or a gap.
    pub fn finish(&mut self, weigh: &mut Weigh<'_>) {
        let held = std::mem::take(&mut self.held);
        self.search(&held, true, weigh);
        self.at += held.len() as u64;
        self.context = 0;
    }

    fn search(&mut self, block: &[u8], last: bool, weigh: &mut Weigh<'_>) {
        let mut matches = std::mem::take(&mut self.matches);
        let from = |what: TypeId| {
            let end = what.index_of_custom().and_then(|index| self.ends.get(index)).copied().unwrap_or_default();
            self.context.max(end.saturating_sub(self.at) as usize)
        };
        weigh.room.over += weigh.custom.find(block, &from, &mut matches);
        for found in matches.drain(..).filter(|found| last || found.start < STRIDE + CONTEXT) {
            self.add(block, found, weigh);
        }
        self.matches = matches;
        if !last {
            self.at += STRIDE as u64;
            self.context = CONTEXT;
        }
    }

    fn add(&mut self, block: &[u8], found: Match, weigh: &mut Weigh<'_>) {
        const LABEL: usize = 80;
        let index = found.what.index_of_custom().unwrap_or_default();
        if self.ends.len() <= index {
            self.ends.resize(index + 1, 0);
        }
        if let Some(end) = self.ends.get_mut(index) {
            *end = self.at + found.end as u64;
        }
        let Some(Ok(raw)) = block.get(found.start..found.end).map(std::str::from_utf8) else { return };
        // What stands before it may be a label; only that much of the block has to be text.
        let before = String::from_utf8_lossy(block.get(found.start.saturating_sub(LABEL)..found.start).unwrap_or(&[]));
        let around = format!("{before}{raw}");
        let Some(points) = (weigh.points)(found.what, &around, before.len(), around.len()) else { return };
        let detail = weigh.custom.detail(found.what, raw);
        let known = self.found.iter().position(|one| one.what == found.what && one.detail.as_deref() == detail);
        let at = known.unwrap_or_else(|| {
            let values = Values::default();
            let kind = weigh.custom.kind(found.what);
            self.found.push(Passed {
                what: found.what,
                detail: detail.map(Into::into),
                kind,
                count: 0,
                values,
                points: 0,
                sample: "".into(),
            });
            self.found.len() - 1
        });
        let Some(passed) = self.found.get_mut(at) else { return };
        passed.count = passed.count.saturating_add(1);
        if points > passed.points || passed.sample.is_empty() {
            passed.points = points;
            passed.sample = generic_mask(raw).into();
        }
        passed.values.add((weigh.hash)(raw), points, weigh.room, || (weigh.print)(found.what, raw));
        // Of what only the passing bytes show, no more is kept.
        weigh.room.over += u64::from(weigh.room.spilled.take().is_some());
    }
}
