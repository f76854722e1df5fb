use std::time::Duration;

use super::*;
use crate::authn::Algorithm;
use crate::policy::Discovery;
use crate::shared_data::{ANY, NoSharedData, OneThread};

const REFRESH: Duration = Duration::from_secs(300);
const STALE: Duration = Duration::from_secs(3600);
const MISSES: MissBudget = MissBudget { burst: 5, interval: Duration::from_secs(5) };

/// A set with one key; `n` makes it another key.
fn document(kid: &str, n: u8) -> Vec<u8> {
    use base64::Engine as _;
    let mut modulus = [0xff; 256];
    modulus[255] = n | 1;
    let modulus = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(modulus);
    format!(r#"{{"keys":[{{"kty":"RSA","kid":"{kid}","n":"{modulus}","e":"AQAB"}}]}}"#).into_bytes()
}

fn at(secs: u64) -> Timestamp {
    Timestamp::from_secs(secs)
}

fn endpoint(path: &str) -> Endpoint {
    Endpoint {
        cluster: "idp".into(),
        scheme: "http",
        authority: "idp.test".into(),
        path: path.into(),
        timeout: Duration::from_secs(2),
    }
}

/// A source and what it shares with others.
#[derive(Debug)]
struct Vm {
    source: JwksSource,
    data: Box<dyn SharedData>,
}

impl Vm {
    fn sharing(data: impl SharedData + 'static) -> Self {
        Self::with(data, KeyLocation::Jwks(endpoint("/certs")), 1)
    }

    fn with(data: impl SharedData + 'static, location: KeyLocation, seed: u64) -> Self {
        let timeout = Duration::from_secs(2);
        let timing = Timing { refresh: REFRESH, max_stale: STALE, timeout, misses: MISSES };
        let source = JwksSource::fetched("issuer", location, timing, seed);
        Self { source, data: Box::new(data) }
    }

    /// Alone in its process.
    fn alone() -> Self {
        Self::sharing(NoSharedData)
    }

    /// With key `a`, fetched then.
    fn fetched(now: u64) -> Self {
        let mut vm = Self::alone();
        vm.fetch("a", now);
        vm
    }

    fn want(&mut self, now: u64) -> KeyState {
        self.source.want(&*self.data, at(now))
    }

    fn want_key(&mut self, kid: &str, now: u64) -> KeyState {
        self.source.want_key(Some(kid), &*self.data, at(now))
    }

    fn starts(&mut self, now: u64) -> bool {
        self.source.start(&*self.data, at(now))
    }

    fn over(&mut self, now: u64) -> Option<Over> {
        self.source.over(&*self.data, at(now))
    }

    fn adopts(&mut self, now: u64) -> bool {
        self.source.adopt(&*self.data, at(now))
    }

    fn answered(&mut self, body: &[u8], now: u64) -> Option<Result<Progress, FetchError>> {
        self.source.answered(body, None, &*self.data, at(now))
    }

    fn failed(&mut self, now: u64) {
        self.source.failed(&*self.data, at(now));
    }

    /// Fetches key `kid`, whoever needs it.
    fn fetch(&mut self, kid: &str, now: u64) {
        assert_eq!(self.want(now), KeyState::Wait { joined: false });
        assert!(self.starts(now));
        assert_eq!(self.answered(&document(kid, 1), now), Some(Ok(Progress::Keys)));
    }

    fn has(&self, kid: &str, now: u64) -> bool {
        let keys = self.source.keys(at(now));
        keys.is_some_and(|keys| keys.candidates(Some(kid), Algorithm::Rs256).next().is_some())
    }
}

/// The VMs of one process.
fn process<const N: usize>() -> [Vm; N] {
    let data = OneThread::default();
    std::array::from_fn(|_| Vm::sharing(data.clone()))
}

const JOINED: KeyState = KeyState::Wait { joined: true };
const FIRST: KeyState = KeyState::Wait { joined: false };

#[test]
fn nothing_is_fetched_before_somebody_needs_it() {
    let mut vm = Vm::alone();
    assert!(!vm.starts(1_000_000));
    assert_eq!(vm.source.health(at(1_000_000)), None);
    assert_eq!(vm.want(1), FIRST);
    assert!(vm.starts(1));
}

#[test]
fn all_who_need_keys_wait_for_one_fetch() {
    let mut vm = Vm::alone();
    assert_eq!([vm.want(1), vm.want(1)], [FIRST, FIRST]);
    assert!(vm.starts(1));
    assert_eq!(vm.want(1), JOINED);
    assert!(!vm.starts(1));
}

#[test]
fn keys_are_refreshed_in_the_background_and_stay_meanwhile() {
    let mut vm = Vm::fetched(0);
    assert!(!vm.starts(239));
    assert!(vm.starts(285));
    assert!(vm.has("a", 286));
    vm.failed(286);
    assert!(vm.has("a", 286));
    assert!(!vm.starts(286), "pauses after a failure");
    assert!(vm.starts(287));
}

/// Sources that began together do not stay together.
#[test]
fn keys_are_fetched_again_between_80_and_95_percent_of_their_lifetime() {
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..200 {
        let mut vm = Vm::with(NoSharedData, KeyLocation::Jwks(endpoint("/certs")), seed);
        vm.fetch("a", 0);
        let due = (0..300).find(|now| vm.starts(*now)).unwrap();
        assert!((240..=285).contains(&due), "{due}");
        seen.insert(due);
    }
    assert_eq!((seen.first(), seen.last()), (Some(&240), Some(&285)));
    assert!(seen.len() > 10, "{seen:?}");
}

#[test]
fn max_age_counts_within_bounds() {
    for (max_age, lifetime) in [(0, 30), (29, 30), (60, 60), (10_000_000, 86_400)] {
        let mut vm = Vm::alone();
        vm.want(0);
        vm.starts(0);
        let age = Some(Duration::from_secs(max_age));
        vm.source.answered(&document("a", 1), age, &*vm.data, at(0)).unwrap().unwrap();
        assert!(!vm.starts(lifetime * 80 / 100 - 1), "{max_age}");
        assert!(vm.starts(lifetime * 95 / 100 + 1), "{max_age}");
    }
}

#[test]
fn a_failure_is_followed_by_a_pause() {
    for mut vm in [Vm::alone(), Vm::fetched(0)] {
        assert!(vm.want(300) == FIRST && vm.starts(300));
        vm.failed(300);
        assert!(vm.source.is_failing());
        assert_eq!([vm.want(300), vm.want_key("b", 300)], [KeyState::Unavailable; 2]);
        assert_eq!(vm.want(301), FIRST);
    }
}

#[test]
fn good_keys_end_with_max_stale() {
    let vm = Vm::fetched(0);
    assert!(vm.has("a", 300 + 3599));
    assert!(!vm.has("a", 300 + 3600));
}

#[test]
fn a_bad_document_never_replaces_good_keys() {
    let documents: [&[u8]; 5] =
        [b"", b"<html>", b"{}", br#"{"keys":[]}"#, br#"{"keys":[{"kty":"EC"}]}"#];
    for document in documents {
        let mut vm = Vm::fetched(0);
        assert!(vm.starts(300));
        assert!(matches!(vm.answered(document, 301), Some(Err(FetchError::Invalid(_)))));
        assert_eq!(vm.source.keys(at(301)).map(KeySet::len), Some(1));
        assert!(!vm.starts(301), "counts as a failure");
    }
}

#[test]
fn an_unknown_key_causes_one_fetch_and_is_remembered() {
    let mut vm = Vm::fetched(0);
    assert_eq!(vm.want_key("b", 1), FIRST);
    vm.starts(1);
    assert_eq!(vm.want_key("b", 1), JOINED);
    vm.answered(&document("a", 1), 2).unwrap().unwrap();
    vm.source.remember_unknown(Some("b"), at(2));
    assert_eq!(vm.want_key("b", 31), KeyState::Unknown);
    assert!(!vm.starts(31));
    assert_eq!(vm.want_key("b", 32), FIRST);
}

#[test]
fn a_token_without_kid_causes_no_fetch() {
    let mut vm = Vm::fetched(0);
    assert_eq!(vm.source.want_key(None, &*vm.data, at(1)), KeyState::Unknown);
}

#[test]
fn a_call_that_is_never_answered_is_given_up_and_its_late_answer_changes_nothing() {
    let mut vm = Vm::alone();
    vm.want(0);
    assert!(vm.starts(0));
    assert_eq!(vm.over(2), None);
    assert_eq!(vm.over(3), Some(Over::Lost));
    assert_eq!(vm.over(3), None);
    assert_eq!(vm.answered(&document("a", 1), 3), None);
    assert!(!vm.has("a", 3) && vm.source.is_failing());
    vm.failed(3);
    assert_eq!(vm.want(4), FIRST, "the pause of one failure");
}

/// The root is late, or gone: what it should have called for does not wait for ever.
#[test]
fn a_call_that_is_never_made_is_given_up_too() {
    let mut vm = Vm::alone();
    vm.want(0);
    assert_eq!(vm.over(3), Some(Over::Lost));
}

#[test]
fn a_key_that_left_and_returned_is_another_key() {
    let mut vm = Vm::alone();
    let mut ids = Vec::new();
    for (now, (kid, n)) in (0..).zip([("a", 1), ("a", 1), ("b", 3), ("a", 1)]) {
        vm.want(now);
        vm.starts(now);
        vm.answered(&document(kid, n), now).unwrap().unwrap();
        let keys = vm.source.keys(at(now)).unwrap();
        ids.push(keys.candidates(Some(kid), Algorithm::Rs256).next().unwrap().id());
    }
    assert_eq!(ids[0], ids[1], "the same document keeps ids");
    assert_ne!(ids[0], ids[3]);
}

#[test]
fn fixed_keys_are_there_for_ever_and_are_all_there_are() {
    let keys = KeySet::default().succeed(&document("a", 1)).unwrap();
    let source = JwksSource::fixed(keys);
    let mut vm = Vm { source, data: Box::new(OneThread::default()) };
    assert!(vm.has("a", 10_000_000_000));
    assert_eq!(vm.want_key("b", 1), KeyState::Unknown);
    assert!(!vm.starts(10_000_000_000) && vm.over(1).is_none() && !vm.adopts(1));
    assert_eq!(vm.source.health(at(1)), Some(Health { age: None, keys: 1, healthy: true }));
}

#[test]
fn a_source_says_how_it_is() {
    let mut vm = Vm::fetched(10);
    let age = Some(Duration::from_secs(20));
    assert_eq!(vm.source.health(at(30)), Some(Health { age, keys: 1, healthy: true }));
    assert!(vm.starts(310));
    vm.failed(310);
    let age = Some(Duration::from_secs(300));
    assert_eq!(vm.source.health(at(310)), Some(Health { age, keys: 1, healthy: false }));
    let age = Some(Duration::from_secs(5_000));
    assert_eq!(vm.source.health(at(5_010)), Some(Health { age, keys: 0, healthy: false }));
}

#[test]
fn a_discovery_document_is_followed_within_one_fetch() {
    let discovery = Discovery {
        document: endpoint("/.well-known/openid-configuration"),
        issuer: "issuer".into(),
        elsewhere: None,
    };
    let home = discovery.document.clone();
    let data = OneThread::default();
    let mut vm = Vm::with(data.clone(), KeyLocation::Discovery(discovery.clone()), 1);
    let mut other = Vm::with(data, KeyLocation::Discovery(discovery), 2);
    for now in [1, 300] {
        assert!(vm.want(now) == FIRST && vm.starts(now));
        assert_eq!(vm.source.endpoint(), Some(&home));
        let document = br#"{"issuer":"issuer","jwks_uri":"http://idp.test/keys"}"#;
        assert_eq!(vm.answered(document, now), Some(Ok(Progress::Address)));
        assert_eq!(vm.source.endpoint(), Some(&endpoint("/keys")));
        assert_eq!(other.want(now), JOINED, "still one fetch");
        assert_eq!(vm.answered(&self::document("a", 1), now), Some(Ok(Progress::Keys)));
        assert_eq!(other.over(now), Some(Over::Elsewhere));
        assert!(other.has("a", now));
    }
    assert!(vm.want(600) == FIRST && vm.starts(600));
    let evil = br#"{"issuer":"issuer","jwks_uri":"http://evil.test/keys"}"#;
    let refused = FetchError::Discovery(InvalidDiscovery::ForeignHost);
    assert_eq!(vm.answered(evil, 600), Some(Err(refused)));
    assert!(vm.has("a", 600) && vm.source.is_failing());
}

mod process;
