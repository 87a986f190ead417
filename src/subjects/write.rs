//! What changes subjects and study files: the rules and the SQL, compiled for both databases.

use diesel::{dsl, prelude::*};
use diesel_async::RunQueryDsl;

use super::{Cx, audit, courses, courses_write, progress_write, subjects};
use crate::{
    audit::model::Change,
    auth::Role,
    change::{Act, Changed, Problems},
    courses::model::CourseRow,
    db::schema::{self, attendance_totals, course_trackings, routines, study_files, subject_progress},
    error::Result,
    graphql::UserErrorCode::{InUse, OutOfRange, Taken},
    ids::Kind,
    subjects::model::{NewStudyFile, NewSubject, StudyFileRow, SubjectEdit, SubjectRow},
};

/// Adds a subject to a period of a course.
pub async fn create(cx: &mut Cx, act: &Act, subject: &NewSubject, mut problems: Problems) -> Changed<i64> {
    use schema::subjects;
    let found = courses::by_ids(cx, &act.scope, &[subject.course_id]).await?;
    let course = act.target(&mut problems, "courseId", found)?;
    courses_write::may_in(cx, act, course.id).await?;
    is_period_of(&course, subject.period, &mut problems);
    code_is_free(cx, (course.id, &subject.code), 0, &mut problems).await?;
    name_is_free(cx, "name", (course.id, subject.period, &subject.name), 0, &mut problems).await?;
    problems.stop()?;
    let row: SubjectRow = diesel::insert_into(subjects::table)
        .values(subject)
        .returning(SubjectRow::as_returning())
        .get_result(cx)
        .await?;
    audit::record(cx, act, vec![Change::made(Kind::Subject, row.id, &row)]).await?;
    recompute_course(cx, act, row.course_id).await?;
    Ok(row.id)
}

/// Edits a subject.
pub async fn edit(
    cx: &mut Cx,
    act: &Act,
    (id, version): (i64, i32),
    edit: &SubjectEdit,
    mut problems: Problems,
) -> Changed<i64> {
    use schema::subjects::{self as s};
    let before = act.target(&mut problems, "id", subjects::by_ids(cx, &act.scope, &[id]).await?)?;
    courses_write::may_in(cx, act, before.course_id).await?;
    problems.fresh(version, before.version);
    let period = edit.period.unwrap_or(before.period);
    if period != before.period {
        for (course, _) in courses::by_ids(cx, &act.scope, &[before.course_id]).await? {
            is_period_of(&course, period, &mut problems);
        }
        let slots = routines::table.filter(routines::subject_id.eq(id));
        let planned: bool = dsl::select(dsl::exists(slots)).get_result(cx).await?;
        let message = "there are routines of it, of now or of before: it stays in its period";
        problems.require(!planned, "period", InUse, message);
    }
    if let Some(code) = &edit.code {
        code_is_free(cx, (before.course_id, code), id, &mut problems).await?;
    }
    if edit.name.is_some() || period != before.period {
        let path = if edit.name.is_some() { "name" } else { "period" };
        let name = edit.name.as_ref().unwrap_or(&before.name);
        name_is_free(cx, path, (before.course_id, period, name), id, &mut problems).await?;
    }
    problems.stop()?;
    let after: SubjectRow = diesel::update(s::table.find(id))
        .set((edit, s::version.eq(s::version + 1)))
        .returning(SubjectRow::as_returning())
        .get_result(cx)
        .await?;
    audit::record(cx, act, vec![Change::edited(Kind::Subject, id, &before, &after)]).await?;
    Ok(id)
}

/// With a subject more or less, everybody in the course is another share of the way through it.
async fn recompute_course(cx: &mut Cx, act: &Act, course: i64) -> Result<()> {
    let students = course_trackings::table
        .filter(course_trackings::course_id.eq(course))
        .select(course_trackings::student_id)
        .load::<i64>(cx)
        .await?;
    progress_write::recompute(cx, act, &students).await
}

