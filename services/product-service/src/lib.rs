//! product-service: one of the two services behind the gateway in the demo.
//!
//! Serves the products of docs/contract.md to everyone the gateway lets through, guests included.
//! It reads no identity header: nothing here depends on who asks.

mod products;

use std::{error::Error, net::SocketAddr, sync::Arc};

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use claimgate_demo_server::{
    Endpoint, GatewaySecret, InvalidId, Segment, bind, parse_id, refusal, serve, shop_service,
};
use claimgate_fetch::{Fetcher, HttpUrl};

use crate::products::{Product, Products};

/// The demo's product service. Takes the secret it shares with the gateway from GATEWAY_SECRET.
#[derive(Debug, clap::Parser)]
#[command(version)]
pub struct Options {
    /// Address to listen on; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:8002")]
    pub listen: SocketAddr,

    /// Ask a running one, for example http://127.0.0.1:8002/products/health, and end: with 0 when it answers 200. For
    /// health checks where there is no shell
    #[arg(long, value_name = "URL", value_parser = HttpUrl::parse)]
    pub check_health: Option<HttpUrl>,
}

/// Serves until the process is told to stop.
///
/// # Errors
/// When the running one that is asked is not healthy, there is no usable secret or the address cannot be bound.
pub async fn run(options: Options) -> Result<(), Box<dyn Error>> {
    if let Some(url) = &options.check_health {
        Fetcher::new()?.get(url).await?;
        return Ok(());
    }
    let router = router(GatewaySecret::from_env()?);
    let listener = bind(options.listen).await?;
    serve(vec![Endpoint { announcement: "listening", listener, router }]).await?;
    Ok(())
}

/// The service, without a socket. Its records are created now.
pub fn router(secret: GatewaySecret) -> Router {
    let routes = Router::new()
        .route("/products", get(list))
        .route("/products/{product_id}", get(item))
        .route("/products/category/{name}", get(category))
        .with_state(Arc::new(Products::demo()));
    shop_service("product-service", "/products/health", routes, |routes| routes, secret)
}

async fn list(State(products): State<Arc<Products>>) -> Response {
    Json(products.all()).into_response()
}

async fn item(
    State(products): State<Arc<Products>>,
    Segment(id): Segment,
) -> Result<Response, InvalidId> {
    let id = parse_id("product_id", &id)?;
    Ok(match products.with_id(id) {
        Some(product) => Json(product).into_response(),
        None => refusal(StatusCode::NOT_FOUND, "Product not found"),
    })
}

async fn category(State(products): State<Arc<Products>>, Segment(name): Segment) -> Response {
    let members: Vec<&Product> = products.in_category(&name).collect();
    Json(members).into_response()
}
