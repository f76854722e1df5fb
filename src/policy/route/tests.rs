//! What templates match, which route wins, and what no template may be.

mod scan;

use super::*;

fn table(routes: &[(&str, &[&str])]) -> RouteTable<usize> {
    RouteTable::new(routes.iter().enumerate().map(|(at, (text, methods))| {
        let template = match text.strip_prefix("prefix:") {
            Some(prefix) => Template::prefix(prefix).unwrap(),
            None => Template::path(text).unwrap(),
        };
        let methods = methods.iter().map(|m| Box::from(*m)).collect();
        (template, Entry { methods, hosts: Vec::new(), route: at })
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
        ("/a/*/c", &["/a/b/c"], &["/a//c", "/a/c", "/a/b/d"]),
        ("/a/**", &["/a/", "/a/b/c"], &["/a"]),
        ("/v/{file}.json", &["/v/a.json", "/v/a.b.json"], &["/v/.json", "/v/a.jso", "/v/a/b.json"]),
        ("/v/img-*.png", &["/v/img-1.png"], &["/v/img-.png", "/v/img.png"]),
        ("/**.mpd", &["/a/b.mpd", "/.mpd"], &["/a/b.mp", "/a.mpd/x"]),
        ("/{path=media/*}/x", &["/media/1/x"], &["/media/x", "/other/1/x"]),
        ("/{path=media/**}", &["/media/", "/media/1/2"], &["/media"]),
        ("/{rest=**}", &["/a", "/", "/a/b"], &[]),
    ];
    for (text, yes, no) in table {
        let template = self::table(&[(text, &[])]);
        for path in *yes {
            assert_eq!(template.find(path, "GET", None), Matched::Route(&0), "{text}, {path}");
        }
        for path in *no {
            assert_eq!(template.find(path, "GET", None), Matched::Nothing, "{text}, {path}");
        }
    }
}

#[test]
fn a_prefix_is_itself_and_what_is_below_it() {
    let prefix = table(&[("prefix:/auth/realms/demo", &[])]);
    for path in ["/auth/realms/demo", "/auth/realms/demo/", "/auth/realms/demo/a/b"] {
        assert_eq!(prefix.find(path, "GET", None), Matched::Route(&0), "{path}");
    }
    for path in ["/auth/realms/demo2", "/auth/realms", "/auth"] {
        assert_eq!(prefix.find(path, "GET", None), Matched::Nothing, "{path}");
    }
}

#[test]
fn the_first_route_wins_whatever_index_it_is_in() {
    let routes = table(&[("/{any}", &["GET"]), ("/a", &[]), ("prefix:/a", &[])]);
    assert_eq!(routes.find("/a", "GET", None), Matched::Route(&0));
    assert_eq!(routes.find("/a", "PUT", None), Matched::Route(&1));
    assert_eq!(routes.find("/a/b", "GET", None), Matched::Route(&2));
}

#[test]
fn a_parameter_and_a_literal_that_begin_alike_are_both_tried() {
    let routes = table(&[("/{x}/b", &[]), ("/a/c", &[]), ("/a/{y}", &[]), ("/{rest=**}", &[])]);
    for (path, at) in [("/a/b", 0), ("/a/c", 1), ("/a/d", 2), ("/a/", 3), ("/a/b/c", 3)] {
        assert_eq!(routes.find(path, "GET", None), Matched::Route(&at), "{path}");
    }
}

#[test]
fn a_path_deeper_than_any_template_is_walked_no_further() {
    let routes = table(&[("/{a}/{b}", &[]), ("/a/{b}", &[]), ("/{a}/a", &[])]);
    assert_eq!(routes.find(&"/a".repeat(100_000), "GET", None), Matched::Nothing);
}

#[test]
fn a_known_path_with_another_method_names_the_methods() {
    let routes = table(&[("/a", &["GET", "HEAD"]), ("/{x}", &["POST", "GET"])]);
    assert_eq!(routes.find("/a", "PUT", None), Matched::OtherMethods(vec!["GET", "HEAD", "POST"]));
    assert_eq!(routes.find("/a/b", "PUT", None), Matched::Nothing);
}

#[test]
fn variables_stand_for_what_a_path_has_in_their_place() {
    for (text, path, expected) in [
        ("/a/{b}/c/{d}", "/a/1/c/2", &[("b", "1"), ("d", "2")][..]),
        ("/{a}/{rest=**}", "/1/2/3", &[("a", "1"), ("rest", "2/3")]),
        ("/{a}/*/{b=x/*}/{c}", "/1/2/x/3/4", &[("a", "1"), ("b", "x/3"), ("c", "4")]),
        ("/v/{file}.json", "/v/a.b.json", &[("file", "a.b")]),
        ("/{all=v/**}", "/v/1/2", &[("all", "v/1/2")]),
        ("/v/{rest=**}.mpd", "/v/1/2.mpd", &[("rest", "1/2")]),
        ("/{rest=**}", "/", &[("rest", "")]),
        ("/a", "/a", &[]),
    ] {
        assert_eq!(Template::path(text).unwrap().captures(path), expected, "{text}");
    }
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
        ("/a*b*", Several),
        ("/{a}{b}", Several),
        ("/a{b", Variable),
        ("/a}b", Variable),
        ("/a**", Variable),
        ("/a/***", Variable),
        ("/{a=**/b}", Variable),
        ("/x{a=b/*}", Variable),
        ("/{}", Variable),
        ("/{a-b}", Variable),
        ("/{a=x}", Variable),
        ("/{a}/{a}", Repeated("a".into())),
        ("/{a=**}/b", RestNotLast),
        ("/**/b", RestNotLast),
    ];
    for (text, why) in table {
        assert_eq!(Template::path(text), Err(why), "{text}");
    }
    assert_eq!(Template::prefix("/a/"), Err(Prefix));
    assert_eq!(Template::prefix("/{a}"), Err(Prefix));
}

#[test]
fn a_route_for_some_hosts_is_for_no_others() {
    let entry = |hosts: &[&str], route| {
        let hosts = hosts.iter().map(|host| HostPattern::new(host).unwrap()).collect();
        (Template::path("/{rest=**}").unwrap(), Entry { methods: Vec::new(), hosts, route })
    };
    let table =
        RouteTable::new([entry(&["a.example", "*.b.example"], 0), entry(&["*.a.example"], 1)]);
    for (host, found) in [
        (Some("a.example"), Some(0)),
        (Some("x.b.example"), Some(0)),
        (Some("x.y.b.example"), Some(0)),
        (Some("x.a.example"), Some(1)),
        (Some("b.example"), None),
        (Some(".b.example"), None),
        (Some("xb.example"), None),
        (None, None),
    ] {
        let matched = table.find("/", "GET", host);
        assert_eq!(matched, found.as_ref().map_or(Matched::Nothing, Matched::Route), "{host:?}");
    }
}

#[test]
fn hosts_that_no_request_could_have_are_refused() {
    for text in ["", "*", "*.", "A.example", "a.example.", "a.example:80", "a/b", "x.*.b", "*a.b"] {
        assert_eq!(HostPattern::new(text), None, "{text}");
    }
}
