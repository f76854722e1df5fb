//! Whose logouts authz-service heeds, and by which way they come: those of the provider whose tokens the
//! gateway takes, and by no way that somebody else could use for more.

use serde_json::{Value, json};

use crate::gateway::{cluster, configuration, envoy, with};
use crate::rendered::{
    Object, file, items, name, of_kind, overlay, pod_template, with_logouts_from_outside,
};
use crate::rules;
use crate::schema::Schemas;

/// Overlays with an identity provider of their own, by how rules know them.
fn with_a_provider() -> [(&'static str, Vec<Object>); 3] {
    [
        ("staging", overlay("staging")),
        ("production", overlay("production")),
        ("staging", with_logouts_from_outside()),
    ]
}

fn authz_service(objects: &[Object]) -> &Value {
    let all = of_kind(objects, "Deployment").find(|one| name(one) == "authz-service");
    &pod_template(all.unwrap()).unwrap()["spec"]
}

#[test]
fn whose_tokens_count_is_whose_logouts_count() {
    for (name, objects) in with_a_provider() {
        let text = file(&objects, "authz-service", "authz.yaml").unwrap();
        let said: Value = serde_saphyr::from_str(&text).unwrap();
        let [issuer] = items(&said, "/issuers") else { panic!("{name}: {said}") };
        let envoy = envoy(&objects);
        let providers = items(with(&envoy, "providers").unwrap(), "/providers");
        let [provider] = providers else { panic!("{name}: {providers:?}") };
        assert_eq!(issuer["issuer"], provider["issuer"], "{name}");
        assert_eq!(issuer["jwks"], provider["jwks"]["url"], "{name}");
        let place = cluster(&envoy, "idp");
        let place = place.pointer("/load_assignment/endpoints/0/lb_endpoints/0/endpoint/address");
        let place = &place.unwrap()["socket_address"];
        let expected = format!("{}:{}", place["address"].as_str().unwrap(), place["port_value"]);
        assert_eq!(issuer["address"], expected, "{name}");
        assert!(!items(issuer, "/logout-audiences").is_empty(), "{name}");
        assert!(!text.contains(".invalid"), "{name}: nobody's values are left: {text}");
        // And the pods read it.
        let pod = authz_service(&objects);
        let container = &pod["containers"][0];
        let said = json!({"name": "AUTHZ_SERVICE_CONFIG", "value": "/etc/authz/config/authz.yaml"});
        assert!(items(container, "/env").contains(&said), "{name}: {container}");
        let mount = json!({"name": "config", "mountPath": "/etc/authz/config", "readOnly": true});
        assert!(items(container, "/volumeMounts").contains(&mount), "{name}: {container}");
    }
}

/// The development identity provider tells nobody of logouts, so nobody is listened to there.
#[test]
fn where_nobody_tells_of_logouts_nobody_is_believed() {
    let objects = overlay("dev");
    assert_eq!(file(&objects, "authz-service", "authz.yaml"), None);
    let pod = authz_service(&objects).to_string();
    assert!(!pod.contains("AUTHZ_SERVICE_CONFIG"), "{pod}");
}

/// Every route of Envoy's that leads to authz-service, with what it takes.
fn ways_in(objects: &[Object]) -> Vec<(String, Value)> {
    let config = envoy(objects);
    let managers = items(&config, "/static_resources/listeners").iter();
    let managers = managers.map(|one| one.pointer("/filter_chains/0/filters/0/typed_config"));
    let hosts = managers.flat_map(|one| items(one.unwrap(), "/route_config/virtual_hosts"));
    let leads_there = |route: &&Value| {
        route["route"]["cluster"].as_str().is_some_and(|cluster| cluster.starts_with("authz"))
    };
    let routes = hosts.flat_map(|host| items(host, "/routes")).filter(leads_there);
    routes
        .map(|route| (route["name"].as_str().unwrap().to_owned(), route["match"].clone()))
        .collect()
}

#[test]
fn outsiders_reach_one_path_more_and_only_where_that_was_chosen() {
    let me = ("who-am-i".to_owned(), json!({"path": "/auth/me"}));
    for name in crate::rendered::OVERLAYS {
        let objects = overlay(name);
        assert_eq!(ways_in(&objects), std::slice::from_ref(&me), "{name}");
        assert!(!configuration(&objects).contains("backchannel"), "{name}");
    }
    let objects = with_logouts_from_outside();
    let post = json!([{"name": ":method", "string_match": {"exact": "POST"}}]);
    let logout = json!({"path": "/backchannel-logout", "headers": post});
    assert_eq!(ways_in(&objects), [me, ("backchannel-logout".to_owned(), logout)]);
    // The filter lets nothing else through that the overlay itself does not.
    let routes =
        |objects: &[Object]| items(with(&envoy(objects), "providers").unwrap(), "/routes").to_vec();
    let (mut with, without) = (routes(&objects), routes(&overlay("staging")));
    with.retain(|route| !without.contains(route));
    let expected = json!([{
        "name": "backchannel-logout",
        "match": {"path": "/backchannel-logout", "methods": ["POST"]},
        "token": "none",
        "rules": [{"name": "signed-statement", "allow": {"always": true}}],
    }]);
    assert_eq!(Value::from(with), expected);
}

/// By its name a policy could stay when the provider moves out of the cluster.
#[test]
fn a_provider_outside_does_not_come_by_the_way_of_one_inside() {
    let objects = with_logouts_from_outside();
    let policies: Vec<_> = of_kind(&objects, "NetworkPolicy").map(ToString::to_string).collect();
    assert!(!policies.iter().any(|one| one.contains("keycloak")), "{policies:?}");
    let out = policies.iter().filter(|one| one.contains("203.0.113.7/32")).count();
    assert_eq!(out, 2, "the gateway's and authz-service's");
}

#[test]
fn an_overlay_with_logouts_from_outside_keeps_every_rule() {
    let (name, objects) = with_a_provider()[2].clone();
    let violations = rules::violations(name, &objects);
    assert!(violations.is_empty(), "{}", violations.join("\n"));
    let wrong = objects.iter().flat_map(|one| Schemas::committed().errors(one));
    assert_eq!(wrong.collect::<Vec<_>>(), [""; 0]);
}
