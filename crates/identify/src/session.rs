//! Sessions: tokens handed out at a login carry its account to later calls, on whatever connection (handbook §4.3).
//!
//! Better no account than a wrong one: what two logins claim for one value that the server gives to everybody is no session;
//! a login of unknown outcome binds only until it is known whether its token opens what is closed to others.

use std::sync::Arc;

use spyhop_model::{
    Attribution, Call, Credential, CredentialKind, Factors, Fingerprint, Issued, LoginMethod, Outcome, Place, Purpose,
    Session, Source, Span, Timestamp, TokenFlaws, settings,
};

use crate::account::{Accounts, Realm};
use crate::recent::Recent;

settings! {
    /// What is remembered of sessions.
    pub struct SessionLimits {
        /// Tokens of sessions, about 200 bytes each; beyond, those unused for longest are forgotten.
        sessions: usize = 500_000,
        /// A session that was unused for so long is over.
        idle: Span = Span::hours(12),
    }
}

/// A login of unknown outcome is known to have succeeded if its token opens something within this time.
const TENTATIVE: Span = Span::minutes(1);

/// How sure an account is, by how it is known (handbook §4.3).
const BY_LOGIN: u8 = 95;
const BY_NAMED: u8 = 90;
pub const BY_CLAIMS: u8 = 80;
/// Of a token that came in the body of a call that was not about tokens: perhaps it was made for somebody else.
const BY_BODY: u8 = 80;
/// Of a token that another account used before: one machine for two people, or a value that everybody has.
const BY_REBOUND: u8 = 75;
const BY_TENTATIVE: u8 = 60;
/// After the logout, and where the server refuses the token.
const BY_ENDED: u8 = 65;
const BY_REFUSED: u8 = 60;

/// All sessions, by each of their tokens.
pub struct Sessions {
    idle: Span,
    tokens: Recent<u64, Token>,
}

/// What a token is.
pub enum Token {
    /// The first of a session.
    First(State),
    /// A further one of the session with this first token.
    Further {
        /// The first one.
        session: u64,
        /// When that session began: the first token may come to carry another one.
        began_at: Timestamp,
        /// No surer than this is the account by it.
        most: u8,
        /// A code or ticket: who redeems it begins a session of the same account.
        code: bool,
    },
    /// Given to several accounts: it names a machine or a setting, not a session.
    Common,
}

/// What is known of a session.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    pub(crate) account: Option<Arc<str>>,
    pub(crate) realm: Arc<str>,
    pub(crate) mark: u64,
    pub(crate) source: Source,
    pub(crate) confidence: u8,
    pub(crate) by_login: bool,
    pub(crate) kept_over_login: bool,
    /// Its token is a code or ticket.
    pub(crate) code: bool,
    /// Another account was bound to it before.
    pub(crate) rebound: bool,
    /// Its login may still turn out to have failed.
    pub(crate) tentative: bool,
    pub(crate) began_at: Timestamp,
    pub(crate) used_at: Timestamp,
    pub(crate) ended_at: Option<Timestamp>,
    pub(crate) expires_at: Timestamp,
    /// From where it was last used, so that this is noted once.
    pub(crate) used_from: u32,
}

/// What is known of a call beside what it says.
#[derive(Clone, Copy)]
pub struct Circumstances<'a> {
    /// Where names hold.
    pub realm: &'a Realm,
    /// Whether the endpoint answers only those who are logged in, as far as was seen.
    pub closed: &'a dyn Fn() -> bool,
    /// The account of the login of which this is a further step.
    pub first_step: Option<&'a Arc<str>>,
}

/// Whose call it is, by its session.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// The account.
    pub account: Option<(Arc<str>, Attribution)>,
    /// Where its name holds, if it is not where the call went.
    pub realm: Option<Arc<str>>,
    /// The session that the request carries.
    pub session: Option<Session>,
    /// The session that a login began or continued; its name as key.
    pub began: Option<u64>,
    /// The login that began this session is now known to have succeeded.
    pub confirmed: Option<u64>,
    /// The account was not noted at this place today.
    pub is_new_place: bool,
}

