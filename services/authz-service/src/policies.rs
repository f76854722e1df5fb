//! The policies that decide, replaceable while they do.
//!
//! Wherever texts come from, they are offered here: [`Policies::offer`] makes an engine of them
//! and swaps it in, or refuses them as a whole and the engine before goes on. Decisions in flight
//! keep the engine they started with. A refusal is logged once for the same content, and stays
//! visible in [`Policies::state`] until something that can be used is offered.
//!
//! Nothing here decides anything, and nothing here is asked for by a decision but the current
//! engine.

mod directory;
pub mod stored;
mod watch;

use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use jiff::Timestamp;
use serde::Serialize;

pub use directory::Directory;
pub use watch::watch;

use crate::engine::{Engine, InvalidPolicies, PolicyVersion, Problem, Source};

/// The texts of a policy set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Texts {
    /// The schema.
    pub schema: Source,
    /// The policies.
    pub policies: Vec<Source>,
}

impl Texts {
    /// The version their engine would have.
    pub fn version(&self) -> PolicyVersion {
        PolicyVersion::of(&self.schema, &self.policies)
    }
}

/// What a check of texts found, when they can be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The version they would have.
    pub version: PolicyVersion,
    /// How many policies they hold.
    pub policies: usize,
    /// What is not wrong but should be looked at, a policy that can never match among it.
    pub warnings: Vec<Problem>,
}

/// Reads and validates `texts` without using them.
pub fn check(texts: &Texts) -> Result<Report, InvalidPolicies> {
    let (engine, warnings) = Engine::load_with_warnings(&texts.schema, &texts.policies)?;
    Ok(Report { version: engine.version().clone(), policies: engine.policy_count(), warnings })
}

/// Which policies decide, since when, and what was refused since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// Version of the policies that decide.
    pub version: PolicyVersion,
    /// When they were taken over.
    pub since: Timestamp,
    /// Why later ones are not used.
    pub last_error: Option<Refused>,
}

impl Loaded {
    /// Whether something newer was offered and could not be used.
    pub fn is_stale(&self) -> bool {
        self.last_error.is_some()
    }
}

/// Texts that were not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// When they were first refused.
    pub since: Timestamp,
    /// Their version; `None` when they could not be read.
    pub version: Option<PolicyVersion>,
    /// What is wrong with them.
    pub error: InvalidPolicies,
}

/// What became of texts that were offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offered {
    /// They are the ones that decide already.
    Same,
    /// They decide from now on.
    Taken,
    /// They cannot be used.
    Refused,
}

/// The engine that decides, and how it came to.
pub struct Policies {
    engine: ArcSwap<Engine>,
    loaded: ArcSwap<Loaded>,
    /// Held while texts are compiled, so that two offers do not overtake each other.
    offering: Mutex<()>,
}

impl Policies {
    /// Starts with `engine`.
    pub fn new(engine: Engine) -> Self {
        let version = engine.version().clone();
        let loaded = Loaded { version, since: Timestamp::now(), last_error: None };
        Self {
            engine: ArcSwap::from_pointee(engine),
            loaded: ArcSwap::from_pointee(loaded),
            offering: Mutex::new(()),
        }
    }

    /// Starts with `texts`.
    pub fn load(texts: &Texts) -> Result<Self, InvalidPolicies> {
        Engine::load(&texts.schema, &texts.policies).map(Self::new)
    }

    /// The engine that decides now.
    pub fn engine(&self) -> Arc<Engine> {
        self.engine.load_full()
    }

    /// What decides now, and what was refused since.
    pub fn state(&self) -> Arc<Loaded> {
        self.loaded.load_full()
    }

    /// Takes `texts` over, or keeps what there is. Takes as long as compiling does.
    pub fn offer(&self, texts: Result<Texts, InvalidPolicies>) -> Offered {
        let _one_at_a_time = self.offering.lock().unwrap_or_else(PoisonError::into_inner);
        let version = texts.as_ref().ok().map(Texts::version);
        let loaded = self.loaded.load_full();
        if version.as_ref() == Some(&loaded.version) {
            self.forget_refused(&loaded);
            return Offered::Same;
        }
        let refused = loaded.last_error.as_ref();
        if version.is_some() && refused.is_some_and(|refused| refused.version == version) {
            return Offered::Refused;
        }
        match texts.and_then(|texts| Engine::load(&texts.schema, &texts.policies)) {
            Ok(engine) => self.take(engine),
            Err(error) => self.refuse(&loaded, version, error),
        }
    }

    fn take(&self, engine: Engine) -> Offered {
        let (version, since) = (engine.version().clone(), Timestamp::now());
        tracing::info!(%version, generation = engine.generation(), "policies loaded");
        self.engine.store(Arc::new(engine));
        self.loaded.store(Arc::new(Loaded { version, since, last_error: None }));
        Offered::Taken
    }

    fn refuse(
        &self,
        loaded: &Loaded,
        version: Option<PolicyVersion>,
        error: InvalidPolicies,
    ) -> Offered {
        let known = loaded.last_error.as_ref();
        if known.is_none_or(|known| known.version != version || known.error != error) {
            tracing::error!(%error, serving = %loaded.version, "policies refused");
            let refused = Refused { since: Timestamp::now(), version, error };
            self.loaded.store(Arc::new(Loaded { last_error: Some(refused), ..loaded.clone() }));
        }
        Offered::Refused
    }

    fn forget_refused(&self, loaded: &Loaded) {
        if loaded.is_stale() {
            tracing::info!(version = %loaded.version, "policies are as loaded again");
            self.loaded.store(Arc::new(Loaded { last_error: None, ..loaded.clone() }));
        }
    }
}

#[cfg(test)]
mod tests;
