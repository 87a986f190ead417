//! What changes meetings: the rules and the SQL, compiled for both databases.

use std::collections::BTreeSet;

use chrono::NaiveDateTime;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde_json::json;

use super::{Cx, audit, auth_write, dialect, meetings, meetings_told, parents, staff, students};
use crate::{
    audit::model::Change,
    auth::{Role, RoleSet, Scope},
    change::{Act, Changed, Problems},
    db::schema::{self, meeting_parents, meeting_students, parent_students},
    error::Result,
    events::model::EventKind,
    graphql::UserErrorCode::{InPast, ParentBusy, StaffBusy, WrongStatus},
    ids::Kind,
    meetings::{
        model::{MeetingChange, MeetingRow, MeetingStatus, NewMeeting, Span},
        rules::{OFFERING_FOR_OTHERS, Step},
    },
};

/// Offers a meeting.
pub async fn offer(cx: &mut Cx, act: &Act, meeting: &NewMeeting, mut problems: Problems) -> Changed<i64> {
    let held = act.held();
    let teacher = meeting.staff.unwrap_or(act.scope.staff());
    let by = as_whom(cx, act, teacher, held, &mut problems).await?;
    let students = students_within(cx, act, by.unwrap_or(held), &meeting.students, &mut problems).await?;
    let parents = parents_of(cx, act, by.unwrap_or(held), &meeting.parents, &students, &mut problems).await?;
    let busy = Busy { own: 0, teacher: by.map(|_| teacher), parents, span: meeting.span };
    busy.check(cx, act, &mut problems).await?;
    problems.stop()?;
    make(cx, act, teacher, meeting, MeetingStatus::Scheduled).await
}

/// The roles by which the viewer offers a meeting that `teacher` holds; none where there is no such person for them, which is
/// a problem.
async fn as_whom(
    cx: &mut Cx,
    act: &Act,
    teacher: i64,
    held: RoleSet,
    problems: &mut Problems,
) -> Changed<Option<RoleSet>> {
    let found = staff::by_ids(cx, &act.scope, &[teacher]).await?;
    let Some((row, granted)) = found.into_iter().find(|(row, _)| row.archived_at.is_none()) else {
        problems.not_found("staffId");
        return Ok(None);
    };
    // Colleagues reach each other's public card, and that gives nobody a right over their time.
    let by = if teacher == act.scope.staff() { held } else { RoleSet::from_bits(granted).and(OFFERING_FOR_OTHERS) };
    if by == RoleSet::EMPTY {
        return Err(act.forbidden().into());
    }
    let active = auth_write::may_sign_in(cx, row.account_id).await?;
    problems.require(active, "staffId", WrongStatus, "they may not sign in: nothing can be given to them");
    Ok(Some(by))
}

/// Those of the students whom the viewer reaches by the roles `by`.
async fn students_within(
    cx: &mut Cx,
    act: &Act,
    by: RoleSet,
    ids: &[i64],
    problems: &mut Problems,
) -> Result<BTreeSet<i64>> {
    let found = students::by_ids(cx, &act.scope, ids).await?.into_iter();
    let found = found.filter(|(row, granted)| row.archived_at.is_none() && RoleSet::from_bits(*granted).meets(by));
    let found: BTreeSet<i64> = found.map(|(row, _)| row.id).collect();
    for (n, _) in ids.iter().enumerate().filter(|(_, id)| !found.contains(id)) {
        problems.not_found(&format!("studentIds.{n}"));
    }
    Ok(found)
}

