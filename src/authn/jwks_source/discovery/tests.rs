use std::time::Duration;

use serde_json::json;

use super::*;

fn discovery(scheme: &'static str, authority: &str) -> Discovery {
    Discovery {
        document: Endpoint {
            cluster: "idp".into(),
            scheme,
            authority: authority.into(),
            path: "/.well-known/openid-configuration".into(),
            timeout: Duration::from_secs(2),
        },
        issuer: "https://idp.test".into(),
        elsewhere: None,
    }
}

fn document(uri: &str) -> Vec<u8> {
    json!({"issuer": "https://idp.test", "jwks_uri": uri}).to_string().into_bytes()
}

fn home() -> Discovery {
    discovery("https", "idp.test")
}

#[test]
fn keys_on_the_documents_own_host_are_fetched_through_its_cluster() {
    let uris = [
        ("https://idp.test/keys", "/keys"),
        ("https://idp.test:443/keys?v=2", "/keys?v=2"),
        ("https://IDP.test/", "/"),
        ("https://idp.test", "/"),
    ];
    for (uri, path) in uris {
        let endpoint = follow(&home(), &document(uri)).unwrap();
        assert_eq!((&*endpoint.cluster, &*endpoint.path), ("idp", path), "{uri}");
        assert_eq!((endpoint.scheme, endpoint.timeout), ("https", Duration::from_secs(2)));
    }
}

#[test]
fn any_other_host_is_refused() {
    let uris = [
        "https://other.test/keys",
        "https://idp.test.evil/keys",
        "https://evil.idp.test/keys",
        "https://idp.test:8443/keys",
        "https://idp.test./keys",
        "https://169.254.169.254/latest",
        "https://[::1]/keys",
    ];
    for uri in uris {
        assert_eq!(follow(&home(), &document(uri)), Err(InvalidDiscovery::ForeignHost), "{uri}");
    }
}

#[test]
fn what_is_no_plain_url_is_refused() {
    let uris = [
        "",
        "keys",
        "/keys",
        "//idp.test/keys",
        "https:/idp.test",
        "ftp://idp.test/keys",
        "HTTPS://idp.test/keys",
        "https://user@idp.test/keys",
        "https://idp.test/a#b",
        "https://idp.test/a b",
        "https://idp.test\\@evil.test/",
        "https://",
        "https:///keys",
        "https://idp.test?keys",
        "https://idp.test/\r\nhost: evil",
    ];
    for uri in uris {
        assert_eq!(follow(&home(), &document(uri)), Err(InvalidDiscovery::JwksUri), "{uri:?}");
    }
}

#[test]
fn the_one_other_host_that_is_named_goes_through_its_own_cluster() {
    let named = Discovery { elsewhere: Some(("cdn".into(), "keys.test".into())), ..home() };
    let endpoint = follow(&named, &document("https://keys.test:443/k")).unwrap();
    assert_eq!((&*endpoint.cluster, &*endpoint.authority), ("cdn", "keys.test:443"));
    assert_eq!(&*follow(&named, &document("https://idp.test/k")).unwrap().cluster, "idp");
    for uri in ["https://keys.test:80/k", "https://a.keys.test/k"] {
        assert_eq!(follow(&named, &document(uri)), Err(InvalidDiscovery::ForeignHost));
    }
}

#[test]
fn nothing_leads_from_https_to_http() {
    let named = Discovery { elsewhere: Some(("cdn".into(), "keys.test".into())), ..home() };
    for uri in ["http://idp.test/k", "http://idp.test:443/k", "http://keys.test/k"] {
        assert_eq!(follow(&named, &document(uri)), Err(InvalidDiscovery::Downgrade), "{uri}");
    }
    let plain = discovery("http", "idp.test:8180");
    assert!(follow(&plain, &document("http://idp.test:8180/k")).is_ok());
    assert!(follow(&plain, &document("https://idp.test:8180/k")).is_ok());
    let plain = discovery("http", "idp.test");
    let other_port = follow(&plain, &document("https://idp.test/k"));
    assert_eq!(other_port, Err(InvalidDiscovery::ForeignHost));
}

#[test]
fn a_document_of_another_issuer_is_refused() {
    for issuer in ["https://idp.test/", "https://idp.TEST", "https://evil.test", ""] {
        let text = json!({"issuer": issuer, "jwks_uri": "https://idp.test/k"}).to_string();
        assert_eq!(follow(&home(), text.as_bytes()), Err(InvalidDiscovery::Issuer), "{issuer}");
    }
}

#[test]
fn what_is_no_discovery_document_is_refused() {
    let documents = [
        "",
        "<html>",
        "[]",
        "{}",
        "null",
        r#"{"issuer":"https://idp.test"}"#,
        r#"{"jwks_uri":"https://idp.test/k"}"#,
        r#"{"issuer":["https://idp.test"],"jwks_uri":"https://idp.test/k"}"#,
        r#"{"issuer":"https://idp.test","jwks_uri":null}"#,
    ];
    for text in documents {
        let outcome = follow(&home(), text.as_bytes());
        assert_eq!(outcome, Err(InvalidDiscovery::Malformed), "{text}");
    }
    let big = [document("https://idp.test/k"), vec![b' '; MAX_DOCUMENT]].concat();
    assert_eq!(follow(&home(), &big), Err(InvalidDiscovery::TooLarge));
}
