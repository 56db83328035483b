//! Values of one type in one form at one place: how many there are, how sure, and which.

use spyhop_model::{ExchangeId, Fingerprint, Form, Grade, Half, Key, Moment, Observation, Personal, Place};

use super::records::Waiting;
use super::values::{Room, Values};
use super::{MAX_VALUES_HELD, Recogniser};
use crate::types::{CustomTypes, TYPES, Type, TypeId, hides, mask};

/// Values told at once.
const SPILLED: usize = 1_024;
/// Steps of five points.
const STEPS: usize = 21;

/// Values of one type in one form at one place.
pub(super) struct Found {
    pub what: TypeId,
    pub kind: &'static Type,
    pub form: Form,
    pub place: Place,
    pub column: u64,
    /// Counts by points in steps of five.
    pub counts: [u32; STEPS],
    /// How many are masked so that they can be guessed cheaply, by points.
    pub weak: [u32; STEPS],
    /// What is known beyond the type.
    pub detail: Option<Box<str>>,
    pub distinct: Values,
    /// Those that found no room.
    pub spilled: Vec<Fingerprint>,
    pub sample: (u8, Box<str>),
    pub in_text: bool,
    pub range: (u64, u64),
}

impl Found {
    pub fn new(what: TypeId, kind: &'static Type, form: Form, place: Place, column: u64) -> Found {
        Found {
            what,
            kind,
            form,
            place,
            column,
            counts: [0; STEPS],
            weak: [0; STEPS],
            detail: None,
            distinct: Values::default(),
            spilled: Vec::new(),
            sample: (0, "".into()),
            in_text: false,
            range: (u64::MAX, 0),
        }
    }

    pub fn count_more(&mut self, points: u8, more: u32) {
        if let Some(count) = self.counts.get_mut(usize::from(points / 5)) {
            *count = count.saturating_add(more);
        }
    }

    pub fn count(&self) -> u32 {
        self.counts.iter().fold(0, |sum, n| sum.saturating_add(*n))
    }

    pub fn add(&mut self, recogniser: &Recogniser, raw: &str, points: u8, room: &mut Room) -> Option<usize> {
        self.count_more(points, 1);
        if points > self.sample.0 {
            self.sample = (points, mask(self.what, raw).into());
        }
        let written = recogniser.hasher.hash_one((self.what.0, self.form, raw));
        let room = room.within(&recogniser.held, MAX_VALUES_HELD);
        let print = || recogniser.prints.say(written, || fingerprint(&recogniser.key, self.kind, self.form, raw));
        self.distinct.add(written, points, room, print)
    }

    /// Another value of its record is sure; the points it has now.
    pub fn raise(&mut self, waiting: &Waiting) -> u8 {
        let points = (waiting.points + waiting.what.get().record_points as u8).min(100);
        if let Some(count) = self.counts.get_mut(usize::from(waiting.points / 5)) {
            *count = count.saturating_sub(1);
        }
        self.count_more(points, 1);
        if let Some(at) = waiting.distinct {
            self.distinct.raise(at, points);
        }
        points
    }

    pub fn see_number(&mut self, raw: &str) {
        let digits = raw.bytes().filter(u8::is_ascii_digit).take(18);
        let number = digits.fold(0u64, |n, b| n * 10 + u64::from(b - b'0'));
        self.range = (self.range.0.min(number), self.range.1.max(number));
    }

    /// Points for the column: most of its values are of the type, hardly any is, or they count up.
    pub fn column_points(&self, leaves: u32) -> i16 {
        const FEW: u32 = 5;
        const DENSE: u64 = 2000;
        let values = self.count();
        if self.in_text || leaves < FEW {
            return 0;
        }
        let share = u64::from(values) * 100 / u64::from(leaves);
        let column = match share {
            80.. => 15,
            0..20 => -25,
            _ => 0,
        };
        let distinct = self.distinct.len() as u64;
        let (low, high) = self.range;
        let dense = self.kind.numeric
            && self.form == Form::Full
            && distinct >= u64::from(FEW)
            && high.saturating_sub(low) / (distinct - 1) < DENSE;
        column - if dense { 40 } else { 0 }
    }

    /// Takes a value that found no room; enough of them are told while the exchange goes on.
    pub fn spill(&mut self, recogniser: &Recogniser, room: &mut Room, half: Half, exchange: ExchangeId, points: u8) {
        let Some(print) = room.spilled.take() else { return };
        // They are told without their points: of candidates no more is kept.
        if points < Observation::REPORTED {
            room.over += 1;
            return;
        }
        self.spilled.push(print);
        if self.spilled.len() >= SPILLED {
            let moment = Moment { at: recogniser.now, flow: exchange.flow, ordinal: exchange.ordinal };
            recogniser.values.borrow_mut().push(spyhop_model::Values {
                moment,
                what: &self.kind.data,
                half,
                place: self.place.clone(),
                form: self.form,
                fingerprints: std::mem::take(&mut self.spilled),
            });
        }
    }

