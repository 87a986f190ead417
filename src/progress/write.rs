//! What changes progress: the rules and the SQL, compiled for both databases.

use diesel::{dsl, prelude::*, upsert::excluded};
use diesel_async::RunQueryDsl;

use super::{Cx, dialect};
use crate::{
    attendance::model::Counts,
    change::Act,
    db::schema::{attendance_totals, course_trackings, students, subject_progress, subjects},
    error::Result,
    progress::model::{CourseTrackingRow, ProgressStatus, completion},
};

/// A tracking with what its completion follows from: how many subjects the course has and how many of them the student
/// completed; how many of its classes the student attended, and missed.
type Basis = (CourseTrackingRow, Option<i64>, Option<i64>, Option<i64>, Option<i64>);

/// Columns of a tracking that is written.
const COLUMNS: usize = 14;

/// Works out again how far students are in the course they are in: two statements, however many students. To be called
/// in the transaction that changed their attendance, their progress in subjects, or their course. It is no edit, so it
/// leaves versions alone, and it is not in the audit log: what it follows from is. How many were not as they should be.
pub async fn recompute(cx: &mut Cx, act: &Act, students: &[i64]) -> Result<usize> {
    let after =
        trackings(cx, students).await?.into_iter().filter_map(|(row, subjects, completed, attended, missed)| {
            let [subjects, completed, present, absent] =
                [subjects, completed, attended, missed].map(Option::unwrap_or_default);
            let counts = Counts { present, absent, ..Counts::default() };
            let after = row.completed(completion(completed, subjects, &counts), act.today);
            let same = row.completion.to_bits() == after.completion.to_bits() && row.status == after.status;
            (!same).then_some(after)
        });
    let after: Vec<CourseTrackingRow> = after.collect();
    for rows in after.chunks(dialect::rows_per_insert(COLUMNS)) {
        keep(cx, rows).await?;
    }
    Ok(after.len())
}

/// The trackings of students in the course they are in now, but for who has given up.
async fn trackings(cx: &mut Cx, of: &[i64]) -> Result<Vec<Basis>> {
    use attendance_totals as a;
    use course_trackings as t;
    let in_course = subjects::table.filter(subjects::course_id.eq(t::course_id)).count();
    let completed = subject_progress::table
        .inner_join(subjects::table)
        .filter(subject_progress::student_id.eq(t::student_id))
        .filter(subject_progress::status.eq(ProgressStatus::Completed))
        .filter(subjects::course_id.eq(t::course_id))
        .count();
    let classes = || {
        a::table
            .inner_join(subjects::table)
            .filter(a::student_id.eq(t::student_id))
            .filter(subjects::course_id.eq(t::course_id))
    };
    let rows = t::table
        .inner_join(students::table)
        .filter(t::student_id.eq_any(of))
        .filter(students::course_id.eq(t::course_id.nullable()))
        .filter(t::status.ne(ProgressStatus::Dropped))
        .select((
            CourseTrackingRow::as_select(),
            in_course.single_value(),
            completed.single_value(),
            classes().select(dsl::sum(a::present + a::late)).single_value(),
            classes().select(dsl::sum(a::absent)).single_value(),
        ))
        .load(cx)
        .await?;
    Ok(rows)
}

/// Writes what follows from completion. Neither database updates many rows to many values in a statement of Diesel's
/// but by an upsert: these rows are all there.
async fn keep(cx: &mut Cx, rows: &[CourseTrackingRow]) -> Result<()> {
    use course_trackings as t;
    let upsert = diesel::insert_into(t::table).values(rows.to_vec()).on_conflict(t::id).do_update().set((
        t::completion.eq(excluded(t::completion)),
        t::status.eq(excluded(t::status)),
        t::actual_end.eq(excluded(t::actual_end)),
    ));
    dialect::execute_batch(cx, upsert).await?;
    Ok(())
}
