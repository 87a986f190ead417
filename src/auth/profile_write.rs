//! What people change of themselves: the rules and the SQL, compiled for both databases.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde_json::json;

use super::{Cx, audit, auth_write, messages};
use crate::{
    audit::model::Change,
    auth::{
        owner::Owners,
        profile::{ParentProfile, ProfileEdit, StaffProfile, StudentProfile},
    },
    change::{Act, Changed, Problems},
    db::schema::{accounts, parents, staff, students},
    graphql::UserErrorCode::{Invalid, InvalidCredentials},
    ids::Kind,
    messages::Content,
};

/// Edits each of the persons behind the viewer's account.
pub async fn edit(cx: &mut Cx, act: &Act, edit: &ProfileEdit, mut problems: Problems) -> Changed<i64> {
    let scope = &act.scope;
    let is = |number: i64| number != 0;
    for path in edit.beyond(is(scope.staff()), is(scope.student()), is(scope.parent())) {
        problems.add(path, Invalid, "what you are at the institute has no such field");
    }
    problems.stop()?;
    let mut changes = Vec::new();
    if is(scope.staff()) {
        let row = staff::table.find(scope.staff());
        let before: StaffProfile = row.select(StaffProfile::as_select()).first(cx).await?;
        let after = edit.of_staff(&before);
        if after != before {
            diesel::update(row).set((&after, staff::version.eq(staff::version + 1))).execute(cx).await?;
            changes.push(Change::edited(Kind::Staff, scope.staff(), before, after));
        }
    }
    if is(scope.student()) {
        let row = students::table.find(scope.student());
        let before: StudentProfile = row.select(StudentProfile::as_select()).first(cx).await?;
        let after = edit.of_student(&before);
        if after != before {
            diesel::update(row).set((&after, students::version.eq(students::version + 1))).execute(cx).await?;
            changes.push(Change::edited(Kind::Student, scope.student(), before, after));
        }
    }
    if is(scope.parent()) {
        let row = parents::table.find(scope.parent());
        let before: ParentProfile = row.select(ParentProfile::as_select()).first(cx).await?;
        let after = edit.of_parent(&before);
        if after != before {
            diesel::update(row).set((&after, parents::version.eq(parents::version + 1))).execute(cx).await?;
            changes.push(Change::edited(Kind::Parent, scope.parent(), before, after));
        }
    }
    audit::record(cx, act, changes).await?;
    Ok(scope.account())
}

/// Gives the viewer's account a new password, and ends its sessions but for one, by its number, which gets another token, by
/// its digest; the owner is told. `proved` is the hash that the current password was compared with: what has changed since was not proved.
pub async fn change_password(
    cx: &mut Cx,
    act: &Act,
    owners: &Owners,
    proved: &str,
    new: &str,
    (session, token_hash): (i64, &[u8]),
    mut problems: Problems,
) -> Changed<i64> {
    let account = act.scope.account();
    let changed = diesel::update(accounts::table.find(account).filter(accounts::password_hash.eq(proved)))
        .set(accounts::password_hash.eq(new))
        .execute(cx)
        .await?;
    problems.require(changed == 1, "currentPassword", InvalidCredentials, "it is not your password any more");
    problems.stop()?;
    auth_write::end_sessions(cx, account, session).await?;
    auth_write::rotate_session(cx, session, token_hash).await?;
    let change = Change::edited(Kind::Account, account, json!({}), json!({"password": "changed"}));
    audit::record(cx, act, vec![change]).await?;
    messages::tell(cx, owners, act.now, account, &Content::PasswordChanged).await?;
    act.raised.note();
    Ok(account)
}
