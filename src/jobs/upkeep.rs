//! Schedules, and what is of no use any more, in the database; compiled for both.

use chrono::{NaiveDateTime, TimeDelta};
use diesel::{dsl, prelude::*};
use diesel_async::RunQueryDsl;

use super::{Cx, auth::session_in_force};
use crate::{
    auth::session::InForce,
    db::schema::{
        client_mutations, events, exports, jobs, notifications, one_time_codes, schedules, sessions, students,
    },
    error::Result,
    jobs::model::JobState,
};

/// Every schedule that is kept, with when it is due next.
pub async fn schedules(cx: &mut Cx) -> Result<Vec<(String, NaiveDateTime)>> {
    Ok(schedules::table.select((schedules::name, schedules::next_at)).load(cx).await?)
}

/// Takes the time of a schedule that is due, and keeps the next; none where it is not due, or is kept for the first time.
pub async fn take(cx: &mut Cx, name: &str, now: NaiveDateTime, next: NaiveDateTime) -> Result<Option<NaiveDateTime>> {
    let kept: Option<NaiveDateTime> =
        schedules::table.find(name).select(schedules::next_at).first(cx).await.optional()?;
    let Some(due) = kept else {
        let row = (schedules::name.eq(name), schedules::next_at.eq(next));
        diesel::insert_into(schedules::table).values(row).on_conflict_do_nothing().execute(cx).await?;
        return Ok(None);
    };
    if due > now {
        return Ok(None);
    }
    let of_then = schedules::table.find(name).filter(schedules::next_at.eq(due));
    let taken = diesel::update(of_then).set(schedules::next_at.eq(next)).execute(cx).await?;
    Ok((taken == 1).then_some(due))
}

/// Removes sessions that have ended by themselves, `most` at most; how many it were.
pub async fn remove_sessions(cx: &mut Cx, in_force: InForce, most: i64) -> Result<usize> {
    let ended = sessions::table.filter(dsl::not(session_in_force(in_force))).select(sessions::id).limit(most);
    let ended: Vec<i64> = ended.load(cx).await?;
    // One that was used in between is not what was found.
    let ended = sessions::table.filter(sessions::id.eq_any(ended)).filter(dsl::not(session_in_force(in_force)));
    Ok(diesel::delete(ended).execute(cx).await?)
}

/// Removes one-time codes that nobody can use any more, but for those by which it is known how many there were in the hour.
pub async fn remove_codes(cx: &mut Cx, now: NaiveDateTime) -> Result<usize> {
    use one_time_codes as t;
    let over = t::used_at.is_not_null().or(t::expires_at.le(now));
    let codes = t::table.filter(over).filter(t::hour_began_at.le(now - TimeDelta::hours(1)));
    Ok(diesel::delete(codes).execute(cx).await?)
}

/// Removes from inboxes what tells of events from before a time. It goes before the events: to one of them there may be
/// thousands, and they would all go in one statement.
pub async fn remove_notifications(cx: &mut Cx, before: NaiveDateTime, most: i64) -> Result<usize> {
    let old = notifications::table.inner_join(events::table).filter(events::at.lt(before));
    let old: Vec<i64> = old.select(notifications::id).limit(most).load(cx).await?;
    Ok(diesel::delete(notifications::table.filter(notifications::id.eq_any(old))).execute(cx).await?)
}

/// Removes events from before a time that are in no inbox.
pub async fn remove_events(cx: &mut Cx, before: NaiveDateTime, most: i64) -> Result<usize> {
    let told = dsl::exists(notifications::table.filter(notifications::event_id.eq(events::id)));
    let old = events::table.filter(events::at.lt(before)).filter(dsl::not(told)).order(events::at);
    let old: Vec<i64> = old.select(events::id).limit(most).load(cx).await?;
    Ok(diesel::delete(events::table.filter(events::id.eq_any(old))).execute(cx).await?)
}

/// Removes exports that were asked for before a time.
pub async fn remove_exports(cx: &mut Cx, before: NaiveDateTime, most: i64) -> Result<usize> {
    let old = exports::table.filter(exports::created_at.lt(before)).order(exports::created_at);
    let old: Vec<i64> = old.select(exports::id).limit(most).load(cx).await?;
    Ok(diesel::delete(exports::table.filter(exports::id.eq_any(old))).execute(cx).await?)
}

/// Removes what mutations did under the keys that they came with before a time.
pub async fn remove_keys(cx: &mut Cx, before: NaiveDateTime, most: i64) -> Result<usize> {
    use client_mutations as t;
    let old = t::table.filter(t::at.lt(before)).order(t::at).select(t::at);
    // They have no number: with the last of so many go those of the same moment.
    let last: Option<NaiveDateTime> = old.offset(most - 1).first(cx).await.optional()?;
    Ok(diesel::delete(t::table.filter(t::at.le(last.unwrap_or(before)))).execute(cx).await?)
}

/// Removes jobs that ended in a state before a time: one that waits has not ended.
pub async fn remove_jobs(cx: &mut Cx, state: JobState, before: NaiveDateTime, most: i64) -> Result<usize> {
    let ended = || jobs::table.filter(jobs::state.eq(state)).filter(jobs::finished_at.lt(before));
    let old: Vec<i64> = ended().order(jobs::finished_at).select(jobs::id).limit(most).load(cx).await?;
    // One that was put back into the queue in between has not ended either.
    Ok(diesel::delete(ended().filter(jobs::id.eq_any(old))).execute(cx).await?)
}

/// The numbers of students after one, in their order.
pub async fn students_after(cx: &mut Cx, after: i64, most: i64) -> Result<Vec<i64>> {
    let students = students::table.filter(students::id.gt(after)).order(students::id).select(students::id);
    Ok(students.limit(most).load(cx).await?)
}
