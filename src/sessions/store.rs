//! Sessions in the database, as they are listed: those that are in force.

use diesel::{dsl, prelude::*};
use diesel_async::RunQueryDsl;

use super::{Backend, Cx, auth::session_in_force};
use crate::{
    auth::{Reach, Role, Scope, session::InForce},
    db::{paging::Page, schema::sessions},
    error::Result,
    keyset_of_each,
    sessions::model::SessionRow,
};

/// The sessions that each role reaches: everybody their own; an ADMIN every one.
pub fn reach(scope: &Scope) -> Reach<sessions::table, Backend> {
    Reach::of(scope).all(Role::Admin).when(Role::Own, |viewer| sessions::account_id.eq(viewer.account()))
}

/// A page of the sessions of each account, in the order in which they began.
pub async fn of_accounts(
    cx: &mut Cx,
    scope: &Scope,
    accounts: &[i64],
    in_force: InForce,
    page: &Page,
) -> Result<Vec<(i64, SessionRow, i32)>> {
    let rows = sessions::table
        .filter(sessions::account_id.eq_any(accounts))
        .filter(session_in_force(in_force))
        .filter(reach(scope).filter())
        .into_boxed();
    keyset_of_each!(
        cx,
        rows,
        page,
        sessions::id,
        sessions::id,
        i64,
        sessions::account_id,
        SessionRow::as_select(),
        reach(scope).granted()
    )
}

/// How many sessions each account has.
pub async fn count_of_accounts(
    cx: &mut Cx,
    scope: &Scope,
    accounts: &[i64],
    in_force: InForce,
) -> Result<Vec<(i64, i64)>> {
    let counts = sessions::table
        .filter(sessions::account_id.eq_any(accounts))
        .filter(session_in_force(in_force))
        .filter(reach(scope).filter())
        .group_by(sessions::account_id)
        .select((sessions::account_id, dsl::count_star()))
        .load(cx)
        .await?;
    Ok(counts)
}

/// Sessions by number.
pub async fn by_ids(cx: &mut Cx, scope: &Scope, ids: &[i64], in_force: InForce) -> Result<Vec<(SessionRow, i32)>> {
    let rows = sessions::table
        .filter(sessions::id.eq_any(ids))
        .filter(session_in_force(in_force))
        .filter(reach(scope).filter())
        .select((SessionRow::as_select(), reach(scope).granted()))
        .load(cx)
        .await?;
    Ok(rows)
}