    /// The values whose points, shifted, are from `from` up to below `to`: one observation, and further ones for
    /// fingerprints beyond what one may carry. Their counts add up.
    pub fn observations(
        &self,
        half: Half,
        shift: i16,
        from: u8,
        to: u8,
        grading: (Grade, Personal),
    ) -> Vec<Observation> {
        let shifted = |points: u8| (i16::from(points) + shift).clamp(0, 100) as u8;
        let within = |points: u8| (from..to).contains(&shifted(points));
        let steps = || self.counts.iter().zip(0u8..).filter(|(count, step)| **count > 0 && within(step * 5));
        let Some(confidence) = steps().map(|(_, step)| shifted(step * 5)).max() else { return Vec::new() };
        let mut count = steps().fold(0u32, |sum, (count, _)| sum.saturating_add(*count));
        let values: Vec<Fingerprint> =
            self.distinct.iter().filter(|(_, points)| within(*points)).map(|(print, _)| print).collect();
        let weak = self
            .weak
            .iter()
            .zip(0u8..)
            .filter(|(_, step)| within(step * 5))
            .fold(0u32, |sum, (n, _)| sum.saturating_add(*n));
        let one = |count: u32, values: &[Fingerprint], weak: u32| Observation {
            what: &self.kind.data,
            half,
            place: self.place.clone(),
            form: self.form,
            confidence,
            grade: grading.0,
            personal: grading.1,
            count,
            weak: weak.min(count),
            detail: self.detail.clone(),
            values: values.to_vec(),
            sample: self.sample.1.clone(),
        };
        let (first, rest) = values.split_at(values.len().min(Observation::FINGERPRINTS));
        count = count.saturating_sub(rest.len() as u32);
        let further = rest.chunks(Observation::FINGERPRINTS).map(|values| one(values.len() as u32, values, 0));
        // What is left of those told while the body passed; they were counted.
        let last = (!self.spilled.is_empty() && from == Observation::REPORTED).then(|| one(0, &self.spilled, 0));
        std::iter::once(one(count, first, weak)).chain(further).chain(last).collect()
    }
}

/// The form of a masked value: `d` for what is shown, `*` for what is hidden.
pub(super) fn shape(raw: &str) -> Option<Box<str>> {
    const LONGEST: usize = 24;
    let signs = || raw.chars().filter(|c| !matches!(c, ' ' | '-' | '+'));
    let is_long = signs().nth(LONGEST).is_some();
    (!is_long).then(|| {
        let shown = |(at, c): (usize, char)| match c {
            ' ' | '-' | '+' => None,
            _ => Some(if hides(raw, at, c) { '*' } else { 'd' }),
        };
        raw.char_indices().filter_map(shown).collect::<String>().into()
    })
}

/// The ways in which applications mask values, as characters shown at the front and at the end.
const USUAL: [(usize, usize); 12] =
    [(3, 4), (3, 2), (3, 3), (6, 4), (6, 2), (4, 4), (4, 3), (0, 4), (1, 1), (1, 0), (0, 1), (2, 2)];

/// All fingerprints under which a value may have been seen in full: one for each type.
pub fn fingerprints(key: &Key, custom: &CustomTypes, value: &str) -> Vec<Fingerprint> {
    let all = TYPES.iter().copied().chain(custom.kinds());
    all.map(|kind| fingerprint(key, kind, Form::Full, value)).collect()
}

/// Fingerprints under which it may have been seen masked in the usual ways, as the types that are masked most: identity
/// numbers, telephone numbers, bank cards, names and mail addresses.
pub fn masked_fingerprints(key: &Key, value: &str) -> Vec<Fingerprint> {
    let of = [TypeId::RESIDENT_ID, TypeId::MOBILE, TypeId::BANK_CARD, TypeId::EMAIL, TypeId::NAME];
    let (local, domain) = value.split_once('@').map_or((value, ""), |(local, _)| (local, &value[local.len()..]));
    let shown: Vec<char> = local.chars().filter(|c| !matches!(c, ' ' | '-' | '+')).collect();
    let mut found = Vec::new();
    for (front, end) in USUAL {
        let Some(hidden) = shown.len().checked_sub(front + end).filter(|hidden| *hidden > 0) else { continue };
        let mut masked: String = shown.iter().take(front).collect();
        masked.extend(std::iter::repeat_n('*', hidden));
        masked.extend(shown.iter().skip(front + hidden));
        masked.push_str(domain);
        found.extend(of.map(|what| fingerprint(key, what.get(), Form::Masked, &masked)));
    }
    found
}

/// The fingerprint of a value in its canonical form; of a masked one, of what it shows.
pub fn fingerprint(key: &Key, kind: &Type, form: Form, raw: &str) -> Fingerprint {
    match form {
        Form::Full => key.fingerprint(kind.data.id, (kind.canonical)(raw).as_bytes()),
        Form::Masked => {
            let mut shape = String::with_capacity("masked:".len() + raw.len());
            shape.push_str("masked:");
            shape.extend(raw.chars().filter(|c| !matches!(c, ' ' | '-' | '+')));
            key.fingerprint(kind.data.id, shape.as_bytes())
        }
    }
}
