//! What a header block means: pseudo-header fields apart from the others (RFC 9113, section 8.3).

use super::hpack::List;
use crate::coding::Codings;
use crate::head::Field;
use crate::http1::head::content_length;
use crate::inspection::Defects;

/// Fields that are shown without an allocation.
const FEW: usize = 64;
const EMPTY: Field<'static> = Field { name: b"", value: b"" };

/// A header block, read.
#[derive(Debug, Default)]
pub(super) struct Head<'a> {
    pub(super) method: Option<&'a [u8]>,
    pub(super) path: Option<&'a [u8]>,
    pub(super) authority: Option<&'a [u8]>,
    pub(super) scheme: Option<&'a [u8]>,
    /// Of extended CONNECT (RFC 8441).
    pub(super) protocol: Option<&'a [u8]>,
    /// 0 where it was no number.
    pub(super) status: Option<u16>,
    /// The other fields; in a request the authority stands first among them, as `host`.
    pub(super) fields: &'a [Field<'a>],
    pub(super) codings: Codings,
    pub(super) length: Option<u64>,
    pub(super) defects: u32,
    /// Fields that refer to table entries that were not seen.
    pub(super) unknown: u32,
    /// Fields past the limits.
    pub(super) dropped: u64,
}

impl Head<'_> {
    /// It has a field that only requests have.
    pub(super) fn is_request(&self) -> bool {
        self.method.is_some() || self.path.is_some() || self.scheme.is_some() || self.authority.is_some()
    }

    /// Where the request goes: its path, or for CONNECT its authority; empty where that is not known.
    pub(super) fn target(&self) -> &[u8] {
        match (self.path, self.method) {
            (Some(path), _) => path,
            (None, Some(b"CONNECT")) => self.authority.unwrap_or_default(),
            _ => b"",
        }
    }
}

/// Reads a block's fields and shows them to `then`. `defects`: what is known to be wrong with it already.
pub(super) fn with_head<R>(list: &mut List, mut defects: u32, then: impl FnOnce(&Head<'_>) -> R) -> R {
    list.join(b"cookie", b"; ");
    let list = &*list;
    let mut head = Head { unknown: list.unknown, dropped: list.dropped, ..Head::default() };
    for (is, defect) in [
        (list.bad, Defects::BAD_HEADER),
        (list.unknown > 0, Defects::UNKNOWN_FIELDS),
        (list.dropped > 0, Defects::HEAD_TOO_LONG),
    ] {
        defects |= if is { defect } else { 0 };
    }
    let (mut few, mut many) = ([EMPTY; FEW], Vec::new());
    let room = list.count() + 1;
    let array = if room <= FEW {
        few.as_mut_slice()
    } else {
        many.resize(room, EMPTY);
        many.as_mut_slice()
    };
    // The first place is kept for the authority.
    let mut count = 1;
    for field in list.iter() {
        let pseudo = match field.name {
            b":method" => &mut head.method,
            b":path" => &mut head.path,
            b":authority" => &mut head.authority,
            b":scheme" => &mut head.scheme,
            b":protocol" => &mut head.protocol,
            b":status" => {
                let status = match *field.value {
                    [a @ b'0'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9'] => {
                        u16::from(a - b'0') * 100 + u16::from(b - b'0') * 10 + u16::from(c - b'0')
                    }
                    _ => 0,
                };
                if head.status.is_some() || status == 0 {
                    defects |= Defects::ODD_START_LINE;
                }
                head.status.get_or_insert(status);
                continue;
            }
            name => {
                defects |= judge(name, field.value);
                match name {
                    b"content-length" => match content_length(field.value.trim_ascii()) {
                        Some(length) if head.length.is_none_or(|before| before == length) => {
                            head.length = Some(length);
                        }
                        _ => defects |= Defects::BAD_LENGTH,
                    },
                    // HTTP/2 has none: what translates it to HTTP/1 may be made to take it for framing.
                    b"transfer-encoding" => defects |= Defects::ODD_TRANSFER_CODING,
                    _ => head.codings.field(&field),
                }
                if let Some(place) = array.get_mut(count) {
                    (*place, count) = (field, count + 1);
                }
                continue;
            }
        };
        if pseudo.is_some() || count > 1 || field.value.iter().any(|byte| *byte <= b' ') {
            defects |= Defects::ODD_START_LINE;
        }
        pseudo.get_or_insert(field.value);
    }
    let from = match (head.authority, array.first_mut()) {
        (Some(value), Some(first)) => {
            *first = Field { name: b"host", value };
            0
        }
        _ => 1,
    };
    head.fields = array.get(from..count).unwrap_or_default();
    head.defects = defects;
    then(&head)
}

/// What is wrong with a field (RFC 9113, section 8.2.1).
fn judge(name: &[u8], value: &[u8]) -> u32 {
    let bad_name =
        name.is_empty() || name.iter().any(|byte| byte.is_ascii_uppercase() || *byte <= b' ' || *byte >= 0x7f);
    let bad_value = value.iter().any(|byte| matches!(byte, 0 | b'\r' | b'\n'));
    if bad_name || bad_value || name.starts_with(b":") { Defects::BAD_HEADER } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::super::hpack::{Decoder, encode};
    use super::*;

    fn read(fields: &[(&str, &str)]) -> String {
        let mut block = Vec::new();
        for (name, value) in fields {
            encode::literal(&mut block, name, value, false, false);
        }
        let mut list = List::default();
        list.clear(1 << 20, 256);
        Decoder::new(4096, true).decode(&block, true, &mut list);
        with_head(&mut list, 0, |head| {
            let mut text = format!("{:?} {}", head.status, head.target().escape_ascii());
            for field in head.fields {
                text += &format!(" {}={}", field.name.escape_ascii(), field.value.escape_ascii());
            }
            for name in Defects(head.defects).names() {
                text = text + " " + name;
            }
            text
        })
    }

    #[test]
    fn the_authority_is_the_host() {
        assert_eq!(
            read(&[(":method", "GET"), (":path", "/"), (":authority", "u:p@a"), ("x", "y"), ("host", "b")]),
            "None / host=u:p@a x=y host=b"
        );
        assert_eq!(read(&[(":method", "CONNECT"), (":authority", "a:1")]), "None a:1 host=a:1");
        assert_eq!(read(&[(":method", "GET"), (":path", "/"), ("host", "b")]), "None / host=b");
        assert_eq!(read(&[(":status", "404")]), "Some(404) ");
    }

    #[test]
    fn what_is_wrong_is_told() {
        assert_eq!(read(&[(":path", "/a b"), ("A", "b")]), "None /a b A=b bad_header odd_start_line");
        assert_eq!(read(&[("a", "b"), (":path", "/")]), "None / a=b odd_start_line");
        assert_eq!(read(&[("a", "b\r\nc: d")]), "None  a=b\\r\\nc: d bad_header");
        assert_eq!(
            read(&[("content-length", "1"), ("content-length", "2"), ("transfer-encoding", "chunked")]),
            "None  content-length=1 content-length=2 transfer-encoding=chunked bad_length odd_transfer_coding"
        );
        assert_eq!(read(&[(":status", "x")]), "Some(0)  odd_start_line");
        let many: Vec<_> = (0..200).map(|_| ("a", "")).collect();
        assert_eq!(read(&many).matches(" a=").count(), 200);
    }
}
