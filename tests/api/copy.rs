//! `rollcall db copy`: an institute from one database into another, the same in both or not at all.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead, BufReader},
    process::{Output, Stdio},
    sync::Arc,
    time::Duration,
};

use rollcall::{db::Db, demo::cast};
use serde_json::json;

use crate::{
    commands::{Running, rollcall, run, text},
    support::{Backend, Client, TestApp, TestDatabase, options},
};

/// Rows of every table that the demonstration institute leaves empty, and what is hard to carry: more digits than PostgreSQL
/// keeps, texts that look like SQL, totals of nothing, more keys of text than fit a page, and numbers given to rows that are
/// gone.
const MORE: &str = "
    INSERT INTO sessions (account_id, token_hash, created_at, last_used_at, expires_at, device) VALUES
        (1, X'00FF27', '2026-03-20 09:00:00.123456789', '2026-03-20 09:00:00.999999999', '2026-03-21 09:00:00', 'O''Brien''s \"phone\"'),
        (1, X'', '2026-03-20 09:00:00.5', '2026-03-20 09:00:00.000001', '2026-03-21 09:00:00', NULL);
    INSERT INTO devices (account_id, token, platform, created_at) VALUES (1, 'टोकन; DROP TABLE devices --', 'ANDROID', '2026-03-20 09:00:00');
    INSERT INTO api_keys (name, prefix, key_hash, scope, created_by, created_at, expires_at)
        VALUES ('a', 'rck_AAAA', X'01', 'AGGREGATES', 1, '2026-03-20 09:00:00', '2026-03-21 09:00:00');
    INSERT INTO access_entries (at, api_key_id, outcome, type_name, field_name, row_count, request_id)
        VALUES ('2026-03-20 09:00:00', 1, 'READ', 'Student', 'phone', 2, 'r');
    INSERT INTO access_subjects (entry_id, subject_id) VALUES (1, 9223372036854775807), (1, -1);
    INSERT INTO audit_entries (at, account_id, action, subject_type, subject_id, before, after, request_id)
        VALUES ('2026-03-20 09:00:00', NULL, 'a', 'Student', 1, '', NULL, 'r');
    INSERT INTO client_mutations (account_id, key, mutation, input_digest, result, at)
        VALUES (1, 'B', 'm', X'02', '{}', '2026-03-20 09:00:00'), (1, 'a', 'm', X'03', '{}', '2026-03-20 09:00:00');
    INSERT INTO one_time_codes (account_id, purpose, code_hash, created_at, expires_at, hour_began_at, issued)
        VALUES (1, 'RESET', X'04', '2026-03-20 09:00:00', '2026-03-20 09:10:00', '2026-03-20 09:00:00', 1);
    INSERT INTO second_factors (account_id, secret, created_at) VALUES (2, X'05', '2026-03-20 09:00:00');
    INSERT INTO recovery_codes (account_id, code_hash) VALUES (2, X'80'), (2, X'7F');
    INSERT INTO second_factor_roles (role) VALUES ('HOD');
    INSERT INTO identities (account_id, issuer, subject, created_at, last_used_at)
        VALUES (1, 'https://a.example', 'one', '2026-03-20 09:00:00', '2026-03-20 09:00:00');
    INSERT INTO events (id, kind, subject_id, at) VALUES (1, 'NOTICE_PUBLISHED', 1, '2026-03-20 09:00:00');
    INSERT INTO events (id, kind, subject_id, at) VALUES (1000, 'NOTICE_PUBLISHED', 1, '2026-03-20 09:00:00');
    DELETE FROM events WHERE id = 1000;
    INSERT INTO event_topics (topic, event_id) SELECT 'Öffentlich:' || s.id || char(64 + n.n), 1 FROM students s, period_numbers n;
    INSERT INTO notifications (account_id, event_id, at) VALUES (1, 1, '2026-03-20 09:00:00');
    INSERT INTO jobs (key, kind, priority, payload, due_at, created_at)
        VALUES ('a', 'DELIVER', 1, '{\"a\": \"\\u0000\"}', '2026-03-20 09:00:00', '2026-03-20 09:00:00');
    INSERT INTO notification_jobs (job_id, notification_id) VALUES (1, 1);
    INSERT INTO notification_settings (account_id, language, digest, quiet_from, quiet_to) VALUES (1, 'NE', TRUE, '22:15:00', '06:00:00');
    INSERT INTO notification_choices (account_id, category, channel, wanted) VALUES (1, 'NOTICE', 'SMS', FALSE);
    INSERT INTO schedules (name, next_at) VALUES ('daily', '2026-03-21 00:00:00');
    INSERT INTO exports (account_id, course_id, first_day, last_day, created_at) VALUES (1, 1, '2026-03-01', '2026-03-20', '2026-03-20 09:00:00');
    INSERT INTO attendance_totals (student_id, subject_id) SELECT s.id, b.id FROM students s, subjects b
        WHERE NOT EXISTS (SELECT 1 FROM attendance_totals t WHERE t.student_id = s.id AND t.subject_id = b.id) LIMIT 1;
    UPDATE subject_progress SET completion = 33.333333333333336 WHERE id = 1;
    UPDATE subject_progress SET completion = 1e-300 WHERE id = 2;
