//! What is measured: one listener each.
//!
//! A new scenario is one entry of a list below; a ratio that uses it is one in [`crate::ratio`]. Two
//! scenarios of a ratio must do the same job; what [`Effects`] says is checked before measuring.

use serde_json::Value;

use crate::claimgate::{self, ROLES_OF_DECISION, ROLES_OF_TOKEN};
use crate::signer::Algorithm;
use crate::site::Site;
use crate::{floor, native};

/// Makes the HTTP filters before the router.
pub type Filters = Box<dyn Fn(&Site, &str) -> Vec<Value>>;

/// A filter chain and the load on it.
pub struct Scenario {
    /// Its name in the results.
    pub name: &'static str,
    /// What is sent.
    pub load: Load,
    /// What the filters must do.
    pub effects: Effects,
    filters: Filters,
}

/// What is sent. Always a token, also where none is looked at: 1.3 kB more to parse is not what a
/// filter costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    /// The same token with every request.
    OneToken,
    /// [`TOKENS`] tokens in turn, which every cache holds.
    KnownTokens,
    /// The same token, and [`PATHS`](crate::site::PATHS) paths in turn. Warming up asks for each of them,
    /// in every worker.
    ManyPaths,
    /// A token that no cache holds with every request.
    NewTokens(Algorithm),
}

/// How many callers there are in [`Load::KnownTokens`].
pub const TOKENS: usize = 1000;

impl Load {
    /// How its tokens are signed.
    pub fn algorithm(self) -> Algorithm {
        match self {
            Self::OneToken | Self::KnownTokens | Self::ManyPaths => Algorithm::Rs256,
            Self::NewTokens(algorithm) => algorithm,
        }
    }

    /// Whether it takes more tokens than one.
    pub fn has_many_tokens(self) -> bool {
        matches!(self, Self::KnownTokens | Self::NewTokens(_))
    }
}

/// What reaches the upstream and what does not.
#[derive(Clone, Copy, Debug, Default)]
pub struct Effects {
    /// Without a token the answer must be 401.
    pub needs_token: bool,
    /// The token must not reach the upstream.
    pub removes_token: bool,
    /// An `x-user-email` of the client must not reach the upstream.
    pub removes_forged: bool,
    /// The headers that must reach the upstream, with the values of the checks' token.
    pub sets: &'static [(&'static str, &'static str)],
    /// A token without the role `user` must be answered 403.
    pub wants_role: bool,
    /// The method `DELETE` must be answered 403.
    pub refuses_delete: bool,
    /// A token that the feed says is revoked must be answered 401: the last of
    /// [`REVOCATIONS`](crate::feed::REVOCATIONS), of which the filter takes all or none.
    pub refuses_revoked: bool,
}

const NOTHING: Effects = Effects {
    needs_token: false,
    removes_token: false,
    removes_forged: false,
    sets: &[],
    wants_role: false,
    refuses_delete: false,
    refuses_revoked: false,
};
const TOKEN: Effects = Effects { needs_token: true, removes_token: true, ..NOTHING };

/// The whole job: a token, a rule on a role, four identity headers.
const fn whole_job(sets: &'static [(&'static str, &'static str)]) -> Effects {
    Effects { removes_forged: true, wants_role: true, sets, ..TOKEN }
}

const DECISION: Effects = Effects { removes_forged: true, sets: ROLES_OF_DECISION, ..TOKEN };

impl Scenario {
    fn new(
        name: &'static str,
        load: Load,
        effects: Effects,
        filters: impl Fn(&Site, &str) -> Vec<Value> + 'static,
    ) -> Self {
        Self { name, load, effects, filters: Box::new(filters) }
    }

    /// Its HTTP filters before the router.
    pub fn filters(&self, site: &Site) -> Vec<Value> {
        (self.filters)(site, self.name)
    }
}

/// The one with a feed.
pub const REVOCATIONS: &str = "claimgate_revocations_100000";

/// In the order of the results.
pub fn all() -> Vec<Scenario> {
    let all = [baseline(), cached(), many(), new_tokens(), decisions(), revocations(), full()];
    all.into_iter().flatten().collect()
}

fn baseline() -> Vec<Scenario> {
    let open = |name, effects, filters: fn(&Site, &str) -> Vec<Value>| {
        Scenario::new(name, Load::OneToken, effects, filters)
    };
    let header = Effects { sets: floor::HEADER_SETS, removes_forged: true, ..NOTHING };
    let public = Effects { removes_forged: true, ..NOTHING };
    vec![
        open("no_filter", NOTHING, |_, _| Vec::new()),
        open("wasm_noop", NOTHING, floor::noop),
        open("wasm_header", header, floor::header),
        open("claimgate_public", public, claimgate::public),
    ]
}

