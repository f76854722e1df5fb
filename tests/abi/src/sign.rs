//! The host's `sign` and `verify_signature` as Envoy has them: ECDSA on P-256, SHA-256, with a key that
//! comes with the question, as DER.

use p256::ecdsa::signature::{Signer as _, Verifier as _};
use p256::ecdsa::{Signature, SigningKey, VerifyingKey};
use p256::pkcs8::{DecodePrivateKey as _, DecodePublicKey as _};

/// What `function` answers; `None` where Envoy would say that the arguments are bad.
pub(crate) fn call(function: &str, arguments: &[u8]) -> Option<Vec<u8>> {
    match function {
        "sign" => sign(arguments),
        _ => verify(arguments),
    }
}

/// Whether there is such a function.
pub(crate) fn has(function: &str) -> bool {
    matches!(function, "sign" | "verify_signature")
}

/// `SignResult` for `SignArguments`; `None` for arguments that Envoy would call bad.
fn sign(arguments: &[u8]) -> Option<Vec<u8>> {
    let fields = fields(arguments)?;
    let field = |number: u8| fields.iter().find(|(one, _)| *one == number).map(|(_, value)| value);
    let (hash, key, text) = (field(1)?, field(2)?, field(3)?);
    let key = SigningKey::from_pkcs8_der(key).ok().filter(|_| hash == b"sha256");
    let Some(key) = key else { return Some(message(0x1a, b"Invalid key type")) };
    let signature: Signature = key.sign(text);
    Some([&[0x08, 0x01][..], &message(0x12, signature.to_der().as_bytes())].concat())
}

/// `VerifySignatureResult` for `VerifySignatureArguments`.
fn verify(arguments: &[u8]) -> Option<Vec<u8>> {
    let fields = fields(arguments)?;
    let field = |number: u8| fields.iter().find(|(one, _)| *one == number).map(|(_, value)| value);
    let (hash, key, signature, text) = (field(1)?, field(2)?, field(3)?, field(4)?);
    let key = VerifyingKey::from_public_key_der(key).ok().filter(|_| hash == b"sha256");
    let signature = Signature::from_der(signature).ok();
    let verified = key.zip(signature).is_some_and(|(key, it)| key.verify(text, &it).is_ok());
    Some(if verified { vec![0x08, 0x01] } else { message(0x12, b"Failed to verify") })
}

fn message(tag: u8, value: &[u8]) -> Vec<u8> {
    let len = u8::try_from(value.len()).expect("a short value");
    [&[tag, len][..], value].concat()
}

/// Fields of a protobuf message, all of them texts or bytes.
fn fields(mut message: &[u8]) -> Option<Vec<(u8, Vec<u8>)>> {
    let mut fields = Vec::new();
    while let Some((tag, rest)) = message.split_first() {
        let (mut len, mut shift, mut rest) = (0_usize, 0, rest);
        loop {
            let (byte, after) = rest.split_first()?;
            len |= usize::from(byte & 0x7f) << shift;
            (shift, rest) = (shift + 7, after);
            if byte & 0x80 == 0 {
                break;
            }
        }
        let (value, after) = rest.split_at_checked(len)?;
        fields.push((tag >> 3, value.to_vec()));
        message = after;
    }
    Some(fields)
}
