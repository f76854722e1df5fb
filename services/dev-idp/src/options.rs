//! The command line, and what it takes to start.
//!
//! Every reason not to start is checked before anything listens: not said to be for development,
//! an address that others could reach, an unusable key or issuer.

use std::{
    error::Error,
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use claimgate_demo_server::{Endpoint, bind, serve};
use claimgate_fetch::{Fetcher, HttpUrl};
use tokio::task::spawn_blocking;

use crate::{
    InvalidKey, Issuer, KeyRing, Realm, SigningKey, Users, admin_router, listen::on_localhost,
    realm_router,
};

/// The demo's identity provider: one realm, published passwords, throw-away keys. For development
/// only.
#[derive(Debug, clap::Parser)]
#[command(version)]
pub struct Options {
    /// Say that this is for development; required
    #[arg(long)]
    pub development: bool,
    /// Loopback address to listen on; 127.0.0.1 also means ::1, port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:8180")]
    pub listen: SocketAddr,
    /// Issuer in tokens and discovery [default: http://localhost:PORT/realms/api-gateway-poc]
    #[arg(long)]
    pub issuer: Option<String>,
    /// Loopback address for rotating keys and reading counts; off unless given
    #[arg(long)]
    pub admin_listen: Option<SocketAddr>,
    /// RSA key in PKCS#8 PEM to sign with; a new one is made unless given
    #[arg(long, value_name = "FILE.pem")]
    pub signing_key: Option<PathBuf>,
    /// How long a token lives, in seconds
    #[arg(long, value_name = "SECS", default_value_t = 300,
          value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub token_lifetime: u64,
    /// Ask a running one, for example http://127.0.0.1:8180/realms/api-gateway-poc, and end: with 0
    /// when it answers 200. For health checks where there is no shell
    #[arg(long, value_name = "URL", value_parser = HttpUrl::parse)]
    pub check_health: Option<HttpUrl>,
}

/// Why it does not start.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Not said to be for development.
    #[error(
        "this identity provider is for development only: its passwords are published and its \
         keys are throw-away. Start it with --development if that is what you want"
    )]
    NotForDevelopment,
    /// Others could reach it.
    #[error(
        "{flag} {address} is not a loopback address: this identity provider may not be reachable \
         from other machines. Use 127.0.0.1 or [::1]"
    )]
    NotLoopback {
        /// The flag.
        flag: &'static str,
        /// Its value.
        address: SocketAddr,
    },
    /// The key file cannot be read.
    #[error("--signing-key {}: {source}", path.display())]
    UnreadableKey {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The key file does not hold a key to sign with.
    #[error("--signing-key {}: {source}", path.display())]
    UnusableKey {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: InvalidKey,
    },
}

/// Serves until the process is told to stop.
///
/// # Errors
/// When the running one that is asked is not healthy or something speaks against starting; the text says what to do.
pub async fn run(options: Options) -> Result<(), Box<dyn Error>> {
    if let Some(url) = &options.check_health {
        Fetcher::new()?.get(url).await?;
        return Ok(());
    }
    refuse_exposure(&options)?;
    let issuer = options.issuer.map(Issuer::new).transpose()?;
    let signing_key = options.signing_key.as_deref().map(read_key).transpose()?;
    let users = Users::demo()?;
    let keys = spawn_blocking(move || make_keys(signing_key)).await??;

    let (listener, twin) = on_localhost(options.listen).await?;
    let issuer = match issuer {
        Some(issuer) => issuer,
        None => Issuer::on_localhost(listener.local_addr()?.port()),
    };
    let realm = Arc::new(Realm::new(issuer, keys, users, options.token_lifetime));
    let router = realm_router(Arc::clone(&realm));
    let mut endpoints =
        vec![Endpoint { announcement: "listening", listener, router: router.clone() }];
    endpoints.extend(twin.map(|listener| Endpoint {
        announcement: "also listening",
        listener,
        router,
    }));
    if let Some(address) = options.admin_listen {
        let listener = bind(address).await?;
        let router = admin_router(realm);
        endpoints.push(Endpoint { announcement: "admin listening", listener, router });
    }
    Ok(serve(endpoints).await?)
}

fn refuse_exposure(options: &Options) -> Result<(), Refusal> {
    if !options.development {
        return Err(Refusal::NotForDevelopment);
    }
    let addresses = [("--listen", Some(options.listen)), ("--admin-listen", options.admin_listen)];
    for (flag, address) in addresses {
        if let Some(address) = address.filter(|address| !address.ip().is_loopback()) {
            return Err(Refusal::NotLoopback { flag, address });
        }
    }
    Ok(())
}

fn read_key(path: &Path) -> Result<SigningKey, Refusal> {
    let pem = fs::read_to_string(path)
        .map_err(|source| Refusal::UnreadableKey { path: path.to_owned(), source })?;
    SigningKey::from_pem(&pem)
        .map_err(|source| Refusal::UnusableKey { path: path.to_owned(), source })
}

fn make_keys(signing: Option<SigningKey>) -> Result<KeyRing, InvalidKey> {
    KeyRing::new(signing.map_or_else(SigningKey::generate, Ok)?)
}
