//! The root context: takes a configuration or refuses it, hands out streams, keeps time.
//!
//! A configuration that cannot be enforced never replaces a good one, and never traps: the host
//! is told no and keeps the listener it has.

use std::hash::{BuildHasher, RandomState};
use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::ContextType;

use super::driver::{Driver, SharedDriver};
use super::host::{self, HostData, Level};
use super::host_signer::HostSigner;
use super::host_verifier::HostVerifier;
use super::stream::Stream;
use crate::authn::{Algorithm, PortableVerifier};
use crate::engine::Engine;
use crate::policy::Policy;
#[cfg(feature = "portable-curves")]
use crate::upstream::signed::PortableSigner;

/// One configuration in one VM.
#[derive(Default)]
pub(super) struct Root {
    driver: Option<SharedDriver>,
    queue: Option<u32>,
}

impl Context for Root {
    fn on_http_call_response(&mut self, token: u32, headers: usize, _: usize, _: usize) {
        if let Some(driver) = &self.driver {
            driver.answered(None, token, headers);
        }
    }
}

impl RootContext for Root {
    fn on_configure(&mut self, _: usize) -> bool {
        let env = |name: &str| std::env::var(name).ok();
        match Policy::from_document(&host::configuration(), &env) {
            Ok(policy) => {
                let routes = policy.routes.iter().count();
                let verifier = verifier();
                host::log(
                    Level::Info,
                    &format!("claimgate {}: {routes} routes", env!("CLAIMGATE_VERSION")),
                );
                self.queue = host::register_queue(&queue_name());
                let data = Box::new(HostData);
                let mut engine = Engine::sharing(policy, Box::new(verifier), data, random("seed"));
                if !signs(&mut engine) {
                    let text = "claimgate: invalid configuration: signed_identity: \
                                the host does not sign, or the key's halves are of two keys";
                    host::log(Level::Error, text);
                    return false;
                }
                let driver = Driver::new(engine, self.queue);
                driver.begin_ticks();
                self.driver = Some(Rc::new(driver));
                true
            }
            Err(error) => {
                host::log(Level::Error, &format!("claimgate: invalid configuration: {error}"));
                false
            }
        }
    }

    fn on_tick(&mut self) {
        if let Some(driver) = &self.driver {
            driver.tend(false);
        }
    }

    fn on_queue_ready(&mut self, queue: u32) {
        if let Some(driver) = self.driver.as_ref().filter(|_| self.queue == Some(queue)) {
            driver.tend(true);
        }
    }

    fn create_http_context(&self, id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream::new(id, self.driver.clone())))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

fn verifier() -> HostVerifier {
    let verifier = HostVerifier::after_self_test();
    if verifier.works().is_empty() {
        host::log(Level::Warn, "claimgate: the host verifies no signatures; using our own");
    }
    let curves = [Algorithm::Es256, Algorithm::Es384, Algorithm::Es512];
    if !curves.iter().all(|one| verifier.works().contains(*one) || PortableVerifier::knows(*one)) {
        let text = "claimgate: the host does not verify all of ES*: such tokens will be refused";
        host::log(Level::Warn, text);
    }
    verifier
}

/// Whether what services are told can be signed: by the host, else by us where this build can.
fn signs(engine: &mut Engine) -> bool {
    #[cfg(feature = "portable-curves")]
    return engine.employ(Box::new(HostSigner)) || engine.employ(Box::new(PortableSigner));
    #[cfg(not(feature = "portable-curves"))]
    return engine.employ(Box::new(HostSigner));
}

/// A name no other VM has: whoever registers a queue last gets its messages.
fn queue_name() -> String {
    format!("claimgate.{:016x}", random("queue"))
}

/// A number nobody can foresee; `purpose` tells one from another.
fn random(purpose: &str) -> u64 {
    RandomState::new().hash_one(purpose)
}
