//! What approved leave does to attendance, and how that is undone. Compiled for both databases.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use diesel::{dsl, prelude::*};
use diesel_async::RunQueryDsl;

use super::{Cx, attendance_marks as marks, leave as leave_store, progress_write};
use crate::{
    attendance::{
        marking::{Correction, Excuse, Mark},
        model::AttendanceStatus::{self, Absent, Excused},
    },
    change::Act,
    db::schema::{attendance_excuses, attendance_records, attendance_sessions, routines, students as student_rows},
    error::Result,
    leave::model::{LeaveRequestRow, LeaveStatus, Person},
    students::model::StudentStatus,
};

/// Marks that became others, by the number of the session: what each was and what it is; none is no mark.
pub type Marks = BTreeMap<i64, (Option<AttendanceStatus>, Option<AttendanceStatus>)>;

/// Excuses a student on the days of a leave request: where they are marked absent, and where they have no mark in a class
/// of theirs that was held. Who was there, or came late, stays so.
pub async fn approved(cx: &mut Cx, act: &Act, student: i64, leave: &LeaveRequestRow) -> Result<Marks> {
    let absent = absences(cx, student, leave).await?;
    let unmarked = unmarked(cx, student, leave).await?;
    let excuse = |mark: &Mark, marked_status| Excuse {
        session_id: mark.session_id,
        student_id: student,
        leave_request_id: leave.id,
        marked_status,
    };
    let excuses =
        absent.iter().map(|mark| excuse(mark, Some(Absent))).chain(unmarked.iter().map(|mark| excuse(mark, None)));
    let excuses: Vec<Excuse> = excuses.collect();
    let corrections: Vec<Correction> =
        absent.iter().map(|mark| mark.corrected(act, (Absent, Excused), Some("leave was approved"))).collect();
    let marks = excuses.iter().map(|excuse| (excuse.session_id, (excuse.marked_status, Some(Excused)))).collect();
    let as_excused = absent.into_iter().chain(unmarked).map(|mark| Mark { status: Excused, ..mark });
    marks::put(cx, as_excused.collect()).await?;
    marks::correct(cx, corrections).await?;
    marks::excuse(cx, excuses).await?;
    progress_write::recompute(cx, act, &[student]).await?;
    Ok(marks)
}

/// Undoes what a leave request did: a mark becomes again what it was, or goes where there was none. What somebody marked
/// by hand since then stays, and so do days of which there is other approved leave.
pub async fn withdrawn(cx: &mut Cx, act: &Act, student: i64, leave: &LeaveRequestRow) -> Result<Marks> {
    use attendance_excuses as e;
    use attendance_records as r;
    // There is some in data from before overlaps were refused. This one is approved no more.
    let span = (leave.first_day, leave.last_day);
    let others =
        leave_store::overlapping(cx, &act.scope, Person::Student(student), span, &[LeaveStatus::Approved]).await?;
    let (mut kept, mut restored, mut removed) = (Vec::new(), Vec::new(), Vec::new());
    for (mark, marked_status) in excused(cx, leave.id).await? {
        let other = others.iter().find(|other| (other.first_day..=other.last_day).contains(&mark.date));
        match (other, marked_status) {
            (Some(other), marked_status) => kept.push(Excuse {
                session_id: mark.session_id,
                student_id: student,
                leave_request_id: other.id,
                marked_status,
            }),
            (None, Some(status)) => restored.push(Mark { status, ..mark }),
            (None, None) => removed.push(mark.session_id),
        }
    }
    let corrections: Vec<Correction> = restored
        .iter()
        .map(|mark| mark.corrected(act, (Excused, mark.status), Some("approval of leave was withdrawn")))
        .collect();
    let again = restored.iter().map(|mark| (mark.session_id, (Some(Excused), Some(mark.status))));
    let marks = again.chain(removed.iter().map(|session| (*session, (Some(Excused), None)))).collect();
    marks::excuse(cx, kept).await?;
    marks::put(cx, restored).await?;
    marks::correct(cx, corrections).await?;
    let records = r::table.filter(r::student_id.eq(student)).filter(r::session_id.eq_any(&removed));
    diesel::delete(records).execute(cx).await?;
    diesel::delete(e::table.filter(e::leave_request_id.eq(leave.id))).execute(cx).await?;
    progress_write::recompute(cx, act, &[student]).await?;
    Ok(marks)
}

/// The student's absences on the days of leave.
async fn absences(cx: &mut Cx, student: i64, leave: &LeaveRequestRow) -> Result<Vec<Mark>> {
    use attendance_records as r;
    let rows = r::table
        .filter(r::student_id.eq(student))
        .filter(r::date.between(leave.first_day, leave.last_day))
        .filter(r::status.eq(Absent))
        .select((r::session_id, r::date, r::subject_id, r::held))
        .load(cx)
        .await?;
    Ok(marks_of(student, Absent, rows))
}

/// The classes that were held of the course and period that the student attends, on the days of leave, in which they have
/// no mark; as the marks that they will have.
async fn unmarked(cx: &mut Cx, student: i64, leave: &LeaveRequestRow) -> Result<Vec<Mark>> {
    use attendance_records as r;
    use attendance_sessions as s;
    use student_rows as p;
    let class = p::table
        .filter(p::id.eq(student))
        .filter(p::status.eq(StudentStatus::Active))
        .filter(p::archived_at.is_null())
        .filter(p::course_id.eq(routines::course_id.nullable()))
        .filter(p::current_period.eq(routines::period.nullable()));
    let slots = routines::table.filter(dsl::exists(class)).select(routines::id);
    let marked = r::table.filter(r::session_id.eq(s::id)).filter(r::student_id.eq(student));
    let rows = s::table
        .filter(s::date.between(leave.first_day, leave.last_day))
        .filter(s::held)
        .filter(s::routine_id.eq_any(slots))
        .filter(dsl::not(dsl::exists(marked)))
        .select((s::id, s::date, s::subject_id, s::held))
        .load(cx)
        .await?;
    Ok(marks_of(student, Excused, rows))
}

fn marks_of(student_id: i64, status: AttendanceStatus, rows: Vec<(i64, NaiveDate, i64, bool)>) -> Vec<Mark> {
    let mark = |(session_id, date, subject_id, held)| Mark { session_id, student_id, status, date, subject_id, held };
    rows.into_iter().map(mark).collect()
}

/// The marks that come of a leave request, each with what it was before.
async fn excused(cx: &mut Cx, leave: i64) -> Result<Vec<(Mark, Option<AttendanceStatus>)>> {
    use attendance_excuses as e;
    use attendance_records as r;
    let same_record = r::session_id.eq(e::session_id).and(r::student_id.eq(e::student_id));
    let rows: Vec<(i64, i64, NaiveDate, i64, bool, Option<AttendanceStatus>)> = e::table
        .inner_join(r::table.on(same_record))
        .filter(e::leave_request_id.eq(leave))
        .select((r::session_id, r::student_id, r::date, r::subject_id, r::held, e::marked_status))
        .load(cx)
        .await?;
    let mark = |(session_id, student_id, date, subject_id, held, before)| {
        (Mark { session_id, student_id, status: Excused, date, subject_id, held }, before)
    };
    Ok(rows.into_iter().map(mark).collect())
}
