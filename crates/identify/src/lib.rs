//! Whose call it is and to what: account, endpoint, device, place. Learns, and therefore sees calls in their one order.

mod access;
mod account;
mod client;
mod conclude;
mod crowd;
mod device;
mod echo;
mod endpoint;
mod estimate;
mod field;
mod habit;
mod inventory;
mod location;
mod nature;
mod recent;
mod repeat;
mod session;
mod shape;
mod snapshot;
mod template;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use spyhop_model::{
    Attribution, Call, CredentialKind, Event, Fingerprint, FlowId, Greeting, Handshake, Key, Outcome, Purpose, Source,
    Timestamp, Transport,
};

pub use account::{AccountLimits, Realms};
pub use endpoint::EndpointLimits;
pub use field::FieldLimits;
pub use inventory::{EndpointEntry, HostEntry, Inventory, TypeSeen};
pub use location::{Locations, Networks};
pub use session::SessionLimits;

use access::{Access, SavedAccess};
use account::{Accounts, Realm, SavedIds};
use client::{Hops, SavedHops};
use conclude::Pending;
use crowd::{Crowds, SavedCrowds};
use device::Devices;
use echo::Echoes;
use endpoint::{Endpoints, SavedEndpoints};
use field::{Fields, SavedFields};
use habit::{Habits, SavedHabits};
use inventory::{Records, SavedRecords};
use recent::Recent;
use repeat::Repeats;
use session::{Circumstances, Sessions, Verdict};
use snapshot::SavedSessions;

/// Connections that stand for an account (NTLM); about 80 bytes each.
const CONNECTIONS: usize = 50_000;

/// How sure an account is, by how it is known (handbook §4.3); sessions have their own.
const BY_CREDENTIALS: u8 = 95;
const BY_CONNECTION: u8 = 90;
const BY_HEADER: u8 = 85;
const BY_API_KEY: u8 = 60;
/// Of a call about an account that proves nothing: a registration, a forgotten password.
const MENTIONED: u8 = 50;

/// How much is held at once of what is learnt of callers.
#[derive(Clone, Debug, Default)]
pub struct Limits {
    /// Endpoints.
    pub endpoints: EndpointLimits,
    /// Their fields.
    pub fields: FieldLimits,
    /// Accounts.
    pub accounts: AccountLimits,
    /// Sessions.
    pub sessions: SessionLimits,
}

/// Turns calls into events.
pub struct Identity {
    locations: Locations,
    endpoints: Endpoints,
    inventory: Records,
    fields: Fields,
    repeats: Repeats,
    accounts: Accounts,
    sessions: Sessions,
    connections: Recent<FlowId, Arc<str>>,
    hops: Hops,
    echoes: Echoes,
    devices: Devices,
    crowds: Crowds,
    habits: Habits,
    access: Access,
    pending: Pending,
}

impl Identity {
    /// Memory that a token of a session takes at most, in bytes; the name of an account comes once for all of its sessions.
    pub const SESSION_BYTES: usize = Sessions::token_bytes();

    /// Knows nobody yet.
    pub fn new(locations: Locations, limits: Limits, key: Key) -> Identity {
        let inventory = Records::new(limits.endpoints.total);
        Identity {
            inventory,
            hops: Hops::new(&locations),
            locations,
            endpoints: Endpoints::new(limits.endpoints),
            fields: Fields::new(limits.fields, key.clone()),
            repeats: Repeats::default(),
            accounts: Accounts::new(limits.accounts, key.clone()),
            sessions: Sessions::new(&limits.sessions),
            connections: Recent::new(CONNECTIONS),
            echoes: Echoes::default(),
            devices: Devices::new(&key),
            crowds: Crowds::default(),
            habits: Habits::default(),
            access: Access::default(),
            pending: Pending::default(),
        }
    }

