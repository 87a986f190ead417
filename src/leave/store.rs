//! Leave requests in the database.

use chrono::NaiveDate;
use diesel::{dsl, prelude::*};
use diesel_async::RunQueryDsl;

use super::{Backend, Cx, staff as staff_store, students};
use crate::{
    auth::{Reach, Role, Scope},
    db::{paging::Page, schema::leave_requests},
    error::Result,
    keyset, keyset_of_each,
    leave::model::{LeaveRequestOrderField, LeaveRequestQuery, LeaveRequestRow, LeaveStatus, Person},
};

type Query<'a> = leave_requests::BoxedQuery<'a, Backend>;

/// The leave requests that each role reaches. `Own` is of staff: a student's own are reached as a student.
pub fn reach(scope: &Scope) -> Reach<leave_requests::table, Backend> {
    let student = || leave_requests::student_id.assume_not_null();
    let staff = || leave_requests::staff_id.assume_not_null();
    let reach = Reach::of(scope)
        .all(Role::Admin)
        .when(Role::Hod, |viewer| {
            let students = students::visible(&viewer.only(Role::Hod));
            student().eq_any(students).or(staff().eq_any(staff_store::headed(viewer)))
        })
        .when(Role::Admission, |viewer| student().eq_any(students::visible(&viewer.only(Role::Admission))))
        .when(Role::Staff, |viewer| {
            let students = students::visible(&viewer.only(Role::Staff));
            leave_requests::status.eq(LeaveStatus::Approved).and(student().eq_any(students))
        })
        .when(Role::Student, |viewer| student().eq(viewer.student()))
        .when(Role::Parent, |viewer| student().eq_any(students::visible(&viewer.only(Role::Parent))));
    // Who is no staff has no request as staff.
    if scope.staff() == 0 { reach } else { reach.when(Role::Own, |viewer| staff().eq(viewer.staff())) }
}

fn listed<'a>(scope: &Scope, query: &LeaveRequestQuery) -> Query<'a> {
    let mut rows = leave_requests::table.filter(reach(scope).filter()).into_boxed();
    if let Some(status) = query.status {
        rows = rows.filter(leave_requests::status.eq(status));
    }
    if let Some(student) = query.student {
        rows = rows.filter(leave_requests::student_id.eq(student));
    }
    if let Some(staff) = query.staff {
        rows = rows.filter(leave_requests::staff_id.eq(staff));
    }
    if let Some(from) = query.from {
        rows = rows.filter(leave_requests::last_day.ge(from));
    }
    if let Some(to) = query.to {
        rows = rows.filter(leave_requests::first_day.le(to));
    }
    rows
}

/// A page of the leave requests in scope.
pub async fn page(
    cx: &mut Cx,
    scope: &Scope,
    query: &LeaveRequestQuery,
    order: LeaveRequestOrderField,
    page: &Page,
) -> Result<Vec<(LeaveRequestRow, i32)>> {
    let rows = listed(scope, query);
    let rows = match order {
        LeaveRequestOrderField::FirstDay => {
            keyset!(rows, page, leave_requests::first_day, leave_requests::id, NaiveDate)
        }
    };
    Ok(rows.select((LeaveRequestRow::as_select(), reach(scope).granted())).load(cx).await?)
}

/// How many leave requests there are in scope.
pub async fn count(cx: &mut Cx, scope: &Scope, query: &LeaveRequestQuery) -> Result<i64> {
    Ok(listed(scope, query).count().get_result(cx).await?)
}

/// Leave requests by number.
pub async fn by_ids(cx: &mut Cx, scope: &Scope, ids: &[i64]) -> Result<Vec<(LeaveRequestRow, i32)>> {
    let rows = leave_requests::table
        .filter(leave_requests::id.eq_any(ids))
        .filter(reach(scope).filter())
        .select((LeaveRequestRow::as_select(), reach(scope).granted()))
        .load(cx)
        .await?;
    Ok(rows)
}

