//! Students in the database.

use diesel::{dsl, prelude::*};
use diesel_async::RunQueryDsl;

use super::{Backend, Cx, courses, dialect};
use crate::{
    auth::{Reach, Role, Scope},
    db::{
        paging::Page,
        schema::{accounts, batch_students, meeting_students, parent_students, routines, students},
    },
    error::Result,
    keyset, keyset_of_each,
    students::model::{StudentOrderField, StudentQuery, StudentRow, StudentStatus},
};

type Query<'a> = students::BoxedQuery<'a, Backend>;

/// The students that each role reaches.
pub fn reach(scope: &Scope) -> Reach<students::table, Backend> {
    Reach::of(scope)
        .all(Role::Admin)
        .all(Role::Admission)
        .when(Role::Hod, |viewer| students::course_id.assume_not_null().eq_any(courses::headed(viewer)))
        .when(Role::Staff, |viewer| {
            dsl::exists(
                routines::table
                    .filter(routines::teacher_id.eq(viewer.staff()))
                    .filter(routines::active)
                    .filter(routines::course_id.nullable().eq(students::course_id))
                    .filter(routines::period.nullable().eq(students::current_period)),
            )
        })
        .when(Role::Student, |viewer| students::id.eq(viewer.student()))
        .when(Role::Parent, |viewer| {
            students::id.eq_any(
                parent_students::table
                    .filter(parent_students::parent_id.eq(viewer.parent()))
                    .select(parent_students::student_id),
            )
        })
        .provided(students::archived_at.is_null())
}

/// The numbers of the students in scope: for the scopes of what belongs to a student.
#[dsl::auto_type]
pub fn visible(scope: &Scope) -> _ {
    let reached: crate::auth::Reached<Backend> = reach(scope).filter();
    students::table.filter(reached).select(students::id)
}

/// The numbers of the students who are not archived: for the scopes of those who come to a row by something else.
#[dsl::auto_type]
pub fn present() -> _ {
    students::table.filter(students::archived_at.is_null()).select(students::id)
}

fn listed<'a>(scope: &Scope, query: &StudentQuery) -> Query<'a> {
    let mut rows = students::table.filter(reach(scope).filter()).into_boxed();
    if let Some(name) = &query.name {
        rows = rows.filter(dialect::contains(students::name, name));
    }
    if let Some(status) = query.status {
        rows = rows.filter(students::status.eq(status));
    }
    if let Some(course) = query.course {
        rows = rows.filter(students::course_id.eq(course));
    }
    if let Some(period) = query.period {
        rows = rows.filter(students::current_period.eq(period));
    }
    if let Some(batch) = query.batch {
        let members =
            batch_students::table.filter(batch_students::batch_id.eq(batch)).select(batch_students::student_id);
        rows = rows.filter(students::id.eq_any(members));
    }
    if query.archived {
        rows.filter(students::archived_at.is_not_null())
    } else {
        rows.filter(students::archived_at.is_null())
    }
}

/// A page of the students in scope.
pub async fn page(
    cx: &mut Cx,
    scope: &Scope,
    query: &StudentQuery,
    order: StudentOrderField,
    page: &Page,
) -> Result<Vec<(StudentRow, i32)>> {
    let rows = listed(scope, query);
    let rows = match order {
        StudentOrderField::Name => keyset!(rows, page, students::name, students::id, String),
        StudentOrderField::Admission => keyset!(rows, page, students::id, students::id, i64),
    };
    Ok(rows.select((StudentRow::as_select(), reach(scope).granted())).load(cx).await?)
}

/// How many students there are in scope.
pub async fn count(cx: &mut Cx, scope: &Scope, query: &StudentQuery) -> Result<i64> {
    Ok(listed(scope, query).count().get_result(cx).await?)
}

/// Students by number.
pub async fn by_ids(cx: &mut Cx, scope: &Scope, ids: &[i64]) -> Result<Vec<(StudentRow, i32)>> {
    let rows = students::table
        .filter(students::id.eq_any(ids))
        .filter(reach(scope).filter())
        .select((StudentRow::as_select(), reach(scope).granted()))
        .load(cx)
        .await?;
    Ok(rows)
}

/// A page of the students of each parent, by name.
pub async fn of_parents(
    cx: &mut Cx,
    scope: &Scope,
    parents: &[i64],
    page: &Page,
) -> Result<Vec<(i64, StudentRow, i32)>> {
    let rows = students::table
        .inner_join(parent_students::table)
        .filter(parent_students::parent_id.eq_any(parents))
        .filter(reach(scope).filter())
        .filter(students::archived_at.is_null())
        .into_boxed();
    keyset_of_each!(
        cx,
        rows,
        page,
        students::name,
        students::id,
        String,
        parent_students::parent_id,
        StudentRow::as_select(),
        reach(scope).granted()
    )
}

