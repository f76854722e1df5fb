use super::*;

fn fixed(url: &str) -> Config {
    match RedisAddress::parse(url, None, None).ok().unwrap().into_place() {
        Place::Fixed(config) => config,
        Place::Watched(_) => panic!("{url}"),
    }
}

fn of_sentinels(url: &str) -> Watched {
    match RedisAddress::parse(url, None, None).ok().unwrap().into_place() {
        Place::Watched(watched) => watched,
        Place::Fixed(_) => panic!("{url}"),
    }
}

fn hosts(url: &str) -> Vec<String> {
    fixed(url).server.hosts().iter().map(ToString::to_string).collect()
}

fn refused(url: &str) -> InvalidRedisUrl {
    RedisAddress::parse(url, None, None).err().unwrap()
}

#[test]
fn one_server_has_a_default_port() {
    assert_eq!(hosts("redis://cache.example"), ["cache.example:6379"]);
    assert_eq!(hosts("redis://u:p@127.0.0.1:1/3"), ["127.0.0.1:1"]);
}

#[test]
fn a_cluster_names_some_of_its_nodes() {
    assert_eq!(hosts("redis-cluster://a:1,b,c:3"), ["a:1", "b:6379", "c:3"]);
    let config = fixed("redis-cluster://us%40r:p%2Cw@a:1,b:2");
    assert_eq!(config.server.hosts().len(), 2);
    assert_eq!(
        (config.username.as_deref(), config.password.as_deref()),
        (Some("us@r"), Some("p,w"))
    );
}

#[test]
fn anything_else_is_refused_without_repeating_it() {
    for url in [
        "http://user:hunter2@host",
        "host:6379",
        "",
        "redis://user:hunter2@host:port",
        "redis://user:hunter2@host/0?node=other:1",
        "redis-cluster://user:hunter2@a:1,,b:2",
        "redis-cluster://user:hunter2@a:1/0",
        "redis+sentinel://user:hunter2@a:1/name",
    ] {
        let error = refused(url);
        assert_eq!(error, InvalidRedisUrl::Url, "{url}");
        assert!(!error.to_string().contains("hunter2"));
    }
    assert_eq!(refused(&format!("redis-cluster://{}a", "a,".repeat(64))), InvalidRedisUrl::Url);
}

#[test]
fn sentinels_lead_to_a_primary_and_never_see_its_password() {
    let watched = of_sentinels("redis-sentinel://us%40r:p%2Cw@a:1,b,[::1]/my-primary.1");
    assert_eq!(watched.name, "my-primary.1");
    let places = watched.sentinels.iter().map(|one| {
        assert_eq!((&one.username, &one.password), (&None, &None));
        one.server.hosts().first().unwrap().to_string()
    });
    assert_eq!(places.collect::<Vec<_>>(), ["a:1", "b:26379", "[::1]:26379"]);
    let primary = watched.primary_at(Server::new("c", 7));
    assert_eq!(primary.server.hosts(), [Server::new("c", 7)]);
    let user = (primary.username.as_deref(), primary.password.as_deref());
    assert_eq!((user, primary.database), ((Some("us@r"), Some("p,w")), None));
}

#[test]
fn what_is_wrong_with_sentinels_is_said_without_repeating_it() {
    for (rest, problem) in [
        ("a:1", NO_PRIMARY),
        ("a:1/", NO_PRIMARY),
        ("a:1,b:2", NO_PRIMARY),
        ("a:1/0", ODD_PRIMARY),
        ("a:1/name/0", ODD_PRIMARY),
        ("a:1/my%20name", ODD_PRIMARY),
        ("/name", NO_SENTINEL),
        ("a:1,,b:2/name", NO_SENTINEL),
        ("a:port/name", NO_SENTINEL),
        ("a:65536/name", NO_SENTINEL),
    ] {
        let error = refused(&format!("redis-sentinel://user:hunter2@{rest}"));
        assert_eq!(error, InvalidRedisUrl::Sentinel(problem), "{rest}");
        assert!(!error.to_string().contains("hunter2"));
    }
    let many = format!("redis-sentinel://{}a/name", "a,".repeat(64));
    assert_eq!(refused(&many), InvalidRedisUrl::Sentinel(NO_SENTINEL));
}

#[test]
fn sentinels_have_a_user_and_a_password_of_their_own() {
    let address = |url| RedisAddress::parse(url, None, None).ok().unwrap();
    let (user, password) = (Some("me"), Some(&RedisPassword::Text("p".into())));
    let with =
        address("redis-sentinel://a,b/name").with_sentinels_user(user, password).ok().unwrap();
    let Place::Watched(watched) = with.into_place() else { panic!("it names sentinels") };
    for one in &watched.sentinels {
        assert_eq!((one.username.as_deref(), one.password.as_deref()), (Some("me"), Some("p")));
    }
    assert_eq!(watched.primary.password, None);
    let refused =
        |url, user, password| address(url).with_sentinels_user(user, password).err().unwrap();
    let sentinels = "redis-sentinel://a/name";
    assert_eq!(refused(sentinels, user, None), InvalidRedisUrl::SentinelUser);
    let nowhere = RedisPassword::File("/nowhere".into());
    let unreadable = refused(sentinels, None, Some(&nowhere));
    assert!(matches!(unreadable, InvalidRedisUrl::SentinelPassword(_)));
    for (user, password) in [(user, None), (None, password)] {
        let error = refused("redis://a", user, password);
        assert!(matches!(error, InvalidRedisUrl::NoSentinels(_)));
    }
    assert!(address("redis://a").with_sentinels_user(None, None).is_ok());
}

#[test]
fn certificate_authorities_are_for_tls_and_must_be_there() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let parse = |url| RedisAddress::parse(url, Some(file.path()), None).err().unwrap();
    assert_eq!(parse("redis://host"), InvalidRedisUrl::NoTls);
    assert!(matches!(parse("rediss://host"), InvalidRedisUrl::Authorities(_)));
    std::fs::write(file.path(), "no certificate").unwrap();
    assert!(matches!(parse("rediss-cluster://host"), InvalidRedisUrl::Authorities(_)));
    assert!(matches!(parse("rediss-sentinel://a/b"), InvalidRedisUrl::Authorities(_)));
    assert_eq!(parse("redis-sentinel://a/b"), InvalidRedisUrl::NoTls);
    let absent = RedisAddress::parse("rediss://host", Some(Path::new("/nowhere")), None);
    assert!(matches!(absent.err().unwrap(), InvalidRedisUrl::Authorities(_)));
}
