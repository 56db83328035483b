//! From packets to ordered bytes: decoding, defragmentation, the flow table and TCP reassembly.
//!
//! ```text
//! Packet ──Decoder──> Segment ──shard──> Batch ──> Streams ──> StreamReader
//! ```

mod accounts;
mod batch;
mod copies;
mod decode;
mod flow;
mod half;
mod handshake;
mod health;
mod limits;
mod packet;
mod reader;
mod reassembly;
mod seq;
mod shard;
mod streams;
mod table;
#[cfg(test)]
mod testing;

pub use accounts::StreamAccounts;
pub use batch::Batch;
pub use decode::{
    DecodeAccounts, DecodeLimits, Decoded, Decoder, Encapsulation, FragmentAccounts, FragmentLimits, Skip, Tally,
    TunnelPorts,
};
pub use health::{Health, INTERFACES, TAPS, Tap, TapCounts, TapHealth};
pub use limits::Limits;
pub use packet::{Flags, LinkType, Packet, Segment, UdpDatagram};
pub use reader::{Content, End, Oddity, StreamReader};
pub use seq::Seq;
pub use shard::{shard, shard_of};
pub use streams::Streams;