/// A page of the leave requests of each student, by first day.
pub async fn of_students(
    cx: &mut Cx,
    scope: &Scope,
    students: &[i64],
    page: &Page,
) -> Result<Vec<(i64, LeaveRequestRow, i32)>> {
    let rows = leave_requests::table
        .filter(leave_requests::student_id.eq_any(students))
        .filter(reach(scope).filter())
        .into_boxed();
    keyset_of_each!(
        cx,
        rows,
        page,
        leave_requests::first_day,
        leave_requests::id,
        NaiveDate,
        leave_requests::student_id.assume_not_null(),
        LeaveRequestRow::as_select(),
        reach(scope).granted()
    )
}

/// How many leave requests of each student there are in scope.
pub async fn count_of_students(cx: &mut Cx, scope: &Scope, students: &[i64]) -> Result<Vec<(i64, i64)>> {
    let counts = leave_requests::table
        .filter(leave_requests::student_id.eq_any(students))
        .filter(reach(scope).filter())
        .group_by(leave_requests::student_id)
        .select((leave_requests::student_id.assume_not_null(), dsl::count_star()))
        .load(cx)
        .await?;
    Ok(counts)
}

/// The approved leave in scope of students on a day, as it was asked for.
pub async fn approved_on(
    cx: &mut Cx,
    scope: &Scope,
    students: &[i64],
    day: NaiveDate,
) -> Result<Vec<(i64, LeaveRequestRow, i32)>> {
    let rows = leave_requests::table
        .filter(leave_requests::student_id.eq_any(students))
        .filter(leave_requests::status.eq(LeaveStatus::Approved))
        .filter(leave_requests::first_day.le(day))
        .filter(leave_requests::last_day.ge(day))
        .filter(reach(scope).filter())
        .order(leave_requests::id)
        .select((leave_requests::student_id.assume_not_null(), LeaveRequestRow::as_select(), reach(scope).granted()))
        .load(cx)
        .await?;
    Ok(rows)
}

/// The requests of a person, whoever reaches them.
pub fn of_person<'a>(person: Person) -> Query<'a> {
    let rows = leave_requests::table.into_boxed();
    match person {
        Person::Student(id) => rows.filter(leave_requests::student_id.eq(id)),
        Person::Staff(id) => rows.filter(leave_requests::staff_id.eq(id)),
    }
}

/// The requests in scope of a person that have one of these statuses and share a day with those from `first` to `last`, as
/// they were asked for. Who asks for somebody, and who decides about them, has all of that person's requests in scope.
pub async fn overlapping(
    cx: &mut Cx,
    scope: &Scope,
    person: Person,
    (first, last): (NaiveDate, NaiveDate),
    statuses: &[LeaveStatus],
) -> Result<Vec<LeaveRequestRow>> {
    let rows = of_person(person)
        .filter(reach(scope).filter())
        .filter(leave_requests::status.eq_any(statuses))
        .filter(leave_requests::first_day.le(last))
        .filter(leave_requests::last_day.ge(first))
        .order(leave_requests::id)
        .select(LeaveRequestRow::as_select())
        .load(cx)
        .await?;
    Ok(rows)
}

/// A page of the leave requests of each staff member, by first day.
pub async fn of_staff(
    cx: &mut Cx,
    scope: &Scope,
    staff: &[i64],
    page: &Page,
) -> Result<Vec<(i64, LeaveRequestRow, i32)>> {
    let rows =
        leave_requests::table.filter(leave_requests::staff_id.eq_any(staff)).filter(reach(scope).filter()).into_boxed();
    keyset_of_each!(
        cx,
        rows,
        page,
        leave_requests::first_day,
        leave_requests::id,
        NaiveDate,
        leave_requests::staff_id.assume_not_null(),
        LeaveRequestRow::as_select(),
        reach(scope).granted()
    )
}

/// How many leave requests of each staff member there are in scope.
pub async fn count_of_staff(cx: &mut Cx, scope: &Scope, staff: &[i64]) -> Result<Vec<(i64, i64)>> {
    let counts = leave_requests::table
        .filter(leave_requests::staff_id.eq_any(staff))
        .filter(reach(scope).filter())
        .group_by(leave_requests::staff_id)
        .select((leave_requests::staff_id.assume_not_null(), dsl::count_star()))
        .load(cx)
        .await?;
    Ok(counts)
}
