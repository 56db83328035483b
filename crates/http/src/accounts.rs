//! Where every byte went: what the parser was given and what became of it.

use std::ops::AddAssign;

use crate::inspection::Defects;

/// A protocol other than HTTP/1, recognised coarsely by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Other {
    /// TLS or SSL record.
    Tls,
    /// HTTP/2 whose other side speaks something else.
    Http2,
    /// What follows a `101 Switching Protocols` to a protocol that is not read.
    Upgraded,
    /// SSH.
    Ssh,
    /// SMTP or FTP (both greet with `220`).
    SmtpFtp,
    /// POP3.
    Pop3,
    /// IMAP.
    Imap,
    /// SIP or RTSP.
    SipRtsp,
    /// Redis.
    Redis,
    /// MySQL.
    Mysql,
    /// PostgreSQL.
    Postgres,
    /// SMB over TCP.
    Smb,
    /// RDP (TPKT).
    Rdp,
    /// LDAP.
    Ldap,
    /// MQTT.
    Mqtt,
    /// BitTorrent.
    BitTorrent,
    /// None of these.
    Unknown,
}

impl Other {
    /// How many there are.
    pub const COUNT: usize = Other::Unknown as usize + 1;
    /// All, in the order of [`HttpAccounts::other`].
    pub const ALL: [Other; Other::COUNT] = [
        Other::Tls,
        Other::Http2,
        Other::Upgraded,
        Other::Ssh,
        Other::SmtpFtp,
        Other::Pop3,
        Other::Imap,
        Other::SipRtsp,
        Other::Redis,
        Other::Mysql,
        Other::Postgres,
        Other::Smb,
        Other::Rdp,
        Other::Ldap,
        Other::Mqtt,
        Other::BitTorrent,
        Other::Unknown,
    ];

    /// A short lower-case name.
    pub fn name(self) -> &'static str {
        match self {
            Other::Tls => "tls",
            Other::Http2 => "http2",
            Other::Upgraded => "upgraded",
            Other::Ssh => "ssh",
            Other::SmtpFtp => "smtp_ftp",
            Other::Pop3 => "pop3",
            Other::Imap => "imap",
            Other::SipRtsp => "sip_rtsp",
            Other::Redis => "redis",
            Other::Mysql => "mysql",
            Other::Postgres => "postgres",
            Other::Smb => "smb",
            Other::Rdp => "rdp",
            Other::Ldap => "ldap",
            Other::Mqtt => "mqtt",
            Other::BitTorrent => "bittorrent",
            Other::Unknown => "unknown",
        }
    }
}

/// Why bytes on an HTTP connection belong to no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unparsed {
    /// Between a gap and the next start line.
    AfterGap,
    /// No message begins where one should.
    Garbage,
    /// What of a head lies past the limit on heads.
    HeadLimit,
    /// No memory was left to hold an unfinished head.
    HeldMemory,
    /// Behind too many CONNECT requests that were not answered yet.
    Replayed,
    /// DATA of a stream of HTTP/2 that is over, or whose head was not seen.
    NoStream,
}

impl Unparsed {
    /// How many there are.
    pub const COUNT: usize = Unparsed::NoStream as usize + 1;
    /// All, in the order of [`HttpAccounts::unparsed`].
    pub const ALL: [Unparsed; Unparsed::COUNT] = [
        Unparsed::AfterGap,
        Unparsed::Garbage,
        Unparsed::HeadLimit,
        Unparsed::HeldMemory,
        Unparsed::Replayed,
        Unparsed::NoStream,
    ];

    /// A short lower-case name.
    pub fn name(self) -> &'static str {
        match self {
            Unparsed::AfterGap => "after_gap",
            Unparsed::Garbage => "garbage",
            Unparsed::HeadLimit => "head_limit",
            Unparsed::HeldMemory => "held_memory",
            Unparsed::Replayed => "replayed",
            Unparsed::NoStream => "no_stream",
        }
    }
}

/// What became of a stretch of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Http,
    Other(Other),
    Unparsed(Unparsed),
}

