//! What became of every octet of TCP payload.

use std::ops::AddAssign;

use crate::reader::End;

macro_rules! accounts {
    ($($(#[$doc:meta])* $name:ident,)+) => {
        /// What one worker's reassembly saw. Every octet of payload is in exactly one account:
        ///
        /// ```text
        /// payload = delivered + duplicate + conflicting + out_of_window + urgent + after_end + reset_payload + held
        ///         + lost_to_panic
        /// ```
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct StreamAccounts {
            $($(#[$doc])* pub $name: u64,)+
        }

        impl StreamAccounts {
            /// The numbers with their names.
            pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((stringify!($name), self.$name),)+].into_iter()
            }
        }

        impl AddAssign for StreamAccounts {
            fn add_assign(&mut self, other: StreamAccounts) {
                $(self.$name += other.$name;)+
            }
        }
    };
}

accounts! {
    /// Segments given in.
    segments,
    /// Octets of payload given in.
    payload,
    /// Octets delivered to readers.
    delivered,
    /// Octets that had arrived before, with the same content as far as that was still known.
    duplicate,
    /// Octets that had arrived before with other content; the first arrival was kept.
    conflicting,
    /// Octets whose sequence or acknowledgement number fits nothing, or that lie before the start of the stream.
    out_of_window,
    /// Octets read out of band.
    urgent,
    /// Octets behind the end of their direction or connection.
    after_end,
    /// Octets carried by RST segments, which are no part of the stream (RFC 9293, section 3.5.2: text about the reason).
    reset_payload,
    /// Octets that wait for what is missing before them, now.
    held,
    /// Octets that no reader was told because the reader of their connection panicked.
    lost_to_panic,
    /// Holes given up.
    gaps,
    /// Octets in them.
    gap_bytes,
    /// Of these, octets that the receiver acknowledged and that the capture did not cut: lost on the way to the sensor, not
    /// on the network.
    acked_unseen,
    /// Octets that arrived after they had been given up, in time to be delivered.
    refilled,
    /// Octets that the capture cut from packets; part of `gap_bytes` once they are reached.
    cut,
    /// Holes given up because of a limit on held data.
    held_limit,
    /// Segments that the mirror delivered again; their payload is in the accounts above like that of any repetition.
    mirrored_twice,
    /// Their octets of payload.
    mirrored_twice_bytes,
    /// VLANs on which a connection came again, and was read once.
    mirrored_vlans,
    /// Connections begun.
    connections,
    /// Of these, without an opening (SYN).
    midstream,
    /// Connections joined from two VLANs.
    joined,
    /// Connections that ended by FIN from both sides.
    closed,
    /// Connections that ended by RST.
    reset,
    /// Connections that ended by silence.
    idle,
    /// Connections that ended because their addresses and ports were used again.
    reused,
    /// Connections that ended because a limit made room.
    evicted,
    /// Connections that were open when the capture ended.
    capture_end,
    /// SYN segments seen before.
    syn_repeated,
    /// SYN segments that did not fit the connection and were not followed up.
    syn_ignored,
    /// FIN segments that did not fit.
    fin_ignored,
    /// RST segments that did not fit.
    rst_ignored,
    /// Probes that keep a connection alive.
    keep_alive,
    /// Segments without a connection and without data to begin one.
    unrelated,
    /// Directions that were found again at other sequence numbers, ahead or back. Each is told as a gap, of one octet at least.
    resynchronised,
}

impl StreamAccounts {
    /// Whether every octet is in exactly one account.
    pub fn balance(&self) -> bool {
        self.payload == self.accounted()
    }

    /// Octets of payload in any account.
    pub(crate) fn accounted(&self) -> u64 {
        self.delivered
            + self.duplicate
            + self.conflicting
            + self.out_of_window
            + self.urgent
            + self.after_end
            + self.reset_payload
            + self.held
            + self.lost_to_panic
    }

    pub(crate) fn ended(&mut self, why: End) {
        *match why {
            End::Closed => &mut self.closed,
            End::Reset => &mut self.reset,
            End::Idle => &mut self.idle,
            End::Reused => &mut self.reused,
            End::Evicted => &mut self.evicted,
            End::CaptureEnd => &mut self.capture_end,
        } += 1;
    }
}
