//! What the pipelines of one engine share: the policy, the keys, the caches.

use std::rc::Rc;
use std::time::Duration;

use super::decisions::{Asked, Decisions};
use super::flights::{FlightId, Inquiry};
use crate::authn::dpop::{Expected, Proof, ReplayCache};
use crate::authn::{
    AuthnError, Caller, Checks, FailedTokens, FetchError, HeaderMemo, Health, JwksSource, KeySet,
    KeyState, Over, ParsedToken, Principal, Progress, RawToken, SignatureVerifier, Thumbprint,
    TokenCache, VerifiedToken,
};
use crate::authz::{CheckError, Decision, Stamp};
use crate::freshness::{Freshness, Standing};
use crate::policy::{Endpoint, KeySource, Policy, Provider, ProviderId, ServiceId};
use crate::shared_data::SharedData;
use crate::time::Timestamp;
use crate::upstream::signed::{Notary, Signer};

/// Policy, keys and caches.
#[derive(Debug)]
pub struct Shared {
    policy: Policy,
    sources: Vec<JwksSource>,
    headers: HeaderMemo,
    tokens: TokenCache,
    failed: FailedTokens,
    proofs: Option<ReplayCache>,
    pub(super) decisions: Decisions,
    freshness: Option<Freshness>,
    verifier: Box<dyn SignatureVerifier>,
    notary: Notary,
    data: Box<dyn SharedData>,
}

/// What a proof has to be for.
#[derive(Clone, Copy, Debug)]
pub struct ProofFor<'r> {
    /// The key that the token is bound to.
    pub key: Thumbprint,
    /// The request's method.
    pub method: &'r str,
    /// Its canonical path.
    pub path: &'r str,
    /// Its token.
    pub token: &'r str,
}

impl Shared {
    /// Nothing cached; keys as far as the VMs that share `data` have them.
    pub fn new(
        policy: Policy,
        verifier: Box<dyn SignatureVerifier>,
        data: Box<dyn SharedData>,
        seed: u64,
    ) -> Self {
        let sources = policy.providers.iter().zip(seed..).map(|(p, seed)| source(p, seed));
        Self {
            sources: sources.collect(),
            headers: HeaderMemo::default(),
            tokens: TokenCache::default(),
            failed: FailedTokens::default(),
            proofs: policy.proofs.as_ref().map(|p| ReplayCache::new(p.max_proofs, p.window)),
            decisions: Decisions::new(&policy),
            freshness: policy.freshness.as_ref().map(|feed| Freshness::new(feed.settings.clone())),
            verifier,
            notary: Notary::new(seed),
            data,
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

    /// Who signs what services are told.
    pub const fn notary(&self) -> &Notary {
        &self.notary
    }

    /// Leaves signing to another than [`Notary::new`] does; whether it works, where it is needed.
    pub(super) fn employ(&mut self, signer: Box<dyn Signer>) -> bool {
        self.notary.employ(signer);
        let key = self.policy.signed_identity.as_ref().map(|signed| &signed.key);
        key.is_none_or(|key| self.notary.passes_self_test(key, &*self.verifier))
    }

    /// The provider with this issuer.
    pub fn provider_of(&self, issuer: &str) -> Option<ProviderId> {
        self.policy.providers.iter().position(|provider| provider.issuer.is(issuer))
    }

    /// A provider's demands with its keys; `None` while it has none.
    pub fn checks(&self, id: ProviderId, now: Timestamp) -> Option<Checks<'_>> {
        let provider = self.policy.providers.get(id)?;
        Some(Checks { id, provider, keys: self.sources.get(id)?.keys(now)? })
    }

    /// Takes over a provider's keys from another VM; whether it had any that were newer.
    pub fn adopt_keys(&mut self, id: ProviderId, now: Timestamp) -> bool {
        let data = &*self.data;
        self.sources.get_mut(id).is_some_and(|source| source.adopt(data, now))
    }

    /// A request has found a provider without keys.
    pub fn want_keys(&mut self, id: ProviderId, now: Timestamp) -> KeyState {
        let (data, source) = (&*self.data, self.sources.get_mut(id));
        source.map_or(KeyState::Unavailable, |source| source.want(data, now))
    }

    /// A request has found a provider without the key its token names.
    pub fn want_key(&mut self, id: ProviderId, kid: Option<&str>, now: Timestamp) -> KeyState {
        let (data, source) = (&*self.data, self.sources.get_mut(id));
        source.map_or(KeyState::Unavailable, |source| source.want_key(kid, data, now))
    }

    /// A fetch made for this key has ended and it is still not there. Whether that can be
    /// believed: not while fetching fails.
    pub fn remember_unknown(&mut self, id: ProviderId, kid: Option<&str>, now: Timestamp) -> bool {
        let Some(source) = self.sources.get_mut(id).filter(|source| !source.is_failing()) else {
            return false;
        };
        source.remember_unknown(kid, now);
        true
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

    /// Whether a token is known to be signed by no key of its provider.
    pub fn known_bad(&mut self, token: RawToken<'_>, now: Timestamp) -> bool {
        let sources = &self.sources;
        let keys = |id: ProviderId| -> Option<&KeySet> { sources.get(id)?.keys(now) };
        self.failed.has(token, keys, now)
    }

    /// Remembers that no key of its provider has signed a token.
    pub fn remember_bad(&mut self, token: RawToken<'_>, id: ProviderId, now: Timestamp) {
        if let Some(keys) = self.sources.get(id).and_then(|source| source.keys(now)) {
            self.failed.insert(token, id, keys, now);
        }
    }

    /// A token that nobody has verified, taken apart.
    pub(crate) fn parse<'t>(&mut self, token: RawToken<'t>) -> Result<ParsedToken<'t>, AuthnError> {
        ParsedToken::parse_with(token, &mut self.headers)
    }

