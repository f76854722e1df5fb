//! The token endpoint: the password grant for the demo's public client, and codes for the console's,
//! with Keycloak's claims and error bodies.
//!
//! A wrong password and an unknown user get the same answer. Tokens never carry the demo's roles. An
//! ID token comes along when the scope asks for `openid`; it is for the client and must not be taken for an
//! access token, which its `typ` and `aud` say.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

use axum::{
    Form, Json,
    extract::{State, rejection::FormRejection},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::{CLIENT, CONSOLE, Realm, keys::TokenError, users::User};

const SCOPE: &str = "profile email";
const SCOPE_WITH_OPENID: &str = "openid profile email";

/// Answers `POST …/token`.
pub(crate) async fn token(
    State(realm): State<Arc<Realm>>,
    form: Result<Form<TokenRequest>, FormRejection>,
) -> Response {
    realm.stats.token_requests.fetch_add(1, Ordering::Relaxed);
    let outcome = match form {
        Ok(Form(request)) => grant(&realm, request).await,
        Err(_) => Err(GrantError::Malformed),
    };
    let never_stored = [(header::CACHE_CONTROL, "no-store"), (header::PRAGMA, "no-cache")];
    (never_stored, outcome.map(Json)).into_response()
}

async fn grant(realm: &Realm, request: TokenRequest) -> Result<TokenResponse, GrantError> {
    if request.grant_type.as_deref() == Some("authorization_code") {
        return redeem(realm, &request).await;
    }
    let user = authenticate(realm, &request)?;
    let openid = request.scope.is_some_and(|scope| scope.split(' ').any(|one| one == "openid"));
    let scope = if openid { SCOPE_WITH_OPENID } else { SCOPE };
    let session = Uuid::new_v4().to_string();
    let access = Claims::new(realm, user, &session, Kind::Access { scope });
    let id = openid.then(|| Claims::new(realm, user, &session, Kind::Id));
    response(realm, &access, id.as_ref(), scope).await
}

/// The grant of a code. Whatever is wrong with one gets the same answer.
async fn redeem(realm: &Realm, request: &TokenRequest) -> Result<TokenResponse, GrantError> {
    if request.client_id.as_deref() != Some(CONSOLE) {
        return Err(GrantError::UnknownClient);
    }
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let verifier = text(&request.code_verifier);
    let granted = realm.codes.take(&text(&request.code), &text(&request.redirect_uri), &verifier);
    let granted = granted.ok_or(GrantError::WrongCode)?;
    let user = realm.users.of_id(&granted.user).ok_or(GrantError::WrongCode)?;
    let session = Uuid::new_v4().to_string();
    let scope = SCOPE_WITH_OPENID;
    let own = |claims| Claims { azp: CONSOLE, ..claims };
    let access = own(Claims::new(realm, user, &session, Kind::Access { scope }));
    let id = Claims {
        aud: CONSOLE,
        nonce: granted.nonce,
        realm_access: Some(RealmAccess { roles: staff(&user.profile.preferred_username) }),
        ..own(Claims::new(realm, user, &session, Kind::Id))
    };
    response(realm, &access, Some(&id), scope).await
}

/// What somebody may do in the console. It has nothing to do with what they may do in the shop.
pub(crate) fn staff(user: &str) -> &'static [&'static str] {
    match user {
        "adminuser" => &["admin"],
        "testuser-cm" => &["operator"],
        "testuser" => &["viewer"],
        _ => &[],
    }
}

async fn response(
    realm: &Realm,
    access: &Claims<'_>,
    id: Option<&Claims<'_>>,
    scope: &'static str,
) -> Result<TokenResponse, GrantError> {
    let key = realm.keys.current().await;
    Ok(TokenResponse {
        access_token: key.token(access)?,
        expires_in: realm.token_lifetime,
        refresh_expires_in: 0,
        token_type: "Bearer",
        id_token: id.map(|claims| key.token(claims)).transpose()?,
        not_before_policy: 0,
        scope,
        session_state: access.sid.to_owned(),
    })
}

/// In Keycloak's order: the grant, the client, the user.
fn authenticate<'a>(realm: &'a Realm, request: &TokenRequest) -> Result<&'a User, GrantError> {
    match request.grant_type.as_deref() {
        Some("password") => {}
        Some(_) => return Err(GrantError::UnsupportedGrantType),
        None => return Err(GrantError::MissingGrantType),
    }
    if request.client_id.as_deref() != Some(CLIENT) {
        return Err(GrantError::UnknownClient);
    }
    let Some(username) = request.username.as_deref() else {
        return Err(GrantError::MissingUsername);
    };
    let password = request.password.as_deref().unwrap_or_default();
    realm.users.authenticate(username, password).ok_or(GrantError::WrongCredentials)
}

