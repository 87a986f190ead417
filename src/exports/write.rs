//! What changes exports: the rules and the SQL, compiled for both databases.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde_json::json;

use super::{Cx, audit, courses, courses_write, events_write, jobs};
use crate::{
    audit::model::Change,
    change::{Act, Changed, Problems},
    db::schema::exports as x,
    error::Result,
    events::model::{EventKind, NewEvent, Topic},
    exports::model::{ExportRow, ExportState, MAX_DAYS, MAX_PENDING, NewExport},
    graphql::UserErrorCode::OutOfRange,
    ids::Kind,
    jobs::model::{JobKind, Lane, NewJob, Priority},
};

/// Asks for an export, which a job makes.
pub async fn ask(cx: &mut Cx, act: &Act, new: &NewExport, mut problems: Problems) -> Changed<i64> {
    let found = courses::by_ids(cx, &act.scope, &[new.course]).await?;
    let (course, _) = problems.found("courseId", found)?;
    courses_write::may_in(cx, act, course.id).await?;
    let days = (new.last_day - new.first_day).num_days() + 1;
    problems.require(days >= 1, "lastDay", OutOfRange, "the last day must not be before the first");
    problems.require(days <= MAX_DAYS, "lastDay", OutOfRange, "an export is of 366 days at most");
    let pending = x::table.filter(x::account_id.eq(act.scope.account())).filter(x::state.eq(ExportState::Pending));
    let pending: i64 = pending.count().get_result(cx).await?;
    problems.require(pending < MAX_PENDING, "", OutOfRange, "five exports of yours are being made: wait for one");
    problems.stop()?;
    let row: ExportRow = diesel::insert_into(x::table)
        .values((
            x::account_id.eq(act.scope.account()),
            x::course_id.eq(new.course),
            x::first_day.eq(new.first_day),
            x::last_day.eq(new.last_day),
            x::created_at.eq(act.now),
        ))
        .returning(ExportRow::as_returning())
        .get_result(cx)
        .await?;
    let job = NewJob {
        key: format!("export:{}", row.id),
        kind: JobKind::Export,
        lane: Lane::Upkeep,
        priority: Priority::Low,
        payload: json!({"export": row.id}),
        batch: None,
        due_at: act.now,
    };
    jobs::enqueue(cx, act.now, vec![job]).await?;
    act.raised.note();
    audit::record(cx, act, vec![Change::made(Kind::Export, row.id, &row)]).await?;
    Ok(row.id)
}

/// Keeps what was made of an export, and tells who asked for it; without a content it was not made. False where it was before;
/// one that was not may be, when an administrator has it tried again.
pub async fn finish(cx: &mut Cx, act: &Act, (id, account): (i64, i64), content: Option<&str>) -> Result<bool> {
    let state = if content.is_some() { ExportState::Ready } else { ExportState::Failed };
    let from =
        if content.is_some() { vec![ExportState::Pending, ExportState::Failed] } else { vec![ExportState::Pending] };
    let done = diesel::update(x::table.find(id).filter(x::state.eq_any(from)))
        .set((x::state.eq(state), x::content.eq(content), x::finished_at.eq(act.now)))
        .execute(cx)
        .await?;
    if done == 1 && content.is_some() {
        let topics = vec![Topic::Account(account)];
        events_write::raise(cx, act, NewEvent { kind: EventKind::ExportReady, subject: id, student: None, topics })
            .await?;
    }
    Ok(done == 1)
}
