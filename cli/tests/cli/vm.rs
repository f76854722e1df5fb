//! `claimgate validate --envoy`: the module, its VM and whom it shares data with.

use serde_json::{Value, json};

use crate::support::{
    MANAGER, bootstrap, findings, gives, gives_nothing, plugin, policy, remove, set,
};

#[test]
fn a_filter_that_fails_open_is_refused() {
    let failing = |policy: &str| {
        let policy = json!(policy);
        move |config: &mut Value| set(config, &plugin("/failure_policy"), policy)
    };
    gives(failing("FAIL_OPEN"), "fail-open", ".failure_policy");
    gives_nothing(failing("FAIL_CLOSED"));
    gives(failing("UNSPECIFIED"), "failure-policy-unset", ".failure_policy");
    gives(|config| remove(config, &plugin("/failure_policy")), "failure-policy-unset", ".config");
    gives(|config| set(config, &plugin("/fail_open"), json!(true)), "fail-open", ".fail_open");
    let optional = |config: &mut Value| {
        set(config, &format!("{MANAGER}/http_filters/1/is_optional"), json!(true));
    };
    gives(optional, "filter-optional", ".is_optional");
}

#[test]
fn a_filter_that_is_off_is_reported() {
    let everywhere = |config: &mut Value| {
        set(config, &format!("{MANAGER}/http_filters/1/disabled"), json!(true));
    };
    gives(everywhere, "filter-disabled", ".disabled");
    let off = json!({"claimgate": {
        "@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "disabled": true,
    }});
    let route = format!("{MANAGER}/route_config/virtual_hosts/0/routes/2/typed_per_filter_config");
    gives(|config| set(config, &route, off), "filter-disabled", ".routes[2] \"customers\"");
    let other = json!({"other": {"disabled": true}});
    gives_nothing(|config| set(config, &route, other));
}

#[test]
fn the_host_has_to_call_the_filter() {
    let allowing = |names: &[&str]| {
        let names: serde_json::Map<_, _> =
            names.iter().map(|name| ((*name).to_owned(), json!({}))).collect();
        let restriction = json!({"allowed_capabilities": names});
        move |config: &mut Value| {
            set(config, &plugin("/capability_restriction_config"), restriction);
        }
    };
    let all = ["proxy_on_request_headers", "proxy_on_request_body", "proxy_on_request_trailers"];
    gives_nothing(allowing(&all));
    gives_nothing(allowing(&[]));
    gives(allowing(&all[1..]), "capability-missing", ".allowed_capabilities");
    gives(allowing(&["proxy_log"]), "capability-missing", ".allowed_capabilities");
}

#[test]
fn conditions_in_cel_need_the_larger_module() {
    let cel = |config: &mut Value| {
        let condition = json!({"any": [{"not": {"cel": "claims.level > 2"}}]});
        set(config, &policy("/routes/1/rules/0/allow"), condition);
    };
    gives(cel, "module-without-cel", ".vm_config.code");
    gives_nothing(|config| {
        cel(config);
        let full = json!("dist/plugin-full.wasm");
        set(config, &plugin("/vm_config/code/local/filename"), full);
    });
}

#[test]
fn the_weaker_pause_is_reported() {
    let at = "/allow_on_headers_stop_iteration";
    gives(
        |config| set(config, &plugin(at), json!(true)),
        "headers-stop-iteration",
        "stop_iteration",
    );
    gives_nothing(|config| set(config, &plugin(at), json!(false)));
}

#[test]
fn a_vm_id_is_needed() {
    let id = plugin("/vm_config/vm_id");
    gives(|config| remove(config, &id), "vm-id-missing", ".vm_config");
    gives(|config| set(config, &id, json!("")), "vm-id-missing", ".vm_id");
}

/// The demo's bootstrap with a second listener, whose plugin is changed.
fn twice(change: impl FnOnce(&mut Value)) -> Vec<(String, String)> {
    let mut config = bootstrap();
    let listeners = config["static_resources"]["listeners"].as_array_mut().unwrap();
    let mut second = listeners[0].clone();
    second["name"] = json!("second");
    let path = plugin("").replace("/static_resources/listeners/0", "");
    change(second.pointer_mut(&path).unwrap());
    listeners.push(second);
    findings(&config)
}

#[test]
fn only_the_same_filter_may_have_the_same_vm_id() {
    assert_eq!(twice(|_| {}), []);
    let codes = |found: Vec<(String, String)>| found.into_iter().map(|(code, _)| code).collect();
    let both: Vec<String> = vec!["vm-id-shared".into(), "vm-id-shared".into()];
    let configured: Vec<_> = codes(twice(|plugin| {
        plugin["configuration"]["value"]["unmatched"] = json!({"status": 403});
    }));
    assert_eq!(configured, both);
    let built: Vec<_> = codes(twice(|plugin| {
        plugin["vm_config"]["code"] = json!({"local": {"filename": "claimgate.wasm"}});
    }));
    assert_eq!(built, both);
    assert_eq!(twice(|plugin| plugin["vm_config"]["vm_id"] = json!("second")), []);
}

/// Other modules need no filter of ours to be in the way.
#[test]
fn another_modules_vm_id_counts_too() {
    let logger = json!([{"name": "wasm", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.access_loggers.wasm.v3.WasmAccessLog",
        "config": {"vm_config": {"vm_id": "claimgate-demo", "code": {"local": {"filename": "log.wasm"}}}},
    }}]);
    let change = |config: &mut Value| set(config, &format!("{MANAGER}/access_log"), logger);
    gives(change, "vm-id-shared", ".vm_id");
}
