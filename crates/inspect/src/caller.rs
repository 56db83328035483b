//! What a request tells of its caller, and what it asks for, beyond what it carries as credentials.

use spyhop_http::RequestHead;
use spyhop_model::{Account, Fingerprint, Forwarded, Traits};

use crate::forwarded::{account, forwarded};
use crate::login::names::Name;
use crate::operation::OperationScan;
use crate::token::Tokens;
use crate::traits::{device_id, device_of, traits};
use crate::walk::{Leaf, Piece};

/// Leaves of a body that are read.
const LEAVES: u16 = 256;

/// What is read of one request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Caller {
    pub traits: Traits,
    pub device_id: Option<Fingerprint>,
    pub forwarded: Option<Box<Forwarded>>,
    pub header_account: Option<Box<Account>>,
    pub operation: OperationScan,
    /// It asks for the session to end.
    pub logs_out: bool,
    /// It asks who the caller is.
    pub asks_who: bool,
    leaves: u16,
}

impl Caller {
    /// Reads the head; `path` is that of its target.
    pub fn of(head: &RequestHead<'_>, path: &str, tokens: &Tokens) -> Caller {
        let last = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        let last = last.split([';', '.']).next().unwrap_or_default();
        let mut operation = OperationScan::default();
        operation.request(head.fields, tokens);
        Caller {
            traits: traits(head.fields),
            device_id: device_of(head.fields, tokens.key()),
            forwarded: forwarded(head.fields),
            header_account: account(head.fields).and_then(|name| tokens.account(name)).map(Box::new),
            operation,
            logs_out: is_logout(last),
            asks_who: asks_who(last),
            leaves: 0,
        }
    }

    /// Reads a parameter of the query.
    pub fn query(&mut self, leaf: &Leaf<'_>, tokens: &Tokens) {
        self.operation.query(leaf, tokens);
        self.field(leaf, tokens);
        let says = matches!(leaf.key, "action" | "act" | "method" | "cmd" | "do" | "op");
        self.logs_out |= says && is_logout(leaf.value);
    }

    /// Reads a leaf of the body.
    pub fn body(&mut self, leaf: &Leaf<'_>, tokens: &Tokens) {
        self.leaves = self.leaves.saturating_add(1);
        if self.leaves <= LEAVES {
            self.operation.body(leaf, tokens);
            self.field(leaf, tokens);
        }
    }

    fn field(&mut self, leaf: &Leaf<'_>, tokens: &Tokens) {
        if self.asks_who
            && Name::of_field(leaf.key).has(&["id", "ids", "uid", "user", "username", "account", "name", "no"])
        {
            // `getUserInfo?userId=7` is of whoever that is.
            self.asks_who = false;
        }
        if self.device_id.is_none() && leaf.piece == Piece::Whole && !leaf.path.contains('[') {
            self.device_id = device_id(leaf.key.as_bytes(), leaf.value, tokens.key());
        }
    }
}

/// Whether a path's last segment, without its ending, asks for the session to end.
fn is_logout(segment: &str) -> bool {
    const WHOLE: &[&str] =
        &["logout", "signout", "logoff", "signoff", "loginout", "tuichu", "zhuxiao", "exit", "quit", "注销", "退出"];
    const WITHIN: &[&str] = &["logout", "signout", "logoff", "signoff", "loginout", "tuichu"];
    /// Longer segments are data.
    const LONGEST: usize = 24;
    if segment.len() > LONGEST {
        return false;
    }
    let name = Name::new(segment.as_bytes());
    let squashed = name.squashed();
    WHOLE.contains(&squashed)
        || WITHIN.iter().any(|word| squashed.starts_with(word) || squashed.ends_with(word))
            // Their settings, records and pages.
            && !name.has(&["log", "logs", "list", "page", "success", "url", "config", "status"])
        || is_split_logout(&name)
}

/// `logOut`, `sign-out`: two words of which one would rule it out.
fn is_split_logout(name: &Name) -> bool {
    let mut words = name.words().skip_while(|word| !matches!(*word, "log" | "sign"));
    words.next().is_some() && matches!(words.next(), Some("out" | "off")) && words.next().is_none()
}

/// Whether a path's last segment asks who the caller is.
fn asks_who(segment: &str) -> bool {
    const NAMES: &[&str] = &[
        "me",
        "self",
        "whoami",
        "userinfo",
        "getuserinfo",
        "currentuser",
        "getcurrentuser",
        "getinfo",
        "profile",
        "myinfo",
        "myprofile",
        "userprofile",
        "loginuser",
        "getloginuser",
        "currentuserinfo",
        "getcurrentuserinfo",
        "loginuserinfo",
        "getloginuserinfo",
        "currentaccount",
    ];
    NAMES.contains(&Name::new(segment.as_bytes()).squashed())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::tests::tokens;

    fn of(target: &str) -> Caller {
        let head = RequestHead { method: b"GET", target: target.as_bytes(), version: (1, 1), fields: &[] };
        Caller::of(&head, target, &tokens())
    }

    #[test]
    fn paths_that_end_sessions() {
        for path in [
            "/logout",
            "/api/user/logout",
            "/logout.do",
            "/auth/sign-out",
            "/Account/LogOff",
            "/user/loginOut",
            "/sys/exit",
            "/a/userLogout",
            "/logOut;jsessionid=1",
            "/logout/",
            "/auth/sign_out",
        ] {
            assert!(of(path).logs_out, "{path}");
        }
        for path in ["/login", "/logout/success", "/api/logoutLog", "/exit/list", "/signoutPage", "/blog/out", "/"] {
            assert!(!of(path).logs_out, "{path}");
        }
    }

    #[test]
    fn paths_that_ask_who_one_is() {
        for path in
            ["/api/users/me", "/getInfo", "/sys/user/getUserInfo", "/current-user", "/oauth/userinfo", "/profile"]
        {
            assert!(of(path).asks_who, "{path}");
        }
        let mut other = of("/getUserInfo");
        let kind = crate::walk::LeafKind::Number;
        let leaf = Leaf { key: "userId", parent: "", path: "userId", value: "7", kind, record: 0, piece: Piece::Whole };
        other.query(&leaf, &tokens());
        assert!(!other.asks_who);
        for path in ["/users", "/users/7", "/me/orders", "/about-me"] {
            assert!(!of(path).asks_who, "{path}");
        }
    }
}
