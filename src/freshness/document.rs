//! The feed's answers (`claimgate_authz_api::StateDocument`), read without keeping their texts.
//!
//! Kinds of entries that are not known are passed over, so that neighbouring releases understand
//! each other. An epoch of a scope that is not known is everybody's: too much becomes old, not too
//! little.

use claimgate_authz_api::STATE_FORMAT;

use super::error::FeedError;
use super::name::{Kind, Name, name};
use super::news::News;
use super::record::{Head, MAX_PLACE};
use super::table::Mark;
use crate::authn::{Json, Members, object_with_list};

/// Largest answer that is read, in bytes.
pub const MAX_DOCUMENT: usize = 4 * 1024 * 1024;

/// An answer of the feed.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) head: Head,
    /// What was known before is to be forgotten.
    pub(super) snapshot: bool,
    /// There is no more for now.
    pub(super) complete: bool,
    /// Where it goes on.
    pub(super) place: Box<str>,
    pub(super) news: News,
}

impl Document {
    pub(super) fn read(json: &[u8]) -> Result<Self, FeedError> {
        if json.len() > MAX_DOCUMENT {
            return Err(FeedError::TooLarge);
        }
        let (mut news, mut epoch) = (News::default(), 0);
        let each = &mut |member: Members<'_>| entry(member, &mut news, &mut epoch).is_some();
        let object = object_with_list(json, "entries", each).ok_or(FeedError::Malformed)?;
        let text = |name: &str| object.get(name).and_then(|value| value.as_str());
        let number = |name: &str| object.get(name).and_then(|value| unsigned(&value));
        let flag = |name: &str| object.get(name).and_then(|value| value.as_bool());
        let format = number("format").ok_or(FeedError::Malformed)?;
        if format == 0 || format > STATE_FORMAT.into() {
            return Err(FeedError::Format);
        }
        let read = || {
            let head = Head {
                store: name(Kind::Store, None, text("store")?),
                version: number("version")?,
                decisions: number("decisions")?,
                policies: text("policies")
                    .map_or(Name::default(), |text| name(Kind::Policies, None, text)),
                epoch,
            };
            let place = text("place").filter(|place| is_place(place))?.into();
            Some((head, flag("snapshot")?, flag("complete")?, place))
        };
        let (head, snapshot, complete, place) = read().ok_or(FeedError::Malformed)?;
        object.get("entries").ok_or(FeedError::Malformed)?;
        Ok(Self { head, snapshot, complete, place, news })
    }
}

/// A place goes into a query as it is.
fn is_place(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte);
    (1..=MAX_PLACE).contains(&text.len()) && text.bytes().all(plain)
}

fn unsigned(value: &Json<'_>) -> Option<u64> {
    value.as_number()?.as_u64()
}

fn entry(entry: Members<'_>, news: &mut News, epoch: &mut u64) -> Option<()> {
    let text = |name: &str| entry.get(name)?.as_str();
    let number = |name: &str| unsigned(&entry.get(name)?);
    let issuer = match entry.get("iss") {
        None | Some(Json::Null) => None,
        Some(issuer) => Some(issuer.as_str()?),
    };
    let mut revoke = |kind, issuer, value, before| {
        let mark = Mark::new(number("until")?, before);
        news.revocations.push((name(kind, issuer, value), mark));
        Some(())
    };
    match text("kind")? {
        "token" => revoke(Kind::Token, issuer, text("jti")?, Mark::ALL),
        "session" => revoke(Kind::Session, issuer, text("sid")?, Mark::ALL),
        "subject" => revoke(Kind::Subject, Some(issuer?), text("sub")?, number("before")?),
        "everyone" => revoke(Kind::Everyone, None, "", number("before")?),
        "epoch" => {
            let scope = entry.get("scope")?;
            let number = number("number")?;
            if let Some(tenant) = scope.get("tenant") {
                news.epochs.push((name(Kind::Tenant, None, tenant.as_str()?), true));
            } else if let Some(subject) = scope.get("subject") {
                let member = |name: &str| subject.get(name);
                let (issuer, subject) = (member("iss")?, member("sub")?);
                let of = name(Kind::Subject, Some(issuer.as_str()?), subject.as_str()?);
                news.epochs.push((of, false));
            } else {
                *epoch = number.max(*epoch);
            }
            Some(())
        }
        _ => Some(()),
    }
}

#[cfg(test)]
mod tests {
    use claimgate_authz_api::{EpochScope, StateDocument, StateEntry};
    use serde_json::{Value, json};

    use super::*;

    fn whole(entries: Vec<StateEntry>) -> StateDocument {
        StateDocument {
            format: STATE_FORMAT,
            store: "6f0c".into(),
            version: 17,
            decisions: 12,
            policies: Some("0011".into()),
            snapshot: true,
            complete: false,
            place: "6f0c.17.17".into(),
            entries,
        }
    }

