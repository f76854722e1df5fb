//! An identity provider without sockets: one request in, status, headers and JSON out; and a
//! verifier of its tokens that shares no code with it.

use std::sync::Arc;

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Request, StatusCode},
};
use dev_idp::{Issuer, KeyRing, Realm, SigningKey, Users, admin_router, realm_router};
use jwt_compact::{
    Algorithm, AlgorithmExt, UntrustedToken,
    alg::{Rsa, RsaPublicKey},
    jwk::JsonWebKey,
};
use serde_json::Value;
use tower::ServiceExt;

/// Another port than anything listens on: URLs must come from here alone.
pub(crate) const ISSUER: &str = "http://localhost:8180/realms/api-gateway-poc";
pub(crate) const BASE: &str = "/realms/api-gateway-poc";
pub(crate) const KEY: &str = include_str!("../../../../tests/testdata/keys/rsa-1.pem");

/// The public and the administrator's side of one realm.
pub(crate) struct Provider {
    pub(crate) public: Router,
    pub(crate) admin: Router,
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Provider {
    pub(crate) fn new() -> Self {
        let keys = KeyRing::new(SigningKey::from_pem(KEY).unwrap()).unwrap();
        let issuer = Issuer::new(ISSUER.to_owned()).unwrap();
        let realm = Arc::new(Realm::new(issuer, keys, Users::demo().unwrap(), 300));
        Self { public: realm_router(Arc::clone(&realm)), admin: admin_router(realm) }
    }

    /// A GET below the realm's path.
    pub(crate) async fn get(&self, below: &str) -> Answer {
        ask(&self.public, "GET", &format!("{BASE}{below}"), None).await
    }

    /// A form sent to the token endpoint.
    pub(crate) async fn grant(&self, form: &str) -> Answer {
        let path = format!("{BASE}/protocol/openid-connect/token");
        ask(&self.public, "POST", &path, Some(form)).await
    }

    /// A good access token of `testuser`.
    pub(crate) async fn token(&self) -> String {
        let form = "grant_type=password&client_id=test-client&username=testuser&password=testpass";
        let answer = self.grant(form).await;
        assert_eq!(answer.status, StatusCode::OK);
        answer.body["access_token"].as_str().unwrap().to_owned()
    }

    /// The published keys.
    pub(crate) async fn keys(&self) -> Vec<Value> {
        let answer = self.get("/protocol/openid-connect/certs").await;
        assert_eq!(answer.status, StatusCode::OK);
        answer.body["keys"].as_array().unwrap().clone()
    }

    pub(crate) async fn admin(&self, method: &str, path: &str) -> Answer {
        ask(&self.admin, method, path, None).await
    }
}

pub(crate) async fn ask(router: &Router, method: &str, path: &str, form: Option<&str>) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    if form.is_some() {
        request = request.header("content-type", "application/x-www-form-urlencoded");
    }
    let body = form.map_or_else(Body::empty, |form| Body::from(form.to_owned()));
    let response = router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap();
    // An empty body, or one that is no JSON, compares unequal to everything expected.
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    Answer { status: parts.status, headers: parts.headers, body }
}

/// The `kid` a token names.
pub(crate) fn kid(token: &str) -> String {
    UntrustedToken::new(token).unwrap().header().key_id.clone().unwrap()
}

/// The claims of a token that one of `keys` signed, the one it names; `None` otherwise.
pub(crate) fn verified(token: &str, keys: &[Value]) -> Option<Value> {
    let kid = kid(token);
    let key = keys.iter().find(|key| key["kid"] == kid.as_str())?;
    assert_eq!((&key["alg"], &key["use"]), (&"RS256".into(), &"sig".into()));
    let jwk: JsonWebKey<'_> = serde_json::from_value(key.clone()).unwrap();
    let key = RsaPublicKey::try_from(&jwk).unwrap();
    let untrusted = UntrustedToken::new(token).unwrap();
    let rs256 = Rsa::rs256();
    assert_eq!(untrusted.algorithm(), rs256.name());
    let token = rs256.validator::<Value>(&key).validate(&untrusted).ok()?;
    let claims = token.claims();
    let mut all = claims.custom.clone();
    all["exp"] = claims.expiration.unwrap().timestamp().into();
    all["iat"] = claims.issued_at.unwrap().timestamp().into();
    Some(all)
}
