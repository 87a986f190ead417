//! Redis: what several instances share beside the database, and may lose. Everything goes on without it; docs/failures.md says
//! how.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use redis::{
    AsyncCommands, Client, IntoConnectionInfo, RedisResult, ScriptInvocation, TlsCertificates,
    aio::{ConnectionManager, ConnectionManagerConfig, PubSubStream},
    io::tcp::TcpSettings,
};
use socket2::TcpKeepalive;
use tokio::time::{Instant, timeout};
use tracing::Instrument;

use crate::{
    error::{Error, Result},
    telemetry::span::redis as redis_span,
};

/// How long Redis may take, to be connected to and to answer: nobody is to wait for a server that is not there.
pub const PATIENCE: Duration = Duration::from_secs(2);
/// How long it may leave what was sent to it without a sign that it came. Then the connection is given up, and another is made:
/// a server that is gone without a word would else be waited for until the system gives up, a quarter of an hour later.
const SILENT: Duration = Duration::from_secs(10);
/// How long it is not asked again after it did not answer.
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
        let info = url.into_connection_info()?.set_tcp_settings(tcp());
        let Some(file) = authorities else { return Ok(Self(Client::open(info)?)) };
        let told =
            |problem: &dyn std::fmt::Display| Error::internal(format!("REDIS_CA_FILE: {}: {problem}", file.display()));
        let certificates = std::fs::read(file).map_err(|error| told(&error))?;
        if !certificates.windows(10).any(|part| part == b"-----BEGIN") {
            return Err(told(&"has no certificate"));
        }
        let certificates = TlsCertificates { client_tls: None, root_cert: Some(certificates) };
        Ok(Self(Client::build_with_tls(info, certificates)?))
    }

    /// A connection that is made when it is first used and mends itself when it breaks: where nobody answers now, the service
    /// begins without, and the log says so.
    ///
    /// # Errors
    /// When there can be none.
    pub async fn connect(&self) -> Result<ConnectionManager> {
        // It is tried again by whoever asks next: to try often before that only has this one wait.
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE))
            .set_number_of_retries(1);
        let manager = ConnectionManager::new_lazy_with_config(self.0.clone(), config)?;
        if let Err(error) = ping(&manager).await {
            tracing::warn!(cause = error.report(), "Redis does not answer: it is begun without");
        }
        Ok(manager)
    }

    /// What is published on a channel from now on, until it breaks off.
    ///
    /// # Errors
    /// When Redis does not answer in time.
    pub async fn hear(&self, channel: &str) -> Result<PubSubStream> {
        let subscribe = async {
            let mut subscribed = self.0.get_async_pubsub().await?;
            subscribed.subscribe(channel).await?;
            Ok(subscribed.into_on_message())
        };
        timeout(PATIENCE, subscribe).await.map_err(|_| Error::unavailable("redis: no answer in time"))?
    }
}

/// How connections are kept from waiting for who is gone.
fn tcp() -> TcpSettings {
    let keepalive = TcpKeepalive::new().with_time(SILENT).with_interval(SILENT / 2).with_retries(2);
    let settings = TcpSettings::default().set_keepalive(keepalive);
    #[cfg(target_os = "linux")]
    let settings = settings.set_user_timeout(SILENT);
    settings
}

/// Asks Redis for a sign of life.
///
/// # Errors
/// When there is none in time.
pub async fn ping(redis: &ConnectionManager) -> Result<()> {
    let mut redis = redis.clone();
    let answered = timeout(PATIENCE, redis.ping::<String>()).await;
    answered.map_err(|_| Error::unavailable("redis: no answer in time"))??;
    Ok(())
}

/// Redis, for who can do without an answer of it.
pub struct Patient {
    redis: ConnectionManager,
    /// What is done without an answer, as the log tells it.
    without: &'static str,
    away: Away,
}

impl Patient {
    /// Asks `redis`; `without` is what the log says where it does not answer.
    #[must_use]
    pub fn new(redis: ConnectionManager, without: &'static str) -> Self {
        Self { redis, without, away: Away::default() }
    }

    /// What a script gives; nothing where Redis does not answer in time, or has not just now.
    pub async fn ask<T: redis::FromRedisValue>(&self, script: &ScriptInvocation<'_>) -> Option<T> {
        if self.away.is() {
            return None;
        }
        let mut redis = self.redis.clone();
        let answered: Result<RedisResult<T>, _> =
            timeout(PATIENCE, script.invoke_async(&mut redis)).instrument(redis_span("EVALSHA")).await;
        let cause = match answered {
            Ok(Ok(told)) => return Some(told),
            Ok(Err(error)) => error.category().to_owned(),
            Err(_) => "no answer in time".to_owned(),
        };
        self.away.note();
        tracing::warn!(cause, "{}", self.without);
        None
    }
}

/// Whether Redis was away when somebody last asked, so that for a moment nobody waits for it again.
#[derive(Clone, Debug, Default)]
pub struct Away(Arc<Mutex<Option<Instant>>>);

impl Away {
    /// Whether it is not to be asked now.
    #[must_use]
    pub fn is(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|until| Instant::now() < until)
    }

    /// Notes that it did not answer.
    pub fn note(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_was_away_is_asked_again_after_a_while() {
        let away = Away::default();
        assert!(!away.is());
        away.note();
        assert!(away.clone().is());
        tokio::time::advance(PAUSE).await;
        assert!(!away.is());
    }
}
