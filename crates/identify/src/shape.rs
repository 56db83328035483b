//! What a literal path segment looks like: the name of an operation, a value that somebody made, or just a word.

/// Words that operations begin with or are, lower case: English, and pinyin as in `chaxunDingdan`.
const VERBS: &[&str] = &[
    "accept",
    "action",
    "activate",
    "add",
    "admin",
    "all",
    "api",
    "apply",
    "approve",
    "assign",
    "audit",
    "auth",
    "authorize",
    "backup",
    "batch",
    "bind",
    "calc",
    "calculate",
    "callback",
    "cancel",
    "captcha",
    "change",
    "chat",
    "check",
    "clear",
    "close",
    "code",
    "comments",
    "commit",
    "config",
    "confirm",
    "copy",
    "count",
    "create",
    "current",
    "dashboard",
    "data",
    "debug",
    "default",
    "del",
    "delete",
    "detail",
    "details",
    "disable",
    "do",
    "docs",
    "download",
    "drop",
    "edit",
    "enable",
    "exec",
    "execute",
    "export",
    "favorites",
    "feed",
    "fetch",
    "file",
    "files",
    "find",
    "follow",
    "followers",
    "following",
    "generate",
    "get",
    "grant",
    "graphql",
    "handle",
    "has",
    "health",
    "help",
    "history",
    "home",
    "hot",
    "image",
    "images",
    "import",
    "index",
    "info",
    "init",
    "insert",
    "is",
    "items",
    "latest",
    "list",
    "load",
    "lock",
    "log",
    "login",
    "logout",
    "logs",
    "make",
    "manage",
    "mark",
    "me",
    "merge",
    "metrics",
    "modify",
    "move",
    "new",
    "notify",
    "on",
    "open",
    "page",
    "pay",
    "ping",
    "popular",
    "post",
    "preview",
    "print",
    "process",
    "profile",
    "publish",
    "pull",
    "push",
    "put",
    "query",
    "read",
    "ready",
    "receive",
    "recent",
    "refresh",
    "refund",
    "register",
    "reject",
    "release",
    "reload",
    "remove",
    "rename",
    "report",
    "reset",
    "resend",
    "restore",
    "revoke",
    "rpc",
    "run",
    "save",
    "scan",
    "search",
    "select",
    "send",
    "set",
    "settings",
    "share",
    "show",
    "sign",
    "signin",
    "signout",
    "signup",
    "sort",
    "start",
    "stat",
    "static",
    "statistics",
    "stats",
    "status",
    "stop",
    "submit",
    "summary",
    "switch",
    "sync",
    "tags",
    "test",
    "toggle",
    "token",
    "top",
    "transfer",
    "tree",
    "trending",
    "truncate",
    "unbind",
    "unlock",
    "update",
    "upload",
    "upsert",
    "user",
    "users",
    "validate",
    "verify",
    "version",
    "view",
    "withdraw",
    // Pinyin.
    "baocun",
    "bianji",
    "chakan",
    "chaxun",
    "chuangjian",
    "daochu",
    "daoru",
    "denglu",
    "dengchu",
    "fabu",
    "fasong",
    "gengxin",
    "genggai",
    "huoqu",
    "liebiao",
    "qingqiu",
    "qiyong",
    "quxiao",
    "queren",
    "shanchu",
    "shangchuan",
    "shenhe",
    "shenpi",
    "shouquan",
    "sousuo",
    "tianjia",
    "tijiao",
    "tingyong",
    "tongji",
    "tuichu",
    "xiangqing",
    "xiazai",
    "xinzeng",
    "xiugai",
    "yanzheng",
    "zhuce",
    "zhuxiao",
    "zhifu",
    "chongzhi",
];

/// Verbs that names of three words begin with: `get-user-list`. A title or a key may begin with any of the others.
const PLAIN_VERBS: &[&str] = &[
    "add", "batch", "check", "create", "delete", "del", "edit", "export", "get", "import", "list", "modify", "query",
    "remove", "reset", "save", "search", "select", "send", "set", "submit", "update", "upload", "download",
];

/// The same in Chinese, at the beginning or the end of a name.
const HAN_VERBS: &[&str] = &[
    "保存", "编辑", "查看", "查询", "创建", "导出", "导入", "登录", "登陆", "发布", "发送", "更新", "获取", "列表",
    "启用", "取消", "确认", "删除", "上传", "审核", "审批", "授权", "搜索", "添加", "提交", "停用", "统计", "退出",
    "详情", "下载", "新增", "新建", "修改", "验证", "注册", "注销", "支付", "重置", "首页", "管理", "设置",
];

/// Segments before the part of a path that names resources: `/prod-api/v1/users` begins with `users`.
const PREFIXES: &[&str] = &[
    "api", "apis", "app", "gateway", "gw", "h5", "m", "mobile", "open", "openapi", "public", "rest", "restapi", "web",
];

/// What a literal looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// The name of an operation: stays as it is.
    Operation,
    /// Something made up for one thing, such as the title of an article or the number of an order.
    Value,
    /// A word: may be either.
    Word,
}

