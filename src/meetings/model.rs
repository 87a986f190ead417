//! A meeting's row, and what lists of meetings are filtered and ordered by.

use async_graphql::{Enum, ID, InputObject};
use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;

use crate::{
    db::schema::meetings,
    graphql::{Direction, Row},
    text_enum,
};

text_enum! {
    /// Where a meeting stands.
    MeetingStatus {
        /// Is going to take place.
        Scheduled = "SCHEDULED",
        /// Took place.
        Completed = "COMPLETED",
        /// Was called off.
        Cancelled = "CANCELLED",
        /// Is going to take place, at another time than was said first.
        Rescheduled = "RESCHEDULED",
    }
}

/// A meeting.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = meetings)]
#[expect(missing_docs, reason = "the API's fields of the same names say what they are")]
pub struct MeetingRow {
    pub id: i64,
    pub staff_id: i64,
    pub starts_at: NaiveDateTime,
    pub ends_at: NaiveDateTime,
    pub status: MeetingStatus,
    pub agenda: Option<String>,
    pub notes: Option<String>,
    pub cancellation_reason: Option<String>,
    pub online: bool,
    pub link: Option<String>,
}

impl Row for MeetingRow {
    fn number(&self) -> i64 {
        self.id
    }
}

/// Which meetings to list.
#[derive(Clone, Debug, Default, InputObject)]
pub struct MeetingFilter {
    /// Where they stand.
    pub status: Option<MeetingStatus>,
    /// Beginning at this time or later.
    pub from: Option<DateTime<Utc>>,
    /// Beginning before this time.
    pub to: Option<DateTime<Utc>>,
    /// Held by this staff member.
    pub staff_id: Option<ID>,
}

/// [`MeetingFilter`] with its ids opened.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "see MeetingFilter")]
pub struct MeetingQuery {
    pub status: Option<MeetingStatus>,
    pub from: Option<NaiveDateTime>,
    pub to: Option<NaiveDateTime>,
    pub staff: Option<i64>,
}

/// What a list of meetings is ordered by.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum MeetingOrderField {
    /// When they begin.
    StartsAt,
}

/// The order of a list of meetings.
#[derive(Clone, Copy, Debug, InputObject)]
pub struct MeetingOrder {
    /// What to order by.
    pub field: MeetingOrderField,
    /// Upwards or downwards.
    #[graphql(default)]
    pub direction: Direction,
}

impl Default for MeetingOrder {
    fn default() -> Self {
        Self { field: MeetingOrderField::StartsAt, direction: Direction::Desc }
    }
}
