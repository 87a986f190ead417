//! Course tracking and subject progress in the database.

use diesel::{dsl, prelude::*};
use diesel_async::RunQueryDsl;

use super::{Backend, Cx, courses, students, subjects};
use crate::{
    auth::{Reach, Role, Scope},
    db::{
        paging::Page,
        schema::{course_trackings, subject_progress},
    },
    error::Result,
    keyset, keyset_of_each,
    progress::model::{
        AT_RISK, CourseTrackingOrderField, CourseTrackingQuery, CourseTrackingRow, Figures, ON_TRACK, ProgressStatus,
        SubjectProgressRow, completion_page,
    },
};

type Query<'a> = course_trackings::BoxedQuery<'a, Backend>;

/// The course trackings that each role reaches.
pub fn reach_tracking(scope: &Scope) -> Reach<course_trackings::table, Backend> {
    let student = course_trackings::student_id;
    answered_for(scope)
        .when(Role::Admission, |viewer| student.eq_any(students::visible(&viewer.only(Role::Admission))))
        .when(Role::Staff, |viewer| student.eq_any(students::visible(&viewer.only(Role::Staff))))
        .when(Role::Student, |viewer| student.eq(viewer.student()))
        .when(Role::Parent, |viewer| student.eq_any(students::visible(&viewer.only(Role::Parent))))
}

/// The course trackings of those who answer for the course alone.
fn answered_for(scope: &Scope) -> Reach<course_trackings::table, Backend> {
    Reach::of(scope).all(Role::Admin).when(Role::Hod, |viewer| {
        course_trackings::course_id
            .eq_any(courses::headed(viewer))
            .and(course_trackings::student_id.eq_any(students::present()))
    })
}

/// The subject progress that each role reaches.
pub fn reach_subject(scope: &Scope) -> Reach<subject_progress::table, Backend> {
    let student = subject_progress::student_id;
    Reach::of(scope)
        .all(Role::Admin)
        .when(Role::Hod, |viewer| {
            subject_progress::subject_id.eq_any(subjects::headed(viewer)).and(student.eq_any(students::present()))
        })
        .when(Role::Admission, |viewer| student.eq_any(students::visible(&viewer.only(Role::Admission))))
        .when(Role::Staff, |viewer| student.eq_any(students::visible(&viewer.only(Role::Staff))))
        .when(Role::Student, |viewer| student.eq(viewer.student()))
        .when(Role::Parent, |viewer| student.eq_any(students::visible(&viewer.only(Role::Parent))))
}

fn listed<'a>(scope: &Scope, query: &CourseTrackingQuery) -> Query<'a> {
    let mut rows = course_trackings::table.filter(reach_tracking(scope).filter()).into_boxed();
    if let Some(course) = query.course {
        rows = rows.filter(course_trackings::course_id.eq(course));
    }
    if let Some(status) = query.status {
        rows = rows.filter(course_trackings::status.eq(status));
    }
    if let Some(least) = query.min_completion {
        rows = rows.filter(course_trackings::completion.ge(least));
    }
    if let Some(most) = query.max_completion {
        rows = rows.filter(course_trackings::completion.le(most));
    }
    rows
}

/// A page of the course trackings in scope.
pub async fn page(
    cx: &mut Cx,
    scope: &Scope,
    query: &CourseTrackingQuery,
    order: CourseTrackingOrderField,
    page: &Page,
) -> Result<Vec<(CourseTrackingRow, i32)>> {
    let rows = listed(scope, query);
    let rows = match order {
        CourseTrackingOrderField::Completion => {
            let page = &completion_page(page)?;
            keyset!(rows, page, course_trackings::completion, course_trackings::id, f64)
        }
        CourseTrackingOrderField::Entry => keyset!(rows, page, course_trackings::id, course_trackings::id, i64),
    };
    Ok(rows.select((CourseTrackingRow::as_select(), reach_tracking(scope).granted())).load(cx).await?)
}

/// How many course trackings there are in scope.
pub async fn count(cx: &mut Cx, scope: &Scope, query: &CourseTrackingQuery) -> Result<i64> {
    Ok(listed(scope, query).count().get_result(cx).await?)
}

/// Course trackings by number.
pub async fn tracking_by_ids(cx: &mut Cx, scope: &Scope, ids: &[i64]) -> Result<Vec<(CourseTrackingRow, i32)>> {
    let rows = course_trackings::table
        .filter(course_trackings::id.eq_any(ids))
        .filter(reach_tracking(scope).filter())
        .select((CourseTrackingRow::as_select(), reach_tracking(scope).granted()))
        .load(cx)
        .await?;
    Ok(rows)
}

/// Subject progress by number.
pub async fn subject_by_ids(cx: &mut Cx, scope: &Scope, ids: &[i64]) -> Result<Vec<(SubjectProgressRow, i32)>> {
    let rows = subject_progress::table
        .filter(subject_progress::id.eq_any(ids))
        .filter(reach_subject(scope).filter())
        .select((SubjectProgressRow::as_select(), reach_subject(scope).granted()))
        .load(cx)
        .await?;
    Ok(rows)
}

/// The course trackings of each student, in the order of entry.
pub async fn trackings_of_students(
    cx: &mut Cx,
    scope: &Scope,
    students: &[i64],
    page: &Page,
) -> Result<Vec<(i64, CourseTrackingRow, i32)>> {
    let rows = course_trackings::table
        .filter(course_trackings::student_id.eq_any(students))
        .filter(reach_tracking(scope).filter())
        .into_boxed();
    keyset_of_each!(
        cx,
        rows,
        page,
        course_trackings::id,
        course_trackings::id,
        i64,
        course_trackings::student_id,
        CourseTrackingRow::as_select(),
        reach_tracking(scope).granted()
    )
}

/// The subject progress of each student, in the order of entry.
pub async fn subjects_of_students(
    cx: &mut Cx,
    scope: &Scope,
    students: &[i64],
    page: &Page,
) -> Result<Vec<(i64, SubjectProgressRow, i32)>> {
    let rows = subject_progress::table
        .filter(subject_progress::student_id.eq_any(students))
        .filter(reach_subject(scope).filter())
        .into_boxed();
    keyset_of_each!(
        cx,
        rows,
        page,
        subject_progress::id,
        subject_progress::id,
        i64,
        subject_progress::student_id,
        SubjectProgressRow::as_select(),
        reach_subject(scope).granted()
    )
}

/// The progress of each course's students who are under way and not archived, for those who answer for the course and for
/// reports; nothing of a course that has none in scope.
pub async fn figures(cx: &mut Cx, scope: &Scope, courses: &[i64]) -> Result<Vec<(i64, Figures)>> {
    use course_trackings as t;
    let rows: Vec<(i64, Option<f64>, i64, i64, i64)> = t::table
        .filter(t::course_id.eq_any(courses))
        .filter(t::status.eq(ProgressStatus::InProgress))
        .filter(t::student_id.eq_any(students::present()))
        .filter(answered_for(scope).all(Role::Reporting).filter())
        .group_by(t::course_id)
        .select((
            t::course_id,
            dsl::avg(t::completion),
            dsl::count(t::id).aggregate_filter(t::completion.ge(ON_TRACK)),
            dsl::count(t::id).aggregate_filter(t::completion.lt(AT_RISK)),
            dsl::count_star(),
        ))
        .load(cx)
        .await?;
    let figures = rows.into_iter().map(|(course, average, on_track, at_risk, students)| {
        (course, Figures { average_completion: average.unwrap_or(0.0), on_track, at_risk, students })
    });
    Ok(figures.collect())
}
