//! The outbox in the database, written with the change that an event speaks of; compiled for both databases.

use std::collections::BTreeSet;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde_json::json;

use super::{Cx, dialect, jobs};
use crate::{
    change::Act,
    db::schema::{event_topics, events},
    error::Result,
    events::model::NewEvent,
    jobs::model::{JobKind, NewJob, Priority},
};

/// Raises an event in the transaction of the change that it speaks of, and the job that tells of it.
pub async fn raise(cx: &mut Cx, act: &Act, event: NewEvent) -> Result<()> {
    let actor = Some(act.scope.account()).filter(|account| *account != 0);
    let id: i64 = diesel::insert_into(events::table)
        .values((
            events::kind.eq(event.kind),
            events::subject_id.eq(event.subject),
            events::student_id.eq(event.student),
            events::actor_account_id.eq(actor),
            events::at.eq(act.now),
        ))
        .returning(events::id)
        .get_result(cx)
        .await?;
    let topics: BTreeSet<String> = event.topics.into_iter().map(crate::events::model::Topic::text).collect();
    let rows: Vec<_> =
        topics.into_iter().map(|topic| (event_topics::topic.eq(topic), event_topics::event_id.eq(id))).collect();
    dialect::execute_batch(cx, diesel::insert_into(event_topics::table).values(rows)).await?;
    let job = NewJob {
        key: format!("tell:{id}"),
        kind: JobKind::Tell,
        priority: Priority::Normal,
        payload: json!({"event": id}),
        batch: None,
        due_at: act.now,
    };
    jobs::enqueue(cx, act.now, vec![job]).await?;
    act.raised.note();
    Ok(())
}
