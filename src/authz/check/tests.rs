use super::*;
use crate::authz::{BreakerLimits, Mapping};
use crate::policy::Endpoint;

const LIMITS: CacheLimits = CacheLimits {
    max_entries: 10,
    max_bytes: 1 << 20,
    default_ttl: Duration::ZERO,
    max_ttl: Duration::from_secs(60),
    deny_default: Duration::ZERO,
    deny_ttl: Duration::from_secs(60),
    stale_while_revalidate: Duration::ZERO,
    max_stale: Duration::ZERO,
};
const NOW: Timestamp = Timestamp::from_secs(1_000);

/// A token that never ends.
fn for_ever() -> Lifetime {
    Lifetime { stamp: Stamp::default(), token_ends: Timestamp::MAX }
}

fn service(cache: CacheLimits) -> Service {
    let endpoint = Endpoint {
        cluster: "authz".into(),
        scheme: "http",
        authority: "authz".into(),
        path: "/".into(),
        timeout: Duration::from_millis(250),
    };
    Service {
        shadow: None,
        name: "authz".into(),
        endpoint,
        credential: None,
        mapping: Mapping::default(),
        question_varies: false,
        response_headers: vec!["x-plan".into(), "x-tier".into()],
        cache,
        breaker: BreakerLimits { failures: 5, window: Duration::MAX, open: Duration::MAX },
    }
}

fn response<'a>(status: u16, cache_control: Option<&'a str>, body: &'a str) -> CalloutResponse<'a> {
    let cache_control = cache_control.map(str::as_bytes);
    CalloutResponse { status, cache_control, body: body.as_bytes() }
}

fn decoded(status: u16, body: &str) -> Result<Decision, CheckError> {
    decode(response(status, None, body), &service(LIMITS), for_ever(), NOW)
}

