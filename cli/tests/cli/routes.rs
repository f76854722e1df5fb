//! `claimgate validate --envoy`: Envoy's routes beside Claimgate's.

use serde_json::{Value, json};

use crate::support::{MANAGER, gives, gives_nothing, policy, remove, set};

fn routes(path: &str) -> String {
    format!("{MANAGER}/route_config/virtual_hosts/0/routes{path}")
}

/// A header that Envoy's route for customers matches on.
fn matching_on(name: &str) -> impl FnOnce(&mut Value) {
    let headers = json!([{"name": name, "present_match": true}]);
    move |config| set(config, &routes("/2/match/headers"), headers)
}

#[test]
fn routes_may_not_match_on_what_the_filter_changes() {
    let changed = [
        "x-user-email",
        "X-User-Roles",
        "x_user_roles",
        "x-envoy-original-path",
        "authorization",
        "dpop",
    ];
    for name in changed {
        gives(matching_on(name), "route-on-own-header", &format!(".match.headers[0] {name:?}"));
    }
    for name in ["x-tenant", ":method", "cookie", "accept"] {
        gives_nothing(matching_on(name));
    }
    let cluster = |config: &mut Value| {
        set(config, &routes("/2/route"), json!({"cluster_header": "x-user-name"}));
    };
    gives(cluster, "route-on-own-header", ".route.cluster_header");
}

#[test]
fn tokens_are_taken_out_of_the_places_that_are_configured() {
    let from = |config: &mut Value| {
        let from = json!([{"header": "x-token"}, {"cookie": "session"}, {"query": "access_token"}]);
        set(config, &policy("/providers/0/from"), from);
        set(config, &policy("/providers/0/allow_query_token"), json!(true));
    };
    for name in ["x-token", "cookie"] {
        let change = |config: &mut Value| {
            from(config);
            matching_on(name)(config);
        };
        gives(change, "route-on-own-header", &format!(".match.headers[0] {name:?}"));
    }
    gives_nothing(|config| {
        from(config);
        matching_on("authorization")(config);
    });
    let parameter = |name: &str| {
        let parameters = json!([{"name": name, "present_match": true}]);
        move |config: &mut Value| {
            from(config);
            set(config, &routes("/2/match/query_parameters"), parameters);
        }
    };
    gives(
        parameter("access_token"),
        "route-on-token-parameter",
        ".query_parameters[0] \"access_token\"",
    );
    gives_nothing(parameter("page"));
}

#[test]
fn a_token_that_stays_may_be_matched_on() {
    gives_nothing(|config| {
        set(config, &policy("/providers/0/forward"), json!(true));
        matching_on("authorization")(config);
    });
}

#[test]
fn matchers_are_looked_into() {
    let matcher = json!({"matcher_tree": {"input": {"name": "header", "typed_config": {
        "@type": "type.googleapis.com/envoy.type.matcher.v3.HttpRequestHeaderMatchInput",
        "header_name": "x-user-name",
    }}}});
    let change = |config: &mut Value| {
        set(config, &format!("{MANAGER}/route_config/virtual_hosts/0/matcher"), matcher);
    };
    gives(change, "route-on-own-header", ".input.typed_config");
}

#[test]
fn routes_that_are_not_in_the_file_are_named() {
    let elsewhere = |config: &mut Value| {
        remove(config, &format!("{MANAGER}/route_config"));
        set(config, &format!("{MANAGER}/rds"), json!({"route_config_name": "r"}));
    };
    gives(elsewhere, "routes-elsewhere", ".rds");
}

#[test]
fn routes_may_not_set_what_is_the_filters() {
    let added = |name: &str| json!([{"header": {"key": name, "value": "admin"}}]);
    let change = |config: &mut Value| {
        set(config, &routes("/3/request_headers_to_add"), added("x-user-roles"));
    };
    gives(change, "route-sets-own-header", ".request_headers_to_add[0]");
    gives_nothing(|config| {
        set(config, &routes("/3/response_headers_to_add"), added("x-user-roles"));
    });
}

/// Replaces Claimgate's routes by these: name, `path` or `prefix`, what it matches, token.
fn claimgate(config: &mut Value, of: &[(&str, &str, &str, &str)]) {
    let routes = of.iter().map(|(name, kind, text, token)| {
        json!({
            "name": name, "match": {(*kind): text}, "token": token,
            "rules": [{"name": "all", "allow": {"always": true}}],
        })
    });
    set(config, &policy("/routes"), routes.collect());
}

/// Replaces Envoy's routes by these, all to one cluster.
fn envoy(config: &mut Value, matches: &[Value]) {
    let forward = |of: &Value| json!({"match": of, "route": {"cluster": "customer-service"}});
    set(config, &routes(""), matches.iter().map(forward).collect());
}

