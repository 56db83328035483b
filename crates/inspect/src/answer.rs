//! What an answer says to its caller: what it hands out, that it refuses them, or who they are.

use spyhop_model::{Account, Timestamp};

use crate::issued::{IssuedScan, of_leaf};
use crate::token::{Tokens, account_rank};
use crate::walk::{Leaf, LeafKind, Piece};

/// Bodies of at most so many bytes are read for what they say: an answer that refuses or hands out is small, and longer
/// ones pass by at full speed. Answers to logins, and to who asks for their own account, are read whatever their length.
pub(crate) const SMALL: usize = 16 << 10;
/// A longer one does not refuse.
const REFUSAL: u64 = 4 << 10;
/// Leaves that are read of one.
const LEAVES: u16 = 256;
/// Longest value.
const VALUE: usize = 8 << 10;
/// Longest sentence.
const SENTENCE: usize = 200;
/// Longest name of a field that says anything, without its separators.
const NAME: usize = 24;

/// Reads one answer.
#[derive(Debug, Default)]
pub(crate) struct AnswerScan {
    pub issued: IssuedScan,
    /// Whether the body is read; not known before its first bytes.
    read: Option<bool>,
    leaves: u16,
    /// It says that all is well; that it is not for the caller.
    good: bool,
    refused: bool,
    /// The account it names, with how much the field is one's.
    account: Option<(u8, Box<str>)>,
}

/// What a field of that name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Says {
    Token,
    Lasts,
    Code,
    Truth,
    Message,
    Account(u8),
}

impl AnswerScan {
    /// The next `bytes` of the body; `last`: nothing follows. Whether its leaves are to be read; `always`: whatever its length.
    pub fn reads(&mut self, bytes: usize, last: bool, always: bool) -> bool {
        *self.read.get_or_insert(always || last && bytes <= SMALL)
    }

    /// Whether its leaves are read.
    pub fn is_read(&self) -> bool {
        self.read == Some(true)
    }

    /// Whether a leaf may say anything.
    pub fn wants(&self, key: &[u8], value: &[u8]) -> bool {
        self.leaves < LEAVES && value.len() <= VALUE && says(key).is_some()
    }

    /// Reads a leaf of an answer of that status.
    pub fn leaf(&mut self, leaf: &Leaf<'_>, status: u16, at: Timestamp, tokens: &mut Tokens) {
        if self.leaves >= LEAVES || leaf.piece != Piece::Whole {
            return;
        }
        let Some(says) = says(leaf.key.as_bytes()) else { return };
        self.leaves += 1;
        match says {
            Says::Token | Says::Lasts if (200..400).contains(&status) => self.issued.leaf(leaf, at, tokens),
            Says::Token | Says::Lasts => {}
            Says::Account(rank) => self.names(leaf, rank),
            Says::Code | Says::Truth | Says::Message if is_top(leaf) => self.judge(leaf, says),
            Says::Code | Says::Truth | Says::Message => {}
        }
    }

    /// Whether the caller is refused, by an answer of that status with a body of so many bytes.
    pub fn refuses(&self, status: u16, length: u64) -> bool {
        let by_words = self.refused && !self.good && length <= REFUSAL;
        matches!(status, 401 | 403) || by_words && (200..500).contains(&status)
    }

    /// The account that a good answer to who asked for their own names.
    pub fn account(&self, tokens: &Tokens) -> Option<Account> {
        let (_, name) = self.account.as_ref().filter(|_| !self.refused)?;
        tokens.account(name)
    }

    fn names(&mut self, leaf: &Leaf<'_>, rank: u8) {
        /// `$.data.user.userName`.
        const DEPTH: usize = 3;
        /// Longest account, in bytes.
        const ACCOUNT: usize = 256;
        let depth = leaf.path.matches('.').count();
        if leaf.kind == LeafKind::Word
            || leaf.path.contains(['[', '<'])
            || depth > DEPTH
            || leaf.value.trim().is_empty()
            || leaf.value.len() > ACCOUNT
        {
            return;
        }
        if self.account.as_ref().is_none_or(|(best, _)| *best < rank) {
            self.account = Some((rank, leaf.value.into()));
        }
    }

