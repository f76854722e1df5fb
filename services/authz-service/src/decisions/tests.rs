use claimgate_authz_api::{Action, EvaluationContext, Properties, Resource, Subject};
use serde_json::json;

use super::*;

const KEY: &str = "a-key-of-the-tests";

fn question(kind: &str, id: &str) -> EvaluationRequest {
    let properties = Properties::from_iter([("email".to_owned(), json!("marker@example.com"))]);
    EvaluationRequest {
        subject: Subject { kind: "identity".into(), id: "alice".into(), properties },
        action: Action { name: "GET".into(), properties: Properties::new() },
        resource: Resource { kind: kind.into(), id: id.into(), properties: Properties::new() },
        context: Properties::new(),
    }
}

fn answer(decision: bool) -> EvaluationResponse {
    let context = EvaluationContext {
        roles: None,
        reason: Some("policy".into()),
        policy: Some("one".into()),
        policy_version: Some("0123456789abcdef".into()),
        headers: Properties::new(),
    };
    EvaluationResponse { decision, context }
}

fn hashed(which: Which) -> Decisions {
    Decisions::new(which, Subjects::hashed(LogKey::parse(KEY).unwrap()))
}

fn note(log: &Decisions, request: &EvaluationRequest, decision: bool, origin: Origin<'_>) {
    log.decided(log.begin(), request, &answer(decision), origin);
}

#[test]
fn only_what_was_asked_for_is_kept() {
    for (which, kept) in [(Which::Off, 0), (Which::Denied, 1), (Which::All, 2)] {
        let log = hashed(which);
        for decision in [true, false] {
            note(&log, &question("route", "/customers"), decision, Origin::default());
        }
        assert_eq!(log.recent().len(), kept, "{which:?}");
    }
    assert!(Decisions::default().begin().is_none());
}

#[test]
fn the_last_thousand_are_kept_and_the_newest_comes_first() {
    let log = hashed(Which::All);
    for number in 0..KEPT + 5 {
        let id = number.to_string();
        let origin = Origin { request_id: Some(&id), is_path: false };
        note(&log, &question("route", "/customers"), true, origin);
    }
    let recent = log.recent();
    assert_eq!(recent.len(), KEPT);
    let last = (KEPT + 4).to_string();
    assert_eq!(recent[0].request_id.as_deref(), Some(last.as_str()));
}

#[test]
fn ids_are_those_of_templates_only() {
    let log = hashed(Which::All);
    let id = |kind: &str, id: &str, is_path| {
        note(&log, &question(kind, id), true, Origin { request_id: None, is_path });
        log.recent()[0].resource_id.clone()
    };
    assert_eq!(id("route", "/customers/{id}", false).as_deref(), Some("/customers/{id}"));
    assert_eq!(id("route", "/customers/7", true), None);
    assert_eq!(id("record", "record-1", false), None);
    assert_eq!(id("route", "/users/marker@example.com", false), None);
}

#[test]
fn texts_that_are_no_names_are_left_out() {
    let long = "x".repeat(MAX_NAME_BYTES + 1);
    for text in ["", "a b", "a\nb", "a@b", "50%", "é", &long] {
        assert_eq!(name(text), None, "{text}");
    }
    assert_eq!(name("PhotoApp::User").as_deref(), Some("PhotoApp::User"));
}

#[test]
fn a_subject_has_one_hash_under_one_key() {
    let [one, other] = ["a-key-of-the-tests", "another-key-of-tests"]
        .map(|key| Subjects::hashed(LogKey::parse(key).unwrap()));
    let SubjectName::Hash(hash) = one.name("user", "alice") else { panic!("an id") };
    assert!(hash.len() == 32 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()), "{hash}");
    assert_eq!(one.name("user", "alice"), SubjectName::Hash(hash.clone()));
    for another in [one.name("usera", "lice"), one.name("user", "bob"), other.name("user", "alice")]
    {
        assert_ne!(another, SubjectName::Hash(hash.clone()));
    }
    let random = || Subjects::hashed(LogKey::random().unwrap()).name("user", "alice");
    assert_ne!(random(), random());
    assert!(LogKey::parse("too-short").is_err());
}

#[test]
fn a_plain_log_has_ids_but_never_an_address() {
    let plain = Subjects::plain(LogKey::parse(KEY).unwrap());
    assert_eq!(plain.name("user", "alice"), SubjectName::Id("alice".into()));
    assert!(matches!(plain.name("user", "marker@example.com"), SubjectName::Hash(_)));
    assert!(matches!(plain.name("user", &"x".repeat(300)), SubjectName::Hash(_)));
}

#[test]
fn nothing_of_a_subject_is_in_what_is_kept() {
    let log = hashed(Which::All);
    note(&log, &question("route", "/customers"), true, Origin::default());
    let text = serde_json::to_string(&log.recent()).unwrap();
    assert!(!text.contains("marker") && !text.contains("alice"), "{text}");
    assert!(text.contains("\"subject\":\""), "{text}");
}