";

const DEVELOPMENT: (&str, &str) = ("ENVIRONMENT", "development");

fn copy(from: &TestDatabase, to: &TestDatabase) -> Output {
    run(&["db", "copy", "--from", &from.url, "--to", &to.url], &[DEVELOPMENT])
}

/// What the command says of each table.
#[track_caller]
fn copied(output: &Output) -> BTreeMap<String, (u64, String)> {
    assert!(output.status.success(), "{}", text(&output.stderr));
    let printed = text(&output.stdout);
    let (tables, last) = printed.trim_end().rsplit_once('\n').unwrap();
    let lines: BTreeMap<_, _> = tables
        .lines()
        .map(|line| {
            let [table, rows, digest] = line.split_whitespace().collect::<Vec<_>>().try_into().unwrap();
            (table.to_owned(), (rows.parse().unwrap(), digest.to_owned()))
        })
        .collect();
    let rows: u64 = lines.values().map(|(rows, _)| rows).sum();
    assert_eq!(last, format!("{} tables, {rows} rows: the same in both", lines.len()));
    lines
}

/// Why the command has refused to copy.
#[track_caller]
fn refused(output: &Output) -> String {
    assert_eq!((output.status.code(), &*text(&output.stdout)), (Some(1), ""), "{}", text(&output.stderr));
    text(&output.stderr)
}

async fn migrated(backend: Backend) -> TestDatabase {
    let database = TestDatabase::empty(backend).await;
    Db::open(&database.url, options()).await.unwrap().migrate().await.unwrap();
    database
}

async fn tables(database: &TestDatabase) -> BTreeSet<String> {
    let query = if database.url.starts_with("sqlite:") {
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
    } else {
        "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'"
    };
    let mut tables: BTreeSet<String> = database.texts(query).await.into_iter().collect();
    assert!(tables.remove("__diesel_schema_migrations"));
    tables
}

/// How many rows each table has, asked without the command.
async fn counts(database: &TestDatabase) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for table in tables(database).await {
        let count = database.numbers(&format!("SELECT count(*) FROM {table}")).await[0];
        counts.insert(table, u64::try_from(count).unwrap());
    }
    counts
}

#[track_caller]
fn is_empty(counts: &BTreeMap<String, u64>) {
    assert!(counts.len() > 50 && counts.values().all(|rows| *rows == 0), "{counts:?}");
}

/// Everything that [`TestDatabase::contents`] tells, without when the migrations were applied.
async fn contents(database: &TestDatabase) -> Vec<String> {
    let contents = database.contents().await;
    contents.into_iter().filter(|table| !table.starts_with("__diesel_schema_migrations ")).collect()
}

async fn counters(sqlite: &TestDatabase) -> Vec<String> {
    sqlite.texts("SELECT name || ' ' || seq FROM sqlite_sequence WHERE seq > 0 ORDER BY name").await
}

