use super::*;

const LEASE: Duration = Duration::from_secs(3);
const BUDGET: MissBudget = MissBudget { burst: 5, interval: Duration::from_secs(5) };

fn at(secs: u64) -> Timestamp {
    Timestamp::from_secs(secs)
}

fn claim(ledger: &mut Ledger, now: u64) -> Claim {
    ledger.claim(LEASE, ledger.published, None, at(now))
}

#[test]
fn one_has_the_lease_at_a_time() {
    let mut ledger = Ledger::default();
    assert_eq!(claim(&mut ledger, 10), Claim::Granted(1));
    assert_eq!(claim(&mut ledger, 12), Claim::Held(1));
    ledger.succeeded(1);
    assert_eq!(claim(&mut ledger, 12), Claim::Granted(2));
}

#[test]
fn a_holder_that_dies_is_followed_by_another_and_its_end_is_not_taken_for_theirs() {
    let mut ledger = Ledger::default();
    claim(&mut ledger, 10);
    assert!(!ledger.is_over(1, at(12)));
    assert!(ledger.is_over(1, at(13)), "who waits asks again");
    assert_eq!(claim(&mut ledger, 13), Claim::Granted(2));
    let before = ledger;
    ledger.failed(1, true, at(14));
    assert_eq!(ledger, before);
    ledger.succeeded(1);
    assert_eq!(claim(&mut ledger, 14), Claim::Held(2), "the lease is not its to give back");
    assert_eq!(ledger.published(), 1, "and what it brought is there all the same");
    assert!(ledger.is_over(1, at(14)) && !ledger.is_over(2, at(14)), "for who waits for it");
    ledger.succeeded(2);
    assert!(ledger.is_over(2, at(14)));
    ledger.succeeded(1);
    assert_eq!(ledger.published(), 2, "never goes back");
}

#[test]
fn who_has_not_looked_at_what_was_published_is_sent_to_look() {
    let mut ledger = Ledger::default();
    assert_eq!(ledger.claim(LEASE, 0, None, at(10)), Claim::Granted(1));
    ledger.succeeded(1);
    let before = ledger;
    assert_eq!(ledger.claim(LEASE, 0, Some(BUDGET), at(10)), Claim::Published(1));
    assert_eq!(ledger, before, "and it costs nothing");
    assert_eq!(ledger.claim(LEASE, 1, Some(BUDGET), at(10)), Claim::Granted(2));
    assert_eq!(ledger.claim(LEASE, 0, None, at(10)), Claim::Published(1), "a fetch is out, too");
}

#[test]
fn pauses_double_for_all_and_are_short_while_there_are_no_keys() {
    let table: [(bool, &[u64]); 2] =
        [(false, &[1, 2, 4, 4, 4]), (true, &[1, 2, 4, 8, 16, 32, 60, 60])];
    for (has_keys, pauses) in table {
        let (mut ledger, mut now) = (Ledger::default(), 100);
        for pause in pauses {
            let Claim::Granted(number) = claim(&mut ledger, now) else { panic!("{ledger:?}") };
            ledger.failed(number, has_keys, at(now));
            assert!(ledger.is_failing());
            assert_eq!(claim(&mut ledger, now + pause - 1), Claim::TooEarly);
            now += pause;
        }
        let Claim::Granted(number) = claim(&mut ledger, now) else { panic!("{ledger:?}") };
        ledger.succeeded(number);
        assert!(!ledger.is_failing());
        assert!(matches!(claim(&mut ledger, now), Claim::Granted(_)), "no pause is left");
    }
}

#[test]
fn unknown_keys_cost_a_burst_and_then_one_fetch_each_interval() {
    let mut ledger = Ledger::default();
    let mut fetches = |now: u64| {
        let granted = (0..100).filter(|_| {
            match ledger.claim(LEASE, ledger.published, Some(BUDGET), at(now)) {
                Claim::Granted(number) => {
                    ledger.succeeded(number);
                    true
                }
                other => {
                    assert_eq!(other, Claim::Spent);
                    false
                }
            }
        });
        granted.count()
    };
    assert_eq!([100, 104, 105, 109, 110, 122].map(&mut fetches), [5, 0, 1, 0, 1, 2]);
    assert_eq!(fetches(10_000), 5, "no more than a burst is saved up");
}

