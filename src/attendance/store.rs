//! Attendance in the database.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{Cx, students};
use crate::{attendance::model::Counts, auth::Scope, db::schema::attendance_totals, error::Result};

/// Lifetime counts of students by subject, for the students in scope.
pub async fn totals(cx: &mut Cx, scope: &Scope, ids: &[i64]) -> Result<Vec<(i64, i64, Counts)>> {
    use attendance_totals as t;
    let rows: Vec<(i64, i64, i32, i32, i32, i32)> = t::table
        .filter(t::student_id.eq_any(ids))
        .filter(t::student_id.eq_any(students::visible(scope)))
        .select((t::student_id, t::subject_id, t::present, t::absent, t::late, t::excused))
        .load(cx)
        .await?;
    Ok(rows
        .into_iter()
        .map(|(student, subject, p, a, l, e)| {
            (student, subject, Counts::from((p.into(), a.into(), l.into(), e.into())))
        })
        .collect())
}
