//! What a user agent says of itself: declared crawlers, monitoring probes, HTTP libraries, driven browsers and browsers.
//!
//! It is a claim, not a proof: a client may write what it likes. Tables: `data/crawlers.tsv`, `data/crawlers_own.tsv`.

use std::cmp::Reverse;
use std::sync::Arc;

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use regex_automata::meta::Regex;
use regex_automata::{Input, MatchKind, PatternSet};
use spyhop_model::{Agent, AgentFamily};

const IMPORTED: &str = include_str!("../data/crawlers.tsv");
const OWN: &str = include_str!("../data/crawlers_own.tsv");

/// Longer user agents are judged by this many bytes of their beginning; real ones stay below 600.
const LONGEST: usize = 2048;

/// Letters-only words of at most this length must not begin within another word: `linko` is a client, `blinkoo` is not.
const SHORT_WORD: usize = 7;

/// Rows of the imported list that meet people's phones: a build of Android 15 which most makers shipped, and the
/// browser inside Meta's apps.
const MEET_PEOPLE: &[&str] = &["AP3A.240617.008", "MetaIAB Facebook"];

/// Parts of a user agent by which a browser engine is told.
const ENGINES: &[&str] = &["AppleWebKit/", "Gecko/", "Trident/", "MSIE ", "Presto/", "KHTML/", "Goanna/"];

/// The tables, ready to be searched. Built once; clones are cheap and share them (each worker should own a clone, since
/// clones do not compete for the scratch memory of the regular expressions).
#[derive(Clone)]
pub struct Agents {
    /// The tables are ours and compiled in: that all can be built is a test, not a case.
    literals: Option<AhoCorasick>,
    rows: Arc<[Row]>,
    /// Patterns that begin with `^`, which are over after a few bytes, and those that do not.
    anchored: Patterns,
    floating: Patterns,
}

#[derive(Clone)]
struct Patterns {
    regex: Option<Regex>,
    rows: Arc<[Row]>,
}

#[derive(Clone, Copy)]
struct Row {
    family: AgentFamily,
    name: &'static str,
    /// The pattern: of two that match, the longer one knows better.
    pattern: &'static str,
}

impl Default for Agents {
    fn default() -> Agents {
        Agents::new()
    }
}

impl Agents {
    /// Reads the tables; takes some milliseconds.
    pub fn new() -> Agents {
        let (mut literals, mut anchored, mut floating) = (Vec::new(), Vec::new(), Vec::new());
        for line in IMPORTED.lines().chain(OWN.lines()).filter(|line| !line.starts_with('#')) {
            let mut columns = line.split('\t');
            let (Some(class), Some(kind), Some(pattern), Some(name)) =
                (columns.next(), columns.next(), columns.next(), columns.next())
            else {
                continue;
            };
            if MEET_PEOPLE.contains(&pattern) {
                continue;
            }
            let row = Row { family: family(class), name, pattern };
            match (kind, pattern.starts_with('^')) {
                ("literal", _) => literals.push(row),
                (_, true) => anchored.push(row),
                (_, false) => floating.push(row),
            }
        }
        // The automaton of this kind is built in two milliseconds and fits the second-level cache; a DFA is faster but
        // needs fifty and eight megabytes.
        let texts = literals.iter().map(|row| row.pattern);
        let searched = AhoCorasick::builder().kind(Some(AhoCorasickKind::ContiguousNFA)).build(texts);
        Agents {
            literals: searched.ok(),
            rows: literals.into(),
            anchored: Patterns::new(anchored),
            floating: Patterns::new(floating),
        }
    }

    /// Reads a user agent; `None` where the field is absent.
    pub fn classify(&self, user_agent: Option<&str>) -> Agent {
        let text = user_agent.unwrap_or_default().trim();
        if text.is_empty() {
            return Agent::default();
        }
        let text = text.get(..text.floor_char_boundary(LONGEST)).unwrap_or(text);
        if let Some(row) = self.best(text) {
            return Agent { family: row.family, name: Some(row.name) };
        }
        let family = if names_itself_a_bot(text) {
            AgentFamily::Bot
        } else if is_browser(text) {
            AgentFamily::Browser
        } else {
            AgentFamily::Other
        };
        Agent { family, name: None }
    }