/// A stretch of letters or of digits of a segment, cut at marks and where small letters turn into capitals.
pub fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches(|c: char| !c.is_alphanumeric());
        let mut before: Option<char> = None;
        let end = rest
            .char_indices()
            .find(|(_, c)| {
                let ends = !c.is_alphanumeric()
                    || before.is_some_and(|before| {
                        before.is_lowercase() && c.is_uppercase() || before.is_ascii_digit() != c.is_ascii_digit()
                    });
                before = Some(*c);
                ends
            })
            .map_or(rest.len(), |(at, _)| at);
        let (word, after) = rest.split_at(end);
        rest = after;
        (!word.is_empty()).then_some(word)
    })
}

fn is_verb(word: &str) -> bool {
    VERBS.iter().any(|verb| verb.eq_ignore_ascii_case(word))
}

/// `v1`, `v2.3`.
fn is_version(text: &str) -> bool {
    text.strip_prefix(['v', 'V']).is_some_and(|rest| {
        rest.len() <= 5
            && rest.starts_with(|c: char| c.is_ascii_digit())
            && rest.bytes().all(|b| b.is_ascii_digit() || b == b'.')
    })
}

/// Whether a segment stands before what a path is about.
pub fn is_prefix(text: &str) -> bool {
    is_version(text)
        || PREFIXES.contains(&text)
        || text.strip_suffix("-api").or_else(|| text.strip_suffix("_api")).is_some_and(|rest| !rest.is_empty())
}

/// What a literal segment looks like.
pub fn shape(text: &str) -> Shape {
    if !text.is_ascii() {
        let named = HAN_VERBS.iter().any(|verb| text.starts_with(verb) || text.ends_with(verb));
        return if named { Shape::Operation } else { Shape::Value };
    }
    let four_digits = text.len() == 4 && text.bytes().all(|b| b.is_ascii_digit());
    if is_version(text) || four_digits || text.starts_with(['.', '_', '~']) {
        return Shape::Operation;
    }
    // A file of the page's own.
    let (stem, extension) = text.rsplit_once('.').unwrap_or((text, ""));
    if !extension.is_empty() && extension.len() <= 5 && extension.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return if looks_made(stem) { Shape::Value } else { Shape::Operation };
    }
    let mut parts = words(text);
    let first = parts.next().unwrap_or("");
    let marks = text.bytes().filter(|b| matches!(b, b'-' | b'_')).count();
    // `get-user-list` is an operation, `get-rich-quick-with-these-tips` a title.
    let begins = match marks {
        0 | 1 => is_verb(first),
        2 => PLAIN_VERBS.iter().any(|verb| verb.eq_ignore_ascii_case(first)),
        _ => false,
    };
    if begins && (marks > 0 || !looks_made(text.get(first.len()..).unwrap_or(""))) {
        return Shape::Operation;
    }
    if looks_made(text) {
        return Shape::Value;
    }
    match text.split(['-', '_', '.']).count() {
        0..=2 => {
            let last = parts.last().unwrap_or("");
            // `orderInfo`; but `JohnSmith` may be anybody.
            let camel = text.starts_with(|c: char| c.is_ascii_lowercase())
                && text.bytes().any(|b| b.is_ascii_uppercase())
                && marks == 0;
            if is_verb(last) || camel { Shape::Operation } else { Shape::Word }
        }
        _ => Shape::Value,
    }
}

/// Letters and digits mixed as nobody names things: `ORD20261123A7`, `x7Kq2p`; but not `http2` or `idCard2List`.
pub fn looks_made(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let letters = text.bytes().filter(u8::is_ascii_alphabetic).count();
    let turns =
        text.as_bytes().windows(2).filter(|pair| matches!(pair, [a, b] if a.is_ascii_digit() != b.is_ascii_digit()));
    let turns = turns.count();
    let small = text.bytes().filter(u8::is_ascii_lowercase).count();
    digits >= 3 && letters > 0 || turns >= 3 && letters < 8 * digits || digits > 0 && small == 0 && letters > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes() {
        for name in [
            "getUserList",
            "login",
            "v1",
            "2026",
            "list",
            "export",
            "daochuYonghu",
            "导出用户",
            "用户列表",
            "user-list",
            "index.html",
            "app.js",
            "orderInfo",
        ] {
            assert_eq!(shape(name), Shape::Operation, "{name}");
        }
        for value in
            ["ORD20261123A7", "how-to-cook-rice", "张三", "iphone-15-pro-256", "A7B2", "cus_Nffr8UfNV2Hib", "2024Q1"]
        {
            assert_eq!(shape(value), Shape::Value, "{value}");
        }
        for word in ["orders", "alice", "http2", "beijing", "spring-boot"] {
            assert_eq!(shape(word), Shape::Word, "{word}");
        }
    }

    #[test]
    fn words_are_cut_at_marks_and_capitals() {
        assert_eq!(words("getUserInfo_by-id2.do").collect::<Vec<_>>(), ["get", "User", "Info", "by", "id", "2", "do"]);
        assert_eq!(words("--").count(), 0);
        assert!(is_prefix("prod-api") && is_prefix("v2") && !is_prefix("users"));
    }
}
