//! The customer-service process: `customer-service --listen 127.0.0.1:8001`.

use std::process::ExitCode;

use clap::Parser;
use customer_service::Options;

#[tokio::main]
async fn main() -> ExitCode {
    claimgate_demo_server::exit("customer-service", customer_service::run(Options::parse()).await)
}
