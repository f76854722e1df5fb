use super::*;

#[test]
fn problem_bodies_are_json_that_agrees_with_the_status() {
    let all = [
        Rejection::NotCanonical(NotCanonical::Segment),
        Rejection::Method { allow: vec!["GET".into(), "HEAD".into()] },
        Rejection::credentials(AuthnError::Missing),
        Rejection::credentials(AuthnError::Several),
        Rejection::credentials(AuthnError::Expired),
        Rejection::Scope("a b".into()),
        Rejection::CrossSite,
        Rejection::Forbidden { rule: None },
        Rejection::NoKeys,
        Rejection::Undecided { rule: "r".into(), error: CheckError::Timeout },
        Rejection::Overloaded,
        Rejection::Unsigned,
        Rejection::Internal,
    ];
    for rejection in all {
        let reply = rejection.reply(&Challenge::default());
        let body: serde_json::Value = serde_json::from_str(&reply.body).unwrap();
        assert_eq!(body["status"], reply.status, "{rejection:?}");
        assert_eq!(reply.details.split('.').next(), Some("claimgate"));
    }
}

#[test]
fn a_missing_token_is_challenged_without_an_error_code() {
    let reply = Rejection::credentials(AuthnError::Missing).reply(&Challenge::default());
    assert_eq!(reply.status, 401);
    assert!(reply.headers.contains(&("www-authenticate", "Bearer".into())));
}

#[test]
fn challenges_say_what_is_wanted_and_where_to_get_it() {
    let challenge =
        Challenge { resource_metadata: Some("https://api.test/m"), ..Challenge::default() };
    let said = |rejection: Rejection| {
        let reply = rejection.wanting(Some(&"a b".into())).reply(&challenge);
        let said = reply.headers.into_iter().find(|(name, _)| *name == "www-authenticate");
        (reply.status, said.unwrap().1)
    };
    let metadata = "resource_metadata=\"https://api.test/m\"";
    let (status, bare) = said(Rejection::credentials(AuthnError::Missing));
    assert_eq!((status, bare), (401, format!("Bearer scope=\"a b\", {metadata}")));
    let (status, invalid) = said(Rejection::credentials(AuthnError::Expired));
    assert_eq!(status, 401);
    assert!(invalid.starts_with("Bearer error=\"invalid_token\", error_description=\""));
    assert!(invalid.ends_with(&format!("\", scope=\"a b\", {metadata}")), "{invalid}");
    let (status, short) = said(Rejection::Scope("c".into()));
    assert_eq!(status, 403);
    assert!(short.starts_with("Bearer error=\"insufficient_scope\""), "{short}");
    assert!(short.ends_with(&format!("scope=\"c\", {metadata}")), "{short}");
}

#[test]
fn a_bad_token_gets_one_text_whatever_was_wrong() {
    let expired = Rejection::credentials(AuthnError::Expired).reply(&Challenge::default());
    let forged = Rejection::credentials(AuthnError::Signature).reply(&Challenge::default());
    assert_eq!((&expired.headers, &expired.body), (&forged.headers, &forged.body));
    assert_ne!(expired.details, forged.details);
}

#[test]
fn what_could_not_be_decided_may_be_asked_again() {
    for rejection in [Rejection::NoKeys, Rejection::Overloaded] {
        assert!(
            rejection.reply(&Challenge::default()).headers.contains(&("retry-after", "1".into()))
        );
    }
}
