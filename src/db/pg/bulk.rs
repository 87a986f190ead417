//! Loading an empty database at once, on PostgreSQL.

use diesel::{QueryResult, sql_query, sql_types::Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection, methods::ExecuteDsl};

/// An insert of many rows.
pub trait Batch: ExecuteDsl<AsyncPgConnection> + RunQueryDsl<AsyncPgConnection> + Send + 'static {}
impl<S> Batch for S where S: ExecuteDsl<AsyncPgConnection> + RunQueryDsl<AsyncPgConnection> + Send + 'static {}

/// Before rows are written, inside of the transaction: attendance is not counted row by row.
pub async fn begin(cx: &mut AsyncPgConnection) -> QueryResult<()> {
    cx.batch_execute(
        "SET LOCAL statement_timeout = 0; ALTER TABLE attendance_records DISABLE TRIGGER attendance_count;",
    )
    .await
}

/// After they are: counts attendance, and lets numbers go on after those that were given.
pub async fn finish(cx: &mut AsyncPgConnection) -> QueryResult<()> {
    cx.batch_execute(
        "ALTER TABLE attendance_records ENABLE TRIGGER attendance_count;
         SET LOCAL work_mem = '256MB';
         INSERT INTO attendance_totals (student_id, subject_id, present, absent, late, excused)
             SELECT student_id, subject_id,
                 count(*) FILTER (WHERE status = 'PRESENT'), count(*) FILTER (WHERE status = 'ABSENT'),
                 count(*) FILTER (WHERE status = 'LATE'), count(*) FILTER (WHERE status = 'EXCUSED')
             FROM attendance_records WHERE held GROUP BY student_id, subject_id;
         INSERT INTO attendance_months (student_id, month, present, absent, late, excused)
             SELECT student_id, date_trunc('month', date)::date AS month,
                 count(*) FILTER (WHERE status = 'PRESENT'), count(*) FILTER (WHERE status = 'ABSENT'),
                 count(*) FILTER (WHERE status = 'LATE'), count(*) FILTER (WHERE status = 'EXCUSED')
             FROM attendance_records WHERE held GROUP BY student_id, month;
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
         END $$;",
    )
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
