//! `variants/canary`: some of the requests for products go to another version, and nothing else is different for them.
//!
//! Which of the two has answered shows in `created_at`: each says when it was started.

use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use claimgate_e2e::client::{Reply, Request};
use claimgate_e2e::users::USER;
use claimgate_e2e::{SOON, tokens};
use claimgate_proc::{http_get, wait_until};
use xtask::gateway::{Beside, Choice, Gateway};
use xtask::stack::Part;

use crate::support::{Own, get, world};

/// As many requests are under way at once.
const CALLERS: usize = 6;
const PRODUCT: &str = "/products/1";
/// An ejection ends 5 s after it began, at the next look at it.
const READMITTED: Duration = Duration::from_secs(30);

fn with(canary: &Beside) -> Own {
    let services = [("product-service-canary", canary.port())];
    let choice = Choice { folder: "variants/canary", services: &services, ..Choice::default() };
    let gateway = Own::start(&world().chosen(&choice).unwrap());
    assert!(wait_until(SOON, || get(&gateway, PRODUCT, None).status == 200));
    gateway
}

fn many(gateway: &Gateway, count: usize, token: Option<&str>) -> Vec<Reply> {
    let replies = Mutex::new(Vec::with_capacity(count));
    thread::scope(|scope| {
        for _ in 0..CALLERS {
            scope.spawn(|| {
                for _ in 0..count / CALLERS {
                    let reply = get(gateway, PRODUCT, token);
                    replies.lock().unwrap().push(reply);
                }
            });
        }
    });
    replies.into_inner().unwrap()
}

/// What its records say of when it was started, asked past the gateway.
fn mark(canary: &Beside) -> String {
    let secret = world().stack().secret();
    let reply = Request::get(PRODUCT).header("x-gateway-secret", secret).send(canary.address());
    reply.json()["created_at"].as_str().unwrap().to_owned()
}

/// How many of these it has answered. All are good.
fn answered_by(mark: &str, replies: &[Reply]) -> usize {
    replies
        .iter()
        .inspect(|reply| assert_eq!(reply.status, 200, "{reply:?}"))
        .filter(|reply| reply.json()["created_at"] == mark)
        .count()
}

/// A counter of the cluster that both are in.
fn counted(gateway: &Gateway, name: &str) -> u64 {
    let name = format!("cluster.httproute/claimgate/products/rule/0.{name}: ");
    let (_, stats) = http_get(gateway.admin().unwrap(), "/stats?filter=products").unwrap();
    let value = stats.lines().find_map(|line| line.strip_prefix(&name));
    value.unwrap_or_else(|| panic!("no {name} in {stats}")).trim().parse().unwrap()
}

#[test]
#[ignore = "needs Envoy Gateway: cargo xtask test-gateway"]
fn a_canary_gets_its_share_and_is_guarded_like_what_it_stands_beside() {
    let canary = world().canary().unwrap();
    let gateway = with(&canary);
    let mark = mark(&canary);
    // A tenth. Far less or far more would be another weight.
    let share = answered_by(&mark, &many(&gateway, 600, None));
    assert!((12..=150).contains(&share), "{share} of 600");
    let token = tokens::direct(world().stack(), &USER).access_token;
    let share = answered_by(&mark, &many(&gateway, 300, Some(&token)));
    assert!((3..=90).contains(&share), "{share} of 300 with a token");
    // The token is looked at before it is known who would answer.
    for reply in many(&gateway, 120, Some("no.good.token")) {
        assert_eq!(reply.status, 401, "{reply:?}");
    }
    for address in [canary.address(), world().stack().address(Part::Products)] {
        assert_eq!(Request::get(PRODUCT).send(address).status, 403, "{address}");
    }
}

/// What `guard/services.yaml` says of retries and outliers is all that stands between a canary and its callers.
#[test]
#[ignore = "needs Envoy Gateway: cargo xtask test-gateway"]
fn a_canary_that_is_down_costs_nobody_an_answer_and_one_that_hangs_costs_a_few() {
    let mut canary = world().canary().unwrap();
    let gateway = with(&canary);
    assert!(answered_by(&mark(&canary), &many(&gateway, 300, None)) > 0);

    canary.process().kill();
    // Who is sent to it is sent on to the other: it took no connection, so it cannot have begun.
    assert_eq!(many(&gateway, 600, None).iter().filter(|reply| reply.status != 200).count(), 0);
    assert!(counted(&gateway, "upstream_rq_retry_success") > 0);
    assert!(counted(&gateway, "outlier_detection.ejections_enforced_total") > 0);
    canary.restart().unwrap();
    it_is_readmitted(&gateway, &canary);

    canary.process().freeze();
    // It took the request and may have begun, so nobody sends it again: 504 after the route's 5 s. After three in a row
    // it gets no more; who was on the way to it by then waits as long.
    let replies = many(&gateway, 300, None);
    let (good, late): (Vec<_>, Vec<_>) = replies.into_iter().partition(|one| one.status == 200);
    assert!(late.iter().all(|reply| reply.status == 504), "{late:?}");
    assert!((3..3 + CALLERS).contains(&late.len()), "{} late, {} good", late.len(), good.len());
    assert_eq!(answered_by("nobody", &many(&gateway, 60, None)), 0);
    canary.process().thaw();
    it_is_readmitted(&gateway, &canary);
}

fn it_is_readmitted(gateway: &Gateway, canary: &Beside) {
    let mark = mark(canary);
    let answers = || answered_by(&mark, &many(gateway, 60, None)) > 0;
    assert!(wait_until(READMITTED, answers), "it gets nothing any more");
}
