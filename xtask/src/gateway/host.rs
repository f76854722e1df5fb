//! What has to be different about the manifests where Envoy Gateway runs without Kubernetes, all of it:
//!
//! | in Kubernetes | here |
//! |---|---|
//! | the proxies' Deployment | Envoy as a process, of our version |
//! | Services | `Backend`s on loopback, with the ports of this stack |
//! | names of Services in the filter's clusters, the issuer's address | loopback, with those ports |
//! | network policies | none |
//! | certificates by cert-manager, and those that `variants/native` names | made here; the issuers are left out |
//! | listeners for names, on 443 | one more, without TLS and for all names: what the contract's clients speak |
//! | patches of that listener | of both |
//! | patches refused, but for `components/fail-reload` | taken where there is a filter: Envoy fetches it on loopback |
//! | two Gateways | the external one: two Envoys would want the same ports |

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::manifests::{self, find_mut};
use crate::run;
use crate::stack::Ports;

/// Of the Envoy that is tested with, see `tools::envoy`; here it only names a folder.
pub(super) const ENVOY_VERSION: &str = "1.40.0";
/// Where the Gateways and everything about them are.
pub const NAMESPACE: &str = "claimgate";
/// The listener of the external Gateway, and the one that only exists here, as Envoy is told of them.
const FIRST: &str = "claimgate/external/https";
const SECOND: &str = "claimgate/external/plain";
/// Where the controller keeps Envoy's own certificate, in its folder for configuration.
const OF_ENVOY: &str = "certs/envoy";
const CONTROLLER: &str = "envoy-gateway-system";
/// Kinds that Envoy Gateway does not read, in files not even past them.
pub const NOT_ITS_OWN: [&str; 2] = ["Issuer", "NetworkPolicy"];

/// The manifests for this machine, for services on these ports, or on those that `elsewhere` says.
pub fn adapted(
    rendered: Vec<Value>,
    ports: &Ports,
    elsewhere: &[(&str, u16)],
) -> Result<Vec<Value>> {
    let is_internal = |one: &Value| {
        let target = one.pointer("/spec/targetRef/name").and_then(Value::as_str);
        manifests::name(one) == "internal" || target == Some("internal")
    };
    let is_kept = |one: &Value| !NOT_ITS_OWN.contains(&manifests::kind(one)) && !is_internal(one);
    let mut all: Vec<Value> = rendered.into_iter().filter(is_kept).collect();
    let mut services = services(ports);
    services.extend(elsewhere.iter().copied());
    proxy(find_mut(&mut all, "EnvoyProxy", "claimgate")?, &services)?;
    gateway(find_mut(&mut all, "Gateway", "external")?, ports)?;
    for manifest in &mut all {
        issuer(manifest, ports);
        on_loopback(manifest);
    }
    all.extend(services.into_iter().map(backend));
    Ok(all)
}

/// Names of the Services, and where they are here.
fn services(ports: &Ports) -> BTreeMap<&str, u16> {
    BTreeMap::from([
        ("idp", ports.idp),
        ("authz-service", ports.authz),
        ("customer-service", ports.customers),
        ("product-service", ports.products),
    ])
}

fn backend((name, port): (&str, u16)) -> Value {
    json!({
        "apiVersion": "gateway.envoyproxy.io/v1alpha1",
        "kind": "Backend",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"endpoints": [{"ip": {"address": "127.0.0.1", "port": port}}]},
    })
}

fn proxy(proxy: &mut Value, services: &BTreeMap<&str, u16>) -> Result<()> {
    let spec = proxy.pointer_mut("/spec").and_then(Value::as_object_mut);
    let spec = spec.context("an EnvoyProxy has a spec")?;
    let host = json!({"type": "Host", "host": {"envoyVersion": ENVOY_VERSION}});
    spec.insert("provider".to_owned(), host);
    // Another Envoy on this machine must not be in its way.
    spec.insert("extraArgs".to_owned(), json!(["--use-dynamic-base-id"]));
    for patch in array(proxy, "/spec/bootstrap/jsonPatches") {
        let at =
            "/value/load_assignment/endpoints/0/lb_endpoints/0/endpoint/address/socket_address";
        let service = patch.pointer("/value/name").and_then(Value::as_str);
        let port = service.and_then(|name| services.get(name)).copied();
        let Some(address) = patch.pointer_mut(at) else { continue };
        let port = port.context("a cluster of the filter's is none of the services")?;
        *address = json!({"address": "127.0.0.1", "port_value": port});
    }
    Ok(())
}

/// The listener with TLS moves to a port that anybody may take; one without it stands beside.
fn gateway(gateway: &mut Value, ports: &Ports) -> Result<()> {
    let listeners = gateway.pointer_mut("/spec/listeners").and_then(Value::as_array_mut);
    let listeners = listeners.context("a Gateway has listeners")?;
    let https = listeners.first_mut().context("a Gateway has a listener")?;
    set(https, "port", ports.envoy_admin.into());
    let mut plain = https.clone();
    for (name, value) in
        [("name", "plain".into()), ("protocol", "HTTP".into()), ("port", ports.gateway.into())]
    {
        set(&mut plain, name, value);
    }
    if let Some(fields) = plain.as_object_mut() {
        fields.remove("tls");
        fields.remove("hostname");
    }
    listeners.push(plain);
    Ok(())
}

