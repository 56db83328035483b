//! Random secrets of every rule, and what only looks like one: for tests and the evaluation. Nothing of it is real.

use super::rules::{Kind, Rule, TABLE};
use super::value::{Kinds, entropy, has_long_repetition, has_words, is_placeholder};

/// A text with one secret, or with none.
#[derive(Clone, Debug)]
pub struct Example {
    /// The rule that it was made for; of negative ones what it is.
    pub rule: &'static str,
    /// Name of the leaf, if the text is a leaf.
    pub key: String,
    /// The text.
    pub text: String,
    /// The secret in it, empty if there is none.
    pub value: String,
    /// The secret stands in pages by design.
    pub public: bool,
}

/// A small generator (SplitMix64), so that a seed gives the same examples everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    fn pick<'a, T>(&mut self, list: &'a [T]) -> Option<&'a T> {
        list.get(self.below(list.len()))
    }

    /// Characters of a class as in patterns.
    fn characters(&mut self, class: &str, length: usize) -> String {
        generate(&format!("[{class}]{{{length}}}"), self)
    }
}

/// The bytes of a class that begins after `[` at `at`, and where it ends.
fn class(pattern: &[u8], mut at: usize) -> (Vec<u8>, usize) {
    let mut bytes: Vec<u8> = Vec::new();
    while let Some(b) = pattern.get(at).copied().filter(|b| *b != b']') {
        let escaped = b == b'\\';
        let b = if escaped { pattern.get(at + 1).copied().unwrap_or(b) } else { b };
        at += 1 + usize::from(escaped);
        match (escaped, b) {
            (true, b'w') => bytes.extend((b'0'..=b'9').chain(b'A'..=b'Z').chain(b'a'..=b'z').chain([b'_'])),
            (true, b'd') => bytes.extend(b'0'..=b'9'),
            _ => match (pattern.get(at), pattern.get(at + 1)) {
                (Some(b'-'), Some(last)) if *last != b']' && *last != b'\\' => {
                    bytes.extend(b..=*last);
                    at += 2;
                }
                _ => bytes.push(b),
            },
        }
    }
    (bytes, at + 1)
}

/// Where the group that begins after `(` at `at` ends, and the bars of its alternatives.
fn group(pattern: &[u8], mut at: usize) -> (Vec<usize>, usize) {
    let (mut depth, mut bars) = (0, Vec::new());
    while let Some(b) = pattern.get(at) {
        match b {
            b'\\' => at += 1,
            b'[' => at = class(pattern, at + 1).1 - 1,
            b'(' => depth += 1,
            b')' if depth == 0 => break,
            b')' => depth -= 1,
            b'|' if depth == 0 => bars.push(at),
            _ => {}
        }
        at += 1;
    }
    (bars, at)
}

/// How often what stands before `at` is repeated, and where the count ends.
fn repeated(pattern: &[u8], at: usize, random: &mut Random) -> (usize, usize) {
    const MORE: usize = 9;
    match pattern.get(at) {
        Some(b'?') => (random.below(2), at + 1),
        Some(b'*') => (random.below(MORE), at + 1),
        Some(b'+') => (1 + random.below(MORE), at + 1),
        Some(b'{') => {
            let rest = pattern.get(at + 1..).unwrap_or_default();
            let length = rest.iter().position(|b| *b == b'}').unwrap_or(rest.len());
            let text = String::from_utf8_lossy(rest.get(..length).unwrap_or_default()).into_owned();
            let (least, most) = text.split_once(',').unwrap_or((&text, &text));
            let least: usize = least.parse().unwrap_or(0);
            let most = most.parse().unwrap_or(least + MORE);
            (least + random.below(most.saturating_sub(least) + 1), at + length + 2)
        }
        _ => (1, at),
    }
}

