//! Jobs in the database; compiled for both.

use chrono::NaiveDateTime;
use diesel::{
    dsl::{self, case_when, count_star},
    prelude::*,
};
use diesel_async::RunQueryDsl;

use super::{Backend, Cx, dialect};
use crate::{
    auth::{Reach, Role, Scope},
    db::{paging::Page, schema::jobs},
    error::Result,
    jobs::model::{
        Figure, HandOut, JobEntryRow, JobFilter, JobKind, JobOrderField, JobRow, JobState, Lane, NewJob, Priority,
    },
    keyset,
};

type Query<'a> = jobs::BoxedQuery<'a, Backend>;

/// The jobs that each role reaches.
pub fn reach(scope: &Scope) -> Reach<jobs::table, Backend> {
    Reach::of(scope).all(Role::Admin)
}

fn listed<'a>(scope: &Scope, filter: JobFilter) -> Query<'a> {
    let mut rows = jobs::table.filter(reach(scope).filter()).into_boxed();
    if let Some(state) = filter.state {
        rows = rows.filter(jobs::state.eq(state));
    }
    if let Some(kind) = filter.kind {
        rows = rows.filter(jobs::kind.eq(kind));
    }
    rows
}

/// A page of the jobs in scope.
pub async fn page(
    cx: &mut Cx,
    scope: &Scope,
    filter: JobFilter,
    order: JobOrderField,
    page: &Page,
) -> Result<Vec<(JobEntryRow, i32)>> {
    let rows = listed(scope, filter);
    let rows = match order {
        JobOrderField::Entry => keyset!(rows, page, jobs::id, jobs::id, i64),
        JobOrderField::DueAt => keyset!(rows, page, jobs::due_at, jobs::id, NaiveDateTime),
    };
    Ok(rows.select((JobEntryRow::as_select(), reach(scope).granted())).load(cx).await?)
}

/// How many jobs there are in scope.
pub async fn count(cx: &mut Cx, scope: &Scope, filter: JobFilter) -> Result<i64> {
    Ok(listed(scope, filter).count().get_result(cx).await?)
}

/// The jobs in scope that were given up until a time, those first that were put into the queue first.
pub async fn dead(
    cx: &mut Cx,
    scope: &Scope,
    kind: Option<JobKind>,
    until: NaiveDateTime,
    most: i64,
) -> Result<Vec<JobEntryRow>> {
    let dead = listed(scope, JobFilter { state: Some(JobState::Dead), kind }).filter(jobs::finished_at.le(until));
    Ok(dead.order(jobs::id).limit(most).select(JobEntryRow::as_select()).load(cx).await?)
}

/// Jobs by number.
pub async fn by_ids(cx: &mut Cx, scope: &Scope, ids: &[i64]) -> Result<Vec<(JobEntryRow, i32)>> {
    let rows = jobs::table
        .filter(jobs::id.eq_any(ids))
        .filter(reach(scope).filter())
        .select((JobEntryRow::as_select(), reach(scope).granted()))
        .load(cx)
        .await?;
    Ok(rows)
}

