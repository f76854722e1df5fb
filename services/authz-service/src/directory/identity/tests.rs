use super::*;
use serde_json::json;

fn identity(properties: Value) -> Identity {
    Identity::of_subject(&Subject {
        kind: "identity".into(),
        id: "sub".into(),
        properties: properties.as_object().unwrap().clone(),
    })
}

#[test]
fn an_email_counts_only_when_email_verified_is_exactly_true() {
    let verified = Identity::VerifiedEmail(Email::parse("admin.user@example.com").unwrap());
    let email = "Admin.User@example.com";
    assert_eq!(identity(json!({"email": email, "email_verified": true})), verified);
    for claim in [json!(false), json!("true"), json!(1), json!(null), json!([true]), json!({})] {
        let found = identity(json!({"email": email, "email_verified": claim}));
        assert_eq!(found, Identity::UnverifiedEmail, "{claim}");
    }
    assert_eq!(identity(json!({"email": email})), Identity::UnverifiedEmail);
}

#[test]
fn an_email_that_is_none_never_falls_back_to_the_subject_s_id() {
    for email in [json!(""), json!(5), json!(["a@example.com"]), json!("a\n@example.com")] {
        let found = identity(json!({"email": email, "email_verified": true}));
        assert_eq!(found, Identity::UnverifiedEmail, "{email}");
    }
}

#[test]
fn without_an_email_the_subject_is_found_by_type_and_id() {
    let by_id = Identity::Subject { kind: "identity".into(), id: "sub".into() };
    assert_eq!(identity(json!({})), by_id);
    assert_eq!(identity(json!({"email": null, "email_verified": true})), by_id);
}

#[test]
fn anonymous_is_a_type_and_an_id() {
    let subject = |kind: &str, id: &str| {
        let properties = json!({"email": "admin.user@example.com", "email_verified": true});
        let properties = properties.as_object().unwrap().clone();
        Identity::of_subject(&Subject { kind: kind.into(), id: id.into(), properties })
    };
    assert_eq!(subject("anonymous", "anonymous"), Identity::Anonymous);
    assert_ne!(subject("anonymous", "x"), Identity::Anonymous);
    assert_ne!(subject("identity", "anonymous"), Identity::Anonymous);
}