fn both(of: &[(&str, &str, &str, &str)], matches: &[Value]) -> impl FnOnce(&mut Value) {
    let (of, matches) = (of.to_vec(), matches.to_vec());
    let of: Vec<_> = of.iter().map(|r| [r.0, r.1, r.2, r.3].map(str::to_owned)).collect();
    move |config| {
        let of: Vec<_> = of.iter().map(|r| (&*r[0], &*r[1], &*r[2], &*r[3])).collect();
        claimgate(config, &of);
        envoy(config, &matches);
    }
}

const ADMIN: (&str, &str, &str, &str) = ("admin", "path", "/admin/{page}", "required");
const PUBLIC: (&str, &str, &str, &str) = ("public", "path", "/{rest=**}", "none");

#[test]
fn a_prefix_that_reaches_beyond_its_claimgate_routes_is_reported() {
    let matches = [json!({"prefix": "/admin"}), json!({"prefix": "/"})];
    gives(both(&[ADMIN, PUBLIC], &matches), "route-falls-through", ".routes[0]");
    let optional = ("public", "path", "/{rest=**}", "optional");
    gives(both(&[ADMIN, optional], &matches), "route-falls-through", ".routes[0]");
}

#[test]
fn expressions_and_loose_spelling_are_reported_too() {
    let all = json!({"prefix": "/"});
    let whole = ("admin", "prefix", "/admin", "required");
    gives_nothing(both(
        &[whole, PUBLIC],
        &[json!({"path_separated_prefix": "/admin"}), all.clone()],
    ));
    let expression = json!({"safe_regex": {"regex": "/admin.*"}});
    gives(both(&[whole, PUBLIC], &[expression, all.clone()]), "route-falls-through", ".routes[0]");
    let loose = json!({"path_separated_prefix": "/admin", "case_sensitive": false});
    gives(both(&[whole, PUBLIC], &[loose, all]), "route-falls-through", ".routes[0]");
}

#[test]
fn a_service_without_a_claimgate_route_of_its_own_is_reported() {
    let matches = [json!({"path_separated_prefix": "/reports"}), json!({"prefix": "/"})];
    let whole = ("admin", "prefix", "/admin", "required");
    gives(both(&[whole, PUBLIC], &matches), "route-falls-through", ".routes[0]");
}

#[test]
fn methods_count() {
    let read = |config: &mut Value| {
        both(
            &[ADMIN, PUBLIC],
            &[json!({"path_separated_prefix": "/admin"}), json!({"prefix": "/"})],
        )(config);
        set(config, &policy("/routes/0/match"), json!({"prefix": "/admin", "methods": ["GET"]}));
    };
    gives(read, "route-falls-through", ".routes[0]");
}

#[test]
fn routes_that_fit_are_not_reported() {
    let one = [json!({"prefix": "/"})];
    gives_nothing(both(&[ADMIN, PUBLIC], &one));
    let separate = [json!({"path_separated_prefix": "/a"}), json!({"path_separated_prefix": "/b"})];
    gives_nothing(both(&[PUBLIC], &separate));
    let a = ("a", "prefix", "/a", "required");
    let b = ("b", "prefix", "/b", "none");
    gives_nothing(both(&[a, b], &separate));
}

#[test]
fn answers_and_redirects_reach_no_service() {
    let change = |config: &mut Value| {
        both(&[ADMIN, PUBLIC], &[json!({"prefix": "/admin"}), json!({"prefix": "/"})])(config);
        remove(config, &routes("/0/route"));
        set(config, &routes("/0/direct_response"), json!({"status": 404}));
    };
    gives_nothing(change);
}

/// The policy and the virtual host that Envoy takes for a host are looked at together.
#[test]
fn hosts_count() {
    let change = |config: &mut Value| {
        both(&[ADMIN, PUBLIC], &[json!({"prefix": "/admin"})])(config);
        let hosts = json!(["api.example.com"]);
        set(config, &policy("/routes/0/match"), json!({"hosts": hosts, "prefix": "/admin"}));
        set(config, &policy("/routes/1/match"), json!({"hosts": hosts, "path": "/{rest=**}"}));
        let at = format!("{MANAGER}/route_config/virtual_hosts");
        let mut api = config.pointer(&format!("{at}/0")).unwrap().clone();
        api["domains"] = json!(["api.example.com", "api.example.com:*"]);
        let list = config.pointer_mut(&at).unwrap().as_array_mut().unwrap();
        list.push(api);
    };
    gives(change, "route-falls-through", ".virtual_hosts[1] \"demo\".routes[0]");
}
