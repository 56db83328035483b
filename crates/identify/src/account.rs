//! Names of accounts and where they hold: one name on two systems of one realm is one account.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use spyhop_model::{Account, Call, Fingerprint, Key, Timestamp, settings};

use crate::recent::Recent;

settings! {
    /// How accounts are named and told apart.
    pub struct AccountLimits {
        /// Where a name means one person: "domain" takes all hosts of a registered domain together (oa.corp.cn and crm.corp.cn), "host" none.
        realm: Realms = Realms::Domain,
        /// `alice@corp` and `CORP\alice` are the account alice. Names that are personal e-mail addresses are masked before and stay apart.
        strip_domain: bool = false,
        /// Accounts whose names are held at once; beyond, those unused for longest are forgotten.
        active: usize = 100_000,
    }
}

/// What a realm is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Realms {
    /// The registered domain of the host.
    Domain,
    /// The host.
    Host,
}

/// Hosts whose realm is remembered; finding one is pure, so forgetting them changes nothing.
const HOSTS: usize = 16_384;

/// A realm, and a number that stands for it in keys.
#[derive(Clone, Debug)]
pub struct Realm {
    /// Its name.
    pub name: Arc<str>,
    /// The same in every run with one key.
    pub mark: u64,
}

/// Names of accounts.
pub struct Accounts {
    limits: AccountLimits,
    key: Key,
    realms: HashMap<Box<str>, Realm, ahash::RandomState>,
    names: Recent<Fingerprint, Arc<str>>,
    /// Login names by what tokens call them: `sub: 1001` is alice.
    ids: Recent<(u64, Fingerprint), Arc<str>>,
}

/// Learnt login names as a snapshot holds them.
pub type SavedIds = Vec<(u64, Fingerprint, String)>;

impl Accounts {
    /// None yet.
    pub fn new(limits: AccountLimits, key: Key) -> Accounts {
        let (names, ids) = (Recent::new(limits.active), Recent::new(limits.active));
        Accounts { limits, key, realms: HashMap::default(), names, ids }
    }

    /// Names that had to be forgotten.
    pub fn forgotten(&self) -> u64 {
        self.names.evicted() + self.ids.evicted()
    }

    /// The realm of the host that is asked.
    pub fn realm(&mut self, call: &Call) -> Realm {
        let host = call.request.as_ref().map_or("", |request| &*request.host);
        if let Some(known) = self.realms.get(host) {
            return known.clone();
        }
        if host.is_empty() {
            return self.name_realm(&call.server.ip.to_string());
        }
        let host_alone = without_port(host);
        let realm = match self.limits.realm {
            Realms::Domain => registrable(host_alone),
            Realms::Host => host_alone,
        };
        let realm = self.name_realm(realm);
        if self.realms.len() >= HOSTS {
            self.realms.clear();
        }
        self.realms.insert(host.into(), realm.clone());
        realm
    }

    fn name_realm(&self, name: &str) -> Realm {
        Realm { name: name.into(), mark: self.key.fingerprint("realm", name.as_bytes()).0 }
    }

    /// The one name of an account.
    pub fn name(&mut self, account: &Account, at: Timestamp) -> Arc<str> {
        let strip_domain = self.limits.strip_domain;
        self.names.entry(account.fingerprint, at, || canonical(&account.name, strip_domain)).clone()
    }

    /// The name of an account that a token names: the login name, where it is known.
    pub fn name_of_claim(&mut self, realm: &Realm, account: &Account, at: Timestamp) -> Arc<str> {
        match self.ids.get(&(realm.mark, account.fingerprint), at) {
            Some(known) => known.clone(),
            None => self.name(account, at),
        }
    }

    /// The name of who uses an API key.
    pub fn name_of_key(&mut self, key: Fingerprint, at: Timestamp) -> Arc<str> {
        self.names.entry(key, at, || format!("key~{key}").into()).clone()
    }

    /// A token calls the account `name` by `id`: remembers it where that is a number or the like. What was learnt first stays,
    /// unless it was masked.
    pub fn learn_id(&mut self, realm: &Realm, id: &Account, name: &Arc<str>, at: Timestamp) {
        if !is_identifier(&id.name) || is_identifier(name) {
            return;
        }
        let known = self.ids.entry((realm.mark, id.fingerprint), at, || name.clone());
        if is_masked(known) && !is_masked(name) {
            *known = name.clone();
        }
    }

