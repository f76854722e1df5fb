//! `claimgate validate --envoy`: what is found to check, how it is told, and the connection manager.

use std::fs;

use serde_json::{Value, json};

use crate::support::{
    MANAGER, bootstrap, findings, gives, gives_nothing, plugin, policy, remove, root, run,
    run_with, set,
};

/// The files that people copy first.
#[test]
fn the_bootstraps_of_this_repository_are_good() {
    for file in ["envoy/envoy.yaml", "envoy/examples/authzen-interop/envoy.yaml"] {
        let ran = run(&["validate", "--envoy", file, "--deny-warnings"]);
        assert_eq!((ran.status, &*ran.stderr), (0, ""));
        assert!(ran.stdout.starts_with(&format!("{file}: good\n")), "{}", ran.stdout);
    }
}

/// One file with many mistakes, and all that is said about it.
#[test]
fn findings_are_told_with_place_reason_and_remedy() {
    let folder = root().join("cli/tests/testdata");
    let args = ["validate", "--envoy", "cli/tests/testdata/careless.yaml"];
    let told = run(&args);
    assert_eq!((told.status, &*told.stdout), (1, ""));
    let json = run(&[&args[..], &["--json"]].concat());
    assert_eq!((json.status, &*json.stderr), (1, ""));
    for (name, actual) in [("careless.out", told.stderr), ("careless.json", json.stdout)] {
        let file = folder.join(name);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&file, &actual).unwrap();
        }
        let expected = fs::read_to_string(&file).unwrap_or_default();
        assert!(actual == expected, "{name} is not as written down:\n{actual}");
    }
}

#[test]
fn the_documentation_has_every_code() {
    let codes = fs::read_to_string(root().join("cli/src/finding/code.rs")).unwrap();
    let page = fs::read_to_string(root().join("docs/cli.md")).unwrap();
    let codes = codes.split(": Code =").skip(1).map(|rest| rest.split('"').nth(1).unwrap());
    let missing: Vec<_> = codes.filter(|code| !page.contains(&format!("`{code}`"))).collect();
    assert_eq!(missing, Vec::<&str>::new());
}

#[test]
fn warnings_refuse_only_when_asked_to() {
    let mut config = bootstrap();
    remove(&mut config, &format!("{MANAGER}/merge_slashes"));
    let text = config.to_string();
    let status = |more: &[&str]| {
        run_with(&[&["validate", "--envoy", "-"], more].concat(), &text, &[]).status
    };
    assert_eq!((status(&[]), status(&["--deny-warnings"])), (0, 1));
}

#[test]
fn a_bootstrap_without_the_filter_is_refused() {
    gives(
        |config| set(config, &format!("{MANAGER}/http_filters"), json!([])),
        "no-filter",
        "document",
    );
    let other = |config: &mut Value| {
        set(config, &plugin("/configuration"), json!(null));
        set(config, &plugin("/name"), json!("other"));
        set(config, &plugin("/root_id"), json!("other"));
        set(config, &plugin("/vm_config/code/local/filename"), json!("other.wasm"));
        set(config, &format!("{MANAGER}/http_filters/1/name"), json!("other"));
    };
    gives(other, "no-filter", "document");
}

#[test]
fn a_filter_is_found_by_its_configuration_or_its_module_alone() {
    let anonymous = |config: &mut Value| {
        for path in [plugin("/name"), plugin("/root_id"), format!("{MANAGER}/http_filters/1/name")]
        {
            set(config, &path, json!("gate"));
        }
    };
    gives_nothing(anonymous);
    let remote = |config: &mut Value| {
        anonymous(config);
        let code =
            json!({"remote": {"http_uri": {"uri": "https://oci.example/claimgate/plugin.wasm"}}});
        set(config, &plugin("/vm_config/code"), code);
        remove(config, &plugin("/configuration/value/routes"));
    };
    gives(remote, "configuration-invalid", ".configuration.value");
}

#[test]
fn a_configuration_is_read_in_every_form_that_the_filter_gets() {
    let text = |config: &mut Value| {
        let value = config.pointer(&policy("")).unwrap().to_string();
        let kind = "type.googleapis.com/google.protobuf.StringValue";
        set(config, &plugin("/configuration"), json!({"@type": kind, "value": value}));
    };
    gives_nothing(text);
    let yaml = |config: &mut Value| {
        text(config);
        set(config, &policy(""), json!("version: v1\nroutes: []\n"));
    };
    gives(yaml, "configuration-invalid", ".configuration.value");
    let camel = |config: &mut Value| {
        let text = config.to_string().replace("\"typed_config\"", "\"typedConfig\"");
        let text =
            text.replace("\"vm_config\"", "\"vmConfig\"").replace("http_filters", "httpFilters");
        *config = serde_json::from_str(&text).unwrap();
    };
    gives_nothing(camel);
    let wrapped = |config: &mut Value| {
        let path = format!("{MANAGER}/http_filters/1/typed_config");
        let value = config.pointer(&path).unwrap().clone();
        let wrapped = json!({
            "@type": "type.googleapis.com/xds.type.v3.TypedStruct",
            "type_url": value["@type"],
            "value": {"config": value["config"]},
        });
        set(config, &path, wrapped);
    };
    gives_nothing(wrapped);
}

