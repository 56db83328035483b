//! Where a frame begins in the middle of things: a connection joined midway, and bytes lost between frames.

use memchr::memchr;

use super::direction::FRAME;
use super::frame::{Cutter, HEADER, Header, Piece, flag, kind, plausible};
use super::hpack::{Decoder, List};
use super::streams::Streams;
use crate::http1::head::Role;
use crate::inspection::{Half, Inspection};

/// How far ahead of the highest stream seen a new one may be, to be believed where its place is a guess.
const AHEAD: u32 = 4096;
/// Frames that may stand before the head by which a connection joined midway is recognised.
const BEFORE: usize = 32;
/// Bytes of SETTINGS that a server begins with, at most.
const SETTINGS: u8 = 120;

/// Where in `bytes` a frame of that half begins, as far as can be told. `segment`: a segment begins with them, where
/// less is asked for.
pub(super) fn find<I: Inspection>(
    bytes: &[u8],
    segment: bool,
    half: Half,
    streams: &Streams<I>,
    longest: u32,
) -> Option<usize> {
    if segment && begins(bytes, true, half, streams, longest) {
        return Some(0);
    }
    let mut at = 0;
    loop {
        let rest = bytes.get(at..).filter(|rest| rest.len() >= HEADER)?;
        // Lengths are below 65536 unless the peers have agreed on more.
        at += if longest < 1 << 16 { memchr(0, rest)? } else { 0 };
        let here = bytes.get(at..).unwrap_or_default();
        if begins(here, false, half, streams, longest) {
            return Some(at);
        }
        at += 1;
    }
}

fn begins<I: Inspection>(bytes: &[u8], segment: bool, half: Half, streams: &Streams<I>, longest: u32) -> bool {
    let Some(header) = plausible(bytes, longest) else { return false };
    let near = header.stream <= streams.highest.saturating_add(AHEAD);
    let client = half == Half::Request;
    let believed = match header.kind {
        kind::DATA => segment || streams.is_passing(half, header.stream),
        kind::HEADERS if client => !header.stream.is_multiple_of(2) && (segment || (near && streams.highest > 0)),
        kind::HEADERS => segment || streams.has(header.stream),
        kind::CONTINUATION => false,
        kind::PUSH_PROMISE => !client && streams.has(header.stream),
        _ => header.stream == 0 || segment || near,
    };
    let next = bytes.get(HEADER + header.length as usize..).unwrap_or_default();
    believed && (next.len() < HEADER || plausible(next, longest).is_some())
}

/// Who of the two sends this, if it is HTTP/2 joined midway: whole frames one after the other, among them a head that
/// reads as one. Nothing less is believed, since any protocol may be joined midway.
pub(crate) fn could_start(bytes: &[u8]) -> Option<Role> {
    let mut rest = bytes;
    for _ in 0..BEFORE {
        let header = plausible(rest, FRAME)?;
        let (frame, more) = rest.split_at_checked(HEADER + header.length as usize)?;
        if header.is_block() {
            let opens = header.kind == kind::HEADERS && header.has(flag::END_HEADERS);
            return if opens { role(frame, !header.stream.is_multiple_of(2)) } else { None };
        }
        rest = more;
    }
    None
}

/// Whose head a HEADERS frame holds.
fn role(frame: &[u8], odd: bool) -> Option<Role> {
    let mut rest = frame;
    let Some(Piece::Block { bytes: block, .. }) = Cutter::default().next(&mut rest) else { return None };
    let mut list = List::default();
    list.clear(usize::from(u16::MAX), 256);
    Decoder::new(FRAME as usize, false).decode(block, true, &mut list);
    let sound = |name: &[u8]| {
        !name.is_empty()
            && name.iter().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'-' | b':' | b'_' | b'0'..=b'9'))
    };
    if list.bad || list.dropped > 0 || !list.iter().all(|field| sound(field.name)) {
        return None;
    }
    let has = |name: &[u8]| list.iter().any(|field| field.name == name);
    match (has(b":status"), has(b":method") || has(b":path"), has(b":scheme")) {
        (true, false, false) => Some(Role::Server),
        (false, true, _) | (false, _, true) if odd => Some(Role::Client),
        _ => None,
    }
}

/// Whether a server begins like this: with SETTINGS (RFC 9113, section 3.4); `None` if it is too short to tell.
pub(crate) fn is_settings(bytes: &[u8]) -> Option<bool> {
    let start = bytes.get(..HEADER).unwrap_or(bytes);
    let fits = start.iter().enumerate().all(|(at, byte)| match at {
        2 => byte.is_multiple_of(6) && *byte <= SETTINGS,
        3 => *byte == kind::SETTINGS,
        _ => *byte == 0,
    });
    if !fits || bytes.is_empty() {
        return Some(false);
    }
    let header = plausible(bytes, FRAME);
    let next = header.and_then(|header| bytes.get(HEADER + header.length as usize..)).unwrap_or_default();
    match header {
        None => None,
        // Without settings it might be a length and a number of something else: the next frame must be such as open a
        // connection.
        Some(header) => {
            let fits = |next: Header| header.length > 0 || next.stream == 0;
            if header.length == 0 && (1..HEADER).contains(&next.len()) {
                return None;
            }
            Some(next.len() < HEADER || plausible(next, FRAME).is_some_and(fits))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::frame::encode as frame;
    use super::super::hpack::encode;
    use super::*;

    #[test]
    fn a_connection_joined_midway_is_told_by_a_head_among_whole_frames() {
        let request = b"\x82\x86\xc0\xbf";
        let headers = |block: &[u8]| frame(kind::HEADERS, 5, 7, block);
        assert_eq!(could_start(&headers(request)), Some(Role::Client));
        assert_eq!(could_start(&headers(b"\x88\xbe")), Some(Role::Server));
        let before = [frame(kind::DATA, 1, 5, b"abc"), frame(kind::PING, 0, 0, &[0; 8])].concat();
        assert_eq!(could_start(&[before.clone(), headers(request)].concat()), Some(Role::Client));
        // No head, a head cut off, one without pseudo-header fields, one of a stream that no client opens.
        assert_eq!(could_start(&before), None);
        assert_eq!(could_start(&headers(request)[..11]), None);
        assert_eq!(could_start(&headers(b"\xbe\xbf")), None);
        assert_eq!(could_start(&frame(kind::HEADERS, 5, 8, request)), None);
        let mut odd = request.to_vec();
        encode::literal(&mut odd, "GET / HTTP", "x", false, false);
        assert_eq!(could_start(&headers(&odd)), None);
        for other in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0; 200], b"\0\0\0\x04\0\0\0\0", b""] {
            assert_eq!(could_start(other), None);
        }
    }

    #[test]
    fn a_server_that_speaks_first_is_told_by_its_settings() {
        let settings = frame(kind::SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 100]);
        for end in 1..9 {
            assert_eq!(is_settings(&settings[..end]), None);
        }
        assert_eq!(is_settings(&settings), Some(true));
        assert_eq!(is_settings(&[settings.clone(), frame(kind::WINDOW_UPDATE, 0, 0, &[0; 4])].concat()), Some(true));
        assert_eq!(is_settings(b"\0\0\0\x04\0\0\0\0\0\0\0\x04\0\0\0\x01\0\0\0\x04"), Some(false));
        assert_eq!(is_settings(b"\0\0\0\x85\xffSMB"), Some(false));
        assert_eq!(is_settings(b"HTTP/1.1"), Some(false));
    }
}
