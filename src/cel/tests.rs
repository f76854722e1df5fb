#![cfg(test)]
use std::collections::BTreeMap;
use std::rc::Rc;

use super::{Expression, Inputs, InvalidExpression, Memo};
use crate::authn::{ClaimPath, Claims};
use crate::config::ClaimType;
use crate::policy::{Template, Truth};
use crate::request::{Pairs, Reads, RequestHead, Wanted};
use crate::upstream::OwnHeaders;

const CLAIMS: &str = r#"{"iss":"https://idp.test","sub":"alice","age":30,"tier":"gold","admin":true,
    "score":1.5,"big":18446744073709551615,"nothing":null,"groups":["a","b"],"scope":"read write",
    "https://x.test/org":"acme","realm":{"roles":["admin","user"],"level":3}}"#;

fn compile(text: &str) -> Result<Expression, InvalidExpression> {
    compile_typed(text, None)
}

fn compile_typed(
    text: &str,
    claims: Option<&[(&str, ClaimType)]>,
) -> Result<Expression, InvalidExpression> {
    let claims = claims.map(|claims| {
        claims.iter().map(|(name, kind)| ((*name).to_owned(), *kind)).collect::<BTreeMap<_, _>>()
    });
    let mut header = |name: &str| match name {
        "authorization" => Err("a credential".to_owned()),
        name => Ok(Wanted::Header(usize::from(name != "x-tenant"))),
    };
    Expression::compile(text, claims.as_ref(), &mut header)
}

fn error(text: &str) -> String {
    compile(text).map(|_| ()).unwrap_err().to_string()
}

fn head() -> RequestHead {
    let reads = Reads { headers: vec!["x-tenant".into(), "x-twice".into()], cookies: false };
    let pairs: [(&[u8], &[u8]); 7] = [
        (b":method", b"GET"),
        (b":path", b"/todos/7/a/b?q=1"),
        (b":authority", b"API.example.com:8443"),
        (b"x-tenant", b"acme"),
        (b"x-twice", b"1"),
        (b"x-twice", b"2"),
        (b"x-other", b"\xff"),
    ];
    RequestHead::parse(Pairs::serialize(pairs), &OwnHeaders::new([].into_iter()), &reads).unwrap()
}

fn truth(text: &str) -> Truth {
    let claims = Claims::from_slice(CLAIMS.as_bytes()).unwrap();
    let (head, template) = (head(), Template::path("/todos/{id}/{rest=**}").unwrap());
    compile(text).unwrap_or_else(|error| panic!("{text}: {error}")).truth(Inputs {
        claims: Some(&claims),
        subject: Some("alice"),
        provider: Some("main"),
        roles_claim: Some(&ClaimPath::new("realm.roles")),
        head: Some(&head),
        path: Some("/todos/7/a/b"),
        template: Some(&template),
    })
}

#[test]
fn every_variable_is_what_it_says() {
    for text in [
        "claims.tier == 'gold'",
        "claims['tier'] == \"gold\"",
        "claims.age >= 18 && claims.age < 31",
        "claims.admin",
        "claims.score > 1 && claims.score < 2.0",
        "claims.big > 9223372036854775807",
        "claims.nothing == null",
        "'a' in claims.groups && !('c' in claims.groups)",
        "claims.groups[0] == 'a' && claims.groups == ['a', 'b']",
        "claims['https://x.test/org'] == 'acme'",
        "'admin' in claims.realm.roles && claims.realm.level == 3",
        "claims.realm == claims['realm'] && size(claims.realm) == 2",
        "subject == 'alice' && issuer.startsWith('https://') && provider == 'main'",
        "scopes == ['read', 'write'] && size(scopes) == 2",
        "'user' in roles",
        "request.method in ['GET', 'HEAD']",
        "request.path == '/todos/7/a/b' && request['path'].endsWith('/b')",
        "request.host == 'api.example.com'",
        "request.headers['x-tenant'] == claims['https://x.test/org']",
        "params.id == '7' && params['rest'] == 'a/b' && int(params.id) % 2 == 1",
        "has(claims.tier) && !has(claims.gone) && has(claims.nothing) && has(claims.realm.level)",
        "'https://x.test/org' in claims && !('gone' in claims)",
        "'x-tenant' in request.headers",
        "claims.tier == 'gold' ? claims.age > 18 : false",
        "string(claims.age) == '30' && double('1.5') == claims.score && bool('true')",
        "claims.tier.contains('ol') && claims.tier + '!' == 'gold!' && -claims.age == -30",
        "claims.age == 30.0",
    ] {
        assert_eq!(truth(text), Truth::True, "{text}");
    }
}

