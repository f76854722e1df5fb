use std::cell::Cell;

use super::*;
use crate::authn::jwks_source::ledger::Claim;
use crate::shared_data::{NoSharedData, OneThread};

const LEASE: Duration = Duration::from_secs(3);

fn edition(number: u64) -> Edition {
    Edition {
        number,
        fetched_at: Timestamp::from_secs(5),
        max_age: number.is_multiple_of(2).then_some(Duration::from_secs(60)),
        early: 83,
        document: b"{}".to_vec(),
    }
}

fn claim(board: &mut Board, data: &dyn SharedData) -> Option<Claim> {
    board.amend(data, |ledger| {
        ledger.claim(LEASE, ledger.published(), None, Timestamp::from_secs(10))
    })
}

#[test]
fn boards_of_one_source_are_one_and_of_others_are_not() {
    let data = OneThread::default();
    let parts = ["issuer", "jwks", "idp", "http", "idp.test", "/certs"];
    assert_eq!(claim(&mut Board::of(&parts), &data), Some(Claim::Granted(1)));
    assert_eq!(claim(&mut Board::of(&parts), &data), Some(Claim::Held(1)));
    let others: [&[&str]; 3] = [&parts[1..], &["issuerj", "wks"], &["issuer", "jwks", "idp"]];
    for other in others {
        assert_eq!(claim(&mut Board::of(other), &data), Some(Claim::Granted(1)));
    }
}

#[test]
fn a_host_without_shared_data_leaves_a_ledger_of_its_own() {
    let mut board = Board::of(&["a"]);
    assert_eq!(claim(&mut board, &NoSharedData), Some(Claim::Granted(1)));
    assert_eq!(claim(&mut board, &NoSharedData), Some(Claim::Held(1)));
    board.publish(&edition(1), &NoSharedData);
    assert_eq!(board.edition(&NoSharedData), None);
}

/// A store in which somebody else is always faster, some times.
#[derive(Debug)]
struct Busy {
    store: OneThread,
    races: Cell<usize>,
}

impl SharedData for Busy {
    fn load(&self, key: &str) -> Option<(Vec<u8>, u32)> {
        self.store.load(key)
    }

    fn store(&self, key: &str, value: &[u8], cas: u32) -> Stored {
        if let Some(left) = self.races.get().checked_sub(1) {
            self.races.set(left);
            return Stored::Raced;
        }
        self.store.store(key, value, cas)
    }
}

#[test]
fn a_change_is_tried_again_while_others_are_faster_and_not_for_ever() {
    let busy = Busy { store: OneThread::default(), races: Cell::new(TRIES - 1) };
    assert_eq!(claim(&mut Board::of(&["a"]), &busy), Some(Claim::Granted(1)));
    busy.races.set(usize::MAX);
    assert_eq!(claim(&mut Board::of(&["b"]), &busy), None);
    Board::of(&["b"]).publish(&edition(1), &busy);
    assert!(usize::MAX - busy.races.get() <= 2 * TRIES);
}

/// Two who find nothing and write at the same time: one of them is told.
#[test]
fn the_first_record_has_one_writer() {
    let data = OneThread::default();
    assert_eq!(data.store("k", b"one", ABSENT), Stored::Done);
    assert_eq!(data.store("k", b"two", ABSENT), Stored::Raced);
}

#[test]
fn a_document_never_replaces_a_newer_one() {
    let (board, data) = (Board::of(&["a"]), OneThread::default());
    assert_eq!(board.edition(&data), None);
    for (number, there) in [(2, 2), (1, 2), (2, 2), (3, 3)] {
        board.publish(&edition(number), &data);
        assert_eq!(board.edition(&data), Some(edition(there)));
    }
}

#[test]
fn what_is_no_document_is_none_and_is_replaced() {
    let (board, data) = (Board::of(&["a"]), OneThread::default());
    let mut wrong = edition(1).encode();
    wrong[0] = 9;
    let far = Edition { number: u64::MAX, ..edition(1) }.encode();
    for bytes in [&b""[..], b"\x01", &edition(1).encode()[..20], &wrong, &far] {
        assert_eq!(data.store(&board.edition_key, bytes, ANY), Stored::Done);
        assert_eq!(board.edition(&data), None, "{bytes:?}");
        board.publish(&edition(1), &data);
        assert_eq!(board.edition(&data), Some(edition(1)));
    }
}
