//! Staff in the database.

use diesel::{dsl, prelude::*};
use diesel_async::RunQueryDsl;

use super::{Backend, Cx, courses, dialect, students};
use crate::{
    auth::{Reach, Role, Scope, model::StaffRole},
    db::{
        paging::Page,
        schema::{accounts, routines, staff, staff_roles, students as student_rows},
    },
    error::Result,
    keyset, keyset_of_each,
    staff::model::{StaffAccount, StaffFilter, StaffOrderField, StaffRow},
};

type Query<'a> = staff::BoxedQuery<'a, Backend>;

diesel::alias!(
    const EARLIER: Alias<Earlier> = routines as earlier_slots;
);

/// The staff that each role reaches; as STAFF (and ADMISSION), colleagues for the public card.
pub fn reach(scope: &Scope) -> Reach<staff::table, Backend> {
    let reach = Reach::of(scope)
        .all(Role::Admin)
        .all(Role::Admission)
        .all(Role::Staff)
        .all_as(Role::Hod, Role::Staff)
        .when(Role::Hod, |viewer| staff::id.eq_any(teachers_of_headed(viewer)))
        .when(Role::Student, |viewer| staff::id.eq_any(teachers_of_students(&viewer.only(Role::Student))))
        .when(Role::Parent, |viewer| staff::id.eq_any(teachers_of_students(&viewer.only(Role::Parent))))
        .provided(staff::archived_at.is_null());
    // Who is no staff has no row of their own, and is spared the `OR` that keeps the plan from a join.
    if scope.staff() == 0 { reach } else { reach.when(Role::Own, |viewer| staff::id.eq(viewer.staff())) }
}

/// The teachers of the courses that the viewer heads: what an HOD's scope of what belongs to a teacher is made of.
#[dsl::auto_type]
pub fn headed(scope: &Scope) -> _ {
    let teachers: teachers_of_headed = teachers_of_headed(scope);
    staff::table.filter(staff::archived_at.is_null()).filter(staff::id.eq_any(teachers)).select(staff::id)
}

/// Who teaches an active routine in a course that the viewer heads.
#[dsl::auto_type]
fn teachers_of_headed(scope: &Scope) -> _ {
    let courses: courses::headed = courses::headed(scope);
    routines::table.filter(routines::active).filter(routines::course_id.eq_any(courses)).select(routines::teacher_id)
}

/// Who teaches an active routine in the course and current period of a student in scope.
#[dsl::auto_type]
fn teachers_of_students(scope: &Scope) -> _ {
    let reached: crate::auth::Reached<Backend> = students::reach(scope).filter();
    routines::table
        .filter(routines::active)
        .filter(dsl::exists(
            student_rows::table
                .filter(reached)
                .filter(student_rows::course_id.eq(routines::course_id.nullable()))
                .filter(student_rows::current_period.eq(routines::period.nullable())),
        ))
        .select(routines::teacher_id)
}

fn listed<'a>(scope: &Scope, filter: &StaffFilter) -> Query<'a> {
    let mut rows = staff::table.filter(reach(scope).filter()).into_boxed();
    if let Some(name) = &filter.name {
        rows = rows.filter(dialect::contains(staff::name, name));
    }
    if let Some(role) = filter.role {
        let holders = staff_roles::table.filter(staff_roles::role.eq(role)).select(staff_roles::staff_id);
        rows = rows.filter(staff::id.eq_any(holders));
        // Who holds a role is for ADMIN and themselves to read: what is found must not tell it to others.
        if !scope.roles().has(Role::Admin) {
            rows = rows.filter(staff::id.eq(scope.staff()));
        }
    }
    if filter.archived {
        rows.filter(staff::archived_at.is_not_null())
    } else {
        rows.filter(staff::archived_at.is_null())
    }
}

/// A page of the staff in scope.
pub async fn page(
    cx: &mut Cx,
    scope: &Scope,
    filter: &StaffFilter,
    order: StaffOrderField,
    page: &Page,
) -> Result<Vec<(StaffRow, i32)>> {
    let rows = listed(scope, filter);
    let rows = match order {
        StaffOrderField::Name => keyset!(rows, page, staff::name, staff::id, String),
        StaffOrderField::Entry => keyset!(rows, page, staff::id, staff::id, i64),
    };
    Ok(rows.select((StaffRow::as_select(), reach(scope).granted())).load(cx).await?)
}

