//! What options can be set to, and the other thing that the program does.

use std::time::Duration;

use claimgate_fetch::HttpUrl;
use serde::Deserialize;

/// What logged decisions call their subject.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum LogSubjects {
    /// A keyed hash of its type and id.
    #[default]
    Hashed,
    /// Its id, unless that is an address.
    Plain,
}

/// What the program does beside serving.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum Command {
    /// Print a secret that administers for a while: to begin with, and when nothing else works.
    ///
    /// Needs access to the database, which a service may be using. It is presented as
    /// `Authorization: Bearer …` and is in the audit log under this user's name.
    AdminToken {
        /// How long it works: a number with s, m or h; up to 24h
        #[arg(long, default_value = "15m", value_parser = lifetime)]
        lifetime: Duration,
    },
    /// Ask a running service and end: with 0 when it answers 200.
    ///
    /// For health checks where there is no shell.
    CheckHealth {
        /// What to ask, with or without TLS.
        #[arg(default_value = "http://127.0.0.1:8003/health/ready", value_parser = HttpUrl::parse)]
        url: HttpUrl,
    },
}

/// Longest life of a secret made by `admin-token`.
const LONGEST_LIFETIME: Duration = Duration::from_hours(24);

fn lifetime(text: &str) -> Result<Duration, &'static str> {
    const FORM: &str = "must be a number with s, m or h, from 1s to 24h";
    let unit = text.chars().last().ok_or(FORM)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        _ => return Err(FORM),
    };
    let number = text.strip_suffix(unit).and_then(|number| number.parse::<u64>().ok());
    let lifetime = number.and_then(|number| number.checked_mul(seconds)).map(Duration::from_secs);
    lifetime.filter(|life| (1..=LONGEST_LIFETIME.as_secs()).contains(&life.as_secs())).ok_or(FORM)
}

/// Where policies come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum PoliciesFrom {
    /// The files of `--policies`, followed as they change.
    #[default]
    Directory,
    /// The database, changed over the admin API.
    Store,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}