/// Puts jobs into the queue; one whose key is there already is there already.
pub async fn enqueue(cx: &mut Cx, now: NaiveDateTime, new: Vec<NewJob>) -> Result<()> {
    for some in new.chunks(dialect::rows_per_insert(8)) {
        let row = |job: &NewJob| {
            (
                jobs::key.eq(job.key.clone()),
                jobs::kind.eq(job.kind),
                jobs::lane.eq(job.lane),
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

/// Jobs of a lane that are due and that nobody works on, the most urgent first. One priority after the other: the index has
/// what is due of each in one place, and not what is due of all.
pub async fn due(cx: &mut Cx, lane: Lane, now: NaiveDateTime, most: i64) -> Result<Vec<i64>> {
    let mut due: Vec<i64> = Vec::new();
    for priority in Priority::ALL {
        let left = most - i64::try_from(due.len()).unwrap_or(most);
        if left <= 0 {
            break;
        }
        let next = jobs::table
            .filter(jobs::lane.eq(lane))
            .filter(jobs::priority.eq(priority as i32))
            .filter(free(now))
            .order((jobs::due_at, jobs::id))
            .limit(left)
            .select(jobs::id);
        due.extend(next.load::<i64>(cx).await?);
    }
    Ok(due)
}

/// Leases those of some jobs that are due and that nobody works on, to be handed out under the name `lease`.
pub async fn lease(
    cx: &mut Cx,
    due: Vec<i64>,
    (now, until): (NaiveDateTime, NaiveDateTime),
    lease: &str,
) -> Result<Vec<i64>> {
    // Somebody else may have leased some of them since, or done them.
    let leased: Vec<i64> = diesel::update(jobs::table.filter(jobs::id.eq_any(&due)).filter(free(now)))
        .set((jobs::lease.eq(lease), jobs::lease_until.eq(until)))
        .returning(jobs::id)
        .get_results(cx)
        .await?;
    Ok(due.into_iter().filter(|id| leased.contains(id)).collect())
}

/// Whether a job is due, and nobody works on it.
#[dsl::auto_type]
fn free(now: NaiveDateTime) -> _ {
    let pending: JobState = JobState::Pending;
    let is_nobodys = jobs::lease_until.is_null().or(jobs::lease_until.le(now));
    jobs::state.eq(pending).and(jobs::due_at.le(now)).and(is_nobodys)
}

/// Those of the jobs that were handed out and that nobody has begun, and whose lease has not run out.
pub async fn still_out(cx: &mut Cx, hand_outs: &[HandOut], now: NaiveDateTime) -> Result<Vec<i64>> {
    let out = jobs::table
        .filter(jobs::id.eq_any(ids(hand_outs)))
        .filter(jobs::lease.assume_not_null().eq_any(leases(hand_outs)))
        .filter(jobs::state.eq(JobState::Pending))
        .filter(jobs::lease_until.gt(now))
        .select(jobs::id)
        .load(cx)
        .await?;
    Ok(out)
}

/// Gives back what was handed out and that nobody has begun: it is for whoever comes next.
pub async fn give_back(cx: &mut Cx, hand_outs: &[HandOut]) -> Result<()> {
    let out = jobs::table
        .filter(jobs::id.eq_any(ids(hand_outs)))
        .filter(jobs::lease.assume_not_null().eq_any(leases(hand_outs)))
        .filter(jobs::state.eq(JobState::Pending));
    diesel::update(out)
        .set((jobs::lease.eq(None::<String>), jobs::lease_until.eq(None::<NaiveDateTime>)))
        .execute(cx)
        .await?;
    Ok(())
}

fn ids(hand_outs: &[HandOut]) -> Vec<i64> {
    hand_outs.iter().flat_map(|hand_out| hand_out.ids.iter().copied()).collect()
}

fn leases(hand_outs: &[HandOut]) -> Vec<&str> {
    let mut leases: Vec<&str> = hand_outs.iter().map(|hand_out| hand_out.lease.as_str()).collect();
    leases.dedup();
    leases
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

/// The job, as long as who began it under the name `own` has it.
#[dsl::auto_type]
#[expect(clippy::elidable_lifetime_names, reason = "the macro asks for a name")]
fn held<'a>(id: i64, own: &'a str) -> _ {
    let pending: JobState = JobState::Pending;
    jobs::table.find(id).filter(jobs::lease.eq(own)).filter(jobs::state.eq(pending))
}

/// Ends a job that is done: false where it is another's by now.
pub async fn finish(cx: &mut Cx, id: i64, own: &str, now: NaiveDateTime) -> Result<bool> {
    let done = diesel::update(held(id, own))
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

/// Has a job tried again at `due_at`, where it was begun so often, as far as that counts.
pub async fn postpone(
    cx: &mut Cx,
    id: i64,
    own: &str,
    (due_at, attempts): (NaiveDateTime, i32),
    cause: &str,
) -> Result<bool> {
    let done = diesel::update(held(id, own))
        .set((
            jobs::due_at.eq(due_at),
            jobs::attempts.eq(attempts),
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
    let done = diesel::update(held(id, own))
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

/// The figures of the queue: of all that is waiting, and all that was given up.
pub async fn figures(cx: &mut Cx, now: NaiveDateTime) -> Result<Vec<Figure>> {
    let due = || jobs::state.eq(JobState::Pending).and(jobs::due_at.le(now));
    let figures = jobs::table
        .filter(jobs::state.eq_any([JobState::Pending, JobState::Dead]))
        .group_by((jobs::state, jobs::kind, jobs::priority))
        .select((
            jobs::state,
            jobs::kind,
            jobs::priority,
            count_star(),
            dsl::count(case_when(due(), jobs::id)),
            dsl::min(case_when(due(), jobs::due_at)),
        ))
        .load(cx)
        .await?;
    Ok(figures)
}
