//! Migrations where several processes apply them, where others are at work, and where the database is newer.

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader},
    process::{Child, ChildStderr, Stdio},
};

use serde_json::json;

use crate::{
    commands::{rollcall, run, text},
    support::{
        Backend, PASSWORD, PostgresServer, TestDatabase,
        process::{Server, comes},
    },
};

fn variables(database: &TestDatabase) -> [(&'static str, &str); 2] {
    [("ENVIRONMENT", "development"), ("DATABASE_URL", database.url.as_str())]
}

/// A process that migrates, and what it says on standard error.
fn migrate(database: &TestDatabase) -> (Child, BufReader<ChildStderr>) {
    let mut command = rollcall(&["migrate"], &variables(database));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let told = BufReader::new(child.stderr.take().unwrap());
    (child, told)
}

/// Reads on until it says this.
#[track_caller]
fn says(told: &mut impl BufRead, wanted: &str) {
    let mut before = String::new();
    loop {
        let from = before.len();
        assert!(told.read_line(&mut before).unwrap() > 0, "it ended without {wanted:?}: {before}");
        if before[from..].contains(wanted) {
            return;
        }
    }
}

/// The migrations that are named in an output, which says this of them.
fn names<'a>(output: &'a str, done: &'a str) -> impl Iterator<Item = String> + 'a {
    output.lines().filter_map(move |line| line.strip_prefix(done)?.strip_prefix(": ").map(str::to_owned))
}

async fn several_at_once_all_succeed(backend: Backend) {
    let database = TestDatabase::empty(backend).await;
    let pending = text(&run(&["migrate", "--status"], &variables(&database)).stdout);
    let pending: Vec<String> = names(&pending, "pending").collect();
    assert!(pending.len() > 10, "{pending:?}");
    let started: Vec<Child> = (0..5)
        .map(|_| {
            let mut command = rollcall(&["migrate"], &variables(&database));
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    let mut applied = Vec::new();
    for child in started {
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        applied.extend(names(&text(&output.stdout), "applied"));
    }
    applied.sort();
    assert_eq!(applied, pending, "each was applied, once");
    let again = text(&run(&["migrate"], &variables(&database)).stdout);
    assert_eq!(again, "nothing applied\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_at_once_all_succeed_on_sqlite() {
    several_at_once_all_succeed(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_at_once_all_succeed_on_postgres() {
    several_at_once_all_succeed(Backend::Postgres).await;
}

/// As DEPLOYMENT.md has it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_that_owns_no_table_serves() {
    let server = PostgresServer::start().await;
    let database = TestDatabase::over(server.url("postgres"));
    database.execute("CREATE ROLE rollcall_serves LOGIN").await;
    database.execute("CREATE DATABASE rollcall").await;
    let owner = TestDatabase::over(server.url("rollcall"));
    owner.execute("GRANT USAGE ON SCHEMA public TO rollcall_serves").await;
    let granted =
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO rollcall_serves";
    owner.execute(granted).await;
    for command in [&["migrate"][..], &["seed", "--students", "60", "--days", "5", "--password", PASSWORD]] {
        let done = run(command, &variables(&owner));
        assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    }
    let (_, place) = owner.url.split_once('@').unwrap();
    let less = format!("postgres://rollcall_serves@{place}");
    let variables: [(&str, String); 1] = [("WORKER", "true".to_owned())];
    let running = Server::on(&less, &variables).await;
    assert_eq!(running.ready().await.unwrap().0, 200);
    let admin = running.admin().await;
    let notice = json!({"title": "Holiday", "message": "No school.", "audience": {"everybody": true}});
    admin.done("publishNotice", notice, "notice { id }").await;
    comes(async || owner.numbers("SELECT count(*) FROM jobs WHERE state = 'DONE' AND kind = 'TELL'").await == [1])
        .await;
    let role = TestDatabase::over(less);
    assert!(role.try_execute("ALTER TABLE notices ADD COLUMN more text").await.is_err());
    assert!(role.try_execute("DROP TABLE notices").await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_migration_gives_way_to_who_is_at_work_and_others_wait_for_it() {
    let database = TestDatabase::empty(Backend::Postgres).await;
    // The name that the first migration wants is taken, for as long as nobody knows whether it stays so.
    let at_work = database.hold("CREATE TABLE accounts (id bigint)").await;
    let (first, mut told_first) = migrate(&database);
    says(&mut told_first, "what it changes is locked");
    let (second, mut told_second) = migrate(&database);
    says(&mut told_second, "another process migrates this database");
    // It neither gave up nor went past it.
    says(&mut told_first, "what it changes is locked");
    drop(at_work);
    let (first, second) = (first.wait_with_output().unwrap(), second.wait_with_output().unwrap());
    assert_eq!((first.status.code(), second.status.code()), (Some(0), Some(0)));
    let applied: BTreeSet<String> = names(&text(&first.stdout), "applied").collect();
    assert!(applied.len() > 10, "{applied:?}");
    assert_eq!(text(&second.stdout), "nothing applied\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn to_ask_what_is_pending_writes_nothing() {
    let database = TestDatabase::empty(Backend::Postgres).await;
    let pending = text(&run(&["migrate", "--status"], &variables(&database)).stdout);
    assert!(pending.starts_with("pending: 0001"), "{pending}");
    let tables = database.texts("SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'").await;
    assert_eq!(tables, Vec::<String>::new());
}

async fn a_newer_database_is_told_of(backend: Backend) {
    let database = TestDatabase::filled(backend).await;
    database.execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('9999')").await;
    for (arguments, nothing) in [(&["migrate"][..], "nothing applied"), (&["migrate", "--status"], "nothing pending")] {
        let output = run(arguments, &variables(&database));
        let told = text(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        assert!(
            told.starts_with(nothing) && told.contains("newer than this program") && told.contains("9999"),
            "{told}"
        );
    }
    // One that is both newer and older was made by another program than a newer one of this.
    database.execute("DELETE FROM __diesel_schema_migrations WHERE version = '0001'").await;
    let output = run(&["migrate"], &variables(&database));
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(told.contains("9999") && told.contains("0001_people"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_database_is_told_of_on_sqlite() {
    a_newer_database_is_told_of(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_database_is_told_of_on_postgres() {
    a_newer_database_is_told_of(Backend::Postgres).await;
}
