//! What a kind of finding is: `spyhop explain`, `spyhop kinds`.

use std::fmt::Write as _;

use serde_json::Value;
use spyhop_model::{Lang, Rule, Setting};

use super::{Style, width_of, wrap};

/// What a rule means, what to do, what can be set; `defaults` is the object of its defaults.
pub fn explain(rule: &Rule, settings: &[Setting], defaults: &Value, style: &Style) -> String {
    let style = *style;
    let mut out = String::new();
    let _ = writeln!(out, "{} {}  {}", style.badge(rule.severity), rule.kind, style.bold(rule.title.lang(style.lang)));
    out.push('\n');
    style.paragraph(&mut out, 2, rule.about.lang(style.lang));
    out.push('\n');
    style.row(&mut out, style.say("do", "处置"), rule.advice.lang(style.lang));
    style.row(&mut out, style.say("class", "类别"), style.class(rule.class));
    if !rule.clause.is_empty() {
        let book = match style.lang {
            Lang::En => format!("{} (API data-security blue book, 2020)", rule.clause),
            Lang::Zh => format!("{}（API 数据安全蓝皮书 2020）", rule.clause),
        };
        style.row(&mut out, style.say("clause", "条款"), &book);
    }
    if settings.is_empty() {
        return out;
    }
    let said = match style.lang {
        Lang::En => format!("Settings, in [{}] of sensor.toml, with their defaults:", rule.kind),
        Lang::Zh => format!("可在 sensor.toml 的 [{}] 中设置（所示为默认值）：", rule.kind),
    };
    let _ = writeln!(out, "\n  {said}");
    for setting in settings {
        let default = match defaults.get(setting.name) {
            None | Some(Value::Null) => style.say("not set", "未设置").to_owned(),
            Some(value) => value.to_string(),
        };
        let _ = writeln!(out, "    {} = {default}", style.bold(setting.name));
        style.paragraph(&mut out, 8, setting.about.trim());
    }
    out
}

/// All kinds in a table: severity, kind, class, title.
pub fn kinds<'a>(rules: impl Iterator<Item = &'a Rule>, style: &Style) -> String {
    let style = *style;
    let rules: Vec<&Rule> = rules.collect();
    let kind_width = rules.iter().map(|rule| width_of(rule.kind)).max().unwrap_or(0);
    let class_width = rules.iter().map(|rule| width_of(style.class(rule.class))).max().unwrap_or(0);
    let indent = 6 + 2 + kind_width + 2 + class_width + 2;
    let mut out = String::new();
    for rule in rules {
        let class = style.class(rule.class);
        let pad = |text: &str, wide: usize| " ".repeat(wide.saturating_sub(width_of(text)));
        let title = wrap(rule.title.lang(style.lang), style.columns().saturating_sub(indent).max(24));
        let _ = writeln!(
            out,
            "{}  {}{}  {class}{}  {}",
            style.badge(rule.severity),
            style.bold(rule.kind),
            pad(rule.kind, kind_width),
            pad(class, class_width),
            title.join(&format!("\n{}", " ".repeat(indent)))
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pretty::Zone;
    use crate::pretty::finding::tests::RULE;
    use serde_json::json;

    fn explained(lang: Lang) -> String {
        let settings = [
            Setting { name: "per_address", about: " Attempts a minute from one address." },
            Setting { name: "file", about: " A file." },
        ];
        let defaults = json!({"per_address": 10, "file": null});
        explain(&RULE, &settings, &defaults, &Style { lang, width: 80, color: false, zone: Zone::utc() })
    }

    #[test]
    fn a_kind_is_explained_in_english() {
        assert_eq!(
            explained(Lang::En),
            "\
MEDIUM auth.high_frequency_login  login attempts at high frequency

  More login attempts a minute than people make. A gateway behind which many
  people work looks alike.

  do     Limit attempts on the login endpoint and ask for a captcha after
         failures.
  class  incident
  clause 高频登录尝试 (API data-security blue book, 2020)

  Settings, in [auth.high_frequency_login] of sensor.toml, with their defaults:
    per_address = 10
        Attempts a minute from one address.
    file = not set
        A file.
"
        );
    }

    #[test]
    fn a_kind_is_explained_in_chinese() {
        assert_eq!(
            explained(Lang::Zh),
            "\
中     auth.high_frequency_login  高频登录尝试

  每分钟的登录尝试超出人工操作的频率。众人共用的网关可能类似。

  处置   对登录接口限速，失败后启用验证码。
  类别   事件
  条款   高频登录尝试（API 数据安全蓝皮书 2020）

  可在 sensor.toml 的 [auth.high_frequency_login] 中设置（所示为默认值）：
    per_address = 10
        Attempts a minute from one address.
    file = 未设置
        A file.
"
        );
    }

    #[test]
    fn kinds_stand_in_a_table() {
        assert_eq!(
            kinds(
                [&RULE, Rule::UNKNOWN].into_iter(),
                &Style { lang: Lang::Zh, width: 80, color: false, zone: Zone::utc() }
            ),
            "\
中      auth.high_frequency_login  事件  高频登录尝试
提示    unknown                    事件  未知
"
        );
    }
}
