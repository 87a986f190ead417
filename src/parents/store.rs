//! Parents in the database.

use diesel::{dsl, prelude::*};
use diesel_async::RunQueryDsl;

use super::{Backend, Cx, dialect, students};
use crate::{
    auth::{Reach, Role, Scope},
    db::{
        paging::Page,
        schema::{accounts, meeting_parents, parent_students, parents},
    },
    error::Result,
    keyset, keyset_of_each,
    parents::model::{ParentFilter, ParentOrderField, ParentRow},
};

type Query<'a> = parents::BoxedQuery<'a, Backend>;

/// The parents that each role reaches.
pub fn reach(scope: &Scope) -> Reach<parents::table, Backend> {
    let reach = Reach::of(scope)
        .all(Role::Admin)
        .all(Role::Admission)
        .when(Role::Hod, |viewer| parents::id.eq_any(linked(&viewer.only(Role::Hod))))
        .when(Role::Staff, |viewer| parents::id.eq_any(linked(&viewer.only(Role::Staff))))
        .when(Role::Student, |viewer| parents::id.eq_any(linked(&viewer.only(Role::Student))))
        .when(Role::Parent, |viewer| parents::id.eq_any(linked(&viewer.only(Role::Parent))))
        .provided(parents::archived_at.is_null());
    // Who is no parent has no row of their own, and is spared the `OR` that keeps the plan from a join.
    if scope.parent() == 0 { reach } else { reach.when(Role::Own, |viewer| parents::id.eq(viewer.parent())) }
}

/// The parents of the students in scope.
#[dsl::auto_type]
fn linked(scope: &Scope) -> _ {
    let students: students::visible = students::visible(scope);
    parent_students::table.filter(parent_students::student_id.eq_any(students)).select(parent_students::parent_id)
}

fn listed<'a>(scope: &Scope, filter: &ParentFilter) -> Query<'a> {
    let mut rows = parents::table.filter(reach(scope).filter()).into_boxed();
    if let Some(name) = &filter.name {
        rows = rows.filter(dialect::contains(parents::name, name));
    }
    if filter.archived {
        rows.filter(parents::archived_at.is_not_null())
    } else {
        rows.filter(parents::archived_at.is_null())
    }
}

/// A page of the parents in scope.
pub async fn page(
    cx: &mut Cx,
    scope: &Scope,
    filter: &ParentFilter,
    order: ParentOrderField,
    page: &Page,
) -> Result<Vec<(ParentRow, i32)>> {
    let rows = listed(scope, filter);
    let rows = match order {
        ParentOrderField::Name => keyset!(rows, page, parents::name, parents::id, String),
        ParentOrderField::Entry => keyset!(rows, page, parents::id, parents::id, i64),
    };
    Ok(rows.select((ParentRow::as_select(), reach(scope).granted())).load(cx).await?)
}

/// How many parents there are in scope.
pub async fn count(cx: &mut Cx, scope: &Scope, filter: &ParentFilter) -> Result<i64> {
    Ok(listed(scope, filter).count().get_result(cx).await?)
}

/// Parents by number.
pub async fn by_ids(cx: &mut Cx, scope: &Scope, ids: &[i64]) -> Result<Vec<(ParentRow, i32)>> {
    let rows = parents::table
        .filter(parents::id.eq_any(ids))
        .filter(reach(scope).filter())
        .select((ParentRow::as_select(), reach(scope).granted()))
        .load(cx)
        .await?;
    Ok(rows)
}

/// The parents of each student, by name.
pub async fn of_students(
    cx: &mut Cx,
    scope: &Scope,
    students: &[i64],
    page: &Page,
) -> Result<Vec<(i64, ParentRow, i32)>> {
    let rows = parents::table
        .inner_join(parent_students::table)
        .filter(parent_students::student_id.eq_any(students))
        .filter(reach(scope).filter())
        .filter(parents::archived_at.is_null())
        .into_boxed();
    keyset_of_each!(
        cx,
        rows,
        page,
        parents::name,
        parents::id,
        String,
        parent_students::student_id,
        ParentRow::as_select(),
        reach(scope).granted()
    )
}

/// The parents who take part in each meeting, by name.
pub async fn of_meetings(
    cx: &mut Cx,
    scope: &Scope,
    meetings: &[i64],
    page: &Page,
) -> Result<Vec<(i64, ParentRow, i32)>> {
    let rows = parents::table
        .inner_join(meeting_parents::table)
        .filter(meeting_parents::meeting_id.eq_any(meetings))
        .filter(reach(scope).filter())
        .into_boxed();
    keyset_of_each!(
        cx,
        rows,
        page,
        parents::name,
        parents::id,
        String,
        meeting_parents::meeting_id,
        ParentRow::as_select(),
        reach(scope).granted()
    )
}

/// Parents in scope by their accounts.
pub async fn by_accounts(cx: &mut Cx, scope: &Scope, accounts: &[i64]) -> Result<Vec<(ParentRow, i32)>> {
    let rows = parents::table
        .filter(parents::account_id.eq_any(accounts))
        .filter(reach(scope).filter())
        .select((ParentRow::as_select(), reach(scope).granted()))
        .load(cx)
        .await?;
    Ok(rows)
}

/// Names of parents in scope by their accounts.
pub async fn names_of_accounts(cx: &mut Cx, scope: &Scope, accounts: &[i64]) -> Result<Vec<(i64, String)>> {
    let names = parents::table
        .filter(parents::account_id.eq_any(accounts))
        .filter(reach(scope).filter())
        .select((parents::account_id, parents::name))
        .load(cx)
        .await?;
    Ok(names)
}

/// E-mail and phone of parents in scope.
pub async fn contacts(cx: &mut Cx, scope: &Scope, ids: &[i64]) -> Result<Vec<(i64, Option<String>, Option<String>)>> {
    let contacts = parents::table
        .inner_join(accounts::table)
        .filter(parents::id.eq_any(ids))
        .filter(reach(scope).filter())
        .select((parents::id, accounts::email, accounts::phone))
        .load(cx)
        .await?;
    Ok(contacts)
}
