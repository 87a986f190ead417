//! A leave request's row, and what lists of requests are filtered and ordered by.

use async_graphql::{Enum, InputObject};
use chrono::{NaiveDate, NaiveDateTime};
use diesel::prelude::*;
use serde::Serialize;

use crate::{
    db::schema::leave_requests,
    graphql::{Date, Direction, FilterId, Row},
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
        /// Was taken back before it was decided.
        Withdrawn = "WITHDRAWN",
    }
}

/// A leave request: of a student or of a staff member, never of both.
#[derive(Clone, Debug, Queryable, Selectable, Serialize)]
#[diesel(table_name = leave_requests)]
#[expect(missing_docs, reason = "the API's fields of the same names say what they are")]
pub struct LeaveRequestRow {
    pub id: i64,
    pub student_id: Option<i64>,
    pub staff_id: Option<i64>,
    pub requested_by: i64,
    pub first_day: NaiveDate,
    pub last_day: NaiveDate,
    pub message: String,
    pub status: LeaveStatus,
    pub decided_by: Option<i64>,
    pub decided_at: Option<NaiveDateTime>,
    pub remark: Option<String>,
    pub created_at: NaiveDateTime,
}

impl Row for LeaveRequestRow {
    fn number(&self) -> i64 {
        self.id
    }
}

/// Days of leave in one request, at most.
pub const MAX_DAYS: i64 = 366;
/// So many days ago leave may have begun that is asked for today: a sick child is reported afterwards.
pub const MAX_DAYS_AGO: i64 = 30;

/// Whom a leave request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Person {
    /// The student with this number.
    Student(i64),
    /// The staff member with this number.
    Staff(i64),
}

/// Leave to ask for.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the input's fields of the same names say what they are")]
pub struct NewLeave {
    /// None where the input does not say it, which is among its problems then.
    pub person: Option<Person>,
    pub first_day: NaiveDate,
    pub last_day: NaiveDate,
    pub message: String,
}

/// What is decided about a leave request.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaveDecision {
    /// It is granted.
    Approve,
    /// It is refused.
    Reject,
}

impl LeaveDecision {
    /// The status of a request that is so decided.
    #[must_use]
    pub fn status(self) -> LeaveStatus {
        match self {
            Self::Approve => LeaveStatus::Approved,
            Self::Reject => LeaveStatus::Rejected,
        }
    }
}

/// Which leave requests to list.
#[derive(Clone, Debug, Default, InputObject)]
pub struct LeaveRequestFilter {
    /// Where they stand.
    pub status: Option<LeaveStatus>,
    /// Of this student.
    pub student_id: Option<FilterId>,
    /// Of this staff member.
    pub staff_id: Option<FilterId>,
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
