//! A body from bytes to leaves.

use crate::walk::{Around, Document, Kind, LeafSink, WalkAccounts, WalkMemory, file_type};

/// One body on its way: made UTF-8, its structure told from its first bytes, then walked. Any [`LeafSink`] may look on;
/// two can with `&mut (&mut one, &mut other)`.
#[derive(Default)]
pub struct BodyScan {
    document: Document,
}

impl BodyScan {
    /// A body begins; `content_type` as on the wire.
    pub fn begin(content_type: Option<&str>) -> BodyScan {
        BodyScan { document: Document::begin(content_type, Around::default()) }
    }

    /// A body begins that may be a file; `content_type` and `disposition` (RFC 6266) as on the wire. Of bytes that say
    /// nothing by their type (`application/octet-stream`) the file's name tells what they are. What its walkers hold is
    /// counted in `memory`.
    pub fn begin_file(content_type: Option<&str>, disposition: Option<&str>, memory: &WalkMemory) -> BodyScan {
        let media = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
        let says_nothing = media.is_empty() || media.ends_with("/octet-stream") || media.ends_with("download");
        let by_name = disposition.filter(|_| says_nothing).and_then(named);
        BodyScan { document: Document::begin(by_name.or(content_type), Around::of(memory)) }
    }

    /// The next bytes, decoded.
    pub fn feed<S: LeafSink>(&mut self, bytes: &[u8], sink: &mut S) {
        self.document.feed(bytes, sink);
    }

    /// Bytes were lost here.
    pub fn gap<S: LeafSink>(&mut self, sink: &mut S) {
        self.document.gap(sink);
    }

    /// The end.
    pub fn finish<S: LeafSink>(&mut self, sink: &mut S) {
        self.document.finish(sink);
    }

    /// What the body is; `None` before its first bytes were seen.
    pub fn kind(&self) -> Option<Kind> {
        self.document.kind()
    }

    /// Its records so far: rows of tables, objects of lists, elements that hold others; 0 where nobody can tell.
    pub fn records(&self) -> u32 {
        self.document.rows()
    }

    /// What of it was passed over so far.
    pub fn accounts(&self) -> WalkAccounts {
        self.document.accounts()
    }
}

/// The media type of a file's name in a disposition.
fn named(disposition: &str) -> Option<&'static str> {
    let name = disposition.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let name = name.trim();
        (name.eq_ignore_ascii_case("filename") || name.eq_ignore_ascii_case("filename*")).then_some(value)
    })?;
    file_type(name.trim().trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_by_their_names() {
        for (disposition, media) in [
            ("attachment; filename=\"a.b.CSV\"", Some("text/csv")),
            ("attachment; filename*=UTF-8''%E5%BC%A0.json", Some("application/json")),
            ("attachment; filename=x", None),
            ("inline", None),
        ] {
            assert_eq!(named(disposition), media, "{disposition}");
        }
    }
}
