//! Sessions as a snapshot holds them: a line a token, since there are hundreds of thousands.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use spyhop_model::{Source, Timestamp};

use crate::session::{Sessions, State, Token};

/// Sessions with what they refer to by number.
#[derive(Default, Serialize, Deserialize)]
pub struct SavedSessions {
    /// Names of accounts and realms.
    names: Vec<String>,
    /// `s token account realm mark source confidence bits began used ended expires` or `f token session began most code` or `c token`.
    tokens: String,
}

const BY_LOGIN: u8 = 1 << 0;
const KEPT: u8 = 1 << 1;
const REBOUND: u8 = 1 << 2;
const TENTATIVE: u8 = 1 << 3;
const CODE: u8 = 1 << 4;

const SOURCES: [Source; 8] = [
    Source::Login,
    Source::Session,
    Source::Claims,
    Source::Credentials,
    Source::Certificate,
    Source::Header,
    Source::Named,
    Source::ApiKey,
];

/// What the next run can start from: sessions of somebody, not of nobody.
pub fn save(sessions: &Sessions) -> SavedSessions {
    let mut saved = SavedSessions::default();
    let mut numbers: HashMap<Arc<str>, usize> = HashMap::new();
    for (name, token) in sessions.tokens() {
        match token {
            Token::First(state) if state.account.is_some() || state.by_login => {
                let mut number = |name: &Arc<str>| {
                    *numbers.entry(name.clone()).or_insert_with(|| {
                        saved.names.push(name.to_string());
                        saved.names.len() - 1
                    })
                };
                let account = state.account.as_ref().map_or(-1, |account| number(account) as i64);
                let realm = number(&state.realm);
                let _ = writeln!(
                    saved.tokens,
                    "s {name:x} {account} {realm} {:x} {} {} {} {} {} {} {}",
                    state.mark,
                    SOURCES.iter().position(|source| *source == state.source).unwrap_or(0),
                    state.confidence,
                    bits(state),
                    state.began_at.0,
                    state.used_at.0,
                    state.ended_at.map_or(0, |at| at.0),
                    state.expires_at.0,
                );
            }
            Token::First(_) => {}
            Token::Further { session, began_at, most, code } => {
                let _ = writeln!(saved.tokens, "f {name:x} {session:x} {} {most} {}", began_at.0, u8::from(*code));
            }
            Token::Common => {
                let _ = writeln!(saved.tokens, "c {name:x}");
            }
        }
    }
    saved
}

/// Starts from what an earlier run saved. A line that cannot be read is left out.
pub fn load(sessions: &mut Sessions, saved: &SavedSessions) {
    let names: Vec<Arc<str>> = saved.names.iter().map(|name| name.as_str().into()).collect();
    for line in saved.tokens.lines() {
        if let Some((name, token)) = read(line, &names) {
            let used_at = if let Token::First(state) = &token { state.used_at } else { Timestamp::default() };
            sessions.restore(name, token, used_at);
        }
    }
}

fn bits(state: &State) -> u8 {
    let bit = |bit, set| if set { bit } else { 0 };
    bit(BY_LOGIN, state.by_login)
        | bit(KEPT, state.kept_over_login)
        | bit(REBOUND, state.rebound)
        | bit(TENTATIVE, state.tentative)
        | bit(CODE, state.code)
}

fn read(line: &str, names: &[Arc<str>]) -> Option<(u64, Token)> {
    let mut words = line.split(' ');
    let kind = words.next()?;
    let name = u64::from_str_radix(words.next()?, 16).ok()?;
    if kind == "c" {
        return Some((name, Token::Common));
    }
    if kind == "f" {
        let session = u64::from_str_radix(words.next()?, 16).ok()?;
        let began_at = Timestamp(words.next()?.parse().ok()?);
        let most = words.next()?.parse().ok()?;
        return Some((name, Token::Further { session, began_at, most, code: words.next()? == "1" }));
    }
    let account: i64 = words.next()?.parse().ok()?;
    let account = usize::try_from(account).ok().and_then(|at| names.get(at)).cloned();
    let realm = names.get(words.next()?.parse::<usize>().ok()?)?.clone();
    let mark = u64::from_str_radix(words.next()?, 16).ok()?;
    let mut number = || words.next()?.parse::<u64>().ok();
    let source = *SOURCES.get(number()? as usize)?;
    let (confidence, bits) = (number()? as u8, number()? as u8);
    let (began, used, ended, expires) = (number()?, number()?, number()?, number()?);
    let state = State {
        account,
        realm,
        mark,
        source,
        confidence,
        by_login: bits & BY_LOGIN != 0,
        kept_over_login: bits & KEPT != 0,
        rebound: bits & REBOUND != 0,
        tentative: bits & TENTATIVE != 0,
        code: bits & CODE != 0,
        began_at: Timestamp(began),
        used_at: Timestamp(used),
        ended_at: (ended != 0).then_some(Timestamp(ended)),
        expires_at: Timestamp(expires),
        used_from: 0,
    };
    Some((name, Token::First(state)))
}
