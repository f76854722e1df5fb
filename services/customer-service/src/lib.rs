//! customer-service: one of the two services behind the gateway in the demo.
//!
//! Serves the customers of docs/contract.md to whom the identity headers name, or, where it is told
//! to, to whom the gateway's signed statement names (docs/signed-identity.md). It never verifies a
//! client's token and never looks up a role: the gateway did, and the shared secret shows that the
//! headers are the gateway's. `caller` says who asks, `customers` what there is and whose.

mod caller;
mod customers;

use std::{error::Error, net::SocketAddr, sync::Arc};

use axum::{
    Extension, Json, Router,
    extract::State,
    http::StatusCode,
    middleware::from_fn_with_state,
    response::{IntoResponse, Response},
    routing::get,
};
use claimgate_demo_server::{
    Endpoint, GatewaySecret, InvalidId, Segment, bind, parse_id, refusal, serve, shop_service,
};
use claimgate_fetch::{Fetcher, HttpUrl};
use claimgate_signed_identity::{IdentityOptions, SignedIdentity, require};

use crate::{
    caller::{ByHeaders, Caller},
    customers::{Customer, Customers},
};

/// The demo's customer service. Takes the secret it shares with the gateway from GATEWAY_SECRET.
#[derive(Debug, clap::Parser)]
#[command(version)]
pub struct Options {
    /// Address to listen on; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:8001")]
    pub listen: SocketAddr,

    /// Ask a running one, for example http://127.0.0.1:8001/customers/health, and end: with 0 when it answers 200. For
    /// health checks where there is no shell
    #[arg(long, value_name = "URL", value_parser = HttpUrl::parse)]
    pub check_health: Option<HttpUrl>,

    /// What is asked of callers beside the secret.
    #[command(flatten)]
    pub identity: IdentityOptions,
}

/// Serves until the process is told to stop.
///
/// # Errors
/// When the running one that is asked is not healthy, there is no usable secret, an option makes no sense or the address cannot be bound.
pub async fn run(options: Options) -> Result<(), Box<dyn Error>> {
    if let Some(url) = &options.check_health {
        Fetcher::new()?.get(url).await?;
        return Ok(());
    }
    let router = router(GatewaySecret::from_env()?, options.identity.required()?);
    let listener = bind(options.listen).await?;
    serve(vec![Endpoint { announcement: "listening", listener, router }]).await?;
    Ok(())
}

/// The service, without a socket. Its records are created now. Callers are who their signed
/// `identity` says where one is required, else who the identity headers say.
pub fn router(secret: GatewaySecret, identity: Option<SignedIdentity>) -> Router {
    let routes = Router::new()
        .route("/customers", get(list))
        .route("/customers/{customer_id}", get(item))
        .with_state(Arc::new(Customers::demo()));
    let guard = |routes: Router| match identity {
        Some(identity) => routes.layer(from_fn_with_state(Arc::new(identity), require)),
        None => routes.layer(Extension(ByHeaders)),
    };
    shop_service("customer-service", "/customers/health", routes, guard, secret)
}

async fn list(State(customers): State<Arc<Customers>>, caller: Caller) -> Response {
    let visible: Vec<&Customer> = customers.iter().filter(|one| caller.may_see(one)).collect();
    Json(visible).into_response()
}

/// Only a manager learns whether an id exists: everyone else gets the same refusal for a record
/// that is not theirs and for none.
async fn item(
    State(customers): State<Arc<Customers>>,
    caller: Caller,
    Segment(id): Segment,
) -> Result<Response, Refusal> {
    let id = parse_id("customer_id", &id).map_err(Refusal::Id)?;
    match customers.with_id(id) {
        Some(customer) if caller.may_see(customer) => Ok(Json(customer).into_response()),
        None if caller.is_manager() => Err(Refusal::NotFound),
        _ => Err(Refusal::NotTheirs),
    }
}

enum Refusal {
    Id(InvalidId),
    NotFound,
    NotTheirs,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Id(invalid) => invalid.into_response(),
            Self::NotFound => refusal(StatusCode::NOT_FOUND, "Customer not found."),
            Self::NotTheirs => refusal(
                StatusCode::FORBIDDEN,
                "Access denied: You are not authorized to view this customer.",
            ),
        }
    }
}
