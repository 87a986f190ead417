//! How a server ends: told to stop it loses nothing, killed it loses nothing that it said was done.

use std::time::Duration;

use rollcall::{clock::Clock, demo::cast};
use serde_json::json;

use crate::{
    commands::{run, text},
    queue::states,
    support::{
        Backend, Events, Said, Socket, TestApp, http_client,
        making::{Asked, Making, small_batch},
        process::{Server, Worker, comes},
    },
};

const NOTICES: &str = "subscription($after: String) { noticePublished(after: $after) { cursor notice { title } } }";
/// How many wait for a lock in this database.
const WAITING: &str =
    "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";

/// A server of its own process on the database of an application.
async fn beside(app: &TestApp, variables: &[(&str, &str)]) -> Server {
    let mut all = vec![("SECRET_KEY", app.secret_key())];
    all.extend(variables.iter().map(|(name, value)| (*name, (*value).to_owned())));
    Server::on(&app.database.url, &all).await
}

async fn what_is_under_way_is_answered(backend: Backend) {
    let app = TestApp::start(backend).await;
    let mut server = beside(&app, &[]).await;
    let making = Making::start(&Asked::notices(&server.admin().await, &small_batch(&app).await), 4);
    making.goes_on(20).await;
    server.terminate();
    let status = server.ended().await;
    assert!(status.success(), "{status}: {}", server.told());
    let report = making.stop().await;
    println!("ends ({backend}): {:?}", report.counts());
    let there = report.holds(&app.database).await;
    assert_eq!(there, report.done(), "who had it done was told so");
    assert!(report.counts().keys().all(|told| told == "done" || told == "no answer"), "{:?}", report.counts());
}

async fn what_was_done_outlives_a_kill(backend: Backend) {
    let app = TestApp::start(backend).await;
    let batch = small_batch(&app).await;
    for _ in 0..3 {
        let mut server = beside(&app, &[]).await;
        let making = Making::start(&Asked::notices(&server.admin().await, &batch), 4);
        making.goes_on(10).await;
        server.kill();
        let report = making.stop().await;
        let titles: Vec<String> = report.0.iter().map(|made| format!("'{}'", made.title)).collect();
        println!("ends ({backend}, killed): {:?}", report.counts());
        report.holds(&app.database).await;
        // Those of the next one are counted for themselves.
        let renamed = format!("UPDATE notices SET title = 'past ' || id WHERE title IN ({})", titles.join(", "));
        app.database.execute(&renamed).await;
    }
    let server = beside(&app, &[]).await;
    assert_eq!(server.ready().await.unwrap().0, 200, "whoever starts it anew needs to mend nothing");
    Making::start(&Asked::notices(&server.admin().await, &batch), 1).goes_on(3).await;
}

#[test]
fn what_is_under_way_is_answered_on_sqlite() {
    rollcall::app::runtime().unwrap().block_on(Box::pin(what_is_under_way_is_answered(Backend::Sqlite)));
}

#[test]
fn what_is_under_way_is_answered_on_postgres() {
    rollcall::app::runtime().unwrap().block_on(Box::pin(what_is_under_way_is_answered(Backend::Postgres)));
}

#[test]
fn what_was_done_outlives_a_kill_on_sqlite() {
    rollcall::app::runtime().unwrap().block_on(Box::pin(what_was_done_outlives_a_kill(Backend::Sqlite)));
}

