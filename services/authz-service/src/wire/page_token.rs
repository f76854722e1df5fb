//! The opaque token that leads to the next page of a search.
//!
//! It holds a place and the digest of the question it belongs to, so that it cannot be used to go
//! on with another one (AuthZEN 1.0 section 8.2: entities must be identical). It is no secret and
//! grants nothing: what it leads to is evaluated like everything else.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use claimgate_authz_api::EvaluationRequest;
use sha2::{Digest, Sha256};

use super::problem::Problem;
use crate::decision_point::search::Position;

/// Bytes of the digest that a token carries.
const SEAL_BYTES: usize = 12;
const START: u8 = 0;
const AFTER: u8 = 1;

/// Tokens of one question.
pub(super) struct PageToken {
    seal: [u8; SEAL_BYTES],
}

impl PageToken {
    /// For the question `request` to the search called `search`.
    pub(super) fn seal(search: &str, request: &EvaluationRequest) -> Self {
        // A request that was read from JSON can always be written; else no token ever fits.
        let question = serde_json::to_vec(&(search, request)).unwrap_or_default();
        let digest = Sha256::digest(&question);
        let mut seal = [0; SEAL_BYTES];
        seal.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
        Self { seal }
    }

    /// The token that leads to `position`.
    pub(super) fn at(&self, position: &Position) -> String {
        let mut bytes = self.seal.to_vec();
        match position {
            Position::Start => bytes.push(START),
            Position::After(id) => {
                bytes.push(AFTER);
                bytes.extend_from_slice(id.as_bytes());
            }
        }
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Where `token` leads to, if it belongs to this question.
    pub(super) fn open(&self, token: &str) -> Result<Position, Problem> {
        self.read(token).ok_or_else(|| {
            Problem::malformed("page.token", "must be the next_token of the same search")
        })
    }

    fn read(&self, token: &str) -> Option<Position> {
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        match bytes.strip_prefix(&self.seal)?.split_first()? {
            (&START, []) => Some(Position::Start),
            (&AFTER, id) => Some(Position::After(String::from_utf8(id.to_vec()).ok()?)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn tokens(search: &str, action: &str) -> PageToken {
        let request = json!({"subject": {"type": "user", "id": "*"}, "action": {"name": action},
                             "resource": {"type": "record", "id": "r"}});
        PageToken::seal(search, &serde_json::from_value(request).unwrap())
    }

    #[test]
    fn a_token_leads_back_to_its_place() {
        for position in [Position::Start, Position::After("älice\0".into())] {
            let token = tokens("subject", "read").at(&position);
            assert_eq!(tokens("subject", "read").open(&token), Ok(position));
        }
    }

    #[test]
    fn a_token_of_another_search_or_of_nobody_is_refused() {
        let token = tokens("subject", "read").at(&Position::After("alice".into()));
        for other in [tokens("subject", "write"), tokens("resource", "read")] {
            assert!(other.open(&token).is_err());
        }
        let short: String = token.chars().take(12).collect();
        for forged in ["", "AAAA", "not base64!", &short, &format!("{token}=")] {
            assert!(tokens("subject", "read").open(forged).is_err(), "{forged}");
        }
    }
}
