//! What each error of Redis means: the one place that decides it.
//!
//! | error | means |
//! |---|---|
//! | `WRONGTYPE`, an answer of another form | a foreign value under the key: Redis is well |
//! | `OOM`, `MISCONF`, `NOREPLICAS`, `NOPERM`, `TRYAGAIN` (a slot on its way) on a write | this write is refused; what is read is still good |
//! | `MOVED`, `ASK` | this command is not done; the client takes in who has the slot now |
//! | `READONLY` | not the primary any more: failed, and the client connects anew |
//! | `LOADING`, `MASTERDOWN`, `BUSY`, `CLUSTERDOWN` | failed: left alone for a moment |
//! | `NOAUTH`, `WRONGPASS`, `NOPERM` on a read | failed, until somebody mends the password or the rights |
//! | no connection, TLS, no answer in time | failed |
//!
//! An error's text can repeat keys and values, so only its code goes on from here.

use fred::error::{Error, ErrorKind};

use crate::cache::CacheError;

/// Codes of answers that refuse a write and say nothing against reading.
const REFUSALS: [&str; 5] = ["OOM", "MISCONF", "NOREPLICAS", "NOPERM", "TRYAGAIN"];

/// What the client says when a node sends it elsewhere, which we do not let it follow.
const SENT_ELSEWHERE: &str = "Too many redirections.";

/// What a command wants.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wants {
    /// To read, or an answer as such.
    Answer,
    /// To write.
    Write,
}

/// What `error`, the answer to a command that `wants` something, means to a caller.
pub(super) fn meaning(error: &Error, wants: Wants) -> CacheError {
    let code = code(error.details());
    match error.kind() {
        ErrorKind::InvalidArgument | ErrorKind::Parse => CacheError::Foreign,
        _ if code == Some("WRONGTYPE") => CacheError::Foreign,
        _ if error.details() == SENT_ELSEWHERE => CacheError::Refused("MOVED".into()),
        _ => match code {
            Some(code) if wants == Wants::Write && REFUSALS.contains(&code) => {
                CacheError::Refused(code.to_owned())
            }
            Some(code) => CacheError::Failed(code.to_owned()),
            None => CacheError::Failed(error.kind().to_str().to_owned()),
        },
    }
}

/// The code that begins an error of Redis, such as `OOM`. Redis 6 hides that of a command in a
/// script behind where in the script it was.
fn code(details: &str) -> Option<&str> {
    let answer = match details.strip_prefix("ERR Error running script") {
        Some(inside) => inside.split_once(": -")?.1,
        None => details,
    };
    let code = answer.split(' ').next()?;
    let fits = (2..=16).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_uppercase());
    fits.then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kind: ErrorKind, details: &'static str, wants: Wants) -> CacheError {
        meaning(&Error::new(kind, details), wants)
    }

    #[test]
    fn a_refused_write_is_no_failure_of_redis() {
        for details in [
            "OOM command not allowed when used memory > 'maxmemory'.",
            "OOM command not allowed when used memory > 'maxmemory'. script: 5f, on @user_script:1.",
            "ERR Error running script (call to f_5f): @user_script:1: -OOM command not allowed",
        ] {
            let refused = CacheError::Refused("OOM".into());
            assert_eq!(of(ErrorKind::Unknown, details, Wants::Write), refused, "{details}");
        }
        let readonly = of(ErrorKind::Unknown, "READONLY You can't write", Wants::Write);
        assert_eq!(readonly, CacheError::Failed("READONLY".into()));
    }

    #[test]
    fn missing_rights_are_a_failure_when_reading() {
        let details = "NOPERM this user has no permissions to access one of the keys";
        let read = of(ErrorKind::Unknown, details, Wants::Answer);
        assert_eq!(read, CacheError::Failed("NOPERM".into()));
        let written = of(ErrorKind::Unknown, details, Wants::Write);
        assert_eq!(written, CacheError::Refused("NOPERM".into()));
    }

    #[test]
    fn a_foreign_value_is_told_from_a_failure() {
        let details = "WRONGTYPE Operation against a key holding the wrong kind of value";
        for kind in [ErrorKind::InvalidArgument, ErrorKind::Unknown] {
            assert_eq!(of(kind, details, Wants::Answer), CacheError::Foreign);
        }
        assert_eq!(of(ErrorKind::Parse, "", Wants::Answer), CacheError::Foreign);
    }

    #[test]
    fn a_slot_that_moves_is_no_failure_of_the_cluster() {
        for wants in [Wants::Answer, Wants::Write] {
            let sent = of(ErrorKind::Routing, SENT_ELSEWHERE, wants);
            assert_eq!(sent, CacheError::Refused("MOVED".into()));
        }
    }

    #[test]
    fn nothing_but_a_code_or_a_kind_goes_on() {
        let cases = [
            (ErrorKind::Unknown, "LOADING Redis is loading the dataset in memory", "LOADING"),
            (ErrorKind::Cluster, "CLUSTERDOWN The cluster is down", "CLUSTERDOWN"),
            (ErrorKind::Unknown, "ERR value a@example.com is bad", "ERR"),
            (ErrorKind::Unknown, "a@example.com", "Unknown Error"),
            (ErrorKind::IO, "Os { code: 111 }", "IO Error"),
        ];
        for (kind, details, expected) in cases {
            assert_eq!(of(kind, details, Wants::Write), CacheError::Failed(expected.into()));
        }
    }
}
