//! Rows of course tracking and subject progress, and what lists of them are filtered and ordered by.

use async_graphql::{Enum, InputObject};
use chrono::{Months, NaiveDate};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{
    attendance::model::Counts,
    courses::model::{CourseRow, DurationType},
    db::{
        paging::Page,
        schema::{course_trackings, subject_progress},
    },
    error::{Error, Result},
    graphql::{Direction, FilterId, Row},
    text_enum,
};

text_enum! {
    /// How far along a student is.
    ProgressStatus {
        /// Is still to begin.
        NotStarted = "NOT_STARTED",
        /// Is under way.
        InProgress = "IN_PROGRESS",
        /// Has finished.
        Completed = "COMPLETED",
        /// Has given up.
        Dropped = "DROPPED",
    }
}

/// How far a student is in a course.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, Serialize)]
#[diesel(table_name = course_trackings, treat_none_as_default_value = false)]
#[expect(missing_docs, reason = "the API's fields of the same names say what they are")]
pub struct CourseTrackingRow {
    pub id: i64,
    pub student_id: i64,
    pub course_id: i64,
    pub enrolled_on: NaiveDate,
    pub started_on: NaiveDate,
    pub expected_end: NaiveDate,
    pub actual_end: Option<NaiveDate>,
    pub status: ProgressStatus,
    pub completion: f64,
    pub current_period: i32,
    pub period_started_on: NaiveDate,
    pub period_ends_on: NaiveDate,
    pub notes: Option<String>,
    pub version: i32,
}

impl Row for CourseTrackingRow {
    fn number(&self) -> i64 {
        self.id
    }
}

/// Completion of a course, in per cent: 70 of the share of its subjects completed, 30 of attendance.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "a course has few subjects")]
pub fn completion(completed: i64, subjects: i64, attendance: &Counts) -> f64 {
    let share = if subjects > 0 { completed as f64 / subjects as f64 } else { 0.0 };
    70.0 * share + 30.0 * attendance.percentage().unwrap_or(0.0) / 100.0
}

impl CourseTrackingRow {
    /// The tracking with another completion, and the status that follows: at 100 the course is completed, and below it is
    /// so no more; who has completed something has begun. Who has given up is left alone.
    #[must_use]
    pub fn completed(&self, completion: f64, today: NaiveDate) -> Self {
        let (status, actual_end) = match self.status {
            ProgressStatus::Dropped => return self.clone(),
            // It cannot end before it starts, whatever the day.
            _ if completion >= 100.0 => {
                (ProgressStatus::Completed, self.actual_end.or(Some(today.max(self.started_on))))
            }
            ProgressStatus::NotStarted if completion <= 0.0 => (ProgressStatus::NotStarted, None),
            _ => (ProgressStatus::InProgress, None),
        };
        Self { actual_end, status, completion, ..self.clone() }
    }
}

/// How far a student is in a subject.
#[derive(Clone, Debug, Queryable, Selectable, Serialize)]
#[diesel(table_name = subject_progress)]
#[expect(missing_docs, reason = "the API's fields of the same names say what they are")]
pub struct SubjectProgressRow {
    pub id: i64,
    pub student_id: i64,
    pub subject_id: i64,
    pub status: ProgressStatus,
    pub completion: f64,
    pub notes: Option<String>,
    pub version: i32,
}

impl Row for SubjectProgressRow {
    fn number(&self) -> i64 {
        self.id
    }
}

/// A student's way through a course, from its beginning or from a new one.
#[derive(Clone, Debug, Insertable, AsChangeset)]
#[diesel(table_name = course_trackings)]
#[expect(missing_docs, reason = "the API's fields of the same names say what they are")]
pub struct NewTracking {
    pub student_id: i64,
    pub course_id: i64,
    pub enrolled_on: NaiveDate,
    pub started_on: NaiveDate,
    pub expected_end: NaiveDate,
    pub status: ProgressStatus,
    pub current_period: i32,
    pub period_started_on: NaiveDate,
    pub period_ends_on: NaiveDate,
}

impl NewTracking {
    /// The way of a student who begins a course on a day (not in the future) and is in a period of it today. That period
    /// began when the ones before it had passed, or today.
    #[must_use]
    pub fn of(student_id: i64, course: &CourseRow, period: i32, start: NaiveDate, today: NaiveDate) -> Self {
        let before = u32::try_from(period - 1).unwrap_or(0) * months(course.duration_type);
        let period_started_on = later(start, before).min(today);
        let years = u32::try_from(course.duration_years).unwrap_or(0);
        Self {
            student_id,
            course_id: course.id,
            enrolled_on: start,
            started_on: start,
            expected_end: later(start, 12 * years),
            status: ProgressStatus::InProgress,
            current_period: period,
            period_started_on,
            period_ends_on: period_end(period_started_on, course.duration_type),
        }
    }
}

