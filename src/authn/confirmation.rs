//! Who may use a token: anybody who has it, or only who can show a key or a certificate (`cnf`,
//! RFC 7800 §3.1, RFC 9449 §6.1, RFC 8705 §3.1).
//!
//! A token that says it is bound is never taken as unbound. `cnf` that is no object, that has a
//! hash which is none, or that knows only ways we cannot check (`jwk`, `kid`, `jku` …) ends the
//! token: its issuer meant it to be worthless to a thief, and letting it pass without that check
//! would make it worth something. Members that we do not know beside one that we do are passed
//! over, as RFC 7800 asks.

use super::{AuthnError, Claims, Thumbprint};

/// What the sender of a token has to show. Where both are there, both are needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Confirmation {
    key: Option<Thumbprint>,
    certificate: Option<Thumbprint>,
}

impl Confirmation {
    /// What a token's `cnf` asks for; [`AuthnError::Confirmation`] when nobody here can tell.
    pub(super) fn read(claims: &Claims) -> Result<Self, AuthnError> {
        let Some(cnf) = claims.named("cnf") else { return Ok(Self::default()) };
        let members = cnf.as_object().ok_or(AuthnError::Confirmation)?;
        let hash = |name: &str| match members.get(name) {
            None => Ok(None),
            Some(value) => {
                let hash = value.as_str().and_then(Thumbprint::from_base64url);
                hash.map(Some).ok_or(AuthnError::Confirmation)
            }
        };
        let found = Self { key: hash("jkt")?, certificate: hash("x5t#S256")? };
        if found.is_bound() { Ok(found) } else { Err(AuthnError::Confirmation) }
    }

    /// Whether the sender has to show anything.
    pub const fn is_bound(&self) -> bool {
        self.key.is_some() || self.certificate.is_some()
    }

    /// The key that has to sign a proof with each request (`jkt`, RFC 9449 §6.1).
    pub const fn key(&self) -> Option<Thumbprint> {
        self.key
    }

    /// Whether the connection has to have a client certificate.
    pub const fn wants_certificate(&self) -> bool {
        self.certificate.is_some()
    }

    /// Whether the connection's client certificate is the one the token is bound to, if it is
    /// bound to one (`x5t#S256`, RFC 8705 §3). `presented` is the hash of its DER, `None` where
    /// the client has shown none, or TLS has not checked that it has the key.
    pub fn check_certificate(&self, presented: Option<Thumbprint>) -> Result<(), AuthnError> {
        if self.certificate.is_none() || self.certificate == presented {
            Ok(())
        } else {
            Err(AuthnError::Certificate)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// Hashes of RFC 9449 §6.1 and RFC 8705 appendix A.
    const JKT: &str = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
    const X5T: &str = "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0";

    fn read(claims: &Value) -> Result<Confirmation, AuthnError> {
        Confirmation::read(&Claims::from_slice(claims.to_string().as_bytes()).unwrap())
    }

    #[test]
    fn a_token_without_cnf_is_anybodys() {
        let anybodys = read(&json!({"sub": "a"})).unwrap();
        assert!(!anybodys.is_bound() && anybodys.key().is_none());
        assert_eq!(anybodys.check_certificate(None), Ok(()));
    }

    #[test]
    fn key_and_certificate_are_found_alone_and_together() {
        let [jkt, x5t] = [JKT, X5T].map(Thumbprint::from_base64url);
        let key = read(&json!({"cnf": {"jkt": JKT}})).unwrap();
        assert_eq!((key.key, key.certificate, key.is_bound()), (jkt, None, true));
        let certificate = read(&json!({"cnf": {"x5t#S256": X5T}})).unwrap();
        assert_eq!((certificate.key, certificate.certificate), (None, x5t));
        let both = read(&json!({"cnf": {"x5t#S256": X5T, "jkt": JKT, "kid": 1}})).unwrap();
        assert_eq!((both.key, both.certificate), (jkt, x5t));
    }

    #[test]
    fn the_certificate_has_to_be_the_one_in_the_token() {
        let [jkt, x5t] = [JKT, X5T].map(Thumbprint::from_base64url);
        let bound = read(&json!({"cnf": {"x5t#S256": X5T}})).unwrap();
        assert_eq!(bound.check_certificate(x5t), Ok(()));
        assert_eq!(bound.check_certificate(jkt), Err(AuthnError::Certificate));
        assert_eq!(bound.check_certificate(None), Err(AuthnError::Certificate));
    }

    #[test]
    fn what_nobody_here_can_check_is_refused_and_never_unbound() {
        for cnf in [
            json!(null),
            json!("x"),
            json!([]),
            json!([{"jkt": JKT}]),
            json!({}),
            json!({"kid": "k"}),
            json!({"jwk": {"kty": "OKP"}}),
            json!({"jku": "https://example.com/keys", "kid": "k"}),
            json!({"JKT": JKT}),
            json!({"x5t": X5T}),
            json!({"jkt": null}),
            json!({"jkt": 1}),
            json!({"jkt": ""}),
            json!({"jkt": JKT.trim_start_matches('0')}),
            json!({"jkt": format!("{JKT}=")}),
            json!({"jkt": [JKT]}),
            json!({"jkt": JKT, "x5t#S256": null}),
            json!({"x5t#S256": X5T, "jkt": "short"}),
            // The example of RFC 8705 §3.1: its last character has bits of no byte.
            json!({"x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"}),
        ] {
            assert_eq!(read(&json!({"cnf": cnf})), Err(AuthnError::Confirmation), "{cnf}");
        }
    }
}
