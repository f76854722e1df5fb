//! Conditions in CEL as rules have them: what they look at, and that none ever allows by failing.

use claimgate::pipeline::Step;
use serde_json::{Value, json};

use crate::support::*;

struct Request {
    claims: Option<Value>,
    headers: &'static [(&'static str, &'static str)],
}

fn anonymous() -> Request {
    Request { claims: None, headers: &[] }
}

fn with(claims: Value) -> Request {
    Request { claims: Some(claims), headers: &[] }
}

fn world(rules: &Value) -> World {
    let mut config = config(json!([route("optional", rules.clone(), json!({}))]));
    config["identity_headers"] = json!({});
    config["routes"][0]["match"] = json!({"path": "/{id}"});
    config["providers"][0]["roles_claim"] = "realm.roles".into();
    World::with_keys(&config)
}

fn passes(world: &mut World, request: &Request) -> bool {
    let token = request.claims.clone().map(|changes| ONE.token(&claims(changes)));
    let bearer = token.map(|token| format!("Bearer {token}"));
    let mut head = vec![(":method", "GET"), (":path", "/r?x=1"), (":authority", "Shop:80")];
    head.extend(request.headers);
    head.extend(bearer.as_deref().map(|value| ("authorization", value)));
    matches!(world.send(&head).1, Step::Forward(..))
}

/// Whether an allow rule and a deny rule with this expression fire.
fn fires(expression: &str, request: &Request) -> (bool, bool) {
    let allow = json!([{"name": "allowed", "allow": {"cel": expression}}]);
    let deny = json!([
        {"name": "denied", "deny": {"cel": expression}},
        {"name": "all", "allow": {"always": true}},
    ]);
    (passes(&mut world(&allow), request), !passes(&mut world(&deny), request))
}

const TRUE: (bool, bool) = (true, true);
const FALSE: (bool, bool) = (false, false);
const UNKNOWN: (bool, bool) = (false, true);

#[test]
fn expressions_look_at_the_token_and_the_request() {
    let alice = || with(json!({"level": 3, "realm": {"roles": ["staff"]}, "scope": "read"}));
    for (expression, token, no_token) in [
        ("claims.level > 2 && subject == 'alice' && provider == 'idp'", TRUE, UNKNOWN),
        ("claims.level > 3", FALSE, UNKNOWN),
        ("claims.gone > 3", UNKNOWN, UNKNOWN),
        ("has(claims.gone)", FALSE, UNKNOWN),
        ("'staff' in roles && scopes == ['read']", TRUE, UNKNOWN),
        ("issuer.startsWith('https://idp.test/')", TRUE, UNKNOWN),
        ("request.method == 'GET' && request.host == 'shop'", TRUE, TRUE),
        ("request.path == '/' + params.id && params.id == 'r'", TRUE, TRUE),
        ("request.headers['x-channel'] == 'a'", UNKNOWN, UNKNOWN),
        ("'x-channel' in request.headers", FALSE, FALSE),
        ("request.method == 'GET' || claims.gone", TRUE, TRUE),
        ("claims.sub", UNKNOWN, UNKNOWN),
    ] {
        assert_eq!(fires(expression, &alice()), token, "{expression}");
        assert_eq!(fires(expression, &anonymous()), no_token, "{expression} without a token");
    }
}

#[test]
fn expressions_look_at_headers_that_came_once() {
    let headers = |headers| Request { claims: None, headers };
    let expression = "request.headers['x-channel'] == 'a'";
    assert_eq!(fires(expression, &headers(&[("x-channel", "a")])), TRUE);
    assert_eq!(fires(expression, &headers(&[("x-channel", "b")])), FALSE);
    assert_eq!(fires(expression, &headers(&[("x-channel", "a"), ("x-channel", "a")])), UNKNOWN);
}

