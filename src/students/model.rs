//! A student's row, and what lists of students are filtered and ordered by.

use std::collections::BTreeSet;

use async_graphql::{Enum, InputObject};
use chrono::{NaiveDate, NaiveDateTime};
use diesel::prelude::*;
use serde::Serialize;

use crate::{
    auth::model::Contact,
    db::schema::students,
    graphql::{Direction, FilterId, Row},
    parents::model::NewParent,
    people::{Gender, MaritalStatus},
    text_enum,
};

text_enum! {
    /// Where a student stands with the institute.
    StudentStatus {
        /// Attends.
        Active = "ACTIVE",
        /// Is away for a while.
        Leave = "LEAVE",
        /// Has finished.
        Completed = "COMPLETED",
    }
}

/// A student. E-mail and phone are the account's.
#[derive(Clone, Debug, Queryable, Selectable, Serialize)]
#[diesel(table_name = students)]
#[expect(missing_docs, reason = "the API's fields of the same names say what they are")]
pub struct StudentRow {
    pub id: i64,
    pub account_id: i64,
    pub name: String,
    pub status: StudentStatus,
    pub gender: Option<Gender>,
    pub birth_date: Option<NaiveDate>,
    pub temporary_address: Option<String>,
    pub permanent_address: Option<String>,
    pub marital_status: Option<MaritalStatus>,
    pub citizenship_number: Option<String>,
    pub photo_url: Option<String>,
    pub course_id: Option<i64>,
    pub current_period: Option<i32>,
    pub joining_date: Option<NaiveDate>,
    pub archived_at: Option<NaiveDateTime>,
    pub created_at: NaiveDateTime,
    pub version: i32,
}

impl Row for StudentRow {
    fn number(&self) -> i64 {
        self.id
    }
}

/// A student to admit, with what they join.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the input's fields of the same names say what they are")]
pub struct Admission {
    pub student: NewStudent,
    pub contact: Contact,
    pub joining_date: Option<NaiveDate>,
    pub course: Option<i64>,
    pub period: Option<i32>,
    pub batches: BTreeSet<i64>,
    pub parents: Vec<NewParent>,
}

/// What is known of a student to admit.
#[derive(Clone, Debug, Default, Insertable)]
#[diesel(table_name = students)]
#[expect(missing_docs, reason = "the input's fields of the same names say what they are")]
pub struct NewStudent {
    pub name: String,
    pub gender: Option<Gender>,
    pub birth_date: Option<NaiveDate>,
    pub temporary_address: Option<String>,
    pub permanent_address: Option<String>,
    pub marital_status: Option<MaritalStatus>,
    pub citizenship_number: Option<String>,
    pub photo_url: Option<String>,
}

/// What to change of a student.
#[derive(Clone, Debug, Default, AsChangeset)]
#[diesel(table_name = students)]
#[expect(missing_docs, reason = "the input's fields of the same names say what they are")]
pub struct StudentEdit {
    pub name: Option<String>,
    pub gender: Option<Option<Gender>>,
    pub birth_date: Option<Option<NaiveDate>>,
    pub temporary_address: Option<Option<String>>,
    pub permanent_address: Option<Option<String>>,
    pub marital_status: Option<Option<MaritalStatus>>,
    pub citizenship_number: Option<Option<String>>,
    pub photo_url: Option<Option<String>>,
    pub joining_date: Option<Option<NaiveDate>>,
}

/// Which students to list.
#[derive(Clone, Debug, Default, InputObject)]
pub struct StudentFilter {
    /// Name contains this, whatever the case.
    pub name: Option<String>,
    /// Standing.
    pub status: Option<StudentStatus>,
    /// Enrolled in this course.
    pub course_id: Option<FilterId>,
    /// In this period of their course.
    pub period: Option<i32>,
    /// Member of this batch.
    pub batch_id: Option<FilterId>,
    /// Archived ones instead (ADMIN only: nobody else reaches them).
    #[graphql(default)]
    pub archived: bool,
}

/// [`StudentFilter`] with its ids opened.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "see StudentFilter")]
pub struct StudentQuery {
    pub name: Option<String>,
    pub status: Option<StudentStatus>,
    pub course: Option<i64>,
    pub period: Option<i32>,
    pub batch: Option<i64>,
    pub archived: bool,
}

/// What a list of students is ordered by.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum StudentOrderField {
    /// Name, then admission.
    Name,
    /// Admission: the order in which they were entered.
    Admission,
}

/// The order of a list of students.
#[derive(Clone, Copy, Debug, InputObject)]
pub struct StudentOrder {
    /// What to order by.
    pub field: StudentOrderField,
    /// Upwards or downwards.
    #[graphql(default)]
    pub direction: Direction,
}

impl Default for StudentOrder {
    fn default() -> Self {
        Self { field: StudentOrderField::Name, direction: Direction::Asc }
    }
}
