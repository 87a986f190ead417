//! A staff member's row, and what lists of staff are filtered and ordered by.

use async_graphql::{Enum, InputObject};
use chrono::{NaiveDate, NaiveDateTime};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{
    auth::model::StaffRole,
    db::schema::staff,
    graphql::{Direction, Row},
    people::{Gender, MaritalStatus},
};

/// A staff member. E-mail and phone are the account's.
#[derive(Clone, Debug, Queryable, Selectable, Serialize)]
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
    pub version: i32,
}

impl Row for StaffRow {
    fn number(&self) -> i64 {
        self.id
    }
}

/// What an account says of a staff member.
#[derive(Clone, Debug, Default, Queryable)]
#[expect(missing_docs, reason = "the API's fields of the same names say what they are")]
pub struct StaffAccount {
    pub email: Option<String>,
    pub phone: Option<String>,
    pub active: bool,
}

/// A staff member to add.
#[derive(Clone, Debug, Default, Insertable)]
#[diesel(table_name = staff)]
#[expect(missing_docs, reason = "the input's fields of the same names say what they are")]
pub struct NewStaff {
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
}

/// What to change of a staff member; e-mail and phone are their account's.
#[derive(Clone, Debug, Default, AsChangeset)]
#[diesel(table_name = staff)]
#[expect(missing_docs, reason = "the input's fields of the same names say what they are")]
pub struct StaffEdit {
    pub name: Option<String>,
    pub designation: Option<Option<String>>,
    pub gender: Option<Option<Gender>>,
    pub birth_date: Option<Option<NaiveDate>>,
    pub temporary_address: Option<Option<String>>,
    pub permanent_address: Option<Option<String>>,
    pub marital_status: Option<Option<MaritalStatus>>,
    pub citizenship_number: Option<Option<String>>,
    pub passport_number: Option<Option<String>>,
    pub next_of_kin: Option<Option<String>>,
    pub photo_url: Option<Option<String>>,
    pub joining_date: Option<Option<NaiveDate>>,
}

impl StaffEdit {
    /// Whether it changes what is beyond what an HOD may read.
    #[must_use]
    pub fn is_personal(&self) -> bool {
        let Self {
            name: _,
            designation: _,
            photo_url: _,
            gender,
            birth_date,
            temporary_address,
            permanent_address,
            marital_status,
            citizenship_number,
            passport_number,
            next_of_kin,
            joining_date,
        } = self;
        let texts = [temporary_address, permanent_address, citizenship_number, passport_number, next_of_kin];
        texts.into_iter().any(Option::is_some)
            || [birth_date, joining_date].into_iter().any(Option::is_some)
            || gender.is_some()
            || marital_status.is_some()
    }
}

/// What is to end with somebody who leaves; otherwise it stands in their way.
#[derive(Clone, Copy, Debug)]
pub struct Ends {
    /// The routines that they teach.
    pub routines: bool,
    /// The meetings to come that they hold.
    pub meetings: bool,
}

/// What became of somebody who leaves.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Leaving {
    /// The staff member.
    pub staff: i64,
    /// The routines that were ended.
    pub ended: Vec<i64>,
    /// The meetings that were called off.
    pub cancelled: Vec<i64>,
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