#[test]
fn an_expression_about_the_token_holds_for_each_request_with_that_token() {
    let mut world = world(&json!([
        {"name": "low", "deny": {"cel": "claims.level < 2"}},
        {"name": "high", "allow": {"cel": "claims.level > 2"}},
    ]));
    for _ in 0..3 {
        assert!(passes(&mut world, &with(json!({"level": 3}))));
        assert!(!passes(&mut world, &with(json!({"level": 1}))));
        assert!(!passes(&mut world, &with(json!({"level": "3"}))));
        assert!(!passes(&mut world, &anonymous()));
    }
}

/// Numbers that look random, the same every time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }

    /// A condition that may be anything.
    fn condition(&mut self, depth: usize) -> String {
        const SIMPLE: [&str; 10] = [
            "true",
            "false",
            "claims.a == 1",
            "claims.b == 'x'",
            "claims.a < claims.b",
            "'x' in claims.c",
            "has(claims.a)",
            "claims.d",
            "request.method == 'GET'",
            "size(claims.c) > 1",
        ];
        if depth == 0 {
            return self.one(&SIMPLE).to_owned();
        }
        let [a, b, c] = [(); 3].map(|()| self.condition(depth - 1));
        match self.below(5) {
            0 => format!("({a} && {b})"),
            1 => format!("({a} || {b})"),
            2 => format!("!({a})"),
            3 => format!("({a} ? {b} : {c})"),
            _ => a,
        }
    }

    /// A condition that fails whatever it is about.
    fn failure(&mut self) -> &'static str {
        self.one(&[
            "claims.gone == 1",
            "claims.gone != 1",
            "1 / 0 == 1",
            "claims.text > 1",
            "claims.text",
            "int(claims.text) != 1",
            "claims.list[9] != 'x'",
            "claims.text.x == 1",
            "9223372036854775807 + claims.number > 1",
            "request.headers['x-gone'] != ''",
            "claims.list.contains('x')",
        ])
    }

    /// One in which the failure decides: it cannot be true.
    fn failing(&mut self) -> String {
        let (bad, other) = (self.failure(), self.condition(2));
        match self.below(7) {
            0 => bad.to_owned(),
            1 => format!("!({bad})"),
            2 => format!("({bad}) && {other}"),
            3 => format!("{other} && ({bad})"),
            4 => format!("({bad}) ? {other} : true"),
            5 => format!("({bad}) || !({bad})"),
            _ => format!("[{bad}] == [true]"),
        }
    }

    fn claims(&mut self) -> Value {
        let mut claims = json!({"text": "t", "list": ["x"], "number": 7});
        for name in ["a", "b", "c", "d"] {
            let values =
                [json!(1), json!("x"), json!(["x", 1]), json!(true), json!(1.5), json!({})];
            if self.below(5) > 0 {
                claims[name] = values[self.below(values.len())].clone();
            }
        }
        claims
    }
}

#[test]
fn no_failing_expression_ever_allows() {
    let mut dice = Dice(7);
    for _ in 0..100 {
        let (expression, claims) = (dice.failing(), dice.claims());
        let request = if dice.below(4) == 0 { anonymous() } else { with(claims.clone()) };
        let allow = json!([{"name": "allowed", "allow": {"cel": &expression}}]);
        assert!(!passes(&mut world(&allow), &request), "{expression} with {claims}");
    }
}

#[test]
fn what_allows_also_denies_and_its_opposite_does_not_allow() {
    let mut dice = Dice(8);
    let mut seen = [0; 3];
    for _ in 0..100 {
        let (expression, claims) = (dice.condition(3), dice.claims());
        let (said, denied) = fires(&expression, &with(claims.clone()));
        let opposite = fires(&format!("!({expression})"), &with(claims.clone()));
        let expected = match (said, denied) {
            TRUE => FALSE,
            FALSE => TRUE,
            UNKNOWN => UNKNOWN,
            _ => panic!("{expression} allows and does not deny with {claims}"),
        };
        assert_eq!(opposite, expected, "{expression} with {claims}");
        seen[usize::from(said) + 2 * usize::from(denied && !said)] += 1;
    }
    assert!(seen.iter().all(|count| *count > 9), "{seen:?}");
}
