//! Sessions, as they begin and as they come with a request.
//!
//! A session's token is 256 random bits. It is told once, to who signed in; what is kept is its SHA-256. Sessions are in the
//! database alone: a request reads its viewer from there anyhow, in one statement with the session, so that one that was
//! ended is nobody's from the next request on, on every instance.
//!
//! A session ends when it is ended, when it was not used for some time, and in any case some time after sign-in (OWASP ASVS
//! 5, 7.3.1 and 7.3.2). Its token changes with what is proved: by every sign-in, which ends the session that the request
//! came with (7.2.4), and by a change of the password (`auth_write::rotate_session`). A change of roles needs no other token,
//! for roles are no part of a session: they are read anew for every request.

use chrono::{Duration, NaiveDateTime};
use diesel::prelude::*;
use sha2::{Digest, Sha256};

use super::Viewer;
use crate::{
    client::Client,
    clock::Clock,
    db::{Db, schema::sessions},
    dispatch,
    error::Result,
    random::Random,
    read,
};

/// How exactly the last use is kept, so that reading does not write each time.
const NOTED_EVERY: Duration = Duration::minutes(5);
/// Characters of what a device says of itself that are kept.
const MAX_DEVICE: usize = 200;

/// How long a session lasts.
#[derive(Clone, Copy, Debug)]
pub struct Lifetime {
    /// From sign-in on, however much it is used.
    pub absolute: Duration,
    /// From its last use on.
    pub idle: Duration,
}

/// Which sessions are in force.
#[derive(Clone, Copy, Debug)]
pub struct InForce {
    /// Those that end after this time, which is now,
    pub now: NaiveDateTime,
    /// and that were used after this one.
    pub used_after: NaiveDateTime,
}

/// A session to keep.
#[derive(Insertable)]
#[diesel(table_name = sessions)]
#[expect(missing_docs, reason = "the API's fields of the same names say what they are")]
pub struct NewSession {
    pub account_id: i64,
    /// SHA-256 of the token.
    pub token_hash: Vec<u8>,
    pub device: Option<String>,
    pub created_at: NaiveDateTime,
    pub last_used_at: NaiveDateTime,
    pub expires_at: NaiveDateTime,
}

/// Begins, finds and ends sessions.
#[derive(Clone)]
pub struct Sessions {
    db: Db,
    clock: Clock,
    random: Random,
    lifetime: Lifetime,
}

impl Sessions {
    /// Sessions that last so long.
    #[must_use]
    pub fn new(db: Db, clock: Clock, random: Random, lifetime: Lifetime) -> Self {
        Self { db, clock, random, lifetime }
    }

    /// How long a session lasts.
    #[must_use]
    pub fn lifetime(&self) -> Lifetime {
        self.lifetime
    }

    /// Which sessions are in force now.
    #[must_use]
    pub fn in_force(&self) -> InForce {
        let now = self.clock.now();
        InForce { now, used_after: now - self.lifetime.idle }
    }

    /// Begins a session of an account on a client's device, and returns its number and its token, which is nowhere else. Those
    /// of the account that have ended by themselves are removed.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn begin(&self, account_id: i64, client: &Client) -> Result<(i64, String)> {
        let token = self.random.token();
        let in_force = self.in_force();
        let new = NewSession {
            account_id,
            token_hash: digest(&token),
            device: client.user_agent.as_deref().and_then(device),
            created_at: in_force.now,
            last_used_at: in_force.now,
            expires_at: in_force.now + self.lifetime.absolute,
        };
        let mut cx = self.db.write().await?;
        dispatch!(cx, auth::delete_ended_sessions(account_id, in_force))?;
        let session = dispatch!(cx, auth::insert_session(&new))?;
        Ok((session, token))
    }

    /// The viewer whose session this is; `None` where there is no such session, it has ended, or the account is not active.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn viewer(&self, token: &str) -> Result<Option<Viewer>> {
        let in_force = self.in_force();
        let rows = read!(self.db, auth::viewer_of_session(digest(token), in_force))?;
        let before = in_force.now - NOTED_EVERY;
        if let Some(row) = rows.first().filter(|row| row.last_used_at <= before)
            && let Err(error) = self.note_use(row.session_id, in_force.now, before).await
        {
            // What reads need not fail because writing does.
            tracing::warn!(cause = error.report(), "the use of a session was not noted");
        }
        Ok(Viewer::from_rows(&rows))
    }

    async fn note_use(&self, session: i64, now: NaiveDateTime, before: NaiveDateTime) -> Result<()> {
        let mut cx = self.db.write().await?;
        dispatch!(cx, auth::note_session_use(session, now, before))
    }

    /// Ends a session; ending one that is not there is no error.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end(&self, session: i64) -> Result<()> {
        let mut cx = self.db.write().await?;
        dispatch!(cx, auth::delete_session(session))
    }
}

/// What a token, a session's or an API key, is kept by.
#[must_use]
pub fn digest(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}

/// What is kept of a `User-Agent`: one line, and not too long; none where it says nothing. Nothing in it can be trusted.
fn device(user_agent: &str) -> Option<String> {
    let line: String = user_agent.chars().filter(|c| !c.is_control()).collect();
    let line: String = line.trim().chars().take(MAX_DEVICE).collect();
    Some(line).filter(|line| !line.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_one_line_and_not_too_long() {
        assert_eq!(
            device(" Mozilla/5.0 (X11)\t\r\nSet-Cookie: a\0\u{7f} ").as_deref(),
            Some("Mozilla/5.0 (X11)Set-Cookie: a")
        );
        for nothing in ["", "  ", "\t\u{1b}\u{85} "] {
            assert_eq!(device(nothing), None, "{nothing:?}");
        }
        let long = device(&"é".repeat(5000)).unwrap();
        assert_eq!(long.chars().count(), MAX_DEVICE);
    }
}
