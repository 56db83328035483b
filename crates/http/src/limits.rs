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
        /// Exchanges that are open on all connections together; past it a connection that opens another one reports its own oldest as it is.
        exchanges: usize = 200_000,
        /// Requests that wait for their answer on one connection; past it the oldest is reported without one.
        outstanding: usize = 128,
        /// Streams of HTTP/2 that are not over, on one connection; past it the oldest is reported as it is.
        streams: usize = 512,
        /// Size of an HPACK table, as its encoder counts it; of a larger one the oldest entries are not known. HTTP/2
        /// begins with 4096.
        header_table: usize = 64 << 10,
        /// Memory of all HPACK tables, by allocation; past it a table that grows is emptied and its content not known.
        header_tables: usize = 64 << 20,
        /// CONTINUATION frames of one header block; a block with more is counted as a flood.
        continuations: usize = 32,
        /// Bytes of the chunk extensions and trailer fields of one body; a body with more is counted, since its framing costs its receiver more than its content.
        chunk_extensions: u64 = 16 << 10,
        /// Content codings laid over one another on one body.
        codings: usize = 4,
        /// Decoded bytes of one body.
        decoded: u64 = 4 << 30,
        /// Decoded bytes for each encoded byte, once `ratio_from` bytes came out.
        ratio: u64 = 200,
        /// Decoded bytes below which the ratio is not looked at; 16 KiB at most while bombs come in numbers, and then half of the ratio is enough.
        ratio_from: u64 = 1 << 20,
        /// Memory of all content decoders in use, by the windows their streams declare.
        decoder_memory: usize = 96 << 20,
        /// Memory of all partial heads and partial small bodies, by allocation.
        held_memory: usize = 96 << 20,
    }
}
