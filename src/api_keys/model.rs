//! An API key's row, and what lists of keys are filtered by.

use async_graphql::InputObject;
use chrono::NaiveDateTime;
use diesel::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{auth::key::ApiKeyScope, db::schema::api_keys, graphql::Row};

/// The days that a key may be in force, at most.
pub const MAX_DAYS: i32 = 366;

/// An API key: not what it is kept by.
#[derive(Clone, Debug, Queryable, Selectable, Serialize)]
#[diesel(table_name = api_keys)]
#[expect(missing_docs, reason = "the API's fields of the same names say what they are")]
pub struct ApiKeyRow {
    pub id: i64,
    pub name: String,
    pub prefix: String,
    pub scope: ApiKeyScope,
    pub created_by: i64,
    pub created_at: NaiveDateTime,
    pub expires_at: NaiveDateTime,
    /// Reading is no change of the key: the audit log has none of it.
    #[serde(skip)]
    pub last_used_at: Option<NaiveDateTime>,
    pub revoked_at: Option<NaiveDateTime>,
    pub version: i32,
}

impl Row for ApiKeyRow {
    fn number(&self) -> i64 {
        self.id
    }
}

/// An API key to add.
#[derive(Clone, Insertable)]
#[diesel(table_name = api_keys)]
#[expect(missing_docs, reason = "the API's fields of the same names say what they are")]
pub struct NewApiKey {
    pub name: String,
    pub prefix: String,
    /// SHA-256 of the key.
    pub key_hash: Vec<u8>,
    pub scope: ApiKeyScope,
    pub expires_at: NaiveDateTime,
}

/// A key that was made. Kept under a `clientMutationId` it is a number alone, so that a second try is told from the first.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Made {
    /// Its number.
    pub id: i64,
    /// Whether it was made just now, and not before.
    #[serde(skip)]
    pub now: bool,
}

/// Which API keys to list.
#[derive(Clone, Copy, Debug, Default, InputObject)]
pub struct ApiKeyFilter {
    /// In force at present, or not.
    pub active: Option<bool>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_of_making_a_key_is_its_number() {
        let kept = serde_json::to_string(&Made { id: 7, now: true }).unwrap();
        assert_eq!(kept, r#"{"id":7}"#);
        let replayed: Made = serde_json::from_str(&kept).unwrap();
        assert_eq!((replayed.id, replayed.now), (7, false));
    }
}
