//! What live subscriptions read of events and inboxes, and whom they are about; compiled for both databases.
//!
//! Events hold numbers. Whether a viewer reaches what one is about is asked of the row itself, by its own store.

use std::collections::HashMap;

use chrono::{NaiveDateTime, TimeDelta};
use diesel::{dsl::max, prelude::*};
use diesel_async::RunQueryDsl;

use super::{Cx, students};
use crate::{
    auth::{Role, Scope},
    db::schema::{event_topics, events, notifications},
    error::Result,
    events::model::{EventKind, EventRow},
    live::{Happened, Latest},
};

/// How many of the last notifications are looked at.
const MANY: i64 = 1000;

/// What is read at once of what was missed.
pub const PAGE: i64 = 100;

/// The viewer's children.
pub async fn children(cx: &mut Cx, scope: &Scope) -> Result<Vec<i64>> {
    Ok(students::visible(&scope.only(Role::Parent)).load(cx).await?)
}

/// How far what was told of has come, and what has come into inboxes. Workers tell by their own clocks, and inboxes are written
/// by transactions that end in any order; so not only the last of them is looked at, but how many there are just before it.
pub async fn latest(cx: &mut Cx) -> Result<Latest> {
    let told: Option<NaiveDateTime> = events::table.select(max(events::told_at)).first(cx).await?;
    let inbox: Option<i64> = notifications::table.select(max(notifications::id)).first(cx).await?;
    let before = told.map_or(NaiveDateTime::MIN, |told| told - TimeDelta::minutes(1));
    let told_before = events::table.filter(events::told_at.ge(before)).count().get_result(cx).await?;
    let before = notifications::id.gt(inbox.unwrap_or_default() - MANY);
    let inbox_before = notifications::table.filter(before).count().get_result(cx).await?;
    Ok(Latest { told, told_before, inbox, inbox_before })
}

/// An event.
pub async fn event(cx: &mut Cx, id: i64) -> Result<Option<Happened>> {
    let rows: Vec<(EventRow, Option<NaiveDateTime>)> =
        events::table.filter(events::id.eq(id)).select((EventRow::as_select(), events::told_at)).load(cx).await?;
    let rows = rows.into_iter().map(|(row, told)| (told.unwrap_or(row.at), row)).collect();
    Ok(with_topics(cx, rows).await?.pop())
}

/// The events of these kinds, and with one of these topics where there are any, that were told of after a place, in the order
/// of that. Those that are not told of yet will be heard.
pub async fn events_since(
    cx: &mut Cx,
    kinds: &[EventKind],
    topics: Option<&[String]>,
    (from, after): (NaiveDateTime, i64),
) -> Result<Vec<Happened>> {
    let told = events::told_at.assume_not_null();
    let mut rows = events::table
        .filter(told.ge(from))
        .filter(told.gt(from).or(events::id.gt(after)))
        .filter(events::kind.eq_any(kinds))
        .into_boxed();
    if let Some(topics) = topics {
        let of_topics = event_topics::table.filter(event_topics::topic.eq_any(topics)).select(event_topics::event_id);
        rows = rows.filter(events::id.eq_any(of_topics));
    }
    let rows = rows.order((told, events::id)).limit(PAGE).select((told, EventRow::as_select())).load(cx).await?;
    with_topics(cx, rows).await
}

async fn with_topics(cx: &mut Cx, rows: Vec<(NaiveDateTime, EventRow)>) -> Result<Vec<Happened>> {
    let ids: Vec<i64> = rows.iter().map(|(_, row)| row.id).collect();
    let found: Vec<(i64, String)> = event_topics::table
        .filter(event_topics::event_id.eq_any(ids))
        .select((event_topics::event_id, event_topics::topic))
        .load(cx)
        .await?;
    let mut topics: HashMap<i64, Vec<String>> = HashMap::new();
    for (event, topic) in found {
        topics.entry(event).or_default().push(topic);
    }
    let mut topics_of = |row: &EventRow| topics.remove(&row.id).unwrap_or_default();
    Ok(rows.iter().map(|(told, row)| Happened::event(row, *told, topics_of(row))).collect())
}

/// The event of this number as it has come into the viewer's inbox.
pub async fn notification(cx: &mut Cx, scope: &Scope, event: i64) -> Result<Option<Happened>> {
    let row: Option<(EventRow, i64, NaiveDateTime)> = notifications::table
        .inner_join(events::table)
        .filter(notifications::account_id.eq(scope.account()))
        .filter(notifications::event_id.eq(event))
        .select((EventRow::as_select(), notifications::id, notifications::at))
        .first(cx)
        .await
        .optional()?;
    Ok(row.map(|(row, id, at)| Happened::notification(&row, (id, at), scope.account())))
}

/// What has come into the viewer's inbox after a place, in the order of that.
pub async fn notifications_since(
    cx: &mut Cx,
    scope: &Scope,
    (from, after): (NaiveDateTime, i64),
) -> Result<Vec<Happened>> {
    let rows: Vec<(EventRow, i64, NaiveDateTime)> = notifications::table
        .inner_join(events::table)
        .filter(notifications::account_id.eq(scope.account()))
        .filter(notifications::at.ge(from))
        .filter(notifications::at.gt(from).or(notifications::id.gt(after)))
        .order((notifications::at, notifications::id))
        .limit(PAGE)
        .select((EventRow::as_select(), notifications::id, notifications::at))
        .load(cx)
        .await?;
    Ok(rows.into_iter().map(|(row, id, at)| Happened::notification(&row, (id, at), scope.account())).collect())
}

/// When the notification of this number came into the viewer's inbox, if it is still there.
pub async fn at_of_notification(cx: &mut Cx, scope: &Scope, id: i64) -> Result<Option<NaiveDateTime>> {
    let at = notifications::table
        .filter(notifications::account_id.eq(scope.account()))
        .filter(notifications::id.eq(id))
        .select(notifications::at)
        .first(cx)
        .await
        .optional()?;
    Ok(at)
}
