//! The way to the other instances: Redis, which may be away.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use redis::{AsyncCommands, aio::ConnectionManager};
use tokio::time::timeout;
use tracing::Instrument;

use crate::{
    error::{Error, Result},
    ids::Seal,
    redis::{Away, PATIENCE},
    telemetry::span,
};

/// What is said by who could not say something before: all are to read what there was.
pub(super) const MISSED: &str = "missed";

/// The way.
#[derive(Clone)]
pub(super) struct Far {
    redis: ConnectionManager,
    channel: String,
    away: Away,
    /// Whether something could not be said, which is then to be read.
    unsaid: Arc<AtomicBool>,
}

impl Far {
    /// The way by `redis`.
    pub(super) fn new(redis: ConnectionManager, seal: &Seal) -> Self {
        let channel = format!("{}:live", seal.namespace());
        Self { redis, channel, away: Away::default(), unsaid: Arc::default() }
    }

    /// The channel that is listened to.
    pub(super) fn channel(&self) -> &str {
        &self.channel
    }

    /// Says a text to all instances; and, where one could not be said before, that there was something.
    ///
    /// # Errors
    /// When Redis does not take it.
    pub(super) async fn say(&self, text: &str) -> Result<()> {
        if !self.away.is() {
            let said = self.publish(text).await;
            if said.is_ok() {
                if self.unsaid.swap(false, Ordering::Relaxed) && self.publish(MISSED).await.is_err() {
                    self.unsaid.store(true, Ordering::Relaxed);
                }
                return said;
            }
            self.away.note();
            tracing::warn!("live: Redis does not take what happens, others find it when they look");
        }
        if !text.is_empty() {
            self.unsaid.store(true, Ordering::Relaxed);
        }
        Err(Error::unavailable("redis: it does not take what is said"))
    }

    async fn publish(&self, text: &str) -> Result<()> {
        let mut redis = self.redis.clone();
        let publish = redis.publish::<_, _, ()>(&self.channel, text).instrument(span::redis("PUBLISH"));
        let said = timeout(PATIENCE, publish).await;
        Ok(said.map_err(|_| Error::unavailable("redis: no answer in time"))??)
    }
}
