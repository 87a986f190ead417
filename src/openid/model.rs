//! Somebody as a provider knows them, and the row that says whose account that is.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use crate::{db::schema::identities, graphql::Row};

/// Who somebody is, by a provider's ID token.
pub struct Person {
    /// The provider (`iss`).
    pub issuer: String,
    /// Its name for them, which never changes (`sub`).
    pub subject: String,
    /// Their e-mail, lower case, where the provider says that it has verified it.
    pub email: Option<String>,
}

/// An account's identity at a provider.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = identities)]
#[expect(missing_docs, reason = "the API's fields of the same names say what they are")]
pub struct IdentityRow {
    pub id: i64,
    pub issuer: String,
    pub created_at: NaiveDateTime,
    pub last_used_at: NaiveDateTime,
}

impl Row for IdentityRow {
    fn number(&self) -> i64 {
        self.id
    }
}
