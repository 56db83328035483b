//! How logins end: what their tokens open, and which steps follow.
//!
//! A login whose answer does not tell is told to be accepted when its token opens what is closed to others, or when a further
//! step succeeds. An accepted one with a password is told once more when its steps are over, with the proofs of all of them.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;

use spyhop_model::{Call, Conclusion, Event, Factors, Fingerprint, Halves, Moment, Outcome, Span, Timestamp};

/// How long steps belong to a login.
const STEPS: Span = Span::minutes(10);
/// Logins that wait for their end; beyond, the first is told at once.
const WAITING: usize = 100_000;

/// Logins whose end is not known yet. They are not part of a snapshot: what is under way at a restart is told without its
/// later steps.
#[derive(Default)]
pub struct Pending {
    /// In the order of their deadlines, which is that of their moments.
    logins: VecDeque<Option<Box<Waiting>>>,
    /// The number of the first one.
    first: u64,
    by_session: HashMap<u64, u64, ahash::RandomState>,
    /// The last login of a device, and whether others of it wait with another account.
    by_device: HashMap<u64, (u64, bool), ahash::RandomState>,
    cut_short: u64,
}

struct Waiting {
    event: Event,
    outcome: Outcome,
    factors: Factors,
    sessions: [Option<u64>; 2],
    device: u64,
}

impl Pending {
    /// Logins that were told before their time, because too many waited.
    pub fn cut_short(&self) -> u64 {
        self.cut_short
    }

    /// A login attempt that was not refused waits for what follows. `sessions` are the one it began and the one it was made in.
    pub fn add(&mut self, event: &Event, sessions: [Option<u64>; 2], out: &mut Vec<Event>) {
        let Some(login) = event.login_not_failed() else { return };
        let (outcome, factors) = (login.outcome, login.factors);
        if self.logins.len() >= WAITING {
            self.cut_short += 1;
            self.conclude_first(event.call.moment.at, out);
        }
        let number = self.first + self.logins.len() as u64;
        let device = device(event.client.ip, event.call.picture);
        for session in sessions.into_iter().flatten() {
            self.by_session.insert(session, number);
        }
        let another = self.by_device.get(&device).copied().is_some_and(|(other, several)| {
            several || self.waiting(other).is_some_and(|waiting| waiting.event.account != event.account)
        });
        self.by_device.insert(device, (number, another));
        self.logins.push_back(Some(Box::new(Waiting { event: light(event), outcome, factors, sessions, device })));
    }

    /// The account of the login whose further step a call is: by its session, or else by its client.
    pub fn first_step(&self, session: Option<Fingerprint>, client: IpAddr, call: &Call) -> Option<Arc<str>> {
        let number = self.of_step(session, client, call)?;
        self.waiting(number)?.event.account.clone()
    }

    fn of_step(&self, session: Option<Fingerprint>, client: IpAddr, call: &Call) -> Option<u64> {
        let by_session = session.and_then(|session| self.by_session.get(&session.0));
        if let Some(number) = by_session {
            return Some(*number);
        }
        let (number, several) = *self.by_device.get(&device(client, call.picture))?;
        let first = self.waiting(number)?.event.call.login.as_ref()?.account.as_ref();
        let named = call.login.as_ref().and_then(|login| login.account.as_ref());
        // Behind one address several people may log in at once; only a step that names its account is told apart then.
        let same = first.zip(named).map(|(first, named)| first.fingerprint == named.fingerprint);
        same.unwrap_or(!several).then_some(number)
    }

    fn waiting(&self, number: u64) -> Option<&Waiting> {
        self.logins.get(usize::try_from(number.checked_sub(self.first)?).ok()?)?.as_deref()
    }

    fn waiting_mut(&mut self, number: u64) -> Option<&mut Waiting> {
        self.logins.get_mut(usize::try_from(number.checked_sub(self.first)?).ok()?)?.as_deref_mut()
    }

    /// A further step succeeded: its proofs join those of its login, which is accepted now. What became known goes to `out`.
    pub fn step(&mut self, session: Option<Fingerprint>, client: IpAddr, call: &Call, out: &mut Vec<Event>) {
        let Some(login) = call.login.as_deref() else { return };
        let Some(number) = self.of_step(session, client, call) else { return };
        if let Some(waiting) = self.waiting_mut(number) {
            waiting.factors = waiting.factors.with(login.factors.0);
        }
        self.accept(number, call.moment.at, out);
    }

    /// The token of a login opened what is closed to others.
    pub fn confirm(&mut self, session: u64, at: Timestamp, out: &mut Vec<Event>) {
        if let Some(number) = self.by_session.get(&session).copied() {
            self.accept(number, at, out);
        }
    }

    fn accept(&mut self, number: u64, at: Timestamp, out: &mut Vec<Event>) {
        let Some(waiting) = self.waiting_mut(number).filter(|waiting| waiting.outcome == Outcome::Unknown) else {
            return;
        };
        waiting.outcome = Outcome::Success;
        out.push(waiting.concluded(at, true));
    }

    /// Tells of the logins whose steps are over at `to`.
    pub fn advance(&mut self, to: Timestamp, out: &mut Vec<Event>) {
        while let Some(first) = self.logins.front() {
            let deadline = first.as_ref().map_or(to, |waiting| waiting.event.call.moment.at + STEPS);
            if deadline > to {
                return;
            }
            self.conclude_first(deadline, out);
        }
    }

    fn conclude_first(&mut self, at: Timestamp, out: &mut Vec<Event>) {
        let Some(first) = self.logins.pop_front() else { return };
        let number = self.first;
        self.first += 1;
        let Some(waiting) = first else { return };
        for session in waiting.sessions.into_iter().flatten() {
            if self.by_session.get(&session) == Some(&number) {
                self.by_session.remove(&session);
            }
        }
        if self.by_device.get(&waiting.device).is_some_and(|(last, _)| *last == number) {
            self.by_device.remove(&waiting.device);
        }
        if waiting.outcome == Outcome::Success && waiting.factors.has(Factors::PASSWORD) {
            out.push(waiting.concluded(at, false));
        }
    }
}

impl Waiting {
    fn concluded(&self, at: Timestamp, late: bool) -> Event {
        let Moment { flow, ordinal, .. } = self.event.call.moment;
        let at = Moment { at, flow, ordinal };
        let conclusion = Conclusion { at, outcome: self.outcome, late, factors: self.factors };
        Event { concluded: Some(Box::new(conclusion)), ..self.event.clone() }
    }
}

/// What is kept of a login's event: who, where and how, but nothing of what it holds.
fn light(event: &Event) -> Event {
    let call = Call {
        observations: Vec::new(),
        holding: Halves::default(),
        unveiled: Vec::new(),
        delivered: None,
        raw: None,
        ..event.call.clone()
    };
    Event { call, ..event.clone() }
}

fn device(client: IpAddr, picture: Option<Fingerprint>) -> u64 {
    let address = match client.to_canonical() {
        IpAddr::V4(ip) => u64::from(ip.to_bits()),
        IpAddr::V6(ip) => (ip.to_bits() ^ ip.to_bits() >> 64) as u64,
    };
    picture.map_or(0, |picture| picture.0) ^ address.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
