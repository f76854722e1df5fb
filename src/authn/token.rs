//! Taking a compact JWS apart (RFC 7515 §3.1, RFC 7519 §7.2). Everything in a [`ParsedToken`] is
//! what the sender claims; nothing of it is believed.

use super::json::{Json, Object};
use super::{Algorithm, AuthnError, Claims, RawToken};
use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Longest token that is looked at, in bytes. Envoy takes 60 KiB of headers in all.
const MAX_TOKEN: usize = 16 * 1024;

/// Most headers that are kept, and the longest one.
const MAX_HEADERS: usize = 8;
const MAX_HEADER: usize = 512;

/// A signature with what it is said to be.
#[derive(Debug)]
pub(super) struct Signed<'t> {
    /// What the header says the signature is.
    pub(super) algorithm: Algorithm,
    /// Key the header names.
    pub(super) key_id: Option<Rc<str>>,
    /// Header and claims as they were sent: what the signature is over.
    pub(super) signing_input: &'t [u8],
    /// The signature.
    pub(super) signature: Vec<u8>,
}

/// A well-formed token: decoded, and nothing of it believed.
#[derive(Debug)]
pub struct ParsedToken<'t> {
    /// Its signature.
    pub(super) signed: Signed<'t>,
    /// Whether the header says that it is an access token (RFC 9068 §2.1).
    pub(super) says_access: bool,
    /// The claims.
    pub(super) claims: Claims,
}

impl<'t> ParsedToken<'t> {
    /// Takes a token apart and refuses what no key could make acceptable.
    pub fn parse(token: RawToken<'t>) -> Result<Self, AuthnError> {
        Self::parse_with(token, &mut HeaderMemo::default())
    }

    /// The same, with headers that have been read before.
    pub(crate) fn parse_with(
        token: RawToken<'t>,
        known: &mut HeaderMemo,
    ) -> Result<Self, AuthnError> {
        let text = token.as_str();
        if text.len() > MAX_TOKEN {
            return Err(AuthnError::TooLong);
        }
        // What decodes has the form; of what does not, the form says whether it is a token at all.
        Self::decode(text, known).map_err(|error| token.check_form().err().unwrap_or(error))
    }

    fn decode(text: &'t str, known: &mut HeaderMemo) -> Result<Self, AuthnError> {
        let (signing_input, signature) = text.rsplit_once('.').ok_or(AuthnError::Malformed)?;
        let (header, claims) = signing_input.split_once('.').ok_or(AuthnError::Malformed)?;
        let Header { algorithm, says_access, key_id } = known.read(header)?;
        let claims = Claims::from_slice(&decode(claims)?).ok_or(AuthnError::Malformed)?;
        let signed = Signed {
            algorithm,
            key_id,
            signing_input: signing_input.as_bytes(),
            signature: decode(signature)?,
        };
        Ok(Self { signed, says_access, claims })
    }

    /// The key its header names.
    pub fn key_id(&self) -> Option<&str> {
        self.signed.key_id.as_deref()
    }

    /// The issuer it claims to be of.
    pub fn claimed_issuer(&self) -> Option<&str> {
        self.claims.named("iss")?.as_str()
    }
}

/// What a header says that we look at.
#[derive(Clone, Debug)]
struct Header {
    algorithm: Algorithm,
    says_access: bool,
    key_id: Option<Rc<str>>,
}

impl Header {
    fn read(part: &str) -> Result<Self, AuthnError> {
        let header = Object::from_slice(&decode(part)?).ok_or(AuthnError::Malformed)?;
        let (algorithm, says_access) = check_header(&header)?;
        Ok(Self { algorithm, says_access, key_id: key_id(&header)? })
    }
}

/// Headers that have been read: all tokens that a key signs have the same.
#[derive(Debug, Default)]
pub(crate) struct HeaderMemo(Vec<(Box<str>, Header)>);

impl HeaderMemo {
    fn read(&mut self, part: &str) -> Result<Header, AuthnError> {
        if let Some((_, known)) = self.0.iter().find(|(known, _)| **known == *part) {
            return Ok(known.clone());
        }
        let header = Header::read(part)?;
        if part.len() <= MAX_HEADER {
            if self.0.len() >= MAX_HEADERS {
                self.0.remove(0);
            }
            self.0.push((part.into(), header.clone()));
        }
        Ok(header)
    }
}

/// Strict base64url without padding (RFC 7515 §2): no other alphabet, no stray bits, no blanks.
pub(super) fn decode(part: &str) -> Result<Vec<u8>, AuthnError> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| AuthnError::Malformed)
}

/// The algorithm, and whether it says to be an access token.
fn check_header(header: &Object) -> Result<(Algorithm, bool), AuthnError> {
    if header.get("crit").is_some() || header.get("b64").is_some() {
        return Err(AuthnError::Critical);
    }
    let typ = media_type(header)?;
    if !matches!(typ.as_deref(), None | Some("jwt" | "at+jwt")) {
        return Err(AuthnError::TokenType);
    }
    let name = header.get("alg").and_then(|name| name.as_str()).ok_or(AuthnError::Malformed)?;
    let algorithm = Algorithm::named(name).ok_or(AuthnError::Algorithm)?;
    Ok((algorithm, typ.as_deref() == Some("at+jwt")))
}

/// What a header's `typ` says the token is: a media type, in lower case and without the
/// `application/` that may be left out (RFC 7515 §4.1.9).
pub(super) fn media_type(header: &Object) -> Result<Option<String>, AuthnError> {
    let Some(typ) = header.get("typ") else { return Ok(None) };
    let typ = typ.as_str().ok_or(AuthnError::Malformed)?.to_ascii_lowercase();
    Ok(Some(typ.strip_prefix("application/").map(str::to_owned).unwrap_or(typ)))
}

pub(super) fn key_id(header: &Object) -> Result<Option<Rc<str>>, AuthnError> {
    match header.get("kid") {
        None => Ok(None),
        Some(Json::Text(kid)) if kid.len() <= 256 => Ok(Some(kid.into())),
        Some(_) => Err(AuthnError::Malformed),
    }
}
