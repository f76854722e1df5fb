//! Several VMs of one process, over one store.

use super::*;

fn process<const N: usize>() -> ([Vm; N], OneThread) {
    let data = OneThread::default();
    (std::array::from_fn(|_| Vm::of(&data)), data)
}

/// Ticks of all of them until `until`; how often the feed was polled.
fn run(vms: &mut [Vm], feed: &mut Feed, from: u64, until: u64) -> usize {
    let ticks = (from..until).step_by(TICK as usize);
    ticks.map(|now| vms.iter_mut().filter_map(|vm| vm.run(feed, now).then_some(())).count()).sum()
}

#[test]
fn one_polls_and_all_know() {
    let (mut vms, _) = process::<4>();
    let mut feed = Feed::new();
    (0..7).for_each(|n| feed.revoke(&n.to_string()));
    assert_eq!(run(&mut vms, &mut feed, 0, 4_000), 10, "one for each interval");
    for round in 0..50 {
        let jti = format!("later {round}");
        feed.revoke(&jti);
        let now = 4_000 + round * 1_000;
        run(&mut vms, &mut feed, now, now + 600);
        for vm in &vms {
            assert!(vm.revokes(&jti, now) && vm.revokes("0", now));
            assert!(!vm.is_stale(now + 600));
        }
    }
}

#[test]
fn who_serves_requests_leaves_the_poll_to_who_does_not() {
    let ([mut busy, mut idle], _) = process::<2>();
    let mut feed = Feed::new();
    busy.run(&mut feed, 0);
    let tick = |vm: &mut Vm, millis| vm.feed.tick(true, &*vm.data, at(millis));
    assert!(tick(&mut busy, 400).is_none() && idle.run(&mut feed, 400));
    assert!(tick(&mut busy, 800).is_none() && tick(&mut busy, 949).is_none());
    assert!(tick(&mut busy, 950).is_some(), "nobody else does");
}

#[test]
fn a_poller_that_dies_is_superseded_and_its_late_answer_changes_nothing() {
    let ([mut dead, mut heir], _) = process::<2>();
    let mut feed = Feed::new();
    feed.revoke("a");
    let path = dead.tick(0).unwrap();
    let late = feed.answer(&path);
    assert!(heir.tick(1_999).is_none());
    feed.revoke("b");
    assert!(heir.run(&mut feed, 2_000) && heir.revokes("b", 2_000));
    assert_eq!(dead.answered(Ok(&late), 2_001), Polled::Nothing);
    assert!(!dead.run(&mut feed, 2_100) && dead.revokes("a", 2_100) && dead.revokes("b", 2_100));
    assert!(!heir.is_stale(2_100));
}

#[test]
fn a_late_answer_to_what_is_new_does_not_disturb_the_others() {
    let (mut vms, _) = process::<3>();
    let mut feed = Feed::new();
    run(&mut vms, &mut feed, 0, 100);
    feed.revoke("a");
    let [dead, heir, third] = &mut vms;
    let path = dead.tick(400).unwrap();
    let late = feed.answer(&path);
    feed.revoke("b");
    heir.tick(400);
    assert!(heir.run(&mut feed, 2_400));
    assert_eq!(dead.answered(Ok(&late), 2_401), Polled::Nothing);
    for vm in [dead, heir, third] {
        vm.run(&mut feed, 2_500);
        assert!(vm.revokes("a", 2_500) && vm.revokes("b", 2_500));
    }
    assert_eq!(run(&mut vms, &mut feed, 2_600, 4_000), 3, "nobody asked for everything");
}

#[test]
fn a_snapshot_that_takes_long_keeps_the_lease() {
    let ([mut slow, mut other], _) = process::<2>();
    let mut feed = Feed::new();
    (0..20).for_each(|n| feed.revoke(&n.to_string()));
    let mut path = slow.tick(0).unwrap();
    let mut now = 0;
    loop {
        now += 900;
        assert!(other.tick(now).is_none());
        let answer = feed.answer(&path);
        match slow.answered(Ok(&answer), now) {
            Polled::More(next) => path = next,
            ended => break assert_eq!(ended, Polled::Ended(Ok(()))),
        }
    }
    assert!(now > 5_000 && other.run(&mut feed, now) && other.revokes("19", now));
}

#[test]
fn who_comes_later_reads_everything_from_what_is_shared_even_with_the_feed_away() {
    let (mut vms, data) = process::<2>();
    let mut feed = Feed { limit: 5_000, ..Feed::new() };
    (0..30_000).for_each(|n| feed.revoke(&n.to_string()));
    run(&mut vms, &mut feed, 0, 2_000);
    (0..20).for_each(|n| {
        feed.revoke(&format!("later {n}"));
        run(&mut vms, &mut feed, 2_000 + n * 400, 2_400 + n * 400);
    });
    let mut later = Vm::of(&data);
    let (mut now, mut steps) = (10_000, 0);
    while !later.feed.is_known() {
        later.tick(now);
        assert!(steps < 20);
        (now, steps) = (now + 20, steps + 1);
    }
    assert!(steps > 10, "in small steps");
    assert_eq!(later.revocations(), 30_020);
    assert!(later.revokes("0", now) && later.revokes("later 19", now));
    assert!(!later.is_stale(now), "as fresh as what it read");
    assert!(later.is_stale(now + 30_001));
}

