//! The kinds of findings: for each its code, whether it refuses, why it matters and what to write.

use super::Severity;

/// The kind of a finding.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Code {
    /// As scripts know it.
    pub(crate) name: &'static str,
    /// Whether it refuses.
    pub(crate) severity: Severity,
    /// Why it matters; empty where the message says so.
    pub(crate) why: &'static str,
    /// What to write; empty where the message says so.
    pub(crate) instead: &'static str,
}

/// Not YAML at all.
pub(crate) const NOT_YAML: Code = error("not-yaml", "", "");

/// The filter refuses its configuration; the message says everything.
pub(crate) const CONFIGURATION_INVALID: Code = error("configuration-invalid", "", "");

/// The module is the smaller one.
pub(crate) const MODULE_WITHOUT_CEL: Code = warning(
    "module-without-cel",
    "the smaller module refuses the configuration, and Envoy does not start with it",
    "`plugin-full.wasm`, or another condition",
);

/// There is nothing to check.
pub(crate) const NO_FILTER: Code = error(
    "no-filter",
    "nothing decides who may make a request",
    "a Wasm filter under `http_filters` whose name, root id or module has `claimgate` in it",
);

/// Requests pass when the module does not work.
pub(crate) const FAIL_OPEN: Code = error(
    "fail-open",
    "when the module does not load or has trapped, every request passes undecided",
    "`failure_policy: FAIL_RELOAD`",
);

/// Nobody said what happens after a trap.
pub(crate) const FAILURE_POLICY_UNSET: Code = warning(
    "failure-policy-unset",
    "after a trap every later request on that worker is answered 503, until the \
     configuration changes",
    "`failure_policy: FAIL_RELOAD`, or FAIL_CLOSED where that is meant",
);

/// Requests pass where Envoy does not know the filter.
pub(crate) const FILTER_OPTIONAL: Code = error(
    "filter-optional",
    "an Envoy that does not know the filter leaves it out and lets every request pass",
    "no `is_optional`",
);

/// Requests of a route pass without the filter.
pub(crate) const FILTER_DISABLED: Code = warning(
    "filter-disabled",
    "requests pass undecided there, with whatever identity headers a client made up",
    "a Claimgate route with `token: none`: it still removes those headers",
);

/// The host does not call the filter.
pub(crate) const CAPABILITY_MISSING: Code = error(
    "capability-missing",
    "the host skips a callback that is not allowed and lets the request go on, undecided",
    "the missing names in `allowed_capabilities`, or no restriction",
);

/// Pausing does not hold bodies back.
pub(crate) const HEADERS_STOP_ITERATION: Code = warning(
    "headers-stop-iteration",
    "a request that waits is then held by the filter's body callbacks alone, instead of by \
     Envoy",
    "no `allow_on_headers_stop_iteration`",
);

/// The filter's data lies where everybody's does.
pub(crate) const VM_ID_MISSING: Code = error(
    "vm-id-missing",
    "any module without a `vm_id` reads and writes the data that the filter shares between \
     workers, keys among them",
    "a `vm_id` that nothing else has",
);

/// The filter's data is shared with another.
pub(crate) const VM_ID_SHARED: Code = error(
    "vm-id-shared",
    "whoever has the same `vm_id` reads and writes the data that the filter shares between \
     workers, keys among them",
    "a `vm_id` of its own for each module and configuration",
);

/// Envoy chooses by what the filter changes.
pub(crate) const ROUTE_ON_OWN_HEADER: Code = error(
    "route-on-own-header",
    "changing a header makes Envoy choose the route again, after the decision: the request \
     can reach a service it was not decided for",
    "a match on the path or the host, or on a header that clients send and the filter leaves",
);

/// Envoy chooses by a parameter that the filter takes out.
pub(crate) const ROUTE_ON_TOKEN_PARAMETER: Code = error(
    "route-on-token-parameter",
    "the filter takes the token out of the path, and Envoy then chooses the route again, \
     after the decision",
    "a match on the path or the host",
);

/// A route sets what only the filter may.
pub(crate) const ROUTE_SETS_OWN_HEADER: Code = warning(
    "route-sets-own-header",
    "the service believes that the filter has verified it",
    "another name, or nothing: the filter sets it",
);

/// A route's requests can be decided by a rule that was not made for them.
pub(crate) const ROUTE_FALLS_THROUGH: Code = warning(
    "route-falls-through",
    "such requests reach the service under a looser rule than its others, perhaps without a \
     token",
    "a Claimgate route for everything that the Envoy route takes (`path_separated_prefix` \
     here, `prefix` there), before the looser one",
);

