//! Connections that end in the middle: the client's, PostgreSQL's, and ways on which packets vanish.

use std::time::Duration;

use rollcall::demo::cast;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{
    Answer, Backend, Client, TestApp, http_client,
    making::small_batch,
    process::{comes, ready},
    proxy::Proxy,
};

const PUBLISH: &str =
    "mutation($input: PublishNoticeInput!) { publishNotice(input: $input) { notice { id } userErrors { code } } }";

/// A notice that is known by its title.
fn notice(title: &str, batch: &str) -> Value {
    json!({"input": {"title": title, "message": "Read this.", "audience": {"batchIds": [batch]}, "clientMutationId": title}})
}

async fn there(app: &TestApp, title: &str) -> i64 {
    app.number(&format!("SELECT COUNT(*) FROM notices WHERE title = '{title}'")).await
}

/// How many connections of the application's are in the middle of a statement, or of a transaction.
const UNDER_WAY: &str = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND state <> 'idle' \
                         AND pid <> pg_backend_pid()";
/// How many of them wait for a lock that somebody else holds.
const WAITING: &str =
    "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";

async fn waits(app: &TestApp) {
    comes(async || app.number(WAITING).await == 1).await;
}

fn publish(client: &Client, title: &str, batch: &str) -> tokio::task::JoinHandle<Option<Answer>> {
    let (client, input) = (client.clone(), notice(title, batch));
    tokio::spawn(async move { client.try_ask(PUBLISH, input).await })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_hangs_up_cuts_no_mutation_short() {
    let app = TestApp::start(Backend::Postgres).await;
    let (admin, batch) = (app.sign_in(cast::ADMIN).await, small_batch(&app).await);
    let held = app.database.hold("LOCK TABLE notices IN EXCLUSIVE MODE").await;
    let asked = publish(&admin, "hung up", &batch);
    waits(&app).await;
    asked.abort();
    assert!(asked.await.unwrap_err().is_cancelled(), "its connection is gone");
    drop(held);
    comes(async || there(&app, "hung up").await == 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mutation_that_takes_too_long_is_taken_back() {
    let app = TestApp::start(Backend::Postgres).await;
    let hasty = app.beside_with(|config| config.request_timeout = Duration::from_secs(1)).await;
    let (admin, batch) = (app.sign_in(cast::ADMIN).await, small_batch(&app).await);
    let held = app.database.hold("LOCK TABLE notices IN EXCLUSIVE MODE").await;
    let answer =
        Client::new(hasty.url("/graphql"), admin.token.clone()).ask_with(PUBLISH, notice("too long", &batch)).await;
    assert_eq!(answer.code(), "TIMEOUT");
    assert!(answer.errors[0]["message"].as_str().unwrap().contains("may or may not"), "{answer:?}");
    // The server is told to give it up, while the lock is held still: that alone is under way then.
    comes(async || app.number(UNDER_WAY).await == 1).await;
    drop(held);
    comes(async || app.number(UNDER_WAY).await == 0).await;
    assert_eq!(there(&app, "too long").await, 0);
    admin.ask_with(PUBLISH, notice("too long", &batch)).await.ok();
    assert_eq!(there(&app, "too long").await, 1, "and may be sent again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_the_server_ends_is_a_fault_that_passes() {
    let app = TestApp::start(Backend::Postgres).await;
    let (admin, batch) = (app.sign_in(cast::ADMIN).await, small_batch(&app).await);
    let held = app.database.hold("LOCK TABLE notices IN EXCLUSIVE MODE").await;
    let asked = publish(&admin, "ended", &batch);
    waits(&app).await;
    let ended = "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() \
                 AND wait_event_type = 'Lock'";
    assert_eq!(app.number(ended).await, 1);
    let answer = asked.await.unwrap().unwrap();
    assert_eq!(answer.code(), "UNAVAILABLE");
    drop(held);
    assert_eq!(there(&app, "ended").await, 0);
    admin.ask_with(PUBLISH, notice("ended", &batch)).await.ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_without_an_answer_is_said_to_be_one_and_is_not_done_twice() {
    let app = TestApp::start(Backend::Postgres).await;
    let proxy = Proxy::before(&app.database.url).await;
    let far = app.beside_with(|config| config.database_url = proxy.url().into()).await;
    let (admin, batch) = (far.sign_in(cast::ADMIN).await, small_batch(&app).await);
    // What is checked at the commit waits for a lock of the test's.
    for statement in [
        "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS \
         'BEGIN PERFORM pg_advisory_xact_lock(42); RETURN NULL; END'",
        "CREATE CONSTRAINT TRIGGER wait AFTER INSERT ON notices DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait()",
    ] {
        app.database.execute(statement).await;
    }
    let held = app.database.hold("SELECT pg_advisory_xact_lock(42)").await;
    let asked = publish(&admin, "committed", &batch);
    waits(&app).await;
    proxy.cut().await;
    let answer = asked.await.unwrap().unwrap();
    assert_eq!(answer.code(), "UNAVAILABLE");
    assert!(answer.errors[0]["message"].as_str().unwrap().contains("may or may not"), "{answer:?}");
    assert_eq!(there(&app, "committed").await, 0, "nobody knows yet");
    drop(held);
    comes(async || there(&app, "committed").await == 1).await;
    // By the same key it is known to be done.
    let again = admin.ask_with(PUBLISH, notice("committed", &batch)).await.ok();
    assert!(again.at("/publishNotice/notice/id").is_string());
    assert_eq!(there(&app, "committed").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_is_written_and_cannot_be_read_is_said_to_be_one() {
    let app = TestApp::start(Backend::Postgres).await;
    let proxy = Proxy::before(&app.database.url).await;
    let far = app.beside_with(|config| config.database_url = proxy.url().into()).await;
    let admin = far.sign_in(cast::ADMIN).await;
    // What is read of the new student alone.
    let held = app.database.hold("LOCK TABLE attendance_totals IN ACCESS EXCLUSIVE MODE").await;
    let input = json!({"name": "Ada Lane", "gender": "FEMALE", "birthDate": "2010-05-06",
        "parents": [{"name": "Mary Lane", "phone": "+977 980-000-0001"}]});
    let query = "mutation($input: AdmitStudentInput!) { admitStudent(input: $input) \
                 { student { id attendanceSummary { present } } userErrors { message } } }";
    let asked = tokio::spawn(async move { admin.ask_with(query, json!({"input": input})).await });
    waits(&app).await;
    assert_eq!(app.number("SELECT COUNT(*) FROM students WHERE name = 'Ada Lane'").await, 1);
    proxy.cut().await;
    let answer = asked.await.unwrap();
    assert_eq!(answer.code(), "UNAVAILABLE", "{answer:?}");
    assert!(answer.errors[0]["message"].as_str().unwrap().contains("may or may not"), "{answer:?}");
    drop(held);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_packets_vanish_nobody_waits_for_ever() {
    let app = TestApp::start(Backend::Postgres).await;
    let proxy = Proxy::before(&app.database.url).await;
    let far = app.beside_with(|config| {
        config.database_url = proxy.url().into();
        config.request_timeout = Duration::from_secs(1);
    });
    let far = far.await;
    let (admin, batch) = (app.sign_in(cast::ADMIN).await, small_batch(&app).await);
    let admin = Client::new(far.url("/graphql"), admin.token.clone());
    let health = async || ready(&far.url("/health/ready")).await.unwrap();
    assert_eq!(health().await.0, 200);
    proxy.block();
    let (status, body) = health().await;
    assert_eq!((status, &body["database"]), (503, &json!("down")));
    assert_eq!(ready(&far.url("/health/live")).await.unwrap().0, 200);
    let answer = far.anonymous().ask("{ institute { name } }").await;
    assert!(["TIMEOUT", "UNAVAILABLE"].contains(&answer.code()), "{answer:?}");
    // Nor to be recognised.
    let answer = admin.ask("{ institute { name } }").await;
    assert_eq!((answer.status, answer.code()), (503, "UNAVAILABLE"), "{answer:?}");
    proxy.open();
    comes(async || health().await.0 == 200).await;
    proxy.close().await;
    comes(async || health().await.0 == 503).await;
    proxy.open();
    comes(async || health().await.0 == 200).await;
    // By its key it may be sent as often as it takes.
    comes(async || admin.ask_with(PUBLISH, notice("vanished", &batch)).await.errors.is_empty()).await;
    assert_eq!(there(&app, "vanished").await, 1);
}

/// The only connection there may be is given to another client when who does not read is cut off.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_read_an_answer_is_cut_off() {
    let app = TestApp::start_with(Backend::Sqlite, |config| {
        config.max_connections = 1;
        config.header_timeout = Duration::from_millis(500);
    })
    .await;
    let asked = 40;
    let mut slow = TcpStream::connect(app.address).await.unwrap();
    let request = "GET /graphiql/graphiql.js HTTP/1.1\r\nhost: a\r\n\r\n";
    slow.write_all(request.repeat(asked).as_bytes()).await.unwrap();
    let mut first = [0; 12];
    slow.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    // It waits for the place.
    let live = http_client().get(app.url("/health/live")).send().await.unwrap();
    assert_eq!(live.status(), 200);
    let mut rest = Vec::new();
    let _ = slow.read_to_end(&mut rest).await;
    let answers = rest.windows(12).filter(|part| *part == b"HTTP/1.1 200").count() + 1;
    assert!(answers < asked, "all {asked} answers fit into the buffers of the two sides: nobody had to be cut off");
}
