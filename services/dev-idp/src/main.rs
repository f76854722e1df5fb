//! The dev-idp process: `dev-idp --development --listen 127.0.0.1:8180`.

use std::process::ExitCode;

use clap::Parser;
use dev_idp::Options;

#[tokio::main]
async fn main() -> ExitCode {
    claimgate_demo_server::exit("dev-idp", dev_idp::run(Options::parse()).await)
}
