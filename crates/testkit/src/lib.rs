//! For tests only: events built in a line, dialogues written as packets with loss and reordering, invented people,
//! and captures by profile. Everything is deterministic from a seed.

mod bomb;
mod bystanders;
mod capture;
pub mod enterprise;
pub mod evaluate;
mod events;
mod exposure;
mod frame;
pub mod hostile;
pub mod http;
pub mod http2;
pub mod labelled;
pub mod load;
mod mangle;
pub mod people;
mod records;
mod rng;
mod scenario;
mod stage;
mod tls;
mod weeks;
mod wire;
pub mod wrap;

pub use bomb::Packing;
pub use capture::{Capture, PcapWriter, Precision, gz};
pub use events::{EventBuilder, event, time, types};
pub use exposure::CANARY;
pub use frame::{ACK, FIN, Frame, Link, PSH, RST, SYN, TcpPacket};
pub use rng::Rng;
pub use scenario::{Planted, scenario, scenario_with};
pub use weeks::{Weeks, weeks};
pub use wire::Conversation;
