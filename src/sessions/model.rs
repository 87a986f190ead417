//! A session's row.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use serde::Serialize;

use crate::{db::schema::sessions, graphql::Row};

/// A session: not what it is kept by.
#[derive(Clone, Debug, Queryable, Selectable, Serialize)]
#[diesel(table_name = sessions)]
#[expect(missing_docs, reason = "the API's fields of the same names say what they are")]
pub struct SessionRow {
    pub id: i64,
    pub account_id: i64,
    pub device: Option<String>,
    pub created_at: NaiveDateTime,
    pub last_used_at: NaiveDateTime,
    pub expires_at: NaiveDateTime,
}

impl Row for SessionRow {
    fn number(&self) -> i64 {
        self.id
    }
}
