//! What changes batches: the rules and the SQL, compiled for both databases.

use std::collections::{BTreeSet, HashMap};

use diesel::{dsl, prelude::*};
use diesel_async::RunQueryDsl;
use serde_json::json;

use super::{Cx, audit, batches, courses, courses_write, dialect};
use crate::{
    audit::model::Change,
    batches::{
        can,
        model::{BatchEdit, BatchRow, NewBatch},
    },
    change::{Act, Changed, Problems},
    db::schema::{self, batch_courses},
    error::Result,
    graphql::UserErrorCode::Taken,
    ids::Kind,
};

/// Adds a batch with the courses it is for.
pub async fn create(
    cx: &mut Cx,
    act: &Act,
    batch: &NewBatch,
    courses: &BTreeSet<i64>,
    mut problems: Problems,
) -> Changed<i64> {
    use schema::batches;
    name_is_free(cx, &batch.name, 0, &mut problems).await?;
    courses_are_there(cx, act, courses, &mut problems).await?;
    problems.stop()?;
    let row: BatchRow =
        diesel::insert_into(batches::table).values(batch).returning(BatchRow::as_returning()).get_result(cx).await?;
    join(cx, row.id, courses).await?;
    audit::record(cx, act, vec![Change::made(Kind::Batch, row.id, json!({"batch": row, "courses": courses}))]).await?;
    Ok(row.id)
}

/// Edits a batch, and the courses it is for where they are given.
pub async fn edit(
    cx: &mut Cx,
    act: &Act,
    (id, version): (i64, i32),
    edit: &BatchEdit,
    courses: Option<&BTreeSet<i64>>,
    mut problems: Problems,
) -> Changed<i64> {
    use schema::batches::{self as b};
    let within = courses_write::within(cx, &act.actor()).await?;
    let joined = courses_of(cx, &[id]).await?.remove(&id);
    let found = batches::by_ids(cx, &act.scope, &[id]).await?;
    let before = act.target_by(&mut problems, "id", found, |_, _, by| can::change(by, joined.as_ref(), &within))?;
    // An HOD does not take it out of their hands either.
    if courses.is_some_and(|courses| !within.has_all(courses)) {
        return Err(act.forbidden().into());
    }
    problems.fresh(version, before.version);
    if let Some(name) = &edit.name {
        name_is_free(cx, name, id, &mut problems).await?;
    }
    if let Some(courses) = courses {
        courses_are_there(cx, act, courses, &mut problems).await?;
    }
    problems.stop()?;
    let after: BatchRow = diesel::update(b::table.find(id))
        .set((edit, b::version.eq(b::version + 1)))
        .returning(BatchRow::as_returning())
        .get_result(cx)
        .await?;
    if let Some(courses) = courses {
        diesel::delete(batch_courses::table.filter(batch_courses::batch_id.eq(id))).execute(cx).await?;
        join(cx, id, courses).await?;
    }
    let joined = joined.unwrap_or_default();
    let (before, after) =
        (json!({"batch": before, "courses": joined}), json!({"batch": after, "courses": courses.unwrap_or(&joined)}));
    audit::record(cx, act, vec![Change::edited(Kind::Batch, id, before, after)]).await?;
    Ok(id)
}

/// The courses that batches are for, by batch; nothing of one that is for none.
pub async fn courses_of(cx: &mut Cx, batches: &[i64]) -> Result<HashMap<i64, BTreeSet<i64>>> {
    let rows: Vec<(i64, i64)> = batch_courses::table
        .filter(batch_courses::batch_id.eq_any(batches))
        .select((batch_courses::batch_id, batch_courses::course_id))
        .load(cx)
        .await?;
    let mut courses: HashMap<i64, BTreeSet<i64>> = HashMap::new();
    for (batch, course) in rows {
        courses.entry(batch).or_default().insert(course);
    }
    Ok(courses)
}

async fn join(cx: &mut Cx, batch: i64, courses: &BTreeSet<i64>) -> Result<()> {
    let row = |course: &i64| (batch_courses::batch_id.eq(batch), batch_courses::course_id.eq(*course));
    let rows: Vec<_> = courses.iter().map(row).collect();
    dialect::execute_batch(cx, diesel::insert_into(batch_courses::table).values(rows)).await?;
    Ok(())
}

async fn courses_are_there(cx: &mut Cx, act: &Act, ids: &BTreeSet<i64>, problems: &mut Problems) -> Result<()> {
    let wanted: Vec<i64> = ids.iter().copied().collect();
    if courses::by_ids(cx, &act.scope, &wanted).await?.len() < wanted.len() {
        problems.not_found("courseIds");
    }
    Ok(())
}

async fn name_is_free(cx: &mut Cx, name: &str, own: i64, problems: &mut Problems) -> Result<()> {
    use schema::batches;
    let others = batches::table.filter(batches::name.eq(name)).filter(batches::id.ne(own));
    let taken: bool = dsl::select(dsl::exists(others)).get_result(cx).await?;
    problems.require(!taken, "name", Taken, "another batch has this name");
    Ok(())
}
