//! What the fields of a request say, gathered while they pass by.

use spyhop_model::{LoginMethod, Place};

use super::graphql::{self, Said};
use super::names::{FieldClass, Name, PathSigns, Which, classify, is_connection};
use super::saml::Saml;
use super::tables::{BUTTONS, CONNECTION_VALUES};
use crate::credential::short;
use crate::walk::{Leaf, LeafKind, Piece};

/// Leaves of a request that are read: a login is small.
const LEAVES: u32 = 256;
/// Longest name of a field.
const NAME: usize = 128;
/// Shortest `state` of OAuth 2.0 that anybody writes.
const STATE: usize = 5;
/// Longest account, in bytes.
const ACCOUNT: usize = 256;
/// Longest password, in bytes: an RSA block of 8192 bits in hexadecimal digits.
const PASSWORD: usize = 2048;

/// What was found. Account and secrets are held here while the exchange passes by and nowhere else.
#[derive(Default)]
pub(super) struct Fields {
    pub account: Option<Found>,
    pub password: Option<Found>,
    /// The password that is set, where another name says so.
    pub new_password: Option<Found>,
    /// A one-time code, a captcha, or a code of OAuth 2.0.
    pub code: Option<Found>,
    pub grant: Option<Grant>,
    pub saml: Option<Box<Saml>>,
    /// The best claim about the account in an ID token, and how good it is.
    pub claim: Option<(u8, String)>,
    /// What parameters add to the path.
    pub route: PathSigns,
    pub other_passwords: u32,
    pub profile: u32,
    pub connection: u32,
    signs: u32,
    leaves: u32,
}

/// A field's value.
pub(super) struct Found {
    pub value: String,
    pub place: Place,
    pub method: LoginMethod,
    /// For the password 2, or 1 for what may be one; for the account see [`FieldClass::User`], for codes
    /// [`FieldClass::Code`].
    pub rank: u8,
    record: u32,
}

/// OAuth 2.0's kinds of grant.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Grant {
    Password,
    /// A code that a browser brought back.
    Code,
    /// Refresh tokens, client credentials, assertions: nobody is there.
    Impersonal,
    /// An extension of some framework; the other evidence decides.
    Extension,
}

/// What else was seen, as bits.
impl Fields {
    /// A user name was given.
    pub const NAMED: u32 = 1 << 0;
    /// An address or number was.
    pub const ADDRESSED: u32 = 1 << 1;
    /// Several records have a password.
    pub const MANY_RECORDS: u32 = 1 << 2;
    /// A captcha was answered.
    pub const CAPTCHA: u32 = 1 << 3;
    pub const CAPTCHA_KEY: u32 = 1 << 4;
    /// Something carries a login from one step to the next.
    pub const STEP: u32 = 1 << 5;
    /// OAuth 2.0's `state`.
    pub const STATE: u32 = 1 << 6;
    pub const REDIRECT: u32 = 1 << 7;
    /// A service ticket of CAS.
    pub const SERVICE_TICKET: u32 = 1 << 8;
    pub const ID_TOKEN: u32 = 1 << 9;
    /// WebAuthn's parts.
    pub const CLIENT_DATA: u32 = 1 << 10;
    pub const AUTHENTICATOR: u32 = 1 << 11;
    pub const ATTESTATION: u32 = 1 << 12;
    pub const KEY_PROOF: u32 = 1 << 13;
    pub const FACE: u32 = 1 << 14;
    /// Text for people.
    pub const MESSAGE: u32 = 1 << 15;
    pub const CLIENT_SECRET: u32 = 1 << 16;
    /// WS-Security's UsernameToken; with a digest in the password's place.
    pub const USERNAME_TOKEN: u32 = 1 << 17;
    pub const PASSWORD_DIGEST: u32 = 1 << 18;
    pub const GRAPHQL: u32 = 1 << 19;
    pub const OLD_PASSWORD: u32 = 1 << 20;

    /// Whether all of `signs` were seen.
    pub fn has(&self, signs: u32) -> bool {
        self.signs & signs == signs
    }

    /// Whether anything was seen that a login may be made of.
    pub fn any(&self) -> bool {
        const ALONE: u32 = Fields::SERVICE_TICKET
            | Fields::ID_TOKEN
            | Fields::CLIENT_DATA
            | Fields::KEY_PROOF
            | Fields::FACE
            | Fields::CLIENT_SECRET;
        self.password.is_some()
            || self.new_password.is_some()
            || self.code.is_some()
            || self.grant.is_some()
            || self.saml.is_some()
            || self.signs & ALONE != 0
    }

