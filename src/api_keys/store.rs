//! API keys in the database.

use chrono::NaiveDateTime;
use diesel::{dsl, prelude::*};
use diesel_async::RunQueryDsl;

use super::{Backend, Cx, auth::key_in_force};
use crate::{
    api_keys::model::{ApiKeyFilter, ApiKeyRow},
    auth::{Reach, Role, Scope},
    db::{paging::Page, schema::api_keys},
    error::Result,
    keyset,
};

type Query<'a> = api_keys::BoxedQuery<'a, Backend>;

/// The API keys that each role reaches.
pub fn reach(scope: &Scope) -> Reach<api_keys::table, Backend> {
    Reach::of(scope).all(Role::Admin)
}

fn listed<'a>(scope: &Scope, filter: ApiKeyFilter, now: NaiveDateTime) -> Query<'a> {
    let rows = api_keys::table.filter(reach(scope).filter()).into_boxed();
    match filter.active {
        Some(true) => rows.filter(key_in_force(now)),
        Some(false) => rows.filter(dsl::not(key_in_force(now))),
        None => rows,
    }
}

/// A page of the keys in scope, in the order in which they were made.
pub async fn page(
    cx: &mut Cx,
    scope: &Scope,
    filter: ApiKeyFilter,
    now: NaiveDateTime,
    page: &Page,
) -> Result<Vec<(ApiKeyRow, i32)>> {
    let rows = keyset!(listed(scope, filter, now), page, api_keys::id, api_keys::id, i64);
    Ok(rows.select((ApiKeyRow::as_select(), reach(scope).granted())).load(cx).await?)
}

/// How many keys there are in scope.
pub async fn count(cx: &mut Cx, scope: &Scope, filter: ApiKeyFilter, now: NaiveDateTime) -> Result<i64> {
    Ok(listed(scope, filter, now).count().get_result(cx).await?)
}

/// Keys by number.
pub async fn by_ids(cx: &mut Cx, scope: &Scope, ids: &[i64]) -> Result<Vec<(ApiKeyRow, i32)>> {
    let rows = api_keys::table
        .filter(api_keys::id.eq_any(ids))
        .filter(reach(scope).filter())
        .select((ApiKeyRow::as_select(), reach(scope).granted()))
        .load(cx)
        .await?;
    Ok(rows)
}

/// Those of the keys in scope that are in force.
pub async fn in_force(cx: &mut Cx, scope: &Scope, ids: &[i64], now: NaiveDateTime) -> Result<Vec<i64>> {
    let keys = api_keys::table
        .filter(api_keys::id.eq_any(ids))
        .filter(reach(scope).filter())
        .filter(key_in_force(now))
        .select(api_keys::id)
        .load(cx)
        .await?;
    Ok(keys)
}
