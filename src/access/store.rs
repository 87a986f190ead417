//! The access log in the database.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{Backend, Cx, dialect};
use crate::{
    access::model::{Access, AccessEntryRow, AccessQuery},
    auth::{Reach, Role, Scope},
    db::{
        paging::Page,
        schema::{access_entries, access_subjects},
    },
    error::Result,
    keyset,
};

type Query<'a> = access_entries::BoxedQuery<'a, Backend>;

/// The entries that each role reaches.
pub fn reach(scope: &Scope) -> Reach<access_entries::table, Backend> {
    Reach::of(scope).all(Role::Admin)
}

/// Records what a request of a person, or of an API key, read and was denied: a statement for each field, and one for all the
/// rows.
pub async fn record(
    cx: &mut Cx,
    (account, api_key): (Option<i64>, Option<i64>),
    request_id: &str,
    now: NaiveDateTime,
    accesses: &[Access],
) -> Result<()> {
    let mut subjects = Vec::new();
    for access in accesses {
        let entry: i64 = diesel::insert_into(access_entries::table)
            .values((
                access_entries::at.eq(now),
                access_entries::account_id.eq(account),
                access_entries::api_key_id.eq(api_key),
                access_entries::outcome.eq(access.outcome),
                access_entries::type_name.eq(&access.type_name),
                access_entries::field_name.eq(&access.field_name),
                access_entries::row_count.eq(access.row_count),
                access_entries::request_id.eq(request_id),
            ))
            .returning(access_entries::id)
            .get_result(cx)
            .await?;
        let subject = |number: &i64| (access_subjects::entry_id.eq(entry), access_subjects::subject_id.eq(*number));
        subjects.extend(access.subjects.iter().map(subject));
    }
    if !subjects.is_empty() {
        dialect::execute_batch(cx, diesel::insert_into(access_subjects::table).values(subjects)).await?;
    }
    Ok(())
}

fn listed<'a>(scope: &Scope, query: &AccessQuery) -> Query<'a> {
    let mut rows = access_entries::table.filter(reach(scope).filter()).into_boxed();
    if let Some(outcome) = query.outcome {
        rows = rows.filter(access_entries::outcome.eq(outcome));
    }
    if let Some(actor) = query.actor {
        rows = rows.filter(access_entries::account_id.eq(actor));
    }
    if let Some((type_name, number)) = query.subject.clone() {
        let of =
            access_subjects::table.filter(access_subjects::subject_id.eq(number)).select(access_subjects::entry_id);
        rows = rows.filter(access_entries::type_name.eq(type_name)).filter(access_entries::id.eq_any(of));
    }
    if let Some((type_name, field_name)) = query.coordinate.clone() {
        rows = rows.filter(access_entries::type_name.eq(type_name)).filter(access_entries::field_name.eq(field_name));
    }
    if let Some(from) = query.from {
        rows = rows.filter(access_entries::at.ge(from));
    }
    if let Some(to) = query.to {
        rows = rows.filter(access_entries::at.lt(to));
    }
    rows
}

/// A page of the entries in scope, in the order in which they were written.
pub async fn page(cx: &mut Cx, scope: &Scope, query: &AccessQuery, page: &Page) -> Result<Vec<(AccessEntryRow, i32)>> {
    let rows = keyset!(listed(scope, query), page, access_entries::id, access_entries::id, i64);
    Ok(rows.select((AccessEntryRow::as_select(), reach(scope).granted())).load(cx).await?)
}

/// How many entries there are in scope.
pub async fn count(cx: &mut Cx, scope: &Scope, query: &AccessQuery) -> Result<i64> {
    Ok(listed(scope, query).count().get_result(cx).await?)
}

/// Entries by number.
pub async fn by_ids(cx: &mut Cx, scope: &Scope, ids: &[i64]) -> Result<Vec<(AccessEntryRow, i32)>> {
    let rows = access_entries::table
        .filter(access_entries::id.eq_any(ids))
        .filter(reach(scope).filter())
        .select((AccessEntryRow::as_select(), reach(scope).granted()))
        .load(cx)
        .await?;
    Ok(rows)
}

/// The rows that were read, of each of these entries.
pub async fn subjects(cx: &mut Cx, scope: &Scope, entries: &[i64]) -> Result<Vec<(i64, i64)>> {
    let rows = access_subjects::table
        .inner_join(access_entries::table)
        .filter(access_entries::id.eq_any(entries))
        .filter(reach(scope).filter())
        .order((access_subjects::entry_id, access_subjects::subject_id))
        .select((access_subjects::entry_id, access_subjects::subject_id))
        .load(cx)
        .await?;
    Ok(rows)
}
