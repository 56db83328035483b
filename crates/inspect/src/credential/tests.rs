use super::*;
use crate::walk::LeafKind;
use CredentialKind::*;

const JWT: &str = "eyJhbGciOiJIUzUxMiJ9.eyJsb2dpbl91c2VyX2tleSI6IjEyMyJ9.abcdEFGH1234";

fn scan(target: &str, fields: &[(&str, &str)], query: &[(&str, &str)]) -> Vec<Credential> {
    let (mut tokens, at) = (crate::token::tests::tokens(), Timestamp::default());
    let fields: Vec<_> = fields.iter().map(|(n, v)| Field { name: n.as_bytes(), value: v.as_bytes() }).collect();
    let head = RequestHead { method: b"GET", target: target.as_bytes(), version: (1, 1), fields: &fields };
    let mut scan = CredentialScan::default();
    scan.request(&head, &mut tokens, at);
    for (key_name, value) in query {
        let leaf = Leaf {
            key: key_name,
            parent: "",
            path: key_name,
            value,
            kind: LeafKind::Text,
            record: 0,
            piece: Piece::Whole,
        };
        scan.query(&leaf, &mut tokens, at);
    }
    scan.finish().0
}

#[test]
fn fields_and_cookies_carry_credentials() {
    type Row<'a> = (&'a str, &'a str, Option<(CredentialKind, &'a str)>);
    let table: &[Row<'_>] = &[
        ("Authorization", "Basic YWxpY2U6czNjcmV0", Some((Basic, "***"))),
        ("Authorization", "Basic c2tfbGl2ZV9hMWIyYzNkNGU1ZjY6", Some((ApiKey, "sk_l***"))),
        ("Authorization", "Basic Og==", None),
        ("authorization", &format!("Bearer {JWT}"), Some((Bearer, "eyJh***"))),
        ("Authorization", JWT, Some((Bearer, "eyJh***"))),
        ("Authorization", "Token 9944b09199c62bcf9418", Some((Bearer, "9944***"))),
        ("Authorization", "Digest username=\"a\", nonce=\"b\"", None),
        ("Authorization", "null", None),
        ("X-Token", "ab12cd34", Some((Bearer, "***"))),
        ("X-Api-Key", "sk-4f9d8c7b6a5e", Some((ApiKey, "sk-4***"))),
        ("X-CSRF-Token", "ab12cd34ef56ab78", None),
        ("Cookie", "lang=zh; JSESSIONID=0A1B2C3D4E5F60718293A4B5C6D7E8F9; _ga=GA1.2.3", Some((Session, "0A1B***"))),
        ("Cookie", "Admin-Token=eyJhbGciOiJIUzUxMiJ9.e30.sig", Some((Session, "eyJh***"))),
        ("Cookie", "XSRF-TOKEN=eyJpdiI6IjEyMzQ1Njc4; ai_session=abcdefgh12345678", None),
        ("Cookie", "rememberMe=deleteMe; token=undefined; sid=12345678", None),
        ("Cookie", "myapp_session=Zm9vYmFyYmF6cXV4", Some((Session, "Zm9v***"))),
        ("Cookie", "garbage", None),
        ("Cookie", "token=1700000000", Some((Session, "***"))),
        ("Cookie", "uc_ticket=8f14e45fceea167a5a36dedd4bea2543", Some((CredentialKind::Cookie, "8f14***"))),
        ("Cookie", "Hm_lvt_8f14e45fceea167a=1700000000abcdefgh; _ga=GA1.2.1234567890.abcdef", None),
        ("Cookie", "csrftoken=8f14e45fceea167a5a36dedd4bea2543; lang=zh-CN; page=1111111111111111a", None),
    ];
    for (name, value, expected) in table {
        let found = scan("/", &[(name, value)], &[]);
        let found: Vec<_> = found.iter().map(|c| (c.kind, &*c.sample)).collect();
        assert_eq!(found, expected.iter().copied().collect::<Vec<_>>(), "{name}: {value}");
    }
}