#[test]
fn a_budget_of_nothing_is_always_spent_and_other_fetches_need_none() {
    let none = MissBudget { burst: 0, ..BUDGET };
    let mut ledger = Ledger::default();
    assert_eq!(ledger.claim(LEASE, ledger.published, Some(none), at(1)), Claim::Spent);
    assert_eq!(claim(&mut ledger, 1), Claim::Granted(1));
}

#[test]
fn a_clock_that_went_back_stops_nothing_for_long() {
    let mut ledger = Ledger::default();
    claim(&mut ledger, 1_000_000);
    assert_eq!(claim(&mut ledger, 1_000), Claim::Granted(2), "a lease from the future");
    ledger.failed(2, true, at(1_000_000));
    assert_eq!(claim(&mut ledger, 1_000), Claim::Granted(3), "a pause from the future");
    ledger.succeeded(3);
    while let Claim::Granted(number) =
        ledger.claim(LEASE, ledger.published, Some(BUDGET), at(1_000_000))
    {
        ledger.succeeded(number);
    }
    assert_eq!(ledger.claim(LEASE, ledger.published, Some(BUDGET), at(1_000)), Claim::Spent);
    let refilled = ledger.claim(LEASE, ledger.published, Some(BUDGET), at(1_005));
    assert!(matches!(refilled, Claim::Granted(_)), "{refilled:?}");
}

#[test]
fn a_lease_is_numbered_above_what_its_asker_knows() {
    assert_eq!(Ledger::default().claim(LEASE, 41, None, at(1)), Claim::Granted(42));
}

#[test]
fn a_record_is_read_as_it_was_written() {
    let mut ledger = Ledger::default();
    for now in 100..140 {
        if let Claim::Granted(number) = ledger.claim(LEASE, ledger.published, Some(BUDGET), at(now))
        {
            if now % 3 == 0 {
                ledger.failed(number, true, at(now));
            } else {
                ledger.succeeded(number);
            }
        }
        assert_eq!(Ledger::decode(&ledger.encode()), ledger);
        assert_eq!(ledger.encode().len(), LEN);
    }
}

#[test]
fn what_no_vm_would_have_written_is_a_fresh_record() {
    let mut ledger = Ledger::default();
    claim(&mut ledger, 1);
    let good = ledger.encode();
    let changed = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        bytes
    };
    let bad = [
        vec![],
        vec![VERSION],
        good[..good.len() - 1].to_vec(),
        [&*good, &[0]].concat(),
        changed(0, VERSION + 1),
        changed(8, 0xff),
        changed(9, 0x02),
        changed(17, 0x02),
        vec![0xff; LEN],
    ];
    for bytes in bad {
        assert_eq!(Ledger::decode(&bytes), Ledger::default(), "{bytes:?}");
    }
}

/// Whatever stands in the record, there is an answer and the next one reads what it left.
#[test]
fn no_record_is_a_trap() {
    let mut chance = 1_u64;
    for _ in 0..20_000 {
        let mut bytes = Ledger::default().encode();
        for byte in &mut bytes[1..] {
            chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let [.., high] = chance.to_le_bytes();
            *byte = if high & 1 == 0 { 0 } else { high };
        }
        let mut ledger = Ledger::decode(&bytes);
        let claim = ledger.claim(LEASE, ledger.published, Some(BUDGET), at(2_000_000_000));
        if let Claim::Granted(number) = claim {
            ledger.failed(number, false, at(2_000_000_000));
        }
        assert_eq!(Ledger::decode(&ledger.encode()), ledger);
    }
}
