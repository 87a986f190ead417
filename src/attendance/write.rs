//! What changes attendance: the rules and the SQL, compiled for both databases.

use std::collections::{BTreeMap, BTreeSet};

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    Cx, attendance, attendance_marks as marks, audit, events_write, leave, progress_write, routines, students,
};
use crate::{
    attendance::{
        can,
        marking::{Class, Excuse, Mark, Marked, Marking, Sheet},
        model::{AttendanceStatus, CorrectionRow, SessionRow},
    },
    audit::model::Change,
    change::{Act, Changed, Problems},
    db::schema::{attendance_corrections, attendance_excuses, attendance_records, attendance_sessions},
    error::Result,
    events::model::{EventKind, NewEvent, Topic},
    graphql::UserErrorCode::{Duplicate, Invalid, NotInClass, NotScheduled},
    ids::Kind,
    routines::model::RoutineRow,
};

/// Marks a class: the session, and of its records those that are new or another.
pub async fn mark(cx: &mut Cx, act: &Act, sheet: &Sheet, mut problems: Problems) -> Changed<i64> {
    let found = routines::by_ids(cx, &act.scope, &[sheet.routine]).await?;
    let routine = act.target_by(&mut problems, "routineId", found, can::mark)?;
    let before = attendance::of_day(cx, &act.scope, routine.id, sheet.date).await?.map(|(session, _)| session);
    let class = class(cx, act, &routine, before.as_ref(), sheet).await?;
    check(act, sheet, &routine, before.is_some(), &class, &mut problems);
    problems.stop()?;

    let sent: BTreeMap<i64, AttendanceStatus> = sheet.marks.iter().copied().collect();
    let marking = if sheet.held { Marking::of(&class, &sent) } else { Marking::default() };
    let flipped = before.as_ref().is_some_and(|session| session.held != sheet.held);
    if let Some(session) = &before
        && !flipped
        && session.teacher_attended == sheet.teacher_attended
        && marking.is_empty()
    {
        return Ok(session.id);
    }
    let session = put_session(cx, act, &routine, sheet, before.as_ref()).await?;
    put_marks(cx, act, &session, &marking, sheet.reason.as_deref()).await?;
    // Where the class was held after all, or was not, everybody's attendance is another.
    let others = class.marked.keys().filter(|student| flipped && !marking.marks.contains_key(student));
    let touched: Vec<i64> = marking.marks.keys().chain(others).copied().collect();
    progress_write::recompute(cx, act, &touched).await?;
    audit::record(cx, act, vec![change(before.as_ref(), &session, &marking, sheet.reason.as_deref())]).await?;
    let absent = if sheet.held { marking.absent(&class, flipped) } else { Vec::new() };
    events_write::raise_all(cx, act, events(&routine, session.id, &touched, absent)).await?;
    Ok(session.id)
}

/// What there is to tell of a sheet: that the class was marked, and who is absent now and was not before.
fn events(routine: &RoutineRow, session: i64, touched: &[i64], absent: Vec<i64>) -> Vec<NewEvent> {
    let students = touched.iter().map(|student| Topic::Student(*student));
    let topics = students.chain([Topic::Staff(routine.teacher_id), Topic::Course(routine.course_id)]).collect();
    let marked = NewEvent { kind: EventKind::AttendanceMarked, subject: session, student: None, topics };
    let absence = |student| NewEvent {
        kind: EventKind::StudentAbsent,
        subject: session,
        student: Some(student),
        topics: vec![Topic::Student(student)],
    };
    [marked].into_iter().chain(absent.into_iter().map(absence)).collect()
}

/// Removes a session that was marked by mistake, with its records, and gives the number of its routine.
pub async fn delete_session(cx: &mut Cx, act: &Act, id: i64, reason: &str, mut problems: Problems) -> Changed<i64> {
    use attendance_sessions as s;
    // As STAFF a session is reached by its routine's teacher, and as HOD by who heads the course: those who mark it.
    let session = act.target(&mut problems, "id", attendance::by_ids(cx, &act.scope, &[id]).await?)?;
    problems.stop()?;
    let marked = marked(cx, id).await?;
    let corrections: Vec<CorrectionRow> = attendance_corrections::table
        .filter(attendance_corrections::session_id.eq(id))
        .order(attendance_corrections::id)
        .select(CorrectionRow::as_select())
        .load(cx)
        .await?;
    diesel::delete(s::table.find(id)).execute(cx).await?;
    let students: Vec<i64> = marked.keys().copied().collect();
    progress_write::recompute(cx, act, &students).await?;
    let statuses: BTreeMap<i64, AttendanceStatus> =
        marked.iter().map(|(student, marked)| (*student, marked.status)).collect();
    let by_leave: Vec<i64> = marked.iter().filter_map(|(student, marked)| marked.leave.map(|_| *student)).collect();
    let mut before = content(&session, statuses, &by_leave, Some(reason));
    before["corrections"] = json!(corrections);
    audit::record(cx, act, vec![Change::removed(Kind::AttendanceSession, id, before)]).await?;
    Ok(session.routine_id)
}

/// What is known of the class on the day of a sheet.
async fn class(
    cx: &mut Cx,
    act: &Act,
    routine: &RoutineRow,
    session: Option<&SessionRow>,
    sheet: &Sheet,
) -> Result<Class> {
    let students = students::of_class(cx, &act.scope, (routine.course_id, routine.period)).await?;
    let students: BTreeSet<i64> = students.into_iter().map(|(student, _)| student.id).collect();
    let marked = match session {
        Some(session) => marked(cx, session.id).await?,
        None => BTreeMap::new(),
    };
    let ids: Vec<i64> = students.iter().copied().collect();
    // Of two requests for the day, which there are in old data at most, the first counts.
    let mut on_leave = BTreeMap::new();
    for (student, request, _) in leave::approved_on(cx, &act.scope, &ids, sheet.date).await? {
        on_leave.entry(student).or_insert(request.id);
    }
    Ok(Class { students, marked, on_leave })
}

