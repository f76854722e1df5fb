//! What is measured: one listener each.
//!
//! A new scenario is one entry of a list below; a ratio that uses it is one in [`crate::ratio`]. Two
//! scenarios of a ratio must do the same job; `sets` and `wants_role` are checked before measuring.

use serde_json::Value;

use crate::site::Site;
use crate::{claimgate, native};

/// Makes the HTTP filters before the router for the scenario of this name.
pub type Filters = fn(&Site, &str) -> Vec<Value>;

/// A filter chain and the load on it.
pub struct Scenario {
    /// Its name in the results.
    pub name: &'static str,
    /// The HTTP filters before the router.
    pub filters: Filters,
    /// What is sent.
    pub load: Load,
    /// Without a token the answer must be 401, and the token must not reach the upstream.
    pub needs_token: bool,
    /// The identity headers that must reach the upstream, with the values of the checks' token.
    pub sets: &'static [(&'static str, &'static str)],
    /// A token without the role `user` must be answered 403.
    pub wants_role: bool,
}

/// What is sent. Always a token, also where none is looked at: 1.3 kB more to parse is not what a
/// filter costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    /// The same token with every request.
    OneToken,
    /// A token that no cache holds with every request.
    NewTokens,
}

impl Scenario {
    /// Its HTTP filters before the router.
    pub fn filters(&self, site: &Site) -> Vec<Value> {
        (self.filters)(site, self.name)
    }
}

/// In the order of the results.
pub fn all() -> Vec<Scenario> {
    [baseline(), cached(), new_tokens()].into_iter().flatten().collect()
}

fn baseline() -> Vec<Scenario> {
    let open = |name, filters| Scenario {
        name,
        filters,
        load: Load::OneToken,
        needs_token: false,
        sets: &[],
        wants_role: false,
    };
    vec![open("no_filter", |_, _| Vec::new()), open("claimgate_public", claimgate::public)]
}

fn cached() -> Vec<Scenario> {
    let role_rule = |name, filters, sets| Scenario {
        name,
        filters,
        load: Load::OneToken,
        needs_token: true,
        sets,
        wants_role: true,
    };
    vec![
        role_rule("claimgate_cached", claimgate::role_rule, claimgate::ROLES_OF_TOKEN),
        role_rule("jwt_authn_cached", native::with_cache, native::SETS),
        Scenario {
            name: "claimgate_decision_cached",
            filters: claimgate::decision_rule,
            load: Load::OneToken,
            needs_token: true,
            sets: claimgate::ROLES_OF_DECISION,
            wants_role: false,
        },
    ]
}

fn new_tokens() -> Vec<Scenario> {
    let role_rule = |name, filters, sets| Scenario {
        name,
        filters,
        load: Load::NewTokens,
        needs_token: true,
        sets,
        wants_role: true,
    };
    vec![
        role_rule("claimgate_cold_rs256", claimgate::role_rule, claimgate::ROLES_OF_TOKEN),
        role_rule("jwt_authn_uncached", native::without_cache, native::SETS),
    ]
}
