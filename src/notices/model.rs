//! A notice's row and its audience, and what lists of notices are filtered and ordered by.

use async_graphql::{Enum, InputObject};
use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;
use serde::Serialize;

use crate::{
    db::schema::{notice_audiences, notices},
    graphql::{Direction, Row},
    text_enum,
};

text_enum! {
    /// What a notice's audience goes by.
    AudienceKind {
        /// Everybody who signs in.
        Everybody = "EVERYBODY",
        /// Everybody with a role.
        Role = "ROLE",
        /// The people of a course.
        Course = "COURSE",
        /// The people of a batch.
        Batch = "BATCH",
    }
}

text_enum! {
    /// A role that a notice can be for.
    AudienceRole {
        /// Administrators.
        Admin = "ADMIN",
        /// Heads of department.
        Hod = "HOD",
        /// Admission officers.
        Admission = "ADMISSION",
        /// Teachers.
        Staff = "STAFF",
        /// Students.
        Student = "STUDENT",
        /// Parents.
        Parent = "PARENT",
    }
}

/// A notice.
#[derive(Clone, Debug, Queryable, Selectable, Serialize)]
#[diesel(table_name = notices)]
#[expect(missing_docs, reason = "the API's fields of the same names say what they are")]
pub struct NoticeRow {
    pub id: i64,
    pub title: String,
    pub message: String,
    pub image_url: Option<String>,
    pub file_url: Option<String>,
    pub published_by: Option<i64>,
    pub published_at: NaiveDateTime,
    pub version: i32,
    pub withdrawn_at: Option<NaiveDateTime>,
}

impl Row for NoticeRow {
    fn number(&self) -> i64 {
        self.id
    }
}

/// One of the groups that a notice is for.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = notice_audiences)]
#[expect(missing_docs, reason = "the API's fields of the same names say what they are")]
pub struct AudienceRow {
    pub id: i64,
    pub kind: AudienceKind,
    pub role: Option<AudienceRole>,
    pub course_id: Option<i64>,
    pub batch_id: Option<i64>,
}

impl Row for AudienceRow {
    fn number(&self) -> i64 {
        self.id
    }
}

/// A notice to publish.
#[derive(Clone, Debug, Insertable)]
#[diesel(table_name = notices)]
#[expect(missing_docs, reason = "the input's fields of the same names say what they are")]
pub struct NewNotice {
    pub title: String,
    pub message: String,
    pub image_url: Option<String>,
    pub file_url: Option<String>,
}

/// Whom a notice is for.
#[derive(Clone, Debug, Default, Serialize)]
#[expect(missing_docs, reason = "the input's fields of the same names say what they are")]
pub struct Audience {
    pub everybody: bool,
    pub roles: Vec<AudienceRole>,
    pub courses: Vec<i64>,
    pub batches: Vec<i64>,
}

impl Audience {
    /// Whether it is for nobody.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.everybody && self.roles.is_empty() && self.courses.is_empty() && self.batches.is_empty()
    }

    /// The groups of a notice that is for it.
    #[must_use]
    pub fn groups(&self, notice_id: i64) -> Vec<NewGroup> {
        let group = |kind| NewGroup { notice_id, kind, role: None, course_id: None, batch_id: None };
        let everybody = self.everybody.then(|| group(AudienceKind::Everybody));
        let roles = self.roles.iter().map(|role| NewGroup { role: Some(*role), ..group(AudienceKind::Role) });
        let courses =
            self.courses.iter().map(|course| NewGroup { course_id: Some(*course), ..group(AudienceKind::Course) });
        let batches =
            self.batches.iter().map(|batch| NewGroup { batch_id: Some(*batch), ..group(AudienceKind::Batch) });
        everybody.into_iter().chain(roles).chain(courses).chain(batches).collect()
    }
}

/// One of the groups that a notice is to be for.
#[derive(Clone, Debug, Insertable)]
#[diesel(table_name = notice_audiences, treat_none_as_default_value = false)]
#[expect(missing_docs, reason = "see AudienceRow")]
pub struct NewGroup {
    pub notice_id: i64,
    pub kind: AudienceKind,
    pub role: Option<AudienceRole>,
    pub course_id: Option<i64>,
    pub batch_id: Option<i64>,
}

impl Extend<AudienceRow> for Audience {
    fn extend<I: IntoIterator<Item = AudienceRow>>(&mut self, rows: I) {
        for row in rows {
            self.everybody |= row.kind == AudienceKind::Everybody;
            self.roles.extend(row.role);
            self.courses.extend(row.course_id);
            self.batches.extend(row.batch_id);
        }
    }
}

/// What to change of a notice.
#[derive(Clone, Debug, Default, AsChangeset)]
#[diesel(table_name = notices)]
#[expect(missing_docs, reason = "the input's fields of the same names say what they are")]
pub struct NoticeEdit {
    pub title: Option<String>,
    pub message: Option<String>,
    pub image_url: Option<Option<String>>,
    pub file_url: Option<Option<String>>,
}

/// Which notices to list.
#[derive(Clone, Copy, Debug, Default, InputObject)]
pub struct NoticeFilter {
    /// Published at this time or later.
    pub from: Option<DateTime<Utc>>,
    /// Published before this time.
    pub to: Option<DateTime<Utc>>,
    /// Not read by the viewer yet, or read.
    pub unread: Option<bool>,
    /// Those that were withdrawn instead of the others: ADMIN alone reaches any.
    #[graphql(default)]
    pub withdrawn: bool,
}

/// What a list of notices is ordered by.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeOrderField {
    /// When they were published.
    PublishedAt,
}

/// The order of a list of notices.
#[derive(Clone, Copy, Debug, InputObject)]
pub struct NoticeOrder {
    /// What to order by.
    pub field: NoticeOrderField,
    /// Upwards or downwards.
    #[graphql(default)]
    pub direction: Direction,
}

impl Default for NoticeOrder {
    fn default() -> Self {
        Self { field: NoticeOrderField::PublishedAt, direction: Direction::Desc }
    }
}
