//! A meeting's row, and what lists of meetings are filtered and ordered by.

use async_graphql::{Enum, InputObject};
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use diesel::prelude::*;
use serde::Serialize;

use crate::{
    db::schema::meetings,
    graphql::{Direction, FilterId, Row},
    text_enum,
};

text_enum! {
    /// Where a meeting stands.
    MeetingStatus {
        /// A parent asked for it, and nobody has accepted it yet: it takes nobody's time.
        Requested = "REQUESTED",
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

impl MeetingStatus {
    /// Whether a meeting takes the time of those who take part: the column `open`.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Scheduled | Self::Rescheduled)
    }
}

/// A meeting.
#[derive(Clone, Debug, Queryable, Selectable, Serialize)]
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
    pub version: i32,
}

impl Row for MeetingRow {
    fn number(&self) -> i64 {
        self.id
    }
}

/// From when to when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the API's fields of the same names say what they are")]
pub struct Span {
    pub starts_at: NaiveDateTime,
    pub ends_at: NaiveDateTime,
}

impl Span {
    /// So many minutes from a time on.
    #[must_use]
    pub fn of(starts_at: NaiveDateTime, minutes: i32) -> Self {
        Self { starts_at, ends_at: starts_at + TimeDelta::minutes(minutes.into()) }
    }

    /// The span in words, by the clocks of a time zone.
    #[must_use]
    pub fn words(self, zone: Tz) -> String {
        let [from, to] = [self.starts_at, self.ends_at].map(|at| at.and_utc().with_timezone(&zone));
        let end = if from.date_naive() == to.date_naive() { "%H:%M" } else { "%Y-%m-%d %H:%M" };
        format!("{} to {}", from.format("%Y-%m-%d %H:%M"), to.format(end))
    }
}

impl From<&MeetingRow> for Span {
    fn from(meeting: &MeetingRow) -> Self {
        Self { starts_at: meeting.starts_at, ends_at: meeting.ends_at }
    }
}

/// A meeting to make.
#[derive(Clone, Debug)]
pub struct NewMeeting {
    /// Who holds it; none where it is the viewer.
    pub staff: Option<i64>,
    /// The parents who are to take part.
    pub parents: Vec<i64>,
    /// The students it is about.
    pub students: Vec<i64>,
    /// When it is to be.
    pub span: Span,
    /// What is to be talked about.
    pub agenda: Option<String>,
    /// Whether it takes place online.
    pub online: bool,
    /// Where it takes place online.
    pub link: Option<String>,
}

/// What a step does to a meeting.
#[derive(Clone, Debug, AsChangeset)]
#[diesel(table_name = meetings)]
#[expect(missing_docs, reason = "the API's fields of the same names say what they are")]
pub struct MeetingChange {
    pub status: MeetingStatus,
    pub open: bool,
    pub starts_at: Option<NaiveDateTime>,
    pub ends_at: Option<NaiveDateTime>,
    pub notes: Option<String>,
    pub cancellation_reason: Option<String>,
}

impl MeetingChange {
    /// A new status, and nothing else.
    #[must_use]
    pub fn to(status: MeetingStatus) -> Self {
        let open = status.is_open();
        Self { status, open, starts_at: None, ends_at: None, notes: None, cancellation_reason: None }
    }

    /// With another time.
    #[must_use]
    pub fn at(self, span: Span) -> Self {
        Self { starts_at: Some(span.starts_at), ends_at: Some(span.ends_at), ..self }
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
    pub staff_id: Option<FilterId>,
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

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;

    use super::*;

    #[test]
    fn a_span_is_told_by_the_institutes_clocks() {
        let at = |hour, minute| NaiveDate::from_ymd_opt(2026, 3, 25).unwrap().and_hms_opt(hour, minute, 0).unwrap();
        assert_eq!(Span::of(at(12, 0), 30).words(chrono_tz::Asia::Kathmandu), "2026-03-25 17:45 to 18:15");
        assert_eq!(Span::of(at(18, 0), 30).words(chrono_tz::Asia::Kathmandu), "2026-03-25 23:45 to 2026-03-26 00:15");
    }
}
