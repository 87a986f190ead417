//! Attendance counted in the database. What is counted over everything comes from totals that the database keeps, and is
//! in scope where the student is: a teacher reads how a student of theirs does in everything. What is counted over a span
//! is counted from the records in scope.

use diesel::{dsl, prelude::*};
use diesel_async::RunQueryDsl;

use super::{Backend, Cx, attendance, students, subjects};
use crate::{
    attendance::model::{AttendanceStatus, Counts, MonthRow, RecordQuery, Span, SubjectTotalRow},
    auth::Scope,
    db::{
        paging::Page,
        schema::{
            attendance_months, attendance_records, attendance_totals, students as student_rows,
            subjects as subject_rows,
        },
    },
    error::Result,
    keyset_of_each,
};

/// Students with their counts of each status.
type Sums = Vec<(i64, Option<i64>, Option<i64>, Option<i64>, Option<i64>)>;

/// The counts of students in scope over everything, or over one subject in scope.
pub async fn lifetime(
    cx: &mut Cx,
    scope: &Scope,
    students: &[i64],
    subject: Option<i64>,
) -> Result<Vec<(i64, Counts)>> {
    use attendance_totals as t;
    let mut rows = t::table
        .group_by(t::student_id)
        .select((t::student_id, dsl::sum(t::present), dsl::sum(t::absent), dsl::sum(t::late), dsl::sum(t::excused)))
        .filter(t::student_id.eq_any(students))
        .filter(t::student_id.eq_any(students::visible(scope)))
        .into_boxed::<Backend>();
    if let Some(subject) = subject {
        rows = rows.filter(t::subject_id.eq(subject)).filter(t::subject_id.eq_any(subjects::visible(scope)));
    }
    let sums: Sums = rows.load(cx).await?;
    let counts =
        |(student, present, absent, late, excused): (i64, Option<i64>, Option<i64>, Option<i64>, Option<i64>)| {
            let [present, absent, late, excused] = [present, absent, late, excused].map(Option::unwrap_or_default);
            (student, Counts { present, absent, late, excused })
        };
    Ok(sums.into_iter().map(counts).collect())
}

/// The counts of the records in scope of students over a span of days, or over one subject in scope. A span can be a day,
/// so what is counted must be what could be read one by one: a teacher counts the classes of their routines.
pub async fn span(
    cx: &mut Cx,
    scope: &Scope,
    students: &[i64],
    subject: Option<i64>,
    span: Span,
) -> Result<Vec<(i64, AttendanceStatus, i64)>> {
    use attendance_records as r;
    let mut rows = r::table
        .group_by((r::student_id, r::status))
        .select((r::student_id, r::status, dsl::count_star()))
        .filter(r::student_id.eq_any(students))
        .filter(attendance::records_reach(scope).filter())
        .filter(r::date.between(span.from, span.to))
        .filter(r::held)
        .into_boxed::<Backend>();
    if let Some(subject) = subject {
        rows = rows.filter(r::subject_id.eq(subject)).filter(r::subject_id.eq_any(subjects::visible(scope)));
    }
    Ok(rows.load(cx).await?)
}

/// The counts of students in scope over everything, by subject in scope and in order of its name.
pub async fn by_subject(
    cx: &mut Cx,
    scope: &Scope,
    students: &[i64],
    page: &Page,
) -> Result<Vec<(i64, SubjectTotalRow, i32)>> {
    use attendance_totals as t;
    let rows = t::table
        .inner_join(student_rows::table)
        .inner_join(subject_rows::table)
        .filter(t::student_id.eq_any(students))
        .filter((t::present + t::absent + t::late + t::excused).gt(0))
        .filter(students::reach(scope).filter())
        .filter(subjects::reach(scope).filter())
        .into_boxed();
    keyset_of_each!(
        cx,
        rows,
        page,
        subject_rows::name,
        subject_rows::id,
        String,
        t::student_id,
        SubjectTotalRow::as_select(),
        students::reach(scope).granted()
    )
}

/// The counts of students in scope by month, in the order of the page.
pub async fn by_month(cx: &mut Cx, scope: &Scope, students: &[i64], page: &Page) -> Result<Vec<(i64, MonthRow, i32)>> {
    use attendance_months as m;
    let rows = m::table
        .inner_join(student_rows::table)
        .filter(m::student_id.eq_any(students))
        .filter((m::present + m::absent + m::late + m::excused).gt(0))
        .filter(students::reach(scope).filter())
        .into_boxed();
    keyset_of_each!(
        cx,
        rows,
        page,
        m::month,
        m::student_id,
        chrono::NaiveDate,
        m::student_id,
        MonthRow::as_select(),
        students::reach(scope).granted()
    )
}

/// The counts of the records in scope of each session that was held.
pub async fn of_sessions(cx: &mut Cx, scope: &Scope, sessions: &[i64]) -> Result<Vec<(i64, AttendanceStatus, i64)>> {
    use attendance_records as r;
    let counts = r::table
        .group_by((r::session_id, r::status))
        .select((r::session_id, r::status, dsl::count_star()))
        .filter(r::session_id.eq_any(sessions))
        .filter(r::held)
        .filter(attendance::records_reach(scope).filter())
        .load(cx)
        .await?;
    Ok(counts)
}

/// How many records in scope each student has.
pub async fn count_of_students(
    cx: &mut Cx,
    scope: &Scope,
    students: &[i64],
    query: RecordQuery,
) -> Result<Vec<(i64, i64)>> {
    use attendance_records as r;
    let mut rows = r::table
        .group_by(r::student_id)
        .select((r::student_id, dsl::count_star()))
        .filter(r::student_id.eq_any(students))
        .filter(attendance::records_reach(scope).filter())
        .into_boxed::<Backend>();
    if let Some(from) = query.from {
        rows = rows.filter(r::date.ge(from));
    }
    if let Some(to) = query.to {
        rows = rows.filter(r::date.le(to));
    }
    Ok(rows.load(cx).await?)
}
