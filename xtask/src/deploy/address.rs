//! Where the gateways are: where the user says, else where their statuses say, else by way of `kubectl port-forward`. One that
//! is nowhere is a finding: a gateway that nobody asked anything is not known to refuse.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Result, ensure};
use claimgate_proc::{Launch, Output, Port, Process, Ready};
use serde_json::Value;

use super::ask::Door;
use super::cluster::{Cluster, namespace};
use super::{Finding, Target};
use crate::gateway::manifests::{is, kind, name};
use crate::workspace;

/// For `kubectl port-forward` to listen.
const READY: Duration = Duration::from_secs(15);
const ADVICE: &str = "say where it is: --address [GATEWAY=][http://|https://]HOST:PORT";

/// `[GATEWAY=][http://|https://]HOST:PORT`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    gateway: Option<String>,
    scheme: Option<&'static str>,
    place: String,
}

impl FromStr for Address {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let (gateway, rest) = match text.split_once('=') {
            Some((gateway, rest)) => (Some(gateway.to_owned()), rest),
            None => (None, text),
        };
        let (scheme, place) = match rest.split_once("://") {
            Some(("http", place)) => (Some("http"), place),
            Some(("https", place)) => (Some("https"), place),
            Some((other, _)) => anyhow::bail!("{other} is neither http nor https"),
            None => (None, rest),
        };
        let port = place.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
        ensure!(port.is_some(), "`{place}` is not HOST:PORT");
        Ok(Self { gateway, scheme, place: place.to_owned() })
    }
}

/// The ones that can be asked, and what is to be said of the others.
pub(super) struct Doors {
    pub(super) doors: Vec<Door>,
    pub(super) findings: Vec<Finding>,
}

/// What a gateway says of itself.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    scheme: &'static str,
    host: Option<String>,
    port: u64,
    address: Option<String>,
}

pub(super) fn doors(cluster: &Cluster, live: &[Value], target: &Target) -> Result<Doors> {
    let mut all = Doors { doors: Vec::new(), findings: Vec::new() };
    let is_gateway = |one: &&Value| match target.gateway_api {
        true => kind(one) == "Gateway",
        false => is(one, "Service", "envoy"),
    };
    for gateway in live.iter().filter(is_gateway) {
        let said = if target.gateway_api { of_gateway(gateway) } else { of_service(gateway) };
        let given = target.addresses.iter().find(|one| one.is_for(name(gateway)));
        let place = match (given, &said.address) {
            (Some(given), _) => Ok((given.place.clone(), None)),
            (None, Some(address)) => Ok((at(address, said.port), None)),
            (None, None) => forwarded(cluster, gateway, &said, target),
        };
        match place {
            Ok((address, way)) => all.doors.push(Door {
                name: super::cluster::called(gateway),
                scheme: given.and_then(|one| one.scheme).unwrap_or(said.scheme),
                host: said.host,
                address,
                authority: target.authority.clone(),
                _way: way,
            }),
            Err(error) => {
                let what = format!("has no address that can be asked: {error:#}");
                all.findings.push(Finding::of(gateway, what, ADVICE));
            }
        }
    }
    if all.doors.is_empty() && all.findings.is_empty() {
        let what = "there is none: nothing was asked".to_owned();
        let advice = "deploy it: cargo xtask k8s deploy".to_owned();
        all.findings.push(Finding { object: "gateway".to_owned(), what, advice });
    }
    Ok(all)
}

impl Address {
    fn is_for(&self, gateway: &str) -> bool {
        self.gateway.as_deref().is_none_or(|named| named == gateway)
    }
}

fn at(address: &str, port: u64) -> String {
    match address.contains(':') {
        true => format!("[{address}]:{port}"),
        false => format!("{address}:{port}"),
    }
}

fn of_gateway(gateway: &Value) -> Said {
    let text = |at: &str| gateway.pointer(at).and_then(Value::as_str);
    let scheme = match text("/spec/listeners/0/protocol") {
        Some("HTTPS") => "https",
        _ => "http",
    };
    let port = gateway.pointer("/spec/listeners/0/port").and_then(Value::as_u64);
    let host = text("/spec/listeners/0/hostname").map(|host| host.replace('*', "any"));
    let address = text("/status/addresses/0/value").map(str::to_owned);
    Said { scheme, host, port: port.unwrap_or(443), address }
}

