//! What the demo's small servers have in common, so that each of them is only its own data.
//!
//! [`serve`] owns the life of a process: listen, say so, drain on a signal. [`shop_service`] puts
//! around a service's routes what the contract (docs/contract.md) asks of every demo service:
//! health, error bodies and the check that a request came through the gateway.
//!
//! Nothing here decides who may see what; the gateway and the services' own routes do.

mod gateway;
mod path;
mod reply;
mod serve;
mod shop;

pub use gateway::{GatewaySecret, InvalidSecret, SECRET_VARIABLE};
pub use path::{InvalidId, Segment, parse_id};
pub use reply::{now, refusal};
pub use serve::{Endpoint, StartError, bind, exit, serve};
pub use shop::shop_service;
