//! Batches in the database.

use diesel::{dsl, prelude::*};
use diesel_async::RunQueryDsl;

use super::{Backend, Cx, dialect, students};
use crate::{
    auth::{Reach, Role, Scope},
    batches::model::{BatchFilter, BatchOrderField, BatchRow},
    db::{
        paging::Page,
        schema::{batch_courses, batch_students, batches},
    },
    error::Result,
    keyset, keyset_of_each,
};

type Query<'a> = batches::BoxedQuery<'a, Backend>;

/// The batches that each role reaches.
pub fn reach(scope: &Scope) -> Reach<batches::table, Backend> {
    Reach::of(scope)
        .all(Role::Admin)
        .all(Role::Hod)
        .all(Role::Admission)
        .all(Role::Reporting)
        .when(Role::Staff, |_| batches::active)
        .when(Role::Student, |viewer| batches::id.eq_any(joined(&viewer.only(Role::Student))))
        .when(Role::Parent, |viewer| batches::id.eq_any(joined(&viewer.only(Role::Parent))))
}

/// The batches of the students in scope.
#[dsl::auto_type]
pub fn joined(scope: &Scope) -> _ {
    let students: students::visible = students::visible(scope);
    batch_students::table.filter(batch_students::student_id.eq_any(students)).select(batch_students::batch_id)
}

fn listed<'a>(scope: &Scope, filter: &BatchFilter) -> Query<'a> {
    let mut rows = batches::table.filter(reach(scope).filter()).into_boxed();
    if let Some(name) = &filter.name {
        rows = rows.filter(dialect::contains(batches::name, name));
    }
    if let Some(active) = filter.active {
        rows = rows.filter(batches::active.eq(active));
    }
    rows
}

/// A page of the batches in scope.
pub async fn page(
    cx: &mut Cx,
    scope: &Scope,
    filter: &BatchFilter,
    order: BatchOrderField,
    page: &Page,
) -> Result<Vec<(BatchRow, i32)>> {
    let rows = listed(scope, filter);
    let rows = match order {
        BatchOrderField::Name => keyset!(rows, page, batches::name, batches::id, String),
        BatchOrderField::Entry => keyset!(rows, page, batches::id, batches::id, i64),
    };
    Ok(rows.select((BatchRow::as_select(), reach(scope).granted())).load(cx).await?)
}

/// How many batches there are in scope.
pub async fn count(cx: &mut Cx, scope: &Scope, filter: &BatchFilter) -> Result<i64> {
    Ok(listed(scope, filter).count().get_result(cx).await?)
}

/// Batches by number.
pub async fn by_ids(cx: &mut Cx, scope: &Scope, ids: &[i64]) -> Result<Vec<(BatchRow, i32)>> {
    let rows = batches::table
        .filter(batches::id.eq_any(ids))
        .filter(reach(scope).filter())
        .select((BatchRow::as_select(), reach(scope).granted()))
        .load(cx)
        .await?;
    Ok(rows)
}

/// The batches of each student, by name.
pub async fn of_students(
    cx: &mut Cx,
    scope: &Scope,
    students: &[i64],
    page: &Page,
) -> Result<Vec<(i64, BatchRow, i32)>> {
    let rows = batches::table
        .inner_join(batch_students::table)
        .filter(batch_students::student_id.eq_any(students))
        .filter(reach(scope).filter())
        .into_boxed();
    keyset_of_each!(
        cx,
        rows,
        page,
        batches::name,
        batches::id,
        String,
        batch_students::student_id,
        BatchRow::as_select(),
        reach(scope).granted()
    )
}

/// The batches of each course, by name.
pub async fn of_courses(cx: &mut Cx, scope: &Scope, courses: &[i64], page: &Page) -> Result<Vec<(i64, BatchRow, i32)>> {
    let rows = batches::table
        .inner_join(batch_courses::table)
        .filter(batch_courses::course_id.eq_any(courses))
        .filter(reach(scope).filter())
        .into_boxed();
    keyset_of_each!(
        cx,
        rows,
        page,
        batches::name,
        batches::id,
        String,
        batch_courses::course_id,
        BatchRow::as_select(),
        reach(scope).granted()
    )
}
