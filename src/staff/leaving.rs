//! What is done when staff leave and come back: the rules and the SQL, compiled for both databases.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde_json::json;

use super::{Cx, audit, auth_write, courses_write, routines_write, staff, staff_write};
use crate::{
    audit::model::Change,
    auth::model::StaffRole,
    change::{Act, Changed, Problems},
    db::schema::{self, accounts},
    error::Result,
    graphql::UserErrorCode::WrongStatus,
    ids::Kind,
    staff::model::{Leaving, StaffRow},
};

/// Lets somebody not sign in any more, and ends what they teach where that is asked for.
pub async fn deactivate(
    cx: &mut Cx,
    act: &Act,
    id: i64,
    end_routines: bool,
    mut problems: Problems,
) -> Changed<Leaving> {
    let row = act.target(&mut problems, "id", staff::by_ids(cx, &act.scope, &[id]).await?)?;
    let leaving = leave(cx, act, &row, end_routines, &mut problems).await?;
    // The account is closed to everything else its owner is: that is for who could take it over.
    auth_write::may_change_contact(cx, act, row.account_id).await?;
    let active = may_sign_in(cx, &row).await?;
    problems.require(active, "id", WrongStatus, "they may not sign in as it is");
    problems.stop()?;
    auth_write::close_account(cx, row.account_id).await?;
    let mut changes = vec![Change::edited(Kind::Staff, id, json!({"active": true}), json!({"active": false}))];
    changes.extend(routines_write::end_all(cx, &leaving.ended).await?);
    audit::record(cx, act, changes).await?;
    Ok(leaving)
}

/// Lets somebody sign in again.
pub async fn activate(cx: &mut Cx, act: &Act, id: i64, mut problems: Problems) -> Changed<i64> {
    let row = act.target(&mut problems, "id", staff::by_ids(cx, &act.scope, &[id]).await?)?;
    let active = may_sign_in(cx, &row).await?;
    problems.require(!active, "id", WrongStatus, "they may sign in as it is");
    problems.stop()?;
    auth_write::open_account(cx, row.account_id).await?;
    let change = Change::edited(Kind::Staff, id, json!({"active": false}), json!({"active": true}));
    audit::record(cx, act, vec![change]).await?;
    Ok(id)
}

/// Archives a staff member, and ends what they teach where that is asked for. The account is left to what else its owner is.
pub async fn archive(cx: &mut Cx, act: &Act, id: i64, end_routines: bool, mut problems: Problems) -> Changed<Leaving> {
    use schema::staff as s;
    let before = act.target(&mut problems, "id", staff::by_ids(cx, &act.scope, &[id]).await?)?;
    let leaving = leave(cx, act, &before, end_routines, &mut problems).await?;
    problems.require(before.archived_at.is_none(), "id", WrongStatus, "they are archived as it is");
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
    let before = act.target(&mut problems, "id", staff::by_ids(cx, &act.scope, &[id]).await?)?;
    problems.require(before.archived_at.is_some(), "id", WrongStatus, "they are not archived");
    problems.stop()?;
    let after: StaffRow = diesel::update(s::table.find(id))
        .set((s::archived_at.eq(None::<chrono::NaiveDateTime>), s::version.eq(s::version + 1)))
        .returning(StaffRow::as_returning())
        .get_result(cx)
        .await?;
    audit::record(cx, act, vec![Change::edited(Kind::Staff, id, &before, &after)]).await?;
    Ok(id)
}

/// What stands in the way of who leaves, and the routines that end with it.
async fn leave(
    cx: &mut Cx,
    act: &Act,
    row: &StaffRow,
    end_routines: bool,
    problems: &mut Problems,
) -> Changed<Leaving> {
    staff_write::may_change(cx, act, row.id).await?;
    let lessons = routines_write::taught_by(cx, row.id).await?;
    if !staff_write::is_admin(act) {
        let headed = courses_write::headed(cx, act).await?;
        if !lessons.iter().all(|lesson| headed.contains(&lesson.routine.course_id)) {
            return Err(act.forbidden().into());
        }
    }
    if staff_write::held(cx, row.id).await?.contains(&StaffRole::Admin) {
        staff_write::an_admin_remains(cx, row.id, "id", problems).await?;
    }
    staff_write::heads_nothing(cx, row.id, "id", problems).await?;
    if !end_routines {
        staff_write::teaches_nothing(&lessons, "endRoutines", problems);
    }
    let ended = lessons.into_iter().map(|lesson| lesson.routine.id).collect();
    Ok(Leaving { staff: row.id, account: row.account_id, ended })
}

async fn may_sign_in(cx: &mut Cx, row: &StaffRow) -> Result<bool> {
    Ok(accounts::table.find(row.account_id).select(accounts::active).first(cx).await?)
}
