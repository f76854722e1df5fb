use super::*;

const PROBLEM: &str = r#"{"type":"about:blank","title":"Unauthorized","status":401,"detail":"A bearer token is required."}"#;

fn reply(status: u16, headers: &[(&str, &str)], body: &str) -> Reply {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Reply { status, headers: headers.iter().map(owned).collect(), body: body.to_owned() }
}

const CHALLENGE: (&str, &str) = ("www-authenticate", "Bearer");
const TYPE: (&str, &str) = ("content-type", "application/problem+json");

#[test]
fn only_the_filters_own_refusal_is_one() {
    assert_eq!(judge(&PROTECTED, &reply(401, &[CHALLENGE, TYPE], PROBLEM)), Verdict::Refused);
    let is_not = |reply: &Reply| matches!(judge(&PROTECTED, reply), Verdict::NotYet(_));
    assert!(is_not(&reply(401, &[TYPE], PROBLEM)), "nobody is challenged");
    assert!(is_not(&reply(401, &[CHALLENGE], PROBLEM)), "another type");
    assert!(is_not(&reply(401, &[CHALLENGE, TYPE], "Jwt is missing")), "another filter's");
    assert!(is_not(&reply(401, &[CHALLENGE, TYPE], &PROBLEM.replace("401", "403"))));
    for status in [403, 404, 500, 503] {
        assert!(is_not(&reply(status, &[TYPE], "")), "{status}");
    }
}

#[test]
fn whoever_is_let_through_ends_the_wait() {
    for status in [200, 204, 302] {
        assert!(matches!(judge(&PROTECTED, &reply(status, &[], "[]")), Verdict::Open(_)));
    }
}

#[test]
fn a_path_in_another_spelling_needs_no_challenge() {
    let problem = PROBLEM.replace("401", "400");
    assert_eq!(judge(&CANONICAL, &reply(400, &[TYPE], &problem)), Verdict::Refused);
    assert!(matches!(judge(&CANONICAL, &reply(400, &[], "")), Verdict::NotYet(_)), "Envoy's own");
}

#[test]
fn an_answer_is_read_as_curl_shows_it() {
    let said = "HTTP/1.1 401 Unauthorized\nWWW-Authenticate: Bearer\ncontent-type: application/problem+json\n\n{}";
    let reply = parse(said).unwrap();
    assert_eq!((reply.status, &*reply.body), (401, "{}"));
    assert_eq!(reply.headers[0], ("www-authenticate".to_owned(), "Bearer".to_owned()));
    assert!(parse("").is_err() && parse("curl: (7)").is_err());
}
