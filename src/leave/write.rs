//! What changes leave requests: the rules and the SQL, compiled for both databases.

use chrono::TimeDelta;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde_json::json;

use super::{Cx, attendance_leave, audit, events_write, leave, staff, students};
use crate::{
    audit::model::Change,
    change::{Act, Changed, Problems},
    db::schema::{leave_requests as l, routines, students as student_rows},
    error::Result,
    events::model::{EventKind, NewEvent, Topic},
    graphql::UserErrorCode::{InPast, OutOfRange, Overlaps},
    ids::Kind,
    leave::{
        can,
        model::{LeaveDecision, LeaveRequestRow, LeaveStatus, MAX_DAYS, MAX_DAYS_AGO, NewLeave, Person},
    },
};

/// Asks for leave: of a student by themself or a parent, of a staff member by themself.
pub async fn request(cx: &mut Cx, act: &Act, new: &NewLeave, mut problems: Problems) -> Changed<i64> {
    let (student, staff) = match new.person {
        Some(Person::Student(id)) => {
            let found = students::by_ids(cx, &act.scope, &[id]).await?;
            (Some(act.target(&mut problems, "studentId", found)?.id), None)
        }
        Some(Person::Staff(id)) => {
            let found = staff::by_ids(cx, &act.scope, &[id]).await?;
            act.target_by(&mut problems, "staffId", found, can::ask_as_staff)?;
            (None, Some(id))
        }
        None => (None, None),
    };
    let days = (new.last_day - new.first_day).num_days() + 1;
    problems.require(days >= 1, "lastDay", OutOfRange, "leave must not end before it begins");
    problems.require(days <= MAX_DAYS, "lastDay", OutOfRange, "leave is asked for 366 days at most");
    let earliest = act.today - TimeDelta::days(MAX_DAYS_AGO);
    problems.require(
        new.first_day >= earliest,
        "firstDay",
        InPast,
        "leave is asked for within 30 days of its first day",
    );
    if let (Some(person), true) = (new.person, days >= 1) {
        let taken = [LeaveStatus::Pending, LeaveStatus::Approved];
        let others = leave::overlapping(cx, &act.scope, person, (new.first_day, new.last_day), &taken).await?;
        let message = "leave is asked for, or granted, for some of these days already";
        problems.require(others.is_empty(), "firstDay", Overlaps, message);
    }
    problems.stop()?;
    let row: LeaveRequestRow = diesel::insert_into(l::table)
        .values((
            l::student_id.eq(student),
            l::staff_id.eq(staff),
            l::requested_by.eq(act.scope.account()),
            l::first_day.eq(new.first_day),
            l::last_day.eq(new.last_day),
            l::message.eq(&new.message),
            l::status.eq(LeaveStatus::Pending),
            l::created_at.eq(act.now),
        ))
        .returning(LeaveRequestRow::as_returning())
        .get_result(cx)
        .await?;
    audit::record(cx, act, vec![Change::made(Kind::LeaveRequest, row.id, &row)]).await?;
    raise(cx, act, EventKind::LeaveRequested, &row).await?;
    Ok(row.id)
}

/// Takes back a request that is still pending.
pub async fn withdraw(cx: &mut Cx, act: &Act, id: i64, mut problems: Problems) -> Changed<i64> {
    let before = act.target_by(&mut problems, "id", leave::by_ids(cx, &act.scope, &[id]).await?, can::withdraw)?;
    problems.stop()?;
    let changes = take_back(cx, vec![before]).await?;
    audit::record(cx, act, changes).await?;
    Ok(id)
}

/// Takes back what is pending of somebody who leaves, and gives what is to be recorded of it.
pub async fn withdraw_all(cx: &mut Cx, person: Person) -> Result<Vec<Change>> {
    let pending = leave::of_person(person)
        .filter(l::status.eq(LeaveStatus::Pending))
        .order(l::id)
        .select(LeaveRequestRow::as_select())
        .load(cx)
        .await?;
    take_back(cx, pending).await
}

async fn take_back(cx: &mut Cx, pending: Vec<LeaveRequestRow>) -> Result<Vec<Change>> {
    let ids: Vec<i64> = pending.iter().map(|request| request.id).collect();
    diesel::update(l::table.filter(l::id.eq_any(ids)))
        .set((l::status.eq(LeaveStatus::Withdrawn), l::version.eq(l::version + 1)))
        .execute(cx)
        .await?;
    let change = |before: LeaveRequestRow| {
        let after = LeaveRequestRow { status: LeaveStatus::Withdrawn, ..before.clone() };
        Change::edited(Kind::LeaveRequest, before.id, before, after)
    };
    Ok(pending.into_iter().map(change).collect())
}

