//! Whether an administrator may do something to a part of the API: by Cedar, as everything else
//! here is decided. The policies are built in, because whoever could change them could give
//! themselves every right.

use claimgate_authz_api::{Action, EvaluationRequest, Properties, Resource, Subject};

use super::access::Administrator;
use crate::engine::{Engine, InvalidPolicies, Question, Source};

const SCHEMA: &str = include_str!("policies/schema.cedarschema");
const POLICIES: &str = include_str!("policies/admin.cedar");

/// What an endpoint needs: something that is done to an area.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Permission {
    pub(crate) action: &'static str,
    pub(crate) area: &'static str,
}

/// Decides who may do what.
pub(super) struct Permissions(Engine);

impl Permissions {
    pub(super) fn built_in() -> Result<Self, InvalidPolicies> {
        let source = |file: &str, text: &str| Source { file: file.into(), text: text.into() };
        let schema = source("admin/schema.cedarschema", SCHEMA);
        Engine::load(&schema, &[source("admin/admin.cedar", POLICIES)]).map(Self)
    }

    pub(super) fn allow(&self, who: &Administrator, what: Permission) -> bool {
        let request = EvaluationRequest {
            subject: Subject {
                kind: "Administrator".into(),
                id: who.actor.as_str().into(),
                properties: Properties::new(),
            },
            action: Action { name: what.action.into(), properties: Properties::new() },
            resource: Resource {
                kind: "Area".into(),
                id: what.area.into(),
                properties: Properties::new(),
            },
            context: Properties::new(),
        };
        let none = Properties::new();
        let (subject, resource, slot) = (&none, &none, None);
        let roles = &who.roles;
        self.0.decide(&Question { request: &request, roles, subject, resource, slot }).decision
    }
}

#[cfg(test)]
mod tests {
    use super::super::routes::ENDPOINTS;
    use super::*;

    fn allowed(role: &str, action: &'static str, area: &'static str) -> bool {
        let who = Administrator::new("admin:a", [role]).unwrap();
        Permissions::built_in().unwrap().allow(&who, Permission { action, area })
    }

    #[test]
    fn each_role_may_do_what_its_name_says() {
        for area in ["subjects", "grants", "revocations", "invalidations", "policies", "audit"] {
            let handed_out = ["grants", "revocations", "invalidations"].contains(&area);
            for (role, reads, changes) in
                [("viewer", true, false), ("operator", true, handed_out), ("admin", true, true)]
            {
                assert_eq!(allowed(role, "read", area), reads, "{role} {area}");
                assert_eq!(allowed(role, "change", area), changes, "{role} {area}");
            }
            for role in ["guest", "Admin", "administrator"] {
                assert!(!allowed(role, "read", area) && !allowed(role, "change", area));
            }
        }
    }

    #[test]
    fn every_endpoint_that_changes_something_needs_the_right_to() {
        for endpoint in ENDPOINTS {
            let changes = endpoint.permission.action == "change";
            let only_asks = ["/policies/check", "/explain"].contains(&endpoint.path);
            assert_eq!(changes, endpoint.method != "GET" && !only_asks, "{}", endpoint.path);
        }
    }
}
