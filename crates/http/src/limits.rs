//! Named limits: what a hostile peer can make this crate keep or do.

use spyhop_model::settings;

settings! {
    /// Limits of the HTTP parser. All memory limits are per worker unless they say otherwise.
    #[derive(Copy, PartialEq, Eq)]
    pub struct Limits {
        /// Bytes of one message head; a longer one is cut and flagged.
        head: usize = 64 << 10,
        /// Header fields of one message head; those past it are not shown and the head is flagged. At most 256 are read.
        fields: usize = 256,
        /// A body that decodes to no more than this is handed over as one slice.
        small_body: usize = 64 << 10,
        /// Requests that wait for their answer on one connection; past it the oldest is reported without one.
        outstanding: usize = 128,
        /// Content codings laid over one another on one body.
        codings: usize = 4,
        /// Decoded bytes of one body.
        decoded: u64 = 4 << 30,
        /// Decoded bytes for each encoded byte, once `ratio_from` bytes came out.
        ratio: u64 = 200,
        /// Decoded bytes below which the ratio is not looked at.
        ratio_from: u64 = 1 << 20,
        /// Memory of all content decoders in use, by the windows their streams declare.
        decoder_memory: usize = 128 << 20,
        /// Memory of all partial heads and partial small bodies, by allocation.
        held_memory: usize = 128 << 20,
    }
}