/// A token of the request that is known.
#[derive(Clone, Copy)]
struct Carried {
    token: u64,
    session: u64,
    most: u8,
    /// It came where codes and tickets are redeemed: in the query or the body.
    redeemed: bool,
    kind: CredentialKind,
}

impl Sessions {
    /// None yet.
    pub fn new(limits: &SessionLimits) -> Sessions {
        Sessions { idle: limits.idle, tokens: Recent::new(limits.sessions) }
    }

    /// Tokens that had to be forgotten.
    pub fn forgotten(&self) -> u64 {
        self.tokens.evicted()
    }

    /// Whose call it is. Learns from what the answer hands out. `place` stands for the client's address and the day.
    pub fn observe(&mut self, call: &Call, about: Circumstances<'_>, place: u32, accounts: &mut Accounts) -> Verdict {
        let at = call.moment.at;
        let known = self.carried(call, about.realm.mark, at);
        let mut verdict = Verdict::default();
        let purpose = call.login.as_deref().map(|login| (login.purpose, login.outcome));
        let mut session = known.map(|known| known.session);
        if let Some(known) = known {
            verdict.session = self.state(known.session).map(|state| shown(known.session, state));
        }
        let carried = verdict.session;
        match purpose {
            _ if call.message.is_some() => {}
            Some((Purpose::Login, _)) => {
                verdict.began = self.login(call, about, known, accounts);
                session = verdict.began.or(session);
            }
            Some((Purpose::SecondFactor, Outcome::Success)) => {
                verdict.began = self.second_step(call, about, known, accounts);
                session = verdict.began.or(session);
            }
            Some((Purpose::TokenExchange, Outcome::Success)) if known.is_none() => {
                verdict.began = self.login(call, about, known, accounts);
                session = verdict.began.or(session);
            }
            _ => {
                if served(call) {
                    let continued = self.carry_on(call, about, known, accounts);
                    session = session.or(continued);
                    if verdict.session.is_none() {
                        let state = continued.and_then(|id| self.state(id).map(|state| shown(id, state)));
                        verdict.session = state;
                    }
                }
            }
        }
        let Some(id) = session else { return verdict };
        if call.message.is_none() {
            self.note_caller(call, about, id, accounts);
        }
        let Some(Token::First(state)) = self.tokens.get(&id, at) else { return verdict };
        state.used_at = state.used_at.max(at);
        let ended = carried.and_then(|before| before.ended_at).filter(|_| state.ended_at.is_some());
        if state.tentative
            && purpose.is_none()
            && known.is_some()
            && call.succeeded()
            && !call.refused
            && (about.closed)()
        {
            if at.since(state.began_at) <= TENTATIVE {
                (state.tentative, state.confidence) = (false, BY_LOGIN);
                verdict.confirmed = Some(id);
            } else if state.source == Source::Session {
                // Too late to tell what the login came to: the account stays a guess, and is not asked about again.
                state.tentative = false;
            }
        }
        if call.logout && !call.refused && state.ended_at.is_none() && call.message.is_none() {
            state.ended_at = Some(at);
        }
        if let Some(account) = &state.account {
            let mut confidence = state.confidence.min(known.map_or(u8::MAX, |known| known.most));
            if call.status() == Some(401) || at > state.expires_at && !call.succeeded() {
                confidence = confidence.min(BY_REFUSED);
            }
            if state.rebound {
                confidence = confidence.min(BY_REBOUND);
            }
            if ended.is_some() {
                confidence = confidence.min(BY_ENDED);
            }
            // After the logout an application may go on with the same cookie for nobody.
            if ended.is_none() || call.succeeded() && !call.refused && (about.closed)() {
                verdict.account = Some((account.clone(), Attribution { source: state.source, confidence }));
                verdict.realm = (state.mark != about.realm.mark).then(|| state.realm.clone());
                verdict.is_new_place = state.used_from != place && call.succeeded() && confidence > BY_ENDED;
                if verdict.is_new_place {
                    state.used_from = place;
                }
            }
        }
        verdict
    }