/// Those of the parents whom the viewer reaches by the roles `by` and who are a parent of one of the students, each with
/// the place where the input names them.
async fn parents_of(
    cx: &mut Cx,
    act: &Act,
    by: RoleSet,
    ids: &[i64],
    students: &BTreeSet<i64>,
    problems: &mut Problems,
) -> Result<Vec<(String, i64)>> {
    let found = parents::by_ids(cx, &act.scope, ids).await?.into_iter();
    let found = found.filter(|(row, granted)| row.archived_at.is_none() && RoleSet::from_bits(*granted).meets(by));
    let found: Vec<i64> = found.map(|(row, _)| row.id).collect();
    let linked: Vec<i64> = parent_students::table
        .filter(parent_students::parent_id.eq_any(found))
        .filter(parent_students::student_id.eq_any(students.iter().copied().collect::<Vec<i64>>()))
        .select(parent_students::parent_id)
        .load(cx)
        .await?;
    let mut known = Vec::new();
    for (n, id) in ids.iter().enumerate() {
        let path = format!("parentIds.{n}");
        if linked.contains(id) {
            known.push((path, *id));
        } else {
            problems.not_found(&path);
        }
    }
    Ok(known)
}

/// Asks for a meeting, as a parent: with a teacher, about a child.
pub async fn request(
    cx: &mut Cx,
    act: &Act,
    (teacher, student): (i64, i64),
    meeting: &NewMeeting,
    mut problems: Problems,
) -> Changed<i64> {
    let found = students::by_ids(cx, &act.scope, &[student]).await?;
    let is_child = |granted: i32| RoleSet::from_bits(granted).has(Role::Parent);
    if !found.iter().any(|(row, granted)| row.archived_at.is_none() && is_child(*granted)) {
        problems.not_found("studentId");
    } else if !staff::teaches(cx, &act.scope, teacher, student).await? {
        problems.not_found("staffId");
    }
    problems.stop()?;
    make(cx, act, teacher, meeting, MeetingStatus::Requested).await
}

/// Writes a meeting.
async fn make(cx: &mut Cx, act: &Act, teacher: i64, meeting: &NewMeeting, status: MeetingStatus) -> Changed<i64> {
    use schema::meetings as m;
    let (Span { starts_at, ends_at }, open) = (meeting.span, status.is_open());
    let row: MeetingRow = diesel::insert_into(m::table)
        .values((
            m::staff_id.eq(teacher),
            m::starts_at.eq(starts_at),
            m::ends_at.eq(ends_at),
            m::status.eq(status),
            m::open.eq(open),
            m::agenda.eq(&meeting.agenda),
            m::online.eq(meeting.online),
            m::link.eq(&meeting.link),
            m::created_at.eq(act.now),
        ))
        .returning(MeetingRow::as_returning())
        .get_result(cx)
        .await?;
    let id = row.id;
    let participant = |parent: &i64| {
        use meeting_parents as p;
        (
            p::meeting_id.eq(id),
            p::parent_id.eq(*parent),
            p::starts_at.eq(starts_at),
            p::ends_at.eq(ends_at),
            p::open.eq(open),
        )
    };
    let rows: Vec<_> = meeting.parents.iter().map(participant).collect();
    dialect::execute_batch(cx, diesel::insert_into(meeting_parents::table).values(rows)).await?;
    let student = |student: &i64| (meeting_students::meeting_id.eq(id), meeting_students::student_id.eq(*student));
    let rows: Vec<_> = meeting.students.iter().map(student).collect();
    dialect::execute_batch(cx, diesel::insert_into(meeting_students::table).values(rows)).await?;
    let made = json!({"meeting": &row, "parents": meeting.parents, "students": meeting.students});
    audit::record(cx, act, vec![Change::made(Kind::Meeting, id, made)]).await?;
    let kind = if open { EventKind::MeetingScheduled } else { EventKind::MeetingRequested };
    meetings_told::raise(cx, act, kind, &[row]).await?;
    Ok(id)
}

/// Accepts what a parent asked for, at the time that they asked for or at another.
pub async fn accept(
    cx: &mut Cx,
    act: &Act,
    id: i64,
    starts_at: Option<NaiveDateTime>,
    mut problems: Problems,
) -> Changed<i64> {
    let (before, status) = target(cx, act, Step::Accept, id, &mut problems).await?;
    let span = moved(&before, starts_at.unwrap_or(before.starts_at), None);
    if status.is_some() {
        let passed = starts_at.is_none() && before.starts_at <= act.now;
        problems.require(!passed, "startsAt", InPast, "the time that was asked for has passed: name another");
        Busy::of(cx, &before, span).await?.check(cx, act, &mut problems).await?;
    }
    let change = status.map(|status| MeetingChange::to(status).at(span));
    write(cx, act, &before, change, EventKind::MeetingScheduled, problems).await
}

