//! The two databases say the same: tables, columns, keys and indexes; and their constraints hold.

use std::collections::BTreeSet;

use diesel::{QueryableByName, sql_types::Text};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use rollcall::db::Db;

use crate::support::{Backend, TestDatabase, options};

type Sqlite = diesel_async::sync_connection_wrapper::SyncConnectionWrapper<diesel::SqliteConnection>;

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

const POSTGRES_CATALOG: &str = "
WITH ours AS (
    SELECT oid, relname FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> '__diesel_schema_migrations'
), keys AS (
    SELECT conrelid, contype, confrelid, confdeltype, array_to_string(ARRAY(
        SELECT attname FROM unnest(conkey) WITH ORDINALITY AS k (num, place)
        JOIN pg_attribute ON attrelid = conrelid AND attnum = num ORDER BY place), ',') AS columns
    FROM pg_constraint
)
SELECT 'column ' || relname || '.' || attname || ' ' || replace(replace(format_type(atttypid, NULL), 'bigint', 'integer'),
    ' without time zone', '') || CASE WHEN attnotnull THEN ' not null' ELSE '' END AS line
FROM ours JOIN pg_attribute ON attrelid = ours.oid AND attnum > 0 AND NOT attisdropped
UNION ALL SELECT 'primary key ' || relname || ' ' || columns FROM ours JOIN keys ON conrelid = ours.oid AND contype = 'p'
UNION ALL SELECT 'foreign key ' || relname || ' ' || columns || ' -> ' || confrelid::regclass || ' on delete '
    || CASE confdeltype WHEN 'r' THEN 'restrict' WHEN 'c' THEN 'cascade' WHEN 'n' THEN 'set null' ELSE 'nothing stated' END
    FROM ours JOIN keys ON conrelid = ours.oid AND contype = 'f'
UNION ALL SELECT 'unique ' || relname || ' ' || array_to_string(ARRAY(
        SELECT attname FROM unnest(indkey::smallint[]) WITH ORDINALITY AS k (num, place)
        JOIN pg_attribute ON attrelid = indrelid AND attnum = num ORDER BY place), ',')
    FROM ours JOIN pg_index ON indrelid = ours.oid AND indisunique AND NOT indisprimary
UNION ALL SELECT 'index ' || relname || '.' || indexname FROM ours JOIN pg_indexes ON tablename = relname
    WHERE NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conname = indexname)";

const SQLITE_CATALOG: &str = "
WITH ours AS (
    SELECT name FROM sqlite_master
    WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name <> '__diesel_schema_migrations'
)
SELECT 'column ' || ours.name || '.' || c.name || ' '
    || CASE lower(c.type) WHEN 'bigint' THEN 'integer' WHEN 'blob' THEN 'bytea' WHEN 'double' THEN 'double precision'
        ELSE lower(c.type) END
    || CASE WHEN c.\"notnull\" OR c.pk THEN ' not null' ELSE '' END AS line
FROM ours, pragma_table_info(ours.name) AS c
UNION ALL SELECT 'primary key ' || name || ' ' || columns FROM (
    SELECT ours.name, group_concat(c.name, ',' ORDER BY c.pk) AS columns
    FROM ours, pragma_table_info(ours.name) AS c WHERE c.pk GROUP BY ours.name)
