//! Who changes something, and under which name a request may be repeated.

/// Longest name of an actor and longest idempotency key, in bytes.
const MAX_LABEL_BYTES: usize = 256;

/// Who makes a change, for the audit log.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Actor(String);

impl Actor {
    /// `None` for an empty or too long name, or one with control characters.
    pub fn parse(name: &str) -> Option<Self> {
        is_label(name).then(|| Self(name.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A caller's name for one request. The same request under the same key happens once, for 24 h.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey {
    key: String,
    request: Option<String>,
}

impl IdempotencyKey {
    /// `None` for an empty or too long key, or one with control characters.
    pub fn parse(key: &str) -> Option<Self> {
        is_label(key).then(|| Self { key: key.to_owned(), request: None })
    }

    /// The same key for the request with this digest. Without one the change itself is compared,
    /// which is too strict where a part of it is filled in with the time of the day.
    #[must_use]
    pub fn of_request(self, digest: String) -> Self {
        Self { request: Some(digest), ..self }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.key
    }

    pub(super) fn request(&self) -> Option<&str> {
        self.request.as_deref()
    }
}

fn is_label(text: &str) -> bool {
    (1..=MAX_LABEL_BYTES).contains(&text.len()) && !text.chars().any(char::is_control)
}