/// Every byte of `data` is in exactly one of `http`, `other`, `unparsed`, or still in `held`:
/// `delivered == http + other + unparsed + held` after every call, and `held` is zero once all connections ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpAccounts {
    /// Bytes given to `data`.
    pub delivered: u64,
    /// Heads, bodies and their framing.
    pub http: u64,
    /// Bytes of other protocols, by [`Other::ALL`].
    pub other: [u64; Other::COUNT],
    /// Bytes of HTTP connections that belong to no message, by [`Unparsed::ALL`].
    pub unparsed: [u64; Unparsed::COUNT],
    /// Bytes of unfinished heads: what they are is not yet known.
    pub held: u64,
    /// Bytes lost before they came here.
    pub gaps: u64,
    /// Connections opened.
    pub connections: u64,
    /// Times HTTP/1 was found on a connection, or within a tunnel on it.
    pub http_connections: u64,
    /// Times HTTP/2 was found on a connection, or within a tunnel on it, or followed an upgrade.
    pub http2_connections: u64,
    /// Request heads.
    pub requests: u64,
    /// Final response heads.
    pub responses: u64,
    /// Interim response heads.
    pub interim: u64,
    /// Exchanges ended.
    pub exchanges: u64,
    /// Of these, without an answer.
    pub request_only: u64,
    /// Of these, without a request.
    pub response_only: u64,
    /// Messages of WebSockets, event streams and gRPC streams.
    pub messages: u64,
    /// TLS handshakes told.
    pub handshakes: u64,
    /// CONNECT tunnels entered.
    pub tunnels: u64,
    /// Those within too many others, which are not followed.
    pub tunnels_over_limit: u64,
    /// Upgrades followed.
    pub upgrades: u64,
    /// Heads that were cut by a gap, a limit or the end.
    pub truncated_heads: u64,
    /// Header fields past the limit on fields.
    pub fields_over_limit: u64,
    /// Requests reported without answer because too many were waiting.
    pub outstanding_over_limit: u64,
    /// Times that what stood behind unanswered CONNECT requests was passed over, since it had been read too often.
    pub replays_over_limit: u64,
    /// Requests of HTTP/2 that were reset at once, one of very many, and are not reported.
    pub requests_passed_over: u64,
    /// TLS handshakes given up because too much was held of them.
    pub hellos_over_limit: u64,
    /// Exchanges reported as they were because too many were open on all connections.
    pub exchanges_over_limit: u64,
    /// Streams of HTTP/2 reported as they were because too many were open.
    pub streams_over_limit: u64,
    /// Streams of HTTP/2 that a side reset before they were over.
    pub resets: u64,
    /// Header blocks for streams that are over, or whose beginning was not seen.
    pub late_heads: u64,
    /// Header blocks in more CONTINUATION frames than the limit.
    pub continuation_floods: u64,
    /// Header blocks of which a single field was longer than may be held, or for which no memory was left.
    pub header_blocks_over_limit: u64,
    /// Header blocks that decode to more than the limit on heads or fields.
    pub header_lists_over_limit: u64,
    /// Times that an HPACK table was emptied because all of them used up their memory.
    pub header_tables_over_limit: u64,
    /// Header fields that refer to entries of an HPACK table that were not seen.
    pub unknown_fields: u64,
    /// Chunked bodies with more of chunk extensions and trailer fields than the limit.
    pub chunk_extensions_over_limit: u64,
    /// Bodies whose decompression was cut as a bomb.
    pub bombs: u64,
    /// Bodies shown raw because the decoders' memory was used up.
    pub decoders_over_limit: u64,
    /// Small bodies handed over in pieces because the held memory was used up.
    pub bodies_over_limit: u64,
    /// Exchanges with each defect, by its bit in [`Defects`].
    pub defects: [u64; 32],
}

impl HttpAccounts {
    pub(crate) fn count(&mut self, class: Class, bytes: usize) {
        let bytes = bytes as u64;
        match class {
            Class::Http => self.http += bytes,
            Class::Other(name) => self.other[name as usize] += bytes,
            Class::Unparsed(why) => self.unparsed[why as usize] += bytes,
        }
    }

    /// What was held turns out to be this.
    pub(crate) fn settle(&mut self, class: Class, bytes: usize) {
        self.held = self.held.saturating_sub(bytes as u64);
        self.count(class, bytes);
    }

    pub(crate) fn hold(&mut self, bytes: usize) {
        self.held += bytes as u64;
    }

