//! From where a request comes.

use std::net::{IpAddr, Ipv6Addr};

/// From where a request comes, as far as its connection tells, or a proxy that is trusted to tell.
#[derive(Clone, Debug, Default)]
pub struct Client {
    /// The address that it is from.
    pub address: Option<IpAddr>,
    /// Whether it came over HTTPS, which ends at a trusted proxy: without one, nothing did.
    pub secure: bool,
    /// What its `User-Agent` says it is; nothing that could be trusted.
    pub user_agent: Option<String>,
    /// What it was given to be known by when it signed in before (`throttle`).
    pub device: Option<String>,
}

impl Client {
    /// The address that tries and costs are counted by: of IPv6 the /64, all of which one subscriber has (RFC 6177).
    #[must_use]
    pub fn network(&self) -> String {
        match self.address.map(|address| address.to_canonical()) {
            Some(IpAddr::V4(address)) => address.to_string(),
            Some(IpAddr::V6(address)) => {
                let network = u128::from(address) >> 64 << 64;
                Ipv6Addr::from(network).to_string()
            }
            None => String::new(),
        }
    }
}
