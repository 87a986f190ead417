//! A staff member's row, and what lists of staff are filtered and ordered by.

use async_graphql::{Enum, InputObject};
use chrono::{NaiveDate, NaiveDateTime};
use diesel::prelude::*;

use crate::{
    auth::model::StaffRole,
    db::schema::staff,
    graphql::{Direction, Row},
    people::{Gender, MaritalStatus},
};

/// A staff member. E-mail and phone are the account's.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = staff)]
#[expect(missing_docs, reason = "the API's fields of the same names say what they are")]
pub struct StaffRow {
    pub id: i64,
    pub account_id: i64,
    pub name: String,
    pub designation: Option<String>,
    pub gender: Option<Gender>,
    pub birth_date: Option<NaiveDate>,
    pub temporary_address: Option<String>,
    pub permanent_address: Option<String>,
    pub marital_status: Option<MaritalStatus>,
    pub citizenship_number: Option<String>,
    pub passport_number: Option<String>,
    pub next_of_kin: Option<String>,
    pub photo_url: Option<String>,
    pub joining_date: Option<NaiveDate>,
    pub archived_at: Option<NaiveDateTime>,
    pub created_at: NaiveDateTime,
}

impl Row for StaffRow {
    fn number(&self) -> i64 {
        self.id
    }
}

/// Which staff to list.
#[derive(Clone, Debug, Default, InputObject)]
pub struct StaffFilter {
    /// Name contains this, whatever the case.
    pub name: Option<String>,
    /// Holds this role. It finds only those whose roles the viewer may read: everybody for ADMIN, themselves for others.
    pub role: Option<StaffRole>,
    /// Archived ones instead (ADMIN only: nobody else reaches them).
    #[graphql(default)]
    pub archived: bool,
}

/// What a list of staff is ordered by.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum StaffOrderField {
    /// Name, then entry.
    Name,
    /// The order in which they were entered.
    Entry,
}

/// The order of a list of staff.
#[derive(Clone, Copy, Debug, InputObject)]
pub struct StaffOrder {
    /// What to order by.
    pub field: StaffOrderField,
    /// Upwards or downwards.
    #[graphql(default)]
    pub direction: Direction,
}

impl Default for StaffOrder {
    fn default() -> Self {
        Self { field: StaffOrderField::Name, direction: Direction::Asc }
    }
}
