//! Who is signed in, and who is not.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Begun, CLIENT, Consoled, parameter, signed};
use crate::service::bare_command;

#[test]
fn signing_in_is_the_code_flow_with_pkce_and_ends_on_a_page_that_leads_on() {
    let console = Consoled::start();
    let away = console.get("/console/subjects", &[]);
    assert_eq!((away.status, away.header("location")), (303, Some("/console/sign-in")));
    let page = console.get("/console/sign-in", &[]).body;
    assert!(page.contains("href=\"/console/sign-in/start\"") && !page.contains("<form"), "{page}");

    let begun = console.begin();
    assert!(begun.place.starts_with(&format!("{}/auth?", console.provider.issuer)));
    assert_eq!(parameter(&begun.place, "response_type"), "code");
    assert_eq!(parameter(&begun.place, "client_id"), CLIENT);
    assert_eq!(parameter(&begun.place, "code_challenge_method"), "S256");
    assert!(parameter(&begun.place, "scope").starts_with("openid"));
    assert!(parameter(&begun.place, "redirect_uri").starts_with("http%3A%2F%2Flocalhost%3A"));
    console.provider.gives(&console.provider.sign("JWT", &console.claims("viewer", &begun.nonce)));
    let back = console.come_back(&begun, &format!("code=c%2F1&state={}", begun.state));
    assert_eq!(back.status, 200, "{}", back.body);
    assert!(back.body.contains("http-equiv=\"refresh\" content=\"0; url=/console/\""));
    assert!(back.body.contains("<a href=\"/console/\">"), "a link for who does not refresh");
    let gone = back.headers("set-cookie");
    assert!(
        gone.iter().any(|it| it.contains("-sign-in=;") && it.contains("Max-Age=0")),
        "{gone:?}"
    );

    let sent = console.provider.exchanged();
    let form = format!("?{}", sent.lines().last().unwrap());
    assert_eq!(parameter(&form, "grant_type"), "authorization_code");
    assert_eq!(parameter(&form, "code"), "c%2F1");
    let verifier = parameter(&form, "code_verifier");
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&verifier));
    assert_eq!(challenge, parameter(&begun.place, "code_challenge"));
    assert!(!sent.to_ascii_lowercase().contains("authorization:"), "a public client");

    let overview = console.browser("viewer").page("/console/");
    assert!(overview.contains("&#60;b&#62;viewer&#60;/b&#62;"), "{overview}");
    let log = console.service.log();
    assert!(!log.contains(&verifier) && !log.contains("eyJ") && !log.contains("viewer-1"), "{log}");
}

#[test]
fn a_secret_is_shown_as_basic_credentials_and_nowhere_else() {
    let console = Consoled::start_with("", Some("s:e c"));
    console.browser("viewer");
    let sent = console.provider.exchanged();
    // authz-console:s%3Ae+c
    assert!(sent.contains("Basic YXV0aHotY29uc29sZTpzJTNBZStj"), "{sent}");
    assert!(!sent.contains("client_secret"));
    assert!(!console.service.log().contains("s:e c"));
}

