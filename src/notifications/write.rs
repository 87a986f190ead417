//! What changes inboxes, devices and what their owners choose: the rules and the SQL, compiled for both databases.

use std::collections::BTreeSet;

use chrono::NaiveDateTime;
use diesel::{prelude::*, upsert::excluded};
use diesel_async::RunQueryDsl;
use serde_json::json;

use super::{Cx, audit, dialect, notifications as inbox};
use crate::{
    audit::model::Change,
    change::{Act, Changed, Problems},
    db::schema::{devices, notification_choices, notification_settings, notifications},
    graphql::UserErrorCode::{Duplicate, Invalid, OutOfRange, Required},
    ids::Kind,
    notifications::model::{Choice, DevicePlatform, DeviceRow, MAX_DEVICES, Settings, SettingsEdit},
};

/// Notes that the viewer has read notifications of theirs; the first time stays.
pub async fn mark_read(cx: &mut Cx, act: &Act, ids: &[i64], mut problems: Problems) -> Changed<Vec<i64>> {
    use notifications as n;
    problems.require(!ids.is_empty(), "ids", Required, "name a notification");
    let found = inbox::by_ids(cx, &act.scope, ids).await?;
    let found: BTreeSet<i64> = found.into_iter().map(|(row, _)| row.inbox.id).collect();
    for (i, _) in ids.iter().enumerate().filter(|(_, id)| !found.contains(id)) {
        problems.not_found(&format!("ids.{i}"));
    }
    problems.stop()?;
    let unread = n::table.filter(n::id.eq_any(ids)).filter(n::read_at.is_null());
    diesel::update(unread).set(n::read_at.eq(act.now)).execute(cx).await?;
    Ok(ids.to_vec())
}

/// Notes that the viewer has read all that came to them up to a time, and says how many of those they had not read before.
pub async fn mark_all_read(cx: &mut Cx, act: &Act, until: NaiveDateTime, problems: Problems) -> Changed<i32> {
    use notifications as n;
    problems.stop()?;
    let unread =
        n::table.filter(inbox::reach(&act.scope).filter()).filter(n::read_at.is_null()).filter(n::at.le(until));
    let count = diesel::update(unread).set(n::read_at.eq(act.now)).execute(cx).await?;
    Ok(i32::try_from(count).unwrap_or(i32::MAX))
}

/// Changes how the viewer is told of what, and gives the number of their account.
pub async fn update_settings(cx: &mut Cx, act: &Act, edit: &SettingsEdit, mut problems: Problems) -> Changed<i64> {
    use notification_choices as c;
    use notification_settings as s;
    let account = act.scope.account();
    let before = inbox::wishes(cx, &[account]).await?.remove(&account).unwrap_or_default();
    let after = Settings {
        language: edit.language.unwrap_or(before.settings.language),
        digest: edit.digest.unwrap_or(before.settings.digest),
        quiet_from: edit.quiet_from.unwrap_or(before.settings.quiet_from),
        quiet_to: edit.quiet_to.unwrap_or(before.settings.quiet_to),
    };
    let (from, to) = (after.quiet_from, after.quiet_to);
    problems.require(from.is_some() || to.is_none(), "quietFrom", Required, "quiet hours begin and end");
    problems.require(to.is_some() || from.is_none(), "quietTo", Required, "quiet hours begin and end");
    problems.require(from.is_none() || from != to, "quietTo", Invalid, "quiet hours do not end when they begin");
    let mut seen = BTreeSet::new();
    for (i, choice) in edit.choices.iter().enumerate() {
        let new = seen.insert((choice.category.as_str(), choice.channel.as_str()));
        problems.require(new, &format!("choices.{i}"), Duplicate, "this kind and channel are in the list already");
    }
    problems.stop()?;
    let chosen: Vec<Choice> = edit
        .choices
        .iter()
        .filter(|choice| before.want(choice.category, choice.channel) != choice.wanted)
        .copied()
        .collect();
    if after == before.settings && chosen.is_empty() {
        return Ok(account);
    }
    diesel::insert_into(s::table)
        .values((s::account_id.eq(account), &after))
        .on_conflict(s::account_id)
        .do_update()
        .set(&after)
        .execute(cx)
        .await?;
    let row = |choice: &Choice| {
        (
            c::account_id.eq(account),
            c::category.eq(choice.category),
            c::channel.eq(choice.channel),
            c::wanted.eq(choice.wanted),
        )
    };
    let rows: Vec<_> = chosen.iter().map(row).collect();
    if !rows.is_empty() {
        let upsert = diesel::insert_into(c::table)
            .values(rows)
            .on_conflict((c::account_id, c::category, c::channel))
            .do_update()
            .set(c::wanted.eq(excluded(c::wanted)));
        dialect::execute_batch(cx, upsert).await?;
    }
    let were: Vec<Choice> = chosen.iter().map(|choice| Choice { wanted: !choice.wanted, ..*choice }).collect();
    let content = |settings: &Settings, choices: &[Choice]| json!({"settings": settings, "choices": choices});
    let change = Change::edited(Kind::Account, account, content(&before.settings, &were), content(&after, &chosen));
    audit::record(cx, act, vec![change]).await?;
    Ok(account)
}