/// How many students each parent has in scope.
pub async fn count_of_parents(cx: &mut Cx, scope: &Scope, parents: &[i64]) -> Result<Vec<(i64, i64)>> {
    let counts = students::table
        .inner_join(parent_students::table)
        .filter(parent_students::parent_id.eq_any(parents))
        .filter(reach(scope).filter())
        .filter(students::archived_at.is_null())
        .group_by(parent_students::parent_id)
        .select((parent_students::parent_id, dsl::count_star()))
        .load(cx)
        .await?;
    Ok(counts)
}

/// A page of the students of each batch, by name.
pub async fn of_batches(
    cx: &mut Cx,
    scope: &Scope,
    batches: &[i64],
    page: &Page,
) -> Result<Vec<(i64, StudentRow, i32)>> {
    let rows = students::table
        .inner_join(batch_students::table)
        .filter(batch_students::batch_id.eq_any(batches))
        .filter(reach(scope).filter())
        .filter(students::archived_at.is_null())
        .into_boxed();
    keyset_of_each!(
        cx,
        rows,
        page,
        students::name,
        students::id,
        String,
        batch_students::batch_id,
        StudentRow::as_select(),
        reach(scope).granted()
    )
}

/// How many students each batch has in scope.
pub async fn count_of_batches(cx: &mut Cx, scope: &Scope, batches: &[i64]) -> Result<Vec<(i64, i64)>> {
    let counts = students::table
        .inner_join(batch_students::table)
        .filter(batch_students::batch_id.eq_any(batches))
        .filter(reach(scope).filter())
        .filter(students::archived_at.is_null())
        .group_by(batch_students::batch_id)
        .select((batch_students::batch_id, dsl::count_star()))
        .load(cx)
        .await?;
    Ok(counts)
}

/// A page of the students of each course, by name.
pub async fn of_courses(
    cx: &mut Cx,
    scope: &Scope,
    courses: &[i64],
    page: &Page,
) -> Result<Vec<(i64, StudentRow, i32)>> {
    let rows = students::table
        .filter(students::course_id.eq_any(courses))
        .filter(reach(scope).filter())
        .filter(students::archived_at.is_null())
        .into_boxed();
    keyset_of_each!(
        cx,
        rows,
        page,
        students::name,
        students::id,
        String,
        students::course_id.assume_not_null(),
        StudentRow::as_select(),
        reach(scope).granted()
    )
}

/// How many students each course has in scope.
pub async fn count_of_courses(cx: &mut Cx, scope: &Scope, courses: &[i64]) -> Result<Vec<(i64, i64)>> {
    let counts = students::table
        .filter(students::course_id.eq_any(courses))
        .filter(reach(scope).filter())
        .filter(students::archived_at.is_null())
        .group_by(students::course_id)
        .select((students::course_id.assume_not_null(), dsl::count_star()))
        .load(cx)
        .await?;
    Ok(counts)
}

/// The students that each meeting is about, by name.
pub async fn of_meetings(
    cx: &mut Cx,
    scope: &Scope,
    meetings: &[i64],
    page: &Page,
) -> Result<Vec<(i64, StudentRow, i32)>> {
    let rows = students::table
        .inner_join(meeting_students::table)
        .filter(meeting_students::meeting_id.eq_any(meetings))
        .filter(reach(scope).filter())
        .into_boxed();
    keyset_of_each!(
        cx,
        rows,
        page,
        students::name,
        students::id,
        String,
        meeting_students::meeting_id,
        StudentRow::as_select(),
        reach(scope).granted()
    )
}

/// The students in scope who attend a class: those in this period of the course, active and not archived. By name.
pub async fn of_class(cx: &mut Cx, scope: &Scope, (course, period): (i64, i32)) -> Result<Vec<(StudentRow, i32)>> {
    let rows = students::table
        .filter(students::course_id.eq(course))
        .filter(students::current_period.eq(period))
        .filter(students::status.eq(StudentStatus::Active))
        .filter(students::archived_at.is_null())
        .filter(reach(scope).filter())
        .order((students::name, students::id))
        .select((StudentRow::as_select(), reach(scope).granted()))
        .load(cx)
        .await?;
    Ok(rows)
}

/// Names of students in scope by their accounts.
pub async fn names_of_accounts(cx: &mut Cx, scope: &Scope, accounts: &[i64]) -> Result<Vec<(i64, String)>> {
    let names = students::table
        .filter(students::account_id.eq_any(accounts))
        .filter(reach(scope).filter())
        .select((students::account_id, students::name))
        .load(cx)
        .await?;
    Ok(names)
}

/// E-mail and phone of students in scope.
pub async fn contacts(cx: &mut Cx, scope: &Scope, ids: &[i64]) -> Result<Vec<(i64, Option<String>, Option<String>)>> {
    let contacts = students::table
        .inner_join(accounts::table)
        .filter(students::id.eq_any(ids))
        .filter(reach(scope).filter())
        .select((students::id, accounts::email, accounts::phone))
        .load(cx)
        .await?;
    Ok(contacts)
}
