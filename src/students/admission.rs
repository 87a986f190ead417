//! How students come to the institute and into a course: the rules and the SQL, compiled for both databases.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde_json::json;

use super::{
    Cx, audit, auth_write, courses, courses_write, parents_family, progress_tracking, progress_write, students_write,
};
use crate::{
    audit::model::Change,
    auth::model::WithContact,
    change::{Act, Changed, Problems},
    courses::model::CourseRow,
    db::schema,
    graphql::UserErrorCode::{Invalid, OutOfRange},
    ids::Kind,
    students::{
        can,
        model::{Admission, StudentRow},
    },
};

/// Admits a student: the account, without a password; the student; the course, with its tracking; batches; parents.
pub async fn admit(cx: &mut Cx, act: &Act, new: &Admission, mut problems: Problems) -> Changed<i64> {
    use schema::students::{self as s};
    let course = match new.course {
        Some(id) => course_to_begin(cx, act, id, new.period.unwrap_or(1), &mut problems).await?,
        None => None,
    };
    may_admit(act, new)?;
    problems.require(
        new.course.is_some() || new.period.is_none(),
        "period",
        Invalid,
        "there is no period without a course",
    );
    let batches = students_write::joinable(cx, act, &new.batches, "batchIds", &mut problems).await?;
    let joining = new.joining_date.or(students_write::first_day(&batches, act.today));
    problems.born_before(new.student.birth_date, joining, "birthDate");
    auth_write::contact_is_free(cx, &new.contact, 0, ("email", "phone"), &mut problems).await?;
    let found = parents_family::find(cx, act, &new.parents, &new.contact, &mut problems).await?;
    problems.stop()?;

    let account = auth_write::create_account(cx, act, &new.contact).await?;
    let row: StudentRow = diesel::insert_into(s::table)
        .values((
            &new.student,
            s::account_id.eq(account),
            s::course_id.eq(new.course),
            s::current_period.eq(new.course.map(|_| new.period.unwrap_or(1))),
            s::joining_date.eq(joining),
            s::created_at.eq(act.now),
        ))
        .returning(StudentRow::as_returning())
        .get_result(cx)
        .await?;
    let joined: Vec<i64> = new.batches.iter().copied().collect();
    students_write::join(cx, row.id, &joined).await?;
    let (parents, mut changes) = parents_family::link(cx, act, row.id, &new.parents, &found).await?;
    if let Some(course) = &course {
        let (period, start) = (new.period.unwrap_or(1), joining.unwrap_or(act.today));
        changes.push(progress_tracking::begin(cx, act, row.id, course, period, start).await?);
    }
    let student = WithContact { row: &row, contact: &new.contact };
    let made = json!({"student": student, "batches": joined, "parents": parents});
    changes.push(Change::made(Kind::Student, row.id, made));
    audit::record(cx, act, changes).await?;
    Ok(row.id)
}

/// An HOD admits into courses they head, so into one at least, and writes nothing that they may not read.
fn may_admit(act: &Act, new: &Admission) -> Changed<()> {
    let civil = new.student.citizenship_number.is_some() || new.student.marital_status.is_some();
    if act.in_every_course() || (new.course.is_some() && !civil) { Ok(()) } else { Err(act.forbidden().into()) }
}

/// Enrols a student in another course, or in their first: what they leave is dropped, what they begin is made or revived.
/// Batches stay.
pub async fn enrol(
    cx: &mut Cx,
    act: &Act,
    (id, version): (i64, i32),
    (course, period): (i64, i32),
    mut problems: Problems,
) -> Changed<i64> {
    use schema::students::{self as s};
    let (before, _) = students_write::target(cx, act, &mut problems, "studentId", id).await?;
    problems.fresh(version, before.version);
    let Some(course) = course_to_begin(cx, act, course, period, &mut problems).await? else {
        return Err(problems.refusal());
    };
    let completed = progress_tracking::completed(cx, &[id]).await?;
    act.heed(can::enrol_in(&before, course.id, &completed), "courseId", &mut problems)?;
    problems.stop()?;
    let after: StudentRow = diesel::update(s::table.find(id))
        .set((s::course_id.eq(course.id), s::current_period.eq(period), s::version.eq(s::version + 1)))
        .returning(StudentRow::as_returning())
        .get_result(cx)
        .await?;
    let mut changes = vec![Change::edited(Kind::Student, id, &before, &after)];
    if let Some(left) = before.course_id {
        changes.extend(progress_tracking::leave(cx, act, id, left).await?);
    }
    changes.push(progress_tracking::begin(cx, act, id, &course, period, act.today).await?);
    progress_write::recompute(cx, act, &[id]).await?;
    audit::record(cx, act, changes).await?;
    Ok(id)
}

/// The course that a student is to begin in a period, if it is offered and has that period.
///
/// # Errors
/// `FORBIDDEN` where the viewer may not do this in that course.
async fn course_to_begin(
    cx: &mut Cx,
    act: &Act,
    id: i64,
    period: i32,
    problems: &mut Problems,
) -> Changed<Option<CourseRow>> {
    let Some((course, _)) = courses::by_ids(cx, &act.scope, &[id]).await?.pop() else {
        problems.not_found("courseId");
        return Ok(None);
    };
    let within = courses_write::within(cx, &act.actor()).await?;
    act.heed(can::begin(&course, &within), "courseId", problems)?;
    let message = format!("this course has periods 1 to {}", course.periods());
    problems.require((1..=course.periods()).contains(&period), "period", OutOfRange, &message);
    Ok(Some(course))
}
