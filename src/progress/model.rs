//! Rows of course tracking and subject progress, and what lists of them are filtered and ordered by.

use async_graphql::{Enum, ID, InputObject};
use chrono::NaiveDate;
use diesel::prelude::*;

use crate::{
    db::{
        paging::Page,
        schema::{course_trackings, subject_progress},
    },
    error::{Error, Result},
    graphql::{Direction, Row},
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
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = course_trackings)]
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
}

impl Row for CourseTrackingRow {
    fn number(&self) -> i64 {
        self.id
    }
}

/// How far a student is in a subject.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = subject_progress)]
#[expect(missing_docs, reason = "the API's fields of the same names say what they are")]
pub struct SubjectProgressRow {
    pub id: i64,
    pub student_id: i64,
    pub subject_id: i64,
    pub status: ProgressStatus,
    pub completion: f64,
    pub notes: Option<String>,
}

impl Row for SubjectProgressRow {
    fn number(&self) -> i64 {
        self.id
    }
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
    pub course_id: Option<ID>,
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
