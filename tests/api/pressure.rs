//! More than can be answered: it is refused at once and soon, and what is under way goes on.

use std::time::Duration;

use reqwest::StatusCode;
use rollcall::{demo::cast, metrics::Metrics};
use serde_json::{Value, json};

use crate::{
    engine::until,
    support::{Answer, Backend, Client, Socket, TestApp, http_client},
};

const INSTITUTE: &str = "{ institute { name } }";
const LOCK: &str = "LOCK TABLE institute IN ACCESS EXCLUSIVE MODE";

/// Asks without waiting for the answer.
fn asks(client: &Client) -> tokio::task::JoinHandle<Answer> {
    let client = client.clone();
    tokio::spawn(async move { client.ask(INSTITUTE).await })
}

async fn until_waiting(app: &TestApp, count: i64) {
    let waiting =
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
    until("they wait for the table", async || app.database.numbers(waiting).await == [count]).await;
}

/// Status, `Retry-After`, and the body.
async fn ask(app: &TestApp, client: &Client, accept: &str) -> (StatusCode, Option<String>, Value) {
    let request = http_client().post(app.url("/graphql")).header("accept", accept);
    let request = request.json(&json!({"query": INSTITUTE}));
    let request = match &client.token {
        Some(token) => request.bearer_auth(token),
        None => request,
    };
    let response = request.send().await.unwrap();
    let header = response.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
    (response.status(), header, response.json().await.unwrap())
}

#[track_caller]
fn is_unavailable((status, retry_after, body): &(StatusCode, Option<String>, Value)) {
    assert_eq!((*status, retry_after.as_deref()), (StatusCode::SERVICE_UNAVAILABLE, Some("1")), "{body}");
    assert_eq!(body["errors"].as_array().unwrap().len(), 1, "{body}");
    assert_eq!(body["errors"][0]["extensions"]["code"], "UNAVAILABLE", "{body}");
    assert!(body["errors"][0].get("path").is_none() && body.get("data").is_none(), "nothing was executed: {body}");
}

async fn figures(app: &TestApp) -> String {
    Metrics::text(app.api.services()).await.unwrap_or_else(|error| panic!("{}", error.report()))
}

async fn so_many_are_worked_on() {
    let app = TestApp::start_with(Backend::Postgres, |config| config.max_in_flight = 2).await;
    let (admin, nobody) = (app.sign_in(cast::ADMIN).await, app.anonymous());
    let held = app.database.hold(LOCK).await;
    let under_way = [asks(&nobody), asks(&admin)];
    until_waiting(&app, 2).await;
    for client in [&nobody, &admin] {
        for accept in ["application/json", "application/graphql-response+json"] {
            is_unavailable(&ask(&app, client, accept).await);
        }
    }
    for path in ["/health/live", "/health/ready"] {
        assert_eq!(http_client().get(app.url(path)).send().await.unwrap().status(), 200, "{path}");
    }
    let text = figures(&app).await;
    for line in ["rollcall_overloaded_total 4", "rollcall_in_flight 2"] {
        assert!(text.lines().any(|found| found == line), "{line} in {text}");
    }
    drop(held);
    for answer in under_way {
        answer.await.unwrap().ok();
    }
    until("their places are free", async || figures(&app).await.contains("\nrollcall_in_flight 0\n")).await;
    nobody.data(INSTITUTE).await;
}

#[test]
fn beyond_so_many_at_a_time_requests_are_refused_and_health_is_not() {
    rollcall::app::runtime().unwrap().block_on(Box::pin(so_many_are_worked_on()));
}

async fn what_comes_over_a_socket_counts() {
    let app = TestApp::start_with(Backend::Postgres, |config| config.max_in_flight = 1).await;
    let admin = app.sign_in(cast::ADMIN).await;
    let mut socket = Socket::of(&app, &admin).await;
    let held = app.database.hold(LOCK).await;
    socket.subscribe("waits", INSTITUTE, json!({})).await;
    until_waiting(&app, 1).await;
    socket.subscribe("refused", INSTITUTE, json!({})).await;
    assert_eq!(socket.refusal("refused").await, "UNAVAILABLE");
    is_unavailable(&ask(&app, &admin, "application/json").await);
    drop(held);
    assert!(socket.payload("next", "waits").await["data"]["institute"]["name"].is_string());
}

#[test]
fn what_is_asked_over_a_socket_counts_as_well() {
    rollcall::app::runtime().unwrap().block_on(Box::pin(what_comes_over_a_socket_counts()));
}

/// More is asked for, all the time, than the one connection answers within the time that health gives it.
async fn all_connections_are_busy() {
    let app = TestApp::start_with(Backend::Postgres, |config| {
        config.database_pool_size = 1;
        config.database_acquire_timeout = Duration::from_mins(1);
    });
    let app = app.await;
    app.database.execute("ALTER TABLE institute RENAME TO kept").await;
    app.database.execute("CREATE VIEW institute AS SELECT kept.* FROM kept, pg_sleep(0.1)").await;
    let nobody = app.anonymous();
    let asked: Vec<_> = (0..60).map(|_| asks(&nobody)).collect();
    let ready = http_client().get(app.url("/health/ready")).send().await.unwrap();
    let busy = asked.iter().filter(|asked| !asked.is_finished()).count();
    assert!(busy > 10, "{busy} of them wait still");
    assert_eq!(ready.status(), 200, "it answers others");
    for answer in asked {
        answer.await.unwrap().ok();
    }
}

#[test]
fn who_is_busy_is_ready() {
    rollcall::app::runtime().unwrap().block_on(Box::pin(all_connections_are_busy()));
}

async fn no_connection_is_free() {
    let app = TestApp::start_with(Backend::Postgres, |config| {
        config.database_pool_size = 1;
        config.database_acquire_timeout = Duration::from_secs(1);
    })
    .await;
    let (admin, nobody) = (app.sign_in(cast::ADMIN).await, app.anonymous());
    let held = app.database.hold(LOCK).await;
    let under_way = asks(&nobody);
    until_waiting(&app, 1).await;
    // Who is signed in is not known then, and of nobody's query there is nothing.
    is_unavailable(&ask(&app, &admin, "application/json").await);
    is_unavailable(&ask(&app, &nobody, "application/json").await);
    drop(held);
    under_way.await.unwrap().ok();
    for client in [&admin, &nobody] {
        client.data(INSTITUTE).await;
    }
}

#[test]
fn who_waits_for_a_connection_in_vain_is_told_to_come_again() {
    rollcall::app::runtime().unwrap().block_on(Box::pin(no_connection_is_free()));
}
