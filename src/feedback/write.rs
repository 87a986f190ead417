//! What changes feedback: the rules and the SQL, compiled for both databases.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{Cx, audit, feedback, staff, students};
use crate::{
    audit::model::Change,
    auth::{Role, RoleSet},
    change::{Act, Changed, Problems},
    db::schema::{institute_feedback, teacher_feedback},
    error::Result,
    feedback::model::{InstituteFeedbackRow, InstituteRating, TeacherFeedbackRow, TeacherRating},
    graphql::UserErrorCode::{Invalid, Required},
    ids::Kind,
};

/// Who says something of a teacher: a student, or a parent about the lessons of a child.
#[derive(Clone, Copy)]
struct Author {
    student: i64,
    parent: Option<i64>,
}

/// Writes what the viewer says of a teacher, in place of what they said before; `number` is for a new row.
pub async fn rate_teacher(
    cx: &mut Cx,
    act: &Act,
    said: &TeacherRating,
    number: i64,
    mut problems: Problems,
) -> Changed<i64> {
    use teacher_feedback as f;
    let author = author(cx, act, said.student, &mut problems).await?;
    if said.teacher != 0 && said.teacher == act.scope.staff() {
        problems.add("teacherId", Invalid, "nobody rates themselves");
    } else if let Some(Author { student, .. }) = author
        && !staff::teaches(cx, &act.scope, said.teacher, student).await?
    {
        problems.not_found("teacherId");
    }
    problems.stop()?;
    let Some(Author { student, parent }) = author else { return Err(act.forbidden().into()) };
    let about: Vec<TeacherFeedbackRow> = f::table
        .filter(f::student_id.eq(student))
        .filter(f::teacher_id.eq(said.teacher))
        .select(TeacherFeedbackRow::as_select())
        .load(cx)
        .await?;
    let before = about.into_iter().find(|row| row.parent_id == parent);
    let words = (f::half_stars.eq(said.half_stars), f::message.eq(&said.message), f::updated_at.eq(act.now));
    let change = match &before {
        Some(before) => {
            let after: TeacherFeedbackRow = diesel::update(f::table.find(before.id))
                .set(words)
                .returning(TeacherFeedbackRow::as_returning())
                .get_result(cx)
                .await?;
            Change::edited(Kind::TeacherFeedback, before.id, before, after)
        }
        None => {
            let by = (f::teacher_id.eq(said.teacher), f::student_id.eq(student), f::parent_id.eq(parent));
            let row: TeacherFeedbackRow = diesel::insert_into(f::table)
                .values((f::id.eq(number), by, words, f::created_at.eq(act.now)))
                .returning(TeacherFeedbackRow::as_returning())
                .get_result(cx)
                .await?;
            Change::made(Kind::TeacherFeedback, row.id, row)
        }
    };
    let id = change.number;
    audit::record(cx, act, vec![change]).await?;
    Ok(id)
}

/// The viewer as the author of feedback on a teacher: a student where they name nobody, a parent of the child they name.
async fn author(cx: &mut Cx, act: &Act, child: Option<i64>, problems: &mut Problems) -> Result<Option<Author>> {
    let own = act.scope.student();
    let Some(child) = child else {
        problems.require(own != 0, "studentId", Required, "name the child whom they teach");
        return Ok((own != 0).then_some(Author { student: own, parent: None }));
    };
    let found =
        students::by_ids(cx, &act.scope, &[child]).await?.into_iter().find(|(row, _)| row.archived_at.is_none());
    let granted = found.map_or(RoleSet::EMPTY, |(_, granted)| RoleSet::from_bits(granted));
    if granted.has(Role::Parent) {
        return Ok(Some(Author { student: child, parent: Some(act.scope.parent()) }));
    }
    if granted.has(Role::Student) {
        return Ok(Some(Author { student: child, parent: None }));
    }
    problems.not_found("studentId");
    Ok(None)
}

/// Takes back what the viewer said of a teacher.
pub async fn withdraw_teacher(cx: &mut Cx, act: &Act, id: i64, mut problems: Problems) -> Changed<i64> {
    let row = act.target(&mut problems, "id", feedback::teacher_by_ids(cx, &act.scope, &[id]).await?)?;
    problems.stop()?;
    diesel::delete(teacher_feedback::table.find(id)).execute(cx).await?;
    audit::record(cx, act, vec![Change::removed(Kind::TeacherFeedback, id, row)]).await?;
    Ok(id)
}

/// Writes what the viewer says of the institute, in place of what they said before; `number` is for a new row.
///
/// Nothing of it is recorded: an entry would name who wrote what is anonymous.
pub async fn rate_institute(
    cx: &mut Cx,
    act: &Act,
    said: &InstituteRating,
    number: i64,
    problems: Problems,
) -> Changed<i64> {
    use institute_feedback as f;
    problems.stop()?;
    let author = act.scope.account();
    let before: Option<InstituteFeedbackRow> = f::table
        .filter(f::account_id.eq(author))
        .filter(f::type_.eq(said.kind))
        .select(InstituteFeedbackRow::as_select())
        .first(cx)
        .await
        .optional()?;
    let words = (
        f::half_stars.eq(said.half_stars),
        f::message.eq(&said.message),
        f::public.eq(said.public),
        f::updated_at.eq(act.now),
    );
    match before {
        Some(row) if row.anonymous == said.anonymous => {
            diesel::update(f::table.find(row.id)).set(words).execute(cx).await?;
            return Ok(row.id);
        }
        // A row that kept its id or its time would tell who wrote what is anonymous now, or what was so before.
        Some(row) => {
            diesel::delete(f::table.find(row.id)).execute(cx).await?;
        }
        None => {}
    }
    let by = (f::account_id.eq(author), f::type_.eq(said.kind), f::anonymous.eq(said.anonymous));
    diesel::insert_into(f::table).values((f::id.eq(number), by, words, f::created_at.eq(act.now))).execute(cx).await?;
    Ok(number)
}

/// Takes back what the viewer said of the institute, and leaves no trace of it.
pub async fn withdraw_institute(cx: &mut Cx, act: &Act, id: i64, mut problems: Problems) -> Changed<i64> {
    act.target(&mut problems, "id", feedback::institute_by_ids(cx, &act.scope, &[id]).await?)?;
    problems.stop()?;
    diesel::delete(institute_feedback::table.find(id)).execute(cx).await?;
    Ok(id)
}
