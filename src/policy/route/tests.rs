use super::*;

fn table(routes: &[(&str, &[&str])]) -> RouteTable<usize> {
    RouteTable::new(routes.iter().enumerate().map(|(at, (text, methods))| {
        let template = match text.strip_prefix("prefix:") {
            Some(prefix) => Template::prefix(prefix).unwrap(),
            None => Template::path(text).unwrap(),
        };
        (template, methods.iter().map(|m| Box::from(*m)).collect(), at)
    }))
}

#[test]
fn templates_match_by_path_element() {
    let table: &[(&str, &[&str], &[&str])] = &[
        ("/customers", &["/customers"], &["/customersX", "/customers/", "/customers/1", "/", "/c"]),
        (
            "/customers/{id}",
            &["/customers/1", "/customers/x%20y"],
            &["/customers", "/customers/", "/customers/1/", "/customers/1/2"],
        ),
        ("/f/{rest=**}", &["/f/", "/f/a", "/f/a/b/"], &["/f", "/fa", "/"]),
        ("/{a}/x/{b=*}", &["/1/x/2"], &["/1/x/", "/1/y/2", "/1/x"]),
        ("/", &["/"], &["/a"]),
        ("/{rest=**}", &["/a", "/", "/a/b"], &[]),
    ];
    for (text, yes, no) in table {
        let template = Template::path(text).unwrap();
        for path in *yes {
            assert!(template.matches(path), "{text} should match {path}");
        }
        for path in *no {
            assert!(!template.matches(path), "{text} should not match {path}");
        }
    }
}

#[test]
fn a_prefix_is_itself_and_what_is_below_it() {
    let prefix = Template::prefix("/auth/realms/demo").unwrap();
    for path in ["/auth/realms/demo", "/auth/realms/demo/", "/auth/realms/demo/a/b"] {
        assert!(prefix.matches(path), "{path}");
    }
    for path in ["/auth/realms/demo2", "/auth/realms", "/auth"] {
        assert!(!prefix.matches(path), "{path}");
    }
}

#[test]
fn the_first_route_wins_whatever_index_it_is_in() {
    let routes = table(&[("/{any}", &["GET"]), ("/a", &[]), ("prefix:/a", &[])]);
    assert_eq!(routes.find("/a", "GET"), Matched::Route(&0));
    assert_eq!(routes.find("/a", "PUT"), Matched::Route(&1));
    assert_eq!(routes.find("/a/b", "GET"), Matched::Route(&2));
}

#[test]
fn a_known_path_with_another_method_names_the_methods() {
    let routes = table(&[("/a", &["GET", "HEAD"]), ("/{x}", &["POST", "GET"])]);
    assert_eq!(routes.find("/a", "PUT"), Matched::OtherMethods(vec!["GET", "HEAD", "POST"]));
    assert_eq!(routes.find("/a/b", "PUT"), Matched::Nothing);
}

#[test]
fn templates_that_could_never_match_are_refused() {
    use InvalidTemplate::*;
    let table = [
        ("customers", NotCanonical),
        ("", NotCanonical),
        ("/a//b", NotCanonical),
        ("/a/../b", NotCanonical),
        ("/a;b", NotCanonical),
        ("/a?b", NotCanonical),
        ("/%61", NotCanonical),
        ("/a/*", Variable),
        ("/a{b}", Variable),
        ("/{}", Variable),
        ("/{a-b}", Variable),
        ("/{a=x}", Variable),
        ("/{a}/{a}", Repeated("a".into())),
        ("/{a=**}/b", RestNotLast),
    ];
    for (text, why) in table {
        assert_eq!(Template::path(text), Err(why), "{text}");
    }
    assert_eq!(Template::prefix("/a/"), Err(Prefix));
    assert_eq!(Template::prefix("/{a}"), Err(Prefix));
}
