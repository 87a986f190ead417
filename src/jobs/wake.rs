//! Tells workers that there is something in the queue, here and, by Redis, on other instances: so that nobody waits for the
//! next look at it. What is not told is found by that look.

use std::sync::Arc;

use redis::{AsyncCommands, aio::ConnectionManager};
use tokio::{sync::Notify, time::timeout};

use crate::{
    background::Background,
    ids::Seal,
    redis::{Away, PATIENCE},
};

/// Wakes workers.
#[derive(Clone)]
pub struct Wake {
    here: Arc<Notify>,
    elsewhere: Option<(ConnectionManager, String)>,
    away: Away,
    background: Background,
}

impl Wake {
    /// Wakes the workers of this process, and with `redis` those of others.
    #[must_use]
    pub fn new(redis: Option<ConnectionManager>, seal: &Seal, background: Background) -> Self {
        let elsewhere = redis.map(|redis| (redis, Self::channel(seal)));
        Self { here: Arc::default(), elsewhere, away: Away::default(), background }
    }

    /// The channel of Redis that it is told by.
    #[must_use]
    pub fn channel(seal: &Seal) -> String {
        format!("{}:wake", seal.namespace())
    }

    /// Says that there is something to do, and does not wait.
    pub fn wake(&self) {
        self.here.notify_one();
        let Some((mut redis, channel)) = self.elsewhere.clone() else { return };
        // Whoever waits for Redis takes a place of what goes on in the background.
        if self.away.is() {
            return;
        }
        let away = self.away.clone();
        self.background.start("wake workers", async move {
            if !matches!(timeout(PATIENCE, redis.publish::<_, _, ()>(channel, "")).await, Ok(Ok(()))) {
                away.note();
                tracing::debug!("the workers of other instances were not woken: they look soon");
            }
        });
    }

    /// The same for the workers of this process alone.
    pub fn wake_here(&self) {
        self.here.notify_one();
    }

    /// Waits until somebody says so.
    pub async fn woken(&self) {
        self.here.notified().await;
    }
}
