//! A feed that fails, lies or is away, and shared data that anybody may have written.

use super::*;

#[test]
fn a_feed_that_fails_takes_nothing_away_and_is_stale_after_a_while() {
    let (mut feed, mut vm) = (Feed::new(), Vm::alone());
    feed.revoke("a");
    vm.run(&mut feed, 0);
    let mut now = 400;
    while now < 30_000 {
        if vm.tick(now).is_some() {
            vm.answered(Err(FeedError::Unreachable), now);
        }
        assert!(!vm.is_stale(now) && vm.revokes("a", now), "{now}");
        now += 100;
    }
    assert!(vm.is_stale(30_001) && vm.revokes("a", 30_001));
    let health = vm.feed.health(at(30_001));
    assert!(!health.healthy && health.age == Some(Duration::from_millis(30_001)));
    now += 2_000;
    assert!(vm.run(&mut feed, now) && !vm.is_stale(now) && vm.feed.health(at(now)).healthy);
}

#[test]
fn a_call_that_is_never_answered_is_a_failure() {
    let (mut feed, mut vm) = (Feed::new(), Vm::alone());
    let path = vm.tick(0).unwrap();
    assert!(vm.tick(1_999).is_none() && vm.feed.failures() == 0);
    let again = vm.tick(2_000).unwrap();
    assert!(again == path && vm.feed.failures() == 1);
    assert_eq!(vm.served(again, &mut feed, 2_100), Polled::Ended(Ok(())));
    assert!(vm.feed.failures() == 0 && !vm.is_stale(2_100));
    let late = feed.answer(&path);
    assert_eq!(vm.answered(Ok(&late), 2_200), Polled::Nothing);
}

#[test]
fn answers_that_cannot_be_used_change_nothing() {
    let (mut feed, mut vm) = (Feed::new(), Vm::alone());
    (0..2).for_each(|n| feed.revoke(&n.to_string()));
    vm.run(&mut feed, 0);
    let empty = |store: &str, version: u64, more: fn(&mut StateDocument)| {
        let mut document = StateDocument {
            format: STATE_FORMAT,
            store: store.into(),
            version,
            decisions: 1,
            policies: None,
            snapshot: true,
            complete: true,
            place: format!("{store}.{version}"),
            entries: vec![],
        };
        more(&mut document);
        serde_json::to_vec(&document).unwrap()
    };
    let mut now = 0;
    for (answer, error) in [
        (b"garbage".to_vec(), FeedError::Malformed),
        (empty("s1", 3, |d| d.format += 1), FeedError::Format),
        (empty("s1", 2, |_| {}), FeedError::Older),
        (empty("s1", 3, |d| d.decisions = 0), FeedError::Older),
        (empty("s2", 3, |d| d.snapshot = false), FeedError::Malformed),
        (empty("s1", 3, |d| (d.snapshot, d.complete) = (false, false)), FeedError::Malformed),
        (vec![b' '; MAX_DOCUMENT + 1], FeedError::TooLarge),
    ] {
        now += 4_000;
        vm.tick(now).unwrap();
        assert_eq!(vm.answered(Ok(&answer), now), Polled::Ended(Err(error)));
        assert!(vm.revokes("0", now) && vm.revocations() == 2);
    }
    assert_eq!(vm.feed.failures(), 7);
    assert!(vm.run(&mut feed, now + 4_000) && vm.feed.failures() == 0);
}

#[test]
fn a_feed_that_never_ends_is_given_up() {
    let mut vm = Vm::alone();
    let mut path = vm.tick(0).unwrap();
    for number in 0.. {
        assert!(number < 5_000);
        let document = StateDocument {
            format: STATE_FORMAT,
            store: "s".into(),
            version: number,
            decisions: 1,
            policies: None,
            snapshot: number == 0,
            complete: false,
            place: format!("p{number}"),
            entries: vec![],
        };
        match vm.answered(Ok(&serde_json::to_vec(&document).unwrap()), 0) {
            Polled::More(next) => path = next,
            ended => {
                assert_eq!(ended, Polled::Ended(Err(FeedError::Malformed)));
                break;
            }
        }
    }
    assert!(path.ends_with("since=p4094"), "{path}");
}

