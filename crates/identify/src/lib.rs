//! Whose call it is and to what: account, endpoint, device, place. Learns, and therefore sees calls in their one order.

mod endpoint;
mod estimate;
mod field;
mod inventory;
mod location;
mod nature;
mod repeat;
mod shape;
mod template;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use spyhop_model::{
    Call, Crowd, Event, Fingerprint, Greeting, Handshake, Key, LoginMethod, Outcome, Socket, Timestamp, Transport,
};

pub use endpoint::EndpointLimits;
pub use field::FieldLimits;
pub use inventory::{EndpointEntry, HostEntry, Inventory, TypeSeen};
pub use location::{Locations, Networks};

use endpoint::{Endpoints, SavedEndpoints};
use field::{Fields, SavedFields};
use inventory::{Records, SavedRecords};
use repeat::Repeats;

/// Turns calls into events.
pub struct Identity {
    locations: Locations,
    endpoints: Endpoints,
    inventory: Records,
    fields: Fields,
    repeats: Repeats,
    key: Key,
}

impl Identity {
    /// Knows nobody yet.
    pub fn new(locations: Locations, endpoints: EndpointLimits, fields: FieldLimits, key: Key) -> Identity {
        let fields = Fields::new(fields, key.clone());
        let inventory = Records::new(endpoints.total);
        Identity {
            locations,
            endpoints: Endpoints::new(endpoints),
            inventory,
            fields,
            repeats: Repeats::default(),
            key,
        }
    }

    /// Adds the event of a call to `out`: what it says, together with what is known by now. Before it stand those that silence
    /// told until then, behind it what the call tells of earlier ones.
    pub fn resolve(&mut self, mut call: Call, out: &mut Vec<Event>) {
        if call.forwarded_https && self.locations.is_trusted_hop(call.client.ip) {
            call.transport = Transport::BehindTerminator;
        }
        let (endpoint, nature) = self.endpoints.of(&call);
        let client = self.locations.party(call.client.ip);
        let server = self.locations.party(call.server.ip);
        let account = call.login.as_ref().and_then(|login| login.account.as_ref());
        let account_name = account.map(|account| Arc::from(&*account.name));
        let device = call.picture.map(|picture| self.device(call.client, picture));
        let repeated_login = self.repeats_login(&call);
        let realm = call.request.as_ref().map_or("", |request| &*request.host).into();
        let mut event = Event {
            concluded: None,
            endpoint,
            nature,
            account: account_name,
            realm,
            attribution: None,
            client,
            via: None,
            spoofed: false,
            server,
            device,
            session: None,
            partner: None,
            repeated_login,
            echo: false,
            crowd: Crowd::default(),
            habits: None,
            call,
        };
        self.fields.weigh(&mut event);
        self.note(&event);
        out.push(event);
    }

    /// Event time has reached `to`: adds what silence tells.
    pub fn advance(&mut self, _to: Timestamp, _out: &mut Vec<Event>) {}

    /// The ends of a handshake.
    pub fn greet(&mut self, handshake: Handshake) -> Greeting {
        let client = self.locations.party(handshake.client.ip);
        let server = self.locations.party(handshake.server.ip);
        Greeting { handshake, client, server }
    }

    /// Fields of endpoints that had to be forgotten.
    pub fn forgotten_fields(&self) -> u64 {
        self.fields.forgotten()
    }

    /// Calls that were counted under an overflow endpoint.
    pub fn overflowed(&self) -> u64 {
        self.endpoints.overflowed()
    }

    /// Many people use the same software: a device is what one address shows of itself.
    fn device(&self, client: Socket, picture: Fingerprint) -> Fingerprint {
        self.key.fingerprint("device", format!("{}\0{}", client.ip, picture.0).as_bytes())
    }

    fn repeats_login(&mut self, call: &Call) -> bool {
        let Some(login) = call.login.as_ref().filter(|login| login.method == LoginMethod::Basic) else { return false };
        let (Some(account), Some(secret)) = (&login.account, login.secret) else { return false };
        let refused = login.outcome == Outcome::Failure;
        self.repeats.is_repeat(call.moment.at, call.client.ip, account.fingerprint, secret, refused)
    }

    /// What the next run can start from.
    pub fn save(&self) -> Result<Value, serde_json::Error> {
        let repeats = self
            .repeats
            .save()
            .into_iter()
            .map(|((ip, account, secret), at)| Repeat { ip, account, secret, at })
            .collect();
        let inventory = self.inventory.save();
        serde_json::to_value(Saved { endpoints: self.endpoints.save(), inventory, fields: self.fields.save(), repeats })
    }

    /// Starts from what an earlier run saved.
    pub fn load(&mut self, saved: Value) -> Result<(), serde_json::Error> {
        let saved: Saved = serde_json::from_value(saved)?;
        self.endpoints.load(saved.endpoints);
        self.inventory.load(saved.inventory);
        self.fields.load(saved.fields);
        self.repeats.load(saved.repeats.into_iter().map(|r| ((r.ip, r.account, r.secret), r.at)).collect());
        Ok(())
    }
}

#[derive(Serialize, Deserialize)]
struct Saved {
    endpoints: SavedEndpoints,
    #[serde(default)]
    inventory: SavedRecords,
    #[serde(default)]
    fields: SavedFields,
    repeats: Vec<Repeat>,
}

#[derive(Serialize, Deserialize)]
struct Repeat {
    ip: std::net::IpAddr,
    account: Fingerprint,
    secret: Fingerprint,
    at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;
    use spyhop_testkit::event;

    impl Identity {
        fn event(&mut self, call: Call) -> Event {
            let mut out = Vec::new();
            self.resolve(call, &mut out);
            out.pop().expect("an event")
        }
    }

    fn identity() -> Identity {
        let locations = Locations::open(&Networks::default()).expect("the built-in database");
        Identity::new(locations, EndpointLimits::default(), FieldLimits::default(), Key::new([3; 32]))
    }

    #[test]
    fn a_call_becomes_an_event_with_account_and_places() {
        let mut identity = identity();
        let call = event().post("a.example/login").from("8.8.8.8").login("alice", Outcome::Success).build(1).call;
        let event = identity.event(call);
        assert_eq!(event.account.as_deref(), Some("alice"));
        assert_eq!(event.client.zone, spyhop_model::Zone::Overseas);
        assert_eq!(event.server.zone, spyhop_model::Zone::Inside);
    }

    #[test]
    fn repeated_basic_credentials_are_one_attempt_also_after_a_restart() {
        let mut first = identity();
        let call = |n| {
            let mut call = event().get("a.example/x").login("alice", Outcome::Success).build(n).call;
            call.login.as_mut().expect("a login").method = LoginMethod::Basic;
            call
        };
        assert!(first.event(call(1)).login().is_some());
        assert!(first.event(call(2)).login().is_none());
        let mut second = identity();
        second.load(first.save().expect("a snapshot")).expect("the snapshot");
        assert!(second.event(call(3)).login().is_none());
    }
}