    /// Remembers a verified token.
    pub fn remember_token(&mut self, token: RawToken<'_>, verified: Rc<VerifiedToken>) {
        self.tokens.insert(token, verified);
    }

    /// Checks a proof of possession and uses it up. Where no proofs are checked nobody can tell
    /// whether a token that needs one is its sender's.
    pub fn use_proof(
        &mut self,
        proof: &str,
        request: ProofFor<'_>,
        now: Timestamp,
    ) -> Result<(), AuthnError> {
        let (Some(policy), Some(used)) = (&self.policy.proofs, &mut self.proofs) else {
            return Err(AuthnError::Confirmation);
        };
        let expected = Expected {
            algorithms: policy.algorithms,
            key: request.key,
            method: request.method,
            origin: &policy.origin,
            path: request.path,
            token: request.token,
            window: policy.window,
            nonces: policy.nonces(),
        };
        let fresh = Proof::parse(proof)?.check(&expected, &*self.verifier, now)?;
        Ok(used.admit(fresh, now)?)
    }

    /// How a verified token stands with those who can revoke it.
    pub fn standing(&mut self, token: &VerifiedToken, now: Timestamp) -> Standing {
        let data = &*self.data;
        self.freshness.as_mut().map_or(Standing::Good, |feed| feed.standing(token, data, now))
    }

    /// Whether a verified token is known to be revoked.
    pub fn is_revoked(&self, token: &VerifiedToken, now: Timestamp) -> bool {
        self.freshness.as_ref().is_some_and(|feed| feed.is_revoked(token, now))
    }

    /// What a decision asked for now rests on.
    pub fn stamp(&self, _: &Caller) -> Stamp {
        self.freshness.as_ref().map_or_else(Stamp::default, Freshness::stamp)
    }

    /// Whether nothing that a decision about this caller rests on has changed since.
    pub fn is_current(&self, stamp: Stamp, caller: &Caller) -> bool {
        self.freshness.as_ref().is_none_or(|feed| feed.is_current(stamp, caller))
    }

    /// Whether it has been too long that nobody could say what changed: no kept decision may be
    /// used then.
    pub fn feed_is_stale(&self, now: Timestamp) -> bool {
        self.freshness.as_ref().is_some_and(|feed| feed.is_stale(now))
    }

    /// What is known of revocations and epochs, and where it is shared.
    pub(super) fn freshness(&mut self) -> Option<(&mut Freshness, &dyn SharedData)> {
        Some((self.freshness.as_mut()?, &*self.data))
    }