/// What to change of a course tracking.
#[derive(Clone, Debug, Default, AsChangeset)]
#[diesel(table_name = course_trackings)]
#[expect(missing_docs, reason = "the input's fields of the same names say what they are")]
pub struct TrackingEdit {
    pub status: Option<ProgressStatus>,
    pub expected_end: Option<NaiveDate>,
    pub notes: Option<Option<String>>,
}

/// How far a student is in a subject, as it is entered.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the input's fields of the same names say what they are")]
pub struct SubjectEntry {
    pub student: i64,
    pub subject: i64,
    pub version: Option<i32>,
    pub status: ProgressStatus,
    pub completion: Option<f64>,
    pub notes: Option<Option<String>>,
}

impl SubjectEntry {
    /// The completion that is entered, or that the status says; else the one before, where it is less than all.
    #[must_use]
    pub fn completion(&self, before: Option<f64>) -> f64 {
        self.completion.unwrap_or(match self.status {
            ProgressStatus::NotStarted => 0.0,
            ProgressStatus::Completed => 100.0,
            ProgressStatus::InProgress | ProgressStatus::Dropped => before.filter(|done| *done < 100.0).unwrap_or(0.0),
        })
    }
}

/// The students of a batch who are in a period of a course.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the input's fields of the same names say what they are")]
pub struct Class {
    pub batch: i64,
    pub course: i64,
    pub from_period: i32,
}

/// A batch of which students were moved on.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Advanced {
    /// The batch.
    pub batch: i64,
    /// How many students were moved.
    pub students: i64,
}

/// Months that a period takes.
const fn months(kind: DurationType) -> u32 {
    match kind {
        DurationType::Year => 12,
        DurationType::Semester => 6,
    }
}

/// The day so many months later.
fn later(day: NaiveDate, months: u32) -> NaiveDate {
    day.checked_add_months(Months::new(months)).unwrap_or(day)
}

/// The last day of a period that begins on a day.
#[must_use]
pub fn period_end(start: NaiveDate, kind: DurationType) -> NaiveDate {
    let next = later(start, months(kind));
    next.pred_opt().unwrap_or(next)
}

/// The least completion that is on track, in per cent.
pub const ON_TRACK: f64 = 75.0;
/// Below this completion a student is at risk, in per cent.
pub const AT_RISK: f64 = 40.0;

/// The progress of a course's students who are under way.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the API's fields of the same names say what they are")]
pub struct Figures {
    pub average_completion: f64,
    pub on_track: i64,
    pub at_risk: i64,
    pub students: i64,
}

/// Which course trackings to list.
#[derive(Clone, Debug, Default, InputObject)]
pub struct CourseTrackingFilter {
    /// In this course.
    pub course_id: Option<FilterId>,
    /// How far along.
    pub status: Option<ProgressStatus>,
    /// Completed so far or further, in per cent.
    pub min_completion: Option<f64>,
    /// Completed so far at most, in per cent.
    pub max_completion: Option<f64>,
}

/// [`CourseTrackingFilter`] with its ids opened.
#[derive(Clone, Copy, Debug, Default)]
#[expect(missing_docs, reason = "see CourseTrackingFilter")]
pub struct CourseTrackingQuery {
    pub course: Option<i64>,
    pub status: Option<ProgressStatus>,
    pub min_completion: Option<f64>,
    pub max_completion: Option<f64>,
}

/// What a list of course trackings is ordered by.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum CourseTrackingOrderField {
    /// Completion.
    Completion,
    /// The order in which they were entered.
    Entry,
}

/// The order of a list of course trackings.
#[derive(Clone, Copy, Debug, InputObject)]
pub struct CourseTrackingOrder {
    /// What to order by.
    pub field: CourseTrackingOrderField,
    /// Upwards or downwards.
    #[graphql(default)]
    pub direction: Direction,
}

impl Default for CourseTrackingOrder {
    fn default() -> Self {
        Self { field: CourseTrackingOrderField::Entry, direction: Direction::Asc }
    }
}

/// A completion as a cursor holds it: its bits, because a fraction read back from JSON can be off in its last place,
/// and a page would then begin at the wrong row.
#[must_use]
pub fn completion_key(completion: f64) -> serde_json::Value {
    completion.to_bits().into()
}

