//! What moves students on to the next period of their course, with their trackings: compiled for both databases.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{Cx, audit, batches, courses, courses_write, progress_tracking, students, students_write};
use crate::{
    audit::model::Change,
    auth::RoleSet,
    change::{Act, Changed, Problems},
    courses::model::CourseRow,
    db::schema::{self, batch_students},
    error::Result,
    graphql::UserErrorCode::{OutOfRange, WrongStatus},
    ids::Kind,
    progress::model::{Advanced, Class},
    students::model::{StudentRow, StudentStatus},
};

/// So many students are moved by one statement: several numbers and texts of each are bound.
const AT_ONCE: usize = 1000;
/// So many names are in a message at most.
const NAMED: usize = 5;

/// Moves a student on.
pub async fn student(cx: &mut Cx, act: &Act, (id, version): (i64, i32), mut problems: Problems) -> Changed<i64> {
    let (student, _) = students_write::target(cx, act, &mut problems, "studentId", id).await?;
    problems.fresh(version, student.version);
    let active = student.status == StudentStatus::Active;
    problems.require(active, "studentId", WrongStatus, "only active students are moved on");
    let (Some(course), Some(period)) = (student.course_id, student.current_period) else {
        problems.add("studentId", WrongStatus, "the student is in no course");
        return Err(problems.refusal());
    };
    let Some((course, _)) = courses::by_ids(cx, &act.scope, &[course]).await?.pop() else {
        return Err(act.forbidden().into());
    };
    is_not_last(&course, period, "studentId", std::slice::from_ref(&student), &mut problems);
    problems.stop()?;
    advance(cx, act, &course, vec![student], period + 1).await?;
    Ok(id)
}

/// Moves on the active students of a batch who are in a period of a course; nobody else of it is touched.
pub async fn batch(cx: &mut Cx, act: &Act, class: Class, mut problems: Problems) -> Changed<Advanced> {
    if batches::by_ids(cx, &act.scope, &[class.batch]).await?.is_empty() {
        problems.not_found("batchId");
    }
    let course = courses::by_ids(cx, &act.scope, &[class.course]).await?.pop();
    let Some((course, _)) = course else {
        problems.not_found("courseId");
        return Err(problems.refusal());
    };
    courses_write::may_in(cx, act, course.id).await?;
    let members = members(cx, act, class).await?;
    if problems.is_empty() && members.is_empty() {
        problems.add("fromPeriod", WrongStatus, "the batch has no active students in this period of the course");
    }
    is_not_last(&course, class.from_period, "fromPeriod", &members, &mut problems);
    problems.stop()?;
    let students = i64::try_from(members.len()).unwrap_or(i64::MAX);
    advance(cx, act, &course, members, class.from_period + 1).await?;
    Ok(Advanced { batch: class.batch, students })
}

/// The active students of a class whom the viewer may move on.
async fn members(cx: &mut Cx, act: &Act, class: Class) -> Result<Vec<StudentRow>> {
    use schema::students as s;
    let members = batch_students::table.filter(batch_students::batch_id.eq(class.batch));
    let rows: Vec<(StudentRow, i32)> = s::table
        .filter(s::id.eq_any(members.select(batch_students::student_id)))
        .filter(s::course_id.eq(class.course))
        .filter(s::current_period.eq(class.from_period))
        .filter(s::status.eq(StudentStatus::Active))
        .filter(s::archived_at.is_null())
        .filter(students::reach(&act.scope).filter())
        .order((s::name, s::id))
        .select((StudentRow::as_select(), students::reach(&act.scope).granted()))
        .load(cx)
        .await?;
    let theirs = rows.into_iter().filter(|(_, granted)| RoleSet::from_bits(*granted).meets(act.may));
    Ok(theirs.map(|(student, _)| student).collect())
}

fn is_not_last(course: &CourseRow, period: i32, path: &str, students: &[StudentRow], problems: &mut Problems) {
    if period < course.periods() || students.is_empty() {
        return;
    }
    let names: Vec<&str> = students.iter().take(NAMED).map(|student| student.name.as_str()).collect();
    let more = students.len() - names.len();
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    let message = format!("in the last of {} periods: {}{more}", course.periods(), names.join(", "));
    problems.add(path, OutOfRange, message);
}

/// Moves students and their trackings to a period of their course, which begins for them today.
async fn advance(cx: &mut Cx, act: &Act, course: &CourseRow, students: Vec<StudentRow>, to: i32) -> Result<()> {
    for before in students.chunks(AT_ONCE) {
        let ids: Vec<i64> = before.iter().map(|student| student.id).collect();
        let after = students_write::set_period(cx, &ids, to).await?;
        let edited = |before: &StudentRow| {
            let after = after.iter().find(|after| after.id == before.id)?;
            Some(Change::edited(Kind::Student, before.id, before, after))
        };
        let mut changes: Vec<Change> = before.iter().filter_map(edited).collect();
        changes.extend(progress_tracking::follow(cx, act, course, &ids, to).await?);
        audit::record(cx, act, changes).await?;
    }
    Ok(())
}
