//! From where a request comes.

use std::net::IpAddr;

/// From where a request comes, as far as its connection and its headers tell.
#[derive(Clone, Debug, Default)]
pub struct Client {
    /// The address that the connection is from.
    pub address: Option<IpAddr>,
    /// What its `User-Agent` says it is; nothing that could be trusted.
    pub user_agent: Option<String>,
}