#[test]
fn only_this_browsers_own_sign_in_counts() {
    let console = Consoled::start();
    let (one, other) = (console.begin(), console.begin());
    console.provider.gives(&console.provider.sign("JWT", &console.claims("admin", &one.nonce)));
    let none = Begun { cookie: "a=b".to_owned(), ..console.begin() };
    let twice = Begun { cookie: format!("{}; {}", one.cookie, other.cookie), ..console.begin() };
    let state = &one.state;
    for (browser, query, why) in [
        (&other, format!("code=c&state={state}"), "another browser's state"),
        (&none, format!("code=c&state={state}"), "no cookie"),
        (&twice, format!("code=c&state={state}"), "two cookies"),
        (&one, "code=c".to_owned(), "no state"),
        (&one, "code=c&state=x".to_owned(), "another state"),
        (&one, format!("code=c&state={state}&iss=https%3A%2F%2Felsewhere.example"), "mixed up"),
    ] {
        let reply = console.come_back(browser, &query);
        assert_eq!(reply.status, 400, "{why}: {}", reply.body);
        assert!(reply.body.contains("was not begun in this browser"), "{why}");
        assert!(reply.headers("set-cookie").is_empty(), "{why}");
    }
    let refused = console.come_back(&one, &format!("error=access_denied&state={state}"));
    assert_eq!(refused.status, 403);
    console.provider.gives_nothing();
    let refused = console.come_back(&one, &format!("code=c&state={state}"));
    assert_eq!(refused.status, 502, "{}", refused.body);
    let metrics = console.get("/metrics", &[]).body;
    assert!(metrics.contains("authz_admin_refused_total{reason=\"sign_in\"} 8"), "{metrics}");
}

#[test]
fn only_an_id_token_of_this_sign_in_for_this_client_counts() {
    let console = Consoled::start();
    let with =
        |name: &'static str, value: Value| move |claims: &mut Value| claims[name] = value.clone();
    let now = jiff::Timestamp::now().as_second();
    let rs256 = json!({"alg": "RS256", "typ": "JWT"});
    let typed = |typ: &str| json!({"alg": "RS256", "typ": typ});
    type Change = Box<dyn Fn(&mut Value)>;
    let same: fn(&mut Value) = |_| {};
    let cases: Vec<(&str, Value, &str, Change)> = vec![
        ("another nonce", rs256.clone(), "RS256", Box::new(with("nonce", json!("x")))),
        ("no nonce", rs256.clone(), "RS256", Box::new(with("nonce", Value::Null))),
        ("another audience", rs256.clone(), "RS256", Box::new(with("aud", json!("account")))),
        ("another party", rs256.clone(), "RS256", Box::new(with("azp", json!("account")))),
        ("another issuer", rs256.clone(), "RS256", Box::new(with("iss", json!("https://x")))),
        ("expired", rs256.clone(), "RS256", Box::new(with("exp", json!(now - 600)))),
        ("from the future", rs256.clone(), "RS256", Box::new(with("iat", json!(now + 600)))),
        ("a logout token", rs256.clone(), "RS256", Box::new(with("events", json!({})))),
        ("nobody", rs256.clone(), "RS256", Box::new(with("sub", json!("")))),
        ("an access token", typed("at+jwt"), "RS256", Box::new(same)),
        ("another algorithm's name", rs256, "ES256", Box::new(same)),
        ("unsigned", json!({"alg": "none", "typ": "JWT"}), "RS256", Box::new(same)),
        ("a shared secret", json!({"alg": "HS256", "typ": "JWT"}), "RS256", Box::new(same)),
    ];
    for (why, header, algorithm, change) in cases {
        let begun = console.begin();
        let mut claims = console.claims("admin", &begun.nonce);
        change(&mut claims);
        console.provider.gives(&signed(algorithm, &header, &claims));
        let reply = console.come_back(&begun, &format!("code=c&state={}", begun.state));
        assert_eq!(reply.status, 403, "{why}: {}", reply.body);
        assert!(reply.headers("set-cookie").is_empty(), "{why}");
    }
    let begun = console.begin();
    let untyped =
        signed("ES256", &json!({"alg": "ES256"}), &console.claims("viewer", &begun.nonce));
    console.provider.gives(&untyped);
    let reply = console.come_back(&begun, &format!("code=c&state={}", begun.state));
    assert_eq!(reply.status, 200, "an ID token need not name its type: {}", reply.body);
}

