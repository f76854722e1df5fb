//! The options of the admin console → how it signs people in, or why they make no sense.

use claimgate::authn::ClaimPath;

use super::secrets::{self, InvalidSecret};
use super::{InvalidConfig, Options};
use crate::admin::access::default_roles_claim;
use crate::console::{Secret, SignInOptions};
use crate::wire::PublicUrl;

/// Where the console's secret at the identity provider comes from:
/// `AUTHZ_SERVICE_CONSOLE_CLIENT_SECRET`, or the file that `--console-client-secret-file` or
/// `AUTHZ_SERVICE_CONSOLE_CLIENT_SECRET_FILE` names.
const SECRET_VARIABLE: &str = "AUTHZ_SERVICE_CONSOLE_CLIENT_SECRET";

/// How the console signs people in; `None` when it is told nothing.
pub(super) fn sign_in(options: &Options) -> Result<Option<SignInOptions>, InvalidConfig> {
    let Some(client_id) = &options.console_client_id else {
        let alone = [
            ("--console-issuer", options.console_issuer.is_some()),
            ("--console-client-secret-file", options.console_client_secret_file.is_some()),
            ("--console-roles-claim", options.console_roles_claim.is_some()),
            ("--console-url", options.console_url.is_some()),
        ];
        return match alone.into_iter().find(|(_, given)| *given) {
            Some((option, _)) => Err(InvalidConfig::ConsoleClient(option)),
            None => Ok(None),
        };
    };
    if options.admin_listen.is_none() {
        return Err(InvalidConfig::ConsoleListen);
    }
    let admin = options.admin.as_ref();
    let issuer = match (&options.console_issuer, admin.and_then(|admin| admin.issuer.as_ref())) {
        (Some(issuer), Some(admins)) if issuer != admins => {
            return Err(InvalidConfig::ConsoleIssuer);
        }
        (Some(issuer), _) | (None, Some(issuer)) => issuer.clone(),
        (None, None) => {
            return Err(InvalidConfig::Missing("--console-issuer", "AUTHZ_SERVICE_CONSOLE_ISSUER"));
        }
    };
    let own = options.console_roles_claim.clone();
    let roles = own.or_else(|| admin.map(|admin| admin.roles_claim.clone()));
    let roles = roles.unwrap_or_else(default_roles_claim);
    let url = options.console_url.as_deref().map(PublicUrl::parse).transpose();
    Ok(Some(SignInOptions {
        issuer,
        jwks: admin.and_then(|admin| admin.jwks.clone()),
        client_id: client_id.clone(),
        secret: secret(options)?,
        url: url.map_err(|_| InvalidConfig::ConsoleUrl)?,
        roles: ClaimPath::new(&roles),
    }))
}

fn secret(options: &Options) -> Result<Option<Secret>, InvalidSecret> {
    let Some(path) = &options.console_client_secret_file else {
        return Ok(secrets::from_environment(SECRET_VARIABLE)?.map(Secret::new));
    };
    if std::env::var_os(SECRET_VARIABLE).is_some() {
        return Err(InvalidSecret::Twice(SECRET_VARIABLE));
    }
    let text = std::fs::read_to_string(path);
    let text = text.map_err(|error| InvalidSecret::File(SECRET_VARIABLE, error))?;
    Ok(Some(Secret::new(text.trim_end().to_owned())))
}
