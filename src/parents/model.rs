//! A parent's row, and what lists of parents are filtered and ordered by.

use async_graphql::{Enum, InputObject};
use chrono::NaiveDateTime;
use diesel::prelude::*;
use serde::Serialize;

use crate::{
    auth::model::Contact,
    db::schema::parents,
    graphql::{Direction, Row},
};

/// A parent. E-mail and phone are the account's.
#[derive(Clone, Debug, Queryable, Selectable, Serialize)]
#[diesel(table_name = parents)]
#[expect(missing_docs, reason = "the API's fields of the same names say what they are")]
pub struct ParentRow {
    pub id: i64,
    pub account_id: i64,
    pub name: String,
    pub address: Option<String>,
    pub photo_url: Option<String>,
    pub archived_at: Option<NaiveDateTime>,
    pub created_at: NaiveDateTime,
    pub version: i32,
}

impl Row for ParentRow {
    fn number(&self) -> i64 {
        self.id
    }
}

/// A parent to link with a student: the one who has that phone, or a new one.
#[derive(Clone, Debug)]
pub struct NewParent {
    /// Where the parent stands in the input.
    pub path: String,
    /// Name.
    pub name: String,
    /// Contact. The phone says who it is; without one the input is at fault, and that is said already.
    pub contact: Contact,
    /// Where they live.
    pub address: Option<String>,
}

/// What to change of a parent.
#[derive(Clone, Debug, Default, AsChangeset)]
#[diesel(table_name = parents)]
#[expect(missing_docs, reason = "the input's fields of the same names say what they are")]
pub struct ParentEdit {
    pub name: Option<String>,
    pub address: Option<Option<String>>,
    pub photo_url: Option<Option<String>>,
}

/// Which parents to list.
#[derive(Clone, Debug, Default, InputObject)]
pub struct ParentFilter {
    /// Name contains this, whatever the case.
    pub name: Option<String>,
    /// Archived ones instead (ADMIN only: nobody else reaches them).
    #[graphql(default)]
    pub archived: bool,
}

/// What a list of parents is ordered by.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParentOrderField {
    /// Name, then entry.
    Name,
    /// The order in which they were entered.
    Entry,
}

/// The order of a list of parents.
#[derive(Clone, Copy, Debug, InputObject)]
pub struct ParentOrder {
    /// What to order by.
    pub field: ParentOrderField,
    /// Upwards or downwards.
    #[graphql(default)]
    pub direction: Direction,
}

impl Default for ParentOrder {
    fn default() -> Self {
        Self { field: ParentOrderField::Name, direction: Direction::Asc }
    }
}
