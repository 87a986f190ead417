//! What reports are made of, in the database.

use chrono::NaiveDate;
use diesel::{dsl, prelude::*};
use diesel_async::RunQueryDsl;

use super::{Backend, Cx, courses};
use crate::{
    auth::{Reach, Role, Scope},
    db::schema::{
        attendance_months, attendance_totals, batch_students, institute_feedback, leave_requests, staff, students,
        subjects, teacher_feedback,
    },
    error::Result,
    feedback::model::InstituteFeedbackType,
    leave::model::LeaveStatus,
    reports::model::{Attended, Rated, Sums},
    students::model::StudentStatus,
};

/// What is counted for those who read every figure.
fn everything<T>(scope: &Scope) -> Reach<T, Backend> {
    Reach::of(scope).all(Role::Admin).all(Role::Reporting)
}

/// The students who are counted: for an HOD, those of the courses that they head.
fn counted(scope: &Scope) -> Reach<students::table, Backend> {
    everything(scope).when(Role::Hod, |viewer| students::course_id.assume_not_null().eq_any(courses::headed(viewer)))
}

/// How many students each course has.
pub async fn students_of_courses(cx: &mut Cx, scope: &Scope, courses: &[i64]) -> Result<Vec<(i64, i64)>> {
    let counts = students::table
        .filter(students::course_id.eq_any(courses))
        .filter(students::archived_at.is_null())
        .filter(counted(scope).filter())
        .group_by(students::course_id)
        .select((students::course_id.assume_not_null(), dsl::count_star()))
        .load(cx)
        .await?;
    Ok(counts)
}

/// What the students of each course attended of everything that they ever had.
pub async fn attendance_of_courses(cx: &mut Cx, scope: &Scope, courses: &[i64]) -> Result<Vec<(i64, Attended)>> {
    use attendance_totals as t;
    let sums: Vec<(i64, Sums)> = t::table
        .inner_join(students::table)
        .filter(students::course_id.eq_any(courses))
        .filter(students::archived_at.is_null())
        .filter(counted(scope).filter())
        .filter((t::present + t::late + t::absent).gt(0))
        .group_by(students::course_id)
        .select((
            students::course_id.assume_not_null(),
            (
                dsl::sum(t::present),
                dsl::sum(t::late),
                dsl::sum(t::absent),
                dsl::count(t::student_id).aggregate_distinct(),
            ),
        ))
        .load(cx)
        .await?;
    Ok(sums.into_iter().map(|(course, sums)| (course, sums.into())).collect())
}

/// How many members each batch has, by the course that they are in, if any.
pub async fn members_of_batches(cx: &mut Cx, scope: &Scope, batches: &[i64]) -> Result<Vec<(i64, Option<i64>, i64)>> {
    let counts = batch_students::table
        .inner_join(students::table)
        .filter(batch_students::batch_id.eq_any(batches))
        .filter(students::archived_at.is_null())
        .filter(everything::<students::table>(scope).filter())
        .group_by((batch_students::batch_id, students::course_id))
        .select((batch_students::batch_id, students::course_id, dsl::count_star()))
        .load(cx)
        .await?;
    Ok(counts)
}

/// What the members of each batch attended of everything that they ever had.
pub async fn attendance_of_batches(cx: &mut Cx, scope: &Scope, batches: &[i64]) -> Result<Vec<(i64, Attended)>> {
    use attendance_totals as t;
    let sums: Vec<(i64, Sums)> = t::table
        .inner_join(students::table.inner_join(batch_students::table))
        .filter(batch_students::batch_id.eq_any(batches))
        .filter(students::archived_at.is_null())
        .filter(everything::<students::table>(scope).filter())
        .filter((t::present + t::late + t::absent).gt(0))
        .group_by(batch_students::batch_id)
        .select((
            batch_students::batch_id,
            (
                dsl::sum(t::present),
                dsl::sum(t::late),
                dsl::sum(t::absent),
                dsl::count(t::student_id).aggregate_distinct(),
            ),
        ))
        .load(cx)
        .await?;
    Ok(sums.into_iter().map(|(batch, sums)| (batch, sums.into())).collect())
}

