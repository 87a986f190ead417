//! API keys, as they are made and as they come with a request.
//!
//! A key is `rck_` and 256 random bits. It is shown once, to who makes it; what is kept is its SHA-256, as of a session's
//! token, and its first characters, to tell it from others by. It is looked up anew for each request, so that one that is
//! revoked, has expired, or whose maker is no administrator any more reads nothing from then on.

use chrono::{Duration, NaiveDateTime};
use diesel::prelude::*;

use super::{Role, RoleSet, Viewer, session::digest};
use crate::{db::Db, dispatch, error::Result, random::Random, read, text_enum};

/// What every key begins with, so that one that has got out is found by who looks for it.
const MARK: &str = "rck_";
/// The characters of a key: the mark and 256 bits in base64url. A session's token has fewer.
const LENGTH: usize = MARK.len() + 43;
/// The characters that a key is told by.
const SHOWN: usize = 8;
/// How exactly the last use is kept, so that reading does not write each time.
const NOTED_EVERY: Duration = Duration::minutes(1);

text_enum! {
    /// What an API key may read. None may change anything, and none is a person: there is no SELF to it.
    ApiKeyScope {
        /// As REPORTING: figures of groups, and the names of courses, batches and subjects. No person.
        Aggregates = "AGGREGATES",
        /// As ADMISSION.
        AdmissionRead = "ADMISSION_READ",
        /// As ADMIN: everything, of everybody.
        AdminRead = "ADMIN_READ",
    }
}

impl ApiKeyScope {
    /// The role as which such a key reads.
    #[must_use]
    pub const fn role(self) -> Role {
        match self {
            Self::Aggregates => Role::Reporting,
            Self::AdmissionRead => Role::Admission,
            Self::AdminRead => Role::Admin,
        }
    }
}

/// A new key, whole.
#[must_use]
pub fn make(random: &Random) -> String {
    format!("{MARK}{}", random.token())
}

/// How a key begins: enough to tell it from others by.
#[must_use]
pub fn prefix(key: &str) -> String {
    key.chars().take(SHOWN).collect()
}

/// Whether a token is made like a key, and not like a session's token.
#[must_use]
pub fn is_key(token: &str) -> bool {
    token.len() == LENGTH && token.starts_with(MARK)
}

/// What a viewer is read from where they came with a key.
#[derive(Clone, Debug, Queryable)]
pub struct KeyRow {
    id: i64,
    scope: ApiKeyScope,
    last_used_at: Option<NaiveDateTime>,
}

impl Viewer {
    fn of_key(row: &KeyRow) -> Self {
        Self { key_id: Some(row.id), roles: RoleSet::of(&[row.scope.role()]), ..Self::default() }
    }
}

/// The viewer that a key stands for; `None` where there is no such key, or it is not in force (any more).
pub async fn viewer(db: &Db, now: NaiveDateTime, key: &str) -> Result<Option<Viewer>> {
    let Some(row) = read!(db, auth::viewer_of_key(digest(key), now))? else { return Ok(None) };
    let before = now - NOTED_EVERY;
    if row.last_used_at.is_none_or(|at| at <= before)
        && let Err(error) = note_use(db, row.id, now, before).await
    {
        // What reads need not fail because writing does.
        tracing::warn!(cause = error.report(), "the use of an API key was not noted");
    }
    Ok(Some(Viewer::of_key(&row)))
}

async fn note_use(db: &Db, id: i64, now: NaiveDateTime, before: NaiveDateTime) -> Result<()> {
    let mut cx = db.write().await?;
    dispatch!(cx, auth::note_key_use(id, now, before))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_told_from_a_sessions_token() {
        let random = Random::seeded(1);
        let key = make(&random);
        assert!(is_key(&key));
        assert_eq!((prefix(&key).len(), key.starts_with(&prefix(&key))), (8, true));
        assert_ne!(make(&random), key);
        // A token may happen to begin like a key, and is none.
        let token = random.token();
        for other in [&token, &format!("{MARK}{}", &token[4..]), &key[4..], &key[..46], &format!("{key}a"), ""] {
            assert!(!is_key(other), "{other}");
        }
    }
}
