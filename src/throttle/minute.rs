//! How many of something there may be in a minute.

use std::time::Duration;

use redis::aio::ConnectionManager;

use super::{counters::Counters, local::Key};
use crate::{clock::Clock, ids::Seal};

/// So many of something in a minute: over all instances where there is Redis, in this process otherwise. The minute begins
/// with the first one.
pub struct PerMinute {
    clock: Clock,
    counters: Counters,
    key: Key,
    most: u64,
}

impl PerMinute {
    /// `most` a minute of what is called `what`.
    #[must_use]
    pub fn new(what: &str, most: u64, clock: Clock, seal: &Seal, redis: Option<ConnectionManager>) -> Self {
        Self { clock, counters: Counters::new(redis), key: seal.digest(&["per minute", what]), most }
    }

    /// Takes one of them.
    ///
    /// # Errors
    /// When there were as many as there may be: the rest of the minute.
    pub async fn take(&self) -> Result<(), Duration> {
        let now = self.clock.now().and_utc().timestamp_millis();
        let wait = self.counters.count(self.key, self.most, now).await;
        match u64::try_from(wait) {
            Ok(wait) if wait > 0 => Err(Duration::from_millis(wait)),
            _ => Ok(()),
        }
    }
}