    pub(crate) fn flag(&mut self, defects: Defects) {
        let mut bits = defects.0;
        while bits != 0 {
            self.defects[bits.trailing_zeros() as usize] += 1;
            bits &= bits - 1;
        }
    }

    /// Bytes of other protocols.
    pub fn other_total(&self) -> u64 {
        self.other.iter().sum()
    }

    /// Bytes that belong to no message.
    pub fn unparsed_total(&self) -> u64 {
        self.unparsed.iter().sum()
    }

    /// Whether every byte is accounted for, once.
    pub fn add_up(&self) -> bool {
        self.delivered == self.http + self.other_total() + self.unparsed_total() + self.held
    }
}

impl AddAssign<&HttpAccounts> for HttpAccounts {
    fn add_assign(&mut self, more: &HttpAccounts) {
        let HttpAccounts {
            delivered,
            http,
            other,
            unparsed,
            held,
            gaps,
            connections,
            http_connections,
            http2_connections,
            requests,
            responses,
            interim,
            exchanges,
            request_only,
            response_only,
            messages,
            handshakes,
            tunnels,
            tunnels_over_limit,
            upgrades,
            truncated_heads,
            fields_over_limit,
            outstanding_over_limit,
            replays_over_limit,
            requests_passed_over,
            hellos_over_limit,
            exchanges_over_limit,
            streams_over_limit,
            resets,
            late_heads,
            continuation_floods,
            header_blocks_over_limit,
            header_lists_over_limit,
            header_tables_over_limit,
            unknown_fields,
            chunk_extensions_over_limit,
            bombs,
            decoders_over_limit,
            bodies_over_limit,
            defects,
        } = more;
        self.delivered += delivered;
        self.http += http;
        self.other.iter_mut().zip(other).for_each(|(sum, n)| *sum += n);
        self.unparsed.iter_mut().zip(unparsed).for_each(|(sum, n)| *sum += n);
        self.held += held;
        self.gaps += gaps;
        self.connections += connections;
        self.http_connections += http_connections;
        self.http2_connections += http2_connections;
        self.requests += requests;
        self.responses += responses;
        self.interim += interim;
        self.exchanges += exchanges;
        self.request_only += request_only;
        self.response_only += response_only;
        self.messages += messages;
        self.handshakes += handshakes;
        self.tunnels += tunnels;
        self.tunnels_over_limit += tunnels_over_limit;
        self.upgrades += upgrades;
        self.truncated_heads += truncated_heads;
        self.fields_over_limit += fields_over_limit;
        self.outstanding_over_limit += outstanding_over_limit;
        self.replays_over_limit += replays_over_limit;
        self.requests_passed_over += requests_passed_over;
        self.hellos_over_limit += hellos_over_limit;
        self.exchanges_over_limit += exchanges_over_limit;
        self.streams_over_limit += streams_over_limit;
        self.resets += resets;
        self.late_heads += late_heads;
        self.continuation_floods += continuation_floods;
        self.header_blocks_over_limit += header_blocks_over_limit;
        self.header_lists_over_limit += header_lists_over_limit;
        self.header_tables_over_limit += header_tables_over_limit;
        self.unknown_fields += unknown_fields;
        self.chunk_extensions_over_limit += chunk_extensions_over_limit;
        self.bombs += bombs;
        self.decoders_over_limit += decoders_over_limit;
        self.bodies_over_limit += bodies_over_limit;
        self.defects.iter_mut().zip(defects).for_each(|(sum, n)| *sum += n);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_at_their_own_index_and_are_unique() {
        for (index, other) in Other::ALL.into_iter().enumerate() {
            assert_eq!(other as usize, index);
        }
        for (index, why) in Unparsed::ALL.into_iter().enumerate() {
            assert_eq!(why as usize, index);
        }
        let mut names: Vec<_> = Other::ALL.map(Other::name).to_vec();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Other::COUNT);
    }

    #[test]
    fn accounts_of_workers_are_summed() {
        let mut a = HttpAccounts { delivered: 5, http: 5, ..Default::default() };
        let mut b = HttpAccounts { delivered: 3, ..Default::default() };
        b.count(Class::Other(Other::Ssh), 2);
        b.hold(1);
        a += &b;
        assert!(a.add_up());
        b.settle(Class::Unparsed(Unparsed::Garbage), 1);
        assert!(b.add_up() && b.held == 0);
    }
}