    /// The row that says most: first by family, then by the length of what matched.
    fn best(&self, text: &str) -> Option<Row> {
        let hits = self.literals.iter().flat_map(|searched| searched.find_overlapping_iter(text));
        let literals = hits.filter_map(|hit| {
            let row = self.rows.get(hit.pattern().as_usize())?;
            begins_well(text, hit.start(), row.pattern).then_some(*row)
        });
        let patterns = [&self.anchored, &self.floating].into_iter().filter_map(|patterns| patterns.best(text));
        literals.chain(patterns).min_by_key(Row::rank)
    }
}

impl Patterns {
    fn new(rows: Vec<Row>) -> Patterns {
        let texts: Vec<&str> = rows.iter().map(|row| row.pattern).collect();
        // Which patterns match, not where: every match of every pattern is wanted.
        let all = Regex::config().match_kind(MatchKind::All);
        Patterns { regex: Regex::builder().configure(all).build_many(&texts).ok(), rows: rows.into() }
    }

    fn best(&self, text: &str) -> Option<Row> {
        // Hardly ever one matches, and to tell that none does is much cheaper than to tell which.
        let regex = self.regex.as_ref().filter(|regex| regex.is_match(text))?;
        let mut set = PatternSet::new(regex.pattern_len());
        regex.which_overlapping_matches(&Input::new(text), &mut set);
        set.iter().filter_map(|id| self.rows.get(id.as_usize()).copied()).min_by_key(Row::rank)
    }
}

impl std::fmt::Debug for Agents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let patterns = self.anchored.rows.len() + self.floating.rows.len();
        f.debug_struct("Agents").field("literals", &self.rows.len()).field("patterns", &patterns).finish()
    }
}

impl Row {
    fn rank(&self) -> (u8, Reverse<usize>, &'static str) {
        // A probe or a crawler may run a driven browser or a library: what it is for comes before what it is made of.
        let family = match self.family {
            AgentFamily::Monitor => 0,
            AgentFamily::Bot => 1,
            AgentFamily::Headless => 2,
            _ => 3,
        };
        (family, Reverse(self.pattern.len()), self.pattern)
    }
}

fn family(class: &str) -> AgentFamily {
    match class {
        "monitoring" => AgentFamily::Monitor,
        "http-library" => AgentFamily::Library,
        "browser-automation" => AgentFamily::Headless,
        _ => AgentFamily::Bot,
    }
}

fn begins_well(text: &str, start: usize, pattern: &str) -> bool {
    let short_word = pattern.len() <= SHORT_WORD && pattern.starts_with(|c: char| c.is_ascii_alphanumeric());
    let before = text.get(..start).and_then(|head| head.chars().next_back());
    !(short_word && before.is_some_and(|c| c.is_ascii_alphanumeric()))
}

/// A client that no table knows but whose name says it: `FooBot/1.0`, `my-crawler`, `(+https://…)`.
fn names_itself_a_bot(text: &str) -> bool {
    if text.contains("+http://") || text.contains("+https://") {
        return true;
    }
    text.split(|c: char| !c.is_ascii_alphabetic()).any(|word| match word.bytes().last() {
        // Cubot makes phones.
        Some(b't' | b'T') => ends_with(word, "bot") && !ends_with(word, "cubot"),
        Some(b'r' | b'R') => ["crawler", "spider", "scraper"].iter().any(|end| ends_with(word, end)),
        _ => false,
    })
}

fn ends_with(word: &str, end: &str) -> bool {
    let at = word.len().checked_sub(end.len());
    at.and_then(|at| word.get(at..)).is_some_and(|tail| tail.eq_ignore_ascii_case(end))
}

fn is_browser(text: &str) -> bool {
    (text.starts_with("Mozilla/") || text.starts_with("Opera/")) && ENGINES.iter().any(|engine| text.contains(engine))
}

