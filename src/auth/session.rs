//! Sessions: opaque tokens, kept as their SHA-256. They are in the database alone: a request reads its viewer from there
//! anyhow, in one statement with the session.

use chrono::Duration;
use sha2::{Digest, Sha256};

use super::Viewer;
use crate::{clock::Clock, db::Db, dispatch, error::Result, random::Random, read};

/// Makes, finds and ends sessions.
#[derive(Clone)]
pub struct Sessions {
    db: Db,
    clock: Clock,
    random: Random,
    lifetime: Duration,
}

impl Sessions {
    /// Sessions that end `lifetime` after sign-in.
    #[must_use]
    pub fn new(db: Db, clock: Clock, random: Random, lifetime: Duration) -> Self {
        Self { db, clock, random, lifetime }
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
        let mut cx = self.db.write().await?;
        dispatch!(cx, auth::insert_session(account_id, digest(&token), now, now + self.lifetime))?;
        Ok(token)
    }

    /// The viewer whose session this is; `None` when there is no such session, it has ended, or the account is not active.
    pub async fn viewer(&self, token: &str) -> Result<Option<Viewer>> {
        let rows = read!(self.db, auth::viewer_of_session(digest(token), self.clock.now()))?;
        Ok(Viewer::from_rows(&rows))
    }

    /// Ends a session; ending one that is not there is no error.
    pub async fn end(&self, token: &str) -> Result<()> {
        let mut cx = self.db.write().await?;
        dispatch!(cx, auth::delete_session(digest(token)))
    }
}

/// What a session is kept by.
#[must_use]
pub fn digest(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}
