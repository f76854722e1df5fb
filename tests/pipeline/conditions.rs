//! What rules can be conditions on, and that what cannot be told never lets anybody through.

use std::net::IpAddr;

use claimgate::pipeline::Step;
use claimgate::reply::Rejection;
use serde_json::{Value, json};

use crate::support::*;

/// Where a request comes from, and what it is.
struct Request<'r> {
    claims: Option<Value>,
    method: &'r str,
    headers: &'r [(&'r str, &'r str)],
    address: Option<&'r str>,
    answer: Option<&'r str>,
}

const REQUEST: Request<'_> =
    Request { claims: None, method: "GET", headers: &[], address: None, answer: None };

fn configured(rules: &Value) -> Value {
    let mut config = config(json!([route("optional", rules.clone(), json!({}))]));
    config["trusted_client_address"] = true.into();
    config["identity_headers"] = json!({});
    config["rule_sets"] = json!({"staff": [
        {"name": "fired", "deny": {"claims": {"status": "fired"}}},
        {"name": "staff", "allow": {"claims": {"staff": "true"}}},
    ]});
    config
}

impl World {
    fn decide(&mut self, request: &Request<'_>) -> Step {
        let token = request.claims.clone().map(|changes| ONE.token(&claims(changes)));
        let bearer = token.map(|token| format!("Bearer {token}"));
        let mut head = vec![(":method", request.method), (":path", "/r"), (":authority", "shop")];
        head.extend(request.headers);
        head.extend(bearer.as_deref().map(|value| ("authorization", value)));
        let (stream, mut step) = self.send(&head);
        if matches!(step, Step::AskAddress) {
            let address = request.address.map(|text| text.parse::<IpAddr>().unwrap());
            step = self.address(stream, address);
        }
        if matches!(step, Step::Ask(..)) {
            step = match request.answer {
                Some(answer) => self.answer(stream, 200, None, answer),
                None => self.no_answer(stream),
            };
        }
        step
    }
}

/// Whether an allow rule and a deny rule with this condition fire.
fn fires(condition: &Value, request: &Request<'_>) -> (bool, bool) {
    let allow = json!([{"name": "allowed", "allow": condition}]);
    let deny =
        json!([{"name": "denied", "deny": condition}, {"name": "all", "allow": {"always": true}}]);
    let [allowed, passed] = [allow, deny].map(|rules| {
        let step = World::with_keys(&configured(&rules)).decide(request);
        matches!(step, Step::Forward(..))
    });
    (allowed, !passed)
}

const TRUE: (bool, bool) = (true, true);
const FALSE: (bool, bool) = (false, false);
const UNKNOWN: (bool, bool) = (false, true);

#[test]
fn conditions_on_claims_scopes_and_providers() {
    let staff =
        || Request { claims: Some(json!({"a": {"b": ["x", "y"]}, "n": "staff-7"})), ..REQUEST };
    for (condition, token, no_token) in [
        (json!({"claims": {"a.b": ["x", "z"]}}), TRUE, FALSE),
        (json!({"claims": {"a.b": {"all_of": ["x", "y"]}}}), TRUE, FALSE),
        (json!({"claims": {"a.b": {"all_of": ["x", "z"]}}}), FALSE, FALSE),
        (json!({"claims": {"a.b": "x"}}), FALSE, FALSE),
        (json!({"claims": {"n": {"prefix": "staff-"}}}), TRUE, FALSE),
        (json!({"claims": {"a": "x"}}), UNKNOWN, FALSE),
        (json!({"claims": {"a": {"present": true}}}), TRUE, FALSE),
        (json!({"claims": {"z": {"present": false}}}), TRUE, TRUE),
        (json!({"not": {"claims": {"a": "x"}}}), UNKNOWN, TRUE),
        (json!({"providers": ["idp"]}), TRUE, FALSE),
        (json!({"not": {"providers": ["idp"]}}), FALSE, TRUE),
        (json!({"any": [{"claims": {"a": "x"}}, {"claims": {"n": "staff-7"}}]}), TRUE, FALSE),
        (json!({"all": [{"claims": {"a": "x"}}, {"claims": {"n": "staff-7"}}]}), UNKNOWN, FALSE),
        (json!({"all": [{"claims": {"a": "x"}}, {"claims": {"n": "other"}}]}), FALSE, FALSE),
    ] {
        assert_eq!(fires(&condition, &staff()), token, "{condition}");
        assert_eq!(fires(&condition, &REQUEST), no_token, "{condition} without a token");
    }
}