/// Parameters of no interest, such as a client secret, are passed over.
#[derive(Deserialize)]
pub(crate) struct TokenRequest {
    grant_type: Option<String>,
    client_id: Option<String>,
    username: Option<String>,
    password: Option<String>,
    scope: Option<String>,
    code: Option<String>,
    redirect_uri: Option<String>,
    code_verifier: Option<String>,
}

/// Without refresh tokens, so `refresh_expires_in` is 0, as in a Keycloak that has them off.
#[derive(Serialize)]
struct TokenResponse {
    access_token: String,
    expires_in: u64,
    refresh_expires_in: u64,
    token_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<String>,
    #[serde(rename = "not-before-policy")]
    not_before_policy: u64,
    session_state: String,
    scope: &'static str,
}

/// A token's claims, in Keycloak's order.
#[derive(Serialize)]
struct Claims<'a> {
    exp: u64,
    iat: u64,
    jti: String,
    iss: String,
    aud: &'static str,
    sub: &'a str,
    typ: &'static str,
    azp: &'static str,
    sid: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'static str>,
    email_verified: bool,
    name: &'a str,
    preferred_username: &'a str,
    given_name: &'a str,
    family_name: &'a str,
    email: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    realm_access: Option<RealmAccess>,
}

#[derive(Serialize)]
struct RealmAccess {
    roles: &'static [&'static str],
}

#[derive(Clone, Copy)]
enum Kind {
    Access { scope: &'static str },
    Id,
}

impl<'a> Claims<'a> {
    fn new(realm: &Realm, user: &'a User, session: &'a str, kind: Kind) -> Self {
        let (typ, aud, scope) = match kind {
            Kind::Access { scope } => ("Bearer", "account", Some(scope)),
            Kind::Id => ("ID", CLIENT, None),
        };
        let iat = unix_seconds();
        Self {
            exp: iat.saturating_add(realm.token_lifetime),
            iat,
            jti: Uuid::new_v4().to_string(),
            iss: realm.issuer.to_string(),
            aud,
            sub: &user.id,
            typ,
            azp: CLIENT,
            sid: session,
            scope,
            email_verified: user.profile.email_verified,
            name: &user.profile.name,
            preferred_username: &user.profile.preferred_username,
            given_name: &user.profile.given_name,
            family_name: &user.profile.family_name,
            email: &user.profile.email,
            nonce: None,
            realm_access: None,
        }
    }
}

/// 0 on a machine whose clock stands before 1970: its tokens are expired, which is the safe side.
fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Why there is no token.
enum GrantError {
    /// Not a form, or a parameter twice.
    Malformed,
    MissingGrantType,
    UnsupportedGrantType,
    UnknownClient,
    MissingUsername,
    WrongCredentials,
    /// Unknown, used, too old, or shown by somebody else.
    WrongCode,
    /// Our fault.
    Token(TokenError),
}

impl From<TokenError> for GrantError {
    fn from(error: TokenError) -> Self {
        Self::Token(error)
    }
}

impl IntoResponse for GrantError {
    fn into_response(self) -> Response {
        use StatusCode as Status;
        let (status, error, description) = match self {
            Self::Malformed => (Status::BAD_REQUEST, "invalid_request", "Malformed form"),
            Self::MissingGrantType => {
                (Status::BAD_REQUEST, "invalid_request", "Missing form parameter: grant_type")
            }
            Self::UnsupportedGrantType => {
                (Status::BAD_REQUEST, "unsupported_grant_type", "Unsupported grant_type")
            }
            Self::UnknownClient => (
                Status::UNAUTHORIZED,
                "invalid_client",
                "Invalid client or Invalid client credentials",
            ),
            Self::MissingUsername => {
                (Status::UNAUTHORIZED, "invalid_request", "Missing parameter: username")
            }
            Self::WrongCredentials => {
                (Status::UNAUTHORIZED, "invalid_grant", "Invalid user credentials")
            }
            Self::WrongCode => (Status::BAD_REQUEST, "invalid_grant", "Code not valid"),
            Self::Token(error) => {
                eprintln!("dev-idp: no token could be made: {error}");
                (Status::INTERNAL_SERVER_ERROR, "unknown_error", "No token could be made")
            }
        };
        (status, Json(json!({"error": error, "error_description": description}))).into_response()
    }
}
