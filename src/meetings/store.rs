//! Meetings in the database.

use chrono::NaiveDateTime;
use diesel::{dsl, prelude::*};
use diesel_async::RunQueryDsl;

use super::{Backend, Cx, staff, students};
use crate::{
    auth::{Reach, Role, Scope},
    db::{
        paging::Page,
        schema::{meeting_parents, meeting_students, meetings},
    },
    error::Result,
    keyset, keyset_of_each,
    meetings::model::{MeetingOrderField, MeetingQuery, MeetingRow},
};

type Query<'a> = meetings::BoxedQuery<'a, Backend>;

/// The meetings that each role reaches.
pub fn reach(scope: &Scope) -> Reach<meetings::table, Backend> {
    Reach::of(scope)
        .all(Role::Admin)
        .when(Role::Hod, |viewer| {
            meetings::staff_id.eq_any(staff::headed(viewer)).or(meetings::staff_id.eq(viewer.staff()))
        })
        .when(Role::Staff, |viewer| meetings::staff_id.eq(viewer.staff()))
        .when(Role::Student, |viewer| meetings::id.eq_any(about(&viewer.only(Role::Student))))
        .when(Role::Parent, |viewer| {
            let taken_part = meeting_parents::table
                .filter(meeting_parents::parent_id.eq(viewer.parent()))
                .select(meeting_parents::meeting_id);
            let about_somebody =
                dsl::exists(meeting_students::table.filter(meeting_students::meeting_id.eq(meetings::id)));
            let own = meetings::id.eq_any(taken_part).and(dsl::not(about_somebody));
            meetings::id.eq_any(about(&viewer.only(Role::Parent))).or(own)
        })
}

/// The meetings about students in scope.
#[dsl::auto_type]
fn about(scope: &Scope) -> _ {
    let students: students::visible = students::visible(scope);
    meeting_students::table.filter(meeting_students::student_id.eq_any(students)).select(meeting_students::meeting_id)
}

fn listed<'a>(scope: &Scope, query: &MeetingQuery) -> Query<'a> {
    let mut rows = meetings::table.filter(reach(scope).filter()).into_boxed();
    if let Some(status) = query.status {
        rows = rows.filter(meetings::status.eq(status));
    }
    if let Some(from) = query.from {
        rows = rows.filter(meetings::starts_at.ge(from));
    }
    if let Some(to) = query.to {
        rows = rows.filter(meetings::starts_at.lt(to));
    }
    if let Some(staff) = query.staff {
        rows = rows.filter(meetings::staff_id.eq(staff));
    }
    rows
}

/// A page of the meetings in scope.
pub async fn page(
    cx: &mut Cx,
    scope: &Scope,
    query: &MeetingQuery,
    order: MeetingOrderField,
    page: &Page,
) -> Result<Vec<(MeetingRow, i32)>> {
    let rows = listed(scope, query);
    let rows = match order {
        MeetingOrderField::StartsAt => keyset!(rows, page, meetings::starts_at, meetings::id, NaiveDateTime),
    };
    Ok(rows.select((MeetingRow::as_select(), reach(scope).granted())).load(cx).await?)
}

/// How many meetings there are in scope.
pub async fn count(cx: &mut Cx, scope: &Scope, query: &MeetingQuery) -> Result<i64> {
    Ok(listed(scope, query).count().get_result(cx).await?)
}

/// Meetings by number.
pub async fn by_ids(cx: &mut Cx, scope: &Scope, ids: &[i64]) -> Result<Vec<(MeetingRow, i32)>> {
    let rows = meetings::table
        .filter(meetings::id.eq_any(ids))
        .filter(reach(scope).filter())
        .select((MeetingRow::as_select(), reach(scope).granted()))
        .load(cx)
        .await?;
    Ok(rows)
}

/// A page of the meetings about each student, by when they begin.
pub async fn of_students(
    cx: &mut Cx,
    scope: &Scope,
    students: &[i64],
    page: &Page,
) -> Result<Vec<(i64, MeetingRow, i32)>> {
    let rows = meetings::table
        .inner_join(meeting_students::table)
        .filter(meeting_students::student_id.eq_any(students))
        .filter(reach(scope).filter())
        .into_boxed();
    keyset_of_each!(
        cx,
        rows,
        page,
        meetings::starts_at,
        meetings::id,
        NaiveDateTime,
        meeting_students::student_id,
        MeetingRow::as_select(),
        reach(scope).granted()
    )
}

/// How many meetings about each student there are in scope.
pub async fn count_of_students(cx: &mut Cx, scope: &Scope, students: &[i64]) -> Result<Vec<(i64, i64)>> {
    let counts = meetings::table
        .inner_join(meeting_students::table)
        .filter(meeting_students::student_id.eq_any(students))
        .filter(reach(scope).filter())
        .group_by(meeting_students::student_id)
        .select((meeting_students::student_id, dsl::count_star()))
        .load(cx)
        .await?;
    Ok(counts)
}

/// A page of the meetings that each parent takes part in, by when they begin.
pub async fn of_parents(
    cx: &mut Cx,
    scope: &Scope,
    parents: &[i64],
    page: &Page,
) -> Result<Vec<(i64, MeetingRow, i32)>> {
    let rows = meetings::table
        .inner_join(meeting_parents::table.on(meeting_parents::meeting_id.eq(meetings::id)))
        .filter(meeting_parents::parent_id.eq_any(parents))
        .filter(reach(scope).filter())
        .into_boxed();
    keyset_of_each!(
        cx,
        rows,
        page,
        meetings::starts_at,
        meetings::id,
        NaiveDateTime,
        meeting_parents::parent_id,
        MeetingRow::as_select(),
        reach(scope).granted()
    )
}

/// How many meetings that each parent takes part in there are in scope.
pub async fn count_of_parents(cx: &mut Cx, scope: &Scope, parents: &[i64]) -> Result<Vec<(i64, i64)>> {
    let counts = meetings::table
        .inner_join(meeting_parents::table.on(meeting_parents::meeting_id.eq(meetings::id)))
        .filter(meeting_parents::parent_id.eq_any(parents))
        .filter(reach(scope).filter())
        .group_by(meeting_parents::parent_id)
        .select((meeting_parents::parent_id, dsl::count_star()))
        .load(cx)
        .await?;
    Ok(counts)
}

/// A page of the meetings that each staff member holds, by when they begin.
pub async fn of_staff(cx: &mut Cx, scope: &Scope, staff: &[i64], page: &Page) -> Result<Vec<(i64, MeetingRow, i32)>> {
    let rows = meetings::table.filter(meetings::staff_id.eq_any(staff)).filter(reach(scope).filter()).into_boxed();
    keyset_of_each!(
        cx,
        rows,
        page,
        meetings::starts_at,
        meetings::id,
        NaiveDateTime,
        meetings::staff_id,
        MeetingRow::as_select(),
        reach(scope).granted()
    )
}

/// How many meetings that each staff member holds there are in scope.
pub async fn count_of_staff(cx: &mut Cx, scope: &Scope, staff: &[i64]) -> Result<Vec<(i64, i64)>> {
    let counts = meetings::table
        .filter(meetings::staff_id.eq_any(staff))
        .filter(reach(scope).filter())
        .group_by(meetings::staff_id)
        .select((meetings::staff_id, dsl::count_star()))
        .load(cx)
        .await?;
    Ok(counts)
}