fn of_service(service: &Value) -> Said {
    let port = service.pointer("/spec/ports/0/port").and_then(Value::as_u64);
    let balancer = service.pointer("/status/loadBalancer/ingress/0");
    let named = |field: &str| balancer.and_then(|it| it.get(field)).and_then(Value::as_str);
    let address = named("ip").or_else(|| named("hostname")).map(str::to_owned);
    Said { scheme: "http", host: None, port: port.unwrap_or(80), address }
}

/// Through the API server, to a port of this machine, as long as the process runs.
fn forwarded(
    cluster: &Cluster,
    gateway: &Value,
    said: &Said,
    target: &Target,
) -> Result<(String, Option<Process>)> {
    let (namespace, service) = service_of(cluster, gateway, target)?;
    let port = Port::free()?;
    let here = format!("127.0.0.1:{}", port.number());
    let (kubectl, context) = cluster.command();
    let log = log(&port)?;
    let process = Launch::new("kubectl port-forward", kubectl, Output::Log(log))
        .args(context)
        .args(["port-forward", "--address", "127.0.0.1", "-n", &namespace])
        .arg(format!("service/{service}"))
        .arg(format!("{}:{}", port.number(), said.port))
        .start()?;
    process.wait_ready(&Ready::Tcp(here.parse()?), READY)?;
    Ok((here, Some(process)))
}

fn log(port: &Port) -> Result<PathBuf> {
    let folder = workspace::target_dir()?.join("k8s");
    std::fs::create_dir_all(&folder)?;
    let file = folder.join(format!("port-forward-{}.log", port.number()));
    // What another one said is not about this one.
    let _ = std::fs::remove_file(&file);
    Ok(file)
}

/// Envoy Gateway makes a Service for each Gateway, under a name of its own.
fn service_of(cluster: &Cluster, gateway: &Value, target: &Target) -> Result<(String, String)> {
    let own = namespace(gateway).unwrap_or("default").to_owned();
    if !target.gateway_api {
        return Ok((own, name(gateway).to_owned()));
    }
    let label = format!(
        "gateway.envoyproxy.io/owning-gateway-name={},gateway.envoyproxy.io/owning-gateway-namespace={own}",
        name(gateway)
    );
    let services = cluster.labelled("services", &target.proxies, &label)?;
    let service = services.first().map(name).unwrap_or_default();
    ensure!(!service.is_empty(), "no Service for it in {}", target.proxies);
    Ok((target.proxies.clone(), service.to_owned()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_address_may_name_a_gateway_and_how_to_speak_with_it() {
        let parse = |text: &str| text.parse::<Address>();
        let all = parse("127.0.0.1:8443").unwrap();
        assert_eq!(
            (all.gateway.as_deref(), all.scheme, &*all.place),
            (None, None, "127.0.0.1:8443")
        );
        let one = parse("external=http://[::1]:80").unwrap();
        assert_eq!((one.scheme, &*one.place), (Some("http"), "[::1]:80"));
        assert!(one.is_for("external") && !one.is_for("internal") && all.is_for("internal"));
        for wrong in ["127.0.0.1", "ftp://x:1", "x:port", "x:99999", ""] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_gateway_says_where_it_is_and_whose_name_to_use() {
        let gateway = json!({
            "spec": {"listeners": [{"protocol": "HTTPS", "port": 443, "hostname": "api.example.com"}]},
            "status": {"addresses": [{"value": "192.0.2.1"}]},
        });
        let said = of_gateway(&gateway);
        assert_eq!((said.scheme, said.port), ("https", 443));
        assert_eq!(said.host.as_deref(), Some("api.example.com"));
        assert_eq!(said.address.as_deref(), Some("192.0.2.1"));
    }

    #[test]
    fn addresses_of_both_kinds_take_a_port() {
        assert_eq!(at("192.0.2.1", 443), "192.0.2.1:443");
        assert_eq!(at("2001:db8::1", 443), "[2001:db8::1]:443");
    }

    #[test]
    fn a_service_without_a_balancer_has_no_address() {
        let service = json!({"spec": {"ports": [{"port": 80}]}, "status": {"loadBalancer": {}}});
        assert_eq!(
            of_service(&service),
            Said { scheme: "http", host: None, port: 80, address: None }
        );
    }
}
