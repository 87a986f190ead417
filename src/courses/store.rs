//! Courses in the database.

use diesel::{dsl, prelude::*};
use diesel_async::RunQueryDsl;

use super::{Backend, Cx, dialect, students};
use crate::{
    auth::{Reach, Role, Scope},
    courses::model::{CourseFilter, CourseOrderField, CourseRow},
    db::{
        paging::Page,
        schema::{batch_courses, courses, routines, students as student_rows},
    },
    error::Result,
    keyset, keyset_of_each,
};

type Query<'a> = courses::BoxedQuery<'a, Backend>;

/// The courses that each role reaches.
pub fn reach(scope: &Scope) -> Reach<courses::table, Backend> {
    Reach::of(scope)
        .all(Role::Admin)
        .all(Role::Hod)
        .all(Role::Admission)
        .all(Role::Reporting)
        .when(Role::Staff, |_| courses::active)
        .when(Role::Student, |viewer| courses::id.eq_any(attended(&viewer.only(Role::Student))))
        .when(Role::Parent, |viewer| courses::id.eq_any(attended(&viewer.only(Role::Parent))))
}

/// The courses that the viewer heads: what an HOD's scope is made of.
#[dsl::auto_type]
pub fn headed(scope: &Scope) -> _ {
    let staff: i64 = scope.staff();
    courses::table.filter(courses::hod_id.assume_not_null().eq(staff)).select(courses::id)
}

/// The courses that the viewer teaches in, by an active routine.
#[dsl::auto_type]
pub fn taught(scope: &Scope) -> _ {
    let staff: i64 = scope.staff();
    routines::table.filter(routines::active).filter(routines::teacher_id.eq(staff)).select(routines::course_id)
}

/// The courses of the students in scope.
#[dsl::auto_type]
pub fn attended(scope: &Scope) -> _ {
    let reached: crate::auth::Reached<Backend> = students::reach(scope).filter();
    student_rows::table.filter(reached).select(student_rows::course_id.assume_not_null())
}

/// The numbers of the courses in scope.
#[dsl::auto_type]
pub fn visible(scope: &Scope) -> _ {
    let reached: crate::auth::Reached<Backend> = reach(scope).filter();
    courses::table.filter(reached).select(courses::id)
}

fn listed<'a>(scope: &Scope, filter: &CourseFilter) -> Query<'a> {
    let mut rows = courses::table.filter(reach(scope).filter()).into_boxed();
    if let Some(name) = &filter.name {
        rows = rows.filter(dialect::contains(courses::name, name));
    }
    if let Some(active) = filter.active {
        rows = rows.filter(courses::active.eq(active));
    }
    rows
}

/// A page of the courses in scope.
pub async fn page(
    cx: &mut Cx,
    scope: &Scope,
    filter: &CourseFilter,
    order: CourseOrderField,
    page: &Page,
) -> Result<Vec<(CourseRow, i32)>> {
    let rows = listed(scope, filter);
    let rows = match order {
        CourseOrderField::Name => keyset!(rows, page, courses::name, courses::id, String),
        CourseOrderField::Code => keyset!(rows, page, courses::code, courses::id, String),
    };
    Ok(rows.select((CourseRow::as_select(), reach(scope).granted())).load(cx).await?)
}

/// How many courses there are in scope.
pub async fn count(cx: &mut Cx, scope: &Scope, filter: &CourseFilter) -> Result<i64> {
    Ok(listed(scope, filter).count().get_result(cx).await?)
}

/// Courses by number.
pub async fn by_ids(cx: &mut Cx, scope: &Scope, ids: &[i64]) -> Result<Vec<(CourseRow, i32)>> {
    let rows = courses::table
        .filter(courses::id.eq_any(ids))
        .filter(reach(scope).filter())
        .select((CourseRow::as_select(), reach(scope).granted()))
        .load(cx)
        .await?;
    Ok(rows)
}

/// Every course in scope.
pub async fn all(cx: &mut Cx, scope: &Scope) -> Result<Vec<CourseRow>> {
    Ok(courses::table.filter(reach(scope).filter()).select(CourseRow::as_select()).load(cx).await?)
}

/// The courses that each staff member heads, by name.
pub async fn of_heads(cx: &mut Cx, scope: &Scope, staff: &[i64], page: &Page) -> Result<Vec<(i64, CourseRow, i32)>> {
    let rows = courses::table.filter(courses::hod_id.eq_any(staff)).filter(reach(scope).filter()).into_boxed();
    keyset_of_each!(
        cx,
        rows,
        page,
        courses::name,
        courses::id,
        String,
        courses::hod_id.assume_not_null(),
        CourseRow::as_select(),
        reach(scope).granted()
    )
}

/// The courses of each batch, by name.
pub async fn of_batches(
    cx: &mut Cx,
    scope: &Scope,
    batches: &[i64],
    page: &Page,
) -> Result<Vec<(i64, CourseRow, i32)>> {
    let rows = courses::table
        .inner_join(batch_courses::table)
        .filter(batch_courses::batch_id.eq_any(batches))
        .filter(reach(scope).filter())
        .into_boxed();
    keyset_of_each!(
        cx,
        rows,
        page,
        courses::name,
        courses::id,
        String,
        batch_courses::batch_id,
        CourseRow::as_select(),
        reach(scope).granted()
    )
}