/// Registers a device of the viewer's, and gives its number. One that was another account's is theirs from now on: who has
/// its token has the device. Devices that are there no more make room for it.
pub async fn register(
    cx: &mut Cx,
    act: &Act,
    token: &str,
    platform: DevicePlatform,
    mut problems: Problems,
) -> Changed<i64> {
    use devices as d;
    let account = act.scope.account();
    let own = || d::table.filter(d::account_id.eq(account));
    let before: Option<DeviceRow> =
        d::table.filter(d::token.eq(token)).select(DeviceRow::as_select()).first(cx).await.optional()?;
    if let Some(before) = &before
        && before.account_id == account
        && before.active
        && before.platform == platform
        && problems.is_empty()
    {
        return Ok(before.id);
    }
    let is_new = before.as_ref().is_none_or(|before| before.account_id != account);
    let active: i64 = own().filter(d::active).count().get_result(cx).await?;
    let message = "an account has 20 devices at most: remove one first";
    problems.require(!is_new || active < MAX_DEVICES, "token", OutOfRange, message);
    problems.stop()?;
    let mut changes = Vec::new();
    if is_new {
        let all: i64 = own().count().get_result(cx).await?;
        if all >= MAX_DEVICES {
            let gone = diesel::delete(own().filter(d::active.eq(false))).returning(DeviceRow::as_returning());
            let gone: Vec<DeviceRow> = gone.get_results(cx).await?;
            changes.extend(gone.iter().map(|row| Change::removed(Kind::Device, row.id, row)));
        }
    }
    let after: DeviceRow = diesel::insert_into(d::table)
        .values((
            d::account_id.eq(account),
            d::token.eq(token),
            d::platform.eq(platform),
            d::active.eq(true),
            d::created_at.eq(act.now),
        ))
        .on_conflict(d::token)
        .do_update()
        .set((
            d::account_id.eq(account),
            d::platform.eq(platform),
            d::active.eq(true),
            d::last_error.eq(None::<String>),
            d::created_at.eq(act.now),
        ))
        .returning(DeviceRow::as_returning())
        .get_result(cx)
        .await?;
    changes.push(match &before {
        None => Change::made(Kind::Device, after.id, &after),
        Some(before) => Change::edited(Kind::Device, after.id, before, &after),
    });
    audit::record(cx, act, changes).await?;
    Ok(after.id)
}

/// Removes a device of the viewer's.
pub async fn remove(cx: &mut Cx, act: &Act, id: i64, mut problems: Problems) -> Changed<i64> {
    let before = act.target(&mut problems, "id", inbox::devices_by_ids(cx, &act.scope, &[id]).await?)?;
    problems.stop()?;
    diesel::delete(devices::table.find(id)).execute(cx).await?;
    audit::record(cx, act, vec![Change::removed(Kind::Device, id, &before)]).await?;
    Ok(id)
}
