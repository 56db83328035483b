//! Whatever stands around packets and whatever a network does to them without losing octets, the exchanges are the same.
//! What does lose octets is told.

mod dialogue;
mod h2;
mod long;
mod property;
mod sensor;
mod thin;
