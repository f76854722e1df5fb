use super::*;

const NOW: Timestamp = Timestamp::from_secs(1_000);
const TIMEOUT: Duration = Duration::from_millis(250);

fn inquiry(service: ServiceId, text: &str) -> Inquiry {
    let (stamp, token_ends) = (Stamp::default(), Timestamp::MAX);
    Inquiry { service, question: text.as_bytes().into(), stamp, token_ends }
}

fn after(millis: u64) -> Timestamp {
    NOW.after(Duration::from_millis(millis))
}

/// A flight whose call stream 1 has made.
fn flying() -> (Flights, FlightId) {
    let mut flights = Flights::default();
    let id = flights.start(inquiry(0, "a"));
    flights.board(id, 1);
    flights.make_call(id, Some(1), TIMEOUT, NOW).unwrap();
    (flights, id)
}

#[test]
fn a_flight_is_found_by_its_whole_question_its_service_and_while_it_will_do() {
    let mut flights = Flights::default();
    let id = flights.start(inquiry(0, "a"));
    let find = |flights: &Flights, service, text: &str, current: bool| {
        flights.find(service, text.as_bytes(), &|_| current)
    };
    assert_eq!(find(&flights, 0, "a", true), Some(id));
    assert_eq!(find(&flights, 0, "a", false), None, "something has changed since");
    assert_eq!(find(&flights, 1, "a", true), None);
    assert_eq!(find(&flights, 0, "b", true), None);
    flights.land(id).unwrap();
    assert_eq!(find(&flights, 0, "a", true), None);
    assert!(flights.land(id).is_none());
}

#[test]
fn a_waiter_that_leaves_changes_nothing() {
    let (mut flights, id) = flying();
    flights.board(id, 2);
    flights.board(id, 3);
    assert!(!flights.leave(id, 2) && !flights.take_knock() && flights.grounded().is_empty());
    assert_eq!(flights.land(id).unwrap().waiters, [1, 3]);
}

#[test]
fn when_the_stream_that_carries_the_call_leaves_the_root_makes_another() {
    let (mut flights, id) = flying();
    flights.board(id, 2);
    assert!(flights.leave(id, 1) && flights.take_knock() && !flights.take_knock());
    assert_eq!(flights.grounded(), [id]);
    let (asked, left) = flights.make_call(id, None, TIMEOUT, after(200)).unwrap();
    assert_eq!((&*asked.question, left), (&b"a"[..], TIMEOUT), "with all its time");
    assert!(flights.grounded().is_empty());
    assert!(!flights.leave(id, 2), "the root stays");
    assert!(flights.find(0, b"a", &|_| true).is_some(), "and fills the cache");
}

#[test]
fn a_call_is_tried_twice_and_the_second_gets_the_time_that_is_left() {
    let (mut flights, id) = flying();
    assert!(flights.may_retry(id, after(100)));
    let (_, left) = flights.make_call(id, Some(1), TIMEOUT, after(100)).unwrap();
    assert_eq!(left, Duration::from_millis(150));
    assert!(!flights.may_retry(id, after(101)), "once");
    let (mut flights, id) = flying();
    assert!(!flights.may_retry(id, after(250)), "no time left");
    assert!(flights.make_call(id, Some(1), TIMEOUT, after(250)).is_none());
    assert!(flights.make_call(id, Some(1), TIMEOUT, Timestamp::from_secs(1)).unwrap().1 <= TIMEOUT);
}

#[test]
fn a_call_that_is_never_heard_of_is_over_some_time() {
    let (mut flights, id) = flying();
    assert!(flights.overdue(after(1_250)).is_empty());
    assert_eq!(flights.overdue(after(1_251)), [id]);
    flights.ground(id);
    assert!(flights.overdue(after(9_000)).is_empty(), "it has not been made");
}

#[test]
fn flights_that_nobody_waits_for_are_bounded() {
    let mut flights = Flights::default();
    let texts: Vec<_> = (0..2_000).map(|number| number.to_string()).collect();
    let begun = texts.iter().filter_map(|text| flights.start_in_background(inquiry(0, text)));
    assert_eq!(begun.count(), MAX_EMPTY);
    assert_eq!(flights.grounded().len(), MAX_EMPTY);
    // Those who come and go leave no more behind.
    for stream in 0..2_000 {
        let id = flights.start(inquiry(1, &stream.to_string()));
        flights.board(id, stream);
        flights.make_call(id, Some(stream), TIMEOUT, NOW).unwrap();
        assert!(flights.leave(id, stream), "its answer is lost in any case");
    }
    assert_eq!(flights.all.len(), MAX_EMPTY);
}
