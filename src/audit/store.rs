//! The audit log in the database.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{Backend, Cx, dialect};
use crate::{
    audit::model::{AuditEntryRow, AuditQuery, Change},
    auth::{Reach, Role, Scope},
    change::Act,
    db::{paging::Page, schema::audit_entries},
    error::Result,
    keyset,
};

type Query<'a> = audit_entries::BoxedQuery<'a, Backend>;

/// The entries that each role reaches.
pub fn reach(scope: &Scope) -> Reach<audit_entries::table, Backend> {
    Reach::of(scope)
        .all(Role::Admin)
        .when(Role::Own, |viewer| audit_entries::account_id.assume_not_null().eq(viewer.account()))
}

/// Records what a mutation did, in its own transaction: one statement, however many rows it did it to.
pub async fn record(cx: &mut Cx, act: &Act, changes: Vec<Change>) -> Result<()> {
    record_of(cx, act, act.scope.account(), changes).await
}

/// The same where an account's owner proved by the mutation that it is they who act.
pub async fn record_of(cx: &mut Cx, act: &Act, account: i64, changes: Vec<Change>) -> Result<()> {
    if changes.is_empty() {
        return Ok(());
    }
    // The operator has none.
    let account = Some(account).filter(|account| *account != 0);
    let row = |change: Change| {
        (
            audit_entries::at.eq(act.now),
            audit_entries::account_id.eq(account),
            audit_entries::action.eq(act.mutation.clone()),
            audit_entries::subject_type.eq(change.kind.name()),
            audit_entries::subject_id.eq(change.number),
            audit_entries::before.eq(change.before.map(|value| value.to_string())),
            audit_entries::after.eq(change.after.map(|value| value.to_string())),
            audit_entries::request_id.eq(act.request_id.clone()),
        )
    };
    let rows: Vec<_> = changes.into_iter().map(row).collect();
    dialect::execute_batch(cx, diesel::insert_into(audit_entries::table).values(rows)).await?;
    Ok(())
}

fn listed<'a>(scope: &Scope, query: &AuditQuery) -> Query<'a> {
    let mut rows = audit_entries::table.filter(reach(scope).filter()).into_boxed();
    if let Some((kind, number)) = query.subject.clone() {
        rows = rows.filter(audit_entries::subject_type.eq(kind)).filter(audit_entries::subject_id.eq(number));
    }
    if let Some(actor) = query.actor {
        rows = rows.filter(audit_entries::account_id.eq(actor));
    }
    if let Some(action) = query.action.clone() {
        rows = rows.filter(audit_entries::action.eq(action));
    }
    if let Some(from) = query.from {
        rows = rows.filter(audit_entries::at.ge(from));
    }
    if let Some(to) = query.to {
        rows = rows.filter(audit_entries::at.lt(to));
    }
    rows
}

/// A page of the entries in scope, in the order in which they were written.
pub async fn page(cx: &mut Cx, scope: &Scope, query: &AuditQuery, page: &Page) -> Result<Vec<(AuditEntryRow, i32)>> {
    let rows = keyset!(listed(scope, query), page, audit_entries::id, audit_entries::id, i64);
    Ok(rows.select((AuditEntryRow::as_select(), reach(scope).granted())).load(cx).await?)
}

/// How many entries there are in scope.
pub async fn count(cx: &mut Cx, scope: &Scope, query: &AuditQuery) -> Result<i64> {
    Ok(listed(scope, query).count().get_result(cx).await?)
}

/// Entries by number.
pub async fn by_ids(cx: &mut Cx, scope: &Scope, ids: &[i64]) -> Result<Vec<(AuditEntryRow, i32)>> {
    let rows = audit_entries::table
        .filter(audit_entries::id.eq_any(ids))
        .filter(reach(scope).filter())
        .select((AuditEntryRow::as_select(), reach(scope).granted()))
        .load(cx)
        .await?;
    Ok(rows)
}