#[test]
fn what_cannot_be_told_is_unknown() {
    for text in [
        "claims.gone == 'x'",
        "claims.gone != 'x'",
        "!claims.gone",
        "claims.tier > 1",
        "claims.tier",
        "claims.groups",
        "claims.groups[2] == 'c'",
        "claims.groups[-1] == 'c'",
        "claims.age / (claims.age - 30) == 1",
        "claims.age * 9223372036854775807 > 1",
        "claims.tier.level == 1",
        "has(claims.tier.level)",
        "has(claims.gone.level)",
        "int(claims.tier) == 1",
        "claims.admin && claims.gone",
        "!claims.admin || claims.gone",
        "request.headers['x-twice'] == '1'",
        "claims.gone ? true : true",
        "claims.realm + 1 == 2",
    ] {
        assert_eq!(truth(text), Truth::Unknown, "{text}");
    }
}

#[test]
fn what_is_decided_without_the_missing_part_is_decided() {
    assert_eq!(truth("claims.gone || claims.admin"), Truth::True);
    assert_eq!(truth("claims.gone && !claims.admin"), Truth::False);
    assert_eq!(truth("has(claims.gone) && claims.gone > 1"), Truth::False);
}

#[test]
fn nobody_in_particular_makes_everything_unknown() {
    for text in
        ["claims.admin", "has(claims.x)", "subject == ''", "scopes == []", "params.id == ''"]
    {
        assert_eq!(compile(text).unwrap().truth(Inputs::default()), Truth::Unknown, "{text}");
    }
    assert_eq!(compile("true").unwrap().truth(Inputs::default()), Truth::True);
}