    /// Adds the event of a call to `out`: what it says, together with what is known by now; behind it what the call tells of
    /// earlier logins. What silence told until then is for [`Identity::advance`], which comes first.
    pub fn resolve(&mut self, mut call: Call, out: &mut Vec<Event>) {
        if call.forwarded_https && self.locations.is_trusted_hop(call.client.ip) {
            call.transport = Transport::BehindTerminator;
        }
        let at = call.moment.at;
        let origin = self.hops.origin(&call, &mut self.locations);
        let echo = self.echoes.is_echo(&call);
        let (endpoint, nature) = self.endpoints.of(&call);
        let realm = self.accounts.realm(&call);
        let client = self.locations.party(origin.ip);
        let server = self.locations.party(call.server.ip);
        let device = self.devices.of(&call, origin.ip);
        let repeated_login = self.repeats_login(&call, origin.ip);
        let is_step = call
            .login
            .as_ref()
            .is_some_and(|login| login.purpose == Purpose::SecondFactor && login.outcome == Outcome::Success && !echo);
        let first_step = if is_step { self.first_step(&call, &realm, origin.ip) } else { None };
        let closed = || self.access.is_closed(&endpoint, &call, nature);
        let about = Circumstances { realm: &realm, closed: &closed, first_step: first_step.as_ref() };
        let place = crowd::place(origin.ip, at);
        let verdict = self.sessions.observe(&call, about, place, &mut self.accounts);
        let (account, attribution) = self.attribute(&call, &verdict, repeated_login, &origin, &realm).unzip();
        self.access.learn(&endpoint, &call);
        let session = verdict.session.map(Box::new);
        let mut crowd = self.crowds.of(origin.ip, at);
        crowd.shared |= self.locations.is_shared(origin.ip) || self.hops.is_hop(origin.ip, &self.locations);
        let mut event = Event {
            concluded: None,
            endpoint,
            nature,
            account,
            realm: verdict.realm.unwrap_or(realm.name),
            attribution,
            client,
            via: origin.via,
            spoofed: origin.spoofed,
            server,
            device,
            session,
            partner: None,
            repeated_login,
            echo,
            crowd,
            habits: None,
            call,
        };
        self.fields.weigh(&mut event);
        let mut told = Vec::new();
        if !echo {
            if verdict.is_new_place
                && let Some(account) = &event.account
            {
                self.crowds.succeeded(origin.ip, account, at);
            }
            let session = event.session.as_ref().map(|session| session.id);
            if is_step {
                self.pending.step(session, origin.ip, &event.call, &mut told);
            }
            if let Some(confirmed) = verdict.confirmed {
                self.pending.confirm(confirmed, at, &mut told);
            }
            // What those ask for who are in already says nothing of a login to come.
            if event.account.is_none() {
                self.habits.visit(&event.call, nature, origin.ip, session);
            }
            self.login(&mut event, verdict.began, &mut told);
        }
        if !echo {
            self.note(&event);
        }
        out.push(event);
        for told in told {
            if told.accepted_login().is_some() {
                self.accepted(&told);
            }
            out.push(told);
        }
    }

    /// Event time has reached `to`: adds what silence tells.
    pub fn advance(&mut self, to: Timestamp, out: &mut Vec<Event>) {
        self.pending.advance(to, out);
    }

    /// The account of the login of which a call is a further step.
    fn first_step(&mut self, call: &Call, realm: &Realm, client: IpAddr) -> Option<Arc<str>> {
        let session = self.sessions.session(call, realm.mark).map(Fingerprint);
        self.pending.first_step(session, client, call)
    }

    /// A login attempt: how such ones usually look, and what is learnt from it.
    fn login(&mut self, event: &mut Event, began: Option<u64>, told: &mut Vec<Event>) {
        let Some(outcome) = event.login().map(|login| login.outcome) else { return };
        event.habits = Some(Box::new(self.habits.of(event)));
        self.crowds.tried(event.client.ip, outcome, event.call.moment.at);
        match outcome {
            Outcome::Success => self.accepted(event),
            Outcome::Failure => self.habits.learn(event, outcome),
            Outcome::Unknown => {}
        }
        let carried = event.session.as_ref().map(|session| session.id.0);
        self.pending.add(event, [began, carried], told);
    }

    fn accepted(&mut self, event: &Event) {
        self.habits.learn(event, Outcome::Success);
        if let Some(account) = &event.account {
            self.crowds.succeeded(event.client.ip, account, event.moment().at);
        }
    }

    /// The account of a call, from the best source that tells it (handbook §4.3).
    fn attribute(
        &mut self,
        call: &Call,
        verdict: &Verdict,
        repeated_login: bool,
        origin: &client::Origin,
        realm: &Realm,
    ) -> Option<(Arc<str>, Attribution)> {
        let at = call.moment.at;
        let by = |source, confidence| Attribution { source, confidence };
        let login = call.login.as_deref();
        let named = login.and_then(|login| Some((login, login.account.as_ref()?)));
        if let Some((login, account)) = named.filter(|(login, _)| login.purpose == Purpose::Login) {
            let name = self.accounts.name(account, at);
            let accepted = login.outcome != Outcome::Failure && call.status() != Some(401);
            if session::binds_connection(login.method) && accepted && origin.via.is_none() {
                self.connections.insert(call.moment.flow, name.clone(), at);
            }
            let how = if repeated_login {
                by(Source::Credentials, BY_CREDENTIALS)
            } else {
                by(Source::Login, login.confidence)
            };
            return Some((name, how));
        }
        // A refused login that names nobody is not of the one whose session it was made in.
        let refused = login.is_some_and(|l| l.purpose == Purpose::Login && l.outcome == Outcome::Failure);
        if refused {
            return None;
        }
        if let Some(known) = &verdict.account {
            return Some(known.clone());
        }
        let accepted = call.status() != Some(401);
        if accepted
            && verdict.session.is_none_or(|session| !session.by_login)
            && let Some(account) = claimed(call)
        {
            return Some((self.accounts.name_of_claim(realm, account, at), by(Source::Claims, session::BY_CLAIMS)));
        }
        if origin.via.is_none()
            && accepted
            && let Some(account) = self.connections.get(&call.moment.flow, at)
        {
            return Some((account.clone(), by(Source::Credentials, BY_CONNECTION)));
        }
        if let Some(account) = &call.header_account
            && self.locations.is_trusted_hop(call.client.ip)
        {
            return Some((self.accounts.name(account, at), by(Source::Header, BY_HEADER)));
        }
        let key = call.credentials.iter().find(|credential| credential.kind == CredentialKind::ApiKey);
        if let Some(key) = key.filter(|_| accepted && verdict.session.is_none()) {
            let name = self.accounts.name_of_key(key.fingerprint, at);
            return Some((name, by(Source::ApiKey, BY_API_KEY)));
        }
        named.map(|(_, account)| (self.accounts.name(account, at), by(Source::Login, MENTIONED)))
    }

