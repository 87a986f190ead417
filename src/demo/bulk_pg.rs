//! What loading much at once takes on the server.

use diesel::{
    QueryResult,
    pg::sql_types::Array,
    sql_query,
    sql_types::{BigInt, Bool, Date, Text},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection, methods::ExecuteDsl};

use crate::attendance::marking::Mark;

/// An insert of many rows.
pub trait Batch: ExecuteDsl<AsyncPgConnection> + RunQueryDsl<AsyncPgConnection> + Send + 'static {}
impl<S> Batch for S where S: ExecuteDsl<AsyncPgConnection> + RunQueryDsl<AsyncPgConnection> + Send + 'static {}

/// Run first: inserting takes as long as it takes.
pub const BEGIN: &str = "SET LOCAL statement_timeout = 0; SET LOCAL work_mem = '128MB'; \
     SET LOCAL maintenance_work_mem = '256MB'";

/// What is taken off the attendance records while they are written, and put back after, as the catalogue has it: to count,
/// to check and to index row by row is most of the work, and all of it together is little.
pub const SET_ASIDE: &str = "
    SELECT 'ALTER TABLE attendance_records DISABLE TRIGGER attendance_count' AS away,
        'ALTER TABLE attendance_records ENABLE TRIGGER attendance_count' AS back
    UNION ALL SELECT format('ALTER TABLE attendance_records DROP CONSTRAINT %I', conname),
        format('ALTER TABLE attendance_records ADD CONSTRAINT %I %s', conname, pg_get_constraintdef(oid))
        FROM pg_constraint WHERE conrelid = 'attendance_records'::regclass AND contype = 'f'
    UNION ALL SELECT format('DROP INDEX %s', indexrelid::regclass), pg_get_indexdef(indexrelid)
        FROM pg_index WHERE indrelid = 'attendance_records'::regclass AND NOT indisunique";

/// Counts attendance, as the trigger would have; says which marks come of leave: all that are EXCUSED, unless somebody
/// corrected them by hand; and lets numbers go on after those that were given.
pub const FINISH: &str = "
    INSERT INTO attendance_totals (student_id, subject_id, present, absent, late, excused)
        SELECT student_id, subject_id,
            count(*) FILTER (WHERE status = 'PRESENT'), count(*) FILTER (WHERE status = 'ABSENT'),
            count(*) FILTER (WHERE status = 'LATE'), count(*) FILTER (WHERE status = 'EXCUSED')
        FROM attendance_records WHERE held GROUP BY student_id, subject_id;
    INSERT INTO attendance_months (student_id, month, present, absent, late, excused)
        SELECT student_id, date_trunc('month', date)::date AS month,
            count(*) FILTER (WHERE status = 'PRESENT'), count(*) FILTER (WHERE status = 'ABSENT'),
            count(*) FILTER (WHERE status = 'LATE'), count(*) FILTER (WHERE status = 'EXCUSED')
        FROM attendance_records WHERE held GROUP BY student_id, date_trunc('month', date);
    INSERT INTO attendance_excuses (session_id, student_id, leave_request_id)
        SELECT r.session_id, r.student_id, l.id FROM attendance_records r
        JOIN leave_requests l ON l.student_id = r.student_id AND l.status = 'APPROVED'
            AND r.date BETWEEN l.first_day AND l.last_day
        WHERE r.status = 'EXCUSED' AND NOT EXISTS (SELECT 1 FROM attendance_corrections c
            WHERE c.session_id = r.session_id AND c.student_id = r.student_id);
    DO $$
    DECLARE
        c record;
    BEGIN
        FOR c IN SELECT table_name, column_name FROM information_schema.columns
            WHERE table_schema = current_schema() AND is_identity = 'YES'
        LOOP
            EXECUTE format('SELECT setval(pg_get_serial_sequence(%L, %L), max(%I)) FROM %I HAVING count(*) > 0',
                quote_ident(c.table_name), c.column_name, c.column_name, c.table_name);
        END LOOP;
    END $$";

/// Inserts records of attendance: with a bind a column there is far less to parse than with a bind a value.
pub async fn records(cx: &mut AsyncPgConnection, records: Vec<Mark>) -> QueryResult<usize> {
    let insert = sql_query(
        "INSERT INTO attendance_records (session_id, student_id, status, date, subject_id, held)
         SELECT * FROM unnest($1, $2, $3, $4, $5, $6)",
    );
    insert
        .bind::<Array<BigInt>, _>(records.iter().map(|record| record.session_id).collect::<Vec<_>>())
        .bind::<Array<BigInt>, _>(records.iter().map(|record| record.student_id).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(records.iter().map(|record| record.status.as_str()).collect::<Vec<_>>())
        .bind::<Array<Date>, _>(records.iter().map(|record| record.date).collect::<Vec<_>>())
        .bind::<Array<BigInt>, _>(records.iter().map(|record| record.subject_id).collect::<Vec<_>>())
        .bind::<Array<Bool>, _>(records.iter().map(|record| record.held).collect::<Vec<_>>())
        .execute(cx)
        .await
}

/// After the transaction: what the planner goes by, and what lets it read indexes alone.
pub async fn settle(cx: &mut AsyncPgConnection) -> QueryResult<()> {
    #[derive(diesel::QueryableByName)]
    struct Setting {
        #[diesel(sql_type = Text)]
        value: String,
    }
    let before: Setting = sql_query("SELECT current_setting('statement_timeout') AS value").get_result(cx).await?;
    cx.batch_execute("SET statement_timeout = 0").await?;
    let vacuum = cx.batch_execute("VACUUM (ANALYZE)").await;
    sql_query("SELECT set_config('statement_timeout', $1, false)").bind::<Text, _>(before.value).execute(cx).await?;
    vacuum
}
