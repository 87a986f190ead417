//! Attendance sessions, records and corrections in the database.

use chrono::NaiveDate;
use diesel::{dsl, prelude::*};
use diesel_async::RunQueryDsl;

use super::{Backend, Cx, routines, students};
use crate::{
    attendance::model::{
        AttendanceSessionOrderField, AttendanceStatus, CorrectionRow, RecordQuery, RecordRow, SessionQuery, SessionRow,
    },
    auth::{Reach, Reached, Role, Scope},
    db::{
        paging::Page,
        schema::{attendance_corrections, attendance_records, attendance_sessions, routines as routine_rows},
    },
    error::Result,
    keyset, keyset_of_each,
};

type Sessions<'a> = attendance_sessions::BoxedQuery<'a, Backend>;
type Records<'a> = attendance_records::BoxedQuery<'a, Backend>;

/// The sessions that each role reaches.
pub fn reach(scope: &Scope) -> Reach<attendance_sessions::table, Backend> {
    Reach::of(scope)
        .all(Role::Admin)
        .when(Role::Hod, |viewer| attendance_sessions::routine_id.eq_any(routines::headed(viewer)))
        .when(Role::Staff, |viewer| attendance_sessions::routine_id.eq_any(routines::taught(viewer)))
        .when(Role::Student, |viewer| attendance_sessions::id.eq_any(recorded(&viewer.only(Role::Student))))
        .when(Role::Parent, |viewer| attendance_sessions::id.eq_any(recorded(&viewer.only(Role::Parent))))
}

/// The sessions that have a record of a student in scope.
#[dsl::auto_type]
fn recorded(scope: &Scope) -> _ {
    let students: students::visible = students::visible(scope);
    attendance_records::table
        .filter(attendance_records::student_id.eq_any(students))
        .select(attendance_records::session_id)
}

/// The records that each role reaches. A teacher reads the records of their classes also of students who have moved on,
/// though not the students.
pub fn records_reach(scope: &Scope) -> Reach<attendance_records::table, Backend> {
    Reach::of(scope)
        .all(Role::Admin)
        .when(Role::Hod, |viewer| of_session(&viewer.only(Role::Hod)))
        .when(Role::Staff, |viewer| of_session(&viewer.only(Role::Staff)))
        .when(Role::Student, |viewer| of_student(&viewer.only(Role::Student)))
        .when(Role::Parent, |viewer| of_student(&viewer.only(Role::Parent)))
}

/// That a record is of a session in scope. Asked of each record, since a page has few and a scope has many sessions.
#[dsl::auto_type]
fn of_session(scope: &Scope) -> _ {
    let reached: Reached<Backend> = reach(scope).filter();
    dsl::exists(
        attendance_sessions::table.filter(attendance_sessions::id.eq(attendance_records::session_id)).filter(reached),
    )
}

/// That a record is of a student in scope.
#[dsl::auto_type]
fn of_student(scope: &Scope) -> _ {
    let students: students::visible = students::visible(scope);
    attendance_records::student_id.eq_any(students)
}

fn listed<'a>(scope: &Scope, query: &SessionQuery) -> Sessions<'a> {
    let mut rows = attendance_sessions::table.filter(reach(scope).filter()).into_boxed();
    if let Some(date) = query.date {
        rows = rows.filter(attendance_sessions::date.eq(date));
    }
    if let Some(from) = query.from {
        rows = rows.filter(attendance_sessions::date.ge(from));
    }
    if let Some(to) = query.to {
        rows = rows.filter(attendance_sessions::date.le(to));
    }
    if let Some(course) = query.course {
        let slots = routine_rows::table.filter(routine_rows::course_id.eq(course)).select(routine_rows::id);
        rows = rows.filter(attendance_sessions::routine_id.eq_any(slots));
    }
    if let Some(teacher) = query.teacher {
        rows = rows.filter(attendance_sessions::teacher_id.eq(teacher));
    }
    if let Some(routine) = query.routine {
        rows = rows.filter(attendance_sessions::routine_id.eq(routine));
    }
    rows
}

/// A page of the sessions in scope.
pub async fn page(
    cx: &mut Cx,
    scope: &Scope,
    query: &SessionQuery,
    order: AttendanceSessionOrderField,
    page: &Page,
) -> Result<Vec<(SessionRow, i32)>> {
    let rows = listed(scope, query);
    let rows = match order {
        AttendanceSessionOrderField::Date => {
            keyset!(rows, page, attendance_sessions::date, attendance_sessions::id, NaiveDate)
        }
    };
    Ok(rows.select((SessionRow::as_select(), reach(scope).granted())).load(cx).await?)
}

/// How many sessions there are in scope.
pub async fn count(cx: &mut Cx, scope: &Scope, query: &SessionQuery) -> Result<i64> {
    Ok(listed(scope, query).count().get_result(cx).await?)
}

/// Sessions by number.
pub async fn by_ids(cx: &mut Cx, scope: &Scope, ids: &[i64]) -> Result<Vec<(SessionRow, i32)>> {
    let rows = attendance_sessions::table
        .filter(attendance_sessions::id.eq_any(ids))
        .filter(reach(scope).filter())
        .select((SessionRow::as_select(), reach(scope).granted()))
        .load(cx)
        .await?;
    Ok(rows)
}