/// Moves a meeting to another time.
pub async fn reschedule(
    cx: &mut Cx,
    act: &Act,
    (id, version): (i64, i32),
    (starts_at, minutes): (NaiveDateTime, Option<i32>),
    mut problems: Problems,
) -> Changed<i64> {
    let (before, status) = target(cx, act, Step::Move, id, &mut problems).await?;
    problems.fresh(version, before.version);
    let span = moved(&before, starts_at, minutes);
    if status.is_some() {
        Busy::of(cx, &before, span).await?.check(cx, act, &mut problems).await?;
    }
    let change = status.map(|status| MeetingChange::to(status).at(span));
    write(cx, act, &before, change, EventKind::MeetingMoved, problems).await
}

/// Calls a meeting off.
pub async fn cancel(cx: &mut Cx, act: &Act, id: i64, reason: &str, mut problems: Problems) -> Changed<i64> {
    let (before, status) = target(cx, act, Step::Cancel, id, &mut problems).await?;
    let cancellation_reason = Some(reason.to_owned());
    let change = status.map(|status| MeetingChange { cancellation_reason, ..MeetingChange::to(status) });
    write(cx, act, &before, change, EventKind::MeetingCancelled, problems).await
}

/// Says that a meeting took place, and what was talked about.
pub async fn complete(cx: &mut Cx, act: &Act, id: i64, notes: &str, mut problems: Problems) -> Changed<i64> {
    let (before, status) = target(cx, act, Step::Complete, id, &mut problems).await?;
    let notes = Some(notes.to_owned());
    let change = status.map(|status| MeetingChange { notes, ..MeetingChange::to(status) });
    write(cx, act, &before, change, EventKind::MeetingCompleted, problems).await
}

/// The meeting with which a step is taken, and its status after that; none where it cannot be taken.
async fn target(
    cx: &mut Cx,
    act: &Act,
    step: Step,
    id: i64,
    problems: &mut Problems,
) -> Changed<(MeetingRow, Option<MeetingStatus>)> {
    let (row, by) = act.found(problems, "id", meetings::by_ids(cx, &act.scope, &[id]).await?)?;
    let takes_part = step.by_taking_part(by.roles()) && taken_part(cx, &act.scope, &[id]).await?.contains(&id);
    act.heed(step.rule(&act.actor(), &row, by, takes_part), "id", problems)?;
    let status = step.leads_to(row.status, row.starts_at > act.now);
    Ok((row, status))
}

/// Those of the meetings in which the viewer takes part as a parent.
pub async fn taken_part(cx: &mut Cx, scope: &Scope, ids: &[i64]) -> Result<BTreeSet<i64>> {
    let part = meeting_parents::table
        .filter(meeting_parents::parent_id.eq(scope.parent()))
        .filter(meeting_parents::meeting_id.eq_any(ids))
        .select(meeting_parents::meeting_id);
    Ok(part.load::<i64>(cx).await?.into_iter().collect())
}

/// The span of a meeting that begins at another time, and takes as long as before unless `minutes` says otherwise.
fn moved(meeting: &MeetingRow, starts_at: NaiveDateTime, minutes: Option<i32>) -> Span {
    match minutes {
        Some(minutes) => Span::of(starts_at, minutes),
        None => Span { starts_at, ends_at: starts_at + (meeting.ends_at - meeting.starts_at) },
    }
}

