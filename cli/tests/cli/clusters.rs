//! `claimgate validate --envoy`: the clusters that the filter calls.

use serde_json::{Value, json};

use crate::support::{bootstrap, findings, gives, gives_nothing, plugin, policy, remove, set};

const IDP: &str = "/static_resources/clusters/0";
const AUTHZ: &str = "/static_resources/clusters/1";

/// Where the endpoints of a cluster are.
fn address(cluster: &str) -> String {
    format!(
        "{cluster}/load_assignment/endpoints/0/lb_endpoints/0/endpoint/address/socket_address/address"
    )
}

fn far(cluster: &'static str) -> impl FnOnce(&mut Value) {
    move |config| set(config, &address(cluster), json!("peer.example"))
}

#[test]
fn clusters_that_the_configuration_names_have_to_be_there() {
    let jwks = |config: &mut Value| set(config, &policy("/providers/0/jwks/cluster"), json!("ipd"));
    gives(jwks, "cluster-unknown", "providers[0] \"keycloak\".jwks.cluster");
    let authz =
        |config: &mut Value| set(config, &policy("/authorization/0/cluster"), json!("nobody"));
    gives(authz, "cluster-unknown", "authorization[0] \"authz\".cluster");
    let discovery = |config: &mut Value| {
        remove(config, &policy("/providers/0/jwks"));
        let discovery =
            json!({"cluster": "idp", "jwks_cluster": "keys", "jwks_host": "keys.example"});
        set(config, &policy("/providers/0/discovery"), discovery);
    };
    gives(discovery, "cluster-unknown", ".discovery.jwks_cluster");
}

#[test]
fn clusters_may_come_from_a_management_server() {
    gives_nothing(|config| {
        set(config, &policy("/authorization/0/cluster"), json!("delivered"));
        set(config, "/dynamic_resources", json!({"cds_config": {"ads": {}}, "ads_config": {}}));
    });
}

/// TLS to a cluster, with this as the validation context.
fn tls(cluster: &'static str, context: Value) -> impl FnOnce(&mut Value) {
    move |config| {
        far(cluster)(config);
        let mut typed = context;
        typed["@type"] = json!(
            "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext"
        );
        let socket = json!({"name": "tls", "typed_config": typed});
        set(config, &format!("{cluster}/transport_socket"), socket);
        set(config, &policy("/providers/0/jwks/url"), json!("https://peer.example/certs"));
    }
}

fn common(validation: &Value) -> Value {
    json!({"common_tls_context": {"validation_context": validation}})
}

#[test]
fn tls_without_an_authority_is_refused() {
    let names = json!([{"san_type": "DNS", "matcher": {"exact": "peer.example"}}]);
    let ca = json!({"filename": "/etc/ssl/ca.pem"});
    let end = ".transport_socket.typed_config";
    gives(tls(IDP, json!({"sni": "peer.example"})), "tls-without-ca", end);
    let names_alone = common(&json!({"match_typed_subject_alt_names": names}));
    gives(tls(AUTHZ, names_alone), "tls-without-ca", end);
    let no_names = json!({"trusted_ca": ca, "match_typed_subject_alt_names": []});
    gives(tls(AUTHZ, common(&no_names)), "tls-any-name", end);
    let anybody = json!({"trusted_ca": ca, "trust_chain_verification": "ACCEPT_UNTRUSTED"});
    gives(tls(IDP, common(&anybody)), "tls-without-ca", end);
    gives(tls(IDP, common(&json!({"trusted_ca": ca}))), "tls-any-name", end);
    gives(tls(IDP, common(&json!({"system_root_certs": {}}))), "tls-any-name", end);
    let both = json!({"trusted_ca": ca, "match_typed_subject_alt_names": names});
    gives_nothing(tls(IDP, common(&both)));
    let mut by_sni = common(&json!({"system_root_certs": {}}));
    by_sni["auto_sni_san_validation"] = json!(true);
    gives_nothing(tls(IDP, by_sni));
    gives_nothing(tls(AUTHZ, common(&json!({"verify_certificate_spki": ["…"]}))));
    let secret =
        json!({"common_tls_context": {"validation_context_sds_secret_config": {"name": "ca"}}});
    gives_nothing(tls(AUTHZ, secret));
}

#[test]
fn keys_in_clear_are_reported_but_for_this_host() {
    gives(far(IDP), "keys-in-clear", ".jwks.url");
    let https = |config: &mut Value| {
        far(IDP)(config);
        set(config, &policy("/providers/0/jwks/url"), json!("https://idp.example/certs"));
    };
    gives(https, "https-in-clear", ".jwks.url");
    let discovered = |config: &mut Value| {
        far(IDP)(config);
        remove(config, &policy("/providers/0/jwks"));
        set(config, &policy("/providers/0/discovery"), json!({"cluster": "idp"}));
        set(config, &policy("/providers/0/issuer"), json!("https://idp.example"));
    };
    gives(discovered, "https-in-clear", ".issuer");
    for here in ["127.0.0.9", "::1", "localhost"] {
        gives_nothing(|config| set(config, &address(IDP), json!(here)));
    }
}

/// Endpoints that somebody else delivers may be anywhere.
#[test]
fn endpoints_that_are_not_in_the_file_are_not_this_host() {
    gives(|config| remove(config, &format!("{IDP}/load_assignment")), "keys-in-clear", ".jwks.url");
}

#[test]
fn a_secret_in_clear_is_reported_but_for_this_host() {
    let secret = |config: &mut Value| {
        set(config, &policy("/authorization/0/credential_env"), json!("TOKEN"));
        let variables = json!({"key_values": {"TOKEN": "a-secret"}});
        set(config, &plugin("/vm_config/environment_variables"), variables);
    };
    gives_nothing(secret);
    gives(far(AUTHZ), "answers-in-clear", "authorization[0] \"authz\"");
    let both = |config: &mut Value| {
        secret(config);
        far(AUTHZ)(config);
    };
    gives(both, "credential-in-clear", ".credential_env");
}

#[test]
fn a_cluster_that_two_entries_name_is_judged_for_both() {
    let mut config = bootstrap();
    far(IDP)(&mut config);
    set(&mut config, &policy("/authorization/0/cluster"), json!("idp"));
    let codes: Vec<_> = findings(&config).into_iter().map(|(code, _)| code).collect();
    assert_eq!(codes, ["keys-in-clear", "answers-in-clear"]);
}
