//! Networks of clients (RFC 4632, RFC 4291 §2.3).

use std::net::IpAddr;

/// The addresses that begin with the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    start: IpAddr,
    bits: u8,
}

impl Network {
    /// Reads `10.0.0.0/8`, `2001:db8::/32` or one address; `None` for anything else, and where bits
    /// are set that do not count.
    pub fn new(text: &str) -> Option<Self> {
        let (start, bits) = match text.split_once('/') {
            Some((start, bits)) => (start, Some(bits)),
            None => (text, None),
        };
        let start: IpAddr = start.parse().ok()?;
        let most = if start.is_ipv4() { 32 } else { 128 };
        let plain = |bits: &&str| bits.bytes().all(|byte| byte.is_ascii_digit());
        let bits = match bits {
            Some(bits) => Some(bits).filter(plain)?.parse().ok().filter(|bits| *bits <= most)?,
            None => most,
        };
        let network = Self { start, bits };
        let (number, width) = number(start);
        // Addresses of IPv4 are compared as such, however they came: such a network holds none.
        let mapped = matches!(start, IpAddr::V6(start) if start.to_ipv4_mapped().is_some());
        (number & !mask(bits, width) == 0 && !mapped).then_some(network)
    }

    /// Whether an address is in it. One of IPv4 that is written as one of IPv6 is one of IPv4.
    pub fn contains(self, address: IpAddr) -> bool {
        let (of, width) = number(address.to_canonical());
        let (start, own_width) = number(self.start);
        width == own_width && (of ^ start) & mask(self.bits, width) == 0
    }
}

/// An address as a number of so many bits.
fn number(address: IpAddr) -> (u128, u8) {
    match address {
        IpAddr::V4(address) => (u32::from(address).into(), 32),
        IpAddr::V6(address) => (address.into(), 128),
    }
}

/// The first bits of a number of so many.
fn mask(bits: u8, width: u8) -> u128 {
    let ones = |bits: u8| u128::MAX.checked_shr(128 - u32::from(bits)).unwrap_or(0);
    ones(width) & !ones(width.saturating_sub(bits))
}

#[cfg(test)]
mod tests {
    use super::Network;

    #[test]
    fn addresses_are_in_networks_by_their_first_bits() {
        for (network, inside, outside) in [
            (
                "10.0.0.0/8",
                &["10.0.0.0", "10.255.255.255", "::ffff:10.1.2.3"][..],
                &["11.0.0.0", "::a00:1"][..],
            ),
            ("192.0.2.7", &["192.0.2.7"], &["192.0.2.6", "192.0.2.8"]),
            ("192.0.2.128/25", &["192.0.2.128", "192.0.2.255"], &["192.0.2.127"]),
            ("0.0.0.0/0", &["1.2.3.4"], &["::1"]),
            ("2001:db8::/32", &["2001:db8::1", "2001:db8:ffff::"], &["2001:db9::", "1.2.3.4"]),
            ("::/0", &["::1"], &["1.2.3.4"]),
        ] {
            let network = Network::new(network).unwrap();
            assert!(inside.iter().all(|one| network.contains(one.parse().unwrap())), "{network:?}");
            assert!(
                !outside.iter().any(|one| network.contains(one.parse().unwrap())),
                "{network:?}"
            );
        }
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in [
            "",
            "10.0.0.0/33",
            "10.0.0.1/8",
            "10.0.0.0/",
            "10.0.0/8",
            "::1/64",
            "a/8",
            "10.0.0.0/+8",
            "10.0.0.0/8/8",
            "::ffff:10.0.0.0/104",
            "::ffff:10.1.2.3",
        ] {
            assert_eq!(Network::new(text), None, "{text}");
        }
    }
}