#[cfg(test)]
mod tests {
    use super::*;
    use AgentFamily::{Bot, Browser, Headless, Library, Monitor, None as Absent, Other};

    const CHROME: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36";

    #[test]
    fn agents_are_told_by_what_they_say() {
        let android = "Mozilla/5.0 (Linux; Android 15; PJD110 Build/AP3A.240617.008; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/130.0.6723.103 Mobile Safari/537.36";
        let iphone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)";
        let table: &[(&str, AgentFamily, Option<&str>)] = &[
            ("", Absent, None),
            ("  ", Absent, None),
            (CHROME, Browser, None),
            ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:133.0) Gecko/20100101 Firefox/133.0", Browser, None),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15",
                Browser,
                None,
            ),
            ("Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko", Browser, None),
            (
                "Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1; Trident/4.0; SLCC2; .NET CLR 2.0.50727)",
                Browser,
                None,
            ),
            ("Opera/9.80 (Windows NT 6.1) Presto/2.12.388 Version/12.16", Browser, None),
            (android, Browser, None),
            (
                &format!(
                    "{android} XWEB/1300199 MMWEBSDK/20241103 MicroMessenger/8.0.55.2780(0x28003737) WeChat/arm64 NetType/WIFI Language/zh_CN"
                ),
                Browser,
                None,
            ),
            (
                &format!("{iphone} Mobile/15E148 MicroMessenger/8.0.54(0x18003637) NetType/4G Language/zh_CN"),
                Browser,
                None,
            ),
            (
                &format!(
                    "{iphone} Mobile/22B83 AliApp(DingTalk/7.6.30) com.laiwang.DingTalk/42011200 Channel/201200 language/zh-Hans-CN UT4Aplus/0.0.6 WK"
                ),
                Browser,
                None,
            ),
            (
                &format!(
                    "{iphone} Mobile/22B83 Ariver/1.1.0 AliApp(AP/10.6.80) Nebula WK RVKType(0) AlipayDefined(nt:WIFI) AlipayClient/10.6.80 Language/zh-Hans"
                ),
                Browser,
                None,
            ),
            (&format!("{android} baiduboxapp/13.70.0.10 (Baidu; P1 15)"), Browser, None),
            (&format!("{android} UCBrowser/16.9.1.1332 U4/1.0"), Browser, None),
            (&format!("{android} XiaoMi/MiuiBrowser/18.9.60828"), Browser, None),
            (
                &format!(
                    "{android} aweme_310900 JsSdk/1.0 NetType/WIFI AppName/aweme app_version/31.9.0 ByteLocale/zh-CN"
                ),
                Browser,
                None,
            ),
            (&format!("{CHROME} SE 2.X MetaSr 1.0"), Browser, None),
            (
                &format!(
                    "{CHROME} QBCore/4.0.1326.400 QQBrowser/9.0.2524.400 wxwork/4.1.31 (MicroMessenger/6.2) WindowsWechat"
                ),
                Browser,
                None,
            ),
            (
                "Mozilla/5.0 (Linux; Android 9; CUBOT_X19) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/90.0 Mobile Safari/537.36",
                Browser,
                None,
            ),
            (
                "Mozilla/5.0 (Linux; U; Android 4.4; cubot p9 Build/KOT49H) AppleWebKit/534.30 (KHTML, like Gecko) Version/4.0 Mobile Safari/534.30",
                Browser,
                None,
            ),
            (
                "Mozilla/5.0 (Linux; Android 8; Blinko DS92) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/90.0 Mobile Safari/537.36",
                Browser,
                None,
            ),
            ("Dalvik/2.1.0 (Linux; U; Android 12; M2102J2SC Build/SKQ1.211006.001)", Other, None),
            ("WeChat/8.0.54.34 CFNetwork/1568.200.51 Darwin/24.1.0", Other, None),
            ("javascript-app 1.0", Other, None),
            ("Mozilla/5.0", Other, None),
            ("okhttp/4.12.0", Library, Some("okhttp")),
            ("com.acme.mall/5.2.1 (Android 14; zh_CN) okhttp/3.14.9", Library, Some("okhttp")),
            ("curl/8.5.0", Library, Some("curl")),
            ("Wget/1.21.4", Library, Some("wget")),
            ("python-requests/2.32.3", Library, Some("python-requests")),
            ("Python-urllib/3.11", Library, Some("Python-urllib")),
            ("Java/17.0.9", Library, Some("Java URLConnection")),
            ("Java-http-client/21", Library, Some("Java HttpClient")),
            ("Apache-HttpClient/4.5.14 (Java/1.8.0_392)", Library, Some("Apache-HttpClient")),
            ("Go-http-client/1.1", Library, Some("Go-http-client")),
            ("axios/1.7.7", Library, Some("axios")),
            ("node", Library, Some("Node.js fetch")),
            ("Scrapy/2.11.2 (+https://scrapy.org)", Library, Some("Scrapy")),
            ("PostmanRuntime/7.42.0", Library, Some("Postman")),
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/131.0.0.0 Safari/537.36",
                Headless,
                Some("HeadlessChrome"),
            ),
            (
                "Mozilla/5.0 (Unknown; Linux x86_64) AppleWebKit/538.1 (KHTML, like Gecko) PhantomJS/2.1.1 Safari/538.1",
                Headless,
                Some("PhantomJS"),
            ),
            ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", Bot, Some("Googlebot")),
            (
                "Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)",
                Bot,
                Some("Baiduspider"),
            ),
            (
                "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
                Bot,
                Some("GPTBot"),
            ),
            (
                "Mozilla/5.0 (Linux; Android 5.0) AppleWebKit/537.36 (KHTML, like Gecko) Mobile Safari/537.36 (compatible; Bytespider; spider-feedback@bytedance.com)",
                Bot,
                Some("Bytespider"),
            ),
            ("Sogou web spider/4.0(+http://www.sogou.com/docs/help/webmasters.htm#07)", Bot, Some("Sogou")),
            ("sqlmap/1.8#stable (https://sqlmap.org)", Bot, Some("sqlmap")),
            ("AcmePriceBot/0.1", Bot, None),
            ("intranet-crawler 3", Bot, None),
            ("acme/1 (+https://acme.example/about)", Bot, None),
            ("kube-probe/1.29", Monitor, Some("Kubernetes probe")),
            ("Prometheus/2.53.0", Monitor, Some("Prometheus")),
            ("ELB-HealthChecker/2.0", Monitor, Some("AWS load balancer")),
        ];
        let agents = Agents::new();
        for (text, family, name) in table {
            let agent = agents.classify(Some(text));
            assert_eq!((agent.family, agent.name), (*family, *name), "{text}");
        }
        assert_eq!(agents.classify(None), Agent::default());
    }

    #[test]
    fn the_tables_are_read_as_a_whole() {
        let agents = Agents::new();
        assert!(
            agents.rows.len() > 1500 && agents.anchored.rows.len() > 30 && agents.floating.rows.len() > 5,
            "{agents:?}"
        );
        assert_eq!(agents.literals.as_ref().map(AhoCorasick::patterns_len), Some(agents.rows.len()));
        for patterns in [&agents.anchored, &agents.floating] {
            assert_eq!(patterns.regex.as_ref().map(Regex::pattern_len), Some(patterns.rows.len()));
        }
        let known = |kind: &str| matches!(kind, "literal" | "regex");
        let rows = IMPORTED.lines().chain(OWN.lines()).filter(|line| !line.starts_with('#'));
        assert!(rows.clone().all(|row| row.split('\t').count() == 4 && row.split('\t').nth(1).is_some_and(known)));
    }

    #[test]
    fn only_the_beginning_of_a_long_one_counts() {
        let long = format!("{CHROME}{}HeadlessChrome", "é".repeat(LONGEST));
        assert_eq!(Agents::new().classify(Some(&long)).family, Browser);
    }
}
