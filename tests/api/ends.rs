//! How a server ends: told to stop it loses nothing, killed it loses nothing that it said was done.

use rollcall::demo::cast;
use serde_json::json;

use crate::{
    commands::{run, text},
    support::{
        Backend, TestApp, http_client,
        making::{Making, small_batch},
        process::{Server, comes},
    },
};

/// A server of its own process on the database of an application.
async fn beside(app: &TestApp, variables: &[(&str, &str)]) -> Server {
    let mut all = vec![("SECRET_KEY", app.secret_key())];
    all.extend(variables.iter().map(|(name, value)| (*name, (*value).to_owned())));
    Server::on(&app.database.url, &all).await
}

async fn what_is_under_way_is_answered(backend: Backend) {
    let app = TestApp::start(backend).await;
    let mut server = beside(&app, &[]).await;
    let making = Making::start(&server.admin().await, &small_batch(&app).await, 4);
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
        let making = Making::start(&server.admin().await, &batch, 4);
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
    Making::start(&server.admin().await, &batch, 1).goes_on(3).await;
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
    let waiting =
        "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    comes(async || app.number(waiting).await == 1).await;
    asked.abort();
    let _ = asked.await;
    server.terminate();
    comes(async || server.ready().await.is_none()).await;
    drop(held);
    assert!(server.ended().await.success(), "{}", server.told());
    assert_eq!(app.number("SELECT COUNT(*) FROM notices WHERE title = 'Last'").await, 1);
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