/// The one that the identity provider of this stack has in its tokens, wherever a policy names it.
fn issuer(policy: &mut Value, ports: &Ports) {
    for provider in array(policy, "/spec/wasm/0/config/providers") {
        set(provider, "issuer", ports.issuer().into());
        if let Some(keys) = provider.pointer_mut("/jwks/url") {
            *keys = format!("{}/protocol/openid-connect/certs", ports.issuer()).into();
        }
    }
    for provider in array(policy, "/spec/jwt/providers") {
        set(provider, "issuer", ports.issuer().into());
        array(provider, "/remoteJWKS/backendRefs").for_each(to_backend);
    }
}

/// Has whatever leads to Services lead to `Backend`s, and attach to what there is.
fn on_loopback(manifest: &mut Value) {
    match manifests::kind(manifest) {
        "HTTPRoute" => {
            keep_external(manifest, "/spec/parentRefs");
            for rule in array(manifest, "/spec/rules") {
                array(rule, "/backendRefs").for_each(to_backend);
            }
        }
        "BackendTLSPolicy" => array(manifest, "/spec/targetRefs").for_each(to_backend),
        "EnvoyPatchPolicy" => in_both_listeners(manifest),
        _ => {
            keep_external(manifest, "/spec/targetRefs");
            array(manifest, "/spec/extAuth/http/backendRefs").for_each(to_backend);
        }
    }
}

fn to_backend(service: &mut Value) {
    set(service, "group", "gateway.envoyproxy.io".into());
    set(service, "kind", "Backend".into());
    service.as_object_mut().and_then(|fields| fields.remove("port"));
}

fn in_both_listeners(patches: &mut Value) {
    let at = "/spec/jsonPatches";
    let of_first = |patch: &&mut Value| patch.get("name").is_some_and(|name| name == FIRST);
    let more: Vec<_> = array(patches, at).filter(of_first).map(|patch| patch.clone()).collect();
    let Some(all) = patches.pointer_mut(at).and_then(Value::as_array_mut) else { return };
    all.extend(more.into_iter().map(|mut patch| {
        set(&mut patch, "name", SECOND.into());
        patch
    }));
}

fn keep_external(manifest: &mut Value, at: &str) {
    if let Some(references) = manifest.pointer_mut(at).and_then(Value::as_array_mut) {
        references.retain(|reference| reference.get("name").is_none_or(|name| name != "internal"));
    }
}

/// What only exists here: Envoy's own certificate for the controller's Wasm server, and one for the Gateway.
pub(super) fn surroundings(configuration: &Path, scratch: &Path) -> Result<Vec<Value>> {
    let envoy = secret(CONTROLLER, "envoy", &configuration.join(OF_ENVOY))?;
    certificate(scratch)?;
    Ok(vec![envoy, secret(NAMESPACE, "external-tls", scratch)?])
}

/// A pair of files, and the authority's where there is one, as a Secret.
pub(super) fn secret(namespace: &str, name: &str, folder: &Path) -> Result<Value> {
    let mut data = serde_json::Map::new();
    for (file, is_needed) in [("tls.crt", true), ("tls.key", true), ("ca.crt", false)] {
        match fs::read(folder.join(file)) {
            Ok(bytes) => data.insert(file.to_owned(), STANDARD.encode(bytes).into()),
            Err(error) if is_needed => {
                return Err(error).with_context(|| folder.join(file).display().to_string());
            }
            Err(_) => None,
        };
    }
    Ok(json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace},
        "type": "kubernetes.io/tls",
        "data": data,
    }))
}

/// Signed by itself, for the name of the external Gateway's listener.
fn certificate(folder: &Path) -> Result<()> {
    let (key, certificate) = (folder.join("tls.key"), folder.join("tls.crt"));
    let (key, certificate) = (key.display().to_string(), certificate.display().to_string());
    let kind = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    let name = ["-days", "2", "-subj", "/CN=api.example.com"];
    let name = [&name[..], &["-addext", "subjectAltName=DNS:api.example.com"]].concat();
    let files = ["-keyout", &key, "-out", &certificate];
    let args = [&kind[..], &name, &files].concat();
    run::succeed_quietly(Path::new("openssl"), &args, Duration::from_secs(30))
}

/// Envoy fetches modules from the controller under a name that only a cluster has, and trusts a file that only a pod has.
pub(super) fn wasm_server(configuration: &Path) -> Value {
    let authority = configuration.join(OF_ENVOY).join("ca.crt");
    let patch = |path: &str, value: Value| {
        json!({
            "type": "type.googleapis.com/envoy.config.cluster.v3.Cluster",
            "name": "wasm_cluster",
            "operation": {"op": "replace", "path": path, "value": value},
        })
    };
    let address =
        "/load_assignment/endpoints/0/lb_endpoints/0/endpoint/address/socket_address/address";
    let trusted = "/transport_socket/typed_config/common_tls_context/validation_context/trusted_ca";
    json!({
        "apiVersion": "gateway.envoyproxy.io/v1alpha1",
        "kind": "EnvoyPatchPolicy",
        "metadata": {"name": "wasm-server", "namespace": NAMESPACE},
        "spec": {
            "targetRef": {
                "group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "external",
            },
            "type": "JSONPatch",
            "jsonPatches": [
                patch(address, "127.0.0.1".into()),
                patch(&format!("{trusted}/filename"), authority.display().to_string().into()),
            ],
        },
    })
}

fn array<'v>(value: &'v mut Value, at: &str) -> impl Iterator<Item = &'v mut Value> {
    value.pointer_mut(at).and_then(Value::as_array_mut).into_iter().flatten()
}

fn set(value: &mut Value, name: &str, to: Value) {
    if let Some(fields) = value.as_object_mut() {
        fields.insert(name.to_owned(), to);
    }
}
