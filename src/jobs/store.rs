//! Jobs in the database; compiled for both.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{Cx, dialect};
use crate::{
    db::schema::jobs,
    error::Result,
    jobs::model::{JobKind, JobRow, JobState, NewJob, Priority},
};

/// Puts jobs into the queue; one whose key is there already is there already.
pub async fn enqueue(cx: &mut Cx, now: NaiveDateTime, new: Vec<NewJob>) -> Result<()> {
    for some in new.chunks(dialect::rows_per_insert(7)) {
        let row = |job: &NewJob| {
            (
                jobs::key.eq(job.key.clone()),
                jobs::kind.eq(job.kind),
                jobs::priority.eq(job.priority as i32),
                jobs::payload.eq(job.payload.to_string()),
                jobs::batch.eq(job.batch.clone()),
                jobs::due_at.eq(job.due_at),
                jobs::created_at.eq(now),
            )
        };
        let rows: Vec<_> = some.iter().map(row).collect();
        dialect::execute_batch(cx, diesel::insert_into(jobs::table).values(rows).on_conflict_do_nothing()).await?;
    }
    Ok(())
}

/// Leases jobs that are due and that nobody works on, the most urgent first, to be handed out under the name `lease`.
pub async fn lease(
    cx: &mut Cx,
    (now, until): (NaiveDateTime, NaiveDateTime),
    urgent: bool,
    lease: &str,
    most: i64,
) -> Result<Vec<i64>> {
    let least = if urgent { Priority::Urgent } else { Priority::Low };
    let free = || jobs::lease_until.is_null().or(jobs::lease_until.le(now));
    let due = jobs::table
        .filter(jobs::state.eq(JobState::Pending))
        .filter(jobs::priority.le(least as i32))
        .filter(jobs::due_at.le(now))
        .filter(free())
        .order((jobs::priority, jobs::due_at, jobs::id))
        .limit(most)
        .select(jobs::id)
        .load::<i64>(cx)
        .await?;
    if due.is_empty() {
        return Ok(due);
    }
    // Somebody else may have leased some of them since.
    let leased = diesel::update(jobs::table.filter(jobs::id.eq_any(due)).filter(free()))
        .set((jobs::lease.eq(lease), jobs::lease_until.eq(until)))
        .returning(jobs::id)
        .get_results(cx)
        .await?;
    Ok(leased)
}

/// Begins the jobs that were handed out under the name `handed`, and goes on under the name `own`. What was begun by
/// another, or is done, is not among them.
pub async fn begin(cx: &mut Cx, ids: &[i64], (handed, own): (&str, &str), until: NaiveDateTime) -> Result<Vec<JobRow>> {
    let rows = jobs::table
        .filter(jobs::id.eq_any(ids))
        .filter(jobs::state.eq(JobState::Pending))
        .filter(jobs::lease.eq(handed));
    let begun = diesel::update(rows)
        .set((jobs::lease.eq(own), jobs::lease_until.eq(until), jobs::attempts.eq(jobs::attempts + 1)))
        .returning(JobRow::as_returning())
        .get_results(cx)
        .await?;
    Ok(begun)
}

/// Ends a job that is done: false where it is another's by now.
pub async fn finish(cx: &mut Cx, id: i64, own: &str, now: NaiveDateTime) -> Result<bool> {
    let job = jobs::table.find(id).filter(jobs::lease.eq(own)).filter(jobs::state.eq(JobState::Pending));
    let done = diesel::update(job)
        .set((
            jobs::state.eq(JobState::Done),
            jobs::finished_at.eq(now),
            jobs::payload.eq("{}"),
            jobs::lease.eq(None::<String>),
            jobs::lease_until.eq(None::<NaiveDateTime>),
            jobs::last_error.eq(None::<String>),
        ))
        .execute(cx)
        .await?;
    Ok(done == 1)
}

/// Has a job tried again at `due_at`.
pub async fn postpone(cx: &mut Cx, id: i64, own: &str, due_at: NaiveDateTime, cause: &str) -> Result<bool> {
    let job = jobs::table.find(id).filter(jobs::lease.eq(own)).filter(jobs::state.eq(JobState::Pending));
    let done = diesel::update(job)
        .set((
            jobs::due_at.eq(due_at),
            jobs::lease.eq(None::<String>),
            jobs::lease_until.eq(None::<NaiveDateTime>),
            jobs::last_error.eq(cause),
        ))
        .execute(cx)
        .await?;
    Ok(done == 1)
}

/// Gives a job up.
pub async fn bury(cx: &mut Cx, id: i64, own: &str, now: NaiveDateTime, cause: &str) -> Result<bool> {
    let job = jobs::table.find(id).filter(jobs::lease.eq(own)).filter(jobs::state.eq(JobState::Pending));
    let done = diesel::update(job)
        .set((
            jobs::state.eq(JobState::Dead),
            jobs::finished_at.eq(now),
            jobs::lease.eq(None::<String>),
            jobs::lease_until.eq(None::<NaiveDateTime>),
            jobs::last_error.eq(cause),
        ))
        .execute(cx)
        .await?;
    Ok(done == 1)
}

/// How many jobs of a kind are waiting: for tests, and for the figures of the queue.
pub async fn waiting(cx: &mut Cx, kind: JobKind) -> Result<i64> {
    let rows = jobs::table.filter(jobs::kind.eq(kind)).filter(jobs::state.eq(JobState::Pending));
    Ok(rows.count().get_result(cx).await?)
}
