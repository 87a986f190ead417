//! Sessions: opaque tokens, kept as their SHA-256 in the database, or in Redis when that is configured.

use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::Duration;
use redis::{AsyncCommands, aio::ConnectionManager};
use sha2::{Digest, Sha256};

use super::Viewer;
use crate::{
    clock::Clock,
    db::Db,
    dispatch,
    error::{Error, Result},
    random::Random,
};

/// Makes, finds and ends sessions.
#[derive(Clone)]
pub struct Sessions {
    db: Db,
    clock: Clock,
    random: Random,
    lifetime: Duration,
    redis: Option<ConnectionManager>,
}

/// Whose sessions a change ends: noted by the change, and ended with it wherever they are kept.
#[derive(Debug, Default)]
pub struct Ended(Mutex<Vec<(i64, Vec<u8>)>>);

impl Ended {
    /// Notes that the sessions of an account end, but for the one with the digest `keep`; empty where none is kept.
    pub fn note(&self, account: i64, keep: &[u8]) {
        self.lock().push((account, keep.to_owned()));
    }

    /// What was noted; from here on it is not.
    pub fn take(&self) -> Vec<(i64, Vec<u8>)> {
        std::mem::take(&mut self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(i64, Vec<u8>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sessions {
    /// Sessions that end `lifetime` after sign-in; in Redis if there is one, so that the database is asked less.
    #[must_use]
    pub fn new(db: Db, clock: Clock, random: Random, lifetime: Duration, redis: Option<ConnectionManager>) -> Self {
        Self { db, clock, random, lifetime, redis }
    }

    /// Asks Redis, where sessions are kept there, for a sign of life.
    pub async fn ping(&self) -> Result<()> {
        if let Some(redis) = &self.redis {
            let _: String = redis.clone().ping().await?;
        }
        Ok(())
    }

    /// How long a session lasts.
    #[must_use]
    pub fn lifetime(&self) -> Duration {
        self.lifetime
    }

    /// Begins a session and returns its token, which is nowhere else.
    pub async fn begin(&self, account_id: i64) -> Result<String> {
        let token = self.random.token();
        let now = self.clock.now();
        match &self.redis {
            Some(redis) => {
                let seconds = u64::try_from(self.lifetime.num_seconds()).unwrap_or(0);
                let (key, of_account) = (redis_key(&token), account_key(account_id));
                let (ended, ends) = (now.and_utc().timestamp(), (now + self.lifetime).and_utc().timestamp());
                let mut both = redis::pipe();
                both.atomic().set_ex(key, account_id, seconds).ignore();
                both.zrembyscore(&of_account, "-inf", ended).ignore();
                both.zadd(&of_account, digest(&token), ends).ignore().expire(&of_account, self.lifetime.num_seconds());
                let () = both.query_async(&mut redis.clone()).await?;
            }
            None => {
                let mut cx = self.db.write().await?;
                dispatch!(cx, auth::insert_session(account_id, digest(&token), now, now + self.lifetime))?;
            }
        }
        Ok(token)
    }

    /// The viewer whose session this is; `None` when there is no such session, it has ended, or the account is not active.
    pub async fn viewer(&self, token: &str) -> Result<Option<Viewer>> {
        let rows = match &self.redis {
            Some(redis) => {
                let account: Option<i64> = redis.clone().get(redis_key(token)).await?;
                let Some(account) = account else { return Ok(None) };
                let mut cx = self.db.read().await?;
                dispatch!(cx, auth::viewer_of_account(account))?
            }
            None => {
                let mut cx = self.db.read().await?;
                dispatch!(cx, auth::viewer_of_session(digest(token), self.clock.now()))?
            }
        };
        Ok(Viewer::from_rows(&rows))
    }

    /// Ends a session; ending one that is not there is no error.
    pub async fn end(&self, token: &str) -> Result<()> {
        match &self.redis {
            Some(redis) => {
                let account: Option<i64> = redis.clone().get_del(redis_key(token)).await?;
                if let Some(account) = account {
                    let _: () = redis.clone().zrem(account_key(account), digest(token)).await?;
                }
            }
            None => {
                let mut cx = self.db.write().await?;
                dispatch!(cx, auth::delete_session(digest(token)))?;
            }
        }
        Ok(())
    }

    /// Ends, where sessions are kept in Redis, what a change has ended in the database already. It comes before the change
    /// is committed, so that there is none without it; and after the account was written to, so that a session that begins
    /// meanwhile waits for the change, sees it, and ends itself.
    pub async fn end_with(&self, ended: &Ended) -> Result<()> {
        for (account, keep) in ended.take() {
            self.end_in_redis(account, &keep).await?;
        }
        Ok(())
    }

    async fn end_in_redis(&self, account_id: i64, keep: &[u8]) -> Result<()> {
        let Some(redis) = &self.redis else { return Ok(()) };
        let of_account = account_key(account_id);
        let mut digests: Vec<Vec<u8>> = redis.clone().zrange(&of_account, 0, -1).await?;
        digests.retain(|digest| digest != keep);
        if digests.is_empty() {
            return Ok(());
        }
        let keys: Vec<Vec<u8>> = digests.iter().map(|digest| session_key(digest)).collect();
        let mut both = redis::pipe();
        both.atomic().del(keys).ignore().zrem(of_account, digests).ignore();
        Ok(both.query_async(&mut redis.clone()).await?)
    }
}

/// Connects to Redis; the connection mends itself when it breaks.
///
/// # Errors
/// When the URL is wrong or nobody answers. The message has no credentials in it.
pub async fn connect_redis(url: &str) -> Result<ConnectionManager> {
    let client = redis::Client::open(url).map_err(Error::from)?;
    Ok(ConnectionManager::new(client).await?)
}

/// What a session is kept by.
#[must_use]
pub fn digest(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}

fn redis_key(token: &str) -> Vec<u8> {
    session_key(&digest(token))
}

/// The key in Redis: the namespace, its version, and the token's digest.
fn session_key(digest: &[u8]) -> Vec<u8> {
    [b"rollcall:1:session:", digest].concat()
}

/// The key of an account's sessions in Redis: their digests, sorted by when they end.
fn account_key(account_id: i64) -> String {
    format!("rollcall:1:account:{account_id}")
}
