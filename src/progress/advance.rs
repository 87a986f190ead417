//! What moves students on to the next period of their course, with their trackings: compiled for both databases.

use std::collections::HashMap;

use diesel::{dsl, prelude::*};
use diesel_async::RunQueryDsl;

use super::{Cx, audit, batches, courses, courses_write, progress_tracking, students_write};
use crate::{
    audit::model::Change,
    auth::Scope,
    change::{Act, Changed, Problems},
    courses::model::CourseRow,
    db::schema::{batch_students, students as s},
    error::Result,
    graphql::UserErrorCode::{OutOfRange, WrongStatus},
    ids::Kind,
    progress::{
        can,
        model::{Advanced, Class},
    },
    students::model::{StudentRow, StudentStatus},
};

/// So many students are moved by one statement: several numbers and texts of each are bound.
const AT_ONCE: usize = 1000;

/// Moves a student on.
pub async fn student(cx: &mut Cx, act: &Act, (id, version): (i64, i32), mut problems: Problems) -> Changed<i64> {
    let (student, _) = students_write::target(cx, act, &mut problems, "studentId", id).await?;
    problems.fresh(version, student.version);
    let course = match student.course_id {
        Some(course) => courses::by_ids(cx, &act.scope, &[course]).await?.pop().map(|(course, _)| course),
        None => None,
    };
    act.heed(can::moves_on(&student, course.as_ref()), "studentId", &mut problems)?;
    problems.stop()?;
    let Some((course, period)) = course.zip(student.current_period) else { return Err(act.forbidden().into()) };
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
    let members = members(cx, class).await?;
    if problems.is_empty() && members.is_empty() {
        problems.add("fromPeriod", WrongStatus, "the batch has no active students in this period of the course");
    }
    if course.is_last(class.from_period) && !members.is_empty() {
        problems.add("fromPeriod", OutOfRange, can::in_last_period(&course, &members));
    }
    problems.stop()?;
    let students = i64::try_from(members.len()).unwrap_or(i64::MAX);
    advance(cx, act, &course, members, class.from_period + 1).await?;
    Ok(Advanced { batch: class.batch, students })
}

/// The active students who are in batches, with the batches: for who plans their course, and so reaches all of them.
#[dsl::auto_type]
fn active() -> _ {
    let status: StudentStatus = StudentStatus::Active;
    s::table.inner_join(batch_students::table).filter(s::status.eq(status)).filter(s::archived_at.is_null())
}

/// The active students of a class: who may plan its course moves all of them on.
async fn members(cx: &mut Cx, class: Class) -> Result<Vec<StudentRow>> {
    let rows = active()
        .filter(batch_students::batch_id.eq(class.batch))
        .filter(s::course_id.eq(class.course))
        .filter(s::current_period.eq(class.from_period))
        .order((s::name, s::id))
        .select(StudentRow::as_select())
        .load(cx)
        .await?;
    Ok(rows)
}

/// The classes of batches in which there are any who move on, of courses in scope: course and period, by batch.
pub async fn classes(cx: &mut Cx, scope: &Scope, batches: &[i64]) -> Result<HashMap<i64, Vec<(CourseRow, i32)>>> {
    let rows: Vec<(i64, Option<i64>, Option<i32>)> = active()
        .filter(batch_students::batch_id.eq_any(batches))
        .select((batch_students::batch_id, s::course_id, s::current_period))
        .distinct()
        .load(cx)
        .await?;
    let courses: HashMap<i64, CourseRow> =
        courses::all(cx, scope).await?.into_iter().map(|course| (course.id, course)).collect();
    let mut classes: HashMap<i64, Vec<(CourseRow, i32)>> = HashMap::new();
    for (batch, course, period) in rows {
        let course = course.and_then(|course| courses.get(&course));
        classes.entry(batch).or_default().extend(course.cloned().zip(period));
    }
    Ok(classes)
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
