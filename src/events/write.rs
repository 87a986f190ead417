//! The outbox in the database, written with the change that an event speaks of; compiled for both databases.

use std::collections::{BTreeSet, HashMap};

use chrono::NaiveDateTime;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde_json::json;

use super::{Cx, dialect, jobs};
use crate::{
    change::Act,
    db::schema::{event_topics, events},
    error::Result,
    events::model::{EventKind, EventRow, NewEvent},
    jobs::model::{JobKind, Lane, NewJob, Priority},
};

/// Raises an event in the transaction of the change that it speaks of, and the job that tells of it.
pub async fn raise(cx: &mut Cx, act: &Act, event: NewEvent) -> Result<()> {
    raise_all(cx, act, vec![event]).await
}

/// The same for several: in as many statements as for one. No two of them are of one kind, about one row and one student.
pub async fn raise_all(cx: &mut Cx, act: &Act, new: Vec<NewEvent>) -> Result<()> {
    if new.is_empty() {
        return Ok(());
    }
    let actor = Some(act.scope.account()).filter(|account| *account != 0);
    let mut ids: HashMap<(EventKind, i64, Option<i64>), i64> = HashMap::new();
    for some in new.chunks(dialect::rows_per_insert(5)) {
        let row = |event: &NewEvent| {
            (
                events::kind.eq(event.kind),
                events::subject_id.eq(event.subject),
                events::student_id.eq(event.student),
                events::actor_account_id.eq(actor),
                events::at.eq(act.now),
            )
        };
        let rows: Vec<_> = some.iter().map(row).collect();
        // What is returned is in no order that is promised.
        let statement = diesel::insert_into(events::table).values(rows).returning(EventRow::as_returning());
        let made: Vec<EventRow> = dialect::load_batch(cx, statement).await?;
        ids.extend(made.into_iter().map(|event| ((event.kind, event.subject_id, event.student_id), event.id)));
    }
    let id = |event: &NewEvent| ids.get(&(event.kind, event.subject, event.student)).copied();
    let topics: BTreeSet<(i64, String)> = new
        .iter()
        .filter_map(|event| Some((id(event)?, &event.topics)))
        .flat_map(|(id, topics)| topics.iter().map(move |topic| (id, topic.text())))
        .collect();
    let topics: Vec<(i64, String)> = topics.into_iter().collect();
    for some in topics.chunks(dialect::rows_per_insert(2)) {
        let row = |(id, topic): &(i64, String)| (event_topics::topic.eq(topic.clone()), event_topics::event_id.eq(*id));
        let rows: Vec<_> = some.iter().map(row).collect();
        dialect::execute_batch(cx, diesel::insert_into(event_topics::table).values(rows)).await?;
    }
    let job = |event: &NewEvent| {
        let id = id(event)?;
        let priority = if event.kind == EventKind::NoticePublished { Priority::Low } else { Priority::Normal };
        Some(NewJob {
            key: format!("tell:{id}"),
            kind: JobKind::Tell,
            lane: Lane::Events,
            priority,
            payload: json!({"event": id}),
            batch: None,
            due_at: act.now,
        })
    };
    jobs::enqueue(cx, act.now, new.iter().filter_map(job).collect()).await?;
    act.raised.note();
    Ok(())
}

/// Notes that subscribers are being told of an event; once, however often they are. It is committed before they hear of it, so
/// that who did not hear finds it.
pub async fn note_told(cx: &mut Cx, event: i64, now: NaiveDateTime) -> Result<()> {
    let untold = events::table.filter(events::id.eq(event)).filter(events::told_at.is_null());
    diesel::update(untold).set(events::told_at.eq(now)).execute(cx).await?;
    Ok(())
}