#[test]
fn a_configuration_that_the_filter_refuses_is_refused_where_it_stands() {
    let change = |config: &mut Value| set(config, &policy("/routes/1/token"), json!("perhaps"));
    gives(change, "configuration-invalid", "configuration.value.routes[1].token");
    gives(|config| remove(config, &plugin("/configuration")), "configuration-invalid", ".config");
}

#[test]
fn the_vm_sees_only_variables_that_it_is_given() {
    let named = |config: &mut Value| {
        set(config, &policy("/authorization/0/credential_env"), json!("AUTHZ_TOKEN"));
    };
    gives(named, "configuration-invalid", "authorization[0] \"authz\".credential_env");
    let written = |config: &mut Value| {
        named(config);
        let variables = json!({"key_values": {"AUTHZ_TOKEN": "a-secret"}});
        set(config, &plugin("/vm_config/environment_variables"), variables);
    };
    gives_nothing(written);
    let mut config = bootstrap();
    named(&mut config);
    let args = ["validate", "--envoy", "-", "--assume-env"];
    let forgotten = run_with(&args, &config.to_string(), &[("AUTHZ_TOKEN", "a-secret")]);
    assert!(forgotten.stderr.contains("`AUTHZ_TOKEN` is not passed to the VM"), "{forgotten:?}");
    set(
        &mut config,
        &plugin("/vm_config/environment_variables"),
        json!({"host_env_keys": ["AUTHZ_TOKEN"]}),
    );
    let passed = run_with(&args, &config.to_string(), &[]);
    assert_eq!((passed.status, &*passed.stderr), (0, ""));
}

#[test]
fn the_connection_manager_has_to_be_careful() {
    let missing = [
        ("normalize_path", "path-not-normalized"),
        ("merge_slashes", "slashes-not-merged"),
        ("path_with_escaped_slashes_action", "escaped-slashes-kept"),
        ("stream_idle_timeout", "idle-timeout-missing"),
        ("common_http_protocol_options", "underscores-kept"),
    ];
    for (field, code) in missing {
        gives(|config| remove(config, &format!("{MANAGER}/{field}")), code, ".typed_config");
    }
    let careless = [
        ("normalize_path", json!(false), "path-not-normalized"),
        ("path_with_escaped_slashes_action", json!("KEEP_UNCHANGED"), "escaped-slashes-kept"),
        ("stream_idle_timeout", json!("0s"), "idle-timeout-missing"),
    ];
    for (field, value, code) in careless {
        gives(|config| set(config, &format!("{MANAGER}/{field}"), value), code, field);
    }
    let allowed = json!({"headers_with_underscores_action": "ALLOW"});
    let change = |config: &mut Value| {
        set(config, &format!("{MANAGER}/common_http_protocol_options"), allowed);
    };
    gives(change, "underscores-kept", "headers_with_underscores_action");
    let dropped = json!({"headers_with_underscores_action": "DROP_HEADER"});
    gives_nothing(|c| set(c, &format!("{MANAGER}/common_http_protocol_options"), dropped));
}

#[test]
fn only_connection_managers_with_the_filter_are_looked_at() {
    let plain = json!({
        "name": "plain",
        "filter_chains": [{"filters": [{"name": "http", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        }}]}],
    });
    let mut config = bootstrap();
    config["static_resources"]["listeners"].as_array_mut().unwrap().push(plain);
    assert_eq!(findings(&config), []);
}

#[test]
fn a_trusted_address_has_to_be_one() {
    let trusting = |config: &mut Value| {
        set(config, &policy("/trusted_client_address"), json!(true));
    };
    gives_nothing(trusting);
    let believing = |config: &mut Value| {
        trusting(config);
        remove(config, &format!("{MANAGER}/use_remote_address"));
    };
    gives(believing, "client-address-untrusted", ".trusted_client_address");
    gives_nothing(|config| {
        believing(config);
        set(config, &format!("{MANAGER}/xff_num_trusted_hops"), json!(1));
    });
    gives_nothing(|config| remove(config, &format!("{MANAGER}/use_remote_address")));
}
