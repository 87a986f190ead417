//! Redis: what several instances share beside the database, and may lose. Everything goes on without it; docs/failures.md says
//! how.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use redis::{
    AsyncCommands,
    aio::{ConnectionManager, ConnectionManagerConfig},
};
use tokio::time::{Instant, timeout};

use crate::error::{Error, Result};

/// How long Redis may take, to be connected to and to answer: nobody is to wait for a server that is not there.
pub const PATIENCE: Duration = Duration::from_secs(2);
/// How long it is not asked again after it did not answer.
const PAUSE: Duration = Duration::from_secs(5);

/// A connection to Redis, which is made when it is first used and mends itself when it breaks: where nobody answers now, the
/// service begins without, and the log says so.
///
/// # Errors
/// When the URL is wrong. The message has no credentials in it.
pub async fn connect(url: &str) -> Result<ConnectionManager> {
    let client = redis::Client::open(url).map_err(Error::from)?;
    // It is tried again by whoever asks next: to try often before that only has this one wait.
    let config = ConnectionManagerConfig::new()
        .set_connection_timeout(Some(PATIENCE))
        .set_response_timeout(Some(PATIENCE))
        .set_number_of_retries(1);
    let manager = ConnectionManager::new_lazy_with_config(client, config)?;
    if let Err(error) = ping(&manager).await {
        tracing::warn!(cause = error.report(), "Redis does not answer: it is begun without");
    }
    Ok(manager)
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
