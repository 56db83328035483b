//! What a request tells of the client behind it.

use std::net::IpAddr;

/// What gateways say of the hops before them (RFC 7239, `X-Forwarded-For`, `X-Real-IP`, the PROXY protocol).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forwarded {
    /// Addresses, the client's first, as far as they could be read; at most [`Forwarded::HOPS`], the last ones.
    pub chain: Vec<IpAddr>,
    /// `X-Real-IP` and its like.
    pub real_ip: Option<IpAddr>,
    /// The PROXY protocol's source.
    pub proxied: Option<IpAddr>,
}

impl Forwarded {
    /// Hops kept.
    pub const HOPS: usize = 8;
}

/// What a request carries of what browsers send, as bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Traits(pub u16);

impl Traits {
    /// `Referer`.
    pub const REFERER: u16 = 1 << 0;
    /// `Origin`.
    pub const ORIGIN: u16 = 1 << 1;
    /// `Accept-Language`.
    pub const LANGUAGE: u16 = 1 << 2;
    /// `sec-ch-ua`.
    pub const CLIENT_HINTS: u16 = 1 << 3;
    /// `sec-fetch-mode` or `sec-fetch-site`.
    pub const FETCH_METADATA: u16 = 1 << 4;
    /// `Cookie`.
    pub const COOKIES: u16 = 1 << 5;
    /// The user agent says Chromium 89 or later, which sends `sec-ch-ua` over TLS.
    pub const SAYS_CHROMIUM: u16 = 1 << 6;
    /// The user agent names a mobile device.
    pub const MOBILE: u16 = 1 << 7;
    /// The request says that a program fetches for a page (`X-Requested-With`, `sec-fetch-mode: cors`).
    pub const SCRIPTED: u16 = 1 << 8;
    /// `Accept-Encoding`.
    pub const CODINGS: u16 = 1 << 9;

    /// Whether all of `bits` are in it.
    pub fn has(self, bits: u16) -> bool {
        self.0 & bits == bits
    }
}
