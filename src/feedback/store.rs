//! Feedback in the database.

use chrono::NaiveDateTime;
use diesel::{dsl, prelude::*};
use diesel_async::RunQueryDsl;

use super::{Backend, Cx, staff};
use crate::{
    auth::{Reach, Role, Scope},
    db::{
        paging::Page,
        schema::{institute_feedback, teacher_feedback},
    },
    error::Result,
    feedback::model::{
        InstituteFeedbackFilter, InstituteFeedbackOrderField, InstituteFeedbackRow, Ratings, TeacherFeedbackOrderField,
        TeacherFeedbackQuery, TeacherFeedbackRow, half_stars,
    },
    keyset, keyset_of_each,
};

/// The feedback on teachers that each role reaches.
pub fn reach_teacher(scope: &Scope) -> Reach<teacher_feedback::table, Backend> {
    authored(scope).when(Role::Staff, |viewer| teacher_feedback::teacher_id.eq(viewer.staff()))
}

/// The same without those who may not know the author: what may be read by way of the author.
fn authored(scope: &Scope) -> Reach<teacher_feedback::table, Backend> {
    Reach::of(scope)
        .all(Role::Admin)
        .when(Role::Hod, |viewer| {
            // About themselves an HOD reads what any teacher reads.
            teacher_feedback::teacher_id
                .eq_any(staff::headed(viewer))
                .and(teacher_feedback::teacher_id.ne(viewer.staff()))
        })
        .when(Role::Student, |viewer| {
            teacher_feedback::student_id.eq(viewer.student()).and(teacher_feedback::parent_id.is_null())
        })
        .when(Role::Parent, |viewer| teacher_feedback::parent_id.assume_not_null().eq(viewer.parent()))
}

/// What a list in an order holds: one by the time of writing would date what it holds, so it holds what has an author.
fn reach_ordered(scope: &Scope, order: TeacherFeedbackOrderField) -> Reach<teacher_feedback::table, Backend> {
    match order {
        TeacherFeedbackOrderField::Entry => reach_teacher(scope),
        TeacherFeedbackOrderField::UpdatedAt => authored(scope),
    }
}

fn listed_teacher<'a>(
    scope: &Scope,
    query: &TeacherFeedbackQuery,
    order: TeacherFeedbackOrderField,
) -> teacher_feedback::BoxedQuery<'a, Backend> {
    let mut rows = teacher_feedback::table.filter(reach_ordered(scope, order).filter()).into_boxed();
    if let Some(teacher) = query.teacher {
        rows = rows.filter(teacher_feedback::teacher_id.eq(teacher));
    }
    if let Some(least) = query.min_half_stars {
        rows = rows.filter(teacher_feedback::half_stars.ge(least));
    }
    rows
}

/// A page of the feedback on teachers in scope.
pub async fn page_teacher(
    cx: &mut Cx,
    scope: &Scope,
    query: &TeacherFeedbackQuery,
    order: TeacherFeedbackOrderField,
    page: &Page,
) -> Result<Vec<(TeacherFeedbackRow, i32)>> {
    let rows = listed_teacher(scope, query, order);
    let rows = match order {
        TeacherFeedbackOrderField::Entry => keyset!(rows, page, teacher_feedback::id, teacher_feedback::id, i64),
        TeacherFeedbackOrderField::UpdatedAt => {
            keyset!(rows, page, teacher_feedback::updated_at, teacher_feedback::id, NaiveDateTime)
        }
    };
    Ok(rows.select((TeacherFeedbackRow::as_select(), reach_ordered(scope, order).granted())).load(cx).await?)
}

/// How much feedback on teachers a list in an order holds.
pub async fn count_teacher(
    cx: &mut Cx,
    scope: &Scope,
    query: &TeacherFeedbackQuery,
    order: TeacherFeedbackOrderField,
) -> Result<i64> {
    Ok(listed_teacher(scope, query, order).count().get_result(cx).await?)
}

/// Feedback on teachers by number.
pub async fn teacher_by_ids(cx: &mut Cx, scope: &Scope, ids: &[i64]) -> Result<Vec<(TeacherFeedbackRow, i32)>> {
    let rows = teacher_feedback::table
        .filter(teacher_feedback::id.eq_any(ids))
        .filter(reach_teacher(scope).filter())
        .select((TeacherFeedbackRow::as_select(), reach_teacher(scope).granted()))
        .load(cx)
        .await?;
    Ok(rows)
}

/// A page of the feedback on each teacher, by the month of entry.
pub async fn of_teachers(
    cx: &mut Cx,
    scope: &Scope,
    teachers: &[i64],
    page: &Page,
) -> Result<Vec<(i64, TeacherFeedbackRow, i32)>> {
    let rows = teacher_feedback::table
        .filter(teacher_feedback::teacher_id.eq_any(teachers))
        .filter(reach_teacher(scope).filter())
        .into_boxed();
    keyset_of_each!(
        cx,
        rows,
        page,
        teacher_feedback::id,
        teacher_feedback::id,
        i64,
        teacher_feedback::teacher_id,
        TeacherFeedbackRow::as_select(),
        reach_teacher(scope).granted()
    )
}

/// The ratings of each teacher in scope, added up: also how many there are.
pub async fn ratings(cx: &mut Cx, scope: &Scope, teachers: &[i64]) -> Result<Vec<(i64, Ratings)>> {
    let ratings: Vec<(i64, Option<i64>, i64)> = teacher_feedback::table
        .filter(teacher_feedback::teacher_id.eq_any(teachers))
        .filter(reach_teacher(scope).filter())
        .group_by(teacher_feedback::teacher_id)
        .select((teacher_feedback::teacher_id, dsl::sum(teacher_feedback::half_stars), dsl::count_star()))
        .load(cx)
        .await?;
    let ratings = ratings.into_iter();
    Ok(ratings.map(|(teacher, sum, count)| (teacher, Ratings { half_stars: sum.unwrap_or(0), count })).collect())
}

