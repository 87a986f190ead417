//! A course's row, and what lists of courses are filtered and ordered by.

use async_graphql::{Enum, InputObject};
use diesel::prelude::*;
use serde::Serialize;

use crate::{
    db::schema::courses,
    graphql::{Direction, Row},
    text_enum,
};

text_enum! {
    /// How a course divides its years.
    DurationType {
        /// One period a year.
        Year = "YEAR",
        /// Two periods a year.
        Semester = "SEMESTER",
    }
}

/// A course.
#[derive(Clone, Debug, Queryable, Selectable, Serialize)]
#[diesel(table_name = courses)]
#[expect(missing_docs, reason = "the API's fields of the same names say what they are")]
pub struct CourseRow {
    pub id: i64,
    pub code: String,
    pub name: String,
    pub description: Option<String>,
    pub duration_years: i32,
    pub duration_type: DurationType,
    pub active: bool,
    pub hod_id: Option<i64>,
    pub version: i32,
}

impl Row for CourseRow {
    fn number(&self) -> i64 {
        self.id
    }
}

impl CourseRow {
    /// Periods of the course: one a year, or two.
    #[must_use]
    pub fn periods(&self) -> i32 {
        periods(self.duration_years, self.duration_type)
    }

    /// Whether no period comes after this one.
    #[must_use]
    pub fn is_last(&self, period: i32) -> bool {
        period >= self.periods()
    }
}

/// The most years that a course can take.
pub const MAX_YEARS: i32 = 10;

/// Periods of a course of so many years.
#[must_use]
pub fn periods(years: i32, kind: DurationType) -> i32 {
    match kind {
        DurationType::Year => years,
        DurationType::Semester => 2 * years,
    }
}

/// A course to add.
#[derive(Clone, Debug, Insertable)]
#[diesel(table_name = courses)]
#[expect(missing_docs, reason = "the input's fields of the same names say what they are")]
pub struct NewCourse {
    pub code: String,
    pub name: String,
    pub description: Option<String>,
    pub duration_years: i32,
    pub duration_type: DurationType,
}

/// What to change of a course.
#[derive(Clone, Debug, Default, AsChangeset)]
#[diesel(table_name = courses)]
#[expect(missing_docs, reason = "the input's fields of the same names say what they are")]
pub struct CourseEdit {
    pub code: Option<String>,
    pub name: Option<String>,
    pub description: Option<Option<String>>,
    pub duration_years: Option<i32>,
    pub duration_type: Option<DurationType>,
    pub active: Option<bool>,
}

/// Which courses to list.
#[derive(Clone, Debug, Default, InputObject)]
pub struct CourseFilter {
    /// Name contains this, whatever the case.
    pub name: Option<String>,
    /// Offered at present, or not.
    pub active: Option<bool>,
}

/// What a list of courses is ordered by.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum CourseOrderField {
    /// Name.
    Name,
    /// Code.
    Code,
}

/// The order of a list of courses.
#[derive(Clone, Copy, Debug, InputObject)]
pub struct CourseOrder {
    /// What to order by.
    pub field: CourseOrderField,
    /// Upwards or downwards.
    #[graphql(default)]
    pub direction: Direction,
}

impl Default for CourseOrder {
    fn default() -> Self {
        Self { field: CourseOrderField::Name, direction: Direction::Asc }
    }
}
