//! What becomes of long-lived streams on a route.

use std::time::Duration;

use super::{Result, needs};
use crate::config::{Config, Route, Streams, Token};
use crate::policy::StreamPolicy;

const LONGEST_GRACE: Duration = Duration::from_secs(3600);

/// The route's own settings, or those for all routes. Without a token there is none to end with.
#[inline(never)]
pub(super) fn of_route(route: &Route, config: &Config, at: &str) -> Result<Option<StreamPolicy>> {
    let (streams, at) = match (&route.streams, &config.streams) {
        (Some(own), _) => (own, format!("{at}.streams")),
        (None, Some(general)) => (general, "streams".to_owned()),
        (None, None) => (&Streams::default(), String::new()),
    };
    let grace = streams.grace.as_duration();
    if grace > LONGEST_GRACE {
        return Err(needs(format!("{at}.grace"), "a time of at most 1h"));
    }
    let policy = StreamPolicy { grace, all_requests: streams.all_requests };
    Ok((streams.end_with_token && route.token != Token::None).then_some(policy))
}
