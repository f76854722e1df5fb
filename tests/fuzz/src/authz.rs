//! The authorization service without a port: its real routes over its real engine and an in-memory
//! store, with the policies and entities that ship as examples.
//!
//! Nothing that a target sends changes the store, so every answer is a function of its request.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use authz_service::cache::InProcessCache;
use authz_service::changes::Changes;
use authz_service::decision_point::DecisionPoint;
use authz_service::decisions::Decisions;
use authz_service::entities::Entities;
use authz_service::identity_keys::IdentityKeys;
use authz_service::metrics::Metrics;
use authz_service::policies::{Directory, Policies};
use authz_service::revoke::Revoker;
use authz_service::store::{AdminStore, EntityStore, SqlStore};
use authz_service::trust::Issuers;
use authz_service::wire::{Credentials, Front, PublicUrl, Service, routes};
use axum::body::Body;
use axum::http::{HeaderMap, Request};
use http_body_util::BodyExt as _;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

pub(crate) struct Authz {
    runtime: Runtime,
    front: Front,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    /// With the trailers, which is where gRPC has its status.
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Authz {
    /// On the policies in this folder of `services`, and these entities.
    pub(crate) fn new(policies: &str, entities: &str) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let front = runtime.block_on(front(policies, entities));
        Self { runtime, front }
    }

    pub(crate) fn post(&self, path: &str, content_type: &str, body: Vec<u8>) -> Answer {
        let request = Request::post(path).header("content-type", content_type);
        let request = request.body(Body::from(body)).expect("a request");
        self.runtime.block_on(async {
            let response = self.front.clone().answer(request).await.expect("an answer");
            let (head, body) = response.into_parts();
            let body = body.collect().await.expect("a whole answer");
            let mut headers = head.headers;
            headers.extend(body.trailers().cloned().unwrap_or_default());
            Answer { status: head.status.as_u16(), headers, body: body.to_bytes().to_vec() }
        })
    }
}

async fn front(policies: &str, entities: &str) -> Front {
    let services = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../services"));
    let texts = Directory::new(services.join(policies)).read().expect("policies");
    let policies = Arc::new(Policies::load(&texts).expect("good policies"));
    let store = SqlStore::in_memory().await.expect("a store");
    let entities = Entities::load(&services.join(entities)).expect("entities");
    store.seed(&entities).await.expect("stored entities");
    let store: Arc<dyn AdminStore> = Arc::new(store);
    let reads: Arc<dyn EntityStore> = Arc::clone(&store) as _;
    let decision_point = DecisionPoint::new(policies, reads, Arc::new(InProcessCache::default()));
    let changes = Changes::new(store, decision_point.directory().clone());
    let revoker = Revoker::new(Issuers::default(), changes.clone(), Duration::from_secs(60));
    routes(&Arc::new(Service {
        decision_point,
        credentials: Credentials::parse(None).expect("none"),
        is_open: true,
        max_concurrent: 16,
        changes,
        revoker,
        metrics: Metrics::default(),
        decisions: Decisions::default(),
        is_traced: false,
        draining: watch::channel(false).1,
        decision_max_age: 5,
        identity_keys: IdentityKeys::default(),
        public_url: PublicUrl::parse("http://pdp.test").expect("a URL"),
    }))
}
