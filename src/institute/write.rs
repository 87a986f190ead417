//! What changes the institute: the rules and the SQL, compiled for both databases.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{Cx, audit, auth, dialect, institute};
use crate::{
    audit::model::Change,
    auth::model::StaffRole,
    change::{Act, Changed, Problems},
    db::schema::{institute as i, second_factor_roles as guarded},
    error::Result,
    graphql::UserErrorCode::{NotFound, WrongStatus},
    ids::Kind,
    institute::model::{InstituteEdit, InstituteRow, WithPolicy},
};

/// Sets the institute up, under a name and in a time zone, where there is none; everything else is edited.
pub async fn set_up(cx: &mut Cx, act: &Act, name: &str, time_zone: &str) -> Result<()> {
    let row = (i::id.eq(1), i::name.eq(name), i::time_zone.eq(time_zone));
    let made = diesel::insert_into(i::table).values(row).returning(InstituteRow::as_returning());
    let made: InstituteRow = made.get_result(cx).await?;
    audit::record(cx, act, vec![Change::made(Kind::Institute, made.id.into(), &made)]).await
}

/// Edits the institute, and says which roles take a second factor, where that is to be changed.
pub async fn edit(
    cx: &mut Cx,
    act: &Act,
    version: i32,
    edit: &InstituteEdit,
    policy: Option<&[StaffRole]>,
    mut problems: Problems,
) -> Changed<i64> {
    let Some(before) = institute::card(cx).await? else {
        problems.add("", NotFound, "the institute has not been set up");
        return Err(problems.refusal());
    };
    problems.fresh(version, before.version);
    let required = institute::second_factor_roles(cx).await?;
    if policy.is_some_and(|roles| !roles.is_empty()) {
        let has = auth::has_factor(cx, act.scope.account()).await?;
        let message = "you have no second factor yourself: set it up first";
        problems.require(has, "secondFactorRequired", WrongStatus, message);
    }
    problems.stop()?;
    let after: InstituteRow = diesel::update(i::table)
        .set((edit, i::version.eq(i::version + 1)))
        .returning(InstituteRow::as_returning())
        .get_result(cx)
        .await?;
    if let Some(roles) = policy {
        diesel::delete(guarded::table).execute(cx).await?;
        let rows: Vec<_> = roles.iter().map(|role| guarded::role.eq(*role)).collect();
        if !rows.is_empty() {
            dialect::execute_batch(cx, diesel::insert_into(guarded::table).values(rows)).await?;
        }
    }
    let id = i64::from(after.id);
    let before = WithPolicy { row: &before, second_factor_required: &required };
    let after = WithPolicy { row: &after, second_factor_required: policy.unwrap_or(&required) };
    audit::record(cx, act, vec![Change::edited(Kind::Institute, id, before, after)]).await?;
    Ok(id)
}
