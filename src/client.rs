//! From where a request comes.

use std::net::IpAddr;

/// From where a request comes, as far as its connection tells, or a proxy that is trusted to tell.
#[derive(Clone, Debug, Default)]
pub struct Client {
    /// The address that it is from.
    pub address: Option<IpAddr>,
    /// Whether it came over HTTPS, which ends at a trusted proxy: without one, nothing did.
    pub secure: bool,
    /// What its `User-Agent` says it is; nothing that could be trusted.
    pub user_agent: Option<String>,
}
