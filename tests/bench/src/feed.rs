//! Plays the authorization service's state document ([`claimgate_authz_api::StateDocument`]) for the filter:
//! a hundred thousand revocations, and more when told so.
//!
//! It is a thread of this process and not authz-service, which takes minutes to be told of so many one by
//! one, and would take a core from Envoy while it is told more. What the filter does with a document is
//! the same. It must never count as Envoy's: its time is in no result.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use claimgate_authz_api::{STATE_FORMAT, StateDocument, StateEntry};

use crate::tokens::{ISSUER, token_id};

/// How many there are at first.
pub const REVOCATIONS: usize = 100_000;
/// Entries in one document, whatever is asked for.
const MOST_ENTRIES: usize = 5_000;
/// For how long they count: longer than any run.
const LIFETIME: Duration = Duration::from_secs(24 * 3600);

/// A feed that is being served.
pub struct Feed {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

/// What it says.
#[derive(Clone, Copy, Debug)]
struct State {
    store: usize,
    revoked: usize,
    /// Until when, in seconds since the epoch.
    until: u64,
    /// Revocations that were told, by all documents.
    told: u64,
}

/// The name of the token that the revocation with this number is about; [`crate::signer::Signer::token`]
/// makes one.
pub fn revoked(number: usize) -> String {
    format!("revoked-{number}")
}

impl Feed {
    /// Serves from now on, on a free port of 127.0.0.1, until this process ends.
    pub fn start() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
        let address = listener.local_addr()?;
        let until = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)? + LIFETIME;
        let state = Arc::new(Mutex::new(State::new(until.as_secs())));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let state = Arc::clone(&shared);
                // An error is Envoy's end.
                thread::spawn(move || drop(serve(stream, &state)));
            }
        });
        Ok(Self { address, state })
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Revokes so many more tokens.
    pub fn revoke(&self, more: usize) {
        lock(&self.state).revoked += more;
    }

    /// Becomes another store with as many revocations as there were at first: readers have to read them anew.
    pub fn begin_again(&self) {
        let mut state = lock(&self.state);
        state.store += 1;
        state.revoked = REVOCATIONS;
    }

    /// The name of the token that was revoked last.
    pub fn newest(&self) -> String {
        revoked(lock(&self.state).revoked - 1)
    }

    /// How many revocations it has told so far, to whomever.
    pub fn told(&self) -> u64 {
        lock(&self.state).told
    }
}

impl State {
    const fn new(until: u64) -> Self {
        Self { store: 0, revoked: REVOCATIONS, until, told: 0 }
    }

    /// The answer to a request for this path and query.
    fn answer(&mut self, target: &str) -> StateDocument {
        let query = target.split_once('?').map_or("", |(_, query)| query);
        let asked = |name: &str| {
            query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
        };
        let limit = asked("limit").and_then(|limit| limit.parse().ok());
        let from = asked("since").and_then(|place| self.number_of(place));
        let document = self.document(from, limit.unwrap_or(MOST_ENTRIES).min(MOST_ENTRIES));
        self.told += document.entries.len() as u64;
        document
    }

    /// How many a reader at this place knows, if it is one of this store.
    fn number_of(&self, place: &str) -> Option<usize> {
        let (store, number) = place.split_once('.')?;
        let number = number.parse().ok().filter(|number| *number <= self.revoked)?;
        (store.parse() == Ok(self.store)).then_some(number)
    }

    /// What follows the first `from`; all of it, if there is no such place.
    fn document(&self, from: Option<usize>, limit: usize) -> StateDocument {
        let first = from.unwrap_or(0);
        let end = self.revoked.min(first + limit);
        let entry = |number| StateEntry::Token {
            iss: Some(ISSUER.to_owned()),
            jti: token_id(&revoked(number)),
            until: self.until,
        };
        StateDocument {
            format: STATE_FORMAT,
            store: format!("bench-{}", self.store),
            version: end as u64,
            decisions: 1,
            policies: None,
            snapshot: from.is_none(),
            complete: end == self.revoked,
            place: format!("{}.{end}", self.store),
            entries: (first..end).map(entry).collect(),
        }
    }
}

/// Answers one request after the other. Only Envoy asks, and it sends no bodies.
fn serve(mut stream: TcpStream, state: &Mutex<State>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    while let Some(request) = lines.next().transpose()? {
        while lines.next().transpose()?.is_some_and(|header| !header.is_empty()) {}
        let target = request.split(' ').nth(1).unwrap_or_default();
        let document = lock(state).answer(target);
        let body = serde_json::to_string(&document)?;
        let length = body.len();
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
        );
        stream.write_all((head + &body).as_bytes())?;
    }
    Ok(())
}

/// Nobody can have left it half changed.
fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All that is told from a place on, and where it ends.
    fn read(state: &mut State, since: Option<&str>) -> (Vec<StateEntry>, String) {
        let (mut entries, mut place) = (Vec::new(), since.map(str::to_owned));
        loop {
            let since = place.map(|place| format!("&since={place}")).unwrap_or_default();
            let document = state.answer(&format!("/v1/state?limit=2000{since}"));
            let begins = since.is_empty() || document.store != format!("bench-{}", &since[7..8]);
            assert_eq!(document.snapshot, begins, "{since}");
            entries.extend(document.entries);
            if document.complete {
                return (entries, document.place);
            }
            place = Some(document.place);
        }
    }

    #[test]
    fn a_reader_hears_of_every_revocation_once_and_then_of_what_is_new() {
        let mut state = State::new(2_000_000_000);
        let (all, place) = read(&mut state, None);
        assert_eq!((all.len(), state.told), (REVOCATIONS, REVOCATIONS as u64));
        assert!(matches!(&all[7], StateEntry::Token { jti, .. } if *jti == token_id(&revoked(7))));
        assert_eq!(read(&mut state, Some(&place)).0, []);
        state.revoked += 3;
        assert_eq!(read(&mut state, Some(&place)).0.len(), 3);
    }

    #[test]
    fn a_place_in_another_store_begins_anew() {
        let mut state = State::new(2_000_000_000);
        let (_, place) = read(&mut state, None);
        state.store += 1;
        assert_eq!(read(&mut state, Some(&place)).0.len(), REVOCATIONS);
        assert_eq!(state.number_of("1.100001"), None, "beyond the end");
    }
}
