//! Rows of feedback, and what lists of it are filtered and ordered by.

use async_graphql::{Enum, InputObject};
use chrono::{Datelike, NaiveDateTime};
use diesel::prelude::*;
use serde::Serialize;

use crate::{
    db::schema::{institute_feedback, teacher_feedback},
    graphql::{Direction, FilterId, Row},
    text_enum,
};

text_enum! {
    /// What feedback on the institute is about.
    InstituteFeedbackType {
        /// The institute as a whole.
        General = "GENERAL",
        /// What there is to use.
        Facilities = "FACILITIES",
        /// How teaching is done.
        Teaching = "TEACHING",
        /// Buildings, power, network.
        Infrastructure = "INFRASTRUCTURE",
        /// The office.
        Administration = "ADMINISTRATION",
    }
}

/// Feedback on a teacher.
#[derive(Clone, Debug, Queryable, Selectable, Serialize)]
#[diesel(table_name = teacher_feedback)]
#[expect(missing_docs, reason = "the API's fields of the same names say what they are")]
pub struct TeacherFeedbackRow {
    pub id: i64,
    pub teacher_id: i64,
    /// The author, or the author's child.
    pub student_id: i64,
    /// The author, where a parent wrote it.
    pub parent_id: Option<i64>,
    pub half_stars: i32,
    pub message: Option<String>,
    pub created_at: NaiveDateTime,
    pub updated_at: NaiveDateTime,
}

impl Row for TeacherFeedbackRow {
    fn number(&self) -> i64 {
        self.id
    }
}

/// Feedback on the institute.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = institute_feedback)]
#[expect(missing_docs, reason = "the API's fields of the same names say what they are")]
pub struct InstituteFeedbackRow {
    pub id: i64,
    /// The author: never shown but through `author_name`, and nothing is ordered or filtered by it.
    pub account_id: i64,
    #[diesel(column_name = type_)]
    pub kind: InstituteFeedbackType,
    pub half_stars: i32,
    pub message: Option<String>,
    pub anonymous: bool,
    pub public: bool,
    pub created_at: NaiveDateTime,
}

impl Row for InstituteFeedbackRow {
    fn number(&self) -> i64 {
        self.id
    }
}

impl InstituteFeedbackRow {
    /// Whether `account` may know who wrote it, so far as that depends on the row.
    #[must_use]
    pub fn signed_for(&self, account: i64) -> bool {
        !self.anonymous || self.account_id == account
    }
}

/// Somebody's feedback on a teacher, as they send it.
#[derive(Clone, Debug)]
pub struct TeacherRating {
    /// The teacher.
    pub teacher: i64,
    /// The parent's child, or the student; none where the student themselves writes.
    pub student: Option<i64>,
    /// The rating, in halves.
    pub half_stars: i32,
    /// What is said.
    pub message: Option<String>,
}

/// Somebody's feedback on the institute, as they send it.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the input's fields of the same names say what they are")]
pub struct InstituteRating {
    pub kind: InstituteFeedbackType,
    pub half_stars: i32,
    pub message: Option<String>,
    pub anonymous: bool,
    pub public: bool,
}

/// How many random bytes are in the number of a row of feedback.
pub const CHANCE: usize = 5;

/// The number of a row of feedback that is entered `at` a time: its month and, within that, chance.
///
/// Lists are in the order of these numbers, among them what is anonymous, or has no author for a teacher. If they followed
/// each other as they were entered, what somebody signs would stand beside what they do not sign a minute later, and date
/// it; so of the order only the month is left.
#[must_use]
pub fn number(at: NaiveDateTime, chance: [u8; CHANCE]) -> i64 {
    let month = i64::from(at.year()) * 12 + i64::from(at.month0());
    chance.iter().fold(month, |number, byte| (number << 8) | i64::from(*byte))
}

/// Ratings of one teacher, added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ratings {
    /// The sum, in halves.
    pub half_stars: i64,
    /// How many.
    pub count: i64,
}

impl Ratings {
    /// The average rating; `None` where there are fewer than `least`, or none.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "nobody gets 2^52 ratings")]
    pub fn average(&self, least: i64) -> Option<f64> {
        (self.count >= least.max(1)).then(|| self.half_stars as f64 / 2.0 / self.count as f64)
    }
}