/// Writes what a step does, where nothing is wrong, and raises that it was taken. Who takes part repeats the time by a foreign key that cascades.
async fn write(
    cx: &mut Cx,
    act: &Act,
    before: &MeetingRow,
    change: Option<MeetingChange>,
    kind: EventKind,
    problems: Problems,
) -> Changed<i64> {
    use schema::meetings as m;
    problems.stop()?;
    let after: MeetingRow = diesel::update(m::table.find(before.id))
        .set((change, m::version.eq(m::version + 1)))
        .returning(MeetingRow::as_returning())
        .get_result(cx)
        .await?;
    let id = after.id;
    audit::record(cx, act, vec![Change::edited(Kind::Meeting, id, before, &after)]).await?;
    meetings_told::raise(cx, act, kind, &[after]).await?;
    Ok(id)
}

/// Whose time a meeting would take, and when.
struct Busy {
    /// The meeting itself, which is in nobody's way; 0 where it is not made yet.
    own: i64,
    teacher: Option<i64>,
    /// Parents, each with the place in the input that is to blame.
    parents: Vec<(String, i64)>,
    span: Span,
}

impl Busy {
    /// Of a meeting that is there, at another time.
    async fn of(cx: &mut Cx, meeting: &MeetingRow, span: Span) -> Result<Self> {
        let parents = meeting_parents::table
            .filter(meeting_parents::meeting_id.eq(meeting.id))
            .order(meeting_parents::parent_id)
            .select(meeting_parents::parent_id);
        let parents: Vec<i64> = parents.load(cx).await?;
        let parents = parents.into_iter().map(|parent| ("startsAt".to_owned(), parent)).collect();
        Ok(Self { own: meeting.id, teacher: Some(meeting.staff_id), parents, span })
    }

    /// Says who of them is in another meeting at that time. When exactly the other one is, is for who reaches it.
    async fn check(&self, cx: &mut Cx, act: &Act, problems: &mut Problems) -> Result<()> {
        use schema::meetings as m;
        let Span { starts_at, ends_at } = self.span;
        let of_teacher: Option<(i64, NaiveDateTime, NaiveDateTime)> = m::table
            .filter(m::open)
            .filter(m::staff_id.eq(self.teacher.unwrap_or(0)))
            .filter(m::starts_at.lt(ends_at).and(m::ends_at.gt(starts_at)))
            .filter(m::id.ne(self.own))
            .order(m::starts_at)
            .select((m::id, m::starts_at, m::ends_at))
            .first(cx)
            .await
            .optional()?;
        let of_parents: Vec<(i64, i64, NaiveDateTime, NaiveDateTime)> = meeting_parents::table
            .filter(meeting_parents::open)
            .filter(meeting_parents::parent_id.eq_any(self.parents.iter().map(|(_, id)| *id).collect::<Vec<i64>>()))
            .filter(meeting_parents::starts_at.lt(ends_at).and(meeting_parents::ends_at.gt(starts_at)))
            .filter(meeting_parents::meeting_id.ne(self.own))
            .order(meeting_parents::starts_at)
            .select((
                meeting_parents::parent_id,
                meeting_parents::meeting_id,
                meeting_parents::starts_at,
                meeting_parents::ends_at,
            ))
            .load(cx)
            .await?;
        let others: Vec<i64> = of_teacher.iter().map(|row| row.0).chain(of_parents.iter().map(|row| row.1)).collect();
        let reached = meetings::by_ids(cx, &act.scope, &others).await?;
        let when = |id: i64, starts_at, ends_at| {
            if reached.iter().any(|(row, _)| row.id == id) {
                format!("has another meeting, {}", Span { starts_at, ends_at }.words(act.zone))
            } else {
                format!("is busy at some time of {}", self.span.words(act.zone))
            }
        };
        if let Some((id, starts_at, ends_at)) = of_teacher {
            problems.add("startsAt", StaffBusy, format!("who holds it {}", when(id, starts_at, ends_at)));
        }
        for (path, parent) in &self.parents {
            if let Some((_, id, starts_at, ends_at)) = of_parents.iter().find(|row| row.0 == *parent) {
                problems.add(path, ParentBusy, format!("a parent {}", when(*id, *starts_at, *ends_at)));
            }
        }
        Ok(())
    }
}