/// What was attended of each subject: for an HOD, of those of the courses that they head.
pub async fn attendance_of_subjects(cx: &mut Cx, scope: &Scope, subjects: &[i64]) -> Result<Vec<(i64, Attended)>> {
    use attendance_totals as t;
    let reach = everything::<subjects::table>(scope)
        .when(Role::Hod, |viewer| subjects::course_id.eq_any(courses::headed(viewer)));
    let sums: Vec<(i64, Sums)> = t::table
        .inner_join(students::table)
        .inner_join(subjects::table)
        .filter(t::subject_id.eq_any(subjects))
        .filter(students::archived_at.is_null())
        .filter(reach.filter())
        .filter((t::present + t::late + t::absent).gt(0))
        .group_by(t::subject_id)
        .select((t::subject_id, (dsl::sum(t::present), dsl::sum(t::late), dsl::sum(t::absent), dsl::count_star())))
        .load(cx)
        .await?;
    Ok(sums.into_iter().map(|(subject, sums)| (subject, sums.into())).collect())
}

/// What was attended in each of the last so many months that had classes, new to old.
pub async fn attendance_by_month(cx: &mut Cx, scope: &Scope, last: i64) -> Result<Vec<(NaiveDate, Attended)>> {
    use attendance_months as m;
    let sums: Vec<(NaiveDate, Sums)> = m::table
        .inner_join(students::table)
        .filter(students::archived_at.is_null())
        .filter(everything::<students::table>(scope).filter())
        .filter((m::present + m::late + m::absent).gt(0))
        .group_by(m::month)
        .order(m::month.desc())
        .limit(last)
        .select((m::month, (dsl::sum(m::present), dsl::sum(m::late), dsl::sum(m::absent), dsl::count_star())))
        .load(cx)
        .await?;
    Ok(sums.into_iter().map(|(month, sums)| (month, sums.into())).collect())
}

/// How many students there are of each status.
pub async fn students_by_status(cx: &mut Cx, scope: &Scope) -> Result<Vec<(StudentStatus, i64)>> {
    let counts = students::table
        .filter(students::archived_at.is_null())
        .filter(everything::<students::table>(scope).filter())
        .group_by(students::status)
        .select((students::status, dsl::count_star()))
        .load(cx)
        .await?;
    Ok(counts)
}

/// How many leave requests of students there are of each status, and of how many students.
pub async fn leave_of_students(cx: &mut Cx, scope: &Scope) -> Result<Vec<(LeaveStatus, i64, i64)>> {
    let counts = leave_requests::table
        .inner_join(students::table)
        .filter(students::archived_at.is_null())
        .filter(everything::<leave_requests::table>(scope).filter())
        .group_by(leave_requests::status)
        .select((
            leave_requests::status,
            dsl::count_star(),
            dsl::count(leave_requests::student_id).aggregate_distinct(),
        ))
        .load(cx)
        .await?;
    Ok(counts)
}

/// The same of staff.
pub async fn leave_of_staff(cx: &mut Cx, scope: &Scope) -> Result<Vec<(LeaveStatus, i64, i64)>> {
    let counts = leave_requests::table
        .inner_join(staff::table)
        .filter(staff::archived_at.is_null())
        .filter(everything::<leave_requests::table>(scope).filter())
        .group_by(leave_requests::status)
        .select((leave_requests::status, dsl::count_star(), dsl::count(leave_requests::staff_id).aggregate_distinct()))
        .load(cx)
        .await?;
    Ok(counts)
}

/// The ratings of all teachers.
pub async fn ratings_of_teachers(cx: &mut Cx, scope: &Scope) -> Result<Rated> {
    use teacher_feedback as f;
    let students = dsl::count(f::student_id).aggregate_distinct().aggregate_filter(f::parent_id.is_null());
    let (half_stars, count, students, parents, of): (Option<i64>, i64, i64, i64, i64) = f::table
        .filter(everything::<f::table>(scope).filter())
        .select((
            dsl::sum(f::half_stars),
            dsl::count_star(),
            students,
            dsl::count(f::parent_id).aggregate_distinct(),
            dsl::count(f::teacher_id).aggregate_distinct(),
        ))
        .first(cx)
        .await?;
    Ok(Rated { by: students + parents, of: Some(of), count, half_stars: half_stars.unwrap_or_default() })
}

/// The ratings of the institute by what they are about: one of a person for each.
pub async fn ratings_of_institute(cx: &mut Cx, scope: &Scope) -> Result<Vec<(InstituteFeedbackType, Rated)>> {
    use institute_feedback as f;
    let ratings: Vec<(InstituteFeedbackType, Option<i64>, i64)> = f::table
        .filter(everything::<f::table>(scope).filter())
        .group_by(f::type_)
        .select((f::type_, dsl::sum(f::half_stars), dsl::count_star()))
        .load(cx)
        .await?;
    let rated = |(about, half_stars, count): (_, Option<i64>, _)| {
        (about, Rated { by: count, of: None, count, half_stars: half_stars.unwrap_or_default() })
    };
    Ok(ratings.into_iter().map(rated).collect())
}
