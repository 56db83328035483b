//! What the suggested actions are in words.

use spyhop_model::{Lang, Respond, Text};

/// The closed vocabulary of actions; `{}` is the target.
const ACTIONS: &[(&str, Text)] = &[
    ("block_address", Text { en: "Block address {} at the firewall or gateway.", zh: "在防火墙或网关上封禁地址 {}。" }),
    ("limit_rate", Text { en: "Limit the rate of requests of {}.", zh: "对 {} 的请求限速。" }),
    (
        "lock_account",
        Text {
            en: "Lock account {} until its owner has confirmed the activity.",
            zh: "锁定账号 {}，待本人确认相关操作后再解锁。",
        },
    ),
    (
        "reset_password",
        Text {
            en: "Have the password of {} changed and its sessions ended.",
            zh: "要求 {} 修改密码，并注销其现有会话。",
        },
    ),
    (
        "revoke_token",
        Text {
            en: "Revoke the tokens and sessions of {} and issue new ones.", zh: "吊销 {} 的令牌和会话并重新签发。"
        },
    ),
    ("fix_endpoint", Text { en: "Have the owner of {} mend the interface.", zh: "通知接口 {} 的责任人整改。" }),
    (
        "review",
        Text {
            en: "Review the activity of {} with whoever is responsible.", zh: "会同责任人核查 {} 的相关行为。"
        },
    ),
    (
        "check_mirror",
        Text {
            en: "Check the mirror port and the sensor's load: traffic of {} is not seen in full.",
            zh: "检查镜像端口和探针负载：{} 的流量未能完整采集。",
        },
    ),
];

/// A suggested action as a sentence; `None` for an action that is not in the vocabulary.
pub fn respond_text(respond: &Respond, lang: Lang) -> Option<String> {
    let (_, text) = ACTIONS.iter().find(|(action, _)| *action == &*respond.action)?;
    Some(text.lang(lang).replacen("{}", &respond.target.to_string(), 1))
}

#[cfg(test)]
mod tests {
    use spyhop_model::Entity;

    use super::*;

    #[test]
    fn an_action_is_a_sentence_about_its_target_in_both_languages() {
        for (action, _) in ACTIONS {
            let respond = Respond { action: (*action).into(), target: Entity::Account("{}al".into()) };
            for lang in [Lang::En, Lang::Zh] {
                let text = respond_text(&respond, lang).expect("in the vocabulary");
                assert_eq!(text.matches("{}al").count(), 1, "{text}");
                assert_eq!(text.matches("{}").count(), 1, "{text}");
            }
        }
        assert_eq!(respond_text(&Respond { action: "dance".into(), target: Entity::Sensor }, Lang::En), None);
    }
}
