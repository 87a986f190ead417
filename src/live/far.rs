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

    /// Says a text to all instances, unless Redis did not take one just now.
    ///
    /// # Errors
    /// When Redis does not take it: then the others find it when they read what there was.
    pub(super) async fn say(&self, text: &str) -> Result<()> {
        if !self.away.is() {
            if let Ok(()) = self.tell(text).await {
                return Ok(());
            }
            tracing::warn!("live: Redis does not take what happens, others find it when they look");
        }
        self.owe();
        Err(Error::unavailable("redis: it does not take what is said"))
    }

    /// Says that this instance is there, whether or not Redis took something just now.
    ///
    /// # Errors
    /// When Redis does not take it.
    pub(super) async fn live(&self) -> Result<()> {
        self.tell("").await
    }

    /// Has the others read what there was, as soon as that can be said.
    pub(super) fn owe(&self) {
        self.unsaid.store(true, Ordering::Relaxed);
    }

    /// Says a text, and that there was something, where something could not be said before.
    async fn tell(&self, text: &str) -> Result<()> {
        let said = self.publish(text).await;
        if said.is_err() {
            self.away.note();
        } else if self.unsaid.swap(false, Ordering::Relaxed) && self.publish(MISSED).await.is_err() {
            self.owe();
        }
        said
    }

    async fn publish(&self, text: &str) -> Result<()> {
        let mut redis = self.redis.clone();
        let publish = redis.publish::<_, _, ()>(&self.channel, text).instrument(span::redis("PUBLISH"));
        let said = timeout(PATIENCE, publish).await;
        Ok(said.map_err(|_| Error::unavailable("redis: no answer in time"))??)
    }
}
