//! What changes notices: the rules and the SQL, compiled for both databases.

use std::collections::{BTreeSet, HashMap};

use diesel::{dsl, prelude::*};
use diesel_async::RunQueryDsl;
use serde_json::json;

use super::{Cx, audit, batches, batches_write, courses, courses_write, dialect, events_write, notices};
use crate::{
    audit::model::Change,
    change::{Act, Changed, Problems},
    db::schema::{self, notice_audiences, notice_reads},
    error::Result,
    events::model::{EventKind, NewEvent, Topic},
    graphql::UserErrorCode::Required,
    ids::Kind,
    notices::{
        can,
        model::{Audience, AudienceRow, NewNotice, NoticeEdit, NoticeRow},
    },
};

/// Publishes a notice.
pub async fn publish(
    cx: &mut Cx,
    act: &Act,
    notice: &NewNotice,
    audience: &Audience,
    mut problems: Problems,
) -> Changed<i64> {
    use schema::notices as n;
    problems.require(!audience.is_empty(), "audience", Required, "name somebody whom it is for");
    let found = courses::by_ids(cx, &act.scope, &audience.courses).await?;
    let courses = there(&mut problems, "courseIds", &audience.courses, found.iter().map(|(row, _)| row.id));
    let found = batches::by_ids(cx, &act.scope, &audience.batches).await?;
    let batches = there(&mut problems, "batchIds", &audience.batches, found.iter().map(|(row, _)| row.id));
    let within = courses_write::within(cx, &act.actor()).await?;
    let courses_of = batches_write::courses_of(cx, &batches).await?;
    let reached = Audience { courses, batches, ..audience.clone() };
    if !can::may_address(&reached, |batch| courses_of.get(batch), &within) {
        return Err(act.forbidden().into());
    }
    problems.stop()?;
    let row: NoticeRow = diesel::insert_into(n::table)
        .values((notice, n::published_by.eq(act.scope.staff()), n::published_at.eq(act.now)))
        .returning(NoticeRow::as_returning())
        .get_result(cx)
        .await?;
    let id = row.id;
    let groups = diesel::insert_into(notice_audiences::table).values(audience.groups(id));
    dialect::execute_batch(cx, groups).await?;
    let made = json!({"notice": row, "audience": audience});
    audit::record(cx, act, vec![Change::made(Kind::Notice, id, made)]).await?;
    let event =
        NewEvent { kind: EventKind::NoticePublished, subject: id, student: None, topics: vec![Topic::Everybody] };
    events_write::raise(cx, act, event).await?;
    Ok(id)
}

/// Those of the courses or batches that were found, and that the others were not.
fn there(problems: &mut Problems, list: &str, ids: &[i64], found: impl Iterator<Item = i64>) -> Vec<i64> {
    let found: BTreeSet<i64> = found.collect();
    for (n, _) in ids.iter().enumerate().filter(|(_, id)| !found.contains(id)) {
        problems.not_found(&format!("audience.{list}.{n}"));
    }
    found.into_iter().collect()
}

/// Edits a notice.
pub async fn edit(
    cx: &mut Cx,
    act: &Act,
    (id, version): (i64, i32),
    edit: &NoticeEdit,
    mut problems: Problems,
) -> Changed<i64> {
    use schema::notices as n;
    let before = target(cx, act, id, &mut problems).await?;
    problems.fresh(version, before.version);
    problems.stop()?;
    let after: NoticeRow = diesel::update(n::table.find(id))
        .set((edit, n::version.eq(n::version + 1)))
        .returning(NoticeRow::as_returning())
        .get_result(cx)
        .await?;
    audit::record(cx, act, vec![Change::edited(Kind::Notice, id, &before, &after)]).await?;
    Ok(id)
}

/// Takes a notice back.
pub async fn withdraw(cx: &mut Cx, act: &Act, id: i64, mut problems: Problems) -> Changed<i64> {
    use schema::notices as n;
    let before = target(cx, act, id, &mut problems).await?;
    problems.stop()?;
    let after: NoticeRow = diesel::update(n::table.find(id))
        .set((n::withdrawn_at.eq(act.now), n::version.eq(n::version + 1)))
        .returning(NoticeRow::as_returning())
        .get_result(cx)
        .await?;
    audit::record(cx, act, vec![Change::edited(Kind::Notice, id, &before, &after)]).await?;
    Ok(id)
}

/// The notice to change.
async fn target(cx: &mut Cx, act: &Act, id: i64, problems: &mut Problems) -> Changed<NoticeRow> {
    let (row, granted) = problems.found("id", notices::by_ids(cx, &act.scope, &[id]).await?)?;
    let within = courses_write::within(cx, &act.actor()).await?;
    let (audiences, courses_of) = addressed(cx, &[id]).await?;
    let may = |audience| can::may_address(audience, |batch| courses_of.get(batch), &within);
    let addressable = audiences.get(&id).is_some_and(may);
    act.heed(can::change(&act.actor(), &row, granted, addressable), "id", problems)?;
    Ok(row)
}

/// Whom notices are for, by notice, and the courses that the batches among them are for.
pub async fn addressed(cx: &mut Cx, ids: &[i64]) -> Result<(HashMap<i64, Audience>, HashMap<i64, BTreeSet<i64>>)> {
    let rows: Vec<(i64, AudienceRow)> = notice_audiences::table
        .filter(notice_audiences::notice_id.eq_any(ids))
        .select((notice_audiences::notice_id, AudienceRow::as_select()))
        .load(cx)
        .await?;
    let mut audiences: HashMap<i64, Audience> = ids.iter().map(|id| (*id, Audience::default())).collect();
    for (notice, group) in rows {
        audiences.entry(notice).or_default().extend([group]);
    }
    let batches: Vec<i64> = audiences.values().flat_map(|audience| audience.batches.iter().copied()).collect();
    Ok((audiences, batches_write::courses_of(cx, &batches).await?))
}

/// Notes that the viewer has read a notice; the first time stays.
pub async fn mark_read(cx: &mut Cx, act: &Act, id: i64, mut problems: Problems) -> Changed<i64> {
    act.target(&mut problems, "id", notices::by_ids(cx, &act.scope, &[id]).await?)?;
    problems.stop()?;
    let read = notice_reads::table.find((act.scope.account(), id));
    let read: bool = dsl::select(dsl::exists(read)).get_result(cx).await?;
    if !read {
        let row = (
            notice_reads::notice_id.eq(id),
            notice_reads::account_id.eq(act.scope.account()),
            notice_reads::read_at.eq(act.now),
        );
        diesel::insert_into(notice_reads::table).values(row).execute(cx).await?;
    }
    Ok(id)
}