    fn state(&self, id: u64) -> Option<&State> {
        match self.tokens.peek(&id) {
            Some(Token::First(state)) => Some(state),
            _ => None,
        }
    }

    /// The session that a request carries.
    pub fn session(&mut self, call: &Call, mark: u64) -> Option<u64> {
        self.carried(call, mark, call.moment.at).map(|carried| carried.session)
    }

    /// The account of a session.
    fn account(&self, id: u64) -> Option<&Arc<str>> {
        self.state(id).and_then(|state| state.account.as_ref())
    }

    /// The session of a token that is known and not over.
    fn find(&mut self, token: u64, at: Timestamp) -> Option<(u64, u8)> {
        let idle = self.idle;
        let (id, most, began) = match self.tokens.get(&token, at)? {
            Token::First(state) if at.since(state.used_at) < idle => return Some((token, u8::MAX)),
            Token::First(state) => (token, u8::MAX, state.began_at),
            Token::Further { session, began_at, most, .. } => (*session, *most, *began_at),
            Token::Common => return None,
        };
        match self.tokens.get(&id, at) {
            Some(Token::First(state)) if began != state.began_at => None,
            Some(Token::First(state)) if at.since(state.used_at) < idle => Some((id, most)),
            Some(Token::First(_)) => {
                self.tokens.remove(&id);
                None
            }
            _ => None,
        }
    }

    /// The session that the request carries: the one with an account, if only one has.
    fn carried(&mut self, call: &Call, mark: u64, at: Timestamp) -> Option<Carried> {
        let mut best: Option<Carried> = None;
        for credential in call.credentials.iter().filter(|credential| can_carry(credential.kind)) {
            let token = token(credential.fingerprint, credential.flaws, mark);
            let Some((session, most)) = self.find(token, at) else { continue };
            let redeemed = matches!(credential.place, Place::Query(_) | Place::Body(_));
            let this = Carried { token, session, most, redeemed, kind: credential.kind };
            best = match best {
                None => Some(this),
                Some(other) if other.session == session => Some(other),
                Some(other) => self.likelier(other, this),
            };
        }
        best
    }

    /// Which of two sessions in one request tells whose it is.
    fn likelier(&mut self, one: Carried, other: Carried) -> Option<Carried> {
        let (Some(a), Some(b)) = (self.state(one.session), self.state(other.session)) else { return Some(one) };
        match (&a.account, &b.account) {
            (_, None) => Some(one),
            (None, Some(_)) => Some(other),
            (Some(x), Some(y)) if x == y => Some(if a.by_login || !b.by_login { one } else { other }),
            // A value that changed hands beside one that did not is a setting or the name of a machine.
            _ if a.rebound != b.rebound => {
                let (keep, drop) = if a.rebound { (other, one) } else { (one, other) };
                self.tokens.insert(drop.token, Token::Common, Timestamp::default());
                Some(keep)
            }
            _ if a.by_login != b.by_login => Some(if a.by_login { one } else { other }),
            // A token is sent on purpose, cookies always.
            _ if (one.kind == CredentialKind::Bearer) != (other.kind == CredentialKind::Bearer) => {
                Some(if one.kind == CredentialKind::Bearer { one } else { other })
            }
            _ => Some(if b.began_at > a.began_at { other } else { one }),
        }
    }

