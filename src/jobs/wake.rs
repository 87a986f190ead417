//! Tells workers that there is something in the queue, here and, by Redis, on other instances: so that nobody waits for the
//! next look at it. What is not told is found by that look.

use std::sync::Arc;

use redis::{AsyncCommands, aio::ConnectionManager};
use tokio::sync::Notify;

use crate::{background::Background, ids::Seal};

/// Wakes workers.
#[derive(Clone)]
pub struct Wake {
    here: Arc<Notify>,
    elsewhere: Option<(ConnectionManager, String)>,
    background: Background,
}

impl Wake {
    /// Wakes the workers of this process, and with `redis` those of others.
    #[must_use]
    pub fn new(redis: Option<ConnectionManager>, seal: &Seal, background: Background) -> Self {
        let elsewhere = redis.map(|redis| (redis, Self::channel(seal)));
        Self { here: Arc::default(), elsewhere, background }
    }

    /// The channel of Redis that it is told by.
    #[must_use]
    pub fn channel(seal: &Seal) -> String {
        format!("{}:wake", seal.namespace())
    }

    /// Says that there is something to do, and does not wait.
    pub fn wake(&self) {
        self.here.notify_one();
        let Some((redis, channel)) = self.elsewhere.clone() else { return };
        self.background.start("wake workers", async move {
            let told: Result<(), _> = redis.clone().publish(channel, "").await;
            if let Err(error) = told {
                tracing::debug!(cause = %error, "the workers of other instances were not woken: they look soon");
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