#[test]
fn conditions_on_the_request() {
    let request = |method, headers| Request { method, headers, ..REQUEST };
    let once = &[("x-channel", "partner-1")][..];
    let twice = &[("x-channel", "partner-1"), ("x-channel", "other")][..];
    let prefix = json!({"headers": {"x-channel": {"prefix": "partner-"}}});
    for (condition, request, expected) in [
        (json!({"methods": ["GET", "HEAD"]}), request("GET", &[]), TRUE),
        (json!({"methods": ["GET", "HEAD"]}), request("POST", &[]), FALSE),
        (prefix.clone(), request("GET", once), TRUE),
        (prefix.clone(), request("GET", twice), UNKNOWN),
        (prefix, request("GET", &[]), FALSE),
        (json!({"headers": {"x-channel": {"present": true}}}), request("GET", twice), TRUE),
        (
            json!({"headers": {"origin": "https://a"}}),
            request("GET", &[("origin", "https://a")]),
            TRUE,
        ),
        (json!({"headers": {"x-channel": ["a"]}}), request("GET", &[("x-channel", "b")]), FALSE),
    ] {
        assert_eq!(fires(&condition, &request), expected, "{condition} {:?}", request.headers);
    }
}

#[test]
fn conditions_on_addresses_and_times() {
    let inside = json!({"client_address": ["10.0.0.0/8", "2001:db8::/32"]});
    for (address, expected) in [
        (Some("10.1.2.3"), TRUE),
        (Some("2001:db8::1"), TRUE),
        (Some("192.0.2.1"), FALSE),
        (None, UNKNOWN),
    ] {
        assert_eq!(fires(&inside, &Request { address, ..REQUEST }), expected, "{address:?}");
    }
    // The tests' clock: 2027-01-15, a Friday, 08:00 UTC.
    for (time, expected) in [
        (json!({"from": "08:00", "until": "18:00"}), TRUE),
        (json!({"from": "08:00", "until": "18:00", "offset": "-01:00"}), FALSE),
        (json!({"days": ["fri"]}), TRUE),
        (json!({"days": ["sat", "sun"]}), FALSE),
        (json!({"from": "22:00", "until": "08:01", "days": ["thu"]}), TRUE),
    ] {
        assert_eq!(fires(&json!({"time": time}), &REQUEST), expected, "{time}");
    }
}

#[test]
fn conditions_on_the_decision_point() {
    let yes = r#"{"decision":true,"context":{"roles":["a","b"]}}"#;
    let no = r#"{"decision":false}"#;
    for (condition, answer, expected) in [
        (json!({"decision": true}), Some(yes), TRUE),
        (json!({"decision": true}), Some(no), FALSE),
        (json!({"not": {"decision": true}}), Some(no), TRUE),
        (json!({"decision": true}), None, UNKNOWN),
        (json!({"not": {"decision": true}}), None, UNKNOWN),
        (json!({"roles": {"all_of": ["a", "b"], "from": "decision"}}), Some(yes), TRUE),
        (json!({"roles": {"all_of": ["a", "c"], "from": "decision"}}), Some(yes), FALSE),
        (json!({"roles": {"any_of": ["a"], "from": "decision"}}), Some(no), UNKNOWN),
        (json!({"any": [{"decision": true}, {"methods": ["GET"]}]}), None, TRUE),
        (json!({"all": [{"decision": true}, {"methods": ["PUT"]}]}), None, FALSE),
    ] {
        let request = Request { answer, ..REQUEST };
        assert_eq!(fires(&condition, &request), expected, "{condition} {answer:?}");
    }
}

#[test]
fn nobody_is_asked_where_the_rest_of_a_condition_settles_it() {
    for condition in [
        json!({"all": [{"decision": true}, {"methods": ["PUT"]}]}),
        json!({"any": [{"all": [{"decision": true}, {"methods": ["PUT"]}]}, {"methods": ["GET"]}]}),
        json!({"decision": true, "not": {"any": [{"decision": true}, {"methods": ["GET"]}]}}),
    ] {
        let rules = json!([{"name": "a", "allow": condition}]);
        let (_, step) = World::with_keys(&configured(&rules)).get("/r", &[]);
        assert!(!matches!(step, Step::Ask(..)), "{condition}: {step:?}");
    }
}