/// The marks of a session, by student.
async fn marked(cx: &mut Cx, session: i64) -> Result<BTreeMap<i64, Marked>> {
    use attendance_excuses as e;
    use attendance_records as r;
    let same_record = e::session_id.eq(r::session_id).and(e::student_id.eq(r::student_id));
    let rows: Vec<(i64, AttendanceStatus, Option<i64>)> = r::table
        .left_join(e::table.on(same_record))
        .filter(r::session_id.eq(session))
        .select((r::student_id, r::status, e::leave_request_id.nullable()))
        .load(cx)
        .await?;
    Ok(rows.into_iter().map(|(student, status, leave)| (student, Marked { status, leave })).collect())
}

fn check(act: &Act, sheet: &Sheet, routine: &RoutineRow, marked: bool, class: &Class, problems: &mut Problems) {
    problems.past("date", Some(sheet.date), act.today);
    // A class that was marked can be corrected, though the timetable has been changed since.
    problems.require(
        marked || routine.runs_on(sheet.date),
        "date",
        NotScheduled,
        "the routine does not run on that day",
    );
    let fine = sheet.held || sheet.marks.is_empty();
    problems.require(fine, "marks", Invalid, "nobody attended a class that was not held");
    let mut seen = BTreeSet::new();
    for (i, (student, _)) in sheet.marks.iter().enumerate() {
        let path = format!("marks.{i}.studentId");
        // Who is not in the class may be anybody, or nobody: it is the same answer.
        if !class.students.contains(student) {
            problems.add(&path, NotInClass, "there is no such student in this class");
        } else if !seen.insert(*student) {
            problems.add(&path, Duplicate, "this student is on the sheet already");
        }
    }
}

async fn put_session(
    cx: &mut Cx,
    act: &Act,
    routine: &RoutineRow,
    sheet: &Sheet,
    before: Option<&SessionRow>,
) -> Result<SessionRow> {
    use attendance_sessions as s;
    let (held, attended, at) =
        (s::held.eq(sheet.held), s::teacher_attended.eq(sheet.teacher_attended), s::marked_at.eq(act.now));
    let row = match before {
        Some(session) => {
            diesel::update(s::table.find(session.id))
                .set((held, attended, at, s::version.eq(s::version + 1)))
                .returning(SessionRow::as_returning())
                .get_result(cx)
                .await?
        }
        None => {
            diesel::insert_into(s::table)
                .values((
                    s::routine_id.eq(routine.id),
                    s::subject_id.eq(routine.subject_id),
                    s::date.eq(sheet.date),
                    s::teacher_id.eq(routine.teacher_id),
                    held,
                    attended,
                    at,
                ))
                .returning(SessionRow::as_returning())
                .get_result(cx)
                .await?
        }
    };
    Ok(row)
}

async fn put_marks(
    cx: &mut Cx,
    act: &Act,
    session: &SessionRow,
    marking: &Marking,
    reason: Option<&str>,
) -> Result<()> {
    use attendance_excuses as e;
    let (session_id, date, subject_id, held) = (session.id, session.date, session.subject_id, session.held);
    let mark = |student: i64, status| Mark { session_id, student_id: student, status, date, subject_id, held };
    let marks: Vec<Mark> = marking.marks.iter().map(|(student, (_, is))| mark(*student, *is)).collect();
    let correction = |(mark, (was, is)): (&Mark, &(Option<AttendanceStatus>, AttendanceStatus))| {
        Some(mark.corrected(act, ((*was)?, *is), reason))
    };
    let corrections = marks.iter().zip(marking.marks.values()).filter_map(correction).collect();
    let excuse = |(student, leave): (&i64, &i64)| Excuse {
        session_id,
        student_id: *student,
        leave_request_id: *leave,
        marked_status: None,
    };
    marks::put(cx, marks).await?;
    marks::correct(cx, corrections).await?;
    if !marking.by_hand.is_empty() {
        let rows = e::table.filter(e::session_id.eq(session_id)).filter(e::student_id.eq_any(&marking.by_hand));
        diesel::delete(rows).execute(cx).await?;
    }
    marks::excuse(cx, marking.by_leave.iter().map(excuse).collect()).await
}

/// What was done, for the audit log.
fn change(before: Option<&SessionRow>, session: &SessionRow, marking: &Marking, reason: Option<&str>) -> Change {
    let were: BTreeMap<i64, Option<AttendanceStatus>> = marking.marks.iter().map(|(s, (was, _))| (*s, *was)).collect();
    let are: BTreeMap<i64, AttendanceStatus> = marking.marks.iter().map(|(s, (_, is))| (*s, *is)).collect();
    let by_leave: Vec<i64> = marking.by_leave.keys().copied().collect();
    let after = content(session, are, &by_leave, reason);
    match before {
        None => Change::made(Kind::AttendanceSession, session.id, after),
        Some(before) => {
            Change::edited(Kind::AttendanceSession, session.id, content(before, were, &marking.by_hand, None), after)
        }
    }
}

/// A session with marks by the students' numbers, and the numbers of those whose mark comes of leave.
fn content(session: &SessionRow, marks: impl Serialize, by_leave: &[i64], reason: Option<&str>) -> Value {
    let mut content = json!(session);
    content["marks"] = json!(marks);
    content["by_leave"] = json!(by_leave);
    content["reason"] = json!(reason);
    content
}