    /// What the next run can start from.
    pub fn save(&self) -> SavedIds {
        self.ids.iter().map(|((realm, id), name)| (*realm, *id, name.to_string())).collect()
    }

    /// Starts from what an earlier run saved.
    pub fn load(&mut self, saved: SavedIds) {
        for (realm, id, name) in saved {
            self.ids.insert((realm, id), name.into(), Timestamp::default());
        }
    }
}

/// `mask~fingerprint`, as inspection leaves names that are personal values.
fn is_masked(name: &str) -> bool {
    name.contains('~')
}

/// A number, a UUID or a long hexadecimal string: what programs call accounts, and people do not.
fn is_identifier(name: &str) -> bool {
    let hex = name.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    !name.is_empty() && (name.bytes().all(|byte| byte.is_ascii_digit()) || hex && name.len() >= 16)
}

fn canonical(name: &str, strip_domain: bool) -> Arc<str> {
    if is_masked(name) {
        return name.into();
    }
    let name = name.trim().to_lowercase();
    if !strip_domain {
        return name.into();
    }
    let without = name.rsplit_once('\\').map_or(&*name, |(_, user)| user);
    let without = without.split_once('@').map_or(without, |(user, _)| user);
    if without.is_empty() { name.into() } else { without.into() }
}

fn without_port(host: &str) -> &str {
    if let Some((address, _)) = host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return address;
    }
    match host.split_once(':') {
        // More than one colon is a bare IPv6 address.
        Some((name, port)) if !port.contains(':') => name,
        _ => host,
    }
}

/// The part of a host name that somebody registered: the last two labels, or three below the suffixes that registries use.
/// An address is itself.
fn registrable(host: &str) -> &str {
    /// Second labels below which names are registered (com.cn, co.uk, edu.cn …).
    const SECOND: [&str; 14] =
        ["com", "net", "org", "gov", "edu", "ac", "co", "go", "ne", "or", "mil", "gob", "govt", "sch"];
    /// Those of the provinces, below .cn (CNNIC).
    const PROVINCES: &str =
        "bj sh tj cq he sx nm ln jl hl js zj ah fj jx sd ha hb hn gd gx hi sc gz yn xz sn gs qh nx xj tw hk mo";
    let host = host.trim_end_matches('.');
    if host.parse::<IpAddr>().is_ok() {
        return host;
    }
    let mut dots = host.rmatch_indices('.').map(|(at, _)| at);
    let (Some(last), Some(second)) = (dots.next(), dots.next()) else { return host };
    let top = host.get(last + 1..).unwrap_or("");
    let label = host.get(second + 1..last).unwrap_or("");
    let is_suffix = top.len() == 2 && SECOND.contains(&label)
        || top == "cn" && label.len() == 2 && PROVINCES.split(' ').any(|province| province == label);
    let start = if is_suffix { dots.next() } else { Some(second) };
    start.and_then(|start| host.get(start + 1..)).unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;
    use spyhop_testkit::event;

    fn accounts(limits: AccountLimits) -> Accounts {
        Accounts::new(limits, Key::new([3; 32]))
    }

    #[test]
    fn a_realm_is_a_registered_domain_an_address_or_the_host() {
        for (host, realm) in [
            ("oa.corp.example", "corp.example"),
            ("oa.corp.com.cn:8080", "corp.com.cn"),
            ("oa.corp.gd.cn", "corp.gd.cn"),
            ("a.b.co.uk", "b.co.uk"),
            ("com.cn", "com.cn"),
            ("intranet", "intranet"),
            ("10.0.0.1:8080", "10.0.0.1"),
            ("[fd00::1]:443", "fd00::1"),
        ] {
            let call = event().get(&format!("{host}/x")).build(1).call;
            assert_eq!(&*accounts(AccountLimits::default()).realm(&call).name, realm, "{host}");
        }
        let mut by_host = accounts(AccountLimits { realm: Realms::Host, ..AccountLimits::default() });
        assert_eq!(&*by_host.realm(&event().get("oa.corp.example:80/x").build(1).call).name, "oa.corp.example");
    }

    #[test]
    fn names_are_lower_case_and_without_a_domain_where_it_is_wanted() {
        assert_eq!(&*canonical(" Alice ", false), "alice");
        assert_eq!(&*canonical("CORP\\Alice", true), "alice");
        assert_eq!(&*canonical("alice@CORP", true), "alice");
        assert_eq!(&*canonical("a***@corp.example~00aa", true), "a***@corp.example~00aa");
    }
}
