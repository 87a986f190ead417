//! Redis: what several instances share beside the database, and may lose.

use redis::{AsyncCommands, aio::ConnectionManager};

use crate::error::{Error, Result};

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