/// Every value that is shared, and the largest.
fn bytes(data: &OneThread, vm: &Vm) -> usize {
    let key = vm.feed.board.key();
    let keys = (0..256).map(|n| format!("{key}.c{n}"));
    let sides = (0..2).flat_map(|side| (0..200).map(move |n| (side, n)));
    let chunks = sides.map(|(side, n)| format!("{key}.s{side}.{n}"));
    keys.chain(chunks).filter_map(|key| data.load(&key)).map(|(value, _)| value.len()).sum()
}

#[test]
fn what_is_shared_is_bounded_however_much_changes() {
    let (mut vms, data) = process::<2>();
    let mut feed = Feed { limit: 5_000, ..Feed::new() };
    (0..5_000).for_each(|n| feed.revoke(&n.to_string()));
    let mut largest = 0;
    let mut now = 0;
    for round in 0..600_u64 {
        feed.revoke(&format!("r{round}"));
        feed.add(StateEntry::Token { iss: None, jti: round.to_string(), until: 0 });
        assert_eq!(run(&mut vms, &mut feed, now, now + 400), 1);
        now += 400;
        largest = largest.max(bytes(&data, &vms[0]));
        // A reader that is behind catches up, and one that is new reads all.
        if round % 97 == 0 {
            let mut later = Vm::of(&data);
            (0..4).for_each(|_| assert!(later.tick(now - 1).is_none()));
            assert_eq!(later.revocations(), vms[0].revocations());
            assert!(later.revokes(&format!("r{round}"), now) && !later.revokes("0", now));
        }
    }
    assert_eq!([vms[0].revocations(), vms[1].revocations()], [5_000, 5_000]);
    assert!(largest < 2 * 5_700 * 24 + 256 * 100, "{largest}");
}

#[test]
fn who_is_a_little_behind_catches_up_and_who_is_far_behind_reads_anew() {
    for (missed, anew) in [(20, false), (200, true), (600, true)] {
        let ([mut poller, mut behind], _) = process::<2>();
        let mut feed = Feed::new();
        poller.run(&mut feed, 0);
        behind.run(&mut feed, 0);
        let stamp = behind.feed.stamp();
        for round in 0..missed {
            feed.revoke(&round.to_string());
            assert!(poller.run(&mut feed, 400 * (round + 1)));
        }
        let now = 400 * missed + 100;
        (0..20).for_each(|_| assert!(behind.tick(now).is_none()));
        assert!(behind.revokes("0", now) && behind.revocations() == poller.revocations());
        assert_eq!(behind.feed.stamp() != stamp, anew, "{missed}");
    }
}

#[test]
fn a_lot_of_news_at_once_is_shared_in_pieces() {
    let (mut vms, _) = process::<2>();
    let mut feed = Feed { limit: 5_000, ..Feed::new() };
    run(&mut vms, &mut feed, 0, 100);
    (0..60_000).for_each(|n| feed.revoke(&n.to_string()));
    run(&mut vms, &mut feed, 400, 500);
    assert!(vms[1].revocations() < 60_000 || vms[0].revocations() < 60_000);
    run(&mut vms, &mut feed, 500, 4_000);
    assert!(vms.iter().all(|vm| vm.revocations() == 60_000 && !vm.is_stale(4_000)));
}

#[test]
fn other_feeds_are_apart() {
    let data = OneThread::default();
    let mut one = Vm::of(&data);
    let source = ["authz", "/other", ""].map(Into::into);
    let feed = Freshness::new(Settings { source, ..settings() });
    let mut other = Vm { feed, data: Box::new(data) };
    assert!(one.tick(0).is_some() && other.tick(0).is_some());
}

/// A replica that lags must not lead a process back that has heard of more.
#[test]
fn who_knows_nothing_takes_nothing_older_than_what_the_others_have() {
    let ([mut ahead, mut anew], data) = process::<2>();
    let mut feed = Feed::new();
    feed.revoke("a");
    let mut lagging = Feed { entries: feed.entries.clone(), version: feed.version, ..Feed::new() };
    feed.revoke("b");
    assert!(ahead.run(&mut feed, 0));
    // What is shared cannot be read, so everything is asked for.
    let Record { log: Some(log), .. } = *ahead.feed.board.seen() else { panic!() };
    data.store(&format!("{}.s{}.0", ahead.feed.board.key(), log.side), b"", ANY);
    let (now, path) =
        (100..9_000).step_by(TICK as usize).find_map(|now| Some((now, anew.tick(now)?))).unwrap();
    assert!(!path.contains("since="), "{path}");
    let late = lagging.answer(&path);
    assert_eq!(anew.answered(Ok(&late), now), Polled::Ended(Err(FeedError::Older)));
    ahead.tick(now + 1);
    assert!(ahead.revokes("a", now + 1) && ahead.revokes("b", now + 1));
}

/// Between a VM's look at the board and its question for the lease another one may have shared.
#[test]
fn who_has_not_read_what_came_meanwhile_does_not_poll() {
    let ([mut polling, mut asking], _) = process::<2>();
    let mut feed = Feed::new();
    assert!(polling.run(&mut feed, 0) && asking.tick(100).is_none());
    asking.feed.follow(&*asking.data, at(400));
    feed.revoke("a");
    assert!(polling.run(&mut feed, 400));
    assert!(asking.feed.begin(false, &*asking.data, at(900)).is_none());
    assert!(asking.tick(901).is_some() && asking.revokes("a", 901));
}
