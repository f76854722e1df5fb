//! The development identity provider as its pod has it: on loopback, asked there by its own probe, and reached from
//! outside through the door alone.

use std::fs;
use std::process::Command;
use std::time::Duration;

use claimgate_proc::{Launch, Output, Port, Ready, http_status};
use xtask::run::Scratch;
use xtask::{tools, workspace};

use super::{file, succeed};
use crate::rendered::{items, name, of_kind, overlay};

const READY: Duration = Duration::from_secs(30);

#[test]
#[ignore = "cargo xtask test-k8s: needs Envoy"]
fn the_door_leads_to_an_identity_provider_on_loopback() {
    let (scratch, objects) = (Scratch::new("door").unwrap(), overlay("dev"));
    let ports = [(); 3].map(|()| Port::free().unwrap());
    let [idp, door, admin] = [0, 1, 2].map(|one: usize| ports[one].number().to_string());
    let deployment = of_kind(&objects, "Deployment").find(|one| name(one) == "dev-idp").unwrap();
    let container = &deployment["spec"]["template"]["spec"]["containers"][0];
    let here = |text: &str| {
        let text = text.replace("127.0.0.1:8180", &format!("127.0.0.1:{idp}"));
        text.replace("8181", &door).replace("port_value: 8180", &format!("port_value: {idp}"))
    };
    let arguments = |pointer: &str| -> Vec<String> {
        items(container, pointer).iter().map(|one| here(one.as_str().unwrap())).collect()
    };
    let program = workspace::debug_binary("dev-idp").unwrap();
    let probe = || {
        let command = arguments("/livenessProbe/exec/command");
        assert_eq!(command[0], "/dev-idp");
        let mut probe = Command::new(&program);
        probe.args(&command[1..]);
        probe
    };
    assert!(!probe().status().unwrap().success(), "nobody is there to be healthy");

    let launch = Launch::new("dev-idp", &program, Output::Log(scratch.path().join("dev-idp.log")));
    let provider = launch.args(arguments("/args")).start().unwrap();
    let address = format!("127.0.0.1:{idp}").parse().unwrap();
    provider.wait_ready(&Ready::Tcp(address), READY).unwrap();
    succeed(&mut probe());

    let config = scratch.path().join("envoy.yaml");
    let text = here(&file(&objects, "dev-idp-door", "envoy.yaml")).replace("9901", &admin);
    fs::write(&config, text).unwrap();
    let log = Output::Log(scratch.path().join("envoy.log"));
    let envoy = Launch::new("envoy", tools::envoy().unwrap(), log).arg("-c").arg(&config);
    let envoy = envoy.args(["--disable-hot-restart", "--concurrency", "1"]).start().unwrap();
    let through = format!("127.0.0.1:{door}").parse().unwrap();
    envoy.wait_ready(&Ready::Http(through, "/realms/api-gateway-poc".into()), READY).unwrap();
    provider.stop();
    assert!(http_status(through, "/realms/api-gateway-poc").is_err());
    assert!(!probe().status().unwrap().success());
}