/// Deletes a subject that nothing refers to.
pub async fn delete(cx: &mut Cx, act: &Act, id: i64, mut problems: Problems) -> Changed<i64> {
    use schema::subjects::{self as s};
    let before = act.target(&mut problems, "id", subjects::by_ids(cx, &act.scope, &[id]).await?)?;
    courses_write::may_in(cx, act, before.course_id).await?;
    let referring = [
        (
            "routines",
            dsl::select(dsl::exists(routines::table.filter(routines::subject_id.eq(id)))).get_result(cx).await?,
        ),
        (
            "study files",
            dsl::select(dsl::exists(study_files::table.filter(study_files::subject_id.eq(id)))).get_result(cx).await?,
        ),
        (
            "students' progress",
            dsl::select(dsl::exists(subject_progress::table.filter(subject_progress::subject_id.eq(id))))
                .get_result(cx)
                .await?,
        ),
        (
            "attendance",
            dsl::select(dsl::exists(attendance_totals::table.filter(attendance_totals::subject_id.eq(id))))
                .get_result(cx)
                .await?,
        ),
    ];
    let referring: Vec<&str> = referring.into_iter().filter(|(_, refers)| *refers).map(|(what, _)| what).collect();
    let message = format!("there is something that refers to it: {}", referring.join(", "));
    problems.require(referring.is_empty(), "id", InUse, &message);
    problems.stop()?;
    diesel::delete(s::table.find(id)).execute(cx).await?;
    audit::record(cx, act, vec![Change::removed(Kind::Subject, id, &before)]).await?;
    recompute_course(cx, act, before.course_id).await?;
    Ok(id)
}

/// Adds a file to study a subject from.
pub async fn add_file(cx: &mut Cx, act: &Act, file: &NewStudyFile, mut problems: Problems) -> Changed<i64> {
    let found = subjects::by_ids(cx, &act.scope, &[file.subject_id]).await?;
    let subject = act.target(&mut problems, "subjectId", found)?;
    if !teaches(cx, act, subject.id).await? {
        courses_write::may_in(cx, act, subject.course_id).await?;
    }
    problems.stop()?;
    let uploader = Some(act.scope.staff()).filter(|staff| *staff != 0);
    let row: StudyFileRow = diesel::insert_into(study_files::table)
        .values((file, study_files::uploaded_by.eq(uploader), study_files::uploaded_at.eq(act.now)))
        .returning(StudyFileRow::as_returning())
        .get_result(cx)
        .await?;
    audit::record(cx, act, vec![Change::made(Kind::StudyFile, row.id, &row)]).await?;
    Ok(row.id)
}

/// Removes a file to study from: a teacher what they have added themselves.
pub async fn remove_file(cx: &mut Cx, act: &Act, id: i64, mut problems: Problems) -> Changed<i64> {
    let before = act.target(&mut problems, "id", subjects::files_by_ids(cx, &act.scope, &[id]).await?)?;
    let own = act.scope.staff() != 0 && before.uploaded_by == Some(act.scope.staff());
    if !(own && teaches(cx, act, before.subject_id).await?) {
        let course = schema::subjects::table.find(before.subject_id).select(schema::subjects::course_id);
        let course: i64 = course.first(cx).await?;
        courses_write::may_in(cx, act, course).await?;
    }
    problems.stop()?;
    diesel::delete(study_files::table.find(id)).execute(cx).await?;
    audit::record(cx, act, vec![Change::removed(Kind::StudyFile, id, &before)]).await?;
    Ok(id)
}

/// Whether the viewer, as a teacher, teaches a subject by the present timetable.
async fn teaches(cx: &mut Cx, act: &Act, subject: i64) -> Result<bool> {
    if !act.held().has(Role::Staff) {
        return Ok(false);
    }
    let slots = routines::table
        .filter(routines::active)
        .filter(routines::teacher_id.eq(act.scope.staff()))
        .filter(routines::subject_id.eq(subject));
    Ok(dsl::select(dsl::exists(slots)).get_result(cx).await?)
}

fn is_period_of(course: &CourseRow, period: i32, problems: &mut Problems) {
    let message = format!("the course has the periods 1 to {}", course.periods());
    problems.require((1..=course.periods()).contains(&period), "period", OutOfRange, &message);
}

async fn code_is_free(cx: &mut Cx, (course, code): (i64, &str), own: i64, problems: &mut Problems) -> Result<()> {
    use schema::subjects::{self as s};
    let others = s::table.filter(s::course_id.eq(course)).filter(s::code.eq(code)).filter(s::id.ne(own));
    let taken: bool = dsl::select(dsl::exists(others)).get_result(cx).await?;
    problems.require(!taken, "code", Taken, "another subject of this course has this code");
    Ok(())
}

async fn name_is_free(
    cx: &mut Cx,
    path: &str,
    (course, period, name): (i64, i32, &str),
    own: i64,
    problems: &mut Problems,
) -> Result<()> {
    use schema::subjects::{self as s};
    let others = s::table
        .filter(s::course_id.eq(course))
        .filter(s::period.eq(period))
        .filter(s::name.eq(name))
        .filter(s::id.ne(own));
    let taken: bool = dsl::select(dsl::exists(others)).get_result(cx).await?;
    problems.require(!taken, path, Taken, "another subject of this period of the course has this name");
    Ok(())
}