    /// Reads a leaf that stands in `method`'s structure.
    pub fn leaf(&mut self, leaf: &Leaf<'_>, method: LoginMethod) {
        self.leaves = self.leaves.saturating_add(1);
        if self.leaves > LEAVES || leaf.key.is_empty() || leaf.key.len() > NAME {
            return;
        }
        // `user[password]` is told by the name within; `datasource.password` by the one around, too.
        let class = classify(&Name::of_field(leaf.key));
        if class == FieldClass::Saml {
            return self.saml.get_or_insert_default().push(leaf.value);
        }
        if leaf.piece != Piece::Whole {
            return;
        }
        self.whole(leaf, method, class);
    }

    fn whole(&mut self, leaf: &Leaf<'_>, method: LoginMethod, class: FieldClass) {
        let filled = !leaf.value.trim().is_empty() && is_text(leaf);
        let mut see = |holds: bool, sign: u32| self.signs |= if holds { sign } else { 0 };
        match class {
            FieldClass::Password if is_connection(leaf.parent) => self.connection += 2,
            FieldClass::Password => self.password_field(leaf, method, 2),
            FieldClass::Secret if is_jwt(leaf.value) => see(true, Self::ID_TOKEN),
            FieldClass::Secret => self.password_field(leaf, method, 1),
            FieldClass::OtherPassword(which) => self.other_password(leaf, method, which),
            FieldClass::User(rank) => {
                see(rank == 3, Self::NAMED);
                see(rank == 2 && filled, Self::ADDRESSED);
                let better = self.account.as_ref().is_none_or(|found| found.rank < rank);
                let button = BUTTONS.iter().any(|button| button.eq_ignore_ascii_case(leaf.value.trim()));
                if better && filled && !button && leaf.value.len() <= ACCOUNT {
                    self.account = Some(found(leaf, method, rank));
                }
            }
            FieldClass::Code(rank) => {
                let better = self.code.as_ref().is_none_or(|found| found.rank < rank);
                if better && filled && leaf.value.len() <= PASSWORD {
                    see(self.code.is_some(), Self::CAPTCHA);
                    self.code = Some(found(leaf, method, rank));
                } else {
                    see(filled, Self::CAPTCHA);
                }
            }
            FieldClass::Captcha => see(filled, Self::CAPTCHA),
            FieldClass::CaptchaKey => see(filled, Self::CAPTCHA_KEY),
            FieldClass::Step => see(filled, Self::STEP),
            FieldClass::State => see(filled && leaf.value.len() >= STATE, Self::STATE),
            FieldClass::Redirect => see(filled, Self::REDIRECT),
            FieldClass::Ticket => see(leaf.value.starts_with("ST-") && leaf.value.len() > 8, Self::SERVICE_TICKET),
            FieldClass::IdToken => see(is_jwt(leaf.value), Self::ID_TOKEN),
            FieldClass::ClientData => see(filled, Self::CLIENT_DATA),
            FieldClass::Authenticator => see(filled, Self::AUTHENTICATOR),
            FieldClass::Attestation => see(filled, Self::ATTESTATION),
            FieldClass::KeyProof => see(filled, Self::KEY_PROOF),
            FieldClass::Face => see(filled, Self::FACE),
            FieldClass::ClientSecret => see(filled, Self::CLIENT_SECRET),
            FieldClass::Message => see(filled, Self::MESSAGE),
            FieldClass::Grant => self.grant = Some(grant(leaf.value)),
            FieldClass::Route if leaf.value.len() <= NAME => {
                self.route = self.route.and(PathSigns::of(leaf.value.as_bytes()));
            }
            FieldClass::GraphQl => self.graphql(leaf, method),
            FieldClass::Profile => self.profile += 1,
            FieldClass::Connection if filled => self.connection += 1,
            FieldClass::Other if leaf.path.ends_with(".Password.@Type") => {
                see(leaf.value.ends_with("#PasswordDigest"), Self::PASSWORD_DIGEST);
            }
            FieldClass::Saml | FieldClass::Route | FieldClass::Connection | FieldClass::Other => {}
        }
        if class == FieldClass::Connection && CONNECTION_VALUES.iter().any(|begin| leaf.value.starts_with(begin)) {
            self.connection += 1;
        }
        if leaf.path.contains("<jwt>.") {
            self.claims(leaf);
        }
    }