fn lifetime(cache_control: Option<&str>, limits: CacheLimits, token_ends: Timestamp) -> u64 {
    let response = response(200, cache_control, r#"{"decision":true}"#);
    let bounds = Lifetime { token_ends, ..for_ever() };
    let decision = decode(response, &service(limits), bounds, NOW).unwrap();
    (decision.usable_until().as_millis() - NOW.as_millis()) / 1_000
}

#[test]
fn only_a_200_with_a_boolean_decision_is_a_decision() {
    assert!(decoded(200, r#"{"decision":true}"#).unwrap().allows());
    assert!(!decoded(200, r#"{"decision":false}"#).unwrap().allows());
    let table = [
        (200, "", CheckError::Malformed),
        (200, "{}", CheckError::Malformed),
        (200, "true", CheckError::Malformed),
        (200, r#"{"decision":"true"}"#, CheckError::Malformed),
        (200, r#"{"decision":true} x"#, CheckError::Malformed),
        (200, "<html>", CheckError::Malformed),
        (204, "", CheckError::Malformed),
        (302, r#"{"decision":true}"#, CheckError::Malformed),
        (400, r#"{"decision":true}"#, CheckError::Refused(400)),
        (404, "", CheckError::Refused(404)),
        (500, r#"{"decision":true}"#, CheckError::Failed(500)),
        (503, "", CheckError::Failed(503)),
        (504, "", CheckError::Timeout),
    ];
    for (status, body, error) in table {
        assert_eq!(decoded(status, body), Err(error), "{status} {body}");
    }
}

#[test]
fn an_answer_larger_than_any_is_not_read() {
    let body = format!(r#"{{"decision":true,"x":"{}"}}"#, "x".repeat(MAX_ANSWER));
    assert_eq!(decoded(200, &body), Err(CheckError::Malformed));
}

#[test]
fn roles_are_what_a_header_can_carry_or_the_answer_is_not_believed() {
    let roles = |roles: &str| {
        decoded(200, &format!(r#"{{"decision":true,"context":{{"roles":{roles}}}}}"#))
    };
    let known = roles(r#"["user","customer-manager"]"#).unwrap();
    assert_eq!(known.roles().unwrap().join(","), "user,customer-manager");
    assert_eq!(roles("[]").unwrap().roles(), Some(&[][..]));
    assert_eq!(roles("null").unwrap().roles(), None);
    for bad in [
        r#"["a,admin"]"#,
        r#"["a b"]"#,
        r#"["a\nb"]"#,
        r#"[""]"#,
        r#"[1]"#,
        r#""admin""#,
        r#"["é"]"#,
    ] {
        assert_eq!(roles(bad), Err(CheckError::Malformed), "{bad}");
    }
}

#[test]
fn a_decision_lives_as_long_as_the_answer_the_limits_and_the_token_allow() {
    let with_default = CacheLimits { default_ttl: Duration::from_secs(7), ..LIMITS };
    assert_eq!(lifetime(None, LIMITS, Timestamp::MAX), 0);
    assert_eq!(lifetime(None, with_default, Timestamp::MAX), 7);
    assert_eq!(lifetime(Some("max-age=5"), LIMITS, Timestamp::MAX), 5);
    assert_eq!(lifetime(Some("max-age=5000"), LIMITS, Timestamp::MAX), 60);
    assert_eq!(lifetime(Some("max-age=5, no-store"), with_default, Timestamp::MAX), 0);
    assert_eq!(lifetime(Some("max-age=50"), LIMITS, Timestamp::from_secs(1_003)), 3);
}

#[test]
fn headers_are_those_that_were_asked_for_and_fit_or_the_answer_is_not_believed() {
    let headers = |headers: &str| {
        let body = format!(r#"{{"decision":true,"context":{{"headers":{headers}}}}}"#);
        decoded(200, &body).map(|decision| {
            let pairs = decision.headers().iter();
            pairs.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
        })
    };
    for (said, taken) in [
        ("{}", ""),
        (r#"{"x-plan":"gold"}"#, "x-plan=gold"),
        (r#"{"X-Plan":"gold","x-other":7,"x-user-roles":"admin"}"#, "x-plan=gold"),
        (r#"{"x-tier":"1","x-plan":"a, b"}"#, "x-plan=a, b x-tier=1"),
        (r#"{"x-plan":null,"x-tier":""}"#, "x-tier="),
    ] {
        assert_eq!(headers(said).as_deref(), Ok(taken), "{said}");
    }
    let long = format!(r#"{{"x-plan":"{}"}}"#, "x".repeat(5_000));
    for bad in [
        r#"{"x-plan":7}"#,
        r#"{"x-plan":["gold"]}"#,
        r#"{"x-plan":"a\r\nx-user-roles: admin"}"#,
        r#"{"x-plan":" gold"}"#,
        r#"{"x-plan":"gold\u0000"}"#,
        r#"{"x-plan":"gold","X-Plan":"silver"}"#,
        r#"["x-plan"]"#,
        r#""x-plan""#,
        &long,
    ] {
        assert_eq!(headers(bad), Err(CheckError::Malformed), "{bad}");
    }
}

/// Seconds until a decision is not fresh, may not serve while another is asked for, and may not
/// stand in for one that cannot be had.
fn ends(allows: bool, cache_control: &str, limits: CacheLimits, token_ends: u64) -> [u64; 3] {
    let body = format!(r#"{{"decision":{allows}}}"#);
    let response = response(200, Some(cache_control), &body);
    let bounds = Lifetime { token_ends: Timestamp::from_secs(1_000 + token_ends), ..for_ever() };
    let decision = decode(response, &service(limits), bounds, NOW).unwrap();
    let last = |holds: &dyn Fn(Timestamp) -> bool| {
        (0..2_000).find(|secs| !holds(NOW.after(Duration::from_secs(*secs)))).unwrap()
    };
    [
        last(&|now| decision.is_fresh(now)),
        last(&|now| decision.may_serve(now)),
        last(&|now| decision.may_stand_in(now)),
    ]
}

#[test]
fn an_old_answer_is_good_for_as_long_as_it_says_within_what_the_policy_allows() {
    let secs = Duration::from_secs;
    let limits = CacheLimits { stale_while_revalidate: secs(10), max_stale: secs(100), ..LIMITS };
    for (says, expected) in [
        ("max-age=5", [5, 15, 105]),
        ("max-age=5, stale-while-revalidate=2, stale-if-error=50", [5, 7, 55]),
        ("max-age=5, stale-while-revalidate=60, stale-if-error=500", [5, 15, 105]),
        ("max-age=5, stale-if-error=0", [5, 15, 5]),
        ("max-age=5, must-revalidate", [5, 5, 5]),
        ("max-age=0, stale-while-revalidate=2", [0, 0, 0]),
        ("stale-if-error=50", [0, 0, 0]),
        ("max-age=5, no-store, stale-if-error=50", [0, 0, 0]),
    ] {
        assert_eq!(ends(true, says, limits, 900), expected, "{says}");
    }
    assert_eq!(ends(true, "max-age=5", limits, 8), [5, 8, 8], "with the token");
    assert_eq!(ends(true, "max-age=5, stale-if-error=50", LIMITS, 900), [5, 5, 5], "not allowed");
}

#[test]
fn a_denial_may_have_a_lifetime_of_its_own() {
    let secs = Duration::from_secs;
    let limits =
        CacheLimits { default_ttl: secs(7), deny_default: secs(2), deny_ttl: secs(2), ..LIMITS };
    for (allows, says, expected) in [
        (true, "", 7),
        (true, "max-age=30", 30),
        (false, "", 2),
        (false, "max-age=30", 2),
        (false, "max-age=1", 1),
        (false, "no-store", 0),
    ] {
        assert_eq!(ends(allows, says, limits, 900)[0], expected, "{allows} {says}");
    }
}

#[test]
fn only_envoys_own_word_is_a_connection_that_failed() {
    let text = "upstream connect error or disconnect/reset before headers. reset reason: ";
    for (status, body, expected) in [
        (503, format!("{text}remote connection failure"), true),
        (503, format!("{text}connection termination"), true),
        (503, format!("{text}remote connection failure, transport failure reason: TLS"), true),
        (503, format!("{text}overflow"), false),
        (502, format!("{text}connection termination"), false),
        (200, format!("{text}connection termination"), false),
        (504, "upstream request timeout".to_owned(), false),
        (503, "our database: connection failure".to_owned(), false),
        (503, String::new(), false),
    ] {
        assert_eq!(response(status, None, &body).is_no_connection(), expected, "{status} {body}");
    }
}
