//! What changes routines: the rules and the SQL, compiled for both databases.

use diesel::{dsl, prelude::*};
use diesel_async::RunQueryDsl;
use serde_json::json;

use super::{Cx, audit, auth_write, courses, courses_write, routines, staff, subjects};
use crate::{
    audit::model::Change,
    auth::model::StaffRole,
    change::{Act, Changed, Problems},
    db::schema::{self, staff_roles},
    error::Result,
    graphql::UserErrorCode::{ClassBusy, NotFound, OutOfRange, RoomBusy, StaffBusy, WrongStatus},
    ids::Kind,
    routines::{
        can,
        model::{Lesson, NewRoutine, RoutineEdit, RoutineRow, Slot},
    },
};

/// Adds a slot for a subject to the timetable.
pub async fn create(cx: &mut Cx, act: &Act, routine: &NewRoutine, mut problems: Problems) -> Changed<i64> {
    use schema::routines::{self as r};
    let within = courses_write::within(cx, &act.actor()).await?;
    let found = subjects::by_ids(cx, &act.scope, &[routine.subject]).await?;
    let (subject, by) = act.found(&mut problems, "subjectId", found)?;
    let course = courses::by_ids(cx, &act.scope, &[subject.course_id]).await?;
    let offered = course.iter().any(|(course, _)| course.active);
    act.heed(can::plan(by, &subject, &within, offered), "subjectId", &mut problems)?;
    starts_before_it_ends(routine.slot, "endsAt", &mut problems);
    let teacher = teacher(cx, act, routine.teacher, &mut problems).await?;
    let wanted = Wanted {
        own: 0,
        class: (subject.course_id, subject.period),
        teacher,
        slot: routine.slot,
        room: routine.room.as_deref(),
    };
    no_clash(cx, &wanted, "subjectId", &mut problems).await?;
    problems.stop()?;
    let row: RoutineRow = diesel::insert_into(r::table)
        .values((
            r::course_id.eq(subject.course_id),
            r::period.eq(subject.period),
            r::subject_id.eq(subject.id),
            r::teacher_id.eq(routine.teacher),
            r::weekdays.eq(routine.slot.weekdays),
            r::starts_at.eq(routine.slot.starts_at),
            r::ends_at.eq(routine.slot.ends_at),
            r::room.eq(&routine.room),
        ))
        .returning(RoutineRow::as_returning())
        .get_result(cx)
        .await?;
    audit::record(cx, act, vec![Change::made(Kind::Routine, row.id, &row)]).await?;
    Ok(row.id)
}

/// Moves a slot, or gives it to another teacher.
pub async fn change(
    cx: &mut Cx,
    act: &Act,
    (id, version): (i64, i32),
    edit: &RoutineEdit,
    mut problems: Problems,
) -> Changed<i64> {
    use schema::routines::{self as r};
    let before = target(cx, act, id, &mut problems).await?;
    problems.fresh(version, before.version);
    let slot = Slot {
        weekdays: edit.weekdays.unwrap_or(before.weekdays),
        starts_at: edit.starts_at.unwrap_or(before.starts_at),
        ends_at: edit.ends_at.unwrap_or(before.ends_at),
    };
    let path = if edit.ends_at.is_some() { "endsAt" } else { "startsAt" };
    starts_before_it_ends(slot, path, &mut problems);
    let teacher = match edit.teacher_id {
        Some(teacher) => self::teacher(cx, act, teacher, &mut problems).await?,
        None => Some(before.teacher_id),
    };
    let room = edit.room.as_ref().unwrap_or(&before.room).as_deref();
    let wanted = Wanted { own: id, class: (before.course_id, before.period), teacher, slot, room };
    no_clash(cx, &wanted, "id", &mut problems).await?;
    problems.stop()?;
    let after: RoutineRow = diesel::update(r::table.find(id))
        .set((edit, r::version.eq(r::version + 1)))
        .returning(RoutineRow::as_returning())
        .get_result(cx)
        .await?;
    audit::record(cx, act, vec![Change::edited(Kind::Routine, id, &before, &after)]).await?;
    Ok(id)
}

/// Takes a slot out of the timetable.
pub async fn end(cx: &mut Cx, act: &Act, id: i64, mut problems: Problems) -> Changed<i64> {
    target(cx, act, id, &mut problems).await?;
    problems.stop()?;
    let changes = end_all(cx, &[id]).await?;
    audit::record(cx, act, changes).await?;
    Ok(id)
}

/// Takes active slots out of the timetable, and gives what is to be recorded of it.
pub async fn end_all(cx: &mut Cx, ids: &[i64]) -> Result<Vec<Change>> {
    use schema::routines::{self as r};
    let ended = r::table.filter(r::id.eq_any(ids)).filter(r::active);
    diesel::update(ended).set((r::active.eq(false), r::version.eq(r::version + 1))).execute(cx).await?;
    let change = |id: &i64| Change::edited(Kind::Routine, *id, json!({"active": true}), json!({"active": false}));
    Ok(ids.iter().map(change).collect())
}

