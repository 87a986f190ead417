//! A leave request's row, and what lists of requests are filtered and ordered by.

use async_graphql::{Enum, ID, InputObject};
use chrono::{NaiveDate, NaiveDateTime};
use diesel::prelude::*;

use crate::{
    db::schema::leave_requests,
    graphql::{Date, Direction, Row},
    text_enum,
};

text_enum! {
    /// Where a leave request stands.
    LeaveStatus {
        /// Waits for a decision.
        Pending = "PENDING",
        /// Was granted.
        Approved = "APPROVED",
        /// Was refused.
        Rejected = "REJECTED",
    }
}

/// A leave request: of a student or of a staff member, never of both.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = leave_requests)]
#[expect(missing_docs, reason = "the API's fields of the same names say what they are")]
pub struct LeaveRequestRow {
    pub id: i64,
    pub student_id: Option<i64>,
    pub staff_id: Option<i64>,
    pub first_day: NaiveDate,
    pub last_day: NaiveDate,
    pub message: String,
    pub status: LeaveStatus,
    pub decided_at: Option<NaiveDateTime>,
    pub remark: Option<String>,
    pub created_at: NaiveDateTime,
}

impl Row for LeaveRequestRow {
    fn number(&self) -> i64 {
        self.id
    }
}

/// Which leave requests to list.
#[derive(Clone, Debug, Default, InputObject)]
pub struct LeaveRequestFilter {
    /// Where they stand.
    pub status: Option<LeaveStatus>,
    /// Of this student.
    pub student_id: Option<ID>,
    /// Of this staff member.
    pub staff_id: Option<ID>,
    /// With a day on this date or later.
    pub from: Option<Date>,
    /// With a day on this date or earlier.
    pub to: Option<Date>,
}

/// [`LeaveRequestFilter`] with its ids opened.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "see LeaveRequestFilter")]
pub struct LeaveRequestQuery {
    pub status: Option<LeaveStatus>,
    pub student: Option<i64>,
    pub staff: Option<i64>,
    pub from: Option<NaiveDate>,
    pub to: Option<NaiveDate>,
}

/// What a list of leave requests is ordered by.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaveRequestOrderField {
    /// The first day of leave.
    FirstDay,
}

/// The order of a list of leave requests.
#[derive(Clone, Copy, Debug, InputObject)]
pub struct LeaveRequestOrder {
    /// What to order by.
    pub field: LeaveRequestOrderField,
    /// Upwards or downwards.
    #[graphql(default)]
    pub direction: Direction,
}

impl Default for LeaveRequestOrder {
    fn default() -> Self {
        Self { field: LeaveRequestOrderField::FirstDay, direction: Direction::Desc }
    }
}