#[test]
fn what_was_done_outlives_a_kill_on_postgres() {
    rollcall::app::runtime().unwrap().block_on(Box::pin(what_was_done_outlives_a_kill(Backend::Postgres)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_told_to_stop_says_so_before_and_who_is_told_twice_ends() {
    let app = TestApp::start(Backend::Postgres).await;
    let mut server = beside(&app, &[("SHUTDOWN_DELAY_SECONDS", "3600")]).await;
    let admin = server.admin().await;
    server.terminate();
    let stopping = json!({"status": "stopping", "database": "ok", "migrations": "ok", "redis": null});
    comes(async || server.ready().await == Some((503, stopping.clone()))).await;
    assert_eq!(http_client().get(server.url("/health/live")).send().await.unwrap().status(), 200);
    let input = json!({"title": "Late", "message": "Read this.", "audience": {"everybody": true}});
    admin.done("publishNotice", input, "").await;
    server.terminate();
    assert_eq!(server.ended().await.code(), Some(1), "it does not wait: {}", server.told());
}

/// The mutation waits for a lock, and its client has hung up: nobody but the server knows of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mutation_whose_client_is_gone_is_finished_before_the_end() {
    let app = TestApp::start(Backend::Postgres).await;
    let (mut server, batch) = (beside(&app, &[]).await, small_batch(&app).await);
    let admin = server.admin().await;
    let held = app.database.hold("LOCK TABLE notices IN EXCLUSIVE MODE").await;
    let input = json!({"title": "Last", "message": "Read this.", "audience": {"batchIds": [batch]}});
    let asked = tokio::spawn(async move { admin.change("publishNotice", &input, "").await });
    comes(async || app.number(WAITING).await == 1).await;
    asked.abort();
    let _ = asked.await;
    server.terminate();
    comes(async || server.ready().await.is_none()).await;
    drop(held);
    assert!(server.ended().await.success(), "{}", server.told());
    assert_eq!(app.number("SELECT COUNT(*) FROM notices WHERE title = 'Last'").await, 1);
}

/// Whoever listens is told that the server goes, and hears from another one what happened since.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_listens_is_told_to_go_elsewhere() {
    for backend in [Backend::Sqlite, Backend::Postgres] {
        let app = TestApp::start_at(backend, Clock::system(), |config| config.event_days = 3650).await;
        let often = [("LIVE_LOOK_SECONDS", "1"), ("EVENT_DAYS", "3650")];
        let (mut server, batch) = (beside(&app, &often).await, small_batch(&app).await);
        let admin = server.admin().await;
        let publish = async |title: &str| {
            let input = json!({"title": title, "message": "Read this.", "audience": {"batchIds": [batch]}});
            app.sign_in(cast::ADMIN).await.done("publishNotice", input, "").await;
            app.work().await;
        };
        let mut socket = Socket::at(server.address, &admin).await;
        socket.subscribe("live", NOTICES, json!({})).await;
        let mut events = Events::open_at(server.address, &admin, NOTICES, json!({})).await;
        let first = tokio::spawn(async move { (events.next().await, events) });
        // There is no word of it that a subscription listens: the first that it tells of says so.
        let mut number = 0;
        let mut heard = None;
        comes(async || {
            number += 1;
            publish(&format!("before {number}")).await;
            let said = socket.within(Duration::from_secs(2)).await;
            heard = heard.take().or(said);
            heard.is_some() && first.is_finished()
        })
        .await;
        let Some(Said::Message(message)) = heard else { panic!("{heard:?}") };
        let cursor = message["payload"]["data"]["noticePublished"]["cursor"].clone();
        assert!(cursor.is_string(), "{message}");
        let (event, events) = first.await.unwrap();
        assert!(event.unwrap()["data"]["noticePublished"]["cursor"].is_string());

        server.terminate();
        let closed = loop {
            match socket.next().await {
                Said::Message(message) => assert_eq!(message["type"], "next", "{message}"),
                Said::Closed(code) => break code,
            }
        };
        assert_eq!(closed, 1001, "it goes away (RFC 6455, 7.4.1)");
        assert!(!events.ends_complete().await, "it is not at its end");
        assert!(server.ended().await.success(), "{}", server.told());

        publish("meanwhile").await;
        let other = beside(&app, &often).await;
        let mut socket = Socket::at(other.address, &admin).await;
        socket.subscribe("live", NOTICES, json!({"after": cursor})).await;
        while socket.payload("next", "live").await["data"]["noticePublished"]["notice"]["title"] != "meanwhile" {}
    }
}

/// The job waits for a lock when its worker is told to stop.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_is_under_way_is_finished_before_the_end() {
    let app = TestApp::start(Backend::Postgres).await;
    let batch = small_batch(&app).await;
    let input = json!({"title": "Last", "message": "Read this.", "audience": {"batchIds": [batch]}});
    app.sign_in(cast::ADMIN).await.done("publishNotice", input, "").await;
    let held = app.database.hold("LOCK TABLE notifications IN EXCLUSIVE MODE").await;
    let variables = [("EVENT_DAYS", "3650".to_owned()), ("LOG_LEVEL", "info".to_owned())];
    let mut worker = Worker::start(&app, &[&variables[..], &[("SECRET_KEY", app.secret_key())]].concat());
    comes(async || app.number(WAITING).await >= 1).await;
    worker.terminate();
    comes(async || worker.told().contains("stopping")).await;
    drop(held);
    assert!(worker.ended().await.success(), "{}", worker.told());
    assert_eq!(states(&app, "tell").await, ["DONE 1"]);
    assert!(app.number("SELECT COUNT(*) FROM notifications").await > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_asks_whether_a_server_is_ready() {
    let app = TestApp::start(Backend::Sqlite).await;
    let mut server = beside(&app, &[("ADMIN_ADDR", "127.0.0.1:0")]).await;
    server.sign_in(cast::PARENT).await;
    let address = server.address.to_string();
    let asked = |arguments: &[&str], more: &[(&str, &str)]| {
        let variables = [("ENVIRONMENT", "development"), ("HTTP_PROXY", "http://127.0.0.1:1")];
        run(arguments, &[&variables, more].concat())
    };
    let output = asked(&["health"], &[("LISTEN_ADDR", &address)]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("\"status\":\"ok\""), "{}", text(&output.stdout));
    let everywhere = format!("0.0.0.0:{}", server.address.port());
    assert_eq!(
        asked(&["health"], &[("LISTEN_ADDR", &everywhere)]).status.code(),
        Some(0),
        "where it listens, it is here"
    );
    // The two addresses say the same of themselves.
    assert_eq!(asked(&["health", "--admin"], &[("ADMIN_ADDR", &address)]).status.code(), Some(0));
    assert_eq!(asked(&["health", "--admin"], &[]).status.code(), Some(1), "nobody says where");
    server.kill();
    assert_eq!(asked(&["health"], &[("LISTEN_ADDR", &address)]).status.code(), Some(1), "nobody answers");
    assert_eq!(asked(&["health"], &[("LISTEN_ADDR", "here")]).status.code(), Some(2));
}
