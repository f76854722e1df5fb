//! dev-idp: the demo's realm without a Keycloak, for development only.
//!
//! Speaks as much of Keycloak's OpenID Connect as the demo needs: discovery, keys, the password
//! grant, with the same paths, claims and error bodies. Its passwords are published and its keys
//! are made at start, so [`run`] refuses to start unless told that this is for development, and
//! refuses every address that others could reach.
//!
//! `realm` answers the public paths, `grant` hands out tokens, `keys` holds what signs
//! them, `admin` rotates keys on an address of its own. Roles are not in any token, on purpose:
//! they are the authorization service's.

mod admin;
mod authorize;
mod certificate;
mod codes;
mod grant;
mod issuer;
mod keys;
mod listen;
mod options;
mod realm;
mod users;

pub use admin::admin_router;
pub use issuer::{InvalidIssuer, Issuer};
pub use keys::{InvalidKey, KeyRing, SigningKey};
pub use options::{Options, Refusal, run};
pub use realm::{Realm, realm_router};
pub use users::{InvalidUsers, Users};

/// The one realm.
pub const REALM: &str = "api-gateway-poc";

/// The demo's client: public, password grant.
pub const CLIENT: &str = "test-client";

/// The client that the admin console of authz-service is: public, code flow with PKCE. Its ID
/// tokens say what their user may do in the console, under `realm_access.roles`.
pub const CONSOLE: &str = "authz-console";
