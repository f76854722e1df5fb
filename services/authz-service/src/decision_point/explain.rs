//! Why a question is answered the way it is: the way of an evaluation, with the engine telling.

use claimgate_authz_api::EvaluationRequest;
use jiff::Timestamp;

use super::DecisionPoint;
use crate::directory::Identity;
use crate::engine::{Detail, Explanation, Question};
use crate::roles::RoleName;
use crate::store::StoreError;

impl DecisionPoint {
    /// Answers `request` as [`DecisionPoint::evaluate`] does and tells why, attribute values
    /// included. For administrators only.
    pub async fn explain(&self, request: &EvaluationRequest) -> Result<Explanation, StoreError> {
        let identity = Identity::of_subject(&request.subject);
        let subject = self.find(&identity).await?;
        let granted = self.granted(&identity).await?;
        let engine = self.policies.engine();
        let resource = self.resource(&engine, request).await?;
        let source = |role: &RoleName| {
            let granted = granted.as_ref()?;
            Some(if granted.contains(role) { "granted" } else { "inherited" }.to_owned())
        };
        let question = Question {
            request,
            roles: &subject.roles,
            subject: &subject.properties,
            resource: &resource,
            slot: None,
        };
        Ok(engine.explain(&question, &Detail { values: true, source_of: Some(&source) }))
    }

    /// The roles that the subject was given itself; `None` for one that is not stored.
    async fn granted(&self, identity: &Identity) -> Result<Option<Vec<RoleName>>, StoreError> {
        let found = match identity {
            Identity::Subject { kind, id } => self.store.subject(kind, id).await?,
            Identity::VerifiedEmail(email) => self.store.subject_by_email(email).await?,
            Identity::Anonymous | Identity::UnverifiedEmail => None,
        };
        Ok(found.map(|subject| subject.roles_at(Timestamp::now()).names))
    }
}
