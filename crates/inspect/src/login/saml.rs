//! Whom a SAML response names (SAML 2.0 bindings, section 3.5: Base64 in a form's field).

use super::secret;

/// Base64 that is kept of a response.
const LONGEST: usize = 64 << 10;
/// Longest name.
const NAME: usize = 256;

/// Collects a response, which may come in pieces.
#[derive(Default)]
pub(super) struct Saml {
    coded: String,
}

/// What a response says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Assertion {
    /// It answers a login, not a logout.
    pub login: bool,
    /// Its NameID, unless it is encrypted.
    pub name: Option<String>,
    /// Its status; `None` if none was read.
    pub accepted: Option<bool>,
}

impl Saml {
    /// A piece.
    pub fn push(&mut self, piece: &str) {
        let left = LONGEST.saturating_sub(self.coded.len());
        let piece = piece.get(..piece.floor_char_boundary(left)).unwrap_or_default();
        self.coded.extend(piece.chars().filter(|c| !c.is_ascii_whitespace()));
    }

    /// What it says.
    pub fn read(&self) -> Assertion {
        // What was cut off ends at a group of four.
        let whole = self.coded.len() - if self.coded.len() >= LONGEST { self.coded.len() % 4 } else { 0 };
        let coded = self.coded.get(..whole).unwrap_or_default();
        let Some(bytes) = secret::decode(coded) else { return Assertion::default() };
        let text = String::from_utf8_lossy(&bytes);
        let status = text.find("status:").and_then(|at| text.get(at + 7..)).map(|rest| rest.starts_with("Success"));
        Assertion {
            login: text.contains("Response") && !text.contains("LogoutResponse"),
            name: element(&text, "NameID"),
            accepted: status,
        }
    }
}

/// The text of the first element of that local name.
fn element(text: &str, name: &str) -> Option<String> {
    let mut rest = text;
    loop {
        let at = rest.find(name)?;
        let (before, behind) = rest.split_at_checked(at)?;
        rest = behind.get(name.len()..)?;
        let opens = before.ends_with('<')
            || before
                .rsplit_once('<')
                .is_some_and(|(_, prefix)| prefix.len() <= 16 && prefix.ends_with(':') && !prefix.starts_with('/'));
        if opens && rest.starts_with(['>', ' ', '\t', '\r', '\n']) {
            let text = rest.split_once('>')?.1.split('<').next()?.trim();
            let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&");
            return Some(text).filter(|text| !text.is_empty() && text.len() <= NAME);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    fn read(xml: &str) -> Assertion {
        let mut saml = Saml::default();
        let coded = STANDARD.encode(xml);
        let (a, b) = coded.split_at(coded.len() / 3);
        saml.push(a);
        saml.push(b);
        saml.read()
    }

    #[test]
    fn the_name_and_the_status_are_read() {
        let success =
            r#"<samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>"#;
        let xml = format!(
            "<samlp:Response>{success}<saml:NameIDPolicy/><saml:Subject><saml:NameID Format=\"x\">amy&amp;co@acme.com</saml:NameID></saml:Subject></samlp:Response>"
        );
        let expected = Assertion { login: true, name: Some("amy&co@acme.com".into()), accepted: Some(true) };
        assert_eq!(read(&xml), expected);
        assert_eq!(read("<Response><NameID>amy</NameID></Response>").name.as_deref(), Some("amy"));
        assert_eq!(read(&xml.replace("Success", "Responder")).accepted, Some(false));
        assert!(!read("<samlp:LogoutResponse/>").login);
        assert_eq!(read("<Response><NameID>").name, None);
        assert_eq!(Saml { coded: "!".into() }.read(), Assertion::default());
        let mut long = Saml::default();
        (0..100).for_each(|_| long.push(&"PFJlc3BvbnNl".repeat(1000)));
        assert!(long.coded.len() <= LONGEST && long.read().login);
    }
}
