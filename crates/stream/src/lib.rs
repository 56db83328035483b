//! From packets to ordered bytes: decoding, defragmentation, the flow table and TCP reassembly.

mod packet;
mod reader;

pub use packet::{Flags, LinkType, Packet, Segment};
pub use reader::{End, Oddity, StreamReader};