    /// Whether a decision that was kept may be used for this caller, as far as what it rests on goes.
    pub fn may_use(&self, decision: &Decision, caller: &Caller, now: Timestamp) -> bool {
        !self.feed_is_stale(now) && self.is_current(decision.stamp(), caller)
    }

    /// A decision on a question that is of some use now, fresh or not.
    pub fn kept_decision(
        &mut self,
        service: ServiceId,
        question: &[u8],
        caller: &Caller,
        now: Timestamp,
    ) -> Option<Rc<Decision>> {
        let decision = self.decisions.kept(service, question, now)?;
        self.may_use(&decision, caller, now).then_some(decision)
    }

    /// Asks a decision point, unless somebody has asked the same or nobody answers.
    pub fn ask(
        &mut self,
        service: ServiceId,
        question: &Rc<[u8]>,
        caller: &Caller,
        now: Timestamp,
    ) -> Result<Asked, CheckError> {
        let (inquiry, under_way) = self.inquiry(service, question, caller);
        self.decisions.ask(inquiry, under_way, now)
    }

    /// Asks in the background, for the next request.
    pub fn refresh(
        &mut self,
        service: ServiceId,
        question: &Rc<[u8]>,
        caller: &Caller,
        now: Timestamp,
    ) {
        let (inquiry, under_way) = self.inquiry(service, question, caller);
        self.decisions.refresh(inquiry, under_way, now);
    }

    /// An old decision stands in for one that could not be had.
    pub fn stood_in(&mut self, service: ServiceId) {
        self.decisions.stood_in(service);
    }

    /// What is asked for a caller, and the flight that brings it already if one does.
    fn inquiry(
        &self,
        service: ServiceId,
        question: &Rc<[u8]>,
        caller: &Caller,
    ) -> (Inquiry, Option<FlightId>) {
        let current = |stamp| self.is_current(stamp, caller);
        let under_way = self.decisions.under_way(service, question, &current);
        let token_ends = caller.principal().map_or(Timestamp::MAX, Principal::expires_at);
        let (question, stamp) = (Rc::clone(question), self.stamp(caller));
        (Inquiry { service, question, stamp, token_ends }, under_way)
    }

    /// Decision points, and the policy that says what they are.
    pub(super) const fn decisions(&mut self) -> (&mut Decisions, &Policy) {
        (&mut self.decisions, &self.policy)
    }

    pub(super) fn fetches_due(&mut self, now: Timestamp) -> Vec<ProviderId> {
        let data = &*self.data;
        let sources = self.sources.iter_mut().enumerate();
        sources.filter_map(|(id, source)| source.start(data, now).then_some(id)).collect()
    }

    pub(super) fn fetches_over(&mut self, now: Timestamp) -> Vec<(ProviderId, Over)> {
        let data = &*self.data;
        let sources = self.sources.iter_mut().enumerate();
        sources.filter_map(|(id, source)| Some((id, source.over(data, now)?))).collect()
    }

    pub(super) fn endpoint(&self, id: ProviderId) -> Option<&Endpoint> {
        self.sources.get(id)?.endpoint()
    }

    pub(super) fn answered(
        &mut self,
        id: ProviderId,
        document: &[u8],
        max_age: Option<Duration>,
        now: Timestamp,
    ) -> Option<Result<Progress, FetchError>> {
        self.sources.get_mut(id)?.answered(document, max_age, &*self.data, now)
    }

    pub(super) fn failed(&mut self, id: ProviderId, now: Timestamp) {
        if let Some(source) = self.sources.get_mut(id) {
            source.failed(&*self.data, now);
        }
    }

    pub(super) fn waits_elsewhere(&self) -> bool {
        self.sources.iter().any(JwksSource::is_elsewhere)
    }

    pub(super) fn health(&self, id: ProviderId, now: Timestamp) -> Option<Health> {
        self.sources.get(id)?.health(now)
    }
}

fn source(provider: &Provider, seed: u64) -> JwksSource {
    match &provider.keys {
        KeySource::Fixed(keys) | KeySource::Secret(keys) => JwksSource::fixed(keys.clone()),
        KeySource::Fetched(location, timing) => {
            JwksSource::fetched(provider.issuer.as_str(), location.clone(), *timing, seed)
        }
    }
}