    /// The ends of a handshake.
    pub fn greet(&mut self, handshake: Handshake) -> Greeting {
        let client = self.locations.party(handshake.client.ip);
        let server = self.locations.party(handshake.server.ip);
        Greeting { handshake, client, server }
    }

    /// What had to be forgotten or told early because there was more than is held, by reason.
    pub fn forgotten(&self) -> BTreeMap<&'static str, u64> {
        BTreeMap::from([
            ("endpoints_overflowed", self.endpoints.overflowed()),
            ("endpoints_forgotten", self.endpoints.aliases_dropped()),
            ("inventory_forgotten", self.inventory.forgotten()),
            ("fields_forgotten", self.fields.forgotten()),
            ("accounts_forgotten", self.accounts.forgotten()),
            ("sessions_forgotten", self.sessions.forgotten() + self.connections.evicted()),
            ("devices_forgotten", self.devices.forgotten()),
            ("addresses_forgotten", self.crowds.forgotten()),
            ("habits_forgotten", self.habits.forgotten() + self.access.forgotten()),
            ("logins_cut_short", self.pending.cut_short()),
        ])
    }

    fn repeats_login(&mut self, call: &Call, client: IpAddr) -> bool {
        let login = call.login.as_ref().filter(|login| login.purpose == Purpose::Login && login.method.repeats());
        let Some((login, account)) = login.and_then(|login| Some((login, login.account.as_ref()?))) else {
            return false;
        };
        // A Digest's answer and NTLM's differ with every challenge.
        let secret = login.secret.filter(|_| login.method == spyhop_model::LoginMethod::Basic);
        let secret = secret.unwrap_or(Fingerprint(login.method as u64));
        let refused = login.outcome == Outcome::Failure;
        self.repeats.is_repeat(call.moment.at, client, account.fingerprint, secret, refused)
    }

    /// Writes what the next run can start from, as one line of JSON.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn save(&self, out: &mut dyn Write) -> io::Result<()> {
        let repeats = self
            .repeats
            .save()
            .into_iter()
            .map(|((ip, account, secret), at)| Repeat { ip, account, secret, at })
            .collect();
        let saved = Saved {
            endpoints: self.endpoints.save(),
            inventory: self.inventory.save(),
            fields: self.fields.save(),
            repeats,
            ids: self.accounts.save(),
            sessions: snapshot::save(&self.sessions),
            hops: self.hops.save(),
            crowds: self.crowds.save(),
            habits: self.habits.save(),
            access: self.access.save(),
        };
        serde_json::to_writer(&mut *out, &saved)?;
        out.write_all(b"\n")
    }

    /// Starts from what an earlier run saved: that line.
    ///
    /// # Errors
    /// It is no such line.
    pub fn load(&mut self, saved: &[u8]) -> Result<(), serde_json::Error> {
        let saved: Saved = serde_json::from_slice(saved)?;
        self.endpoints.load(saved.endpoints);
        self.inventory.load(saved.inventory);
        self.fields.load(saved.fields);
        self.repeats.load(saved.repeats.into_iter().map(|r| ((r.ip, r.account, r.secret), r.at)).collect());
        self.accounts.load(saved.ids);
        snapshot::load(&mut self.sessions, &saved.sessions);
        self.hops.load(saved.hops);
        self.crowds.load(saved.crowds);
        self.habits.load(saved.habits);
        self.access.load(saved.access);
        Ok(())
    }
}

/// The account that a token of the request names.
fn claimed(call: &Call) -> Option<&spyhop_model::Account> {
    call.credentials.iter().find_map(|credential| credential.claims.as_deref()?.account.as_ref())
}

#[derive(Serialize, Deserialize)]
struct Saved {
    endpoints: SavedEndpoints,
    #[serde(default)]
    inventory: SavedRecords,
    #[serde(default)]
    fields: SavedFields,
    repeats: Vec<Repeat>,
    #[serde(default)]
    ids: SavedIds,
    #[serde(default)]
    sessions: SavedSessions,
    #[serde(default)]
    hops: SavedHops,
    #[serde(default)]
    crowds: SavedCrowds,
    #[serde(default)]
    habits: SavedHabits,
    #[serde(default)]
    access: SavedAccess,
}

#[derive(Serialize, Deserialize)]
struct Repeat {
    ip: IpAddr,
    account: Fingerprint,
    secret: Fingerprint,
    at: Timestamp,
}

#[cfg(test)]
mod tests;
