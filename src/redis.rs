//! Redis: what several instances share beside the database, and may lose.

use std::{
    path::Path,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use redis::{
    AsyncCommands, Client, IntoConnectionInfo, RedisResult, ScriptInvocation, TlsCertificates,
    aio::{ConnectionManager, PubSub},
};
use tracing::Instrument;

use crate::{
    error::{Error, Result},
    telemetry::span::redis as redis_span,
};

/// How long Redis may take to answer: a request must not wait for a server that is not there.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long Redis is not asked again after it did not answer.
const PAUSE: Duration = Duration::from_secs(5);

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
    pub async fn hear(&self) -> RedisResult<PubSub> {
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

/// Redis, for who can do without an answer of it.
pub struct Patient {
    redis: ConnectionManager,
    /// What is done without an answer, as the log tells it.
    without: &'static str,
    paused_until: Mutex<Option<Instant>>,
}

impl Patient {
    /// Asks `redis`; `without` is what the log says where it does not answer.
    #[must_use]
    pub fn new(redis: ConnectionManager, without: &'static str) -> Self {
        Self { redis, without, paused_until: Mutex::default() }
    }

    /// What a script gives; nothing where Redis does not answer in time, or has not just now.
    pub async fn ask<T: redis::FromRedisValue>(&self, script: &ScriptInvocation<'_>) -> Option<T> {
        let paused = || self.paused_until.lock().unwrap_or_else(PoisonError::into_inner);
        if paused().is_some_and(|until| Instant::now() < until) {
            return None;
        }
        let mut redis = self.redis.clone();
        let answered: Result<RedisResult<T>, _> =
            tokio::time::timeout(PATIENCE, script.invoke_async(&mut redis)).instrument(redis_span("EVALSHA")).await;
        let cause = match answered {
            Ok(Ok(told)) => return Some(told),
            Ok(Err(error)) => error.category().to_owned(),
            Err(_) => "no answer in time".to_owned(),
        };
        *paused() = Some(Instant::now() + PAUSE);
        tracing::warn!(cause, "{}", self.without);
        None
    }
}
