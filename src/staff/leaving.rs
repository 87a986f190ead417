//! What is done when staff leave and come back: the rules and the SQL, compiled for both databases.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde_json::json;

use super::{Cx, audit, auth_write, courses_write, leave_write, meetings_leaving, routines_write, staff, staff_write};
use crate::{
    audit::model::Change,
    change::{Act, Changed, Problems},
    db::schema,
    graphql::UserErrorCode::InUse,
    ids::Kind,
    leave::model::Person,
    meetings::model::{MeetingRow, Span},
    staff::{
        can::{self, Standing},
        model::{Ends, Leaving, StaffRow},
    },
};

/// Lets somebody not sign in any more, and ends what is expected of them where that is asked for.
pub async fn deactivate(cx: &mut Cx, act: &Act, id: i64, ends: Ends, mut problems: Problems) -> Changed<Leaving> {
    let standing = staff_write::standing(cx, id).await?;
    let (row, duties) = leave(cx, act, (id, &standing), ends, &mut problems).await?;
    let mut behind = auth_write::behind(cx, &act.actor(), &[row.account_id]).await?;
    let behind = behind.remove(&row.account_id).unwrap_or_default();
    act.heed(can::sign_out(&act.actor(), &standing, &behind), "id", &mut problems)?;
    problems.stop()?;
    auth_write::close_account(cx, row.account_id).await?;
    let change = Change::edited(Kind::Staff, id, json!({"active": true}), json!({"active": false}));
    relieve(cx, act, &row, duties, "the teacher is not available any more", change).await
}

/// Lets somebody sign in again.
pub async fn activate(cx: &mut Cx, act: &Act, id: i64, mut problems: Problems) -> Changed<i64> {
    let standing = staff_write::standing(cx, id).await?;
    let found = staff::by_ids(cx, &act.scope, &[id]).await?;
    let row = act.target_by(&mut problems, "id", found, |_, _, by| can::activate(by, standing.active))?;
    problems.stop()?;
    auth_write::open_account(cx, row.account_id).await?;
    let change = Change::edited(Kind::Staff, id, json!({"active": false}), json!({"active": true}));
    audit::record(cx, act, vec![change]).await?;
    Ok(id)
}

/// Archives a staff member, and ends what is expected of them where that is asked for. The account is left to what else its
/// owner is.
pub async fn archive(cx: &mut Cx, act: &Act, id: i64, ends: Ends, mut problems: Problems) -> Changed<Leaving> {
    use schema::staff as s;
    let standing = staff_write::standing(cx, id).await?;
    let (before, duties) = leave(cx, act, (id, &standing), ends, &mut problems).await?;
    act.heed(can::archive(&before), "id", &mut problems)?;
    problems.stop()?;
    let after: StaffRow = diesel::update(s::table.find(id))
        .set((s::archived_at.eq(act.now), s::version.eq(s::version + 1)))
        .returning(StaffRow::as_returning())
        .get_result(cx)
        .await?;
    let change = Change::edited(Kind::Staff, id, &before, &after);
    relieve(cx, act, &before, duties, "the teacher has left the institute", change).await
}

/// Takes a staff member out of the archive. What has ended stays so.
pub async fn restore(cx: &mut Cx, act: &Act, id: i64, mut problems: Problems) -> Changed<i64> {
    use schema::staff as s;
    let before = act.target_by(&mut problems, "id", staff::by_ids(cx, &act.scope, &[id]).await?, can::restore)?;
    problems.stop()?;
    let after: StaffRow = diesel::update(s::table.find(id))
        .set((s::archived_at.eq(None::<chrono::NaiveDateTime>), s::version.eq(s::version + 1)))
        .returning(StaffRow::as_returning())
        .get_result(cx)
        .await?;
    audit::record(cx, act, vec![Change::edited(Kind::Staff, id, &before, &after)]).await?;
    Ok(id)
}

/// What is expected of somebody: the routines that they teach, and the meetings to come that they hold.
struct Duties {
    routines: Vec<i64>,
    meetings: Vec<MeetingRow>,
}

/// Who leaves and what is expected of them, which stands in the way unless it ends with it.
async fn leave(
    cx: &mut Cx,
    act: &Act,
    (id, standing): (i64, &Standing),
    ends: Ends,
    problems: &mut Problems,
) -> Changed<(StaffRow, Duties)> {
    let within = courses_write::within(cx, &act.actor()).await?;
    let found = staff::by_ids(cx, &act.scope, &[id]).await?;
    let row = act.target_by(problems, "id", found, |actor, _, by| can::leave(actor, by, standing, &within))?;
    let lessons = routines_write::taught_by(cx, id).await?;
    if !ends.routines {
        staff_write::teaches_nothing(&lessons, "endRoutines", problems);
    }
    let meetings = meetings_leaving::held_by(cx, act, id).await?;
    if !ends.meetings {
        let held: Vec<String> = meetings.iter().map(|meeting| Span::from(meeting).words(act.zone)).collect();
        let message = format!("these meetings are to come: {}", held.join("; "));
        problems.require(held.is_empty(), "cancelMeetings", InUse, &message);
    }
    let routines = lessons.into_iter().map(|lesson| lesson.routine.id).collect();
    Ok((row, Duties { routines, meetings }))
}

/// Ends what was expected of who leaves, takes back the leave that they asked for, and records it with `change`.
async fn relieve(
    cx: &mut Cx,
    act: &Act,
    row: &StaffRow,
    Duties { routines, meetings }: Duties,
    reason: &str,
    change: Change,
) -> Changed<Leaving> {
    let mut changes = vec![change];
    changes.extend(routines_write::end_all(cx, &routines).await?);
    changes.extend(meetings_leaving::cancel(cx, act, &meetings, reason).await?);
    changes.extend(leave_write::withdraw_all(cx, Person::Staff(row.id)).await?);
    audit::record(cx, act, changes).await?;
    let cancelled = meetings.into_iter().map(|meeting| meeting.id).collect();
    Ok(Leaving { staff: row.id, ended: routines, cancelled })
}
