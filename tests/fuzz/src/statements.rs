//! What identity providers send: logout tokens and security events, from the text to what is
//! revoked.

use authz_service::revoke::logout_token::{self, LoggedOut, LogoutToken};
use authz_service::revoke::security_event::{self, SecurityEvent};
use authz_service::trust::claimed_issuer;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use claimgate::authn::{
    Expected, KeySet, PortableVerifier, SignatureVerifier, Statement, verify_statement,
};
use claimgate::time::Timestamp;
use serde_json::{Value, json};

use crate::gateway::{BelievesEverything, CLOCK_SKEW, payload};
use crate::signed;

/// A statement, or claims alone, which are then put into one. Only what was signed is verified; where
/// every signature is believed, what is taken is of the issuer, for us, and names whom it is about.
pub fn statements(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for (kind, types) in
        [("logout+jwt", &logout_token::TYPES[..]), ("secevent+jwt", &security_event::TYPES)]
    {
        let token = if text.starts_with('{') { statement(kind, text) } else { text.to_owned() };
        if verified(&token, types, &PortableVerifier).is_some() {
            assert!(signed().tokens.contains(&token), "verified, and nobody signed it");
        }
        let Some(statement) = verified(&token, types, &BelievesEverything) else { continue };
        assert_eq!(claimed_issuer(&token).as_ref(), Some(&signed().issuer), "another issuer");
        let claims = payload(&token).expect("what is verified has claims");
        if let Ok(logout) = LogoutToken::read(&statement) {
            assert!(claims["nonce"].is_null(), "an ID token");
            assert_eq!(claims["jti"], logout.jti);
            check_who(&logout.who);
        }
        if let Ok(event) = SecurityEvent::read(&statement) {
            assert_eq!(claims["jti"], event.jti);
            if let Some(revoked) = event.revoked {
                check_who(&revoked.who);
                let of_subject = matches!(revoked.who, LoggedOut::Subject(_));
                assert!(!of_subject || revoked.issuer.is_some(), "a subject of nobody's");
            }
        }
    }
}

fn verified(text: &str, types: &[&str], verifier: &dyn SignatureVerifier) -> Option<Statement> {
    let keys = KeySet::default().succeed(signed().jwks.to_string().as_bytes()).expect("keys");
    let audiences = [signed().audience.clone()];
    let clock_skew = std::time::Duration::from_secs_f64(CLOCK_SKEW);
    let expected = Expected { types, issuer: &signed().issuer, audiences: &audiences, clock_skew };
    verify_statement(text, &expected, &keys, verifier, Timestamp::from_secs(signed().now)).ok()
}

fn check_who(who: &LoggedOut) {
    let (LoggedOut::Session(name) | LoggedOut::Subject(name)) = who;
    assert!(!name.is_empty(), "nobody is named");
}

fn statement(kind: &str, claims: &str) -> String {
    let header = json!({"alg": "RS256", "kid": "rsa", "typ": kind}).to_string();
    let [header, claims] = [&header, claims].map(|part| URL_SAFE_NO_PAD.encode(part));
    format!("{header}.{claims}.{}", "A".repeat(342))
}

pub(crate) fn texts() -> Vec<Vec<u8>> {
    const CAEP: &str = "https://schemas.openid.net/secevent/caep/event-type";
    let events = |kind: &str, event: &Value| {
        let kind = format!("{CAEP}/{kind}");
        json!({"events": {kind: event}})
    };
    let user = json!({"format": "iss_sub", "iss": signed().issuer, "sub": "alice"});
    let complex =
        json!({"format": "complex", "user": user, "session": {"format": "opaque", "id": "s"}});
    let logout = "http://schemas.openid.net/event/backchannel-logout";
    let said = [
        json!({"sid": "session-1", "events": {logout: {}}}),
        json!({"sub": "alice", "events": {logout: {}}}),
        json!({"sub": "alice", "nonce": "n", "events": {logout: {}}}),
        json!({"sub": "alice", "events": {logout: "x"}}),
        with(
            events("session-revoked", &json!({"event_timestamp": 1_799_999_990})),
            "sub_id",
            &complex,
        ),
        with(events("credential-change", &json!({"change_type": "revoke"})), "sub_id", &user),
        events("session-revoked", &json!({"subject": user})),
        with(events("token-claims-change", &json!({})), "sub_id", &user),
    ];
    let claims = said.iter().map(|claims| whole(claims).to_string());
    let tokens = said.iter().map(|claims| statement("logout+jwt", &whole(claims).to_string()));
    claims.chain(tokens).chain(signed().tokens.iter().cloned()).map(String::into_bytes).collect()
}

fn whole(claims: &Value) -> Value {
    let of_all = [
        ("iss", json!(signed().issuer)),
        ("aud", json!([signed().audience])),
        ("iat", json!(signed().now)),
        ("exp", json!(signed().now + 120)),
        ("jti", json!("1")),
    ];
    of_all.iter().fold(claims.clone(), |claims, (name, value)| with(claims, name, value))
}

fn with(mut claims: Value, name: &str, value: &Value) -> Value {
    claims[name] = value.clone();
    claims
}
