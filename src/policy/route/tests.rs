//! What templates match, which route wins, and what no template may be.

mod scan;

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
        let template = self::table(&[(text, &[])]);
        for path in *yes {
            assert_eq!(template.find(path, "GET"), Matched::Route(&0), "{text}, {path}");
        }
        for path in *no {
            assert_eq!(template.find(path, "GET"), Matched::Nothing, "{text}, {path}");
        }
    }
}

#[test]
fn a_prefix_is_itself_and_what_is_below_it() {
    let prefix = table(&[("prefix:/auth/realms/demo", &[])]);
    for path in ["/auth/realms/demo", "/auth/realms/demo/", "/auth/realms/demo/a/b"] {
        assert_eq!(prefix.find(path, "GET"), Matched::Route(&0), "{path}");
    }
    for path in ["/auth/realms/demo2", "/auth/realms", "/auth"] {
        assert_eq!(prefix.find(path, "GET"), Matched::Nothing, "{path}");
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
fn a_parameter_and_a_literal_that_begin_alike_are_both_tried() {
    let routes = table(&[("/{x}/b", &[]), ("/a/c", &[]), ("/a/{y}", &[]), ("/{rest=**}", &[])]);
    for (path, at) in [("/a/b", 0), ("/a/c", 1), ("/a/d", 2), ("/a/", 3), ("/a/b/c", 3)] {
        assert_eq!(routes.find(path, "GET"), Matched::Route(&at), "{path}");
    }
}

#[test]
fn a_path_deeper_than_any_template_is_walked_no_further() {
    let routes = table(&[("/{a}/{b}", &[]), ("/a/{b}", &[]), ("/{a}/a", &[])]);
    assert_eq!(routes.find(&"/a".repeat(100_000), "GET"), Matched::Nothing);
}

#[test]
fn a_known_path_with_another_method_names_the_methods() {
    let routes = table(&[("/a", &["GET", "HEAD"]), ("/{x}", &["POST", "GET"])]);
    assert_eq!(routes.find("/a", "PUT"), Matched::OtherMethods(vec!["GET", "HEAD", "POST"]));
    assert_eq!(routes.find("/a/b", "PUT"), Matched::Nothing);
}

#[test]
fn variables_stand_for_what_a_path_has_in_their_place() {
    for (text, path, expected) in [
        ("/a/{b}/c/{d}", "/a/1/c/2", &[("b", "1"), ("d", "2")][..]),
        ("/{a}/{rest=**}", "/1/2/3", &[("a", "1"), ("rest", "2/3")]),
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
