//! What changes courses: the rules and the SQL, compiled for both databases.

use std::collections::BTreeSet;

use diesel::{dsl, prelude::*};
use diesel_async::RunQueryDsl;

use super::{Cx, audit, courses, staff};
use crate::{
    audit::model::Change,
    auth::{Scope, model::StaffRole},
    change::{Act, Actor, Changed, Problems},
    courses::{
        can::{self, Within},
        model::{CourseEdit, CourseRow, NewCourse, periods},
    },
    db::schema::{self, course_trackings, staff_roles, students, subjects},
    error::Result,
    graphql::UserErrorCode::{InUse, NotFound, Taken},
    ids::Kind,
};

/// Lets go on who may do this in a course: see [`Within`].
///
/// # Errors
/// `FORBIDDEN`.
pub async fn may_in(cx: &mut Cx, act: &Act, course: i64) -> Changed<()> {
    if within(cx, &act.actor()).await?.has(course) { Ok(()) } else { Err(act.forbidden().into()) }
}

/// The courses in which somebody does what they do.
pub async fn within(cx: &mut Cx, actor: &Actor) -> Result<Within> {
    let headed = if actor.as_head() { headed(cx, &actor.scope).await? } else { BTreeSet::new() };
    Ok(Within::of(actor, headed.into()))
}

/// The courses that the viewer heads.
pub async fn headed(cx: &mut Cx, scope: &Scope) -> Result<BTreeSet<i64>> {
    Ok(courses::headed(scope).load::<i64>(cx).await?.into_iter().collect())
}

/// Adds a course.
pub async fn create(cx: &mut Cx, act: &Act, course: &NewCourse, mut problems: Problems) -> Changed<i64> {
    use schema::courses;
    code_is_free(cx, &course.code, 0, &mut problems).await?;
    problems.stop()?;
    let row: CourseRow =
        diesel::insert_into(courses::table).values(course).returning(CourseRow::as_returning()).get_result(cx).await?;
    audit::record(cx, act, vec![Change::made(Kind::Course, row.id, &row)]).await?;
    Ok(row.id)
}

/// Edits a course.
pub async fn edit(
    cx: &mut Cx,
    act: &Act,
    (id, version): (i64, i32),
    edit: &CourseEdit,
    mut problems: Problems,
) -> Changed<i64> {
    use schema::courses::{self as c};
    let within = within(cx, &act.actor()).await?;
    let found = courses::by_ids(cx, &act.scope, &[id]).await?;
    let before = act.target_by(&mut problems, "id", found, |_, course, by| can::change(by, course.id, &within))?;
    problems.fresh(version, before.version);
    if let Some(code) = &edit.code {
        code_is_free(cx, code, id, &mut problems).await?;
    }
    let years = edit.duration_years.unwrap_or(before.duration_years);
    let least = periods(years, edit.duration_type.unwrap_or(before.duration_type));
    if least < before.periods() && least < last_period_in_use(cx, id).await? {
        let path = if edit.duration_years.is_some() { "durationYears" } else { "durationType" };
        problems.add(path, InUse, "there are subjects or students in the periods that this would remove");
    }
    problems.stop()?;
    let after: CourseRow = diesel::update(c::table.find(id))
        .set((edit, c::version.eq(c::version + 1)))
        .returning(CourseRow::as_returning())
        .get_result(cx)
        .await?;
    audit::record(cx, act, vec![Change::edited(Kind::Course, id, &before, &after)]).await?;
    Ok(id)
}

/// Says who heads a course, or that nobody does.
pub async fn assign_hod(
    cx: &mut Cx,
    act: &Act,
    (id, version): (i64, i32),
    hod: Option<i64>,
    mut problems: Problems,
) -> Changed<i64> {
    use schema::courses::{self as c};
    let before = act.target(&mut problems, "courseId", courses::by_ids(cx, &act.scope, &[id]).await?)?;
    problems.fresh(version, before.version);
    if let Some(hod) = hod {
        let found = staff::by_ids(cx, &act.scope, &[hod]).await?;
        let present = found.iter().any(|(row, _)| row.archived_at.is_none());
        let role = staff_roles::table.find((hod, StaffRole::Hod));
        let is_hod: bool = dsl::select(dsl::exists(role)).get_result(cx).await?;
        problems.require(present && is_hod, "staffId", NotFound, "there is no such head of department");
    }
    problems.stop()?;
    let after: CourseRow = diesel::update(c::table.find(id))
        .set((c::hod_id.eq(hod), c::version.eq(c::version + 1)))
        .returning(CourseRow::as_returning())
        .get_result(cx)
        .await?;
    audit::record(cx, act, vec![Change::edited(Kind::Course, id, &before, &after)]).await?;
    Ok(id)
}

async fn code_is_free(cx: &mut Cx, code: &str, own: i64, problems: &mut Problems) -> Result<()> {
    use schema::courses;
    let others = courses::table.filter(courses::code.eq(code)).filter(courses::id.ne(own));
    let taken: bool = dsl::select(dsl::exists(others)).get_result(cx).await?;
    problems.require(!taken, "code", Taken, "another course has this code");
    Ok(())
}

/// The last period in which something is planned or somebody is; 0 where there is nothing.
async fn last_period_in_use(cx: &mut Cx, course: i64) -> Result<i32> {
    let of_subjects: Option<i32> =
        subjects::table.filter(subjects::course_id.eq(course)).select(dsl::max(subjects::period)).first(cx).await?;
    let of_students: Option<i32> = students::table
        .filter(students::course_id.eq(course))
        .select(dsl::max(students::current_period))
        .first(cx)
        .await?;
    let of_trackings: Option<i32> = course_trackings::table
        .filter(course_trackings::course_id.eq(course))
        .select(dsl::max(course_trackings::current_period))
        .first(cx)
        .await?;
    Ok([of_subjects, of_students, of_trackings].into_iter().flatten().max().unwrap_or(0))
}
