//! Security event tokens (RFC 8417) of the Continuous Access Evaluation Profile 1.0:
//! `session-revoked` (§3.1) and `credential-change` (§3.3), and what of them is revoked.
//!
//! The subject is in `sub_id` (RFC 9493) or, as older drafts have it, in the event's `subject`. A
//! subject that cannot be told is an error, never nobody: a revocation must not be lost silently.
//! Events of other kinds are acknowledged and change nothing.

use claimgate::authn::{Json, Statement};
use jiff::Timestamp;

use super::logout_token::LoggedOut;

/// The media type of a security event token (RFC 8417 §2.3).
pub const TYPES: [&str; 1] = ["secevent+jwt"];

const SESSION_REVOKED: &str = "https://schemas.openid.net/secevent/caep/event-type/session-revoked";
const CREDENTIAL_CHANGE: &str =
    "https://schemas.openid.net/secevent/caep/event-type/credential-change";

/// A security event.
#[derive(Debug, PartialEq, Eq)]
pub struct SecurityEvent {
    /// Its name, for which it is used once.
    pub jti: String,
    /// What it revokes, if anything.
    pub revoked: Option<Revoked>,
}

/// Whose tokens no longer count.
#[derive(Debug, PartialEq, Eq)]
pub struct Revoked {
    /// `iss` of the tokens, where the event names one.
    pub issuer: Option<String>,
    /// Them.
    pub who: LoggedOut,
    /// When it happened, where the event says so.
    pub at: Option<Timestamp>,
}

/// Why a verified statement is no event we understand. Names the claim, never its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAnEvent {
    /// No `jti`, so it could be sent again.
    #[error("it has no jti")]
    Jti,
    /// Without events.
    #[error("it has no events")]
    Events,
    /// A subject in a form that names none of our tokens.
    #[error("its subject is in no form that names a session or a subject of an issuer")]
    Subject,
}

impl SecurityEvent {
    /// What a verified statement says, if it is a security event.
    pub fn read(statement: &Statement) -> Result<Self, NotAnEvent> {
        let claims = &statement.claims;
        let jti = claims.named("jti").and_then(|jti| text(&jti)).ok_or(NotAnEvent::Jti)?;
        let events = claims.named("events").ok_or(NotAnEvent::Events)?;
        events.as_object().ok_or(NotAnEvent::Events)?;
        let session = events.get(SESSION_REVOKED).map(|event| (event, Unit::Session));
        let credential = events.get(CREDENTIAL_CHANGE).map(|event| (event, Unit::Subject));
        let Some((event, unit)) = session.or(credential) else {
            return Ok(Self { jti, revoked: None });
        };
        let subject = claims.named("sub_id").or_else(|| event.get("subject"));
        let (issuer, who) = named(&subject.ok_or(NotAnEvent::Subject)?, unit)?;
        let at = event.get("event_timestamp").as_ref().and_then(seconds);
        Ok(Self { jti, revoked: Some(Revoked { issuer, who, at }) })
    }
}

/// What an event is about at the least.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    /// One session, if the subject names one.
    Session,
    /// Everything the subject has.
    Subject,
}

/// The subject identifier's session or subject (RFC 9493 §3.2.3, §3.2.4; Shared Signals §3.2 for
/// the complex form).
fn named(subject: &Json<'_>, unit: Unit) -> Result<(Option<String>, LoggedOut), NotAnEvent> {
    let member = |object: &Json<'_>, name: &str| object.get(name).and_then(|value| text(&value));
    let user = subject.get("user").unwrap_or_else(|| subject.clone());
    let issuer = member(&user, "iss");
    let session = subject.get("session");
    let sid = session
        .as_ref()
        .and_then(|session| member(session, "id").or_else(|| member(session, "sub")));
    let sid = sid.or_else(|| member(subject, "id").filter(|_| session.is_none()));
    match (unit, sid, member(&user, "sub")) {
        (Unit::Session, Some(sid), _) => Ok((issuer, LoggedOut::Session(sid))),
        (_, _, Some(sub)) if issuer.is_some() => Ok((issuer, LoggedOut::Subject(sub))),
        _ => Err(NotAnEvent::Subject),
    }
}

fn text(value: &Json<'_>) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

fn seconds(value: &Json<'_>) -> Option<Timestamp> {
    let number = value.as_number()?;
    // Some transmitters send a text, or milliseconds: then the time of arrival has to do.
    Timestamp::from_second(number.as_i64()?).ok()
}
