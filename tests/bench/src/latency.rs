//! What hearing of revocations does to requests that are under way meanwhile: the 99th percentile of
//! their latency beside that of a gateway that hears of none.
//!
//! In an Envoy of its own, with the one scenario that has a feed: the other scenarios' modules have
//! timers too. Both sides of a round follow each other directly, in turn one first and the other.

use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::check;
use crate::envoy::Envoy;
use crate::feed::{Feed, REVOCATIONS};
use crate::listeners::Reply;
use crate::measure::Effort;
use crate::paced::{self, Latencies};
use crate::ratio::median;
use crate::say;
use crate::scenario::{self, Scenario};
use crate::site::Site;

/// One result: milliseconds that something adds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figure {
    /// Its name in the results.
    pub name: &'static str,
    /// What it should not exceed.
    pub goal_ms: f64,
    news: News,
}

/// What there is to hear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum News {
    /// A thousand revocations more with about every poll.
    More,
    /// Once a second another store: everything has to be read anew.
    Everything,
}

/// All of them.
pub const FIGURES: [Figure; 2] = [
    Figure { name: "state_update_p99_added_ms", goal_ms: 2.0, news: News::More },
    Figure { name: "state_reload_p99_added_ms", goal_ms: 2.0, news: News::Everything },
];

/// Those with these names; all, if there are no names at all. Other names are none of ours.
pub fn named(names: &[String]) -> Vec<Figure> {
    let wanted = |figure: &Figure| names.is_empty() || names.iter().any(|n| n == figure.name);
    FIGURES.into_iter().filter(wanted).collect()
}

/// How many more at a time.
const MORE: usize = 1_000;
/// After news, until everything is as if there were none.
const SETTLED: Duration = Duration::from_millis(1_500);
/// How long it may take until a token that was revoked under load is refused.
const HEARD: Duration = Duration::from_secs(5);

/// A figure's outcome.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Added {
    /// Which.
    pub figure: Figure,
    /// What is added to the 99th percentile, over the rounds.
    pub median_ms: f64,
    /// Lowest and highest round.
    pub spread_ms: [f64; 2],
    /// Without news; medians of the rounds, the longest of them all, the sum of the errors.
    pub without: Latencies,
    /// The same with news.
    pub with: Latencies,
}

/// Measures some figures.
pub fn measure(site: &Site, figures: &[Figure], effort: Effort) -> Result<Vec<Added>> {
    if figures.is_empty() {
        return Ok(Vec::new());
    }
    let scenario = scenario::all().into_iter().find(|one| one.name == scenario::REVOCATIONS);
    let scenario = [scenario.context("no scenario with a feed")?];
    let envoy = Envoy::start(site, &scenario, Reply::Plain, 1)?;
    check::statuses(site, &scenario)?;
    let [scenario] = &scenario;
    let run = Run { site, scenario, seconds: effort.seconds };
    say("latency while the gateway hears of revocations");
    run.without()?;
    let figures = figures.iter().map(|figure| run.rounds(*figure, effort.rounds)).collect();
    envoy.cpu().context("after the last figure")?;
    // As whoever comes next expects it.
    site.feed.begin_again();
    figures
}

struct Run<'a> {
    site: &'a Site,
    scenario: &'a Scenario,
    seconds: u64,
}

impl Run<'_> {
    fn rounds(&self, figure: Figure, rounds: usize) -> Result<Added> {
        let each = (0..rounds).map(|round| {
            let before = if round % 2 == 0 { Some(self.without()?) } else { None };
            let with = self.with(figure.news)?;
            Ok((before.map_or_else(|| self.without(), Ok)?, with))
        });
        Ok(added(figure, &each.collect::<Result<Vec<_>>>()?))
    }

    fn without(&self) -> Result<Latencies> {
        let token = self.site.token(self.scenario.load.algorithm());
        paced::run(self.site.address(self.scenario.name)?, token, self.seconds)
    }

    /// The same while there is news; and it is heard.
    fn with(&self, news: News) -> Result<Latencies> {
        let feed = &self.site.feed;
        let told = feed.told();
        let latencies = thread::scope(|scope| {
            let times = news.times(self.seconds);
            scope.spawn(move || {
                for _ in 0..times {
                    news.tell(feed);
                    thread::sleep(news.every());
                }
            });
            self.without()
        })?;
        check::refused(self.site, self.scenario, &feed.newest(), HEARD)?;
        let (told, expected) = (feed.told() - told, news.least(self.seconds));
        ensure!(told >= expected, "the filter has read {told} revocations, not {expected}");
        thread::sleep(SETTLED);
        Ok(latencies)
    }
}

impl News {
    const fn every(self) -> Duration {
        match self {
            Self::More => Duration::from_millis(400),
            Self::Everything => Duration::from_secs(1),
        }
    }

    /// How often that is in so many seconds.
    fn times(self, seconds: u64) -> u64 {
        u64::try_from(Duration::from_secs(seconds).as_millis() / self.every().as_millis())
            .unwrap_or_default()
    }

    fn tell(self, feed: &Feed) {
        match self {
            Self::More => feed.revoke(MORE),
            Self::Everything => feed.begin_again(),
        }
    }

    /// What has to be read because of it; of another store that came while the one before was read, that one
    /// need not be read to its end.
    fn least(self, seconds: u64) -> u64 {
        match self {
            Self::More => self.times(seconds) * MORE as u64,
            Self::Everything => REVOCATIONS as u64,
        }
    }
}

fn added(figure: Figure, rounds: &[(Latencies, Latencies)]) -> Added {
    let differences: Vec<f64> =
        rounds.iter().map(|(without, with)| with.p99_ms - without.p99_ms).collect();
    let (without, with): (Vec<_>, Vec<_>) = rounds.iter().copied().unzip();
    let low = differences.iter().copied().fold(f64::INFINITY, f64::min);
    let high = differences.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    Added {
        figure,
        median_ms: median(differences),
        spread_ms: [low, high],
        without: together(&without),
        with: together(&with),
    }
}

fn together(all: &[Latencies]) -> Latencies {
    let middle = |field: fn(&Latencies) -> f64| median(all.iter().map(field).collect());
    Latencies {
        p50_ms: middle(|one| one.p50_ms),
        p99_ms: middle(|one| one.p99_ms),
        longest_ms: all.iter().map(|one| one.longest_ms).fold(0.0, f64::max),
        errors: all.iter().map(|one| one.errors).sum(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_added_is_the_median_of_the_rounds_own_differences() {
        let took = |p99_ms, longest_ms| Latencies { p50_ms: 0.1, p99_ms, longest_ms, errors: 1 };
        let rounds = [
            (took(1.0, 4.0), took(1.5, 5.0)),
            (took(9.0, 30.0), took(9.25, 20.0)),
            (took(1.0, 2.0), took(3.0, 6.0)),
        ];
        let added = added(FIGURES[0], &rounds);
        assert_eq!((added.median_ms, added.spread_ms), (0.5, [0.25, 2.0]));
        assert_eq!((added.without.p99_ms, added.with.p99_ms), (1.0, 3.0));
        assert_eq!((added.without.longest_ms, added.with.longest_ms), (30.0, 20.0));
        assert_eq!(added.with.errors, 3);
    }

    #[test]
    fn there_is_news_for_as_long_as_there_are_requests() {
        for news in [News::More, News::Everything] {
            let times = u32::try_from(news.times(2)).unwrap();
            assert_eq!(news.every() * times, Duration::from_secs(2));
        }
    }
}
