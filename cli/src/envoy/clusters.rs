//! The clusters that the filter calls: whether they are there, and who could answer for them.
//!
//! The cluster decides what goes over the wire, whatever a URL in the configuration says.

use std::net::IpAddr;

use crate::document::Cursor;
use crate::finding::{Finding, code};

use super::bootstrap::{Bootstrap, type_of, value_of};
use super::filter::Filter;

/// Entries of the configuration that name a cluster.
const NAMES: [&str; 2] = ["cluster", "jwks_cluster"];

pub(super) fn check(filter: &Filter<'_>, bootstrap: &Bootstrap<'_>, findings: &mut Vec<Finding>) {
    let Some(configuration) = filter.configuration() else { return };
    for caller in configuration.find_all(&names_a_cluster) {
        for name in NAMES.into_iter().filter_map(|name| caller.field(name)) {
            let Some(text) = name.text() else { continue };
            match bootstrap.cluster(text) {
                Some(cluster) => wire(&caller, &configuration, cluster, findings),
                None if bootstrap.clusters_elsewhere => {}
                None => findings.push(unknown(&name, text, bootstrap)),
            }
        }
    }
}

fn names_a_cluster(at: &Cursor<'_>) -> bool {
    NAMES.into_iter().any(|name| at.text_of(name).is_some())
}

fn unknown(at: &Cursor<'_>, name: &str, bootstrap: &Bootstrap<'_>) -> Finding {
    let known: Vec<_> = bootstrap.clusters.iter().filter_map(|c| c.text_of("name")).collect();
    let known =
        if known.is_empty() { "none".to_owned() } else { format!("`{}`", known.join("`, `")) };
    Finding::new(&code::CLUSTER_UNKNOWN, at, format!("unknown cluster `{name}` (known: {known})"))
}

/// What goes over the wire between the filter and a cluster.
fn wire(
    caller: &Cursor<'_>,
    configuration: &Cursor<'_>,
    cluster: &Cursor<'_>,
    findings: &mut Vec<Finding>,
) {
    let contexts = contexts(cluster);
    let name = cluster.text_of("name").unwrap_or_default();
    if contexts.is_empty() {
        findings.extend(in_clear(caller, configuration, cluster, name));
    }
    for context in contexts {
        match trust(&context) {
            Trust::Name => {}
            Trust::Authority => {
                let problem = format!("`{name}` may be anybody whom its authority knows");
                findings.push(Finding::new(&code::TLS_ANY_NAME, &context, problem));
            }
            Trust::Anybody => {
                let problem = format!("`{name}` is asked for, and nobody says who vouches for it");
                findings.push(Finding::new(&code::TLS_WITHOUT_CA, &context, problem));
            }
        }
    }
}

/// The TLS settings of a cluster.
fn contexts<'d>(cluster: &Cursor<'d>) -> Vec<Cursor<'d>> {
    let is_context = |at: &Cursor<'_>| {
        let name = type_of(at).unwrap_or_default();
        name.ends_with(".UpstreamTlsContext") || name.ends_with(".QuicUpstreamTransport")
    };
    let sockets = ["transport_socket", "transport_socket_matches"];
    let sockets = sockets.into_iter().filter_map(|name| cluster.field(name));
    let contexts = sockets.flat_map(|at| at.find_all(&is_context)).map(value_of);
    contexts.map(|at| at.field("upstream_tls_context").unwrap_or(at)).collect()
}

/// Who is taken for the peer.
enum Trust {
    /// Who shows a certificate for its name, or one that is known itself.
    Name,
    /// Who shows any certificate of a trusted authority.
    Authority,
    /// Everybody.
    Anybody,
}

fn trust(context: &Cursor<'_>) -> Trust {
    let common = context.field("common_tls_context");
    let paths = ["validation_context", "combined_validation_context.default_validation_context"];
    let validations: Vec<_> = paths.iter().filter_map(|path| common.as_ref()?.path(path)).collect();
    let has = |names: &[&str]| {
        let said = |at: &Cursor<'_>, name: &str| at.field(name).is_some_and(|at| !at.is_empty());
        validations.iter().any(|at| names.iter().any(|name| said(at, name)))
    };
    let secret = |path: &str| common.as_ref().is_some_and(|common| common.path(path).is_some());
    let accepts_all = validations
        .iter()
        .any(|at| at.text_of("trust_chain_verification") == Some("ACCEPT_UNTRUSTED"));
    let by_secret = secret("validation_context_sds_secret_config")
        || secret("combined_validation_context.validation_context_sds_secret_config");
    let pinned = has(&["verify_certificate_spki", "verify_certificate_hash"]);
    let system = validations.iter().any(|at| at.field("system_root_certs").is_some());
    let authority = system || has(&["trusted_ca", "custom_validator_config"]);
    let named = has(&["match_typed_subject_alt_names", "match_subject_alt_names"])
        || context.is_on("auto_sni_san_validation");
    match (authority || by_secret, pinned, named || by_secret) {
        _ if accepts_all => Trust::Anybody,
        (_, true, _) | (true, _, true) => Trust::Name,
        (true, false, false) => Trust::Authority,
        (false, false, _) => Trust::Anybody,
    }
}

/// What is lost without TLS, unless it stays on this host.
fn in_clear(
    caller: &Cursor<'_>,
    configuration: &Cursor<'_>,
    cluster: &Cursor<'_>,
    name: &str,
) -> Option<Finding> {
    if is_local(cluster) {
        return None;
    }
    if let Some(url) = url_of_keys(caller, configuration) {
        let https = url.text().is_some_and(|url| url.starts_with("https:"));
        let code = if https { &code::HTTPS_IN_CLEAR } else { &code::KEYS_IN_CLEAR };
        let problem = format!("keys come from the cluster `{name}`, which has no TLS");
        return Some(Finding::new(code, &url, problem));
    }
    Some(match caller.field("credential_env") {
        Some(credential) => {
            let problem = format!("a secret goes to the cluster `{name}`, which has no TLS");
            Finding::new(&code::CREDENTIAL_IN_CLEAR, &credential, problem)
        }
        None => {
            let problem = format!("the cluster `{name}` is believed, and has no TLS");
            Finding::new(&code::ANSWERS_IN_CLEAR, caller, problem)
        }
    })
}

/// What says where keys are, if it is keys that this entry fetches: its URL, or the issuer's.
fn url_of_keys<'d>(caller: &Cursor<'d>, configuration: &Cursor<'d>) -> Option<Cursor<'d>> {
    let providers = configuration.list("providers");
    let provider = providers.iter().find(|provider| {
        let sources = ["jwks", "discovery"].into_iter().filter_map(|name| provider.field(name));
        sources.into_iter().any(|source| source.at == caller.at)
    })?;
    caller.field("url").or_else(|| provider.field("issuer"))
}

/// Whether all of a cluster's endpoints are written here, and on this host.
fn is_local(cluster: &Cursor<'_>) -> bool {
    let is_address = |at: &Cursor<'_>| at.text_of("address").is_some();
    let loopback = |at: &Cursor<'_>| {
        let address = at.text_of("address").unwrap_or_default();
        let ip = address.parse::<IpAddr>();
        address == "localhost" || ip.is_ok_and(|address| address.is_loopback())
    };
    let assigned = cluster.field("load_assignment");
    assigned.is_some_and(|at| at.find_all(&is_address).iter().all(loopback))
}
