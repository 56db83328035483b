//! What comes off the wire, and what decoding makes of it. All borrowed: nothing is allocated per packet.

use spyhop_model::{Socket, Timestamp, Vlans};

/// A link-layer type as in the tcpdump.org LINKTYPE registry. Read are `0` NULL, `1` Ethernet, `9`/`50`/`166`/`204` PPP,
/// `12`/`14`/`101` raw IP, `51` PPPoE, `104` Cisco HDLC, `105`/`119`/`127`/`163` 802.11, `108` LOOP, `113` Linux cooked,
/// `228` raw IPv4, `229` raw IPv6, `239` NFLOG and `276` Linux cooked 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkType(pub u16);

/// One captured packet.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// Capture time.
    pub at: Timestamp,
    /// How `data` begins.
    pub link: LinkType,
    /// The captured octets, link header first.
    pub data: &'a [u8],
    /// Octets on the wire; more than `data.len()` where the capture cut the packet.
    pub wire_len: u32,
    /// Index of the capture interface; from [`crate::INTERFACES`] on they are not told apart.
    pub interface: u16,
}

/// TCP flags as they stand in the header's 14th octet (RFC 9293, section 3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(pub u8);

impl Flags {
    /// No more data from the sender.
    pub const FIN: u8 = 0x01;
    /// Synchronise sequence numbers.
    pub const SYN: u8 = 0x02;
    /// Reset the connection.
    pub const RST: u8 = 0x04;
    /// Push.
    pub const PSH: u8 = 0x08;
    /// The acknowledgement number counts.
    pub const ACK: u8 = 0x10;
    /// The urgent pointer counts.
    pub const URG: u8 = 0x20;

    /// Whether any of `mask` is set.
    pub fn has(self, mask: u8) -> bool {
        self.0 & mask != 0
    }
}

/// A UDP datagram that is of interest besides TCP.
#[derive(Clone, Copy, Debug)]
pub struct UdpDatagram<'a> {
    /// Capture time of its packet.
    pub at: Timestamp,
    /// Sender, innermost address.
    pub src: Socket,
    /// Receiver, innermost address.
    pub dst: Socket,
    /// VLANs around it.
    pub vlans: Vlans,
    /// What is behind the UDP header.
    pub payload: &'a [u8],
}

/// The TCP part of a packet.
#[derive(Clone, Copy, Debug)]
pub struct Segment<'a> {
    /// Capture time of its packet.
    pub at: Timestamp,
    /// Sender, innermost address.
    pub src: Socket,
    /// Receiver, innermost address.
    pub dst: Socket,
    /// VLANs around it.
    pub vlans: Vlans,
    /// Number of the tap that it came from, see [`crate::Decoder::taps`].
    pub tap: u16,
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgement number; counts only with `Flags::ACK`.
    pub ack: u32,
    /// Flags.
    pub flags: Flags,
    /// Window as in the header, not scaled.
    pub window: u16,
    /// Urgent pointer; counts only with `Flags::URG`.
    pub urgent: u16,
    /// Time to live or hop limit, for the device's picture.
    pub ttl: u8,
    /// Identification of the IPv4 packet; zero in IPv6. Tells a copy from a retransmission.
    pub ip_id: u16,
    /// The TCP checksum as it stands in the header, right or wrong.
    pub checksum: u16,
    /// The TCP options of a SYN (at most 40 octets); empty otherwise.
    pub options: &'a [u8],
    /// The captured payload.
    pub payload: &'a [u8],
    /// Octets of payload that were on the wire and are not in `payload` (packet cut by the capture).
    pub cut: u32,
}
