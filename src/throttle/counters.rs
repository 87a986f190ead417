//! The counters, wherever they are kept: in Redis while it answers, else in the process.

use redis::aio::ConnectionManager;

use super::{
    local::{Key, Local, Policy, Taken},
    shared::Shared,
};

pub struct Counters {
    local: Local,
    shared: Option<Shared>,
}

impl Counters {
    pub fn new(redis: Option<ConnectionManager>) -> Self {
        Self { local: Local::default(), shared: redis.map(Shared::new) }
    }

    /// As [`Local::reserve`].
    pub async fn reserve(&self, counters: &[(Key, Policy)], now: i64) -> Result<Vec<u32>, i64> {
        if let Some(shared) = &self.shared
            && let Some(told) = shared.reserve(counters, now).await
        {
            return told;
        }
        self.local.reserve(counters, now)
    }

    /// As [`Local::release`], here and there: a failure may have been counted while Redis did not answer.
    pub async fn release(&self, forgotten: &[Key], given_back: &[(Key, Policy)], now: i64) {
        if let Some(shared) = &self.shared {
            shared.release(forgotten, given_back, now).await;
        }
        self.local.release(forgotten, given_back, now);
    }

    /// As [`Local::take`].
    pub async fn take(&self, key: Key, shares: u64, points: u64, now: i64) -> Taken {
        if let Some(shared) = &self.shared
            && let Some(taken) = shared.take(key, shares, points, now).await
        {
            return taken;
        }
        self.local.take(key, shares, points, now)
    }

    /// As [`Local::count`].
    pub async fn count(&self, key: Key, most: u64, now: i64) -> i64 {
        if let Some(shared) = &self.shared
            && let Some(wait) = shared.count(key, most, now).await
        {
            return wait;
        }
        self.local.count(key, most, now)
    }
}
