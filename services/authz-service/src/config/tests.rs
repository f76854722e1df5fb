use super::*;

fn options() -> Options {
    Options {
        policies: Some("policies".into()),
        entities: Some("entities.json".into()),
        ..Options::default()
    }
}

fn listening(address: &str) -> Options {
    Options { listen: Some(address.parse().unwrap()), ..options() }
}

const SECRET: &str = "0123456789abcdef";

#[test]
fn only_loopback_goes_without_a_credential() {
    for listen in ["127.0.0.1:0", "[::1]:0", "127.8.8.8:1"] {
        assert!(Config::with_secrets(listening(listen), None).is_ok());
    }
    for listen in ["0.0.0.0:0", "[::]:0", "192.168.1.1:80", "[::ffff:127.0.0.1]:80"] {
        let refused = Config::with_secrets(listening(listen), None).err().unwrap();
        assert!(matches!(refused, InvalidConfig::Unguarded(_)), "{listen}");
        assert!(Config::with_secrets(listening(listen), Some(SECRET)).is_ok());
        let certificates = Options {
            tls_cert: Some("cert.pem".into()),
            tls_key: Some("key.pem".into()),
            tls_client_ca: Some("ca.pem".into()),
            ..listening(listen)
        };
        assert!(Config::with_secrets(certificates, None).is_ok());
    }
}

#[test]
fn tls_wants_all_of_its_files() {
    let file = || Some(PathBuf::from("x.pem"));
    for (tls_cert, tls_key, tls_client_ca) in
        [(file(), None, None), (None, file(), None), (None, None, file()), (file(), None, file())]
    {
        let options = Options { tls_cert, tls_key, tls_client_ca, ..options() };
        assert!(matches!(Config::with_secrets(options, None), Err(InvalidConfig::Tls(_))));
    }
}

#[test]
fn a_weak_secret_is_refused_everywhere() {
    for secret in
        ["", "short", "0123456789abcdef\nshort", "with space 012345", "ünïcode-0123456789"]
    {
        let refused = Config::with_secrets(options(), Some(secret)).err().unwrap();
        assert!(matches!(refused, InvalidConfig::Credential(_)), "{secret}");
    }
}
