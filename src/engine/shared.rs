//! What the pipelines of one engine share: the policy, the keys, the caches.

use std::rc::Rc;

use crate::authn::{
    AuthnError, Checks, JwksSource, KeySet, RawToken, SignatureVerifier, TokenCache, VerifiedToken,
};
use crate::authz::{Decision, DecisionCache};
use crate::policy::{Policy, ProviderId, ServiceId};
use crate::time::Timestamp;

/// Policy, keys and caches.
#[derive(Debug)]
pub struct Shared {
    policy: Policy,
    sources: Vec<JwksSource>,
    tokens: TokenCache,
    decisions: Vec<DecisionCache>,
    verifier: Box<dyn SignatureVerifier>,
}

impl Shared {
    /// Nothing fetched, nothing cached.
    pub fn new(policy: Policy, verifier: Box<dyn SignatureVerifier>) -> Self {
        let sources = policy.providers.iter();
        let sources = sources.map(|p| JwksSource::new(p.refresh, p.max_stale, p.jwks.timeout));
        let decisions = policy.services.iter().map(|s| DecisionCache::new(s.cache.max_entries));
        Self {
            sources: sources.collect(),
            tokens: TokenCache::default(),
            decisions: decisions.collect(),
            verifier,
            policy,
        }
    }

    /// The policy.
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The signature verifier.
    pub fn verifier(&self) -> &dyn SignatureVerifier {
        &*self.verifier
    }

    /// The provider with this issuer.
    pub fn provider_of(&self, issuer: &str) -> Option<ProviderId> {
        self.policy.providers.iter().position(|provider| *provider.issuer == *issuer)
    }

    /// A provider's demands with its keys; `None` while it has none.
    pub fn checks(&self, id: ProviderId, now: Timestamp) -> Option<Checks<'_>> {
        let provider = self.policy.providers.get(id)?;
        Some(Checks { id, provider, keys: self.sources.get(id)?.keys(now)? })
    }

    /// A provider's key source.
    pub fn source(&mut self, id: ProviderId) -> Option<&mut JwksSource> {
        self.sources.get_mut(id)
    }

    /// What is known of a token.
    pub fn known_token(
        &mut self,
        token: RawToken<'_>,
        now: Timestamp,
    ) -> Option<Result<Rc<VerifiedToken>, AuthnError>> {
        let sources = &self.sources;
        let keys = |id: ProviderId| -> Option<&KeySet> { sources.get(id)?.keys(now) };
        self.tokens.find(token, keys, now)
    }

    /// Remembers a verified token.
    pub fn remember_token(&mut self, token: RawToken<'_>, verified: Rc<VerifiedToken>) {
        self.tokens.insert(token, verified);
    }

    /// The decision on a question, if it is known.
    pub fn known_decision(
        &mut self,
        service: ServiceId,
        question: &[u8],
        now: Timestamp,
    ) -> Option<Rc<Decision>> {
        self.decisions.get_mut(service)?.find(question, now)
    }

    /// Remembers a decision.
    pub fn remember_decision(
        &mut self,
        service: ServiceId,
        question: Rc<[u8]>,
        decision: Rc<Decision>,
        now: Timestamp,
    ) {
        if let Some(cache) = self.decisions.get_mut(service) {
            cache.insert(question, decision, now);
        }
    }

    pub(super) fn fetches_due(&mut self, now: Timestamp) -> Vec<ProviderId> {
        self.each_source(|source| source.is_due(now), |source| source.started(now))
    }

    pub(super) fn lost_fetches(&mut self, now: Timestamp) -> Vec<ProviderId> {
        self.each_source(|source| source.is_lost(now), |source| source.failed(now))
    }

    fn each_source(
        &mut self,
        applies: impl Fn(&JwksSource) -> bool,
        then: impl Fn(&mut JwksSource),
    ) -> Vec<ProviderId> {
        let sources = self.sources.iter_mut().enumerate().filter(|(_, source)| applies(source));
        let note = |(id, source): (_, &mut JwksSource)| {
            then(source);
            id
        };
        sources.map(note).collect()
    }
}
