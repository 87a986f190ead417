//! What keeps completion: compiled for both databases.

use diesel::{prelude::*, sql_query};
use diesel_async::RunQueryDsl;

use super::Cx;
use crate::{change::Act, db::schema::course_trackings, error::Result, progress::model::ProgressStatus};

/// Computes the completion of the students' courses anew, of those under way: 70 % of the share of the course's subjects
/// that are completed, and 30 % of attendance in them. One at 100 is completed.
pub async fn recompute(cx: &mut Cx, act: &Act, students: &[i64]) -> Result<()> {
    if students.is_empty() {
        return Ok(());
    }
    let numbers = students.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let completion = format!(
        "UPDATE course_trackings SET completion = \
         coalesce(70.0 * (SELECT count(*) FROM subject_progress p JOIN subjects s ON s.id = p.subject_id \
             WHERE p.student_id = course_trackings.student_id AND s.course_id = course_trackings.course_id \
             AND p.status = 'COMPLETED') / nullif((SELECT count(*) FROM subjects s \
             WHERE s.course_id = course_trackings.course_id), 0), 0.0) + \
         coalesce((SELECT 30.0 * sum(a.present + a.late) / nullif(sum(a.present + a.late + a.absent), 0) \
             FROM attendance_totals a JOIN subjects s ON s.id = a.subject_id \
             WHERE a.student_id = course_trackings.student_id AND s.course_id = course_trackings.course_id), 0.0) \
         WHERE student_id IN ({numbers}) AND status IN ('NOT_STARTED', 'IN_PROGRESS')"
    );
    sql_query(completion).execute(cx).await?;
    let under_way = [ProgressStatus::NotStarted, ProgressStatus::InProgress];
    let done = course_trackings::table
        .filter(course_trackings::student_id.eq_any(students))
        .filter(course_trackings::status.eq_any(under_way))
        .filter(course_trackings::completion.ge(100.0));
    diesel::update(done)
        .set((course_trackings::status.eq(ProgressStatus::Completed), course_trackings::actual_end.eq(act.today)))
        .execute(cx)
        .await?;
    Ok(())
}