#[test]
fn a_rule_set_stands_where_it_is_used() {
    let rules = json!([
        {"name": "health", "allow": {"claims": {"azp": "probe"}}},
        {"use": "staff"},
        {"name": "rest", "allow": {"methods": ["HEAD"]}},
    ]);
    let mut world = World::with_keys(&configured(&rules));
    let mut rule = |changes: Value, method| {
        let step = world.decide(&Request { claims: Some(changes), method, ..REQUEST });
        match step {
            Step::Forward(..) => "passed".to_owned(),
            step => match refused(&step).1 {
                Rejection::Forbidden { rule } => rule.unwrap_or("none".into()),
                other => panic!("{other:?}"),
            },
        }
    };
    assert_eq!(rule(json!({"azp": "probe", "status": "fired"}), "GET"), "passed");
    assert_eq!(rule(json!({"status": "fired", "staff": true}), "HEAD"), "fired");
    assert_eq!(rule(json!({"staff": true}), "GET"), "passed");
    assert_eq!(rule(json!({}), "GET"), "none");
    assert_eq!(rule(json!({}), "HEAD"), "passed");
}

#[test]
fn a_host_leads_to_its_own_route() {
    let named = |name: &str, hosts: Value, path: &str, rules: Value| json!({"name": name, "match": {"path": path, "hosts": hosts}, "token": "none", "rules": rules});
    let nobody = json!([{"name": "nobody", "deny": {"always": true}}]);
    let config = config(json!([
        named("admin", json!(["admin.example"]), "/{rest=**}", nobody),
        named("open", json!(["*.example"]), "/{rest=**}", allow_all()),
    ]));
    let mut world = World::new(&config);
    let mut status = |host: &str| {
        let (_, step) = world.send(&[(":method", "GET"), (":path", "/a"), (":authority", host)]);
        if matches!(step, Step::Forward(..)) { 200 } else { refused(&step).0 }
    };
    for host in [
        "admin.example",
        "ADMIN.example",
        "admin.example:8443",
        "admin.example.",
        "Admin.Example.:80",
    ] {
        assert_eq!(status(host), 403, "{host}");
    }
    assert_eq!(status("shop.example"), 200);
    assert_eq!(status("example"), 404);
    assert_eq!(status("other"), 404);
}

/// Conditions made of parts whose truth is known, with the truth of the whole by Kleene's tables.
struct Trees(u64);

impl Trees {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) % end
    }

    /// A condition, and 0 for false, 1 for unknown, 2 for true.
    fn tree(&mut self, depth: u32) -> (Value, u8) {
        match self.below(if depth == 0 { 3 } else { 6 }) {
            0 => self.part(0),
            1 => self.part(1),
            2 => self.part(2),
            3 => {
                let (one, truth) = self.tree(depth - 1);
                (json!({"not": one}), 2 - truth)
            }
            kind => {
                let count = 1 + self.below(3);
                let parts: Vec<_> = (0..count).map(|_| self.tree(depth - 1)).collect();
                let truths = parts.iter().map(|(_, truth)| *truth);
                let truth = if kind == 4 { truths.min() } else { truths.max() }.unwrap();
                let parts: Vec<_> = parts.into_iter().map(|(part, _)| part).collect();
                (json!({if kind == 4 { "all" } else { "any" }: parts}), truth)
            }
        }
    }

    fn part(&mut self, truth: u8) -> (Value, u8) {
        let parts = match truth {
            0 => [
                json!({"methods": ["PUT"]}),
                json!({"claims": {"azp": "x"}}),
                json!({"headers": {"x-none": "1"}}),
            ],
            1 => [
                json!({"decision": true}),
                json!({"claims": {"object": "x"}}),
                json!({"client_address": ["::/0"]}),
            ],
            _ => [
                json!({"methods": ["GET"]}),
                json!({"claims": {"azp": "shop"}}),
                json!({"always": true}),
            ],
        };
        let at = usize::try_from(self.below(3)).unwrap();
        (parts[at].clone(), truth)
    }
}

#[test]
fn what_cannot_be_told_never_allows_and_always_denies() {
    let mut trees = Trees(11);
    let mut seen = [0; 3];
    let request = || Request { claims: Some(json!({"object": {"a": 1}})), ..REQUEST };
    for _ in 0..200 {
        let (condition, truth) = trees.tree(4);
        seen[usize::from(truth)] += 1;
        let expected = [FALSE, UNKNOWN, TRUE][usize::from(truth)];
        assert_eq!(fires(&condition, &request()), expected, "{condition}");
    }
    assert!(seen.iter().all(|count| *count > 20), "too one-sided: {seen:?}");
}
