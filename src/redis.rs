//! Redis: what several instances share beside the database, and may lose.

use std::path::Path;

use redis::{
    AsyncCommands, Client, IntoConnectionInfo, TlsCertificates,
    aio::{ConnectionManager, PubSub},
};

use crate::error::{Error, Result};

/// A server of Redis, by which every connection to it is made: encrypted, where its URL is `rediss://`.
#[derive(Clone)]
pub struct Server(Client);

impl Server {
    /// The server that `url` names; `authorities` is a file of certificates of which its own must be one, where those that
    /// the system trusts are not to be.
    ///
    /// # Errors
    /// When the URL is wrong, or there is no certificate in the file. The message has no credentials in it.
    pub fn new(url: &str, authorities: Option<&Path>) -> Result<Self> {
        let Some(file) = authorities else { return Ok(Self(Client::open(url)?)) };
        let told =
            |problem: &dyn std::fmt::Display| Error::internal(format!("REDIS_CA_FILE: {}: {problem}", file.display()));
        let certificates = std::fs::read(file).map_err(|error| told(&error))?;
        if !certificates.windows(10).any(|part| part == b"-----BEGIN") {
            return Err(told(&"has no certificate"));
        }
        let certificates = TlsCertificates { client_tls: None, root_cert: Some(certificates) };
        Ok(Self(Client::build_with_tls(url.into_connection_info()?, certificates)?))
    }

    /// Connects; the connection mends itself when it breaks.
    ///
    /// # Errors
    /// When nobody answers, or not as who they should be. The message has no credentials in it.
    pub async fn connect(&self) -> Result<ConnectionManager> {
        ConnectionManager::new(self.0.clone()).await.map_err(|error| {
            // Of what the network and TLS say; what the server says may repeat what it was sent.
            let cause = if error.is_io_error() { error.to_string() } else { error.category().to_owned() };
            Error::unavailable(format!("redis: {cause}"))
        })
    }

    /// A connection to hear what is published.
    ///
    /// # Errors
    /// As [`Self::connect`].
    pub async fn hear(&self) -> redis::RedisResult<PubSub> {
        self.0.get_async_pubsub().await
    }
}

/// Asks Redis for a sign of life.
///
/// # Errors
/// When there is none.
pub async fn ping(redis: &ConnectionManager) -> Result<()> {
    let _: String = redis.clone().ping().await?;
    Ok(())
}
