//! The product-service process: `product-service --listen 127.0.0.1:8002`.

use std::process::ExitCode;

use clap::Parser;
use product_service::Options;

#[tokio::main]
async fn main() -> ExitCode {
    claimgate_demo_server::exit("product-service", product_service::run(Options::parse()).await)
}
