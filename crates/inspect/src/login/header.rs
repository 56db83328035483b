//! Who shows himself in the Authorization field: Basic (RFC 7617), Digest (RFC 7616), NTLM (MS-NLMP), bare or within
//! Negotiate (RFC 4559). Every read is checked; a message that says of itself what is not there names nobody.

use super::secret;
use crate::credential::is_key_marker;

/// Longest field that is read.
const LONGEST: usize = 16 << 10;
/// Longest name of a user or domain, in bytes.
const NAME: usize = 512;
const NTLM: &[u8] = b"NTLMSSP\0";

/// What is shown.
pub(super) enum Presented {
    /// User and password.
    Basic(String, String),
    /// A user, whose password is proved but not sent.
    Digest(String),
    /// The same, with the domain before the name: `DOMAIN\user`.
    Ntlm(String),
}

impl Presented {
    /// Reads the field. Nobody, or a key in the user's place, is no login: see
    /// [`CredentialScan`](crate::credential::CredentialScan).
    pub fn read(field: &[u8]) -> Option<Presented> {
        // Most fields carry a bearer's token.
        let known = [&b"basic"[..], b"digest", b"ntlm", b"negotiate"];
        let is = |scheme: &&[u8]| field.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
        if field.len() > LONGEST || !known.iter().any(is) {
            return None;
        }
        let text = std::str::from_utf8(field).ok()?.trim();
        let (scheme, rest) = text.split_once([' ', '\t'])?;
        match scheme.to_ascii_lowercase().as_str() {
            "basic" => {
                let (user, password) = secret::basic(field)?;
                (!is_key_marker(&password)).then_some(Presented::Basic(user, password))
            }
            "digest" => digest_user(rest).map(Presented::Digest),
            "ntlm" | "negotiate" => ntlm_user(&secret::decode(rest.trim())?).map(Presented::Ntlm),
            _ => None,
        }
    }

    /// The name.
    pub fn user(&self) -> &str {
        match self {
            Presented::Basic(user, _) | Presented::Digest(user) | Presented::Ntlm(user) => user,
        }
    }
}

/// The user in the parameters of Digest; `None` where only a hash of it is sent (RFC 7616, section 3.4.4).
fn digest_user(parameters: &str) -> Option<String> {
    let (mut user, mut response, mut hashed) = (None, false, false);
    let mut rest = parameters;
    while let Some((name, behind)) = rest.split_once('=') {
        let name = name.trim_matches([',', ' ', '\t']);
        let (value, behind) = parameter(behind);
        match name.to_ascii_lowercase().as_str() {
            "username" if value.len() <= NAME => user = Some(value),
            // RFC 8187: charset, language, percent-encoded value.
            "username*" => {
                let coded = value.rsplit('\'').next().unwrap_or_default();
                user = Some(crate::walk::percent(coded, false, 1).text.into_owned()).filter(|user| user.len() <= NAME);
            }
            "response" => response = !value.is_empty(),
            "userhash" => hashed = value.eq_ignore_ascii_case("true"),
            _ => {}
        }
        rest = behind;
    }
    user.filter(|user| response && !hashed && !user.is_empty())
}

/// A token or quoted string (RFC 9110, section 5.6), and what follows.
fn parameter(text: &str) -> (String, &str) {
    let text = text.trim_start();
    let Some(quoted) = text.strip_prefix('"') else {
        let (value, rest) = text.split_once(',').unwrap_or((text, ""));
        return (value.trim().to_owned(), rest);
    };
    let mut value = String::new();
    let mut escaped = false;
    for (at, char) in quoted.char_indices() {
        match char {
            _ if escaped => {
                escaped = false;
                value.push(char);
            }
            '\\' => escaped = true,
            '"' => return (value, quoted.get(at + 1..).unwrap_or_default()),
            _ => value.push(char),
        }
    }
    (value, "")
}

/// The user of an AUTHENTICATE_MESSAGE (MS-NLMP, section 2.2.1.3), which may stand within SPNEGO's.
fn ntlm_user(token: &[u8]) -> Option<String> {
    /// Where lengths and offsets of domain and user stand, and the flags.
    const DOMAIN: usize = 28;
    const USER: usize = 36;
    const FLAGS: usize = 60;
    const AUTHENTICATE: u32 = 3;
    const UNICODE: u32 = 1;
    let message = token.get(memchr::memmem::find(token, NTLM)?..)?;
    if word(message, NTLM.len())? != AUTHENTICATE {
        return None;
    }
    // Very old clients end before the flags, and write OEM characters.
    let unicode = word(message, FLAGS).is_some_and(|flags| flags & UNICODE != 0);
    let user = named(message, USER, unicode).filter(|user| !user.is_empty())?;
    match named(message, DOMAIN, unicode).filter(|domain| !domain.is_empty()) {
        Some(domain) => Some(format!("{domain}\\{user}")),
        None => Some(user),
    }
}