#[test]
fn more_revocations_than_fit_are_a_failure_and_never_dropped() {
    let mut feed = Feed { limit: 50_000, ..Feed::new() };
    (0..=MAX_REVOCATIONS).for_each(|n| feed.revoke(&n.to_string()));
    let mut vm = Vm::alone();
    let path = vm.tick(0).unwrap();
    assert_eq!(vm.served(path, &mut feed, 0), Polled::Ended(Err(FeedError::TooMany)));
    assert!(!vm.feed.is_known());
    // One fewer fits, and then another does not.
    let (_, last) = feed.entries.pop_last().unwrap();
    assert!(vm.run(&mut feed, 4_000) && vm.revocations() == MAX_REVOCATIONS);
    feed.add(last);
    let path = vm.tick(4_400).unwrap();
    assert_eq!(vm.served(path, &mut feed, 4_400), Polled::Ended(Err(FeedError::TooMany)));
    assert!(vm.revocations() == MAX_REVOCATIONS && vm.revokes("0", 4_400));
    // It fits when the others have ended.
    let over = 3_661_000;
    assert!(vm.run(&mut feed, over));
    (0..256).for_each(|n| drop(vm.tick(over + n)));
    assert_eq!(vm.revocations(), 0);
}

#[test]
fn requests_wait_for_the_first_state_until_it_is_there_or_has_failed_thrice_or_takes_too_long() {
    let mut feed = Feed::new();
    let waits = |vm: &mut Vm, millis| vm.feed.unknown(at(millis)) == Standing::Wait;
    let mut vm = Vm::alone();
    assert!(waits(&mut vm, 0) && !vm.feed.is_settled(at(0)));
    assert!(vm.run(&mut feed, 100) && vm.feed.is_settled(at(100)));
    let mut vm = Vm::alone();
    // A gateway that starts asks before its clusters are ready: an interval later, not later and later.
    for begun in [0, 400, 800] {
        assert!(waits(&mut vm, begun) && vm.tick(begun).is_some() && waits(&mut vm, begun + 10));
        vm.answered(Err(FeedError::Status(503)), begun + 20);
    }
    assert!(vm.feed.is_settled(at(820)) && !waits(&mut vm, 820));
    assert!(vm.tick(1_199).is_none() && vm.tick(1_200).is_some());
    let mut vm = Vm::alone();
    assert!(waits(&mut vm, 0) && waits(&mut vm, 4_999) && !waits(&mut vm, 5_000));
}

#[test]
fn a_clock_that_goes_back_makes_nothing_fresher() {
    let (mut feed, mut vm) = (Feed::new(), Vm::alone());
    vm.run(&mut feed, 100_000);
    vm.tick(0);
    assert!(!vm.is_stale(30_000));
    vm.tick(0);
    assert!(vm.is_stale(30_001));
}

/// Whoever has the same `vm_id` can write there; nothing it writes may stop us for long.
#[test]
fn shared_data_that_is_lost_or_overwritten_is_written_again() {
    let keys = |vm: &Vm| {
        let key = vm.feed.board.key();
        [key.to_owned(), format!("{key}.c1"), format!("{key}.c2"), format!("{key}.s1.0")]
    };
    for which in 0..4 {
        for garbage in [&b""[..], b"garbage", &[0xff; 300], &[1; 300], &[0; 300]] {
            let data = OneThread::default();
            let [mut one, mut two] = [Vm::of(&data), Vm::of(&data)];
            let mut feed = Feed::new();
            feed.revoke("a");
            one.run(&mut feed, 0);
            feed.revoke("b");
            one.run(&mut feed, 400);
            data.store(&keys(&one)[which], garbage, ANY);
            for round in 1..60 {
                two.run(&mut feed, 400 + round * 100);
                one.run(&mut feed, 400 + round * 100);
            }
            feed.revoke("c");
            for round in 60..70 {
                two.run(&mut feed, 400 + round * 100);
                one.run(&mut feed, 400 + round * 100);
            }
            for (number, vm) in [one, two].iter().enumerate() {
                for jti in ["a", "b", "c"] {
                    assert!(vm.revokes(jti, 7_400), "{number} {which} {garbage:?} {jti}");
                }
                assert!(!vm.is_stale(7_400) && vm.revocations() == 3);
            }
        }
    }
}

#[test]
fn what_is_shared_never_goes_back() {
    let data = OneThread::default();
    let [mut one, mut two] = [Vm::of(&data), Vm::of(&data)];
    let mut feed = Feed::new();
    one.run(&mut feed, 0);
    let key = one.feed.board.key().to_owned();
    let (old, _) = data.load(&key).unwrap();
    feed.revoke("a");
    one.run(&mut feed, 400);
    two.run(&mut feed, 450);
    data.store(&key, &old, ANY);
    two.run(&mut feed, 500);
    assert!(two.revokes("a", 500), "it asks the feed");
    for now in (600..2_000).step_by(100) {
        one.run(&mut feed, now);
        two.run(&mut feed, now);
    }
    assert!(one.revokes("a", 2_000) && two.revokes("a", 2_000) && two.feed.lost.is_none());
}