    /// A claim of a token that says whom it is about (OpenID Connect Core, section 5.1).
    pub fn claims(&mut self, leaf: &Leaf<'_>) {
        let rank = match leaf.key {
            "preferred_username" | "upn" | "username" | "user_name" => 3,
            "email" | "unique_name" => 2,
            "sub" => 1,
            _ => return,
        };
        let better = self.claim.as_ref().is_none_or(|(before, _)| *before < rank);
        if better && !leaf.value.is_empty() && leaf.value.len() <= ACCOUNT && leaf.piece == Piece::Whole {
            self.claim = Some((rank, leaf.value.to_owned()));
        }
    }

    fn graphql(&mut self, leaf: &Leaf<'_>, method: LoginMethod) {
        let mut route = PathSigns::default();
        let mut arguments: Vec<(String, String)> = Vec::new();
        let mutates = graphql::mutations(leaf.value, &mut |said| match said {
            Said::Mutation(name) => route = route.and(PathSigns::of_operation(name)),
            Said::Argument(name, value) => arguments.push(((*name).to_owned(), (*value).to_owned())),
        });
        if !mutates {
            return;
        }
        self.signs |= Self::GRAPHQL;
        self.route = self.route.and(route);
        for (name, value) in arguments {
            let class = classify(&Name::of_field(&name));
            let argument = Leaf { key: &name, parent: "", value: &value, kind: LeafKind::Text, ..*leaf };
            // A document within a document is none.
            if class != FieldClass::GraphQl {
                self.whole(&argument, method, class);
            }
        }
    }

    fn other_password(&mut self, leaf: &Leaf<'_>, method: LoginMethod, which: Which) {
        let filled = !leaf.value.is_empty();
        self.other_passwords += u32::from(filled);
        self.signs |= if which == Which::Old && filled { Self::OLD_PASSWORD } else { 0 };
        let rank = match which {
            Which::New => 2,
            Which::Again => 1,
            Which::Old | Which::Flag => return,
        };
        let better = self.new_password.as_ref().is_none_or(|found| found.rank < rank);
        if better && filled && leaf.value.len() <= PASSWORD && is_text(leaf) {
            self.new_password = Some(found(leaf, method, rank));
        }
    }

    fn password_field(&mut self, leaf: &Leaf<'_>, method: LoginMethod, rank: u8) {
        if leaf.value.len() > PASSWORD || !is_text(leaf) {
            return;
        }
        if method == LoginMethod::Xml {
            if leaf.path.contains(".UsernameToken.") {
                self.signs |= Self::USERNAME_TOKEN;
            }
            // `<login><password>` is what a path is elsewhere.
            self.route = self.route.and(PathSigns::of(leaf.parent.as_bytes()));
        }
        match &self.password {
            Some(first) if first.rank >= rank => {
                // An import of people has a password in every row.
                let another = first.rank == rank && first.record != leaf.record && first.method == method;
                self.signs |= if another { Self::MANY_RECORDS } else { 0 };
            }
            _ => self.password = Some(found(leaf, method, rank)),
        }
    }
}

fn grant(value: &str) -> Grant {
    match value {
        "password" => Grant::Password,
        "authorization_code" => Grant::Code,
        "refresh_token" | "client_credentials" | "client_credential" | "implicit" => Grant::Impersonal,
        urn if urn.starts_with("urn:") => Grant::Impersonal,
        _ => Grant::Extension,
    }
}

fn found(leaf: &Leaf<'_>, method: LoginMethod, rank: u8) -> Found {
    let place = match method {
        LoginMethod::Query => Place::Query(short(leaf.key)),
        _ if leaf.path.starts_with('$') => Place::Body(leaf.path.into()),
        _ => Place::Body(short(leaf.key)),
    };
    Found { value: leaf.value.to_owned(), place, method, rank, record: leaf.record }
}

/// No `true`, `false`, `null`.
fn is_text(leaf: &Leaf<'_>) -> bool {
    leaf.kind != LeafKind::Word
}

fn is_jwt(value: &str) -> bool {
    value.starts_with("eyJ") && value.bytes().filter(|byte| *byte == b'.').count() == 2
}
