//! What is done when staff leave and come back: the rules and the SQL, compiled for both databases.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde_json::json;

use super::{Cx, audit, auth_write, courses_write, routines_write, staff, staff_write};
use crate::{
    audit::model::Change,
    change::{Act, Changed, Problems},
    db::schema,
    ids::Kind,
    staff::{
        can::{self, Standing},
        model::{Leaving, StaffRow},
    },
};

/// Lets somebody not sign in any more, and ends what they teach where that is asked for.
pub async fn deactivate(
    cx: &mut Cx,
    act: &Act,
    id: i64,
    end_routines: bool,
    mut problems: Problems,
) -> Changed<Leaving> {
    let standing = staff_write::standing(cx, id).await?;
    let (row, leaving) = leave(cx, act, (id, &standing), end_routines, &mut problems).await?;
    let mut behind = auth_write::behind(cx, &act.actor(), &[row.account_id]).await?;
    let behind = behind.remove(&row.account_id).unwrap_or_default();
    act.heed(can::sign_out(&act.actor(), &standing, &behind), "id", &mut problems)?;
    problems.stop()?;
    auth_write::close_account(cx, row.account_id).await?;
    let mut changes = vec![Change::edited(Kind::Staff, id, json!({"active": true}), json!({"active": false}))];
    changes.extend(routines_write::end_all(cx, &leaving.ended).await?);
    audit::record(cx, act, changes).await?;
    Ok(leaving)
}

/// Lets somebody sign in again.
pub async fn activate(cx: &mut Cx, act: &Act, id: i64, mut problems: Problems) -> Changed<i64> {
    let standing = staff_write::standing(cx, id).await?;
    let found = staff::by_ids(cx, &act.scope, &[id]).await?;
    let row =
        act.target_by(&mut problems, "id", found, |actor, _, granted| can::activate(actor, granted, standing.active))?;
    problems.stop()?;
    auth_write::open_account(cx, row.account_id).await?;
    let change = Change::edited(Kind::Staff, id, json!({"active": false}), json!({"active": true}));
    audit::record(cx, act, vec![change]).await?;
    Ok(id)
}

/// Archives a staff member, and ends what they teach where that is asked for. The account is left to what else its owner is.
pub async fn archive(cx: &mut Cx, act: &Act, id: i64, end_routines: bool, mut problems: Problems) -> Changed<Leaving> {
    use schema::staff as s;
    let standing = staff_write::standing(cx, id).await?;
    let (before, leaving) = leave(cx, act, (id, &standing), end_routines, &mut problems).await?;
    act.heed(can::archive(&before), "id", &mut problems)?;
    problems.stop()?;
    let after: StaffRow = diesel::update(s::table.find(id))
        .set((s::archived_at.eq(act.now), s::version.eq(s::version + 1)))
        .returning(StaffRow::as_returning())
        .get_result(cx)
        .await?;
    let mut changes = vec![Change::edited(Kind::Staff, id, &before, &after)];
    changes.extend(routines_write::end_all(cx, &leaving.ended).await?);
    audit::record(cx, act, changes).await?;
    Ok(leaving)
}

/// Takes a staff member out of the archive. What they taught stays ended.
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

/// Who leaves and the routines that end with it, where nothing stands in the way.
async fn leave(
    cx: &mut Cx,
    act: &Act,
    (id, standing): (i64, &Standing),
    end_routines: bool,
    problems: &mut Problems,
) -> Changed<(StaffRow, Leaving)> {
    let within = courses_write::within(cx, &act.actor()).await?;
    let found = staff::by_ids(cx, &act.scope, &[id]).await?;
    let row =
        act.target_by(problems, "id", found, |actor, _, granted| can::leave(actor, granted, standing, &within))?;
    let lessons = routines_write::taught_by(cx, id).await?;
    if !end_routines {
        staff_write::teaches_nothing(&lessons, "endRoutines", problems);
    }
    let ended = lessons.into_iter().map(|lesson| lesson.routine.id).collect();
    let leaving = Leaving { staff: id, account: row.account_id, ended };
    Ok((row, leaving))
}