/// Decides about a request that is pending. Approval excuses a student's classes of those days.
pub async fn decide(
    cx: &mut Cx,
    act: &Act,
    id: i64,
    (decision, remark): (LeaveDecision, Option<&str>),
    mut problems: Problems,
) -> Changed<i64> {
    let before = act.target_by(&mut problems, "id", leave::by_ids(cx, &act.scope, &[id]).await?, can::decide)?;
    problems.stop()?;
    let after: LeaveRequestRow = diesel::update(l::table.find(id))
        .set((
            l::status.eq(decision.status()),
            l::decided_by.eq(act.scope.account()),
            l::decided_at.eq(act.now),
            l::remark.eq(remark),
            l::version.eq(l::version + 1),
        ))
        .returning(LeaveRequestRow::as_returning())
        .get_result(cx)
        .await?;
    let marks = match (decision, after.student_id) {
        (LeaveDecision::Approve, Some(student)) => attendance_leave::approved(cx, act, student, &after).await?,
        _ => attendance_leave::Marks::new(),
    };
    audit::record(cx, act, vec![change(&before, &after, &marks)]).await?;
    raise(cx, act, EventKind::LeaveDecided, &after).await?;
    Ok(id)
}

/// Takes back the approval of a request, which is pending again, and what it did to attendance.
pub async fn withdraw_approval(
    cx: &mut Cx,
    act: &Act,
    id: i64,
    remark: Option<&str>,
    mut problems: Problems,
) -> Changed<i64> {
    let found = leave::by_ids(cx, &act.scope, &[id]).await?;
    let before = act.target_by(&mut problems, "id", found, can::withdraw_approval)?;
    problems.stop()?;
    let after: LeaveRequestRow = diesel::update(l::table.find(id))
        .set((
            l::status.eq(LeaveStatus::Pending),
            l::decided_by.eq(None::<i64>),
            l::decided_at.eq(None::<chrono::NaiveDateTime>),
            l::remark.eq(remark),
            l::version.eq(l::version + 1),
        ))
        .returning(LeaveRequestRow::as_returning())
        .get_result(cx)
        .await?;
    let marks = match after.student_id {
        Some(student) => attendance_leave::withdrawn(cx, act, student, &after).await?,
        None => attendance_leave::Marks::new(),
    };
    audit::record(cx, act, vec![change(&before, &after, &marks)]).await?;
    raise(cx, act, EventKind::LeaveDecided, &after).await?;
    Ok(id)
}

/// Raises what became of a request. It concerns whom it is about, and the courses whose heads decide about it.
async fn raise(cx: &mut Cx, act: &Act, kind: EventKind, request: &LeaveRequestRow) -> Result<()> {
    let mut topics = Vec::new();
    if let Some(student) = request.student_id {
        topics.push(Topic::Student(student));
        let course = student_rows::table.find(student).select(student_rows::course_id);
        let course: Option<i64> = course.first::<Option<i64>>(cx).await?;
        topics.extend(course.map(Topic::Course));
    }
    if let Some(staff) = request.staff_id {
        topics.push(Topic::Staff(staff));
        let courses = routines::table.filter(routines::active).filter(routines::teacher_id.eq(staff));
        let courses: Vec<i64> = courses.select(routines::course_id).distinct().load(cx).await?;
        topics.extend(courses.into_iter().map(Topic::Course));
    }
    events_write::raise(cx, act, NewEvent { kind, subject: request.id, student: request.student_id, topics }).await
}

/// What was done, for the audit log: with the marks of attendance by the numbers of their sessions.
fn change(before: &LeaveRequestRow, after: &LeaveRequestRow, marks: &attendance_leave::Marks) -> Change {
    let side = |row: &LeaveRequestRow, last: bool| {
        let mark = |(session, (was, is)): (&i64, &(_, _))| (*session, if last { *is } else { *was });
        let marks: std::collections::BTreeMap<i64, Option<_>> = marks.iter().map(mark).collect();
        let mut content = json!(row);
        content["marks"] = json!(marks);
        content
    };
    Change::edited(Kind::LeaveRequest, after.id, side(before, false), side(after, true))
}
