//! Message heads, borrowed from the one block in which they were found.

/// A request head.
#[derive(Clone, Copy, Debug)]
pub struct RequestHead<'a> {
    /// The method as sent.
    pub method: &'a [u8],
    /// The request target as sent, not decoded.
    pub target: &'a [u8],
    /// Major and minor version; (0, 9) for a simple request.
    pub version: (u8, u8),
    /// The header fields in order.
    pub fields: &'a [Field<'a>],
}

/// A response head.
#[derive(Clone, Copy, Debug)]
pub struct ResponseHead<'a> {
    /// The status code; 0 where it was no number.
    pub status: u16,
    /// Major and minor version.
    pub version: (u8, u8),
    /// The header fields in order.
    pub fields: &'a [Field<'a>],
}

/// A header field as sent: name with its case, value without surrounding white space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// Name.
    pub name: &'a [u8],
    /// Value; a folded one has its line breaks replaced by spaces.
    pub value: &'a [u8],
}

/// The first field of that name (compared without case), if any.
pub fn field<'a>(fields: &[Field<'a>], name: &str) -> Option<&'a [u8]> {
    fields.iter().find(|f| f.name.eq_ignore_ascii_case(name.as_bytes())).map(|f| f.value)
}
