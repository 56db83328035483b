//! Recall, false alarms and duplicates of the findings on behaviour, and the attribution of calls, on a simulated
//! enterprise. `SPYHOP_PEOPLE=13000 cargo test --release -p spyhop-testkit --test enterprise -- --nocapture` is the large
//! run with more than a million logins.

use std::collections::BTreeMap;
use std::time::Instant;

use spyhop_detect::{DETECTORS, Engine, Life, Limits, Sensor};
use spyhop_model::{Entity, Finding, Key, Severity, Span, Status};
use spyhop_testkit::enterprise::{Enterprise, Incident, LEARNING, Scale};

/// What one run came to.
#[derive(Default)]
struct Figures {
    logins: u64,
    calls: u64,
    /// Calls that the server would log with an account: attributed rightly, to nobody, to another.
    right: u64,
    missed: u64,
    wrong: u64,
    /// By kind: incidents, those found, findings about found ones.
    kinds: BTreeMap<&'static str, (u64, u64, u64)>,
    /// All that was told.
    findings: Vec<Finding>,
    /// Findings about nothing that was wrong.
    false_alarms: Vec<Finding>,
    seconds: f64,
}

fn run(scale: Scale) -> Figures {
    let mut enterprise = Enterprise::new(scale);
    let key = Key::new([5; 32]);
    let mut identity = support::identity(&key);
    let tables = DETECTORS.iter().map(|entry| (entry.build)((entry.defaults)()).expect("defaults"));
    let mut engine =
        Engine::new(tables.collect(), Sensor::default(), &Limits::default(), Life::default(), key.clone(), true);
    let mut figures = Figures::default();
    let mut events = Vec::new();
    for day in 0..enterprise.days() {
        let calls = enterprise.day(day);
        let began = Instant::now();
        for made in calls {
            identity.advance(made.call.moment.at, &mut events);
            events.drain(..).for_each(|event| engine.event(&event));
            figures.calls += 1;
            identity.resolve(made.call, &mut events);
            for event in events.drain(..) {
                engine.event(&event);
                if event.concluded.is_some() {
                    continue;
                }
                figures.logins += u64::from(event.login().is_some());
                if event.call.login.is_none() {
                    match (&made.account, &event.account) {
                        (Some(truth), Some(told)) if **truth == **told => figures.right += 1,
                        (Some(_), None) => figures.missed += 1,
                        (None, None) => {}
                        (_, Some(_)) => figures.wrong += 1,
                    }
                }
            }
        }
        figures.seconds += began.elapsed().as_secs_f64();
    }
    engine.flush();
    figures.findings = engine.all();
    figures.findings.retain(is_measured);
    judge(&figures.findings.clone(), enterprise.incidents(), &mut figures);
    figures
}

/// Kinds that are measured here; weaknesses of endpoints are not incidents.
fn is_measured(finding: &Finding) -> bool {
    (finding.rule.kind.starts_with("auth.") || finding.rule.kind.starts_with("access."))
        && finding.rule.class == spyhop_model::Class::Incident
        && finding.severity > Severity::Info
        && finding.status != Status::Folded
}

fn judge(findings: &[Finding], incidents: &[Incident], figures: &mut Figures) {
    let mut told = vec![0_u64; incidents.len()];
    for finding in findings.iter().filter(|finding| is_measured(finding)) {
        let mut explained = false;
        for (incident, told) in incidents.iter().zip(&mut told) {
            let own = finding.rule.kind == incident.kind && concerns(finding, incident, Span::hours(2));
            *told += u64::from(own);
            // What follows from it may show the next morning, when the owner is back.
            explained |=
                own || incident.also.contains(&finding.rule.kind) && concerns(finding, incident, Span::hours(24));
        }
        if !explained {
            figures.false_alarms.push(finding.clone());
        }
    }
    for (incident, told) in incidents.iter().zip(told) {
        let (all, found, findings) = figures.kinds.entry(incident.kind).or_default();
        *all += 1;
        *found += u64::from(told > 0);
        if told == 0 {
            println!("missed: {} {} to {} {:?}", incident.kind, incident.began, incident.ended, incident.addresses);
        }
        *findings += told;
    }
}

/// Nearly the same time, and an account or address in common.
fn concerns(finding: &Finding, incident: &Incident, slack: Span) -> bool {
    if finding.first_seen > incident.ended + slack || finding.last_seen + slack < incident.began {
        return false;
    }
    let accounts = finding.involved.names("account");
    let addresses = finding.involved.names("client_ip");
    let primary = match &finding.primary {
        Entity::Account(name) => incident.accounts.contains(&**name),
        Entity::ClientIp(ip) => incident.addresses.contains(ip),
        _ => false,
    };
    primary
        || accounts.iter().any(|name| incident.accounts.contains(&**name))
        || addresses.iter().any(|ip| ip.parse().is_ok_and(|ip| incident.addresses.contains(&ip)))
}

fn number(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn incidents_are_found_once_and_ordinary_days_are_silent() {
    let scale = Scale {
        seed: number("SPYHOP_SEED", 7) as u64,
        days: number("SPYHOP_DAYS", 2 * LEARNING as usize + 3) as u64,
        people: number("SPYHOP_PEOPLE", 900),
        attacks: number("SPYHOP_ATTACKS", 3),
    };
    let figures = run(scale);
    println!(
        "{} people, {} days: {} calls, {} logins; {:.0} events/s",
        scale.people,
        scale.days,
        figures.calls,
        figures.logins,
        figures.calls as f64 / figures.seconds
    );
    println!("attribution: {} right, {} missed, {} wrong", figures.right, figures.missed, figures.wrong);
    for (kind, (all, found, findings)) in &figures.kinds {
        println!("{kind:<32} {found}/{all}, {findings} findings");
    }
    println!("{} false alarms", figures.false_alarms.len());
    for finding in figures.false_alarms.iter().take(number("SPYHOP_SHOW", 20)) {
        println!("  {} {} {:?}: {}", finding.first_seen, finding.rule.kind, finding.severity, finding.summary.en);
    }
    assert_eq!(figures.wrong, 0, "calls attributed to another account");
    let attributed = figures.right as f64 / (figures.right + figures.missed).max(1) as f64;
    assert!(attributed >= 0.98, "only {attributed} of calls attributed");
    for (kind, (all, found, findings)) in &figures.kinds {
        assert!(*found as f64 >= 0.98 * *all as f64, "{kind}: {found} of {all} found");
        let duplicates: Vec<_> =
            figures.findings.iter().filter(|f| f.rule.kind == *kind).map(|f| &f.summary.en).collect();
        assert!(
            *findings as f64 <= 1.1 * *found as f64 + 1.0,
            "{kind}: {findings} findings about {found}: {duplicates:#?}"
        );
    }
    let allowed = figures.logins / 100_000 + 1;
    assert!(figures.false_alarms.len() as u64 <= allowed, "more than {allowed} false alarms");
}

mod support {
    use spyhop_identify::{Identity, Limits, Locations, Networks};
    use spyhop_model::Key;

    pub fn identity(key: &Key) -> Identity {
        let locations = Locations::open(&Networks::default()).expect("the built-in database");
        Identity::new(locations, Limits::default(), key.clone())
    }
}