/// What a teacher teaches by the present timetable, by the hour it starts at.
pub async fn taught_by(cx: &mut Cx, teacher: i64) -> Result<Vec<Lesson>> {
    let mut lessons = lessons(cx, Taken { own: 0, teacher: Some(teacher), room: None, class: None }).await?;
    lessons.sort_by_key(|lesson| (lesson.routine.starts_at, lesson.routine.id));
    Ok(lessons)
}

/// In which courses teachers teach by the present timetable, as teacher and course.
pub async fn taught_in(cx: &mut Cx, teachers: &[i64]) -> Result<Vec<(i64, i64)>> {
    use schema::routines::{self as r};
    let slots = r::table.filter(r::active).filter(r::teacher_id.eq_any(teachers));
    Ok(slots.select((r::teacher_id, r::course_id)).distinct().load(cx).await?)
}

/// The routine to change.
async fn target(cx: &mut Cx, act: &Act, id: i64, problems: &mut Problems) -> Changed<RoutineRow> {
    act.target_by(problems, "id", routines::by_ids(cx, &act.scope, &[id]).await?, can::change)
}

fn starts_before_it_ends(slot: Slot, path: &str, problems: &mut Problems) {
    problems.require(slot.starts_at < slot.ends_at, path, OutOfRange, "it must start before it ends");
}

/// The number of a staff member who can be given a slot; none where they cannot, which is a problem.
async fn teacher(cx: &mut Cx, act: &Act, id: i64, problems: &mut Problems) -> Result<Option<i64>> {
    let found = staff::by_ids(cx, &act.scope, &[id]).await?.into_iter().next();
    let is_teacher: bool =
        dsl::select(dsl::exists(staff_roles::table.find((id, StaffRole::Teacher)))).get_result(cx).await?;
    let Some((row, _)) = found.filter(|_| is_teacher) else {
        problems.add("teacherId", NotFound, "there is no such teacher");
        return Ok(None);
    };
    let present = row.archived_at.is_none() && auth_write::may_sign_in(cx, row.account_id).await?;
    let message = format!("{} is archived, or may not sign in: nothing can be given to them", row.name);
    problems.require(present, "teacherId", WrongStatus, &message);
    Ok(Some(row.id).filter(|_| present))
}

/// A slot that is wanted: it must not take what another one has.
struct Wanted<'a> {
    /// The routine itself, where it is there already.
    own: i64,
    class: (i64, i32),
    teacher: Option<i64>,
    slot: Slot,
    room: Option<&'a str>,
}

/// Names every lesson that has the teacher, the room or the class at a time that is wanted.
async fn no_clash(cx: &mut Cx, wanted: &Wanted<'_>, class_path: &str, problems: &mut Problems) -> Result<()> {
    let Wanted { own, class, teacher, slot, room } = *wanted;
    let found = lessons(cx, Taken { own, teacher, room, class: Some(class) }).await?;
    for lesson in found {
        let Lesson { routine, subject, course, teacher: name } = &lesson;
        let shared = slot.shares(routine.slot());
        if shared == 0 {
            continue;
        }
        let when = Slot { weekdays: shared, ..routine.slot() };
        let what = format!("{subject} ({course}, period {})", routine.period);
        if teacher == Some(routine.teacher_id) {
            problems.add("teacherId", StaffBusy, format!("{name} teaches {what} on {when}"));
        }
        if let Some(room) = room.filter(|room| routine.room.as_deref() == Some(*room)) {
            problems.add("room", RoomBusy, format!("{room} is taken by {what} with {name} on {when}"));
        }
        if class == (routine.course_id, routine.period) {
            let message = format!("{course}, period {}, has {subject} with {name} on {when}", routine.period);
            problems.add(class_path, ClassBusy, message);
        }
    }
    Ok(())
}

/// Whom or what active routines take.
#[derive(Clone, Copy)]
struct Taken<'a> {
    /// But for this routine.
    own: i64,
    teacher: Option<i64>,
    room: Option<&'a str>,
    class: Option<(i64, i32)>,
}

/// The active routines that take any of it. Only what people call them by goes out of here, so this reads beyond the
/// viewer's scope: a clash with another course's lesson has to be named.
async fn lessons(cx: &mut Cx, taken: Taken<'_>) -> Result<Vec<Lesson>> {
    use schema::{
        courses as c,
        routines::{self as r},
        staff as t, subjects as s,
    };
    let (course, period) = taken.class.unwrap_or((0, 0));
    let rows = r::table
        .inner_join(s::table.on(s::id.eq(r::subject_id)))
        .inner_join(c::table.on(c::id.eq(r::course_id)))
        .inner_join(t::table.on(t::id.eq(r::teacher_id)))
        .filter(r::active)
        .filter(r::id.ne(taken.own))
        .filter(
            r::teacher_id
                .eq(taken.teacher.unwrap_or(0))
                .or(r::room.assume_not_null().eq(taken.room.unwrap_or_default()))
                .or(r::course_id.eq(course).and(r::period.eq(period))),
        )
        .order(r::id)
        .select((RoutineRow::as_select(), s::name, c::name, t::name))
        .load(cx)
        .await?;
    let lesson = |(routine, subject, course, teacher)| Lesson { routine, subject, course, teacher };
    Ok(rows.into_iter().map(lesson).collect())
}
