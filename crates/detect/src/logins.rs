//! What detectors of attacks on logins share: which attempts count, whose they are, and which attack explains which.

use std::net::IpAddr;

use ipnet::IpNet;
use spyhop_model::{
    Entity, Event, Finding, Fingerprint, Login, Outcome, Purpose, Refusal, SecretForm, Timestamp, Weakness,
};

use crate::counts::Attempt;
use crate::detector::{CellKey, Verdicts};
use crate::findings::Findings;

/// Attacks on logins, the strongest explanation first (handbook §6.10).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Attack {
    Stuffing,
    Spraying,
    BruteForce,
    Enumeration,
    HighFrequency,
    Machine,
}

impl Attack {
    const ALL: [Attack; 6] = [
        Attack::Stuffing,
        Attack::Spraying,
        Attack::BruteForce,
        Attack::Enumeration,
        Attack::HighFrequency,
        Attack::Machine,
    ];

    /// The kind of its findings.
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Attack::Stuffing => "auth.credential_stuffing",
            Attack::Spraying => "auth.password_spraying",
            Attack::BruteForce => "auth.brute_force",
            Attack::Enumeration => "auth.user_enumeration",
            Attack::HighFrequency => "auth.high_frequency_login",
            Attack::Machine => "auth.machine_login",
        }
    }

    /// The cells under which a finding of it may explain this attempt.
    fn cells(self, event: &Event) -> Vec<CellKey> {
        let mut cells = Vec::from_iter(sources(event));
        match self {
            Attack::Stuffing => cells.extend(groups(event)),
            Attack::Spraying => {
                cells.push(network(event));
                if let Some(secret) = event.call.login.as_ref().and_then(|login| login.secret) {
                    cells.push(with_password(event, secret));
                }
            }
            Attack::BruteForce | Attack::HighFrequency => cells.extend(account(event)),
            Attack::Enumeration | Attack::Machine => {}
        }
        cells
    }

    /// Whether a finding of this attack is open that this attempt is part of.
    pub(crate) fn takes_in(self, findings: &Findings, event: &Event) -> bool {
        findings.any_open(self.kind()) && self.cells(event).iter().any(|cell| findings.is_open(self.kind(), cell, None))
    }

    /// Whether a stronger attack explains this attempt.
    pub(crate) fn is_explained(self, findings: &Findings, event: &Event) -> bool {
        Attack::ALL.into_iter().take_while(|other| *other < self).any(|stronger| stronger.takes_in(findings, event))
    }

    /// Makes open findings that are part of the one on `parent` its children: those of weaker attacks, and narrower ones of the same,
    /// for which `is_part` holds.
    pub(crate) fn fold(
        self,
        findings: &Findings,
        parent: &CellKey,
        is_part: impl Fn(&CellKey, &Finding) -> bool,
        out: &mut Verdicts,
    ) {
        for weaker in Attack::ALL.into_iter().filter(|other| *other >= self) {
            let is_itself = |cell: &CellKey| weaker == self && cell == parent;
            let open = findings.open(weaker.kind());
            let children = open.filter(|(cell, finding)| !is_itself(cell) && is_part(cell, finding));
            for (cell, _) in children {
                out.fold_into(parent.clone(), weaker.kind(), cell.clone());
            }
        }
    }
}

/// Whether everything in a finding was done by, or to, this entity.
pub(crate) fn is_all_of(finding: &Finding, entity: &Entity) -> bool {
    let only = finding.involved.only(entity.role());
    only.is_some_and(|only| **only == *entity.to_string()) && !finding.involved.has_more(entity.role())
}

/// The address, and the device.
pub(crate) fn sources(event: &Event) -> impl Iterator<Item = CellKey> {
    let device = event.device.map(|device| CellKey::of(Entity::Device(device)));
    std::iter::once(CellKey::of(Entity::ClientIp(event.client.ip))).chain(device)
}

/// The account, where its name holds.
pub(crate) fn account(event: &Event) -> Option<CellKey> {
    let account = event.account.as_ref()?;
    Some(CellKey { entity: Entity::Account(account.clone()), scope: Some(event.realm.clone()) })
}

/// The client's /24, or /64.
pub(crate) fn prefix(ip: IpAddr, v4: u8, v6: u8) -> IpNet {
    let length = if ip.is_ipv4() { v4 } else { v6 };
    IpNet::new(ip, length).unwrap_or_else(|_| ip.into()).trunc()
}

/// The network of the client's neighbours.
pub(crate) fn network(event: &Event) -> CellKey {
    let net = prefix(event.client.ip, 24, 64);
    CellKey::within(Entity::ClientIp(net.network()), &net.to_string())
}

/// One password on an endpoint, whoever tries it.
pub(crate) fn with_password(event: &Event, secret: Fingerprint) -> CellKey {
    CellKey::within(Entity::Endpoint(event.endpoint.clone()), &format!("password {secret}"))
}

/// What a pool of sources on an endpoint has in common.
pub(crate) fn groups(event: &Event) -> impl Iterator<Item = CellKey> {
    let of = |name: String| CellKey::within(Entity::Endpoint(event.endpoint.clone()), &name);
    let software = event.call.picture.map(|picture| format!("software {picture}"));
    let country = event.client.country.map(|country| format!("country {country}"));
    let network = Some(format!("network {}", prefix(event.client.ip, 16, 32)));
    [software, country, network].into_iter().flatten().map(of)
}