UNION ALL SELECT 'foreign key ' || name || ' ' || columns || ' -> ' || target || ' on delete ' || rule FROM (
    SELECT ours.name, f.\"table\" AS target, replace(lower(f.on_delete), 'no action', 'nothing stated') AS rule,
        group_concat(f.\"from\", ',' ORDER BY f.seq) AS columns
    FROM ours, pragma_foreign_key_list(ours.name) AS f GROUP BY ours.name, f.id)
UNION ALL SELECT 'unique ' || name || ' ' || columns FROM (
    SELECT ours.name, group_concat(c.name, ',' ORDER BY c.seqno) AS columns
    FROM ours, pragma_index_list(ours.name) AS i, pragma_index_info(i.name) AS c
    WHERE i.\"unique\" AND i.origin <> 'pk' GROUP BY ours.name, i.name)
UNION ALL SELECT 'index ' || tbl_name || '.' || name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL";

/// What the catalogue says, a line a thing.
async fn catalog(database: &TestDatabase) -> BTreeSet<String> {
    let lines: Vec<Line> = match database.url.strip_prefix("sqlite:") {
        Some(path) => {
            let mut cx = Sqlite::establish(path).await.unwrap();
            diesel::sql_query(SQLITE_CATALOG).load(&mut cx).await.unwrap()
        }
        None => {
            let mut cx = AsyncPgConnection::establish(&database.url).await.unwrap();
            diesel::sql_query(POSTGRES_CATALOG).load(&mut cx).await.unwrap()
        }
    };
    lines.into_iter().map(|line| line.line).collect()
}

async fn open(database: &TestDatabase) -> Db {
    Db::open(&database.url, options()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_databases_have_the_same_tables_columns_keys_and_indexes() {
    let sqlite = TestDatabase::empty(Backend::Sqlite).await;
    let postgres = TestDatabase::empty(Backend::Postgres).await;
    for database in [&sqlite, &postgres] {
        open(database).await.migrate().await.unwrap();
    }
    let (sqlite, postgres) = (catalog(&sqlite).await, catalog(&postgres).await);
    let only_sqlite: Vec<_> = sqlite.difference(&postgres).collect();
    let only_postgres: Vec<_> = postgres.difference(&sqlite).collect();
    assert!(
        only_sqlite.is_empty() && only_postgres.is_empty(),
        "SQLite {only_sqlite:#?}, PostgreSQL {only_postgres:#?}"
    );
    assert!(sqlite.len() > 300, "the catalogue was read: {} lines", sqlite.len());
    let unstated: Vec<_> = postgres.iter().filter(|line| line.ends_with("nothing stated")).collect();
    assert!(unstated.is_empty(), "every foreign key states what deleting does: {unstated:#?}");
}

/// The columns that `schema.rs` tells Diesel of, as the catalogue's lines.
fn generated_columns() -> BTreeSet<String> {
    let source = include_str!("../../src/db/schema.rs");
    let tables = source.split("diesel::joinable!").next().unwrap();
    let tables = tables.split("diesel::table! {").skip(1).flat_map(|block| {
        let mut lines = block.lines().map(str::trim).filter(|line| !line.is_empty());
        let table = lines.next().unwrap().split(' ').next().unwrap().to_owned();
        let columns: Vec<String> = lines
            .filter_map(|line| line.trim_end_matches(',').split_once(" -> "))
            .filter(|(name, _)| !name.starts_with('#'))
            .map(|(name, kind)| {
                let bare = kind.trim_start_matches("Nullable<").trim_end_matches('>');
                let sql = match bare {
                    "Int8" | "Int4" => "integer",
                    "Bool" => "boolean",
                    "Float8" => "double precision",
                    other => &other.to_lowercase(),
                };
                let null = if bare == kind { " not null" } else { "" };
                format!("column {table}.{} {sql}{null}", name.trim_end_matches('_'))
            })
            .collect();
        columns
    });
    tables.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn schema_rs_is_what_the_migrations_make() {
    let database = TestDatabase::empty(Backend::Postgres).await;
    open(&database).await.migrate().await.unwrap();
    let catalog: BTreeSet<String> =
        catalog(&database).await.into_iter().filter(|line| line.starts_with("column ")).collect();
    let generated = generated_columns();
    let (missing, stale): (Vec<_>, Vec<_>) =
        (catalog.difference(&generated).collect(), generated.difference(&catalog).collect());
    assert!(
        missing.is_empty() && stale.is_empty(),
        "missing {missing:#?}, stale {stale:#?}: run `diesel print-schema`"
    );
}

async fn goes_up_down_and_up_again(backend: Backend) {
    let database = TestDatabase::empty(backend).await;
    let db = open(&database).await;
    let applied = db.migrate().await.unwrap();
    let once = catalog(&database).await;
    assert_eq!(db.pending_migrations().await.unwrap(), Vec::<String>::new());
    assert_eq!(db.revert().await.unwrap().len(), applied.len());
    assert_eq!(catalog(&database).await, BTreeSet::new(), "down leaves nothing");
    assert_eq!(db.pending_migrations().await.unwrap().len(), applied.len());
    db.migrate().await.unwrap();
    assert_eq!(catalog(&database).await, once);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_goes_up_down_and_up_again() {
    goes_up_down_and_up_again(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_goes_up_down_and_up_again() {
    goes_up_down_and_up_again(Backend::Postgres).await;
}

/// Statements that a constraint must refuse, on data that is otherwise right; each with a word of the refusal.
const REFUSED: &[(&str, &str)] = &[
    ("INSERT INTO institute (id, name, time_zone) VALUES (2, 'Another', 'UTC')", "check"),
    ("UPDATE accounts SET email = 'Upper@Example.org' WHERE id = 1", "check"),
    ("UPDATE accounts SET email = (SELECT email FROM accounts WHERE id = 2) WHERE id = 1", "unique"),
    ("UPDATE accounts SET phone = '0123' WHERE id = 1", "check"),
    (
        "UPDATE accounts SET phone = (SELECT phone FROM accounts WHERE phone IS NOT NULL AND id > 5 LIMIT 1) WHERE id = 1",
        "unique",
    ),
    ("UPDATE students SET current_period = 99 WHERE course_id IS NOT NULL", "foreign key"),
    ("UPDATE students SET current_period = NULL WHERE course_id IS NOT NULL", "check"),
    ("DELETE FROM students WHERE id = (SELECT student_id FROM attendance_records LIMIT 1)", "foreign key"),
    ("UPDATE courses SET duration_years = 0", "check"),
    ("UPDATE courses SET duration_years = 1, duration_type = 'YEAR'", "foreign key"),
    ("UPDATE routines SET starts_at = ends_at", "check"),
    ("UPDATE routines SET weekdays = 128", "check"),
    ("UPDATE attendance_records SET status = 'AWAY'", "check"),
    ("UPDATE attendance_records SET held = NOT held", "foreign key"),
    ("UPDATE meetings SET status = 'CANCELLED', open = FALSE, cancellation_reason = NULL", "check"),
    ("UPDATE leave_requests SET first_day = '2030-01-02', last_day = '2030-01-01'", "check"),
    ("UPDATE leave_requests SET student_id = 1, staff_id = 1", "check"),
    ("UPDATE leave_requests SET decided_by = requested_by WHERE decided_by IS NOT NULL", "check"),
    ("UPDATE teacher_feedback SET half_stars = 11", "check"),
    ("UPDATE course_trackings SET completion = 100.5", "check"),
    (
        "INSERT INTO api_keys (name, prefix, key_hash, scope, created_by, created_at, expires_at) \
         VALUES ('a', 'rck_AAAA', 'a', 'EVERYTHING', 1, '2026-03-20 09:00:00', '2026-03-21 09:00:00')",
        "check",
    ),
    (
        "INSERT INTO api_keys (name, prefix, key_hash, scope, created_by, created_at, expires_at) \
         VALUES ('a', 'rck_AAAA', 'a', 'AGGREGATES', 1, '2026-03-20 09:00:00', '2026-03-20 09:00:00')",
        "check",
    ),
    (
        "INSERT INTO sessions (account_id, token_hash, created_at, last_used_at, expires_at, device) \
         VALUES (1, 'a', '2026-03-20 09:00:00', '2026-03-20 09:00:00', '2026-03-21 09:00:00', '')",
        "check",
    ),
    (
        "INSERT INTO one_time_codes (account_id, purpose, code_hash, created_at, expires_at, hour_began_at, issued) \
         VALUES (1, 'ANYTHING', 'a', '2026-03-20 09:00:00', '2026-03-20 09:10:00', '2026-03-20 09:00:00', 1)",
        "check",
    ),
    (
        "INSERT INTO one_time_codes (account_id, purpose, code_hash, created_at, expires_at, attempts, hour_began_at, issued) \
         VALUES (1, 'RESET', 'a', '2026-03-20 09:00:00', '2026-03-20 09:10:00', 6, '2026-03-20 09:00:00', 1)",
        "check",
    ),
    (
        "INSERT INTO identities (account_id, issuer, subject, created_at, last_used_at) \
         SELECT id, 'https://a.example', 'one', '2026-03-20 09:00:00', '2026-03-20 09:00:00' FROM accounts WHERE id <= 2",
        "unique",
    ),
    (
        "INSERT INTO identities (account_id, issuer, subject, created_at, last_used_at) \
         SELECT 1, 'https://a.example', email, '2026-03-20 09:00:00', '2026-03-20 09:00:00' FROM accounts WHERE email IS NOT NULL",
        "unique",
    ),
    (
        "INSERT INTO routines (course_id, period, subject_id, teacher_id, weekdays, starts_at, ends_at, active) \
         SELECT course_id, period, subject_id, teacher_id, weekdays, starts_at, ends_at, TRUE FROM routines WHERE active LIMIT 1",
        "busy",
    ),
    (
        "INSERT INTO meetings (staff_id, starts_at, ends_at, status, open, online, created_at) \
         SELECT staff_id, starts_at, ends_at, 'SCHEDULED', TRUE, FALSE, created_at FROM meetings WHERE open LIMIT 1",
        "busy",
    ),
];

async fn refuses_what_the_rules_forbid(backend: Backend) {
    let database = TestDatabase::filled(backend).await;
    for (statement, word) in REFUSED {
        let refused = match database.url.strip_prefix("sqlite:") {
            Some(path) => {
                let mut cx = Sqlite::establish(path).await.unwrap();
                cx.batch_execute("PRAGMA foreign_keys = ON").await.unwrap();
                cx.batch_execute(statement).await
            }
            None => AsyncPgConnection::establish(&database.url).await.unwrap().batch_execute(statement).await,
        };
        let refusal = refused.expect_err(statement).to_string().to_lowercase();
        assert!(refusal.contains(word), "{statement}: {refusal}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_refuses_what_the_rules_forbid() {
    refuses_what_the_rules_forbid(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_refuses_what_the_rules_forbid() {
    refuses_what_the_rules_forbid(Backend::Postgres).await;
}