/// A random string that the pattern matches; knows what the patterns of the rules consist of.
fn generate(pattern: &str, random: &mut Random) -> String {
    let bytes = pattern.as_bytes();
    let (mut bars, end) = group(bytes, 0);
    bars.push(end);
    let choice = random.below(bars.len());
    let start = choice.checked_sub(1).and_then(|n| bars.get(n)).map_or(0, |bar| bar + 1);
    let end = bars.get(choice).copied().unwrap_or(end);
    let (mut out, mut at) = (String::new(), start);
    while let Some(b) = bytes.get(at).filter(|_| at < end) {
        let next;
        let made: Box<dyn Fn(&mut Random) -> String> = match b {
            b'(' => {
                let close = group(bytes, at + 1).1;
                next = close + 1;
                let inner = pattern.get(at + 1..close).unwrap_or_default();
                let inner = ["?:", "?i:", "?-i:"].iter().find_map(|flag| inner.strip_prefix(flag)).unwrap_or(inner);
                if inner == "?i" {
                    at = next;
                    continue;
                }
                Box::new(move |random| generate(inner, random))
            }
            b'[' => {
                let (mut characters, close) = class(bytes, at + 1);
                // Patterns allow the padding of Base64 everywhere; values have it at their end.
                characters.retain(|b| *b != b'=' || close - at < 6);
                next = close;
                Box::new(move |random| random.pick(&characters).map(|b| char::from(*b).into()).unwrap_or_default())
            }
            b'\\' => {
                next = at + 2;
                let escaped = bytes.get(at + 1).copied().unwrap_or(b'\\');
                let characters = match escaped {
                    b'd' => (b'0'..=b'9').collect(),
                    b'w' => class(b"\\w]", 0).0,
                    other => vec![other],
                };
                Box::new(move |random| random.pick(&characters).map(|b| char::from(*b).into()).unwrap_or_default())
            }
            literal => {
                next = at + 1;
                let literal = char::from(*literal);
                Box::new(move |_| literal.into())
            }
        };
        let (count, after) = repeated(bytes, next, random);
        for _ in 0..count {
            out.push_str(&made(random));
        }
        at = after;
    }
    out
}

/// A value of the rule that is random enough: a few in a million are not.
fn value(rule: &Rule, random: &mut Random) -> String {
    const TRIES: usize = 200;
    let mut made = generate(rule.pattern, random);
    for _ in 0..TRIES {
        let bytes = made.as_bytes();
        if entropy(bytes) > rule.entropy + 0.05
            && !is_placeholder(bytes)
            && (rule.kind != Kind::Named || Kinds::of(bytes).is_mixed())
        {
            break;
        }
        made = generate(rule.pattern, random);
    }
    made
}

/// How a value may stand in a body.
fn positive(rule: &Rule, random: &mut Random) -> Example {
    let value = value(rule, random);
    let mark = rule.marks.first().copied().unwrap_or("");
    let form = random.below(4);
    let (key, text) = match (rule.kind, form) {
        (Kind::Named, 0) => (String::new(), format!("{{\"id\":7,\"{mark}_api_key\":\"{value}\",\"on\":true}}")),
        (Kind::Named, 1) => {
            (String::new(), format!("MODE=prod\n{}_SECRET={value}\nPORT=80\n", mark.to_ascii_uppercase()))
        }
        (Kind::Named, 2) => (String::new(), format!("var c={{{mark}Secret:'{value}',n:1}}")),
        (Kind::Named, _) => (format!("{mark}-access-key"), value.clone()),
        (Kind::Url, 0) => (String::new(), format!("<a href=\"https://{value}\">hook</a>")),
        (Kind::Url, _) => ("url".into(), format!("https://{value}")),
        (_, 0) => (String::new(), format!("{{\"name\":\"a\",\"conf\":\"{value}\"}}")),
        (_, 1) => (String::new(), format!("curl -H 'X-Key: {value}' https://api.firm.cn/v1")),
        (_, 2) => ("note".into(), format!("use {value} please")),
        (..) => ("conf".into(), value.clone()),
    };
    Example { rule: rule.id, key, text, value, public: rule.public }
}

/// Secrets of no format of their own: passwords of connection strings, private keys, names.
fn structural(random: &mut Random) -> Vec<Example> {
    let mut word = |class: &str, length| loop {
        let made = random.characters(class, length);
        let bytes = made.as_bytes();
        let is_fit = Kinds::of(bytes).is_mixed() && entropy(bytes) > 3.05 && !is_placeholder(bytes);
        if length < 16 && Kinds::of(bytes).is_mixed() && !is_placeholder(bytes) {
            return made;
        }
        if is_fit
            && !has_words(bytes)
            && !has_long_repetition(bytes)
            && (length < 16 || class == "0-9a-f" || entropy(bytes) > 3.6)
        {
            return made;
        }
    };
    let mut all = Vec::new();
    let mut add = |rule, key: &str, text: String, value: &str| {
        all.push(Example { rule, key: key.into(), text, value: value.into(), public: false });
    };
    for scheme in ["postgres", "mysql", "mongodb+srv", "redis", "amqp", "jdbc:oracle"] {
        let p = word("a-zA-Z0-9_", 12);
        add("connection-string", "url", format!("{scheme}://app:{p}@db1.firm.cn:5432/main"), &p);
    }
    let p = word("a-zA-Z0-9", 12);
    add("connection-string", "", format!("jdbc:mysql://10.0.0.5:3306/a?user=app&password={p}&useSSL=false"), &p);
    let p = word("a-zA-Z0-9", 12);
    add("connection-string", "conn", format!("Server=10.0.0.5;Database=a;User Id=sa;Password={p};"), &p);
    let p = word("a-zA-Z0-9", 14);
    add("url-password", "", format!("[remote \"origin\"]\n\turl = https://ci:{p}@git.firm.cn/a/b.git\n"), &p);
    let lines = (0..8).map(|_| word("a-zA-Z0-9", 64)).collect::<Vec<_>>().join("\n");
    for label in ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "OPENSSH PRIVATE KEY", "PGP PRIVATE KEY BLOCK"] {
        let block = format!("-----BEGIN {label}-----\n{lines}\n-----END {label}-----");
        add("private-key", "", format!("a\n{block}\nb"), &block);
    }
    let p = word("a-zA-Z0-9", 12);
    add(
        "password-by-name",
        "",
        format!("{{\"spring.datasource.password\":{{\"value\":\"{p}\",\"origin\":\"x\"}}}}"),
        &p,
    );
    let p = word("a-zA-Z0-9", 12);
    add("password-by-name", "", format!("APP_ENV=production\nDB_PASSWORD={p}\nDB_PORT=3306\n"), &p);
    let p = word("a-zA-Z0-9", 12);
    add("password-by-name", "redis.password", p.clone(), &p);
    let p = word("a-zA-Z0-9", 24);
    add("secret-by-name", "appSecret", p.clone(), &p);
    let p = word("0-9a-f", 32);
    add("secret-by-name", "", format!("{{\"appid\":\"10086\",\"secret\":\"{p}\"}}"), &p);
    let p = word("a-zA-Z0-9", 40);
    add("secret-by-name", "", format!("var o={{apiKey:\"{p}\"}}"), &p);
    all
}

