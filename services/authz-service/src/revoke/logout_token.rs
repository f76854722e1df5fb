//! Logout tokens (OpenID Connect Back-Channel Logout 1.0 §2.4, §2.6): what a verified one says.
//!
//! Signature, issuer, audience and times were checked before; here is what makes it a logout token
//! and nothing else. An ID token can never be one: it has a nonce or no event.

use claimgate::authn::Statement;

/// Media types of a logout token; identity providers from before the final specification name none.
pub const TYPES: [&str; 3] = ["logout+jwt", "jwt", ""];

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// Who is logged out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoggedOut {
    /// One session.
    Session(String),
    /// All sessions that a subject has now.
    Subject(String),
}

/// A logout token.
#[derive(Debug, PartialEq, Eq)]
pub struct LogoutToken {
    /// Its name, for which it is used once.
    pub jti: String,
    /// Whose tokens no longer count.
    pub who: LoggedOut,
}

/// Why a verified statement is no logout token. Names the claim, never its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotALogout {
    /// No `jti`, so it could be sent again.
    #[error("it has no jti")]
    Jti,
    /// Without the event that makes it one.
    #[error("its events do not have the back-channel logout event")]
    Event,
    /// With a nonce: an ID token, or made to look like one.
    #[error("it has a nonce")]
    Nonce,
    /// Nobody is logged out.
    #[error("it has neither sub nor sid")]
    Nobody,
}

impl LogoutToken {
    /// What a verified statement says, if it is a logout token.
    pub fn read(statement: &Statement) -> Result<Self, NotALogout> {
        let claims = &statement.claims;
        let text = |name: &str| {
            claims.named(name)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
        };
        if claims.named("nonce").is_some() {
            return Err(NotALogout::Nonce);
        }
        let event = claims.named("events").and_then(|events| events.get(EVENT));
        event.and_then(|event| event.as_object()).ok_or(NotALogout::Event)?;
        // Both: the session, of that subject.
        let who =
            text("sid").map(LoggedOut::Session).or_else(|| text("sub").map(LoggedOut::Subject));
        Ok(Self { jti: text("jti").ok_or(NotALogout::Jti)?, who: who.ok_or(NotALogout::Nobody)? })
    }
}