/// The page with the completion that [`completion_key`] wrote.
///
/// # Errors
/// When the key is none: a cursor of another order.
pub fn completion_page(page: &Page) -> Result<Page> {
    let position = page.position::<u64>()?.map(|(bits, id)| (f64::from_bits(bits), id));
    if position.is_some_and(|(completion, _)| !completion.is_finite()) {
        return Err(Error::bad_cursor());
    }
    Ok(Page { position: position.map(|(completion, id)| (completion.into(), id)), ..page.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn course(duration_years: i32, duration_type: DurationType) -> CourseRow {
        let (code, name) = ("C".to_owned(), "Course".to_owned());
        let (description, active, hod_id, version) = (None, true, None, 1);
        CourseRow { id: 7, code, name, description, duration_years, duration_type, active, hod_id, version }
    }

    #[test]
    fn a_tracking_spans_the_course_and_the_period_begins_today_at_the_latest() {
        let today = day("2026-03-20");
        let of = |course: &CourseRow, period, start| {
            let new = NewTracking::of(1, course, period, day(start), today);
            [new.expected_end, new.period_started_on, new.period_ends_on].map(|day| day.to_string())
        };
        let (semesters, years) = (course(4, DurationType::Semester), course(3, DurationType::Year));
        assert_eq!(of(&semesters, 1, "2026-03-20"), ["2030-03-20", "2026-03-20", "2026-09-19"]);
        assert_eq!(of(&semesters, 3, "2026-03-20"), ["2030-03-20", "2026-03-20", "2026-09-19"]);
        assert_eq!(of(&semesters, 3, "2025-02-28"), ["2029-02-28", "2026-02-28", "2026-08-27"]);
        assert_eq!(of(&years, 2, "2024-08-31"), ["2027-08-31", "2025-08-31", "2026-08-30"]);
    }

    #[test]
    fn a_status_says_the_completion_where_none_is_given() {
        let entry = |status, completion| {
            let (student, subject, version, notes) = (1, 1, None, None);
            SubjectEntry { student, subject, version, status, completion, notes }
        };
        let of = |status, completion, before| entry(status, completion).completion(before).to_string();
        assert_eq!(of(ProgressStatus::Completed, None, Some(30.0)), "100");
        assert_eq!(of(ProgressStatus::NotStarted, None, Some(30.0)), "0");
        assert_eq!(of(ProgressStatus::InProgress, None, Some(30.0)), "30");
        assert_eq!(of(ProgressStatus::Dropped, None, Some(100.0)), "0");
        assert_eq!(of(ProgressStatus::InProgress, Some(45.0), Some(30.0)), "45");
    }

    #[test]
    fn completion_is_seventy_of_subjects_and_thirty_of_attendance() {
        let attended = |present, absent| Counts { present, absent, ..Counts::default() };
        assert!((completion(3, 6, &attended(3, 1)) - (35.0 + 22.5)).abs() < 1e-9);
        assert!(completion(0, 0, &Counts::default()).abs() < 1e-9);
        assert!((completion(7, 7, &Counts::default()) - 70.0).abs() < 1e-9);
        for subjects in 1..200 {
            assert!(completion(subjects, subjects, &attended(subjects, 0)) >= 100.0, "whole, to the last bit");
            assert!(completion(subjects, subjects, &attended(999, 1)) < 100.0);
        }
    }

    #[test]
    fn status_follows_completion() {
        use ProgressStatus::*;
        let (start, today) = (NaiveDate::default(), NaiveDate::default() + chrono::Days::new(400));
        let row = |status, actual_end| CourseTrackingRow {
            id: 1,
            student_id: 1,
            course_id: 1,
            enrolled_on: start,
            started_on: start,
            expected_end: today,
            actual_end,
            status,
            completion: 50.0,
            current_period: 1,
            period_started_on: start,
            period_ends_on: today,
            notes: None,
            version: 1,
        };
        let becomes = |row: CourseTrackingRow, completion| {
            let after = row.completed(completion, today);
            (after.status, after.actual_end)
        };
        assert_eq!(becomes(row(NotStarted, None), 0.0), (NotStarted, None));
        assert_eq!(becomes(row(NotStarted, None), 0.1), (InProgress, None));
        assert_eq!(becomes(row(InProgress, None), 0.0), (InProgress, None));
        assert_eq!(becomes(row(InProgress, None), 100.0), (Completed, Some(today)));
        assert_eq!(becomes(row(Completed, Some(start)), 100.0), (Completed, Some(start)));
        assert_eq!(becomes(row(Completed, Some(start)), 99.9), (InProgress, None));
        assert_eq!(becomes(row(Dropped, Some(start)), 100.0), (Dropped, Some(start)));
        assert!((row(Dropped, None).completed(100.0, today).completion - 50.0).abs() < 1e-9);
    }

    #[test]
    fn a_completion_comes_back_from_a_cursor_to_the_last_bit() -> Result<()> {
        let mut completion = 0.1_f64;
        while completion < 100.0 {
            let text = completion_key(completion).to_string();
            let key = serde_json::from_str(&text).map_err(Error::internal)?;
            let page = completion_page(&Page { position: Some((key, 7)), ..Page::first(1) })?;
            let position = page.position::<f64>()?;
            assert_eq!(position.map(|(read, id)| (read.to_bits(), id)), Some((completion.to_bits(), 7)));
            completion *= 1.000_7;
        }
        Ok(())
    }
}
