//! Subjects and study files in the database.

use diesel::{dsl, prelude::*};
use diesel_async::RunQueryDsl;

use super::{Backend, Cx, courses, dialect};
use crate::{
    auth::{Reach, Role, Scope},
    db::{
        paging::Page,
        schema::{routines, study_files, subjects},
    },
    error::Result,
    keyset, keyset_of_each,
    subjects::model::{StudyFileRow, SubjectOrderField, SubjectQuery, SubjectRow},
};

type Query<'a> = subjects::BoxedQuery<'a, Backend>;

diesel::alias!(
    const EARLIER: Alias<Earlier> = routines as earlier_slots;
);

/// The subjects that each role reaches.
pub fn reach(scope: &Scope) -> Reach<subjects::table, Backend> {
    Reach::of(scope)
        .all(Role::Admin)
        .all(Role::Hod)
        .all(Role::Admission)
        .all(Role::Reporting)
        .when(Role::Staff, |viewer| subjects::course_id.eq_any(courses::visible(&viewer.only(Role::Staff))))
        .when(Role::Student, |viewer| subjects::course_id.eq_any(courses::visible(&viewer.only(Role::Student))))
        .when(Role::Parent, |viewer| subjects::course_id.eq_any(courses::visible(&viewer.only(Role::Parent))))
}

/// The numbers of the subjects in scope.
#[dsl::auto_type]
pub fn visible(scope: &Scope) -> _ {
    let reached: crate::auth::Reached<Backend> = reach(scope).filter();
    subjects::table.filter(reached).select(subjects::id)
}

/// The numbers of the subjects of courses that the viewer heads: for an HOD's scope of what belongs to a subject.
#[dsl::auto_type]
pub fn headed(scope: &Scope) -> _ {
    let courses: courses::headed = courses::headed(scope);
    subjects::table.filter(subjects::course_id.eq_any(courses)).select(subjects::id)
}

/// The study files that each role reaches.
pub fn files_reach(scope: &Scope) -> Reach<study_files::table, Backend> {
    Reach::of(scope)
        .all(Role::Admin)
        .all(Role::Hod)
        .when(Role::Staff, |viewer| study_files::subject_id.eq_any(visible(&viewer.only(Role::Staff))))
        .when(Role::Student, |viewer| study_files::subject_id.eq_any(visible(&viewer.only(Role::Student))))
        .when(Role::Parent, |viewer| study_files::subject_id.eq_any(visible(&viewer.only(Role::Parent))))
}

fn listed<'a>(scope: &Scope, query: &SubjectQuery) -> Query<'a> {
    let mut rows = subjects::table.filter(reach(scope).filter()).into_boxed();
    if let Some(course) = query.course {
        rows = rows.filter(subjects::course_id.eq(course));
    }
    if let Some(period) = query.period {
        rows = rows.filter(subjects::period.eq(period));
    }
    if let Some(name) = &query.name {
        rows = rows.filter(dialect::contains(subjects::name, name));
    }
    rows
}

/// A page of the subjects in scope.
pub async fn page(
    cx: &mut Cx,
    scope: &Scope,
    query: &SubjectQuery,
    order: SubjectOrderField,
    page: &Page,
) -> Result<Vec<(SubjectRow, i32)>> {
    let rows = listed(scope, query);
    let rows = match order {
        SubjectOrderField::Name => keyset!(rows, page, subjects::name, subjects::id, String),
        SubjectOrderField::Entry => keyset!(rows, page, subjects::id, subjects::id, i64),
    };
    Ok(rows.select((SubjectRow::as_select(), reach(scope).granted())).load(cx).await?)
}

/// How many subjects there are in scope.
pub async fn count(cx: &mut Cx, scope: &Scope, query: &SubjectQuery) -> Result<i64> {
    Ok(listed(scope, query).count().get_result(cx).await?)
}

/// Subjects by number.
pub async fn by_ids(cx: &mut Cx, scope: &Scope, ids: &[i64]) -> Result<Vec<(SubjectRow, i32)>> {
    let rows = subjects::table
        .filter(subjects::id.eq_any(ids))
        .filter(reach(scope).filter())
        .select((SubjectRow::as_select(), reach(scope).granted()))
        .load(cx)
        .await?;
    Ok(rows)
}

/// The subjects of each course, or of one of its periods, by period.
pub async fn of_courses(
    cx: &mut Cx,
    scope: &Scope,
    courses: &[i64],
    period: Option<i32>,
    page: &Page,
) -> Result<Vec<(i64, SubjectRow, i32)>> {
    let mut rows =
        subjects::table.filter(subjects::course_id.eq_any(courses)).filter(reach(scope).filter()).into_boxed();
    if let Some(period) = period {
        rows = rows.filter(subjects::period.eq(period));
    }
    keyset_of_each!(
        cx,
        rows,
        page,
        subjects::period,
        subjects::id,
        i32,
        subjects::course_id,
        SubjectRow::as_select(),
        reach(scope).granted()
    )
}

/// The subjects that each teacher's active routines give them, by name. Of a teacher's routines for a subject the
/// earliest entered stands for all of them, so that the subject is listed once.
pub async fn of_teachers(
    cx: &mut Cx,
    scope: &Scope,
    teachers: &[i64],
    page: &Page,
) -> Result<Vec<(i64, SubjectRow, i32)>> {
    let earlier = EARLIER
        .filter(EARLIER.field(routines::active))
        .filter(EARLIER.field(routines::teacher_id).eq(routines::teacher_id))
        .filter(EARLIER.field(routines::subject_id).eq(routines::subject_id))
        .filter(EARLIER.field(routines::id).lt(routines::id));
    let rows = subjects::table
        .inner_join(routines::table.on(routines::subject_id.eq(subjects::id)))
        .filter(routines::active)
        .filter(routines::teacher_id.eq_any(teachers))
        .filter(dsl::not(dsl::exists(earlier)))
        .filter(reach(scope).filter())
        .into_boxed();
    keyset_of_each!(
        cx,
        rows,
        page,
        subjects::name,
        subjects::id,
        String,
        routines::teacher_id,
        SubjectRow::as_select(),
        reach(scope).granted()
    )
}

/// Study files by number.
pub async fn files_by_ids(cx: &mut Cx, scope: &Scope, ids: &[i64]) -> Result<Vec<(StudyFileRow, i32)>> {
    let rows = study_files::table
        .filter(study_files::id.eq_any(ids))
        .filter(files_reach(scope).filter())
        .select((StudyFileRow::as_select(), files_reach(scope).granted()))
        .load(cx)
        .await?;
    Ok(rows)
}

/// The study files of each subject, as they were entered.
pub async fn files_of_subjects(
    cx: &mut Cx,
    scope: &Scope,
    subjects: &[i64],
    page: &Page,
) -> Result<Vec<(i64, StudyFileRow, i32)>> {
    let rows = study_files::table
        .filter(study_files::subject_id.eq_any(subjects))
        .filter(files_reach(scope).filter())
        .into_boxed();
    keyset_of_each!(
        cx,
        rows,
        page,
        study_files::id,
        study_files::id,
        i64,
        study_files::subject_id,
        StudyFileRow::as_select(),
        files_reach(scope).granted()
    )
}
