//! What changes subjects and study files: the rules and the SQL, compiled for both databases.

use std::collections::{BTreeSet, HashMap};

use diesel::{dsl, prelude::*};
use diesel_async::RunQueryDsl;

use super::{Cx, audit, courses, courses_write, progress_write, subjects};
use crate::{
    audit::model::Change,
    auth::Role,
    change::{Act, Actor, Changed, Problems},
    courses::{can::change, model::CourseRow},
    db::schema::{self, attendance_totals, course_trackings, routines, study_files, subject_progress},
    error::Result,
    graphql::UserErrorCode::{InUse, OutOfRange, Taken},
    ids::Kind,
    subjects::{
        can,
        model::{NewStudyFile, NewSubject, StudyFileRow, SubjectEdit, SubjectRow},
    },
};

/// Adds a subject to a period of a course.
pub async fn create(cx: &mut Cx, act: &Act, subject: &NewSubject, mut problems: Problems) -> Changed<i64> {
    use schema::subjects;
    let within = courses_write::within(cx, &act.actor()).await?;
    let found = courses::by_ids(cx, &act.scope, &[subject.course_id]).await?;
    let course = act.target_by(&mut problems, "courseId", found, |_, course, by| change(by, course.id, &within))?;
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
    let within = courses_write::within(cx, &act.actor()).await?;
    let found = subjects::by_ids(cx, &act.scope, &[id]).await?;
    let before = act.target_by(&mut problems, "id", found, |_, subject, by| change(by, subject.course_id, &within))?;
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
    progress_write::recompute(cx, act, &students).await?;
    Ok(())
}

/// Deletes a subject that nothing refers to.
pub async fn delete(cx: &mut Cx, act: &Act, id: i64, mut problems: Problems) -> Changed<i64> {
    use schema::subjects::{self as s};
    let within = courses_write::within(cx, &act.actor()).await?;
    let referring = referring(cx, &[id]).await?.remove(&id).unwrap_or_default();
    let found = subjects::by_ids(cx, &act.scope, &[id]).await?;
    let before =
        act.target_by(&mut problems, "id", found, |_, subject, by| can::delete(by, subject, &within, &referring))?;
    problems.stop()?;
    diesel::delete(s::table.find(id)).execute(cx).await?;
    audit::record(cx, act, vec![Change::removed(Kind::Subject, id, &before)]).await?;
    recompute_course(cx, act, before.course_id).await?;
    Ok(id)
}

/// Adds a file to study a subject from.
pub async fn add_file(cx: &mut Cx, act: &Act, file: &NewStudyFile, mut problems: Problems) -> Changed<i64> {
    let within = courses_write::within(cx, &act.actor()).await?;
    let taught = taught(cx, &act.actor()).await?;
    let found = subjects::by_ids(cx, &act.scope, &[file.subject_id]).await?;
    act.target_by(&mut problems, "subjectId", found, |_, subject, by| can::add_file(by, subject, &within, &taught))?;
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
    let within = courses_write::within(cx, &act.actor()).await?;
    let taught = taught(cx, &act.actor()).await?;
    let found = subjects::files_by_ids(cx, &act.scope, &[id]).await?;
    let (before, by) = act.found(&mut problems, "id", found)?;
    let course = courses_of(cx, &[before.subject_id]).await?.remove(&before.subject_id);
    act.heed(can::remove_file(&act.actor(), &before, by, course, &within, &taught), "id", &mut problems)?;
    problems.stop()?;
    diesel::delete(study_files::table.find(id)).execute(cx).await?;
    audit::record(cx, act, vec![Change::removed(Kind::StudyFile, id, &before)]).await?;
    Ok(id)
}

/// The subjects that the viewer teaches by the present timetable; none where they do not do this as a teacher.
pub async fn taught(cx: &mut Cx, actor: &Actor) -> Result<BTreeSet<i64>> {
    if !actor.held().has(Role::Staff) {
        return Ok(BTreeSet::new());
    }
    let slots = routines::table.filter(routines::active).filter(routines::teacher_id.eq(actor.scope.staff()));
    Ok(slots.select(routines::subject_id).load::<i64>(cx).await?.into_iter().collect())
}

/// The course of each subject.
pub async fn courses_of(cx: &mut Cx, subjects: &[i64]) -> Result<HashMap<i64, i64>> {
    use schema::subjects::{self as s};
    let courses = s::table.filter(s::id.eq_any(subjects)).select((s::id, s::course_id));
    Ok(courses.load::<(i64, i64)>(cx).await?.into_iter().collect())
}

/// What refers to each subject, in words; nothing of one that nothing refers to.
pub async fn referring(cx: &mut Cx, subjects: &[i64]) -> Result<HashMap<i64, Vec<&'static str>>> {
    use {attendance_totals as a, routines as r, study_files as f, subject_progress as p};
    let referred: [(&str, Vec<i64>); 4] = [
        ("routines", r::table.filter(r::subject_id.eq_any(subjects)).select(r::subject_id).distinct().load(cx).await?),
        (
            "study files",
            f::table.filter(f::subject_id.eq_any(subjects)).select(f::subject_id).distinct().load(cx).await?,
        ),
        (
            "students' progress",
            p::table.filter(p::subject_id.eq_any(subjects)).select(p::subject_id).distinct().load(cx).await?,
        ),
        (
            "attendance",
            a::table.filter(a::subject_id.eq_any(subjects)).select(a::subject_id).distinct().load(cx).await?,
        ),
    ];
    let mut referring: HashMap<i64, Vec<&'static str>> = HashMap::new();
    for (what, subjects) in referred {
        for subject in subjects {
            referring.entry(subject).or_default().push(what);
        }
    }
    Ok(referring)
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