#[test]
fn an_input_larger_than_what_is_handed_over_is_missing() {
    let large = format!(r#"{{"a":"{}"}}"#, "x".repeat(15_000));
    let claims = Claims::from_slice(large.as_bytes()).unwrap();
    let ask = |text: &str| {
        let inputs = Inputs { claims: Some(&claims), ..Inputs::default() };
        compile(text).unwrap().truth(inputs)
    };
    assert_eq!(ask("claims.a != 'y' && claims.a != 'z'"), Truth::True);
    assert_eq!(ask("claims.a != 'y' && claims.a != 'z' && claims.a != 'w'"), Truth::Unknown);
}

#[test]
fn names_and_functions_that_are_not_known_are_errors_that_name_what_is() {
    assert_eq!(error("claim.x == 1"), format!("unknown variable `claim.x` (known: {VARIABLES})"));
    assert_eq!(error("claims.a in b"), format!("unknown variable `b` (known: {VARIABLES})"));
    assert_eq!(
        error("request.query == ''"),
        format!("unknown variable `request.query` (known: {VARIABLES})")
    );
    assert_eq!(
        error("size(claims) > 1"),
        format!("unknown variable `claims` (known: {VARIABLES})")
    );
    assert_eq!(
        error("subject.name == ''"),
        format!("unknown variable `subject.name` (known: {VARIABLES})")
    );
    assert_eq!(
        error("subject.matches('a.*')"),
        "unknown function `matches` (known: `bool(value)`, `text.contains(part)`, \
         `double(value)`, `text.endsWith(end)`, `int(value)`, `size(value)`, \
         `text.startsWith(start)`, `string(value)`)"
    );
    for text in
        ["now()", "timestamp('x') > 1", "subject.lowerAscii() == 'a'", "type(subject) == 1", "f(1)"]
    {
        assert!(error(text).starts_with("unknown function `"), "{text}: {}", error(text));
    }
}

const VARIABLES: &str = "`claims`, `issuer`, `params`, `provider`, `request.headers`, \
     `request.host`, `request.method`, `request.path`, `roles`, `scopes`, `subject`";

#[test]
fn what_we_leave_out_of_the_language_is_refused() {
    for text in [
        "claims.groups.all(g, g == 'a')",
        "claims.groups.exists(g, g == 'a')",
        "claims.groups.exists_one(g, g == 'a')",
        "claims.groups.map(g, g) == []",
        "claims.groups.filter(g, g == 'a') == []",
    ] {
        assert!(error(text).starts_with("what looks at all members"), "{text}: {}", error(text));
    }
    assert_eq!(error("{'a': true}['a']"), "a map or a message cannot be used here");
    assert_eq!(error("b'a' == b'a'"), "bytes cannot be used here");
    assert_eq!(
        error("has(subject.x)"),
        "a function is called as `has(claims.name)` or `has(request.headers.name)`"
    );
    assert_eq!(error("request.headers['authorization'] == ''"), "looks at a credential");
    assert_eq!(
        error("startsWith(subject, 'a')"),
        "a function is called as `text.startsWith(start)`"
    );
    assert_eq!(
        error("subject.startsWith('a', 'b')"),
        "a function is called as `text.startsWith(start)`"
    );
    for text in
        ["", " ", "1 +", "claims.?a == 1", "(true", "true)", "'a", "a b", "\u{e4}", "true // \0"]
    {
        assert!(compile(text).is_err() || text.starts_with("true //"), "{text}");
    }
    assert!(error("1 +\n").starts_with("cannot be read: line "), "{}", error("1 +\n"));
    assert!(!error("a b\n\n'").contains('\n'));
}

#[test]
fn length_nesting_and_parts_are_bounded() {
    assert_eq!(error(&format!("{}true", " ".repeat(1021))), "is longer than 1024 bytes");
    assert!(compile(&format!("{}true", " ".repeat(1020))).is_ok());
    for open in ["(", "[", "{", "!(", "-(", "size(", "[["] {
        assert_eq!(error(&open.repeat(200)), "nests too deep", "{open}");
    }
    let many = |part: &str, count: usize| format!("{}true", part.repeat(count));
    assert_eq!(error(&many("true ? true : ", 9)), "nests too deep");
    assert_eq!(error(&many("!-", 200)), "nests too deep");
    assert_eq!(error(&format!("1{} == 1", " + 1".repeat(40))), "nests too deep");
    assert_eq!(error(&format!("claims{} == 1", ".a".repeat(300))), "nests too deep");
    assert_eq!(error(&format!("claims{} == 1", "[0]".repeat(60))), "nests too deep");
    let sum = |terms: usize| format!("1 == 1{}", " + 1".repeat(terms));
    assert_eq!(truth(&sum(25)), Truth::False);
    let long = format!("size(subject{})", "+subject".repeat(25));
    let calls = format!("{} == 1", [&*long; 4].join("+"));
    assert_eq!(error(&calls), "has too many parts");
    let many = format!("subject in [{}]", "'a-b-c.d', ".repeat(90));
    assert!(compile(&many).is_err(), "too many operators, even in texts");
    let or = vec!["claims.a == 1"; 60].join("||");
    assert_eq!(truth(&or), Truth::Unknown);
}

#[test]
fn expressions_are_tried_on_the_types_of_their_claims() {
    use ClaimType::{Bool, Double, Int, List, String};
    let types: &[_] = &[
        ("age", Int),
        ("tier", String),
        ("admin", Bool),
        ("score", Double),
        ("realm.roles", List),
    ];
    let compile = |text| compile_typed(text, Some(types)).map(|_| ());
    for text in [
        "claims.age > 18 && claims.tier == 'gold'",
        "claims.score > 1 || claims.admin",
        "'a' in claims.realm.roles && size(claims.realm.roles) < 3",
        "claims.realm.roles[0] == 'a'",
        "10 / claims.age > 1",
        "int(claims.tier) > 1",
        "has(claims.age)",
    ] {
        assert_eq!(compile(text), Ok(()), "{text}");
    }
    let why = |text| compile(text).unwrap_err().to_string();
    for (text, expected) in [
        (
            "claims.gone == 1",
            "unknown claim `gone` (known: `admin`, `age`, `realm.roles`, `score`, `tier`)",
        ),
        (
            "has(claims.gone)",
            "unknown claim `gone` (known: `admin`, `age`, `realm.roles`, `score`, `tier`)",
        ),
        ("claims.age == '30'", "fails on a sample of what it looks at: int never equals string"),
        ("claims.tier", "is no condition: on a sample its type is string, not bool"),
        ("size(claims.tier)", "is no condition: on a sample its type is int, not bool"),
    ] {
        assert_eq!(why(text), expected, "{text}");
    }
    for text in [
        "claims.tier > 1",
        "claims.tier == 'x' && claims.age.startsWith('1')",
        "claims.age && true",
        "claims.age in claims.tier",
        "!claims.age",
        "-claims.tier == 'x'",
        "claims.score + 1.5 > 2.0",
        "claims.admin ? claims.tier + 1 == 2 : true",
        "size(claims.age) == 1",
        "subject > 1",
        "scopes + 1 == 2",
    ] {
        assert!(why(text).starts_with("fails on a sample of what it looks at: "), "{}", why(text));
    }
}

#[test]
fn an_expression_says_what_it_depends_on() {
    let reads = |text| compile(text).unwrap().reads().clone();
    assert!(reads("true").token_only());
    assert!(
        reads("claims.a == 1 && subject == 'a' && scopes == [] && issuer == provider").token_only()
    );
    assert!(reads("'a' in roles").roles && reads("'a' in roles").token_only());
    for text in ["request.path == ''", "claims.a == params.id", "'x-a' in request.headers"] {
        assert!(!reads(text).token_only(), "{text}");
    }
    assert!(!reads("request.method == 'GET'").token && reads("subject == params.id").token);
}

#[test]
fn the_parameters_that_are_read_are_named() {
    let params = |text| compile(text).unwrap().reads().params.clone();
    assert_eq!(params("params.id == params['x'] && params.id != ''"), ["id".into(), "x".into()]);
}

#[test]
fn what_is_about_the_token_alone_is_asked_once() {
    let claims = |level: &str| Claims::from_slice(format!(r#"{{"level":{level}}}"#).as_bytes());
    let (one, two) = (claims("1").unwrap(), claims("2").unwrap());
    let of = |claims, path| Inputs { claims: Some(claims), path: Some(path), ..Inputs::default() };
    let expression = |text: &str| Rc::new(compile(text).unwrap());
    let memo = Memo::default();
    let alone = expression("claims.level == 1");
    assert_eq!(memo.truth(&alone, of(&one, "/")), Truth::True);
    // One token's memo sees no other claims; these show that it does not look again.
    assert_eq!(memo.truth(&alone, of(&two, "/")), Truth::True);
    let beside = expression("claims.level == 1 && request.path == '/'");
    assert_eq!(memo.truth(&beside, of(&one, "/")), Truth::True);
    assert_eq!(memo.truth(&beside, of(&one, "/a")), Truth::False);
    for other in 0..40 {
        memo.truth(&expression(&format!("claims.level == {other}")), of(&one, "/"));
    }
    assert_eq!(memo.truth(&alone, of(&two, "/")), Truth::False, "it makes room");
}
