//! Inboxes, devices, and what their owners choose, in the database.

use std::collections::HashMap;

use diesel::{dsl, prelude::*};
use diesel_async::RunQueryDsl;

use super::{Backend, Cx, students};
use crate::{
    auth::{Reach, Role, Scope},
    db::{
        paging::Page,
        schema::{devices, events, notification_choices, notification_settings, notifications},
    },
    error::Result,
    events::model::EventRow,
    keyset,
    notifications::model::{Choice, DeviceRow, InboxRow, NotificationFilter, NotificationRow, Settings, Wishes},
};

type Query<'a> = dsl::IntoBoxed<'a, dsl::InnerJoin<notifications::table, events::table>, Backend>;

/// The notifications that each role reaches: everybody their own, and nobody those of another. What is about a student is
/// reached by who reaches that student.
pub fn reach(scope: &Scope) -> Reach<notifications::table, Backend> {
    Reach::of(scope).when(Role::Own, |viewer| {
        let about = events::table.filter(events::id.eq(notifications::event_id)).filter(
            events::student_id.is_null().or(events::student_id.assume_not_null().eq_any(students::visible(viewer))),
        );
        notifications::account_id.eq(viewer.account()).and(dsl::exists(about))
    })
}

/// The devices that each role reaches: everybody their own, and nobody those of another.
pub fn devices_reach(scope: &Scope) -> Reach<devices::table, Backend> {
    Reach::of(scope).when(Role::Own, |viewer| devices::account_id.eq(viewer.account()))
}

fn listed<'a>(scope: &Scope, filter: &NotificationFilter) -> Query<'a> {
    let mut rows = notifications::table.inner_join(events::table).into_boxed().filter(reach(scope).filter());
    rows = match filter.unread {
        Some(true) => rows.filter(notifications::read_at.is_null()),
        Some(false) => rows.filter(notifications::read_at.is_not_null()),
        None => rows,
    };
    if let Some(category) = filter.category {
        rows = rows.filter(events::kind.eq_any(category.kinds()));
    }
    if let Some(from) = filter.from {
        rows = rows.filter(notifications::at.ge(from.naive_utc()));
    }
    if let Some(to) = filter.to {
        rows = rows.filter(notifications::at.lt(to.naive_utc()));
    }
    rows
}

/// The rows as they are used, of what was read.
fn rows(read: Vec<(InboxRow, EventRow, i32)>) -> Vec<(NotificationRow, i32)> {
    read.into_iter().map(|(inbox, event, granted)| (NotificationRow { inbox, event }, granted)).collect()
}

/// A page of the notifications in scope, in the order in which they came.
pub async fn page(
    cx: &mut Cx,
    scope: &Scope,
    filter: &NotificationFilter,
    page: &Page,
) -> Result<Vec<(NotificationRow, i32)>> {
    let query = keyset!(listed(scope, filter), page, notifications::id, notifications::id, i64);
    let query = query.select((InboxRow::as_select(), EventRow::as_select(), reach(scope).granted()));
    Ok(rows(query.load(cx).await?))
}

/// How many notifications there are in scope.
pub async fn count(cx: &mut Cx, scope: &Scope, filter: &NotificationFilter) -> Result<i64> {
    Ok(listed(scope, filter).count().get_result(cx).await?)
}

/// Notifications by number.
pub async fn by_ids(cx: &mut Cx, scope: &Scope, ids: &[i64]) -> Result<Vec<(NotificationRow, i32)>> {
    let read = notifications::table
        .inner_join(events::table)
        .filter(notifications::id.eq_any(ids))
        .filter(reach(scope).filter())
        .select((InboxRow::as_select(), EventRow::as_select(), reach(scope).granted()))
        .load(cx)
        .await?;
    Ok(rows(read))
}

/// The devices in scope, in the order in which they were registered.
pub async fn devices(cx: &mut Cx, scope: &Scope) -> Result<Vec<(DeviceRow, i32)>> {
    let rows = devices::table
        .filter(devices_reach(scope).filter())
        .order(devices::id)
        .select((DeviceRow::as_select(), devices_reach(scope).granted()))
        .load(cx)
        .await?;
    Ok(rows)
}

/// Devices by number.
pub async fn devices_by_ids(cx: &mut Cx, scope: &Scope, ids: &[i64]) -> Result<Vec<(DeviceRow, i32)>> {
    let rows = devices::table
        .filter(devices::id.eq_any(ids))
        .filter(devices_reach(scope).filter())
        .select((DeviceRow::as_select(), devices_reach(scope).granted()))
        .load(cx)
        .await?;
    Ok(rows)
}

/// How the owners of accounts want to be told of what; who has chosen nothing is not among them.
pub async fn wishes(cx: &mut Cx, accounts: &[i64]) -> Result<HashMap<i64, Wishes>> {
    let settings: Vec<(i64, Settings)> = notification_settings::table
        .filter(notification_settings::account_id.eq_any(accounts))
        .select((notification_settings::account_id, Settings::as_select()))
        .load(cx)
        .await?;
    let choices: Vec<(i64, Choice)> = notification_choices::table
        .filter(notification_choices::account_id.eq_any(accounts))
        .select((notification_choices::account_id, Choice::as_select()))
        .load(cx)
        .await?;
    let mut by_account: HashMap<i64, (Settings, Vec<Choice>)> =
        settings.into_iter().map(|(account, settings)| (account, (settings, Vec::new()))).collect();
    for (account, choice) in choices {
        by_account.entry(account).or_default().1.push(choice);
    }
    let wishes = |(account, (settings, choices))| (account, Wishes::of(settings, choices));
    Ok(by_account.into_iter().map(wishes).collect())
}
