//! What becomes of meetings when somebody who is in them leaves: the rules and the SQL, compiled for both databases.
//!
//! Only meetings that are still to come are touched: those that were asked for, and open ones that have not begun.

use std::collections::BTreeMap;

use chrono::NaiveDateTime;
use diesel::{dsl, prelude::*};
use diesel_async::RunQueryDsl;
use serde_json::json;

use super::{Cx, meetings_told, students};
use crate::{
    audit::model::Change,
    change::Act,
    db::schema::{meeting_parents, meeting_students, meetings as m, parent_students},
    error::Result,
    events::model::EventKind,
    ids::Kind,
    meetings::model::{MeetingChange, MeetingRow, MeetingStatus},
};

/// The meetings to come that a staff member is to hold, by when they begin.
pub async fn held_by(cx: &mut Cx, act: &Act, staff: i64) -> Result<Vec<MeetingRow>> {
    let rows = m::table
        .filter(to_come(act))
        .filter(m::staff_id.eq(staff))
        .order((m::starts_at, m::id))
        .select(MeetingRow::as_select())
        .load(cx)
        .await?;
    Ok(rows)
}

/// Calls meetings off, and gives what is to be recorded of it.
pub async fn cancel(cx: &mut Cx, act: &Act, meetings: &[MeetingRow], reason: &str) -> Result<Vec<Change>> {
    let ids: Vec<i64> = meetings.iter().map(|meeting| meeting.id).collect();
    let change =
        MeetingChange { cancellation_reason: Some(reason.to_owned()), ..MeetingChange::to(MeetingStatus::Cancelled) };
    let after: Vec<MeetingRow> = diesel::update(m::table.filter(m::id.eq_any(ids)))
        .set((change, m::version.eq(m::version + 1)))
        .returning(MeetingRow::as_returning())
        .get_results(cx)
        .await?;
    meetings_told::raise(cx, act, EventKind::MeetingCancelled, &after).await?;
    let after: BTreeMap<i64, MeetingRow> = after.into_iter().map(|meeting| (meeting.id, meeting)).collect();
    let change = |before: &MeetingRow| Some(Change::edited(Kind::Meeting, before.id, before, after.get(&before.id)?));
    Ok(meetings.iter().filter_map(change).collect())
}

/// Takes out of the meetings to come about a student the parents who have no child in them any more, and calls those off in
/// which no parent is left. For when a student was archived, or a parent taken from them. Gives what is to be recorded.
pub async fn without_family(cx: &mut Cx, act: &Act, student: i64, reason: &str) -> Result<Vec<Change>> {
    use meeting_parents as p;
    let about =
        meeting_students::table.filter(meeting_students::student_id.eq(student)).select(meeting_students::meeting_id);
    let meetings: Vec<MeetingRow> = m::table
        .filter(to_come(act))
        .filter(m::id.eq_any(about))
        .order(m::id)
        .select(MeetingRow::as_select())
        .load(cx)
        .await?;
    let child = || {
        meeting_students::table
            .inner_join(parent_students::table.on(parent_students::student_id.eq(meeting_students::student_id)))
            .filter(meeting_students::meeting_id.eq(p::meeting_id))
            .filter(parent_students::parent_id.eq(p::parent_id))
            .filter(meeting_students::student_id.eq_any(students::present()))
    };
    let ids: Vec<i64> = meetings.iter().map(|meeting| meeting.id).collect();
    let parents: Vec<(i64, i64, bool)> = p::table
        .filter(p::meeting_id.eq_any(ids))
        .order((p::meeting_id, p::parent_id))
        .select((p::meeting_id, p::parent_id, dsl::exists(child())))
        .load(cx)
        .await?;
    let of = |meeting: &MeetingRow, stays: bool| -> Vec<i64> {
        let rows = parents.iter().filter(|(id, _, has_child)| *id == meeting.id && (!stays || *has_child));
        rows.map(|(_, parent, _)| *parent).collect()
    };
    let (kept, off): (Vec<MeetingRow>, Vec<MeetingRow>) =
        meetings.into_iter().partition(|meeting| !of(meeting, true).is_empty());
    let mut changes = cancel(cx, act, &off, reason).await?;
    let mut smaller = Vec::new();
    for meeting in kept {
        let (before, after) = (of(&meeting, false), of(&meeting, true));
        if before != after {
            smaller.push(meeting.id);
            let (before, after) = (json!({"parents": before}), json!({"parents": after}));
            changes.push(Change::edited(Kind::Meeting, meeting.id, before, after));
        }
    }
    let strangers = p::table.filter(p::meeting_id.eq_any(&smaller)).filter(dsl::not(dsl::exists(child())));
    diesel::delete(strangers).execute(cx).await?;
    diesel::update(m::table.filter(m::id.eq_any(&smaller))).set(m::version.eq(m::version + 1)).execute(cx).await?;
    Ok(changes)
}

/// That a meeting can still be called off.
#[dsl::auto_type]
fn to_come(act: &Act) -> _ {
    let (requested, now): (MeetingStatus, NaiveDateTime) = (MeetingStatus::Requested, act.now);
    m::status.eq(requested).or(m::open.and(m::starts_at.gt(now)))
}
