//! The harness itself: that it shows what it claims to show.

use claimgate_e2e::client::Request;
use claimgate_e2e::echo::{Echo, Echoed};

#[test]
fn the_echo_shows_duplicates_case_and_trailers() {
    let echo = Echo::start();
    let request = Request::new("POST", "/a//%2e?b")
        .header("X-Twice", "1")
        .header("x-twice", "2")
        .header("x_under", "3")
        .chunked(b"body", 3)
        .trailer("X-Late", "4");
    let seen = Echoed::of(&request.send(echo.address()));
    assert_eq!((&*seen.target, seen.body_length), ("/a//%2e?b", 4));
    assert_eq!(seen.headers.all("x-twice"), ["1", "2"]);
    assert_eq!(seen.headers.one("x_under"), Some("3"));
    assert_eq!(seen.trailers.0, [("X-Late".to_owned(), "4".to_owned())]);
    assert_eq!(echo.seen(), ["POST /a//%2e?b"]);
}
