//! The ports of one stack: the contract's, or free ones.

use anyhow::{Context, Result, bail};
use claimgate_proc::{Port, port_holder, port_is_free};
use serde_json::{Value, json};

use super::parts::Part;

/// One port per listener. Free ones stay reserved while this lives.
#[derive(Debug)]
pub struct Ports {
    /// The gateway.
    pub gateway: u16,
    /// Envoy's admin interface.
    pub envoy_admin: u16,
    /// The identity provider.
    pub idp: u16,
    /// The identity provider's admin interface: key rotation, counters.
    pub idp_admin: u16,
    /// customer-service
    pub customers: u16,
    /// product-service
    pub products: u16,
    /// authz-service
    pub authz: u16,
    /// authz-service's operators' port, always a free one: the contract names none.
    pub authz_admin: u16,
    /// Redis, always a free port: the contract names none.
    pub redis: u16,
    _reserved: Vec<Port>,
}

impl Ports {
    /// The contract's; the error names a taken one and who holds it.
    pub fn fixed() -> Result<Self> {
        let (redis, admin) = (Port::free()?, Port::free()?);
        let (number, authz_admin) = (redis.number(), admin.number());
        let _reserved = vec![redis, admin];
        let ports = Self { redis: number, authz_admin, _reserved, ..Self::contract() };
        for (port, part) in ports.listeners() {
            if !port_is_free(port) {
                let holder = port_holder(port).unwrap_or_else(|| "another program".to_owned());
                bail!("port {port}, which {part} needs, is taken by {holder}");
            }
        }
        Ok(ports)
    }

    /// Free ones, for stacks that run beside each other.
    pub(super) fn free() -> Result<Self> {
        let mut reserved = Vec::new();
        let mut next = || -> Result<u16> {
            let port = Port::free()?;
            let number = port.number();
            reserved.push(port);
            Ok(number)
        };
        Ok(Self {
            gateway: next()?,
            envoy_admin: next()?,
            idp: next()?,
            idp_admin: next()?,
            customers: next()?,
            products: next()?,
            authz: next()?,
            authz_admin: next()?,
            redis: next()?,
            _reserved: reserved,
        })
    }

    /// Somebody else's, by the names of [`Self::to_json`]; one that is not there is 0.
    pub(super) fn elsewhere(ports: &Value) -> Result<Self> {
        let port = |name: &str| match ports.get(name) {
            None => Ok(0),
            Some(port) => {
                let number = port.as_u64().and_then(|number| u16::try_from(number).ok());
                number.with_context(|| format!("{name}: {port} is no port"))
            }
        };
        Ok(Self {
            gateway: port("gateway")?,
            envoy_admin: port("envoy_admin")?,
            idp: port("idp")?,
            idp_admin: port("idp_admin")?,
            customers: port("customers")?,
            products: port("products")?,
            authz: port("authz")?,
            authz_admin: port("authz_admin")?,
            redis: port("redis")?,
            _reserved: Vec::new(),
        })
    }

    /// All of them by their names, and what services want to be shown.
    pub(super) fn to_json(&self, secret: &str) -> Value {
        json!({
            "secret": secret,
            "gateway": self.gateway,
            "envoy_admin": self.envoy_admin,
            "idp": self.idp,
            "idp_admin": self.idp_admin,
            "customers": self.customers,
            "products": self.products,
            "authz": self.authz,
            "authz_admin": self.authz_admin,
            "redis": self.redis,
        })
    }

    /// What `envoy/envoy.yaml` says; Redis is not in it.
    pub(super) fn contract() -> Self {
        Self {
            gateway: 8080,
            envoy_admin: 9901,
            idp: 8180,
            idp_admin: 8182,
            customers: 8001,
            products: 8002,
            authz: 8003,
            authz_admin: 0,
            redis: 0,
            _reserved: Vec::new(),
        }
    }

    /// The two that are there for everybody.
    pub(super) fn published() -> Self {
        let Self { gateway, idp, .. } = Self::contract();
        Self {
            gateway,
            idp,
            envoy_admin: 0,
            idp_admin: 0,
            customers: 0,
            products: 0,
            authz: 0,
            ..Self::contract()
        }
    }

    /// Where a part takes its requests.
    #[must_use]
    pub fn of(&self, part: Part) -> u16 {
        match part {
            Part::Redis => self.redis,
            Part::Idp => self.idp,
            Part::Authz => self.authz,
            Part::Customers => self.customers,
            Part::Products => self.products,
            Part::Envoy => self.gateway,
        }
    }

    /// `http://localhost:PORT/realms/api-gateway-poc`
    #[must_use]
    pub fn issuer(&self) -> String {
        format!("http://localhost:{}/realms/api-gateway-poc", self.idp)
    }

    fn listeners(&self) -> [(u16, &'static str); 7] {
        [
            (self.gateway, "the gateway"),
            (self.envoy_admin, "Envoy's admin interface"),
            (self.idp, "the identity provider"),
            (self.idp_admin, "the identity provider's admin interface"),
            (self.customers, "customer-service"),
            (self.products, "product-service"),
            (self.authz, "authz-service"),
        ]
    }
}
