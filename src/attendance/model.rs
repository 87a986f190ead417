//! Sessions, records and summaries of attendance.

use async_graphql::{Enum, InputObject};
use chrono::{Days, NaiveDate, NaiveDateTime};
use diesel::prelude::*;
use serde::Serialize;

use crate::{
    db::schema::{
        attendance_corrections, attendance_months, attendance_records, attendance_sessions, attendance_totals,
    },
    error::{Error, Result},
    graphql::{Date, Direction, FilterId, Row},
    text_enum,
};

text_enum! {
    /// How a student attended a class.
    AttendanceStatus {
        /// Was there.
        Present = "PRESENT",
        /// Was not there.
        Absent = "ABSENT",
        /// Came late: counts as attended.
        Late = "LATE",
        /// Was away with leave: counts neither way.
        Excused = "EXCUSED",
    }
}

/// Records counted by status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the status of its name")]
pub struct Counts {
    pub present: i64,
    pub absent: i64,
    pub late: i64,
    pub excused: i64,
}

impl Counts {
    /// The share of classes attended, in per cent; `None` where there is nothing to count.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "nobody attends 2^52 classes")]
    pub fn percentage(&self) -> Option<f64> {
        let attended = self.present + self.late;
        let counted = attended + self.absent;
        (counted > 0).then(|| attended as f64 * 100.0 / counted as f64)
    }

    /// Counts so many records more of a status.
    pub fn add(&mut self, status: AttendanceStatus, records: i64) {
        *match status {
            AttendanceStatus::Present => &mut self.present,
            AttendanceStatus::Absent => &mut self.absent,
            AttendanceStatus::Late => &mut self.late,
            AttendanceStatus::Excused => &mut self.excused,
        } += records;
    }
}

impl From<(i64, i64, i64, i64)> for Counts {
    fn from((present, absent, late, excused): (i64, i64, i64, i64)) -> Self {
        Self { present, absent, late, excused }
    }
}

/// One class of a routine, as it was marked.
#[derive(Clone, Debug, Queryable, Selectable, Serialize)]
#[diesel(table_name = attendance_sessions)]
#[expect(missing_docs, reason = "the API's fields of the same names say what they are")]
pub struct SessionRow {
    pub id: i64,
    pub routine_id: i64,
    pub subject_id: i64,
    pub date: NaiveDate,
    pub teacher_id: i64,
    pub held: bool,
    pub teacher_attended: bool,
    pub marked_at: NaiveDateTime,
}

impl Row for SessionRow {
    fn number(&self) -> i64 {
        self.id
    }
}

/// How one student attended one session.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = attendance_records)]
#[expect(missing_docs, reason = "the API's fields of the same names say what they are")]
pub struct RecordRow {
    pub id: i64,
    pub session_id: i64,
    pub student_id: i64,
    pub status: AttendanceStatus,
    pub date: NaiveDate,
    pub subject_id: i64,
}

impl Row for RecordRow {
    fn number(&self) -> i64 {
        self.id
    }
}

/// What a mark was before it was corrected.
#[derive(Clone, Debug, Queryable, Selectable, Serialize)]
#[diesel(table_name = attendance_corrections)]
#[expect(missing_docs, reason = "the API's fields of the same names say what they are")]
pub struct CorrectionRow {
    pub id: i64,
    pub student_id: i64,
    pub from_status: AttendanceStatus,
    pub to_status: AttendanceStatus,
    pub reason: Option<String>,
    pub corrected_by: i64,
    pub corrected_at: NaiveDateTime,
}

impl Row for CorrectionRow {
    fn number(&self) -> i64 {
        self.id
    }
}

/// A student's attendance of a subject, over everything.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = attendance_totals)]
#[expect(missing_docs, reason = "each is the status of its name")]
pub struct SubjectTotalRow {
    pub student_id: i64,
    pub subject_id: i64,
    pub present: i32,
    pub absent: i32,
    pub late: i32,
    pub excused: i32,
}

impl SubjectTotalRow {
    /// The counts alone.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts::from((self.present.into(), self.absent.into(), self.late.into(), self.excused.into()))
    }
}

// It has no number of its own: nothing is loaded by it, only by what it refers to.
impl Row for SubjectTotalRow {
    fn number(&self) -> i64 {
        self.subject_id
    }
}

/// A student's attendance of a month.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = attendance_months)]
#[expect(missing_docs, reason = "each is the status of its name")]
pub struct MonthRow {
    pub student_id: i64,
    /// Its first day.
    pub month: NaiveDate,
    pub present: i32,
    pub absent: i32,
    pub late: i32,
    pub excused: i32,
}

