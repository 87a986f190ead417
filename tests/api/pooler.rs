//! What goes between this program and PostgreSQL: a pooler that gives each transaction whichever connection is free, and
//! connections that break or never come.

use std::{net::Ipv4Addr, time::Duration};

use futures_util::future::join_all;
use rollcall::{
    clock::Clock,
    db::{Connection, Db, PoolOptions, Pooling},
    demo::cast,
};
use secrecy::ExposeSecret;
use serde_json::json;
use tokio::net::TcpListener;
use tokio_postgres::{NoTls, SimpleQueryMessage};

use crate::{
    commands::{run, text},
    support::{Backend, PgBouncer, TestApp, TestDatabase, options, process::Worker},
};

#[derive(diesel::QueryableByName)]
struct Answer {
    #[diesel(sql_type = diesel::sql_types::Text)]
    answer: String,
}

/// What a query gives, which has one `answer`, on a connection as stores have it.
pub async fn asked(connection: &mut Connection<'_>, query: &str) -> String {
    use diesel_async::RunQueryDsl;
    let Connection::Pg(held) = connection else { panic!("it is of PostgreSQL") };
    let cx = held.start().await.unwrap();
    let answer: diesel::QueryResult<Answer> = diesel::sql_query(query).get_result(cx).await;
    held.end(answer).await.unwrap().answer
}

/// What is left on the one connection of a pooler, when nobody is in a transaction: the names of prepared statements, and
/// settings.
async fn left(url: &str) -> Vec<String> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    let driver = tokio::spawn(connection);
    let query = "SELECT name FROM pg_prepared_statements UNION ALL SELECT name || '=' || setting FROM pg_settings \
                 WHERE name IN ('statement_timeout', 'idle_in_transaction_session_timeout') AND setting <> reset_val \
                 UNION ALL SELECT locktype FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()";
    let answered = client.simple_query(query).await.unwrap();
    driver.abort();
    let rows = answered.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap().to_owned()),
        _ => None,
    });
    rows.collect()
}

async fn over(pooler: &PgBouncer, clock: Clock) -> TestApp {
    TestApp::start_at(Backend::Postgres, clock, |config| {
        config.database_url = pooler.over(config.database_url.expose_secret()).into();
        config.database_pooling = Pooling::Transaction;
    })
    .await
}

/// What a school does, by several at a time.
async fn a_school_goes_on_over(connections: usize) {
    let pooler = PgBouncer::start(connections);
    let app = over(&pooler, Clock::system()).await;
    let admin = app.sign_in(cast::ADMIN).await;
    let everybody = app.everybody().await;
    let (students, total) = admin.walk("students", "", "id name attendanceSummary { present }").await.unwrap();
    assert!(total > 100, "several pages are read: {total}");
    assert_eq!(students.len(), total);

    let makes = (0..8).map(|number| {
        let (admin, input) = (&admin, json!({"name": format!("Batch {number}"), "startDate": "2026-09-01"}));
        async move { admin.done("createBatch", input, "batch { id }").await }
    });
    let reads = everybody.iter().cycle().take(24).map(|(role, client)| async move {
        let read = "{ viewer { roles } students(first: 20) { totalCount edges { node { id batches { name } } } } }";
        let answer = client.ask(read).await;
        assert!(*role == "ANONYMOUS" || answer.at("/viewer/roles").is_array(), "{role}: {answer:?}");
    });
    let (made, _) = tokio::join!(join_all(makes), join_all(reads));
    assert_eq!(made.len(), 8);
    assert_eq!(app.number("SELECT count(*) FROM batches WHERE name LIKE 'Batch _'").await, 8);
    // What is refused leaves nothing behind: its transaction ends as well.
    let again = json!({"name": "Batch 1", "startDate": "2026-09-01"});
    assert_eq!(app.refused(&admin, "createBatch", again).await.len(), 1);

    let notice = json!({"title": "Holiday", "message": "No school on Tuesday.", "audience": {"everybody": true}});
    admin.done("publishNotice", notice.clone(), "notice { id }").await;
    assert!(app.work().await > 0, "the queue is worked off here");
    admin.done("publishNotice", notice, "notice { id }").await;
    // And by another process, which numbers its statements from the beginning as this one did.
    let over = app.config.database_url.expose_secret();
    let variables = [
        ("DATABASE_URL", over.to_owned()),
        ("DATABASE_POOLING", "transaction".to_owned()),
        ("SECRET_KEY", app.secret_key()),
        ("EVENT_DAYS", "3650".to_owned()),
    ];
    let worker = Worker::start(&app, &variables);
    while app.number("SELECT count(*) FROM jobs WHERE state = 'PENDING' AND kind = 'TELL'").await > 0 {
        admin.data("{ students(first: 5) { totalCount } }").await;
    }
    drop(worker);
    let told = "SELECT count(DISTINCT event_id) FROM notifications n JOIN events e ON e.id = n.event_id \
                WHERE e.kind = 'NOTICE_PUBLISHED' AND e.subject_id IN (SELECT id FROM notices WHERE title = 'Holiday')";
    assert_eq!(app.number(told).await, 2);
    if connections == 1 {
        assert_eq!(left(over).await, Vec::<String>::new());
    }
}