/// What looks like a secret and is none.
fn negative(random: &mut Random) -> Vec<Example> {
    let mut all = Vec::new();
    let mut add = |rule, key: &str, text: String| {
        all.push(Example { rule, key: key.into(), text, value: String::new(), public: false });
    };
    let (hash, word) = (random.characters("0-9a-f", 40), random.characters("a-zA-Z0-9", 32));
    let jwt = format!(
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI{}.{}",
        random.characters("a-zA-Z0-9", 24),
        random.characters("a-zA-Z0-9", 43)
    );
    add("jwt", "token", jwt.clone());
    add("jwt", "", format!("{{\"code\":0,\"data\":{{\"accessToken\":\"{jwt}\",\"refresh_token\":\"{word}\"}}}}"));
    add("jwt", "secret", jwt);
    add("session", "token", word.clone());
    add("session", "", format!("{{\"token\":\"{word}\",\"sessionId\":\"{hash}\"}}"));
    add("hash", "", format!("{{\"md5\":\"{hash}\",\"etag\":\"{hash}\",\"commit\":\"{hash}\"}}"));
    add("hash", "", format!("app.{hash}.js integrity=\"sha384-{word}{word}\""));
    let placeholders = [
        "your-api-key-goes-here-1",
        "<api-key>",
        "${API_KEY}",
        "xxxxxxxxxxxxxxxxxxxx",
        "{{ secrets.KEY1 }}",
        "********",
        "changeme123",
        "example-key-0001",
    ];
    for text in placeholders {
        add("placeholder", "apiKey", text.into());
        add("placeholder", "", format!("API_KEY={text}\nDB_PASSWORD={text}\n"));
        add("placeholder", "", format!("redis://app:{text}@db1:6379/0"));
    }
    for rule in TABLE.rules.iter().filter(|rule| rule.kind == Kind::Prefix) {
        let mark = rule.marks.first().copied().unwrap_or("");
        add("too short", "", format!("{{\"conf\":\"{mark}{}\"}}", random.characters("a-z", 4)));
        add("mark alone", "", format!("if(k.startsWith(\"{mark}\"))return k"));
        add("within a word", "", format!("var a{}b=1", value(rule, random)));
        add("mask", "conf", format!("{mark}****************"));
    }
    add("form", "", "{\"password\":\"Please enter your password\",\"pwd\":\"请输入6-20位密码\"}".into());
    add("code", "", "this.password=e.password,n.secret=t(\"secret1\"),r.apiKey=void 0".into());
    add("code", "", "\"-----BEGIN PRIVATE KEY-----\\n\"+btoa(k)+\"\\n-----END PRIVATE KEY-----\"".into());
    add("number", "secretId", random.characters("0-9", 18));
    add("style", "", ".ant-select-selection-overflow-item-suffix-12{margin:0}".into());
    all
}

/// Examples of every rule and of no secrets, the same for the same seed.
pub fn examples(seed: u64) -> Vec<Example> {
    let mut random = Random(seed);
    let mut all: Vec<Example> = TABLE.rules.iter().map(|rule| positive(rule, &mut random)).collect();
    all.extend(structural(&mut random));
    all.extend(negative(&mut random));
    all
}