impl MonthRow {
    /// The counts alone.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts::from((self.present.into(), self.absent.into(), self.late.into(), self.excused.into()))
    }
}

/// Days of a span that may be counted record by record, at most.
pub const MAX_SPAN: u64 = 366;

/// Days from the first to the last, both of them in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first day.
    pub from: NaiveDate,
    /// The last day.
    pub to: NaiveDate,
}

impl Span {
    /// The span that two optional dates ask for; `None` where neither is given. `from` alone is until today; `to` alone is
    /// the longest span that ends then.
    ///
    /// # Errors
    /// When the days are the wrong way round, or more than [`MAX_SPAN`].
    pub fn read(from: Option<NaiveDate>, to: Option<NaiveDate>, today: NaiveDate) -> Result<Option<Self>> {
        let reach = Days::new(MAX_SPAN - 1);
        let (from, to) = match (from, to) {
            (None, None) => return Ok(None),
            (Some(from), None) => (from, today.max(from)),
            (None, Some(to)) => (to.checked_sub_days(reach).unwrap_or(NaiveDate::MIN), to),
            (Some(from), Some(to)) => (from, to),
        };
        if to < from {
            return Err(Error::bad_input("`to` must not be before `from`"));
        }
        if from.checked_add_days(reach).is_some_and(|last| last < to) {
            return Err(Error::bad_input(format!("there may be at most {MAX_SPAN} days from `from` to `to`")));
        }
        Ok(Some(Self { from, to }))
    }
}

/// Which attendance sessions to list.
#[derive(Clone, Debug, Default, InputObject)]
pub struct AttendanceSessionFilter {
    /// On this date.
    pub date: Option<Date>,
    /// On this date or later.
    pub from: Option<Date>,
    /// On this date or earlier.
    pub to: Option<Date>,
    /// Of routines of this course.
    pub course_id: Option<FilterId>,
    /// That this teacher held, or was to hold.
    pub teacher_id: Option<FilterId>,
    /// Of this routine.
    pub routine_id: Option<FilterId>,
}

/// [`AttendanceSessionFilter`] with its ids opened.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "see AttendanceSessionFilter")]
pub struct SessionQuery {
    pub date: Option<NaiveDate>,
    pub from: Option<NaiveDate>,
    pub to: Option<NaiveDate>,
    pub course: Option<i64>,
    pub teacher: Option<i64>,
    pub routine: Option<i64>,
}

/// Which of a student's attendance records to list.
#[derive(Clone, Copy, Debug, Default)]
pub struct RecordQuery {
    /// On this date or later.
    pub from: Option<NaiveDate>,
    /// On this date or earlier.
    pub to: Option<NaiveDate>,
}

/// What a list of attendance sessions is ordered by.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttendanceSessionOrderField {
    /// Date, then the order in which they were marked.
    Date,
}

/// The order of a list of attendance sessions.
#[derive(Clone, Copy, Debug, InputObject)]
pub struct AttendanceSessionOrder {
    /// What to order by.
    pub field: AttendanceSessionOrderField,
    /// Upwards or downwards.
    #[graphql(default)]
    pub direction: Direction,
}

impl Default for AttendanceSessionOrder {
    fn default() -> Self {
        Self { field: AttendanceSessionOrderField::Date, direction: Direction::Desc }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn late_counts_as_attended_and_excused_counts_neither_way() {
        let counts = Counts { present: 2, absent: 1, late: 1, excused: 5 };
        assert_eq!(counts.percentage(), Some(75.0));
        assert_eq!(Counts { excused: 3, ..Counts::default() }.percentage(), None);
    }
    #[test]
    fn a_span_has_both_ends_and_at_most_a_year_between_them() {
        let day = |n: u64| NaiveDate::default() + Days::new(n);
        let read = |from, to| Span::read(from, to, day(1000)).map_err(|error| error.report());
        assert_eq!(read(None, None), Ok(None));
        assert_eq!(read(Some(day(990)), None), Ok(Some(Span { from: day(990), to: day(1000) })));
        assert_eq!(read(Some(day(1010)), None), Ok(Some(Span { from: day(1010), to: day(1010) })));
        assert_eq!(read(None, Some(day(400))), Ok(Some(Span { from: day(35), to: day(400) })));
        assert_eq!(read(Some(day(0)), Some(day(365))), Ok(Some(Span { from: day(0), to: day(365) })));
        assert!(read(Some(day(0)), Some(day(366))).is_err_and(|message| message.contains("`from`")));
        assert!(read(Some(day(2)), Some(day(1))).is_err_and(|message| message.contains("`to`")));
        assert!(read(Some(day(0)), None).is_err());
    }
}
