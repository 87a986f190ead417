//! What makes and revokes API keys: the rules and the SQL, compiled for both databases.

use diesel::{dsl, prelude::*};
use diesel_async::RunQueryDsl;

use super::{Cx, api_keys, audit};
use crate::{
    api_keys::{
        can,
        model::{ApiKeyRow, Made, NewApiKey},
    },
    audit::model::Change,
    change::{Act, Changed, Problems},
    db::schema,
    graphql::UserErrorCode::Taken,
    ids::Kind,
};

/// Adds a key.
pub async fn create(cx: &mut Cx, act: &Act, key: &NewApiKey, mut problems: Problems) -> Changed<Made> {
    use schema::api_keys as k;
    let others = k::table.filter(k::name.eq(&key.name)).filter(k::revoked_at.is_null());
    let taken: bool = dsl::select(dsl::exists(others)).get_result(cx).await?;
    problems.require(!taken, "name", Taken, "another key has this name: revoke it first");
    problems.stop()?;
    let row: ApiKeyRow = diesel::insert_into(k::table)
        .values((key, k::created_by.eq(act.scope.account()), k::created_at.eq(act.now)))
        .returning(ApiKeyRow::as_returning())
        .get_result(cx)
        .await?;
    audit::record(cx, act, vec![Change::made(Kind::ApiKey, row.id, &row)]).await?;
    Ok(Made { id: row.id, now: true })
}

/// Revokes a key, for good.
pub async fn revoke(cx: &mut Cx, act: &Act, id: i64, mut problems: Problems) -> Changed<i64> {
    use schema::api_keys as k;
    let keys = api_keys::by_ids(cx, &act.scope, &[id]).await?;
    let before = act.target_by(&mut problems, "id", keys, can::revoke)?;
    problems.stop()?;
    let after: ApiKeyRow = diesel::update(k::table.find(id))
        .set((k::revoked_at.eq(act.now), k::version.eq(k::version + 1)))
        .returning(ApiKeyRow::as_returning())
        .get_result(cx)
        .await?;
    audit::record(cx, act, vec![Change::edited(Kind::ApiKey, id, &before, &after)]).await?;
    Ok(id)
}
