//! The self-signed certificates that stand beside a key in the key set, as in Keycloak's.
//!
//! Nobody should trust them: they are there so that a reader of the key set meets the members
//! `x5c`, `x5t` and `x5t#S256` here too.

use std::{str::FromStr, time::Duration};

use rsa::{
    pkcs1v15::{Signature, SigningKey},
    pkcs8::EncodePublicKey,
    signature::Keypair,
};
use sha2::Sha256;
use x509_cert::{
    builder::{Builder, CertificateBuilder, Error, Profile},
    der::Encode,
    name::Name,
    serial_number::SerialNumber,
    spki::SubjectPublicKeyInfoOwned,
    time::Validity,
};

use crate::REALM;

const TEN_YEARS: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// A certificate for `key`, signed by itself, as DER.
pub(crate) fn self_signed(key: &SigningKey<Sha256>) -> Result<Vec<u8>, Error> {
    let public = key.verifying_key().to_public_key_der()?;
    let certificate = CertificateBuilder::new(
        Profile::Root,
        SerialNumber::from(1_u32),
        Validity::from_now(TEN_YEARS)?,
        Name::from_str(&format!("CN={REALM}"))?,
        SubjectPublicKeyInfoOwned::try_from(public.as_bytes())?,
        key,
    )?
    .build::<Signature>()?;
    Ok(certificate.to_der()?)
}
