//! What loading much at once takes on the embedded database.

use diesel::{QueryResult, SqliteConnection, query_dsl::methods::ExecuteDsl};
use diesel_async::SimpleAsyncConnection;

use super::{Cx, dialect};
use crate::{attendance::marking::Mark, db::schema::attendance_records};

/// An insert of many rows.
pub trait Batch: ExecuteDsl<SqliteConnection> + Send + 'static {}
impl<S> Batch for S where S: ExecuteDsl<SqliteConnection> + Send + 'static {}

/// Run first: nothing is wanted.
pub const BEGIN: &str = "";

/// What is taken off the attendance records while they are written, and put back after, in its own words: to count and to
/// index row by row is most of the work.
pub const SET_ASIDE: &str = "
    SELECT 'DROP ' || type || ' \"' || name || '\"' AS away, sql AS back FROM sqlite_master
    WHERE tbl_name = 'attendance_records' AND type IN ('trigger', 'index') AND sql IS NOT NULL";

/// Counts attendance, as the triggers would have, and says which marks come of leave: all that are EXCUSED, unless somebody
/// corrected them by hand. Numbers go on after those that were given by themselves.
pub const FINISH: &str = "
    INSERT INTO attendance_totals (student_id, subject_id, present, absent, late, excused)
        SELECT student_id, subject_id,
            count(*) FILTER (WHERE status = 'PRESENT'), count(*) FILTER (WHERE status = 'ABSENT'),
            count(*) FILTER (WHERE status = 'LATE'), count(*) FILTER (WHERE status = 'EXCUSED')
        FROM attendance_records WHERE held GROUP BY student_id, subject_id;
    INSERT INTO attendance_months (student_id, month, present, absent, late, excused)
        SELECT student_id, date(date, 'start of month') AS month,
            count(*) FILTER (WHERE status = 'PRESENT'), count(*) FILTER (WHERE status = 'ABSENT'),
            count(*) FILTER (WHERE status = 'LATE'), count(*) FILTER (WHERE status = 'EXCUSED')
        FROM attendance_records WHERE held GROUP BY student_id, date(date, 'start of month');
    INSERT INTO attendance_excuses (session_id, student_id, leave_request_id)
        SELECT r.session_id, r.student_id, l.id FROM attendance_records r
        JOIN leave_requests l ON l.student_id = r.student_id AND l.status = 'APPROVED'
            AND r.date BETWEEN l.first_day AND l.last_day
        WHERE r.status = 'EXCUSED' AND NOT EXISTS (SELECT 1 FROM attendance_corrections c
            WHERE c.session_id = r.session_id AND c.student_id = r.student_id)";

/// Inserts records of attendance.
pub async fn records(cx: &mut Cx, records: Vec<Mark>) -> QueryResult<usize> {
    dialect::execute_batch(cx, diesel::insert_into(attendance_records::table).values(records)).await
}

/// After the transaction: what the planner goes by; and the log is written back.
pub async fn settle(cx: &mut Cx) -> QueryResult<()> {
    cx.batch_execute("ANALYZE; PRAGMA wal_checkpoint(TRUNCATE)").await
}
