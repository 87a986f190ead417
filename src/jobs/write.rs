//! What an administrator does with jobs: the rules and the SQL, compiled for both databases.

use chrono::NaiveDateTime;
use diesel::{dsl, prelude::*};
use diesel_async::RunQueryDsl;

use super::{Cx, audit, jobs};
use crate::{
    audit::model::Change,
    change::{Act, Changed, Problems},
    db::schema::jobs as j,
    ids::Kind,
    jobs::{
        can,
        model::{JobEntryRow, JobKind, JobState},
    },
};

/// Jobs that are put back at a time: each is in the audit log.
const REQUEUED: i64 = 500;

/// Puts a job that was given up back into the queue.
pub async fn requeue(cx: &mut Cx, act: &Act, id: i64, mut problems: Problems) -> Changed<i64> {
    let rows = jobs::by_ids(cx, &act.scope, &[id]).await?;
    let before = act.target_by(&mut problems, "id", rows, can::requeue)?;
    problems.stop()?;
    let after: JobEntryRow = diesel::update(j::table.find(id))
        .set(afresh(act.now))
        .returning(JobEntryRow::as_returning())
        .get_result(cx)
        .await?;
    audit::record(cx, act, vec![Change::edited(Kind::Job, id, &before, &after)]).await?;
    act.raised.note();
    Ok(id)
}

/// Puts jobs that were given up until a time back into the queue, the oldest first and [`REQUEUED`] at most, of one kind where
/// it is named; how many it were.
pub async fn requeue_all(
    cx: &mut Cx,
    act: &Act,
    kind: Option<JobKind>,
    until: NaiveDateTime,
    problems: Problems,
) -> Changed<i32> {
    problems.stop()?;
    let before = jobs::dead(cx, &act.scope, kind, until, REQUEUED).await?;
    let ids: Vec<i64> = before.iter().map(|job| job.id).collect();
    let after: Vec<JobEntryRow> = diesel::update(j::table.filter(j::id.eq_any(ids)))
        .set(afresh(act.now))
        .returning(JobEntryRow::as_returning())
        .get_results(cx)
        .await?;
    let change = |after: &JobEntryRow| {
        let before = before.iter().find(|before| before.id == after.id)?;
        Some(Change::edited(Kind::Job, after.id, before, after))
    };
    audit::record(cx, act, after.iter().filter_map(change).collect()).await?;
    act.raised.note();
    Ok(i32::try_from(after.len()).unwrap_or(i32::MAX))
}

/// How a job stands that waits as a new one does. Nothing new is joined to it: who may have had it already, by its key, would
/// never see that.
#[dsl::auto_type]
fn afresh(now: NaiveDateTime) -> _ {
    let (pending, never): (JobState, Option<NaiveDateTime>) = (JobState::Pending, None);
    let alone: Option<String> = None;
    (j::state.eq(pending), j::due_at.eq(now), j::attempts.eq(0_i32), j::finished_at.eq(never), j::batch.eq(alone))
}