#[test]
fn targets_carry_what_they_should_not() {
    let table: &[(&str, &str, Option<CredentialKind>)] = &[
        ("token", JWT, Some(Bearer)),
        ("access_token", "a1b2c3d4e5f6", Some(Bearer)),
        ("accessToken", "a1b2c3d4e5f6", Some(Bearer)),
        ("sid", "a1b2c3d4e5f6a1b2c3d4", Some(Session)),
        ("apikey", "AIzaSyA1234567890", Some(ApiKey)),
        ("key", "0123456789abcdef0123456789abcdef", Some(ApiKey)),
        ("secret", "s3cr3t-value", Some(ApiKey)),
        ("password", "hunter22", Some(Password)),
        ("pwd", "Admin@123", Some(Password)),
        ("ticket", "TGT-1-a1b2c3d4e5f6a1b2", Some(Bearer)),
        ("ticket", "ST-1856339-aA5Yuvrxzpv8Tau1cYQ7", Some(OneTime)),
        ("code", "4/0AX4XfWh-e3dHx9a8B7c6D5e4F3", Some(OneTime)),
        ("code", "商品20240001商品20240001", None),
        ("code", "internationalisation", None),
        ("key", "short", None),
        ("key", "uploads/2024/report-final.pdf", None),
        ("sid", "20231234567890123", None),
        ("sign", "0123456789abcdef0123456789abcdef", None),
        ("nonce", "0123456789abcdef", None),
        ("csrf_token", "0123456789abcdef", None),
        ("_token", "0123456789abcdef", None),
        ("next_token", "0123456789abcdef", None),
        ("pageToken", "0123456789abcdef", None),
        ("continuation", "0123456789abcdef", None),
        ("token", "", None),
        ("token", "undefined", None),
        ("token", "{token}", None),
        ("token", "xxxxxxxxxxxx", None),
        ("token", "1700000000000", None),
        ("password", "****", None),
        ("password", "true", None),
        ("code", "0123456789abcdef", Some(OneTime)),
        ("code", "110101", None),
    ];
    for (name, value, expected) in table {
        let found = scan("/", &[], &[(name, value)]);
        assert_eq!(
            found.iter().map(|c| c.kind).collect::<Vec<_>>(),
            expected.iter().copied().collect::<Vec<_>>(),
            "{name}={value}"
        );
    }
}

#[test]
fn a_session_in_the_path_has_its_segment() {
    let found = scan("/app/list.do;jsessionid=0A1B2C3D4E5F60718293A4B5C6D7E8F9?x=;token=abcdefgh1234", &[], &[]);
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].kind, &found[0].place), (Session, &Place::Path(1)));
}

#[test]
fn the_same_secret_has_the_same_fingerprint_wherever_it_stands() {
    let fields = [("Authorization", &*format!("bearer {JWT}")), ("Cookie", &*format!("token=\"Bearer%20{JWT}\""))];
    let found = scan("/", &fields, &[("access_token", JWT)]);
    assert_eq!(found.len(), 3);
    assert!(found.iter().all(|c| c.fingerprint == found[0].fingerprint));
    assert_eq!(found[2].place, Place::Query("access_token".into()));
}

#[test]
fn every_field_of_the_table_is_found() {
    for (name, kind) in HEADERS {
        assert_eq!(of_field(name.to_uppercase().as_bytes()), Some(*kind), "{name}");
    }
}

#[test]
fn there_is_a_limit() {
    let unnamed: Vec<String> = (0..40).map(|n| format!("app{n}=0a1b2c3d4e5f6071{n:04}")).collect();
    assert_eq!(scan("/", &[("Cookie", &unnamed.join("; "))], &[]).len(), usize::from(COOKIES));
    let cookies: Vec<String> = (0..40).map(|n| format!("app{n}_session=abcdefgh{n:04}")).collect();
    let found = scan("/", &[("Cookie", &cookies.join("; "))], &[]);
    assert_eq!(found.len(), MOST);
}
