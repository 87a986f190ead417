//! What ends sessions: the rules and the SQL, compiled for both databases.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{Cx, audit, auth::session_in_force, sessions};
use crate::{
    audit::model::Change,
    auth::session::InForce,
    change::{Act, Changed, Problems},
    db::schema,
    ids::Kind,
    sessions::model::SessionRow,
};

/// Ends a session.
pub async fn end(cx: &mut Cx, act: &Act, id: i64, in_force: InForce, mut problems: Problems) -> Changed<i64> {
    let found = sessions::by_ids(cx, &act.scope, &[id], in_force).await?;
    let before = act.target(&mut problems, "id", found)?;
    diesel::delete(schema::sessions::table.find(id)).execute(cx).await?;
    audit::record(cx, act, vec![Change::removed(Kind::Session, id, &before)]).await?;
    Ok(id)
}

/// Ends the viewer's sessions but for the one with the number `present`, and says how many those were.
pub async fn end_others(cx: &mut Cx, act: &Act, present: i64, in_force: InForce) -> Changed<i32> {
    use schema::sessions as s;
    let others = s::table
        .filter(s::account_id.eq(act.scope.account()))
        .filter(s::id.ne(present))
        .filter(session_in_force(in_force));
    let ended: Vec<SessionRow> = diesel::delete(others).returning(SessionRow::as_returning()).get_results(cx).await?;
    let count = i32::try_from(ended.len()).unwrap_or(i32::MAX);
    let removed = ended.iter().map(|row| Change::removed(Kind::Session, row.id, row));
    audit::record(cx, act, removed.collect()).await?;
    Ok(count)
}