#[test]
fn a_school_goes_on_over_one_connection() {
    rollcall::app::runtime().unwrap().block_on(Box::pin(a_school_goes_on_over(1)));
}

#[test]
fn a_school_goes_on_over_a_few_connections() {
    rollcall::app::runtime().unwrap().block_on(Box::pin(a_school_goes_on_over(3)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_transaction_has_its_settings_and_leaves_none() {
    let (pooler, database) = (PgBouncer::start(1), TestDatabase::filled(Backend::Postgres).await);
    let url = pooler.over(&database.url);
    let options =
        PoolOptions { pooling: Pooling::Transaction, statement_timeout: Duration::from_secs(17), ..options() };
    let db = Db::open(&url, options).await.unwrap();
    let settings = "SELECT concat_ws(' ', current_setting('statement_timeout'), \
                    current_setting('idle_in_transaction_session_timeout'), current_setting('timezone')) AS answer";
    assert_eq!(asked(&mut db.read().await.unwrap(), settings).await, "17s 1min UTC");
    assert_eq!(left(&url).await, Vec::<String>::new());
    let mut begun = db.begin().await.unwrap();
    assert_eq!(asked(&mut begun, settings).await, "17s 1min UTC");
    let level = "SELECT current_setting('transaction_isolation') AS answer";
    assert_eq!(asked(&mut begun, level).await, "serializable", "it is the transaction that was begun");
    begun.commit().await.unwrap();
    assert_eq!(left(&url).await, Vec::<String>::new());
    let direct = Db::open(&database.url, PoolOptions { pooling: Pooling::Session, ..options }).await.unwrap();
    assert_eq!(asked(&mut direct.read().await.unwrap(), settings).await, "17s 1min UTC");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn migrations_go_past_a_pooler_of_transactions() {
    let (pooler, database) = (PgBouncer::start(1), TestDatabase::empty(Backend::Postgres).await);
    let url = pooler.over(&database.url);
    let through = [("ENVIRONMENT", "development"), ("DATABASE_URL", url.as_str()), ("DATABASE_POOLING", "transaction")];
    let pending = text(&run(&["migrate", "--status"], &through).stdout);
    assert!(pending.lines().count() > 10, "what is pending can be asked over it: {pending}");
    let refused = run(&["migrate"], &through);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("DATABASE_MIGRATION_URL"), "{}", text(&refused.stderr));
    let past = [&through[..], &[("DATABASE_MIGRATION_URL", database.url.as_str())]].concat();
    let applied = text(&run(&["migrate"], &past).stdout);
    assert_eq!(applied, pending.replace("pending", "applied"));
    assert_eq!(text(&run(&["migrate", "--status"], &through).stdout), "nothing pending\n");
    let seeded = run(&["seed", "--students", "60", "--days", "3", "--password", "for a test"], &past);
    assert!(seeded.status.success(), "{}", text(&seeded.stderr));
}

/// How many connections were found to have ended when somebody was to get them.
fn found_ended(db: &Db) -> u64 {
    db.pools().iter().map(|(_, pool)| pool.statistics.connections_closed_invalid).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_ended_while_it_was_idle_is_handed_out_to_nobody() {
    let database = TestDatabase::filled(Backend::Postgres).await;
    let db = Db::open(&database.url, PoolOptions { size: 1, ..options() }).await.unwrap();
    db.ping().await.unwrap();
    // That it ended is known here a moment after it did: where the question comes within it, it is ended once more.
    for _ in 0..50 {
        database
            .execute(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity \
                 WHERE datname = current_database() AND pid <> pg_backend_pid()",
            )
            .await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        let answered = db.ping().await;
        if found_ended(&db) > 0 {
            answered.unwrap();
            return;
        }
    }
    panic!("each was handed out");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_says_nothing_is_given_up() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let silent = tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            kept.push(stream);
        }
    });
    let url = format!("postgres://rollcall:hunter2@{address}/school");
    let opened = Db::open(&url, PoolOptions { acquire_timeout: Duration::from_secs(1), ..options() }).await;
    let told = opened.err().expect("nobody answers").report();
    assert!(told.contains("in time") && !told.contains("hunter2"), "{told}");
    silent.abort();
}