    fn judge(&mut self, leaf: &Leaf<'_>, says: Says) {
        let value = leaf.value.trim();
        match says {
            Says::Truth => self.good |= value == "true",
            Says::Code if is_refusal(value) => self.refused = true,
            Says::Code => {
                self.good |= matches!(value, "0" | "200" | "20000" | "00000" | "success" | "SUCCESS" | "OK" | "ok")
            }
            _ => self.refused |= value.len() <= SENTENCE && refuses(value),
        }
    }
}

/// At the top, or in an envelope there.
fn is_top(leaf: &Leaf<'_>) -> bool {
    const ENVELOPES: &[&str] =
        &["head", "header", "meta", "error", "result", "status", "response", "resp", "ret", "state"];
    match leaf.path.strip_prefix("$.").map(|path| path.matches('.').count()) {
        Some(0) => true,
        Some(1) => ENVELOPES.iter().any(|name| leaf.parent.eq_ignore_ascii_case(name)),
        _ => false,
    }
}

fn says(key: &[u8]) -> Option<Says> {
    let mut plain = [0; NAME];
    let mut len = 0;
    for byte in key.iter().filter(|byte| !matches!(byte, b'_' | b'-')) {
        *plain.get_mut(len)? = byte.to_ascii_lowercase();
        len += 1;
    }
    let plain = std::str::from_utf8(plain.get(..len)?).ok()?;
    Some(match plain {
        "code" | "errcode" | "errorcode" | "resultcode" | "retcode" | "ret" | "status" | "statuscode" | "state"
        | "rtncode" | "respcode" | "returncode" | "bizcode" | "errno" | "rescode" | "subcode" => Says::Code,
        "success" | "ok" | "issuccess" | "succeed" => Says::Truth,
        "msg" | "message" | "errmsg" | "errormsg" | "errormessage" | "errordescription" | "resultmsg" | "retmsg"
        | "respmsg" | "returnmsg" | "info" | "detail" | "desc" | "description" | "tip" | "tips" | "reason"
        | "error" | "err" => Says::Message,
        "expiresin"
        | "expirein"
        | "tokentimeout"
        | "accesstokenexpiresin"
        | "refreshexpiresin"
        | "refreshtokenexpiresin" => Says::Lasts,
        name if of_leaf(name).is_some() => Says::Token,
        // What a token calls a user may be anything in a body.
        "user" | "sub" | "uid" | "userid" => return None,
        name => Says::Account(account_rank(name)?),
    })
}

/// A code that says that the caller may not, or is not known: of HTTP, or a number that begins with one; of the handbook
/// of Alibaba; of templates of front ends.
fn is_refusal(code: &str) -> bool {
    const CODES: &[&str] = &[
        "A0230",
        "A0231",
        "A0300",
        "A0301",
        "A0303",
        "A0311",
        "A0312",
        "50008",
        "50012",
        "50014",
        "UNAUTHORIZED",
        "FORBIDDEN",
        "ACCESS_DENIED",
        "NOT_LOGIN",
        "NO_LOGIN",
        "NOT_LOGGED_IN",
        "TOKEN_EXPIRED",
        "TOKEN_INVALID",
        "INVALID_TOKEN",
        "NO_PERMISSION",
        "PERMISSION_DENIED",
        "UNAUTHENTICATED",
    ];
    let number = (3..=6).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_digit());
    number && ["401", "403"].iter().any(|begin| code.starts_with(begin))
        || CODES.iter().any(|known| known.eq_ignore_ascii_case(code))
}

