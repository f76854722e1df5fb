//! One poll: from the question where the feed goes on to its last answer. It reads and compares;
//! nothing of it counts before the last answer is there and good.

use super::document::Document;
use super::error::FeedError;
use super::news::News;
use super::record::Head;
use super::table::{MAX_REVOCATIONS, Table};
use crate::time::Timestamp;

/// Most answers of one poll.
const MAX_DOCUMENTS: u32 = 4_096;
/// Entries that one answer should have at most.
const LIMIT: usize = 2_000;

/// A poll that is out.
#[derive(Debug)]
pub(super) struct Poll {
    /// Its lease.
    pub(super) number: u64,
    /// When the last call was made.
    pub(super) asked_at: Timestamp,
    /// When that counts as lost.
    pub(super) lost_at: Timestamp,
    /// Where that asked to go on; `None` asks for a snapshot.
    place: Option<Box<str>>,
    documents: u32,
    /// The snapshot, as far as it has come, if it is one.
    snapshot: Option<Table>,
    news: News,
    head: Head,
}

/// All that a poll has brought.
#[derive(Debug)]
pub(super) struct Brought {
    pub(super) number: u64,
    pub(super) asked_at: Timestamp,
    pub(super) place: Box<str>,
    pub(super) head: Head,
    pub(super) content: Content,
}

/// What it is.
#[derive(Debug)]
pub(super) enum Content {
    /// All there is.
    Snapshot(Table),
    /// What is new.
    News(News),
}

/// What an answer has come to.
#[derive(Debug)]
pub(super) enum Answered {
    /// There is more: one more call.
    More(Poll),
    /// That was the last one.
    Complete(Brought),
}

impl Poll {
    /// One that goes on from `place`, of which `head` is known.
    pub(super) fn new(number: u64, place: Option<Box<str>>, head: Head) -> Self {
        Self {
            number,
            asked_at: Timestamp::default(),
            lost_at: Timestamp::default(),
            place,
            documents: 0,
            snapshot: None,
            news: News::default(),
            head,
        }
    }

    /// The path of the next call.
    pub(super) fn path(&self, path: &str) -> String {
        let separator = if path.contains('?') { '&' } else { '?' };
        let since = self.place.as_ref().map(|place| format!("&since={place}"));
        format!("{path}{separator}limit={LIMIT}{}", since.unwrap_or_default())
    }

    /// Takes an answer. `known` is what is known, and `empty` makes a table for a snapshot.
    pub(super) fn answered(
        mut self,
        document: &[u8],
        known: Option<Head>,
        empty: impl FnOnce() -> Table,
        now: Timestamp,
    ) -> Result<Answered, FeedError> {
        let Document { head, snapshot, complete, place, news } = Document::read(document)?;
        self.documents += 1;
        if snapshot {
            self.snapshot = Some(empty());
            self.news = News::default();
            self.head.epoch = 0;
        } else if self.place.is_none() || head.store != self.head.store {
            return Err(FeedError::Malformed);
        }
        let stands_still = self.place.as_deref() == Some(&*place);
        if !complete && (stands_still || self.documents >= MAX_DOCUMENTS) {
            return Err(FeedError::Malformed);
        }
        self.keep(news, now)?;
        self.head = Head { epoch: head.epoch.max(self.head.epoch), ..head };
        if !complete {
            self.place = Some(place);
            return Ok(Answered::More(self));
        }
        let Self { number, asked_at, head, snapshot, news, .. } = self;
        if known.is_some_and(|known| head.is_older_than(&known)) {
            return Err(FeedError::Older);
        }
        let content = snapshot.map_or(Content::News(news), Content::Snapshot);
        Ok(Answered::Complete(Brought { number, asked_at, place, head, content }))
    }

    fn keep(&mut self, news: News, now: Timestamp) -> Result<(), FeedError> {
        if let Some(table) = &mut self.snapshot {
            for (name, mark) in news.revocations {
                table.apply(name, mark, now).map_err(|_| FeedError::TooMany)?;
            }
            // Epochs before a snapshot concern no decision that it leaves standing.
            return Ok(());
        }
        if self.news.len() + news.len() > MAX_REVOCATIONS {
            return Err(FeedError::TooMany);
        }
        self.news.revocations.extend(news.revocations);
        self.news.epochs.extend(news.epochs);
        Ok(())
    }
}