/// How many staff there are in scope.
pub async fn count(cx: &mut Cx, scope: &Scope, filter: &StaffFilter) -> Result<i64> {
    Ok(listed(scope, filter).count().get_result(cx).await?)
}

/// Staff by number.
pub async fn by_ids(cx: &mut Cx, scope: &Scope, ids: &[i64]) -> Result<Vec<(StaffRow, i32)>> {
    let rows = staff::table
        .filter(staff::id.eq_any(ids))
        .filter(reach(scope).filter())
        .select((StaffRow::as_select(), reach(scope).granted()))
        .load(cx)
        .await?;
    Ok(rows)
}

/// Who teaches each subject by the active routines, by name. Of a teacher's routines for a subject the earliest entered
/// stands for all of them, so that the teacher is listed once.
pub async fn of_subjects(
    cx: &mut Cx,
    scope: &Scope,
    subjects: &[i64],
    page: &Page,
) -> Result<Vec<(i64, StaffRow, i32)>> {
    let earlier = EARLIER
        .filter(EARLIER.field(routines::active))
        .filter(EARLIER.field(routines::teacher_id).eq(routines::teacher_id))
        .filter(EARLIER.field(routines::subject_id).eq(routines::subject_id))
        .filter(EARLIER.field(routines::id).lt(routines::id));
    let rows = staff::table
        .inner_join(routines::table)
        .filter(routines::active)
        .filter(routines::subject_id.eq_any(subjects))
        .filter(dsl::not(dsl::exists(earlier)))
        .filter(reach(scope).filter())
        .into_boxed();
    keyset_of_each!(
        cx,
        rows,
        page,
        staff::name,
        staff::id,
        String,
        routines::subject_id,
        StaffRow::as_select(),
        reach(scope).granted()
    )
}

/// Staff in scope by their accounts.
pub async fn by_accounts(cx: &mut Cx, scope: &Scope, accounts: &[i64]) -> Result<Vec<(StaffRow, i32)>> {
    let rows = staff::table
        .filter(staff::account_id.eq_any(accounts))
        .filter(reach(scope).filter())
        .select((StaffRow::as_select(), reach(scope).granted()))
        .load(cx)
        .await?;
    Ok(rows)
}

/// Names of staff in scope by their accounts.
pub async fn names_of_accounts(cx: &mut Cx, scope: &Scope, accounts: &[i64]) -> Result<Vec<(i64, String)>> {
    let names = staff::table
        .filter(staff::account_id.eq_any(accounts))
        .filter(reach(scope).filter())
        .select((staff::account_id, staff::name))
        .load(cx)
        .await?;
    Ok(names)
}

/// What the accounts of staff in scope say of them.
pub async fn accounts(cx: &mut Cx, scope: &Scope, ids: &[i64]) -> Result<Vec<(i64, StaffAccount)>> {
    let accounts = staff::table
        .inner_join(accounts::table)
        .filter(staff::id.eq_any(ids))
        .filter(reach(scope).filter())
        .select((staff::id, (accounts::email, accounts::phone, accounts::active)))
        .load(cx)
        .await?;
    Ok(accounts)
}

/// The roles of staff in scope.
pub async fn roles(cx: &mut Cx, scope: &Scope, ids: &[i64]) -> Result<Vec<(i64, StaffRole)>> {
    let roles = staff::table
        .inner_join(staff_roles::table)
        .filter(staff::id.eq_any(ids))
        .filter(reach(scope).filter())
        .order((staff::id, staff_roles::role))
        .select((staff::id, staff_roles::role))
        .load(cx)
        .await?;
    Ok(roles)
}

/// Whether somebody teaches a student in scope now: by an active routine of the student's course and period.
pub async fn teaches(cx: &mut Cx, scope: &Scope, teacher: i64, student: i64) -> Result<bool> {
    let class = student_rows::table
        .filter(students::reach(scope).filter())
        .filter(student_rows::id.eq(student))
        .filter(student_rows::course_id.eq(routines::course_id.nullable()))
        .filter(student_rows::current_period.eq(routines::period.nullable()));
    let lessons = routines::table
        .inner_join(staff::table)
        .filter(staff::archived_at.is_null())
        .filter(routines::active)
        .filter(routines::teacher_id.eq(teacher))
        .filter(dsl::exists(class));
    Ok(dsl::select(dsl::exists(lessons)).get_result(cx).await?)
}