    /// A login: binds what it hands out, or what the request carries, to its account. Its session, if there is one.
    fn login(
        &mut self,
        call: &Call,
        about: Circumstances<'_>,
        known: Option<Carried>,
        accounts: &mut Accounts,
    ) -> Option<u64> {
        let login = call.login.as_deref()?;
        let at = call.moment.at;
        if login.outcome == Outcome::Failure || call.refused {
            // The token of an earlier attempt that might have succeeded: the user would not try again.
            if let Some(Token::First(state)) = known.and_then(|known| self.tokens.get(&known.session, at))
                && state.tentative
            {
                state.account = None;
                (state.tentative, state.by_login) = (false, false);
            }
            return None;
        }
        let account = match &login.account {
            Some(account) => Some(accounts.name(account, at)),
            // Another system vouches: its ticket or code was handed out to an account.
            None => known
                .filter(|known| known.redeemed)
                .and_then(|known| self.account(known.session).cloned())
                .or_else(|| claimed(call, about.realm, accounts)),
        };
        if let Some(account) = &account {
            for claims in handed_out(call).filter_map(|issued| issued.claims.as_deref()) {
                if let Some(id) = &claims.account {
                    accounts.learn_id(about.realm, id, account, at);
                }
            }
        }
        let sure = login.outcome == Outcome::Success && !login.factors.has(Factors::ASKED);
        let fresh = State::of_login(account, about.realm, sure, at);
        let issued = self.bind_issued(call, about.realm, fresh.clone(), known);
        // Those who send their password with every call need no session; and an unknown outcome proves nothing of an old one.
        if issued.is_some() || login.outcome != Outcome::Success || login.method.repeats() {
            return issued;
        }
        self.bind_carried(call, about.realm, fresh)
    }

    /// Binds the tokens that the answer hands out; the name of the session is that of the first one.
    fn bind_issued(&mut self, call: &Call, realm: &Realm, fresh: State, known: Option<Carried>) -> Option<u64> {
        let at = call.moment.at;
        let mut first: Option<u64> = None;
        // What is used with every call names the session; what is used once and then, does not.
        let rank = |issued: &&Issued| (is_code(issued), issued.refresh);
        let ranks = [(false, false), (false, true), (true, false), (true, true)];
        for issued in ranks.into_iter().flat_map(|wanted| handed_out(call).filter(move |issued| rank(issued) == wanted))
        {
            let name = token(issued.fingerprint, issued.flaws, realm.mark);
            let was_carried = carries(call, name, realm.mark);
            if !was_carried && self.is_others(name, &fresh) {
                self.tokens.insert(name, Token::Common, at);
                continue;
            }
            if matches!(self.tokens.peek(&name), Some(Token::Common)) {
                continue;
            }
            let Some(session) = first else {
                let mut state = State { expires_at: expiry(issued, at), code: is_code(issued), ..fresh.clone() };
                // What stands unchanged was known to whoever may have planted it.
                state.kept_over_login = was_carried && !self.was_same(known, &fresh);
                state.rebound = was_carried && self.is_others(name, &fresh);
                self.tokens.insert(name, Token::First(state), at);
                first = Some(name);
                continue;
            };
            if name != session {
                self.tokens.insert(
                    name,
                    Token::Further { session, began_at: fresh.began_at, most: u8::MAX, code: is_code(issued) },
                    at,
                );
            }
        }
        first
    }

    /// Binds the session that the request carried before its login, which the answer did not renew.
    fn bind_carried(&mut self, call: &Call, realm: &Realm, fresh: State) -> Option<u64> {
        let at = call.moment.at;
        let mut first: Option<u64> = None;
        for credential in call.credentials.iter().filter(|c| is_session(c.kind) && !is_redeemed(c)) {
            let name = token(credential.fingerprint, credential.flaws, realm.mark);
            if matches!(self.tokens.peek(&name), Some(Token::Common)) {
                continue;
            }
            // A further login of the same account in its session leaves it as it was.
            let before = self.find(name, at).and_then(|(id, _)| Some((id, self.state(id)?)));
            let before = before.filter(|(_, state)| state.by_login && state.ended_at.is_none());
            if let Some((id, _)) = before.filter(|(_, state)| state.account == fresh.account && !state.tentative) {
                first = first.or(Some(id));
                continue;
            }
            // Each for itself: which of several cookies is the session is not known, and some are the same for everybody.
            let state = State { kept_over_login: true, rebound: before.is_some(), ..fresh.clone() };
            self.tokens.insert(name, Token::First(state), at);
            first = first.or(Some(name));
        }
        first
    }

