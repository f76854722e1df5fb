//! The authorization endpoint, for programs that people sign in to with a browser: a page that asks
//! for a user and password, and a code for the program (OpenID Connect Core 1.0, section 3.1).
//!
//! Only with PKCE (RFC 7636, `S256`), and only back to a page on this machine: whatever is wrong
//! with the client or its page is told here and never redirected. A code works once, for a minute.

use std::sync::Arc;

use axum::{
    Form,
    extract::{Query, State},
    http::{StatusCode, header},
    response::{Html, IntoResponse, Redirect, Response},
};
use serde::Deserialize;

use crate::{CONSOLE, Realm, codes::Granted, realm::error, users::User};

/// Where codes may be sent: the path is the program's own, host and port are this machine's
/// (RFC 8252, section 7.3).
const BACK: &str = "/console/sign-in/callback";
const HOSTS: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// What a program asks for.
#[derive(Clone, Deserialize)]
pub(crate) struct Asked {
    response_type: String,
    client_id: String,
    redirect_uri: String,
    scope: String,
    state: String,
    nonce: Option<String>,
    code_challenge: String,
    code_challenge_method: String,
}

/// What the page sends: the question again, and who answers.
#[derive(Deserialize)]
pub(crate) struct Answered {
    #[serde(flatten)]
    asked: Asked,
    username: String,
    password: String,
}

impl Asked {
    /// What is wrong with it.
    fn problem(&self) -> Option<&'static str> {
        let is_openid = self.scope.split(' ').any(|one| one == "openid");
        if self.client_id != CONSOLE {
            Some("Client not found.")
        } else if !is_back(&self.redirect_uri) {
            Some("Invalid parameter: redirect_uri")
        } else if self.response_type != "code" || !is_openid {
            Some("Only a code with the scope openid is given here")
        } else if self.code_challenge_method != "S256" || self.code_challenge.len() != 43 {
            Some("Missing parameter: code_challenge, with the method S256")
        } else {
            None
        }
    }

    fn fields(&self) -> [(&'static str, &str); 8] {
        [
            ("response_type", &self.response_type),
            ("client_id", &self.client_id),
            ("redirect_uri", &self.redirect_uri),
            ("scope", &self.scope),
            ("state", &self.state),
            ("nonce", self.nonce.as_deref().unwrap_or_default()),
            ("code_challenge", &self.code_challenge),
            ("code_challenge_method", &self.code_challenge_method),
        ]
    }
}

fn is_back(uri: &str) -> bool {
    let Some(authority) = uri.strip_prefix("http://").and_then(|it| it.strip_suffix(BACK)) else {
        return false;
    };
    HOSTS.iter().any(|host| {
        let port = authority.strip_prefix(host);
        port.is_some_and(|port| {
            port.is_empty()
                || port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok())
        })
    })
}

/// Answers `GET …/auth`: the page.
pub(crate) async fn page(
    asked: Result<Query<Asked>, axum::extract::rejection::QueryRejection>,
) -> Response {
    let Ok(Query(asked)) = asked else {
        return error(StatusCode::BAD_REQUEST, "Missing parameter");
    };
    match asked.problem() {
        Some(problem) => error(StatusCode::BAD_REQUEST, problem),
        None => form(StatusCode::OK, &asked, ""),
    }
}

/// Answers `POST …/auth`: back to the program with a code, or the page once more.
pub(crate) async fn sign_in(
    State(realm): State<Arc<Realm>>,
    answered: Result<Form<Answered>, axum::extract::rejection::FormRejection>,
) -> Response {
    let Ok(Form(Answered { asked, username, password })) = answered else {
        return error(StatusCode::BAD_REQUEST, "Missing parameter");
    };
    if let Some(problem) = asked.problem() {
        return error(StatusCode::BAD_REQUEST, problem);
    }
    let Some(user) = realm.users.authenticate(&username, &password) else {
        return form(StatusCode::OK, &asked, "Invalid username or password.");
    };
    let code = realm.codes.give(granted(&asked, user));
    let (iss, state) = (encoded(&realm.issuer.to_string()), encoded(&asked.state));
    let place = format!("{}?code={code}&state={state}&iss={iss}", asked.redirect_uri);
    Redirect::to(&place).into_response()
}

fn granted(asked: &Asked, user: &User) -> Granted {
    Granted {
        user: user.id.clone(),
        redirect_uri: asked.redirect_uri.clone(),
        challenge: asked.code_challenge.clone(),
        nonce: asked.nonce.clone().filter(|nonce| !nonce.is_empty()),
    }
}

fn form(status: StatusCode, asked: &Asked, said: &str) -> Response {
    let hidden: String = asked
        .fields()
        .iter()
        .map(|(name, value)| {
            format!("<input type=\"hidden\" name=\"{name}\" value=\"{}\">", escaped(value))
        })
        .collect();
    let page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Sign in to dev-idp</title>\
         <h1>Sign in to dev-idp</h1><p>For development: its passwords are published.</p>\
         <p role=\"alert\">{said}</p><form method=\"post\">{hidden}\
         <p><label>User <input name=\"username\" autocomplete=\"username\" required></label></p>\
         <p><label>Password <input name=\"password\" type=\"password\" required \
         autocomplete=\"current-password\"></label></p><p><button>Sign in</button></p></form></html>"
    );
    let policy = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'";
    let headers = [(header::CONTENT_SECURITY_POLICY, policy), (header::CACHE_CONTROL, "no-store")];
    (status, headers, Html(page)).into_response()
}

fn escaped(text: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || "-._~:/ ".contains(c);
    let one = |c: char| if safe(c) { c.to_string() } else { format!("&#{};", u32::from(c)) };
    text.chars().map(one).collect()
}

fn encoded(text: &str) -> String {
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let one = |byte: u8| {
        if safe(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    text.bytes().map(one).collect()
}
