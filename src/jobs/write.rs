//! What an administrator does with jobs: the rules and the SQL, compiled for both databases.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{Cx, audit, jobs};
use crate::{
    audit::model::Change,
    change::{Act, Changed, Problems},
    db::schema,
    ids::Kind,
    jobs::{
        can,
        model::{JobEntryRow, JobState},
    },
};

/// Puts a job that was given up back into the queue.
pub async fn requeue(cx: &mut Cx, act: &Act, id: i64, mut problems: Problems) -> Changed<i64> {
    use schema::jobs as j;
    let rows = jobs::by_ids(cx, &act.scope, &[id]).await?;
    let before = act.target_by(&mut problems, "id", rows, can::requeue)?;
    problems.stop()?;
    let after: JobEntryRow = diesel::update(j::table.find(id))
        .set((
            j::state.eq(JobState::Pending),
            j::due_at.eq(act.now),
            j::attempts.eq(0),
            j::finished_at.eq(None::<NaiveDateTime>),
        ))
        .returning(JobEntryRow::as_returning())
        .get_result(cx)
        .await?;
    audit::record(cx, act, vec![Change::edited(Kind::Job, id, &before, &after)]).await?;
    act.raised.note();
    Ok(id)
}
