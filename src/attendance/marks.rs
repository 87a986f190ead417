//! Marks, corrections and what leave did to marks, written many at once: one statement for each, unless there are
//! thousands. Compiled for both databases.

use diesel::{prelude::*, upsert::excluded};

use super::{Cx, dialect};
use crate::{
    attendance::marking::{Correction, Excuse, Mark},
    db::schema::{attendance_corrections, attendance_excuses, attendance_records},
    error::Result,
};

/// Columns of the widest of the rows written here.
const COLUMNS: usize = 7;

/// Writes marks: of who has none in that session, and of who has another one.
pub async fn put(cx: &mut Cx, marks: Vec<Mark>) -> Result<()> {
    use attendance_records as r;
    for marks in marks.chunks(dialect::rows_per_insert(COLUMNS)) {
        let upsert = diesel::insert_into(r::table)
            .values(marks.to_vec())
            .on_conflict((r::session_id, r::student_id))
            .do_update()
            .set(r::status.eq(excluded(r::status)));
        dialect::execute_batch(cx, upsert).await?;
    }
    Ok(())
}

/// Writes down what marks were.
pub async fn correct(cx: &mut Cx, corrections: Vec<Correction>) -> Result<()> {
    for rows in corrections.chunks(dialect::rows_per_insert(COLUMNS)) {
        let insert = diesel::insert_into(attendance_corrections::table).values(rows.to_vec());
        dialect::execute_batch(cx, insert).await?;
    }
    Ok(())
}

/// Writes down what leave did to marks; of marks that came of another leave, that they come of this one.
pub async fn excuse(cx: &mut Cx, excuses: Vec<Excuse>) -> Result<()> {
    use attendance_excuses as e;
    for rows in excuses.chunks(dialect::rows_per_insert(COLUMNS)) {
        let upsert = diesel::insert_into(e::table)
            .values(rows.to_vec())
            .on_conflict((e::session_id, e::student_id))
            .do_update()
            .set(e::leave_request_id.eq(excluded(e::leave_request_id)));
        dialect::execute_batch(cx, upsert).await?;
    }
    Ok(())
}