/// A sentence that says it.
fn refuses(text: &str) -> bool {
    const CHINESE: &[&str] = &[
        "无权限",
        "没有权限",
        "权限不足",
        "无权访问",
        "无权操作",
        "无访问权限",
        "没有访问权限",
        "未登录",
        "尚未登录",
        "没有登录",
        "请先登录",
        "请登录",
        "请重新登录",
        "重新登录",
        "登录已过期",
        "登录过期",
        "登录失效",
        "登录已失效",
        "登录超时",
        "登录状态已",
        "会话已过期",
        "会话过期",
        "会话超时",
        "会话失效",
        "未授权",
        "令牌已过期",
        "令牌失效",
        "令牌无效",
        "token失效",
        "token已失效",
        "token过期",
        "token已过期",
        "token无效",
        "身份已过期",
        "拒绝访问",
        "禁止访问",
    ];
    const ENGLISH: &[&str] = &[
        "access denied",
        "access is denied",
        "unauthorized",
        "unauthenticated",
        "forbidden",
        "not logged in",
        "not login",
        "please log in",
        "please login",
        "login required",
        "authentication required",
        "permission denied",
        "no permission",
        "not authorized",
        "insufficient privilege",
        "insufficient permission",
        "insufficient scope",
        "session expired",
        "session has expired",
        "token expired",
        "token has expired",
        "token is expired",
        "jwt expired",
        "invalid token",
        "token invalid",
        "invalid_token",
        "access_denied",
        "not_login",
        "insufficient_scope",
    ];
    if text.is_ascii() {
        let lower = text.to_ascii_lowercase();
        return ENGLISH.iter().any(|phrase| lower.contains(phrase));
    }
    let plain: String = text.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_ascii_lowercase()).collect();
    CHINESE.iter().any(|phrase| plain.contains(phrase))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::tests::tokens;

    fn answer(leaves: &[(&str, &str, &str)]) -> AnswerScan {
        let mut scan = AnswerScan::default();
        for (parent, path, value) in leaves {
            let key = path.rsplit('.').next().unwrap_or_default();
            let kind = if value.parse::<f64>().is_ok() {
                LeafKind::Number
            } else if matches!(*value, "true" | "false" | "null") {
                LeafKind::Word
            } else {
                LeafKind::Text
            };
            if scan.wants(key.as_bytes(), value.as_bytes()) {
                let leaf = Leaf { key, parent, path, value, kind, record: 0, piece: Piece::Whole };
                scan.leaf(&leaf, 200, Timestamp::default(), &mut tokens());
            }
        }
        scan
    }

    #[test]
    fn refusals_in_good_answers() {
        for leaves in [
            &[("", "$.code", "401"), ("", "$.msg", "认证失败")][..],
            &[("", "$.code", "40301")],
            &[("", "$.code", "500"), ("", "$.msg", "您没有权限进行此操作")],
            &[("", "$.success", "false"), ("", "$.message", "登录已过期，请重新登录")],
            &[("error", "$.error.message", "Access Denied")],
            &[("", "$.error", "invalid_token"), ("", "$.error_description", "Token expired")],
            &[("", "$.errorCode", "A0230")],
            &[("head", "$.head.retCode", "40101")],
        ] {
            assert!(answer(leaves).refuses(200, 100), "{leaves:?}");
        }
        for leaves in [
            &[("", "$.code", "200"), ("", "$.msg", "操作成功")][..],
            &[("", "$.code", "500"), ("", "$.msg", "系统异常")],
            &[("data", "$.data.code", "401")],
            &[("", "$.code", "0"), ("", "$.message", "forbidden words: none")],
            &[("", "$.rows[*].code", "401")],
            &[("", "$.code", "4010000001")],
        ] {
            assert!(!answer(leaves).refuses(200, 100), "{leaves:?}");
        }
        let refused = answer(&[("", "$.code", "401")]);
        assert!(!refused.refuses(200, REFUSAL + 1) && refused.refuses(403, REFUSAL + 1) && !refused.refuses(500, 10));
    }

    #[test]
    fn answers_name_their_caller() {
        let named =
            |leaves: &[(&str, &str, &str)]| answer(leaves).account(&tokens()).map(|account| account.name.to_string());
        let info = [("", "$.code", "200"), ("user", "$.user.email", "a@b.cn"), ("user", "$.user.userName", "admin")];
        assert_eq!(named(&info).as_deref(), Some("admin"));
        assert_eq!(named(&[("data", "$.data.account", "zhang.san")]).as_deref(), Some("zhang.san"));
        for other in [
            &[("", "$.rows[*].userName", "admin")][..],
            &[("", "$.username", "null")],
            &[("", "$.code", "401"), ("", "$.username", "admin")],
            &[("", "$.id", "7")],
        ] {
            assert_eq!(named(other), None, "{other:?}");
        }
    }

    #[test]
    fn long_bodies_are_not_read_unless_asked_for() {
        assert!(AnswerScan::default().reads(SMALL, true, false));
        assert!(!AnswerScan::default().reads(SMALL + 1, true, false));
        assert!(!AnswerScan::default().reads(10, false, false));
        assert!(AnswerScan::default().reads(10, false, true));
        let mut begun = AnswerScan::default();
        assert!(!begun.reads(10, false, false) && !begun.reads(10, true, false));
    }
}
