//! What changes course trackings and subject progress: the rules and the SQL, compiled for both databases.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use diesel::{dsl, prelude::*, sql_types::Text};
use diesel_async::RunQueryDsl;

use super::{Cx, audit, dialect, progress, progress_write, students, students_write, subjects};
use crate::{
    audit::model::Change,
    auth::{Role, RoleSet},
    change::{Act, Changed, Problems},
    courses::model::CourseRow,
    db::schema::{course_trackings, subject_progress},
    error::Result,
    graphql::UserErrorCode::{NotInClass, OutOfRange, WrongStatus},
    ids::Kind,
    progress::model::{
        CourseTrackingRow, NewTracking, ProgressStatus, SubjectEntry, SubjectProgressRow, TrackingEdit, period_end,
    },
};

/// Who may write what teachers note among themselves: who may read it, and edit the rest.
const NOTING: RoleSet = RoleSet::of(&[Role::Admin, Role::Hod]);

/// A student's tracking of a course.
async fn of(cx: &mut Cx, student: i64, course: i64) -> Result<Option<CourseTrackingRow>> {
    use course_trackings as t;
    let tracking = t::table.filter(t::student_id.eq(student)).filter(t::course_id.eq(course));
    Ok(tracking.select(CourseTrackingRow::as_select()).first(cx).await.optional()?)
}

/// Which courses students have completed, as student and course.
pub async fn completed(cx: &mut Cx, students: &[i64]) -> Result<BTreeSet<(i64, i64)>> {
    use course_trackings as t;
    let done = t::table.filter(t::student_id.eq_any(students)).filter(t::status.eq(ProgressStatus::Completed));
    Ok(done.select((t::student_id, t::course_id)).load::<(i64, i64)>(cx).await?.into_iter().collect())
}

/// Begins a course for a student, in a period of it: makes the tracking, or revives the one from before.
pub async fn begin(
    cx: &mut Cx,
    act: &Act,
    student: i64,
    course: &CourseRow,
    period: i32,
    start: NaiveDate,
) -> Result<Change> {
    use course_trackings as t;
    let new = NewTracking::of(student, course, period, start, act.today);
    let Some(before) = of(cx, student, course.id).await? else {
        let made: CourseTrackingRow = diesel::insert_into(t::table)
            .values(&new)
            .returning(CourseTrackingRow::as_returning())
            .get_result(cx)
            .await?;
        return Ok(Change::made(Kind::CourseTracking, made.id, &made));
    };
    let after: CourseTrackingRow = diesel::update(t::table.find(before.id))
        .set((&new, t::actual_end.eq(None::<NaiveDate>), t::version.eq(t::version + 1)))
        .returning(CourseTrackingRow::as_returning())
        .get_result(cx)
        .await?;
    Ok(Change::edited(Kind::CourseTracking, after.id, &before, &after))
}

/// Ends a course that a student leaves for another one: what is under way in it is dropped.
pub async fn leave(cx: &mut Cx, act: &Act, student: i64, course: i64) -> Result<Option<Change>> {
    use course_trackings as t;
    let under_way = |tracking: &CourseTrackingRow| {
        matches!(tracking.status, ProgressStatus::NotStarted | ProgressStatus::InProgress)
    };
    let Some(before) = of(cx, student, course).await?.filter(under_way) else { return Ok(None) };
    let end = before.started_on.max(act.today);
    let after: CourseTrackingRow = diesel::update(t::table.find(before.id))
        .set((t::status.eq(ProgressStatus::Dropped), t::actual_end.eq(end), t::version.eq(t::version + 1)))
        .returning(CourseTrackingRow::as_returning())
        .get_result(cx)
        .await?;
    Ok(Some(Change::edited(Kind::CourseTracking, after.id, &before, &after)))
}

/// Moves the trackings of students of one course to a period that begins today; makes those that are missing.
pub async fn follow(cx: &mut Cx, act: &Act, course: &CourseRow, students: &[i64], to: i32) -> Result<Vec<Change>> {
    use course_trackings as t;
    let of_these = || t::table.filter(t::course_id.eq(course.id)).filter(t::student_id.eq_any(students));
    let before: Vec<CourseTrackingRow> = of_these().select(CourseTrackingRow::as_select()).load(cx).await?;
    let begun = dsl::case_when(t::status.eq(ProgressStatus::NotStarted), ProgressStatus::InProgress.into_sql::<Text>());
    let after: Vec<CourseTrackingRow> = diesel::update(of_these())
        .set((
            t::status.eq(begun.otherwise(t::status)),
            t::current_period.eq(to),
            t::period_started_on.eq(act.today),
            t::period_ends_on.eq(period_end(act.today, course.duration_type)),
            t::version.eq(t::version + 1),
        ))
        .returning(CourseTrackingRow::as_returning())
        .get_results(cx)
        .await?;
    let edited = |before: &CourseTrackingRow| {
        let after = after.iter().find(|after| after.id == before.id)?;
        Some(Change::edited(Kind::CourseTracking, before.id, before, after))
    };
    let mut changes: Vec<Change> = before.iter().filter_map(edited).collect();
    let missing = students.iter().filter(|student| before.iter().all(|tracking| tracking.student_id != **student));
    let missing: Vec<NewTracking> =
        missing.map(|student| NewTracking::of(*student, course, to, act.today, act.today)).collect();
    if !missing.is_empty() {
        let statement = diesel::insert_into(t::table).values(missing).returning(CourseTrackingRow::as_returning());
        let made: Vec<CourseTrackingRow> = dialect::load_batch(cx, statement).await?;
        changes.extend(made.iter().map(|made| Change::made(Kind::CourseTracking, made.id, made)));
    }
    Ok(changes)
}

