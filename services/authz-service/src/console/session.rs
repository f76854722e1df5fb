//! Who is signed in: kept here, found by a random id that only their browser has, over after
//! [`LONGEST`] whatever happens, after [`IDLE`] without a request, and with this process.
//!
//! Bounded: beyond [`MAX_SESSIONS`] whoever has not been seen for longest is signed out. Ids are kept
//! as digests, so that how long a look-up takes says nothing about them.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use super::random::Random;
use crate::admin::access::Administrator;
use crate::admin::revoked::Issued;

/// How long a session lasts at most. An ID token's own end would be too soon: it says until when
/// the sign-in may be believed, which is once, here.
pub(super) const LONGEST: Duration = Duration::from_secs(8 * 3_600);
/// How long it lasts without a request.
pub(super) const IDLE: Duration = Duration::from_secs(30 * 60);
/// Most sessions at once.
pub(super) const MAX_SESSIONS: usize = 1_000;

/// Somebody who is signed in.
#[derive(Clone)]
pub(super) struct Session {
    pub(super) administrator: Administrator,
    /// What the page calls them.
    pub(super) name: String,
    /// The key of the tokens in their forms.
    pub(super) forms: Random,
    /// What they signed in with, in case it is revoked.
    pub(super) issued: Issued,
}

/// What a session is kept under.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct SessionKey([u8; 32]);

impl SessionKey {
    /// Of the id in a cookie.
    pub(super) fn of(id: &str) -> Self {
        Self(Sha256::digest(id).into())
    }
}

struct Kept {
    session: Session,
    began: Instant,
    seen: Instant,
}

impl Kept {
    fn is_over(&self, now: Instant) -> bool {
        let since = |then| now.saturating_duration_since(then);
        since(self.began) >= LONGEST || since(self.seen) >= IDLE
    }
}

/// Everybody who is signed in.
#[derive(Default)]
pub(super) struct Sessions(Mutex<HashMap<SessionKey, Kept>>);

impl Sessions {
    /// Begins a session; its id goes to the browser and nowhere else.
    pub(super) fn begin(&self, session: Session, now: Instant) -> Result<String, getrandom::Error> {
        let id = Random::new()?.text();
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MAX_SESSIONS {
            kept.retain(|_, kept| !kept.is_over(now));
        }
        if kept.len() >= MAX_SESSIONS {
            let idlest = kept.iter().min_by_key(|(_, kept)| kept.seen).map(|(key, _)| *key);
            idlest.and_then(|key| kept.remove(&key));
        }
        kept.insert(SessionKey::of(&id), Kept { session, began: now, seen: now });
        Ok(id)
    }

    /// The session of this key, seen at `now`.
    pub(super) fn find(&self, key: SessionKey, now: Instant) -> Option<Session> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kept.get_mut(&key)?;
        if found.is_over(now) {
            kept.remove(&key);
            return None;
        }
        found.seen = now;
        Some(found.session.clone())
    }

    /// Ends it.
    pub(super) fn end(&self, key: SessionKey) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn somebody() -> Session {
        let administrator = Administrator::new("admin:a", ["viewer"]).unwrap();
        let issued = Issued::default();
        Session { administrator, name: "a".to_owned(), forms: Random::new().unwrap(), issued }
    }

    #[test]
    fn a_session_ends_by_idleness_by_age_and_by_its_owner() {
        let sessions = Sessions::default();
        let begun = Instant::now();
        let find = |key, after| sessions.find(key, begun + after).is_some();
        let begin = || SessionKey::of(&sessions.begin(somebody(), begun).unwrap());
        let idle = begin();
        assert!(find(idle, IDLE - Duration::from_secs(1)));
        assert!(!find(idle, IDLE * 2));
        let old = begin();
        let steps = u32::try_from(LONGEST.as_secs() / 600).unwrap();
        for step in 1..steps {
            assert!(find(old, Duration::from_secs(600) * step), "{step}");
        }
        assert!(!find(old, LONGEST));
        let own = begin();
        sessions.end(own);
        assert!(!find(own, Duration::ZERO));
        assert!(!find(SessionKey::of(""), Duration::ZERO));
    }

    #[test]
    fn too_many_sessions_end_the_one_not_seen_for_longest() {
        let sessions = Sessions::default();
        let begun = Instant::now();
        let after = |n| begun + Duration::from_millis(n);
        let keys: Vec<_> = (0..MAX_SESSIONS as u64)
            .map(|n| SessionKey::of(&sessions.begin(somebody(), after(n)).unwrap()))
            .collect();
        assert!(sessions.find(keys[0], after(5_000)).is_some());
        sessions.begin(somebody(), after(6_000)).unwrap();
        assert!(sessions.find(keys[0], after(6_000)).is_some());
        assert!(sessions.find(keys[1], after(6_000)).is_none());
        assert_eq!(sessions.0.lock().unwrap().len(), MAX_SESSIONS);
    }
}
