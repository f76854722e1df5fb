//! Several VMs of one process, over one store.

use super::*;

#[test]
fn one_fetches_and_all_have_it() {
    let mut vms = process::<4>();
    let states: Vec<_> = vms.iter_mut().map(|vm| vm.want(1)).collect();
    assert_eq!(states, [FIRST, JOINED, JOINED, JOINED]);
    let started: Vec<_> = vms.iter_mut().map(|vm| vm.starts(1)).collect();
    assert_eq!(started, [true, false, false, false]);
    let [holder, others @ ..] = &mut vms;
    assert!(others.iter_mut().all(|vm| vm.over(1).is_none() && vm.source.is_elsewhere()));
    holder.answered(&document("a", 1), 2).unwrap().unwrap();
    for vm in others {
        assert_eq!(vm.over(2), Some(Over::Elsewhere));
        assert!(vm.has("a", 2) && !vm.source.is_elsewhere());
        assert_eq!(vm.over(2), None, "once");
    }
}

#[test]
fn who_comes_later_fetches_nothing_while_the_keys_are_fresh() {
    let [mut first, mut later] = process();
    first.fetch("a", 0);
    assert!(later.adopts(200));
    assert!(later.has("a", 200) && !later.starts(200));
    assert!(!later.adopts(200), "nothing newer");
    let age = later.source.health(at(200)).unwrap().age;
    assert_eq!(age, Some(Duration::from_secs(200)), "as old as it is");
}

/// Between a VM's look at the board and its question another one may have published.
#[test]
fn keys_that_came_between_the_look_and_the_question_are_not_fetched_again() {
    let [mut fetching, mut asking] = process();
    fetching.fetch("a", 0);
    assert!(asking.adopts(0) && !asking.adopts(0));
    assert_eq!(fetching.want_key("b", 1), FIRST);
    assert!(fetching.starts(1));
    fetching.answered(&document("b", 3), 1).unwrap().unwrap();
    assert_eq!(asking.want_key("b", 1), JOINED, "it waits for what is there");
    assert!(!asking.starts(1));
    assert_eq!(asking.over(1), Some(Over::Elsewhere));
    assert!(asking.has("b", 1));
}

#[test]
fn a_refresh_is_one_fetch_and_a_removed_key_is_gone_for_all_with_the_next_tick() {
    let mut vms = process::<3>();
    vms[0].fetch("a", 0);
    assert!(vms.iter_mut().skip(1).all(|vm| vm.adopts(0)));
    let started: Vec<_> = vms.iter_mut().map(|vm| vm.starts(290)).collect();
    assert_eq!(started, [true, false, false], "nobody waits and one fetches");
    vms[0].answered(&document("b", 3), 291).unwrap().unwrap();
    for vm in &mut vms {
        assert!(!vm.starts(291));
        assert!(vm.has("b", 291) && !vm.has("a", 291));
    }
}

#[test]
fn a_holder_that_dies_is_superseded() {
    let [mut dead, mut heir] = process();
    assert!(dead.want(0) == FIRST && dead.starts(0));
    assert_eq!(heir.want(1), JOINED);
    assert_eq!(heir.over(2), None);
    assert_eq!(heir.over(3), Some(Over::Elsewhere), "its lease has run out");
    heir.fetch("b", 3);
    // It was only very slow.
    assert_eq!(dead.answered(&document("a", 1), 4), Some(Ok(Progress::Keys)));
    assert!(dead.has("a", 4), "until it looks");
    assert!(!dead.starts(4) && dead.has("b", 4));
    assert!(!heir.starts(4) && heir.has("b", 4) && !heir.has("a", 4));
}

#[test]
fn a_holder_that_adopted_newer_keys_meanwhile_keeps_them() {
    let [mut slow, mut fast] = process();
    assert!(slow.want(0) == FIRST && slow.starts(0));
    fast.fetch("b", 3);
    assert!(slow.adopts(3));
    assert_eq!(slow.answered(&document("a", 1), 3), Some(Ok(Progress::Keys)));
    assert!(slow.has("b", 3) && !slow.has("a", 3));
}

#[test]
fn a_failure_is_everybodys_and_so_is_the_pause() {
    let [mut holder, mut other] = process();
    assert!(holder.want(0) == FIRST && holder.starts(0));
    assert_eq!(other.want(0), JOINED);
    holder.failed(1);
    assert_eq!(other.over(1), Some(Over::Elsewhere));
    assert!(other.source.is_failing());
    assert_eq!([other.want(1), holder.want(1)], [KeyState::Unavailable; 2]);
    assert_eq!(other.want(2), FIRST);
    assert_eq!(holder.want(2), JOINED);
}