    /// Whether a token belongs to a session of another account that has not ended.
    fn is_others(&self, token: u64, fresh: &State) -> bool {
        let id = match self.tokens.peek(&token) {
            Some(Token::Further { session, .. }) => *session,
            _ => token,
        };
        self.state(id).is_some_and(|state| {
            state.by_login && state.account.is_some() && state.account != fresh.account && state.ended_at.is_none()
        })
    }

    fn was_same(&self, known: Option<Carried>, fresh: &State) -> bool {
        known.and_then(|known| self.state(known.session)).is_some_and(|state| {
            state.by_login && state.account == fresh.account && !state.kept_over_login && state.ended_at.is_none()
        })
    }

    /// A further step of a login succeeded: now the account of the first one is in.
    fn second_step(
        &mut self,
        call: &Call,
        about: Circumstances<'_>,
        known: Option<Carried>,
        accounts: &mut Accounts,
    ) -> Option<u64> {
        let at = call.moment.at;
        let login = call.login.as_deref()?;
        let of_session = known.and_then(|known| self.account(known.session).cloned());
        let named = login.account.as_ref().map(|account| accounts.name(account, at));
        let account = about.first_step.cloned().or(of_session).or(named);
        let fresh = State::of_login(account, about.realm, true, at);
        if let Some(issued) = self.bind_issued(call, about.realm, fresh.clone(), known) {
            return Some(issued);
        }
        let Some(Token::First(state)) = known.and_then(|known| self.tokens.get(&known.session, at)) else {
            return self.bind_carried(call, about.realm, fresh);
        };
        let kept = if state.by_login { state.kept_over_login } else { true };
        let began_at = if state.by_login { state.began_at } else { at };
        *state = State { kept_over_login: kept, began_at, expires_at: state.expires_at, ..fresh };
        known.map(|known| known.session)
    }

    /// An ordinary call that was answered: its session goes on in what the answer hands out, or is met for the first time.
    fn carry_on(
        &mut self,
        call: &Call,
        about: Circumstances<'_>,
        known: Option<Carried>,
        accounts: &mut Accounts,
    ) -> Option<u64> {
        let at = call.moment.at;
        let Some(known) = known else { return self.meet(call, about.realm, accounts) };
        let mut issued = handed_out(call).peekable();
        issued.peek()?;
        let Some(state) = self.state(known.session).cloned() else { return Some(known.session) };
        let is_exchange = call.login.as_deref().is_some_and(|login| login.purpose == Purpose::TokenExchange);
        let is_code = match self.tokens.peek(&known.token) {
            Some(Token::Further { code, .. }) => *code,
            _ => state.code,
        };
        if known.redeemed && is_code {
            // A code or ticket is redeemed: a session of its own, which ends by itself.
            if state.account.is_none() && !state.by_login {
                return Some(known.session);
            }
            let (began_at, used_at) = (at, at);
            let fresh = State { began_at, used_at, ended_at: None, kept_over_login: false, code: false, ..state };
            return self.bind_issued(call, about.realm, fresh, None).or(Some(known.session));
        }
        for issued in issued {
            let name = token(issued.fingerprint, issued.flaws, about.realm.mark);
            if name == known.session || matches!(self.tokens.peek(&name), Some(Token::Common)) {
                continue;
            }
            // A token that names somebody else was made for them.
            let other = issued.claims.as_deref().and_then(|claims| claims.account.as_ref()).is_some_and(|account| {
                let name = accounts.name_of_claim(about.realm, account, at);
                state.account.as_ref().is_some_and(|own| *own != name) && !is_of_request(call, account)
            });
            // One that several sessions are given is none.
            let is_common = match self.tokens.peek(&name) {
                Some(Token::First(known)) => known.account.is_some() && known.account != state.account,
                Some(Token::Further { session, .. }) => *session != known.session && self.is_others(name, &state),
                _ => false,
            };
            if is_common && !carries(call, name, about.realm.mark) {
                self.tokens.insert(name, Token::Common, at);
            } else if !other && !is_common {
                let in_body = matches!(issued.place, Place::Body(_));
                let certain = is_exchange || !in_body || issued.refresh || issued.claims.is_some();
                let most = known.most.min(if certain { u8::MAX } else { BY_BODY });
                self.tokens.insert(
                    name,
                    Token::Further {
                        session: known.session,
                        began_at: state.began_at,
                        most,
                        code: self::is_code(issued),
                    },
                    at,
                );
                if let Some(Token::First(state)) = self.tokens.get(&known.session, at) {
                    state.expires_at = state.expires_at.max(expiry(issued, at));
                }
            }
        }
        Some(known.session)
    }

