//! Redis: what several instances share beside the database, and may lose.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use redis::{AsyncCommands, RedisResult, ScriptInvocation, aio::ConnectionManager};
use tracing::Instrument;

use crate::{
    error::{Error, Result},
    telemetry::span::redis as redis_span,
};

/// How long Redis may take to answer: a request must not wait for a server that is not there.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long Redis is not asked again after it did not answer.
const PAUSE: Duration = Duration::from_secs(5);

/// Connects to Redis; the connection mends itself when it breaks.
///
/// # Errors
/// When the URL is wrong or nobody answers. The message has no credentials in it.
pub async fn connect(url: &str) -> Result<ConnectionManager> {
    let client = redis::Client::open(url).map_err(Error::from)?;
    Ok(ConnectionManager::new(client).await?)
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
