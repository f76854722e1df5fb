use super::*;
use std::time::Duration;

use crate::authz::Stamp;

const NOW: Timestamp = Timestamp::from_secs(1_000);

fn limits(max_entries: usize, max_bytes: usize) -> CacheLimits {
    let none = Duration::ZERO;
    CacheLimits {
        max_entries,
        max_bytes,
        default_ttl: none,
        max_ttl: none,
        deny_default: none,
        deny_ttl: none,
        stale_while_revalidate: none,
        max_stale: none,
    }
}

/// Fresh, and old, for so many seconds from now.
fn decision(fresh: u64, serves: u64, stands_in: u64) -> Rc<Decision> {
    let until = |secs| NOW.after(Duration::from_secs(secs));
    Rc::new(Decision {
        allows: true,
        roles: None,
        headers: Box::default(),
        stamp: Stamp::default(),
        usable_until: until(fresh),
        revalidate_until: until(serves),
        stands_in_until: until(stands_in),
    })
}

fn question(text: &str) -> Rc<[u8]> {
    text.as_bytes().into()
}

#[test]
fn it_never_holds_more_entries_or_bytes_than_it_may() {
    for (max_entries, max_bytes) in
        [(0, 1 << 20), (1, 1 << 20), (7, 1 << 20), (100, 4_000), (100, 0)]
    {
        let mut cache = DecisionCache::new(&limits(max_entries, max_bytes));
        for number in 0..2_000_usize {
            let text = "q".repeat(number % 50) + &(number % 37).to_string();
            let names: Vec<Box<str>> = vec!["role".into(); number % 5];
            let kept = Decision { roles: Some(names.into()), ..(*decision(60, 0, 0)).clone() };
            cache.insert(question(&text), &Rc::new(kept), NOW);
            let (entries, bytes) = cache.size();
            assert!(entries <= max_entries && bytes <= max_bytes, "{entries} {bytes}");
        }
    }
}

/// Whatever goes in and when it is asked for: nothing comes out after its time.
#[test]
fn nothing_is_found_after_it_is_of_no_use_any_more() {
    let mut random = 1_u64;
    let mut next = |below: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (random >> 33) % below
    };
    let mut cache = DecisionCache::new(&limits(20, 1 << 20));
    for _ in 0..20_000 {
        let now = NOW.after(Duration::from_secs(next(100)));
        let text = next(30).to_string();
        if next(3) == 0 {
            let kept = decision(next(60), next(90), next(90));
            cache.insert(question(&text), &kept, now);
            let found = cache.find(text.as_bytes(), now);
            assert_eq!(found.is_some(), kept.is_fresh(now), "only what is fresh is taken");
        } else if let Some(found) = cache.find(text.as_bytes(), now) {
            assert!(found.is_fresh(now) || found.may_serve(now) || found.may_stand_in(now));
        }
    }
}

#[test]
fn a_decision_that_may_not_be_kept_takes_the_older_one_along() {
    let mut cache = DecisionCache::new(&limits(10, 1 << 20));
    cache.insert(question("a"), &decision(60, 90, 90), NOW);
    assert!(cache.find(b"a", NOW).is_some());
    cache.insert(question("a"), &decision(0, 0, 0), NOW);
    assert!(cache.find(b"a", NOW).is_none());
}