fn cached() -> Vec<Scenario> {
    let cached = |name, effects, filters: fn(&Site, &str) -> Vec<Value>| {
        Scenario::new(name, Load::OneToken, effects, filters)
    };
    let role = Effects { wants_role: true, ..TOKEN };
    let headers = Effects { removes_forged: true, sets: ROLES_OF_TOKEN, ..TOKEN };
    vec![
        cached("claimgate_token", TOKEN, claimgate::token),
        cached("claimgate_role_rule", role, claimgate::role_rule),
        cached("claimgate_identity_headers", headers, claimgate::identity_headers),
        cached("claimgate_cached", whole_job(ROLES_OF_TOKEN), claimgate::whole_job),
        cached("jwt_authn_token", TOKEN, native::token),
        cached("jwt_authn_cached", whole_job(native::SETS), native::cached),
    ]
}

fn many() -> Vec<Scenario> {
    let routes = |name, count| {
        Scenario::new(name, Load::OneToken, whole_job(ROLES_OF_TOKEN), move |site, name| {
            claimgate::routes(site, name, count)
        })
    };
    let rules = |site: &Site, name: &str| claimgate::rules(site, name, 50);
    let tokens = |name, effects, filters: fn(&Site, &str) -> Vec<Value>| {
        Scenario::new(name, Load::KnownTokens, effects, filters)
    };
    vec![
        routes("claimgate_routes_10", 10),
        routes("claimgate_routes_100", 100),
        routes("claimgate_routes_1000", 1000),
        Scenario::new("claimgate_rules_50", Load::OneToken, whole_job(ROLES_OF_TOKEN), rules),
        tokens("claimgate_tokens_1000", whole_job(ROLES_OF_TOKEN), claimgate::whole_job),
        tokens("jwt_authn_tokens_1000", whole_job(native::SETS), native::cached),
    ]
}

fn new_tokens() -> Vec<Scenario> {
    use Algorithm::{EdDsa, Es256, Ps256, Rs256};
    let claimgate = |name, algorithm| {
        let effects = whole_job(ROLES_OF_TOKEN);
        Scenario::new(name, Load::NewTokens(algorithm), effects, move |site, name| {
            claimgate::signed(site, name, algorithm)
        })
    };
    let native = |name, algorithm| {
        let effects = whole_job(native::SETS);
        Scenario::new(name, Load::NewTokens(algorithm), effects, move |site, _| {
            native::uncached(site, algorithm)
        })
    };
    let verify = |name, algorithm| {
        let effects = Effects { needs_token: true, ..NOTHING };
        Scenario::new(name, Load::NewTokens(algorithm), effects, move |site, name| {
            floor::verify(site, name, algorithm)
        })
    };
    vec![
        claimgate("claimgate_new_rs256", Rs256),
        native("jwt_authn_uncached_rs256", Rs256),
        verify("wasm_verify_rs256", Rs256),
        claimgate("claimgate_new_es256", Es256),
        native("jwt_authn_uncached_es256", Es256),
        verify("wasm_verify_es256", Es256),
        claimgate("claimgate_new_ps256", Ps256),
        native("jwt_authn_uncached_ps256", Ps256),
        claimgate("claimgate_new_eddsa", EdDsa),
        native("jwt_authn_uncached_eddsa", EdDsa),
    ]
}

fn decisions() -> Vec<Scenario> {
    vec![
        Scenario::new("claimgate_decision_cached", Load::OneToken, DECISION, |site, name| {
            claimgate::decision(site, name, true)
        }),
        // Other callers in turn: equal questions under way are asked once.
        Scenario::new("claimgate_decision_uncached", Load::KnownTokens, DECISION, |site, name| {
            claimgate::decision(site, name, false)
        }),
        // Other paths in turn, and a question that names them: what is kept with the token is of no use.
        Scenario::new("claimgate_decisions_10000", Load::ManyPaths, DECISION, claimgate::decisions),
        Scenario::new("jwt_authn_ext_authz", Load::OneToken, DECISION, native::ext_authz),
    ]
}

fn revocations() -> Vec<Scenario> {
    let effects = Effects { refuses_revoked: true, ..whole_job(ROLES_OF_TOKEN) };
    vec![Scenario::new(REVOCATIONS, Load::OneToken, effects, claimgate::revocations)]
}

/// What only the full module has, and what to compare it with.
fn full() -> Vec<Scenario> {
    let whole = whole_job(ROLES_OF_TOKEN);
    let each = Effects { refuses_delete: true, ..whole };
    let full = |name, effects, filters: fn(&Site, &str) -> Vec<Value>| {
        Scenario::new(name, Load::OneToken, effects, filters)
    };
    vec![
        full("claimgate_full_cached", whole, claimgate::full_whole_job),
        full("claimgate_cel", whole, claimgate::cel_of_token),
        full("claimgate_cel_each", each, claimgate::cel_of_request),
    ]
}