/// The session of a routine on a date, if there is one in scope.
pub async fn of_day(cx: &mut Cx, scope: &Scope, routine: i64, date: NaiveDate) -> Result<Option<(SessionRow, i32)>> {
    let row = attendance_sessions::table
        .filter(attendance_sessions::routine_id.eq(routine))
        .filter(attendance_sessions::date.eq(date))
        .filter(reach(scope).filter())
        .select((SessionRow::as_select(), reach(scope).granted()))
        .first(cx)
        .await
        .optional()?;
    Ok(row)
}

/// The marks of the records in scope of a session, by student.
pub async fn marks_of_session(cx: &mut Cx, scope: &Scope, session: i64) -> Result<Vec<(i64, AttendanceStatus)>> {
    let marks = attendance_records::table
        .filter(attendance_records::session_id.eq(session))
        .filter(records_reach(scope).filter())
        .select((attendance_records::student_id, attendance_records::status))
        .load(cx)
        .await?;
    Ok(marks)
}

/// A page of the sessions of each routine, by date.
pub async fn of_routines(
    cx: &mut Cx,
    scope: &Scope,
    routines: &[i64],
    page: &Page,
) -> Result<Vec<(i64, SessionRow, i32)>> {
    let rows = attendance_sessions::table
        .filter(attendance_sessions::routine_id.eq_any(routines))
        .filter(reach(scope).filter())
        .into_boxed();
    keyset_of_each!(
        cx,
        rows,
        page,
        attendance_sessions::date,
        attendance_sessions::id,
        NaiveDate,
        attendance_sessions::routine_id,
        SessionRow::as_select(),
        reach(scope).granted()
    )
}

/// How many sessions each routine has in scope.
pub async fn count_of_routines(cx: &mut Cx, scope: &Scope, routines: &[i64]) -> Result<Vec<(i64, i64)>> {
    let counts = attendance_sessions::table
        .filter(attendance_sessions::routine_id.eq_any(routines))
        .filter(reach(scope).filter())
        .group_by(attendance_sessions::routine_id)
        .select((attendance_sessions::routine_id, dsl::count_star()))
        .load(cx)
        .await?;
    Ok(counts)
}

/// Records by number.
pub async fn records_by_ids(cx: &mut Cx, scope: &Scope, ids: &[i64]) -> Result<Vec<(RecordRow, i32)>> {
    let rows = attendance_records::table
        .filter(attendance_records::id.eq_any(ids))
        .filter(records_reach(scope).filter())
        .select((RecordRow::as_select(), records_reach(scope).granted()))
        .load(cx)
        .await?;
    Ok(rows)
}

/// A page of the records of each session, as they were entered.
pub async fn records_of_sessions(
    cx: &mut Cx,
    scope: &Scope,
    sessions: &[i64],
    page: &Page,
) -> Result<Vec<(i64, RecordRow, i32)>> {
    let rows = attendance_records::table
        .filter(attendance_records::session_id.eq_any(sessions))
        .filter(records_reach(scope).filter())
        .into_boxed();
    keyset_of_each!(
        cx,
        rows,
        page,
        attendance_records::id,
        attendance_records::id,
        i64,
        attendance_records::session_id,
        RecordRow::as_select(),
        records_reach(scope).granted()
    )
}

/// How many records each session has in scope.
pub async fn count_of_sessions(cx: &mut Cx, scope: &Scope, sessions: &[i64]) -> Result<Vec<(i64, i64)>> {
    let counts = attendance_records::table
        .filter(attendance_records::session_id.eq_any(sessions))
        .filter(records_reach(scope).filter())
        .group_by(attendance_records::session_id)
        .select((attendance_records::session_id, dsl::count_star()))
        .load(cx)
        .await?;
    Ok(counts)
}

fn of_students<'a>(scope: &Scope, students: &'a [i64], query: RecordQuery) -> Records<'a> {
    let mut rows = attendance_records::table
        .filter(attendance_records::student_id.eq_any(students))
        .filter(records_reach(scope).filter())
        .into_boxed();
    if let Some(from) = query.from {
        rows = rows.filter(attendance_records::date.ge(from));
    }
    if let Some(to) = query.to {
        rows = rows.filter(attendance_records::date.le(to));
    }
    rows
}

/// A page of the records of each student, by date.
pub async fn records_of_students(
    cx: &mut Cx,
    scope: &Scope,
    students: &[i64],
    query: RecordQuery,
    page: &Page,
) -> Result<Vec<(i64, RecordRow, i32)>> {
    let rows = of_students(scope, students, query);
    keyset_of_each!(
        cx,
        rows,
        page,
        attendance_records::date,
        attendance_records::id,
        NaiveDate,
        attendance_records::student_id,
        RecordRow::as_select(),
        records_reach(scope).granted()
    )
}

/// The corrections of each record, as they were made.
pub async fn corrections_of_records(
    cx: &mut Cx,
    scope: &Scope,
    records: &[i64],
    page: &Page,
) -> Result<Vec<(i64, CorrectionRow, i32)>> {
    use attendance_corrections as c;
    let same_record =
        c::session_id.eq(attendance_records::session_id).and(c::student_id.eq(attendance_records::student_id));
    let rows = c::table
        .inner_join(attendance_records::table.on(same_record))
        .filter(attendance_records::id.eq_any(records))
        .filter(records_reach(scope).filter())
        .into_boxed();
    keyset_of_each!(
        cx,
        rows,
        page,
        c::id,
        c::id,
        i64,
        attendance_records::id,
        CorrectionRow::as_select(),
        records_reach(scope).granted()
    )
}