#[test]
fn a_session_ends_when_its_owner_says_so_and_no_other_is_known() {
    let console = Consoled::start();
    let browser = console.browser("admin");
    assert_eq!(browser.get("/console/audit").status, 200);
    let made_up = [("cookie", "__Host-authz-console=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")];
    assert_eq!(console.get("/console/", &made_up).status, 303);
    let out = browser.submit("/console/", "/console/sign-out", "");
    assert_eq!((out.status, out.header("location")), (303, Some("/console/sign-in")));
    assert!(out.header("set-cookie").unwrap().contains("Max-Age=0"));
    assert_eq!(browser.get("/console/audit").status, 303, "the cookie alone is nothing");
    let origin = console.origin();
    let late = browser.post("/console/revocations", &[("origin", &origin)], "token=x&id=1");
    assert_eq!(late.status, 403);
    assert!(late.body.contains("You are not signed in, or not any longer. Nothing was changed."));
}

#[test]
fn a_session_ends_with_the_one_at_the_provider_and_with_what_revokes_its_owner() {
    let console = Consoled::start();
    let (admin, viewer) = (console.browser("admin"), console.browser("viewer"));
    let revocations = "/console/revocations";
    let form = "kind=session&id=s-viewer&issuer=";
    assert_eq!(viewer.get("/console/").status, 200);
    assert_eq!(admin.submit(revocations, revocations, form).status, 303);
    assert_eq!(viewer.get("/console/").status, 303, "its session is over");
    assert_eq!(admin.get("/console/").status, 200);
    let issuer = console.provider.issuer.as_str();
    let revoke = |iss: &str, sub: &str, before: &str| {
        let body = json!({"kind": "subject", "iss": iss, "sub": sub, "issued_before": before});
        let reply = console.api("POST", "/revocations", &body);
        assert_eq!(reply.status, 201, "{}", reply.body);
    };
    let (past, future) = ("2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z");
    revoke(issuer, "somebody", future);
    revoke("https://elsewhere.example", "admin-1", future);
    revoke(issuer, "admin-1", past);
    assert_eq!(admin.get("/console/").status, 200, "none of them is about it");
    revoke(issuer, "admin-1", future);
    assert_eq!(admin.get("/console/").status, 303);
}

#[test]
fn whoever_comes_by_another_name_of_this_machine_is_led_to_the_right_one() {
    let console = Consoled::start();
    let host = console.address.as_str();
    let reply = crate::http::send(host, "GET", "/console/audit?limit=5", &[], None);
    let place = format!("{}/console/audit?limit=5", console.origin());
    assert_eq!((reply.status, reply.header("location")), (303, Some(place.as_str())));
}

#[test]
fn a_console_that_nobody_could_sign_in_to_is_refused_at_the_start() {
    let folder = super::examples();
    let entities = format!("{folder}/entities.json");
    let issuer = ["--console-issuer", "http://localhost:1/realms/x"];
    let client = ["--console-client-id", "c"];
    let local = ["--admin-listen", "127.0.0.1:0"];
    let wide = ["--admin-listen", "0.0.0.0:0"];
    let url = |url: &'static str| ["--console-url", url];
    for (arguments, says) in [
        (vec![issuer, local], "--console-issuer needs --console-client-id"),
        (vec![client, local], "--console-issuer is required"),
        (vec![client, issuer], "--console-client-id needs --admin-listen"),
        (vec![client, issuer, wide], "--console-url: is required"),
        (vec![client, issuer, local, url("http://authz.example")], "--console-url: must be https"),
        (
            vec![client, issuer, local, url("https://a.example/x")],
            "--console-url: must have no path",
        ),
        (vec![client, issuer, local, url("a.example")], "--console-url: must be an http"),
        (
            vec![client, issuer, local, ["--console-client-secret-file", "/nowhere"]],
            "AUTHZ_SERVICE_CONSOLE_CLIENT_SECRET_FILE: ",
        ),
    ] {
        let mut command = bare_command();
        command.args(["--policies", &folder, "--entities", &entities]);
        let text = crate::process::refused(command.args(arguments.concat()));
        assert!(text.contains(says), "{says}: {text}");
    }
}