/// Edits a course tracking.
pub async fn edit(
    cx: &mut Cx,
    act: &Act,
    (id, version): (i64, i32),
    edit: &TrackingEdit,
    mut problems: Problems,
) -> Changed<i64> {
    use course_trackings as t;
    let rows = progress::tracking_by_ids(cx, &act.scope, &[id]).await?;
    let may = act.roles_for(&rows);
    let before = act.target(&mut problems, "id", rows)?;
    if edit.notes.is_some() && !may.meets(NOTING) {
        return Err(act.forbidden().into());
    }
    problems.fresh(version, before.version);
    let end = edit.expected_end.unwrap_or(before.expected_end);
    problems.require(before.started_on < end, "expectedEnd", OutOfRange, "a course ends after it has begun");
    let status = edit.status.filter(|status| *status != before.status);
    if let Some(status) = status {
        let student = students::by_ids(cx, &act.scope, &[before.student_id]).await?.pop();
        let in_course = student.is_some_and(|(student, _)| student.course_id == Some(before.course_id));
        may_become(&before, status, in_course, &mut problems);
    }
    problems.stop()?;
    let ended = status.map(|status| match status {
        ProgressStatus::Completed | ProgressStatus::Dropped => Some(before.started_on.max(act.today)),
        ProgressStatus::NotStarted | ProgressStatus::InProgress => None,
    });
    diesel::update(t::table.find(id))
        .set((edit, ended.map(|ended| t::actual_end.eq(ended)), t::version.eq(t::version + 1)))
        .execute(cx)
        .await?;
    if status.is_some() {
        progress_write::recompute(cx, act, &[before.student_id]).await?;
    }
    let after: CourseTrackingRow = t::table.find(id).select(CourseTrackingRow::as_select()).first(cx).await?;
    audit::record(cx, act, vec![Change::edited(Kind::CourseTracking, id, &before, &after)]).await?;
    Ok(id)
}

/// A tracking at 100 % is completed and no other is; who is in another course is under way there alone.
fn may_become(before: &CourseTrackingRow, status: ProgressStatus, in_course: bool, problems: &mut Problems) {
    let done = before.completion >= 100.0;
    match status {
        ProgressStatus::NotStarted | ProgressStatus::InProgress => {
            problems.require(in_course, "status", WrongStatus, "the student is not in this course: enrol them in it");
            problems.require(!done, "status", WrongStatus, "everything is done in this course: it is completed");
        }
        ProgressStatus::Completed => {
            problems.require(done, "status", WrongStatus, "a course is completed when its completion is 100 %");
        }
        ProgressStatus::Dropped => {}
    }
}

/// Enters how far a student is in a subject of their course, for the first time or anew; completion follows.
pub async fn set_subject(cx: &mut Cx, act: &Act, entry: &SubjectEntry, mut problems: Problems) -> Changed<i64> {
    use subject_progress as p;
    let (student, _) = students_write::target(cx, act, &mut problems, "studentId", entry.student).await?;
    match subjects::by_ids(cx, &act.scope, &[entry.subject]).await?.pop() {
        Some((subject, _)) => {
            let theirs = student.course_id == Some(subject.course_id);
            problems.require(theirs, "subjectId", NotInClass, "the student is not in the course of this subject");
        }
        None => problems.not_found("subjectId"),
    }
    let before: Option<SubjectProgressRow> = p::table
        .filter(p::student_id.eq(entry.student))
        .filter(p::subject_id.eq(entry.subject))
        .select(SubjectProgressRow::as_select())
        .first(cx)
        .await
        .optional()?;
    problems.fresh(entry.version.unwrap_or(0), before.as_ref().map_or(0, |row| row.version));
    problems.stop()?;
    let completion = entry.completion(before.as_ref().map(|row| row.completion));
    let values = (p::status.eq(entry.status), p::completion.eq(completion));
    let after: SubjectProgressRow = match &before {
        Some(row) => {
            diesel::update(p::table.find(row.id))
                .set((values, entry.notes.as_ref().map(|notes| p::notes.eq(notes)), p::version.eq(p::version + 1)))
                .returning(SubjectProgressRow::as_returning())
                .get_result(cx)
                .await?
        }
        None => {
            let of = (p::student_id.eq(entry.student), p::subject_id.eq(entry.subject));
            diesel::insert_into(p::table)
                .values((of, values, p::notes.eq(entry.notes.clone().flatten())))
                .returning(SubjectProgressRow::as_returning())
                .get_result(cx)
                .await?
        }
    };
    progress_write::recompute(cx, act, &[entry.student]).await?;
    let change = match before {
        Some(before) => Change::edited(Kind::SubjectProgress, after.id, &before, &after),
        None => Change::made(Kind::SubjectProgress, after.id, &after),
    };
    audit::record(cx, act, vec![change]).await?;
    Ok(after.id)
}
