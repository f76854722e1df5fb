//! Listening where only this machine can reach us.
//!
//! `localhost` may mean 127.0.0.1 or ::1, so who listens on the one also listens on the other
//! where the machine has it. Other addresses than loopback are never bound.

use std::{
    io::ErrorKind,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
};

use claimgate_demo_server::{StartError, bind};
use tokio::net::TcpListener;

/// How often a free port is sought that is free on both addresses.
const ATTEMPTS: usize = 16;

/// `address`, and the same port on ::1 when `address` is on 127.0.0.1 and the machine has ::1.
pub(crate) async fn on_localhost(
    address: SocketAddr,
) -> Result<(TcpListener, Option<TcpListener>), StartError> {
    if address.ip() != Ipv4Addr::LOCALHOST {
        return Ok((bind(address).await?, None));
    }
    let mut attempt = 1;
    loop {
        let first = bind(address).await?;
        let twin = SocketAddr::from((Ipv6Addr::LOCALHOST, first.local_addr()?.port()));
        match bind(twin).await {
            Ok(second) => return Ok((first, Some(second))),
            Err(error) if !is_taken(&error) => return Ok((first, None)),
            Err(error) if address.port() != 0 || attempt == ATTEMPTS => return Err(error),
            Err(_) => attempt += 1,
        }
    }
}

/// Anything else than a taken port means that there is no ::1 here.
fn is_taken(error: &StartError) -> bool {
    matches!(error, StartError::Bind { source, .. } if source.kind() == ErrorKind::AddrInUse)
}
