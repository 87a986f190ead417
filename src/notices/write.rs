//! What changes notices: the rules and the SQL, compiled for both databases.

use std::collections::{BTreeMap, BTreeSet};

use diesel::{dsl, prelude::*};
use diesel_async::RunQueryDsl;
use serde_json::json;

use super::{Cx, audit, batches, courses, courses_write, dialect, notices};
use crate::{
    audit::model::Change,
    auth::Role,
    change::{Act, Changed, Problems},
    db::schema::{self, batch_courses, notice_audiences, notice_reads},
    error::Result,
    graphql::UserErrorCode::{Required, WrongStatus},
    ids::Kind,
    notices::model::{Audience, AudienceRow, NewNotice, NoticeEdit, NoticeRow},
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
    if !may_address(cx, act, &Audience { courses, batches, ..audience.clone() }).await? {
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

/// Whether the viewer may publish to an audience: ADMIN to any, an HOD to courses that they head and to batches that are
/// for such courses, and for no others.
async fn may_address(cx: &mut Cx, act: &Act, audience: &Audience) -> Result<bool> {
    if act.scope.roles().has(Role::Admin) {
        return Ok(true);
    }
    if !act.scope.roles().has(Role::Hod) || audience.everybody || !audience.roles.is_empty() {
        return Ok(false);
    }
    let headed = courses_write::headed(cx, act).await?;
    let of_batches: Vec<(i64, i64)> = batch_courses::table
        .filter(batch_courses::batch_id.eq_any(&audience.batches))
        .select((batch_courses::batch_id, batch_courses::course_id))
        .load(cx)
        .await?;
    let mut courses: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for (batch, course) in of_batches {
        courses.entry(batch).or_default().push(course);
    }
    let all_headed = |courses: &Vec<i64>| courses.iter().all(|course| headed.contains(course));
    let batches = audience.batches.iter().all(|batch| courses.get(batch).is_some_and(all_headed));
    Ok(batches && all_headed(&audience.courses))
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

/// The notice to change: any for an ADMIN; for others one that they published, and to whose audience they still might. To
/// have published it is enough to reach it, so this asks for more than the roles by which it was reached.
async fn target(cx: &mut Cx, act: &Act, id: i64, problems: &mut Problems) -> Changed<NoticeRow> {
    let (row, granted) = problems.found("id", notices::by_ids(cx, &act.scope, &[id]).await?)?;
    if !granted.has(Role::Admin) {
        let groups: Vec<AudienceRow> = notice_audiences::table
            .filter(notice_audiences::notice_id.eq(id))
            .select(AudienceRow::as_select())
            .load(cx)
            .await?;
        let own = row.published_by == Some(act.scope.staff());
        if !own || !may_address(cx, act, &groups.into_iter().collect()).await? {
            return Err(act.forbidden().into());
        }
    }
    problems.require(row.withdrawn_at.is_none(), "id", WrongStatus, "it was withdrawn");
    Ok(row)
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