    /// A session that was not seen to begin. Only what the server answers is remembered, so that guessed tokens fill nothing.
    fn meet(&mut self, call: &Call, realm: &Realm, accounts: &mut Accounts) -> Option<u64> {
        let at = call.moment.at;
        if !call.succeeded() {
            return None;
        }
        let mut first = None;
        for credential in call.credentials.iter().filter(|c| is_session(c.kind) && !is_redeemed(c)) {
            let name = token(credential.fingerprint, credential.flaws, realm.mark);
            let claims = credential.claims.as_deref();
            let account = claims.and_then(|claims| claims.account.as_ref());
            if matches!(self.tokens.peek(&name), Some(Token::Common)) || first.is_some() && account.is_none() {
                continue;
            }
            let account = account.map(|account| accounts.name_of_claim(realm, account, at));
            let expires_at = claims.and_then(|claims| claims.expires_at).unwrap_or(Timestamp::MAX);
            let has_account = account.is_some();
            let state = State {
                source: Source::Claims,
                confidence: BY_CLAIMS,
                by_login: false,
                tentative: false,
                expires_at,
                ..State::of_login(account, realm, true, at)
            };
            self.tokens.insert(name, Token::First(state), at);
            first = Some(name);
            if has_account {
                break;
            }
        }
        first
    }

    /// The answer names the caller: it is the session's account, or the login name of the one that a token names by number.
    fn note_caller(&mut self, call: &Call, about: Circumstances<'_>, id: u64, accounts: &mut Accounts) {
        let at = call.moment.at;
        let Some(named) = call.names_caller.as_deref().filter(|_| call.succeeded() && !call.refused) else { return };
        let name = accounts.name(named, at);
        for claims in call.credentials.iter().filter_map(|credential| credential.claims.as_deref()) {
            if let Some(claimed) = &claims.account {
                accounts.learn_id(about.realm, claimed, &name, at);
            }
        }
        let name = accounts.name_of_claim(about.realm, named, at);
        let Some(Token::First(state)) = self.tokens.get(&id, at) else { return };
        match &state.account {
            // The user's number: the login name says more, and other tokens may name the number.
            Some(account) if state.by_login && !state.tentative => {
                let account = account.clone();
                accounts.learn_id(about.realm, named, &account, at);
            }
            _ => {
                state.account = Some(name);
                (state.source, state.confidence) = (Source::Named, BY_NAMED);
            }
        }
    }

    /// All tokens, the one unused for longest first.
    pub fn tokens(&self) -> impl Iterator<Item = (&u64, &Token)> {
        self.tokens.iter()
    }

    /// Puts a token back that an earlier run saved.
    pub fn restore(&mut self, name: u64, token: Token, used_at: Timestamp) {
        self.tokens.insert(name, token, used_at);
    }

