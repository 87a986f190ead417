//! The rows of subjects and study files, and what lists of subjects are filtered and ordered by.

use async_graphql::{Enum, InputObject};
use chrono::NaiveDateTime;
use diesel::prelude::*;
use serde::Serialize;

use crate::{
    db::schema::{study_files, subjects},
    graphql::{Direction, FilterId, Row},
};

/// A subject.
#[derive(Clone, Debug, Queryable, Selectable, Serialize)]
#[diesel(table_name = subjects)]
#[expect(missing_docs, reason = "the API's fields of the same names say what they are")]
pub struct SubjectRow {
    pub id: i64,
    pub course_id: i64,
    pub period: i32,
    pub code: String,
    pub name: String,
    pub syllabus_url: Option<String>,
    pub version: i32,
}

impl Row for SubjectRow {
    fn number(&self) -> i64 {
        self.id
    }
}

/// A file to study a subject from.
#[derive(Clone, Debug, Queryable, Selectable, Serialize)]
#[diesel(table_name = study_files)]
#[expect(missing_docs, reason = "the API's fields of the same names say what they are")]
pub struct StudyFileRow {
    pub id: i64,
    pub subject_id: i64,
    pub title: String,
    pub description: Option<String>,
    pub file_url: String,
    pub uploaded_by: Option<i64>,
    pub uploaded_at: NaiveDateTime,
}

impl Row for StudyFileRow {
    fn number(&self) -> i64 {
        self.id
    }
}

/// A subject to add.
#[derive(Clone, Debug, Insertable)]
#[diesel(table_name = subjects)]
#[expect(missing_docs, reason = "the input's fields of the same names say what they are")]
pub struct NewSubject {
    pub course_id: i64,
    pub period: i32,
    pub code: String,
    pub name: String,
    pub syllabus_url: Option<String>,
}

/// What to change of a subject.
#[derive(Clone, Debug, Default, AsChangeset)]
#[diesel(table_name = subjects)]
#[expect(missing_docs, reason = "the input's fields of the same names say what they are")]
pub struct SubjectEdit {
    pub period: Option<i32>,
    pub code: Option<String>,
    pub name: Option<String>,
    pub syllabus_url: Option<Option<String>>,
}

/// A study file to add.
#[derive(Clone, Debug, Insertable)]
#[diesel(table_name = study_files)]
#[expect(missing_docs, reason = "the input's fields of the same names say what they are")]
pub struct NewStudyFile {
    pub subject_id: i64,
    pub title: String,
    pub description: Option<String>,
    pub file_url: String,
}

/// Which subjects to list.
#[derive(Clone, Debug, Default, InputObject)]
pub struct SubjectFilter {
    /// Of this course (not for reporting keys, which may not read it).
    pub course_id: Option<FilterId>,
    /// Taught in this period of its course (not for reporting keys, which may not read it).
    pub period: Option<i32>,
    /// Name contains this, whatever the case.
    pub name: Option<String>,
}

/// [`SubjectFilter`] with its ids opened.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "see SubjectFilter")]
pub struct SubjectQuery {
    pub course: Option<i64>,
    pub period: Option<i32>,
    pub name: Option<String>,
}

/// What a list of subjects is ordered by.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubjectOrderField {
    /// Name.
    Name,
    /// The order in which they were entered.
    Entry,
}

/// The order of a list of subjects.
#[derive(Clone, Copy, Debug, InputObject)]
pub struct SubjectOrder {
    /// What to order by.
    pub field: SubjectOrderField,
    /// Upwards or downwards.
    #[graphql(default)]
    pub direction: Direction,
}

impl Default for SubjectOrder {
    fn default() -> Self {
        Self { field: SubjectOrderField::Name, direction: Direction::Asc }
    }
}