    fn read(document: &Value) -> Result<Document, FeedError> {
        Document::read(document.to_string().as_bytes())
    }

    #[test]
    fn every_entry_the_service_can_write_is_read() {
        let (iss, sub) = ("https://idp".to_owned(), "alice".to_owned());
        let epoch = |scope, number| StateEntry::Epoch { scope, number };
        let document = whole(vec![
            StateEntry::Token { iss: Some(iss.clone()), jti: "j".into(), until: 5 },
            StateEntry::Session { iss: None, sid: "s".into(), until: 0 },
            StateEntry::Subject { iss: iss.clone(), sub: sub.clone(), before: 3, until: 9 },
            StateEntry::Everyone { before: 4, until: 8 },
            epoch(EpochScope::Global, 16),
            epoch(EpochScope::Tenant("t".into()), 1),
            epoch(EpochScope::Subject { iss: iss.clone(), sub: sub.clone() }, 2),
        ]);
        let document = read(&serde_json::to_value(document).unwrap()).unwrap();
        let subject = name(Kind::Subject, Some(&iss), &sub);
        assert_eq!(
            document.news.revocations,
            [
                (name(Kind::Token, Some(&iss), "j"), Mark::new(5, Mark::ALL)),
                (name(Kind::Session, None, "s"), Mark::new(0, Mark::ALL)),
                (subject, Mark::new(9, 3)),
                (name(Kind::Everyone, None, ""), Mark::new(8, 4)),
            ]
        );
        let tenant = name(Kind::Tenant, None, "t");
        assert_eq!(document.news.epochs, [(tenant, true), (subject, false)]);
        assert_eq!(
            (document.head.version, document.head.decisions, document.head.epoch),
            (17, 12, 16)
        );
        assert!(document.snapshot && !document.complete && &*document.place == "6f0c.17.17");
    }

    #[test]
    fn what_a_later_release_adds_is_passed_over() {
        let mut document = serde_json::to_value(whole(vec![])).unwrap();
        document["entries"] = json!([
            {"kind": "device", "id": 7},
            {"kind": "token", "jti": "j", "until": 5, "iss": null, "since": {"a": [1]}},
            {"kind": "epoch", "scope": {"device": "d"}, "number": 3},
            {"kind": "epoch", "scope": "continent", "number": 4},
        ]);
        document["more"] = json!({"a": [1, 2]});
        let document = read(&document).unwrap();
        assert_eq!((document.news.len(), document.head.epoch), (1, 4));
    }

    #[test]
    fn garbage_is_refused() {
        let good = serde_json::to_value(whole(vec![])).unwrap();
        assert!(read(&good).is_ok());
        for member in ["store", "version", "decisions", "snapshot", "complete", "place", "entries"]
        {
            for wrong in [Value::Null, json!([1]), json!(-1)] {
                let mut bad = good.clone();
                bad[member] = wrong;
                assert_eq!(read(&bad).unwrap_err(), FeedError::Malformed, "{member}");
                bad.as_object_mut().unwrap().remove(member);
                assert_eq!(read(&bad).unwrap_err(), FeedError::Malformed, "{member}");
            }
        }
        for entry in [
            json!(1),
            json!({}),
            json!({"kind": "token", "until": 5}),
            json!({"kind": "token", "jti": 5, "until": 5}),
            json!({"kind": "token", "jti": "j"}),
            json!({"kind": "token", "jti": "j", "iss": 5, "until": 5}),
            json!({"kind": "subject", "sub": "s", "before": 1, "until": 5}),
            json!({"kind": "epoch", "scope": {"tenant": 1}, "number": 1}),
            json!({"kind": "epoch", "scope": {"subject": {"iss": "i"}}, "number": 1}),
        ] {
            let mut bad = good.clone();
            bad["entries"] = json!([entry]);
            assert_eq!(read(&bad).unwrap_err(), FeedError::Malformed, "{bad}");
        }
        for place in ["", "a b", "a&limit=1", "a%20", &"x".repeat(MAX_PLACE + 1)] {
            let mut bad = good.clone();
            bad["place"] = place.into();
            assert_eq!(read(&bad).unwrap_err(), FeedError::Malformed, "{place}");
        }
        for format in [0, 2] {
            let mut bad = good.clone();
            bad["format"] = format.into();
            assert_eq!(read(&bad).unwrap_err(), FeedError::Format);
        }
        for bad in [&b""[..], b"{}", b"\xff", b"[]", b"{"] {
            assert_eq!(Document::read(bad).unwrap_err(), FeedError::Malformed);
        }
        assert_eq!(Document::read(&vec![b' '; MAX_DOCUMENT + 1]).unwrap_err(), FeedError::TooLarge);
    }
}