    /// Bytes that a token takes when the table is full.
    pub const fn token_bytes() -> usize {
        Recent::<u64, Token>::entry_bytes()
    }
}

impl State {
    fn of_login(account: Option<Arc<str>>, realm: &Realm, sure: bool, at: Timestamp) -> State {
        State {
            account,
            realm: realm.name.clone(),
            mark: realm.mark,
            source: Source::Session,
            confidence: if sure { BY_LOGIN } else { BY_TENTATIVE },
            by_login: true,
            kept_over_login: false,
            code: false,
            rebound: false,
            tentative: !sure,
            began_at: at,
            used_at: at,
            ended_at: None,
            expires_at: Timestamp::MAX,
            used_from: 0,
        }
    }
}

fn shown(id: u64, state: &State) -> Session {
    Session {
        id: Fingerprint(id),
        began_at: state.began_at,
        by_login: state.by_login && !state.tentative,
        ended_at: state.ended_at,
        kept_over_login: state.kept_over_login,
    }
}

/// Whether a call was answered and not refused; redirects are answers.
fn served(call: &Call) -> bool {
    !call.refused && call.status().is_some_and(|status| (200..400).contains(&status))
}

/// Kinds that carry a session if one was handed out as such.
fn can_carry(kind: CredentialKind) -> bool {
    !matches!(kind, CredentialKind::Basic | CredentialKind::Password)
}

/// Kinds that are sessions even if they were not seen to be handed out.
fn is_session(kind: CredentialKind) -> bool {
    matches!(kind, CredentialKind::Bearer | CredentialKind::Session)
}

fn is_redeemed(credential: &Credential) -> bool {
    matches!(credential.place, Place::Body(_))
}

/// A code or ticket: handed out in the target of a redirect, to be redeemed elsewhere (RFC 6749, section 4.1.2; CAS protocol 3.0).
fn is_code(issued: &Issued) -> bool {
    matches!(issued.place, Place::Query(_))
}

/// Tokens that an answer hands out.
fn handed_out(call: &Call) -> impl Iterator<Item = &Issued> {
    call.issued.iter().filter(|issued| !issued.revoked && can_carry(issued.kind))
}

/// A token's key. Where it is no secret, it is one only within its realm: the session 17 of two systems is two sessions.
fn token(fingerprint: Fingerprint, flaws: TokenFlaws, mark: u64) -> u64 {
    const WEAK: u16 = TokenFlaws::SHORT | TokenFlaws::GUESSABLE;
    if flaws.0 & WEAK == 0 { fingerprint.0 } else { fingerprint.0 ^ mark }
}

fn carries(call: &Call, name: u64, mark: u64) -> bool {
    call.credentials.iter().any(|carried| token(carried.fingerprint, carried.flaws, mark) == name)
}

fn expiry(issued: &Issued, at: Timestamp) -> Timestamp {
    let by_claims = issued.claims.as_deref().and_then(|claims| claims.expires_at);
    // A refresh token outlives what it is exchanged for.
    by_claims.or(issued.lasts.map(|span| at + span)).unwrap_or(Timestamp::MAX)
}

/// The account that a handed-out token names.
fn claimed(call: &Call, realm: &Realm, accounts: &mut Accounts) -> Option<Arc<str>> {
    let named = handed_out(call).find_map(|issued| issued.claims.as_deref()?.account.as_ref())?;
    Some(accounts.name_of_claim(realm, named, call.moment.at))
}

/// Whether a token of the request names the same account as the one that is handed out.
fn is_of_request(call: &Call, account: &spyhop_model::Account) -> bool {
    let claims = call.credentials.iter().filter_map(|credential| credential.claims.as_deref());
    claims.filter_map(|claims| claims.account.as_ref()).any(|own| own.fingerprint == account.fingerprint)
}

/// Whether a method needs several calls on one connection, which then stands for the account (RFC 4559).
pub fn binds_connection(method: LoginMethod) -> bool {
    method == LoginMethod::Ntlm
}