/// Routes that this file does not hold.
pub(crate) const ROUTES_ELSEWHERE: Code = warning(
    "routes-elsewhere",
    "what they match on is not checked",
    "`route_config` in the file, or this check for what delivers the routes",
);

/// The client's address is the client's word.
pub(crate) const CLIENT_ADDRESS_UNTRUSTED: Code = error(
    "client-address-untrusted",
    "Envoy takes the client's address from `x-forwarded-for`, which clients write themselves",
    "`use_remote_address: true`, with `xff_num_trusted_hops` when proxies stand before it",
);

/// Names with underscores reach services.
pub(crate) const UNDERSCORES_KEPT: Code = warning(
    "underscores-kept",
    "many services take `x_user_roles` for `x-user-roles`; the filter removes its own names \
     in both spellings, and nothing else does",
    "`common_http_protocol_options: {headers_with_underscores_action: REJECT_REQUEST}`",
);

/// Paths are not normalised.
pub(crate) const PATH_NOT_NORMALIZED: Code = warning(
    "path-not-normalized",
    "Envoy may match another spelling of a path than services do; the filter then answers \
     400, and is the only one that sees it",
    "`normalize_path: true`",
);

/// Adjacent slashes stay.
pub(crate) const SLASHES_NOT_MERGED: Code = warning(
    "slashes-not-merged",
    "`//` in a path means nothing to some services and a segment to others; the filter \
     answers 400",
    "`merge_slashes: true`",
);

/// Encoded slashes stay.
pub(crate) const ESCAPED_SLASHES_KEPT: Code = warning(
    "escaped-slashes-kept",
    "`%2F` in a path is a slash to some services and none to others; the filter answers 400",
    "`path_with_escaped_slashes_action: REJECT_REQUEST`",
);

/// A stream whose VM has trapped hangs.
pub(crate) const IDLE_TIMEOUT_MISSING: Code = warning(
    "idle-timeout-missing",
    "a request that waits when its VM traps is never answered; only this timeout ends it, \
     after five minutes by default",
    "`stream_idle_timeout: 15s`, longer on routes that stream",
);

/// A cluster that is not there.
pub(crate) const CLUSTER_UNKNOWN: Code = error(
    "cluster-unknown",
    "a call to it fails at once: no keys, no decisions",
    "the name of a cluster under `static_resources.clusters`",
);

/// Anybody can pose as the peer.
pub(crate) const TLS_WITHOUT_CA: Code = error(
    "tls-without-ca",
    "Envoy then takes any certificate: whoever is on the way can answer for the peer",
    "`validation_context` with `trusted_ca` (or `system_root_certs: {}`) and the name to \
     expect",
);

/// Whoever the authority knows can pose as the peer.
pub(crate) const TLS_ANY_NAME: Code = warning(
    "tls-any-name",
    "whoever has any certificate of that authority can answer for the peer",
    "`match_typed_subject_alt_names`, or `auto_sni_san_validation: true` with `sni`",
);

/// `https` in the configuration, and none on the wire.
pub(crate) const HTTPS_IN_CLEAR: Code = error(
    "https-in-clear",
    "the cluster decides what goes over the wire, not the URL: this one speaks plain HTTP",
    "a `transport_socket` with an UpstreamTlsContext on the cluster",
);

/// A secret on the wire.
pub(crate) const CREDENTIAL_IN_CLEAR: Code = warning(
    "credential-in-clear",
    "whoever is on the way can read the secret, ask in its name, and change answers",
    "TLS on the cluster, or a decision point on this host",
);

/// Answers that anybody on the way can change.
pub(crate) const ANSWERS_IN_CLEAR: Code = warning(
    "answers-in-clear",
    "whoever is on the way can decide, or hide that a token was revoked",
    "TLS on the cluster, or a decision point on this host",
);

/// Keys that anybody on the way can change.
pub(crate) const KEYS_IN_CLEAR: Code = warning(
    "keys-in-clear",
    "whoever is on the way can put in a key of their own and issue tokens with it",
    "an `https` URL, and TLS on the cluster",
);

const fn error(name: &'static str, why: &'static str, instead: &'static str) -> Code {
    Code { name, severity: Severity::Error, why, instead }
}

const fn warning(name: &'static str, why: &'static str, instead: &'static str) -> Code {
    Code { name, severity: Severity::Warning, why, instead }
}