fn word(message: &[u8], at: usize) -> Option<u32> {
    let bytes = message.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

/// The text to which the length at `at` and the offset four bytes on point.
fn named(message: &[u8], at: usize, unicode: bool) -> Option<String> {
    let length = usize::from(u16::from_le_bytes(message.get(at..at + 2)?.try_into().ok()?));
    let offset = usize::try_from(word(message, at + 4)?).ok()?;
    let bytes = message.get(offset..offset.checked_add(length)?).filter(|bytes| bytes.len() <= NAME)?;
    if !unicode {
        return Some(bytes.iter().map(|byte| char::from(*byte)).collect());
    }
    let units = bytes.chunks_exact(2).filter_map(|pair| Some(u16::from_le_bytes(pair.try_into().ok()?)));
    Some(char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    /// A type-3 message as clients write it.
    pub fn authenticate(domain: &str, user: &str) -> Vec<u8> {
        let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
        let (domain, user) = (utf16(domain), utf16(user));
        let mut message = NTLM.to_vec();
        message.extend(3_u32.to_le_bytes());
        message.extend([0; 16]);
        let mut offset = 64_u32;
        for text in [&domain, &user] {
            let length = u16::try_from(text.len()).unwrap();
            message.extend(length.to_le_bytes());
            message.extend(length.to_le_bytes());
            message.extend(offset.to_le_bytes());
            offset += u32::from(length);
        }
        message.extend([0; 16]);
        message.extend(0xa288_8205_u32.to_le_bytes());
        message.extend(domain);
        message.extend(user);
        message
    }

    fn user(field: &str) -> Option<String> {
        Presented::read(field.as_bytes()).map(|presented| presented.user().to_owned())
    }

    #[test]
    fn digest_names_its_user() {
        let digest = |rest: &str| user(&format!("Digest {rest}"));
        assert_eq!(
            digest(r#"username="Mufasa", realm="a,b=c", uri="/d?x=1", response="66""#).as_deref(),
            Some("Mufasa")
        );
        assert_eq!(digest(r#"realm="x", username="a \"b\" c",response=6"#).as_deref(), Some("a \"b\" c"));
        assert_eq!(digest("username*=UTF-8''J%C3%A4s%C3%B8n, response=\"6\"").as_deref(), Some("Jäsøn"));
        assert_eq!(digest(r#"username="488869477b", userhash=true, response="66""#), None);
        assert_eq!(digest(r#"username="Mufasa""#), None, "nothing is proved");
        assert_eq!(digest(r#"username="Muf"#), None);
        assert_eq!(digest("===\"\"=,=,="), None);
    }

    #[test]
    fn ntlm_names_its_user_bare_and_within_negotiate() {
        let message = authenticate("CORP", "Amy Wang");
        assert_eq!(user(&format!("NTLM {}", STANDARD.encode(&message))).as_deref(), Some("CORP\\Amy Wang"));
        let within = [&[0xa1, 0x82, 1, 2, 0xa2][..], &message].concat();
        assert_eq!(user(&format!("Negotiate {}", STANDARD.encode(within))).as_deref(), Some("CORP\\Amy Wang"));
        assert_eq!(user(&format!("NTLM {}", STANDARD.encode(authenticate("", "amy")))).as_deref(), Some("amy"));
        assert_eq!(user(&format!("NTLM {}", STANDARD.encode(authenticate("CORP", "")))), None, "anonymous");
        assert_eq!(user("NTLM TlRMTVNTUAABAAAAB4IIogAAAAAAAAAAAAAAAAAAAAA="), None, "type 1");
        assert_eq!(user("Negotiate YIIFzgYGKwYBBQUC"), None);
        for length in 0..message.len() {
            let cut = &message[..length];
            let _ = ntlm_user(cut);
            let mut wrong = message.clone();
            wrong[length] = 0xff;
            let _ = ntlm_user(&wrong);
        }
    }
}
