//! Files that a response delivers, and how many records a request asks for.

use spyhop_http::{Field, field};
use spyhop_model::{Delivered, FileKind};

use crate::charset;
use crate::redact::Redactor;
use crate::types::is_name;
use crate::walk::percent;

/// Longest file name that is kept, in characters.
const NAME: usize = 120;

/// The file of a response, by its head (RFC 6266): what says that it is to be saved, or that it holds records.
pub(crate) fn delivered(fields: &[Field<'_>], redactor: &Redactor) -> Option<Box<Delivered>> {
    let text = field(fields, "content-disposition").map(charset::text).unwrap_or_default();
    let mut parts = text.split(';').map(str::trim);
    let attachment = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("attachment"));
    let mut name = String::new();
    for (key, value) in parts.filter_map(|part| part.split_once('=')) {
        let value = value.trim().trim_matches('"');
        if key.trim().eq_ignore_ascii_case("filename*") {
            // RFC 8187: charset'language'percent-encoded.
            name = percent(value.rsplit('\'').next().unwrap_or(value), false, 1).text.into_owned();
        } else if key.trim().eq_ignore_ascii_case("filename") && name.is_empty() {
            name = percent(value, false, 1).text.into_owned();
        }
    }
    let media = field(fields, "content-type").map(String::from_utf8_lossy).unwrap_or_default();
    let kind = match of_media(&media.to_ascii_lowercase()) {
        FileKind::Other => of_name(&name.to_ascii_lowercase()),
        known => known,
    };
    (attachment || kind != FileKind::Other).then(|| {
        let name: String = name.chars().filter(|c| !c.is_control()).collect();
        let name: String = without_people(&redactor.text(&name)).chars().take(NAME).collect();
        Box::new(Delivered { name: name.into(), kind, attachment })
    })
}

/// A file's name in which names of people stand as `*`: `张三_简历.pdf`.
fn without_people(name: &str) -> String {
    let is_border = |c: char| !c.is_alphanumeric();
    let mut shown = String::new();
    for part in name.split_inclusive(is_border) {
        let word = part.trim_end_matches(is_border);
        shown.push_str(if is_name(word) { "*" } else { word });
        shown.push_str(part.get(word.len()..).unwrap_or_default());
    }
    shown
}

fn of_media(media: &str) -> FileKind {
    let media = media.split(';').next().unwrap_or_default().trim();
    match media {
        "text/csv" | "application/csv" | "text/tab-separated-values" => FileKind::Csv,
        "application/vnd.ms-excel" | "application/vnd.oasis.opendocument.spreadsheet" => FileKind::Sheet,
        "application/zip"
        | "application/x-zip-compressed"
        | "application/x-7z-compressed"
        | "application/x-rar"
        | "application/x-rar-compressed"
        | "application/vnd.rar" => FileKind::Archive,
        "application/pdf" => FileKind::Pdf,
        "application/msword" => FileKind::Document,
        _ if media.contains("spreadsheetml") || media.contains("ms-excel") => FileKind::Sheet,
        _ if media.contains("wordprocessingml") => FileKind::Document,
        _ => FileKind::Other,
    }
}

fn of_name(name: &str) -> FileKind {
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("csv" | "tsv") => FileKind::Csv,
        Some("xls" | "xlsx" | "xlsm" | "et" | "ods") => FileKind::Sheet,
        Some("zip" | "rar" | "7z") => FileKind::Archive,
        Some("pdf") => FileKind::Pdf,
        Some("doc" | "docx" | "wps") => FileKind::Document,
        _ => FileKind::Other,
    }
}

/// Parameters that say how many records are wanted, lower case without `_`, `-` and `$`.
const SIZES: &[&str] = &[
    "pagesize",
    "perpage",
    "limit",
    "size",
    "rows",
    "pagelimit",
    "maxresults",
    "top",
    "pagecount",
    "pagenum",
    "first",
    "length",
    "ps",
];

/// How many records a parameter asks for, if it does.
pub(crate) fn page_size(name: &str, value: &str) -> Option<u32> {
    const LONGEST: usize = 16;
    const MOST: u32 = 10_000_000;
    if name.len() > LONGEST || value.is_empty() || value.len() > 8 || !value.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    // The page's number goes by many names; `pageNum` is mostly that.
    let is_size = SIZES.contains(&plain.as_str()) && plain != "pagenum";
    value.parse().ok().filter(|size| is_size && (1..=MOST).contains(size))
}

#[cfg(test)]
mod tests {
    use super::*;
    use spyhop_model::Key;

    #[test]
    fn files_are_known_by_type_and_name() {
        let redactor = Redactor::new(Key::new([3; 32]));
        let of = |media: &'static str, disposition: &'static str| {
            let fields = [
                Field { name: b"Content-Type", value: media.as_bytes() },
                Field { name: b"Content-Disposition", value: disposition.as_bytes() },
            ];
            delivered(&fields, &redactor).map(|file| (file.name.to_string(), file.kind, file.attachment))
        };
        assert_eq!(
            of("application/octet-stream", "attachment; filename=\"a.xlsx\"; filename*=UTF-8''%E5%AE%A2%E6%88%B7.xlsx"),
            Some(("客户.xlsx".into(), FileKind::Sheet, true))
        );
        assert_eq!(of("text/csv; charset=gbk", ""), Some((String::new(), FileKind::Csv, false)));
        assert_eq!(of("application/json", "inline"), None);
        let named = of("text/plain", "attachment; filename=13912345678.txt").expect("a file");
        assert!(!named.0.contains("13912345678"), "{}", named.0);
        let resume = of("application/pdf", "attachment; filename*=UTF-8''%E5%BC%A0%E4%B8%89_cv.pdf").expect("a file");
        assert_eq!(resume.0, "*_cv.pdf");
    }

    #[test]
    fn sizes_of_pages() {
        assert_eq!(page_size("pageSize", "100"), Some(100));
        assert_eq!(page_size("per_page", "20"), Some(20));
        assert_eq!(page_size("$top", "5"), Some(5));
        assert_eq!(page_size("pageNum", "3"), None);
        assert_eq!(page_size("size", "XL"), None);
    }
}