/// A page of the feedback on teachers that each student wrote, by the month of entry.
pub async fn of_students(
    cx: &mut Cx,
    scope: &Scope,
    students: &[i64],
    page: &Page,
) -> Result<Vec<(i64, TeacherFeedbackRow, i32)>> {
    let rows = teacher_feedback::table
        .filter(teacher_feedback::student_id.eq_any(students))
        .filter(teacher_feedback::parent_id.is_null())
        .filter(authored(scope).filter())
        .into_boxed();
    keyset_of_each!(
        cx,
        rows,
        page,
        teacher_feedback::id,
        teacher_feedback::id,
        i64,
        teacher_feedback::student_id,
        TeacherFeedbackRow::as_select(),
        authored(scope).granted()
    )
}

/// How much feedback on teachers by each student there is in scope.
pub async fn count_of_students(cx: &mut Cx, scope: &Scope, students: &[i64]) -> Result<Vec<(i64, i64)>> {
    let counts = teacher_feedback::table
        .filter(teacher_feedback::student_id.eq_any(students))
        .filter(teacher_feedback::parent_id.is_null())
        .filter(authored(scope).filter())
        .group_by(teacher_feedback::student_id)
        .select((teacher_feedback::student_id, dsl::count_star()))
        .load(cx)
        .await?;
    Ok(counts)
}

/// A page of the feedback on teachers that each parent wrote, by the month of entry.
pub async fn of_parents(
    cx: &mut Cx,
    scope: &Scope,
    parents: &[i64],
    page: &Page,
) -> Result<Vec<(i64, TeacherFeedbackRow, i32)>> {
    let rows = teacher_feedback::table
        .filter(teacher_feedback::parent_id.eq_any(parents))
        .filter(authored(scope).filter())
        .into_boxed();
    keyset_of_each!(
        cx,
        rows,
        page,
        teacher_feedback::id,
        teacher_feedback::id,
        i64,
        teacher_feedback::parent_id.assume_not_null(),
        TeacherFeedbackRow::as_select(),
        authored(scope).granted()
    )
}

/// How much feedback on teachers by each parent there is in scope.
pub async fn count_of_parents(cx: &mut Cx, scope: &Scope, parents: &[i64]) -> Result<Vec<(i64, i64)>> {
    let counts = teacher_feedback::table
        .filter(teacher_feedback::parent_id.eq_any(parents))
        .filter(authored(scope).filter())
        .group_by(teacher_feedback::parent_id)
        .select((teacher_feedback::parent_id.assume_not_null(), dsl::count_star()))
        .load(cx)
        .await?;
    Ok(counts)
}

/// The feedback on the institute that each role reaches.
pub fn reach_institute(scope: &Scope) -> Reach<institute_feedback::table, Backend> {
    Reach::of(scope)
        .all(Role::Admin)
        .when(Role::Hod, |_| institute_feedback::public)
        .when(Role::Admission, |_| institute_feedback::public)
        .when(Role::Staff, |_| institute_feedback::public)
        .when(Role::Student, |_| institute_feedback::public)
        .when(Role::Parent, |_| institute_feedback::public)
        .when(Role::Own, |viewer| institute_feedback::account_id.eq(viewer.account()))
}

fn listed_institute<'a>(
    scope: &Scope,
    filter: &InstituteFeedbackFilter,
) -> institute_feedback::BoxedQuery<'a, Backend> {
    let mut rows = institute_feedback::table.filter(reach_institute(scope).filter()).into_boxed();
    if let Some(kind) = filter.kind {
        rows = rows.filter(institute_feedback::type_.eq(kind));
    }
    if let Some(least) = filter.min_rating {
        rows = rows.filter(institute_feedback::half_stars.ge(half_stars(least)));
    }
    if let Some(public) = filter.public {
        rows = rows.filter(institute_feedback::public.eq(public));
    }
    rows
}

/// A page of the feedback on the institute in scope.
pub async fn page_institute(
    cx: &mut Cx,
    scope: &Scope,
    filter: &InstituteFeedbackFilter,
    order: InstituteFeedbackOrderField,
    page: &Page,
) -> Result<Vec<(InstituteFeedbackRow, i32)>> {
    let rows = listed_institute(scope, filter);
    let rows = match order {
        InstituteFeedbackOrderField::Entry => keyset!(rows, page, institute_feedback::id, institute_feedback::id, i64),
    };
    Ok(rows.select((InstituteFeedbackRow::as_select(), reach_institute(scope).granted())).load(cx).await?)
}

/// How much feedback on the institute there is in scope.
pub async fn count_institute(cx: &mut Cx, scope: &Scope, filter: &InstituteFeedbackFilter) -> Result<i64> {
    Ok(listed_institute(scope, filter).count().get_result(cx).await?)
}

/// Feedback on the institute by number.
pub async fn institute_by_ids(cx: &mut Cx, scope: &Scope, ids: &[i64]) -> Result<Vec<(InstituteFeedbackRow, i32)>> {
    let rows = institute_feedback::table
        .filter(institute_feedback::id.eq_any(ids))
        .filter(reach_institute(scope).filter())
        .select((InstituteFeedbackRow::as_select(), reach_institute(scope).granted()))
        .load(cx)
        .await?;
    Ok(rows)
}
