//! The services that all tests share, and one gateway at a time in front of them.

use std::fmt::Display;
use std::ops::Deref;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;

use claimgate_e2e::client::{Reply, Request};
use serde_json::Value;
use xtask::gateway::{Gateway, World};
use xtask::workspace;

/// Services that want the gateway's word for every customer's caller, and the module's image.
pub fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let folder = workspace::target_dir().unwrap().join("gateway/tests");
        World::start(&folder, true).unwrap_or_else(|error| panic!("{error:#}"))
    })
}

/// A gateway that nobody else has. Says what it had to say when its test fails.
pub struct Own {
    gateway: Option<Gateway>,
    _only_one: MutexGuard<'static, ()>,
}

impl Own {
    /// With these manifests.
    pub fn start(manifests: &[Value]) -> Self {
        Self::start_in(world(), manifests)
    }

    /// The same in front of other services.
    pub fn start_in(world: &World, manifests: &[Value]) -> Self {
        Self::from(|| world.gateway(manifests))
    }

    /// With these manifests, also when it does not serve anything.
    pub fn launch(manifests: &[Value]) -> Self {
        Self::from(|| world().launch(manifests))
    }

    fn from<E: Display>(start: impl FnOnce() -> Result<Gateway, E>) -> Self {
        static ONLY_ONE: Mutex<()> = Mutex::new(());
        let only_one = ONLY_ONE.lock().unwrap_or_else(PoisonError::into_inner);
        let gateway = start().unwrap_or_else(|error| panic!("{error:#}"));
        Self { gateway: Some(gateway), _only_one: only_one }
    }
}

impl Deref for Own {
    type Target = Gateway;

    fn deref(&self) -> &Gateway {
        self.gateway.as_ref().unwrap()
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        if let Some(gateway) = self.gateway.take().filter(|_| thread::panicking()) {
            eprintln!("{}", gateway.log_tail(60));
        }
    }
}

/// A GET through the gateway, with a token if there is one.
pub fn get(gateway: &Gateway, path: &str, token: Option<&str>) -> Reply {
    let request = token.iter().fold(Request::get(path), |request, token| request.bearer(token));
    request.send(gateway.address())
}