/// A rating as it is shown: 1.0 to 5.0.
#[must_use]
pub fn rating(half_stars: i32) -> f64 {
    f64::from(half_stars) / 2.0
}

/// The least number of halves that is at least `rating`.
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "between 0 and 11")]
pub fn half_stars(rating: f64) -> i32 {
    (rating * 2.0).ceil().clamp(0.0, 11.0) as i32
}

/// Which feedback on teachers to list.
#[derive(Clone, Debug, Default, InputObject)]
pub struct TeacherFeedbackFilter {
    /// About this teacher.
    pub teacher_id: Option<FilterId>,
    /// Rated so high or higher.
    pub min_rating: Option<f64>,
}

/// [`TeacherFeedbackFilter`] with its ids opened.
#[derive(Clone, Copy, Debug, Default)]
#[expect(missing_docs, reason = "see TeacherFeedbackFilter")]
pub struct TeacherFeedbackQuery {
    pub teacher: Option<i64>,
    pub min_half_stars: Option<i32>,
}

/// Which feedback on the institute to list.
#[derive(Clone, Debug, Default, InputObject)]
pub struct InstituteFeedbackFilter {
    /// What it is about.
    #[graphql(name = "type")]
    pub kind: Option<InstituteFeedbackType>,
    /// Rated so high or higher.
    pub min_rating: Option<f64>,
    /// For everybody to read, or not.
    pub public: Option<bool>,
}

/// What a list of feedback on teachers is ordered by.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum TeacherFeedbackOrderField {
    /// The month in which it was entered. Within a month the order is always the same, and tells nothing of its author.
    Entry,
    /// When it was written last. This lists only feedback whose author the viewer may know.
    UpdatedAt,
}

/// The order of a list of feedback on teachers.
#[derive(Clone, Copy, Debug, InputObject)]
pub struct TeacherFeedbackOrder {
    /// What to order by.
    pub field: TeacherFeedbackOrderField,
    /// Upwards or downwards.
    #[graphql(default)]
    pub direction: Direction,
}

impl Default for TeacherFeedbackOrder {
    fn default() -> Self {
        Self { field: TeacherFeedbackOrderField::Entry, direction: Direction::Desc }
    }
}

/// What a list of feedback on the institute is ordered by: nothing that tells of its author.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstituteFeedbackOrderField {
    /// The month in which it was entered. Within a month the order is always the same, and tells nothing of its author.
    Entry,
}

/// The order of a list of feedback on the institute.
#[derive(Clone, Copy, Debug, InputObject)]
pub struct InstituteFeedbackOrder {
    /// What to order by.
    pub field: InstituteFeedbackOrderField,
    /// Upwards or downwards.
    #[graphql(default)]
    pub direction: Direction,
}

impl Default for InstituteFeedbackOrder {
    fn default() -> Self {
        Self { field: InstituteFeedbackOrderField::Entry, direction: Direction::Desc }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rating_is_rounded_up_to_halves_for_a_filter() {
        assert_eq!(half_stars(4.0), 8);
        assert_eq!(half_stars(4.1), 9);
        assert_eq!(half_stars(-1.0), 0);
        assert_eq!(half_stars(1e300), 11);
    }

    #[test]
    fn a_number_tells_the_month_and_no_more() {
        let at = |month, day| chrono::NaiveDate::from_ymd_opt(2026, month, day).unwrap().and_hms_opt(9, 0, 0).unwrap();
        let (least, most) = ([0; CHANCE], [255; CHANCE]);
        assert_eq!(number(at(3, 1), least), number(at(3, 31), least));
        assert!(number(at(3, 1), most) < number(at(4, 1), least));
        assert!(number(at(12, 31), most) < i64::MAX / 256);
    }

    #[test]
    fn few_ratings_have_no_average() {
        let two = Ratings { half_stars: 15, count: 2 };
        assert_eq!(two.average(1), Some(3.75));
        assert_eq!(two.average(3), None);
        assert_eq!(Ratings::default().average(0), None);
    }
}
