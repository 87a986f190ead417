//! Routines in the database.

use diesel::{dsl, prelude::*, sql_types::Integer};
use diesel_async::RunQueryDsl;

use super::{Backend, Cx, courses, students};
use crate::{
    auth::{Reach, Reached, Role, Scope},
    db::{
        expressions::{Position, first_of_each},
        paging::Page,
        schema::{routines, students as student_rows},
    },
    error::Result,
    keyset, keyset_of_each,
    routines::model::{RoutineOrderField, RoutineQuery, RoutineRow, Weekday},
};

type Query<'a> = routines::BoxedQuery<'a, Backend>;

diesel::alias!(
    const MINE: Alias<Mine> = routines as own_slots;
);
diesel::infix_operator!(BitAnd, " & ", Integer);

/// The routines that each role reaches.
pub fn reach(scope: &Scope) -> Reach<routines::table, Backend> {
    Reach::of(scope)
        .all(Role::Admin)
        .all(Role::Admission)
        .when(Role::Hod, |viewer| routines::course_id.eq_any(courses::headed(viewer)))
        .when(Role::Staff, |viewer| {
            let courses = MINE
                .filter(MINE.field(routines::teacher_id).eq(viewer.staff()))
                .filter(MINE.field(routines::active))
                .select(MINE.field(routines::course_id));
            routines::teacher_id.eq(viewer.staff()).or(routines::course_id.eq_any(courses))
        })
        .when(Role::Student, |viewer| attended(&viewer.only(Role::Student)))
        .when(Role::Parent, |viewer| attended(&viewer.only(Role::Parent)))
}

/// That a routine is of the course and period of a student in scope.
#[dsl::auto_type]
fn attended(scope: &Scope) -> _ {
    let reached: Reached<Backend> = students::reach(scope).filter();
    dsl::exists(
        student_rows::table
            .filter(reached)
            .filter(student_rows::course_id.eq(routines::course_id.nullable()))
            .filter(student_rows::current_period.eq(routines::period.nullable())),
    )
}

/// The numbers of the routines of courses that the viewer heads: for an HOD's scope of what belongs to a routine.
#[dsl::auto_type]
pub fn headed(scope: &Scope) -> _ {
    let courses: courses::headed = courses::headed(scope);
    routines::table.filter(routines::course_id.eq_any(courses)).select(routines::id)
}

/// The numbers of the routines that are the viewer's own to teach, now or formerly: for a teacher's scope of what belongs
/// to a routine.
#[dsl::auto_type]
pub fn taught(scope: &Scope) -> _ {
    let staff: i64 = scope.staff();
    routines::table.filter(routines::teacher_id.eq(staff)).select(routines::id)
}

fn listed<'a>(scope: &Scope, query: &RoutineQuery) -> Query<'a> {
    let mut rows = routines::table.filter(reach(scope).filter()).filter(routines::active.eq(query.active)).into_boxed();
    if let Some(course) = query.course {
        rows = rows.filter(routines::course_id.eq(course));
    }
    if let Some(period) = query.period {
        rows = rows.filter(routines::period.eq(period));
    }
    if let Some(teacher) = query.teacher {
        rows = rows.filter(routines::teacher_id.eq(teacher));
    }
    for day in [query.weekday, query.date.map(Weekday::of_date)].into_iter().flatten() {
        rows = rows.filter(BitAnd::new(routines::weekdays, day.bit().into_sql::<Integer>()).ne(0));
    }
    rows
}

/// A page of the routines in scope.
pub async fn page(
    cx: &mut Cx,
    scope: &Scope,
    query: &RoutineQuery,
    order: RoutineOrderField,
    page: &Page,
) -> Result<Vec<(RoutineRow, i32)>> {
    let rows = listed(scope, query);
    let rows = match order {
        RoutineOrderField::StartsAt => keyset!(rows, page, routines::starts_at, routines::id, chrono::NaiveTime),
    };
    Ok(rows.select((RoutineRow::as_select(), reach(scope).granted())).load(cx).await?)
}

/// How many routines there are in scope.
pub async fn count(cx: &mut Cx, scope: &Scope, query: &RoutineQuery) -> Result<i64> {
    Ok(listed(scope, query).count().get_result(cx).await?)
}

/// Routines by number.
pub async fn by_ids(cx: &mut Cx, scope: &Scope, ids: &[i64]) -> Result<Vec<(RoutineRow, i32)>> {
    let rows = routines::table
        .filter(routines::id.eq_any(ids))
        .filter(reach(scope).filter())
        .select((RoutineRow::as_select(), reach(scope).granted()))
        .load(cx)
        .await?;
    Ok(rows)
}

/// The active routines of each course, or of one of its periods, by the hour they start at.
pub async fn of_courses(
    cx: &mut Cx,
    scope: &Scope,
    courses: &[i64],
    period: Option<i32>,
    page: &Page,
) -> Result<Vec<(i64, RoutineRow, i32)>> {
    let mut rows = routines::table
        .filter(routines::course_id.eq_any(courses))
        .filter(routines::active)
        .filter(reach(scope).filter())
        .into_boxed();
    if let Some(period) = period {
        rows = rows.filter(routines::period.eq(period));
    }
    keyset_of_each!(
        cx,
        rows,
        page,
        routines::starts_at,
        routines::id,
        chrono::NaiveTime,
        routines::course_id,
        RoutineRow::as_select(),
        reach(scope).granted()
    )
}

/// The active routines of each teacher, by the hour they start at.
pub async fn of_teachers(
    cx: &mut Cx,
    scope: &Scope,
    teachers: &[i64],
    page: &Page,
) -> Result<Vec<(i64, RoutineRow, i32)>> {
    let rows = routines::table
        .filter(routines::teacher_id.eq_any(teachers))
        .filter(routines::active)
        .filter(reach(scope).filter())
        .into_boxed();
    keyset_of_each!(
        cx,
        rows,
        page,
        routines::starts_at,
        routines::id,
        chrono::NaiveTime,
        routines::teacher_id,
        RoutineRow::as_select(),
        reach(scope).granted()
    )
}

/// The active routines of the classes (course and period) that students are in, by the hour they start at: each once,
/// however many of the students share it, and of each class the first `limit`.
pub async fn of_classes(cx: &mut Cx, scope: &Scope, students: &[i64], limit: i64) -> Result<Vec<(RoutineRow, i32)>> {
    let class = student_rows::table
        .filter(student_rows::id.eq_any(students))
        .filter(student_rows::course_id.eq(routines::course_id.nullable()))
        .filter(student_rows::current_period.eq(routines::period.nullable()));
    let position = Position(
        dsl::row_number()
            .partition_by((routines::course_id, routines::period))
            .window_order((routines::starts_at.asc(), routines::id.asc())),
    );
    let rows = routines::table
        .filter(dsl::exists(class))
        .filter(routines::active)
        .filter(reach(scope).filter())
        .select((RoutineRow::as_select(), reach(scope).granted(), position));
    let rows: Vec<(RoutineRow, i32, i64)> = first_of_each(rows, limit).load(cx).await?;
    Ok(rows.into_iter().map(|(row, granted, _)| (row, granted)).collect())
}
