//! A batch's row, and what lists of batches are filtered and ordered by.

use async_graphql::{Enum, InputObject};
use chrono::NaiveDate;
use diesel::prelude::*;
use serde::Serialize;

use crate::{
    db::schema::batches,
    graphql::{Direction, Row},
};

/// A batch.
#[derive(Clone, Debug, Queryable, Selectable, Serialize)]
#[diesel(table_name = batches)]
#[expect(missing_docs, reason = "the API's fields of the same names say what they are")]
pub struct BatchRow {
    pub id: i64,
    pub name: String,
    pub start_date: Option<NaiveDate>,
    pub active: bool,
    pub version: i32,
}

/// A batch to add.
#[derive(Clone, Debug, Insertable)]
#[diesel(table_name = batches)]
#[expect(missing_docs, reason = "the input's fields of the same names say what they are")]
pub struct NewBatch {
    pub name: String,
    pub start_date: Option<NaiveDate>,
}

/// What to change of a batch.
#[derive(Clone, Debug, Default, AsChangeset)]
#[diesel(table_name = batches)]
#[expect(missing_docs, reason = "the input's fields of the same names say what they are")]
pub struct BatchEdit {
    pub name: Option<String>,
    pub start_date: Option<Option<NaiveDate>>,
    pub active: Option<bool>,
}

impl Row for BatchRow {
    fn number(&self) -> i64 {
        self.id
    }
}

/// Which batches to list.
#[derive(Clone, Debug, Default, InputObject)]
pub struct BatchFilter {
    /// Name contains this, whatever the case.
    pub name: Option<String>,
    /// In use at present, or not.
    pub active: Option<bool>,
}

/// What a list of batches is ordered by.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchOrderField {
    /// Name.
    Name,
    /// The order in which they were entered.
    Entry,
}

/// The order of a list of batches.
#[derive(Clone, Copy, Debug, InputObject)]
pub struct BatchOrder {
    /// What to order by.
    pub field: BatchOrderField,
    /// Upwards or downwards.
    #[graphql(default)]
    pub direction: Direction,
}

impl Default for BatchOrder {
    fn default() -> Self {
        Self { field: BatchOrderField::Name, direction: Direction::Asc }
    }
}