/// The demonstration institute with something in every table.
async fn whole() -> TestApp {
    let app = TestApp::start(Backend::Sqlite).await;
    app.database.execute(MORE).await;
    app
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_table_arrives_as_it_was_and_comes_back() {
    let app = whole().await;
    let (there, back) = (migrated(Backend::Postgres).await, migrated(Backend::Sqlite).await);
    let first = copied(&copy(&app.database, &there));
    let second = copied(&copy(&there, &back));
    assert_eq!(first, second, "the digests do not depend on the database");

    let expected = counts(&app.database).await;
    let none: Vec<_> = expected.iter().filter(|(_, rows)| **rows == 0).collect();
    assert!(none.is_empty(), "put a row of a new table into MORE: {none:?}");
    assert!(expected["event_topics"] > 1000 && expected["attendance_records"] > 1000, "more than a page: {expected:?}");
    let rows = |copied: &BTreeMap<String, (u64, String)>| -> BTreeMap<String, u64> {
        copied.iter().map(|(table, (rows, _))| (table.clone(), *rows)).collect()
    };
    assert_eq!(rows(&first), expected);
    assert_eq!(counts(&there).await, expected);

    assert_eq!(contents(&back).await, contents(&app.database).await);
    assert_eq!(counters(&back).await, counters(&app.database).await);
    let times = "SELECT created_at || ' ' || last_used_at FROM sessions ORDER BY id";
    assert_eq!(
        back.texts(times).await,
        ["2026-03-20 09:00:00.123456 2026-03-20 09:00:00.999999", "2026-03-20 09:00:00.500 2026-03-20 09:00:00.000001"],
        "to the microsecond"
    );
    assert_eq!(
        there.texts("SELECT device FROM sessions WHERE token_hash = '\\x00ff27'").await,
        ["O'Brien's \"phone\""]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn numbers_go_on_after_the_last_that_was_given() {
    let app = whole().await;
    let there = migrated(Backend::Postgres).await;
    copied(&copy(&app.database, &there));
    let numbered = there
        .texts("SELECT table_name::text FROM information_schema.columns WHERE table_schema = 'public' AND is_identity = 'YES'")
        .await;
    assert!(numbered.len() > 25, "{numbered:?}");
    for table in numbered {
        let next = format!("SELECT nextval(pg_get_serial_sequence('{table}', 'id'))");
        let last = format!("SELECT seq FROM sqlite_sequence WHERE name = '{table}'");
        assert_eq!(there.numbers(&next).await[0], app.number(&last).await + 1, "{table}");
    }
}

const ADMINISTRATOR: [&str; 4] = [
    "{ students(first: 60, orderBy: {field: NAME, direction: ASC}) { totalCount edges { node { id name phone birthDate batches { name } \
       parents { id name phone } attendanceSummary { present absent late excused percentage } } } } }",
    "{ leaveRequests(filter: { status: APPROVED }) { edges { node { id firstDay lastDay student { name } staff { name } } } } }",
    "{ courses(first: 100) { edges { node { id name progress { averageCompletion onTrack atRisk } students { totalCount } \
       report { students attendancePercentage } } } } }",
    "{ meetings(first: 30) { totalCount edges { node { id startsAt status viewerCan { accept move cancel complete } } } } }",
];

const PARENT: [&str; 2] = [
    "{ viewer { parent { students { edges { node { id name batches { name } \
       attendanceSummary { present absent late excused percentage } } } } } } }",
    "{ meetings(first: 30) { totalCount edges { node { id startsAt status } } } }",
];

/// The copy answers as the source does, to sessions and passwords of the source, and can be changed.
async fn serves_the_same(backend: Backend) {
    let app = whole().await;
    let session = app.sign_in(cast::ADMIN).await;
    let database = migrated(backend).await;
    copied(&copy(&app.database, &database));
    let there = app.over(backend, Arc::new(database)).await;

    for (who, queries) in [(cast::ADMIN, &ADMINISTRATOR[..]), (cast::PARENT, &PARENT[..])] {
        let (here, there) = (app.sign_in(who).await, there.sign_in(who).await);
        for query in queries {
            let expected = here.ask(query).await.ok().text;
            assert!(expected.len() > 100, "{who} is told something: {expected}");
            assert_eq!(there.ask(query).await.ok().text, expected, "{who}: {query}");
        }
    }
    let session = Client::new(there.url("/graphql"), session.token);
    assert_eq!(session.data("{ viewer { roles } }").await["viewer"]["roles"], json!(["ADMIN"]), "a session goes on");

    let admin = there.sign_in(cast::ADMIN).await;
    admin.done("createBatch", json!({"name": "Evening", "startDate": "2026-09-01"}), "batch { id }").await;
    let notice = json!({"title": "Moved", "message": "We have moved.", "audience": {"everybody": true}});
    admin.done("publishNotice", notice, "notice { id }").await;
    let student = json!({"name": "Ada Lane", "gender": "FEMALE", "birthDate": "2010-05-06",
        "parents": [{"name": "Mary Lane", "phone": "+977 980-000-0001"}]});
    admin.done("admitStudent", student, "student { id }").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_on_postgres_is_served_as_its_source() {
    Box::pin(serves_the_same(Backend::Postgres)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_on_sqlite_is_served_as_its_source() {
    Box::pin(serves_the_same(Backend::Sqlite)).await;
}

async fn refuses_what_is_not_empty_or_not_of_this_version(backend: Backend) {
    let source = TestDatabase::filled(Backend::Sqlite).await;

    let filled = TestDatabase::filled(backend).await;
    let before = filled.contents().await;
    assert!(refused(&copy(&source, &filled)).contains("there are rows in the target already"));
    filled.is_as(&before, "a refused copy").await;

    let bare = TestDatabase::empty(backend).await;
    // A file that is there and has no table.
    bare.execute("CREATE TABLE t (a integer); DROP TABLE t").await;
    let told = refused(&copy(&source, &bare));
    assert!(told.contains("the target lacks migrations (0001") && told.contains("rollcall migrate"), "{told}");
    assert!(refused(&copy(&bare, &source)).contains("the source lacks migrations (0001"));

    let newer = migrated(backend).await;
    newer.execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('9999')").await;
    assert!(
        refused(&copy(&source, &newer)).contains("the target has migrations that this program does not know (9999)")
    );
    assert!(
        refused(&copy(&newer, &source)).contains("the source has migrations that this program does not know (9999)")
    );
    is_empty(&counts(&newer).await);

    let empty = migrated(backend).await;
    assert!(refused(&copy(&empty, &empty)).contains("the same database"));
    let spelled = match empty.url.strip_prefix("sqlite:") {
        Some(path) => format!("sqlite:{}", path.replace("/test.db", "/./test.db")),
        None => format!("{}?application_name=copy", empty.url),
    };
    let variables = [DEVELOPMENT, ("DATABASE_URL", empty.url.as_str())];
    assert!(refused(&run(&["db", "copy", "--from", &spelled], &variables)).contains("the same database"));
    assert!(refused(&run(&["db", "copy"], &variables)).contains("the same database"));

    // Where one is not said it is the configured one.
    let output = run(&["db", "copy", "--from", &source.url], &variables);
    assert!(copied(&output)["students"].0 > 50);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_refuses_what_is_not_empty_or_not_of_this_version() {
    refuses_what_is_not_empty_or_not_of_this_version(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_refuses_what_is_not_empty_or_not_of_this_version() {
    refuses_what_is_not_empty_or_not_of_this_version(Backend::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_database_is_refused_and_no_password_is_told() {
    let source = TestDatabase::filled(Backend::Sqlite).await;
    let variables = [DEVELOPMENT, ("DATABASE_ACQUIRE_TIMEOUT_SECONDS", "1")];
    for url in [
        "mysql://root:hunter2@db/x",
        "postgres://root:hunter2@127.0.0.1:1/x",
        "postgres://root:hunter2@127.0.0.1:port/x",
    ] {
        let told = refused(&run(&["db", "copy", "--from", &source.url, "--to", url], &variables));
        assert!(!told.contains("hunter2"), "{told}");
    }
    let folder = tempfile::tempdir().unwrap();
    let absent = format!("sqlite:{}", folder.path().join("absent.db").display());
    assert!(
        refused(&run(&["db", "copy", "--from", &absent, "--to", &source.url], &variables))
            .contains("source is no file")
    );
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "looking makes none");
}

/// What may go wrong on the way, as a trigger that makes it and takes it away, and what the command says of it.
struct Mishap {
    sqlite: [&'static str; 2],
    postgres: [&'static str; 2],
    told: [&'static str; 2],
}

const MISHAPS: [Mishap; 3] = [
    Mishap {
        sqlite: [
            "CREATE TRIGGER mishap BEFORE INSERT ON subject_progress BEGIN SELECT RAISE(ABORT, 'not this one'); END",
            "DROP TRIGGER mishap",
        ],
        postgres: [
            "CREATE FUNCTION mishap() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not this one'; END $$; \
             CREATE TRIGGER mishap BEFORE INSERT ON subject_progress FOR EACH ROW EXECUTE FUNCTION mishap()",
            "DROP FUNCTION mishap CASCADE",
        ],
        told: ["subject_progress", "not this one"],
    },
    Mishap {
        sqlite: [
            "CREATE TRIGGER mishap AFTER INSERT ON notices BEGIN UPDATE notices SET title = title || '!' WHERE id = NEW.id; END",
            "DROP TRIGGER mishap",
        ],
        postgres: [
            "CREATE FUNCTION mishap() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.title := NEW.title || '!'; RETURN NEW; END $$; \
             CREATE TRIGGER mishap BEFORE INSERT ON notices FOR EACH ROW EXECUTE FUNCTION mishap()",
            "DROP FUNCTION mishap CASCADE",
        ],
        told: ["would not be the same", "in notices ("],
    },
    Mishap {
        sqlite: [
            "CREATE TRIGGER mishap AFTER INSERT ON batch_students BEGIN DELETE FROM batch_students WHERE rowid = NEW.rowid; END",
            "DROP TRIGGER mishap",
        ],
        postgres: [
            "CREATE FUNCTION mishap() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$; \
             CREATE TRIGGER mishap BEFORE INSERT ON batch_students FOR EACH ROW EXECUTE FUNCTION mishap()",
            "DROP FUNCTION mishap CASCADE",
        ],
        told: ["would not be the same", "in batch_students (0 rows"],
    },
];

async fn a_failure_leaves_nothing(backend: Backend) {
    let source = TestDatabase::filled(Backend::Sqlite).await;
    let target = migrated(backend).await;
    for Mishap { sqlite, postgres, told } in MISHAPS {
        let [make, unmake] = if backend == Backend::Sqlite { sqlite } else { postgres };
        target.execute(make).await;
        let refusal = refused(&copy(&source, &target));
        assert!(told.iter().all(|part| refusal.contains(part)), "{refusal}");
        is_empty(&counts(&target).await);
        target.execute(unmake).await;
    }
    copied(&copy(&source, &target));
    assert_eq!(counts(&target).await, counts(&source).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_leaves_nothing_on_sqlite() {
    a_failure_leaves_nothing(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_leaves_nothing_on_postgres() {
    a_failure_leaves_nothing(Backend::Postgres).await;
}

/// Begins to copy and dies, SIGKILL, when `students` has been written and something holds up what comes after.
async fn killed(source: &TestDatabase, target: &TestDatabase) {
    let arguments = ["db", "copy", "--from", &source.url, "--to", &target.url];
    let mut command = rollcall(&arguments, &[DEVELOPMENT, ("LOG_LEVEL", "info")]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let stderr = BufReader::new(child.stderr.take().unwrap());
    let running = Running(child);
    let written = tokio::task::spawn_blocking(move || {
        let mut lines = stderr.lines().map_while(Result::ok);
        lines.any(|line| line.contains("written") && line.contains("students"))
    });
    assert!(written.await.unwrap(), "it had begun");
    drop(running);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_is_killed_leaves_nothing_on_postgres() {
    let source = TestDatabase::filled(Backend::Sqlite).await;
    let target = migrated(Backend::Postgres).await;
    let held = target.hold("LOCK TABLE subject_progress IN EXCLUSIVE MODE").await;
    killed(&source, &target).await;
    is_empty(&counts(&target).await);
    drop(held);
    // What the dead process began may go on until the server finds out.
    let others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let gone = async {
        while target.numbers(others).await != [0] {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), gone).await.expect("the server finds out");
    is_empty(&counts(&target).await);
    copied(&copy(&source, &target));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_is_killed_leaves_nothing_on_sqlite() {
    let source = TestDatabase::filled(Backend::Sqlite).await;
    let target = migrated(Backend::Sqlite).await;
    target
        .execute(
            "CREATE VIEW endless AS WITH RECURSIVE n (x) AS (VALUES (1) UNION ALL SELECT x + 1 FROM n WHERE x < 1000000000000) \
             SELECT count(x) AS c FROM n; \
             CREATE TRIGGER endless BEFORE INSERT ON subject_progress BEGIN SELECT c FROM endless; END",
        )
        .await;
    killed(&source, &target).await;
    is_empty(&counts(&target).await);
    target.execute("DROP TRIGGER endless; DROP VIEW endless").await;
    copied(&copy(&source, &target));
}