/// A login attempt whose outcome is told by this event, at once or later, and whether it was refused. What was refused for another
/// reason than what the caller knows (the server failed, a captcha, a code, an expired password) tells nothing about guessing.
pub(crate) fn told(event: &Event) -> Option<(&Login, bool)> {
    let login = event.call.login.as_deref().filter(|login| login.purpose == Purpose::Login && !event.repeated_login)?;
    let outcome = match &event.concluded {
        None => login.outcome,
        Some(concluded) if concluded.late => concluded.outcome,
        Some(_) => return None,
    };
    let is_guess = !matches!(
        login.refusal,
        Some(
            Refusal::ServerError
                | Refusal::Malformed
                | Refusal::PasswordExpired
                | Refusal::CaptchaWrong
                | Refusal::CodeWrong
                | Refusal::AddressDenied
        )
    );
    match outcome {
        Outcome::Success => Some((login, false)),
        Outcome::Failure if is_guess && login.weakness != Some(Weakness::Empty) => Some((login, true)),
        Outcome::Failure | Outcome::Unknown => None,
    }
}

/// The attempt that is told, as it is counted. `None` where it names no account.
pub(crate) fn attempt(event: &Event, source: u32, at: Timestamp) -> Option<Attempt> {
    let (login, refused) = told(event)?;
    let account = short(login.account.as_ref()?.fingerprint);
    let mut traits = 0;
    for (holds, bit) in [
        (refused, Attempt::REFUSED),
        (refused && login.refusal == Some(Refusal::NoSuchUser), Attempt::MISSING),
        (login.secret_form == Some(SecretForm::Encrypted), Attempt::ENCRYPTED),
    ] {
        if holds {
            traits |= bit;
        }
    }
    Some(Attempt { at, account, secret: login.secret.map_or(0, |secret| short(secret).max(1)), source, traits })
}

/// 32 bits of a fingerprint.
pub(crate) fn short(fingerprint: Fingerprint) -> u32 {
    (fingerprint.0 >> 32) as u32
}

/// An address in 32 bits. Those of one /64 are one.
pub(crate) fn short_ip(ip: IpAddr) -> u32 {
    match ip {
        IpAddr::V4(ip) => ip.into(),
        IpAddr::V6(ip) => {
            // FNV-1a over the network half; who picks addresses to collide only joins his own.
            let half = ip.octets().into_iter().take(8);
            half.fold(0x811c_9dc5, |hash: u32, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
        }
    }
}

/// What a source cell's attempts could be explained by: the device at an address, the address elsewhere.
pub(crate) fn other_source(event: &Event, of: &Entity) -> u32 {
    match (of, event.device) {
        (Entity::ClientIp(ip), Some(device)) if *ip == event.client.ip => short(device),
        _ => short_ip(event.client.ip),
    }
}

/// Attempts a minute of a source that are nothing unusual (handbook §6.0, the population guard).
const USUAL: u64 = 10;

/// By how much limits of a source are to be raised, because so many people are behind it. A device that names itself is one, however
/// many others share its address.
pub(crate) fn crowding(event: &Event, of: &Entity) -> u64 {
    match of {
        Entity::Device(_) if event.call.device_id.is_some() => 1,
        Entity::ClientIp(_) | Entity::Device(_) if event.crowd.shared => {
            u64::from(event.crowd.logins_a_minute).div_ceil(USUAL).max(1)
        }
        _ => 1,
    }
}

/// Where a client is, for sentences: `US (overseas)`.
pub(crate) fn whereabouts(event: &Event) -> String {
    let zone = match event.client.zone {
        spyhop_model::Zone::Inside => "inside",
        spyhop_model::Zone::Home => "home",
        spyhop_model::Zone::Overseas => "overseas",
        spyhop_model::Zone::Unknown => "unknown place",
    };
    match event.client.country {
        Some(country) => format!("from {country} ({zone})"),
        None => format!("from {zone}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use spyhop_testkit::event;

    #[test]
    fn what_the_server_or_a_captcha_refuses_is_no_guess() {
        let attempt = || event().post("a.example/login").login("alice", Outcome::Failure);
        assert!(told(&attempt().build(1)).is_some_and(|(_, refused)| refused));
        for refusal in [Refusal::ServerError, Refusal::CaptchaWrong, Refusal::PasswordExpired] {
            assert!(told(&attempt().refusal(refusal).build(1)).is_none(), "{refusal:?}");
        }
        assert!(told(&event().post("a.example/login").login("alice", Outcome::Unknown).build(1)).is_none());
        assert!(told(&attempt().purpose(Purpose::Registration).build(1)).is_none());
    }

    #[test]
    fn limits_rise_with_the_crowd_behind_an_address_only() {
        let ip = Entity::ClientIp("10.0.0.8".parse().expect("an address"));
        assert_eq!(crowding(&event().build(1), &ip), 1);
        assert_eq!(crowding(&event().crowd(41).build(1), &ip), 5);
        let device = Entity::Device(Fingerprint(1));
        assert_eq!(crowding(&event().crowd(41).build(1), &device), 5);
        assert_eq!(crowding(&event().crowd(41).device("phone").build(1), &device), 1);
        assert_eq!(crowding(&event().crowd(41).build(1), &Entity::Account("alice".into())), 1);
    }

    #[test]
    fn networks_are_named_by_their_prefix() {
        let cell = network(&event().from("203.0.113.9").build(1));
        assert_eq!(
            (cell.entity.to_string(), cell.scope.as_deref()),
            ("203.0.113.0".to_owned(), Some("203.0.113.0/24"))
        );
        let v6 = network(&event().from("2001:db8:1:2:3::4").build(1));
        assert_eq!(v6.scope.as_deref(), Some("2001:db8:1:2::/64"));
        assert_eq!(short_ip("2001:db8::1".parse().unwrap()), short_ip("2001:db8::2".parse().unwrap()));
    }
}
