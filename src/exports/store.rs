//! Exports in the database.

use chrono::NaiveDate;
use diesel::{dsl, prelude::*};
use diesel_async::RunQueryDsl;

use super::{Backend, Cx, attendance, courses, students};
use crate::{
    auth::{Reach, Role, Scope},
    db::{
        paging::Page,
        schema::{attendance_records as r, exports, students as s},
    },
    error::Result,
    exports::model::{Attended, ExportRow},
    keyset,
};

type Query<'a> = exports::BoxedQuery<'a, Backend>;

/// The exports that each role reaches: what they asked for themselves and might ask for now.
pub fn reach(scope: &Scope) -> Reach<exports::table, Backend> {
    Reach::of(scope).when(Role::Admin, |viewer| exports::account_id.eq(viewer.account())).when(Role::Hod, |viewer| {
        exports::account_id.eq(viewer.account()).and(exports::course_id.eq_any(courses::headed(viewer)))
    })
}

fn listed<'a>(scope: &Scope) -> Query<'a> {
    exports::table.filter(reach(scope).filter()).into_boxed()
}

/// A page of the exports in scope, in the order in which they were asked for.
pub async fn page(cx: &mut Cx, scope: &Scope, page: &Page) -> Result<Vec<(ExportRow, i32)>> {
    let rows = keyset!(listed(scope), page, exports::id, exports::id, i64);
    Ok(rows.select((ExportRow::as_select(), reach(scope).granted())).load(cx).await?)
}

/// How many exports there are in scope.
pub async fn count(cx: &mut Cx, scope: &Scope) -> Result<i64> {
    Ok(listed(scope).count().get_result(cx).await?)
}

/// Exports by number.
pub async fn by_ids(cx: &mut Cx, scope: &Scope, ids: &[i64]) -> Result<Vec<(ExportRow, i32)>> {
    let rows = exports::table
        .filter(exports::id.eq_any(ids))
        .filter(reach(scope).filter())
        .select((ExportRow::as_select(), reach(scope).granted()))
        .load(cx)
        .await?;
    Ok(rows)
}

/// What is in exports that are there, by number.
pub async fn contents(cx: &mut Cx, scope: &Scope, ids: &[i64]) -> Result<Vec<(i64, String)>> {
    let rows = exports::table
        .filter(exports::id.eq_any(ids))
        .filter(reach(scope).filter())
        .filter(exports::content.is_not_null())
        .select((exports::id, exports::content.assume_not_null()))
        .load(cx)
        .await?;
    Ok(rows)
}

/// Who asked for an export, whoever it is: as whom it is made.
pub async fn asked_by(cx: &mut Cx, id: i64) -> Result<Option<i64>> {
    Ok(exports::table.find(id).select(exports::account_id).first(cx).await.optional()?)
}

/// The students of a course in scope, by name.
pub async fn students(cx: &mut Cx, scope: &Scope, course: i64) -> Result<Vec<(i64, String)>> {
    let rows = s::table
        .filter(s::course_id.eq(course))
        .filter(s::archived_at.is_null())
        .filter(students::reach(scope).filter())
        .order((s::name, s::id))
        .select((s::id, s::name))
        .load(cx)
        .await?;
    Ok(rows)
}

/// How often each student of a course attended in which way, of the records in scope between two days (both in).
pub async fn attended(
    cx: &mut Cx,
    scope: &Scope,
    course: i64,
    (first, last): (NaiveDate, NaiveDate),
) -> Result<Vec<Attended>> {
    let of_course = s::table.filter(s::course_id.eq(course)).select(s::id);
    let rows = r::table
        .filter(r::student_id.eq_any(of_course))
        .filter(r::student_id.eq_any(students::visible(scope)))
        .filter(r::held)
        .filter(r::date.between(first, last))
        .filter(attendance::records_reach(scope).filter())
        .group_by((r::student_id, r::status))
        .select((r::student_id, r::status, dsl::count_star()))
        .load(cx)
        .await?;
    Ok(rows)
}