#[test]
fn the_budget_for_unknown_keys_is_one_for_all() {
    let mut vms = process::<3>();
    vms[0].fetch("a", 0);
    assert!(vms.iter_mut().skip(1).all(|vm| vm.adopts(0)));
    let mut fetches = 0;
    for n in 0..1_000 {
        let vm = &mut vms[n % 3];
        vm.adopts(1);
        if vm.want_key(&format!("k{n}"), 1) == FIRST && vm.starts(1) {
            fetches += 1;
            vm.answered(&document("a", 1), 1).unwrap().unwrap();
        }
    }
    assert_eq!(fetches, MISSES.burst);
    assert_eq!(vms[1].want_key("later", 6), FIRST);
    assert_eq!(vms[2].want_key("later", 6), JOINED);
}

#[test]
fn a_new_configuration_starts_from_what_is_shared() {
    let data = OneThread::default();
    Vm::sharing(data.clone()).fetch("a", 0);
    let mut next = Vm::sharing(data);
    assert!(next.adopts(100) && next.has("a", 100) && !next.starts(100));
    assert!(next.starts(290));
}

/// Whoever has the same `vm_id` can write there; nothing it writes may stop us.
#[test]
fn shared_data_that_is_lost_or_overwritten_is_written_again() {
    for garbage in [&b""[..], b"garbage", &[0xff; 57], &[1; 57]] {
        let data = OneThread::default();
        let [mut one, mut two] = [data.clone(), data.clone()].map(Vm::sharing);
        one.fetch("a", 0);
        assert!(two.adopts(0));
        let Origin::Fetched(remote) = &one.source.origin else { panic!() };
        for key in remote.board.keys() {
            data.store(key, garbage, ANY);
        }
        assert!(!one.starts(1) && !two.starts(1) && two.has("a", 1));
        assert!(two.starts(290), "{garbage:?}");
        two.answered(&document("b", 3), 290).unwrap().unwrap();
        one.starts(291);
        assert!(one.has("b", 291), "{garbage:?}");
    }
}

/// Many VMs, many steps, a seeded walk: never two fetches at once, and at the end all agree.
#[test]
fn whatever_happens_there_is_one_fetch_at_a_time_and_all_agree_in_the_end() {
    for seed in 0..200_u64 {
        let mut vms = process::<4>();
        let mut chance = seed;
        let mut out: Vec<(usize, u64)> = Vec::new();
        let mut now = 1_000;
        for step in 0..300_u64 {
            chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(step | 1);
            let [.., a, b, c] = chance.to_le_bytes();
            let index = usize::from(a % 4);
            now += u64::from(b % 3);
            // A call is answered or lost within its lease.
            out.retain(|(holder, until)| {
                let over = now >= *until;
                if over {
                    assert_eq!(vms[*holder].over(now), Some(Over::Lost));
                }
                !over
            });
            let vm = &mut vms[index];
            match c % 4 {
                0 => drop(vm.want(now)),
                1 => drop(vm.want_key(&format!("k{step}"), now)),
                2 if out.first().is_some_and(|(holder, _)| *holder == index) => {
                    out.clear();
                    if c < 128 {
                        vm.failed(now);
                    } else {
                        let kid = format!("key-{step}");
                        vm.answered(&document(&kid, 1), now).unwrap().unwrap();
                    }
                }
                _ => {}
            }
            vm.over(now);
            if vm.starts(now) {
                assert!(out.is_empty(), "seed {seed}, step {step}: two at once");
                out.push((index, now + 3));
            }
        }
        let Some((last, kid)) = settle(&mut vms, now + 200) else { panic!("seed {seed}") };
        for vm in &mut vms {
            vm.over(last);
            // As a request does that finds no keys, and every tick for whoever has some.
            vm.adopts(last);
            assert!(vm.has(kid, last), "seed {seed}");
        }
    }
}

/// Lets whoever may fetch bring one last key.
fn settle(vms: &mut [Vm], mut now: u64) -> Option<(u64, &'static str)> {
    for _ in 0..100 {
        now += 5;
        for vm in &mut *vms {
            vm.over(now);
            vm.want(now);
            if vm.starts(now) {
                vm.answered(&document("last", 1), now)?.ok()?;
                return Some((now, "last"));
            }
        }
    }
    None
}
